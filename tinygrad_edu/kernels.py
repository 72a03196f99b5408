"""How a machine computes the rows for which NumPy has no single function. No derivative is known here."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from functools import cache
from numbers import Rational
from typing import Any

import numpy as np

ndarray = np.ndarray
NOTHING: dict[str, Any] = {}  # the settings of an operation that has none
CLASSES = 256  # of up to so many the one-hot rows are those of a matrix that is kept
BUILT_IN = frozenset({float, int, bool, complex, type(None)})
FRACTIONS: set[Any] = set()  # the types of exact numbers that were met
PLAIN: set[type] = {float, int, bool, complex}  # what is computed without NumPy; and Fraction, once one is met


def number(x: Any) -> Any:
    """`x` as the engine keeps it: a Python number, or an array with at least one axis; TypeError if it is no number."""
    if x.__class__ is np.ndarray and x.ndim and x.dtype.kind in "fbiuc":
        return x
    if x.__class__ in PLAIN or x is None:  # None is an open bound of clip
        return x
    if isinstance(x, Rational) and not isinstance(x, np.generic):  # importing fractions would cost every start 2 ms
        PLAIN.add(x.__class__)
        FRACTIONS.add(x.__class__)
        return x
    try:
        array = np.asarray(x)
    except ValueError:
        raise ValueError(f"A nested list needs rows of equal length: {x!r}.") from None
    if array.dtype.kind not in "fbiuc":
        raise TypeError(f"A Value is made of numbers, not of {type(x).__name__}: {x!r}.")
    return array if array.ndim else array.item()


def without_fractions(numbers: Iterable[Any]) -> Any:
    """Beside an array a fraction is a float: an array of fractions would be one of objects."""
    return (*[float(x) if x.__class__ in FRACTIONS else x for x in numbers],)


def real(x: Any) -> Any:
    """`x` as the data of a leaf: a float, an exact Fraction, or an array of floats (integers become float64)."""
    x = number(x)
    if x is None:
        raise TypeError("A Value is made of numbers, not of NoneType: None.")
    if isinstance(x, complex) or (isinstance(x, np.ndarray) and x.dtype.kind == "c"):
        raise TypeError("A Value is real: complex numbers appear only inside the gradient checks.")
    if isinstance(x, np.ndarray):
        return x if x.dtype.kind == "f" else x.astype(np.float64)
    try:
        return float(x) if isinstance(x, int) else x
    except OverflowError:
        raise ValueError(f"An integer of {len(str(x))} digits is too large for a float.") from None


def careful(scalar: Callable[..., Any] | None, array: Callable[..., Any]) -> Callable[..., Any]:
    """`math` is five times faster than NumPy on one number, but raises where NumPy answers inf or nan."""
    if scalar in (operator.add, operator.sub, operator.mul, operator.neg, operator.abs, relu_of):
        return scalar
    if scalar is None:  # an array function will do, but not for a Fraction

        def quiet(*numbers: Any, **settings: Any) -> Any:
            with np.errstate(all="ignore"):
                return array(*[x if x.__class__ in BUILT_IN else float(x) for x in numbers], **settings)

        return quiet

    def compute(*numbers: Any, **settings: Any) -> Any:
        try:
            result = scalar(*numbers, **settings)
            if result.__class__ is not complex:
                return result
        except (ValueError, ArithmeticError, TypeError):
            pass
        with np.errstate(all="ignore"):
            exact = [complex(x) if isinstance(x, complex) else float(x) for x in numbers]
            return array(*map(np.asarray, exact), **settings).item()

    compute.exact = scalar  # type: ignore[attr-defined]  # as a program writes it, that is only run on good numbers
    return compute


def array(x: Any, dtype: Any = None) -> np.ndarray:
    """A plain number takes the dtype it is given, an array keeps its own kind (real or complex)."""
    array = np.asarray(x)
    if dtype is None or array.dtype == dtype or (array.dtype.kind == "c" and np.dtype(dtype).kind != "c"):
        return array
    return array.astype(dtype)


def broadcast_to(x: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    if x.__class__ is float:
        filled = np.empty(shape, dtype)
        filled.fill(x)  # np.full is the same, more slowly
        return filled
    return np.broadcast_to(array(x, dtype), shape)


def sum_to(x: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    x = np.asarray(x)
    if x.shape[1:] == shape and dtype is None:
        return np.add.reduce(x)  # along the first axis
    lead, total = x.ndim - len(shape), x
    if x.shape[lead:] != shape:
        stretched = [i + lead for i, n in enumerate(shape) if n == 1 and lead >= 0]
        total = np.add.reduce(x, axis=tuple(stretched), keepdims=True)
    if lead > 0:
        total = np.add.reduce(total, axis=0 if lead == 1 else tuple(range(lead)))
    if total.shape != shape:
        raise ValueError(f"a gradient of shape {x.shape} does not belong to an operand of shape {shape}.")
    return total if dtype is None else array(total, dtype)


def slope(x: Any, n: Any, times: int) -> Any:
    factor = math.prod(n - i for i in range(times))
    with np.errstate(all="ignore"):
        return np.where(np.equal(factor, 0), 0, factor * x ** (n - times))


def slope_of(x: Any, n: Any, times: int) -> Any:
    factor = math.prod(n - i for i in range(times))
    return factor * x ** (n - times) if factor else factor


def ratio(a: Any, b: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(np.equal(b, 0), 0, np.true_divide(a, b))


def xlogy(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        log = np.log(y)
        return np.where(np.equal(x, 0), 0, x * (log if np.ndim(log) else log.item()))


def log_of(a: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(np.equal(a, 0) & np.equal(x, 0), 0, np.log(x)).astype(np.result_type(a, x), copy=False)


def wins(a: Any, b: Any) -> Any:
    halves = np.greater(a, b).astype(np.int8) + np.greater_equal(a, b)
    return halves.astype(np.result_type(a, b)) / 2


def share(x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    x = np.asarray(x)
    best = np.equal(x, y if keepdims or axis is None or not np.ndim(x) else np.expand_dims(y, axis))
    with np.errstate(invalid="ignore"):  # nan is equal to nothing
        return best.astype(x.dtype) / np.add.reduce(best, axis=axis, keepdims=True, dtype=x.dtype)


def inside(x: Any, low: Any, high: Any) -> Any:
    return (True if low is None else np.greater_equal(x, low)) & (True if high is None else np.less_equal(x, high))


def scatter(x: Any, index: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    result = np.zeros(shape, np.result_type(x) if dtype is None or np.iscomplexobj(x) else dtype)
    parts = index if isinstance(index, tuple) else (index,)
    once = (int, np.integer, slice, type(None), type(Ellipsis))
    if all(isinstance(part, once) or np.asarray(part).dtype == bool for part in parts):
        result[index] = x
    else:
        add_at(result, index, x)  # an element may be taken more than once
    return result


def add_at(result: np.ndarray, index: Any, x: Any) -> None:
    """`x` added in at an index, into an array of our own: NumPy is ten times faster at it along a single axis."""
    places = np.arange(result.size).reshape(result.shape)[index]
    np.add.at(result.reshape(-1), places.ravel(), np.broadcast_to(x, places.shape).ravel())


def highest(x: Any, axis: Any) -> Any:
    """The largest number along an axis, which stays with length 1; NumPy is slow at it for many short rows."""
    lengths = shape(x)
    if axis == -1 and len(lengths) == 2 and lengths[1] < 32 < lengths[0]:
        return np.maximum.reduce(x.real.T.copy(), axis=0)[:, np.newaxis]
    return np.maximum.reduce(x.real, axis=axis, keepdims=True)


def logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    top = np.maximum.reduce(x.real, axis=axis, keepdims=True, initial=-np.inf) if 0 in shape(x) else highest(x, axis)
    if not np.isfinite(top).all():
        top = np.where(np.isfinite(top), top, 0)  # a row of -inf, or one inf, is right without shifting
    with np.errstate(divide="ignore"):
        result = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return result if keepdims else result.reshape(np.add.reduce(top, axis=axis).shape)


def log_softmax(x: Any, axis: int) -> Any:
    shifted = x - highest(x, axis)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


def softmax(x: Any, axis: int) -> Any:
    powers = np.exp(x - highest(x, axis))
    powers /= np.add.reduce(powers, axis=axis, keepdims=True)
    return powers


def norm(x: Any, axis: Any, keepdims: bool) -> Any:
    top = np.maximum.reduce(np.abs(x.real), axis=axis, keepdims=True, initial=0)
    top = np.where((top > 0) & np.isfinite(top), top, 1)  # scaled, so that no square overflows
    result = top * np.sqrt(np.add.reduce((x / top) ** 2, axis=axis, keepdims=True))
    return result if keepdims else np.squeeze(result, tuple(range(np.ndim(x))) if axis is None else axis)


def last(x: Any, axis: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape with some axes as one, the last, and the order of axes that it takes to get there."""
    axes = [i % len(shape(x)) for i in (range(len(shape(x))) if axis is None else axis)]
    order = (*(i for i in range(len(shape(x))) if i not in axes), *axes)
    lengths = tuple(shape(x)[i] for i in order)
    rest = len(order) - len(axes)
    return (*lengths[:rest], math.prod(lengths[rest:])), order


def others(x: Any, axis: Any) -> Any:
    if not np.ndim(x):
        return np.ones_like(x)
    if axis is None or isinstance(axis, tuple):
        to, order = last(x, axis)
        moved = np.transpose(x, order)
        return np.transpose(others(moved.reshape(to), -1).reshape(moved.shape), inverse(order))
    result, x = np.ones_like(x), np.moveaxis(x, axis, 0)
    before, after = np.multiply.accumulate(x[:-1]), np.multiply.accumulate(x[:0:-1])[::-1]
    rows = np.moveaxis(result, axis, 0)
    rows[1:] = before
    rows[:-1] *= after
    return result


def sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):  # exp(800) is inf, and 1 / inf is the right answer
        return 1 / (1 + np.exp(-x))


def sigmoid_of(x: Any) -> Any:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def getitem(x: Any, index: Any) -> Any:
    return np.asarray(x)[index]


def concatenate(*arrays: Any, axis: int | None) -> Any:
    return np.concatenate(arrays, axis)


def stack(*arrays: Any, axis: int) -> Any:
    return np.stack(arrays, axis)


def sign_of(x: Any) -> Any:
    return math.copysign(1.0, x) if x and x == x else x


def softplus(x: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.logaddexp(0, x)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def relu_of(x: Any) -> Any:
    return x.__class__(0) if x <= 0 else x


def where_of(condition: Any, a: Any, b: Any) -> Any:
    chosen, other = (a, b) if condition else (b, a)
    return float(chosen) if isinstance(chosen, int) and other.__class__ is float else chosen


def kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape with the reduced axes as 1."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = {i % len(shape) for i in axes if shape}
    return tuple(1 if i in reduced else n for i, n in enumerate(shape))


def cross_entropy(x: Any, c: Any) -> Any:
    (batch, classes), rows = x.shape, np.arange(len(x))
    try:
        if batch and c.shape == x.shape[:1] and c[c.argmin()] >= 0:
            if x.size < 256:  # one call, though it takes three times as long for each number
                logs = np.logaddexp.reduce(x, axis=-1)
            else:
                x = x - highest(x, -1)
                logs = np.log(np.add.reduce(np.exp(x), axis=-1))
            return np.add.reduce(logs - x[rows, whole(c)]) / batch
    except IndexError:
        pass
    raise ValueError(f"the labels must be 0 to {classes - 1}, one for each of at least one row.")


def whole(labels: Any) -> Any:
    """Labels as whole numbers: a Value has made them floats."""
    if labels.dtype.kind in "iu":
        return labels
    if np.any(labels != np.floor(labels)):
        raise ValueError("labels must be whole numbers.")
    return labels.astype(np.intp)


def one_hot(labels: Any, like: Any) -> Any:
    if like.shape[1] <= CLASSES:
        return identity(like.shape[1], like.dtype.char).take(whole(labels), 0)  # in a fifth of the time
    rows = np.zeros(like.shape, like.dtype)
    rows[np.arange(len(rows)), whole(labels)] = 1
    return rows


@cache
def identity(n: int, kind: str) -> Any:
    return np.eye(n, dtype=kind)


def plain(result: Any) -> Any:
    """A result without dimensions as a Python number, which never widens the float32 array it meets."""
    if result.__class__ is np.ndarray and result.shape:
        return result
    return result.item() if isinstance(result, np.generic | np.ndarray) else result


def shape(x: Any) -> tuple[int, ...]:
    return getattr(x, "shape", ())


def dtype(x: Any) -> Any:
    """The dtype of an array; None for a plain number, which takes whatever dtype it meets."""
    return getattr(x, "dtype", None) if shape(x) else None


def ndim(x: Any) -> int:
    return len(shape(x))


def inverse(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if axes is None else tuple(sorted(range(len(axes)), key=lambda i: axes[i] % len(axes)))


def product(a: Any, b: Any) -> Any:
    """a @ b of two matrices, with what arrays have for it: half the time for small ones, a quarter for thin ones."""
    return a.dot(b) if a.__class__ is b.__class__ is ndarray else a @ b


def matmul(a: Any, b: Any) -> Any:
    try:
        if a.__class__ is b.__class__ is ndarray and a.ndim == b.ndim == 2:
            return a.dot(b)
    except ValueError:  # which matmul raises too, for other lengths, and says it better
        pass
    return np.matmul(a, b)


def linear(x: Any, w: Any, b: Any) -> Any:
    y = matmul(x, w)
    if b.__class__ is ndarray and b.shape == w.shape[1:] and b.dtype is y.dtype:
        return np.add(y, b, y)  # into an array that nobody else has seen
    if np.shape(y + b) != np.shape(y):
        raise ValueError(f"a bias of shape {np.shape(b)} does not fit a product of shape {np.shape(y)}.")
    return y + b


def sinc(x: Any, times: int) -> Any:
    """sin(πx) / (πx) differentiated `times` times: x s⁽ᵏ⁾ + k s⁽ᵏ⁻¹⁾ = πᵏ⁻¹ sin(πx + kπ/2), or its series near 0."""
    s, near = np.sinc(x), np.abs(x) < 0.5 * times
    with np.errstate(all="ignore"):
        for k in range(1, times + 1):
            s = (np.pi ** (k - 1) * np.sin(np.pi * x + k * np.pi / 2) - k * s) / x
    if not np.any(near):
        return s
    z, series = np.where(near, x, 0), 0.0
    for j in range((times + 1) // 2, times + 25):  # (-1)ʲ (πz)²ʲ / (2j + 1)!, each term differentiated
        size = 2 * j * math.log(math.pi) - math.lgamma(2 * j - times + 1)
        series = series + (-1) ** j * math.exp(size) / (2 * j + 1) * z ** (2 * j - times)
    return np.where(near, series, s).astype(np.result_type(x), copy=False)


def leaky_relu(x: Any, negative_slope: float) -> Any:
    return np.where(np.greater(x, 0), x, negative_slope * x)


def elu(x: Any, alpha: float) -> Any:
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))


def argpartition(x: Any, kth: Any, axis: Any) -> Any:
    return np.argpartition(np.real(x), kth, axis)


def partition(x: Any, kth: Any, axis: Any) -> Any:
    x = np.asarray(x)
    places = argpartition(x, kth, axis)  # np.partition may leave the others in another order
    return np.ravel(x)[places] if axis is None else np.take_along_axis(x, places, axis)


def along(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The index that takes `indices` along one axis, and everything along the others."""
    axis %= len(shape)
    places = [np.arange(n).reshape((-1,) + (1,) * (len(shape) - i - 1)) for i, n in enumerate(shape)]
    return (*places[:axis], indices, *places[axis + 1 :])


def take_along_axis(x: Any, indices: Any, axis: Any) -> Any:
    return np.take_along_axis(x, indices, axis)


def put_along_axis(x: Any, indices: Any, axis: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    result = np.zeros(shape, np.result_type(x) if dtype is None or np.iscomplexobj(x) else dtype)
    if axis is None:
        add_at(result.reshape(-1), indices, x)
    else:
        add_at(result, along(indices, shape, axis), x)
    return result


def random(x: Any, generator: Any) -> Any:
    """Uniform numbers from 0 up to 1, in the shape and dtype of x."""
    return generator.random(np.shape(x), np.float32 if dtype(x) == np.float32 else np.float64)


def labels(c: Any, classes: int) -> Any:
    """Labels as whole numbers from 0 up to the number of classes, or the error that says so."""
    c = whole(c)
    if len(c) and np.maximum.reduce(c.view(f"u{c.itemsize}")) < classes:  # a negative one becomes the largest of all
        return c
    raise ValueError(f"the labels must be 0 to {classes - 1}, one for each of at least one row.")
