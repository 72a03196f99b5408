"""A whole pass in words and formulas: each value as it is computed, each contribution as it goes back."""

from __future__ import annotations

from collections import Counter
from functools import partial
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import elements, ops
from ..backward import order
from ..contributions import Contribution, arrived, grad_state, reason, state_of
from ..errors import GradientError
from ..edges import letter
from ..folding import Shown, composite_of, shown
from ..naming import Names, a_loss
from ..notation import TEXT, write
from ..recording import Scope
from ..symbol import Symbol, applied
from ..value import Value
from .formats import FORMATS, Account, Explanation, Part, Section
from .reading import (
    STYLES,
    Composite,
    Reading,
    Style,
    gradient,
    known_numbers,
    of_edge,
    of_step,
    of_value,
    put,
    put_in,
)
from .steps import Step, Walk

TERMS = 12  # of one number that are told one by one
LARGEST = 12  # rows of a composite that is still told as one step


def explain(
    loss: Value, format: str = "text", names: Mapping[str, Any] | None = None, notation: str = "∂", digits: int = 4,
    composites: bool = True, element: tuple[Any, Any] | None = None, seed: Any = None,
) -> Explanation:  # fmt: skip
    """Explain how `loss` is computed and how its gradients come about, step by step, in letters and in numbers.

    `format` is "text" (100 columns), "markdown", "latex" or "html" (a page of its own, with MathML). `names`, for
    example locals(), names the values without a label; `notation` writes gradients as "∂" (∂L/∂a), "d" (dL/da), "bar"
    (a̅) or "δ" (δ_a); numbers have `digits` digits, fractions stay exact. Of arrays the shapes are shown, and
    the numbers of small ones. A composite such as mean is one step; with `composites=False` its own steps are shown.
    `element=("W", (0, 3))` unrolls one number of a gradient into its scalar terms. Raises TypeError for anything but a
    Value, ValueError for an unknown format, notation or name, GradientError for a constant or for data changed since.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> explain(a * b + a)
    Given a = 2, b = -3
    <BLANKLINE>
    Forward
      v1 = a·b     = 2·(-3)  = -6
      L  = v1 + a  = -6 + 2  = -4
    <BLANKLINE>
    Backward, from ∂L/∂L = 1
      ∂L/∂v1 += ∂L/∂L              = 1
      ∂L/∂a  += ∂L/∂L              = 1
      ∂L/∂a  += ∂L/∂v1·b  = 1·(-3) = -3  so far 1 - 3 = -2
      ∂L/∂b  += ∂L/∂v1·a  = 1·2    = 2
    <BLANKLINE>
    Gradients: ∂L/∂a = -2, ∂L/∂b = 2
    """
    if format not in FORMATS:
        raise ValueError(f"The format is one of {', '.join(FORMATS)}, not {format!r}.")
    if notation not in STYLES:
        raise ValueError(f"The notation of a gradient is one of {', '.join(STYLES)}, not {notation!r}.")
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 17:
        raise ValueError(f"digits is a whole number from 1 to 17, not {digits!r}.")
    steps, style = Walk(a_loss(loss, "explain"), seed, names), Style(notation, digits)
    if element is not None:
        return Explanation(FORMATS[format](of_element(steps, element, style)), format)
    return Explanation(FORMATS[format](account(steps, style, composites)), format)


def account(steps: Walk, style: Style, composites: bool = True) -> Account:
    """Read a walk: its steps, those through a composite as one where they are few."""
    names, loss = steps.names, steps.loss
    edges: dict[int, list[Step]] = {}
    for step in steps.steps:
        if step.kind == "edge":
            edges.setdefault(id(step.node), []).append(step)
        elif step.kind == "seed":
            seed = of_step(step, style)
    seen, folded = told_of(loss, names, composites)
    sofar: dict[Any, Any] = {}  # one pass is explained, whatever a leaf has from others
    if loss.op is None:
        running(loss, seed, sofar)
    parts: dict[int, Part] = {}
    for node in order(loss):
        if id(node) in folded:
            parts[id(node)] = of_composite(seen[id(node)], folded[id(node)], edges, names, style, sofar)
        elif id(node) in seen:
            value = of_value(node, seen[id(node)].operands, names, style)
            gains = [running(step.operand, of_edge(step, style), sofar) for step in edges.get(id(node), ())]
            parts[id(node)] = Part("", value, gains)
    leaves = [x for x in names.things.values() if isinstance(x, Value) and x.op is None and x.requires_grad]
    inputs = [x for x in names.things.values() if not isinstance(x, Value) or (x.op is None and x is not loss)]
    used = {id(x): number for node in order(loss) for x, number in zip(node.operands, node.numbers)}
    sections = [Section("Backward, from ", seed, [*parts.values()])]
    if parts:
        sections.insert(0, Section("Forward", None, [parts[key] for key in seen if key in parts], forward=True))
    return Account(
        names.root,
        [Reading(letter(x, x, names), "=", 0, None, used[id(x)], style.digits) for x in inputs],
        sections,
        [Reading(gradient(x, names, style), "=", 0, None, sofar.get(x), style.digits) for x in leaves],
        remarks(steps, leaves),
    )


def remarks(steps: Walk, leaves: list[Value]) -> list[str]:
    """What there is to say of a leaf at which nothing arrives, or only 0, or where several passes have added up."""
    edges = [Contribution(*step[3:8]) for step in steps.steps if step.kind == "edge"]
    once, why, several = arrived(steps.loss, edges), dict[str, list[str]](), dict[int | None, list[str]]()
    for leaf in leaves:
        state, passes = state_of(leaf, once)
        if state == "not run" and not np.any(once[leaf]):
            state = "zero"
        if state in ("no path", "zero"):
            alike = reason(state, passes, leaf, edges, steps.names, "\0")
            why.setdefault(alike, []).append(steps.names.of(leaf))
        elif state == "ok" and passes != 1:
            several.setdefault(passes, []).append(steps.names.of(leaf))
    said = [text.replace("\0", ", ".join(names)) for text, names in why.items()]
    for passes, names in several.items():
        many = f"{passes} times" if passes else "not a multiple of"
        said.append(f"What has been added up in grad is {many} what one pass gives: {', '.join(names)}.")
    return said


def told_of(loss: Value, names: Names, composites: bool) -> tuple[dict[int, Shown], dict[int, Composite]]:
    """What is shown of a graph, and the composites that are one step: those with one result and few rows."""
    opened: set[Scope] = set()
    while True:
        seen = shown([loss], partial(composite_of, opened=frozenset(opened)) if composites else never)
        results = Counter(x.box for x in seen.values() if x.box is not None)
        open_too = {scope for scope, times in results.items() if times > 1}
        folded: dict[int, Composite] = {}
        for key, (node, _, scope, operands) in seen.items():
            if scope is not None and scope not in open_too:
                letters = [letter(x, number, names) for x, number in operands]
                if len(order(node, [x for x, _ in operands if isinstance(x, Value)])) > LARGEST:
                    open_too.add(scope)
                else:
                    folded[key] = Composite(node, operands, letters, names)
        if not open_too:
            return seen, folded
        opened |= open_too


def never(value: Value) -> None:
    """The box of a value where all are opened."""


def of_composite(
    seen: Shown, composite: Composite, edges: Mapping[int, list[Step]], names: Names, style: Style,
    sofar: dict[Any, Any],
) -> Part:  # fmt: skip
    """A composite as one step: what its rows hand to an operand from outside, taken together."""
    node, steps = composite.result, [step for row in composite.nodes for step in edges.get(id(row), ())]
    numbers, into = put_in(node, seen.operands, style), dict[int, Any]()
    if numbers is not None:
        inserted = Composite(node, seen.operands, numbers, names)
        upstream = next(step.upstream for step in steps if step.node is node)
        into = inserted.contributions(*(Symbol(put(x, style.digits)) for x in (upstream, node._data)))
    gains = []
    for key, rule in composite.contributions(gradient(node, names, style), letter(node, node._data, names)).items():
        arriving = [step for step in steps if id(step.operand) == key]
        x, number = arriving[0].operand, sum(step.contribution for step in arriving)
        reading = Reading(gradient(x, names, style), "+=", rule, into.get(key), number, style.digits)
        gains.append(running(x, reading, sofar))
    inner = tuple(
        Part("", of_value(row, [*zip(row.operands, row.numbers)], names, style),
             [of_edge(step, style) for step in edges.get(id(row), ())])
        for row in reversed(composite.nodes)
    )  # fmt: skip
    name = seen.box.name if seen.box else ""
    value = of_value(node, seen.operands, names, style, composite=True)
    told = value._replace(through=value.through.replace(node.op.name, name, 1) if node.op else name, composite=True)
    return Part(name, told, [gain._replace(through=name, composite=True) for gain in gains], inner)


def running(x: Value, reading: Reading, sofar: dict[Any, Any]) -> Reading:
    """A contribution with the sum before and after it."""
    before = sofar.get(x)
    sofar[x] = after = reading.number if before is None else before + reading.number
    return reading._replace(before=before, after=after)


# -- one number of a gradient ------------------------------------------------------------------------------------------


def of_element(steps: Walk, wanted: Any, style: Style) -> Account:
    """One number of a gradient, unrolled: what each single number contributes to it."""
    x, index = place_of(wanted, steps.names)
    letter_of_it, total, sections = elements.element(gradient(x, steps.names, style), index), None, list[Section]()
    for step in steps.steps:
        if step.kind == "edge" and step.operand is x:
            whole, known, readings = of_edge(step, style), known_numbers(step, style), list[Reading]()
            for term in elements.terms(elements.element(whole.rule, index)):
                before, number = total, elements.evaluated(term, known.__getitem__)
                total, put_in = number if total is None else total + number, inserted(term, known, style)
                readings.append(Reading(letter_of_it, "+=", term, put_in, number, style.digits, before, total))
            title = f"Through {steps.names.of(step.node)}: "
            sections.append(Section(title, whole._replace(before=None), [Part("", whole, shortened(readings))]))
    if not sections:
        raise GradientError(grad_state(steps.loss, x, steps.names.given).reason)
    title = write(letter_of_it, TEXT)[0]
    return Account(title, [], sections, [Reading(letter_of_it, "=", 0, None, total, style.digits)])


def place_of(wanted: Any, names: Names) -> tuple[Value, tuple[int, ...]]:
    """The value and the index of an element that was asked for, as ("W", (0, 3))."""
    if not isinstance(wanted, tuple) or len(wanted) != 2:
        raise TypeError(f'element is a name and an index, such as ("W", (0, 3)), not {wanted!r}.')
    x, index = names.find(wanted[0]), wanted[1] if isinstance(wanted[1], tuple) else (wanted[1],)
    if not isinstance(x, Value):
        raise GradientError(f"{names.of(x)} is a constant: it takes no gradient.")
    if any(isinstance(i, bool) or not isinstance(i, int | np.integer) for i in index):
        raise TypeError(f"An index is made of whole numbers, such as (0, 3), not {index!r}.")
    if len(index) != x.ndim or not all(-n <= i < n for i, n in zip(index, x.shape)):
        raise IndexError(f"{names.of(x)} has shape {x.shape}: there is no element {index}.")
    return x, tuple(int(i) % n for i, n in zip(index, x.shape))


def inserted(formula: Any, numbers: dict[Any, Any], style: Style) -> Any:
    """A formula of single numbers with these put in."""
    if not isinstance(formula, Symbol):
        return formula
    if formula.op is None or formula.op in (ops.getitem,):
        number = elements.evaluated(formula, numbers.__getitem__)
        return number if np.ndim(number) else Symbol(put(number, style.digits))
    operands = [inserted(x, numbers, style) for x in formula.operands]
    return applied(formula.op, operands, formula.settings)


def shortened(readings: list[Reading]) -> list[Reading]:
    """The first terms, and all the others as one."""
    if len(readings) <= TERMS:
        return readings
    shown, rest = readings[: TERMS - 1], readings[TERMS - 1 :]
    number = sum(reading.number for reading in rest)
    last = rest[-1]._replace(rule=Symbol(f"{len(rest)} more terms"), put_in=None, number=number, before=shown[-1].after)
    return [*shown, last]
