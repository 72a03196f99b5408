"""What a program is made from: a function's result and its gradients, as one graph of Values."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Rational
from typing import Any

import numpy as np

from .. import ops
from ..backward import sweep
from ..errors import GradientError
from ..kernels import number, real
from ..transforms import key_of, no_way, one, zeros
from ..trees import described, flatten, unflatten
from ..value import Value
from .effects import unaffected
from .tracing import Trace, joint_order, leaf, reading, used

DECIDING = (bool, str, bytes, int, type(None))  # what a function may decide by: with another one it is another program


class Arguments:
    """The arguments of a call taken apart: the numbers that flow, and the rest, by which programs are told apart.

    `form` and `leaves` are those of `trees.flatten`; `flowing` are the positions, among the leaves, of what flows.
    """

    def __init__(self, args: Sequence[Any], keywords: dict[str, Any], argnums: Iterable[int | str]) -> None:
        self.given: dict[Any, Any] = {**dict(enumerate(args)), **keywords}
        self.count, self.keywords = len(args), [*keywords]
        self.chosen = [key_of(i, args, keywords) for i in argnums]
        self.form, leaves = flatten(self.given)
        self.keys = [key for key, x in self.given.items() for _ in flatten(x)[1]]  # of each leaf, the argument it is in
        self.of_values = any(isinstance(x, Value) or exact(x) for x in leaves)  # a program computes floats
        paths = flatten(self.form)[1]
        self.leaves = [self.taken(*each) for each in zip(leaves, self.keys, paths, strict=True)]
        self.flowing = [i for i, x in enumerate(self.leaves) if not isinstance(x, DECIDING)]

    def taken(self, x: Any, key: Any, path: str) -> Any:
        """A leaf as numbers, or as it is, if the function may decide by it. Raises TypeError for what is neither."""
        x = x._data if isinstance(x, Value) else x
        if isinstance(x, DECIDING) and key not in self.chosen:
            return x
        try:
            x = real(x) if key in self.chosen else number(x)
        except (TypeError, ValueError) as error:
            raise type(error)(f"Argument {path}: {error}") from None
        return x

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes a call need another program: structure, shapes, dtypes, and all that does not flow."""
        kinds = [
            (x.shape, x.dtype) if isinstance(x, np.ndarray) else x.__class__ if isinstance(x, float | complex) else
            (x.__class__, x) for x in self.leaves
        ]  # fmt: skip
        return repr(self.form), *self.chosen, *kinds

    @property
    def forms(self) -> tuple[Any, ...]:
        """The structure of the gradients."""
        return tuple([self.form[key] for key in self.chosen])

    @property
    def numbers(self) -> list[Any]:
        """What flows."""
        return [self.leaves[i] for i in self.flowing]


def exact(x: Any) -> bool:
    """Whether a number is a fraction."""
    return isinstance(x, Rational) and not isinstance(x, int | np.integer)


@dataclass
class Recorded:
    """A function's result and gradients as a graph of its inputs.

    `arguments` are the leaves that flow in, called `names`; `captured` all other leaves that the function uses, to be
    read anew in each call. `updates` are new data for a parameter or for an entry of an optimizer's state.
    `gradient_of` says of which value (by identity) a node is the gradient.
    """

    arguments: list[Value]
    names: list[str]
    loss: Value
    others: Any = None
    ends: list[Value] = field(default_factory=list)  # what the gradients are of
    gradients: list[Any] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    gradient_of: dict[int, Value] = field(default_factory=dict)
    forward: list[Value] = field(default_factory=list)
    captured: list[Value] = field(default_factory=list)
    seed: Value | None = None
    nodes: list[Value] = field(default_factory=list)  # all, operands first

    @property
    def roots(self) -> list[Any]:
        """Everything that is computed."""
        return [self.loss, *flatten(self.others)[1], *self.gradients, *(update.new for update in self.updates)]


@dataclass
class Update:
    """New data for a parameter, or for one entry of its state, whose old data is the leaf `old`.

    `place` is that of the parameter among those of the optimizer.
    """

    place: int
    parameter: Value
    entry: str | None
    old: Value | None
    new: Any


class Stepping:
    """An optimizer whose own update is recorded, on nodes in the place of numbers, rate and count of steps too."""

    def __init__(self, optimizer: Any) -> None:
        if not callable(getattr(optimizer, "update", None)):
            raise TypeError(f"optimizer= takes one such as nn.SGD(parameters, lr=0.1), not {type(optimizer).__name__}.")
        if optimizer.overridden:
            raise TypeError(
                f"{type(optimizer).__name__} has a step() of its own, which a program would leave out: only update() "
                "becomes a part of it. Clip and decay there, or train without compiling."
            )
        self.optimizer = optimizer
        self.rate, self.steps = leaf(1.0, "lr"), leaf(1.0, "steps")
        self.others = [name for name in vars(optimizer) if name not in ("parameters", "lr", "state", "steps")]

    def refresh(self) -> None:
        """Show the program the learning rate of today, and which step is coming."""
        self.rate._data, self.steps._data = float(self.optimizer.lr), float(self.optimizer.steps + 1)

    def choices(self) -> list[Any]:
        """What else the update is computed with, as the momentum: numbers in the program."""
        known = self.optimizer.__dict__
        return [known[name] for name in self.others]

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes another step need another program: other choices, an entry that was not there before."""
        return repr(self.choices()), *[(*state,) for state in self.optimizer.state]

    def check(self, slopes: dict[Value, Any]) -> None:
        """What `Optimizer.step` says where no gradient arrives: a warning for some, GradientError for all."""
        missing = [parameter for parameter in self.optimizer.parameters if parameter not in slopes]
        if len(missing) == len(self.optimizer.parameters):
            raise GradientError("No parameter has a gradient: the loss depends on none that the optimizer changes.")
        if missing and not self.optimizer.steps:
            names = ", ".join(x.label or "unnamed" for x in missing)
            warnings.warn(f"The loss does not depend on {names}: no gradient arrived there.", stacklevel=6)

    def updates(self, slopes: dict[Value, Any]) -> list[Update]:
        """The new data of the parameters, and of what the optimizer keeps for each."""
        self.check(slopes)
        stand_in = copy.copy(self.optimizer)
        stand_in.lr, stand_in.steps = self.rate, self.steps
        found, before = [], {**vars(stand_in)}
        for i, (parameter, state) in enumerate(zip(self.optimizer.parameters, self.optimizer.state, strict=True)):
            if parameter not in slopes:
                continue
            entries: dict[str, Any] = {name: leaf(x, name) for name, x in state.items()}
            old = dict(entries)
            new = stand_in.update(parameter, slopes[parameter], entries)
            found += [Update(i, parameter, name, old.get(name), x) for name, x in entries.items()]
            found.append(Update(i, parameter, None, parameter, new))
        if changed := [name for name in vars(stand_in) if vars(stand_in)[name] is not before.get(name, self)]:
            raise GradientError(
                f"update() changes {changed[0]} of the optimizer, which a program would not. What must last from step "
                "to step is kept in `state`."
            )
        return found


def recorded(
    function: Callable[..., Any], arguments: Arguments, parameters: Sequence[Value] = (),
    stepping: Stepping | None = None, has_aux: bool = False, as_it_is: Callable[[Value], Value] = lambda loss: loss,
) -> Recorded:  # fmt: skip
    """Run a function once, and everything that it computes is recorded, its gradients and the updates too."""
    names = argument_names(function, arguments)
    inputs = nodes_of(arguments, names)
    given = unflatten(arguments.form, inputs)
    flowing, trace = [inputs[i] for i in arguments.flowing], Trace()
    changing = parameters if stepping is None else stepping.optimizer.parameters
    reached = function if stepping is None else (function, stepping.optimizer)
    with unaffected(reached, (*changing, *flowing), trace), reading(trace):
        args, keywords = [given[i] for i in range(arguments.count)], {key: given[key] for key in arguments.keywords}
        loss, others = parted(function(*args, **keywords), has_aux)
        made = Recorded(flowing, names, as_it_is(loss), others)
        made.forward = joint_order([made.loss])
        slopes = differentiated(made)
        if stepping is None:
            made.ends = [*ends(arguments, inputs), *parameters]
            made.gradients = [slopes.get(end, zeros(end)) for end in made.ends]
        else:
            made.updates = stepping.updates(slopes)
    roots = [x for x in made.roots if isinstance(x, Value)]
    made.nodes = joint_order(roots)
    known = {id(x) for x in (*flowing, made.seed)}
    made.captured = [x for x in leaves_under(made.nodes, roots) if id(x) not in known]
    return made


def nodes_of(arguments: Arguments, names: list[str]) -> list[Any]:
    """The leaves of the arguments, as the function is given them: nodes for what flows."""
    leaves = [*arguments.leaves]
    for i, name in zip(arguments.flowing, names, strict=True):
        leaves[i] = leaf(leaves[i], name, arguments.keys[i] in arguments.chosen)
    return leaves


def ends(arguments: Arguments, inputs: list[Any]) -> list[Value]:
    """The nodes whose gradients are asked for, argument by argument."""
    return [x for key in arguments.chosen for x, own in zip(inputs, arguments.keys, strict=True) if own == key]


def parted(result: Any, has_aux: bool) -> tuple[Value, Any]:
    """The loss, and what the function returned besides."""
    if has_aux and not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(f"With has_aux=True the function returns (loss, others), not {described(result)}.")
    loss, others = result if has_aux else (result, None)
    check_scalar(loss)
    return loss, others


def argument_names(function: Callable[..., Any], arguments: Arguments) -> list[str]:
    """What the numbers that flow are called: as the function's own parameters, with the way inside a tree."""
    try:
        own = [*inspect.signature(function).parameters]
    except (TypeError, ValueError):
        own = []
    names = []
    paths = flatten(arguments.form)[1]
    for i in arguments.flowing:
        key, path = arguments.keys[i], paths[i]
        inside = path[len(f"[{key!r}]") :]
        positional = own[key] if isinstance(key, int) and key < len(own) else f"x{key}"
        names.append((positional if isinstance(key, int) else key) + inside)
    return names


def check_scalar(loss: Any) -> None:
    """GradientError unless the result is a single number that depends on something."""
    if not isinstance(loss, Value):
        raise no_way(loss, flatten(loss)[1])
    if loss.size != 1:
        raise GradientError(
            f"A program differentiates a scalar, not a result of shape {loss.shape}: take .sum() or .mean()."
        )


def differentiated(made: Recorded) -> dict[Value, Any]:
    """The gradients of the leaves, as nodes of the graph; those of the inner values are noted."""
    loss = made.loss
    if not loss.requires_grad:
        return {}
    before = [(node, node.grad) for node in reversed(made.forward)]
    made.seed = leaf(one(loss))
    slopes = sweep(loss, made.seed, None, True)
    for node, grad in sorted(before, key=lambda pair: rank(pair[0])):
        if isinstance(node.grad, Value) and node is not loss:
            made.gradient_of.setdefault(id(node.grad), node)
        node.grad = grad
    for end, slope in slopes.items():
        if isinstance(slope, Value):
            made.gradient_of.setdefault(id(slope), end)
    return slopes


def rank(node: Value) -> int:
    """Of values with one gradient it is called after one with a label, or a layer, or the nearest to the loss."""
    return 0 if node.label else 1 if node.op is ops.linear else 2


def leaves_under(nodes: list[Value], roots: list[Value]) -> list[Value]:
    """The leaves that nodes are computed from, in the order of their use, and those among the roots."""
    found = {id(x): x for node in nodes for x in used(node) if x.op is None}
    found |= {id(x): x for x in roots if x.op is None}
    return [*found.values()]
