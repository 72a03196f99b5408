"""The same graph once more: on other numbers, or with other rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .backward import order
from .recording import switched
from .symbol import applied
from .value import Value


class Altered:
    """An operation with other rules, for the sweep, which asks for no more than its name and its rules."""

    def __init__(self, op: Any, rules: Any) -> None:
        self.name, self.rules = op.name, rules


def again(
    root: Value, data: Mapping[Value, Any] | None = None, instead: Callable[[Value, Value], Any] | None = None
) -> dict[Value, Value]:
    """Every value under `root`, and the value that takes its place in a new graph of the same operations.

    `data` are numbers for leaves instead of those that were recorded; `instead` is told of every result, as it was and
    as it is now, and says which number is used from there on.
    What Python decided while the graph was recorded (which branch, which condition of `where`) stays as it was.
    """
    data, made = data or {}, dict[Value, Value]()
    for node in reversed(order(root)):
        for x, number in zip(node.operands, node.numbers, strict=True):
            if isinstance(x, Value) and x not in made:
                made[x] = Value(data.get(x, number), x.label, x.requires_grad)
        operands = tuple(made[x] if isinstance(x, Value) else x for x in node.operands)
        with switched(scope=node.scope, recording=True):
            new = next(x for x in operands if isinstance(x, Value)).apply_op(node.op, operands, node.settings)
        new.label = node.label
        if instead is not None:
            new._data = instead(node, new)
        made[node] = new
    return made or {root: Value(data.get(root, root._data), root.label)}


def computed(root: Value, data: Mapping[Value, Any]) -> Any:
    """What the recorded operations give for other numbers of the leaves, which may be complex: nothing is recorded.

    >>> x = Value(3.0)
    >>> computed(x * x + 1, {x: 2j})
    (-3+0j)
    """
    numbers = dict(data)
    for node in reversed(order(root)):
        operands = [numbers.get(x, n) if isinstance(x, Value) else n for x, n in zip(node.operands, node.numbers)]
        numbers[node] = applied(node.op, operands, node.settings)
    return numbers.get(root, root._data)
