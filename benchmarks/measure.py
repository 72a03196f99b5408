"""Interleaved measurement: on a shared machine only ratios of runs that alternate mean anything.

A case is one piece of work, done by several sides: by this library, by hand, by other libraries. Each side runs in a
process of its own, so that none disturbs another's threads, memory or garbage collector. They take turns: a block of
steps of the first, a block of the second, and so on; while one works, the others sleep. A ratio is taken within each
round, and its median over the rounds is what is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isclose
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

THREADS = 2
PAUSE = 0.03  # seconds for the threads of the side before to fall asleep
DISTURBED = 0.1  # of the machine, taken by other programs during a turn
PATIENCE = 1.5  # seconds in which a disturbed turn is taken again
EAGER, COMPILED, BY_HAND = "ours, eager", "ours, compiled", "handwritten NumPy"


class MissingError(Exception):
    """What a side needs is not here; the text says what."""


@dataclass(frozen=True)
class Claim:
    """A side takes at most `bound` times what another takes; without another, its own figure is at most `bound`."""

    side: str
    bound: float
    against: str = ""


@dataclass(frozen=True)
class Case:
    """One piece of work and who does it: for each side a function of this package that makes its `step()`.

    A step returns its loss, which must be that of the other sides in each of the first steps (`losses` of them, within
    a relative `tolerance`), or else they would not do the same work; None is not compared. Where `unit` is not "s", a
    step returns the figure itself.
    """

    title: str
    sides: dict[str, Callable[..., Callable[[], Any]]]
    claims: Sequence[Claim] = ()
    note: str = ""
    unit: str = "s"
    rounds: int = 9
    block: float = 0.2  # seconds in which a side does as many steps as it can, before it is the next one's turn
    losses: int = 3
    tolerance: float = 1e-3


@dataclass
class Result:
    """The figures of each side, one for each round; why the other sides are not here; what other programs took."""

    case: Case
    figures: dict[str, list[float]]
    missing: dict[str, str] = field(default_factory=dict)
    disturbance: float = 0.0

    def median(self, side: str) -> float:
        """The figure to tell."""
        return median(self.figures[side])

    def spread(self, side: str) -> tuple[float, float]:
        """The smallest and the largest figure."""
        return min(self.figures[side]), max(self.figures[side])

    def ratios(self, side: str, against: str) -> list[float]:
        """How many times what another takes a side takes, in each round."""
        return [a / b for a, b in zip(self.figures[side], self.figures[against], strict=True)]

    def reached(self, claim: Claim) -> float | None:
        """The figure or ratio that a claim is about; None if a side is missing."""
        if not {claim.side, claim.against or claim.side} <= self.figures.keys():
            return None
        return median(self.ratios(claim.side, claim.against)) if claim.against else self.median(claim.side)


def run(case: Case) -> Result:
    """Start all sides, let them take turns, and end them."""
    workers = {side: Worker(make, case) for side, make in case.sides.items()}
    try:
        missing = {side: worker.missing for side, worker in workers.items() if worker.missing}
        here = {side: worker for side, worker in workers.items() if not worker.missing}
        check_losses({side: worker.losses for side, worker in here.items()}, case)
        patience = PATIENCE if case.unit in ("s", "seconds") else 0.0
        rounds = [take_turns(here, number % 2 == 1, patience) for number in range(case.rounds)]
        figures = {side: [each[side].figure for each in rounds] for side in here}
        return Result(
            case, figures, missing, max((turn.others for each in rounds for turn in each.values()), default=0.0)
        )
    finally:
        for worker in workers.values():
            worker.close()


class Turn(NamedTuple):
    """What a side has measured, and what other programs took of the machine meanwhile."""

    others: float
    figure: float


def take_turns(workers: dict[str, Worker], backwards: bool, patience: float) -> dict[str, Turn]:
    """One round: a turn of each side. One that was disturbed is repeated; the least disturbed one counts."""
    turns = {}
    for side in reversed(workers) if backwards else workers:
        tried, end = [turn(workers[side])], time.monotonic() + patience
        while tried[-1].others > DISTURBED and time.monotonic() < end:
            tried.append(turn(workers[side]))
        turns[side] = min(tried)
    return turns


def turn(worker: Worker) -> Turn:
    """Let a side measure, and measure the machine meanwhile."""
    time.sleep(PAUSE)
    before = clock(worker)
    figure = worker.figure()
    passed, busy, own = (b - a for a, b in zip(before, clock(worker), strict=True))
    return Turn(max(0.0, busy - own) / (passed * (os.cpu_count() or 1)), figure)


def clock(worker: Worker) -> tuple[float, float, float]:
    """In seconds: the time, what all processors have worked, what they have worked for a side. (On Linux.)"""
    if not Path("/proc/stat").exists():
        return time.monotonic(), 0.0, 0.0
    counts = list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    own, idle = sum(map(int, fields[11:15])), counts[3] + counts[4]  # its own work and that of programs it has started
    ticks = os.sysconf("SC_CLK_TCK")
    return time.monotonic(), (sum(counts) - idle) / ticks, own / ticks


def check_losses(losses: dict[str, list[Any]], case: Case) -> None:
    """An error if two sides disagree about the loss of the first steps: they would not do the same work."""
    told = {side: each for side, each in losses.items() if case.unit == "s" and None not in each}
    for each in told.values():
        first = next(iter(told.values()))
        if not all(isclose(a, b, rel_tol=case.tolerance) for a, b in zip(first, each, strict=True)):
            raise SystemExit(f"{case.title}: the losses differ, so the work does: {told}")


class Worker:
    """A side in its own process (worker.py). It is asked for a number of steps, and answers with the figure."""

    def __init__(self, make: Callable[..., Any], case: Case) -> None:
        function, arguments = (make.func, make.args) if isinstance(make, partial) else (make, ())
        what = [function.__module__, function.__name__, arguments, case.unit, case.losses]
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(what)], text=True, cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | dict.fromkeys(names, str(THREADS)),
        )  # fmt: skip
        greeting = self.read()
        self.missing, self.losses = greeting.get("missing", ""), greeting.get("losses", [])
        self.times = 1
        if not self.missing and case.unit == "s":
            self.times = max(1, round(case.block / self.figure()))
            self.times = max(1, round(case.block / self.figure()))

    def read(self) -> Any:
        """Its next answer; whatever else it prints goes on to the reader."""
        for line in self.process.stdout:  # type: ignore[union-attr]
            if line.startswith("{"):
                return json.loads(line)
            print(line, end="", file=sys.stderr)
        return {"missing": "it failed, see above"}

    def figure(self) -> float:
        """The mean duration of one step of the next block, in seconds; or the figure that the step itself returns."""
        print(self.times, file=self.process.stdin, flush=True)
        answer = self.read()
        if "figure" not in answer:
            raise SystemExit(f"{' '.join(self.process.args)} failed in the middle.")  # type: ignore[arg-type]
        return answer["figure"]

    def close(self) -> None:
        """Let it end."""
        with self.process:  # which closes its input, and waits
            pass
