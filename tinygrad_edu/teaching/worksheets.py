"""Worksheets: a graph as questions with blanks, for paper or for a page that marks what is typed in, and the key."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..edges import letter, ruled
from ..elements import evaluated
from ..naming import Names, names_of
from ..replay import again
from ..notation import Derivative
from ..symbol import Symbol, applied
from ..value import Value
from ..wording import FEW, figure, printable
from .explaining import account, inserted
from .formats import Part
from .page import key, markdown, page
from .reading import STYLES, Reading, Style, known_numbers, signed
from .sheets import TASKS, made_up
from .steps import Walk

ASK = ("values", "locals", "gradients")
MOST = 60  # values that still fit on a sheet
FAR = 0.25  # of an answer: more does not come of rounding
WRITTEN_OUT, ROUNDED, GIVEN = 6, 4, 10  # digits: of short answers, of others, of the numbers to begin with
SUFFIXES = (".html", ".md")
FORWARD, KNOWN = "Work out the values, from the top down.", "The values are known."
LOCAL = "How fast does each result change with each of its operands?"
BACKWARD = (
    "Begin with the seed and go back. A value gets the gradient of the result that it was used for, times the local "
    "derivative; if it was used more than once, the parts are added up."
)


class Question(NamedTuple):
    """A number, or a small array, that is asked for, and the reading that answers it.

    `kind` is "value", "gradient" (of the value `name`), "part" (of its gradient, which comes through the result whose
    letter is `of`, from its `use` of the value if it has several), or "local" (a derivative of the formula `of`).
    `within` is by how much an answer may be off.
    """

    kind: str
    name: str
    reading: Reading
    of: Any = None
    use: int = 0
    within: Any = 0.0


class Section(NamedTuple):
    """Questions under one heading, those about one value together; if they are not `asked`, the answers are given."""

    title: str
    words: str
    items: list[list[Question]]
    asked: bool = True


class Worksheet:
    """A sheet of questions about one graph; `tg.worksheet` makes one.

    `loss` is a copy of the graph whose values are labelled as on the sheet, `sections` are the questions in the order
    of work. `exact` says whether all answers can be written out in `digits` digits, or have to be rounded to them.
    """

    def __init__(
        self, loss: Value, arrays: Mapping[str, Any], title: str, about: str, style: Style, ask: Collection[str]
    ) -> None:  # fmt: skip
        self.loss, self.title, self.about, self.digits = loss, title, about, style.digits
        steps = Walk(loss, None, arrays)
        told, place = account(steps, style, composites="locals" not in ask), appearance(loss)
        ahead, back = told.sections
        self.names = steps.names
        self.seed: Any = back.reading
        given = sorted(told.given, key=lambda x: place[id(steps.names.find(x.letter.name))])
        self.given = [x._replace(digits=GIVEN) for x in given]
        sections = [
            Section("Forward", FORWARD if "values" in ask else KNOWN, values(ahead.parts), "values" in ask),
            Section("Local derivatives", LOCAL, local_derivatives(steps, style) if "locals" in ask else []),
            Section("Backward", BACKWARD, gradients(back.parts), "gradients" in ask),
        ]
        shown = [x for section in sections for item in section.items for x in item]
        for reading in [*given, *(x.reading for x in shown)]:
            check(reading)
        self.exact = all(exactly(x.reading.number, self.digits) for x in shown)
        slack = leeway([*given, self.seed], shown, self.digits)
        self.sections = [
            section._replace(items=[[x._replace(within=slack[id(x)]) for x in item] for item in section.items])
            for section in sections if section.items and (section.asked or section.title == "Forward")
        ]  # fmt: skip

    @property
    def asked(self) -> list[Question]:
        """All that is asked, in the order of work."""
        return [x for section in self.sections if section.asked for item in section.items for x in item]

    @property
    def questions(self) -> list[tuple[str, Any]]:
        """What is asked of each value, and the answer: `tg.check_by_hand(sheet.loss, dict(sheet.questions))` passes.

        "d.data" asks for the value of d, "d.grad" for its gradient.
        """
        endings = {"value": "data", "gradient": "grad"}
        return [(f"{x.name}.{endings[x.kind]}", x.reading.number) for x in self.asked if x.kind in endings]

    def markdown(self) -> str:
        """The questions in Markdown, with formulas in LaTeX, as GitHub and pandoc read them."""
        return markdown(self)

    def key(self) -> str:
        """The answers in Markdown: each with its formula, the numbers put in, and the result."""
        return key(self)

    def html(self) -> str:
        """One page, for the screen and for paper, that needs nothing from elsewhere and marks what is typed in."""
        return page(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sheet in the format of the suffix, .html or .md, and return where it is.

        Raises ValueError for another suffix, FileNotFoundError for a folder that does not exist.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"A worksheet is saved as {' or '.join(SUFFIXES)}: {path.name!r} is neither.")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
        path.write_text(self.html() if suffix == ".html" else self.markdown(), "utf-8", newline="\n")
        return path

    def _repr_html_(self) -> str:
        kept = f'title="{escape(self.title)}" sandbox="allow-scripts" style="width: 100%; height: 45em; border: 0"'
        return f'<iframe {kept} srcdoc="{escape(self.html())}"></iframe>'

    def __str__(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        return f"<worksheet {self.title!r}, {len(self.asked)} questions about {self.names.root}>"


# -- what is asked -----------------------------------------------------------------------------------------------------


def values(parts: list[Part]) -> list[list[Question]]:
    """The values, as they are computed."""
    return [[Question("value", str(part.value.letter), part.value)] for part in parts]


def local_derivatives(steps: Walk, style: Style) -> list[list[Question]]:
    """Of each single number that is computed, its derivatives by its operands; x·x has one, the sum of both places."""
    found: dict[Derivative, Question] = {}
    for step in steps.steps:
        local, node, names = step.local, step.node, step.names
        if node.op is None or local is None or np.ndim(local):
            continue
        name = Derivative(names.of(node), names.of(step.operand), style.gradient if style.gradient in "∂d" else "∂")
        letters = [letter(x, number, names) for x, number in zip(node.operands, node.numbers)]
        formula = ruled(node, step.place, 1, names)
        if name in found:
            formula, local = found[name].reading.rule + formula, found[name].reading.number + local
        put_in = inserted(formula, known_numbers(step, style), style)
        reading = Reading(Symbol(name), "=", formula, put_in, local, style.digits)
        found[name] = Question("local", name.by, reading, applied(node.op, letters, node.settings))
    forward = [*steps.names]
    return [[found[name]] for name in sorted(found, key=lambda name: forward.index(name.of))]


def gradients(parts: list[Part]) -> list[list[Question]]:
    """The gradients, in the order in which they are complete; where several parts arrive, these and their sum."""
    arriving: dict[Any, list[tuple[Symbol, Reading]]] = {}
    for part in parts:
        for reading in part.backward:
            before = arriving.pop(reading.letter.name, [])
            arriving[reading.letter.name] = [*before, (part.value.letter, reading._replace(sign="=", before=None))]
    items = []
    for name, gains in arriving.items():
        (result, total), uses, seen = gains[-1], Counter(result.name for result, _ in gains), Counter[Any]()
        item = []
        for result, reading in gains if len(gains) > 1 else ():
            seen[result.name] += 1
            item.append(Question("part", name.by, reading, result, seen[result.name] * (uses[result.name] > 1)))
        if item:
            put_in = None if total.letter.shape else sum(signed(x.number, x.digits) for _, x in gains)
            total = Reading(total.letter, "=", sum(x.rule for _, x in gains), put_in, total.after, total.digits)
        items.append([*item, Question("gradient", name.by, total)])
    return items


def appearance(loss: Value) -> dict[int, int]:
    """The places of values and arrays, by identity, in the order in which the formula of the loss names them."""
    seen, waiting = dict[int, Any](), [loss]
    while waiting:
        x = waiting.pop()
        if id(x) not in seen:
            seen[id(x)] = x
            waiting += reversed(getattr(x, "operands", ()))
    return {key: i for i, key in enumerate(seen)}


# -- how exactly -------------------------------------------------------------------------------------------------------


def exactly(x: Any, digits: int) -> bool:
    """Whether numbers can be written out in so many digits; a fraction always can."""
    return isinstance(x, Fraction) or bool(np.allclose(rounded(x, digits), x, 1e-9, 0))


def rounded(x: Any, digits: int) -> Any:
    """Numbers as they are written in so many digits."""
    if np.ndim(x):
        return np.array([rounded(i, digits) for i in np.ravel(x)]).reshape(np.shape(x))
    return x if isinstance(x, Fraction) else float(figure(x, digits))


def leeway(given: list[Any], shown: list[Question], digits: int) -> dict[int, Any]:
    """By how much each answer may be off: half of its last digit, and what comes of going on with rounded numbers.

    The latter is found by going down the sheet once more: each formula on the numbers as they were written down. What
    is far off then comes of something else, such as a comparison of numbers that are no longer equal.
    """
    written, slack, parts = {x.letter.name: x.number for x in given}, dict[int, Any](), list[Any]()
    for question in shown:
        reading, right = question.reading, np.asarray(question.reading.number, float)
        found = evaluated(reading.rule, written.__getitem__) if question.kind == "part" or not parts else sum(parts)
        if question.kind == "part":
            parts.append(rounded(found, digits))
        elif question.kind != "local":
            parts.clear()
            written[reading.letter.name] = rounded(found, digits)
        last = 10.0 ** (np.floor(np.log10(np.where(right, abs(right), 1))) + 1 - digits)
        off = abs(np.asarray(found, float) - right)
        slack[id(question)] = ops.plain(last / 2 + 1e-9 * abs(right) + np.where(off < FAR * abs(right), off, 0))
    return slack


def check(reading: Reading) -> None:
    """Whether a number can stand on a sheet: it is one, and not one of too many."""
    number, name = reading.number, reading.letter
    if not 1 <= np.size(number) <= FEW or np.ndim(number) > 2:
        raise ValueError(
            f"{name} has shape {np.shape(number)}: a sheet writes out every number, so it takes arrays of 1 to {FEW} "
            "numbers, such as 2 × 3. Make the task smaller."
        )
    if not np.all(np.isfinite(np.asarray(number, float))):
        what = "not finite everywhere" if np.ndim(number) else figure(number)
        raise ValueError(f"{name} is {what}, which nobody can write into a blank. Take other numbers.")


# -- from a task to a sheet --------------------------------------------------------------------------------------------


def worksheet(
    task: Value | str | None = None, *, names: Mapping[str, Any] | None = None, seed: int | None = None,
    difficulty: int | None = None, digits: int | None = None, title: str | None = None, notation: str = "∂",
    ask: str | Iterable[str] = ("values", "gradients"), **numbers: Any,
) -> Worksheet:  # fmt: skip
    """A sheet of questions to be worked out by hand, first the values, then the gradients, and the key to it.

    `task` is a loss, whose values without a label are named by `names`, for example locals(); or an expression as text,
    with its numbers as keywords or in `names`. Without a task one is made up from a `seed` and a `difficulty`: 1 is one
    product and one sum, 2 uses a value twice, 3 has squares, quotients and relu, 4 is to be rounded, 5 has matrices.

    Answers have `digits` significant digits; by default as many as they need if these are few, else 4. `notation`
    writes gradients as "∂" (∂L/∂a), "d", "bar" or "δ". `ask` says what is asked: some of "values", "locals" (local
    derivatives) and "gradients". Raises TypeError for anything but a loss or an expression, ValueError for what cannot
    be read (ExpressionError) or asked, as more than 60 values or an array larger than 2 × 3.

    >>> sheet = worksheet("a*b + a", a=2, b=-3)
    >>> sheet.questions
    [('v1.data', -6.0), ('L.data', -4.0), ('v1.grad', 1.0), ('a.grad', -2.0), ('b.grad', 2.0)]
    >>> print(sheet.key().splitlines()[-1])
    5. $\\frac{\\partial L}{\\partial b} = \\frac{\\partial L}{\\partial v_{1}} \\cdot a = 1 \\cdot 2 = 2$
    >>> worksheet(seed=7, difficulty=2)
    <worksheet 'Backpropagation by hand', 10 questions about L>
    """
    ask = [*ask] if isinstance(ask, Iterable) and not isinstance(ask, str) else [ask]
    if not ask or any(x not in ASK for x in ask):
        raise ValueError(f"ask names some of {', '.join(ASK)}, not {', '.join(map(repr, ask)) or 'nothing'}.")
    if notation not in STYLES:
        raise ValueError(f"The notation of a gradient is one of {', '.join(STYLES)}, not {notation!r}.")
    if digits is not None and not whole(digits, 1, 12):
        raise ValueError(f"digits is a whole number from 1 to 12, not {digits!r}.")
    heading = " ".join("".join(c if c.isprintable() else " " for c in str(title or "")).split())
    with np.errstate(all="ignore"):  # what is not finite is refused in words
        task, about, names = taken(task, names, seed, difficulty, numbers)
        loss, arrays = copied(Names(task, names))
        for n in (WRITTEN_OUT, ROUNDED) if digits is None else (digits,):
            sheet = Worksheet(loss, arrays, heading or "Backpropagation by hand", about, Style(notation, n), ask)
            if sheet.exact:
                break
    if not sheet.asked:
        raise ValueError(f"There is nothing to ask: {sheet.names.root} has no {' and no '.join(ask)} to work out.")
    return sheet


def whole(x: Any, low: int, high: float) -> bool:
    """Whether it is a whole number between these."""
    return isinstance(x, int | np.integer) and not isinstance(x, bool) and bool(low <= x <= high)


def taken(task: Any, names: Any, seed: Any, difficulty: Any, numbers: dict[str, Any]) -> tuple[Value, str, Any]:
    """The loss that is asked about, what is said of it below the title, and the names of its values."""
    if task is not None and (seed is not None or difficulty is not None):
        raise ValueError("seed and difficulty are for a task that is made up: leave them out, or the task.")
    if isinstance(task, str):
        return from_text(task, names, numbers), "", None
    if numbers:
        raise TypeError(
            f"{', '.join(numbers)}: numbers by name belong to an expression, as worksheet('a*b', a=2, b=3)."
        )
    if isinstance(task, Value):
        return task, "", names
    if task is not None:
        raise TypeError(
            "worksheet takes a Value, such as a loss, or an expression, as in worksheet('a*b', a=2, b=3), "
            f"not {type(task).__name__}."
        )
    seed, difficulty = 0 if seed is None else seed, 1 if difficulty is None else difficulty
    if not whole(difficulty, min(TASKS), max(TASKS)):
        levels = f"{min(TASKS)} (one product, one sum) to {max(TASKS)} (matrices)"
        raise ValueError(f"difficulty is a whole number from {levels}, not {difficulty!r}.")
    if not whole(seed, 0, float("inf")):
        raise ValueError(f"seed is a whole number from 0 on, not {seed!r}; each gives another sheet.")
    return made_up(int(seed), int(difficulty)), f"Difficulty {difficulty}, sheet {seed}", None


def from_text(text: str, names: Any, numbers: dict[str, Any]) -> Value:
    """The loss of an expression on these numbers."""
    from ..expressions import evaluate

    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"names is a mapping from names to numbers, as {{'a': 2.0}}, not {type(names).__name__}.")
    leaves = {}
    for name, x in {**(names or {}), **numbers}.items():
        if not re.search(rf"\b{re.escape(str(name))}\b", text):
            raise ValueError(f"{printable(name)} does not occur in {printable(text)}: leave it out.")
        data, free = (x.data, x.requires_grad) if isinstance(x, Value) else (x, True)
        try:
            leaves[name] = Value(data, name, free)
        except (TypeError, ValueError):
            wrong = printable(repr(x))
            raise TypeError(f"{printable(name)} is to be a number or a list of numbers, not {wrong}.") from None
    return evaluate(text, leaves)


def copied(names: Names) -> tuple[Value, dict[str, Any]]:
    """The graph once more, each value labelled with its name, and the arrays in it by their names.

    Raises ValueError if there is nothing to ask or too much, or if two values have one name.
    """
    if names.loss.op is None:
        raise ValueError(f"{names.root} was not computed from anything, so there is nothing to work out: give a loss.")
    if len(names.things) > MOST:
        raise ValueError(
            f"The graph of {names.root} has {len(names.things)} values, too many for a sheet, which takes {MOST}. "
            "Take fewer examples or a smaller model."
        )
    times = Counter(names_of(names.things.values(), names.given, "c").values())
    if several := [name for name, n in times.items() if n > 1]:
        raise ValueError(
            f"{times[several[0]]} values are called {several[0]!r}, and a sheet could not say which one it asks for: "
            "give each a label of its own."
        )
    Walk(names.loss)  # it raises an error if data was changed since
    made = again(names.loss)
    for x, copy in made.items():
        copy.label = names.of(x)
    return made[names.loss], {name: x for name, x in names.by_name.items() if isinstance(x, np.ndarray)}
