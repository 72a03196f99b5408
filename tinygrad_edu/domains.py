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

import inspect
import math
import re
from typing import Any, NamedTuple

import numpy as np

from . import arrays, functions, images, linalg, matrices, ops, rows


class Case(NamedTuple):
    """Operands to test with: a tuple is a shape to draw, a function makes one of those before, all else is given."""

    operands: tuple[Any, ...]
    settings: dict[str, Any]


class Kink(NamedTuple):
    """One line of KINKS: the gradient of the result's sum at a point; None where nothing is promised."""

    row: Any  # an operation, or a function made of them
    point: tuple[Any, ...]
    gradient: tuple[Any, ...]
    convention: str


class Domain(NamedTuple):
    """One line of ROWS; that of an operation of one's own also says what stands in tables of their own for the rest."""

    row: Any  # an operation, or a function made of them
    what: str
    operands: str
    example: str = ""
    gives: str = ""
    cases: tuple[Case, ...] = ()
    kinks: tuple[Kink, ...] = ()
    real_only: bool = False


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
    "x not whole":      ((-1.8, -1.2), (0.2, 0.8), (1.2, 1.8)),
    "x not half-way":   ((-1.4, -0.6), (0.6, 1.4)),
    "x / x not whole":  ((-1.8, -1.2), (0.2, 0.8), (1.2, 1.8)),
    "m":                ((0.95, 1.05),),
    "w":                ((0.4, 2.5),),
    "x not at a bound": ((-2.5, -1.9), (-0.9, 0.9), (1.9, 2.5)),
}
NEAR_DIAGONAL = frozenset({  # what holds of a matrix that differs little from diag(2, 4, 6 ...)
    "x invertible", "x positive definite", "x of distinct eigenvalues", "x of distinct singular values",
    "x of constant rank",
})
POINTS |= dict.fromkeys(sorted(NEAR_DIAGONAL), ((-0.5, 0.5),))

LINES: tuple[Any, ...] = (
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
    (rows.prod,        "the product, of all or along axis",  "x", "[1.0, 3.0]",  "(3.0, array([3., 1.]))"),
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

    (ops.linear, "x @ w + b, the rows x weighted", "x, w, b", "[1.0, 2.0], [[1.0], [2.0]], [0.5]",
        "array([5.5])"),

    (ops.cross_entropy, "the mean of -log(softmax(x)) at each row's class", "x, c"),
    (ops.one_hot,       "1 at each row's class, else 0",                    "c, x"),

    (ops.slope,  "the slope of x**n, right at x = 0", "x > 0, n"),
    (ops.xlogy,  "a * log(x), 0 where a = 0",         "a, x > 0"),
    (ops.log_of, "log(x), 0 where a = x = 0",         "a, x > 0"),
    (ops.ratio,  "a / b, 0 where b = 0",              "a, b != 0"),
    (rows.others, "for each factor the product of all others", "x"),
    (ops.wins,   "1 where a > b, 1/2 where a = b",    "a, b"),
    (ops.share,  "the share of each x that equals y", "x, y"),
    (ops.inside, "whether low <= x <= high",          "x not at a bound, low, high"),

    (rows.exp2,    "2 to the power x",                       "x",       "3.0",   "(8.0, 5.545...)"),
    (rows.log2,    "the logarithm to base 2",                "x > 0",   "8.0",   "(3.0, 0.180...)"),
    (rows.log10,   "the logarithm to base 10",               "x > 0",   "100.0", "(2.0, 0.00434...)"),
    (rows.cbrt,    "the cube root, of negative numbers too", "x != 0",  "-8.0",  "(-2.0, 0.0833...)"),
    (rows.degrees, "the angle x in degrees; constant slope", "x",       "0.0",   "(0.0, 57.29...)"),
    (rows.radians, "x degrees in radians; constant slope",   "x",       "180.0", "(3.141..., 0.01745...)"),
    (rows.sinc,    "sin(pi x) / (pi x), and 1 at 0",         "x",       "0.0",   "(1.0, 0.0)"),
    (rows.isnan,   "whether x is no number, in plain truth", "x",       "np.nan", "True"),
    (rows.fabs,    "the distance of x from 0",               "x != 0",  "-2.0",  "(2.0, -1.0)"),

    (rows.floor, "the next whole number below; slope 0",      "x not whole",    "2.5",   "(2.0, 0.0)"),
    (rows.ceil,  "the next whole number above; slope 0",      "x not whole",    "2.5",   "(3.0, 0.0)"),
    (rows.rint,  "the nearest whole number; slope 0",         "x not half-way", "2.75",  "(3.0, 0.0)"),
    (rows.trunc, "the next whole number towards 0; slope 0",  "x not whole",    "-2.5",  "(-2.0, 0.0)"),
    (rows.round, "x to so many decimals; slope 0",            "x not half-way", "2.75",  "(3.0, 0.0)"),

    (rows.arctan2,      "the angle of the point (b, a)",        "a, b",    "1.0, 1.0", "(0.785..., (0.5, -0.5))"),
    (rows.hypot,        "the length of the hypotenuse",         "a, b",    "3.0, 4.0", "(5.0, (0.6, 0.8))"),
    (rows.logaddexp,    "log(exp(a) + exp(b)), safe for large", "a, b",    "0.0, 0.0", "(0.693..., (0.5, 0.5))"),
    (rows.logaddexp2,   "log2(2**a + 2**b), safe for large",    "a, b",    "0.0, 0.0", "(1.0, (0.5, 0.5))"),
    (rows.fmax,         "the larger of two that is no nan",     "a, b",    "2.0, np.nan", "(2.0, (1.0, 0.0))"),
    (rows.fmin,         "the smaller of two that is no nan",    "a, b",    "2.0, np.nan", "(2.0, (1.0, 0.0))"),
    (rows.remainder,    "what is left of a after whole m",      "a / m not whole, m", "7.5, 2.0", "(1.5, (1.0, -3.0))"),
    (rows.floor_divide, "how many whole m are in a; slope 0",   "a / m not whole, m", "7.5, 2.0", "(3.0, (0.0, 0.0))"),

    (rows.leaky_relu, "x, times negative_slope below 0",    "x != 0", "-2.0", "(-0.02, 0.01)"),
    (rows.elu,        "x, alpha * (exp(x) - 1) below 0",    "x != 0", "-2.0", "(-0.864..., 0.135...)"),

    (rows.cumsum,       "the sums so far",                          "x", "[1.0, 2.0, 3.0]", "array([1., 3., 6.])"),
    (rows.argmax,       "where the largest is, in plain integers",  "x", "[1.0, 9.0, 3.0]", "1"),
    (rows.argmin,       "where the smallest is, in plain integers", "x", "[1.0, 9.0, 3.0]", "0"),
    (rows.argsort,      "the places in the order of the numbers",   "x", "[1.0, 9.0, 3.0]", "array([0, 2, 1])"),
    (rows.argpartition, "the places, with the kth where it belongs", "x", "[1.0, 9.0, 3.0], 1", "array([0, 2, 1])"),
    (rows.sort,         "in order, the smallest first",             "x", "[1.0, 9.0, 3.0]", "array([1., 3., 9.])"),
    (rows.partition,    "the kth number where it belongs",          "x", "[1.0, 9.0, 3.0], 1", "array([1., 3., 9.])"),
    (rows.take_along_axis, "for each slice the numbers at indices", "x, i", "[1.0, 9.0], [1, 0]", "array([9., 1.])"),
    (rows.put_along_axis,  "zeros, and x added in at indices",      "x, i"),

    (functions.mean,    "", "x"), (functions.var,  "", "x"), (functions.std,  "", "x"),
    (functions.flatten, "", "x"), (functions.clip, "", "x not at a bound"),
    (matrices.contract, "the sum of products by subscripts",     "*x"),
    (matrices.inv,      "the inverse of each matrix",            "x invertible",    "[[2.0]]",        "array([[0.5]])"),
    (matrices.solve,    "the y with a @ y = b",                  "a invertible, b", "[[2.0]], [3.0]", "array([1.5])"),
    (matrices.cofactor, "what det gains with each element",      "x invertible"),
    (matrices.det,      "the determinant of each matrix",        "x", "[[1.0, 2.0], [2.0, 4.0]]",
        "(0.0, array([[ 4., -2.], [-2., 1.]]))"),
    (matrices.packed_slogdet, "the sign and log|det|, side by side", "x invertible"),
    (matrices.cholesky, "the triangular y with y @ y.T = x",     "x positive definite", "[[4.0]]",    "array([[2.]])"),
    (matrices.packed_eigh, "eigenvalues over eigenvectors",      "x of distinct eigenvalues"),
    (matrices.packed_svd,  "singular values over both bases, one node",    "x of distinct singular values"),
    (matrices.pinv,     "the pseudo-inverse of each matrix",     "x of constant rank",
        "[[2.0, 0.0]]", "array([[0.5], [0. ]])"),
    (matrices.phi,      "the lower triangle, the diagonal halved", "x"),
    (matrices.gaps,     "each number minus each other one",      "x"),
    (matrices.p_norm,   "sum(|x|**ord)**(1 / ord)",              "x != 0"),

    (images.convolution,      "each window times the weights, summed",      "x, w, b"),
    (images.conv2d_image,     "what conv2d hands back to the images",       "y, w"),
    (images.conv2d_weight,    "what conv2d hands back to the weights",      "x, y"),
    (images.max_pooling,      "the largest of each window",                 "x"),
    (images.image_shares,     "where in its window the largest x is",       "x, y"),
    (images.image_sum,        "each window times weights of its own, summed", "x, w"),
    (images.image_spread,     "what image_sum hands back to the images",    "y, w"),
    (images.conv2d, "", "x, w, b"), (images.max_pool2d, "", "x"), (images.avg_pool2d, "", "x"),

    *((f, "", "a, b") for f in (
        linalg.dot, linalg.vdot, linalg.inner, linalg.outer, linalg.tensordot, linalg.kron, linalg.cross, linalg.vecdot,
    )),
    (linalg.einsum, "", "*x"), (linalg.multi_dot, "", "*x"), (linalg.matrix_transpose, "", "x"),
    (linalg.matrix_power, "", "x invertible"), (linalg.slogdet, "", "x invertible"),
    (linalg.eigh, "", "x of distinct eigenvalues"), (linalg.eigvalsh, "", "x of distinct eigenvalues"),
    (linalg.svd, "", "x of distinct singular values"), (linalg.svdvals, "", "x of distinct singular values"),
    (linalg.norm, "", "x != 0"), (linalg.vector_norm, "", "x != 0"), (linalg.matrix_norm, "", "x != 0"),
    (functions.ptp,     "", "x"), (functions.average, "", "a, w"), (functions.median, "", "x"),
    (functions.cumprod, "", "x"), (functions.diff, "", "x"), (functions.gradient, "", "x"),
    (functions.silu,    "", "x"), (functions.gelu, "", "x"), (functions.fix, "", "x not whole"),
    (functions.nan_to_num, "", "x"),
    *((f, "", "*x") for f in (arrays.hstack, arrays.vstack, arrays.dstack, arrays.column_stack)),
    *((f, "", "x") for f in (
        arrays.ravel, arrays.swapaxes, arrays.moveaxis, arrays.rollaxis, arrays.atleast_1d, arrays.atleast_2d,
        arrays.atleast_3d, arrays.flip, arrays.fliplr, arrays.flipud, arrays.roll, arrays.rot90, arrays.tile,
        arrays.repeat, arrays.array_split, arrays.split, arrays.hsplit, arrays.vsplit, arrays.dsplit, arrays.take,
        arrays.diagonal, arrays.trace, arrays.diag, arrays.triu, arrays.tril, arrays.pad, arrays.astype, arrays.copy,
    )),
    (arrays.append, "", "x, x"), (arrays.linspace, "", "a, b"), (arrays.select, "", "c, a, c, b, x"),
)
ROWS = tuple(Domain(*line) for line in LINES)

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
    (rows.prod,       ([0.0, 2.0, 3.0],),    ([6.0, 0.0, 0.0],),    "right with zeros among the factors"),
    (rows.prod,       ([0.0, 0.0, 3.0],),    ([0.0, 0.0, 0.0],),    "right with zeros among the factors"),
    (rows.others,     ([0.0, 0.0, 3.0],),    ([3.0, 3.0, 0.0],),    "right with zeros among the factors"),
    (ops.norm,       (0.0,),                (0.0,),                "norm'(0) = 0"),
    (ops.norm,       ([0.0, 0.0],),         ([0.0, 0.0],),         "norm'(0) = 0"),
    (linalg.norm,    ([0.0, 0.0],),         ([0.0, 0.0],),         "norm'(0) = 0"),
    (linalg.vector_norm, ([0.0, 0.0],),     ([0.0, 0.0],),         "norm'(0) = 0"),
    (matrices.p_norm,  ([0.0, 0.0],),         ([0.0, 0.0],),         "norm'(0) = 0"),
    (matrices.det,     ([[1.0, 2.0], [2.0, 4.0]],), ([[4.0, -2.0], [-2.0, 1.0]],), "right for singular matrices"),
    (matrices.packed_eigh, (np.eye(2),),      (np.eye(2),),          "nothing passes among vectors of equal values"),
    (matrices.packed_svd,  (np.eye(2),),      (np.eye(2),),          "nothing passes among vectors of equal values"),
    (functions.std,  ([3.0, 3.0],),         ([0.0, 0.0],),         "std'(0) = 0"),
    (ops.slope,      (0.0, 0.0),            (0.0, None),           "0**n has the slopes of the polynomial x**n"),
    (ops.slope,      (0.0, 1.0),            (0.0, None),           "0**n has the slopes of the polynomial x**n"),
    (ops.slope,      (0.0, 2.0),            (2.0, None),           "0**n has the slopes of the polynomial x**n"),
    (ops.xlogy,      (0.0, 0.0),            (0.0, 0.0),            "0 log 0 = 0, and its slopes are 0"),
    (ops.ratio,      (0.0, 0.0),            (0.0, 0.0),            "0 / 0 = 0, and its slopes are 0"),
    (rows.cbrt,      (0.0,),                (np.inf,),             "cbrt'(0) = inf"),
    (rows.fabs,      (0.0,),                (0.0,),                "|x|'(0) = 0"),
    (rows.floor,     (2.0,),                (0.0,),                "slope 0 at the jumps too"),
    (rows.ceil,      (2.0,),                (0.0,),                "slope 0 at the jumps too"),
    (rows.rint,      (2.5,),                (0.0,),                "slope 0 at the jumps too"),
    (rows.trunc,     (2.0,),                (0.0,),                "slope 0 at the jumps too"),
    (rows.round,     (2.5,),                (0.0,),                "slope 0 at the jumps too"),
    (rows.arctan2,   (0.0, 0.0),            (0.0, 0.0),            "arctan2'(0, 0) = 0"),
    (rows.hypot,     (0.0, 0.0),            (0.0, 0.0),            "hypot'(0, 0) = 0"),
    (rows.fmax,      (2.0, 2.0),            (0.5, 0.5),            "equal numbers share the gradient evenly"),
    (rows.fmin,      (2.0, 2.0),            (0.5, 0.5),            "equal numbers share the gradient evenly"),
    (rows.remainder, (4.0, 2.0),            (1.0, -2.0),           "the slopes to the right of the jump"),
    (rows.floor_divide, (4.0, 2.0),         (0.0, 0.0),            "slope 0 at the jumps too"),
    (rows.leaky_relu, (0.0,),               (0.01,),               "leaky_relu'(0) = negative_slope"),
    (rows.elu,       (0.0,),                (1.0,),                "elu'(0) = alpha"),
    (rows.sort,      ([2.0, 1.0, 2.0],),    ([1.0, 1.0, 1.0],),    "equal numbers keep their order"),
    (functions.ptp,  ([2.0, 1.0, 2.0],),    ([0.5, -1.0, 0.5],),   "equal numbers share the gradient evenly"),
    (functions.cumprod, ([0.0, 2.0, 0.0],), ([3.0, 0.0, 0.0],),    "right with zeros among the factors"),
    (functions.nan_to_num, (np.nan,),       (0.0,),                "no gradient flows through what is replaced"),
))

WHERE: dict[Any, str] = {  # where it is differentiable, if the conditions under which tests draw do not say it all
    ops.power: "a > 0; for a whole n everywhere, but at 0 if n < 0", ops.maximum: "a != b", ops.minimum: "a != b",
    rows.fmax: "a != b", rows.fmin: "a != b", ops.max: "one largest", ops.min: "one smallest",
    functions.ptp: "one largest and one smallest", rows.sort: "no two equal", rows.partition: "no two equal",
    functions.median: "no two equal in the middle", functions.std: "not all equal", rows.hypot: "(a, b) != (0, 0)",
    rows.arctan2: "(a, b) != (0, 0), and not at its jump from pi to -pi", rows.remainder: "m != 0, a / m not whole",
    rows.floor_divide: "m != 0, a / m not whole", ops.where: "all a and b, not c",
    linalg.matrix_power: "n >= 0, or a invertible", functions.clip: "a not at a bound", ops.clip: "x not at a bound",
    rows.rint: "x not in the middle between two whole numbers",
    rows.round: "x not in the middle between two candidates",
    images.max_pooling: "one largest in each window", images.max_pool2d: "one largest in each window",
}

REAL_ONLY = frozenset({  # not differentiable in the complex plane; some are, but NumPy's logaddexp is real
    ops.abs, ops.sign, ops.relu, ops.softplus, ops.maximum, ops.minimum, ops.clip, ops.max, ops.min,
    ops.wins, ops.share, ops.inside, ops.one_hot, ops.cross_entropy,
    rows.cbrt, rows.degrees, rows.radians, rows.fabs, rows.floor, rows.ceil, rows.rint, rows.trunc, rows.round,
    rows.arctan2, rows.hypot, rows.logaddexp, rows.logaddexp2, rows.fmax, rows.fmin, rows.remainder, rows.floor_divide,
    matrices.cofactor, matrices.packed_slogdet, matrices.cholesky, matrices.packed_eigh, matrices.packed_svd,
    matrices.pinv, rows.isnan,
    matrices.gaps, matrices.p_norm,
    rows.leaky_relu, rows.elu, rows.argmax, rows.argmin, rows.argsort, rows.argpartition,
    images.max_pooling, images.image_shares,
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

SQUARE = (at((1, 1)), at((2, 2)), at((3, 3)), at((2, 2, 2)), at((2, 1, 3, 3)))
SHIFT = {"stride": (2, 1), "padding": ((1, 0), (0, 1))}
ROWS_OF_4, OVER = {"size": (1, 2), "stride": (1, 2)}, {"size": (2, 3), **SHIFT}
FOUR, NINE = np.reshape([2.0, 1, 3, 4], (1, 1, 4, 1)), np.reshape([3.0, 1, 4, 5, 9, 2, 6, 8, 7], (1, 3, 3, 1))
BY_PLACE = np.arange(-23, 25, dtype=np.int8).reshape(2, 3, 1, 2, 2, 2)  # no floats, so that no test moves them
UNEVEN = {"stride": (2, 1), "padding": ((1, 0), (0, 2))}
PRODUCTS = (at((3,), (3,)), at((3,), (3, 2)), at((2, 3), (3,)), at((2, 3), (3, 2)), at((2, 2, 3), (3, 2)),
            at((0, 3), (3, 2)))

CASES: dict[Any, tuple[Case, ...]] = {
    ops.power:        (*TWO, at((), 3.0), *[at((3,), n) for n in (-1.0, 0.0, 0.5, 1.0, 2.0)], at(2.0, (3,))),
    ops.clip:         (*THREE, at((4,), None, ()), at((4,), (), None)),
    ops.inside:       (*THREE, at((4,), None, ()), at((4,), (), None)),
    ops.share:        (at((4,), np.max, axis=None, keepdims=False), at((4,), np.min, axis=0, keepdims=False)),
    ops.sum:          (*ALONG, *EMPTY),
    rows.prod:         (*ALONG, *EMPTY, at((5,)), at((3, 4), axis=1)),
    rows.others:      (at(()), at((5,)), at((2, 3)), at((2, 3), axis=0), at((3, 4), axis=-1),
                       at((2, 3, 2), axis=(0, -1)),
                       at((2, 0), axis=0), at((0,))),
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
    ops.transpose:    (at((3,)), at((2, 3)), at((2, 3), axes=(1, 0)), at((2, 3), axes=(0, 1)), at((2, 3, 2)),
                       at((2, 3, 1), axes=(1, 2, 0)), at((2, 3, 1), axes=(-1, 0, 1)), at((0, 2))),
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
    rows.round:       (*ONE, at((3,), decimals=0)),
    rows.leaky_relu:  (*ONE, at((4,), negative_slope=0.3)),
    rows.elu:         (*ONE, at((4,), alpha=0.5)),
    rows.cumsum:      (at(()), at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=-1), at((2, 0), axis=1)),
    rows.argmax:      (at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=-1, keepdims=True)),
    rows.argmin:      (at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=-1, keepdims=True)),
    rows.argsort:     (at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=None), at((0,))),
    rows.argpartition: (at((4,), kth=2), at((2, 3), kth=1, axis=0), at((2, 3), kth=2, axis=None)),
    rows.sort:        (at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=None), at((3,), kind="stable"),
                       at((0,))),
    rows.partition:   (at((4,), kth=2), at((2, 3), kth=1, axis=0), at((2, 3), kth=2, axis=None)),
    rows.take_along_axis: (at((4,), np.array([2, 0, 2])), at((2, 3), np.array([[1, 1, 0], [2, 0, 1]])),
                       at((2, 3), np.array([[1, 0, 0]]), axis=0), at((2, 3), np.array([5, 0]), axis=None)),
    rows.put_along_axis: (at((3,), np.array([2, 0, 2]), shape=(4,)),
                       at((2, 3), np.array([[1, 1, 0], [2, 0, 1]]), shape=(2, 3)),
                       at((1, 3), np.array([[1, 0, 0]]), axis=0, shape=(2, 3)),
                       at((2,), np.array([5, 0]), axis=None, shape=(2, 3))),
    functions.mean:   ALONG,
    functions.var:    (*ALONG, at((4,), ddof=1)),
    functions.std:    (*ALONG[1:], at((4,), ddof=1)),
    functions.ptp:    ALONG,
    functions.average: (at((4,), (4,)), at((2, 3), (2, 3)), at((2, 3), (3,), axis=1),
                       at((2, 3), (2,), axis=0, keepdims=True),
                       at((2, 3, 2), (2, 2), axis=(2, 0)), at((2, 3), None, axis=1),
                       at((2, 3), (2,), axis=0, returned=True)),
    functions.median: (at((5,)), at((4,)), at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=-1, keepdims=True),
                       at((2, 3, 2), axis=(0, -1))),
    functions.cumprod: (at(()), at((5,)), at((2, 3)), at((2, 3), axis=0), at((2, 4), axis=-1)),
    functions.diff:   (at((4,)), at((4,), n=2), at((2, 3), axis=0), at((3,), n=0),
                       at((2, 3), prepend=0.5, append=[[1.0], [2.0]])),
    functions.gradient: (at((4,)), at((4,), 0.5), at((4,), np.array([0.0, 0.3, 1.0, 1.2])), at((3, 4)),
                       at((3, 4), 0.5, 2.0),
                       at((3, 4), axis=1, edge_order=2), at((4,), np.array([0.0, 0.3, 1.0, 1.2]), edge_order=2),
                       at((2,))),
    functions.nan_to_num: ONE,
    functions.fix:    ONE,
    functions.gelu:   (*ONE, at((3,), approximate="tanh")),
    arrays.hstack:    (at((2,), (3,)), at((2, 1), (2, 2)), at((), ()), at((3,))),
    arrays.vstack:    (at((2,), (2,)), at((2, 1), (3, 1)), at((), ()), at((3,), (2, 3))),
    arrays.dstack:    (at((2,), (2,)), at((2, 1), (2, 1)), at((2, 1, 2), (2, 1))),
    arrays.column_stack: (at((2,), (2,)), at((2, 1), (2,)), at((2, 3), (2, 1))),
    arrays.ravel:     (at(()), at((2, 3)), at((2, 3), order="F"), at((0, 2))),
    arrays.swapaxes:  (at((2, 3), axis1=0, axis2=1), at((2, 3, 2), axis1=0, axis2=-1)),
    arrays.moveaxis:  (at((2, 3), source=0, destination=1), at((2, 3, 1), source=[0, 1], destination=[-1, 0])),
    arrays.rollaxis:  (at((2, 3), axis=1), at((2, 3, 1), axis=0, start=2)),
    arrays.flip:      (at((3,)), at((2, 3)), at((2, 3), axis=1), at((2, 3, 2), axis=(0, -1))),
    arrays.fliplr:    (at((2, 3)), at((2, 3, 2))),
    arrays.flipud:    (at((3,)), at((2, 3))),
    arrays.roll:      (at((4,), shift=1), at((2, 3), shift=-2), at((2, 3), shift=1, axis=1),
                       at((2, 3), shift=(1, 2), axis=(0, 1))),
    arrays.rot90:     (at((2, 3)), at((2, 3), k=2), at((2, 3, 2), k=-1, axes=(1, 2))),
    arrays.tile:      (at((), reps=3), at((2,), reps=2), at((2,), reps=(2, 1, 2)), at((2, 3), reps=2)),
    arrays.repeat:    (at((), repeats=2), at((2, 3), repeats=2), at((2, 3), repeats=[1, 2], axis=0),
                       at((3,), repeats=[0, 1, 3])),
    arrays.array_split: (at((5,), indices_or_sections=3), at((2, 3), indices_or_sections=2, axis=1)),
    arrays.split:     (at((4,), indices_or_sections=2), at((2, 3), indices_or_sections=[1], axis=1)),
    arrays.hsplit:    (at((4,), indices_or_sections=2), at((2, 3), indices_or_sections=[1, 2])),
    arrays.vsplit:    (at((4, 2), indices_or_sections=2),),
    arrays.dsplit:    (at((2, 1, 3), indices_or_sections=[1]),),
    arrays.take:      (at((4,), indices=2), at((4,), indices=[3, 0, 3]), at((2, 3), indices=[[0, 2]], axis=1),
                       at((4,), indices=[7, -5], mode="wrap")),
    arrays.diagonal:  (at((3, 3)), at((2, 3), offset=1), at((2, 3, 2), axis1=2, axis2=0)),
    arrays.trace:     (at((3, 3)), at((2, 3), offset=-1), at((2, 3, 2), axis1=2, axis2=0)),
    arrays.diag:      (at((3,)), at((3,), k=1), at((3,), k=-2), at((2, 3)), at((2, 3), k=1)),
    arrays.triu:      (at((3, 3)), at((2, 3), k=1), at((3,)), at((2, 2, 2), k=-1)),
    arrays.tril:      (at((3, 3)), at((2, 3), k=1), at((3,)), at((2, 2, 2), k=-1)),
    arrays.pad:       (at((3,), pad_width=1), at((2, 3), pad_width=((1, 0), (0, 2)), constant_values=0.5),
                       at((3,), pad_width=(2, 1), mode="edge"), at((3,), pad_width=(2, 1), mode="reflect"),
                       at((2, 3), pad_width=1, mode="wrap"), at((3,), pad_width=4, mode="symmetric")),
    arrays.astype:    (at((3,), "float64"), at((2, 3), "float64")),
    arrays.copy:      ONE,
    arrays.linspace:  (at((), (), num=3), at((2,), (), num=4, endpoint=False), at((2,), (2,), num=3, axis=-1),
                       at((), (), num=1),
                       at((2, 1), (3,), num=2), at((2,), (2,), num=3, retstep=True)),
    arrays.append:    (at((2,), (3,)), at((2, 1), (2, 3), axis=1), at((2, 3), ())),
    arrays.select:    (at((3,), (3,), (3,), (3,), ()), at((2, 3), (2, 3), (3,), (2, 1), (3,))),
    functions.clip:   (at((4,), min=-1.4, max=1.4), at((2, 3), min=-1.4), at((), max=1.4)),
    linalg.norm:      (*ALONG[1:6], *ALONG[8:], at((3,), ord=2), at((2, 3), ord="fro"), at((4,), ord=1),
                       at((4,), ord=-np.inf),
                       at((2, 3), ord=3, axis=1), at((2, 3), ord=2.5, axis=0, keepdims=True), at((2, 3), ord="nuc"),
                       at((2, 3), ord=-2), at((3, 2, 2), ord=np.inf, axis=(0, 2)), at((2, 3), ord=1, keepdims=True)),
    linalg.vector_norm: (*ALONG[1:], at((2, 3), ord=3), at((2, 3, 2), ord=0.5, axis=(0, 2)), at((3,), ord=np.inf)),
    linalg.matrix_norm: (at((2, 3)), at((2, 3, 2), ord="nuc"), at((2, 2), ord=-1, keepdims=True), at((3, 2), ord=2)),
    matrices.contract:  (at((3,), (3,)), at((2, 3), (3, 2), subscripts="ij,jk->ik"), at((2, 3), subscripts="ij->"),
                       at((2, 2, 3), subscripts="iij->j"), at((3, 3), subscripts="ii->i"),
                       at((2, 3), subscripts="ij->ji"),
                       at((2, 3), (2,), subscripts="ij,k->k"), at((), (3,), subscripts=",i->i"),
                       at((1,), (3,), subscripts="i,i->"), at((2, 2), (2, 3), (3,), subscripts="ii,ij,j->ij"),
                       at((2, 3), (3, 2), subscripts="ij,jk->ki", optimize=True),
                       at((0, 2), (2,), subscripts="ij,j->i")),
    matrices.inv:       SQUARE,
    matrices.det:       (*SQUARE, at((4, 4))),
    matrices.cofactor:  (*SQUARE, at((4, 4))),
    matrices.packed_slogdet: SQUARE,
    matrices.solve:     (at((2, 2), (2,)), at((3, 3), (3, 2)), at((2, 2, 2), (2,)), at((2, 2), (2, 2, 1)),
                       at((2, 1, 2, 2), (3, 2, 1)), at((1, 1), (1,)), at((0, 0), (0, 2))),
    matrices.cholesky:  (*SQUARE, at((3, 3), upper=True)),
    matrices.packed_eigh: (*SQUARE, at((3, 3), UPLO="U")),
    matrices.packed_svd: (*SQUARE, at((2, 3)), at((3, 2)), at((2, 2, 3))),
    matrices.pinv:      (*SQUARE, at((2, 3)), at((3, 2)), at((2, 3, 2)), at((3, 3), rcond=1e-6),
                       at((3, 3), hermitian=True)),
    matrices.phi:       (*SQUARE, at((3, 2))),
    matrices.gaps:      (at((3,)), at((2, 3)), at((0,))),
    matrices.p_norm:    (*ALONG[1:], at((3,), ord=1.5), at((3,), ord=0.5), at((2, 3), ord=-2, axis=0)),
    images.convolution: (at((1, 2, 3, 1), (2, 2, 1, 2), (2,)), at((2, 3, 2, 1), (2, 2, 1, 1), None, **UNEVEN),
                       at((1, 2, 2, 2), (1, 1, 2, 1), (1,), stride=(2, 2)), at((0, 2, 2, 1), (2, 2, 1, 1), (1,))),
    images.conv2d_image: (at((1, 1, 2, 2), (2, 2, 1, 2), shape=(1, 2, 3, 1)),
                       at((1, 2, 3, 1), (2, 2, 1, 1), shape=(1, 3, 2, 1), **UNEVEN),
                       at((1, 1, 1, 1), (1, 1, 2, 1), shape=(1, 2, 2, 2), stride=(2, 2))),
    images.conv2d_weight: (at((1, 2, 3, 1), (1, 1, 2, 2), shape=(2, 2, 1, 2)),
                       at((1, 3, 2, 2), (1, 2, 2, 1), shape=(3, 1, 2, 1), padding=((1, 0), (0, 0))),
                       at((2, 3, 2, 1), (2, 2, 3, 1), shape=(2, 2, 1, 1), **UNEVEN)),
    images.max_pooling: (at((2, 2, 4, 1)), at((1, 1, 4, 2), **ROWS_OF_4), at((1, 3, 3, 1), **OVER), at((0, 2, 2, 1))),
    images.image_shares: (at(FOUR, np.array([2.0, 4.0]).reshape(1, 1, 2, 1), **ROWS_OF_4),
                       at(NINE, np.array([4.0, 4.0, 9.0, 9.0]).reshape(1, 2, 2, 1), **OVER)),
    images.image_sum: (at((2, 2, 4, 1), BY_PLACE[:2, :2, :, :1, :, :1], stride=(2, 2)),
                       at((1, 3, 3, 2), BY_PLACE, **SHIFT)),
    images.image_spread: (at((2, 1, 2, 1), BY_PLACE[:2, :2, :, :1, :, :1], stride=(2, 2), shape=(2, 2, 4, 1)),
                       at((1, 2, 2, 2), BY_PLACE, shape=(1, 3, 3, 2), **SHIFT)),
    images.conv2d:    (at((1, 3, 3, 1), (2, 2, 1, 2), (2,)), at((1, 1, 3, 2), (1, 1, 2, 1), (1,), layout="NCHW"),
                       at((1, 3, 2, 1), (2, 2, 1, 1), None, stride=2, padding="same"),
                       at((2, 2, 2, 1), (3, 1, 1, 1), (1,), stride=(1, 2), padding=1)),
    images.max_pool2d: (at((2, 2, 4, 1)), at((1, 1, 3, 3), size=2, stride=1, layout="NCHW"),
                       at((1, 3, 3, 1), padding="same")),
    images.avg_pool2d: (at((2, 2, 4, 1)), at((1, 1, 3, 3), size=2, stride=1, layout="NCHW"),
                       at((1, 3, 3, 1), padding="same")),
    linalg.dot:       (*PRODUCTS, at((2, 3), (2, 3, 2)), at((), (3,)), at((3,), ()), at((), ())),
    linalg.vdot:      (at((3,), (3,)), at((2, 3), (3, 2)), at((), ())),
    linalg.inner:     (at((3,), (3,)), at((2, 3), (3,)), at((2, 3), (4, 3)), at((2, 1, 3), (2, 3)), at((), (2,))),
    linalg.outer:     (at((2,), (3,)), at((1,), (2,)), at((0,), (2,))),
    linalg.tensordot: (at((2, 3), (2, 3)), at((2, 3), (3, 2), axes=1), at((2,), (3,), axes=0),
                       at((2, 3, 2), (2, 3), axes=([-1, 1], [0, 1])), at((2, 3), (2, 2, 3), axes=(0, 1))),
    linalg.kron:      (at((2,), (3,)), at((2, 2), (1, 3)), at((2,), (2, 3)), at((), (2,)), at((2, 1, 2), (2, 2))),
    linalg.cross:     (at((3,), (3,)), at((2, 3), (3,)), at((3, 2), (2, 3), axisa=0), at((2, 3), (2, 3), axisc=0),
                       at((3, 2), (3, 2), axis=0)),
    linalg.vecdot:    (at((3,), (3,)), at((2, 3), (3,)), at((2, 1, 3), (2, 3)), at((3, 2), (3, 2), axis=0)),
    linalg.einsum:    (at((2, 3), (3, 2), subscripts="ij,jk"), at((2, 3), subscripts="...j->..."),
                       at((2, 2, 3), (3,), subscripts="...ij,j"), at((3, 3), subscripts="ii")),
    linalg.multi_dot: (at((2, 3), (3, 2)), at((2, 3), (3, 1), (1, 4)), at((3,), (3, 2), (2,))),
    linalg.matrix_transpose: (at((2, 3)), at((2, 3, 1))),
    linalg.matrix_power: (at((2, 2), n=3), at((2, 3, 3), n=-2), at((2, 2), n=1), at((1, 1), n=5)),
    linalg.slogdet:   (at((3, 3)), at((2, 2, 2))),
    linalg.eigh:      (at((3, 3)), at((2, 2, 2), UPLO="U")),
    linalg.eigvalsh:  (at((3, 3)), at((2, 2, 2), UPLO="U")),
    linalg.svd:       (at((3, 3)), at((2, 3, 2), full_matrices=False), at((2, 3), compute_uv=False)),
    linalg.svdvals:   (at((2, 3)), at((2, 3, 2))),
}
# fmt: on

DOMAINS: dict[Any, Domain] = {domain.row: domain for domain in ROWS}  # to which `tg.operation` adds
BUILT_IN = frozenset(DOMAINS)
LETTER = re.compile(r"\b(low|high|[abcimnwxy])\b")


def holomorphic(row: Any) -> bool:
    """Whether the complex step may pass through an operation: it has a complex derivative, and computes with them."""
    return row in DOMAINS and row not in REAL_ONLY and not DOMAINS[row].real_only


def cases(row: Any) -> tuple[Case, ...]:
    """The shapes and settings with which an operation is tested."""
    return DOMAINS[row].cases or CASES.get(row) or (ONE, TWO, THREE)[DOMAINS[row].operands.count(",")]


def kinks(row: Any) -> tuple[Kink, ...]:
    """The points where an operation has no derivative, with what it answers there."""
    return (*(DOMAINS[row].kinks if row in DOMAINS else ()), *(kink for kink in KINKS if kink.row is row))


PASSED: dict[Any, Any] = {
    linalg.einsum: lambda f, *xs, subscripts: f(
        subscripts, *xs
    ),  # how operands are handed over, where not one after the other
    functions.average: lambda f, a, weights, **settings: f(a, weights=weights, **settings),
    arrays.select: lambda f, c, a, d, b, x, **settings: f([c, d], [a, b], x, **settings),
}


def call(row: Any, operands: list[Any], settings: dict[str, Any], function: Any = None) -> Any:
    """A row, or a `function` that is called like it, on its operands."""
    function = function or row
    if row in PASSED:
        return PASSED[row](function, *operands, **settings)
    return function(operands, **settings) if DOMAINS[row].operands.startswith("*") else function(*operands, **settings)


def draw(row: Any, case: Case, random: np.random.Generator) -> list[Any]:
    """Operands for a case, drawn from the domain: no two numbers are equal or nearly so, none is near a kink."""
    count = sum(math.prod(shape) for shape in case.operands if isinstance(shape, tuple))
    spread = iter((random.permutation(count) + random.uniform(0.1, 0.9, count)) / max(count, 1))  # over 0 to 1
    operands: list[Any] = []
    for i, shape in enumerate(case.operands):
        if isinstance(shape, tuple):
            numbers = [placed(next(spread), condition(row, i)) for _ in range(math.prod(shape))]
            drawn = np.reshape(numbers, shape) if shape else numbers[0]
            operands.append(near_diagonal(drawn) if condition(row, i) in NEAR_DIAGONAL else drawn)
        else:
            operands.append(float(shape(*operands)) if callable(shape) else shape)
    return operands


def near_diagonal(x: Any) -> Any:
    """A matrix that differs from diag(2, 4, 6 ...) by the small numbers of `x`."""
    return x + np.diag(np.arange(2.0, 2.0 * np.max(np.shape(x)[-2:]) + 1, 2))[: np.shape(x)[-2], : np.shape(x)[-1]]


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


def where(row: Any) -> str:
    """Where an operation is differentiable, in a few words; "" for everywhere."""
    parts = [part.lstrip("*") for part in DOMAINS[row].operands.split(", ")]
    conditions = [part for part in parts if not part.isidentifier()]
    return WHERE.get(row, ", ".join(dict.fromkeys(conditions)))


def describe(row: Any) -> str:
    """The text of `help(tg.tanh)`: what it is, where it is differentiable, the convention at its kinks, an example.

    >>> print(describe(ops.norm))
    norm(x, axis=None, keepdims=False): the length, of all or along axis.
    <BLANKLINE>
    Differentiable for x != 0.
    Convention: norm'(0) = 0.
    """
    composed = isinstance(row, functions.Composite)
    doc = inspect.cleandoc(row.function.__doc__ or "") if composed else row.written
    if row not in DOMAINS:
        return doc
    domain, ruled = DOMAINS[row], composed or row.rules
    lines = [f"Differentiable for {where(row) or 'all numbers'}." if ruled else "No gradient passes it."]
    lines += dict.fromkeys(f"Convention: {kink.convention}." for kink in kinks(row))
    if answers := ", ".join(map(numpys_name, answered(row))):
        lines.append(f"NumPy: {answers}.")
    if composed:
        return "\n".join([doc, "", *lines])
    letters = [LETTER.findall(part)[0] for part in domain.operands.split(", ")]
    first = f"{written(row, letters)}: {domain.what}" if domain.what else written(row, letters)
    return "\n".join([f"{first}.", "", *lines, *example(domain, len(letters))])


def answered(row: Any) -> list[Any]:
    """The functions of NumPy that an operation answers for."""
    return [f for f, by in ops.ANSWERS.items() if by is row and numpys_own(f)]


def numpys_own(function: Any) -> bool:
    """Whether NumPy knows a function by its name; not so one that was made with NumPy."""
    if isinstance(function, np.ufunc):
        return getattr(np, function.__name__, None) is function
    return (getattr(function, "__module__", None) or "").startswith("numpy") and not isinstance(function, np.vectorize)


def numpys_name(function: Any) -> str:
    """How one calls a function of NumPy: np.exp, np.linalg.inv."""
    module = "numpy" if isinstance(function, np.ufunc) else function.__module__
    return f"{module}.{function.__name__}".replace("numpy", "np", 1)


def written(row: ops.Op, letters: list[str]) -> str:
    """An operation with its letters, as a formula or, if it has settings, as a call."""
    if not row.settings:
        return row.written.format(*letters)
    operands = letters if row.arity else ["[a, b, ...]"]
    settings = [f"{name}={default!r}" for name, default in row.settings.items() if name != "times"]
    return f"{row.name}({', '.join([*operands, *settings])})"


def example(domain: Domain, arity: int) -> list[str]:
    """The example as a doctest; where there is a gradient to show, the call asks for it."""
    if not domain.example:
        return []
    own = domain.row not in BUILT_IN
    call = domain.row.name if own else f"tg.{domain.row.name}"
    if domain.gives.startswith("("):
        call = f"tg.value_and_grad({call}{'' if arity == 1 else f', argnums={tuple(range(arity))}'})"
    return ["", ">>> import tinygrad_edu as tg", f">>> {call}({domain.example})", domain.gives]
