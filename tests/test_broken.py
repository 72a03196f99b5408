"""The wrong engines: what each gets wrong, on which graph at the least, and that the right side is what is right."""

import itertools
import math
import re
import sys
from fractions import Fraction

import numpy as np
import pytest
from programs import DECK, programs, run

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, ops
from tinygrad_edu.backward import order
from tinygrad_edu.teaching import broken
from tinygrad_edu.teaching.broken import ENGINES, assignment, no_order, no_unbroadcast, recursion, stale_gradients

SCALARS = [(row, case) for row, case in DECK if not any(isinstance(x, tuple) and x for x in case.operands)]
GROUPS = [*[(seed, 8, SCALARS) for seed in range(10)], *[(seed, 4, DECK) for seed in range(10, 20)]]
in_groups = pytest.mark.parametrize(("seed", "size", "deck"), GROUPS, ids=[str(seed) for seed, *_ in GROUPS])
each_engine = pytest.mark.parametrize("engine", [*ENGINES.values(), broken.right], ids=lambda engine: engine.name)


def gradients(found, *values):
    """Right and wrong gradients of some values."""
    return [found.right[x] for x in values], [found.wrong[x] for x in values]


def doublings(n, x):
    """x, doubled n times."""
    for _ in range(n):
        x = x + x
    return x


def tree():
    """A tree of distinct leaves, one operation deep below the result: nothing is used twice, nothing is broadcast."""
    a, b, c, d = (Value(float(x), name) for x, name in zip((2, -3, 5, 7), "abcd", strict=True))
    return (a * b) * (c + d)


# Known numbers. -------------------------------------------------------------------------------------------------------


def test_a_number_added_to_itself():
    a = Value(3.0, "a")
    found = assignment(a + a)
    assert gradients(found, a) == ([2.0], [1.0])
    assert (found.first, found.agrees, found.fails) == (a, False, True)
    assert found.why == "a is used twice by L: its first contribution, 1, was overwritten by its second, 1."


def test_two_numbers_used_twice():
    """f = (a·b)·(a + b) at -2 and 3, with -3 and -8 on the blackboard."""
    a, b = Value(-2.0, "a"), Value(3.0, "b")
    loss = (a * b) * (a + b)
    found = assignment(loss)
    assert gradients(found, a, b) == ([-3.0, -8.0], [3.0, -2.0])
    assert found.first is b
    assert found.why == "b is used by v2 and v1: the contribution of v2, -6, was overwritten by that of v1, -2."


def test_three_contributions():
    a = Value(2.0, "a")
    found = assignment(a * 3 + a * 5 + a * 7)
    assert found.right[a] == 15.0
    assert re.fullmatch(r"a is used 3 times: of the contributions 7, [35], [35] only the last one is left\.", found.why)


def test_without_an_order_a_shared_node_passes_on_too_much():
    a = Value(1.0, "a")
    b = a * 1.0
    found = no_order(b + b, names={"b": b})
    assert gradients(found, b, a) == ([2.0, 2.0], [2.0, 3.0])
    assert (found.first, found.visits, found.nodes) == (a, 3, 2)
    assert found.why == (
        "b was visited 2 times, and each time it passed on to a all that had arrived by then: 1, then 2; "
        "in all 3 instead of 2."
    )
    many = no_order(b * 1 + b * 2 + b * 3 + b * 4 + b * 5, names={"b": b})
    assert re.match(r"b was visited 5 times, .*, …$", many.why)


def test_stale_gradients_give_30_where_20_is_right():
    x = Value(1.0, "x")
    y = x * 10.0
    loss = y * 1.0
    found = stale_gradients(loss, names={"y": y})
    assert gradients(found, loss, y, x) == ([1.0, 1.0, 20.0], [1.0, 2.0, 30.0])
    assert (found.first, found.visits) == (y, 4)
    assert found.why == "y is no leaf, but kept 1 from the first pass: the second passed on 2, not 1 again."
    assert "After two passes:" in str(found)


def test_a_gradient_that_is_not_unbroadcast_has_the_shape_of_the_result():
    X, b = Value(np.ones((4, 3)), "X"), Value([1.0, 2.0, 3.0], "b")
    found = no_unbroadcast((X + b).sum())
    assert found.right[b].tolist() == [4.0, 4.0, 4.0]
    assert found.wrong[b].tolist() == np.ones((4, 3)).tolist()
    assert np.array_equal(found.right[X], found.wrong[X])
    assert found.first is b
    assert found.why == (
        "b has shape (3,), its gradient (4, 3): what v1 passes on must be summed over axis 0: "
        "b (3,) was stretched over 4 rows."
    )


def test_a_wrong_shape_may_meet_an_operation_that_refuses_it():
    u = Value([[1.0, 2.0]], "u")
    found = no_unbroadcast((u.reshape(2) + np.ones((3, 2))).sum())
    assert found.stopped.startswith("It ended with ValueError: ")
    assert (found.agrees, found.fails) == (False, True)
    assert found.why.endswith("Shown is what had arrived by then.")


def test_recursion_is_right_but_goes_each_path():
    x = Value(1.0, "x")
    found = recursion(doublings(5, x))
    assert (found.agrees, found.fails, found.first) == (True, True, None)
    assert (found.visits, found.nodes, found.wrong[x]) == (31, 5, 32.0)
    assert found.why == "v1 was visited 16 times, once for each path from L: 31 visits, where 5 are enough."
    assert [row.visits for row in found.rows] == [1, 2, 4, 8, 16, 0]


@pytest.mark.parametrize(
    ("engine", "n", "of"),
    [(recursion, 20, "1,048,575"), (recursion, 200, "about 1.6·10^60"), (no_order, 60, "1152921504606846975")],
)
def test_a_million_paths_are_not_gone_to_the_end(engine, n, of, monkeypatch):
    monkeypatch.setattr(broken, "MOST", 100_000 if n == 20 else 2000)
    found = engine(doublings(n, Value(1.0, "x")))
    assert (found.visits, found.fails) == (broken.MOST, True)
    assert found.why.startswith(f"It was stopped after {broken.MOST:,} visits, of {of}: {n} are enough.")
    assert broken.number_of_visits(found.loss) == 2**n - 1
    assert max(map(len, str(found).splitlines())) <= 100


@pytest.mark.parametrize("engine", [recursion, no_order])
def test_a_deep_chain_meets_the_limit_of_python(engine):
    x = y = Value(1.0, "x")
    for _ in range(3000):
        y = -y
    limit = sys.getrecursionlimit()
    found = engine(y)
    assert found.why.startswith(f"It met Python's limit of {limit:,} calls inside each other")
    assert (found.right[x], x in found.wrong, found.fails) == (1.0, False, True)
    assert "← nothing" in str(found)
    assert sys.getrecursionlimit() == limit


def test_an_engine_that_visits_each_node_once_is_never_stopped(monkeypatch):
    monkeypatch.setattr(broken, "MOST", 5)
    loss = doublings(20, Value(1.0, "x"))
    assert [engine(loss).stopped for engine in (broken.right, assignment, stale_gradients)] == [""] * 3
    assert recursion(loss).visits == 40


def test_engines_with_an_order_have_no_limit():
    x = y = Value(1.0, "x")
    for _ in range(20_000):
        y = y + x
    assert assignment(y).wrong[x] == 1.0
    assert broken.right(y).agrees
    assert stale_gradients(y).right[x] == 40_002.0
    assert stale_gradients(y).visits == 40_000


# Another micrograd, with derivatives of its own. ----------------------------------------------------------------------


class Scalar:
    """A number that remembers, with the mistakes as methods."""

    def __init__(self, data, parts=()):
        self.data, self.parts, self.grad = data, parts, 0.0

    def __add__(self, other):
        return Scalar(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Scalar(self.data * other.data, ((self, other.data), (other, self.data)))

    def order(self):
        done = []

        def visit(node):
            if node not in done:
                for part, _ in node.parts:
                    visit(part)
                done.append(node)

        visit(self)
        return done[::-1]

    def backward(self):
        self.grad = 1.0
        for node in self.order():
            for part, slope in node.parts:
                part.grad += slope * node.grad

    def backward_without_order(self):
        for part, slope in self.parts:
            part.grad += slope * self.grad
            part.backward_without_order()


def random_pair(random):
    """The same random graph of Values and of Scalars, as lists; the last is the result."""
    numbers = [float(x) for x in random.integers(-3, 4, size=3)]
    values, scalars = [*map(Value, numbers)], [*map(Scalar, numbers)]
    for _ in range(random.integers(2, 7)):
        i, j = random.integers(max(0, len(values) - 4), len(values), size=2)
        sign = random.random() < 0.5
        for nodes in (values, scalars):
            nodes.append(nodes[i] + nodes[j] if sign else nodes[i] * nodes[j])
    return values, scalars


@pytest.mark.parametrize("seed", range(100))
def test_engines_equal_another_implementation(seed):
    values, scalars = random_pair(np.random.default_rng(seed))
    found = stale_gradients(values[-1])
    scalars[-1].backward()
    scalars[-1].backward()
    for value, scalar in zip(values, scalars, strict=True):
        assert found.wrong.get(value, 0.0) == pytest.approx(scalar.grad)
        scalar.grad = 0.0
    found = no_order(values[-1])
    scalars[-1].grad = 1.0
    scalars[-1].backward_without_order()
    for value, scalar in zip(values, scalars, strict=True):
        assert found.wrong.get(value, 0.0) == pytest.approx(scalar.grad)


# Right where the flaw does not matter, and the right side always. -----------------------------------------------------


@each_engine
def test_every_engine_is_right_on_a_tree(engine):
    found = engine(tree())
    assert found.agrees or engine is stale_gradients
    assert found.fails == (engine is stale_gradients)
    if engine is not stale_gradients:
        assert found.why.startswith("All gradients agree: ")


def test_why_there_is_no_difference():
    a, b = Value(2.0, "a"), Value(0.0, "b")
    assert assignment(a * 3).why == "All gradients agree: every value is used once, so there is nothing to overwrite."
    assert assignment(a * a * b + b).why.startswith("b is used")
    assert assignment((a * b) * b).why == "All gradients agree: on this graph it makes no difference."
    assert stale_gradients(a * b).why == "All gradients agree: there is no inner node that could keep a gradient."
    assert no_unbroadcast(a * b).why == "All gradients agree: no operand was broadcast."
    assert recursion(a * a).why.endswith("every inner node is used once, so there is one path to each.")


@in_groups
def test_the_right_side_is_backward_and_no_gradient_is_touched(seed, size, deck):
    for program in programs(10, size, seed, deck):
        leaves = [Value(x, label=name) for name, x in program.inputs.items()]
        loss = run(program, leaves)
        found = {engine: engine(loss) for engine in (*ENGINES.values(), broken.right)}
        assert all(x.grad is None for x in [*leaves, *order(loss)])
        loss.backward()
        for engine, comparison in found.items():
            for x, gradient in comparison.right.items():
                times = 2 if x.op is None and engine.passes == 2 else 1
                assert np.array_equal(gradient, times * x.grad, equal_nan=True)
            assert {x for x in leaves if x.grad is not None} <= comparison.right.keys()
            assert max(map(len, str(comparison).splitlines())) <= 100
            assert comparison.why
        assert not found[broken.right].fails
        assert found[recursion].agrees or found[recursion].stopped
        assert found[recursion].stopped or found[recursion].visits == broken.number_of_visits(loss)


@in_groups
def test_the_first_difference_is_below_nodes_that_agree(seed, size, deck):
    for program in programs(10, size, 300 + seed, deck):
        leaves = [Value(x, label=name) for name, x in program.inputs.items()]
        found = assignment(run(program, leaves))
        rows = {row.value: row for row in found.rows}
        position = {row.value: i for i, row in enumerate(found.rows)}
        assert found.rows[0].value is found.loss
        for x, row in rows.items():
            users = [node for node in order(found.loss) if node in rows and any(x is y for y in node.operands)]
            assert all(position[node] < position[x] for node in users)
            if x is found.first:
                assert all(rows[node].agrees for node in users)
                assert not row.agrees


def test_the_gradients_of_before_stay():
    loss = tree()
    loss.backward()
    values = [*loss.operands[0].operands, loss]
    before = [x.grad for x in values]
    for engine in ENGINES.values():
        engine(loss)
    assert [x.grad for x in values] == before


# The smallest graph. --------------------------------------------------------------------------------------------------

SMALLEST = {
    "assignment": ("a + a", 1, 1),
    "no_order": ("b + b with b = a²", 2, 1),
    "no_unbroadcast": ("sum(c) with c = a + b", 2, 2),
    "stale_gradients": ("b² with b = a²", 2, 1),
    "recursion": ("b + b with b = a²", 2, 1),
}


def leaves_of(loss):
    return {x for node in order(loss) for x in node.operands if x.op is None}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())
def test_the_smallest_graph(engine):
    found = engine.smallest()
    expression, operations, leaves = SMALLEST[engine.name]
    assert found.fails
    assert (found.expression, len(order(found.loss)), len(leaves_of(found.loss))) == (expression, operations, leaves)
    assert (not found.agrees) == (engine is not recursion)
    assert tg.draw(found.loss).source


def every_graph(operations, leaves, random):
    """All graphs of so many operations and leaves, in any order of operands, on random numbers: one number each."""
    functions = [(ops.add, 2), (ops.multiply, 2), (ops.square, 1), (ops.sum, 1)]
    for shapes in itertools.product([(), (2,), (2, 1)], repeat=leaves):
        for chosen in itertools.product(functions, repeat=operations):
            places = [range(leaves + i) for i, (_, arity) in enumerate(chosen) for _ in range(arity)]
            for operands in itertools.product(*places):
                values = [Value(random.uniform(1.0, 2.0, shape)) for shape in shapes]
                rest = iter(operands)
                for op, arity in chosen:
                    values.append(op(*[values[next(rest)] for _ in range(arity)]))
                if not values[-1].shape and set(operands) == {*range(leaves + operations - 1)}:
                    yield values[-1]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())
def test_no_smaller_graph_fails(engine):
    _, operations, leaves = SMALLEST[engine.name]
    sizes = [(m, n) for m in range(1, operations + 1) for n in range(1, m + 2) if (m, n) < (operations, leaves)]
    smaller = [loss for size in sizes for loss in every_graph(*size, np.random.default_rng(0))]
    assert [engine(loss).fails for loss in smaller] == [False] * len(smaller)
    assert any(engine(loss).fails for loss in every_graph(operations, leaves, np.random.default_rng(0)))


def test_the_search_goes_through_all_graphs_once_each_way_of_writing_them():
    def key(loss):
        """A graph, whatever the order of operands."""
        nodes, names = [*reversed(order(loss))], {}
        for node in nodes:
            for x in node.operands:
                names.setdefault(x, x.shape if x.op is None else None)
            names[node] = (node.op.name, tuple(sorted(map(str, (names[x] for x in node.operands)))))
        return len(nodes), len(leaves_of(loss)), names[loss]

    searched = [key(loss) for loss in broken.graphs(2)]
    assert [size[:2] for size in searched] == sorted(size[:2] for size in searched)
    wanted = {key(x) for m in (1, 2) for n in range(1, m + 2) for x in every_graph(m, n, np.random.default_rng(1))}
    assert set(searched) == wanted


def test_the_right_engine_fails_nowhere():
    with pytest.raises(ValueError, match="right is right on every graph of up to 2 operations"):
        broken.right.smallest()
    with pytest.raises(ValueError, match="assignment is right on every graph of up to 0 operations"):
        assignment.smallest(operations=0)


# To read. -------------------------------------------------------------------------------------------------------------


def test_the_table():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    assert str(assignment(a * b + a)).splitlines() == [
        "assignment: A contribution replaces those that came before it.",
        "L = v1 + a with v1 = a·b",
        "    right  assignment",
        "L       1           1",
        "v1      1           1",
        "b       2           2",
        "a      -2          -3  ← differs",
        "a is used by L and v1: the contribution of L, 1, was overwritten by that of v1, -3.",
    ]
    assert repr(assignment(a + a)) == str(assignment(a + a))


@each_engine
def test_lines_keep_to_100_columns_whatever_the_names_and_shapes(engine):
    v = Value(np.linspace(-1.23456e-7, 1.23456e9, 2000).reshape(2, 10, 10, 1, 10), "a name that nobody gives a tensor ")
    w = Value(np.ones(10), "another\nname, with what does not belong there: \x1b[31m")
    y = v * w
    y.label = "the product of the two, as it is called around here"
    lines = str(engine((y * y * w).sum())).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() for line in lines)


def test_many_rows_are_cut_short():
    x = Value(1.0, "x")
    text = str(assignment(doublings(40, x)))
    assert "… 21 more, 20 of them wrong" in text
    chain = x
    for _ in range(40):
        chain = -chain
    assert "… 21 more, 0 of them wrong" in str(assignment(chain))


def test_names_come_from_the_caller():
    x = Value(1.0)
    y = x * 2
    found = assignment(y + y, names={"x": x, "y": y})
    assert [row.name for row in found.rows] == ["L", "y", "x"]
    assert found.expression == "y + y with y = x·2"
    v = Value([1.0, 2.0], "v")
    assert assignment(((v * 0).reshape((2, 1)) + v).sum()).expression == (
        "sum(v3) with v1 = v·0, v2 = reshape(v1, (2, 1)), v3 = v2 + v"
    )
    assert assignment(tg.concatenate([v, v * 2, v]).sum()).expression == (
        "sum(v2) with v1 = v·2, v2 = concatenate(v, v1, v)"
    )
    assert assignment(doublings(13, Value(1.0))).expression == ""


@each_engine
def test_an_engine_describes_itself_in_a_few_lines(engine):
    lines = engine.source().splitlines()
    assert lines[0].startswith(f"def {engine.name}(loss")
    assert len(lines) <= 12
    assert engine.description.endswith(".")
    assert engine.__doc__ == engine.description
    assert len(f"{engine.name}: {engine.description}") <= 100
    assert repr(engine) == f"<engine {engine.name}: {engine.description}>"


def test_assignment_and_no_unbroadcast_differ_from_the_right_engine_in_one_line():
    right = broken.right.source().splitlines()[2:]
    for engine in (assignment, no_unbroadcast):
        assert sum(x != y for x, y in zip(right, engine.source().splitlines()[2:], strict=True)) == 1
    assert [line.strip() for line in right] == [
        line.strip() for line in stale_gradients.source().splitlines()[3:]
    ]  # but for the loop around it


def test_the_engines_by_name():
    assert [*ENGINES] == ["assignment", "no_order", "no_unbroadcast", "stale_gradients", "recursion"]
    assert all(getattr(broken, name) is engine for name, engine in ENGINES.items())
    assert repr(ENGINES).splitlines() == [repr(engine) for engine in ENGINES.values()]
    assert dir(broken) == sorted([*ENGINES, "right", "ENGINES", "Engine", "Comparison"])


def test_every_name_in_the_table_is_defined():
    for engine in (*ENGINES.values(), broken.right):
        for loss in broken.graphs(2):
            found = engine(loss)
            inner = {row.name for row in found.rows if row.value.op is not None} - {"L"}
            assert inner == {*re.findall(r"(\w+) = ", found.expression)}


def test_an_engine_of_ones_own():
    @broken.Engine
    def half(loss, gradients, gains):
        """Half of each contribution is lost."""
        for node in order(loss):
            for x, gain in gains(node, gradients[node]):
                gradients[x] = gradients.get(x, 0) + gain / 2

    found = half.smallest()
    assert found.why == "2 gradients, 1 of them wrong."
    assert found.expression == "a²"


# Errors, and unusual numbers. -----------------------------------------------------------------------------------------


@each_engine
def test_what_cannot_be_asked(engine):
    with pytest.raises(TypeError, match=rf"broken\.{engine.name} takes a Value, such as a loss, not float"):
        engine(3.0)
    with pytest.raises(GradientError, match="x is a leaf: without an operation there is nothing that could go wrong"):
        engine(Value(1.0, "x"))
    with pytest.raises(GradientError, match="is not a scalar, so its gradient needs a seed"):
        engine(Value([1.0, 2.0]) * 2)
    with pytest.raises(GradientError, match="is a constant: nothing under it requires a gradient"):
        engine(tree().detach())


@each_engine
def test_an_array_that_was_changed_since_is_an_error(engine):
    X, W = np.ones((2, 3)), Value(np.ones((3, 2)), "W")
    loss = (X @ W).sum()
    X[0, 0] = 5
    with pytest.raises(GradientError, match="was changed in place after matmul had used it"):
        engine(loss)


def test_where_there_is_no_slope_nothing_is_visited():
    x = Value(2.0, "x")
    loss = tg.where(x * 3, x * x, 0.0)
    for engine in (*ENGINES.values(), broken.right):
        assert engine(loss).nodes == 2


def test_fractions_and_float32():
    x, w = Value(Fraction(1, 3), "x"), Value(np.float32([0.1, 0.2, 0.3]), "w")
    assert gradients(assignment(x * x), x) == ([Fraction(2, 3)], [Fraction(1, 3)])
    assert recursion(x * x / 3).agrees
    y = (w * w).exp()
    found = recursion((y * w * 0.1 + y / 3 + y.tanh()).sum())
    assert found.agrees
    assert found.right[w].dtype == np.float32


def test_zero_nan_and_inf():
    x = Value(0.0, "x")
    with np.errstate(all="ignore"):
        loss = (x * x).log() + x
        for engine in (broken.right, assignment, recursion, stale_gradients):
            found = engine(loss)
            assert max(map(len, str(found).splitlines())) <= 100
        assert broken.right(loss).agrees
        assert math.isnan(broken.right(loss).right[x])
