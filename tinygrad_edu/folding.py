"""The graph as a reader is shown it: each value and array once, what lies in a box as one operation."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .backward import order
from .recording import Scope
from .value import Value

Used = tuple[Any, Any]  # an operand, and the number that it was when it was used
BoxOf = Callable[[Value], Scope | None]  # the box that a value is hidden in, or None


class Shown(NamedTuple):
    """A value or array under a result, its number, the box it is the result of (or None), and its operands."""

    thing: Any
    number: Any
    box: Scope | None
    operands: list[Used]


def values_under(roots: Iterable[Value]) -> list[Value]:
    """Every result under some roots once, operands before results; those of the first root come first."""
    return [*dict.fromkeys(value for root in roots for value in reversed(order(root)))]


def shown(roots: Iterable[Value], box_of: BoxOf) -> dict[int, Shown]:
    """What is shown under some roots, by identity, operands before results; the values in a box are not.

    What a box gives to others is shown as its result. A box with one row of its own name is that row.
    """
    roots = [*roots]
    values = values_under(roots)
    inside = {id(value): box_of(value) for value in values}
    results = {id(root) for root in roots}
    results |= {id(x) for value in values for x in value.operands if inside.get(id(x)) is not inside[id(value)]}
    found: dict[int, Shown] = {}
    met: dict[Scope, set[int]] = {}  # behind the results of each box
    for value in values:
        box = inside[id(value)]
        if box is not None and id(value) not in results:
            continue
        operands = [*zip(value.operands, value.numbers, strict=True)]
        if box is not None and box.kind != "composite":
            operands = given_to(value, box, inside, met.setdefault(box, set()))
        elif box is not None and any(inside.get(id(x)) is box for x in value.operands):
            operands = given_to(value, box, inside, set())
        elif box is not None and value.op is not None and box.name == value.op.name:
            box = None  # it is that row, under its own name
        for x, number in operands:
            if isinstance(x, Value | np.ndarray):
                found.setdefault(id(x), Shown(x, number, None, []))
        found[id(value)] = Shown(value, value._data, box, operands)
    for root in roots:
        found.setdefault(id(root), Shown(root, root._data, None, []))
    return found


def composite_of(value: Value, opened: Container[Scope] = ()) -> Scope | None:
    """The outermost composite that a value was computed in, of those that are not opened."""
    found, scope = None, value.scope
    while scope is not None:
        found, scope = scope if scope.kind == "composite" and scope not in opened else found, scope.outer
    return found


def layers_around(scope: Scope | None) -> list[Scope]:
    """The layers of a model that a scope lies in, or is, the outermost first."""
    found = []
    while scope is not None:
        if scope.kind == "layer":
            found.append(scope)
        scope = scope.outer
    return found[::-1]


def given_to(result: Value, box: Scope, inside: Mapping[int, Scope | None], met: set[int]) -> list[Used]:
    """What a result of a box was computed from: the values from outside, and the arrays that no composite made.

    What was met already, behind another result, is passed by.
    """
    given: dict[int, Used] = {}
    waiting = [result] if id(result) not in met else []
    for value in waiting:  # the list grows while it is read
        for x, number in zip(value.operands, value.numbers, strict=True):
            own = isinstance(x, Value) and inside.get(id(x)) is box
            if not own and (isinstance(x, Value) or (isinstance(x, np.ndarray) and composite_of(value) is None)):
                given.setdefault(id(x), (x, number))
            elif own and id(x) not in met:
                met.add(id(x))
                waiting.append(x)
    return [*given.values()]
