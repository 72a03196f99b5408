"""One training step of micrograd's own demo, on scalars: 2-16-16-1, hinge loss on the 100 points of two moons.

python -m benchmarks.scalars_against_micrograd          (needs: pip install micrograd)

The demo's program runs as it stands on both: micrograd's `nn`, with its `Value` or with ours in its place.
"""

import random
import sys

import numpy as np

from benchmarks.measure import Side, compare, serve


def moons():
    t = np.linspace(0, np.pi, 50)
    upper, lower = np.stack([np.cos(t), np.sin(t)], 1), np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    x = np.concatenate([upper, lower]) + np.random.default_rng(0).normal(0, 0.1, (100, 2))
    return x, np.repeat([1.0, -1.0], 50)


def demo(side):
    import micrograd.engine

    if side == "ours":
        from tinygrad_edu import Value

        micrograd.engine.Value = Value
    from micrograd.engine import Value
    from micrograd.nn import MLP

    random.seed(1337)
    x, y = moons()
    model = MLP(2, [16, 16, 1])

    def step():
        inputs = [list(map(Value, row)) for row in x]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad

    return step


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(demo(sys.argv[1]))
    else:
        module = "benchmarks.scalars_against_micrograd"
        compare("micrograd's demo step", Side(module, "ours"), Side(module, "micrograd"), 3, 0.2, rounds=9)
