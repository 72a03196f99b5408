"""Symbols: the rules read on letters. Each formula is the calculus book's, and means what the rule computes."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import domains, ops
from tinygrad_edu.notation import CONSTANTS, LATEX, NOTATIONS, PYTHON, TEXT, write
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
    with pytest.raises(ValueError, match="The notation is one of text, latex, python, not 'roman'"):
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
    assert tuple(write(number, notation)[0] for notation in NOTATIONS.values()) == (text, latex, python)


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
        ("x", "x"), ("x1", "x_{1}"), ("y₁₂", "y_{12}"), ("w_3", "w_{3}"), ("loss", r"\mathrm{loss}"), ("α", "α"),
        ("dense2", r"\mathrm{dense}_{2}"), ("∂L/∂y", r"\frac{\partial L}{\partial y}"), ("-3", "-3"), ("2.5", "2.5"),
        ("∂loss/∂w1", r"\frac{\partial \mathrm{loss}}{\partial w_{1}}"), ("a b", r"\mathrm{a\ b}"),
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
    minus = Symbol("-3")
    assert [str(f) for f in (x - minus, x * minus, minus * x, minus**2, minus + x, tg.exp(minus))] == [
        "x - (-3)", "x·(-3)", "(-3)·x", "(-3)²", "-3 + x", "exp(-3)",
    ]  # fmt: skip
    assert [f.latex() for f in (x - minus, minus**2, x / minus)] == ["x - (-3)", "(-3)^{2}", r"\frac{x}{-3}"]


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
