"""What a check found, element by element, as a table to read."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..errors import GradientError

SHOWN = 12  # rows, the worst first
HEAD = ("order", "input", "element", "analytic", "numeric (central)", "complex step", "relative difference", "verdict")


class Row(NamedTuple):
    """One element of one input: its gradient by the backward pass, and by the oracles.

    `order` is 1 for the gradient, 2 for the gradient of its component along a random direction; `element` is the index
    into the input, () for a scalar; `complex_step` is None where it was not used. `difference` is relative to the
    larger of the two numbers, or to atol / rtol where both are smaller. `verdict` is "ok", "kink" or "wrong".
    """

    order: int
    input: str
    element: tuple[int, ...]
    analytic: float
    central: float
    complex_step: float | None
    difference: float
    verdict: str

    def cells(self) -> list[str]:
        """The row as text, one piece per column."""
        numbers = ["-" if x is None else f"{x:.10g}" for x in (self.analytic, self.central, self.complex_step)]
        place = [str(self.order), self.input, str(list(self.element)) if self.element else ""]
        return [*place, *numbers, f"{self.difference:.1e}", self.verdict]


class GradientReport:
    """The result of `check_gradients`: `passed`, `rows` (the `worst` first) and `notes`; printed as a table."""

    def __init__(self, rows: list[Row], notes: list[str], rtol: float) -> None:
        severity = {"ok": 0, "kink": 1, "wrong": 2}
        rows = sorted(rows, key=lambda row: (severity[row.verdict], row.difference), reverse=True)
        self.rows, self.worst, self.notes, self.rtol = rows, rows[0], notes, rtol
        self.passed = self.worst.verdict != "wrong"

    def verdict(self) -> str:
        """The last line of the table."""
        count, worst = Counter(row.verdict for row in self.rows), self.worst
        if not self.passed:
            place = f", element {list(worst.element)}" if worst.element else ""
            order = f", in the derivative of order {worst.order}" if worst.order > 1 else ""
            return f"FAILED: {count['wrong']} of {len(self.rows)} wrong, worst at input {worst.input}{place}{order}."
        largest = max((row.difference for row in self.rows if row.verdict == "ok"), default=0.0)
        kinks = f"; {count['kink']} at a kink, where the slope is a convention" if count["kink"] else ""
        return f"passed: {count['ok']} agree within {self.rtol:g}, the largest difference being {largest:.1e}{kinks}."

    def __str__(self) -> str:
        table = [list(HEAD), *(row.cells() for row in self.rows[:SHOWN])]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
        more = [f"... and {len(self.rows) - SHOWN} more"] if len(self.rows) > SHOWN else []
        return "\n".join([*lines, *more, *(f"note: {note}" for note in self.notes), self.verdict()])

    __repr__ = __str__


class GradientCheckError(GradientError):
    """A gradient is not what the function does when its input moves; `report` says where, and by how much."""

    def __init__(self, report: GradientReport) -> None:
        super().__init__(f"the gradients do not agree\n{report}")
        self.report = report
