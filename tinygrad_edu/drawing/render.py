"""From DOT to a picture: by the system's `dot`, otherwise by graphviz-pure, otherwise the text tree as a page."""

from __future__ import annotations

import shutil
import subprocess
from html import escape
from importlib import metadata
from pathlib import Path

HINT = 'For a picture: pip install "tinygrad-edu[render]", or install Graphviz.'
SHARP = ["-Gdpi=144", "-Gsize=100,100"]  # dots to the inch; inches at most, as time and memory grow with the area

FONTS = (b"Helvetica,sans-Serif", b"Helvetica,Arial,Liberation Sans,Nimbus Sans,DejaVu Sans Condensed,sans-serif")
# the second names what is as wide as the Helvetica that boxes are measured for, before whatever a browser has


class NoPictureError(RuntimeError):
    """No program could draw the graph; the message is one line that says why, and what helps."""


def picture(source: str, form: str) -> bytes:
    """The picture as `form`, svg or png. Raises NoPictureError if no program here can draw it."""
    found, complaints = programs(), []
    for program in found:
        command = [program, f"-T{form}", *(SHARP if form == "png" else [])]
        try:
            done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
        except OSError as error:  # a file of that name that is no program
            complaints.append(f"{Path(program).stem} does not start: {error.strerror}.")
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout if form == "png" else done.stdout.replace(*FONTS)
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line and "Warning" not in line]
        complaints.append(f"{Path(program).stem} failed: {[*said, f'exit code {done.returncode}'][0]}.")
    raise NoPictureError(" ".join(complaints if len(found) > 1 else [*complaints, HINT]))


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
