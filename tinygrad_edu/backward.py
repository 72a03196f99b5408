"""The sweep: the order of the nodes, and the gradients sent back along it.

A node is anything with `op`, `inputs` (its operands, followed by the numbers that these were when it was computed: one
tuple for both), `settings`, `_data` (its result), `grad` and `requires_grad`. A leaf has no `op` and no `inputs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import ops
from .errors import GradientError, stale

ndarray = np.ndarray


def order(root: Any, ends: Iterable[Any] | None = None) -> list[Any]:
    """Every recorded node under `root`, each after all nodes that use it: count the uses, then release.

    With `ends`, only the nodes on a way from `root` to one of these, which are not entered themselves. No recursion:
    a chain of a million nodes is as welcome as a diamond, and each node is visited once.
    """
    kind, closed, shared = root.__class__, frozenset(() if ends is None else ends), False
    uses, nodes = {root: 0}, [root] if root.op is not None and root not in closed else []
    for node in nodes:  # the list grows while it is read
        for x in reversed(node.inputs):  # so that, read backwards, the order is the one in which a person would compute
            if x.__class__ is kind and x.op is not None:
                if x in uses:
                    uses[x] += 1
                    shared = True
                elif x not in closed:
                    uses[x] = 1
                    nodes.append(x)
    ready, released = nodes[:1], [] if shared else nodes  # a tree is in order as it was found
    while ready and shared:
        node = ready.pop()
        released.append(node)
        for x in node.inputs:
            if x.__class__ is kind and x in uses:
                uses[x] -= 1
                if not uses[x]:
                    ready.append(x)
    if ends is None:
        return released
    leading = set(closed)
    for node in reversed(released):
        if any(x.__class__ is kind and x in leading for x in node.inputs):
            leading.add(node)
    return [node for node in released if node in leading]


def sweep(
    root: Any, seed: Any, ends: Iterable[Any] | None = None, create_graph: bool = False, watch: Any = None
) -> dict[Any, Any]:
    """Send each node's gradient to its operands; what remains in the dictionary are the gradients of the ends.

    The ends are the leaves that require a gradient (then inner nodes get theirs as `grad`, for reading), or the nodes
    given. With `create_graph` the rules see nodes instead of numbers, so that the gradients can be differentiated.
    `watch(node, operand, gain)` is told of every contribution before it is added.
    """
    kind, gradients, nodes = root.__class__, {root: seed}, order(root, ends)
    wanted = None if ends is None else {*nodes, *ends}
    for node in nodes:
        g, op, inputs, settings = gradients.pop(node, None), node.op, node.inputs, node.settings
        if g is None:  # it is used where there is no slope, as the condition of `where`
            continue
        y, numbers = node._data, inputs[len(inputs) // 2 :]
        seen = numbers
        if create_graph:
            y, seen = node, tuple(map(as_it_was, inputs, numbers))
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
                gain = rule(g, y, *seen, **settings) if settings else rule(g, y, *seen)
                if gain.__class__ is not float or number.__class__ is not float:
                    gain = fit(gain, number, op, g if x.op is None else None)
            except ArithmeticError:  # 1 / 0 or 10.0**400 on plain floats: NumPy says inf or nan
                with np.errstate(all="ignore"):
                    gain = fit(rule(*map(np.float64, (g, y, *seen)), **settings), number, op)
            if watch is not None:
                watch(node, x, gain)
            gradients[x] = gradients[x] + gain if x in gradients else gain
    return gradients


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
