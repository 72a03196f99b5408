"""fit, predict and evaluate: the training loop, written out once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import program
from ..errors import GradientError
from ..recording import no_grad
from ..value import Value
from . import losses, optimizers
from .losses import plain

if TYPE_CHECKING:
    from .module import Module

Loss = Callable[[Any, Any], Any]
LOSSES: dict[str, Loss] = {
    name: getattr(losses, name) for name in ("mse", "sum_squared_error", "cross_entropy", "binary_cross_entropy")
}
OPTIMIZERS: dict[str, Any] = {"sgd": lambda p: optimizers.SGD(p, 0.01), "adam": optimizers.Adam}


class History:
    """What was measured after each epoch: `history["loss"]` is a list of one number per epoch; printed, a table.

    >>> history = History()
    >>> history.add({"loss": 0.5, "accuracy": 0.75})
    >>> history["loss"], history.epochs
    ([0.5], 1)
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}

    def add(self, measured: dict[str, float]) -> None:
        """Append one epoch's numbers."""
        for name, number in measured.items():
            self.history.setdefault(name, []).append(number)

    @property
    def epochs(self) -> int:
        """How many epochs were run."""
        return len(self.history.get("loss", []))

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.history:
            raise KeyError(f"{name!r} was not measured; there is {', '.join(self.history) or 'nothing yet'}.")
        return self.history[name]

    def __repr__(self) -> str:
        rows = ["epoch  " + "  ".join(f"{name:>{max(8, len(name))}}" for name in self.history)]
        for epoch, numbers in enumerate(zip(*self.history.values(), strict=True), 1):
            cells = (f"{x:>{max(8, len(name))}.4g}" for name, x in zip(self.history, numbers, strict=True))
            rows.append(f"{epoch:>5}  " + "  ".join(cells))
        return "\n".join(rows)


def fit(
    self: Module, x: Any, y: Any, *, loss: str | Loss = "mse", optimizer: Any = "sgd", epochs: int = 1,
    batch_size: int | None = 32, validation_data: tuple[Any, Any] | None = None,
    seed: int | np.random.Generator | None = None, verbose: bool = True, compiled: bool = False,
) -> History:  # fmt: skip
    """Train on `x` (one row per example) and targets `y`; returns the History.

    `loss` and `optimizer` are names ("mse", "cross_entropy", ...; "sgd", "adam") or objects: any function of
    (prediction, target), an optimizer over this model's parameters. The rows are shuffled anew in each epoch from
    `seed`; `batch_size=None` takes them all at once. With `validation_data=(x, y)` it is measured after each epoch.
    `verbose=False` hides the progress bar. With `compiled=True` the step is compiled (`tg.compile`): the same numbers,
    faster, if the model decides nothing by its data; a loss that is not finite is then noticed a step late.
    Raises ValueError for lengths that differ and GradientError when the loss is no longer finite.

    >>> from tinygrad_edu import datasets, nn
    >>> model = nn.Sequential(nn.Dense(2, 8, "tanh", seed=0), nn.Dense(8, 2, seed=1))
    >>> x, y = datasets.xor()
    >>> history = model.fit(x, y, loss="cross_entropy", optimizer=nn.Adam(model.parameters(), lr=0.05), epochs=200,
    ...                     seed=0, verbose=False)
    >>> history["accuracy"][-1]
    1.0
    """
    from tqdm.auto import tqdm

    x, y = rows(x, y)
    cost, optimizer = chosen(loss, LOSSES, "loss"), chosen(optimizer, OPTIMIZERS, "optimizer")
    if not isinstance(optimizer, optimizers.Optimizer):
        optimizer = optimizer(self.parameters())
    if epochs < 1 or (batch_size is not None and batch_size < 1):
        raise ValueError(f"epochs and batch_size must be at least 1, not {epochs} and {batch_size}.")
    batch_size, generator, history = batch_size or len(x), np.random.default_rng(seed), History()

    def step(inputs: Any, targets: Any) -> tuple[Any, Any]:
        prediction = self(inputs)
        return scalar(cost(prediction, targets)), prediction

    room = None
    if compiled:  # nothing of a step outlives it, so that all can have their inputs in one place
        step = program.compile(step, optimizer=optimizer, has_aux=True)
        room = np.empty((min(batch_size, len(x)), *x.shape[1:]), x.dtype)
    bar = tqdm(total=epochs * math.ceil(len(x) / batch_size), disable=not verbose, unit="batch")
    with bar, np.errstate(all="ignore"):  # a loss that is not finite is said below, once
        for epoch in range(1, epochs + 1):
            bar.set_description(f"epoch {epoch}/{epochs}")
            measure = Measure(cost)
            for batch in batches(len(x), batch_size, generator):
                inputs, targets = taken(x, batch, room), y[batch]
                value, prediction = step(inputs, targets)
                measure.add(value, prediction, targets)
                if not math.isfinite(plain(value)):
                    raise GradientError(
                        f"The loss became {plain(value)} in epoch {epoch}. The learning rate {optimizer.lr} may be too "
                        "large, or a number in x or y is not finite; tg.detect_anomaly() names the operation."
                    )
                if not compiled:
                    optimizer.zero_grad()
                    value.backward()
                    optimizer.step()
                bar.update()
            measured = measure.result()
            if validation_data is not None:
                tested = evaluate(self, *validation_data, loss=cost)
                measured |= {f"val_{name}": number for name, number in tested.items()}
            history.add(measured)
            bar.set_postfix({name: f"{number:.4g}" for name, number in measured.items()})
    return history


def predict(self: Module, x: Any, batch_size: int = 1024) -> Any:
    """The model's results for `x` as a plain array, one row per example; nothing is recorded."""
    x = np.asarray(x)
    if not x.ndim:
        raise ValueError("predict takes rows of numbers, not one number of shape ().")
    with no_grad():
        parts = [np.atleast_1d(plain(self(x[batch]))) for batch in batches(len(x), batch_size)]
        return np.concatenate(parts) if parts else plain(self(x))


def evaluate(self: Module, x: Any, y: Any, *, loss: str | Loss = "mse", batch_size: int = 1024) -> dict[str, float]:
    """The mean loss over all rows and, where the loss is one of classes, the accuracy, in a dictionary."""
    x, y = rows(x, y)
    cost = chosen(loss, LOSSES, "loss")
    measure = Measure(cost)
    with no_grad():
        for batch in batches(len(x), batch_size):
            prediction = self(x[batch])
            measure.add(scalar(cost(prediction, y[batch])), prediction, y[batch])
    return measure.result()


def scalar(value: Any) -> Value:
    """The loss of a batch; GradientError for what is none."""
    if not isinstance(value, Value) or value.shape:
        raise GradientError(f"The loss of a batch must be a scalar Value, not {value!r:.80}.")
    return value


class Measure:
    """Loss and accuracy over the batches of an epoch, each row counting once."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.total, self.right, self.count = loss, 0.0, 0, 0

    def add(self, value: Any, prediction: Any, target: Any) -> None:
        """Take in one batch."""
        size = len(target)
        self.total += plain(value) * (1 if self.loss is losses.sum_squared_error else size)
        self.count += size
        if self.loss is losses.cross_entropy:
            labels = target if target.ndim == 1 else target.argmax(-1)
            self.right += int(np.count_nonzero(plain(prediction).argmax(-1) == labels))
        elif self.loss is losses.binary_cross_entropy:
            self.right += int(((plain(prediction) > 0.5) == (target > 0.5)).reshape(size, -1).all(-1).sum())

    def result(self) -> dict[str, float]:
        """The epoch's numbers."""
        measured = {"loss": self.total if self.loss is losses.sum_squared_error else self.total / self.count}
        if self.loss in (losses.cross_entropy, losses.binary_cross_entropy):
            measured["accuracy"] = self.right / self.count
        return measured


def batches(length: int, size: int, generator: np.random.Generator | None = None) -> Iterator[Any]:
    """Stretches of row numbers, shuffled if there is a generator."""
    order = slice if generator is None else generator.permutation(length)
    for start in range(0, length, size):
        yield slice(start, start + size) if generator is None else order[start : start + size]


def taken(x: Any, batch: Any, room: Any) -> Any:
    """Some rows, in an array that is there already if there is one: fetching memory takes as long as the copying."""
    return x[batch] if room is None else x.take(batch, axis=0, out=room[: len(batch)], mode="clip")


def rows(x: Any, y: Any) -> tuple[Any, Any]:
    """Inputs and targets as arrays of equal length, at least 1."""
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
        raise ValueError(f"x and y need equally many rows, at least one; their shapes are {x.shape} and {y.shape}.")
    return x, y


def chosen(given: Any, known: dict[str, Any], kind: str) -> Any:
    """The object itself, or the one of that name."""
    if isinstance(given, str) and given not in known:
        raise ValueError(f"Unknown {kind} {given!r}: use one of {', '.join(known)}, or pass your own.")
    return known[given] if isinstance(given, str) else given
