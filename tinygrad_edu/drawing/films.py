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

from ..folding import composite_of
from ..naming import a_loss
from ..value import Value
from ..wording import FEW, extremes, listed, type_of
from .animated import animated
from .drawings import target, write_whole
from .stage import Stage
from .timeline import Actor, Timeline

DIRECTIONS = ("LR", "TB", "RL", "BT")
SUFFIXES = (".html", ".htm", ".svg")
WIDE = 1.8  # times as wide as high: what is beside the picture stands below it
KINDS = {"inner": "computed", "root": "the result"}


def film(
    value: Value,
    names: Mapping[str, Any] | None = None,
    direction: str | None = None,
    composites: bool = False,
    seed: Any = None,
) -> Film:
    """The forward and the backward pass of `value` as a film: a page to step through, to be shown or saved.

    The page needs nothing but a browser: play, pause, steps in both directions, the formula of each step with its
    numbers, and for each value the ledger of its gradient. `names`, for example `locals()`, names the values without a
    label; `direction` is LR, TB, RL or BT, by itself LR where there are only single numbers, else TB; with
    `composites=True` what is composed of operations, as mean, is one operation of its own name; `seed` is as in
    `backward`. No gradient is changed, and later changes do not reach the film. Raises TypeError for anything but a
    Value, GradientError for a constant or for data that was changed since.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> film(a * b + a)
    <film of L, 7 steps: film.save("pass.html") writes the page, "pass.svg" a picture that moves>
    """
    import tinygrad_edu as tg

    a_loss(value, "film")
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r}.")
    walk = tg.walk(value, seed, names)
    timeline = Timeline(walk, composite_of if composites else lambda value: None)
    arrays = any(actor.thing.shape for actor in timeline.actors)
    return Film(timeline, direction or ("TB" if arrays else "LR"))


class Film:
    """A pass as it was when `film` was called. Jupyter shows its page by itself."""

    def __init__(self, timeline: Timeline, direction: str) -> None:
        self._root, self._stage = timeline.names.root, Stage(timeline, direction)
        self._texts = [step.text() for step in timeline.steps]
        self._html = page(timeline, self._stage, self._texts)
        self._svg = animated(timeline, self._stage, self._texts)

    def html(self) -> str:
        """The page: one file that needs no other, and no network."""
        return self._html

    def svg(self) -> str:
        """The picture as an SVG that moves by itself, without a script, as for a README."""
        return self._svg

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page (.html, .htm) or the picture that moves (.svg), and return where it is.

        Raises ValueError for another suffix, FileNotFoundError for a folder that does not exist.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     film(Value(2.0, "x") ** 2).save(Path(folder) / "square.html").name
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
        return f"<film of {self._root}, {count} steps: {files}>"

    __repr__ = __str__


# -- the page ----------------------------------------------------------------------------------------------------------


def page(timeline: Timeline, stage: Stage, texts: list[str]) -> str:
    """The page, from its template."""
    template = re.sub(r"\n[ ]+", "\n", Path(__file__).with_name("film.html").read_text("utf-8"))
    script = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)[-1]
    width, height = (float(stage.svg.get(name, "100").removesuffix("pt")) for name in ("width", "height"))
    root = escape(timeline.names.root)
    parts = {
        "script": f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'",
        "title": f"{root}, step by step",
        "about": f"The graph of {root}: each value and how it is computed",
        "shape": "wide" if width > WIDE * height else "tall",
        "width": stage.svg.get("width", ""),
        "svg": inline(stage),
        "complaint": f'<p class="hint">{escape(stage.complaint)}</p>' if stage.complaint else "",
        "reel": packed(reel(timeline, stage, texts)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


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
    waiting = {track.key: track.until for track in timeline.tracks if track.until}
    slots = [slot.history for slot in stage.slots]
    return {"steps": columns(steps), "nodes": columns([*map(about, timeline.actors)]), "slots": slots, "until": waiting}


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
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
