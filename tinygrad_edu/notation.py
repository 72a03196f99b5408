"""How a formula is written: as text, in LaTeX, in Python. A table of signs for each, and one way of setting brackets.

Most operations are written as their row of the table of operations says, in the spelling of the notation, or as a call;
a row of one's own needs nothing here. Where that will not do, a line of SIGNS says how the operation is written, maybe
with how tightly that holds together and how tightly each operand must (if nothing is said, the sign encloses it). A
function instead of a line decides by operands and settings: it gives a line, another formula to write instead, or None.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from . import calling, ops

COMPARED, SUM, REST, MATRIX, PRODUCT, FRACTION, POWER, POSTFIX, ATOM = range(9)  # how tightly a formula holds together
TRUTH = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "inside")
HOLDS = {  # how tightly the signs hold, and how tightly their operands must to stand without brackets
    "add": (SUM, SUM, SUM), "subtract": (SUM, SUM, REST), "negative": (SUM, MATRIX),
    "remainder": (REST, POWER, POWER), "floor_divide": (REST, POWER, POWER), "matmul": (MATRIX, POWER, POWER),
    "multiply": (PRODUCT, PRODUCT, PRODUCT), "divide": (PRODUCT, PRODUCT, FRACTION), "power": (POWER, POSTFIX, POSTFIX),
    "getitem": (POSTFIX, POSTFIX), **dict.fromkeys(TRUTH, (COMPARED, SUM, SUM)),
}  # fmt: skip
SUPERSCRIPT, DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"), str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
NUMBER = re.compile(r"-?[\d.]+(e[-+]?\d+)?")


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
CONSTANTS: dict[float, tuple[str, ...]] = {  # numbers with a name
    # a number       text        LaTeX               Python
    math.pi:        ("π",       r"\pi",             "np.pi"),
    math.pi / 2:    ("π/2",     r"\frac{\pi}{2}",   "np.pi / 2"),
    math.pi / 180:  ("π/180",   r"\frac{\pi}{180}", "np.pi / 180"),
    180 / math.pi:  ("180/π",   r"\frac{180}{\pi}", "180 / np.pi"),
    math.e:         ("e",       "e",                "np.e"),
    math.log(2):    ("log(2)",  r"\ln 2",           "np.log(2)"),
    math.log(10):   ("log(10)", r"\ln 10",          "np.log(10)"),
    math.sqrt(2):   ("sqrt(2)", r"\sqrt{2}",        "np.sqrt(2)"),
    math.inf:       ("∞",       r"\infty",          "np.inf"),
}
TEXT_SPELLING = {" * ": "·", " / ": "/", "**": "^", ">=": "≥", "<=": "≤", "!=": "≠", "==": "="}
LATEX_SPELLING = {" * ": r" \cdot ", " @ ": r" \, ", " % ": r" \bmod ", ">=": r"\geq", "<=": r"\leq", "!=": r"\neq",
                  "==": "="}
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
LATEX_FUNCTIONS = {
    **{name: f"\\{name}" for name in "sin cos tan sinh cosh tanh arcsin arccos arctan det".split()},  # noqa: SIM905
    "log": r"\ln", "log2": r"\log_{2}", "log10": r"\log_{10}", "arcsinh": r"\operatorname{arsinh}",
    "arccosh": r"\operatorname{arcosh}", "arctanh": r"\operatorname{artanh}", "sigmoid": r"\sigma", "phi": r"\Phi",
    "sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min", "maximum": r"\max", "minimum": r"\min",
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


class Notation(NamedTuple):
    """What a notation has of its own."""

    column: int  # of CONSTANTS
    spelling: dict[str, str]  # of how rows are written
    signs: dict[str, Any]
    hidden: tuple[str, ...]  # settings that are not shown
    call: Callable[[Any, list[str], dict[str, str]], str]


def write(x: Any, notation: Notation) -> tuple[str, int]:
    """A formula, or whatever else may stand in one, as it is written, and how tightly it holds together."""
    if not hasattr(x, "apply_op"):
        return literal(x, notation)
    if x.op is None:
        return letter(x.name, notation)
    line, settings = notation.signs.get(x.op.name), shown(x, notation)
    if callable(line) and hasattr(line := line(*x.operands, **x.settings), "apply_op"):
        return write(line, notation)
    if isinstance(line, str):
        line = (line, *HOLDS.get(x.op.name, (ATOM,))) if all(f"{{{name}}}" in line for name in settings) else None
    line = line or as_its_row_says(x.op, notation, settings)
    template, own, *needs = line or ("", ATOM)
    if notation is PYTHON and own < POWER and len(needs) == 2:
        needs[1] = max(needs[1], own + 1)  # (a + b) + c is not a + (b + c) to the last bit
    needs += [0] * (len(x.operands) - len(needs))
    texts = [operand(x, i, own, need, notation) for i, need in enumerate(needs)]
    if line is None:
        return notation.call(x, texts, {name: setting(name, x.settings[name], notation) for name in settings}), ATOM
    written = {name: setting(name, value, notation) for name, value in x.settings.items() if f"{{{name}}}" in template}
    return template.format(*texts, all=", ".join(texts), **written), own


def operand(formula: Any, i: int, own: int, need: int, notation: Notation) -> str:
    """An operand as it stands in its formula: in brackets where its own sign holds less tightly than it must."""
    x, (text, holds) = formula.operands[i], write(formula.operands[i], notation)
    first = x
    while getattr(first, "op", None) in (ops.multiply, ops.divide):
        first = first.operands[0]
    if getattr(getattr(first, "op", None), "name", None) in TRUTH:
        counted = formula.op is ops.negative or (first is x and formula.op in (ops.add, ops.subtract))
        if notation is PYTHON and counted:
            text, holds = f"1 * {brackets(text, notation) if first is x else text}", PRODUCT  # NumPy has no -True
        elif notation is not PYTHON and first is x and formula.op is ops.where:
            text = text[1:-1]
    chain = i == 0 and COMPARED < own == holds < POWER and len(formula.operands) > 1  # a - b - c is (a - b) - c
    unclear = i and need and own and text.startswith(("-", "1/") if own == PRODUCT else "-")
    loose = unclear or (holds < need and not chain)
    return brackets(text, notation) if loose else text


def brackets(text: str, notation: Notation) -> str:
    """Text in brackets, in LaTeX in tall ones around what is tall."""
    tall = notation is LATEX and re.search(r"\\(frac|left|sqrt|sum|prod)", text)
    return rf"\left({text}\right)" if tall else f"({text})"


def as_its_row_says(op: ops.Op, notation: Notation, settings: list[str]) -> tuple[Any, ...] | None:
    """The line of an operation that has none: an operator, or, as text, whatever its row says; None for a call."""
    template, truth = op.written, op.name in TRUTH or op.written.startswith("[")
    for sign, instead in notation.spelling.items():
        template = template.replace(sign, instead)
    if notation is not PYTHON and truth:
        return "[" + template.strip("[]") + "]", ATOM  # 1 where it is so, 0 elsewhere
    if op.name in HOLDS and op.written[0] != "[":
        return template, *HOLDS[op.name]
    if notation is not TEXT or op.arity is None or settings:
        return None
    closed = re.fullmatch(r"\w*\([^()]*\)|\|[^|]*\|", template)
    return (template, ATOM) if closed else (template, COMPARED, *[ATOM] * op.arity)  # brackets, to be on the safe side


def shown(formula: Any, notation: Notation) -> list[str]:
    """The settings of a formula that are not the usual ones of its operation."""

    def same(x: Any, y: Any) -> bool:
        return x is y or (type(x) is type(y) and isinstance(x, int | float | str | tuple) and bool(x == y))

    settings, usual = formula.settings, formula.op.settings
    return [name for name in settings if name not in notation.hidden and not same(settings[name], usual[name])]


# -- letters, numbers and settings -------------------------------------------------------------------------------------


def letter(name: str, notation: Notation) -> tuple[str, int]:
    """A letter, or a number put in for one; in LaTeX words stand upright, x1 and x₁ have an index, ∂L/∂x is a fraction.

    Raises ValueError for what is no name in Python.
    """
    if notation is PYTHON and not NUMBER.fullmatch(name) and (not name.isidentifier() or keyword.iskeyword(name)):
        raise ValueError(f"A letter in Python must be a name such as x or x1, not {name!r}.")
    if notation is not LATEX or (len(name) == 1 and name.isalpha()) or NUMBER.fullmatch(name):
        return name, SUM if name.startswith("-") else ATOM
    if parts := re.fullmatch("∂([^/]+)/∂([^/]+)", name):
        above, below = (letter(part, notation)[0] for part in parts.groups())
        return rf"\frac{{\partial {above}}}{{\partial {below}}}", FRACTION
    if parts := re.fullmatch(r"([^\W\d_₀-₉]+)_?([0-9]+|[₀-₉]+)", name):
        return f"{letter(parts[1], notation)[0]}_{{{parts[2].translate(DIGITS)}}}", ATOM
    return rf"\mathrm{{{escaped(name)}}}", ATOM


def escaped(text: str) -> str:
    """Any text, harmless in LaTeX."""
    special = {"->": r" \to ", "\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", " ": r"\ "}
    return re.sub(r"->|[\\^~ #$%&_{}]", lambda found: special.get(found[0], f"\\{found[0]}"), text)


def literal(x: Any, notation: Notation) -> tuple[str, int]:
    """A number, or a list, a slice or whatever else a setting may be."""
    inner: Any = lambda x: write(x, notation)[0]  # noqa: E731
    if isinstance(x, float | int | Fraction) and not isinstance(x, bool):
        return number(x, notation)
    if isinstance(x, np.ndarray):
        return (array(x, inner) if notation is PYTHON else numbers(x.tolist(), inner)), ATOM
    if isinstance(x, slice):
        ends = ["" if i is None else inner(i) for i in (x.start, x.stop)]
        return ":".join(ends if x.step is None else [*ends, inner(x.step)]), ATOM
    if isinstance(x, tuple):
        return f"({', '.join(map(inner, x))}{',' * (len(x) == 1)})", ATOM
    if isinstance(x, list):
        return f"[{', '.join(map(inner, x))}]", ATOM
    if notation is LATEX:
        return (r"\ldots", ATOM) if x is ... else letter(str(x), notation)
    return "..." if x is ... else repr(x), ATOM


def number(x: Any, notation: Notation) -> tuple[str, int]:
    """A number: in Python to the last bit, else to six digits; by its name if it has one."""
    if x < 0:
        return f"-{number(-x, notation)[0]}", SUM
    if isinstance(x, float) and x in CONSTANTS:
        text = CONSTANTS[x][notation.column]
        return text, FRACTION if "frac" in text else PRODUCT if "/" in text else ATOM
    if isinstance(x, Fraction) and x.denominator > 1:
        template = ("{}/{}", r"\frac{{{}}}{{{}}}", "{} / {}")[notation.column]
        return template.format(x.numerator, x.denominator), FRACTION if notation is LATEX else PRODUCT
    if notation is PYTHON:
        return "np.nan" if x != x else repr(x), ATOM
    text = re.sub(r"e(-?)\+?0*", r"e\1", f"{x:g}") if isinstance(x, float) else str(x)
    digits, _, exponent = text.partition("e")
    if notation is TEXT or not exponent:
        return (r"\mathrm{nan}" if notation is LATEX and x != x else text), ATOM
    return (f"10^{{{exponent}}}", POWER) if digits == "1" else (rf"{digits} \cdot 10^{{{exponent}}}", PRODUCT)


def numbers(x: Any, inner: Callable[[Any], str]) -> str:
    """The numbers of an array as lists, those in the middle of a long one left out."""
    if not isinstance(x, list):
        return inner(x)
    return f"[{', '.join([numbers(i, inner) for i in (x if len(x) <= 6 else x[:3])] + [inner(...)] * (len(x) > 6))}]"


def array(x: np.ndarray, inner: Callable[[Any], str]) -> str:
    """An array in Python, all of it."""
    dtype = "" if x.dtype in (float, int, bool) else f", dtype=np.{x.dtype.name}"
    for name, value in (("zeros", 0), ("ones", 1)):
        if x.dtype.kind == "f" and x.size != 1 and np.all(x == value):
            return f"np.{name}({inner(x.shape)}{dtype})"
    return f"np.array({inner(x.tolist())}{dtype})"


def setting(name: str, x: Any, notation: Notation) -> str:
    """A setting; an index as it stands between its brackets, a shape in LaTeX as 2 × 3."""
    if name == "index":
        parts = x if isinstance(x, tuple) and x else (x,)
        comma = "," if isinstance(x, tuple) and len(x) == 1 and isinstance(x[0], tuple) else ""  # x[(1, 1),]
        return ", ".join(write(part, notation)[0] for part in parts) + comma
    if name == "shape" and notation is LATEX and isinstance(x, tuple) and x:
        return r" \times ".join(map(str, x))
    return f"np.{np.dtype(x).name}" if name == "dtype" and x is not None else write(x, notation)[0]


# -- calls -------------------------------------------------------------------------------------------------------------


def text_call(x: Any, operands: list[str], settings: dict[str, str]) -> str:
    """A call with the operands one after the other, also where Python wants a list of them."""
    return f"{x.op.name}({', '.join([*operands, *(f'{name}={value}' for name, value in settings.items())])})"


def latex_call(x: Any, operands: list[str], settings: dict[str, str]) -> str:
    """A function with its settings below it."""
    function = LATEX_FUNCTIONS.get(x.op.name, rf"\operatorname{{{escaped(x.op.name)}}}")
    short = {"shape": ("", ""), "axes": ("", ""), "index": ("[", "]")}
    ends = {name: short.get(name, (rf"\mathrm{{{escaped(name)}}}=", "")) for name in settings}
    below = ", ".join(value.join(ends[name]) for name, value in settings.items())
    return function + (f"_{{{below}}}" if below else "") + brackets(", ".join(operands), LATEX)


def python_call(x: Any, operands: list[str], settings: dict[str, str]) -> str:
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
        given["index"] = f"np.s_[{given['index']}]" if ":" in given["index"] else write(values["index"], PYTHON)[0]
    listed = operands if x.op.arity else [f"[{', '.join(operands)}]"]
    return f"{called}({', '.join([*listed, *(f'{name}={value}' for name, value in given.items())])})"


TEXT = Notation(0, TEXT_SPELLING, TEXT_SIGNS, ("dtype",), text_call)
LATEX = Notation(1, LATEX_SPELLING, LATEX_SIGNS, ("dtype", "keepdims"), latex_call)
PYTHON = Notation(2, {}, PYTHON_SIGNS, (), python_call)
NOTATIONS = {"text": TEXT, "latex": LATEX, "python": PYTHON}
