"""Numbers that answer inf or nan where Python raises an error.

A program computes plain numbers with Python's own signs and with `math`, which are fast and raise for 1 / 0 or log(0).
Then the same text is run once more on these numbers, with the functions of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from .. import ops, rows


class Careful(float):
    """A plain number whose signs are the rows of the table."""

    __slots__ = ()

    def __neg__(self) -> Careful:
        return Careful(-float(self))

    def __abs__(self) -> Careful:
        return Careful(abs(float(self)))


def careful(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of plain numbers whose result is careful again."""

    def compute(*numbers: Any, **settings: Any) -> Any:
        return guarded(function(*map(unguarded, numbers), **settings))

    return compute


def guarded(x: Any) -> Any:
    """A number, from now on careful."""
    return Careful(x) if x.__class__ is float else x


def unguarded(x: Any) -> Any:
    """A plain number again."""
    return float(x) if x.__class__ is Careful else x


def sign(row: Any) -> tuple[Any, Any]:
    """A row as the sign of a class, on the left and on the right."""
    function = careful(row.scalar)
    return lambda a, b: function(a, b), lambda a, b: function(b, a)


SIGNS = {"add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide, "pow": ops.power,
         "mod": rows.remainder, "floordiv": rows.floor_divide}  # fmt: skip
for _name, _row in SIGNS.items():
    _left, _right = sign(_row)
    setattr(Careful, f"__{_name}__", _left)
    setattr(Careful, f"__r{_name}__", _right)

MATH = SimpleNamespace(**vars(math))
for _row in ops.TABLE.values():
    _exact: Any = getattr(_row.scalar, "exact", None)
    if getattr(_exact, "__module__", "") == "math":
        setattr(MATH, _exact.__name__, careful(_row.scalar))
MATH.pow = careful(ops.power.scalar)
