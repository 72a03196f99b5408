"""How a worksheet is written: in Markdown, and as a page that marks what is typed in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import order
from ..edges import letter
from ..notation import ATOM, LATEX, MATHML, TEXT, Notation, write
from ..symbol import Symbol, applied
from .reading import Reading, notation_of, told

if TYPE_CHECKING:
    from .worksheets import Question, Section, Worksheet

LONGEST, LARGEST = 60, 24  # characters of a formula that stands at the top; values of a graph that is drawn
BLANK, SMALL = "________", r"\underline{\hspace{3em}}"
# Within dollar signs GitHub takes the backslash away from a sign, though not from a letter; < begins a tag, and _ that
# does not stand behind a letter, emphasis.
HARMLESS = {r"\,": r"\thinspace ", r"\{": r"\lbrace ", r"\}": r"\rbrace ", r"\ ": r"\space ", r"\_": r"\space ",
            "<": r"\lt ", ">": r"\gt ", "`": "′", "*": r"\ast ", "}": r"}\relax",
            **{rf"\{sign}": chr(ord(sign) + 0xFEE0) for sign in "#$%&"}}  # fmt: skip
MARKUP = re.compile(r"[\\`*_\[\]#|<>&$~]")
FIELD = (
    '<span class="field"><input type="text" aria-label="{}" autocomplete="off" autocapitalize="off" spellcheck="false" '
    'enterkeyhint="next"><span class="sign" aria-hidden="true"></span></span>'
)


# -- formulas ----------------------------------------------------------------------------------------------------------


def matrix(cells: Iterable[Iterable[str]], notation: Notation) -> str:
    """Rows of cells between brackets, which on the page are drawn: not every font has tall ones."""
    if notation is LATEX:
        rows = r" \cr ".join(" & ".join(row) for row in cells)  # not \\, of which GitHub keeps only one
        return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"
    rows = "".join(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in row)}</mtr>" for row in cells)
    return f'<mtable class="brackets">{rows}</mtable>'


def result(reading: Reading, notation: Notation) -> str:
    """The number, or the numbers of an array in their places."""
    if not np.ndim(reading.number):
        return reading.result(notation)
    return matrix(([told(x, notation, reading.digits) for x in row] for row in np.atleast_2d(reading.number)), notation)


def head(question: Question, notation: Notation) -> str:
    """What is asked for, in letters: L, ∂L/∂a; as a local derivative ∂(a·b)/∂a, since ∂L/∂a is the whole one."""
    name: Any = question.reading.letter.name
    if question.kind != "local":
        return write(question.reading.letter, notation).text
    formula, holds, _ = write(question.of, notation)
    formula = formula if holds == ATOM else notation.mark("()", formula)
    return notation.mark(name.style, formula, write(Symbol(name.by), notation).text)


def body(reading: Reading, notation: Notation) -> str:
    """The formula, the numbers put in, the result."""
    parts = [reading.formula(notation), reading.numbers(notation), result(reading, notation)]
    return notation_of("=", notation).join(dict.fromkeys(filter(None, parts)))


def whole(question: Question, notation: Notation) -> str:
    """The answer as it stands in the key."""
    return head(question, notation) + notation_of("=", notation) + body(question.reading, notation)


def given(reading: Reading, notation: Notation) -> str:
    """A letter and its number."""
    return reading.left(notation) + result(reading, notation)


def function(sheet: Worksheet, notation: Notation) -> str:
    """The loss as one formula of what is given; nothing where that would be long."""
    formulas, sizes = dict[int, Any](), dict[int, int]()
    for node in reversed(order(sheet.loss)):
        sizes[id(node)] = sum(sizes.get(id(x), 1) for x in node.operands)
        if sizes[id(node)] > LONGEST:  # what is used twice stands there twice
            return ""
        pairs = zip(node.operands, node.numbers)
        parts = [formulas[id(x)] if id(x) in formulas else letter(x, n, sheet.names) for x, n in pairs]
        formulas[id(node)] = applied(node.op, parts, node.settings)
    formula = formulas[id(sheet.loss)]
    if len(write(formula, TEXT).text) > LONGEST:
        return ""
    return write(Symbol(sheet.names.root), notation).text + notation_of("=", notation) + write(formula, notation).text


def advice(sheet: Worksheet) -> str:
    """How exact the answers are to be."""
    if sheet.exact:
        return "All numbers are short: none has to be rounded."
    return (
        f"Round to {sheet.digits} significant digits. You may go on with all digits or with the rounded number: "
        "both count as right."
    )


def by_way_of(question: Question, formula: str) -> str:
    """Which result a part of a gradient comes through, and from which of several uses."""
    return f"through {formula}{f', use {question.use}' * bool(question.use)}"


# -- Markdown ----------------------------------------------------------------------------------------------------------


def dollars(latex: str) -> str:
    """A formula in Markdown."""
    harmless = re.sub(r"\\[^a-zA-Z]|[<>`*]|\}(?=_)", lambda found: HARMLESS.get(found[0], found[0]), latex)
    return f"${harmless.replace('](', ']{}(')}$"  # which is no link


def plain(text: str) -> str:
    """Somebody's text in Markdown, as it is: signs that might mean something as the entities of HTML."""
    return MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def heading(sheet: Worksheet, title: str) -> list[str]:
    """What stands above the questions."""
    formula, numbers = function(sheet, LATEX), [dollars(given(x, LATEX)) for x in sheet.given]
    about, defined = [f"{sheet.about}."] if sheet.about else [], [dollars(formula)] if formula else []
    return [f"# {title}", *about, *defined, f"Given {', '.join(numbers)}."]


def markdown(sheet: Worksheet) -> str:
    """The questions."""
    lines, numbers = [*heading(sheet, plain(sheet.title)), advice(sheet)], count(1)
    for section in sheet.sections:
        lines += [f"## {section.title}", section.words]
        if section.title == "Backward":
            lines.append(f"The seed is {dollars(given(sheet.seed, LATEX))}.")
        lines.append("\n".join(line for item in section.items for line in asking(item, section.asked, next(numbers))))
    return "\n\n".join(lines) + "\n"


def asking(item: list[Question], asked: bool, n: int) -> Iterator[str]:
    """The questions about one value in a list with numbers, the parts of a gradient as a list in the list."""
    *parts, last = item
    if not asked:
        yield f"{n}. {dollars(whole(last, LATEX))}"
        return
    formula = f" = {last.reading.formula(LATEX)}" if last.kind == "value" else ""
    if not parts:
        yield f"{n}. {dollars(head(last, LATEX) + formula + ' =')} {blank(last)}"
        return
    yield f"{n}. {dollars(head(last, LATEX))}, from {len(parts)} uses:"
    for part in parts:
        yield f"{indent(n)}- {by_way_of(part, dollars(write(part.of, LATEX).text))}: {blank(part)}"
    yield f"{indent(n)}- sum: {dollars(head(last, LATEX) + ' =')} {blank(last)}"


def indent(n: int) -> str:
    """As far as the text of item `n` of a list is from the edge."""
    return " " * len(f"{n}. ")


def blank(question: Question) -> str:
    """A blank, or one for every number of an array."""
    number = question.reading.number
    return dollars(matrix([[SMALL] * len(row) for row in np.atleast_2d(number)], LATEX)) if np.ndim(number) else BLANK


def key(sheet: Worksheet) -> str:
    """The answers."""
    lines, numbers = heading(sheet, f"{plain(sheet.title)}: key"), count(1)
    for section in sheet.sections:
        answers = []
        for *parts, last in section.items:
            n = next(numbers)
            answers.append(f"{n}. {dollars(whole(last, LATEX))}")
            for part in parts:
                words = by_way_of(part, dollars(write(part.of, LATEX).text))
                answers.append(f"{indent(n)}- {words}: {dollars(body(part.reading, LATEX))}")
        lines += [f"## {section.title}", "\n".join(answers)]
    return "\n\n".join(lines) + "\n"


# -- the page ----------------------------------------------------------------------------------------------------------


def page(sheet: Worksheet) -> str:
    """The page, from its template."""
    template = Path(__file__).with_name("worksheet.html").read_text("utf-8")
    script = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)[-1]
    numbers, formula = count(1), function(sheet, MATHML)
    parts = {
        "script": f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'",
        "title": escape(sheet.title),
        "about": f'<p class="about">{escape(sheet.about)}</p>' if sheet.about else "",
        "function": f'<p class="function">{math(formula)}</p>' if formula else "",
        "given": ", ".join(f"<span>{math(given(x, MATHML))}</span>" for x in sheet.given),
        "advice": advice(sheet),
        "picture": picture(sheet),
        "sections": "\n".join(section_of(sheet, section, numbers) for section in sheet.sections),
        "key": "\n".join(answers_of(sheet)),
        "answers": in_script([x for question in sheet.asked for x in answers(question)]),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def section_of(sheet: Worksheet, section: Section, numbers: Iterator[int]) -> str:
    """A heading, what to do, and the questions."""
    seed = [cells("", math(write(sheet.seed.letter, MATHML).text), "", math(result(sheet.seed, MATHML)))]
    items = [item_of(item, next(numbers), section.asked) for item in section.items]
    listed = "\n".join(f"<li>{item}</li>" for item in (seed if section.title == "Backward" else []) + items)
    return f'<section>\n<h2>{section.title}</h2>\n<p>{section.words}</p>\n<ol role="list">\n{listed}\n</ol>\n</section>'


def item_of(item: list[Question], n: int, asked: bool) -> str:
    """The questions about one value, a line for each; the number and the letter stand before the first."""
    lines = []
    for i, question in enumerate(item):
        formula = "sum" if i else ""
        if question.kind == "value":
            formula = math(f"<mo>=</mo>{question.reading.formula(MATHML)}")
        elif question.kind == "part":
            formula = by_way_of(question, math(write(question.of, MATHML).text))
        blank = fields(question) if asked else math(result(question.reading, MATHML))
        lines.append(cells("" if i else str(n), "" if i else math(head(question, MATHML)), formula, blank))
    return "".join(lines)


def cells(number: str, letter: str, formula: str, blank: str) -> str:
    """One line, in its columns."""
    columns = {"number": number, "letter": letter, "formula": formula, "equals": "=", "blanks": blank, "words": ""}
    spans = "".join(f'<span class="{name}">{text}</span>' for name, text in columns.items())
    return f'<div class="line">{spans}</div>'


def fields(question: Question) -> str:
    """A field to type in, or one for every number of an array, in their places."""
    found, number = "".join(FIELD.format(escape(x["asked"])) for x in answers(question)), question.reading.number
    columns = np.shape(number)[-1:]
    return f'<span class="matrix" style="--columns: {columns[0]}">{found}</span>' if columns else found


def answers_of(sheet: Worksheet) -> Iterator[str]:
    """The key."""
    numbers = count(1)
    for section in sheet.sections:
        yield f"<h3>{section.title}</h3>"
        for *parts, last in section.items:
            yield f'<p><span class="number">{next(numbers)}</span>{math(whole(last, MATHML))}</p>'
            for part in parts:
                words = by_way_of(part, math(write(part.of, MATHML).text))
                yield f'<p class="part">{words}: {math(body(part.reading, MATHML))}</p>'


def math(formula: str) -> str:
    """A formula on the page, with fractions in full size."""
    return f'<math displaystyle="true">{formula}</math>'


def picture(sheet: Worksheet) -> str:
    """The graph as it is before anything is worked out: every value that is computed is unknown."""
    import tinygrad_edu as tg

    if len(sheet.names.things) > LARGEST:
        return ""
    drawing = tg.draw(sheet.loss, sheet.names.by_name, step=0, edges=False, legend=False)
    svg = drawing._repr_svg_()
    if svg is None:  # no program here can draw it
        return ""
    svg = svg.replace("grad —", "grad ?")
    svg = re.sub(r'<!--.*?-->|<title>.*?</title>| xmlns(:\w+)?="http[^"]*"', "", svg, flags=re.DOTALL)
    width = (re.findall(r'width="(\d+pt)"', svg) or ["100%"])[0]
    words = f"The graph of {sheet.names.root}: what is computed from what, the values and gradients still unknown."
    return f'<figure role="img" aria-label="{escape(words)}" style="--own: {width}">{svg}</figure>'


def in_script(data: Any) -> str:
    """Data as JSON that can stand in a script whatever is in it: no sign of it ends the script."""
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(data))


def answers(question: Question) -> Iterator[dict[str, Any]]:
    """Every blank of a question: what is asked in words, the right number, and by how much it may be off."""
    number = np.asarray(question.reading.number, float)
    within = np.broadcast_to(question.within, number.shape)
    for index in np.ndindex(number.shape):
        places = zip(("row", "column") if number.ndim == 2 else ("place",), index)
        words = [asked(question), *(f"{name} {i + 1}" for name, i in places)]
        yield {"asked": ", ".join(words), "right": float(number[index]), "within": float(within[index])}


def asked(question: Question) -> str:
    """What is asked, in words."""
    match question.kind:
        case "local":
            return f"derivative of {question.of} by {question.name}"
        case "part":
            return f"gradient of {question.name}, {by_way_of(question, str(question.of))}"
        case kind:
            return f"{kind} of {question.name}"
