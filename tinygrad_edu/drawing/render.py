"""From DOT to a picture: by the system's `dot`, otherwise by graphviz-pure, otherwise the text tree as a page."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from importlib import metadata
from pathlib import Path

from .paper import pdf_of
from .standby import standby

HINT = 'For a picture: pip install "tinygrad-edu[render]", or install Graphviz.'
PAPER = 'For a PDF: pip install "tinygrad-edu[render,plot]", or install Graphviz.'
SHARP = ["-Gdpi=144", "-Gsize=100,100"]  # dots to the inch; inches at most, as time and memory grow with the area
HASTE = ["-Gnslimit=0.1", "-Gsplines=line"]  # fewer attempts to place the boxes, and straight edges
PATIENCE = 20  # seconds for a picture, and then for one made in haste

FONTS = "Helvetica,Arial,Liberation Sans,Nimbus Sans,DejaVu Sans Condensed,sans-serif"
# what is as wide as the font that boxes are measured for, before whatever a browser has
NOISE = re.compile(
    rb"<!--.*?-->\n"  # comments
    rb"|<title>(?!Computation graph<).*?</title>\n"  # keys, which would show up under the pointer
    rb'|(?<=<g id=")page[\d,]+_'  # how many graphs the program had read before
    rb'| xml:space="preserve"| font-family="[^"]*"',  # of each text; all of them get the same
    re.DOTALL,
)


class NoPictureError(RuntimeError):
    """No program could draw the graph; the message is one line that says why, and what helps."""


def picture(source: str, form: str) -> bytes:
    """The picture as `form`, svg, png or pdf. Raises NoPictureError if no program here can draw it."""
    found, complaints = programs(), []
    for program in found:
        try:
            return drawn(program, source.encode(), form)
        except TimeoutError as error:  # the others lay out in the same way
            complaints.append(f"{error} Draw less of it, with max_nodes, depth or only.")
            break
        except NoPictureError as error:
            complaints.append(str(error))
    else:
        if len(found) < 2:
            complaints.append(PAPER if form == "pdf" else HINT)
    raise NoPictureError(" ".join(complaints))


def drawn(program: str, source: bytes, form: str) -> bytes:
    """The picture of one program."""
    name = Path(program).stem
    if form == "svg":
        svg = standby(program).svg(source) if name == "dot" else b""
        return tidy(svg or written(program, source, form))
    if form == "pdf" and name == "graphviz-pure":
        try:
            return pdf_of(drawn(program, source, "svg"))
        except ImportError:
            raise NoPictureError("graphviz-pure makes no PDF without matplotlib.") from None
    return written(program, source, form)


def tidy(svg: bytes) -> bytes:
    """An SVG without what stands before it in a file of its own, and without noise; spaces before a text are kept."""
    svg = NOISE.sub(b"", svg[svg.index(b"<svg") :]).replace(b"<svg", f'<svg font-family="{FONTS}"'.encode(), 1)
    return re.sub(rb"(<text[^>]*>) ", rb"\1&#160;", svg)


def written(program: str, source: bytes, form: str) -> bytes:
    """What a program writes: with care, or in haste if that takes too long."""
    name, command = Path(program).stem, [program, f"-T{form}", *(SHARP if form == "png" else [])]
    for more in ([], HASTE):
        try:
            done = subprocess.run([*command, *more], input=source, capture_output=True, check=False, timeout=PATIENCE)
        except OSError as error:  # a file of that name that is no program
            raise NoPictureError(f"{name} does not start: {error.strerror}.") from None
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line and "Warning" not in line]
        raise NoPictureError(f"{name} failed: {[*said, f'exit code {done.returncode}'][0]}.")
    raise TimeoutError(f"{name} found no layout in {2 * PATIENCE} s.")


def programs() -> list[str]:
    """The programs here that understand DOT, the best first."""
    found = [shutil.which("dot"), shutil.which("graphviz-pure") or installed("graphviz-pure")]
    return [program for program in found if program]


def installed(package: str) -> str | None:
    """Where pip has put a package's program, for that folder need not be on the PATH, as in many a notebook."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.stem == package), None)


def page_of_text(tree: str, hint: str) -> str:
    """The text tree as an SVG, on a ground of its own, so that it can be read on a dark page too."""
    lines = [*tree.splitlines(), "", hint]
    width, height = 24 + 8 * max(map(len, lines)), 24 + 17 * len(lines)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    rows = [f'<text x="12" y="{25 + 17 * i}" xml:space="preserve">{escape(x)}</text>' for i, x in enumerate(lines)]
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="13" fill="#1A1A1A">'
    return "\n".join([start, '<rect width="100%" height="100%" fill="#F7F7F7"/>', *rows, "</svg>\n"])
