"""Random programs: every row of the table, every class of shape, shared variables, numbers away from kinks.

A program is a list of steps on named variables, so that the same one runs on Values, on plain numbers and, with another
`call`, on the tensors of another library. The last step gives a scalar, the one before the last two a vector.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import domains, functions, ops, rows


class Given(NamedTuple):
    """A number or array that stands in the program itself."""

    value: Any


class Step(NamedTuple):
    """One line of a program: `name = row(operands, settings)`."""

    name: str
    row: Any
    operands: tuple[str | Given, ...]
    settings: dict[str, Any]


class Program(NamedTuple):
    """Inputs with numbers for them, the steps, and the rows and cases that it was made to contain."""

    inputs: dict[str, Any]
    steps: list[Step]
    drawn: list[tuple[Any, domains.Case]]

    def __str__(self) -> str:
        lines = [f"{name} = {value!r}" for name, value in self.inputs.items()]
        for name, row, operands, settings in self.steps:
            terms = [x if isinstance(x, str) else repr(x.value) for x in operands]
            lines.append(f"{name} = {row.__name__}({', '.join(terms)}) {settings or ''}")
        return "\n".join(lines)


def call(row: Any, operands: list[Any], settings: dict[str, Any]) -> Any:
    """A row on Values or plain numbers; a list of results is joined."""
    result = domains.call(row, operands, settings)
    return ops.concatenate([*map(functions.flatten, result)]) if isinstance(result, list | tuple) else result


def run(program: Program, inputs: Any, call: Callable[..., Any] = call, without: int = 0) -> Any:
    """The result of a program; without its last two steps it is a vector."""
    variables = dict(zip(program.inputs, inputs, strict=True))
    name = ""
    for name, row, operands, settings in program.steps[: len(program.steps) - without]:
        terms = [x.value if isinstance(x, Given) else variables[x] for x in operands]
        variables[name] = call(row, terms, settings)
    return variables[name]


DECK = [(row, case) for row in domains.DOMAINS for case in domains.cases(row)]


def programs(count: int, size: int = 6, seed: int = 0, deck: list[Any] = DECK) -> Iterator[Program]:
    """`count` programs of `size` cases and what it takes to connect them; every row comes up once in each round."""
    random = np.random.default_rng(seed)
    cases: dict[Any, list[domains.Case]] = {}
    for row, case in deck:
        cases.setdefault(row, []).append(case)
    rounds = itertools.chain.from_iterable(random.permutation(len(cases)) for _ in itertools.count())
    names = list(cases)
    for _ in range(count):
        maker, drawn = Maker(random), [names[next(rounds)] for _ in range(size)]
        yield maker.program([(row, cases[row][random.integers(len(cases[row]))]) for row in drawn])


SAFE: dict[str, tuple[Callable[[Any], Any], list[tuple[Any, ...]]]] = {
    # condition          holds, at a safe distance          or is brought about by these rows (with a second operand)
    "x":                (lambda x: abs(x) < 3,             [(ops.sin,)]),
    "x != 0":           (lambda x: abs(x) > 0.3,           [(ops.sin,), (ops.exp,)]),
    "x > 0":            (lambda x: x > 0.3,                [(ops.sin,), (ops.exp,)]),
    "x > -1":           (lambda x: x > -0.9,               [(ops.sin,), (ops.multiply, 0.8)]),
    "x > 1":            (lambda x: x > 1.2,                [(ops.sin,), (ops.exp,), (ops.add, 1.2)]),
    "|x| < 1":          (lambda x: abs(x) < 0.9,           [(ops.sin,), (ops.multiply, 0.8)]),
    "cos x != 0":       (lambda x: abs(x) < 1.3,           [(ops.sin,)]),
    "x not at a bound": (lambda x: abs(abs(x) - 1.4) > .3, [(ops.sin,)]),
    "x not whole":      (lambda x: abs(x % 1 - .5) < 0.3,  [(ops.sin,), (ops.multiply, 0.2), (ops.add, 0.5)]),
    "x not half-way":   (lambda x: abs(x % 1 - .5) > 0.2,  [(ops.sin,), (ops.multiply, 0.2), (ops.add, 1.0)]),
    "x / x not whole":  (lambda x: abs(abs(x) - .5) < 0.3, [(ops.sin,), (ops.multiply, 0.2), (ops.add, 0.5)]),
    "w":                (lambda x: x > 0.3,                [(ops.sin,), (ops.exp,)]),
    "m":                (lambda x: abs(x - 1) < 0.05,      [(ops.sin,), (ops.multiply, 0.04), (ops.add, 1.0)]),
    "low":              (lambda x: abs(x + 1.4) < 0.21,    [(ops.sin,), (ops.multiply, 0.2), (ops.subtract, 1.4)]),
    "high":             (lambda x: abs(x - 1.4) < 0.21,    [(ops.sin,), (ops.multiply, 0.2), (ops.add, 1.4)]),
}  # fmt: skip
COMPARISONS = (ops.greater, ops.greater_equal, ops.less, ops.less_equal, ops.equal, ops.not_equal)
PLACES = (rows.argmax, rows.argmin, rows.argsort, rows.argpartition)
MASKS = (*COMPARISONS, *PLACES, ops.wins, ops.share, ops.inside, ops.one_hot, rows.isnan)
TIES = (
    *COMPARISONS, *PLACES, ops.maximum, ops.minimum, ops.max, ops.min, ops.wins, ops.share, rows.fmax, rows.fmin,
    rows.sort, rows.partition, functions.median, functions.ptp,
)  # fmt: skip


class Maker:
    """Writes one program, computing as it goes, so that every operation gets numbers of its domain."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random, self.values, self.inputs, self.steps, self.used = random, {}, {}, [], set()

    def program(self, drawn: list[tuple[Any, domains.Case]]) -> Program:
        for row, case in drawn:
            for attempt in range(4):
                kept = len(self.steps), len(self.inputs), set(self.used)
                if self.apply(row, case, fresh=attempt == 3):
                    break
                self.take_back(*kept)
            else:
                raise AssertionError(f"no numbers found for {row.__name__} {case}")
        self.finish()
        return Program(self.inputs, self.steps, drawn)

    def take_back(self, steps: int, inputs: int, used: set[str]) -> None:
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
        self.used |= {x for x in operands if isinstance(x, str)}
        return name

    def new(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.inputs[name] = self.values[name] = value
        return name

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
        drawn = zip(case.operands, domains.draw(row, case, self.random), strict=True)
        return [self.new(x) if isinstance(shape, tuple) and floating(x) else Given(x) for shape, x in drawn]

    def operands(self, row: Any, case: domains.Case) -> list[Any]:
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
        name = there[self.random.integers(len(there))] if there and self.random.random() < 0.7 else self.fresh(shape)
        if condition in domains.NEAR_DIAGONAL:
            small = self.step(ops.multiply, self.step(ops.sin, name), Given(0.4))
            return self.step(ops.add, small, Given(domains.near_diagonal(np.zeros(shape))))
        holds, guard = SAFE[condition]
        if not np.all(holds(np.asarray(self.values[name]))):
            for row, *other in guard:
                name = self.step(row, name, *map(Given, other))
        return name

    def fresh(self, shape: tuple[int, ...]) -> str:
        """A new input, or a smaller variable broadcast to the shape by adding constants."""
        number = self.random.uniform(-2.5, 2.5, shape) if shape else float(self.random.uniform(-2.5, 2.5))
        smaller = [k for k, v in self.values.items() if floating(v) and fits(np.shape(v), shape)]
        if not smaller or (len(self.inputs) < 4 and self.random.random() < 0.5):
            return self.new(number)
        return self.step(ops.add, smaller[self.random.integers(len(smaller))], Given(number))

    def truth(self, shape: tuple[int, ...]) -> str:
        """Whether the numbers of a variable are positive or so."""
        x = self.operand(shape, "x != 0")
        return self.step(COMPARISONS[self.random.integers(4)], x, Given(0.0))

    def finish(self) -> None:
        """Everything not yet used, in one vector, times weights, summed."""
        unused = [k for k in self.values if k not in self.used and floating(self.values[k])]
        vector = self.step(ops.concatenate, *[self.step(functions.flatten, name) for name in unused])
        weights = self.random.uniform(0.5, 1.5, np.shape(self.values[vector]))
        self.step(ops.sum, self.step(ops.multiply, vector, Given(weights)))


def floating(x: Any) -> bool:
    return x is not None and np.asarray(x).dtype == float


def fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    lead = len(large) - len(small)
    return lead >= 0 and all(n in (1, m) for n, m in zip(small, large[lead:], strict=True))


def nearly_tied(row: Any, numbers: list[Any]) -> bool:
    """Whether two numbers that are compared differ by less than finite differences need."""
    if len(numbers) == 2 and row is not ops.share:
        return bool(np.any(np.abs(np.subtract(*numbers)) < 1e-3))
    return bool(np.any(np.diff(np.sort(np.ravel(numbers[0]))) < 1e-3))
