"""Writes operations.md, the page of all operations, and its small plots: python docs/write_operations.py

Everything on the page is read from the library: sections and rows from the files of the table, formulas off the rules
themselves, domains and conventions from the table of domains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_edu
from tinygrad_edu import Value, domains, functions, linalg, ops, rows
from tinygrad_edu.symbol import formulas

FOLDER = Path(__file__).parent
PLOTS = "pictures/operations"
PACKAGE = Path(tinygrad_edu.__file__).parent
SECTION = re.compile(r"^# -- (.*?) -+$|^(\w+) += Op\(|^def (\w+)\(", re.MULTILINE)
TITLES = {
    "ops": "The core",
    "rows": "Further rows",
    "functions": "Composed",
    "arrays": "Moved about",
    "linalg": "Matrices",
}

HEAD = """# All operations

Every operation of the library: how it is written, what the gradient of each operand gains, where it is differentiable
and what holds where it is not. This page is written by [`write_operations.py`](write_operations.py), which reads the
formulas off the very rules that `backward()` runs; the tests evaluate each and compare.

`g` is the gradient that arrives from above, `y` the result, and `[x > 0]` is 1 where it is so and 0 elsewhere.
`tg.sum(v)` and NumPy's own `np.sum(v)` are the same, and so is the method `v.sum()` where NumPy has it. The plots show
each function as a line and its derivative dashed, from `backward()`; of several numbers the first one moves.

"""


# -- plots -------------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, RIGHT, LOW, HIGH = 120, 80, -2.5, 2.5, -2.0, 2.0
SECOND = {  # the other operand, where it is not 1
    "power": 3.0, "multiply": 0.5, "divide": 2.0, "slope": 3.0, "add": 0.5, "subtract": 0.5, "xlogy": 2.0,
    "maximum": 0.5, "minimum": 0.5, "fmax": 0.5, "fmin": 0.5, "logaddexp": 0.0, "logaddexp2": 0.0,
}  # fmt: skip
NUMBERS = {"negative_slope", "alpha", "times", "decimals"}  # settings of what works number by number
COLUMN = ("sum", "prod", "max", "min", "logsumexp", "norm", "softmax", "mean", "var", "std", "ptp", "median")


def curve(row: Any) -> Any:
    """The operation as a function of one number; None if there is none to draw."""
    name = row.__name__
    if name in COLUMN:
        return lambda x: row(ops.stack([x, 0.5])).reshape(-1)[0]
    if name == "clip":
        return lambda x: row(x, -1.0, 1.0)
    matrices = row in (ops.matmul, ops.linear, ops.cross_entropy) or name in vars(linalg).keys() - vars(ops).keys()
    alone = isinstance(row, ops.Op) and row.arity in (1, 2) and row.rules and row.rules[0] and not row.settings.keys() - NUMBERS
    if (matrices or not alone or row in (ops.same, rows.degrees)) and name not in ("silu", "gelu"):
        return None
    return lambda x: row(x, SECOND.get(name, 1.0)) if getattr(row, "arity", 1) == 2 else row(x)


def points(f: Any) -> Iterator[tuple[float, float, float]]:
    """x, f(x) and f'(x) over the width of a plot."""
    for x in np.linspace(LEFT, RIGHT, WIDTH + 1) + 1e-9:  # beside the kinks, not on them
        v = Value(float(x))
        y = f(v)
        y.backward()
        yield float(x), float(y), float(v.grad) if np.isfinite(y.data) else np.nan


def path(xs: list[float], ys: list[float]) -> str:
    """The lines of an SVG path, broken where the curve leaves the plot or jumps."""
    steps, before = [], None
    for x, y in zip(xs, ys, strict=True):
        inside = np.isfinite(y) and LOW <= y <= HIGH
        if inside:
            across, up = (x - LEFT) / (RIGHT - LEFT) * WIDTH, (HIGH - y) / (HIGH - LOW) * HEIGHT
            steps.append(f"{'M' if before is None or abs(y - before) > 0.8 else 'L'}{across:.1f} {up:.1f}")
        before = y if inside else None
    return " ".join(steps)


def plot(name: str, f: Any) -> str:
    """A small picture of a function and its derivative, for light and dark pages."""
    with np.errstate(all="ignore"):
        xs, ys, slopes = map(list, zip(*points(f), strict=True))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">
<title>{name} and its derivative, from {LEFT:g} to {RIGHT:g}</title>
<path d="M0 {HEIGHT / 2:g}H{WIDTH}M{WIDTH / 2:g} 0V{HEIGHT}" stroke="#8a8a8a" stroke-width=".6" fill="none"/>
<path d="{path(xs, slopes)}" stroke="#d9730d" stroke-width="1.6" stroke-dasharray="4 2.5" fill="none"/>
<path d="{path(xs, ys)}" stroke="#2f80d0" stroke-width="2" fill="none"/>
</svg>
"""


# -- the page ----------------------------------------------------------------------------------------------------------


def sections() -> Iterator[tuple[str, list[Any]]]:
    """The sections of the table and of what is composed, with their operations, in the order of the files."""
    listed = {row.__name__ + type(row).__name__: row for row in domains.DOMAINS}
    for file, title in TITLES.items():
        heading, found = title, list[Any]()
        for section, op, function in SECTION.findall((PACKAGE / f"{file}.py").read_text("utf-8")):
            if section:
                if found:
                    yield heading, found
                heading, found = f"{title}: {section.split(';')[0].split(':')[0]}", []
            elif row := listed.get(f"{op}Op" if op else f"{function}Composite"):
                found.append(row)
        if found:
            yield heading, found


def cell(text: str) -> str:
    """Text in a cell of a Markdown table."""
    return text.replace("|", "\\|")


def entry(row: Any) -> str:
    """The line of an operation."""
    domain, name = domains.DOMAINS[row], row.__name__
    parts = domain.operands.split(", ")
    letters = [domains.LETTER.findall(part)[0] for part in parts]
    picture = f"![{name}]({PLOTS}/{name}.svg)" if curve(row) else ""
    numpys = ", ".join(f"`np.{f.__name__}`" for f in domains.answered(row))
    if isinstance(row, ops.Op):
        what, written = domain.what, domains.written(row, letters)
        names = letters if row.arity else ["a", "b"]
        rules = zip(names, formulas(row, *names, g="g") if row.rules else [])
        rule = "<br>".join(f"{x}: `{text}`" for x, text in rules if text) or "no gradient"
    else:
        what, written, rule = row.__doc__.splitlines()[0], call(row), "those of its rows"
    where = [part for part in parts if not part.lstrip("*").isidentifier()]
    conventions = dict.fromkeys(kink.convention for kink in domains.KINKS if kink.row is row)
    notes = "; ".join([*(f"`{x}`" for x in where), *conventions])
    return f"| {picture} | `{cell(written)}`<br>{cell(what)} {numpys} | {cell(rule)} | {cell(notes)} |"


def call(row: functions.Composite) -> str:
    """How a composition is called."""
    return f"{row.name}({', '.join(row.takes or ['*arrays'])})"


def page() -> str:
    """The whole page."""
    lines, columns = [HEAD], "| | operation | what each operand gains | where, and what else |\n|---|---|---|---|"
    for title, listed in sections():
        lines += [f"## {title}\n", columns, *map(entry, listed), ""]
    return "\n".join(lines)


def plots() -> dict[str, str]:
    """The plots by their file names."""
    return {f"{row.__name__}.svg": plot(row.__name__, f) for row in domains.DOMAINS if (f := curve(row))}


if __name__ == "__main__":
    (FOLDER / PLOTS).mkdir(parents=True, exist_ok=True)
    for old in (FOLDER / PLOTS).glob("*.svg"):
        old.unlink()
    for name, picture in plots().items():
        (FOLDER / PLOTS / name).write_text(picture, "utf-8")
    (FOLDER / "operations.md").write_text(page(), "utf-8")
