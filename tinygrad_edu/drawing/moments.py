"""What has flowed through a graph at a moment: now, after one pass, or at a step of a walk."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..contributions import contributions, grad_states, ones
from ..errors import GradientError
from ..folding import values_under
from ..value import Value

Place = tuple[int, int]  # the identity of a node, and the place of one of its operands


@dataclass
class Moment:
    """The gradients of values by identity, and the contributions that have come by each edge."""

    gradients: dict[int, Any] = field(default_factory=dict)
    flows: dict[Place, Any] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)  # of the gradients
    said: list[str] = field(default_factory=list)  # what is to be told beside the picture
    walking: bool = False  # only then the following means something
    computed: Container[int] = ()
    current: Place | None = None  # the edge that was taken last; the place is -1 for the node itself


def now(roots: list[Value], things: Iterable[Any]) -> Moment:
    """The gradients as they are, and what the last pass of each root brought."""
    things = [*things]
    moment = Moment({id(x): number(x.grad) for x in things if isinstance(x, Value) and x.requires_grad})
    try:
        moment.states = states(roots, things)
        for root in passed(roots):
            add(moment.flows, root, number(root.grad))
    except GradientError as error:  # its data was changed since: what a pass would bring can not be known any more
        moment.said.append(f"The gradients are as they were left. {error}")
    return moment


def one_pass(roots: list[Value], things: Iterable[Any]) -> Moment:
    """What one pass from each root gives, whatever others have left. Raises GradientError where none can be made."""
    moment = Moment(states=states(roots, [*things]))
    for root in roots:
        if root.op is not None and root.requires_grad:
            add(moment.flows, root, ones(root), moment.gradients)
    return moment


def add(flows: dict[Place, Any], root: Value, seed: Any, gradients: dict[int, Any] | None = None) -> None:
    """Add the contributions of a pass, and the gradients they make."""
    found = contributions(root, seed)
    for node, place, operand, upstream, gain in found:
        key = id(node), place
        flows[key] = flows[key] + gain if key in flows else gain
        if gradients is not None:
            gradients.setdefault(id(node), upstream)
            if operand.op is None:
                gradients[id(operand)] = gradients[id(operand)] + gain if id(operand) in gradients else gain


def passed(roots: list[Value]) -> list[Value]:
    """The roots that a pass was run from, and not from another root above them."""
    run = [root for root in roots if root.op is not None and root.grad is not None]
    return [root for root in run if not any(root is not other and root in set(values_under([other])) for other in run)]


def states(roots: list[Value], things: list[Any]) -> dict[int, str]:
    """The state of each gradient, from the first root that has a path to it."""
    found: dict[int, str] = {}
    for root in roots:
        for key, (state, _) in grad_states(root, things).items():
            if found.get(key, "no path") == "no path":
                found[key] = state
    return found


def number(gradient: Any) -> Any:
    """A gradient as numbers: that of backward(create_graph=True) is a Value."""
    return gradient.data if isinstance(gradient, Value) else gradient


def moments(walk: Any) -> Iterator[Moment]:
    """The moments of a walk, from its beginning to its end: the same one, which moves on."""
    values, steps = walk.names.things.values(), walk.steps
    arriving: dict[int, Any] = {}
    for step in steps:
        if step.kind != "forward" and step.operand.op is None:
            arriving.setdefault(id(step.operand), step.before)
    left = {id(x): arriving.get(id(x), number(x.grad)) for x in values if isinstance(x, Value) and x.op is None}
    computed: set[int] = set()
    moment = Moment(left, states=states([walk.loss], [*values]), walking=True, computed=computed)
    yield moment
    for step in steps:
        moment.current = id(step.node), step.place if step.kind == "edge" else -1
        if step.kind == "forward":
            computed.add(id(step.node))
        else:
            moment.gradients[id(step.operand)] = step.after
        if step.kind == "edge":
            moment.flows[moment.current] = step.contribution
        yield moment
