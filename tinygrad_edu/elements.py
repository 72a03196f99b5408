"""One number of a formula over arrays: what stands in one place of Xᵀ @ g, written with the numbers of X and of g.

Only what the one number needs is read, and no array of formulas is ever made. An operation that works number by number
goes on with the numbers in the same place; one that only moves numbers is asked where it takes them from; sums, and
products of matrices, are written out. All else (softmax, the inverse of a matrix) stays whole, with an index behind it.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import kernels, matrices, ops, rows
from .notation import LATEX, Derivative, Element, Name
from .symbol import Symbol, applied, of_arrays

Index = tuple[int, ...]


def element(formula: Any, index: Index = ()) -> Any:
    """The number of a formula at an index, as a formula over single numbers, or as a number where it comes down to one.

    A formula without a shape is the same in every place. Raises IndexError where there is no such place.

    >>> W, g = Symbol("W", (2, 3)), Symbol(Derivative("L", "y"), (2, 4))
    >>> print(element(W.T @ g, (2, 0)))
    W[0, 2]·∂L/∂y[0, 0] + W[1, 2]·∂L/∂y[1, 0]
    """
    shape = ops.shape(formula)
    index = (*map(operator.index, index),)
    if shape and (len(index) != len(shape) or not all(-n <= i < n for i, n in zip(index, shape))):
        raise IndexError(f"a formula of shape {shape} has no element {index}; it takes {len(shape)} whole numbers.")
    return Reader().at(formula, tuple(i % n for i, n in zip(index, shape)))


def terms(formula: Any) -> list[Any]:
    """What is added up in a formula, each with its sign.

    >>> a, b, c = map(Symbol, "abc")
    >>> terms(a - (b - 2 * c))
    [a, -b, 2·c]
    """
    found, left = [], [(formula, 1)]
    while left:
        x, sign = left.pop()
        op = getattr(x, "op", None)
        if op in (ops.add, ops.subtract):
            left += [(x.operands[1], sign if op is ops.add else -sign), (x.operands[0], sign)]
        elif op is ops.negative:
            left.append((x.operands[0], -sign))
        else:
            found.append(x if sign > 0 else -x)
    return found


def evaluated(formula: Any, numbers: Callable[[Name], Any]) -> Any:
    """The number, or array, that a formula stands for, where `numbers` gives those of a letter by its name.

    One number of an array is taken from the array.

    >>> x = Symbol("x", (2,))
    >>> evaluated(element(x @ x), {"x": np.array([3.0, 4.0])}.get)
    25.0
    """
    known: dict[int, Any] = {}
    left = [formula]
    while left:  # no recursion: a sum may have a thousand terms
        x = left[-1]
        waiting = [y for y in getattr(x, "operands", ()) if id(y) not in known]
        if not waiting:
            known[id(x)] = known[id(x)] if id(x) in known else number(x, numbers, known)
            left.pop()
        left += waiting
    return known[id(formula)]


def number(x: Any, numbers: Callable[[Name], Any], known: dict[int, Any]) -> Any:
    """The number of a letter, or of a formula of which those of the operands are known."""
    if not isinstance(x, Symbol):
        return x
    if x.op is not None:
        operands = [known[id(y)] for y in x.operands]
        return applied(x.op, operands, x.settings)
    match x.name:
        case Element(of, index):
            return ops.plain(numbers(of)[index])
        case Derivative(index=(_, *_) as index):
            return ops.plain(numbers(x.name._replace(index=None))[index])
    return numbers(x.name)


class Reader:
    """Reads the numbers of formulas in single places, each once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, Index], tuple[Any, Any]] = {}

    def at(self, x: Any, index: Index) -> Any:
        """The number of an operand that is stretched until it has this index: it may have fewer axes, or shorter."""
        shape = ops.shape(x)
        index = tuple(0 if n == 1 else i for i, n in zip(index[len(index) - len(shape) :], shape))
        if not isinstance(x, Symbol):
            return np.asarray(x)[index].item() if shape else x
        if (id(x), index) not in self.known:
            self.known[id(x), index] = self.read(x, index), x  # and x itself, or its id may soon be another's
        return self.known[id(x), index][0]

    def read(self, x: Symbol, index: Index) -> Any:
        """The number of a letter or a formula in a place that it has."""
        op = x.op
        if op is None:
            return Symbol(named(x.name, index)) if x.shape else x
        if not of_arrays(op):
            return op(*[self.at(y, index) for y in x.operands], **x.settings)
        if op in WRITTEN_OUT and (found := WRITTEN_OUT[op](self, x, index)) is not None:
            return found
        line = LATEX.signs.get(op.name)  # maybe it is written as another formula
        if callable(line) and isinstance(other := line(*x.operands, **x.settings), Symbol):
            return self.at(other, index)
        return x[index] if x.shape else x

    def sum(self, x: Any, places: Iterable[Index]) -> Any:
        """The sum of an operand's numbers in some places."""
        return sum(self.at(x, place) for place in places)


def named(name: Any, index: Index) -> Name:
    """The name of one number of an array."""
    return name._replace(index=index) if isinstance(name, Derivative) else Element(name, index)


def whole(index: Iterable[Any]) -> Index:
    """An index of Python's own numbers, not NumPy's."""
    return (*map(int, index),)


# -- what moves numbers ------------------------------------------------------------------------------------------------


def moved(read: Reader, x: Any, index: Index) -> Any:
    """The number that was moved here: the operation is asked, with places for numbers."""
    count = len(x.operands) if x.op in (ops.concatenate, ops.stack) else 1  # of the operands whose numbers move
    if any(isinstance(y, Symbol) for y in x.operands[count:]):
        return None
    start, places = 0, []
    for y in x.operands[:count]:
        size = math.prod(ops.shape(y))
        places.append(np.arange(start, start + size).reshape(ops.shape(y)))
        start += size
    settings = {**x.settings, "dtype": None} if "dtype" in x.settings else x.settings  # places remain whole numbers
    place = int(np.asarray(x.op.compute(*places, *x.operands[count:], **settings))[index])
    for y in x.operands[:count]:
        if place < (size := math.prod(ops.shape(y))):
            break
        place -= size
    return read.at(y, whole(np.unravel_index(place, ops.shape(y))))


def landed(read: Reader, x: Any, index: Index) -> Any:
    """The sum of the numbers that were added in here."""
    y, *rest = x.operands
    if any(isinstance(z, Symbol) for z in rest):
        return None
    places = np.arange(x.size).reshape(x.shape)
    if x.op is ops.scatter:
        there = places[x.settings["index"]]
    elif x.settings["axis"] is None:
        there = places.ravel()[rest[0]]
    else:
        there = places[kernels.along(rest[0], x.shape, x.settings["axis"])]
    return read.sum(y, map(whole, np.argwhere(there == places[index])))


# -- what is added up or multiplied ------------------------------------------------------------------------------------


def along(x: Any, index: Index, axis: Any, keepdims: bool) -> Iterator[Index]:
    """The places of `x` that come together in one place where axes are reduced."""
    n = ops.ndim(x)
    axes = range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = sorted(i % n for i in axes if n)
    there = [*index]
    if not keepdims:
        for i in reduced:
            there.insert(i, 0)
    return itertools.product(*[range(size) if i in reduced else (there[i],) for i, size in enumerate(ops.shape(x))])


def summed(read: Reader, x: Any, index: Index) -> Any:
    """One number of a sum along axes."""
    return read.sum(x.operands[0], along(x.operands[0], index, **x.settings))


def multiplied(read: Reader, x: Any, index: Index) -> Any:
    """One number of a product along axes."""
    return math.prod(read.at(x.operands[0], place) for place in along(x.operands[0], index, **x.settings))


def multiplied_without(read: Reader, x: Any, index: Index) -> Any:
    """The product of all numbers along axes but the one in this place."""
    places = along(x.operands[0], index, x.settings["axis"], keepdims=True)
    return math.prod(read.at(x.operands[0], place) for place in places if place != index)


def summed_to(read: Reader, x: Any, index: Index) -> Any:
    """One number of a sum over the axes that were stretched, or came in front."""
    (y,), lead = x.operands, x.operands[0].ndim - x.ndim
    stretched = (i + lead for i, n in enumerate(x.shape) if n == 1)
    return read.sum(y, along(y, (0,) * lead + index, (*range(lead), *stretched), keepdims=True))


def summed_so_far(read: Reader, x: Any, index: Index) -> Any:
    """A number and all before it."""
    (y,), axis = x.operands, x.settings["axis"]
    if axis is None:
        return read.sum(y, (whole(np.unravel_index(i, ops.shape(y))) for i in range(index[0] + 1)))
    axis %= len(index)
    return read.sum(y, ((*index[:axis], i, *index[axis + 1 :]) for i in range(index[axis] + 1)))


def row_times_column(read: Reader, x: Any, index: Index) -> Any:
    """One number of a product of matrices, or of batches of them; a vector is a row before, a column behind."""
    a, b = x.operands
    row, column = ops.ndim(a) > 1, ops.ndim(b) > 1
    batch, ends = index[: len(index) - row - column], index[len(index) - row - column :]
    return sum(
        read.at(a, (*batch, *ends[:row], k)) * read.at(b, (*batch, k, *ends[row:])) for k in range(ops.shape(a)[-1])
    )


def contracted(read: Reader, x: Any, index: Index) -> Any:
    """One number of einsum: the sum over all letters that the result has not."""
    inputs, arrow, output = x.settings["subscripts"].replace(" ", "").partition("->")
    if "." in inputs:
        return None
    if not arrow:
        output = "".join(sorted(letter for letter in {*inputs} - {","} if inputs.count(letter) == 1))
    parts, sizes = inputs.split(","), dict[str, int]()
    for part, operand in zip(parts, x.operands):
        for letter, n in zip(part, ops.shape(operand)):
            sizes[letter] = sizes.get(letter, 1) if n == 1 else n  # 1 is stretched
    summed = [letter for letter in sizes if letter not in output]
    total: Any = 0
    for place in itertools.product(*[range(sizes[letter]) for letter in summed]):
        at = dict(zip([*output, *summed], (*index, *place)))
        total = total + math.prod(read.at(y, tuple(at[i] for i in part)) for part, y in zip(parts, x.operands))
    return total


def right_class(read: Reader, x: Any, index: Index) -> Any:
    """Whether a row's class is this one."""
    found = ops.equal(read.at(x.operands[0], index[:1]), index[1])
    return found if isinstance(found, Symbol) else int(found)


MOVING = (
    ops.transpose, ops.reshape, ops.squeeze, ops.expand_dims, ops.getitem, ops.broadcast_to, ops.concatenate, ops.stack,
    rows.take_along_axis,
)  # fmt: skip
WRITTEN_OUT: dict[ops.Op, Callable[[Reader, Any, Index], Any]] = {
    **dict.fromkeys(MOVING, moved), **dict.fromkeys((ops.scatter, rows.put_along_axis), landed),
    ops.sum: summed, ops.sum_to: summed_to, rows.cumsum: summed_so_far, ops.matmul: row_times_column,
    matrices.contract: contracted, rows.prod: multiplied, rows.others: multiplied_without, ops.one_hot: right_class,
}  # fmt: skip
