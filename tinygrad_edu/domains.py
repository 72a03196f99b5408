"""Where every operation is at home: what it is, which numbers it takes, an example, and what holds at its kinks.

`help(tg.tanh)`, the page of operations, the tests and the gradient checks read this one table; an operation that is
missing here fails a test. The columns of ROWS:

    what       the operation in a few words
    operands   their letters, each with the condition under which it is differentiable; POINTS says where tests draw it
    example    its arguments, and what comes out: `(value, gradient)` in brackets, else the value alone

KINKS lists the points without a derivative and the convention there, REAL_ONLY the operations that must not be given
complex numbers, CASES the shapes and settings to test. Composites stand at the end: they have a docstring of their own.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np

from . import functions, ops


class Case(NamedTuple):
    """Operands to test with: a tuple is a shape to draw, a function makes one of those before, all else is given."""

    operands: tuple[Any, ...]
    settings: dict[str, Any]


class Domain(NamedTuple):
    """One line of ROWS."""

    row: Any  # an operation, or a function made of them
    what: str
    operands: str
    example: str = ""
    gives: str = ""


class Kink(NamedTuple):
    """One line of KINKS: the gradient of the result's sum at a point; None where nothing is promised."""

    row: Any  # an operation, or a function made of them
    point: tuple[Any, ...]
    gradient: tuple[Any, ...]
    convention: str


def at(*operands: Any, **settings: Any) -> Case:
    """A line of CASES."""
    return Case(operands, settings)


# fmt: off
POINTS: dict[str, tuple[tuple[float, float], ...]] = {  # intervals, at a distance from the points left out
    "x":          ((-2.5, 2.5),),
    "x != 0":     ((-2.5, -0.4), (0.4, 2.5)),
    "x > 0":      ((0.4, 2.5),),
    "x > -1":     ((-0.7, -0.2), (0.2, 2.0)),
    "x > 1":      ((1.3, 3.0),),
    "|x| < 1":    ((-0.8, -0.1), (0.1, 0.8)),
    "cos x != 0": ((-1.2, -0.2), (0.2, 1.2)),
    "low":        ((-1.6, -1.2),),
    "high":       ((1.2, 1.6),),
    "x not at a bound": ((-2.5, -1.9), (-0.9, 0.9), (1.9, 2.5)),
}

ROWS = tuple(Domain(*line) for line in (
    # row           what                                 operands     example     gives
    (ops.add,      "the sum",                           "a, b",      "2.0, 5.0", "(7.0, (1.0, 1.0))"),
    (ops.subtract, "the difference",                    "a, b",      "2.0, 5.0", "(-3.0, (1.0, -1.0))"),
    (ops.multiply, "the product",                       "a, b",      "2.0, 5.0", "(10.0, (5.0, 2.0))"),
    (ops.divide,   "the quotient",                      "a, b != 0", "6.0, 2.0", "(3.0, (0.5, -1.5))"),
    (ops.power,    "a to the power n",                  "a > 0, n",  "1.0, 3.0", "(1.0, (3.0, 0.0))"),
    (ops.negative, "x with the other sign",             "x",         "2.0",      "(-2.0, -1.0)"),
    (ops.abs,      "the distance of x from 0",          "x != 0",    "-2.0",     "(2.0, -1.0)"),
    (ops.sign,     "the side of 0 x is on: -1, 0 or 1", "x != 0",    "-2.0",     "(-1.0, 0.0)"),
    (ops.same,     "x itself, as a node of its own",    "x"),

    (ops.greater,       "whether a is above b",    "a, b", "2.0, 5.0", "False"),
    (ops.greater_equal, "whether a is at least b", "a, b", "2.0, 5.0", "False"),
    (ops.less,          "whether a is below b",    "a, b", "2.0, 5.0", "True"),
    (ops.less_equal,    "whether a is at most b",  "a, b", "2.0, 5.0", "True"),
    (ops.equal,         "whether a is b",          "a, b", "2.0, 5.0", "False"),
    (ops.not_equal,     "whether a is not b",      "a, b", "2.0, 5.0", "True"),

    (ops.exp,        "e to the power x",               "x",          "0.0",  "(1.0, 1.0)"),
    (ops.log,        "the natural logarithm",          "x > 0",      "1.0",  "(0.0, 1.0)"),
    (ops.expm1,      "exp(x) - 1, accurate near 0",    "x",          "0.0",  "(0.0, 1.0)"),
    (ops.log1p,      "log(1 + x), accurate near 0",    "x > -1",     "0.0",  "(0.0, 1.0)"),
    (ops.sqrt,       "the square root",                "x > 0",      "4.0",  "(2.0, 0.25)"),
    (ops.square,     "x times x",                      "x",          "3.0",  "(9.0, 6.0)"),
    (ops.reciprocal, "one over x",                     "x != 0",     "2.0",  "(0.5, -0.25)"),
    (ops.sin,        "the sine",                       "x",          "0.0",  "(0.0, 1.0)"),
    (ops.cos,        "the cosine",                     "x",          "0.0",  "(1.0, -0.0)"),
    (ops.tan,        "the tangent",                    "cos x != 0", "0.0",  "(0.0, 1.0)"),
    (ops.arcsin,     "the angle whose sine is x",      "|x| < 1",    "0.0",  "(0.0, 1.0)"),
    (ops.arccos,     "the angle whose cosine is x",    "|x| < 1",    "0.0",  "(1.570..., -1.0)"),
    (ops.arctan,     "the angle whose tangent is x",   "x",          "1.0",  "(0.785..., 0.5)"),
    (ops.sinh,       "the hyperbolic sine",            "x",          "0.0",  "(0.0, 1.0)"),
    (ops.cosh,       "the hyperbolic cosine",          "x",          "0.0",  "(1.0, 0.0)"),
    (ops.tanh,       "the hyperbolic tangent",         "x",          "0.0",  "(0.0, 1.0)"),
    (ops.arcsinh,    "the inverse hyperbolic sine",    "x",          "0.0",  "(0.0, 1.0)"),
    (ops.arccosh,    "the inverse hyperbolic cosine",  "x > 1",      "1.25", "(0.693..., 1.333...)"),
    (ops.arctanh,    "the inverse hyperbolic tangent", "|x| < 1",    "0.0",  "(0.0, 1.0)"),
    (ops.sigmoid,    "1 / (1 + exp(-x)), from 0 to 1", "x",          "0.0",  "(0.5, 0.25)"),
    (ops.softplus,   "log(1 + exp(x)), a smooth relu", "x",          "0.0",  "(0.693..., 0.5)"),
    (ops.relu,       "x where it is positive, else 0", "x != 0",     "3.0",  "(3.0, 1.0)"),

    (ops.maximum, "the larger of two",                    "a, b",    "2.0, 5.0",       "(5.0, (0.0, 1.0))"),
    (ops.minimum, "the smaller of two",                   "a, b",    "2.0, 5.0",       "(2.0, (1.0, 0.0))"),
    (ops.where,   "a where c holds, else b",              "c, a, b", "True, 2.0, 5.0", "2.0"),
    (ops.clip,    "x, but at least low and at most high", "x not at a bound, low, high"),

    (ops.sum,         "the sum, of all or along axis",      "x", "[1.0, 3.0]",  "(4.0, array([1., 1.]))"),
    (ops.prod,        "the product, of all or along axis",  "x", "[1.0, 3.0]",  "(3.0, array([3., 1.]))"),
    (ops.max,         "the largest, of all or along axis",  "x", "[1.0, 3.0]",  "(3.0, array([0., 1.]))"),
    (ops.min,         "the smallest, of all or along axis", "x", "[1.0, 3.0]",  "(1.0, array([1., 0.]))"),
    (ops.logsumexp,   "log(sum(exp(x))), safe for large x", "x", "[0.0, 0.0]",  "(0.693..., array([0.5, 0.5]))"),
    (ops.softmax,     "exp(x) / sum(exp(x)) along axis",    "x", "[0.0, 0.0]",  "array([0.5, 0.5])"),
    (ops.log_softmax, "log(softmax(x)) along axis",         "x", "[0.0, 0.0]",  "array([-0.693..., -0.693...])"),
    (ops.norm,        "the length, of all or along axis",   "x != 0"),

    (ops.broadcast_to, "x repeated to a larger shape",          "x",  "[1.0, 2.0], (1, 2)",  "array([[1., 2.]])"),
    (ops.sum_to,       "x summed to a smaller shape",           "x"),
    (ops.reshape,      "the same numbers in another shape",     "x",  "[1.0, 2.0], (2, 1)",  "array([[1.], [2.]])"),
    (ops.squeeze,      "x without axes of length 1",            "x",  "[[1.0, 2.0]]",        "array([1., 2.])"),
    (ops.expand_dims,  "x with a new axis of length 1",         "x",  "[1.0, 2.0], 1",       "array([[1.], [2.]])"),
    (ops.transpose,    "the axes reversed or reordered",        "x",  "[[1.0, 2.0]]",        "array([[1.], [2.]])"),
    (ops.concatenate,  "arrays joined along an axis",           "*x", "[[1.0], [2.0, 3.0]]", "array([1., 2., 3.])"),
    (ops.stack,        "arrays side by side along a new axis",  "*x", "[1.0, 2.0]",          "array([1., 2.])"),
    (ops.getitem,      "the elements at any index NumPy takes", "x"),
    (ops.scatter,      "zeros, and x added in at an index",     "x"),

    (ops.matmul, "the product of matrices or vectors", "a, b", "[2.0], [3.0]", "(6.0, (array([3.]), array([2.])))"),

    (ops.linear, "x @ a + b, the rows x weighted", "x, a, b", "[1.0, 2.0], [[1.0], [2.0]], [0.5]",
        "array([5.5])"),

    (ops.cross_entropy, "the mean of -log(softmax(x)) at each row's class", "x, c"),
    (ops.one_hot,       "1 at each row's class, else 0",                    "c, x"),

    (ops.slope,  "the slope of x**n, right at x = 0", "x > 0, n"),
    (ops.xlogy,  "a * log(x), 0 where a = 0",         "a, x > 0"),
    (ops.ratio,  "a / b, 0 where b = 0",              "a, b != 0"),
    (ops.wins,   "1 where a > b, 1/2 where a = b",    "a, b"),
    (ops.share,  "the share of each x that equals y", "x, y"),
    (ops.inside, "whether low <= x <= high",          "x not at a bound, low, high"),

    (functions.mean,    "", "x"), (functions.var,  "", "x"), (functions.std,  "", "x"),
    (functions.flatten, "", "x"), (functions.clip, "", "x not at a bound"), (functions.norm, "", "x != 0"),
))

KINKS = tuple(Kink(*line) for line in (
    # row            point                  gradient               convention
    (ops.abs,        (0.0,),                (0.0,),                "|x|'(0) = 0"),
    (ops.sign,       (0.0,),                (0.0,),                "sign'(0) = 0"),
    (ops.relu,       (0.0,),                (0.0,),                "relu'(0) = 0"),
    (ops.sqrt,       (0.0,),                (np.inf,),             "sqrt'(0) = inf"),
    (ops.power,      (0.0, 0.0),            (0.0, None),           "0**n has the slope of the polynomial x**n"),
    (ops.power,      (0.0, 1.0),            (1.0, 0.0),            "0**n has the slope of the polynomial x**n"),
    (ops.power,      (0.0, 2.0),            (0.0, 0.0),            "0**n has the slope of the polynomial x**n"),
    (ops.power,      (-2.0, 3.0),           (12.0, np.nan),        "a < 0 has the slope nan in n"),
    (ops.maximum,    (2.0, 2.0),            (0.5, 0.5),            "equal numbers share the gradient evenly"),
    (ops.minimum,    (2.0, 2.0),            (0.5, 0.5),            "equal numbers share the gradient evenly"),
    (ops.clip,       (1.0, 1.0, 2.0),       (1.0, 0.0, 0.0),       "the gradient passes to x at both bounds"),
    (ops.clip,       (2.0, 1.0, 2.0),       (1.0, 0.0, 0.0),       "the gradient passes to x at both bounds"),
    (functions.clip, (1.0, 1.0, 2.0),       (1.0, 0.0, 0.0),       "the gradient passes to x at both bounds"),
    (ops.max,        ([2.0, 1.0, 2.0],),    ([0.5, 0.0, 0.5],),    "equal numbers share the gradient evenly"),
    (ops.min,        ([2.0, 1.0, 1.0],),    ([0.0, 0.5, 0.5],),    "equal numbers share the gradient evenly"),
    (ops.prod,       ([0.0, 2.0, 3.0],),    ([6.0, 0.0, 0.0],),    "right with zeros among the factors"),
    (ops.prod,       ([0.0, 0.0, 3.0],),    ([0.0, 0.0, 0.0],),    "right with zeros among the factors"),
    (ops.norm,       (0.0,),                (0.0,),                "norm'(0) = 0"),
    (ops.norm,       ([0.0, 0.0],),         ([0.0, 0.0],),         "norm'(0) = 0"),
    (functions.norm, ([0.0, 0.0],),         ([0.0, 0.0],),         "norm'(0) = 0"),
    (functions.std,  ([3.0, 3.0],),         ([0.0, 0.0],),         "std'(0) = 0"),
    (ops.slope,      (0.0, 0.0),            (0.0, None),           "0**n has the slopes of the polynomial x**n"),
    (ops.slope,      (0.0, 1.0),            (0.0, None),           "0**n has the slopes of the polynomial x**n"),
    (ops.slope,      (0.0, 2.0),            (2.0, None),           "0**n has the slopes of the polynomial x**n"),
    (ops.xlogy,      (0.0, 0.0),            (-np.inf, 0.0),        "0 log 0 = 0"),
    (ops.ratio,      (0.0, 0.0),            (0.0, 0.0),            "0 / 0 = 0, and its slopes are 0"),
))

REAL_ONLY = frozenset({  # not differentiable in the complex plane; some are, but NumPy's logaddexp is real
    ops.abs, ops.sign, ops.relu, ops.softplus, ops.maximum, ops.minimum, ops.clip, ops.max, ops.min,
    ops.wins, ops.share, ops.inside, ops.one_hot, ops.cross_entropy,
})

ONE   = (at(()), at((3,)), at((2, 3)), at((0,)))
TWO   = (at((), ()), at((3,), ()), at((), (3,)), at((2, 3), (2, 3)), at((3, 1), (4,)), at((2, 1, 2), (3, 1)),
         at((0,), (1,)))
THREE = (at((), (), ()), at((3,), (), ()), at((2, 3), (3,), (2, 1)), at((2, 1), (1, 3), ()), at((0,), (), (1,)))
ALONG = (at(()), at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=-1, keepdims=True),
         at((2, 3), keepdims=True), at((2, 3, 2), axis=(0, -1)), at((2, 2, 2), axis=(1, 2), keepdims=True),
         at((3, 1), axis=1), at((2, 0), axis=0))
EMPTY = (at((0,)), at((0, 3), axis=0), at((2, 0, 2), axis=(1, 2)), at((0, 2, 2), axis=(1, 2)))
INDEX = (
    ((4,), 1), ((4,), -1), ((4,), slice(1, None)), ((4,), slice(None, None, -2)), ((4,), slice(2, 2)), ((2, 3), ()),
    ((2, 3), 1), ((2, 3), (0, -1)), ((2, 3), (slice(None), slice(0, 2))), ((2, 3), (..., 0)),
    ((2, 3), (slice(None), None, 1)), ((4,), [0, -1, 2]), ((4,), np.array([1, 1, 3, 1])), ((4,), ((1, 1),)),
    ((4,), [[0, 1], [1, 3]]),
    ((4,), np.array([True, False, True, True])), ((2, 3), np.eye(2, 3, dtype=bool)), ((2, 3), ([0, 1, 1], [2, 0, 0])),
    ((2, 3), (slice(None), [0, 0])), ((2, 3), (1, [0, 2, 0])), ((2, 3, 2), ([0, 0], slice(None), 1)),
)

CASES: dict[Any, tuple[Case, ...]] = {
    ops.power:        (*TWO, at((), 3.0), *[at((3,), n) for n in (-1.0, 0.0, 0.5, 1.0, 2.0)], at(2.0, (3,))),
    ops.clip:         (*THREE, at((4,), None, ()), at((4,), (), None)),
    ops.inside:       (*THREE, at((4,), None, ()), at((4,), (), None)),
    ops.share:        (at((4,), np.max, axis=None, keepdims=False), at((4,), np.min, axis=0, keepdims=False)),
    ops.sum:          (*ALONG, *EMPTY),
    ops.prod:         (*ALONG, *EMPTY, at((5,)), at((3, 4), axis=1)),
    ops.max:          ALONG,
    ops.min:          ALONG,
    ops.logsumexp:    ALONG,
    ops.softmax:      (at((4,)), at((2, 3)), at((2, 3), axis=0), at((0, 3))),
    ops.log_softmax:  (at((4,)), at((2, 3)), at((2, 3), axis=0), at((0, 3))),
    ops.norm:         (*ALONG, *EMPTY),
    ops.broadcast_to: (at((), shape=(3,)), at((3,), shape=(2, 3)), at((2, 1), shape=(2, 3)), at((3,), shape=(3,)),
                       at((1,), shape=(0,))),
    ops.sum_to:       (at((3,), shape=()), at((2, 3), shape=(3,)), at((2, 3), shape=(2, 1)),
                       at((2, 2, 3), shape=(1, 3)), at((3,), shape=(3,)), at((0,), shape=(1,))),
    ops.reshape:      (at((), shape=(1, 1)), at((1,), shape=()), at((2, 3), shape=(3, 2)), at((2, 3), shape=-1),
                       at((0, 2), shape=(2, 0))),
    ops.squeeze:      (at((1, 3)), at((1, 3, 1), axis=0), at((1, 3, 1), axis=-1), at((1, 3, 1), axis=(0, 2)),
                       at((1, 1)), at((1, 0))),
    ops.expand_dims:  (at(()), at((3,)), at((3,), axis=-1), at((2, 3), axis=1), at((3,), axis=(0, 2)), at((0,))),
    ops.transpose:    (at((3,)), at((2, 3)), at((2, 3), axes=(0, 1)), at((2, 3, 2)), at((2, 3, 1), axes=(1, 2, 0)),
                       at((2, 3, 1), axes=(-1, 0, 1)), at((0, 2))),
    ops.concatenate:  (at((2,), (3,)), at((2, 1), (2, 2), axis=1), at((1, 2), (2, 2), (1, 2), axis=-2), at((2,), (0,)),
                       at((3,))),
    ops.stack:        (at((), ()), at((3,), (3,)), at((2,), (2,), (2,), axis=1), at((2, 2), (2, 2), axis=-1), at((3,)),
                       at((0,), (0,))),
    ops.getitem:      tuple(at(shape, index=index) for shape, index in INDEX),
    ops.scatter:      tuple(at(np.empty(shape)[index].shape, index=index, shape=shape) for shape, index in INDEX),
    ops.matmul:       (at((3,), (3,)), at((3,), (3, 2)), at((2, 3), (3,)), at((2, 3), (3, 2)), at((2, 2, 3), (2, 3, 2)),
                       at((2, 2, 3), (3, 2)), at((2, 3), (2, 3, 2)), at((2, 1, 2, 2), (3, 2, 2)), at((2, 2, 3), (3,)),
                       at((3,), (2, 3, 2)), at((0, 3), (3, 2)), at((2, 0), (0, 3)), at((2, 0), (0,)), at((0,), (0, 2))),
    ops.linear:       (at((2, 3), (3, 2), (2,)), at((3,), (3, 2), (2,)), at((2, 3), (3,), ()),
                       at((2, 3), (3, 2), (2, 1)), at((2, 2, 3), (3, 2), (2,)), at((0, 3), (3, 2), (2,))),
    ops.cross_entropy: (at((1, 2), np.array([1])), at((3, 4), np.array([2, 0, 2]))),
    ops.one_hot:      (at(np.array([2, 0]), (2, 3)),),
    functions.mean:   ALONG,
    functions.var:    (*ALONG, at((4,), ddof=1)),
    functions.std:    (*ALONG[1:], at((4,), ddof=1)),
    functions.clip:   (at((4,), min=-1.4, max=1.4), at((2, 3), min=-1.4), at((), max=1.4)),
    functions.norm:   (*ALONG[1:], at((3,), ord=2), at((2, 3), ord="fro")),
}
# fmt: on

DOMAINS: dict[Any, Domain] = {domain.row: domain for domain in ROWS}
LETTER = re.compile(r"\b(low|high|[abcnxy])\b")


def holomorphic(row: Any) -> bool:
    """Whether the complex step may pass through an operation: it has a complex derivative, and computes with them."""
    return row in DOMAINS and row not in REAL_ONLY


def cases(row: Any) -> tuple[Case, ...]:
    """The shapes and settings with which an operation is tested."""
    return CASES.get(row) or (ONE, TWO, THREE)[DOMAINS[row].operands.count(",")]


def draw(row: Any, case: Case, random: np.random.Generator) -> list[Any]:
    """Operands for a case, drawn from the domain: no two numbers are equal or nearly so, none is near a kink."""
    count = sum(math.prod(shape) for shape in case.operands if isinstance(shape, tuple))
    spread = iter((random.permutation(count) + random.uniform(0.1, 0.9, count)) / max(count, 1))  # over 0 to 1
    operands: list[Any] = []
    for i, shape in enumerate(case.operands):
        if isinstance(shape, tuple):
            numbers = [placed(next(spread), condition(row, i)) for _ in range(math.prod(shape))]
            operands.append(np.reshape(numbers, shape) if shape else numbers[0])
        else:
            operands.append(float(shape(*operands)) if callable(shape) else shape)
    return operands


def condition(row: Any, i: int) -> str:
    """What operand `i` must satisfy, as a key of POINTS; "c" for a truth value."""
    parts = DOMAINS[row].operands.lstrip("*").split(", ")
    part = parts[min(i, len(parts) - 1)]
    return part if part in POINTS or part == "c" else LETTER.sub("x", part)


def placed(u: float, condition: str) -> Any:
    """The point a fraction `u` of the way through the intervals of a condition."""
    if condition == "c":
        return u > 0.5
    intervals = POINTS[condition]
    rest = u * sum(high - low for low, high in intervals)
    for low, high in intervals:
        if rest <= high - low:
            return float(low + rest)
        rest -= high - low
    return intervals[-1][1]


def describe(row: Any) -> str:
    """The text of `help(tg.tanh)`: what it is, where it is differentiable, the convention at its kinks, an example.

    >>> print(describe(ops.norm))
    norm(x, axis=None, keepdims=False): the length, of all or along axis.
    <BLANKLINE>
    Differentiable for x != 0.
    Convention: norm'(0) = 0.
    """
    if row not in DOMAINS or not isinstance(row, ops.Op):
        return str(getattr(row, "written", row.__doc__))
    domain, parts = DOMAINS[row], DOMAINS[row].operands.split(", ")
    conditions = [part for part in parts if not part.lstrip("*").isidentifier()]
    where = f"Differentiable for {', '.join(conditions) or 'all numbers'}." if row.rules else "No gradient passes it."
    conventions = dict.fromkeys(f"Convention: {kink.convention}." for kink in KINKS if kink.row is row)
    answers = ", ".join(f"np.{f.__name__}" for f in answered(row))
    lines = [where, *conventions, *([f"NumPy: {answers}."] if answers else []), *example(domain, len(parts))]
    return "\n".join([f"{written(row, [LETTER.findall(part)[0] for part in parts])}: {domain.what}.", "", *lines])


def answered(row: Any) -> list[Any]:
    """The functions of NumPy that an operation answers for."""
    numpys = [f for f, by in ops.ANSWERS.items() if by is row]
    return [f for f in numpys if isinstance(f, np.ufunc) or getattr(f, "__module__", "").startswith("numpy")]


def written(row: ops.Op, letters: list[str]) -> str:
    """An operation with its letters, as a formula or, if it has settings, as a call."""
    if not row.settings:
        return row.written.format(*letters)
    operands = letters if row.arity else ["[a, b, ...]"]
    return f"{row.name}({', '.join([*operands, *(f'{name}={default}' for name, default in row.settings.items())])})"


def example(domain: Domain, arity: int) -> list[str]:
    """The example as a doctest; where there is a gradient to show, the call asks for it."""
    if not domain.example:
        return []
    call = f"tg.{domain.row.name}"
    if domain.gives.startswith("("):
        call = f"tg.value_and_grad({call}{'' if arity == 1 else f', argnums={tuple(range(arity))}'})"
    return ["", ">>> import tinygrad_edu as tg", f">>> {call}({domain.example})", domain.gives]
