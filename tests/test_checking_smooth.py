"""No false alarms: random smooth graphs, random graphs with a kink at a known distance, and the complex step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_table import ROWS, differentiable, problem

import tinygrad_edu as tg
from tinygrad_edu import Value, domains, ops
from tinygrad_edu.checking import numerical_gradient

GROUPS = 10
SHAPES = [(), (), (1,), (2,), (3,), (2, 2), (2, 3), (3, 1), (1, 2)]

# What a graph is made of; everything is smooth everywhere, and tame where numbers are.
ONE: list[Callable[..., Any]] = [
    tg.sin, tg.cos, tg.tanh, tg.sigmoid, tg.softplus, tg.arctan, tg.square, tg.arcsinh, tg.gelu, tg.silu,
    lambda x: tg.exp(0.5 * x), lambda x: tg.log(1 + x**2), lambda x: tg.sqrt(1 + x * x),
    lambda x: 1 / (1.5 + tg.sin(x)), lambda x: x**3, lambda x: -x, lambda x: 3 - 2 * x, lambda x: tg.expm1(tg.sin(x)),
    lambda x: x * x * x - x, lambda x: tg.norm(x + 4) if x.shape else tg.hypot(x, 2.0), lambda x: tg.logaddexp(x, 0.3),
    lambda x: tg.sinc(0.4 * x),
]  # fmt: skip
TWO: list[Callable[..., Any]] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (1 + b**2),
    lambda a, b: a * tg.tanh(b), lambda a, b: tg.arctan2(a, 2 + tg.cos(b)), lambda a, b: (1.5 + tg.sin(a)) ** b,
    lambda a, b: tg.logaddexp(a, b), lambda a, b: tg.hypot(a, 1 + b * b),
]  # fmt: skip
MANY: list[Callable[..., Any]] = [  # for what has an axis
    tg.softmax, tg.log_softmax, lambda x: tg.logsumexp(x, axis=0), lambda x: x.sum(axis=-1), lambda x: x.mean(axis=0),
    lambda x: x.sum(axis=0, keepdims=True), lambda x: x.T, lambda x: x.reshape(-1), lambda x: x[0],
    lambda x: x[..., -1], lambda x: x[::-1] * 2, lambda x: tg.cumsum(x, axis=0), lambda x: x.var(),
    lambda x: tg.prod(1 + 0.3 * x, axis=-1),
    lambda x: tg.concatenate([x, x**2]), lambda x: tg.stack([x, tg.cos(x)]), lambda x: x[np.array([0, -1, 0])],
]  # fmt: skip


def fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(1 in (n, m) or n == m for n, m in zip(a[::-1], b[::-1], strict=False))


class Graph:
    """A random function of some inputs: a list of steps, each a function and the places of its operands."""

    def __init__(self, random: np.random.Generator, size: int = 5) -> None:
        self.steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        shapes = [SHAPES[random.integers(len(SHAPES))] for _ in range(random.integers(1, 4))]
        self.inputs = [np.asarray(random.uniform(-1.5, 1.5, shape)) for shape in shapes]
        self.found = [Value(x) for x in self.inputs]
        for _ in range(size):
            self.step(random)
        used = {i for _, places in self.steps for i in places}
        self.ends = [(i, random.uniform(0.5, 1.5)) for i in range(len(self.found)) if i not in used]

    def step(self, random: np.random.Generator) -> None:
        """One more step, of operands that may have been used before; what grows large is tamed."""
        i, j = (int(random.integers(len(self.found))) for _ in range(2))
        a, b = self.found[i], self.found[j]
        kind = random.random()
        if kind < 0.15 and a.ndim and b.ndim and a.shape[-1] == b.shape[max(b.ndim - 2, 0)]:
            self.take(lambda a, b: a @ b, i, j)
        elif kind < 0.4 and fits(a.shape, b.shape):
            self.take(TWO[random.integers(len(TWO))], i, j)
        elif kind < 0.65 and a.ndim:
            self.take(MANY[random.integers(len(MANY))], i)
        else:
            self.take(ONE[random.integers(len(ONE))], i)
        if np.max(np.abs(self.found[-1].data)) > 8:
            self.take(tg.tanh, len(self.found) - 1)

    def take(self, function: Callable[..., Any], *places: int) -> None:
        self.found.append(function(*[self.found[i] for i in places]))
        self.steps.append((function, places))

    def __call__(self, *inputs: Any) -> Any:
        found = list(inputs)
        for function, places in self.steps:
            found.append(function(*[found[i] for i in places]))
        total: Any = 0.0
        for i, weight in self.ends:
            total = total + weight * found[i].sum()
        return total


@pytest.mark.parametrize("group", range(GROUPS))
def test_2000_smooth_graphs_without_a_false_alarm(group: int) -> None:
    random, verdicts = np.random.default_rng([20, group]), Counter[str]()
    for _ in range(2000 // GROUPS):
        f = Graph(random)
        report = tg.check_gradients(f, *f.inputs, raise_exception=False)
        verdicts[report.verdict] += 1
        assert report.verdict in ("ok", "rounding"), report
    assert verdicts["ok"] >= 0.99 * verdicts.total()


@pytest.mark.parametrize("group", range(GROUPS))
def test_500_smooth_graphs_in_float32_without_a_false_alarm(group: int) -> None:
    random = np.random.default_rng([32, group])
    for _ in range(500 // GROUPS):
        f = Graph(random, size=3)
        inputs = [x.astype(np.float32) for x in f.inputs]
        report = tg.check_gradients(f, *inputs, dtype=None, raise_exception=False)
        assert report.passed, report
        assert report.verdict in ("ok", "rounding"), report


def test_these_graphs_are_no_easy_prey(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rule that is wrong by one in a thousand, every graph that it matters to is rejected."""
    random, rejected, rule = np.random.default_rng(5), 0, ops.sin.rules[0]
    for _ in range(60):
        f = Graph(random)
        right = tg.grad(f, argnums=(*range(len(f.inputs)),))(*f.inputs)
        with monkeypatch.context() as broken:
            broken.setattr(ops.sin, "rules", (lambda *at: 1.001 * rule(*at),))
            wrong = tg.grad(f, argnums=(*range(len(f.inputs)),))(*f.inputs)
            report = tg.check_gradients(f, *f.inputs, raise_exception=False)
        off = max(np.max(np.abs(a - b) / (np.abs(a) + 1e-2)) for a, b in zip(right, wrong, strict=True))
        if off > 1e-5:
            assert report.verdict == "wrong", report
            rejected += 1
    assert rejected > 10


# -- at and near a kink ------------------------------------------------------------------------------------------------

BENDS: dict[str, Callable[[Any], Any]] = {  # each bends where an element of x is 0
    "relu": tg.relu,
    "abs": tg.abs,
    "max": lambda x: tg.max(tg.stack([x, tg.sin(2 * x), 0 * x]), axis=0),
    "clip": lambda x: tg.clip(x, 0.0, 0.7) - 0.4 * x,
    "where": lambda x: tg.where(x > 0, tg.sin(x), 2 * x),
}
AWAY = (0.0, 1e-12, -1e-12, 1e-8, -1e-8, 1e-4, -1e-4, 0.1, -0.1)
OUTER = [tg.tanh, tg.exp, tg.square, lambda x: x * tg.cos(x)]
INNER = [lambda x: x, tg.sin, lambda x: 2 * x + 0.3, lambda x: tg.exp(0.5 * x), lambda x: tg.softmax(x)]


def bent(random: np.random.Generator, bend: Callable[..., Any], away: float, dtype: Any) -> tuple[Any, Any]:
    """A smooth function of a bend of a smooth function, and a point where one number is `away` from the bend."""
    x = random.uniform(-1, 1, 3).astype(dtype)
    inner, outer = INNER[random.integers(len(INNER))], OUTER[random.integers(len(OUTER))]
    start = inner(Value(x)).data
    shift = (start + np.array([0.4, -0.6, 0.0]) * random.choice([-1.0, 1.0])).astype(dtype)
    shift[2] = start[2] - dtype(away)
    weights = random.uniform(0.5, 1.5, 3).astype(dtype)
    return lambda v: (outer(bend(inner(v) - shift)) * weights).sum() + (v * v).sum(), x


@pytest.mark.parametrize("name", BENDS)
@pytest.mark.parametrize("away", AWAY)
def test_no_false_alarm_at_and_near_a_kink(name: str, away: float) -> None:
    random = np.random.default_rng([7, [*BENDS].index(name), AWAY.index(away)])
    for _ in range(5):
        f, x = bent(random, BENDS[name], away, np.float64)
        report = tg.check_gradients(f, x, raise_exception=False)
        assert report.verdict in ("ok", "kink", "rounding"), report  # at 1e-12 a step that fits is next to rounding
        assert report.verdict == "ok" or abs(away) < 0.1, report


@pytest.mark.parametrize("name", BENDS)
@pytest.mark.parametrize("away", [0.0, 1e-4, -1e-4, 0.1, -0.1])
def test_no_false_alarm_at_and_near_a_kink_in_float32(name: str, away: float) -> None:
    random = np.random.default_rng([8, [*BENDS].index(name), AWAY.index(away)])
    for _ in range(3):
        f, x = bent(random, BENDS[name], away, np.float32)
        report = tg.check_gradients(f, x, dtype=None, raise_exception=False)
        assert report.verdict in ("ok", "kink", "rounding"), report


# -- the complex step --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.rules and domains.holomorphic(row)], ids=lambda row: row.name
)
def test_the_complex_step_agrees_with_the_rules_to_12_digits(row: ops.Op, seed: int) -> None:
    checked = 0
    for case in domains.cases(row):
        f, inputs = problem(row, case, seed)
        if not inputs or not sum(map(np.size, inputs)) or not differentiable(row, case):
            continue
        value, pullback = tg.vjp(f, *inputs)
        weights = np.random.default_rng(seed).uniform(0.5, 1.5, np.shape(value))
        weighted = lambda *xs, f=f, weights=weights: ops.sum(f(*xs) * weights)  # noqa: E731
        exact = numerical_gradient(weighted, *inputs, method="complex")
        for a, b in zip(pullback(weights if weights.shape else float(weights)), exact, strict=True):
            largest = np.max(np.abs(b), initial=0.0)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * largest)
        checked += 1
    assert checked
