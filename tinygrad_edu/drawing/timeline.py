"""What changes in a picture while a walk goes on: for each element its texts and its phase, and from which step on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from ..folding import BoxOf
from ..recording import Scope
from ..value import Value
from ..wording import FEW, figure
from .graph import Box, Edge, Graph, Node, graph_of
from .labels import HELD, Table, of_box, of_edge, of_node, ranged
from .moments import Place, moments

Entry = tuple[int, Any]  # from how many steps on, and what holds from there


@dataclass
class Track:
    """One element: what is written on it, and how long it waits."""

    key: str
    texts: list[tuple[int, list[Table]]]  # from how many steps on, and all that is written
    until: int = 0  # it waits until so many steps are taken


@dataclass
class Actor:
    """A value that is told about beside the picture."""

    node: Node
    thing: Any
    computed: int  # after so many steps it has its number
    gradients: list[Entry]
    arrivals: list[int] = field(default_factory=list)  # the steps that bring something
    hidden: bool = False  # in a box, which shows it itself


class Timeline:
    """The tracks of all elements of a graph, and the key of the one that each step is `at_work` on.

    The `graph` has in each place the widest number that ever stands there, and no phase: so it is laid out.
    """

    def __init__(self, walk: Any, box_of: BoxOf) -> None:
        self.walk, self.names, self.box_of, self.steps = walk, walk.names, box_of, walk.steps
        self.go_through()
        self.forward = {id(step.node): step.index + 1 for step in self.steps if step.kind == "forward"}
        self.passed = {(id(step.node), step.place): step for step in self.steps if step.kind == "edge"}
        self.put_into_boxes()
        self.actors = [*self.cast()]
        shown = [actor for actor in self.actors if not actor.hidden]
        self.key_of = {id(actor.thing): actor.node.key for actor in shown}
        self.tracks = [*map(self.of_node, shown), *self.of_plain_numbers(), *self.of_boxes(), *self.of_edges()]
        self.at_work = [self.place_of(step) for step in self.steps]
        drawn: list[Any] = [*self.graph.nodes, *self.graph.boxes]
        for x in (*drawn, *(edge for box in self.graph.boxes for edge in box.edges)):
            x.phase = ""

    def go_through(self) -> None:
        """The graph at the beginning and at the end of the walk."""
        every = moments(self.walk)
        self.moment = next(every)
        self.left = dict(self.moment.gradients)
        self.start = self.graph_now()
        self.before = {node.key: node for node in self.start.nodes}
        self.edges_before = [edge for box in self.start.boxes for edge in box.edges]
        for _ in every:  # to the end
            pass
        self.graph = self.graph_now()

    def put_into_boxes(self) -> None:
        """What lies in each box, and the box of each value."""
        values = [x for x in self.names.things.values() if isinstance(x, Value) and x.op]
        self.inside = {id(x): self.box_of(x) for x in values}
        self.rows: dict[int, list[Value]] = {}
        for x in values:
            self.rows.setdefault(id(self.inside[id(x)]), []).append(x)
        self.box_keys = {id(scope): box.key for box in self.graph.boxes if (scope := self.scope(box)) is not None}

    def graph_now(self) -> Graph:
        """The graph as it is at the moment of the walk."""
        return graph_of([self.walk.loss], self.names, self.box_of, self.moment)

    def cast(self) -> Iterator[Actor]:
        """The values and arrays that are shown, and those that a box shows itself."""
        arriving: dict[int, list[int]] = {}
        for step in self.steps:
            if step.kind != "forward":
                arriving.setdefault(id(step.operand), []).append(step.index)
        held = [node for box in self.graph.boxes for node in box.held]
        for i, node in enumerate([*self.graph.nodes, *held]):
            if node.kind == "constant":
                continue
            thing = self.names.by_name[node.name]
            gradients = [(0, self.left.get(id(thing)) if thing_is_leaf(thing) else None)]
            gradients += [(at + 1, self.steps[at].after) for at in arriving.get(id(thing), ())]
            hidden = i >= len(self.graph.nodes)
            yield Actor(node, thing, self.forward.get(id(thing), 0), gradients, arriving.get(id(thing), []), hidden)

    # -- what is written -----------------------------------------------------------------------------------------------

    def of_node(self, actor: Actor) -> Track:
        """A value: its number from when it is computed, its gradient as it grows."""
        node, before = actor.node, self.before[actor.node.key]
        texts = [(0, [*of_node(before)])] if actor.computed else []
        sums = [None, *self.from_inside(actor)]
        for (position, node.gradient), node.within in zip(actor.gradients, sums, strict=True):
            texts.append((position or actor.computed, [*of_node(node)]))
        node.gradient, node.within = widest(gradient for _, gradient in actor.gradients), widest(sums)
        return Track(node.key, texts, actor.computed)

    def from_inside(self, actor: Actor) -> Iterator[Any]:
        """What of the gradient of a value has come from inside the box that it is a result of, after each arrival."""
        box, total = self.inside.get(id(actor.thing)), None
        for step in (self.steps[i] for i in actor.arrivals):
            if box is not None and step.kind == "edge" and self.inside[id(step.node)] is box:
                total = step.contribution if total is None else total + step.contribution
            yield total

    def of_plain_numbers(self) -> Iterator[Track]:
        """Numbers that have no name: they stay what they are."""
        return (Track(node.key, [(0, [*of_node(node)])]) for node in self.graph.nodes if node.kind == "constant")

    def of_boxes(self) -> Iterator[Track]:
        """The operations: they wait for what they compute; the gradients of the leaves that they show grow."""
        told = {actor.node.key: actor for actor in self.actors if actor.hidden}
        for box in self.graph.boxes:
            until = max(self.forward.get(id(self.names.by_name[node.name]), 0) for node in box.results)
            held = [told[node.key] for node in box.held[:HELD] if node.key in told]
            yield Track(box.key, [*self.with_leaves(box, held)], until)

    def with_leaves(self, box: Box, held: list[Actor]) -> Iterator[tuple[int, list[Table]]]:
        """What is written on a box whenever the gradient of one of its leaves has changed."""
        changes = sorted(
            ((at, actor, gradient) for actor in held for at, gradient in actor.gradients), key=lambda one: one[0]
        )
        for at, actor, gradient in changes:
            actor.node.gradient = gradient
            if at:
                yield at, [*of_box(box)]
            elif actor is held[-1]:
                yield 0, [*of_box(box)]
        if not changes:
            yield 0, [*of_box(box)]
        for actor in held:
            actor.node.gradient = widest(gradient for _, gradient in actor.gradients)

    def of_edges(self) -> Iterator[Track]:
        """The edges: the local derivative from when it can be computed, and what flows back."""
        self.edge_of: dict[Place, str] = {}
        pairs = [(box, edge) for box in self.graph.boxes for edge in box.edges]
        uses = {box.key: self.uses(box) for box in self.graph.boxes}
        first = {box.key: self.names.by_name[box.results[0].name] for box in self.graph.boxes}
        for i, ((box, edge), before) in enumerate(zip(pairs, self.edges_before, strict=True)):
            places, key = self.places(box, edge, uses[box.key]), f"edge{i}"
            self.edge_of |= dict.fromkeys(places, key)
            computed = self.forward[id(first[box.key])]
            flows = sorted((self.passed[x] for x in places if x in self.passed), key=lambda step: step.index)
            texts, sums = [(0, [*of_edge(before)])], [None, *accumulate(step.contribution for step in flows)]
            for position, edge.flow in zip([computed, *(step.index + 1 for step in flows)], sums, strict=True):
                texts.append((position, [*of_edge(edge)]))
            edge.flow = widest(sums)
            yield Track(key, texts, flows[-1].index + 1 if flows else 0)

    # -- which edge of the picture is which ----------------------------------------------------------------------------

    def scope(self, box: Box) -> Scope | None:
        """What a box is made of; None for one operation."""
        return None if box.kind == "operation" else self.inside[id(self.names.by_name[box.results[0].name])]

    def uses(self, box: Box) -> dict[int, list[Place]]:
        """Where the values in a box use each of their operands."""
        scope, result = self.scope(box), self.names.by_name[box.results[0].name]
        found: dict[int, list[Place]] = {}
        for value in [result] if scope is None else self.rows[id(scope)]:
            for place, x in enumerate(value.operands):
                found.setdefault(id(x), []).append((id(value), place))
        return found

    def places(self, box: Box, edge: Edge, uses: dict[int, list[Place]]) -> list[Place]:
        """The operands that an edge stands for: one, or those of all values in a box."""
        if box.kind == "operation":
            value = self.names.by_name[box.results[0].name]
            given = [place for place, x in enumerate(value.operands) if x is not None]
            return [(id(value), given[box.edges.index(edge)])]
        return uses.get(id(self.names.by_name[edge.operand.name]), []) if edge.operand.name else []

    def place_of(self, step: Any) -> str:
        """The element where a step happens; what is hidden in a box happens in the box."""
        if step.kind == "edge" and (id(step.node), step.place) in self.edge_of:
            return self.edge_of[id(step.node), step.place]
        shown = self.key_of.get(id(step.node), "")
        if shown and step.kind != "edge":
            return shown
        return self.box_keys.get(id(self.inside[id(step.node)]), "")


def thing_is_leaf(thing: Any) -> bool:
    """Whether a value may have had a gradient before this pass."""
    return isinstance(thing, Value) and thing.op is None


def widest(numbers: Iterable[Any]) -> Any:
    """The longest of some numbers when they are written; of small arrays the longest at each place."""
    found = [x for x in numbers if x is not None]
    if not found or np.size(found[0]) > FEW or not np.ndim(found[0]):
        return max(found, key=lambda x: len(ranged(x)), default=None)
    columns = zip(*(np.ravel(x).tolist() for x in found))
    longest = [max(column, key=lambda x: len(figure(x))) for column in columns]
    return np.array(longest, dtype=object).reshape(np.shape(found[0]))
