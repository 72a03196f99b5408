"""Symbols: letters instead of numbers. The same rules, given letters, write the formulas of the calculus book."""

from __future__ import annotations

from typing import Any

from . import ops
from .operators import Operators

ATOM = 9
BINDS = {
    "add": 1, "subtract": 1, "multiply": 2, "divide": 2, "ratio": 2, "xlogy": 2, "matmul": 2, "negative": 3, "power": 4,
}  # fmt: skip
SIGNS = {
    "multiply": "{}·{}", "divide": "{}/{}", "ratio": "{}/{}", "power": "{}^{}", "xlogy": "{}·log({})",
    "transpose": "{}ᵀ",
    "greater": "[{} > {}]", "less": "[{} < {}]", "greater_equal": "[{} ≥ {}]", "less_equal": "[{} ≤ {}]",
    "inside": "[{1} ≤ {0} ≤ {2}]",
}  # fmt: skip  # [x > 0] is 1 where it is so and 0 elsewhere
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Symbol(Operators):
    """A letter (or a formula) with a shape; operations on it are written down, not computed.

    `binds` says how tightly the outermost sign holds, so that brackets stand only where they are needed.

    >>> g, y = Symbol("g"), Symbol("y")
    >>> print(g * (1 - y**2))
    g·(1 - y²)
    """

    __slots__ = ("binds", "shape", "text")
    __array_ufunc__ = None  # array * symbol asks the symbol

    def __init__(self, text: str, shape: tuple[int, ...] = (), binds: int = ATOM) -> None:
        self.text, self.shape, self.binds = text, shape, binds

    ndim = property(lambda self: len(self.shape), doc="The number of axes.")
    T = property(lambda self: ops.transpose(self), doc="The axes in reverse order.")

    def apply_op(self, op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any] = ops.NOTHING) -> Any:
        if (simple := simpler(op, *operands)) is not None:
            return simple
        binds = BINDS.get(op.name, ATOM)
        texts = [bracketed(x, i, op, binds) for i, x in enumerate(operands)]
        if op is ops.power and isinstance(operands[1], int):
            return Symbol(f"{texts[0]}{str(operands[1]).translate(SUPERSCRIPT)}", self.shape, binds)
        return Symbol(SIGNS.get(op.name, op.written).format(*texts), self.shape, binds)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def simpler(op: ops.Op, *operands: Any) -> Any:
    """What a person writes instead: x for 1·x, x¹ and x + 0, 2·x for the slope of x²; None if nothing is simpler."""
    a, b = (*operands, None, None)[:2]
    if op is ops.slope:
        return b * a ** (b - 1)
    if op is ops.multiply and (is_number(a, -1) or is_number(b, -1)):
        return -(b if is_number(a, -1) else a)
    if (op is ops.multiply and is_number(a, 1)) or (op is ops.add and is_number(a, 0)):
        return b
    if op in (ops.multiply, ops.divide, ops.power) and is_number(b, 1):
        return a
    if op in (ops.add, ops.subtract) and is_number(b, 0):
        return a
    if op is ops.multiply and (is_number(a, 0) or is_number(b, 0)):
        return 0
    return 1 if op is ops.power and is_number(b, 0) else None


def is_number(x: Any, number: int) -> bool:
    """Whether an operand is this plain number (not a letter)."""
    return isinstance(x, int | float) and x == number


def bracketed(x: Any, position: int, op: ops.Op, binds: int) -> str:
    """An operand as it stands inside its operation, in brackets if its own sign holds less tightly."""
    text, own = (x.text, x.binds) if isinstance(x, Symbol) else (f"{x:g}" if isinstance(x, float) else str(x), ATOM)
    if text.startswith("-") and position:
        own = 0
    right = position == 1 and op in (ops.subtract, ops.divide, ops.matmul, ops.ratio)
    loose = own < binds or (own == binds and (right or op is ops.power))
    return f"({text})" if loose and binds < ATOM else text


def formulas(op: ops.Op, *letters: Any, g: Any = 1) -> list[str | None]:
    """The rule of every operand, read on letters: with g = 1 the partial derivatives; None where there is no rule.

    >>> formulas(ops.multiply, "a", "b"), formulas(ops.tanh, "x"), formulas(ops.power, "x", 3)
    (['b', 'a'], ['1 - y²'], ['3·x²', 'y·log(x)'])
    """
    operands = [Symbol(letter) if isinstance(letter, str) else letter for letter in letters]
    rules = [rule for rule, _ in zip(op.rules, operands, strict=False)]
    return [None if rule is None else str(rule(g, Symbol("y"), *operands, **op.settings)) for rule in rules]
