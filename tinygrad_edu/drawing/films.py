"""Films: the forward and the backward pass of a graph, step by step, as a page or as a picture that moves."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..naming import a_loss
from ..wording import FEW, extremes, listed, type_of
from .animated import animated
from .budget import folds
from .dot import LINE, SHAPES
from .drawings import target, write_whole
from .labels import ALL
from .legend import Entry, legend
from .scene import MANY, check_direction, checked, direction_of
from .stage import TINTS, Stage
from .timeline import Actor, Timeline

SUFFIXES = (".html", ".htm", ".svg")
WIDE = 1.8  # times as wide as high: what is beside the picture stands below it
HARMLESS = str.maketrans("<>&", ".:,")  # base 85 for a page: a sixteenth shorter than base 64
KINDS = {"inner": "computed", "root": "the result"}


def film(
    value: Any,
    names: Mapping[str, Any] | None = None,
    direction: str | None = None,
    composites: bool = False,
    seed: Any = None,
    *,
    depth: int | None = None,
    max_nodes: int | None = MANY,
) -> Film:
    """The forward and the backward pass of `value` as a film: a page to step through, to be shown or saved.

    The page needs nothing but a browser: play, pause, steps in both directions, the formula of each step with its
    numbers, and for each value the ledger of its gradient. `value` may be a walk: its film begins where the walk is. No
    gradient is changed, and later changes do not reach the film.

    - `names`, for example `locals()`, names the values without a label.
    - `direction` is LR, TB, RL or BT; LR where there are only single numbers, else TB.
    - `composites=True` draws what is composed of operations, as mean, as one operation of its own name.
    - `seed` is as in `backward`.
    - `depth` is how many levels of layers are opened, 0 for none: a step inside a closed one lights it up.
    - `max_nodes` is how many values are drawn before the graph is folded by itself; None for no limit.

    Raises TypeError for anything but a Value or a walk, GradientError for a constant or for data that was changed
    since, ValueError for an option that does not fit.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.Value(2.0, "a"), tg.Value(-3.0, "b")
    >>> film(a * b + a)
    <film of L, 7 steps: film.save("pass.html") writes the page, "pass.svg" a picture that moves>
    """
    check_direction(direction)
    checked(depth, "depth", 0)
    checked(max_nodes, "max_nodes", 1)
    walk = walk_of(value, names, seed)
    box_of, said = folds([walk.loss], depth, None, max_nodes, composites)
    timeline = Timeline(walk, box_of)
    timeline.graph.said += said
    return Film(timeline, direction or direction_of(timeline.graph))


def walk_of(value: Any, names: Mapping[str, Any] | None, seed: Any) -> Any:
    """The walk that is filmed: that of a result, or the one that was given."""
    import tinygrad_edu as tg

    if not isinstance(value, tg.Walk):
        return tg.walk(a_loss(value, "film"), seed, names)
    if names is not None or seed is not None:
        raise ValueError("A walk has its names and its seed: film(walk) takes none, tg.walk(loss, seed, names) does.")
    return value


class Film:
    """A pass as it was when `film` was called. Jupyter shows its page by itself."""

    def __init__(self, timeline: Timeline, direction: str) -> None:
        self._timeline, self._stage = timeline, Stage(timeline, direction)
        self._texts = [step.text() for step in timeline.steps]
        self._html = page(timeline, self._stage, self._texts)
        self._svg = ""

    def html(self) -> str:
        """The page: one file that needs no other, and no network."""
        return self._html

    def svg(self) -> str:
        """The picture as an SVG that moves by itself, without a script, as for a README."""
        if not self._svg:
            self._svg = animated(self._timeline, self._stage, self._texts)
        return self._svg

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page (.html, .htm) or the picture that moves (.svg), and return where it is.

        Raises ValueError for another suffix, FileNotFoundError for a folder that does not exist, IsADirectoryError for
        the name of a folder.

        >>> import tempfile, tinygrad_edu as tg
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     film(tg.Value(2.0, "x") ** 2).save(Path(folder) / "square.html").name
        'square.html'
        """
        path = target(path, SUFFIXES, "film")
        write_whole(path, self.svg() if path.suffix.lower() == ".svg" else self.html())
        return path

    def _repr_html_(self) -> str:
        """What Jupyter shows: the page in a frame of its own, which may run its script and nothing else."""
        frame = 'sandbox="allow-scripts" width="100%" height="720" style="border: 0"'
        return f'<iframe srcdoc="{escape(self.html())}" title="{escape(str(self))}" {frame}></iframe>'

    def __str__(self) -> str:
        count = len(self._texts)
        files = 'film.save("pass.html") writes the page, "pass.svg" a picture that moves'
        return f"<film of {self._timeline.names.root}, {count} steps: {files}>"

    __repr__ = __str__


# -- the page ----------------------------------------------------------------------------------------------------------


def page(timeline: Timeline, stage: Stage, texts: list[str]) -> str:
    """The page, from its template."""
    template = re.sub(r"\n[ ]+", "\n", Path(__file__).with_name("film.html").read_text("utf-8"))
    script = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)[-1]
    width, height = (float(stage.svg.get(name, "100").removesuffix("pt")) for name in ("width", "height"))
    root = escape(timeline.names.root)
    said = [*timeline.graph.said, *filter(None, [stage.complaint])]
    parts = {
        "script": f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'",
        "title": f"{root}, step by step",
        "about": f"The graph of {root}: each value and how it is computed",
        "shape": "wide" if width > WIDE * height else "tall",
        "width": stage.svg.get("width", ""),
        "svg": inline(stage),
        "said": "".join(f'<p class="hint">{escape(sentence)}</p>' for sentence in said),
        "legend": "".join(f"<li>{sample(*entry)}</li>" for entry in entries(timeline, stage)),
        "reel": packed(reel(timeline, stage, texts)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def entries(timeline: Timeline, stage: Stage) -> list[Entry]:
    """What the shapes, the texts and the outlines of the picture mean."""
    drawn = [] if stage.complaint else [*legend(timeline.graph, ALL), *legend(timeline.start, ALL)]
    return [*dict.fromkeys([*drawn, ("current", "taken last"), ("waiting", "still to come"), ("chosen", "chosen")])]


def sample(kind: str, words: str) -> str:
    """A small shape that looks like those in the picture, with what it means; or a text as it stands on edges."""
    if kind not in (*SHAPES, "current", "waiting", "chosen"):
        return f'<span class="{kind}">{escape(words)}</span>'
    shape = SHAPES.get(kind, {"style": "", "fillcolor": "none", "color": LINE})
    looks = {
        "class": f"{TINTS.get(shape['fillcolor'].lower(), '')} {kind}",
        "fill": shape["fillcolor"],
        "stroke": shape["color"],
    }
    box = {"x": "1.5", "y": "1.5", "width": "25", "height": "13", "rx": "4" if "rounded" in shape["style"] else "0"}
    if shape.get("shape") == "ellipse":
        mark = tag("ellipse", looks | {"cx": "14", "cy": "8", "rx": "10", "ry": "6.5"})
    else:
        mark = tag("rect", looks | box | ({"stroke-dasharray": "4 3"} if "dashed" in shape["style"] else {}))
    if kind == "root":
        mark += tag(
            "rect", {"x": "4", "y": "4", "width": "20", "height": "8", "fill": "none", "stroke": shape["color"]}
        )
    return f'<svg viewBox="0 0 28 16" aria-hidden="true">{mark}</svg>{escape(words)}'


def tag(name: str, attributes: Mapping[str, str]) -> str:
    """An element without content."""
    return ElementTree.tostring(ElementTree.Element(name, dict(attributes)), encoding="unicode")


def inline(stage: Stage) -> str:
    """The picture as it stands in a page: its elements and its slots have names that the script knows."""
    for i, slot in enumerate(stage.slots):
        slot.element.set("data-slot", str(i))
    svg = ElementTree.fromstring(ElementTree.tostring(stage.svg))
    for slot in stage.slots:
        del slot.element.attrib["data-slot"]
    for group in svg.iter("g"):
        if "id" in group.attrib:
            group.set("data-key", group.attrib.pop("id"))
    for x in svg.iter("text"):
        x.attrib.pop("fill", None)
    for name in ("width", "height"):
        svg.attrib.pop(name, None)
    return ElementTree.tostring(svg, encoding="unicode")


def reel(timeline: Timeline, stage: Stage, texts: list[str]) -> dict[str, Any]:
    """All that the page shows, by steps."""
    places = {id(actor.thing): i for i, actor in enumerate(timeline.actors)}
    steps = [
        {
            "kind": step.kind, "text": text, "element": key, "about": places.get(id(step.operand)),
            "from": timeline.names.of(step.node), "words": step.words, "shapes": step.shapes.replace("->", "→"),
            **{part: step.mathml(part) for part in ("left", "equal", "sofar")},
        }
        for step, text, key in zip(timeline.steps, texts, stage.at_work, strict=True)
    ]  # fmt: skip
    known = {actor.node.key: actor.computed for actor in timeline.actors}  # and an edge waits for its last step
    known |= {key: i + 1 for i, key in enumerate(stage.at_work) if key.startswith("edge")}
    waiting = {track.key: track.until for track in timeline.tracks if track.until != known.get(track.key, 0)}
    slots = [slot.history for slot in stage.slots]
    nodes, start = columns([*map(about, timeline.actors)]), timeline.walk.position
    return {"steps": columns(steps), "nodes": nodes, "slots": slots, "until": waiting, "start": start}


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """A table by columns, which takes less room once it is compressed."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def about(actor: Actor) -> dict[str, Any]:
    """What the ledger tells of a value."""
    node, (_, before) = actor.node, actor.gradients[0]
    reason = "none: it is constant" if node.constant else "none: no path" if node.state == "no path" else ""
    return {
        "key": node.key,
        "name": node.name,
        "kind": KINDS.get(node.kind, node.kind),
        "value": in_words(node.number),
        "computed": actor.computed,
        "gradients": [[at, None if x is None else in_words(x, brief=True)] for at, x in actor.gradients],
        "before": "" if before is None else in_words(before, brief=True),
        "arrivals": actor.arrivals,
        "reason": reason,
    }


def in_words(x: Any, brief: bool = False) -> str:
    """A number, the numbers of a small array, or what there is to tell of a large one."""
    text = listed(x) if np.size(x) <= FEW else ", ".join(f"{name} {number}" for name, number in extremes(x).items())
    return text if brief else f"{type_of(x)} {text}".strip()


def packed(data: Any) -> str:
    """Data as text that can stand in a page whatever is in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode().translate(HARMLESS)
