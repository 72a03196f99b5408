"""Slopes without rules: move one number of the input a little, and see how far the result moves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import GradientError
from ..value import Value

Function = Callable[..., Any]
Line = Callable[[complex], Any]  # the result as a function of how far one element of the input was moved

FIRST_STEP, SHRINK, LEVELS = 2.0**-5, 4.0, 12  # powers of two: 2h is then exact
COMPLEX_STEP, KINK_STEP = 1e-20, 2.0**-13


def numerical_gradient(
    f: Function, *inputs: Any, method: str = "central", step: float | None = None
) -> tuple[Any, ...]:
    """One gradient per input of a function with a scalar result, found without any rule.

    `inputs` are numbers, arrays or Values, taken as float64; `f` gets constant Values and returns a Value or a plain
    number. "central" needs nothing of `f` but its value: central differences, extrapolated to step 0, good to ten
    digits; `step` is the first and largest one. "complex" moves each element by a tiny imaginary step and is exact to
    rounding where `f` is made of holomorphic operations, but wrong elsewhere (abs, relu, max ...).
    Raises ValueError for an unknown method, nan or no inputs, GradientError if the result is not a scalar.
    Sources: Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", 1982; Squire and Trapp, "Using complex variables
    to estimate derivatives of real functions", 1998.

    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, 3.0]), method="complex")
    (array([2., 6.]),)
    """
    if method not in ("central", "complex"):
        raise ValueError(f"There is no method {method!r}: choose 'central' or 'complex'.")
    points = as_points(inputs)
    gradients = [np.zeros(x.shape) for x in points]
    for i, index, x, line in moves(f, points):
        gradients[i][index] = complex_step(line, step) if method == "complex" else central_difference(line, x, step)[0]
    return tuple(g if g.ndim else g.item() for g in gradients)


def as_points(inputs: Sequence[Any]) -> list[np.ndarray]:
    """The inputs as read-only float64 arrays of our own: a function that writes into them fails at once."""
    points = []
    for i, x in enumerate(inputs):
        data = x.data if isinstance(x, Value) else x
        array = np.array(float(data) if isinstance(data, Fraction) else data)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"Input {i} must be real numbers, not {type(data).__name__}: {data!r}.")
        if not np.isfinite(array).all():
            raise ValueError(f"Input {i} holds nan or inf, so every difference would be nan: {data}")
        points.append(array.astype(np.float64))
        points[-1].flags.writeable = False
    if not sum(x.size for x in points):
        raise ValueError("There is nothing to check: no input was given, or every one is empty.")
    return points


def moves(f: Function, points: Sequence[np.ndarray]) -> Iterator[tuple[int, tuple[int, ...], float, Line]]:
    """For each element of each input: which it is, its value, and the result as a function of moving it."""
    for i, point in enumerate(points):
        for index, x in np.ndenumerate(point):
            yield i, index, float(x), along(f, points, i, index)


def along(f: Function, points: Sequence[np.ndarray], i: int, index: tuple[int, ...]) -> Line:
    """The result of `f` as a function of how far one element was moved."""

    def line(distance: complex) -> Any:
        inputs = [np.array(x, np.result_type(x, distance)) if j == i else x for j, x in enumerate(points)]
        inputs[i][index] += distance
        inputs[i].flags.writeable = False
        with np.errstate(all="ignore"):  # a step may leave the domain; a smaller one will not
            result = f(*[Value.node(x if x.ndim else x.item()) for x in inputs])
        data = result.data if isinstance(result, Value) else result
        if np.shape(data):
            raise GradientError(f"f must return a scalar, not shape {np.shape(data)}: take .sum() or .mean().")
        return data

    return line


def complex_step(line: Line, step: float | None = None) -> float:
    """Im f(x + ih) / h: nothing is subtracted, so h may be as small as one likes."""
    h = step or COMPLEX_STEP
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part was dropped on the way
        return float(np.imag(line(1j * h)) / h)


def central_difference(line: Line, x: float, step: float | None = None) -> tuple[float, float]:
    """(f(x+h) - f(x-h)) / 2h for ever smaller h, extrapolated to h = 0; and how far that may be from the truth."""
    h = step or FIRST_STEP * 2.0 ** np.ceil(np.log2(max(1.0, abs(x))))
    slope, uncertainty, coarser = np.nan, np.inf, list[float]()
    for _ in range(LEVELS):
        ahead, behind = line(h), line(-h)
        noise = np.finfo(float).eps * (abs(ahead) + abs(behind)) / h
        if np.isfinite(noise):
            row = [(ahead - behind) / (2 * h)]
            for j, other in enumerate(coarser, 1):  # Richardson: each step takes an even power of h out of the error
                row.append(row[-1] + (row[-1] - other) / (SHRINK ** (2 * j) - 1))
            change = abs(row[-1] - row[-2]) if coarser else np.inf
            if change + noise < uncertainty:
                slope, uncertainty = row[-1], change + noise
            if uncertainty <= max(2 * noise, 1e-11 * abs(slope)):
                break
            coarser = row
        h /= SHRINK
    return float(slope), float(uncertainty)


def kink(line: Line, x: float) -> tuple[float, float]:
    """The slopes on the two sides, the smaller first; nan if they meet as the step shrinks: then it is no kink."""
    h = KINK_STEP * max(1.0, abs(x))
    wide, narrow = one_sided(line, h), one_sided(line, h / SHRINK)
    return narrow if narrow[1] - narrow[0] > (wide[1] - wide[0]) / 2 else (np.nan, np.nan)


def one_sided(line: Line, h: float) -> tuple[float, float]:
    """The slopes to the left and to the right, the smaller first."""
    left, right = (line(0.0) - line(-h)) / h, (line(h) - line(0.0)) / h
    return min(left, right), max(left, right)
