"""Convolution and pooling as they are defined: one number after the other, in loops."""

import itertools

import numpy as np

NONE = ((0, 0), (0, 0))


def places(shape, size, stride, padding):
    """For each window, and each of its places that lies within the image: both, and the pixel."""
    (height, width), ((top, bottom), (left, right)) = shape, padding
    high, wide = (height + top + bottom - size[0]) // stride[0] + 1, (width + left + right - size[1]) // stride[1] + 1
    for window in np.ndindex(high, wide):
        for place in np.ndindex(*size):
            row, column = (w * s + p - t for w, s, p, t in zip(window, stride, place, (top, left), strict=True))
            if 0 <= row < height and 0 <= column < width:
                yield window, place, (row, column)


def count(shape, size, stride, padding):
    """How many windows there are each way."""
    return tuple((n + a + b - k) // s + 1 for n, k, s, (a, b) in zip(shape, size, stride, padding, strict=True))


def conv2d(x, w, b, stride=(1, 1), padding=NONE):
    y = np.zeros((len(x), *count(x.shape[1:3], w.shape[:2], stride, padding), w.shape[3])) + (0 if b is None else b)
    for (i, j), (k, m), (row, column) in places(x.shape[1:3], w.shape[:2], stride, padding):
        for n, c, o in itertools.product(range(len(x)), range(w.shape[2]), range(w.shape[3])):
            y[n, i, j, o] += x[n, row, column, c] * w[k, m, c, o]
    return y


def conv2d_image(g, w, shape, stride=(1, 1), padding=NONE):
    x = np.zeros(shape)
    for (i, j), (k, m), (row, column) in places(shape[1:3], w.shape[:2], stride, padding):
        for n, c, o in itertools.product(range(len(g)), range(w.shape[2]), range(w.shape[3])):
            x[n, row, column, c] += g[n, i, j, o] * w[k, m, c, o]
    return x


def conv2d_weight(x, g, shape, stride=(1, 1), padding=NONE):
    w = np.zeros(shape)
    for (i, j), (k, m), (row, column) in places(x.shape[1:3], shape[:2], stride, padding):
        for n, c, o in itertools.product(range(len(x)), range(shape[2]), range(shape[3])):
            w[k, m, c, o] += x[n, row, column, c] * g[n, i, j, o]
    return w


def pool(function, x, size=(2, 2), stride=(2, 2), padding=NONE):
    """A function of all pixels in a window, a list of them, channel by channel."""
    y = np.zeros((len(x), *count(x.shape[1:3], size, stride, padding), x.shape[3]))
    for n, c in itertools.product(range(len(x)), range(x.shape[3])):
        found = {}
        for window, _, pixel in places(x.shape[1:3], size, stride, padding):
            found.setdefault(window, []).append(x[n, *pixel, c])
        for window, numbers in found.items():
            y[n, *window, c] = function(numbers)
    return y


def shares(x, y, size=(2, 2), stride=(2, 2), padding=NONE):
    """Which of its pixels are the largest of a window, in equal parts; `y` is asked for its shape alone."""
    found = np.zeros((*size, *y.shape))
    for n, c in itertools.product(range(len(x)), range(x.shape[3])):
        pixels = {}
        for window, place, pixel in places(x.shape[1:3], size, stride, padding):
            pixels.setdefault(window, {})[place] = x[n, *pixel, c]
        for window, numbers in pixels.items():
            best = [place for place, number in numbers.items() if number == max(numbers.values())]
            for place in best:
                found[*place, n, *window, c] = 1 / len(best)
    return found


def weighed(x, s, stride=(1, 1), padding=NONE):
    """The sum of each window times weights of its own."""
    y = np.zeros((len(x), *s.shape[3:5], x.shape[3]))
    s = np.broadcast_to(s, (*s.shape[:2], *y.shape))
    for window, place, pixel in places(x.shape[1:3], s.shape[:2], stride, padding):
        y[:, window[0], window[1]] += x[:, pixel[0], pixel[1]] * s[*place, :, *window]
    return y


def spread(g, s, shape, stride=(1, 1), padding=NONE):
    """What each pixel gets from its windows, times these weights."""
    gain, s = np.zeros(shape), np.broadcast_to(s, (*s.shape[:2], *g.shape))
    for window, place, pixel in places(shape[1:3], s.shape[:2], stride, padding):
        gain[:, pixel[0], pixel[1]] += g[:, window[0], window[1]] * s[*place, :, *window]
    return gain


def same(lengths, size, stride):
    """The padding that Keras calls "same"."""
    out = [-(-n // s) for n, s in zip(lengths, stride, strict=True)]
    all_ = [max((o - 1) * s + k - n, 0) for o, s, k, n in zip(out, stride, size, lengths, strict=True)]
    return tuple((n // 2, n - n // 2) for n in all_)


def called(x, w, b, stride=1, padding=NONE, layout="NHWC"):
    """`conv2d` as people call it."""
    stride = (stride, stride) if isinstance(stride, int) else stride
    if layout == "NCHW":
        x, w = x.transpose(0, 2, 3, 1), w.transpose(2, 3, 1, 0)
    y = conv2d(x, w, b, stride, in_full(padding, x, w.shape[:2], stride))
    return y.transpose(0, 3, 1, 2) if layout == "NCHW" else y


def pool_called(function, x, size=2, stride=None, padding=NONE, layout="NHWC"):
    """Pooling as people call it."""
    size = (size, size) if isinstance(size, int) else size
    stride = size if stride is None else (stride, stride) if isinstance(stride, int) else stride
    x = x.transpose(0, 2, 3, 1) if layout == "NCHW" else x
    y = pool(function, x, size, stride, in_full(padding, x, size, stride))
    return y.transpose(0, 3, 1, 2) if layout == "NCHW" else y


def in_full(padding, x, size, stride):
    if padding == "same":
        return same(x.shape[1:3], size, stride)
    return ((padding, padding),) * 2 if isinstance(padding, int) else NONE if padding == "valid" else padding
