"""docs/benchmarks.md and its pictures, made of the figures that were kept: python -m benchmarks.page"""

from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks import figures, report
from benchmarks.measure import DISTURBED
from benchmarks.sizes import SWEEPS

NAMES = [  # of the modules with cases, in the order of the page
    "micrograd_demo", "xor", "mnist", "rashid", "sklearn_epoch", "cnn", "nodes", "memory",
    "import_time", "checking", "walking", "drawing", "sizes",
]  # fmt: skip
DOCS = Path(__file__).parent.parent / "docs"
INTRODUCTION = """# How fast it is

Written by `python -m benchmarks.run --keep`, which measures all this anew on your machine; with names of
[`benchmarks/`](../benchmarks) behind it, a part. Without the other libraries it does what it can
(`pip install "tinygrad-edu[benchmark]"` brings them).

- Each side runs in a process of its own with two threads, and all begin with the same weights; the losses of the
  first steps are compared, so that all do the same work. They take turns, a fraction of a second each, in at least
  seven rounds. Told is the median, and in brackets the least and the most.
- A ratio, “takes of it”, is taken in each round: 0.5 is half the other's time. Told is again the median.
- Where it can be seen (on Linux), a turn during which other programs had more than a tenth of the machine is repeated.
  Where that did not help, a table says so and a claim is marked as “disturbed”.
- [Handwritten NumPy](../benchmarks/handwritten.py) is the same mathematics as a person writes it, with the derivatives
  worked out on paper.
"""


def write(picture):
    """The page, and the picture if it is wanted."""
    (DOCS / "benchmarks.md").write_text(text(), "utf-8")
    if picture and (results := figures.kept("sizes")[0]):
        draw(by_size(results))


def text():
    """All of the page."""
    kept = {name: figures.kept(name) for name in NAMES}
    parts = [INTRODUCTION, claims(kept), curves(kept["sizes"][0])]
    parts += [section(name, *kept[name]) for name in NAMES if kept[name][0] and name != "sizes"]
    return "\n".join(filter(None, parts))


def claims(kept):
    """What is claimed of all, and what came of it."""
    rows = [
        [title(result) * (i == 0), *report.row(result, claim)]
        for results, _ in kept.values()
        for result in results
        for i, claim in enumerate(result.case.claims)
    ]
    if not rows:
        return ""
    heads = ["work", "who", "beside", "claimed", "measured"]
    return "\n".join(["## What is claimed", "", *report.aligned([heads, ["---"] * 5, *rows])]) + "\n"


def title(result):
    """What was measured, and whether other programs ran meanwhile."""
    return result.case.title + " (disturbed)" * (result.disturbance > DISTURBED)


def section(name, results, stored):
    """A module's tables, under what it says of itself."""
    words = import_module(f"benchmarks.{name}").__doc__.strip()
    told = f"[`{name}.py`](../benchmarks/{name}.py), {stored['date']}. {stored['machine']}."
    return "\n".join([f"## {words.splitlines()[0]}", "", told, "", *map(report.table, results)])


def curves(results):
    """The picture, and a table for each of its parts."""
    if not results:
        return ""
    tables = [grid(key, of_size) for key, of_size in by_size(results).items() if of_size]
    picture = "![Time against size, on logarithmic scales](pictures/time_against_size.svg)"
    return "\n".join(["## Time against size", "", picture, "", *tables])


def by_size(results):
    """For each sweep, the result at each size."""
    found = {result.case.title: result for result in results}
    return {
        key: {size: found[case.title] for size, case in cases.items() if case.title in found}
        for key, (_, _, cases) in SWEEPS.items()
    }


def grid(key, of_size):
    """A row for each size, a column for each side: the medians."""
    title, axis, _ = SWEEPS[key]
    sides = names_of(of_size)
    rows = [
        [
            f"{size:,}",
            *(
                report.figure(figure_of(key, size, result, side), "s") if side in result.figures else "–"
                for side in sides
            ),
        ]
        for size, result in of_size.items()
    ]
    return "\n".join([f"**{title}**", "", *report.aligned([[axis, *sides], ["---"] * (len(sides) + 1), *rows]), ""])


def cell(key, size, result, side):
    """A median, or a dash."""
    return report.figure(figure_of(key, size, result, side), "s") if side in result.figures else "–"


def names_of(of_size):
    """All sides that occur, in their order."""
    return list(dict.fromkeys(side for result in of_size.values() for side in result.figures))


def figure_of(key, size, result, side):
    """The seconds of a step; of a graph of numbers, for each node."""
    return median(result.figures[side]) / (size if key == "nodes" else 1)


def draw(of_sizes):
    """Three charts side by side, one colour for each side."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot

    chart, areas = pyplot.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
    colours = {}
    for area, (key, of_size) in zip(areas, of_sizes.items(), strict=True):
        title, axis, _ = SWEEPS[key]
        for side in names_of(of_size):
            points = [(size, figure_of(key, size, r, side)) for size, r in of_size.items() if side in r.figures]
            colour = colours.setdefault(side, f"C{len(colours)}")
            area.plot(*zip(*points, strict=True), label=side, color=colour, **style(side))
        area.set(title=title, xlabel=axis, xscale="log", yscale="log", ylabel="seconds")
        area.grid(alpha=0.3)
        if area.lines:
            area.legend(fontsize=7)
    (DOCS / "pictures").mkdir(exist_ok=True)
    chart.savefig(DOCS / "pictures" / "time_against_size.svg", metadata={"Date": None})
    pyplot.close(chart)


def style(side):
    """Ours thick, the bound dashed, the others thin."""
    if side.startswith("ours"):
        return {"linewidth": 2.5, "marker": "o", "markersize": 4}
    bound = side == "matrix products alone"
    return {"linewidth": 1.2, "linestyle": "--" if bound else "-", "marker": "" if bound else "."}


if __name__ == "__main__":
    write(picture=True)
