"""The oracles: exact fractions against closed forms and by themselves, every way against every planted mistake, and
what is said of it. The truths here are worked out by hand, or follow from the definition of a derivative.
"""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, datasets, domains, nn, ops, rows
from tinygrad_edu.backward import sweep
from tinygrad_edu.checking import exact, ways
from tinygrad_edu.checking.exact import Exactly, InexactError, Near
from tinygrad_edu.checking.consensus import CENTRAL, COMPLEX, EXACT, FORWARD

F = Fraction
SMALL = st.fractions(-5, 5, max_denominator=6)


def slopes(f, *points):
    """The exact slopes of a function, for each element of each point."""
    leaves = [Value(x) for x in points]
    graph = Exactly(f(*leaves), leaves, points)
    return [graph.slopes(i, index) for i, x in enumerate(points) for index in np.ndindex(np.shape(x))]


def slope(f, *points):
    """The exact derivatives."""
    return [found.both for found in slopes(f, *points)]


def text(*arguments, **settings):
    """What is printed, none of it wider than a page."""
    printed = str(tg.oracles(*arguments, **settings))
    assert max(map(len, printed.splitlines())) <= 100
    return printed


# Numbers infinitely near a fraction. ----------------------------------------------------------------------------------


def programs(leaves):
    """Trees of + - * / over leaves."""
    return st.recursive(leaves, lambda part: st.tuples(st.sampled_from("+-*/"), part, part), max_leaves=7)


def run(tree, h):
    """The number of a tree in which None stands for h."""
    if tree is None:
        return h
    if isinstance(tree, Fraction):
        return tree
    a, b = (run(part, h) for part in tree[1:])
    return a + b if tree[0] == "+" else a - b if tree[0] == "-" else a * b if tree[0] == "*" else a / b


def at(x, h):
    """A number near a fraction, with a number in the place of h."""
    powers = [h**i for i in range(20)]
    return sum(c * p for c, p in zip(x.top, powers)) / sum(c * p for c, p in zip(x.bottom, powers))


H = Near((F(0), F(1)))


@given(programs(SMALL | st.none()), st.fractions(-1, 1, max_denominator=50))
@settings(deadline=None, max_examples=50)
def test_what_is_near_is_computed_as_with_a_number_for_h(tree, h):
    try:
        found, wanted = run(tree, H), run(tree, h)
        found = at(found, h) if isinstance(found, Near) else found
    except ZeroDivisionError:
        assume(False)
    assert found == wanted


@given(programs(SMALL | st.none()), programs(SMALL | st.none()))
@settings(deadline=None, max_examples=50)
def test_what_is_near_is_compared_as_with_a_small_number_for_h(one, other):
    tiny = F(1, 10**200)
    try:
        a, b, c, d = run(one, H), run(other, H), run(one, tiny), run(other, tiny)
    except ZeroDivisionError:
        assume(False)
    assert (a < b, a <= b, a > b, a >= b, a == b) == (c < d, c <= d, c > d, c >= d, c == d)
    assert (math.floor(a), math.ceil(a), math.trunc(a), bool(a)) == (
        math.floor(c),
        math.ceil(c),
        math.trunc(c),
        bool(c),
    )
    assert abs(a) >= 0
    if b and exact.side(b) and isinstance(b, Near) and b.top[0]:
        assert a // b == c // d
        assert a % b == a - b * (a // b)


def test_what_is_near_refuses_floats_and_division_by_h():
    for broken in (lambda: H + 0.5, lambda: 0.5 * H, lambda: H ** F(1, 2), lambda: 2**H, lambda: H**H, lambda: H < 0.1):
        with pytest.raises(TypeError):
            broken()
    with pytest.raises(ZeroDivisionError):
        1 / H
    with pytest.raises(InexactError, match="the polynomials grow too long"):
        (1 + H) ** 200


# Exact slopes. --------------------------------------------------------------------------------------------------------


@given(st.lists(SMALL, min_size=1, max_size=6), SMALL)
@settings(deadline=None, max_examples=50)
def test_polynomials(coefficients, x):
    def f(v):
        return sum((c * v**k for k, c in enumerate(coefficients) if k), Value(F(0)) * v)

    assert slope(f, x) == [sum(k * c * x ** (k - 1) for k, c in enumerate(coefficients) if k)]


@given(SMALL, SMALL)
@settings(deadline=None, max_examples=50)
def test_quotients(x, a):
    assume(x * x != -a and x)
    below = x * x + a
    assume(below)
    wanted = ((3 * x * x - 2) * below - (x**3 - 2 * x) * 2 * x) / below**2
    assert slope(lambda x: (x**3 - 2 * x) / (x**2 + a), x) == [wanted]
    assert slope(lambda x: tg.reciprocal(x) - tg.square(x) * x**-3, x) == [0]


def test_floats_are_the_fractions_that_they_are():
    assert slope(lambda x: x * x, 0.1) == [2 * F(0.1)]
    assert F(0.1) != F(1, 10)
    assert slope(lambda x: x * 0.1, 3.0) == [F(0.1)]


def test_arrays_matrices_and_batches():
    A, x = np.array([[1.0, 2.0], [3.0, -4.0]]), np.array([0.5, -0.25])
    form = lambda A, x: x @ A @ x  # noqa: E731
    assert slope(form, A, x) == [*map(F, np.outer(x, x).ravel()), *map(F, (A + A.T) @ x)]
    assert slope(lambda x: tg.prod(x), np.array([2.0, 0.0, 5.0])) == [0, 10, 0]
    assert slope(lambda x: tg.var(x), np.array([1.0, 2.0, 6.0])) == [F(-4, 3), F(-2, 3), 2]
    assert slope(lambda x: tg.sum(np.einsum("i,ij->j", x, A)), x) == [3, -1]


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (tg.abs, 0.0, -1, 1),
        (tg.relu, 0.0, 0, 1),
        (lambda x: tg.maximum(x, 3 * x), 0.0, 1, 3),
        (lambda x: tg.minimum(x, 3.0), 3.0, 1, 0),
        (lambda x: tg.clip(x, -1, 2), 2.0, 1, 0),
        (lambda x: tg.leaky_relu(x, negative_slope=0.25), 0.0, F(1, 4), 1),
        (lambda x: abs(x) * x, 0.0, 0, 0),
        (lambda x: abs(x) ** 3, 0.0, 0, 0),
        (lambda x: tg.max(tg.stack([x, 2 - x, 1.0])), 1.0, -1, 1),
        (lambda x: tg.sort(tg.stack([x, x**2, 1.0]))[0], 1.0, 2, 0),
        (lambda x: abs(abs(x - 1) - 1), 0.0, -1, 1),
        (lambda x: tg.remainder(x, 2.0), 2.0, None, 1),
        (lambda x: tg.floor(x), 1.0, None, 0),
        (lambda x: tg.ceil(x), 1.0, 0, None),
        (lambda x: tg.trunc(x), 0.0, 0, 0),
        (lambda x: tg.sign(x), 0.0, None, None),
        (lambda x: tg.floor(x**3) * 0, 0.0, 0, 0),
        (lambda x: tg.floor(-(x**4)), 0.0, None, None),
    ],
)
def test_kinks_and_jumps_are_seen_from_both_sides(f, x, left, right):
    (found,) = slopes(f, x)
    assert found == (left, right)
    assert found.both == (left if left == right else None)
    away = slopes(f, x + 0.125)[0]
    assert away.left == away.right is not None


@pytest.mark.parametrize("row", list(domains.DOMAINS), ids=lambda row: row.name)
def test_a_row_that_computes_on_fractions_agrees_with_its_rules_and_the_others_are_refused(row):
    random, confirmed, refused = np.random.default_rng(5), 0, set()
    for case in domains.cases(row):
        operands = domains.draw(row, case, random)
        plain = row in (tg.gradient,)
        values = [Value(x) if real(x) and not (plain and i) else x for i, x in enumerate(operands)]
        leaves = [x for x in values if isinstance(x, Value)]
        found = domains.call(row, values, case.settings)
        for result in found if isinstance(found, tuple | list) else [found]:
            if not isinstance(result, Value) or not result.requires_grad or not result.size:
                continue
            weights = random.uniform(0.5, 1.5, result.shape) if result.shape else 1.0
            gradients = sweep(result, weights, leaves)
            try:
                graph = Exactly(result, leaves, [x.data for x in leaves], weights)
            except InexactError as error:
                refused.add(str(error))
                continue
            assert float(graph.value) == pytest.approx(np.sum(result.data * weights), rel=1e-9, abs=1e-9)
            for i, leaf in enumerate(leaves):
                for index in [*np.ndindex(leaf.shape)][:3]:
                    try:
                        both = graph.slopes(i, index).both
                    except InexactError as error:
                        refused.add(str(error))
                        continue
                    rule = np.broadcast_to(np.asarray(gradients.get(leaf, 0.0)), leaf.shape)[index]
                    assert float(both) == pytest.approx(rule, rel=1e-9, abs=1e-9)
                    confirmed += 1
    assert confirmed or refused or not getattr(row, "rules", True)
    assert bool(refused) == (row.name in REFUSED)
    assert all(re.match("fractions cannot pass through|it is rounded|.* divides by 0", says) for says in refused)


def real(x):
    return isinstance(x, float) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


# Somewhere no fraction comes out, or NumPy does not compute it on objects.
WORDS = """
    power exp log expm1 log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
    sigmoid softplus logsumexp softmax log_softmax cross_entropy silu gelu elu exp2 log2 log10 cbrt sinc
    arctan2 hypot logaddexp logaddexp2 degrees radians norm std vector_norm matrix_norm slope xlogy log_of
    fabs rint round scatter inv solve cofactor det slogdet cholesky eigh eigvalsh svd svdvals pinv phi gaps p_norm
    matrix_power
"""
REFUSED = set(WORDS.split())


def test_what_is_not_exact_is_refused_and_named(monkeypatch):
    def refusal(f, *points):
        with pytest.raises(InexactError) as caught:
            slopes(f, *points)
        return str(caught.value)

    assert refusal(lambda x: tg.exp(x * 2), 1.0) == "fractions cannot pass through exp"
    assert refusal(lambda x: x**0.5, 4.0) == "fractions cannot pass through power"
    assert refusal(lambda x: (x * 2).astype(np.float32).sum(), np.ones(2)) == "it is rounded to float32 on the way"
    assert refusal(lambda x: 1 / x, 0.0) == "divide divides by 0"
    assert refusal(lambda x: tg.clip(x, -np.inf, 1), 0.5) == "-inf is no fraction"
    assert refusal(lambda x: x * np.nan, 0.5) == "nan is no fraction"
    assert refusal(lambda x: x**100_000, 1.0 + 2**-20) == "the fractions grow too long"
    assert refusal(lambda x: tg.sum(x * x), np.ones(200_000)) == "the graph is too large for them"
    assert refusal(lambda x, n: x**n, 2.0, 3.0) == "fractions cannot pass through power"

    def squared(x, times):
        for _ in range(times):
            x = x * x
        return x

    assert refusal(lambda x: squared(x, 40), 1 + 2.0**-50) == "the fractions grow too long"
    assert slope(lambda x: squared(x, 3), 2.0) == [8 * 2**7]
    for compute in (lambda x: 1.0 * x * x, lambda x: np.square(np.asarray(x, float))):
        monkeypatch.setattr(ops.square, "compute", compute)
        assert refusal(lambda x: tg.square(tg.stack([x, x])).sum(), 3.0) == "fractions cannot pass through square"
    monkeypatch.setattr(ops.square, "compute", lambda x: x * x if x.dtype == float else (x * x)[None])
    assert refusal(lambda x: tg.square(tg.stack([x, x])).sum(), 3.0) == "square gives another shape for fractions"


def test_only_the_exponent_that_moves_is_refused():
    leaves = [Value(2.0), Value(3.0)]
    graph = Exactly(leaves[0] ** leaves[1], leaves, [2.0, 3.0])
    assert graph.slopes(0, ()).both == 12
    with pytest.raises(InexactError, match="fractions cannot pass through power"):
        graph.slopes(1, ())


def test_no_rule_is_known_to_exact_fractions(monkeypatch):
    for row in (ops.multiply, ops.square, ops.divide, ops.add, ops.matmul, ops.sum, ops.getitem):
        monkeypatch.setattr(row, "rules", (None,) * row.arity)
    assert slope(lambda x: tg.sum(tg.square(x) / (x @ x)) + x[0] * 3, np.array([1.0, 2.0])) == [3, 0]


def test_a_leaf_a_constant_and_a_leaf_that_leads_nowhere():
    x, y = Value(2.0), Value([1.0, 2.0])
    assert Exactly(x, [x], [2.0]).slopes(0, ()).both == 1
    assert Exactly(x * 3, [x, y], [2.0, y.data]).slopes(1, (0,)).both == 0
    assert Exactly(Value(7.0), [x], [2.0]).slopes(0, ()).both == 0
    assert Exactly(y, [y], [y.data], np.array([3.0, 5.0])).slopes(0, (1,)).both == 5


# The table. -----------------------------------------------------------------------------------------------------------

CLOSED = [  # a function, its inputs, its gradient on paper
    (lambda x: 1 / (1 + x * x), (2.0,), (-4 / 25,)),
    (lambda a, b: a * b + a**2 / b, (3.0, -2.0), (-2 - 3.0, 3 - 9 / 4)),
    (lambda x: tg.sum(tg.tanh(x)), (np.array([0.5, -1.0]),), (1 - np.tanh([0.5, -1.0]) ** 2,)),
    (lambda x: tg.exp(-x @ x), (np.array([0.5, -1.0]),), (np.array([-1.0, 2.0]) * math.exp(-1.25),)),
    (lambda X, w: tg.sum((X @ w) ** 2), (np.eye(2) * 3, np.array([1.0, 2.0])),
     (np.array([[6, 12], [12, 24.0]]), np.array([18, 36.0]))),
    (lambda x, n: x**n, (2.0, 3.0), (12.0, 8 * math.log(2))),
    (lambda x: tg.log(tg.sum(tg.exp(x))), (np.array([0.0, 0.0, 0.0]),), (np.full(3, 1 / 3),)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "inputs", "gradients"), CLOSED)
def test_every_way_gives_the_gradient_of_the_closed_form(f, inputs, gradients):
    found = tg.oracles(f, *inputs)
    wanted = [x for g in gradients for x in np.ravel(g)]
    assert found.agree
    assert len(found.rows) == len(wanted)
    for row, right in zip(found.rows, wanted, strict=True):
        assert row.verdict == "ok"
        assert (row.reverse, row.forward, row.complex_step) == pytest.approx((right,) * 3, rel=1e-13)
        assert row.central == pytest.approx(right, rel=1e-9)
        assert row.exact is None or float(row.exact) == pytest.approx(right, rel=1e-15)
        assert row.digits[COMPLEX] >= 14
        assert 9 <= row.digits[CENTRAL] <= 16
    assert text(f, *inputs).splitlines()[-1].startswith(f"{len(wanted)} of {len(wanted)} number")


def test_fractions_are_kept_and_shown_as_such():
    found = tg.oracles(lambda a, b: a * b + a**2 / b, F(1, 3), Value(F(2), "b"))
    assert [row.exact for row in found.rows] == [F(7, 3), F(11, 36)]
    assert "7/3 = 2.333333333 ·16" in str(found)
    a = Value(F(1, 3), "a")
    assert [row.exact for row in tg.oracles(a * a * a).rows] == [F(1, 3)]
    assert tg.oracles(lambda x: x * x, 0.1).rows[0].exact == 2 * F(0.1)
    assert "0.2 ·16" in str(tg.oracles(lambda x: x * x, 0.1))  # a fraction of 17 digits is not


def test_why_an_oracle_is_not_used_is_said():
    found = text(lambda x: tg.exp(abs(x)), 1.0)
    assert "complex step         not used; complex numbers cannot pass through abs\n" in found
    assert "exact fractions      not used; fractions cannot pass through exp\n" in found
    assert "complex step  " not in found.split("\n\n")[1]  # nor has it a column
    found = text(lambda x, n: x**n, 2.0, 3.0)
    assert "exact fractions      used; agrees to 16 digits; not for 1 of 2: fractions cannot pass through" in found
    found = text(lambda x: x * 2 + 0 * float(x), 2.0)
    assert "not used; complex numbers cannot pass through f (TypeError: float()" in found
    found = tg.oracles(lambda x: tg.exp(abs(x)), 1.0)
    assert [(o.name, o.used) for o in found.oracles] == [
        (COMPLEX, False), (CENTRAL, True), (EXACT, False), (FORWARD, True)
    ]  # fmt: skip
    assert found.digits.keys() == {CENTRAL, FORWARD}
    assert "consistency only, it reads the same rules" in str(found)
    assert "forward (consistency)" in str(found)


def test_names_come_from_labels_arguments_and_names():
    f = lambda first, second: first * second  # noqa: E731
    assert [row.input for row in tg.oracles(f, 1.0, Value(2.0, "w")).rows] == ["first", "w"]
    assert [row.input for row in tg.oracles(f, 1.0, 2.0, names=["a", "b"]).rows] == ["a", "b"]
    assert [row.input for row in tg.oracles(f, 1.0, 2.0, argnums=1).rows] == ["second"]
    twice = tg.oracles(f, Value(1.0, "w"), Value(2.0, "w"))
    assert [(one.name, len(one.rows)) for one in twice.inputs] == [("w", 1), ("w", 1)]
    assert str(twice).count("\nw\n") == 2


def test_a_recorded_loss_and_a_model():
    w, s = Value([1.0, 2.0], "w"), Value(3.0, "s")
    loss = tg.sum((w * s) ** 2)
    loss.backward()
    found = tg.oracles(loss)
    assert {row.place: row.exact for row in found.rows} == {"w[0]": 18, "w[1]": 36, "s": 30}
    assert w.grad.tolist() == [18, 36]
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, 3, "tanh", seed=0), nn.Dense(3, 2, seed=1))
    before = [p.grad for p in model.parameters()]
    found = tg.oracles(model, x, y, loss=nn.cross_entropy)
    assert found.agree
    assert len(found.rows) == 6 + 3 + 6 + 2
    assert [p.grad for p in model.parameters()] == before == [None] * 4


def test_gradients_of_other_graphs_are_left_alone():
    w = Value(3.0, "w")
    outside = w * 2
    assert tg.oracles(lambda x: x * outside, 2.0).rows[0].reverse == 6
    assert tg.check_gradients(lambda x: x * x * outside, 2.0, order=2).passed
    assert (w.grad, outside.grad) == (None, None)


def test_large_inputs_are_sampled_with_the_seed_said():
    x = np.linspace(0.1, 1, 5000)
    f = lambda x: tg.sum(tg.exp(x))  # noqa: E731
    found = tg.oracles(f, x, seed=3, samples=5)
    assert len({row.element for row in found.rows}) == 5
    assert all(row.reverse == pytest.approx(math.exp(x[row.element]), rel=1e-14) for row in found.rows)
    assert "x (5000,), 5 of 5000 elements" in text(f, x, seed=3, samples=5)
    assert "note: of large inputs 5 elements each are looked at, drawn with seed 3." in str(found)
    assert str(found) == text(f, x, seed=3, samples=5) != text(f, x, seed=4, samples=5)
    assert "elements" not in text(f, x[:5], samples=5)
    with pytest.raises(ValueError, match="samples is a whole number from 1 on, not 0"):
        tg.oracles(f, x, samples=0)


def test_an_array_is_summed_with_weights_that_every_way_shares():
    found = tg.oracles(lambda x: tg.stack([x * x, x**3, 2 * x]), 3.0)
    assert found.agree
    assert found.rows[0].exact.denominator > 2**20  # the weights are random
    assert "note: the result, of shape (3,), was summed with fixed random weights." in text(
        lambda x: tg.stack([x * x, x**3, 2 * x]), 3.0
    )


def test_zeros_that_are_not_quite_zero_agree_as_far_as_can_be_known():
    found = tg.oracles(lambda x: tg.sum(tg.softmax(x)), np.array([0.1, 0.2, -3.0]))
    assert found.agree
    assert "≈" in str(found)
    assert "≠" not in str(found).partition("\n")[2]
    found = tg.oracles(lambda x: (1 - tg.cos(x)) / x**2, 1e-3)  # on paper -x/12, but digits cancel
    assert found.agree
    assert found.rows[0].reverse == pytest.approx(-1e-3 / 12, rel=1e-2)


# What is not right. ---------------------------------------------------------------------------------------------------


def verdict(f, *points):
    """The verdict on the first row, and the evidence."""
    text(f, *points)
    found = tg.oracles(f, *points)
    assert found.worst.verdict != "ok" or found.agree
    return found.rows[0].verdict, found.rows[0].evidence


def test_a_wrong_rule_is_told_from_a_part_that_is_not_recorded(monkeypatch):
    smooth = lambda x: tg.tanh(x) * x.data  # noqa: E731
    assert verdict(smooth, 0.5)[1].endswith(ways.WRONG_OR_CUT)
    says = verdict(lambda x: x * x.data, 3.0)
    assert says == (
        "wrong",
        "reverse mode, forward mode and exact fractions: 3; complex step and central differences: 6. " + ways.CUT,
    )
    monkeypatch.setattr(ops.square, "rules", (lambda g, y, x: g * x,))
    assert verdict(tg.square, 3.0) == (
        "wrong",
        "reverse mode and forward mode: 3; complex step, exact fractions and central differences: 6. " + ways.WRONG,
    )
    assert verdict(lambda x: tg.exp(tg.square(x)), 0.5)[1].endswith(ways.WRONG_OR_CUT)
    found = tg.oracles(lambda x: tg.sum(tg.square(x)) + x[1], np.arange(1.0, 9.0))
    assert (found.agree, found.contradicted, found.worst.verdict) == (False, True, "wrong")
    assert found.digits[COMPLEX] == found.digits[EXACT] == 0
    printed = str(found)
    assert "complex step         used; DISAGREES on 8 of 8\n" in printed
    assert "0 of 8 numbers confirmed.\nThe oracles DISAGREE with the rules on x[0], x[1]" in printed
    assert "  and in the same way x[3], x[4]" in printed


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.5, 2.0, 17.0, 1 + 1e-5])
def test_no_wrong_factor_is_confirmed(factor, monkeypatch):
    for row, x in ((ops.multiply, 3.0), (ops.tanh, 0.5), (ops.relu, 2.0), (ops.divide, 4.0), (rows.cbrt, 0.3)):
        first, *rest = row.rules
        wrong = lambda g, y, *a, rule=first, **at: factor * rule(g, y, *a, **at)  # noqa: E731
        with monkeypatch.context() as patch:
            patch.setattr(row, "rules", (wrong, *rest))
            found = tg.oracles(lambda x, row=row: row(*[x, 2.0][: row.arity]) + 1, x)
            assert (found.rows[0].verdict, found.agree) == ("wrong", False)
            assert CENTRAL in found.rows[0].against
            assert "rule is wrong" in found.rows[0].evidence.lower()


def test_fractions_and_the_complex_step_are_sharper_than_differences(monkeypatch):
    for factor, says in ((1 + 1e-8, "wrong"), (1 + 1e-11, "ok")):
        monkeypatch.setattr(ops.square, "rules", (lambda g, y, x, factor=factor: g * 2 * x * factor,))
        assert tg.check_gradients(tg.square, 3.0).passed
        assert verdict(tg.square, 3.0)[0] == says
        assert verdict(lambda x: tg.exp(tg.square(x)), 0.5)[0] == says  # without fractions
        assert verdict(lambda x: abs(tg.square(x)), 0.5)[0] == says  # without complex numbers


def test_kinks_that_cancel_leave_a_slope_which_the_conventions_miss():
    smooth = lambda x: tg.relu(x) - tg.relu(-x)  # noqa: E731  # it is x, but both rules say 0
    says = "reverse mode and forward mode: 0; exact fractions and central differences: 1. " + ways.WRONG
    assert verdict(smooth, 0.0) == ("wrong", says)
    assert "kinks within f cancel" in says
    assert verdict(smooth, 0.5) == ("ok", "")


def test_who_is_alone_is_named(monkeypatch):
    with monkeypatch.context() as patch:  # right for g = 1, and only there
        patch.setattr(ops.square, "rules", (lambda g, y, x: g * g * 2 * x,))
        assert verdict(tg.square, 3.0)[1].endswith(ways.MEANING[FORWARD])
    with monkeypatch.context() as patch:
        patch.setattr(ops.square, "rules", (lambda g, y, x: g * 2 * x + 1.0,))
        assert verdict(tg.square, 3.0)[1].endswith(ways.MEANING[ways.REVERSE])
    with monkeypatch.context() as patch:  # |z|² is x² for real numbers
        patch.setattr(ops.square, "scalar", lambda x: x * x.conjugate())
        assert verdict(tg.square, 3.0)[1].endswith(ways.MEANING[COMPLEX])
    with monkeypatch.context() as patch:
        patch.setattr(ops.square, "compute", lambda x: 3 * x)
        assert verdict(tg.square, 3.0)[1].endswith(ways.MEANING[EXACT])
    dropped = lambda x: x + np.real(x.data) / 4  # noqa: E731  # neither recorded nor complex
    assert verdict(dropped, 0.3)[1].endswith(ways.MEANING[CENTRAL])
    stairs = lambda x: x + np.round(np.real(x.data) * 2**24) / 2**26  # noqa: E731  # even between its finest steps
    assert verdict(stairs, 0.3) == ("ok", "")


def test_kinks_are_no_contradiction_but_a_gradient_beside_them_is(monkeypatch):
    found = tg.oracles(lambda x: tg.sum(abs(x)), np.array([0.0, 1.0]))
    assert [row.verdict for row in found.rows] == ["kink", "ok"]
    assert found.rows[0].slopes == (-1, 1)
    assert found.agree
    assert "| 1  0 ·16" in str(found)
    assert "There is a kink at x[0]." in str(found)
    for f, x in (
        (lambda x: tg.where(x > 0, x, 2 * x), 0.0),  # the branch that was taken is smooth
        (lambda x: tg.exp(-abs(x)), 0.0),  # the mean of the two slopes is 0, and so is the convention
        (lambda x: tg.exp(tg.relu(x)), 0.0),
        (lambda x: tg.tanh(tg.maximum(x, 2 * x)), 0.0),
        (lambda x: x if x > 0 else 3 * x, 0.0),
    ):
        assert verdict(f, x)[0] == "kink", f
    monkeypatch.setattr(ops.relu, "rules", (lambda g, y, x: g * 5,))
    assert verdict(tg.relu, 0.0) == (
        "wrong",
        "exactly slope 0 to the left, slope 1 to the right, but the rules say 5.",
    )
    assert verdict(lambda x: tg.exp(tg.relu(x)), 0.0) == (
        "wrong",
        "a kink (slope 0 to the left, 1 to the right), but 5 is outside of both.",
    )
    monkeypatch.setattr(rows.remainder, "rules", (lambda g, y, a, b: g * 5, None))
    assert verdict(lambda x: tg.remainder(x, 2.0), 2.0) == (
        "wrong",
        "exactly a jump to the left, slope 1 to the right, but the rules say 5.",
    )


@pytest.mark.parametrize("distance", [1e-3, -1e-3, 0.01, -0.3])
def test_beside_a_kink_there_is_none(distance):
    for f in (tg.abs, tg.relu, lambda x: tg.maximum(x, -x), lambda x: tg.clip(x, 0, 9), lambda x: tg.exp(abs(x))):
        assert verdict(f, distance) == ("ok", "")


def test_jumps_nan_and_inf_are_no_agreement():
    assert verdict(tg.floor, 2.0) == (
        "not differentiable",
        "exactly a jump to the left, slope 0 to the right; by convention the rules say 0.",
    )
    assert verdict(tg.log, -1.0) == (
        "not finite",
        "f is nan at these inputs: log is the first operation that gives one.",
    )
    assert verdict(tg.sqrt, 0.0) == (
        "not finite",
        "the gradient is inf, the function has a slope without end to the right, no values to the left.",
    )
    assert verdict(lambda x: tg.sqrt(x * x), 0.0)[0] == "not finite"
    for f, x in ((tg.floor, 2.0), (tg.log, -1.0), (tg.sqrt, 0.0), (lambda x: 1 / x, 0.0)):
        found = tg.oracles(f, x)
        assert not found.agree
        assert "0 of 1 number confirmed." in str(found)


def test_a_function_may_refuse_what_lies_beyond_its_domain():
    def f(x):
        if np.real(x.data) < 0:
            raise ValueError("no root of a negative number")
        return tg.sqrt(x)

    found = tg.oracles(f, 0.01)
    assert found.agree
    assert found.rows[0].central == pytest.approx(5, rel=1e-8)
    assert tg.oracles(f, 0.0).rows[0].verdict == "not finite"


def test_nothing_is_confirmed_where_nobody_can_tell():
    random = np.random.default_rng(0)
    found = tg.oracles(lambda x: x * random.uniform(), 2.0)
    assert (found.agree, found.rows[0].verdict) == (False, "not deterministic")
    assert "f is not the same at every call, so nothing can be said of x." in str(found)
    assert str(found).count("note: f gave ") == 1

    def mutates(x):
        x.data[0] = 5.0
        return tg.sum(x * x)

    found = tg.oracles(mutates, np.arange(3.0))
    assert (found.agree, found.contradicted, {row.verdict for row in found.rows}) == (False, True, {"input mutated"})
    assert "note: f changed its input: x[0] was 0" in text(mutates, np.arange(3.0))
    noise = lambda x, much: abs(x) * tg.exp(x) + much * math.sin(1e15 * float(np.real(x.data)))  # noqa: E731
    found = tg.oracles(lambda x: noise(x, 1e-2), 2.0)
    assert (found.rows[0].verdict, found.agree, "≈" in str(found)) == ("rounding", True, True)
    assert "x: agrees to 1e-03 of it" in str(found)
    found = tg.oracles(lambda x: noise(x, 1e4), 2.0)
    assert [row.verdict for row in found.rows] == ["unconfirmed"]
    assert not found.agree
    assert "No oracle that knows no rule says anything of x." in str(found)
    assert "central differences  not used; the values of f do not tell a slope" in str(found)


def test_digits_that_cancel_are_called_rounding():
    says, evidence = verdict(lambda x: ((1 + x) ** 2 - 1 - 2 * x) / x**2, 1e-6)  # on paper it is 1 everywhere
    assert says == "rounding"
    assert "Digits cancel in f: it is 1, and comes out as 0.99992" in evidence
    assert "exact fractions and central differences: 0." in evidence
    real = lambda x: ((1 + abs(x)) ** 2 - 1 - 2 * abs(x)) / x**2  # noqa: E731  # no complex step has a say
    assert verdict(real, 1e-6)[0] == "rounding"
    assert not tg.oracles(real, 1e-6).agree


def test_a_wrong_rule_is_not_excused_by_digits_that_cancel(monkeypatch):
    f = lambda x: ((1 + x) ** 2 - 1 - 2 * x) / x**2  # noqa: E731
    real = lambda x: ((1 + abs(x)) ** 2 - 1 - 2 * abs(x)) / x**2  # noqa: E731
    first, second = ops.divide.rules
    monkeypatch.setattr(ops.divide, "rules", (lambda g, y, a, b: 2 * first(g, y, a, b), second))
    assert verdict(f, 1e-6)[0] == "wrong"
    assert verdict(real, 1e-3)[0] == "wrong"  # where what is lost explains a little only


def test_a_wrong_function_is_confirmed_and_only_a_known_value_can_tell():
    p = np.array([0.2, 0.8])
    surprise = lambda p: tg.log(p[0])  # noqa: E731  # the minus sign is forgotten
    assert tg.oracles(surprise, p).agree
    assert "wrong function" in tg.oracles.__doc__


def test_a_rule_with_bare_numbers_is_noticed_by_the_forward_mode(monkeypatch):
    monkeypatch.setattr(ops.square, "rules", (lambda g, y, x: float(g) * 2 * float(x),))
    assert verdict(tg.square, 3.0)[1].endswith(ways.MEANING[FORWARD])
    monkeypatch.setattr(ops.square, "rules", (lambda g, y, x: float.fromhex(g.hex()) * 2 * x,))
    found = tg.oracles(tg.square, 3.0)
    assert found.agree
    assert found.rows[0].forward is None
    assert "forward mode         not used; consistency only, it reads the same rules; a rule does not" in str(found)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(GradientError, match="f returned a plain float, not a Value"):
        tg.oracles(lambda x: float(x) ** 2, 2.0)
    with pytest.raises(ValueError, match="nothing to check"):
        tg.oracles(lambda: Value(2.0))
    with pytest.raises(ValueError, match="nan"):
        tg.oracles(lambda x: x, np.nan)
    with pytest.raises(TypeError, match="real numbers"):
        tg.oracles(lambda x: x, 1j)
    with pytest.raises(GradientError, match="f raised ZeroDivisionError"):
        tg.oracles(lambda x: 1 // 0, 2.0)
    with pytest.raises(GradientError, match="constant"):
        tg.oracles(Value(2.0, requires_grad=False) * 2)


def test_pages_hold_numbers_of_any_size():
    big = lambda x: tg.sum(x**3 * 1.2345678e100)  # noqa: E731
    printed = text(big, np.array([[1.23456789e-30, -9.87654321e20], [3.3e33, 7.7e-200]]))
    assert "-1" not in printed.splitlines()[0]
    assert re.search(r"\[0, 1\] +3\.6", printed)
    long = Value(np.array([1.0, 2.0]), "a\x1b[31m" + "very long name " * 20)
    assert "\x1b" not in text(lambda x: tg.sum(x * x), long)


def test_the_scope_of_exact_fractions_is_small_graphs():
    x = np.ones((40, 40))
    found = tg.oracles(lambda a, b: tg.sum(a @ b), x, x)
    assert "exact fractions      not used; the graph is too large for them" in str(found)
    assert found.agree


RULED = [row for row in domains.DOMAINS if isinstance(row, ops.Op) and row.rules]


@pytest.mark.parametrize("row", RULED, ids=lambda row: row.name)
def test_every_rule_is_confirmed_and_none_is_with_a_wrong_factor(row, monkeypatch):
    case = domains.cases(row)[min(1, len(domains.cases(row)) - 1)]
    operands = domains.draw(row, case, np.random.default_rng(2))
    moved = [i for i, x in enumerate(operands) if real(x) and np.size(x)]

    def f(*xs):
        given = dict(zip(moved, xs, strict=True))
        return domains.call(row, [given.get(i, x) for i, x in enumerate(operands)], case.settings)

    found = tg.oracles(f, *[operands[i] for i in moved], samples=9)
    assert {one.verdict for one in found.rows} == {"ok"}
    assert max(map(len, str(found).splitlines())) <= 100
    flat = all(one.reverse == 0 for one in found.rows)  # floor, sign: twice nothing is nothing
    assert flat == (row in FLAT)
    double = lambda rule: rule and (lambda g, *operands, **at: 2 * rule(g, *operands, **at))  # noqa: E731
    rules = row.rules
    wrong = ops.Each(lambda i: double(rules.each(i))) if isinstance(rules, ops.Each) else tuple(map(double, rules))
    monkeypatch.setattr(row, "rules", wrong)
    assert tg.oracles(f, *[operands[i] for i in moved], samples=9).contradicted != flat


FLAT = {ops.sign, rows.floor, rows.ceil, rows.rint, rows.trunc, rows.round, rows.floor_divide}
