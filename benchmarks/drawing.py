"""100 SVGs of a graph of 15 nodes by each program that is here, and graphs of 10,000 nodes folded and drawn.

python -m benchmarks.drawing
"""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import tinygrad_edu as tg
from tinygrad_edu import Value
from tinygrad_edu.drawing import render

PICTURES, NODES, ROUNDS = 100, 10_000, 5


def neuron() -> Value:
    """Ten values and five operations, after a pass."""
    inputs = Value(2.0, "x1", requires_grad=False) * Value(-3.0, "w1"), Value(0.0, "x2") * Value(1.0, "w2")
    out = tg.tanh(inputs[0] + inputs[1] + Value(6.88, "b"))
    out.backward()
    return out


def chain(nodes: int) -> Value:
    """Neurons of one input in a row, each with the weights of the one before."""
    x, w, b = Value(0.5, "x"), Value(0.9, "w"), Value(0.1, "b")
    for _ in range(nodes // 3):
        x = tg.tanh(x * w + b)
    x.backward()
    return x


def dense(nodes: int) -> Value:
    """Layers of ten neurons, each with weights of its own, number by number."""
    row, made = [Value(0.1 * i, f"x{i}", requires_grad=False) for i in range(10)], 0
    while made < nodes:
        row = [tg.tanh(sum((x * Value(0.01 * (i - j)) for i, x in enumerate(row)), Value(0.0))) for j in range(10)]
        made += 10 * 21
    loss = sum(row[1:], row[0])
    loss.backward()
    return loss


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def start(program: str) -> float:
    """To start a program and let it draw one node."""
    return seconds(lambda: subprocess.run([program, "-Tsvg"], input=b"digraph { a }", capture_output=True, check=True))


def pictures(out: Value) -> None:
    for _ in range(PICTURES):
        tg.draw(out).svg()


if __name__ == "__main__":
    here, out = render.programs(), neuron()
    for program in here:
        render.programs = lambda program=program: [program]  # type: ignore[assignment]
        pairs = [(seconds(lambda: pictures(out)), start(program)) for _ in range(ROUNDS)]
        taken, bare = (median(column) for column in zip(*pairs, strict=True))
        told = f"{taken:.2f} s, {taken / bare:.0f} times its bare start of {bare * 1e3:.1f} ms (claimed at most 2 s)"
        print(f"{PICTURES} SVGs of 15 nodes by {Path(program).stem}: {told}")
        for make in (chain, dense):
            loss = make(NODES)
            taken = median(seconds(lambda loss=loss: tg.draw(loss).svg()) for _ in range(3))
            print(
                f"{NODES:,} nodes, {make.__name__}, folded, by {Path(program).stem}: {taken:.2f} s (claimed at most 5)"
            )
