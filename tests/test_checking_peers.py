"""Functions of other people through the same check: NumPy callables with a gradient of their own, right and wrong.

The wrong ones have all been published: a softmax gradient without its off-diagonal part, exp's rule times 17 (which
SmallPebble's checker accepts), a logsumexp that computes in float32. The right ones come from HIPS autograd and
PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

X = np.array([0.3, -1.1, 0.8, 2.0])
C = np.array([1.0, -2.0, 0.5, 3.0])
M = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def loss(x: Any) -> Any:
    return np.sum(C * softmax(x))


def softmax_gradient(x: Any) -> Any:
    y = softmax(x)
    return y * (C - np.sum(C * y))


def checked(f: Any, *inputs: Any, gradient: Any, **how: Any) -> Any:
    return tg.check_gradients(f, *inputs, gradient=gradient, raise_exception=False, **how)


def logsumexp32(x: Any) -> Any:
    """As careful as it gets, in single precision."""
    x = np.asarray(x, np.float32)
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def test_softmax_with_the_whole_of_its_gradient() -> None:
    report = checked(loss, X, gradient=lambda x: [softmax_gradient(x)])
    assert report.passed
    assert report.verdict == "ok"
    assert [row.input for row in report.rows] == ["x"] * 4


def test_softmax_with_the_diagonal_only() -> None:
    """`y * (1 - y)`, as if softmax were sigmoid: each probability has a hand in all the others."""
    report = checked(loss, X, gradient=lambda x: [C * softmax(x) * (1 - softmax(x))])
    assert not report.passed
    assert report.verdict == "wrong"
    assert {row.verdict for row in report.rows} == {"wrong"}


def test_softmax_with_the_diagonal_only_hidden_behind_cross_entropy() -> None:
    """With the loss -log(y[k]) the diagonal gives y - 1 at k, which is right, and 0 elsewhere, which is not."""
    k = 2
    report = checked(lambda x: -np.log(softmax(x)[k]), X, gradient=lambda x: [np.eye(4)[k] * (softmax(x)[k] - 1)])
    assert {row.element: row.verdict for row in report.rows} == {
        (0,): "wrong",
        (1,): "wrong",
        (2,): "ok",
        (3,): "wrong",
    }
    assert report.findings[0].kind


@pytest.mark.parametrize("wrap", [lambda g: g, lambda g: [g], lambda g: (g,)], ids=["bare", "list", "tuple"])
def test_the_factor_17_that_another_checker_accepts(wrap: Any) -> None:
    report = checked(lambda x: np.exp(x).sum(), X, gradient=lambda x: wrap(17 * np.exp(x)))
    assert report.verdict == "wrong"
    finding = report.findings[0]
    assert finding.kind == "factor"
    assert "17" in finding.text
    assert checked(lambda x: np.exp(x).sum(), X, gradient=lambda x: wrap(np.exp(x))).verdict == "ok"


@pytest.mark.parametrize("far", [0.0, 100.0, 1000.0])
def test_a_logsumexp_in_float32_is_told_as_rounding(far: float) -> None:
    """Its gradient is right: it is the function whose values are known to seven digits only."""
    report = checked(logsumexp32, X + far, gradient=lambda x: [softmax(x)])
    assert report.passed
    assert report.verdict == "rounding"
    assert any("float32" in text or "round" in text for text in [*report.notes, *(row.evidence for row in report.rows)])


def test_a_wrong_gradient_of_a_logsumexp_in_float32_is_wrong_all_the_same() -> None:
    report = checked(logsumexp32, X + 100.0, gradient=lambda x: [2 * softmax(x)])
    assert report.verdict == "wrong"
    assert report.findings[0].kind == "factor"


def test_a_logsumexp_that_overflows_is_not_finite() -> None:
    with np.errstate(over="ignore"):
        try:
            report = checked(
                lambda x: np.log(np.sum(np.exp(x.astype(np.float32)))), X + 100.0, gradient=lambda x: [softmax(x)]
            )
            assert report.verdict == "not finite"
        except tg.GradientError as error:
            assert "not finite" in str(error)  # noqa: PT017


def test_without_raise_exception_false_it_raises() -> None:
    with pytest.raises(tg.GradientCheckError) as caught:
        tg.check_gradients(loss, X, gradient=lambda x: [-softmax_gradient(x)])
    assert caught.value.report.findings[0].kind == "sign"


# -- by other libraries ------------------------------------------------------------------------------------------------

FUNCTIONS = {
    "softmax": lambda np, x: np.sum(np.exp(x) / np.sum(np.exp(x)) * x),
    "logsumexp": lambda np, x: np.log(np.sum(np.exp(x))),
    "a product of matrices": lambda np, x: np.sum((x @ x.T) ** 2),
    "a network": lambda np, x: np.sum(np.tanh(np.tanh(x @ x.T) @ x) ** 2),
    "a rational function": lambda np, x: np.sum(x / (1 + x**2)),
    "a length": lambda np, x: np.sqrt(np.sum(x**2)),
    "a bell": lambda np, x: np.sum(np.exp(-(x**2) / 2)),
    "|x| away from its kinks": lambda np, x: np.sum(np.abs(x) ** 1.5),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_by_hips_autograd(name: str) -> None:
    autograd = pytest.importorskip("autograd", reason="compares with HIPS autograd: pip install autograd")
    import autograd.numpy as anp

    f = lambda x: FUNCTIONS[name](anp, x)  # noqa: E731
    gradient = autograd.grad(f)
    report = checked(f, M, gradient=gradient)
    assert report.verdict == "ok", report
    report = checked(f, M, gradient=lambda x: 17 * gradient(x))
    assert report.verdict == "wrong", report
    assert report.findings[0].kind == "factor"


@pytest.mark.oracle
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("slip", [None, "sign", "factor"])
def test_gradients_by_pytorch(name: str, slip: str | None) -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch")

    def gradient(x: Any) -> Any:
        leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        seen = (leaf + leaf.detach()) / 2 if slip == "factor" else leaf
        FUNCTIONS[name](torch, seen).backward()
        return [-leaf.grad.numpy() if slip == "sign" else leaf.grad.numpy()]

    report = checked(lambda x: FUNCTIONS[name](np, x), M, gradient=gradient)
    assert report.verdict == ("ok" if slip is None else "wrong"), report
    assert slip is None or report.findings[0].kind == slip


@pytest.mark.oracle
def test_a_torch_gradient_in_float32_of_a_float64_function_is_rounding_or_ok() -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch")

    def gradient(x: Any) -> Any:
        leaf = torch.tensor(x, dtype=torch.float32, requires_grad=True)
        torch.logsumexp(leaf, 0).backward()
        return [leaf.grad.numpy()]

    report = checked(lambda x: np.log(np.exp(x).sum()), X, gradient=gradient)
    assert report.verdict in ("ok", "rounding"), report
