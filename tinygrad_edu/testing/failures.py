"""A check whose failure can be run again: the report, the program that shows it, and a drawing of its graph."""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_edu as tg

from ..checking import GradientCheckError, GradientReport
from ..errors import GradientError
from .programs import Shown

FOLDER = "TINYGRAD_EDU_SAVE_TO"  # the environment variable that names the folder for failing examples


class FailingExample(GradientCheckError):  # noqa: N818 - an example first of all
    """The gradients of an example do not agree.

    `report` says where and by how much, `program` is Python that shows it again, `saved` the files it was written to.
    """

    def __init__(self, report: GradientReport, program: str = "", saved: Sequence[Path] = ()) -> None:
        files = [f"saved: {', '.join(map(str, saved))}"] if saved else []
        text = (
            ["the gradients do not agree; this program shows it:", "", program, "", str(report), *files]
            if program
            else []
        )
        GradientError.__init__(self, "\n".join(text))  # without a program nobody reads it: it is not even written
        self.report, self.program, self.saved = report, program, tuple(saved)


def judge(
    example: Shown, how: dict[str, Any], save_to: Any, name: str, smaller: Callable[[Any], Shown] | None = None
) -> GradientReport:
    """Check the gradients of an example; a failure carries its program and is saved with a drawing of its graph.

    `smaller` looks for a smaller example that fails too; it is handed what says whether one does.
    """
    __tracebackhide__ = True
    try:
        report = checked(example, how, explain=last_run())
    except Exception as error:  # f itself raised, or refuses to be checked
        error.add_note(f"\nThis program shows it:\n\n{example.source()}")
        raise
    if report.passed:
        return report
    if not last_run():  # hypothesis is looking for a smaller one, and nobody reads this
        raise FailingExample(report)
    if smaller is not None:
        example = smaller(lambda other: fails(other, how))
        report = checked(example, how)
    program, folder = example.source(), save_to or os.environ.get(FOLDER)
    raise FailingExample(report, program, save(program, example.loss, Path(folder), name) if folder else [])


def checked(example: Shown, how: dict[str, Any], explain: bool = True) -> GradientReport:
    """The report on an example, with the reasons if somebody will read them."""
    named = how if example.names is None else {"names": example.names, **how}
    return tg.check_gradients(example.f, *example.inputs, raise_exception=False, explain=explain, **named)


def fails(example: Shown, how: dict[str, Any]) -> bool:
    """Whether the check of an example fails; one that cannot be checked does not."""
    try:
        return not checked(example, how, explain=False).passed
    except Exception:
        return False


def last_run() -> bool:
    """Whether hypothesis, if it is at work at all, has found the smallest example and is running it for the reader."""
    if "hypothesis" not in sys.modules:
        return True
    from hypothesis import control

    return not control.currently_in_test_context() or bool(getattr(control.current_build_context(), "is_final", True))


def save(program: str, loss: Callable[[], Any], folder: Path, name: str) -> list[Path]:
    """Write the program and its drawing into a folder, under the same name for the same program."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"\W+", "_", name) or f"graph_{zlib.crc32(program.encode()):08x}"
    script = folder / f"failing_{stem}.py"
    script.write_text(program + "\n", "utf-8")
    with np.errstate(all="ignore"):
        result = loss()
        if not result.shape:
            result.backward()
        return [script, tg.draw(result).save(folder / f"failing_{stem}.svg")]
