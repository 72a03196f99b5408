"""The whole battery for an operation of your own: what it computes, its rules, its derivatives, its manners.

An operation that is right at three points can be wrong in many ways. Each check looks for one kind of mistake, on
numbers drawn from the operation's domain, and says what it found and what to write instead.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from .. import domains, ops
from ..domains import Case, Domain
from ..errors import GradientError
from ..wording import aligned
from . import manners, rules, slopes
from .candidate import Candidate, Flaw, Skipped

LETTERS = ("x", "a, b", "a, b, x")
WIDTH = 100
CHECKS: dict[str, Callable[[Candidate], Iterator[Flaw]]] = {
    "it runs": manners.runs,
    "writes into nothing": manners.in_place,
    "same again": manners.memory,
    "numbers": manners.numbers,
    "plain numbers as arrays": manners.scalars,
    "broadcasting": manners.broadcasting,
    "float32 stays": manners.float32,
    "rules are linear in g": rules.linear,
    "rules speak rows": rules.speaks_rows,
    "complex step": slopes.complex_step,
    "first derivatives": slopes.first_derivatives,
    "second derivatives": slopes.second_derivatives,
    "special points": slopes.special_points,
    "formulas": rules.formula,
    "empty arrays": manners.empty,
    "found by name": manners.by_name,
}
FOLLOW = {  # what is not looked at while something else fails, of which it would be a consequence
    "it runs": [*CHECKS][1:], "writes into nothing": [*CHECKS][2:], "same again": [*CHECKS][3:],
    "numbers": ["first derivatives", "second derivatives", "special points", "complex step", "formulas"],
    "plain numbers as arrays": ["first derivatives", "second derivatives", "special points"],
    "broadcasting": ["rules are linear in g", "first derivatives", "second derivatives", "empty arrays"],
    "rules are linear in g": ["first derivatives", "second derivatives", "special points", "formulas"],
    "rules speak rows": ["second derivatives", "formulas", "empty arrays"],
    "first derivatives": ["second derivatives", "special points", "empty arrays"],
}  # fmt: skip


class Line(NamedTuple):
    """One check: its name, "FAILED", "passed" or "skipped", what was found, and what to write instead."""

    check: str
    verdict: str
    found: str
    instead: str = ""


class OperationReport:
    """What the battery found: `passed`, and `lines`, those that failed first; printed as a table."""

    def __init__(self, op: ops.Op, lines: list[Line]) -> None:
        self.op = op
        self.lines = sorted(lines, key=lambda line: ("FAILED", "passed", "skipped").index(line.verdict))
        self.passed = all(line.verdict != "FAILED" for line in lines)

    def failures(self) -> list[Line]:
        """The lines of the checks that failed, the most fundamental first."""
        return [line for line in self.lines if line.verdict == "FAILED"]

    def __str__(self) -> str:
        table = aligned(
            [[line.check, line.verdict, line.found if line.verdict != "FAILED" else ""] for line in self.lines]
        )
        failed = self.failures()
        lines = [row.rstrip() for row in table[len(failed) :]]
        above = [text for line in failed for text in paragraphs(line)]
        count = sum(line.verdict != "skipped" for line in self.lines)
        end = f"{self.op.name} passed all {count} checks." if self.passed else (
            f"{self.op.name} failed {len(failed)} of {count} checks."
        )  # fmt: skip
        return "\n".join([*above, *lines, end])

    __repr__ = __str__


def paragraphs(line: Line) -> Iterator[str]:
    """A failed check in a few lines of text."""
    yield f"{line.check}: FAILED"
    for text in (line.found, line.instead and f"instead: {line.instead}"):
        if text:
            yield from textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


class OperationError(GradientError):
    """An operation did not pass the battery; `report` says what is wrong with it."""

    def __init__(self, report: OperationReport) -> None:
        super().__init__(f"{report.op.name} is not right\n{report}")
        self.report = report


def check_operation(
    op: ops.Op, *, where: str | None = None, cases: Iterable[Case] = (), holomorphic: bool | None = None, seed: int = 0,
    raise_exception: bool = True,
) -> OperationReport:  # fmt: skip
    """Examine an operation from all sides: its numbers, its rules, its derivatives of both orders, its manners.

    It is tried on numbers from its line in the table of domains, which `tg.operation(...)` writes. For a bare row
    (`ops.Op`), or to say it differently: `where` are the operands with their conditions, "x > 0" or "a, b != 0", and
    `cases` the shapes and settings to try, as `domains.at((2, 3), axis=0)`; else numbers and arrays of several shapes,
    with each setting also at another value. `holomorphic` says whether complex numbers may pass.

    Raises OperationError, which carries the report, if anything is wrong (and `raise_exception`); TypeError for
    what is no operation.

    >>> from tinygrad_edu import ops
    >>> report = check_operation(ops.tanh)
    >>> report.passed
    True
    >>> print(str(report).splitlines()[-1])
    tanh passed all 16 checks.
    """
    if not isinstance(op, ops.Op):
        raise TypeError(f"{op!r} is no operation with rules: for a function use tg.check_gradients(f, *inputs).")
    with at_home(op, where, tuple(cases), holomorphic), np.errstate(all="ignore"):
        candidate = Candidate.of(op, seed)
        lines = list[Line]()
        for name, check in CHECKS.items():
            cause = next(
                (done.check for done in lines if done.verdict == "FAILED" and name in FOLLOW.get(done.check, ())), ""
            )
            lines.append(
                Line(name, "skipped", f"not before this is right: {cause}") if cause else line(candidate, name, check)
            )
    report = OperationReport(op, lines)
    if raise_exception and not report.passed:
        raise OperationError(report)
    return report


def line(candidate: Candidate, name: str, check: Callable[[Candidate], Iterator[Flaw]]) -> Line:
    """The outcome of one check: its first problem, unless there is none."""
    try:
        problem = next(check(candidate), None)
    except Skipped as reason:
        return Line(name, "skipped", str(reason))
    except Exception as error:  # whatever an operation of somebody's own may raise
        return Line(
            name, "FAILED", f"raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        )
    if problem is None:
        return Line(name, "passed", "")
    return Line(name, "passed" if problem.harmless else "FAILED", problem.found, problem.instead)


@contextmanager
def at_home(op: ops.Op, where: str | None, cases: tuple[Case, ...], holomorphic: bool | None) -> Iterator[None]:
    """While it is examined, the operation has a line in the table of domains, with what was said about it here."""
    before = domains.DOMAINS.get(op)
    count = op.arity or 2
    letters = "*x" if op.arity is None else LETTERS[count - 1] if count <= len(LETTERS) else ", ".join(["x"] * count)
    known = before or Domain(op, "", letters, real_only=True)
    known = known._replace(operands=where or known.operands, cases=cases or known.cases)
    if holomorphic is not None:
        known = known._replace(real_only=not holomorphic)
    domains.DOMAINS[op] = known
    try:
        if not known.cases and op not in domains.CASES and (op.arity is None or count > len(LETTERS)):
            domains.DOMAINS[op] = known._replace(cases=tuple(Case(((n,),) * count, {}) for n in (1, 3)))
        yield
    finally:
        if before is None:
            del domains.DOMAINS[op]
        else:
            domains.DOMAINS[op] = before
