"""The formats of a drawing: Mermaid read by a strict reader, trees, PDF; programs that draw, or take too long; hostile
names in all of them, and in a browser.
"""

import html
import importlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, draw, nn
from tinygrad_edu.drawing.graph import graph_of
from tinygrad_edu.drawing.labels import Show
from tinygrad_edu.drawing.moments import now
from tinygrad_edu.naming import Names
from tinygrad_edu.recording import Scope
from tinygrad_edu.wording import printable

mermaid, paper, render, standby = (
    importlib.import_module(f"tinygrad_edu.drawing.{name}") for name in ("mermaid", "paper", "render", "standby")
)
SVG = "{http://www.w3.org/2000/svg}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = [
    "<script>alert(1)</script>", '"quoted" \'twice\'', "{a|b|<c>}", "back\\slash \\N \\n", "ends with \\", "a\nb\r\tc",
    "]]>", "&amp; &#60; &", "#quot; #35;", "&lt;img src=x onerror=alert(1)&gt;", "\x00\x1b[31mred", "\u202eevil",
    "\ud800", "שלום עולם", "重量", "<br/>", "-->", "]; a -> b; [", "end", "click x", ":::evil", "%%{init: {}}%%",
    "%% no comment", "```code```", "`md`", "**bold** _i_", "__init__", "a_b", "1. one", "2) two", "- list", "+ x",
    "# head", "> quote", "fa:fa-car", "$$x$$", "ﬂ°°60¶ß", "style a:b#c;", "![x](y)", "a@b.c", "----", "w" * 10_000,
    "<g onload=alert(1)>", "</svg><script>alert(1)</script>", "javascript:alert(1)", "' onload='alert(1)",
]  # fmt: skip


def neuron(name="out"):
    """tanh(x w + b) after a pass."""
    out = tg.tanh(Value(2.0, "x", requires_grad=False) * Value(-3.0, "w") + Value(6.5, "b"))
    out.label = name
    out.backward()
    return out


def network():
    """Two layers on a batch, after a pass."""
    model = nn.Sequential(nn.Dense(2, 3, "tanh", seed=0), nn.Dense(3, 2, seed=1))
    loss = nn.cross_entropy(model(np.array([[0.0, 1.0], [1.0, 1.0]])), np.array([0, 1]))
    loss.label = "loss"
    loss.backward()
    return loss


# A strict reader of what is written of Mermaid. -----------------------------------------------------------------------

TEXT = r'"((?:[^"#<>;&`{}|\\*$%~^!?\':]|#\d+;|<br/>|(?<= -)>)*)"'
SHAPES = {"(": ")", "[/": "/]", "[": "]", "[[": "]]", "((": "))", "([": "])", "{{": "}}"}
LINES = {
    "node": rf"(\w+)(\W+?){TEXT}(\W+)",
    "edge": rf"(\w+) (-->|-\.->|==>|---|-\.-)(?:\|{TEXT}\|)? (\w+)",
    "frame": rf"subgraph (\w+) \[{TEXT}\]",
    "end": "end",
    "look": r"classDef (\w+) ([\w-]+:[\w# ]+(?:,[\w-]+:[\w# ]+)*)",
    "class": r"class (\w+(?:,\w+)*) (\w+)",
}


class Read:
    """A Mermaid text, taken apart; an AssertionError for any line that is of no known form."""

    def __init__(self, text):
        directive, first, *lines = text.removesuffix("\n").split("\n")
        assert json.loads(re.fullmatch(r"%%\{init: (.*)\}%%", directive)[1]) == {"flowchart": {"wrappingWidth": 600}}
        (self.direction,) = re.fullmatch("flowchart (LR|RL|TB|BT)", first).groups()
        self.nodes, self.shapes, self.frames, self.edges, self.classes, looks = {}, {}, {}, [], {}, set()
        inside = []
        for line in lines:
            assert line.startswith("  " * (len(inside) + (line.strip() != "end")))
            kind, found = next(
                (kind, found) for kind, form in LINES.items() if (found := re.fullmatch(form, line.strip()))
            )
            if kind == "node":
                key, left, written, right = found.groups()
                assert SHAPES[left] == right
                assert key not in self.nodes
                self.nodes[key], self.shapes[key], self.frames[key] = read(written), left, tuple(inside)
            elif kind == "edge":
                start, arrow, written, stop = found.groups()
                assert {start, stop} <= {*self.nodes}
                self.edges.append((start, arrow, read(written or ""), stop))
            elif kind == "frame":
                inside.append(read(found[2])[0])
            elif kind == "end":
                inside.pop()
            elif kind == "look":
                looks.add(found[1])
            else:
                assert found[2] in looks
                for key in found[1].split(","):
                    self.classes.setdefault(key, []).append(found[2])
        assert not inside

    def named(self, name):
        """The one node whose first line is this."""
        (key,) = [key for key, lines in self.nodes.items() if lines[0] == name]
        return key


def read(written):
    """The lines of a text as a reader sees them."""
    return [html.unescape(re.sub(r"#(\d+);", r"&#\1;", line)).replace("\u2060", "") for line in written.split("<br/>")]


def test_mermaid_has_the_values_operations_and_edges_of_the_picture():
    drawing = draw(neuron())
    found = Read(drawing.mermaid())
    assert found.direction == "LR"
    assert found.nodes == {
        "value0": ["x", "2", "constant"], "value1": ["w", "-3", "grad 1.573"], "value2": ["v1", "-6", "grad 0.7864"],
        "value3": ["b", "6.5", "grad 0.7864"], "value4": ["v2", "0.5", "grad 0.7864"],
        "value5": ["out", "0.4621", "grad 1"], "operation2": ["×"], "operation4": ["+"], "operation5": ["tanh"],
    }  # fmt: skip
    assert found.edges == [
        ("value0", "-->", [""], "operation2"), ("value1", "-->", ["x = 2", "+= 1.573"], "operation2"),
        ("operation2", "---", [""], "value2"),
        ("value2", "-->", ["1", "+= 0.7864"], "operation4"), ("value3", "-->", ["1", "+= 0.7864"], "operation4"),
        ("operation4", "---", [""], "value4"),
        ("value4", "-->", ["1 - out² = 0.7864", "+= 0.7864"], "operation5"), ("operation5", "---", [""], "value5"),
    ]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"depth": 0}, {"edges": False, "grads": False}, {"max_nodes": 2}], ids=str)
def test_mermaid_has_the_elements_of_the_dot_text(options):
    drawing = draw(network(), **options)
    found = Read(drawing.mermaid())
    assert {*found.nodes} - {"said"} == {*re.findall(r"\bid=((?:value|operation)\w+)", drawing.source)}
    assert sorted((start, stop) for start, _, _, stop in found.edges) == sorted(
        re.findall(r"^\t+(\w+) -> (\w+)", drawing.source, re.M)
    )


def test_an_operand_used_twice_has_two_edges_in_mermaid_too():
    a = Value(3.0, "a")
    assert [(start, stop) for start, _, _, stop in Read(draw(a + a).mermaid()).edges[:2]] == [
        ("value0", "operation1")
    ] * 2


def test_each_kind_has_a_shape_or_a_class_of_its_own_in_mermaid():
    found = Read(draw(neuron() * 2).mermaid())
    looks = {
        name: (found.shapes[found.named(name)], *found.classes[found.named(name)]) for name in ("x", "w", "v1", "2")
    }
    assert looks == {"x": ("[/", "input"), "w": ("(", "parameter"), "v1": ("[", "inner"), "2": ("(", "constant")}
    (root,) = [key for key, names in found.classes.items() if names == ["result"]]
    assert found.shapes[root] == "[["
    assert {found.shapes[key] for key, names in found.classes.items() if names == ["operation"]} == {"((", "(["}
    assert "root" not in {name for names in found.classes.values() for name in names}  # a class that Mermaid itself has


def test_layers_are_frames_and_closed_ones_are_boxes_that_list_what_they_hold():
    found = Read(draw(network()).mermaid())
    assert found.frames[found.named("dense1.weight (2, 3) float32")] == ("sequential", "dense1")
    assert found.frames[found.named("loss")] == ()
    closed = Read(draw(network(), depth=0).mermaid())
    (box,) = [key for key, names in closed.classes.items() if names == ["folded"]]
    assert (closed.shapes[box], closed.nodes[box][:2]) == ("{{", ["sequential", "3 operations"])
    assert [line.split(" ")[0] for line in closed.nodes[box][2:]] == [
        *("dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias")
    ]


def test_a_large_array_is_told_by_its_extremes_with_their_names():
    found = Read(draw(Value(np.arange(12.0), "x")).mermaid())
    assert found.nodes["value0"] == ["x (12,) float64", "value min 0, mean 5.5, max 11", "grad —"]
    small = Read(draw(Value([[1.0, 2.0], [3.0, 4.0]], "x")).mermaid())
    assert small.nodes["value0"] == ["x (2, 2) float64", "value 1  2", "3  4", "grad —"]


def test_a_walk_in_mermaid_has_its_current_edge_and_those_that_wait():
    out = neuron()
    out.zero_grad()
    found = Read(draw(out, step=5).mermaid())
    arrows = {start: arrow for start, arrow, _, stop in found.edges if stop.startswith("operation")}
    assert arrows == {"value0": "-->", "value1": "-.->", "value2": "-.->", "value3": "-.->", "value4": "==>"}
    early = Read(draw(out, step=0).mermaid())
    assert early.nodes["value2"] == ["v1", "?", "grad —"]
    assert early.classes["value2"] == ["inner", "waiting"]


def test_what_is_said_beside_the_graph_stands_in_mermaid_and_under_the_tree():
    y = Value(1.0, "x")
    for _ in range(500):
        y = y * 1.0
    drawing = draw(y)
    (said,) = [" ".join(lines) for key, lines in Read(drawing.mermaid()).nodes.items() if key == "said"]
    assert said.startswith("500 operations are drawn as")
    assert " ".join(drawing.text().split("\n\n")[-1].split("\n")) == said


def test_the_same_graph_gives_the_same_mermaid():
    assert draw(network()).mermaid() == draw(network()).mermaid()


@pytest.mark.parametrize("label", HOSTILE, ids=[ascii(label)[:20] for label in HOSTILE])
def test_a_hostile_name_is_text_in_mermaid_and_nothing_else(label):
    product = Value(2.0, label) * Value(3.0, "b")
    drawing = draw(product)
    graph = graph_of([product], Names(product), lambda value: None, now([product], []))
    graph.boxes[0].sign = graph.boxes[0].edges[0].local = printable(label)
    graph.nodes[0].layers = [Scope(label, "layer", None)]
    graph.said.append(printable(label))
    text = mermaid.mermaid_source(graph, "LR", Show())
    found, shown = Read(text), printable(label).strip()
    assert Read(drawing.mermaid()).nodes["value0"] == [shown, "2", "grad —"]
    assert found.nodes["value0"] == [shown, "2", "grad —"]
    assert (found.frames["value0"], found.nodes["operation2"], found.edges[0][2]) == ((shown,), [shown], [shown])
    assert " ".join(found.nodes["said"]) == " ".join(shown.split())
    assert "w" * 41 not in text


def test_what_begins_a_line_is_no_list_heading_or_rule_of_markdown():
    lines = ["1. one", "2) two", "- list", "+ x", "# head", "> quote", "----", "====", "* x", "-3", "    code"]
    assert not [line for line in lines if not re.match(r"\u2060|#\d+;", mermaid.escaped(line))]
    assert mermaid.escaped("x1 = 2, (4, 3) -> (3,), 1 - y², a_b, 0.5") == "x1 = 2, (4, 3) -> (3,), 1 - y², a_b, 0.5"


# The tree. ------------------------------------------------------------------------------------------------------------


def test_the_tree_tells_what_a_closed_layer_holds():
    lines = draw(network(), depth=0).text().splitlines()
    assert lines[0].endswith("← cross_entropy")
    assert [line.split(" = ")[0].lstrip("│├└─ ") for line in lines if " = " in line] == [
        *("loss", "v3", "c1", "dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias", "c2")
    ]
    assert max(map(len, lines)) <= 100


def test_several_results_are_a_tree_each_and_what_they_share_is_told_once():
    a = Value(2.0, "a")
    shared = a * 3
    shared.label = "shared"
    first, second = shared + 1, shared + a
    first.label, second.label = "first", "second"
    assert draw([first, second]).text().split("\n\n") == [
        "first = 7, grad — ← +\n├─ shared = 6, grad — ← ×\n│  ├─ a = 2, grad —\n│  └─ 3, constant\n└─ 1, constant",
        "second = 8, grad — ← +\n├─ shared ↑ see above\n└─ a ↑ see above",
    ]


def test_what_a_walk_has_not_computed_is_a_question_mark_in_the_tree():
    out = neuron()
    assert draw(out, step=0).text().splitlines()[0] == "out = ?, grad — ← tanh"


# PDF. -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def only_pure(monkeypatch):
    """A machine without Graphviz, but with the wheel."""
    found = render.installed("graphviz-pure")
    if found is None:
        pytest.skip("graphviz-pure is not installed")
    monkeypatch.setattr(render, "programs", lambda: [found])


def test_a_pdf_without_graphviz_is_a_page_as_large_as_the_picture_with_its_texts(only_pure, tmp_path):
    drawing = draw(network())
    page = drawing.save(tmp_path / "o.pdf").read_bytes()
    svg = ElementTree.fromstring(drawing.svg())
    size = [float(x) for x in re.search(rb"/MediaBox \[ ?(\S+) (\S+) (\S+) (\S+?) ?\]", page).groups()]
    assert page.startswith(b"%PDF-1")
    assert page.rstrip().endswith(b"%%EOF")
    assert size == pytest.approx([0, 0, *map(float, svg.get("viewBox").split()[2:])], abs=0.1)
    assert b"/FontFile2" in page  # the fonts are in it, as fonts
    assert page == drawing.save(tmp_path / "again.pdf").read_bytes()


def test_every_shape_and_text_of_the_picture_is_on_the_page(only_pure):
    from matplotlib.text import Text

    svg = ElementTree.fromstring(draw(network()).svg())
    artists = [artist for element in svg.iter() for artist in paper.drawn(element, 0, 0, paper.families())]
    shapes = [x for x in svg.iter() if x.tag.split("}")[1] in ("polygon", "polyline", "path", "ellipse", "text")]
    assert len(artists) == len(shapes)
    texts = [element.text for element in svg.iter(f"{SVG}text")]
    assert [artist.get_text() for artist in artists if isinstance(artist, Text)] == texts


def test_a_formula_of_matplotlib_in_a_name_stays_text(only_pure):
    drawing = draw(Value(2.0, r"$\frac{1}{") * 2)
    assert render.picture(drawing.source, "pdf").startswith(b"%PDF")


def test_a_pdf_that_nothing_can_make_is_an_svg_and_says_so(only_pure, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it was not installed
    drawing = draw(neuron())
    assert drawing.save(tmp_path / "o.pdf") == tmp_path / "o.svg"
    assert (tmp_path / "o.svg").read_text("utf-8") == drawing.svg()
    assert (
        capsys.readouterr().err
        == f"o.svg holds the picture. graphviz-pure makes no PDF without matplotlib. {render.PAPER}\n"
    )
    assert os.listdir(tmp_path) == ["o.svg"]


# PNG and SVG. ---------------------------------------------------------------------------------------------------------


def test_a_png_is_as_sharp_as_was_promised():
    drawing = draw(neuron())
    png = drawing.png()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    svg = ElementTree.fromstring(drawing.svg())
    points = [float(svg.get(name).removesuffix("pt")) for name in ("width", "height")]
    assert [width, height] == pytest.approx([2 * x for x in points], rel=0.02)  # 144 dots to 72 points


@pytest.fixture(params=["dot", "graphviz-pure"])
def program(request, monkeypatch):
    """One of the two that draw, alone."""
    found = shutil.which(request.param) or render.installed(request.param)
    if found is None:
        pytest.skip(f"{request.param} is not here")
    monkeypatch.setattr(render, "programs", lambda: [found])
    return found


def test_an_svg_tells_what_it_is_and_has_names_for_scripts(program):
    text = draw(neuron()).svg()
    svg = ElementTree.fromstring(text)
    assert text.startswith("<svg")
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "Computation graph of out = 0.4621, grad 1 ← tanh")
    assert [title.text for title in svg.iter(f"{SVG}title")] == ["Computation graph"]  # no keys under the pointer
    groups = {x.get("id"): x.get("class").split() for x in svg.iter(f"{SVG}g")}
    assert groups["value1"] == ["node", "parameter"]
    assert groups["operation4"] == ["node", "operation"]
    assert groups["edge1"] == ["edge"]
    assert "graph0" in groups


def test_what_stands_outside_of_boxes_shows_on_white_and_on_black(program):
    svg = ElementTree.fromstring(draw(network()).svg())
    outside = [x for group in svg.iter(f"{SVG}g") if group.get("class", "").split()[0] in ("edge", "cluster")
               for x in group.iter() if x.get("fill", "none") not in ("none", "transparent")]  # fmt: skip
    found = {x.get("fill") for x in outside}
    assert found
    for color in found:
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]
        luminance = float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
        assert 1.05 / (luminance + 0.05) >= 4.5  # the contrast that WCAG asks of text, on white
        assert (luminance + 0.05) / 0.05 >= 4.0  # on black


def test_signs_that_are_no_letters_come_out(program):
    x, w = Value([[1.0, 2.0]], "X"), Value([[0.5], [0.25]], "∂w → ᵀ")
    loss = tg.tanh(x @ w).sum()
    loss.backward()
    texts = {x.text.replace("\xa0", " ") for x in ElementTree.fromstring(draw(loss).svg()).iter(f"{SVG}text")}
    assert {"∂w → ᵀ", "tanh", "Xᵀ @ g"} <= texts
    assert {"²", "·"} <= set("".join(texts))


def test_dot_reads_hostile_names_as_they_are(tmp_path):
    values = [Value(1.0, label) for label in HOSTILE]
    source = draw(sum(values[1:], values[0]), max_nodes=None).source
    (tmp_path / "o.gv").write_text(source, "utf-8")
    found = render.installed("graphviz-pure") or shutil.which("dot")
    told = subprocess.run([found, "-Tjson0", str(tmp_path / "o.gv")], capture_output=True, check=True).stdout
    nodes = {x["id"]: x["label"] for x in json.loads(told)["objects"] if "id" in x}
    assert len(nodes) == 3 * len(HOSTILE) - 2
    names = [re.findall(r"<B>(.*?)</B>", label)[0] for label in nodes.values() if "<B>" in label]
    shown = {html.unescape(name).replace("\\\\", "\\") for name in names}
    assert {printable(label) for label in HOSTILE} <= shown


# Programs. ------------------------------------------------------------------------------------------------------------


def script(path, text):
    """A program of that name."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
def test_a_layout_that_takes_too_long_is_made_in_haste_and_then_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(render, "PATIENCE", 0.2)
    hasty = script(tmp_path / "dot", 'case "$*" in *splines=line*) echo "<svg/>";; *) exec sleep 9;; esac')
    never = script(tmp_path / "graphviz-pure", "exec sleep 9")
    monkeypatch.setattr(render, "programs", lambda: [hasty, never])
    assert render.picture("digraph {}", "svg") == render.tidy(b"<svg/>\n")
    monkeypatch.setattr(render, "programs", lambda: [never, hasty])
    begin = time.monotonic()
    with pytest.raises(render.NoPictureError) as error:
        render.picture("digraph {}", "svg")
    assert str(error.value) == (
        "graphviz-pure found no layout in 0.4 s. Draw less of it, with max_nodes, depth or only."
    )
    assert time.monotonic() - begin < 5


@pytest.fixture
def dot(monkeypatch):
    """The system's dot, as if nothing had been drawn yet."""
    found = shutil.which("dot")
    if found is None:
        pytest.skip("dot is not here")
    monkeypatch.setattr(render, "programs", lambda: [found])
    monkeypatch.setattr(standby, "standing", {})
    yield found
    for one in standby.standing.values():
        one.close()


def test_dot_is_started_once_for_many_pictures_which_are_all_the_same(dot, monkeypatch):
    started, run = [], subprocess.run
    monkeypatch.setattr(render.subprocess, "run", lambda *args, **more: started.append(args) or run(*args, **more))
    drawing = draw(neuron())
    assert len({drawing.svg() for _ in range(10)}) == 1
    assert len(started) == 1  # for the first, which may well be the last; the others come from one that stays
    (one,) = standby.standing.values()
    assert one.process.poll() is None


def test_pictures_that_take_turns_are_not_mixed_up(dot):
    drawings = [draw(neuron(name)) for name in ("one", "two")]
    for drawing, name in itertools.islice(itertools.cycle(zip(drawings, ("one", "two"), strict=True)), 6):
        assert f">{name}</text>" in drawing.svg()


def test_a_dot_that_has_ended_is_not_missed(dot):
    drawing = draw(neuron())
    first, _ = drawing.svg(), drawing.svg()
    (one,) = standby.standing.values()
    one.process.kill()
    one.process.wait()
    assert drawing.svg() == first
    assert drawing.svg() == first
    assert not one.usable


def test_a_source_that_dot_does_not_understand_says_so_also_after_others(dot, monkeypatch):
    monkeypatch.setattr(standby, "PATIENCE", 0.3)
    draw(neuron()).svg()
    draw(neuron()).svg()
    with pytest.raises(render.NoPictureError, match=r"^dot failed: .*syntax error.*"):
        render.picture("digraph { a -> }", "svg")
    assert draw(neuron()).svg().startswith("<svg")


@pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
def test_a_dot_that_keeps_its_answer_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(standby, "PATIENCE", 0.2)
    monkeypatch.setattr(standby, "standing", {})
    silent = script(tmp_path / "dot", "cat > /dev/null; echo '<svg/>'")  # it answers when there is no more to read
    monkeypatch.setattr(render, "programs", lambda: [silent])
    assert [render.picture("digraph {}", "svg") for _ in range(3)] == [render.tidy(b"<svg/>\n")] * 3
    (one,) = standby.standing.values()
    assert (one.usable, one.process.poll()) == (False, -9)


@pytest.mark.skipif(sys.platform != "linux", reason="no copies of a process")
def test_a_copy_of_the_process_has_a_dot_of_its_own(dot):
    drawing = draw(neuron())
    svg, _ = drawing.svg(), drawing.svg()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, b"same" if [drawing.svg() for _ in range(3)] == [svg] * 3 else b"other")
        for (_, owner), one in standby.standing.items():
            if owner == os.getpid():
                one.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"same"
    os.close(read)
    os.close(write)
    assert drawing.svg() == svg


# In a browser. --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_nothing_runs_where_pictures_with_hostile_names_stand_in_a_page(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright")
    values = [Value(1.0, label) for label in HOSTILE]
    drawing = draw(sum(values[1:], values[0]), max_nodes=None, direction="TB")
    text = render.page_of_text(drawing.text(), "hint")
    page_of_both = f"<!doctype html><meta charset=utf-8><body>{drawing.svg()}{text}"
    (tmp_path / "o.html").write_text(page_of_both, "utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page, heard = browser.new_page(), []
        for event in ("dialog", "console", "pageerror", "request"):
            page.on(event, lambda x, event=event: heard.append(event))
        page.goto((tmp_path / "o.html").as_uri())
        tags = page.evaluate("[...new Set([...document.querySelectorAll('body *')].map(x => x.tagName))].sort()")
        handlers = page.evaluate("[...document.querySelectorAll('*')].flatMap(x => x.getAttributeNames())"
                                 ".filter(x => x.startsWith('on'))")  # fmt: skip
        shown = page.evaluate("[...document.querySelectorAll('svg text')].map(x => x.textContent)")
        browser.close()
    assert heard == ["request"]  # of the page itself
    assert {*tags} <= {"svg", "g", "title", "text", "polygon", "polyline", "path", "ellipse", "rect"}
    assert handlers == []
    assert "<script>alert(1)</script>" in [x.replace("\xa0", " ") for x in shown]
