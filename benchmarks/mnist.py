"""One training step on MNIST: 784-128-10 on 64 images, and 784-512-10 on 256, SGD."""

from benchmarks.measure import BY_HAND, COMPILED, EAGER, Case, Claim
from benchmarks.two_layers import sides

CASES = [
    Case(
        "MNIST 784-128-10, batch 64, SGD step",
        sides("mnist", "relu", 128, 64),
        [
            Claim(EAGER, 0.8, "PyTorch"),
            Claim(COMPILED, 0.7, "PyTorch"),
            Claim(EAGER, 1.15, BY_HAND),
            Claim(COMPILED, 1.0, BY_HAND),
        ],
        note="The matrix products alone are the five of the step by NumPy, into memory that is there already.",
    ),
    Case(
        "MNIST 784-512-10, batch 256, SGD step",
        sides("mnist", "relu", 512, 256),
        [Claim(EAGER, 1.0, "PyTorch"), Claim(COMPILED, 0.9, "PyTorch"), Claim(COMPILED, 1.5, "JAX, jit")],
        note="JAX waits for the loss of each step, as the others do; its weights are donated, so changed in place.",
    ),
]
