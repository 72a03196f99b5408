"""The table at the back of the calculus book: every operation, how it is computed, and its derivative.

Read the rows first; what stands above them is small print. The letters in the rules:

    g        the gradient of the loss with respect to the result: what arrives from above
    y        the result itself
    a, b, x  the operands, in order; n an exponent; c a condition

A rule belongs to one operand and returns what that operand's gradient gains. It is written only with + - * / ** @, with
comparisons and with rows of this table, so it means whatever its arguments are: plain numbers give a number, arrays an
array, Values a new graph (hence second derivatives), Symbols a formula. It may ask for a shape, never for the data.

Conventions where there is no derivative: relu'(0) = 0, |x|'(0) = 0, equal operands of maximum or max share the gradient
evenly, clip passes it at its bounds, norm'(0) = 0, 0**n has the slope of the polynomial, and prod is right with zeros.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from itertools import count
from types import MethodType
from typing import Any

import numpy as np

from . import calling, kernels
from .kernels import FRACTIONS, NOTHING as NOTHING, PLAIN, inverse, ndarray, number
from .kernels import dtype as dtype, ndim as ndim, plain as plain, product, shape as shape

Rule = Callable[..., Any]
TABLE: dict[str, Op] = {}  # by name, in reading order
ANSWERS: dict[Any, Callable[..., Any]] = {}  # which function answers when NumPy's own is called on something of ours


class Op:
    """One row: `compute` works on arrays, `scalar` on plain numbers; `rules` has one derivative per operand.

    `written` is how a person writes the operation; `settings` are its named arguments with their defaults; `numpy` are
    the functions of NumPy that it answers for, `compute` itself if none are named. Applying the row to something that
    is more than a number (a Value, a Symbol) leaves it to that operand to say what application means.
    """

    describe: Callable[[Op], str] = staticmethod(lambda op: op.written)
    __doc__ = property(lambda self: Op.describe(self))  # help(tg.tanh) shows the row

    def __init__(
        self, name: str, written: str, compute: Callable[..., Any], scalar: Callable[..., Any] | None,
        *rules: Rule | None, each: Callable[[int], Rule] | None = None,
        settings: dict[str, Any] = NOTHING, numpy: tuple[Any, ...] = (),
    ) -> None:  # fmt: skip
        self.name, self.written, self.compute, self.settings = name, written, compute, settings
        self.scalar = kernels.careful(scalar, compute)
        self.rules = Each(each) if each else rules
        self.arity = None if each else len(rules) or written.count("{")
        self.numpy = numpy or (compute,)
        self.__name__, TABLE[name] = name, self
        ANSWERS.update(dict.fromkeys(self.numpy, self))

    def __call__(self, *operands: Any, **settings: Any) -> Any:
        if len(operands) != self.arity or (settings and not settings.keys() <= self.settings.keys()):
            operands, settings = calling.arranged(self, operands, settings)
        settings = self.settings and {**self.settings, **settings}
        if settings:
            calling.refuse(self.name, settings)
        compute, foreign = self.scalar, False
        for x in operands:
            if x.__class__ is ndarray:
                compute = self.compute
            elif x.__class__ not in PLAIN:
                if (apply := getattr(x, "apply_op", None)) is not None:
                    return apply(self, operands, settings)
                compute, foreign = self.compute, foreign or x is not None  # a list, the first Fraction, NumPy's scalar
        if foreign:
            known = [*map(number, operands)]
            return self(known, **settings) if self.arity is None else self(*known, **settings)
        if FRACTIONS and compute is self.compute:
            operands = kernels.without_fractions(operands)
        result = compute(*operands, **settings) if settings else compute(*operands)
        return result if result.__class__ is ndarray and result.ndim else plain(result)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """As an attribute of a class the row is a method: `v.exp()` is `exp(v)`."""
        return self if owner is None else MethodType(self, owner)

    def __reduce__(self) -> tuple[Any, ...]:
        return row, (self.name,)

    def __repr__(self) -> str:
        return f"<operation {self.name}: {self.written.format(*'abc')}>"


def row(name: str) -> Op:
    return TABLE[name]


class Each:
    """The rules of a row with any number of operands, made on demand: `each(i)` is the rule of operand i."""

    def __init__(self, each: Callable[[int], Rule]) -> None:
        self.each = each

    def __iter__(self) -> Iterator[Rule]:
        return map(self.each, count())


def restore(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """One number per reduced row, back in the shape of `x`: what sum took together is handed out to each."""
    if shape(g) and not keepdims and axis is not None:
        g = reshape(g, shape=kernels.kept(shape(x), axis))
    return broadcast_to(g, shape=shape(x), dtype=dtype(x))


def swap(x: Any) -> Any:
    """Each matrix of a batch, transposed."""
    return transpose(x, axes=(*range(ndim(x) - 2), ndim(x) - 1, ndim(x) - 2))


def _matmul_a(g: Any, y: Any, a: Any, b: Any, bias: Any = None) -> Any:
    if a.ndim == b.ndim == 2:
        return product(g, b.T)
    if ndim(b) == 1:  # (..., n) @ (n,): a weighted sum of the columns
        return expand_dims(g, axis=-1) * b if shape(g) else g * b
    if ndim(a) == 1:  # (n,) @ (..., n, m)
        return b @ g if ndim(b) == 2 else squeeze(b @ expand_dims(g, axis=-1), axis=-1)
    return g @ swap(b)


def _matmul_b(g: Any, y: Any, a: Any, b: Any, bias: Any = None) -> Any:
    if a.ndim == b.ndim == 2:
        return product(a.T, g)
    if ndim(a) == 1:
        return a * g if ndim(b) == 1 else expand_dims(a, axis=-1) * expand_dims(g, axis=-2)
    if ndim(b) == 1:  # every row of a, weighted by its gradient
        return reshape(g, shape=(-1,)) @ _rows(a)
    if ndim(b) == 2 and ndim(a) > 2:  # a batch of rows against one matrix: one large product
        return _rows(a).T @ _rows(g)
    return swap(a) @ g


def _rows(x: Any) -> Any:
    """A batch of rows, one under the other."""
    return reshape(x, shape=(math.prod(shape(x)[:-1]), shape(x)[-1]))


def _part(i: int) -> Rule:
    """Operand i of concatenate takes back its own stretch of the gradient."""

    def rule(g: Any, y: Any, *parts: Any, axis: int | None) -> Any:
        if axis is None:  # all numbers in one row
            start = sum_of(math.prod(shape(x)) for x in parts[:i])
            return reshape(g[start : start + math.prod(shape(parts[i]))], shape=shape(parts[i]))
        axis %= ndim(y)
        start = sum_of(shape(x)[axis] for x in parts[:i])
        return g[(slice(None),) * axis + (slice(start, start + shape(parts[i])[axis]),)]

    return rule


def _layer(i: int) -> Rule:
    """Operand i of stack takes back its own layer of the gradient."""
    return lambda g, y, *parts, axis: g[(slice(None),) * (axis % ndim(y)) + (i,)]


def _slope_n(g: Any, y: Any, x: Any, n: Any, times: int) -> Any:
    """How n(n-1)... x**(n - times) changes with n: in each of the factors, and in the exponent."""
    factors = [n - i for i in range(times)]
    change = sum_of(math.prod(factors[:i] + factors[i + 1 :]) for i in range(times))
    return g * (change * power(x, n - times) + xlogy(y, x))


sum_of = sum  # the name means a row from here on
REDUCE: dict[str, Any] = {"settings": {"axis": None, "keepdims": False}}
TO = {"shape": (), "dtype": None}


# fmt: off
# -- arithmetic --------------------------------------------------------------------------------------------------------
add      = Op("add",      "{} + {}", np.add,       operator.add,     lambda g, y, a, b: g,     lambda g, y, a, b: g)
subtract = Op("subtract", "{} - {}", np.subtract,  operator.sub,     lambda g, y, a, b: g,     lambda g, y, a, b: -g)
multiply = Op("multiply", "{} * {}", np.multiply,  operator.mul,     lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
divide   = Op("divide",   "{} / {}", np.divide,    operator.truediv, lambda g, y, a, b: g / b,
                                                                     lambda g, y, a, b: -g * y / b)
power    = Op("power",    "{}**{}",  operator.pow, operator.pow,     lambda g, y, a, n: g * slope(a, n),
                lambda g, y, a, n: g * xlogy(y, a), numpy=(np.power,))
negative = Op("negative", "-{}",     np.negative,  operator.neg,     lambda g, y, x: -g)
same     = Op("same",     "{}",      np.positive,  lambda x: x,      lambda g, y, x: g)
abs      = Op("abs",      "|{}|",    np.abs,       operator.abs,     lambda g, y, x: g * sign(x))
sign     = Op("sign",     "sign({})", np.sign,     kernels.sign_of,  lambda g, y, x: g * 0)

# -- comparison: no rule, so the answer is plain True and False, never a node of the graph -----------------------------
greater       = Op("greater",       "{} > {}",  np.greater,       operator.gt)
greater_equal = Op("greater_equal", "{} >= {}", np.greater_equal, operator.ge)
less          = Op("less",          "{} < {}",  np.less,          operator.lt)
less_equal    = Op("less_equal",    "{} <= {}", np.less_equal,    operator.le)
equal         = Op("equal",         "{} == {}", np.equal,         operator.eq)
not_equal     = Op("not_equal",     "{} != {}", np.not_equal,     operator.ne)

# -- functions of one variable -----------------------------------------------------------------------------------------
exp        = Op("exp",        "exp({})",      np.exp,           math.exp,           lambda g, y, x: g * y)
log        = Op("log",        "log({})",      np.log,           math.log,           lambda g, y, x: g / x)
expm1      = Op("expm1",      "expm1({})",    np.expm1,         math.expm1,         lambda g, y, x: g * (y + 1))
log1p      = Op("log1p",      "log1p({})",    np.log1p,         math.log1p,         lambda g, y, x: g / (1 + x))
sqrt       = Op("sqrt",       "sqrt({})",     np.sqrt,          math.sqrt,          lambda g, y, x: g / (2 * y))
square     = Op("square",     "square({})",   np.square,        lambda x: x * x,    lambda g, y, x: g * (2 * x))
reciprocal = Op("reciprocal", "1 / {}",       np.reciprocal,    lambda x: 1 / x,    lambda g, y, x: -g * y**2)
sin        = Op("sin",        "sin({})",      np.sin,           math.sin,           lambda g, y, x: g * cos(x))
cos        = Op("cos",        "cos({})",      np.cos,           math.cos,           lambda g, y, x: -g * sin(x))
tan        = Op("tan",        "tan({})",      np.tan,           math.tan,           lambda g, y, x: g * (1 + y**2))
arcsin     = Op("arcsin",     "arcsin({})",   np.arcsin,        math.asin,          lambda g, y, x: g / sqrt(1 - x**2))
arccos     = Op("arccos",     "arccos({})",   np.arccos,        math.acos,          lambda g, y, x: -g / sqrt(1 - x**2))
arctan     = Op("arctan",     "arctan({})",   np.arctan,        math.atan,          lambda g, y, x: g / (1 + x**2))
sinh       = Op("sinh",       "sinh({})",     np.sinh,          math.sinh,          lambda g, y, x: g * cosh(x))
cosh       = Op("cosh",       "cosh({})",     np.cosh,          math.cosh,          lambda g, y, x: g * sinh(x))
tanh       = Op("tanh",       "tanh({})",     np.tanh,          math.tanh,          lambda g, y, x: g * (1 - y**2))
arcsinh    = Op("arcsinh",    "arcsinh({})",  np.arcsinh,       math.asinh,         lambda g, y, x: g / sqrt(x**2 + 1))
arccosh    = Op("arccosh",    "arccosh({})",  np.arccosh,       math.acosh,         lambda g, y, x: g / sqrt(x**2 - 1))
arctanh    = Op("arctanh",    "arctanh({})",  np.arctanh,       math.atanh,         lambda g, y, x: g / (1 - x**2))
sigmoid    = Op("sigmoid",    "sigmoid({})",  kernels.sigmoid,  kernels.sigmoid_of, lambda g, y, x: g * (y * (1 - y)))
softplus   = Op("softplus",   "softplus({})", kernels.softplus, None,               lambda g, y, x: g * sigmoid(x))
relu       = Op("relu",       "relu({})",     kernels.relu,     kernels.relu_of,    lambda g, y, x: g * (x > 0))

# -- choosing ----------------------------------------------------------------------------------------------------------
maximum    = Op("maximum", "maximum({}, {})",   np.maximum, None,      lambda g, y, a, b: g * wins(a, b),
                                                                       lambda g, y, a, b: g * wins(b, a))
minimum    = Op("minimum", "minimum({}, {})",   np.minimum, None,      lambda g, y, a, b: g * wins(b, a),
                                                                       lambda g, y, a, b: g * wins(a, b))
where      = Op("where",   "where({}, {}, {})", np.where,   kernels.where_of, None,
            lambda g, y, c, a, b: where(c, g, 0), lambda g, y, c, a, b: where(c, 0, g))
clip       = Op("clip",    "clip({}, {}, {})",  np.clip,    None,
            lambda g, y, x, low, high: g * inside(x, low, high),
            lambda g, y, x, low, high: g * (x < low), lambda g, y, x, low, high: g * (x > high))

# -- many to one; `at` stands for axis and keepdims --------------------------------------------------------------------
sum        = Op("sum",         "sum({})",         np.add.reduce,       None,
            lambda g, y, x, **at: restore(g, x, **at), **REDUCE, numpy=(np.sum,))
max        = Op("max",         "max({})",         np.maximum.reduce,   None,
            lambda g, y, x, **at: restore(g, x, **at) * share(x, y, **at), **REDUCE, numpy=(np.max, np.amax))
min        = Op("min",         "min({})",         np.minimum.reduce,   None,
            lambda g, y, x, **at: restore(g, x, **at) * share(x, y, **at), **REDUCE, numpy=(np.min, np.amin))
logsumexp  = Op("logsumexp",   "logsumexp({})",   kernels.logsumexp,   None,
            lambda g, y, x, **at: restore(g, x, **at) * exp(x - restore(y, x, **at)), **REDUCE)
norm       = Op("norm",        "norm({})",        kernels.norm,        None,
            lambda g, y, x, **at: restore(g, x, **at) * ratio(x, restore(y, x, **at)), **REDUCE)
softmax    = Op("softmax",     "softmax({})",     kernels.softmax,     None,
            lambda g, y, x, axis: y * (g - sum(g * y, axis=axis, keepdims=True)), settings={"axis": -1})
log_softmax = Op("log_softmax", "log_softmax({})", kernels.log_softmax, None,
            lambda g, y, x, axis: g - exp(y) * sum(g, axis=axis, keepdims=True), settings={"axis": -1})

# -- shapes: the rules come in adjoint pairs ---------------------------------------------------------------------------
broadcast_to = Op("broadcast_to", "broadcast_to({})", kernels.broadcast_to, None,
            lambda g, y, x, **to: sum_to(g, shape=shape(x), dtype=dtype(x)), settings=TO, numpy=(np.broadcast_to,))
sum_to     = Op("sum_to",      "sum_to({})",      kernels.sum_to,      None,
            lambda g, y, x, **to: broadcast_to(g, shape=shape(x), dtype=dtype(x)), settings=TO)
getitem    = Op("getitem",     "{}[]",            kernels.getitem,     None,
            lambda g, y, x, index: scatter(g, index=index, shape=shape(x), dtype=dtype(x)), settings={"index": ()})
scatter    = Op("scatter",     "scatter({})",     kernels.scatter,     None,
            lambda g, y, x, index, **to: getitem(g, index=index), settings={"index": (), **TO})
reshape    = Op("reshape",     "reshape({})",     np.reshape,          None,
            lambda g, y, x, **to: reshape(g, shape=shape(x)), settings={"shape": ()})
squeeze    = Op("squeeze",     "squeeze({})",     np.squeeze,          None,
            lambda g, y, x, **at: reshape(g, shape=shape(x)), settings={"axis": None})
expand_dims = Op("expand_dims", "expand_dims({})", np.expand_dims,     None,
            lambda g, y, x, **at: reshape(g, shape=shape(x)), settings={"axis": 0})
transpose  = Op("transpose",   "{}.T",            np.transpose,        None,
            lambda g, y, x, axes: transpose(g, axes=inverse(axes)), settings={"axes": None})
concatenate = Op("concatenate", "concatenate({})", kernels.concatenate, None, each=_part,
            settings={"axis": 0}, numpy=(np.concatenate,))
stack      = Op("stack",       "stack({})",       kernels.stack,       None, each=_layer,
            settings={"axis": 0}, numpy=(np.stack,))

# -- matrices ----------------------------------------------------------------------------------------------------------
matmul     = Op("matmul", "{} @ {}",      kernels.matmul, None, _matmul_a, _matmul_b, numpy=(np.matmul,))
linear     = Op("linear", "{} @ {} + {}", kernels.linear, None, _matmul_a, _matmul_b,
            lambda g, y, x, w, b: g)  # one node for a layer, as in PyTorch

# -- classes: x of shape (batch, classes), before the softmax, and c the right class of each row -----------------------
cross_entropy = Op("cross_entropy", "cross_entropy({}, {})", kernels.cross_entropy, None,
            lambda g, y, x, c: g / (*shape(x), 1)[0] * (softmax(x, axis=-1) - one_hot(c, x)), None)
one_hot    = Op("one_hot", "one_hot({}, {})", kernels.one_hot, None)

# -- what rules are written with: a guard at an edge that must not show in a formula, or a choice that has no slope ----
slope      = Op("slope",  "{1} * {0}**({1} - 1)", kernels.slope, kernels.slope_of,
            lambda g, y, x, n, times: g * slope(x, n, times=times + 1), _slope_n, settings={"times": 1})
xlogy      = Op("xlogy",  "{} * log({})", kernels.xlogy, None, lambda g, y, a, x: g * log_of(a, x),
                                                               lambda g, y, a, x: g * ratio(a, x))
log_of     = Op("log_of", "log({1})",     kernels.log_of, None, None, lambda g, y, a, x: ratio(g, x))
ratio      = Op("ratio",  "{} / {}",      kernels.ratio, None, lambda g, y, a, b: ratio(g, b),
                                                               lambda g, y, a, b: -ratio(g * y, b))
wins       = Op("wins",   "[{} > {}]",           kernels.wins,   None)
share      = Op("share",  "[{} = {}]",           kernels.share,  None, **REDUCE)
inside     = Op("inside", "[{1} <= {0} <= {2}]", kernels.inside, None)
# fmt: on
