"""The gradient by the rules beside four other ways to it: who agrees with whom, and to how many digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..backward import order, sweep
from ..domains import holomorphic
from ..replay import computed
from ..transforms import jvp
from ..trees import flatten
from ..value import Value
from .consensus import CENTRAL, COMPLEX, EXACT, FORWARD, INDEPENDENT, REVERSE
from .consensus import ALL_DIGITS, NO_SLOPE, Input, Oracle, OracleRow, Oracles, listed, mark
from .differences import Line, Place, along, attempt, central, complex_step, noise_of, places, scale_of, tiny
from .exact import Exactly, InexactError, Slopes, rounded
from .problem import Problem, problem_of, try_out

TOLERANCE = {REVERSE: 0.0, FORWARD: 1e-9, COMPLEX: 1e-9, CENTRAL: 1e-6, EXACT: 1e-9}  # relative
ROUNDING = 16 * float(np.finfo(float).eps)  # of a number in the gradient, beside the size of what it is computed from
UNSEEN = 1e-7  # by differences, beside the largest number in the gradient
CANCELLED = 1e-10  # relative error of f itself, above which it is said that digits cancel
MEANING = {  # of being the only one that says something else
    REVERSE: "The reverse mode is alone: a rule is wrong; forward mode, rules applied to rules, comes out right.",
    FORWARD: "The forward mode is alone: a rule computes with bare numbers, or is not proportional to g.",
    COMPLEX: "The complex step is alone: an operation of f does something else with complex numbers.",
    CENTRAL: "The differences are alone: f is rough at the size of their steps, or its values are rounded.",
    EXACT: "Exact fractions are alone: an operation of f does something else with them.",
}
WRONG = "What was recorded is right, as exact fractions show: a rule is wrong."
WRONG_OR_CUT = "A rule is wrong, or a part of f is not recorded (v.data, float(v))."
CUT = (
    "Exact fractions repeat what was recorded, and agree with the rules, but f does something else nearby: a part of "
    "it is not recorded (v.data, float(v)), or it takes another branch there."
)
CONFUSED = "They contradict one another."


def oracles(
    f: Any, *inputs: Any, names: Any = None, argnums: Any = None, loss: Any = None, seed: int = 0, samples: int = 16
) -> Oracles:  # fmt: skip
    """The gradient of `f` by the rules of the table, beside every other way to it, in one table for each input.

    `f` is what `check_gradients` takes: a function of Values and its inputs, a recorded loss (its leaves are the
    inputs), or a model and a batch; so are `names`, `argnums` and `loss`. A result that is no scalar is summed with
    fixed random weights, drawn from `seed`; of an input with more than `samples` elements so many are drawn.

    Three ways know no rule: the complex step, where every operation is holomorphic; central differences, extrapolated
    to step 0; exact fractions, where every operation computes with them: what was recorded is repeated infinitely near
    to the point, on both sides. The forward mode is no witness but a test of consistency: it reads the same rules.
    Where they disagree, it is said who is alone, and what that means.

    All of them ask for the slope of the function that `f` computes. If that is the wrong function (a loss without its
    minus sign), its gradient is confirmed all the same: only a known value, worked out by hand, can tell.

    Raises what `check_gradients` raises for something that cannot be checked.

    >>> oracles(lambda x: 1 / (1 + x * x), 2.0)
    Reverse mode beside its oracles: ·n agrees to n digits, ≈ as far as they can know, ≠ does not agree.
      complex step         used; agrees to ... digits
      central differences  used; agrees to ... digits
      exact fractions      used; agrees to ... digits
      forward mode         used; agrees to ... digits; consistency only, it reads the same rules
    <BLANKLINE>
    x
      reverse mode  complex step  differences  exact              forward (consistency)
      -0.16         -0.16 ·...    -0.16 ·...   -4/25 = -0.16 ·... -0.16 ·...
    <BLANKLINE>
    1 of 1 number confirmed (digits by complex step: ..., central differences: ..., exact fractions: ...).
    """
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(f"samples is a whole number from 1 on, not {samples!r}.")
    problem = problem_of(f, inputs, names=names, argnums=argnums, loss=loss, seed=seed)
    try_out(problem)
    chosen = [*places(problem, samples, 0, np.random.default_rng(seed))]
    with np.errstate(all="ignore"):
        ways = Ways(problem, chosen, fractions_in(f, inputs))
        rows = [*ways.rows()]
    if len(chosen) < sum(x.size for x in problem.points):
        problem.notes.append(f"of large inputs {samples} elements each are looked at, drawn with seed {seed}.")
    tables = [
        Input(name, x.shape, [row for row, place in zip(rows, chosen, strict=True) if place.input == i])
        for i, (name, x) in enumerate(zip(problem.names, problem.points, strict=True))
    ]
    return Oracles([one for one in tables if one.rows], [*ways.told(rows)], list(dict.fromkeys(problem.notes)))


def fractions_in(f: Any, inputs: Sequence[Any]) -> dict[float, Fraction]:
    """The fractions among the inputs, by the float that every other way takes for them."""
    recorded = [x for node in order(f) for x in node.numbers] if isinstance(f, Value) else []
    given = [getattr(x, "data", x) for x in (*recorded, *flatten(tuple(inputs))[1])]
    return {float(x): x for x in given if isinstance(x, Fraction)}


# -- the ways, one after the other -------------------------------------------------------------------------------------


class Ways:
    """Every way to the gradient of one problem at the chosen places. `why` says why one is not used, or not always."""

    def __init__(self, problem: Problem, chosen: Sequence[Place], fractions: dict[float, Fraction]) -> None:
        self.problem, self.chosen, self.why = problem, chosen, dict[str, str]()
        [self.result], self.leaves = problem.results(problem.points, True)
        [self.weight] = problem.weights
        effects = [0.0]  # what single numbers on the way make of the result: what is rounded is rounded beside them

        def watch(node: Value, operand: Value, gain: Any) -> None:
            effects.append(float(np.max(np.abs(gain * operand.data), initial=0.0)))

        recorded = self.result.requires_grad
        found = sweep(self.result, self.weight, self.leaves, watch=watch) if recorded else {}
        self.gradient = [np.broadcast_to(np.asarray(found.get(x, 0.0)), x.shape) for x in self.leaves]
        self.value = float(np.sum(self.result.data * self.weight))
        self.largest = max((abs(self.reverse(place)) for place in chosen if finite(self.reverse(place))), default=0.0)
        self.effect = max(x for x in effects if math.isfinite(x))
        self.unfit = self.unfitness()
        self.exactly = self.on_fractions(fractions)
        if names := sorted({node.op.name for node in order(self.result) if not holomorphic(node.op)}):
            self.why[COMPLEX] = f"complex numbers cannot pass through {', '.join(names[:3])}{' ...' * (len(names) > 3)}"

    def unfitness(self) -> tuple[str, str]:
        """The verdict on every element, and why, if f is such that nothing can be compared; else two empty texts."""
        if not math.isfinite(self.value):
            return "not finite", f"f itself is {self.value} here."
        again = self.problem.value(self.problem.points)
        if abs(again - self.value) > ROUNDING * abs(self.value):
            return "not deterministic", f"f was {self.value:.7g} at one call, and {again:.7g} at the next."
        return "", ""

    def on_fractions(self, fractions: dict[float, Fraction]) -> Exactly | None:
        """What was recorded, on fractions, if it can be computed on them."""
        points = [
            np.array(fractions[float(x)], object) if not x.ndim and float(x) in fractions else x
            for x in self.problem.points
        ]
        try:
            return Exactly(self.result, self.leaves, points, self.weight, len(self.chosen))
        except InexactError as error:
            self.why[EXACT] = str(error)
            return None

    @property
    def cancels(self) -> str:
        """What is to be said if f itself has lost many of its digits."""
        if self.exactly is None or abs(self.exactly.value - Fraction(self.value)) <= CANCELLED * abs(self.value):
            return ""
        return f"Digits cancel in f: it is {rounded(self.exactly.value):.10g}, and comes out as {self.value:.10g}."

    def rows(self) -> Iterator[OracleRow]:
        """One row for each place."""
        for place in self.chosen:
            if self.unfit[0]:
                name, reverse = self.problem.names[place.input], self.reverse(place)
                yield OracleRow(name, at(place), reverse, None, None, math.nan, None, None, None, {}, (), *self.unfit)
            else:
                yield self.row(place, along(self.problem, place))

    def row(self, place: Place, line: Line) -> OracleRow:
        """What all of them say of one element."""
        real = partial(attempt, line)  # a step may leave the domain, where f may raise what it likes
        x, noise = scale_of(self.problem, place), noise_of(line)
        differences = central(real, x, noise)
        slopes = self.exact(place)
        exact = None if slopes is None else slopes.both
        rounding, unseen = self.rounding(place), UNSEEN * (self.largest or 1.0)
        natural = max(self.largest, abs(self.value) / max(1.0, x)) or 1.0
        known = abs(differences.slope) + 1e-6 * natural > 100 * differences.uncertainty  # else it is no witness
        found = {
            REVERSE: self.reverse(place),
            FORWARD: self.forward(place),
            COMPLEX: self.complex(line, x),
            CENTRAL: differences.slope if known else None,
            EXACT: None if exact is None else rounded(exact),
        }
        says = {name: x for name, x in found.items() if x is not None}
        judge = Judge(says, rounding, 10 * differences.uncertainty + unseen, differences.bent, self.cancels)
        verdict, evidence = judge.verdict(slopes, lambda: sides(real, x, noise))
        return OracleRow(
            self.problem.names[place.input], at(place), says[REVERSE], found[COMPLEX], found[CENTRAL],
            differences.uncertainty, exact, slopes, found[FORWARD], judge.digits(), judge.against(), verdict, evidence,
        )  # fmt: skip

    def rounding(self, place: Place) -> float:
        """What rounding may do to a number in the gradient: beside the largest, or what part of f makes of it."""
        return ROUNDING * max(self.largest, self.effect / max(1.0, scale_of(self.problem, place)))

    def reverse(self, place: Place) -> float:
        """The reverse mode."""
        return float(self.gradient[place.input][at(place)])

    def complex(self, line: Line, x: float) -> float | None:
        """The complex step."""
        if COMPLEX in self.why:
            return None
        try:
            return finite(complex_step(line, tiny(x)))
        except Exception as error:  # whatever f does with complex numbers is no fault of its gradient
            self.why[COMPLEX] = f"f does not compute with complex numbers ({type(error).__name__}: {beginning(error)})"
            return None

    def exact(self, place: Place) -> Slopes | None:
        """The exact slopes on both sides."""
        try:
            return None if self.exactly is None else self.exactly.slopes(place.input, at(place))
        except InexactError as error:
            self.why[EXACT] = str(error)
            return None

    def forward(self, place: Place) -> float | None:
        """The forward mode: `tg.jvp` of what was recorded, along one element."""
        if not self.result.requires_grad:
            return 0.0
        moves: list[Any] = [np.zeros(x.shape, x.dtype) for x in self.problem.points]
        moves[place.input][at(place)] = 1
        inputs, tangents = ([x if x.ndim else x.item() for x in xs] for xs in (self.problem.points, moves))
        try:
            _, tangent = jvp(lambda *xs: computed(self.result, dict(zip(self.leaves, xs))), inputs, tangents)
        except Exception as error:  # a rule of somebody's own need not compute with Values
            self.why[FORWARD] = f"a rule does not compute with Values ({type(error).__name__}: {beginning(error)})"
            return None
        return float(np.sum(tangent * self.weight))

    def told(self, rows: Sequence[OracleRow]) -> Iterator[Oracle]:
        """For each way whether it was used, why not, and to how many digits it agrees."""
        for name in (*INDEPENDENT, FORWARD):
            speaking = [row for row in rows if name in row.digits or (name == EXACT and row.slopes is not None)]
            smooth = [row for row in speaking if name in row.digits and row.verdict not in NO_SLOPE]
            digits = [row.digits[name] for row in smooth if mark(row, name).startswith("·")]
            says = ["used" if speaking else "not used", *agreement(name, smooth, digits)]
            if name == FORWARD:
                says.append("consistency only, it reads the same rules")
            if name in self.why:
                silent = f"not for {len(rows) - len(speaking)} of {len(rows)}: " if speaking else ""
                says.append(f"{silent}{self.why[name]}")
            elif not speaking:
                says.append(self.unfit[1].rstrip(".") or "the values of f do not tell a slope")
            against = any(name in row.against for row in smooth)
            yield Oracle(name, bool(speaking), "; ".join(says), 0 if against else min(digits, default=None))


def agreement(name: str, rows: Sequence[OracleRow], digits: Sequence[int]) -> Iterator[str]:
    """How well one of them agrees with the reverse mode."""
    marks = [mark(row, name) for row in rows]
    if wrong := marks.count("≠"):
        yield f"DISAGREES on {wrong} of {len(rows)}"
    elif digits:
        yield f"agrees to {'at least ' * (min(digits) < max(digits))}{min(digits)} digits"
    if roughly := marks.count("≈"):
        yield f"agrees on {roughly} of {len(rows)} as far as it can know"


def at(place: Place) -> tuple[int, ...]:
    """The index of the element that is moved."""
    return tuple(place.element)  # type: ignore[arg-type]  # here never a direction


def finite(x: float) -> float | None:
    """A number, or None for nan and inf."""
    return x if math.isfinite(x) else None


def beginning(error: Exception) -> str:
    """The beginning of what an error says."""
    return str(error).partition("\n")[0][:80]


def sides(line: Line, x: float, noise: float) -> tuple[float, float] | None:
    """The slopes to the left and to the right by differences, if they stay apart as the step shrinks: a kink."""
    pairs = []
    for h in (2.0**-13 * max(1.0, abs(x)), 2.0**-19 * max(1.0, abs(x))):
        behind, here, ahead = (line(d) for d in (-h, 0.0, h))
        pairs.append(((here - behind) / h, (ahead - here) / h))
    wide, narrow = (abs(right - left) for left, right in pairs)
    apart = narrow > max(wide / 2, TOLERANCE[CENTRAL] * max(map(abs, pairs[1])), 20 * noise / h)
    return pairs[1] if apart else None


# -- the judgement -----------------------------------------------------------------------------------------------------


class Judge(NamedTuple):
    """What the ways say of one element, by their names, and how well they can know it.

    `rounding` is what it may do to any of them, `unseen` how far the central difference may be off, `bent` whether it
    looks like the mean of two slopes, `cancels` what is to be said of f itself if it is rounded badly.
    """

    says: dict[str, float]
    rounding: float
    unseen: float
    bent: bool
    cancels: str

    def agree(self, one: str, other: str) -> bool:
        """Whether two of them say the same, as far as both can know."""
        a, b = self.says[one], self.says[other]
        if not math.isfinite(a - b):
            return a == b
        slack = self.unseen if CENTRAL in (one, other) else self.rounding
        return abs(a - b) <= max(TOLERANCE[one], TOLERANCE[other]) * max(abs(a), abs(b)) + slack

    def against(self) -> tuple[str, ...]:
        """Those that contradict the reverse mode."""
        return tuple(name for name in self.says if name != REVERSE and not self.agree(name, REVERSE))

    def digits(self) -> dict[str, int]:
        """To how many digits each agrees with the reverse mode."""
        return {name: self.digits_of(name) for name in self.says if name != REVERSE}

    def digits_of(self, name: str) -> int:
        """The digits of one."""
        a, b = self.says[REVERSE], self.says[name]
        if not math.isfinite(a - b) or a == b:
            return ALL_DIGITS if a == b else 0
        return max(0, min(ALL_DIGITS, math.floor(-math.log10(abs(a - b) / max(abs(a), abs(b))))))

    def verdict(self, slopes: Slopes | None, bend: Callable[[], tuple[float, float] | None]) -> tuple[str, str]:
        """The verdict on one element, and the evidence; `bend` is asked where nothing else explains a contradiction."""
        reverse, against = self.says[REVERSE], self.against()
        speaking = [name for name in INDEPENDENT if name in self.says]
        if not math.isfinite(reverse):
            return "not finite", f"the rules say {reverse}."
        if slopes is not None and slopes.both is None:
            if slopes.left is None or slopes.right is None:
                return "not differentiable", f"the result jumps here, where the rules say {reverse:.6g}."
            return self.at_kink(rounded(slopes.left), rounded(slopes.right), "exactly ")
        only_mean = speaking == [CENTRAL] and self.bent  # of the slopes on the two sides
        if (against or not speaking or only_mean) and (found := bend()):
            verdict, evidence = self.at_kink(*found, "about ")
            if verdict == "kink":
                return verdict, evidence
        if not against:
            return ("agree", "") if speaking else ("unconfirmed", "")
        if self.cancels and EXACT in against and not any(self.agree(EXACT, x) for x in speaking if x != EXACT):
            return "rounding", f"{self.groups()}. {self.cancels}"
        return "disagree", f"{self.groups()}. {self.meaning(speaking, against)}"

    def at_kink(self, left: float, right: float, how: str) -> tuple[str, str]:
        """The verdict where the slopes on the two sides differ."""
        reverse, slack = self.says[REVERSE], TOLERANCE[CENTRAL] * max(abs(left), abs(right))
        text = f"a kink, the slope is {how}{left:.6g} to the left and {right:.6g} to the right"
        if min(left, right) - slack <= reverse <= max(left, right) + slack:
            return "kink", f"{text}. There is no derivative; the convention of the rules gives {reverse + 0.0:.6g}."
        return "disagree", f"{text}, but the rules say {reverse:.6g}, which is not between them."

    def groups(self) -> str:
        """Who says what, those that agree together."""
        groups = list[list[str]]()
        for name in (REVERSE, FORWARD, COMPLEX, EXACT, CENTRAL):
            if name in self.says:
                group = next((group for group in groups if self.agree(group[0], name)), None)
                groups.append([name]) if group is None else group.append(name)
        return "; ".join(f"{listed(group)}: {self.says[group[0]]:.7g}" for group in groups)

    def meaning(self, speaking: Sequence[str], against: Sequence[str]) -> str:
        """What it means that these contradict the reverse mode."""
        against_it = [name for name in speaking if name in against]
        for_it = [name for name in speaking if name not in against]
        if not against_it:
            return MEANING[FORWARD]
        if not for_it and FORWARD in against and all(self.agree(FORWARD, name) for name in speaking):
            return MEANING[REVERSE]
        if not for_it:
            return WRONG if EXACT in against else WRONG_OR_CUT
        if against_it in ([COMPLEX], [EXACT]) or (against_it == [CENTRAL] and COMPLEX in for_it):
            return MEANING[against_it[0]]
        return CUT if EXACT in for_it else CONFUSED
