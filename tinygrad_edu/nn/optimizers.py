"""Optimizers: how a gradient changes a parameter. The updates are those of PyTorch, to the letter."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import ops
from ..errors import GradientError, named
from ..recording import STATE
from ..value import Value


BLOCK = 2**18  # bytes of a large array that are updated at once


class Optimizer:
    """The base: a list of parameters, a learning rate, `step()` and `zero_grad()`; a subclass writes `update`.

    A class that writes `update` says `elementwise = True` if the update of each number depends on nothing but the data,
    gradient and state at that place: large arrays are then updated block by block.
    """

    elementwise = False
    overridden = False  # whether a subclass has a step() of its own

    def __init_subclass__(cls) -> None:
        if "update" in vars(cls) and "elementwise" not in vars(cls):
            cls.elementwise = False  # not taken over with another update, which may need the whole array
        if "step" in vars(cls):
            cls.overridden = True

    def __init__(self, parameters: Iterable[Value], lr: float) -> None:
        self.parameters, self.lr = list(parameters), lr
        if not self.parameters:
            raise ValueError("There are no parameters to train: pass model.parameters().")
        if stray := next((p for p in self.parameters if not isinstance(p, Value)), None):
            raise TypeError(f"An optimizer changes Values, not {type(stray).__name__}: pass model.parameters().")
        if (result := next((p for p in self.parameters if p.op is not None), None)) is not None:
            raise ValueError(f"{named(result)} is the result of an operation: an optimizer changes leaves.")
        if len({*self.parameters}) < len(self.parameters):
            raise ValueError("A parameter is given twice: each step would change it twice.")
        if not lr >= 0:
            raise ValueError(f"The learning rate must not be negative: {lr}.")
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]
        self.steps = 0

    def step(self) -> None:
        """Change every parameter by its gradient. GradientError if there is none, a warning if one is missing."""
        if STATE.trace is not None:
            raise STATE.trace.refusal(self.parameters[0])
        self.steps += 1
        update, missing, large = self.update, [], 2 * BLOCK if self.elementwise else math.inf
        for parameter, state in zip(self.parameters, self.state):
            data, grad = parameter._data, parameter.grad
            if grad is None:
                missing.append(parameter)
                continue
            if grad.__class__ is Value:  # of backward(create_graph=True)
                grad = grad._data
            if data.__class__ is np.ndarray and data.nbytes > large:
                new = self.in_blocks(data, grad, state)
            else:
                new = update(data, grad, state)
            if new is data and parameter.op is None and new.__class__ is np.ndarray:
                parameter._data = new.view()  # what the assignment below does, without asking
            else:
                parameter.data = new
        if len(missing) == len(self.parameters):
            raise GradientError("No parameter has a gradient: call loss.backward() before step().")
        if missing and self.steps == 1:
            names = ", ".join(p.label or "unnamed" for p in missing)
            warnings.warn(f"The loss does not depend on {names}: no gradient arrived there.", stacklevel=2)

    def update(self, data: Any, grad: Any, state: dict[str, Any]) -> Any:
        """The new data, an array changed in place; what must last from step to step is kept in `state`."""
        raise TypeError(f"{type(self).__name__} has no update(data, grad, state).")

    def in_blocks(self, data: Any, grad: Any, state: dict[str, Any]) -> Any:
        """The update of a large array, some rows at a time.

        What is computed on the way is small then. As large as the parameter it would be given back to the operating
        system after each step, and fetching it anew takes several times as long as the update.
        """
        rows, known = max(1, BLOCK * len(data) // data.nbytes), [*state]
        for start in range(0, len(data), rows):
            block = slice(start, start + rows)
            part, here = data[block], {name: state[name][block] for name in known}
            before = dict(here)
            if (changed := self.update(part, grad[block], here)) is not part:
                data[block] = changed
            for name, x in here.items():
                if name not in state:
                    state[name] = np.empty(data.shape, x.dtype)
                if x is not before.get(name):
                    state[name][block] = x
        return data

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

    elementwise = True

    def __init__(self, parameters: Iterable[Value], lr: float, momentum: float = 0.0) -> None:
        super().__init__(parameters, lr)
        if not momentum >= 0:
            raise ValueError(f"The momentum must not be negative: {momentum}.")
        self.momentum = momentum

    def update(self, data: Any, grad: Any, state: dict[str, Any]) -> Any:
        """One step down the gradient, or along the velocity."""
        if self.momentum:
            velocity = state.get("velocity", 0.0)
            velocity *= self.momentum
            velocity += grad
            grad = state["velocity"] = velocity
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

    elementwise = True

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
        mean, square = state.get("mean", 0.0), state.get("square", 0.0)
        mean *= b1
        mean += (1 - b1) * grad
        square *= b2
        square += (1 - b2) * grad * grad
        state["mean"], state["square"] = mean, square
        data -= (self.lr / (1 - b1**t)) * mean / (np.sqrt(square) / ops.sqrt(1 - b2**t) + self.eps)
        return data
