"""The sweep: the order of the nodes, and the gradients sent back along it.

A node is anything with `op`, `many` (its operands, followed by the numbers that these were when it was computed),
`settings`, `_data` (its result), `grad` and `requires_grad`. A leaf has no `op`. Two operands and their numbers a node
holds itself, as `left` and so on, and `many` is None: the garbage collector then has half the objects to visit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import ops
from .errors import GradientError, stale
from .kernels import ndarray


def order(root: Any, ends: Iterable[Any] | None = None) -> list[Any]:
    """Every recorded node under `root`, each after all nodes that use it; read backwards, as a person would compute.

    With `ends`, only nodes on a way from `root` to one of these, which are not entered. No recursion, one visit each.
    """
    kind, seen, computed = root.__class__, set(() if ends is None else ends), []
    waiting = [] if root.op is None else [root]
    while waiting:
        node = waiting.pop()
        if node is None:  # all that the node below was computed from is in the list
            computed.append(waiting.pop())
        elif node not in seen:
            seen.add(node)
            waiting += node, None
            many = node.many  # the first operand is to be computed first
            for x in (node.right, node.left) if many is None else many[len(many) // 2 - 1 :: -1]:
                if x.__class__ is kind and x.op is not None and x not in seen:
                    waiting.append(x)
    if ends is not None:
        leading = set(ends)
        for node in computed:
            if any(x.__class__ is kind and x in leading for x in node.inputs):
                leading.add(node)
        computed = [node for node in computed if node in leading]
    computed.reverse()
    return computed


def sweep(
    root: Any, seed: Any, ends: Iterable[Any] | None = None, create_graph: bool = False, watch: Any = None
) -> dict[Any, Any]:
    """Send each node's gradient to its operands; what remains in the dictionary are the gradients of the ends.

    The ends are the leaves that require a gradient (then inner nodes get theirs as `grad`, for reading), or the nodes
    given. With `create_graph` the rules see nodes instead of numbers, so that the gradients can be differentiated.
    `watch(node, operand, gain)` is told of every contribution before it is added.
    """
    kind, gradients, nodes = root.__class__, {root: seed}, order(root, ends)
    arrived: dict[Any, Any] = {}  # apart, as the many leaves would slow down the few gradients that wait
    own: set[Any] = set()
    wanted: Any = None if ends is None else {*nodes, *ends}
    for node in nodes:
        g = gradients.pop(node, None)
        if g is None:  # it is used where there is no slope, as the condition of `where`
            continue
        op, settings, inputs = node.op, node.settings, node.many
        if inputs is None:
            inputs, numbers = (node.left, node.right), (node.left_number, node.right_number)
        else:
            numbers = inputs[len(inputs) // 2 :]
        seen = (g, node, *map(as_it_was, inputs, numbers)) if create_graph else (g, node._data, *numbers)
        if wanted is None:
            node.grad = g
        for x, number, rule in zip(inputs, numbers, op.rules):
            if x.__class__ is not kind:
                continue
            if x._data is not number and changed_in_place(x, number):
                raise stale(x, op)
            if rule is None or not (x.requires_grad if wanted is None else x in wanted):
                continue
            try:
                gain = rule(*seen, **settings) if settings else rule(*seen)
                if gain.__class__ is not float or number.__class__ is not float:
                    gain = fit(gain, number, op, g if x.op is None else None)
            except ArithmeticError:  # 1 / 0 or 10.0**400 on plain floats: NumPy says inf or nan
                with np.errstate(all="ignore"):
                    gain = fit(rule(*map(np.float64, seen), **settings), number, op)
            if watch is not None:
                watch(node, x, gain)
            into = arrived if x.op is None else gradients
            before = into.get(x)
            if before is None:
                into[x] = gain
            elif before.__class__ is ndarray is gain.__class__ and x in own and gain.dtype is before.dtype:
                before += gain  # a sum made below, which nobody else has seen
            else:
                into[x] = before + gain
                own.add(x)
    return arrived | gradients if gradients else arrived


def as_it_was(x: Any, number: Any) -> Any:
    """The operand as a node that still has the number it was used with, even if its data was rebound since."""
    return x if getattr(x, "_data", number) is number else x.node(number, ops.same, (x, number))


def changed_in_place(x: Any, number: Any) -> bool:
    """Whether the leaf's own array was written to: `data` then shows the same memory through another view."""
    return number.__class__ is ndarray is x._data.__class__ and np.shares_memory(x._data, number)


def fit(gain: Any, number: Any, op: ops.Op, g: Any = None) -> Any:
    """The contribution in the shape and dtype of its operand: un-broadcasting, here and nowhere else.

    A leaf's gradient is to be its own array: with `g` given, that one or a view is copied.
    """
    if gain.__class__ is not ndarray or number.__class__ is not ndarray or gain.dtype is not number.dtype:
        gain = of_kind(gain, number)
    to = number.shape if number.__class__ is ndarray else ()
    if (gain.shape if gain.__class__ is ndarray else ops.shape(gain)) != to:
        try:
            return ops.plain(ops.sum_to.compute(gain, to, None)) if gain.__class__ is ndarray else ops.sum_to(gain, to)
        except ValueError as error:
            raise GradientError(f"A rule of {op.name} is wrong: {error}") from None
    return gain.copy() if g is not None and gain.__class__ is ndarray and (gain is g or gain.base is not None) else gain


def of_kind(gain: Any, number: Any) -> Any:
    """A number for a number, and for an array its own dtype (a complex gradient stays complex)."""
    if isinstance(gain, np.generic | np.ndarray) and not gain.ndim:
        gain = gain.item()
    to, kind = ops.shape(number), ops.dtype(number)
    if to and not ops.shape(gain):  # a rule may answer with one number for all elements
        return ops.broadcast_to(gain, shape=to, dtype=kind)
    if kind is None or ops.dtype(gain) is None or ops.dtype(gain) == kind or "c" in kind.kind + ops.dtype(gain).kind:
        return gain
    return ops.sum_to(gain, shape=ops.shape(gain), dtype=kind)
