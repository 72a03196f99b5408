"""A walk beside a plain backward pass, in turns, and the explanation of a scalar graph of 1,000 nodes.

python -m benchmarks.walking
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import Value

ROUNDS = 21


def scalar_graph(nodes: int) -> Value:
    """A chain of neurons of one input, with weights that are used again and again."""
    weights = [Value(0.1 * i - 0.3, f"w{i}") for i in range(7)]
    y = Value(0.5, "x")
    for i in range(nodes // 3):
        y = tg.tanh(y * weights[i % 7] + weights[(i + 1) % 7])
    return y


def network() -> Value:
    """784-128-10 on a batch of 64, with a cross-entropy."""
    random = np.random.default_rng(0)
    images, labels = random.random((64, 784)), random.integers(0, 10, 64)
    w, b = Value(random.normal(0, 0.05, (784, 128))), Value(np.zeros(128))
    v, c = Value(random.normal(0, 0.1, (128, 10))), Value(np.zeros(10))
    return tg.nn.cross_entropy(tg.relu(images @ w + b) @ v + c, labels)


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def step_by_step(loss: Value) -> None:
    for _ in tg.walk(loss):
        pass


if __name__ == "__main__":
    graphs = {
        "1,000 scalar nodes": scalar_graph(1000),
        "60,000 scalar nodes": scalar_graph(60_000),
        "784-128-10, batch 64": network(),
    }
    for name, loss in graphs.items():
        plain, whole, steps = [], [], []
        for _ in range(ROUNDS):
            plain.append(seconds(loss.backward))
            whole.append(seconds(lambda loss=loss: tg.walk(loss).goto(-1)))
            steps.append(seconds(lambda loss=loss: step_by_step(loss)))
        at_once, one_by_one = median(whole) / median(plain), median(steps) / median(plain)
        print(f"{name}: walk to the end {at_once:.2f}, step by step {one_by_one:.2f} of backward (claimed at most 5)")
    loss = scalar_graph(1000)
    for form in ("text", "markdown", "latex", "html"):
        taken = median(seconds(lambda form=form: tg.explain(loss, form)) for _ in range(3))
        print(f"1,000 scalar nodes explained as {form}: {taken:.2f} s (claimed at most 1)")
