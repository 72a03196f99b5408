"""Every rule of the table, made wrong in five ways: the check rejects each one, and names the rule.

A mutant whose gradients are those of the right rule (twice a slope of 0, the exchanged operands of a sum) is no
mistake, and one that does not fit together (x for y, where they have different shapes) cannot be made: both are
counted.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from test_table import RULED, differentiable, problem

import tinygrad_edu as tg
from tinygrad_edu import domains, ops

Rule = Callable[..., Any]
LARGEST = 24  # elements of a case: small ones are checked fast


# -- five ways to be wrong ---------------------------------------------------------------------------------------------


def factor(row: ops.Op, operand: int, rule: Rule) -> Rule:
    return lambda *at, **settings: 2 * rule(*at, **settings)


def sign(row: ops.Op, operand: int, rule: Rule) -> Rule:
    return lambda *at, **settings: -rule(*at, **settings)


def offset(row: ops.Op, operand: int, rule: Rule) -> Rule:
    return lambda *at, **settings: rule(*at, **settings) + 0.7


def swapped_operands(row: ops.Op, operand: int, rule: Rule) -> Rule:
    """Of two operands each one for the other; of one operand the operand for the result."""
    if row.arity is None:
        return rule_of(row, 1 - operand)
    if row.arity == 1:
        return lambda g, y, x, **settings: rule(g, x, y, **settings)

    def swapped(g: Any, y: Any, *operands: Any, **settings: Any) -> Any:
        exchanged, other = list(operands), (operand + 1) % len(operands)
        exchanged[operand], exchanged[other] = exchanged[other], exchanged[operand]
        return rule(g, y, *exchanged, **settings)

    return swapped


def dropped_axis(row: ops.Op, operand: int, rule: Rule) -> Rule:
    """The first slice only, where the slices are to be summed up; else each slice gets the sum of all."""

    def dropped(g: Any, y: Any, *operands: Any, **settings: Any) -> Any:
        gain, x = rule(g, y, *operands, **settings), operands[operand]
        long = [i for i, n in enumerate(np.shape(gain)) if n > 1]
        if not long:
            return gain
        if np.shape(gain) != np.shape(x):
            lead = np.ndim(gain) - np.ndim(x)
            summed = [i for i in long if i < lead or np.shape(x)[i - lead] == 1]
            return np.take(gain, [0], axis=summed[0]) if summed else gain
        return np.sum(gain, axis=long[0], keepdims=True) + np.zeros_like(gain)

    return dropped


WAYS = {
    "factor": factor, "sign": sign, "offset": offset, "swapped operands": swapped_operands, "axis": dropped_axis,
}  # fmt: skip


def rule_of(row: ops.Op, operand: int) -> Rule:
    return next(rule for i, rule in enumerate(row.rules) if i == operand)


def mutated(row: ops.Op, operand: int, way: str) -> Any:
    """The rules of the row, one of them wrong."""
    rules = row.rules
    wrong = WAYS[way](row, operand, rule_of(row, operand))
    if isinstance(rules, ops.Each):
        return ops.Each(lambda i: wrong if i == operand else rules.each(i))
    return tuple(wrong if i == operand else rule for i, rule in enumerate(rules))


# -- which of them are mistakes ----------------------------------------------------------------------------------------


class Mutant(NamedTuple):
    """A mistake, a case that shows it, and what it comes to there: a wrong operand may be just a wrong sign."""

    row: ops.Op
    operand: int
    way: str
    case: domains.Case
    kinds: frozenset[str]


def gradient(row: ops.Op, case: domains.Case, operand: int) -> Any:
    """The gradient of one operand, of the result's elements with weights."""
    f, inputs = problem(row, case)
    value, pullback = tg.vjp(f, *inputs)
    weights = np.random.default_rng(8).uniform(0.5, 1.5, np.shape(value))
    return np.asarray(pullback(weights if weights.shape else 1.25)[differentiable(row, case).index(operand)])


def kinds(way: str, right: Any, wrong: Any) -> set[str]:
    """The kind of the mutation, and every kind that its numbers cannot be told from."""
    found = {way}
    ratio = wrong[right != 0] / right[right != 0]
    if np.all(wrong[right == 0] == 0) and np.allclose(ratio, ratio[:1]):
        found |= {"no gradient"} if not ratio.any() else {"sign"} if np.allclose(ratio, -1) else {"factor"}
    if np.allclose(wrong - right, (wrong - right).flat[0], rtol=1e-6):
        found.add("offset")
    if right.ndim == 2 and right.T.shape == right.shape and np.allclose(wrong, right.T):
        found.add("transposed")
    if np.allclose(np.sort(wrong, axis=None), np.sort(right, axis=None)):
        found.add("places")
    return found


@functools.cache
def mutants(row: ops.Op) -> tuple[list[Mutant], Counter[str]]:
    """The mistakes of a row, each with the case that shows it most clearly; and how many mutants are none, and why."""
    made, excluded, rules = list[Mutant](), Counter[str](), row.rules
    for operand in [i for i in range(row.arity or 2) if row.arity is None or rules[i]]:
        right = {
            i: gradient(row, case, operand) for i, case in enumerate(domains.cases(row)) if fits(row, case, operand)
        }
        for way in WAYS:
            row.rules = mutated(row, operand, way)
            try:
                shown = list(showing(row, operand, way, right))
            finally:
                row.rules = rules
            telling = [mutant for mutant in shown if mutant is not None]
            if telling:
                made.append(min(telling, key=lambda mutant: len(mutant.kinds)))
            else:
                excluded["the same numbers" if shown else "does not fit"] += 1
    return made, excluded


def fits(row: ops.Op, case: domains.Case, operand: int) -> bool:
    sizes = [np.size(x) for x in problem(row, case)[1]]
    return operand in differentiable(row, case) and min(sizes) > 0 and sum(sizes) <= LARGEST


def showing(row: ops.Op, operand: int, way: str, right: dict[int, Any]) -> Iterator[Mutant | None]:
    """For every case that the mutant can compute: itself, or None if the numbers are the right ones."""
    for i, case in enumerate(domains.cases(row)):
        if i not in right:
            continue
        try:
            with np.errstate(all="ignore"):
                wrong = gradient(row, case, operand)
        except (ValueError, TypeError, IndexError, AttributeError, tg.GradientError):
            continue  # the shapes do not fit together
        if not np.all(np.isfinite(wrong)):
            continue  # nor do the numbers
        same = np.allclose(wrong, right[i], rtol=1e-9, atol=1e-12)
        yield None if same else Mutant(row, operand, way, case, frozenset(kinds(way, right[i], wrong)))


# -- each is rejected --------------------------------------------------------------------------------------------------


@functools.cache
def reports(row: ops.Op) -> list[Any]:
    """What the check says of each mutant of a row."""
    rules, found = row.rules, []
    for mutant in mutants(row)[0]:
        f, inputs = problem(row, mutant.case)
        row.rules = mutated(row, mutant.operand, mutant.way)
        try:
            found.append(tg.check_gradients(f, *inputs, raise_exception=False))
        finally:
            row.rules = rules
    return found


def test_every_mutant_of_every_rule_is_rejected_named_and_its_kind_told() -> None:
    """All of them in one test, so that each is checked once, whatever process it falls to."""
    told, missed = 0, list[str]()
    for row in RULED:
        assert mutants(row)[0]
        for mutant, report in zip(mutants(row)[0], reports(row), strict=True):
            what = f"{row.name}, operand {mutant.operand}, {mutant.way}, {mutant.case}\n{report}"
            assert not report.passed, what
            assert report.verdict == "wrong", what
            finding = next(finding for finding in report.findings if finding.verdict == "wrong")
            assert finding.operation is row, what
            assert finding.operand == mutant.operand, what
            if mutant.way == "swapped operands" and row.arity == 1 and len(mutant.kinds) == 1:
                continue  # x for y: there is no second operand to take for the first, and no kind is meant
            told += finding.kind in mutant.kinds
            if finding.kind not in mutant.kinds:
                missed.append(f"{row.name}, operand {mutant.operand}: {sorted(mutant.kinds)}, but told {finding.kind}")
    assert told >= 9 * len(missed), "\n".join(missed)


def test_how_many_mutants_there_are() -> None:
    made = Counter(mutant.way for row in RULED for mutant in mutants(row)[0])
    excluded = sum((mutants(row)[1] for row in RULED), Counter[str]())
    count = sum(row.arity is None or bool(row.rules[i]) for row in RULED for i in range(row.arity or 2))
    assert sum(made.values()) + sum(excluded.values()) == 5 * count
    assert made["offset"] == count  # nothing hides a constant
    assert min(made["factor"], made["sign"]) >= 0.85 * count  # but for slopes of 0
    assert sum(made.values()) >= 0.7 * 5 * count
