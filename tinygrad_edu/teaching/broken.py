"""Wrong engines to learn from, a few lines each, beside the right one: run one on a graph of yours and see what fails.

>>> from tinygrad_edu import Value
>>> a, b = Value(2.0, "a"), Value(-3.0, "b")
>>> print(assignment(a * b + a))
assignment: A contribution replaces those that came before it.
L = v1 + a with v1 = a·b
    right  assignment
L       1           1
v1      1           1
b       2           2
a      -2          -3  ← differs
a is used by L and v1: the contribution of L, 1, was overwritten by that of v1, -3.
>>> print(no_order.smallest().expression)
b + b with b = a²
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import combinations_with_replacement, product
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..backward import order
from ..contributions import Contribution, contributions
from ..errors import GradientError
from ..naming import Names, a_loss
from ..value import Value, seed_of
from ..wording import FEW, WIDTH, aligned, figure, listed
from .path_sums import clipped, edges, gained, many, unfitted
from .path_sums import reached as topological_order
from ..edges import stretched
from .steps import Step

MOST = 100_000  # visits, after which an engine is stopped
SHOWN = 4  # visits of one node that are told one by one
ROWS = 20  # of a table
CELL = 26  # characters
WRITTEN = 12  # nodes of a graph whose expression is still read

Gradients = dict[Value, Any]
Gains = Callable[..., Iterator[tuple[Value, Any]]]


class Engine:
    """A way to compute gradients, right or wrong: call it on a loss to see it beside the right engine.

    `name`, and `description` in a sentence; `source()` are its few lines, `smallest()` the smallest graph on which it
    fails. `names`, for example locals(), names the values without a label. No gradient is touched. Calling it raises
    TypeError for a loss that is no Value, GradientError for a constant, a leaf, or a loss that is no scalar.

    >>> found = assignment.smallest()
    >>> found.expression, found.right[found.first], found.wrong[found.first]
    ('a + a', 2.0, 1.0)
    """

    def __init__(self, function: Callable[[Value, Gradients, Gains], None], passes: int = 1) -> None:
        self.function, self.passes, self.name = function, passes, function.__name__
        self.description = self.__doc__ = inspect.getdoc(function) or ""

    def __call__(self, loss: Value, names: Mapping[str, Any] | None = None) -> Comparison:
        root = a_loss(loss, f"broken.{self.name}")
        seed, known = seed_of(root, None), Names(root, names)
        if root.op is None:
            raise GradientError(f"{known.root} is a leaf: without an operation there is nothing that could go wrong.")
        return Comparison(self, known, contributions(root, seed), seed)

    def smallest(self, operations: int = 2) -> Comparison:
        """The smallest graph on which it fails: by operations, of which `operations` are tried, then by leaves.

        Raises ValueError if it fails on none of them.
        """
        for loss in graphs(operations):
            if (found := self(loss)).fails:
                return found
        raise ValueError(f"{self.name} is right on every graph of up to {operations} operations.")

    def source(self) -> str:
        """Its own lines."""
        return inspect.getsource(self.function).partition("\n")[2]

    def __repr__(self) -> str:
        return f"<engine {self.name}: {self.description}>"


def twice(function: Callable[[Value, Gradients, Gains], None]) -> Engine:
    """An engine whose second pass is looked at."""
    return Engine(function, passes=2)


# -- the engines -------------------------------------------------------------------------------------------------------

# `gradients` is empty but for the loss, whose gradient is 1. `gains(node, g)` gives the operands of a node to which a
# gradient flows, each with what it gains when `g` arrives at the node: x * x gives x twice. A leaf has none.


@Engine
def right(loss: Value, gradients: Gradients, gains: Gains) -> None:
    """A node passes its gradient on once, when all contributions to it have been added up."""
    for node in topological_order(loss):
        for x, gain in gains(node, gradients[node]):
            gradients[x] = gradients.get(x, 0) + gain


@Engine
def assignment(loss: Value, gradients: Gradients, gains: Gains) -> None:
    """A contribution replaces those that came before it."""
    for node in topological_order(loss):
        for x, gain in gains(node, gradients[node]):
            gradients[x] = gain


@Engine
def no_order(loss: Value, gradients: Gradients, gains: Gains) -> None:
    """A node passes on all that it has each time something arrives: no topological order."""

    def visit(node: Value) -> None:
        for x, gain in gains(node, gradients[node]):
            gradients[x] = gradients.get(x, 0) + gain
            visit(x)

    visit(loss)


@Engine
def no_unbroadcast(loss: Value, gradients: Gradients, gains: Gains) -> None:
    """A contribution keeps the shape of the result instead of that of its operand."""
    for node in topological_order(loss):
        for x, gain in gains(node, gradients[node], unbroadcast=False):
            gradients[x] = gradients.get(x, 0) + gain


@twice
def stale_gradients(loss: Value, gradients: Gradients, gains: Gains) -> None:
    """A second pass adds to the gradients that the first one left, in inner nodes too."""
    for _ in range(2):
        for node in topological_order(loss):
            for x, gain in gains(node, gradients[node]):
                gradients[x] = gradients.get(x, 0) + gain


@Engine
def recursion(loss: Value, gradients: Gradients, gains: Gains) -> None:
    """A node passes on each contribution by itself: right numbers, but path after path."""

    def visit(node: Value, g: Any) -> None:
        for x, gain in gains(node, g):
            gradients[x] = gradients.get(x, 0) + gain
            visit(x, gain)

    visit(loss, gradients[loss])


# -- side by side ------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A value, its gradient by the right engine and by another, and how often that visited it.

    Where nothing arrived the gradient is None; a leaf is not visited.
    """

    value: Value
    name: str
    right: Any
    wrong: Any
    visits: int
    agrees: bool


class Stopped(Exception):  # noqa: N818 - not an error of anybody's: an engine is to be shown as far as it came
    """An engine came back too often."""


class Comparison:
    """What an engine made of a graph beside what is right, value by value in the order of the sweep: print it.

    `right` and `wrong` are the gradients by value, `rows` the table; `first` is the first value whose gradient differs,
    or None. `agrees` says whether all gradients are the same, `fails` whether they are not, or were found in more
    `visits` than necessary. `stopped` says why an engine did not come to its end, `why` what happened on this graph.
    `loss` is its result, which can be drawn, `expression` the graph in letters, `nodes` the number of its operations.
    """

    def __init__(self, engine: Engine, names: Names, sweep: list[Contribution], seed: Any) -> None:
        self.engine, self.names, self.loss, self.sweep = engine, names, names.loss, sweep
        self.nodes, self.visits, self.stopped = len(topological_order(self.loss)), 0, ""
        self.visited: Counter[Value] = Counter()
        self.passed: dict[Value, list[Any]] = {}  # by each node at its first visits
        self.right: Gradients = {self.loss: seed}
        self.wrong: Gradients = {self.loss: seed}
        for _, _, x, _, gain in sweep:
            self.right[x] = self.right[x] + gain if x in self.right else gain
        for x in self.right:
            if x.op is None and engine.passes == 2:  # leaves add up what all passes bring
                self.right[x] = self.right[x] + self.right[x]
        self.run()
        self.rows = [*self.compared()]

    def run(self) -> None:
        """Run the engine, as far as it goes."""
        try:
            self.engine.function(self.loss, self.wrong, self.gains)
        except Stopped:
            n = number_of_visits(self.loss)
            ways = f"{n:,}" if n < 10**12 else many(n)
            self.stopped = f"It was stopped after {self.visits:,} visits, of {ways}: {self.nodes:,} are enough."
        except RecursionError:
            limit = f"Python's limit of {sys.getrecursionlimit():,} calls inside each other"
            self.stopped = f"It met {limit}: the way down this graph is longer."
        except (ValueError, TypeError, IndexError) as error:
            self.stopped = f"It ended with {type(error).__name__}: {str(error).splitlines()[0]}."

    def gains(self, node: Value, g: Any, unbroadcast: bool = True) -> Iterator[tuple[Value, Any]]:
        """What an engine is given to work with: a visit of a node, which is counted."""
        if node.op is None:
            return
        if self.visits == max(MOST, 2 * self.nodes):
            raise Stopped
        self.visits += 1
        self.visited[node] += 1
        if self.visited[node] <= SHOWN:
            self.passed.setdefault(node, []).append(g)
        for edge in edges(node):
            yield edge[1], gained(node, edge, g) if unbroadcast else unfitted(node, edge[2], g)

    def compared(self) -> Iterator[Row]:
        """The rows of the table."""
        for x in reversed(self.names.things.values()):
            if isinstance(x, Value) and x in self.right:
                right, wrong = self.right[x], self.wrong.get(x)
                yield Row(x, self.names.of(x), right, wrong, self.visited[x], self.same(x, right, wrong))

    def same(self, x: Value, right: Any, wrong: Any) -> bool:
        """Whether two gradients of a value are the same up to rounding."""
        if wrong is None or ops.shape(right) != ops.shape(wrong):
            return False
        numbers = np.asarray(wrong, float), np.asarray(right, float)
        if np.array_equal(*numbers, equal_nan=True):
            return True
        precision = float(np.finfo(ops.dtype(right) or float).eps)
        return np.allclose(*numbers, precision**0.5, precision**0.75 * size(self.sizes[x]), equal_nan=True)

    @cached_property
    def sizes(self) -> Gradients:
        """What the gradients would be if nothing cancelled: rounding is as large as this makes it."""
        sizes: Gradients = {self.loss: abs(self.right[self.loss])}
        for node in topological_order(self.loss):
            for edge in edges(node):
                sizes[edge[1]] = sizes.get(edge[1], 0) + abs(gained(node, edge, sizes[node]))
        return sizes

    @property
    def different(self) -> list[Row]:
        """The rows whose gradients differ."""
        return [row for row in self.rows if not row.agrees]

    @property
    def first(self) -> Value | None:
        """The first value whose gradient differs, in the order of the sweep; None if there is none."""
        return next((row.value for row in self.rows if not row.agrees), None)

    @property
    def agrees(self) -> bool:
        """Whether all gradients are the same, up to rounding."""
        return not self.different

    @property
    def fails(self) -> bool:
        """Whether a gradient is wrong, or work was done more than once."""
        return bool(self.stopped) or not self.agrees or self.visits > self.nodes * self.engine.passes

    @property
    def why(self) -> str:
        """What happened on this graph, in a sentence."""
        if self.stopped:
            return f"{self.stopped} Shown is what had arrived by then."
        if self.different:
            say = WHY.get(self.engine.name)
            counts = f"{len(self.rows)} gradients, {len(self.different)} of them wrong."
            return say(self, self.different[0]) if say else counts
        if self.fails:
            return path_by_path(self)
        reason, holds = HARMLESS.get(self.engine.name, ("", lambda comparison: False))
        return f"All gradients agree: {reason if holds(self) else 'on this graph it makes no difference'}."

    @property
    def expression(self) -> str:
        """The graph in letters, each operation by itself, as b + b with b = a²; "" for a large one."""
        nodes = order(self.loss)
        if len(nodes) > WRITTEN:
            return ""
        steps = [Step(0, self.names, "forward", node, 0, node, None, None, None, None) for node in nodes]
        inner = [f"{self.names.of(step.node)} = {step.formula}" for step in reversed(steps[1:])]
        return f"{steps[0].formula}{' with ' * bool(inner)}{', '.join(inner)}"

    def table(self) -> list[str]:
        """The rows as lines; of many only those that differ, of many of these the first."""
        rows = self.rows if len(self.rows) <= ROWS else (self.different or self.rows)[:ROWS]
        again = any(row.visits > self.engine.passes for row in self.rows)
        cells = [["", "right", self.engine.name, "visits" * again, ""]]
        for row in rows:
            visits = str(row.visits) if row.value.op and again else ""
            mark = "" if row.agrees else "← nothing" if row.wrong is None else "← differs"
            cells.append([clipped(row.name), cell(row.right), cell(row.wrong), visits, mark])
        hidden, different = len(self.rows) - len(rows), len(self.different) - sum(not row.agrees for row in rows)
        more = [f"… {hidden:,} more, {different:,} of them wrong"] * bool(hidden)
        return [*aligned(cells, right=(1, 2, 3)), *more]

    def __str__(self) -> str:
        expression = f"{clipped(self.names.root)} = {self.expression}"
        return "\n".join([
            *textwrap.wrap(f"{self.engine.name}: {self.engine.description}", WIDTH),
            *(textwrap.wrap(expression, WIDTH) if self.expression else []),
            *["After two passes:"] * (self.engine.passes > 1),
            *self.table(),
            *textwrap.wrap(self.why, WIDTH, break_on_hyphens=False),
        ])  # fmt: skip

    __repr__ = __str__


def size(x: Any) -> float:
    """The largest of some numbers, leaving out what is not finite."""
    numbers = np.abs(np.asarray(x, float))
    return float(np.max(numbers, where=np.isfinite(numbers), initial=0.0))


def cell(x: Any) -> str:
    """A gradient in a table, or in a sentence."""
    if x is None or not np.ndim(x):
        return "—" if x is None else figure(x)
    text = listed(x) if np.size(x) <= FEW else f"{np.shape(x)} mean {figure(np.mean(x))}"
    return text if len(text) <= CELL else str(np.shape(x))


# -- why ---------------------------------------------------------------------------------------------------------------


def overwritten(found: Comparison, row: Row) -> str:
    """Which contribution was lost."""
    name, arrivals = row.name, [(found.names.of(s.node), cell(s.gain)) for s in found.sweep if s.operand is row.value]
    if len(arrivals) > 2:
        listed = ", ".join(gain for _, gain in arrivals[:ROWS])
        return f"{name} is used {len(arrivals)} times: of the contributions {listed} only the last one is left."
    (one, lost), (other, left) = arrivals
    if one == other:
        return f"{name} is used twice by {one}: its first contribution, {lost}, was overwritten by its second, {left}."
    line = f"{name} is used by {one} and {other}: the contribution of {one}, {lost}, was overwritten by that of {other}"
    return f"{line}, {left}."


def repeated(found: Comparison, row: Row) -> str:
    """Which node passed on more than once."""
    node = next(s.node for s in found.sweep if s.operand is row.value and found.visited[s.node] > 1)
    user, times, passed = found.names.of(node), found.visited[node], found.passed[node]
    line = f"{user} was visited {times} times, and each time it passed on to {row.name} all that had arrived by then"
    then = ", then ".join(map(cell, passed))
    if times > SHOWN:
        return f"{line}: {then}, …"
    return f"{line}: {then}; in all {cell(sum(passed))} instead of {cell(found.right[node])}."


def in_the_shape_of_the_result(found: Comparison, row: Row) -> str:
    """What was not summed."""
    shape, users = row.value.shape, [s.node for s in found.sweep if s.operand is row.value]
    node = next((node for node in users if node.shape != shape), users[0])
    line = f"{row.name} has shape {shape}, its gradient {np.shape(row.wrong)}"
    reason = stretched(row.name, shape, node.shape)
    return f"{line}: what {found.names.of(node)} passes on must be {reason}." if reason else f"{line}."


def kept(found: Comparison, row: Row) -> str:
    """Which inner node kept its gradient."""
    one, two = map(cell, found.passed[row.value][:2])
    return f"{row.name} is no leaf, but kept {one} from the first pass: the second passed on {two}, not {one} again."


def path_by_path(found: Comparison) -> str:
    """Which node was visited most often."""
    (node, most), *_ = found.visited.most_common(1)
    line = f"{found.names.of(node)} was visited {most:,} times, once for each path from {found.names.root}"
    return f"{line}: {found.visits:,} visits, where {found.nodes:,} are enough."


def number_of_visits(loss: Value) -> int:
    """How many visits it takes to come to each node once on each path: one for each path to each."""
    ways, total = {loss: 1}, 0
    for node in topological_order(loss):
        n = ways.pop(node)
        total += n
        for _, x, _ in edges(node):
            ways[x] = ways.get(x, 0) + n
    return total


def used_once(found: Comparison) -> bool:
    """Whether no value gains more than once."""
    return len({s.operand for s in found.sweep}) == len(found.sweep)


WHY: dict[str, Callable[[Comparison, Row], str]] = {
    "assignment": overwritten,
    "no_order": repeated,
    "no_unbroadcast": in_the_shape_of_the_result,
    "stale_gradients": kept,
}
HARMLESS: dict[str, tuple[str, Callable[[Comparison], bool]]] = {
    "assignment": ("every value is used once, so there is nothing to overwrite", used_once),
    "no_order": ("every inner node is used once, so there is one path to each", lambda found: True),
    "no_unbroadcast": ("no operand was broadcast", lambda found: True),
    "stale_gradients": ("there is no inner node that could keep a gradient", lambda found: found.nodes == 1),
    "recursion": ("every inner node is used once, so there is one path to each", lambda found: True),
}


# -- the smallest graph ------------------------------------------------------------------------------------------------

OPERATIONS = (ops.add, ops.multiply, ops.square, ops.sum)
SHAPES: tuple[tuple[int, ...], ...] = ((), (2,), (2, 1))
NUMBERS = (2.0, -3.0, 5.0)

Line = tuple[ops.Op, tuple[int, ...]]  # an operation, and which of the values before it it is applied to


def graphs(operations: int) -> Iterator[Value]:
    """The results of all small graphs, the smallest first: by operations, leaves, edges and numbers in the leaves.

    Every leaf is used, every operation leads to the result, and the result is one number.
    """
    for count in range(1, operations + 1):
        for leaves in range(1, count + 2):
            for lines in sorted(programs(count, leaves), key=lambda lines: sum(len(places) for _, places in lines)):
                for shapes in sorted(product(SHAPES, repeat=leaves), key=lambda shapes: sum(map(np.prod, shapes))):
                    loss = result(lines, shapes)
                    if not loss.shape:
                        yield loss


def programs(count: int, leaves: int) -> Iterator[tuple[Line, ...]]:
    """All ways to apply `count` operations one after the other, so that each value but the last is used."""
    for lines in product(*[[*choices(leaves + i)] for i in range(count)]):
        if len({place for _, places in lines for place in places}) == leaves + count - 1:
            yield lines


def choices(values: int) -> Iterator[Line]:
    """The operations, applied to some of the values that there are."""
    for op in OPERATIONS:
        for places in combinations_with_replacement(range(values), op.arity or 1):
            yield op, places


def result(lines: tuple[Line, ...], shapes: tuple[tuple[int, ...], ...]) -> Value:
    """The result of a program; its values are called a, b, c and so on."""
    values = [Value(np.resize(NUMBERS[i:] + NUMBERS[:i], shape), "abcdefgh"[i]) for i, shape in enumerate(shapes)]
    for op, places in lines:
        values.append(op(*[values[i] for i in places]))
        values[-1].label = "abcdefgh"[len(values) - 1]
    values[-1].label = None
    return values[-1]


class Engines(dict[str, Engine]):
    """The wrong engines by name; print them for what each does."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values()))


ENGINES = Engines(
    {engine.name: engine for engine in (assignment, no_order, no_unbroadcast, stale_gradients, recursion)}
)


def __dir__() -> list[str]:
    """What there is to try, without what it is made of."""
    return [*ENGINES, "right", "ENGINES", "Engine", "Comparison"]
