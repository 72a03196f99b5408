"""The methods of everything that is not a plain number (Value, Symbol): NumPy's, and a few of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import arrays, functions, linalg, ops, rows


def in_place(name: str) -> Callable[..., Any]:
    """A method that would change an array, and so cannot be one of a Value."""

    def method(self: Any, *operands: Any, **settings: Any) -> Any:
        raise TypeError(f"a.{name}() changes the array a itself, but no Value is changed in place: v = tg.{name}(v).")

    return method


class Methods:
    """Each is the function of that name, with the object as its first argument: `v.exp()` is `exp(v)`."""

    __slots__ = ()

    exp, expm1, log, log1p, sqrt, square = ops.exp, ops.expm1, ops.log, ops.log1p, ops.sqrt, ops.square
    sin, cos, tan, tanh, sigmoid, softplus = ops.sin, ops.cos, ops.tan, ops.tanh, ops.sigmoid, ops.softplus
    relu, abs, sign, clip, round = ops.relu, ops.abs, ops.sign, functions.clip, rows.round
    sum, prod, max, min, cumsum, cumprod = ops.sum, rows.prod, ops.max, ops.min, rows.cumsum, functions.cumprod
    mean, var, std, ptp, norm = functions.mean, functions.var, functions.std, functions.ptp, linalg.norm
    logsumexp, softmax, log_softmax = ops.logsumexp, ops.softmax, ops.log_softmax
    argmax, argmin, argsort, argpartition = rows.argmax, rows.argmin, rows.argsort, rows.argpartition
    reshape, transpose, squeeze, swapaxes = ops.reshape, ops.transpose, ops.squeeze, arrays.swapaxes
    flatten, ravel, repeat, take = functions.flatten, arrays.ravel, arrays.repeat, arrays.take
    diagonal, trace, astype, copy = arrays.diagonal, arrays.trace, arrays.astype, arrays.copy
    mT = property(linalg.matrix_transpose, doc="Each matrix of a batch transposed.")  # noqa: N815
    __round__ = rows.round
    dot, sort, partition = linalg.dot, in_place("sort"), in_place("partition")

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return rows.floor_divide(self, other), rows.remainder(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return rows.floor_divide(other, self), rows.remainder(other, self)
