"""A graph as it would be drawn, only counted: units in the order of computation, of which some are made one.

To make one unit of some that follow each other in that order, or of the first ones, never makes a circle.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ops import Op
from ..folding import BoxOf, Shown, layers_around, shown
from ..recording import Scope
from ..value import Value
from ..wording import operation
from .graph import FOLDED, FOLDS
from .repeats import TIMES, Run, apart, runs_of

LONGEST = 32  # characters of the name of a repetition


def box_at(depth: int | None, composites: bool) -> BoxOf:
    """The function that says which composite, or layer at a depth, a value is hidden in."""
    known: dict[Scope | None, Scope | None] = {None: None}

    def box_of(value: Value) -> Scope | None:
        scope = value.scope
        if scope not in known:
            known[scope] = closed(scope, depth, composites)
        return known[scope]

    return box_of


def closed(scope: Scope | None, depth: int | None, composites: bool) -> Scope | None:
    """The outermost scope around one, or itself, that is drawn as one box."""
    around: list[Scope] = []
    while scope is not None:
        around.append(scope)
        scope = scope.outer
    level = 0
    for scope in reversed(around):
        if (scope.kind == "layer" and level == depth) or (scope.kind == "composite" and composites):
            return scope
        level += scope.kind == "layer"
    return None


@dataclass(eq=False, slots=True)
class Unit:
    """What is drawn as one: an operation or a box. Values, arrays and boxes are known by their identities."""

    keys: list[int]  # of what it consists of: boxes, and results in no box
    sign: str
    like: int = 0  # the same number for units that do the same
    count: int = 0  # of the operations in it
    numbers: int = 0  # plain numbers that are drawn beside it
    operands: list[int] = field(default_factory=list)  # what is used twice stands here twice
    results: list[int] = field(default_factory=list)
    around: list[Scope] = field(default_factory=list)  # the layers that it lies in
    kind: str = "operation"
    box: Scope | None = None  # that was made for it
    parts: list[Unit] = field(default_factory=list)  # that it was made of
    period: int = 0  # of them that are repeated

    def smallest(self) -> Iterator[Unit]:
        """The units that it was made of in the beginning; repetitions lie in each other only a few deep."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.smallest()

    def holds(self, leaf: str) -> bool:
        """Whether it shows a leaf of a kind itself, if nothing else uses that."""
        return self.kind in FOLDS or (self.kind == "layer" and leaf != "input")


class Sketch:
    """The units of a graph, operands before results, of which some are made one until it fits."""

    def __init__(self, roots: list[Value], values: list[Value], level: int | None, composites: bool) -> None:
        self.level, self.total, self.inside = level, len(values), box_at(level, composites)
        self.last = {*map(id, roots)}
        self.leaves: dict[int, str] = {}
        self.made: dict[int, Scope] = {}  # the box that a unit of the beginning has come to
        self.kinds: dict[Any, int] = {}  # what a unit does -> its number
        self.shown = False  # whether what is repeated is drawn once
        self.far = 0  # operations in the box of what is farthest
        self.signs: dict[Any, str] = {}  # of the rows, for it takes time to write one
        self.units = in_order(self.units_of(values, shown(roots, self.inside)), self.last)

    def box_of(self, value: Value) -> Scope | None:
        """The box that a value is drawn in, or None."""
        box = self.inside(value)
        return self.made.get(id(value if box is None else box), box)

    # -- what is drawn -------------------------------------------------------------------------------------------------

    def units_of(self, values: list[Value], found: dict[int, Shown]) -> list[Unit]:
        """One unit for each box and each result in none."""
        units: dict[int, Unit] = {}
        rows: dict[int, list[str]] = defaultdict(list)
        for value in values:
            box = self.inside(value)
            key = id(value if box is None else box)
            if key not in units:
                units[key] = self.unit(key, value, box)
            units[key].count += 1
            rows[key].append(row_of(value).name)
        shapes: dict[int, list[Any]] = defaultdict(list)
        for name, x in found.items():
            if getattr(x.thing, "op", None) is None:
                self.leaves[name] = "parameter" if isinstance(x.thing, Value) and x.thing.requires_grad else "input"
                continue
            box = self.inside(x.thing)
            key = id(x.thing if box is None else box)
            self.use(units[key], x)
            units[key].results.append(name)
            shapes[key].append(x.thing.shape)
        for key, unit in units.items():
            if unit.kind != "operation":
                unit.operands = [*dict.fromkeys(unit.operands)]
                shapes[key] += [found[x].thing.shape for x in unit.operands if self.leaves.get(x) == "parameter"]
            unit.like = self.number((unit.sign, *rows[key], *shapes[key]))
        return [*units.values()]

    def unit(self, key: int, value: Value, box: Scope | None) -> Unit:
        """The unit of a box, or of a result in none."""
        around = layers_around(value.scope)
        if box is None:
            return Unit([key], self.sign(value), around=around)
        around = around[: around.index(box)] if box in around else around
        sign = (
            box.name.rstrip("0123456789").rstrip(".") if box.kind == "layer" else box.name
        )  # dense1, dense2, ... are alike
        return Unit([key], sign or box.name, around=around, kind=box.kind)

    def sign(self, value: Value) -> str:
        """How the row of a result is written."""
        row = row_of(value)
        if value.settings:
            return operation(row, value.settings)
        if row not in self.signs:
            self.signs[row] = operation(row, value.settings)
        return self.signs[row]

    def use(self, unit: Unit, x: Shown) -> None:
        """Note what a result is computed from."""
        things = [id(used) for used, _ in x.operands if isinstance(used, Value | np.ndarray)]
        unit.numbers += sum(1 for used, _ in x.operands if used is not None) - len(things)
        unit.operands += things

    def number(self, what: Any) -> int:
        """A small number for what a unit does."""
        return self.kinds.setdefault(what, len(self.kinds))

    def users(self) -> dict[int, list[int]]:
        """The places of the units that use each value."""
        found: dict[int, list[int]] = defaultdict(list)
        for i, unit in enumerate(self.units):
            for x in dict.fromkeys(unit.operands):
                found[x].append(i)
        return found

    def groups(self) -> dict[int, Any]:
        """What each value is drawn as: those that are drawn as one have the same; one that a unit shows has None."""
        users, makers = self.users(), self.makers()
        found: dict[int, Any] = {}
        for x in [*self.leaves, *makers]:
            by = [self.units[i] for i in users[x]]
            found[x] = x
            if x in self.last:
                continue
            if x in self.leaves and len(by) == 1 and by[0].holds(self.leaves[x]):
                found[x] = None
            elif all(unit.kind in FOLDED for unit in by):
                found[x] = makers.get(x, self.leaves.get(x)), *users[x]
        return found

    def drawn(self) -> int:
        """How many values would be drawn."""
        return len({*self.groups().values()} - {None}) + sum(unit.numbers for unit in self.units)

    def makers(self) -> dict[int, int]:
        """The place of the unit that gives each result."""
        return {x: i for i, unit in enumerate(self.units) for x in unit.results}

    # -- what repeats --------------------------------------------------------------------------------------------------

    def fold_repeats(self, least: float) -> None:
        """Fold what is done at least three times in a row, if that hides so much; then what this makes."""
        while found := self.repetitions(least):
            self.contract(found)

    def repetitions(self, least: float) -> list[Run]:
        """What is repeated and worth a box; of all there is the shortest, none over another."""
        for runs in runs_of(np.array([unit.like for unit in self.units])):
            alike = [same for run in runs for same in self.wired_alike(*self.well_cut(*run))]
            worth = [run for run in alike if self.hidden(*run) >= least]
            if worth:
                return apart(worth)
        return []

    def hidden(self, start: int, period: int, length: int) -> int:
        """How many operations a repetition would hide."""
        return sum(unit.count for unit in self.units[start : start + length])

    def well_cut(self, start: int, period: int, length: int) -> Run:
        """A repetition that begins where the fewest results are handed on, so that what belongs together stays so."""
        handed, makers = [0] * (2 * period + 1), dict[int, int]()  # over the beginning of each unit of two periods
        for i, unit in enumerate(self.units[start : start + 2 * period]):
            for x in dict.fromkeys(unit.operands):
                if x in makers:
                    handed[makers[x] + 1] += 1
                    handed[i + 1] -= 1
            makers |= dict.fromkeys(unit.results, i)
        over = np.cumsum(handed)[period : 2 * period]
        later = int(np.argmin(over[: length - TIMES * period + 1]))
        return start + later, period, (length - later) // period * period

    def wired_alike(self, start: int, period: int, length: int) -> Iterator[Run]:
        """The parts of a repetition where each time the same results go to the same places, then and the next time.

        The first time may begin with something else than what came before.
        """
        starts = [*range(start, start + length, period)]
        wirings = [self.wiring(i, period) for i in starts]
        first = 0
        for i in range(1, len(starts) + 1):
            if i > first + 1 and (i == len(starts) or wirings[i] != wirings[i - 1]):
                if i - first >= TIMES:
                    yield starts[first], period, (i - first) * period
                first = i - 1
            if i < len(starts) and inner(wirings[i]) != inner(wirings[first]):
                first = i

    def wiring(self, start: int, period: int) -> list[list[int]]:
        """For each unit of a block the places in the block that its operands come from, or before it, counted back."""
        makers: dict[int, int] = {}
        found = []
        for place, unit in enumerate(self.units[max(start - period, 0) : start + period], max(-period, -start)):
            if place >= 0:
                places = [makers[x] for x in unit.operands if x in makers]
                found.append(places if unit.kind == "operation" else sorted({*places}))
            makers |= dict.fromkeys(unit.results, place)
        return found

    def contract(self, found: list[Run]) -> None:
        """Make each repetition one unit."""
        units, end, uses = [], 0, self.uses()
        for start, period, length in found:
            block, times = self.units[start : start + period], length // period
            like = self.number((times, *(unit.like for unit in block)))
            units += self.units[end:start]
            end = start + length
            one = self.one_of(self.units[start:end], repetition(block, times), "repeat", uses, like)
            one.period = period
            units.append(one)
        self.units = units + self.units[end:]

    def open_last(self, limit: float, whole: bool = False) -> bool:
        """Take the last time out of each repetition, so that it can be seen; False if that would be too much.

        What is repeated in it stays folded, if it is not wanted whole.
        """
        folded, made, uses = self.units, {**self.made}, self.uses()
        self.units = [part for unit in folded for part in (self.last_out(unit, uses, whole) if unit.period else [unit])]
        if len(self.units) > len(folded) and self.drawn() <= limit:
            self.shown = True
            return True
        self.units, self.made = folded, made
        return False

    def last_out(self, unit: Unit, uses: Counter[int], whole: bool) -> list[Unit]:
        """A repetition without the last time, and what was done that time."""
        before, last = unit.parts[: -unit.period], unit.parts[-unit.period :]
        name = repetition(last, len(before) // unit.period)
        if whole:
            last = [smallest for part in last for smallest in part.smallest()]
        for part in last:
            for key in part.keys:
                self.made.pop(key)
            if part.box is not None:
                self.made |= dict.fromkeys(part.keys, part.box)
        total = Counter(x for part in unit.parts for x in part.operands)
        total.update({x: uses[x] for x in unit.results})
        return [self.one_of(before, name, "repeat", total), *last]

    # -- what is made one ----------------------------------------------------------------------------------------------

    def uses(self) -> Counter[int]:
        """How often each value is used."""
        return Counter(x for unit in self.units for x in unit.operands)

    def one_of(self, units: list[Unit], name: str, kind: str, uses: Counter[int], like: int = -1) -> Unit:
        """Some units as one."""
        inner = Counter(x for unit in units for x in unit.operands)
        made = {x for unit in units for x in unit.results}
        around = shared([unit.around for unit in units])
        box = Scope(name, kind, around[-1] if around else None)
        one = Unit([key for unit in units for key in unit.keys], name, like, around=around, kind=kind)
        one.count = sum(unit.count for unit in units)
        one.operands = [x for x in inner if x not in made]
        one.results = [x for unit in units for x in unit.results if x in self.last or uses[x] > inner[x]]
        one.box, one.parts = box, units
        self.made |= dict.fromkeys(one.keys, box)
        return one

    def fold_farthest(self, limit: float) -> None:
        """Make one box of all but the units nearest to the roots, of which as many are left as may be drawn."""
        near = self.nearest(limit)
        far = [unit for i, unit in enumerate(self.units) if i not in near]
        if not far:
            return
        self.far = sum(unit.count for unit in far)
        name = f"{self.far:,} operations" if self.far > 1 else f"1 operation: {far[0].sign}"
        one = self.one_of(far, name, "fold", self.uses())
        self.units = [one, *(unit for i, unit in enumerate(self.units) if i in near)]

    def nearest(self, limit: float) -> set[int]:
        """The units that can be drawn, the nearest to the roots first; before each, all that use its results."""
        groups, users, makers = self.groups(), self.users(), self.makers()
        waiting = [len({i for x in unit.results for i in users[x]}) for unit in self.units]
        ready = [i for i in reversed(range(len(self.units))) if not waiting[i]]
        seen, numbers, near = {groups[x] for x in self.last}, 0, set[int]()
        for i in ready:  # the list grows while it is read
            unit = self.units[i]
            new = {groups[x] for x in (*unit.results, *unit.operands)} - seen - {None}
            if len(seen) + len(new) + numbers + unit.numbers > limit:
                continue
            seen |= new
            numbers += unit.numbers
            near.add(i)
            for j in dict.fromkeys(makers[x] for x in reversed(unit.operands) if x in makers):
                waiting[j] -= 1
                if not waiting[j]:
                    ready.append(j)
        return near


def row_of(value: Value) -> Op:
    """The row of the table that computed a result."""
    return value.op  # type: ignore[return-value]  # or it would be a leaf


def in_order(units: list[Unit], last: set[int]) -> list[Unit]:
    """The units as a person would compute them: what is used in several places first, then each tree without a break.

    So a neuron stands in one piece, and so does a layer of neurons. Each comes after those whose results it uses; only
    what other threads have computed for a layer could make a circle, which is cut where it is entered.
    """
    makers = {x: i for i, unit in enumerate(units) for x in unit.results}
    needs = [[*dict.fromkeys(makers[x] for x in unit.operands if x in makers)] for unit in units]
    users = Counter(j for i in needs for j in i)
    heads = {i for i, unit in enumerate(units) if users[i] != 1 or not last.isdisjoint(unit.results)}
    trees: dict[int, list[int]] = {}
    found: dict[int, None] = {}
    waiting = [i for i, unit in enumerate(units) if not last.isdisjoint(unit.results)][::-1]
    while waiting:
        head = waiting.pop()
        if head in trees:
            found |= dict.fromkeys(trees[head])
        else:
            trees[head], used = tree(head, needs, heads)
            waiting += [head, *(other for other in reversed(used) if other not in trees)]
    return [units[i] for i in found]


def tree(head: int, needs: list[list[int]], heads: set[int]) -> tuple[list[int], list[int]]:
    """The units that are used for one alone, itself the last, operands before results; and the other heads it needs."""
    inside, used, entered = [], dict[int, None](), {head}
    stack = [(head, False)]
    while stack:
        i, left = stack.pop()
        if left:
            inside.append(i)
            continue
        stack.append((i, True))
        for j in reversed(needs[i]):
            if j not in heads and j not in entered:
                entered.add(j)
                stack.append((j, False))
        used |= dict.fromkeys(j for j in needs[i] if j in heads)
    return inside, [*used]


def shared(lists: Iterable[list[Scope]]) -> list[Scope]:
    """What some lists begin with, all of them."""
    first, *others = lists
    for other in others:
        same = (i for i, (x, y) in enumerate(zip(first, other)) if x is not y)
        first = first[: next(same, min(len(first), len(other)))]
    return first


def inner(wiring: list[list[int]]) -> list[list[int]]:
    """What comes from the block itself."""
    return [[place for place in places if place >= 0] for places in wiring]


def repetition(block: list[Unit], times: int) -> str:
    """What a repetition is called: 8 × (×, +, tanh), or 8 × 12 operations."""
    if len(block) == 1 and block[0].sign.isidentifier():
        return f"{times:,} × {block[0].sign}"
    signs = ", ".join(unit.sign for unit in block)
    if len(signs) <= LONGEST:
        return f"{times:,} × ({signs})"
    return f"{times:,} × {sum(unit.count for unit in block):,} operations"
