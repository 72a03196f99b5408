"""The naive oracle: a gradient is the sum over all paths from the result to a leaf, of the product along each.

It shares nothing with the engine: no order, no accumulation, no rule, no un-broadcasting. On each edge of the graph
stands a matrix of partial derivatives, found by moving one number of the operand at a time. Exponentially slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from tinygrad_edu import Value
from tinygrad_edu.domains import holomorphic

Path = list[tuple[Value, int]]  # the edges on the way down: a node, and which of its operands comes next


def gradient(result: Value, leaf: Value) -> Any:
    """The gradient of a scalar result with respect to one leaf, of the leaf's shape."""
    total = np.zeros(leaf.size)
    for path in paths(result, leaf):
        product = np.ones(1)
        for node, i in path:
            product = product @ partials(node, i)
        total += product
    return total.reshape(leaf.shape)


def paths(node: Value, leaf: Value) -> Iterator[Path]:
    if node is leaf:
        yield []
    for i, x in enumerate(node.operands):
        if isinstance(x, Value):
            for rest in paths(x, leaf):
                yield [(node, i), *rest]


@cache
def partials(node: Value, i: int) -> Any:
    """The partial derivatives of a node with respect to its operand i: one row per result, one column per number."""
    shape = np.shape(node.numbers[i])
    columns = [slope(node, i, index) for index in np.ndindex(shape)]
    return np.reshape(columns, (int(np.prod(shape)), node.size)).T


def slope(node: Value, i: int, index: tuple[int, ...]) -> Any:
    if holomorphic(node.op):
        return moved(node, i, index, 1e-20j).imag.ravel() / 1e-20
    central = lambda h: (moved(node, i, index, h) - moved(node, i, index, -h)).ravel() / (2 * h)  # noqa: E731
    return (4 * central(1e-4) - central(2e-4)) / 3


def moved(node: Value, i: int, index: tuple[int, ...], distance: complex) -> Any:
    numbers = list(node.numbers)
    numbers[i] = np.array(numbers[i], np.result_type(distance))
    numbers[i][index] += distance
    return np.asarray(node.op.compute(*numbers, **node.settings))
