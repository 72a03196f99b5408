"""Convolution and pooling: against loops, against PyTorch, against their own adjoints; edges, memory, errors."""

from __future__ import annotations

import builtins
import inspect
import itertools
import tracemalloc
from typing import Any

import loops
import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, images, ops
from tinygrad_edu.elements import Reader, element, evaluated
from tinygrad_edu.symbol import Symbol, formulas

STRIDES = [(1, 1), (2, 2), (1, 3), (3, 2)]
PADDINGS = [loops.NONE, ((1, 1), (1, 1)), ((2, 0), (1, 3))]
KERNELS = [(3, 3), (1, 1), (2, 3), (4, 1)]
WINDOWS = list(itertools.product(KERNELS, STRIDES, PADDINGS))
NCHW, OIHW = (0, 3, 1, 2), (3, 2, 0, 1)


def whole(*shape: int, seed: int = 0) -> Any:
    """Small whole numbers, whose sums and products are exact."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


def drawn(*shape: int, seed: int = 0) -> Any:
    """Numbers of which no two are equal, or nearly so."""
    random, size = np.random.default_rng(seed), int(np.prod(shape))
    return (random.permutation(size) / size - 0.5).reshape(shape)


# Values and gradients, one number after the other. --------------------------------------------------------------------


@pytest.mark.parametrize("room", [1, 60, 2**19])
@pytest.mark.parametrize(("inputs", "outputs"), [(2, 3), (3, 2)])
@pytest.mark.parametrize(("size", "stride", "padding"), WINDOWS)
def test_convolution_and_both_gradients_are_those_of_loops(
    size: Any, stride: Any, padding: Any, inputs: int, outputs: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images.bands, "__defaults__", (room,))  # one row of windows at a time, or some
    x, w, b = whole(2, 5, 6, inputs), whole(*size, inputs, outputs, seed=1), whole(outputs, seed=2)
    at = {"stride": stride, "padding": padding}
    y = images.convolution(x, w, b, **at)
    np.testing.assert_array_equal(y, loops.conv2d(x, w, b, **at))
    g = whole(*y.shape, seed=3)
    back = images.conv2d_image(g, w, **at, shape=x.shape)
    np.testing.assert_array_equal(back, loops.conv2d_image(g, w, x.shape, **at))
    gain = images.conv2d_weight(x, g, **at, shape=w.shape)
    np.testing.assert_array_equal(gain, loops.conv2d_weight(x, g, w.shape, **at))
    assert np.sum((y - b) * g) == np.sum(x * back) == np.sum(w * gain)  # each is the adjoint of the others


def test_small_images_and_wide_strides_where_some_pixels_are_in_no_window() -> None:
    ways = itertools.product((1, 2, 5), (1, 3), (1, 2, 4), (1, 3), (1, 2, 4), (1, 3), (0, 2), (0, 1), (0, 3))
    met = 0
    for height, width, rows, columns, down, across, top, bottom, left in ways:
        if height + top + bottom < rows or width + left < columns:
            continue
        x, w = whole(1, height, width, 2), whole(rows, columns, 2, 1, seed=1)
        at = {"stride": (down, across), "padding": ((top, bottom), (left, 0))}
        y = images.convolution(x, w, None, **at)
        g = whole(*y.shape, seed=2)
        np.testing.assert_array_equal(y, loops.conv2d(x, w, None, **at))
        back = images.conv2d_image(g, w, **at, shape=x.shape)
        np.testing.assert_array_equal(back, loops.conv2d_image(g, w, x.shape, **at))
        gain = images.conv2d_weight(x, g, **at, shape=w.shape)
        np.testing.assert_array_equal(gain, loops.conv2d_weight(x, g, w.shape, **at))
        met += 1
    assert met == 1260


@pytest.mark.parametrize(("size", "stride", "padding"), WINDOWS)
def test_pooling_is_that_of_loops(size: Any, stride: Any, padding: Any) -> None:
    if any(max(both) >= k for both, k in zip(padding, size, strict=True)):
        padding = loops.NONE
    x, at = drawn(2, 5, 6, 3), {"size": size, "stride": stride, "padding": padding}
    np.testing.assert_array_equal(tg.max_pool2d(x, **at), loops.pool(max, x, **at))
    np.testing.assert_allclose(tg.avg_pool2d(x, **at), loops.pool(np.mean, x, **at), rtol=1e-13, atol=1e-15)
    leaf = Value(x)
    y = tg.max_pool2d(leaf, **at)
    g = whole(*y.shape)
    y.backward(g)
    shares = loops.shares(x, y.data, **at)
    np.testing.assert_allclose(leaf.grad, loops.spread(g, shares, x.shape, stride, padding), rtol=1e-13, atol=0)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize(("stride", "padding"), [(1, "valid"), (1, "same"), (2, "same"), ((2, 1), 1), (1, (0, 2))])
def test_first_and_second_derivatives_of_what_people_call(layout: str, stride: Any, padding: Any) -> None:
    x, w, b = drawn(1, 4, 5, 2), drawn(2, 3, 2, 2, seed=1), drawn(2, seed=2)
    if layout == "NCHW":
        x, w = x.transpose(NCHW), w.transpose(OIHW)
    at = {"stride": stride, "padding": padding, "layout": layout}
    assert tg.check_gradients(lambda x, w, b: tg.conv2d(x, w, b, **at), x, w, b, order=2, rtol=1e-8).passed
    squared = lambda x, w: tg.sum(tg.conv2d(tg.conv2d(x, w, **at) ** 2, w, **at))  # noqa: E731
    assert tg.check_gradients(squared, x, w, order=2, rtol=1e-6).passed
    at["padding"] = "same"
    for pool in (tg.max_pool2d, tg.avg_pool2d):
        both = lambda x: tg.sum(pool(x, (2, 3), **at) ** 3)  # noqa: B023, E731
        assert tg.check_gradients(both, x, order=2, rtol=1e-6).passed


@pytest.mark.parametrize("function", [tg.max_pool2d, tg.avg_pool2d])
def test_the_layouts_differ_by_the_order_of_axes_alone(function: Any) -> None:
    x, w, b = drawn(2, 5, 4, 3), drawn(3, 2, 3, 4, seed=1), drawn(4, seed=2)
    at: dict[str, Any] = {"stride": (1, 2), "padding": "same"}
    last = tg.conv2d(x, w, b, **at)
    first = tg.conv2d(x.transpose(NCHW), w.transpose(OIHW), b, **at, layout="NCHW")
    np.testing.assert_array_equal(first, last.transpose(NCHW))
    np.testing.assert_array_equal(function(x.transpose(NCHW), **at, layout="NCHW"), function(x, **at).transpose(NCHW))


# Padding, strides, ties. ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "k", "s", "before", "after"),
    [
        (5, 3, 1, 1, 1),
        (5, 3, 2, 1, 1),
        (6, 3, 2, 0, 1),
        (4, 2, 1, 0, 1),
        (5, 2, 2, 0, 1),
        (7, 5, 3, 2, 2),
        (6, 1, 2, 0, 0),
    ],
)
def test_same_is_what_keras_calls_same(n: int, k: int, s: int, before: int, after: int) -> None:
    x, w = whole(1, n, 1, 1), whole(k, 1, 1, 1, seed=1)
    y = tg.conv2d(x, w, stride=(s, 1), padding="same")
    assert y.shape[1] == -(-n // s)
    np.testing.assert_array_equal(y, tg.conv2d(x, w, stride=(s, 1), padding=((before, after), (0, 0))))


def test_every_form_of_stride_and_padding() -> None:
    x, w = whole(1, 5, 6, 1), whole(2, 3, 1, 1, seed=1)
    full = loops.conv2d(x, w, None, (2, 2), ((1, 1), (2, 2)))
    for stride, padding in [
        (2, (1, 2)),
        ((2, 2), ((1, 1), (2, 2))),
        (np.int64(2), np.array([1, 2])),
        ([2, 2], [1, 2]),
        (2, (1, (2, 2))),
    ]:
        np.testing.assert_array_equal(tg.conv2d(x, w, stride=stride, padding=padding), full)
    one = loops.conv2d(x, w, None, padding=((1, 1), (1, 1)))
    np.testing.assert_array_equal(tg.conv2d(x, w, padding=1), one)
    np.testing.assert_array_equal(tg.conv2d(x, w, None, 1, 1, "NHWC"), one)


def test_the_stride_of_pooling_is_its_size_unless_told() -> None:
    x = whole(1, 6, 6, 1)
    np.testing.assert_array_equal(tg.max_pool2d(x, 3), loops.pool(max, x, (3, 3), (3, 3)))
    np.testing.assert_array_equal(tg.max_pool2d(x, (2, 3), 1), loops.pool(max, x, (2, 3), (1, 1)))


def test_equal_numbers_share_the_gradient_of_their_window_evenly() -> None:
    x = Value(np.array([[2.0, 2.0, 1.0], [0.0, 2.0, 1.0]]).reshape(1, 2, 3, 1))
    tg.max_pool2d(x, 2, 1).backward(np.array([6.0, 10.0]).reshape(1, 1, 2, 1))
    np.testing.assert_array_equal(x.grad.reshape(2, 3), [[2.0, 2.0 + 5.0, 0.0], [0.0, 2.0 + 5.0, 0.0]])
    x = Value(np.zeros((1, 20, 20, 1)))  # more of them than a byte can count
    tg.max_pool2d(x, 20).sum().backward()
    np.testing.assert_allclose(x.grad, 1 / 400, rtol=1e-14)


def test_padding_is_never_the_largest_and_never_part_of_a_mean() -> None:
    x = -1 - drawn(1, 3, 3, 1) ** 2
    assert np.all(tg.max_pool2d(x, 3, 2, 1) < 0)
    np.testing.assert_allclose(tg.avg_pool2d(np.full((1, 3, 3, 1), 5.0), 3, 2, 1), 5.0, rtol=1e-15)
    np.testing.assert_array_equal(tg.max_pool2d(np.full((1, 3, 3, 1), -np.inf), 3, 2, 1), -np.inf)


def test_a_nan_is_not_hidden() -> None:
    x = Value(np.array([1.0, np.nan, 3.0, 4.0]).reshape(1, 1, 4, 1))
    y = tg.max_pool2d(x, (1, 2))
    y.sum().backward()
    np.testing.assert_array_equal(y.data.ravel(), [np.nan, 4.0])
    np.testing.assert_array_equal(x.grad.ravel(), [np.nan, np.nan, 0.0, 1.0])


# What goes in, what comes out. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_float32_stays_float32_and_bytes_become_what_the_weights_are(layout: str) -> None:
    size = (3, 3, 4, 4) if layout == "NHWC" else (4, 4, 3, 3)
    x, w, b = drawn(2, 4, 4, 4).astype("f"), Value(drawn(*size).astype("f")), Value(np.zeros(4, "f"))
    h = tg.conv2d(Value(x), w, b, padding="same", layout=layout)
    y = tg.avg_pool2d(tg.max_pool2d(h, 2, 1, layout=layout), padding="same", layout=layout)
    y.backward(np.ones(y.shape, "f"))
    assert {h.dtype, y.dtype, w.grad.dtype, b.grad.dtype} == {np.dtype("f")}
    bytes_ = np.arange(128, dtype=np.uint8).reshape(2, 4, 4, 4)
    found = tg.conv2d(bytes_, w.data, padding=1, layout=layout)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, tg.conv2d(bytes_.astype("f"), w.data, padding=1, layout=layout))
    np.testing.assert_array_equal(tg.max_pool2d(bytes_, 3, 1, 1), tg.max_pool2d(bytes_ * 1.0, 3, 1, 1))


def test_lists_and_empty_batches() -> None:
    assert tg.conv2d([[[[1.0], [2.0]]]], [[[[3.0]]]]).tolist() == [[[[3.0], [6.0]]]]
    assert tg.max_pool2d([[[[1.0], [2.0]]]], (1, 2)).tolist() == [[[[2.0]]]]
    x, w = Value(np.zeros((0, 4, 4, 2))), Value(drawn(3, 3, 2, 5))
    y = tg.max_pool2d(tg.conv2d(x, w, padding="same"))
    y.sum().backward()
    assert (y.shape, x.grad.shape) == ((0, 2, 2, 5), (0, 4, 4, 2))
    np.testing.assert_array_equal(w.grad, 0)


def test_no_gradient_is_computed_for_what_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    for row in (images.conv2d_image, images.conv2d_weight):
        compute = row.compute
        monkeypatch.setattr(
            row, "compute", lambda *a, f=compute, row=row, **k: (called.append(row.name), f(*a, **k))[1]
        )
    x, w, b = drawn(2, 4, 4, 1), Value(drawn(3, 3, 1, 2)), Value(drawn(2))
    tg.conv2d(x, w, b).sum().backward()
    assert called == ["conv2d_weight"]
    tg.conv2d(Value(x), w.data, b).sum().backward()
    assert called == ["conv2d_weight", "conv2d_image"]


def test_the_memory_is_that_of_the_result_and_one_slice() -> None:
    x, w = np.ones((16, 64, 64, 8), "f"), np.ones((5, 5, 8, 8), "f")
    at = {"stride": (1, 1), "padding": ((2, 2), (2, 2))}
    windows = x.nbytes * 25  # all of them, laid side by side
    room = 2**19 * 4 * 4  # the slice, what it is laid out from, its products
    for row, operands, shape in (
        (images.convolution, (x, w, None), {}),
        (images.conv2d_image, (x, w), {"shape": x.shape}),
        (images.conv2d_weight, (x, x), {"shape": w.shape}),
    ):
        tracemalloc.start()
        result = row(*operands, **at, **shape)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < result.nbytes + room < windows / 4


def test_the_kernels_need_numpy_and_one_another_only() -> None:
    kernels = [f for f in vars(images).values() if inspect.isfunction(f) and f.__module__ == images.__name__]
    needed, waiting = [], [row.compute for row in ops.TABLE.values() if row.compute in kernels]
    while waiting:
        f = waiting.pop()
        needed.append(f)
        for name in {name for code in codes(f.__code__) for name in code.co_names if hasattr(images, name)} - {"np"}:
            if getattr(images, name) in kernels and getattr(images, name) not in needed:
                waiting.append(getattr(images, name))
    alone: dict[str, Any] = {"np": np}
    text = "\n".join(["from __future__ import annotations", *map(inspect.getsource, needed)])
    exec(text, alone)
    known = {*dir(builtins), *alone}
    for f in needed:
        loaded = {i.argval for code in codes(f.__code__) for i in instructions(code) if i.opname == "LOAD_GLOBAL"}
        assert loaded <= known, f.__name__
        assert f.__closure__ is None
    x, w = whole(2, 5, 5, 2), whole(3, 3, 2, 3)
    at = {"stride": (2, 1), "padding": ((1, 1), (0, 1))}
    np.testing.assert_array_equal(alone["convolve"](x, w, None, **at), loops.conv2d(x, w, None, **at))
    y = alone["max_pool"](x, (2, 2), **at)
    np.testing.assert_array_equal(alone["window_shares"](x, y, (2, 2), **at), loops.shares(x, y, (2, 2), **at))


def codes(code: Any) -> Any:
    """A function's code, and that of what is inside it."""
    yield code
    for inner in code.co_consts:
        if inspect.iscode(inner):
            yield from codes(inner)


def instructions(code: Any) -> Any:
    import dis

    return dis.get_instructions(code)


def test_a_network_learns_to_tell_bars_that_stand_from_bars_that_lie() -> None:
    random = np.random.default_rng(0)
    x, lying = np.zeros((64, 8, 8, 1), "f"), random.integers(0, 2, 64)
    for image, lies, place in zip(x, lying, random.integers(0, 8, 64), strict=True):
        (image.swapaxes(0, 1) if lies else image)[:, place] = 1
    w, b = Value(random.normal(0, 0.5, (3, 3, 1, 4)).astype("f")), Value(np.zeros(4, "f"))
    v, c = Value(random.normal(0, 0.5, (4, 2)).astype("f")), Value(np.zeros(2, "f"))
    optimizer = tg.nn.Adam([w, b, v, c], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        h = tg.max_pool2d(tg.relu(tg.conv2d(x, w, b, padding="same")), 8).reshape(64, 4)
        z = tg.linear(h, v, c)
        loss = tg.nn.cross_entropy(z, lying)
        loss.backward()
        optimizer.step()
    assert np.all(np.argmax(z.data, axis=1) == lying)


# Formulas, and one number of them. ------------------------------------------------------------------------------------


def test_the_formulas_of_convolution_name_its_two_gradients() -> None:
    assert formulas(images.convolution, "x", "w", "b") == [
        "conv2d_image(g, w)",
        "conv2d_weight(x, g)",
        "sum(sum(g, axis=(0, 1)), axis=0)",
    ]


def test_one_number_is_written_with_the_pixels_of_its_window() -> None:
    x, w, b = Symbol("x", (1, 2, 3, 1)), Symbol("w", (2, 2, 1, 1)), Symbol("b", (1,))
    g = Symbol("g", (1, 1, 2, 1))
    y = tg.conv2d(x, w, b)
    assert str(element(y, (0, 0, 1, 0))) == (
        "x[0, 0, 1, 0]·w[0, 0, 0, 0] + x[0, 0, 2, 0]·w[0, 1, 0, 0] + x[0, 1, 1, 0]·w[1, 0, 0, 0] + "
        "x[0, 1, 2, 0]·w[1, 1, 0, 0] + b[0]"
    )
    to_x, to_w, to_b = (rule(g, y, x, w, b, **y.settings) for rule in images.convolution.rules)
    assert str(element(to_x, (0, 0, 1, 0))) == "g[0, 0, 1, 0]·w[0, 0, 0, 0] + g[0, 0, 0, 0]·w[0, 1, 0, 0]"
    assert str(element(to_w, (1, 0, 0, 0))) == "x[0, 1, 0, 0]·g[0, 0, 0, 0] + x[0, 1, 1, 0]·g[0, 0, 1, 0]"
    assert str(element(to_b, (0,))) == "g[0, 0, 0, 0] + g[0, 0, 1, 0]"
    assert (
        str(element(tg.max_pool2d(x, (2, 1)), (0, 0, 2, 0))) == "max_pool2d(x, size=(2, 1), stride=(2, 1))[0, 0, 2, 0]"
    )
    assert str(element(tg.avg_pool2d(x, 2, 1), (0, 0, 1, 0))).count("0.25·x[") == 4


def test_where_the_numbers_are_known_the_largest_is_found() -> None:
    x, g = Symbol("x", (1, 2, 4, 1)), Symbol("g", (1, 1, 2, 1))
    numbers = {"x": np.array([3.0, 1.0, 5.0, 5.0, 2.0, 0.0, 4.0, 1.0]).reshape(1, 2, 4, 1), "g": whole(1, 1, 2, 1)}
    y = tg.max_pool2d(x)
    read = Reader(numbers.__getitem__)
    assert str(read.at(y, (0, 0, 0, 0))) == "x[0, 0, 0, 0]"
    assert evaluated(read.at(y, (0, 0, 1, 0)), numbers.__getitem__) == 5.0
    back = images.max_pooling.rules[0](g, y, x, **y.settings)
    assert str(read.at(back, (0, 0, 0, 0))) == "g[0, 0, 0, 0]"
    assert str(read.at(back, (0, 0, 3, 0))) == "0.5·g[0, 0, 1, 0]"
    assert read.at(back, (0, 1, 0, 0)) == 0


# Errors. --------------------------------------------------------------------------------------------------------------

X, W = np.zeros((2, 6, 6, 3)), np.zeros((3, 3, 3, 4))
ERRORS = [
    (lambda: tg.conv2d(X[0], W), r"conv2d takes a batch of images, of shape \(batch, height, width, channels\), not "
     r"\(6, 6, 3\)\. One image is a batch of one: x\[None\]; grey images have one channel: x\[\.\.\., None\]\."),
    (lambda: tg.max_pool2d(Value(1.0)), r"max_pool2d takes a batch of images, .* not \(\)\."),
    (lambda: tg.avg_pool2d(X[0], layout="NCHW"), r"avg_pool2d .* \(batch, channels, height, width\), .* x\[:, None"),
    (lambda: tg.conv2d(X, W[0]), r"conv2d takes weights of shape \(height, width, inputs, outputs\) with images of "
     r"layout NHWC, not \(3, 3, 4\)\."),
    (lambda: tg.conv2d(X.transpose(NCHW), W[0], layout="NCHW"), r"\(outputs, inputs, height, width\) .* layout NCHW"),
    (lambda: tg.conv2d(X, W[:, :, :1]), r"the images have 3 channel\(s\), the weights take 1\. .* layout=\"NCHW\"\."),
    (lambda: tg.conv2d(Value(X), Value(W), Value(np.zeros(3))), r"the weights have 4 output\(s\), so b has shape "
     r"\(4,\), not \(3,\)\."),
    (lambda: tg.conv2d(X, np.zeros((7, 3, 3, 4))), r"a window of 7 × 3 does not fit into an image of 6 × 6, padded by "
     r"\(\(0, 0\), \(0, 0\)\): take smaller windows, or padding=\"same\"\."),
    (lambda: tg.conv2d(X, W[:0]), r"a window of 0 × 3 does not fit"),
    (lambda: tg.conv2d(X, W, layout="HWC"), r'The layout is "NHWC" \(batch, .*\) or "NCHW", not \'HWC\'\.'),
    (lambda: tg.conv2d(X, W, stride=0), r"the stride is a whole number from 1, or two .* \(down, across\), not 0\."),
    (lambda: tg.conv2d(X, W, stride=1.5), r"the stride is a whole number from 1, .* not 1\.5\."),
    (lambda: tg.conv2d(X, W, stride=(1, 2, 3)), r"the stride is .* not \(1, 2, 3\)\."),
    (lambda: tg.max_pool2d(X, Value(2.0)), r"max_pool2d: the size is a whole number from 1, .* not Value\(2\.0\)"),
    (lambda: tg.conv2d(X, W, padding="full"), r'the padding is "valid", "same", a whole number .* not \'full\''),
    (lambda: tg.conv2d(X, W, padding=-1), r"the padding is .*, not -1\."),
    (lambda: tg.conv2d(X, W, padding=(1, 2, 3)), r"the padding is .*, not \(1, 2, 3\)\."),
    (lambda: tg.conv2d(X, W, padding=0.5), r"the padding is .*, not 0\.5\."),
    (lambda: tg.conv2d(X, W, padding=None), r"the padding is .*, not None\."),
    (lambda: tg.max_pool2d(X, 2, padding=2), r"max_pool2d: with padding \(\(2, 2\), \(2, 2\)\) a window of 2 × 2 may "
     r"lie outside the image: take less padding, or larger windows\."),
    (lambda: tg.avg_pool2d(X, 7), r"avg_pool2d: a window of 7 × 7 does not fit into an image of 6 × 6"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "says"), ERRORS, ids=[says[:40] for _, says in ERRORS])
def test_what_does_not_fit_is_refused_with_what_to_do(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_what_convolution_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="not dilation"):
        tg.conv2d(X, W, dilation=2)
    with pytest.raises(TypeError, match=r"missing 1 required .* 'w'"):
        tg.conv2d(X)


# PyTorch. -------------------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize(("size", "stride", "padding"), WINDOWS)
def test_value_and_derivatives_are_those_of_pytorch(size: Any, stride: Any, padding: Any, layout: str) -> None:
    torch = pytest.importorskip("torch")
    from images_in_torch import SPELLING

    x, w, b = drawn(2, 6, 7, 2), drawn(*size, 2, 3, seed=1), drawn(3, seed=2)
    if layout == "NCHW":
        x, w = x.transpose(NCHW), w.transpose(OIHW)
    at = {"stride": stride, "padding": padding, "layout": layout}
    pooling = {**at, "size": (3, 2), "padding": ((1, 1), (0, 1))}

    def f(conv: Any, pool: Any, mean: Any, x: Any, w: Any, b: Any) -> Any:
        z = conv(x, w, b, **at)
        return (pool(x**2, **pooling) ** 2).sum() + (mean(x**2, **pooling) ** 2).sum() + (z**3).sum()

    leaves = [Value(a) for a in (x, w, b)]
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    ours = f(tg.conv2d, tg.max_pool2d, tg.avg_pool2d, *leaves)
    theirs = f(*(SPELLING[name] for name in ("conv2d", "max_pool2d", "avg_pool2d")), *tensors)
    assert ours.data == pytest.approx(theirs.item(), rel=1e-12)
    first = torch.autograd.grad(theirs, tensors, create_graph=True)
    ours.backward(create_graph=True)
    ours_first = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.zero_grad()
    sum((g * g).sum() for g in ours_first).backward()
    second = torch.autograd.grad(sum((g * g).sum() for g in first), tensors)
    for mine, g, leaf, h in zip(ours_first, first, leaves, second, strict=True):
        np.testing.assert_allclose(mine.data, g.detach().numpy(), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(leaf.grad, h.numpy(), rtol=1e-9, atol=1e-9)
