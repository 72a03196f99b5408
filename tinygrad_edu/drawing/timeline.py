"""What changes in a picture while a walk goes on: for each element its texts and its phase, and from which step on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from ..folding import BoxOf
from ..value import Value
from ..wording import FEW, figure
from .graph import Box, Edge, Graph, Node, graph_of
from .labels import Table, of_box, of_edge, of_node, ranged
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


class Timeline:
    """The tracks of all elements of a graph, and the key of the one that each step is `at_work` on.

    The `graph` has in each place the widest number that ever stands there, and no phase: so it is laid out.
    """

    def __init__(self, walk: Any, box_of: BoxOf) -> None:
        self.walk, self.names, self.box_of, self.steps = walk, walk.names, box_of, walk.steps
        every = moments(walk)
        self.moment = next(every)
        start, self.left = self.graph_now(), dict(self.moment.gradients)
        self.before = {node.key: node for node in start.nodes}
        self.edges_before = [edge for box in start.boxes for edge in box.edges]
        for _ in every:  # to the end
            pass
        self.graph = self.graph_now()
        self.forward = {id(step.node): step.index + 1 for step in self.steps if step.kind == "forward"}
        self.passed = {(id(step.node), step.place): step for step in self.steps if step.kind == "edge"}
        self.actors = [*self.cast()]
        self.key_of = {id(actor.thing): actor.node.key for actor in self.actors}
        self.tracks = [*map(self.of_node, self.actors), *self.of_plain_numbers(), *self.of_boxes(), *self.of_edges()]
        self.at_work = [self.place_of(step) for step in self.steps]
        everything: list[Any] = [*self.graph.nodes, *self.graph.boxes]
        for x in (*everything, *(edge for box in self.graph.boxes for edge in box.edges)):
            x.phase = ""

    def graph_now(self) -> Graph:
        """The graph as it is at the moment of the walk."""
        return graph_of([self.walk.loss], self.names, self.box_of, self.moment)

    def cast(self) -> Iterator[Actor]:
        """The values and arrays that are shown."""
        arriving: dict[int, list[int]] = {}
        for step in self.steps:
            if step.kind != "forward":
                arriving.setdefault(id(step.operand), []).append(step.index)
        for node in self.graph.nodes:
            if node.kind == "constant":
                continue
            thing = self.names.by_name[node.name]
            gradients = [(0, self.left.get(id(thing)) if thing_is_leaf(thing) else None)]
            gradients += [(i + 1, self.steps[i].after) for i in arriving.get(id(thing), ())]
            yield Actor(node, thing, self.forward.get(id(thing), 0), gradients, arriving.get(id(thing), []))

    # -- what is written -----------------------------------------------------------------------------------------------

    def of_node(self, actor: Actor) -> Track:
        """A value: its number from when it is computed, its gradient as it grows."""
        node, before = actor.node, self.before[actor.node.key]
        texts = [(0, [*of_node(before)])] if actor.computed else []
        for position, gradient in [(actor.computed, actor.gradients[0][1]), *actor.gradients[1:]]:
            node.gradient = gradient
            texts.append((position, [*of_node(node)]))
        node.gradient = widest(gradient for _, gradient in actor.gradients)
        return Track(node.key, texts, actor.computed)

    def of_plain_numbers(self) -> Iterator[Track]:
        """Numbers that have no name: they stay what they are."""
        return (Track(node.key, [(0, [*of_node(node)])]) for node in self.graph.nodes if node.kind == "constant")

    def of_boxes(self) -> Iterator[Track]:
        """The operations: they wait for what they compute."""
        for box in self.graph.boxes:
            until = max(self.forward.get(id(self.names.by_name[node.name]), 0) for node in box.results)
            yield Track(box.key, [(0, [*of_box(box)])], until)

    def of_edges(self) -> Iterator[Track]:
        """The edges: the local derivative from when it can be computed, and what flows back."""
        self.edge_of: dict[Place, str] = {}
        pairs = [(box, edge) for box in self.graph.boxes for edge in box.edges]
        rows = {box.key: self.rows(box) for box in self.graph.boxes}
        for i, ((box, edge), before) in enumerate(zip(pairs, self.edges_before, strict=True)):
            places, key = self.places(box, edge, rows[box.key]), f"edge{i}"
            self.edge_of |= dict.fromkeys(places, key)
            computed = max((self.forward[value] for value, _ in places), default=0)
            flows = sorted((self.passed[x] for x in places if x in self.passed), key=lambda step: step.index)
            texts, sums = [(0, [*of_edge(before)])], [None, *accumulate(step.contribution for step in flows)]
            for position, edge.flow in zip([computed, *(step.index + 1 for step in flows)], sums, strict=True):
                texts.append((position, [*of_edge(edge)]))
            edge.flow = widest(sums)
            yield Track(key, texts, flows[-1].index + 1 if flows else 0)

    # -- which edge of the picture is which ----------------------------------------------------------------------------

    def rows(self, box: Box) -> list[Value]:
        """The values that are computed in a box."""
        results = [self.names.by_name[node.name] for node in box.results]
        scope = self.box_of(results[0])
        if box.kind == "operation":
            return results
        return [x for x in self.names.things.values() if isinstance(x, Value) and x.op and self.box_of(x) is scope]

    def places(self, box: Box, edge: Edge, rows: list[Value]) -> list[Place]:
        """The operands that an edge stands for: one, or those of all rows in a composite."""
        if box.kind == "operation":
            (value,) = rows
            given = [place for place, x in enumerate(value.operands) if x is not None]
            return [(id(value), given[box.edges.index(edge)])]
        thing = self.names.by_name.get(edge.operand.name) if edge.operand.name else None
        found = [(id(value), place) for value in rows for place, x in enumerate(value.operands) if x is thing]
        return found if thing is not None else []

    def place_of(self, step: Any) -> str:
        """The element where a step happens; what is hidden in a box happens in the box."""
        if step.kind == "edge" and (id(step.node), step.place) in self.edge_of:
            return self.edge_of[id(step.node), step.place]
        shown = self.key_of.get(id(step.node), "")
        if shown and step.kind != "edge":
            return shown
        scope = self.box_of(step.node)
        inside = (box.key for box in self.graph.boxes for node in box.results
                  if scope is not None and self.box_of(self.names.by_name[node.name]) is scope)  # fmt: skip
        return next(inside, "")


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
