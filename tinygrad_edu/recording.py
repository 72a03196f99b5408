"""What is switched on in this thread while values are computed: recording, watching for nan, the scope of new nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class State(threading.local):
    """Whether operations are recorded, whether a nan raises at once, and the scope that new nodes belong to.

    `open` are the nodes with respect to which the transforms around are differentiating; `books` the ledgers that are
    told of every pass; `trace` is what a function is being read into as a program: it keeps results without a slope
    too, and refuses to show numbers, as these will be others when the program runs.
    """

    recording, anomaly = True, False
    scope: Scope | None = None
    open: tuple[Any, ...] = ()
    books: tuple[Any, ...] = ()
    trace: Any = None


class Scope:
    """A name around nodes, inside another or none: a layer of a model (`kind` "layer") or a composite function."""

    __slots__ = ("kind", "name", "outer")

    def __init__(self, name: str, kind: str, outer: Scope | None) -> None:
        self.name = name
        self.kind = kind
        self.outer = outer


class Line(Scope):
    """In anomaly mode, around a single node: the user's line, and copies of the arrays that were used."""

    __slots__ = ("copies",)

    def __init__(self, line: str, outer: Scope | None, numbers: list[Any]) -> None:
        super().__init__(line, "line", outer)
        self.copies = [x.copy() if hasattr(x, "copy") else None for x in numbers]  # a plain number cannot change


STATE = State()  # of this thread: threads do not share it


def inside(name: str, kind: str, function: Callable[..., Any], arguments: Any, keywords: dict[str, Any]) -> Any:
    """Call a function in a scope of its own: the nodes that it records carry the name."""
    outer = STATE.scope
    STATE.scope = Scope(name, kind, outer)
    try:
        return function(*arguments, **keywords) if keywords else function(*arguments)
    finally:
        STATE.scope = outer


@contextmanager
def switched(**settings: Any) -> Iterator[None]:
    """Fields of this thread's state set inside the context, and as they were after it."""
    before = {name: getattr(STATE, name) for name in settings}
    vars(STATE).update(settings)
    try:
        yield
    finally:
        vars(STATE).update(before)


def no_grad() -> AbstractContextManager[None]:
    """Nothing is recorded inside: results are constants. Holds for this thread only; works as a decorator too.

    >>> from tinygrad_edu import Value
    >>> w = Value(3.0)
    >>> with no_grad():
    ...     y = w * 2
    >>> y.requires_grad
    False
    """
    return switched(recording=False)


def detect_anomaly() -> AbstractContextManager[None]:
    """The first nan, forward or backward, raises GradientError with the operation and the line that computed it.

    So does an array that was changed after it was used, in whatever way: arrays are copied and compared for that.

    >>> from tinygrad_edu import Value
    >>> x = Value(-1.0, "x")
    >>> with detect_anomaly():
    ...     x.log()
    Traceback (most recent call last):
    tinygrad_edu.errors.GradientError: log of x = -1.0 gave nan, at <doctest ...>, line 2: x.log()
    """
    return switched(anomaly=True)
