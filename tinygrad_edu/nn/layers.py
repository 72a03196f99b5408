"""Layers: Dense, and the activations as layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops, rows
from ..arrays import astype
from ..recording import STATE
from ..value import Value
from .module import Module

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    name: ops.TABLE[name] for name in ("relu", "sigmoid", "tanh", "softplus", "softmax", "log_softmax")
}


class Dense(Module):
    """Each input connected to each unit: activation(x @ weight + bias).

    Shapes (batch, inputs) -> (batch, units).

    `weight` is (inputs, units), drawn uniformly from ±sqrt(6 / (inputs + units)); `bias` is (units,), zero.
    `activation` is a name ("relu", "sigmoid", "tanh", ...), a function or None. `seed` is an int or a numpy Generator:
    the same seed gives the same bits. Raises ValueError for an unknown activation or an input of another length.

    Source of the limits: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.

    >>> layer = Dense(3, 2, "relu", seed=0)
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self, inputs: int, units: int, activation: str | Callable[..., Any] | None = None, *, bias: bool = True,
        dtype: Any = np.float32, seed: int | np.random.Generator | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f"Unknown activation {activation!r}: use one of {', '.join(ACTIVATIONS)}, or a function.")
        if activation is not None and not isinstance(activation, str) and not callable(activation):
            raise TypeError(f"The activation must be a name, a function or None, not {activation!r}.")
        if np.dtype(dtype).kind != "f":
            raise ValueError(f"The dtype of a layer must be a kind of float, not {np.dtype(dtype)}.")
        if inputs < 1 or units < 1:
            raise ValueError(f"A Dense layer needs at least one input and one unit, not {inputs} and {units}.")
        limit = math.sqrt(6 / (inputs + units))
        drawn = np.random.default_rng(seed).uniform(-limit, limit, (inputs, units))
        self.weight = Value(drawn.astype(dtype), "weight")
        self.bias = Value(np.zeros(units, dtype), "bias") if bias else None
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.name = name

    def forward(self, x: Any) -> Any:
        """activation(x @ weight + bias) for `x` of shape (..., inputs)."""
        weight = self.weight
        if x.__class__ is not Value:
            x = np.asarray(x, weight._data.dtype)
        elif not x.requires_grad and ops.dtype(x._data) != weight._data.dtype:  # data, as an array is
            x = astype(x, weight._data.dtype)
        operands = (x, weight) if self.bias is None else (x, weight, self.bias)
        try:
            z = weight.apply_op(ops.matmul if self.bias is None else ops.linear, operands)
        except ValueError:
            inputs, units = weight.shape
            raise ValueError(
                f"Dense({inputs}, {units}) takes rows of {inputs} numbers; this input has shape {x.shape}."
            ) from None
        return z if self.activation is None else self.activation(z)

    def __repr__(self) -> str:
        inputs, units = self.weight.shape
        function = "" if self.activation is None else f", {getattr(self.activation, '__name__', self.activation)!r}"
        return f"Dense({inputs}, {units}{function})"


class Dropout(Module):
    """Each number becomes 0 with probability `rate`, the others are divided by 1 - rate: their mean stays.

    Only while gradients are recorded; under `no_grad`, and so in `predict` and `evaluate`, nothing is dropped. `seed`
    is an int or a numpy Generator. Raises ValueError for a rate that is not at least 0 and less than 1.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    >>> drop = Dropout(0.5, seed=0)
    >>> drop(Value([1.0, 1.0, 1.0, 1.0])).data
    array([2., 0., 0., 0.])
    """

    def __init__(
        self, rate: float = 0.5, *, seed: int | np.random.Generator | None = None, name: str | None = None
    ) -> None:  # fmt: skip
        if not 0 <= rate < 1:
            raise ValueError(f"The rate must be at least 0 and less than 1, not {rate}.")
        self.rate, self.generator, self.name = rate, np.random.default_rng(seed), name

    def forward(self, x: Any) -> Any:
        """`x` with some of its numbers dropped, of the same shape."""
        if not STATE.recording or not self.rate:
            return x
        keep = rows.random(x, generator=self.generator) >= self.rate
        return ops.where(keep, x / (1 - self.rate), 0)

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"


class Activation(Module):
    """The base of the activation layers: one function of the table, applied to each element (or each row)."""

    function: Callable[..., Any]

    def forward(self, x: Any) -> Any:
        """The function of `x`, of the same shape."""
        return type(self).function(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(Activation):
    """max(0, x)."""

    function = ops.relu


class Sigmoid(Activation):
    """1 / (1 + exp(-x)), the workshop's and Rashid's activation."""

    function = ops.sigmoid


class Tanh(Activation):
    """The hyperbolic tangent."""

    function = ops.tanh


class Softplus(Activation):
    """log(1 + exp(x)), a smooth relu."""

    function = ops.softplus


class Softmax(Activation):
    """Positive numbers that add up to 1 along the last axis. For training, use logits and `cross_entropy` instead."""

    function = ops.softmax


class LogSoftmax(Activation):
    """The logarithm of softmax along the last axis."""

    function = ops.log_softmax
