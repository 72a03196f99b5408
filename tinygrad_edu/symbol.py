"""Symbols: letters instead of numbers. The same rules, given letters, write the formulas of the calculus book."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from . import kernels, ops
from .notation import CONSTANTS, LATEX, MATHML, NOTATIONS, PYTHON, TEXT, Name, Notation, whole, write
from .operators import Operators
from .protocol import answer

STRUCTURE = {"axis", "axes", "shape", "index", "subscripts", "kth"}  # settings of what works on whole arrays


class Symbol(Operators):
    """A letter, or a formula of letters, with a shape; operations on it are written down, not computed.

    A formula has its outermost operation as `op`, what that stands between as `operands`, and its `settings`; a letter
    has a `name`, which may be that of a gradient (a Derivative) or of one number of an array (an Element). Without a
    shape it is a number, or an array of which none is known. Raises ValueError (IndexError for an index) where the
    shapes of an operation do not fit, and TypeError where a formula is asked whether it is true.

    >>> g, y = Symbol("g"), Symbol("y")
    >>> print(g * (1 - y**2))
    g·(1 - y²)
    >>> (g / y).latex(), (g @ y.T).python()
    ('\\\\frac{g}{y}', 'g @ y.T')
    """

    __slots__ = ("name", "op", "operands", "settings", "shape")
    __array_priority__ = 1000  # array * symbol asks the symbol

    def __init__(
        self, name: Name, shape: tuple[int, ...] = (), op: ops.Op | None = None, operands: tuple[Any, ...] = (),
        settings: dict[str, Any] = ops.NOTHING,
    ) -> None:  # fmt: skip
        self.name, self.shape, self.op, self.operands, self.settings = name, shape, op, operands, settings

    ndim = property(lambda self: len(self.shape), doc="The number of axes.")
    size = property(lambda self: math.prod(self.shape), doc="The number of elements.")
    T = property(lambda self: ops.transpose(self), doc="The axes in reverse order.")

    def apply_op(self, op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any] = ops.NOTHING) -> Any:
        operands = tuple(x if isinstance(x, Symbol) or ops.shape(x) else kernels.number(x) for x in operands)
        shape = result_shape(op, operands, settings)
        operands = not_repeated(op, operands, shape)
        settings = normal(op, operands, settings, shape)
        simple = simpler(op, operands, settings, shape)
        return Symbol("", shape, op, operands, settings) if simple is None else simple

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        return answer(ufunc, inputs, settings, "" if method == "__call__" else f".{method}")

    def __array_function__(self, function: Any, types: Any, args: Any, settings: Any) -> Any:
        return answer(function, args, settings)

    def __str__(self) -> str:
        return write(self, TEXT)[0]

    __repr__ = __str__

    def latex(self) -> str:
        """The formula in LaTeX, for math mode."""
        return write(self, LATEX)[0]

    def python(self) -> str:
        """The formula in Python: NumPy's functions as np, the rows that NumPy has not by their names."""
        return write(self, PYTHON)[0]

    def mathml(self) -> str:
        """The formula as a <math> element for a page in HTML."""
        return whole(self, MATHML)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError(f"{self} has no parts to iterate over.")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        raise TypeError(f"The formula {self} is neither true nor false.")


# -- shapes ------------------------------------------------------------------------------------------------------------


def result_shape(op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> tuple[int, ...]:
    """The shape of what an operation gives; where letters without a shape do not allow to know it, the likeliest."""
    shapes = [ops.shape(x) for x in operands]
    if not any(shapes) and not of_arrays(op):
        return ()
    try:
        return tried(op, operands, settings)
    except Exception as error:  # whatever an operation, maybe of one's own, says to operands that do not fit
        if all(ops.shape(x) for x in operands if isinstance(x, Symbol)):
            kind = IndexError if isinstance(error, IndexError) else ValueError
            raise kind(f"{op.name} of shapes {', '.join(map(str, shapes))}: {error}") from None
    shape = settings.get("shape")
    return shape if isinstance(shape, tuple) else max(shapes, key=len)


def tried(op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> tuple[int, ...]:
    """The shape that comes out when the operation is tried: on ones, on identity matrices, or else on whole zeros."""
    if isinstance(op.compute, np.ufunc) and op.compute.signature is None:
        return np.broadcast_shapes(*map(ops.shape, operands))

    def on(number: Any) -> tuple[int, ...]:
        return np.shape(op.compute(*[stand_in(x, number) for x in operands], **settings))

    with np.errstate(all="ignore"):
        try:
            return on(np.float64(1))
        except Exception:
            return on(np.intp(0))


def stand_in(x: Any, number: Any) -> Any:
    """An array of the shape of a letter."""
    if not isinstance(x, Symbol):
        return x
    square = number and x.ndim > 1 and x.shape[-1] == x.shape[-2]
    return np.broadcast_to(np.eye(x.shape[-1]) if square else number, x.shape)


def normal(op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """The settings as they are shown: without what makes no difference, a shape in full, axes counted from 0."""
    if not settings:
        return settings
    x = operands[0]
    if not ops.shape(x) and settings.get("keepdims"):
        return {**settings, "axis": op.settings["axis"], "keepdims": False}
    if op is ops.reshape:
        return {"shape": shape}
    if op is ops.transpose:
        n = max(ops.ndim(x), 2)
        axes = [*range(n)][::-1] if settings["axes"] is None else [i % n for i in settings["axes"]]
        return {"axes": None if axes == [1, 0] else tuple(axes)}
    return settings


# -- simpler formulas --------------------------------------------------------------------------------------------------


def simpler(op: ops.Op, operands: tuple[Any, ...], settings: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """What a person writes instead: x for 1·x, x¹, x + 0 and --x, 6·x for 2·(3·x); None if nothing is simpler."""
    a, b = (*operands, None, None)[:2]
    match op.name, plain(a), plain(b):
        case ("multiply", 1, _) | ("add", 0, _):
            return b
        case ("multiply" | "divide" | "power", _, 1) | ("add" | "subtract", _, 0) | ("same", _, _):
            return a
        case ("multiply", 0, _) | ("multiply", _, 0) | ("divide" | "ratio", 0, _):
            return 0
        case ("power", _, 0):
            return 1
        case ("subtract", 0, _):
            return -b
        case ("slope", _, n) if n is not None:
            return math.prod(n - i for i in range(settings["times"])) * a ** (n - settings["times"])
        case ("multiply", _, n) if n is not None and abs(n) not in CONSTANTS:
            return b * a
        case ("negative", _, _):
            return opposite(a)
        case ("add", _, _) if (less := opposite(b)) is not None:
            return a - less
        case ("subtract", _, _) if (more := opposite(b)) is not None:
            return a + more
        case ("multiply" | "divide" | "ratio" | "matmul", _, _):
            return signs_and_numbers(op, a, b)
    return same_numbers(op, a, settings, shape) if settings else None


def plain(x: Any) -> Any:
    """A plain number as it is, None for anything else."""
    return x if isinstance(x, int | float | Fraction) else None


def opposite(x: Any) -> Any:
    """What `x` is the negative of: 2 for -2, y for -y; None if it has no minus in front."""
    if isinstance(x, Symbol):
        return x.operands[0] if x.op is ops.negative else None
    return -x if plain(x) is not None and x < 0 else None


def not_repeated(op: ops.Op, operands: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Operands before they were repeated to a shape, or given axes in front, where that comes about by itself."""
    if not shape or op.name not in ("add", "subtract", "multiply", "divide", "ratio", "broadcast_to"):
        return operands
    to = shape if op is ops.broadcast_to else ()
    for i, x in enumerate(operands):
        if getattr(x, "op", None) in (ops.broadcast_to, ops.reshape, ops.expand_dims):
            before = x.operands[0]
            fewer = (*operands[:i], before, *operands[i + 1 :])
            in_front = x.op is ops.broadcast_to or x.shape == (1,) * (x.ndim - before.ndim) + before.shape
            if in_front and np.broadcast_shapes(to, *map(ops.shape, fewer)) == shape:
                operands = fewer
    return operands


def signs_and_numbers(op: ops.Op, a: Any, b: Any) -> Any:
    """The minus of a factor in front of the product, the numbers of two factors as one where that is exact."""
    c, d = opposite(a), opposite(b)
    if c is not None or d is not None:
        product = op(a if c is None else c, b if d is None else d)
        return product if None not in (c, d) else -product
    (m, x), (n, y) = factor(a), factor(b)
    exact = op is ops.multiply and 1 not in (m, n) and math.isfinite(m * n) and Fraction(m) * Fraction(n) == m * n
    return (m * n) * (x * y) if exact else None


def factor(x: Any) -> tuple[Any, Any]:
    """A product as its number and the rest: (3, y) for 3·y, (3, 1) for 3; a number with a name is not taken apart."""
    if isinstance(x, Symbol):
        number = plain(x.operands[0]) if x.op is ops.multiply else None
        return (1, x) if number is None or number in CONSTANTS else x.operands
    return (1, x) if plain(x) is None or x in CONSTANTS else (x, 1)


def same_numbers(op: ops.Op, x: Any, settings: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """What changes nothing but the shape, and not even that, or twice."""
    inner, everything = getattr(x, "op", None), isinstance(settings.get("index"), tuple) and not settings["index"]
    if op is ops.transpose:
        axes = settings["axes"] or (1, 0)
        if inner is op:
            x, axes = x.operands[0], tuple((x.settings["axes"] or (1, 0))[i] for i in axes)
        return x if x.ndim == 1 or axes == (*range(len(axes)),) else op(x, axes=axes) if inner is op else None
    if op in (ops.reshape, ops.squeeze, ops.broadcast_to, ops.sum_to) or everything:
        if shape == x.shape:
            return x
        shapes = (ops.reshape, ops.squeeze, ops.expand_dims)
        if (op is ops.reshape and inner in shapes) or (op in (ops.broadcast_to, ops.sum_to) and inner is op):
            return op(x.operands[0], **settings)
    return None


# -- formulas ----------------------------------------------------------------------------------------------------------


def formulas(
    op: ops.Op, *letters: Any, g: Any = None, notation: str | Notation = "text", **settings: Any
) -> list[str | None]:
    """The rule of every operand, read on letters; None where there is no rule.

    A letter is a string, a Symbol (with a shape, where that matters) or a number; `g`, what arrives from above, too. It
    is by default 1 where a rule works on single numbers, so that the partial derivatives come out, and the letter g
    where it works on whole arrays. The notation is "text", "latex", "python" or "mathml". Raises TypeError if there are
    more or fewer letters than operands.

    >>> formulas(ops.multiply, "a", "b"), formulas(ops.tanh, "x"), formulas(ops.power, "x", 3)
    (['b', 'a'], ['1 - y²'], ['3·x²', 'y·log(x)'])
    >>> formulas(ops.matmul, "A", "B"), formulas(ops.sum, Symbol("x", (2, 3)), axis=1)
    (['g @ Bᵀ', 'Aᵀ @ g'], ['broadcast_to(reshape(g, (2, 1)), (2, 3))'])
    >>> formulas(ops.divide, "a", "b", notation="latex"), formulas(ops.sin, "x", g="g", notation="python")
    (['\\\\frac{1}{b}', '-\\\\frac{y}{b}'], ['g * np.cos(x)'])
    """
    if not isinstance(op, ops.Op):
        raise TypeError(
            f"{op!r} is no row of the table; what is composed of rows shows them on a letter: f(Symbol('x'))."
        )
    if isinstance(notation, str) and notation not in NOTATIONS:
        raise ValueError(f"The notation is one of {', '.join(NOTATIONS)}, not {notation!r}.")
    if unknown := settings.keys() - op.settings.keys():
        raise TypeError(f"{op.name} has no setting {', '.join(sorted(unknown))}.")
    if op.arity not in (None, len(letters)):
        raise TypeError(f"{op.name} has {op.arity} operand(s), not {len(letters)}.")
    settings = {**op.settings, **settings}
    shape = () if op.arity else (1,)  # what is joined along an axis needs one
    operands = tuple(Symbol(x, shape) if isinstance(x, str) else x for x in letters)
    y = Symbol("y", result_shape(op, operands, settings))
    g = ("g" if of_arrays(op) else 1) if g is None else g
    if isinstance(g, str) or (isinstance(g, Symbol) and not g.op and not g.shape):
        g = Symbol(g if isinstance(g, str) else g.name, y.shape)
    style = NOTATIONS[notation] if isinstance(notation, str) else notation
    rules = [rule for rule, _ in zip(op.rules, operands)]
    return [None if rule is None else whole(rule(g, y, *operands, **settings), style) for rule in rules]


def applied(op: ops.Op, operands: list[Any], settings: dict[str, Any]) -> Any:
    """An operation on operands of whatever kind; one that joins any number of them takes a list."""
    return op(*operands, **settings) if op.arity else op(operands, **settings)


@cache
def of_arrays(op: ops.Op) -> bool:
    """Whether an operation works on whole arrays, not number by number."""
    if op.arity is None or not STRUCTURE.isdisjoint(op.settings):
        return True
    try:
        return bool(tried(op, (Symbol("x"),) * op.arity, op.settings))
    except Exception:
        return True
