"""Strategies for hypothesis: numbers of a domain, shapes that broadcast, expression graphs and small models.

Every choice is a draw of hypothesis, so that it can make a failing example small; among numbers the simple ones come
first. None lies at a kink, a tie or the edge of a domain, unless `kinks=True`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of_hypothesis
from hypothesis.strategies import SearchStrategy

from .. import domains, ops
from ..value import Value
from .networks import LOSSES, SMOOTH, Example, Layer
from .decks import deck
from .making import Maker
from .programs import Program
from .safety import COMPARISONS, TIES, floating, grid

Draw = Callable[[SearchStrategy[Any]], Any]


# Numbers. -------------------------------------------------------------------------------------------------------------


@cache
def apart(condition: str) -> tuple[float, ...]:
    """Numbers of a condition that are well apart from one another."""
    numbers = grid(condition, 1)
    return numbers if len(numbers) > 12 else grid(condition, 2)


def one_of(draw: Draw, choices: Sequence[Any]) -> Any:
    """One of some, the first being the simplest."""
    return choices[draw(below(len(choices)))] if len(choices) > 1 else choices[0]


@cache
def below(count: int) -> SearchStrategy[int]:
    """A number from 0 to one less than `count`."""
    return st.integers(0, count - 1)


def numbers(
    draw: Draw, shape: tuple[int, ...], condition: str, special: tuple[float, ...] = (), far: bool = False
) -> Any:
    """Numbers of a condition in a shape, one draw for each; `far` from one another, or also the `special` ones."""
    size = math.prod(shape)
    if condition == "c":
        return filled([bool(one_of(draw, (True, False))) for _ in range(size)], shape)
    left = apart(condition) if far else (*special, *grid(condition))
    drawn = list[float]()
    for _ in range(size):
        drawn.append(one_of(draw, left))
        if far:
            left = tuple(x for x in left if x != drawn[-1])
    result = filled(drawn, shape)
    return domains.near_diagonal(result) if condition in domains.NEAR_DIAGONAL else result


def filled(drawn: list[Any], shape: tuple[int, ...]) -> Any:
    """A list of numbers as an array; one number as itself."""
    return np.reshape(drawn, shape) if shape else drawn[0]


def special_points(operation: Any, operand: int) -> tuple[float, ...]:
    """The numbers at which an operation has a kink, in one of its operands."""
    points = [kink.point[operand] for kink in domains.kinks(operation) if operand < len(kink.point)]
    flat = [float(x) for point in points for x in np.ravel(point)]
    return tuple(dict.fromkeys(x for x in flat if math.isfinite(x)))


class Drawn:
    """What is random about a program, drawn by hypothesis."""

    attempts: tuple[bool, ...] = (False, True)

    def __init__(self, draw: Draw, dtype: Any = np.float64) -> None:
        self.draw, self.dtype = draw, dtype

    def one_of(self, names: list[str]) -> str | None:
        found: str | None = one_of(self.draw, [None, *reversed(names)])
        return found

    def narrower(self, names: list[str], inputs: int) -> str | None:
        return self.one_of(names) if names and self.draw(below(4)) == 3 else None

    def numbers(self, shape: tuple[int, ...], condition: str) -> Any:
        return numbers(self.draw, shape, condition)

    def spread(self, row: Any, case: domains.Case) -> list[Any]:
        return case_numbers(self.draw, row, case, far=True)

    def comparison(self) -> ops.Op:
        found: ops.Op = one_of(self.draw, COMPARISONS[:4])
        return found


def case_numbers(draw: Draw, row: Any, case: domains.Case, far: bool = False, kinks: bool = False) -> list[Any]:
    """The operands of a case, drawn from the domain."""
    operands: list[Any] = []
    for i, shape in enumerate(case.operands):
        if isinstance(shape, tuple):
            special = special_points(row, i) if kinks else ()
            operands.append(numbers(draw, shape, domains.condition(row, i), special, far))
        else:
            operands.append(float(shape(*operands)) if callable(shape) else shape)
    between = [i for i, shape in enumerate(case.operands) if isinstance(shape, tuple)]
    if far and len(between) == 2 and row in TIES:  # numbers of different operands are compared
        size = math.prod(np.shape(operands[between[0]]))
        if np.any(np.abs(np.subtract(*[operands[i] for i in between])) < 1e-3) and size:
            operands[between[1]] = operands[between[1]] + 0.05
    return operands


def cast(x: Any, dtype: Any) -> Any:
    """An array of floats in another dtype; anything else as it is."""
    return x.astype(dtype) if isinstance(x, np.ndarray) and floating(x) else x


# Arrays and Values. ---------------------------------------------------------------------------------------------------


def shapes(min_dims: int = 0, max_dims: int = 3, max_side: int = 3, empty: bool = False) -> SearchStrategy[Any]:
    """Shapes, the smallest first; with `empty` also such with an axis of length 0.

    >>> from hypothesis import find
    >>> find(shapes(), lambda shape: len(shape) == 2 and 3 in shape)
    (1, 3)
    """
    return (
        arrays_of_hypothesis.array_shapes(
            min_dims=max(min_dims, 1), max_dims=max_dims, min_side=0 if empty else 1, max_side=max_side
        )
        if min_dims
        else st.one_of(st.just(()), shapes(1, max_dims, max_side, empty))
    )


def broadcastable(count: int = 2, max_dims: int = 3, max_side: int = 3) -> SearchStrategy[Any]:
    """Shapes that NumPy broadcasts with one another, as many as there are operands.

    >>> from hypothesis import find
    >>> find(broadcastable(2), lambda pair: pair[0] == (2,))
    ((2,), ())
    """
    drawn = arrays_of_hypothesis.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=max_dims, min_side=1, max_side=max_side
    )
    return drawn.map(lambda found: found.input_shapes)


def arrays(
    operation: Any = None, operand: int = 0, *, shape: Any = None, dtype: Any = np.float64, kinks: bool = False
) -> SearchStrategy[Any]:
    """Arrays of numbers from the domain of an operation's operand; a plain float for the shape ().

    Without an operation: numbers from -2.5 to 2.5. `operation` may also be a condition of `domains.POINTS` such as
    "x > 0". `shape` is a shape or a strategy for shapes, `dtype` float64, float32 or a strategy for these. The numbers
    of an operation that compares them (max, sort ...) are well apart. With `kinks=True` the points where the operation
    has no derivative are drawn too, and first.

    >>> from hypothesis import given
    >>> import tinygrad_edu as tg
    >>> @given(arrays(tg.log, shape=(2, 3)))
    ... def test_log(x):
    ...     assert (x > 0).all() and tg.check_gradients(tg.log, x).passed
    >>> test_log()
    """
    condition = (
        operation if isinstance(operation, str) else "x" if operation is None else condition_of(operation, operand)
    )
    if condition not in domains.POINTS and condition != "c":
        raise ValueError(f"There is no condition {condition!r}: use one of {', '.join(domains.POINTS)}.")
    square = condition in domains.NEAR_DIAGONAL
    wanted = shape if shape is not None else st.sampled_from([(1, 1), (2, 2), (3, 3)]) if square else shapes()
    far = operation in TIES and not kinks if not isinstance(operation, str) else False
    special = special_points(operation, operand) if kinks and condition_known(operation) else ()

    @st.composite
    def build(draw: Draw) -> Any:
        to = draw(wanted) if isinstance(wanted, SearchStrategy) else (wanted,) if isinstance(wanted, int) else wanted
        kind = draw(dtype) if isinstance(dtype, SearchStrategy) else dtype
        return cast(numbers(draw, tuple(to), condition, special, far), kind)

    return build()


def values(
    operation: Any = None, operand: int = 0, *, shape: Any = None, dtype: Any = np.float64, kinks: bool = False
) -> SearchStrategy[Any]:
    """The same as `arrays`, as Values.

    >>> from hypothesis import given
    >>> @given(values(shape=(3,)))
    ... def test_sum(x):
    ...     x.sum().backward()
    ...     assert x.grad.tolist() == [1.0, 1.0, 1.0]
    >>> test_sum()
    """
    return arrays(operation, operand, shape=shape, dtype=dtype, kinks=kinks).map(Value)


def operands(operation: Any, *, dtype: Any = np.float64, kinks: bool = False) -> SearchStrategy[Any]:
    """All operands of an operation, of shapes that go together: a case of its domain, or any that broadcast.

    >>> from hypothesis import given
    >>> import tinygrad_edu as tg
    >>> @given(operands(tg.divide))
    ... def test_divide(operands):
    ...     assert tg.check_gradients(tg.divide, *operands).passed
    >>> test_divide()
    """
    condition_of(operation, 0)
    cases = [case for case in domains.cases(operation) if all_filled(case)]
    cases = [case for case in cases if not case.settings] or cases
    elementwise = all(case.operands == () or not case.settings for case in cases) and operation not in domains.CASES

    @st.composite
    def build(draw: Draw) -> tuple[Any, ...]:
        case = draw(st.sampled_from(cases))
        if elementwise and draw(st.booleans()):
            case = domains.Case(draw(broadcastable(len(case.operands))), {})
        drawn = case_numbers(draw, operation, case, far=operation in TIES and not kinks, kinks=kinks)
        return tuple(cast(x, dtype) for x in drawn)

    return build()


def all_filled(case: domains.Case) -> bool:
    """Whether no operand of a case is empty."""
    return all(math.prod(x) for x in case.operands if isinstance(x, tuple))


def condition_known(operation: Any) -> bool:
    """Whether an operation stands in the table of domains."""
    return operation is not None and not isinstance(operation, str) and operation in domains.DOMAINS


def condition_of(operation: Any, operand: int) -> str:
    """The condition on one operand; TypeError for what is not in the table of domains."""
    if not condition_known(operation):
        raise TypeError(f"{operation!r} has no line in the table of domains: tg.operation(...) gives it one.")
    return domains.condition(operation, operand)


# Graphs and models. ---------------------------------------------------------------------------------------------------


def graphs(
    operations: Iterable[Any] | None = None, *, smooth: bool = False, kinks: bool = False, scalars: bool = False,
    max_steps: int = 6, max_depth: int = 10, max_inputs: int = 4, max_size: int = 12, dtype: Any = np.float64,
) -> SearchStrategy[Program]:  # fmt: skip
    """Random expression graphs, as programs: operations of the table on shared, broadcast and reduced variables.

    A program is a function of its `inputs`, prints as runnable Python, and has a `check()`. Its operations are those
    given, or all rows of the table that have a public name; `smooth` leaves out those with a kink anywhere (relu, max,
    sort ...), `scalars` all arrays. At most `max_steps` operations are drawn (others connect them), at most `max_depth`
    follow on one another, at most `max_inputs` inputs are drawn where others can be used again, and no array has more
    than `max_size` elements. With `kinks=True` some operations stand at a kink that the library has a convention for.

    >>> from hypothesis import given
    >>> @given(graphs(smooth=True, max_steps=3))
    ... def test_any_graph(program):
    ...     program.check()
    >>> test_any_graph()
    """
    if max_steps < 1 or max_inputs < 1 or max_depth < 1:
        raise ValueError(
            f"A graph has a step, an input and a depth of at least 1: {max_steps=}, {max_inputs=}, {max_depth=}."
        )
    cards = deck(operations, smooth=smooth, scalars=scalars, size=max_size, dtype=dtype)

    @st.composite
    def build(draw: Draw) -> Program:
        maker = Maker(Drawn(draw, dtype), max_depth, max_inputs)
        for count in range(max_steps):
            if count and maker.steps and not draw(below(20)):
                break
            row = one_of(draw, cards.rows)
            if not (kinks and draw(below(2)) and at_kink(draw, maker, row, scalars)):
                maker.add(row, one_of(draw, cards.cases[row]))
        if not maker.steps:
            reject()
        return maker.finished(everything=draw(below(4)) > 0)

    return build()


def at_kink(draw: Draw, maker: Maker, row: Any, scalars: bool) -> bool:
    """Apply a row at one of its kinks where its gradient is a number by convention; False if it has none."""
    known = [
        kink for kink in domains.kinks(row) if conventional(kink) and not (scalars and any(map(np.shape, kink.point)))
    ]
    if not known:
        return False
    kink = one_of(draw, known)
    maker.step(row, *[maker.new(np.array(x) if np.shape(x) else float(x)) for x in kink.point])
    return True


def conventional(kink: domains.Kink) -> bool:
    """Whether a finite gradient is promised at a kink."""
    return all(g is not None and np.all(np.isfinite(g)) for g in (*kink.gradient, *kink.point))


@st.composite
def _models(draw: Draw, max_layers: int, max_units: int, max_batch: int, smooth: bool, dtype: Any) -> Example:
    widths = st.integers(1, max_units)
    activations = st.sampled_from([None, *SMOOTH, *(() if smooth else ("relu",))])
    units, layers = draw(widths), list[Layer]()
    for i in range(draw(st.integers(1, max_layers))):
        layers.append(Layer(units, draw(widths), draw(activations), i))
        units = layers[-1].units
    loss = draw(st.sampled_from(LOSSES))
    batch = draw(st.integers(1, max_batch))
    x = cast(numbers(draw, (batch, layers[0].inputs), "x"), dtype)
    if loss == "cross_entropy":
        y = np.array([draw(st.integers(0, units - 1)) for _ in range(batch)])
    else:
        y = cast(numbers(draw, (batch, units), "x"), dtype)
    example = Example(tuple(layers), x, y, loss, np.dtype(dtype).name)
    if example.near_kink():
        reject()
    return example


def models(
    *, max_layers: int = 2, max_units: int = 3, max_batch: int = 3, smooth: bool = False, dtype: Any = np.float64
) -> SearchStrategy[Example]:
    """Small networks of Dense layers with a batch and a loss: `example.model`, `.x`, `.y`, `.loss()` and `.check()`.

    `smooth` leaves out relu; otherwise nothing that goes into a relu is near 0.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5)
    ... @given(models())
    ... def test_any_model(example):
    ...     example.check()
    >>> test_any_model()
    """
    return _models(max_layers, max_units, max_batch, smooth, dtype)
