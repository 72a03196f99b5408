"""What a drawing shows: every value once, in the order of computation, with its name, its numbers and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from ..backward import order
from ..recording import Scope
from ..value import Value
from .wording import operation, printable

COMMUTATIVE = frozenset({"+", "×", "maximum", "minimum"})


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A value as it is shown, with the number it was computed with."""

    name: str  # "" for a plain number
    kind: str  # parameter, input, constant (a plain number), inner or root
    number: Any
    gradient: Any = None  # None: none has arrived
    operation: str = ""
    operands: tuple[tuple[str, Node], ...] = ()  # each with its place, "" where order makes no difference

    @property
    def constant(self) -> bool:
        """Whether it takes no gradient."""
        return self.kind in ("input", "constant")


def shown_nodes(root: Value, names: Mapping[str, Any], composites: bool = True) -> list[Node]:
    """The nodes of a drawing, operands before results, the root last; a composite as one operation, or opened."""
    used = uses(root, composites)
    called = names_of([x for x, *_ in used.values()], names)
    shown: dict[int, Node] = {}
    drawn: list[Node] = []
    for key, (x, number, name, operands) in used.items():
        gradient = x.grad if isinstance(x, Value) and x.requires_grad else None
        gradient = gradient.data if isinstance(gradient, Value) else gradient  # of backward(create_graph=True)
        below = operands_shown(operands, shown, name not in COMMUTATIVE)
        shown[key] = Node(called[key], kind_of(x, root), number, gradient, name if below else "", below)
        drawn += [operand for _, operand in below if operand.kind == "constant"] + [shown[key]]
    return drawn


def uses(root: Value, composites: bool) -> dict[int, tuple[Any, Any, str, list[tuple[Any, Any]]]]:
    """What is shown under `root`, by identity: a value or array, its number, its operation and the operands of that."""
    values = [*reversed(order(root))]
    inside = {id(value): composite_of(value) if composites else None for value in values}
    results = {id(x) for value in values for x in value.operands if inside.get(id(x)) is not inside[id(value)]}
    used: dict[int, tuple[Any, Any, str, list[tuple[Any, Any]]]] = {}
    for value in values:
        scope = inside[id(value)]
        if scope is not None and value is not root and id(value) not in results:
            continue
        op: Any = value.op
        operands, name = [*zip(value.operands, value.numbers, strict=True)], operation(op, value.settings)
        if scope is not None and any(inside.get(id(x)) is scope for x in value.operands):
            operands, name = given_to(value, scope, inside), scope.name
        elif scope is not None and op.name != scope.name:
            name = scope.name
        for x, number in operands:
            if isinstance(x, Value | np.ndarray):
                used.setdefault(id(x), (x, number, "", []))
        used[id(value)] = (value, value.data, name, operands)
    return used or {id(root): (root, root.data, "", [])}


def composite_of(value: Value) -> Scope | None:
    """The outermost composite that a value was computed in."""
    found, scope = None, value.scope
    while scope is not None:
        found, scope = scope if scope.kind == "composite" else found, scope.outer
    return found


def given_to(result: Value, scope: Scope, inside: Mapping[int, Scope | None]) -> list[tuple[Any, Any]]:
    """The values from outside that a result of a composite was computed from; its own numbers are its own business."""
    members, given = {id(result): result}, dict[int, tuple[Any, Any]]()
    waiting = [result]
    for value in waiting:  # the list grows while it is read
        for x, number in zip(value.operands, value.numbers, strict=True):
            if isinstance(x, Value) and inside.get(id(x)) is not scope:
                given.setdefault(id(x), (x, number))
            elif isinstance(x, Value) and id(x) not in members:
                members[id(x)] = x
                waiting.append(x)
    return [*given.values()]


def kind_of(x: Any, root: Value) -> str:
    """What a value or an array is to the graph."""
    if isinstance(x, Value) and x.op is not None:
        return "root" if x is root else "inner"
    return "parameter" if isinstance(x, Value) and x.requires_grad else "input"


def operands_shown(
    used: list[tuple[Any, Any]], shown: Mapping[int, Node], ordered: bool
) -> tuple[tuple[str, Node], ...]:
    """The operands of a result; a plain number is a node of its own wherever it is written."""
    return tuple(
        (str(place) if ordered and len(used) > 1 else "", shown.get(id(operand)) or Node("", "constant", number))
        for place, (operand, number) in enumerate(used, 1)
        if operand is not None  # clip(x, None, 1) has no lower bound
    )


def names_of(things: list[Any], names: Mapping[str, Any]) -> dict[int, str]:
    """The label of each value, or the caller's first name for it, or one of v1, v2, ... that nothing else has."""
    variables = {id(x): name for name, x in reversed(list(names.items())) if not str(name).startswith("_")}
    given = {id(x): printable(getattr(x, "label", None) or variables.get(id(x), "")) for x in things}
    taken = set(given.values())
    fresh = (name for name in (f"v{i}" for i in count(1)) if name not in taken)
    return {id(x): given[id(x)] or (next(fresh) if isinstance(x, Value) else "") for x in things}
