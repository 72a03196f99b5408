"""Interleaved measurement: on a shared machine only ratios of runs that alternate mean anything.

Each side runs in a process of its own, so that neither disturbs the other's threads, memory or garbage collector. The
two take turns: a block of steps of ours, a block of theirs, and so on; while one works, the other sleeps.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

THREADS = "2"
PAUSE = 0.05  # seconds for the threads of the side before to fall asleep


def serve(step: Callable[[], object]) -> None:
    """The working side: warm up, then for each line on standard input do that many steps and print the seconds."""
    step()
    print("ready", flush=True)
    for line in sys.stdin:
        times = int(line)
        begin = time.perf_counter()
        for _ in range(times):
            step()
        print((time.perf_counter() - begin) / times, flush=True)


class Side:
    """One of the two processes: `python -m MODULE ARGUMENTS`, with pinned threads."""

    def __init__(self, module: str, *arguments: str) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | dict.fromkeys(names, THREADS),
        )  # fmt: skip
        if self.read() != "ready":
            raise SystemExit(f"{module} {' '.join(arguments)} did not start.")

    def read(self) -> str:
        """One line of its answer."""
        return self.process.stdout.readline().strip()  # type: ignore[union-attr]

    def seconds(self, times: int) -> float:
        """The mean duration of one step over `times` steps in a row."""
        time.sleep(PAUSE)
        print(times, file=self.process.stdin, flush=True)
        return float(self.read())

    def close(self) -> None:
        """Let it end."""
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait()


def compare(what: str, ours: Side, theirs: Side, times: int, bound: float, rounds: int = 15) -> float:
    """Print both medians and the median ratio ours / theirs with its spread, beside the ratio that is claimed."""
    for side in (ours, theirs):
        side.seconds(times)
    pairs = [(ours.seconds(times), theirs.seconds(times)) for _ in range(rounds)]
    ours.close(), theirs.close()
    ratios = sorted(a / b for a, b in pairs)
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ratios)
    print(
        f"{what}: ours {mine * 1e6:.1f} us, theirs {other * 1e6:.1f} us, "
        f"ratio {ratio:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), claimed at most {bound}"
    )
    return ratio
