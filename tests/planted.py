"""Functions with a known verdict: right ones, hard ones, and mistakes planted on purpose, one line each.

A line is `Planted(name, f, inputs, verdict, kind, options, rules)`. The verdict is what is true of the function, not
what some checker happens to say; where two words are both true of it they stand side by side ("ok|rounding": known to
rounding). `kind` is the kind of mistake, where one is clearly meant. `rules` are the rows that are broken meanwhile:
(row, operand, rule). A function with a memory of its own is made afresh for each check by `Made`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import Value, matrices, ops, rows

Rule = Callable[..., Any]


class Planted(NamedTuple):
    """One line: what is checked, and what is true of it."""

    name: str
    f: Any
    inputs: tuple[Any, ...]
    verdict: str
    kind: str = ""
    options: dict[str, Any] = {}  # noqa: RUF012  # never written to
    rules: tuple[tuple[ops.Op, int, Rule], ...] = ()


class Made(NamedTuple):
    """A function with a memory, or a row of its own: made anew for each check."""

    make: Callable[[], Callable[..., Any]]


@contextlib.contextmanager
def standing(case: Planted) -> Iterator[Any]:
    """The function of a case, while its broken rules and its own rows are in the table."""
    table, answers, before = dict(ops.TABLE), dict(ops.ANSWERS), [(row, row.rules) for row, *_ in case.rules]
    try:
        for row, operand, rule in case.rules:
            row.rules = with_rule(row, operand, rule)
        yield case.f.make() if isinstance(case.f, Made) else case.f
    finally:
        for row, rules in reversed(before):
            row.rules = rules
        for registry, kept in ((ops.TABLE, table), (ops.ANSWERS, answers)):
            registry.clear()
            registry.update(kept)


def with_rule(row: ops.Op, operand: int, rule: Rule) -> Any:
    """The rules of a row with one of them exchanged."""
    if isinstance(row.rules, ops.Each):
        each = row.rules.each
        return ops.Each(lambda i: rule if i == operand else each(i))
    return tuple(rule if i == operand else old for i, old in enumerate(row.rules))


def right(name: str, f: Any, *inputs: Any, verdict: str = "ok", **options: Any) -> Planted:
    return Planted(name, f, inputs, verdict, options=options)


def wrong(name: str, f: Any, *inputs: Any, kind: str = "", rules: Any = (), **options: Any) -> Planted:
    return Planted(name, f, inputs, "wrong", kind, options, tuple(rules))


V = np.array([0.3, -0.8, 1.4])
U = np.array([1.2, 0.7, -0.5])
P = np.array([0.6, 1.1, 2.3])  # positive
M = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
S = np.array([[2.0, 0.5, -0.3], [0.4, 3.0, 0.8], [-0.6, 0.2, 4.0]])  # square, invertible, not symmetric
Q = np.array([[0.7, -1.2, 0.4], [1.9, 0.1, -0.8], [0.3, 2.2, -1.5]])
D = S @ S.T + np.eye(3)  # positive definite
LONG = np.linspace(-1.3, 1.7, 300)
MANY = np.random.default_rng(9).normal(size=3000)
R = np.random.default_rng(7)
X53, W34, W42 = R.normal(size=(5, 3)), R.normal(size=(3, 4)), R.normal(size=(4, 2))
X503 = R.normal(size=(50, 3)) / 7
LABELS = np.array([0, 1, 1, 0, 1])
f32 = np.float32


def data(x: Any) -> Any:
    """The bare numbers: what a rule must not use."""
    return x.data if isinstance(x, Value) else x


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def repeated(f: Any, times: int) -> Any:
    def many(x: Any) -> Any:
        for _ in range(times):
            x = f(x)
        return x

    return many


def network(x: Any, a: Any, b: Any) -> Any:
    return tg.log_softmax(tg.tanh(x @ a) @ b, axis=-1).mean()


# -- right, and easy or hard to see ------------------------------------------------------------------------------------

RIGHT = [
    right("a cube", lambda x: x**3, 2.0),
    right("the identity", lambda x: x, 4.0),
    right("an integer input", lambda x: x**2, 3),
    right("a list as input", lambda x: (x**2).sum(), [1.0, 2.0]),
    right("a fixed factor", lambda x: -3 * x, V),
    right("tanh of a steep line, on the slope", lambda x: tg.tanh(1e5 * x), 0.0),
    right("tanh of a steep line, at the shoulder", lambda x: tg.tanh(1e5 * x), 5e-6),
    right("tanh of a steep line, saturated", lambda x: tg.tanh(1e5 * x), 1.0),
    right("tanh of a steep line through |x|", lambda x: tg.tanh(tg.abs(1e5 * x)), 5e-6),
    right("log close to 0", tg.log, 1e-9),
    right("log next to 0", tg.log, 1e-300),
    right("log of |x| close to 0", lambda x: tg.log(tg.abs(x)), -1e-9),
    right("exp far out", tg.exp, 30.0),
    right("exp far down", tg.exp, -30.0),
    right("exp of |x| far out", lambda x: tg.exp(tg.abs(x)), 30.0),
    right("a fast sine", lambda x: tg.sin(1e3 * x), 0.3),
    right("a very fast sine", lambda x: tg.sin(1e6 * x), 0.3),
    right("a fast sine of |x|", lambda x: tg.sin(1e3 * tg.abs(x)), 0.3),
    right("a high power of a small number", lambda x: x**7, 1e-3),
    right("a flat minimum", lambda x: (x - 1) ** 4, 1.0),
    right("a parabola on a plateau", lambda x: 1e6 + x**2, 0.7, verdict="ok|rounding"),
    right("a parabola of |x| on a plateau", lambda x: 1e6 + tg.abs(x) ** 2, 0.7, verdict="ok|rounding"),
    right("a parabola of |x| on a high plateau", lambda x: 1e12 + tg.abs(x) ** 2, 0.7, verdict="ok|rounding"),
    right("1e8 added and taken away", lambda x: (1e8 + x) - 1e8, 0.3, verdict="ok|rounding"),
    right("1e12 added to |x| and taken away", lambda x: (1e12 + tg.abs(x)) - 1e12, 0.3, verdict="ok|rounding"),
    right("1e15 added to |x| and taken away", lambda x: (1e15 + tg.abs(x)) - 1e15, 0.3, verdict="ok|rounding"),
    right("1 - cos(x) over x squared, cancelling", lambda x: (1 - tg.cos(x)) / x**2, 0.01, verdict="ok|rounding"),
    right("a difference of large squares", lambda x: (1e7 + x) ** 2 - 1e14, 0.5, verdict="ok|rounding"),
    right("exp(x) - 1 close to 0", lambda x: (tg.exp(x) - 1) * 1e10, 1e-10, verdict="ok|rounding"),
    right("sqrt close to 0", tg.sqrt, 1e-12),
    right("sqrt next to 0", tg.sqrt, 1e-300),
    right("sqrt of |x| close to 0", lambda x: tg.sqrt(tg.abs(x)), 1e-12),
    right("a huge slope", lambda x: 1e150 * x, 1.0),
    right("a huge slope of |x|", lambda x: 1e150 * tg.abs(x), 1.0),
    right("a tiny slope", lambda x: 1e-150 * x, 1.0),
    right("the square of a huge number", lambda x: x**2, 1e150),
    right("the square of a huge |x|", lambda x: tg.abs(x) ** 2, 1e150),
    right("the square of a tiny number", lambda x: x**2, 1e-150),
    right("a huge input", lambda x: 3 * x, 1e300),
    right("one over a small number", lambda x: 1 / x, 1e-8),
    right("one over a tiny number", lambda x: 1 / x, 1e-150),
    right("x log x close to 0", lambda x: x * tg.log(x), 1e-5),
    right("log1p at the edge", tg.log1p, -1 + 1e-9, verdict="ok|rounding"),
    right("tan close to its pole", tg.tan, np.pi / 2 - 1e-6, verdict="ok|rounding"),
    right("arcsin close to 1", tg.arcsin, 1 - 1e-8, verdict="ok|rounding"),
    right("arctanh close to 1", tg.arctanh, 1 - 1e-8, verdict="ok|rounding"),
    right("sigmoid far out on both sides", tg.sigmoid, np.array([-800.0, 800.0])),
    right("softplus far out on both sides", tg.softplus, np.array([-800.0, 0.1, 800.0])),
    right("silu and gelu", lambda x: tg.silu(x) + tg.gelu(x), V),
    right("a bell far from its top", lambda x: tg.exp(-(x**2)), np.array([0.5, 6.0, 26.0])),
    right("Rosenbrock's valley, at its minimum", rosenbrock, np.array([1.0, 1.0])),
    right("Rosenbrock's valley, at the start", rosenbrock, np.array([-1.2, 1.0])),
    right("Rosenbrock's valley, far out", rosenbrock, np.array([-120.0, 80.0])),
    right("fifty tanh in a chain", repeated(tg.tanh, 50), 0.8),
    right("thirty doublings by x + x", repeated(lambda x: x + x, 30), 0.7),
    right("ten squarings", repeated(tg.square, 10), 1.001),
    right("the logistic map, chaotic", repeated(lambda x: 3.9 * x * (1 - x), 20), 0.3, verdict="ok|rounding"),
    right("softmax", lambda x: tg.softmax(x, axis=-1), M),
    right("softmax of large numbers", tg.softmax, np.array([1000.0, 1001.0, 999.0])),
    right("log_softmax", tg.log_softmax, M),
    right("logsumexp of large numbers", tg.logsumexp, np.array([1000.0, 1001.0, -500.0])),
    right("logsumexp along an axis", lambda x: tg.logsumexp(x, axis=0), M),
    right("cross entropy", lambda x: ops.cross_entropy(x, LABELS[:2]), M),
    right("cross entropy, sure and wrong", lambda x: ops.cross_entropy(50 * x, LABELS[:2]), M),
    right("a matrix product", lambda a, b: a @ b, M, S),
    right("a matrix times a vector", lambda a, b: a @ b, M, V),
    right("a batch of matrices", lambda a: a @ S, np.stack([M, M + 1])),
    right("an inverse", tg.inv, S),
    right("an inverse close to singular", tg.inv, np.array([[1.0, 1.0], [1.0, 1.0001]]), verdict="ok|rounding"),
    right("a linear system", tg.solve, S, V),
    right("a Cholesky factor", tg.cholesky, D),
    right("a determinant", tg.det, S),
    right("the determinant of a singular matrix", tg.det, np.array([[1.0, 2.0], [2.0, 4.0]])),
    right("eigenvalues", tg.eigvalsh, D),
    right("singular values", tg.svdvals, M),
    right("an einsum", lambda a, b: tg.einsum("ij,kj->ik", a, b), M, S),
    right("the length of a vector", tg.norm, V),
    right("a variance", tg.var, M),
    right("a deviation, nearly 0", tg.std, np.array([1.0, 1.0 + 1e-6, 1.0 - 2e-6]), verdict="ok|rounding"),
    right("a product with a zero", tg.prod, np.array([2.0, 0.0, 3.0])),
    right("a product with two zeros", tg.prod, np.array([0.0, 0.0, 3.0])),
    right("sums so far", lambda x: tg.cumsum(x) ** 2, V),
    right("sorted, no two alike", lambda x: tg.sort(x) * U, V),
    right("a median, no two alike", tg.median, np.array([3.0, 1.0, 7.0, 4.0, 2.0])),
    right("one largest", tg.max, V),
    right("an index taken twice", lambda x: x[np.array([0, 0, 2])] ** 2, V),
    right("parts joined", lambda a, b: tg.concatenate([a, b, a]) ** 2, V, U),
    right("a broadcast sum and product", lambda a, b: (a + b) * b, M, V),
    right("a column against a row", lambda a, b: a * b, np.array([[0.2], [1.3]]), V),
    right("an input that is ignored", lambda x, y: x**2, 1.5, 2.5),
    right("an input times 0", lambda x, y: x**2 + 0.0 * y, 1.5, 2.5),
    right("an element that is ignored", lambda x: x[:2].sum() ** 2, V),
    right("a constant function", lambda x: (x * 0.0).sum() + 3.0, V),
    right("small slopes beside large ones", lambda x: 1e6 * x[0] + x[1] + 1e-6 * x[2], V, verdict="ok|rounding"),
    right(
        "small slopes beside large ones, of |x|",
        lambda x: (tg.abs(x) * np.array([1e7, 1.0, 1e-5])).sum(),
        V,
        verdict="ok|rounding",
    ),
    right("a dead unit", lambda x: tg.relu(x - 10).sum() + x.sum() ** 2, V),
    right("a network", network, X53, W34, W42),
    right("300 numbers", lambda x: (tg.sin(3 * x) * x).mean(), LONG),
    right("x to the power y", lambda x, y: x**y, P, V),
    right("an angle", lambda a, b: tg.arctan2(a, b), V, U),
    right("sinc at its top", tg.sinc, np.array([0.0, 1e-5, 0.7])),
    right(
        "where, done safely", lambda x: tg.where(x > 0, tg.sqrt(tg.where(x > 0, x, 1.0)), 0.0), np.array([-1.0, 2.0])
    ),
    right("a branch by if", lambda x: x**2 if x.data > 0 else -3 * x, 0.7),
    right("a branch by if, the other way", lambda x: x**2 if x.data > 0 else -3 * x, -0.7),
    right("a loop as often as a number says", lambda x: repeated(tg.sin, int(x.data))(x), 3.4),
    right("a detached constant", lambda x: x * Value(2.0, requires_grad=False), 1.7),
    right("random numbers with a seed of their own", lambda x: x * np.random.default_rng(3).normal(size=3), V),
    right("a mask drawn once", Made(lambda: seeded_dropout()), V),
    right("an input chosen by argnums", lambda x, n: x ** float(n), 1.5, 3.0, argnums=(0,)),
    right("a bent function of another input", lambda x, y: x**2 + tg.relu(y), 1.5, 0.0, argnums=(0,)),
    right("a constant that is no function of x", lambda x: Value(3.0), 1.5),
    right("values kept from call to call", Made(lambda: remembering()), V),
    right("weights drawn at the first call", Made(lambda: drawn_at_first()), V),
    right("an error next to the inputs", lambda x: x * (1.0 + 0.0 * math.sqrt(float(x.data))), 1e-3),
    right("a matrix that soon has no Cholesky factor", tg.cholesky, np.array([[1.0, 0.999], [0.999, 1.0]])),
    right("overflow next to the inputs", tg.exp, 709.7),
    right("a jump nearby", lambda x: tg.floor(x) + x**2, 2.03),
    right("a fast wave", lambda x: tg.sin(1 / x), 0.01),
    right("a fast wave of |x|", lambda x: tg.sin(1 / tg.abs(x)), 0.01),
    right("a cliff that is smooth", lambda x: tg.sigmoid(1e10 * (x - 0.5)), 0.5, verdict="ok|rounding"),
    right("a cliff of |x| that is smooth", lambda x: tg.sigmoid(1e10 * tg.abs(x)), 1e-10, verdict="ok|rounding"),
    right("numbers of all sizes", lambda x: tg.log(x).sum(), np.array([1e-10, 1.0, 1e10])),
    right("numbers of all sizes, of |x|", lambda x: tg.log(tg.abs(x)).sum(), np.array([1e-10, 1.0, 1e10])),
    right("squares of all sizes", lambda x: (x**2).sum(), np.array([1e-8, 1.0, 1e8]), verdict="ok|rounding"),
    right(
        "squares of all sizes, of |x|",
        lambda x: (tg.abs(x) ** 2).sum(),
        np.array([1e-8, 1.0, 1e8]),
        verdict="ok|rounding",
    ),
    right("3000 numbers", lambda x: (tg.sin(x) * x).sum(), MANY),
    right(
        "3000 numbers with kinks among them", lambda x: tg.relu(x).sum(), MANY, verdict="ok|kink|rounding|truncation"
    ),
    right("a matrix of 60 by 50", lambda x: tg.tanh(x @ X503).sum(), MANY.reshape(60, 50)),
    right("a recorded loss", Made(lambda: (tg.tanh(Value(V, "w")) * Value(2.0, "b")).sum())),
    right("1e17 added to |x| and taken away", lambda x: (1e17 + tg.abs(x)) - 1e17, 0.3, verdict="rounding|ok"),
    right(
        "x times sqrt |x|, hardly smooth at 0", lambda x: x * tg.sqrt(tg.abs(x) + 1e-30), 0.0, verdict="ok|truncation"
    ),
    # second derivatives
    right("half a parabola, twice", lambda x: tg.relu(x) ** 2, 0.0, verdict="kink", order=2),
    right("half a parabola, twice, away from its seam", lambda x: tg.relu(x) ** 2, 0.7, order=2),
    right("|x| to the 1.5, twice", lambda x: tg.abs(x) ** 1.5, V, order=2),
    right("a cube, twice", lambda x: x**3, 2.0, order=2),
    right("tanh, twice", tg.tanh, V, order=2),
    right("softmax, twice", tg.softmax, V, order=2),
    right("a quotient, twice", lambda a, b: a / b, V, P, order=2),
    right("a matrix product, twice", lambda a, b: (a @ b) ** 2, M, V, order=2),
    right("a linear function, twice", lambda x: 3 * x, V, order=2),
    right("a gradient inside the function", lambda x: tg.grad(lambda y: y**3 * x)(x), 1.5, order=2),
    right("Rosenbrock's valley, twice", rosenbrock, np.array([-1.2, 1.0]), order=2),
    # right, and written by hand in NumPy
    right("NumPy: a sum of squares", lambda x: (x**2).sum(), V, gradient=lambda x: [2 * x]),
    right("NumPy: two inputs", lambda x, y: x @ y, V, U, gradient=lambda x, y: [y, x]),
    right("NumPy: a scalar", lambda x: np.sin(x) ** 2, 0.4, gradient=lambda x: [2 * np.sin(x) * np.cos(x)]),
    right("NumPy: an inverse", lambda x: np.linalg.inv(x).sum(), S, gradient=lambda x: [inverse_slopes(x)]),
    right("NumPy: max at one place", lambda x: x.max(), V, gradient=lambda x: [(x == x.max()) * 1.0]),
]


def inverse_slopes(x: Any) -> Any:
    y = np.linalg.inv(x).T
    return -y @ np.ones((3, 3)) @ y


def remembering() -> Any:
    memory: dict[bytes, float] = {}

    def f(x: Any) -> Any:
        scale = memory.setdefault(b"scale", 2.0)
        return scale * (x**2).sum()

    return f


def drawn_at_first() -> Any:
    weights: list[Any] = []

    def f(x: Any) -> Any:
        if not weights:
            weights.append(np.random.default_rng(6).normal(size=3))
        return (x * weights[0]).sum()

    return f


def seeded_dropout() -> Any:
    mask = np.random.default_rng(5).random(3) > 0.5
    return lambda x: (x * mask) ** 2


# -- float32: the dtype of the inputs is kept, or float32 is used inside -----------------------------------------------


def single(name: str, f: Any, *inputs: Any) -> Planted:
    """Checked in float32."""
    return right(f"float32: {name}", f, *[f32(x) for x in inputs], verdict="ok|rounding", dtype=None)


SINGLE = [
    single("a mean of squares", lambda x: (x**2).mean(), V),
    single("tanh", tg.tanh, V),
    single("exp far out", tg.exp, np.array([10.0])),
    single("log close to 0", tg.log, np.array([1e-3])),
    single("a fast sine", lambda x: tg.sin(50 * x), V),
    single("logsumexp", tg.logsumexp, np.array([100.0, 100.5, 99.0])),
    single("softmax", tg.softmax, M),
    single("cross entropy", lambda x: ops.cross_entropy(x, LABELS[:2]), M),
    single("a network", network, X53, W34, W42),
    single("a network with relu", lambda x, a, b: (tg.relu(x @ a) @ b).mean(), X53, W34, W42),
    single("1000 added and taken away", lambda x: (x + 1000) - 1000, V),
    single("a parabola on a plateau", lambda x: (x**2).sum() + 1e4, V),
    single("an inverse", tg.inv, S),
    single("a constant function", lambda x: (x * 0).sum(), V),
    single("a sum of 300", lambda x: (x**2).sum(), LONG),
    single("|x|", tg.abs, V),
    single("1e8 added and taken away", lambda x: (tg.abs(x) + 1e8) - 1e8, V),
    single("a scalar", lambda x: x.sum() ** 3, np.array([0.7])),
    right("float32 inside: squares", lambda x: (tg.astype(x, f32) ** 2).sum(), V, verdict="ok|rounding"),
    right("float32 inside: tanh", lambda x: tg.tanh(tg.astype(x, f32)), V, verdict="ok|rounding"),
    right("float32 inside: a layer", lambda x: tg.relu(tg.astype(x, f32) @ f32(W34)), X53, verdict="ok|rounding"),
    right("float32 inside: a plateau", lambda x: (tg.astype(x, f32) ** 2).sum() + 1e4, V, verdict="ok|rounding"),
    right(
        "float32 inside: logsumexp", lambda x: tg.logsumexp(tg.astype(x, f32)), 100 + V, verdict="ok|rounding"
    ),
    right(
        "float32 inside NumPy: squares",
        lambda x: (f32(x) ** 2).sum(),
        V,
        verdict="ok|rounding",
        gradient=lambda x: [2 * x],
    ),
]  # fmt: skip


# -- kinks: any slope between left and right is a convention -----------------------------------------------------------

BENT: dict[str, Callable[[Any], Any]] = {  # each bends where x = 0
    "relu": tg.relu,
    "|x|": tg.abs,
    "a largest": lambda x: tg.max(tg.stack([x, 0.0 * x])),
    "a smallest": lambda x: tg.min(tg.stack([2 * x, 0.0 * x])),
    "clip at its lower bound": lambda x: tg.clip(x, 0.0, 1.0),
    "clip at its upper bound": lambda x: tg.clip(x, -1.0, 0.0),
    "where": lambda x: tg.where(x > 0, x, 3 * x),
    "maximum": lambda x: tg.maximum(x, 0.0),
    "minimum": lambda x: tg.minimum(tg.sin(x), 2 * x),
    "a sorted pair": lambda x: tg.sort(tg.stack([x, 0.0 * x]))[1],
    "leaky_relu": tg.leaky_relu,
    "elu with alpha 1/2": lambda x: tg.elu(x, alpha=0.5),
    "fmax": lambda x: tg.fmax(x, -x),
    "the square root of a square": lambda x: tg.hypot(x, 0.0),
    "a median of three": lambda x: tg.median(tg.stack([x, 0.0 * x, 1 + x])),
    "a kink in a smooth function": lambda x: tg.exp(tg.abs(tg.sin(x)) + x),
}
EVENLY = {  # whose convention is the mean of both slopes: central differences say the same
    "|x|", "a largest", "a smallest", "maximum", "minimum", "fmax", "the square root of a square",
    "a kink in a smooth function",
}  # fmt: skip
DISTANCES = (1e-12, -1e-12, 1e-8, -1e-8, 1e-4, -1e-4, 0.1, -0.1)


def near(x: float) -> str:
    """Next to a kink there is a slope, but a step of a certain length sees the kink; 0.1 is far enough.

    A step that fits before 1e-12 tells the slope to a few digits only.
    """
    return "ok" if abs(x) >= 0.1 else "ok|kink" if abs(x) > 1e-10 else "ok|kink|rounding"


CORNERS = np.linspace(-1.0, 1.0, 201)

KINKS = [
    *[
        right(f"{name} at its kink", f, 0.0, verdict="ok|kink" if name in EVENLY else "kink")
        for name, f in BENT.items()
    ],
    *[right(f"{name} at {x:g}", BENT[name], x, verdict=near(x)) for name in ("relu", "|x|", "clip at its lower bound")
      for x in DISTANCES],
    *[right(f"{name} at {x:g}", BENT[name], x, verdict=near(x))
      for i, name in enumerate([name for name in BENT if name not in ("relu", "|x|", "clip at its lower bound")])
      for x in (DISTANCES[i % 6], DISTANCES[6 + i % 2])],
    right("relu, some elements at the kink", tg.relu, np.array([0.0, 1.0, -2.0]), verdict="kink"),
    right("a length at 0", tg.norm, np.zeros(2), verdict="kink|ok"),
    right("a length close to 0", tg.norm, np.array([1e-8, -1e-8]), verdict="ok|kink"),
    right("all equal under max", tg.max, np.ones(3), verdict="kink"),
    right("all equal under min", tg.min, np.ones(3), verdict="kink"),
    right("two equal when sorted", lambda x: tg.sort(x) * U, np.array([1.0, 2.0, 1.0]), verdict="kink"),
    right("two equal in the middle of a median", tg.median, np.array([1.0, 2.0, 2.0, 5.0]), verdict="ok|kink"),
    right("200 kinks, on one of them", lambda x: tg.relu(x - CORNERS).sum(), 0.0, verdict="kink"),
    right("200 kinks, between two of them", lambda x: tg.relu(x - CORNERS).sum(), 0.005, verdict="ok"),
    right("200 kinks, close to one of them", lambda x: tg.relu(x - CORNERS).sum(), 1e-9, verdict="ok|kink"),
    right("relu of a square", lambda x: tg.relu(x**2), 0.0),
    right("|x| cubed, smooth at 0", lambda x: tg.abs(x) ** 3, 0.0),
    right("x |x|, smooth at 0", lambda x: x * tg.abs(x), 0.0, verdict="ok"),
    right("two kinks that cancel", lambda x: tg.relu(x) - tg.relu(-x), 0.5),
    right(
        "a network with a unit at its kink",
        lambda w: (tg.relu(np.array([2.0, 1.0]) @ w) * np.array([3.0, -1.0])).sum(),
        np.array([[0.5, 0.7], [-1.0, 0.2]]),
        verdict="kink",
    ),
    right(
        "a network with a unit close to its kink",
        lambda w: (tg.relu(np.array([2.0, 1.0]) @ w) * np.array([3.0, -1.0])).sum(),
        np.array([[0.5, 0.7], [-1.0 + 1e-9, 0.2]]),
        verdict="ok|kink",
    ),
    right("NumPy: relu at its kink", lambda x: np.maximum(x, 0).sum(), np.zeros(2), verdict="kink",
          gradient=lambda x: [(x > 0) * 1.0]),
    right("NumPy: |x| at its kink, slope -1", lambda x: np.abs(x).sum(), np.zeros(2), verdict="kink",
          gradient=lambda x: [-np.ones(2)]),
    right("NumPy: a hinge at its corner", lambda w: np.maximum(0, 1 - w @ U).sum(), U / (U @ U), verdict="kink",
          gradient=lambda w: [np.zeros(3)]),
    # a convention outside the two slopes is a mistake
    wrong("relu'(0) = 1.5", tg.relu, 0.0, rules=[(ops.relu, 0, lambda g, y, x: g * 1.5)]),
    wrong("relu'(0) = -0.1", tg.relu, 0.0, rules=[(ops.relu, 0, lambda g, y, x: g * ops.where(x > 0, 1, -0.1))]),
    wrong("|x|'(0) = 2", tg.abs, 0.0, rules=[(ops.abs, 0, lambda g, y, x: g * ops.where(x >= 0, 2, -1))]),
    wrong("leaky_relu'(0) = -1", tg.leaky_relu, 0.0, rules=[(rows.leaky_relu, 0, lambda g, y, x, **_: -g)]),
    wrong("NumPy: a hinge at its corner, slope of the wrong sign", lambda w: np.maximum(0, 1 - w @ U).sum(),
          U / (U @ U), gradient=lambda w: [U]),
    # a mistake does not become a convention by standing close to a kink
    wrong("relu without slope at 1e-4", tg.relu, 1e-4, rules=[(ops.relu, 0, lambda g, y, x: g * 0)]),
    wrong("relu without slope at 0.1", tg.relu, 0.1, kind="no gradient",
          rules=[(ops.relu, 0, lambda g, y, x: g * 0)]),
    wrong("relu with its mask upside down at 0.1", tg.relu, np.array([0.1, -0.1]),
          rules=[(ops.relu, 0, lambda g, y, x: g * (x < 0))]),
    wrong("relu with slope 2 at 1e-8", tg.relu, 1e-8, rules=[(ops.relu, 0, lambda g, y, x: g * 2)]),
    wrong("|x| without sign at -1e-4", tg.abs, -1e-4, kind="sign", rules=[(ops.abs, 0, lambda g, y, x: g)]),
    wrong("|x| without sign at -1e-8", tg.abs, -1e-8, rules=[(ops.abs, 0, lambda g, y, x: g)]),
    wrong("leaky_relu that forgets to leak", tg.leaky_relu, np.array([-0.1, 0.4]),
          rules=[(rows.leaky_relu, 0, lambda g, y, x, **_: g * (x > 0))]),
    wrong("maximum with its operands exchanged", tg.maximum, V, U, kind="swapped operands",
          rules=[(ops.maximum, 0, lambda g, y, a, b: g * ops.wins(b, a)),
                 (ops.maximum, 1, lambda g, y, a, b: g * ops.wins(a, b))]),
    wrong("clip that lets everything pass", lambda x: tg.clip(x, -0.5, 0.5), V,
          rules=[(ops.clip, 0, lambda g, y, x, low, high: g)]),
    wrong("elu with the slope of relu", lambda x: tg.elu(x, alpha=0.5), np.array([-0.1, -1.0]), kind="no gradient",
          rules=[(rows.elu, 0, lambda g, y, x, alpha: g * (x > 0))]),
    *[wrong(f"half as much again, with a kink at {far:g}", lambda x, far=far: tg.relu(x - far) + tg.sin(x), 0.0,
            rules=[(ops.sin, 0, lambda g, y, x: 1.5 * g * ops.cos(x))]) for far in (0.01, 1e-4, 1e-6)],
    wrong("half as much, with a kink at -0.001", lambda x: tg.abs(x + 1e-3) + 2 * tg.sin(x), 0.0,
          rules=[(ops.sin, 0, lambda g, y, x: 0.5 * g * ops.cos(x))]),
    *[wrong(f"NumPy: 1 % too steep on a plateau, with kinks at {far:g} and {-3 * far:g}",
            lambda x, far=far: 1e6 + np.sin(x) + np.maximum(x - far, 0) - 2 * np.maximum(x + 3 * far, 0), 0.0,
            gradient=lambda x: [0.99 * (np.cos(x) - 2)]) for far in (1e-2, 1e-3, 1e-4)],
    wrong("NumPy: 0.1 % too steep on a plateau, with kinks at 1e-4 and -3e-4",
          lambda x: 1e6 + np.sin(x) + np.maximum(x - 1e-4, 0) - 2 * np.maximum(x + 3e-4, 0), 0.0,
          gradient=lambda x: [0.999 * (np.cos(x) - 2)]),
    wrong("100 kinks, and a factor", lambda x: tg.relu(x - CORNERS).sum(), 0.005,
          rules=[(ops.relu, 0, lambda g, y, x: 1.5 * g * (x > 0))]),
]  # fmt: skip


# -- no slope at all ---------------------------------------------------------------------------------------------------

NONE = "not differentiable"
JUMPS = [
    right("floor at a jump", tg.floor, 2.0, verdict=NONE),
    right("floor close to a jump", tg.floor, 2.0 + 1e-8, verdict=f"ok|{NONE}"),
    right("floor away from a jump", tg.floor, 2.3),
    right("ceil at a jump", tg.ceil, 2.0, verdict=NONE),
    right("sign at 0", tg.sign, 0.0, verdict=NONE),
    right("sign close to 0", tg.sign, 1e-8, verdict=f"ok|{NONE}"),
    right("sign away from 0", tg.sign, -0.4),
    right("round half-way", tg.round, 2.5, verdict=NONE),
    right("round away from half-way", tg.round, 2.7),
    right("trunc at a jump", tg.trunc, 1.0, verdict=NONE),
    right("a remainder at its jump", lambda x: x % 2.0, 4.0, verdict=NONE),
    right("a remainder away from its jump", lambda x: x % 2.0, 4.7),
    right("a step added to a line", lambda x: tg.where(x > 0, x + 1, x), 0.0, verdict=NONE),
    right("a step down in a parabola", lambda x: tg.where(x >= 0, x**2, x**2 + 1), 0.0, verdict=NONE),
    right("a step inside a sine", lambda x: tg.sin(x) + tg.sign(x - 0.5), 0.5, verdict=NONE),
    right("one element at a jump", tg.floor, np.array([0.5, 2.0, 3.3]), verdict=NONE),
    right("the square root at 0", tg.sqrt, 0.0, verdict=NONE),
    right("the cube root at 0", tg.cbrt, 0.0, verdict=NONE),
    right("a root among squares", lambda x: (x**2).sum() + tg.sqrt(x[0]), np.array([0.0, 1.0]), verdict=NONE),
    right("arcsin at 1", tg.arcsin, 1.0, verdict=NONE),
    right("arccos at -1", tg.arccos, -1.0, verdict=NONE),
    right("arccosh at 1", tg.arccosh, 1.0, verdict=NONE),
    right("x to 1.5 at 0, the edge of its domain", lambda x: x**1.5, 0.0, verdict=NONE),
    right("NumPy: a step", lambda x: np.floor(x).sum(), np.array([2.0]), verdict=NONE, gradient=lambda x: [0 * x]),
    wrong("floor passes its gradient straight through", tg.floor, 2.3, rules=[(rows.floor, 0, lambda g, y, x: g)]),
    wrong("sign passes its gradient straight through", tg.sign, V, rules=[(ops.sign, 0, lambda g, y, x: g)]),
]

# -- numbers that are none ---------------------------------------------------------------------------------------------

UNREAL = [
    right("log of 0", tg.log, 0.0, verdict="not finite"),
    right("log of a negative number", tg.log, -1.0, verdict="not finite"),
    right("sqrt of a negative number", tg.sqrt, -1.0, verdict="not finite"),
    right("exp that overflows", tg.exp, 1000.0, verdict="not finite"),
    right("0 / 0", lambda x: x / x, 0.0, verdict="not finite"),
    right("softmax without care", lambda x: tg.exp(x) / tg.exp(x).sum(), 1000 + V, verdict="not finite"),
    right("a length as sqrt of squares at 0", lambda x: tg.sqrt((x**2).sum()), np.zeros(3), verdict="not finite"),
    right("where, done unsafely", lambda x: tg.where(x > 0, tg.sqrt(x), 0.0 * x), np.array([-1.0, 2.0]),
          verdict="not finite"),
    right("a rule that gives nan", tg.exp, 0.5, verdict="not finite")._replace(
        rules=((ops.exp, 0, lambda g, y, x: g * np.nan),)),
    right("a rule that gives inf", tg.relu, V, verdict="not finite")._replace(
        rules=((ops.relu, 0, lambda g, y, x: g * np.inf),)),
    right("NumPy: one nan in the gradient", lambda x: (x**2).sum(), V, verdict="not finite",
          gradient=lambda x: [np.where(x > 1, np.nan, 2 * x)]),
    right("NumPy: overflow in float32", lambda x: np.log(np.exp(f32(x)).sum()), 100 + V, verdict="not finite",
          gradient=lambda x: [np.exp(x - x.max()) / np.exp(x - x.max()).sum()]),
]  # fmt: skip

# -- a step that is given, and far too large ---------------------------------------------------------------------------

STEPS = [
    right("exp of |x| with step 1", lambda x: tg.exp(3 * tg.abs(x)), 1.5, verdict="truncation|ok", step=1.0),
    right("a sine of |x| with step 1", lambda x: tg.sin(20 * tg.abs(x)), 3.0, verdict="truncation|ok", step=1.0),
    right("a power of |x| with step 0.5", lambda x: tg.abs(x) ** 9, 1.0, verdict="truncation|ok", step=0.5),
    right("NumPy: exp with step 1", lambda x: np.exp(3 * x), 0.5, verdict="truncation|ok", step=1.0,
          gradient=lambda x: [3 * np.exp(3 * x)]),
    right("exp with a fitting step", lambda x: tg.exp(tg.abs(x)), 1.5, verdict="ok|rounding|truncation", step=1e-5),
    right("a line of |x| with step 1", lambda x: 3 * tg.abs(x), 2.5, step=1.0),
    wrong("exp of |x| with step 1, and a factor", lambda x: tg.exp(3 * tg.abs(x)), 1.5, step=1.0,
          rules=[(ops.exp, 0, lambda g, y, x: 2 * g * y)]),
    wrong("a sine of |x| with step 1, and a sign", lambda x: tg.sin(20 * tg.abs(x)), 3.0, step=1.0,
          rules=[(ops.sin, 0, lambda g, y, x: -g * ops.cos(x))]),
]  # fmt: skip


# -- functions that answer differently, or write where they should read ------------------------------------------------


def counting(change: Callable[[int], float]) -> Made:
    """A function with a counter inside."""

    def make() -> Any:
        calls = [0]

        def f(x: Any) -> Any:
            calls[0] += 1
            return (x**2).sum() * (1 + change(calls[0]))

        return f

    return Made(make)


def noisy(size: float) -> Made:
    def make() -> Any:
        random = np.random.default_rng(11)
        return lambda x: (x**2).sum() + size * random.normal()

    return Made(make)


def dropout() -> Any:
    random = np.random.default_rng(12)
    return lambda x: (x * (random.random(x.shape) > 0.5)).sum()


def drawing_once_in_a_while() -> Any:
    random = np.random.default_rng(13)
    return lambda x: (x**2).sum() * (1.01 if random.random() < 0.3 else 1.0)


def running_mean() -> Any:
    mean = [0.0]

    def f(x: Any) -> Any:
        mean[0] = 0.9 * mean[0] + 0.1 * float(np.mean(x.data))
        return ((x - mean[0]) ** 2).sum()

    return f


def noisy_numpy() -> Any:
    random = np.random.default_rng(14)
    return lambda x: (x**2).sum() + random.normal()


LOOSE = [
    Planted("a random factor", Made(lambda: lambda x: x * np.random.random()), (1.5,), "not deterministic"),
    Planted("large noise", noisy(0.1), (V,), "not deterministic"),
    Planted("noise of 1e-9", noisy(1e-9), (V,), "not deterministic"),
    Planted("noise of 1e-12", noisy(1e-12), (V,), "not deterministic"),
    Planted("dropout", Made(dropout), (LONG[:40],), "not deterministic"),
    Planted("a counter", counting(lambda n: 0.01 * n), (V,), "not deterministic"),
    Planted("a counter in small steps", counting(lambda n: 1e-7 * n), (V,), "not deterministic"),
    Planted("the second call only", counting(lambda n: 0.1 * (n == 2)), (V,), "not deterministic"),
    Planted("the third call only", counting(lambda n: 0.1 * (n == 3)), (V,), "not deterministic"),
    Planted("every other call", counting(lambda n: 0.1 * (n % 2)), (V,), "not deterministic"),
    Planted("the first call only", counting(lambda n: 0.1 * (n == 1)), (V,), "not deterministic"),
    Planted("now and then", Made(drawing_once_in_a_while), (V,), "not deterministic"),
    Planted("a running mean", Made(running_mean), (V,), "not deterministic"),
    Planted("NumPy: noise", Made(noisy_numpy), (V,), "not deterministic", options={"gradient": lambda x: [2 * x]}),
]


def first_is_set(x: Any) -> Any:
    x.data[0] = 5.0
    return (x**2).sum()


def scaled_in_place(x: Any) -> Any:
    x.data *= 2
    return (x**2).sum()


def negative_ones_are_cut(x: Any) -> Any:
    x.data[x.data < 0] = 0.0
    return (x**2).sum()


def written_after_use(x: Any) -> Any:
    result = (x**2).sum()
    x.data[...] = 0.0
    return result


def second_input_is_set(x: Any, y: Any) -> Any:
    y.data[-1] += 1.0
    return (x * y).sum()


def now_and_then() -> Any:
    calls = [0]

    def f(x: Any) -> Any:
        calls[0] += 1
        if calls[0] % 3 == 0:
            x.data[0] += 1.0
        return (x**2).sum()

    return f


def relu_in_place(x: Any) -> Any:
    x[x < 0] = 0.0
    return (x**2).sum()


def centred_in_place(x: Any) -> Any:
    x -= x.mean()
    return (x**2).sum()


WRITERS = [
    Planted("sets its first element", first_is_set, (V,), "input mutated"),
    Planted("scales its input in place", scaled_in_place, (V,), "input mutated"),
    Planted("cuts negative numbers in place", negative_ones_are_cut, (V,), "input mutated"),
    Planted("writes after use", written_after_use, (V,), "input mutated"),
    Planted("writes to its second input", second_input_is_set, (V, U), "input mutated"),
    Planted("writes every third time", Made(now_and_then), (V,), "input mutated"),
    Planted("NumPy: relu in place", relu_in_place, (V,), "input mutated",
            options={"gradient": lambda x: [2 * np.maximum(x, 0)]}),
    Planted("NumPy: centres in place", centred_in_place, (V,), "input mutated",
            options={"gradient": lambda x: [2 * (x - x.mean())]}),
    Planted("NumPy: the gradient writes", lambda x: (x**2).sum(), (V,), "input mutated",
            options={"gradient": lambda x: [np.multiply(x, 2, out=x)]}),
]  # fmt: skip


# -- wrong rules -------------------------------------------------------------------------------------------------------


def rule(row: ops.Op, operand: int, change: Callable[[Any], Any]) -> list[tuple[ops.Op, int, Rule]]:
    """The row's own rule, its contribution changed."""
    old = next(r for i, r in enumerate(row.rules) if i == operand)
    return [(row, operand, lambda *at, **settings: change(old(*at, **settings)))]


def own(name: str, compute: Any, *rules: Rule, **more: Any) -> Made:
    """A row of one's own, in the table only while it is checked."""
    return Made(lambda: ops.Op(name, f"{name}({', '.join(['{}'] * len(rules))})", compute, None, *rules, **more))


FIRST = np.array([1.0, 0.0, 0.0])
BROKEN = [
    # a constant factor
    wrong("exp twice as steep", tg.exp, V, kind="factor", rules=rule(ops.exp, 0, lambda g: 2 * g)),
    wrong("exp seventeen times as steep", tg.exp, V, kind="factor", rules=rule(ops.exp, 0, lambda g: 17 * g)),
    wrong("square without its 2", tg.square, V, kind="factor", rules=[(ops.square, 0, lambda g, y, x: g * x)]),
    wrong("sum as if it were mean", lambda x: (x**2).sum(), V, kind="factor", rules=rule(ops.sum, 0, lambda g: g / 3)),
    wrong("a matrix product, halved on the left", lambda a, b: a @ b, M, S, kind="factor",
          rules=rule(ops.matmul, 0, lambda g: g / 2)),
    wrong("divide 1 % too steep", lambda a, b: a / b, V, P, kind="factor",
          rules=rule(ops.divide, 1, lambda g: 1.01 * g)),
    wrong("tanh 0.1 % too steep", tg.tanh, V, kind="factor", rules=rule(ops.tanh, 0, lambda g: 1.001 * g)),
    wrong("sin 0.01 % too steep", tg.sin, V, kind="factor", rules=rule(ops.sin, 0, lambda g: 1.0001 * g)),
    wrong("|x| 0.01 % too steep", tg.abs, V, kind="factor", rules=rule(ops.abs, 0, lambda g: 1.0001 * g)),
    wrong("log to base 10 with the rule of log", tg.log10, P, kind="factor",
          rules=[(rows.log10, 0, lambda g, y, x: g / x)]),
    wrong("degrees without factor", tg.degrees, V, kind="factor", rules=[(rows.degrees, 0, lambda g, y, x: g)]),
    wrong("a factor deep inside", lambda x: tg.exp(tg.tanh(x @ S) @ S).sum() + (x**2).sum(), V, kind="factor",
          rules=rule(ops.tanh, 0, lambda g: 2 * g)),
    wrong("a factor in a scalar", tg.exp, 0.5, kind="factor", rules=rule(ops.exp, 0, lambda g: 3 * g)),
    wrong("a factor among 300 numbers", lambda x: tg.sin(x).mean(), LONG, kind="factor",
          rules=rule(ops.sin, 0, lambda g: 2 * g)),
    wrong("a huge slope, doubled", lambda x: 1e150 * tg.sin(x), V, kind="factor",
          rules=rule(ops.sin, 0, lambda g: 2 * g)),
    wrong("a fast sine, doubled", lambda x: tg.sin(1e6 * x), 0.3, kind="factor",
          rules=rule(ops.sin, 0, lambda g: 2 * g)),
    wrong("a steep tanh of |x|, doubled", lambda x: tg.tanh(1e5 * tg.abs(x)), 5e-6, kind="factor",
          rules=rule(ops.tanh, 0, lambda g: 2 * g)),
    wrong("log next to 0, doubled", lambda x: tg.log(tg.abs(x)), 1e-9, kind="factor",
          rules=rule(ops.log, 0, lambda g: 2 * g)),
    wrong("on a plateau, doubled", lambda x: 1e6 + tg.abs(x) ** 2, 0.7, kind="factor",
          rules=rule(ops.abs, 0, lambda g: 2 * g)),
    wrong("a row of one's own, 3 for 2",
          own("cubed_like", lambda x: x**2, lambda g, y, x: 3 * g * x), V, kind="factor"),
    wrong("float32: a factor", lambda x: tg.tanh(x), f32(V), kind="factor", dtype=None,
          rules=rule(ops.tanh, 0, lambda g: 2 * g)),
    wrong("float32: a sign", lambda x: tg.cos(x), f32(V), kind="sign", dtype=None,
          rules=rule(ops.cos, 0, lambda g: -g)),
    wrong("float32: ten per cent", lambda x: tg.exp(x), f32(V), dtype=None,
          rules=rule(ops.exp, 0, lambda g: g * f32(1.1))),
    wrong("float32 inside: a factor", lambda x: tg.tanh(tg.astype(x, f32)), V,
          rules=rule(ops.tanh, 0, lambda g: 2 * g)),
    wrong("0.001 % too steep", tg.sin, V, rules=rule(ops.sin, 0, lambda g: 1.00001 * g)),
    wrong("0.001 % too steep, |x|", tg.abs, V, rules=rule(ops.abs, 0, lambda g: 1.00001 * g)),
    wrong("1 % too steep on a plateau", lambda x: 1e6 + tg.abs(x) ** 2, 0.7,
          rules=rule(ops.abs, 0, lambda g: 1.01 * g)),
    wrong("1 % too steep, 1e8 added and taken away", lambda x: (1e8 + tg.abs(x)) - 1e8, 0.3,
          rules=rule(ops.abs, 0, lambda g: 1.01 * g)),
    wrong("float32: doubled on a plateau", lambda x: (tg.abs(x) ** 2).sum() + 1e4, f32(V), dtype=None,
          rules=rule(ops.abs, 0, lambda g: 2 * g)),
    wrong("float32: five per cent of |x|", tg.abs, f32(V), dtype=None, rules=rule(ops.abs, 0, lambda g: f32(1.05) * g)),
    wrong("float32 inside: ten per cent", lambda x: tg.tanh(tg.astype(x, f32)), V,
          rules=rule(ops.tanh, 0, lambda g: f32(1.1) * g)),
    wrong("a small slope, doubled", lambda x: 1e-7 * tg.sin(x), V, rules=rule(ops.sin, 0, lambda g: 2 * g)),
    wrong("small slopes beside large ones, doubled", lambda x: tg.abs(x[0]) * 1e4 + tg.sin(x[1]), V,
          rules=rule(ops.sin, 0, lambda g: 2 * g)),
    wrong("a recorded loss with a factor", Made(lambda: (tg.tanh(Value(V, "w")) * Value(2.0, "b")).sum()),
          kind="factor",
          rules=rule(ops.tanh, 0, lambda g: 3 * g)),
    wrong("one of 3000", lambda x: tg.sin(x).sum(), MANY,
          rules=rule(ops.sin, 0, lambda g: g * np.where(np.arange(3000) == 1234, 2.0, 1.0))),
    wrong("a factor among 3000", lambda x: tg.sin(x).mean(), MANY, kind="factor",
          rules=rule(ops.sin, 0, lambda g: 2 * g)),
    wrong("a constant function with a slope", lambda x: (0.0 * tg.sin(x)).sum() + 2.0, V,
          rules=rule(ops.multiply, 1, lambda g: g + 0.5)),
    wrong("exp about to overflow, halved", tg.exp, 709.0, rules=rule(ops.exp, 0, lambda g: g / 2)),
    wrong("a square with the slope of |x|", lambda x: tg.abs(x) ** 2, V,
          rules=[(ops.power, 0, lambda g, y, a, n: g * 2)]),
    # the sign
    wrong("cos without its sign", tg.cos, V, kind="sign", rules=[(ops.cos, 0, lambda g, y, x: g * ops.sin(x))]),
    wrong("subtract as if it were add", lambda a, b: a - b, V, U, kind="sign",
          rules=[(ops.subtract, 1, lambda g, y, a, b: g)]),
    wrong("divide without its sign", lambda a, b: a / b, V, P, kind="sign",
          rules=[(ops.divide, 1, lambda g, y, a, b: g * y / b)]),
    wrong("reciprocal without its sign", tg.reciprocal, P, kind="sign",
          rules=[(ops.reciprocal, 0, lambda g, y, x: g * y**2)]),
    wrong("an inverse without its sign", tg.inv, S, kind="sign", rules=rule(matrices.inv, 0, lambda g: -g)),
    wrong("arccos with the rule of arcsin", tg.arccos, np.array([0.1, -0.5, 0.7]), kind="sign",
          rules=[(ops.arccos, 0, lambda g, y, x: g / ops.sqrt(1 - x**2))]),
    wrong("a sign in a network", network, X53, W34, W42, kind="sign", rules=rule(ops.tanh, 0, lambda g: -g)),
    # matrices: transposed, exchanged
    wrong("a matrix product, transposed on the left", lambda a, b: a @ b, S, Q, kind="transposed",
          rules=rule(ops.matmul, 0, lambda g: g.T)),
    wrong("a matrix product, transposed on the right", lambda a, b: a @ b, S, Q, kind="transposed",
          rules=rule(ops.matmul, 1, lambda g: g.T)),
    wrong("an inverse, transposed", tg.inv, S, kind="transposed", rules=rule(matrices.inv, 0, lambda g: g.T)),
    wrong("a determinant, transposed", tg.det, S, kind="transposed", rules=rule(matrices.det, 0, lambda g: g.T)),
    wrong("a transposition that is not undone", lambda x: x.T * Q, S, kind="transposed|places",
          rules=[(ops.transpose, 0, lambda g, y, x, axes: g)]),
    wrong("a matrix product that forgets .T", lambda a, b: a @ b, S, Q,
          rules=[(ops.matmul, 0, lambda g, y, a, b: g @ b)]),
    wrong("a linear system that forgets .T", tg.solve, S, V,
          rules=[(matrices.solve, 1, lambda g, y, a, b: matrices.solve(a, g))]),
    wrong("a product that takes its own operand", lambda a, b: a * b, V, U, kind="swapped operands",
          rules=[(ops.multiply, 0, lambda g, y, a, b: g * a)]),
    wrong("a product that takes its own operand, on the right", lambda a, b: a * b, V, U, kind="swapped operands",
          rules=[(ops.multiply, 1, lambda g, y, a, b: g * b)]),
    wrong("a quotient by the wrong one", lambda a, b: a / b, V, P, kind="swapped operands",
          rules=[(ops.divide, 0, lambda g, y, a, b: g / a)]),
    wrong("a dot product that takes its own operand", lambda a, b: a @ b, V, U, kind="swapped operands",
          rules=[(ops.matmul, 0, lambda g, y, a, b: g * a)]),
    wrong("an angle with its legs exchanged", tg.arctan2, V, U, kind="swapped operands",
          rules=[(rows.arctan2, 0, lambda g, y, a, b: g * a / (a**2 + b**2))]),
    wrong("where with its branches exchanged", lambda a, b: tg.where(np.array([True, True, False]), a, b), V, U,
          rules=[(ops.where, 1, lambda g, y, c, a, b: ops.where(c, 0, g)),
                 (ops.where, 2, lambda g, y, c, a, b: ops.where(c, g, 0))]),
    # something added
    wrong("exp with 1 added", tg.exp, V, kind="offset", rules=rule(ops.exp, 0, lambda g: g + 1)),
    wrong("sin with 0.01 added", tg.sin, V, kind="offset", rules=rule(ops.sin, 0, lambda g: g + 0.01)),
    wrong("a product with 1 added", lambda a, b: a * b, V, U, kind="offset",
          rules=rule(ops.multiply, 1, lambda g: g + 1)),
    wrong("a sum with 0.5 added", lambda x: tg.sum(tg.sin(x)), V, kind="offset",
          rules=rule(ops.sin, 0, lambda g: g + 0.5)),
    wrong("a product with 0.5 added, in two places", lambda x: 3.0 * tg.sin(x).sum() + (U * x).sum(), V, kind="offset",
          rules=rule(ops.multiply, 1, lambda g: g + 0.5)),
    wrong("a sum with 0.5 added, in two places", lambda x: tg.sin(x.sum()) + (x**2).sum(), V, kind="offset",
          rules=rule(ops.sum, 0, lambda g: g + 0.5)),
    wrong("a product doubled, in three places", lambda x: (x * U * P * 2.5).sum(), V, kind="factor",
          rules=rule(ops.multiply, 0, lambda g: 2 * g)),
    # a factor of the chain
    wrong("tanh without 1 - y²", tg.tanh, V, kind="chain factor", rules=[(ops.tanh, 0, lambda g, y, x: g)]),
    wrong("sigmoid without 1 - y", tg.sigmoid, V, kind="chain factor", rules=[(ops.sigmoid, 0, lambda g, y, x: g * y)]),
    wrong("sigmoid without y", tg.sigmoid, V, kind="chain factor",
          rules=[(ops.sigmoid, 0, lambda g, y, x: g * (1 - y))]),
    wrong("sqrt without y", tg.sqrt, P, kind="chain factor", rules=[(ops.sqrt, 0, lambda g, y, x: g / 2)]),
    wrong("exp without y", tg.exp, V, kind="chain factor", rules=[(ops.exp, 0, lambda g, y, x: g)]),
    wrong("log without 1 / x", tg.log, P, kind="chain factor", rules=[(ops.log, 0, lambda g, y, x: g)]),
    wrong("softplus without its slope", tg.softplus, V, kind="chain factor",
          rules=[(ops.softplus, 0, lambda g, y, x: g)]),
    wrong("tanh without square", tg.tanh, V, rules=[(ops.tanh, 0, lambda g, y, x: g * (1 - y))]),
    wrong("tanh with x for y", tg.tanh, V, rules=[(ops.tanh, 0, lambda g, y, x: g * (1 - x**2))]),
    wrong("sin with the rule of cos", tg.sin, V, rules=[(ops.sin, 0, lambda g, y, x: -g * ops.sin(x))]),
    wrong("a power without n", lambda x: x**3.0, V, kind="factor",
          rules=[(ops.power, 0, lambda g, y, a, n: g * a ** (n - 1))]),
    wrong("a power one too high", lambda x: x**3.0, P, rules=[(ops.power, 0, lambda g, y, a, n: g * n * a**n)]),
    wrong("softmax with its diagonal only", tg.softmax, V,
          rules=[(ops.softmax, 0, lambda g, y, x, axis: g * y * (1 - y))]),
    wrong("softmax without its sum", tg.softmax, V, kind="chain factor|other",
          rules=[(ops.softmax, 0, lambda g, y, x, axis: g * y)]),
    wrong("log_softmax without its sum", tg.log_softmax, V, rules=[(ops.log_softmax, 0, lambda g, y, x, axis: g)]),
    wrong("cross entropy without the right class", lambda x: ops.cross_entropy(x, LABELS[:2]), M,
          rules=[(ops.cross_entropy, 0, lambda g, y, x, c: g / 2 * tg.softmax(x, axis=-1))]),
    wrong("cross entropy without 1/n", lambda x: ops.cross_entropy(x, LABELS[:2]), M, kind="factor",
          rules=rule(ops.cross_entropy, 0, lambda g: 2 * g)),
    # axes
    wrong("a bias gradient of the first example only", lambda x, w, b: tg.linear(x, w, b), X53, W34, W34[0],
          kind="axis", rules=[(ops.linear, 2, lambda g, y, x, w, b: g[:1])]),
    wrong("a bias gradient of the last example only", lambda x, w, b: tg.linear(x, w, b), X53, W34, W34[0],
          kind="axis", rules=[(ops.linear, 2, lambda g, y, x, w, b: g[-1])]),
    wrong("a sum along an axis, handed out summed", lambda x: tg.sum(x * x, axis=0), M, kind="axis",
          rules=[(ops.sum, 0, lambda g, y, x, axis, keepdims: np.full(np.shape(x), np.sum(g)))]),
    wrong("multiply whose gradient collapses its first axis", lambda a, b: a * b, M, M[::-1], kind="axis",
          rules=rule(ops.multiply, 0, lambda g: g.sum(0, keepdims=True) + 0 * g)),
    wrong("tanh whose gradient collapses its last axis", tg.tanh, M, kind="axis",
          rules=rule(ops.tanh, 0, lambda g: g.sum(-1, keepdims=True) + 0 * g)),
    wrong("a broadcast that is not summed back", lambda x: tg.broadcast_to(x, (2, 3)) * M, V, kind="axis",
          rules=[(ops.broadcast_to, 0, lambda g, y, x, **to: g[0])]),
    # the right numbers at the wrong places
    wrong("sort that does not put back", lambda x: tg.sort(x) * U, np.array([2.0, 0.5, 1.1]), kind="places",
          rules=[(rows.sort, 0, lambda g, y, x, **at: g)]),
    wrong("sums so far, taken from the wrong end", lambda x: tg.cumsum(x) * U, V,
          rules=[(rows.cumsum, 0, lambda g, y, x, axis: np.cumsum(g))]),
    wrong("max that pays the smallest", tg.max, V, kind="places",
          rules=[(ops.max, 0, lambda g, y, x, **at: g * (x == np.min(x)))]),
    wrong("parts that come back exchanged", lambda a, b: tg.concatenate([a, b]) * np.r_[V, U], P, V,
          rules=[(ops.concatenate, 0, lambda g, y, *parts, axis: g[3:]),
                 (ops.concatenate, 1, lambda g, y, *parts, axis: g[:3])]),
    wrong("an index that comes back elsewhere", lambda x: x[np.array([0, 1])] * U[:2], V, kind="places",
          rules=[(ops.getitem, 0, lambda g, y, x, index: np.array([0.0, *g]))]),
    wrong("a reshape in the wrong order", lambda x: tg.reshape(x, (3, 2)) * M.T, M, kind="places",
          rules=[(ops.reshape, 0, lambda g, y, x, **to: np.reshape(g, np.shape(x), order="F"))]),
    # one element, one side, one range only
    wrong("one element in three", tg.sin, V, rules=rule(ops.sin, 0, lambda g: g * (1 + FIRST))),
    wrong("one element of 300", tg.sin, LONG, samples=1000,
          rules=rule(ops.sin, 0, lambda g: g * np.where(np.arange(300) == 77, 2.0, 1.0))),
    wrong("a corner of a matrix", lambda a, b: a @ b, S, Q,
          rules=rule(ops.matmul, 0, lambda g: g + np.outer(FIRST, FIRST))),
    wrong("0.1 % in one element", tg.exp, V, rules=rule(ops.exp, 0, lambda g: g * (1 + 1e-3 * FIRST))),
    wrong("0.01 % in one element", tg.exp, V, rules=rule(ops.exp, 0, lambda g: g * (1 + 1e-4 * FIRST))),
    wrong("for negative numbers only", tg.square, V, rules=[(ops.square, 0, lambda g, y, x: g * 2 * abs(x))]),
    wrong("for negative numbers only, a factor", tg.sin, V,
          rules=[(ops.sin, 0, lambda g, y, x: g * ops.cos(x) * ops.where(x > 0, 1, 2))]),
    wrong("for large numbers only", tg.exp, np.array([0.1, 5.0, -3.0]),
          rules=[(ops.exp, 0, lambda g, y, x: g * ops.minimum(y, 100.0))]),
    wrong("an approximation", tg.sin, np.array([0.3, 0.5, 0.9]),
          rules=[(ops.sin, 0, lambda g, y, x: g * (1 - x**2 / 2 + x**4 / 24))]),
    # no gradient arrives
    wrong("no rule", tg.tanh, V, kind="no gradient", rules=[(ops.tanh, 0, None)]),
    wrong("no rule for one operand", lambda a, b: a * b, V, U, kind="no gradient", rules=[(ops.multiply, 1, None)]),
    wrong("a rule that says 0", tg.sin, V, kind="no gradient", rules=[(ops.sin, 0, lambda g, y, x: g * 0)]),
    wrong("a rule that says 0, for one operand", lambda a, b: a @ b, M, S, kind="no gradient",
          rules=[(ops.matmul, 1, lambda g, y, a, b: b * 0)]),
    wrong("detach", lambda x: (x.detach() * U).sum() + 0 * x.sum(), V, kind="cut|no gradient"),
    wrong("detach in one of two factors", lambda x: (x * x.detach()).sum(), V, kind="cut"),
    wrong("x.data in one of two factors", lambda x: (x * x.data).sum(), V, kind="cut"),
    wrong("float(x) in one of two factors", lambda x: x * float(x), 1.5, kind="cut"),
    wrong("NumPy on x.data in the middle", lambda x: x.sum() + Value(np.exp(x.data)).sum(), V, kind="cut"),
    wrong("only x.data", lambda x: Value(x.data) ** 2, V, kind="cut|no gradient"),
    wrong("a norm taken with x.data", lambda x: x / np.linalg.norm(x.data), V, kind="cut"),
    wrong("a second input by .data", lambda x, y: (x * y.data).sum(), V, U, kind="cut|no gradient"),
    wrong("no_grad around a part", lambda x: (x * under_no_grad(x)).sum(), V, kind="cut"),
    wrong("a row of one's own without rule for b", own("scaled_by", np.multiply, lambda g, y, a, b: g * b, None), V, U,
          kind="no gradient"),
    wrong("a row of one's own, integrated the wrong way",
          own("quartered", lambda x: x**4, lambda g, y, x: g * x**5 / 5),
          P),
    # the second derivative alone
    wrong("tanh that forgets the graph", tg.tanh, V, kind="second derivative", order=2,
          rules=[(ops.tanh, 0, lambda g, y, x: g * (1 - data(y) ** 2))]),
    wrong("sin that forgets the graph", tg.sin, V, kind="second derivative", order=2,
          rules=[(ops.sin, 0, lambda g, y, x: g * np.cos(data(x)))]),
    wrong("exp that forgets the graph", tg.exp, 0.4, kind="second derivative", order=2,
          rules=[(ops.exp, 0, lambda g, y, x: g * data(y))]),
    wrong("a product that forgets the graph", lambda a, b: a * b, V, U, kind="second derivative", order=2,
          rules=[(ops.multiply, 0, lambda g, y, a, b: g * data(b))]),
    wrong("a matrix product that forgets the graph", lambda a, b: a @ b, M, V, kind="second derivative", order=2,
          rules=[(ops.matmul, 0, lambda g, y, a, b: ops.expand_dims(g, axis=-1) * data(b))]),
    wrong("a cosine that is right once", tg.sin, V, kind="second derivative", order=2,
          rules=[(ops.cos, 0, lambda g, y, x: g * ops.sin(x))]),
    wrong("a row of one's own that forgets the graph",
          own("third", lambda x: x**3, lambda g, y, x: 3 * g * data(x) ** 2),
          V, kind="second derivative", order=2),
]  # fmt: skip


def under_no_grad(x: Any) -> Any:
    with tg.no_grad():
        return x**2


# -- a network of two layers as students write it: NumPy, with the backward pass by hand -------------------------------

T52 = np.eye(2)[LABELS]  # the right classes, one hot
A1, B1, A2, B2 = W34, R.normal(size=4), W42, R.normal(size=2)
NETWORK = (A1, B1, A2, B2)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def student_loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    h = np.maximum(X53 @ w1 + b1, 0)
    return -np.mean(np.sum(T52 * np.log(softmax(h @ w2 + b2)), axis=1))


def student(**slips: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The backward pass; each line may be exchanged for a slip, a function of all variables so far."""
    lines: dict[str, Callable[..., Any]] = {
        "dz": lambda v: (v["p"] - T52) / len(X53),
        "dw2": lambda v: v["h"].T @ v["dz"],
        "db2": lambda v: v["dz"].sum(axis=0),
        "dh": lambda v: v["dz"] @ v["w2"].T,
        "da": lambda v: v["dh"] * (v["a"] > 0),
        "dw1": lambda v: X53.T @ v["da"],
        "db1": lambda v: v["da"].sum(axis=0),
    }

    def gradient(w1: Any, b1: Any, w2: Any, b2: Any) -> list[Any]:
        a = X53 @ w1 + b1
        h = np.maximum(a, 0)
        v = {"w2": w2, "a": a, "h": h, "p": softmax(h @ w2 + b2)}
        for name, line in (lines | slips).items():
            v[name] = line(v)
        return [v["dw1"], v["db1"], v["dw2"], v["db2"]]

    return gradient


SQUARE = tuple(R.normal(size=(3, 3)) for _ in range(2))
X3, Y3 = R.normal(size=(4, 3)), R.normal(size=(4, 3))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def square_loss(u: Any, w: Any) -> Any:
    return ((sigmoid(X3 @ u) @ w - Y3) ** 2).mean()


def square_student(
    error: Any = lambda y: 2 * (y - Y3) / y.size, back: Any = lambda d, w: d @ w.T, slope: Any = lambda h: h * (1 - h),
    flip: Any = lambda g: g,
) -> Callable[..., list[Any]]:  # fmt: skip
    """Two square layers without bias, sigmoid between them: here a forgotten transposition fits all shapes."""

    def gradient(u: Any, w: Any) -> list[Any]:
        h = sigmoid(X3 @ u)
        d = error(h @ w)
        return [flip(X3.T @ (back(d, w) * slope(h))), h.T @ d]

    return gradient


def students(name: str, kind: str = "", **slips: Callable[..., Any]) -> Planted:
    verdict = "wrong" if slips else "ok"
    names = ("w1", "b1", "w2", "b2")
    return Planted(
        f"a student's network: {name}", student_loss, NETWORK, verdict, kind,
        {"gradient": student(**slips), "names": names},
    )  # fmt: skip


def squares(name: str, kind: str = "", **slips: Callable[..., Any]) -> Planted:
    verdict = "wrong" if slips else "ok"
    return Planted(
        f"square layers: {name}", square_loss, SQUARE, verdict, kind,
        {"gradient": square_student(**slips), "names": ("u", "w")},
    )  # fmt: skip


STUDENTS = [
    students("right"),
    students("1/n forgotten", "factor", dz=lambda v: v["p"] - T52),
    students("1/n twice", "factor", dz=lambda v: (v["p"] - T52) / len(X53) ** 2),
    students("1/n for the number of classes", "factor", dz=lambda v: (v["p"] - T52) / 2),
    students("the wrong sign", "sign", dz=lambda v: (T52 - v["p"]) / len(X53)),
    students("softmax without minus onehot", dz=lambda v: v["p"] / len(X53)),
    students("softmax as if it were sigmoid", dz=lambda v: (v["p"] - T52) * v["p"] * (1 - v["p"]) / len(X53)),
    students("b2 not summed over the batch", "axis", db2=lambda v: v["dz"]),
    students("b1 not summed over the batch", "axis", db1=lambda v: v["da"]),
    students("b2 of the first example", "axis", db2=lambda v: v["dz"][0]),
    students("b1 of the first example", "axis", db1=lambda v: v["da"][0]),
    students("b1 of the last example", "axis", db1=lambda v: v["da"][-1]),
    students("b2 averaged", "factor", db2=lambda v: v["dz"].mean(axis=0)),
    students("b1 summed over the wrong axis", db1=lambda v: v["da"].sum(axis=1)[:4]),
    students("relu forgotten", da=lambda v: v["dh"]),
    students("relu's mask from dh", da=lambda v: v["dh"] * (v["dh"] > 0)),
    students("relu's mask upside down", da=lambda v: v["dh"] * (v["a"] <= 0)),
    students("relu's value for its slope", da=lambda v: v["dh"] * v["h"]),
    students("w2 transposed", "transposed", dw2=lambda v: v["dz"].T @ v["h"]),
    students("w1 transposed", "transposed", dw1=lambda v: v["da"].T @ X53),
    students("w2 without the hidden layer's relu", dw2=lambda v: v["a"].T @ v["dz"]),
    students("w2 of the first example", dw2=lambda v: np.outer(v["h"][0], v["dz"][0])),
    students("b1 forgotten", "no gradient", db1=lambda v: np.zeros(4)),
    students("w1 of the sign", "sign", dw1=lambda v: -X53.T @ v["da"]),
    squares("right"),
    squares("w.T forgotten on the way back", back=lambda d, w: d @ w),
    squares("u transposed", "transposed", flip=lambda g: g.T),
    squares("sigmoid's slope forgotten", slope=lambda h: 1.0),
    squares("sigmoid's slope by half", slope=lambda h: h),
    squares("sigmoid's slope of the slope", slope=lambda h: sigmoid(h) * (1 - sigmoid(h))),
    squares("2 forgotten", "factor", error=lambda y: (y - Y3) / y.size),
    squares("mean over the batch only", "factor", error=lambda y: 2 * (y - Y3) / len(y)),
    squares("target minus output", "sign", error=lambda y: 2 * (Y3 - y) / y.size),
    squares("|error| for its square", error=lambda y: np.sign(y - Y3) / y.size),
    wrong("NumPy: a roll that is not undone", lambda x: (np.roll(x, 1) * P).sum(), V, kind="places",
          gradient=lambda x: [np.roll(P, 1)]),
    wrong("NumPy: a product with its own operand", lambda x, y: x @ y, V, U, kind="swapped operands",
          gradient=lambda x, y: [x, y]),
    wrong("NumPy: a transposed gradient", lambda a: (a * Q).sum(), S, kind="transposed", gradient=lambda a: [Q.T]),
    wrong("NumPy: an offset", lambda x: (x**3).sum(), V, kind="offset", gradient=lambda x: [3 * x**2 + 0.5]),
    wrong("NumPy: regularisation left out", lambda x: (x**3).sum() + 0.05 * (x**2).sum(), V,
          gradient=lambda x: [3 * x**2]),
    wrong("NumPy: only the first of two inputs", lambda x, y: (x * y).sum(), V, U, kind="no gradient",
          gradient=lambda x, y: [y, np.zeros(3)]),
]  # fmt: skip

PLANTED = [*RIGHT, *SINGLE, *KINKS, *JUMPS, *UNREAL, *STEPS, *LOOSE, *WRITERS, *BROKEN, *STUDENTS]
