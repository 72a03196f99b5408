"""What is written on a drawing: of each value, each box and each edge, as lines of cells, each text with a place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..wording import FEW, extremes, figure, listed, type_of
from .comparing import how_many
from .graph import FOLDED, Box, Edge, Node

DIGITS = (4, 6, 9, 12, 17)  # until two numbers that differ look different
HELD = 4  # leaves that a box lists


class Text(NamedTuple):
    """A piece of text: what it is (name, kind, value, slope ...), and its place among the texts of its element."""

    text: str
    role: str
    place: str = ""


Cell = tuple[str, list[Text]]  # left, center or right; and what stands in it
Table = list[list[Cell]]  # lines of cells


class Show(NamedTuple):
    """Which texts are wanted."""

    values: bool = True
    grads: bool = True
    edges: bool = True


ALL = Show()


def of_node(node: Node, show: Show = ALL) -> Iterator[Table]:
    """A value: its name, its kind, its numbers, its gradient. One that has not arrived is not 0."""
    if node.kind == "beyond":
        yield line(Text(node.name, "wire"))
        return
    kind, array = kind_of(node), node.count > 1 or bool(type_of(node.number))
    if node.name or kind:
        yield line(Text(node.name, "name"), Text(kind and f"  {kind}", "kind"))
    if show.values and array:
        was = node.before
        rows = [*heading(node.number), *figures("value", node.number, was and was.number)]
        yield rows + ([*figures("grad", node.gradient, was and was.gradient)] if show.grads else [])
    elif show.values:
        now = "?" if node.number is None else change(node, "number")
        yield line(Text(now, "value" if node.name else "number", "value"))
    if node.constant:
        if node.kind == "constant" or show.grads:
            yield line(Text("constant", "kind"))
    elif show.grads:
        yield from of_gradient(node, array and show.values)


def kind_of(node: Node) -> str:
    """Shape and dtype of an array; how many they are, of several that are drawn as one, if the name does not say it."""
    if node.count == 1:
        return type_of(node.number)
    many = several(node.kind, node.count)
    return "" if node.name == many else many


def several(kind: str, many: int) -> str:
    """How many values of a kind."""
    return counted(many, kind if kind in ("parameter", "input") else "value")


def counted(many: int, what: str) -> str:
    """How many there are of something."""
    return f"{many:,} {what}{'s' if many > 1 else ''}"


def of_gradient(node: Node, told: bool) -> Iterator[Table]:
    """The gradient and its state; of an array whose gradient stands in the table above, only the passes."""
    if node.gradient is None:
        yield line(Text("no path" if node.state == "no path" else "grad —", "slope", "grad"))
    elif not told:
        yield line(Text(f"grad {change(node, 'gradient')}", "slope", "grad"))
    if node.within is not None:  # so that what stands on the edges adds up
        yield line(Text(f"{ranged(node.within)} of it from inside the box", "slope kind", "within"))
    if passes(node):
        yield line(Text(passes(node), "passes", "passes"))


def of_box(box: Box, show: Show = ALL) -> Iterator[Table]:
    """A box: its sign; of a folded one, the leaves that it holds."""
    yield line(Text(box.sign, "sign" if box.kind == "operation" else "name"))
    if box.kind in FOLDED and (inside := counted(box.operations, "operation")) not in box.sign:
        yield line(Text(inside, "kind"))
    if box.held:
        more = len(box.held) - HELD
        told = box.held if more <= 0 else box.held[: HELD - 1]
        yield [held(node, box.sign, show) for node in told]
        if more > 0:
            yield line(Text(f"and {len(box.held) - len(told)} more", "kind"))


def held(node: Node, sign: str, show: Show) -> list[Cell]:
    """A leaf that stands in its box: its name without that of the box, its numbers, its gradient."""
    kind = type_of(node.number) or figure(node.number) if node.count == 1 else f"{kind_of(node)}  {ranged(node.number)}"
    cells = [
        ("left", [Text(node.name.removeprefix(f"{sign}.") or "number", "kind")]),
        ("left", [Text(f"  {kind}", "kind")]),
    ]
    if show.grads and not node.constant:
        slope = "—" if node.gradient is None else ranged(node.gradient)
        cells.append(("left", [Text(f"  grad {slope}", "slope kind", f"held {node.key}")]))
    return cells


def of_edge(edge: Edge, show: Show = ALL) -> Iterator[Table]:
    """An edge: the local derivative, or the rule and its shapes; what has flowed back."""
    if not show.edges:
        return
    lines = [Text(local(edge), "local", "local"), Text(edge.shapes, "shapes", "shapes")]
    if edge.stretched > 1:
        lines.append(Text(f"stretched {edge.stretched}×", "stretched", "stretched"))
    if edge.flow is not None and show.grads:
        lines.append(Text(f"+= {flowed(edge)}", "slope", "flow"))
    yield from (line(text) for text in lines if text.text)


def local(edge: Edge) -> str:
    """The local derivative, and what it was in the run compared with."""
    formula, sign, now = edge.local.rpartition(" = ")
    was = edge.before.local.rpartition(" = ")[2] if edge.before and not edge.shapes else now
    return edge.local if was == now else f"{formula}{sign}{was} → {now}"


def flowed(edge: Edge) -> str:
    """What has flowed, and what that was in the run compared with."""
    return ranged(edge.flow) if edge.before is None else told_apart(edge.flow, edge.before.flow)


def change(node: Node, field: str) -> str:
    """The number or the gradient of a value, and what it was in the run compared with."""
    now = getattr(node, field)
    return ranged(now) if node.before is None else told_apart(now, getattr(node.before, field))


def told_apart(now: Any, before: Any) -> str:
    """Numbers, and what they were in the run compared with, in as many digits as it takes to tell them apart."""
    pairs = ((ranged(before, digits), ranged(now, digits)) for digits in DIGITS)
    found = next((pair for pair in pairs if pair[0] != pair[1]), (ranged(now),))
    many = "" if now is None or before is None else how_many(now, before)
    return " → ".join(found) + (f", {many}" if many else "")


def ranged(x: Any, digits: int = 4) -> str:
    """A number, the numbers of a small array, or the ends of the range of a large one."""
    if x is None:
        return "—"
    if np.size(x) <= FEW and len(listed(x, digits)) <= 24:
        return listed(x, digits)
    ends = extremes(x, digits)
    return f"{ends['min']} everywhere" if ends["min"] == ends["max"] else f"{ends['min']} … {ends['max']}"


def passes(node: Node) -> str:
    """How many times what arrives here a gradient is, if it is more than once."""
    return f"{node.times} × what arrives" if node.times > 1 else ""


def line(*texts: Text) -> Table:
    """One line of one cell."""
    return [[("center", [text for text in texts if text.text])]]


def heading(x: Any) -> Iterator[list[Cell]]:
    """The names of the columns, where an array is too large to be shown but by its extremes."""
    if np.size(x) > FEW:
        yield [("right", [Text(f"  {name}", "kind")]) for name in ["", *extremes(x)]]


def figures(name: str, x: Any, before: Any = None) -> Iterator[list[Cell]]:
    """Rows of numbers, with a name before the first; where another run is compared with, what they were there."""
    role = "figure" if name == "value" else "slope figure"
    rows = others = [] if x is None else grid(x)
    if x is not None and before is not None:
        pairs = ((grid(x, digits), grid(before, digits)) for digits in DIGITS)
        rows, others = next((pair for pair in pairs if pair[0] != pair[1]), (rows, rows))
    for i, (row, other) in enumerate(zip(rows, others)):
        cells = [a if a == b else f"{b} → {a}" for a, b in zip(row, other)]
        first = ("left", [Text("" if i else name, "kind" if name == "value" else "slope kind")])
        yield [first, *(("right", [Text(f"  {text}", role, f"{name} {i} {j}")]) for j, text in enumerate(cells))]
    if x is not None and before is not None and (told := how_many(x, before)):
        yield [("left", []), ("right", [Text(told, "kind")])]


def grid(x: Any, digits: int = 4) -> list[list[str]]:
    """The numbers of a small array as they stand in rows, otherwise its extremes."""
    if np.size(x) > FEW:
        return [list(extremes(x, digits).values())]
    if not np.size(x) or np.ndim(x) > 2:
        return [[listed(x, digits)]]
    return [[figure(number, digits) for number in row] for row in np.atleast_2d(x).tolist()]
