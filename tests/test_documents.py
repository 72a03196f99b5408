"""Every tutorial runs from top to bottom and checks itself; in every document links lead somewhere and names exist.

The examples of README.md and docs/ are doctests, which pytest collects by itself (pyproject.toml).
"""

import ast
import importlib
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jupytext
import matplotlib.pyplot as plt
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn, ops

ROOT = Path(__file__).parent.parent
TUTORIALS = sorted((ROOT / "tutorials").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *TUTORIALS]
PUBLIC = {"tg": tg, "nn": nn, "ops": ops, "datasets": datasets}

FENCED = re.compile(r"^(`{3,})[^\n]*\n(.*?)^\1 *$", re.MULTILINE | re.DOTALL)
IN_LINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAME = re.compile(rf"(?<![\w./])({'|'.join(PUBLIC)})((?:\.[A-Za-z_]\w*)+)")


def called(path: Path) -> str:
    return path.stem


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, figures that nobody sees, and nothing left open."""
    plt.switch_backend("Agg")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    plt.close("all")


def cells(tutorial: Path) -> list[str]:
    return [cell.source for cell in jupytext.read(tutorial).cells if cell.cell_type == "code"]


def run(tutorial: Path) -> None:
    """Cell by cell in one namespace, as Jupyter does; an error says which cell it was."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, source in enumerate(cells(tutorial), 1):
        place = f"<{tutorial.name}, code cell {number}>"
        linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)  # for tracebacks
        try:
            show(run_cell(source, place, namespace))
        except Exception as error:
            error.add_note(f"in {tutorial.name}, code cell {number}:\n{source}")
            raise


def run_cell(source: str, place: str, namespace: dict[str, Any]) -> Any:
    """Run a cell and return the value of its last line, if that is an expression."""
    tree = ast.parse(source, place)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), namespace)
    return None if last is None else eval(compile(ast.Expression(last.value), place, "eval"), namespace)


def show(value: Any) -> None:
    """What a notebook asks of the value below a cell."""
    if hasattr(value, "_repr_mimebundle_"):
        assert value._repr_mimebundle_()["text/plain"]
    else:
        repr(value)


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=called)
def test_a_tutorial_runs_and_leaves_nothing_behind(tutorial, notebook):
    run(tutorial)
    assert list(notebook.iterdir()) == []


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=called)
def test_a_tutorial_ends_by_checking_itself(tutorial):
    assert re.search(r"^ *assert ", cells(tutorial)[-1], re.MULTILINE)


def test_an_error_in_a_tutorial_names_the_cell(notebook):
    tutorial = notebook / "07_wrong.md"
    front = TUTORIALS[0].read_text(encoding="utf-8").split("# 1.")[0]
    tutorial.write_text(front + "```{code-cell}\na = 1\n```\n\nand\n\n```{code-cell}\nassert a == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run(tutorial)
    assert caught.value.__notes__ == ["in 07_wrong.md, code cell 2:\nassert a == 2"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=called)
def test_every_link_leads_somewhere(document):
    prose = IN_LINE.sub("", FENCED.sub("", document.read_text(encoding="utf-8")))
    broken = [link for link in LINK.findall(prose) if "://" not in link and not leads_somewhere(document, link)]
    assert not broken


def leads_somewhere(document: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = (document.parent / path) if path else document
    return target.exists() and (not heading or heading in headings(target))


def headings(document: Path) -> set[str]:
    """The headings as they stand in links: lower case, hyphens for blanks, no punctuation."""
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=called)
def test_every_public_name_in_a_document_exists(document):
    text = document.read_text(encoding="utf-8")
    code = [block for _, block in FENCED.findall(text)] + IN_LINE.findall(FENCED.sub("", text))
    assert not missing("\n".join(code))


def missing(code: str) -> list[str]:
    """The names after tg., nn., ops. and datasets. that nothing answers to; `ops.py` is a file."""
    unknown = []
    for root, path in NAME.findall(code):
        if path != ".py" and not exists(PUBLIC[root], path[1:].split(".")):
            unknown.append(root + path)
    return unknown


def exists(thing: Any, names: list[str]) -> bool:
    for name in names:
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


def test_the_page_of_operations_is_what_the_library_says_of_itself(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    writer = importlib.import_module("write_operations")
    assert writer.page() == (ROOT / "docs" / "operations.md").read_text("utf-8"), "run docs/write_operations.py"
    plots = writer.plots()
    kept = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / writer.PLOTS).glob("*.svg")}
    assert plots.keys() == kept.keys()
    figures = re.compile(r"-?\d+(?:\.\d+)?")
    for name, plot in plots.items():
        assert figures.sub("", plot) == figures.sub("", kept[name]), name
        for now, then in zip(figures.findall(plot), figures.findall(kept[name]), strict=True):
            assert abs(float(now) - float(then)) < 0.15, name  # libraries of mathematics differ in the last digit


def test_a_missing_name_is_noticed():
    assert missing("tg.grad(f); tg.gradd(f); nn.Dense(2, 1); ops.tanh.rules; ops.tanh.rulez; see ops.py") == [
        "tg.gradd",
        "ops.tanh.rulez",
    ]


def test_the_gallery_is_what_its_script_writes_and_has_all_its_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    script = importlib.import_module("draw_pictures")
    page = (ROOT / "docs" / "gallery.md").read_text("utf-8")
    assert page == script.page()
    for picture in script.PICTURES:
        svg = ElementTree.parse(ROOT / "docs" / "pictures" / f"{picture.__name__}.svg").getroot()
        assert svg.tag.endswith("svg")
        assert f"pictures/{picture.__name__}.svg" in page
