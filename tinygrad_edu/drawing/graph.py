"""What a drawing shows: every value once, in the order of computation, with its name, its numbers and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from ..backward import order
from ..value import Value
from .wording import operation, printable

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum"})


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


def shown_nodes(root: Value, names: Mapping[str, Any]) -> list[Node]:
    """The nodes of a drawing, operands before results, the root last."""
    used = numbers_used(root)
    called = names_of([x for x, _ in used.values()], names)
    shown: dict[int, Node] = {}
    drawn: list[Node] = []
    for key, (x, number) in used.items():
        kind, operands = kind_of(x, root), operands_of(x, shown)
        gradient = x.grad if isinstance(x, Value) and x.requires_grad else None
        gradient = gradient.data if isinstance(gradient, Value) else gradient  # of backward(create_graph=True)
        shown[key] = Node(
            called[key], kind, number, gradient, operation(x.op, x.settings) if operands else "", operands
        )
        drawn += [operand for _, operand in operands if operand.kind == "constant"] + [shown[key]]
    return drawn


def numbers_used(root: Value) -> dict[int, tuple[Any, Any]]:
    """Every value and array under `root`, by identity, with the number that the graph was computed with."""
    used: dict[int, tuple[Any, Any]] = {}
    for value in reversed(order(root)):
        for x, number in zip(value.operands, value.numbers, strict=True):
            if isinstance(x, Value | np.ndarray):
                used.setdefault(id(x), (x, number))
        used[id(value)] = (value, value.data)
    return used or {id(root): (root, root.data)}


def kind_of(x: Any, root: Value) -> str:
    """What a value or an array is to the graph."""
    if isinstance(x, Value) and x.op is not None:
        return "root" if x is root else "inner"
    return "parameter" if isinstance(x, Value) and x.requires_grad else "input"


def operands_of(x: Any, shown: Mapping[int, Node]) -> tuple[tuple[str, Node], ...]:
    """The operands of a result; a plain number is a node of its own wherever it is written."""
    if not isinstance(x, Value):
        return ()
    op: Any = x.op
    used: list[tuple[Any, Any]] = [*zip(x.operands, x.numbers, strict=True)]
    ordered = len(used) > 1 and op.name not in COMMUTATIVE
    return tuple(
        (str(place) if ordered else "", shown.get(id(operand)) or Node("", "constant", number))
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
