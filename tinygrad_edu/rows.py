"""Further rows of the table: more logarithms, more of two numbers, rounding, activations, products, sums so far, order.

The letters and conventions are those of `ops.py`. A rounded number does not move with x, except where it jumps: its
rule says 0 everywhere, and the gradient ends there.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from . import kernels
from .kernels import dtype, inverse, ndim, shape
from .ops import REDUCE, Op, concatenate, ratio, reshape, restore, sigmoid, sign, transpose, where, wins

LOG2, LOG10 = math.log(2), math.log(10)
ORDER: dict[str, Any] = {"settings": {"axis": -1, "kind": None}}
KTH: dict[str, Any] = {"settings": {"kth": 0, "axis": -1}}


def backwards(x: Any, axis: int) -> Any:
    """The same numbers along an axis, the last one first."""
    return x[(slice(None),) * (axis % ndim(x)) + (slice(None, None, -1),)]


def _cumsum(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """Each number is part of its own sum and of all later ones."""
    at = axis or 0
    return reshape(backwards(cumsum(backwards(g, at), axis=at), at), shape=shape(x))


def _others(g: Any, y: Any, x: Any, axis: Any) -> Any:
    """For each factor the sum of the products of all others with one g in the place of its x; nothing is divided."""
    if not shape(x):
        return g * 0
    if axis is None or isinstance(axis, tuple):  # all of them as one, the last
        to, order = kernels.last(x, axis)
        one: Any = lambda a: reshape(transpose(a, axes=order), shape=to)  # noqa: E731
        whole = tuple(shape(x)[i] for i in order)
        return transpose(reshape(_others(one(g), None, one(x), -1), shape=whole), axes=inverse(order))
    n, at = shape(x)[axis], (slice(None),) * (axis % ndim(x))

    def moved(a: Any, step: int, fill: int) -> Any:
        first = np.full((*shape(x)[: len(at)], step, *shape(x)[len(at) + 1 :]), fill, dtype(x))
        return concatenate([first, a[(*at, slice(0, n - step))]], axis=len(at))

    def before(x: Any, g: Any) -> tuple[Any, Any]:
        """Of the factors before each one their product, and the sum of products with one g in the place of its x."""
        product, total, step = moved(x, 1, 1), moved(g, 1, 0), 1
        while step < n:  # doubling: of the 1, 2, 4, 8 ... before
            earlier = moved(product, step, 1)
            product, total = product * earlier, total * earlier + product * moved(total, step, 0)
            step *= 2
        return product, total

    turn = (*at, slice(None, None, -1))
    (product, total), (after, gain) = before(x, g), before(x[turn], g[turn])
    return total * after[turn] + product * gain[turn] if n else g


def _sort(g: Any, y: Any, x: Any, **at: Any) -> Any:
    order = argsort(x, axis=at["axis"], kind="stable")
    return put_along_axis(g, order, axis=at["axis"], shape=shape(x), dtype=dtype(x))


def _partition(g: Any, y: Any, x: Any, **at: Any) -> Any:
    return put_along_axis(g, argpartition(x, **at), axis=at["axis"], shape=shape(x), dtype=dtype(x))


class Unlisted(Op):
    """An operation that is no row of the table, as it has neither a rule nor a value to put there.

    It draws random numbers (then it is not `pure`: each call gives others), or looks at its operand.
    """

    def __init__(self, name: str, compute: Any, settings: dict[str, Any] = kernels.NOTHING, pure: bool = True) -> None:
        self.name, self.written, self.compute, self.settings, self.pure = name, f"{name}({{}})", compute, settings, pure
        self.__name__, self.scalar, self.rules, self.arity, self.numpy = name, compute, (), 1, (compute,)


random = Unlisted("random", kernels.random, {"generator": None}, pure=False)  # one number for each of its operand's


# fmt: off
# -- functions of one variable -----------------------------------------------------------------------------------------
exp2     = Op("exp2",    "exp2({})",    np.exp2,    math.exp2,    lambda g, y, x: g * (y * LOG2))
log2     = Op("log2",    "log2({})",    np.log2,    math.log2,    lambda g, y, x: g / (x * LOG2))
log10    = Op("log10",   "log10({})",   np.log10,   math.log10,   lambda g, y, x: g / (x * LOG10))
cbrt     = Op("cbrt",    "cbrt({})",    np.cbrt,    math.cbrt,    lambda g, y, x: g / (3 * y**2))
degrees  = Op("degrees", "degrees({})", np.degrees, math.degrees, lambda g, y, x: g * (180 / math.pi),
            numpy=(np.degrees, np.rad2deg))
radians  = Op("radians", "radians({})", np.radians, math.radians, lambda g, y, x: g * (math.pi / 180),
            numpy=(np.radians, np.deg2rad))
sinc     = Op("sinc",    "sinc({})",    kernels.sinc, None,       lambda g, y, x, times: g * sinc(x, times=times + 1),
            settings={"times": 0}, numpy=(np.sinc,))  # how often it was differentiated: right at 0 at every order
isnan    = Op("isnan",   "isnan({})",   np.isnan,   math.isnan)
fabs     = Op("fabs",    "|{}|",        np.fabs,    math.fabs,    lambda g, y, x: g * sign(x))

# -- rounding: the slope is 0 ------------------------------------------------------------------------------------------
floor    = Op("floor",   "floor({})",   np.floor,   None,         lambda g, y, x: g * 0)
ceil     = Op("ceil",    "ceil({})",    np.ceil,    None,         lambda g, y, x: g * 0)
rint     = Op("rint",    "rint({})",    np.rint,    None,         lambda g, y, x: g * 0)
trunc    = Op("trunc",   "trunc({})",   np.trunc,   None,         lambda g, y, x: g * 0, numpy=(np.trunc,))
round    = Op("round",   "round({})",   np.round,   None,         lambda g, y, x, decimals: g * 0,
            settings={"decimals": 0}, numpy=(np.round, np.around))

# -- functions of two variables ----------------------------------------------------------------------------------------
arctan2    = Op("arctan2",    "arctan2({}, {})",    np.arctan2,    math.atan2,
            lambda g, y, a, b: g * ratio(b, a**2 + b**2),       lambda g, y, a, b: -g * ratio(a, a**2 + b**2))
hypot      = Op("hypot",      "hypot({}, {})",      np.hypot,      math.hypot,
            lambda g, y, a, b: g * ratio(a, y),                 lambda g, y, a, b: g * ratio(b, y))
logaddexp  = Op("logaddexp",  "logaddexp({}, {})",  np.logaddexp,  None,
            lambda g, y, a, b: g * sigmoid(a - b),              lambda g, y, a, b: g * sigmoid(b - a))
logaddexp2 = Op("logaddexp2", "logaddexp2({}, {})", np.logaddexp2, None,
            lambda g, y, a, b: g * sigmoid((a - b) * LOG2),     lambda g, y, a, b: g * sigmoid((b - a) * LOG2))
fmax       = Op("fmax",       "fmax({}, {})",       np.fmax,       None,  # a nan never wins
            lambda g, y, a, b: g * where(isnan(b), 1, wins(a, b)),
            lambda g, y, a, b: g * where(isnan(a), 1, wins(b, a)))
fmin       = Op("fmin",       "fmin({}, {})",       np.fmin,       None,
            lambda g, y, a, b: g * where(isnan(b), 1, wins(b, a)),
            lambda g, y, a, b: g * where(isnan(a), 1, wins(a, b)))
remainder  = Op("remainder",  "{} % {}",            np.remainder,  operator.mod,
            lambda g, y, a, b: g,                               lambda g, y, a, b: -g * floor_divide(a, b))
floor_divide = Op("floor_divide", "{} // {}",       np.floor_divide, operator.floordiv,
            lambda g, y, a, b: g * 0,                           lambda g, y, a, b: g * 0)

# -- activations -------------------------------------------------------------------------------------------------------
leaky_relu = Op("leaky_relu", "leaky_relu({})", kernels.leaky_relu, None,
            lambda g, y, x, negative_slope: g * where(x > 0, 1, negative_slope), settings={"negative_slope": 0.01})
elu        = Op("elu",        "elu({})",        kernels.elu,        None,
            lambda g, y, x, alpha: g * where(x > 0, 1, y + alpha), settings={"alpha": 1.0})

# -- products ----------------------------------------------------------------------------------------------------------
prod     = Op("prod",    "prod({})",    np.multiply.reduce, None,
            lambda g, y, x, **at: restore(g, x, **at) * others(x, axis=at["axis"]), **REDUCE, numpy=(np.prod,))
others   = Op("others",  "others({})",  kernels.others,     None, _others, settings={"axis": None})

# -- sums so far, and order; which comes where has no slope, and the answer is plain integers --------------------------
cumsum       = Op("cumsum",       "cumsum({})",       np.cumsum,            None, _cumsum, settings={"axis": None})
argmax       = Op("argmax",       "argmax({})",       np.argmax,            None, **REDUCE)
argmin       = Op("argmin",       "argmin({})",       np.argmin,            None, **REDUCE)
argsort      = Op("argsort",      "argsort({})",      np.argsort,           None, **ORDER)
argpartition = Op("argpartition", "argpartition({})", kernels.argpartition, None, **KTH, numpy=(np.argpartition,))
sort         = Op("sort",         "sort({})",         np.sort,              None, _sort, **ORDER)
partition    = Op("partition",    "partition({})",    kernels.partition,    None, _partition, **KTH,
            numpy=(np.partition,))

take_along_axis = Op("take_along_axis", "take_along_axis({}, {})", kernels.take_along_axis, None,
            lambda g, y, x, i, axis: put_along_axis(g, i, axis=axis, shape=shape(x), dtype=dtype(x)), None,
            settings={"axis": -1}, numpy=(np.take_along_axis,))
put_along_axis = Op("put_along_axis", "put_along_axis({}, {})", kernels.put_along_axis, None,
            lambda g, y, x, i, axis, **to: take_along_axis(g, i, axis=axis), None,
            settings={"axis": -1, "shape": (), "dtype": None})
# fmt: on
