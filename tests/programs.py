"""Random programs for tests of the engine: every row of the table in turn, and every class of shape.

The last step gives a scalar, the one before the last two a vector.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu import domains, functions, ops
from tinygrad_edu.testing.making import Maker, Seeded
from tinygrad_edu.testing.programs import Given, Program, run

__all__ = ["DECK", "Program", "programs", "run"]
DECK = [(row, case) for row in domains.DOMAINS for case in domains.cases(row)]


def programs(count: int, size: int = 6, seed: int = 0, deck: list[Any] = DECK) -> Iterator[Program]:
    """`count` programs of `size` cases and what it takes to connect them; every row comes up once in each round."""
    random = np.random.default_rng(seed)
    cases: dict[Any, list[domains.Case]] = {}
    for row, case in deck:
        cases.setdefault(row, []).append(case)
    rounds = itertools.chain.from_iterable(random.permutation(len(cases)) for _ in itertools.count())
    names = list(cases)
    for _ in range(count):
        drawn = [names[next(rounds)] for _ in range(size)]
        yield made_of([(row, cases[row][random.integers(len(cases[row]))]) for row in drawn], random)


def made_of(drawn: list[tuple[Any, domains.Case]], random: np.random.Generator) -> Program:
    """A program that contains all of these; everything not used is put into one vector, times weights, summed."""
    maker = Maker(Seeded(random))
    for row, case in drawn:
        if not maker.add(row, case):
            raise AssertionError(f"no numbers found for {row.__name__} {case}")
    vector = maker.step(ops.concatenate, *[maker.step(functions.flatten, name) for name in maker.unused()])
    weights = random.uniform(0.5, 1.5, np.shape(maker.values[vector]))
    maker.step(ops.sum, maker.step(ops.multiply, vector, Given(weights)))
    return Program(maker.inputs, maker.steps, drawn)
