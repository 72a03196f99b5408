"""Ledgers: what a gradient is the sum of, within one pass and over several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..contributions import grad_state
from ..naming import a_loss, fresh_names
from ..notation import TEXT, write
from ..recording import STATE, switched
from ..value import Value
from .formats import cells, table
from .reading import Style, gradient, of_step, signed, told
from .steps import Step, Walk


class Why:
    """The contributions that a gradient is the sum of, in the order in which they arrive; `tg.why(loss, v)` makes one.

    `entries` are steps of the walk, `total` is their sum, the gradient of one pass (None if nothing arrives), and
    `state` the gradient's state at this moment.
    """

    def __init__(self, loss: Value, v: Any, seed: Any = None, names: Mapping[str, Any] | None = None) -> None:
        walk = Walk(a_loss(loss, "why"), seed, names)
        self.names, self.value = walk.names, v
        self.state = grad_state(loss, v, names)
        found = v if isinstance(v, Value) and self.state == "no path" else walk.names.find(v)
        self.entries = [step for step in walk.steps if step.operand is found and step.kind != "forward"]
        self.total: Any = None
        for step in self.entries:
            self.total = step.contribution if self.total is None else self.total + step.contribution

    def __iter__(self) -> Iterator[Step]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, i: int) -> Step:
        return self.entries[i]

    def __str__(self) -> str:
        if not self.entries:
            return self.state.reason
        rows = []
        for step in self.entries:
            _, formula, *rest = cells(of_step(step), "", bool(step.operand.shape))
            twice = sum(other.node is step.node for other in self.entries) > 1
            place = "₁₂₃₄₅₆₇₈₉"[step.place % 9] if twice else ""
            rows.append([f"through {self.names.of(step.node)}{place}", formula.removeprefix("+= "), *rest])
        letter = write(gradient(self.entries[0].operand, self.names, Style()), TEXT)[0]
        number = "one contribution" if len(self) == 1 else f"the sum of {len(self)} contributions"
        return "\n".join([f"{letter} = {told(self.total, TEXT, 4)}, {number}", *table(rows), self.state.reason])

    __repr__ = __str__


def why(loss: Value, v: Any, seed: Any = None, names: Mapping[str, Any] | None = None) -> Why:
    """What the gradient of `v` is the sum of: one entry for each use of `v`, with its formula and its number.

    `v` is a Value or the name of one, an inner value too. The entries are those of one pass, whatever `v.grad` has
    gathered; no `grad` is changed. Raises ValueError for a name that is not there, TypeError for a loss that is no
    Value.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> why(a * b + a, "a")
    ∂L/∂a = -2, the sum of 2 contributions
      through L  ∂L/∂L             = 1
      through v1 ∂L/∂v1·b = 1·(-3) = -3
    No pass has reached a yet. Call L.backward().
    >>> [step.contribution for step in why(a * b + a, a)]
    [1.0, -3.0]
    """
    return Why(loss, v, seed, names)


class Ledger:
    """A book of what every `backward()` adds to the leaves, while it is open; `with tg.ledger() as book:` opens one.

    `book[leaf]` is the list of addends that its gradient is the sum of, the newest last; it begins anew where the
    gradient was cleared. Printed, it is a line for each leaf.
    """

    def __init__(self, names: Mapping[str, Any] | None = None) -> None:
        self._addends: dict[Value, list[Any]] = {}
        self._given = names or {}
        self._before: Any = None

    def __enter__(self) -> Ledger:
        self._before = switched(books=(*STATE.books, self))
        self._before.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._before.__exit__(*error)
        self._before = None

    def add(self, loss: Value, arrived: Mapping[Value, Any]) -> None:
        """Enter what a pass brings, just before it is added to the leaves."""
        for leaf, gain in arrived.items():
            addends, had = self._addends.setdefault(leaf, []), plain(leaf.grad)
            if had is None or not np.any(had):
                addends.clear()
            elif not addends or not np.array_equal(had, sum(addends[1:], start=addends[0]), equal_nan=True):
                addends[:] = [had]  # from before the book was opened, or changed since by somebody else
            addends.append(own(plain(gain)))

    def __getitem__(self, leaf: Value) -> list[Any]:
        return [*self._addends.get(leaf, ())]

    def __iter__(self) -> Iterator[Value]:
        return iter(self._addends)

    def __len__(self) -> int:
        return len(self._addends)

    def __str__(self) -> str:
        fresh = fresh_names("v", {leaf.label or "" for leaf in self})
        names = {id(x): name for name, x in reversed([*self._given.items()]) if not name.startswith("_")}
        rows = []
        for leaf, addends in self._addends.items():
            passes = "1 pass" if len(addends) == 1 else f"{len(addends)} passes"
            total = sum(addends[1:], start=addends[0])
            numbers = [told(x, TEXT, 4) for x in addends]
            if not np.ndim(total):
                numbers = [write(sum(map(number, addends[1:]), start=number(addends[0])), TEXT)[0]]
            result = f"= {told(total, TEXT, 4)}" if len(addends) > 1 else ""
            name = leaf.label or names.get(id(leaf)) or next(fresh)
            rows.append([name, f"{passes}:", "  +  ".join(numbers), result])
        return "\n".join(table(rows)) or "No pass yet."

    __repr__ = __str__


def number(x: Any) -> Any:
    """A number as it stands in a sum."""
    return signed(x, 4)


def plain(gradient: Any) -> Any:
    """A gradient's numbers."""
    return gradient.data if isinstance(gradient, Value) else gradient


def own(gradient: Any) -> Any:
    """An array of one's own, that nobody else changes."""
    return gradient.copy() if isinstance(gradient, np.ndarray) else gradient


def ledger(names: Mapping[str, Any] | None = None) -> Ledger:
    """Keep the addends of the gradients of all leaves, over as many passes as there are while the book is open.

    For this thread only; books can be opened within each other. `names`, for example locals(), names leaves without a
    label.

    >>> x = Value(3.0, "x")
    >>> with ledger() as book:
    ...     (2 * x).backward()
    ...     (2 * x).backward()
    >>> book
      x 2 passes: 2 + 2 = 4
    >>> book[x], x.grad
    ([2.0, 2.0], 4.0)
    """
    return Ledger(names)
