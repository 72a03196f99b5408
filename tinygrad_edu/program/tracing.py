"""A function read as a program: run once on its arguments, with everything that it computes recorded.

What is recorded are Values as always, but while a trace is running also those without a slope (a comparison, a number
of a constant array), because the program has to compute them anew from other numbers. For the same reason nothing may
look at the numbers while the trace runs: a decision of Python would be that of these numbers for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import GradientError, named, users_line
from ..kernels import number
from ..ops import same
from ..recording import switched
from ..value import Value


class Trace:
    """What the state of recording asks while a function is being read; `generators` are those that rows drew from.

    With `masks` an index may be a mask, which takes out as many numbers as it says: where nobody relies on the shapes.
    """

    def __init__(self, masks: bool = False) -> None:
        self.generators: list[Any] = []
        self.masks = masks

    def kept(self, op: Any, inputs: tuple[Any, ...], settings: dict[str, Any], data: Any) -> Value:
        """A result that has no slope, recorded nevertheless."""
        if "generator" in settings:
            self.generators.append(settings["generator"])
        node = Value.node(data, op, inputs, settings)
        node.requires_grad = False
        return node

    def detached(self, value: Value) -> Value:
        """The same numbers, through which no gradient flows."""
        return self.kept(same, (value, value._data), {}, value._data)

    def computed(self, op: Any, numbers: list[Any], settings: dict[str, Any]) -> Any:
        """The result where a setting is computed itself, as the labels in `p[rows, labels]`; None if none is."""
        if isinstance(settings.get("index"), Value):
            settings["index"] = (settings["index"],)  # to rules, a setting that is a Value would be a mistake
        if not self.masks and any(x.dtype == bool for x in values_in(settings.get("index"))):
            raise GradientError(
                f"How many numbers a mask takes out depends on its numbers, at {users_line()}, and a program is made "
                "for one shape. Choose with tg.where(mask, x, 0), and count with the sum of the mask."
            )
        plain = with_numbers(settings)
        return None if plain is settings else op.compute(*numbers, **plain)

    def refusal(self, value: Value) -> GradientError:
        """Somebody wants to see a number, or to change one."""
        return GradientError(
            f"{named(value)} is asked for its numbers while a program is made of the function, at {users_line()}. The "
            "program runs later, on other numbers, so nothing may depend on these: no if, while, float() or .data of "
            "a Value, no backward() and no new data. Choose with tg.where(condition, a, b), count with shapes, "
            "and leave changes to optimizer= or to the caller."
        )


def values_in(setting: Any) -> Iterator[Value]:
    """The Values in a setting, such as an index."""
    if isinstance(setting, Value):
        yield setting
    elif isinstance(setting, tuple):
        for part in setting:
            yield from values_in(part)


def replaced(setting: Any, instead: Callable[[Any], Any]) -> Any:
    """A setting with something else for each Value, or array, in it."""
    if isinstance(setting, Value | np.ndarray):
        return instead(setting)
    return tuple(replaced(part, instead) for part in setting) if isinstance(setting, tuple) else setting


def with_numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the numbers of the Values in them; the same dictionary if there are none."""
    if not any(True for setting in settings.values() for _ in values_in(setting)):
        return settings
    return {name: replaced(setting, lambda x: getattr(x, "_data", x)) for name, setting in settings.items()}


@contextmanager
def reading(trace: Trace | None = None) -> Iterator[None]:
    """While this is open, operations are recorded as a program."""
    around = {"scope": None, "recording": True, "anomaly": False, "books": ()}
    with switched(trace=trace or Trace(), **around), np.errstate(all="ignore"):
        yield


def leaf(x: Any, label: str | None = None, requires_grad: bool = False) -> Value:
    """An argument as the trace sees it: whole numbers stay whole."""
    value = Value.node(number(x))
    value.label, value.requires_grad = label, requires_grad
    return value


def joint_order(roots: Iterable[Value], beyond: Container[int] = ()) -> list[Value]:
    """Every recorded node under some roots, operands first, also what only an index depends on.

    It does not go to nodes that are known already, `beyond` by identity, nor to what is under them.
    """
    done: list[Value] = []
    entered: set[int] = set()
    stack: list[Any] = [root for root in reversed([*roots]) if root.op is not None and id(root) not in beyond]
    while stack:
        node = stack.pop()
        if node is None:  # all that the node below was computed from is done
            done.append(stack.pop())
        elif id(node) not in entered:
            entered.add(id(node))
            stack += node, None
            for x in reversed(used(node)):
                if x.op is not None and id(x) not in entered and id(x) not in beyond:
                    stack.append(x)
    return done


def used(node: Any) -> list[Value]:
    """The Values that a node is computed from."""
    many = node.many
    if many is None:
        operands = [x for x in (node.left, node.right) if x.__class__ is Value]
    else:
        operands = [x for x in many[: len(many) // 2] if x.__class__ is Value]
    if node.settings:
        operands += [x for setting in node.settings.values() for x in values_in(setting)]
    return operands
