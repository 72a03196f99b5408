"""Functions of functions: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp.

Numbers in, numbers out; Values in, Values out. An argument may be a tree: numbers, arrays and Values in nested lists,
tuples and dicts. So may the result of a function, and derivatives have the same structure. A list of nothing but plain
numbers, nested or not, is an array, as in `Value([1, 2, 3])`; every other list, every tuple and every dict is a
container, and None is an empty one.

Each differentiates with respect to nodes of its own (the identity row), so that transforms nest: the x of an outer
`grad` and the x of an inner one are never confused, even if they are the same Value. None of them touches `.grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from . import ops
from .backward import of_kind, order, sweep
from .errors import GradientError
from .kernels import number
from .recording import STATE, switched
from .trees import at, described, flatten, match, unflatten
from .value import Value

Function = Callable[..., Any]
Argnums = int | str | Sequence[int | str]


class Joint:
    """The operation that ties the results of a function into one node, whose gradient is the list of theirs."""

    name, rules = "the function", ops.Each(lambda i: lambda g, y, *results: g[i])


class Trace:
    """One run of a function on nodes of its own: its results, and the way back to the chosen arguments.

    `ends` are the leaves of these arguments and `results` the leaves of what the function returned, all of them nodes;
    `inputs` and `outputs` are the forms of the two trees.
    """

    def __init__(self, function: Function, argnums: Argnums, inputs: Sequence[Any], keywords: dict[str, Any]) -> None:
        arguments: dict[Any, Any] = {**dict(enumerate(inputs)), **keywords}
        outer, self.recording, self.single = STATE.open, STATE.recording, isinstance(argnums, int | str | np.integer)
        chosen: Any = [argnums] if self.single else argnums
        self.keys = [key_of(i, inputs, keywords) for i in chosen]
        self.inputs, leaves = flatten({key: arguments[key] for key in self.keys})
        self.ends = [own(x, self.inputs, i) for i, x in enumerate(leaves)]
        given = {**arguments, **unflatten(self.inputs, self.ends)}
        with switched(recording=True, open=(*outer, *self.ends)):
            result = function(*[given[i] for i in range(len(inputs))], **{name: given[name] for name in keywords})
        self.outputs, found = flatten(result)
        if not any(isinstance(y, Value) for y in found) and (found or result is None):
            raise no_way(result, found)
        self.results = [y if isinstance(y, Value) else Value.node(number(y)) for y in found]
        # Values out for Values in, also where they came in by the closure of a transform around this one
        self.of_values = any(isinstance(x, Value) for x in (*leaves, *arguments.values()))
        self.of_values = self.of_values or (bool(outer) and bool(order(joint(self.results), outer)))
        self.of_values = self.of_values or STATE.trace is not None  # a program has to compute it anew

    def scalar(self) -> Value:
        """The only result; GradientError if there are more, or if it is an array of more than one number."""
        alone = self.outputs == ""  # the path of a lone leaf
        if alone and self.results[0].size == 1:
            return self.results[0]
        what = f"one of shape {self.results[0].shape}" if alone else described(self.outputs)
        raise GradientError(
            f"grad needs a function with a scalar result, not {what}: take .sum() or .mean(), "
            "or use tg.jacobian or tg.vjp."
        )

    def pull(self, root: Value, seed: Any, create_graph: bool) -> list[Any]:
        """The gradient of each end for the gradient `seed` of the root; zeros where there is no way."""
        found = sweep(root, seed, self.ends, create_graph)
        return [found[end] if end in found else zeros(end) for end in self.ends]

    def pull_all(self, results: Sequence[Value], seeds: Sequence[Any]) -> Any:
        """The gradient of each chosen argument, as the caller is to see it, for one gradient of each result."""
        graph = self.of_values or any(isinstance(seed, Value) for seed in seeds)
        return self.chosen(self.out(x, graph) for x in self.pull(joint(results), seeds, graph))

    def chosen(self, leaves: Iterable[Any]) -> Any:
        """What belongs to the ends, in the structure of the chosen arguments: one for an int, a tuple for a tuple."""
        trees = unflatten(self.inputs, leaves)
        return trees[self.keys[0]] if self.single else tuple(trees[key] for key in self.keys)

    def returned(self, leaves: Iterable[Any]) -> Any:
        """What belongs to the results, in the structure of what the function returned."""
        return unflatten(self.outputs, leaves)

    def out(self, x: Any, of_values: bool = False) -> Any:
        """Numbers to a caller who gave numbers, Values to one who gave Values."""
        of_values = of_values or self.of_values
        if of_values and self.recording and isinstance(x, Value):
            return x
        x = x._data if isinstance(x, Value) else x
        if of_values:
            return Value.node(x)
        return x.copy() if isinstance(x, np.ndarray) else x


def key_of(i: int | str, inputs: Sequence[Any], keywords: dict[str, Any]) -> int | str:
    """The position of a chosen argument from the left, or the name of a keyword argument."""
    if isinstance(i, int | np.integer) and -len(inputs) <= i < len(inputs):
        return int(i) % len(inputs)
    if isinstance(i, str) and i in keywords:
        return i
    named = f" and {', '.join(keywords)}" if keywords else ""
    hint = f' Did you mean argnums="{next(iter(keywords))}"?' if keywords and not inputs else ""
    raise IndexError(f"argnums: there is no argument {i!r} among {len(inputs)} in order{named}.{hint}")


def joint(results: Sequence[Value]) -> Value:
    """One node for all of them, to pull from: its gradient is the list of theirs."""
    return Value.node(None, Joint, (*results, *(y._data for y in results)))


def own(x: Any, form: Any, i: int) -> Value:
    """A node of our own above a Value, with its own copy of the data, or a new leaf around numbers."""
    if isinstance(x, Value):
        data = x._data.copy() if isinstance(x._data, np.ndarray) else x._data
        return Value.node(data, ops.same, (x, x._data))
    try:
        return Value(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Argument {flatten(form)[1][i]}: {error}") from None


def fitting(form: Any, nodes: Sequence[Value], tree: Any, this: str, that: str) -> Iterator[Any]:
    """The leaves of a tree of that form, each of the shape of its node."""
    for node, (path, x) in zip(nodes, match(form, tree, this, that), strict=True):
        if x is None or isinstance(x, dict):
            raise GradientError(f"{this}{at(path)} is {described(x)}, {that} has shape {node.shape}.")
        x = x if isinstance(x, Value) else number(x)
        x = x.copy() if isinstance(x, np.ndarray) else x  # it may stay in a graph
        if ops.shape(x) != node.shape:
            raise GradientError(f"{this}{at(path)} has shape {ops.shape(x)}, {that} {node.shape}.")
        yield x


def zeros(x: Value) -> Any:
    """No change at all, as the gradient or tangent of a node."""
    return np.zeros(x.shape, x.dtype) if x.shape else type(x._data)(0)


def one(x: Value) -> Any:
    """The gradient of a single number with respect to itself, exact for a Fraction."""
    return np.ones(x.shape, x.dtype) if x.shape else type(x._data)(1)


def no_way(result: Any, leaves: list[Any]) -> GradientError:
    """The function returned nothing that leads back to the input."""
    numbers = [np.asarray(y) for y in leaves if isinstance(y, int | np.generic | np.ndarray)]
    if leaves and len(numbers) == len(leaves) and all(y.dtype.kind in "biu" for y in numbers):
        return GradientError(
            f"The function returned {described(result)}: whole numbers and truth values, such as argmax, argsort and "
            "comparisons give, have no gradient. While the input moves a little they stay, and then they jump. Use "
            "them inside the function, where x[index] and tg.where(condition, a, b) have gradients, or take something "
            "smooth instead: tg.softmax(x) for argmax, tg.sigmoid(x) for x > 0."
        )
    what = f"{described(result)}, {'with no Value in it' if isinstance(result, dict | list | tuple) else 'not a Value'}"
    return GradientError(
        f"The function returned {what}: either it does not use the input at all, or float(v), v.item() or v.data "
        "inside it has cut the way."
    )


def value_and_grad(function: Function, argnums: Argnums = 0) -> Function:
    """The function that returns `(function(...), gradient)`.

    `argnums` says which arguments to differentiate, by position or, for keyword arguments, by name: one gives one
    gradient, a tuple a tuple. Each gradient has the structure and the shapes of its argument; the other arguments are
    passed through. An argument may be a nested list, tuple or dict of arrays, but a list of nothing but plain numbers
    is one array. Raises GradientError if the result is not a scalar Value.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (10.0, (5.0, 2.0))
    >>> value_and_grad(lambda x, scale: scale * x.sum(), argnums="scale")(np.array([1.0, 2.0]), scale=5.0)
    (15.0, 3.0)
    """

    def differentiated(*inputs: Any, **keywords: Any) -> tuple[Any, Any]:
        trace = Trace(function, argnums, inputs, keywords)
        result = trace.scalar()
        gradients = trace.pull(result, one(result), trace.of_values)
        return trace.out(result), trace.chosen(map(trace.out, gradients))

    return differentiated


def grad(function: Function, argnums: Argnums = 0) -> Function:
    """The derivative of a function with a scalar result, as a function. It nests to any order.

    `argnums` as in `value_and_grad`. Raises GradientError if the result is not a scalar Value.

    >>> cube = lambda x: x**3
    >>> grad(cube)(2.0), grad(grad(cube))(2.0), grad(grad(grad(cube)))(2.0)
    (12.0, 12.0, 6.0)
    >>> grad(lambda p: (p["w"] ** 2).sum() * p["b"])({"w": np.array([1.0, 2.0]), "b": 3.0})
    {'w': array([ 6., 12.]), 'b': 5.0}
    """
    both = value_and_grad(function, argnums)
    return lambda *inputs, **keywords: both(*inputs, **keywords)[1]


def vjp(function: Function, /, *inputs: Any, **keywords: Any) -> tuple[Any, Function]:
    """`(value, pullback)`: `pullback(g)` gives, for a gradient `g` of the value, the gradient of each input.

    `g` has the structure and the shapes of the value; the result is a tuple, each gradient like its input. Raises
    GradientError if the function returns no Value, or if `g` does not fit.

    >>> value, pullback = vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    >>> vjp(lambda x, y: {"sum": x + y, "product": x * y}, 2.0, 5.0)[1]({"sum": 1.0, "product": 10.0})
    (51.0, 21.0)
    """
    trace = Trace(function, range(len(inputs)), inputs, keywords)

    def pullback(g: Any) -> Any:
        return trace.pull_all(trace.results, [*fitting(trace.outputs, trace.results, g, "The gradient", "the value")])

    return trace.returned(map(trace.out, trace.results)), pullback


def jvp(function: Function, /, inputs: Sequence[Any], tangents: Sequence[Any], **keywords: Any) -> tuple[Any, Any]:
    """`(value, tangent)`: how fast the value changes when the inputs move along `tangents`. Forward mode.

    Each tangent has the structure and the shapes of its input, the result those of the value. It needs no rules of its
    own: the pullback is linear in its argument, and differentiating it in that argument turns it round (Townsend, "A
    new trick for calculating Jacobian vector products", 2017). Raises GradientError if a tangent does not fit.

    >>> jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 0.0))
    (12.0, 4.0)
    """
    trace, moves = along(function, inputs, tangents, keywords)
    dummies = [Value(zeros(y)) for y in trace.results]
    with switched(recording=True):
        gradients = trace.pull(joint(trace.results), dummies, True)
        products = [x * move for x, move in zip(gradients, moves, strict=True)]
        total = sum((ops.sum(x) if ops.shape(x) else x for x in products), Value.node(0))
        turned = sweep(total, one(total), dummies, trace.of_values)
    found = (turned.get(dummy, dummy._data) for dummy in dummies)
    return trace.returned(map(trace.out, trace.results)), trace.returned(map(trace.out, found))


def along(function: Function, inputs: Any, tangents: Any, keywords: dict[str, Any]) -> tuple[Trace, list[Any]]:
    """The function traced with respect to all its inputs, and one tangent for each of the ends."""
    if not isinstance(inputs, Sequence) or not isinstance(tangents, Sequence) or len(inputs) != len(tangents):
        raise TypeError("jvp and hvp take tuples of inputs and tangents, one for each: jvp(f, (x, y), (dx, dy)).")
    trace = Trace(function, range(len(inputs)), inputs, keywords)
    moves = [*fitting(trace.inputs, trace.ends, dict(enumerate(tangents)), "The tangent", "its input")]
    trace.of_values = trace.of_values or any(isinstance(move, Value) for move in moves)
    return trace, moves


def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """The function that returns all partial derivatives, shape `value.shape + input.shape`.

    Of trees: in the structure of the value, for each of its arrays the structure of the input (for a tuple of
    `argnums`, a tuple of these), as in JAX. One pass backward for each element of the value.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    >>> jacobian(lambda x, y: {"sum": x + y, "product": x * y}, argnums=(0, 1))(2.0, 5.0)
    {'sum': (1.0, 1.0), 'product': (5.0, 2.0)}
    """

    def differentiated(*inputs: Any, **keywords: Any) -> Any:
        trace = Trace(function, argnums, inputs, keywords)
        return trace.returned(trace.chosen(map(trace.out, partials(trace, result))) for result in trace.results)

    return differentiated


def partials(trace: Trace, result: Value) -> list[Any]:
    """All partial derivatives of one result, for each of the ends: a row for each element, stacked."""
    if not result.shape:
        return trace.pull(result, one(result), trace.of_values)
    rows = []
    for i in np.ndindex(*result.shape) if result.requires_grad else ():
        seed = np.zeros(result.shape, result.dtype)
        seed[i] = 1
        rows.append(trace.pull(result, seed, trace.of_values))
    if not rows:
        return [np.zeros((*result.shape, *end.shape), end.dtype) for end in trace.ends]
    stacked = zip(trace.ends, map(ops.stack, zip(*rows)), strict=True)
    blocks = [ops.reshape(block, shape=(*result.shape, *end.shape)) for end, block in stacked]
    return [block if end.shape else of_kind(block, result._data) for end, block in zip(trace.ends, blocks, strict=True)]


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """The function that returns all second derivatives, shape `value.shape + input.shape + input.shape`.

    For a scalar function that is `input.shape + input.shape`. Of trees, and for a tuple of `argnums`: a structure of
    blocks, that of the input within that of the input. `hvp` multiplies with it without computing it.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    >>> hessian(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 5.0)
    ((10.0, 6.0), (6.0, 0.0))
    """
    return jacobian(jacobian(function, argnums), argnums)


def hvp(function: Function, /, inputs: Sequence[Any], tangents: Sequence[Any], **keywords: Any) -> tuple[Any, Any]:
    """`(value, products)`: the Hessian of a scalar function times `tangents`, without computing the Hessian.

    `inputs` and `tangents` as in `jvp`; `products` is a tuple, one for each input and like it: how fast its gradient
    changes when the inputs move along `tangents`. The cost is that of a few gradients, whatever the number of elements
    (Pearlmutter, "Fast exact multiplication by the Hessian", 1994). Raises GradientError as `grad` and `jvp` do.

    >>> hvp(lambda x: x[0] ** 2 * x[1], (np.array([3.0, 5.0]),), (np.array([1.0, 0.0]),))
    (45.0, (array([10.,  6.]),))
    """
    both = lambda *xs, **others: value_and_grad(function, range(len(xs)))(*xs, **others)  # noqa: E731
    trace, moves = along(both, inputs, tangents, keywords)
    value, *slopes = trace.results
    return trace.out(value), trace.pull_all(slopes, moves)  # the Hessian is symmetric: the way back is the way forward
