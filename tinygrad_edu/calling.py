"""How functions are called: in every positional and keyword form that NumPy takes, and with which advice if not."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

REQUIRED = inspect.Parameter.empty
PLAIN = (str, int, float)
OF_A_UFUNC = {"out": None, "casting": "same_kind", "order": "K", "dtype": None, "subok": True, "signature": None}
INSTEAD = {  # of an argument that cannot be differentiated, or is not known here
    "out": "Writing into an array would cut the graph: write a = a + v.",
    "dtype": "A Value keeps its dtype: write v.astype(dtype) first.",
    "where": "Take v[condition] first; or, to sum along an axis, tg.where(condition, v, 0).",
    "initial": "Take it in afterwards: initial + v.sum(), tg.maximum(v.max(), initial).",
    "order": "Numbers are read row by row: transpose first for another order.",
    "mean": "It is computed from the numbers themselves.",
    "correction": "ddof=correction is the same.",
}


@cache
def signature(function: Any, by_position: bool = False) -> dict[str, Any] | None:
    """The parameters of a function with their defaults, in order; None if it has no fixed list of them."""
    if isinstance(function, np.ufunc):
        return None
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function written in C does not always tell
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    kinds = {inspect.Parameter.VAR_KEYWORD, *([inspect.Parameter.KEYWORD_ONLY] if by_position else [])}
    return {p.name: p.default for p in parameters if p.kind not in kinds}


def named(
    name: str, numpy: Any, own: tuple[str, ...], operands: tuple[Any, ...], settings: Mapping[str, Any], count: int = 1
) -> dict[str, Any]:
    """The arguments of a call by name: positions as NumPy's function has them, or else as our `own` names stand.

    What only NumPy knows may be given as its default. Raises TypeError for anything else, with what to do instead;
    the first `count` names are operands.
    """
    theirs, first = signature(numpy) or {}, signature(numpy, by_position=True) or {}
    if isinstance(numpy, np.ufunc):
        theirs = {**OF_A_UFUNC, **({"keepdims": False} if numpy.signature else {"where": True})}
    order = (*first, *(name for name in own if name not in first))
    if len(operands) > len(order):
        raise TypeError(f"{name} takes at most {len(order)} argument(s), not {len(operands)}.")
    given = dict(zip(order, operands))
    if twice := given.keys() & settings.keys():
        raise TypeError(f"{name} got {', '.join(sorted(twice))} twice, by position and by name.")
    given.update(settings)
    for key in [key for key in given if key not in own]:
        default, value = theirs.get(key, REQUIRED), given.pop(key)
        if value is not default and (
            type(value) is not type(default) or not isinstance(value, PLAIN) or value != default
        ):
            raise TypeError(unknown(name, key, own[count:]))
    return given


def arranged(op: Any, operands: tuple[Any, ...], settings: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of an operation sorted into operands and settings, as NumPy's functions take them."""
    count, rest, numpy = op.arity or 1, operands[op.arity or 1 :], op.numpy[0]
    if len(op.settings) == 1 and len(rest) > 1 and all(isinstance(i, int) for i in rest):  # v.reshape(2, 3)
        operands = (*operands[:count], rest)
    names = (*(signature(numpy) or "abcdefgh"),)[:count]
    given = named(op.name, numpy, (*names, *op.settings), operands, settings, count)
    if missing := [name for name in names if name not in given]:
        raise TypeError(f"{op.name} takes {count} operand(s): {', '.join(missing)} is missing.")
    operands = tuple(given.pop(name) for name in names)
    if op.arity is None:
        first, *shapes = [getattr(x, "shape", ()) for x in (operands[0], *given.values())]
        if not (isinstance(operands[0], list | tuple) or first) or any(shapes):
            raise TypeError(f"{op.name} takes a list of arrays first: {op.name}([a, b]).")
        operands = tuple(operands[0])
    return operands, {**op.settings, **given}


def refuse(name: str, settings: Mapping[str, Any]) -> None:
    """Raise TypeError for a setting that is a Value: no gradient would come to it."""
    for key, x in settings.items():
        if hasattr(x, "backward"):
            raise TypeError(
                f"{name}: {key} is a setting, a plain number, not a Value: no gradient would reach it. "
                f"Take {key}.data, or write the function with operations, as tg.where(x > 0, x, slope * x)."
            )


def unknown(name: str, key: str, own: tuple[str, ...]) -> str:
    """What to say about an argument that a function does not take."""
    takes = f"takes {', '.join(own)}" if own else "takes no named arguments"
    return f"{name} {takes}, not {key}. {INSTEAD.get(key, '')}".rstrip()
