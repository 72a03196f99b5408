"""Symbols: the rules read on letters. Each formula is the calculus book's, and means what the rule computes."""

import math
import re
import time
import xml.etree.ElementTree as ET
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import domains, ops
from tinygrad_edu.notation import (
    CONSTANTS, GREEK, LATEX, MATHML, MATHML_SIGNS, PYTHON, STYLES, TEXT, Derivative, Element, whole, write,
)  # fmt: skip
from tinygrad_edu.symbol import Symbol, formulas

g, a, b, c, x = map(Symbol, "gabcx")

# Every row that has a rule: its operands, the partial derivatives as the book has them, and the rule with g.
BOOK = {
    "add": ("a b", ["1", "1"], ["g", "g"]),
    "subtract": ("a b", ["1", "-1"], ["g", "-g"]),
    "multiply": ("a b", ["b", "a"], ["g·b", "g·a"]),
    "divide": ("a b", ["1/b", "-y/b"], ["g/b", "-g·y/b"]),
    "power": ("x n", ["n·x^(n - 1)", "y·log(x)"], ["g·n·x^(n - 1)", "g·y·log(x)"]),
    "negative": ("x", ["-1"], ["-g"]),
    "same": ("x", ["1"], ["g"]),
    "abs": ("x", ["sign(x)"], ["g·sign(x)"]),
    "sign": ("x", ["0"], ["0"]),
    "exp": ("x", ["y"], ["g·y"]),
    "log": ("x", ["1/x"], ["g/x"]),
    "expm1": ("x", ["y + 1"], ["g·(y + 1)"]),
    "log1p": ("x", ["1/(1 + x)"], ["g/(1 + x)"]),
    "sqrt": ("x", ["1/(2·y)"], ["g/(2·y)"]),
    "square": ("x", ["2·x"], ["g·2·x"]),
    "reciprocal": ("x", ["-y²"], ["-g·y²"]),
    "sin": ("x", ["cos(x)"], ["g·cos(x)"]),
    "cos": ("x", ["-sin(x)"], ["-g·sin(x)"]),
    "tan": ("x", ["1 + y²"], ["g·(1 + y²)"]),
    "arcsin": ("x", ["1/sqrt(1 - x²)"], ["g/sqrt(1 - x²)"]),
    "arccos": ("x", ["-1/sqrt(1 - x²)"], ["-g/sqrt(1 - x²)"]),
    "arctan": ("x", ["1/(1 + x²)"], ["g/(1 + x²)"]),
    "sinh": ("x", ["cosh(x)"], ["g·cosh(x)"]),
    "cosh": ("x", ["sinh(x)"], ["g·sinh(x)"]),
    "tanh": ("x", ["1 - y²"], ["g·(1 - y²)"]),
    "arcsinh": ("x", ["1/sqrt(x² + 1)"], ["g/sqrt(x² + 1)"]),
    "arccosh": ("x", ["1/sqrt(x² - 1)"], ["g/sqrt(x² - 1)"]),
    "arctanh": ("x", ["1/(1 - x²)"], ["g/(1 - x²)"]),
    "sigmoid": ("x", ["y·(1 - y)"], ["g·y·(1 - y)"]),
    "softplus": ("x", ["sigmoid(x)"], ["g·sigmoid(x)"]),
    "relu": ("x", ["[x > 0]"], ["g·[x > 0]"]),
    "maximum": ("a b", ["[a > b]", "[b > a]"], ["g·[a > b]", "g·[b > a]"]),
    "minimum": ("a b", ["[b > a]", "[a > b]"], ["g·[b > a]", "g·[a > b]"]),
    "where": ("c a b", [None, "where(c, 1, 0)", "where(c, 0, 1)"], [None, "where(c, g, 0)", "where(c, 0, g)"]),
    "clip": (
        "x low high", ["[low ≤ x ≤ high]", "[x < low]", "[x > high]"],
        ["g·[low ≤ x ≤ high]", "g·[x < low]", "g·[x > high]"],
    ),
    "slope": ("x n", ["n·x^(n - 1)", "x^(n - 1) + y·log(x)"], ["g·n·x^(n - 1)", "g·(x^(n - 1) + y·log(x))"]),
    "log_of": ("a x", [None, "1/x"], [None, "g/x"]),
    "xlogy": ("a x", ["log(x)", "a/x"], ["g·log(x)", "g·a/x"]),
    "ratio": ("a b", ["1/b", "-y/b"], ["g/b", "-g·y/b"]),
}  # fmt: skip
STRUCTURE = {  # letters without a shape: what only changes the shape is not seen
    "sum": ("x", ["g"]),
    "broadcast_to": ("x", ["g"]),
    "sum_to": ("x", ["g"]),
    "transpose": ("x", ["gᵀ"]),
    "reshape": ("x", ["g"]),
    "squeeze": ("x", ["g"]),
    "expand_dims": ("x", ["reshape(g, ())"]),
    "getitem": ("x", ["g"]),
    "softmax": ("x", ["y·(g - sum(g·y))"]),
    "log_softmax": ("x", ["g - exp(y)·sum(g)"]),
    "logsumexp": ("x", ["g·exp(x - y)"]),
    "norm": ("x", ["g·x/y"]),
    "max": ("x", ["g·[x = y]"]),
    "min": ("x", ["g·[x = y]"]),
}
RULED = [row for row in ops.TABLE.values() if row.rules]


@pytest.mark.parametrize("name", [name for name in BOOK if name != "slope"])
def test_the_formulas_are_those_of_the_calculus_book(name):
    letters, slopes, with_g = BOOK[name]
    row = ops.TABLE[name]
    assert formulas(row, *letters.split()) == slopes
    assert formulas(row, *letters.split(), g=g) == with_g


@pytest.mark.parametrize("name", STRUCTURE)
def test_the_formulas_of_structure_and_reductions(name):
    letters, with_g = STRUCTURE[name]
    assert formulas(ops.TABLE[name], *letters.split(), g=g) == with_g


def test_the_formulas_of_a_matrix_product():
    assert formulas(ops.matmul, "A", "B", g=Symbol("G")) == ["G @ Bᵀ", "Aᵀ @ G"]
    matrices = Symbol("A", (2, 3)), Symbol("B", (3, 4))
    assert formulas(ops.matmul, *matrices, g=Symbol("G", (2, 4))) == ["G @ Bᵀ", "Aᵀ @ G"]


@pytest.mark.parametrize("row", RULED, ids=lambda row: row.name)
def test_every_row_with_a_rule_can_be_read_on_letters(row):
    letters = [f"x{i}" for i in range(row.arity or 2)]
    found = formulas(row, *letters, g=g)
    assert len(found) == len(letters)
    assert all(text is None or "g" in text or text == "0" for text in found)


def test_a_row_of_many_operands_shows_them_all():
    assert str(ops.concatenate([a, b, c])) == "concatenate(a, b, c)"
    assert str(ops.stack([a, b])) == "stack(a, b)"


@pytest.mark.parametrize(
    ("n", "slope"),
    [(0, "0"), (1, "1"), (2, "2·x"), (3, "3·x²"), (-1, "-x⁻²"), (-2, "-2·x⁻³"), (12, "12·x¹¹"), (0.5, "0.5·x^(-0.5)")],
)
def test_the_slope_of_a_power_with_a_number(n, slope):
    assert formulas(ops.power, "x", n)[0] == slope


# The text means what the rule computes. -------------------------------------------------------------------------------

SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
PYTHON_NAMES = {name: getattr(np, name) for name in ops.TABLE if hasattr(np, name)} | {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log": np.log,
}


def meaning(text, numbers):
    """The number that a printed formula stands for: its signs replaced by Python's, and evaluated as Python."""
    text = re.sub(
        f"[{SUPERSCRIPTS}]+", lambda m: "**(" + "".join("-0123456789"[SUPERSCRIPTS.index(s)] for s in m[0]) + ")", text
    )
    text = (
        re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
        .replace("·", "*")
        .replace("^", "**")
        .replace("≤", "<=")
        .replace("≥", ">=")
    )
    text = re.sub(r"([A-Za-z)])ᵀ", r"\1.T", text).replace("[", "(1*(").replace("]", "))")
    return eval(text, {"__builtins__": {"abs": np.abs}}, {**PYTHON_NAMES, **numbers})


SCALAR = [row for row in RULED if row.name in BOOK]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("row", SCALAR, ids=lambda row: row.name)
def test_a_formula_evaluated_is_the_number_of_the_rule(row, seed):
    letters = BOOK[row.name][0].split()
    case = domains.at(*[()] * len(letters))
    operands = domains.draw(row, case, np.random.default_rng(seed))
    y, upstream = row(*operands), 0.7
    numbers = {**dict(zip(letters, operands, strict=True)), "y": y, "g": upstream}
    for rule, slope, with_g in zip(row.rules, formulas(row, *letters), formulas(row, *letters, g=g), strict=True):
        if rule is not None:
            for text, up in ((slope, 1.0), (with_g, upstream)):
                wanted = rule(up, y, *operands, **row.settings)
                assert float(meaning(text, numbers)) == pytest.approx(wanted, rel=1e-12, abs=1e-15)


WRITTEN = {
    "a - (b - c)": lambda a, b, c: a - (b - c),
    "a - b - c": lambda a, b, c: (a - b) - c,
    "a - (b + c)": lambda a, b, c: a - (b + c),
    "a + b + c": lambda a, b, c: (a + b) + c,
    "a/(b/c)": lambda a, b, c: a / (b / c),
    "a/b/c": lambda a, b, c: (a / b) / c,
    "a/(b·c)": lambda a, b, c: a / (b * c),
    "(a + b)·c": lambda a, b, c: (a + b) * c,
    "a·(b - c)": lambda a, b, c: a * (b - c),
    "(a·b)²": lambda a, b, c: (a * b) ** 2,
    "a·b²": lambda a, b, c: a * b**2,
    "(a²)³": lambda a, b, c: (a**2) ** 3,
    "(a^b)^c": lambda a, b, c: (a**b) ** c,
    "a^(b^c)": lambda a, b, c: a ** (b**c),
    "a^(-b)": lambda a, b, c: a ** (-b),
    "(-a)²": lambda a, b, c: (-a) ** 2,
    "-a²": lambda a, b, c: -(a**2),
    "-(a + b)": lambda a, b, c: -(a + b),
    "a + b": lambda a, b, c: a - (-b),
    "a - b": lambda a, b, c: a + -b,
    "-a·b": lambda a, b, c: a * (-b),
    "-2·a": lambda a, b, c: a * -2,
    "a·b ": lambda a, b, c: -a * -b,
    "-a/b": lambda a, b, c: a / -b,
    "a - 2·b": lambda a, b, c: a + b * -2,
    "a + (-b + c)": lambda a, b, c: a + (-b + c),
    "-(a % b)": lambda a, b, c: -(a % b),
    "(a @ b)·c": lambda a, b, c: (a @ b) * c,
    "(a·b) @ c": lambda a, b, c: (a * b) @ c,
    "a @ b @ c": lambda a, b, c: a @ b @ c,
    "-a @ b": lambda a, b, c: -a @ b,
    "-[a > b]·c": lambda a, b, c: (a > b) * -c,
    "where(a > b, a, b + c)": lambda a, b, c: tg.where(a > b, a, b + c),
    "(a + b)[0]²": lambda a, b, c: (a + b)[0] ** 2,
    "(-2)^a": lambda a, b, c: (-2) ** a,
    "2^a": lambda a, b, c: 2**a,
    "|a - b|·c": lambda a, b, c: abs(a - b) * c,
    "exp(a + b)²": lambda a, b, c: tg.exp(a + b) ** 2,
    "maximum(a + b, c)": lambda a, b, c: tg.maximum(a + b, c),
    "[a > b]·c": lambda a, b, c: (a > b) * c,
    "(a + b)/c": lambda a, b, c: ops.ratio(a + b, c),
    "1/(a + b)": lambda a, b, c: ops.reciprocal(a + b),
    "c/(1/a)": lambda a, b, c: c / ops.reciprocal(a),
    "(1/a)²": lambda a, b, c: ops.reciprocal(a) ** 2,
    "(a + b)·c ": lambda a, b, c: ops.same(a + b) * c,
    "(a + b)ᵀ": lambda a, b, c: (a + b).T,
    "(a @ b)ᵀ": lambda a, b, c: (a @ b).T,
    "(a·b)ᵀ": lambda a, b, c: (a * b).T,
    "(-a)ᵀ": lambda a, b, c: (-a).T,
    "-aᵀ": lambda a, b, c: -(a.T),
    "a @ bᵀ": lambda a, b, c: a @ b.T,
    "a @ (b @ c)": lambda a, b, c: a @ (b @ c),
    "a @ (b·c)": lambda a, b, c: a @ (b * c),
    "a·(b @ c)": lambda a, b, c: a * (b @ c),
    "(a + b) @ c": lambda a, b, c: (a + b) @ c,
    "a·log(b + c)": lambda a, b, c: ops.xlogy(a, b + c),
}


@pytest.mark.parametrize(("text", "f"), WRITTEN.items(), ids=WRITTEN)
def test_brackets_stand_where_they_are_needed(text, f):
    assert str(f(a, b, c)) == text.strip()


def tree(random, depth):
    """A random expression as a function of numbers or symbols; it never comes down to a number alone."""
    if depth == 0 or random.random() < 0.15:
        i, number = random.integers(3), [2, 3, -2, -1, 0.5, -1.5][random.integers(6)]
        return [
            lambda *v: v[i],
            lambda *v: v[i] + number,
            lambda *v: number * v[i],
            lambda *v: v[i] - number,
            lambda *v: v[i] ** number,
            lambda *v: number / v[i],
        ][random.integers(6)]
    left, right = tree(random, depth - 1), tree(random, depth - 1)
    return [
        lambda *v: left(*v) + right(*v),
        lambda *v: left(*v) - right(*v),
        lambda *v: left(*v) * right(*v),
        lambda *v: left(*v) / right(*v),
        lambda *v: left(*v) ** right(*v),
        lambda *v: -left(*v),
        lambda *v: tg.sin(left(*v)),
        lambda *v: tg.maximum(left(*v), right(*v)),
        lambda *v: ops.ratio(left(*v), v[0]),
        lambda *v: (left(*v) > right(*v)) * right(*v) + v[1],
    ][random.integers(10)]


def latex_meaning(text, numbers):
    """The number that a formula in LaTeX stands for: the innermost braces become round brackets, until none is left."""
    text = (
        text.replace(r"\left", "").replace(r"\right", "").replace(r"\cdot", "*").replace("[", "(1*(").replace("]", "))")
    )
    text = re.sub(r"\\(sin|max)", r"\1", text)
    while "{" in text:
        text = re.sub(r"\\frac{([^{}]*)}{([^{}]*)}", r"((\1)/(\2))", text)
        text = re.sub(r"\^{([^{}]*)}", r"**(\1)", text)
    return eval(text, {"__builtins__": {}}, {**PYTHON_NAMES, "max": np.maximum, **numbers})


def python_meaning(text, numbers):
    """The number that a formula in Python stands for: rows that NumPy lacks are known by their names."""
    return eval(text, {"__builtins__": {}}, {"np": np, **ops.TABLE, **numbers})


@pytest.mark.parametrize("seed", range(20))
def test_random_expressions_printed_and_read_again_are_the_same_numbers(seed):
    random, tried = np.random.default_rng(seed), 0
    numbers = {"a": np.float64(1.3), "b": np.float64(0.7), "c": np.float64(2.1)}
    with np.errstate(all="ignore"):
        while tried < 30:
            f = tree(random, 4)
            try:
                formula, number = f(a, b, c), f(*numbers.values())
            except (ZeroDivisionError, OverflowError):
                continue
            if isinstance(formula, Symbol) and isinstance(number, float) and 1e-6 < abs(number) < 1e6:
                assert meaning(str(formula), numbers) == pytest.approx(number, rel=1e-6), formula
                assert latex_meaning(formula.latex(), numbers) == pytest.approx(number, rel=1e-6), formula.latex()
                assert mathml_meaning(formula.mathml(), numbers) == pytest.approx(number, rel=1e-5), formula
                assert python_meaning(formula.python(), numbers) == pytest.approx(number, rel=1e-12), formula.python()
                assert not superfluous(str(formula), formula.latex(), formula.python())
                tried += 1


# Every rule of every row, with the shapes and settings of the table of domains. ---------------------------------------


def superfluous(*texts):
    """What nobody would write: 1·x, x + 0, a double minus."""
    zero, one = (
        r"--|[+-] -|[-+·*] 0(?![\d.])",
        r"(?<![\w.\])])1(·| \\cdot| \*)(?! \()|(·|\\cdot |[^*]\* |/ ?)1(?![\d.])",
    )
    return [text for text in texts if re.search(f"{zero}|{one}", text)]


def balanced(text):
    """Whether all brackets and braces of a formula are closed in their order; braces written \\{ are letters."""
    stack = []
    for sign in re.sub(r"\\[{}]", "", text):
        if sign in "([{":
            stack.append(sign)
        elif sign in ")]}" and (not stack or stack.pop() + sign not in ("()", "[]", "{}")):
            return False
    return not stack and text.count(r"\left") == text.count(r"\right")


def letters_like(operands, case):
    """Letters with the shapes of the operands that a case draws; the others as they are."""
    drawn = [isinstance(shape, tuple) for shape in case.operands]
    return [Symbol(f"x{i}", np.shape(x)) if d else x for i, (x, d) in enumerate(zip(operands, drawn, strict=True))]


def formulas_and_numbers(row, case, seed=0):
    """The operation of a case and each of its rules, read on letters and on numbers; and the numbers of the letters."""
    random = np.random.default_rng(seed)
    operands = domains.draw(row, case, random)
    letters = letters_like(operands, case)
    with np.errstate(all="ignore"):
        y = domains.call(row, operands, case.settings)
        upstream = random.uniform(0.5, 2.0, np.shape(y)) if np.shape(y) else random.uniform(0.5, 2.0)
        pairs = [(domains.call(row, letters, case.settings), y)]
        for rule, letter in zip(row.rules, letters, strict=False):
            if rule and isinstance(letter, Symbol):
                settings, signs = (
                    {**row.settings, **case.settings},
                    (Symbol("g", np.shape(y)), Symbol("y", np.shape(y))),
                )
                pairs.append((rule(*signs, *letters, **settings), rule(upstream, y, *operands, **settings)))
    return pairs, {"g": upstream, "y": y, **{f"x{i}": x for i, x in enumerate(operands)}}


CASES = [
    pytest.param(row, case, id=f"{row.name}-{i}")
    for row in RULED if row in domains.DOMAINS
    for i, case in enumerate(domains.cases(row))
]  # fmt: skip


@pytest.mark.parametrize(("row", "case"), CASES)
def test_the_python_form_of_every_rule_gives_its_number(row, case):
    pairs, numbers = formulas_and_numbers(row, case)
    for formula, number in pairs:
        with np.errstate(all="ignore"):
            again = python_meaning(write(formula, PYTHON)[0], numbers)
        assert not isinstance(formula, Symbol) or formula.shape == np.shape(number) == np.shape(again)
        np.testing.assert_allclose(np.broadcast_to(again, np.shape(number)), number, rtol=1e-12)


@pytest.mark.parametrize(("row", "case"), CASES)
def test_every_rule_is_written_without_anything_superfluous(row, case):
    for formula, _ in formulas_and_numbers(row, case)[0]:
        texts = [write(formula, notation)[0] for notation in (TEXT, LATEX, PYTHON)]
        assert all(texts)
        assert all(map(balanced, texts))
        assert not superfluous(*texts)


@pytest.mark.parametrize("row", RULED, ids=lambda row: row.name)
def test_the_latex_of_every_rule_is_understood_by_matplotlib(row):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser, found = mathtext.MathTextParser("path"), set()
    for case in domains.cases(row)[:6] if row in domains.DOMAINS else ():
        found |= {write(formula, LATEX)[0] for formula, _ in formulas_and_numbers(row, case)[0]}
    found |= {text for text in formulas(row, *[f"x{i}" for i in range(row.arity or 2)], notation="latex") if text}
    for text in sorted(found, key=len)[:8]:
        for lacking, instead in {r"\lVert": r"\Vert", r"\rVert": r"\Vert", r"\bmod": r"\mathrm{mod}"}.items():
            text = text.replace(lacking, instead)
        parser.parse(f"${text}$")


def test_the_test_for_superfluous_signs_and_brackets_can_fail():
    for text in ("1·x", "x·1", "x + 0", "a - -b", "--a", "a + -b", r"1 \cdot x", "1 * x", "x * 1", "x - 0", "x/1"):
        assert superfluous(text)
    for text in ("2·x", "11·x", "x·10", "x + 0.5", "x/10", "-x", "x**-1", "x[0:1]·y", "x1·y", "0.1·x", "1 * (x > 0)"):
        assert not superfluous(text)
    assert not any(map(balanced, ("(a", "a)", "(a]", r"\left(a)", "{a")))


# Nothing superfluous. -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SCALAR, ids=lambda row: row.name)
def test_no_formula_has_a_superfluous_one_or_zero(row):
    letters = BOOK[row.name][0].split()
    texts = [text for up in (1, g, -1) for text in formulas(row, *letters, g=up) if text]
    if row is ops.power:
        texts += [text for n in range(-3, 5) for up in (1, g) for text in formulas(row, "x", n, g=up)]
    assert not superfluous(*texts)


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: 1 * x, "x"), (lambda x: x * 1.0, "x"), (lambda x: x / 1, "x"), (lambda x: x**1, "x"),
        (lambda x: x**0, "1"), (lambda x: x + 0, "x"), (lambda x: 0.0 + x, "x"), (lambda x: x - 0, "x"),
        (lambda x: x * 0, "0"), (lambda x: -1 * x, "-x"), (lambda x: x * -1.0, "-x"), (lambda x: -1 * (-x), "x"),
        (lambda x: +x, "x"), (lambda x: x * True, "x"), (lambda x: 2.0 * x, "2·x"), (lambda x: -(0 + -x), "x"),
        (lambda x: 0 - x, "-x"), (lambda x: 0 / x, "0"), (lambda x: x / -1, "-x"), (lambda x: x * 3, "3·x"),
        (lambda x: 2 * (3 * x), "6·x"), (lambda x: (2 * x) * (x * 3), "6·x·x"), (lambda x: -2 * (-x), "2·x"),
        (lambda x: 0.1 * (3 * x), "0.1·3·x"), (lambda x: math.pi * (2 * x), "π·2·x"), (lambda x: x.T.T, "x"),
        (lambda x: x - -2, "x + 2"), (lambda x: x + -2, "x - 2"), (lambda x: x[()], "x"), (lambda x: x**2.0, "x²"),
    ],
)  # fmt: skip
def test_what_a_person_would_write_instead(f, text):
    assert str(f(x)) == text


# A Symbol is written, never computed. ---------------------------------------------------------------------------------


def test_a_symbol_is_no_number():
    assert str(np.sqrt(x)) == "sqrt(x)"  # NumPy's functions write on letters too
    for convert in (float, int, complex):
        with pytest.raises(TypeError):
            convert(x)
    assert repr(x) == str(x) == "x"


def test_an_array_beside_a_symbol_asks_the_symbol():
    assert isinstance(np.ones(2) * x, Symbol)
    assert isinstance(np.float64(2) * x, Symbol)
    assert str(np.float64(2) * x) == "2·x"


def test_methods_and_functions_are_written_too():
    assert (str(x.tanh()), str(tg.exp(x)), str(x.sum()), str(x.T), str(tg.mean(x))) == (
        "tanh(x)", "exp(x)", "sum(x)", "xᵀ", "sum(x)",
    )  # fmt: skip
    assert [str(y) for y in (x < 1, x <= 1, x > 1, x >= 1)] == ["[x < 1]", "[x ≤ 1]", "[x > 1]", "[x ≥ 1]"]
    assert str((x == 1) * g) == "[x = 1]·g"


def test_formulas_want_as_many_letters_as_the_row_has_operands():
    for letters in (("x", "y"), ()):
        with pytest.raises((TypeError, ValueError)):
            formulas(ops.tanh, *letters)
    with pytest.raises((TypeError, ValueError)):
        formulas(ops.add, "x")


# Shapes. --------------------------------------------------------------------------------------------------------------

M, V = Symbol("M", (2, 3)), Symbol("v", (3,))


@pytest.mark.parametrize(
    ("formula", "text", "latex", "python"),
    [
        (M[0, 1:3], "M[0, 1:3]", "M[0, 1:3]", "M[0, 1:3]"),
        (M[..., None], "M[..., None]", r"M[\ldots, \mathrm{None}]", "M[..., None]"),
        (tg.sum(M, axis=0), "sum(M, axis=0)", r"\sum_{\mathrm{axis}=0}(M)", "np.sum(M, axis=0)"),
        (tg.sum(M), "sum(M)", r"\sum(M)", "np.sum(M)"),
        (M.reshape(3, 2), "reshape(M, (3, 2))", r"\operatorname{reshape}_{3 \times 2}(M)", "np.reshape(M, (3, 2))"),
        (M.reshape(-1), "reshape(M, (6,))", r"\operatorname{reshape}_{6}(M)", "np.reshape(M, (6,))"),
        (ops.scatter(V[0], index=(0,), shape=(2,)), "scatter(v[0], [0], (2,))",
         r"\operatorname{scatter}_{[0], 2}(v[0])", "scatter(v[0], index=(0,), shape=(2,))"),
        (ops.scatter(V, index=(0, slice(3)), shape=(2, 3)), "scatter(v, [0, :3], (2, 3))",
         r"\operatorname{scatter}_{[0, :3], 2 \times 3}(v)", "scatter(v, index=np.s_[0, :3], shape=(2, 3))"),
        (ops.sum_to(M, shape=(3,)), "sum(M, axis=0)", r"\sum_{\mathrm{axis}=0}(M)", "np.sum(M, axis=0)"),
        (ops.sum_to(M, shape=(2, 1)), "sum(M, axis=1, keepdims=True)", r"\sum_{\mathrm{axis}=1}(M)",
         "np.sum(M, axis=1, keepdims=True)"),
        (M @ V, "M @ v", r"M \, v", "M @ v"),
        (tg.norm(M), "norm(M)", r"\left\lVert M \right\rVert", "norm(M)"),
        (M.T, "Mᵀ", r"M^\top", "M.T"),
        (ops.swap(Symbol("B", (5, 2, 3))), "Bᵀ", r"B^\top", "B.mT"),
        (ops.transpose(Symbol("B", (5, 2, 3))), "transpose(B, axes=(2, 1, 0))",
         r"\operatorname{transpose}_{(2, 1, 0)}(B)", "np.transpose(B, axes=(2, 1, 0))"),
        (tg.concatenate([M, M], axis=1), "concatenate(M, M, axis=1)",
         r"\operatorname{concatenate}_{\mathrm{axis}=1}(M, M)", "np.concatenate([M, M], axis=1)"),
        (tg.clip(V, -1, None), "clip(v, -1, None)",
         r"\operatorname{clip}(v, -1, \mathrm{None})", "np.clip(v, -1, None)"),
        (ops.inside(V, 0, 1), "[0 ≤ v ≤ 1]", r"[0 \leq v \leq 1]", "inside(v, 0, 1)"),
        (ops.inside(V, 0, None), "[v ≥ 0]", r"[v \geq 0]", "inside(v, 0, None)"),
        (ops.square(V), "v²", "v^{2}", "np.square(v)"),
        (ops.ratio(V, 2), "v/2", r"\frac{v}{2}", "ratio(v, 2)"),
        (-(V > 0), "-[v > 0]", "-[v > 0]", "-1 * (v > 0)"),
        ((V > 0) + (V < 1), "[v > 0] + [v < 1]", "[v > 0] + [v < 1]", "1 * (v > 0) + 1 * (v < 1)"),
        (V - (V - V), "v - (v - v)", "v - (v - v)", "v - (v - v)"),
        (V * (V * V), "v·v·v", r"v \cdot v \cdot v", "v * (v * v)"),
        (V * (1 / V), "v·(1/v)", r"v \cdot \frac{1}{v}", "v * (1 / v)"),
        ((V > 0) > (V > 1), "[[v > 0] > [v > 1]]", "[[v > 0] > [v > 1]]", "(v > 0) > (v > 1)"),
        (V > -V, "[v > -v]", "[v > -v]", "v > -v"),
        ((V > 0) * -V, "-[v > 0]·v", r"-[v > 0] \cdot v", "-1 * (v > 0) * v"),
        ((V / 2) ** 2, "(v/2)²", r"\left(\frac{v}{2}\right)^{2}", "(v / 2)**2"),
        (V**-1, "v⁻¹", "v^{-1}", "v**-1"),
        (tg.exp(V) ** 2, "exp(v)²", "(e^{v})^{2}", "np.exp(v)**2"),
    ],
    ids=str,
)  # fmt: skip
def test_the_three_notations_side_by_side(formula, text, latex, python):
    assert (str(formula), formula.latex(), formula.python()) == (text, latex, python)
    assert formula._repr_latex_() == f"${latex}$"


def test_what_changes_nothing_is_not_written():
    batch = Symbol("B", (5, 2, 3))
    for same in (
        M.T.T, ops.swap(ops.swap(batch)), V.T, M.reshape(2, 3), M.reshape(6).reshape(2, 3), ops.squeeze(V),
        ops.broadcast_to(V, shape=(3,)), ops.sum_to(M, shape=(2, 3)), ops.transpose(M, axes=(0, 1)),
        ops.transpose(ops.transpose(batch, axes=(1, 2, 0)), axes=(2, 0, 1)), ops.scatter(M, index=(), shape=(2, 3)),
    ):  # fmt: skip
        assert any(same is x for x in (M, V, batch))
    assert str(ops.transpose(ops.transpose(batch, axes=(1, 2, 0)), axes=(1, 2, 0))) == "transpose(B, axes=(2, 0, 1))"
    turned = ops.transpose(ops.transpose(batch, axes=(1, 0, 2)), axes=(0, 2, 1))
    assert (str(turned), turned.shape) == ("transpose(B, axes=(1, 2, 0))", (2, 3, 5))
    assert str(ops.broadcast_to(V, shape=(2, 3)) * M) == "v·M"
    assert str(ops.broadcast_to(V, shape=(2, 3)) * ops.broadcast_to(V, shape=(2, 3))) == "v·broadcast_to(v, (2, 3))"
    assert str(ops.broadcast_to(ops.reshape(V, shape=(1, 3)), shape=(2, 3))) == "broadcast_to(v, (2, 3))"
    assert str(ops.reshape(V, shape=(3, 1)) * M.T) == "reshape(v, (3, 1))·Mᵀ"


def test_shapes_follow_from_the_operands():
    square, batch = Symbol("S", (3, 3)), Symbol("B", (5, 2, 3))
    shapes = {
        (2, 3): [M + V, M * 2, -M, tg.softmax(M), M > 0, ops.ratio(1, M)],
        (2,): [M @ V, tg.sum(M, axis=1), M[:, 0], M[:, 1], M[[0, 0], 1]],
        (5, 3, 2): [ops.swap(batch)], (5, 2, 3): [batch + M], (): [V @ V, tg.sum(M), tg.norm(M)],
        (3, 3): [tg.exp(square), square @ square], (2, 2, 3): [tg.stack([M, M])], (1, 3): [tg.sum(M, 0, keepdims=True)],
        (60000, 10): [Symbol("X", (60000, 1)) * np.ones(10)],
    }  # fmt: skip
    for shape, found in shapes.items():
        assert [x.shape for x in found] == [shape] * len(found)
        assert all((x.ndim, x.size) == (len(shape), math.prod(shape)) for x in found)


def test_what_does_not_fit_is_said_with_the_shapes():
    with pytest.raises(ValueError, match=r"matmul of shapes \(2, 3\), \(2, 3\): "):
        M @ M
    with pytest.raises(ValueError, match=r"add of shapes \(2, 3\), \(2,\): "):
        M + Symbol("w", (2,))
    with pytest.raises(IndexError, match=r"getitem of shapes \(2, 3\): index 5 is out of bounds"):
        M[5]
    assert (Symbol("A") @ M).shape == (2, 3)  # of a letter without a shape nothing is known


def test_a_letter_with_a_shape_can_be_taken_apart():
    assert [str(row) for row in M] == ["M[0]", "M[1]"]
    first, second, third = V
    assert str(first * third - second) == "v[0]·v[2] - v[1]"
    with pytest.raises(TypeError, match="x has no parts"):
        iter(x)


def test_formulas_take_settings_shapes_and_a_notation():
    assert formulas(ops.sum, M, axis=0) == ["broadcast_to(g, (2, 3))"]
    assert formulas(ops.sum, M, axis=1, notation="python") == ["np.broadcast_to(np.reshape(g, (2, 1)), (2, 3))"]
    assert formulas(ops.softmax, M, g="G") == ["y·(G - sum(G·y, axis=-1, keepdims=True))"]
    assert formulas(ops.matmul, M, V, notation="latex") == [
        r"\operatorname{expand\_dims}_{\mathrm{axis}=-1}(g) \cdot v",
        r"g \, M",
    ]
    assert formulas(ops.linear, M, Symbol("W", (3, 4)), Symbol("b", (4,))) == ["g @ Wᵀ", "Mᵀ @ g", "g"]
    assert formulas(ops.where, "c", "a", "b", notation="latex") == [
        None, r"\operatorname{where}(c, 1, 0)", r"\operatorname{where}(c, 0, 1)",
    ]  # fmt: skip
    assert formulas(ops.power, "x", "n", notation="python") == ["n * x**(n - 1)", "xlogy(y, x)"]
    with pytest.raises(ValueError, match="The notation is one of text, latex, python, mathml, not 'roman'"):
        formulas(ops.sin, "x", notation="roman")


# Numbers and letters. -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", CONSTANTS)
def test_numbers_with_a_name_are_written_by_it(number):
    for value, formula in ((number, x * number), (-number, x**-number)):
        assert eval(write(value, PYTHON)[0], {"np": np}) == value
        assert write(abs(value), TEXT)[0] in str(formula)
        assert write(abs(value), LATEX)[0] in formula.latex()
    assert write(math.nextafter(number, 0), PYTHON)[0] == repr(math.nextafter(number, 0))


@pytest.mark.parametrize(
    ("number", "text", "latex", "python"),
    [
        (math.log(2), "log(2)", r"\ln 2", "np.log(2)"), (-math.pi / 180, "-π/180", r"-\frac{\pi}{180}", "-np.pi / 180"),
        (0.1 + 0.2, "0.3", "0.3", "0.30000000000000004"), (2.0, "2", "2", "2.0"), (3, "3", "3", "3"),
        (1e-5, "1e-5", "10^{-5}", "1e-05"), (2.5e20, "2.5e20", r"2.5 \cdot 10^{20}", "2.5e+20"),
        (math.inf, "∞", r"\infty", "np.inf"), (-math.inf, "-∞", r"-\infty", "-np.inf"),
        (math.nan, "nan", r"\mathrm{nan}", "np.nan"), (Fraction(2, 3), "2/3", r"\frac{2}{3}", "2 / 3"),
        (Fraction(-4, 2), "-2", "-2", "-Fraction(2, 1)"), (True, "True", r"\mathrm{True}", "True"),
        (None, "None", r"\mathrm{None}", "None"),
        (np.array([1.0, 2.5]), "[1, 2.5]", "[1, 2.5]", "np.array([1.0, 2.5])"),
        (np.array([1, 2]), "[1, 2]", "[1, 2]", "np.array([1, 2])"),
        (np.zeros((2, 0)), "[[], []]", "[[], []]", "np.zeros((2, 0))"),
        (np.ones(9, "f4"), "[1, 1, 1, ...]", r"[1, 1, 1, \ldots]", "np.ones((9,), dtype=np.float32)"),
        (np.array([np.nan, -np.inf]), "[nan, -∞]", r"[\mathrm{nan}, -\infty]", "np.array([np.nan, -np.inf])"),
    ],
    ids=str,
)  # fmt: skip
def test_numbers_and_arrays(number, text, latex, python):
    assert tuple(write(number, notation)[0] for notation in (TEXT, LATEX, PYTHON)) == (text, latex, python)


def test_numbers_stand_in_brackets_where_they_must():
    half, third = Fraction(1, 2), Fraction(1, 3)
    assert [str(f) for f in (half * x, x**half, x / third, (-2) ** x, x**-0.5)] == [
        "1/2·x", "x^(1/2)", "x/(1/3)", "(-2)^x", "x^(-0.5)",
    ]  # fmt: skip
    assert [f.python() for f in (half * x, x**half, x / math.pi, x / (math.pi / 180), x * (math.pi / 2))] == [
        "1 / 2 * x", "x**(1 / 2)", "x / np.pi", "x / (np.pi / 180)", "x * (np.pi / 2)",
    ]  # fmt: skip
    assert [f.latex() for f in (x**half, (x * 1e-5) ** 2, x**-0.5)] == [
        r"x^{\frac{1}{2}}", r"(10^{-5} \cdot x)^{2}", "x^{-0.5}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"), ("x1", "x_{1}"), ("y₁₂", "y_{12}"), ("w_3", "w_{3}"), ("loss", r"\mathrm{loss}"), ("α", r"\alpha"),
        ("dense2", r"\mathrm{dense}_{2}"), ("-3", "-3"), ("2.5", "2.5"), ("a b", r"\mathrm{a\ b}"), ("Σ", "Σ"),
        ("theta", r"\theta"), ("β₂", r"\beta_{2}"), ("a/b", r"\mathrm{a/b}"), ("h_out", r"\mathrm{h\_out}"),
        ("a\n\nb", r"\mathrm{a\ \ b}"), ("1.5e-07", r"1.5 \cdot 10^{-7}"), ("-1/3", r"-\frac{1}{3}"),
        (r"{\x}_^%$#&~", r"\mathrm{\{\backslash x\}\_\wedge \%\$\#\&\sim }"), ("x'", r"\mathrm{x'}"),
    ],
)  # fmt: skip
def test_letters_in_latex(name, latex):
    assert Symbol(name).latex() == latex
    assert balanced(latex)


def test_a_letter_in_python_must_be_a_name():
    assert [Symbol(name).python() for name in ("x", "x1", "größe", "2.5", "-3")] == ["x", "x1", "größe", "2.5", "-3"]
    for name in ("∂L/∂y", "a b", "lambda", "", "x); print(1"):
        with pytest.raises(ValueError, match=re.escape(f"such as x or x1, not {name!r}")):
            Symbol(name).python()


def test_a_number_put_in_for_a_letter_keeps_its_minus_in_brackets():
    minus, half = Symbol("-3"), Symbol("0.5")
    assert [str(f) for f in (x - minus, x * minus, minus**2, minus + x, tg.exp(minus), 1 - minus, x @ minus)] == [
        "x - (-3)", "x·(-3)", "(-3)²", "-3 + x", "exp(-3)", "1 - (-3)", "x @ (-3)",
    ]  # fmt: skip
    assert [str(f) for f in (minus * half, minus / half, minus * half * minus, minus % x, -minus, minus[0])] == [
        "-3·0.5", "-3/0.5", "-3·0.5·(-3)", "(-3) % x", "-(-3)", "(-3)[0]",
    ]  # fmt: skip
    product = minus * half
    assert [str(f) for f in (-product, x - product, x + product, half * product, product * half, product - x)] == [
        "-(-3·0.5)", "x - (-3·0.5)", "x + (-3·0.5)", "0.5·(-3·0.5)", "-3·0.5·0.5", "-3·0.5 - x",
    ]  # fmt: skip
    assert [f.latex() for f in (x - minus, minus**2, x / minus, minus * half)] == [
        "x - (-3)", "(-3)^{2}", r"\frac{x}{-3}", r"-3 \cdot 0.5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "text", "latex", "python"),
    [
        (Symbol("1.5e-07") * x, "1.5e-7·x", r"1.5 \cdot 10^{-7} \cdot x", "1.5e-07 * x"),
        (Symbol("1.5e-07") ** 2, "(1.5e-7)²", r"(1.5 \cdot 10^{-7})^{2}", "1.5e-07**2"),
        (Symbol("1e+20") ** 2, "(1e20)²", "(10^{20})^{2}", "1e+20**2"),
        (Symbol("-2.50e+3") - x, "-2.50e3 - x", r"-2.50 \cdot 10^{3} - x", "-2.50e+3 - x"),
        (Symbol("1/3") ** 2, "(1/3)²", r"\left(\frac{1}{3}\right)^{2}", "(1 / 3)**2"),
        (x * Symbol("1/3"), "x·(1/3)", r"x \cdot \frac{1}{3}", "x * (1 / 3)"),
        (x / Symbol("2/3"), "x/(2/3)", r"\frac{x}{\frac{2}{3}}", "x / (2 / 3)"),
        (Symbol("-1/3") * x, "-1/3·x", r"-\frac{1}{3} \cdot x", "-1 / 3 * x"),
        (x - Symbol("-1/3"), "x - (-1/3)", r"x - \left(-\frac{1}{3}\right)", "x - (-1 / 3)"),
        (Symbol("inf") * x, "∞·x", r"\infty \cdot x", "np.inf * x"),
        (x + Symbol("-inf"), "x + (-∞)", r"x + (-\infty)", "x + (-np.inf)"),
        (Symbol("nan") ** 2, "nan²", r"\mathrm{nan}^{2}", "np.nan**2"),
    ],
    ids=str,
)  # fmt: skip
def test_numbers_put_in_for_letters(formula, text, latex, python):
    assert (str(formula), formula.latex(), formula.python()) == (text, latex, python)


# Gradients and single numbers of arrays as letters. -------------------------------------------------------------------


def four(name):
    """A letter in all notations; None where it cannot be written in Python."""
    symbol = Symbol(name)
    try:
        python = symbol.python()
    except ValueError:
        python = None
    return str(symbol), symbol.latex(), python


@pytest.mark.parametrize(
    ("name", "text", "latex", "python"),
    [
        (Derivative("L", "a"), "∂L/∂a", r"\frac{\partial L}{\partial a}", "d_a"),
        (Derivative("L", "a", "d"), "dL/da", r"\frac{\mathrm{d} L}{\mathrm{d} a}", "d_a"),
        (Derivative("L", "a", "bar"), "a̅", r"\bar{a}", "d_a"),
        (Derivative("L", "alpha", "bar"), "a̅l̅p̅h̅a̅", r"\bar{\alpha}", "d_alpha"),
        (Derivative("L", "bias", "bar"), "b̅i̅a̅s̅", r"\overline{\mathrm{bias}}", "d_bias"),
        (Derivative("L", "a", "δ"), "δ_a", r"\delta_{a}", "d_a"),
        (Derivative("L", "W", "∂", (0, 3)), "∂L/∂W[0, 3]", r"\frac{\partial L}{\partial W_{0,3}}", "d_W[0, 3]"),
        (Derivative("L", "W", "d", (2,)), "dL/dW[2]", r"\frac{\mathrm{d} L}{\mathrm{d} W_{2}}", "d_W[2]"),
        (Derivative("L", "W", "bar", (0, 3)), "W̅[0, 3]", r"\bar{W}_{0,3}", "d_W[0, 3]"),
        (Derivative("L", "w1", "bar", (0,)), "w̅1̅[0]", r"\overline{w_{1}}_{0}", "d_w1[0]"),
        (Derivative("L", "W", "δ", (0, 3)), "δ_W[0, 3]", r"\delta_{W_{0,3}}", "d_W[0, 3]"),
        (Derivative("loss", "w1"), "∂loss/∂w1", r"\frac{\partial \mathrm{loss}}{\partial w_{1}}", "d_w1"),
        (Derivative("L", "h/2"), "∂L/∂h/2", r"\frac{\partial L}{\partial \mathrm{h/2}}", None),
        (Derivative("L", "a_b c", "δ"), "δ_a_b c", r"\delta_{\mathrm{a\_b\ c}}", None),
        (Element("W", (0, 3)), "W[0, 3]", "W_{0,3}", "W[0, 3]"),
        (Element("w_1", (2,)), "w_1[2]", "{w_{1}}_{2}", "w_1[2]"),
        (Element("x", (-1,)), "x[-1]", "x_{-1}", "x[-1]"),
        (Element("a/b", (0,)), "a/b[0]", r"\mathrm{a/b}_{0}", None),
    ],
    ids=str,
)  # fmt: skip
def test_the_letters_of_gradients_and_elements(name, text, latex, python):
    assert four(name) == (text, latex, python)
    assert balanced(latex)


def test_a_gradient_has_one_of_four_styles():
    with pytest.raises(ValueError, match="The style of a gradient is one of ∂, d, bar, δ, not 'x'"):
        str(Symbol(Derivative("L", "a", "x")))


def test_a_gradient_in_a_formula_is_one_letter():
    upstream = Symbol(Derivative("L", "z"), (2, 4))
    found = [
        M.T @ upstream, upstream * Symbol("z", (2, 4)), upstream**2, upstream / x, x / upstream, upstream.T, -upstream,
        upstream[0],
    ]  # fmt: skip
    assert [str(f) for f in found] == [
        "Mᵀ @ ∂L/∂z", "∂L/∂z·z", "(∂L/∂z)²", "(∂L/∂z)/x", "x/(∂L/∂z)", "(∂L/∂z)ᵀ", "-∂L/∂z", "(∂L/∂z)[0]",
    ]  # fmt: skip
    assert found[0].latex() == r"M^\top \, \frac{\partial L}{\partial z}"
    assert found[2].latex() == r"\left(\frac{\partial L}{\partial z}\right)^{2}"
    assert [f.python() for f in found[:3]] == ["M.T @ d_z", "d_z * z", "d_z**2"]
    assert formulas(ops.multiply, "a", "b", g=Symbol(Derivative("L", "p"))) == ["∂L/∂p·b", "∂L/∂p·a"]
    assert formulas(ops.exp, "x", g=Symbol(Derivative("L", "y")), notation="python") == ["d_y * y"]


# MathML. --------------------------------------------------------------------------------------------------------------

TAGS = set("math mi mn mo mrow mfrac msup msub msqrt mroot mover mtext".split())  # noqa: SIM905
OPERATORS = {
    "−": "-", "·": "*", "×": "*", "\u2062": "@", "\u2061": "", "[": "(1*(", "]": "))", "≥": ">=", "≤": "<=", "=": "==",
    "mod": "%",
}  # fmt: skip
IDENTIFIERS = {
    "ln": "log", "σ": "sigmoid", "π": "pi", "∞": "inf", "max": "maximum", "min": "minimum", "arsinh": "arcsinh",
    "arcosh": "arccosh", "artanh": "arctanh",
}  # fmt: skip
FENCES = {"|": "abs", "⌊": "floor", "⌈": "ceil"}


def read(node):
    """MathML turned back into Python: what stands in it, element by element."""
    parts, text = [read(child) for child in node], node.text or ""
    match node.tag:
        case "mn":
            return text
        case "mi":
            return IDENTIFIERS.get(text, text)
        case "mo":
            return OPERATORS.get(text, text)
        case "mfrac":
            return f"(({parts[0]})/({parts[1]}))"
        case "msqrt":
            return f"sqrt({''.join(parts)})"
        case "mroot":
            return f"cbrt({parts[0]})"
        case "msup":
            return f"({parts[0]}).T" if parts[1] == "⊤" else f"(({parts[0]})**({parts[1]}))"
        case "msub" if parts[0] == "∑":
            return f"summed({parts[1].replace('==', '=')})"
        case "msub":  # x with the index 1, the logarithm to base 2
            return "".join(parts)
    if parts and parts[0] in FENCES:
        return f"{FENCES[parts[0]]}({''.join(parts[1:-1])})"
    return re.sub(r"log@(\d+)", r"log(\1)", "".join(parts)).replace("∑", "summed()")


def mathml_meaning(markup, numbers):
    """The number that a formula in MathML stands for."""
    own = {"relu": lambda x: np.maximum(x, 0), "summed": lambda axis=None: lambda x: np.sum(x, axis)}
    names = {**PYTHON_NAMES, "pi": np.pi, "e": np.e, "inf": np.inf, **own}
    return eval(read(ET.fromstring(markup)), {"__builtins__": {"abs": np.abs}}, {**names, **numbers})


READ = {*BOOK, "matmul", "linear", "exp2", "log2", "log10", "cbrt", "degrees", "radians", "fabs", "floor", "ceil",
        "arctan2", "hypot", "logaddexp", "remainder", "floor_divide"}  # fmt: skip
UNREAD = {"where", "clip"}  # which choose, for NumPy's arrays, in other words


def simple(case):
    """Whether the formulas of a case say all that they do: NumPy's axes of batches are not seen in them."""
    return all(not isinstance(shape, tuple) or len(shape) < 3 for shape in case.operands)


@pytest.mark.parametrize(
    ("row", "case"), [p for p in CASES if p.values[0].name in READ - UNREAD and simple(p.values[1])]
)
def test_the_mathml_of_a_rule_read_again_is_its_number(row, case):
    pairs, numbers = formulas_and_numbers(row, case)
    for formula, number in pairs:
        markup = whole(formula, MATHML)
        if not re.search("reshape|broadcast|expand|squeeze|clip|None", markup):
            with np.errstate(all="ignore"):
                again = mathml_meaning(markup, numbers)
            np.testing.assert_allclose(np.broadcast_to(again, np.shape(number)), number, rtol=1e-5)


def words(text):
    """The letters, words and numbers of a formula in LaTeX."""
    for command, sign in {
        "operatorname": "", "mathrm": "", "frac": "", "left": "", "right": "", "cdot": "", "sqrt": "", "top": "",
        "geq": "", "leq": "", "neq": "", "times": "", "to": "", "lVert": "", "rVert": "", "lfloor": "", "rfloor": "",
        "lceil": "", "rceil": "", "ldots": "", "sum": "", "prod": "", "partial": "∂", "infty": "∞", "sigma": "σ",
        "Phi": "Φ", "bmod": "mod", "pi": "π",
    }.items():  # fmt: skip
        text = re.sub(rf"\\{command}(?![a-zA-Z])", f" {sign} ", text)
    text = re.sub(r"\\([a-zA-Z])", r" \1", text.replace("_", " ").replace(r"\ ", "_").replace(r"\,", " "))
    return Counter(re.findall(r"[^\W\d_]+|[\d.]*\d", text.replace("_", " ")))


@pytest.mark.parametrize(("row", "case"), CASES)
def test_the_mathml_of_every_rule_is_well_formed_and_says_what_the_latex_says(row, case):
    for formula, _ in formulas_and_numbers(row, case)[0]:
        markup = whole(formula, MATHML)
        root = ET.fromstring(markup)
        assert root.tag == "math"
        assert markup.count("<math") == 1
        for node in root.iter():
            assert node.tag in TAGS
            assert len(node) == {"mfrac": 2, "msup": 2, "msub": 2, "mroot": 2, "mover": 2}.get(node.tag, len(node))
            assert not (node.text and len(node))
            assert not (node.tail or "").strip()
            assert not re.search(r"[\\{}]|[<>].", node.text or "")
        leaves = " ".join(node.text or "" for node in root.iter())
        assert words(leaves) == words(write(formula, LATEX).text)


def test_every_sign_of_latex_has_one_in_mathml():
    for name, line in MATHML_SIGNS.items():
        text = line if isinstance(line, str) else line[0] if isinstance(line, tuple) else ""
        assert "\\" not in text, name
        if text:
            ET.fromstring(f"<mrow>{text.replace('{}', '<mi>x</mi>')}</mrow>")


@pytest.mark.parametrize(
    ("formula", "markup"),
    [
        (a + b, "<mi>a</mi><mo>+</mo><mi>b</mi>"),
        (a - 2 * b, "<mi>a</mi><mo>−</mo><mn>2</mn><mo>·</mo><mi>b</mi>"),
        (-a, '<mo form="prefix">−</mo><mi>a</mi>'),
        (a / b, "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>"),
        (a**2, "<msup><mrow><mi>a</mi></mrow><mrow><mn>2</mn></mrow></msup>"),
        (a.T, "<msup><mrow><mi>a</mi></mrow><mrow><mo>⊤</mo></mrow></msup>"),
        (a > b, "<mrow><mo>[</mo><mrow><mi>a</mi><mo>&gt;</mo><mi>b</mi></mrow><mo>]</mo></mrow>"),
        (tg.sqrt(a), "<msqrt><mi>a</mi></msqrt>"),
        (abs(a), "<mrow><mo>|</mo><mrow><mi>a</mi></mrow><mo>|</mo></mrow>"),
        (tg.exp(a), "<msup><mrow><mi>e</mi></mrow><mrow><mi>a</mi></mrow></msup>"),
        (tg.tanh(a), "<mi>tanh</mi><mo>&#x2061;</mo><mrow><mo>(</mo><mrow><mi>a</mi></mrow><mo>)</mo></mrow>"),
        (Symbol("x1"), "<msub><mrow><mi>x</mi></mrow><mrow><mn>1</mn></mrow></msub>"),
        (Symbol("theta"), "<mi>θ</mi>"), (Symbol("β"), "<mi>β</mi>"),
        (Symbol("loss"), '<mi mathvariant="normal">loss</mi>'),
        (Symbol(Element("W", (0, 3))),
         "<msub><mrow><mi>W</mi></mrow><mrow><mn>0</mn><mo>,</mo><mn>3</mn></mrow></msub>"),
        (Symbol(Derivative("L", "a")),
         "<mfrac><mrow><mi>∂</mi><mi>L</mi></mrow><mrow><mi>∂</mi><mi>a</mi></mrow></mfrac>"),
        (Symbol(Derivative("L", "a", "bar")), '<mover accent="true"><mrow><mi>a</mi></mrow><mo>¯</mo></mover>'),
        (Symbol("-0.5"), '<mo form="prefix">−</mo><mn>0.5</mn>'),
    ],
    ids=str,
)  # fmt: skip
def test_formulas_in_mathml(formula, markup):
    assert formula.mathml() == f'<math display="inline">{markup}</math>'
    assert write(formula, MATHML).text == markup


def test_the_signs_of_mathml():
    found = [a < b, a <= b, a > b, a >= b, a == b, a != b, a % b, a @ b]
    signs = ["".join(node.text or "" for node in ET.fromstring(f.mathml()).iter("mo")).strip("[]") for f in found]
    assert signs == ["<", "≤", ">", "≥", "=", "≠", "mod", "\u2062"]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a&b", "a\"b'", "</math>", "]]>", "&lt;", "a\x00b", "{0}", "{shape}", "<!--"]
)
def test_a_label_does_no_harm_in_mathml(name):
    for letter in (name, Element(name, (0,)), *[Derivative(name, name, style) for style in STYLES]):
        formula = x * Symbol(letter) ** 2
        root = ET.fromstring(formula.mathml())
        assert {node.tag for node in root.iter()} <= TAGS
        assert name.replace("\x00", "\ufffd") in [node.text for node in root.iter()]
        assert "<script" not in formula.mathml()


def test_a_row_of_ones_own_does_no_harm_in_mathml(own):
    named = own("<b>", "<b>({})", lambda x: x, None, lambda g, y, x: g, settings={"<i>": 1})
    likes = own("likes", "[{} <likes> {}]", np.maximum, None)
    for formula in (named(x), named(x, **{"<i>": "<u>"}), likes(x, a)):
        assert {node.tag for node in ET.fromstring(formula.mathml()).iter()} <= TAGS


def test_formulas_come_in_mathml_too():
    assert formulas(ops.multiply, "a", "b", notation="mathml") == [Symbol("b").mathml(), Symbol("a").mathml()]
    assert formulas(ops.sign, "x", notation="mathml") == ['<math display="inline"><mn>0</mn></math>']


def test_greek_letters_are_known_by_name_and_by_sign():
    assert (GREEK["α"], GREEK["λ"], GREEK["ω"], len(GREEK)) == ("alpha", "lambda", "omega", 23)


# Speed. ---------------------------------------------------------------------------------------------------------------


def test_a_thousand_terms_are_no_recursion():
    total = x
    for i in range(2000):
        total = total - a * x if i % 2 else total + a
    for notation in (TEXT, LATEX, PYTHON, MATHML):
        assert write(total, notation).text


@pytest.mark.parametrize("letters", [("∂L/∂y", "y", "a", "b"), ("0.5", "-3", "-3", "0.5")])
def test_the_rules_of_a_thousand_nodes_are_read_at_once(letters):
    upstream, y, *operands = map(Symbol, letters)
    rows = (ops.add, ops.multiply, ops.tanh, ops.power, ops.divide, ops.exp, ops.relu)
    start, count = time.process_time(), 0
    while count < 4000:
        for row in rows:
            for rule in row.rules:
                assert str(rule(upstream, y, *operands[: row.arity], **row.settings))
                count += 1
    assert time.process_time() - start < 2  # a tenth of it as a rule


def test_a_formula_is_neither_true_nor_false():
    with pytest.raises(TypeError, match=r"The formula \[x > 0\] is neither true nor false"):
        bool(x > 0)


# Rows of one's own. ---------------------------------------------------------------------------------------------------


@pytest.fixture
def own(monkeypatch):
    """Makes rows that are gone after the test."""
    monkeypatch.setattr(ops, "TABLE", dict(ops.TABLE))
    monkeypatch.setattr(ops, "ANSWERS", dict(ops.ANSWERS))
    return ops.Op


def test_a_row_of_ones_own_is_written_as_it_says_and_else_as_a_call(own):
    cube = own("cube", "cube({})", lambda x: x**3, None, lambda g, y, x: g * (3 * x**2))
    mix = own("mix_it", "{} # {}", lambda a, b: a + b, None, lambda g, y, a, b: g, lambda g, y, a, b: g)
    scaled = own("scaled", "scaled({})", lambda x, by: x * by, None, lambda g, y, x, by: g * by, settings={"by": 2.0})
    joined = own("joined", "joined({})", lambda *xs: np.stack(xs), None, each=lambda i: lambda g, y, *xs: g[i])
    found = [cube(x), mix(a + b, c) * 2, scaled(x), scaled(x, by=0.5), joined([V, V]), mix(a, -b), mix(mix(a, b), c)]
    assert [str(f) for f in found] == [
        "cube(x)", "2·((a + b) # c)", "scaled(x)", "scaled(x, by=0.5)", "joined(v, v)", "a # (-b)", "(a # b) # c",
    ]  # fmt: skip
    assert [f.latex() for f in found[:4]] == [
        r"\operatorname{cube}(x)", r"2 \cdot \operatorname{mix\_it}(a + b, c)", r"\operatorname{scaled}(x)",
        r"\operatorname{scaled}_{\mathrm{by}=0.5}(x)",
    ]  # fmt: skip
    assert [f.python() for f in found] == [
        "cube(x)", "2 * mix_it(a + b, c)", "scaled(x)", "scaled(x, by=0.5)", "joined([v, v])", "mix_it(a, -b)",
        "mix_it(mix_it(a, b), c)",
    ]  # fmt: skip
    assert found[4].shape == (2, 3)
    assert formulas(cube, "x") == ["3·x²"]
    assert formulas(cube, "x", g="g", notation="latex") == [r"g \cdot 3 \cdot x^{2}"]


def test_the_python_form_asks_numpy_only_for_what_numpy_knows():
    assert tg.sinc(x).python() == "np.sinc(x)"
    assert formulas(tg.sinc, "x", notation="python") == ["sinc(x, times=1)"]
    cast = ops.broadcast_to(V, shape=(2, 3), dtype=np.float32)
    assert (str(cast), cast.python()) == ("broadcast_to(v, (2, 3))", "broadcast_to(v, shape=(2, 3), dtype=np.float32)")
    assert tg.expand_dims(V, 0).python() == "np.expand_dims(v, axis=0)"  # NumPy has no default there
