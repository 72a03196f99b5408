"""The graph as text: each value above the operands it came from."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import Any

import numpy as np

from .dot import passes
from .graph import Node
from ..wording import FEW, WIDTH, extremes, listed, type_of

RIGHTMOST = 45  # columns; a value that would begin farther right begins a tree of its own


def text_tree(root: Node) -> str:
    """The tree under `root`. A value is told once: where it is met again, it is only named."""
    lines: list[str] = []
    heads, put_off, told = [root], {root}, set[Node]()
    for head in heads:  # the list grows while it is read
        stack = [(head, "", "")]
        while stack:
            node, branch, below = stack.pop()
            if node in told:
                lines.append(f"{branch}{called(node)} ↑ see above")
            elif branch and node.operands and (node in put_off or len(branch) > RIGHTMOST):
                lines.append(f"{branch}{called(node)} ↓ continued below")
                heads += [] if node in put_off else [node]
                put_off.add(node)
            else:
                told.add(node)
                lines += wrapped(described(node), branch, below + ("│  " if node.operands else "   "))
                for i, (_, operand) in enumerate(reversed(node.operands)):
                    stack.append((operand, below + ("├─ " if i else "└─ "), below + ("│  " if i else "   ")))
        lines.append("")
    return "\n".join(lines[:-1])


def wrapped(parts: list[str], first: str, rest: str) -> list[str]:
    """The parts in one line, or each in its own."""
    width, whole = WIDTH - len(rest), ", ".join(parts)
    lines = [whole] if len(whole) <= width else [x for part in parts for x in textwrap.wrap(part, width)]
    return [(rest if i else first) + line for i, line in enumerate(lines)]


def described(node: Node) -> list[str]:
    """A value: its name and numbers; its gradient and the operation on the operands below."""
    name = f"{called(node)} =" if node.name else ""
    value = " ".join(filter(None, [name, type_of(node.number), numbers(node.number)]))
    slope = "constant" if node.constant else "no path" if node.state == "no path" else "grad —"
    if node.gradient is not None and not node.constant:
        slope = f"grad {numbers(node.gradient)}{passes(node)}"
    return [value, f"{slope} ← {node.operation}" if node.operation else slope]


def called(node: Node) -> str:
    """The name; one that runs from right to left is kept apart, or it would turn the numbers after it around."""
    name = node.name or type_of(node.number)
    return f"\u2068{name}\u2069" if any(unicodedata.bidirectional(c) in ("R", "AL") for c in name) else name


def numbers(x: Any) -> str:
    """All the numbers, or a few that tell of them."""
    return ", ".join(f"{name} {number}" for name, number in extremes(x).items()) if np.size(x) > FEW else listed(x)
