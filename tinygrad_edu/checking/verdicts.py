"""What a sweep of the step says about a gradient: that it is right, that it is wrong, or why neither can be known.

The difference between a right gradient and a central difference shrinks with the step until it drowns in rounding: a V.
Beside a wrong gradient the differences settle elsewhere, and the curve is flat. At a kink it is flat too, but there the
slopes to the left and to the right settle on two numbers; at a jump they settle nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, isfinite, nan
from operator import attrgetter
from typing import NamedTuple

from .differences import Level

SURE = 10.0  # times the noise: what differs by more is no accident
STEADILY = 0.85  # of the growth before
GROWING = 1.5  # times, when the step is a quarter: a slope that grows like this has no end
REACH = 6  # steps, of those that tell of a kink: coarser ones see more of the curvature
SETTLED = 0.1  # of what it is off by: as close are differences that say the same
AGREEING = ("ok", "rounding", "truncation")
PASSING = ("ok", "kink", "rounding", "truncation", "not differentiable")
SEVERITY = ("ok", "rounding", "truncation", "kink", "not differentiable", "not finite", "wrong")


class Judgement(NamedTuple):
    """A verdict and its evidence; the slope by differences at the step that says most, and how far it may be off."""

    verdict: str
    evidence: str
    slope: float
    uncertainty: float
    step: float
    sides: tuple[float, float] | None = None  # the slopes to the left and to the right, where they differ


def judged(analytic: float, levels: Sequence[Level], noise: float, near: float) -> Judgement:
    """The verdict on one number of a gradient; `near` is how close to the slope it is asked to be."""
    size = max(abs(slope) for slope in (analytic, levels[0].right, levels[0].left, 0.0) if isfinite(slope))
    right, left = side(levels, noise, size, "right"), side(levels, noise, size, "left")
    middle = [level for level in levels if isfinite(level.left) and isfinite(level.right) and isfinite(level.central)]
    if not middle:
        return edge(analytic, levels, noise, near, size)
    if not isfinite(analytic):
        return unlimited(analytic, right, left, levels[0].step)
    if (bend := kinked(middle, noise)) is not None:
        if bend.off == inf:
            says = "the slopes on the two sides still change between the finest steps; rounding hides what is nearer"
            return Judgement("rounding", says, (bend.left + bend.right) / 2, inf, bend.step)
        low, high = sorted((bend.left, bend.right))
        slopes = f"slope {bend.left + 0.0:.6g} to the left, {bend.right + 0.0:.6g} to the right"
        slack = max(near, bend.off, 0.02 * bend.gap)
        between, mean = low - slack <= analytic <= high + slack, (low + high) / 2
        says = slopes if between else f"a kink ({slopes}), but {analytic:.6g} is outside of both"
        sides = bend.left, bend.right
        return Judgement("kink" if between else "wrong", says, mean, bend.gap, bend.step, sides)
    level, flat = told(analytic, middle, noise, near, attrgetter("central"))
    if max(right.growth, left.growth) > GROWING:  # whatever the differences of both sides cancel to
        return broken(analytic, right, left, level, near)
    if not flat:
        return agreement(analytic, middle, noise, near)
    if right.settled and left.settled:
        settled = [one for one in middle if abs(one.central - level.central) <= SETTLED * abs(level.central - analytic)]
        best = steady(settled, noise, "central")
        gap, trembling = abs(best.central - analytic), noise / best.step
        if gap <= SURE * trembling:
            return agreement(analytic, middle, noise, near)
        says = f"differences settle on {best.central:.6g}, {gap:.1e} away; rounding explains only {trembling:.0e}"
        return Judgement("wrong", says, best.central, trembling, best.step)
    finest = min(levels, key=lambda one: one.step)
    drowned = noise / finest.step > 0.1 * abs(level.central - analytic)
    says = "f changes between the finest steps; " + (
        "nearer by rounding hides it" if drowned else "none is fine enough"
    )
    return Judgement("rounding" if drowned else "truncation", says, level.central, inf, level.step)


class Side(NamedTuple):
    """How the slopes on one side behave as the step shrinks: where they settle, if they do, or how they grow."""

    slope: float
    settled: bool
    growth: float  # by how much the slope grows when the step is a quarter: 4 at a jump, 1 where it settles
    tolerance: float


UNKNOWN = Side(nan, False, 1.0, inf)  # where the function does not exist


def side(levels: Sequence[Level], noise: float, size: float, which: str) -> Side:
    """The slopes to the "right" or to the "left", at the finest steps at which rounding does not yet drown them."""
    slopes = [(level.step, getattr(level, which)) for level in levels]
    slopes = [(h, slope) for h, slope in slopes if isfinite(slope)]
    clear = [(h, slope) for h, slope in slopes if SURE * 2 * noise / h <= 0.01 * max(abs(slope), size, 1e-300)]
    if len(clear) < 3:
        return Side(slopes[0][1] if slopes else nan, False, 1.0, inf)
    (_, first), (_, second), (h, last) = clear[-3:]
    change, before = abs(last - second), abs(second - first)
    ratios = [abs(after) / max(abs(before), 1e-3 * size) for (_, before), (_, after) in pairwise(clear[-5:])]
    growth = min(ratios) if ratios[-1] >= STEADILY * ratios[0] else 1.0  # else it slows down
    settled = change <= 0.05 * max(abs(last), 1e-3 * size) or change <= 0.6 * before or change <= SURE * 4 * noise / h
    return Side(last, settled and growth < GROWING, growth, max(change, SURE * noise / h))


def told(
    analytic: float, levels: Sequence[Level], noise: float, near: float, slope: Callable[[Level], float]
) -> tuple[Level, bool]:
    """The finest step that still tells the slope from `analytic`, and whether the difference stays as steps shrink."""
    gaps = [abs(slope(level) - analytic) for level in levels]
    noises = [SURE * noise / level.step for level in levels]
    telling = [i for i, gap in enumerate(gaps) if gap > max(noises[i], near)]
    if not telling:
        return min(levels, key=lambda level: abs(slope(level) - analytic) + noise / level.step), False
    last = telling[-1]
    confirmed = any(3 * noises[i] < gaps[last] and gaps[i] < gaps[last] / 3 for i in range(last + 1, len(levels)))
    trend = [gaps[i] for i in telling[-3:]]
    ratios = [after / before for before, after in pairwise(trend)]
    slowly = len(ratios) > 1 and ratios[-1] < 0.95 and abs(ratios[1] - ratios[0]) < 0.02  # but steadily
    shrinking = slowly or (bool(ratios) and ratios[-1] < 0.75)
    return levels[last], not confirmed and not shrinking and len(trend) > 2


def steady(levels: Sequence[Level], noise: float, *slopes: str) -> Level:
    """The step at which the slopes change least, and tremble least."""

    def unrest(two: tuple[Level, Level]) -> float:
        changes = [abs(getattr(two[0], which) - getattr(two[1], which)) for which in slopes]
        return float(sum(changes) + noise / two[1].step)

    return min(pairwise(levels), key=unrest, default=(levels[0], levels[0]))[1]


def agreement(analytic: float, levels: Sequence[Level], noise: float, near: float) -> Judgement:
    """Nothing speaks against the gradient: how closely could that be seen?"""
    best = min(levels, key=lambda level: max(abs(level.central - analytic), noise / level.step))
    off, trembling = abs(best.central - analytic), noise / best.step
    reach = max(off, trembling)
    if off <= near:
        return Judgement("ok", "", best.central, reach, best.step)
    size = max(abs(analytic), abs(best.central))
    digits = f"to {reach / size:.0e} of it" if size else f"to {reach:.0e}"
    if off <= SURE * trembling or best.step > min(level.step for level in levels):
        says = f"agrees {digits}; f itself is computed to about {noise:.0e}, so no step can show more"
        return Judgement("rounding", says, best.central, reach, best.step)
    says = f"agrees {digits}; smaller steps would come closer"
    return Judgement("truncation", says, best.central, reach, best.step)


class Bend(NamedTuple):
    """The slopes on the two sides of a kink, extrapolated to step 0; the step used, and how far they may be off."""

    left: float
    right: float
    step: float
    off: float

    @property
    def gap(self) -> float:
        """How far the slopes are apart."""
        return abs(self.right - self.left)


def bend_of(coarse: Level, fine: Level, noise: float) -> Bend:
    """What two steps say of the slopes at step 0, by Richardson's extrapolation."""
    ratio = coarse.step / fine.step
    left, right = (
        (ratio * near - far) / (ratio - 1) for near, far in ((fine.left, coarse.left), (fine.right, coarse.right))
    )
    moved = abs(left - fine.left) + abs(right - fine.right)
    return Bend(left, right, fine.step, SURE * 4 * noise / fine.step + 0.1 * moved)


def kinked(levels: Sequence[Level], noise: float) -> Bend | None:
    """The slopes on the two sides, if they differ for certain, down to steps at which rounding hides them.

    A Bend that may be off by any amount says that they differ, but not yet how.
    """
    telling = [level for level in levels if abs(level.right - level.left) > SURE * 4 * noise / level.step]
    if len(telling) < 3:
        return None
    last = abs(telling[-1].right - telling[-1].left)
    after = [level for level in levels if level.step < telling[-1].step]
    resolved = any(SURE * 12 * noise / level.step < last for level in after)  # finer, and the two sides agree
    bends = [bend_of(coarse, fine, noise) for coarse, fine in pairwise(telling)]
    grows = bends[-1].gap > GROWING * bends[-2].gap and last > GROWING * abs(telling[-2].right - telling[-2].left)
    curved = bends[-1].gap < max(0.4 * last, bends[-1].off) or bends[-1].gap > 2 * last  # what is left is curvature
    if resolved or grows or curved:
        return None
    alike = bends[-1:]
    for bend in reversed(bends[-REACH:-1]):
        if abs(bend.gap / alike[-1].gap - 1) > 0.2:
            break
        alike.append(bend)
    if len(alike) == 1:
        return bends[-1]._replace(off=inf)
    return min(alike, key=attrgetter("off"))


def edge(analytic: float, levels: Sequence[Level], noise: float, near: float, size: float) -> Judgement:
    """The function exists on one side only, or on none."""
    for which, other in (("right", "left"), ("left", "right")):
        present = [level for level in levels if isfinite(getattr(level, which))]
        if not present:
            continue
        here = side(levels, noise, size, which)
        if not isfinite(analytic):
            return unlimited(analytic, *((here, UNKNOWN) if which == "right" else (UNKNOWN, here)), present[-1].step)
        level, flat = told(analytic, present, noise, near, attrgetter(which))
        says = f"f is not defined to the {other}; to the {which} the slope is {getattr(level, which):.6g}"
        verdict = "wrong" if flat and here.settled else "not differentiable"
        return Judgement(verdict, says, getattr(level, which), max(near, noise / level.step), level.step)
    return Judgement(
        "not finite",
        "f is nan or inf around this point (if it is a class or an index, leave it out of the check: argnums)",
        nan,
        inf,
        levels[0].step,
    )


def broken(analytic: float, right: Side, left: Side, level: Level, near: float) -> Judgement:
    """Neither smooth nor a kink: a jump, or a vertical tangent."""
    says = f"{way(right, 'right')}, {way(left, 'left')}"
    for this, other in ((right, left), (left, right)):
        if this.settled and other.growth > GROWING:  # f is continuous on this side, so its slope is the only candidate
            fits = abs(this.slope - analytic) <= max(near, this.tolerance)
            return Judgement("not differentiable" if fits else "wrong", says, this.slope, this.tolerance, level.step)
    return Judgement("not differentiable", says, level.central, inf, level.step)


def unlimited(analytic: float, right: Side, left: Side, step: float) -> Judgement:
    """The gradient itself is nan or inf, whatever the function does."""
    says = f"the gradient is {analytic}, the function has {way(right, 'right')}, {way(left, 'left')}"
    return Judgement(
        "not finite", says, right.slope if right.settled else left.slope if left.settled else nan, inf, step
    )


def way(this: Side, which: str) -> str:
    """What a side does, in words."""
    if this.settled:
        return f"slope {this.slope + 0.0:.6g} to the {which}"
    if this is UNKNOWN:
        return f"no values to the {which}"
    if this.growth > 3:
        return f"a jump to the {which}"
    return f"a slope without end to the {which}" if this.growth > GROWING else f"no clear slope to the {which}"
