"""Every function of NumPy that we answer for, on drawn arguments, legal and not: its values, shapes, dtypes, errors.

CALLS says for each function which arguments to draw. A drawn call is then written in one of the forms that NumPy's own
signature allows (some arguments by position, others by name, some defaults said explicitly), put to NumPy itself on
plain arrays, and its outcome compared with that of `tg.f` on plain arrays, `np.f` and `tg.f` on Values, and `v.f`.
"""

from __future__ import annotations

import inspect
import itertools
import os
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu import Value, ops

LA: Any = np.linalg
EXAMPLES = int(os.environ.get("LIKE_NUMPY_EXAMPLES", "70"))  # in the environment, to look for more

# What differs on purpose. ---------------------------------------------------------------------------------------------

# A result without axes is a Python number. An operand without axes is one for NumPy too, where there are several: a
# weak number, which widens no float32 array, here not even where NumPy makes an array of it first (kron, hstack).
# Integers and truth values in a Value are float64. A partition promises the kth numbers and what is on their sides.

# What comes of no Value stays plain: the second result of np.atleast_1d(v, array), the sum of the plain weights of an
# average.

REFUSED: dict[Any, tuple[Callable[[dict[str, Any]], Any], str]] = {  # where NumPy may answer
    np.astype: (lambda of: np.dtype(of["dtype"]).kind != "f", "integers would cut the graph"),
    np.pad: (
        lambda of: of.get("mode") in ("mean", "linear_ramp", "empty") or of.get("reflect_type") == "odd",
        "pads by rules of its own",
    ),
    np.reshape: (lambda of: of.get("order", "C") != "C", "numbers are read row by row"),
    np.copy: (lambda of: of.get("order", "K") != "K", "the order in memory is no business of a graph"),
    LA.norm: (lambda of: of.get("ord") == 0, "counting has no slope"),
    LA.vector_norm: (lambda of: of.get("ord") == 0, "counting has no slope"),
    LA.svd: (
        lambda of: of.get("full_matrices", 1) and of.get("compute_uv", 1) and len({*of["a"].array.shape[-2:]}) == 2,
        "further columns of u and vh can be chosen at will",
    ),
}  # fmt: skip

ANSWERED: dict[Any, tuple[Callable[[dict[str, Any]], Any], str]] = {  # where NumPy may refuse
    np.clip: (lambda of: ("a_min" in of) != ("a_max" in of), "one bound is enough, as for the method"),
}

MAY_BE_PLAIN = (np.atleast_1d, np.atleast_2d, np.atleast_3d, np.average)

ROUNDING: dict[Any, float] = {  # computed in another order: how many units in the last place of the largest number
    **dict.fromkeys([np.mean, np.var, np.std, np.average, np.median, np.cumprod, np.gradient, np.linspace], 64),
    **dict.fromkeys([LA.norm, LA.vector_norm, LA.matrix_norm, LA.multi_dot, LA.matrix_power, np.einsum], 64),
    **dict.fromkeys([np.dot, np.inner, np.vdot, np.tensordot, LA.tensordot, np.vecdot, LA.vecdot, np.trace], 64),
    **dict.fromkeys([LA.svd, LA.svdvals, LA.eigvalsh], 64),
}


# Drawn arguments. -----------------------------------------------------------------------------------------------------

POOL = [0.0, 1.0, -1.0, 2.0, 3.0, -2.5, 0.5, 0.1, -0.3, 7.25, 1e-3, 40.0]
WILD = [np.nan, np.inf, -np.inf, -0.0, 1e300, 1e-300]
DTYPES = [np.float64, np.float32, np.int64, np.bool_]


class Operand:
    """Numbers in a drawn call, which may be handed over as a plain array or as a Value."""

    def __init__(self, shape: Any, kind: int = 0, wild: bool = False, form: Any = None) -> None:
        dtype, self.valued = DTYPES[kind % 4], kind // 4 % 2 == 0
        random = np.random.default_rng(kind)
        numbers = random.choice(POOL + WILD if wild and random.random() < 0.4 else POOL, shape)
        if form is not None:
            numbers = form(numbers)
        with np.errstate(all="ignore"):
            self.array: Any = np.asarray(
                numbers if np.dtype(dtype).kind == "f" else np.nan_to_num(numbers).clip(-9, 9)
            ).astype(dtype)
        self.array.flags.writeable = False
        if not shape:
            self.array = float(self.array)  # a weak number

    def __repr__(self) -> str:
        return f"{'Value' * self.valued}({self.array!r})"

    def real(self) -> Any:
        """The numbers that a Value of them has."""
        return self.array if np.result_type(self.array).kind == "f" else self.array.astype(float)


def operands(shapes: Any, wild: bool = True, form: Any = None, most: int = 3) -> Any:
    """A tuple of at most so many operands, for a strategy of tuples of shapes."""
    kinds = st.tuples(*[st.integers(0, 9999)] * most)
    return st.builds(lambda shapes, kinds: tuple(Operand(*of, wild, form) for of in zip(shapes, kinds)), shapes, kinds)


def call(leading: Any, *more: Any, **optional: Any) -> Any:
    """(positional, named) arguments: a strategy of the first ones, one for each further one, and what may be named."""
    return st.tuples(
        st.builds(lambda a, b: (*a, *b), leading, st.tuples(*more)), st.fixed_dictionaries({}, optional=optional)
    )


def listed(leading: Any, *more: Any, **optional: Any) -> Any:
    """The same with the operands in a list or tuple, as the first argument."""
    return call(st.builds(lambda of, kind: (kind(of),), leading, st.sampled_from([list, tuple])), *more, **optional)


SHAPES = [
    (), (1,), (2,), (3,), (4,), (0,), (2, 3), (3, 2), (1, 3), (3, 1), (2, 2), (3, 3), (2, 0), (0, 3), (0, 0), (2, 3, 2),
    (1, 2, 3), (2, 1, 3), (2, 2, 2), (3, 3, 3), (3, 1, 1), (2, 0, 2), (0, 2, 2),
]  # fmt: skip  # from few to many numbers; hypothesis's own shapes have one or none half of the time


def shapes(low: int = 0, high: int = 3, side: int = 0) -> Any:
    """A shape with so many axes, none shorter than `side`."""
    return st.sampled_from(
        [shape for shape in SHAPES if low <= len(shape) <= high and min(shape, default=side) >= side]
    )


def fitting(count: int) -> Any:
    """Shapes that broadcast, and a few that do not."""

    def part(shape: Any, cut: int, ones: int) -> Any:
        return tuple(1 if ones >> i & 1 else n for i, n in enumerate(shape))[cut % (len(shape) + 1) :]

    parts = st.tuples(*[st.tuples(st.sampled_from([0, 0, 0, 1, 2]), st.integers(0, 7))] * count)
    fit = st.builds(lambda shape, parts: tuple(part(shape, *p) for p in parts), shapes(), parts)
    return st.one_of(fit, fit, fit, st.tuples(*[shapes()] * count))


def products(signature: str) -> Any:
    """Shapes that fit a generalized function, and a few that do not."""
    fit = hnp.mutually_broadcastable_shapes(signature=signature, max_dims=1, min_side=1, max_side=3)
    count = signature.partition("->")[0].count("(")
    return st.one_of(fit.map(lambda fit: fit.input_shapes), st.tuples(*[shapes()] * count))


BOOL = st.booleans()
INT = st.one_of(st.integers(-3, 3), st.integers(-3, 3).map(np.int64))
AXIS = st.one_of(st.integers(-3, 2), st.sampled_from([0, -1, np.int64(0), 1.0]))
AXES = st.one_of(st.none(), AXIS, st.lists(st.integers(-3, 2), max_size=3).map(tuple), st.just([0]))
WHOLE_AXES = AXES.filter(lambda axis: not isinstance(axis, float))  # np.linalg.norm rounds them
FLAT = st.one_of(st.none(), AXIS)
KEEP = {"axis": AXES, "keepdims": BOOL}
LONG = st.one_of(
    st.integers(-1, 3), st.lists(st.integers(-1, 3), max_size=3), st.lists(st.integers(0, 3), max_size=3).map(tuple)
)

ONE, TWO = operands(st.tuples(shapes()), most=1), operands(fitting(2), most=2)
SEVERAL = operands(st.one_of(
    st.builds(lambda shape, n: (shape,) * n, shapes(), st.integers(0, 3)),
    st.builds(lambda shape, n, m: ((n, *shape), (m, *shape)), shapes(0, 2), st.integers(0, 2), st.integers(0, 2)),
    st.builds(lambda shape, n, m: ((*shape, n), (*shape, m)), shapes(0, 2), st.integers(0, 2), st.integers(0, 2)),
    st.lists(shapes(1), max_size=3).map(tuple),
))  # fmt: skip
ROWS = operands(st.tuples(shapes(2)), most=1)  # an array as a sequence of its rows
TAME = operands(st.tuples(shapes()), wild=False, most=1)
SQUARE = st.builds(lambda batch, n: ((*batch, n, n),), shapes(0, 1), st.integers(0, 3))
MATRIX = operands(st.one_of(SQUARE, st.tuples(shapes())), wild=False, most=1)
ANY_MATRIX = operands(st.tuples(shapes(1, 3)), wild=False, most=1)


def positive(x: Any) -> Any:
    """A positive definite matrix, of a square one."""
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1]) if x.ndim > 1 and x.shape[-1] == x.shape[-2] else x


UNARY = [
    np.isnan, np.negative, np.positive,
    np.absolute, np.sign, np.exp, np.log, np.expm1, np.log1p, np.sqrt, np.square, np.sin,
    np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh,
    np.reciprocal, np.exp2, np.log2, np.log10, np.cbrt, np.degrees, np.rad2deg, np.radians, np.deg2rad, np.sinc,
    np.fabs, np.floor, np.ceil, np.rint, np.trunc, np.fix, np.fliplr, np.flipud, np.matrix_transpose,
    LA.matrix_transpose,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.greater, np.greater_equal, np.less, np.less_equal,
    np.equal, np.not_equal, np.maximum, np.minimum, np.arctan2, np.hypot, np.logaddexp, np.logaddexp2, np.fmax, np.fmin,
    np.remainder, np.floor_divide,
]  # fmt: skip
ORD = st.sampled_from([None, 1, 2, -1, -2, 3, 0.5, -1.5, 0, np.inf, -np.inf, "fro", "nuc", "two"])
BOUND = st.one_of(st.none(), st.floats(-2, 2))
SECTIONS = st.one_of(
    st.integers(-1, 4), st.lists(st.integers(-2, 4), max_size=3), st.just((1, 2)), st.just(np.array([0, 1]))
)
PLACES = st.one_of(
    INT, st.lists(st.integers(-3, 2), max_size=3), st.integers(-2, 1).map(lambda i: [[i, 0], [1, i]]),
    st.lists(st.integers(-3, 2), min_size=1, max_size=3).map(np.array),
)  # fmt: skip
SHAPE = st.one_of(
    st.integers(-1, 9),
    shapes(),
    st.sampled_from([-1, (-1,), (6,), (2, 3), (3, 2), (-1, 2), (3, -1), (1, -1, 1), [2, -1], ()]),
)
NEW_AXES = st.one_of(AXIS, st.lists(st.integers(-4, 3), max_size=2).map(tuple))
ORDER = st.sampled_from(["C", "F", "A", "K", "X"])
FEW = st.one_of(AXIS, st.lists(st.integers(-3, 2), max_size=2))
WIDTH = st.one_of(
    st.integers(-1, 4), st.tuples(st.integers(0, 2), st.integers(0, 4)), st.just(((1, 0), (0, 2))), st.just([[1, 2]])
)


@st.composite
def along(draw: Any) -> Any:
    """An operand with indices to take along an axis of it."""
    x = draw(operands(st.tuples(shapes(1, 3, side=1)), most=1))
    shape = list(np.shape(x[0].array))
    axis = draw(st.one_of(st.integers(-len(shape), len(shape) - 1), AXES))
    if isinstance(axis, int) and -len(shape) <= axis < len(shape):
        n, shape[axis] = shape[axis], draw(st.integers(0, 3))
    else:
        n, shape = x[0].array.size, draw(st.sampled_from([[2], [0], shape]))
    indices = np.random.default_rng(draw(st.integers(0, 99))).integers(-n, n + draw(st.booleans()), shape)
    return (
        ((*x, indices), {"axis": axis} if draw(BOOL) or axis is None else {})
        if draw(BOOL)
        else ((*x, indices, axis), {})
    )


@st.composite
def choices(draw: Any) -> Any:
    """Conditions, and as many operands to choose from, or nearly."""
    shape, n = draw(shapes()), draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    conditions = [random.random(shape) > 0.5 for _ in range(n)]
    m = n + draw(st.sampled_from([0, 0, 0, 0, 1]))
    of = draw(
        operands(st.one_of(st.just((shape,) * (m + 1)), st.lists(shapes(0, 2), min_size=m + 1, max_size=m + 1)), most=5)
    )
    of[-1].valued = any(x.valued for x in of[:-1])  # np.select does not look whether its default is more than an array
    default = draw(st.sampled_from([{}, {"default": of[-1]}, {"default": -1.0}]))
    return (conditions, list(of[:-1])), default


@st.composite
def weighted(draw: Any) -> Any:
    """An operand, an axis or several, and weights of the shape of these axes."""
    shape = draw(shapes())
    axis = draw(st.one_of(st.none(), st.permutations(range(len(shape))).map(lambda i: tuple(i)), AXES))
    legal = isinstance(axis, tuple) and set(axis) <= {*range(-len(shape), len(shape))}
    options = [st.just(shape), shapes(0, 1)]
    if legal:
        options.append(st.just(tuple(shape[i] for i in axis)))
    if isinstance(axis, int) and -len(shape) <= axis < len(shape):
        options.append(st.just((shape[axis],)))
    a, weights = draw(operands(st.tuples(st.just(shape), st.one_of(options)), most=2))
    given = draw(st.fixed_dictionaries({}, optional={"weights": st.just(weights), "returned": BOOL, "keepdims": BOOL}))
    return (a,), {"axis": axis, **given}


@st.composite
def slopes(draw: Any) -> Any:
    """An operand and the distances of its numbers, or their coordinates."""
    shape = draw(st.sampled_from([(4,), (2,), (3,), (3, 4), (2, 3), (4, 1), (3, 2, 3), (), (0,)]))
    axis = draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1) if shape else AXES, AXES))
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    count = draw(st.sampled_from([0, 1, len(axes), len(axes), 2]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    spacing: list[Any] = []
    for i in range(count):
        n = shape[axes[i]] if i < len(axes) and axes[i] in range(-len(shape), len(shape)) and axes[i] != 1.0 else 2
        spacing.append(draw(st.sampled_from([0.5, 2.0, 2, random.random(n).cumsum(), np.arange(n) * 1.0, [*range(n)]])))
    named = {} if axis is None and draw(BOOL) else {"axis": axis}
    return (*draw(operands(st.just((shape,)), most=1)), *spacing), named | draw(
        st.fixed_dictionaries({}, optional={"edge_order": st.integers(1, 3)})
    )


SUMS = [
    "ij,jk->ik", "ij,jk", "ij->ji", "ii", "ii->i", "ij->", "i,i", "i,j->ij", "...ij,...jk->...ik", "...ii->...i",
    "i...->...", "ij,ij->i", "ijk,kj->i", "ba", "i , i -> i", "ij,jk,kl->il", "iij->j", "ij...,j", "...,...",
    "AB,BC->CA", "aB->Ba", "", "ij->ii", "ij->k", "i,j,k->i", "ij,", "i->i->i", "i.j", "ij..", "i1->i", "...", "->",
]  # fmt: skip


@st.composite
def sums(draw: Any) -> Any:
    """Subscripts and operands that fit them, or nearly; as a string, or as lists of numbers."""
    subscripts = draw(st.sampled_from(SUMS))
    lengths = {c: draw(st.integers(0, 3)) for c in sorted({*subscripts} - {*" ,->."})}
    extra, wrong = draw(shapes(0, 1)), draw(st.sampled_from([False, False, False, True]))
    of = []
    for term in subscripts.partition("->")[0].replace(" ", "").split(","):
        before, dots, after = term.partition("...")
        of.append((*(lengths.get(c, 1) for c in before), *(extra if dots else ()), *(lengths.get(c, 1) for c in after)))
        of[-1] = draw(shapes()) if wrong and draw(BOOL) else of[-1]
    numbers = draw(operands(st.just(tuple(of)), wild=False))
    if draw(BOOL) and all(term.isalpha() for term in subscripts.replace("->", ",").split(",")):
        inputs, arrow, output = subscripts.partition("->")
        spelled = [[ord(c.lower()) - 97 for c in term] for term in inputs.split(",")]
        pairs = [x for pair in zip(numbers, spelled) for x in pair]
        return (*pairs, *([[ord(c.lower()) - 97 for c in output]] if arrow else [])), {}
    return (subscripts, *numbers), {} if wrong else draw(st.fixed_dictionaries({}, optional={"optimize": BOOL}))


@st.composite
def contracted(draw: Any, pairs: bool = True) -> Any:
    """Two operands and the axes over which they are summed."""
    n = draw(st.integers(0, 2))
    common = draw(shapes(n, n))
    left, right = draw(shapes(0, 1)), draw(shapes(0, 1))
    order = draw(st.permutations(range(n)))
    of_b = tuple(common[i] for i in order)
    axes = draw(st.sampled_from([
        {"axes": n}, {"axes": ([*range(len(left), len(left) + n)], [order.index(i) for i in range(n)])},
        {"axes": (-1, 0)}, {"axes": ((0,), (-1,))}, {"axes": ([0, 1], [0])}, {"axes": -1}, {},
    ]))  # fmt: skip
    of = (left + common, (common if axes.get("axes") == n else of_b) + right)
    return draw(operands(st.one_of(st.just(of), st.just(of), fitting(2)), wild=False)), axes


MULTI = st.lists(st.integers(0, 3), min_size=2, max_size=4).map(lambda n: tuple(itertools.pairwise(n)))
CHAIN = st.tuples(MULTI, BOOL, BOOL).map(
    lambda of: tuple(
        shape[1:]
        if i == 0 and of[1] and len(of[0]) > 1
        else shape[:1]
        if i == len(of[0]) - 1 and of[2] and i
        else shape
        for i, shape in enumerate(of[0])
    )
)
CONDITION = st.builds(lambda shape, seed: np.random.default_rng(seed).random(shape) > 0.5, shapes(), st.integers(0, 9))

STRATEGIES: dict[Any, Any] = {
    **dict.fromkeys(UNARY, call(ONE)),
    **dict.fromkeys(BINARY, call(TWO)),
    **dict.fromkeys([np.sum, np.prod, np.max, np.amax, np.min, np.amin, np.mean, np.ptp, np.median], call(ONE, **KEEP)),
    **dict.fromkeys([np.var, np.std], call(ONE, **KEEP, ddof=st.sampled_from([0, 1, 2, 0.5]))),
    **dict.fromkeys([np.cumsum, np.cumprod], call(ONE, axis=FLAT)),
    **dict.fromkeys([np.argmax, np.argmin], call(ONE, axis=FLAT, keepdims=BOOL)),
    **dict.fromkeys([np.sort, np.argsort], call(ONE, axis=FLAT, kind=st.sampled_from([None, "stable", "heapsort"]))),
    **dict.fromkeys([np.partition, np.argpartition], call(ONE, LONG, axis=FLAT)),
    **dict.fromkeys([np.round, np.around], call(ONE, decimals=INT)),
    **dict.fromkeys([np.atleast_1d, np.atleast_2d, np.atleast_3d], call(operands(st.lists(shapes(), max_size=3)))),
    **dict.fromkeys([np.array_split, np.split], call(ONE, SECTIONS, axis=AXIS)),
    **dict.fromkeys([np.hsplit, np.vsplit, np.dsplit], call(ONE, SECTIONS)),
    **dict.fromkeys([np.concatenate], st.one_of(listed(SEVERAL, axis=FLAT), call(ROWS, axis=FLAT))),
    **dict.fromkeys([np.stack], st.one_of(listed(SEVERAL, axis=AXIS), call(ROWS, axis=AXIS))),
    **dict.fromkeys([np.hstack, np.vstack, np.dstack, np.column_stack], st.one_of(listed(SEVERAL), call(ROWS))),
    **dict.fromkeys([np.diag, np.triu, np.tril], call(ONE, k=INT)),
    **dict.fromkeys([np.diagonal, np.trace], call(ONE, offset=INT, axis1=AXIS, axis2=AXIS)),
    **dict.fromkeys([np.ravel, np.copy], call(ONE, order=ORDER)),
    **dict.fromkeys([np.matmul, LA.matmul, np.dot, np.inner], call(operands(
        st.one_of(products("(m?,n),(n,p?)->(m?,p?)"), products("(m,n),(p,n)->(m,p)")), wild=False))),
    **dict.fromkeys([np.vdot, np.outer], call(operands(st.one_of(
        fitting(2), st.tuples(shapes(1, 1), shapes(1, 1)), shapes().map(lambda s: (s, s[::-1]))), wild=False))),
    LA.outer: call(operands(st.one_of(st.tuples(shapes(1, 1), shapes(1, 1)), fitting(2)), wild=False)),
    **dict.fromkeys([np.tensordot, LA.tensordot], contracted()),
    **dict.fromkeys([LA.vecdot], call(operands(products("(n),(n)->()"), wild=False), axis=st.integers(-3, 2))),
    **dict.fromkeys([LA.inv, LA.det, LA.slogdet], call(MATRIX)),
    **dict.fromkeys([LA.eigh, LA.eigvalsh], call(MATRIX, UPLO=st.sampled_from(["L", "U", "l", "u", "X"]))),
    np.vecdot: call(operands(products("(n),(n)->()"), wild=False)),
    np.where: st.one_of(
        call(st.builds(lambda c, ab: (c, *ab), CONDITION, operands(st.one_of(st.just(((), ())), fitting(2)), most=2))),
        call(st.builds(lambda c, a: (c, *a), BOOL, operands(st.sampled_from([((),), ((3,),)]), most=1)), st.just(0))),
    np.clip: st.one_of(
        call(ONE, BOUND, BOUND), call(ONE, a_min=BOUND, a_max=BOUND), call(ONE, min=BOUND, max=BOUND),
        call(operands(fitting(3))), call(TWO, a_max=BOUND), call(ONE, min=BOUND, a_max=BOUND)),
    np.broadcast_to: call(ONE, SHAPE),
    np.reshape: call(ONE, SHAPE, order=ORDER),
    np.squeeze: call(ONE, axis=AXES),
    np.expand_dims: call(ONE, NEW_AXES),
    np.transpose: call(ONE, axes=st.one_of(AXES, st.permutations([0, 1]), st.permutations(range(3)).map(tuple))),
    np.take_along_axis: along(),
    np.average: weighted(),
    np.diff: st.one_of(
        call(ONE, n=st.integers(-1, 4), axis=AXIS),
        st.builds(lambda abc, of: (abc[:1], of | {"prepend": abc[1]} | ({"append": abc[2]} if abc[2].valued else {})),
                  operands(st.one_of(fitting(3), shapes(1, 2).map(lambda s: (s, (), s)))),
                  st.fixed_dictionaries({}, optional={"n": st.integers(0, 2), "axis": AXIS}))),
    np.gradient: slopes(),
    np.nan_to_num: call(ONE, copy=st.just(True), nan=BOUND.filter(lambda x: x is not None), posinf=BOUND, neginf=BOUND),
    np.astype: call(ONE, st.sampled_from([np.float32, "float64", float, np.int64, bool])),
    np.swapaxes: call(ONE, AXIS, AXIS),
    np.moveaxis: call(ONE, FEW, FEW),
    np.rollaxis: call(ONE, AXIS, start=st.integers(-3, 4)),
    np.flip: call(ONE, axis=AXES),
    np.roll: call(ONE, st.one_of(INT, st.tuples(INT, INT)), axis=AXES),
    np.rot90: call(ONE, k=INT, axes=st.sampled_from([(0, 1), (1, 0), (-1, 0), [1, 2], (0, 0), (0, 3), (0, 1, 2)])),
    np.tile: call(ONE, LONG),
    np.repeat: call(ONE, LONG, axis=FLAT),
    np.append: call(SEVERAL.filter(lambda of: len(of) > 1).map(lambda of: of[:2]), axis=FLAT),
    np.take: st.one_of(  # of an empty array NumPy itself may take for ever, if mode="wrap"
        call(ONE, PLACES, axis=FLAT, mode=st.sampled_from(["raise", "clip", "x"])),
        call(operands(st.tuples(shapes(side=1)), most=1), PLACES, axis=FLAT, mode=st.just("wrap"))),
    np.pad: st.one_of(
        call(ONE, WIDTH, constant_values=st.sampled_from([0, 0.5, (1, 2), [[1, 2]], np.inf])),
        call(ONE, WIDTH, st.just("constant"), constant_values=st.sampled_from([0, np.float32(0.1), (1, 2, 3), "x"])),
        call(ONE, WIDTH, mode=st.sampled_from(["edge", "wrap", "reflect", "symmetric", "mean", "linear_ramp", "x"])),
        call(ONE, WIDTH, st.sampled_from(["reflect", "symmetric"]), reflect_type=st.sampled_from(["even", "odd"]))),
    np.select: choices(),
    np.linspace: call(
        operands(fitting(2), most=2, wild=False),
        num=st.one_of(st.integers(-1, 4), st.just(2.0)), endpoint=BOOL, retstep=BOOL, axis=AXIS),
    np.einsum: sums(),
    np.kron: call(operands(st.tuples(shapes(), shapes()), wild=False)),
    np.cross: call(
        operands(st.one_of(products("(3),(3)->(3)"), products("(3),(2)->(3)"), products("(2),(2)->()")), wild=False),
        axisa=AXIS, axisb=AXIS, axisc=AXIS, axis=FLAT),
    LA.multi_dot: listed(operands(st.one_of(CHAIN, CHAIN, CHAIN, st.lists(shapes(), max_size=3)), wild=False)),
    LA.matrix_power: call(MATRIX, st.one_of(INT, st.just(1.0), st.just(5))),
    LA.solve: call(operands(st.one_of(
        products("(m,m),(m,n)->(m,n)"), products("(m,m),(m)->(m)"),
        st.integers(0, 3).map(lambda n: ((n, n), (n,)))), wild=False)),
    LA.cholesky: call(operands(st.one_of(SQUARE, SQUARE, st.tuples(shapes())), wild=False, form=positive), upper=BOOL),
    LA.svd: call(ANY_MATRIX, full_matrices=BOOL, compute_uv=BOOL),
    LA.svdvals: call(ANY_MATRIX),
    LA.pinv: st.one_of(call(ANY_MATRIX), call(ANY_MATRIX, rcond=st.sampled_from([1e-9, 0.5])),
                       call(ANY_MATRIX, rtol=st.sampled_from([1e-9, 0.5, None])), call(MATRIX, hermitian=BOOL)),
    **dict.fromkeys([LA.norm, LA.vector_norm], call(TAME, ord=ORD, axis=WHOLE_AXES, keepdims=BOOL)),
    LA.matrix_norm: call(operands(st.tuples(shapes(1, 3)), wild=False), ord=ORD, keepdims=BOOL),
    **dict.fromkeys([LA.diagonal, LA.trace], call(ANY_MATRIX, offset=INT)),
    LA.cross: call(operands(products("(3),(3)->(3)"), wild=False), axis=AXIS),
}  # fmt: skip
CALLS = {function: drawn for function, drawn in STRATEGIES.items() if function in ops.ANSWERS}


# One call, its forms, its outcomes. -----------------------------------------------------------------------------------


def each(x: Any, change: Callable[[Operand], Any]) -> Any:
    """Arguments with every operand changed, also in lists and dictionaries."""
    if isinstance(x, Operand):
        return change(x)
    if isinstance(x, dict):
        return {key: each(value, change) for key, value in x.items()}
    return type(x)([each(value, change) for value in x]) if isinstance(x, list | tuple) else x


signature = cache(inspect.signature)  # the same ones are asked thousands of times


@cache
def parameters(function: Any) -> list[inspect.Parameter] | None:
    """The parameters of a function of NumPy; None if it has no fixed list of them."""
    try:
        found = [*signature(function).parameters.values()]
    except (TypeError, ValueError):  # a function in C, before NumPy 2.4
        return None
    return None if any(p.kind is p.VAR_POSITIONAL for p in found) else [p for p in found if p.kind is not p.VAR_KEYWORD]


def bound(function: Any, args: Any, named: dict[str, Any]) -> dict[str, Any] | None:
    """What is given for which parameter of a function of NumPy; None if it has no fixed list of them."""
    if parameters(function) is None:
        return None
    of = signature(function).bind(*args, **named).arguments
    return {key: value for key, value in of.items() if key != "kwargs"} | of.get("kwargs", {})


def spelled(parameters: Any, given: dict[str, Any], cut: int, said: int) -> tuple[list[Any], dict[str, Any]]:
    """A call in another form: more or fewer arguments by position, and some of NumPy's defaults said explicitly."""
    default = {p.name: p.default for p in parameters if p.default not in (p.empty, np._NoValue)} | {"keepdims": False}
    places = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    least = sum(p.kind is p.POSITIONAL_ONLY and p.name in given for p in parameters)
    most = next((i for i, name in enumerate(places) if name not in given and name not in default), len(places))
    count = least + cut % (most - least + 1)
    args = [given.get(name, default.get(name)) for name in places[:count]]
    names = [p.name for i, p in enumerate(parameters) if p.default is not p.empty and p.kind is not p.POSITIONAL_ONLY]
    further = {
        name: default[name]
        for i, name in enumerate(names)
        if name in default and said >> i & 1 and not {"min", "max"} & {*given}  # of clip, which then has no a_min
    }
    named = further | given
    return args, {name: x for name, x in named.items() if name not in places[:count]}


class Raised:
    """The outcome of a call that is refused."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        kinds = (LA.LinAlgError, np.exceptions.AxisError, IndexError, ValueError, TypeError, type(error))
        self.kind = next(kind for kind in kinds if isinstance(error, kind))
        self.accepted = (IndexError, ValueError) if self.kind is np.exceptions.AxisError else self.kind

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def outcome(function: Any, args: Any, named: dict[str, Any]) -> Any:
    """What a call gives, or how it is refused."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*args, **named)
        except Exception as error:
            return Raised(error)


def compare(
    found: Any, wanted: Any, recorded: bool | None, weak: bool = False, ulps: float = 0, scale: float = 0
) -> None:
    """That an outcome is NumPy's: the same error, or the same structure, dtype, shape and numbers."""
    text = lambda: f"found {found!r}, NumPy {wanted!r}"  # noqa: E731
    if isinstance(wanted, Raised):
        assert isinstance(found, Raised), text()
        assert isinstance(found.error, wanted.accepted), text()
        return
    assert not isinstance(found, Raised), text()
    if isinstance(wanted, list | tuple):
        assert type(found) is type(wanted), text()
        assert len(found) == len(wanted), text()
        for one, other in zip(found, wanted, strict=True):
            compare(one, other, recorded, weak, ulps, scale)
        return
    wanted = np.asarray(wanted)
    real = wanted.dtype.kind == "f"
    if real and (recorded or (recorded is None and type(found) is Value)):
        assert type(found) is Value, text()
        found = found.data
    if wanted.shape:
        assert type(found) is np.ndarray, text()
        assert found.shape == wanted.shape, text()
        narrow = weak and found.dtype == np.float32 and wanted.dtype == np.float64
        assert narrow or found.dtype == wanted.dtype, f"dtype {found.dtype}, NumPy's {wanted.dtype}: {text()}"
        ulps = max(ulps, 4 * narrow)
    else:
        assert type(found) is type(wanted.item()), text()
        ulps = max(ulps, 4)  # math.exp is not quite np.exp
    if not np.array_equal(found, wanted, equal_nan=real):
        assert real, text()
        assert ulps, text()
        eps = ulps * max(np.finfo(np.result_type(x)).eps for x in (found, wanted))
        size = max(scale, np.max(np.abs(wanted), initial=0, where=np.isfinite(wanted)))
        assert np.allclose(found, wanted, rtol=eps, atol=eps * size, equal_nan=True), text()


def named_as(function: Any) -> str:
    return f"{getattr(function, '__module__', 'numpy').replace('numpy', 'np')}.{function.__name__}"


def drawn(test: Callable[..., None], *strategies: Any, most: int = EXAMPLES) -> None:
    """Run a test on drawn arguments, the same ones every time."""
    still = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    options = settings(
        max_examples=most, derandomize=True, deadline=None, database=None, suppress_health_check=still,
        phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False,
    )  # fmt: skip
    options(given(*strategies)(test))()


def largest(values: list[Operand]) -> float:
    """The square of the largest number in a call, in which roundings are counted where numbers cancel."""
    found = [np.max(np.abs(np.asarray(x.array, float)), initial=0) for x in values]
    return float(max([1.0, *(x for x in found if x < 1e100)])) ** 2


def test_every_function_that_we_answer_for_is_drawn() -> None:
    of_numpy = {f for f in ops.ANSWERS if isinstance(f, np.ufunc) or getattr(f, "__module__", "").startswith("numpy")}
    assert {*map(named_as, of_numpy)} == {*map(named_as, CALLS)}
    assert len(CALLS) > 150


X = np.array([1.0, 2.0])
WRONG = [
    (X + 1e-9, X), (X[:1], X), (X.astype(np.float32), X), (X.tolist(), X), (Value(X), X), (1, 1.0), (True, 1.0),
    (np.float64(1.0), 1.0), (np.array([1, 3]), np.array([1, 2])), (X > 1, X > 3), ([X], (X,)), ((X,), (X, X)),
    (X, Raised(ValueError())), (Raised(ValueError()), X), (Raised(IndexError()), Raised(TypeError())),
    (Raised(ValueError()), Raised(LA.LinAlgError())),
]  # fmt: skip


@pytest.mark.parametrize(("found", "wanted"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_answer_is_rejected(found: Any, wanted: Any) -> None:
    with pytest.raises(AssertionError):
        compare(found, wanted, recorded=False)


@pytest.mark.parametrize("found", [X, Value(X + 1e-9), Value(X[:1]), Value(X.astype(np.float32)), Value(1.0)])
def test_a_wrong_value_is_rejected(found: Any) -> None:
    compare(Value(X), X, recorded=True)
    with pytest.raises(AssertionError):
        compare(found, X, recorded=True)


every_function = pytest.mark.parametrize("function", CALLS, ids=named_as)


def check(functions: Any, function: Any, args: Any, named: Any, real: bool, of: Any = None, own: Any = None) -> None:
    """Compare what some functions answer on Values (or, not `real`, on plain arrays) with NumPy's own answer.

    It is the answer of `function`, or of one of its `own` on the same arguments; `of` says what was given by name.
    """
    values: list[Operand] = []
    each((args, named), values.append)
    valued = [x for x in values if x.valued] or values if real else []
    if real and not values:
        return

    def hand(x: Operand) -> Any:
        return Value(x.array) if x in valued else plain(x)

    def plain(x: Operand) -> Any:
        numbers = x.real() if x in valued else x.array
        return np.asarray(numbers) if len(values) == 1 else numbers

    wanted = outcome(own or function, each(args, plain), each(named, plain))
    for f in functions:
        found = outcome(f, each(args, hand), each(named, hand))
        if isinstance(found, Raised) and function in REFUSED and REFUSED[function][0](of):
            assert isinstance(found.error, TypeError | ValueError)
            continue
        if isinstance(wanted, Raised) and function in ANSWERED and ANSWERED[function][0](of):
            continue
        numbers = plain(values[0]) if values else None
        pair = [whole(function, result, numbers, of) for result in (found, wanted)]
        recorded = False if not real or function is np.argpartition else None if function in MAY_BE_PLAIN else True
        weak = len(values) > 1 and any(isinstance(x.array, float) for x in values)
        try:
            compare(*pair, recorded, weak, ROUNDING.get(function, 0), largest(values))
        except AssertionError as error:
            shown = ", ".join([*map(repr, args), *(f"{key}={x!r}" for key, x in named.items())])
            raise AssertionError(f"{getattr(f, '__qualname__', f)}({shown}): {str(error).splitlines()[0]}") from None


def whole(function: Any, result: Any, numbers: Any, of: Any) -> Any:
    """A partition as its promise: the kth numbers in their places, and between them the same numbers in any order."""
    if function not in (np.partition, np.argpartition) or isinstance(result, Raised):
        return result
    axis = of.get("axis", -1)
    if function is np.argpartition:
        numbers = np.ravel(numbers) if axis is None else np.atleast_1d(numbers)
        assert result.dtype == np.intp if np.shape(result) else type(result) is int
        result = np.take_along_axis(numbers, np.atleast_1d(result), axis or 0)
        return np.atleast_1d(whole(np.partition, result, numbers, of))
    data = getattr(result, "data", None) if isinstance(result, Value) else result
    if not np.shape(data) or not np.size(data):
        return result
    axis = -1 if axis is None else axis
    places = np.ravel(of["kth"]).astype(int) % data.shape[axis]
    cuts = sorted({*places, *(places + 1)})
    parts = [np.sort(part, axis) for part in np.split(data, cuts, axis)]
    ordered = np.concatenate(parts, axis)
    return Value(ordered) if isinstance(result, Value) else ordered


@every_function
def test_on_plain_arrays_and_on_values_it_is_numpys_own(function: Any) -> None:
    def test(call: Any, cut: int, said: int) -> None:
        args, named = call
        if (of := bound(function, args, named)) and not isinstance(function, np.ufunc):
            args, named = spelled(parameters(function), of, cut, said)
        check([ops.ANSWERS[function]], function, args, named, real=False, of=of)
        check([function, ops.ANSWERS[function]], function, args, named, real=True, of=of)

    drawn(test, CALLS[function], st.integers(0, 9), st.sampled_from([0, 0, 1023, 2, 4, 8, 16]))


IN_PLACE = {"sort", "partition"}  # as methods of an array
METHODS = [
    f
    for f in CALLS
    if getattr(f, "__module__", "numpy") == "numpy" and hasattr(np.ndarray, f.__name__) and f.__name__ not in IN_PLACE
]


@pytest.mark.parametrize("function", METHODS, ids=named_as)
def test_its_method_is_that_of_arrays(function: Any) -> None:
    name = function.__name__

    def test(call: Any, cut: int, said: int) -> None:
        if (of := bound(function, *call)) is None:
            return
        owner, *rest = of.items()
        given = {key.removeprefix("a_") if name == "clip" else key: x for key, x in rest}
        if name in (
            "reshape",
            "transpose",
        ):  # NumPy has their first argument by position alone, in one piece or several
            first = given.pop("shape" if name == "reshape" else "axes", ())
            args = [*first] if isinstance(first, tuple | list) and cut % 2 and len(first) else [first]
        else:
            args, given = spelled((parameters(getattr(np.ndarray, name)) or [])[1:], given, cut, said)
        self = Operand(())
        self.array = owner[1].array
        method = lambda self, *args, **named: getattr(self, name)(*args, **named)  # noqa: E731
        method.__qualname__ = f"Value.{name}"
        own = lambda self, *args, **named: getattr(np.asarray(self), name)(*args, **named)  # noqa: E731
        check([method], function, [self, *args], given, real=True, of=of, own=own)

    drawn(test, CALLS[function], st.integers(0, 9), st.sampled_from([0, 0, 1023, 2, 4, 8, 16]))


# Arguments of every ufunc, and what is refused everywhere. ------------------------------------------------------------

UFUNCS = [f for f in CALLS if isinstance(f, np.ufunc)]


@pytest.mark.parametrize(
    "said",
    [{"out": None}, {"where": True}, {"dtype": None}, {"casting": "same_kind"}, {"order": "K"}, {"subok": True}],
    ids=str,
)
def test_a_ufunc_takes_its_defaults_said_explicitly(said: dict[str, Any]) -> None:
    for ufunc in UFUNCS:
        args = [Operand((2, 3)), Operand((3,))][: ufunc.nin]
        check([ops.ANSWERS[ufunc]], ufunc, args, said, real=False)
        check([ufunc, ops.ANSWERS[ufunc]], ufunc, args, said, real=True)


@every_function
def test_writing_into_an_array_is_refused_and_writes_nothing(function: Any) -> None:
    def test(call: Any) -> None:
        args, named = each(call, lambda x: Value(x.array))
        out = np.full((2, 2), 7.0)
        if any(isinstance(x, Value) for x in each([*args, *named.values()], Value)):
            with pytest.raises(TypeError):
                function(*args, **named, out=out)
        assert np.array_equal(out, np.full((2, 2), 7.0))

    drawn(test, CALLS[function], most=3)
