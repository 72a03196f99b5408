"""Numbers worked out on paper, marked: right, right given an earlier slip, or wrong, and what that looks like."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..backward import sweep
from ..naming import Names, a_loss
from ..recording import switched
from ..replay import Altered, again
from ..value import Value, seed_of
from ..wording import FEW, WIDTH, aligned, figure, listed, printable
from .mistakes import FAILED, ROUNDED, UNSUMMED, Edge, Key, Mistake, Suspects
from .steps import Walk, walk

EFFORT = 200_000  # how many numbers a search for one kind of mistake may compute anew
CELL = 20  # characters of a number in the table


class Mark(NamedTuple):
    """One answer, marked "right", "follows" or "wrong": `kind` says of what it is, "value" or "gradient" of `name`.

    `right` is the right number, `expected` what follows from the learner's own numbers before it, `looks_like` the
    mistake that would give a wrong answer, if one is known.
    """

    name: str
    kind: str
    answer: Any
    right: Any
    expected: Any
    mark: str
    looks_like: Mistake | None


class Marks:
    """All marks, in the order in which the numbers are worked out; printed as a table.

    `first_wrong` is where to look, something that was merely rounded too early last; `passed` whether everything is
    right; `score` counts what is right or follows.
    """

    def __init__(self, steps: Walk, marks: list[Mark]) -> None:
        self.steps, self.marks = steps, marks
        wrong = [mark for mark in marks if mark.mark == "wrong"]
        really = [mark for mark in wrong if mark.looks_like is None or mark.looks_like.name != ROUNDED]
        self.first_wrong = next(iter(really or wrong), None)
        self.passed = self.first_wrong is None
        self.score = f"{sum(mark.mark != 'wrong' for mark in marks)} of {len(marks)}"

    def __iter__(self) -> Iterator[Mark]:
        return iter(self.marks)

    def __len__(self) -> int:
        return len(self.marks)

    def __getitem__(self, i: int) -> Mark:
        return self.marks[i]

    def __str__(self) -> str:
        table = [["", "yours", "right", "from your numbers", ""]]
        for mark in self.marks:
            numbers = [mark.answer, mark.right, "" if mark.mark == "right" else mark.expected]
            sign = {"right": "✓", "follows": "✓ follows", "wrong": "✗"}[mark.mark]
            digits = 4 if mark.mark == "right" else apart(mark.answer, mark.right)
            table.append([self.letter(mark), *(cut(shown(x, digits)) for x in numbers), sign])
        lines = aligned([[*row[:3], row[4]] for row in table] if self.passed else table)
        return "\n".join([*lines, *(textwrap.fill(remark, WIDTH) for remark in [self.summary(), *self.remarks()])])

    __repr__ = __str__

    def summary(self) -> str:
        """How many answers are right."""
        if len(self.marks) == 1:
            return f"The only answer is {'right' if self.passed else 'wrong'}."
        are, s = ("is", "s") if self.score.startswith("1 ") else ("are", "")
        follow = f" or follow{s}" if any(mark.mark == "follows" for mark in self.marks) else ""
        return f"{self.score} {are} right{follow}."

    def letter(self, mark: Mark) -> str:
        """What the answer is of: d, or ∂L/∂d."""
        return mark.name if mark.kind == "value" else f"∂{self.steps.names.root}/∂{mark.name}"

    def remarks(self) -> Iterator[str]:
        """What there is to say about the first wrong answer."""
        if (mark := self.first_wrong) is None:
            return
        yours, expected, at = mark.answer, mark.expected, ""
        if (shape := np.shape(yours)) != np.shape(expected):
            say = f"yours has shape {shape}, it should be {np.shape(expected)}"
        else:
            if np.size(yours) > FEW:  # the worst of them
                numbers = read(yours, "").number
                i = np.unravel_index(np.argmax(abs(numbers - expected)), shape)
                yours, expected, at = numbers[i], expected[i], f" at [{', '.join(map(str, i))}]"
            digits = apart(yours, expected)
            say = f"{shown(yours, digits)}{at} should be {shown(expected, digits)}"
        yield f"The first to look at is {self.letter(mark)} = {self.formula(mark)}: {say}."
        yield f"It looks like {mark.looks_like}" if mark.looks_like else "No mistake known here gives this number."

    def formula(self, mark: Mark) -> str:
        """How the number is found, in letters."""
        names, kind = self.steps.names, {"value": "forward", "gradient": "edge"}[mark.kind]
        steps = [step for step in self.steps.steps if step.kind == kind and names.of(step.operand) == mark.name]
        return " + ".join(step.formula for step in steps) or "1"


def apart(yours: Any, right: Any) -> int:
    """In how many digits two numbers look different, if they are."""
    number = read(yours, "").number
    return next((n for n in range(4, 17) if listed(number, n) != listed(right, n)), 4)


def shown(x: Any, digits: int) -> str:
    """A number, in the digits in which somebody wrote it; a few numbers; of many the shape."""
    if isinstance(x, str):
        return printable(x)
    if not np.ndim(x):
        return figure(x, digits)
    return f"[{', '.join(shown(part, digits) for part in x)}]" if np.size(x) <= FEW else f"array {np.shape(x)}"


def cut(text: str) -> str:
    """Text that fits into its cell."""
    return text if len(text) <= CELL else f"{text[: CELL - 1]}…"


# -- what was written --------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What somebody wrote, the number that it is, and by how much it may be off."""

    given: Any
    number: Any
    slack: Any

    def agrees(self, number: Any) -> bool:
        """Whether this is the number, as far as the digits go."""
        if np.shape(number) != np.shape(self.number):
            return False
        rounding = 1e-5 * abs(self.number) if ops.dtype(number) == np.float32 else 0
        return bool(np.all(abs(self.number - number) <= self.slack + rounding))

    def instead_of(self, number: Any) -> Any:
        """The answer, to go on with; the number itself if it has another shape."""
        if np.shape(number) != np.shape(self.number):
            return number
        return self.number.astype(number.dtype) if isinstance(number, np.ndarray) else self.number


def read(given: Any, key: str, unit: float = 0.0) -> Answer:
    """Read an answer: a number, a string that shows by its digits how exact it is, or a nested list of these."""
    if isinstance(given, np.ndarray):  # but not tolist(), which spells 0.1 of float32 out as 0.10000000149011612
        given = [*given] if given.ndim else given[()]
    if isinstance(given, list | tuple):
        parts = [read(part, key, unit) for part in given]
        if len({np.shape(part.number) for part in parts}) > 1:
            raise ValueError(f"{key}: the rows of {printable(given)} differ in length.")
        given, numbers, slacks = zip(*parts, strict=True) if parts else ((), (), ())
        return Answer([*given], np.array(numbers), np.array(slacks))
    known = isinstance(given, str | int | float | np.integer | np.floating | Fraction) and not isinstance(given, bool)
    try:
        exact = of_text(str(given)) if known else Decimal("nan")
        number = float(exact)
    except (ArithmeticError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        example = 'write it as 0.5, "0.50", "-1.5e-3" or "1/3"'
        raise (ValueError if known else TypeError)(f"{key}: {printable(repr(given))} is not a number: {example}.")
    return Answer(given, number, slack(given, exact, unit))


def of_text(text: str) -> Decimal | Fraction:
    """A decimal, with a point or one comma, or a fraction such as 1/3."""
    text = re.sub(r"^([^.,]*\d),(\d[^.,]*)$", r"\1.\2", text.strip().replace("−", "-"))
    return Fraction(text) if "/" in text else Decimal(text)


def slack(given: Any, exact: Decimal | Fraction, unit: float) -> float:
    """By how much an answer may be off; `unit` is for a float whose own digits do not say it."""
    size = abs(float(exact))
    strict, lenient = 1e-12 + 1e-9 * size, 1e-9 + 1e-6 * size
    if isinstance(exact, Fraction):
        return strict
    if isinstance(given, str):  # 0e5 is not a zero in a hundred thousands
        exponent = int(exact.as_tuple().exponent)
        return strict + 0.5 * 10.0**exponent if exact or exponent <= 0 else lenient
    return max(lenient, strict + next(units(given), unit)) if isinstance(given, float | np.floating) else lenient


def units(given: Any) -> Iterator[float]:
    """Half a unit of the last digit of every float that was rounded: three digits or more, and no whole number."""
    if isinstance(given, list | tuple | np.ndarray):
        for part in given.ravel() if isinstance(given, np.ndarray) else given:
            yield from units(part)
    elif isinstance(given, float | np.floating) and not float(given).is_integer():
        _, digits, exponent = Decimal(str(given)).as_tuple()
        if len(digits) > 2:
            yield 0.5 * 10.0 ** int(exponent)


def answers_in(given: Mapping[Any, Any] | None, kind: str, names: Names) -> Iterator[tuple[Key, Any]]:
    """The answers of one mapping as they were given, and what each is of."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{kind}s is a mapping from names to your numbers, not {type(given).__name__}.")
    for key, answer in (given or {}).items():
        name, asked = key, kind
        if isinstance(key, str) and key not in names.by_name and key.endswith((".grad", ".data")):
            name, asked = key[:-5], {"grad": "gradient", "data": "value"}[key[-4:]]
        thing = names.find(name)
        called = names.of(thing)
        if not isinstance(thing, Value) or not thing.requires_grad:
            raise ValueError(f"{called} is a constant: it is given and takes no gradient. Leave it out.")
        if asked == "value" and thing.op is None:
            raise ValueError(f"The value of {called} is given: only its gradient is to be worked out.")
        yield (asked, thing), answer


# -- working through the graph -----------------------------------------------------------------------------------------


class Work:
    """The graph worked through once more, where `carry` says with which number one goes on from each of the `keys`.

    With a slip on the way forward, if one is given.
    """

    def __init__(
        self, loss: Value, keys: Collection[Key], carry: Callable[[Key, Any], Any], slip: Mistake | None = None
    ) -> None:
        self.loss, self.keys, self.carry, self.slip = loss, keys, carry, slip
        self.values: dict[Key, Any] = {}
        with np.errstate(all="ignore"), switched(anomaly=False):
            self.made = again(loss, instead=self.forward)
        for node, new in self.made.items():
            if ("gradient", node) in keys and node.op is not None:
                new.op = self.altered(node)

    def forward(self, node: Value, new: Value) -> Any:
        """The number of a node, and with which one goes on."""
        key, number = ("value", node), new._data
        if self.slip and (node, 0) in self.slip.places:
            number = self.slip.number(node, number, new.numbers)
        self.values[key] = number
        return self.carry(key, number) if key in self.keys else number

    def altered(self, node: Any, mistake: Mistake | None = None) -> Any:
        """The operation of a node whose rules see the gradient with which one goes on, with a mistake in some."""
        key = ("gradient", node)

        def altered(place: int, rule: Any) -> Any:
            if mistake is not None and (node, place) in mistake.places:
                rule = mistake.rule(node, place)
            if rule is None or key not in self.keys:
                return rule
            return lambda g, *rest, **settings: rule(self.carry(key, g), *rest, **settings)

        rules = zip(range(len(node.operands)), node.op.rules)  # there may be no end of rules
        return Altered(node.op, [altered(place, rule) for place, rule in rules])

    def results(self, mistake: Mistake | None = None) -> dict[Key, Any]:
        """Every number, with a mistake at some edges or, worked through anew, in some node."""
        if mistake and mistake.kind == "value":
            return Work(self.loss, self.keys, self.carry, mistake).results()
        root, before = self.made[self.loss], dict[Value, Any]()
        for node in {node for node, _ in mistake.places} if mistake else ():
            new = self.made[node]
            before[new], new.op = new.op, self.altered(node, mistake)
        try:
            with np.errstate(all="ignore"):
                leaves = sweep(root, seed_of(root, None))
        finally:
            for new, op in before.items():
                new.op = op
        gradients = {("gradient", x): new.grad if x.op else leaves.get(new) for x, new in self.made.items()}
        return {**self.values, **{key: np.zeros(key[1].shape)[()] if g is None else g for key, g in gradients.items()}}


class Marking:
    """The marks of answers that are in the order of work."""

    def __init__(self, steps: Walk, answers: dict[Key, Answer]) -> None:
        self.loss, self.of, self.answers = steps.loss, steps.names.of, answers
        self.suspects = Suspects(self.loss, steps.names, answers)
        self.right = Work(self.loss, (), lambda key, number: number).results()
        self.looks: dict[Key, Mistake | None] = {}
        self.exact: dict[Key, Any] = {}  # wrong answers in all their digits, as the mistake they look like gives them
        self.judge()
        while wrong := {key for key, mark in self.marks.items() if mark == "wrong" and key not in self.looks}:
            first = min((key for key in self.answers if key in wrong), key=lambda key: self.nearly(key) is not None)
            self.looks[first], explained = self.explanation(first)
            self.exact |= {key: number for key, number in explained.items() if key in wrong}
            self.looks |= {key: self.looks[first] for key in explained if key in wrong}
            self.judge()

    # three ways to go on from a number that was written down:

    def corrected(self, key: Key, number: Any) -> Any:
        """With what is written, if that is right; else with the right number."""
        answer = self.answers[key]
        return answer.instead_of(number) if answer.agrees(number) or answer.agrees(self.right[key]) else number

    def as_written(self, key: Key, number: Any) -> Any:
        """With what is written."""
        return self.answers[key].instead_of(number)

    def in_all_digits(self, key: Key, number: Any) -> Any:
        """With what the calculator shows, of which only some digits were written."""
        answer = self.answers[key]
        return number if answer.agrees(number) else self.exact.get(key, answer.instead_of(number))

    def judge(self) -> None:
        """Compare every answer with what each way of going on gives."""
        between = any(x.op is not None for _, x in self.answers)  # else nothing goes on from an answer
        ways = (self.as_written, self.in_all_digits) if between else (self.as_written,)
        self.work, given = zip(*map(self.going_on, ways), strict=True)
        _, corrected = self.going_on(self.corrected)
        self.expected = given[0]
        self.marks = {
            key: "right" if answer.agrees(self.right[key]) or answer.agrees(corrected[key])
            else "follows" if any(answer.agrees(results[key]) for results in given) else "wrong"
            for key, answer in self.answers.items()
        }  # fmt: skip

    def going_on(self, way: Callable[[Key, Any], Any]) -> tuple[Work, dict[Key, Any]]:
        """The work in one of these ways, and what it gives; with the right numbers, if an operation fails on others."""
        try:
            work = Work(self.loss, self.answers, way)
            return work, work.results()
        except FAILED:  # such as the inverse of a singular matrix
            work = Work(self.loss, (), way)
            return work, work.results()

    def explanation(self, first: Key) -> tuple[Mistake | None, dict[Key, Any]]:
        """The mistake that gives the first wrong answer and most of the others, and what it gives for them."""
        if np.shape(self.answers[first].number) != np.shape(self.right[first]):
            return self.misshapen(first), {}
        asked = [key for key in self.answers if key not in self.looks]
        best, explained = None, dict[Key, Any]()
        for mistake in self.suspects.behind(first, EFFORT // len(self.right) // (1 + len(self.looks))):
            try:
                given = [work.results(mistake) for work in self.work]
            except FAILED:  # an operation, such as the inverse of a matrix, has no result for these numbers
                continue
            if any(self.answers[first].agrees(results[first]) for results in given):
                found = {key: all_[key] for all_ in given for key in asked if self.answers[key].agrees(all_[key])}
                if len(found) > len(explained):
                    best, explained = mistake, found
                if len(found) == len(asked):
                    break
        return best or self.nearly(first), explained

    def misshapen(self, key: Key) -> Mistake | None:
        """What an answer in another shape looks like."""
        answer, where = self.answers[key], f"at {self.of(key[1])}"
        turned = answer._replace(number=np.transpose(answer.number), slack=np.transpose(answer.slack))
        if turned.agrees(self.expected[key]):
            return Mistake("gradient", "transposed", where)
        unsummed = key[0] == "gradient" and answer.agrees(self.unsummed(key[1]))
        return Mistake("gradient", UNSUMMED, where) if unsummed else None

    def unsummed(self, x: Value) -> Any:
        """A gradient before it is summed over the places along which the value was stretched; None if there is none."""
        gains, made = [], self.work[0].made
        try:
            for node, place in self.suspects.uses.get(x, ()):
                key, new = ("gradient", node), made[node]
                g = self.as_written(key, new.grad) if key in self.answers else new.grad
                gains.append(Edge(node, place, g, new._data, new.numbers).gain())
            return sum(gains)
        except FAILED:
            return None

    def nearly(self, key: Key) -> Mistake | None:
        """Whether only the last digits are off: by at most a hundredth."""
        if np.shape(self.answers[key].number) != np.shape(self.right[key]):
            return None
        off, size = (np.max(np.abs(x)) for x in (self.answers[key].number - self.right[key], self.right[key]))
        return Mistake("gradient", ROUNDED, f"at {self.of(key[1])}") if off <= size / 100 else None


def check_by_hand(
    loss: Value, gradients: Mapping[Any, Any] | None = None, values: Mapping[Any, Any] | None = None,
    names: Mapping[str, Any] | None = None,
) -> Marks:  # fmt: skip
    """Mark numbers that were worked out on paper: `gradients` of the loss, and `values` of results on the way.

    Both are mappings from names (labels, those of `names`, for example locals(), or the values themselves) to numbers
    in the shape of the value: 0.5, "0.50", "1/3" or nested lists of these. In either, "d.data" and "d.grad" say which
    is meant. The digits of a string count: "0.50" or "0,50" is right within 0.005. So do those of a float with three or
    more, such as 0.537, and the floats beside it are as exact: 2.0 is 2.000. Any other number, and a zero with an
    exponent, is right within a millionth.

    An answer is "right", "wrong", or it "follows": it comes out if one goes on from an earlier slip. For a wrong one
    the backward pass is run with the usual mistakes in it, those nearest by first, at one place and then everywhere,
    until one gives the same numbers. In graphs of hundreds of nodes the search may end before all are tried.

    Raises TypeError or ValueError for an answer that is no number, or not of a value or gradient to be worked out, and
    GradientError for a loss that `backward` would refuse.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> d = a * b
    >>> d.label = "d"
    >>> check_by_hand(d * d + a, {"d.data": -6, "d": -12, "b": "-24.0", "a": 36})
           yours  right  from your numbers
    d      -6     -6                        ✓
    ∂L/∂d  -12    -12                       ✓
    ∂L/∂a  36     37     37                 ✗
    ∂L/∂b  -24.0  -24                       ✓
    3 of 4 are right.
    The first to look at is ∂L/∂a = ∂L/∂L + ∂L/∂d·b: 36 should be 37.
    It looks like “forgot to accumulate” at a, without a contribution from L: a value gains from every
    one of its uses, and all of that is added up.
    """
    seed_of(a_loss(loss, "check_by_hand"), None)
    steps = walk(loss, names=names)
    given = dict[Key, Any]()
    for mapping, kind in ((values, "value"), (gradients, "gradient")):
        for key, answer in answers_in(mapping, kind, steps.names):
            if key in given:
                raise ValueError(f"The {key[0]} of {steps.names.of(key[1])} is answered twice.")
            given[key] = answer
    if not given:
        raise ValueError("There is nothing to mark: write check_by_hand(loss, {'a': 6.0}), with your own numbers.")
    done = {("value" if step.kind == "forward" else "gradient", step.operand): step.index for step in steps.steps}
    unit, in_order = min(units([*given.values()]), default=0.0), sorted(given, key=lambda key: done.get(key, len(done)))
    answers = {key: read(given[key], steps.names.of(key[1]), unit) for key in in_order}
    marking = Marking(steps, answers)
    return Marks(steps, [
        Mark(marking.of(x), kind, answers[kind, x].given, marking.right[kind, x], marking.expected[kind, x], mark,
             marking.looks.get((kind, x)) if mark == "wrong" else None)
        for (kind, x), mark in marking.marks.items()
    ])  # fmt: skip
