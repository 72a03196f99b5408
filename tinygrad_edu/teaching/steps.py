"""The backward pass as a sequence of steps that can be taken, taken back, and taken again on other numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import edges, ops
from ..backward import order
from ..contributions import grad_state, watched
from ..errors import GradientError
from ..kernels import real
from ..naming import Names, a_loss
from ..replay import again
from ..notation import LATEX, MATHML
from ..value import Value, seed_of
from . import reading

LISTED = 12  # steps that are still printed


class Step(NamedTuple):
    """One step of a walk: `kind` is "forward" (a value gets its number), "seed" or "edge" (a contribution).

    An edge goes from `node` to its `operand` at `place`: `upstream` is the gradient of the node, complete by now,
    `contribution` what the operand gains, and `before` and `after` are the operand's gradient (None: none has arrived).
    In a forward step and at the seed, `operand` is the node itself, and `after` its number or its gradient.
    """

    index: int  # type: ignore[assignment]  # not the method of tuples
    names: Names
    kind: str
    node: Value
    place: int
    operand: Value
    upstream: Any
    contribution: Any
    before: Any
    after: Any

    @property
    def op(self) -> ops.Op | None:
        """The operation of the node: a row of the table."""
        return self.node.op

    @property
    def local(self) -> Any:
        """The local derivative, rule(1, y, *operands): a number, or an array where the operation works on each element.

        None for other operations, whose formula is the linear map itself, and for a step that is no edge.
        """
        return edges.local(self.node, self.place) if self.kind == "edge" else None

    @property
    def formula(self) -> str:
        """What the step computes, in letters: for an edge, its rule read on symbols."""
        return reading.of_step(self).formula()

    def text(self) -> str:
        """The step as a line: `∂L/∂a += ∂L/∂d·b = 1.5·(-4) = -6`."""
        return reading.of_step(self).line()

    def latex(self) -> str:
        """The same in LaTeX, for math mode."""
        return reading.of_step(self).line(LATEX)

    def mathml(self, part: str = "line") -> str:
        """The same in MathML, for an element `math` of a page; or a part of it: left, equal or sofar."""
        found: str = getattr(reading.of_step(self), part)(MATHML)
        return found

    @property
    def words(self) -> str:
        """What the formula alone does not tell: why a contribution is summed, or which convention holds; mostly ""."""
        return reading.of_step(self).words

    @property
    def shapes(self) -> str:
        """The shapes of the arrays that meet, (2, 4) @ (4, 8) -> (2, 8); nothing among single numbers."""
        return reading.of_step(self).shapes()

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<step {self.index}: {self.text()}>"


class Walk:
    """A backward pass that can be stepped, rewound and resumed; `tg.walk(loss)` makes one.

    `steps` are all of them, `position` counts those that were taken. While the walk goes on, `grad` of every value is
    what it really is at that point, for `draw` to show; at the end it is what `backward()` leaves.
    """

    def __init__(self, loss: Value, seed: Any = None, names: Mapping[str, Any] | None = None) -> None:
        self.loss, self.names, self.position = a_loss(loss, "walk"), Names(loss, names), 0
        self._given = names
        first = seed_of(self.loss, seed)
        self._edges = watched(self.loss, first)
        self._values = order(self.loss)[::-1]
        self._found = [value.grad for value in self._values]
        self._left = {x: x.grad for x in (self.loss, *self._edges[2]) if x.op is None}  # as this walk left the leaves
        start = self._left.get(self.loss)
        self._seeded = (first, self.loss.grad, first if start is None else start + first)
        self._before, self._after = running_sums(self._edges[2], self._edges[4], self._left)

        self._first = len(self._values) + 1  # edge
        self._count = self._first + len(self._after)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int) -> Step:
        return self._step(self._counted(i, len(self) - 1, "step"))

    def _step(self, i: int) -> Step:
        """The step at a place counted from 0."""
        edge, loss = i - self._first, self.loss
        if edge >= 0:
            nodes, places, operands, upstreams, gains = self._edges
            record: Any = (
                i, self.names, "edge", nodes[edge], places[edge], operands[edge], upstreams[edge], gains[edge],
                self._before[edge], self._after[edge],
            )  # fmt: skip
        elif edge == -1:
            record = (i, self.names, "seed", loss, 0, loss, None, *self._seeded)
        else:
            node = self._values[i]
            record = (i, self.names, "forward", node, 0, node, None, None, None, node._data)
        return tuple.__new__(Step, record)

    def _counted(self, i: Any, last: int, what: str) -> int:
        """A place counted from 0, or from the end if negative; IndexError if there is none, TypeError for others."""
        if isinstance(i, bool) or not isinstance(i, int | np.integer):
            raise TypeError(f"A {what} of a walk is a whole number, not {i!r}; walk.steps is a list of all steps.")
        if not -last - 1 <= i <= last:
            raise IndexError(f"The walk has {len(self)} steps: there is no {what} {i}.")
        return int(i) % (last + 1)

    @property
    def steps(self) -> list[Step]:
        """All steps, those to come too: the values forward, the seed, the contributions back."""
        return [*map(self._step, range(len(self)))]

    def next(self) -> Step:
        """Take the next step and return it; IndexError at the end."""
        i = self.position
        if i == self._count:
            raise IndexError("The walk is at its end: back() takes a step back, reset() goes to the beginning.")
        self._take(i)
        self.position = i + 1
        return self._step(i)

    def back(self) -> Step:
        """Take the last step back and return it: every gradient is as it was before. IndexError at the beginning."""
        if self.position == 0:
            raise IndexError("The walk is at its beginning: next() takes a step.")
        self._take_back(self.position - 1)
        self.position -= 1
        return self._step(self.position)

    def _take(self, i: int) -> None:
        """What a step does to the gradients."""
        edge = i - self._first
        if edge >= 0:
            self._give(self._edges[2][edge], self._after[edge])
        elif edge == -1:
            for value in self._values:
                value.grad = None
            self._give(self.loss, self._seeded[2])

    def _take_back(self, i: int) -> None:
        """The gradients as they were before a step."""
        edge = i - self._first
        if edge >= 0:
            self._give(self._edges[2][edge], self._before[edge])
        elif edge == -1:
            self._give(self.loss, self._seeded[1])
            for value, gradient in zip(self._values, self._found):
                value.grad = gradient

    def _give(self, receiver: Value, gradient: Any) -> None:
        """Give a value the gradient of this moment, an array as one of its own."""
        if gradient.__class__ is np.ndarray:
            gradient = gradient.copy()
        if receiver.op is None:
            if receiver.grad is not self._left[receiver]:
                raise GradientError(
                    f"The gradient of {self.names.of(receiver)} was changed since this walk left it, by a backward(), "
                    "another walk or a zero_grad(): make a new walk."
                )
            self._left[receiver] = gradient
        receiver.grad = gradient

    def goto(self, position: int) -> Walk:
        """Go on or back until `position` steps are taken; -1 is the end. IndexError if there are not so many."""
        target = self._counted(position, len(self), "position")
        for i in range(self.position, target):
            self._take(i)
            self.position = i + 1
        for i in range(self.position - 1, target - 1, -1):
            self._take_back(i)
            self.position = i
        return self

    def reset(self) -> Walk:
        """Back to the beginning, with the gradients that were found there."""
        return self.goto(0)

    def run_to(self, value: Any) -> Walk:
        """Go, on or back, to where the gradient of a value (or label) is complete and has not yet been passed on.

        Raises ValueError for a name that is not there, GradientError for a value that gets no gradient.
        """
        found = self.names.find(value)
        arrivals = [i for i, x in enumerate([self.loss, *self._edges[2]], len(self._values)) if x is found]
        if not arrivals:
            raise GradientError(grad_state(self.loss, found, self._given).reason)
        return self.goto(arrivals[-1] + 1)

    def again(self, changed: Mapping[Any, Any] | None = None, **by_name: Any) -> Walk:
        """A walk of the same graph on changed inputs, as in `walk.again(a=3.0)`; this one stays as it is.

        What Python decided while the graph was recorded, as the branch of an `if`, stays decided. Raises ValueError for
        a name that is not there or another shape, TypeError for a value that is not an input.
        """
        found = [(self.names.find(key), x) for key, x in {**(changed or {}), **by_name}.items()]
        for value, x in found:
            if not isinstance(value, Value) or value.op is not None:
                op = getattr(value, "op", None)
                kind = f"the result of {op.name}" if op else "a plain array"
                raise TypeError(f"{self.names.of(value)} is {kind}: only an input that is a Value can be changed.")
            if (shape := ops.shape(real(x))) != value.shape:
                raise ValueError(
                    f"{self.names.of(value)} has shape {value.shape}, not {shape}: again changes numbers, not shapes. "
                    "For another shape compute the result anew."
                )
        made = again(self.loss, dict(found))
        here = {name: made[x] for name, x in (self._given or {}).items() if isinstance(x, Value) and x in made}
        return Walk(made[self.loss], None, here)

    def __iter__(self) -> Iterator[Step]:
        """The steps that are not taken yet, each taken as it is asked for."""
        while self.position < self._count:
            yield self.next()

    def __str__(self) -> str:
        first = max(self.position - LISTED, 0)
        taken = [f"{i + 1:>4}  {self[i].text()}" for i in range(first, self.position)]
        more = [f"      … {first} before"] if first else []
        end = "  the end" if self.position == len(self) else f"next  {self[self.position].text()}"
        return "\n".join([f"{self.names.root}: {self.position} of {len(self)} steps", *more, *taken, end])

    def __repr__(self) -> str:
        return f"<walk of {self.names.root}, {self.position} of {len(self)} steps>"


def running_sums(receivers: list[Value], gains: list[Any], found: Mapping[Value, Any]) -> tuple[list[Any], list[Any]]:
    """What each receiver had before each contribution and has after it; a leaf goes on from what was found there."""
    sums: dict[Value, Any] = {}
    befores, afters = list[Any](), list[Any]()
    for x, gain in zip(receivers, gains):
        before = sums.get(x)
        sums[x] = after = gain if before is None else before + gain
        if (start := found.get(x)) is not None:
            before, after = (start if before is None else start + before), start + after
        befores.append(before)
        afters.append(after)
    return befores, afters


def walk(loss: Value, seed: Any = None, names: Mapping[str, Any] | None = None) -> Walk:
    """The backward pass of `loss` as a sequence of steps: forward, the seed, then one step for each contribution.

    The steps are those of `backward()` itself: a walk to the end leaves exactly what that leaves, a walk half way the
    state half way. `seed` is as in `backward`; `names`, for example locals(), names the values without a label.
    Raises TypeError for anything but a Value, GradientError for a constant or for data that was changed since.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> steps = walk(a * b + a)
    >>> for step in steps:
    ...     print(step)
    v1 = a·b = 2·(-3) = -6
    L = v1 + a = -6 + 2 = -4
    ∂L/∂L = 1
    ∂L/∂v1 += ∂L/∂L = 1
    ∂L/∂a += ∂L/∂L = 1
    ∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3; so far 1 - 3 = -2
    ∂L/∂b += ∂L/∂v1·a = 1·2 = 2
    >>> steps.back().operand.label, a.grad, b.grad
    ('b', -2.0, None)
    """
    return Walk(loss, seed, names)
