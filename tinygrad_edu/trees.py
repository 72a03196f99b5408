"""Trees: numbers, arrays and Values in nested lists, tuples and dicts, taken apart and put together again.

A tree is taken apart into its leaves, from left to right, and its form: the same containers with the path of each leaf
in its place. With other leaves, the form makes another tree of the same structure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

import numpy as np

from . import ops
from .errors import GradientError

CONTAINER, NUMBER = (dict, list, tuple), (int, float, complex, np.number, np.bool_)


def flatten(tree: Any, path: str = "") -> tuple[Any, list[Any]]:
    """`(form, leaves)`. A list of nothing but plain numbers, nested or not, is a leaf: it stands for an array.

    Every other list, every tuple and every dict is a container; None is one without parts.

    >>> flatten({"w": [[1.0, 2.0], [3.0, 4.0]], "b": (5.0, None)})
    ({'w': "['w']", 'b': ("['b'][0]", None)}, [[[1.0, 2.0], [3.0, 4.0]], 5.0])
    """
    parts = parts_of(tree)
    if parts is None:
        return path, [tree]
    forms, leaves = [], []
    for key, part in parts.items():
        form, below = flatten(part, path + spelled(tree, key))
        forms.append(form)
        leaves += below
    return filled(tree, parts, forms), leaves


def unflatten(form: Any, leaves: Iterable[Any]) -> Any:
    """The tree of that form with these leaves: dicts keep the order of their keys, named tuples their class.

    >>> unflatten(*flatten({"w": [1.0, 2.0], "b": (5.0, None)}))
    {'w': [1.0, 2.0], 'b': (5.0, None)}
    """
    leaves, parts = iter(leaves), parts_of(form)
    if parts is None:
        return next(leaves)
    return filled(form, parts, [unflatten(part, leaves) for part in parts.values()])


def match(form: Any, tree: Any, this: str, that: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """The path and the leaf of `tree` at each leaf of `form`; GradientError where a container is another one.

    >>> [*match(flatten((5.0, {"b": 6.0}))[0], ([1.0, 2.0], {"b": 3.0}), "this", "that")]
    [('[0]', [1.0, 2.0]), ("[1]['b']", 3.0)]
    """
    wanted = parts_of(form)
    if wanted is None:
        yield form, tree
        return
    alike = type(tree) is type(form) or any(isinstance(tree, kind) and isinstance(form, kind) for kind in (dict, tuple))
    given = items(tree) if alike else {}
    if not alike or given.keys() != wanted.keys():
        raise GradientError(f"{this}{at(path)} is {described(tree)}, {that} {described(form)}.")
    for key, part in wanted.items():
        yield from match(part, given[key], this, that, path + spelled(form, key))


def parts_of(tree: Any) -> dict[Any, Any] | None:
    """The parts of a container by their keys; None for a leaf."""
    return items(tree) if tree is None or (isinstance(tree, CONTAINER) and not numeric(tree)) else None


def numeric(tree: Any) -> bool:
    """Whether this is a list of nothing but plain numbers, nested or not."""
    return isinstance(tree, list) and bool(tree) and all(isinstance(x, NUMBER) or numeric(x) for x in tree)


def items(container: Any) -> dict[Any, Any]:
    """The parts of a container, whatever they are, by their keys."""
    return container if isinstance(container, dict) else dict(enumerate(container or ()))


def filled(container: Any, keys: Iterable[Any], parts: list[Any]) -> Any:
    """A container of the same type and keys with other parts."""
    if container is None:
        return None
    if isinstance(container, tuple):
        return getattr(container, "_make", type(container))(parts)
    new = copy(container)  # what else a subclass knows, as the factory of a defaultdict
    for key, part in zip(keys, parts, strict=True):
        new[key] = part
    return new


def spelled(container: Any, key: Any) -> str:
    """How one writes the way to a part: `[0]`, `['w']` or, in a named tuple, `.w`."""
    names = getattr(container, "_fields", None)
    return f".{names[key]}" if names and isinstance(container, tuple) else f"[{key!r}]"


def at(path: str) -> str:
    """The path in a sentence; nothing for the whole tree."""
    return f" at {path}" if path else ""


def described(tree: Any) -> str:
    """A tree in an error: the container with its length or keys, the shape of an array."""
    if isinstance(tree, dict):
        return f"a dict with the keys {[*tree]}"
    if isinstance(tree, list | tuple):
        return f"a {type(tree).__name__} of {len(tree)}"
    return f"an array of shape {ops.shape(tree)}" if ops.shape(tree) else type(tree).__name__
