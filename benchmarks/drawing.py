"""100 SVGs of a graph of 15 nodes by each program that is here, and graphs of 10,000 nodes folded and drawn."""

import subprocess
from functools import partial

from benchmarks.measure import Case, Claim, MissingError

PICTURES, NODES = 100, 10_000
PROGRAMS = ("dot", "graphviz-pure")


def neuron():
    """Ten values and five operations, after a pass."""
    import tinygrad_edu as tg
    from tinygrad_edu import Value

    inputs = Value(2.0, "x1", requires_grad=False) * Value(-3.0, "w1"), Value(0.0, "x2") * Value(1.0, "w2")
    out = tg.tanh(inputs[0] + inputs[1] + Value(6.88, "b"))
    out.backward()
    return out


def chain(nodes):
    """Neurons of one input in a row, each with the weights of the one before."""
    import tinygrad_edu as tg
    from tinygrad_edu import Value

    x, w, b = Value(0.5, "x"), Value(0.9, "w"), Value(0.1, "b")
    for _ in range(nodes // 3):
        x = tg.tanh(x * w + b)
    x.backward()
    return x


def dense(nodes):
    """Layers of ten neurons, each with weights of its own, number by number."""
    import tinygrad_edu as tg
    from tinygrad_edu import Value

    row, made = [Value(0.1 * i, f"x{i}", requires_grad=False) for i in range(10)], 0
    while made < nodes:
        row = [tg.tanh(sum((x * Value(0.01 * (i - j)) for i, x in enumerate(row)), Value(0.0))) for j in range(10)]
        made += 10 * 21
    loss = sum(row[1:], row[0])
    loss.backward()
    return loss


def only(name):
    """Let the drawings be made by one program alone; its path."""
    from tinygrad_edu.drawing import render

    here = [program for program in render.programs() if program.endswith(name)]
    if not here:
        raise MissingError(f"there is no {name}")
    render.programs = lambda: here
    return here[0]


def pictures(name):
    import tinygrad_edu as tg

    only(name)
    out = neuron()

    def step():
        for _ in range(PICTURES):
            tg.draw(out).svg()

    return step


def start(name):
    """To start a program and let it draw one node."""
    command = [only(name), "-Tsvg"]

    def step():
        subprocess.run(command, input=b"digraph { a }", capture_output=True, check=True)

    return step


def folded(name, shape):
    import tinygrad_edu as tg

    only(name)
    loss = {"chain": chain, "dense": dense}[shape](NODES)

    def step():
        tg.draw(loss).svg()

    return step


def case(name):
    """The claims about one program."""
    many, large = f"{PICTURES} SVGs of 15 nodes", f"a {{}} graph of {NODES:,} nodes, folded"
    chained, densely = large.format("long"), large.format("dense")
    return Case(
        f"To draw, by {name}",
        {
            many: partial(pictures, name), "its bare start": partial(start, name),
            chained: partial(folded, name, "chain"), densely: partial(folded, name, "dense"),
        },
        [Claim(many, 2.0), Claim(chained, 5.0), Claim(densely, 5.0)], losses=1, rounds=7,
    )  # fmt: skip


CASES = [case(name) for name in PROGRAMS]
