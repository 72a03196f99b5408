"""What a pass consists of: the contributions of the sweep, edge by edge, and what they say of a gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import ops
from .backward import changed_in_place, order, sweep
from .errors import GradientError, described, stale
from .naming import Names, a_loss
from .symbol import applied
from .value import Value, seed_of


class Contribution(NamedTuple):
    """What `operand`, at `place` among the operands of `node`, gains from the gradient `upstream` of the node."""

    node: Value
    place: int
    operand: Value
    upstream: Any
    gain: Any


def contributions(loss: Value, seed: Any) -> list[Contribution]:
    """Every contribution of a backward pass in the order of the sweep, which is watched; no `grad` is changed.

    Raises GradientError if the recorded results no longer follow from their operands.
    """
    return [*map(Contribution._make, zip(*watched(loss, seed)))]


def watched(loss: Value, seed: Any) -> tuple[list[Value], list[int], list[Value], list[Any], list[Any]]:
    """The same as columns: a million numbers in five lists are no work for the garbage collector, tuples would be."""
    columns: Any = ([], [], [], [], [])
    add_node, add_place, add_operand, add_upstream, add_gain = (column.append for column in columns)
    last: Value | None = None
    place = -1

    def watch(node: Value, operand: Value, gain: Any) -> None:
        nonlocal last, place
        if node is not last:
            last, place = node, -1
        place += 1
        rules: Any = node.op.rules  # type: ignore[union-attr]
        while node.inputs[place] is not operand or (rules.__class__ is tuple and rules[place] is None):
            place += 1  # there is no slope at that place
        add_node(node)
        add_place(place)
        add_operand(operand)
        add_upstream(node.grad)
        add_gain(gain)

    nodes = order(loss)
    check_unchanged(nodes)
    before = [node.grad for node in nodes]
    try:
        sweep(loss, seed, watch=watch)
    finally:  # the sweep writes into the inner nodes
        for node, gradient in zip(nodes, before):
            node.grad = gradient
    return columns  # type: ignore[no-any-return]


def check_unchanged(nodes: Iterable[Value]) -> None:
    """Compute the recorded results once more: if an operand was changed in place since, GradientError says so."""
    for node in nodes:
        if any(x.__class__ is np.ndarray for x in node.inputs):  # nobody changes a plain number
            check_result(node, node.op)


def check_result(node: Value, op: Any) -> None:
    """The operands must still give the result that was recorded, or their arrays are not those that were used."""
    for x, number in zip(node.operands, node.numbers):
        if isinstance(x, Value) and x._data is not number and changed_in_place(x, number):
            raise stale(x, op)
    with np.errstate(all="ignore"):
        data = applied(op, [*node.numbers], node.settings)
    if np.array_equal(data, node._data):  # as a rule, and quickly
        return
    close = 1e-9 if ops.dtype(data) != np.float32 else 1e-4  # a product of matrices may be summed in another order
    if not np.allclose(np.asarray(data, float), np.asarray(node._data, float), close, close, equal_nan=True):
        arrays = [x for x, number in zip(node.operands, node.numbers) if ops.shape(number)]
        used = [described(x) if isinstance(x, Value) else f"an array {np.shape(x)}" for x in arrays]
        raise GradientError(
            f"{' or '.join(dict.fromkeys(used))} was changed in place after {op.name} had used it: the operands no "
            "longer give the result that was recorded. Compute the result again."
        )


class GradState(str):
    """A state of a gradient: "not run", "no path", "constant", "zero" or "ok".

    `reason` says in a sentence why. `passes` is how many passes the gradient looks like, if it is a whole multiple of
    what one pass gives: a leaf alone cannot know.
    """

    reason: str
    passes: int | None

    def __new__(cls, state: str, reason: str, passes: int | None = None) -> GradState:
        self = super().__new__(cls, state)
        self.reason, self.passes = reason, passes
        return self


def grad_state(loss: Value, v: Any, names: Mapping[str, Any] | None = None) -> GradState:
    """Why the gradient of `v` is what it is, or why there is none: one of five states, with the reason.

    "not run": there is a way from `loss` to `v`, but no pass has gone it. "no path": no slope leads from `loss` to `v`.
    "constant": `v` takes no gradient. "zero": a pass has come, and nothing but 0 arrived. "ok": all else. `v` is a
    Value or the name of one; a Value from elsewhere has no path. Raises TypeError for a loss that is no Value.

    >>> a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(1.0, "c")
    >>> loss = a * b.relu()
    >>> grad_state(loss, a), grad_state(loss, c)
    ('not run', 'no path')
    >>> loss.backward()
    >>> grad_state(loss, b).reason
    'All that arrives at b is 0: relu of b = -3 passes nothing on.'
    """
    called = Names(a_loss(loss, "grad_state"), names)
    if not isinstance(v, Value) or id(v) in called.called:
        v = called.find(v)
    steps = one_pass(loss)
    state, passes = state_of(v, arrived(loss, steps))
    return GradState(state, reason(state, passes, v, steps, called), passes)


def grad_states(loss: Value, values: Iterable[Any]) -> dict[int, tuple[str, int | None]]:
    """The states of several gradients and the passes they look like, by identity, from one pass without a trace."""
    once = arrived(loss, one_pass(loss))
    return {id(v): state_of(v, once) for v in values}


def one_pass(loss: Value) -> list[Contribution]:
    """The contributions of a pass from ones; none if there is nothing to differentiate."""
    with np.errstate(all="ignore"):
        return contributions(loss, ones(loss)) if loss.requires_grad else []


def ones(loss: Value) -> Any:
    """The seed where none is given: 1, for each number of an array."""
    return seed_of(loss, np.ones(loss.shape) if loss.shape else None)


def arrived(loss: Value, steps: list[Contribution]) -> dict[Any, Any]:
    """What a pass brings to each value."""
    sums: dict[Any, Any] = {loss: ones(loss)} if loss.requires_grad else {}
    with np.errstate(all="ignore"):
        for _, _, x, _, gain in steps:
            sums[x] = sums[x] + gain if x in sums else gain
    return sums


def state_of(v: Any, once: Mapping[Any, Any]) -> tuple[str, int | None]:
    """The state of one gradient, and how many passes it looks like, where `once` is what one pass would bring."""
    if not isinstance(v, Value) or not v.requires_grad:
        return "constant", None
    if v not in once:
        return "no path", None
    gradient = v.grad.data if isinstance(v.grad, Value) else v.grad
    if gradient is None or (not np.any(gradient) and np.any(once[v])):
        return "not run", None
    if not np.any(gradient):
        return "zero", None
    return "ok", whole_multiple(gradient, once[v]) if v.op is None else 1


def reason(
    state: str, passes: int | None, v: Any, steps: list[Contribution], called: Names, name: str = ""
) -> str:  # fmt: skip
    """A state in a sentence, of `name` or of the value's own."""
    inside, root = id(v) in called.called, called.root
    name = name or (called.of(v) if inside else getattr(v, "label", None) or "it")
    if state == "constant":
        return f"{name} is a constant: it takes no gradient."
    if state == "no path":
        where = "is used only where there is no slope, as in a condition" if inside else "has no part in it"
        return f"No slope leads from {root} to {name}: it {where}."
    if state == "not run":
        return f"No pass has reached {name} yet{'' if v.grad is None else ': it was set to 0'}. Call {root}.backward()."
    if state == "zero" and not v.size:
        return f"{name} is empty: there is nothing to arrive at."
    if state == "zero":
        return f"All that arrives at {name} is 0: {blocked(v, steps, called)}."
    words = {None: "not a multiple of what one pass gives: others are in it", 1: "what one pass gives"}
    many = words.get(passes, f"{passes} times what one pass gives, as after {passes} passes")
    return f"The gradient of {name} is {many}."


def whole_multiple(gradient: Any, once: Any) -> int | None:
    """How many times `once` makes `gradient`, if that is a whole number."""
    largest = np.argmax(np.abs(once))
    with np.errstate(all="ignore"):
        times = float(np.ravel(gradient)[largest] / np.ravel(once)[largest])
    if not (1 - 1e-6 <= times < np.inf and abs(times - round(times)) < 1e-6 * times):
        return None
    return round(times) if np.allclose(np.asarray(gradient, float), times * np.asarray(once, float), 1e-5) else None


def blocked(v: Value, steps: list[Contribution], called: Names) -> str:
    """Where a gradient became 0 on its way to `v`: the operations that passed nothing on, at most two of them."""
    lead, stops = {v}, list[str]()
    for node, _, x, upstream, gain in reversed(steps):
        if x in lead:
            lead.add(node)
            if np.any(upstream) and not np.any(gain):
                number = f" = {x.data:.4g}" if not x.shape else ""
                by = [y for y, n in zip(node.operands, node.numbers) if y is not x and n is not None and not np.any(n)]
                if node.op is ops.multiply and by:
                    name = f"{called.of(by[0])} = 0" if id(by[0]) in called.called else "0"
                    stops.append(f"{called.of(x)} is multiplied by {name}")
                else:
                    stops.append(f"{node.op.name} of {called.of(x)}{number} passes nothing on")
    return " and ".join(stops[:2]) or "its contributions cancel each other"
