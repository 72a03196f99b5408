"""The battery for operations of one's own is tested itself: planted mistakes are found and named, right rows pass."""

from __future__ import annotations

import itertools
import math
import pickle
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import domains, ops, rows
from tinygrad_edu.domains import at
from tinygrad_edu.ops import Op
from tinygrad_edu.testing import OperationError, check_operation


pytestmark = pytest.mark.usefixtures("table_as_it_was")


def tanh(rule: Any, compute: Any = lambda x: np.tanh(x), scalar: Any = None, **more: Any) -> Op:
    """An operation like tanh, with another rule, or computed otherwise."""
    return Op("mine", "mine({})", compute, scalar, rule, **more)


def times(rule_a: Any, rule_b: Any, compute: Any = lambda a, b: a * b) -> Op:
    return Op("mine", "mine({}, {})", compute, None, rule_a, rule_b)


RIGHT: Any = lambda g, y, x: g * (1 - y**2)  # noqa: E731
GA: Any = lambda g, y, a, b: g * b  # noqa: E731
GB: Any = lambda g, y, a, b: g * a  # noqa: E731


# Mistakes that take more than a line. ---------------------------------------------------------------------------------


def writes_into_x() -> Op:
    def compute(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            x *= 2
            return x
        return 2 * x

    return tanh(lambda g, y, x: 2 * g, compute)


def writes_into_g() -> Op:
    def rule(g: Any, y: Any, a: Any, b: Any) -> Any:
        g *= b
        return g

    return times(rule, lambda g, y, a, b: g / b * a)


def writes_into_y() -> Op:
    def rule(g: Any, y: Any, x: Any) -> Any:
        y *= y
        return g * (1 - y)

    return tanh(rule)


def same_buffer_in_compute() -> Op:
    kept: dict[Any, Any] = {}

    def compute(x: Any) -> Any:
        return np.tanh(x, out=kept.setdefault(x.shape, np.empty(x.shape))) if np.shape(x) else math.tanh(x)

    return tanh(RIGHT, compute)


def same_buffer_in_rule() -> Op:
    kept: dict[Any, Any] = {}

    def rule(g: Any, y: Any, x: Any) -> Any:
        gain = g * (1 - y**2)
        if isinstance(gain, np.ndarray):
            buffer = kept.setdefault(gain.shape, np.empty(gain.shape))
            buffer[...] = gain
            return buffer
        return gain

    return tanh(rule)


def counts_its_calls() -> Op:
    calls = itertools.count()
    return tanh(RIGHT, lambda x: np.tanh(x) + 1e-3 * (next(calls) % 7))


def remembers_the_last() -> Op:
    last: list[Any] = [0.0]

    def compute(x: Any) -> Any:
        last[0] = x
        return np.tanh(x)

    return tanh(lambda g, y, x: g * (1 - np.tanh(last[0]) ** 2), compute)


def counts_in_the_rule() -> Op:
    calls = itertools.count(1)
    return tanh(lambda g, y, x: g * (1 - y**2) * (1 + 1e-3 * (next(calls) % 5)))


def asks_whether() -> Op:
    def rule(g: Any, y: Any, x: Any) -> Any:
        return g * (1 - y**2) if ops.ndim(x) or x > -99 else g

    return tanh(rule)


def wrong_slope_of_the_slope() -> Op:
    slope = Op("slope_of_mine", "sech²({})", lambda x: 1 / np.cosh(x) ** 2, None, lambda g, y, x: -g * y * ops.tanh(x))
    return tanh(lambda g, y, x: g * slope(x))


def other_formula() -> Op:
    def rule(g: Any, y: Any, x: Any) -> Any:
        from tinygrad_edu.symbol import Symbol

        return g * (1 - y) if isinstance(y, Symbol) else g * (1 - y**2)

    return tanh(rule)


def replaced() -> Op:
    first = tanh(RIGHT)
    tanh(RIGHT)
    return first


def element_by_element() -> Op:
    def rule(g: Any, y: Any, x: Any) -> Any:
        return ops.stack([gi * (1 - yi**2) for gi, yi in zip(g, y, strict=True)]) if ops.ndim(x) else g * (1 - y**2)

    return tanh(rule)


def of_another_shape() -> Op:
    def rule(g: Any, y: Any, x: Any) -> Any:
        gain = g * (1 - y**2)
        return ops.expand_dims(gain, axis=0)[..., :2] if ops.ndim(x) else gain

    return tanh(rule)


def softmax(rule: Any) -> Op:
    def compute(x: Any, axis: int) -> Any:
        powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
        return powers / np.sum(powers, axis=axis, keepdims=True)

    return Op("mine", "mine({})", compute, None, rule, settings={"axis": -1})


SOFTMAX = (at((4,)), at((2, 3)), at((2, 3), axis=0))


def total(rule: Any) -> Op:
    return Op("mine", "mine({})", lambda x, axis: np.sum(x, axis=axis), None, rule, settings={"axis": None})


TOTAL = (at((3,)), at((2, 3)), at((3, 3), axis=0), at((3, 3), axis=1))
MATRICES = (at((2, 2), (2, 2)), at((3, 3), (3, 3)))


class Plant(NamedTuple):
    """A mistake: what it is, the operation with it, the check that fails first, what it says, what is said besides."""

    mistake: str
    make: Callable[[], Op]
    check: str
    says: str
    how: dict[str, Any] = {}  # noqa: RUF012 - never written to


PLANTS = [Plant(*line) for line in (
    # mistake, operation
    #   the check that fails, what it says, what is said to the battery
    ("a factor", lambda: tanh(lambda g, y, x: 2 * g * (1 - y**2)),
        "first derivatives", "its operand x is 2 times what it should be"),
    ("the sign", lambda: tanh(lambda g, y, x: -g * (1 - y**2)),
        "first derivatives", "has the wrong sign"),
    ("y forgotten", lambda: tanh(lambda g, y, x: g, lambda x: np.exp(x)),
        "first derivatives", "lacks the factor y"),
    ("the other operand", lambda: times(GB, GB),
        "first derivatives", "in a is wrong: .* belongs to b"),
    ("rules exchanged", lambda: times(GB, GA),
        "first derivatives", "in a and b is wrong: .* belongs to b"),
    ("exchanged, of a quotient",
        lambda: times(lambda g, y, a, b: -g * y / b, lambda g, y, a, b: g / b, lambda a, b: a / b),
        "first derivatives", "in a and b is wrong: .* belongs to b", {"where": "a, b != 0"}),
    ("g forgotten", lambda: tanh(lambda g, y, x: 1 - y**2),
        "rules are linear in g", "the rule of x forgets g"),
    ("g squared", lambda: tanh(lambda g, y, x: g * g * (1 - y**2)),
        "rules are linear in g", "not linear in g: twice the g"),
    ("g summed", lambda: tanh(lambda g, y, x: ops.sum(g) * (1 - y**2)),
        "rules are linear in g", "mixes the elements: .* summed"),
    ("x changed", writes_into_x,
        "writes into nothing", "compute changes x in place"),
    ("g changed", writes_into_g,
        "writes into nothing", "the rule of a changes g in place", {"where": "a, b != 0"}),
    ("y changed", writes_into_y,
        "writes into nothing", "the rule of x changes y in place"),
    ("one buffer for results", same_buffer_in_compute,
        "same again", "compute hands out the same array each time"),
    ("one buffer for gradients", same_buffer_in_rule,
        "same again", "the rule of x hands out the same array each time"),
    ("random numbers", counts_its_calls,
        "same again", "not deterministic: .* another result each time"),
    ("random gradients", counts_in_the_rule,
        "same again", "not deterministic: the same arguments give another gradient"),
    ("state", remembers_the_last,
        "same again", "the rule of x remembers what was computed last"),
    ("float64 in compute", lambda: tanh(RIGHT, lambda x: np.tanh(x) * np.float64(1)),
        "float32 stays", "the result is float64 for float32 operands"),
    ("scalars otherwise", lambda: tanh(RIGHT, scalar=math.tan),
        "plain numbers as arrays", "a plain number gives 0\\.61\\d+, an array 0.49"),
    ("nothing in an array", lambda: tanh(RIGHT, lambda x: np.tanh(x) + 0 * np.max(x)),
        "empty arrays", "for an empty array .0,. it raises ValueError"),
    ("no broadcasting",
        lambda: times(GA, GB, lambda a, b: np.array([p * q for p, q in zip(a, b)]) if np.ndim(a) else a * b),
        "broadcasting", "for .3, 1. and .4,. the result has the shape .3, 1., not .3, 4."),
    ("transposed result", lambda: tanh(RIGHT, lambda x: np.tanh(x).T if np.ndim(x) else np.tanh(x)),
        "broadcasting", "the result has the shape .3, 2., not .2, 3."),
    ("other numbers in 2-d", lambda: tanh(RIGHT, lambda x: np.tanh(x) if np.ndim(x) < 2 else np.tanh(x) * 1.01),
        "broadcasting", "for an array .2, 3. the numbers are not those that each"),
    ("nan at 0", lambda: tanh(lambda g, y, x: g * x / y, lambda x: np.abs(x)),
        "special points", "nan at x = 0.0, where the value is 0", {"where": "x != 0"}),
    ("nan at a point",
        lambda: times(lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y, lambda a, b: np.hypot(a, b)),
        "special points", "nan at x = 0.0, x = 0.0", {"where": "x != 0, x != 0"}),
    ("a slope that is none", lambda: tanh(lambda g, y, x: g * ((x > 0) + 2 * (x == 0)), lambda x: np.maximum(x, 0)),
        "special points", "at x = 0.0 the gradient is 2, .*slope 0 to the left, 1 to the right", {"where": "x != 0"}),
    (".data", lambda: tanh(lambda g, y, x: g * (1 - (y.data if isinstance(y, tg.Value) else y) ** 2)),
        "second derivatives", "cannot be differentiated again"),
    ("float()", lambda: tanh(lambda g, y, x: g * (1 - (y if ops.ndim(y) else float(y)) ** 2)),
        "rules speak rows", "takes float.. of its argument"),
    ("math", lambda: tanh(lambda g, y, x: g / math.cosh(x) ** 2 if not ops.ndim(x) else g * (1 - y**2)),
        "rules speak rows", "takes float.. of its argument"),
    ("NumPy's arrays", lambda: tanh(lambda g, y, x: g * (1 - np.array(y) ** 2)),
        "rules speak rows", "makes a NumPy array of its argument"),
    ("if", asks_whether,
        "rules speak rows", "asks whether a comparison is true"),
    ("a loop over elements", element_by_element,
        "rules speak rows", "goes through the elements one by one"),
    ("a name that is not there", lambda: tanh(lambda g, y, x: g * (1 - z**2)),  # noqa: F821
        "it runs", "raises NameError at x = .*: name 'z'"),
    ("a setting ignored",
        lambda: tanh(lambda g, y, x, leak: g * ops.where(x > 0, 1, 0.01),
            lambda x, leak: np.where(x > 0, x, leak * x), settings={"leak": 0.01}),
        "first derivatives", "wrong with leak=0.32: at x.1. = -", {"where": "x != 0"}),
    ("another axis", lambda: softmax(lambda g, y, x, axis: y * (g - ops.sum(g * y, axis=-1, keepdims=True))),
        "first derivatives", "wrong with axis=0", {"cases": SOFTMAX}),
    ("an axis not kept", lambda: total(lambda g, y, x, axis: ops.broadcast_to(g, shape=ops.shape(x))),
        "first derivatives", "wrong with axis=1: .* transposed", {"cases": TOTAL}),
    ("transposed", lambda: times(lambda g, y, a, b: g @ b, lambda g, y, a, b: a.T @ g, lambda a, b: a @ b),
        "first derivatives", "in a is wrong: .* wrong", {"cases": MATRICES}),
    ("wrong below 0", lambda: tanh(lambda g, y, x: g * ops.where(x > 0, 1 - y**2, 1)),
        "first derivatives", "for negative numbers only: at x = -.*, it gives 1 where"),
    ("wrong far from 0",
        lambda: tanh(lambda g, y, x: g * ops.where(abs(x) > 5, 2, 1 / (1 + x**2)), lambda x: np.arctan(x)),
        "first derivatives", "for large numbers only"),
    ("wrong in 2-d", lambda: tanh(lambda g, y, x: g * (1 - y**2) * (2 if ops.ndim(x) == 2 else 1)),
        "first derivatives", "for arrays of 2 dimensions only: .* 2 times"),
    ("wrong for plain numbers", lambda: tanh(lambda g, y, x: g * (1 - y**2) * (1 if ops.ndim(x) else 2)),
        "first derivatives", "for plain numbers only: .* 2 times"),
    ("one in ten thousand", lambda: tanh(lambda g, y, x: 1.0001 * g * (1 - y**2)),
        "first derivatives", "is 1.0001 times what"),
    ("something added", lambda: tanh(lambda g, y, x: g * (1 - y**2) + 0.01 * g),
        "first derivatives", "it gives 0.761094 where differences give 0.751094"),
    ("the second derivative", wrong_slope_of_the_slope,
        "second derivatives", "second derivative in x is wrong: .*, it gives -0.0471"),
    ("None for a slope", lambda: times(GA, None),
        "first derivatives", "the rule of b is None, though the result moves"),
    ("no rule at all", lambda: Op("mine", "mine({})", lambda x: np.tanh(x), None),
        "first derivatives", "no rule, though its result moves"),
    ("a gradient of a shape", of_another_shape,
        "first derivatives", "gradient of shape .1, 2. does not belong"),
    ("integers", lambda: tanh(lambda g, y, x: g, lambda x: np.asarray(x).astype(int)),
        "numbers", "of type int64"),
    ("nan inside the domain", lambda: tanh(lambda g, y, x: g / x, lambda x: np.log(x)),
        "numbers", "inside the domain"),
    ("no complex numbers", lambda: tanh(RIGHT, lambda x: np.tanh(np.real(x))),
        "complex step", "complex step in x gives 0, .* do not pass", {"holomorphic": True}),
    ("another formula", other_formula,
        "formulas", "writes g·.1 - y., which is"),
    ("a name taken again", replaced,
        "found by name", "a later operation has the same name"),
)]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.mistake)
def test_a_planted_mistake_is_found_and_named(plant: Plant) -> None:
    with pytest.raises(OperationError) as caught:
        check_operation(plant.make(), **plant.how)
    first, *others = caught.value.report.failures()
    assert (first.check, others) == (plant.check, [])
    assert re.search(plant.says, first.found)
    assert first.instead
    assert f"{plant.check}: FAILED" in str(caught.value)


def test_the_mistakes_are_of_many_kinds() -> None:
    assert len({plant.mistake for plant in PLANTS}) == len(PLANTS) >= 50
    assert len({plant.check for plant in PLANTS}) == 16
    assert len({plant.says for plant in PLANTS}) >= 40


# What is right passes. ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", list(ops.TABLE.values()), ids=lambda op: op.name)
def test_every_row_of_the_library_passes(op: Op) -> None:
    report = check_operation(op)
    assert report.passed
    assert [line.verdict for line in report.lines].count("passed") >= 5


OWN = {
    "swish": lambda: tg.operation(
        "swish_of_mine", lambda x: x / (1 + np.exp(-x)), lambda g, y, x: g * (y + tg.sigmoid(x) * (1 - y))),
    "cube root": lambda: tg.operation(
        "cube_root_of_mine", np.cbrt, lambda g, y, x: g / (3 * y**2), scalar=math.cbrt, where="x != 0"),
    "geometric mean": lambda: tg.operation(
        "geometric_mean_of_mine", lambda a, b: (a * b) ** 0.5, lambda g, y, a, b: g * y / (2 * a),
        lambda g, y, a, b: g * y / (2 * b), where="a > 0, b > 0"),
    "leaky": lambda: tg.operation(
        "leaky_of_mine", lambda x, leak: np.where(x > 0, x, leak * x),
        lambda g, y, x, leak: g * ops.where(x > 0, 1, leak),
        settings={"leak": 0.01}, where="x != 0", kinks=[(0.0, 0.01, "leaky'(0) = leak")]),
    "an interval": lambda: tg.operation(
        "logit_of_mine", lambda x: np.log(x / (1 - x)), lambda g, y, x: g / (x * (1 - x)), where=(0.0, 1.0)),
    "distance of rows": lambda: tg.operation(
        "distance_of_mine", lambda a, b: np.sqrt(((a - b) ** 2).sum(-1)),
        lambda g, y, a, b: tg.expand_dims(g / y, -1) * (a - b), lambda g, y, a, b: tg.expand_dims(g / y, -1) * (b - a),
        shapes=[((2, 3), (2, 3)), ((4, 2), (4, 2))]),
    "a bare row": lambda: tanh(RIGHT, scalar=math.tanh),
    "any number of operands": lambda: Op(
        "mine", "mine({})", lambda *xs: sum(xs), None, each=lambda i: lambda g, y, *xs: g),
}  # fmt: skip


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_right_operations_of_ones_own_pass(make: Callable[[], Op]) -> None:
    report = check_operation(make(), seed=3)
    assert str(report).splitlines()[-1].startswith(f"{report.op.name} passed all ")


def test_the_report_shows_what_failed_first_and_the_rest_as_a_table() -> None:
    report = check_operation(tanh(lambda g, y, x: 2 * g * (1 - y**2)), raise_exception=False)
    assert not report.passed
    assert [line.check for line in report.failures()] == ["first derivatives"] == [report.lines[0].check]
    lines = str(report).splitlines()
    assert lines[0] == "first derivatives: FAILED"
    assert lines[-1] == "mine failed 1 of 12 checks."
    assert max(map(len, lines)) <= 110
    assert sum("skipped" in line for line in lines) == 4
    assert any(re.fullmatch("broadcasting +passed", line) for line in lines)


def test_a_rule_that_computes_in_float64_is_told_but_no_mistake() -> None:
    report = check_operation(rows.leaky_relu)
    [line] = [line for line in report.lines if line.check == "float32 stays"]
    assert line.verdict == "passed"
    assert "computes in float64 for float32 operands; the gradient is made float32" in line.found


def test_nothing_is_left_behind() -> None:
    op = tanh(RIGHT)
    before = dict(domains.DOMAINS)
    check_operation(op, where="x > 0", cases=[at((2,))], holomorphic=True)
    assert before == domains.DOMAINS
    assert domains.where(ops.log) == "x > 0"


def test_what_is_no_operation_is_refused() -> None:
    with pytest.raises(TypeError, match=r"no operation with rules: for a function use tg.check_gradients"):
        check_operation(tg.mean)


def test_an_operation_that_was_found_right_can_be_pickled() -> None:
    op = OWN["swish"]()
    check_operation(op)
    assert pickle.loads(pickle.dumps(op)) is op
