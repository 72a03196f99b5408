"""One operation as a line of Python: the printer of formulas is asked once for each kind of line."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from .. import ops
from ..notation import ATOM, Notation, PYTHON, REST, Written, write
from ..symbol import Symbol
from .spelling import ON_NUMBERS

Part = Written | int | float | np.ndarray | None


def name_of(text: str) -> Written:
    """A name as a part of an expression."""
    return Written(text, ATOM)


def number_call(x: Any, operands: list[str], settings: dict[str, str], notation: Notation) -> str:
    """A function of plain numbers: that of `math`, or the row's own."""
    exact: Any = getattr(x.op.scalar, "exact", None)
    if getattr(exact, "__module__", "") == "math":
        return f"math.{exact.__name__}({', '.join(operands)})"
    return PYTHON.call(x, operands, settings, notation)


NUMBERS = replace(PYTHON, signs={**PYTHON.signs, **ON_NUMBERS}, call=number_call)


def phrase(op: Any, parts: list[Part], settings: dict[str, Any], shapes: list[Any], scalar: bool) -> Written:
    """An operation on parts that are written already, or are plain numbers."""
    notation = NUMBERS if scalar else PYTHON
    kinds = tuple([x[1:] if x.__class__ is Written else x if x.__class__ is float else None for x in parts])
    if settings or None in kinds:
        return formula(op, parts, settings, shapes, notation)
    template, holds, begins = pattern(op, kinds, tuple(shapes), notation)
    return Written(template.format(*[x[0] if x.__class__ is Written else "" for x in parts]), holds, begins)


@cache
def pattern(op: Any, kinds: tuple[Any, ...], shapes: tuple[Any, ...], notation: Notation) -> Written:
    """An operation on parts of these kinds, with places for their texts."""
    parts = [Written(f"{{{i}}}", *kind) if isinstance(kind, tuple) else kind for i, kind in enumerate(kinds)]
    return formula(op, parts, {}, shapes, notation)


def formula(op: Any, parts: Any, settings: dict[str, Any], shapes: Any, notation: Notation) -> Written:
    """An operation on parts, as the printer of formulas writes it."""
    operands = tuple(Symbol(x, shape) if x.__class__ is Written else x for x, shape in zip(parts, shapes))
    settings = {name: written_in(x) for name, x in settings.items()}
    text, holds, begins = write(Symbol("", (), op, operands, settings), notation)
    return Written(text, REST if op is ops.negative else holds, begins)


def written_in(setting: Any) -> Any:
    """A setting in which parts are written already."""
    if isinstance(setting, Written):
        return Symbol(setting)
    return tuple(map(written_in, setting)) if isinstance(setting, tuple) else setting


def literal(x: Any, scalar: bool) -> str:
    """A plain number in Python."""
    text = write(x, PYTHON).text
    return text.replace("np.", "math.") if scalar else text


def decimals(x: Any) -> Any:
    """The numbers of float32, with the fewest digits that are the same in float32; others as they are."""
    return x.astype(str).astype(float) if x.dtype == np.float32 else x


def shortest(x: float) -> float:
    """A number that becomes one of float32 anyway: the shortest to write that becomes the same."""
    with np.errstate(over="ignore"):
        short = decimals(np.float32(x)).item()
    return short if short and np.isfinite(short) and len(literal(short, False)) < len(literal(x, False)) else x


@cache
def kernel_of(op: Any, scalar: bool) -> Any:
    """The function of the library's own that computes an operation; None where a sign or NumPy's function does."""
    function: Any = getattr(op.scalar, "exact", None) if scalar else None
    function = function or (None if scalar and getattr(op.scalar, "__module__", "") == "_operator" else op.compute)
    ours = isinstance(function, FunctionType) and function.__module__ not in ("math", "_operator", "numpy")
    return function if ours and function.__name__ != "<lambda>" and (scalar or op.name not in SIGNS) else None


SIGNS = {"getitem", "reshape", "transpose", "concatenate", "stack"}  # computed by functions of ours, written otherwise
