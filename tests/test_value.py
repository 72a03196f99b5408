"""Value: what it is made of, what can be written with it, what it answers, and what it refuses."""

import copy
import operator
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, nn, ops


def same(a, b):
    """Equal numbers in the same shape."""
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


# What a Value is made of. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        (3, 3.0),
        (True, 1.0),
        (2.5, 2.5),
        (np.float32(2.5), 2.5),
        (np.int8(-3), -3.0),
        (np.array(2.0), 2.0),
        ([1, 2], [1.0, 2.0]),
        ((1, 2.5), [1.0, 2.5]),
        (range(3), [0.0, 1.0, 2.0]),
        ([[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
        ([np.ones(2), [2, 3]], [[1.0, 1.0], [2.0, 3.0]]),
        (np.array([1, 2], np.uint8), [1.0, 2.0]),
        (np.array([True, False]), [1.0, 0.0]),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        ([], []),
    ],
)
def test_numbers_lists_and_arrays_become_float64(given, numbers):
    v = Value(given)
    assert same(v.data, numbers)
    assert v.dtype == np.float64
    assert type(v.data) is (np.ndarray if np.ndim(numbers) else float)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_an_array_of_floats_keeps_its_dtype(kind):
    assert Value(np.ones((2, 3), kind)).dtype == kind
    assert Value(np.ones((2, 3), kind)).data.dtype == kind


@pytest.mark.parametrize("array", [np.arange(3.0), np.arange(6.0).reshape(2, 3).T, np.arange(3)])
def test_an_array_is_copied(array):
    v, before = Value(array), array.copy()
    array += 1
    assert same(v.data, before)
    assert not np.shares_memory(v.data, array)


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        ("3", TypeError, "A Value is made of numbers, not of str: '3'."),
        (None, TypeError, "A Value is made of numbers, not of NoneType: None."),
        ({"a": 1}, TypeError, "A Value is made of numbers, not of dict: {'a': 1}."),
        ([1, "a"], TypeError, "A Value is made of numbers, not of list: [1, 'a']."),
        ([1, None], TypeError, "A Value is made of numbers, not of list: [1, None]."),
        (np.array(["a"]), TypeError, "A Value is made of numbers, not of ndarray"),
        (np.datetime64("2020-01-01"), TypeError, "A Value is made of numbers, not of datetime64"),
        (print, TypeError, "A Value is made of numbers, not of builtin_function_or_method"),
        ([[1, 2], [3]], ValueError, "A nested list needs rows of equal length: [[1, 2], [3]]."),
        (1j, TypeError, "A Value is real: complex numbers appear only inside the gradient checks."),
        ([1, 2j], TypeError, "A Value is real: complex numbers appear only inside the gradient checks."),
        (Value(3.0), TypeError, "write v.data, or tg.stack for a list."),
        ([Value(3.0), 1.0], TypeError, "write v.data, or tg.stack for a list."),
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused(bad, error, text):
    with pytest.raises(error, match=re.escape(text)):
        Value(bad)


def test_an_integer_too_large_for_a_float_is_refused_like_other_bad_numbers():
    with pytest.raises((TypeError, ValueError)):
        Value(10**400)


# Fractions: exact hand work. ------------------------------------------------------------------------------------------

A, B = Fraction(1, 3), Fraction(-2, 5)


@pytest.mark.parametrize(
    ("f", "slopes"),
    [
        (lambda a, b: a + b, (1, 1)),
        (lambda a, b: a - 2 * b, (1, -2)),
        (lambda a, b: a * b, (B, A)),
        (lambda a, b: a / b, (1 / B, -A / B**2)),
        (lambda a, b: 1 / a - b / 7, (-1 / A**2, Fraction(-1, 7))),
        (lambda a, b: (1 - a) * (3 - b), (B - 3, A - 1)),
        (lambda a, b: a**3 * b**-2, (3 * A**2 * B**-2, -2 * A**3 * B**-3)),
        (lambda a, b: a**0 + b**1, (0, 1)),
        (lambda a, b: -a * +b, (-B, -A)),
        (lambda a, b: a * a * a / (a * b), (2 * A / B, -(A**2) / B**2)),
        (lambda a, b: Fraction(1, 7) * a + b * True, (Fraction(1, 7), 1)),
    ],
    ids=range(11),
)
def test_fractions_stay_exact_through_arithmetic_and_backward(f, slopes):
    a, b = Value(A, "a"), Value(B, "b")
    result = f(a, b)
    assert (type(result.data), result.data) == (Fraction, f(A, B))
    result.backward()
    assert (a.grad, b.grad) == slopes
    assert {type(a.grad), type(b.grad)} == {Fraction}


def test_fractions_stay_exact_over_two_passes_and_two_orders():
    x = Value(A)
    (x**4).backward()
    (x**4).backward()
    assert (x.grad, type(x.grad)) == (8 * A**3, Fraction)
    second = tg.grad(tg.grad(lambda x: x**4 / 6))(A)
    assert (second, type(second)) == (2 * A**2, Fraction)


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: x * 0.5, 0.5),
        (lambda x: x.exp(), np.exp(1 / 3)),
        (lambda x: x ** Fraction(1, 2), 0.5 * 3**0.5),
        (lambda x: 2**x, 2 ** (1 / 3) * np.log(2)),
        (lambda x: tg.maximum(x, Fraction(1, 4)), 1.0),
        (lambda x: (x * np.array([1.0, 2.0])).sum(), 3.0),
        (lambda x: tg.stack([x, x * x]).sum(), 1 + 2 / 3),
    ],
    ids=["float", "exp", "root", "2**x", "maximum", "array", "stack"],
)
def test_a_fraction_becomes_a_float_where_it_meets_one(f, slope):
    x = Value(A)
    f(x).backward()
    assert float(x.grad) == pytest.approx(slope, rel=1e-15)


def test_a_fraction_can_be_formatted():
    assert f"{Value(A):.3f}" == "0.333"


# What it answers. -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "shape", "size", "transposed"),
    [(2.5, (), 1, 2.5), ([1.0, 2.0], (2,), 2, [1.0, 2.0]), ([[1.0, 2.0, 3.0]], (1, 3), 3, [[1.0], [2.0], [3.0]])],
)
def test_a_leaf_answers(numbers, shape, size, transposed):
    v = Value(numbers, "v")
    assert (v.shape, v.ndim, v.size) == (shape, len(shape), size)
    assert type(v.size) is int
    assert (v.label, v.grad, v.op, v.operands, v.requires_grad) == ("v", None, None, (), True)
    assert same(v.T.data, transposed)
    assert not Value(numbers, requires_grad=False).requires_grad
    assert Value(numbers).label is None


def test_a_result_knows_how_it_was_computed():
    x, w = Value([1.0, 2.0], "x"), Value(3.0, "w")
    y = x * w
    assert y.op is tg.multiply
    assert y.operands[0] is x
    assert y.operands[1] is w
    assert (y.label, y.grad, y.requires_grad) == (None, None, True)
    assert (x**2).operands[1] == 2
    assert [node.op for node in (x + 1, -x, x.sum(), x[0], x.T)] == [
        tg.add, tg.negative, tg.sum, ops.getitem, tg.transpose,
    ]  # fmt: skip


def test_a_result_of_constants_is_a_constant():
    c = Value([1.0, 2.0], requires_grad=False)
    assert not (c * 2 + c.exp()).requires_grad
    assert (c * 2).op is None
    assert (c * Value(1.0)).requires_grad


def test_one_number_converts_and_several_do_not():
    assert [float(v) for v in (Value(3.75), Value([3.75]), Value([[3.75]]))] == [3.75] * 3
    assert [int(v) for v in (Value(-3.75), Value([7.0]))] == [-3, 7]
    assert [bool(v) for v in (Value(0.0), Value(0.5), Value([0.0]))] == [False, True, False]
    assert [v.item() for v in (Value(2.0), Value(np.float32([2.0])))] == [2.0, 2.0]
    assert type(Value(np.float32([2.0])).item()) is float
    for convert in (float, int, bool, Value.item):
        with pytest.raises(ValueError, match=r"size 1|more than one"):
            convert(Value([1.0, 2.0]))


def test_format_and_repr():
    v = Value(2.0, "v")
    assert f"{v:.3f}|{v:>6.1f}|{v:e}" == "2.000|   2.0|2.000000e+00"
    assert f"{v}" == str(v) == repr(v) == "Value(2.0, label='v')"
    (v * v).backward()
    assert repr(v) == "Value(2.0, label='v', grad=4.0)"
    assert repr(Value([[1.0, 2.5], [3.0, 4.0]])) == "Value([[1. , 2.5],\n       [3. , 4. ]])"


def test_length_and_iteration_go_along_the_first_axis_and_keep_the_graph():
    v = Value([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "v")
    assert len(v) == 3
    first, _, last = v
    (first * last).sum().backward()
    assert same(v.grad, [[5.0, 6.0], [0.0, 0.0], [1.0, 2.0]])
    for use in (len, iter, list):
        with pytest.raises(TypeError, match=re.escape("w is a single number: it has no length and no parts.")):
            use(Value(2.0, "w"))


def test_numbers_can_be_summed_and_sorted_by_python_itself():
    values = [Value(3.0), Value(1.0), Value(2.0)]
    total = sum(values)
    total.backward()
    assert (total.data, values[0].grad) == (6.0, 1.0)
    assert [v.data for v in sorted(values)] == [1.0, 2.0, 3.0]
    assert max(values) is values[0]


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda v: pickle.loads(pickle.dumps(v))}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize(
    "f",
    [
        lambda v: v * v + v.exp(),
        lambda v: tg.concatenate([v, v]).mean() * tg.softmax(v),
        lambda v: v.T[0] ** 2 + v.std(),
        lambda v: nn.cross_entropy(tg.stack([v, 2 * v]), [0, 1]),
    ],
    ids=["elementwise", "composite", "index", "loss"],
)
def test_a_copied_graph_is_whole_and_independent(duplicate, f):
    v = Value([0.5, -1.0], "v")
    result = f(v)
    other = duplicate([result, v])
    assert same(other[0].data, result.data)
    assert (other[1].label, other[1] is v) == ("v", False)
    other[0].backward(np.ones(result.shape))
    assert v.grad is None
    result.backward(np.ones(result.shape))
    assert same(other[1].grad, v.grad)
    other[1].data[0] = 7.0
    assert v.data[0] == 0.5


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_a_copied_leaf_has_its_own_gradient(duplicate):
    v = Value(np.float32([1.0, 2.0]), "v", requires_grad=False)
    v.grad = np.ones(2)
    w = duplicate(v)
    w.grad += 1
    assert same(v.grad, [1.0, 1.0])
    assert (w.label, w.requires_grad, w.dtype) == ("v", False, np.float32)


# Comparisons. ---------------------------------------------------------------------------------------------------------

COMPARE = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("compare", COMPARE)
@pytest.mark.parametrize("numbers", [(2.0, 3.0), (3.0, 3.0), ([1.0, 5.0], 3.0), ([1.0, 5.0], [1.0, 4.0])])
def test_comparisons_are_plain_truth_values(compare, numbers):
    a, b = numbers
    truth = compare(np.asarray(a), np.asarray(b))
    for left, right in [(Value(a), Value(b)), (Value(a), b), (np.asarray(a), Value(b)), (Value(a), np.asarray(b))]:
        found = compare(left, right)
        assert same(found, truth)
        assert type(found) is (np.ndarray if truth.ndim else bool)
        assert not truth.ndim or found.dtype == bool


def test_a_value_is_not_equal_to_what_is_no_number():
    v = Value(1.0)
    assert (v == None, v != None) == (False, True)  # noqa: E711
    assert (v == "one", v != "one") == (False, True)


def test_the_hash_is_by_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == b
    assert len({a, b, a}) == 2
    assert {a: "first", b: "second"}[b] == "second"


# Operators: numbers and arrays on either side. ------------------------------------------------------------------------

SIGNS = {
    "+": (operator.add, lambda a, b: 1 + 0 * a * b, lambda a, b: 1 + 0 * a * b),
    "-": (operator.sub, lambda a, b: 1 + 0 * a * b, lambda a, b: -1 + 0 * a * b),
    "*": (operator.mul, lambda a, b: b + 0 * a, lambda a, b: a + 0 * b),
    "/": (operator.truediv, lambda a, b: 1 / b + 0 * a, lambda a, b: -a / b**2),
    "**": (operator.pow, lambda a, b: b * a ** (b - 1), lambda a, b: a**b * np.log(a)),
}
NUMBERS = {
    "scalar": 1.7,
    "integer": 3,
    "numpy": np.float64(0.6),
    "vector": np.array([0.5, 1.5, 2.5]),
    "integers": np.array([2, 1, 3]),
    "column": np.array([[0.8], [1.3]]),
    "matrix": np.array([[0.5, 1.5, 2.5], [1.1, 0.7, 3.0]]),
}


def back_in_shape(gradient, shape):
    """What broadcasting repeated, summed."""
    gradient = np.asarray(gradient, float)
    while gradient.ndim > len(shape):
        gradient = gradient.sum(0)
    for axis, length in enumerate(shape):
        if length == 1:
            gradient = gradient.sum(axis, keepdims=True)
    return gradient


@pytest.mark.parametrize("right", NUMBERS)
@pytest.mark.parametrize("left", NUMBERS)
@pytest.mark.parametrize("sign", SIGNS)
def test_signs_between_values_numbers_and_arrays(sign, left, right):
    f, slope_a, slope_b = SIGNS[sign]
    a, b = NUMBERS[left], NUMBERS[right]
    wanted = f(np.asarray(a, float), np.asarray(b, float))
    for x, y in [(Value(a), Value(b)), (Value(a), b), (a, Value(b))]:
        result = f(x, y)
        assert isinstance(result, Value)
        assert np.allclose(result.data, wanted, rtol=1e-15, atol=0)
        assert result.shape == wanted.shape
        result.backward(np.ones(result.shape))
        for v, slope in ((x, slope_a), (y, slope_b)):
            if isinstance(v, Value):
                gradient = back_in_shape(slope(np.asarray(a, float), np.asarray(b, float)), v.shape)
                assert np.shape(v.grad) == v.shape
                assert np.allclose(v.grad, gradient, rtol=1e-14, atol=0)


def test_lists_on_either_side():
    v = Value([1.0, 2.0])
    assert same(([10, 20] + v).data, [11.0, 22.0])  # noqa: RUF005
    assert same((v * [3, 4]).data, [3.0, 8.0])


def test_signs_of_one_operand():
    v = Value([-1.5, 2.0])
    assert +v is v
    (2 * abs(v) - (-v)).sum().backward()
    assert same(v.grad, [-1.0, 3.0])


@pytest.mark.parametrize(
    "shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4))]
)
@pytest.mark.parametrize("side", ["array @ v", "v @ array", "v @ w"])
def test_matmul_with_an_array_on_either_side(shapes, side):
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape) for shape in shapes)
    x, y = (a if side == "array @ v" else Value(a)), (b if side == "v @ array" else Value(b))
    result = x @ y
    weights = random.standard_normal(result.shape) if result.shape else 1.0
    assert same(result.data, a @ b)
    (result * weights).sum().backward()
    for v, f in ((x, lambda e: (a + e) @ b), (y, lambda e: a @ (b + e))):
        if isinstance(v, Value):
            wanted = [np.sum(weights * f(e.reshape(v.shape) * 1j)).imag for e in np.eye(v.size)]  # linear, so exact
            assert np.allclose(v.grad.ravel(), wanted, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "arguments", "numpy"),
    [
        ("sum", (0,), lambda x: x.sum(0)),
        ("sum", (), lambda x: x.sum()),
        ("mean", (1,), lambda x: x.mean(1)),
        ("max", (0,), lambda x: x.max(0)),
        ("min", (), lambda x: x.min()),
        ("prod", (1,), lambda x: x.prod(1)),
        ("var", (0,), lambda x: x.var(0)),
        ("std", (), lambda x: x.std()),
        ("norm", (), lambda x: np.sqrt((x**2).sum())),
        ("logsumexp", (1,), lambda x: np.log(np.exp(x).sum(1))),
        ("softmax", (), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("log_softmax", (), lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True))),
        ("reshape", (3, 2), lambda x: x.reshape(3, 2)),
        ("reshape", ((-1, 1),), lambda x: x.reshape(-1, 1)),
        ("reshape", (6,), lambda x: x.reshape(6)),
        ("transpose", (), lambda x: x.T),
        ("transpose", (1, 0), lambda x: x.T),
        ("squeeze", (), lambda x: x),
        ("flatten", (), lambda x: x.ravel()),
        ("exp", (), np.exp),
        ("expm1", (), np.expm1),
        ("log", (), np.log),
        ("log1p", (), np.log1p),
        ("sqrt", (), np.sqrt),
        ("square", (), np.square),
        ("sin", (), np.sin),
        ("cos", (), np.cos),
        ("tan", (), np.tan),
        ("tanh", (), np.tanh),
        ("sigmoid", (), lambda x: 1 / (1 + np.exp(-x))),
        ("softplus", (), lambda x: np.log(1 + np.exp(x))),
        ("relu", (), lambda x: x * (x > 0)),
        ("abs", (), np.abs),
        ("sign", (), np.sign),
        ("clip", (1.0, 2.0), lambda x: np.clip(x, 1.0, 2.0)),
    ],
)
def test_methods_are_the_functions(method, arguments, numpy):
    x = np.array([[0.5, 1.5, 2.5], [1.25, 0.75, 3.0]])
    v = Value(x)
    found = getattr(v, method)(*arguments)
    assert np.allclose(found.data, numpy(x), rtol=1e-14, atol=0)
    assert found.shape == np.shape(numpy(x))
    assert same(getattr(tg, method)(v, *arguments).data, found.data)
    assert np.allclose(getattr(tg, method)(x, *arguments), found.data, rtol=1e-15, atol=0)  # NumPy's own


def test_round_divmod_and_each_matrix_transposed():
    v = Value(7.375, "v")
    assert (round(v).data, round(v, 1).data, round(v, -1).data) == (7.0, 7.4, 10.0)
    whole, rest = divmod(v, 2)
    (whole + 3 * rest).backward()
    assert (whole.data, rest.data, v.grad) == (3.0, 1.375, 3.0)
    assert [x.data for x in divmod(9.0, v)] == [1.0, 1.625]
    assert Value(np.ones((4, 2, 3))).mT.shape == (4, 3, 2)


def test_what_arrays_do_in_place_says_what_to_write():
    for method in ("sort", "partition"):
        with pytest.raises(TypeError, match=rf"a\.{method}\(\) changes the array a itself.*v = tg\.{method}\(v\)"):
            getattr(Value([2.0, 1.0]), method)(0)


def test_a_fraction_beside_an_array_is_a_float():
    half = Fraction(1, 2)
    for v in (Value([1.0, 2.0]), Value(np.array([1.0, 2.0], np.float32))):
        for result in (v * half, half + v, v / half, np.maximum(v, half), tg.where(v > half, v, half)):
            assert result.dtype == v.dtype
        (np.exp(v * half)).sum().backward()
        assert np.allclose(v.grad, np.exp(v.data / 2) / 2)
    assert tg.multiply(np.array([1.0, 2.0]), half).dtype == float


def test_activations_take_lists_and_large_numbers():
    for f in (tg.silu, tg.gelu):
        assert np.allclose(f([1.0, -2.0]), f(np.array([1.0, -2.0])))
        assert f(1e150) == 1e150
    assert np.allclose(tg.gelu([1.0, -2.0], "tanh"), tg.gelu([1.0, -2.0], approximate="tanh"))


def test_a_value_as_a_setting_is_refused():
    slope = Value(0.1, "slope")
    for write in (lambda v: tg.leaky_relu(v, slope), lambda v: tg.elu(v, alpha=slope), lambda v: tg.sum(v, axis=slope)):
        with pytest.raises(TypeError, match="is a setting, a plain number, not a Value: no gradient would reach it"):
            write(Value([1.0, -2.0]))
    for write in (
        lambda v: np.tile(v, slope), lambda v: np.split(v, slope), lambda v: np.repeat(v, slope),
        lambda v: np.roll(v, slope), lambda v: np.take(v, slope), lambda v: np.tile(np.ones(2), slope),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"is made of whole numbers, not of Values: v\.data"):
            write(Value([1.0, -2.0]))


def test_what_would_drop_a_gradient_is_refused():
    for write in (lambda v: np.full_like(np.ones(2), v), lambda v: np.histogram([1.0, 2.0], weights=Value([1.0, 2.0]))):
        with pytest.raises(TypeError, match="has no rule"):
            write(Value(2.0))


def test_micrograds_own_example_as_it_stands():
    """The expression of micrograd's README, with the numbers that it prints."""
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert (f"{g.data:.4f}", f"{a.grad:.4f}", f"{b.grad:.4f}") == ("24.7041", "138.8338", "645.5773")


@pytest.mark.parametrize("start", [3.0, np.array([3.0, -1.0])], ids=["scalar", "array"])
def test_micrograds_training_loop_as_it_stands(start):
    p, lr = Value(start), 0.1
    for _ in range(5):
        loss = ((p - 1) ** 2).sum()
        p.grad = 0
        loss.backward()
        p.data -= lr * p.grad
    assert np.allclose(p.data, 1 + (start - 1) * 0.8**5, rtol=1e-14, atol=0)


# Data, gradients, constants. ------------------------------------------------------------------------------------------


def test_zero_grad_forgets():
    v = Value(3.0)
    (v * v).backward()
    v.zero_grad()
    assert v.grad is None
    (v * v).backward()
    assert v.grad == 6.0


def test_detach_cuts_the_graph():
    v = Value([1.0, 2.0], "v")
    y = v * 2
    cut = y.detach()
    assert same(cut.data, [2.0, 4.0])
    assert (cut.requires_grad, cut.op, cut.operands) == (False, None, ())
    (cut * v).sum().backward()
    assert same(v.grad, [2.0, 4.0])


@pytest.mark.parametrize("new", [5.0, np.array([5.0, 6.0])])
def test_a_leaf_takes_new_data(new):
    v = Value([1.0, 2.0])
    v.data = new
    v.sum().backward()
    assert same(v.data, new)
    assert same(v.grad, np.ones(np.shape(new)) if np.shape(new) else 1.0)


@pytest.mark.parametrize("new", [3, [1, 2], np.array([1, 2])], ids=repr)
def test_integers_as_new_data_become_float64_too(new):
    v = Value([1.0, 2.0])
    v.data = new
    (v * 0.5).sum().backward()
    assert v.dtype == np.float64
    assert same(v.grad, np.full(np.shape(new), 0.5) if np.shape(new) else 0.5)


@pytest.mark.parametrize("new", ["a", None, [1, "a"], 1j, Value(3.0)], ids=repr)
def test_new_data_that_is_no_number_is_refused(new):
    v = Value([1.0, 2.0], "v")
    with pytest.raises(TypeError):
        v.data = new
    assert same(v.data, [1.0, 2.0])


def test_the_data_of_a_result_is_not_rebound():
    y = Value([1.0, 2.0]) * 2
    y.label = "y"
    with pytest.raises(GradientError, match=re.escape("y of shape (2,) is the result of multiply: change the data of")):
        y.data = 3.0
    assert same(y.data, [2.0, 4.0])


def test_the_data_of_a_result_is_not_changed_in_place_either():
    y = Value([1.0, 2.0]) * 2
    with pytest.raises((GradientError, ValueError)):
        y.data -= 1
    assert same(y.data, [2.0, 4.0])


# What is refused, with nothing changed. -------------------------------------------------------------------------------


def two():
    """Leaves whose shapes fit nothing, each with a gradient from an earlier pass."""
    x, w = Value([[1.0, 2.0], [3.0, 4.0]], "x"), Value([1.0, 2.0, 3.0], "w")
    x.sum().backward()
    w.sum().backward()
    return x, w


def untouched(x, w):
    return (
        same(x.data, [[1.0, 2.0], [3.0, 4.0]]) and same(w.data, [1.0, 2.0, 3.0])
        and same(x.grad, np.ones((2, 2))) and same(w.grad, np.ones(3))
    )  # fmt: skip


BROADCAST = "the shapes do not broadcast. Aligned from the right, two lengths must be equal, or one of them 1."


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        (lambda x, w: x + w, ValueError, f"x (2, 2) + w (3,): {BROADCAST}"),
        (lambda x, w: w - x, ValueError, f"w (3,) - x (2, 2): {BROADCAST}"),
        (lambda x, w: x * w, ValueError, f"x (2, 2) * w (3,): {BROADCAST}"),
        (lambda x, w: x / w, ValueError, f"x (2, 2) / w (3,): {BROADCAST}"),
        (lambda x, w: x**w, ValueError, f"x (2, 2)**w (3,): {BROADCAST}"),
        (lambda x, w: x < w, ValueError, f"x (2, 2) < w (3,): {BROADCAST}"),
        (lambda x, w: tg.maximum(x, w), ValueError, f"maximum(x (2, 2), w (3,)): {BROADCAST}"),
        (lambda x, w: x + np.ones(3), ValueError, f"x (2, 2) + (3,): {BROADCAST}"),
        (lambda x, w: np.ones(3) - x, ValueError, f"(3,) - x (2, 2): {BROADCAST}"),
        (lambda x, w: np.add(x, w), ValueError, f"x (2, 2) + w (3,): {BROADCAST}"),
        (lambda x, w: x @ w, ValueError, "x (2, 2) @ w (3,): the last length on the left must be the last but one"),
        (lambda x, w: np.ones((2, 3)) @ x, ValueError, "(2, 3) @ x (2, 2): the last length on the left must be"),
        (lambda x, w: x @ Value(2.0, "s"), ValueError, "x (2, 2) @ s = 2.0: "),
        (lambda x, w: tg.where(x > 0, x, w), ValueError, "where of (2, 2), x (2, 2), w (3,)"),
        (lambda x, w: tg.concatenate([x, w]), ValueError, "concatenate of x (2, 2), w (3,)"),
        (lambda x, w: tg.stack([x, w]), ValueError, "stack of x (2, 2), w (3,)"),
        (lambda x, w: w.reshape(2, 2), ValueError, "reshape of w (3,): cannot reshape array of size 3 into shape"),
        (lambda x, w: x.squeeze(0), ValueError, "squeeze of x (2, 2)"),
        (lambda x, w: x.sum(axis=2), IndexError, "sum of x (2, 2): axis 2 is out of bounds"),
        (lambda x, w: x.mean(axis=2), IndexError, "x (2, 2): axis 2 is out of bounds"),
        (lambda x, w: w[3], IndexError, "getitem of w (3,): index 3 is out of bounds for axis 0 with size 3"),
        (lambda x, w: w["a"], IndexError, "getitem of w (3,)"),
        (lambda x, w: w[0, 0], IndexError, "getitem of w (3,): too many indices"),
        (lambda x, w: x + "a", TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda x, w: "a" * x, TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda x, w: x + None, TypeError, "NoneType"),
        (lambda x, w: x * [1, "a"], TypeError, "A Value is made of numbers, not of list: [1, 'a']."),
        (lambda x, w: x.exp(2), TypeError, "exp takes at most 1 argument(s), not 2."),
        (lambda x, w: tg.add(x), TypeError, "add takes 2 operand(s)"),
        (lambda x, w: x.sum(dim=0), TypeError, "sum takes axis, keepdims, not dim."),
        (lambda x, w: x.softmax(dim=0), TypeError, "softmax takes axis, not dim."),
        (lambda x, w: tg.concatenate(x, w), TypeError, "concatenate takes a list of arrays first: concatenate("),
        (lambda x, w: x.backward(), GradientError, "x of shape (2, 2) is not a scalar, so its gradient needs a seed of "
         "that shape. Did you mean v.sum().backward() or v.mean().backward()?"),
        (lambda x, w: (x * 2).backward(), GradientError, "A value of shape (2, 2) is not a scalar"),
        (lambda x, w: x.backward(np.ones(2)), GradientError, "The seed has shape (2,), the value (2, 2)."),
        (lambda x, w: w.sum().backward([1.0]), GradientError, "The seed has shape (1,), the value ()."),
        (lambda x, w: x.backward("a"), TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda x, w: w.detach().sum().backward(), GradientError, "A value is a constant: nothing under it requires a "
         "gradient, or it was computed under no_grad()."),
        (lambda x, w: np.asarray(x), TypeError, "An array of Values would cut the graph silently: write v.data"),
        (lambda x, w: np.array([w, w]), TypeError, "write v.data, or tg.stack for a list."),
        (lambda x, w: operator.setitem(w, 0, 1), TypeError, "A Value is not changed in place: write v = tg.where("),
        (lambda x, w: operator.setitem(x, (0, 1), w), TypeError, "tg.where(condition, new, v)"),
    ],
)  # fmt: skip
def test_bad_input_is_explained_and_changes_nothing(write, error, text):
    x, w = two()
    with pytest.raises(error, match=re.escape(text)):
        write(x, w)
    assert untouched(x, w)


def test_a_constant_may_become_an_array():
    c = Value([1.0, 2.0], requires_grad=False)
    assert same(np.asarray(c), [1.0, 2.0])
    assert np.asarray(c, dtype=np.float32).dtype == np.float32
    mine = np.array(c)
    mine[0] = 9
    assert c.data[0] == 1.0


@pytest.mark.parametrize("name", ["gard", "Grad", "value", "backwards", "requires_gradient", "_op"])
def test_a_misspelt_attribute_is_an_error(name):
    v = Value(1.0)
    with pytest.raises(AttributeError, match=name):
        getattr(v, name)
    with pytest.raises(AttributeError, match=name):
        setattr(v, name, 1)


@pytest.mark.parametrize("name", ["shape", "ndim", "size", "dtype", "T", "operands"])
def test_what_follows_from_the_data_cannot_be_set(name):
    with pytest.raises(AttributeError):
        setattr(Value(1.0), name, 1)
