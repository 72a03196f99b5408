"""The picture of a film as an SVG that moves by itself: what holds for some of the time stands there with a class."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .dot import CURRENT, LINE
from .stage import Stage
from .timeline import Timeline, Track

PACE, SHORTEST, LONGEST = 1.4, 0.3, 150.0  # seconds for a step, for one of very many, and for all of them
HOLD = 3  # steps that the end stays longer than others
SHAPES = ("path", "polygon", "ellipse", "polyline", "rect")
CAPTION, LETTER = 15.0, 0.6  # the size of the line below, and the width of a letter in it

Interval = tuple[int, int]  # from a position on, until before another


class Clock:
    """The positions of a walk as times, and the rules of style for what is there only for a while."""

    def __init__(self, count: int) -> None:
        self.end = count + 1 + HOLD
        self.seconds = self.end * max(SHORTEST, min(PACE, LONGEST / self.end))
        self.rules: dict[str, str] = {}

    def at(self, position: int) -> str:
        """A position as a part of the whole time."""
        return f"{100 * position / self.end:.2f}".rstrip("0").rstrip(".") + "%"

    def during(self, element: Element, since: int, until: int) -> Element:
        """Show an element for an interval only; where nothing moves, only if that reaches to the end."""
        if since or until < self.end:
            name = f"i{since}-{until}"
            frames = [*([(0, 0)] if since else []), (since, 1), *([(until, 0)] if until < self.end else [])]
            self.rules[name] = "".join(f"{self.at(position)}{{opacity:{how}}}" for position, how in frames)
            element.set("class", f"{name} off" if until < self.end else name)
        return element

    def waiting(self, element: Element, until: int) -> None:
        """Draw a shape as one that waits, until a position."""
        name = f"w{until}"
        still, done = "stroke-dasharray:4 3;fill-opacity:.55", "stroke-dasharray:none;fill-opacity:1"
        self.rules[name] = f"0%{{{still}}}{self.at(until)}{{{done}}}"
        element.set("class", name)

    def style(self) -> str:
        """All rules; those who want no motion see the end."""
        frames = "".join(f"@keyframes {name}{{{frames}}}" for name, frames in self.rules.items())
        names = "".join(f".{name}{{animation:{name} {self.seconds:g}s step-end infinite}}" for name in self.rules)
        return f".off{{opacity:0}}@media (prefers-reduced-motion:no-preference){{{names}}}{frames}"


def animated(timeline: Timeline, stage: Stage, words: list[str]) -> str:
    """The whole SVG: each state of each text, each outline, and a line below with the step in words."""
    clock, svg = Clock(len(words)), copy.deepcopy(stage.svg)
    twin = dict(zip(stage.svg.iter(), svg.iter(), strict=True))
    parent = {child: x for x in svg.iter() for child in x}
    for slot in stage.slots:
        text = twin[slot.element]
        home = parent[text]
        where = [*home].index(text)
        home.remove(text)
        for one in states(text, slot.history, clock):
            home.insert(where, one)
    groups = {x.get("id"): x for x in svg.iter("g")}
    for track in timeline.tracks:
        if track.key in groups:
            outline(groups[track.key], track, clock)
            busy(groups[track.key], track.key, [i for i, key in enumerate(stage.at_work, 1) if key == track.key], clock)
    for group in svg.iter("g"):
        group.attrib.pop("id", None)
        group.attrib.pop("class", None)
    below(svg, words, clock)
    title = f"{timeline.names.root}, step by step"
    svg.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": title}
    style = Element("style")
    style.text = clock.style()
    svg.insert(0, style)
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def states(text: Element, history: list[tuple[int, str]], clock: Clock) -> Iterator[Element]:
    """A text in each of its states."""
    for (since, said), (until, _) in zip(history, [*history[1:], (clock.end, "")], strict=True):
        if said:
            one = Element("text", {name: x for name, x in text.attrib.items() if name != "class"})
            one.text = said
            yield clock.during(one, since, until)


def outline(group: Element, track: Track, clock: Clock) -> None:
    """How an element looks while it waits."""
    for x in group:
        if x.tag in SHAPES:
            x.attrib.pop("class", None)
            if track.until and not filled(track.key, x):
                clock.waiting(x, track.until)


def busy(group: Element, key: str, positions: list[int], clock: Clock) -> None:
    """How an element looks while it is at work: its outline, or the whole edge, stands out."""
    shapes = [x for x in group if x.tag in SHAPES]
    marks = shapes if key.startswith("edge") else shapes[:1]
    for position, mark in ((position, mark) for position in positions for mark in marks):
        look = {"fill": CURRENT} if filled(key, mark) else {"fill": "none", "stroke-width": "3"}
        attributes = {name: x for name, x in mark.attrib.items() if name != "class"}
        clock.during(SubElement(group, mark.tag, attributes | look | {"stroke": CURRENT}), position, position + 1)


def filled(key: str, shape: Element) -> bool:
    """Whether a shape is the tip of an edge, or one that tapers."""
    return key.startswith("edge") and shape.tag == "polygon"


def below(svg: Element, words: list[str], clock: Clock) -> None:
    """The line below: which step it is."""
    left, top, width, height = map(float, svg.get("viewBox", "0 0 0 0").split())
    svg.set("viewBox", f"{left:g} {top:g} {width:g} {height + 2.4 * CAPTION:g}")
    scale = float(svg.get("height", "0").removesuffix("pt")) / height
    svg.set("height", f"{(height + 2.4 * CAPTION) * scale:.0f}pt")
    for position, said in enumerate(["the beginning", *words]):
        fits = width / max(LETTER * CAPTION * (len(said) + 8), 1)
        size = f"{CAPTION * min(max(fits, 0.6), 1):.4g}"
        room = int((width - 20) / (LETTER * float(size))) - 8
        said = said if len(said) <= room else said[: max(room - 1, 8)] + "…"
        at = {"x": f"{left + 10:g}", "y": f"{top + height + 1.4 * CAPTION:g}"}
        text = Element("text", at | {"font-size": size, "fill": LINE})
        text.text = f"{position}/{len(words)}  {said}".replace("  ", "\xa0 ")
        svg.append(clock.during(text, position, position + 1 if position < len(words) else clock.end))
