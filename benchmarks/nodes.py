"""Graphs of single numbers: the time of a node, recorded and swept, does not depend on how many there are."""

import time
from functools import partial

from benchmarks.measure import COMPILED, EAGER, Case, Claim

SIZES = (1_000, 10_000, 100_000, 1_000_000)
NODES = 1_000_000


def tree(leaves):
    """One number from many, two at a time: products, then sums, and so on, which keeps 0.5 from growing."""
    multiply = True
    while len(leaves) > 1:
        pairs = zip(leaves[::2], leaves[1::2], strict=False)
        rest = leaves[len(leaves) // 2 * 2 :]
        leaves = [a * b for a, b in pairs] + rest if multiply else [a + b for a, b in pairs] + rest
        multiply = not multiply
    return leaves[0]


def chain(x, nodes):
    """One operation after another."""
    for _ in range(nodes // 2):
        x = x * 0.5 + 1.0
    return x


def forward_and_backward(make, nodes):
    """Record a tree of so many operations and sweep it, with the leaves that `make` makes of numbers."""
    leaves = [make(0.5) for _ in range(nodes + 1)]

    def step():
        y = tree(leaves)
        y.backward()

    return step


def eager(nodes):
    from tinygrad_edu import Value

    return forward_and_backward(Value, nodes)


def compiled(nodes):
    import tinygrad_edu as tg
    from tinygrad_edu import Value

    leaves = [Value(0.5) for _ in range(nodes + 1)]
    program = tg.compile(lambda: tree(leaves), parameters=leaves)

    def step():
        program()

    return step


def micrograd(nodes):
    from micrograd.engine import Value

    return forward_and_backward(Value, nodes)


def pytorch(nodes):
    import torch

    torch.set_num_threads(1)  # of which single numbers use no more
    return forward_and_backward(lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True), nodes)


def mygrad(nodes):
    import mygrad

    return forward_and_backward(mygrad.tensor, nodes)


def hips(nodes):
    """Its gradient of a list takes time that grows with the square of the length."""
    from autograd import grad

    gradient, leaves = grad(tree), [0.5] * (nodes + 1)

    def step():
        gradient(leaves)

    return step


def each(shape, nodes):
    """The seconds of a node of a chain or a tree."""
    from tinygrad_edu import Value

    start = [Value(0.5) for _ in range(nodes + 1 if shape == "tree" else 1)]

    def step():
        times, begin = max(1, 100_000 // nodes), time.perf_counter()
        for _ in range(times):
            y = chain(start[0], nodes) if shape == "chain" else tree(start)
            y.backward()
        return (time.perf_counter() - begin) / times / nodes

    return step


def stage(name):
    """The seconds of one stage in the life of a chain."""
    from tinygrad_edu import Value

    def step():
        y = chain(Value(1.0), NODES) if name != "record" else None
        if name == "drop":
            y.backward()
        begin = time.perf_counter()
        if name == "record":
            y = chain(Value(1.0), NODES)
        elif name == "backward":
            y.backward()
        else:
            del y
        return time.perf_counter() - begin

    return step


def diamonds():
    """The seconds of a backward pass through y = y + y, sixty times: 2⁶⁰ paths, but sixty nodes."""
    from tinygrad_edu import Value

    def step():
        x = y = Value(1.0)
        for _ in range(60):
            y = y + y
        begin = time.perf_counter()
        y.backward()
        taken = time.perf_counter() - begin
        if x.grad != 2.0**60:
            raise SystemExit(f"The gradient is {x.grad}, not 2⁶⁰.")
        return taken

    return step


MAKERS = {
    EAGER: (eager, 1_000_000), COMPILED: (compiled, 10_000), "micrograd": (micrograd, 100_000),
    "PyTorch": (pytorch, 100_000), "MyGrad": (mygrad, 10_000), "HIPS autograd": (hips, 1_000),
}  # fmt: skip


def sides(nodes):
    """Those that can do so many in a reasonable time."""
    return {side: partial(make, nodes) for side, (make, most) in MAKERS.items() if nodes <= most}


def flat(shape):
    """Each size as a side, so that they take turns, too."""
    names = [f"{nodes:,} nodes" for nodes in SIZES]
    return Case(
        f"Time of a node in a {shape}, recorded and swept",
        {name: partial(each, shape, nodes) for name, nodes in zip(names, SIZES, strict=True)},
        [Claim(name, 1.5, names[0]) for name in names[1:]],
        unit="seconds", losses=1,
    )  # fmt: skip


CASES = [
    flat("chain"),
    flat("tree"),
    Case(
        f"A chain of {NODES:,} nodes, with no recursion",
        {name: partial(stage, name) for name in ("record", "backward", "drop")},
        [Claim("backward", 3.0)], unit="seconds", losses=1,
    ),
    Case("y = y + y, sixty times", {"backward": diamonds}, unit="seconds"),
]  # fmt: skip
