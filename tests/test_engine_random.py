"""The engine on random programs: against the naive oracle, and its transforms against each other."""

from __future__ import annotations

from functools import partial
from typing import Any

import naive
import numpy as np
import pytest
from programs import DECK, Program, programs, run

import tinygrad_edu as tg
from tinygrad_edu import Value, domains
from tinygrad_edu.backward import order, sweep

COUNT, GROUPS = 400, 20
in_groups = pytest.mark.parametrize("group", range(GROUPS))


def some(group: int, size: int = 6, **how: Any) -> list[Program]:
    return list(programs(COUNT // GROUPS, size, seed=group, **how))


def leaves_of(program: Program) -> list[Value]:
    return [Value(x, label=name) for name, x in program.inputs.items()]


def assert_close(found: Any, wanted: Any, rtol: float = 1e-9) -> None:
    """Arrays of equal shapes that differ by at most `rtol` of the largest number, or of 1 if all are smaller."""
    size = max([1.0, *[np.max(np.abs(x), initial=0) for x in wanted]])
    for a, b in zip(found, wanted, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * size)


def directions(program: Program) -> list[Any]:
    random = np.random.default_rng(5)
    return [random.standard_normal(np.shape(x) or None) for x in program.inputs.values()]


def inner(us: Any, vs: Any) -> Any:
    return sum(tg.sum(u * v) for u, v in zip(us, vs, strict=True))


def test_the_programs_contain_every_row_and_every_class_of_shape() -> None:
    drawn = [program for group in range(GROUPS) for program in some(group)]
    cases = [case for program in drawn for case in program.drawn]
    assert len(drawn) == COUNT
    assert {row for row, _ in cases} == set(domains.DOMAINS)
    shapes = [[x for x in case.operands if isinstance(x, tuple)] for _, case in cases]
    assert {len(shape) for group in shapes for shape in group} >= {0, 1, 2, 3}
    assert any(0 in shape for group in shapes for shape in group)
    assert any(len(set(group)) > 1 for group in shapes)
    shared = [program for program in drawn if any(uses(program, name) > 1 for name in program.inputs)]
    assert len(shared) > COUNT / 2


def uses(program: Program, name: str) -> int:
    return sum(operand == name for step in program.steps for operand in step.operands)


@in_groups
def test_backward_equals_the_naive_oracle(group: int) -> None:
    for program in some(group):
        leaves = leaves_of(program)
        result = run(program, leaves)
        result.backward()
        found = [np.zeros(x.shape) if x.grad is None else x.grad for x in leaves]
        assert_close(found, [naive.gradient(result, x) for x in leaves], rtol=1e-8)


@in_groups
def test_scalar_graphs_equal_the_naive_oracle(group: int) -> None:
    """Plain floats, which have a way of their own through the engine, and much sharing."""
    scalar = [(row, case) for row, case in DECK if not any(isinstance(x, tuple) and x for x in case.operands)]
    for program in some(group, size=10, deck=scalar):
        leaves = leaves_of(program)
        assert all(isinstance(x.data, float) for x in leaves)
        result = run(program, leaves)
        found = sweep(result, 1.0, leaves)
        assert_close([found.get(x, 0.0) for x in leaves], [naive.gradient(result, x) for x in leaves], rtol=1e-8)


@in_groups
def test_the_gradient_of_a_gradient_equals_the_naive_oracle(group: int) -> None:
    for program in some(group, size=2):
        leaves = leaves_of(program)
        gradients = sweep(run(program, leaves), Value.node(1.0), leaves, create_graph=True)
        slope = inner([gradients.get(x, 0.0) for x in leaves], directions(program))
        if isinstance(slope, Value) and slope.requires_grad:
            found = sweep(slope, 1.0, leaves)
            wanted = [naive.gradient(slope, x) for x in leaves]
            assert_close([found.get(x, np.zeros(x.shape)) for x in leaves], wanted, rtol=1e-7)


@in_groups
def test_values_and_plain_numbers_give_the_same_result(group: int) -> None:
    for program in some(group):
        of_values = run(program, leaves_of(program)).data
        assert run(program, program.inputs.values()) == pytest.approx(of_values, rel=1e-12)  # NumPy's own mean, var ...


@in_groups
def test_a_second_backward_adds_the_same_again(group: int) -> None:
    for program in some(group):
        leaves = leaves_of(program)
        result = run(program, leaves)
        result.backward()
        first = [np.copy(x.grad) for x in leaves if x.grad is not None]
        inner_nodes = [(node, node.grad) for node in order(result)]
        result.backward()
        assert_close([x.grad for x in leaves if x.grad is not None], [2 * g for g in first], rtol=0)
        assert all(np.array_equal(node.grad, before) for node, before in inner_nodes)


@in_groups
def test_vjp_equals_backward_and_leaves_no_trace(group: int) -> None:
    for program in some(group):
        leaves = leaves_of(program)
        _, pullback = tg.vjp(lambda *xs: run(program, xs), *leaves)  # noqa: B023
        found = pullback(1.0)
        assert all(x.grad is None for x in leaves)
        run(program, leaves).backward()
        wanted = [np.zeros(x.shape) if x.grad is None else x.grad for x in leaves]
        assert_close([g.data for g in found], wanted, rtol=0)


@in_groups
def test_jvp_is_the_adjoint_of_vjp_and_jacobian_holds_both(group: int) -> None:
    for program in some(group):
        vector, points, us = lambda *xs: run(program, xs, without=2), leaves_of(program), directions(program)  # noqa: B023
        value, pullback = tg.vjp(vector, *points)
        w = np.random.default_rng(6).standard_normal(value.shape)
        same_value, tangent = tg.jvp(vector, points, us)
        assert np.array_equal(value.data, same_value.data)
        pulled = [g.data for g in pullback(w)]
        assert_close([inner([w], [tangent.data])], [inner(pulled, us)])
        blocks = [b.data for b in tg.jacobian(vector, argnums=tuple(range(len(points))))(*points)]
        assert [b.shape for b in blocks] == [value.shape + x.shape for x in points]
        assert_close([np.tensordot(w, b, 1) for b in blocks], pulled)
        assert_close([sum(np.tensordot(b, u, np.ndim(u)) for b, u in zip(blocks, us, strict=True))], [tangent.data])


def with_one(program: Program, points: list[Value], i: int, x: Any) -> Any:
    return run(program, [*points[:i], x, *points[i + 1 :]])


@in_groups
def test_hessian_is_symmetric_and_equals_nested_gradients(group: int) -> None:
    for program in some(group, size=3):
        points, us = leaves_of(program), directions(program)
        for i, (x, u) in enumerate(zip(points, us, strict=True)):
            f = partial(with_one, program, points, i)
            square = np.asarray(tg.hessian(f)(x).data)
            assert square.shape == x.shape * 2
            assert_close([square.reshape(x.size, x.size)], [square.reshape(x.size, x.size).T])
            product = np.tensordot(square, u, x.ndim)
            assert_close([tg.grad(lambda x: tg.sum(tg.grad(f)(x) * u))(x).data], [product])  # noqa: B023
            assert_close([tg.jvp(tg.grad(f), [x], [u])[1].data], [product])
