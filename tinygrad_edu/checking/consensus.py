"""What the oracles say, as a table to read: who agrees with whom, and to how many digits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from textwrap import fill
from typing import NamedTuple

from ..wording import WIDTH, aligned, printable
from .exact import Slopes, rounded
from .verdicts import AGREEING

REVERSE, FORWARD = "reverse mode", "forward mode"
COMPLEX, CENTRAL, EXACT = "complex step", "central differences", "exact fractions"
INDEPENDENT = (COMPLEX, CENTRAL, EXACT)  # they know no rule
ENOUGH = {FORWARD: 9, COMPLEX: 9, CENTRAL: 6, EXACT: 9}  # digits; where there are fewer, the rest is rounding
ALL_DIGITS = 16  # of a float64
SHORT = 12  # characters of a fraction that is shown as one
TOLD = 3  # elements of one input of which it is told in words what is the matter
NO_SLOPE = ("kink", "not differentiable", "not finite")  # verdicts on places where there is nothing to agree on
SENTENCES = {  # on the rows of a verdict, the worst first
    "wrong": "The oracles DISAGREE with the rules on",
    "not finite": "There is no finite number for",
    "not deterministic": "f is not the same at every call, so nothing can be said of",
    "input mutated": "f changes its input, so nothing can be said of",
    "not differentiable": "There is no derivative at",
    "kink": "There is a kink at",
    "unconfirmed": "No oracle that knows no rule says anything of",
    "truncation": "Smaller steps would say more of",
    "rounding": "Digits are lost to rounding in",
}
FAILING = tuple(SENTENCES)[:4]


class Oracle(NamedTuple):
    """One way to the gradient: whether it was used; why not, or how well it agrees; the fewest digits it agrees to."""

    name: str
    used: bool
    says: str
    digits: int | None


class OracleRow(NamedTuple):
    """One element of one input, and its derivative by each oracle; None where one says nothing.

    `uncertainty` is how far the central difference may be from the truth, `slopes` are the exact ones to the left and
    to the right. `digits` is how far each oracle agrees with the reverse mode, `against` names those that do not.
    `verdict` is one of those of `check_gradients`, or "unconfirmed": no oracle that knows no rule says anything. It is
    "rounding" also where only exact fractions say something else, and digits cancel in f itself. `evidence` says more.
    """

    input: str
    element: tuple[int, ...]
    reverse: float
    complex_step: float | None
    central: float | None
    uncertainty: float
    exact: Fraction | None
    slopes: Slopes | None
    forward: float | None
    digits: dict[str, int]
    against: tuple[str, ...]
    verdict: str
    evidence: str

    @property
    def place(self) -> str:
        """The element as it is written in Python."""
        return f"{printable(self.input)}{[*self.element] or ''}"

    @property
    def confirmed(self) -> bool:
        """Whether an oracle that knows no rule says the same, as far as it can know."""
        return self.verdict in AGREEING and not self.against


def unknown(name: str, element: tuple[int, ...], verdict: str, why: str) -> OracleRow:
    """A row where nothing was compared."""
    return OracleRow(name, element, math.nan, None, None, math.nan, None, None, None, {}, (), verdict, why)


class Input(NamedTuple):
    """One input: its name, its shape, and a row for each element that was looked at."""

    name: str
    shape: tuple[int, ...]
    rows: list[OracleRow]


class Oracles:
    """What the oracles say: `rows`, one for each element; `oracles`, one for each way; `notes`; `str()` is the table.

    `agree` holds if some number was confirmed by an oracle that knows no rule, and none was contradicted. `digits` says
    for each oracle the fewest digits to which it agrees (0 if it does not), `worst` is the row to look at first;
    `inputs` are the rows by input.
    """

    def __init__(self, inputs: list[Input], oracles: list[Oracle], notes: list[str]) -> None:
        self.inputs, self.oracles, self.notes = inputs, oracles, notes
        self.rows = [row for one in inputs for row in one.rows]
        self.compared = any(row.digits for row in self.rows)  # else f itself is at fault

    @property
    def agree(self) -> bool:
        """Whether some number was confirmed and none was contradicted."""
        return not self.contradicted and any(row.confirmed for row in self.rows)

    @property
    def contradicted(self) -> bool:
        """Whether some number was contradicted, or cannot be compared at all."""
        return any(row.verdict in FAILING for row in self.rows)

    @property
    def digits(self) -> dict[str, int]:
        """The fewest digits to which each oracle that was used agrees with the reverse mode."""
        return {oracle.name: oracle.digits for oracle in self.oracles if oracle.digits is not None}

    @property
    def worst(self) -> OracleRow:
        """The row to look at first."""
        grave = [*SENTENCES, "ok"]
        return min(self.rows, key=lambda row: (grave.index(row.verdict), min(row.digits.values(), default=0)))

    def __repr__(self) -> str:
        return "\n".join(fill(line, WIDTH, subsequent_indent="    ") for line in self.lines())

    def lines(self) -> Iterator[str]:
        """The whole page: a line for each oracle, the notes, a table for each input, and what it comes to."""
        yield "Reverse mode beside its oracles: ·n agrees to n digits, ≈ as far as they can know, ≠ does not agree."
        width = max(len(oracle.name) for oracle in self.oracles)
        yield from (f"  {oracle.name:{width}}  {oracle.says}" for oracle in self.oracles if self.compared)
        yield from (f"  note: {note}" for note in self.notes)
        for name, shape, rows in self.inputs if self.compared else ():
            some = "" if math.prod(shape) == len(rows) else f", {len(rows)} of {math.prod(shape)} elements"
            yield from ("", f"{printable(name)} {shape or ''}".rstrip() + some)
            yield from (f"  {line}" for line in table(rows))
            told = [row for row in rows if row.evidence]
            yield from (f"  {row.place}: {row.evidence}" for row in told[:TOLD])
            if len(told) > TOLD:
                yield f"  and in the same way {some_of(told[TOLD:])}."
        by = [f"{o.name}: {o.digits}" for o in self.oracles if o.name in INDEPENDENT and o.digits and self.agree]
        sure, digits = sum(row.confirmed for row in self.rows), f" (digits by {', '.join(by)})" if by else ""
        yield from ("", f"{sure} of {len(self.rows)} number{'s' * (len(self.rows) > 1)} confirmed{digits}.")
        for verdict, what in SENTENCES.items():
            if found := [row for row in self.rows if row.verdict == verdict]:
                yield f"{what} {some_of(found)}."


# -- how it is written -------------------------------------------------------------------------------------------------

HEAD = ("", REVERSE, COMPLEX, "differences", "exact", "forward (consistency)")


def table(rows: Sequence[OracleRow]) -> list[str]:
    """The rows of one input in columns, with as many digits as fit into the width of a page."""
    lines: list[str] = []
    for precision in range(10, 3, -1):
        columns = [*zip(*(cells(row, precision) for row in rows), strict=True)]
        filled = [(head, *column) if any(column) else ("", *column) for head, column in zip(HEAD, columns, strict=True)]
        lines = aligned(zip(*filled, strict=True))
        if max(map(len, lines)) <= WIDTH - 2:
            break
    return lines


def cells(row: OracleRow, precision: int) -> list[str]:
    """One row as text: each number, and behind it to how many digits it agrees with the first, or that it does not."""

    def cell(name: str, x: float | None, text: str = "") -> str:
        return "" if x is None else f"{text or number(x, precision)} {mark(row, name)}"

    exact = cell(EXACT, None if row.exact is None else rounded(row.exact), written(row.exact, precision))
    if row.slopes is not None and row.exact is None:
        exact = " | ".join("jump" if x is None else number(rounded(x), precision) for x in row.slopes)
    return [
        f"{[*row.element] or ''}", number(row.reverse, precision), cell(COMPLEX, row.complex_step),
        cell(CENTRAL, row.central), exact, cell(FORWARD, row.forward),
    ]  # fmt: skip


def told(name: str, rows: Sequence[OracleRow], why: str) -> Oracle:
    """Of one way whether it was used, why not (always), and to how many digits it agrees."""
    silent = sum(name not in row.digits and (name != EXACT or row.slopes is None) for row in rows)
    marks = [mark(row, name) for row in rows if name in row.digits and row.verdict not in NO_SLOPE]
    digits = [int(found[1:]) for found in marks if found.startswith("·")]
    says = ["used" if silent < len(rows) else "not used"]
    if wrong := marks.count("≠"):
        says.append(f"DISAGREES on {wrong} of {len(rows)}")
    elif digits:
        says.append(f"agrees to {'at least ' * (min(digits) < max(digits))}{min(digits)} digits")
    if roughly := marks.count("≈"):
        says.append(f"agrees on {roughly} of {len(rows)} as far as it can know")
    if name == FORWARD:
        says.append("consistency only, it reads the same rules")
    if why or silent == len(rows):
        here = f"not for {silent} of {len(rows)}: " if silent < len(rows) else ""
        says.append(f"{here}{why or 'the values of f do not tell a slope'}")
    return Oracle(name, silent < len(rows), "; ".join(says), 0 if wrong else min(digits, default=None))


def mark(row: OracleRow, name: str) -> str:
    """How an oracle agrees with the reverse mode."""
    digits = row.digits[name]
    return "≠" if name in row.against else f"·{digits}" if digits >= ENOUGH[name] else "≈"


def number(x: float, precision: int) -> str:
    """A number in so many digits; -0 is 0."""
    return f"{x + 0.0:.{precision}g}"


def written(x: Fraction | None, precision: int) -> str:
    """A fraction as one, with its float, where it is short; else nothing."""
    short = x is not None and x.denominator > 1 and len(str(x)) <= SHORT
    return f"{x} = {number(rounded(x), precision)}" if short and x is not None else ""


def some_of(rows: Sequence[OracleRow]) -> str:
    """The places of the first few rows."""
    return ", ".join(row.place for row in rows[:6]) + (f" and {len(rows) - 6} more" if len(rows) > 6 else "")


def listed(names: Sequence[str]) -> str:
    """A, B and C."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
