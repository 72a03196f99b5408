"""How things are written in Python, so that a failing example can be copied, run and sent to somebody."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import tinygrad_edu as tg

from .. import domains, functions, matrices, ops, rows

SIGNS = frozenset({
    ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.negative, ops.matmul, rows.remainder,
    rows.floor_divide, ops.greater, ops.greater_equal, ops.less, ops.less_equal, ops.equal, ops.not_equal,
})  # fmt: skip
HOMES = {"ops": ops, "rows": rows, "matrices": matrices, "functions": functions}  # of rows that tg does not offer


class Word(str):
    """A piece of Python: a list of words is written without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def literal(x: Any) -> str:
    """`x` as Python that gives back the very same numbers, of the same type and shape.

    >>> import numpy as np
    >>> literal(np.array([0.1, -2.0], np.float32)), literal((1, slice(2), np.inf)), literal(np.zeros((0, 3)))
    ('np.array([0.1, -2.0], dtype=np.float32)', '(1, slice(None, 2, None), np.inf)', 'np.zeros((0, 3))')
    """
    if isinstance(x, np.ndarray):
        kind = "" if x.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{x.dtype}"
        return f"np.array({nested(x)}{kind})" if x.size else f"np.zeros({x.shape}{kind})"
    if isinstance(x, np.generic):
        return f"np.{x.dtype}({x.item()!r})"
    if isinstance(x, float) and not math.isfinite(x):
        return "np.nan" if x != x else "np.inf" if x > 0 else "-np.inf"
    if isinstance(x, tuple):
        return f"({', '.join(map(literal, x))}{',' if len(x) == 1 else ''})"
    if isinstance(x, list):
        return f"[{', '.join(map(literal, x))}]"
    return "..." if x is Ellipsis else repr(x)


def nested(x: np.ndarray) -> str:
    """The numbers of an array as nested lists, each as short as it can be without another number being meant."""
    if x.ndim:
        return f"[{', '.join(map(nested, x))}]"
    return literal(float(str(x))) if x.dtype.kind == "f" else repr(x.item())


def home(row: Any) -> tuple[str, str]:
    """How one writes a row or a function made of rows, and the line that has to stand above; "" if there is none."""
    name = row.__name__
    if getattr(tg, name, None) is row:
        return f"tg.{name}", ""
    for module, contents in HOMES.items():
        for alias, found in vars(contents).items():
            if found is row:
                return f"{module}.{alias}", f"from tinygrad_edu import {module}"
    rules = row.rules if isinstance(getattr(row, "rules", None), tuple) else ()
    makers = (getattr(row, "compute", None), *rules, getattr(row, "function", None))
    for source in dict.fromkeys(str(getattr(maker, "__module__", "")) for maker in makers):
        for alias, found in vars(sys.modules.get(source, tg)).items():
            if found is row and source != "__main__":
                return alias, f"from {source} import {alias}"
    return name, f'{name} = tg.ops.TABLE["{name}"]  # an operation of your own: define it here instead'


def spelled(row: Any, operands: Iterable[str], settings: dict[str, Any]) -> str:
    """One operation in Python: with its sign if it has one, else as a call."""
    words = [Word(x) for x in operands]
    if row in SIGNS and len(words) == row.arity:
        return str(row.written.format(*(f"({x})" if x.startswith("-") else x for x in words)))
    if row is ops.getitem:
        return f"{words[0]}[{literal(settings['index'])}]"
    return str(applied(row, words, settings, writer(home(row)[0])))


def writer(name: str) -> Callable[..., str]:
    """A function that, instead of being called, writes the call."""

    def write(*operands: Any, **settings: Any) -> str:
        given = [x if isinstance(x, Word) else f"[{', '.join(x)}]" if of_words(x) else literal(x) for x in operands]
        named = [f"{key}={x if isinstance(x, Word) else literal(x)}" for key, x in settings.items()]
        return f"{name}({', '.join([*given, *named])})"

    return write


def of_words(x: Any) -> bool:
    """Whether it is a list of pieces of Python."""
    return isinstance(x, list | tuple) and bool(x) and all(isinstance(part, Word) for part in x)


def applied(row: Any, operands: Any, settings: dict[str, Any], function: Any = None) -> Any:
    """A row, or a `function` that is called like it, on its operands; the row may be without a line in the domains."""
    if row in domains.DOMAINS:
        return domains.call(row, [*operands], settings, function)
    function = function or row
    return function([*operands], **settings) if getattr(row, "arity", 1) is None else function(*operands, **settings)
