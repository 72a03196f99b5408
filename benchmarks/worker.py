"""What the process of one side does: python -m benchmarks.worker [MODULE, FUNCTION, ARGUMENTS, UNIT, LOSSES] (JSON).

It makes the step, does it a few times, tells their losses, and then answers each number on its standard input by the
figure of so many steps: one JSON object a line.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.measure import THREADS, MissingError


def work(module: str, function: str, arguments: list[Any], unit: str, losses: int) -> None:
    """Serve until the input ends."""
    if hasattr(os, "sched_setaffinity"):  # before any library counts the processors
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    try:
        step = getattr(import_module(module), function)(*arguments)
        first = [step() for _ in range(losses)]
    except (ImportError, MissingError) as error:
        return answer(missing=str(error))
    answer(losses=[None if loss is None else float(loss) for loss in first])
    for line in sys.stdin:
        answer(figure=seconds(step, int(line)) if unit == "s" else step())


def seconds(step: Callable[[], object], times: int) -> float:
    """The mean duration of a step over so many in a row."""
    begin = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - begin) / times


def answer(**what: Any) -> None:
    """One line for the process that asks."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    work(*json.loads(sys.argv[1]))
