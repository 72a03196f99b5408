"""The picture of a film: laid out once, with room for all that is ever written; a slot for each text that changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ..wording import figure
from .dot import FLOW, INK, LINE, SHAPES, SLOPE, dot_source
from .graph import Graph, Node
from .labels import Table, of_box, of_edge, of_node
from .render import NoPictureError, picture
from .timeline import Timeline, Track

COLORS = {INK: "ink", SLOPE: "slope", FLOW: "flow", LINE: "line"}
TINTS = {shape["fillcolor"].lower(): f"on-{kind}" for kind, shape in SHAPES.items()}
FONT = "Helvetica,Arial,Liberation Sans,Nimbus Sans,DejaVu Sans Condensed,sans-serif"
LETTER, CELL, NARROWEST = 8, 16, 640  # where no program draws: the width of a letter, letters in a column, all of it

# How wide the letters of Helvetica are, in thousandths of their size: those that are in numbers and beside them.
WIDTHS = {" ": 278, "\xa0": 278, ".": 278, ",": 278, "[": 278, "]": 278, "/": 278, "-": 333, "(": 333, ")": 333,
          "r": 333, "t": 278, "f": 278, "i": 222, "+": 584, "=": 584, "<": 584, ">": 584, "—": 1000,
          "…": 1000}  # fmt: skip
WIDTH = 556


class Written(NamedTuple):
    """A text of an element: which it is among them, what it says, how it stands in its cell, and in which line."""

    which: tuple[str, int]
    text: str
    align: str = "left"
    role: str = ""
    line: int = 0


class Slot(NamedTuple):
    """A text of the picture that changes: where it stands, and what it says from how many steps on."""

    element: Element
    history: list[tuple[int, str]]


class Stage:
    """The picture, as elements of SVG at the end of the walk; `complaint` says why it is a table, if it is.

    `groups` are its elements by their keys, `at_work` has the key of the one where each step happens.
    """

    def __init__(self, timeline: Timeline, direction: str) -> None:
        texts = {track.key: [*written(tables)] for track, tables in zip(timeline.tracks, laid_out(timeline.graph))}
        self.complaint = ""
        try:
            self.svg = drawn(timeline.graph, direction)
            self.slots = [*slots(groups(self.svg), timeline.tracks, texts)]
        except NoPictureError as error:
            self.svg, self.complaint = listed(timeline, texts), str(error)
            self.slots = [*slots(groups(self.svg), timeline.tracks, texts)]
        for slot in self.slots:
            slot.element.text = slot.history[-1][1]
        self.groups = groups(self.svg)
        self.at_work = [
            next((key for key in self.places(timeline, key, step) if key in self.groups), "")
            for key, step in zip(timeline.at_work, timeline.steps, strict=True)
        ]

    def places(self, timeline: Timeline, key: str, step: Any) -> Iterator[str]:
        """Where a step may be shown, the best first: where no program draws there are neither edges nor operations."""
        yield key
        yield timeline.key_of.get(id(step.operand), "")
        yield key.replace("operation", "value")


def laid_out(graph: Graph) -> list[Iterable[Table]]:
    """What is written on each element as it is laid out, in the order of the tracks."""
    nodes = sorted(graph.nodes, key=lambda node: node.kind == "constant")
    edges = [edge for box in graph.boxes for edge in box.edges]
    return [*map(of_node, nodes), *map(of_box, graph.boxes), *map(of_edge, edges)]


def written(tables: Iterable[Table]) -> Iterator[Written]:
    """The texts of an element, one after the other."""
    seen: Counter[str] = Counter()
    lines = (row for table in tables for row in table)
    for i, align, content in ((i, *cell) for i, row in enumerate(lines) for cell in row):
        for text in content:
            name = text.place or f"{text.role}: {text.text}"
            if text.text:
                yield Written((name, seen[name]), text.text, align if len(content) == 1 else "left", text.role, i)
            seen[name] += 1


# -- the picture -------------------------------------------------------------------------------------------------------


def drawn(graph: Graph, direction: str) -> Element:
    """The picture of a program, without its names of fonts and spaces, which are long."""
    text = picture(dot_source(graph, direction, wants_legend=False), "svg").decode()
    svg = ElementTree.fromstring(text[text.index("<svg") :])
    for x in svg.iter():
        x.tag = x.tag.rpartition("}")[2]
        for title in [child for child in x if child.tag.endswith("title")]:
            x.remove(title)
        x.attrib.pop("font-family", None)
        x.tail = None
        if x.text and not x.text.strip(" \n"):
            x.text = None
        if x.tag == "text":
            x.set("class", next((name for color, name in COLORS.items() if x.get("fill") == color.lower()), "ink"))
        elif x.get("fill") in TINTS:
            x.set("class", TINTS[x.get("fill", "")])
    svg.set("font-family", FONT)
    return svg


def groups(svg: Element) -> dict[str, Element]:
    """The elements of the picture by their keys."""
    return {x.get("id", ""): x for x in svg.iter("g")}


def slots(found: dict[str, Element], tracks: list[Track], texts: dict[str, list[Written]]) -> Iterator[Slot]:
    """A slot for every text that changes; NoPictureError if what was to be written is not in the picture."""
    for track in tracks:
        places = iter(found[track.key].iter("text") if track.key in found else ())
        elements = {}
        for one in texts[track.key]:
            elements[one.which] = next((x for x in places if same(x.text, one.text)), None)
        if track.key in found and None in elements.values():
            raise NoPictureError(f"The program that draws left out a text of {track.key}.")
        histories = history(track, texts[track.key])
        for one in texts[track.key]:
            element, said = elements[one.which], histories[one.which]
            if element is not None and len(said) > 1:
                kept = anchor(element, one)
                yield Slot(element, [(at, text.replace(" ", "\xa0") if kept else text.strip()) for at, text in said])


def same(found: str | None, text: str) -> bool:
    """Whether a text of the picture is the one that was written."""
    return (found or "").replace("\xa0", " ").strip() == text.replace("\xa0", " ").strip()


def history(track: Track, texts: list[Written]) -> dict[tuple[str, int], list[tuple[int, str]]]:
    """What each text says from how many steps on; nothing while it is not there."""
    found: dict[tuple[str, int], list[tuple[int, str]]] = {one.which: [] for one in texts}
    for position, tables in track.texts:
        now = {one.which: one.text for one in written(tables)}
        for which in [which for which in now if which not in found]:  # ? and grad — stand where a table begins
            first = next((key for key in found if key[0].startswith(f"{which[0]} ")), None)
            if first is not None:
                now[first] = now[which]
        for which, said in found.items():
            text = now.get(which, "")
            if said and said[-1][0] == position:
                said.pop()
            if not said or said[-1][1] != text:
                said.append((position, text))
    return found


def anchor(element: Element, one: Written) -> bool:
    """Hold a text at its middle or its end, so that a shorter one stands where it should; say if it stays as it is."""
    if one.align == "left" or element.get("text-anchor") != "start":
        return "text-anchor" in element.attrib
    size = float(element.get("font-size", "14"))
    wide = sum(WIDTHS.get(c, WIDTH) for c in element.text or "") * size / 1000
    element.set("text-anchor", "end" if one.align == "right" else "middle")
    element.set("x", f"{float(element.get('x', '0')) + (wide if one.align == 'right' else wide / 2):.2f}")
    return False


# -- without a program that draws --------------------------------------------------------------------------------------


def listed(timeline: Timeline, texts: dict[str, list[Written]]) -> Element:
    """The values one below the other, each with how it is computed, as an SVG of our own."""
    svg, y = Element("svg", {"font-family": "monospace", "font-size": "13"}), 8
    actors = [actor for actor in timeline.actors if not actor.hidden]
    first = max([len(actor.node.name) for actor in actors], default=0) + 3
    for actor in actors:
        node, lines = actor.node, lines_of(actor.node, texts[actor.node.key])
        fill, line = SHAPES[node.kind]["fillcolor"], SHAPES[node.kind]["color"]
        group = SubElement(svg, "g", {"id": node.key, "class": f"node {node.kind}"})
        frame = {"x": "4", "y": str(y), "rx": "4", "height": str(18 * len(lines) + 8), "fill": fill, "stroke": line}
        SubElement(group, "rect", frame | {"class": TINTS[fill.lower()]})
        for words in lines:
            y += 18
            for i, one in enumerate(words):
                x = 14 + LETTER * (first + CELL * (i - 1) if i else 0)
                color = SLOPE if "slope" in one.role else LINE if one.role == "sign" else INK
                at = {"x": str(x), "y": str(y - 1), "fill": color, "class": COLORS[color]}
                SubElement(group, "text", at).text = one.text.strip()
        y += 14
    ends = [float(x.get("x", "0")) + LETTER * len(x.text or "") + 20 for x in svg.iter("text")]
    width = max([*ends, NARROWEST])
    for shape in svg.iter("rect"):
        shape.set("width", f"{width - 8:g}")
    svg.attrib |= {"width": f"{width:g}pt", "height": f"{y}pt", "viewBox": f"0 0 {width:g} {y}"}
    return svg


def lines_of(node: Node, texts: list[Written]) -> list[list[Written]]:
    """The texts of a value in lines, with how it is computed; those of a single number stand in one line."""
    edges = node.box.edges if node.box else []
    operands = ", ".join(edge.operand.name or figure(edge.operand.number) for edge in edges)
    made = [Written(("made", 0), f"{node.box.sign} {operands}", role="sign")] if node.box else []
    if not np.ndim(node.number):
        return [texts + made]
    first, *rest = ([one for one in texts if one.line == i] for i in sorted({one.line for one in texts}))
    indent = Written(("indent", 0), "", role="kind")
    return [first + made, *(line if line[0].role.endswith("kind") else [indent, *line] for line in rest)]
