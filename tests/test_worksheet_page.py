"""The page of a worksheet: whole, self-contained, harmless, and marking what is typed in."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value
from tinygrad_edu.drawing import render
from tinygrad_edu.teaching.worksheets import Worksheet, worksheet

VOID = {"meta", "input"}
HOSTILE = ['</script><script>fail("label")</script>', '"><img src=x onerror=fail(2)>', "a & b ]]> <!-- {{title}}"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def small() -> Worksheet:
    return worksheet("tanh(a*b + c) * a", a=2, b=-0.5, c=0.6, ask=("values", "locals", "gradients"))


def matrices() -> Worksheet:
    x, w, b = np.array([[1.5, -2.0, 0.5]]), Value([[2.0, -1.5], [0.5, 3.0], [-2.0, 4.0]], "W"), Value([0.5, -1.0], "b")
    return worksheet(tg.mean(tg.relu(x @ w + b) ** 2), names={"X": x})


def hostile() -> Worksheet:
    a, b, c = (Value(x, label) for x, label in zip((2.0, -1.5, 0.5), HOSTILE))
    return worksheet(
        tg.tanh(a * b + c) * a, title=f"{HOSTILE[0]} {{{{key}}}} {HOSTILE[1]}", ask=["locals", "gradients"]
    )


SHEETS = [small, matrices, hostile, *(lambda level=level: worksheet(seed=3, difficulty=level) for level in range(1, 6))]
drawn = pytest.mark.skipif(not render.programs(), reason="no program that draws")
each = pytest.mark.parametrize("make", SHEETS)


class Reader(HTMLParser):
    """What is on a page: its elements with their attributes, its text, and the tags that are no pairs."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.unpaired, self.text = list[str](), list[str](), ""
        self.found: list[tuple[str, dict[str, Any]]] = []
        self.feed(page)
        self.close()
        self.unpaired += self.open

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: Any) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unpaired.append(tag)

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += text

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.found if name == tag]


def key_of(page: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        re.findall(r'<script type="application/json" id="answers">(.*?)</script>', page)[0]
    )
    return found


@each
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(make):
    page = make().html()
    reader = Reader(page)
    assert reader.unpaired == []
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert not re.search(r"https?:|//\w|@import|url\(|<link|<iframe|<form|<base", re.sub(r"\{\{|\}\}", "", page))
    assert not any(
        {"src", "href", "action", "onclick", "onerror"} & attributes.keys() for _, attributes in reader.found
    )
    assert "{{function}}" not in page
    assert not re.search(r"\b(eval|innerHTML|Function|document\.write)\b", page.split("<script>")[1])


@each
def test_only_the_script_of_the_page_may_run(make):
    page = make().html()
    scripts = Reader(page).all("script")
    assert [x.get("type") for x in scripts] == ["application/json", None]
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[-1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(x["content"] for x in Reader(page).all("meta") if x.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


@each
def test_the_key_in_the_page_is_what_backward_gives(make):
    sheet = make()
    found = key_of(sheet.html())
    assert [x["right"] for x in found] == [float(n) for x in sheet.asked for n in np.ravel(x.reading.number)]
    loss = sheet.loss
    loss.backward()
    for x in sheet.asked:
        if x.kind == "gradient":
            mine = [a["right"] for a in found if a["asked"].startswith(f"gradient of {x.name}")]
            right = np.ravel(sheet.names.find(x.name).grad)
            assert mine[-len(right) :] == pytest.approx(list(right), rel=1e-12)


@each
def test_every_blank_says_what_it_asks_for(make):
    page = make().html()
    inputs, key = Reader(page).all("input"), key_of(page)
    assert [x["aria-label"] for x in inputs] == [x["asked"] for x in key]
    assert len({x["asked"] for x in key}) == len(key)
    assert all(x["type"] == "text" and x["autocomplete"] == "off" for x in inputs)
    assert '<p id="said" class="unseen" role="status" aria-live="polite"></p>' in page


def test_labels_of_blanks_are_words():
    asked = [x["asked"] for x in key_of(matrices().html())]
    assert asked[0] == "value of v1, row 1, column 1"
    assert asked[-2:] == ["gradient of W, row 3, column 1", "gradient of W, row 3, column 2"]
    assert "gradient of b, place 2" in asked
    asked = [x["asked"] for x in key_of(small().html())]
    assert {"derivative of a·b by a", "gradient of a, through L", "gradient of a, through v1", "gradient of a"} <= {
        *asked
    }


def test_titles_and_labels_are_text():
    sheet = hostile()
    page = sheet.html()
    reader = Reader(page)
    assert reader.all("img") == []
    assert len(reader.all("script")) == 2
    assert all(label in reader.text for label in HOSTILE[:2])
    assert reader.text.count("{{key}}") == 2  # in the title and above the page
    assert "{{title}}" in reader.text
    assert key_of(page)[0]["asked"].startswith("derivative of </script><script>fail")
    assert "</script>" not in page.split('id="answers">')[1].split("</script>")[0]
    assert html.unescape(re.findall('srcdoc="([^"]*)"', sheet._repr_html_())[0]) == page


def test_jupyter_shows_the_page_in_a_frame_that_may_do_nothing_but_run_its_script():
    frames = Reader(hostile()._repr_html_())
    assert [tag for tag, _ in frames.found] == ["iframe"]
    assert frames.all("iframe")[0]["sandbox"] == "allow-scripts"


@drawn
def test_the_picture_shows_the_graph_and_gives_no_answer_away():
    sheet = worksheet("tanh(a*b + c) * a", a=2, b=-0.75, c=0.8125)
    figure = re.findall(r"<figure.*?</figure>", sheet.html(), re.DOTALL)[0]
    texts = [html.unescape(x).strip() for x in re.findall(r"<text[^>]*>(.*?)</text>", figure)]
    assert {"a", "b", "c", "v1", "v2", "v3", "L", "tanh", "2", "-0.75", "0.8125"} <= {*texts}
    assert texts.count("?") == 4
    assert texts.count("grad ?") == 7
    assert not {*texts} & {f"{x:.4g}" for x in (-1.5, -0.6875, np.tanh(-0.6875))}
    assert "<title>" not in figure


@drawn
def test_a_value_called_nan_keeps_its_name_in_the_picture():
    figure = worksheet(Value(2.0, "nan") * Value(3.0, "b")).html().split("<figure")[1]
    assert ">nan</text>" in figure


def test_without_a_program_that_draws_there_is_no_picture(monkeypatch):
    monkeypatch.setattr(render, "programs", list)
    assert "<figure" not in small().html()


def test_a_large_graph_has_no_picture_and_no_formula():
    value = Value(1.5, "x")
    for _ in range(25):
        value = value + value
    page = worksheet(value, ask="gradients").html()
    assert "<figure" not in page
    assert '<p class="function">' not in page


def test_the_key_is_closed_and_shows_every_step():
    page = small().html()
    assert "<details>\n<summary>Key: every answer worked out</summary>" in page
    key = page.split("<summary>")[1].split("</details>")[0]
    assert key.count("<p>") == sum(len(section.items) for section in small().sections)
    assert key.count('<p class="part">') == sum(x.kind == "part" for x in small().asked)


# -- in a browser ------------------------------------------------------------------------------------------------------

DRIVER = """
<pre id="report"></pre>
<script>
const report = {}, inputs = [...document.querySelectorAll("input")];
const key = JSON.parse(document.getElementById("answers").textContent);
report.read = Object.fromEntries(TEXTS.map(text => [text, String(numberIn(text))]));
report.before = score.textContent;
function write(i, text) {
  inputs[i].focus();
  inputs[i].value = text;
  inputs[i].dispatchEvent(new Event("change"));
}
const wordsOf = input => input.closest(".line").querySelector(".words").textContent;
const state = i => [inputs[i].dataset.mark ?? "", inputs[i].getAttribute("aria-invalid"),
                    inputs[i].nextElementSibling.textContent, wordsOf(inputs[i])];
write(0, String(key[0].right).replace(".", ",").replace("-", "−"));
report.right = [...state(0), said.textContent];
inputs[0].dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
report.next = inputs.indexOf(document.activeElement);
inputs[1].dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", shiftKey: true}));
report.back = inputs.indexOf(document.activeElement);
write(1, String(key[1].right + 1));
report.wrong = [...state(1), said.textContent];
write(2, "two");
report.unread = state(2);
write(2, "");
report.emptied = state(2);
report.marked = key.map((x, i) => (write(i, String(x.right + 0.99 * x.within)), state(i)[0]));
report.beside = key.map((x, i) => (write(i, String(x.right + 1.01 * x.within)), state(i)[0]));
key.forEach((x, i) => write(i, String(x.right)));
report.after = score.textContent;
inputs.at(-1).dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
report.last = document.activeElement.id;
document.getElementById("report").textContent = JSON.stringify(report);
</script>
"""
READ = {
    "0,5": "0.5", "−1.5": "-1.5", "– 2": "-2", "1/2": "0.5", " -3 / 4 ": "-0.75", "1e-3": "0.001", ".5": "0.5",
    "5.": "5", "+2": "2", "": "NaN", "-": "NaN", "1/2/3": "NaN", "1.2.3": "NaN", "1,000.5": "NaN", "2 5": "NaN",
    "0x10": "NaN", "Infinity": "NaN", "two": "NaN", "--1": "NaN", "1/0": "Infinity",
}  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("make", [small, matrices, hostile])
def test_a_browser_marks_what_is_typed_in(make, tmp_path):
    page = re.sub("<meta http-equiv.*?>", "", make().html())  # it forbids the script that types
    page = page.replace("</body>", DRIVER.replace("TEXTS", json.dumps([*READ])) + "</body>")
    report = in_chromium(page, tmp_path)
    n = len(key_of(page))
    assert report["read"] == READ
    assert report["before"] == f"0 of {n} right, {n} open."
    one = "right" if make is not matrices else "1 of 2 right"
    assert report["right"][:4] == ["right", "false", "✓", one]
    assert report["right"][4] == f"{key_of(page)[0]['asked']}: right. 1 of {n} right, {n - 1} open."
    assert (report["next"], report["back"]) == (1, 0)
    assert report["wrong"][:3] == ["wrong", "true", "✗"]
    assert report["wrong"][4].endswith(f": wrong. 1 of {n} right, 1 wrong, {n - 2} open.")
    assert report["unread"][0] == "unread"
    assert report["unread"][1:3] == ["true", "?"]
    assert report["unread"][3] == "not a number: write −1.5 or −3/2"
    assert report["emptied"][:3] == ["", "false", ""]
    assert {*report["marked"]} == {"right"}
    assert {*report["beside"]} == {"wrong"}
    assert (report["after"], report["last"]) == (f"All {n} right.", "score")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_policy_lets_the_script_of_the_page_run_and_no_other(tmp_path):
    page = hostile().html()
    assert in_chromium(page, tmp_path, "score") == f"0 of {len(key_of(page))} right, {len(key_of(page))} open."
    other = "<script>score.textContent = 'another'</script></body>"
    assert in_chromium(page.replace("</body>", other), tmp_path, "score").startswith("0 of")


def in_chromium(page: str, folder: Path, name: str = "report") -> Any:
    """What stands in an element once the scripts of a page have run."""
    (folder / "page.html").write_text(page, "utf-8")
    settings = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'user'}", "--dump-dom"]
    command = [str(CHROMIUM), *settings, (folder / "page.html").as_uri()]
    dumped = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True).stdout
    text = html.unescape(re.findall(rf'<\w+ id="{name}"[^>]*>(.*?)</', dumped, re.DOTALL)[-1])
    return json.loads(text) if name == "report" else text
