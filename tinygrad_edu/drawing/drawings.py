"""A Drawing: a graph as it was when it was drawn, in every format."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from .dot import dot_source
from .graph import Graph
from .labels import Show
from .mermaid import mermaid_source
from .render import NoPictureError, page_of_text, picture
from .tree import text_of

SUFFIXES = (".svg", ".png", ".pdf", ".gv", ".dot", ".mmd", ".txt")


class Drawing:
    """A graph as it was when it was drawn: as a picture, as DOT, as Mermaid, as text. Jupyter shows it by itself.

    `source` is the DOT text. A picture needs the program `dot` or the extra `render`; without either, a page of text.

    >>> import tinygrad_edu as tg
    >>> drawing = tg.draw(tg.Value(2.0, "x") ** 2)
    >>> print(drawing)
    L = 4, grad — ← **
    ├─ x = 2, grad —
    └─ 2, constant
    >>> drawing.source.splitlines()[0], drawing.mermaid().splitlines()[1], drawing.svg()[:4]
    ('digraph "Computation graph" {', 'flowchart LR', '<svg')
    """

    __slots__ = ("_mermaid", "_tree", "source")

    def __init__(self, graph: Graph, direction: str, show: Show, legend: bool) -> None:
        self.source = dot_source(graph, direction, show, legend)
        self._mermaid, self._tree = mermaid_source(graph, direction, show), text_of(graph, show)

    def text(self) -> str:
        """The graph as a tree of text, 100 columns wide: each value above its operands."""
        return self._tree

    def mermaid(self) -> str:
        """The graph in Mermaid, which GitHub and JupyterLab draw by themselves."""
        return self._mermaid

    def svg(self) -> str:
        """The picture as SVG, to be put into a page or a file; a page of text where no program can draw."""
        return self._svg()[0]

    def png(self) -> bytes:
        """The picture as PNG. Raises NoPictureError, which says why in one line, where no program can draw."""
        return picture(self.source, "png")

    def _svg(self) -> tuple[str, str]:
        """The picture and, if it could not be drawn, why."""
        try:
            svg = picture(self.source, "svg").decode()
        except NoPictureError as error:
            return page_of_text(self._tree, str(error)), str(error)
        about = escape(f"Computation graph of {self._tree.splitlines()[0]}")
        return svg.replace("<svg", f'<svg role="img" aria-label="{about}"', 1), ""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing in the format of the suffix and return where it is.

        .svg, .png and .pdf are pictures, .gv and .dot the DOT text, .mmd the Mermaid text, .txt the tree. Without a
        program that draws, an .svg is a page of text, a .png becomes a .txt, and so does a .pdf, or an .svg where that
        can be drawn; one line on stderr says so. Raises ValueError for another suffix, an OSError that says what is
        wrong where the file can not be written: then nothing is left behind, and an old file is as it was.

        >>> import tempfile, tinygrad_edu as tg
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (tg.draw(tg.Value(2.0, "x") ** 2)).save(Path(folder) / "square.svg").name
        'square.svg'
        """
        path = target(path, SUFFIXES, "drawing")
        texts = {".gv": self.source, ".dot": self.source, ".mmd": self._mermaid, ".txt": self._tree + "\n"}
        suffix = path.suffix.lower()
        if suffix in texts:
            write_whole(path, texts[suffix])
            return path
        content, instead, complaint = self._picture(suffix[1:])
        path = path.with_suffix(instead) if instead else path
        write_whole(path, content)
        if complaint:
            what = "picture" if instead == ".svg" else "graph as text"
            print(f"{path.name} holds the {what}. {complaint}", file=sys.stderr)
        return path

    def _picture(self, form: str) -> tuple[str | bytes, str, str]:
        """A picture; or the next best thing, the suffix of its file if it needs another, and why."""
        if form == "svg":
            svg, complaint = self._svg()
            return svg, "", complaint
        try:
            return picture(self.source, form), "", ""
        except NoPictureError as error:
            complaint = str(error)
        if form == "pdf" and not (other := self._svg())[1]:
            return other[0], ".svg", complaint
        return self._tree + "\n", ".txt", complaint

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What Jupyter shows: the picture; or text and why there is no picture, and Mermaid, which JupyterLab draws."""
        try:
            svg, complaint = self._svg()
        except Exception as error:  # a cell shows the text, whatever the programs of this machine do
            svg, complaint = "", f"No picture: {error}"
        if complaint:
            return {"text/plain": f"{self._tree}\n\n{complaint}", "text/vnd.mermaid": self._mermaid}
        return {"text/plain": self._tree, "image/svg+xml": svg}

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def __str__(self) -> str:
        return self._tree

    __repr__ = __str__


def target(path: str | os.PathLike[str], suffixes: Sequence[str], thing: str) -> Path:
    """Where a thing is to be saved; an error that says what is wrong with that place, or with the format."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: say what the file in it is to be called.")
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"A {thing} is saved as {', '.join(suffixes)}: {path.name!r} is none of these.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
    return path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write all of the file or nothing: whoever reads it meanwhile sees the old one."""
    unfinished = path.with_name(f".{os.getpid()}-{id(content)}.tmp")
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(unfinished, path)
    except OSError as error:
        raise type(error)(f"{str(path)!r} can not be written: {error.strerror or error}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
