"""Products and matrices: NumPy's values, shapes and errors; derivatives by differences, closed forms and PyTorch."""

from __future__ import annotations

import gc
import itertools
import re
import string
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Value, linalg, matrices
from tinygrad_edu.backward import order
from tinygrad_edu.checking import check_gradients
from tinygrad_edu.symbol import Symbol

LinAlgError = np.linalg.LinAlgError
BATCHES = [(), (2,), (2, 1)]


def numbers(*shape: int, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).standard_normal(shape)
    return x if shape else float(x)


def matrix(*shape: int, kind: str = "any", seed: int = 0) -> np.ndarray:
    """A matrix in a random direction, but with singular values from 0.8 to 2, far apart from each other."""
    u, s, vh = np.linalg.svd(numbers(*shape, seed=seed), full_matrices=False)
    s = np.linspace(2.0, 0.8, s.shape[-1])
    if kind == "any":
        return (u * s) @ vh
    if kind == "symmetric":
        s = s * (-1.0) ** np.arange(len(s))
    return (u * s) @ np.swapaxes(u, -1, -2)


def close(a: Any, b: Any, rtol: float = 1e-10, atol: float = 1e-12) -> bool:
    a, b = getattr(a, "data", a), getattr(b, "data", b)
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=rtol, atol=atol)


def gradient(f: Any, *inputs: Any) -> Any:
    """The gradients of the sum of the results."""
    value, pullback = tg.vjp(f, *inputs)
    found = pullback(np.ones(np.shape(value)) if np.shape(value) else 1.0)
    return found[0] if len(inputs) == 1 else found


def recorded(result: Value) -> list[str]:
    """The operations under a result, in the order of computing."""
    return [node.op.name for node in reversed(order(result))]


def weighed(x: Any) -> Any:
    """A number that depends on every element of a result."""
    return tg.sum(x * numbers(*x.shape, seed=9))


# Of one matrix: NumPy's name, a call, and the kind of matrix. ---------------------------------------------------------

ONE_MATRIX: dict[str, tuple[Any, str]] = {
    "inv": (lambda f, x: f(x), "any"),
    "det": (lambda f, x: f(x), "any"),
    "slogdet": (lambda f, x: f(x)[1], "any"),
    "pinv": (lambda f, x: f(x), "any"),
    "pinv-hermitian": (lambda f, x: f(x, hermitian=True), "symmetric"),
    "pinv-rcond": (lambda f, x: f(x, 1e-8), "any"),
    "pinv-rtol": (lambda f, x: f(x, rtol=None), "any"),
    "cholesky": (lambda f, x: f(x), "positive"),
    "cholesky-upper": (lambda f, x: f(x, upper=True), "positive"),
    "eigh-values": (lambda f, x: f(x)[0], "symmetric"),
    "eigh-vectors": (lambda f, x: f(x).eigenvectors, "symmetric"),
    "eigh-U": (lambda f, x: f(x, "U")[1], "symmetric"),
    "eigvalsh": (lambda f, x: f(x), "symmetric"),
    "eigvalsh-U": (lambda f, x: f(x, UPLO="U"), "symmetric"),
    "svd-u": (lambda f, x: f(x, full_matrices=False).U, "any"),
    "svd-s": (lambda f, x: f(x, False)[1], "any"),
    "svd-vh": (lambda f, x: f(x, full_matrices=False)[2], "any"),
    "svd-values": (lambda f, x: f(x, compute_uv=False), "any"),
    "svd-full": (lambda f, x: f(x)[2], "any"),
    "svdvals": (lambda f, x: f(x), "any"),
    "matrix_power-0": (lambda f, x: f(x, 0) * x, "any"),
    "matrix_power-1": (lambda f, x: f(x, 1), "any"),
    "matrix_power-5": (lambda f, x: f(x, 5), "any"),
    "matrix_power--3": (lambda f, x: f(x, -3), "any"),
    "matrix_transpose": (lambda f, x: f(x), "any"),
}
OF_ANY_SHAPE = {"pinv", "pinv-rcond", "pinv-rtol", "svd-u", "svd-s", "svd-vh", "svd-values", "svdvals"}


def named(name: str) -> tuple[Any, Any]:
    """Our function and NumPy's."""
    name = name.split("-")[0]
    theirs = getattr(np.linalg, name, None) or getattr(np, name)
    return getattr(linalg, name), theirs


@pytest.mark.parametrize("name", ONE_MATRIX)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_value_is_numpys_on_values_on_arrays_and_through_numpy(name: str, batch: tuple[int, ...], n: int) -> None:
    (call, kind), (ours, theirs) = ONE_MATRIX[name], named(name)
    x = matrix(*batch, n, n, kind=kind, seed=n)
    wanted = call(theirs, x)
    for result in (call(ours, Value(x)), call(theirs, Value(x))):
        assert isinstance(result, Value)
        assert close(result, wanted)
        assert isinstance(result.data, float if not np.shape(wanted) else np.ndarray)
    assert close(call(ours, x), wanted)


@pytest.mark.parametrize("name", ONE_MATRIX)
@pytest.mark.parametrize("batch", BATCHES[:2])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_first_and_second_derivatives_of_one_matrix(name: str, batch: tuple[int, ...], n: int, seed: int) -> None:
    (call, kind), (ours, _) = ONE_MATRIX[name], named(name)
    check_gradients(lambda x: call(ours, x), matrix(*batch, n, n, kind=kind, seed=seed), order=2, seed=seed)


@pytest.mark.parametrize("name", sorted(OF_ANY_SHAPE))
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (1, 3), (3, 1), (2, 3, 2), (2, 2, 3)])
def test_matrices_that_are_not_square(name: str, shape: tuple[int, ...]) -> None:
    (call, _), (ours, theirs) = ONE_MATRIX[name], named(name)
    x = matrix(*shape)
    assert close(call(ours, Value(x)), call(theirs, x))
    check_gradients(lambda x: call(ours, x), x, order=2)


@pytest.mark.parametrize("name", ONE_MATRIX)
def test_float32_stays_float32_at_every_order(name: str) -> None:
    (call, kind), (ours, theirs) = ONE_MATRIX[name], named(name)
    for shape in ((3, 3), (2, 3, 3)):
        x = Value(matrix(*shape, kind=kind).astype(np.float32))
        y = call(ours, x)
        assert np.asarray(y.data).dtype == (np.float32 if y.shape else np.float64)
        assert close(y, call(theirs, x.data), rtol=1e-4, atol=1e-5)
        tg.sum(y * y).backward(create_graph=True)
        assert x.grad.dtype == np.float32
        found = [node for node in order(x.grad) if node.shape]
        assert all(node.dtype == np.float32 for node in found)


# Closed forms. --------------------------------------------------------------------------------------------------------


def test_the_slope_of_det_is_the_matrix_of_cofactors_by_minors() -> None:
    for n in (1, 2, 3, 4):
        for rank in range(n + 1):
            u, s, vh = np.linalg.svd(numbers(2, n, n, seed=n))
            x = (u * np.where(np.arange(n) < rank, s, 0)[:, None]) @ vh
            assert close(gradient(matrices.det, x), minors(x), atol=1e-14)


def minors(x: np.ndarray) -> np.ndarray:
    """The cofactors, one by one, without dividing."""
    result = np.ones(x.shape)
    n = x.shape[-1]
    for i, j in itertools.product(range(n), range(n)):
        minor = np.delete(np.delete(x, i, -2), j, -1)
        result[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return result


def test_det_of_a_singular_matrix_moves_as_its_slope_says() -> None:
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    check_gradients(matrices.det, x)
    check_gradients(matrices.det, np.zeros((3, 3)))
    check_gradients(matrices.det, np.zeros((2, 2)), order=2)
    check_gradients(matrices.det, np.ones((2, 2, 2)), order=2)
    with pytest.raises(LinAlgError, match=r"Singular matrix: add a small multiple of np.eye\(n\), or use tg.pinv"):
        tg.hessian(matrices.det)(np.ones((3, 3)))


def test_closed_forms() -> None:
    x, b = matrix(3, 3), numbers(3, 2)
    inverse = np.linalg.inv(x)
    assert close(gradient(matrices.inv, x), -np.outer(inverse.sum(0), inverse.sum(1)))
    assert close(gradient(matrices.det, x), np.linalg.det(x) * inverse.T)
    assert close(gradient(lambda x: linalg.slogdet(x)[1], x), inverse.T)
    assert close(gradient(lambda x: linalg.slogdet(x)[0], x), np.zeros((3, 3)))
    for_x, for_b = gradient(matrices.solve, x, b)
    assert close(for_b, inverse.T @ np.ones((3, 2)))
    assert close(for_x, -for_b @ (inverse @ b).T)
    assert close(gradient(linalg.svdvals, x), np.linalg.svd(x).U @ np.linalg.svd(x).Vh)
    assert close(gradient(lambda x: linalg.norm(x, "nuc"), x), np.linalg.svd(x).U @ np.linalg.svd(x).Vh)
    full = numbers(2, 3)
    assert close(gradient(matrices.pinv, full), gradient(lambda x: x.T @ matrices.inv(x @ x.T), full))
    s = matrix(3, 3, kind="positive")
    assert close(gradient(lambda s: tg.sum(tg.log(linalg.eigvalsh(s @ s.T))), s), 2 * np.linalg.inv(s).T)


@pytest.mark.parametrize("rows", [(3, 2), (2, 3), (2, 3, 2)])
def test_pinv_of_low_rank_keeps_its_rank(rows: tuple[int, ...]) -> None:
    check_gradients(lambda x: matrices.pinv(linalg.t(x) @ x, 1e-10), matrix(*rows), order=2)
    check_gradients(lambda x: matrices.pinv(linalg.t(x) @ x, 1e-10, hermitian=True), matrix(*rows), order=2)


# One triangle. --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cholesky", "cholesky-upper", "eigh-vectors", "eigh-U", "eigvalsh", "eigvalsh-U"])
def test_the_gradient_goes_to_the_triangle_that_is_read(name: str) -> None:
    (call, kind), (ours, theirs) = ONE_MATRIX[name], named(name)
    triangle = np.triu if name.endswith(("U", "upper")) else np.tril
    x = matrix(4, 4, kind=kind)
    rubbish = triangle(x) + 100 * (np.ones((4, 4)) - triangle(np.ones((4, 4))))
    found = gradient(lambda x: call(ours, x) ** 3, rubbish)
    assert close(found, triangle(found))
    assert np.count_nonzero(found) == 10
    assert close(call(ours, Value(rubbish)), call(theirs, x))


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4)])
def test_through_a_symmetric_matrix_made_of_another_one(shape: tuple[int, ...]) -> None:
    b = numbers(*shape) + np.eye(*shape[-2:])
    for f in (matrices.cholesky, lambda x: matrices.cholesky(x, upper=True), lambda x: linalg.eigh(x)[0]):
        check_gradients(lambda b: f(b @ linalg.t(b)), b, order=2)  # noqa: B023
    for f in (matrices.det, lambda x: linalg.slogdet(x)[1], lambda x: matrices.solve(x, np.ones(shape[-2]))):
        check_gradients(lambda b: f(b @ linalg.t(b)), b, order=2)  # noqa: B023


def test_eigenvectors_of_equal_eigenvalues_pass_nothing_among_themselves() -> None:
    for values in ([1.0, 1.0, 1.0], [2.0, 2.0, 3.0], [2.0, 3.0, 3.0]):
        q = np.linalg.qr(numbers(3, 3))[0]
        x = (q * values) @ q.T  # equal, up to rounding
        assert close(gradient(lambda x: tg.sum(linalg.eigvalsh(x)), x), np.eye(3))

        def projected(x: Any, values: Any = values) -> Any:
            """What lies in the space of the equal ones, however its basis is chosen."""
            v = linalg.eigh(x)[1]
            equal = v[:, np.equal(values, values[1])]
            return equal @ equal.T

        if values[0] != values[2]:
            found = gradient(lambda x: projected((x + x.T) / 2)[0] ** 2, x)
            move = np.outer(q[:, 0], q[:, 2]) + np.outer(q[:, 2], q[:, 0])
            h = 1e-6
            moved = [np.sum(projected(Value(x + d * move)).data[0] ** 2) for d in (h, -h)]
            assert np.sum(found * move) == pytest.approx((moved[0] - moved[1]) / (2 * h), rel=1e-6)


def test_equal_and_zero_singular_values_give_finite_slopes() -> None:
    for x in (np.eye(3), np.diag([2.0, 2.0, 0.0]), np.zeros((3, 2)), np.ones((2, 3))):
        for part in range(3):
            found = gradient(lambda x: linalg.svd(x, full_matrices=False)[part], x)  # noqa: B023
            assert np.isfinite(found).all()
    assert close(gradient(lambda x: tg.sum(linalg.svdvals(x)), np.eye(3)), np.eye(3))


# Solving. -------------------------------------------------------------------------------------------------------------

SYSTEMS = [
    ((3, 3), (3,)), ((3, 3), (3, 2)), ((3, 3), (2, 3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)),
    ((2, 3, 3), (2, 3, 1)), ((2, 1, 2, 2), (3, 2, 2)), ((1, 1), (1,)), ((2, 3, 3), (3, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("of_a", "of_b"), SYSTEMS)
def test_solve(of_a: tuple[int, ...], of_b: tuple[int, ...]) -> None:
    a, b = matrix(*of_a), numbers(*of_b)
    for result in (matrices.solve(Value(a), b), matrices.solve(a, Value(b)), np.linalg.solve(Value(a), Value(b))):
        assert isinstance(result, Value)
        assert close(result, np.linalg.solve(a, b))
    for seed in range(2):
        check_gradients(matrices.solve, a, b, order=2, seed=seed)


# Several results. -----------------------------------------------------------------------------------------------------


def test_several_results_are_one_node_and_its_parts() -> None:
    x = Value(matrix(3, 3, kind="symmetric"))
    values, vectors = np.linalg.eigh(x)
    assert values.operands[0] is vectors.operands[0]
    assert recorded(values) == recorded(vectors) == ["eigh", "getitem"]
    assert values.scope.name == "eigh"
    assert type(np.linalg.eigh(x)) is type(np.linalg.eigh(x.data))
    assert np.linalg.eigh(x).eigenvalues.shape == (3,)
    u, s, vh = parts = np.linalg.svd(x)
    assert recorded(s) == ["svd", "getitem"]
    assert u.operands[0] is s.operands[0] is vh.operands[0].operands[0]
    assert type(parts) is type(np.linalg.svd(x.data))
    assert parts.S is s
    result = np.linalg.slogdet(x)
    assert recorded(result.logabsdet) == ["slogdet", "getitem"]
    assert (result.sign.data, result.logabsdet.shape) == (-1.0, ())


def test_arrays_get_numpys_own_results() -> None:
    x = matrix(3, 3)
    for name in ("eigh", "svd", "slogdet"):
        ours, theirs = named(name)
        assert type(ours(x)) is type(theirs(x))
    assert linalg.svd(x, hermitian=True).S.shape == (3,)  # of NumPy, since nothing here is ours


def test_a_graph_is_freed_when_it_is_dropped() -> None:
    calls = [lambda x, f=f, call=call: call(named(f)[0], x) for f, (call, _) in ONE_MATRIX.items()]
    calls += [
        lambda x: linalg.multi_dot([x, x, x, x]),
        lambda x: linalg.einsum("ij,jk", x, x),
        lambda x: linalg.cross(x, x),
    ]
    calls += [lambda x, ord=ord: linalg.norm(x, ord) for ord in MATRICES]
    gc.collect()
    gc.disable()
    try:
        for call in calls:
            x = Value(matrix(3, 3, kind="positive"))
            tg.sum(call(x)).backward()
            left = weakref.ref(x)
            del x
            assert left() is None
    finally:
        gc.enable()


# einsum. --------------------------------------------------------------------------------------------------------------


@st.composite
def contractions(draw: Any) -> tuple[str, list[tuple[int, ...]]]:
    """Legal subscripts and shapes: repeated letters, letters of one operand, dots that broadcast, lengths of 1."""
    letters = draw(st.permutations("ijKab"))
    length = {c: draw(st.integers(1, 3)) for c in letters}
    around = draw(st.lists(st.integers(1, 3), max_size=2))
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        word = draw(st.lists(st.sampled_from(letters[:3]), max_size=3))
        shrunk = {c for c in word if word.count(c) == 1 and draw(st.integers(0, 5)) == 0}
        hidden = around[draw(st.integers(0, len(around))) :] if draw(st.booleans()) else None
        place = draw(st.integers(0, len(word)))
        axes = [1 if c in shrunk else length[c] for c in word]
        if hidden is not None:
            hidden = [1 if draw(st.integers(0, 3)) == 0 else n for n in hidden]
            axes[place:place] = hidden
            word.insert(place, "...")
        terms.append(draw(st.sampled_from(["", " "])).join(word))
        shapes.append(tuple(axes))
    text = ",".join(terms)
    if draw(st.booleans()) or ("..." in text and draw(st.booleans())):
        used = [c for c in letters if c in text]
        output = draw(st.lists(st.sampled_from(used), unique=True)) if used else []
        if "..." in text:
            output.insert(draw(st.integers(0, len(output))), "...")
        text += "->" + "".join(output)
    return text, shapes


@settings(max_examples=300, deadline=None)
@given(contractions(), st.booleans(), st.integers(0, 99))
def test_einsum_of_any_legal_subscripts(drawn: Any, optimize: bool, seed: int) -> None:
    (text, shapes), random = drawn, np.random.default_rng(seed)
    whole = lambda shape: random.integers(-5, 6, shape).astype(float) if shape else 3.0  # noqa: E731
    xs = [whole(shape) for shape in shapes]
    wanted = np.einsum(text, *xs)
    leaves = [Value(x) for x in xs]
    result = np.einsum(text, *leaves, optimize=optimize)
    assert result.shape == np.shape(wanted)
    assert np.array_equal(result.data, wanted)
    assert "." not in result.settings["subscripts"]
    _, pullback = tg.vjp(lambda *xs: linalg.einsum(text, *xs, optimize=optimize), *xs)
    w = whole(np.shape(wanted))
    for i, g in enumerate(pullback(w)):
        direction = whole(shapes[i])
        moved = np.einsum(text, *[direction if j == i else x for j, x in enumerate(xs)])
        assert np.shape(g) == shapes[i]
        assert np.sum(g * direction) == np.sum(w * moved)


@settings(max_examples=60, deadline=None)
@given(contractions(), st.integers(0, 99))
def test_second_derivatives_and_dtype_of_einsum(drawn: Any, seed: int) -> None:
    (text, shapes), random = drawn, np.random.default_rng(seed)
    assume(sum(np.prod(shape, dtype=int) for shape in shapes) < 25)
    xs = [random.uniform(0.5, 1.5, shape) if shape else 0.7 for shape in shapes]
    check_gradients(lambda *xs: linalg.einsum(text, *xs), *xs, order=2)
    leaves = [Value(np.float32(x)) if np.shape(x) else x for x in xs]
    result = linalg.einsum(text, *leaves)
    if any(map(np.shape, xs)):
        assert not result.shape or result.dtype == np.float32
        tg.sum(result).backward()
        assert all(x.grad.dtype == np.float32 for x in leaves if np.shape(x))


def test_every_form_of_einsum() -> None:
    a, b = Value(numbers(2, 3)), Value(numbers(3, 4))
    wanted = a.data @ b.data
    for result in (
        np.einsum("ij,jk->ik", a, b),
        np.einsum(" i j , j k ", a, b),
        np.einsum("Zj,jz->Zz", a, b),
        np.einsum(a, [0, 1], b, [1, 2], [0, 2]),
        np.einsum(a, [27, 1], b, [1, 51], [27, 51]),
        np.einsum(a, (0, 1), b, (1, 2)),
        np.einsum("...j,jk", a, b),
        np.einsum("ij,jk", a, b, optimize=["einsum_path", (0, 1)]),
        np.einsum("ij,jk", a, b, optimize="greedy"),
        np.einsum("ij,jk", a, [[*row] for row in b.data.tolist()]),
    ):
        assert isinstance(result, Value)
        assert close(result, wanted)
        result.backward(np.ones((2, 4)))
    assert close(np.einsum(a, [1, 0]), np.einsum(a.data, [1, 0]))
    assert close(np.einsum(a, [..., 0], [0, ...]), a.data.T)
    assert np.einsum("...ij,...jk", a, numbers(5, 3, 4)).settings["subscripts"] == "ij,Ajk->Aik"
    assert recorded(linalg.einsum("ij->", a)) == ["einsum"]
    assert type(linalg.einsum("ij->", a).data) is float
    assert close(linalg.einsum("ij->i", a.data), a.data.sum(1))
    assert close(gradient(lambda x: linalg.einsum("ii", x), numbers(3, 3)), np.eye(3))
    assert close(gradient(lambda x: linalg.einsum("iii->", x), numbers(2, 2, 2)).sum(), 2.0)
    assert linalg.einsum("", Value(2.0)).data == linalg.einsum(",", Value(2.0), 1.0).data == 2.0


A, S = Value(np.ones((2, 3)), "a"), Value(np.ones((2, 2)), "s")


@pytest.mark.parametrize(
    ("operands", "text"),
    [
        (("ij,jk", A, S), "einsum 'ij,jk': 'j' has the lengths [2, 3]."),
        (("ii", A), "einsum 'ii': 'i' has the lengths [2, 3]."),
        (("ii->i", np.ones((1, 3)), A), "1 term(s) with commas between, but 2 operand(s)."),
        (("ij,jk", A), "2 term(s) with commas between, but 1 operand(s)."),
        (("ijk", A), "'ijk' does not name the axes of shape (2, 3)."),
        (("i", A), "'i' does not name the axes of shape (2, 3)."),
        (("i", 2.0, A), "1 term(s)"),
        (("...i->i", A), "the output has no '...', but an operand has axes under its dots."),
        (("ij->k", A), "the output has 'k', but no operand has."),
        (("ij->ii", A), "the output has 'i' twice; tg.diag makes a matrix of its diagonal."),
        (("...,...->...", A, np.ones((4, 3))), "an axis under the dots has the lengths [2, 4]."),
        (("αj", A), "a term has letters a-z, A-Z and '...', unlike 'αj'."),
        (("i.j", A), "a term has letters a-z, A-Z and '...', unlike 'i.j'."),
        (("......", A), "a term has letters a-z, A-Z and '...', unlike '......'."),
        (("ij-", A), "unlike 'ij-'."),
        (("ij->ij->", A), "unlike 'ij->'."),
        ((A, [0, 52]), "a whole number from 0 to 51, not as in [0, 52]."),
        ((A, ["i", "j"]), "a whole number from 0 to 51, not as in ['i', 'j']."),
        ((A, [-1, 0]), "not as in [-1, 0]."),
        ((A,), 'einsum takes subscripts: einsum("ij,jk->ik", a, b), or einsum(a, [0, 1], b, [1, 2], [0, 2]).'),
    ],
)
def test_wrong_subscripts(operands: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        linalg.einsum(*operands)
    with pytest.raises((ValueError, TypeError)):  # NumPy does not take them either
        np.einsum(*[x.data if isinstance(x, Value) else x for x in operands])


@settings(max_examples=200, deadline=None)
@given(st.text(string.ascii_lowercase[:3] + ".,-> A", max_size=10), st.integers(1, 2))
@example("AA- >", 1)
def test_subscripts_are_legal_where_numpys_are(text: str, count: int) -> None:
    xs = [np.ones((2, 2))] * count
    try:
        wanted = np.einsum(text, *xs)
    except ValueError:
        with pytest.raises(ValueError, match="einsum"):
            linalg.einsum(text, *map(Value, xs))
    else:
        assert np.array_equal(linalg.einsum(text, *map(Value, xs)).data, wanted)


def test_what_einsum_does_not_take() -> None:
    with pytest.raises(TypeError, match=r"einsum takes optimize, not dtype\. A Value keeps its dtype"):
        np.einsum("ij->i", A, dtype=np.float32)
    with pytest.raises(TypeError, match="into an array"):
        np.einsum("ij->i", A, out=np.ones(2))


# Products. ------------------------------------------------------------------------------------------------------------

PRODUCTS: dict[str, list[tuple[Any, ...]]] = {
    "dot": [((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)),
            ((2, 2, 3), (3,)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 2)), ((3,), (2, 3, 2)), ((2, 1, 3), (2, 3, 1))],
    "vdot": [((), ()), ((3,), (3,)), ((2, 3), (3, 2)), ((1,), ())],
    "inner": [((), ()), ((3,), ()), ((), (2, 3)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)),
              ((2, 3), (4, 3)), ((2, 1, 3), (2, 2, 3))],
    "outer": [((), ()), ((2,), (3,)), ((2, 2), (3,)), ((3,), ())],
    "kron": [((), ()), ((2,), ()), ((2,), (3,)), ((2, 2), (1, 3)), ((2,), (2, 3)), ((2, 1, 2), (3, 2))],
    "vecdot": [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (2, 3)), ((2, 3), (2, 3), {"axis": 0})],
    "tensordot": [((2, 3), (2, 3)), ((2, 3), (3, 2), 1), ((2,), (3,), 0), ((2, 3, 4), (4, 3), ([1, 2], [1, 0])),
                  ((2, 3), (2, 2, 3), (0, 1)), ((2, 3, 2), (2, 3), ([-1, 1], [0, 1])), ((3,), (3,), 1), ((), (2,), 0)],
    "cross": [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 1, 3)), ((3, 2), (2, 3), 0, 1), ((2, 3), (2, 3), -1, -1, 0),
              ((3, 2), (3, 2), {"axis": 0})],
}  # fmt: skip
CALLS = [(name, call) for name, calls in PRODUCTS.items() for call in calls]


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CALLS)])
def test_products(name: str, call: tuple[Any, ...]) -> None:
    (of_a, of_b, *rest), ours = call, getattr(linalg, name)
    theirs = np.linalg.vecdot if name == "vecdot" else getattr(np, name)
    keywords = rest.pop() if rest and isinstance(rest[-1], dict) else {}
    a, b = numbers(*of_a, seed=1), numbers(*of_b, seed=2)
    wanted = theirs(a, b, *rest, **keywords)
    for x, y in ((Value(a), Value(b)), (Value(a), b), (a, Value(b))):
        for result in (ours(x, y, *rest, **keywords), theirs(x, y, *rest, **keywords)):
            assert isinstance(result, Value)
            assert close(result, wanted)
            assert type(result.data) is (np.ndarray if np.shape(wanted) else float)
    check_gradients(lambda a, b: ours(a, b, *rest, **keywords), a, b, order=2)
    leaves = [Value(np.float32(x)) if np.shape(x) else Value(x) for x in (a, b)]
    result = ours(*leaves, *rest, **keywords)
    assert not any(x.shape for x in leaves) or not result.shape or result.dtype == np.float32
    tg.sum(result).backward()
    assert all(x.grad.dtype == np.float32 for x in leaves if x.shape)
    for x, y in ((a, Value(b)), (Value(a), b)):
        x, y = (z.tolist() if isinstance(z, np.ndarray) else z for z in (x, y))
        assert close(ours(x, y, *rest, **keywords), wanted)


@pytest.mark.parametrize("shapes", [((2,), (2,)), ((2, 2), (3,)), ((3,), (2, 2)), ((4, 2), (4, 2))])
@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
def test_vectors_of_two_numbers(shapes: Any) -> None:
    a, b = (numbers(*shape, seed=i) for i, shape in enumerate(shapes))
    assert close(linalg.cross(Value(a), Value(b)), np.cross(a, b))
    check_gradients(linalg.cross, a, b, order=2)


def test_vectors_of_two_numbers_are_warned_of_as_numpy_does() -> None:
    with pytest.warns(DeprecationWarning, match="2-dimensional vectors"):
        np.cross(Value([1.0, 2.0]), [3.0, 4.0])


def test_a_product_of_matrices_is_one_matmul() -> None:
    a, b = Value(numbers(2, 3)), Value(numbers(3, 2))
    assert recorded(np.dot(a, b)) == ["matmul"]
    assert recorded(np.dot(a, np.ones(3))) == ["matmul"]
    assert recorded(np.inner(a, np.ones((2, 3)))) == ["matmul"]
    assert recorded(np.vdot(Value(np.ones(2)), np.ones(2)))[-1] == "matmul"
    assert "matmul" in recorded(np.tensordot(a, b, 1))
    assert np.dot(a, b).scope.name == "dot"
    assert recorded(np.linalg.matmul(a, b)) == ["matmul"]


def test_multi_dot_takes_the_cheapest_order() -> None:
    def steps(result: Value) -> int:
        return sum(node.shape and int(np.prod(node.shape)) * node.operands[0].shape[-1] for node in order(result))

    for lengths in ([2, 5, 3, 4, 2], [6, 1, 6, 1, 6], [2, 3, 4, 5, 6], [9, 2, 9, 2], [3, 2, 3]):
        xs = [numbers(*pair, seed=i) for i, pair in enumerate(itertools.pairwise(lengths))]
        result = np.linalg.multi_dot([Value(x) for x in xs])
        assert close(result, np.linalg.multi_dot(xs))
        assert steps(result) == cheapest(lengths)
        check_gradients(lambda *xs: linalg.multi_dot(xs), *xs, order=2)
    first, last = numbers(4), numbers(5)
    for xs in ([first, numbers(4, 5), last], [first, numbers(4, 5)], [numbers(2, 5), last], [first, numbers(4)]):
        assert close(linalg.multi_dot([Value(xs[0]), *xs[1:]]), np.linalg.multi_dot(xs))


def cheapest(lengths: list[int]) -> int:
    """Over all ways of bracketing: take out one inner length after the other."""
    if len(lengths) == 2:
        return 0
    return min(
        a * b * c + cheapest(lengths[:i] + lengths[i + 1 :])
        for i, (a, b, c) in enumerate(zip(lengths, lengths[1:], lengths[2:]), 1)
    )


# Norms. ---------------------------------------------------------------------------------------------------------------

INF = np.inf
VECTORS = [None, 2, 1, INF, -INF, 3, 4, 1.5, 0.5, -1, -2, -1.5, np.float64(2.5)]
MATRICES = [None, "fro", "f", "nuc", 2, -2, 1, -1, INF, -INF]
EMPTY = [((0,), INF), ((2, 0), 1), ((0, 2), 1), ((2, 0), INF), ((2, 0), 2), ((0, 2), "nuc")]
NORMS = [
    *[((4,), order, None) for order in VECTORS],
    *[((2, 3), order, axis) for order in VECTORS for axis in (0, -1)],
    *[((2, 3), order, None) for order in MATRICES],
    *[((3, 2, 2), order, axis) for order in MATRICES for axis in ((0, 1), (2, 0), (-1, -3))],
    ((2, 3, 2), None, None), ((), None, None), ((3, 3), 2, (1, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "ord", "axis"), NORMS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(shape: tuple[int, ...], ord: Any, axis: Any, keepdims: bool) -> None:
    x = numbers(*shape, seed=3)
    wanted = np.linalg.norm(x, ord, axis, keepdims) if shape or not keepdims else 0.0
    if not shape and keepdims:
        return
    for result in (linalg.norm(Value(x), ord, axis, keepdims), np.linalg.norm(Value(x), ord, axis, keepdims=keepdims)):
        assert isinstance(result, Value)
        assert close(result, wanted)
    check_gradients(lambda x: linalg.norm(x, ord, axis, keepdims), x, order=2)
    if shape:
        leaf = Value(np.float32(x))
        result = linalg.norm(leaf, ord, axis, keepdims)
        assert not result.shape or result.dtype == np.float32
        tg.sum(result).backward(create_graph=True)
        assert leaf.grad.dtype == np.float32


@pytest.mark.parametrize(("shape", "ord"), EMPTY)
def test_norms_of_nothing(shape: tuple[int, ...], ord: Any) -> None:
    assert linalg.norm(Value(np.ones(shape)), ord).data == 0.0  # as in the newest NumPy


@pytest.mark.parametrize("ord", [2, 1, INF, -INF, 3, 0.5])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_the_norms_of_the_array_api(ord: Any, axis: Any) -> None:
    x = numbers(2, 3, 2)
    for keepdims in (False, True):
        result = np.linalg.vector_norm(Value(x), axis=axis, keepdims=keepdims, ord=ord)
        assert close(result, np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord))
    check_gradients(lambda x: linalg.vector_norm(x, axis=axis, ord=ord), x, order=2)
    if ord not in (3, 0.5):
        assert close(np.linalg.matrix_norm(Value(x), ord=ord), np.linalg.matrix_norm(x, ord=ord))
        assert close(
            np.linalg.matrix_norm(Value(x), ord=ord, keepdims=True), np.linalg.matrix_norm(x, ord=ord, keepdims=True)
        )


@pytest.mark.parametrize("ord", [order for order in VECTORS if order is None or abs(order) != INF])
def test_every_norm_has_slope_0_at_0(ord: Any) -> None:
    with np.errstate(all="raise"):
        assert close(gradient(lambda x: linalg.norm(x, ord), np.zeros(3)), np.zeros(3))
        assert close(gradient(lambda x: linalg.norm(x, ord, axis=1), np.zeros((2, 3))), np.zeros((2, 3)))


@pytest.mark.parametrize("ord", [1, 1.5, 3, 4])
def test_a_zero_among_the_numbers_of_a_norm(ord: float) -> None:
    x = np.array([0.0, 3.0, -4.0])
    found = gradient(lambda x: linalg.norm(x, ord), x)
    share = np.abs(x) / np.linalg.norm(x, ord)
    assert close(found, np.sign(x) * share ** (ord - 1))
    if ord == 4:
        check_gradients(lambda x: linalg.norm(x, ord), x, order=2)


def test_equal_numbers_share_the_gradient_of_the_largest() -> None:
    assert close(gradient(lambda x: linalg.norm(x, INF), np.array([2.0, -2.0, 1.0])), [0.5, -0.5, 0.0])
    assert close(gradient(lambda x: linalg.norm(x, 1), np.ones((2, 2))), np.full((2, 2), 0.5))


# Errors. --------------------------------------------------------------------------------------------------------------

SINGULAR = "Singular matrix: add a small multiple of np.eye(n), or use tg.pinv."
SHAPE = "Array must be at least two-dimensional: a matrix has shape (m, n), a batch of them (..., m, n)."


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: np.linalg.inv(S), LinAlgError, f"inv of s (2, 2): {SINGULAR}"),
        (lambda: matrices.inv(np.ones((2, 2))), LinAlgError, SINGULAR),
        (lambda: np.linalg.solve(S, np.ones(2)), LinAlgError, SINGULAR),
        (lambda: np.linalg.matrix_power(S, -2), LinAlgError, SINGULAR),
        (lambda: tg.grad(lambda x: linalg.slogdet(x)[1])(np.ones((2, 2))), LinAlgError, SINGULAR),
        (lambda: np.linalg.inv(A), LinAlgError, "must be square: tg.pinv and tg.svd take any shape."),
        (lambda: np.linalg.det(A), LinAlgError, "must be square: tg.pinv"),
        (lambda: np.linalg.slogdet(A), LinAlgError, "must be square: tg.pinv"),
        (lambda: np.linalg.eigh(A), LinAlgError, "must be square: tg.pinv"),
        (lambda: np.linalg.matrix_power(A, 2), LinAlgError, "must be square: tg.pinv"),
        (lambda: np.linalg.inv(A[0]), LinAlgError, SHAPE),
        (lambda: np.linalg.svd(A[0]), LinAlgError, SHAPE),
        (lambda: matrices.det(Value(2.0)), LinAlgError, SHAPE),
        (
            lambda: np.linalg.cholesky(-S),
            LinAlgError,
            "not positive definite: add a small multiple of np.eye(n); a @ a.T",
        ),
        (lambda: np.linalg.svd(S * np.nan), LinAlgError, "SVD did not converge: look for nan or inf in the matrix."),
        (
            lambda: np.linalg.svd(A),
            ValueError,
            "svd of shape (2, 3) has no gradient for a full u and vh: write full_mat",
        ),
        (lambda: np.linalg.svd(A, hermitian=True), TypeError, "svd takes full_matrices, compute_uv, not hermitian."),
        (lambda: np.linalg.eigh(S, "X"), ValueError, "UPLO argument must be 'L' or 'U'"),
        (lambda: np.linalg.matrix_power(S, 1.5), TypeError, "exponent must be an integer"),
        (lambda: np.linalg.solve(S, np.ones(3)), ValueError, "the last length on the left must be the last but one"),
        (
            lambda: np.linalg.norm(A[0], 0),
            ValueError,
            "norm with ord=0 counts what is not 0, so its slope is 0 or none",
        ),
        (lambda: np.linalg.norm(A, 3), ValueError, "for matrices: choose None, 'fro', 'nuc', 1, -1, 2, -2, np.inf or"),
        (
            lambda: np.linalg.norm(A[0], "fro"),
            ValueError,
            "for vectors: choose None, np.inf, -np.inf or a number; 'fro'",
        ),
        (lambda: np.linalg.norm(A[None], 2), ValueError, "a norm takes one axis or two; v.flatten() is one vector."),
        (lambda: np.linalg.norm(A, 2, (0, 0)), ValueError, "Duplicate axes given."),
        (lambda: np.linalg.norm(A, 1, 5), np.exceptions.AxisError, "axis 5 is out of bounds"),
        (lambda: np.linalg.norm(A, axis=[0, 1]), TypeError, "'axis' must be None, an integer or a tuple of integers"),
        (lambda: np.dot(A, A), ValueError, "a (2, 3) @ a (2, 3): the last length on the left"),
        (lambda: np.tensordot(A, A, 1), ValueError, "axis -1 of (2, 3) and axis 0 of (2, 3) differ in length."),
        (
            lambda: np.tensordot(A, A, ([0, 1], [0])),
            ValueError,
            "as many axes of the one as of the other, unlike [0, 1]",
        ),
        (lambda: np.tensordot(A, A, 3), IndexError, "tensordot: an array of shape (2, 3) has no axis -3."),
        (lambda: np.cross(A[:, :1], A), ValueError, "dimension must be 2 or 3"),
        (lambda: np.linalg.vecdot(A, A[:, :1]), ValueError, "the last length on the left"),
        (lambda: linalg.multi_dot([A]), ValueError, "Expecting at least two arrays: a @ b @ c of the list [a, b, c]."),
        (lambda: np.linalg.multi_dot([A, A[0], A]), LinAlgError, "only the first and the last may be vectors."),
        (lambda: np.linalg.matrix_norm(A[0]), np.exceptions.AxisError, "axis -2 is out of bounds"),
        (lambda: np.linalg.vector_norm(A, ord="nuc"), ValueError, "for vectors: choose None"),
        (lambda: np.dot(A, A.T, out=np.ones((2, 2))), TypeError, "would cut the graph"),
        (lambda: linalg.kron(A), TypeError, "kron() missing"),
    ],
)
def test_errors_say_what_to_do(call: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)


# PyTorch. -------------------------------------------------------------------------------------------------------------


def in_torch(f: Any, *inputs: Any) -> list[Any]:
    """Value, gradients, and gradients of the gradients' weighed sum."""
    torch = pytest.importorskip("torch")
    leaves = [torch.tensor(x, requires_grad=True) for x in inputs]
    weigh = lambda x, seed: torch.sum(x * torch.as_tensor(numbers(*x.shape, seed=seed), dtype=torch.float64))  # noqa: E731
    value = f(torch, *leaves)
    first = torch.autograd.grad(weigh(value, 5), leaves, create_graph=True)
    second = torch.autograd.grad(sum(weigh(g, 6) for g in first), leaves)
    return [x.numpy(force=True) for x in (value, *first, *second)]


def in_ours(f: Any, *inputs: Any) -> list[Any]:
    leaves = [Value(x) for x in inputs]
    slopes = lambda *xs: tg.vjp(lambda *ys: tg.sum(f(*ys) * numbers(*f(*ys).shape, seed=5)), *xs)[1](1.0)  # noqa: E731
    first = slopes(*leaves)
    total = sum((tg.sum(g * numbers(*g.shape, seed=6)) for g in first), Value(0.0))
    total.backward()
    return [f(*inputs), *[g.data for g in first], *[x.grad for x in leaves]]


def both(b: Any) -> Any:
    return b @ linalg.t(b)


AS_IN_TORCH = {  # ours, PyTorch's, the shapes
    "inv": (matrices.inv, lambda t, x: t.linalg.inv(x), (3, 3)),
    "det": (matrices.det, lambda t, x: t.linalg.det(x), (2, 3, 3)),
    "slogdet": (lambda x: linalg.slogdet(x)[1], lambda t, x: t.linalg.slogdet(x)[1], (2, 3, 3)),
    "pinv": (matrices.pinv, lambda t, x: t.linalg.pinv(x), (2, 3, 2)),
    "solve": (matrices.solve, lambda t, a, b: t.linalg.solve(a, b), (2, 3, 3), (3, 2)),
    "cholesky": (lambda b: matrices.cholesky(both(b)), lambda t, b: t.linalg.cholesky(b @ b.mT), (2, 3, 3)),
    "upper": (
        lambda b: matrices.cholesky(both(b), upper=True),
        lambda t, b: t.linalg.cholesky(b @ b.mT, upper=True),
        (3, 3),
    ),
    "eigvalsh": (lambda b: linalg.eigvalsh(both(b)), lambda t, b: t.linalg.eigvalsh(b @ b.mT), (2, 3, 3)),
    "eigh": (lambda b: linalg.eigh(both(b))[1] ** 2, lambda t, b: t.linalg.eigh(b @ b.mT)[1] ** 2, (3, 3)),
    "svdvals": (linalg.svdvals, lambda t, x: t.linalg.svdvals(x), (2, 3, 2)),
    "svd": (
        lambda x: linalg.svd(x, full_matrices=False)[0] ** 2,
        lambda t, x: t.linalg.svd(x, full_matrices=False)[0] ** 2,
        (4, 3),
    ),
    "power": (lambda x: linalg.matrix_power(x, -3), lambda t, x: t.linalg.matrix_power(x, -3), (3, 3)),
    "nuc": (lambda x: linalg.norm(x, "nuc"), lambda t, x: t.linalg.norm(x, "nuc"), (3, 2)),
    "p": (lambda x: linalg.norm(x, 2.5, 1), lambda t, x: t.linalg.norm(x, 2.5, 1), (2, 3)),
    "half": (lambda x: linalg.norm(x, 0.5, 1), lambda t, x: t.linalg.norm(x, 0.5, 1), (2, 3)),
    "kron": (linalg.kron, lambda t, a, b: t.kron(a, b), (2, 3), (3, 2)),
    "cross": (linalg.cross, lambda t, a, b: t.linalg.cross(a, b), (2, 3), (2, 3)),
    "tensordot": (
        lambda a, b: linalg.tensordot(a, b, ([1, 2], [0, 1])),
        lambda t, a, b: t.tensordot(a, b, ([1, 2], [0, 1])),
        (2, 3, 2),
        (3, 2, 2),
    ),
    "einsum": (
        lambda a, b: linalg.einsum("...ii,...j->...ij", a, b),
        lambda t, a, b: t.einsum("...ii,...j->...ij", a, b),
        (2, 3, 3),
        (2, 2),
    ),
    "multi_dot": (
        lambda *xs: linalg.multi_dot(xs),
        lambda t, *xs: t.linalg.multi_dot(xs),
        (2, 3),
        (3, 4),
        (4, 2),
    ),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", AS_IN_TORCH)
@pytest.mark.parametrize("seed", range(3))
def test_value_first_and_second_derivative_are_those_of_pytorch(name: str, seed: int) -> None:
    ours, theirs, *shapes = AS_IN_TORCH[name]
    inputs = [matrix(*shape, seed=seed + i) for i, shape in enumerate(shapes)]
    for a, b in zip(in_ours(ours, *inputs), in_torch(theirs, *inputs), strict=True):
        assert close(a, b, rtol=1e-8, atol=1e-9)


def test_the_gradient_of_a_determinant_does_not_overflow_on_its_way() -> None:
    a = np.diag([1e4] * 100 + [1e-4] * 100)
    assert np.allclose(tg.grad(np.linalg.det)(a), np.diag([1e-4] * 100 + [1e4] * 100))
    b = np.random.default_rng(0).normal(size=(120, 120))
    assert np.allclose(tg.grad(np.linalg.det)(b), np.linalg.det(b) * np.linalg.inv(b).T)


@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
def test_a_norm_of_any_order_is_right_for_tiny_and_huge_numbers(size: float) -> None:
    x = np.array([1.0, -2.0]) * size
    value, gradient = tg.value_and_grad(lambda x: np.linalg.norm(x, 3))(x)
    assert np.isclose(value / size, 9 ** (1 / 3))
    assert np.allclose(gradient, np.array([1.0, -4.0]) / 9 ** (2 / 3))


def test_the_formula_of_solve_keeps_its_brackets() -> None:
    x, y, u = (Symbol(name, (2, 2)) for name in "XYu")
    assert tg.solve(x @ y, u).latex() == r"(X \, Y)^{-1} \, u"
