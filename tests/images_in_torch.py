"""Convolution and pooling, and what their rules are written with, in PyTorch: each can be differentiated twice."""

from __future__ import annotations

import functools
from typing import Any

import loops
import pytest

torch: Any = pytest.importorskip("torch")
functional = torch.nn.functional
Pads = tuple[tuple[int, int], tuple[int, int]]


def padded(x: Any, padding: Pads, number: float = 0.0) -> Any:
    """Channels in front, and the padding around."""
    return functional.pad(x.permute(0, 3, 1, 2), (*padding[1], *padding[0]), value=number)


def conv2d(x: Any, w: Any, b: Any, stride: Any = (1, 1), padding: Pads = loops.NONE) -> Any:
    return functional.conv2d(padded(x, padding), w.permute(3, 2, 0, 1).contiguous(), b, stride).permute(0, 2, 3, 1)


def max_pool2d(x: Any, size: Any = (2, 2), stride: Any = (2, 2), padding: Pads = loops.NONE) -> Any:
    return functional.max_pool2d(padded(x, padding, -torch.inf), size, stride).permute(0, 2, 3, 1)


def avg_pool2d(x: Any, size: Any, stride: Any, padding: Pads) -> Any:
    both = (functional.avg_pool2d(padded(a, padding), size, stride) for a in (x, torch.ones_like(x)))
    return torch.divide(*both).permute(0, 2, 3, 1)


def weighed(x: Any, s: Any, stride: Any = (1, 1), padding: Pads = loops.NONE) -> Any:
    """The sum of each window times weights of its own."""
    (n, high, wide, channels), (rows, columns) = (len(x), *s.shape[3:5], x.shape[3]), s.shape[:2]
    windows = functional.unfold(padded(x, padding), (rows, columns), stride=stride)
    windows = windows.reshape(n, channels, rows, columns, high, wide).permute(2, 3, 0, 4, 5, 1)
    return torch.sum(windows * s, (0, 1))


def backwards(f: Any, x: Any, g: Any) -> Any:
    """What `f` hands back to `x`, as something to differentiate."""
    x = x.detach().clone().double().requires_grad_()
    return torch.autograd.grad(f(x), x, g, create_graph=True)[0]


def called(f: Any, x: Any, *weights: Any, layout: str = "NHWC", padding: Any = "valid", **at: Any) -> Any:
    """Convolution with weights, or pooling, as people call it."""
    if layout == "NCHW":
        x = x.permute(0, 2, 3, 1)
        weights = tuple(w if w is None or w.ndim < 4 else w.permute(2, 3, 1, 0) for w in weights)
    size = weights[0].shape[:2] if weights else pair(at.pop("size", 2))
    stride = pair(at.pop("stride", None) or (1 if weights else size))
    at = {} if weights else {"size": size}
    y = f(x, *weights, stride=stride, padding=loops.in_full(padding, x, size, stride), **at)
    return y.permute(0, 3, 1, 2) if layout == "NCHW" else y


def pair(x: Any) -> tuple[int, int]:
    return (x, x) if isinstance(x, int) else x


def shares(x: Any, y: Any, **at: Any) -> Any:
    return torch.as_tensor(loops.shares(x.detach().numpy(), y, **at))


SPELLING = {
    "conv2d": functools.partial(called, conv2d), "max_pool2d": functools.partial(called, max_pool2d),
    "avg_pool2d": functools.partial(called, avg_pool2d), "image_sum": weighed, "image_shares": shares,
    "conv2d_image": lambda g, w, shape, **at: backwards(lambda x: conv2d(x, w, None, **at), torch.zeros(shape), g),
    "conv2d_weight": lambda x, g, shape, **at: backwards(lambda w: conv2d(x, w, None, **at), torch.zeros(shape), g),
    "image_spread": lambda g, s, shape, **at: backwards(lambda x: weighed(x, s, **at), torch.zeros(shape), g),
}  # fmt: skip
