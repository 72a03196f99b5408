"""Programs: operations of the table, one after the other, as Python that can be run, checked and sent to somebody.

A program is a list of steps on named variables, so that the same one runs on Values, on plain numbers and, with another
`call`, on the tensors of another library.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

import tinygrad_edu as tg

from .. import domains, functions, ops
from ..value import Value
from .spelling import applied, home, literal, spelled


class Shown(NamedTuple):
    """A function with inputs, whose gradients are checked; a failure shows its source and the graph of its loss."""

    f: Callable[..., Any]
    inputs: list[Any]
    names: list[str] | None
    source: Callable[[], str]
    loss: Callable[[], Any]


class Given(NamedTuple):
    """A number or array that stands in the program itself."""

    value: Any


class Step(NamedTuple):
    """One line of a program: `name = row(operands, settings)`."""

    name: str
    row: Any
    operands: tuple[str | Given, ...]
    settings: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Program:
    """Inputs with numbers for them, the steps, and the rows and cases that it was made to contain.

    It is a function of its inputs, `str` is runnable Python that checks its gradients, and `check()` checks them.

    >>> from tinygrad_edu import ops
    >>> program = Program({"a": 2.0, "b": 3.0}, [Step("L", ops.multiply, ("a", "b"), {})])
    >>> program(2.0, 5.0), program.check().passed
    (10.0, True)
    >>> print(program)
    import numpy as np
    import tinygrad_edu as tg
    <BLANKLINE>
    a = 2.0
    b = 3.0
    <BLANKLINE>
    def f(a, b):
        L = a * b
        return L
    <BLANKLINE>
    tg.check_gradients(f, a, b, names=['a', 'b'])
    """

    inputs: dict[str, Any]
    steps: list[Step]
    drawn: list[tuple[Any, domains.Case]] = field(default_factory=list)

    def __call__(self, *inputs: Any) -> Any:
        """The result on Values or on plain numbers."""
        return run(self, inputs)

    def leaves(self) -> list[Value]:
        """The inputs as Values with their names."""
        return [Value(x, label=name) for name, x in self.inputs.items()]

    def loss(self) -> Value:
        """The graph on the leaves, named as in the program; of an array, the sum with the weights 1, 2, 3 ..."""
        values: dict[str, Any] = dict(zip(self.inputs, self.leaves(), strict=True))
        result: Value = run(self, values.values(), named=values)
        for step in self.steps:
            if isinstance(values[step.name], Value):
                values[step.name].label = step.name
        return weighted_sum(result)

    def lines(self) -> list[str]:
        """One line of Python for each operation."""
        joined = set[int]()

        def noted(row: Any, operands: list[Any], settings: dict[str, Any]) -> Any:
            result = applied(row, operands, settings)
            if isinstance(result, list | tuple):
                joined.add(len(done))
            done.append(row)
            return joined_of(result)

        done: list[Any] = []
        with np.errstate(all="ignore"), contextlib.suppress(Exception):  # a program that fails is written all the same
            run(self, self.inputs.values(), noted)
        return [f"{step.name} = {written(step, i in joined)}" for i, step in enumerate(self.steps)]

    def source(self, **check: Any) -> str:
        """Python that builds the program and, with these arguments, checks its gradients."""
        names = ", ".join(self.inputs)
        above = sorted(
            {home(step.row)[1] for step in self.steps} - {""}, key=lambda line: (" import " not in line, line)
        )
        options = [f"{key}={literal(x)}" for key, x in {"names": [*self.inputs], **check}.items()]
        return "\n".join([
            "import numpy as np", "import tinygrad_edu as tg", *above, "",
            *(f"{name} = {literal(x)}" for name, x in self.inputs.items()), "",
            f"def f({names}):", *(f"    {line}" for line in self.lines()), f"    return {self.steps[-1].name}", "",
            f"tg.check_gradients({', '.join(['f', *self.inputs, *options])})",
        ])  # fmt: skip

    def check(self, *, save_to: Any = None, **how: Any) -> tg.GradientReport:
        """Check the gradients; `how` goes to `tg.check_gradients`.

        Raises FailingExample, whose text is the program and the report; `save_to` names a folder for both the program
        and its drawing.
        """
        from .failures import judge
        from .smallest import smallest

        __tracebackhide__ = True
        return judge(self.shown(how), how, save_to, "", lambda fails: smallest(self, fails).shown(how))

    def shown(self, how: dict[str, Any]) -> Shown:
        """What a check needs, and what it shows if it fails."""
        return Shown(self, [*self.inputs.values()], [*self.inputs], lambda: self.source(**how), self.loss)

    def __str__(self) -> str:
        return self.source()

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def weighted_sum(result: Value) -> Value:
    """One number that shows every element of a result."""
    if not result.shape:
        return result
    total: Value = ops.sum(result * np.arange(1.0, 1.0 + result.size, dtype=result.dtype).reshape(result.shape))
    return total


def written(step: Step, several: bool = False) -> str:
    """The right side of a line; of an operation with several results, all their numbers in one row."""
    terms = [x if isinstance(x, str) else literal(x.value) for x in step.operands]
    text = spelled(step.row, terms, step.settings)
    return f"tg.concatenate([tg.flatten(part) for part in {text}])" if several else text


def call(row: Any, operands: list[Any], settings: dict[str, Any]) -> Any:
    """A row on Values or plain numbers; a list of results is joined."""
    return joined_of(applied(row, operands, settings))


def joined_of(result: Any) -> Any:
    """A list of results as one row of numbers; one result as it is."""
    return ops.concatenate([*map(functions.flatten, result)]) if isinstance(result, list | tuple) else result


def run(
    program: Program, inputs: Iterable[Any], call: Callable[..., Any] = call, without: int = 0,
    named: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """The result of a program, or what comes before its last steps; `named` receives every variable."""
    variables: dict[str, Any] = {} if named is None else named
    variables.update(zip(program.inputs, tuple(inputs), strict=True))
    name = ""
    for name, row, operands, settings in program.steps[: len(program.steps) - without]:
        terms = [x.value if isinstance(x, Given) else variables[x] for x in operands]
        variables[name] = call(row, terms, settings)
    return variables[name]


def renamed(inputs: dict[str, Any], steps: list[Step]) -> Program:
    """The program with the names that one would give: a, b ... for inputs, v1, v2 ... for what follows, L at last."""
    letters = [*"abcdeghijk", *(f"x{i}" for i in range(1, len(inputs)))]
    names = dict(zip(inputs, letters, strict=False))
    for i, step in enumerate(steps, 1):
        names[step.name] = f"v{i}" if i < len(steps) else "L"
    lines = [
        Step(names[name], row, tuple(names[x] if isinstance(x, str) else x for x in operands), settings)
        for name, row, operands, settings in steps
    ]
    return Program({names[name]: x for name, x in inputs.items()}, lines)
