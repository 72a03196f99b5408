"""Losses: one number that says how far predictions are from targets. Each is composed of rows of the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functions, ops
from ..arrays import astype
from ..recording import inside
from ..value import Value


def mse(prediction: Any, target: Any) -> Any:
    """The mean squared error, mean((prediction - target)**2). Shapes must be equal: (n,) against (n, 1) is an error.

    >>> mse(Value([1.0, 2.0]), [1.0, 4.0]).data
    2.0
    """
    return functions.mean(ops.square(prediction - matching(prediction, target, "mse")))


def sum_squared_error(prediction: Any, target: Any) -> Any:
    """The sum of squared errors, the cost Σ (a(xᵢ) - yᵢ)² of the Electric Square workshop; shapes as in `mse`.

    >>> sum_squared_error(Value([1.0, 2.0]), [1.0, 4.0]).data
    4.0
    """
    return ops.sum(ops.square(prediction - matching(prediction, target, "sum_squared_error")))


def cross_entropy(logits: Any, target: Any) -> Any:
    """The mean of -log(probability of the right class), with probabilities softmax(logits).

    `logits` is (batch, classes), any real numbers, large ones too; `target` is (batch,) integer labels, or
    (batch, classes) probabilities such as one-hot rows. Raises ValueError for other shapes or a label that is no class.

    >>> round(cross_entropy(Value([[2.0, 0.0], [0.0, 0.0]]), [0, 1]).data, 4)
    0.41
    """
    target = target if target.__class__ is Value else np.asarray(target)
    shape = logits.shape
    if len(shape) == 2 and target.shape == shape[:1] and (target.__class__ is Value or target.dtype.kind in "iu"):
        return ops.cross_entropy(logits, target)
    if len(shape) == 2 and target.shape == shape and shape[0]:
        target = matching(logits, target, "cross_entropy")
        if np.min(plain(target)) < 0 or not np.allclose(np.sum(plain(target), axis=1), 1, atol=1e-4):
            raise ValueError("cross_entropy: the rows of the target must be probabilities: not negative, with sum 1.")
        return ops.sum(target * ops.log_softmax(logits, axis=-1)) / -shape[0]
    if len(shape) != 2 or not shape[0]:
        raise ValueError(f"cross_entropy takes logits of shape (batch, classes), not {shape}; at least one row.")
    raise ValueError(
        f"cross_entropy takes a target of ({shape[0]},) integers or {shape} probabilities for logits of shape {shape}, "
        f"not {target.dtype} of shape {target.shape}."
    )


def binary_cross_entropy(prediction: Any, target: Any, from_logits: bool = False) -> Any:
    """The mean of -log(probability of what was true), for targets 0 and 1 (or between) of the prediction's shape.

    `prediction` holds probabilities, kept 1e-7 away from 0 and 1 as in Keras; with `from_logits` it holds the numbers
    before the sigmoid, which is exact for large ones too.

    >>> round(binary_cross_entropy(Value([0.5, 0.9]), [0, 1]).data, 4)
    0.3993
    """
    target = matching(prediction, target, "binary_cross_entropy")
    if from_logits:
        return inside("binary_cross_entropy", "composite", of_logits, (prediction, target), {})
    for name, x in (("prediction", prediction), ("target", target)):
        if np.size(x) and not (np.min(plain(x)) >= 0 and np.max(plain(x)) <= 1):
            raise ValueError(
                f"binary_cross_entropy: the {name} must lie between 0 and 1; logits need from_logits=True."
            )
    return inside("binary_cross_entropy", "composite", of_probabilities, (prediction, target), {})


def of_logits(z: Any, target: Any) -> Any:
    """The binary cross-entropy of numbers before the sigmoid."""
    return functions.mean(ops.softplus(z) - z * target)


def of_probabilities(p: Any, target: Any) -> Any:
    """The binary cross-entropy of probabilities."""
    p = functions.clip(p, 1e-7, 1 - 1e-7)
    return -functions.mean(target * ops.log(p) + (1 - target) * ops.log(1 - p))


def plain(x: Any) -> Any:
    """The numbers of a Value; anything else as it is."""
    return x._data if isinstance(x, Value) else x


def matching(prediction: Any, target: Any, loss: str) -> Any:
    """The target in the prediction's dtype; an error if their shapes would only broadcast, which trains nonsense."""
    if ops.shape(prediction) != np.shape(target):
        raise ValueError(
            f"{loss}: the prediction has shape {ops.shape(prediction)}, the target {np.shape(target)}. They would "
            "broadcast to something else than pairs: reshape one, e.g. prediction.squeeze(-1) or target[:, None]."
        )
    if not isinstance(target, Value):
        return np.asarray(target, ops.dtype(prediction))
    same = target.requires_grad or not target.shape or target.dtype == prediction.dtype
    return target if same else astype(target, prediction.dtype)
