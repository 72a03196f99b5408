"""What stands below a drawing: what was left out, and what the shapes and the texts mean; only what is there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from .graph import FOLDED, Box, Graph, Node
from .labels import Show
from .wires import named_wires

Entry = tuple[str, str]  # a kind of shape, or "local", "flow", "text"; and the words


def shape_of(element: Node | Box) -> str:
    """The kind of shape that an element is drawn with."""
    if isinstance(element, Node):
        return element.kind
    return "folded" if element.kind in FOLDED else "operation"


def legend(graph: Graph, show: Show) -> list[Entry]:
    """What each shape and each text on an edge means."""
    shapes = {*map(shape_of, graph.nodes), *map(shape_of, graph.boxes)}
    words = {"parameter": "parameter", "input": "input", "constant": "number", "inner": "computed", "root": "result",
             "operation": "operation", "folded": "folded operations"}  # fmt: skip
    found = [(kind, text) for kind, text in words.items() if kind in shapes]
    return [*found, *states(graph, show), *on_edges(graph, show), *in_walk(graph)] if len(found) > 1 else []


def states(graph: Graph, show: Show) -> Iterator[Entry]:
    """What it means that there is no gradient."""
    nodes = [node for node in graph.nodes if show.grads and not node.constant and node.kind != "beyond"]
    if any(node.state == "no path" for node in nodes):
        yield "flow", "no path: no slope leads there"
    if any(node.gradient is None and node.state != "no path" for node in nodes):
        yield "flow", "grad —  nothing has arrived yet"


def on_edges(graph: Graph, show: Show) -> Iterator[Entry]:
    """What is written on edges, by an example where there is one."""
    edges = [edge for box in graph.boxes for edge in box.edges] if show.edges else []
    if any(edge.local and not edge.shapes for edge in edges):
        example = next((edge.local for edge in edges if " = " in edge.local and not edge.shapes), "1")
        yield "local", f"{example}  local derivative"
    if any(edge.local and edge.shapes for edge in edges):
        yield "local", "g  the gradient of the result"
    if show.grads and any(edge.flow is not None for edge in edges):
        yield "flow", "+=  flows back along the edge"
    if any(edge.stretched > 1 for edge in edges):
        yield "stretched", "tapered: stretched to a larger shape"
    if named_wires(graph):
        yield "wire", "a bare name: from the value called so"


def in_walk(graph: Graph) -> Iterator[Entry]:
    """What the outlines mean in a walk."""
    edges = [edge for box in graph.boxes for edge in box.edges]
    phases = {node.phase for node in graph.nodes} | {edge.phase for edge in edges}
    words = {
        "current": "taken last",
        "waiting": "still to come",
        "changed": "changed",
        "same": "grey: as it was in the other run",
    }
    yield from ((phase, text) for phase, text in words.items() if phase in phases)


def caption(graph: Graph, width: int = 90) -> Iterable[str]:
    """The sentences beside the drawing, in lines."""
    return [line for sentence in graph.said for line in textwrap.wrap(sentence, width)]
