"""Numbers moved about: turned, repeated, joined, cut, taken, padded. Compositions of the rows that index and reshape.

Where the numbers go is asked of NumPy itself: its function is called on a stand-in, of shapes, of axes or of the places
0, 1, 2 ... of the numbers; so results, shapes and errors are its own, and there is nothing here to get wrong twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ops
from .functions import axes, composite, cut, known, one_of_ours, stand_in
from .rows import backwards

Axes = int | Sequence[int]


def places(x: Any) -> Any:
    """Each number's place in reading order, in the shape of `x`."""
    return np.arange(math.prod(ops.shape(x))).reshape(ops.shape(x))


def plain(x: Any, function: str, name: str) -> Any:
    """An argument that counts or names places; TypeError for a Value, which may move by a little."""
    if one_of_ours((x,)) is not None:
        raise TypeError(f"{function}: {name} is made of whole numbers, not of Values: v.data.")
    return x


def in_order(x: Any) -> Any:
    """All numbers in one row."""
    return x if ops.ndim(x) == 1 else ops.reshape(x, shape=(-1,))


def taken(x: Any, at: Any) -> Any:
    """The numbers at these places."""
    return in_order(x)[at]


def shaped(x: Any, like: Any) -> Any:
    """The same numbers in the shape of another array."""
    return x if ops.shape(x) == ops.shape(like) else ops.reshape(x, shape=ops.shape(like))


def turned(x: Any, function: Any, *arguments: Any) -> Any:
    """The axes in the order in which a function of NumPy leaves them: seen from what becomes of lengths 2, 3, 4 ..."""
    lengths = np.broadcast_to(np.float64(0), tuple(range(2, 2 + ops.ndim(x))))
    order = tuple(n - 2 for n in function(lengths, *arguments).shape)
    return x if order == tuple(sorted(order)) else ops.transpose(x, axes=order)


@composite(np.astype)
def astype(x: Any, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    """The same numbers in another floating dtype; their gradient comes back in their own.

    What follows `dtype` is as in the method of arrays. Raises TypeError for whole numbers, which have no gradient.

    >>> astype(np.array([1.0, 2.0]), np.float32)
    array([1., 2.], dtype=float32)
    """
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"astype({np.dtype(dtype)}) would cut the graph: for the numbers alone use v.data.astype.")
    np.empty(0, ops.dtype(x)).astype(dtype, order, casting, subok, copy)  # type: ignore[call-overload]  # for its errors
    return ops.broadcast_to(x, shape=ops.shape(x), dtype=np.dtype(dtype)) if ops.shape(x) else x


@composite(np.copy)
def copy(a: Any, order: str = "K") -> Any:
    """The same numbers, as a node of their own; `order` concerns memory and changes nothing.

    >>> copy(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    np.copy(stand_in(a), order)  # type: ignore[call-overload]  # for its error
    return ops.same(a)


# -- axes --------------------------------------------------------------------------------------------------------------


@composite(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """All numbers in one row, shape (size,); `order="F"` reads column by column.

    >>> ravel(np.array([[1.0, 2.0], [3.0, 4.0]]), "F")
    array([1., 3., 2., 4.])
    """
    return in_order(a) if order == "C" else taken(a, np.ravel(places(a), order))  # type: ignore[call-overload]


@composite(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged; AxisError if there is no such axis.

    >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    return turned(a, np.swapaxes, axis1, axis2)


@composite(np.moveaxis)
def moveaxis(a: Any, source: Axes, destination: Axes) -> Any:
    """Axes moved to new positions, the others left in their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    return turned(a, np.moveaxis, source, destination)


@composite(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """An axis moved back until it stands before position `start`.

    >>> rollaxis(np.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    return turned(a, np.rollaxis, axis, start)


@composite(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """Numbers become arrays of one; several arguments give a tuple.

    >>> atleast_1d(3.0)
    array([3.])
    """
    return at_least(np.atleast_1d, arys)


@composite(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """New axes in front, until there are two; several arguments give a tuple.

    >>> atleast_2d(np.ones(3)).shape
    (1, 3)
    """
    return at_least(np.atleast_2d, arys)


@composite(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """New axes around, until there are three: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1).

    >>> atleast_3d(np.ones(3)).shape
    (1, 3, 1)
    """
    return at_least(np.atleast_3d, arys)


def at_least(function: Any, arrays: Sequence[Any]) -> Any:
    """Each in the shape that a function of NumPy gives it."""
    results = tuple(shaped(x, function(stand_in(x))) for x in map(known, arrays))
    return results[0] if len(results) == 1 else results


# -- turned round and repeated -----------------------------------------------------------------------------------------


@composite(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """The other way round, along all axes or those given.

    >>> flip(np.array([1.0, 2.0, 3.0]))
    array([3., 2., 1.])
    """
    for i in axes(m, axis):
        m = backwards(m, i)
    return m


@composite(np.fliplr)
def fliplr(m: Any) -> Any:
    """Each row the other way round; ValueError for fewer than two axes.

    >>> fliplr(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 1.],
           [4., 3.]])
    """
    np.fliplr(stand_in(m))
    return backwards(m, 1)


@composite(np.flipud)
def flipud(m: Any) -> Any:
    """The rows from the last to the first.

    >>> flipud(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3., 4.],
           [1., 2.]])
    """
    np.flipud(stand_in(m))
    return backwards(m, 0)


@composite(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """Moved on by `shift` places; what leaves at one end comes back at the other.

    >>> roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    return taken(a, np.roll(places(a), plain(shift, "roll", "shift"), axis))


@composite(np.rot90)
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Turned by 90 degrees, `k` times, from the first axis towards the second.

    >>> rot90(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.],
           [1., 3.]])
    """
    return taken(m, np.rot90(places(m), k, axes))


@composite(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """The whole array laid side by side, `reps` times along each axis.

    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    times = [int(n) for n in np.ravel(plain(reps, "tile", "reps"))]
    lengths = (*(1,) * (len(times) - ops.ndim(A)), *ops.shape(A))
    times = [1] * (len(lengths) - len(times)) + times
    between = tuple(n for length in lengths for n in (1, length))  # a new axis before each, to repeat along
    whole = tuple(n for pair in zip(times, lengths) for n in pair)
    result = tuple(n * length for n, length in zip(times, lengths))
    return ops.reshape(ops.broadcast_to(ops.reshape(A, shape=between), shape=whole, dtype=ops.dtype(A)), shape=result)


@composite(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each number, or each slice along `axis`, `repeats` times in a row.

    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    return taken(a, np.repeat(places(a), plain(repeats, "repeat", "repeats"), axis))


# -- cut and joined ----------------------------------------------------------------------------------------------------


def pieces(x: Any, axis: int, function: Any, sections: Any, *arguments: Any) -> list[Any]:
    """Stretches of `x` along an axis, cut where a function of NumPy cuts."""
    function(stand_in(x), plain(sections, "split", "indices_or_sections"), *arguments)  # for its errors
    axis %= ops.ndim(x)
    stretches = np.array_split(np.arange(ops.shape(x)[axis]), sections)
    return [cut(x, axis, *((int(s[0]), int(s[-1]) + 1) if len(s) else (0, 0))) for s in stretches]


@composite(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """A list of stretches along `axis`: so many, as equal as can be, or cut at the given indices.

    >>> array_split(np.array([1.0, 2.0, 3.0]), 2)
    [array([1., 2.]), array([3.])]
    """
    return pieces(ary, axis, np.array_split, indices_or_sections, axis)


@composite(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """A list of stretches along `axis`: so many equal ones (ValueError if they cannot be), or cut at the given indices.

    >>> split(np.array([1.0, 2.0, 3.0]), [1])
    [array([1.]), array([2., 3.])]
    """
    return pieces(ary, axis, np.split, indices_or_sections, axis)


@composite(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the columns, or along the only axis.

    >>> [part.shape for part in hsplit(np.ones((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    return pieces(ary, 1 if ops.ndim(ary) > 1 else 0, np.hsplit, indices_or_sections)


@composite(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the rows.

    >>> [part.shape for part in vsplit(np.ones((2, 4)), 2)]
    [(1, 4), (1, 4)]
    """
    return pieces(ary, 0, np.vsplit, indices_or_sections)


@composite(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the third axis.

    >>> [part.shape for part in dsplit(np.ones((2, 4, 2)), 2)]
    [(2, 4, 1), (2, 4, 1)]
    """
    return pieces(ary, 2, np.dsplit, indices_or_sections)


@composite(np.hstack)
def hstack(tup: Sequence[Any]) -> Any:
    """Joined side by side: along the second axis, numbers and vectors along their only one.

    >>> hstack([np.array([1.0, 2.0]), 3.0])
    array([1., 2., 3.])
    """
    parts = [atleast_1d(x) for x in tup]
    return ops.concatenate(parts, axis=0 if parts and ops.ndim(parts[0]) == 1 else 1)


@composite(np.vstack)
def vstack(tup: Sequence[Any]) -> Any:
    """Joined one under the other; a vector is a row.

    >>> vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 2.],
           [3., 4.]])
    """
    return ops.concatenate([atleast_2d(x) for x in tup], axis=0)


@composite(np.dstack)
def dstack(tup: Sequence[Any]) -> Any:
    """Joined along the third axis.

    >>> dstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[[1., 3.],
            [2., 4.]]])
    """
    return ops.concatenate([atleast_3d(x) for x in tup], axis=2)


@composite(np.column_stack)
def column_stack(tup: Sequence[Any]) -> Any:
    """Joined side by side; a vector is a column.

    >>> column_stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 3.],
           [2., 4.]])
    """
    columns = [x if ops.ndim(x) >= 2 else ops.reshape(x, shape=(-1, 1)) for x in map(known, tup)]
    return ops.concatenate(columns, axis=1)


@composite(np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, axis: int = 0) -> Any:
    """`num` numbers at equal distances from `start` to `stop`, along a new axis; with `retstep` also the distance.

    >>> linspace(0.0, 1.0, 5)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    parts = np.linspace(0.0, 1.0, num, endpoint)  # of the way; with its errors
    way = stop - start
    along = np.reshape(parts, (-1,) + (1,) * ops.ndim(way)).astype(ops.dtype(way))
    numbers = start + along * way
    numbers = moveaxis(numbers, 0, axis) if axis else numbers
    return (numbers, way / (num - endpoint) if num > endpoint else ops.sum(way) * math.nan) if retstep else numbers


@composite(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """`values` after `arr` along `axis`; without one, both in one row.

    >>> append(np.array([1.0, 2.0]), 3.0)
    array([1., 2., 3.])
    """
    if axis is None:
        arr, values, axis = ravel(arr), ravel(values), 0
    return ops.concatenate([arr, values], axis=axis)


# -- taken and filled --------------------------------------------------------------------------------------------------


@composite(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The numbers, or the slices along `axis`, at some indices; IndexError for one that is not there.

    >>> take(np.array([1.0, 2.0, 3.0]), [2, 0])
    array([3., 1.])
    """
    indices = plain(indices, "take", "indices")
    if axis is None or not math.prod(ops.shape(a)) or not ops.ndim(a):
        return taken(a, np.take(places(a), indices, axis, mode=mode))  # type: ignore[call-overload]
    axes(a, axis)
    along = np.take(np.arange(ops.shape(a)[axis]), indices, mode=mode)  # type: ignore[call-overload]
    return a[(slice(None),) * (axis % ops.ndim(a)) + (along,)]


@composite(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The numbers of two axes whose indices are equal, or `offset` apart.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    n = np.diagonal(stand_in(a), offset, axis1, axis2).shape[-1]
    i = np.arange(n)
    return moveaxis(a, (axis1, axis2), (-2, -1))[..., i - min(offset, 0), i + max(offset, 0)]


@composite(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal.

    >>> trace(np.array([[1.0, 2.0], [3.0, 4.0]]))
    5.0
    """
    return ops.sum(diagonal(a, offset, axis1, axis2), axis=-1)


@composite(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """A matrix with a vector as its diagonal, or the diagonal of a matrix; `k` above the main one.

    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    if ops.ndim(v) != 1:
        return taken(v, np.diag(places(v), k))
    where = np.nonzero(np.diag(places(v) + 1, k))
    n = ops.shape(v)[0] + abs(k)
    return ops.scatter(v, index=where, shape=(n, n), dtype=ops.dtype(v))


@composite(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """The numbers on and above diagonal `k`, 0 below.

    >>> triu(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [0., 4.]])
    """
    return ops.where(np.triu(np.ones(ops.shape(m), bool), k), m, 0)


@composite(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """The numbers on and below diagonal `k`, 0 above.

    >>> tril(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 0.],
           [3., 4.]])
    """
    return ops.where(np.tril(np.ones(ops.shape(m), bool), k), m, 0)


@composite(np.pad)
def pad(
    array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0, reflect_type: str = "even"
) -> Any:
    """More numbers around: constant ones, or copies of those inside ("edge", "wrap", "reflect", "symmetric").

    `pad_width` is one number, `(before, after)`, or one such pair for each axis. Raises ValueError for other modes.

    >>> pad(np.array([1.0, 2.0]), 1)
    array([0., 1., 2., 0.])
    """
    if not ops.shape(array):
        return array
    if mode == "constant":
        around = np.pad(np.zeros(ops.shape(array), ops.dtype(array)), pad_width, constant_values=constant_values)
        inside = np.nonzero(np.pad(np.ones(ops.shape(array), bool), pad_width))
        padded = ops.scatter(in_order(array), index=inside, shape=around.shape, dtype=ops.dtype(array))
        return padded + around if around.any() else padded
    if mode not in ("edge", "wrap", "reflect", "symmetric") or reflect_type != "even":
        raise ValueError(f"pad with mode={mode!r} has no rule; constant, edge, wrap, reflect and symmetric have.")
    return taken(array, np.pad(places(array), pad_width, mode))  # type: ignore[call-overload]


@composite(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """From the first choice whose condition holds, else `default`; ValueError if there are not as many of each.

    >>> select([np.array([True, False]), np.array([True, True])], [np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([1., 4.])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select takes a choice for each condition, not {len(choicelist)} for {len(condlist)}.")
    choices = [known(x) for x in choicelist]
    common = np.result_type(*[ops.dtype(x) for x in choices if ops.shape(x)] or [float])
    for condition, x in zip(reversed(condlist), reversed(choices), strict=True):
        default = ops.where(condition, x.astype(common) if isinstance(x, np.ndarray) else x, default)
    return default
