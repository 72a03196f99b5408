"""Which operations random programs are made of, in which cases; and programs from a seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinygrad_edu as tg

from .. import arrays, domains, ops
from .making import Maker, Seeded
from .programs import Program
from .safety import KINKED


class Deck(NamedTuple):
    """The operations that programs are made of, each with the cases in which it may come."""

    cases: dict[Any, list[domains.Case]]

    @property
    def rows(self) -> list[Any]:
        """The operations, in the order of the table."""
        return list(self.cases)


def deck(
    operations: Iterable[Any] | None = None, *, smooth: bool = False, scalars: bool = False, size: int = 12,
    dtype: Any = np.float64,
) -> Deck:  # fmt: skip
    """The operations to choose from: those given, or all that have a public name."""
    if operations is None:
        chosen = [row for row in domains.DOMAINS if public(row)]
    else:
        chosen = [*operations] if isinstance(operations, Iterable) else [operations]
    for row in chosen:
        if row not in domains.DOMAINS:
            raise TypeError(f"{row!r} has no line in the table of domains: tg.operation(...) gives it one.")
    cases = {
        row: [case for case in domains.cases(row) if suits(case, scalars, size, np.dtype(dtype) == np.float64)]
        for row in chosen
        if not (smooth and row in KINKED) and not (np.dtype(dtype) != np.float64 and row in WIDENING)
    }
    found = Deck({row: fitting for row, fitting in cases.items() if fitting})
    if not found.cases:
        raise ValueError("No operation is left to choose from: smooth, scalars and size rule out all of them.")
    return found


WIDENING = frozenset({arrays.astype, arrays.linspace, tg.slogdet})  # they give float64, or plain numbers


def public(row: Any) -> bool:
    """Whether it is a row with rules, offered as tg.name or with a sign, or the function by which one is called."""
    offered = getattr(tg, row.__name__, None) is row or row is ops.getitem
    return offered and bool(row.rules if isinstance(row, ops.Op) else row.__name__ in ops.TABLE)


def suits(case: domains.Case, scalars: bool, size: int, numbers: bool = True) -> bool:
    """Whether a case has something to check, and not too much of it; plain `numbers` are always float64."""
    shapes = [x for x in case.operands if isinstance(x, tuple)]
    sizes = [*map(math.prod, shapes), *[np.size(x) for x in case.operands if isinstance(x, np.ndarray)]]
    return (
        all(0 < n <= size for n in sizes)
        and bool(shapes)
        and not (scalars and any(shapes))
        and (numbers or all(shapes))
    )


def random_graphs(
    count: int, seed: int = 0, operations: Iterable[Any] | None = None, *, steps: int = 6, smooth: bool = False,
    scalars: bool = False, size: int = 12, dtype: Any = np.float64,
) -> Iterator[Program]:  # fmt: skip
    """`count` random programs from a seed, without hypothesis: for measurements, and for a first look.

    The arguments are those of `graphs`; `steps` operations are drawn, and what it takes to connect them.

    >>> [program] = random_graphs(1, seed=1, steps=2, scalars=True)
    >>> program.check().passed
    True
    """
    random, chosen = (
        np.random.default_rng(seed),
        deck(operations, smooth=smooth, scalars=scalars, size=size, dtype=dtype),
    )
    for _ in range(count):
        maker = Maker(Seeded(random, dtype))
        while len(maker.steps) < steps:
            row = chosen.rows[random.integers(len(chosen.rows))]
            maker.add(row, chosen.cases[row][random.integers(len(chosen.cases[row]))])
        yield maker.finished()
