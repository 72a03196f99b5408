"""Large parameters are changed piece by piece: each piece stays in the cache from the first operation to the last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..symbol import applied
from ..value import Value
from .tracing import leaf, reading, used

if TYPE_CHECKING:
    from .inplace import InPlace

LARGE, PIECE = 2**16, 2**16  # numbers in an array that is worth it, and in a piece of it
MANY = 4  # operations on it
Landing = tuple[Value, Any]  # an array that is there already, and the node of its new numbers


class Block(NamedTuple):
    """Elementwise operations on arrays of one shape that lead from `given`, nodes or leaves, to where they land."""

    nodes: list[Value]
    given: list[Value]
    landing: list[Landing]
    rows: int

    def lines(self, around: InPlace) -> list[str]:
        """A loop over pieces, so many rows each."""
        shape = self.landing[0][0]._data.shape
        inside, pieces = {id(node) for node in self.nodes}, dict[int, Any]()
        inputs, outer, inner = {}, [], []
        for x in self.given:
            small = leaf(x._data[: self.rows] if x._data.__class__ is np.ndarray else x._data, x.label)
            pieces[id(x)], name = small, around.text(x)
            if x._data.__class__ is np.ndarray:
                outer.append(f"{name}[i : i + {self.rows}]")
                inner.append(name := around.namer.of(f"{name}_part"))
            inputs[id(small)] = name
        with reading():
            node: Any
            for node in self.nodes:
                operands = [pieces[id(x)] if x.__class__ is Value else x for x in node.operands]
                pieces[id(node)] = applied(node.op, operands, node.settings)
        landing = [(pieces[id(old)], pieces[id(new)]) for old, new in self.landing if id(new) in inside]
        body = around.another(inputs, landing)
        head = f"for i in range(0, {shape[0]}, {self.rows}):"
        return [head, f"    {', '.join(inner)} = {', '.join(outer)}", *(f"    {line}" for line in body)]


def carved(landing: list[Landing], nodes: list[Value], kept: Iterable[Any], fits: Any) -> Block | None:
    """The block that ends where a parameter and its state land; None if that is not worth it, or not possible.

    `fits` says whether a node is elementwise; what is used by others too, or `kept`, is given to the block.
    """
    if not all(isinstance(new, Value) and new.op is not None for _, new in landing):
        return None
    shape = landing[0][0]._data.shape
    rows = pieces(shape)
    if not rows or any(old._data.shape != shape for old, _ in landing):
        return None
    ends = {id(new) for _, new in landing}
    inside = reached([new for _, new in landing], shape, fits) - ({id(x) for x in kept} - ends)
    outside = [x for node in nodes if id(node) not in inside for x in used(node)]
    while shared := {id(x) for x in outside} & inside:
        if shared & ends:
            return None
        inside -= shared
        outside = [x for node in nodes if id(node) in shared for x in used(node)]
    chosen = [node for node in nodes if id(node) in inside]
    if not ends <= inside or len(chosen) < MANY:
        return None
    given = {id(x): x for node in chosen for x in used(node) if id(x) not in inside}
    given |= {id(old): old for old, _ in landing}
    return Block(chosen, [*given.values()], landing, rows)


def pieces(shape: tuple[int, ...]) -> int:
    """How many rows make a piece, so that all are equal; 0 for an array that is small, or cannot be cut so."""
    if math.prod(shape) < LARGE:
        return 0
    across = math.prod(shape[1:])
    most = max(PIECE // across, 1)
    rows = next(n for n in range(min(most, shape[0]), 0, -1) if not shape[0] % n)
    return rows if rows * across >= PIECE // 8 else 0


def reached(news: list[Value], shape: tuple[int, ...], fits: Any) -> set[int]:
    """The nodes of this shape, one elementwise operation after the other, that lead to some results."""
    found, waiting = set[int](), [*news]
    while waiting:
        node = waiting.pop()
        fitting = node.op is not None and np.shape(node._data) == shape and fits(node) and small_operands(node, shape)
        if fitting and id(node) not in found:
            found.add(id(node))
            waiting += used(node)
    return found


def small_operands(node: Value, shape: tuple[int, ...]) -> bool:
    """Whether every operand is a plain number, or a node or leaf of that very shape; a constant array is neither."""
    pairs = zip(node.operands, node.numbers, strict=True)
    return all(n.__class__ is not np.ndarray or (x.__class__ is Value and n.shape == shape) for x, n in pairs)
