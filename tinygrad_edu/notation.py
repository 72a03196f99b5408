"""How a formula is written: as text, in LaTeX, Python and MathML. A table of signs, and one way of setting brackets.

Most operations are written as their row of the table of operations says, in the spelling of the notation, or as a call;
a row of one's own needs nothing here. Where that will not do, a line of SIGNS says how the operation is written, maybe
with how tightly that holds together and how tightly each operand must (if nothing is said, the sign encloses it). A
function instead of a line decides by operands and settings: it gives a line, another formula to write instead, or None.
"""

from __future__ import annotations

import html
import keyword
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import calling, ops

# How tightly a formula holds together; SLOPE is ∂L/∂a in one line: a quotient to look at, and yet one letter.
COMPARED, SUM, REST, MATRIX, PRODUCT, FRACTION, SLOPE, POWER, POSTFIX, ATOM = range(10)
TRUTH = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "inside")
HOLDS = {  # how tightly the signs hold, and how tightly their operands must to stand without brackets
    "add": (SUM, SUM, SUM), "subtract": (SUM, SUM, REST), "negative": (SUM, MATRIX),
    "remainder": (REST, POWER, POWER), "floor_divide": (REST, POWER, POWER), "matmul": (MATRIX, SLOPE, SLOPE),
    "multiply": (PRODUCT, PRODUCT, PRODUCT), "divide": (PRODUCT, PRODUCT, POWER), "power": (POWER, POSTFIX, POSTFIX),
    "getitem": (POSTFIX, POSTFIX), **dict.fromkeys(TRUTH, (COMPARED, SUM, SUM)),
}  # fmt: skip
LONG = (ops.add, ops.subtract, ops.multiply)  # of these there may be a thousand in a row
SUPERSCRIPT, DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"), str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
NUMBER = re.compile(r"-?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|[0-9]+/[0-9]+|inf|nan)")
PLACE = re.compile(r"(\{\d*\})")
FENCES = (r"\w*", "(", ")"), (r"\w*", "[", "]"), *(("", *fence) for fence in ("||", "‖‖", "⌊⌋", "⌈⌉", "⟨⟩"))
CLOSED = re.compile(
    "|".join(  # a sign that encloses its operands, before ( and [ the name of a function
        rf"({name}{re.escape(left)})([^{re.escape(left + right)}]*)({re.escape(right)})" for name, left, right in FENCES
    )
)
TALL = re.compile(r"\\(frac|left|sqrt|sum|prod)")
NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
INDEXED = re.compile(r"([^\W\d_₀-₉]+)_?([0-9]+|[₀-₉]+)")
GREEK = {unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda')}"): name for name in (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega")}  # fmt: skip
LETTERS = {name: letter for letter, name in GREEK.items()}
SPECIAL = {"->": r" \to ", "\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim "}  # what LaTeX knows by a name
LATEX_OF = {  # signs in which somebody may write an operation of their own
    "⊕": r"\oplus", "⊖": r"\ominus", "⊗": r"\otimes", "⊘": r"\oslash", "⊙": r"\odot", "∘": r"\circ", "·": r"\cdot",
    "*": r"\cdot", "×": r"\times", "⋆": r"\star", "∧": r"\wedge", "∨": r"\vee", "±": r"\pm", "∇": r"\nabla",
    "∂": r"\partial", "√": r"\surd", "‖": r"\Vert", "⟨": r"\langle", "⟩": r"\rangle", "⌊": r"\lfloor",
    "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx",
    "→": r"\to", "->": r"\to", "\\": r"\backslash",
}  # fmt: skip
STYLES = ("∂", "d", "bar", "δ")  # of gradients: ∂L/∂a, dL/da, a̅, δ_a


class Derivative(NamedTuple):
    """The name of a gradient: of the loss by a letter, or by one number of an array; as ∂L/∂a, dL/da, a̅ or δ_a."""

    of: str
    by: str
    style: str = "∂"  # one of STYLES
    index: tuple[int, ...] | None = None  # type: ignore[assignment]  # a name is never searched as a tuple


class Element(NamedTuple):
    """The name of one number of an array: W[0, 3]."""

    of: str
    index: tuple[int, ...]  # type: ignore[assignment]


class Written(NamedTuple):
    """A formula as it is written, and how tightly it holds together.

    `begins` is the sign at its beginning that must not stand behind another: "-", or "1/" of a fraction in one line.
    """

    text: str
    holds: int
    begins: str = ""


Name = str | Derivative | Element | Written


def raised(x: Any, n: Any) -> Any:
    """x² as text; x^n for what is no whole number."""
    whole = isinstance(n, int | float) and n % 1 == 0
    return (f"{{}}{int(n)}".translate(SUPERSCRIPT), POWER, POSTFIX) if whole else None


def transposed(matrix: str, batch: str, own: int) -> Callable[..., Any]:
    """How a matrix, or each matrix of a batch, is written transposed; a call for other orders of axes."""

    def line(x: Any, axes: Any) -> Any:
        swapped = axes is None or axes == (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2)
        return (matrix if axes is None else batch, own, POSTFIX) if swapped else None

    return line


def summed(x: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A sum to a shape as a sum over axes, unless some of them stay as 1 while others go."""
    lead = x.ndim - len(shape)
    stay = tuple(i + lead for i, n in enumerate(shape) if n != x.shape[i + lead])
    if lead and not stay:
        return ops.sum(x, axis=None if not shape else 0 if lead == 1 else tuple(range(lead)))
    return None if lead else ops.sum(x, axis=stay[0] if len(stay) == 1 else stay, keepdims=True)


# fmt: off
THIN = '<mo lspace="0.1em" rspace="0.1em">&#x2062;</mo>'  # a space, and the times that nobody writes
CONSTANTS: dict[float, tuple[str, ...]] = {  # numbers with a name
    # a number       text        LaTeX               Python         MathML
    math.pi:        ("π",       r"\pi",             "np.pi",       "<mi>π</mi>"),
    math.pi / 2:    ("π/2",     r"\frac{\pi}{2}",   "np.pi / 2",   "<mfrac><mi>π</mi><mn>2</mn></mfrac>"),
    math.pi / 180:  ("π/180",   r"\frac{\pi}{180}", "np.pi / 180", "<mfrac><mi>π</mi><mn>180</mn></mfrac>"),
    180 / math.pi:  ("180/π",   r"\frac{180}{\pi}", "180 / np.pi", "<mfrac><mn>180</mn><mi>π</mi></mfrac>"),
    math.e:         ("e",       "e",                "np.e",        "<mi>e</mi>"),
    math.log(2):    ("log(2)",  r"\ln 2",           "np.log(2)",   f"<mi>ln</mi>{THIN}<mn>2</mn>"),
    math.log(10):   ("log(10)", r"\ln 10",          "np.log(10)",  f"<mi>ln</mi>{THIN}<mn>10</mn>"),
    math.sqrt(2):   ("sqrt(2)", r"\sqrt{2}",        "np.sqrt(2)",  "<msqrt><mn>2</mn></msqrt>"),
    math.inf:       ("∞",       r"\infty",          "np.inf",      "<mi>∞</mi>"),
}
BELOW, UPON = "<msub><mrow>{}</mrow><mrow>{}</mrow></msub>", "<msup><mrow>{}</mrow><mrow>{}</mrow></msup>"
FENCE, OVER = "<mrow><mo>{}</mo><mrow>{{}}</mrow><mo>{}</mo></mrow>", "<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>"
TEN, DIFFERENTIAL = UPON.format("<mn>10</mn>", "{}"), '<mi mathvariant="normal">d</mi>{}'
MARKS: dict[str, tuple[str, ...]] = {  # what letters, numbers and settings are made of
    # a mark    text     LaTeX                  Python     MathML
    "a":       ("{}",    "{}",                  "{}",     "<mi>{}</mi>"),
    "alpha":   ("{}",   r"\{}",                 "{}",     "<mi>{}</mi>"),
    "word":    ("{}",   r"\mathrm{{{}}}",       "{}",     '<mi mathvariant="normal">{}</mi>'),
    "a1":      ("{}{}",  "{}_{{{}}}",           "{}{}",   BELOW),
    "a[1]":    ("{}[{}]", "{}_{{{}}}",          "{}[{}]", BELOW),
    "a1[1]":   ("{}[{}]", "{{{}}}_{{{}}}",      "{}[{}]", BELOW),  # LaTeX has no two indices one after the other
    "1":       ("{}",    "{}",                  "{}",     "<mn>{}</mn>"),
    "-1":      ("-{}",   "-{}",                 "-{}",    '<mo form="prefix">−</mo>{}'),
    "1/2":     ("{}/{}", r"\frac{{{}}}{{{}}}",  "{} / {}", OVER),
    "1e2":     ("1e{}",  "10^{{{}}}",           "1e{}",   TEN),
    "2e2":     ("{}e{}", r"{} \cdot 10^{{{}}}", "{}e{}",  "{}<mo>·</mo>" + TEN),
    "nan":     ("nan",  r"\mathrm{{nan}}",      "np.nan", '<mi mathvariant="normal">nan</mi>'),
    "...":     ("...",  r"\ldots",              "...",    "<mi>…</mi>"),
    ":":       (":",     ":",                   ":",      '<mo lspace="0" rspace="0">:</mo>'),
    "()":      ("({})",  "({})",                "({})",   FENCE.format("(", ")")),
    "[]":      ("[{}]",  "[{}]",                "[{}]",   FENCE.format("[", "]")),
    ", ":      (", ",    ", ",                  ", ",     "<mo>,</mo>"),
    ",":       (", ",    ",",                   ", ",     "<mo>,</mo>"),  # between the numbers of an index
    "×":       (", ",   r" \times ",            ", ",     "<mo>×</mo>"),
    "a=":      ("{}={}", r"\mathrm{{{}}}={}",   "{}={}",  '<mi mathvariant="normal">{}</mi><mo>=</mo>{}'),
    "f":       ("{}",   r"\operatorname{{{}}}", "{}",     "<mi>{}</mi>"),
    "f_a":     ("{}_{}", "{}_{{{}}}",           "{}_{}",  BELOW),
    "f(x)":    ("{}{}",  "{}{}",                "{}{}",   "{}<mo>&#x2061;</mo>{}"),
    "∂":       ("∂{}/∂{}", r"\frac{{\partial {}}}{{\partial {}}}", "d_{1}",
                OVER.format("<mi>∂</mi>{}", "<mi>∂</mi>{}")),
    "d":       ("d{}/d{}", r"\frac{{\mathrm{{d}} {}}}{{\mathrm{{d}} {}}}", "d_{1}",
                OVER.format(DIFFERENTIAL, DIFFERENTIAL)),
    "δ":       ("δ_{1}", r"\delta_{{{1}}}",     "d_{1}",  BELOW.format("<mi>δ</mi>", "{1}")),
    "bar":     ("{}",   r"\bar{{{}}}",          "{}",     '<mover accent="true"><mrow>{}</mrow><mo>¯</mo></mover>'),
    "word with bar": ("{}", r"\overline{{{}}}", "{}",     '<mrow style="border-top: 0.06em solid">{}</mrow>'),
}
TEXT_SPELLING = {" * ": "·", " / ": "/", "**": "^", ">=": "≥", "<=": "≤", "!=": "≠", "==": "="}
LATEX_SPELLING = {" * ": r" \cdot ", " @ ": r" \, ", " % ": r" \bmod ", ">=": r"\geq", "<=": r"\leq", "!=": r"\neq",
                  "==": "="}
MATHML_SPELLING = {
    "+": "<mo>+</mo>", "-": "<mo>−</mo>", "*": "<mo>·</mo>", "%": "<mo>mod</mo>", "=": "<mo>=</mo>", "": "",
    "@": THIN, ">": "<mo>&gt;</mo>", "<": "<mo>&lt;</mo>",
    ">=": "<mo>≥</mo>", "<=": "<mo>≤</mo>", "==": "<mo>=</mo>", "!=": "<mo>≠</mo>",
}
TEXT_SIGNS: dict[str, Any] = {
    "power":         raised,
    "transpose":     transposed("{}ᵀ", "{}ᵀ", POSTFIX),
    "getitem":       "{}[{index}]",
    "scatter":       "scatter({}, [{index}], {shape})",
    "reshape":       "reshape({}, {shape})",
    "broadcast_to":  "broadcast_to({}, {shape})",
    "sum_to":        summed,
    "einsum":        "einsum({subscripts}, {all})",
    "inside":        lambda x, low, high: ops.greater_equal(x, low) if high is None else
                                          ops.less_equal(x, high) if low is None else None,
    "square":        lambda x: x**2,
    "sinc":          lambda x, times: ("sinc" + times * "′" + "({})", ATOM),
    "reciprocal":    lambda x: 1 / x,
    "linear":        lambda x, w, b: x @ w + b,
    "slope":         lambda x, n, times: math.prod(n - i for i in range(times)) * x ** (n - times),
    "xlogy":         lambda a, x: a * ops.log(x),  # what these guard against, at an edge, does not show
    "log_of":        lambda a, x: ops.log(x),
    "ratio":         lambda a, b: a / b,
}
LATEX_SIGNS: dict[str, Any] = {
    **TEXT_SIGNS, **dict.fromkeys(("scatter", "reshape", "broadcast_to")),
    "power":         (r"{}^{{{}}}", POWER, POSTFIX),
    "transpose":     transposed(r"{}^\top", r"{}^\top", POWER),
    "divide":        (r"\frac{{{}}}{{{}}}", FRACTION),
    "floor_divide":  (r"\left\lfloor \frac{{{}}}{{{}}} \right\rfloor", ATOM),
    "einsum":        r"\operatorname{{einsum}}_{{{subscripts}}}({all})",
    "abs":           r"\left|{}\right|",
    "fabs":          r"\left|{}\right|",
    "norm":          r"\left\lVert {} \right\rVert",
    "floor":         r"\left\lfloor {} \right\rfloor",
    "ceil":          r"\left\lceil {} \right\rceil",
    "sqrt":          r"\sqrt{{{}}}",
    "cbrt":          r"\sqrt[3]{{{}}}",
    "exp":           (r"e^{{{}}}", POWER),
    "exp2":          (r"2^{{{}}}", POWER),
    "expm1":         lambda x: ops.exp(x) - 1,
    "log1p":         lambda x: ops.log(1 + x),
    "softplus":      lambda x: ops.log(1 + ops.exp(x)),
    "logaddexp":     lambda a, b: ops.log(ops.exp(a) + ops.exp(b)),
    "logsumexp":     lambda x, **at: ops.log(ops.sum(ops.exp(x), **at)),
    "hypot":         lambda a, b: ops.sqrt(a**2 + b**2),
    "inv":           (r"{}^{{-1}}", POWER, POSTFIX),
    "pinv":          (r"{}^{{+}}", POWER, POSTFIX),
    "solve":         lambda a, b: ops.TABLE["inv"](a) @ b,
}
MATHML_SIGNS: dict[str, Any] = {
    **LATEX_SIGNS, **dict.fromkeys(("abs", "fabs"), FENCE.format("|", "|")),
    "power":         (UPON, POWER, POSTFIX),
    "transpose":     transposed(UPON.format("{}", "<mo>⊤</mo>"), UPON.format("{}", "<mo>⊤</mo>"), POWER),
    "getitem":       BELOW.format("{}", "{index}"),
    "negative":      MARKS["-1"][3],
    "divide":        (OVER, FRACTION),
    "floor_divide":  (FENCE.format("⌊", "⌋").format(OVER), ATOM),
    "sinc":          lambda x, times: ("<mi>sinc" + times * "′" + "</mi>" + MARKS["()"][3], ATOM),
    "einsum":        BELOW.format("<mi>einsum</mi>", "{subscripts}") + MARKS["()"][3].format("{all}"),
    "norm":          FENCE.format("‖", "‖"),
    "floor":         FENCE.format("⌊", "⌋"),
    "ceil":          FENCE.format("⌈", "⌉"),
    "sqrt":          "<msqrt>{}</msqrt>",
    "cbrt":          "<mroot><mrow>{}</mrow><mn>3</mn></mroot>",
    "exp":           (UPON.format("<mi>e</mi>", "{}"), POWER),
    "exp2":          (UPON.format("<mn>2</mn>", "{}"), POWER),
    "inv":           (UPON.format("{}", "<mo>−</mo><mn>1</mn>"), POWER, POSTFIX),
    "pinv":          (UPON.format("{}", "<mo>+</mo>"), POWER, POSTFIX),
}
LATEX_FUNCTIONS = {
    **{name: f"\\{name}" for name in "sin cos tan sinh cosh tanh arcsin arccos arctan det".split()},  # noqa: SIM905
    "log": r"\ln", "log2": r"\log_{2}", "log10": r"\log_{10}", "arcsinh": r"\operatorname{arsinh}",
    "arccosh": r"\operatorname{arcosh}", "arctanh": r"\operatorname{artanh}", "sigmoid": r"\sigma", "phi": r"\Phi",
    "sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min", "maximum": r"\max", "minimum": r"\min",
}
MATHML_FUNCTIONS = {
    "log": "<mi>ln</mi>", "log2": BELOW.format("<mi>log</mi>", "<mn>2</mn>"), "sum": "<mo>∑</mo>", "prod": "<mo>∏</mo>",
    "log10": BELOW.format("<mi>log</mi>", "<mn>10</mn>"), "arcsinh": "<mi>arsinh</mi>", "arccosh": "<mi>arcosh</mi>",
    "arctanh": "<mi>artanh</mi>", "sigmoid": "<mi>σ</mi>", "phi": '<mi mathvariant="normal">Φ</mi>',
    "maximum": "<mi>max</mi>", "minimum": "<mi>min</mi>",
}
PYTHON_SIGNS: dict[str, Any] = {
    "power":         lambda x, n: ("{}**{}", POWER, POSTFIX) if isinstance(n, int | float) else None,
    "transpose":     transposed("{}.T", "{}.mT", POSTFIX),
    "getitem":       "{}[{index}]",
    "reshape":       "np.reshape({}, {shape})",
    "broadcast_to":  "np.broadcast_to({}, {shape})",
    "einsum":        "np.einsum({subscripts}, {all})",
    "slope":         lambda x, n, times: TEXT_SIGNS["slope"](x, n, times) if hasattr(n, "op") else None,
    **{name: TEXT_SIGNS[name] for name in ("sum_to", "reciprocal", "linear")},
}
# fmt: on


@dataclass(frozen=True, eq=False)
class Notation:
    """What a notation has of its own."""

    column: int  # of CONSTANTS and MARKS
    spelling: dict[str, str]  # of how rows are written
    signs: dict[str, Any]
    hidden: tuple[str, ...]  # settings that are not shown
    call: Callable[[Any, list[str], dict[str, str], Notation], str]
    functions: dict[str, str] = field(default_factory=dict)  # what the functions are called
    drawn: bool = False  # quotients with a bar, indices below: not all in one line
    code: bool = False  # what is to be run
    harmless: Callable[[str], str] = str  # any text, where it could be taken for something else
    whole: str = "{}"  # what stands around a formula of its own

    @property
    def quotient(self) -> int:
        """How tightly a quotient of numbers holds together."""
        return FRACTION if self.drawn else PRODUCT

    def mark(self, name: str, *parts: str) -> str:
        """A mark of MARKS."""
        return MARKS[name][self.column].format(*parts)

    def words(self, text: str) -> str:
        """Any text, as words that stand in a formula."""
        return self.mark("word", self.harmless(text))


def whole(x: Any, notation: Notation) -> str:
    """A formula to stand alone: in MathML in its <math> element, else as it is written."""
    return notation.whole.format(write(x, notation).text)


def write(x: Any, notation: Notation) -> Written:
    """A formula, or whatever else may stand in one, as it is written, and how tightly it holds together."""
    outer = []
    while getattr(x, "op", None) in LONG:  # a sum of a thousand terms, and no recursion
        outer.append(x)
        x = x.operands[0]
    written = one(x, notation)
    while outer:
        written = one(outer.pop(), notation, written)
    return written


def one(x: Any, notation: Notation, first: Written | None = None, bare: bool = False) -> Written:
    """What `write` gives. The first operand may be written already; `bare` is a comparison without its brackets."""
    if not hasattr(x, "apply_op"):
        return literal(x, notation)
    if x.op is None:
        return letter(x.name, notation)
    line, settings = notation.signs.get(x.op.name), shown(x, notation)
    if callable(line) and hasattr(line := line(*x.operands, **x.settings), "apply_op"):
        return one(line, notation, bare=bare)
    if isinstance(line, str):
        line = (line, *HOLDS.get(x.op.name, (ATOM,))) if all(f"{{{name}}}" in line for name in settings) else None
    line = line or as_its_row_says(x.op, notation, bool(settings))
    template, own, *needs = line or ("", ATOM)
    if notation.code and own < POWER and len(needs) == 2:
        needs[1] = max(needs[1], own + 1)  # (a + b) + c is not a + (b + c) to the last bit
    needs += [0] * (len(x.operands) - len(needs))
    parts = [operand(x, i, own, need, notation, None if i else first) for i, need in enumerate(needs)]
    texts = [part.text for part in parts]
    if line is None:
        given = {name: setting(name, x.settings[name], notation) for name in settings}
        return Written(notation.call(x, texts, given, notation), ATOM)
    written = {name: setting(name, value, notation) for name, value in x.settings.items() if f"{{{name}}}" in template}
    text = template.format(*texts, all=notation.mark(", ").join(texts), **written)
    if not notation.code and truth(x.op):
        return Written(text, COMPARED) if bare else Written(notation.mark("[]", text), ATOM)
    return Written(text, own, beginning(x, template, parts))


def beginning(formula: Any, template: str, parts: list[Written]) -> str:
    """The sign at the beginning of a formula, if it must not stand behind another one."""
    if formula.op is ops.negative:
        return "-"
    if not template.startswith("{}"):
        return ""
    over = formula.operands[0] if formula.op is ops.divide else None
    return "1/" if isinstance(over, int | float) and over == 1 else parts[0].begins


def operand(formula: Any, i: int, own: int, need: int, notation: Notation, written: Written | None) -> Written:
    """An operand as it stands in its formula: in brackets where its own sign holds less tightly than it must."""
    x = formula.operands[i]
    if notation.code and formula.op in (ops.add, ops.subtract, ops.negative):
        text, holds, begins = counted(x, notation, formula.op is ops.negative) or written or write(x, notation)
    elif formula.op is ops.where and getattr(getattr(x, "op", None), "name", "") in TRUTH:
        text, holds, begins = one(x, notation, bare=True)
    else:
        text, holds, begins = written or write(x, notation)
    several = len(formula.operands) > 1
    chain = i == 0 and COMPARED < own == holds < POWER and several  # a - b - c is (a - b) - c
    number = i == 0 and own == PRODUCT and begins == "-" and getattr(x, "op", None) is None  # -3·x
    if isinstance(getattr(x, "name", None), Written):  # not a + b, written already
        number = number and holds == REST
    unclear = need and own and begins and (i or not several) and (begins == "-" or own == PRODUCT)
    over = notation is TEXT and formula.op is ops.divide and getattr(x, "op", None) is None and "/" in text  # (1/3)/x
    if over or unclear or (holds < need and not chain and not number):
        return Written(brackets(text, notation), ATOM)
    return Written(text, holds, begins)


def counted(x: Any, notation: Notation, signed: bool) -> Written | None:
    """A truth value where Python is to take it for a number: NumPy has no -True; None for anything else."""
    first = x
    while signed and getattr(first, "op", None) in (ops.multiply, ops.divide):
        first = first.operands[0]
    if getattr(getattr(first, "op", None), "name", "") not in TRUTH:
        return None
    text = write(x, notation).text
    return Written(f"1 * {brackets(text, notation) if first is x else text}", PRODUCT)


def brackets(text: str, notation: Notation) -> str:
    """Text in brackets, in LaTeX in tall ones around what is tall."""
    tall = notation is LATEX and TALL.search(text)
    return rf"\left({text}\right)" if tall else notation.mark("()", text)


def truth(op: ops.Op) -> bool:
    """Whether an operation is a question: 1 where it is so, 0 elsewhere."""
    return op.name in TRUTH or op.written.startswith("[")


@cache
def as_its_row_says(op: ops.Op, notation: Notation, settings: bool) -> tuple[Any, ...] | None:
    """The line of an operation that has none: an operator, or, as text, whatever its row says; None for a call."""
    template = spelled(op.written.strip("[]") if truth(op) and not notation.code else op.written, notation)
    if not notation.code and truth(op):
        return template, ATOM
    if op.name in HOLDS and op.written[0] != "[":
        return template, *HOLDS[op.name]
    if notation is not TEXT or op.arity is None or settings:
        return None
    return template, *holding(template, op.arity)


def holding(template: str, arity: int) -> tuple[int, ...]:
    """How tightly a sign holds of which nothing is said, and its operands must: brackets, to be on the safe side."""
    fence = enclosed(template)
    bare = fence is not None and set(PLACE.sub("", fence[1])) <= set(",;| ")
    return ATOM if fence else COMPARED, *[0 if bare else ATOM] * arity


def enclosed(template: str) -> list[str] | None:
    """A sign that encloses its operands as its beginning, what stands inside, and its end; None for other signs."""
    found = CLOSED.fullmatch(template)
    return found and [part for part in found.groups() if part is not None]


def spelled(template: str, notation: Notation) -> str:
    """How a row is written, with the signs of a notation."""
    if notation is MATHML:
        parts = PLACE.split(template)
        for i, part in enumerate(parts):
            if not i % 2:
                parts[i] = notation.spelling.get(part.strip(), f"<mtext>{notation.harmless(part)}</mtext>")
        return "".join(parts)
    for sign, instead in notation.spelling.items():
        template = template.replace(sign, instead)
    return template


def add_signs(op: ops.Op, latex: str | None) -> None:
    """Lines of SIGNS for an operation of one's own, which is drawn as its row says, in LaTeX maybe as `latex` says."""
    call = op.arity is None or op.written.startswith((f"{op.name}(", "["))
    for notation in (LATEX, MATHML):
        own = latex if notation is LATEX else None
        notation.signs.pop(op.name, None)
        if own or not call:
            notation.signs[op.name] = sign_of(op, own, notation)


def sign_of(op: ops.Op, own: str | None, notation: Notation) -> Callable[..., Any]:
    """The line of an operation of one's own; a call where it has settings that are not the usual ones, nor in `own`."""
    arity = op.arity or 1
    if own is None:
        line: Any = (in_signs(op.written, notation), *holding(op.written, arity))
    elif own.startswith("{}") or (own.endswith("{}") and not own.endswith("{{}}")):
        line = (own, COMPARED, *[ATOM] * arity)
    else:  # with nothing but its own signs at both ends
        line = (own, ATOM)

    def line_for(*operands: Any, **settings: Any) -> Any:
        told = all(f"{{{name}}}" in line[0] or same(settings[name], usual) for name, usual in op.settings.items())
        return line if told else None

    return line_for


def in_signs(written: str, notation: Notation) -> str:
    """How a row is written, with each sign as LaTeX or MathML has it."""
    fence = enclosed(written)
    if fence is None:
        parts = PLACE.split(written)
        return "".join(part if i % 2 else doubled(in_sign(part.strip(), notation)) for i, part in enumerate(parts))
    function, left, inner, right = fence[0][:-1], fence[0][-1], in_signs(fence[1], notation), fence[2]
    if notation is LATEX:
        text = rf"\left{LATEX_OF.get(left, left)} {inner} \right{LATEX_OF.get(right, right)}"
    else:
        text = FENCE.format(left, right).format(inner)
    name = doubled(notation.mark("f", notation.harmless(function)))
    return notation.mark("f(x)", name, text) if function else text


def in_sign(text: str, notation: Notation) -> str:
    """What stands between operands: words upright, signs as they are."""
    if notation is LATEX:
        if any(map(str.isalnum, text)):
            return rf" \mathbin{{{notation.words(text)}}} "
        signs = [LATEX_OF.get(part) or escaped(part) for part in re.findall(r"->|\S", text)]
        return " ".join(["", *signs, ""]) if text else ""
    kind = "mtext" if any(map(str.isalnum, text)) else "mo"
    return f"<{kind}>{notation.harmless(text)}</{kind}>" if text else ""


def doubled(text: str) -> str:
    """Text in which no brace is a place."""
    return text.replace("{", "{{").replace("}", "}}")


def shown(formula: Any, notation: Notation) -> list[str]:
    """The settings of a formula that are not the usual ones of its operation."""
    settings, usual = formula.settings, formula.op.settings
    if not settings:
        return []
    return [name for name in settings if name not in notation.hidden and not same(settings[name], usual[name])]


def same(x: Any, y: Any) -> bool:
    """Whether two settings are the same."""
    return x is y or (type(x) is type(y) and isinstance(x, int | float | str | tuple) and bool(x == y))


# -- letters, numbers and settings -------------------------------------------------------------------------------------


def letter(name: Name, notation: Notation) -> Written:
    """A letter, or a number put in for one; where formulas are drawn, words stand upright and x1 and x₁ have an index.

    Raises ValueError for what is no name in Python.
    """
    if isinstance(name, Derivative):
        return derivative(name, notation)
    if isinstance(name, Written):  # a part that is written already
        return name
    if isinstance(name, Element):
        of = python_name(name.of) if notation.code else letter(name.of, notation).text
        return Written(indexed(name.of, of, name.index, notation), ATOM)
    if NUMBER.fullmatch(name):
        return numeral(name, notation)
    if notation.drawn:
        return Written(drawn(name, notation), ATOM)
    if notation.code:
        return Written(python_name(name), ATOM)
    return Written(name, SUM, "-") if name.startswith("-") else Written(name, ATOM)


def python_name(name: str) -> str:
    """A name as it is, if Python takes it for one."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"A letter in Python must be a name such as x or x1, not {name!r}.")
    return name


def drawn(name: str, notation: Notation) -> str:
    """A name in LaTeX or MathML."""
    sign = LETTERS.get(name, name)
    if sign in GREEK:
        return notation.mark("alpha", GREEK[sign] if notation is LATEX else sign)
    if len(name) == 1 and name.isalpha():
        return notation.mark("a", name)
    if parts := INDEXED.fullmatch(name):
        return notation.mark("a1", drawn(parts[1], notation), notation.mark("1", parts[2].translate(DIGITS)))
    return notation.words(name)


def derivative(name: Derivative, notation: Notation) -> Written:
    """The letter of a gradient; a bar stands over the name alone, the other signs over the number of the array."""
    of, by, style, index = name
    if style not in STYLES:
        raise ValueError(f"The style of a gradient is one of {', '.join(STYLES)}, not {style!r}.")
    if notation.code:
        gradient = f"d_{python_name(by)}"
        return Written(gradient if index is None else indexed(by, gradient, index, notation), ATOM)
    above, below = letter(of, notation).text, letter(by, notation).text
    if style == "bar":
        above = notation.mark("bar" if len(by) == 1 or by in LETTERS else "word with bar", below)
        if notation is TEXT:
            above = "".join(f"{sign}\N{COMBINING OVERLINE}" for sign in by)
        return Written(above if index is None else indexed("", above, index, notation), ATOM)
    below = below if index is None else indexed(by, below, index, notation)
    return Written(notation.mark(style, above, below), ATOM if style == "δ" else SLOPE)


def indexed(name: str, text: str, index: tuple[int, ...], notation: Notation) -> str:
    """One number of an array, whose name was written as `text`."""
    places = notation.mark(",").join(numeral(str(i), notation).text for i in index)
    return notation.mark("a1[1]" if INDEXED.fullmatch(name) else "a[1]", text, places)


def escaped(text: str) -> str:
    """Any text, harmless in LaTeX."""

    def harmless(found: re.Match[str]) -> str:
        return SPECIAL.get(found[0], rf"\{found[0]}" if found[0].strip() else r"\ ")

    return re.sub(r"->|[\\^~#$%&_{}]|\s", harmless, text)


def escaped_in_xml(text: str) -> str:
    """Any text, harmless in MathML."""
    return html.escape(NO_XML.sub("\N{REPLACEMENT CHARACTER}", text.replace("->", "→")))


def literal(x: Any, notation: Notation) -> Written:
    """A number, or a list, a slice or whatever else a setting may be."""
    inner: Any = lambda x: write(x, notation).text  # noqa: E731
    comma = notation.mark(", ")
    if isinstance(x, float | int | Fraction) and not isinstance(x, bool):
        return number(x, notation)
    if isinstance(x, np.ndarray):
        return Written(array(x, inner) if notation.code else numbers(x.tolist(), notation), ATOM)
    if isinstance(x, slice):
        ends = ["" if i is None else inner(i) for i in (x.start, x.stop)]
        return Written(notation.mark(":").join(ends if x.step is None else [*ends, inner(x.step)]), ATOM)
    if isinstance(x, tuple):
        return Written(notation.mark("()", comma.join(map(inner, x)) + comma.rstrip() * (len(x) == 1)), ATOM)
    if isinstance(x, list):
        return Written(notation.mark("[]", comma.join(map(inner, x))), ATOM)
    if x is ...:
        return Written(notation.mark("..."), ATOM)
    return letter(str(x), notation) if notation.drawn else Written(repr(x), ATOM)


def number(x: Any, notation: Notation) -> Written:
    """A number: in Python to the last bit, else to six digits; by its name if it has one."""
    if x < 0:
        return Written(notation.mark("-1", number(-x, notation).text), SUM, "-")
    if isinstance(x, float) and x in CONSTANTS:
        quotient = "/" in CONSTANTS[x][TEXT.column]
        return Written(CONSTANTS[x][notation.column], notation.quotient if quotient else ATOM)
    if isinstance(x, Fraction) and x.denominator > 1:
        return numeral(str(x), notation)
    if notation.code:
        return Written("np.nan" if x != x else repr(x), ATOM)
    if isinstance(x, float) and x % 1 and not float(f"{x:g}") % 1:
        return numeral(f"{x:.12g}", notation)  # 0.9999999 is not 1
    return numeral(f"{x:g}" if isinstance(x, float) else str(x), notation)


def numeral(text: str, notation: Notation) -> Written:
    """A number from its digits: -3, 2.50, 1.5e-07, 1/3, inf or nan."""
    if text.startswith("-"):
        return Written(notation.mark("-1", numeral(text[1:], notation).text), SUM, "-")
    if text in ("inf", "nan"):
        return Written(CONSTANTS[math.inf][notation.column] if text == "inf" else notation.mark("nan"), ATOM)
    over, quotient, below = text.partition("/")
    if quotient:
        written = notation.mark("1/2", notation.mark("1", over), notation.mark("1", below))
        return Written(written, notation.quotient, "1/" if over == "1" and not notation.drawn else "")
    digits, _, exponent = text.partition("e")
    if not exponent or notation.code:
        return Written(notation.mark("1", text), ATOM)
    places = numeral(str(int(exponent)), notation).text
    if float(digits) == 1:
        return Written(notation.mark("1e2", places), POWER)
    return Written(notation.mark("2e2", notation.mark("1", digits), places), PRODUCT if notation.drawn else POWER)


def numbers(x: Any, notation: Notation) -> str:
    """The numbers of an array as lists, those in the middle of a long one left out."""
    if not isinstance(x, list):
        return write(x, notation).text
    listed = [numbers(i, notation) for i in (x if len(x) <= 6 else x[:3])]
    return notation.mark("[]", notation.mark(", ").join([*listed, *[notation.mark("...")] * (len(x) > 6)]))


def array(x: np.ndarray, inner: Callable[[Any], str]) -> str:
    """An array in Python, all of it."""
    dtype = "" if x.dtype in (float, int, bool) else f", dtype=np.{x.dtype.name}"
    for name, value in (("zeros", 0), ("ones", 1)):
        if x.dtype.kind == "f" and x.size != 1 and np.all(x == value):
            return f"np.{name}({inner(x.shape)}{dtype})"
    return f"np.array({inner(x.tolist())}{dtype})"


def setting(name: str, x: Any, notation: Notation) -> str:
    """A setting; an index as it stands between its brackets, a shape as 2 × 3 where formulas are drawn."""
    if name == "index":
        parts, comma = x if isinstance(x, tuple) and x else (x,), notation.mark(", ")
        alone = isinstance(x, tuple) and len(x) == 1 and isinstance(x[0], tuple)  # x[(1, 1),]
        return comma.join(write(part, notation).text for part in parts) + comma.rstrip() * alone
    if name == "shape" and notation.drawn and isinstance(x, tuple) and x:
        return notation.mark("×").join(notation.mark("1", str(n)) for n in x)
    return f"np.{np.dtype(x).name}" if name == "dtype" and x is not None else write(x, notation).text


# -- calls -------------------------------------------------------------------------------------------------------------


def text_call(x: Any, operands: list[str], settings: dict[str, str], notation: Notation) -> str:
    """A call with the operands one after the other, also where Python wants a list of them."""
    return f"{x.op.name}({', '.join([*operands, *(f'{name}={value}' for name, value in settings.items())])})"


def drawn_call(x: Any, operands: list[str], settings: dict[str, str], notation: Notation) -> str:
    """A function with its settings below it."""
    function = notation.functions.get(x.op.name) or notation.mark("f", notation.harmless(x.op.name))
    below = []
    for name, value in settings.items():
        short = {"shape": value, "axes": value, "index": notation.mark("[]", value)}
        below.append(short.get(name) or notation.mark("a=", notation.harmless(name), value))
    comma = notation.mark(", ")
    function = notation.mark("f_a", function, comma.join(below)) if below else function
    return notation.mark("f(x)", function, brackets(comma.join(operands), notation))


def python_call(x: Any, operands: list[str], settings: dict[str, str], notation: Notation) -> str:
    """The function of NumPy that the row answers for, if that knows the settings; else the row by its own name."""
    called, names, values = x.op.name, {*settings}, x.settings
    for f in x.op.numpy:
        for name, module in (("np", np), ("np.linalg", np.linalg)):
            own = [own for own in (x.op.name, getattr(f, "__name__", "")) if getattr(module, own, None) is f]
            takes = calling.signature(f)
            if own and called == x.op.name and (takes is None or names <= takes.keys()):
                called = f"{name}.{own[0]}"
                names |= {name for name in values if takes and takes.get(name) is calling.REQUIRED}
    given = {name: setting(name, values[name], PYTHON) for name in values if name in names}
    if "index" in given:
        given["index"] = f"np.s_[{given['index']}]" if ":" in given["index"] else write(values["index"], PYTHON).text
    listed = operands if x.op.arity else [f"[{', '.join(operands)}]"]
    return f"{called}({', '.join([*listed, *(f'{name}={value}' for name, value in given.items())])})"


TEXT = Notation(0, TEXT_SPELLING, TEXT_SIGNS, ("dtype",), text_call)
LATEX = Notation(
    1, LATEX_SPELLING, LATEX_SIGNS, ("dtype", "keepdims"), drawn_call, LATEX_FUNCTIONS, drawn=True, harmless=escaped
)
PYTHON = Notation(2, {}, PYTHON_SIGNS, (), python_call, code=True)
MATHML = Notation(
    3, MATHML_SPELLING, MATHML_SIGNS, ("dtype", "keepdims"), drawn_call, MATHML_FUNCTIONS, drawn=True,
    harmless=escaped_in_xml, whole='<math display="inline">{}</math>',
)  # fmt: skip
NOTATIONS = {"text": TEXT, "latex": LATEX, "python": PYTHON, "mathml": MATHML}
