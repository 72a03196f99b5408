"""What is a composition of rows: no rule of its own, but a name, by which a drawing can show it as one box."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from . import calling, kernels, ops
from .recording import STATE
from .rows import isnan, sort, trunc

Axis = int | tuple[int, ...] | None


class Composite:
    """A function written with rows: it needs no rule, but keeps its name, so that a reader can show it as one box.

    It answers for a function of NumPy, if one is named: called on nothing of ours it is that function.
    """

    describe: Callable[[Composite], str] = staticmethod(lambda composite: composite.function.__doc__ or "")
    __doc__ = property(lambda self: Composite.describe(self))  # help(tg.mean) shows the line of the table of domains
    __signature__ = property(lambda self: inspect.signature(self.function))

    def __init__(self, function: Callable[..., Any], *numpy: Any) -> None:
        self.function, self.name = function, function.__name__
        self.__name__, self.__module__ = self.name, function.__module__
        self.numpy = numpy[0] if numpy else None
        ops.ANSWERS.update(dict.fromkeys(numpy, self))

    @cached_property
    def takes(self) -> dict[str, Any] | None:
        """The arguments with their defaults; None if there may be any number of operands."""
        return calling.signature(self.function)

    def __call__(self, *operands: Any, **settings: Any) -> Any:
        ours = one_of_ours((*operands, *settings.values()) if settings else operands)
        if ours is None and self.numpy:
            result = self.numpy(*operands, **settings)
            if isinstance(result, tuple):
                return getattr(result, "_make", type(result))(map(ops.plain, result))
            return ops.plain(result)
        takes = self.takes
        if takes is not None and (len(operands) != 1 or settings):
            own = tuple(takes)
            settings, operands = calling.named(self.name, self.numpy, own, operands, settings), ()
            if missing := [key for key in own if key not in settings and takes[key] is calling.REQUIRED]:
                raise TypeError(f"{self.name} takes {', '.join(own)}: {', '.join(missing)} is missing.")
        if (apply := getattr(ours, "apply_composite", None)) is not None:
            return apply(self, operands, settings)
        if ours is None:
            operands, settings = (
                (*map(known, operands),),
                {k: known(x) if type(x) is list else x for k, x in settings.items()},
            )
        return self.function(*operands, **settings)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else partial(self, owner)

    def __reduce__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<composite {self.name}>"


def composite(*numpy: Any) -> Callable[[Callable[..., Any]], Composite]:
    """Decorate a function written with rows that answers for these functions of NumPy."""
    return lambda function: Composite(function, *numpy)


def one_of_ours(operands: Iterable[Any]) -> Any:
    """The first operand that is more than numbers (a Value, a Symbol), also in a list or tuple; None if none is."""
    for x in operands:
        if hasattr(x, "apply_op"):
            return x
        if isinstance(x, list | tuple) and (inner := one_of_ours(x)) is not None:
            return inner
    return None


def known(x: Any) -> Any:
    """A list as an array; what is ours already, as it is."""
    return x if hasattr(x, "apply_op") else kernels.number(x)


def stand_in(x: Any) -> Any:
    """An array of that shape, in no memory, on which NumPy's functions show what they would make of it, or raise."""
    return np.broadcast_to(1.0, ops.shape(x))


def axes(x: Any, axis: Axis) -> tuple[int, ...]:
    """The axes meant by one, some or None (all), counted from 0; AxisError for one that is not there."""
    return normalize_axis_tuple(range(ops.ndim(x)) if axis is None else axis, ops.ndim(x))


def cut(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """A stretch of `x` along an axis that is counted from 0."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def count(x: Any, axis: Axis) -> int:
    """How many numbers are taken together along `axis`."""
    return math.prod(ops.shape(x)[i] for i in axes(x, axis))


@composite(np.mean)
def mean(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The average over `axis` (all of them by default).

    >>> mean(np.array([1.0, 2.0, 6.0]))
    3.0
    """
    return ops.sum(a, axis=axis, keepdims=keepdims) / count(a, axis)


@composite(np.var)
def var(a: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The mean square distance from the mean, divided by n - `ddof` (NumPy's default is 0, PyTorch's is 1).

    >>> var(np.array([1.0, 2.0, 6.0]), ddof=1)
    7.0
    """
    centred = a - mean(a, axis=axis, keepdims=True)
    return ops.sum(ops.square(centred), axis=axis, keepdims=keepdims) / max(count(a, axis) - ddof, 0)


@composite(np.std)
def std(a: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The square root of `var`, with slope 0 where all numbers are equal.

    >>> std(np.array([1.0, 3.0]))
    1.0
    """
    centred = a - mean(a, axis=axis, keepdims=True)
    return ops.norm(centred, axis=axis, keepdims=keepdims) / math.sqrt(max(count(a, axis) - ddof, 0))


@Composite
def flatten(a: Any) -> Any:
    """All numbers in one row, shape (size,).

    >>> flatten(np.ones((2, 3))).shape
    (6,)
    """
    return ops.reshape(a, shape=(-1,))


@composite(np.clip)
def clip(a: Any, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None) -> Any:
    """`a`, but at least `min` and at most `max`; the gradient passes at the bounds, as in PyTorch.

    >>> clip(np.array([-2.0, 0.5, 2.0]), -1, 1)
    array([-1. ,  0.5,  1. ])
    """
    return ops.clip(a, a_min if min is None else min, a_max if max is None else max)


@composite(np.ptp)
def ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """From the smallest to the largest ("peak to peak"): the difference of `max` and `min`.

    >>> ptp(np.array([1.0, 6.0, 2.0]))
    5.0
    """
    return ops.max(a, axis=axis, keepdims=keepdims) - ops.min(a, axis=axis, keepdims=keepdims)


@composite(np.average)
def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    """The mean with `weights` of the shape of `a`, or of its axes along `axis`; with `returned` also their sum.

    Raises TypeError if the shapes differ and no axis is given, ZeroDivisionError if the weights sum to 0.

    >>> average(np.array([1.0, 2.0, 6.0]), weights=np.array([1.0, 1.0, 2.0]))
    3.75
    """
    weights = known(weights)
    np.average(stand_in(a), axis, None if weights is None else stand_in(weights))  # for its errors
    axis = axes(a, axis)
    if weights is None:
        result, total = mean(a, axis=axis, keepdims=keepdims), float(count(a, axis))
    else:
        if ops.shape(a) != ops.shape(weights):
            order = tuple(sorted(range(len(axis)), key=lambda i: axis[i]))
            beside = tuple(n if i in axis else 1 for i, n in enumerate(ops.shape(a)))
            weights = ops.reshape(ops.transpose(weights, axes=order), shape=beside)
        if ops.dtype(weights) != ops.dtype(a * weights):
            weights = ops.broadcast_to(weights, shape=ops.shape(weights), dtype=ops.dtype(a * weights))
        total = ops.sum(weights, axis=axis, keepdims=keepdims)
        if STATE.trace is None and np.any(total == 0):
            raise ZeroDivisionError("average: the weights sum to 0.")
        result = ops.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (result, ops.broadcast_to(total, shape=ops.shape(result), dtype=ops.dtype(result))) if returned else result


@composite(np.median)
def median(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number in the middle, or the mean of the two there; only they have a gradient.

    >>> median(np.array([1.0, 9.0, 2.0]))
    2.0
    """
    np.median(stand_in(a), axis, keepdims=keepdims)  # for its errors
    gone = axes(a, tuple(axis) if isinstance(axis, list) else axis)
    others, n = [i for i in range(ops.ndim(a)) if i not in gone], count(a, gone)
    rows = ops.transpose(a, axes=(*others, *gone)) if others else a
    if len(gone) != 1:
        rows = ops.reshape(rows, shape=(*(ops.shape(a)[i] for i in others), n))
    rows = sort(rows)
    if n % 2:
        middle = rows[..., n // 2 : n // 2 + 1]
    else:
        middle = mean(rows[..., max(n // 2 - 1, 0) : n // 2 + 1], axis=-1, keepdims=True)
    if n and (STATE.trace is not None or np.any(np.isnan(getattr(rows, "data", 0.0)))):
        middle = ops.where(isnan(rows[..., -1:]), rows[..., -1:], middle)
    return ops.reshape(middle, shape=kernels.kept(ops.shape(a), gone) if keepdims else ops.shape(middle)[:-1])


@composite(np.cumprod)
def cumprod(a: Any, axis: int | None = None) -> Any:
    """The products of the first number, the first two, the first three ...; right where numbers are 0, at every order.

    >>> cumprod(np.array([2.0, 3.0, 4.0]))
    array([ 2.,  6., 24.])
    """
    np.cumprod(stand_in(a), axis)  # for its errors
    if axis is None or not ops.ndim(a):
        a, axis = flatten(a), 0
    step, axis, length = 1, int(axis) % ops.ndim(a), ops.shape(a)[axis]
    while step < length:  # doubling: products of 1, 2, 4, 8 ... neighbours, and nothing is divided
        further = cut(a, axis, step, None) * cut(a, axis, 0, length - step)
        a = ops.concatenate([cut(a, axis, 0, step), further], axis=axis)
        step *= 2
    return a


@composite(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Each number minus the one before it, `n` times over: one number fewer along `axis` each time.

    `prepend` and `append` are numbers or arrays to join on first. Raises ValueError for a negative `n`.

    >>> diff(np.array([1.0, 4.0, 9.0]))
    array([3., 5.])
    """
    np.diff(stand_in(a), n, axis)  # for its errors
    if n == 0:
        return a
    axis %= ops.ndim(a)
    ends = (*ops.shape(a)[:axis], 1, *ops.shape(a)[axis + 1 :])
    parts = [known(x) for x in (prepend, a, append) if x is not None]
    joined = [x if ops.ndim(x) else ops.broadcast_to(x, shape=ends) for x in parts]
    a = ops.concatenate(joined, axis=axis) if len(joined) > 1 else a
    for _ in range(n):
        a = cut(a, axis, 1, None) - cut(a, axis, None, -1)
    return a


@composite(np.gradient)
def gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slope of the numbers along each axis, from differences to both neighbours; at the ends, to one side.

    `spacing` is the distance of neighbours, or their coordinates, for all axes or for each. One array for one axis, a
    tuple for several. (For the derivative of a function of Values see `tg.grad`.)

    >>> gradient(np.array([1.0, 4.0, 9.0]))
    array([3., 4., 5.])
    """
    if one_of_ours(spacing) is not None:
        raise TypeError("gradient takes the distances or coordinates as plain numbers: v.data.")
    np.gradient(stand_in(f), *spacing, axis=axis, edge_order=edge_order)  # type: ignore[call-overload]  # its errors
    along = axes(f, axis)
    steps = spacing * len(along) if len(spacing) == 1 else spacing or (1.0,) * len(along)
    slopes = [_slope(f, np.asarray(step), i, edge_order) for i, step in zip(along, steps, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Any, step: Any, axis: int, edge_order: int) -> Any:
    """The slope along one axis, from the parabola through each number and its neighbours."""
    n = ops.shape(f)[axis]
    d = np.diff(step) if step.ndim else np.full(n - 1, step, float)
    before, after = d[:-1], d[1:]

    def along(weights: Any) -> Any:
        return np.reshape(weights, (-1,) + (1,) * (ops.ndim(f) - axis - 1)).astype(ops.dtype(f))

    wide = before + after
    inner = cut(f, axis, 2, None) * along(before / after / wide) - cut(f, axis, 0, -2) * along(after / before / wide)
    if np.any(before != after):
        inner = inner + cut(f, axis, 1, -1) * along((after - before) / (before * after))
    ends = []
    for places, (a, b) in (((0, 1, 2), d[[0, min(1, n - 2)]]), ((n - 1, n - 2, n - 3), -d[[-1, max(-2, 1 - n)]])):
        x, y, *z = (cut(f, axis, i, i + 1) for i in places[: 1 + edge_order])
        slope = (y - x) / a
        if z:  # the parabola through the last three
            slope = y * ((a + b) / (a * b)) - x * ((2 * a + b) / (a * (a + b))) - z[0] * (a / (b * (a + b)))
        ends.append(slope)
    return ops.concatenate([ends[0], inner, ends[1]], axis=axis)


@composite(np.fix)
def fix(x: Any) -> Any:
    """The next whole number towards 0, as `trunc`; slope 0.

    >>> fix(np.array([-2.5, 2.5]))
    array([-2.,  2.])
    """
    return trunc(x)


@composite(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """`x` with other numbers in the place of nan and of the infinities, through which no gradient flows.

    >>> nan_to_num(np.array([1.0, np.nan]))
    array([1., 0.])
    """
    limits = np.finfo(ops.dtype(x) or float)
    x = ops.where(x == np.inf, float(limits.max) if posinf is None else posinf, x)
    x = ops.where(x == -np.inf, float(limits.min) if neginf is None else neginf, x)
    return ops.where(x != x, nan, x)


@Composite
def silu(x: Any) -> Any:
    """`x * sigmoid(x)`, also called swish: a smooth relu that dips below 0 (Elfwing, Uchibe and Doya, 2017).

    >>> silu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    return x * ops.sigmoid(x)


@Composite
def gelu(x: Any, approximate: str = "tanh") -> Any:
    """The tanh form of the Gaussian error linear unit: x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).

    As PyTorch's gelu(x, approximate="tanh"), which differs from x·Φ(x) by at most 0.0005; ValueError for any other form
    (Hendrycks and Gimpel, "Gaussian error linear units", 2016).

    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1588,  0.    ,  0.8412])
    """
    if approximate != "tanh":
        raise ValueError(f"gelu is known in its tanh form alone, not approximate={approximate!r}.")
    return 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * ops.power(x, 3))))
