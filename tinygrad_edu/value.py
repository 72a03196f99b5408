"""Value: a number, or an array of numbers, that remembers how it was computed."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import numpy as np

from . import ops
from .backward import sweep
from .errors import GradientError, check_finite, check_gain, named, no_seed, refusal
from .functions import Composite
from .kernels import FRACTIONS, number, real, without_fractions
from .operators import Operators
from .protocol import answer
from .recording import STATE, Line, Scope, inside

new, ndarray, pair = object.__new__, np.ndarray, attrgetter("left", "right", "left_number", "right_number")


class Value(Operators):
    """A number or array that remembers how it was computed, so that `backward()` can say how it depends on its parts.

    `data` is a number, a nested list or an array (copied; integers become float64, float32 stays, a Fraction stays
    exact). `label` names it in drawings and errors. With `requires_grad=False` it is a constant.
    Raises TypeError for anything that is not numbers.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> loss = a * b + a**2
    >>> loss.backward()
    >>> loss.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)
    """

    __slots__ = ("_data", "grad", "op", "many", "left", "right", "left_number", "right_number", "settings",
                 "requires_grad", "label", "scope", "__weakref__")  # fmt: skip

    def __init_subclass__(cls) -> None:
        raise TypeError("Value has no subclasses: keep a Value as an attribute of a class of your own.")

    def __init__(self, data: Any, label: str | None = None, requires_grad: bool = True) -> None:
        data = real(data)
        self._data = data.copy() if isinstance(data, ndarray) else data
        self.grad: Any = None
        self.op: ops.Op | None = None
        self.many: tuple[Any, ...] | None = ()
        self.settings: dict[str, Any] = ops.NOTHING
        self.requires_grad, self.label = requires_grad, label
        self.scope: Scope | None = None

    @staticmethod
    def node(data: Any, op: Any = None, inputs: Any = (), settings: Any = ops.NOTHING) -> Value:
        """A result as the engine makes it: nothing copied, nothing checked; a constant if it has no operation."""
        self = new(Value)
        self._data = data
        self.op = op
        self.many = inputs
        self.settings = settings
        self.grad = self.label = None
        self.requires_grad = op is not None
        self.scope = STATE.scope
        return self

    def apply_op(self, op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any] = ops.NOTHING) -> Any:
        """What an operation means for a Value: compute on the numbers, and remember which they were."""
        numbers, tracked, compute = [], False, op.scalar
        for x in operands:
            if x.__class__ is Value:
                if x.requires_grad:
                    tracked = True
                x = x._data
            elif x.__class__ is not float and (x.__class__ is not ndarray or x.dtype.char not in "fdlq" or not x.ndim):
                x = number(x)
            if x.__class__ is ndarray:
                compute = op.compute
            numbers.append(x)
        try:
            if FRACTIONS and compute is op.compute:
                numbers = without_fractions(numbers)
            data = compute(*numbers, **settings) if settings else compute(*numbers)
        except (ValueError, TypeError, IndexError, GradientError) as error:
            if STATE.trace is None or (data := STATE.trace.computed(op, numbers, settings)) is None:
                raise refusal(op, operands, error) from None
        if data.__class__ is not float and (data.__class__ is not ndarray or not data.ndim):
            data = ops.plain(data)
        line = check_finite(op, operands, data) if STATE.anomaly else ""
        if not (tracked and op.rules and STATE.recording):
            if STATE.trace is not None:
                return STATE.trace.kept(op, (*operands, *numbers), settings, data)
            return Value.node(data) if op.rules else data
        result: Any = new(Value)  # what node() does, without the call: scalar programs spend their time here
        result._data, result.op, result.settings = data, op, settings
        if len(numbers) == 2:
            result.many = None
            result.left, result.right = operands
            result.left_number, result.right_number = numbers
        else:
            result.many = (*operands, *numbers)
        result.grad = result.label = None
        result.requires_grad = True
        result.scope = Line(line, STATE.scope, numbers) if line else STATE.scope
        return result

    def apply_composite(self, function: Composite, operands: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        """What a composite means for a Value: its rows, recorded under its name."""
        return inside(function.name, "composite", function.function, operands, settings)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        return answer(ufunc, inputs, settings, "" if method == "__call__" else f".{method}")

    def __array_function__(self, function: Any, types: Any, args: Any, settings: Any) -> Any:
        return answer(function, args, settings)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.requires_grad:
            raise TypeError("An array of Values would cut the graph silently: write v.data, or tg.stack for a list.")
        return np.array(self.data, dtype=dtype)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("A Value is not changed in place: write v = tg.where(condition, new, v).")

    def backward(self, seed: Any = None, create_graph: bool = False) -> None:
        """Add the gradient of this value to the `grad` of every leaf under it; inner nodes get this pass's gradient.

        `seed` is the gradient of the loss with respect to this value, of its shape: 1 for a single number, required
        for more. With `create_graph` the gradients are Values themselves and can be differentiated again.
        Raises GradientError if there is nothing to differentiate or no seed.

        >>> x = Value([1.0, 2.0])
        >>> (x * x).backward(seed=[1.0, 1.0])
        >>> x.grad
        array([2., 4.])
        """
        g = seed_of(self, seed)
        if create_graph:
            g = seed if isinstance(seed, Value) else Value.node(g)
        arrived = sweep(self, g, None, create_graph, check_gain if STATE.anomaly else None)
        for book in STATE.books:
            book.add(self, arrived)
        for leaf, gradient in arrived.items():
            leaf.grad = gradient if leaf.grad is None else leaf.grad + gradient

    def zero_grad(self) -> None:
        """Forget the gradient, so that the next `backward()` starts afresh."""
        self.grad = None

    def detach(self) -> Value:
        """A copy of the numbers as a constant: no gradient flows through it."""
        return Value(self._data, self.label, requires_grad=False) if STATE.trace is None else STATE.trace.detached(self)

    @property
    def data(self) -> Any:
        """The number (float) or the array itself. A leaf may be given new data; a recorded graph keeps the old."""
        if STATE.trace is not None:
            raise STATE.trace.refusal(self)
        if self.op is None or self._data.__class__ is not ndarray:
            return self._data
        view = self._data.view()  # of a result, for reading: rules need these very numbers
        view.flags.writeable = False
        return view

    @data.setter
    def data(self, new: Any) -> None:
        if STATE.trace is not None:
            raise STATE.trace.refusal(self)
        if self.op is not None:
            raise GradientError(f"{named(self)} is the result of {self.op.name}: change the data of a leaf instead.")
        # `v.data -= step` has written into the very array; a view in its place lets a recorded graph notice.
        self._data = new.view() if new is self._data and new.__class__ is ndarray else real(new)

    inputs = property(lambda self: pair(self) if self.many is None else self.many, doc="Its operands, and numbers.")
    operands = property(lambda self: self.inputs[: len(self.inputs) // 2], doc="What it was computed from.")
    numbers = property(lambda self: self.inputs[len(self.inputs) // 2 :], doc="What the operands were at that time.")
    shape = property(lambda self: ops.shape(self._data), doc="The lengths along each axis; () for a scalar.")
    ndim = property(lambda self: len(self.shape), doc="The number of axes.")
    size = property(lambda self: int(np.size(self._data)), doc="The number of numbers.")
    dtype = property(lambda self: np.asarray(self._data).dtype, doc="The NumPy type of the numbers.")
    T = property(lambda self: ops.transpose(self), doc="The axes in reverse order.")

    # fmt: off
    def __float__(self) -> float:           return float(self.item())
    def __int__(self) -> int:               return int(self.item())
    def __bool__(self) -> bool:             return bool(self.data)
    def __iter__(self) -> Iterator[Any]:    return (self[i] for i in range(len(self)))
    def __format__(self, spec: str) -> str: return format(float(self), spec) if spec else str(self)
    # fmt: on

    def item(self) -> Any:
        """The one number as a Python number; ValueError if there are more."""
        return self.data.item() if self.shape else self.data

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"{named(self)} is a single number: it has no length and no parts.")
        return int(self.shape[0])

    def __repr__(self) -> str:
        text = np.array2string(self._data, separator=", ", prefix="Value(") if self.shape else str(self._data)
        label = "" if self.label is None else f", label={self.label!r}"
        return f"Value({text}{label}{'' if self.grad is None else f', grad={self.grad}'})"


def seed_of(value: Value, seed: Any) -> Any:
    """The gradient to begin with, as numbers in the dtype of the value: what was given, or 1 for a single number."""
    if not value.requires_grad:
        why = "nothing under it requires a gradient, or it was computed under no_grad()"
        raise GradientError(f"{named(value)} is a constant: {why}.")
    data = value.data
    if seed is None and isinstance(data, ndarray) and data.size != 1:
        raise no_seed(value)
    if seed is None:  # 1.0, or an exact Fraction
        return np.ones_like(data) if isinstance(data, ndarray) else data.__class__(1)
    g = seed._data if isinstance(seed, Value) else real(seed)
    if ops.shape(g) != value.shape:
        raise GradientError(f"The seed has shape {ops.shape(g)}, the value {value.shape}.")
    return g.astype(data.dtype) if isinstance(g, ndarray) else g
