"""Whether what flows to a value adds up to its gradient, and why not: a leaf keeps what other passes left there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..contributions import whole_multiple
from .graph import Graph, Node

LISTED = 6  # names in a sentence


def check_sums(graph: Graph, walking: bool) -> None:
    """Note by how many times a gradient is more than what arrives, and say where it is something else."""
    more, gone = list[Node](), list[Node]()
    for node, flow in arriving(graph, walking):
        if node.gradient is None:
            gone.append(node)
        elif not same(node.gradient, flow):
            times = None if walking or node.box is not None else whole_multiple(node.gradient, flow)
            node.times = times or 1
            if times is None:
                (more if np.any(node.gradient) else gone).append(node)
    if more and walking:
        graph.said.append(f"{listed(more)} had a gradient before this walk.")
    elif more:
        why = "other passes have come there too"
        graph.said.append(f"What arrives at {listed(more)} is not all of the gradient: {why}.")
    if gone and not walking:
        graph.said.append(f"The gradient of {listed(gone)} was set to 0 since the pass.")


def arriving(graph: Graph, walking: bool) -> Iterator[tuple[Node, Any]]:
    """The single values at which something has arrived, with the sum of that."""
    sums: dict[Node, Any] = {}
    if walking:
        sums = {node: 0 for node in graph.nodes if node.gradient is not None and node.box is None}
    for edge in (edge for box in graph.boxes for edge in box.edges):
        if edge.flow is not None and edge.operand.count == 1:
            sums[edge.operand] = sums.get(edge.operand, 0) + edge.flow
    for node, flow in sums.items():
        if node not in graph.roots and node.kind in ("parameter", "inner"):
            yield node, flow if node.within is None else flow + node.within


def same(gradient: Any, flow: Any) -> bool:
    """Whether two gradients are the same but for the order of summation."""
    close = 1e-4 if getattr(gradient, "dtype", None) == np.float32 else 1e-9
    gradient, flow = np.asarray(gradient, float), np.asarray(flow, float)
    scale = min(float(np.max(np.abs(flow), initial=0)), 1e300)
    return np.shape(gradient) == np.shape(flow) and np.allclose(gradient, flow, close, close * scale, equal_nan=True)


def listed(nodes: list[Node]) -> str:
    """The names of some values."""
    names = [node.name for node in nodes]
    return ", ".join(names if len(names) <= LISTED else [*names[: LISTED - 1], f"{len(names) - LISTED + 1} more"])
