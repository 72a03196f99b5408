"""The graphs of the example models: one step of training each, ready to be drawn, filmed or walked through."""

from __future__ import annotations

from collections.abc import Callable

from . import datasets, nn
from .value import Value


def xor_loss(hidden: int = 4, seed: int = 0) -> Value:
    """The loss of a small network, two inputs, tanh, two classes, on the four cases of XOR.

    >>> xor_loss().shape
    ()
    """
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, hidden, "tanh", seed=seed), nn.Dense(hidden, 2, seed=seed + 1))
    return loss_of(model, x, y)


def mnist_loss(batch: int = 64, hidden: int = 128, seed: int = 0) -> Value:
    """The loss of the MNIST network, 784 pixels, relu, ten classes, on the first images of the training set.

    >>> mnist_loss(batch=8, hidden=16).shape
    ()
    """
    x, y = datasets.mnist()[:2]
    model = nn.Sequential(nn.Dense(784, hidden, "relu", seed=seed), nn.Dense(hidden, 10, seed=seed + 1))
    return loss_of(model, x[:batch], y[:batch])


def loss_of(model: nn.Module, x: object, y: object) -> Value:
    """The cross-entropy of a model on a batch, with names for what goes in and what comes out."""
    logits = model(Value(x, "X", requires_grad=False))
    logits.label = "logits"
    loss: Value = nn.cross_entropy(logits, Value(y, "y", requires_grad=False))
    loss.label = "loss"
    return loss


MODELS: dict[str, Callable[[], Value]] = {"xor": xor_loss, "mnist": mnist_loss}
