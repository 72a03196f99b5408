"""Symbols: letters instead of numbers. The same rules, given letters, write the formulas of the calculus book."""

from __future__ import annotations

import math
from typing import Any

from . import ops
from .operators import Operators

ATOM = 9  # a letter, a call or something in brackets: nothing can tear it apart
BINDS = {  # how tightly the outermost sign of a formula holds
    "add": 1, "subtract": 1, "multiply": 2, "divide": 2, "ratio": 2, "reciprocal": 2, "xlogy": 2, "matmul": 2,
    "negative": 3, "power": 4, "transpose": 5,
}  # fmt: skip
SIGNS = {  # how a person writes it, where that is not as in the table; [x > 0] is 1 where it is so and 0 elsewhere
    "multiply": "{}·{}", "divide": "{}/{}", "ratio": "{}/{}", "power": "{}^{}", "xlogy": "{}·log({})",
    "reciprocal": "1/{}", "transpose": "{}ᵀ", "greater": "[{} > {}]", "less": "[{} < {}]", "equal": "[{} = {}]",
    "greater_equal": "[{} ≥ {}]", "less_equal": "[{} ≤ {}]", "not_equal": "[{} ≠ {}]",
    "linear": "linear({}, {}, {})", "inside": "[{1} ≤ {0} ≤ {2}]",
}  # fmt: skip
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Symbol(Operators):
    """A letter, or a formula of letters, with a shape; operations on it are written down, not computed.

    `op` is the outermost operation of a formula and `operands` what it stands between; a letter has none.

    >>> g, y = Symbol("g"), Symbol("y")
    >>> print(g * (1 - y**2))
    g·(1 - y²)
    """

    __slots__ = ("op", "operands", "shape", "text")
    __array_ufunc__ = None  # array * symbol asks the symbol

    def __init__(
        self, text: str, shape: tuple[int, ...] = (), op: ops.Op | None = None, operands: tuple[Any, ...] = ()
    ) -> None:
        self.text, self.shape, self.op, self.operands = text, shape, op, operands

    ndim = property(lambda self: len(self.shape), doc="The number of axes.")
    T = property(lambda self: ops.transpose(self), doc="The axes in reverse order.")

    def apply_op(self, op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any] = ops.NOTHING) -> Any:
        if (simple := simpler(op, operands, settings)) is not None:
            return simple
        texts = [bracketed(x, i, op) for i, x in enumerate(operands)]
        if op is ops.power and isinstance(operands[1], int):
            return Symbol(f"{texts[0]}{str(operands[1]).translate(SUPERSCRIPT)}", self.shape, op, operands)
        written = SIGNS.get(op.name, op.written) if op.arity else f"{op.name}({', '.join(['{}'] * len(texts))})"
        return Symbol(written.format(*texts), self.shape, op, operands)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def simpler(op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """What a person writes instead: x for 1·x, x¹ and x + 0, 2·x for the slope of x²; None if nothing is simpler."""
    a, b = (*operands, None, None)[:2]
    if op is ops.slope:
        return math.prod(b - i for i in range(settings["times"])) * a ** (b - settings["times"])
    if op is ops.same or (op is ops.negative and isinstance(a, Symbol) and a.op is ops.negative):
        return a if op is ops.same else a.operands[0]
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


def bracketed(x: Any, position: int, op: ops.Op) -> str:
    """An operand as it stands inside its operation, in brackets if its own sign holds less tightly."""
    text = x.text if isinstance(x, Symbol) else f"{x:g}" if isinstance(x, float) else str(x)
    binds = BINDS.get(op.name, ATOM)
    if binds == ATOM or (op is ops.xlogy and position):
        return text  # a call has brackets of its own
    own = BINDS.get(x.op.name, ATOM) if isinstance(x, Symbol) and x.op else ATOM
    negative = text.startswith("-")
    if negative and not isinstance(x, Symbol):
        own = BINDS["negative"]
    second = position == 1 or op is ops.reciprocal
    products = (ops.multiply, ops.divide, ops.ratio, ops.xlogy)
    chained = op is ops.add or (op is ops.multiply and getattr(x, "op", None) in products)
    loose = own < binds or (own == binds and (op is ops.power or (second and not chained)))
    return f"({text})" if loose or (negative and second) else text


def formulas(op: ops.Op, *letters: Any, g: Any = None) -> list[str | None]:
    """The rule of every operand, read on letters; None where there is no rule.

    A letter is a string, a Symbol or a plain number. `g` is what arrives from above: by default 1 where a rule works on
    single numbers, so that the partial derivatives come out, and the letter g where it works on whole arrays. Raises
    TypeError if there are more or fewer letters than operands.

    >>> formulas(ops.multiply, "a", "b"), formulas(ops.tanh, "x"), formulas(ops.power, "x", 3)
    (['b', 'a'], ['1 - y²'], ['3·x²', 'y·log(x)'])
    >>> formulas(ops.matmul, "A", "B")
    ['g @ Bᵀ', 'Aᵀ @ g']
    """
    if op.arity not in (None, len(letters)):
        raise TypeError(f"{op.name} has {op.arity} operand(s), not {len(letters)}.")
    if g is None:
        of_arrays = op in (ops.matmul, ops.linear, ops.cross_entropy) or (op.settings and op is not ops.slope)
        g = "g" if of_arrays or op.arity is None else 1
    shape = () if op.arity else (1,)  # what is joined along an axis needs one
    g, y, *operands = (Symbol(x, shape) if isinstance(x, str) else x for x in (g, "y", *letters))
    rules = [rule for rule, _ in zip(op.rules, operands, strict=False)]
    return [None if rule is None else str(rule(g, y, *operands, **op.settings)) for rule in rules]
