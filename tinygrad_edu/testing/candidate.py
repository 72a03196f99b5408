"""An operation that is examined: the numbers of its domain, and how what is found is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .. import domains, ops
from ..domains import Case
from ..symbol import STRUCTURE
from ..value import Value
from .spelling import applied, literal


FAR: dict[str, tuple[tuple[float, float], ...]] = {  # where a rule must hold as well, but tests seldom look
    "x": ((-20.0, -8.0), (8.0, 20.0)), "x != 0": ((-20.0, -8.0), (8.0, 20.0)), "x > 0": ((8.0, 20.0),),
    "x > -1": ((8.0, 20.0),), "x > 1": ((8.0, 20.0),),
}  # fmt: skip


CLOSE = 1e-9  # relative: for two ways to the same number


class Flaw(NamedTuple):
    """What was found, and what to write instead."""

    found: str
    instead: str = ""
    harmless: bool = False  # worth knowing, but no mistake


class Skipped(Exception):  # noqa: N818 - no error: there is nothing to look at
    """A check does not apply, for this reason."""


class Drawn(NamedTuple):
    """A case with numbers for it; `free` are the operands that are floats, `kind` says where they were drawn."""

    case: Case
    operands: list[Any]
    free: list[int]
    kind: str


class Candidate:
    """An operation, and the numbers on which it is examined."""

    def __init__(self, op: ops.Op, cases: Sequence[Case], seed: int) -> None:
        self.op, self.cases, self.seed = op, cases, seed

    @classmethod
    def of(cls, op: ops.Op, seed: int) -> Candidate:
        """An operation with the cases of its domain, and some with other settings."""
        cases = [*domains.cases(op)]
        if op not in domains.BUILT_IN and not any(case.settings for case in cases):
            cases += [case for case in other_settings(op, cases) if works(op, case, seed)]
        return cls(op, cases, seed)

    def draw(self, case: Case, kind: str = "usual", seed: int = 0) -> Drawn:
        """Numbers for a case."""
        random = np.random.default_rng((self.seed, seed))
        operands = domains.draw(self.op, case, random)
        if kind == "far":
            for i, shape in enumerate(case.operands):
                if isinstance(shape, tuple) and (intervals := FAR.get(domains.condition(self.op, i))):
                    picked = random.integers(len(intervals), size=shape)
                    drawn = np.array(intervals)[picked, 0] + random.uniform(0, 12, shape)
                    operands[i] = drawn if shape else float(drawn)
        return Drawn(case, operands, self.free(case, operands), kind)

    def free(self, case: Case, operands: Sequence[Any]) -> list[int]:
        """Which operands were drawn and are floats."""
        return [
            i for i, shape in enumerate(case.operands)
            if isinstance(shape, tuple) and np.asarray(operands[i]).dtype.kind == "f"
        ]  # fmt: skip

    @cached_property
    def drawn(self) -> list[Drawn]:
        """Every case with something in it that compute takes, drawn once."""
        return [d for case in self.cases if filled(d := self.draw(case)) and self.takes(d)]

    @cached_property
    def wide(self) -> list[Drawn]:
        """More points: a second draw of each case, and numbers far from 0 for the first ones."""
        again = [d for case in self.cases[:2] if filled(d := self.draw(case, "usual", 1)) and self.takes(d)]
        far = [d for case in self.cases[:2] if filled(d := self.draw(case, "far", 2)) and d.free and self.takes(d)]
        able = [
            d for d in far if np.all(np.isfinite(plain(self.apply(d)))) and np.all(np.abs(plain(self.apply(d))) < 1e100)
        ]
        return [*again, *(able if any(c in FAR for c in self.conditions) else [])]

    @property
    def conditions(self) -> list[str]:
        """What the operands must satisfy."""
        return [domains.condition(self.op, i) for i in range(self.op.arity or 1)]

    def apply(self, drawn: Drawn, operands: Sequence[Any] | None = None) -> Any:
        """The operation on the operands of a case, or on others in their place."""
        return applied(self.op, [*(drawn.operands if operands is None else operands)], drawn.case.settings)

    def takes(self, drawn: Drawn) -> bool:
        """Whether compute runs on these operands."""
        try:
            self.apply(drawn)
        except Exception:
            return False
        return True

    def settings(self, drawn: Drawn) -> dict[str, Any]:
        """All settings of a case, as the rules receive them."""
        return {**self.op.settings, **drawn.case.settings}

    def rules(self, drawn: Drawn) -> list[tuple[int, Any]]:
        """The rules of the operands that are floats."""
        rules = [rule for rule, _ in zip(self.op.rules, drawn.operands)]
        return [(i, rules[i]) for i in drawn.free if i < len(rules) and rules[i] is not None]

    def gain(self, rule: Any, g: Any, y: Any, drawn: Drawn, operands: Sequence[Any] | None = None) -> Any:
        """What a rule returns on plain numbers."""
        return rule(g, y, *(drawn.operands if operands is None else operands), **self.settings(drawn))

    def g(self, y: Any, seed: int = 0) -> Any:
        """A gradient to send back, of the shape of a result."""
        drawn = np.random.default_rng((self.seed, seed, 7)).uniform(0.5, 1.5, np.shape(y))
        return drawn if np.shape(y) else float(drawn)

    def letter(self, i: int) -> str:
        """The name of an operand."""
        parts = domains.DOMAINS[self.op].operands.lstrip("*").split(", ")
        return str(domains.LETTER.findall(parts[min(i, len(parts) - 1)])[0])

    @cached_property
    def elementwise(self) -> bool:
        """Whether each number of the result comes from one number of each operand; told from arrays of three."""
        if self.op.arity is None or "c" in self.conditions or not STRUCTURE.isdisjoint(self.op.settings):
            return False
        case = Case(((3,),) * self.op.arity, {})
        try:
            drawn = self.draw(case)
            whole = self.apply(drawn)
            parts = [self.apply(drawn, [x[i : i + 1] for x in drawn.operands]) for i in range(3)]
            return np.shape(whole) == (3,) and all(np.shape(x) == (1,) for x in parts) and close(whole, np.ravel(parts))
        except Exception:
            return False

    def at(self, drawn: Drawn) -> str:
        """Where it was tried, in a few words."""
        names = [f"{self.letter(i)} = {short(x)}" for i, x in enumerate(drawn.operands)]
        told = [f"{key}={literal(x)}" for key, x in drawn.case.settings.items()]
        return ", ".join([*names, *told])


def filled(drawn: Drawn) -> bool:
    """Whether no operand is empty."""
    return all(np.size(x) for x in drawn.operands if x is not None)


def short(x: Any) -> str:
    """A number, or the shape of an array."""
    return f"{x:.4g}" if isinstance(x, float) else f"an array {x.shape}" if isinstance(x, np.ndarray) else literal(x)


def short_result(x: Any) -> str:
    """A result in a few words."""
    return f"{float(np.ravel(x)[0]):.6g}" if np.size(x) == 1 else f"an array {np.shape(x)}"


def first_line(error: Exception) -> str:
    """What an error says first."""
    return (str(error).splitlines() or [""])[0]


def other_settings(op: ops.Op, cases: Sequence[Case]) -> Iterator[Case]:
    """Cases in which one setting has another value than usual."""
    shapes = [case.operands for case in cases if all(isinstance(x, tuple) and 0 not in x for x in case.operands)]
    for name, default in op.settings.items():
        if isinstance(default, bool):
            values: tuple[Any, ...] = (not default,)
        elif isinstance(default, float):
            values = (default * 2 + 0.3,)
        elif name == "axis":
            values = (0, -1)
        else:
            continue
        for value, shape in product(values, shapes[:3]):
            yield Case(shape, {name: value})


def works(op: ops.Op, case: Case, seed: int) -> bool:
    """Whether an operation takes a setting that it was not told to take."""
    try:
        result = applied(op, domains.draw(op, case, np.random.default_rng(seed)), case.settings)
        return bool(np.all(np.isfinite(result)))
    except Exception:
        return False


def plain(x: Any) -> Any:
    """The numbers of a Value; anything else as it is."""
    return x.data if isinstance(x, Value) else x


def close(a: Any, b: Any, rtol: float = CLOSE) -> bool:
    """Whether two results are the same numbers but for rounding."""
    if np.shape(a) != np.shape(b):
        return False
    size = max(1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in (a, b) if np.all(np.isfinite(x))), 0.0)
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * size, equal_nan=True))
