"""The examination of a problem: its gradient beside differences and the complex step, number by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, isfinite, nan
from typing import Any, NamedTuple

import numpy as np

from ..domains import holomorphic
from ..errors import GradientError
from .curve import Curve
from .differences import CLOSE, FIRST_STEP, WIDE, Estimate, Line, Place, along, attempt, central, complex_step
from .differences import noise_of, places, scale_of, sweep, tiny, value_at
from .problem import MutationError, Problem, name_of
from .report import NO_COMPLEX_STEP, Row
from .verdicts import AGREEING, SURE, Judgement, judged

DIRECTIONS = 4  # along which a large input is checked as a whole
SAME = 64 * 2.0**-52  # a function that differs by more from call to call is not deterministic
SINGLE = 2e-9, 1e-5  # the noise of float32, beside the value
CONFIRMED = 0.1  # of a number, and of slopes nearby: what is known less closely is not known at all
UNIT = 1e-8  # of the largest gradient: below that a number counts as 0, as it does below atol


class Exam(NamedTuple):
    """A problem, and how its gradient is examined."""

    problem: Problem
    step: float | None
    rtol: float
    atol: float
    samples: int
    seed: int
    directions: int = DIRECTIONS

    def of(self, problem: Problem) -> Exam:
        """The same for another problem."""
        return self._replace(problem=problem)

    def refusal(self) -> str:
        """Why nothing can be compared: f is nan here, or gives something else each time; "" if it can."""
        problem = self.problem
        try:
            values = [problem.value(problem.points) for _ in range(3)]
        except MutationError:
            raise
        except GradientError as error:
            says = f"f works on Values that are recorded, but not on constants: {error}"
            raise GradientError(f"{says} If it calls backward() itself, let it return the loss instead.") from error
        if not all(isfinite(np.real(x)) for x in values):
            problem.notes.append(f"f is {values[0]} at these inputs{first_failure(problem)}.")
            return "not finite"
        return self.changed(values)

    def changed(self, values: Sequence[float] = ()) -> str:
        """Whether f gives another value than before for the same inputs."""
        values = [*values, self.problem.value(self.problem.points)]
        known = values[0] if self.problem.first is None else self.problem.first
        other = next((x for x in values if not abs(x - known) <= SAME * abs(known)), None)
        if other is None:
            return ""
        self.problem.notes.append(
            f"f gave {known!r}, then {other!r}, for the same inputs: does it draw random numbers, or keep a count or "
            "an average between calls? Draw from a generator made inside f, with a fixed seed."
        )
        return "not deterministic"

    def rows(self) -> Iterator[Row]:
        """One row for every place that is looked at."""
        problem = self.problem
        gradients, misshapen = self.gradients()
        drawn = [*places(problem, self.samples, self.directions, np.random.default_rng(self.seed))]
        if any(place.direction is not None for place in drawn):
            large = [name for name, x in zip(problem.names, problem.points, strict=True) if x.size > self.samples]
            problem.notes.append(
                f"{' and '.join(large)}: checked at {self.samples} elements each, and along {self.directions} "
                f"directions through all (seed={self.seed}). A mistake in one other element is seen only if it shows "
                "there."
            )
        noise = self.noise()
        exact = self.complex_steps(drawn)
        largest = max(float(np.max(np.abs(g[np.isfinite(g)]), initial=0.0)) for g in gradients)
        for place, c in zip(drawn, exact, strict=True):
            if place.input not in misshapen:
                yield self.row(place, value_at(gradients[place.input], place), noise, c, largest)
        yield from misshapen.values()

    def gradients(self) -> tuple[list[np.ndarray], dict[int, Row]]:
        """The gradient by the rules, or the one claimed; and one row for each that has not the shape of its input."""
        with np.errstate(all="ignore"):
            found = self.problem.gradient()
        wrong = {}
        for i, (g, x, name) in enumerate(zip(found, self.problem.points, self.problem.names, strict=True)):
            if g.shape != x.shape:
                says = f"shape {g.shape}, not {x.shape}"
                wrong[i] = Row(1, name, says, nan, nan, None, nan, nan, nan, inf, "wrong", "", Place(i, ()), True, inf)
        return found, wrong

    def noise(self) -> float:
        """How much f trembles when all its inputs move; in more than one direction, if that is more than a digit."""
        problem = self.problem
        if problem.noise is None:
            with np.errstate(all="ignore"):
                wide = [WIDE] if problem.single else []  # the steps of float32 may hide between close points
                problem.noise = max([problem.rounding(), *(self.noise_at(spacing) for spacing in (CLOSE, *wide))])
        return problem.noise

    def noise_at(self, spacing: float) -> float:
        """The noise of f at points so close to one another."""
        random, problem, found = np.random.default_rng(self.seed + 1), self.problem, list[float]()
        for _ in range(4):
            directions = [random.choice([-1.0, 1.0], x.shape) * np.where(x, np.abs(x), 1.0) for x in problem.points]

            def line(t: float, directions: Sequence[np.ndarray] = directions) -> Any:
                return problem.value(
                    [(x + t * d).astype(x.dtype) for x, d in zip(problem.points, directions, strict=True)]
                )

            found.append(noise_of(line, spacing))
            if found[0] < SINGLE[0] * abs(problem.first or 1.0):
                break
        return max(found)

    def complex_steps(self, drawn: Sequence[Place]) -> Sequence[float | None]:
        """The complex step at each place, or None for all of them and a note that says why."""
        problem = self.problem
        if problem.claimed or any(x.dtype != np.float64 for x in problem.points):
            return [None] * len(drawn)
        rows = {node.op for node in problem.operations}
        obstacle = ", ".join(sorted(row.name for row in rows if row is not None and not holomorphic(row)))
        try:
            if not obstacle:
                return [complex_step(along(problem, place), tiny(scale_of(problem, place))) for place in drawn]
        except MutationError:
            raise
        except Exception as error:  # whatever f does with complex numbers is no fault of its gradient
            obstacle = f"f ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
        problem.notes.append(f"{NO_COMPLEX_STEP}complex numbers cannot pass through {obstacle}.")
        return [None] * len(drawn)

    def row(self, place: Place, analytic: float, noise: float, exact: float | None, largest: float) -> Row:
        """What is to be said of one number of the gradient."""
        line, x = along(self.problem, place), scale_of(self.problem, place)
        digit = x * float(np.finfo(self.problem.points[place.input].dtype).eps)  # of what is moved
        estimate = fixed(line, self.step, noise) if self.step else central(line, x, noise, digit=digit)
        numeric, own = estimate.slope, abs(analytic) if isfinite(analytic) else 0.0
        size = max(own, abs(numeric)) if isfinite(numeric) else own
        usual = max(size, largest, estimate.coarse)  # how large slopes are hereabouts
        floor = min(self.atol, max(UNIT * usual, 1e3 * noise / max(1.0, x)))
        near = self.rtol * size + floor
        supported = exact is not None and abs(exact - numeric) <= SURE * estimate.uncertainty + near
        sharp = supported and not self.step and estimate.uncertainty <= max(0.1 * size, near)
        close = abs(analytic - (exact if sharp and exact is not None else numeric)) <= near
        judgement = Judgement("ok", "", *estimate[:3])
        if not close or estimate.bent:
            tremble = noise + digit * max(abs(numeric) if isfinite(numeric) else 0.0, estimate.coarse)
            near = self.rtol * max(own, estimate.coarse) + floor  # at a jump `numeric` is whatever one likes
            swept = judged(analytic, sweep(line, x), tremble, near)
            if swept.verdict in AGREEING and sharp and exact is not None:
                swept = by_complex_step(swept, analytic, exact, near)
            if swept.verdict in AGREEING and self.step:
                swept = at_a_fixed_step(swept, estimate)
            if swept.verdict == "wrong" and abs(analytic - swept.slope) <= SURE * (off := self.tremor(place)):
                says = f"the gradient itself is only known to {off:.0e}: digits cancel in the backward pass"
                swept = Judgement("rounding", says, swept.slope, max(off, swept.uncertainty), swept.step)
            if swept.verdict == "rounding" and SINGLE[0] < noise / abs(self.problem.first or 1.0) < SINGLE[1]:
                swept = swept._replace(evidence=f"{swept.evidence} (the precision of float32)")
            judgement = judgement if close and swept.verdict in AGREEING else swept
        absolute = abs(analytic - judgement.slope)
        size = max(own, abs(judgement.slope)) if isfinite(judgement.slope) else own
        clear = estimate.coarse - 2 * SURE * noise / (FIRST_STEP * max(1.0, x))  # slopes that are not mere noise
        known = judgement.verdict not in ("rounding", "truncation") or (
            judgement.uncertainty <= CONFIRMED * max(abs(judgement.slope), largest, clear)
        )
        return Row(
            1, self.problem.names[place.input], place.element, analytic, float(judgement.slope), exact,
            float(absolute / size) if absolute and isfinite(absolute) else float(absolute), float(absolute),
            float(judgement.step), float(judgement.uncertainty), judgement.verdict, judgement.evidence, place,
            bool(known), float(absolute / near) if near else float(absolute > 0), judgement.sides,
        )  # fmt: skip

    def tremor(self, place: Place) -> float:
        """How far the gradient itself may be off: how it trembles next to here, and what cancels when it is summed.

        Here itself does not count: at a kink the gradient is a convention, which none of its neighbours knows.
        """
        problem, random = self.problem, np.random.default_rng(self.seed + 2)
        if problem.tremors is None:
            signs = [
                4 * np.finfo(x.dtype).eps * np.abs(x) * random.choice([-1.0, 1.0], x.shape) for x in problem.points
            ]
            nearby = [
                [(x + k * d).astype(x.dtype) for x, d in zip(problem.points, signs, strict=True)] for k in range(1, 6)
            ]
            found = [problem.at(points).gradient() for points in nearby]
            problem.tremors = [np.max(np.abs(np.diff(gs, 2, axis=0)), axis=0) / 2 for gs in zip(*found, strict=True)]
        cancelled = problem.contributed[place.input] * np.finfo(problem.points[place.input].dtype).eps
        trembling = problem.tremors[place.input] + cancelled
        if place.direction is not None:
            place = place._replace(direction=np.abs(place.direction))
        return value_at(trembling, place)

    def curve(self, row: Row) -> Curve:
        """How far the difference is from the gradient at every step."""
        exam = self if row.order == 1 else self.of(self.problem.slope)
        levels = sweep(along(exam.problem, row.place), scale_of(exam.problem, row.place))
        return Curve(row.place_name, row.analytic, levels, exam.noise(), row.verdict)


def by_complex_step(judgement: Judgement, analytic: float, exact: float, near: float) -> Judgement:
    """The complex step knows more than differences can see, where these do not contradict it."""
    if abs(analytic - exact) <= near:
        return Judgement("ok", "", judgement.slope, judgement.uncertainty, judgement.step)
    says = f"the complex step gives {exact:.8g}"
    return Judgement("wrong", says, exact, near, judgement.step)


def fixed(line: Line, step: float, noise: float) -> Estimate:
    """The central difference with just this step."""
    here, ahead, behind = attempt(line, 0.0), attempt(line, step), attempt(line, -step)
    coarse = max(abs(ahead - here), abs(here - behind)) / step
    return Estimate((ahead - behind) / (2 * step), noise / step, step, False, coarse if isfinite(coarse) else 0.0)


def at_a_fixed_step(judgement: Judgement, given: Estimate) -> Judgement:
    """A fixed step that is too large or too small, where another one agrees."""
    large = given.step > judgement.step
    says = f"the step {given.step:.0e} is too {'large' if large else 'small'}: "
    says += f"with {judgement.step:.0e} the difference is {judgement.slope:.8g}"
    known = Judgement("truncation" if large else "rounding", says, given.slope, judgement.uncertainty, given.step)
    return judgement if abs(given.slope - judgement.slope) <= judgement.uncertainty else known


def first_failure(problem: Problem) -> str:
    """Which operation gave the first number that is not finite."""
    for node in problem.operations:
        if not np.isfinite(node._data).all() and all(
            np.isfinite(np.asarray(n, float)).all() for n in node.numbers if n is not None
        ):
            return f": {name_of(node)} is the first operation that gives one"
    return ""
