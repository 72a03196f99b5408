"""Backpropagation as a sum over paths: down each path the product of the local derivatives, and all of these added up.

There may be 2^n paths through n nodes. The sweep visits each node once, when all that will arrive there has arrived:
that is why it needs a topological order.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, reduce
from itertools import islice
from operator import add
from typing import Any

import numpy as np

from .. import ops
from ..backward import fit, order, sweep
from ..contributions import check_unchanged
from ..errors import GradientError
from ..naming import Names, a_loss
from ..notation import PRODUCT, TEXT, write
from ..symbol import Symbol
from ..value import Value, seed_of
from ..wording import FEW, WIDTH, aligned, extremes, figure, listed
from ..edges import fitted, letter, rule_of
from .steps import Step

READABLE = 12  # edges of a path whose formula is still read
NAME = 24  # characters of a name in a table
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

Edge = tuple[int, Value, Callable[..., Any]]  # which operand, the operand, its rule


# -- the graph ---------------------------------------------------------------------------------------------------------


def edges(node: Value) -> Iterator[Edge]:
    """The edges on which a gradient flows on from a node: x * x has two, a constant none."""
    if node.op is not None:
        for place, (x, rule) in enumerate(zip(node.operands, node.op.rules)):
            if isinstance(x, Value) and x.requires_grad and rule is not None:
                yield place, x, rule


def reached(loss: Value, leaf: Value | None = None) -> list[Value]:
    """The nodes that a gradient comes through, each after all that use it; those on the way to `leaf`, if one is given.

    What is used only where there is no slope, as the condition of `where`, is not among them.
    """
    arrived, nodes = {loss}, []
    for node in order(loss, None if leaf is None else [leaf]):
        if node in arrived:
            arrived.update(x for _, x, _ in edges(node))
            nodes.append(node)
    if leaf is None:
        return nodes
    leading = {leaf}
    for node in reversed(nodes):
        if any(x in leading for _, x, _ in edges(node)):
            leading.add(node)
    return [node for node in nodes if node in leading]


def unfitted(node: Any, rule: Callable[..., Any], g: Any) -> Any:
    """What a rule makes of the gradient `g` of its node, not yet in the shape of the operand."""
    try:
        return rule(g, node._data, *node.numbers, **node.settings)
    except ArithmeticError:  # as in the sweep: NumPy says inf or nan
        with np.errstate(all="ignore"):
            return rule(*map(np.float64, (g, node._data, *node.numbers)), **node.settings)


def gained(node: Any, edge: Edge, g: Any) -> Any:
    """What the operand gains on an edge: the same, un-broadcast, as in the sweep."""
    place, _, rule = edge
    return fit(unfitted(node, rule, g), node.numbers[place], node.op)


def number_of_paths(loss: Value, leaf: Value, nodes: Iterable[Value]) -> int:
    """How many paths lead down to the leaf: to each operand as many as to the node, added up along the order."""
    inside, ways = {*nodes, leaf}, {loss: 1}
    for node in nodes:
        n = ways.pop(node)
        for _, x, _ in edges(node):
            if x in inside:
                ways[x] = ways.get(x, 0) + n
    return ways[leaf]


def found(names: Names, leaf: Value, nodes: Iterable[Value]) -> Iterator[Path]:
    """The paths one after the other, depth first and without recursion; what paths share is computed once."""
    inside = {*nodes, leaf}
    passed, places, arrived = [names.loss], list[int](), [seed_of(names.loss, None)]
    if leaf is names.loss:
        yield Path(names, (leaf,), (), arrived[0])
    waiting = [edges(names.loss)]
    while waiting:
        edge = next((edge for edge in waiting[-1] if edge[1] in inside), None)
        if edge is None:  # every way on from here was taken
            for trail in (waiting, passed, arrived):
                trail.pop()
            del places[len(passed) - 1 :]
            continue
        place, x, _ = edge
        gain = gained(passed[-1], edge, arrived[-1])
        if x is leaf:
            yield Path(names, (*passed, x), (*places, place), gain)
        else:
            passed.append(x)
            places.append(place)
            arrived.append(gain)
            waiting.append(edges(x))


# -- one path ----------------------------------------------------------------------------------------------------------


class Path:
    """One path: `nodes` from the loss to the leaf, `places` the operand that is taken at each (0 is the first).

    `contribution` is what the leaf gains along it, in the leaf's shape: on scalars the product of the `locals`; on
    arrays the rules along the path, one applied to what the other gives.
    """

    def __init__(self, names: Names, nodes: tuple[Value, ...], places: tuple[int, ...], contribution: Any) -> None:
        self.names, self.nodes, self.places, self.contribution = names, nodes, places, contribution

    @property
    def locals(self) -> list[Any]:
        """The local derivative on each edge: a number or an array, None where an operation mixes its elements."""
        return [self.local(i) for i in range(len(self.places))]

    def local(self, i: int) -> Any:
        """The local derivative on edge `i`, counted from the loss."""
        node, place = self.nodes[i], self.places[i]
        return Step(i, self.names, "edge", node, place, self.nodes[i + 1], None, None, None, None).local

    @property
    def formula(self) -> str:
        """The contribution in letters, starting from ∂L/∂L = 1; "" for a long path."""
        if len(self.places) > READABLE:
            return ""
        if self.scalar:
            return " · ".join(self.factors(self.letters)) or "1"
        g: Any = Symbol("1", self.nodes[0].shape)
        for i, place in enumerate(self.places):
            g = fitted(self.letters(i, g), ops.shape(self.nodes[i].numbers[place]))
        return write(g, TEXT)[0]

    @cached_property
    def scalar(self) -> bool:
        """Whether all of its nodes are single numbers, and all that these were computed from."""
        return not any(isinstance(x, np.ndarray) for node in self.nodes for x in (node._data, *node.numbers))

    def letters(self, i: int, g: Any = 1) -> Any:
        """What the rule of edge `i` makes of `g`, in letters; of 1 the local derivative."""
        node = self.nodes[i]
        of = [letter(x, number, self.names) for x, number in ((node, node._data), *zip(node.operands, node.numbers))]
        return rule_of(node.op, self.places[i])(g, *of, **node.settings)

    def factors(self, of: Callable[[int], Any], most: int = READABLE) -> list[str]:
        """The factors of the product, as text; those in the middle of a long one left out."""
        shown = ends(range(len(self.places)), most)
        return ["…" if i is None else factor(of(i), first=not i) for i in shown]

    def route(self, most: int = READABLE) -> str:
        """The way down: L ← d ← a. Where a value is used twice by one node, ←₂ says through which operand."""
        text = clipped(self.names.of(self.nodes[0]))
        for i in ends(range(len(self.places)), most):
            text += " ← …" if i is None else f" {self.arrow(i)} {clipped(self.names.of(self.nodes[i + 1]))}"
        return text

    def arrow(self, i: int) -> str:
        """The sign of edge `i`."""
        node, x, place = self.nodes[i], self.nodes[i + 1], self.places[i]
        several = len([y for _, y, _ in edges(node) if y is x]) > 1
        return "←" + str(place + 1).translate(SUBSCRIPT) if several else "←"

    def parts(self, most: int = READABLE) -> list[str]:
        """The contribution in letters, in numbers, and as it comes out; "" for what would only be said again."""
        result = told(self.contribution)
        if not self.scalar:
            return [self.formula, "", result]
        letters = " · ".join(self.factors(self.letters, most))
        numbers = " · ".join(self.factors(self.local, most))
        return [letters if letters != numbers else "", numbers if numbers != result else "", result]

    def text(self) -> str:
        """The path as a line: `L ← d ← a:  f · b = 1.5 · (-4) = -6`."""
        return f"{self.route()}:  {' = '.join(part for part in self.parts() if part)}"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<path {self.route()}: {told(self.contribution)}>"


def ends(places: range, most: int) -> list[int | None]:
    """All of a few; of many the first and the last, and None for those between."""
    if len(places) <= most:
        return [*places]
    return [*places[: most // 2], None, *places[-(most // 2) :]]


def factor(x: Any, first: bool) -> str:
    """A factor of a product, in brackets where it is a sum, or behind another sign has a minus."""
    text, holds = write(x, TEXT)[:2] if isinstance(x, Symbol) else (figure(x), PRODUCT)
    return f"({text})" if holds < PRODUCT or (text.startswith("-") and not first) else text


def clipped(name: str) -> str:
    """A name that leaves room for others."""
    return name if len(name) <= NAME else name[: NAME - 1] + "…"


def told(x: Any) -> str:
    """A number; the shape of an array and its numbers if they are few."""
    if not np.ndim(x):
        return figure(x)
    if np.size(x) <= FEW and len(text := listed(x)) <= 40:
        return f"{np.shape(x)} {text}"
    words = extremes(x) if np.size(x) else {}
    return " ".join([f"{np.shape(x)}", *(f"{name} {number}" for name, number in words.items())])


# -- all of them -------------------------------------------------------------------------------------------------------


class Paths:
    """The paths from a loss down to a leaf: iterate for the listed ones, `limit` at most; print for the whole story.

    `count` is the number of all of them, exactly, found without going along each; `nodes` how many nodes the sweep
    visits instead. `total` is the sum over all of them, which the sweep finds: the gradient. `listed_total` is the sum
    over the listed ones: the same, up to rounding, if the list is `complete`.
    """

    def __init__(self, names: Names, leaf: Value, limit: int, nodes: list[Value]) -> None:
        self.names, self.leaf, self.limit, self._nodes = names, leaf, min(limit, sys.maxsize), nodes
        check_unchanged(nodes)
        self.total = sweep(names.loss, seed_of(names.loss, None), [leaf])[leaf]
        self.count, self.nodes = number_of_paths(names.loss, leaf, nodes), len(nodes)

    @property
    def complete(self) -> bool:
        """Whether all paths are listed."""
        return self.count <= self.limit

    @property
    def listed_total(self) -> Any:
        """The sum of what the listed paths contribute, in the leaf's shape."""
        return added(self)

    def __len__(self) -> int:
        return min(self.count, self.limit)

    def __iter__(self) -> Iterator[Path]:
        """The listed paths, each found when it is asked for."""
        check_unchanged(self._nodes)
        return islice(found(self.names, self.leaf, self._nodes), self.limit)

    def __getitem__(self, i: int) -> Path:
        paths: list[Path] = [*self]
        return paths[i]

    def heading(self) -> str:
        """How many paths there are, and how many nodes the sweep visits."""
        gradient = f"∂{clipped(self.names.root)}/∂{clipped(self.names.of(self.leaf))}"
        paths = f"{gradient}: {many(self.count)} path{'s' * (self.count != 1)}"
        nodes, each = f"{self.nodes} node{'s' * (self.nodes != 1)}", " each" * (self.nodes != 1)
        if self.complete:
            return f"{paths}, {nodes} visited once{each}" if self.nodes else f"{paths}, the value itself"
        verb = "is" if self.limit == 1 else "are"
        line = f"{paths}, through {nodes} that the sweep visits once{each}; {self.limit} of them {verb} listed"
        return textwrap.fill(line, WIDTH)

    def __str__(self) -> str:
        listed, ends = [*self], list[list[str]]()
        if len(listed) > 1:
            name = "sum" if self.complete else f"sum of these {len(listed)}"
            ends.append([name, "", "", told(added(listed))])
        if not self.complete:
            ends.append(["all, by the sweep", "", "", told(self.total)])
        lines = table(listed, ends)
        twice = any("←" + sign in line for line in lines for sign in "₁₂₃₄₅₆₇₈₉")
        note = ["←₁ through the first operand, ←₂ through the second, where a node uses a value twice"] * twice
        return "\n".join([self.heading(), *lines, *note])

    __repr__ = __str__


def added(paths: Iterable[Path]) -> Any:
    """The sum of what paths contribute."""
    return reduce(add, [path.contribution for path in paths])


def table(listed: list[Path], ends: list[list[str]]) -> list[str]:
    """The paths in lines that fit, with as much about each as there is room for: letters, numbers, the whole route."""
    lines: list[str] = []
    for most, shown in ((READABLE, (0, 1)), (READABLE, (1,)), (8, (1,)), (6, (1,)), (4, (1,)), (4, ()), (2, ())):
        rows = []
        for route, *parts, result in [*([f"{path.route(most)}: ", *path.parts(most)] for path in listed), *ends]:
            letters, numbers = (part if i in shown else "" for i, part in enumerate(parts))
            equal = "=" * bool(letters and numbers), "=" * bool(letters or numbers)
            rows.append([route, letters, equal[0], numbers, equal[1], result])
        lines = aligned(rows, right=[5], gap=" ")
        if max(map(len, lines)) <= WIDTH:
            break
    return [line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in lines]


def many(n: int) -> str:
    """A count, however large: 12, 2^60 = 1152921504606846976, about 3.2·10^55."""
    power = n >= 1024 and not n & (n - 1)
    if n < 10**24:
        return f"2^{n.bit_length() - 1} = {n}" if power else str(n)
    exponent = math.log10(n)
    return f"2^{n.bit_length() - 1}" if power else f"about {10 ** (exponent % 1):.1f}·10^{int(exponent)}"


def paths(loss: Value, leaf: Any, limit: int = 20, names: Mapping[str, Any] | None = None) -> Paths:
    """Every path from `loss` down to `leaf`, what the leaf gains along each, and the sum: the gradient.

    `leaf` is a value of the graph or its name, an inner one too; at most `limit` paths are listed, but all are counted.
    `names`, for example locals(), names the values without a label. No gradient is touched.
    Raises TypeError for a loss that is no Value, ValueError for an unknown name or a limit below 1, and GradientError
    for a loss that is no scalar, for a constant, and where no path leads to the leaf.

    >>> a, b, f = Value(2.0, "a"), Value(-3.0, "b"), Value(0.5, "f")
    >>> found = paths((a * b + a) * f, "a")
    >>> print(found)
    ∂L/∂a: 2 paths, 3 nodes visited once each
    L ← v2 ← v1 ← a:  f · 1 · b = 0.5 · 1 · (-3) = -1.5
    L ← v2 ← a:       f · 1     = 0.5 · 1        =  0.5
    sum                                            -1
    >>> found.count, found.nodes, [path.contribution for path in found], found.total
    (2, 3, [-1.5, 0.5], -1.0)

    Twenty doublings of a number make twenty nodes and a million paths:

    >>> x = y = Value(1.0, "x")
    >>> for _ in range(20):
    ...     y = y + y
    >>> paths(y, x, limit=2).count
    1048576
    """
    root = a_loss(loss, "paths")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise ValueError(f"limit is the number of paths to list, at least 1, not {limit!r}.")
    seed_of(root, None)
    known = Names(root, names)
    target = leaf if isinstance(leaf, Value) and id(leaf) not in known.called else known.find(leaf)
    nodes = reached(root, target) if isinstance(target, Value) else []
    if not nodes and target is not root:
        raise GradientError(no_path(known, target))
    return Paths(known, target, limit, nodes)


def no_path(names: Names, leaf: Any) -> str:
    """Why no path leads to a value."""
    if id(leaf) not in names.called:
        name = leaf.label or "that value"
        return f"No path leads from {names.root} to {name}: it has no part in the graph."
    name = names.of(leaf)
    if not isinstance(leaf, Value) or not leaf.requires_grad:
        kind = "it requires no gradient" if isinstance(leaf, Value) else "a plain array requires no gradient"
        return f"No path leads from {names.root} to {name}, a constant: {kind}."
    return f"No path leads from {names.root} to {name}: it is used only where there is no slope, as a condition is."
