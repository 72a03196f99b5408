"""How a graph of any size fits a drawing: layers are closed, what repeats is counted, what lies far off is one box."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..folding import BoxOf, layers_around, values_under
from ..value import Value
from .bundles import bundled
from .repeats import TIMES
from .sketch import Sketch

__all__ = ["bundled", "folds"]

SMALL = 20  # a repetition that hides fewer than one in so many of the values wanted is not worth a box
WHOLE = 4  # what is repeated is drawn whole where this takes one in so many of the values wanted


def folds(
    roots: list[Value], depth: int | None, repeats: bool | None, max_nodes: int | None, composites: bool
) -> tuple[BoxOf, list[str]]:
    """The box that each value is drawn in, or None, and what is to be said about it.

    `depth` is how many levels of layers are opened, None all. `repeats` folds what is done three times in a row: True
    always, False never, None where it must be. With more than `max_nodes` values the deepest layers are closed first,
    then repetitions are folded but for the last time, then all that is farthest from the roots.
    """
    limit = math.inf if max_nodes is None else max_nodes
    values = values_under(roots)
    sketch = Sketch(roots, values, depth, composites)
    for level, folding in attempts(values, depth, repeats):
        if level != sketch.level:
            sketch = Sketch(roots, values, level, composites)
        if folding:
            sketch.fold_repeats(limit / SMALL if repeats is None else 0)
        if sketch.drawn() <= limit:
            break
    else:
        sketch.fold_farthest(limit)
    if repeats is None and not sketch.far and not sketch.open_last(limit / WHOLE, whole=True):
        while sketch.open_last(limit):
            pass
    return sketch.box_of, [*told(sketch, depth, repeats, max_nodes)]


def attempts(values: list[Value], depth: int | None, repeats: bool | None) -> Iterator[tuple[int | None, bool]]:
    """What may be tried until it fits: the level where layers are closed, and whether repetitions are folded."""
    deepest = max((len(layers_around(scope)) for scope in {value.scope for value in values}), default=0)
    yield depth, repeats is True
    if repeats is None and (depth is not None or not deepest):
        yield depth, True
    for level in reversed(range(deepest if depth is None else min(depth, deepest))):
        if repeats is not True:
            yield level, False
        if repeats is not False:
            yield level, True


def told(sketch: Sketch, depth: int | None, repeats: bool | None, max_nodes: int | None) -> Iterator[str]:
    """What was done that nobody had asked for, and how to get all; what was asked for and is not there."""
    repeated = [unit for unit in sketch.units if unit.kind == "repeat"]
    done = []
    if sketch.level != depth:
        done.append(f"layers are opened to depth {sketch.level}" if sketch.level else "layers are closed")
    if repeated and repeats is None:
        done.append("what repeats is drawn once and counted" if sketch.shown else "what repeats is counted")
    if sketch.far:
        many = f"the {sketch.far:,} operations" if sketch.far > 1 else "the one operation"
        done.append(f"{many} farthest from the result are one box")
    if done:
        how = ", ".join(done[:-1]) + " and " * (len(done) > 1) + done[-1]
        yield (f"{sketch.total:,} operations are drawn as {len(sketch.units):,} (max_nodes={max_nodes}): {how}. "
               "A larger max_nodes draws more, None all.")  # fmt: skip
    if repeats is True and not repeated and not sketch.far:
        yield f"Nothing is repeated {TIMES} times in a row."
