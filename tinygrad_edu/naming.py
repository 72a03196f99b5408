"""What the values of a graph are called: by their label, by the caller's variable, or by a short name of our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from .backward import sweep
from .folding import values_under
from .value import Value
from .wording import printable


def names_of(things: Iterable[Any], names: Mapping[str, Any], arrays: str = "") -> dict[int, str]:
    """The label of each value, or the caller's first name for it, or one of v1, v2, ... that nothing else has.

    Arrays that nobody named are called after `arrays`: c1, c2, ... for "c", or not at all.
    """
    things = [*things]
    variables = {id(x): name for name, x in reversed(list(names.items())) if not str(name).startswith("_")}
    given = {id(x): printable(getattr(x, "label", None) or variables.get(id(x), "")) for x in things}
    taken = set(given.values())
    fresh, unnamed = fresh_names("v", taken), fresh_names(arrays, taken)
    called = {}
    for x in things:
        name = given[id(x)]
        if not name and arrays and not isinstance(x, Value):
            name = copied(x, variables.values(), names, taken)
        called[id(x)] = name or (next(fresh) if isinstance(x, Value) else next(unnamed) if arrays else "")
    return called


def copied(x: np.ndarray, known: Iterable[str], names: Mapping[str, Any], taken: set[str]) -> str:
    """The name of the one array of the caller's that has these numbers, maybe in another dtype; "" if not just one."""
    equal = [
        name for name in known
        if isinstance(y := names[name], np.ndarray) and y.shape == x.shape and np.array_equal(y.astype(x.dtype), x)
    ]  # fmt: skip
    found = equal[0] if len(equal) == 1 and equal[0] not in taken else ""
    taken.add(found)
    return found


def fresh_names(letter: str, taken: set[str]) -> Iterator[str]:
    """v1, v2, v3, ..., without those that are taken already."""
    return (name for i in count(1) if (name := f"{letter}{i}") not in taken)


def a_loss(value: Any, asked: str) -> Value:
    """The value if it is one that can be asked for gradients; else an error that says what was asked of what."""
    if isinstance(value, Value):
        return value
    kind = type(value).__name__
    raise TypeError(f"{asked} takes a Value, such as a loss, not {kind}: only a Value remembers how it was computed.")


class Names:
    """The names in one graph, each once, for readers that let people ask for a value by its name.

    Values that share a label are told apart by a number behind it, in the order of computation; a result without a name
    is L. `names` are the caller's own, such as locals(); `others` further results. Among several results a gradient, as
    after `backward(create_graph=True)`, is ∂L/∂w, or w.grad. Raises TypeError if `names` are no mapping.

    >>> a = Value(2.0, "a")
    >>> loss = a * Value(3.0, "w") + Value(1.0, "w")
    >>> names = Names(loss)
    >>> [*names], names.find("w2").data
    (['a', 'w1', 'v1', 'w2', 'L'], 1.0)
    """

    def __init__(self, root: Value, names: Mapping[str, Any] | None = None, others: Iterable[Value] = ()) -> None:
        if names is not None and not isinstance(names, Mapping):
            raise TypeError(f"names is a mapping from names to values, such as locals(), not {type(names).__name__}.")
        self.loss, self.given, self.others = root, names or {}, [*others]

    @cached_property
    def called(self) -> dict[int, str]:
        """The name of everything, by identity, in the order of computation, the result last."""
        called = names_of(self.things.values(), self.given, "c")
        key, taken = id(self.loss), {*called.values()}
        if self.loss.label is None and called[key] not in self.given and "L" not in taken:
            called[key] = "L"
        for x in self.slopes.values():
            if x.grad.label is None and called[id(x.grad)] not in self.given:
                called[id(x.grad)] = f"∂{called[key]}/∂{called[id(x)]}" if self.of_one_pass else f"{called[id(x)]}.grad"
        numbered = {name: fresh_names(name, taken) for name, times in Counter(called.values()).items() if times > 1}
        return {key: next(numbered[name]) if name in numbered else name for key, name in called.items()}

    @cached_property
    def slopes(self) -> dict[int, Value]:
        """Among several results: what has a Value of the graph as its gradient, by the gradient's identity."""
        things = [x for x in self.things.values() if self.others and isinstance(getattr(x, "grad", None), Value)]
        return {id(x.grad): x for x in reversed(things) if id(x.grad) in self.things}

    @cached_property
    def of_one_pass(self) -> bool:
        """Whether the gradients of the leaves are what one pass from the result gives: then they are ∂L/∂w."""
        leaves = [x for x in self.slopes.values() if x.op is None]
        if not self.loss.requires_grad or not leaves:
            return False
        ones = np.ones_like(self.loss.data) if self.loss.shape else 1.0
        once = sweep(self.loss, ones, leaves)
        return all(x in once and np.array_equal(once[x], x.grad.data) for x in leaves)

    @cached_property
    def things(self) -> dict[int, Any]:
        """The values and arrays themselves, by identity."""
        roots = [self.loss, *self.others]
        used = [x for node in values_under(roots) for x in (*node.operands, node)]
        last = {*map(id, roots)}
        things = {id(x): x for x in used if isinstance(x, Value | np.ndarray) and id(x) not in last}
        return {**things, **{id(root): root for root in reversed(roots)}}

    @cached_property
    def by_name(self) -> dict[str, Any]:
        """The values and arrays by their names."""
        return {name: self.things[key] for key, name in self.called.items()}

    @property
    def root(self) -> str:
        """The name of the result."""
        return self.called[id(self.loss)]

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of computation."""
        return iter(self.by_name)

    def of(self, x: Any) -> str:
        """The name of a value or array of the graph."""
        return self.called[id(x)]

    def find(self, key: Any) -> Any:
        """The value of a name, or a value of this graph itself; ValueError if there is none, or more than one."""
        if isinstance(key, Value | np.ndarray):
            if id(key) in self.called:
                return key
            raise ValueError(f"{printable(getattr(key, 'label', None) or 'That value')} has no part in {self.root}.")
        if not isinstance(key, str):
            raise TypeError(f"A value is asked for by its name, or is itself a Value of this graph, not {key!r:.60}.")
        if key in self.by_name:
            return self.by_name[key]
        several = [self.called[id(x)] for x in self.things.values() if getattr(x, "label", None) == key]
        if several:
            raise ValueError(
                f"{len(several)} values are called {key!r}: say {', '.join(several[:-1])} or {several[-1]}, "
                "or give each a label of its own."
            )
        known = [*self.by_name]
        listed = ", ".join(known if len(known) <= 12 else [*known[:11], "…", known[-1]])
        raise ValueError(f"There is no {printable(key)!r} in this graph; there are {listed}.")
