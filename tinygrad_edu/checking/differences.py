"""Slopes without rules: move a number of the input a little, and see how far the result moves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from math import factorial, isfinite
from typing import Any, NamedTuple

import numpy as np

from ..errors import GradientError
from ..value import Value
from .problem import Function, Problem, as_point

Line = Callable[[Any], Any]  # the result as a function of how far the input was moved

FIRST_STEP, SHRINK, LEVELS = 2.0**-5, 4.0, 12  # powers of two: 2h is then exact
COARSE = 2.0**23  # digits of x: smaller steps are rounded when they are added to it
COMPLEX_STEP = 1e-20
WIDEST, FINEST = -3, -45  # exponents of 2, of the steps of a sweep
NOISY = 7  # points by which noise is measured
CLOSE, WIDE = 2.0**-30, 2.0**-20  # how far apart they are; steps of a staircase may hide between close ones


class Place(NamedTuple):
    """What is moved: one element of one input (an index), or all of it along a direction (an array)."""

    input: int
    element: tuple[int, ...] | str
    direction: np.ndarray | None = None


class Estimate(NamedTuple):
    """A slope by differences, how far it may be from the truth, and the step used.

    `bent` is whether the two sides seem to have slopes of their own, `coarse` how large slopes are at the first step.
    """

    slope: float
    uncertainty: float
    step: float
    bent: bool = False
    coarse: float = 0.0


class Level(NamedTuple):
    """What the function does at one step: what it gains to the right, and what it had gained since the left."""

    step: float
    ahead: float
    behind: float

    @property
    def right(self) -> float:
        """The slope to the right."""
        return self.ahead / self.step

    @property
    def left(self) -> float:
        """The slope to the left."""
        return self.behind / self.step

    @property
    def central(self) -> float:
        """The slope from the left to the right."""
        return (self.ahead + self.behind) / (2 * self.step)


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
    points = [as_point(x, str(i), np.float64, []) for i, x in enumerate(inputs)]
    if not sum(x.size for x in points):
        raise ValueError("There is nothing to check: no input was given, or every one is empty.")

    def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
        leaves = [Value.node(x) for x in numbers]
        result = f(*leaves)
        shape = np.shape(result.data if isinstance(result, Value) else result)
        if shape:
            raise GradientError(f"f must return a scalar, not shape {shape}: take .sum() or .mean().")
        return result, leaves

    problem, gradients = Problem(run, points, [str(i) for i in range(len(points))], np.random.default_rng(0)), []
    for i, point in enumerate(points):
        gradient = np.zeros(point.shape)
        for index, x in np.ndenumerate(point):
            line = along(problem, Place(i, index))
            gradient[index] = (
                complex_step(line, step or tiny(x)) if method == "complex" else central(line, x, 0.0, step).slope
            )
        gradients.append(gradient if point.ndim else gradient.item())
    return tuple(gradients)


def places(problem: Problem, samples: int, directions: int, random: np.random.Generator) -> Iterator[Place]:
    """Every element of the inputs; of one with more than `samples` so many, drawn, and all of it along directions."""
    for i, x in enumerate(problem.points):
        chosen = np.arange(x.size) if x.size <= samples else np.sort(random.choice(x.size, samples, replace=False))
        yield from (Place(i, tuple(map(int, np.unravel_index(k, x.shape)))) for k in chosen)
        for k in range(directions if x.size > samples else 0):
            direction = random.standard_normal(x.shape)
            yield Place(i, f"direction {k + 1}", direction / np.linalg.norm(direction.ravel()))


def along(problem: Problem, place: Place) -> Line:
    """The result of a problem as a function of how far its numbers were moved at a place."""

    def line(distance: Any) -> Any:
        numbers = list(problem.points)
        x = np.array(numbers[place.input], np.result_type(numbers[place.input], np.min_scalar_type(distance)))
        if place.direction is None:
            x[place.element] += distance
        else:
            x += (distance * place.direction).astype(x.dtype)
        numbers[place.input] = x
        with np.errstate(all="ignore"):  # a step may leave the domain; a smaller one will not
            try:
                return problem.value(numbers)
            except GradientError:  # what can be said of f at every step
                raise
            except Exception as error:
                if isinstance(distance, complex):
                    raise
                problem.failure = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
                return np.nan

    return line


def scale_of(problem: Problem, place: Place) -> float:
    """The size of the number that is moved: steps are small beside it, or beside 1."""
    x = problem.points[place.input]
    return float(np.max(np.abs(x))) if place.direction is not None else abs(float(x[place.element]))


def value_at(gradient: np.ndarray, place: Place) -> float:
    """One number of a gradient, or its component along a direction."""
    if place.direction is not None:
        return float(np.sum(gradient * place.direction))
    return float(gradient[place.element])


def tiny(x: float) -> float:
    """The step of a complex step: tiny beside 1, and beside x."""
    return abs(float(x)) * COMPLEX_STEP**0.5 if 0 < abs(x) < COMPLEX_STEP**0.5 else COMPLEX_STEP


def complex_step(line: Line, h: float) -> float:
    """Im f(x + ih) / h: nothing is subtracted, so h may be as small as one likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part was dropped on the way
        return float(np.imag(line(1j * h)) / h)


def central(line: Line, x: float, noise: float, step: float | None = None, digit: float = 0.0) -> Estimate:
    """(f(x+h) - f(x-h)) / 2h for ever smaller h, extrapolated to h = 0; and how far that may be from the truth.

    `noise` is how much the values of f tremble beyond the rounding of their last digit, `digit` the last one of x.
    """
    h = step or FIRST_STEP * 2.0 ** np.ceil(np.log2(max(1.0, abs(x))))
    best, coarser, bends, here = Estimate(np.nan, np.inf, h), list[float](), list[float](), attempt(line, 0.0)
    coarse = 0.0
    for _ in range(LEVELS):
        ahead, behind = attempt(line, h), attempt(line, -h)
        trembling = max(np.finfo(float).eps * (abs(ahead) + abs(behind)), noise) / h
        if h < COARSE * digit:  # x and h do not add up exactly
            trembling += digit / h * abs(ahead - behind) / h
        if isfinite(trembling):
            row = [(ahead - behind) / (2 * h)]
            for j, other in enumerate(coarser, 1):  # Richardson: each step takes an even power of h out of the error
                row.append(row[-1] + (row[-1] - other) / (SHRINK ** (2 * j) - 1))
            change = abs(row[-1] - row[-2]) if coarser else np.inf
            bend = abs(ahead - here - (here - behind)) / h
            coarse = max(
                coarse, abs(ahead - here) / h if not bends else 0.0, abs(here - behind) / h if not bends else 0.0
            )
            bends.append(bend if bend > 20 * trembling else 0.0)
            if change + trembling < best.uncertainty:
                best = Estimate(float(row[-1]), float(change + trembling), h)
            if best.uncertainty <= max(2 * trembling, 1e-11 * abs(best.slope)):
                break
            coarser = row
        h /= SHRINK
    return best._replace(bent=len(bends) > 1 and bends[-1] > 0.5 * bends[-2], coarse=float(coarse))


def sweep(line: Line, x: float) -> list[Level]:
    """The function on both sides at steps from an eighth down to nothing, each a quarter of the one before.

    Where x is tiny, steps small beside it are added: a logarithm at 1e-9 is smooth only there. nan is where f fails.
    """
    size = 2.0 ** np.ceil(np.log2(max(1.0, abs(x))))
    steps = [size * 2.0**k for k in range(WIDEST, FINEST - 1, -2)]
    if 0 < abs(x) < 2.0**-20:
        steps += [h for k in range(-4, -34, -2) if (h := abs(x) * 2.0**k) < steps[-1] and h > 0]
    here = line(0.0)

    def gained(distance: float) -> float:
        return float(np.real(attempt(line, distance) - here))

    return [Level(h, gained(h), 0.0 - gained(-h)) for h in steps]


def attempt(line: Line, distance: float) -> float:
    """The function, or nan where it cannot be computed."""
    try:
        return float(line(distance))
    except GradientError:
        raise
    except Exception:  # whatever f says outside its domain
        return np.nan


def noise_of(line: Line, spacing: float = CLOSE) -> float:
    """How much the values of a function tremble, at least by the rounding of the last digit: the standard deviation.

    Differences of high order of values close together leave nothing of a smooth function, and all of its noise. Where
    that is much, the other side is measured too: a jump or a kink is on one side only.
    Source: Moré and Wild, "Estimating computational noise", 2011.
    """
    here = attempt(line, 0.0)
    digit = float(np.finfo(float).eps * abs(here)) if isfinite(here) else 0.0
    found = trembling(line, spacing)
    if not found < 100 * digit:
        found = min(x for x in (found, trembling(line, -spacing), np.inf) if x == x)
    return max(digit, found if isfinite(found) else 0.0)


def trembling(line: Line, spacing: float) -> float:
    """The noise of a function at points to one side; nan where it is not finite."""
    values = np.array([])
    for _ in range(4):
        values = np.array([attempt(line, spacing * i) for i in range(1, NOISY + 1)])
        if not np.isfinite(values).all() or np.count_nonzero(np.diff(values)) > NOISY // 2:
            break
        spacing *= 2.0**7  # it stands on one step of a staircase
    with np.errstate(all="ignore"):
        single = values.astype(np.float32) == values  # from float32: so few of them may look smooth by chance
        digit = np.finfo(np.float32).eps * np.max(np.abs(values)) if single.all() and np.ptp(values) else 0.0
        squares = [factorial(k) ** 2 / factorial(2 * k) * np.mean(np.diff(values, k) ** 2) for k in (3, 4, 5)]
        return max(float(np.sqrt(np.mean(squares))), float(digit))
