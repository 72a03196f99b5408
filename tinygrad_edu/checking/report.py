"""What a check found, element by element, as a table to read, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import inf
from textwrap import fill
from typing import Any, NamedTuple

from ..errors import GradientError
from ..wording import WIDTH, aligned, printable
from .curve import Curve
from .differences import Place
from .verdicts import PASSING, SEVERITY

SHOWN = 12  # rows, the worst first
NO_COMPLEX_STEP = "no complex step, because "  # begins a note
REASONS = 6  # findings
NAME = 20  # characters
HEAD = ("order", "input", "element", "analytic", "numeric", "absolute", "relative", "step", "verdict")


class Row(NamedTuple):
    """One element of one input: its gradient by the rules, beside what the function does.

    `order` is 1 for the gradient, 2 for that of the slope along a random direction; `element` is the index into the
    input, () for a scalar, "direction 1" for a component along a direction. `numeric` is the difference at `step`, and
    `uncertainty` how far it may be off; `complex_step` is None where it was not used. `difference` is relative to the
    larger of both numbers, `absolute` is not. `verdict` is one word, `evidence` what it rests on; `confirmed` says
    whether the differences know a digit of it at all, `excess` how many times the tolerance it is off; `sides` are the
    slopes to the left and to the right at a kink.
    """

    order: int
    input: str
    element: tuple[int, ...] | str
    analytic: float
    numeric: float
    complex_step: float | None
    difference: float
    absolute: float
    step: float
    uncertainty: float
    verdict: str
    evidence: str
    place: Place
    confirmed: bool
    excess: float  # times the tolerance
    sides: tuple[float, float] | None = None

    @property
    def place_name(self) -> str:
        """Which number it is, as w[0, 2]."""
        name = printable(self.input)
        return f"{name}{list(self.element)}" if isinstance(self.element, tuple) and self.element else (
            f"{name}, {self.element}" if self.element else name
        )  # fmt: skip

    def cells(self, orders: bool) -> list[str]:
        """The row as text, one piece per column."""
        element = (
            str(list(self.element)) if isinstance(self.element, tuple) and self.element else str(self.element or "")
        )
        numbers = ["-" if x != x else f"{x + 0.0:.6g}" for x in (self.analytic, self.numeric)]
        if self.sides:
            numbers[1] = " | ".join(f"{x + 0.0:.3g}" for x in self.sides)
        sizes = ["-" if x != x else f"{x:.1e}" for x in (self.absolute, self.difference, self.step)]
        order = str(self.order) if orders else ""
        return [order, tail(self.input), element, *numbers, *sizes, self.verdict]


def tail(name: str) -> str:
    """A name, or the end of it: long ones begin alike."""
    return name if len(name) <= NAME else f"…{name[1 - NAME :]}"


class Finding(NamedTuple):
    """A reason: `where` it lies (an operation and one of its operands, or an input), and what is wrong there.

    `kind` is, for what is wrong: "no gradient", "sign", "factor", "transposed", "axis", "offset", "swapped operands",
    "chain factor", "places", "second derivative", "cut" or "other".
    """

    where: str
    operation: Any
    operand: int | None
    verdict: str
    kind: str
    text: str


class GradientReport:
    """The result of `check_gradients`: `passed`, `verdict`, `rows` (the `worst` first), `findings` and `notes`.

    Printed it is a table, the reasons, and one line to sum up. `curve(row)` is how the difference behaves as the step
    shrinks, at the worst number if none is named; `seed` is what random directions and samples were drawn from.
    """

    def __init__(
        self, rows: list[Row], notes: list[str], findings: list[Finding], verdict: str, rtol: float, seed: int,
        curve: Callable[[Row], Curve],
    ) -> None:  # fmt: skip
        key = lambda row: (SEVERITY.index(row.verdict), row.excess if row.excess == row.excess else inf)  # noqa: E731
        self.rows = sorted(rows, key=key, reverse=True)
        self.notes, self.findings, self.rtol, self.seed, self.draw = notes, findings, rtol, seed, curve
        self.verdict = verdict or self.rows[0].verdict
        self.confirmed = any(row.confirmed for row in rows)
        self.passed = self.verdict in PASSING and self.confirmed

    def __bool__(self) -> bool:
        return self.passed

    @property
    def worst(self) -> Row:
        """The row that agrees least."""
        return self.rows[0]

    def curve(self, row: Row | None = None) -> Curve:
        """The V-curve of one row, of the worst one unless another is named."""
        if not self.rows:
            raise ValueError(f"There is no curve: f is {self.verdict}, so nothing was compared.")
        return self.draw(row or self.worst)

    def conclusion(self) -> str:
        """The last line of the report."""
        count = Counter(row.verdict for row in self.rows)
        if not self.rows or self.verdict not in SEVERITY:
            return f"FAILED: {self.verdict}; the gradient cannot be compared."
        if not self.passed and self.confirmed:
            bad = count["wrong"] + count["not finite"]
            says = "wrong" if self.verdict == "wrong" else "not finite"
            order = f", in the derivative of order {self.worst.order}" if self.worst.order > 1 else ""
            return f"FAILED: {bad} of {len(self.rows)} {says}, worst at {self.worst.place_name}{order}."
        if not self.passed:
            return "FAILED: not one digit of a gradient could be confirmed, whatever the step."
        small = sum(row.verdict == "ok" and row.difference > self.rtol for row in self.rows)  # but it is below atol
        count["ok"] -= small
        count["small"] = small
        agree = f"{count['ok']} {'agrees' if count['ok'] == 1 else 'agree'} within {self.rtol:g}"
        others = {"small": f"differ{'s' * (small == 1)} by less than atol, where no more is asked",
                  "rounding": "as closely as rounding allows", "truncation": "as closely as the step allows",
                  "kink": "at a kink, where the slope is a convention",
                  "not differentiable": "where there is no derivative"}  # fmt: skip
        told = [f"{count[verdict]} {says}" for verdict, says in others.items() if count[verdict]]
        return f"passed: {'; '.join([agree, *told] if count['ok'] else told)}."

    def __str__(self) -> str:
        orders = any(row.order > 1 for row in self.rows)
        table = [list(HEAD if orders else ("", *HEAD[1:])), *(row.cells(orders) for row in self.rows[:SHOWN])]
        if not any(row[2] for row in table[1:]):
            table = [[*row[:2], "", *row[3:]] for row in table]
        lines = aligned(table) if self.rows else []
        if len(self.rows) > SHOWN:
            lines.append(f"... and {len(self.rows) - SHOWN} more")
        text = [*self.evidence(), *(f"why: {finding.text}" for finding in self.findings[:REASONS])]
        notes = [note for note in self.notes if not (self.passed and note.startswith(NO_COMPLEX_STEP))]
        text += [*(f"note: {note}" for note in [*notes, *self.second_oracle()]), self.conclusion()]
        return "\n".join([*lines, *(fill(line, WIDTH, subsequent_indent="  ") for line in text)])

    def second_oracle(self) -> Iterator[str]:
        """What the complex step has to say, where it could be used."""
        rows = [row for row in self.rows if row.complex_step is not None and row.verdict == "ok"]
        apart = [abs(row.analytic - (row.complex_step or 0.0)) / max(abs(row.analytic), 1e-300) for row in rows]
        if rows and max(apart) <= self.rtol:
            yield f"the complex step agrees too, {f'to {max(apart):.0e} of each' if max(apart) else 'exactly'}."

    def evidence(self) -> Iterator[str]:
        """What the worst row of each verdict rests on, where no reason says the same."""
        told = {finding.verdict for finding in self.findings} - {"wrong"}
        for verdict in dict.fromkeys(row.verdict for row in self.rows):
            row = next(row for row in self.rows if row.verdict == verdict)
            if row.evidence and verdict not in told:
                yield f"{row.place_name}: {row.evidence}."

    __repr__ = __str__


class GradientCheckError(GradientError):
    """A gradient is not what the function does when its input moves; `report` says where, by how much, and why."""

    def __init__(self, report: GradientReport) -> None:
        super().__init__(f"the gradient check failed\n{report}")
        self.report = report
