"""Checks of what an operation computes, and of its manners. Each yields what it found, or nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..domains import Case
from ..value import Value
from .candidate import Candidate, Drawn, Flaw, Skipped, close, filled, first_line, plain, short_result


def runs(candidate: Candidate) -> Iterator[Flaw]:
    """compute and the rules run on plain numbers and arrays."""
    for case in candidate.cases:
        drawn = candidate.draw(case)
        if not filled(drawn) or (candidate.elementwise and len(set(map(np.shape, drawn.operands))) > 1):
            continue  # other checks ask for empty arrays and for broadcasting
        instead = "say what it takes: where=, and cases= with the shapes and settings that go together"
        try:
            y = candidate.apply(drawn)
        except Exception as error:
            yield Flaw(f"compute raises {type(error).__name__} at {candidate.at(drawn)}: {first_line(error)}", instead)
            return
        for i, rule in candidate.rules(drawn):
            try:
                candidate.gain(rule, candidate.g(y), y, drawn)
            except Exception as error:
                told = f"the rule of {candidate.letter(i)} raises {type(error).__name__} at {candidate.at(drawn)}"
                yield Flaw(f"{told}: {first_line(error)}", "a rule takes (g, y, *operands), and every setting by name")
                return


def numbers(candidate: Candidate) -> Iterator[Flaw]:
    """The result is made of floats, finite inside the domain."""
    for drawn in [*candidate.drawn, *candidate.wide]:
        result = candidate.apply(drawn)
        data = np.asarray(result)
        if data.dtype.kind not in ("f" if candidate.op.rules else "fbiu"):
            yield Flaw(
                f"the result is of type {data.dtype} at {candidate.at(drawn)}",
                "let compute return floats, an array of the dtype of the operands",
            )
        elif drawn.kind == "usual" and not np.all(np.isfinite(data)):
            yield Flaw(
                f"the result is {short_result(data)} at {candidate.at(drawn)}, inside the domain",
                'say where it is at home: where="x > 0", or an interval',
            )
        of_values = plain(
            candidate.apply(drawn, [Value(x) if i in drawn.free else x for i, x in enumerate(drawn.operands)])
        )
        if not close(result, of_values, 1e-12) and not random_looking(candidate, drawn):
            yield Flaw(f"a Value gives {short_result(of_values)}, its number {short_result(result)}")


def random_looking(candidate: Candidate, drawn: Drawn) -> bool:
    """Whether the operation gives something else each time; another check says so."""
    return not np.array_equal(candidate.apply(drawn), candidate.apply(drawn), equal_nan=True)


def scalars(candidate: Candidate) -> Iterator[Flaw]:
    """Plain numbers and arrays of one number give the same."""
    alone = [d for d in [*candidate.drawn, *candidate.wide] if d.free and all(not np.shape(x) for x in d.operands)]
    alone += [candidate.draw(d.case, seed=k) for d in alone[:1] for k in range(3, 9)]
    if not alone:
        raise Skipped("it takes no plain numbers")
    for drawn in alone:
        number = candidate.apply(drawn)
        try:
            array = candidate.apply(
                drawn, [np.array([x]) if i in drawn.free else x for i, x in enumerate(drawn.operands)]
            )
        except Exception as error:
            if candidate.elementwise:
                yield Flaw(f"a plain number will do, an array of one number raises {type(error).__name__}")
            continue
        if np.size(number) == np.size(array) and not close(np.ravel(number), np.ravel(array)):
            yield Flaw(
                f"at {candidate.at(drawn)} a plain number gives {short_result(number)}, an array {short_result(array)}",
                "let scalar= compute the same as compute, or leave it out",
            )


def broadcasting(candidate: Candidate) -> Iterator[Flaw]:
    """Arrays of any shapes give, number by number, what a row of numbers gives."""
    if not candidate.elementwise:
        raise Skipped("it does not work number by number")
    arity = candidate.op.arity or 1
    shapes: list[tuple[tuple[int, ...], ...]] = [((2, 3),) * arity, ((3, 3),) * arity, ((2, 2, 3),) * arity]
    if arity > 1:
        shapes += [((3, 1), *((4,),) * (arity - 1)), ((2, 3), *((),) * (arity - 1)), ((), *((2, 3),) * (arity - 1))]
    for operands in shapes:
        drawn = candidate.draw(Case(operands, {}))
        stretched = np.broadcast_arrays(*map(np.asarray, drawn.operands))
        wanted = np.reshape(candidate.apply(drawn, [x.ravel() for x in stretched]), stretched[0].shape)
        told = f"for {' and '.join(map(str, operands))}" if arity > 1 else f"for an array {operands[0]}"
        instead = "let compute work on whole arrays as NumPy's functions do, without asking how many axes there are"
        try:
            found = candidate.apply(drawn)
        except Exception as error:
            yield Flaw(f"it cannot broadcast: {told} it raises {type(error).__name__}: {first_line(error)}", instead)
            continue
        if np.shape(found) != wanted.shape:
            yield Flaw(f"{told} the result has the shape {np.shape(found)}, not {wanted.shape}", instead)
        elif not close(found, wanted):
            yield Flaw(f"{told} the numbers are not those that each number gives by itself", instead)


def float32(candidate: Candidate) -> Iterator[Flaw]:
    """Arrays of float32 stay float32, in the result and in every rule."""
    looked = False
    for drawn in candidate.drawn:
        operands = [
            x.astype(np.float32) if i in drawn.free and np.shape(x) else x for i, x in enumerate(drawn.operands)
        ]
        if not any(np.shape(operands[i]) for i in drawn.free):
            continue
        looked, result = True, candidate.apply(drawn, operands)
        instead = "write constants as plain Python numbers: np.float64(2) and np.array(2.0) widen what they meet"
        if is_wide(result):
            yield Flaw(f"the result is float64 for float32 operands, {candidate.at(drawn)}", instead)
            return
        if not np.shape(result):
            continue  # a plain number, which takes whatever dtype it meets
        for i, rule in candidate.rules(drawn):
            gain = candidate.gain(rule, candidate.g(result).astype(np.float32), result, drawn, operands)
            if np.shape(operands[i]) and is_wide(gain):
                told = f"the rule of {candidate.letter(i)} computes in float64 for float32 operands"
                yield Flaw(f"{told}; the gradient is made float32", instead, harmless=True)
                return
    if not looked:
        raise Skipped("it takes no arrays of floats")


def is_wide(x: Any) -> bool:
    """Whether it is an array of float64, or a NumPy number that makes one of what it meets."""
    return isinstance(x, np.ndarray | np.generic) and x.dtype == np.float64


def empty(candidate: Candidate) -> Iterator[Flaw]:
    """Arrays without numbers give arrays without numbers, forward and backward."""
    cases = [case for case in candidate.cases if any(isinstance(x, tuple) and 0 in x for x in case.operands)]
    if candidate.elementwise:
        cases.append(Case(((0,),) * (candidate.op.arity or 1), {}))
        cases.append(Case(((0, 3),) * (candidate.op.arity or 1), {}))
    if not cases:
        raise Skipped("no case has an empty array")
    for case in cases:
        drawn = candidate.draw(case)
        told = f"for an empty array {next(x for x in case.operands if isinstance(x, tuple) and 0 in x)}"
        try:
            result = candidate.apply(drawn)
            if candidate.elementwise and np.size(result):
                yield Flaw(f"{told} the result has the shape {np.shape(result)}")
            g = candidate.g(result)
            for i, rule in candidate.rules(drawn):
                gain = candidate.gain(rule, g, result, drawn)
                np.broadcast_shapes(np.shape(gain), np.shape(drawn.operands[i]))
        except Exception as error:
            yield Flaw(
                f"{told} it raises {type(error).__name__}: {first_line(error)}",
                "an empty batch is no mistake: use reductions with an initial value, and no index of a first element",
            )


def in_place(candidate: Candidate) -> Iterator[Flaw]:
    """Neither compute nor a rule writes into what it was given."""
    for drawn in candidate.drawn:
        before = [np.copy(x) if isinstance(x, np.ndarray) else x for x in drawn.operands]
        operands = [np.copy(x) if isinstance(x, np.ndarray) else x for x in drawn.operands]
        result = candidate.apply(drawn, operands)
        for i in changed(before, operands):
            yield Flaw(
                f"compute changes {candidate.letter(i)} in place", "compute a new array: x * 2 instead of x *= 2"
            )
        y = np.copy(result) if isinstance(result, np.ndarray) else result
        g, kept = candidate.g(result), candidate.g(result)
        for i, rule in candidate.rules(drawn):
            candidate.gain(rule, g, y, drawn, operands)
            told = f"the rule of {candidate.letter(i)} changes"
            instead = "compute a new array: g * 2 instead of g *= 2; others still need the old one"
            if changed([kept], [g]):
                yield Flaw(f"{told} g in place", instead)
                return
            if changed([result], [y]):
                yield Flaw(f"{told} y in place", instead)
                return
            for j in changed(before, operands):
                yield Flaw(f"{told} {candidate.letter(j)} in place", instead)
                return


def changed(before: Sequence[Any], after: Sequence[Any]) -> list[int]:
    """Which arrays are not what they were."""
    pairs = enumerate(zip(before, after, strict=True))
    return [i for i, (a, b) in pairs if isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=True)]


def memory(candidate: Candidate) -> Iterator[Flaw]:
    """The same operands give the same, whatever was computed in between; and what was handed out stays as it was."""
    for case in candidate.cases:
        one, two = candidate.draw(case, seed=0), candidate.draw(case, seed=1)
        if not filled(one) or not candidate.takes(one):
            continue
        instead = "let compute and the rules depend on their arguments alone: no random numbers, no counters, no caches"
        first = candidate.apply(one)
        kept = np.copy(first)
        if not np.array_equal(candidate.apply(one), kept, equal_nan=True):
            yield Flaw(f"not deterministic: {candidate.at(one)} gives another result each time", instead)
            return
        gains = [candidate.gain(rule, candidate.g(first), first, one) for _, rule in candidate.rules(one)]
        kept_gains = [np.copy(gain) for gain in gains]
        other = candidate.apply(two)
        for _, rule in candidate.rules(two):
            candidate.gain(rule, candidate.g(other, 1), other, two)
        told = "hands out the same array each time, and changes it"
        if not np.array_equal(first, kept, equal_nan=True):
            yield Flaw(f"compute {told}", "return a new array each time: no out= and no buffer that is kept")
            return
        for (i, rule), gain, before in zip(candidate.rules(one), gains, kept_gains, strict=True):
            if not np.array_equal(gain, before, equal_nan=True):
                yield Flaw(
                    f"the rule of {candidate.letter(i)} {told}", "return a new array each time: no buffer that is kept"
                )
                return
            if not np.array_equal(
                candidate.gain(rule, candidate.g(kept), kept if np.shape(kept) else first, one), before, equal_nan=True
            ):
                told = "remembers what was computed last, or is not deterministic"
                yield Flaw(
                    f"the rule of {candidate.letter(i)} {told}: the same arguments give another gradient later", instead
                )
                return


def by_name(candidate: Candidate) -> Iterator[Flaw]:
    """A pickled graph finds the operation by its name."""
    if copy.copy(candidate.op) is not candidate.op:
        yield Flaw(
            f"a later operation has the same name, {candidate.op.name}: a pickled graph would use that one",
            "give each operation a name of its own",
        )
