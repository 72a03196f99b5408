"""The mistakes that people make by hand: a table of them, and where in a graph each may have been made.

A mistake is a rule of the table of operations, used wrongly: on other arguments, or for another operand. No derivative
is known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..backward import fit, order
from ..errors import GradientError
from ..naming import Names
from ..value import Value
from ..wording import operation
from .path_sums import edges
from ..edges import rule_of

Key = tuple[str, Value]  # "value" or "gradient", and of what
Place = tuple[Any, int]  # a node, and which of its operands
FAILED = (ArithmeticError, GradientError, ValueError, TypeError, IndexError)


class Edge(NamedTuple):
    """A contribution that is about to be computed, to the operand at `place`, with what the rule is given."""

    node: Value
    place: int
    g: Any
    y: Any
    numbers: tuple[Any, ...]

    @property
    def x(self) -> Any:
        """The number of the operand itself."""
        return self.numbers[self.place]

    def gain(self, **instead: Any) -> Any:
        """What the rule gives: on what it should be given, or on something `instead`."""
        edge = self._replace(**instead)
        return rule_of(edge.node.op, edge.place)(edge.g, edge.y, *edge.numbers, **edge.node.settings)


# -- what is needed to go wrong ----------------------------------------------------------------------------------------


def outputs(e: Edge) -> list[Any]:
    """The output in the place of every operand that is a variable."""
    same = ops.shape(e.y)
    return [e.y if isinstance(x, Value) and x.shape == same else n for x, n in zip(e.node.operands, e.numbers)]


def pair(e: Edge) -> bool:
    """Whether there are two variables to mix up."""
    return len(e.numbers) == 2 and all(isinstance(x, Value) for x in e.node.operands)


def of_mean(node: Value) -> bool:
    """Whether this divides by n: it ends a mean, or takes one itself."""
    ends = node.op is ops.divide and node.scope is not None and node.scope.name == "mean"
    return ends or node.op is ops.cross_entropy


def exponent(e: Edge) -> Any:
    """The number that stands as an exponent; None if there is none."""
    return 2 if e.node.op is ops.square else e.numbers[1] if e.node.op is ops.power and e.place == 0 else None


def summed(e: Edge) -> tuple[int, ...]:
    """The axes of the result over which the rule sums, because the operand was used for each place along them."""
    y, x = ops.shape(e.y), ops.shape(e.x)
    if e.node.op in (ops.matmul, ops.linear) and e.place == 1:
        return tuple(range(ops.ndim(e.numbers[0]) - 1)) if len(x) < 3 else ()
    lead = len(y) - len(x)
    if lead < 0 or any(n not in (1, m) for n, m in zip(x, y[lead:])):
        return ()
    return tuple(i for i, m in enumerate(y) if i < lead or x[i - lead] != m)


def only(e: Edge, i: int) -> Any:
    """The contribution of one place alone, the first or the last of those that are summed."""
    axes, kept = summed(e), np.zeros_like(e.g)
    place = tuple(i if axis in axes else slice(None) for axis in range(np.ndim(e.g)))
    kept[place] = e.g[place]
    return e.gain(g=kept) if axes else None


LEFT_OUT, MEAN = "forgot to accumulate", "forgot the mean's 1/n"
UNSUMMED, ROUNDED = "not summed over the batch", "rounded too early"
OTHER = {ops.tanh: ops.sigmoid, ops.sigmoid: ops.tanh}
# fmt: off
MISTAKES: dict[str, tuple[str, Callable[[Edge], Any]]] = {  # what happened, and what comes out (None: not here)
    LEFT_OUT: ("a value gains from every one of its uses, and all of that is added up",
        lambda e: 0.0),
    MEAN: ("a mean divides by how many there are, and so does its gradient",
        lambda e: (e.g if e.node.op is ops.divide else e.gain() * len(e.x)) if of_mean(e.node) else None),
    "missed the chain": ("this is the local derivative alone, not times what arrives from above",
        lambda e: e.gain(g=np.ones_like(e.g) if ops.shape(e.g) else 1.0)),
    "forgot the local derivative": ("what arrives from above was passed on as it is",
        lambda e: e.g),
    "wrong sign": ("a minus was lost, or there is one too many",
        lambda e: -e.gain()),
    "forgot the exponent in front": ("the derivative of x**n is n * x**(n - 1), with the n",
        lambda e: e.gain() / n if (n := exponent(e)) is not None else None),
    "kept the exponent": ("the derivative of x**n is n * x**(n - 1), with n - 1",
        lambda e: e.gain() * e.x if exponent(e) is not None else None),
    "used the input instead of the output": ("the operation's input stands where its derivative takes the output",
        lambda e: e.gain(y=e.x) if ops.shape(e.x) == ops.shape(e.y) else None),
    "used the output instead of the input": ("the operation's output stands where its derivative takes an input",
        lambda e: e.gain(numbers=outputs(e))),
    "swapped the operands": ("each operand stands where the derivative takes the other",
        lambda e: e.gain(numbers=e.numbers[::-1]) if pair(e) else None),
    "the other operand's derivative": ("this is the derivative with respect to the other operand",
        lambda e: e.gain(place=1 - e.place) if pair(e) else None),
    "another function's derivative": ("the derivatives of tanh and sigmoid are mixed up",
        lambda e: rule_of(OTHER[e.node.op], 0)(e.g, e.y, e.x) if e.node.op in OTHER else None),
    "kept only the first row": ("it was used for every row, so its gradient is the sum over all of them",
        lambda e: only(e, 0)),
    "kept only the last row": ("it was used for every row, so its gradient is the sum over all of them",
        lambda e: only(e, -1)),
    "averaged instead of summed": ("it was used for every row, so its gradient is the sum over all, not the mean",
        lambda e: e.gain() / math.prod(ops.shape(e.y)[i] for i in axes) if (axes := summed(e)) else None),
    "transposed": ("rows and columns are exchanged",
        lambda e: ops.swap(e.gain()) if ops.ndim(e.x) > 1 else None),
    "forgot to transpose": ("the other factor belongs transposed into the product",
        lambda e: e.gain(numbers=[ops.swap(x) if ops.ndim(x) > 1 else x for x in e.numbers])
        if e.node.op in (ops.matmul, ops.linear) else None),
    UNSUMMED: ("it was used for every place of a larger array, so its gradient is the sum over these",
        lambda e: None),  # seen in the answer's shape
    ROUNDED: ("only the last digits are off: keep more on the way, or write fewer, in quotes",
        lambda e: None),
}
SLIPS: dict[str, tuple[str, Callable[..., Any]]] = {  # on the way forward: of a node, its number, and its operands'
    "wrong sign": ("a minus was lost, or there is one too many",
        lambda node, y, *xs: -y),
    "swapped the operands": ("each operand stands in the other's place",
        lambda node, y, *xs: node.op(*xs[::-1], **node.settings) if len(xs) == 2 else None),
    "wrong sign of an operand": ("a minus of the operand was lost, or there is one too many",
        lambda node, y, x, *xs: node.op(-x, *xs, **node.settings)),
    "wrong sign of the second operand": ("a minus of the second operand was lost, or there is one too many",
        lambda node, y, x, *xs: node.op(x, -xs[0], *xs[1:], **node.settings) if xs else None),
    "forgot the function": ("the operand was passed on as it is",
        lambda node, y, *xs: xs[0] if len(xs) == 1 else None),
    MEAN: ("a mean divides by how many there are",
        lambda node, y, *xs: xs[0] if of_mean(node) else None),
    "forgot the bias": ("what is added after the product is missing",
        lambda node, y, *xs: xs[0] @ xs[1] if node.op is ops.linear else None),
}
# fmt: on


class Mistake(NamedTuple):
    """A mistake of one of the tables, and where: at edges (`kind` "gradient"), or in nodes ("value").

    Of "forgot to accumulate" the `places` are those that were left out; what shows in the answer itself has none.
    """

    kind: str
    name: str
    where: str
    places: frozenset[Place] = frozenset()

    @property
    def words(self) -> str:
        """What happened."""
        return (MISTAKES if self.kind == "gradient" else SLIPS)[self.name][0]

    def __str__(self) -> str:
        return f"“{self.name}” {self.where}: {self.words}."

    def rule(self, node: Any, place: int) -> Callable[..., Any]:
        """The rule of an operand with the mistake in it; the rule itself where it cannot be made."""

        def rule(g: Any, y: Any, *numbers: Any, **settings: Any) -> Any:
            edge = Edge(node, place, g, y, numbers)
            try:
                gain = MISTAKES[self.name][1](edge)
                return edge.gain() if gain is None else fit(gain, edge.x, node.op)
            except FAILED:
                return edge.gain()

        return rule

    def number(self, node: Value, y: Any, numbers: Iterable[Any]) -> Any:
        """The result of a node with the mistake in it; `y` itself where it cannot be made."""
        try:
            result = SLIPS[self.name][1](node, y, *numbers)
        except FAILED:
            return y
        return result if result is not None and ops.shape(result) == ops.shape(y) else y


def levels(start: Value, further: Callable[[Value], Iterable[Value]]) -> Iterator[list[Value]]:
    """A value, those one step further, those two steps further, each once."""
    level, seen = [start], {start}
    while level:
        yield level
        level = [*dict.fromkeys(x for y in level for x in further(y) if x not in seen)]
        seen.update(level)


class Suspects:
    """The mistakes that may be behind a wrong number, the likeliest first.

    No way is followed past a number that was `written` down, since one goes on from that.
    """

    def __init__(self, loss: Value, names: Names, written: Iterable[Key]) -> None:
        self.nodes, self.of, self.written = order(loss), names.of, {*written}
        self.uses: dict[Value, list[Place]] = {}
        for node in self.nodes:
            for place, x, _ in edges(node):
                self.uses.setdefault(x, []).append((node, place))

    def behind(self, key: Key, limit: int) -> Iterator[Mistake]:
        """For a gradient: single edges, the nearest first; the same everywhere; slips on the way forward."""
        kind, x = key
        nodes = self.below(x)
        if kind == "gradient":
            nodes = (node for node in reversed(self.nodes) if self.unwritten("value", node))
            yield from islice(self.single(x), limit)
            yield from islice(self.consistent(), limit)
        yield from islice(self.slips(nodes), limit // 4)  # for these everything is computed anew

    def below(self, node: Value) -> Iterator[Value]:
        """A node, and those that it was computed from, the nearest first."""
        return chain.from_iterable(levels(node, lambda node: [x for x in node.operands if self.unwritten("value", x)]))

    def unwritten(self, kind: str, x: Any) -> bool:
        """Whether this is a result that nothing was written of."""
        return isinstance(x, Value) and x.op is not None and (kind, x) not in self.written

    def slips(self, nodes: Iterable[Value]) -> Iterator[Mistake]:
        """Slips on the way forward."""
        for node in nodes:
            for name in SLIPS:
                yield Mistake("value", name, f"in {self.of(node)}", frozenset([(node, 0)]))

    def single(self, x: Value) -> Iterator[Mistake]:
        """Mistakes on the ways to a gradient, the nearest first, those at one distance in the order of the table.

        But first a mean's 1/n, as something nearer often happens to give the same.
        """

        def at(name: str, node: Value, place: int) -> Mistake:
            where = f"from {self.of(node)} to {self.of(node.operands[place])}"
            return Mistake("gradient", name, where, frozenset([(node, place)]))

        above = [*levels(x, lambda x: [node for node, _ in self.uses.get(x, ()) if self.unwritten("gradient", node)])]
        uses = [[use for x in level for use in self.uses.get(x, ())] for level in above]
        yield from (at(MEAN, *use) for use in chain(*uses) if of_mean(use[0]))
        for level, near in zip(above, uses):
            yield from chain.from_iterable(map(self.left_out, level))
            yield from (at(name, *use) for name in MISTAKES if name != LEFT_OUT for use in near)

    def left_out(self, x: Value) -> Iterator[Mistake]:
        """All uses of a value but one, or one of several, left out."""
        uses = frozenset(self.uses.get(x, ()))
        one = [frozenset([use]) for use in reversed(self.uses.get(x, ())) if len(uses) > 1]
        for places in [*(uses - use for use in one), *(one if len(uses) > 2 else ())]:
            nodes = ", ".join(dict.fromkeys(self.of(use[0]) for use in self.uses[x] if use in places))
            missing = f"a contribution from {nodes}" if len(places) == 1 else f"contributions from {nodes}"
            yield Mistake("gradient", LEFT_OUT, f"at {self.of(x)}, without {missing}", places)

    def consistent(self) -> Iterator[Mistake]:
        """The same mistake at every use of an operation, or everywhere."""
        for kept in (slice(-1), slice(1, None)):  # the last contribution is kept, or the first
            places = frozenset(use for uses in self.uses.values() for use in uses[kept])
            yield Mistake("gradient", LEFT_OUT, "everywhere", places)
        groups = {"everywhere": [*chain.from_iterable(self.uses.values())]}
        for use in groups["everywhere"]:
            groups.setdefault(f"at every {operation(use[0].op, {})}", []).append(use)
        for where in [*list(groups)[1:], "everywhere"]:
            for name in MISTAKES:
                if name != LEFT_OUT and len(groups[where]) > 1:
                    yield Mistake("gradient", name, where, frozenset(groups[where]))
