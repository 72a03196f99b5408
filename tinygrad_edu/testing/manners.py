"""Checks of what an operation computes, and of its manners. Each yields what it found, or nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..domains import Case
from ..value import Value
from .exam import Drawn, Exam, Problem, Skipped, close, filled, first_line, plain, short_result


def runs(exam: Exam) -> Iterator[Problem]:
    """compute and the rules run on plain numbers and arrays."""
    for case in exam.cases:
        drawn = exam.draw(case)
        if not filled(drawn) or (exam.elementwise and len(set(map(np.shape, drawn.operands))) > 1):
            continue  # other checks ask for empty arrays and for broadcasting
        instead = "say what it takes: where=, and cases= with the shapes and settings that go together"
        try:
            y = exam.apply(drawn)
        except Exception as error:
            yield Problem(f"compute raises {type(error).__name__} at {exam.at(drawn)}: {first_line(error)}", instead)
            return
        for i, rule in exam.rules(drawn):
            try:
                exam.gain(rule, exam.g(y), y, drawn)
            except Exception as error:
                told = f"the rule of {exam.letter(i)} raises {type(error).__name__} at {exam.at(drawn)}"
                yield Problem(
                    f"{told}: {first_line(error)}", "a rule takes (g, y, *operands), and every setting by name"
                )
                return


def numbers(exam: Exam) -> Iterator[Problem]:
    """The result is made of floats, finite inside the domain."""
    for drawn in [*exam.drawn, *exam.wide]:
        result = exam.apply(drawn)
        data = np.asarray(result)
        if data.dtype.kind not in ("f" if exam.op.rules else "fbiu"):
            yield Problem(
                f"the result is of type {data.dtype} at {exam.at(drawn)}",
                "let compute return floats, an array of the dtype of the operands",
            )
        elif drawn.kind == "usual" and not np.all(np.isfinite(data)):
            yield Problem(
                f"the result is {short_result(data)} at {exam.at(drawn)}, inside the domain",
                'say where it is at home: where="x > 0", or an interval',
            )
        of_values = plain(exam.apply(drawn, [Value(x) if i in drawn.free else x for i, x in enumerate(drawn.operands)]))
        if not close(result, of_values, 1e-12) and not random_looking(exam, drawn):
            yield Problem(f"a Value gives {short_result(of_values)}, its number {short_result(result)}")


def random_looking(exam: Exam, drawn: Drawn) -> bool:
    """Whether the operation gives something else each time; another check says so."""
    return not np.array_equal(exam.apply(drawn), exam.apply(drawn), equal_nan=True)


def scalars(exam: Exam) -> Iterator[Problem]:
    """Plain numbers and arrays of one number give the same."""
    alone = [d for d in [*exam.drawn, *exam.wide] if d.free and all(not np.shape(x) for x in d.operands)]
    alone += [exam.draw(d.case, seed=k) for d in alone[:1] for k in range(3, 9)]
    if not alone:
        raise Skipped("it takes no plain numbers")
    for drawn in alone:
        number = exam.apply(drawn)
        try:
            array = exam.apply(drawn, [np.array([x]) if i in drawn.free else x for i, x in enumerate(drawn.operands)])
        except Exception as error:
            if exam.elementwise:
                yield Problem(f"a plain number will do, an array of one number raises {type(error).__name__}")
            continue
        if np.size(number) == np.size(array) and not close(np.ravel(number), np.ravel(array)):
            yield Problem(
                f"at {exam.at(drawn)} a plain number gives {short_result(number)}, an array {short_result(array)}",
                "let scalar= compute the same as compute, or leave it out",
            )


def broadcasting(exam: Exam) -> Iterator[Problem]:
    """Arrays of any shapes give, number by number, what a row of numbers gives."""
    if not exam.elementwise:
        raise Skipped("it does not work number by number")
    arity = exam.op.arity or 1
    shapes: list[tuple[tuple[int, ...], ...]] = [((2, 3),) * arity, ((3, 3),) * arity, ((2, 2, 3),) * arity]
    if arity > 1:
        shapes += [((3, 1), *((4,),) * (arity - 1)), ((2, 3), *((),) * (arity - 1)), ((), *((2, 3),) * (arity - 1))]
    for operands in shapes:
        drawn = exam.draw(Case(operands, {}))
        stretched = np.broadcast_arrays(*map(np.asarray, drawn.operands))
        wanted = np.reshape(exam.apply(drawn, [x.ravel() for x in stretched]), stretched[0].shape)
        told = f"for {' and '.join(map(str, operands))}" if arity > 1 else f"for an array {operands[0]}"
        instead = "let compute work on whole arrays as NumPy's functions do, without asking how many axes there are"
        try:
            found = exam.apply(drawn)
        except Exception as error:
            yield Problem(f"it cannot broadcast: {told} it raises {type(error).__name__}: {first_line(error)}", instead)
            continue
        if np.shape(found) != wanted.shape:
            yield Problem(f"{told} the result has the shape {np.shape(found)}, not {wanted.shape}", instead)
        elif not close(found, wanted):
            yield Problem(f"{told} the numbers are not those that each number gives by itself", instead)


def float32(exam: Exam) -> Iterator[Problem]:
    """Arrays of float32 stay float32, in the result and in every rule."""
    looked = False
    for drawn in exam.drawn:
        operands = [
            x.astype(np.float32) if i in drawn.free and np.shape(x) else x for i, x in enumerate(drawn.operands)
        ]
        if not any(np.shape(operands[i]) for i in drawn.free):
            continue
        looked, result = True, exam.apply(drawn, operands)
        instead = "write constants as plain Python numbers: np.float64(2) and np.array(2.0) widen what they meet"
        if is_wide(result):
            yield Problem(f"the result is float64 for float32 operands, {exam.at(drawn)}", instead)
            return
        if not np.shape(result):
            continue  # a plain number, which takes whatever dtype it meets
        for i, rule in exam.rules(drawn):
            gain = exam.gain(rule, exam.g(result).astype(np.float32), result, drawn, operands)
            if np.shape(operands[i]) and is_wide(gain):
                told = f"the rule of {exam.letter(i)} computes in float64 for float32 operands"
                yield Problem(f"{told}; the gradient is made float32", instead, harmless=True)
                return
    if not looked:
        raise Skipped("it takes no arrays of floats")


def is_wide(x: Any) -> bool:
    """Whether it is an array of float64, or a NumPy number that makes one of what it meets."""
    return isinstance(x, np.ndarray | np.generic) and x.dtype == np.float64


def empty(exam: Exam) -> Iterator[Problem]:
    """Arrays without numbers give arrays without numbers, forward and backward."""
    cases = [case for case in exam.cases if any(isinstance(x, tuple) and 0 in x for x in case.operands)]
    if exam.elementwise:
        cases.append(Case(((0,),) * (exam.op.arity or 1), {}))
        cases.append(Case(((0, 3),) * (exam.op.arity or 1), {}))
    if not cases:
        raise Skipped("no case has an empty array")
    for case in cases:
        drawn = exam.draw(case)
        told = f"for an empty array {next(x for x in case.operands if isinstance(x, tuple) and 0 in x)}"
        try:
            result = exam.apply(drawn)
            if exam.elementwise and np.size(result):
                yield Problem(f"{told} the result has the shape {np.shape(result)}")
            g = exam.g(result)
            for i, rule in exam.rules(drawn):
                gain = exam.gain(rule, g, result, drawn)
                np.broadcast_shapes(np.shape(gain), np.shape(drawn.operands[i]))
        except Exception as error:
            yield Problem(
                f"{told} it raises {type(error).__name__}: {first_line(error)}",
                "an empty batch is no mistake: use reductions with an initial value, and no index of a first element",
            )


def in_place(exam: Exam) -> Iterator[Problem]:
    """Neither compute nor a rule writes into what it was given."""
    for drawn in exam.drawn:
        before = [np.copy(x) if isinstance(x, np.ndarray) else x for x in drawn.operands]
        operands = [np.copy(x) if isinstance(x, np.ndarray) else x for x in drawn.operands]
        result = exam.apply(drawn, operands)
        for i in changed(before, operands):
            yield Problem(f"compute changes {exam.letter(i)} in place", "compute a new array: x * 2 instead of x *= 2")
        y = np.copy(result) if isinstance(result, np.ndarray) else result
        g, kept = exam.g(result), exam.g(result)
        for i, rule in exam.rules(drawn):
            exam.gain(rule, g, y, drawn, operands)
            told = f"the rule of {exam.letter(i)} changes"
            instead = "compute a new array: g * 2 instead of g *= 2; others still need the old one"
            if changed([kept], [g]):
                yield Problem(f"{told} g in place", instead)
                return
            if changed([result], [y]):
                yield Problem(f"{told} y in place", instead)
                return
            for j in changed(before, operands):
                yield Problem(f"{told} {exam.letter(j)} in place", instead)
                return


def changed(before: Sequence[Any], after: Sequence[Any]) -> list[int]:
    """Which arrays are not what they were."""
    pairs = enumerate(zip(before, after, strict=True))
    return [i for i, (a, b) in pairs if isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=True)]


def memory(exam: Exam) -> Iterator[Problem]:
    """The same operands give the same, whatever was computed in between; and what was handed out stays as it was."""
    for case in exam.cases:
        one, two = exam.draw(case, seed=0), exam.draw(case, seed=1)
        if not filled(one) or not exam.takes(one):
            continue
        instead = "let compute and the rules depend on their arguments alone: no random numbers, no counters, no caches"
        first = exam.apply(one)
        kept = np.copy(first)
        if not np.array_equal(exam.apply(one), kept, equal_nan=True):
            yield Problem(f"not deterministic: {exam.at(one)} gives another result each time", instead)
            return
        gains = [exam.gain(rule, exam.g(first), first, one) for _, rule in exam.rules(one)]
        kept_gains = [np.copy(gain) for gain in gains]
        other = exam.apply(two)
        for _, rule in exam.rules(two):
            exam.gain(rule, exam.g(other, 1), other, two)
        told = "hands out the same array each time, and changes it"
        if not np.array_equal(first, kept, equal_nan=True):
            yield Problem(f"compute {told}", "return a new array each time: no out= and no buffer that is kept")
            return
        for (i, rule), gain, before in zip(exam.rules(one), gains, kept_gains, strict=True):
            if not np.array_equal(gain, before, equal_nan=True):
                yield Problem(
                    f"the rule of {exam.letter(i)} {told}", "return a new array each time: no buffer that is kept"
                )
                return
            if not np.array_equal(
                exam.gain(rule, exam.g(kept), kept if np.shape(kept) else first, one), before, equal_nan=True
            ):
                told = "remembers what was computed last, or is not deterministic"
                yield Problem(
                    f"the rule of {exam.letter(i)} {told}: the same arguments give another gradient later", instead
                )
                return


def by_name(exam: Exam) -> Iterator[Problem]:
    """A pickled graph finds the operation by its name."""
    if copy.copy(exam.op) is not exam.op:
        yield Problem(
            f"a later operation has the same name, {exam.op.name}: a pickled graph would use that one",
            "give each operation a name of its own",
        )
