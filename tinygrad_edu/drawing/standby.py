"""A `dot` that stays after its first picture: to start it takes several times as long as to lay out a small graph."""

from __future__ import annotations

import atexit
import os
import subprocess
import threading

PATIENCE = 3.0  # seconds; what takes longer is no graph for this
SMALL = 100_000  # bytes of DOT; with more, the start does not matter
FRAME = b"subgraph"  # how frames come to lie depends on what the program has in its memory: these need a fresh one
END = b"</svg>"


class Standby:
    """A program that reads one graph after the other, and writes the SVG of each as soon as it has read it."""

    def __init__(self, program: str) -> None:
        self.program, self.calls, self.usable, self.turn = program, 0, True, threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def svg(self, source: bytes) -> bytes:
        """The picture; nothing if it can not be had in this way: the program is then to be started as usual.

        It is not for the first picture, as most scripts draw one, and not after a failure, which is told elsewhere.
        """
        self.calls += 1
        if (
            self.calls == 1
            or len(source) > SMALL
            or FRAME in source
            or not self.usable
            or not self.turn.acquire(blocking=False)
        ):
            return b""
        try:
            self.usable = False  # until it has answered: what is left of an interrupted answer is nobody's
            answer = self.asked(source)
            self.usable = bool(answer)
            return answer
        except OSError:  # it does not start, or has ended
            return b""
        finally:
            if not self.usable:
                self.close()
            self.turn.release()

    def asked(self, source: bytes) -> bytes:
        """What it writes when it has read a graph; nothing if it ends before, or is ended as it takes too long."""
        if self.process is None:
            pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
            self.process = subprocess.Popen([self.program, "-Tsvg"], stdin=pipe, stdout=pipe, stderr=nowhere)
        answer, timer = b"", threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(source)  # type: ignore[union-attr]  # both are pipes
            self.process.stdin.flush()  # type: ignore[union-attr]
            while not answer.rstrip().endswith(END):
                part = self.process.stdout.read1(65536)  # type: ignore[union-attr]
                if not part:
                    return b""
                answer += part
            return answer
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the program."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


standing: dict[tuple[str, int], Standby] = {}  # by program and process: a copy of a process does not share its pipes


def standby(program: str) -> Standby:
    """The one of this program."""
    return standing.setdefault((program, os.getpid()), Standby(program))


@atexit.register
def end() -> None:
    """None outlives this process."""
    for (_, owner), one in standing.items():
        if owner == os.getpid():
            one.close()
