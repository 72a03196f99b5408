"""Optimizers: how a gradient changes a parameter. The updates are those of PyTorch, to the letter."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import GradientError
from ..value import Value


class Optimizer:
    """The base: a list of parameters, a learning rate, `step()` and `zero_grad()`; a subclass writes `update`."""

    def __init__(self, parameters: Iterable[Value], lr: float) -> None:
        self.parameters, self.lr = list(parameters), lr
        if not self.parameters:
            raise ValueError("There are no parameters to train: pass model.parameters().")
        if stray := next((p for p in self.parameters if not isinstance(p, Value)), None):
            raise TypeError(f"An optimizer changes Values, not {type(stray).__name__}: pass model.parameters().")
        if not lr >= 0:
            raise ValueError(f"The learning rate must not be negative: {lr}.")
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]
        self.steps = 0

    def step(self) -> None:
        """Change every parameter by its gradient. GradientError if there is none, a warning if one is missing."""
        self.steps += 1
        update, missing = self.update, []
        for parameter, state in zip(self.parameters, self.state):
            if (grad := parameter.grad) is None:
                missing.append(parameter)
            else:
                grad = grad._data if isinstance(grad, Value) else grad  # of backward(create_graph=True)
                parameter.data = update(parameter._data, grad, state)
        if len(missing) == len(self.parameters):
            raise GradientError("No parameter has a gradient: call loss.backward() before step().")
        if missing and self.steps == 1:
            names = ", ".join(p.label or "unnamed" for p in missing)
            warnings.warn(f"The loss does not depend on {names}: no gradient arrived there.", stacklevel=2)

    def update(self, data: Any, grad: Any, state: dict[str, Any]) -> Any:
        """The new data, an array changed in place; what must last from step to step is kept in `state`."""
        raise TypeError(f"{type(self).__name__} has no update(data, grad, state).")

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward() starts afresh."""
        for parameter in self.parameters:
            parameter.grad = None


class SGD(Optimizer):
    """Stochastic gradient descent: `data -= lr * grad`; with momentum `v = momentum * v + grad; data -= lr * v`.

    The velocity starts as the first gradient, and the learning rate multiplies it at each step (PyTorch's form; in
    Sutskever et al. 2013 and Keras it is inside the velocity, which differs only when the rate changes).

    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.data
    0.8
    """

    def __init__(self, parameters: Iterable[Value], lr: float, momentum: float = 0.0) -> None:
        super().__init__(parameters, lr)
        if not momentum >= 0:
            raise ValueError(f"The momentum must not be negative: {momentum}.")
        self.momentum = momentum

    def update(self, data: Any, grad: Any, state: dict[str, Any]) -> Any:
        """One step down the gradient, or along the velocity."""
        if self.momentum:
            grad = state["velocity"] = self.momentum * state["velocity"] + grad if state else 1 * grad
        data -= self.lr * grad
        return data


class Adam(Optimizer):
    """Adam: each number moves by its mean gradient over the root of its mean squared gradient, both bias-corrected.

    Source: Kingma & Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1, with epsilon added to the root
    as in PyTorch.

    >>> w = Value(1.0)
    >>> (w * w).backward()
    >>> Adam([w], lr=0.1).step()
    >>> round(w.data, 6)
    0.9
    """

    def __init__(
        self, parameters: Iterable[Value], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr)
        if not (0 <= betas[0] < 1 and 0 <= betas[1] < 1):
            raise ValueError(f"Each beta must be at least 0 and less than 1: {betas}.")
        self.betas, self.eps = betas, eps

    def update(self, data: Any, grad: Any, state: dict[str, Any]) -> Any:
        """One step of the mean gradient over the root of the mean square."""
        (b1, b2), t = self.betas, self.steps
        mean, square = state.get("mean", 0.0 * grad), state.get("square", 0.0 * grad)
        mean *= b1
        mean += (1 - b1) * grad
        square *= b2
        square += (1 - b2) * grad * grad
        state["mean"], state["square"] = mean, square
        data -= (self.lr / (1 - b1**t)) * mean / (np.sqrt(square) / math.sqrt(1 - b2**t) + self.eps)
        return data
