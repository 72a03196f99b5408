"""The function draw: from what is asked for to the graph that is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..contributions import one_pass as one_pass_of, reason
from ..folding import values_under
from ..naming import Names, a_loss
from ..value import Value
from .budget import bundled, folds
from .comparing import compared
from .drawings import Drawing
from .graph import Graph, Node, graph_of
from .labels import Show
from .moments import Moment, moments, now, one_pass
from .opening import opened
from .sums import check_sums

DIRECTIONS = ("LR", "TB", "RL", "BT")  # left to right, top to bottom, and their opposites
DEEP = 8  # operations one after the other that are drawn from left to right
FEW_REASONS = 3  # that are given for gradients that are 0
MANY = 250  # values that are drawn without being asked for more


class View(NamedTuple):
    """How much of a graph is wanted."""

    composites: bool = True
    depth: int | None = None
    repeats: bool | None = None
    max_nodes: int | None = MANY
    only: Any = None
    open: Any = None


def draw(
    value: Any, names: Mapping[str, Any] | None = None, direction: str | None = None, composites: bool = True, *,
    depth: int | None = None, repeats: bool | None = None, max_nodes: int | None = MANY, only: Any = None,
    open: tuple[Any, Any] | None = None, step: int | None = None, compare: Any = None, values: bool = True,
    grads: bool = True, edges: bool = True, legend: bool = True,
) -> Drawing:  # fmt: skip
    """Draw the graph that led to `value`: every value with its number and gradient, every edge with its derivative.

    `value` is a Value, a list of several (a gradient that is a Value has its graph beside the other), or a walk, which
    is drawn as it stands. On an edge stand the local derivative, for arrays the rule and the shapes that meet, and what
    has flowed back along it. Parameters have round corners, inputs a folded one, constants a dashed outline, the result
    a double one; layers are frames. The numbers are those the graph was computed with, the gradients those of this
    moment.

    - `names`, for example `locals()`, names the values without a label.
    - `direction` is LR, TB, RL or BT; by itself LR where there are only single numbers and few steps, else TB.
    - `composites=False` opens what is composed of operations, as mean.
    - `depth` is how many levels of layers are opened, 0 for none; `repeats` whether what is repeated is drawn once.
    - `max_nodes` is how many values are drawn before the graph is folded by itself; None for no limit.
    - `only` is a value or its name, or several: what lies between them and the result.
    - `open=("z", (0, 2))` opens the operation behind one number of an array into operations on single numbers.
    - `step` draws the graph as it stands after so many steps of its walk.
    - `compare` is the result of another run of the same computation: what changed from there is marked. Its arrays must
      still be what they were: an optimizer changes them in place, `w.data = w.data - step` does not.
    - `values`, `grads`, `edges` and `legend` leave these out if False.

    Raises TypeError for anything but a Value or a walk, ValueError or IndexError for an option that does not fit,
    GradientError for a step or a comparison of a graph whose data was changed since.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> loss = a * b + a
    >>> loss.backward()
    >>> print(draw(loss, names=locals()))
    loss = -4, grad 1 ← +
    ├─ v1 = -6, grad 1 ← ×
    │  ├─ a = 2, grad -2
    │  └─ b = -3, grad 2
    └─ a ↑ see above
    """
    check_direction(direction)
    checked(depth, "depth", 0)
    checked(max_nodes, "max_nodes", 1)
    view = View(composites, depth, repeats, max_nodes, only, open)
    roots, walk = roots_of(value)
    called = walk.names if walk is not None and names is None else Names(roots[0], names, roots[1:])
    if compare is not None and (walk is not None or step is not None):
        raise ValueError("compare takes two whole runs: it goes neither with a walk nor with step.")
    if step is not None:
        walk = walk_of(roots, names)
    moment = moment_of(roots, called, walk, step, compare)
    graph = graph_in(view, roots, called, moment)
    if compare is not None:
        others, _ = roots_of(compare)
        theirs = Names(others[0], None, others[1:])
        graph.said += compared(graph, graph_in(view, others, theirs, one_pass(others, theirs.things.values())))
        graph.said.append("Each gradient is what one pass gives.")
    if not moment.walking and compare is None:
        graph.said += why_zero(graph, roots[0], called)
    return Drawing(graph, direction or direction_of(graph), Show(values, grads, edges), legend)


def roots_of(value: Any) -> tuple[list[Value], Any]:
    """The results that are to be drawn, and the walk if it is one."""
    if is_walk(value):
        return [value.loss], value
    several = value if isinstance(value, list | tuple) and value else [value]
    return [*{id(x): a_loss(x, "draw") for x in several}.values()], None


def is_walk(value: Any) -> bool:
    """Whether a walk is to be drawn, not a value or several."""
    import tinygrad_edu as tg

    return not isinstance(value, Value | list | tuple) and isinstance(value, tg.Walk)


def check_direction(direction: str | None) -> None:
    """Raise for what is no direction; None lets the graph decide."""
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r}.")


def checked(number: Any, name: str, least: int) -> None:
    """Raise for a limit that is no whole number, or too small."""
    if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
        raise TypeError(f"{name} is a whole number or None, not {number!r:.40}.")
    if number is not None and number < least:
        raise ValueError(f"{name} is at least {least}, not {number}.")


def walk_of(roots: list[Value], names: Mapping[str, Any] | None) -> Any:
    """A walk of the result, to look at one of its moments."""
    import tinygrad_edu as tg

    if len(roots) > 1:
        raise ValueError("step is a step of the walk of one result, not of several.")
    return tg.walk(roots[0], names=names)


def moment_of(roots: list[Value], names: Names, walk: Any, step: int | None, compare: Any) -> Moment:
    """What has flowed: at a step of a walk, in one pass, or by now."""
    if walk is None:
        return (now if compare is None else one_pass)(roots, names.things.values())
    position, last = walk.position if step is None else step, len(walk.steps)
    if isinstance(position, bool) or not isinstance(position, int):
        raise TypeError(f"step is a whole number, how many steps are taken, not {position!r:.40}.")
    if not -last - 1 <= position <= last:
        raise IndexError(f"The walk has {last} steps: step is from 0 to {last}, not {position}.")
    every = moments(walk)
    for _ in range(position % (last + 1)):
        next(every)
    moment = next(every)
    taken = position % (last + 1)
    moment.said.append(f"After {taken} of {last} steps{f': {walk[taken - 1].text()}' if taken else ''}")
    return moment


def graph_in(view: View, roots: list[Value], names: Names, moment: Moment) -> Graph:
    """The graph, as much of it as is wanted."""
    box_of, said = folds(roots, view.depth, view.repeats, view.max_nodes, view.composites)
    between = None if view.only is None else only_between(view.only, roots, names, moment)
    graph = graph_of(roots, names, box_of, moment, between)
    check_sums(graph, moment.walking)
    bundled(graph, view.max_nodes)
    graph.said += said
    if view.open is not None:
        if not isinstance(view.open, tuple) or len(view.open) != 2:
            raise TypeError(f'open is a value and an index, as in open=("z", (0, 2)), not {view.open!r:.60}.')
        opened(graph, names, moment, *view.open)
    return graph


def why_zero(graph: Graph, root: Value, names: Names) -> list[str]:
    """Of some inputs at which nothing but 0 arrived, where it became 0."""
    zero = [node for node in graph.nodes if node.state == "zero" and node.kind == "parameter" and node.count == 1]
    steps = one_pass_of(root) if zero else []
    return [reason("zero", None, names.by_name[node.name], steps, names) for node in zero[:FEW_REASONS]]


def direction_of(graph: Graph) -> str:
    """The direction where none is asked for."""
    return "TB" if any(np.ndim(node.number) for node in graph.nodes) or deep(graph) > DEEP else "LR"


def deep(graph: Graph) -> int:
    """The most operations that come one after the other."""
    depth: dict[Node, int] = {}
    for node in graph.nodes:
        edges = node.box.edges if node.box is not None else []
        depth[node] = bool(edges) + max((depth.get(edge.operand, 0) for edge in edges), default=0)
    return max(depth.values())


def only_between(sources: Any, roots: list[Value], names: Names, moment: Moment) -> set[int]:
    """The values that depend on some others, and these; by identity."""
    several = sources if isinstance(sources, Iterable) and not isinstance(sources, str | Value) else [sources]
    found = [names.find(source) for source in several]
    reached = {*map(id, found)}
    values = values_under(roots)
    for value in values:
        if any(id(x) in reached for x in value.operands):
            reached.add(id(value))
    called = " and ".join(names.of(x) for x in found)
    many = f"{len(reached)} of {len(names.things)} values"
    moment.said.append(f"Only what lies between {called} and {names.root}: {many}.")
    return reached
