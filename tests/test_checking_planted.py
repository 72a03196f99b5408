"""The gradient checker's exam: functions with a known verdict, right and wrong ones, see planted.py."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import pytest
from planted import NETWORK, PLANTED, Planted, standing, student, student_loss

import tinygrad_edu as tg

FAILING = {"wrong", "not finite", "not deterministic", "input mutated"}
EXCUSES = {"kink", "rounding", "truncation"}
NAMES = ("w1", "b1", "w2", "b2")
BY_NAME = {case.name: case for case in PLANTED}


class Outcome(NamedTuple):
    """What the check said: the verdict, the kind of the first mistake found, and the report (None if it refused)."""

    verdict: str
    kind: str
    report: Any
    refusal: str


@functools.cache
def outcome(name: str) -> Outcome:
    case = BY_NAME[name]
    with standing(case) as f, np.errstate(all="ignore"):
        try:
            report = tg.check_gradients(f, *case.inputs, raise_exception=False, **case.options)
        except tg.GradientError as error:
            said = str(error)
            return Outcome("not finite" if "not finite" in said else "refused", "", None, said)
    kinds = [finding.kind for finding in report.findings if finding.verdict == "wrong"]
    return Outcome(report.verdict, kinds[0] if kinds else "", report, "")


def missed(case: Planted) -> bool:
    return outcome(case.name).verdict not in case.verdict.split("|")


def listed(cases: list[Planted]) -> str:
    """The misses, one line each."""
    return "\n".join(
        f"{case.name}: {case.verdict} {case.kind}, but told {outcome(case.name).verdict} {outcome(case.name).kind}"
        for case in cases
    )


def test_there_are_200_planted_cases_each_with_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(PLANTED) >= 200


def test_the_exam() -> None:
    """All of it in one test, so that each case is checked once, whatever process it falls to."""
    wrong = [case for case in PLANTED if missed(case)]
    assert len(wrong) <= 0.05 * len(PLANTED), listed(wrong)
    kinds = [case for case in PLANTED if case.kind]
    wrong = [case for case in kinds if outcome(case.name).kind not in case.kind.split("|")]
    assert len(wrong) <= 0.1 * len(kinds), listed(wrong)
    assert not (confused := [case for case in PLANTED if is_confused(case)]), listed(confused)
    assert not (unexplained := [case for case in PLANTED if not explains_itself(case)]), listed(unexplained)
    broken = [case for case in PLANTED if case.verdict == "wrong" and len(case.rules) == 1]
    misses = [case for case in broken if blamed(case) != [case.rules[0][:2]]]
    assert len(misses) <= 0.02 * len(broken), "\n".join(f"{case.name}: {blamed(case)}" for case in misses)


def is_confused(case: Planted) -> bool:
    """Whether a mistake was excused, or something else called a mistake."""
    verdict = outcome(case.name).verdict
    return verdict in EXCUSES if case.verdict == "wrong" else verdict == "wrong"


def explains_itself(case: Planted) -> bool:
    """Whether the check passes or fails as its verdict says, and says why, in lines of a page."""
    verdict, _, report, _ = outcome(case.name)
    if report is None:
        return verdict == "not finite"
    told = [*(finding.text for finding in report.findings), *report.notes, report.worst.evidence if report.rows else ""]
    return (
        report.passed == (verdict not in FAILING and report.confirmed)  # where nothing is known, nothing passes
        and all(len(line) <= 100 for line in str(report).splitlines())
        and (verdict == "ok" or any(told))
        and (verdict in str(report) or verdict in ("not deterministic", "input mutated"))
    )


def blamed(case: Planted) -> list[tuple[Any, Any]]:
    """The rules that are called wrong."""
    report = outcome(case.name).report
    return [(finding.operation, finding.operand) for finding in report.findings if finding.verdict == "wrong"]


@pytest.mark.parametrize("name", NAMES)
def test_the_input_is_named_whose_gradient_alone_is_wrong(name: str) -> None:
    """A slip in the last line for one parameter leaves all others right."""
    slip = student(**{f"d{name}": lambda v: 2.0 + np.zeros_like(NETWORK[NAMES.index(name)])})
    report = tg.check_gradients(student_loss, *NETWORK, gradient=slip, names=NAMES, raise_exception=False)
    assert {row.input for row in report.rows if row.verdict == "wrong"} == {name}
    wrong = [finding for finding in report.findings if finding.verdict == "wrong"]
    assert len(wrong) == 1
    assert name in wrong[0].where


def test_the_functions_and_rules_are_as_before() -> None:
    before = dict(tg.ops.TABLE), [row.rules for row in tg.ops.TABLE.values()]
    for case in PLANTED:
        with standing(case):
            pass
    assert (dict(tg.ops.TABLE), [row.rules for row in tg.ops.TABLE.values()]) == before
