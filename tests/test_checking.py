"""The gradient checks: right functions pass, wrong rules are found and named, and every refusal says what to do."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, backward, ops
from tinygrad_edu.checking import GradientCheckError, GradientReport, check_gradients, numerical_gradient

W, X, B = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), np.array([0.2, -0.4, 0.9]), np.array([0.1, -0.2])


def layer(w: Any, x: Any, b: Any) -> Any:
    return tg.tanh(w @ x + b)


# What is right passes. ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (lambda x: x**3, [2.0]),
        (lambda x: x * x * x - x / (1 + x**2), [0.7]),
        (layer, [W, X, B]),
        (lambda x: tg.exp(x).mean(), [np.ones((2, 3))]),
        (lambda x, y: (x * y).sum(), [np.ones((3, 1)), np.arange(4.0)]),
        (lambda x: tg.where(x > 0, tg.exp(x), x), [np.array([-1.0, 2.0])]),
        (lambda x: x[np.array([0, 0, 2])] * 3, [X]),
        (lambda x: tg.softmax(x, axis=-1), [W]),
        (lambda x: tg.grad(lambda y: y**3 * x)(x), [1.5]),
        (lambda x: x, [4.0]),
    ],
)
def test_right_gradients_pass_at_every_order(f: Any, inputs: list[Any]) -> None:
    report = check_gradients(f, *inputs, order=2)
    assert report.passed
    assert len(report.rows) == 2 * sum(map(np.size, inputs))
    assert max(row.difference for row in report.rows) < 1e-9
    assert not [note for note in report.notes if "complex" in note]
    for row in report.rows:
        assert row.complex_step == pytest.approx(row.analytic, rel=1e-12, abs=1e-14)


def test_tg_offers_the_checks() -> None:
    assert tg.check_gradients is check_gradients
    assert tg.numerical_gradient is numerical_gradient
    assert isinstance(tg.check_gradients(tg.sin, 1.0), tg.GradientReport)
    assert issubclass(tg.GradientCheckError, tg.GradientError)


def test_inputs_may_be_labelled_values_integers_lists_and_fractions() -> None:
    report = check_gradients(lambda a, w, n, q: a * w.sum() * n * q, Value(2.0, "A"), [1.0, 2.0], 3, Fraction(1, 2))
    assert sorted(row.input for row in report.rows) == ["A", "n", "q", "w", "w"]
    assert {row.analytic for row in report.rows if row.input == "n"} == {3.0}
    assert report.notes == ["n holds integers, taken as float64."]


def test_float32_is_checked_on_a_float64_copy() -> None:
    x = np.linspace(-1, 1, 4, dtype=np.float32)
    report = check_gradients(lambda v: (tg.sin(v) * tg.exp(v)).sum(), x)
    assert report.passed
    assert max(row.difference for row in report.rows) < 1e-10
    assert x.dtype == np.float32


def test_the_inputs_and_their_gradients_are_left_alone() -> None:
    v, other = Value([1.0, 2.0], "v"), Value(3.0)
    check_gradients(lambda x: (x * other).sum(), v)
    assert v.grad is None
    assert other.grad is None


def test_an_empty_input_beside_another_has_no_rows() -> None:
    report = check_gradients(lambda x, y: x.sum() * y, np.zeros((0, 3)), 2.0)
    assert [row.input for row in report.rows] == ["y"]
    assert report.notes == ["x is empty: there is nothing to check in it."]


def test_the_same_seed_gives_the_same_report() -> None:
    f = lambda x: tg.sin(x)  # noqa: E731
    assert str(check_gradients(f, X, order=2, seed=4)) == str(check_gradients(f, X, order=2, seed=4))
    assert str(check_gradients(f, X, seed=4)) != str(check_gradients(f, X, seed=5))


# What is wrong is found, at the right place. --------------------------------------------------------------------------


def failure(f: Any, *inputs: Any, **how: Any) -> GradientReport:
    with pytest.raises(GradientCheckError) as caught:
        check_gradients(f, *inputs, **how)
    report: GradientReport = caught.value.report
    assert str(report) in str(caught.value)
    return report


def test_a_rule_seventeen_times_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.exp, "rules", (lambda g, y, x: 17 * g * y,))
    report = failure(lambda a, b: a + tg.exp(b), Value(1.0, "a"), Value(0.0, "b"))
    assert (report.worst.input, report.worst.analytic, report.worst.difference) == ("b", 17.0, pytest.approx(16 / 17))
    assert [row.verdict for row in report.rows] == ["wrong", "ok"]
    assert str(report).endswith("FAILED: 1 of 2 wrong, worst at b.")


def test_a_rule_with_the_wrong_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.cos, "rules", (lambda g, y, x: g * tg.sin(x),))
    report = failure(lambda x: (tg.cos(x) * np.array([0.0, 1.0, 0.0])).sum(), X)
    assert report.worst.element == (1,)
    assert report.worst.analytic == pytest.approx(-report.worst.numeric)


def test_a_broadcast_that_is_not_summed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row of the gradient instead of the sum of all rows: the bias is wrong, the matrix is not."""
    first_row = lambda gain, number, *_: gain if np.shape(gain) == np.shape(number) else gain[0]  # noqa: E731
    monkeypatch.setattr(backward, "fit", first_row)
    report = failure(lambda w, b: tg.tanh(w + b).sum(), W, X)
    assert {row.input for row in report.rows if row.verdict == "wrong"} == {"b"}
    assert len([row for row in report.rows if row.verdict == "wrong"]) == 3


def test_a_transposed_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = ops.matmul.rules
    monkeypatch.setattr(ops.matmul, "rules", (lambda *at: rules[0](*at).T, rules[1]))
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    report = failure(lambda a, b: (a @ b * np.array([1.0, 10.0])).sum(), square, square)
    assert {row.element for row in report.rows if row.verdict == "wrong"} == {(0, 1), (1, 0)}
    assert re.search(r"worst at a\[(0, 1|1, 0)\]", str(report))


def test_a_gradient_cut_by_plain_numbers() -> None:
    """`x.data` hides a factor from the gradient, and from no oracle that looks at the values."""
    report = failure(lambda x: x * np.abs(x.data), 3.0)
    assert (report.worst.analytic, report.worst.numeric) == (pytest.approx(3.0), pytest.approx(6.0))
    report = failure(lambda x: Value(2.0) * x.data, 3.0)
    assert report.notes == ["no recorded operation leads from an input to the result."]


def test_a_second_derivative_that_is_wrong_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.sin, "rules", (lambda g, y, x: g * np.cos(getattr(x, "data", x)),))
    assert check_gradients(tg.sin, 1.0).passed
    report = failure(tg.sin, 1.0, order=2)
    assert report.worst.order == 2
    assert str(report).endswith("FAILED: 1 of 2 wrong, worst at x, in the derivative of order 2.")


def test_a_nan_gradient_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.relu, "rules", (lambda g, y, x: g * math.nan,))
    assert math.isnan(failure(tg.relu, 1.0).worst.analytic)
    monkeypatch.setattr(ops.exp, "rules", (lambda g, y, x: g * math.nan,))
    assert math.isnan(failure(tg.exp, 1.0).worst.analytic)


def test_without_exception_the_report_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.exp, "rules", (lambda g, y, x: 17 * g * y,))
    report = check_gradients(tg.exp, np.zeros(20), raise_exception=False)
    assert not report.passed
    lines = str(report).splitlines()
    assert lines[0].split() == ["input", "element", "analytic", "numeric", "absolute", "relative", "step", "verdict"]
    assert lines[13] == "... and 8 more"
    assert lines[-1].startswith("FAILED: 20 of 20 wrong, worst at x[")


def test_the_table_is_aligned_and_the_worst_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.exp, "rules", (lambda g, y, x: g * y * np.array([1.0, 1.1, 3.0]),))
    report = check_gradients(lambda x: tg.exp(x).sum(), np.zeros(3), raise_exception=False)
    head, *lines = str(report).splitlines()[:4]
    assert head == "input  element  analytic  numeric  absolute  relative  step     verdict"
    assert [line.split()[1:4] + line.split()[-1:] for line in lines] == [
        ["[2]", "3", "1", "wrong"], ["[1]", "1.1", "1", "wrong"], ["[0]", "1", "1", "ok"],
    ]  # fmt: skip
    assert {line.rindex(line.split()[-1]) for line in lines} == {head.index("verdict")}
    assert max(map(len, str(report).splitlines())) <= 100
    assert str(report).endswith("FAILED: 2 of 3 wrong, worst at x[2].")


# Kinks, and where the complex step cannot go. -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "inputs", "verdicts"),
    [
        (tg.relu, [0.0], ["kink"]),
        (tg.relu, [1e-7], ["ok"]),  # closer to the kink than the first steps, not than the last
        (tg.relu, [1e-16], ["ok"]),
        (lambda x: tg.relu(x) + 5, [1e-16], ["kink"]),  # rounding hides on which side it is
        (tg.relu, [-1e-3], ["ok"]),
        (abs, [0.0], ["kink"]),  # the convention is the mean of the slopes, so central differences see nothing
        (tg.maximum, [2.0, 2.0], ["kink", "kink"]),
        (tg.max, [np.ones(3)], ["kink", "kink", "kink"]),
        (lambda x: tg.clip(x, 0.0, 1.0), [np.array([0.0, 0.5, 1.0])], ["kink", "kink", "ok"]),
        (tg.norm, [np.zeros(2)], ["kink", "kink"]),
        (lambda x: tg.where(x > 0, x, 0.0 * x), [0.0], ["kink"]),
    ],
)
def test_at_a_kink_any_slope_between_left_and_right_is_a_convention(f: Any, inputs: Any, verdicts: Any) -> None:
    report = check_gradients(f, *inputs)
    assert report.passed
    assert [row.verdict for row in report.rows] == verdicts


def test_a_slope_outside_left_and_right_is_wrong_at_a_kink_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.relu, "rules", (lambda g, y, x: g * 1.5,))
    assert failure(tg.relu, 0.0).worst.verdict == "wrong"
    monkeypatch.setattr(ops.relu, "rules", (lambda g, y, x: g * 0.5,))
    assert check_gradients(tg.relu, 0.0).worst.verdict == "kink"  # between the slopes
    assert failure(tg.relu, 1.0).worst.verdict == "wrong"


def test_the_kinks_are_counted_in_the_verdict() -> None:
    report = check_gradients(tg.relu, np.array([0.0, 1.0]))
    assert str(report).endswith("; 1 at a kink, where the slope is a convention.")


def test_notes_say_why_there_is_no_complex_step_and_how_a_result_was_reduced() -> None:
    report = check_gradients(lambda x: tg.relu(tg.abs(tg.sin(x))), X)
    assert all(row.complex_step is None for row in report.rows)
    assert report.notes == [
        "the result, of shape (3,), was summed with fixed random weights.",
        "no complex step, because complex numbers cannot pass through abs, relu.",
    ]
    assert "complex" not in str(report)  # what nobody can do anything about is no note on a check that passed
    [note] = check_gradients(lambda x: x * max(1.0, float(x)), 0.5).notes
    assert note.startswith("no complex step, because complex numbers cannot pass through f (TypeError: ")


def test_central_differences_far_from_1_and_near_the_edge_of_a_domain() -> None:
    report = check_gradients(lambda x: tg.abs(tg.log(x)), np.array([1e-6, 1e-3, 1e6]))
    assert report.passed
    assert max(row.difference for row in report.rows) < 1e-7
    assert check_gradients(lambda x: tg.relu(tg.sin(1e3 * x) + 2), 0.3).worst.difference < 1e-7
    assert check_gradients(lambda x: tg.abs(x) + 1e6, 0.5).passed


# Refusals. ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "call", "says"),
    [
        (tg.GradientError, lambda: check_gradients(lambda x: float(x) * 2, 1.0), "f returned a plain float, not a"),
        (tg.GradientError, lambda: check_gradients(lambda x: x.data * 2, X), "f returned an array, not a Value, so no"),
        (tg.GradientError, lambda: check_gradients(lambda x: (x, x), X), "f returned a plain tuple, not a Value"),
        (tg.GradientError, lambda: check_gradients(lambda x: None, X), "look for float(v), v.item() or v.data inside"),
        (tg.GradientCheckError, lambda: check_gradients(tg.log, -1.0), "f is nan at these inputs: log is the first"),
        (tg.GradientError, lambda: numerical_gradient(tg.sin, X), "scalar, not shape (3,): take .sum() or .mean()."),
        (ValueError, lambda: check_gradients(tg.sin), "There is nothing to check: no input was given"),
        (ValueError, lambda: check_gradients(tg.sin, np.zeros((0, 2))), "There is nothing to check"),
        (ValueError, lambda: check_gradients(tg.sin, [1.0, math.nan]), "Input x holds nan or inf"),
        (ValueError, lambda: check_gradients(tg.add, 1.0, math.inf), "Input b holds nan or inf"),
        (ValueError, lambda: check_gradients(tg.sin, 1.0, order=0), "order 1 or 2, but rtol=1e-06"),
        (ValueError, lambda: check_gradients(tg.sin, 1.0, rtol=0), "must be above 0, atol at least 0"),
        (ValueError, lambda: numerical_gradient(tg.sin, 1.0, method="spectral"), "choose 'central' or 'complex'"),
        (TypeError, lambda: check_gradients(tg.sin, 1j), "Input x must be real numbers, not complex: 1j."),
        (TypeError, lambda: check_gradients(tg.sin, "one"), "Input x must be real numbers, not str: 'one'."),
    ],
)
def test_what_cannot_be_checked_is_refused_with_a_reason(error: type[Exception], call: Any, says: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(error, match=re.escape(says)):
        call()


def test_writing_into_the_inputs_fails_at_once() -> None:
    def f(x: Any) -> Any:
        x.data[0] = 5.0
        return x.sum()

    with pytest.raises(tg.GradientError, match=r"f changed its input: 0\[0\] was 0.2 before, and 5.0 after the call."):
        numerical_gradient(f, X)
    assert check_gradients(f, X, raise_exception=False).verdict == "input mutated"


# The numerical gradient itself, against closed forms. -----------------------------------------------------------------

CLOSED = [
    (lambda x: tg.exp(x).sum(), np.exp),
    (lambda x: (x**3).sum(), lambda x: 3 * x**2),
    (lambda x: tg.sin(x).sum(), np.cos),
    (lambda x: (1 / (1 + x**2)).sum(), lambda x: -2 * x / (1 + x**2) ** 2),
]


@pytest.mark.parametrize(("f", "derivative"), CLOSED)
@pytest.mark.parametrize(("method", "rtol"), [("central", 1e-9), ("complex", 1e-15)])
def test_numerical_gradient_against_closed_forms(f: Any, derivative: Any, method: str, rtol: float) -> None:
    x = np.array([[-2.0, -0.5, 1e-3], [0.7, 1.0, 3.0]])
    [gradient] = numerical_gradient(f, x, method=method)
    np.testing.assert_allclose(gradient, derivative(x), rtol=rtol, atol=1e-10 if method == "central" else 0)


def test_numerical_gradient_takes_functions_of_plain_numbers_and_many_inputs() -> None:
    assert numerical_gradient(lambda x: math.sin(float(x)), 0.0) == (pytest.approx(1.0),)
    gradients = numerical_gradient(lambda x, y: (x * y).sum(), 2.0, X, method="complex")
    assert gradients[0] == pytest.approx(X.sum())
    assert isinstance(gradients[0], float)
    np.testing.assert_array_equal(gradients[1], [2.0, 2.0, 2.0])


# What reviews found. --------------------------------------------------------------------------------------------------


def verdict(f: Any, *inputs: Any, **how: Any) -> str:
    return check_gradients(f, *inputs, raise_exception=False, **how).verdict


def test_a_curved_function_close_to_its_kink_is_not_at_it() -> None:
    c, d = 0.4784227411550018, 3.2565572936768264e-07
    assert verdict(lambda x: tg.maximum(x, c) ** 3 + 0.2 * x, c + d) == "ok"


@pytest.mark.parametrize(
    ("f", "x", "claimed"),
    [
        (lambda x: np.maximum(0, 1 - x), 1.0, -3.0),  # outside of both slopes
        (lambda x: np.clip(x, -1, 1), 1.0, 7.0),
        (np.floor, 2.0, 1000.0),  # at a jump the side that f belongs to decides
        (lambda x: x + (x > 1), 1.0, 3.0),
        (lambda x: x**2, 1.0, 100.0),  # wrong here, and here alone
    ],
)
def test_a_special_point_excuses_no_gradient_that_no_side_knows(f: Any, x: float, claimed: float) -> None:
    assert verdict(f, x, gradient=lambda x: claimed) == "wrong"


def test_one_wrong_element_of_many_is_found_along_directions() -> None:
    slip = np.zeros(5_000)
    slip[7] = 0.1
    x = np.random.default_rng(0).normal(size=slip.shape)
    report = check_gradients(
        lambda x: (x**2).sum(), x, gradient=lambda x: 2 * x + slip, samples=4, raise_exception=False
    )
    assert report.verdict == "wrong"
    assert report.findings[0].text.endswith("is right at the elements that were looked at, and wrong elsewhere.")


def test_digits_that_cancel_in_the_gradient_are_no_mistake() -> None:
    """The softmax of a saturated row, less 1, has few digits left."""
    assert verdict(tg.nn.cross_entropy, np.array([[30.0, -3.0, 1.0]]), np.array([0])) in ("ok", "rounding")


def test_a_model_is_left_alone_and_a_parameter_it_shares_is_refused() -> None:
    w = Value(0.3, "w")

    class Tied(tg.nn.Module):
        def __init__(self) -> None:
            self.a = self.b = Value(0.5, "a")

        def forward(self, x: Any) -> Any:
            return (self.a * x + self.b * x * x).sum()

    class Global(Tied):
        def parameters(self) -> list[Value]:
            return [w]

    model = Tied()
    report = check_gradients(model, X)
    assert [row.input for row in report.rows] == ["a"]
    assert (model.a.data, model.a.grad, model.a.requires_grad) == (0.5, None, True)
    with pytest.raises(tg.GradientError, match="still uses the very same w"):
        check_gradients(Global(), X)


def test_a_rule_is_named_where_its_operand_is_a_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = ops.linear.rules
    monkeypatch.setattr(ops.linear, "rules", (rules[0], lambda *at: 3 * rules[1](*at), rules[2]))
    x, y = tg.datasets.xor()
    report = failure(tg.nn.Sequential(tg.nn.Dense(2, 3, "tanh", seed=0)), x, y, loss=tg.nn.cross_entropy)
    assert report.findings[0].text == "the rule of linear for its operand b is 3 times what it should be."


def test_under_no_grad_a_check_records_all_the_same_and_a_report_is_true_if_it_passed() -> None:
    with tg.no_grad():
        assert check_gradients(tg.tanh, X)
    assert not check_gradients(lambda x: x * np.abs(x.data), 3.0, raise_exception=False)


def test_f_may_not_call_backward_itself() -> None:
    def f(x: Any) -> Any:
        loss = (x * x).sum()
        loss.backward()
        return loss

    with pytest.raises(tg.GradientError, match="If it calls backward\\(\\) itself, let it return the loss"):
        check_gradients(f, X)
