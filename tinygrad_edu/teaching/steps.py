"""The backward pass as a sequence of steps that can be taken, taken back, and taken again on other numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..backward import changed_in_place, order
from ..contributions import contributions, grad_state
from ..errors import GradientError, described, stale
from ..naming import Names, a_loss
from ..notation import LATEX
from ..symbol import applied, of_arrays
from ..value import Value, seed_of
from . import reading
from .replay import again

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
        node = self.node
        if self.kind != "edge" or (any(map(ops.shape, (node, *node.numbers))) and of_arrays(node.op)):
            return None
        one = np.ones_like(node._data) if node.shape else node._data.__class__(1)
        local = reading.rule_of(node.op, self.place)(one, node._data, *node.numbers, **node.settings)
        return ops.plain(np.broadcast_to(local, node.shape) if node.shape else local)

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
        self._records = recorded(self.loss, seed_of(self.loss, seed))
        self._seed = next(i for i, record in enumerate(self._records) if record[0] == "seed")
        self._found = {node: node.grad for _, node, *_ in self._records[: self._seed]}

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, i: int) -> Step:
        return tuple.__new__(Step, (i, self.names, *self._records[i]))

    @property
    def steps(self) -> list[Step]:
        """All steps, those to come too: the values forward, the seed, the contributions back."""
        return [self[i] for i in range(len(self))]

    def next(self) -> Step:
        """Take the next step and return it; IndexError at the end."""
        if self.position == len(self):
            raise IndexError("The walk is at its end: back() takes a step back, reset() goes to the beginning.")
        self._take(self._records[self.position])
        self.position += 1
        return self[self.position - 1]

    def back(self) -> Step:
        """Take the last step back and return it: every gradient is as it was before. IndexError at the beginning."""
        if self.position == 0:
            raise IndexError("The walk is at its beginning: next() takes a step.")
        self.position -= 1
        self._take_back(self._records[self.position])
        return self[self.position]

    def _take(self, record: Any) -> None:
        """What a step does to the gradients."""
        if record[0] == "seed":
            for inner in self._found:
                inner.grad = None
        if record[0] != "forward":
            after = record[7]
            record[3].grad = after.copy() if after.__class__ is np.ndarray else after  # an array of its own

    def _take_back(self, record: Any) -> None:
        """The gradients as they were before a step."""
        if record[0] != "forward":
            before = record[6]
            record[3].grad = before.copy() if before.__class__ is np.ndarray else before
        if record[0] == "seed":
            for inner, gradient in self._found.items():
                inner.grad = gradient

    def goto(self, position: int) -> Walk:
        """Go on or back until `position` steps are taken; -1 is the end. IndexError if there are not so many."""
        target = position + len(self) + 1 if position < 0 else position
        if not 0 <= target <= len(self):
            raise IndexError(f"The walk has {len(self)} steps: there is no position {position}.")
        for record in self._records[self.position : target]:
            self._take(record)
        for record in self._records[target : self.position][::-1]:
            self._take_back(record)
        self.position = target
        return self

    def reset(self) -> Walk:
        """Back to the beginning, with the gradients that were found there."""
        return self.goto(0)

    def run_to(self, value: Any) -> Walk:
        """Go, on or back, to where the gradient of a value (or label) is complete and has not yet been passed on.

        Raises ValueError for a name that is not there, GradientError for a value that gets no gradient.
        """
        found = self.names.find(value)
        arrivals = [i for i, record in enumerate(self._records) if record[0] != "forward" and record[3] is found]
        if not arrivals:
            raise GradientError(grad_state(self.loss, found, self._given).reason)
        return self.goto(arrivals[-1] + 1)

    def again(self, changed: Mapping[Any, Any] | None = None, **by_name: Any) -> Walk:
        """A walk of the same graph on changed inputs, as in `walk.again(a=3.0)`; this one stays as it is.

        What Python decided while the graph was recorded, as the branch of an `if`, stays decided.
        Raises ValueError for a name that is not there, TypeError for a value that is not an input.
        """
        found = [(self.names.find(key), x) for key, x in {**(changed or {}), **by_name}.items()]
        for value, _ in found:
            if not isinstance(value, Value) or value.op is not None:
                op = getattr(value, "op", None)
                kind = f"the result of {op.name}" if op else "a plain array"
                raise TypeError(f"{self.names.of(value)} is {kind}: only an input that is a Value can be changed.")
        made = again(self.loss, dict(found))
        here = {name: made[x] for name, x in (self._given or {}).items() if isinstance(x, Value) and x in made}
        return Walk(made[self.loss], None, here)

    def __iter__(self) -> Iterator[Step]:
        """The steps that are not taken yet, each taken as it is asked for."""
        while self.position < len(self):
            yield self.next()

    def __str__(self) -> str:
        first = max(self.position - LISTED, 0)
        taken = [f"{i + 1:>4}  {self[i].text()}" for i in range(first, self.position)]
        more = [f"      … {first} before"] if first else []
        end = "  the end" if self.position == len(self) else f"next  {self[self.position].text()}"
        return "\n".join([f"{self.names.root}: {self.position} of {len(self)} steps", *more, *taken, end])

    def __repr__(self) -> str:
        return f"<walk of {self.names.root}, {self.position} of {len(self)} steps>"


def recorded(loss: Value, seed: Any) -> list[tuple[Any, ...]]:
    """What the steps are: the numbers computed once more, and the sweep itself, watched."""
    nodes, records = order(loss), list[tuple[Any, ...]]()
    for node in reversed(nodes):
        if any(x.__class__ is np.ndarray for x in node.inputs):  # nobody changes a plain number
            check_unchanged(node, node.op)
        records.append(("forward", node, 0, node, None, None, None, node._data))
    start = loss.grad if loss.op is None else None
    records.append(("seed", loss, 0, loss, None, seed, loss.grad, seed if start is None else start + seed))
    gradients: dict[Value, Any] = {}
    for node, place, x, upstream, gain in contributions(loss, seed):
        before = gradients.get(x)
        gradients[x] = after = gain if before is None else before + gain
        if x.op is None and (start := x.grad) is not None:  # a leaf goes on from what it had
            before, after = (start if before is None else start + before), start + after
        records.append(("edge", node, place, x, upstream, gain, before, after))
    return records


def check_unchanged(node: Value, op: Any) -> None:
    """The operands must still give the result that was recorded, or their arrays are not those that were used."""
    for x, number in zip(node.operands, node.numbers):
        if isinstance(x, Value) and x._data is not number and changed_in_place(x, number):
            raise stale(x, op)
    with np.errstate(all="ignore"):
        data = applied(op, [*node.numbers], node.settings)
    close = 1e-9 if ops.dtype(data) != np.float32 else 1e-4  # a product of matrices may be summed in another order
    if not np.allclose(np.asarray(data, float), np.asarray(node._data, float), close, close, equal_nan=True):
        arrays = [x for x, number in zip(node.operands, node.numbers) if ops.shape(number)]
        used = " or ".join(described(x) if isinstance(x, Value) else f"an array {np.shape(x)}" for x in arrays)
        raise GradientError(
            f"{used} was changed in place after {op.name} had used it: the operands no longer give the result that "
            "was recorded. Compute the result again before you walk."
        )


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
