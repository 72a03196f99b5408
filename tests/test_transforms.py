"""grad, value_and_grad, vjp, jvp, jacobian, hessian and hvp, against closed forms and differences."""

import gc
import re
import tracemalloc
from collections import OrderedDict, defaultdict, namedtuple
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, grad, hessian, hvp, jacobian, jvp, no_grad, value_and_grad, vjp
from tinygrad_edu.trees import flatten, match, unflatten

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
        (lambda x: x**3, X, np.einsum("ij,ik,i->ijk", np.eye(3), np.eye(3), 6 * X)),
        (
            lambda x: x[:2] * x[2],
            X,
            np.stack([np.eye(3)[[2, 1, 0]] * [1, 0, 1], np.eye(3)[[0, 2, 1]] * [[0], [1], [1]]]),
        ),
        (lambda x: x**3 * np.ones((2, 1)), 2.0, np.full((2, 1), 12.0)),
        (lambda x: x @ (MATRIX.T @ MATRIX) @ x, X, 2 * MATRIX.T @ MATRIX),
        (tg.logsumexp, X, np.diag(np.exp(X) / np.exp(X).sum()) - np.outer(*[np.exp(X) / np.exp(X).sum()] * 2)),
        (lambda m: (m**2).sum(), MATRIX, 2 * np.einsum("ik,jl->ijkl", np.eye(2), np.eye(3))),
    ],
    ids=range(10),
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


# Trees. ---------------------------------------------------------------------------------------------------------------

Layer = namedtuple("Layer", "w b")


def parameters():
    """A tree of depth three with every kind of container, and nothing in some of them."""
    second = {"readout": (np.array([1.5, -0.5]), 0.25), "scale": [2.0, np.array([0.5, 3.0])]}
    return {"layers": [Layer(MATRIX.copy(), np.array([0.5, -1.0])), second], "none": None, "empty": ([], {}, ())}


def network(p, x):
    """Every leaf of `parameters()` takes part, none of them linearly alone."""
    (w, b), second = p["layers"]
    (v, c), (scale, shifts) = second["readout"], second["scale"]
    h = tg.tanh(w @ x + b)
    return scale * (h * shifts) @ v + c**2 * tg.sin(h[0]) + (shifts**2).sum() * scale


def leaves_of(p):
    """The leaves of a tree like `parameters()`, taken out by hand."""
    (w, b), second = p["layers"]
    (v, c), (scale, shifts) = second["readout"], second["scale"]
    return w, b, v, c, scale, shifts


def numbers_of(p):
    """The same as one vector."""
    return np.concatenate([np.ravel(plain(x)) for x in leaves_of(p)])


def tree_of(vector):
    """And back."""
    w, b, v, c, scale, shifts = np.split(vector, [6, 8, 10, 11, 12])
    second = {"readout": (v, c[0]), "scale": [scale[0], shifts]}
    return {"layers": [Layer(w.reshape(2, 3), b), second], "none": None, "empty": ([], {}, ())}


START = numbers_of(parameters())
DIRECTION = np.linspace(-1.0, 2.0, len(START))
ON_VECTORS = lambda vector: network(tree_of(vector), X)  # noqa: E731


def differences(f, x, step=1e-6):
    """Central differences of a function of a vector of numbers, one column for each of them."""
    columns = [(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


def structure(tree):
    """Types, keys in their order, and shapes."""
    if isinstance(tree, dict):
        return type(tree), [(key, structure(x)) for key, x in tree.items()]
    if isinstance(tree, list | tuple):
        return type(tree), [structure(x) for x in tree]
    return None if tree is None else np.shape(tree)


def mapped(f, tree):
    """The same tree with f(x) for each leaf x."""
    if isinstance(tree, dict):
        return {key: mapped(f, x) for key, x in tree.items()}
    if isinstance(tree, list | tuple):
        return getattr(tree, "_make", type(tree))([mapped(f, x) for x in tree])
    return None if tree is None else f(tree)


def of_values(tree):
    """The same tree of Values."""
    return mapped(Value, tree)


def test_the_tree_and_the_vector_of_these_tests_agree():
    assert structure(tree_of(START)) == structure(parameters())
    assert np.array_equal(numbers_of(tree_of(DIRECTION)), DIRECTION)
    assert len(START) == 14


@pytest.mark.parametrize("wrap", [lambda p: p, of_values], ids=["numbers", "Values"])
def test_the_gradient_of_a_tree_is_a_tree_of_the_same_structure(wrap):
    value, slopes = value_and_grad(network)(wrap(parameters()), X)
    assert close(value, plain(network(of_values(parameters()), X)))
    assert structure(slopes) == structure(parameters())
    assert np.allclose(numbers_of(slopes), differences(ON_VECTORS, START), rtol=1e-7)
    leaf = slopes["layers"][1]["scale"][0]
    assert isinstance(leaf, Value if wrap is of_values else float)


def test_a_gradient_of_trees_can_be_differentiated_again():
    """The squared length of the gradient, by its own gradient."""
    length = lambda p: sum(tg.sum(x**2) for x in leaves_of(grad(network)(p, X)))  # noqa: E731
    of_vector = lambda vector: (numbers_of(grad(network)(tree_of(vector), X)) ** 2).sum()  # noqa: E731
    assert np.allclose(numbers_of(grad(length)(parameters())), differences(of_vector, START), rtol=1e-6, atol=1e-8)


def test_containers_keep_their_type_and_dicts_the_order_of_their_keys():
    Pair = namedtuple("Pair", "x y")

    class Weights(list):
        pass

    fallback = defaultdict(float, {"z": 1.0, "a": X})
    tree = [Pair(X, 2.0), OrderedDict([("z", 3.0), ("a", W)]), {"z": 1.0, "y": {}, "a": X}, fallback, Weights([X]), ()]
    found = grad(lambda t: t[0].y * t[0].x.sum() * t[1]["z"] + t[3]["z"] * t[4][0][1])(tree)
    assert structure(found) == structure(tree)
    assert found[3]["missing"] == 0.0
    assert (found[0].y, found[1]["z"], found[3]["z"]) == (X.sum() * 3, X.sum() * 2, X[1])
    assert close(found[4][0], [0.0, 1.0, 0.0])


@pytest.mark.parametrize("tree", [{}, [], (), None, {"a": [], "b": (None, {})}, [[], []]], ids=str)
def test_a_tree_of_nothing_has_a_gradient_of_nothing(tree):
    seen = []
    f = lambda t, x: seen.append(t) or x**2  # noqa: E731
    assert grad(f)(tree, Value(3.0)) == tree
    assert grad(f, argnums=(0, 1))(tree, 3.0) == (tree, 6.0)
    assert jvp(f, (tree, 3.0), (tree, 1.0)) == (9.0, 6.0)
    assert hessian(lambda t, x: f(t[0], x))((tree,), Value(3.0)) == (tree,)
    assert seen == [tree] * len(seen) != []


@pytest.mark.parametrize(
    ("tree", "kinds"),
    [
        ([1, 2, 3], Value),
        ([[1, 2], [3, 4]], Value),
        ([True, 2.5, np.float64(3)], Value),
        ([np.float32(1), np.float32(2)], Value),
        (3, Value),
        ((1.0, 2.0), (tuple, [Value, Value])),
        (([1.0, 2.0], 3), (tuple, [Value, Value])),
        ([X, 2.0], (list, [Value, Value])),
        ([Value(1.0), 2.0], (list, [Value, Value])),
        ([[1.0], (2.0,)], (list, [Value, (tuple, [Value])])),
        ([1.0, None], (list, [Value, None])),
        ([Fraction(1, 2), 1.0], (list, [Value, Value])),
        ([[1.0], []], (list, [Value, (list, [])])),
        ({"a": [1.0, 2.0], "b": [[]]}, (dict, [("a", Value), ("b", (list, [(list, [])]))])),
    ],
    ids=str,
)
def test_a_list_of_plain_numbers_is_an_array_and_every_other_container_a_container(tree, kinds):
    def kinds_of(x):
        if isinstance(x, dict):
            return dict, [(key, kinds_of(part)) for key, part in x.items()]
        return (type(x), [kinds_of(part) for part in x]) if isinstance(x, list | tuple) else KIND[type(x)]

    KIND = {Value: Value, type(None): None}
    seen = []
    grad(lambda x: seen.append(kinds_of(x)) or Value(0.0))(tree)
    assert seen == [kinds]


def test_fractions_in_a_tree_stay_exact():
    x = {"a": Fraction(1, 3), "b": [Fraction(2, 7), 1.0]}
    f = lambda t: t["a"] ** 2 * t["b"][0]  # noqa: E731
    assert grad(f)(x) == {"a": Fraction(4, 21), "b": [Fraction(1, 9), 0.0]}
    assert jvp(lambda t: t**3, (Fraction(1, 3),), (Fraction(1, 2),)) == (Fraction(1, 27), Fraction(1, 6))
    value, (product,) = hvp(lambda t: t**3, (Fraction(1, 3),), (Fraction(1, 2),))
    assert (value, product, type(product)) == (Fraction(1, 27), 1, Fraction)


def test_float32_and_float64_live_side_by_side_in_a_tree():
    single = {"w": np.float32([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    f = lambda p: (p["w"] * p["b"]).sum()  # noqa: E731
    for found in (grad(f)(single), vjp(f, single)[1](1.0)[0], hvp(f, (single,), (single,))[1][0]):
        assert {key: x.dtype for key, x in found.items()} == {"w": np.float32, "b": np.float64}
    found = jacobian(lambda x: x * np.float32([1.0, 2.0]))(3.0)
    assert (found.dtype, found.tolist()) == (np.float32, [1.0, 2.0])
    assert jvp(lambda x: x * np.float32([1.0, 2.0]), (3.0,), (1.0,))[1].dtype == np.float32


def test_numbers_in_trees_given_and_got_are_nobody_elses():
    p = parameters()
    value, pullback = vjp(lambda q: q, p)
    value["layers"][0].w[0, 0] = 99.0
    p["layers"][0].w[0, 1] = 99.0
    del p["none"], p["layers"][1]
    found = pullback(parameters())
    assert structure(found) == (tuple, [structure(parameters())])
    assert np.array_equal(numbers_of(found[0]), START)


def test_writing_into_what_a_transform_gave_does_not_change_its_pullback():
    value, pullback = vjp(lambda x: {"a": [tg.exp(x)]}, X)
    value["a"][0][...] = 0
    first = pullback({"a": [W]})[0]
    first[...] = 0
    assert close(pullback({"a": [W]})[0], W * np.exp(X))


def test_a_seed_or_tangent_may_be_changed_after_it_was_used():
    for use in (lambda x, v: vjp(lambda x: x**2, x)[1](v)[0], lambda x, v: jvp(lambda x: x**2, (x,), (v,))[1]):
        x, v = Value(X), W.copy()
        found = use(x, v)
        v[...] = 0
        found.sum().backward()
        assert close(x.grad, 2 * W)


def test_a_function_may_change_the_containers_that_it_is_given():
    p = {"a": 2.0, "b": [X, 3.0]}
    found = grad(lambda q: q.pop("a") * q["b"].pop())(p)
    assert (found["a"], found["b"][1], list(p), len(p["b"])) == (3.0, 2.0, ["a", "b"], 2)


def test_transforms_of_trees_never_touch_grad():
    p = of_values(parameters())
    leaves = flatten(p)[1]
    network(p, X).backward()
    before = [np.copy(v.grad) for v in leaves]
    for use in (grad(network), jacobian(network), hessian(network)):
        use(p, X)
    vjp(network, p, X)[1](1.0)
    jvp(network, (p, X), (p, W))
    hvp(network, (p, X), (p, W))
    assert [structure(v.grad) for v in leaves] == [structure(g) for g in before]
    assert all(np.array_equal(v.grad, g) for v, g in zip(leaves, before, strict=True))


def test_nothing_is_left_for_the_collector():
    gc.collect()
    gc.freeze()  # what other tests have left behind is not looked at
    gc.disable()
    try:
        for q in (parameters(), of_values(parameters())):
            grad(network)(q, X)
            vjp(lambda p, x: {"y": network(p, x), "p": p}, q, X)
            jvp(network, (q, X), (q, W))
            jacobian(lambda p: [p["layers"][0].w @ X, 2.0])(q)
            hvp(network, (q, X), (q, W))
        assert gc.collect() == 0
    finally:
        gc.enable()


# Trees that functions return. -----------------------------------------------------------------------------------------


def several(x, y):
    return {"sum": x + y, "parts": (x * y, [3.0, np.arange(2), None]), "x": x}


def test_vjp_takes_and_gives_trees():
    value, pullback = vjp(several, X, 2.0)
    assert structure(value) == (
        dict,
        [("sum", (3,)), ("parts", (tuple, [(3,), (list, [(), (2,), None])])), ("x", (3,))],
    )
    assert close(value["parts"][0], X * 2)
    assert (value["parts"][1][0], value["parts"][1][1].tolist()) == (3.0, [0, 1])
    of_x, of_y = pullback({"sum": W, "parts": (X, [9.0, [9.0, 9.0], None]), "x": np.ones(3)})
    assert close(of_x, W + X * 2 + 1)
    assert close(of_y, W.sum() + (X * X).sum())


def test_jvp_takes_and_gives_trees():
    value, tangent = jvp(several, (X, 2.0), (W, 0.5))
    assert structure(tangent) == structure(value)
    assert close(tangent["sum"], W + 0.5)
    assert close(tangent["parts"][0], W * 2 + X * 0.5)
    assert close(tangent["x"], W)
    assert (tangent["parts"][1][0], tangent["parts"][1][1].tolist()) == (0.0, [0.0, 0.0])
    value, tangent = jvp(network, (tree_of(START), X), (tree_of(DIRECTION), np.zeros(3)))
    assert np.allclose(tangent, differences(ON_VECTORS, START) @ DIRECTION, rtol=1e-7)


def test_jvp_along_inputs_of_which_some_are_not_used():
    assert jvp(lambda x, y, z: x**2, (3.0, 4.0, X), (1.0, 5.0, W)) == (9.0, 6.0)
    assert jvp(lambda x, y: Value(2.0), (3.0, {"a": 4.0}), (1.0, {"a": 5.0})) == (2.0, 0.0)


def test_the_same_result_twice_counts_twice():
    assert vjp(lambda x: (x, x, x * x), 3.0)[1]((1.0, 10.0, 100.0)) == (611.0,)
    assert jvp(lambda x: [x, x], (3.0,), (2.0,)) == ([3.0, 3.0], [2.0, 2.0])


def test_trees_of_values_out_for_a_value_anywhere_in():
    value, pullback = vjp(several, X, Value(2.0))
    (of_x, of_y), (_, tangent) = pullback(value), jvp(several, (X, 2.0), (W, Value(0.5)))
    for x in (value["sum"], value["parts"][1][0], of_x, of_y, tangent["x"], tangent["parts"][1][1]):
        assert isinstance(x, Value)
    seed = Value(W)
    (found,) = vjp(lambda x: (x**2, x), X)[1]((seed, np.zeros(3)))
    found.sum().backward()
    assert close(seed.grad, 2 * X)
    for found in (grad(lambda x, k: x * k)(3.0, Value(2.0)), grad(lambda x, k: x * k)(3.0, k=Value(2.0))):
        assert isinstance(found, Value)


def test_jacobian_of_trees_has_the_structure_of_the_value_and_in_it_that_of_the_input():
    f = lambda p, k: (p["a"] * p["b"] * k, {"const": 5.0, "row": np.zeros(2), "b": p["b"]})  # noqa: E731
    found = jacobian(f, argnums=(0, 1))({"a": X, "b": 3.0}, 2.0)
    block = lambda *shape: (tuple, [(dict, [("a", (*shape, 3)), ("b", shape)]), shape])  # noqa: E731
    assert structure(found) == (tuple, [block(3), (dict, [("const", block()), ("row", block(2)), ("b", block())])])
    assert close(found[0][0]["a"], 6 * np.eye(3))
    assert close(found[0][0]["b"], 2 * X)
    assert close(found[0][1], 3 * X)
    assert (found[1]["b"][0]["b"], found[1]["b"][1]) == (1.0, 0.0)
    assert not np.any(found[1]["row"][0]["a"])
    assert jacobian(lambda x: [x, np.arange(2)])(3.0)[1].dtype == np.float64


def test_jacobian_with_respect_to_several_arguments():
    of_y, of_x = jacobian(lambda x, y: x * y**2, argnums=(1, 0))(X, W)
    assert close(of_y, np.diag(2 * X * W))
    assert close(of_x, np.diag(W**2))
    assert jacobian(lambda x, y: x * y, argnums=())(Value(X), W) == ()
    assert close(jacobian(lambda x, y: x * y, argnums=(-1,))(X, W)[0], np.diag(X))


def test_hessian_of_a_tree_is_a_tree_of_trees():
    found = hessian(network)(tree_of(START), X)
    assert structure(found["layers"][0].b) == structure(mapped(lambda x: np.zeros((2, *np.shape(x))), parameters()))
    rows = [
        numbers_of(mapped(lambda block: np.asarray(block)[i], row))  # noqa: B023
        for row, x in zip(leaves_of(found), leaves_of(parameters()), strict=True)
        for i in np.ndindex(np.shape(x))
    ]
    slopes = lambda vector: numbers_of(grad(network)(tree_of(vector), X))  # noqa: E731
    assert np.allclose(rows, differences(slopes, START), rtol=1e-6, atol=1e-8)


def test_hessian_with_respect_to_several_arguments_is_a_tuple_of_blocks():
    (xx, xy), (yx, yy) = hessian(lambda x, y, k=1.0: k * (x * y**2).sum(), argnums=(0, 1))(X, W, k=3.0)
    assert close(xx, np.zeros((3, 3)))
    assert close(xy, 3 * np.diag(2 * W))
    assert close(yx, 3 * np.diag(2 * W))
    assert close(yy, 3 * np.diag(2 * X))
    found = hessian(lambda x, y: {"a": x * y, "b": [x**2 * y]}, argnums=(1, 0))(X, 2.0)
    assert structure(found["a"]) == (tuple, [(tuple, [(3,), (3, 3)]), (tuple, [(3, 3), (3, 3, 3)])])
    assert close(found["a"][0][1], np.eye(3))
    assert close(found["b"][0][1][0], np.diag(2 * X))
    assert close(found["b"][0][1][1], 4 * np.einsum("ij,ik->ijk", np.eye(3), np.eye(3)))


@pytest.mark.parametrize("x", [X, MATRIX, 0.5, np.zeros((0, 2))], ids=np.shape)
def test_jacobian_is_the_stack_of_pullbacks_and_of_pushforwards(x):
    f = lambda x: tg.stack([tg.tanh(x) * tg.sum(x), tg.exp(x) * x])  # noqa: E731
    found, (value, pullback) = jacobian(f)(x), vjp(f, x)
    assert found.shape == value.shape + np.shape(x)
    for i in np.ndindex(value.shape):
        assert close(pullback(one_at(i, value.shape))[0], found[i])
    for i in np.ndindex(np.shape(x)):
        assert close(jvp(f, (x,), (one_at(i, np.shape(x)),))[1], found[(..., *i)])


def one_at(i, shape):
    """One element 1, the others 0."""
    unit = np.zeros(shape)
    unit[i] = 1.0
    return unit


def test_the_work_of_a_jacobian_grows_with_its_rows_only():
    """The function is run once, however many elements its value has."""
    calls = []
    found = jacobian(lambda x: calls.append(1) or tg.tanh(x) * x[0])(np.linspace(0.1, 1.0, 200))
    assert (len(calls), found.shape) == (1, (200, 200))


# Keyword arguments. ---------------------------------------------------------------------------------------------------


def test_keyword_arguments_are_passed_through_by_every_transform():
    f = lambda x, *, power, function=None: (x**power).sum() + 0 * function  # noqa: E731
    own = {"power": 3, "function": 5.0}  # also one that is named like a parameter of the transforms
    assert vjp(f, X, **own)[0] == (X**3).sum()
    assert close(vjp(f, X, **own)[1](2.0)[0], 6 * X**2)
    assert close(jvp(f, (X,), (W,), **own)[1], 3 * X**2 @ W)
    assert close(hvp(f, (X,), (W,), **own)[1][0], 6 * X * W)
    assert close(grad(f)(X, **own), 3 * X**2)
    assert close(hessian(f)(X, **own), np.diag(6 * X))


def test_a_keyword_argument_is_chosen_by_its_name():
    f = lambda x, w=1.0, b=0.0: (w * x).sum() + b**2  # noqa: E731
    assert close(grad(f, argnums="w")(X, w=W), X)
    assert value_and_grad(f, argnums=("b", 0))(X, b=3.0)[1][0] == 6.0
    assert close(grad(f, argnums=("b", 0))(X, w=W, b=3.0)[1], W)
    assert close(jacobian(f, argnums="w")(X, w={"a": W}["a"]), X)
    assert hessian(f, argnums="b")(X, b=3.0) == 2.0
    assert grad(lambda *, p: p["a"] ** 2, argnums="p")(p={"a": 3.0}) == {"a": 6.0}


def test_an_argument_named_twice_has_its_gradient_twice():
    assert grad(lambda x, y: x * y, argnums=(0, 0, -2))(3.0, 5.0) == (5.0, 5.0, 5.0)


# hvp. -----------------------------------------------------------------------------------------------------------------

CURVED = [tg.tanh, tg.sin, tg.exp, tg.sigmoid, tg.square, tg.softplus]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(CURVED), min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_hvp_is_the_hessian_times_a_vector(functions, n, seed):
    random = np.random.default_rng(seed)
    x, v, weights = random.normal(size=n), random.normal(size=n), random.normal(size=(len(functions), n, n))

    def f(x):
        for function, w in zip(functions, weights, strict=True):
            x = function(w @ x / (2 * n))
        return (x * x).sum()

    value, (product,) = hvp(f, (x,), (v,))
    h = hessian(f)(x)
    assert close(value, plain(f(Value(x))))
    assert np.allclose(product, h @ v, rtol=1e-10, atol=1e-10 * np.abs(h).max())
    step = 1e-5
    slopes = (grad(f)(x + step * v) - grad(f)(x - step * v)) / (2 * step)
    assert np.allclose(product, slopes, rtol=1e-4, atol=1e-5 * (1 + np.abs(h).max()))


def test_hvp_of_trees_and_several_inputs():
    value, (of_p, of_x) = hvp(network, (tree_of(START), X), (tree_of(DIRECTION), W))
    whole = np.concatenate([START, X])
    slopes = lambda u: np.concatenate([numbers_of(g) if isinstance(g, dict) else g for g in  # noqa: E731
                                       grad(network, argnums=(0, 1))(tree_of(u[:14]), u[14:])])  # fmt: skip
    wanted = differences(slopes, whole) @ np.concatenate([DIRECTION, W])
    assert structure(of_p) == structure(parameters())
    assert np.allclose(np.concatenate([numbers_of(of_p), of_x]), wanted, rtol=1e-6, atol=1e-8)
    assert close(value, plain(network(of_values(parameters()), X)))


def test_hvp_never_computes_the_hessian():
    n = 50_000  # whose square would be 20 GB of floats
    x = np.linspace(-1.0, 1.0, n)
    tracemalloc.start()
    try:
        _, (product,) = hvp(lambda x: (tg.sin(x) * x.sum()).sum(), (x,), (np.ones(n),))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    cos, sin = np.cos(x), np.sin(x)
    assert np.allclose(product, n * cos + cos.sum() - sin * x.sum() * 1.0, rtol=1e-9)
    assert peak < 100 * x.nbytes


def test_hvp_of_what_has_no_curvature_is_zero():
    assert close(hvp(lambda x: x.sum(), (X,), (W,))[1][0], np.zeros(3))
    assert close(hvp(lambda x: Value(3.0), (X,), (W,))[1][0], np.zeros(3))


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: hvp(lambda y: y**3 * x, (2.0,), (1.0,))[1][0], 12.0),
        (lambda x: hvp(lambda y: y**3 * x, (2.0,), (1.0,))[0], 8.0),
        (lambda x: hvp(lambda y: y**4, (x,), (1.0,))[1][0], 24 * 3.0),
        (lambda x: hvp(lambda y: y**4, (2.0,), (x,))[1][0], 48.0),
        (
            lambda x: hvp(lambda p: p["a"] ** 3 * p["b"], ({"a": x, "b": 2.0},), ({"a": 1.0, "b": x},))[1][0]["a"],
            12 + 81.0,
        ),
        (lambda x: jvp(grad(lambda p: p[0] ** 2 * p[1]), ((x, x),), ((1.0, 0.0),))[1][0], 2.0),
        (lambda x: jacobian(lambda y: vjp(lambda z: (z**3, x * z), y)[1]((x, 1.0))[0])(2.0), 12.0),
        (lambda x: vjp(lambda p: (p["a"] ** 2, p["a"] * x), {"a": x})[1]((x, 1.0))[0]["a"], 4 * 3.0 + 1),
        (lambda x: grad(lambda p: grad(lambda q: q["u"] * p["u"] ** 2)(p)["u"])({"u": x})["u"], 2.0),
        (lambda x: hessian(lambda p: p[0] ** 2 * p[1] ** 2)((x, 2.0))[0][1], 8.0),
        (lambda x: sum(jacobian(lambda y: {"a": y**2 * x, "b": 1.0})(np.array([1.0, 2.0]))["a"].flatten()), 6.0),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("wrap", [float, Value])
def test_transforms_of_trees_nest(f, slope, wrap):
    """All at x = 3."""
    found = grad(f)(wrap(3.0))
    assert isinstance(found, wrap)
    assert plain(found) == slope


def test_inside_no_grad_transforms_of_trees_differentiate_and_give_constants():
    with no_grad():
        found = grad(network)(of_values(parameters()), X)
        value, (product,) = hvp(lambda x: x**3, (Value(2.0),), (1.0,))
    assert np.array_equal(numbers_of(found), numbers_of(grad(network)(parameters(), X)))
    assert not any(v.requires_grad for v in (*flatten(found)[1], value, product))
    assert plain(product) == 12.0
    _, pullback = vjp(lambda x: x**3, Value(2.0))
    assert pullback(1.0)[0].requires_grad
    with no_grad():
        assert not pullback(Value(1.0))[0].requires_grad


# Taking trees apart. --------------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.floats(-9, 9), st.integers(-9, 9), st.lists(st.floats(-9, 9), min_size=1, max_size=3),
    st.builds(np.ones, st.integers(0, 3)), st.builds(Value, st.floats(-9, 9)), st.fractions(), st.text(max_size=2),
)  # fmt: skip
TREES = st.recursive(
    st.none() | LEAVES,
    lambda t: st.one_of(
        st.lists(t, max_size=3), st.tuples(t, t), st.builds(Layer, t, t), st.dictionaries(st.text(max_size=2), t),
        st.dictionaries(st.integers(0, 9), t, max_size=3).map(OrderedDict),
    ),
    max_leaves=12,
)  # fmt: skip


def identical(a, b):
    """The same types all the way down, and at the end the very same objects, or equal numbers and text."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return [*a] == [*b] and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    return a is b or (isinstance(a, int | float | str) and a == b)


def of_numbers(x):
    """Whether this is a list of nothing but numbers."""
    return isinstance(x, int | float) or (isinstance(x, list) and x != [] and all(map(of_numbers, x)))


@given(TREES)
def test_taking_a_tree_apart_and_putting_it_together_changes_nothing(tree):
    form, leaves = flatten(tree)
    assert identical(unflatten(form, leaves), tree)
    assert flatten(form) == (form, flatten(form)[1])
    assert len(set(flatten(form)[1])) == len(leaves)  # every leaf has a path of its own
    for leaf in leaves:
        assert not isinstance(leaf, dict | tuple | list) or of_numbers(leaf)
    found = [*match(form, tree, "this", "that")]
    assert [path for path, _ in found] == flatten(form)[1]
    assert all(identical(x, leaf) for (_, x), leaf in zip(found, leaves, strict=True))


@given(TREES)
def test_a_path_is_how_one_writes_the_way_to_a_leaf(tree):
    form, leaves = flatten(tree)
    for path, leaf in zip(flatten(form)[1], leaves, strict=True):
        assert identical(eval(f"tree{path}", {"tree": tree}), leaf)


# What is refused. -----------------------------------------------------------------------------------------------------

NO_ARGUMENT = "argnums: there is no argument {} among {} in order{}."


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        (lambda: grad(lambda x: 3.0)(2.0), GradientError, "The function returned float, not a Value"),
        (lambda: grad(lambda x: x.data * 2)(X), GradientError, "float(v), v.item() or v.data inside it"),
        (lambda: grad(lambda x: None)(X), GradientError, "The function returned NoneType, not a Value"),
        (lambda: jvp(lambda x: x.item(), (1.0,), (1.0,)), GradientError, "The function returned float, not a Value"),
        (lambda: grad(lambda x: x * 2)(X), GradientError, "grad needs a function with a scalar result, not one of "
         "shape (3,): take .sum() or .mean(), or use tg.jacobian or tg.vjp."),
        (lambda: hvp(lambda x: x**2, (X,), (W,)), GradientError, "a scalar result, not one of shape (3,)"),
        (lambda: grad(lambda x: (x, x))(1.0), GradientError, "a scalar result, not a tuple of 2: take .sum()"),
        (lambda: grad(lambda x: {"a": x})(1.0), GradientError, "a scalar result, not a dict with the keys ['a']"),
        (lambda: vjp(lambda x: x, X)[1](1.0), GradientError, "The gradient has shape (), the value (3,)."),
        (lambda: vjp(lambda x: x, 1.0)[1](X), GradientError, "The gradient has shape (3,), the value ()."),
        (lambda: vjp(lambda x: x, 1.0)[1]("a"), TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda: jvp(lambda x: x, (X,), (1.0,)), GradientError, "The tangent at [0] has shape (), its input (3,)."),
        (lambda: grad(lambda x: x)("a"), TypeError, "A Value is made of numbers, not of str: 'a'."),
        (lambda: grad(lambda x: x.gard)(1.0), AttributeError, "gard"),
        (lambda: grad(lambda x, y: x * y, argnums=2)(1.0, 2.0), IndexError, NO_ARGUMENT.format(2, 2, "")),
        (lambda: grad(lambda x, y: x * y, argnums=(0, -3))(1.0, 2.0), IndexError, NO_ARGUMENT.format(-3, 2, "")),
        (lambda: hessian(lambda x, y: x * y, argnums=1.5)(1.0, y=2.0), TypeError, "'float' object is not iterable"),
        (lambda: jacobian(lambda x, y: x, argnums="z")(1.0, y=2.0), IndexError, NO_ARGUMENT.format("'z'", 1, " and y")),
        (lambda: jvp(lambda x: x, 3.0, 1.0), TypeError, "jvp and hvp take tuples of inputs and tangents"),
        (lambda: jvp(lambda x: x, (3.0,), (1.0, 2.0)), TypeError, "one for each: jvp(f, (x, y), (dx, dy))."),
        (lambda: jvp(lambda x: x, (3.0,), 1.0), TypeError, "jvp and hvp take tuples of inputs and tangents"),
        (lambda: hvp(lambda x: x, X, W), TypeError, "jvp and hvp take tuples of inputs and tangents"),
        (lambda: grad(lambda x: x)([[1.0], [2.0, 3.0]]), ValueError, "A nested list needs rows of equal length"),
        (lambda: grad(lambda p: p)({"w": [1.0, "a"]}), TypeError,
         "Argument [0]['w'][1]: A Value is made of numbers, not of str: 'a'."),
        (lambda: grad(lambda x, p: p, 1)(X, Layer(X, {1: 2j})), TypeError, "Argument [1].b[1]: A Value is real"),
        (lambda: vjp(lambda x: (x, "a"), 1.0), TypeError, "A Value is made of numbers, not of str: 'a'."),
    ],
    ids=range(26),
)  # fmt: skip
def test_bad_input_is_explained(write, error, text):
    with pytest.raises(error, match=re.escape(text)):
        write()


@pytest.mark.parametrize(
    ("g", "text"),
    [
        (X, "The gradient is an array of shape (3,), the value a tuple of 2."),
        ([X, [1.0, {"w": X}]], "The gradient is a list of 2, the value a tuple of 2."),
        ((X,), "The gradient is a tuple of 1, the value a tuple of 2."),
        ((1.0, [1.0, {"w": X}]), "The gradient at [0] has shape (), the value (3,)."),
        ((None, [1.0, {"w": X}]), "The gradient at [0] is NoneType, the value has shape (3,)."),
        (({"x": X}, [1.0, {"w": X}]), "The gradient at [0] is a dict with the keys ['x'], the value has shape (3,)."),
        ((X, (1.0, {"w": X})), "The gradient at [1] is a tuple of 2, the value a list of 2."),
        ((X, [X, {"w": X}]), "The gradient at [1][0] has shape (3,), the value ()."),
        ((X, [1.0, X]), "The gradient at [1][1] is an array of shape (3,), the value a dict with the keys ['w']."),
        ((X, [1.0, {"v": X}]), "The gradient at [1][1] is a dict with the keys ['v'], "
         "the value a dict with the keys ['w']."),
        ((X, [1.0, {"w": MATRIX}]), "The gradient at [1][1]['w'] has shape (2, 3), the value (3,)."),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_gradient_that_does_not_fit_the_value_says_where(g, text):
    _, pullback = vjp(lambda x: (x, [x.sum(), {"w": x}]), X)
    assert close(pullback((X, [1.0, OrderedDict(w=W)]))[0], X + 1 + W)
    with pytest.raises(GradientError, match=f"^{re.escape(text)}$"):
        pullback(g)


@pytest.mark.parametrize("transform", [jvp, hvp])
def test_a_tangent_that_does_not_fit_its_input_says_where(transform):
    p = Layer({"a": X}, 2.0)
    for tangent, text in [
        (Layer({"a": W}, W), "The tangent at [0].b has shape (3,), its input ()."),
        (Layer({"a": 1.0}, 1.0), "The tangent at [0].w['a'] has shape (), its input (3,)."),
        ([{"a": W}, 1.0], "The tangent at [0] is a list of 2, its input a Layer of 2."),
        (Layer({}, 1.0), "The tangent at [0].w is a dict with the keys [], its input a dict with the keys ['a']."),
    ]:
        with pytest.raises(GradientError, match=f"^{re.escape(text)}$"):
            transform(lambda q: (q.w["a"] * q.b).sum(), (p,), (tangent,))


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: np.argmax(x), "int"),
        (lambda x: np.int64(x.data[0]), "int"),
        (lambda x: np.argsort(x), "an array of shape (3,)"),
        (lambda x: x > 0, "an array of shape (3,)"),
        (lambda x: x[0] > 0, "bool"),
        (lambda x: len(x), "int"),
        (lambda x: (x[0] > 0, len(x)), "a tuple of 2"),
    ],
    ids=range(7),
)
@pytest.mark.parametrize(
    "transform", [grad, jacobian, hessian, lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: lambda x: vjp(f, x)]
)
def test_what_is_whole_numbers_or_truth_values_has_no_gradient(f, what, transform):
    with pytest.raises(GradientError) as raised:
        transform(f)(X)
    assert str(raised.value).replace("int64", "int") == (
        f"The function returned {what}: whole numbers and truth values, such as argmax, argsort and comparisons give, "
        "have no gradient. While the input moves a little they stay, and then they jump. Use them inside the function, "
        "where x[index] and tg.where(condition, a, b) have gradients, or take something smooth instead: tg.softmax(x) "
        "for argmax, tg.sigmoid(x) for x > 0."
    )


def test_the_advice_for_whole_numbers_works():
    assert close(grad(lambda x: x[np.argmax(x)])(X), [0.0, 0.0, 1.0])
    assert close(grad(lambda x: tg.where(x > 0, x, 0).sum())(X), [1.0, 0.0, 1.0])
    assert close(vjp(lambda x: (x.sum(), x > 0, np.argmax(x)), X)[1]((2.0, np.zeros(3), 0.0))[0], np.full(3, 2.0))


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: (3.0, [2.0]), "The function returned a tuple of 2, with no Value in it: either it does not use"),
        (lambda x: {"a": x.data}, "The function returned a dict with the keys ['a'], with no Value in it: either"),
        (lambda x: x.data, "The function returned an array of shape (3,), not a Value: either it does not use"),
    ],
    ids=range(3),
)
def test_a_result_without_a_value_is_explained(f, text):
    with pytest.raises(GradientError, match=re.escape(text)):
        vjp(f, X)
