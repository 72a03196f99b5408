"""The graph as a reader is shown it: each value and array once, a composite as one operation, or opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .backward import order
from .recording import Scope
from .value import Value

Used = tuple[Any, Any]  # an operand, and the number that it was when it was used


class Shown(NamedTuple):
    """A value or array under a result, its number, the composite it is the result of (or None), and its operands."""

    thing: Any
    number: Any
    composite: Scope | None
    operands: list[Used]


def shown(root: Value, composites: bool | Iterable[Scope] = True) -> dict[int, Shown]:
    """What is shown under `root`, by identity, operands before results.

    `composites` are folded: all of them, none, or all but those given.
    """
    values = [*reversed(order(root))]
    opened = () if isinstance(composites, bool) else frozenset(composites)
    inside = {id(value): composite_of(value, opened) if composites is not False else None for value in values}
    results = {id(x) for value in values for x in value.operands if inside.get(id(x)) is not inside[id(value)]}
    found: dict[int, Shown] = {}
    for value in values:
        scope = inside[id(value)]
        if scope is not None and value is not root and id(value) not in results:
            continue
        operands = [*zip(value.operands, value.numbers, strict=True)]
        if scope is not None and any(inside.get(id(x)) is scope for x in value.operands):
            operands = given_to(value, scope, inside)
        elif scope is not None and scope.name == value.op.name:
            scope = None  # it is that row, under its own name
        for x, number in operands:
            if isinstance(x, Value | np.ndarray):
                found.setdefault(id(x), Shown(x, number, None, []))
        found[id(value)] = Shown(value, value._data, scope, operands)
    return found or {id(root): Shown(root, root._data, None, [])}


def composite_of(value: Value, opened: Iterable[Scope] = ()) -> Scope | None:
    """The outermost composite that a value was computed in, of those that are not opened."""
    found, scope = None, value.scope
    while scope is not None:
        found, scope = scope if scope.kind == "composite" and scope not in opened else found, scope.outer
    return found


def given_to(result: Value, scope: Scope, inside: Mapping[int, Scope | None]) -> list[Used]:
    """The values from outside that a result of a composite was computed from; its own numbers are its own business."""
    members, given = {id(result): result}, dict[int, Used]()
    waiting = [result]
    for value in waiting:  # the list grows while it is read
        for x, number in zip(value.operands, value.numbers, strict=True):
            if isinstance(x, Value) and inside.get(id(x)) is not scope:
                given.setdefault(id(x), (x, number))
            elif isinstance(x, Value) and id(x) not in members:
                members[id(x)] = x
                waiting.append(x)
    return [*given.values()]
