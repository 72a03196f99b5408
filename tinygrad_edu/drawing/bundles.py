"""Values that lie between the same boxes, drawn as one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from .graph import FOLDED, Box, Edge, Graph, Node
from ..wording import type_of
from .labels import HELD, several


def bundled(graph: Graph, max_nodes: int | None) -> None:
    """Draw as one the values that come from one box, or are leaves of one kind, and go to the same folded boxes.

    Only if they are more than a few, or if there would be more than `max_nodes` otherwise. A bundle has all their
    numbers, and on each edge all that flows to them.
    """
    if max_nodes is None:
        return
    groups = together(graph)
    excess = len(graph.nodes) - max_nodes
    for nodes in groups:
        if len(nodes) > HELD:
            excess -= len(nodes) - 1
    joined: dict[Node, Node] = {}
    for nodes in groups:
        if len(nodes) > (HELD if excess <= 0 else 1):
            joined |= dict.fromkeys(sorted(nodes, key=counted), bundle(nodes))
    if joined:
        put(graph, joined)
    for box in graph.boxes:
        box.held = [*held_together(box.held)]


def together(graph: Graph) -> list[list[Node]]:
    """The values that go to the same folded boxes, from the same box or of the same kind; not the roots."""
    users: dict[Node, dict[Box, None]] = defaultdict(dict)
    for box in graph.boxes:
        for edge in box.edges:
            users[edge.operand][box] = None
    groups: dict[Any, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node not in graph.roots and node in users and all(box.kind in FOLDED for box in users[node]):
            groups[node.box or node.kind, *users[node]].append(node)
    return [*groups.values()]


def put(graph: Graph, joined: dict[Node, Node]) -> None:
    """Put bundles in the place of what they are made of."""
    place = {node: i for i, node in enumerate(joined)}
    graph.nodes = [*dict.fromkeys(joined.get(node, node) for node in graph.nodes)]
    for box in graph.boxes:
        box.results = [*dict.fromkeys(joined.get(node, node) for node in box.results)]
        edges: dict[Node, list[Edge]] = defaultdict(list)
        for edge in sorted(box.edges, key=lambda edge: place.get(edge.operand, -1)):
            edges[joined.get(edge.operand, edge.operand)].append(edge)
        box.edges = [
            edge for node, parts in edges.items() for edge in ([strand(node, parts)] if node.count > 1 else parts)
        ]


def held_together(nodes: list[Node]) -> Iterable[Node]:
    """What a box shows itself: leaves of one kind and shape as one, if they are more than a few."""
    groups: dict[Any, list[Node]] = defaultdict(list)
    for node in nodes:
        groups[node.kind, type_of(node.number)].append(node)
    for node in nodes:
        alike = groups[node.kind, type_of(node.number)]
        if len(alike) <= HELD:
            yield node
        elif node is alike[0]:
            yield bundle(alike)


def bundle(nodes: list[Node]) -> Node:
    """Several values as one."""
    first, nodes = nodes[0], sorted(nodes, key=counted)
    one = Node(
        first.key, called(nodes), first.kind, numbers(x.number for x in nodes), numbers(x.gradient for x in nodes)
    )
    one.box, one.layers, one.count = first.box, first.layers, len(nodes)
    one.within = added((x.within for x in nodes), nodes)
    one.state = same([x.state for x in nodes], "")
    one.times = same([x.times for x in nodes], 1)
    one.phase = together_at([x.phase for x in nodes])
    return one


def strand(operand: Node, edges: list[Edge]) -> Edge:
    """Several edges into one box as one."""
    one = Edge(operand, "", flow=added((edge.flow for edge in edges), [edge.operand for edge in edges]))
    one.phase = together_at([edge.phase for edge in edges])
    return one


def called(nodes: list[Node]) -> str:
    """The first and the last name where they differ in their numbers only, w1 … w784; otherwise how many there are."""
    if len({re.sub(r"\d+", "", node.name) for node in nodes}) == 1 and nodes[0].name != nodes[-1].name:
        return f"{nodes[0].name} … {nodes[-1].name}"
    return several(nodes[0].kind, len(nodes))


def counted(node: Node) -> list[Any]:
    """The name, so that w2 comes before w10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", node.name, flags=re.ASCII))]


def numbers(parts: Iterable[Any]) -> np.ndarray | None:
    """All numbers in one row; None if those of one are missing."""
    parts = [*parts]
    return None if any(part is None for part in parts) else np.concatenate([np.ravel(part) for part in parts])


def added(flows: Iterable[Any], nodes: list[Node]) -> np.ndarray | None:
    """All that has flowed to some values in one row; to one of them maybe nothing, but not to all."""
    flows = [*flows]
    if all(flow is None for flow in flows):
        return None
    return numbers(np.zeros(np.shape(x.number)) if flow is None else flow for flow, x in zip(flows, nodes))


def together_at(phases: list[str]) -> str:
    """Where in a walk several are: where all are, or at what is current among them, or not yet done."""
    return str(same(phases, "current" if "current" in phases else "waiting"))


def same(things: list[Any], otherwise: Any) -> Any:
    """What all are, or something else."""
    return things[0] if all(x == things[0] for x in things) else otherwise
