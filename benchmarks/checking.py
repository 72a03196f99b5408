"""Gradient checks of the XOR model and of an MNIST step; the first beside PyTorch's gradcheck, in turns.

python -m benchmarks.checking
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn

ROUNDS = 7


def xor_check() -> None:
    """Every one of the 42 parameters of 2-8-2, batch 4."""
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, 8, "tanh", seed=0), nn.Dense(8, 2, seed=1))
    assert tg.check_gradients(model, x, y, loss=nn.cross_entropy).passed


def mnist_check() -> None:
    """784-32-10, batch 8: a sample of the elements, and directions."""
    x, y = (part[:8] for part in datasets.mnist()[:2])
    model = nn.Sequential(nn.Dense(784, 32, "relu", seed=0), nn.Dense(32, 10, seed=1))
    assert tg.check_gradients(model, x, y, loss=nn.cross_entropy).passed


def pytorch_xor_check() -> Callable[[], None] | None:
    """The same parameters under torch.autograd.gradcheck, or None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    x, y = datasets.xor()
    x, y = torch.tensor(x, dtype=torch.float64), torch.tensor(y)
    random = torch.Generator().manual_seed(0)
    shapes = ((2, 8), (8,), (8, 2), (2,))
    parameters = [torch.randn(shape, generator=random, dtype=torch.float64, requires_grad=True) for shape in shapes]

    def loss(w, b, v, c):
        return torch.nn.functional.cross_entropy(torch.tanh(x @ w + b) @ v + c, y)

    def check() -> None:
        assert torch.autograd.gradcheck(loss, parameters)

    return check


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


if __name__ == "__main__":
    np.seterr(all="ignore")
    datasets.mnist()
    theirs, ours, peers, large = pytorch_xor_check(), [], [], []
    for _ in range(ROUNDS):
        ours.append(seconds(xor_check))
        large.append(seconds(mnist_check))
        if theirs:
            peers.append(seconds(theirs))
    print(f"the XOR model, 42 parameters: {median(ours):.3f} s (claimed at most 0.2)")
    print(f"an MNIST step, 784-32-10, batch 8, sampled: {median(large):.3f} s (claimed at most 3)")
    print(f"beside PyTorch's gradcheck: {median(ours) / median(peers):.2f}" if peers else "PyTorch is not installed.")
