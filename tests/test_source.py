"""tg.source: the module that it prints, its look, its names, and that running it gives the numbers of backward()."""

from __future__ import annotations

import ast
import keyword
import math
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import programs, run

import tinygrad_edu as tg
from tinygrad_edu import Value, datasets, nn, ops, source
from tinygrad_edu.errors import GradientError
from tinygrad_edu.examples import xor_loss

HANDWRITTEN = Path(__file__).parent.parent / "benchmarks" / "handwritten.py"


pytestmark = pytest.mark.usefixtures("table_as_it_was")


def imports(text: str) -> set[str]:
    """The modules that a module imports, however it does it."""
    nodes = [*ast.walk(ast.parse(text))]
    assert {node.module for node in nodes if isinstance(node, ast.ImportFrom)} <= {"fractions"}
    assert not any(isinstance(node, ast.Name) and node.id == "__import__" for node in nodes)
    return {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}


def executed(text: Any, function: str = "loss_and_gradients", **changed: Any) -> Any:
    """What the module gives for the arguments it was recorded with, or others; it may import NumPy and math alone."""
    assert imports(text) <= {"math", "numpy"}
    space: dict[str, Any] = {}
    exec(compile(text, "<source>", "exec"), space)
    with np.errstate(all="ignore"):
        return space[function](**{**text.inputs, **changed})


def body(text: str) -> list[str]:
    """The statements of the function without comments and docstring."""
    tree = ast.parse(text)
    function = next(node for node in tree.body if getattr(node, "name", "") == "loss_and_gradients")
    return [ast.unparse(statement) for statement in function.body[1:]]


def gradients(text: Any) -> dict[str, Any]:
    """The gradients by the names of the arguments that they are of."""
    tree = ast.parse(text)
    function = next(node for node in tree.body if getattr(node, "name", "") == "loss_and_gradients")
    doc = " ".join(ast.get_docstring(function).split())
    names = re.split(r", | and ", doc.partition("gradients by ")[2].rstrip("."))
    return dict(zip(names, executed(text)[1], strict=True))


def neuron() -> tuple[Value, ...]:
    return Value(2.0, "a"), Value(-3.0, "b"), Value(6.5, "c")


def network(activation: str = "tanh") -> nn.Module:
    return nn.Sequential(nn.Dense(2, 8, activation, seed=0), nn.Dense(8, 2, seed=1))


def xor_source(**how: Any) -> Any:
    x, y = datasets.xor()
    return source(nn.cross_entropy(network()(x), y), names={"x": x, "y": y}, **how)


def mnist_source(**how: Any) -> Any:
    digits = datasets.mnist()
    x, y = digits.train_images[:64], digits.train_labels[:64]
    model = nn.Sequential(nn.Dense(784, 128, "relu", seed=0), nn.Dense(128, 10, seed=1))
    return source(nn.cross_entropy(model(x), y), names={"x": x, "y": y}, **how)


# The look. ------------------------------------------------------------------------------------------------------------


def test_a_neuron_word_for_word():
    a, b, c = neuron()
    n = a * b + c
    n.label = "n"
    assert (
        source(n.tanh())
        == '''import math


def loss_and_gradients(a, b, c):
    """The loss, and its gradients by a, b and c."""
    n = a * b + c
    loss = math.tanh(n)

    # backward: d_v is ∂L/∂v, and L is loss
    d_n = 1 - loss**2  # slope of tanh
    d_c = d_n  # ∂L/∂n · ∂n/∂c
    d_a = d_n * b  # ∂L/∂n · ∂n/∂a
    d_b = d_n * a  # ∂L/∂n · ∂n/∂b
    return loss, (d_a, d_b, d_c)
'''
    )


def test_xor_word_for_word():
    assert (
        xor_source()
        == '''import numpy as np


def loss_and_gradients(x, y, dense1_weight, dense1_bias, dense2_weight, dense2_bias):
    """The loss, and its gradients by dense1_weight, dense1_bias, dense2_weight and
    dense2_bias."""
    z1 = x @ dense1_weight + dense1_bias  # (4, 8), dense1
    h1 = np.tanh(z1)  # (4, 8), dense1
    z2 = h1 @ dense2_weight + dense2_bias  # (4, 2), dense2
    v1 = z2 - np.max(z2, axis=-1, keepdims=True)  # (4, 2)
    e1 = np.exp(v1)  # (4, 2)
    s1 = np.sum(e1, axis=-1, keepdims=True)  # (4, 1)
    s2 = float(np.sum(np.log(s1.reshape(4)) - v1[np.arange(4), y]))
    loss = s2 / 4

    # backward: d_v is ∂L/∂v, and L is loss
    # (4, 2), slope of cross_entropy
    d_z2 = 0.25 * (e1 / s1 - np.eye(2, dtype=np.float32)[y])
    d_h1 = d_z2 @ dense2_weight.T  # (4, 8), ∂L/∂z2 · ∂z2/∂h1
    d_dense2_weight = h1.T @ d_z2  # (8, 2), ∂L/∂z2 · ∂z2/∂dense2_weight
    d_dense2_bias = np.sum(d_z2, axis=0)  # (2,), ∂L/∂z2 · ∂z2/∂dense2_bias
    d_z1 = d_h1 * (1 - h1**2)  # (4, 8), ∂L/∂h1 · ∂h1/∂z1
    d_dense1_weight = x.T @ d_z1  # (2, 8), ∂L/∂z1 · ∂z1/∂dense1_weight
    d_dense1_bias = np.sum(d_z1, axis=0)  # (8,), ∂L/∂z1 · ∂z1/∂dense1_bias
    return loss, (d_dense1_weight, d_dense1_bias, d_dense2_weight, d_dense2_bias)
'''
    )


def lessons() -> dict[str, Any]:
    """What the seeds and the tutorials compute."""
    a, b, c = neuron()
    x, y = datasets.xor()
    two, (height, weight) = y[:, None] * np.ones(2), datasets.workshop_line()
    w, o, v = Value(0.5, "w"), Value(0.1, "o"), Value([1.0, -2.0, 3.0], "v")
    matrix = Value([[2.0, 1.0], [1.0, 3.0]], "A")
    named = {"x": x, "y": y, "two": two, "height": height, "weight": weight}
    losses = {
        "neuron": (a * b + c).tanh(), "exponential": ((a * b).exp() - 1) / ((a * b).exp() + 1), "product": (a + b) * c,
        "sigmoid": 1 / (1 + tg.exp(-(a * b + c))), "staged": (a + tg.sigmoid(b)) / (tg.sigmoid(a) + (a + b) ** 2),
        "line": tg.mean((w * height + o - weight) ** 2), "bce": nn.binary_cross_entropy(tg.sigmoid(network()(x)), two),
        "mse": nn.mse(network("sigmoid")(x), two), "norm": tg.norm(v), "std": tg.std(v),
        "softplus": tg.sum(tg.softplus(v)), "logsumexp": tg.logsumexp(v), "max": tg.max(v) + tg.sum(tg.abs(v)),
        "quadratic form": v[:2] @ tg.linalg.inv(matrix) @ v[:2], "softmax": tg.softmax(v)[1], "var": tg.var(v),
        "penalty": nn.sum_squared_error(x @ matrix, np.zeros((4, 2))) + 0.01 * tg.sum(matrix**2),
    }  # fmt: skip
    return {name: source(loss, names=named) for name, loss in losses.items()} | {
        "xor": xor_source(), "mnist": mnist_source(),
    }  # fmt: skip


def test_no_lesson_needs_functions_of_the_library_but_the_sigmoid_of_a_number():
    for name, text in lessons().items():
        functions = re.findall(r"^def (\w+)", text, re.M)
        assert functions in (["loss_and_gradients"], ["sigmoid", "loss_and_gradients"]), name


def test_every_lesson_is_at_most_88_columns_wide_and_no_comment_is_aligned():
    for name, text in lessons().items():
        assert max(map(len, text.splitlines())) <= 88, name
        assert not re.search(r"\S   +#", text), name
        assert "1.0 *" not in text, name
        assert "* 1.0" not in text, name


@pytest.mark.skipif(shutil.which("ruff") is None, reason="pip install ruff")
@pytest.mark.parametrize("style", ["numpy", "torch"])
def test_every_lesson_passes_ruff(style, tmp_path):
    texts = lessons() if style == "numpy" else {"xor": xor_source(style=style), "mnist": mnist_source(style=style)}
    for name, text in texts.items():
        (tmp_path / f"{name.replace(' ', '_')}.py").write_text(text, "utf-8")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            ["ruff", *command, "--isolated", "--no-cache", str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_long_lines_are_broken_as_a_formatter_breaks_them():
    w = [Value(np.full((2, 2), i + 0.5), f"a_rather_long_name_{i}") for i in range(8)]
    text = source(tg.sum(tg.concatenate([w[0] @ w[1], w[2] * w[3], *w[4:]]) ** 3))
    assert "    v2 = np.concatenate(\n        [\n            z1,\n            v1,\n" in text
    assert "    return loss, (\n        d_a_rather_long_name_0,\n" in text
    assert "def loss_and_gradients(\n    a_rather_long_name_0,\n" in text
    assert max(map(len, text.splitlines())) <= 88
    names = np.einsum("ij,jk,k", w[0], w[1], w[2][0])
    text = source(names @ np.ones(2))
    assert '    v2 = np.einsum("ij,jk,k->i", a_rather_long_name_0, a_rather_long_name_1, v1)  # (2,)\n' in text
    assert executed(text)[0] == (names @ np.ones(2)).data


def test_at_most_twice_as_long_as_by_hand():
    by_hand = ast.parse(HANDWRITTEN.read_text("utf-8"))
    for text, name in ((xor_source(), "xor_gradients"), (mnist_source(), "mnist_gradients")):
        function = next(node for node in by_hand.body if getattr(node, "name", "") == name)
        assert len(body(text)) <= 2 * len(function.body[1:])
        lines = [line for line in text.splitlines() if line.strip()]
        assert len(lines) <= 2 * (function.end_lineno - function.lineno + 1)


def test_comments_tell_shape_layer_and_chain_rule():
    text = xor_source()
    assert "h1 = np.tanh(z1)  # (4, 8), dense1\n" in text
    assert "d_dense1_bias = np.sum(d_z1, axis=0)  # (8,), ∂L/∂z1 · ∂z1/∂dense1_bias\n" in text
    a, b, c = neuron()
    q = a * b
    q.label = "q"
    assert "d_q = c + q + q  # ∂L/∂q" in source(q * q + q * c)
    assert "# ∂L/∂q · ∂q/∂a + ∂L/∂a directly" in source(q * q + a)


def test_layers_of_a_module_give_their_names():
    class Two(nn.Module):
        def __init__(self):
            self.hidden, self.output = nn.Dense(2, 3, "sigmoid", seed=0), nn.Dense(3, 1, seed=1)

        def forward(self, x):
            return self.output(self.hidden(x))

    x, y = datasets.xor()
    text = source(nn.mse(Two()(x), y[:, None].astype(float)), names={"x": x})
    assert "z1 = x @ hidden_weight + hidden_bias  # (4, 3), hidden\n" in text
    assert "h1 = 1 / (1 + np.exp(-z1))  # (4, 3), hidden\n" in text
    assert "d_z2 = 0.5 * v1  # (4, 1), " in text


# The numbers. ---------------------------------------------------------------------------------------------------------


def largest_error(text: Any, leaves: list[Value]) -> float:
    found, worst = gradients(text), 0.0
    for leaf in leaves:
        if leaf.grad is None:
            assert leaf.label not in found
            continue
        ours, wanted = np.asarray(found.pop(leaf.label)), np.asarray(leaf.grad)
        assert ours.shape == wanted.shape
        size = max(1e-3, float(np.max(np.abs(wanted), initial=0.0)))
        worst = max(worst, float(np.max(np.abs(ours - wanted), initial=0.0)) / size)
    assert found == {}
    return worst


def last_digits_differ(program: Any) -> bool:
    """NumPy's own norm, which the text says, rounds otherwise than ours."""
    return any("norm" in row.__name__ or "std" in row.__name__ for row, _ in program.drawn)


@pytest.mark.parametrize("group", range(4))
def test_200_random_programs_run_to_the_numbers_of_backward(group):
    count = 0
    for program in programs(50, seed=group):
        leaves = program.leaves()
        loss = run(program, leaves)
        text = source(loss)
        loss.backward()
        value, _ = executed(text)
        assert value == pytest.approx(loss.data, rel=1e-12, abs=1e-12, nan_ok=True), str(program)
        assert last_digits_differ(program) or value == loss.data or loss.data != loss.data, str(program)
        assert largest_error(text, leaves) < 1e-11, str(program)
        count += 1
    assert count == 50


def test_random_scalar_expressions_are_pure_math_and_bit_for_bit():
    random = np.random.default_rng(0)
    one = [tg.tanh, tg.exp, tg.sin, tg.sigmoid, tg.relu, tg.sqrt, tg.log, tg.abs, tg.square, tg.cos, tg.arctan]
    two = [ops.add, ops.subtract, ops.multiply, ops.divide, ops.maximum, ops.power]
    for _ in range(100):
        leaves = [Value(x, f"x{i}") for i, x in enumerate(random.uniform(0.5, 1.5, 4))]
        known = [*leaves, 2.0, 0.5]
        for _ in range(12):
            x, y = (known[i] for i in random.integers(0, len(known), 2))
            if random.random() < 0.5:
                known.append(
                    ops.add(one[random.integers(len(one))](ops.abs(x) + 0.1), 0.0 if random.random() < 0.5 else y)
                )
            else:
                known.append(two[random.integers(len(two))](ops.abs(x) + 0.5, y))
            known[-1] = ops.tanh(known[-1]) if abs(float(known[-1])) > 4 else known[-1]
        loss = sum((x for x in known[6:] if isinstance(x, Value)), start=leaves[0] * 0.5)
        text = source(loss)
        assert imports(text) <= {"math"}
        loss.backward()
        value, _ = executed(text)
        assert value == loss.data
        assert type(value) is float
        assert largest_error(text, leaves) < 1e-13


def test_a_line_of_the_table_is_written_for_every_activation():
    x = Value([-1.5, 0.3, 2.0], "x")
    for f in (
        tg.relu,
        tg.sigmoid,
        tg.tanh,
        tg.softplus,
        tg.leaky_relu,
        tg.elu,
        tg.silu,
        tg.gelu,
        tg.softmax,
        tg.log_softmax,
    ):
        loss = tg.sum(f(x) * np.array([1.0, -2.0, 3.0]))
        x.zero_grad()
        loss.backward()
        text = source(loss)
        value, (slope,) = executed(text)
        assert value == pytest.approx(loss.data, rel=1e-14)
        np.testing.assert_allclose(slope, x.grad, rtol=1e-13)


def test_the_text_is_a_function_of_its_arguments_and_not_of_the_numbers_it_was_made_with():
    x, y = datasets.xor()
    model = network()
    text = source(nn.cross_entropy(model(x), y), names={"x": x, "y": y})
    other = np.random.default_rng(3).normal(size=x.shape)
    value, found = executed(text, x=other, y=np.array([1, 1, 0, 0]), dense1_weight=model.parameters()[0].data + 0.5)
    model.parameters()[0].data = model.parameters()[0].data + 0.5
    loss = nn.cross_entropy(model(other), np.array([1, 1, 0, 0]))
    loss.backward()
    assert value == pytest.approx(loss.data, rel=1e-6)
    for ours, parameter in zip(found, model.parameters(), strict=True):
        np.testing.assert_allclose(ours, parameter.grad, rtol=1e-5, atol=1e-6)


def test_float32_stays_float32_in_all_gradients():
    for text in (xor_source(), mnist_source()):
        value, found = executed(text)
        assert type(value) is float
        assert {x.dtype.name for x in found} == {"float32"}
    x = Value(np.array([1.5, -2.0], np.float32), "x")
    for loss in (tg.max(x), tg.norm(x), tg.sum(x), tg.logsumexp(x), tg.std(x), tg.sum(tg.maximum(x, x * 0.5)), x[0]):
        _, (slope,) = executed(source(loss))
        assert slope.dtype == np.float32


def test_second_derivatives_are_graphs_as_others():
    x = Value([0.5, -0.3], "x")
    first = tg.sum(tg.tanh(x) ** 3)
    first.backward(create_graph=True)
    loss = tg.sum(x.grad**2)
    text = source(loss)
    value, (slope,) = executed(text)
    assert value == loss.data
    wanted = tg.grad(lambda x: tg.sum(tg.grad(lambda x: tg.sum(tg.tanh(x) ** 3))(x) ** 2))(np.array([0.5, -0.3]))
    np.testing.assert_allclose(slope, wanted, rtol=1e-13)


def test_a_derivative_of_a_scalar_is_written_without_the_1_it_began_with():
    a = Value(0.5, "a")
    a.tanh().backward(create_graph=True)
    text = source(a.grad * 2.0)
    assert text.inputs == {"a": 0.5}
    assert body(text)[:3] == ["h1 = math.tanh(a)", "v1 = 1 - h1 ** 2", "loss = 2.0 * v1"]
    assert body(text)[3:5] == ["d_h1 = -4.0 * h1", "d_a = d_h1 * v1"]
    h = math.tanh(0.5)
    assert executed(text) == (2 * (1 - h**2), (pytest.approx(-4 * h * (1 - h**2)),))


def test_numbers_from_arrays_are_numbers():
    x, a = Value([1.0, 2.0], "x"), Value(0.5, "a")
    assert gradients(source(tg.maximum(tg.min(x), a) * 3.0 + a))["a"] == 1.0
    assert gradients(source(tg.maximum(tg.min(x), a + 0.5) * 3.0))["a"] == 1.5
    y = Value(np.array([1.0, 3.0], np.float32), "y")
    value, (d_x, d_y) = executed(source(tg.sum(y * tg.sum(x)) * tg.sum(y)))
    assert (value, d_x.tolist(), d_y.tolist()) == (48.0, [16.0, 16.0], [24.0, 24.0])
    assert (d_x.dtype, d_y.dtype) == (np.float64, np.float32)


def test_an_inner_sum_keeps_its_brackets():
    a, b, _ = neuron()
    y = tg.sin(a)
    text = source(1.0 / y + y + tg.cos(b))
    assert gradients(text)["a"] == pytest.approx((1 - 1 / math.sin(2.0) ** 2) * math.cos(2.0))


def test_fractions_stay_exact():
    x = Value(Fraction(1, 3), "x")
    value, (slope,) = executed(source(x**2 / 2 + x * Fraction(1, 7)))
    assert (value, slope) == (Fraction(1, 18) + Fraction(1, 21), Fraction(1, 3) + Fraction(1, 7))


def test_numbers_with_a_name_are_those_of_math_where_there_is_no_array():
    a, e = Value(2.0, "a"), Value([1.0, 2.0], "e")
    assert imports(source(a * math.pi + a * math.inf)) == {"math"}
    assert imports(source(a * math.inf)) == {"math"}
    assert body(source(tg.sum(e * math.pi))) == [
        "loss = np.sum(np.pi * e)",
        "d_e = np.full(2, np.pi)",
        "return (loss, (d_e,))",
    ]


def test_5000_scalar_nodes_need_no_recursion():
    x = Value(0.5, "x")
    y = x
    for i in range(2500):
        y = tg.sin(y) + x * (i % 3)
    text = source(y)
    y.backward()
    value, (slope,) = executed(text)
    assert (value, slope) == (y.data, pytest.approx(x.grad, rel=1e-12))
    z = x
    for _ in range(5000):
        z = z + x
    assert executed(source(z)) == (z.data, (5001.0,))


# What the text says. --------------------------------------------------------------------------------------------------


def locals_of(text: Any, moved: str = "", by: Any = 0.0) -> dict[str, Any]:
    """All that the function computes; with one of its values moved before others read it."""
    tree = ast.parse(text)
    function = next(node for node in tree.body if getattr(node, "name", "") == "loss_and_gradients")
    body = function.body[1:-1]
    at = max((i + 1 for i, line in enumerate(body) if moved and ast.unparse(line).startswith(f"{moved} = ")), default=0)
    moving = ast.parse(f"{moved} = {moved} + by").body if moved else []
    function.body = [*body[:at], *moving, *body[at:], *ast.parse("return locals()").body]
    function.args.args.append(ast.arg("by"))
    space: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), "<source>", "exec"), space)
    with np.errstate(all="ignore"):
        return space["loss_and_gradients"](**text.inputs, by=by)


def false_gradients(text: Any, loss: str = "loss") -> list[str]:
    """Each d_v that is not the change of the loss when v is moved, by a central difference."""
    found, random = locals_of(text), np.random.default_rng(0)
    names = [name for name in found if f"d_{name}" in found and np.asarray(found[name]).dtype == np.float64]
    wrong = []
    for name in names:
        way = random.normal(size=np.shape(found[name])) * 1e-6
        high, low = (locals_of(text, name, by)[loss] for by in (way, -way))
        told, change = np.sum(found[f"d_{name}"] * way), (high - low) / 2
        if abs(told - change) > 1e-4 * abs(change) + 1e-11:
            wrong.append(f"d_{name}")
    assert names
    return wrong


def layer_norm(x: Value, scale: Value) -> Value:
    return (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + 1e-5) ** 0.5 * scale


def test_each_d_is_the_gradient_of_the_value_in_its_name():
    x, y = Value([0.5, -1.0, 2.0], "x"), Value([1.5, 0.3, -0.2], "y")
    q = np.tanh(x).T.T
    q.label = "q"
    p = 1.0 * np.tanh(x)
    p.label = "p"
    for loss in (
        np.sum(np.tanh(x) ** 2 + np.sin(np.tanh(x))), np.sum(layer_norm(x, y) ** 2),
        np.sum(np.tanh(np.tanh(x)) + np.tanh(np.tanh(x)) * y + np.tanh(x)), np.sum(np.exp(x + y) ** 2 + (x + y) ** 3),
        np.sum(np.tanh(x) ** 2 + np.sin(q) * q), np.sum(np.sin(p) * p),
    ):  # fmt: skip
        assert false_gradients(source(loss)) == []


@pytest.mark.parametrize("seed", range(3))
def test_each_d_of_random_programs_is_the_gradient_of_the_value_in_its_name(seed):
    random, count = np.random.default_rng(seed), 0
    one = [tg.tanh, tg.sin, tg.sigmoid, tg.square, tg.cos, tg.arctan, np.transpose, lambda x: x * 1.0]
    for _ in range(40):
        known = [Value(random.uniform(0.5, 1.5, 3), f"x{i}") for i in range(2)]
        for _ in range(8):  # of few operations on few values some are equal
            x, y = (known[i] for i in random.integers(0, min(len(known), 5), 2))
            known.append(one[random.integers(len(one))](x) if random.random() < 0.6 else x + y)
            known[-1].label = "q" if random.random() < 0.1 else None
        text = source(np.sum(sum((x * float(i + 1) for i, x in enumerate(known[3:])), start=known[2] * known[2])))
        assert false_gradients(text) == [], text
        count += len(re.findall(r"^    d_[a-w]", text, re.M))
    assert count > 40


def test_a_gradient_in_parts_has_no_name_but_their_sum_has():
    x, y = Value([0.5, -1.0], "x"), Value([1.5, 0.3], "y")
    text = source(np.sum(np.tanh(x) ** 2 + np.sin(np.tanh(x))))
    assert "d_h1" not in text
    assert "∂L/∂v1 · ∂v1/∂h1" not in text
    text = source(np.sum(np.sin(x + y) + np.exp(x + y) + np.cos(x + y)))
    assert "    v1 = x + y" in text
    assert "    d_v1 = e1 - v2 + v3  # (2,), ∂L/∂v3 · ∂v3/∂v1 + ∂L/∂e1 · ∂e1/∂v1 + ∂L/∂v2 · ∂v2/∂v1\n" in text
    assert "    d_x = d_v1  # ∂L/∂v1 · ∂v1/∂x\n" in text


def test_a_leaf_that_is_the_loss_itself():
    for loss in (Value(2.0, "q"), Value(2.0, "q") * 1.0):
        lines = source(loss).splitlines()
        assert lines[2:] == [
            "    # backward: d_v is ∂L/∂v, and L is q",
            "    d_q = 1.0  # ∂L/∂L",
            "    return q, (d_q,)",
        ]


def test_numbers_beside_float32_have_no_more_digits_than_they_need():
    x = np.array([1.5, -2.0, 0.1, 7.0, 3.0], np.float32)
    text = source(lambda x: tg.mean(x**2), x)
    assert "    d_x = 0.4 * x  #" in text
    np.testing.assert_array_equal(executed(text)[1][0], np.float32(0.4) * x, strict=True)
    assert "d_x = np.full(5, 0.2, dtype=np.float32)" in source(lambda x: tg.mean(x), x)
    assert "torch.full((5,), 0.2, dtype=torch.float32)" in source(lambda x: tg.mean(x), x, style="torch")
    assert "np.sum(np.pi * x)" in source(lambda x: tg.sum(x * np.pi), x)
    wide = source(lambda x, z: tg.sum(tg.sum(x) * z * float(np.float32(0.1))), x, np.ones(3))
    assert "0.10000000149011612 * " in wide


def test_a_function_that_calls_itself_stands_there_once():
    images = np.ones((1, 4, 4, 2))
    text = source(tg.sum(tg.conv2d(images, Value(np.ones((2, 2, 2, 1)), "w"), Value([0.5], "b")) ** 2))
    functions = {ast.dump(ast.Module(x.body, [])) for x in ast.parse(text).body if isinstance(x, ast.FunctionDef)}
    assert text.count("\ndef ") == len(functions)
    assert "weight_gradient" not in text
    assert executed(text)[1][0].shape == (2, 2, 2, 1)  # its channels make it call itself


def test_long_calls_before_a_method_and_long_sums_are_broken_too():
    images, w = np.ones((1, 4, 4, 2)), Value(np.ones((2, 2, 2, 2)), "weights")
    text = source(tg.sum(tg.conv2d(images, w, Value([0.5, 0.5], "bias")) ** 2), style="torch")
    assert "        padding=(0, 0),\n    ).permute(0, 2, 3, 1)\n" in text
    assert max(map(len, text.splitlines())) <= 88
    x, y = Value(np.arange(12.0).reshape(3, 4) ** 2, "x"), Value(np.ones(4), "y")
    text = source(np.sum(layer_norm(x, y) ** 2))
    assert "    d_x = (\n        v8\n        + np.sum(" in text
    assert max(map(len, text.splitlines())) <= 88


# What is left out. ----------------------------------------------------------------------------------------------------


def test_dead_code_is_left_out():
    a, b, c = neuron()
    unused = (a * c).exp()
    unused.label = "unused"
    text = source(a * b)
    assert "unused" not in text
    assert "exp" not in text
    assert "c" not in text.inputs


def test_constants_are_folded_and_ones_never_multiplied():
    x = Value([1.0, 2.0], "x")
    text = source(tg.sum((x * 1.0 + 0.0) ** 1 * (2.0 * 3.0) / 1.0) * 1.0)
    assert body(text) == ["loss = np.sum(6.0 * x)", "d_x = np.full(2, 6.0)", "return (loss, (d_x,))"]


def test_equal_terms_are_computed_once():
    a, b, _ = neuron()
    text = source(tg.exp(a * b) * tg.exp(a * b) + tg.exp(a * b))
    assert text.count("math.exp") == 1
    assert source(tg.softmax(Value([1.0, 2.0], "x"))[0]).count("np.exp") == 1


def test_a_value_used_twice_has_one_name():
    a, _, _ = neuron()
    assert body(source(a * a)) == ["loss = a * a", "d_a = a + a", "return (loss, (d_a,))"]


def test_gradients_that_are_there_already_have_a_line():
    a, b, c = neuron()
    q = a + b
    q.label = "q"
    assert body(source(q * c)) == [
        "q = a + b", "loss = q * c", "d_q = c", "d_a = d_q", "d_b = d_q", "d_c = q", "return (loss, (d_a, d_b, d_c))"
    ]  # fmt: skip
    assert body(source(a + b)) == ["loss = a + b", "d_a = 1.0", "d_b = 1.0", "return (loss, (d_a, d_b))"]
    x = Value([1.0, 2.0, 3.0], "x")
    assert body(source(tg.sum(x))) == ["loss = np.sum(x)", "d_x = np.ones(3)", "return (loss, (d_x,))"]


def test_a_leaf_alone():
    assert executed(source(Value(2.0, "a"))) == (2.0, (1.0,))
    assert gradients(source(Value([2.0], "a").sum())) == {"a": np.ones(1)}


# Names. ---------------------------------------------------------------------------------------------------------------


def test_hostile_labels_are_harmless():
    labels = [
        'x"); import os; os.system("true', "a\nb = 1", "# comment", "'''", '"""', "{}", "\\", "../x", "x\u2028y", "1st",
        "0", "", "np", "math", "l", "O", "I", "lambda", "None", "print", "float", "max", "loss", "loss_and_gradients",
        "d_a", "a", "a", "θ", "größe", "名前", "W₁", "x" * 60, "x" * 60, "__class__", "_", "match", "self", "z1", "h1",
        "v1", "c1", "rng",
    ]  # fmt: skip
    leaves = [Value(0.1 * i + 0.5, label) for i, label in enumerate(labels)]
    loss = sum((tg.exp(-x) * x for x in leaves), start=leaves[0] * 1.0) / 2
    text = source(loss)
    loss.backward()
    value, found = executed(text)
    assert value == loss.data
    assert len(text.inputs) == len(leaves)
    assert sorted(found) == pytest.approx(sorted(x.grad for x in leaves))
    for name in text.inputs:
        assert name.isidentifier()
        assert name.isascii()
        assert len(name) <= 45
        assert not keyword.iskeyword(name)
        assert name not in ("np", "math", "l", "O", "I", "print", "float", "max", "loss_and_gradients")


def test_labels_of_results_and_names_of_layers_are_harmless():
    a, b, _ = neuron()
    q = a * b
    q.label = "q\n    raise SystemExit  # "
    assert executed(source(q.exp()))[0] == math.exp(-6.0)
    name = "a\n    raise SystemExit\n#\x85\u2028"
    hostile = type("x\n", (nn.Module,), {"forward": lambda self, x: getattr(self, name)(x)})()
    setattr(hostile, name, nn.Dense(2, 2, seed=0))
    for style in ("numpy", "torch"):
        text = source(tg.sum(hostile(np.ones((1, 2), np.float32))), style=style)
        assert "raise" in text
        assert not any(isinstance(node, ast.Raise) for node in ast.walk(ast.parse(text)))


def test_equal_labels_get_numbers():
    text = source(Value(2.0, "w") * Value(3.0, "w") * Value(4.0, "w"))
    assert [*text.inputs.items()] == [("w", 2.0), ("w2", 3.0), ("w3", 4.0)]
    assert executed(text) == (24.0, (12.0, 8.0, 6.0))


def test_greek_letters_are_spelled_out():
    assert [*source(Value(2.0, "θ") * Value(3.0, "σ₁")).inputs] == ["theta", "sigma1"]


def test_without_labels_leaves_are_w_and_arrays_x():
    x, y = np.array([[1.0, 2.0]]), np.array([[3.0]])
    text = source(tg.sum(x @ Value([[1.0], [2.0]]) + Value([1.0]) - y))
    assert [*text.inputs] == ["x1", "x2", "w1", "w2"]


def test_a_recorded_value_is_called_as_its_variable():
    w, x = Value(2.0, "w"), Value(3.0, "x")
    inner = w * x
    text = source((inner - 1) ** 2, names=locals())
    assert "inner = w * x" in text
    assert "d_inner = " in text
    assert executed(text) == (25.0, (30.0, 20.0))  # 2 (w x - 1) x and w


def test_names_are_those_of_the_callers_variables():
    picture, target = np.array([[1.0, 2.0]]), np.array([[3.0]])
    w = Value([[1.0], [2.0]])
    text = source(tg.sum((picture @ w - target) ** 2), names={**locals(), "_x": target})
    assert {"picture", "target"} < {*text.inputs}
    assert text.inputs["picture"] is picture


def test_a_label_that_is_that_of_a_function_of_the_module():
    x = Value([3.0, 4.0], "scatter")
    text = source(x[0] * Value(2.0, "add_at") + tg.prod(x))
    assert executed(text)[0] == 18.0
    a = Value(0.3, "sigmoid")
    assert executed(source(tg.sigmoid(a) * a))[0] == (tg.sigmoid(a) * a).data


# Arguments. -----------------------------------------------------------------------------------------------------------


def test_inputs_are_the_arguments_by_name():
    a, b, _ = neuron()
    text = source(a * b)
    assert isinstance(text, str)
    assert text.inputs == {"a": 2.0, "b": -3.0}
    assert text.splitlines()[0] == "def loss_and_gradients(a, b):"


def test_labels_and_indices_are_arguments():
    labels, rows, mask = np.array([1, 0, 1]), np.array([2, 2, 0]), np.array([True, False, True])
    x = Value(np.arange(6.0).reshape(3, 2) / 5, "x")
    loss = nn.cross_entropy(x[rows], labels) + tg.sum(x[mask] ** 2)
    text = source(loss, names={"labels": labels, "rows": rows, "mask": mask})
    assert {*text.inputs} == {"x", "labels", "rows", "mask"}
    loss.backward()
    value, (slope,) = executed(text)
    assert value == pytest.approx(loss.data, rel=1e-14)
    np.testing.assert_allclose(slope, x.grad, rtol=1e-13)


def test_labels_that_a_value_made_floats_are_whole_again():
    text = source(xor_loss())
    assert " = y.astype(int)  # (4,)\n" in text
    assert executed(text)[0] == pytest.approx(xor_loss().data, rel=1e-7)
    assert "y.long()" in source(xor_loss(), style="torch")


def test_dropout_draws_from_an_argument():
    x = np.ones((4, 3), np.float32)
    model = nn.Sequential(nn.Dense(3, 5, "relu", seed=0), nn.Dropout(0.5, seed=1), nn.Dense(5, 1, seed=2))

    def loss(x):
        return tg.mean(model(x) ** 2)

    text = source(loss, x, parameters=model.parameters())
    assert isinstance(text.inputs["rng"], np.random.Generator)
    assert "rng.random((4, 5), dtype=np.float32)" in text
    first, again = (executed(text, rng=np.random.default_rng(7))[0] for _ in range(2))
    others = {executed(text, rng=np.random.default_rng(i))[0] for i in range(8)}
    assert first == again
    assert len(others) > 1


def test_functions_with_trees_argnums_and_parameters():
    scale = Value(3.0, "scale")

    def f(weights, x, twice):
        y = x @ weights["w"] + weights["b"]
        return scale * tg.sum(tg.tanh(y)) * (2 if twice else 1)

    weights = {"w": np.array([[0.5], [-0.25]]), "b": np.array([0.1])}
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    text = source(f, weights, x, True, parameters=[scale], argnums=(0, 1))
    value, found = executed(text)
    wanted, slopes = tg.value_and_grad(f, argnums=(0, 1))(weights, x, True)
    assert value == wanted
    everything = [slopes[0]["w"], slopes[0]["b"], slopes[1], wanted / 3]
    for a, b in zip(sorted(found, key=np.shape), sorted(everything, key=np.shape), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    assert "weights_w" in text.inputs


def test_a_parameter_without_influence_is_told():
    text = source(lambda x, y: x * 2.0, 1.0, 2.0, argnums=(0, 1))
    assert executed(text) == (2.0, (2.0, 0.0))
    assert "# y has no influence" in text


def test_the_recorded_graph_stays_as_it_was():
    a, b, c = neuron()
    loss = (a * b + c).tanh()
    source(loss)
    source(loss, style="torch")
    assert (a.grad, loss.grad) == (None, None)
    loss.backward()
    slope = a.grad
    source(loss)
    assert a.grad == slope


def test_the_same_text_twice_and_in_another_process():
    code = (
        "import numpy as np, tinygrad_edu as tg\n"
        "from tinygrad_edu import Value, source\n"
        "x = Value([1.0, 2.0, 4.0], 'x'); w = Value([0.5, 1.0, 2.0], 'w')\n"
        "print(source(tg.sum(tg.softmax(x * w) * tg.exp(-w)) + tg.norm(x) + tg.prod(w)), end='')\n"
    )
    texts = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8",
                       env={**__import__("os").environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    space: dict[str, Any] = {}
    exec(code.replace("print(", "text = str(").replace(", end='')", ")"), space)
    assert texts == {space["text"]}


# Operations of one's own, and what cannot be written. -----------------------------------------------------------------


def cubed(x):
    """Written as a def, with NumPy alone."""
    return np.multiply(x, x) * x  # no more than that


def test_an_operation_of_ones_own_is_written_as_its_function():
    cube = tg.operation("my_cube", cubed, lambda g, y, x: 3 * g * x**2)
    x = Value([1.0, -2.0], "x")
    text = source(tg.sum(cube(x)))
    assert "def my_cube(x):\n" in text
    assert "    return np.multiply(x, x) * x  # no more than that\n" in text
    value, (slope,) = executed(text)
    assert (value, slope.tolist()) == (-7.0, [3.0, 12.0])


def test_an_operation_that_is_a_function_of_numpy_is_that():
    root = tg.operation("my_root", np.cbrt, lambda g, y, x: g / (3 * y**2), where="x != 0")
    text = source(root(Value(8.0, "x")) * 2)
    assert "np.cbrt(x)" in text
    assert executed(text) == (4.0, (pytest.approx(2 / 12),))


def closure():
    scale = 2.0

    def scaled(x):
        return np.multiply(x, scale)

    return scaled


@pytest.mark.parametrize("compute", [lambda x: np.multiply(x, 2.0), closure(), np.vectorize(lambda x: 2.0 * x)])
@pytest.mark.parametrize("x", [3.0, [3.0, 4.0]])
def test_what_cannot_be_read_as_text_is_refused(compute, x):
    double = tg.operation("my_double", compute, lambda g, y, x: 2 * g)
    with pytest.raises(GradientError) as error:
        source(tg.sum(double(Value(x, "x"))))
    assert str(error.value) == (
        "my_double has no spelling in NumPy: its function cannot be read as text, or it needs more than np. Write it "
        "as a def in a file, with np and other such functions alone; tg.compile runs it as it is."
    )


@pytest.mark.parametrize(
    ("target", "kind", "says"),
    [
        (lambda: Value([1.0, 2.0], "x") * 2, GradientError, "not a result of shape (2,): take .sum() or .mean()."),
        (lambda: Value(2.0, "x", requires_grad=False) * 2, GradientError, "is a constant: nothing under it requires a"),
        (lambda: 5.0, TypeError, "source takes a recorded loss, a Value, or a function and its arguments, not"),
    ],
)
def test_what_has_no_gradient_is_refused(target, kind, says):
    with pytest.raises(kind, match=re.escape(says)):
        source(target())


def test_a_style_that_is_none():
    with pytest.raises(ValueError, match=re.escape("The style is one of numpy, torch, not 'jax'.")):
        source(Value(2.0), style="jax")


def test_a_function_that_decides_by_numbers_is_refused():
    with pytest.raises(GradientError, match="is asked for its numbers while a program is made"):
        source(lambda x: x * 2 if x > 0 else x, 1.0)


# PyTorch. -------------------------------------------------------------------------------------------------------------


def test_the_torch_style_word_for_word():
    a, b, c = neuron()
    assert (
        source((a * b + c).tanh() * 0.5, style="torch")
        == '''import torch


def loss_and_gradients(a, b, c):
    """The loss, and its gradients by a, b and c."""
    v1 = a * b + c
    h1 = torch.tanh(v1)
    loss = 0.5 * h1

    # backward: d_v is ∂L/∂v, and L is loss
    d_v1 = 0.5 * (1 - h1**2)  # ∂L/∂h1 · ∂h1/∂v1
    d_c = d_v1  # ∂L/∂v1 · ∂v1/∂c
    d_a = d_v1 * b  # ∂L/∂v1 · ∂v1/∂a
    d_b = d_v1 * a  # ∂L/∂v1 · ∂v1/∂b
    return loss, (d_a, d_b, d_c)


def autograd(a, b, c):
    """The same, as PyTorch's own backward pass gives it."""
    a = a.detach().requires_grad_()
    b = b.detach().requires_grad_()
    c = c.detach().requires_grad_()
    leaves = [a, b, c]
    v1 = a * b + c
    h1 = torch.tanh(v1)
    loss = 0.5 * h1
    return loss, torch.autograd.grad(loss, leaves)
'''
    )


def test_an_operation_without_a_spelling_in_torch_is_named():
    with pytest.raises(GradientError, match=re.escape('cbrt has no spelling in PyTorch here: take style="numpy".')):
        source(tg.cbrt(Value(8.0, "x")), style="torch")
    with pytest.raises(GradientError, match="An index with a negative step has no spelling in PyTorch"):
        source(tg.sum(Value([8.0, 1.0, 2.0], "x")[2::-2]), style="torch")


def in_torch(text: Any) -> tuple[Any, Any]:
    """Loss and gradients of both functions of a torch module, as NumPy has them."""
    torch = pytest.importorskip("torch")
    assert imports(text) <= {"math", "torch"}
    space: dict[str, Any] = {}
    exec(compile(text, "<source>", "exec"), space)
    given = {name: torch.as_tensor(x) for name, x in text.inputs.items()}
    results = []
    for name in ("loss_and_gradients", "autograd"):
        value, found = space[name](**given)
        numbers = [torch.as_tensor(x, dtype=torch.float64).numpy(force=True) for x in found]
        results.append((float(value.detach()), numbers))
    return results[0], results[1]


def difference(found: Any, wanted: Any) -> float:
    """The largest difference, relative to the largest number of each gradient."""
    assert [np.shape(x) for x in found[1]] == [np.shape(x) for x in wanted[1]]
    pairs = [(found[0], wanted[0]), *zip(found[1], wanted[1], strict=True)]
    return max(
        float(np.max(np.abs(np.asarray(a) - b), initial=0)) / max(1e-3, float(np.max(np.abs(b), initial=0)))
        for a, b in pairs
    )


@pytest.mark.oracle
def test_xor_mnist_and_the_seeds_losses_are_those_of_pytorch():
    x, y = datasets.xor()
    two, (height, weight) = y[:, None] * np.ones(2), datasets.workshop_line()
    a, b, c = neuron()
    w, o = Value(0.5, "w"), Value(0.1, "o")
    v = Value([1.0, -2.0, 3.0], "v")
    losses = {
        "neuron": (a * b + c).tanh(), "exponential": ((a * b).exp() - 1) / ((a * b).exp() + 1), "product": (a + b) * c,
        "staged": (a + tg.sigmoid(b)) / (tg.sigmoid(a) + (a + b) ** 2), "line": tg.mean((w * height + o - weight) ** 2),
        "bce": nn.binary_cross_entropy(tg.sigmoid(network()(x)), two), "mse": nn.mse(network("relu")(x), two),
        "norm": tg.norm(v), "std": tg.std(v), "softplus": tg.sum(tg.softplus(v)), "logsumexp": tg.logsumexp(v),
        "softmax": tg.softmax(v)[1], "gelu": tg.sum(tg.gelu(v)),
    }  # fmt: skip
    pairs = {name: (source(loss), source(loss, style="torch")) for name, loss in losses.items()}
    pairs |= {"xor": (xor_source(), xor_source(style="torch")), "mnist": (mnist_source(), mnist_source(style="torch"))}
    for name, (ours, theirs) in pairs.items():
        wanted = executed(ours)
        single = any(np.asarray(x).dtype == np.float32 for x in wanted[1])
        for found in in_torch(theirs):
            assert difference(found, wanted) < (2e-5 if single else 1e-12), name


@pytest.mark.oracle
def test_a_convolution_is_that_of_pytorch():
    random = np.random.default_rng(0)
    images, labels = random.normal(size=(2, 6, 6, 3)), np.array([0, 1])
    w, b = Value(random.normal(size=(3, 3, 3, 4)), "w"), Value(np.zeros(4), "b")
    v = Value(random.normal(size=(64, 2)) / 8, "v")
    loss = nn.cross_entropy(tg.relu(tg.conv2d(images, w, b)).reshape(2, 64) @ v, labels)
    wanted = executed(source(loss))
    for found in in_torch(source(loss, style="torch")):
        assert difference(found, wanted) < 1e-12


NONE = {  # rows with cases, or with a rule, that PyTorch has no function for
    "avg_pool2d", "cbrt", "clip", "cofactor", "conv2d_weight", "det", "eigh", "eigvalsh", "gaps", "image_spread",
    "image_sum", "matrix_norm", "max_pool2d", "others", "partition", "pinv", "prod", "put_along_axis", "sinc",
    "slogdet", "sort", "svd", "svdvals", "take_along_axis",
}  # fmt: skip
OTHERWISE = {
    "floor_divide",
    "cholesky",
    "clip",
}  # PyTorch has no derivative, makes it symmetric, or fails at its bounds


@pytest.mark.oracle
def test_random_programs_over_the_rows_that_have_a_spelling(capsys):
    spelled, without = set[str](), dict[str, str]()
    count = 0
    for program in programs(600, size=1, seed=11):
        name = program.drawn[0][0].__name__
        loss = run(program, program.leaves())
        if not isinstance(loss, Value):
            continue
        try:
            text = source(loss, style="torch")
        except GradientError as error:
            without[name] = str(error)
            continue
        ours, theirs = in_torch(text) if name not in OTHERWISE else (in_torch_alone(text),) * 2
        wanted = executed(source(loss))
        assert difference(ours, wanted) < 1e-9, str(program)
        assert difference(theirs, wanted) < 1e-9, str(program)
        spelled.add(name)
        count += 1
    with capsys.disabled():
        print(f"\n{count} programs of {len(spelled)} rows in PyTorch; without a spelling: {', '.join(sorted(without))}")
    assert count > 450
    assert {*without} == NONE


def in_torch_alone(text: Any) -> Any:
    """Loss and gradients of the first function alone."""
    first = type(text)(f"{text.replace('def autograd(', 'def _(')}\n\nautograd = loss_and_gradients\n")
    first.inputs = text.inputs
    return in_torch(first)[0]
