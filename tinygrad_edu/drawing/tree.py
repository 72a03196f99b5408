"""The graph as text: each value above the operands it came from."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..wording import FEW, WIDTH, extremes, listed, type_of
from .graph import Graph, Node
from .labels import ALL, Show, change, kind_of, passes

RIGHTMOST = 45  # columns; a value that would begin farther right begins a tree of its own


def text_of(graph: Graph, show: Show = ALL) -> str:
    """The tree under each root, then what is said beside the graph. What one tree has told is only named in another."""
    told = set[Node]()
    trees = [text_tree(root, told, show) for root in [*graph.roots, *graph.opened] if root not in told]
    said = [line for sentence in graph.said for line in textwrap.wrap(sentence, WIDTH)]
    return "\n\n".join([*trees, *(["\n".join(said)] if said else [])])


def text_tree(root: Node, told: set[Node] | None = None, show: Show = ALL) -> str:
    """The tree under a root. A value is told once: where it is met again, it is only named."""
    return "\n".join(tree(root, set() if told is None else told, show))


def tree(root: Node, told: set[Node], show: Show) -> Iterator[str]:
    """The lines under a root, of what is not told yet; what stands far to the right is a tree of its own below."""
    heads, put_off = [root], {root}
    for head in heads:  # the list grows while it is read
        if head is not root:
            yield ""
        stack = [(head, "", "")]
        while stack:
            node, branch, below = stack.pop()
            if node in told:
                yield f"{branch}{again(node, show)} ↑ see above"
            elif branch and node.box and (node in put_off or len(branch) > RIGHTMOST):
                yield f"{branch}{again(node, show)} ↓ continued below"
                heads += [] if node in put_off else [node]
                put_off.add(node)
            else:
                told.add(node)
                under = operands(node)
                yield from wrapped(described(node, show), branch, below + ("│  " if under else "   "))
                for i, operand in enumerate(reversed(under)):
                    stack.append((operand, below + ("├─ " if i else "└─ "), below + ("│  " if i else "   ")))


def operands(node: Node) -> list[Node]:
    """What a value was computed from; then the leaves that a folded box shows itself."""
    return [*[edge.operand for edge in node.box.edges], *node.box.held] if node.box else []


def wrapped(parts: list[str], first: str, rest: str) -> list[str]:
    """The parts in one line, or each in its own."""
    width, whole = WIDTH - len(rest), ", ".join(parts)
    lines = [whole] if len(whole) <= width else [x for part in parts for x in textwrap.wrap(part, width)]
    return [(rest if i else first) + line for i, line in enumerate(lines)]


def described(node: Node, show: Show) -> list[str]:
    """A value: its name and numbers; its gradient and the operation on the operands below."""
    if node.kind == "beyond":
        return [called(node)]
    name = f"{called(node)}{' =' * show.values}" if node.name else ""
    number = compared(node, "number") if show.values else ""
    value = " ".join(filter(None, [name, kind_of(node), number]))
    slope = sloped(node) if show.grads or node.kind == "constant" else ""
    *parts, last = filter(None, [value, slope]) if value or slope else ("",)
    return [*parts, f"{last} ← {node.box.sign}".strip() if node.box else last]


def sloped(node: Node) -> str:
    """The gradient of a value, or why there is none."""
    if node.constant:
        return "constant"
    if node.gradient is None:
        return "no path" if node.state == "no path" else "grad —"
    many = passes(node)
    return f"grad {compared(node, 'gradient')}{many and f' ({many})'}"


def again(node: Node, show: Show) -> str:
    """A value that is told elsewhere: its name; what has none is known by its numbers."""
    number = compared(node, "number") if show.values and not type_of(node.number) else ""
    return called(node) or number or "value"


def compared(node: Node, field: str) -> str:
    """Numbers, and what they were in the run compared with; a question mark where they are not there yet."""
    x = getattr(node, field)
    return "?" if x is None else numbers(x) if node.before is None else change(node, field)


def called(node: Node) -> str:
    """The name; one that runs from right to left is kept apart, or it would turn the numbers after it around."""
    name = node.name or type_of(node.number)
    return f"\u2068{name}\u2069" if any(unicodedata.bidirectional(c) in ("R", "AL") for c in name) else name


def numbers(x: Any) -> str:
    """All the numbers, or a few that tell of them."""
    return ", ".join(f"{name} {number}" for name, number in extremes(x).items()) if np.size(x) > FEW else listed(x)
