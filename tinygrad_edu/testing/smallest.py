"""A smaller program that fails as well: one operation alone, in its simplest case, on simple numbers.

Hypothesis makes a program small by leaving out draws. Here it is cut in another way, step by step: which operation is
wrong on the very numbers that reached it? That one is then tried in its simplest case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import domains
from ..backward import order
from ..value import Value
from .programs import Given, Program, Shown, Step, renamed, run
from .safety import TIES, floating, grid

TRIED = 6  # simple numbers in the place of each number


def smallest(program: Program, fails: Callable[[Shown], bool]) -> Program:
    """The simplest one of the operations alone that fails, or the program itself if it takes more than one."""

    def wrong(candidate: Program) -> bool:
        return fails(candidate.shown({}))

    alone = next(filter(wrong, each_alone(program)), None)
    if alone is None:
        return program
    [step] = alone.steps
    simple = next(filter(wrong, simple_cases(step)), None)
    return simpler_numbers(simple or alone, wrong)


def each_alone(program: Program) -> Iterator[Program]:
    """Every row that was recorded, by itself, on the numbers that reached it."""
    result = run(program, program.leaves())
    for node in reversed(order(result)) if isinstance(result, Value) else ():
        free = [i for i, x in enumerate(node.operands) if isinstance(x, Value) and x.requires_grad]
        names = {i: f"x{i}" for i in free}
        operands = tuple(names[i] if i in names else Given(x) for i, x in enumerate(node.numbers))
        yield renamed({names[i]: node.numbers[i] for i in free}, [Step("y", node.op, operands, node.settings)])


def simple_cases(step: Step) -> Iterator[Program]:
    """The cases of an operation on the simplest numbers of its domain, and on their opposites."""
    if step.row not in domains.DOMAINS:
        return
    for case in domains.cases(step.row):
        shapes = [x for x in case.operands if isinstance(x, tuple)]
        if len(shapes) < len(case.operands) or case.settings.keys() - {"axis"} or not all(np.prod(x) for x in shapes):
            continue
        for start in (0, 1, 2):
            drawn = [simple(domains.condition(step.row, i), x, start + i) for i, x in enumerate(case.operands)]
            if all(map(floating, drawn)):
                names = [f"x{i}" for i in range(len(drawn))]
                yield renamed(dict(zip(names, drawn, strict=True)), [Step("y", step.row, tuple(names), case.settings)])


def simple(condition: str, shape: tuple[int, ...], start: int) -> Any:
    """The simplest numbers of a condition, one after the other."""
    if condition == "c":
        return np.ones(shape, bool)
    points = grid(condition)[start:]
    drawn = np.reshape([points[i % len(points)] for i in range(int(np.prod(shape)))], shape)
    return domains.near_diagonal(drawn) if condition in domains.NEAR_DIAGONAL else drawn if shape else drawn.item()


def simpler_numbers(program: Program, wrong: Callable[[Program], bool]) -> Program:
    """The same program with every number replaced by a simpler one of its domain, as long as it fails."""
    [step] = program.steps
    if step.row in TIES:  # equal numbers would be another matter
        return program
    for name, x in program.inputs.items():
        condition = condition_in(step, name)
        for index in np.ndindex(np.shape(x)):
            for number in grid(condition)[:TRIED]:
                if number == (x[index] if np.shape(x) else x):
                    break
                candidate = with_number(program, name, index, number)
                if wrong(candidate):
                    program = candidate
                    break
    return program


def condition_in(step: Step, name: str) -> str:
    """What an input must satisfy as an operand of the step; any number where a matrix is asked for as a whole."""
    if step.row not in domains.DOMAINS:
        return "x"
    condition = domains.condition(step.row, step.operands.index(name))
    return condition if condition in domains.POINTS else "x"


def with_number(program: Program, name: str, index: tuple[int, ...], number: float) -> Program:
    """The program with one number of one input replaced."""
    x = program.inputs[name]
    changed: Any = number
    if np.shape(x):
        changed = np.array(x)
        changed[index] = number
    return Program({**program.inputs, name: changed}, program.steps)
