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


every = pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.name)


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


def test_the_verdict_is_right_for_95_percent() -> None:
    misses = [case for case in PLANTED if missed(case)]
    assert len(misses) <= 0.05 * len(PLANTED), listed(misses)


def test_the_kind_of_mistake_is_right_for_90_percent() -> None:
    kinds = [case for case in PLANTED if case.kind]
    misses = [case for case in kinds if outcome(case.name).kind not in case.kind.split("|")]
    assert len(misses) <= 0.1 * len(kinds), listed(misses)


@every
def test_a_mistake_is_never_excused_and_no_excuse_is_called_a_mistake(case: Planted) -> None:
    verdict = outcome(case.name).verdict
    if case.verdict == "wrong":
        assert verdict not in EXCUSES
    else:
        assert verdict != "wrong"


@every
def test_a_check_passes_or_fails_as_its_verdict_says_and_explains_itself(case: Planted) -> None:
    verdict, _, report, refusal = outcome(case.name)
    if report is None:
        assert verdict == "not finite", refusal
        return
    assert report.passed == (verdict not in FAILING and report.confirmed)  # where nothing is known, nothing passes
    assert all(len(line) <= 100 for line in str(report).splitlines())
    told = [*(finding.text for finding in report.findings), *report.notes, report.worst.evidence if report.rows else ""]
    assert verdict == "ok" or any(told)
    assert verdict in str(report) or verdict in ("not deterministic", "input mutated")


def test_the_rule_that_was_broken_is_named() -> None:
    broken = [case for case in PLANTED if case.verdict == "wrong" and len(case.rules) == 1]
    misses = [case for case in broken if blamed(case) != [case.rules[0][:2]]]
    assert len(misses) <= 0.02 * len(broken), "\n".join(f"{case.name}: {blamed(case)}" for case in misses)


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
