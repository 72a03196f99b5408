"""grad, value_and_grad, vjp, jvp, jacobian and hessian, against closed forms."""

import re
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, grad, hessian, jacobian, jvp, no_grad, value_and_grad, vjp

X, W = np.array([0.5, -1.5, 2.0]), np.array([3.0, 0.25, -1.0])
MATRIX = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.5]])


def plain(x):
    return x.data if isinstance(x, Value) else x


def close(found, wanted, rtol=1e-13):
    """Equal shapes, and numbers equal up to rounding."""
    found = plain(found)
    return np.shape(found) == np.shape(wanted) and np.allclose(found, wanted, rtol=rtol, atol=1e-13)


# grad and value_and_grad. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: x**3, 2.0, 12.0),
        (lambda x: x**3, 2, 12.0),
        (tg.tanh, 0.5, 1 / np.cosh(0.5) ** 2),
        (np.tanh, 0.5, 1 / np.cosh(0.5) ** 2),
        (lambda x: tg.sin(x) / x, 2.0, (2 * np.cos(2.0) - np.sin(2.0)) / 4),
        (lambda x: (x**2).sum(), X, 2 * X),
        (lambda x: (x**2).sum(), [1, 2, 3], np.array([2.0, 4.0, 6.0])),
        (lambda x: tg.logsumexp(x), X, np.exp(X) / np.exp(X).sum()),
        (lambda x: tg.norm(x), X, X / np.sqrt((X**2).sum())),
        (lambda x: x[1] * x[-1], X, np.array([0.0, 2.0, -1.5])),
        (lambda x: (MATRIX @ x) @ (MATRIX @ x), X, 2 * MATRIX.T @ MATRIX @ X),
        (lambda m: (m @ X).sum(), MATRIX, np.tile(X, (2, 1))),
        (lambda x: 2 * x if x > 1 else 3 * x, 0.5, 3.0),
        (lambda x: sum((x - i) ** 2 for i in range(4)), 1.0, -4.0),
    ],
)
def test_grad_is_the_closed_form(f, x, slope):
    found = grad(f)(x)
    assert close(found, slope)
    assert type(found) is (np.ndarray if np.ndim(slope) else float)
    of_value = grad(f)(Value(x))
    assert isinstance(of_value, Value)
    assert close(of_value, slope)


def test_value_and_grad_gives_both():
    value, slope = value_and_grad(lambda x, y: (x * y).sum())(X, 2.0)
    assert (value, type(value)) == ((X * 2).sum(), float)
    assert close(slope, [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("argnums", "slopes"), [(0, 7.0), (1, 2.0), (-1, 2.0), ((0, 1), (7.0, 2.0)), ((1, 0), (2.0, 7.0)), ((1,), (2.0,))]
)
@pytest.mark.parametrize("wrap", [float, Value])
def test_argnums_chooses_arguments(argnums, slopes, wrap):
    found = grad(lambda x, y: x * y + y * 0, argnums)(wrap(2.0), wrap(7.0))
    assert (tuple(map(plain, found)) if isinstance(found, tuple) else plain(found)) == slopes


def test_the_same_value_twice_is_two_arguments():
    x = Value(3.0)
    assert [plain(g) for g in grad(lambda x, y: x * y**2, argnums=(0, 1))(x, x)] == [9.0, 18.0]


def test_arguments_that_are_not_differentiated_pass_as_they_are():
    seen = []

    def f(x, kind, *rest, scale=1.0, **other):
        seen.append((kind, rest, other))
        return x**2 * scale

    assert grad(f)(3.0, "kind", None, scale=5.0, extra=[1]) == 30.0
    assert value_and_grad(f)(3.0, {}, scale=Value(2.0)) == (18.0, 12.0)
    assert seen == [("kind", (None,), {"extra": [1]}), ({}, (), {})]
    assert close(hessian(lambda x, k=1.0: x**3 * k)(2.0, k=5.0), 60.0)
    assert close(jacobian(lambda x, k=1.0: x * k)(X, k=3.0), 3 * np.eye(3))


@pytest.mark.parametrize(
    "f", [lambda x: Value(3.0), lambda x: x.detach().sum(), lambda x: (x > 0).sum() + Value(0.0)], ids=range(3)
)
def test_where_no_way_leads_back_the_gradient_is_zero(f):
    assert close(grad(f)(X), np.zeros(3))
    assert close(grad(f)(Value(X)), np.zeros(3))
    assert close(hessian(f)(X), np.zeros((3, 3)))
    assert close(jvp(f, (X,), (W,))[1], 0.0)
    assert close(vjp(f, X)[1](1.0)[0], np.zeros(3))
    assert close(jacobian(lambda x: f(x) * np.ones(2))(X), np.zeros((2, 3)))


def test_zero_gradients_have_the_dtype_of_their_input():
    assert grad(lambda x: Value(1.0))(np.float32([1.0, 2.0])).dtype == np.float32


# Nothing is touched. --------------------------------------------------------------------------------------------------


def test_no_transform_touches_grad():
    x, other = Value(X, "x"), Value(W, "other")
    inner = x * other
    inner.sum().backward()
    before = [np.copy(v.grad) for v in (x, other, inner)]
    f = lambda v: (v**3 * other * inner).sum()  # noqa: E731
    for use in (grad(f), value_and_grad(f), jacobian(f), hessian(f), grad(lambda v: grad(f)(v).sum())):
        use(x)
        use(X)
    vjp(f, x)[1](1.0)
    jvp(f, (x,), (W,))
    assert all(np.array_equal(v.grad, g) for v, g in zip((x, other, inner), before, strict=True))


def test_numbers_given_and_got_are_nobody_elses():
    x = X.copy()
    value, pullback = vjp(lambda v: v, x)
    value[0], x[1] = 99.0, 99.0
    seed = np.ones(3)
    found = pullback(seed)[0]
    found[0] = 99.0
    assert close(seed, np.ones(3))
    assert close(pullback(W)[0], W)
    x = X.copy()
    value, slope = value_and_grad(lambda v: (v * v).sum())(x)
    slope[0] = 99.0
    assert close(x, X)


def test_a_pullback_may_be_used_many_times_and_later():
    x = X.copy()
    _, pullback = vjp(lambda v: v * v, x)
    x[...] = 0
    for scale in (1.0, 2.0):
        assert close(pullback(W * scale)[0], 2 * X * W * scale)


def test_a_pullback_notices_when_the_value_it_belongs_to_is_changed_in_place():
    x = Value(X, "x")
    _, pullback = vjp(lambda v: v * v, x)
    x.data -= 1
    try:
        found = pullback(np.ones(3))[0]
    except GradientError:
        return
    assert close(found, 2 * X)


# Nesting. -------------------------------------------------------------------------------------------------------------


def test_nested_gradients_do_not_confuse_their_variables():
    f = lambda x: grad(lambda y: x * y)(x)  # noqa: E731
    assert f(5.0) == 5.0
    assert grad(f)(5.0) == 1.0


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: x * grad(lambda y: x + y)(x), 1.0),
        (lambda x: x * grad(lambda y: x * y**2)(x), 6 * 3.0**2),
        (lambda x: grad(lambda y: grad(lambda z: x * y * z)(x))(x), 1.0),
        (lambda x: x * grad(lambda y: y * x)(2.0), 6.0),
        (lambda x: grad(lambda y: y**3 * x)(2.0), 12.0),
        (lambda x: value_and_grad(lambda y: y**3 * x)(2.0)[1], 12.0),
        (lambda x: value_and_grad(lambda y: y**3 * x)(2.0)[0], 8.0),
        (lambda x: vjp(lambda y: y**3 * x, 2.0)[1](1.0)[0], 12.0),
        (lambda x: vjp(lambda y: y**3 * x, 2.0)[0], 8.0),
        (lambda x: jvp(lambda y: y**3 * x, (2.0,), (1.0,))[1], 12.0),
        (lambda x: jacobian(lambda y: y**2 * x)(np.array([1.0, 2.0])).sum(), 6.0),
        (lambda x: hessian(lambda y: y**3 * x)(2.0), 12.0),
        (lambda x: vjp(lambda y: y * 2, 1.0)[1](x)[0], 2.0),
        (lambda x: jvp(lambda y: y * 2, (1.0,), (x,))[1], 2.0),
    ],
    ids=range(14),
)
def test_a_gradient_taken_inside_depends_on_the_outer_variable(f, slope):
    """Also where the inner one is taken at a plain number and x comes in by the closure."""
    assert plain(grad(f)(3.0)) == slope


def test_gradients_to_fourth_order():
    f = lambda x: tg.exp(2 * x) * x  # noqa: E731
    for n in range(1, 5):
        f = grad(f)
        assert f(0.3) == pytest.approx(2 ** (n - 1) * (2 * 0.3 + n) * np.exp(0.6), rel=1e-13)


def test_a_gradient_of_a_value_is_part_of_the_graph():
    x, z = Value(3.0), Value(2.0)
    g = grad(lambda y: y**3 * z)(x)
    g.backward()
    assert (g.data, x.grad, z.grad) == (54.0, 36.0, 27.0)


def test_a_constant_can_be_differentiated_for():
    x = Value(3.0, requires_grad=False)
    assert plain(grad(lambda y: y**3)(x)) == 27.0
    assert plain(grad(grad(lambda y: y**3))(x)) == 18.0
    assert (x.grad, x.requires_grad) == (None, False)


def test_a_fraction_stays_exact():
    x = Fraction(1, 3)
    assert value_and_grad(lambda x: x**4)(x) == (x**4, 4 * x**3)
    assert type(grad(lambda x: x**4)(x)) is Fraction
    assert hessian(lambda x: x**4)(x) == 12 * x**2


# vjp and jvp. ---------------------------------------------------------------------------------------------------------


def test_vjp_is_the_transposed_jacobian():
    value, pullback = vjp(lambda m, x: m @ x, MATRIX, X)
    g = np.array([2.0, -1.0])
    of_m, of_x = pullback(g)
    assert close(value, MATRIX @ X)
    assert close(of_m, np.outer(g, X))
    assert close(of_x, MATRIX.T @ g)
    assert close(pullback([2, -1])[1], MATRIX.T @ g)


def test_jvp_is_the_jacobian_times_a_direction():
    dm, dx = np.ones((2, 3)), W
    value, tangent = jvp(lambda m, x: m @ x, (MATRIX, X), (dm, dx))
    assert close(value, MATRIX @ X)
    assert close(tangent, dm @ X + MATRIX @ dx)
    assert jvp(lambda x: x**2, [3.0], [2.0]) == (9.0, 12.0)
    assert type(jvp(lambda x: x**2, [3.0], [2.0])[1]) is float


def test_jvp_of_a_gradient_is_the_hessian_times_a_direction():
    f = lambda x: (x**3).sum() + x[0] * x[2]  # noqa: E731
    wanted = np.diag(6 * X) + np.eye(3)[[2, 1, 0]] * [1, 0, 1]
    assert close(jvp(grad(f), (X,), (W,))[1], wanted @ W)
    assert close(hessian(f)(X), wanted)


def test_values_in_values_out_and_differentiable_again():
    x = Value(X)
    value, pullback = vjp(lambda v: v**2, x)
    assert [isinstance(v, Value) for v in (value, *pullback(W))] == [True, True]
    value, tangent = jvp(lambda v: v**2, (x,), (W,))
    assert [isinstance(v, Value) for v in (value, tangent)] == [True, True]
    tangent.sum().backward()
    assert close(x.grad, 2 * W)
    seed = Value(W)
    found = vjp(lambda v: v**2, X)[1](seed)[0]
    found.sum().backward()
    assert close(seed.grad, 2 * X)


@pytest.mark.parametrize("x", [np.float32([1.0, 2.0]), np.float32([[1.0, 2.0]])])
def test_float32_stays_float32(x):
    square = lambda v: v * v  # noqa: E731
    assert grad(lambda v: (v * v).sum())(x).dtype == np.float32
    assert jacobian(square)(x).dtype == np.float32
    assert hessian(lambda v: (v**3).sum())(x).dtype == np.float32
    assert [a.dtype for a in (vjp(square, x)[0], *vjp(square, x)[1](np.ones(x.shape)))] == [np.float32] * 2
    assert [a.dtype for a in jvp(square, (x,), (x,))] == [np.float32] * 2


# jacobian and hessian. ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (lambda x: x**2, 3.0, 6.0),
        (lambda x: x**2, X, np.diag(2 * X)),
        (lambda x: MATRIX @ x, X, MATRIX),
        (lambda x: x.sum(), X, np.ones(3)),
        (lambda x: tg.stack([x, x**2]), 3.0, np.array([1.0, 6.0])),
        (lambda x: x[0] * x, X, np.diag([X[0]] * 3) + np.outer(X, [1, 0, 0])),
        (lambda m: m.T, MATRIX, np.einsum("ik,jl->jikl", np.eye(2), np.eye(3))),
        (lambda x: Value([1.0, 2.0]), X, np.zeros((2, 3))),
        (lambda x: x * 2, np.zeros(0), np.zeros((0, 0))),
        (lambda x: x[:0], X, np.zeros((0, 3))),
    ],
    ids=range(10),
)
def test_jacobian_is_the_closed_form(f, x, wanted):
    assert close(jacobian(f)(x), wanted)
    assert close(jacobian(f)(Value(x)), wanted)


def test_jacobian_and_hessian_of_another_argument():
    assert close(jacobian(lambda x, y: x * y**2, argnums=1)(X, W), np.diag(2 * X * W))
    assert close(hessian(lambda x, y: (x * y**3).sum(), argnums=1)(X, W), np.diag(6 * X * W))


@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (lambda x: x**3, 2.0, 12.0),
        (lambda x: x[0] ** 2 * x[1], X, np.array([[2 * X[1], 2 * X[0], 0], [2 * X[0], 0, 0], [0, 0, 0]])),
        (lambda x: (x**3).sum(), X, np.diag(6 * X)),
        (lambda x: x.sum(), X, np.zeros((3, 3))),
        (lambda x: x @ (MATRIX.T @ MATRIX) @ x, X, 2 * MATRIX.T @ MATRIX),
        (tg.logsumexp, X, np.diag(np.exp(X) / np.exp(X).sum()) - np.outer(*[np.exp(X) / np.exp(X).sum()] * 2)),
        (lambda m: (m**2).sum(), MATRIX, 2 * np.einsum("ik,jl->ijkl", np.eye(2), np.eye(3))),
    ],
    ids=range(7),
)
def test_hessian_is_the_closed_form(f, x, wanted):
    assert close(hessian(f)(x), wanted)
    assert close(hessian(f)(Value(x)), wanted)


def test_third_derivatives_by_jacobian_of_hessian():
    wanted = np.zeros((3, 3, 3))
    wanted[range(3), range(3), range(3)] = 6
    assert close(jacobian(hessian(lambda x: (x**3).sum()))(X), wanted)
    assert close(jacobian(jacobian(lambda x: x**3))(X)[range(3), range(3), range(3)], 6 * X)


# Modes. ---------------------------------------------------------------------------------------------------------------


def test_a_transform_inside_no_grad_still_differentiates():
    """It records on nodes of its own; silent zeros would be wrong (torch.func.grad does the same)."""
    with no_grad():
        assert grad(lambda x: x**2)(3.0) == 6.0
        assert close(jacobian(lambda x: x**2)(X), np.diag(2 * X))
        assert close(vjp(lambda x: x**2, X)[1](W)[0], 2 * X * W)
        assert close(jvp(lambda x: x**2, (X,), (W,))[1], 2 * X * W)
        assert close(hessian(lambda x: x**3)(2.0), 12.0)


def test_no_grad_inside_the_function_holds():
    def f(x):
        with no_grad():
            constant = x * 2
        return x * constant

    assert grad(f)(3.0) == 6.0


def test_no_grad_around_an_inner_gradient_makes_it_a_constant():
    def f(x):
        with no_grad():
            constant = grad(lambda y: y * x)(2.0)
            of_value = grad(lambda y: y * x)(Value(2.0))
        return x * constant + x * of_value

    assert grad(f)(3.0) == 6.0


# What is refused. -----------------------------------------------------------------------------------------------------

KINDS = (IndexError, ValueError, TypeError)


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        (lambda: grad(lambda x: 3.0)(2.0), GradientError, "The function returned float, not a Value"),
        (lambda: grad(lambda x: x.data * 2)(X), GradientError, "float(v), v.item() or v.data inside it"),
        (lambda: grad(lambda x: None)(X), GradientError, "The function returned NoneType, not a Value"),
        (lambda: vjp(lambda x: (x, x), 1.0), GradientError, "The function returned tuple, not a Value"),
        (lambda: jacobian(lambda x: [x])(1.0), GradientError, "The function returned list, not a Value"),
        (lambda: jvp(lambda x: x.item(), (1.0,), (1.0,)), GradientError, "The function returned float, not a Value"),
        (lambda: grad(lambda x: x * 2)(X), GradientError, "grad needs a function with a scalar result, not one of "
         "shape (3,): take .sum() or .mean(), or use tg.jacobian or tg.vjp."),
        (lambda: hessian(lambda x: x**2)(X), GradientError, "a scalar result, not one of shape (3,)"),
        (lambda: vjp(lambda x: x, X)[1](1.0), GradientError, "The gradient has shape (), the value (3,)."),
        (lambda: vjp(lambda x: x, 1.0)[1](X), GradientError, "The gradient has shape (3,), the value ()."),
        (lambda: vjp(lambda x: x, 1.0)[1]("a"), TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda: jvp(lambda x: x, (X,), (1.0,)), GradientError, "A tangent has shape (), its input (3,)."),
        (lambda: grad(lambda x: x)("a"), TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda: grad(lambda x: x.gard)(1.0), AttributeError, "gard"),
        (lambda: grad(lambda x, y: x * y, argnums=2)(1.0, 2.0), KINDS, "argnums"),
        (lambda: grad(lambda x, y: x * y, argnums=(0, -3))(1.0, 2.0), KINDS, "argnums"),
        (lambda: jacobian(lambda x, y: x * y, argnums=(0, 1))(1.0, 2.0), KINDS, "argnums"),
        (lambda: jvp(lambda x: x, 3.0, 1.0), KINDS, "inputs"),
        (lambda: jvp(lambda x: x, (3.0,), (1.0, 2.0)), KINDS, "tangent"),
    ],
    ids=range(19),
)  # fmt: skip
def test_bad_input_is_explained(write, error, text):
    with pytest.raises(error, match=re.escape(text)):
        write()
