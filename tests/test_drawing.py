"""Drawings: what is shown, in DOT and as text; pictures with every renderer and none; hostile labels; big graphs."""

import importlib
import os
import re
import sys
from fractions import Fraction
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Drawing, Value, draw
from tinygrad_edu.wording import figure, operation, printable

render = importlib.import_module("tinygrad_edu.drawing.render")
drawings = importlib.import_module("tinygrad_edu.drawing.drawings")
HINT = 'For a picture: pip install "tinygrad-edu[render]", or install Graphviz.'


class Parsed:
    """The nodes and edges of a DOT text."""

    def __init__(self, source):
        self.nodes = dict(re.findall(r"^\t(\w+) \[label=<(.*)> \w+=.*\]$", source, re.M))
        self.styles = dict(re.findall(r"^\t(\w+) \[label=<.*>( \w+=.*)\]$", source, re.M))
        self.edges = re.findall(r"^\t(\w+) -> (\w+)", source, re.M)
        self.places = dict(re.findall(r"^\t(\w+) -> \w+ \[(?:label=<.*> )?headlabel=.(\d)\w\w\b", source, re.M))

    def texts(self, node):
        """What can be read in a node, row by row."""
        return [unescape(text).replace("\xa0", " ") for text in re.findall(r">([^<>]+)<", self.nodes[node])]

    def node(self, first):
        """The name of the one node whose first text is this."""
        (found,) = [name for name in self.nodes if self.texts(name)[0] == first]
        return found

    def operations(self):
        return [self.texts(name)[0] for name in self.nodes if name.startswith("operation")]


def neuron():
    x1, x2, w1, w2 = Value(2.0, "x1"), Value(0.0, "x2"), Value(-3.0, "w1"), Value(1.0, "w2")
    b = Value(6.8813735870195432, "b")
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.label = "o"
    return o


def layer():
    X = Value(np.arange(12.0).reshape(4, 3), "X", requires_grad=False)
    W, b = Value([[1.0, -1.0], [0.5, 0.0], [0.0, 2.0]], "W"), Value([0.5, -20.0], "b")
    loss = (X @ W + b).relu().mean()
    loss.label = "loss"
    return loss


def chain(length):
    y = Value(1.0, "x")
    for _ in range(length):
        y = y * 1.0
    return y


@pytest.fixture
def no_program(monkeypatch):
    """A machine on which nothing can draw."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(render.metadata, "files", lambda package: None)


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_an_operand_used_twice_has_two_edges():
    a = Value(3.0, "a")
    parsed = Parsed(draw(a + a).source)
    assert parsed.edges == [("value0", "operation1"), ("value0", "operation1"), ("operation1", "value1")]
    assert parsed.texts("value0") == ["a", "3", "grad —"]


def test_a_neuron_shows_names_values_gradients_and_operations():
    o = neuron()
    before = Parsed(draw(o).source)
    o.backward()
    after = Parsed(draw(o).source)
    assert before.texts(before.node("w2")) == ["w2", "1", "grad —"]
    assert after.texts(after.node("w2")) == ["w2", "1", "grad 0"]
    assert after.texts(after.node("x1")) == ["x1", "2", "grad -1.5"]
    assert after.texts(after.node("o")) == ["o", "0.7071", "grad 1"]
    assert sorted(after.operations()) == ["+", "+", "tanh", "×", "×"]
    assert [after.texts(name)[0] for name in after.nodes if name.startswith("value")] == [
        *("x1", "w1", "v1", "x2", "w2", "v2", "v3", "b", "v4", "o")
    ]


def test_a_drawing_stays_what_it_was():
    o = neuron()
    drawing = draw(o)
    source, text = drawing.source, drawing.text()
    o.backward()
    assert (drawing.source, drawing.text()) == (source, text)


def test_constants_are_shown_without_a_gradient():
    x, c = Value(2.0, "x"), Value(5.0, "c", requires_grad=False)
    parsed = Parsed(draw(x * 3 + c).source)
    assert parsed.texts(parsed.node("3")) == ["3", "constant"]
    assert parsed.texts(parsed.node("c")) == ["c", "5", "constant"]


def test_a_number_written_twice_is_two_nodes_and_an_array_used_twice_is_one():
    x, table = Value([1.0, 2.0], "x"), np.array([3.0, 4.0])
    parsed = Parsed(draw((x * table + table) * 2 + 2, names={"table": table}).source)
    assert len([name for name in parsed.nodes if parsed.texts(name) == ["2", "constant"]]) == 2
    assert parsed.texts(parsed.node("table")) == ["table", "  (2,) float64", "value", "  3", "  4", "constant"]


def test_kinds_differ_in_colour_and_in_shape():
    x, c = Value(2.0, "x"), Value(5.0, "c", requires_grad=False)
    inner = x * c
    inner.label = "inner"
    root = inner + 3
    root.label = "root"
    parsed = Parsed(draw(root).source)
    styles = [parsed.styles[parsed.node(first)] for first in ("x", "c", "inner", "root", "3", "+")]
    assert len({re.search(r"fillcolor=(\S+)", style)[1] for style in styles}) == 6
    assert len({re.sub(r'(fill)?color="\S+"', "", style) for style in styles}) == 6


def test_small_arrays_show_their_numbers_and_large_ones_their_extremes():
    loss = layer()
    loss.backward()
    parsed = Parsed(draw(loss).source)
    assert parsed.texts(parsed.node("b")) == [
        *("b", "  (2,) float64", "value", "  0.5", "  -20", "grad", "  0.5", "  0"),
    ]
    assert parsed.texts(parsed.node("X")) == [
        *("X", "  (4, 3) float64", "  ", "  min", "  mean", "  max", "value", "  0", "  5.5", "  11", "constant"),
    ]
    assert parsed.nodes[parsed.node("W")].count("<TR>") == 2 + 3 + 3  # name, table, and a line for each row of both


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        (np.zeros((0, 3)), "(0, 3) float64 []"),
        (np.ones((1, 1, 2)), "(1, 1, 2) float64 [[[1, 1]]]"),
        (np.array([np.nan, np.inf]), "(2,) float64 [nan, inf]"),
        (np.array([np.inf, -np.inf] * 4), "(8,) float64 min -inf, mean nan, max inf"),
        (np.array([np.nan, *range(7), np.nan]), "(9,) float64 min 0, mean 3, max 6, 2 nan"),
        (np.full(8, np.nan), "(8,) float64 min nan, mean nan, max nan"),
        (np.array([np.nan, *[np.inf] * 6]), "(7,) float64 min inf, mean inf, max inf, 1 nan"),
        (np.full(7, 3e38, np.float32), "(7,) float32 min 3e+38, mean inf, max 3e+38"),
        (Fraction(1, 3), "1/3"),
        (-1e-300, "-1e-300"),
    ],
)
def test_unusual_numbers_are_shown_as_they_are(numbers, shown):
    drawing = draw(Value(numbers, "x"))
    assert str(drawing) == f"x = {shown}, grad —"
    assert "x" in drawing.source


def test_figures():
    shown = [figure(x) for x in (1.0, 0.1 + 0.2, 999999.0, 1e6, 1234.5678, np.float32(0.1), True, Fraction(10**9, 7))]
    assert shown == ["1", "0.3", "999999", "1e+06", "1235", "0.1", "True", "≈ 1.429e+08"]
    assert figure(-(10**400)) == "< -1e308"
    assert [figure(Fraction(*x)) for x in ((1, 3), (123456789, 987654321), (1234567891, 10**10))] == [
        "1/3", "≈ 0.125", "≈ 0.1235",
    ]  # fmt: skip


def test_the_order_of_operands_is_told_where_it_matters():
    a, b = Value(2.0, "a"), Value(3.0, "b")
    for node in (a - b, a / b, a**b, tg.where(True, a, b), tg.stack([a, b])):
        parsed = Parsed(draw(node).source)
        places = [parsed.places[parsed.node(name)] for name in "ab"]
        assert places == sorted(places)
        assert places[0] != places[1]
    for node in (a + b, a * b, tg.maximum(a, b), a.tanh()):
        assert not Parsed(draw(node).source).places
    assert Parsed(draw(tg.clip(a, None, 4)).source).places == {"value0": "1", "value1number2": "3"}
    assert "ordering=in" in draw(a - b).source


def test_operations_read_as_a_person_writes_them():
    x = Value(np.ones((2, 3)), "x")
    signs = {
        "+": x + x, "×": x * x, "−": x - x, "/": x / x, "**": x**2, "@": x @ x.T, "ᵀ": x.T, "abs": abs(x),
        "tanh": x.tanh(), "sum": x.sum(), "sum axis=0": x.sum(axis=0), "sum axis=-1 keepdims": x.sum(-1, keepdims=True),
        "[0, 1:]": x[0, 1:], "[..., None]": x[..., None], "[::-1]": x[::-1], "[[0, 1]]": x[[0, 1]],
        "[array (2, 4)]": x.T[np.zeros((2, 4), int)], "reshape (3, 2)": x.reshape(3, 2), "maximum": tg.maximum(x, 0),
        "reciprocal": tg.reciprocal(x), "where": tg.where(x > 0, x, 0),
        "concatenate axis=1": tg.concatenate([x, x], axis=1),
    }  # fmt: skip
    assert {sign: operation(node.op, node.settings) for sign, node in signs.items()} == {sign: sign for sign in signs}
    assert operation((-x).op, {}) == operation((x - x).op, {}) == "−"


def test_no_sign_has_a_letter_that_could_be_the_name_of_a_value():
    """The rows whose own way to write them has letters or marks around the operand."""
    rows = [tg.ops.TABLE[name] for name in ("negative", "same", "slope", "xlogy", "log_of", "wins", "inside", "share")]
    assert [operation(row, row.settings) for row in rows] == [
        "−", "=", "slope of **", "xlogy", "log", "wins", "inside", "share",
    ]  # fmt: skip
    known = [row for row in tg.ops.TABLE.values() if row is not tg.ops.getitem]  # its sign is its index
    assert all(re.fullmatch(r"\W+|ᵀ|\w\w.*", operation(row, row.settings)) for row in known)


def test_every_row_of_the_table_has_a_sign():
    for op in tg.ops.TABLE.values():
        assert re.fullmatch(r"[^{}]+", operation(op, op.settings)), op


def test_names_come_from_labels_then_from_variables_then_are_made():
    a, b = Value(1.0, "a"), Value(2.0)
    c = a + b
    d = c * Value(3.0)
    loss = d + Value(4.0, "v1")
    names = {"_": c, "other_a": a, "c": c, "same_c": c, "unused": 3, "b": b}
    text = str(draw(loss, names=names))
    assert [line.lstrip("├└│─ ").split(" ")[0] for line in text.splitlines()] == ["L", "v3", "c", "a", "b", "v2", "v1"]


def test_a_drawing_of_a_leaf_is_one_node():
    parsed = Parsed(draw(Value(2.0)).source)
    assert [parsed.texts(name) for name in parsed.nodes] == [["L", "2", "grad —"]]
    assert str(draw(Value(2.0, "x", requires_grad=False))) == "x = 2, constant"


def test_the_numbers_are_those_the_graph_was_computed_with():
    w = Value(2.0, "w")
    loss = w * w
    w.data = 100.0
    assert str(draw(loss)).splitlines()[1] == "├─ w = 2, grad —"


def test_gradients_that_are_values_and_gradients_set_by_hand():
    x = Value(3.0, "x")
    (x**2).backward(create_graph=True)
    assert str(draw(x)) == "x = 3, grad 6"
    x.grad = 0
    assert str(draw(x)) == "x = 3, grad 0"
    X = Value(np.ones(9), "X")
    X.grad = 0
    assert Parsed(draw(X).source).texts("value0")[-2:] == ["grad", "  0"]


def test_the_same_graph_gives_the_same_drawing():
    first, second = draw(neuron()), draw(neuron())
    assert first.source == second.source
    assert first.text() == second.text()
    assert first.svg() == second.svg()


def test_direction():
    assert "rankdir=LR" in draw(neuron()).source
    assert "rankdir=TB" in draw(neuron(), direction="TB").source


def test_arguments_that_cannot_be_drawn():
    for what, kind in ((2.0, "float"), ([2.0], "float"), ("x", "str"), (None, "NoneType")):
        with pytest.raises(TypeError) as error:
            draw(what)
        assert str(error.value) == (
            f"draw takes a Value, such as a loss, not {kind}: only a Value remembers how it was computed."
        )
    with pytest.raises(TypeError) as error:
        draw(Value(1.0), names=["x"])
    assert str(error.value) == "names is a mapping from names to values, such as locals(), not list."
    with pytest.raises(ValueError, match=r"^direction is one of LR, TB, RL, BT, not 'up'\.$"):
        draw(Value(1.0), direction="up")


# -- text --------------------------------------------------------------------------------------------------------------


def test_the_text_tree():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    product = a * b
    loss = product * product - a / 2
    loss.backward()
    drawing = draw(loss, names=locals())
    assert drawing.text() == str(drawing) == repr(drawing)
    assert drawing.text().splitlines() == [
        "loss = 35, grad 1 ← −",
        "├─ v1 = 36, grad 1 ← ×",
        "│  ├─ product = -6, grad -12 ← ×",
        "│  │  ├─ a = 2, grad 35.5",
        "│  │  └─ b = -3, grad -24",
        "│  └─ product ↑ see above",
        "└─ v2 = 1, grad -1 ← /",
        "   ├─ a ↑ see above",
        "   └─ 2, constant",
    ]


def test_the_text_tree_leaves_out_what_the_picture_leaves_out():
    x, c = Value([1.0, 2.0], "x"), Value(3.0, "c", requires_grad=False)
    loss = (x * c + 2).sum()
    loss.backward()
    assert draw(loss, values=False).text().splitlines() == [
        "L, grad 1 ← sum", "└─ v2 (2,) float64, grad [1, 1] ← +", "   ├─ v1 (2,) float64, grad [1, 1] ← ×",
        "   │  ├─ x (2,) float64, grad [3, 3]", "   │  └─ c, constant", "   └─ constant",
    ]  # fmt: skip
    assert draw(loss, grads=False).text().splitlines() == [
        "L = 13 ← sum", "└─ v2 = (2,) float64 [5, 8] ← +", "   ├─ v1 = (2,) float64 [3, 6] ← ×",
        "   │  ├─ x = (2,) float64 [1, 2]", "   │  └─ c = 3", "   └─ 2, constant",
    ]  # fmt: skip
    names = [line.lstrip("├└│─ ") for line in draw(loss, values=False, grads=False).text().splitlines()]
    assert names == ["L ← sum", "v2 (2,) float64 ← +", "v1 (2,) float64 ← ×", "x (2,) float64", "c", "constant"]


def test_a_value_without_a_name_that_is_met_again_is_known_by_its_number():
    x = Value([[0.0, 0.0]], "x")
    lines = draw(tg.softmax(x), open=("L", (0, 1))).text().splitlines()
    assert [line.lstrip("├└│─ ") for line in lines if "see above" in line] == ["1 ↑ see above"]


def test_the_text_tree_of_arrays_keeps_to_its_columns():
    loss = layer()
    loss.backward()
    lines = str(draw(loss)).splitlines()
    assert lines[:3] == [
        "loss = 3.875, grad 1 ← mean",
        "└─ v3 = (4, 2) float64 min 0, mean 3.875, max 14.5, grad min 0.125, mean 0.125, max 0.125 ← relu",
        "   └─ v2 = (4, 2) float64 min -16, mean -1.875, max 14.5, grad min 0, mean 0.0625, max 0.125 ← +",
    ]
    assert lines[-1] == "      └─ b = (2,) float64 [0.5, -20], grad [0.5, 0]"
    opened = str(draw(loss, composites=False)).splitlines()
    assert opened[:3] == [
        "loss = 3.875, grad 1 ← /",
        "├─ v4 = 31, grad 0.125 ← sum",
        "│  └─ v3 = (4, 2) float64 min 0, mean 3.875, max 14.5",
    ]
    assert max(map(len, lines + opened)) <= 100


def test_a_composite_is_one_operation_and_can_be_opened():
    x, w = Value([1.0, 2.0, 4.0], "x"), Value([0.5, 0.25, 0.25], "w")
    y = np.var(x * 2) + np.average(x, weights=w)
    y.backward()
    closed, opened = str(draw(y)), str(draw(y, composites=False))
    assert [line.rpartition(" ← ")[2] for line in closed.splitlines() if "←" in line] == ["+", "var", "×", "average"]
    assert {"square", "sum", "/", "−"} <= {line.rpartition(" ← ")[2] for line in opened.splitlines()}
    assert "w = (3,) float64 [0.5, 0.25, 0.25]" in closed
    assert "= 2, constant" not in closed.replace("2, constant", "", 1)  # but the 2 that was written


def test_results_of_one_composite_have_the_same_operands():
    x = Value(np.array([[2.0, 0.5], [0.5, 1.0]]), "x")
    values, vectors = np.linalg.eigh(x)
    text = str(draw(values.sum() + (vectors[0] * [1.0, 2.0]).sum()))
    assert text.count("← eigh") == 2
    assert text.count("x = (2, 2)") == text.count("x ↑ see above") == 1


def test_a_composite_in_a_composite_shows_the_outer_one():
    x = Value([1.0, 3.0], "x")
    assert str(draw(np.std(x))).splitlines()[0].endswith("← std")
    assert "mean" not in str(draw(np.std(x)))


def test_a_composite_with_much_sharing_is_drawn_at_once():
    x = Value(np.ones(4000), "x")  # twelve rounds of doubling inside
    assert str(draw(np.cumprod(x).sum())).count("\n") == 2
    parsed = Parsed(draw(np.clip(Value(2.0, "a"), 0, 1)).source)  # a row under its own name keeps its numbers
    assert [parsed.texts(name) for name in parsed.nodes if "number" in name] == [["0", "constant"], ["1", "constant"]]


def test_a_deep_tree_goes_on_below():
    text = str(draw(chain(60)))
    assert max(map(len, text.splitlines())) <= 100
    (told,) = re.findall(r"(v\d+) ↓ continued below", text)[:1]
    assert len(re.findall(rf"^{told} = 1, grad — ← ×$", text, re.M)) == 1
    assert all(len(re.findall(rf"\b{name} = ", text)) == 1 for name in ["L", *(f"v{i}" for i in range(1, 60))])


def test_a_node_that_is_continued_below_is_told_once_even_if_it_is_met_again_before():
    deep = shared = Value(1.0, "x") * 2
    for _ in range(20):
        deep = deep + 1
    shared.label = "shared"
    text = str(draw(deep * shared))
    assert text.count("shared = ") == 1
    assert text.count("shared") == 2


# -- big graphs --------------------------------------------------------------------------------------------------------


def test_a_long_chain_needs_no_recursion():
    drawing = draw(chain(5_000), max_nodes=None)
    assert len(Parsed(drawing.source).operations()) == 5_000
    assert drawing.text().count(" ← ×") == 5_000
    assert len(drawing.text()) < 1_000_000


def test_a_diamond_repeated_is_told_once_per_node():
    y = Value(1.0, "x")
    for _ in range(60):
        y = y + y
    drawing = draw(y)
    assert len(Parsed(drawing.source).edges) == 180
    assert drawing.text().count(" = ") == 61


# -- hostile labels ----------------------------------------------------------------------------------------------------

OUTLINES = ("polygon", "path", "ellipse")
HOSTILE = [
    "<script>alert(1)</script>", '"quoted" \'twice\'', "{a|b|<c>}", "back\\slash \\N \\G \\l", "ends with \\",
    "a\nb\r\tc", "</TABLE>>", "]]>", "&amp; &#60; &", "\x00\x1b[31mred", "\u202eevil", "\ud800",
    "\ufffe", "שלום עולם", "重量", "%1 %s {0}", "<b>", "-->", "label=<x>", "]; a -> b; [", "𝛼" * 60, "w" * 500,
    "\u200b", 'digraph "x" {',
]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE, ids=[ascii(label)[:20] for label in HOSTILE])
def test_a_hostile_label_is_text_and_nothing_else(label):
    x = Value(2.0, label)
    drawing = draw(x * x + x)
    shown = printable(label)
    parsed = Parsed(drawing.source)
    assert len(parsed.edges) == 6
    assert parsed.texts("value0")[0] == shown.replace("\\", "\\\\")
    assert len(shown) <= 40
    assert shown.isprintable()
    picture = ElementTree.fromstring(drawing.svg())
    texts = ["".join(element.itertext()) for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert shown in [text.replace("\xa0", " ") for text in texts]
    assert {element.tag.split("}")[1] for element in picture.iter()} == {"svg", "g", "title", "text", *OUTLINES}
    assert len(str(drawing).splitlines()) == 5
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u200b\u202e]", str(drawing))


def test_text_from_right_to_left_is_kept_apart_in_the_tree():
    assert str(draw(Value(2.0, "שלום"))) == "\u2068שלום\u2069 = 2, grad —"


def test_a_label_that_is_no_string_or_blank():
    assert str(draw(Value(2.0, 5))) == "5 = 2, grad —"
    assert str(draw(Value(2.0, "  "))) == "v1 = 2, grad —"


def test_a_long_label_is_shortened():
    assert printable("w" * 40) == "w" * 40
    assert printable("w" * 41) == "w" * 39 + "…"


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_svg_of_graphviz_pure():
    loss = layer()
    loss.backward()
    svg = draw(loss).svg()
    assert svg.startswith("<svg")
    texts = [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"X", "W", "b", "loss", "3.875", "relu", "grad"} <= set(texts)


def test_the_program_that_pip_installed_is_found_off_the_path(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert Path(render.programs()[0]).stem == "graphviz-pure"
    assert draw(Value(1.0)).svg().startswith("<svg")


def test_the_systems_dot_comes_first(monkeypatch, tmp_path):
    for name in ("dot", "graphviz-pure"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [Path(program).stem for program in render.programs()] == ["dot", "graphviz-pure"]


def test_a_dot_that_fails_is_followed_by_the_next(monkeypatch):
    pure = render.programs()[-1]
    monkeypatch.setattr(render, "programs", lambda: [__file__, sys.executable, pure])
    assert draw(neuron()).svg().startswith("<svg")


def test_without_a_program_svg_is_a_page_of_text(no_program):
    o = neuron()
    o.label = "<o & \x1b>"
    drawing = draw(o)
    page = ElementTree.fromstring(drawing.svg())
    lines = [element.text or "" for element in page.iter("{http://www.w3.org/2000/svg}text")]
    assert lines == [*drawing.text().splitlines(), "", HINT]
    assert float(page.get("height")) > 17 * len(lines)


def test_a_program_that_fails_says_why(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(render, "programs", lambda: [sys.executable])
    assert draw(neuron()).save(tmp_path / "o.png").name == "o.txt"
    said = rf"o\.txt holds the graph as text\. python\S* failed: .+\. {re.escape(HINT)}\n"
    assert re.fullmatch(said, capsys.readouterr().err)


def test_jupyter_gets_picture_and_text():
    drawing = draw(neuron())
    bundle = drawing._repr_mimebundle_(include=None, exclude=None)
    assert bundle == {"text/plain": drawing.text(), "image/svg+xml": drawing.svg()}
    assert drawing._repr_svg_() == drawing.svg()


def test_jupyter_without_a_program_gets_the_text_and_the_hint(no_program):
    drawing = draw(neuron())
    assert drawing._repr_mimebundle_() == {
        "text/plain": f"{drawing.text()}\n\n{HINT}",
        "text/vnd.mermaid": drawing.mermaid(),
    }
    assert drawing._repr_svg_() is None


def test_jupyter_never_sees_an_error(monkeypatch):
    def broken(*arguments, **settings):
        raise MemoryError("no more")

    monkeypatch.setattr(drawings, "picture", broken)
    drawing = draw(neuron())
    assert drawing._repr_mimebundle_()["text/plain"] == f"{drawing.text()}\n\nNo picture: no more"
    assert drawing._repr_svg_() is None


# -- files -------------------------------------------------------------------------------------------------------------


def test_save_writes_the_format_of_the_suffix(tmp_path):
    drawing = draw(neuron())
    for suffix in (".svg", ".png", ".pdf", ".gv", ".dot", ".mmd", ".txt", ".PNG"):
        path = drawing.save(tmp_path / f"o{suffix}")
        assert path == tmp_path / f"o{suffix}"
    assert (tmp_path / "o.svg").read_text("utf-8") == drawing.svg()
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "o.gv").read_text("utf-8") == (tmp_path / "o.dot").read_text("utf-8") == drawing.source
    assert (tmp_path / "o.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "o.mmd").read_text("utf-8") == drawing.mermaid()
    assert (tmp_path / "o.txt").read_text("utf-8") == drawing.text() + "\n"
    assert isinstance(drawing.save(str(tmp_path / "o.txt")), Path)


def test_save_without_a_program(no_program, tmp_path, capsys):
    drawing = draw(neuron())
    assert drawing.save(tmp_path / "o.svg") == tmp_path / "o.svg"
    assert capsys.readouterr().err == f"o.svg holds the graph as text. {HINT}\n"
    ElementTree.parse(tmp_path / "o.svg")
    assert drawing.save(tmp_path / "n.png") == tmp_path / "n.txt"
    assert capsys.readouterr().err == f"n.txt holds the graph as text. {HINT}\n"
    assert (tmp_path / "n.txt").read_text("utf-8") == drawing.text() + "\n"
    assert drawing.save(tmp_path / "p.pdf") == tmp_path / "p.txt"
    assert capsys.readouterr().err == f"p.txt holds the graph as text. {render.PAPER}\n"
    with pytest.raises(render.NoPictureError, match=re.escape(HINT)):
        drawing.png()
    assert sorted(os.listdir(tmp_path)) == ["n.txt", "o.svg", "p.txt"]


def test_save_refuses_what_it_cannot_write(tmp_path):
    drawing = draw(neuron())
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the whole text is compared
        drawing.save(tmp_path / "o.jpeg")
    assert str(error.value) == (
        "A drawing is saved as .svg, .png, .pdf, .gv, .dot, .mmd, .txt: 'o.jpeg' is none of these."
    )
    with pytest.raises(IsADirectoryError, match="is a folder: say what the file in it is to be called"):
        draw(Value(1.0)).save(tmp_path)
    with pytest.raises(ValueError, match="'o' is none of these"):
        drawing.save(tmp_path / "o")
    folder = tmp_path / "missing"
    with pytest.raises(FileNotFoundError) as error:
        drawing.save(folder / "o.svg")
    assert str(error.value) == f"There is no folder {str(folder)!r} for 'o.svg': make it first."
    (tmp_path / "pictures.svg").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        drawing.save(tmp_path / "pictures.svg")
    assert (
        str(error.value) == f"{str(tmp_path / 'pictures.svg')!r} is a folder: say what the file in it is to be called."
    )
    assert os.listdir(tmp_path) == ["pictures.svg"]


def test_a_save_that_fails_leaves_the_old_file_and_no_other(monkeypatch, tmp_path):
    (tmp_path / "o.txt").write_text("old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError) as error:  # noqa: PT011  # the whole text is compared
        draw(neuron()).save(tmp_path / "o.txt")
    assert str(error.value) == f"{str(tmp_path / 'o.txt')!r} can not be written: No space left on device."
    assert os.listdir(tmp_path) == ["o.txt"]
    assert (tmp_path / "o.txt").read_text() == "old"


def test_a_file_or_a_folder_that_is_protected_says_so_and_stays_as_it_was(monkeypatch, tmp_path):
    path = tmp_path / "o.svg"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *arguments: False)  # as for those who are not root
        with pytest.raises(PermissionError) as error:
            draw(neuron()).save(path)
    assert str(error.value) == f"{str(path)!r} can not be written: it is write-protected."

    def denied(*arguments, **settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", denied)
    with pytest.raises(PermissionError) as error:
        draw(neuron()).save(path)
    assert str(error.value) == f"{str(path)!r} can not be written: Permission denied."
    assert (os.listdir(tmp_path), path.read_text()) == (["o.svg"], "old")


def test_drawing_is_public():
    assert isinstance(tg.draw(Value(1.0)), Drawing)
