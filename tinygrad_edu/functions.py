"""What is a composition of rows: no rule of its own, but a name, by which a drawing can show it as one box."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import kernels, ops

Axis = int | tuple[int, ...] | None


class Composite:
    """A function written with rows: it needs no rule, but keeps its name, so that a reader can show it as one box."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.name, self.__doc__ = function, function.__name__, function.__doc__
        self.__name__ = self.name

    def __call__(self, *operands: Any, **settings: Any) -> Any:
        for x in operands:
            if (apply := getattr(x, "apply_composite", None)) is not None:
                return apply(self, operands, settings)
        return self.function(*operands, **settings)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else partial(self, owner)

    def __reduce__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<composite {self.name}>"


def answers(*numpy: Any) -> Callable[[Any], Any]:
    """Decorate a function that answers when these functions of NumPy are called on something of ours."""

    def register(function: Any) -> Any:
        ops.ANSWERS.update(dict.fromkeys(numpy, function))
        return function

    return register


def count(x: Any, axis: Axis) -> int:
    """How many numbers are taken together along `axis`."""
    shape = ops.shape(x)
    return math.prod(n for n, kept in zip(shape, kernels.kept(shape, axis)) if n != kept)


@answers(np.mean)
@Composite
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The average over `axis` (all of them by default).

    >>> mean(np.array([1.0, 2.0, 6.0]))
    3.0
    """
    return ops.sum(x, axis=axis, keepdims=keepdims) / count(x, axis)


@answers(np.var)
@Composite
def var(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The mean square distance from the mean, divided by n - `ddof` (NumPy's default is 0, PyTorch's is 1).

    >>> var(np.array([1.0, 2.0, 6.0]), ddof=1)
    7.0
    """
    centred = x - mean(x, axis=axis, keepdims=True)
    return ops.sum(ops.square(centred), axis=axis, keepdims=keepdims) / (count(x, axis) - ddof)


@answers(np.std)
@Composite
def std(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The square root of `var`, with slope 0 where all numbers are equal.

    >>> std(np.array([1.0, 3.0]))
    1.0
    """
    centred = x - mean(x, axis=axis, keepdims=True)
    return ops.norm(centred, axis=axis, keepdims=keepdims) / math.sqrt(count(x, axis) - ddof)


def flatten(x: Any) -> Any:
    """All numbers in one row, shape (size,).

    >>> flatten(np.ones((2, 3))).shape
    (6,)
    """
    return ops.reshape(x, shape=(-1,))


@answers(np.clip)
def clip(x: Any, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None) -> Any:
    """`x`, but at least `min` and at most `max`; the gradient passes at the bounds, as in PyTorch.

    >>> clip(np.array([-2.0, 0.5, 2.0]), -1, 1)
    array([-1. ,  0.5,  1. ])
    """
    return ops.clip(x, a_min if min is None else min, a_max if max is None else max)


@answers(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The Euclidean length: the square root of the sum of squares, over all axes or along `axis`; slope 0 at 0.

    >>> norm(np.array([3.0, 4.0]))
    5.0
    """
    vector = isinstance(axis, int) or (axis is None and ops.ndim(x) == 1)
    if ord is not None and not (ord == 2 and vector) and not (ord == "fro" and not vector):
        raise ValueError(f"norm with ord={ord!r} has no rule; ord=None is the Euclidean norm.")
    return ops.norm(x, axis=axis, keepdims=keepdims)


READING = frozenset({
    np.shape, np.ndim, np.size, np.isnan, np.isinf, np.isfinite, np.isclose, np.allclose, np.array_equal,
    np.argmax, np.argmin, np.zeros_like, np.ones_like, np.array_repr, np.array_str,
})  # fmt: skip  # functions of NumPy whose answer has no gradient: they read the data


NEAREST = {
    "log2": "log", "log10": "log", "exp2": "exp", "cbrt": "power", "hypot": "norm", "dot": "matmul", "vdot": "matmul",
    "inner": "matmul", "outer": "multiply", "einsum": "matmul", "tensordot": "matmul", "kron": "multiply",
    "ravel": "flatten", "swapaxes": "transpose", "moveaxis": "transpose", "rollaxis": "transpose", "vstack": "stack",
    "hstack": "concatenate", "append": "concatenate", "average": "mean", "median": "mean", "cumsum": "sum",
    "cumprod": "prod", "tile": "broadcast_to", "repeat": "broadcast_to", "take": "where", "logaddexp": "logsumexp",
    "floor": "sign", "ceil": "sign", "rint": "sign", "add.reduce": "sum", "multiply.reduce": "prod",
    "maximum.reduce": "max", "minimum.reduce": "min", "add.accumulate": "sum", "multiply.outer": "multiply",
}  # fmt: skip  # where spelling would suggest something else


def answer(function: Any, args: Any, settings: dict[str, Any], method: str = "") -> Any:
    """Answer for a function of NumPy that was called on a Value; `method` is ".reduce" and the like of a ufunc."""
    name = function.__name__ + method
    if "out" in settings:
        raise TypeError(f"np.{name} into an array (out= or +=) would cut the graph: write a = a + v.")
    if function in READING and not method:
        numbers = [x.data if hasattr(x, "apply_op") else x for x in (*args, *settings.values())]
        return function(*numbers[: len(args)], **dict(zip(settings, numbers[len(args) :])))
    if function in ops.ANSWERS and not method:
        return ops.ANSWERS[function](*args, **settings)
    from difflib import get_close_matches

    module = f"{getattr(function, '__module__', None) or 'numpy'}.".replace("numpy.", "np.", 1)
    known = {row.__name__ for of, row in ops.ANSWERS.items() if hasattr(np, getattr(of, "__name__", ""))} - {"same"}
    nearest = NEAREST.get(name) or get_close_matches(name, sorted(known), n=1, cutoff=0.0)[0]
    raise TypeError(f"{module}{name} has no rule; the nearest that has one is {nearest}. For numbers alone use v.data.")
