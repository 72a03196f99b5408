"""Two runs of the same computation compared: what changed in each value, its gradient, each edge."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import numpy as np

from ..wording import FEW, figure, type_of
from .graph import Edge, Graph, Node


def compared(graph: Graph, other: Graph) -> list[str]:
    """Note in a graph what each value and each edge was in another run, and whether it changed; what is to be said.

    Both are graphs of the same computation, made with the same options. Numbers are compared exactly, and nan is nan.
    Raises ValueError, which names the first place where the computations differ.
    """
    if len(graph.roots) != len(other.roots):
        raise differ(f"{results(graph)} here, {results(other)} there")
    nodes, boxes = [*zip_longest(parts(graph), parts(other))], [*zip(graph.boxes, other.boxes)]
    for node, before in nodes:
        check_alike(node, before)
    for node, before in nodes:
        node.before = before
        node.phase = phase(changed(node.number, before.number) or changed(node.gradient, before.gradient))
    edges = [pair for box, before in boxes for pair in zip(box.edges, before.edges, strict=True)]
    for edge, was in edges:
        edge.before, edge.phase = was, phase(slope(edge) != slope(was) or changed(edge.flow, was.flow))
    for box in graph.boxes:
        phases = {*(edge.phase for edge in box.edges), *(node.phase for node in box.results)}
        box.phase = "" if "changed" in phases else "same"
    return [counted(nodes, edges)]


def parts(graph: Graph) -> Iterator[Node]:
    """Every value of a graph, those that stand inside boxes too."""
    yield from graph.nodes
    for box in graph.boxes:
        yield from box.held


def phase(has_changed: bool) -> str:
    """What a comparison says of an element."""
    return "changed" if has_changed else "same"


def changed(now: Any, before: Any) -> bool:
    """Whether numbers differ at all; what is not there yet is a state of its own."""
    if now is None or before is None:
        return now is not before
    return not np.array_equal(now, before, equal_nan=True)


def slope(edge: Edge) -> str:
    """The local derivative without its formula, in which names may be others; that of an array is a formula alone."""
    return "" if edge.shapes else edge.local.rpartition(" = ")[2]


def counted(nodes: list[tuple[Node, Node]], edges: list[tuple[Edge, Edge]]) -> str:
    """How much has changed, in a sentence."""
    pairs = {
        "values": [(node.number, before.number) for node, before in nodes],
        "gradients": [(node.gradient, before.gradient) for node, before in nodes],
        "contributions": [(edge.flow, before.flow) for edge, before in edges],
    }
    told = []
    for what, of in pairs.items():
        there = [changed(*pair) for pair in of if any(x is not None for x in pair)]
        told += [f"{sum(there)} of {len(there)} {what}"] * bool(there)
    return f"Changed, from the other run → to this one: {', '.join(told)}."


def how_many(now: Any, before: Any) -> str:
    """Of an array that is told by its extremes, how many of its numbers changed; they may not be among these."""
    if np.size(now) <= FEW or np.shape(before) != np.shape(now):
        return ""
    differ = int(np.sum(~((now == before) | ((now != now) & (before != before)))))  # only nan is not equal to itself
    return f"{differ} of {np.size(now)} changed" if differ else ""


# -- the same computation ----------------------------------------------------------------------------------------------

KINDS = {"parameter": "a parameter", "input": "an input", "constant": "a plain number", "root": "the result"}


def check_alike(node: Node | None, before: Node | None) -> None:
    """Raise ValueError where a value came about in another way."""
    if node is None or before is None:
        extra, where = (node, "here") if node is not None else (before, "there")
        raise differ(f"{called(extra)} is only {where}")
    for (here, text), (there, other) in zip(ways(node), ways(before), strict=True):
        if here != there:
            raise differ(f"{called(node)} is {text} here and {other} there")


def ways(node: Node) -> Iterator[tuple[Any, str]]:
    """What must be the same of a value: what computed it, its shape, the places of its operands; and each in words."""
    kind = f"the result of {node.box.sign}" if node.box else KINDS.get(node.kind, "computed")
    yield kind, kind
    yield type_of(node.number), type_of(node.number) or "a number"
    edges = node.box.edges if node.box else []
    yield [edge.operand.key for edge in edges], f"made of {' and '.join(called(edge.operand) for edge in edges)}"


def results(graph: Graph) -> str:
    """How many results a graph has, in an error."""
    return f"{len(graph.roots)} result{'s' * (len(graph.roots) != 1)}"


def called(node: Node | None) -> str:
    """A value in an error."""
    return "" if node is None else node.name or figure(node.number)


def differ(where: str) -> ValueError:
    """The two graphs are not two runs of one computation."""
    return ValueError(f"compare takes another run of the same computation: {where}.")
