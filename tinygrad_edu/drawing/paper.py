"""A picture as PDF where there is no `dot`: matplotlib puts the shapes and the texts of the SVG on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element, fromstring

FAMILIES = ("Helvetica", "Arial", "Liberation Sans", "Nimbus Sans")  # as wide as what the boxes were measured for
LAST = "DejaVu Sans"  # which comes with matplotlib, has what the others lack, and is wider
NARROW = 0.89  # as large as that may be, to be as wide
POINTS = 72  # to the inch


def pdf_of(svg: bytes) -> bytes:
    """The PDF of an SVG of Graphviz: a page of its size, with text that can be searched. ImportError: no matplotlib."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure

    root, page = fromstring(svg), BytesIO()
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    figure = Figure(figsize=(width / POINTS, height / POINTS))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(left, left + width), ylim=(top + height, top))
    axes.set_axis_off()
    (whole,) = root.findall("{*}g")
    (moved,) = re.findall(r"translate\((\S+) (\S+)\)", whole.attrib["transform"])
    right, down = map(float, moved)
    fonts = families()
    for order, artist in enumerate(artist for x in whole.iter() for artist in drawn(x, right, down, fonts)):
        axes.add_artist(artist).set(zorder=order, clip_on=False)
    with rc_context({"pdf.fonttype": 42}):
        FigureCanvasPdf(figure).print_pdf(page, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
    return page.getvalue()


def families() -> list[str]:
    """The fonts to write with."""
    from matplotlib.font_manager import fontManager

    here = {font.name for font in fontManager.ttflist}
    return [*[name for name in FAMILIES if name in here][:1], LAST]


def drawn(element: Element, right: float, down: float, fonts: list[str]) -> Iterator[Any]:
    """What matplotlib draws for an element of the SVG, which is moved to the right and down."""
    from matplotlib.patches import Ellipse, PathPatch
    from matplotlib.path import Path
    from matplotlib.text import Text

    has, tag = element.attrib, element.tag.rpartition("}")[2]
    numbers = [*map(float, re.findall(r"-?[\d.]+", has.get("points") or has.get("d", "")))]
    points = [(x + right, y + down) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    dashes = (0, (5, 2)) if "stroke-dasharray" in has else "solid"
    look: dict[str, Any] = {"facecolor": color(has.get("fill")), "edgecolor": color(has.get("stroke"))}
    look |= {"linestyle": dashes, "linewidth": float(has.get("stroke-width", 1))}
    if tag in ("polygon", "polyline"):
        yield PathPatch(Path(points, closed=tag == "polygon"), **look)
    elif tag == "path":  # M, and then C all the way
        yield PathPatch(Path(points, [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)]), **look)
    elif tag == "ellipse":
        x, y, width, height = (float(has[name]) for name in ("cx", "cy", "rx", "ry"))
        yield Ellipse((x + right, y + down), 2 * width, 2 * height, **look)
    elif tag == "text":
        side = {"start": "left", "middle": "center", "end": "right"}[has["text-anchor"]]
        size = float(has["font-size"]) * (NARROW if fonts == [LAST] else 1)
        yield Text(float(has["x"]) + right, float(has["y"]) + down, "".join(element.itertext()),
                   color=color(has.get("fill", "black")), fontsize=size, fontfamily=fonts, parse_math=False,
                   fontweight=has.get("font-weight", "normal"), ha=side, va="baseline")  # fmt: skip


def color(name: str | None) -> str:
    """A colour as matplotlib calls it."""
    return "none" if name in (None, "transparent") else str(name)
