"""Elements: one number of a formula over arrays, written with the numbers of its letters, and meaning the same."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import domains, ops
from tinygrad_edu.elements import element, evaluated, terms
from tinygrad_edu.notation import Derivative, Element
from tinygrad_edu.symbol import Symbol

a, b, c = map(Symbol, "abc")
x, w, v = Symbol("x", (2, 3)), Symbol("W", (3, 4)), Symbol("b", (4,))
g = Symbol(Derivative("L", "z"), (2, 4))


# Every rule of every row. ---------------------------------------------------------------------------------------------


def letter_of(i, operand, shape):
    """A letter in the place of an operand that a case draws; the others as they are."""
    return Symbol(f"x{i}", np.shape(operand)) if isinstance(shape, tuple) else operand


def formulas_and_numbers(row, case):
    """The operation of a case and each of its rules, read on letters and on numbers; and the numbers of the letters."""
    random = np.random.default_rng(0)
    operands = domains.draw(row, case, random)
    letters = [letter_of(i, *pair) for i, pair in enumerate(zip(operands, case.operands, strict=True))]
    y = domains.call(row, operands, case.settings)
    upstream, settings = ops.plain(np.asarray(random.uniform(0.5, 2.0, np.shape(y)))), {**row.settings, **case.settings}
    signs = Symbol(Derivative("L", "y"), np.shape(y)), Symbol("y", np.shape(y))
    pairs = [(domains.call(row, letters, case.settings), y)]
    for rule, letter in zip(row.rules, letters, strict=False):
        if rule and isinstance(letter, Symbol):
            pairs.append((rule(*signs, *letters, **settings), rule(upstream, y, *operands, **settings)))
    numbers = {Derivative("L", "y"): upstream, "y": y, **{f"x{i}": x for i, x in enumerate(operands)}}
    return pairs, numbers


CASES = [
    pytest.param(row, case, id=f"{row.name}-{i}")
    for row in ops.TABLE.values() if row.rules and row in domains.DOMAINS
    for i, case in enumerate(domains.cases(row))
]  # fmt: skip


@pytest.mark.parametrize(("row", "case"), CASES)
def test_every_element_of_every_rule_is_that_element_of_its_number(row, case):
    with np.errstate(all="ignore"):
        pairs, numbers = formulas_and_numbers(row, case)
        for formula, number in pairs:
            places = [*np.ndindex(np.shape(number))]
            for i in np.random.default_rng(1).permutation(len(places))[:6]:
                found = evaluated(element(formula, places[i]), numbers.__getitem__)
                assert np.shape(found) == ()
                np.testing.assert_allclose(found, np.asarray(number)[places[i]], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("row", "case"), CASES)
def test_a_formula_evaluated_is_the_number_of_the_rule(row, case):
    with np.errstate(all="ignore"):
        pairs, numbers = formulas_and_numbers(row, case)
        for formula, number in pairs:
            found = evaluated(formula, numbers.__getitem__)
            np.testing.assert_allclose(np.broadcast_to(found, np.shape(number)), number, rtol=1e-12)


# What a person would write. -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "index", "text"),
    [
        (x.T @ g, (0, 3), "x[0, 0]·∂L/∂z[0, 3] + x[1, 0]·∂L/∂z[1, 3]"),
        (ops.linear(x, w, v), (0, 3), "x[0, 0]·W[0, 3] + x[0, 1]·W[1, 3] + x[0, 2]·W[2, 3] + b[3]"),
        (x @ w, (-1, -4), "x[1, 0]·W[0, 0] + x[1, 1]·W[1, 0] + x[1, 2]·W[2, 0]"),
        (w @ v, (2,), "W[2, 0]·b[0] + W[2, 1]·b[1] + W[2, 2]·b[2] + W[2, 3]·b[3]"),
        (x[0] @ w, (1,), "x[0, 0]·W[0, 1] + x[0, 1]·W[1, 1] + x[0, 2]·W[2, 1]"),
        (x[0] @ x[1], (), "x[0, 0]·x[1, 0] + x[0, 1]·x[1, 1] + x[0, 2]·x[1, 2]"),
        (ops.linear.rules[2](g, None, x, w, v), (1, 2), "∂L/∂z[1, 2]"),
        (ops.sum_to(g, shape=(4,)), (3,), "∂L/∂z[0, 3] + ∂L/∂z[1, 3]"),
        (ops.sum_to(x, shape=(1, 3)), (0, 2), "x[0, 2] + x[1, 2]"),
        (tg.sum(x, axis=-1), (1,), "x[1, 0] + x[1, 1] + x[1, 2]"),
        (tg.sum(x, axis=(0, 1)), (), "x[0, 0] + x[0, 1] + x[0, 2] + x[1, 0] + x[1, 1] + x[1, 2]"),
        (tg.sum(x, axis=0, keepdims=True), (0, 1), "x[0, 1] + x[1, 1]"),
        (tg.mean(x, axis=1), (0,), "(x[0, 0] + x[0, 1] + x[0, 2])/3"),
        (x * w[:, 0] + a, (1, 2), "x[1, 2]·W[2, 0] + a"),
        (ops.broadcast_to(v, shape=(5, 4)), (3, 2), "b[2]"),
        (tg.tanh(x) ** 2, (0, 1), "tanh(x[0, 1])²"),
        ((x > 0) * x, (0, 1), "[x[0, 1] > 0]·x[0, 1]"),
        (x.T, (2, 1), "x[1, 2]"), (x.reshape(3, 2), (1, 0), "x[0, 2]"), (x[:, ::-1], (1, 0), "x[1, 2]"),
        (x[[1, 0, 1]], (2, 1), "x[1, 1]"), (x[..., None], (1, 2, 0), "x[1, 2]"),
        (tg.concatenate([x, 2 * x], axis=1), (1, 4), "2·x[1, 1]"), (tg.stack([x, -x]), (1, 0, 2), "-x[0, 2]"),
        (tg.take_along_axis(x, np.array([[2], [0]]), 1), (0, 0), "x[0, 2]"),
        (ops.scatter(v, index=([1, 0, 1, 1],), shape=(3,)), (1,), "b[0] + b[2] + b[3]"),
        (ops.scatter(v, index=([1, 0, 1, 1],), shape=(3,)), (2,), "0"),
        (tg.einsum("ij,jk", x, w), (0, 1), "x[0, 0]·W[0, 1] + x[0, 1]·W[1, 1] + x[0, 2]·W[2, 1]"),
        (tg.einsum("ij -> j", x), (2,), "x[0, 2] + x[1, 2]"),
        (tg.prod(x, axis=1), (0,), "x[0, 0]·x[0, 1]·x[0, 2]"), (tg.cumsum(x, axis=1), (1, 1), "x[1, 0] + x[1, 1]"),
        (tg.logsumexp(x, axis=0), (1,), "log(exp(x[0, 1]) + exp(x[1, 1]))"),
        (ops.one_hot(Symbol("c", (2,)), x), (0, 1), "[c[0] = 1]"),
        (ops.cross_entropy.rules[0](a, None, x, np.array([2, 0])), (1, 0), "a/2·(softmax(x)[1, 0] - 1)"),
        (ops.softmax.rules[0](x, x, None, axis=-1), (0, 0),
         "x[0, 0]·(x[0, 0] - (x[0, 0]·x[0, 0] + x[0, 1]·x[0, 1] + x[0, 2]·x[0, 2]))"),
        (tg.softmax(x), (0, 1), "softmax(x)[0, 1]"), (tg.max(x), (), "max(x)"), (tg.sort(x), (1, 0), "sort(x)[1, 0]"),
        (x + np.eye(2, 3), (1, 1), "x[1, 1] + 1"), (x @ np.eye(3), (0, 2), "x[0, 2]"), (x + a, (0, 0), "x[0, 0] + a"),
        (Symbol("x", (1, 3)) + Symbol("y", (2, 1)), (1, 2), "x[0, 2] + y[1, 0]"), (a * b, (), "a·b"),
    ],
    ids=str,
)  # fmt: skip
def test_elements_are_written_as_a_person_would(formula, index, text):
    assert str(element(formula, index)) == text


def test_plain_numbers_and_arrays_have_elements_too():
    assert element(np.array([[1, 2], [3, 4]]), (1, 0)) == 3
    assert element(0, (1, 2)) == element(0.0) == 0  # of g·0 nothing else is left
    assert element(x * 0 + np.ones((2, 3)), (1, 2)) == 1
    assert type(element(np.ones(2), (0,))) is float


def test_an_element_that_is_not_there_is_an_index_error():
    for index in ((2, 0), (0, -4), (0,), (0, 0, 0)):
        with pytest.raises(IndexError, match=r"a formula of shape \(2, 3\) has no element .*it takes 2 whole numbers"):
            element(x, index)
    with pytest.raises(TypeError):
        element(x, (0, slice(None)))
    assert str(element(x, (np.int64(1), -1))) == "x[1, 2]"


def test_gradient_letters_keep_their_style():
    for style, text in (("∂", "∂L/∂z[0, 1]"), ("d", "dL/dz[0, 1]"), ("bar", "z̅[0, 1]"), ("δ", "δ_z[0, 1]")):
        assert str(element(Symbol(Derivative("L", "z", style), (2, 4)), (0, 1))) == text
    assert element(x.T @ g, (0, 3)).python() == "x[0, 0] * d_z[0, 3] + x[1, 0] * d_z[1, 3]"


def test_a_dtype_rounds_no_place():
    stretched = ops.broadcast_to(Symbol("x", (5000,)), shape=(2, 5000), dtype=np.float16)
    assert str(element(stretched, (1, 4097))) == "x[4097]"


def test_what_is_written_as_other_formulas_is_not_mixed_up():
    several = [ops.logsumexp(n * x, axis=0) for n in range(2, 30)]
    found = terms(element(sum(several[1:], several[0]), (1,)))
    assert [str(term) for term in found] == [f"log(exp({n}·x[0, 1]) + exp({n}·x[1, 1]))" for n in range(2, 30)]


# Sums taken apart, formulas evaluated. --------------------------------------------------------------------------------


def test_the_terms_of_a_sum_have_their_signs():
    assert [str(term) for term in terms(a - b)] == ["a", "-b"]
    assert [str(term) for term in terms(-(a - (b - c)) + 2)] == ["-a", "b", "-c", "2"]
    assert [str(term) for term in terms(a * (b + c))] == ["a·(b + c)"]
    assert [str(term) for term in terms(-a * b - 3)] == ["-a·b", "-3"]
    assert terms(5) == [5]
    assert len(terms(element(x @ w, (0, 0)))) == 3


@pytest.mark.parametrize("seed", range(5))
def test_the_terms_add_up(seed):
    random = np.random.default_rng(seed)
    formula, numbers = a, dict(zip("abc", random.normal(size=3), strict=True))
    for _ in range(8):
        other = [a, b * c, -c, b - a, -(a + c), 2 * c - b][random.integers(6)]
        formula = [formula + other, formula - other, other - formula, -formula][random.integers(4)]
    total = sum(evaluated(term, numbers.get) for term in terms(formula))
    assert total == pytest.approx(evaluated(formula, numbers.get), rel=1e-12)


def test_letters_are_looked_up_by_their_name_and_elements_in_their_array():
    z, u = np.arange(8.0).reshape(2, 4), np.arange(6.0).reshape(2, 3)
    asked, numbers = [], {"x": u, Derivative("L", "z"): z, "a": 2}

    def look_up(name):
        asked.append(name)
        return numbers[name]

    assert evaluated(element(x.T @ g, (1, 2)), look_up) == (u.T @ z)[1, 2]
    assert set(asked) == {"x", Derivative("L", "z")}
    assert evaluated(Symbol(Element("x", (1, 1))) * a, look_up) == 8
    assert evaluated(7, look_up) == 7
    np.testing.assert_array_equal(evaluated(x + g.T[:3].T, look_up), u + z[:, :3])
    np.testing.assert_array_equal(evaluated(tg.concatenate([x, g], axis=1), look_up), np.hstack([u, z]))
    with pytest.raises(KeyError, match="y"):
        evaluated(Symbol("y"), look_up)


def test_a_formula_of_a_thousand_terms_is_evaluated_without_recursion():
    total = a
    for _ in range(3000):
        total = total + a * b
    assert evaluated(total, {"a": 1.0, "b": 2.0}.get) == 6001
    assert len(terms(total)) == 3001


# Size. ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch):
    """Counts the Symbols that are made."""
    count, init = [0], Symbol.__init__

    def counting(self, *arguments, **settings):
        count[0] += 1
        init(self, *arguments, **settings)

    monkeypatch.setattr(Symbol, "__init__", counting)
    return count


def test_one_element_makes_the_symbols_of_its_own_sum_only(made):
    big, weight, upstream = Symbol("x", (64, 784)), Symbol("W", (784, 128)), Symbol(Derivative("L", "z"), (64, 128))
    formulas = {big @ weight: 784, big.T @ upstream: 64, tg.relu(big)[:, ::2].T[5:] @ tg.tanh(upstream * 2): 64}
    for formula, count in formulas.items():
        made[0] = 0
        assert len(terms(element(formula, (3, 5)))) == count
        assert made[0] <= 7 * count


def test_the_text_of_a_long_sum_is_written_in_every_notation():
    found = element(Symbol("x", (2, 784)) @ Symbol("W", (784, 3)), (1, 2))
    assert str(found).count("·") == found.latex().count("cdot") == found.python().count("*") == 784
    assert found.mathml().count("·") == 784
