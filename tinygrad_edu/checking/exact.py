"""An oracle that knows no rule: the recorded operations on exact fractions, at a point and infinitely near to it.

This is how slopes were found before there were limits: move x by h, see how far the result moves, divide by h, and put
h = 0 in what is left. Done with letters it is exact, and done on both sides it sees every kink:

    f(x) = x²  at 3:   ((3 + h)² - 3²) / h  =  (6h + h²) / h  =  6 + h,   and 6 for h = 0

The operations are computed by the same functions of NumPy as ever, on arrays of objects: fractions, and `Near`. Nothing
here knows a derivative, nor what any operation is; one that does not compute with fractions (exp) is refused by NumPy,
and a result that is no longer exact is noticed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from ..backward import order
from ..value import Value

Polynomial = tuple[Fraction, ...]  # in h, the number without h first
ZERO, ONE = Fraction(0), Fraction(1)
DEGREE, BITS, WORK = 100, 20_000, 300_000  # of polynomials; of one fraction; operations on single numbers, in all


class InexactError(Exception):
    """The graph cannot be computed on fractions; the message says what stopped it."""


class Slopes(NamedTuple):
    """The slopes to the left and to the right, exactly; None where the result jumps."""

    left: Fraction | None
    right: Fraction | None

    @property
    def both(self) -> Fraction | None:
        """The derivative, if there is one."""
        return self.left if self.left == self.right else None


class Near:
    """A number infinitely near a fraction: one polynomial in h over another, h being above 0 and below every fraction.

    `bottom` begins with 1, so that `top` begins with the fraction itself.
    """

    __slots__ = ("bottom", "top")

    def __init__(self, top: Polynomial, bottom: Polynomial = (ONE,)) -> None:
        self.top, self.bottom = top, bottom

    def __add__(self, other: Any) -> Any:
        (a, p), (b, q) = parts(self), parts(other)
        if p != q:  # over a common denominator
            a, b, p = times(a, q), times(b, p), times(p, q)
        return near(tuple(c + d for c, d in zip_longest(a, b, fillvalue=ZERO)), p)

    def __mul__(self, other: Any) -> Any:
        (a, p), (b, q) = parts(self), parts(other)
        return near(times(a, b), times(p, q))

    def __pow__(self, n: Any) -> Any:
        if n.__class__ is Near or n != int(n):
            raise TypeError("Only whole powers of fractions are fractions.")
        if abs(n) > DEGREE:
            raise InexactError("the polynomials grow too long")
        result = math.prod([self] * abs(int(n)), start=ONE)
        return turned(result) if n < 0 else result

    # fmt: off
    __radd__, __rmul__ = __add__, __mul__
    def __neg__(self) -> Any:                  return Near(tuple(-c for c in self.top), self.bottom)
    def __pos__(self) -> Any:                  return self
    def __abs__(self) -> Any:                  return -self if self < 0 else self
    def __sub__(self, other: Any) -> Any:      return self + -other
    def __rsub__(self, other: Any) -> Any:     return -self + other
    def __truediv__(self, other: Any) -> Any:  return self * turned(other)
    def __rtruediv__(self, other: Any) -> Any: return turned(self) * other
    def __lt__(self, other: Any) -> bool:      return side(self - other) < 0
    def __le__(self, other: Any) -> bool:      return side(self - other) <= 0
    def __gt__(self, other: Any) -> bool:      return side(self - other) > 0
    def __ge__(self, other: Any) -> bool:      return side(self - other) >= 0
    def __eq__(self, other: Any) -> bool:      return side(self - other) == 0
    def __bool__(self) -> bool:                return side(self) != 0
    def __mod__(self, other: Any) -> Any:      return self - other * (self // other)
    def __rmod__(self, other: Any) -> Any:     return other - self * (other // self)
    def __floordiv__(self, other: Any) -> int: return floor(self / other)
    def __rfloordiv__(self, other: Any) -> int: return floor(other / self)
    def __floor__(self) -> int:                return floor(self)
    def __ceil__(self) -> int:                 return -floor(-self)
    def __trunc__(self) -> int:                return floor(self) if self > 0 else -floor(-self)
    # fmt: on


def near(top: Polynomial, bottom: Polynomial) -> Any:
    """A Near in its standard form, or a Fraction if no h is left."""
    if not bottom[0]:
        raise ZeroDivisionError
    if len(top) + len(bottom) > DEGREE:
        raise InexactError("the polynomials grow too long")
    if bottom[0] != 1:
        top, bottom = (tuple(c / bottom[0] for c in p) for p in (top, bottom))
    top, bottom = (p[: 1 + max((i for i, c in enumerate(p) if c), default=0)] for p in (top, bottom))
    return Near(top, bottom) if len(top) + len(bottom) > 2 else top[0]


def parts(x: Any) -> tuple[Polynomial, Polynomial]:
    """The two polynomials of an exact number; TypeError for any other, above all a float."""
    if x.__class__ is Near:
        return x.top, x.bottom
    if isinstance(x, Fraction | int):
        return (Fraction(x),), (ONE,)
    raise TypeError(f"{type(x).__name__} is not exact.")


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    """Two polynomials multiplied out."""
    return tuple(np.convolve(np.array(p, object), np.array(q, object)))


def turned(x: Any) -> Any:
    """1 / x; ZeroDivisionError if x is 0, or infinitely near it."""
    top, bottom = parts(x)
    return near(bottom, top)


def side(x: Any) -> int:
    """-1, 0 or 1: the sign of a number, which its first part that is not 0 has."""
    first = next((c for c in parts(x)[0] if c), ZERO)
    return (first > 0) - (first < 0)


def floor(x: Any) -> int:
    """The largest whole number that is not above an exact number."""
    below = math.floor(parts(x)[0][0])
    return below - 1 if x < below else below


class Exactly:
    """A recorded graph on exact numbers: `points` are those of the leaves, `weights` those of a sum over the result.

    What Python decided while it was recorded (which branch, which condition of `where`) stays as it was. Raises
    InexactError if the graph is too large, or if an operation does not compute with fractions.

    >>> x = Value(3.0)
    >>> Exactly(1 / x**2, [x], [np.array(3.0)]).slopes(0, ()).both
    Fraction(-2, 27)
    """

    def __init__(
        self, root: Value, leaves: Sequence[Value], points: Sequence[Any], weights: Any = 1.0, places: int = 1
    ) -> None:
        self.root, self.leaves, self.weights = root, leaves, exact(weights)
        self.nodes = order(root)[::-1] if root.requires_grad else []
        if sum(map(work, self.nodes)) * (1 + 2 * places) > WORK:
            raise InexactError("the graph is too large for them")
        self.numbers = {x: exact(point) for x, point in zip(leaves, points, strict=True)}
        if not self.nodes:
            self.numbers.setdefault(root, exact(root._data))
        self.value = self.run(self.numbers, self.nodes)

    def run(self, numbers: dict[Any, Any], nodes: Sequence[Value]) -> Any:
        """Compute these nodes and add them to the numbers; the result, as one number."""
        for node in nodes:
            pairs = zip(node.operands, node.numbers, strict=True)
            operands = [numbers[x] if isinstance(x, Value) and x in numbers else exact(n) for x, n in pairs]
            numbers[node] = computed(node, operands)
        return np.sum(numbers[self.root] * self.weights) + ZERO

    def slopes(self, leaf: int, index: tuple[int, ...]) -> Slopes:
        """The slopes for one element of one leaf; only what depends on it is computed again."""
        moved = self.leaves[leaf]
        nodes = order(self.root, [moved])[::-1] if self.nodes else []
        if not nodes and moved is not self.root:
            return Slopes(ZERO, ZERO)
        found = list[Fraction | None]()
        for way in (-1, 1):
            x = self.numbers[moved].copy()
            x[index] = Near((x[index], Fraction(way)))
            here, *steep = parts(self.run({**self.numbers, moved: x}, nodes) - self.value)[0]
            found.append(None if here else way * sum(steep[:1], ZERO))  # divided by h, and 0 put in for h
        return Slopes(*found)


def work(node: Value) -> int:
    """How many operations on single numbers a node takes, about."""
    sizes = [int(np.size(x)) for x in (*node.numbers, node._data)]
    return math.isqrt(math.prod(sizes[:2]) * sizes[-1]) if "@" in node.op.written else max(sizes)  # type: ignore[union-attr]


def exact(x: Any) -> Any:
    """Floats as an array of the fractions that they are; whole numbers and truth values, which choose, as they are."""
    if isinstance(x, float | Fraction) or getattr(getattr(x, "dtype", None), "kind", "") in ("f", "O"):
        return each(fraction, x)
    return x


def each(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    """An array of objects: what a function gives for each number in an array."""
    return np.asarray(np.frompyfunc(f, 1, 1)(np.asarray(x, object)), object)


def fraction(x: Any) -> Fraction:
    """A float as the fraction that it is."""
    try:
        return x if isinstance(x, Fraction) else Fraction(float(x))
    except (ValueError, OverflowError):
        raise InexactError(f"{x} is no fraction") from None


def rounded(x: Fraction) -> float:
    """The float nearest to a fraction; inf if it is too large for one."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def computed(node: Value, operands: list[Any]) -> np.ndarray:
    """What a node computes for exact operands, as an array of exact numbers."""
    op: Any = node.op
    if op.name == "power" and largest(operands[0]) * np.max(np.abs(node.numbers[1]), initial=0) > BITS:
        raise InexactError("the fractions grow too long")
    settings = {key: setting(node, key, x) for key, x in node.settings.items()}
    try:
        with np.errstate(all="ignore"):
            result = each(admitted, op.compute(*operands, **settings))
    except InexactError:
        raise
    except ZeroDivisionError:
        raise InexactError(f"{op.name} divides by 0") from None
    except Exception:  # whatever NumPy, or somebody's own operation, does with objects
        raise InexactError(f"fractions cannot pass through {op.name}") from None
    if result.shape != node.shape:
        raise InexactError(f"{op.name} gives another shape for fractions")
    if largest(result) > BITS:
        raise InexactError("the fractions grow too long")
    return result


def admitted(x: Any) -> Any:
    """An exact number as it is, or a whole one as a Fraction; TypeError for any other."""
    return x if x.__class__ is Near else parts(int(x) if isinstance(x, np.integer | np.bool) else x)[0][0]


def setting(node: Value, key: str, x: Any) -> Any:
    """A named argument that a computation on fractions does not round by."""
    if isinstance(x, float) and math.isfinite(x):
        return Fraction(x)
    if key == "dtype" and x is not None:
        if np.result_type(x, *[n for n in node.numbers if np.shape(n)]) != x:
            raise InexactError(f"it is rounded to {np.dtype(x)} on the way")
        return np.dtype(object)
    return x


def largest(x: Any) -> int:
    """The bits of the longest whole number in an array of exact numbers."""
    every = (c for number in np.ravel(np.asarray(x, object)) for p in parts(number) for c in p)
    return max((max(c.numerator.bit_length(), c.denominator.bit_length()) for c in every), default=0)
