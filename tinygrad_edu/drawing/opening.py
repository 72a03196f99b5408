"""One number of an array opened: how it comes about from single numbers, each a value of its own, beside the array."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..contributions import check_result, contributions
from ..edges import letter, rule_of
from ..elements import FURTHER, MOVING, WRITTEN_OUT, Index, Reader
from ..folding import composite_of, values_under
from ..naming import Names
from ..notation import Element, Name
from ..recording import Scope, switched
from ..symbol import Symbol, applied
from ..value import Value
from ..wording import figure, operation
from .graph import Graph, Node, graph_of
from .moments import Moment

FEW_TERMS = 6  # of a sum or a product are all shown
FIRST, LAST = 3, 1  # of more, these; what lies between them is one box
MOST = 50_000  # terms that are written out at all, in some three seconds
STEPS = 3  # numbers for each term of what is written as another formula: exp(x), the sum so far, its share
LISTED = 12  # names in an error
SUMS, PRODUCTS = (ops.add, ops.subtract), (ops.multiply,)
LEVEL = {ops.add: ("+", SUMS, "terms"), ops.subtract: ("+", SUMS, "terms"), ops.multiply: ("×", PRODUCTS, "factors")}


def opened(graph: Graph, names: Names, moment: Moment, value: Any, index: Any) -> None:
    """Add to a graph how one number of a value, which may be asked for by name, comes about from single numbers.

    It stands in a frame of its own. The contributions are those from this one number; the gradients of the numbers used
    are theirs in the whole graph. What is not written out for single numbers, as the inverse of a matrix, stays whole
    with an index behind it, and a sentence beside the graph says so. Raises ValueError for a value that no array leads
    to, or where nothing would be opened, IndexError where it has no such number, and GradientError where an array was
    changed since.
    """
    value = names.find(value)
    drawn = {node.name: node for box in graph.boxes for node in box.held} | {node.name: node for node in graph.nodes}
    rows = rows_of(value, drawn, names)
    index = place_in(value, index, names)
    recording, said = recorded(rows, index, names)
    asked = str(Symbol(Element(names.of(value), index))) if index else names.of(value)
    root, seen = recording.root, seen_by(recording, moment, rows, index)
    part = graph_of([root], Numbers(recording, asked), lambda x: recording.boxes.get(id(x)), seen, recording.shown)
    named = {leaf.label: recording.source(name)[0] for name, leaf in recording.leaves.items()}
    of = {node: named[node.name] for node in part.nodes if node.box is None and node.name in named}
    tell_leaves(part, of, moment, rows)
    tell_results(part, recording, rows)
    place(graph, part, asked)
    graph.rows += side_by_side(part)
    graph.said += [f"In the frame {asked}, what flows is its own part of each gradient.", *said]
    if (whole := drawn.get(names.of(value))) is not None:
        graph.links.append((part.roots[0], whole, f"1 of {value.size} numbers" if value.shape else ""))


def recorded(rows: list[Value], index: Index, names: Names) -> tuple[Recording, list[str]]:
    """One number of what some rows compute, recorded on single numbers; and what is to be said of that."""
    formula, given = written(rows, names)
    reader = Reader(lambda name: given[name][1])
    with np.errstate(all="ignore"):
        found = reader.at(formula, index)
        recording, said = Recording(found, given), told(reader)
        if not exact(recording, rows[-1], index, Recording(formula, given) if reader.others else None):
            found = formula[index] if index else formula
            recording, said = Recording(found, given), told_whole(reader)
    if found is formula and isinstance(found, Symbol) and len(rows) == 1:
        raise ValueError(f"{names.of(rows[-1])} can not be opened: {said[0]}")
    return recording, said


def told(reader: Reader) -> list[str]:
    """What is to be said where not all is opened, or not all is shown."""
    whole, picked = ([*dict.fromkeys(x.op.name for x in some if x.op)] for some in (reader.whole, reader.picked))
    return [f"{name} stays whole: it is not written out for single numbers." for name in whole] + [
        f"{name} hands on the number that it picks, of equal ones the mean; nothing flows to the others."
        for name in picked if name in ("max", "min")
    ]  # fmt: skip


def told_whole(reader: Reader) -> list[str]:
    """What is to be said where a formula for readers is exact on paper only, as the slope of a root at 0."""
    names = dict.fromkeys(x.op.name for _, x in reader.others.values()) or {"It": None}
    return [f"{name} stays whole: written out, it would not be exact at these numbers." for name in names]


def exact(recording: Recording, value: Value, index: Index, whole: Recording | None) -> bool:
    """Whether single numbers give what was recorded, and what was taken apart by a formula for readers its slopes."""
    number = ops.plain(np.asarray(value._data)[index])
    close = 1e-4 if ops.dtype(value._data) in (np.float32, np.float16) else 1e-9
    if not agree(recording.root._data, number, close):
        return False
    return whole is None or same_slopes(recording, whole, index, close)


def same_slopes(recording: Recording, whole: Recording, index: Index, close: float) -> bool:
    """Whether the slopes of one number are those that the rules of the whole operations say."""
    seed: Any = np.zeros(whole.root.shape) if index else 1.0
    if index:
        seed[index] = 1.0
    mine, theirs = slopes(recording, 1.0), slopes(whole, seed)
    for name, slope in theirs.items():
        total = np.zeros(np.shape(slope))
        for leaf, part in mine.items():
            if isinstance(leaf, Element) and leaf.of == name:
                total[leaf.index] += part
            elif leaf == name:
                total += part
        if not agree(total, slope, close):
            return False
    return True


def slopes(recording: Recording, seed: Any) -> dict[Name, Any]:
    """The gradient of each leaf."""
    names = {id(leaf): name for name, leaf in recording.leaves.items()}
    found: dict[Name, Any] = {}
    for _, _, operand, _, gain in contributions(recording.root, seed) if recording.root.requires_grad else ():
        if (name := names.get(id(operand))) is not None:
            found[name] = found.get(name, 0.0) + gain
    return found


# -- what is opened ----------------------------------------------------------------------------------------------------


def rows_of(value: Any, drawn: Mapping[str, Node], names: Names) -> list[Value]:
    """The rows that compute a value: its own, or all those of the composite that it is drawn as the result of."""
    if not isinstance(value, Value) or value.op is None:
        raise unopened(f"{names.of(value)} was not computed from anything", drawn)
    node = drawn.get(names.of(value))
    single = node is not None and node.box is not None and node.box.kind == "operation"
    box = None if single else composite_of(value)
    rows = [x for x in values_under([value]) if composite_of(x) is box] if box is not None else [value]
    if not any(ops.shape(x) for row in rows for x in (row, *row.numbers)):
        raise unopened(f"{names.of(value)} is made of single numbers already", drawn)
    if (most := max(map(terms_of, rows))) > MOST:
        raise ValueError(
            f"One number of {names.of(value)} is made of some {most} others; at most {MOST} can be opened."
        )
    return rows


def terms_of(row: Value) -> int:
    """How many numbers about come together in one number of a row, where they are written out."""
    if row.op in (ops.softmax, ops.log_softmax):
        return STEPS * int(np.shape(row.numbers[0])[row.settings["axis"]])
    if row.op in MOVING or row.op not in (*WRITTEN_OUT, *FURTHER):
        return 1
    return (STEPS if row.op in FURTHER else 1) * int(max(map(np.size, row.numbers)) // max(row.size, 1))


def unopened(why: str, drawn: Mapping[str, Node]) -> ValueError:
    """What can not be opened, and what can."""
    able = [name for name, node in drawn.items() if node.box is not None
            and any(np.ndim(x.number) for x in (node, *(edge.operand for edge in node.box.edges)))]  # fmt: skip
    listed = ", ".join(able if len(able) <= LISTED else [*able[: LISTED - 1], "…", able[-1]])
    return ValueError(f"{why}; {f'what can be opened: {listed}' if able else 'no operation here works on arrays'}.")


def place_in(value: Value, index: Any, names: Names) -> Index:
    """An index that the value has, counted from 0; IndexError for any other."""
    shape, given = value.shape, index if isinstance(index, tuple | list) else (index,)
    try:
        place = (*map(operator.index, given),)
    except TypeError:
        place = (-1,) * (len(shape) + 1)
    if len(place) != len(shape) or not all(-n <= i < n for i, n in zip(place, shape)):
        example = tuple(n - 1 for n in shape)
        last = f"the last one is at {example}" if shape else "write () for the one number that it is"
        raise IndexError(f"{names.of(value)} of shape {shape} has no number at {index!r:.40}: {last}.")
    return tuple(i % n for i, n in zip(place, shape))


# -- its formula -------------------------------------------------------------------------------------------------------


def written(rows: list[Value], names: Names) -> tuple[Any, dict[Name, tuple[Any, Any]]]:
    """The formula of the last of some rows in letters of what they were given; and what the letters stand for."""
    letters: dict[int, Any] = {}
    given: dict[Name, tuple[Any, Any]] = {}
    for row in rows:
        check_result(row, row.op)
        for place, (x, number) in enumerate(zip(row.operands, row.numbers)):
            if id(x) not in letters and isinstance(x, Value | np.ndarray):
                letters[id(x)] = number if is_places(row, place) else letter(x, number, names)
                given[names.of(x)] = x, number
        operands = [letters.get(id(x), number) for x, number in zip(row.operands, row.numbers)]
        letters[id(row)] = applied(row.op, operands, row.settings)  # type: ignore[arg-type]
    return letters[id(rows[-1])], given


def is_places(row: Value, place: int) -> bool:
    """Whether an operand says where numbers are taken from, or was made up by a composite: no letter for such."""
    x, number = row.operands[place], row.numbers[place]
    whole = ops.shape(number) and number.dtype.kind in "iu" and rule_of(row.op, place) is None
    return bool(whole) or (not isinstance(x, Value) and composite_of(row) is not None)


def agree(found: Any, number: Any, close: float) -> bool:
    """Whether numbers are those that were recorded, but for the order in which they are summed."""
    return bool(np.allclose(np.asarray(found, float), np.asarray(number, float), close, close, equal_nan=True))


class Part(NamedTuple):
    """An operand of a step of the formula, with its sign in a sum; it may be among those that are not shown."""

    formula: Any
    sign: int = 1
    hidden: bool = False


class Step:
    """A step of the formula: what it is computed from; a sum of sums is one sum, a product of products one product."""

    __slots__ = ("formula", "parts")

    def __init__(self, formula: Any, uses: Mapping[int, int]) -> None:
        self.formula, self.parts = formula, [Part(x) for x in getattr(formula, "operands", ())]
        if getattr(formula, "op", None) in LEVEL and len(found := [*level(formula, uses)]) > 2:
            few = len(found) <= FEW_TERMS
            last = len(found) - LAST
            self.parts = [part if few or not FIRST <= i < last else part._replace(hidden=True)
                          for i, part in enumerate(found)]  # fmt: skip


def level(formula: Any, uses: Mapping[int, int]) -> Iterator[Part]:
    """What is added up in a sum, or multiplied in a product, unless a part of it is used elsewhere too."""
    _, alike, _ = LEVEL[formula.op]
    left = [Part(formula)]
    while left:
        part = left.pop()
        x, sign = part.formula, part.sign
        if x is formula or (getattr(x, "op", None) in alike and uses[id(x)] == 1):
            left += [Part(x.operands[1], -sign if x.op is ops.subtract else sign), Part(x.operands[0], sign)]
        else:
            yield part


def steps_of(formula: Any) -> tuple[dict[int, Step], set[int]]:
    """The steps of a formula by identity, and which of them are shown."""
    uses: dict[int, int] = {}
    left = [formula]
    for x in left:  # the list grows while it is read
        for y in getattr(x, "operands", ()):
            uses[id(y)] = uses.get(id(y), 0) + 1
            left += [y] * (uses[id(y)] == 1)
    steps, shown, hidden = {id(formula): Step(formula, uses)}, {id(formula)}, list[Any]()
    left = [formula]
    for some in (left, hidden):  # first all that are shown
        for x in some:
            for part in steps[id(x)].parts:
                to = hidden if part.hidden or some is hidden else left
                if to is left and id(part.formula) not in shown:
                    shown.add(id(part.formula))
                    left.append(part.formula)
                if id(part.formula) not in steps:
                    steps[id(part.formula)] = Step(part.formula, uses)
                    hidden += [part.formula] * (to is hidden)
    return steps, shown


# -- its numbers -------------------------------------------------------------------------------------------------------


class Recording:
    """A formula recorded once more, on single numbers: `root` is its result, `leaves` are the numbers by name.

    Terms that are not shown are computed all the same, in a box of their own, so that its contributions are true.
    """

    def __init__(self, formula: Any, given: Mapping[Name, tuple[Any, Any]]) -> None:
        self.given, self.leaves = given, dict[Name, Value]()
        self.boxes: dict[int, Scope] = {}  # of values that are shown as one
        self.shown: set[int] = set()
        self.numbers: list[Value] = []  # plain ones that are added up with others
        self.rests: dict[int, Scope] = {}  # the boxes of what is not shown, by the sum that it belongs to
        self.steps, self.seen = steps_of(formula)
        with switched(scope=None, recording=True, anomaly=False), np.errstate(all="ignore"):
            found = self.recorded(formula)
            self.moved = isinstance(formula, Symbol) and formula.op is None  # it is a number of an operand
            self.root: Value = ops.same(found) if self.moved else found if isinstance(found, Value) else Value(found)
        self.shown.add(id(self.root))
        self.settle()

    def recorded(self, formula: Any) -> Any:
        """The value of a formula; without recursion, for a sum may be long."""
        made: dict[tuple[int, int], Any] = {}  # by the formula, and the sum in which it is not shown (0: it is shown)
        left = [(formula, 0)]
        while left:
            x, within = left[-1]
            step = self.steps[id(x)]
            self.fold(step, within)
            keys = [self.key(part, step, within) for part in step.parts]
            waiting = [(part.formula, key[1]) for part, key in zip(step.parts, keys) if key not in made]
            left += reversed(waiting)
            if not waiting:
                left.pop()
                if (id(x), within) not in made:
                    made[id(x), within] = self.computed(step, [made[key] for key in keys], within)
        return made[id(formula), 0]

    def key(self, part: Part, step: Step, within: int) -> tuple[int, int]:
        """Which value of a formula is meant: the one that is shown, if any is."""
        x = part.formula
        shown = id(x) in self.seen or not isinstance(x, Symbol) or x.op is None
        return id(x), 0 if shown else id(step.formula) if part.hidden and not within else within

    def fold(self, step: Step, within: int) -> None:
        """A box for the terms of a sum that are not shown."""
        count = 0 if within else sum(part.hidden for part in step.parts)
        if count and id(step.formula) not in self.rests:
            _, _, what = LEVEL[step.formula.op]
            self.rests[id(step.formula)] = Scope(f"{count} more {what}", "fold", None)

    def computed(self, step: Step, operands: list[Any], within: int) -> Any:
        """The value of one step."""
        x = step.formula
        if not isinstance(x, Symbol):
            return x
        if x.op is None:
            found = self.leaf(x.name)
            self.shown |= {id(found)} if id(x) in self.seen else set()
            return found
        if len(step.parts) <= 2 or x.op not in LEVEL:
            return self.kept(applied(x.op, operands, x.settings), within and self.rests[within])
        return self.summed(step, operands, within)

    def summed(self, step: Step, operands: list[Any], within: int) -> Any:
        """A long sum or product, as one box; what is not shown of it is another, in its place."""
        sign, _, _ = LEVEL[step.formula.op]
        every = [(part.hidden, (part.sign, self.numbered(x))) for part, x in zip(step.parts, operands)]
        rest = [term for hidden, term in every if hidden]
        terms = [term for hidden, term in every if not hidden]
        box = self.rests[within] if within else Scope(sign, "composite", None)
        if rest:
            terms[FIRST:FIRST] = [(1, self.joined(rest, sign, self.rests[within or id(step.formula)]))]
        found = self.joined(terms, sign, box)
        self.shown |= set() if within else {id(found), *(id(x) for _, x in terms)}
        return found

    def joined(self, terms: list[tuple[int, Any]], sign: str, box: Scope) -> Any:
        """Terms added up, or factors multiplied, in a box."""
        (first, total), *others = terms
        total = total if first > 0 else self.kept(ops.negative(total), box)
        for plus, x in others:
            row = ops.multiply if sign == "×" else ops.add if plus > 0 else ops.subtract
            total = self.kept(row(total, x), box)
        return total

    def numbered(self, x: Any) -> Value:
        """A term; a plain number becomes a value, or the box would not show it."""
        if isinstance(x, Value):
            return x
        self.numbers.append(Value(x))
        return self.numbers[-1]

    def kept(self, value: Any, box: Scope | int) -> Any:
        """A value in a box, or shown by itself."""
        if isinstance(value, Value):  # and no truth or other number without a slope
            if isinstance(box, Scope):
                self.boxes[id(value)] = box
            else:
                self.shown.add(id(value))
        return value

    def leaf(self, name: Name) -> Value:
        """A number that the formula names, or an array that is used as a whole."""
        if name not in self.leaves:
            _, number = self.source(name)
            number = ops.plain(number[name.index]) if isinstance(name, Element) else number
            self.leaves[name] = Value(number, str(Symbol(name)))
        return self.leaves[name]

    def source(self, name: Name) -> tuple[Any, Any]:
        """The operand that a leaf belongs to, and its numbers."""
        return self.given[name.of if isinstance(name, Element) else name]

    def settle(self) -> None:
        """What was recorded as variable takes a gradient if one of the operands does that it stems from."""
        results = values_under([self.root])
        for name, leaf in self.leaves.items():
            x, _ = self.source(name)
            leaf.requires_grad = isinstance(x, Value) and x.requires_grad
        for value in (*self.numbers, *(results or [self.root])):
            value.requires_grad = any(isinstance(x, Value) and x.requires_grad for x in value.operands)


class Numbers(Names):
    """The names of the leaves; a result is called by its number, which is put in where a rule has its letter."""

    def __init__(self, recording: Recording, asked: str) -> None:
        super().__init__(recording.root)
        self.called = {id(x): str(x.label) for x in recording.leaves.values()} | {id(recording.root): asked}

    def of(self, x: Any) -> str:
        """The name in a formula."""
        if id(x) in self.called:
            return self.called[id(x)]
        text = "y" if ops.shape(x) else figure(x._data)
        return text if text.isalnum() or text.replace(".", "").isdigit() else f"({text})"


# -- what has flowed ---------------------------------------------------------------------------------------------------


def seen_by(recording: Recording, moment: Moment, rows: list[Value], index: Index) -> Moment:
    """The moment of the recording: the pass that began with what had arrived at the number, if it had gone on."""
    value, root = rows[-1], recording.root
    found = Moment(walking=moment.walking)
    gradient, state = moment.gradients.get(id(value)), moment.states.get(id(value), "not run")
    results = values_under([root])
    found.states = {id(x): state if x.requires_grad else "constant" for x in results}
    if moment.walking and id(value) in moment.computed:
        found.computed = {*map(id, results)}
    for name, leaf in recording.leaves.items():
        x, _ = recording.source(name)
        found.states[id(leaf)] = moment.states.get(id(x), "not run")
        if (whole := moment.gradients.get(id(x))) is not None:
            found.gradients[id(leaf)] = at(whole, name.index if isinstance(name, Element) else ())
    if gradient is None:
        return found
    found.gradients[id(root)] = seed = at(gradient, index)
    gone_on = any((id(row), place) in moment.flows for row in rows for place in range(len(row.operands)))
    if root.requires_grad and (gone_on or not moment.walking):
        with np.errstate(all="ignore"):
            for node, place, _, upstream, gain in contributions(root, seed):
                found.gradients[id(node)] = upstream
                found.flows[id(node), place] = gain
    return found


def at(x: Any, index: Index) -> Any:
    """One number of an array, or the whole."""
    return ops.plain(x[index]) if index and ops.shape(x) else x


def tell_leaves(part: Graph, of: Mapping[Node, Any], moment: Moment, rows: list[Value]) -> None:
    """What the copies of numbers can not know: what they are numbers of, and whether a walk has come that far."""
    for node, x in of.items():
        if isinstance(x, np.ndarray) and x.dtype == bool:
            node.number = bool(node.number)
        if isinstance(x, Value) and x.op is not None:
            node.kind = "inner"
            if moment.walking and id(x) not in moment.computed:
                node.number, node.phase = None, "waiting"
    waiting = {id(x) for row in rows for i, x in enumerate(row.operands) if (id(row), i) not in moment.flows}
    for edge in (edge for box in part.boxes for edge in box.edges if moment.walking and edge.operand in of):
        if id(of[edge.operand]) in waiting and edge.flow is not None:
            edge.flow, edge.phase = None, "waiting"


def tell_results(part: Graph, recording: Recording, rows: list[Value]) -> None:
    """None of the results is the result of the graph; a number that was only moved has come by what moved it."""
    part.nodes = [node for node in part.nodes if node.kind != "beyond"]
    for node in part.nodes:
        if node.box is not None:
            node.kind = "constant" if node.state == "constant" else "inner"
        elif not node.name:
            node.kind = "constant"
    for box in part.boxes:
        box.held = []  # of the terms that are not shown, the numbers are not either
        box.edges = [edge for edge in box.edges if edge.operand.kind != "beyond"]
        for edge in box.edges:  # a result is put into its rule as its number
            letter, _, found = edge.local.partition(" = ")
            edge.local = found if letter == found else edge.local
        if box.kind == "composite":  # its terms were come upon from behind, and the first two last
            box.edges = [*box.edges[-2:], *box.edges[-3::-1]]
    (root,) = part.roots
    if recording.moved and root.box is not None:
        value, whole = rows[-1], composite_of(rows[-1]) if len(rows) > 1 else None
        root.box.sign = operation(value.op, value.settings) if whole is None else whole.name  # type: ignore[arg-type]


# -- where it is drawn -------------------------------------------------------------------------------------------------


def place(graph: Graph, part: Graph, asked: str) -> None:
    """Put what was opened into the graph, in a frame of its own."""
    frame, prefix = Scope(asked, "layer", None), f"open{len(graph.opened)}"
    things: list[Any] = [*part.nodes, *part.boxes]
    for x in things:
        x.key, x.layers = f"{prefix}{x.key}", [frame]
    graph.nodes += part.nodes
    graph.boxes += part.boxes
    graph.opened += part.roots


def side_by_side(part: Graph) -> Iterator[list[Node]]:
    """The numbers used, in the order of the formula; and the operands of each operation, if they are as far along."""
    leaves, left = dict[Node, None](), [*part.roots]
    far: dict[Node, int] = {}
    while left:
        node = left.pop()
        if node.box is not None and node not in far:
            left += [edge.operand for edge in reversed(node.box.edges)]
        elif node.kind != "constant":
            leaves[node] = None
        far.setdefault(node, 0)
    yield [node for node in leaves if node.box is None]
    for node in part.nodes:
        far[node] = 1 + max((far[edge.operand] for edge in node.box.edges), default=0) if node.box is not None else 0
    for box in part.boxes:
        results = [*dict.fromkeys(edge.operand for edge in box.edges if edge.operand.box is not None)]
        if len({far[node] for node in results}) == 1:
            yield results
