"""Tasks that are made up for a worksheet: a graph of the difficulty wanted, on numbers that stay short."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..functions import mean
from ..value import Value
from .steps import Walk

POOL = [sign * x for x in (2.0, 3.0, 0.5, 1.5, 2.5, 4.0, 5.0) for sign in (1, -1)]  # no 0 and no 1: they hide mistakes
SMALL = POOL[:8]  # in arrays, of which the products are summed
GIVEN = "XT"  # data and targets: constants
TRIES, NUDGE = 20_000, 1e-3


class Task(NamedTuple):
    """The leaves, with the shapes of those that are no single numbers; the loss; whether answers have to be rounded."""

    leaves: str
    loss: Callable[..., Any]
    rounded: bool = False


TASKS = {
    1: [
        Task("a b c", lambda a, b, c: (a + b) * c),
        Task("a b c", lambda a, b, c: a * (b + c)),
        Task("a b c", lambda a, b, c: (a - b) * c),
        Task("a b c", lambda a, b, c: a * (b - c)),
    ],
    2: [
        Task("a b", lambda a, b: (a + b) * a),
        Task("a b c", lambda a, b, c: (a - b) * (a + c)),
        Task("a b c", lambda a, b, c: (a * b + c) * a),
        Task("a b c", lambda a, b, c: (d := a * b) * (d + c)),
        Task("a b c", lambda a, b, c: ((d := a - b) + c) * d),
    ],
    3: [
        Task("a b c", lambda a, b, c: ((a - b) / c) ** 2),
        Task("a b c", lambda a, b, c: (a / b + c) ** 2),
        Task("a b c", lambda a, b, c: ops.relu(a * b + c) / a),
        Task("a b c", lambda a, b, c: ops.relu(a - b) ** 2 / c),
        Task("a b c", lambda a, b, c: (d := ops.relu(a + b)) ** 2 - d * c),
        Task("a b c", lambda a, b, c: ops.relu(a * b) * (b / c)),
    ],
    4: [
        Task("a b c", lambda a, b, c: ops.sigmoid(a * b + c) * a, True),
        Task("a b c", lambda a, b, c: ops.tanh(a * b + c) * b, True),
        Task("a b c d", lambda a, b, c, d: (ops.sigmoid(a * b + c) - d) ** 2, True),
        Task("a b c", lambda a, b, c: ops.exp(a * b) * (b + c), True),
        Task("a b c", lambda a, b, c: ops.tanh(a - b) * ops.exp(c * b), True),
        Task("a b c", lambda a, b, c: ops.exp(d := a * b) / (d + c), True),
    ],
    5: [
        Task("X:2,2 W:2,1 b:1 T:2,1", lambda X, W, b, T: mean((ops.linear(X, W, b) - T) ** 2)),
        Task("X:2,3 W:3,1 b:1 T:2,1", lambda X, W, b, T: mean((X @ W + b - T) ** 2)),
        Task("X:2,2 W:2,2 b:2", lambda X, W, b: mean(ops.relu(ops.linear(X, W, b)) ** 2)),
        Task("X:1,2 W:2,2 b:2 T:1,2", lambda X, W, b, T: mean((ops.relu(X @ W + b) - T) ** 2)),
    ],
}  # fmt: skip


def made_up(seed: int, difficulty: int) -> Value:
    """The loss of a task: the same seed gives the same numbers, to the last bit."""
    random = np.random.default_rng([seed, difficulty])
    tasks = TASKS[difficulty]
    while True:
        task = tasks[random.integers(len(tasks))]
        for _ in range(TRIES):
            numbers = drawn(task, random)
            if fits(task, numbers):
                return built(task, numbers)


def drawn(task: Task, random: np.random.Generator) -> dict[str, Any]:
    """Numbers for the leaves: no two alike in an array, nor among the single numbers, not even but for the sign."""
    shapes = {name: tuple(map(int, filter(None, shape.split(",")))) for name, _, shape in parts(task.leaves)}
    singles = iter(random.permutation(len(POOL) // 2))
    numbers = dict[str, Any]()
    for name, shape in shapes.items():
        if shape:
            numbers[name] = random.permutation(SMALL)[: math.prod(shape)].reshape(shape)
        else:
            numbers[name] = POOL[2 * next(singles) + random.integers(2)]
    return numbers


def parts(leaves: str) -> list[tuple[str, str, str]]:
    """The leaves of a task, each as its name, a colon and its shape."""
    return [leaf.partition(":") for leaf in leaves.split()]


def built(task: Task, numbers: dict[str, Any], nudge: float = 0.0) -> Value:
    """The loss on these numbers, or on others close by."""
    leaves = [
        Value(np.multiply(x, 1 + nudge * math.sqrt(i + 2)), name, name not in GIVEN)
        for i, (name, x) in enumerate(numbers.items())
    ]
    loss: Value = task.loss(*leaves)
    return loss


def fits(task: Task, numbers: dict[str, Any]) -> bool:
    """Whether the numbers have both signs, what is asked is short, and no answer hides a mistake.

    That is one that is 0, 1 or like its neighbour by chance, which is to say no longer so on numbers close by; and an
    array of nothing but 0, where no slope leads further.
    """
    found = all_asked(built(task, numbers))
    asked = flat(found)
    if len({*np.sign(flat(numbers.values()))}) == 1 or not all(map(np.any, found)):
        return False
    if not (acceptable if task.rounded else short)(asked):
        return False
    close = flat(all_asked(built(task, numbers, NUDGE)))
    telling = np.isin(asked, (0, 1, -1)) <= (asked == close)
    different = (asked[1:] == asked[:-1]) <= np.isclose(close[1:], close[:-1], 1e-12, 0)
    return bool(np.all(telling) and np.all(different))


def all_asked(loss: Value) -> list[Any]:
    """Every number and array that a sheet asks for, one after the other."""
    steps = [step for step in Walk(loss).steps if step.kind != "seed"]
    return [x for step in steps for x in (step.contribution, step.after) if x is not None]


def flat(xs: Iterable[Any]) -> np.ndarray:
    """All the numbers of several arrays in a row."""
    return np.concatenate([np.ravel(x) for x in xs])


def short(x: np.ndarray) -> bool:
    """Whether all numbers are small, with at most two digits behind the point."""
    return bool(np.all(abs(x) < 50) and np.allclose(100 * x, np.round(100 * x), 0, 1e-9))


def acceptable(x: np.ndarray) -> bool:
    """Whether all numbers are of a size at which four digits say something: no function is saturated."""
    return bool(np.all(abs(x) < 30) and np.all(abs(x) > 0.03))
