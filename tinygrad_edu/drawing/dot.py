"""The graph in DOT, the language of Graphviz: values are boxes with rows of text, operations circles between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

import graphviz
import numpy as np

from .graph import Node
from ..wording import FEW, extremes, figure, listed, type_of

INK, FAINT, SLOPE, LINE = "#1A1A1A", "#595959", "#A33B00", "#767676"

# Tints of the Okabe-Ito palette, which the colour-blind tell apart; the shapes say the same in black and white.
# Outlines, edges and numerals show on a white page as well as on a black one; all other text stands on a tint.
# fmt: off
SHAPES = {
    "parameter": {"style": "filled,rounded",        "fillcolor": "#FDEFD0", "color": "#C98500", "penwidth": "2"},
    "input":     {"style": "filled",                "fillcolor": "#DDF0FC", "color": "#3C8DC0", "shape": "note"},
    "constant":  {"style": "filled,rounded,dashed", "fillcolor": "#F1F1F1", "color": LINE},
    "inner":     {"style": "filled",                "fillcolor": "#FFFFFF", "color": LINE},
    "root":      {"style": "filled",                "fillcolor": "#D8F2E8", "color": "#009E73", "peripheries": "2"},
    "operation": {"style": "filled",                "fillcolor": "#E3E3E3", "color": LINE,      "shape": "ellipse",
                  "margin": "0.04,0.02", "width": "0.34", "height": "0.34", "ordering": "in"},
}
TEXT = {"fontname": "Helvetica", "fontsize": "12", "fontcolor": INK}
BOX =  {"shape": "box", "margin": "0.14,0.04", "width": "0.5", "height": "0"}
EDGE = {"fontsize": "10", "fontcolor": LINE, "color": LINE, "arrowsize": "0.6", "labeldistance": "1.6"}
PAGE = {"bgcolor": "transparent", "pad": "0.1", "nodesep": "0.2", "ranksep": "0.3"}  # inches
# fmt: on


def dot_source(nodes: list[Node], direction: str) -> str:
    """The DOT text; the same graph gives the same text."""
    dot = graphviz.Digraph("Computation graph", graph_attr=PAGE, node_attr=TEXT | BOX, edge_attr=TEXT | EDGE)
    dot.attr("graph", rankdir=direction)
    names = {node: f"value{i}" for i, node in enumerate(nodes)}
    for i, node in enumerate(nodes):
        dot.node(names[node], f"<{table(map(cell, rows(node)))}>", **SHAPES[node.kind])
        if node.operands:
            operation = f"operation{i}"
            dot.node(operation, f"<{text(node.operation, 14)}>", **SHAPES["operation"])
            for place, operand in node.operands:
                dot.edge(names[operand], operation, **numeral(place), weight="8" if operand.operands else "1")
            dot.edge(operation, names[node], arrowhead="none", weight="8")  # a heavy edge is drawn straight
    return str(dot.source)


def numeral(place: str) -> dict[str, str]:
    """The place of an operand beside its arrow: the first above it, the others below."""
    return {"headlabel": place, "labelangle": "-25" if place == "1" else "25"} if place else {}


def rows(node: Node) -> Iterator[str]:
    """What stands in a box: name, value, gradient. One that has not arrived is not 0; a constant waits for none."""
    kind = type_of(node.number)
    if node.name or kind:
        yield text(node.name, bold=True) + text(kind and f"  {kind}", 10, FAINT)
    if kind:
        yield table([*heading(node.number), *figures("value", node.number), *figures("grad", node.gradient, SLOPE)])
    else:
        yield text(figure(node.number), 18 if node.name else 14)
    if node.constant:
        yield text("constant", 10, FAINT)
    elif node.gradient is None:
        yield text("no path" if node.state == "no path" else "grad —", color=SLOPE)
    elif not kind:
        yield text(f"grad {figure(node.gradient)}{passes(node)}", color=SLOPE)
    elif passes(node):
        yield text(passes(node).strip(), 10, SLOPE)


def passes(node: Node) -> str:
    """How many times what one pass gives a gradient is, if it is more than once."""
    return f" ({node.passes} × one pass)" if node.passes and node.passes > 1 else ""


def heading(x: Any) -> Iterator[str]:
    """The names of the columns, where an array is too large to be shown but by its extremes."""
    if np.size(x) > FEW:
        yield "".join(cell(text(f"  {name}", 10, FAINT), "RIGHT") for name in ["", *extremes(x)])


def figures(name: str, x: Any, color: str = INK) -> Iterator[str]:
    """Rows of cells, with a name before the first."""
    for i, row in enumerate([] if x is None else grid(x)):
        first = cell(text("" if i else name, 10, FAINT if color == INK else color), "LEFT")
        yield first + "".join(cell(text(f"  {number}", 13, color), "RIGHT") for number in row)


def grid(x: Any) -> list[list[str]]:
    """The numbers of a small array as they stand in rows, otherwise its extremes."""
    if np.size(x) > FEW:
        return [list(extremes(x).values())]
    if not np.size(x) or np.ndim(x) > 2:
        return [[listed(x)]]
    return [[figure(number) for number in row] for row in np.atleast_2d(x).tolist()]


def table(lines: Iterable[str]) -> str:
    """Lines of cells, without any rules."""
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{"".join(f"<TR>{line}</TR>" for line in lines)}</TABLE>'


def cell(content: str, align: str = "CENTER") -> str:
    """One cell of a line."""
    return f'<TD ALIGN="{align}">{content}</TD>'


def text(content: str, size: int = 12, color: str = INK, bold: bool = False) -> str:
    """Text that stays text: no markup, and no escape of Graphviz, to which a backslash with N is the node's name."""
    content = escape(content).replace("\\", "\\\\")
    content = f"<B>{content}</B>" if bold and content else content
    return f'<FONT POINT-SIZE="{size}" COLOR="{color}">{content}</FONT>' if content else ""
