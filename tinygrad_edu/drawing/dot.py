"""The graph in DOT, the language of Graphviz: values are boxes with rows of text, operations circles between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import pairwise

import graphviz

from ..recording import Scope
from ..wording import printable
from .graph import Box, Edge, Graph, Node
from .labels import ALL, Cell, Show, Table, Text, line, of_box, of_edge, of_node
from .legend import caption, legend, shape_of
from .wires import named_wires

INK, FAINT, SLOPE, LINE = "#1A1A1A", "#595959", "#A33B00", "#767676"
FLOW, CURRENT = "#C85000", "#D55E00"

# Tints of the Okabe-Ito palette, which the colour-blind tell apart; the shapes say the same in black and white.
# Outlines, edges and what stands on them show on a white page as well as on a black one; other text stands on a tint.
# fmt: off
SHAPES = {
    "parameter": {"style": "filled,rounded",        "fillcolor": "#FDEFD0", "color": "#C98500", "penwidth": "2"},
    "input":     {"style": "filled",                "fillcolor": "#DDF0FC", "color": "#3C8DC0", "shape": "note"},
    "constant":  {"style": "filled,rounded,dashed", "fillcolor": "#F1F1F1", "color": LINE},
    "inner":     {"style": "filled",                "fillcolor": "#FFFFFF", "color": LINE},
    "root":      {"style": "filled",                "fillcolor": "#D8F2E8", "color": "#009E73", "peripheries": "2"},
    "beyond":    {"style": "", "fillcolor": "transparent", "color": LINE, "shape": "plaintext", "margin": "0.02"},
    "operation": {"style": "filled",                "fillcolor": "#E3E3E3", "color": LINE,      "shape": "ellipse",
                  "margin": "0.04,0.02", "width": "0.34", "height": "0.34"},
    "folded":    {"style": "filled",                "fillcolor": "#E9E2F3", "color": "#7A5AA6", "shape": "box3d",
                  "margin": "0.2,0.1"},
}
ROLES = {  # size, colour, bold
    "name": (12, INK, True), "kind": (10, FAINT, False), "slope kind": (10, SLOPE, False), "sign": (14, INK, False),
    "value": (18, INK, False), "number": (14, INK, False), "figure": (13, INK, False), "legend": (10, INK, False),
    "slope figure": (13, SLOPE, False), "slope": (12, SLOPE, False), "passes": (10, SLOPE, False),
    "layer": (12, LINE, True), "wire": (12, LINE, True), "said": (11, LINE, False), "waiting": (10, LINE, False),
    "local": (10, LINE, False), "shapes": (9, LINE, False), "stretched": (9, LINE, True),
    "flow": (10, FLOW, False), "current": (10, FLOW, True), "changed": (10, FLOW, True), "same": (10, LINE, False),
}
TEXT = {"fontname": "Arial", "fontsize": "12", "fontcolor": INK}
BOX =  {"shape": "box", "margin": "0.14,0.04", "width": "0.5", "height": "0"}
EDGE = {"fontsize": "10", "fontcolor": LINE, "color": LINE, "arrowsize": "0.6", "labeldistance": "1.6"}
PAGE = {"fontname": "Arial", "bgcolor": "transparent", "pad": "0.1", "nodesep": "0.2", "ranksep": "0.3"}  # inches
GAP = "\u00a0" * 5
WIRE = {"shape": "plaintext", "margin": "0.02"}
LAYER = {"color": LINE, "style": "rounded", "fontsize": "12", "fontcolor": LINE, "labelloc": "t",
         "labeljust": "l", "margin": "10"}
# fmt: on
TABLE, TIGHT = (f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="{padding}">' for padding in (3, 1))


def dot_source(graph: Graph, direction: str, show: Show = ALL, wants_legend: bool = True) -> str:
    """The DOT text; the same graph gives the same text."""
    dot = graphviz.Digraph("Computation graph", graph_attr=PAGE, node_attr=TEXT | BOX, edge_attr=TEXT | EDGE)
    dot.attr("graph", rankdir=direction, **below(graph, show, wants_legend))
    clusters: dict[tuple[Scope, ...], graphviz.Digraph] = {(): dot}
    for element in in_order(graph):
        told = of_node(element, show) if isinstance(element, Node) else of_box(element, show)
        looks = SHAPES[shape_of(element)] | marked(element)
        cluster(clusters, (*element.layers,)).node(element.key, html(told), **looks)
    for row in graph.rows:  # dot knows no order of operands inside a frame
        with cluster(clusters, (*row[0].layers,)).subgraph() as side:
            side.attr(rank="same")
            for node, other in pairwise(row[::-1] if direction in ("LR", "RL") else row):  # there it counts from below
                side.edge(node.key, other.key, style="invis")
    wires = named_wires(graph)
    for i, (to, edge) in enumerate((box, edge) for box in graph.boxes for edge in box.edges):
        begin, weight = edge.operand.key, "8" if edge.operand.box else "1"
        if edge in wires:
            begin = f"wire{i}"
            cluster(clusters, (*to.layers,)).node(begin, html([line(Text(edge.operand.name, "wire"))]), **WIRE)
        label = html(of_edge(edge, show), TIGHT)
        more = ({"label": label} if label else {}) | numeral(edge.place, direction) | traced(edge)
        dot.edge(begin, to.key, id=f"edge{i}", weight=weight, **more)
    for box in graph.boxes:
        for node in box.results:
            dot.edge(box.key, node.key, arrowhead="none", weight="8")  # a heavy edge is drawn straight
    for i, (node, other, words) in enumerate(graph.links):
        label = html([line(Text(words, "shapes"))] if words else [], TIGHT)
        dot.edge(node.key, other.key, id=f"link{i}", label=label, style="dashed", arrowhead="none", constraint="false")
    for layers, part in reversed(clusters.items()):
        if layers:
            clusters[layers[:-1]].subgraph(part)
    return str(dot.source)


def below(graph: Graph, show: Show, wants_legend: bool) -> dict[str, str]:
    """What is said under the drawing, as its label."""
    if not wants_legend:
        return {}
    rows: list[str] = [text(Text(said, "said")) for said in caption(graph)]
    entries = legend(graph, show)
    if boxes := "".join(f"<TD>{sample(*entry)}</TD>" for entry in entries if entry[0] in SHAPES):
        rows.append(f'<TABLE BORDER="0" CELLSPACING="6" CELLPADDING="0" ALIGN="LEFT"><TR>{boxes}</TR></TABLE>')
    if texts := [text(Text(words, kind)) for kind, words in entries if kind not in SHAPES]:
        rows.append(text(Text(GAP, "legend")).join(texts))
    lines = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows)
    return {"label": f"<{TABLE}{lines}</TABLE>>", "labelloc": "b", "labeljust": "l"} if rows else {}


def sample(kind: str, words: str) -> str:
    """A small box that looks like those in the drawing, with what they are."""
    shape = SHAPES[kind]
    dashed, round_too = "dashed" in shape["style"], "rounded" in shape["style"] or shape.get("shape") == "ellipse"
    style = ",".join(["ROUNDED"] * round_too + ["DASHED"] * dashed) or "SOLID"
    inner = framed(text(Text(words, "legend")), shape, BGCOLOR=shape["fillcolor"], STYLE=style)
    return framed(inner, shape, CELLPADDING="2") if kind == "root" else inner


def framed(content: str, shape: Mapping[str, str], **more: str) -> str:
    """A table of one cell with the outline of a shape."""
    frame = {"BORDER": shape.get("penwidth", "1"), "COLOR": shape["color"], "CELLBORDER": "0", "CELLSPACING": "0"}
    attributes = "".join(f' {name}="{value}"' for name, value in (frame | {"CELLPADDING": "3"} | more).items())
    return f"<TABLE{attributes}><TR><TD>{content}</TD></TR></TABLE>"


def in_order(graph: Graph) -> Iterable[Node | Box]:
    """The values, each box before the first value that it computes."""
    told = set()
    for node in graph.nodes:
        if node.box is not None and node.box not in told:
            told.add(node.box)
            yield node.box
        yield node


def cluster(clusters: dict[tuple[Scope, ...], graphviz.Digraph], layers: tuple[Scope, ...]) -> graphviz.Digraph:
    """The frame of the innermost of some layers, made with those around it where there is none yet."""
    if layers not in clusters:
        cluster(clusters, layers[:-1])
        made = graphviz.Digraph(f"cluster{len(clusters)}")
        made.attr("graph", label=html([[[("center", [Text(printable(layers[-1].name), "layer")])]]]), **LAYER)
        clusters[layers] = made
    return clusters[layers]


def marked(element: Node | Box) -> dict[str, str]:
    """What a walk, or a comparison, says of an element: an identity for scripts, a class, an outline."""
    found = {"ordering": "in"} if isinstance(element, Box) and any(edge.place for edge in element.edges) else {}
    found |= {"id": element.key, "class": " ".join(filter(None, [element.kind, element.phase]))}
    if element.phase == "current":
        found |= {"color": CURRENT, "penwidth": "3"}
    elif element.phase == "waiting":
        found |= {"style": "filled,dashed", "fillcolor": "#FFFFFF", "color": "#A0A0A0"}
    elif element.phase == "changed":
        found |= {"color": CURRENT, "penwidth": "3.5"}
    elif element.phase == "same":
        found |= {"color": "#9A9A9A", "penwidth": "0.8", "fillcolor": "#F4F4F4"}
    return found


def traced(edge: Edge) -> dict[str, str]:
    """The same of an edge; one that stretches its operand is drawn twice as wide where it begins."""
    found = {"class": edge.phase} if edge.phase else {}
    if edge.phase == "current":
        found |= {"color": CURRENT, "penwidth": "3"}
    elif edge.phase == "waiting":
        found |= {"style": "dashed", "color": "#A0A0A0"}
    elif edge.stretched > 1:
        found |= {"style": "tapered", "penwidth": "5", "dir": "forward", "arrowtail": "none"}
    if edge.phase == "changed":
        found |= {"color": CURRENT, "penwidth": found.get("penwidth", "2.5")}
    return found


def numeral(place: str, direction: str) -> dict[str, str]:
    """The place of an operand beside its arrow: where labels stand beside an edge, on the other side of it."""
    above = place == "1st" and direction in ("LR", "RL")
    return {"headlabel": place, "labelangle": "-25" if above else "25"} if place else {}


def html(tables: Iterable[Table], start: str = TABLE) -> str:
    """A label of Graphviz: tables one under the other, one of a single line as a line."""
    rows = [lines(table) if len(table) == 1 else f"<TR><TD>{TABLE}{lines(table)}</TABLE></TD></TR>" for table in tables]
    return f"<{start}{''.join(rows)}</TABLE>>" if rows else ""


def lines(table: Table) -> str:
    """The lines of a table."""
    return "".join(f"<TR>{''.join(map(cell, row))}</TR>" for row in table)


def cell(one: Cell) -> str:
    """One cell of a line."""
    align, content = one
    return f'<TD ALIGN="{align.upper()}">{"".join(map(text, content))}</TD>'


def text(x: Text) -> str:
    """Text that stays text: no markup, and no escape of Graphviz, to which a backslash with N is the node's name."""
    size, color, bold = ROLES.get("flow" if x.place == "flow" else x.role, (12, LINE, True))
    content = escape(x.text).replace("\\", "\\\\").replace("  ", "\u00a0\u00a0")  # which no viewer leaves out
    content = f"<B>{content}</B>" if bold and content else content
    return f'<FONT POINT-SIZE="{size}" COLOR="{color}">{content}</FONT>' if content else ""
