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
from collections.abc import Sequence
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
    __hash__ = None  # type: ignore[assignment]  # nothing is looked up by it

    def __init__(self, top: Polynomial, bottom: Polynomial = (ONE,)) -> None:
        self.top, self.bottom = top, bottom

    # fmt: off
    def __add__(self, other: Any) -> Any:      return added(self, other)
    def __radd__(self, other: Any) -> Any:     return added(self, other)
    def __sub__(self, other: Any) -> Any:      return added(self, -other)
    def __rsub__(self, other: Any) -> Any:     return added(-self, other)
    def __mul__(self, other: Any) -> Any:      return multiplied(self, other)
    def __rmul__(self, other: Any) -> Any:     return multiplied(self, other)
    def __truediv__(self, other: Any) -> Any:  return multiplied(self, turned(other))
    def __rtruediv__(self, other: Any) -> Any: return multiplied(turned(self), other)
    def __pow__(self, n: Any) -> Any:          return raised(self, n)
    def __neg__(self) -> Any:                  return Near(tuple(-c for c in self.top), self.bottom)
    def __pos__(self) -> Any:                  return self
    def __abs__(self) -> Any:                  return -self if self < 0 else self
    def __lt__(self, other: Any) -> bool:      return side(self - other) < 0
    def __le__(self, other: Any) -> bool:      return side(self - other) <= 0
    def __gt__(self, other: Any) -> bool:      return side(self - other) > 0
    def __ge__(self, other: Any) -> bool:      return side(self - other) >= 0
    def __eq__(self, other: Any) -> bool:      return side(self - other) == 0
    def __bool__(self) -> bool:                return side(self) != 0
    def __floordiv__(self, other: Any) -> int: return floor(self / other)
    def __rfloordiv__(self, other: Any) -> int: return floor(other / self)
    def __mod__(self, other: Any) -> Any:      return self - other * (self // other)
    def __rmod__(self, other: Any) -> Any:     return other - self * (other // self)
    def __ceil__(self) -> int:                 return -floor(-self)
    def __trunc__(self) -> int:                return floor(self) if self > 0 else -floor(-self)
    def __floor__(self) -> int:                return floor(self)
    # fmt: on

    def __repr__(self) -> str:
        return f"{' + '.join(f'{c}·h^{i}' for i, c in enumerate(self.top))} over {self.bottom}"


def near(top: Polynomial, bottom: Polynomial) -> Any:
    """A Near in its standard form, or a Fraction if no h is left."""
    if not bottom[0]:
        raise ZeroDivisionError
    if len(top) + len(bottom) > DEGREE:
        raise InexactError("the polynomials grow too long")
    if bottom[0] != 1:
        top, bottom = (tuple(c / bottom[0] for c in p) for p in (top, bottom))
    while len(top) > 1 and not top[-1]:
        top = top[:-1]
    while len(bottom) > 1 and not bottom[-1]:
        bottom = bottom[:-1]
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
    result = [ZERO] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return tuple(result)


def added(x: Any, y: Any) -> Any:
    """x + y, over a common denominator."""
    (a, p), (b, q) = parts(x), parts(y)
    if p != q:
        a, b, p = times(a, q), times(b, p), times(p, q)
    return near(tuple(c + d for c, d in zip_longest(a, b, fillvalue=ZERO)), p)


def multiplied(x: Any, y: Any) -> Any:
    """x · y."""
    (a, p), (b, q) = parts(x), parts(y)
    return near(times(a, b), times(p, q))


def turned(x: Any) -> Any:
    """1 / x; ZeroDivisionError if x is 0, or infinitely near it."""
    top, bottom = parts(x)
    return near(bottom, top)


def raised(x: Any, n: Any) -> Any:
    """x to a power that is a whole number; TypeError for any other."""
    if n.__class__ is Near or n != int(n):
        raise TypeError("Only whole powers of fractions are fractions.")
    if abs(n) > DEGREE:
        raise InexactError("the polynomials grow too long")
    result: Any = ONE
    for _ in range(abs(int(n))):
        result = result * x
    return turned(result) if n < 0 else result


def side(x: Any) -> int:
    """-1, 0 or 1: the sign of a number, which its first part that is not 0 has."""
    first = next((c for c in parts(x)[0] if c), ZERO)
    return (first > 0) - (first < 0)


def floor(x: Any) -> int:
    """The largest whole number that is not above an exact number."""
    below = math.floor(parts(x)[0][0])
    return below - 1 if x < below else below


def slope(here: Any, there: Any) -> Fraction | None:
    """(there - here) / h with h = 0 put in, or None if there is more than h between the two."""
    top, _ = parts(there - here)
    if top[0]:
        return None
    return top[1] if len(top) > 1 else ZERO  # without its first h, at h = 0, over a polynomial that is 1 there


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
        self.root, self.leaves = root, leaves
        self.nodes = order(root)[::-1] if root.requires_grad else []
        if sum(map(work, self.nodes)) * (1 + 2 * places) > WORK:
            raise InexactError("the graph is too large for them")
        self.weights = exact(weights)
        self.numbers: dict[Any, Any] = {x: exact(point) for x, point in zip(leaves, points, strict=True)}
        self.constants = {
            node: [None if self.computes(x) else exact(n) for x, n in zip(node.operands, node.numbers, strict=True)]
            for node in self.nodes
        }
        if not self.nodes and root not in self.numbers:
            self.numbers[root] = exact(root._data)
        self.value = self.run(self.numbers, self.nodes)

    def computes(self, x: Any) -> bool:
        """Whether an operand is a leaf that may move, or a result; else it is a constant."""
        return isinstance(x, Value) and (x.op is not None or x in self.numbers)

    def run(self, numbers: dict[Any, Any], nodes: Sequence[Value]) -> Any:
        """Compute these nodes and add them to the numbers; the result, as one number."""
        for node in nodes:
            operands = [
                numbers[x] if self.computes(x) else number
                for x, number in zip(node.operands, self.constants[node], strict=True)
            ]
            numbers[node] = computed(node, operands)
        return np.sum(numbers[self.root] * self.weights) + ZERO

    def slopes(self, leaf: int, index: tuple[int, ...]) -> Slopes:
        """The slopes for one element of one leaf."""
        moved = self.leaves[leaf]
        nodes = order(self.root, [moved])[::-1] if self.nodes else []
        return Slopes(*[self.slope(moved, index, nodes, Fraction(way)) for way in (-1, 1)])

    def slope(self, leaf: Value, index: tuple[int, ...], nodes: Sequence[Value], way: Fraction) -> Fraction | None:
        """The slope on one side; only what depends on the leaf is computed again."""
        if not nodes and leaf is not self.root:
            return ZERO
        x = self.numbers[leaf].copy()
        x[index] = Near((x[index], way))
        steep = slope(self.value, self.run({**self.numbers, leaf: x}, nodes))
        return None if steep is None else steep * way


def work(node: Value) -> int:
    """How many operations on single numbers a node takes, about."""
    sizes = [int(np.size(x)) for x in (*node.numbers, node._data)]
    return math.isqrt(math.prod(sizes[:2]) * sizes[-1]) if "@" in node.op.written else max(sizes)  # type: ignore[union-attr]


def exact(x: Any) -> Any:
    """A number or array as an array of fractions; whole numbers and truth values, which choose, as they are."""
    if x is None or isinstance(x, bool | int):
        return x
    if isinstance(x, float | Fraction):
        x = np.array(fraction(x), object)
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fO":
        return x
    result = np.empty(x.shape, object)
    for index, number in np.ndenumerate(x):
        result[index] = fraction(number)
    return result


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
    if op.name == "power" and largest(operands[0]) * largest_size(operands[1]) > BITS:
        raise InexactError("the fractions grow too long")
    settings = {key: setting(node, key, x) for key, x in node.settings.items()}
    try:
        with np.errstate(all="ignore"):
            found = op.compute(*operands, **settings)
    except InexactError:
        raise
    except ZeroDivisionError:
        raise InexactError(f"{op.name} divides by 0") from None
    except Exception:  # whatever NumPy, or somebody's own operation, does with objects
        raise InexactError(f"fractions cannot pass through {op.name}") from None
    result = np.empty(np.shape(found), object)
    for index, number in np.ndenumerate(np.asarray(found, object)):
        if not isinstance(number, Near | Fraction | int | np.integer | np.bool):
            raise InexactError(f"fractions cannot pass through {op.name}")
        result[index] = number if isinstance(number, Near | Fraction) else Fraction(int(number))
    if result.shape != node.shape:
        raise InexactError(f"{op.name} gives another shape for fractions")
    if largest(result) > BITS:
        raise InexactError("the fractions grow too long")
    return result


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


def largest_size(x: Any) -> int:
    """The size of the largest exponent; of one that moves, that where it stands."""
    return max((abs(math.ceil(parts(number)[0][0])) for number in np.ravel(np.asarray(x, object))), default=0)
