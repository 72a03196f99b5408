"""Writes operations.md, the page of all operations, and its small plots: python docs/write_operations.py

Everything on the page is read from the library: sections and rows from the files of the table, formulas off the rules
themselves, domains and conventions from the table of domains.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_edu
from tinygrad_edu import Value, domains, functions, matrices, ops, rows
from tinygrad_edu.backward import order
from tinygrad_edu.symbol import Symbol, formulas

FOLDER = Path(__file__).parent
PLOTS = "pictures/operations"
PACKAGE = Path(tinygrad_edu.__file__).parent
SECTION = re.compile(r"^# -- (.*?) -+$|^(?:def )?(\w+)(?: += Op)?\(", re.MULTILINE)
TITLES = {
    "ops": "The core",
    "rows": "Further rows",
    "functions": "Compositions",
    "arrays": "Moved about",
    "matrices": "Matrices",
    "linalg": "Linear algebra",
    "images": "Images",
}

HEAD = """# All operations

Every operation of the library: how it is written, what the gradient of each operand gains, where it is differentiable
and what holds where it is not. This page is written by [`write_operations.py`](write_operations.py), which reads the
formulas off the very rules that `backward()` runs; the tests evaluate each and compare.

`g` is the gradient that arrives from above, `y` the result, and `[x > 0]` is 1 where it is so and 0 elsewhere; where
equal numbers compete, as in `maximum` and `max`, they share. An operand that was stretched to a larger shape gains the
sum over the copies; no rule needs to say so. `tg.sum(v)` and NumPy's own `np.sum(v)` are the same, and so is the method
`v.sum()` where NumPy has it. The plots show each function as a line and its derivative dashed, from `backward()`; of
several numbers the first one moves.

"""


# -- plots -------------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, RIGHT, LOW, HIGH = 120, 80, -2.5, 2.5, -2.0, 2.0
SECOND = {  # the other operand, where it is not 1
    "power": 3.0, "multiply": 0.5, "divide": 2.0, "slope": 3.0, "add": 0.5, "subtract": 0.5, "xlogy": 2.0,
    "maximum": 0.5, "minimum": 0.5, "fmax": 0.5, "fmin": 0.5, "logaddexp": 0.0, "logaddexp2": 0.0,
}  # fmt: skip
IN_CORE, OF_MATRICES = ({x for x in vars(module).values() if isinstance(x, ops.Op)} for module in (ops, matrices))
MATRICES = OF_MATRICES - IN_CORE | {ops.matmul, ops.linear, ops.cross_entropy}
STRUCTURE = {"axis", "axes", "shape", "index", "subscripts", "kth"}
LONGEST = 200  # characters of a formula that is shown
NUMBERS = {"negative_slope", "alpha", "times", "decimals"}  # settings of what works number by number
COLUMN = ("sum", "prod", "max", "min", "logsumexp", "norm", "softmax", "mean", "var", "std", "ptp", "median")


def curve(row: Any) -> Any:
    """The operation as a function of one number; None if there is none to draw."""
    name = row.__name__
    if name in COLUMN:
        return lambda x: row(ops.stack([x, 0.5])).reshape(-1)[0]
    if name == "clip":
        return lambda x: row(x, -1.0, 1.0)
    ruled = isinstance(row, ops.Op) and row.arity in (1, 2) and row.rules and row.rules[0]
    alone = ruled and not row.settings.keys() - NUMBERS
    if (row in MATRICES or not alone or row in (ops.same, rows.degrees)) and name not in ("silu", "gelu"):
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
    for file, title in TITLES.items():
        module, heading, found = importlib.import_module(f"tinygrad_edu.{file}"), title, list[Any]()
        for section, name in SECTION.findall((PACKAGE / f"{file}.py").read_text("utf-8")):
            if section:
                if found:
                    yield heading, found
                heading, found = f"{title}: {section.split(';')[0].split(':')[0]}", []
            elif (row := getattr(module, name, None)) in domains.DOMAINS:
                found.append(row)
        if found:
            yield heading, found


def cell(text: str) -> str:
    """Text in a cell of a Markdown table."""
    return text.replace("|", r"\|")


def prose(text: str) -> str:
    """Words in a cell; what stands in backticks is left alone."""
    return "`".join(part if i % 2 else part.replace("**", r"\*\*") for i, part in enumerate(text.split("`")))


def example(row: Any) -> domains.Case | None:
    """The case on which a rule is shown that depends on shapes: of small matrices, with settings if there are any."""
    if isinstance(row, ops.Op) and row.arity and not row.settings.keys() - NUMBERS and row not in MATRICES:
        return None
    cases = [case for case in domains.cases(row) if all(0 not in s for s in case.operands if isinstance(s, tuple))]

    def telling(case: domains.Case) -> tuple[int, int, bool]:
        operands = [x for x in drawn(row, case) if np.ndim(x)]
        shown = {k: v for k, v in case.settings.items() if repr(v) != "()"}
        size = min(sum(map(np.size, operands)), 12) if shown.keys() <= STRUCTURE else 0
        return sum(np.ndim(x) == 2 for x in operands) * (max(map(np.ndim, operands), default=0) < 3), size, bool(shown)

    return cases[0] if row is ops.linear else max(cases, key=telling)


def drawn(row: Any, case: domains.Case) -> list[Any]:
    """Operands of a case."""
    return domains.draw(row, case, np.random.default_rng(0))


def rules(row: ops.Op, letters: list[str]) -> str:
    """What each operand gains, read off its rule; for some shapes, if the rule depends on them."""
    case = example(row)
    if case is None:
        by_name = {name: Symbol(name) for name in row.settings if name in ("alpha", "negative_slope")}
        return gains(letters, formulas(row, *letters, g="g", **by_name))
    letters = letters if row.arity else list("abc")[: len(case.operands)]
    symbols = [Symbol(x, np.shape(number)) for x, number in zip(letters, drawn(row, case))]
    y = domains.call(row, symbols, case.settings)
    found = formulas(row, *symbols, g=Symbol("g", y.shape), **case.settings)
    settings = [f"{k}={v}" for k, v in case.settings.items()]
    shapes = [f"{x} {x_.shape}" for x, x_ in zip(letters, symbols) if x_.shape]
    return f"<sub>{', '.join([*shapes, *settings])}</sub><br>{gains(letters, found)}"


def gains(letters: list[str], found: list[str | None]) -> str:
    """The formula of each operand that has one."""
    lines = [
        f"{x}: `{text}`" if len(text) < LONGEST else f"{x}: long; in the code"
        for x, text in zip(letters, found)
        if text
    ]
    return "<br>".join(lines)


def parts(row: functions.Composite) -> str:
    """The rows that a composition is made of, in the order in which they are computed."""
    names: dict[str, None] = {}
    for case in domains.cases(row):
        operands = [Value(x) if isinstance(shape, tuple) and np.asarray(x).dtype == float else x
                    for x, shape in zip(drawn(row, case), case.operands)]  # fmt: skip
        result = domains.call(row, operands, case.settings)
        for y in result if isinstance(result, list | tuple) else [result]:
            names |= dict.fromkeys(node.op.name for node in reversed(order(y))) if isinstance(y, Value) else {}
    return ", ".join(names)


def entry(row: Any) -> str:
    """The line of an operation."""
    domain, name = domains.DOMAINS[row], row.__name__
    operands = domain.operands.split(", ")
    letters = [domains.LETTER.findall(part)[0] for part in operands]
    picture = f"![{name}]({PLOTS}/{name}.svg)" if curve(row) else ""
    numpys = ", ".join(f"`{domains.numpys_name(f)}`" for f in domains.answered(row))
    if isinstance(row, ops.Op):
        what, written = domain.what, domains.written(row, letters)
        rule = rules(row, letters) if row.rules else "no gradient"
    else:
        what, written, rule = row.__doc__.splitlines()[0], call(row), f"made of {parts(row)}"
    conventions = dict.fromkeys(kink.convention for kink in domains.kinks(row))
    notes = "; ".join([*filter(None, [domains.where(row)]), *conventions])
    return f"| {picture} | `{cell(written)}`<br>{cell(prose(what))} {numpys} | {cell(rule)} | {cell(prose(notes))} |"


def call(row: functions.Composite) -> str:
    """How a composition is called."""
    parameters = inspect.signature(row.function).parameters.values()
    return f"{row.name}({', '.join(str(p.replace(annotation=p.empty)).replace(' = ', '=') for p in parameters)})"


def page() -> str:
    """The whole page."""
    lines, columns = (
        [HEAD],
        "| | operation | what each operand gains | differentiable for; conventions |\n|---|---|---|---|",
    )
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
