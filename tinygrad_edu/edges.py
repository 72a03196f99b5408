"""What an edge of the graph says: the rule of one operand on letters and on numbers, and how shapes meet there."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np

from . import ops
from .naming import Names
from .symbol import Symbol, of_arrays
from .value import Value


def letter(x: Any, number: Any, names: Names) -> Any:
    """The letter of a value or array, with its shape; a plain number stays itself."""
    return Symbol(names.of(x), ops.shape(number)) if isinstance(x, Value | np.ndarray) else number


def rule_of(op: Any, place: int) -> Any:
    """The rule of one operand of a row."""
    return next(islice(iter(op.rules), place, None))


def ruled(node: Value, place: int, g: Any, names: Names) -> Any:
    """The contribution to an operand in letters, where `g` is the gradient of the node."""
    letters = [letter(x, number, names) for x, number in zip(node.operands, node.numbers)]
    rule = rule_of(node.op, place)(g, letter(node, node._data, names), *letters, **node.settings)
    return fitted(rule, ops.shape(node.numbers[place]))


def local(node: Value, place: int) -> Any:
    """The local derivative, rule(1, y, *operands): a number, or an array where the row works on each element.

    None for other rows, of which the formula is the linear map itself.
    """
    if any(map(ops.shape, (node, *node.numbers))) and of_arrays(node.op):
        return None
    one = np.ones_like(node._data) if node.shape else node._data.__class__(1)
    found = rule_of(node.op, place)(one, node._data, *node.numbers, **node.settings)
    return ops.plain(np.broadcast_to(found, node.shape) if node.shape else found)


def fitted(formula: Any, shape: tuple[int, ...]) -> Any:
    """A contribution in the shape of its operand, as the sweep makes it: un-broadcast."""
    if ops.shape(formula) == shape:
        return formula
    return ops.sum_to(formula, shape=shape) if ops.shape(formula) else ops.broadcast_to(formula, shape=shape)


def shapes_met(formula: Any, to: tuple[int, ...]) -> str:
    """The shapes that meet in a formula, (2, 4) @ (4, 8) -> (2, 8), or (4, 8) where they are all the same."""
    parts = [x.shape for x in getattr(formula, "operands", ()) if ops.shape(x)]
    if getattr(formula, "op", None) in (ops.matmul, ops.linear):
        return f"{parts[0]} @ {parts[1]} -> {to}"
    differ = [shape for shape in dict.fromkeys(parts) if shape != to]
    return f"{', '.join(map(str, differ))} -> {to}" if differ else str(to)


def is_broadcast(node: Value, place: int) -> bool:
    """Whether the row may stretch the operand at that place to the shape of its result."""
    return bool(node.shape) and (place == 2 if node.op is ops.linear else not of_arrays(node.op))


def stretched_axes(shape: tuple[int, ...], to: tuple[int, ...]) -> list[int]:
    """The axes of a result along which an operand of a shape was repeated."""
    lead = len(to) - len(shape)
    axes = [i for i, n in enumerate(to) if i < lead or shape[i - lead] != n]
    return axes if math.prod(to[i] for i in axes) != 1 else []


def stretched(name: str, shape: tuple[int, ...], to: tuple[int, ...]) -> str:
    """Why a contribution is summed: how the operand had been broadcast; nothing if it had not."""
    axes = stretched_axes(shape, to)
    if not axes:
        return ""
    times = math.prod(to[i] for i in axes)
    if not shape:
        return f"summed over all {times}: {name} was used for each of them"
    kind = ("rows", "columns")[axes[0]] if axes in ([0], [1]) and len(to) == 2 else "places"
    axis = "axis" if len(axes) == 1 else "axes"
    return f"summed over {axis} {', '.join(map(str, axes))}: {name} {shape} was stretched over {times} {kind}"
