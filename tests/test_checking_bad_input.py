"""What the gradient check says of functions and inputs that cannot be checked, or only with a remark."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, nn

V = np.array([0.3, -0.8, 1.4])


def refused(error: type[Exception], f: Any, *inputs: Any, **how: Any) -> str:
    with pytest.raises(error) as caught:
        tg.check_gradients(f, *inputs, **how)
    assert not isinstance(caught.value, tg.GradientCheckError)  # which is for gradients that are wrong
    return str(caught.value)


# -- what f returns ----------------------------------------------------------------------------------------------------


def test_a_result_that_is_no_scalar_is_noted() -> None:
    report = tg.check_gradients(tg.sin, V)
    assert report.passed
    assert [note for note in report.notes if "(3,)" in note and "random weights" in note]


def test_a_result_of_one_element_is_no_scalar_either() -> None:
    report = tg.check_gradients(lambda x: tg.sin(x).sum(keepdims=True), V)
    assert report.passed
    assert [note for note in report.notes if "(1,)" in note]


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: float(x.data.sum()), "float"),
        (lambda x: 3, "int"),
        (lambda x: x.data * 2, "array"),
        (lambda x: None, "None"),
        (lambda x: (x, x), "tuple"),
        (lambda x: [x.sum()], "list"),
        (lambda x: "one", "str"),
        (lambda x: x > 0, "array"),
    ],
)
def test_what_is_no_value_is_refused_by_its_kind(f: Any, kind: str) -> None:
    said = refused(tg.GradientError, f, V)
    assert kind in said.splitlines()[0]
    assert "not a Value" in said


def test_a_numpy_function_without_a_gradient_is_told_what_is_missing() -> None:
    said = refused(tg.GradientError, lambda x: float(np.sum(getattr(x, "data", x))), V)
    assert "v.data" in said or "gradient=" in said


def test_an_empty_result_is_refused_or_noted() -> None:
    try:
        report = tg.check_gradients(lambda x: x[3:], V)
    except (ValueError, tg.GradientError) as error:
        assert "(0,)" in str(error) or "empty" in str(error) or "nothing" in str(error)  # noqa: PT017
    else:
        assert report.notes


# -- what f does -------------------------------------------------------------------------------------------------------


def test_what_f_prints_does_not_flood(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print("loss:", float(x.data[0]))
        return (x**2).sum()

    report = tg.check_gradients(f, V)
    printed = capsys.readouterr()
    assert report.passed
    assert len((printed.out + printed.err).splitlines()) <= 1
    assert printed.out or [note for note in report.notes if "print" in note]


def test_printing_is_as_before_after_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print("here")
        raise ZeroDivisionError("by 0")

    with pytest.raises(tg.GradientError):
        tg.check_gradients(f, V)
    capsys.readouterr()
    print("afterwards")
    assert capsys.readouterr().out == "afterwards\n"


def test_an_error_in_f_is_told_with_its_cause() -> None:
    def f(x: Any) -> Any:
        raise KeyError("no such weight")

    with pytest.raises(tg.GradientError) as caught:
        tg.check_gradients(f, V)
    assert isinstance(caught.value.__cause__, KeyError)
    assert "KeyError" in str(caught.value)
    assert "no such weight" in str(caught.value)


def test_an_error_of_shapes_in_f_is_told_with_its_cause() -> None:
    with pytest.raises((tg.GradientError, ValueError)) as caught:
        tg.check_gradients(lambda x: x @ np.ones((2, 2)), V)
    assert "(3,)" in str(caught.value)


def test_an_error_next_to_the_inputs_only_is_no_error_of_the_check() -> None:
    """A step may leave the domain of a function that guards it by raising."""

    def f(x: Any) -> Any:
        if float(x.data) < 0.999:
            raise ValueError("x must be at least 0.999")
        return x**3

    report = tg.check_gradients(f, 1.0, raise_exception=False)
    assert report.verdict in ("ok", "rounding", "truncation")


def test_keyboard_interrupt_passes_through() -> None:
    def f(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tg.check_gradients(f, V)


def test_too_many_and_too_few_inputs_are_told() -> None:
    for f, inputs in [(lambda x: x, (V, V)), (lambda x, y: x + y, (V,))]:
        with pytest.raises((TypeError, tg.GradientError)) as caught:
            tg.check_gradients(f, *inputs)
        assert "argument" in str(caught.value)


def test_a_mutated_input_is_told_apart_and_the_callers_array_is_safe() -> None:
    def f(x: Any) -> Any:
        x.data[0] = 5.0
        return (x**2).sum()

    x = V.copy()
    report = tg.check_gradients(f, x, raise_exception=False)
    assert report.verdict == "input mutated"
    assert not report.passed
    assert "in place" in str(report) or "mutat" in str(report) or "wr" in str(report)
    np.testing.assert_array_equal(x, V)
    with pytest.raises(tg.GradientCheckError):
        tg.check_gradients(f, x)


def test_a_function_that_is_not_deterministic_is_told_apart() -> None:
    random = np.random.default_rng(0)
    report = tg.check_gradients(lambda x: (x * random.normal(size=3)).sum(), V, raise_exception=False)
    assert report.verdict == "not deterministic"
    assert "seed" in str(report)


# -- the inputs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [3, np.int64(3), np.array(3), Fraction(3), 3.0, [3], np.array([3]), True])
def test_whole_numbers_lists_and_fractions_are_checked_as_float64(x: Any) -> None:
    report = tg.check_gradients(lambda v: (v**2).sum(), x)
    assert report.passed
    assert report.rows[0].analytic == 2 * float(np.ravel(np.array(x, float))[0])


def test_booleans_in_an_array_are_numbers_or_refused() -> None:
    try:
        assert tg.check_gradients(lambda v: (v**2).sum(), np.array([True, False])).passed
    except TypeError as error:
        assert "bool" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("error", "inputs", "says"),
    [
        (ValueError, (), "nothing to check"),
        (ValueError, (np.zeros((0, 3)),), "nothing to check"),
        (ValueError, (np.array([1.0, np.nan]),), "nan"),
        (ValueError, (np.array([1.0, -np.inf]),), "inf"),
        (ValueError, (float("nan"),), "nan"),
        (TypeError, (1j,), "complex"),
        (TypeError, (np.array([1.0 + 2j]),), "complex"),
        (TypeError, ("one",), "str"),
        (TypeError, (["a", "b"],), "str"),
        (TypeError, (np.array([object()]),), "object"),
        (TypeError, (np.datetime64("2020-01-01"),), "datetime"),
    ],
    ids=lambda x: re.sub(r" at 0x\w+", "", str(x)),  # the same in every process
)
def test_inputs_that_are_refused_and_why(error: type[Exception], inputs: Any, says: str) -> None:
    assert says in refused(error, lambda *xs: sum(x.sum() for x in xs), *inputs)


def test_a_ragged_list_is_refused() -> None:
    with pytest.raises((ValueError, TypeError)):
        tg.check_gradients(lambda x: x.sum(), [[1.0, 2.0], [3.0]])


def test_an_input_that_is_refused_is_named() -> None:
    assert "y" in refused(ValueError, lambda x, y: x * y, 1.0, np.nan, names=("x", "y"))
    assert "weights" in refused(ValueError, lambda x, y: x * y, 1.0, Value(np.nan, "weights"))


def test_an_empty_input_beside_another_is_no_obstacle() -> None:
    report = tg.check_gradients(lambda x, y: x.sum() + y**2, np.zeros((0, 3)), 2.0)
    assert report.passed
    assert len(report.rows) == 1


def test_an_input_that_is_not_to_be_checked_may_be_anything() -> None:
    labels = np.array([1, 0])
    x = np.array([[0.2, -0.4, 1.0], [0.5, 0.1, 0.3]])
    assert tg.check_gradients(tg.ops.cross_entropy, x, labels, argnums=0).passed
    assert tg.check_gradients(lambda x, how: getattr(tg, how)(x), V, "tanh", argnums=(0,)).passed
    assert tg.check_gradients(lambda s, x: s["factor"] * x, {"factor": 3.0}, V, argnums=1).passed


@pytest.mark.parametrize("argnums", [2, (0, 5), -4])
def test_an_argnum_that_is_not_there_is_told(argnums: Any) -> None:
    with pytest.raises((ValueError, IndexError, TypeError)) as caught:
        tg.check_gradients(lambda x, y: x * y, 1.0, 2.0, argnums=argnums)
    assert "argnums" in str(caught.value)


@pytest.mark.parametrize(
    "how", [{"order": 0}, {"rtol": 0}, {"rtol": -1e-3}, {"samples": 0}, {"step": 0.0}, {"step": -1.0}, {"atol": -1.0}]
)
def test_settings_that_make_no_sense_are_told(how: dict[str, Any]) -> None:
    [(name, value)] = how.items()
    said = refused(ValueError, tg.sin, 1.0, **how)
    assert name in said
    assert str(value) in said


def test_too_few_names_are_told() -> None:
    with pytest.raises(ValueError, match="names"):
        tg.check_gradients(lambda x, y: x * y, 1.0, 2.0, names=("x",))


# -- numpy functions with a gradient of their own ----------------------------------------------------------------------


def test_a_gradient_for_one_input_too_few_is_told() -> None:
    said = str(caught(lambda x, y: x @ y, V, V, gradient=lambda x, y: [y]))
    assert "2" in said
    assert "1" in said


def test_a_gradient_of_another_shape_is_wrong_and_says_both_shapes() -> None:
    said = str(caught(lambda x: (x**2).sum(), V, gradient=lambda x: [np.ones((2, 2))]))
    assert "(2, 2)" in said
    assert "(3,)" in said


def test_a_numpy_function_that_is_not_scalar_is_refused() -> None:
    said = str(caught(lambda x: x**2, V, gradient=lambda x: [2 * x]))
    assert "(3,)" in said


def test_a_gradient_that_raises_is_told_with_its_cause() -> None:
    def gradient(x: Any) -> Any:
        raise KeyError("cache")

    with pytest.raises((tg.GradientError, KeyError), match="cache"):
        tg.check_gradients(lambda x: (x**2).sum(), V, gradient=gradient)


@pytest.mark.parametrize("answer", [None, "2x", [None], ["2x"], [2j * V], {"x": 2 * V}])
def test_a_gradient_that_is_no_number_is_told(answer: Any) -> None:
    assert isinstance(
        caught(lambda x: (x**2).sum(), V, gradient=lambda x: answer), tg.GradientError | TypeError | ValueError
    )


def caught(f: Any, *inputs: Any, **how: Any) -> Exception:
    with pytest.raises((tg.GradientError, TypeError, ValueError)) as error:
        tg.check_gradients(f, *inputs, **how)
    assert "tinygrad" not in str(error.value)
    return error.value


# -- other forms of f --------------------------------------------------------------------------------------------------


def test_a_recorded_loss_is_checked_at_its_leaves() -> None:
    w, b = Value(V, "w"), Value(0.5, "b")
    report = tg.check_gradients((tg.tanh(w) * 2 + b).sum())
    assert report.passed
    assert {row.input for row in report.rows} == {"w", "b"}
    assert w.grad is None


def test_a_loss_without_leaves_has_nothing_to_check() -> None:
    with pytest.raises((ValueError, tg.GradientError), match=r"nothing to check|constant"):
        tg.check_gradients(Value(3.0, requires_grad=False) * 2)


def test_a_model_is_checked_on_a_copy() -> None:
    model = nn.Sequential(nn.Dense(3, 4, "tanh", seed=0), nn.Dense(4, 2, seed=1))
    before = [p.data.copy() for p in model.parameters()]
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert tg.check_gradients(model, x).passed
    assert tg.check_gradients(model, x, np.zeros((5, 2)), loss=nn.mse).passed
    for p, old in zip(model.parameters(), before, strict=True):
        assert p.data.dtype == np.float32
        assert p.grad is None
        np.testing.assert_array_equal(p.data, old)


@pytest.mark.parametrize("f", [3.0, None, "tanh", V, [tg.sin]])
def test_what_is_no_function_is_told(f: Any) -> None:
    with pytest.raises((TypeError, ValueError, tg.GradientError)) as error:
        tg.check_gradients(f, V)
    assert "function" in str(error.value) or "callable" in str(error.value)
