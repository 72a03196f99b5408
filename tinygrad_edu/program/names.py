"""What the values of a program are called: by their labels, their layers, or as in a textbook, z and h."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from ..notation import GREEK
from ..value import Value

LETTERS = {
    **dict.fromkeys(("linear", "matmul", "conv2d"), "z"),
    **dict.fromkeys(("relu", "tanh", "sigmoid", "softplus", "leaky_relu", "elu", "silu", "gelu"), "h"),
    **dict.fromkeys(("softmax", "max_pool2d", "avg_pool2d"), "p"), "exp": "e", "sum": "s", "max": "m",
}  # fmt: skip
TAKEN = {"np", "math", "torch", "Fraction", "l", "O", "I", *dir(builtins), *keyword.kwlist, *keyword.softkwlist}


def identifier(text: str) -> str:
    """A label as a name in Python: hidden.weight as hidden_weight; "" if nothing of it can stand in a name."""
    plain = unicodedata.normalize("NFKD", "".join(f"{GREEK.get(letter, letter)}" for letter in text))
    plain = re.sub(r"\W+", "_", plain, flags=re.ASCII).strip("_")
    return f"v{plain}" if plain[:1].isdigit() else plain


class Namer:
    """Gives each name once: x, then x2, x3."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*TAKEN, *taken}
        self.counts: dict[str, Iterator[int]] = {}  # how far each letter has come

    def of(self, text: str, otherwise: str = "v") -> str:
        """A free name like this one; a number behind a letter of ours counts from 1."""
        name = identifier(text)[:40]
        if not name:
            return self.numbered(otherwise)
        if name not in self.taken:
            return self.take(name)
        return self.numbered(f"{name}_" if name[-1].isdigit() else name, 2)  # w2, w3 after w; x1_2 after x1

    def numbered(self, letter: str, first: int = 1) -> str:
        """z1, z2, z3 ..."""
        numbers = self.counts.setdefault(letter, count(first))
        return self.take(next(name for i in numbers if (name := f"{letter}{i}") not in self.taken))

    def take(self, name: str) -> str:
        """This name, from now on taken."""
        self.taken.add(name)
        return name


def forward_name(node: Value, namer: Namer) -> str:
    """The name of a result: its label, or a letter for its operation."""
    if node.label:
        return namer.of(node.label)
    return namer.numbered(letter(node) if node.op else "v")


def letter(node: Value) -> str:
    """What a result is called in a textbook: z for a product of matrices, also with something added."""
    op: Any = node.op
    last = [getattr(getattr(x, "op", None), "name", "") for x in node.operands] if op.name == "add" else []
    return "z" if "matmul" in last else LETTERS.get(op.name, "v")


def gradient_name(of: str, namer: Namer) -> str:
    """The name of a gradient."""
    return namer.of(f"d_{of}")


def scope_of(node: Any) -> str:
    """The layer that a node was computed in."""
    scope = node.scope
    while scope is not None and scope.kind != "layer":
        scope = scope.outer
    return "" if scope is None else scope.name
