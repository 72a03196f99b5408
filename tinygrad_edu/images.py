"""Images: convolution and pooling, further rows of the table, and how people call them.

The rows take a batch of images of shape (batch, height, width, channels), a `stride` of two whole numbers, and as
`padding` how many zeros come before and after, along the height and along the width. What stands in the place (i, j)
of every window is a slice. A convolution is a product of matrices (Chellapilla, Puri and Simard, "High performance
convolutional neural networks for document processing", 2006): the windows are laid out as rows, for each row of the
weights by itself and a slice of the batch at a time, so that they need little memory and are multiplied from the cache.

Convolution is a product: its gradient by the image and its gradient by the weights are products of the same kind, and
each has the other two for its rules. In a window with several largest numbers these share the gradient evenly, as in
`max`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import ops
from .functions import Composite, known
from .kernels import shape
from .ops import Op, sum, transpose

Pads = tuple[tuple[int, int], tuple[int, int]]  # before and after: ((top, bottom), (left, right))


# -- how convolutions are computed -------------------------------------------------------------------------------------


def lengths(x: Any, size: Any, stride: Any, padding: Any) -> tuple[int, int]:
    """How many windows there are along the height and along the width."""
    high, wide = (
        (n + before + after - k) // s + 1
        for n, (before, after), k, s in zip(x.shape[1:3], padding, size, stride, strict=True)
    )
    return high, wide


def bands(
    x: Any, size: Any, stride: Any, padding: Any, dtype: Any, beside: int, room: int = 2**19
) -> Iterator[tuple[tuple[slice, slice], list[Any]]]:
    """A batch in slices: which images and which rows of windows; and for each row of the weights what it meets there.

    That is a matrix for each image, with the pixels of one window after those of another. In memory it overlaps with
    that of the next row of the weights: only along the width are the pixels laid out once for each window. There is
    `room` for so many numbers, or for one row of windows; the next slice comes in its place. There are not many more
    numbers either in what stands `beside` them, so many for each window. A negative padding cuts off.
    """
    (batch, height, width, channels), (high, wide) = x.shape, lengths(x, size, stride, padding)
    (top, _), (left, right) = padding
    line = max(wide * size[1] * channels, 1)  # the numbers in one line of pixels
    rows = min(max((room // line - size[0]) // stride[0] + 1, 1), high)
    tall = (rows - 1) * stride[0] + size[0]
    images = max(min(room // max(line * tall, rows * wide * beside), batch), 1)
    padded = np.zeros((images, tall, width + left + right, channels), dtype)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size[1], 2)[:, :, :: stride[1]].swapaxes(3, 4)
    laid = np.empty((images, tall, wide, size[1] * channels), dtype)
    taken = slice(max(-left, 0), width + min(right, 0))
    put = slice(taken.start + left, taken.stop + left)
    for i in range(0, batch, images):
        some = x[i : i + images, :, taken]
        for j in range(0, high, rows):
            n, m, start = len(some), min(rows, high - j), j * stride[0] - top
            used = (m - 1) * stride[0] + size[0]
            first, last = max(start, 0), max(min(start + used, height), start, 0)
            padded[:n, : first - start] = 0
            padded[:n, first - start : last - start, put] = some[:, first:last]
            padded[:n, last - start :] = 0
            laid[:n, :used].reshape(n, used, *windows.shape[2:])[...] = windows[:n, :used]
            steps = [slice(k, k + (m - 1) * stride[0] + 1, stride[0]) for k in range(size[0])]
            yield (slice(i, i + n), slice(j, j + m)), [laid[:n, k].reshape(n, m * wide, laid.shape[3]) for k in steps]


def correlate(x: Any, w: Any, b: Any, stride: Any, padding: Any, y: Any) -> None:
    """Write into `y` what each window of `x` gives, multiplied by `w` and summed; and `b` added, if there is one."""
    size, outputs = w.shape[:2], w.shape[3]
    rows = w.reshape(size[0], -1, outputs)
    offset, one = np.tile(b, y.shape[2]) if b is not None else None, None
    for place, matrices in bands(x, size, stride, padding, y.dtype, outputs):
        part = y[place]
        at_once = part.reshape((*matrices[0].shape[:2], outputs))  # a copy, if the pixels are not side by side
        if one is None or one.shape != at_once.shape:
            one = np.empty(at_once.shape, y.dtype)
        np.matmul(matrices[0], rows[0], out=at_once)
        for matrix, row in zip(matrices[1:], rows[1:], strict=True):
            at_once += np.matmul(matrix, row, out=one)
        if offset is not None:
            lines = at_once.reshape(-1, offset.size)  # longer than a pixel, so that NumPy adds faster
            lines += offset
        if not np.may_share_memory(at_once, part):
            part[...] = at_once.reshape(part.shape)


def convolve(x: Any, w: Any, b: Any, stride: Any, padding: Any, out: Any = None) -> Any:
    """The convolution of images and weights of shape (height, width, inputs, outputs)."""
    dtype = np.result_type(x, w) if b is None else np.result_type(x, w, b)
    shape = (len(x), *lengths(x, w.shape[:2], stride, padding), w.shape[3])
    y = np.empty(shape, dtype) if out is None else out
    correlate(x, w, b, stride, padding, y)
    return y


def image_gradient(g: Any, w: Any, stride: Any, padding: Any, shape: Any, out: Any = None) -> Any:
    """The transposed convolution: every window gives its gradient back to the numbers that it was made of.

    With a stride of s, each s-th row of pixels meets each s-th row of the weights alone; so the pixels are those of
    s · s convolutions of the gradient, with a part of the weights each, turned round.
    """
    x = np.empty(shape, np.result_type(g, w)) if out is None else out
    for i in range(stride[0]):
        for j in range(stride[1]):
            part = w[i :: stride[0], j :: stride[1]][::-1, ::-1].swapaxes(2, 3)
            along = zip((i, j), shape[1:3], part.shape[:2], stride, padding, g.shape[1:3], strict=True)
            (top, high), (left, wide) = (turned_round(*each) for each in along)
            pixels = x[:, top :: stride[0], left :: stride[1]]
            if part.size and pixels.size:
                correlate(g, part, None, (1, 1), (high, wide), pixels)
            else:  # these pixels are in no window
                pixels[...] = 0
    return x


def turned_round(at: int, n: int, k: int, s: int, padding: Any, windows: int) -> tuple[int, tuple[int, int]]:
    """The first of `n` pixels that meet each s-th weight from `at` on, and how to pad the gradient for these.

    There are `k` such weights, and in the gradient a number for each of so many windows.
    """
    start = -((at - padding[0]) // s)  # the window that begins with the first pixel
    first = at - padding[0] + s * start
    return first, (k - 1 - start, start + (n - 1 - first) // s + 1 - windows)


def weight_gradient(x: Any, g: Any, stride: Any, padding: Any, shape: Any) -> Any:
    """What each weight was multiplied by, times the gradient, summed over all windows.

    Where the gradient has fewer channels than the images, it is the one that is laid out: each pixel then has a window
    of gradients around it, turned round.
    """
    if stride[0] == stride[1] == 1 and g.shape[3] < x.shape[3]:
        around = [(k - 1 - before, k - 1 - after) for k, (before, after) in zip(shape[:2], padding, strict=True)]
        turned = weight_gradient(g, x, stride, around, (shape[0], shape[1], shape[3], shape[2]))
        return turned[::-1, ::-1].swapaxes(2, 3)
    dtype = np.result_type(x, g)
    total = np.zeros((shape[0], shape[1] * shape[2], shape[3]), dtype)
    for place, matrices in bands(x, shape[:2], stride, padding, dtype, shape[3]):
        part = g[place].reshape((*matrices[0].shape[:2], shape[3]))
        for row, matrix in zip(total, matrices, strict=True):
            row += np.add.reduce(matrix.swapaxes(1, 2) @ part)
    return total.reshape(shape)


# -- how pooling is computed -------------------------------------------------------------------------------------------


def framed(x: Any, padding: Any, number: Any) -> Any:
    """The images with a frame of one number, or as they are if it has no width."""
    if not np.any(padding):
        return x
    (n, height, width, channels), ((top, bottom), (left, right)) = x.shape, padding
    dtype = np.result_type(x, np.float16) if number else x.dtype  # no whole number is below all others
    whole = np.full((n, height + top + bottom, width + left + right, channels), number, dtype)
    inner(whole, padding)[...] = x
    return whole


def inner(x: Any, padding: Any) -> Any:
    """What a frame stands around."""
    (top, bottom), (left, right) = padding
    return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]


def places(size: Any, stride: Any, lengths: Any) -> list[tuple[int, int, Any]]:
    """The places of a window, each with the index that takes what stands there in all windows, so many each way."""
    rows, columns = (
        [slice(i, i + s * (n - 1) + 1, s) for i in range(k)] for k, s, n in zip(size, stride, lengths, strict=True)
    )
    return [(i, j, (slice(None), row, column)) for i, row in enumerate(rows) for j, column in enumerate(columns)]


def pooled(function: Any, x: Any, size: Any, stride: Any) -> Any:
    """A function of two numbers over all numbers of each window: first along the height, then along the width."""
    for axis, (k, s) in enumerate(zip(size, stride, strict=True), 1):
        count = (x.shape[axis] - k) // s + 1
        parts = [x[(slice(None),) * axis + (slice(i, i + s * (count - 1) + 1, s),)] for i in range(k)]
        x = function(parts[0], parts[1]) if k > 1 else parts[0].copy()
        for other in parts[2:]:
            function(x, other, out=x)
    return x


def max_pool(x: Any, size: Any, stride: Any, padding: Any) -> Any:
    """The largest number of each window."""
    if np.any(padding):  # what stands around is in the same windows as the pixel that it repeats
        x = np.pad(x, ((0, 0), *padding, (0, 0)), "edge")
    return pooled(np.maximum, x, size, stride)


def window_shares(x: Any, y: Any, size: Any, stride: Any, padding: Any, out: Any = None) -> Any:
    """By place and window: 1 where the largest number y of the window is, 1/2 where one of two is, else 0."""
    x, best = framed(x, padding, -np.inf), np.empty((*size, *y.shape), bool)
    for i, j, place in places(size, stride, y.shape[1:3]):
        np.equal(x[place], y, out=best[i, j])
    with np.errstate(all="ignore"):  # nan is equal to nothing
        return np.multiply(best, 1 / np.add.reduce(best, axis=(0, 1), dtype=y.dtype), out=out)


def window_weights(lengths: Any, size: Any, stride: Any, padding: Any, dtype: Any) -> Any:
    """By place and window: one over how many places of the window lie in an image; 0 where one does not."""
    inside = framed(np.ones((1, *lengths, 1), dtype), padding, 0)
    counts = [(n - k) // s + 1 for n, k, s in zip(inside.shape[1:3], size, stride, strict=True)]
    weights = np.stack([inside[place] for _, _, place in places(size, stride, counts)])
    return (weights / np.add.reduce(weights)).reshape(*size, *weights.shape[1:])


def window_sum(x: Any, s: Any, stride: Any, padding: Any) -> Any:
    """The numbers of each window, multiplied by those of `s`, by place and window, and summed."""
    x, total = framed(x, padding, 0), 0
    for i, j, place in places(s.shape[:2], stride, s.shape[3:5]):
        total = total + x[place] * s[i, j]
    return total


def window_spread(g: Any, s: Any, stride: Any, padding: Any, shape: Any, out: Any = None) -> Any:
    """Each window gives its number to all its pixels, multiplied by those of `s`; windows that overlap add up."""
    x = np.empty(shape, np.result_type(g, s)) if out is None else out
    x[...] = 0
    x = framed(x, padding, 0)
    apart = s.shape[0] <= stride[0] and s.shape[1] <= stride[1]
    for i, j, place in places(s.shape[:2], stride, g.shape[1:3]):
        if apart:
            np.multiply(g, s[i, j], out=x[place])
        else:
            x[place] += g * s[i, j]
    return inner(x, padding)


WINDOW: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (0, 0))}
POOL: dict[str, Any] = {"size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}


def window(size: Any, stride: Any, padding: Any) -> dict[str, Any]:
    """The settings of a window, without its size."""
    return {"stride": stride, "padding": padding}


# fmt: off
# -- convolution: x of shape (batch, height, width, inputs), w of (height, width, inputs, outputs), b of (outputs,) ----
convolution   = Op("conv2d",        "conv2d({}, {}, {})",     convolve,        None,
            lambda g, y, x, w, b, **at: conv2d_image(g, w, **at, shape=shape(x)),
            lambda g, y, x, w, b, **at: conv2d_weight(x, g, **at, shape=shape(w)),
            lambda g, y, x, w, b, **at: sum(sum(g, axis=(0, 1)), axis=0), settings=WINDOW)
conv2d_image  = Op("conv2d_image",  "conv2d_image({}, {})",   image_gradient,  None,
            lambda u, y, g, w, shape, **at: convolution(u, w, None, **at),
            lambda u, y, g, w, shape, **at: conv2d_weight(u, g, **at, shape=ops.shape(w)),
            settings={**WINDOW, "shape": ()})
conv2d_weight = Op("conv2d_weight", "conv2d_weight({}, {})",  weight_gradient, None,
            lambda u, y, x, g, shape, **at: conv2d_image(g, u, **at, shape=ops.shape(x)),
            lambda u, y, x, g, shape, **at: convolution(x, u, None, **at), settings={**WINDOW, "shape": ()})

# -- pooling: a convolution with other weights for each window, and s the weights, by place and window -----------------
max_pooling   = Op("max_pool2d",    "max_pool2d({})",         max_pool,        None,
            lambda g, y, x, **at: image_spread(g, image_shares(x, y, **at), **window(**at), shape=shape(x)),
            settings=POOL)
image_shares  = Op("image_shares",  "image_shares({}, {})",   window_shares,   None, settings=POOL)
image_sum     = Op("image_sum",     "image_sum({}, {})",      window_sum,      None,
            lambda g, y, x, s, **at: image_spread(g, s, **at, shape=shape(x)), None, settings=WINDOW)
image_spread  = Op("image_spread",  "image_spread({}, {})",   window_spread,   None,
            lambda u, y, g, s, shape, **at: image_sum(u, s, **at), None, settings={**WINDOW, "shape": ()})
# fmt: on


# -- how people call them ----------------------------------------------------------------------------------------------


@Composite
def conv2d(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = "valid", layout: str = "NHWC") -> Any:
    """Each window of an image times the weights, summed, plus `b`: what looks like the weights gives a large number.

    Of layout "NHWC" (as Keras) the images have shape (batch, height, width, inputs) and the weights (height, width,
    inputs, outputs); of layout "NCHW" (as PyTorch) they have (batch, inputs, height, width) and (outputs, inputs,
    height, width). `b` has shape (outputs,). `stride` is how far a window is from the next, one whole number or
    (down, across). `padding` is how many zeros stand around: "valid" for none, "same" for so many that the result has
    as many windows as an image has pixels (divided by the stride, rounded up; an odd one stands below or on the
    right), a number, (above and below, left and right), or ((above, below), (left, right)).
    Raises ValueError where shapes do not fit.

    >>> x = np.array([0.0, 0.0, 1.0, 1.0]).reshape(1, 1, 4, 1)
    >>> conv2d(x, np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)).flatten()  # finds the edge
    array([0., 1., 0.])
    """
    x, w, b = known(x), known(w), None if b is None else known(b)
    x, w = channels_last("conv2d", x, layout), filters(w, layout)
    agree(x, w, b)
    at = in_full("conv2d", shape(x)[1:3], shape(w)[:2], stride, padding)
    return as_given(convolution(x, w, b, **at), layout)


@Composite
def max_pool2d(x: Any, size: Any = 2, stride: Any = None, padding: Any = "valid", layout: str = "NHWC") -> Any:
    """The largest number of each window, channel by channel; several that are equal share its gradient evenly.

    `size` and `stride` are whole numbers or (down, across); without a stride the windows lie side by side. Layout and
    padding are those of `conv2d`, but what stands around an image is never the largest.

    >>> max_pool2d(np.array([1.0, 5.0, 2.0, 3.0]).reshape(1, 2, 2, 1)).flatten()
    array([5.])
    """
    x = channels_last("max_pool2d", known(x), layout)
    return as_given(max_pooling(x, **pool("max_pool2d", x, size, stride, padding)), layout)


@Composite
def avg_pool2d(x: Any, size: Any = 2, stride: Any = None, padding: Any = "valid", layout: str = "NHWC") -> Any:
    """The mean of each window, channel by channel, as `max_pool2d` takes the largest.

    What stands around an image does not count, as in Keras (and in PyTorch with count_include_pad=False).

    >>> avg_pool2d(np.array([1.0, 5.0, 2.0, 4.0]).reshape(1, 2, 2, 1)).flatten()
    array([3.])
    """
    x = channels_last("avg_pool2d", known(x), layout)
    at = pool("avg_pool2d", x, size, stride, padding)
    weights = window_weights(shape(x)[1:3], **at, dtype=getattr(x, "dtype", float))
    return as_given(image_sum(x, weights, **window(**at)), layout)


def channels_last(name: str, x: Any, layout: str) -> Any:
    """Images of a layout as the rows take them; ValueError if they are none."""
    if layout not in ("NHWC", "NCHW"):
        raise ValueError(f'The layout is "NHWC" (batch, height, width, channels) or "NCHW", not {layout!r}.')
    if ops.ndim(x) != 4:
        axes = "(batch, height, width, channels)" if layout == "NHWC" else "(batch, channels, height, width)"
        raise ValueError(
            f"{name} takes a batch of images, of shape {axes}, not {shape(x)}. One image is a batch of one: x[None]; "
            f"grey images have one channel: {'x[..., None]' if layout == 'NHWC' else 'x[:, None]'}."
        )
    return x if layout == "NHWC" else transpose(x, axes=(0, 2, 3, 1))


def as_given(y: Any, layout: str) -> Any:
    """The result in the layout of the images."""
    return y if layout == "NHWC" else transpose(y, axes=(0, 3, 1, 2))


def filters(w: Any, layout: str) -> Any:
    """Weights of a layout as the rows take them."""
    if ops.ndim(w) != 4:
        axes = "(height, width, inputs, outputs)" if layout == "NHWC" else "(outputs, inputs, height, width)"
        raise ValueError(f"conv2d takes weights of shape {axes} with images of layout {layout}, not {shape(w)}.")
    return w if layout == "NHWC" else transpose(w, axes=(2, 3, 1, 0))


def agree(x: Any, w: Any, b: Any) -> None:
    """Raise ValueError if images, weights and biases are not made for one another."""
    (*_, channels), (*_, inputs, outputs) = shape(x), shape(w)
    if channels != inputs:
        raise ValueError(
            f"conv2d: the images have {channels} channel(s), the weights take {inputs}. Images are of layout NHWC "
            '(batch, height, width, channels), unless you say layout="NCHW".'
        )
    if b is not None and shape(b) != (outputs,):
        raise ValueError(f"conv2d: the weights have {outputs} output(s), so b has shape ({outputs},), not {shape(b)}.")


def in_full(name: str, lengths: Any, size: Any, stride: Any, padding: Any) -> dict[str, Any]:
    """Stride and padding in full, for windows of a size; ValueError if none fits into an image of these lengths."""
    stride = pair(name, "stride", stride)
    padding = pads(name, lengths, size, stride, padding)
    if any(not 0 < k <= n + before + after for n, k, (before, after) in zip(lengths, size, padding, strict=True)):
        raise ValueError(
            f"{name}: a window of {size[0]} × {size[1]} does not fit into an image of {lengths[0]} × {lengths[1]}, "
            f'padded by {padding}: take smaller windows, or padding="same".'
        )
    return {"stride": stride, "padding": padding}


def pool(name: str, x: Any, size: Any, stride: Any, padding: Any) -> dict[str, Any]:
    """The settings of pooling in full; ValueError for a window that may have no pixel in it."""
    size = pair(name, "size", size)
    at = in_full(name, shape(x)[1:3], size, size if stride is None else stride, padding)
    if any(max(both) >= k for both, k in zip(at["padding"], size, strict=True)):
        raise ValueError(
            f"{name}: with padding {at['padding']} a window of {size[0]} × {size[1]} may lie outside the image: take "
            "less padding, or larger windows."
        )
    return {"size": size, **at}


def pair(name: str, what: str, x: Any) -> tuple[int, int]:
    """One whole number as two; ValueError for what are not one or two, from 1."""
    two = twice(x)
    if len(two) != 2 or not all(isinstance(n, int | np.integer) and n > 0 for n in two):
        raise ValueError(f"{name}: the {what} is a whole number from 1, or two of them (down, across), not {x!r}.")
    return int(two[0]), int(two[1])


def twice(x: Any) -> tuple[Any, ...]:
    """What is given once for both directions, or for each."""
    return tuple(x) if isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.ndim) else (x, x)


def pads(name: str, lengths: Any, size: Any, stride: Any, padding: Any) -> Pads:
    """A padding in full: how many before and after, along the height and along the width."""
    if isinstance(padding, str) and padding in ("valid", "same"):
        missing = [max((n - 1) // s * s + k - n, 0) for n, k, s in zip(lengths, size, stride, strict=True)]
        (high, wide) = missing if padding == "same" else (0, 0)
        return (high // 2, high - high // 2), (wide // 2, wide - wide // 2)
    both = [*map(twice, twice(padding))]
    if [*map(len, both)] != [2, 2] or not all(isinstance(n, int | np.integer) and n >= 0 for two in both for n in two):
        raise ValueError(
            f'{name}: the padding is "valid", "same", a whole number from 0, (above and below, left and right) or '
            f"((above, below), (left, right)), not {padding!r}."
        )
    (top, bottom), (left, right) = ((int(before), int(after)) for before, after in both)
    return (top, bottom), (left, right)
