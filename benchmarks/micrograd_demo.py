"""One training step of micrograd's own demo, on scalars: 2-16-16-1, hinge loss on the 100 points of two moons.

Eager, the demo's program runs as it stands on both: micrograd's `nn`, with its `Value` or with ours in its place.
"""

import random
import time

import numpy as np

from benchmarks.measure import COMPILED, EAGER, Case, Claim

MICROGRAD = "micrograd"


def moons():
    """100 points and the side on which each lies, 1 or -1."""
    t = np.linspace(0, np.pi, 50)
    upper, lower = np.stack([np.cos(t), np.sin(t)], 1), np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    x = np.concatenate([upper, lower]) + np.random.default_rng(0).normal(0, 0.1, (100, 2))
    return x.tolist(), np.repeat([1.0, -1.0], 50).tolist()


def demo(ours):
    """micrograd's model, and its loss as a function without arguments."""
    import micrograd.engine

    if ours:
        from tinygrad_edu import Value

        micrograd.engine.Value = Value
    from micrograd.engine import Value
    from micrograd.nn import MLP

    random.seed(1337)
    x, y = moons()
    model = MLP(2, [16, 16, 1])

    def loss():
        inputs = [list(map(Value, row)) for row in x]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())

    return model, loss


def step_of(model, loss):
    def step():
        total = loss()
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        return total.data

    return step


def eager():
    return step_of(*demo(ours=True))


def micrograd():
    return step_of(*demo(ours=False))


def compiled():
    """Compiled in the first call."""
    import tinygrad_edu as tg
    from tinygrad_edu import nn

    model, loss = demo(ours=True)
    return tg.compile(loss, optimizer=nn.SGD(model.parameters(), lr=0.1))


def compiling():
    """The seconds of the first call, which traces the loss and compiles it, each time for a new model."""

    def first_call():
        step = compiled()
        begin = time.perf_counter()
        step()
        return time.perf_counter() - begin

    return first_call


CASES = [
    Case(
        "micrograd's demo: 2-16-16-1 on 100 points, number by number, SGD step",
        {EAGER: eager, COMPILED: compiled, MICROGRAD: micrograd},
        [Claim(EAGER, 1 / 6, MICROGRAD), Claim(COMPILED, 1 / 80, MICROGRAD)],
        tolerance=1e-9,
    ),
    Case(
        "To compile micrograd's demo", {"first call": compiling}, [Claim("first call", 5.0)], unit="seconds", losses=1
    ),
]
