"""The signs + - * / ** @ < [] and the methods, once, for everything that is not a plain number (Value, Symbol)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from . import functions, ops


def no_number(x: Any) -> bool:
    """What is equal to no number, though it is no mistake to compare them."""
    return x is None or isinstance(x, str)


class Operators:
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

    exp, expm1, log, log1p, sqrt, square = ops.exp, ops.expm1, ops.log, ops.log1p, ops.sqrt, ops.square
    sin, cos, tan, tanh, sigmoid, softplus = ops.sin, ops.cos, ops.tan, ops.tanh, ops.sigmoid, ops.softplus
    relu, abs, sign, sum, prod, max, min = ops.relu, ops.abs, ops.sign, ops.sum, ops.prod, ops.max, ops.min
    mean, var, std, norm, clip = functions.mean, functions.var, functions.std, functions.norm, functions.clip
    logsumexp, softmax, log_softmax = ops.logsumexp, ops.softmax, ops.log_softmax
    reshape, transpose, squeeze, flatten = ops.reshape, ops.transpose, ops.squeeze, functions.flatten
    # fmt: on
