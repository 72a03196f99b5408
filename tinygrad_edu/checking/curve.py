"""The V-curve: how far a central difference is from the gradient, for every size of the step."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, log10
from pathlib import Path
from typing import Any

from ..wording import aligned
from .differences import Level

BAR = 44  # characters
LEAST = 8  # powers of ten that a drawing shows


class Curve:
    """How far the difference is from the gradient as the step shrinks; printed as bars, `plot(path)` as a picture.

    A right gradient gives a V: large steps are off by the curvature (truncation), small ones by rounding. Beside a
    wrong one, and at a kink, the curve is flat. `steps`, `differences` and `errors` are its numbers, `rounding` what
    the noise of the function alone would give at each step; `best` is the place of the least error,
    None where they do not agree.
    """

    def __init__(self, name: str, analytic: float, levels: Sequence[Level], noise: float, verdict: str) -> None:
        levels = [level for level in levels if isfinite(level.central)]
        self.name, self.analytic, self.verdict = name, analytic, verdict
        self.steps = [level.step for level in levels]
        self.differences = [level.central for level in levels]
        self.errors = [abs(level.central - analytic) for level in levels]
        self.rounding = [noise / level.step for level in levels]
        best = min(range(len(levels)), key=lambda i: max(self.errors[i], self.rounding[i]), default=None)
        self.best = best if verdict in ("ok", "rounding", "truncation") else None

    def __str__(self) -> str:
        if not self.steps:
            return f"{self.name}: the function is not finite at any step, so there is no curve."
        low, high = self.range()
        rows = [["step", "difference", "off by", ""]]
        for i, (h, slope, error) in enumerate(zip(self.steps, self.differences, self.errors, strict=True)):
            mark = "  ← best" if i == self.best else ""
            rows.append([f"{h:.0e}", f"{slope:.8g}", f"{error:.0e}", self.bar(error, i, low, high) + mark])
        title = f"how far the central difference of {self.name} is from the gradient {self.analytic:.8g}"
        shape = "a V: too coarse above, drowned in rounding below" if self.best is not None else "no step comes closer"
        return "\n".join([title, *aligned(rows), f"█ off by (logarithmic), {shape}   │ rounding alone"])

    def range(self) -> tuple[float, float]:
        """The smallest and the largest error worth showing, as powers of ten."""
        seen = [x for x in (*self.errors, *self.rounding) if 0 < x < inf] or [1e-16, 1.0]
        high = max(log10(max(seen)), log10(min(seen)) + 1)
        return min(log10(min(seen)), high - LEAST), high  # a flat curve has bars as well

    def bar(self, error: float, i: int, low: float, high: float) -> str:
        """One line of the drawing."""

        def place(x: float) -> int:
            return round((log10(x) - low) / (high - low) * (BAR - 1)) if 0 < x < inf else 0 if x == 0 else BAR

        length, mark = place(error) if isfinite(error) else 0, place(self.rounding[i])
        cells = ["█" if k < length else " " for k in range(max(length, mark + 1))]
        cells[mark] = "│"
        return "".join(cells).rstrip()

    __repr__ = __str__

    def plot(self, path: str | Path | None = None) -> Any:
        """The curve as a figure of matplotlib, on two logarithmic axes; written to `path` if one is given.

        Raises ImportError, naming the extra, without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise ImportError('A plot of the curve needs matplotlib: pip install "tinygrad-edu[plot]".') from None
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log", xlabel="step h", ylabel="|difference − gradient|")
        axes.plot(self.steps, [error or float("nan") for error in self.errors], "o-", color="#1f5fa8", label="off by")
        axes.plot(self.steps, self.rounding, "--", color="#8a8a8a", label="rounding alone")
        if self.best is not None and self.errors[self.best]:
            axes.plot(
                self.steps[self.best],
                self.errors[self.best],
                "o",
                ms=11,
                mfc="none",
                color="#c0392b",
                label="best step",
            )
        axes.set_title(f"{self.name}: {self.verdict}", loc="left", parse_math=False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        for edge in ("top", "right"):
            axes.spines[edge].set_visible(False)
        if path is not None:
            figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)
        return figure
