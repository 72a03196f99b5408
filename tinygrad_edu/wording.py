"""How names, numbers and operations are written for readers: short, and harmless whatever they contain."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .ops import Op

WIDTH = 100  # columns of a page
LONGEST = 40  # characters of a name
FEW = 6  # numbers that are still shown one by one
SIGNS = {"*": "×", "-": "−"}  # between two operands
ALONE = {"negative": "−", "transpose": "ᵀ", "same": "=", "log_of": "log", "slope": "slope of **"}


def printable(somebodys: Any) -> str:
    """Somebody's text without control characters, without changes of direction, and not too long."""
    start = str(somebodys).strip()[: LONGEST + 1]
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def operation(op: Op, settings: Mapping[str, Any]) -> str:
    """An operation as a person writes it, without letters for its operands: +, −, tanh, sum axis=0, [0, 1:]."""
    if op.name == "getitem":
        return printable(setting("index", settings["index"]))
    words = [setting(key, x) for key, x in settings.items() if key != "dtype" and x is not op.settings.get(key)]
    between = re.fullmatch(r"{} ?(\S+?) ?{}", op.written)
    sign = SIGNS.get(between[1], between[1]) if between else ALONE.get(op.name, op.name)
    return printable(" ".join([sign, *words]))


def setting(key: str, x: Any) -> str:
    """A named argument, without its name where the value says enough."""
    if key == "index":
        return f"[{', '.join(map(part, x if isinstance(x, tuple) else (x,)))}]"
    return str(x) if key == "shape" else key if x is True else f"{key}={x}"


def part(index: Any) -> str:
    """One of the parts of an index."""
    if isinstance(index, slice):
        start, stop, step = ("" if end is None else str(end) for end in (index.start, index.stop, index.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if isinstance(index, tuple):
        return f"({', '.join(map(part, index))})"
    if not np.ndim(index):
        return "..." if index is Ellipsis else str(index)
    return listed(index) if np.size(index) <= FEW else f"array {np.shape(index)}"


def figure(x: Any, digits: int = 4) -> str:
    """A number in a few digits, or whole; a fraction that is too long for that says that it is rounded.

    >>> figure(6.8813735870195432), figure(-0.0), figure(12500.0), figure(Fraction(1, 3)), figure(10**400)
    ('6.881', '0', '12500', '1/3', '> 1e308')
    >>> figure(Fraction(123456789, 987654321))
    '≈ 0.125'
    """
    if x is None or (isinstance(x, bool | Fraction) and len(str(x)) < 10):
        return str(x)
    exact = x
    try:
        x = float(x)
    except OverflowError:  # Python's integers have no end
        return "> 1e308" if x > 0 else "< -1e308"
    text = str(int(x)) if x.is_integer() and abs(x) < 1e6 else f"{x:.{digits}g}"
    return f"≈ {text}" if isinstance(exact, Fraction) and exact != Fraction(text) else text


def listed(x: Any, digits: int = 4) -> str:
    """Numbers as one writes a nested list."""
    x = x.tolist() if isinstance(x, np.ndarray) else x
    return f"[{', '.join(listed(i, digits) for i in x)}]" if isinstance(x, list) else figure(x, digits)


def extremes(x: Any, digits: int = 4) -> dict[str, str]:
    """What is told of an array with too many numbers to show; of those that are nan how many, beside the others."""
    with np.errstate(all="ignore"):
        low, mean, high = (float(f(x)) for f in (np.min, np.mean, np.max))
        if low != low and not np.all(gaps := np.isnan(x)):
            told = extremes(x[~gaps], digits)
            return {**told, "max": f"{told['max']}, {np.sum(gaps)} nan"}
    noise = np.finfo(x.dtype).eps * max(-low, high) if getattr(x, "dtype", np.dtype(int)).kind == "f" else 0
    found = {"min": low, "mean": 0 if abs(mean) < noise else mean, "max": high}  # what is left of a sum that is 0
    return {name: figure(number, digits) for name, number in found.items()}


def aligned(rows: Iterable[Sequence[str]], right: Container[int] = (), gap: str = "  ") -> list[str]:
    """Rows of cells as lines in columns, those counted in `right` flush right; an empty column is left out.

    >>> aligned([["sum", "", "12"], ["a", "", "3"]], right=[2])
    ['sum  12', 'a     3']
    """
    columns = []
    for i, column in enumerate(zip(*rows, strict=True)):
        if width := max(map(len, column)):
            columns.append([cell.rjust(width) if i in right else cell.ljust(width) for cell in column])
    return [gap.join(line).rstrip() for line in zip(*columns, strict=True)]


def type_of(x: Any) -> str:
    """Shape and dtype of an array; nothing for a number, which has none that matters."""
    return f"{x.shape} {x.dtype}" if np.ndim(x) else ""
