"""One number of a formula over arrays: what stands in one place of Xᵀ @ g, written with the numbers of X and of g.

Only what the one number needs is read, and no array of formulas is ever made. An operation that works number by number
goes on with the numbers in the same place; one that only moves numbers is asked where it takes them from; sums, and
products of matrices, are written out. All else (softmax, the inverse of a matrix) stays whole, with an index behind it.
A reader who is given the numbers goes further: the largest number is then one of them, and softmax is written out.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import images, kernels, matrices, ops, rows
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
    """Reads the numbers of formulas in single places, each once.

    Given the `numbers` of the letters, it also takes apart what is better read whole in a formula: PICKED and FURTHER.
    `whole` and `picked` are the operations that stayed whole, and those of which the number was picked.
    """

    def __init__(self, numbers: Callable[[Name], Any] | None = None) -> None:
        self.known: dict[tuple[int, Index], tuple[Any, Any]] = {}
        self.numbers, self.others = numbers, dict[int, tuple[Any, Any]]()
        self.whole: list[Symbol] = []
        self.picked: list[Symbol] = []

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
        if self.numbers is not None and (found := self.further(x, index)) is not None:
            return found
        line = LATEX.signs.get(op.name)  # maybe it is written as another formula
        if callable(line) and isinstance(other := line(*x.operands, **x.settings), Symbol):
            return self.at(other, index)
        self.whole.append(x)
        return x[index] if x.shape else x

    def further(self, x: Symbol, index: Index) -> Any:
        """The number of what is taken apart only where numbers are known; None for all else."""
        if x.op in PICKED:
            found = PICKED[x.op](self, x, index)
            self.picked += [x] * (found is not None)
            return found
        if x.op not in FURTHER:
            return None
        if id(x) not in self.others:  # once, so that all its numbers are made of the same ones
            self.others[id(x)] = FURTHER[x.op](self, *x.operands, **x.settings), x
        return self.at(self.others[id(x)][0], index)

    def number(self, x: Any) -> Any:
        """The numbers of a formula."""
        return evaluated(x, self.numbers) if self.numbers is not None else None

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


# -- windows of images -------------------------------------------------------------------------------------------------


def pixel_in(lengths: Index, window: Index, place: Index, stride: Index, padding: Any) -> Index | None:
    """The pixel in a place of a window; None if that lies outside an image of these lengths."""
    pixel = tuple(w * s + k - p[0] for w, s, k, p in zip(window, stride, place, padding, strict=True))
    return pixel if all(0 <= i < n for i, n in zip(pixel, lengths, strict=True)) else None


def seen(lengths: Index, window: Index, size: Index, stride: Index, padding: Any) -> Iterator[tuple[Index, Index]]:
    """The places of a window that lie in an image of these lengths, and the pixel in each."""
    for place in itertools.product(*map(range, size)):
        if (pixel := pixel_in(lengths, window, place, stride, padding)) is not None:
            yield place, pixel


def seeing(counts: Index, pixel: Index, size: Index, stride: Index, padding: Any) -> Iterator[tuple[Index, Index]]:
    """The windows that a pixel lies in, of so many each way, after the place that it has there."""
    for place in itertools.product(*map(range, size)):
        starts = [i + p[0] - k for i, p, k in zip(pixel, padding, place, strict=True)]
        window = tuple(start // s for start, s in zip(starts, stride, strict=True))
        if all(start % s == 0 <= i < n for start, s, i, n in zip(starts, stride, window, counts, strict=True)):
            yield place, window


def convolved(read: Reader, x: Any, index: Index) -> Any:
    """One number of a convolution: a window, pixel by pixel times the weights."""
    (image, w, b), (n, *window, o), size = x.operands, index, ops.shape(x.operands[1])[:2]
    total: Any = 0
    for place, pixel in seen(ops.shape(image)[1:3], (*window,), size, **x.settings):
        for c in range(ops.shape(w)[2]):
            total = total + read.at(image, (n, *pixel, c)) * read.at(w, (*place, c, o))
    return total if b is None else total + read.at(b, (o,))


def convolved_back(read: Reader, x: Any, index: Index) -> Any:
    """What one pixel gains: from each window that it is in the gradient, times the weight that it met there."""
    (g, w), (n, *pixel, c), (_, *counts, outputs) = x.operands, index, ops.shape(x.operands[0])
    total: Any = 0
    for place, window in seeing((*counts,), (*pixel,), ops.shape(w)[:2], x.settings["stride"], x.settings["padding"]):
        for o in range(outputs):
            total = total + read.at(g, (n, *window, o)) * read.at(w, (*place, c, o))
    return total


def weighed(read: Reader, x: Any, index: Index) -> Any:
    """What one weight gains: from each window the gradient, times the pixel that it met there."""
    (image, g), (*place, c, o), (batch, *counts, _) = x.operands, index, ops.shape(x.operands[1])
    at = x.settings["stride"], x.settings["padding"]
    total: Any = 0
    for n, *window in itertools.product(range(batch), *map(range, counts)):
        if (pixel := pixel_in(ops.shape(image)[1:3], (*window,), (*place,), *at)) is not None:
            total = total + read.at(image, (n, *pixel, c)) * read.at(g, (n, *window, o))
    return total


def weighed_in_window(read: Reader, x: Any, index: Index) -> Any:
    """The sum of one window, pixel by pixel times its weight."""
    (y, s), (n, *window, c) = x.operands, index
    pixels = seen(ops.shape(y)[1:3], (*window,), ops.shape(s)[:2], **x.settings)
    return sum(read.at(y, (n, *pixel, c)) * read.at(s, (*place, n, *window, c)) for place, pixel in pixels)


def spread_over_windows(read: Reader, x: Any, index: Index) -> Any:
    """What one pixel gets from each window that it is in, times its weight there."""
    (g, s), (n, *pixel, c), at = x.operands, index, {**x.settings}
    del at["shape"]
    windows = seeing(ops.shape(g)[1:3], (*pixel,), ops.shape(s)[:2], **at)
    return sum(read.at(g, (n, *window, c)) * read.at(s, (*place, n, *window, c)) for place, window in windows)


# -- what is taken apart where the numbers are known -------------------------------------------------------------------


def best(read: Reader, x: Any, index: Index) -> Any:
    """The largest or the smallest number itself; of several that are equal their mean, as they share the gradient."""
    (y,) = x.operands
    numbers, places = np.asarray(read.number(y)), [*along(y, index, **x.settings)]
    if not places:
        return None
    found = x.op.compute(np.array([numbers[place] for place in places]), axis=None, keepdims=False)
    alike = [place for place in places if numbers[place] == found]  # nan is equal to nothing
    return read.sum(y, alike) / len(alike) if alike else None


def best_in_window(read: Reader, x: Any, index: Index) -> Any:
    """The largest number of a window itself; of several the mean."""
    (y,), (n, *window, c) = x.operands, index
    numbers = np.asarray(read.number(y))
    places = [(n, *pixel, c) for _, pixel in seen(numbers.shape[1:3], (*window,), **x.settings)]
    top = np.max([numbers[place] for place in places])
    alike = [place for place in places if numbers[place] == top]
    return read.sum(y, alike) / len(alike) if alike else None


def share(read: Reader, x: Any, index: Index) -> Any:
    """The share itself, a number."""
    return np.asarray(read.number(x))[index].item()


def ordered(read: Reader, x: Any, index: Index) -> Any:
    """The number that came here when others were put into order."""
    (y,), axis = x.operands, x.settings["axis"]
    places = rows.argpartition if x.op is rows.partition else rows.argsort
    settings = x.settings if x.op is rows.partition else {"axis": axis, "kind": "stable"}  # as its rule does
    order = np.asarray(places(np.asarray(read.number(y)), **settings))
    if axis is None:
        return read.at(y, whole(np.unravel_index(order[index], ops.shape(y))))
    axis %= len(index)
    return read.at(y, (*index[:axis], int(order[index]), *index[axis + 1 :]))


def near(read: Reader, x: Any, axis: Any) -> Any:
    """`x` less its largest number along an axis, a plain number, and this; less 0 where no exp is in danger."""
    top = np.max(np.asarray(read.number(x), float), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top) & (np.abs(top) > FAR), top, 0.0)
    return x - top, top


def softmax(read: Reader, x: Any, axis: Any) -> Any:
    """exp(x) / Σ exp(x)."""
    powers = ops.exp(near(read, x, axis)[0])
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def log_softmax(read: Reader, x: Any, axis: Any) -> Any:
    """x - log Σ exp(x)."""
    x, _ = near(read, x, axis)
    return x - ops.log(ops.sum(ops.exp(x), axis=axis, keepdims=True))


def logsumexp(read: Reader, x: Any, axis: Any, keepdims: bool) -> Any:
    """log Σ exp(x)."""
    x, top = near(read, x, axis)
    found = ops.log(ops.sum(ops.exp(x), axis=axis, keepdims=True)) + top
    return found if keepdims else ops.reshape(found, shape=ops.shape(ops.sum(x, axis=axis)))


def norm(read: Reader, x: Any, axis: Any, keepdims: bool) -> Any:
    """√ Σ x²."""
    return ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=keepdims))


def p_norm(read: Reader, x: Any, ord: float, axis: Any, keepdims: bool) -> Any:
    """(Σ |x|ᵖ) to the power of 1/p."""
    return ops.sum(ops.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def cross_entropy(read: Reader, x: Any, c: Any) -> Any:
    """Σ log softmax(x) of the right classes, divided by minus their count."""
    right = np.arange(len(read.number(x))), kernels.whole(np.asarray(read.number(c)))
    return ops.sum(ops.log(softmax(read, x, -1)[right])) / -len(right[0])


FAR = 30.0  # from 0: exp(x) is better not shown as it is
MOVING = (
    ops.transpose, ops.reshape, ops.squeeze, ops.expand_dims, ops.getitem, ops.broadcast_to, ops.concatenate, ops.stack,
    rows.take_along_axis,
)  # fmt: skip
WRITTEN_OUT: dict[ops.Op, Callable[[Reader, Any, Index], Any]] = {
    **dict.fromkeys(MOVING, moved), **dict.fromkeys((ops.scatter, rows.put_along_axis), landed),
    ops.sum: summed, ops.sum_to: summed_to, rows.cumsum: summed_so_far, ops.matmul: row_times_column,
    matrices.contract: contracted, rows.prod: multiplied, rows.others: multiplied_without, ops.one_hot: right_class,
    images.convolution: convolved, images.conv2d_image: convolved_back, images.conv2d_weight: weighed,
    images.image_sum: weighed_in_window, images.image_spread: spread_over_windows,
}  # fmt: skip
PICKED: dict[ops.Op, Callable[[Reader, Any, Index], Any]] = {
    ops.max: best, ops.min: best, rows.sort: ordered, rows.partition: ordered,
    images.max_pooling: best_in_window, images.image_shares: share,
}  # fmt: skip
FURTHER: dict[ops.Op, Callable[..., Any]] = {
    ops.softmax: softmax, ops.log_softmax: log_softmax, ops.logsumexp: logsumexp, ops.norm: norm,
    ops.cross_entropy: cross_entropy, matrices.p_norm: p_norm,
}  # fmt: skip
