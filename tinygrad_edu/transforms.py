"""Functions of functions: grad, value_and_grad, vjp, jvp, jacobian, hessian.

Numbers in, numbers out; Values in, Values out.

Each differentiates with respect to a node of its own (the identity row), so that transforms nest: the x of an outer
`grad` and the x of an inner one are never confused, even if they are the same Value. None of them touches `.grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import ops
from .backward import order, sweep
from .errors import GradientError
from .kernels import number
from .recording import STATE, switched
from .value import Value

Function = Callable[..., Any]


class Trace:
    """One run of a function on nodes of its own: its result, and the way back to chosen inputs."""

    def __init__(self, function: Function, inputs: Sequence[Any], argnums: Sequence[int], /, **keywords: Any) -> None:
        arguments, outer, self.recording = list(inputs), STATE.open, STATE.recording
        for i in argnums:
            if not isinstance(i, int) or not -len(inputs) <= i < len(inputs):
                raise IndexError(f"argnums: there is no argument {i!r} among {len(inputs)}.")
            arguments[i] = leaf(inputs[i])
        self.ends = [arguments[i] for i in argnums]
        with switched(recording=True, open=(*outer, *self.ends)):
            self.result = function(*arguments, **keywords)
        if not isinstance(self.result, Value):
            raise GradientError(
                f"The function returned {type(self.result).__name__}, not a Value: either it does not use the input at "
                "all, or float(v), v.item() or v.data inside it has cut the way."
            )
        # Values out for Values in, also where they came in by the closure of a transform around this one
        self.of_values = any(isinstance(x, Value) for x in inputs) or (bool(outer) and bool(order(self.result, outer)))

    def pull(self, seed: Any, create_graph: bool) -> list[Any]:
        """The gradient of each chosen input for the gradient `seed` of the result; zeros where there is no way."""
        with switched(recording=True):
            found = sweep(self.result, seed, self.ends, create_graph) if self.result.requires_grad else {}
        return [found[end] if end in found else zeros(end) for end in self.ends]

    def out(self, x: Any) -> Any:
        """Numbers to a caller who gave numbers, Values to one who gave Values."""
        if self.of_values and self.recording and isinstance(x, Value):
            return x
        x = x._data if isinstance(x, Value) else x
        if self.of_values:
            return Value.node(x)
        return x.copy() if isinstance(x, np.ndarray) else x


def leaf(x: Any) -> Value:
    """A node of our own above a Value, with its own copy of the data, or a new leaf around numbers."""
    if not isinstance(x, Value):
        return Value(x)
    data = x._data.copy() if isinstance(x._data, np.ndarray) else x._data
    return Value.node(data, ops.same, (x, x._data))


def like(result: Value, g: Any) -> Any:
    """Numbers in the dtype of the result, as its gradient or tangent."""
    return g.astype(result.dtype) if isinstance(g, np.ndarray) and isinstance(result._data, np.ndarray) else g


def zeros(x: Value) -> Any:
    """The gradient where there is no way from the result to the input."""
    return np.zeros(x.shape, x.dtype) if x.shape else 0.0


def one(result: Value) -> Any:
    """The seed of a scalar result; GradientError for any other."""
    if result.shape:
        raise GradientError(
            f"grad needs a function with a scalar result, not one of shape {result.shape}: take .sum() or .mean(), "
            "or use tg.jacobian or tg.vjp."
        )
    return type(result._data)(1)


def value_and_grad(function: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that returns `(function(...), gradient)`.

    `argnums` says which positional arguments to differentiate: an int gives one gradient, a tuple a tuple. Each has the
    shape of its argument. Keyword arguments are passed through. Raises GradientError if the result is not a scalar
    Value.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (10.0, (5.0, 2.0))
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def differentiated(*inputs: Any, **keywords: Any) -> tuple[Any, Any]:
        trace = Trace(function, inputs, chosen, **keywords)
        gradients = [trace.out(g) for g in trace.pull(one(trace.result), trace.of_values)]
        return trace.out(trace.result), gradients[0] if isinstance(argnums, int) else tuple(gradients)

    return differentiated


def grad(function: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The derivative of a function with a scalar result, as a function. It nests to any order.

    `argnums` as in `value_and_grad`. Raises GradientError if the result is not a scalar Value.

    >>> cube = lambda x: x**3
    >>> grad(cube)(2.0), grad(grad(cube))(2.0), grad(grad(grad(cube)))(2.0)
    (12.0, 12.0, 6.0)
    """
    both = value_and_grad(function, argnums)
    return lambda *inputs, **keywords: both(*inputs, **keywords)[1]


def vjp(function: Function, *inputs: Any) -> tuple[Any, Function]:
    """`(value, pullback)`: `pullback(g)` gives, for a gradient `g` of the value's shape, the gradient of each input.

    >>> value, pullback = vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    trace = Trace(function, inputs, range(len(inputs)))

    def pullback(g: Any) -> tuple[Any, ...]:
        g = g if isinstance(g, Value) else like(trace.result, number(g))
        if ops.shape(g) != trace.result.shape:
            raise GradientError(f"The gradient has shape {ops.shape(g)}, the value {trace.result.shape}.")
        graph = isinstance(g, Value) or trace.of_values
        gradients = trace.pull(g if isinstance(g, Value) or not graph else Value.node(g), graph)
        return tuple(x if isinstance(g, Value) else trace.out(x) for x in gradients)

    return trace.out(trace.result), pullback


def jvp(function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """`(value, tangent)`: how fast the value changes when the inputs move along `tangents`. Forward mode.

    It needs no rules of its own: the pullback is linear in its argument, and differentiating it in that argument turns
    it round (Townsend, "A new trick for calculating Jacobian vector products", 2017).

    >>> jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 0.0))
    (12.0, 4.0)
    """
    if not isinstance(inputs, Sequence) or not isinstance(tangents, Sequence) or len(inputs) != len(tangents):
        raise TypeError("jvp takes a tuple of inputs and a tuple with one tangent for each: jvp(f, (x, y), (dx, dy)).")
    trace = Trace(function, inputs, range(len(inputs)))
    for x, tangent in zip(inputs, tangents, strict=True):
        if np.shape(x) != np.shape(tangent):
            raise GradientError(f"A tangent has shape {np.shape(tangent)}, its input {np.shape(x)}.")
    dummy = Value(zeros(trace.result))
    trace.of_values = trace.of_values or any(isinstance(t, Value) for t in tangents)
    with switched(recording=True):
        total: Any = Value.node(0.0)
        for end, x, tangent in zip(trace.ends, trace.pull(dummy, True), tangents, strict=True):
            total = total + ops.sum(x * (tangent if isinstance(tangent, Value) else like(end, number(tangent))))
        turned = sweep(total, 1.0, [dummy], trace.of_values).get(dummy) if total.requires_grad else None
    return trace.out(trace.result), trace.out(zeros(trace.result) if turned is None else turned)


def jacobian(function: Function, argnums: int = 0) -> Function:
    """The function that returns all partial derivatives, shape `value.shape + input.shape`, one row per element.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    """

    def differentiated(*inputs: Any, **keywords: Any) -> Any:
        trace = Trace(function, inputs, (argnums,), **keywords)
        shape, end, rows = trace.result.shape, trace.ends[0], []
        if not shape:
            return trace.out(trace.pull(type(trace.result._data)(1), trace.of_values)[0])
        for i in np.ndindex(*shape):
            seed = np.zeros(shape, trace.result.dtype)
            seed[i] = 1
            rows += trace.pull(seed, trace.of_values)
        whole = (*shape, *end.shape)
        return trace.out(ops.reshape(ops.stack(rows), shape=whole) if rows else np.zeros(whole, end.dtype))

    return differentiated


def hessian(function: Function, argnums: int = 0) -> Function:
    """The function that returns all second derivatives of a scalar function, shape `input.shape + input.shape`.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(function, argnums), argnums)
