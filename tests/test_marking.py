"""Marking by hand: what is right, what follows, what is wrong, and that a planted mistake is recognised as what it is.

The learner here is an engine of its own, written over dictionaries, with every mistake spelt out by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, nn, ops
from tinygrad_edu.teaching import broken
from tinygrad_edu.teaching.marking import EFFORT, Marks, Work, check_by_hand
from tinygrad_edu.teaching.mistakes import MISTAKES, ROUNDED, SLIPS, UNSUMMED, Suspects
from tinygrad_edu.replay import again

Place = tuple[Value, int]


# The learner. ---------------------------------------------------------------------------------------------------------


def forward_order(loss: Value) -> list[Value]:
    """All values under the loss, operands first."""
    found: dict[int, Value] = {}

    def visit(x: Value) -> None:
        for operand in x.operands:
            if isinstance(operand, Value) and id(operand) not in found:
                visit(operand)
        found[id(x)] = x

    visit(loss)
    return list(found.values())


def edges_of(loss: Value) -> list[Place]:
    """Every place through which a gradient passes."""
    return [
        (node, place)
        for node in forward_order(loss)
        for place, (x, rule) in enumerate(zip(node.operands, node.op.rules if node.op else ()))
        if isinstance(x, Value) and x.requires_grad and rule is not None
    ]


def with_nth(rules: Any, n: int) -> Any:
    return next(rule for i, rule in enumerate(rules) if i == n)


def unbroadcast(gain: Any, shape: tuple[int, ...]) -> Any:
    gain = np.asarray(gain, float)
    while gain.ndim > len(shape):
        gain = gain.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1 != gain.shape[axis]:
            gain = gain.sum(axis=axis, keepdims=True)
    if gain.ndim and gain.shape != shape:
        raise ValueError(f"{gain.shape} does not fit {shape}")
    return np.broadcast_to(gain, shape)


class Situation(NamedTuple):
    """What is at hand when a contribution is computed."""

    node: Value
    place: int
    rule: Callable[..., Any]
    g: Any
    y: Any
    xs: list[Any]

    def __call__(self, g: Any = None, y: Any = None, xs: Any = None, place: int | None = None) -> Any:
        rule = self.rule if place is None else with_nth(self.node.op.rules, place)
        g, y, xs = self.g if g is None else g, self.y if y is None else y, self.xs if xs is None else xs
        return rule(g, y, *xs, **self.node.settings)


def only_row(s: Situation, row: int) -> Any:
    """The contribution of a single row of a batch, to a matrix of weights or to what was stretched."""
    name, x = s.node.op.name, np.shape(s.xs[s.place])
    if name in ("matmul", "linear") and s.place == 1:
        a, rows = np.asarray(s.xs[0]), np.asarray(s.g)
        if a.ndim == 1:
            return None
        a = a.reshape(-1, a.shape[-1])[row]
        return np.outer(a, rows[row]) if rows.ndim == 2 else a * rows[row]
    full = np.asarray(s() if np.shape(s()) else np.broadcast_to(s(), np.shape(s.y)))
    if full.shape == x or full.ndim < len(x) or name == "sum":
        return None
    while full.ndim > len(x):
        full = full[row]
    for axis, n in enumerate(x):
        full = np.take(full, [row], axis) if n == 1 else full
    return full


def times(s: Situation) -> int:
    """For how many rows or places an operand was used."""
    if s.node.op.name in ("matmul", "linear") and s.place == 1:
        return int(np.prod(np.shape(s.xs[0])[:-1]))
    return np.size(s.y) // np.size(s.xs[s.place]) if np.ndim(s.y) >= np.ndim(s.xs[s.place]) else 1


def mean_forgotten(s: Situation) -> Any:
    if s.node.op.name == "cross_entropy":
        return s() * np.shape(s.xs[0])[0]
    return s.g if s.node.op.name == "divide" and s.node.scope and s.node.scope.name == "mean" else None


def with_output(s: Situation) -> Any:
    xs = [s.y if isinstance(x, Value) and np.shape(n) == np.shape(s.y) else n for x, n in zip(s.node.operands, s.xs)]
    return s(xs=xs)


def turned(x: Any) -> Any:
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


BY_HAND: dict[str, Callable[[Situation], Any]] = {
    "forgot to accumulate": lambda s: np.zeros(np.shape(s.xs[s.place])),
    "missed the chain": lambda s: s(g=np.ones(np.shape(s.g)) if np.shape(s.g) else 1.0),
    "forgot the mean's 1/n": mean_forgotten,
    "forgot the local derivative": lambda s: s.g,
    "wrong sign": lambda s: -1 * s(),
    "used the input instead of the output": lambda s: (
        s(y=s.xs[s.place]) if np.shape(s.xs[s.place]) == np.shape(s.y) else None
    ),
    "used the output instead of the input": with_output,
    "swapped the operands": lambda s: s(xs=[s.xs[1], s.xs[0]]) if two(s) else None,
    "the other operand's derivative": lambda s: s(place=1 - s.place) if two(s) else None,
    "forgot the exponent in front": lambda s: s() / n if (n := raised_to(s)) else None,
    "kept the exponent": lambda s: s() * s.xs[0] if raised_to(s) else None,
    "kept only the first row": lambda s: only_row(s, 0),
    "kept only the last row": lambda s: only_row(s, -1),
    "averaged instead of summed": lambda s: s() / times(s) if times(s) > 1 else None,
    "transposed": lambda s: turned(s()) if np.ndim(s.xs[s.place]) > 1 else None,
    "forgot to transpose": lambda s: s(xs=[*map(turned, s.xs)]) if s.node.op.name in ("matmul", "linear") else None,
    "another function's derivative": lambda s: {
        "tanh": lambda: s.g * s.y * (1 - s.y), "sigmoid": lambda: s.g * (1 - s.y * s.y)
    }.get(s.node.op.name, lambda: None)(),
}  # fmt: skip


def two(s: Situation) -> bool:
    return len(s.xs) == 2 and all(isinstance(x, Value) for x in s.node.operands)


def raised_to(s: Situation) -> Any:
    return {"square": 2, "power": s.xs[-1]}.get(s.node.op.name) if s.place == 0 else None


FORWARD_BY_HAND: dict[str, Callable[..., Any]] = {
    "wrong sign": lambda node, y, *xs: -y,
    "swapped the operands": lambda node, y, *xs: node.op(xs[1], xs[0], **node.settings) if len(xs) == 2 else None,
    "wrong sign of an operand": lambda node, y, *xs: node.op(-xs[0], *xs[1:], **node.settings),
    "wrong sign of the second operand": lambda node, y, *xs: (
        node.op(xs[0], -xs[1], *xs[2:], **node.settings) if len(xs) > 1 else None
    ),
    "forgot the function": lambda node, y, *xs: xs[0] if len(xs) == 1 and np.shape(xs[0]) == np.shape(y) else None,
    "forgot the mean's 1/n": lambda node, y, *xs: (
        xs[0] if node.op.name == "divide" and node.scope and node.scope.name == "mean" else None
    ),
    "forgot the bias": lambda node, y, *xs: xs[0] @ xs[1] if node.op.name == "linear" else None,
}
NOTHING = "", frozenset[Place]()


class Learner:
    """Computes a graph by hand with one mistake, at some places, and goes on from each number as it `writes` it down.

    `values` and `gradients` are by the identity of what they are of; `made` are the places where it was possible.
    """

    def __init__(
        self, loss: Value, backward: tuple[str, Any] = NOTHING, forward: tuple[str, Any] = NOTHING,
        writes: Callable[[Any], Any] = lambda x: x,
    ) -> None:  # fmt: skip
        self.order, self.edges, self.writes = forward_order(loss), {*edges_of(loss)}, writes
        self.values: dict[int, Any] = {}
        self.gradients: dict[int, Any] = {id(x): np.zeros(x.shape) for x in self.order}
        self.made: set[Place] = set()
        with np.errstate(all="ignore"):
            for node in self.order:
                self.values[id(node)] = x_of(node) if node.op is None else writes(self.value(node, *forward))
            self.gradients[id(loss)] = np.ones(loss.shape)
            for node in reversed([node for node in self.order if node.op is not None]):
                self.gradients[id(node)] = writes(self.gradients[id(node)])
                for place, x in enumerate(node.operands):
                    if (node, place) in self.edges:
                        self.gradients[id(x)] = self.gradients[id(x)] + self.gain(node, place, *backward)
            for x in self.order:
                self.gradients[id(x)] = writes(self.gradients[id(x)])

    def numbers(self, node: Value) -> list[Any]:
        return [as_number(self.values[id(x)]) if isinstance(x, Value) else x for x in node.operands]

    def value(self, node: Value, name: str, places: Any) -> Any:
        xs = self.numbers(node)
        y = node.op(*xs, **node.settings)
        result = self.attempt(node, 0, places, lambda: FORWARD_BY_HAND[name](node, y, *xs))
        return y if result is None or np.shape(result) != np.shape(y) else result

    def gain(self, node: Value, place: int, name: str, places: Any) -> Any:
        g, y = as_number(self.gradients[id(node)]), as_number(self.values[id(node)])
        shape = np.shape(self.values[id(node.operands[place])])
        case = Situation(node, place, with_nth(node.op.rules, place), g, y, self.numbers(node))
        wrong = self.attempt(node, place, places, lambda: unbroadcast_if(BY_HAND[name](case), shape))
        try:
            return unbroadcast(case(), shape) if wrong is None else wrong
        except ArithmeticError:
            return np.full(shape, np.nan)

    def attempt(self, node: Value, place: int, places: Any, mistake: Callable[[], Any]) -> Any:
        if (node, place) not in places:
            return None
        try:
            result = mistake()
        except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError):
            return None
        if result is not None:
            self.made.add((node, place))
        return result


def unbroadcast_if(gain: Any, shape: tuple[int, ...]) -> Any:
    return None if gain is None else unbroadcast(gain, shape)


def x_of(x: Value) -> Any:
    return np.asarray(x.data, float)


def as_number(x: Any) -> Any:
    return float(x) if np.ndim(x) == 0 else np.asarray(x)


# The graphs. ----------------------------------------------------------------------------------------------------------


def scalar_graph(random: np.random.Generator) -> Value:
    """A scalar expression with values that are used more than once; numbers that a person would choose."""
    names = "abcd"[: random.integers(2, 5)]
    pool = [Value(float(random.choice([-1, 1]) * random.integers(3, 25) / 10), name) for name in names]
    for _ in range(random.integers(4, 10)):
        new = scalar_step(random, pool)
        if new is not None and 1e-3 < abs(new.data) < 30:
            pool.append(new)
    unused = [x for x in pool if not any(x is operand for node in pool for operand in node.operands)]
    loss = unused[0]
    for x in unused[1:]:
        loss = loss + x if random.random() < 0.6 else loss * x
    return loss


def scalar_step(random: np.random.Generator, pool: list[Value]) -> Any:
    x, y = (pool[max(random.integers(len(pool)), random.integers(len(pool)))] for _ in range(2))
    kind = random.integers(13)
    number = float(random.integers(2, 9)) / 2
    if kind in (5, 6) and abs(y.data) < 0.3:
        return None
    return [
        lambda: x + y, lambda: x - y, lambda: x * y, lambda: x * y, lambda: x * number, lambda: x / y, lambda: x / y,
        lambda: x ** int(random.integers(2, 4)), lambda: tg.tanh(x), lambda: tg.sigmoid(x), lambda: tg.relu(x),
        lambda: tg.exp(x) if abs(x.data) < 2 else None, lambda: x**y if x.data > 0.2 and x is not y else None,
    ][kind]()  # fmt: skip


def tensor_graph(random: np.random.Generator) -> Value:
    """One or two layers on a small batch, and a loss."""
    batch, inputs = random.integers(2, 4), random.integers(2, 4)
    units = inputs if random.random() < 0.5 else random.integers(2, 4)

    def leaf(name: str, *shape: int) -> Value:
        return Value((random.integers(-20, 21, shape) + 0.5) / 10, name)

    x = leaf("X", batch, inputs) if random.random() < 0.5 else leaf("X", batch, inputs).data
    w, b = leaf("W", inputs, units), leaf("b", units)
    h = layer(random, x, w, b)
    choice = random.integers(4)
    if choice == 0 and inputs == units:
        h = layer(random, h, w, b)  # the same weights again
    if choice == 1:
        h = h * leaf("s")
    if choice == 2:
        h = h * leaf("c", batch, 1) + h
    if choice == 3:
        h = h @ leaf("V", units, 2)
    target = random.integers(-20, 21, h.shape) / 10
    return [
        lambda: h.sum(), lambda: h.mean(), lambda: nn.mse(h, target), lambda: (h * target).mean(axis=0).sum(),
        lambda: nn.cross_entropy(h, random.integers(0, h.shape[1], h.shape[0])),
        lambda: (tg.softmax(h) * target).sum(),
    ][random.integers(6)]()  # fmt: skip


def layer(random: np.random.Generator, x: Any, w: Value, b: Value) -> Any:
    z = ops.linear(x, w, b) if random.random() < 0.4 else x @ w + b
    return [tg.tanh, tg.sigmoid, tg.relu, lambda z: z][random.integers(4)](z)


def graph(seed: int) -> Value:
    random = np.random.default_rng(seed)
    while True:
        loss = (scalar_graph, tensor_graph)[seed % 2](random)
        learner = Learner(loss) if loss.op is not None else None
        if learner and all(np.all(np.isfinite(g)) and np.all(np.abs(g) < 1e4) for g in learner.gradients.values()):
            return loss


# What the learner hands in. -------------------------------------------------------------------------------------------


def digits(x: Any, form: str) -> Any:
    """Numbers as strings."""
    return format(float(x), form) if np.ndim(x) == 0 else [digits(part, form) for part in x]


def rounded(x: Any, form: str) -> Any:
    return float(format(float(x), form)) if np.ndim(x) == 0 else np.array([rounded(part, form) for part in x])


PRECISIONS = ("full", "#.4g", ".4f", ".4f as floats", "#.4g as written")


class Paper(NamedTuple):
    """What is handed in, as computed and as written, and the learner."""

    learner: Learner
    numbers: dict[tuple[str, Value], Any]
    gradients: dict[Any, Any]
    values: dict[Any, Any]


def hand_in(loss: Value, asked: str, precision: str, **mistake: Any) -> Paper:
    form = precision.split()[0]
    learner = Learner(loss, writes=(lambda x: rounded(x, form)) if "written" in precision else lambda x: x, **mistake)
    wanted = [("gradient", x) for x in learner.order if x.requires_grad and (asked == "all" or x.op is None)]
    wanted += [("value", x) for x in learner.order if asked == "all" and x.op is not None]
    numbers = {(kind, x): (learner.values if kind == "value" else learner.gradients)[id(x)] for kind, x in wanted}
    write = rounded if "floats" in precision else digits
    written = {key: as_number(x) if form == "full" else write(x, form) for key, x in numbers.items()}
    gradients, values = ({x: n for (kind, x), n in written.items() if kind == k} for k in ("gradient", "value"))
    return Paper(learner, numbers, gradients, values)


def agree(mine: Any, other: Any, precision: str) -> bool:
    """Whether two numbers are the same as far as they are written."""
    form = precision.split()[0]
    if form == "full":
        return bool(np.allclose(mine, other, rtol=1e-6, atol=1e-9))
    near = np.abs(rounded(mine, form))
    unit = 10.0**-4 if form == ".4f" else 10.0 ** (np.floor(np.log10(np.where(near == 0, 1.0, near))) - 3)
    return bool(np.all(np.abs(rounded(mine, form) - other) <= unit / 2 * (1 + 1e-6) + 1e-9 * np.abs(other) + 1e-12))


class Trial(NamedTuple):
    """A planted mistake, and what became of it: "named", "same numbers" (another gives them too) or "missed"."""

    seed: int
    kind: str
    name: str
    scope: str
    asked: str
    precision: str
    outcome: str
    marks: Marks


def trials(seed: int, first: int = 0, precisions: tuple[str, ...] = PRECISIONS) -> Iterator[Trial]:
    """Every mistake that shows in one graph, from one of the table on: at one place, at one operation, everywhere."""
    loss, random = graph(seed), np.random.default_rng(seed)
    both = [(kind, name) for kind, table in TABLES.items() for name in table]
    for kind, name in [*both[first % len(both) :], *both[: first % len(both)]]:
        for scope, places in plantings(loss, kind, name, random):
            for asked in ("all", "leaves"):
                fit = [form for form in precisions if asked == "all" or "written" not in form]
                precision = fit[random.integers(len(fit))]
                if (marked := tried(loss, kind, name, places, asked, precision)) is not None:
                    yield Trial(seed, kind, name, scope, asked, precision, *marked)


TABLES: dict[str, dict[str, Any]] = {"gradient": BY_HAND, "value": FORWARD_BY_HAND}
WAYS = {"gradient": "backward", "value": "forward"}


def plantings(loss: Value, kind: str, name: str, random: np.random.Generator) -> Iterator[tuple[str, frozenset[Place]]]:
    """Where a mistake is planted: one place, picked at random of those where it can be made, and consistently."""
    made = set[frozenset[Place]]()
    for scope, places in candidates(loss, kind, name, random):
        possible = frozenset(Learner(loss, **{WAYS[kind]: (name, places)}).made)
        if possible and possible not in made:
            made.add(possible)
            yield scope, places


def candidates(loss: Value, kind: str, name: str, random: np.random.Generator) -> list[tuple[str, frozenset[Place]]]:
    places = edges_of(loss)
    if kind == "value":
        places = [(node, 0) for node in forward_order(loss) if node.op is not None]
    possible = [place for place in places if Learner(loss, **{WAYS[kind]: (name, frozenset([place]))}).made]
    if name == "forgot to accumulate":
        operands = Counter(id(node.operands[i]) for node, i in possible)
        possible = [(node, i) for node, i in possible if operands[id(node.operands[i])] > 1]
    if not possible:
        return []
    node, place = one = possible[random.integers(len(possible))]
    if name == "forgot to accumulate":
        x = node.operands[place]
        return [("one", frozenset(use for use in possible if use[0].operands[use[1]] is x) - {one})]
    if kind == "value":
        return [("one", frozenset([one]))]
    same = frozenset(use for use in places if use[0].op is node.op)
    return [("one", frozenset([one])), ("operation", same), ("everywhere", frozenset(places))]


def tried(loss: Value, kind: str, name: str, places: Any, asked: str, precision: str) -> tuple[str, Marks] | None:
    """Plant a mistake and have it marked; None if it does not show."""
    truths = [hand_in(loss, asked, form).numbers for form in ("full", precision)]
    paper = hand_in(loss, asked, precision, **{WAYS[kind]: (name, places)})
    numbers = np.abs(np.concatenate([*map(np.ravel, paper.numbers.values())]))
    told = np.all(np.isfinite(numbers)) and np.all(numbers < 1e6) and (".4f" not in precision or not zero(numbers))
    if not told or all(any(agree(x, truth[key], precision) for truth in truths) for key, x in paper.numbers.items()):
        return None
    marks = check_by_hand(loss, paper.gradients, paper.values)
    return outcome(loss, marks, paper, asked, precision, kind, name), marks


def zero(numbers: Any) -> bool:
    """Whether of some number next to nothing remains when it is rounded to four decimals."""
    return bool(np.any((numbers > 0) & (numbers < 0.002)))


def outcome(loss: Value, marks: Marks, paper: Paper, asked: str, precision: str, kind: str, name: str) -> str:
    found = marks.first_wrong and marks.first_wrong.looks_like
    if not found or found.name in (ROUNDED, UNSUMMED):
        return "missed"
    again = hand_in(loss, asked, precision, **{WAYS[found.kind]: (found.name, found.places)})
    if (found.kind, found.name, again.learner.made) == (kind, name, paper.learner.made):
        return "named"
    same = all(agree(x, again.numbers[key], precision) for key, x in paper.numbers.items())
    return "same numbers" if same else "missed"


# Planted mistakes are named. ------------------------------------------------------------------------------------------


def test_every_mistake_of_the_tables_is_planted_here() -> None:
    assert {*MISTAKES} == {*BY_HAND, UNSUMMED, ROUNDED}
    assert {*SLIPS} == {*FORWARD_BY_HAND}


SEEDS, MOST = range(1000, 1100), 3


def test_a_planted_mistake_is_named_or_gives_the_very_same_numbers() -> None:
    found = [trial for seed in SEEDS for trial in islice(trials(seed, seed // 2 * 5), MOST)]
    outcomes = Counter(trial.outcome for trial in found)
    missed = [trial[:6] for trial in found if trial.outcome == "missed"]
    assert len({trial.seed for trial in found}) == 100
    assert {(trial.kind, trial.name) for trial in found} == {(kind, name) for kind in TABLES for name in TABLES[kind]}
    assert outcomes["named"] > 0.7 * len(found)
    assert missed == []


def test_a_planted_mistake_is_named_as_often_if_the_numbers_are_rounded_floats() -> None:
    strings, floats = (
        [trial for seed in range(2000, 2060) for trial in islice(trials(seed, seed, (form,)), 2)]
        for form in (".4f", ".4f as floats")
    )
    assert [trial.outcome for trial in floats] == [trial.outcome for trial in strings]
    assert "missed" not in {trial.outcome for trial in floats}


@pytest.mark.parametrize("seed", SEEDS[:30])
def test_a_single_mistake_is_wrong_at_its_place_and_everything_else_follows(seed: int) -> None:
    loss, random = graph(seed), np.random.default_rng(seed)
    right = hand_in(loss, "all", "full").numbers
    for name in ("wrong sign", "missed the chain", "forgot to accumulate", "kept only the last row"):
        for _, places in [*plantings(loss, "gradient", name, random)][:1]:
            paper = hand_in(loss, "all", "full", backward=(name, places))
            marks = check_by_hand(loss, paper.gradients, paper.values)
            off = {key for key, x in paper.numbers.items() if not agree(x, right[key], "full")}
            ((operand,),) = {tuple({node.operands[i] for node, i in places})}
            for mark in marks:
                key = mark.kind, marks.steps.names.find(mark.name)
                expected = "right" if key not in off else "wrong" if is_gradient_of(operand, *key) else "follows"
                assert mark.mark == expected
            if off:
                assert marks.first_wrong.name == marks.steps.names.of(operand)


def is_gradient_of(operand: Value, kind: str, x: Value) -> bool:
    return kind == "gradient" and x is operand


@pytest.mark.parametrize("precision", [*PRECISIONS, ".2f", "#.2g as written"])
def test_what_is_right_is_marked_right_however_it_is_rounded(precision: str) -> None:
    asked = "all" if "written" in precision else "leaves"  # rounding that is not handed in may look like a mistake
    for seed in SEEDS[:40]:
        paper = hand_in(graph(seed), asked, precision)
        marks = check_by_hand(paper.learner.order[-1], paper.gradients, paper.values)
        assert {mark.mark for mark in marks} == {"right"}
        assert marks.passed
        assert marks.first_wrong is None
        assert marks.score == f"{len(marks)} of {len(marks)}"


def test_a_wrong_number_that_is_no_mistake_of_the_table_is_not_called_one() -> None:
    called = 0
    for seed in SEEDS[:20]:
        loss, random = graph(seed), np.random.default_rng(seed)
        paper = hand_in(loss, "all", "#.4g")
        key = [*paper.gradients][random.integers(len(paper.gradients))]
        off = np.asarray(paper.numbers["gradient", key]) * 1.37 + 0.71
        marks = check_by_hand(loss, {**paper.gradients, key: digits(off, "#.4g")}, paper.values)
        assert marks.first_wrong.name == marks.steps.names.of(key)
        called += marks.first_wrong.looks_like is not None
    assert called == 0


# On paper. ------------------------------------------------------------------------------------------------------------


def lecture() -> Value:
    """The first graph of the micrograd lecture."""
    a, b, c, f = (Value(x, name) for name, x in {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}.items())
    e = a * b
    e.label = "e"
    d = e + c
    d.label = "d"
    loss = d * f
    loss.label = "L"
    return loss


RIGHT = {"e.data": -6, "d.data": 4, "L.data": -8, "L": 1, "d": -2, "f": 4, "e": -2, "c": -2, "a": 6, "b": -4}


def marked(loss: Value, *answers: Any, **how: Any) -> dict[str, str]:
    return {f"{mark.name}.{mark.kind}": mark.mark for mark in check_by_hand(loss, *answers, **how)}


def test_the_lecture_all_right_in_the_order_of_work() -> None:
    marks = check_by_hand(lecture(), dict(reversed(RIGHT.items())))
    assert [(mark.name, mark.kind) for mark in marks] == [
        ("e", "value"), ("d", "value"), ("L", "value"), ("L", "gradient"), ("d", "gradient"), ("f", "gradient"),
        ("e", "gradient"), ("c", "gradient"), ("a", "gradient"), ("b", "gradient"),
    ]  # fmt: skip
    assert (marks.passed, marks.score, marks.first_wrong, len(marks)) == (True, "10 of 10", None, 10)
    assert marks[0] == marks.marks[0] == ("e", "value", -6, -6.0, -6.0, "right", None)


def test_the_text_of_a_sheet_with_a_slip() -> None:
    marks = check_by_hand(lecture(), {**RIGHT, "d": "-2.0", "e": 2, "a": -6, "b": 4})
    text = """\
       yours  right  from your numbers
e      -6     -6                        ✓
d      4      4                         ✓
L      -8     -8                        ✓
∂L/∂L  1      1                         ✓
∂L/∂d  -2.0   -2                        ✓
∂L/∂f  4      4                         ✓
∂L/∂e  2      -2     -2                 ✗
∂L/∂c  -2     -2                        ✓
∂L/∂a  -6     6      -6                 ✓ follows
∂L/∂b  4      -4     4                  ✓ follows
9 of 10 are right or follow.
The first to look at is ∂L/∂e = ∂L/∂d: 2 should be -2.
It looks like “wrong sign” from d to e: a minus was lost, or there is one too many."""
    assert str(marks) == repr(marks) == text


def test_the_text_of_a_sheet_without_a_mistake() -> None:
    text = """\
       yours  right
∂L/∂a  6.0    6      ✓
∂L/∂b  -4     -4     ✓
2 of 2 are right."""
    assert str(check_by_hand(lecture(), {"a": "6.0", "b": "-4"})) == text


@pytest.mark.parametrize(
    ("answers", "summary"),
    [
        ({"a": 6}, "The only answer is right."), ({"a": 7}, "The only answer is wrong."),
        ({"a": 6, "b": 5}, "1 of 2 is right."), ({"a": 7, "b": 5}, "0 of 2 are right."),
        ({"e": 2, "a": -6, "b": 5}, "1 of 3 is right or follows."),
        ({"e": 2, "a": -6, "b": 4}, "2 of 3 are right or follow."),
    ],
)  # fmt: skip
def test_how_many_are_right_is_said_in_a_sentence(answers: Any, summary: str) -> None:
    assert summary in str(check_by_hand(lecture(), answers)).splitlines()


def test_a_slip_on_the_way_forward_is_followed_forward_and_into_the_rules() -> None:
    slip = {"e.data": 6, "d.data": 16, "L.data": -32, "f": 16, "d": -2, "a": 6, "b": -4}
    marks = check_by_hand(lecture(), slip)
    assert [mark.mark for mark in marks] == ["wrong", "follows", "follows", "right", "follows", "right", "right"]
    assert str(marks.first_wrong.looks_like) == "“wrong sign” in e: a minus was lost, or there is one too many."
    assert (marks[4].answer, marks[4].right, marks[4].expected) == (16, 4.0, 16.0)


def test_a_slip_forward_shows_in_gradients_alone() -> None:
    marks = check_by_hand(lecture(), {"a": 6, "b": -4, "c": -2, "f": 16})
    assert [mark.name for mark in marks if mark.mark == "wrong"] == ["f"]
    assert (marks.first_wrong.looks_like.kind, marks.first_wrong.looks_like.where) == ("value", "in e")


def test_a_slip_upstream_of_what_was_handed_in_is_found() -> None:
    a = Value(0.5, "a")
    b = Value(-1.5, "b")
    y = tg.tanh(a * b)
    loss = y * y + a
    x = float(y.data)
    marks = check_by_hand(loss, {"a": 1 + 2 * x * -1.5, "b": 2 * x * 0.5})  # as if tanh had the slope 1
    assert [mark.mark for mark in marks] == ["wrong", "wrong"]
    assert {str(mark.looks_like) for mark in marks} == {
        "“forgot the local derivative” from v2 to v1: what arrives from above was passed on as it is."
    }


def test_two_slips_are_told_apart() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    c = a * b
    c.label = "c"
    d = c + b
    d.label = "d"
    loss = d * d * c
    marks = check_by_hand(loss, {"c.data": 6, "d.data": 9, "d": 54, "c": 81, "a": 243, "b": 216})
    assert {mark.name: mark.mark for mark in marks if mark.kind == "gradient"} == {
        "d": "wrong", "c": "wrong", "a": "follows", "b": "follows"
    }  # fmt: skip
    assert [mark.looks_like.where for mark in marks if mark.looks_like] == [
        "at d, without a contribution from v1", "at c, without a contribution from d"
    ]  # fmt: skip
    assert marks.score == "4 of 6"


def test_a_mistake_made_everywhere_is_said_once() -> None:
    a, b = Value(0.7, "a"), Value(-0.4, "b")
    x, y = tg.tanh(a), tg.tanh(b)
    loss = x * y
    marks = check_by_hand(loss, {"a": float(y.data), "b": float(x.data)})
    assert {str(mark.looks_like) for mark in marks} == {
        "“forgot the local derivative” at every tanh: what arrives from above was passed on as it is."
    }


def test_an_engine_that_assigns_where_it_should_add_forgets_to_accumulate_everywhere() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    c = a * b
    loss = c * a + b * c + a
    wrong = broken.assignment(loss).wrong
    marks = check_by_hand(loss, {a: wrong[a], b: wrong[b]})
    assert [mark.mark for mark in marks] == ["wrong", "wrong"]
    assert {(mark.looks_like.name, mark.looks_like.where) for mark in marks} == {("forgot to accumulate", "everywhere")}


def test_numbers_written_with_few_digits_are_worked_on_with_all_of_them() -> None:
    """-0.67 stands for -2/3: twenty times that is -13.3, though 20 times -0.67 is -13.4."""
    a, b = Value(2 / 3, "a"), Value(20.0, "b")
    c = a * 1.0
    c.label = "c"
    d = c * b
    d.label = "d"
    assert marked(d * 1.0, {"c.data": "0.67", "d.data": "13.3"}) == {"c.value": "right", "d.value": "right"}
    assert marked(d * 1.0, {"c.data": "0.67", "d.data": "13.4"}) == {"c.value": "right", "d.value": "right"}
    assert marked(d * 1.0, {"c.data": "-0.67", "d.data": "-13.3"}) == {"c.value": "wrong", "d.value": "follows"}
    assert marked(d * 1.0, {"c.data": "-0.67", "d.data": "-13.4"}) == {"c.value": "wrong", "d.value": "follows"}
    assert marked(d * 1.0, {"c.data": "-0.67", "d.data": "-13.2"}) == {"c.value": "wrong", "d.value": "wrong"}


# Digits. --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "answer", "mark"),
    [
        (0.504, "0.50", "right"), (0.506, "0.50", "wrong"), (0.495, "0.50", "right"), (0.55, "0.5", "right"),
        (0.56, "0.5", "wrong"), (6.4, "6", "right"), (6.6, "6", "wrong"), (-0.0015, "-1.5e-3", "right"),
        (-0.00156, "-1.5e-3", "wrong"), (-1.5, "−1.5", "right"), (1234.0, "1.2e3", "right"), (1251.0, "1.2e3", "wrong"),
        (1 / 3, "1/3", "right"), (0.3333, "1/3", "wrong"), (-1 / 3, " -1/3 ", "right"), (0.2, Fraction(1, 5), "right"),
        (0.33, Fraction(1, 3), "wrong"), (0.5, 0.5000001, "right"), (0.5, 0.500001, "wrong"), (1e-10, 0, "right"),
        (1e-8, 0, "wrong"), (6.0, 6, "right"), (6.4, 6, "wrong"), (6.0, np.float32(6), "right"),
        (6.0, np.array(6.0), "right"), (2.0, np.int64(2), "right"), (0.25, ".25", "right"), (2.0, "2.", "right"),
        (0.53749, 0.537, "right"), (0.5376, 0.537, "wrong"), (-13.354, -13.35, "right"), (-13.356, -13.35, "wrong"),
        (1.254e-3, 1.25e-3, "right"), (1.256e-3, 1.25e-3, "wrong"), (0.504, 0.5, "wrong"), (0.254, 0.25, "wrong"),
        (12.04, 12.0, "wrong"), (125.04, 125.0, "wrong"), (6.004, 6.0, "wrong"), (123.4, 123, "wrong"),
        (0.5374, np.float32(0.537), "right"), (0.5376, np.float32(0.537), "wrong"), (0.5374, np.array(0.537), "right"),
        (0.5374, np.float64(0.537), "right"), (7.0, "0e5", "wrong"), (0.0, "0e5", "right"), (0.004, "0.00", "right"),
        (0.004, "0e-2", "right"), (7.0, "0e999", "wrong"), (0.4, "0", "right"), (-3.04, "-3,0", "right"),
        (-3.06, "−3,0", "wrong"), (0.00125, "1,25e-3", "right"),
    ],
)  # fmt: skip
def test_the_digits_that_are_written_count(right: float, answer: Any, mark: str) -> None:
    x = Value(1.0, "x")
    assert marked(x * right, {"x": answer}) == {"x.gradient": mark}


def test_an_answer_that_was_rounded_too_early_is_told_from_a_mistake() -> None:
    x = Value(1.0, "x")
    assert str(check_by_hand(x * 0.34567, {"x": 0.3451}).first_wrong.looks_like) == (
        "“rounded too early” at x: only the last digits are off: keep more on the way, or write fewer, in quotes."
    )
    assert check_by_hand(x * 0.34567, {"x": 0.36}).first_wrong.looks_like is None


def test_what_is_really_wrong_goes_before_what_was_rounded_too_early(monkeypatch: Any) -> None:
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(0.7, "c")
    loss = tg.tanh(a * 0.3) * b + c * c
    marks = check_by_hand(loss, {"b": "0.5375", "c": 0.7, "a": "0.6404"})
    assert [(mark.name, mark.looks_like.name) for mark in marks if mark.mark == "wrong"] == [
        ("c", "forgot to accumulate"), ("b", "rounded too early"), ("a", "wrong sign")
    ]  # fmt: skip
    assert marks.first_wrong.name == "c"
    assert check_by_hand(loss, {"b": "0.5375", "a": "0.6404"}).first_wrong.name == "a"
    searched: list[Value] = []
    monkeypatch.setattr(Suspects, "behind", lambda self, key, limit: searched.append(key[1]) or iter(()))
    check_by_hand(loss, {"b": "0.5375", "a": "0.6404"})
    assert searched == [a, b]


def test_floats_beside_one_that_was_rounded_are_rounded_alike() -> None:
    x, y, n = (Value(1.0, name) for name in "xyn")
    loss = x * 0.53704 + y * 2.00003 + n * 6.00003
    right = {"x.gradient": "right", "y.gradient": "right"}
    assert marked(loss, {"x": 0.537, "y": 2.0}) == marked(loss, {"x": np.float32(0.537), "y": np.float64(2)}) == right
    assert marked(loss, {"x": "0.537", "y": 2.0}) == {**right, "y.gradient": "wrong"}
    assert marked(loss, {"x": 0.537, "n": 6}) == {"x.gradient": "right", "n.gradient": "wrong"}
    w = Value(np.ones(3), "w")
    for answer, mark in (([0.5, 0.537, 2.0], "right"), ([0.5, 0.5376, 2.0], "wrong"), ([0.5, "0.537", 2.0], "wrong")):
        assert marked((w * [0.5, 0.53712, 2.0003]).sum(), {"w": answer}) == {"w.gradient": mark}
    assert marked((w * [0.5, 0.53712, 2.0003]).sum(), {"w": np.array([0.5, 0.537, 2], np.float32)}) == {
        "w.gradient": "right"
    }


def test_numbers_that_differ_look_different() -> None:
    x, w = Value(1.0, "x"), Value(np.ones(2), "w")
    for answer, right, text in (
        (0.123412, 0.123414, "0.123412 should be 0.123414."),
        ("0.53700", 0.537007, "0.53700 should be 0.53701."),
        (0.9999, 1.00001, "0.9999 should be 1."),
    ):
        assert text in str(check_by_hand(x * right, {"x": answer}))
    several = str(check_by_hand((w * [0.5, 0.123414]).sum(), {"w": [0.5, 0.123412]}))
    assert "[0.5, 0.123412] should be [0.5, 0.123414]." in several
    assert "∂L/∂w  [0.5, 0.123412]  [0.5, 0.123414]  [0.5, 0.123414] " in several
    v = Value(np.arange(8.0).reshape(2, 4), "v")
    many = [[0, 2, 4, 6], [8, 10, -12, 14]]
    assert "-12 at [1, 2] should be 12." in str(check_by_hand((v * v).sum(), {"v": many}))


# Arrays. --------------------------------------------------------------------------------------------------------------


def test_arrays_and_nested_lists_are_marked_number_by_number() -> None:
    w = Value([[1.0, 2.0], [3.0, 4.0]], "w")
    loss = (w * w).sum()
    for answer in ([[2, 4], [6, 8]], [["2.0", "4.0"], ["6", 8]], np.array([[2.0, 4], [6, 8]]), ((2, 4), (6, "8/1"))):
        assert marked(loss, {"w": answer}) == {"w.gradient": "right"}
    wrong = check_by_hand(loss, {"w": [[2, 4], [6, 9]]})
    assert "[[2, 4], [6, 9]] should be [[2, 4], [6, 8]]." in str(wrong)


def test_another_shape_is_wrong_and_says_what_it_looks_like() -> None:
    x, b = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), Value([0.1, 0.2], "b")
    w = Value(np.arange(6.0).reshape(3, 2) / 10, "W")
    loss = ((x @ w + b) ** 2).sum()
    loss.backward()
    unsummed = 2 * (x @ w.data + b.data)
    found = check_by_hand(loss, {"W": w.grad.T, "b": unsummed})
    assert [(mark.name, mark.mark, mark.looks_like.name) for mark in found] == [
        ("b", "wrong", "not summed over the batch"), ("W", "wrong", "transposed")
    ]  # fmt: skip
    text = " ".join(str(found).split())
    assert "yours has shape (2, 2), it should be (2,)." in text
    assert "“not summed over the batch” at b: it was used for every place of a larger array" in text
    other = check_by_hand(loss, {"W": [1.0, 2.0], "b": 3.0})
    assert [mark.looks_like for mark in other] == [None, None]
    assert "yours has shape (), it should be (2,). No mistake known here gives this number." in " ".join(
        str(other).split()
    )


def test_the_mean_over_a_batch() -> None:
    x, w = np.array([[1.0, 2.0], [3.0, 5.0], [0.5, -1.0]]), Value([0.3, -0.2], "w")
    loss = nn.mse(x @ w, np.array([1.0, 0.0, 2.0]))
    loss.backward()
    assert check_by_hand(loss, {"w": w.grad * 3}).first_wrong.looks_like.name == "forgot the mean's 1/n"
    logits = Value([[1.0, 2.0], [0.5, 0.1]], "z")
    entropy = nn.cross_entropy(logits, [0, 1])
    entropy.backward()
    assert check_by_hand(entropy, {"z": logits.grad * 2}).first_wrong.looks_like.name == "forgot the mean's 1/n"


def test_other_kinds_of_numbers() -> None:
    third = Value(Fraction(1, 3), "t")
    assert marked(third * third + third, {"t": "5/3", "L.data": "4/9"}) == {"L.value": "right", "t.gradient": "right"}
    single = Value(np.array([0.1, 0.7], np.float32), "s")
    assert marked(tg.exp(single).sum(), {"s": np.exp([0.1, 0.7]).tolist()}) == {"s.gradient": "right"}
    unused = Value(2.0, "u")
    assert marked(tg.where(unused > 0, third * 1.0, unused), {"u": 0, "t": 1}) == {
        "t.gradient": "right", "u.gradient": "right"
    }  # fmt: skip
    assert marked(Value(2.0, "a"), {"a": 1}) == {"a.gradient": "right"}


# Names, and what is refused. ------------------------------------------------------------------------------------------


def test_answers_are_given_by_label_by_variable_or_by_value() -> None:
    w, a = Value(2.0, "dense1.weight"), Value(3.0)
    d = w * a
    loss = d * d
    found = check_by_hand(loss, {"dense1.weight": 36, a: 24, "d.grad": 12}, {d: 6, "loss": 36}, names=locals())
    assert [(mark.name, mark.kind) for mark in found] == [
        ("d", "value"), ("loss", "value"), ("d", "gradient"), ("dense1.weight", "gradient"), ("a", "gradient")
    ]  # fmt: skip
    assert found.passed
    assert marked(loss, {"dense1.weight.grad": 36}) == {"dense1.weight.gradient": "right"}
    w.label = "w.grad"
    assert marked(loss, {"w.grad": 36}) == marked(loss, {"w.grad.grad": 36}) == {"w.grad.gradient": "right"}


NUMBER = 'is not a number: write it as 0.5, "0.50", "-1.5e-3" or "1/3".'


@pytest.mark.parametrize(
    ("answers", "error", "text"),
    [
        (({"a": "six"},), ValueError, f"a: 'six' {NUMBER}"),
        (({"a": ""},), ValueError, f"a: '' {NUMBER}"),
        (({"a": "1/0"},), ValueError, f"a: '1/0' {NUMBER}"),
        (({"a": "nan"},), ValueError, f"a: 'nan' {NUMBER}"),
        (({"a": "1e999"},), ValueError, f"a: '1e999' {NUMBER}"),
        (({"a": float("nan")},), ValueError, f"a: nan {NUMBER}"),
        (({"a": 10**400},), ValueError, f"a: 1{'0' * 38}… {NUMBER}"),
        (({"a": ",50"},), ValueError, f"a: ',50' {NUMBER}"),
        (({"a": "1.234,5"},), ValueError, f"a: '1.234,5' {NUMBER}"),
        (({"a": "1,234,5"},), ValueError, f"a: '1,234,5' {NUMBER}"),
        (({"a": None},), TypeError, f"a: None {NUMBER}"),
        (({"a": True},), TypeError, f"a: True {NUMBER}"),
        (({"a": 1j},), TypeError, f"a: 1j {NUMBER}"),
        (({"a": [1.0, None]},), TypeError, f"a: None {NUMBER}"),
        (({"a": [[1.0, 2.0], [3.0]]},), ValueError, "a: the rows of [[1.0, 2.0], [3.0]] differ in length."),
        (({"q": 1},), ValueError, "There is no 'q' in this graph; there are a, b, e, c, d, f, L."),
        (({"q.grad": 1},), ValueError, "There is no 'q' in this graph; there are a, b, e, c, d, f, L."),
        (({"a.data": 2},), ValueError, "The value of a is given: only its gradient is to be worked out."),
        (({"a": 6, "a.grad": 6},), ValueError, "The gradient of a is answered twice."),
        (({},), ValueError, "There is nothing to mark: write check_by_hand(loss, {'a': 6.0}), with your own numbers."),
        (([6],), TypeError, "gradients is a mapping from names to your numbers, not list."),
        ((None, [6]), TypeError, "values is a mapping from names to your numbers, not list."),
        (({"a": 6}, None, [1]), TypeError, "names is a mapping from names to values, such as locals(), not list."),
    ],
)  # fmt: skip
def test_what_cannot_be_marked_is_refused_with_a_remedy(answers: Any, error: Any, text: str) -> None:
    with pytest.raises(error) as refused:
        check_by_hand(lecture(), *answers)
    assert str(refused.value) == text


def test_a_constant_and_a_loss_that_is_none_are_refused() -> None:
    x = Value(2.0, "x")
    with pytest.raises(ValueError, match=r"^k is a constant: it is given and takes no gradient. Leave it out.$"):
        check_by_hand(x * Value(3.0, "k", requires_grad=False), {"k": 1})
    with pytest.raises(TypeError, match=r"^check_by_hand takes a Value, such as a loss, not float: only a Value"):
        check_by_hand(2.0, {"x": 1})  # type: ignore[arg-type]
    with pytest.raises(
        GradientError,
        match=r"^A value is a constant: nothing under it requires a gradient, or it was computed under no_grad\(\).$",
    ):
        check_by_hand(Value(2.0, requires_grad=False), {"x": 1})
    with pytest.raises(GradientError, match=r"^A value of shape \(2,\) is not a scalar, so its gradient needs a seed"):
        check_by_hand(Value([1.0, 2.0]) * x, {"x": 1})


def test_what_fails_with_other_numbers_is_no_explanation() -> None:
    a = Value([[2.0, 1.0], [0.0, 3.0]], "A")
    loss = tg.inv(a * a).sum()
    with tg.detect_anomaly():
        marks = check_by_hand(loss, {"A": [[1, 2], [3, 4]]})
    assert (marks.first_wrong.name, marks.first_wrong.looks_like) == ("A", None)


def test_where_an_operation_fails_on_wrong_numbers_the_right_ones_are_used() -> None:
    a = Value([[2.0, 1.0], [0.0, 3.0]], "A")
    d = a * a
    d.label = "d"
    loss = tg.inv(d).sum()
    loss.backward()
    assert marked(loss, {"A": a.grad}, {d: [[1, 1], [1, 1]], loss: "0.333"}) == {
        "d.value": "wrong", "L.value": "right", "A.gradient": "right"
    }  # fmt: skip
    x = Value(2.0, "x")
    y = x - 1.5
    y.label = "y"
    assert marked(1 / y, {"x": -4}, {"y": 0}) == {"y.value": "wrong", "x.gradient": "right"}


# What is left behind, and how long it takes. --------------------------------------------------------------------------


def test_marking_leaves_no_trace_in_the_graph() -> None:
    loss = lecture()
    loss.backward()
    before = [(x, x.op, x.grad, x.data, x.inputs) for x in forward_order(loss)]
    check_by_hand(loss, {**RIGHT, "e": 2, "a": 7})
    for x, op, g, data, was in before:
        assert (x.op, x.grad, x.data, [*map(id, x.inputs)]) == (op, g, data, [*map(id, was)])


def test_in_a_large_graph_the_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Value(0.5, "x")
    y = x
    for _ in range(1000):
        y = tg.sin(y) + x * 0.01
    tried, results = [], Work.results
    monkeypatch.setattr(Work, "results", lambda self, *mistake: tried.append(mistake) or results(self, *mistake))
    marks = check_by_hand(y, {"x": 0.123})
    assert 10 < len(tried) < 3 * EFFORT / 3000  # of the thousands of places; the graph has 3000 results
    assert marks.first_wrong.looks_like is None


def test_again_lets_every_result_be_replaced() -> None:
    a = Value(2.0, "a")
    square = a * a
    loss = square + 1.0
    made = again(loss, instead=lambda node, new: 5.0 if node is square else new.data)
    assert (made[square].data, made[loss].data, loss.data) == (5.0, 6.0, 5.0)
