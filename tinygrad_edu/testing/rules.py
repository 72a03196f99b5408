"""Checks of how the rules are written: linear in g, in operations alone, the same for letters as for numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import ops
from ..operators import Operators
from ..protocol import answer
from ..symbol import Symbol
from .candidate import Candidate, Flaw, Skipped, close, first_line, short_result
from .spelling import applied


class Peeked(TypeError):  # noqa: N818 - named for what happened
    """A rule asked a letter for its number."""


class Letter(Operators):
    """Something with a shape and a dtype and nothing else: whoever asks for its numbers is told off."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float64) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise Peeked(
            "makes a NumPy array of its argument (np.asarray, or a function of NumPy that the library has not)"
        )

    def __float__(self) -> float:
        raise Peeked("takes float() of its argument")

    def __bool__(self) -> bool:
        raise Peeked("asks whether a comparison is true (if, and, or)")

    def __iter__(self) -> Any:
        raise Peeked("goes through the elements one by one")

    def item(self) -> Any:
        """Refused."""
        raise Peeked("takes .item() of its argument")

    @property
    def data(self) -> Any:
        """Refused."""
        raise Peeked("looks at .data")

    T = property(lambda self: ops.transpose(self))
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    __len__ = __int__ = __index__ = __complex__ = __float__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        return answer(ufunc, inputs, settings, "" if method == "__call__" else f".{method}")

    def __array_function__(self, function: Any, types: Any, args: Any, settings: Any) -> Any:
        if function not in ops.ANSWERS:
            raise Peeked(f"hands its argument to NumPy's {function.__name__}, which the library has not")
        return answer(function, args, settings)

    def apply_op(self, op: ops.Op, operands: Any, settings: Any = ops.NOTHING) -> Letter:
        stand_ins = [ones(x.shape, x.dtype) if isinstance(x, Letter) else x for x in operands]
        result = np.asarray(op.compute(*stand_ins, **{**op.settings, **settings}))
        return Letter(result.shape, result.dtype)

    def apply_composite(self, function: Any, operands: Any, settings: Any) -> Any:
        return function.function(*operands, **settings)


def ones(shape: tuple[int, ...], dtype: Any) -> Any:
    """Numbers to try an operation with: 1, and matrices that can be inverted; the index 0."""
    kind = np.dtype(dtype).kind == "f"
    full = np.full(shape, kind, dtype)
    return full + np.eye(shape[-2], shape[-1]) if kind and len(shape) > 1 else full


INSTEAD = {
    "float()": "g / y instead of g / float(y): float() cuts the graph of the second derivative",
    ".data": "x instead of x.data: it cuts the graph of the second derivative",
    ".item()": "x instead of x.item(): it cuts the graph of the second derivative",
    "NumPy": "operations of the library (tg.exp, tg.where ...) instead of functions of np",
    "true": "tg.where(x > 0, a, b) instead of if x > 0: the operand may be an array",
    "one by one": "operations on whole arrays instead of a loop over elements",
}


def speaks_rows(candidate: Candidate) -> Iterator[Flaw]:
    """A rule works on letters: it is made of signs and operations, and never asks for the numbers."""
    if not any(candidate.rules(drawn) for drawn in candidate.drawn):
        raise Skipped("it has no rule")
    for drawn in candidate.drawn:
        letters = [Letter(np.shape(x)) if i in drawn.free else x for i, x in enumerate(drawn.operands)]
        shape = np.shape(candidate.apply(drawn))
        for i, rule in candidate.rules(drawn):
            told = f"the rule of {candidate.letter(i)}"
            try:
                gain = candidate.gain(rule, Letter(shape), Letter(shape), drawn, letters)
            except Peeked as error:
                instead = next(text for part, text in INSTEAD.items() if part in str(error))
                yield Flaw(f"{told} {error}", instead)
                return
            except Exception as error:
                yield Flaw(
                    f"{told} raises {type(error).__name__} on letters: {first_line(error)}",
                    "signs and operations of the library only: tg.exp instead of math.exp or np.exp",
                )
                return
            if not isinstance(gain, Letter):
                yield Flaw(f"{told} returns plain numbers for letters: it forgets g", "a rule is g times a slope")
                return


def linear(candidate: Candidate) -> Iterator[Flaw]:
    """A rule is linear in g, and in an operation that works number by number each number has its own g."""
    for drawn in candidate.drawn:
        y = candidate.apply(drawn)
        one, two = candidate.g(y), candidate.g(y, 1)
        for i, rule in candidate.rules(drawn):
            told = f"the rule of {candidate.letter(i)}"
            gains = [
                full(candidate.gain(rule, g, y, drawn), drawn.operands[i]) for g in (one, two, 2.5 * one - two, one * 0)
            ]
            if not all(np.all(np.isfinite(gain)) for gain in gains):
                continue
            if np.any(gains[3] != 0):
                yield Flaw(
                    f"{told} forgets g: it returns {short_result(gains[3])} where g is 0", "a rule is g times a slope"
                )
                return
            if not close(2.5 * gains[0] - gains[1], gains[2]):
                yield Flaw(
                    f"{told} is not linear in g: twice the g is not twice the gradient", "a rule is g times a slope"
                )
                return
            if candidate.elementwise and np.shape(one) == np.shape(drawn.operands[i]) != () and np.size(one) > 1:
                first = np.zeros(np.shape(one))
                first.flat[0] = 1.0
                gain = full(candidate.gain(rule, first, y, drawn), drawn.operands[i])
                if np.any(gain.flat[1:]):
                    yield Flaw(
                        f"{told} mixes the elements: what arrives at the first goes to others as well (is g summed?)",
                        "one number for each element, g * slope: the library adds up where an operand was stretched",
                    )
                    return


def full(gain: Any, operand: Any) -> Any:
    """What a rule returned as an array of floats, at least as large as the operand."""
    return np.asarray(gain, float) + np.zeros(np.shape(operand)) if np.size(gain) == 1 else np.asarray(gain, float)


def formula(candidate: Candidate) -> Iterator[Flaw]:
    """The formula that a rule writes, on numbers, is what the rule computes."""
    looked = False
    for drawn in candidate.drawn:
        names = {f"x{i}": drawn.operands[i] for i in drawn.free}
        symbols = [Symbol(f"x{i}", np.shape(x)) if i in drawn.free else x for i, x in enumerate(drawn.operands)]
        y = candidate.apply(drawn)
        g = candidate.g(y)
        known = {**names, "y": y, "g": g}
        for i, rule in candidate.rules(drawn):
            looked = True
            try:
                told = candidate.gain(rule, Symbol("g", np.shape(g)), Symbol("y", np.shape(y)), drawn, symbols)
            except Exception as error:
                yield Flaw(
                    f"the rule of {candidate.letter(i)} writes no formula: {type(error).__name__}: {first_line(error)}"
                )
                return
            number, meant = candidate.gain(rule, g, y, drawn), evaluated(told, known)
            if not close(full(number, y), full(meant, y), 1e-8):
                yield Flaw(
                    f"the rule of {candidate.letter(i)} writes {told}, which is {short_result(meant)} at "
                    f"{candidate.at(drawn)}, but computes {short_result(number)}",
                    "the same expression whatever the arguments are, without asking for their type",
                )
                return
    if not looked:
        raise Skipped("it has no rule")


def evaluated(told: Any, known: dict[str, Any]) -> Any:
    """A formula with numbers for its letters."""
    if isinstance(told, Symbol):
        if told.op is None:
            return known[str(told.name)]
        return applied(told.op, [evaluated(x, known) for x in told.operands], told.settings)
    return told
