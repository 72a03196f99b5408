"""Checks of the derivatives: against differences, of both orders, at special points, by the complex step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import domains, ops
from ..checking import GradientReport, Row, check_gradients, numerical_gradient
from ..domains import Case
from ..transforms import vjp
from .candidate import Candidate, Drawn, Flaw, Skipped, close, first_line, plain, short_result
from .spelling import literal


LARGE = 8  # elements: second derivatives are checked on less
FEW, MANY = 4, 64  # elements at which second and first derivatives are checked, besides random directions
NOTHING = 1e-13  # a difference below which even a gradient that is nearly 0 counts as right


class Sample(NamedTuple):
    """One number of a gradient that was checked."""

    wrong: bool
    operand: int
    place: Any  # the index of the number in the operand
    drawn: Drawn
    row: Row | None  # of the report, if anything could be compared
    report: Callable[[], GradientReport]  # with the reasons, which take their time

    @property
    def x(self) -> float:
        """The number."""
        x = np.asarray(self.drawn.operands[self.operand])
        return float(x[self.place]) if isinstance(self.place, tuple) else math.nan

    def says(self) -> str:
        """How it is wrong."""
        if self.row is None:
            return "; ".join([self.report().verdict, *self.report().notes])
        wrong = [finding for finding in self.report().findings if finding.verdict == "wrong"]
        why = next((f": {finding.text}" for finding in wrong if finding.operand == self.operand), ".")
        return f"it gives {self.row.analytic:.6g} where differences give {self.row.numeric:.6g}{why}"


Trait = Callable[[Sample], bool]


def function(candidate: Candidate, drawn: Drawn) -> Callable[..., Any]:
    """The operation as a function of its free operands."""

    def f(*inputs: Any) -> Any:
        given = dict(zip(drawn.free, inputs, strict=True))
        return candidate.apply(drawn, [given.get(i, x) for i, x in enumerate(drawn.operands)])

    return f


def samples(candidate: Candidate, drawn: Drawn, order: int) -> list[Sample]:
    """Every number of the gradient of one case, checked."""
    inputs = [drawn.operands[i] for i in drawn.free]
    names = [str(i) for i in drawn.free]
    few = FEW if order == 2 else MANY
    explained = partial(
        check_gradients,
        function(candidate, drawn),
        *inputs,
        order=order,
        names=names,
        samples=few,
        raise_exception=False,
    )
    report = explained(explain=False)
    found = []
    for row in report.rows:
        wrong = row.verdict in ("wrong", "not finite") and row.order == order and not row.absolute < NOTHING
        found.append(Sample(wrong, int(row.input), row.element, drawn, row, explained))
    if not report.rows and not report.passed:
        found.append(Sample(True, drawn.free[0], "", drawn, None, explained))
    return found


def derivatives(candidate: Candidate, order: int) -> Iterator[Flaw]:
    """The gradient is what the function does when an operand moves a little."""
    if not candidate.op.rules or all(
        rule is None for _, rule in zip(range(candidate.op.arity or 1), candidate.op.rules)
    ):
        yield from no_slope(candidate)
        return
    checked: list[Sample] = []
    chosen = [drawn for drawn in [*candidate.drawn, *candidate.wide] if drawn.free]
    limit = max(LARGE, min(map(size, chosen), default=0)) if order == 2 else math.inf
    for drawn in chosen:
        if size(drawn) <= limit:
            try:
                checked += samples(candidate, drawn, order)
            except GradientErrors as error:
                yield Flaw(
                    f"at {candidate.at(drawn)}: {first_line(error)}", "a rule returns an array of its operand's shape"
                )
                return
    bad = [sample for sample in checked if sample.wrong]
    if bad:
        yield told(candidate, checked, bad, order)


def size(drawn: Drawn) -> int:
    """How many numbers a gradient has."""
    return sum(np.size(drawn.operands[i]) for i in drawn.free)


GradientErrors = (RuntimeError, ValueError, TypeError, IndexError)


def first_derivatives(candidate: Candidate) -> Iterator[Flaw]:
    """Each rule is the slope."""
    return derivatives(candidate, 1)


def second_derivatives(candidate: Candidate) -> Iterator[Flaw]:
    """Each rule, differentiated, is the slope of the slope."""
    if not candidate.op.rules:
        raise Skipped("it has no rule")
    yield from derivatives(candidate, 2)


def no_slope(candidate: Candidate) -> Iterator[Flaw]:
    """An operation without any rule must not move with its operands."""
    for drawn in candidate.drawn:
        if not drawn.free:
            continue
        weights, f = candidate.g(candidate.apply(drawn)), function(candidate, drawn)

        def total(*inputs: Any, weights: Any = weights, f: Any = f) -> float:
            return float(np.sum(f(*map(plain, inputs)) * weights))

        slopes = numerical_gradient(total, *[drawn.operands[i] for i in drawn.free])
        if any(np.any(np.abs(slope) > 1e-6) for slope in slopes):
            yield Flaw(
                "it has no rule, though its result moves with its operands", "one rule for each operand: g * slope"
            )
            return


def told(candidate: Candidate, checked: list[Sample], bad: list[Sample], order: int) -> Flaw:
    """What the wrong numbers have in common, and what is wrong with the first of them."""
    operands = sorted({sample.operand for sample in bad})
    letters = " and ".join(candidate.letter(i) for i in operands)
    same = [sample for sample in checked if sample.operand in operands]
    traits = [*features(candidate, bad)]
    only = next((text for text, holds in traits if splits(same, holds)), "")
    only = only or next((text for text, holds in traits if "=" in text and among(same, holds)), "")
    rules = [rule for rule, _ in zip(candidate.op.rules, range(max(operands) + 1))]
    where = f"the {'second ' if order == 2 else ''}derivative in {letters} is wrong{only}: "
    example = min(
        bad, key=lambda sample: (np.size(sample.drawn.operands[sample.operand]), sample.drawn.kind != "usual")
    )
    if order == 1 and any(rules[i] is None for i in operands):
        return Flaw(
            f"{where}the rule of {letters} is None, though the result moves with it",
            "g * slope; None means that there never is a gradient",
        )
    instead = "on paper first; then g * slope, in signs and operations" if order == 1 else (
        "the first derivative is right, so it is how the rule is written: y, the operands and operations of the "
        "library only; what is computed outside of them is a constant to the second derivative"
    )  # fmt: skip
    if "=" in only:
        instead = "a rule receives the settings by name: use them as compute does"
    return Flaw(f"{where}at {spot(candidate, example)}, {example.says()}", instead)


def spot(candidate: Candidate, sample: Sample) -> str:
    """Which number of which operand, and its settings."""
    x, settings = sample.drawn.operands[sample.operand], sample.drawn.case.settings
    if not np.shape(x) or not isinstance(sample.place, tuple):
        return candidate.at(sample.drawn)
    told = "".join(f", {key}={literal(value)}" for key, value in settings.items())
    return f"{candidate.letter(sample.operand)}{list(sample.place)} = {sample.x:.4g} of an array {np.shape(x)}{told}"


def splits(samples: list[Sample], holds: Trait) -> bool:
    """Whether what is wrong is just what a feature says, and there is something right without it."""
    return all(holds(s) == s.wrong for s in samples) and any(not s.wrong for s in samples)


def among(samples: list[Sample], holds: Trait) -> bool:
    """Whether all that is wrong has a feature, and what has it not is right."""
    return all(holds(s) for s in samples if s.wrong) and any(not holds(s) for s in samples)


def features(candidate: Candidate, bad: list[Sample]) -> Iterator[tuple[str, Trait]]:
    """What may tell the wrong numbers from the right ones."""
    for name, x in bad[0].drawn.case.settings.items():
        yield f" with {name}={literal(x)}", partial(has_setting, name, literal(x), "")
    for name, default in candidate.op.settings.items():
        usual = literal(default)
        told = f" with another {name} than {usual} (is {name}= used in the rule?)"
        yield told, partial(no_setting, name, usual)
    yield " for negative numbers only", lambda sample: sample.x < 0
    yield " for positive numbers only", lambda sample: sample.x > 0
    yield " for large numbers only", lambda sample: sample.drawn.kind == "far"
    yield " for large numbers only", lambda sample: sample.drawn.kind == "far" and abs(sample.x) > 3
    for n in range(4):
        dims = "plain numbers" if n == 0 else f"arrays of {n} dimension{'s' * (n > 1)}"
        yield f" for {dims} only", partial(has_dimensions, n)
    yield " for arrays only", lambda sample: any(map(np.ndim, sample.drawn.operands))
    yield " for arrays of 2 or more dimensions only", lambda sample: max(map(np.ndim, sample.drawn.operands)) > 1
    yield " where operands are stretched", lambda sample: len({np.shape(x) for x in sample.drawn.operands}) > 1


def has_setting(name: str, value: str, usual: str, sample: Sample) -> bool:
    """Whether a setting has this value; `usual` if it is not mentioned."""
    settings = sample.drawn.case.settings
    return (literal(settings[name]) if name in settings else usual) == value


def no_setting(name: str, usual: str, sample: Sample) -> bool:
    """Whether a setting has another value than usual."""
    return not has_setting(name, usual, usual, sample)


def has_dimensions(n: int, sample: Sample) -> bool:
    """Whether the operands have so many axes at most."""
    return max(map(np.ndim, sample.drawn.operands)) == n


def special_points(candidate: Candidate) -> Iterator[Flaw]:
    """At 0, at equal operands and at its kinks the gradient is no nan, and lies between the slopes on both sides."""
    if not candidate.op.rules or candidate.op.arity is None:
        raise Skipped("there is none")
    looked = False
    for drawn in points(candidate):
        try:
            value = candidate.apply(drawn)
        except Exception:
            continue
        if not np.all(np.isfinite(value)):
            continue
        looked = True
        at = ", ".join(f"{candidate.letter(i)} = {literal(drawn.operands[i])}" for i in range(len(drawn.operands)))
        f = function(candidate, drawn)
        _, pullback = vjp(f, *[drawn.operands[i] for i in drawn.free])
        gains = pullback(np.ones(np.shape(value)) if np.shape(value) else 1.0)
        if any(np.any(np.isnan(plain(gain))) for gain in gains) and not promised_nan(candidate, drawn):
            yield Flaw(
                f"the gradient is nan at {at}, where the value is {short_result(value)}",
                "one nan spoils a training run: ops.ratio(a, b) is a / b, and 0 where b is 0; or tg.where",
            )
            return
        report = check_gradients(f, *[drawn.operands[i] for i in drawn.free], raise_exception=False)
        wrong = [row for row in report.rows if row.verdict == "wrong"]
        if wrong and all(np.all(np.isfinite(plain(gain))) for gain in gains):
            yield Flaw(
                f"at {at} the gradient is {wrong[0].analytic:.6g}, which is no slope there: {wrong[0].evidence}",
                "at a kink any number between the slopes to the left and to the right will do",
            )
            return
    if not looked:
        raise Skipped("there is none")


def promised_nan(candidate: Candidate, drawn: Drawn) -> bool:
    """Whether the table says that the gradient is nan here, or nothing at all."""
    for kink in domains.kinks(candidate.op):
        same = len(kink.point) == len(drawn.operands) and all(
            np.array_equal(a, b) for a, b in zip(kink.point, drawn.operands, strict=True)
        )
        if same and any(g is None or np.any(np.isnan(g)) for g in kink.gradient):
            return True
    return False


def points(candidate: Candidate) -> Iterator[Drawn]:
    """Operands at 0, equal operands, and the kinks that are known."""
    arity = candidate.op.arity or 1
    for kink in domains.kinks(candidate.op):
        operands = [np.array(x) if np.shape(x) else float(x) for x in kink.point]
        if all(np.all(np.isfinite(x)) for x in operands) and kink.convention and finite(kink):
            yield Drawn(Case(tuple(map(np.shape, operands)), {}), operands, [*range(len(operands))], "kink")
    if candidate.elementwise:
        usual = candidate.draw(Case(((),) * arity, {})).operands
        smooth = [i for i in range(arity) if candidate.conditions[i] in ("x", "x != 0")]
        special = [[*usual[:i], x, *usual[i + 1 :]] for i in smooth for x in (0.0, 1.0, -1.0)]
        special += [[0.0] * arity, [1.0] * arity, [-1.0] * arity] if len(smooth) == arity > 1 else []
        for operands in special:
            yield Drawn(Case(((),) * arity, {}), operands, [*range(arity)], "special")


def finite(kink: domains.Kink) -> bool:
    """Whether a gradient is promised at a kink."""
    return all(g is not None and np.all(np.isfinite(g)) for g in kink.gradient)


def complex_step(candidate: Candidate) -> Iterator[Flaw]:
    """Where complex numbers may pass, the complex step is the derivative."""
    if not domains.holomorphic(candidate.op) or not candidate.op.rules:
        raise Skipped("it is not said to be holomorphic")
    for drawn in candidate.drawn:
        if not drawn.free:
            continue
        weights = candidate.g(candidate.apply(drawn))
        f = function(candidate, drawn)
        scalar: Callable[..., Any] = lambda *xs: ops.sum(f(*xs) * weights) if np.shape(weights) else f(*xs) * weights  # noqa: B023, E731
        inputs = [drawn.operands[i] for i in drawn.free]
        instead = (
            "let compute pass complex numbers on (no abs, .real, astype(float), np.maximum), or say holomorphic=False"
        )
        try:
            steps = numerical_gradient(scalar, *inputs, method="complex")
        except Exception as error:
            told = f"complex numbers do not pass, so checks do without: {type(error).__name__}: {first_line(error)}"
            yield Flaw(told, instead, harmless=True)
            return
        differences = numerical_gradient(scalar, *inputs)
        for i, step, slope in zip(drawn.free, steps, differences, strict=True):
            if not close(step, slope, 1e-6):
                domains.DOMAINS[candidate.op] = domains.DOMAINS[candidate.op]._replace(
                    real_only=True
                )  # not asked again
                at = f"at {candidate.at(drawn)} the complex step in {candidate.letter(i)} gives {short_result(step)}"
                yield Flaw(f"{at}, differences {short_result(slope)}: complex numbers do not pass", instead)
                return
