"""Worksheets: what they ask, what the key says, the tasks that are made up, and what they refuse."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, domains, ops
from tinygrad_edu.backward import order
from tinygrad_edu.elements import evaluated
from tinygrad_edu.expressions import ExpressionError
from tinygrad_edu.teaching.marking import check_by_hand
from tinygrad_edu.teaching.sheets import TASKS
from tinygrad_edu.teaching.worksheets import BACKWARD, FEW, Worksheet, worksheet

SEEDS = range(200)
LEVELS = sorted(TASKS)
HOSTILE = "</script><img src=x onerror=alert(1)>"


def shown(sheet: Worksheet) -> list[Any]:
    """Every question, those with the answer beside them too."""
    return [x for section in sheet.sections for item in section.items for x in item]


def numbers(sheet: Worksheet) -> list[float]:
    """The answers in the order of the blanks."""
    return [float(n) for x in sheet.asked for n in np.ravel(x.reading.number)]


def answers(sheet: Worksheet) -> dict[str, Any]:
    return {f"{x.kind} {x.name}": x.reading.number for x in sheet.asked}


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_first_the_values_are_asked_then_the_gradients_with_their_parts_and_sums():
    sheet = worksheet("(a + b) * a", a=2, b=-5)
    assert [(x.kind, x.name, str(x.of), x.reading.number) for x in sheet.asked] == [
        ("value", "v1", "None", -3.0),
        ("value", "L", "None", -6.0),
        ("gradient", "v1", "None", 2.0),
        ("part", "a", "L", -3.0),
        ("part", "a", "v1", 2.0),
        ("gradient", "a", "None", -1.0),
        ("gradient", "b", "None", 2.0),
    ]
    assert [section.title for section in sheet.sections] == ["Forward", "Backward"]


def test_a_value_used_twice_by_one_result_has_two_parts_that_are_told_apart():
    parts = [x for x in worksheet("x * x", x=3).asked if x.kind == "part"]
    assert [(str(x.of), x.use, x.reading.number) for x in parts] == [("L", 1, 3.0), ("L", 2, 3.0)]
    assert "through $L$, use 2: ________" in str(worksheet("x * x", x=3))


def test_local_derivatives_are_asked_on_request_and_are_not_taken_for_the_whole_ones():
    sheet = worksheet("tanh(a*b) * a", a=2, b=0.25, ask=("values", "locals"))
    found = {str(x.of) + " by " + x.name: x.reading.number for x in sheet.asked if x.kind == "local"}
    assert found == {
        "a·b by a": 0.25,
        "a·b by b": 2.0,
        "tanh(v1) by v1": pytest.approx(1 - math.tanh(0.5) ** 2),
        "v2·a by v2": 2.0,
        "v2·a by a": pytest.approx(math.tanh(0.5)),
    }
    assert r"$\frac{\partial (v_{2} \cdot a)}{\partial a} = v_{2} = 0.4621$" in sheet.key()
    assert [section.title for section in sheet.sections] == ["Forward", "Local derivatives"]
    assert answers(worksheet("x * x", x=3, ask="locals")) == {"local x": 6.0}


def test_values_that_are_not_asked_are_given():
    sheet = worksheet("a*b + a", a=2, b=-3, ask="gradients")
    assert {x.kind for x in sheet.asked} == {"gradient", "part"}
    assert r"1. $v_{1} = a \cdot b = 2 \cdot (-3) = -6$" in sheet.markdown()
    assert "The values are known." in sheet.markdown()


def test_the_numbers_given_stand_in_the_order_of_the_formula_and_are_exact():
    sheet = worksheet("c - a*b", a=0.123456, b=2, c=1)
    assert [str(x.letter) for x in sheet.given] == ["c", "a", "b"]
    assert "Given $c = 1$, $a = 0.123456$, $b = 2$." in sheet.markdown()


def test_a_composite_is_one_question_and_a_constant_none():
    x, w = np.array([[1.0, -2.0], [0.5, 3.0]]), Value([[2.0], [-1.5]], "w")
    sheet = worksheet(tg.mean((x @ w) ** 2), names={"x": x})
    assert list(answers(sheet)) == ["value v1", "value v2", "value L", "gradient v2", "gradient v1", "gradient w"]
    assert [str(x.letter) for x in sheet.given] == ["x", "w"]


def test_a_loss_stays_as_it_is_and_what_was_there_before_does_not_count():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    loss = a * b + a
    loss.backward()
    sheet = worksheet(loss)
    assert answers(sheet)["gradient a"] == -2.0
    assert (a.grad, b.grad, loss.label, sheet.loss.label) == (-2.0, 2.0, None, "L")


def test_names_of_the_caller_name_what_has_no_label():
    a, b = Value(2.0), Value(-3.0)
    product = a * b
    loss = product + a
    assert [prompt for prompt, _ in worksheet(loss, names=locals()).questions] == [
        "product.data", "loss.data", "product.grad", "a.grad", "b.grad",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a*b + a", "sigmoid(a*b)*a - b", "relu(a)**2 / b"])
def test_the_questions_feed_the_marking_by_hand(text):
    sheet = worksheet(text, a=2, b=-0.5)
    assert check_by_hand(sheet.loss, dict(sheet.questions)).passed
    wrong = {**dict(sheet.questions), "a.grad": 99}
    assert check_by_hand(sheet.loss, wrong).first_wrong.name == "a"


def test_fractions_stay_exact():
    sheet = worksheet("a / b + a", a=Fraction(1, 3), b=Fraction(2))
    assert answers(sheet)["gradient b"] == Fraction(-1, 12)
    assert sheet.exact
    assert r"= \frac{1}{6} + \frac{1}{3} = \frac{1}{2}$" in sheet.key()


def test_a_worksheet_says_what_it_is():
    assert repr(worksheet("a*b", a=2, b=3, title="One product")) == "<worksheet 'One product', 3 questions about L>"
    assert str(worksheet("a*b", a=2, b=3)) == worksheet("a*b", a=2, b=3).markdown()


# -- the key says what the readings say --------------------------------------------------------------------------------


def graphs() -> list[Value]:
    """A small graph for every row of the table that gives few numbers."""
    random, found = np.random.default_rng(0), []
    for row in domains.DOMAINS:
        for case in domains.cases(row):
            drawn = domains.draw(row, case, random)
            if any(np.size(x) > FEW or not np.size(x) or np.ndim(x) > 2 for x in drawn):
                continue
            free = [isinstance(x, float) or getattr(x, "dtype", None) == np.float64 for x in drawn]
            values = [Value(x, "abcdefgh"[i]) if free[i] else x for i, x in enumerate(drawn)]
            try:
                result = domains.call(row, values, case.settings)
            except TypeError:  # some take plain numbers beside a Value
                continue
            if isinstance(result, Value) and result.requires_grad and 0 < result.size <= FEW and result.ndim < 3:
                found.append(tg.sum(result * result) if result.shape else result * result)
    return found


def test_formula_numbers_and_result_agree_for_every_row_of_the_table():
    found = graphs()
    assert len(found) > 150
    for loss in found:
        try:
            sheet = worksheet(loss)
        except ValueError as error:
            if "2 × 3" not in str(error):
                raise
            continue
        known = {x.letter.name: x.number for x in [*sheet.given, sheet.seed]}
        for x in shown(sheet):
            again = np.asarray(evaluated(x.reading.rule, known.__getitem__), float)
            assert np.allclose(again, np.asarray(x.reading.number, float), 1e-6, 1e-9)
            assert np.all(np.asarray(x.within) > 0)
            if x.kind != "part":
                known[x.reading.letter.name] = x.reading.number
        right = backward(sheet.loss)
        assert all(np.allclose(number, right[prompt], 1e-9, 1e-12) for prompt, number in sheet.questions)


def backward(loss: Value) -> dict[str, Any]:
    """The values and gradients that `backward()` leaves, by the prompts of the questions; the graph stays clean."""
    nodes = order(loss)
    values = dict.fromkeys([*nodes, *(x for node in nodes for x in node.operands if isinstance(x, Value))])
    for x in values:
        x.grad = None
    loss.backward()
    found = {f"{x.label}.{kind}": getattr(x, kind) for x in values for kind in ("data", "grad")}
    for x in values:
        x.grad = None
    return found


def test_the_key_is_whole():
    key = worksheet("a*b + a", a=2, b=-3, title="A product").key()
    assert (
        key.replace(r"\frac{\partial L}{\partial ", "D{")
        == r"""# A product: key

$L = a \cdot b + a$

Given $a = 2$, $b = -3$.

## Forward

1. $v_{1} = a \cdot b = 2 \cdot (-3) = -6$
2. $L = v_{1} + a = -6 + 2 = -4$

## Backward

3. $D{v_{1}} = D{L} = 1$
4. $D{a} = D{L} + D{v_{1}} \cdot b = 1 - 3 = -2$
   - through $L$: $D{L} = 1$
   - through $v_{1}$: $D{v_{1}} \cdot b = 1 \cdot (-3) = -3$
5. $D{b} = D{v_{1}} \cdot a = 1 \cdot 2 = 2$
"""
    )


# -- Markdown ----------------------------------------------------------------------------------------------------------


def test_the_questions_are_whole():
    text = worksheet("a*b + a", a=2, b=-3, notation="d").markdown()
    assert (
        text.replace(BACKWARD, "BACKWARD")
        == r"""# Backpropagation by hand

$L = a \cdot b + a$

Given $a = 2$, $b = -3$.

All numbers are short: none has to be rounded.

## Forward

Work out the values, from the top down.

1. $v_{1} = a \cdot b =$ ________
2. $L = v_{1} + a =$ ________

## Backward

BACKWARD

The seed is $\frac{\mathrm{d} L}{\mathrm{d} L} = 1$.

3. $\frac{\mathrm{d} L}{\mathrm{d} v_{1}} =$ ________
4. $\frac{\mathrm{d} L}{\mathrm{d} a}$, from 2 uses:
   - through $L$: ________
   - through $v_{1}$: ________
   - sum: $\frac{\mathrm{d} L}{\mathrm{d} a} =$ ________
5. $\frac{\mathrm{d} L}{\mathrm{d} b} =$ ________
"""
    )


def test_an_array_has_a_blank_for_every_number():
    text = worksheet(tg.sum(Value([[1.5, 2.0, -3.0], [2.0, 0.5, 4.0]], "W") ** 2)).markdown()
    row = " & ".join([r"\underline{\hspace{3em}}"] * 3)
    assert rf"$v_{{1}} = W^{{2}} =$ $\begin{{bmatrix}} {row} \cr {row} \end{{bmatrix}}$" in text


@pytest.mark.parametrize("level", LEVELS)
def test_markdown_reads_as_numbered_lists_without_accidents(level):
    for seed in range(20):
        sheet = worksheet(seed=seed, difficulty=level, ask=("values", "locals", "gradients"))
        for text in (sheet.markdown(), sheet.key()):
            page = MarkdownIt().render(text)
            assert not re.search("<em>|<strong>|<code>|<hr>|<h3>", page.replace("<hr />", "<hr>"))
            math = re.findall(r"\$([^$]+)\$", text)
            assert len(math) == text.count("$") / 2
            assert not [formula for formula in math if re.search(r"\\[^a-zA-Z]", formula)]  # GitHub eats these
            starts = [1, *map(int, re.findall(r'<ol start="(\d+)">', page))]
            assert len(starts) == page.count("<ol") == len(sheet.sections)
            top = re.sub(r"<ul>.*?</ul>", "", page, flags=re.DOTALL).count("<li>")
            assert top == sum(len(section.items) for section in sheet.sections)


def test_titles_and_labels_are_text_in_markdown():
    loss = Value(2.0, HOSTILE) * Value(-1.5, "a_b $x$ `c` *d* {e} & f")
    sheet = worksheet(loss, title=f"{HOSTILE} $x$ *y* _z_ # [a](b)")
    for text in (sheet.markdown(), sheet.key()):
        page = MarkdownIt("commonmark", {"html": True}).render(text)
        assert not re.search("<script|<img|</script|<em>|<a ", page)
        assert text.count("$") % 2 == 0
        assert len(re.findall("<h1>", page)) == 1
    assert worksheet("a*b", a=2, b=3, title="  Two\nlines ").title == "Two lines"


# -- digits ------------------------------------------------------------------------------------------------------------


def test_short_answers_are_asked_in_full_and_others_in_four_digits():
    short, long = worksheet("a*b", a=0.125, b=-3), worksheet("exp(a)*b", a=0.5, b=2)
    assert (short.exact, short.digits, long.exact, long.digits) == (True, 6, False, 4)
    assert "none has to be rounded" in str(short)
    assert "Round to 4 significant digits." in str(long)
    assert "= e^{0.5} = 1.649$" in long.key()
    assert "= e^{0.5} = 1.6$" in worksheet("exp(a)*b", a=0.5, b=2, digits=2).key()


def rounded(x: float) -> float:
    return float(f"{x:.4g}")


def test_going_on_with_rounded_numbers_is_right_and_a_percent_beside_it_is_wrong():
    random = np.random.default_rng(0)
    for _ in range(200):
        a, b, c = (float(f"{x:.2f}") for x in random.uniform(-2, 2, 3))
        sheet = worksheet("sigmoid(a*b + c) * a", a=a, b=b, c=c)
        v1 = rounded(a * b)
        v2 = rounded(v1 + c)
        v3 = rounded(1 / (1 + math.exp(-v2)))
        g3, first = rounded(a), rounded(v3)
        g2 = rounded(g3 * v3 * (1 - v3))
        g1, second = g2, rounded(g2 * b)
        written = [v1, v2, v3, rounded(v3 * a), g3, g2, g1, g2, first, second, rounded(first + second), rounded(g1 * a)]
        for mine, asked in zip(written, sheet.asked, strict=True):
            right = asked.reading.number
            assert abs(mine - right) <= asked.within
            assert abs(rounded(right) - right) <= asked.within
            if abs(right) > 0.1:
                assert asked.within < abs(right) / 100


def test_a_comparison_that_rounding_upsets_does_not_make_everything_right():
    sheet = worksheet(tg.max(Value([0.123456789, 0.1], "a")) * Value(2.0, "b"), digits=2)
    gradient = next(x for x in sheet.asked if x.name == "a")
    assert list(gradient.reading.number) == [2.0, 0.0]
    assert np.all(gradient.within <= 0.06)


# -- tasks that are made up --------------------------------------------------------------------------------------------


@cache
def made(level: int) -> list[Worksheet]:
    return [worksheet(seed=seed, difficulty=level) for seed in SEEDS]


@pytest.mark.parametrize("level", LEVELS)
def test_made_up_sheets_keep_their_promises(level):
    sheets = made(level)
    for sheet in sheets:
        given = np.concatenate([np.ravel(x.number) for x in sheet.given])
        assert given.min() < 0 < given.max()
        assert not np.any(np.isin(given, (0, 1, -1)))
        right = backward(sheet.loss)
        assert all(np.array_equal(right[prompt], number) for prompt, number in sheet.questions)
        free = [str(x.letter) for x in sheet.given if str(x.letter) not in "XT"]
        gradients = {x.name: x.reading.number for x in sheet.asked if x.kind == "gradient"}
        assert all(np.any(gradients[name]) for name in free)
        if level <= 3:
            assert all(abs(x) < 50 and abs(100 * x - round(100 * x)) < 1e-9 for x in numbers(sheet))
        assert sheet.exact or level == 4
        assert no_answer_is_what_it_is_by_chance(sheet)
    assert len({sheet.markdown() for sheet in sheets}) > 150


def no_answer_is_what_it_is_by_chance(sheet: Worksheet) -> bool:
    """Whether answers that are 0, 1, or like their neighbours are so on other numbers too."""
    changed = {str(x.letter): np.multiply(x.number, 1 + 1e-3 * math.sqrt(i + 2)) for i, x in enumerate(sheet.given)}
    here, there = numbers(sheet), numbers(worksheet(tg.walk(sheet.loss).again(changed).loss))
    telling = all(x not in (0, 1, -1) or x == pytest.approx(y, abs=1e-12) for x, y in zip(here, there, strict=True))
    pairs = zip(pairwise(here), pairwise(there), strict=True)
    return telling and all(x != y or u == pytest.approx(v, rel=1e-9) for (x, y), (u, v) in pairs)


OPERATIONS = {
    1: [{ops.multiply}, {ops.add, ops.subtract}],
    2: [{ops.multiply}, {ops.add, ops.subtract}],
    3: [{ops.power, ops.relu, ops.divide}],
    4: [{ops.sigmoid, ops.tanh, ops.exp}],
    5: [{ops.matmul, ops.linear}, {ops.sum}],
}


@pytest.mark.parametrize("level", LEVELS)
def test_a_difficulty_has_what_it_says(level):
    sheets = made(level)
    for sheet in sheets:
        used = [node.op for node in order(sheet.loss)]
        assert all(any(op in kinds for op in used) for kinds in OPERATIONS[level])
        assert len(used) == 2 or level > 1
        assert any(x.kind == "part" for x in sheet.asked) or level != 2
        assert all(x.number.shape in ((2, 1), (2, 2), (2, 3), (3, 1), (1,), (2,), (1, 2)) for x in sheet.given
                   if level == 5)  # fmt: skip
    seen = {node.op for sheet in sheets for node in order(sheet.loss)}
    assert set.union(*OPERATIONS[level]) <= seen


def test_the_same_seed_gives_the_same_sheet():
    for level in LEVELS:
        once, again = (worksheet(seed=11, difficulty=level) for _ in range(2))
        assert (once.markdown(), once.key(), once.html()) == (again.markdown(), again.key(), again.html())
    assert str(worksheet()) == str(worksheet(seed=0, difficulty=1))
    assert "Difficulty 2, sheet 7." in str(worksheet(seed=7, difficulty=2))
    assert str(worksheet(seed=7)) != str(worksheet(seed=8))
    assert str(worksheet(seed=np.int64(7), difficulty=np.int64(1))) == str(worksheet(seed=7))


# -- saving ------------------------------------------------------------------------------------------------------------


def test_a_sheet_is_saved_in_the_format_of_the_suffix(tmp_path):
    sheet = worksheet("a*b", a=2, b=3)
    assert sheet.save(tmp_path / "sheet.md").read_text("utf-8") == sheet.markdown()
    assert sheet.save(str(tmp_path / "sheet.HTML")).read_text("utf-8") == sheet.html()
    with pytest.raises(ValueError, match=r"saved as \.html or \.md: 'sheet\.pdf' is neither"):
        sheet.save(tmp_path / "sheet.pdf")
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*nowhere' for 'a\.md': make it first"):
        sheet.save(tmp_path / "nowhere" / "a.md")


# -- what is refused ---------------------------------------------------------------------------------------------------

A, B = Value(2.0, "a"), Value(-3.0, "b")


def chain(n: int) -> Value:
    value = Value(1.0, "x")
    for _ in range(n):
        value = value * 1.5
    return value


REFUSED: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    (("__import__('os')",), {}, ExpressionError, "'__import__' is not on the list of functions"),
    (("a.real",), {"a": 2}, ExpressionError, "'a.real' is not allowed: an expression has numbers, names"),
    (("a*b",), {"a": 2}, ExpressionError, "'b' has no value; names with a value are a. Write it behind the expression"),
    (("a*b",), {"a": 2, "b": "two"}, TypeError, "b is to be a number or a list of numbers, not 'two'."),
    (("a*b",), {"names": {"a": 2, "b": [[1, 2], [3]]}}, TypeError, "b is to be a number or a list of numbers, not ["),
    (("a*b",), {"names": [2, 3]}, TypeError, "names is a mapping from names to numbers, as {'a': 2.0}, not list."),
    (("a*b",), {"a": 2, "b": 3, "c": 4}, ValueError, "c does not occur in a*b: leave it out."),
    (("2*3",), {}, ExpressionError, "'2*3' contains no name, so there is nothing to differentiate"),
    (("a",), {"a": 2}, ValueError, "a was not computed from anything, so there is nothing to work out: give a loss."),
    ((A * B,), {"a": 2}, TypeError, "a: numbers by name belong to an expression, as worksheet('a*b', a=2, b=3)."),
    ((A * B,), {"names": [1]}, TypeError, "names is a mapping from names to values, such as locals(), not list."),
    ((A * B,), {"seed": 1}, ValueError, "seed and difficulty are for a task that is made up: leave them out"),
    ((3.0,), {}, TypeError, "worksheet takes a Value, such as a loss, or an expression, as in worksheet('a*b', a=2,"),
    ((), {"difficulty": 0}, ValueError, "difficulty is a whole number from 1 (one product, one sum) to 5 (matrices),"),
    ((), {"difficulty": "hard"}, ValueError, "to 5 (matrices), not 'hard'."),
    ((), {"difficulty": True}, ValueError, "to 5 (matrices), not True."),
    ((), {"seed": -1}, ValueError, "seed is a whole number from 0 on, not -1; each gives another sheet."),
    ((A * B,), {"digits": 0}, ValueError, "digits is a whole number from 1 to 12, not 0."),
    ((A * B,), {"digits": 13}, ValueError, "digits is a whole number from 1 to 12, not 13."),
    ((A * B,), {"digits": "4"}, ValueError, "digits is a whole number from 1 to 12, not '4'."),
    ((A * B,), {"notation": "D"}, ValueError, "The notation of a gradient is one of ∂, d, bar, δ, not 'D'."),
    ((A * B,), {"ask": "grads"}, ValueError, "ask names some of values, locals, gradients, not 'grads'."),
    ((A * B,), {"ask": ()}, ValueError, "ask names some of values, locals, gradients, not nothing."),
    ((A * B,), {"ask": 3}, ValueError, "ask names some of values, locals, gradients, not 3."),
    ((tg.sum(Value([1.0, 2.0], "a")),), {"ask": "locals"}, ValueError, "nothing to ask: L has no locals to work out."),
    ((chain(60),), {}, ValueError, "The graph of L has 61 values, too many for a sheet, which takes 60. Take fewer"),
    ((A * Value(4.0, "a"),), {}, ValueError, "2 values are called 'a', and a sheet could not say which one it asks fo"),
    ((tg.log(A - 2.0) * B,), {}, ValueError, "v2 is -inf, which nobody can write into a blank. Take other numbers."),
    ((tg.sum(Value(np.ones((4, 3)), "W")),), {}, ValueError, "W has shape (4, 3): a sheet writes out every number, so"),
    ((Value([1.0, 2.0], "a") * 2,), {}, GradientError, "is not a scalar, so its gradient needs a seed of that shape."),
]  # fmt: skip


@pytest.mark.parametrize(("task", "settings", "error", "words"), REFUSED, ids=[words[:40] for *_, words in REFUSED])
def test_what_cannot_be_a_sheet_is_refused_in_words(task, settings, error, words):
    with pytest.raises(error, match=re.escape(words)):
        worksheet(*task, **settings)


def test_sixty_values_are_not_too_many_and_data_changed_since_is_noticed():
    assert len(worksheet(chain(59)).asked) == 118
    w = Value([1.0, 2.0], "w")
    loss = tg.sum(w * w)
    w.data[0] = 5.0
    with pytest.raises(GradientError, match="was changed in place"):
        worksheet(loss)
