"""How the rows for which NumPy has no function are spelled with those that it has, number for number.

A line gives the very numbers that the row's own kernel gives: the tests compare them bit by bit. Equal parts of two
spellings are computed once: softmax and cross-entropy share their powers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import kernels, ops
from ..notation import ATOM, PRODUCT
from ..rows import Unlisted, logaddexp
from .tracing import leaf


def shifted(x: Any, axis: Any) -> Any:
    """Each number less the largest of its row: no power of it is too large."""
    return x - ops.max(x, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any) -> Any:
    """The logarithm of softmax."""
    s = shifted(x, axis)
    return s - ops.log(ops.sum(ops.exp(s), axis=axis, keepdims=True))


def softmax(x: Any, axis: Any) -> Any:
    """Powers, divided by their sum."""
    powers = ops.exp(shifted(x, axis))
    return powers / ops.sum(powers, axis=axis, keepdims=True)


CHECKED = Unlisted("labels", kernels.labels, {"classes": 0})
HIGHEST = Unlisted("highest", kernels.highest, {"axis": -1})  # max along short rows, faster


def cross_entropy(x: Any, c: Any) -> Any:
    """The mean of -log(softmax(x)) at the right classes."""
    batch, s = ops.shape(x)[0], shifted(x, -1)
    totals = ops.sum(ops.exp(s), axis=-1, keepdims=True)
    right = ops.getitem(s, index=(np.arange(batch), CHECKED(c, classes=ops.shape(x)[1])))
    return ops.sum(ops.log(ops.reshape(totals, shape=(batch,))) - right) / batch


def one_hot(labels: Any, like: Any) -> Any:
    """1 at the label of each row: rows of the identity matrix, while that is small; else it is not spelled."""
    if ops.shape(like)[-1] > kernels.CLASSES:
        return None
    identity = leaf(np.eye(ops.shape(like)[-1], dtype=ops.dtype(like)))
    return ops.getitem(identity, index=(CHECKED(labels, classes=ops.shape(like)[-1]),))


def inside(x: Any, low: Any, high: Any) -> Any:
    """Whether a number lies between bounds, of which one may be open."""
    if low is None or high is None:
        return ops.less_equal(x, high) if low is None else ops.greater_equal(x, low)
    return ops.greater_equal(x, low) * ops.less_equal(x, high)


SPELLED: dict[str, Callable[..., Any]] = {
    "linear": lambda x, w, b: x @ w + b,
    "relu": lambda x: ops.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + ops.exp(-x)),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "inside": inside, "one_hot": one_hot, "cross_entropy": cross_entropy,
}  # fmt: skip


def ratio(a: Any, b: Any) -> Any:
    """A quotient, and 0 where that is divided by."""
    b = b.inputs[0] if getattr(b, "op", None) is ops.broadcast_to else b
    return ops.where(ops.equal(b, 0), 0, a / b)


def logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    """The logarithm of a sum of powers, of which none is too large."""
    m = ops.max(x, axis=axis, keepdims=True)
    y = ops.log(ops.sum(ops.exp(x - m), axis=axis, keepdims=True)) + m
    if axis is None and not keepdims:
        return ops.getitem(y, index=(0,) * ops.ndim(x))
    return y if keepdims else ops.squeeze(y, axis=axis)


def share(x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    """1 where the largest number is; several that are equal share it."""
    if not (keepdims or axis is None):
        y = ops.expand_dims(y, axis=axis)
    best = ops.equal(x, y)
    return best / ops.sum(best, axis=axis, keepdims=True)


TO_READ: dict[str, Callable[..., Any]] = {  # spelled out for readers; compiled programs do it faster
    **SPELLED,
    "ratio": ratio, "logsumexp": logsumexp, "share": share,
    "softplus": lambda x: logaddexp(0, x),
    "wins": lambda a, b: 0.5 * ops.greater(a, b) + 0.5 * ops.greater_equal(a, b),
}  # fmt: skip

ON_NUMBERS: dict[str, Any] = {  # signs for plain numbers, where these are others than for arrays
    "relu": ("max({}, 0.0)", ATOM),
    "square": ("{0} * {0}", PRODUCT, ATOM),
    "abs": ("abs({})", ATOM),
    "where": ("({1} if {0} else {2})", ATOM),
    "ratio": ("({0} / {1} if {1} else 0.0)", ATOM),
}
TWICE = {"square", "ratio"}  # what is written with its operand twice
