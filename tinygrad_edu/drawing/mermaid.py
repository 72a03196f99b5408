"""The graph in Mermaid, which GitHub and many notebooks draw from text, with no program at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from operator import itemgetter

from ..recording import Scope
from ..wording import printable
from .dot import CURRENT, INK, LINE, SHAPES as LOOKS
from .graph import Box, Edge, Graph, Node
from .labels import Show, Table, of_box, of_edge, of_node
from .legend import caption, shape_of

WIDE = '%%{init: {"flowchart": {"wrappingWidth": 600}}}%%'  # no line of ours is broken
CIRCLE = 3  # characters of a sign that a circle goes round

# The shapes and colours of the other pictures, as far as Mermaid has them; what is not a tint shows on black and white.
SHAPES = {
    "parameter": "({})", "input": "[/{}/]", "constant": "({})", "inner": "[{}]", "root": "[[{}]]", "beyond": "[{}]",
    "sign": "(({}))", "operation": "([{}])", "folded": "{{{{{}}}}}",
}  # fmt: skip
OTHERS = {  # what no shape of the other pictures says
    "beyond": f"fill:none,stroke:none,color:{LINE}", "said": f"fill:none,stroke:none,color:{LINE}",
    "layer": f"fill:none,stroke:{LINE},color:{LINE}", "waiting": f"fill:none,stroke-dasharray:5 3,color:{LINE}",
    "changed": f"stroke:{CURRENT},stroke-width:3px", "current": f"stroke:{CURRENT},stroke-width:3px",
}  # fmt: skip


def looks(shape: dict[str, str]) -> str:
    """The colours and the outline of a shape of the other pictures."""
    width = f",stroke-width:{shape['penwidth']}px" if "penwidth" in shape else ""
    dashes = ",stroke-dasharray:5 3" if "dashed" in shape["style"] else ""
    return f"fill:{shape['fillcolor']},stroke:{shape['color']}{width}{dashes},color:{INK}"


CLASSES = {"result" if kind == "root" else kind: looks(shape) for kind, shape in LOOKS.items()} | OTHERS
ARROWS = {"waiting": "-.->", "current": "==>", "changed": "==>"}


def mermaid_source(graph: Graph, direction: str, show: Show) -> str:
    """The Mermaid text; the same graph gives the same text."""
    members: dict[str, list[str]] = {}
    lines = [WIDE, f"flowchart {direction}", *elements(graph, show, members)]
    for box in graph.boxes:
        lines += [arrow(edge, box, show) for edge in box.edges]
        lines += [f"{box.key} --- {node.key}" for node in box.results]
    for node, other, words in graph.links:
        lines.append(f"{node.key} -.-{label([escaped(words)])} {other.key}")
    for name, keys in filter(itemgetter(1), members.items()):
        lines += [f"classDef {name} {CLASSES[name]}", f"class {','.join(keys)} {name}"]
    return "\n".join([*lines[:2], *("  " + line for line in lines[2:])]) + "\n"


def elements(graph: Graph, show: Show, members: dict[str, list[str]]) -> Iterator[str]:
    """The lines of the values and the boxes, those of a layer in its frame; notes who is of which class."""
    frames: dict[tuple[Scope, ...], list[str]] = {(): []}
    for node in graph.nodes:
        frame(frames, (*node.layers,)).append(f"{node.key}{SHAPES[node.kind].format(quoted(of_node(node, show)))}")
        note(members, "result" if node.kind == "root" else node.kind, node)  # Mermaid has a class root of its own
    for box in graph.boxes:
        kind = shape_of(box)
        shape = "sign" if kind == "operation" and len(box.sign) <= CIRCLE else kind
        frame(frames, (*box.layers,)).append(f"{box.key}{SHAPES[shape].format(quoted(of_box(box, show)))}")
        note(members, kind, box)
    members["layer"] = [f"layer{i}" for i in range(1, len(frames))]
    yield from within((), frames)
    if told := "<br/>".join(map(escaped, caption(graph))):
        yield f'said["{told}"]'
        members["said"] = ["said"]


def within(layers: tuple[Scope, ...], frames: dict[tuple[Scope, ...], list[str]]) -> Iterator[str]:
    """What lies in the innermost of some layers, with the layers in it."""
    yield from frames[layers]
    for i, inner in enumerate(frames):
        if inner and inner[:-1] == layers:
            yield f'subgraph layer{i} ["{escaped(printable(inner[-1].name))}"]'
            yield from (f"  {line}" for line in within(inner, frames))
            yield "end"


def frame(frames: dict[tuple[Scope, ...], list[str]], layers: tuple[Scope, ...]) -> list[str]:
    """The lines inside the innermost of some layers."""
    if layers not in frames:
        frame(frames, layers[:-1])
        frames[layers] = []
    return frames[layers]


def note(members: dict[str, list[str]], kind: str, element: Node | Box) -> None:
    """Put an element into the class of its kind, and of its phase in a walk."""
    for name in (kind, element.phase):
        if name in CLASSES:
            members.setdefault(name, []).append(element.key)


def arrow(edge: Edge, box: Box, show: Show) -> str:
    """An edge into a box: its place among the operands, where that matters, and what is written on it."""
    written = label([escaped(edge.place), *rows(of_edge(edge, show))])
    return f"{edge.operand.key} {ARROWS.get(edge.phase, '-->')}{written} {box.key}"


def label(lines: Iterable[str]) -> str:
    """What is written on an edge, if anything is."""
    written = "<br/>".join(filter(None, lines))
    return f'|"{written}"|' if written else ""


def quoted(tables: Iterable[Table]) -> str:
    """A label."""
    return f'"{"<br/>".join(rows(tables))}"'


def rows(tables: Iterable[Table]) -> Iterator[str]:
    """The lines of some tables; what stands under a heading is told with it, as there are no columns."""
    for table in tables:
        lines = [[" ".join(text.text.strip() for text in texts).strip() for _, texts in line] for line in table]
        heading = lines.pop(0)[1:] if len(lines) > 1 and not lines[0][0] else None
        for first, *cells in lines:
            told = [f"{name} {cell}" for name, cell in zip(heading, cells)] if heading else cells
            yield escaped(" ".join([first, ", ".join(told) if heading else "  ".join(told)]).strip())


def escaped(line: str) -> str:
    """A line that stays text: what could mean something to Mermaid, to HTML or to Markdown is a number, or is parted.

    A joiner without width keeps a line from being a list or a heading, and what the numbers stand for from being an
    escape, an icon, a formula or one of Mermaid's own marks, for which it looks later.
    """
    parted = re.sub(r"(?<=[\\:$ﬂ¶])|^(?=\W|\d+[.)])", "\u2060", line)
    return re.sub(r"[!-'*:-<?\\^`{-\x7f]|\b_|_\b|@(?=\w)|(?<! -)>", lambda found: f"#{ord(found[0])};", parted)
