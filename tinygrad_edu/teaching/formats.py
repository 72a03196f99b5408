"""How an explanation is written: as text in columns, in Markdown, in LaTeX, as a page of its own."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from ..notation import LATEX, MATHML, TEXT, Notation, write
from ..wording import WIDTH
from .page import dollars, plain
from .reading import Reading, escaped, notation_of, told, words

WIDEST = 40  # columns of a cell that still makes its column wider
GIVEN = 12, 80  # numbers of an array that are still given one by one, and their characters


class Part(NamedTuple):
    """One value: how it is computed, what it hands back to its operands, and the rows inside if it is a composite."""

    name: str  # of the composite
    value: Reading
    backward: list[Reading]
    inner: tuple[Any, ...] = ()


class Section(NamedTuple):
    """Steps under a title, which may end with a reading; forward only the values are told, else what they hand back."""

    title: str
    reading: Reading | None
    parts: list[Part]
    forward: bool = False

    @property
    def readings(self) -> list[tuple[Reading, str]]:
        """The steps, and the name of the composite that a value is the result of."""
        if self.forward:
            return [(part.value, part.name) for part in self.parts]
        return [(reading, "") for part in self.parts for reading in part.backward]


class Account(NamedTuple):
    """All that is told `of` a loss: what is given, the sections of steps, and the gradients in the end."""

    of: str
    given: list[Reading]
    sections: list[Section]
    gradients: list[Reading]
    remarks: tuple[str, ...] | list[str] = ()


class Explanation(str):
    """The text of an explanation, in its format; Jupyter shows it by itself."""

    written_in: str

    def __new__(cls, text: str, written_in: str) -> Explanation:
        self = super().__new__(cls, text)
        self.written_in = written_in
        return self

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What Jupyter shows: the page in a frame of its own, Markdown and LaTeX set, text as it is."""
        if self.written_in == "html":
            frame = f'<iframe srcdoc="{escape(self)}" sandbox="allow-scripts" width="100%" height="600"></iframe>'
            return {"text/plain": "an explanation as a page", "text/html": frame}
        kind = {"markdown": "text/markdown", "latex": "text/latex"}.get(self.written_in)
        return {"text/plain": str(self)} | ({kind: str(self)} if kind else {})


# -- text --------------------------------------------------------------------------------------------------------------


def text(account: Account) -> str:
    """Paragraphs for a terminal of 100 columns."""
    lines = wrapped("Given ", [total(reading, brief=True) for reading in account.given])
    for section in account.sections:
        arrays, rows = any(reading.letter.shape for reading, _ in section.readings), list[list[str]]()
        for reading, name in section.readings:
            aside = f"({name})" if name else f"so far {reading.sofar()}" if reading.sofar() else ""
            rows += [cells(reading, aside, arrays), *([[f"    {reading.words}"]] if reading.words else [])]
        title = section.title + (section.reading.line() if section.reading else "")
        lines += ["", title, *table(rows)]
    lines += ["", *wrapped("Gradients: ", [*map(total, account.gradients)])]
    lines += [line for remark in account.remarks for line in textwrap.wrap(remark, WIDTH, break_long_words=False)]
    return "\n".join(lines).strip()


def cells(reading: Reading, aside: str, arrays: bool) -> list[str]:
    """The columns of a line: letter, formula, numbers put in, result; among arrays shapes and result in one."""
    formula, numbers, result = reading.formula(), reading.numbers(), reading.result()
    result = "" if result == formula else result if reading.of_many else f"= {result}"
    letter, sign = reading.left().rstrip().rsplit(" ", 1)
    middle = f"= {numbers}" if numbers else reading.shapes()
    if arrays:
        middle, result = " ".join(filter(None, (middle, result, aside))), ""
    return [letter, f"{sign} {formula}", middle, result, "" if arrays else aside]


def total(reading: Reading, brief: bool = False) -> str:
    """What a leaf is given, or its gradient in the end: a number, a small array, the shape and range of another."""
    letter, shape = write(reading.letter, TEXT)[0], reading.letter.shape
    if reading.number is None:
        return f"none for {letter}, to which no slope leads"
    result = told(reading.number, TEXT, reading.digits, *(GIVEN if brief else ()))
    return f"{letter} = {result}" if not shape or "[" in result else f"{letter} {shape} {result}"


def table(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines in columns; what is too long for its column pushes the others, or breaks the line."""
    columns = [*zip(*(row for row in rows if len(row) > 1), strict=True)]
    widths = [max([width(cell) for cell in column if width(cell) <= WIDEST], default=0) for column in columns]
    lines, indent = list[str](), (widths or [0])[0] + 6
    for row in rows:
        line = "  "
        for cell, wide in zip(row[: last(row)], widths):
            if width(line + cell) > WIDTH and line.strip():
                pieces = textwrap.wrap(cell, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
                if len(pieces) == 1 or width(line) > indent:  # only a long formula begins where it would
                    lines.append(line.rstrip())
                    line = " " * indent
                *before, cell = pieces
                for piece in before:
                    lines.append(line + piece)
                    line = " " * indent
            line += cell + " " * max(wide - width(cell) + 1, 1) if wide or cell else ""
        lines.append(line.rstrip())
    return lines


def last(row: list[str]) -> int:
    """Where a row ends: behind its last cell that says something."""
    return max(i for i, cell in enumerate(row, 1) if cell)


def width(text: str) -> int:
    """How many columns a text takes: marks above a letter take none."""
    return sum(not unicodedata.combining(c) for c in text)


def wrapped(first: str, items: list[str]) -> list[str]:
    """Items in lines, with commas."""
    lines = [first] if items else []
    for i, item in enumerate(items):
        piece = item + (", " if i + 1 < len(items) else "")
        if width(lines[-1] + piece) > WIDTH and lines[-1] != first:
            lines.append(" " * len(first))
        lines[-1] += piece
    return [line.rstrip() for line in lines]


# -- Markdown and LaTeX ------------------------------------------------------------------------------------------------


def markdown(account: Account) -> str:
    """Tables with formulas between dollar signs, for a notebook or a repository's page."""

    def math(formula: str) -> str:
        return dollars(formula).replace("|", r"\vert ") if formula else ""

    def row(reading: Reading, aside: str) -> str:
        middle = math(reading.numbers(LATEX)) or reading.shapes()
        result = math((r"\in " if reading.of_many else "") + reading.result(LATEX))
        found = [math(reading.left(LATEX) + reading.formula(LATEX)), middle, result, aside]
        return f"| {' | '.join(found)} |"

    lines = []
    if account.given:
        lines += ["**Given** " + ", ".join(math(given(reading, LATEX, brief=True)) for reading in account.given), ""]
    for section in account.sections:
        title = plain(section.title) + (math(section.reading.line(LATEX)) if section.reading else "")
        lines += [f"**{title}**", "", "| step | with numbers or shapes | result | |", "|---|---|---|---|"]
        lines += [row(reading, name or beside(reading, LATEX, math, plain)) for reading, name in section.readings]
        lines.append("")
    lines.append("**Gradients** " + ", ".join(math(given(x, LATEX)) for x in account.gradients))
    return "\n\n".join(["\n".join(lines), *map(plain, account.remarks)])


def latex(account: Account) -> str:
    """Aligned equations, to be put into a document that loads amsmath."""
    lines = []
    if account.given:
        lines += [r"\textbf{Given} $" + r",\; ".join(given(x, LATEX, brief=True) for x in account.given) + "$", ""]
    for section in account.sections:
        title = escaped(section.title) + (f"${section.reading.line(LATEX)}$" if section.reading else "")
        equations = []
        for reading, name in section.readings:
            sign = reading.left(LATEX).rstrip().rsplit(" ", 1)[1]
            left = reading.left(LATEX).replace(f" {sign} ", f" &{sign} ")
            shapes = reading.shapes().replace("@", r"\,@\,").replace("->", r"\to")
            note = escaped(name) or beside(reading, LATEX, lambda formula: f"${formula}$", escaped)
            said = rf"\text{{{note}}}" if note else ""
            column = shapes or said
            equations.append(f"  {left}{reading.equal(LATEX)}" + (f" && {column}" if column else ""))
            equations += [f"  & {said}"] if shapes and said else []
        lines += [rf"\textbf{{{title}}}", r"\begin{align*}", " \\\\\n".join(equations), r"\end{align*}", ""]
    totals = r",\; ".join(given(reading, LATEX) for reading in account.gradients)
    remarks = map(escaped, account.remarks)
    return "\n\n".join(["\n".join([*lines, rf"\textbf{{Gradients}} ${totals}$"]), *remarks])


def beside(reading: Reading, notation: Notation, math: Callable[[str], str], text: Callable[[str], str]) -> str:
    """What is said beside a step: why it is summed, or the running sum."""
    sofar = reading.sofar(notation)
    return text(reading.words) or (f"so far {math(sofar)}" if sofar else "")


def given(reading: Reading, notation: Notation, brief: bool = False) -> str:
    """A leaf with its number, or the gradient that it has in the end; of a large array the shape."""
    letter = write(reading.letter, notation)[0]
    if reading.number is None:
        return letter + words(" none: no slope leads there", notation)
    result = told(reading.number, notation, reading.digits, *(GIVEN if brief else ()))
    many = " … " in told(reading.number, TEXT, reading.digits, *(GIVEN if brief else ()))
    shape = words(f" {reading.letter.shape}", notation) if many else ""
    return f"{letter}{shape}{notation_of('∈' if many else '=', notation)}{result}"


# -- a page ------------------------------------------------------------------------------------------------------------


def html(account: Account) -> str:
    """A page of its own, with MathML: nothing is loaded from elsewhere, and the arrow keys move from step to step."""
    parts = [f"<h2>Given</h2>{listing(account.given, brief=True)}"] if account.given else []
    for section in account.sections:
        reading = math(section.reading.line(MATHML)) if section.reading else ""
        parts.append(f"<h2>{escape(section.title)}{reading}</h2>{rows(section.parts, section.forward)}")
    parts.append(f"<h2>Gradients</h2>{listing(account.gradients)}")
    parts += [f"<p>{escape(remark)}</p>" for remark in account.remarks]
    filled = {"title": escape(f"How {account.of} comes about"), "body": "\n".join(parts)}
    return re.sub(r"\{(title|body)\}", lambda found: filled[found[1]], PAGE)


def listing(readings: list[Reading], brief: bool = False) -> str:
    """Numbers side by side."""
    spans = [f"<span>{math(given(reading, MATHML, brief))}</span>" for reading in readings]
    return f"<p class=list>{' '.join(spans)}</p>"


def rows(parts: list[Part], forward: bool) -> str:
    """A table of steps; the rows of a composite stand below it, to be opened."""
    lines = []
    for part in parts:
        inner = [x for row in part.inner for x in ([row.value] if forward else row.backward)]
        opened = ""
        if inner:
            steps = "".join(row(reading) for reading in (inner if forward else inner[::-1]))
            opened = f"<details><summary>{escape(part.name)}</summary><table>{steps}</table></details>"
        for i, reading in enumerate([part.value] if forward else part.backward):
            lines.append(row(reading, "" if i else opened))
    return f"<table>{''.join(lines)}</table>"


def row(reading: Reading, below: str = "") -> str:
    """One step: letter, formula, numbers put in, result, and what there is to say."""
    sofar, shapes = reading.sofar(MATHML), reading.shapes().replace("->", "→")
    notes = [
        escape(reading.words),
        f"so far {math(sofar)}" if sofar else "",
        f"<i>{shapes}</i>" if shapes else "",
        below,
    ]
    parts = math(reading.equal(MATHML))
    said = "".join(f"<div>{note}</div>" for note in notes if note)
    return f"<tr tabindex=0><th>{math(reading.left(MATHML))}<td>{parts}<td>{said}"


def math(formula: str) -> str:
    """MathML in its element."""
    return f"<math>{formula}</math>"


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root { color-scheme: light dark; --ink: #1a1a1a; --page: #fdfdfb; --faint: #5c5c5c; --line: #dcdad2; --here: #fdefd0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --page: #16181b; --faint: #a8a8a8; --line: #383b40; --here: #3a3117 }
}
body { margin: 2rem auto; padding: 0 1rem; max-width: 62rem; background: var(--page); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; font-weight: 600 }
h2 { font-size: 1rem; font-weight: 600; margin: 2rem 0 .4rem }
p { color: var(--faint) }
.list { color: var(--ink); display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: 0 }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { padding: .3rem .4rem; vertical-align: baseline; white-space: nowrap; font-weight: 400 }
th { text-align: right; padding-right: 0 }
td:last-child { color: var(--faint); font-size: .85rem; padding-left: 1.6rem; white-space: normal; min-width: 13rem }
tr { border-bottom: 1px solid var(--line) }
tr:focus { background: var(--here); outline: 2px solid #c98500; outline-offset: -2px }
summary { cursor: pointer }
math { font: 1.05rem "STIX Two Math", "Cambria Math", "DejaVu Math TeX Gyre", math; math-style: normal }
td:last-child math { font-size: .9rem; math-style: compact }
@media print { body { margin: 0; max-width: none; font-size: 12px } .keys { display: none } }
</style>
<h1>{title}</h1>
<p class="keys">Tab goes to a step, the arrow keys go from step to step.</p>
{body}
<script>
addEventListener("keydown", event => {
  const move = {ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity}[event.key];
  const steps = [...document.querySelectorAll("tr[tabindex]")];
  const shown = steps.filter(step => step.offsetParent), here = shown.indexOf(document.activeElement);
  if (!move || here < 0) return;
  event.preventDefault();
  shown[Math.min(Math.max(here + move, 0), shown.length - 1)].focus();
});
</script>
</html>
"""


FORMATS: dict[str, Callable[[Account], str]] = {"text": text, "markdown": markdown, "latex": latex, "html": html}
