"""Symbols: the rules read on letters. Each formula is the calculus book's, and means what the rule computes."""

import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import domains, ops
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
    "xlogy": ("a x", ["log(x)", "a/x"], ["g·log(x)", "g·a/x"]),
    "ratio": ("a b", ["1/b", "-(y/b)"], ["g/b", "-(g·y/b)"]),
}  # fmt: skip
STRUCTURE = {
    "sum": ("x", ["broadcast_to(g)"]),
    "broadcast_to": ("x", ["sum_to(g)"]),
    "sum_to": ("x", ["broadcast_to(g)"]),
    "transpose": ("x", ["gᵀ"]),
    "reshape": ("x", ["reshape(g)"]),
    "squeeze": ("x", ["reshape(g)"]),
    "expand_dims": ("x", ["reshape(g)"]),
    "getitem": ("x", ["scatter(g)"]),
    "softmax": ("x", ["y·(g - sum(g·y))"]),
    "log_softmax": ("x", ["g - exp(y)·sum(g)"]),
    "logsumexp": ("x", ["broadcast_to(g)·exp(x - broadcast_to(y))"]),
    "norm": ("x", ["broadcast_to(g)·x/broadcast_to(y)"]),
    "max": ("x", ["broadcast_to(g)·[x = y]"]),
    "min": ("x", ["broadcast_to(g)·[x = y]"]),
}
RULED = [row for row in domains.DOMAINS if isinstance(row, ops.Op) and row.rules]


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
DIGITS = str.maketrans(SUPERSCRIPTS, "-0123456789")
PYTHON = {name: getattr(np, name) for name in ops.TABLE if hasattr(np, name)} | {
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
    text = re.sub(r"([A-Za-z)])ᵀ", r"\1.T", text).replace("[", "(").replace("]", ")")
    return eval(text, {"__builtins__": {"abs": np.abs}}, {**PYTHON, **numbers})


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
    "a - (-b)": lambda a, b, c: a - (-b),
    "a·(-b)": lambda a, b, c: a * (-b),
    "a·(-2)": lambda a, b, c: a * -2,
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
    assert str(f(a, b, c)).replace("1 / ", "1/") == text.strip()


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


@pytest.mark.parametrize("seed", range(20))
def test_random_expressions_printed_and_read_again_are_the_same_numbers(seed):
    random, tried = np.random.default_rng(seed), 0
    numbers = {"a": np.float64(1.3), "b": np.float64(0.7), "c": np.float64(2.1)}
    with np.errstate(all="ignore"):
        while tried < 30:
            f = tree(random, 4)
            try:
                text, number = str(f(a, b, c)), f(*numbers.values())
            except (ZeroDivisionError, OverflowError):
                continue
            if isinstance(number, float) and 1e-6 < abs(number) < 1e6:
                assert meaning(text, numbers) == pytest.approx(number, rel=1e-6), text
                tried += 1


# Nothing superfluous. -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SCALAR, ids=lambda row: row.name)
def test_no_formula_has_a_superfluous_one_or_zero(row):
    letters = BOOK[row.name][0].split()
    texts = [text for up in (1, g, -1) for text in formulas(row, *letters, g=up) if text]
    if row is ops.power:
        texts += [text for n in range(-3, 5) for up in (1, g) for text in formulas(row, "x", n, g=up)]
    for text in texts:
        assert not re.search(
            r"(?<![\d.])1·|·1(?![\d.])|/1(?![\d.])|\^1(?![\d.])|¹(?![⁰¹²³⁴⁵⁶⁷⁸⁹])|--|\+ -", text.replace("¹¹", "")
        ), text
        assert not re.search(r"(?<![\d.\w])0 [+-]|[+-] 0(?![\d.])|(?<![\d.\w])0·|·0(?![\d.])|⁰", text), text


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: 1 * x, "x"), (lambda x: x * 1.0, "x"), (lambda x: x / 1, "x"), (lambda x: x**1, "x"),
        (lambda x: x**0, "1"), (lambda x: x + 0, "x"), (lambda x: 0.0 + x, "x"), (lambda x: x - 0, "x"),
        (lambda x: x * 0, "0"), (lambda x: -1 * x, "-x"), (lambda x: x * -1.0, "-x"), (lambda x: -1 * (-x), "x"),
        (lambda x: +x, "x"), (lambda x: x * True, "x"), (lambda x: 2.0 * x, "2·x"),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_a_person_would_write_instead(f, text):
    assert str(f(x)) == text


# A Symbol is written, never computed. ---------------------------------------------------------------------------------


def test_a_symbol_is_no_number():
    for convert in (float, int, complex, np.sqrt):
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
