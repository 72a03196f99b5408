"""The film: in a real browser, without a network, every number on the screen is that of the walk."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import shutil
import zlib
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, datasets, nn, tanh
from tinygrad_edu.drawing import render
from tinygrad_edu.drawing.budget import folds
from tinygrad_edu.drawing.films import Film, film
from tinygrad_edu.drawing.graph import FOLDED as FOLDED_KINDS
from tinygrad_edu.drawing.graph import graph_of
from tinygrad_edu.drawing.labels import ALL, of_box, of_edge, of_node
from tinygrad_edu.drawing.legend import legend
from tinygrad_edu.drawing.moments import moments
from tinygrad_edu.drawing.stage import Stage, written
from tinygrad_edu.drawing.timeline import Timeline
from tinygrad_edu.folding import composite_of
from tinygrad_edu.wording import extremes, figure, listed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
drawn = pytest.mark.skipif(not render.programs(), reason="no program that draws")
HOSTILE = [
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>", "a ]]> & {{reel}} \"'`${k}", "x" * 10_000,
    "line\nbreak\ttab", "שלום عالم \u202e", "\\N <B>bold</B> &amp;",
]  # fmt: skip


def neuron() -> Value:
    x1, x2 = Value(2.0, "x1", requires_grad=False), Value(0.5, "x2", requires_grad=False)
    w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.8, "b")
    loss = tanh(x1 * w1 + x2 * w2 + b) * w1 + 2 * b
    loss.label = "out"
    return loss


def xor() -> Value:
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, 4, "tanh", seed=0), nn.Dense(4, 2, seed=1))
    return nn.cross_entropy(model(x), y)


def layer() -> Value:
    weight, bias = Value([[0.5, -1.5], [1.0, 0.25]], "W"), Value([0.1, 0.2], "b")
    return tg.mean(tanh(np.array([[0.5, -1.0]]) @ weight + bias) ** 2)


def passed_before() -> Value:
    loss = neuron()
    loss.backward()
    return loss


def hostile() -> Value:
    values = [Value(i + 1.5, label) for i, label in enumerate(HOSTILE)]
    loss = values[0] * values[1]
    for x in values[2:]:
        loss = loss + x * values[0]
    loss.label = HOSTILE[0]
    return loss


def mlp(sizes: tuple[int, ...] = (2, 6, 6, 1)) -> Value:
    numbers = random.Random(1)
    xs = [Value(numbers.uniform(-1, 1), f"x{i}", requires_grad=False) for i in range(sizes[0])]
    for before, after in pairwise(sizes):
        sums = []
        for _ in range(after):
            total = Value(numbers.uniform(-1, 1))
            for x in xs[:before]:
                total = total + Value(numbers.uniform(-1, 1)) * x
            sums.append(tanh(total))
        xs = sums
    return (xs[0] - 1) ** 2


def chain(length: int = 30) -> Value:
    y = Value(0.5, "x")
    for _ in range(length):
        y = tanh(y)
    return y


def deep() -> Value:
    model = nn.Sequential(nn.Dense(2, 3, "tanh", seed=0), nn.Dense(3, 3, "relu", seed=1), nn.Dense(3, 2, seed=2))
    return nn.cross_entropy(model(np.array([[0.5, -1.0], [2.0, 0.25]])), [0, 1])


def reel_of(made: Film) -> dict:
    """What the page of a film holds."""
    packed = re.findall(r'id="reel">(.*?)<', made.html())[0]
    return json.loads(zlib.decompress(base64.b85decode(packed.translate(str.maketrans(".:,", "<>&")))))


def said(x) -> str:
    """What is told of a number or array, made here anew."""
    return listed(x) if np.size(x) <= 6 else ", ".join(f"{name} {number}" for name, number in extremes(x).items())


def numbers(x):
    """The numbers of a value or array."""
    return x.data if isinstance(x, Value) else x


# -- what changes when -------------------------------------------------------------------------------------------------


FOLDED = [
    (xor, 0, 250), (xor, 1, 250), (deep, 0, 250), (deep, 1, 250), (deep, None, 4), (chain, None, 5), (chain, None, 2),
    (mlp, None, 60), (mlp, None, 20), (passed_before, None, 6),
]  # fmt: skip


@pytest.mark.parametrize("make", [neuron, xor, layer, passed_before, hostile])
@pytest.mark.parametrize("box_of", [lambda value: None, composite_of], ids=["rows", "composites"])
def test_every_position_shows_what_a_drawing_of_that_moment_shows(make, box_of):
    compared(tg.walk(make()), box_of)


@pytest.mark.parametrize(("make", "depth", "max_nodes"), FOLDED)
def test_every_position_shows_what_a_drawing_of_that_moment_shows_where_something_is_folded(make, depth, max_nodes):
    walk = tg.walk(make())
    timeline = compared(walk, folds([walk.loss], depth, None, max_nodes, False)[0], every=max(len(walk) // 60, 1))
    boxes = {box.key for box in timeline.graph.boxes if box.kind in FOLDED_KINDS}
    assert boxes
    assert boxes <= {*timeline.at_work}
    assert "" not in timeline.at_work


def compared(walk, box_of, every: int = 1) -> Timeline:
    """The timeline of a walk, after each of its moments was compared with a drawing of that moment."""
    timeline = Timeline(walk, box_of)
    tracks = {track.key: track for track in timeline.tracks}
    for position, moment in enumerate(moments(walk)):
        if position % every and position < len(walk):
            continue
        graph = graph_of([walk.loss], walk.names, box_of, moment)
        edges = {f"edge{i}": edge for i, edge in enumerate(edge for box in graph.boxes for edge in box.edges)}
        now = {x.key: (x, of_node) for x in graph.nodes} | {x.key: (x, of_box) for x in graph.boxes}
        now |= {key: (edge, of_edge) for key, edge in edges.items()}
        assert now.keys() == tracks.keys()
        for key, (element, texts) in now.items():
            shown = [tables for since, tables in tracks[key].texts if since <= position][-1]
            assert [*written(shown)] == [*written(texts(element))], (position, key)
            assert (element.phase == "waiting") <= (position < tracks[key].until), (position, key)
            assert element.phase != "current" or timeline.at_work[position - 1] == key
    return timeline


@pytest.mark.parametrize("program", ["dot", "graphviz-pure"])
@pytest.mark.parametrize("make", [neuron, xor, layer, hostile])
def test_with_either_program_every_text_that_changes_has_its_place(make, program, monkeypatch):
    path = next((found for found in render.programs() if found.endswith(program)), None)
    if path is None:
        pytest.skip(f"no {program}")
    monkeypatch.setattr(render, "programs", lambda: [path])
    timeline = Timeline(tg.walk(make()), lambda value: None)
    stage = Stage(timeline, "LR")
    assert stage.complaint == ""
    assert stage.groups.keys() >= {track.key for track in timeline.tracks if track.texts[-1][1]}
    grown = {id(slot.element) for slot in stage.slots}
    for actor in timeline.actors:
        if len(actor.gradients) > 1:
            assert any(id(text) in grown for text in stage.groups[actor.node.key].iter("text"))


# -- the page as a text ------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """The elements of a page with their attributes, and those that are not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def without_picture(page: str) -> int:
    """The bytes of a page without its picture."""
    before, rest = page.split('tabindex="-1">\n<svg', 1)
    return len((before + rest.split("</svg>\n</section>", 1)[1]).encode())


@pytest.mark.parametrize("make", [neuron, xor, hostile])
def test_the_page_is_whole_and_only_its_own_script_may_run(make):
    page = film(make()).html()
    reader = Reader(page)
    assert reader.open == []
    names = {name for _, attributes in reader.found for name in attributes}
    assert names.isdisjoint({"src", "href", "action", "onclick", "onerror", "onload"})
    assert not re.search(r"https?://(?!www\.w3\.org/1998/Math/MathML)|@import|url\(|<link|<iframe|<base", page)
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[-1]
    assert not re.search(r"\b(eval|innerHTML|outerHTML|insertAdjacentHTML|Function|document\.write)\b", script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(x["content"] for _, x in reader.found if x.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


@drawn
def test_without_a_script_the_page_shows_the_end_of_the_pass():
    page = film(neuron()).html()
    picture = ElementTree.fromstring(re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0])
    texts = [x.text for x in picture.iter("text")]
    walk = tg.walk(neuron())
    walk.goto(-1)
    assert all(f"grad {figure(walk.names.find(name).grad)}" in texts for name in ("w1", "w2", "b", "out"))
    assert "<noscript>" in page


@pytest.mark.parametrize("make", [neuron, xor, mlp])
def test_the_page_is_at_most_60_kilobytes_beside_its_picture(make):
    assert without_picture(film(make()).html()) <= 60_000


def test_what_the_page_holds_is_what_the_walk_says():
    walk, reel = tg.walk(xor()), reel_of(film(xor()))
    assert reel["steps"]["text"] == [step.text() for step in walk.steps]
    assert [a + b for a, b in zip(reel["steps"]["left"], reel["steps"]["equal"])] == [
        step.mathml("left") + step.mathml("equal") for step in walk.steps
    ]


def test_a_step_in_mathml_is_its_line():
    step = tg.walk(neuron())[-1]
    found = ElementTree.fromstring(f"<math>{step.mathml()}</math>")
    numbers = re.findall(r"\d+(?:\.\d+)?", step.text())
    assert {x.text for x in found.iter("mn")} <= {*numbers, "1", "2"}
    assert step.mathml().startswith(step.mathml("left") + step.mathml("equal"))


def test_words_and_shapes_of_a_step_tell_what_the_formula_does_not():
    steps = {step.operand.label: step for step in tg.walk(tg.sum(Value(np.ones((3, 2)), "X") + Value([1.0, 2.0], "b")))}
    assert steps["b"].words == "summed over axis 0: b (2,) was stretched over 3 rows"
    assert steps["b"].shapes == "(3, 2) -> (2,)"
    assert (tg.walk(neuron())[-1].words, tg.walk(neuron())[-1].shapes) == ("", "")


# -- in the browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright")
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def shown(browser, tmp_path):
    """A function that shows a film from a file, with the network cut; in the end no message must have come."""
    messages, contexts = [], []

    def show(made: Film, address: str = "", **settings):
        context = browser.new_context(offline=True, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("dialog", lambda dialog: messages.append("a dialog") or dialog.dismiss())
        page.goto(made.save(tmp_path / "film.html").as_uri() + address)
        page.wait_for_selector("html[data-ready]", state="attached", timeout=10_000)
        return page

    yield show
    for context in contexts:
        context.close()
    assert messages == []


STATE = """() => ({
  at: document.getElementById("at").textContent, step: slider.value, kind: kind.textContent,
  formula: formula.textContent, sofar: document.getElementById("sofar").textContent, words: words.textContent,
  ledger: ledger.textContent, value: slider.getAttribute("aria-valuetext"),
  texts: [...document.querySelectorAll("#picture text")].map(x => x.textContent),
  classes: [...document.querySelectorAll("#picture [data-key]")].map(x => [...x.classList].sort().join(" ")),
  labels: [...document.querySelectorAll("#picture [role=button]")].map(x => x.getAttribute("aria-label")),
  nodes: Object.fromEntries([...document.querySelectorAll("#picture [data-key^=value]")].map(
    g => [g.dataset.key, [...g.querySelectorAll("text")].map(x => x.textContent)])),
})"""


def plain(mathml: str) -> str:
    """The text of MathML, as a browser tells it."""
    return "".join(ElementTree.fromstring(f"<math>{mathml}</math>").itertext())


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (neuron, {}),
        (xor, {}),
        (passed_before, {}),
        (xor, {"depth": 1}),
        (deep, {"depth": 0}),
        (chain, {"max_nodes": 5}),
    ],
)
def test_at_every_step_the_numbers_on_the_screen_are_those_of_the_walk(make, options, shown):
    page, walk = shown(film(make(), **options)), tg.walk(make())  # another graph of the same computation
    names = walk.names
    computed = {id(step.node): step.index + 1 for step in walk.steps if step.kind == "forward"}
    for position in range(len(walk) + 1):
        walk.goto(position)
        state = page.evaluate(STATE)
        assert (state["step"], state["at"]) == (str(position), f"{position} of {len(walk)}")
        if position:
            step = walk[position - 1]
            assert state["formula"] == plain(step.mathml("left") + step.mathml("equal"))
            assert state["sofar"] == (f"so far {plain(step.mathml('sofar'))}" if step.mathml("sofar") else "")
            assert step.text() in state["value"]
        labels = {label.split(",")[0]: label for label in state["labels"]}
        assert labels.keys() <= {*names} if options else labels.keys() == {*names}
        for name in labels:
            x = names.find(name)
            value = "not computed yet" if computed.get(id(x), 0) > position else said(numbers(x))
            assert f"{value}, gradient" in labels[name]
            grad = getattr(x, "grad", None)
            inner = isinstance(x, Value) and x.op is not None  # its gradient of another pass is none of this one
            arrived = grad is not None and not (inner and position <= len(computed))
            ends = (f"gradient {said(grad)}",) if arrived else ("gradient none yet", "none: it is constant")
            assert labels[name].endswith(ends), (position, name)
            if not np.ndim(numbers(x)):
                (texts,) = [texts for texts in state["nodes"].values() if texts[0] == name]
                assert texts[1] == ("?" if value == "not computed yet" else value)
                assert "constant" in texts or texts[2] == (f"grad {figure(grad)}" if arrived else "grad —")
        page.keyboard.press("ArrowRight")


def test_keyboard_slider_buttons_and_links_agree_and_rewinding_restores(shown):
    page = shown(film(neuron()))
    forward = [page.evaluate(STATE)]
    for _ in range(len(tg.walk(neuron()))):
        page.keyboard.press("ArrowRight")
        forward.append(page.evaluate(STATE))
    for state in forward[-2::-1]:
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(STATE) == state
    for position in (5, 0, 9, len(forward) - 1, 3):
        page.locator("#slider").fill(str(position))
        assert page.evaluate(STATE)["texts"] == forward[position]["texts"]
        assert page.evaluate(STATE)["formula"] == forward[position]["formula"]
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(STATE)["texts"] == forward[4]["texts"]
    page.locator("#next").click()
    page.locator("#next").click()
    page.locator("#back").click()
    assert page.evaluate(STATE)["texts"] == forward[5]["texts"]
    page.locator("#last").click()
    assert page.evaluate(STATE)["texts"] == forward[-1]["texts"]
    page.locator("summary").click()
    page.locator("#all a").nth(6).click()
    assert page.evaluate(STATE)["texts"] == forward[7]["texts"]
    page.keyboard.press("End")
    assert page.locator("#next").is_disabled()
    page.keyboard.press("Home")
    assert page.evaluate(STATE)["texts"] == forward[0]["texts"]
    assert page.locator("#first").is_disabled()


def test_a_link_leads_to_its_step_and_the_address_follows(shown):
    page = shown(film(neuron()), "#step=7")
    assert page.evaluate(STATE)["at"].startswith("7 of ")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("location.hash") == "#step=8"
    page.evaluate("location.hash = '#step=3'")
    page.wait_for_function("() => document.getElementById('slider').value === '3'")
    page.evaluate("location.hash = '#step=999'")
    page.wait_for_function("() => document.getElementById('at').textContent.match(/^(\\d+) of \\1$/)")


def test_it_plays_to_the_end_and_says_so_to_those_who_listen(shown):
    page, end = shown(film(neuron())), len(tg.walk(neuron()))
    page.locator("#speed").select_option("4")
    page.locator("#last").click()
    for _ in range(3):
        page.locator("#back").click()
    page.locator("#play").focus()
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-label") == "pause"
    page.wait_for_function(f"() => slider.value === '{end}'")
    assert page.locator("#play").get_attribute("aria-label") == "play"
    assert page.locator("#said").text_content() == f"{end} of {end}, backward: {tg.walk(neuron())[-1].text()}"
    assert page.locator("#said").get_attribute("aria-live") == "polite"


def test_a_value_is_chosen_by_click_and_by_key_and_its_ledger_grows(shown):
    page, walk = shown(film(neuron())), tg.walk(neuron())
    arrivals = [step for step in walk.steps if step.operand.label == "w1" and step.kind == "edge"]
    assert len(arrivals) == 2
    page.get_by_role("button", name=re.compile("^w1,")).click()
    assert page.locator("#ledger h2").text_content() == "w1, parameter"
    assert page.locator("#follow").get_attribute("aria-pressed") == "false"
    for position in range(len(walk)):
        came = sum(step.index < position for step in arrivals)
        assert page.locator("#ledger tr:not(.later)").count() == came
        assert page.locator("#ledger tr").count() == 2
        later = page.locator("#ledger tr.later").all_text_contents()
        expected = [step.formula for step in arrivals[came:]]
        assert len(later) == len(expected)
        assert not [text for text in later if "=" in text]
        for text, formula, step in zip(later, expected, arrivals[came:], strict=True):
            letters = plain(step.mathml("equal")).partition("=")[0]
            assert text == f"through {walk.names.of(step.node)}{letters}, still to come", formula
        page.keyboard.press("ArrowRight")
    rows = page.locator("#ledger tr").all_text_contents()
    for row, step in zip(rows, arrivals, strict=True):
        assert row == f"through {walk.names.of(step.node)}{plain(step.mathml('equal'))}"
    page.get_by_role("button", name=re.compile("^b,")).focus()
    page.keyboard.press("Enter")
    assert page.locator("#ledger h2").text_content() == "b, parameter"
    page.keyboard.press(" ")  # on a value it chooses, it does not play
    assert page.locator("#play").get_attribute("aria-label") == "play"
    page.locator("#follow").click()
    assert page.locator("#follow").get_attribute("aria-pressed") == "true"
    assert page.locator("#ledger h2").text_content().startswith(walk[-1].operand.label)


def test_what_was_there_before_the_pass_stands_in_the_ledger(shown):
    page = shown(film(passed_before()))
    page.get_by_role("button", name=re.compile("^w2,")).click()
    before = figure(tg.walk(passed_before()).names.find("w2").grad)
    assert page.locator("#ledger tr").first.text_content() == f"before{before}"


def test_hostile_labels_neither_run_nor_break_anything(shown):
    page, walk = shown(film(hostile())), tg.walk(hostile())
    for step in walk.steps:
        page.keyboard.press("ArrowRight")
        assert page.locator("#formula").text_content() == plain(step.mathml("left") + step.mathml("equal"))
    assert page.locator("#ledger h2").text_content().split(",")[0] in set(walk.names)
    assert page.locator("img, #picture script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_step_repaints_only_what_it_changes(shown):
    page = shown(film(mlp()), "#step=200")
    page.evaluate("""() => {
      window.painted = 0;
      new MutationObserver(records => { painted += records.length; }).observe(
        document.getElementById("picture"), { subtree: true, childList: true, characterData: true, attributes: true });
    }""")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert 0 < page.evaluate("painted") < 100  # of some 700 texts and elements, three times


def test_a_step_inside_a_box_lights_it_up_and_the_ledger_says_so(shown):
    made = film(chain(), max_nodes=5)
    page = shown(made, "#step=1")
    assert page.locator("#picture .current").get_attribute("data-key").startswith("operation")
    assert page.locator("#inside").is_visible()
    page.keyboard.press("End")
    assert page.locator("#inside").is_hidden()
    assert page.locator("#ledger h2").text_content() == "x, parameter"
    texts = page.locator("#picture .current text").all_text_contents()
    assert f"grad {figure(tg.walk(chain())[-1].after)}" in [text.replace("\xa0", " ").strip() for text in texts]


def test_the_whole_picture_or_its_natural_size_whichever_can_be_read_first(shown):
    size = """() => [picture.getBoundingClientRect(), document.getElementById("picture").getBoundingClientRect()]
      .flatMap(x => [x.width, x.height])"""
    page = shown(film(neuron()), viewport={"width": 1200, "height": 800})
    width, height, frame, frame_height = page.evaluate(size)
    assert width <= frame
    assert height <= frame_height
    assert page.locator("#fit").text_content() == "natural size"
    page.keyboard.press("f")
    assert page.evaluate(size)[0] > frame
    assert page.locator("#fit").text_content() == "whole picture"
    page.locator("#fit").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(size)[0] == width
    phone = shown(film(neuron()), viewport={"width": 390, "height": 800})
    width, _, frame, _ = phone.evaluate(size)
    assert width > frame
    phone.locator("#fit").click()
    width, _, frame, _ = phone.evaluate(size)
    assert width <= frame


@drawn
def test_the_legend_says_what_stands_in_the_picture(shown):
    page = shown(film(neuron()))
    told = page.locator("#legend li").all_text_contents()
    walk = tg.walk(neuron())
    walk.goto(-1)
    graph = graph_of([walk.loss], walk.names, lambda value: None, [*moments(walk)][-1])
    assert {words for kind, words in legend(graph, ALL) if kind != "current"} <= {*told}
    assert told[-2:] == ["taken last", "chosen"]
    assert "still to come" in told
    assert page.locator("#legend svg").count() == 6 + 3  # the shapes, and what the outlines mean


@pytest.mark.parametrize("make", [neuron, xor])
def test_a_phone_never_scrolls_the_page_sideways(make, shown):
    page = shown(film(make()), "#step=8", viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("#next").click()
    page.wait_for_timeout(400)  # it scrolls there
    box, part = page.locator("#picture").bounding_box(), page.locator("#picture .current").first.bounding_box()
    assert box["x"] - 1 <= part["x"] <= box["x"] + box["width"]


def test_on_paper_it_is_a_storyboard(shown):
    page = shown(film(neuron()))
    page.emulate_media(media="print")
    page.wait_for_selector("#board figure")
    walk = tg.walk(neuron())
    assert page.locator("#board li").all_text_contents() == [step.text() for step in walk.steps]
    assert not page.locator("#controls").is_visible()
    last = page.locator("#board figure").last
    walk.goto(-1)
    texts = last.locator("text").all_text_contents()
    assert all(f"grad {figure(walk.names.find(name).grad)}" in texts for name in ("w1", "w2", "b", "out"))
    first = page.locator("#board figure").first.locator("text").all_text_contents()
    assert "grad —" in first
    assert "?" not in first
    frame = page.locator("#board").bounding_box()
    assert all(x["width"] <= frame["width"] for x in (last.locator("svg").bounding_box(), last.bounding_box()))


def test_on_paper_a_picture_that_nobody_could_read_is_left_out(shown):
    page = shown(film(mlp()))
    page.emulate_media(media="print")
    page.wait_for_selector("#board li")
    assert page.locator("#board svg").count() == 0
    assert page.locator("#board p").text_content() == "The picture is too large for paper: here are the steps."
    assert page.locator("#board li").count() == len(tg.walk(mlp()))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme, shown):
    page = shown(film(neuron()), "#step=8", color_scheme=scheme)
    colors = page.evaluate("""() => [...document.querySelectorAll("#picture .node")].flatMap(g => {
      const own = getComputedStyle(g.querySelector("path, polygon, ellipse")).fill;
      const ground = own === "rgba(0, 0, 0, 0)" ? getComputedStyle(document.body).backgroundColor : own;
      return [...g.querySelectorAll("text")].map(text => [getComputedStyle(text).fill, ground]);
    })""")

    def light(color):
        parts = [int(x) / 255 for x in re.findall(r"\d+", color)[:3]]
        parts = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for pair in colors:
        low, high = sorted(map(light, pair))
        assert (high + 0.05) / (low + 0.05) >= 4.5, pair


def test_in_a_notebook_it_runs_in_a_frame_of_its_own(browser, tmp_path):
    messages = []
    page = browser.new_page()
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    (tmp_path / "notebook.html").write_text(f"<!doctype html>{film(neuron())._repr_html_()}", "utf-8")
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    frame.locator("#next").click()
    assert frame.locator("#at").text_content().startswith("1 of ")
    frame.locator("summary").click()
    frame.locator("#all a").nth(4).click()
    assert frame.locator("#at").text_content().startswith("5 of ")
    page.close()
    assert messages == []


# -- the picture that moves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [neuron, xor, hostile])
def test_the_picture_that_moves_is_valid_needs_no_script_and_nothing_else(make):
    text = film(make()).svg()
    svg = ElementTree.fromstring(text)
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert {x.tag.rpartition("}")[2] for x in svg.iter()} <= {
        "svg", "g", "style", "text", "path", "polygon", "polyline", "ellipse", "rect",
    }  # fmt: skip
    assert not re.search(r"href|url\(|@import|\bon\w+=", re.sub(r">[^<]*<", "><", text))
    assert "prefers-reduced-motion" in text


def test_the_picture_that_moves_is_small_for_a_neuron():
    assert len(film(neuron()).svg().encode()) <= 60_000


@drawn
def test_the_picture_that_moves_shows_each_moment_and_to_those_who_want_no_motion_the_end(browser, tmp_path):
    film(neuron()).save(tmp_path / "film.svg")
    walk = tg.walk(neuron())
    names, seconds = ("w1", "w2", "b"), 1.4
    seen = """at => {
      for (const animation of document.getAnimations()) { animation.pause(); animation.currentTime = at; }
      const texts = [...document.querySelectorAll("text")].filter(x => getComputedStyle(x).opacity === "1");
      return texts.map(x => x.textContent);
    }"""
    page = browser.new_page()
    page.goto((tmp_path / "film.svg").as_uri())
    for position in (0, 4, 9, len(walk)):
        walk.goto(position)
        texts = page.evaluate(seen, 1000 * seconds * (position + 0.5))
        for name in names:
            grad = walk.names.find(name).grad
            assert f"grad {'—' if grad is None else figure(grad)}" in texts
        assert [x for x in texts if x.startswith(f"{position}/")]
        assert len([x for x in texts if re.match(r"\d+/\d+", x)]) == 1
    page.close()
    still = browser.new_page(reduced_motion="reduce")
    still.goto((tmp_path / "film.svg").as_uri())
    assert still.evaluate("document.getAnimations().length") == 0
    texts = still.evaluate(seen, 0)
    assert all(f"grad {figure(walk.names.find(name).grad)}" in texts for name in names)
    still.close()


# -- the film itself ---------------------------------------------------------------------------------------------------


def test_a_film_changes_no_gradient_and_no_later_change_reaches_it():
    loss = passed_before()
    values = tg.walk(loss).names.things.values()
    before = [x.grad for x in values if isinstance(x, Value)]
    made = film(loss)
    page = made.html(), made.svg()
    assert [x.grad for x in values if isinstance(x, Value)] == before
    loss.backward()
    assert (made.html(), made.svg()) == page
    assert film(loss).html() != page[0]


def test_the_same_graph_gives_the_same_film():
    assert film(neuron()).html() == film(neuron()).html()
    assert film(neuron()).svg() == film(neuron()).svg()


def test_a_film_of_a_walk_begins_where_the_walk_is_and_leaves_it_there(shown):
    walk = tg.walk(passed_before()).goto(15)
    before = [x.grad for x in walk.names.things.values() if isinstance(x, Value)]
    made = film(walk)
    assert walk.position == 15
    assert [x.grad for x in walk.names.things.values() if isinstance(x, Value)] == before
    assert reel_of(made) == {**reel_of(film(passed_before())), "start": 15}
    page = shown(made)
    assert page.evaluate(STATE)["at"] == f"15 of {len(walk)}"
    for options in ({"names": {}}, {"seed": 2.0}):
        with pytest.raises(ValueError, match=r"^A walk has its names and its seed: film\(walk\) takes none"):
            film(walk, **options)


def test_a_long_film_is_folded_by_itself_and_says_so():
    said = r"300 operations are drawn as \d+ \(max_nodes=250\): .*A larger max_nodes draws more, None all\."
    made = film(chain(300))
    assert re.search(said, made.html())
    assert "601 steps" in str(made)
    assert len(made.html()) < 90_000
    whole = film(chain(300), max_nodes=None)
    assert "max_nodes" not in whole.html()
    assert len(reel_of(whole)["nodes"]["key"]) == 301
    assert "max_nodes" not in film(chain(200)).html()


def test_layers_are_opened_as_deep_as_is_asked():
    assert {*reel_of(film(deep(), depth=0))["nodes"]["name"]} >= {"dense1.weight", "dense3.bias"}  # the box shows them
    boxes = [re.findall(r">(sequential|dense\d)<", film(deep(), depth=depth).html()) for depth in (0, 1)]
    assert [sorted({*found}) for found in boxes] == [["sequential"], ["dense1", "dense2", "dense3", "sequential"]]


def test_many_steps_are_no_obstacle():
    x = total = Value(0.5, "x")
    for _ in range(400):
        total = total * x + 1
    made = film(total)
    assert "2001 steps" in str(made)
    assert len(made.html()) > 0


def test_without_a_program_the_values_stand_one_below_the_other_and_change(monkeypatch, shown):
    monkeypatch.setattr(render, "programs", list)
    made = film(xor())
    page, walk = shown(made), tg.walk(xor())
    assert "pip install" in page.locator("header").first.text_content()
    page.keyboard.press("End")
    walk.goto(-1)
    texts = page.evaluate(STATE)["texts"]
    grad = extremes(walk.names.find("dense1.weight").grad)
    assert {*grad.values()} <= {*texts}
    assert page.locator("#picture .current").count() == 1
    ElementTree.fromstring(made.svg())
    assert "<iframe" in made._repr_html_()


def test_a_program_that_fails_is_no_error_of_the_film(monkeypatch):
    monkeypatch.setattr(render, "programs", lambda: [shutil.which("false") or "/bin/false"])
    made = film(neuron())
    assert "failed" in made.html()
    assert repr(made) == str(made)


def test_names_composites_direction_and_seed_are_taken():
    a, b = Value(2.0), Value(3.0)
    made = film(
        tg.mean(tg.stack([a * b, a])), names={"first": a, "second": b}, composites=True, direction="TB", seed=2.0
    )
    assert all(f">{text}<" in made.html() for text in ("first", "second", "mean"))
    assert "grad 2" in made.html()


@pytest.mark.parametrize("suffix", [".html", ".htm", ".svg"])
def test_it_is_saved_whole(suffix, tmp_path):
    made = film(neuron())
    path = made.save(tmp_path / f"pass{suffix}")
    assert path.read_text("utf-8") == (made.svg() if suffix == ".svg" else made.html())
    assert [x.name for x in tmp_path.iterdir()] == [path.name]


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(TypeError, match=r"^film takes a Value, such as a loss, not float: only a Value remembers"):
        film(3.0)
    with pytest.raises(GradientError):
        film(Value(1.0, requires_grad=False))
    with pytest.raises(TypeError, match="names is a mapping"):
        film(neuron(), names=["a"])
    with pytest.raises(ValueError, match="direction is one of LR, TB, RL, BT, not 'up'"):
        film(neuron(), direction="up")
    with pytest.raises(ValueError, match="depth is at least 0, not -1"):
        film(neuron(), depth=-1)
    with pytest.raises(TypeError, match=r"max_nodes is a whole number or None, not 2\.5"):
        film(neuron(), max_nodes=2.5)
    made = film(neuron())
    with pytest.raises(IsADirectoryError, match="is a folder: say what the file in it is to be called"):
        made.save(tmp_path)
    with pytest.raises(ValueError, match=r"A film is saved as \.html, \.htm, \.svg: 'x\.gif' is none of these\."):
        made.save("x.gif")
    with pytest.raises(FileNotFoundError, match=r"There is no folder 'nowhere' for 'x\.html': make it first\."):
        made.save("nowhere/x.html")


def test_it_prints_as_one_line():
    assert str(film(neuron())).startswith(f"<film of out, {len(tg.walk(neuron()))} steps: ")
    assert "\n" not in str(film(hostile()))
