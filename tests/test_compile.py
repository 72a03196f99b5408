"""tg.compile and fit(compiled=True): the numbers of the engine, whatever a function does or a caller changes."""

import functools
import gc
import linecache
import math
import random
import threading
import tracemalloc
import warnings
import weakref
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from programs import programs

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, datasets, nn
from tinygrad_edu.program.running import MOST
from tinygrad_edu.recording import STATE
from tinygrad_edu.testing import models

X = np.array([[0.5, -1.5], [2.5, 0.25], [-0.75, 1.0]])


def leaves(tree):
    if isinstance(tree, dict):
        return [x for part in tree.values() for x in leaves(part)]
    return [x for part in tree for x in leaves(part)] if isinstance(tree, tuple | list) else [tree]


def assert_same(found, wanted):
    """The same structure, types, shapes, dtypes and bits."""
    assert type(found) is type(wanted)
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        return [assert_same(found[key], wanted[key]) for key in wanted]
    if isinstance(wanted, tuple | list):
        assert len(found) == len(wanted)
        return [assert_same(a, b) for a, b in zip(found, wanted, strict=True)]
    if isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype
    return np.testing.assert_array_equal(found, wanted, strict=isinstance(wanted, np.ndarray))


def assert_equal_to_eager(function, *args, argnums=0, **keywords):
    """In the first call, in which the program is made, and in the second one."""
    wanted = tg.value_and_grad(function, argnums)(*args, **keywords)
    compiled = tg.compile(function, argnums)
    assert_same(compiled(*args, **keywords), wanted)
    assert_same(compiled(*args, **keywords), wanted)
    return compiled


# The numbers. ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", range(20))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_equal_to_eager_on_200_random_programs(group):
    """Values, gradients and dtypes; bit for bit but for the order of sums."""
    for program in programs(10, seed=group):
        inputs = [*program.inputs.values()]
        argnums = tuple(range(len(inputs)))
        value, gradients = tg.value_and_grad(program, argnums)(*inputs)
        compiled = tg.compile(program, argnums)
        for _ in range(2):
            found, slopes = compiled(*inputs)
            assert type(found) is type(value)
            np.testing.assert_allclose(found, value, rtol=1e-13)
            for slope, gradient in zip(slopes, gradients, strict=True):
                assert type(slope) is type(gradient)
                assert np.asarray(slope).dtype == np.asarray(gradient).dtype
                size = np.max(np.abs(gradient), initial=1)
                np.testing.assert_allclose(slope, gradient, rtol=1e-12, atol=1e-13 * size)


def test_parts_of_equal_terms_are_not_written_over():
    """Both sines are one array in the program, and what is taken from it shows that array."""

    weights = np.arange(1.0, 7.0).reshape(2, 3)

    def function(x, y):
        first, second = tg.sin(x), tg.sin(x)
        return (tg.exp(first) * weights).sum() + (tg.cross(second, y) * weights).sum()

    assert_equal_to_eager(function, weights / 3, np.array([1.0, 2.0, 3.0]), argnums=(0, 1))


def test_most_random_programs_are_equal_bit_for_bit():
    exact = 0
    for program in programs(60, seed=7):
        inputs = [*program.inputs.values()]
        argnums = tuple(range(len(inputs)))
        with np.errstate(all="ignore"):
            value, gradients = tg.value_and_grad(program, argnums)(*inputs)
            found, slopes = tg.compile(program, argnums)(*inputs)
        exact += found == value and all(map(np.array_equal, slopes, gradients))
    assert exact >= 54


@settings(max_examples=100, deadline=None)
@given(models())
def test_any_model_is_equal_to_eager(example):
    model, loss = example.model, getattr(nn, example.loss_name)
    wanted = loss(model(example.x), example.y)
    wanted.backward()
    compiled = tg.compile(lambda x: loss(model(x), example.y), parameters=model.parameters())
    for _ in range(2):
        value, gradients = compiled(example.x)
        np.testing.assert_allclose(value, wanted.data, rtol=1e-13, atol=1e-14)
        for gradient, parameter in zip(gradients, model.parameters(), strict=True):
            np.testing.assert_allclose(gradient, parameter.grad, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "softplus", "softmax", None])
@pytest.mark.parametrize("loss", [nn.mse, nn.sum_squared_error, nn.cross_entropy])
def test_gradients_of_models_equal_those_of_backward(activation, loss, dtype):
    model = nn.Sequential(nn.Dense(2, 5, activation, dtype=dtype, seed=1), nn.Dense(5, 2, dtype=dtype, seed=2))
    x, y = X.astype(dtype), np.array([[0, 1], [1, 0], [0.5, 0.5]], dtype)
    wanted = loss(model(x), y)
    wanted.backward()
    value, gradients = tg.compile(lambda x, y: loss(model(x), y), parameters=model.parameters())(x, y)
    assert type(value) is float
    np.testing.assert_allclose(value, wanted.data, rtol=1e-6 if dtype is np.float32 else 1e-14)
    for found, parameter in zip(gradients, model.parameters(), strict=True):
        assert found.dtype == dtype
        scale = 1e-6 if dtype is np.float32 else 1e-15
        np.testing.assert_allclose(found, parameter.grad, rtol=10 * scale, atol=scale)


def test_a_program_is_made_once_for_each_shape_and_dtype():
    runs = []

    def function(x):
        runs.append(x.shape)
        return (x * x).sum()

    compiled = tg.compile(function)
    single = np.ones(2, np.float32)
    for x in (np.ones(2), np.zeros(2), np.ones(3), single, np.full(3, 2.0), 3 * single):
        assert_same(compiled(x), (float((x * x).sum()), 2 * x))
    assert runs == [(2,), (3,), (2,)]


def test_the_source_can_be_read():
    compiled = tg.compile(lambda x, weight: tg.tanh(x @ weight).sum(), "weight")
    with pytest.raises(GradientError, match=r"There is no program yet: it is made in the first call"):
        compiled.source  # noqa: B018
    compiled(X, weight=np.ones((2, 1)))
    assert compiled.source.startswith("def program(x, weight):\n")
    assert "np.tanh(" in compiled.source
    assert "d_weight = " in compiled.source


SCALAR = {
    "the argument itself": lambda x: x,
    "by one": lambda x: x * 1.0 + 0.0,
    "a number of NumPy's": lambda x: x + np.float64(3.0),
    "of an array without axes": lambda x: x * np.array(3.0),
    "whole powers": lambda x: x**3 + x**2.0 + x**-1,
    "relu": lambda x: tg.relu(x) + tg.relu(-x) * 2,
    "where": lambda x: tg.where(x > 1, x, x * 2) + tg.where(x < 1, 5, x),
    "rounding": lambda x: tg.floor(x) * x + tg.ceil(x),
    "abs and sign": lambda x: abs(x - 5) * tg.sign(x),
    "an array inside": lambda x: (x * np.arange(3.0)).sum() * x,
    "of two": lambda x: tg.maximum(x, 1) * tg.arctan2(x, 2.0) + x % 0.7 + tg.hypot(x, 1),
    "functions": lambda x: tg.exp(x) + tg.log(x) + tg.sqrt(x) * tg.sin(x) + tg.sigmoid(x) + tg.softplus(x),
}


@pytest.mark.parametrize("name", SCALAR)
def test_scalars_are_plain_numbers_of_python(name):
    value, gradient = assert_equal_to_eager(SCALAR[name], 2.5)(2.5)
    assert type(value) is type(gradient) is float


POLES = [
    (tg.log, 0.0), (tg.log, -1.0), (tg.sqrt, -1.0), (tg.sqrt, 0.0), (tg.exp, 1000.0), (tg.sinh, 1e4), (tg.arcsin, 2.0),
    (lambda x: 1 / x, 0.0), (lambda x: x / (x * 0), 1.0), (lambda x: 10.0**x, 400.0), (lambda x: x ** (1 / 3), -8.0),
    (lambda x: x**0.5, 0.0), (lambda x: x**-1, 0.0), (lambda x: x**500, 1e10), (lambda x: x % 0.0, 1.0),
    (lambda x: x // 0.0, 1.0), (lambda x: abs(x**0.3), -8.0), (lambda x: -(x**-2) + tg.sqrt(x) * tg.relu(-x), -1.0),
    (lambda x: tg.where(x > 0, tg.log(x), 0.0), -1.0), (lambda x: 1 / tg.log(x) + (x * np.ones(3)).sum(), 0.0),
    (lambda x: tg.log2(x) * tg.log10(x), 0.0), (lambda x: x * x * x, 1e200), (lambda x: tg.arctan2(x, 0.0), 0.0),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(POLES)))
def test_where_python_raises_the_answer_is_that_of_the_engine(i):
    function, x = POLES[i]
    compiled = tg.compile(function)
    compiled(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(compiled(x), tg.value_and_grad(function)(x))
    assert_same(compiled(0.5), tg.value_and_grad(function)(0.5))


def test_an_error_of_plain_numbers_changes_no_parameter_twice():
    """The program is run a second time; what it has changed by then must be changed once."""
    eager, compiled = ([Value([1.0, 2.0], "w"), Value(0.0, "b"), Value([3.0, 4.0], "u")] for _ in range(2))
    loss = lambda w, b, u: (w * w).sum() + tg.exp(b * 2000 + 1000) + (u * u).sum() * tg.sqrt(b)  # noqa: E731
    optimizers = nn.SGD(eager, 0.1, momentum=0.5), nn.SGD(compiled, 0.1, momentum=0.5)
    step = tg.compile(lambda: loss(*compiled), optimizer=optimizers[1])
    with np.errstate(all="ignore"):
        for _ in range(3):
            optimizers[0].zero_grad()
            loss(*eager).backward()
            optimizers[0].step()
            step()
    assert_same([x.data for x in compiled], [x.data for x in eager])


@pytest.mark.parametrize("x", [np.array([-1000.0, 0.0, 800.0])])
@pytest.mark.parametrize("function", [
    lambda x: tg.sigmoid(x).sum(), lambda x: tg.log(x).sum(), lambda x: (1 / x).sum(), lambda x: tg.exp(x).sum(),
    lambda x: (tg.sigmoid(x) * tg.exp(x)).sum(), lambda x: tg.softplus(x).sum(), lambda x: tg.norm(x * 0),
    lambda x: (x**-1).sum(), lambda x: tg.log_softmax(x, axis=0)[0],
])  # fmt: skip
def test_warnings_are_those_of_the_engine(function, x):
    def warned(function):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            function(x)
        return {str(warning.message).split(" in ")[0] for warning in found}

    compiled = tg.compile(function)
    compiled(np.ones(3))
    assert warned(compiled) == warned(tg.value_and_grad(function))


def test_float32_stays_float32():
    def function(x, s):
        return (tg.exp(x * s) * 2.0 + tg.sigmoid(x) / 3).mean()

    found = assert_equal_to_eager(function, np.array([0.1, 0.7], np.float32), 0.3, argnums=(0, 1))
    assert found(np.array([0.1, 0.7], np.float32), 0.3)[1][0].dtype == np.float32


def test_empty_arrays_and_single_numbers_in_arrays():
    assert_equal_to_eager(lambda x: (x * x).sum(), np.zeros((0, 3)))
    assert_equal_to_eager(lambda x: x * x, np.array([2.0]))


def test_a_fraction_stays_exact():
    assert tg.compile(lambda x: x * x / 3)(Fraction(1, 2)) == (Fraction(1, 12), Fraction(1, 3))


# Arguments. -----------------------------------------------------------------------------------------------------------


def test_trees_of_arguments_and_their_gradients():
    def function(p, x):
        return ((x @ p["w"] + p["b"][0]) ** 2).sum() * p["b"][1]

    p = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": (np.array([1.0, 2.0]), 0.5)}
    compiled = assert_equal_to_eager(function, p, X)
    assert "p_w" in compiled.source
    assert_equal_to_eager(function, p, X, argnums=(1, 0))
    q = {**p, "b": (np.zeros(2), 2.0)}
    assert_same(compiled(q, X), tg.value_and_grad(function)(q, X))


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (1, 0), (1, 1), "scale", ("scale", 0)])
def test_argnums_as_those_of_value_and_grad(argnums):
    assert_equal_to_eager(lambda x, y, scale: (x * y**2).sum() * scale, X, X + 1, scale=2.0, argnums=argnums)


def test_what_the_function_may_decide_by_makes_another_program():
    compiled = tg.compile(lambda x, n, how: x**n if how == "power" else x * 3 if n is True else x * n)
    assert compiled(2.0, 3, "power") == (8.0, 12.0)
    assert compiled(2.0, 2, "power") == (4.0, 4.0)
    assert compiled(2.0, True, "times") == (6.0, 3.0)
    assert compiled(2.0, 1, "times") == (2.0, 1.0)
    assert compiled(2.0, 3, "power") == (8.0, 12.0)
    assert len(compiled.programs) == 4


def test_whole_numbers_flow_where_a_gradient_is_asked_for():
    compiled = tg.compile(lambda x: x * x)
    assert [compiled(3), compiled(4), compiled(2.5)] == [(9.0, 6.0), (16.0, 8.0), (6.25, 5.0)]
    assert len(compiled.programs) == 1
    assert_equal_to_eager(lambda x: (x * x).sum(), np.array([1, 2]))
    assert_equal_to_eager(lambda x: (x * x).sum(), [1.0, 2.0])
    assert_equal_to_eager(lambda xs: (xs[0] * xs[1]["b"]).sum(), [np.ones(2), {"b": np.ones(2)}])


def test_indices_and_labels_are_read_anew():
    compiled = tg.compile(lambda x, i: x[i].sum())
    for i in (np.array([0, 0]), np.array([2, 1])):
        assert_same(compiled(np.arange(3.0), i), tg.value_and_grad(lambda x, i: x[i].sum())(np.arange(3.0), i))
    loss = tg.compile(nn.cross_entropy)
    for labels in (np.array([0, 1, 1]), np.array([1, 1, 0])):
        value, gradient = loss(X, labels)
        wanted, slope = tg.value_and_grad(nn.cross_entropy)(X, labels)
        np.testing.assert_allclose(value, wanted, rtol=1e-14)
        np.testing.assert_allclose(gradient, slope, rtol=1e-14)
    with pytest.raises(ValueError, match=r"the labels must be 0 to 1, one for each of at least one row"):
        loss(X, np.array([0, 1, 2]))


def test_values_come_out_for_values():
    x = Value([1.0, 2.0], "x")
    value, gradient = tg.compile(lambda x: (x**3).sum())(x)
    np.testing.assert_array_equal(gradient.data, [3.0, 12.0])
    (value * 2 + gradient.sum()).backward()
    np.testing.assert_array_equal(x.grad, 6 * np.array([1.0, 4.0]) + 6 * np.array([1.0, 2.0]))


@pytest.mark.parametrize(("x", "message"), [
    ("text", r"Argument \[0\]: A Value is made of numbers, not of"), (1j, r"Argument \[0\]: A Value is real"),
    ({"w": [1.0, "b"]}, r"Argument \[0\]\['w'\]\[1\]: A Value is made of numbers"),
])  # fmt: skip
def test_arguments_that_are_no_numbers_are_refused(x, message):
    with pytest.raises(TypeError, match=message):
        tg.compile(lambda x: x)(x)


# What is captured, and the updates. -----------------------------------------------------------------------------------


def test_captured_values_are_read_anew():
    w = Value([1.0, 2.0], "w")
    compiled = tg.compile(lambda: (w * w).sum(), parameters=[w])
    for data in ([3.0, 4.0], [1.0, 2.0, 3.0], np.ones(2, np.float32), [5.0, 6.0]):
        w.data = np.array(data)
        assert_same(compiled(), (float((w.data * w.data).sum()), (2 * w.data,)))
    w.data = 5.0
    assert compiled() == (25.0, (10.0,))


def test_captured_arrays_are_those_of_the_first_call():
    data = np.array([1.0, 2.0])
    compiled = tg.compile(lambda x: (x * data).sum())
    compiled(np.ones(2))
    data[:] = 0
    assert_same(compiled(np.ones(2)), (3.0, np.array([1.0, 2.0])))


OPTIMIZERS = {
    "SGD": lambda p: nn.SGD(p, 0.1),
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9),
    "Adam": lambda p: nn.Adam(p, 0.1),
}


@pytest.mark.parametrize("how", ["ece", "cec", "ccc", "eecc", "ccee"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_and_eager_steps_share_an_optimizer(name, how):
    """Bit for bit: data, state, count of steps; with the learning rate changed after the first step."""
    found = []
    for way in ("e" * len(how), how):
        w, b, m = Value([1.0, -2.0, 3.0], "w"), Value(0.7, "b"), Value(np.ones((2, 3), np.float32), "m")
        optimizer = OPTIMIZERS[name]([w, b, m])
        loss = lambda w=w, b=b, m=m: tg.sum(tg.tanh(w) * b * m)  # noqa: E731
        step = tg.compile(loss, optimizer=optimizer)
        for kind in way:
            if kind == "c":
                assert step() == loss().data or True
            else:
                optimizer.zero_grad()
                loss().backward()
                optimizer.step()
            optimizer.lr = 0.05
        found.append([[w.data, b.data, m.data], optimizer.state, optimizer.steps])
    assert_same(found[1], found[0])


CROSSED = {  # where the new numbers of one parameter are computed from the old ones of the other
    "product": lambda w, u: (w * u).sum(),
    "transposed": lambda w, u: (w * u.T).sum() + (w * w).sum(),
    "function": lambda w, u: (tg.tanh(w) * u).sum(),
    "matrices": lambda w, u: (tg.sum(w @ u.T @ w) if w.ndim == 2 else w @ u) + u.sum(),
}


@pytest.mark.parametrize("shape", [(3,), (3, 3), (300, 300)])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", CROSSED)
def test_parameters_that_are_the_gradients_of_others_are_changed_at_once(loss, name, shape):
    """And what a step returns besides the loss is what was before it."""
    results = []
    for compiled in (False, True):
        w, u = Value(np.full(shape, 0.5), "w"), Value(np.random.default_rng(0).random(shape), "u")
        optimizer, seen = OPTIMIZERS[name]([w, u]), []
        function = lambda w=w, u=u: (CROSSED[loss](w, u) / w.size, (w, u.reshape((-1,)), u.T))  # noqa: E731
        step = tg.compile(function, optimizer=optimizer, has_aux=True)
        for _ in range(4):
            if compiled:
                seen.append(step()[1])
            else:
                optimizer.zero_grad()
                value, others = function()
                seen.append(tuple([x.data.copy() for x in others]))
                value.backward()
                optimizer.step()
        results.append([w.data, u.data, optimizer.state, seen])
    assert_same(results[1], results[0])


def test_a_step_returns_the_loss_before_it():
    w = Value([1.0, 2.0], "w")
    step = tg.compile(lambda: (w * w).sum(), optimizer=nn.SGD([w], 0.25))
    assert [step(), step(), step()] == [5.0, 1.25, 0.3125]
    assert w.grad is None


def test_other_choices_of_an_optimizer_are_noticed():
    w, v = Value([1.0, 2.0], "w"), Value([1.0, 2.0], "v")
    optimizer, other = nn.SGD([w], 0.1, momentum=0.9), nn.SGD([v], 0.1, momentum=0.9)
    step = tg.compile(lambda: (w * w).sum(), optimizer=optimizer)
    for momentum in (0.9, 0.9, 0.5, 0.5):
        optimizer.momentum = other.momentum = momentum
        step()
        other.zero_grad()
        (v * v).sum().backward()
        other.step()
    assert_same(w.data, v.data)
    optimizer.state = [{}]
    other.state = [{}]
    step()
    other.zero_grad()
    (v * v).sum().backward()
    other.step()
    assert_same(w.data, v.data)


def test_a_parameter_without_influence():
    w, u = Value([1.0, 2.0], "w"), Value([1.0], "u")
    _, gradients = tg.compile(lambda: (w * w).sum(), parameters=[w, u])()
    assert_same(gradients, (np.array([2.0, 4.0]), np.array([0.0])))
    step = tg.compile(lambda: (w * w).sum(), optimizer=nn.SGD([w, u], 0.1))
    with pytest.warns(UserWarning, match=r"^The loss does not depend on u: no gradient arrived there\.$") as found:
        step()
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step()
    np.testing.assert_array_equal(u.data, [1.0])
    optimizer = nn.SGD([u], 0.1)
    with pytest.raises(GradientError, match=r"No parameter has a gradient: the loss depends on none"):
        tg.compile(lambda: (w * w).sum(), optimizer=optimizer)()
    assert optimizer.steps == 0


def test_a_parameter_asked_for_twice():
    w = Value([1.0, 2.0], "w")
    _, (one, other) = tg.compile(lambda: (w * w).sum(), parameters=[w, w])()
    assert_same(one, other)
    assert not np.shares_memory(one, other)


def test_a_recorded_graph_notices_a_compiled_step():
    w = Value([1.0, 2.0], "w")
    step = tg.compile(lambda: (w * w).sum(), optimizer=nn.SGD([w], 0.1))
    step()
    loss = (w * w).sum()
    step()
    with pytest.raises(GradientError, match=r"w of shape \(2,\) was changed in place after multiply had used it"):
        loss.backward()


def test_a_wrong_batch_changes_nothing():
    model = nn.Sequential(nn.Dense(2, 2, seed=0))
    optimizer = nn.Adam(model.parameters(), 0.1)
    step = tg.compile(lambda x, y: nn.cross_entropy(model(x), y), optimizer=optimizer)
    step(X, np.array([0, 1, 1]))
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(ValueError, match=r"the labels must be 0 to 1"):
        step(X, np.array([0, 1, 5]))
    assert_same([p.data for p in model.parameters()], before)
    assert optimizer.steps == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_fit_gives_the_same_history_compiled(name, loss):
    x, y = datasets.xor()
    x, y = np.tile(x, (5, 1)), np.tile(y, 5) if loss == "cross_entropy" else np.tile(y, 5)[:, None]
    histories, weights = [], []
    for compiled in (False, True):
        model = nn.Sequential(nn.Dense(2, 6, "tanh", seed=0), nn.Dense(6, 2 if loss == "cross_entropy" else 1, seed=1))
        optimizer = OPTIMIZERS[name](model.parameters())
        history = model.fit(x, y, loss=loss, optimizer=optimizer, epochs=3, batch_size=8, seed=0, verbose=False,
                            validation_data=(x, y), compiled=compiled)  # fmt: skip
        histories.append(history.history)
        weights.append([p.data for p in model.parameters()])
    for key, numbers in histories[0].items():
        np.testing.assert_allclose(histories[1][key], numbers, rtol=1e-5)
    for found, wanted in zip(weights[1], weights[0], strict=True):
        assert found.dtype == wanted.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)


# Random numbers. ------------------------------------------------------------------------------------------------------


def test_dropout_draws_afresh_and_as_the_engine_does():
    def model(seed):
        return nn.Sequential(nn.Dense(2, 50, seed=0), nn.Dropout(0.5, seed=seed), nn.Dense(50, 1, seed=1))

    eager, compiled = model(3), model(3)
    wanted = [eager(X.astype(np.float32)).sum().data for _ in range(4)]
    loss = tg.compile(lambda x: compiled(x).sum(), parameters=compiled.parameters())
    found = [loss(X.astype(np.float32))[0] for _ in range(4)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert len(set(found)) == 4


GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("draw", [
    lambda: np.random.rand(2), lambda: GENERATOR.random(2), lambda generator=GENERATOR: generator.random(2),
    functools.partial(GENERATOR.normal, size=2), lambda: random.random(),
])  # fmt: skip
def test_random_numbers_that_the_program_could_not_draw_are_refused(draw):
    compiled = tg.compile(lambda x: (x * draw()).sum())
    with pytest.raises(GradientError, match=r"The function draws random numbers: the program would use the same ones"):
        compiled(np.ones(2))
    assert compiled.programs == {}


# Nobody's memory but the caller's. ------------------------------------------------------------------------------------


def test_results_alias_nothing_and_survive_the_next_call():
    w, constant, x = Value([1.0, 2.0], "w"), np.array([7.0, 8.0]), np.array([3.0, 4.0])

    def function(x):
        y = x * w
        others = {"x": x, "w": w, "column": x.reshape((2, 1)), "constant": constant, "row": w.reshape((1, 2)), "y": y}
        return y.sum(), {**others, "view": y[:1], "T": y.reshape((2, 1)).T, "y again": y, "number": 3, "text": "text"}

    compiled = tg.compile(function, (0,), has_aux=True)
    results = [compiled(x), compiled(x), compiled(x + 1)]
    arrays = [a for result in results for a in leaves(result) if isinstance(a, np.ndarray)]
    assert len(arrays) == 3 * 10
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in (x, w.data, constant, *arrays[:i]))
    (value, others), (gradient,) = results[1]
    assert value == 11.0
    assert (others["number"], others["text"]) == (3, "text")
    assert_same(gradient, np.array([1.0, 2.0]))
    assert_same(others["T"], np.array([[3.0, 8.0]]))


def test_gradients_may_be_changed_by_the_caller():
    w, u = Value([1.0, 2.0], "w"), Value([3.0], "u")
    compiled = tg.compile(lambda: (w * 2).sum(), parameters=[w, u])
    for gradient in compiled()[1]:
        gradient[:] = 99
    assert_same(compiled(), (6.0, (np.array([2.0, 2.0]), np.array([0.0]))))
    np.testing.assert_array_equal(w.data, [1.0, 2.0])


def test_ten_thousand_calls_need_no_more_memory():
    model = nn.Sequential(nn.Dense(2, 8, "relu", seed=0), nn.Dense(8, 2, seed=1))
    step = tg.compile(lambda x, y: nn.cross_entropy(model(x), y), optimizer=nn.Adam(model.parameters()))
    x, y = datasets.xor()
    for _ in range(10):
        step(x, y)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            step(x, y)
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()


def test_the_graph_of_the_trace_is_freed_and_so_is_a_program():
    nodes = []

    def function(x):
        y = tg.exp(x)
        nodes.append(weakref.ref(y))
        return (y * x).sum()

    w = Value(0.5, "w")
    compiled = tg.compile(lambda x: function(x) * w, optimizer=nn.Adam([w]))
    gc.disable()
    try:
        for _ in range(3):
            compiled(np.ones(100))
        assert [node() for node in nodes] == [None, None]
        program = weakref.ref(compiled.latest)
        lines = [name for name in linecache.cache if name.startswith("<tinygrad_edu program")]
        del compiled
        assert program() is None
    finally:
        gc.enable()
    assert len([name for name in linecache.cache if name.startswith("<tinygrad_edu program")]) == len(lines) - 2


def test_only_so_many_programs_are_kept():
    compiled = tg.compile(lambda x, n: x * n)
    for n in range(MOST + 20):
        assert compiled(2.0, n) == (2.0 * n, float(n))
    assert len(compiled.programs) == MOST
    assert compiled(2.0, 0) == (0.0, 0.0)


@pytest.mark.parametrize("count", [50_000])
def test_a_graph_of_many_scalars_needs_no_recursion(count):
    def chain(x):
        for _ in range(count // 2):
            x = x * 1.00001 + 0.1
        return x

    compiled = tg.compile(chain)
    assert compiled(1.0) == tg.value_and_grad(chain)(1.0)


def test_a_chain_that_ends_in_a_parameter_needs_no_recursion():
    w, v = Value(np.ones(3), "w"), Value(np.ones(3), "v")

    def chain(w):
        x = w
        for _ in range(2_000):
            x = x * 0.999 + w
        return x.sum()

    step = tg.compile(lambda: chain(w), optimizer=nn.SGD([w], 1e-6))
    step()
    chain(v).backward()
    nn.SGD([v], 1e-6).step()
    assert_same(w.data, v.data)


# Inside and around. ---------------------------------------------------------------------------------------------------

cube = tg.compile(lambda x: x**3)


def test_a_compiled_function_inside_another_one():
    assert tg.grad(lambda x: cube(x)[0] * x)(2.0) == 32.0
    assert tg.grad(lambda x: cube(x)[1] * x)(2.0) == 36.0
    assert tg.compile(lambda x: cube(x)[0] * x)(2.0) == (16.0, 32.0)
    assert tg.compile(lambda x: cube(x)[1] * x)(2.0) == (24.0, 36.0)
    assert tg.hessian(lambda x: cube(x)[0] * 1)(2.0) == 12.0


def test_a_compiled_function_with_parameters_inside_another_one():
    w = Value(2.0, "w")
    inner = tg.compile(lambda x: w**2 * x, parameters=[w])
    outer = tg.compile(lambda x: inner(x)[1][0] * x, (0,))
    for data in (2.0, 3.0):
        w.data = data
        assert outer(5.0) == (2 * data * 25.0, (20.0 * data,))
        assert tg.grad(lambda x: inner(x)[1][0] * x)(5.0) == 20.0 * data


def test_a_compiled_function_that_calls_itself():
    power = tg.compile(lambda x, n: x * 1 if n == 0 else power(x, n - 1)[0] * x)
    assert power(2.0, 3) == (16.0, 32.0)


def test_a_compiled_step_inside_another_function_is_refused():
    w = Value(2.0, "w")
    step = tg.compile(lambda x: w * x, optimizer=nn.SGD([w], 0.1))
    for outer in (tg.compile(lambda x: step(x) * x), tg.grad(lambda x: step(x) * x)):
        with pytest.raises(GradientError, match=r"A compiled step changes its parameters, so it cannot be part of"):
            outer(1.0)
    assert w.data == 2.0


def test_transforms_inside_a_compiled_function():
    x = np.array([1.0, 2.0])
    assert_equal_to_eager(lambda x: tg.grad(lambda z: z**3)(x), 2.0)
    assert_equal_to_eager(lambda x: tg.hessian(lambda z: (z**3).sum())(x).sum(), x)
    assert_equal_to_eager(lambda x: tg.jvp(lambda z: (z**3).sum(), (x,), (x,))[1], x)
    assert_equal_to_eager(lambda x: tg.hvp(lambda z: (z**3).sum(), (x,), (x,))[1][0].sum(), x)
    assert tg.compile(lambda x: x * tg.grad(lambda y: x * y)(3.0))(5.0) == (25.0, 10.0)


def test_without_gradients_around_and_inside():
    def partly(x):
        with tg.no_grad():
            y = x * x
        return y * x

    compiled = assert_equal_to_eager(partly, 3.0)
    assert_equal_to_eager(lambda x: x * x.detach(), 3.0)
    with tg.no_grad():
        assert compiled(4.0) == (64.0, 16.0)
        assert tg.compile(partly)(4.0) == (64.0, 16.0)


def test_anomalies_are_named():
    compiled = tg.compile(lambda x: tg.log(x).sum())
    compiled(np.ones(2))
    w = Value([1.0, -1.0], "w")
    optimizer = nn.SGD([w], 0.1)
    step = tg.compile(lambda: tg.log(w).sum(), optimizer=optimizer)
    with tg.detect_anomaly(), np.errstate(all="ignore"):
        assert_same(compiled(np.ones(2)), (0.0, np.ones(2)))
        with pytest.raises(GradientError, match=r"log of \(2,\) gave nan, at .*test_compile.py"):
            compiled(np.array([1.0, -1.0]))
        with pytest.raises(GradientError, match=r"log of w \(2,\) gave nan"):
            step()
        assert optimizer.steps == 0
        w.data = [1.0, 2.0]
        step()
    assert_same((w.data, w.grad), (np.array([0.9, 1.95]), None))


def test_two_threads_at_once():
    compiled, wrong = tg.compile(lambda x: (tg.exp(x) * x).sum()), []

    def run(k):
        x = np.full(1000, k)
        wanted = tg.value_and_grad(lambda x: (tg.exp(x) * x).sum())(x)
        for _ in range(100):
            value, gradient = compiled(x)
            if value != wanted[0] or not np.array_equal(gradient, wanted[1]):
                wrong.append(k)

    threads = [threading.Thread(target=run, args=(k / 10,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Bad input. -----------------------------------------------------------------------------------------------------------

W = Value([1.0, 2.0], "w")


def setting_data(x):
    W.data = np.zeros(2)
    return (x * W).sum()


def changing_data(x):
    W.data -= 1
    return (x * W).sum()


def going_backward(x):
    y = (x * W).sum()
    y.backward()
    return y


def looking(x):
    return x.sum() if x.sum().data > 0 else -x.sum()


def stepping(x):
    nn.SGD([W], 0.1).step()
    return (x * W).sum()


LOOKING = {
    "if": lambda x: x.sum() if x.sum() > 0 else -x.sum(), "if equal": lambda x: x.sum() if x[0] == 1 else x.sum() * 2,
    "float": lambda x: x.sum() * float(x[0]), "int": lambda x: x[: int(x[0])].sum(),
    "item": lambda x: x[0].item() * x[0],
    "format": lambda x: x.sum() * float(f"{x[0]:.3f}"), "max": lambda x: max(x[0], x[1]), "data": looking,
    "sorted": lambda x: sorted([x[0], x[1]])[0], "in": lambda x: x.sum() if 1.0 in [x[0]] else x.sum() * 2,
    "nonzero": lambda x: x[np.nonzero(x)].sum(), "new data": setting_data, "changed data": changing_data,
    "backward": going_backward, "step": stepping,
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKING)
def test_what_depends_on_the_numbers_of_the_first_call_is_refused(name):
    W.grad = np.array([1.0, 1.0])
    compiled = tg.compile(LOOKING[name])
    message = r"is asked for its numbers while a program is made of the function, at "
    with pytest.raises(GradientError, match=message) as found:
        compiled(np.array([1.0, 3.0]))
    assert "test_compile.py, line" in str(found.value)
    assert "Choose with tg.where(condition, a, b)" in str(found.value)
    assert compiled.programs == {}
    np.testing.assert_array_equal(W.data, [1.0, 2.0])
    np.testing.assert_array_equal(W.grad, [1.0, 1.0])


def setting_a_gradient(x):
    W.grad = np.ones(2)
    return (x * W).sum()


def forgetting_gradients(x):
    W.zero_grad()
    return (x * W).sum()


@pytest.mark.parametrize("function", [setting_a_gradient, forgetting_gradients])
def test_gradients_that_are_set_inside_are_refused(function):
    W.grad = np.array([5.0, 5.0])
    compiled = tg.compile(function)
    with pytest.raises(GradientError, match=r"^w of shape \(2,\) is given another grad by the function\."):
        compiled(np.ones(2))
    assert_same(W.grad, np.array([5.0, 5.0]))
    assert compiled.programs == {}
    W.grad = None


def test_a_trace_that_fails_leaves_nothing_behind():
    w, generator = Value([1.0, 2.0], "w"), np.random.default_rng(0)
    w.grad, optimizer = np.array([5.0, 5.0]), nn.Adam([w])
    state, drawn = dict(vars(STATE)), repr(generator.bit_generator.state)

    def function(x):
        w.grad = None
        generator.random()
        return (x * w).sum() if (x * w).sum() > 0 else x.sum()

    step = tg.compile(function, optimizer=optimizer)
    with pytest.raises(GradientError, match="is asked for its numbers"):
        step(np.ones(2))
    assert step.programs == {}
    assert step.latest is None
    assert (optimizer.steps, optimizer.state) == (0, [{}])
    assert_same([w.data, w.grad], [np.array([1.0, 2.0]), np.array([5.0, 5.0])])
    assert {name: getattr(STATE, name) for name in state} == state
    assert STATE.trace is None
    assert repr(generator.bit_generator.state) == drawn


@pytest.mark.parametrize(("function", "error", "message"), [
    (lambda x: 3.0, GradientError, r"The function returned float, not a Value"),
    (lambda x: x * np.ones(3), GradientError, r"A program differentiates a scalar, not a result of shape \(3,\)"),
    (lambda x: (x, x), GradientError, r"The function returned a tuple of 2"),
])  # fmt: skip
def test_results_that_are_no_scalar_are_refused(function, error, message):
    with pytest.raises(error, match=message):
        tg.compile(function)(2.0)


def test_wrong_uses_are_refused():
    w = Value(1.0)
    with pytest.raises(TypeError, match=r"compile takes a function of the arguments, not Value"):
        tg.compile(w * 2)
    with pytest.raises(TypeError, match=r"With an optimizer the gradients go to its parameters"):
        tg.compile(lambda x: x, 0, optimizer=nn.SGD([w], 0.1))
    with pytest.raises(TypeError, match=r"Say argnums .* or parameters"):
        tg.compile(lambda x: x, 0, parameters=[w])
    with pytest.raises(TypeError, match=r"With has_aux=True the function returns \(loss, others\), not Value"):
        tg.compile(lambda x: x, has_aux=True)(2.0)
    with pytest.raises(IndexError, match=r"argnums: there is no argument 1 among 1 in order"):
        tg.compile(lambda x: x, 1)(2.0)


def test_a_loss_that_becomes_infinite_is_said():
    model, x = nn.Sequential(nn.Dense(1, 1, seed=0)), X[:, :1]
    optimizer = nn.SGD(model.parameters(), 1e20)
    with pytest.raises(GradientError, match=r"The loss became (inf|nan) in epoch"):
        model.fit(x, x, optimizer=optimizer, epochs=9, verbose=False, compiled=True)
    assert math.isinf(tg.compile(lambda x: x * 1e308)(1e10)[0])


def test_many_classes_bring_no_square_constant():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 2000)), np.array([0, 1999, 7])
    f = tg.compile(nn.cross_entropy)
    value, slope = f(x, y)
    expected, gradient = tg.value_and_grad(nn.cross_entropy)(x, y)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(slope, gradient, rtol=1e-12, atol=1e-18)
    arrays = [a for a in f.latest.run.__globals__.values() if isinstance(a, np.ndarray)]
    assert max(a.size for a in arrays) <= 2 * x.size


# What others have tripped over. ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tg.relu(1 - x).sum(), lambda x: (-x.clip(-1, 1)).sum(), lambda x: (tg.relu(x) - tg.relu(2 * x)).sum(),
        lambda x: -x.max(), lambda x: -tg.relu(x[0, 0]),
    ],
)  # fmt: skip
def test_minus_what_is_true_or_false(function):
    value, slope = tg.compile(function)(X)
    expected, gradient = tg.value_and_grad(function)(X)
    assert value == expected
    np.testing.assert_array_equal(slope, gradient)
    assert type(tg.compile(lambda a: -tg.relu(a))(2.0)[1]) is float


@pytest.mark.parametrize("how", ["ij->ji", "ij->ij"])
def test_a_function_that_answers_with_its_operands_memory(how):
    square = X[:2]

    def function(x):
        y = np.einsum(how, x * 2)
        return (y * np.exp(np.sin(x))).sum()

    assert_equal_to_eager(function, square)
    other = np.ones((2, 2))
    _, slope = tg.compile(lambda x, y: (np.einsum(how, x) * y).sum())(square, other)
    slope *= 0
    assert other.sum() == 4
    diagonal = tg.compile(lambda x: (x.sum(), np.einsum("ii->i", np.tanh(x))), has_aux=True)
    first = diagonal(square)[0][1]
    diagonal(square * 2)
    np.testing.assert_array_equal(first, np.tanh(square.diagonal()))


def test_no_gradient_flows_through_what_is_detached_and_it_is_computed_in_each_call():
    f = tg.compile(lambda x: x.detach().sum() * x.sum())
    assert_same(f(np.array([1.0, 2.0])), (9.0, np.array([3.0, 3.0])))
    assert_same(f(np.array([2.0, 4.0])), (36.0, np.array([6.0, 6.0])))


def test_how_many_a_mask_takes_is_no_shape_of_a_program():
    f = tg.compile(lambda x, mask: (x[mask] ** 2).mean())
    with pytest.raises(GradientError, match=r"How many numbers a mask takes out depends .* tg.where\(mask, x, 0\)"):
        f(X[0], np.array([True, False]))
    assert not f.programs
    fixed = np.array([True, False])  # of which the program is told once
    assert_equal_to_eager(lambda x: (x[fixed] ** 2).mean(), X[0])


def test_an_operation_of_ones_own_of_whatever_kind(table_as_it_was):
    class Squares:
        def __call__(self, x):
            return x * x

    kinds = {
        "by_lambda": lambda x: x * x, "by_vectorize": np.vectorize(lambda x: x * x), "by_object": Squares(),
        "by_partial": functools.partial(lambda n, x: x**n, 2), "by_numpys": np.square,
    }  # fmt: skip
    for name, compute in kinds.items():
        row = tg.operation(name, compute, lambda g, y, x: g * (2 * x))
        value, slope = tg.compile(lambda x, row=row: row(x).sum(), 0)(X[0])
        assert value == (X[0] ** 2).sum()
        np.testing.assert_array_equal(slope, 2 * X[0])
        assert tg.compile(lambda x, row=row: row(x))(3.0) == (9.0, 6.0)
    turned = tg.operation("turned", lambda x: x[::-1], lambda g, y, x: g[::-1], shapes=[((3,),)])
    assert_equal_to_eager(lambda x: (turned(x * 2) * np.exp(np.sin(x))).sum(), np.array([1.0, -2.0, 3.0]))


def test_an_optimizer_that_does_more_than_its_update():
    class Clipping(nn.SGD):
        def step(self):
            super().step()

    class Counting(nn.SGD):
        calls = 0

        def update(self, data, grad, state):
            self.calls += 1
            return super().update(data, grad, state)

    class Drawing(nn.SGD):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)
            self.rng = np.random.default_rng(0)

        def update(self, data, grad, state):
            data -= self.lr * self.rng.random() * grad
            return data

    w = Value([1.0, 2.0])
    for kind, error, text in [
        (Clipping, TypeError, r"Clipping has a step\(\) of its own"),
        (Counting, GradientError, r"update\(\) changes calls of the optimizer"),
        (Drawing, GradientError, "The function draws random numbers"),
    ]:
        with pytest.raises(error, match=text):
            tg.compile(lambda x, kind=kind: (w * x).sum(), optimizer=kind([w], 0.1))(X[0])
    np.testing.assert_array_equal(w.data, [1.0, 2.0])


def test_a_parameter_may_be_frozen_between_calls():
    w, v = Value([1.0, 1.0]), Value([1.0, 1.0])
    step = tg.compile(lambda x: ((w + v) * x).sum(), optimizer=nn.SGD([w, v], 0.1))
    step(np.ones(2))
    w.requires_grad = False
    step(np.ones(2))
    np.testing.assert_allclose(w.data, 0.9, rtol=1e-15)
    np.testing.assert_allclose(v.data, 0.8, rtol=1e-15)
    w.requires_grad = True
    step(np.ones(2))
    np.testing.assert_allclose(w.data, 0.8, rtol=1e-15)


def test_a_setting_that_is_changed_in_place_is_noticed():
    results = {}
    for compiled in (False, True):
        w = Value([1.0, 3.0])
        optimizer = nn.Adam([w], lr=0.1, betas=[0.9, 0.999])
        step = tg.compile(lambda x, w=w: (w * w * x).sum(), optimizer=optimizer)
        for beta in (0.9, 0.1, 0.1):
            optimizer.betas[0] = beta
            if compiled:
                step(np.ones(2))
            else:
                optimizer.zero_grad()
                (w * w).sum().backward()
                optimizer.step()
        results[compiled] = w.data
    np.testing.assert_array_equal(results[True], results[False])


def test_what_else_an_optimizer_holds_makes_no_new_program():
    w = Value([1.0, 3.0])
    optimizer = nn.SGD([w], lr=0.1)
    optimizer.of, optimizer.weights = object(), np.ones(3)  # compared by identity
    step = tg.compile(lambda x: (w * w * x).sum(), optimizer=optimizer)
    step(np.ones(2))
    program = step.latest
    step(np.ones(2))
    assert step.latest is program


@pytest.mark.parametrize("labels", [[], [1], [[0], [1], [0]]])
def test_labels_of_another_length(labels):
    with pytest.raises(ValueError, match="the labels must be 0 to 1, one for each of at least one row"):
        tg.ops.cross_entropy(Value(X), np.array(labels, int))


def test_results_are_no_parameters():
    w = Value([1.0, 2.0], "w")
    result = w * 2
    with pytest.raises(GradientError, match="is the result of an operation: parameters are leaves"):
        tg.compile(lambda: (result * result).sum(), parameters=[result])
    with pytest.raises(ValueError, match="is the result of an operation: an optimizer changes leaves"):
        nn.SGD([result], 0.1)
    with pytest.raises(ValueError, match="A parameter is given twice"):
        nn.SGD([w, w], 0.1)
    with pytest.raises(TypeError, match=r"optimizer= takes one such as nn.SGD\(parameters, lr=0.1\), not str"):
        tg.compile(lambda: w.sum(), optimizer="sgd")
