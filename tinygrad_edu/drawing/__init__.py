"""Drawings of computation graphs: `draw` makes a `Drawing`, which can be a picture, DOT or plain text.

`graph.py` says what is shown, `dot.py` and `tree.py` write it; `render.py` makes pictures.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..naming import a_loss
from ..value import Value
from .dot import dot_source
from .graph import shown_nodes
from .render import NoPictureError, page_of_text, picture
from .tree import text_tree

__all__ = ["Drawing", "draw"]

DIRECTIONS = ("LR", "TB", "RL", "BT")  # left to right, top to bottom, and their opposites
SUFFIXES = (".svg", ".png", ".gv", ".dot", ".txt")


def draw(
    value: Value, names: Mapping[str, Any] | None = None, direction: str = "LR", composites: bool = True
) -> Drawing:
    """Draw the graph that led to `value`: every value with its number and gradient, every operation, every edge.

    Parameters have round corners, inputs a folded one, constants a dashed outline, the result a double one. `names`,
    for example `locals()`, names the values without a label; `direction` is LR, TB, RL or BT. What is composed of
    operations, as mean, is one operation of its own name; with `composites=False` it is opened. The numbers are those
    the graph was computed with, the gradients those of this moment. Above some 400 nodes a picture is slow to lay out
    and hard to read, while DOT and text have no limit. Raises TypeError for anything but a Value.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> loss = a * b + a
    >>> loss.backward()
    >>> print(draw(loss, names=locals()))
    loss = -4, grad 1 ← +
    ├─ v1 = -6, grad 1 ← ×
    │  ├─ a = 2, grad -2
    │  └─ b = -3, grad 2
    └─ a ↑ see above
    """
    a_loss(value, "draw")
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"names is a mapping from names to values, such as locals(), not {type(names).__name__}.")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r}.")
    nodes = shown_nodes(value, names or {}, composites)
    return Drawing(dot_source(nodes, direction), text_tree(nodes[-1]))


class Drawing:
    """A graph as it was when it was drawn: as a picture, as DOT, as text. Jupyter shows it by itself.

    `source` is the DOT text. A picture needs the program `dot` or the extra `render`; without either, a page of text.

    >>> drawing = draw(Value(2.0, "x") ** 2)
    >>> print(drawing)
    v1 = 4, grad — ← **
    ├─ x = 2, grad —
    └─ 2, constant
    >>> drawing.source.splitlines()[0], drawing.svg()[:4]
    ('digraph "Computation graph" {', '<svg')
    """

    __slots__ = ("_tree", "source")

    def __init__(self, source: str, tree: str) -> None:
        self.source, self._tree = source, tree

    def text(self) -> str:
        """The graph as a tree of text, 100 columns wide: each value above its operands."""
        return self._tree

    def svg(self) -> str:
        """The picture as SVG, to be put into a page or a file; a page of text where no program can draw."""
        return self._svg()[0]

    def _svg(self) -> tuple[str, str]:
        """The picture and, if it could not be drawn, why."""
        try:
            svg = picture(self.source, "svg").decode()
        except NoPictureError as error:
            return page_of_text(self._tree, str(error)), str(error)
        return svg[svg.index("<svg") :], ""  # without what stands before it in a file of its own

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing in the format of the suffix, .svg, .png, .gv, .dot or .txt, and return where it is.

        Without a program that draws, an .svg is a page of text and a .png becomes a .txt; one line on stderr says so.
        Raises ValueError for another suffix, FileNotFoundError for a folder that does not exist.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (draw(Value(2.0, "x") ** 2)).save(Path(folder) / "square.svg").name
        'square.svg'
        """
        path = Path(path)
        suffix, complaint = path.suffix.lower(), ""
        if suffix not in SUFFIXES:
            raise ValueError(f"A drawing is saved as {', '.join(SUFFIXES)}: {path.name!r} is none of these.")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
        content: str | bytes = self.source if suffix in (".gv", ".dot") else self._tree + "\n"
        if suffix == ".svg":
            content, complaint = self._svg()
        elif suffix == ".png":
            try:
                content = picture(self.source, "png")
            except NoPictureError as error:
                path, complaint = path.with_suffix(".txt"), str(error)
        write_whole(path, content)
        if complaint:
            print(f"{path.name} holds the graph as text. {complaint}", file=sys.stderr)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What Jupyter shows: the picture, or the text and why there is no picture."""
        try:
            svg, complaint = self._svg()
        except Exception as error:  # a cell shows the text, whatever the programs of this machine do
            svg, complaint = "", f"No picture: {error}"
        if complaint:
            return {"text/plain": f"{self._tree}\n\n{complaint}"}
        return {"text/plain": self._tree, "image/svg+xml": svg}

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def __str__(self) -> str:
        return self._tree

    __repr__ = __str__


def write_whole(path: Path, content: str | bytes) -> None:
    """Write all of the file or nothing: whoever reads it meanwhile sees the old one."""
    unfinished = path.with_name(f".{os.getpid()}-{id(content)}.tmp")
    try:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
