"""What an error says: the operation, the labels and the shapes at hand, the user's own line, the remedy."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import ops
from .recording import Line


class GradientError(RuntimeError):
    """A derivative was asked for that cannot be right; the message says why and what to write instead."""


def named(x: Any) -> str:
    """How an error speaks of a Value: its label, and its shape if it has one."""
    name = x.label or "A value"
    return f"{name} of shape {ops.shape(x)}" if ops.shape(x) else name


def stale(x: Any, op: ops.Op) -> GradientError:
    """The numbers that were used are gone."""
    name = named(x) if hasattr(x, "label") else f"An array of shape {ops.shape(x)}"
    return GradientError(
        f"{name} was changed in place after {op.name} had used it. Compute the result again before backward(), "
        "or write v.data = v.data - step instead of v.data -= step."
    )


def no_seed(x: Any) -> GradientError:
    """An array has no gradient of its own accord."""
    return GradientError(
        f"{named(x)} is not a scalar, so its gradient needs a seed of that shape. "
        "Did you mean v.sum().backward() or v.mean().backward()?"
    )


def described(x: Any) -> str:
    """An operand in a formula: its label, and its shape or number."""
    text = f"{ops.shape(x) or getattr(x, '_data', x)}"
    label = getattr(x, "label", None)
    return text if label is None else f"{label} {text}" if ops.shape(x) else f"{label} = {text}"


def refusal(op: ops.Op, operands: tuple[Any, ...], error: Exception) -> Exception:
    """NumPy's error again, with the operation, the labels and the shapes."""
    if isinstance(error, GradientError):  # it says everything
        return error
    text = str(error).splitlines()[0]
    if "broadcast" in text and len(operands) == 2:
        text = "the shapes do not broadcast. Aligned from the right, two lengths must be equal, or one of them 1."
    elif "mismatch in its core dimension" in text:
        text = "the last length on the left must be the last but one on the right (or its only one)."
    elif "does not have enough dimensions" in text:
        text = "a single number has no matrix product, write * instead of @."
    of = f"{op.name} of {', '.join(map(described, operands))}"
    if op.arity == 2:
        of = op.written.format(*map(described, operands))
    kinds = (np.exceptions.AxisError, np.linalg.LinAlgError, IndexError, ValueError, TypeError)
    return next(kind for kind in kinds if isinstance(error, kind))(f"{of}: {text}")


def users_line() -> str:
    """Where the caller's own code stands: file, line number and text of the nearest frame outside this package."""
    import linecache

    frame, here = sys._getframe(1), __file__.rpartition("errors")[0]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f"{file}, line {line}: {linecache.getline(file, line).strip()}"


def check_finite(op: ops.Op, operands: tuple[Any, ...], data: Any) -> str:
    """In anomaly mode: a result that is nan is an error; otherwise the line that asked for it."""
    line = users_line()
    if np.any(data != data):  # only nan is not equal to itself
        raise GradientError(f"{op.name} of {', '.join(map(described, operands))} gave nan, at {line}")
    return line


def check_gain(node: Any, operand: Any, gain: Any) -> None:
    """In anomaly mode: a contribution that is nan is an error, and so is an array that was changed since."""
    line = node.scope if isinstance(node.scope, Line) else None
    for x, number, copy in zip(node.operands, node.numbers, line.copies if line else ()):
        if copy is not None and not np.array_equal(number, copy, equal_nan=True):
            raise stale(x, node.op)
    numbers = getattr(gain, "_data", gain)
    if np.any(numbers != numbers):
        place = line.name if line else "a line outside detect_anomaly()"
        raise GradientError(f"The gradient of {described(operand)} through {node.op.name} is nan; recorded at {place}")
