"""The walk: its steps are the sweep's, forwards and back; ledgers; the states of a gradient."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from programs import programs, run

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, functions, ops
from tinygrad_edu.backward import order
from tinygrad_edu.notation import PYTHON, write
from tinygrad_edu.teaching.reading import of_step

COUNT, GROUPS = 200, 10
in_groups = pytest.mark.parametrize("group", range(GROUPS))
SCALARS = [ops.add, ops.subtract, ops.multiply, ops.divide, ops.tanh, ops.sigmoid, ops.exp, ops.relu, ops.sin]


def tensor_graphs(group: int) -> list[Value]:
    """Random programs: every row of the table, every class of shape, shared variables."""
    drawn = programs(COUNT // GROUPS // 2, 6, seed=1000 + group)
    return [run(program, [Value(x, name) for name, x in program.inputs.items()]) for program in drawn]


def scalar_graphs(group: int) -> list[Value]:
    """Random expressions of numbers in which values are used several times."""
    random, graphs = np.random.default_rng(group), []
    while len(graphs) < COUNT // GROUPS // 2:
        values: list[Any] = [Value(float(x), name) for x, name in zip(random.uniform(0.4, 2, 3), "abc")]
        for _ in range(random.integers(2, 9)):
            op = SCALARS[random.integers(len(SCALARS))]
            values.append(op(*[values[-1 - random.integers(min(4, len(values)))] for _ in range(op.arity or 1)]))
        loss = values[-1] * values[0]
        if all(np.isfinite([x for step in tg.walk(loss).steps for x in (step.after, step.node.data)])):
            graphs.append(loss)
    return graphs


def graphs(group: int) -> list[Value]:
    return [*scalar_graphs(group), *tensor_graphs(group)]


def under(loss: Value) -> list[Value]:
    return [*{id(x): x for node in order(loss) for x in (node, *node.operands) if isinstance(x, Value)}.values()]


def state(values: list[Value]) -> list[Any]:
    return [copy.copy(x.grad) if isinstance(x.grad, np.ndarray) else x.grad for x in values]


def same(found: Any, wanted: Any) -> bool:
    """Bit for bit, shape and dtype too."""
    if found is None or wanted is None:
        return found is wanted
    pair = np.asarray(found), np.asarray(wanted)
    return pair[0].dtype == pair[1].dtype and pair[0].shape == pair[1].shape and pair[0].tobytes() == pair[1].tobytes()


# Two hundred random graphs. -------------------------------------------------------------------------------------------


@in_groups
def test_a_walk_to_the_end_leaves_what_backward_leaves_bit_for_bit(group: int) -> None:
    for loss in graphs(group):
        values = under(loss)
        for _ in range(2):  # the second pass adds to the first
            before = state(values)
            loss.backward()
            wanted = state(values)
            for value, gradient in zip(values, before, strict=True):
                value.grad = gradient
            walk = tg.walk(loss)
            assert all(map(same, state(values), before))  # nothing has happened yet
            assert len([*walk]) == len(walk) == walk.position
            assert all(map(same, state(values), wanted))


@in_groups
def test_back_after_next_restores_the_exact_state(group: int) -> None:
    random = np.random.default_rng(group)
    for loss in graphs(group):
        values, walk = under(loss), tg.walk(loss)
        loss.backward()  # what was found is not empty
        walk = tg.walk(loss)
        states = [state(values)]
        for step in walk:
            if step.kind == "edge":
                assert same(step.operand.grad, step.after)
            states.append(state(values))
        for _ in range(6):
            target = int(random.integers(len(walk) + 1))
            walk.goto(target)
            assert all(map(same, state(values), states[target]))
            if target < len(walk):
                walk.next()
                assert walk.back().index == target
                assert all(map(same, state(values), states[target]))
        walk.reset()
        assert all(map(same, state(values), states[0]))


@in_groups
def test_every_ledger_sums_to_its_gradient(group: int) -> None:
    for loss in graphs(group):
        loss.backward()
        arriving = {id(step.operand) for step in tg.walk(loss).steps if step.kind == "edge"}
        for value in under(loss):
            if id(value) in arriving:
                why = tg.why(loss, value)
                total = why[0].contribution
                for step in why.entries[1:]:
                    total = total + step.contribution
                assert same(total, value.grad)
                assert same(why.total, value.grad)


@in_groups
def test_formulas_in_python_evaluate_to_the_numbers_beside_them(group: int) -> None:
    spelled = {
        "np": np,
        **ops.TABLE,
        **{f.name: f for f in vars(functions).values() if isinstance(f, functions.Composite)},
    }
    for loss in graphs(group):
        walk = tg.walk(loss)
        letters: dict[str, Any] = {name: getattr(x, "_data", x) for name, x in walk.names.by_name.items()}
        for step in walk.steps:
            if step.kind == "seed":
                letters[f"d_{walk.names.root}"] = step.contribution
                continue
            if step.kind == "edge":
                for x, number in zip(step.node.operands, step.node.numbers, strict=True):
                    if isinstance(x, Value | np.ndarray):
                        letters[walk.names.of(x)] = number
                letters[f"d_{walk.names.of(step.node)}"] = step.upstream
            formula = write(of_step(step).rule, PYTHON)[0]
            wanted = step.contribution if step.kind == "edge" else step.after
            with np.errstate(all="ignore"):
                found = eval(formula, {"__builtins__": {}}, {**spelled, **letters})
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12, err_msg=f"{step!r}\n{formula}")
            assert np.shape(found) == np.shape(wanted), f"{step!r} {formula}"


@in_groups
def test_local_derivatives_times_what_arrives_are_the_contributions(group: int) -> None:
    for loss in scalar_graphs(group):
        for step in tg.walk(loss):
            if step.kind == "edge":
                assert step.upstream * step.local == pytest.approx(step.contribution, rel=1e-12)


# One walk, read. ------------------------------------------------------------------------------------------------------


def example() -> tuple[Value, Value, Value]:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    return a * b + a, a, b


def test_a_walk_is_printed_with_what_comes_next() -> None:
    loss, *_ = example()
    walk = tg.walk(loss)
    assert str(walk) == "L: 0 of 7 steps\nnext  v1 = a·b = 2·(-3) = -6"
    walk.goto(6)
    assert str(walk) == (
        "L: 6 of 7 steps\n"
        "   1  v1 = a·b = 2·(-3) = -6\n"
        "   2  L = v1 + a = -6 + 2 = -4\n"
        "   3  ∂L/∂L = 1\n"
        "   4  ∂L/∂v1 += ∂L/∂L = 1\n"
        "   5  ∂L/∂a += ∂L/∂L = 1\n"
        "   6  ∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3; so far 1 - 3 = -2\n"
        "next  ∂L/∂b += ∂L/∂v1·a = 1·2 = 2"
    )
    assert str(walk.goto(-1)).endswith("\n  the end")
    assert repr(walk) == "<walk of L, 7 of 7 steps>"
    long = tg.walk(sum((loss for _ in range(30)), start=loss))
    assert str(long.goto(20)).splitlines()[1] == "      … 8 before"


def test_a_step_carries_what_it_says() -> None:
    loss, a, _ = example()
    step = tg.walk(loss).steps[5]
    assert (step.index, step.kind, step.op, step.place) == (5, "edge", ops.multiply, 0)
    assert step.operand is a
    assert (step.upstream, step.local, step.contribution, step.before, step.after) == (1.0, -3.0, -3.0, 1.0, -2.0)
    assert step.formula == "∂L/∂v1·b"
    assert step.latex() == (
        r"\frac{\partial L}{\partial a} \mathrel{+}= \frac{\partial L}{\partial v_{1}} \cdot b = 1 \cdot (-3) = -3"
        r" \quad \text{so far }1 - 3 = -2"
    )
    assert repr(step) == f"<step 5: {step.text()}>"
    forward, _, seed = tg.walk(loss).steps[:3]
    assert (forward.kind, forward.after, forward.upstream, forward.local) == ("forward", -6.0, None, None)
    assert (seed.kind, seed.contribution, seed.after) == ("seed", 1.0, 1.0)


def test_local_derivatives_of_arrays() -> None:
    x, w = Value([[0.5, -1.0]], "x"), Value([[1.0], [2.0]], "w")
    loss = tg.sum(np.tanh(x) @ w)
    through = {step.op: step.local for step in tg.walk(loss).steps if step.kind == "edge"}
    np.testing.assert_allclose(through[ops.tanh], 1 - np.tanh([[0.5, -1.0]]) ** 2)
    assert through[ops.matmul] is None  # its formula is the linear map itself
    assert through[ops.sum] is None
    y = Value([1.0, 2.0])
    (step,) = [step for step in tg.walk((y + 1).sum()).steps if step.op is ops.add and step.kind == "edge"]
    np.testing.assert_array_equal(step.local, [1.0, 1.0])


def test_two_edges_of_one_operand_are_two_steps() -> None:
    x = Value(3.0, "x")
    edges = [step for step in tg.walk(x * x) if step.kind == "edge"]
    assert [(step.place, step.contribution, step.after) for step in edges] == [(0, 3.0, 3.0), (1, 3.0, 6.0)]
    assert x.grad == 6.0


def test_half_way_the_state_is_real_and_a_drawing_shows_it() -> None:
    loss, a, b = example()
    walk = tg.walk(loss).goto(5)
    assert (loss.grad, a.grad, b.grad) == (1.0, 1.0, None)
    assert "b = -3, grad —" in str(tg.draw(loss))
    walk.goto(-1)
    assert "b = -3, grad 2" in str(tg.draw(loss))
    walk.reset()
    assert (loss.grad, a.grad, b.grad) == (None, None, None)


def test_what_was_found_before_the_walk_is_kept_and_added_to() -> None:
    loss, a, b = example()
    loss.backward()
    walk = tg.walk(loss)
    assert (a.grad, b.grad) == (-2.0, 2.0)
    steps = [step for step in walk if step.operand is a]
    assert [(step.before, step.after) for step in steps] == [(-2.0, -1.0), (-1.0, -4.0)]
    walk.reset()
    assert (loss.grad, a.grad, b.grad) == (1.0, -2.0, 2.0)


def test_a_gradient_that_is_written_to_does_not_change_the_step() -> None:
    w = Value([1.0, 2.0], "w")
    walk = tg.walk((w * w).sum()).goto(-1)
    w.grad *= 0
    assert walk.steps[-1].after.tolist() == [2.0, 4.0]
    walk.back()
    walk.next()
    assert w.grad.tolist() == [2.0, 4.0]


def test_run_to_stops_where_a_gradient_is_complete() -> None:
    loss, a, _ = example()
    walk = tg.walk(loss)
    assert walk.run_to("v1").position == 4
    assert walk.run_to(a).position == 6
    assert a.grad == -2.0
    assert walk.run_to("L").position == 3  # back again
    assert (loss.grad, a.grad) == (1.0, None)
    with pytest.raises(ValueError, match="There is no 'q' in this graph; there are a, b, v1, L"):
        walk.run_to("q")
    with pytest.raises(ValueError, match="z has no part in L"):
        walk.run_to(Value(1.0, "z"))
    with pytest.raises(GradientError, match="c is a constant: it takes no gradient"):
        tg.walk(a * Value(1.0, "c", requires_grad=False)).run_to("c")


def test_the_same_graph_again_on_other_numbers() -> None:
    loss, a, b = example()
    walk = tg.walk(loss)
    other = walk.again(a=3.0)
    assert [step.after for step in other if step.kind == "forward"] == [-9.0, -6.0]
    assert (other.steps[5].after, a.data, a.grad) == (-2.0, 2.0, None)
    assert other.names.find("a").grad == -2.0
    assert tg.walk(loss).again({b: 1.0}, a=0.5).steps[1].after == 1.0
    with pytest.raises(TypeError, match="v1 is the result of multiply: only an input that is a Value can be changed"):
        walk.again(v1=1.0)
    with pytest.raises(TypeError, match="c1 is a plain array: only an input"):
        tg.walk((Value([1.0, 2.0], "w") * np.ones(2)).sum()).again(c1=[1.0, 2.0])
    with pytest.raises(ValueError, match="There is no 'q'"):
        walk.again(q=1.0)
    with pytest.raises(TypeError, match="A Value is made of numbers, not of str: 'three'"):
        walk.again(a="three")


def test_again_changes_numbers_not_shapes() -> None:
    walk = tg.walk(Value([1.0, 2.0], "v").mean())
    with pytest.raises(
        ValueError, match=r"v has shape \(2,\), not \(3,\): again changes numbers, not shapes. For another"
    ):
        walk.again(v=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"a has shape \(\), not \(2,\): again changes numbers, not shapes"):
        tg.walk(example()[0]).again(a=[1.0, 2.0])


def test_a_gradient_that_somebody_else_changed_is_not_overwritten() -> None:
    loss, a, _ = example()
    walk = tg.walk(loss).goto(-1)
    loss.backward()
    with pytest.raises(GradientError, match="was changed since this walk left it, by a backward"):
        walk.reset()
    assert a.grad == -4.0
    other = tg.walk(loss).goto(5)
    a.zero_grad()
    with pytest.raises(GradientError, match="The gradient of a was changed since this walk left it"):
        other.next()
    assert other.position == 5


def test_again_keeps_composites_labels_and_constants() -> None:
    x = Value([1.0, 2.0, 6.0], "x")
    mean = x.mean()
    mean.label = "m"
    again = tg.walk(mean * Value(2.0, "k", requires_grad=False)).again(x=[1.0, 2.0, 9.0])
    assert again.loss.data == 8.0
    assert [*again.names] == ["x", "v1", "m", "k", "L"]
    assert "(mean)" in tg.explain(again.loss)
    assert tg.grad_state(again.loss, "k") == "constant"


def test_a_loss_that_is_a_leaf_has_one_step() -> None:
    x = Value(3.0, "x")
    assert [step.kind for step in tg.walk(x)] == ["seed"]
    assert x.grad == 1.0
    tg.walk(x).goto(-1).reset()
    assert x.grad == 1.0


def test_a_seed_and_names_of_the_caller() -> None:
    a = Value([1.0, 2.0])
    square = a * a
    assert [*tg.walk(square, seed=[1.0, 10.0], names=locals()).names] == ["a", "square"]
    tg.walk(square, seed=[1.0, 10.0]).goto(-1)
    assert a.grad.tolist() == [2.0, 40.0]


def test_labels_used_twice_are_told_apart() -> None:
    loss = Value(2.0, "w") * Value(3.0, "w") + Value(1.0, "w2")
    walk = tg.walk(loss)
    assert [*walk.names] == ["w1", "w3", "v1", "w2", "L"]
    with pytest.raises(ValueError, match="2 values are called 'w': say w1 or w3, or give each a label of its own"):
        walk.run_to("w")


@pytest.mark.parametrize("ask", [tg.walk, tg.explain, lambda x: tg.why(x, "a"), lambda x: tg.grad_state(x, "a")])
def test_a_loss_that_is_a_plain_number(ask: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a Value, such as a loss, not float: only a Value remembers how it was"):
        ask(3.0)


def test_a_constant_and_a_loss_of_several_numbers() -> None:
    with pytest.raises(GradientError, match="c is a constant: nothing under it requires a gradient"):
        tg.walk(Value(1.0, "c", requires_grad=False))
    with pytest.raises(GradientError, match=r"is not a scalar, so its gradient needs a seed of that shape"):
        tg.walk(Value([1.0, 2.0]) * 2)


def test_data_that_was_changed_since_is_noticed_however_it_was_changed() -> None:
    w, x = Value([1.0, 2.0], "w"), np.array([3.0, 4.0])
    loss = (w * x).sum()
    x[0] = 30.0  # a plain array
    with pytest.raises(GradientError, match=r"w \(2,\) or an array \(2,\) was changed in place after multiply"):
        tg.walk(loss)
    x[0] = 3.0
    w.data[0] = 9.0
    with pytest.raises(GradientError, match="the operands no longer give the result that was recorded"):
        tg.walk(loss)
    w.data[0] = 1.0
    w.data -= 0.5
    with pytest.raises(GradientError, match=r"w of shape \(2,\) was changed in place after multiply had used it"):
        tg.walk(loss)
    w.data = np.array([5.0, 5.0])  # new data is no harm: the graph keeps the old
    tg.walk((w * x).sum()).goto(-1)
    assert w.grad.tolist() == [3.0, 4.0]


def test_positions_that_are_not_there() -> None:
    walk = tg.walk(example()[0])
    with pytest.raises(IndexError, match="The walk is at its beginning: next"):
        walk.back()
    with pytest.raises(IndexError, match="The walk has 7 steps: there is no position 8"):
        walk.goto(8)
    with pytest.raises(IndexError, match="The walk has 7 steps: there is no step 7"):
        walk[7]
    for wrong in (1.5, None, "3", True):
        with pytest.raises(TypeError, match="A position of a walk is a whole number, not"):
            walk.goto(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="A step of a walk is a whole number, not slice"):
        walk[1:3]  # type: ignore[index]
    assert walk[-1].text() == walk.steps[-1].text()
    walk.goto(-1)
    with pytest.raises(IndexError, match="The walk is at its end: back"):
        walk.next()
    with pytest.raises(TypeError, match="names is a mapping from names to values, such as"):
        tg.walk(example()[0], names=["a"])  # type: ignore[arg-type]


# Ledgers. -------------------------------------------------------------------------------------------------------------


def test_why_is_a_table_of_contributions() -> None:
    loss, a, b = example()
    why = tg.why(loss, "a")
    assert (len(why), why.total, why.state) == (2, -2.0, "not run")
    assert str(why) == (
        "∂L/∂a = -2, the sum of 2 contributions\n"
        "  through L  ∂L/∂L             = 1\n"
        "  through v1 ∂L/∂v1·b = 1·(-3) = -3\n"
        "No pass has reached a yet. Call L.backward()."
    )
    assert (a.grad, b.grad, loss.grad) == (None, None, None)  # asking leaves no trace
    assert str(tg.why(loss, loss)).startswith("∂L/∂L = 1, one contribution")
    nothing = tg.why(loss, Value(1.0, "z"))
    assert (len(nothing), nothing.total, str(nothing)) == (0, None, "No slope leads from L to z: it has no part in it.")


def test_why_of_arrays_tells_shapes_and_the_two_places_of_one_value() -> None:
    v = Value([1.0, 2.0], "v")
    assert str(tg.why((v * v).sum(), "v")).splitlines()[:3] == [
        "∂L/∂v = [2, 4], the sum of 2 contributions",
        "  through v1₁ ∂L/∂v1·v (2,) = [1, 2]",
        "  through v1₂ ∂L/∂v1·v (2,) = [1, 2]",
    ]


def test_a_ledger_keeps_the_addends_of_several_passes() -> None:
    x, w = Value(3.0, "x"), Value([1.0, -1.0], "w")
    with tg.ledger() as book:
        assert str(book) == "No pass yet."
        (2 * x).backward()
        (x * w).sum().backward()
        (2 * x).backward()
    assert book[x] == [2.0, 0.0, 2.0]
    assert [gradient.tolist() for gradient in book[w]] == [[3.0, 3.0]]
    assert str(book) == "  x 3 passes: 2 + 0 + 2 = 4\n  w 1 pass:   [3, 3]"
    (2 * x).backward()  # the book is closed
    assert (book[x], x.grad, len(book), [*book]) == ([2.0, 0.0, 2.0], 6.0, 2, [x, w])
    assert book[Value(1.0)] == []


def test_a_ledger_begins_anew_where_a_gradient_is_cleared_and_tells_what_was_there() -> None:
    x = Value(3.0, "x")
    (5 * x).backward()
    with tg.ledger() as book:
        (2 * x).backward()
        assert book[x] == [5.0, 2.0]
        x.zero_grad()
        (2 * x).backward()
        assert book[x] == [2.0]
        x.grad = 0  # as in micrograd
        (4 * x).backward()
        assert book[x] == [4.0]
        with tg.ledger(names={"x": x}) as inner:
            (x * x).backward()
        assert (inner[x], book[x]) == ([4.0, 6.0], [4.0, 6.0])
    assert sum(book[x]) == x.grad


def test_the_addends_of_a_ledger_are_its_own() -> None:
    w = Value([1.0, 2.0], "w")
    with tg.ledger() as book:
        (w * w).sum().backward()
        w.grad *= 0
    assert book[w][0].tolist() == [2.0, 4.0]


# The states of a gradient. --------------------------------------------------------------------------------------------


def test_the_states_of_a_gradient_and_their_reasons() -> None:
    a, b, c, d = Value(2.0, "a"), Value(-3.0, "b"), Value(4.0, "c"), Value(5.0, "d", requires_grad=False)
    loss = a * b.relu() + d + tg.where(c > 0, a, 0.0)
    states = lambda: [str(tg.grad_state(loss, x)) for x in (a, b, c, d)]  # noqa: E731
    assert states() == ["not run", "not run", "no path", "constant"]
    loss.backward()
    assert states() == ["ok", "zero", "no path", "constant"]
    reasons = [tg.grad_state(loss, x).reason for x in (a, b, c, d)]
    assert reasons == [
        "The gradient of a is what one pass gives.",
        "All that arrives at b is 0: relu of b = -3 passes nothing on.",
        "No slope leads from L to c: it has no part in it.",
        "d is a constant: it takes no gradient.",
    ]


def test_a_value_used_as_a_condition_has_no_path() -> None:
    a, c = Value(2.0, "a"), Value(1.0, "c")
    state = tg.grad_state(tg.where(c, a, 0.0), c)
    assert state == "no path"
    assert state.reason == "No slope leads from L to c: it is used only where there is no slope, as in a condition."


def test_how_many_passes_a_gradient_looks_like() -> None:
    w = Value([1.0, 0.0, 2.0], "w")
    loss = (w * w).sum()
    for passes in (1, 2, 3):
        loss.backward()
        assert tg.grad_state(loss, w).passes == passes
    assert tg.grad_state(loss, w).reason == "The gradient of w is 3 times what one pass gives, as after 3 passes."
    w.grad = np.array([1.0, 0.0, 4.0])
    assert tg.grad_state(loss, w).passes is None
    w.grad = np.zeros(3)
    assert tg.grad_state(loss, w) == "not run"
    assert tg.grad_state(loss, w).reason == "No pass has reached w yet: it was set to 0. Call L.backward()."


def test_contributions_that_cancel_are_no_blocked_way() -> None:
    x = Value(3.0, "x")
    loss = x - x
    loss.backward()
    assert tg.grad_state(loss, x).reason == "All that arrives at x is 0: its contributions cancel each other."
