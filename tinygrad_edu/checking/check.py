"""`check_gradients`: the gradient of whatever can be checked, beside what it does when its inputs move a little."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from .causes import findings
from .exam import Exam
from .problem import Function, MutationError, problem_of, try_out
from .report import Finding, GradientCheckError, GradientReport, Row


def check_gradients(
    f: Any, *inputs: Any, order: int = 1, names: Any = None, argnums: int | Sequence[int] | None = None,
    gradient: Function | None = None, loss: Function | None = None, step: float | None = None, rtol: float = 1e-6,
    atol: float = 1e-8, dtype: Any = np.float64, seed: int = 0, samples: int = 64, raise_exception: bool = True,
    explain: bool = True,
) -> GradientReport:  # fmt: skip
    """Compare the gradient of `f` with what `f` does when each element of each input moves a little; and say why.

    `f` is one of: a function of Values (numbers, arrays, or trees of them); a recorded loss, whose leaves are the
    inputs; a model, something with `parameters()`, on a batch `x`, or on `x, y` with a `loss(prediction, y)`; a
    function of NumPy together with `gradient`, your own function from the same arrays to one gradient per input. A
    result that is no scalar is summed with fixed random weights. Copies in `dtype` are checked, float64 whatever the
    inputs are; with None they keep theirs. `argnums` are the places of the inputs to check, all by default; `names`
    what they are called, or locals().

    Each element is moved by steps of its own, and the rounding in `f` is measured. `step` is one fixed step instead.
    An input with more than `samples` elements is checked at so many of them and along random directions, drawn from
    `seed`. If every operation is holomorphic the complex step has its say too. `order=2` checks in the same way the
    gradient of the slope along a random direction.

    Numbers agree if they differ by `rtol` of the larger, or by `atol` (by 1e-8 of the largest, if that is less). If
    not, the step is swept and the verdict says what the differences do: "kink" (the gradient lies between the slopes to
    the left and to the right), "rounding" or "truncation" (nothing more can be known), "not differentiable" (a jump,
    an edge): these pass; "wrong" and "not finite" do not, nor does a function that is "not deterministic" or changes
    its input ("input mutated"), nor a check that could confirm not one digit. What is wrong is then looked for rule by
    rule: see `findings` of the report; `explain=False` leaves that out, which takes the longest.

    Raises GradientCheckError, which carries the report, if the check fails (and `raise_exception`); GradientError if
    `f` returns no Value, TypeError or ValueError for what is not a number, nan, or nothing to check.

    >>> print(check_gradients(lambda x: x**3, 2.0))
    input  analytic  numeric  absolute  relative  step     verdict
    x      12        12       0.0e+00   0.0e+00   3.9e-03  ok
    note: the complex step agrees too, exactly.
    passed: 1 agrees within 1e-06.
    """
    sizes = 0 < rtol < inf and 0 <= atol < inf and (step is None or 0 < step < inf)
    if not sizes or order not in (1, 2) or samples < 1:
        raise ValueError(
            f"rtol, samples and step must be above 0, atol at least 0 and order 1 or 2, but "
            f"{rtol=}, {samples=}, {step=}, {atol=}, {order=}."
        )
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise ValueError(f"A gradient is checked in a dtype of floats, such as np.float64, not {np.dtype(dtype)}.")
    problem = problem_of(
        f, inputs, names=names, argnums=argnums, gradient=gradient, loss=loss, dtype=dtype, seed=seed
    )  # fmt: skip
    exam, rows, verdict, found = Exam(problem, step, rtol, atol, samples, seed), list[Row](), "", list[Finding]()
    try:
        try_out(problem)
        verdict = exam.refusal()
        for k in range(1, order + 1) if not verdict else ():
            new = [row._replace(order=k) for row in exam.of(problem if k == 1 else problem.slope).rows()]
            rows += new
            found += findings(exam, new, k) if explain else ()
        verdict = verdict or exam.changed()
    except MutationError as error:
        problem.notes.append(str(error))
        verdict = "input mutated"
    if problem.failure:
        problem.notes.append(f"where an input was moved f raised {problem.failure}: such steps were left out.")
    if problem.printed:
        problem.notes.append("f prints; what it printed after the first call was not shown.")
    told = [*{finding.text: finding for finding in reversed(found)}.values()][::-1]
    report = GradientReport(rows, list(dict.fromkeys(problem.notes)), told, verdict, rtol, seed, exam.curve)
    if raise_exception and not report.passed:
        raise GradientCheckError(report)
    return report
