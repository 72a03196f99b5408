"""The signs + - * / ** @ % // < [], once, for everything that is not a plain number (Value, Symbol)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from . import ops, rows
from .methods import Methods


def no_number(x: Any) -> bool:
    """What is equal to no number, though it is no mistake to compare them."""
    return x is None or isinstance(x, str)


class Operators(Methods):
    """Everything one can write on an operand; each line asks `apply_op` of the operand what it means."""

    __slots__ = ()

    apply_op: Callable[..., Any]

    # fmt: off
    def __add__(self, other: Any) -> Self:       return self.apply_op(ops.add, (self, other))
    def __radd__(self, other: Any) -> Self:      return self.apply_op(ops.add, (other, self))
    def __sub__(self, other: Any) -> Self:       return self.apply_op(ops.subtract, (self, other))
    def __rsub__(self, other: Any) -> Self:      return self.apply_op(ops.subtract, (other, self))
    def __mul__(self, other: Any) -> Self:       return self.apply_op(ops.multiply, (self, other))
    def __rmul__(self, other: Any) -> Self:      return self.apply_op(ops.multiply, (other, self))
    def __truediv__(self, other: Any) -> Self:   return self.apply_op(ops.divide, (self, other))
    def __rtruediv__(self, other: Any) -> Self:  return self.apply_op(ops.divide, (other, self))
    def __pow__(self, other: Any) -> Self:       return self.apply_op(ops.power, (self, other))
    def __rpow__(self, other: Any) -> Self:      return self.apply_op(ops.power, (other, self))
    def __matmul__(self, other: Any) -> Self:    return self.apply_op(ops.matmul, (self, other))
    def __rmatmul__(self, other: Any) -> Self:   return self.apply_op(ops.matmul, (other, self))
    def __mod__(self, other: Any) -> Self:       return self.apply_op(rows.remainder, (self, other))
    def __rmod__(self, other: Any) -> Self:      return self.apply_op(rows.remainder, (other, self))
    def __floordiv__(self, other: Any) -> Self:  return self.apply_op(rows.floor_divide, (self, other))
    def __rfloordiv__(self, other: Any) -> Self: return self.apply_op(rows.floor_divide, (other, self))
    def __neg__(self) -> Self:                   return self.apply_op(ops.negative, (self,))
    def __pos__(self) -> Self:                   return self
    def __abs__(self) -> Self:                   return self.apply_op(ops.abs, (self,))
    def __getitem__(self, index: Any) -> Self:   return self.apply_op(ops.getitem, (self,), {"index": index})
    def __lt__(self, other: Any) -> Any:         return self.apply_op(ops.less, (self, other))
    def __le__(self, other: Any) -> Any:         return self.apply_op(ops.less_equal, (self, other))
    def __gt__(self, other: Any) -> Any:         return self.apply_op(ops.greater, (self, other))
    def __ge__(self, other: Any) -> Any:         return self.apply_op(ops.greater_equal, (self, other))
    def __eq__(self, other: Any) -> Any:         return not no_number(other) and self.apply_op(ops.equal, (self, other))
    def __ne__(self, other: Any) -> Any:         return no_number(other) or self.apply_op(ops.not_equal, (self, other))
    __hash__ = object.__hash__
    # fmt: on
