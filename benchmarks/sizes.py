"""Time against size: graphs of 10 to 1,000,000 numbers, 8 to 2,048 hidden units, batches of 1 to 4,096 images."""

from benchmarks import nodes, two_layers
from benchmarks.measure import Case

NODES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
HIDDEN = (8, 32, 128, 512, 2048)
BATCHES = (1, 4, 16, 64, 256, 1024, 4096)


def network(hidden, batch):
    """A step of 784-hidden-10."""
    return Case(
        f"784-{hidden}-10, batch {batch}", two_layers.sides("mnist", "relu", hidden, batch), rounds=7, block=0.1
    )


# what is plotted: its picture's title, what the axis says, the case of each size
SWEEPS = {
    "nodes": (
        "A tree of numbers: time of a node", "nodes",
        {n: Case(f"{n:,} nodes", nodes.sides(n), rounds=7, losses=1, block=0.1) for n in NODES},
    ),
    "hidden": (
        "784-hidden-10, batch 64: SGD step", "hidden units",
        {n: network(n, 64) for n in HIDDEN},
    ),
    "batch": (
        "784-128-10: SGD step", "batch",
        {n: network(128, n) for n in BATCHES},
    ),
}  # fmt: skip
CASES = [*{case.title: case for _, _, cases in SWEEPS.values() for case in cases.values()}.values()]  # one is in two
