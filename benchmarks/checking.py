"""Gradient checks of the XOR model and of an MNIST step; the first beside PyTorch's gradcheck."""

import numpy as np

from benchmarks.measure import Case, Claim

XOR, MNIST, PYTORCH = "the XOR model, all 42 parameters", "784-32-10, batch 8, a sample", "PyTorch, the XOR model"


def xor():
    """Every one of the 42 parameters of 2-8-2, batch 4."""
    import tinygrad_edu as tg
    from tinygrad_edu import datasets, nn

    np.seterr(all="ignore")
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, 8, "tanh", seed=0), nn.Dense(8, 2, seed=1))

    def check():
        assert tg.check_gradients(model, x, y, loss=nn.cross_entropy).passed

    return check


def mnist():
    """A sample of the elements, and directions."""
    import tinygrad_edu as tg
    from tinygrad_edu import datasets, nn

    np.seterr(all="ignore")
    x, y = (part[:8] for part in datasets.mnist()[:2])
    model = nn.Sequential(nn.Dense(784, 32, "relu", seed=0), nn.Dense(32, 10, seed=1))

    def check():
        assert tg.check_gradients(model, x, y, loss=nn.cross_entropy).passed

    return check


def pytorch():
    """The same parameters under torch.autograd.gradcheck."""
    import torch

    from tinygrad_edu import datasets

    x, y = datasets.xor()
    x, y = torch.tensor(x, dtype=torch.float64), torch.tensor(y)
    random = torch.Generator().manual_seed(0)
    shapes = ((2, 8), (8,), (8, 2), (2,))
    parameters = [torch.randn(shape, generator=random, dtype=torch.float64, requires_grad=True) for shape in shapes]

    def loss(w, b, v, c):
        return torch.nn.functional.cross_entropy(torch.tanh(x @ w + b) @ v + c, y)

    def check():
        assert torch.autograd.gradcheck(loss, parameters)

    return check


CASES = [
    Case(
        "To check all gradients of a model", {XOR: xor, MNIST: mnist, PYTORCH: pytorch},
        [Claim(XOR, 0.2), Claim(MNIST, 3.0)], losses=1,
    )
]  # fmt: skip
