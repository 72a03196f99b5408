"""Memory: what an MNIST step holds at its peak beside handwritten NumPy, and the peak of a whole training.

`python -m benchmarks.memory SIDE` trains 784-128-10 for an epoch of MNIST and prints the peak of its process in MB.
"""

import re
import resource
import subprocess
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import handwritten, two_layers
from benchmarks.measure import BY_HAND, COMPILED, EAGER, Case, Claim

NAME, ACTIVATION, HIDDEN, BATCH = STEP = "mnist", "relu", 128, 64
MEGABYTE = 1e6


def peak_of_step(maker):
    """The most that NumPy and Python hold during a step, images and weights included."""
    make = getattr(two_layers, maker)
    make(*STEP)()  # what is imported and loaded once is not counted
    tracemalloc.start()
    step = make(*STEP)

    def peak():
        tracemalloc.reset_peak()
        step()
        return tracemalloc.get_traced_memory()[1] / MEGABYTE

    return peak


def beyond(maker):
    """The most that is held beyond the images, the labels and the weights."""
    x, labels, parameters = two_layers.start(NAME, HIDDEN, BATCH)
    given, peak = sum(array.nbytes for array in (x, labels, *parameters)) / MEGABYTE, peak_of_step(maker)
    return lambda: peak() - given


def training(side):
    """The peak of a process that trains."""
    if side == "pytorch":
        import torch  # noqa: F401

    def peak():
        command = [sys.executable, "-m", "benchmarks.memory", side]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)

    return peak


def train(side):
    """One epoch."""
    {"by_hand": train_by_hand, "pytorch": train_pytorch}.get(side, train_ours)(side)


def train_ours(side):
    from tinygrad_edu import datasets, nn

    digits = datasets.mnist()
    model = nn.Sequential(nn.Dense(784, HIDDEN, ACTIVATION, seed=0), nn.Dense(HIDDEN, 10, seed=1))
    options = {"compiled": True} if side == "compiled" else {}
    model.fit(*digits[:2], loss="cross_entropy", batch_size=BATCH, seed=0, verbose=False, **options)
    model.evaluate(*digits[2:], loss="cross_entropy")


def train_by_hand(_):
    from tinygrad_edu import datasets

    images, labels, _, _ = datasets.mnist()
    parameters = two_layers.weights(784, HIDDEN, 10)
    for rows in np.array_split(np.random.default_rng(0).permutation(len(images)), len(images) // BATCH):
        _, gradients = handwritten.mnist_gradients(images[rows], labels[rows], *parameters)
        handwritten.descend(parameters, gradients, 0.01)


def train_pytorch(_):
    import torch

    from tinygrad_edu import datasets

    images, labels = map(torch.from_numpy, datasets.mnist()[:2])
    layers = torch.nn.Linear(784, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10)
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for rows in torch.randperm(len(images)).split(BATCH):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimizer.step()


def peak_of_process():
    """The most that this process has had in memory, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there includes the process before
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) * 1024 / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MEGABYTE if sys.platform == "darwin" else 1e3)


def compared(title, measure):
    """Eager and compiled beside handwritten."""
    sides = {EAGER: "eager", COMPILED: "compiled", BY_HAND: "by_hand"}
    return Case(
        title, {side: partial(measure, maker) for side, maker in sides.items()},
        [Claim(EAGER, 1.3, BY_HAND), Claim(COMPILED, 1.3, BY_HAND)], unit="MB",
    )  # fmt: skip


TRAINED = {EAGER: "eager", COMPILED: "compiled", BY_HAND: "by_hand", "PyTorch": "pytorch"}
CASES = [
    compared("Peak memory of an MNIST step, 784-128-10, batch 64", peak_of_step),
    compared("Peak memory of the same step beyond its images, labels and weights", beyond),
    Case(
        "Peak memory of training on MNIST, of the whole process",
        {side: partial(training, name) for side, name in TRAINED.items()},
        [Claim(EAGER, 400), Claim(COMPILED, 400)],
        note="784-128-10, an epoch in batches of 64. The 60,000 images alone are 188 MB, in float32.",
        unit="MB", losses=1, rounds=7,
    ),
]  # fmt: skip

if __name__ == "__main__":
    train(sys.argv[1])
    print(peak_of_process())
