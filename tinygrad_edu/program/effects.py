"""What a function must not do while it is read as a program: draw numbers, or leave a gradient behind.

The program would do neither of it. What was drawn or left is taken back, whether the reading succeeds or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..errors import GradientError, named
from ..value import Value
from .tracing import Trace

MOST = 10_000  # objects that are looked through
CLOSED = (type, ModuleType, CodeType, str, bytes, int, float, complex, np.ndarray)


@contextmanager
def unaffected(function: Any, values: Iterable[Value], trace: Trace) -> Iterator[None]:
    """Generators and gradients are afterwards as before; GradientError if the function itself has changed them."""
    found = held(function)
    leaves = [*{id(x): x for x in (*values, *found) if isinstance(x, Value)}.values()]
    generators = [x for x in found if isinstance(x, np.random.Generator)]
    states = [x.bit_generator.state for x in generators]
    gradients, shared, ours = [x.grad for x in leaves], np.random.get_state(legacy=False), random.getstate()
    drawn, changed = False, list[Value]()
    try:
        yield
        drawn = random.getstate() != ours or not same(np.random.get_state(legacy=False), shared)
        moved = [x for x, state in zip(generators, states, strict=True) if not same(x.bit_generator.state, state)]
        drawn = drawn or not all(any(x is y for y in trace.generators) for x in moved)
        changed = [x for x, gradient in zip(leaves, gradients, strict=True) if x.grad is not gradient]
    finally:
        random.setstate(ours)
        np.random.set_state(shared)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        for x, gradient in zip(leaves, gradients, strict=True):
            x.grad = gradient
    if drawn:
        raise GradientError(
            "The function draws random numbers: the program would use the same ones in every call. Draw them outside "
            "and pass them as an argument, or use nn.Dropout, which draws afresh."
        )
    if changed:
        raise GradientError(
            f"{named(changed[0])} is given another grad by the function. A program only computes: it returns the "
            "gradients, and nothing is to be set to zero. Leave zero_grad() and .grad = to the caller."
        )


def same(a: Any, b: Any) -> bool:
    """Whether two states of a generator are equal: dictionaries of numbers, arrays and dictionaries."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(x, b[name]) for name, x in a.items())
    return np.array_equal(a, b)


def held(function: Any) -> list[Any]:
    """The Values and the generators of random numbers that a function can reach: in its closure, its model ..."""
    seen: dict[int, Any] = {}
    found, stack = [], [function]
    while stack and len(seen) < MOST:
        x = stack.pop()
        if x is None or id(x) in seen or isinstance(x, CLOSED):
            continue
        seen[id(x)] = x
        if isinstance(x, Value | np.random.Generator):
            found.append(x)
        else:
            stack += parts(x)
    return found


def parts(x: Any) -> list[Any]:
    """What an object holds on to."""
    if isinstance(x, FunctionType):
        return used_by(x)
    if isinstance(x, MethodType):
        return [x.__self__, x.__func__]
    if isinstance(x, partial):
        return [x.func, x.args, x.keywords]
    if isinstance(x, dict):
        return [*x.values()]
    if isinstance(x, list | tuple | set | frozenset):
        return [*x]
    return [*getattr(x, "__dict__", {}).values()]


def used_by(function: FunctionType) -> list[Any]:
    """The variables of a function from outside it, and its defaults."""
    found: list[Any] = [function.__defaults__, function.__kwdefaults__]
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not filled yet
            found.append(cell.cell_contents)
    return found + [function.__globals__[name] for name in names_in(function.__code__) if name in function.__globals__]


def names_in(code: CodeType) -> set[str]:
    """The names of globals and attributes in a function, and in those that it defines."""
    inner = [x for x in code.co_consts if isinstance(x, CodeType)]
    return {*code.co_names}.union(*map(names_in, inner))
