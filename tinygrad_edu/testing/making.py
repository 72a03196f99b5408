"""The making of random programs: every operation gets numbers of its domain, away from kinks.

What is random about a program is asked of a `Source`: numbers from a seed (`Seeded`), or the draws of hypothesis, which
it knows how to make small.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .. import domains, functions, ops, rows
from .programs import Given, Program, Step, call, renamed
from .safety import COMPARISONS, MASKS, PLACES, SAFE, TIES, chosen, fits, floating, nearly_tied


class Source(Protocol):
    """Where a program gets what is random about it."""

    attempts: tuple[bool, ...]  # for each attempt at a step, whether all of its operands are to be new inputs
    dtype: Any

    def one_of(self, names: list[str]) -> str | None:
        """One of the variables there are, or None for a new one."""

    def narrower(self, names: list[str], inputs: int) -> str | None:
        """A variable to broadcast, or None for a new input."""

    def numbers(self, shape: tuple[int, ...], condition: str) -> Any:
        """Numbers for a new input."""

    def spread(self, row: Any, case: domains.Case) -> list[Any]:
        """Operands for a case, no two numbers equal or nearly so."""

    def comparison(self) -> ops.Op:
        """One of < <= > >=."""


class Seeded:
    """Random numbers from a NumPy generator."""

    attempts: tuple[bool, ...] = (False, False, False, True)

    def __init__(self, random: np.random.Generator, dtype: Any = np.float64) -> None:
        self.random, self.dtype = random, dtype

    def one_of(self, names: list[str]) -> str | None:
        return names[self.random.integers(len(names))] if names and self.random.random() < 0.7 else None

    def narrower(self, names: list[str], inputs: int) -> str | None:
        if not names or (inputs < 4 and self.random.random() < 0.5):
            return None
        return names[self.random.integers(len(names))]

    def numbers(self, shape: tuple[int, ...], condition: str) -> Any:
        return self.random.uniform(-2.5, 2.5, shape) if shape else float(self.random.uniform(-2.5, 2.5))

    def spread(self, row: Any, case: domains.Case) -> list[Any]:
        return domains.draw(row, case, self.random)

    def comparison(self) -> ops.Op:
        return COMPARISONS[self.random.integers(4)]


class Maker:
    """Writes one program, computing as it goes, so that every operation gets numbers of its domain.

    `deepest` bounds how many operations may follow on one another, `most` the number of inputs.
    """

    def __init__(self, source: Source, deepest: int = 10**9, most: int = 10**9) -> None:
        self.source, self.deepest, self.most = source, deepest, most
        self.values: dict[str, Any] = {}
        self.inputs: dict[str, Any] = {}
        self.steps: list[Step] = []
        self.used: set[str] = set()
        self.depth: dict[str, int] = {}

    def add(self, row: Any, case: domains.Case) -> bool:
        """Write a row with the operands of a case; False, and nothing written, if no numbers were found for it."""
        for fresh in self.source.attempts:
            kept = len(self.steps), len(self.inputs), set(self.used)
            with np.errstate(all="ignore"):
                if self.apply(row, case, fresh):
                    return True
            self.take_back(*kept)
        return False

    def take_back(self, steps: int, inputs: int, used: set[str]) -> None:
        """Forget the last steps and inputs."""
        unwanted = {*[step.name for step in self.steps[steps:]], *list(self.inputs)[inputs:]}
        self.steps, self.used = self.steps[:steps], used
        self.inputs = {k: v for k, v in self.inputs.items() if k not in unwanted}
        self.values = {k: v for k, v in self.values.items() if k not in unwanted}

    def step(self, row: Any, *operands: Any, **settings: Any) -> str:
        """Write a line, and compute it."""
        numbers = [self.values[x] if isinstance(x, str) else x.value for x in operands]
        name = f"v{len(self.values)}"
        self.steps.append(Step(name, row, operands, settings))
        self.values[name] = call(row, numbers, settings)
        names = {x for x in operands if isinstance(x, str)}
        self.used |= names
        self.depth[name] = 1 + max((self.depth.get(x, 0) for x in names), default=0)
        return name

    def new(self, value: Any) -> str:
        """A further input."""
        name = f"v{len(self.values)}"
        self.inputs[name] = self.values[name] = self.cast(value)
        self.depth[name] = 0
        return name

    def cast(self, value: Any) -> Any:
        """Arrays of floats in the dtype of the program."""
        return value.astype(self.source.dtype) if isinstance(value, np.ndarray) and floating(value) else value

    def apply(self, row: Any, case: domains.Case, fresh: bool) -> bool:
        """Apply a row to variables there are, or to fresh inputs; False if the numbers came too close to a kink."""
        operands = self.inputs_for(row, case) if fresh else self.operands(row, case)
        numbers = [self.values[x] if isinstance(x, str) else x.value for x in operands]
        if row in TIES and nearly_tied(row, numbers):
            return False
        if row in (rows.hypot, rows.arctan2) and np.any(np.hypot(*numbers) < 0.3):
            return False
        name = self.step(row, *operands, **case.settings)
        if row in MASKS:  # no gradient passes a mask, so let it choose among numbers
            x = next(x for x in operands if isinstance(x, str))
            self.step(ops.multiply, x, name if row not in PLACES else self.step(ops.sum, name))
        return bool(np.all(np.isfinite(self.values[name])) and np.all(np.abs(self.values[name]) < 1e3))

    def inputs_for(self, row: Any, case: domains.Case) -> list[Any]:
        """Fresh inputs for a case, far from one another."""
        drawn = zip(case.operands, self.source.spread(row, case), strict=True)
        return [self.new(x) if isinstance(shape, tuple) and floating(x) else Given(x) for shape, x in drawn]

    def operands(self, row: Any, case: domains.Case) -> list[Any]:
        """Variables, or what the case itself says, for each operand."""
        operands: list[Any] = []
        for i, shape in enumerate(case.operands):
            if isinstance(shape, tuple):
                condition = domains.condition(row, i)
                operands.append(self.truth(shape) if condition == "c" else self.operand(shape, condition))
            elif callable(shape):
                operands.append(self.step({np.max: ops.max, np.min: ops.min}[shape], *operands))
            else:
                operands.append(Given(shape))
        return operands

    def operand(self, shape: tuple[int, ...], condition: str) -> str:
        """A variable of this shape with numbers in the domain."""
        there = [k for k, v in self.values.items() if np.shape(v) == shape and floating(v)]
        name = self.source.one_of([k for k in there if self.depth[k] < self.deepest]) or self.fresh(shape, condition)
        return self.brought(name, shape, condition)

    def brought(self, name: str, shape: tuple[int, ...], condition: str) -> str:
        """The variable itself if its numbers are in the domain, else what brings them there."""
        if condition in domains.NEAR_DIAGONAL:
            middle = self.cast(domains.near_diagonal(np.zeros(shape)))
            if np.all(np.abs(self.values[name] - middle) <= 0.5):
                return name
            small = self.step(ops.multiply, self.step(ops.sin, name), Given(0.4))
            return self.step(ops.add, small, Given(middle))
        if condition not in SAFE:  # an interval of somebody's own operation
            inside = [
                (low <= self.values[name]) & (self.values[name] <= high) for low, high in domains.POINTS[condition]
            ]
            return name if np.all(np.any(inside, axis=0)) else self.new(self.cast(chosen(condition, shape)))
        holds, guard = SAFE[condition]
        if not np.all(holds(np.asarray(self.values[name]))):
            for row, *other in guard:
                name = self.step(row, name, *map(Given, other))
        return name

    def fresh(self, shape: tuple[int, ...], condition: str) -> str:
        """A new input, or a smaller variable broadcast to the shape by adding constants."""
        number = self.cast(self.source.numbers(shape, condition))
        smaller = [k for k, v in self.values.items() if floating(v) and fits(np.shape(v), shape)]
        allowed = [k for k in smaller if self.depth[k] < self.deepest]
        name = self.source.narrower(allowed, len(self.inputs))
        if name is None and allowed and len(self.inputs) >= self.most:
            name = allowed[0]
        return self.new(number) if name is None else self.step(ops.add, name, Given(number))

    def truth(self, shape: tuple[int, ...]) -> str:
        """Whether the numbers of a variable are positive or so."""
        x = self.operand(shape, "x != 0")
        return self.step(self.source.comparison(), x, Given(0.0))

    def unused(self) -> list[str]:
        """The variables that no step has taken yet."""
        return [k for k in self.values if k not in self.used and floating(self.values[k])]

    def finished(self, everything: bool = True) -> Program:
        """The program: its result is that of the last step, or all that is unused in one row."""
        last = next(step.name for step in reversed(self.steps) if floating(self.values[step.name]))
        parts = self.unused() if everything else [last]
        if self.source.dtype != np.float64 and any(np.shape(self.values[name]) for name in parts):
            parts = [name for name in parts if np.shape(self.values[name])]  # numbers in a row are float64
        if len(parts) > 1 and any(np.shape(self.values[name]) for name in parts):
            parts = [name if np.ndim(self.values[name]) == 1 else self.step(functions.flatten, name) for name in parts]
            last = self.step(ops.concatenate, *parts)
        elif len(parts) > 1:
            last = self.step(ops.stack, *parts)
        else:
            last = parts[0]
        return renamed(*leading_to(last, self.inputs, self.steps))


def leading_to(name: str, inputs: dict[str, Any], steps: list[Step]) -> tuple[dict[str, Any], list[Step]]:
    """The inputs and steps that a variable depends on."""
    wanted, kept = {name}, list[Step]()
    for step in reversed(steps):
        if step.name in wanted:
            kept.append(step)
            wanted |= {x for x in step.operands if isinstance(x, str)}
    return {k: v for k, v in inputs.items() if k in wanted}, kept[::-1]
