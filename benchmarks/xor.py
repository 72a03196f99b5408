"""One training step of XOR: 2-8-2, batch of 4, SGD."""

from benchmarks.measure import BY_HAND, COMPILED, EAGER, Case, Claim
from benchmarks.two_layers import sides

CASES = [
    Case(
        "XOR 2-8-2 with tanh, batch 4, SGD step",
        sides("xor", "tanh", 8, 4),
        [
            Claim(EAGER, 0.45, "PyTorch"),
            Claim(COMPILED, 0.30, "PyTorch"),
            Claim(EAGER, 1.8, BY_HAND),
            Claim(COMPILED, 1.1, BY_HAND),
        ],
    ),
    Case("XOR 2-8-2 with relu, batch 4, SGD step", sides("xor", "relu", 8, 4), [Claim(EAGER, 0.5, "PyTorch")]),
]
