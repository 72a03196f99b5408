"""Edges that are too long to be drawn as lines: where a value is used again and again, far along the graph."""

from __future__ import annotations

from .graph import Box, Edge, Graph, Node

MOST = 1000  # ranks that the edges of a picture cross together; the time to lay them out grows with the square
LONG = 12  # ranks that an edge of a larger one crosses at most


def named_wires(graph: Graph) -> set[Edge]:
    """The edges that begin at a name instead of the value itself; none where the picture is not large.

    To lay out a hundred uses of one value along a chain as lines takes minutes, and nobody can follow them.
    """
    spans = crossed(graph)
    return set() if sum(spans.values()) <= MOST else {edge for edge, span in spans.items() if span > LONG}


def crossed(graph: Graph) -> dict[Edge, int]:
    """How many ranks each edge crosses: two to its operation, more past others."""
    ranks: dict[Node | Box, int] = {}
    for node in graph.nodes:
        if node.box is not None and node.box not in ranks:
            ranks[node.box] = 2 + max((ranks.get(edge.operand, 0) for edge in node.box.edges), default=0)
        if node.box is not None:
            ranks[node] = ranks[node.box] + 1
    uses = [(edge, box) for box in graph.boxes for edge in box.edges]
    for edge, box in uses:
        if edge.operand.box is None:  # a leaf stands beside the first that uses it
            ranks[edge.operand] = min(ranks.get(edge.operand, ranks[box]), ranks[box] - 2)
    return {edge: ranks[box] - ranks[edge.operand] for edge, box in uses}
