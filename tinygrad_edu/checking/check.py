"""The comparison: gradients by the backward pass against central differences and the complex step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..backward import order as graph
from ..backward import sweep
from ..domains import holomorphic
from ..errors import GradientError
from ..transforms import vjp
from ..value import Value
from .differences import Function, Line, as_points, central_difference, complex_step, kink, moves
from .report import GradientCheckError, GradientReport, Row


def check_gradients(
    f: Function, *inputs: Any, order: int = 1, step: float | None = None, rtol: float = 1e-6, atol: float = 1e-8,
    seed: int = 0, raise_exception: bool = True,
) -> GradientReport:  # fmt: skip
    """Compare the gradient of `f` with what `f` does when each element of each input moves a little.

    `f` takes Values and returns a Value; a result that is no scalar is summed with fixed random weights, drawn from
    `seed`. `inputs` are numbers, arrays or Values (their labels name them in the report); whatever their type, float64
    copies are checked. `order=2` checks in the same way the gradient of the gradient along a random direction.
    The oracles: central differences (first step `step`) and, if every operation is holomorphic, the complex step; a
    note of the report says why it was not used. Numbers agree if they differ by `rtol` of the larger, or by `atol`.

    At a kink (relu at 0, a tie in max) there is no derivative: the central difference is the mean of the two slopes,
    the library has its convention. A gradient between the slopes to the left and to the right is marked "kink", not
    "wrong". Second derivatives do not exist there: use `order=1`.

    Raises GradientCheckError, which carries the report, if a gradient is wrong (and `raise_exception`), GradientError
    if `f` cannot be checked, ValueError for nan in the inputs or nothing to check.

    >>> check_gradients(lambda x: x**3, 2.0)
    order  input  element  analytic  numeric (central)  complex step  relative difference  verdict
    1      0               12        12                 12            0.0e+00              ok
    passed: 1 agree within 1e-06, the largest difference being 0.0e+00.
    """
    if rtol <= 0 or order < 1:
        raise ValueError(f"rtol must be above 0 and order at least 1, but rtol={rtol} and order={order}.")
    points, random = as_points(inputs), np.random.default_rng(seed)
    f, notes = reduced(f, points, random)
    names = [getattr(x, "label", None) or str(i) for i, x in enumerate(inputs)]
    comparison, rows = Comparison(points, names, step, rtol, atol / rtol, notes), list[Row]()
    for k in range(1, order + 1):
        rows += comparison.rows(f, k)
        f = slope_along(f, [random.standard_normal(x.shape) for x in points])
    report = GradientReport(rows, list(dict.fromkeys(notes)), rtol)
    if raise_exception and not report.passed:
        raise GradientCheckError(report)
    return report


def reduced(f: Function, points: Sequence[np.ndarray], random: np.random.Generator) -> tuple[Function, list[str]]:
    """`f` with a scalar result, and what there is to say about it; GradientError if it cannot be checked."""
    result = f(*map(Value, points))
    if not isinstance(result, Value):
        kind = "an array" if isinstance(result, np.ndarray) else f"a plain {type(result).__name__}"
        raise GradientError(
            f"f returned {kind}, not a Value, so no gradient can reach its inputs: "
            "look for float(v), v.item() or v.data inside it."
        )
    if not np.isfinite(result.data).all():
        raise GradientError("f is not finite at these inputs: tg.detect_anomaly() finds the operation that gave nan.")
    if not result.shape:
        return f, []
    weights = random.uniform(0.5, 1.5, result.shape) * random.choice([-1.0, 1.0], result.shape)
    note = f"the result, of shape {result.shape}, was summed with fixed random weights."
    return lambda *xs: ops.sum(f(*xs) * weights), [note]


def slope_along(f: Function, directions: Sequence[np.ndarray]) -> Function:
    """The slope of `f` along `directions`, as a function: its gradient is made of second derivatives of `f`."""

    def slope(*xs: Value) -> Value:
        _, pullback = vjp(f, *xs)
        return sum((ops.sum(g * d) for g, d in zip(pullback(1.0), directions, strict=True)), Value.node(0.0))

    return slope


class Comparison(NamedTuple):
    """How gradients are compared. `floor` is the size below which `atol` counts; `notes` grows."""

    points: list[np.ndarray]
    names: list[str]
    step: float | None
    rtol: float
    floor: float
    notes: list[str]

    def rows(self, f: Function, order: int) -> Iterator[Row]:
        """One row for every element of every input."""
        leaves = [Value(x) for x in self.points]
        result = f(*leaves)
        gradients = sweep(result, 1.0, leaves) if result.requires_grad else {}
        if order == 1 and not any(x in gradients for x in leaves):
            self.notes.append("no recorded operation leads from an input to the result.")
        exact_ones = self.complex_steps(f, result)
        for (i, index, x, line), exact in zip(moves(f, self.points), exact_ones, strict=True):
            analytic = float(np.broadcast_to(gradients.get(leaves[i], 0.0), leaves[i].shape)[index])
            central, uncertainty = central_difference(line, x, self.step)
            judged = self.judge(analytic, central, uncertainty, exact, x, line)
            yield Row(order, self.names[i], index, analytic, central, exact, *judged)

    def complex_steps(self, f: Function, result: Value) -> Sequence[float | None]:
        """The complex step for each element, or None for all of them and a note that says why."""
        obstacle = ", ".join(sorted({node.op.name for node in graph(result) if not holomorphic(node.op)}))
        try:
            if not obstacle:
                return [complex_step(line) for *_, line in moves(f, self.points)]
        except Exception as error:  # whatever f does with complex numbers is no fault of its gradient
            obstacle = f"f ({type(error).__name__}: {str(error).splitlines()[0]})"
        self.notes.append(f"no complex step, because complex numbers cannot pass through {obstacle}.")
        return [None] * sum(x.size for x in self.points)

    def judge(
        self, analytic: float, central: float, uncertainty: float, exact: float | None, x: float, line: Line
    ) -> tuple[float, str]:
        """The difference to report, and whether it is "ok", at a "kink" or "wrong"."""
        size = max(abs(analytic), abs(central), self.floor)
        to_central = abs(analytic - central) / size
        difference = to_central if exact is None else abs(analytic - exact) / max(size, abs(exact))
        settled = self.rtol + min(uncertainty / size, 1000 * self.rtol)  # what is to be asked of such differences
        if to_central <= settled and (exact is None or difference <= self.rtol):
            return difference, "ok"
        left, right = kink(line, x)
        slack = self.rtol * max(abs(analytic), self.floor)
        return max(to_central, difference), "kink" if left - slack <= analytic <= right + slack else "wrong"
