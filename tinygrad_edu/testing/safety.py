"""Where random numbers are safe: inside an operation's domain, at a distance from kinks, ties and edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import arrays, domains, functions, ops, rows


SAFE: dict[str, tuple[Callable[[Any], Any], list[tuple[Any, ...]]]] = {
    # condition          holds, at a safe distance          or is brought about by these rows (with a second operand)
    "x":                (lambda x: abs(x) < 3,             [(ops.sin,)]),
    "x != 0":           (lambda x: abs(x) > 0.3,           [(ops.sin,), (ops.exp,)]),
    "x > 0":            (lambda x: x > 0.3,                [(ops.sin,), (ops.exp,)]),
    "x > -1":           (lambda x: x > -0.9,               [(ops.sin,), (ops.multiply, 0.8)]),
    "x > 1":            (lambda x: x > 1.2,                [(ops.sin,), (ops.exp,), (ops.add, 1.2)]),
    "|x| < 1":          (lambda x: abs(x) < 0.9,           [(ops.sin,), (ops.multiply, 0.8)]),
    "cos x != 0":       (lambda x: abs(x) < 1.3,           [(ops.sin,)]),
    "x not at a bound": (lambda x: abs(abs(x) - 1.4) > .3, [(ops.sin,)]),
    "x not whole":      (lambda x: abs(x % 1 - .5) < 0.3,  [(ops.sin,), (ops.multiply, 0.2), (ops.add, 0.5)]),
    "x not half-way":   (lambda x: abs(x % 1 - .5) > 0.2,  [(ops.sin,), (ops.multiply, 0.2), (ops.add, 1.0)]),
    "x / x not whole":  (lambda x: abs(abs(x) - .5) < 0.3, [(ops.sin,), (ops.multiply, 0.2), (ops.add, 0.5)]),
    "w":                (lambda x: x > 0.3,                [(ops.sin,), (ops.exp,)]),
    "m":                (lambda x: abs(x - 1) < 0.05,      [(ops.sin,), (ops.multiply, 0.04), (ops.add, 1.0)]),
    "low":              (lambda x: abs(x + 1.4) < 0.21,    [(ops.sin,), (ops.multiply, 0.2), (ops.subtract, 1.4)]),
    "high":             (lambda x: abs(x - 1.4) < 0.21,    [(ops.sin,), (ops.multiply, 0.2), (ops.add, 1.4)]),
}  # fmt: skip
COMPARISONS = (ops.greater, ops.greater_equal, ops.less, ops.less_equal, ops.equal, ops.not_equal)
PLACES = (rows.argmax, rows.argmin, rows.argsort, rows.argpartition)
MASKS = (*COMPARISONS, *PLACES, ops.wins, ops.share, ops.inside, ops.one_hot, rows.isnan)
TIES = (
    *COMPARISONS, *PLACES, ops.maximum, ops.minimum, ops.max, ops.min, ops.wins, ops.share, rows.fmax, rows.fmin,
    rows.sort, rows.partition, functions.median, functions.ptp,
)  # fmt: skip
KINKED = frozenset({  # not differentiable everywhere inside their domain
    *TIES, *MASKS, ops.abs, ops.sign, ops.relu, ops.clip, functions.clip, functions.fix, rows.fabs, rows.floor,
    rows.ceil, rows.rint, rows.trunc, rows.round, rows.remainder, rows.floor_divide, rows.leaky_relu, rows.elu,
    ops.where, arrays.select,
})  # fmt: skip


@cache
def grid(condition: str, places: int = 3) -> tuple[float, ...]:
    """The numbers of so many decimal places in the intervals of a condition, the simplest first: 1.0, 2.0, -1.0 ..."""
    unit = 10**places
    holds = SAFE[condition][0] if condition in SAFE else np.isfinite
    if condition in domains.NEAR_DIAGONAL:  # the vectors of a diagonal matrix jump from one sign to the other
        holds = lambda x: abs(x) > 0.05  # noqa: E731
    numbers = [
        k / unit
        for low, high in domains.POINTS[condition]
        for k in range(math.floor(low * unit), math.ceil(high * unit) + 1)
        if low <= k / unit <= high and holds(k / unit)
    ]
    return tuple(sorted(numbers, key=simplicity))


def simplicity(x: float) -> tuple[Any, ...]:
    """What makes a number simple: few places, not 0 (where much is right by chance), small, positive."""
    places = 0 if x == int(x) else len(str(x).partition(".")[2])
    return places, x == 0, abs(x), x < 0


def chosen(condition: str, shape: tuple[int, ...]) -> Any:
    """The simplest numbers of a condition."""
    points = grid(condition)
    drawn = np.reshape([points[i % len(points)] for i in range(math.prod(shape))], shape)
    return drawn if shape else drawn.item()


def floating(x: Any) -> bool:
    """Whether it is made of floats."""
    return x is not None and np.asarray(x).dtype.kind == "f"


def fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    """Whether a shape broadcasts to another."""
    lead = len(large) - len(small)
    return lead >= 0 and all(n in (1, m) for n, m in zip(small, large[lead:], strict=True))


def nearly_tied(row: Any, numbers: list[Any]) -> bool:
    """Whether two numbers that are compared differ by less than finite differences need."""
    if len(numbers) == 2 and row is not ops.share:
        return bool(np.any(np.abs(np.subtract(*numbers)) < 1e-3))
    return bool(np.any(np.diff(np.sort(np.ravel(numbers[0]))) < 1e-3))
