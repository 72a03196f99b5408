"""The gradient as it was examined, beside three more ways to it: who agrees with whom, and to how many digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..backward import order
from ..replay import computed
from ..transforms import jvp
from ..trees import flatten
from ..value import Value
from .consensus import ALL_DIGITS, CENTRAL, COMPLEX, EXACT, FORWARD, INDEPENDENT, NO_SLOPE, REVERSE
from .consensus import Input, OracleRow, Oracles, listed, told, unknown
from .differences import Place, places, scale_of
from .exact import Exactly, InexactError, Slopes, rounded
from .exam import CONFIRMED, UNIT, Exam
from .problem import MutationError, problem_of, try_out
from .report import NO_COMPLEX_STEP, Row
from .verdicts import SURE

RTOL, ATOL = 1e-6, 1e-8  # of the differences, as in `check_gradients`
SHARP = 1e-9  # relative, of all others: nothing is subtracted in them
CANCELLED = 1e-10  # relative error of f itself, above which it is said that digits cancel
MEANING = {  # of being the only one that says something else
    REVERSE: "The reverse mode is alone: a rule is wrong; forward mode, rules applied to rules, comes out right.",
    FORWARD: "The forward mode is alone: a rule computes with bare numbers, or is not proportional to g.",
    COMPLEX: "The complex step is alone: an operation of f does something else with complex numbers.",
    CENTRAL: "The differences are alone: f is rough, or a part of it is neither recorded nor complex (np.real).",
    EXACT: "Exact fractions are alone: an operation of f does something else with them.",
}
WRONG = "What was recorded is right, as exact fractions show: a rule is wrong, or kinks within f cancel."
WRONG_OR_CUT = "A rule is wrong, kinks within f cancel, or a part of f is not recorded (v.data, float(v))."
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
    The verdicts are those of `check_gradients`, sharper where there is more than differences to judge by. Where the
    ways disagree, it is said who is alone, and what that means.

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
    exam, why = Exam(problem, None, RTOL, ATOL, samples, seed, directions=0), dict[str, str]()
    drawn = [*places(problem, samples, 0, np.random.default_rng(seed))]
    try:
        try_out(problem)
        refusal = exam.refusal()
        if not refusal:
            ways = Ways(exam, fractions_in(f, inputs))
            rows, why = [Judge(ways, row).judged() for row in ways.examined], ways.why
        refusal = refusal or exam.changed()
    except MutationError as error:
        problem.notes.append(str(error))
        refusal = "input mutated"
    if refusal:
        rows = [unknown(problem.names[place.input], at(place), refusal, problem.notes[-1]) for place in drawn]
    if len(drawn) < sum(x.size for x in problem.points):
        problem.notes.append(f"of large inputs {samples} elements each are looked at, drawn with seed {seed}.")
    tables = [
        Input(name, x.shape, [row for row, place in zip(rows, drawn, strict=True) if place.input == i])
        for i, (name, x) in enumerate(zip(problem.names, problem.points, strict=True))
        if x.size
    ]
    notes = [note for note in dict.fromkeys(problem.notes) if not note.startswith(NO_COMPLEX_STEP)]
    return Oracles(tables, [told(name, rows, why.get(name, "")) for name in (*INDEPENDENT, FORWARD)], notes)


def fractions_in(f: Any, inputs: Sequence[Any]) -> dict[float, Fraction]:
    """The fractions among the inputs, by the float that every other way takes for them."""
    recorded = [x for node in order(f) for x in node.numbers] if isinstance(f, Value) else []
    given = [getattr(x, "data", x) for x in (*recorded, *flatten(tuple(inputs))[1])]
    return {float(x): x for x in given if isinstance(x, Fraction)}


def at(place: Place) -> tuple[int, ...]:
    """The index of the element that is moved."""
    return tuple(place.element)  # type: ignore[arg-type]  # here never a direction


class Ways:
    """What the examination does not know: exact fractions and forward mode. `why` says why a way is not used."""

    def __init__(self, exam: Exam, fractions: dict[float, Fraction]) -> None:
        self.problem, self.examined, self.noise = exam.problem, [*exam.rows()], exam.noise()
        [self.result], self.leaves = self.problem.results(self.problem.points, True)
        [self.weight] = self.problem.weights
        self.largest = max((abs(row.analytic) for row in self.examined if math.isfinite(row.analytic)), default=0.0)
        notes = [note for note in self.problem.notes if note.startswith(NO_COMPLEX_STEP)]
        self.why = {name: note.removeprefix(NO_COMPLEX_STEP)[:-1] for name, note in zip([COMPLEX], notes)}
        points = [x if x.ndim else np.array(fractions.get(x.item(), x), object) for x in self.problem.points]
        self.exactly: Exactly | None = None
        self.lost, self.cancels = 0.0, ""  # what f is off by, where digits cancel in it
        try:
            self.exactly = Exactly(self.result, self.leaves, points, self.weight, len(self.examined))
        except InexactError as error:
            self.why[EXACT] = str(error)
            return
        value, exact = float(np.sum(self.result.data * self.weight)), self.exactly.value
        if abs(exact - Fraction(value)) > CANCELLED * abs(value):
            self.lost = rounded(abs(exact - Fraction(value)))
            self.cancels = f"Digits cancel in f: it is {rounded(exact):.10g}, and comes out as {value:.10g}."

    def rounding(self, place: Place) -> float:
        """What rounding may do to a number in the gradient."""
        digit = float(np.finfo(float).eps) * self.largest
        return max(self.noise / max(1.0, scale_of(self.problem, place)), digit)

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
            with np.errstate(all="ignore"):
                _, tangent = jvp(lambda *xs: computed(self.result, dict(zip(self.leaves, xs))), inputs, tangents)
        except Exception as error:  # a rule of somebody's own need not compute with Values
            says = str(error).partition("\n")[0][:80]
            self.why[FORWARD] = f"a rule does not compute with Values ({type(error).__name__}: {says})"
            return None
        return float(np.sum(tangent * self.weight))


class Judge:
    """What the ways say of one element, by their names, and what is to be made of it."""

    def __init__(self, ways: Ways, row: Row) -> None:
        self.ways, self.row, self.slopes = ways, row, ways.exact(row.place)
        self.exact = None if self.slopes is None else self.slopes.both
        said = {
            REVERSE: row.analytic,
            FORWARD: ways.forward(row.place),
            COMPLEX: row.complex_step,
            EXACT: None if self.exact is None else rounded(self.exact),
            CENTRAL: row.numeric if row.confirmed else None,  # else they are no witness
        }
        self.says = {
            name: x for name, x in said.items() if x is not None and (math.isfinite(x) or name not in INDEPENDENT)
        }
        self.against = tuple(name for name in self.says if name != REVERSE and not self.agree(name, REVERSE))

    def agree(self, one: str, other: str) -> bool:
        """Whether two of them say the same, as far as both can know."""
        a, b = self.says[one], self.says[other]
        if {one, other} == {REVERSE, CENTRAL}:
            return self.row.verdict != "wrong"
        if not math.isfinite(a - b):
            return a == b
        rtol, slack = SHARP, SURE * self.ways.rounding(self.row.place)
        if CENTRAL in (one, other):
            rtol, slack = RTOL, SURE * self.row.uncertainty + UNIT * (self.ways.largest or 1.0)
        return abs(a - b) <= rtol * max(abs(a), abs(b)) + slack

    def judged(self) -> OracleRow:
        """All that is to be said of the element."""
        row, says = self.row, self.says
        return OracleRow(
            row.input, at(row.place), row.analytic, says.get(COMPLEX), says.get(CENTRAL), row.uncertainty,
            self.exact, self.slopes, says.get(FORWARD),
            {name: digits(x, row.analytic) for name, x in says.items() if name != REVERSE}, self.against,
            *self.verdict(),
        )  # fmt: skip

    def verdict(self) -> tuple[str, str]:
        """The verdict and its evidence: those of the examination, where exact fractions know no better."""
        verdict, evidence, reverse = self.row.verdict, self.row.evidence, self.says[REVERSE] + 0.0
        bent = self.slopes is not None and self.exact is None
        if self.slopes is not None and bent and verdict != "not finite":
            verdict, evidence = beside(self.slopes, reverse)
        if verdict in NO_SLOPE and EXACT not in self.against:
            says = "" if verdict == "not finite" else f"; by convention the rules say {reverse:.6g}"
            return verdict, f"{evidence}{says}."
        if EXACT in self.against and self.spoilt():
            return "rounding", f"{self.groups()}. {self.ways.cancels}"
        if verdict == "wrong" and (bent or self.row.uncertainty > CONFIRMED * max(map(abs, self.says.values()))):
            return verdict, f"{evidence}."  # beside two slopes
        if self.against:
            return "wrong", f"{self.groups()}. {self.meaning()}"
        if verdict == "ok" or not self.says.keys().isdisjoint((COMPLEX, EXACT)):
            return "ok", ""
        return verdict if CENTRAL in self.says else "unconfirmed", f"{evidence}."

    def spoilt(self) -> bool:
        """Whether digits that cancel in f explain what fractions say: complex numbers are rounded as f is."""
        off, x = abs(self.says[EXACT] - self.says[REVERSE]), scale_of(self.ways.problem, self.row.place)
        explained = COMPLEX in self.says or off <= SURE * self.ways.lost / (x or 1.0)
        return bool(self.ways.cancels) and COMPLEX not in self.against and explained

    def groups(self) -> str:
        """Who says what, those that agree together."""
        groups = list[list[str]]()
        for name in self.says:
            group = next((group for group in groups if self.agree(group[0], name)), None)
            groups.append([name]) if group is None else group.append(name)
        return "; ".join(f"{listed(group)}: {self.says[group[0]]:.7g}" for group in groups)

    def meaning(self) -> str:
        """What it means that these contradict the reverse mode."""
        speaking = [name for name in self.says if name in INDEPENDENT]
        against = [name for name in speaking if name in self.against]
        if against and against == speaking:
            consistent = FORWARD in self.against and all(self.agree(FORWARD, name) for name in speaking)
            return MEANING[REVERSE] if consistent else WRONG if EXACT in against else WRONG_OR_CUT
        if against in ([], [COMPLEX], [EXACT]) or (against == [CENTRAL] and COMPLEX in speaking):
            return MEANING[against[0] if against else FORWARD]
        return CUT if EXACT not in against else CONFUSED


def beside(slopes: Slopes, reverse: float) -> tuple[str, str]:
    """The verdict where the exact slopes on the two sides differ, and what they are."""
    sides = [rounded(x) for x in slopes if x is not None]
    slack = RTOL * max(map(abs, sides), default=0.0)
    words = ["a jump" if x is None else f"slope {rounded(x):.6g}" for x in slopes]
    says = f"exactly {words[0]} to the left, {words[1]} to the right"
    if sides and not min(sides) - slack <= reverse <= max(sides) + slack:
        return "wrong", f"{says}, but the rules say {reverse:.6g}"
    return "not differentiable" if None in slopes else "kink", says


def digits(a: float, b: float) -> int:
    """To how many digits two numbers agree."""
    if not math.isfinite(a - b) or a == b:
        return ALL_DIGITS if a == b else 0
    return max(0, min(ALL_DIGITS, math.floor(-math.log10(abs(a - b) / max(abs(a), abs(b))))))
