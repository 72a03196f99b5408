"""The walk: its steps are the sweep's, forwards and back; ledgers; the states of a gradient."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from programs import programs, run

import tinygrad_edu as tg
from tinygrad_edu import Value, functions, ops
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
