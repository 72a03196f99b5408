"""Paths: counted, listed, multiplied along and added up, against the gradient and against an oracle without rules."""

import re
from fractions import Fraction
from itertools import islice, pairwise

import naive
import numpy as np
import pytest
from programs import DECK, programs, run

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value
from tinygrad_edu.teaching.path_sums import many, paths

SCALARS = [(row, case) for row, case in DECK if not any(isinstance(x, tuple) and x for x in case.operands)]
GROUPS = [*[(seed, 10, SCALARS) for seed in range(10)], *[(seed, 4, DECK) for seed in range(10, 20)]]
in_groups = pytest.mark.parametrize(("seed", "size", "deck"), GROUPS, ids=[str(seed) for seed, *_ in GROUPS])


def example():
    """L = (a·b + c)·f + a, in which a is used twice."""
    a, b, c, f = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c"), Value(1.5, "f")
    d = a * b + c
    d.label = "d"
    return d * f + a


def doublings(n, x):
    """x, doubled n times."""
    for _ in range(n):
        x = x + x
    return x


def with_slope(path):
    """Whether a path of the oracle has a rule on each edge: no gradient goes through a condition."""
    return all(rule is not None for node, i in path for rule in [next(islice(iter(node.op.rules), i, None), None)])


# What a path is. ------------------------------------------------------------------------------------------------------


def test_the_paths_of_an_expression():
    found = paths(example(), "a")
    assert (found.count, len(found), found.nodes, found.complete) == (2, 2, 4, True)
    long, short = found
    assert [found.names.of(x) for x in long.nodes] == ["L", "v2", "d", "v1", "a"]
    assert (long.places, long.locals, long.contribution) == ((0, 0, 0, 0), [1.0, 1.5, 1.0, -3.0], -4.5)
    assert (short.places, short.locals, short.contribution) == ((1,), [1.0], 1.0)
    assert found.total == found.listed_total == -3.5
    assert found[0].formula == "1 · f · 1 · b"


def test_a_list_of_exactly_all_paths_is_complete():
    assert paths(example(), "a", limit=2).complete
    assert not paths(example(), "a", limit=1).complete


def test_x_times_x_has_two_paths():
    x = Value(3.0, "x")
    first, second = paths(x * x, x)
    assert (first.places, second.places, first.contribution, second.contribution) == ((0,), (1,), 3.0, 3.0)
    assert (first.text(), second.text()) == ("L ←₁ x:  x = 3", "L ←₂ x:  x = 3")


def test_the_loss_itself_and_inner_values():
    loss = example()
    one = paths(loss, loss)
    assert (one.count, one.nodes, one[0].contribution, one.total, str(one[0])) == (1, 0, 1.0, 1.0, "L:  1")
    assert str(one).splitlines() == ["∂L/∂L: 1 path, the value itself", "L:  1"]
    assert paths(loss, "d").total == 1.5
    assert [path.text() for path in paths(loss, "d")] == ["L ← v2 ← d:  1 · f = 1 · 1.5 = 1.5"]
    leaf = Value(2.0, "x")
    assert paths(leaf, leaf).total == 1.0


def test_where_there_is_no_slope_there_is_no_path():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    condition = x * y
    loss = tg.where(condition, x * 4, y) + y
    assert [len(paths(loss, v)) for v in (x, y)] == [1, 2]
    assert (paths(loss, x).count, paths(loss, x).nodes, paths(loss, x).total) == (1, 3, 4.0)
    with pytest.raises(GradientError, match="No path leads from L to v1: it is used only where there is no slope"):
        paths(loss, condition)


def test_factors_that_are_sums_or_negative_stand_in_brackets():
    x = Value(0.5, "x")
    (path,) = paths(-(x.tanh()) * 3, x)
    assert path.text() == "L ← v2 ← v1 ← x:  3 · (-1) · (1 - v1²) = 3 · (-1) · 0.7864 = -2.359"


def test_fractions_stay_exact_and_float32_stays_float32():
    x = Value(Fraction(1, 3), "x")
    found = paths(x**2 / 2, x)
    assert found.total == found.listed_total == Fraction(1, 3)
    assert "x = 1/2 · 2/3 = 1/3" in str(found)
    w = Value(np.float32([1.0, 2.0]), "w")
    found = paths((w * w).sum(), w)
    assert found.total.dtype == found[0].contribution.dtype == np.float32
    assert np.array_equal(found.total, found.listed_total)


def test_a_division_by_zero_is_inf_as_in_the_sweep():
    x = Value(0.0, "x")
    loss = x.log() + x.sqrt()
    assert [path.contribution for path in paths(loss, x)] == [np.inf, np.inf]


# Arrays. --------------------------------------------------------------------------------------------------------------


def test_the_contribution_of_a_tensor_path_is_unbroadcast():
    X = Value(np.arange(6.0).reshape(2, 3), "X", requires_grad=False)
    b = Value([1.0, 2.0, 3.0], "b")
    found = paths(((X + b) * b).sum(), "b")
    assert [path.contribution.tolist() for path in found] == [[2.0, 4.0, 6.0], [5.0, 9.0, 13.0]]
    assert found.total.tolist() == found.listed_total.tolist() == [7.0, 13.0, 19.0]
    assert [path.formula for path in found] == [
        "sum(broadcast_to(1, (2, 3))·b, axis=0)",
        "sum(1·v1, axis=0)",
    ]
    assert found[0].locals[0] is None
    assert found[0].locals[1].tolist() == [[1.0, 2.0, 3.0]] * 2
    assert str(found[0]).endswith("= (3,) [2, 4, 6]")


def test_large_arrays_show_their_shape_and_extremes():
    W = Value(np.arange(16.0).reshape(2, 8), "W")
    loss = (W * W).sum()
    assert paths(loss, W)[0].text().endswith("(2, 8) min 0 mean 7.5 max 15")


# Many, and long. ------------------------------------------------------------------------------------------------------


def test_sixty_diamonds_have_2_to_the_60_paths_through_60_nodes():
    x = Value(3.0, "x")
    found = paths(doublings(60, x), x, limit=3)
    assert (found.count, found.nodes, len(found), found.complete) == (2**60, 60, 3, False)
    assert (found.listed_total, found.total) == (3.0, 2.0**60)
    lines = str(found).splitlines()
    header = "∂L/∂x: 2^60 = 1152921504606846976 paths, through 60 nodes that the sweep visits once each; 3 of them"
    assert lines[:2] == [header, "are listed"]
    assert lines[-3].split()[-1] == "3"
    assert lines[-2].split() == ["all,", "by", "the", "sweep", "1.153e+18"]


def test_paths_are_found_one_by_one():
    x = Value(3.0, "x")
    found = paths(doublings(60, x), x, limit=10**15)
    assert len(found) == 10**15
    assert [path.places[-2:] for path in islice(found, 4)] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_limit_beyond_all_bounds_and_a_leaf_without_numbers():
    x, v = Value(1.0, "x"), Value(np.ones((30, 0)), "v")
    assert len(paths(x * x + x, x, limit=10**30)) == len([*paths(x * x + x, x, limit=10**30)]) == 3
    assert paths((v * v).sum(), v)[0].text().endswith("= (30, 0)")


def test_a_chain_of_100_000_nodes():
    x = y = Value(1.0, "x")
    for _ in range(100_000):
        y = y + x
    found = paths(y, x, limit=2)
    assert (found.count, found.nodes, found.total) == (100_001, 100_000, 100_001.0)
    assert [len(path.nodes) for path in found] == [100_001] * 2
    assert "L ← v99999 ← v99998 ← v99997 ← … ← v2 ← v1 ←₂ x:" in str(found)


def test_a_count_with_more_digits_than_python_writes():
    found = paths(doublings(20_000, Value(1.0, "x")), "x", limit=1)
    assert found.count == 2**20_000
    assert str(found).startswith("∂L/∂x: 2^20000 paths, through 20000 nodes")
    assert "1 of them is listed" in str(found)


def test_one_path_of_several_is_no_sum():
    x = Value(3.0, "x")
    assert str(paths(x * x, x, limit=1)).splitlines()[:3] == [
        "∂L/∂x: 2 paths, through 1 node that the sweep visits once; 1 of them is listed",
        "L ←₁ x:           x = 3",
        "all, by the sweep     6",
    ]


def test_counts_in_words():
    assert [many(n) for n in (1, 12, 512, 1024, 3**20)] == ["1", "12", "512", "2^10 = 1024", "3486784401"]
    assert many(2**100) == "2^100"
    assert many(3**100) == "about 5.2·10^47"


# As text. -------------------------------------------------------------------------------------------------------------


def test_the_table():
    assert str(paths(example(), "a")).splitlines() == [
        "∂L/∂a: 2 paths, 4 nodes visited once each",
        "L ← v2 ← d ← v1 ← a:  1 · f · 1 · b = 1 · 1.5 · 1 · (-3) = -4.5",
        "L ← a:                                                        1",
        "sum                                                        -3.5",
    ]
    x = Value(3.0, "x")
    assert str(paths(x * x, x)).splitlines() == [
        "∂L/∂x: 2 paths, 1 node visited once",
        "L ←₁ x:  x = 3",
        "L ←₂ x:  x = 3",
        "sum          6",
        "←₁ through the first operand, ←₂ through the second, where a node uses a value twice",
    ]
    assert str(paths(x.exp(), x)).splitlines()[0] == "∂L/∂x: 1 path, 1 node visited once"


def test_names_come_from_the_caller():
    x = Value(2.0)
    y = x * 3
    found = paths(y * y, "x", names={"x": x, "y": y})
    assert found[0].route() == "L ←₁ y ← x"
    assert repr(found[0]) == "<path L ←₁ y ← x: 18>"
    assert repr(found) == str(found)


@pytest.mark.parametrize("n", [3, 12, 13, 60])
def test_lines_keep_to_100_columns_whatever_the_names(n):
    x = y = Value(1.5, "a name that nobody would ever give to a value, would they? ")
    for i in range(n):
        y = y * y
        y.label = f"{i} a name that is much longer than the forty characters"
    assert max(map(len, str(paths(y, x)).splitlines())) <= 100
    v = Value(np.linspace(-1.23456e-7, 1.23456e9, 2400).reshape(20, 10, 12), "a name that nobody would give a tensor")
    loss = (v * x).sum()
    loss.label = "the mean of the loss over all of the examples"
    for leaf in (x, v):
        assert max(map(len, str(paths(loss, leaf)).splitlines())) <= 100


def test_a_formula_in_which_nothing_is_left_is_one_line():
    v = Value(np.ones((3, 4)), "v")
    assert paths((v * 0).sum(), v)[0].formula == "[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]"
    assert "\n" not in paths((v.reshape(12) * 0).sum(), v)[0].text()


# Errors. --------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_asked():
    loss, c = example(), Value(1.0, "c")
    with pytest.raises(TypeError, match="paths takes a Value, such as a loss, not float"):
        paths(3.0, "a")
    with pytest.raises(ValueError, match="There is no 'z' in this graph; there are a, b, v1, c, d, f, v2, L"):
        paths(loss, "z")
    with pytest.raises(GradientError, match="No path leads from L to c: it has no part in the graph"):
        paths(loss, c)
    with pytest.raises(GradientError, match="No path leads from L to k, a constant: it requires no gradient"):
        paths(loss * Value(2.0, "k", requires_grad=False), "k")
    with pytest.raises(GradientError, match="No path leads from L to c1, a constant: a plain array"):
        paths((Value([1.0, 2.0], "v") * np.array([3.0, 4.0])).sum(), "c1")
    with pytest.raises(GradientError, match="is not a scalar, so its gradient needs a seed"):
        paths(Value([1.0, 2.0], "v") * 2, "v")
    with pytest.raises(GradientError, match="is a constant: nothing under it requires a gradient"):
        paths(loss.detach(), "a")


@pytest.mark.parametrize("limit", [0, -1, 2.0, None, True, "3"])
def test_a_limit_is_a_number_of_paths(limit):
    with pytest.raises(ValueError, match=f"limit is the number of paths to list, at least 1, not {limit!r}"):
        paths(example(), "a", limit=limit)


def test_an_array_that_was_changed_since_is_an_error():
    v = Value([1.0, 2.0], "v")
    loss = (v * v).sum()
    v.data -= 1.0
    with pytest.raises(GradientError, match="changed in place"):
        paths(loss, v)


def test_a_constant_array_that_was_changed_since_is_an_error():
    X, W = np.ones((2, 3)), Value(np.ones((3, 2)), "W")
    found = paths((X @ W).sum(), "W")
    X[0, 0] = 5
    for wrong in (lambda: paths(found.names.loss, "W"), lambda: str(found), lambda: found.listed_total):
        with pytest.raises(GradientError, match=r"W .* was changed in place after matmul had used it"):
            wrong()
    assert found.total.tolist() == [[2, 2]] * 3


def test_no_gradient_is_touched():
    loss = example()
    loss.backward()
    values = [*paths(loss, "a").names.things.values()]
    before = [x.grad for x in values]
    str(paths(loss, "a"))
    assert [x.grad for x in values] == before


# Random programs. -----------------------------------------------------------------------------------------------------


@in_groups
def test_paths_equal_those_of_an_oracle_without_rules(seed, size, deck):
    """One by one: the number of paths, which they are, and the product of measured matrices along each."""
    for program in programs(10, size, seed, deck):
        leaves = [Value(x, label=name) for name, x in program.inputs.items()]
        loss = run(program, leaves)
        for leaf in leaves:
            wanted = [path for path in naive.paths(loss, leaf) if with_slope(path)]
            if not wanted:
                with pytest.raises(GradientError, match="No path leads from"):
                    paths(loss, leaf)
                continue
            found = paths(loss, leaf, limit=len(wanted) + 1)
            assert found.count == len(found) == len(wanted)
            for mine, theirs in zip(found, wanted, strict=True):
                assert [*zip(mine.nodes, mine.places)] == theirs
                product = np.ones(1)
                for node, i in theirs:
                    product = product @ naive.partials(node, i)
                scale = max(1.0, np.max(np.abs(product), initial=0.0))
                np.testing.assert_allclose(np.ravel(mine.contribution), product, rtol=0, atol=1e-7 * scale)


@in_groups
def test_the_sum_over_all_paths_is_the_gradient(seed, size, deck):
    for program in programs(10, size, 100 + seed, deck):
        leaves = [Value(x, label=name) for name, x in program.inputs.items()]
        loss = run(program, leaves)
        loss.backward()
        for leaf in leaves:
            if leaf.grad is None:
                continue
            found = paths(loss, leaf, limit=10**6)
            assert found.complete
            assert np.shape(found.listed_total) == np.shape(leaf.grad)
            scale = max([1.0, *(np.max(np.abs(path.contribution), initial=0.0) for path in found)])
            np.testing.assert_allclose(found.listed_total, leaf.grad, rtol=1e-9, atol=1e-12 * scale)
            assert np.array_equal(found.total, leaf.grad, equal_nan=True)
            inside = {node for path in naive.paths(loss, leaf) if with_slope(path) for node, _ in path}
            assert found.nodes == len(inside)


@in_groups
def test_every_table_is_text_of_100_columns(seed, size, deck):
    for program in programs(5, size, 200 + seed, deck):
        leaves = [Value(x, label=name) for name, x in program.inputs.items()]
        loss = run(program, leaves)
        for leaf in leaves:
            if any(map(with_slope, naive.paths(loss, leaf))):
                text = str(paths(loss, leaf))
                assert max(map(len, text.splitlines())) <= 100
                assert re.match(r"∂L/∂v\d+: \d+ path", text)


def test_a_path_is_connected():
    for path in paths(doublings(5, Value(1.0, "x")), "x", limit=32):
        assert all(node.operands[i] is x for (node, x), i in zip(pairwise(path.nodes), path.places, strict=True))
