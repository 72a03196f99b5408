"""What a drawing shows: every value once, in the order of computation, with its name, its numbers and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


from ..contributions import grad_states
from ..errors import GradientError
from ..folding import Used, shown
from ..naming import names_of
from ..value import Value
from ..wording import operation

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
    state: str = "not run"  # of its gradient
    passes: int | None = None  # that it looks like the sum of

    @property
    def constant(self) -> bool:
        """Whether it takes no gradient."""
        return self.kind in ("input", "constant")


def shown_nodes(root: Value, names: Mapping[str, Any], composites: bool = True) -> list[Node]:
    """The nodes of a drawing, operands before results, the root last; a composite as one operation, or opened."""
    used = shown(root, composites)
    called = names_of([x.thing for x in used.values()], names)
    states = states_of(root, [x.thing for x in used.values()])
    nodes: dict[int, Node] = {}
    drawn: list[Node] = []
    for key, (x, number, composite, operands) in used.items():
        gradient = x.grad if isinstance(x, Value) and x.requires_grad else None
        gradient = gradient.data if isinstance(gradient, Value) else gradient  # of backward(create_graph=True)
        name = composite.name if composite is not None else operation(x.op, x.settings) if operands else ""
        below = operands_shown(operands, nodes, name not in COMMUTATIVE)
        nodes[key] = Node(called[key], kind_of(x, root), number, gradient, name if below else "", below, *states[key])
        drawn += [operand for _, operand in below if operand.kind == "constant"] + [nodes[key]]
    return drawn


def states_of(root: Value, things: list[Any]) -> dict[int, tuple[str, int | None]]:
    """The states of the gradients; of a graph that no pass can go through any more, as if none had."""
    try:
        return grad_states(root, things) if root.op is not None else {id(root): ("not run", None)}
    except GradientError:
        return {id(x): ("not run", None) for x in things}


def kind_of(x: Any, root: Value) -> str:
    """What a value or an array is to the graph."""
    if isinstance(x, Value) and x.op is not None:
        return "root" if x is root else "inner"
    return "parameter" if isinstance(x, Value) and x.requires_grad else "input"


def operands_shown(used: list[Used], nodes: Mapping[int, Node], ordered: bool) -> tuple[tuple[str, Node], ...]:
    """The operands of a result; a plain number is a node of its own wherever it is written."""
    return tuple(
        (str(place) if ordered and len(used) > 1 else "", nodes.get(id(operand)) or Node("", "constant", number))
        for place, (operand, number) in enumerate(used, 1)
        if operand is not None  # clip(x, None, 1) has no lower bound
    )
