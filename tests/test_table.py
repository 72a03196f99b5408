"""Every row of the table, tested from its line in the table of domains; and a test that these tests can fail."""

from __future__ import annotations

import doctest
import math
from typing import Any

import loops
import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, domains, functions, images, matrices, ops, rows
from tinygrad_edu.backward import order, sweep
from tinygrad_edu.checking import GradientCheckError, check_gradients
from tinygrad_edu.operators import Operators

ROWS = list(ops.TABLE.values())
COMPOSITES = [f for f in vars(tg).values() if isinstance(f, functions.Composite)]
RULED = [row for row in ROWS if row.rules]
LINEAR = [
    ops.add, ops.subtract, ops.negative, ops.same, ops.where, ops.sum, ops.broadcast_to, ops.sum_to, ops.reshape,
    ops.squeeze, ops.expand_dims, ops.transpose, ops.concatenate, ops.stack, ops.getitem, ops.scatter,
    rows.cumsum, rows.put_along_axis, rows.take_along_axis, matrices.phi, matrices.gaps,
    images.image_sum, images.image_spread,
]  # fmt: skip
BILINEAR = [ops.multiply, ops.matmul, matrices.contract, images.conv2d_image, images.conv2d_weight]
STEPS = [ops.sign, rows.floor, rows.ceil, rows.rint, rows.trunc, rows.round, rows.floor_divide]  # their slope is 0


def every_case(rows: list[Any]) -> Any:
    """Parametrise over the cases of some rows, with names such as matmul-3."""
    return pytest.mark.parametrize(
        ("row", "case"),
        [pytest.param(f, case, id=f"{f.__name__}-{i}") for f in rows for i, case in enumerate(domains.cases(f))],
    )


def every(rows: list[Any]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.__name__)


def apply(row: Any, operands: list[Any], settings: dict[str, Any], function: Any = None) -> Any:
    """A row, or a function called like it; of several results a list of all numbers."""
    result = domains.call(row, list(operands), settings, function)
    if not isinstance(result, list | tuple):
        return result
    join = ops.concatenate if any(isinstance(x, Value) for x in result) else np.concatenate
    return join([x.reshape(-1) if np.shape(x) else np.ones(1) * x for x in result])


def differentiable(row: Any, case: domains.Case) -> list[int]:
    """Which operands of a case were drawn and have a rule."""
    rules = row.rules if isinstance(row, ops.Op) else None
    drawn = [i for i, x in enumerate(case.operands) if isinstance(x, tuple) and domains.condition(row, i) != "c"]
    return [i for i in drawn if rules is None or [rule for _, rule in zip(range(i + 1), rules)][i]]


def problem(row: Any, case: domains.Case, seed: int = 0, dtype: Any = np.float64) -> tuple[Any, list[Any]]:
    """A function of the differentiable operands of a case, and numbers to give it."""
    operands = domains.draw(row, case, np.random.default_rng(seed))
    operands = [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype == float else x for x in operands]
    free = differentiable(row, case)

    def f(*inputs: Any) -> Any:
        given = dict(zip(free, inputs, strict=True))
        return apply(row, [given.get(i, x) for i, x in enumerate(operands)], case.settings)

    return f, [operands[i] for i in free]


def check(row: Any, case: domains.Case, seed: int = 0, explain: bool = True) -> None:
    """First and second derivatives of one case, against the complex step and central differences."""
    f, inputs = problem(row, case, seed)
    if any(map(np.size, inputs)):
        check_gradients(f, *inputs, order=2, seed=seed, rtol=1e-8, explain=explain)
    else:
        assert [np.shape(g) for g in gradients(f, inputs)] == [np.shape(x) for x in inputs]


def gradients(f: Any, inputs: list[Any]) -> Any:
    """The gradients of the sum of the results."""
    value, pullback = tg.vjp(f, *inputs)
    return pullback(np.ones(np.shape(value)))


def same(a: Any, b: Any, rtol: float = 0.0) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=rtol, atol=0, equal_nan=True)


# The table is complete. -----------------------------------------------------------------------------------------------


def test_every_row_and_composite_has_a_line_in_the_table_of_domains() -> None:
    assert set(domains.DOMAINS) == {*ROWS, *COMPOSITES}
    assert len(domains.ROWS) == len(domains.DOMAINS)


@every(RULED)
def test_every_rule_of_a_row_is_met_by_a_case(row: ops.Op) -> None:
    met = {i for case in domains.cases(row) for i in differentiable(row, case)}
    assert met >= {i for i, rule in zip(range(2), row.rules) if rule}
    assert any(sum(map(np.size, problem(row, case)[1])) for case in domains.cases(row))


# Values. --------------------------------------------------------------------------------------------------------------

REFERENCES = {
    "conv2d": loops.called,
    "conv2d_image": loops.conv2d_image,
    "conv2d_weight": loops.conv2d_weight,
    "max_pool2d": lambda x, **at: loops.pool_called(np.max, x, **at),
    "image_shares": loops.shares,
    "image_sum": loops.weighed,
    "image_spread": loops.spread,
    "avg_pool2d": lambda x, **at: loops.pool_called(np.mean, x, **at),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "logsumexp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)),
    "softmax": lambda x, axis: np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True),
    "log_softmax": lambda x, axis: x - np.log(np.exp(x).sum(axis=axis, keepdims=True)),
    "norm": lambda x, axis, keepdims: np.sqrt((np.asarray(x) ** 2).sum(axis=axis, keepdims=keepdims)),
    "sum_to": lambda x, shape, dtype: np.einsum(x, [*range(np.ndim(x))], summed(np.shape(x), shape)).reshape(shape),
    "getitem": lambda x, index: x[index],
    "scatter": lambda x, index, shape, dtype: counted(np.broadcast_to(x, np.empty(shape)[index].shape), index, shape),
    "slope": lambda x, n, **_: n * x ** (n - 1),
    "xlogy": lambda a, x: a * np.log(x),
    "log_of": lambda a, x: np.log(x) + 0 * np.asarray(a),
    "ratio": lambda a, b: a / b,
    "wins": lambda a, b: np.where(a > b, 1.0, 0.0),
    "share": lambda x, y, axis, keepdims: np.where(x == y, 1.0, 0.0),
    "inside": lambda x, low, high: (x >= (-9 if low is None else low)) & (x <= (9 if high is None else high)),
    "cross_entropy": lambda x, c: -np.mean([row[label] - np.log(np.exp(row).sum()) for row, label in zip(x, c)]),
    "linear": lambda x, w, b: np.dot(x, w) + b,
    "one_hot": lambda c, x: np.eye(np.shape(x)[1])[c],
    "clip": np.clip,
    "flatten": np.ravel,
    "others": lambda x, axis: np.prod(x, axis=axis, keepdims=True) / x,
    "leaky_relu": lambda x, negative_slope: np.maximum(x, 0) + negative_slope * np.minimum(x, 0),
    "elu": lambda x, alpha: np.where(np.asarray(x) > 0, x, alpha * np.exp(x) - alpha),
    "silu": lambda x: x / (1 + np.exp(-np.asarray(x))),
    "gelu": lambda x, **_: x / (1 + np.exp(-np.sqrt(8 / np.pi) * (x + 0.044715 * np.power(x, 3)))),
    "einsum": lambda *xs, subscripts, optimize: np.einsum(subscripts, *xs),
    "cofactor": lambda x: np.linalg.det(x)[..., None, None] * np.swapaxes(np.linalg.inv(x), -1, -2),
    "slogdet": lambda x: np.stack(np.linalg.slogdet(x), -1),
    "eigh": lambda x, UPLO: np.concatenate([np.linalg.eigvalsh(x, UPLO)[..., None, :], np.linalg.eigh(x, UPLO)[1]], -2),
    "svd": lambda x: packed_svd(*np.linalg.svd(x, full_matrices=False)),
    "phi": lambda x: np.tril(x) - np.eye(*x.shape[-2:]) * x / 2,
    "gaps": lambda x: x[..., None, :] - x[..., :, None],
    "p_norm": lambda x, ord, axis, keepdims: (np.abs(x) ** ord).sum(axis=axis, keepdims=keepdims) ** (1 / ord),
    "put_along_axis": lambda x, i, axis, shape, dtype: placed(x, i, axis, shape),
}


def packed_svd(u: Any, s: Any, vh: Any) -> Any:
    return np.concatenate([s[..., None, :], u, np.swapaxes(vh, -1, -2)], -2)


def summed(shape: tuple[int, ...], to: tuple[int, ...]) -> list[int]:
    """The axes that remain when `shape` is summed to `to`."""
    lead = len(shape) - len(to)
    return [i for i in range(len(shape)) if i >= lead and to[i - lead] == shape[i]]


def counted(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with `x` added at an index, one number at a time."""
    result = np.zeros(math.prod(shape))
    for place, number in zip(np.arange(result.size).reshape(shape)[index].ravel(), np.ravel(x), strict=True):
        result[place] += number
    return result.reshape(shape)


@every_case(ROWS + COMPOSITES)
def test_value_is_numpys(row: Any, case: domains.Case) -> None:
    operands = domains.draw(row, case, np.random.default_rng(1))
    found = apply(row, operands, case.settings)
    assert isinstance(found, np.ndarray) or type(found) in (float, int, bool)
    drawn = zip(operands, case.operands)
    values = [Value(x) if isinstance(shape, tuple) and np.asarray(x).dtype == float else x for x, shape in drawn]
    for function in domains.answered(row):
        assert same(found, apply(row, operands, case.settings, by_name(function, row)), rtol=1e-13)
        by_protocol = apply(row, values, case.settings, by_name(function, row))
        assert same(found, getattr(by_protocol, "data", by_protocol), rtol=1e-15)
    settings = {**getattr(row, "settings", {}), **case.settings}
    if not domains.answered(row):
        assert same(found, REFERENCES[row.__name__](*operands, **settings), rtol=1e-12)
    of_values = apply(row, values, case.settings)
    assert same(found, of_values.data if isinstance(of_values, Value) else of_values, rtol=1e-13)


def placed(x: Any, indices: Any, axis: int | None, shape: tuple[int, ...]) -> Any:
    """Zeros with `x` added at indices along an axis, one number at a time."""
    result = np.zeros(math.prod(shape) if axis is None else shape)
    for place, number in np.ndenumerate(x):
        target = list(place)
        target[axis or 0] = indices[tuple(i if n > 1 else 0 for i, n in zip(place, indices.shape))]
        result[tuple(target)] += number
    return result.reshape(shape)


def by_name(function: Any, row: Any) -> Any:
    """NumPy's function with our settings and defaults; its own dtype= would be something else."""
    axis = {k: v for k, v in getattr(row, "settings", {}).items() if k == "axis" and v is not None}
    return lambda *xs, **settings: function(*xs, **{k: v for k, v in (axis | settings).items() if k != "dtype"})


# Derivatives. ---------------------------------------------------------------------------------------------------------


@every_case(RULED + COMPOSITES)
@pytest.mark.parametrize("seed", range(3))
def test_first_and_second_derivatives(row: Any, case: domains.Case, seed: int) -> None:
    check(row, case, seed)


def bent(rule: Any) -> Any:
    """The rule with an error of one percent; of `g`, where it is always 0."""
    zero = any(rule in row.rules for row in STEPS)

    def wrong(g: Any, y: Any, *operands: Any, **settings: Any) -> Any:
        gain = rule(g, y, *operands, **settings)
        return g * 0.01 if zero else gain * 1.01

    return wrong


@pytest.mark.parametrize(
    ("row", "operand"),
    [pytest.param(row, i, id=f"{row.name}-{i}") for row in RULED for i in range(row.arity or 2)
     if row.arity is None or row.rules[i]],
)  # fmt: skip
def test_a_rule_off_by_one_percent_is_rejected(row: ops.Op, operand: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, telling = row.rules, [case for case in domains.cases(row) if tells(row, case, operand)]
    if isinstance(rules, ops.Each):
        wrong = ops.Each(lambda i: bent(rules.each(i)) if i == operand else rules.each(i))
    else:
        wrong = tuple(bent(rule) if i == operand else rule for i, rule in enumerate(rules))
    monkeypatch.setattr(row, "rules", wrong)
    for case in telling:
        with pytest.raises(GradientCheckError):
            check(row, case, explain=False)  # how mistakes are explained is tested elsewhere
    assert telling


def tells(row: ops.Op, case: domains.Case, operand: int) -> bool:
    """Whether a gradient that is not 0 passes through this rule."""
    f, inputs = problem(row, case)
    found = dict(zip(differentiable(row, case), gradients(f, inputs), strict=True))
    return bool(np.any(found.get(operand, 0.0)) or (row in (*STEPS, matrices.gaps) and np.size(f(*inputs))))


def test_a_rule_that_forgets_the_graph_is_rejected_at_second_order(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = lambda y: getattr(y, "data", y)  # noqa: E731
    monkeypatch.setattr(ops.tanh, "rules", (lambda g, y, x: g * (1 - numbers(y) ** 2),))
    assert check_gradients(tg.tanh, 0.5).passed
    with pytest.raises(GradientCheckError, match="derivative of order 2"):
        check_gradients(tg.tanh, 0.5, order=2)


def integers(shape: tuple[int, ...], random: np.random.Generator) -> Any:
    """Small whole numbers, whose sums and products are exact."""
    return random.integers(-9, 10, shape).astype(float) if shape else float(random.integers(-9, 10))


@every_case(LINEAR + BILINEAR)
def test_a_linear_rule_is_the_adjoint_of_its_row(row: ops.Op, case: domains.Case) -> None:
    random = np.random.default_rng(2)
    f, inputs = problem(row, case)
    inputs = [integers(np.shape(x), random) for x in inputs]
    value, pullback = tg.vjp(f, *inputs)
    w = integers(np.shape(value), random)
    products = [np.sum(x * g) for x, g in zip(inputs, pullback(w), strict=True)]
    assert all(product == np.sum(value * w) for product in ([sum(products)] if row in LINEAR else products))


@every_case(RULED)
def test_a_rule_is_linear_in_g_for_complex_numbers_too(row: ops.Op, case: domains.Case) -> None:
    """So that a complex step may pass through a gradient: the second derivative by the complex step."""
    f, inputs = problem(row, case)
    leaves = [Value(x) for x in inputs]
    result = f(*leaves)
    g = np.random.default_rng(4).standard_normal(result.shape) if result.shape else 0.7
    of_real, of_imaginary = sweep(result, g, leaves), sweep(result, g * 1j, leaves)
    for x in leaves:
        assert same(np.asarray(of_real[x]) * 1j, np.asarray(of_imaginary[x]), rtol=1e-14)


@every_case([ops.sum])
def test_restore_is_the_adjoint_of_sum(row: ops.Op, case: domains.Case) -> None:
    random, settings = np.random.default_rng(3), {**ops.sum.settings, **case.settings}
    u = integers(case.operands[0], random)
    w = integers(np.shape(ops.sum(u, **settings)), random)
    assert np.sum(ops.sum(u, **settings) * w) == np.sum(u * ops.restore(w, u, **settings))


# Kinks and edges. -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kink", domains.KINKS, ids=lambda kink: f"{kink.row.__name__}{kink.point}")
@pytest.mark.parametrize("copies", [(), (2,)], ids=["once", "twice"])
def test_conventions_at_kinks(kink: domains.Kink, copies: tuple[int, ...]) -> None:
    """The gradient is exactly what the table of domains says, at the point itself and in an array of such points."""
    points = [np.broadcast_to(x, copies + np.shape(x)) for x in kink.point]
    settings = {"axis": -1} if copies and points[0].ndim == 2 else {}
    with np.errstate(all="ignore"):
        found = gradients(lambda *xs: kink.row(*xs, **settings), points)
    for gradient, wanted in zip(found, kink.gradient, strict=True):
        assert wanted is None or same(gradient, np.broadcast_to(wanted, np.shape(gradient)))


NAN, INF = math.nan, math.inf
EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 800.0, -800.0, 1e-310, 1e308, -1e308, INF, -INF, NAN]
EDGE_PAIRS = [(a, b) for a in (0.0, -8.0, 10.0, 1e308, INF, NAN) for b in (0.0, 1 / 3, -1.0, 2.0, 400.0, -INF, NAN)]
SETTINGS = ({}, {"axis": None, "keepdims": False})  # elementwise, and a reduction of everything
MATRICES = (
    ops.matmul,
    ops.cross_entropy,
    matrices.inv,
    matrices.solve,
    matrices.cofactor,
    matrices.det,
    matrices.packed_slogdet,
    matrices.packed_svd,
    matrices.phi,
    matrices.gaps,
)
SCALAR = [row for row in RULED if row.arity in (1, 2) and row.settings in SETTINGS and row not in MATRICES]


@every(SCALAR)
def test_scalars_answer_as_arrays_do_without_exception_or_warning(row: ops.Op) -> None:
    for point in EDGE_PAIRS if row.arity == 2 else [(x,) for x in EDGES]:
        found = [row(*point), *gradients(row, point)]
        assert all(isinstance(x, float) for x in found), point
        with np.errstate(all="ignore"):
            arrays = [np.array([x]) for x in point]
            wanted = [np.ravel(x)[0] for x in (row(*arrays), *gradients(row, arrays))]
        assert same(found, wanted, rtol=1e-12), (point, found, wanted)


@pytest.mark.parametrize("n", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("x", [0.0, -2.0])
def test_a_whole_power_is_a_polynomial_at_every_order(x: float, n: float) -> None:
    f = lambda x: x**n  # noqa: E731
    for k in range(6):
        assert f(x) == (math.perm(int(n), k) * x ** (n - k) if k <= n else 0.0)
        f = tg.grad(f)


def test_zero_to_a_power_stays_zero_however_the_exponent_moves() -> None:
    f = lambda n: 0.0**n  # noqa: E731
    for _ in range(5):
        assert f(0.5) == 0.0
        f = tg.grad(f)


@pytest.mark.parametrize(
    ("f", "point", "value", "gradient"),
    [
        (tg.log, (0.0,), -INF, (INF,)),
        (tg.log, (-1.0,), NAN, (-1.0,)),
        (tg.divide, (1.0, 0.0), INF, (INF, -INF)),
        (tg.divide, (0.0, 0.0), NAN, (INF, NAN)),
        (tg.power, (0.0, -1.0), INF, (-INF, -INF)),
        (tg.power, (10.0, 400.0), INF, (INF, INF)),
        (tg.power, (-8.0, 1 / 3), NAN, (NAN, NAN)),
        (tg.sqrt, (-1.0,), NAN, (NAN,)),
        (tg.sqrt, (0.0,), 0.0, (INF,)),
        (tg.exp, (1e3,), INF, (INF,)),
        (tg.arcsin, (1.0,), math.pi / 2, (INF,)),
        (tg.arctanh, (1.0,), INF, (INF,)),
        (tg.sigmoid, (-1e3,), 0.0, (0.0,)),
        (tg.softplus, (1e3,), 1e3, (1.0,)),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_edges_are_inf_or_nan(f: ops.Op, point: Any, value: float, gradient: Any) -> None:
    assert same([f(*point), *gradients(f, point)], [value, *gradient], rtol=1e-15)


# float32, and rules that only speak rows. -----------------------------------------------------------------------------


def wide(x: Any) -> bool:
    data = x.data if isinstance(x, Value) else x
    return isinstance(data, np.ndarray) and data.dtype == np.float64


@every_case(RULED + COMPOSITES)
def test_float32_stays_float32(row: Any, case: domains.Case) -> None:
    f, inputs = problem(row, case, dtype=np.float32)
    leaves = [Value(x) for x in inputs]
    result, contributions = f(*leaves), []
    if result.shape and result.dtype == float:  # where NumPy itself is as wide
        assert f(*inputs).dtype == float
        return
    seed = np.ones(result.shape, np.float32) if result.shape and any(x.shape for x in leaves) else np.ones(result.shape)
    tell = lambda node, x, gain: contributions.append(gain)  # noqa: E731
    found = sweep(result, seed if result.shape else 1.0, leaves, watch=tell)
    assert all(found[x].dtype == np.float32 for x in leaves if x.shape)
    as_graph = sweep(result, Value.node(seed if result.shape else 1.0), leaves, create_graph=True, watch=tell)
    nodes = [node for g in as_graph.values() if isinstance(g, Value) for node in order(g)]
    assert not any(x.shape for x in leaves) or not any(map(wide, [result, *contributions, *nodes]))


class Letter(Operators):
    """Something with a shape and a dtype and nothing else: whoever asks for numbers gets an error."""

    __array_ufunc__ = None

    def __init__(self, shape: tuple[int, ...], dtype: Any = float) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise AssertionError("a rule asked for the data")

    __bool__ = __float__ = __iter__ = __len__ = __array__
    T = property(lambda self: ops.transpose(self))
    ndim = property(lambda self: len(self.shape))

    def apply_op(self, op: ops.Op, operands: Any, settings: Any = ops.NOTHING) -> Letter:
        with np.errstate(all="ignore"):
            ones = lambda x: np.full(x.shape, x.dtype == float, x.dtype)  # noqa: E731  # 1, but the index 0
            fill = lambda x: ones(x) + np.eye(*x.shape[-2:]) if x.ndim > 1 and x.dtype == float else ones(x)  # noqa: E731
            stand_ins = [fill(x) if isinstance(x, Letter) else x for x in operands]
            result = op.compute(*stand_ins, **{**op.settings, **settings})
            return Letter(np.shape(result), np.asarray(result).dtype)


@every_case(RULED)
def test_rules_speak_only_rows_and_signs(row: ops.Op, case: domains.Case) -> None:
    operands = [Letter(x) if isinstance(x, tuple) else x for x in case.operands]
    settings = {**row.settings, **case.settings}
    y = apply(row, operands, settings)
    for x, rule in zip(operands, row.rules):
        if rule and isinstance(x, Letter):
            gain = rule(Letter(y.shape), y, *operands, **settings)
            assert isinstance(gain, Letter)
            assert not gain.shape or np.broadcast_shapes(gain.shape, x.shape) == gain.shape  # as the engine can fit it


# What help() says. ----------------------------------------------------------------------------------------------------


@every(ROWS)
def test_the_example_of_a_row_runs(row: ops.Op) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    text = domains.describe(row)
    found = doctest.DocTestParser().get_doctest(text, {"tg": tg, "np": np}, row.name, None, 0)
    assert doctest.DocTestRunner(optionflags=flags).run(found).failed == 0
    public = getattr(tg, row.name, None) is row
    assert bool(found.examples) == public
    assert text.startswith(row.name) or not row.settings


def test_the_text_of_help() -> None:
    assert domains.describe(ops.divide) == (
        "a / b: the quotient.\n\n"
        "Differentiable for b != 0.\n"
        "NumPy: np.divide.\n\n"
        ">>> import tinygrad_edu as tg\n"
        ">>> tg.value_and_grad(tg.divide, argnums=(0, 1))(6.0, 2.0)\n"
        "(3.0, (0.5, -1.5))"
    )
    assert "Convention: relu'(0) = 0." in domains.describe(ops.relu)
    assert domains.describe(ops.concatenate).startswith("concatenate([a, b, ...], axis=0): arrays joined along")
    assert domains.describe(ops.less).startswith("a < b: whether a is below b.\n\nNo gradient passes it.")
    assert domains.describe(functions.mean).startswith("The average over")
