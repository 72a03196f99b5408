"""NumPy's own functions on Values: every one that a row answers for, and what is said about those without a rule."""

import operator
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, domains, ops, protocol

X, Y = np.array([[0.5, 1.25, 2.0], [0.75, 1.5, 0.3]]), np.array([[1.7, 0.4, 0.9], [2.2, 0.6, 1.1]])
SMALL, LARGE, MASK = X / 3, X + 1, np.array([[True, False, True], [False, True, False]])

# Every function of NumPy that something of ours answers for, each with a call: positional arguments, then named ones.
# `x` and `y` stand for operands that are differentiated.
CALLS = {
    np.add: [lambda f, x, y: f(x, y), lambda f, x, y: f(3.0, y), lambda f, x, y: f(x, Y[0])],
    np.subtract: [lambda f, x, y: f(x, y), lambda f, x, y: f(Y, x)],
    np.multiply: [lambda f, x, y: f(x, y), lambda f, x, y: f(x, 2)],
    np.divide: [lambda f, x, y: f(x, y), lambda f, x, y: np.true_divide(1.0, x)],
    np.power: [lambda f, x, y: f(x, y), lambda f, x, y: f(2, x), lambda f, x, y: f(x, 3)],
    np.negative: [lambda f, x, y: f(x)],
    np.positive: [lambda f, x, y: f(x)],
    np.abs: [lambda f, x, y: f(x - y), lambda f, x, y: np.absolute(x)],
    np.sign: [lambda f, x, y: f(x - 1) * y],
    np.exp: [lambda f, x, y: f(x)],
    np.log: [lambda f, x, y: f(x)],
    np.expm1: [lambda f, x, y: f(x)],
    np.log1p: [lambda f, x, y: f(x)],
    np.sqrt: [lambda f, x, y: f(x)],
    np.square: [lambda f, x, y: f(x)],
    np.reciprocal: [lambda f, x, y: f(x)],
    np.sin: [lambda f, x, y: f(x)],
    np.cos: [lambda f, x, y: f(x)],
    np.tan: [lambda f, x, y: f(x / 3)],
    np.arcsin: [lambda f, x, y: f(x / 3)],
    np.arccos: [lambda f, x, y: f(x / 3)],
    np.arctan: [lambda f, x, y: f(x)],
    np.sinh: [lambda f, x, y: f(x)],
    np.cosh: [lambda f, x, y: f(x)],
    np.tanh: [lambda f, x, y: f(x)],
    np.arcsinh: [lambda f, x, y: f(x)],
    np.arccosh: [lambda f, x, y: f(x + 1)],
    np.arctanh: [lambda f, x, y: f(x / 3)],
    np.maximum: [lambda f, x, y: f(x, y), lambda f, x, y: f(1.1, x)],
    np.minimum: [lambda f, x, y: f(x, y), lambda f, x, y: f(x, Y[:1])],
    np.where: [lambda f, x, y: f(MASK, x, y), lambda f, x, y: f(MASK, 1.0, y), lambda f, x, y: f(x > y, x, 0)],
    np.clip: [
        lambda f, x, y: f(x, 0.6, 1.6),
        lambda f, x, y: f(x, None, 1.6),
        lambda f, x, y: f(x, a_min=0.6, a_max=None),
        lambda f, x, y: f(x, min=0.6, max=1.6),
        lambda f, x, y: f(1.0, x, 5.0),
    ],
    np.sum: [lambda f, x, y: f(x), lambda f, x, y: f(x, 1), lambda f, x, y: f(x, axis=0, keepdims=True)],
    np.prod: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=-1)],
    np.max: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=1)],
    np.amax: [lambda f, x, y: f(x, axis=0)],
    np.min: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=1, keepdims=True)],
    np.amin: [lambda f, x, y: f(x, axis=(0, 1))],
    np.mean: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=1), lambda f, x, y: f(x, axis=0, keepdims=True)],
    np.var: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=1, ddof=1)],
    np.std: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=0)],
    np.linalg.norm: [lambda f, x, y: f(x), lambda f, x, y: f(x, axis=1), lambda f, x, y: f(x[0], 2)],
    np.broadcast_to: [lambda f, x, y: f(x, (4, 2, 3))],
    np.reshape: [lambda f, x, y: f(x, (3, 2)), lambda f, x, y: f(x, -1), lambda f, x, y: f(x, shape=(6, 1))],
    np.squeeze: [lambda f, x, y: f(x[:1]), lambda f, x, y: f(x[:, :1], axis=1)],
    np.expand_dims: [lambda f, x, y: f(x, 0), lambda f, x, y: f(x, axis=(0, 2))],
    np.transpose: [lambda f, x, y: f(x), lambda f, x, y: f(x, (0, 1)), lambda f, x, y: f(x, axes=(1, 0))],
    np.concatenate: [
        lambda f, x, y: f([x, y]),
        lambda f, x, y: f((x, Y, [[1, 2, 3]])),
        lambda f, x, y: f([y, x], axis=1),
    ],
    np.stack: [lambda f, x, y: f([x, y]), lambda f, x, y: f([Y, x], 1), lambda f, x, y: f((x, y, x), axis=-1)],
    np.matmul: [lambda f, x, y: f(x, y.T), lambda f, x, y: f(X, y.T), lambda f, x, y: f(x, [1, 2, 3])],
}
HELPERS = {"same", "getitem", "scatter"}
COMPARISONS = [np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal]


def test_every_function_that_something_answers_for_is_tried_here_or_as_a_row_of_the_table_of_domains():
    of_numpy = {f for f in ops.ANSWERS if isinstance(f, np.ufunc) or f.__module__.startswith("numpy")}
    assert of_numpy - {*CALLS, *COMPARISONS} <= {f for row in domains.DOMAINS for f in domains.answered(row)}


@pytest.mark.parametrize("row", domains.DOMAINS, ids=lambda row: row.__name__)
def test_a_function_is_reached_by_numpy_by_tg_and_as_a_method_where_numpy_has_it(row):
    for function in domains.answered(row):
        assert ops.ANSWERS[function] is row
        assert getattr(tg, row.__name__, None) is row or row.__name__ in HELPERS
        if hasattr(np.ndarray, function.__name__) and function.__name__ not in ("sort", "partition"):  # in place
            assert callable(getattr(Value, function.__name__)), function.__name__


def differences(f, x, y):
    """The gradient of a sum of NumPy's own results, by central differences of fourth order."""
    slopes = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        step = np.zeros(x.shape)
        step[place] = 1e-3
        near, far = (np.sum(f(x + k * step, y)) - np.sum(f(x - k * step, y)) for k in (1, 2))
        slopes[place] = (8 * near - far) / 12e-3
    return slopes


@pytest.mark.parametrize(
    ("function", "call"),
    [pytest.param(f, call, id=f"{f.__name__}-{i}") for f, calls in CALLS.items() for i, call in enumerate(calls)],
)
def test_a_function_of_numpy_computes_as_numpy_does_and_remembers(function, call):
    x, y = Value(X, "x"), Value(Y, "y")
    result, wanted = call(function, x, y), call(function, X, Y)
    assert isinstance(result, Value)
    assert result.shape == np.shape(wanted)
    assert np.allclose(result.data, wanted, rtol=1e-14, atol=0)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, result.shape)
    (result * weights).sum().backward()
    for v, f in (
        (x, lambda x, y: weights * call(function, x, y)),
        (y, lambda y, x: weights * call(function, x, y)),
    ):
        slopes = differences(f, v.data, (y if v is x else x).data)
        assert np.allclose(0 if v.grad is None else v.grad, slopes, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("function", COMPARISONS)
def test_a_comparison_of_numpy_is_plain_truth(function):
    for a, b in ((Value(X), Y), (X, Value(Y)), (Value(X), Value(Y)), (Value(X), 1.25)):
        found = function(a, b)
        assert type(found) is np.ndarray
        assert found.dtype == bool
        assert np.array_equal(found, function(getattr(a, "data", a) if isinstance(a, Value) else a, plain(b)))


def plain(x):
    return x.data if isinstance(x, Value) else x


def test_scalars_of_numpy_on_either_side():
    v = Value(2.0)
    for result, number in [
        (np.float64(3) * v, 6.0), (v - np.float32(0.5), 1.5), (np.array(3.0) + v, 5.0), (np.int64(2) ** v, 4.0),
        (np.float64(3) / v, 1.5), (np.True_ * v, 2.0),
    ]:  # fmt: skip
        assert isinstance(result, Value)
        assert (result.data, type(result.data)) == (number, float)
    assert (np.float64(3) < v, np.float64(2) == v) == (False, True)


def test_functions_of_ours_mix_values_arrays_numbers_and_lists():
    x = Value([1.0, 2.0], "x")
    joined = tg.concatenate([x, np.array([3.0]), [4.0, 5.0]])
    assert np.array_equal(joined.data, [1, 2, 3, 4, 5])
    piled = tg.stack([x, [5, 6], x * 2])
    assert np.array_equal(piled.data, [[1, 2], [5, 6], [2, 4]])
    chosen = tg.where([True, False], x, [7, 8])
    assert np.array_equal(chosen.data, [1, 8])
    scalars = np.stack([x[0], 3.0, x.sum()])
    (joined.sum() + 10 * piled.sum() + 100 * chosen.sum() + 1000 * scalars.sum()).backward()
    assert np.array_equal(x.grad, [1 + 30 + 100 + 2000, 1 + 30 + 1000])


# Functions that only read. --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (np.shape, (2, 3)),
        (np.ndim, 2),
        (np.size, 6),
        (lambda v: np.size(v, 1), 3),
        (np.isnan, np.zeros((2, 3), bool)),
        (np.isfinite, np.ones((2, 3), bool)),
        (np.isinf, np.zeros((2, 3), bool)),
        (np.argmax, 2),
        (lambda v: np.argmax(v, axis=1), [2, 1]),
        (lambda v: np.argmin(v, 0), [0, 0, 1]),
        (lambda v: np.argmax(a=v, axis=0), [1, 1, 0]),
        (lambda v: np.allclose(v, X), True),
        (lambda v: np.allclose(a=v, b=X), True),
        (lambda v: np.array_equal(v, v), True),
        (lambda v: np.isclose(v, X + 1), np.zeros((2, 3), bool)),
        (np.zeros_like, np.zeros((2, 3))),
        (np.ones_like, np.ones((2, 3))),
        (np.array_repr, np.array_repr(X)),
        (np.array_str, np.array_str(X)),
    ],
)
def test_functions_without_a_gradient_read_the_data(read, answer):
    found = read(Value(X))
    assert not isinstance(found, Value)
    assert np.array_equal(found, answer)


# What has no rule. ----------------------------------------------------------------------------------------------------

NEAREST = [
    (np.nanmax, "fmax"), (np.nansum, "nan_to_num"), (np.percentile, "sort"), (np.unique, "sort"),
    (np.convolve, "einsum"), (np.cov, "matmul"), (np.linalg.eigvals, "eigh"), (np.linalg.cond, "norm"),
    (np.fft.fft, "matmul"), (np.divmod, "remainder"), (np.modf, "trunc"), (np.spacing, ""), (np.unwrap, ""),
    (np.add.reduce, "sum"), (np.add.accumulate, "cumsum"), (np.multiply.outer, "outer"), (np.maximum.reduce, "max"),
]  # fmt: skip
ARGUMENTS = {np.percentile: (50,), **dict.fromkeys([np.convolve, np.divmod, np.multiply.outer], (X[0],))}


@pytest.mark.parametrize(("function", "nearest"), NEAREST, ids=lambda x: getattr(x, "__name__", None))
def test_a_function_without_a_rule_names_the_nearest_that_has_one(function, nearest):
    with pytest.raises(TypeError) as error:
        function(Value(X, "v"), *ARGUMENTS.get(function, ()))
    text = re.fullmatch(
        r"np\.([\w.]+) has no rule(?:; the nearest that has one is (\w+))?\. For numbers alone use v\.data\.",
        str(error.value),
    )
    assert text[1].endswith(function.__name__)
    assert (text[2] or "") == nearest
    assert not nearest or hasattr(tg, nearest)


def test_every_nearest_function_exists():
    assert [name for name in protocol.NEAREST.values() if not hasattr(tg, name)] == []
    assert [name for name in protocol.NEAREST if name in {row.__name__ for row in ops.ANSWERS.values()}] == []


def test_reduce_of_a_ufunc_is_answered_or_points_to_the_sum():
    try:
        result = np.add.reduce(Value(X), axis=1)
    except TypeError as error:
        assert "sum" in str(error)  # noqa: PT017
    else:
        assert np.array_equal(result.data, X.sum(1))


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda v: np.exp(v, dtype=np.float32), "exp takes no named arguments, not dtype."),
        (lambda v: np.exp(v, where=MASK), "exp takes no named arguments, not where."),
        (lambda v: np.sum(v, dtype=np.float32), "sum takes axis, keepdims, not dtype."),
        (lambda v: np.sum(v, initial=1.0), "sum takes axis, keepdims, not initial."),
        (lambda v: np.max(v, where=MASK, initial=0), "max takes axis, keepdims, not where. Take v[condition] first"),
        (lambda v: np.reshape(v, (3, 2), order="F"), "reshape takes shape, not order."),
        (lambda v: np.mean(v, dtype=np.float32), "dtype"),
        (lambda v: np.std(v, where=MASK), "where"),
        (lambda v: np.where(v), "where takes 3 operand(s): "),
        (lambda v: np.gradient(v[0], v[0, 0]), "gradient takes the distances or coordinates as plain numbers: v.data."),
    ],
    ids=range(10),
)
def test_an_unsupported_argument_is_named(write, text):
    with pytest.raises(TypeError, match=re.escape(text)):
        write(Value(X))


@pytest.mark.parametrize(
    "write",
    [
        lambda a, v: operator.iadd(a, v),
        lambda a, v: operator.imul(a, v),
        lambda a, v: np.add(a, v, out=a),
        lambda a, v: np.exp(v, out=a),
        lambda a, v: np.multiply(v, 2, a),
    ],
    ids=["+=", "*=", "add(out=)", "exp(out=)", "multiply(.., out)"],
)
def test_writing_a_value_into_an_array_is_refused_and_writes_nothing(write):
    array = np.zeros((2, 3))
    with pytest.raises(
        TypeError, match=r"np\.\w+ into an array \(out= or \+=\) would cut the graph: write a = a \+ v\."
    ):
        write(array, Value(X))
    assert not array.any()


@pytest.mark.parametrize(
    "write", [np.asarray, np.array, lambda v: np.array([v, v]), lambda v: np.sum([v, v]), np.ascontiguousarray]
)
def test_what_would_cut_the_graph_silently_says_what_to_write(write):
    with pytest.raises(TypeError, match=r"write v\.data, or tg\.stack for a list"):
        write(Value(X))


def test_protocols_of_composites_keep_their_name():
    assert {node.scope.name for node in (np.mean(Value(X)), np.var(Value(X)), np.std(Value(X)))} == {
        "mean",
        "var",
        "std",
    }
    assert protocol.answer(np.mean, (Value(X),), {}).data == X.mean()
