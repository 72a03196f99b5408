"""What is checked: a function, a recorded loss, a model on a batch, or a function of NumPy that brings its gradient."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from .. import ops
from ..backward import order as graph
from ..backward import sweep
from ..domains import DOMAINS, LETTER
from ..errors import GradientError
from ..naming import Names
from ..recording import switched
from ..replay import computed
from ..trees import flatten, numeric, unflatten
from ..value import Value
from ..wording import printable

Function = Callable[..., Any]
Numbers = Sequence[np.ndarray]
Run = Callable[[Sequence[Any], bool], tuple[Any, list[Value]]]  # numbers, recorded or not -> result and leaves
FIRST_CALLS, LARGE = 8, 4096  # calls, and elements from which on an input is compared in these alone


class MutationError(GradientError):
    """The function wrote into the numbers it was given."""


class Problem:
    """A function of some numbers, made a single number of, and the gradient that is claimed for it.

    `points` are those numbers, `names` what they are called. Copies of them are handed to the function, and an error
    says so if it changes them. A result that is no scalar is summed with weights, fixed and random; they are the seed
    of the backward pass, so that no rule but those of the function has part in its gradient. `notes` grows with what
    there is to say.
    """

    def __init__(
        self, run: Run, points: list[np.ndarray], names: list[str], random: np.random.Generator,
        claimed: Function | None = None,
    ) -> None:  # fmt: skip
        self.run, self.points, self.names, self.random, self.claimed = run, points, names, random, claimed
        self.notes: list[str] = []
        self.weights: list[Any] = []
        self.printed, self.calls = "", 0
        self.first: float | None = None  # the value that was seen first
        self.tremors: list[np.ndarray] | None = None  # how much the gradient trembles
        self.noise: float | None = None  # how much f trembles
        self.failure = ""  # what f raised where its inputs were moved

    def at(self, points: list[np.ndarray]) -> Problem:
        """The same at other numbers."""
        other = Problem(self.run, points, self.names, self.random, self.claimed)
        other.weights, other.calls = self.weights, self.calls
        return other

    def results(self, numbers: Numbers, record: bool) -> tuple[list[Any], list[Value]]:
        """The results of one run, one as a rule, and the leaves they were recorded from."""
        given = [x.copy() if x.ndim else x.item() for x in numbers]
        listening = io.StringIO()
        quiet = contextlib.redirect_stdout(listening) if self.calls else contextlib.nullcontext()  # the first may speak
        with quiet, switched(recording=True):  # as if no tg.no_grad() were around
            found, leaves = self.run(given, record)
        self.calls += 1
        self.printed = self.printed or listening.getvalue()
        now = given if self.claimed or not leaves else [leaf._data for leaf in leaves]
        for name, before, after in zip(self.names, numbers, now, strict=True):
            looked_at = self.calls < FIRST_CALLS or before.size < LARGE  # comparing takes time, too
            if looked_at and not np.array_equal(before, after, equal_nan=True):
                raise MutationError(mutation(name, before, np.asarray(after)))
        results = found if isinstance(found, Gradients) else [found]
        for result in results[len(self.weights) :]:
            self.weights.append(self.weight(result))
        return results, leaves

    def weight(self, result: Any) -> Any:
        """What a result is multiplied with before it is summed: 1 for a scalar."""
        shape = ops.shape(result)
        if not shape:
            return 1.0
        if self.claimed:
            raise GradientError(f"With gradient=, f must return a scalar, not shape {shape}: take .sum() or .mean().")
        self.notes.append(f"the result, of shape {shape}, was summed with fixed random weights.")
        weights = self.random.uniform(0.5, 1.5, shape) * self.random.choice([-1.0, 1.0], shape)
        return weights.astype(getattr(result, "dtype", float))

    def value(self, numbers: Numbers) -> Any:
        """The result as a plain number; nothing is recorded."""
        return self.total(self.results(numbers, False)[0])

    def total(self, results: Sequence[Any]) -> Any:
        """The results, weighted and summed, as a plain number."""
        data = [x.data if isinstance(x, Value) else x for x in results]
        data = [x.item() if hasattr(x, "item") and not np.ndim(x) else x for x in data]
        total = sum(np.sum(x * w) for x, w in zip(data, self.weights, strict=True))
        return total.item() if isinstance(total, np.ndarray | np.generic) else total

    def gradient(self) -> list[np.ndarray]:
        """The gradient that is to be checked, one array per input, in the shape in which it was claimed."""
        if self.claimed:
            given = [x.copy() if x.ndim else x.item() for x in self.points]
            found = self.claimed(*given)
            for name, before, after in zip(self.names, self.points, given, strict=True):
                if not np.array_equal(before, after):
                    raise MutationError(mutation(name, before, np.asarray(after), "gradient"))
            leaves = list(found) if isinstance(found, tuple | list) else [found]
            if len(self.points) == 1 and (len(leaves) != 1 or np.ndim(leaves[0]) < self.points[0].ndim):
                leaves = [found]  # one array, maybe as a list of numbers
            elif len(leaves) != len(self.points):  # a tree, as the inputs
                leaves = flatten(found)[1]
            if len(leaves) != len(self.points):
                raise GradientError(f"gradient gives {len(leaves)} arrays, and there are {len(self.points)} inputs.")
            found = leaves
            return [numbers_of(g, name) for g, name in zip(found, self.names, strict=True)]
        results, leaves = self.results(self.points, True)
        passes = [sweep(x, w, leaves) for x, w in zip(results, self.weights, strict=True) if x.requires_grad]
        if not any(leaf in found for leaf in leaves for found in passes):
            self.notes.append("no recorded operation leads from an input to the result.")
        sums = [sum([found.get(leaf, 0.0) for found in passes], 0.0) for leaf in leaves]
        return [np.array(np.broadcast_to(g, x.shape)) for g, x in zip(sums, self.points, strict=True)]

    @cached_property
    def contributed(self) -> list[np.ndarray]:
        """The sum of the sizes of all contributions to the gradient of each input: what it was rounded beside."""
        if self.claimed:
            return [np.zeros(x.shape) for x in self.points]
        results, leaves = self.results(self.points, True)
        sizes = {leaf: np.zeros(x.shape) for leaf, x in zip(leaves, self.points, strict=True)}

        def watch(node: Value, operand: Value, gain: Any) -> None:
            if operand in sizes:
                sizes[operand] = sizes[operand] + np.abs(gain)

        for x, w in zip(results, self.weights, strict=True):
            if x.requires_grad:
                sweep(x, w, leaves, watch=watch)
        return [sizes[leaf] for leaf in leaves]

    @cached_property
    def operations(self) -> list[Value]:
        """The nodes of the graph at these numbers, in the order of computation; none of a function of NumPy."""
        if self.claimed:
            return []
        results, _ = self.results(self.points, True)
        return [node for x in results if x.requires_grad for node in graph(x)[::-1]]

    @property
    def single(self) -> bool:
        """Whether something on the way is a float32: its steps may hide between close points."""
        return any(ops.dtype(x) == np.float32 for node in self.operations for x in (node._data, *node.numbers))

    def rounding(self) -> float:
        """What rounding any one of the numbers on the way may do to the result: the last digit times its gradient."""
        effects = [0.0]

        def rounded(x: Value, gain: Any) -> None:
            digit = np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0.0
            effects.append(float(digit * np.max(np.abs(gain * x.data), initial=0.0)))

        def watch(node: Value, operand: Value, gain: Any) -> None:
            if operand.op is not None:
                rounded(operand, gain)

        results, leaves = ([], []) if self.claimed else self.results(self.points, True)
        for root, w in zip(results, self.weights):
            rounded(root, w)
            if root.requires_grad:
                sweep(root, w, leaves, watch=watch)  # with ends, so that no gradient is left on nodes of other graphs
        return max(x for x in effects if np.isfinite(x))

    @cached_property
    def slope(self) -> Problem:
        """The slope of this along a random direction: its gradient is made of second derivatives."""
        if self.claimed:
            raise ValueError("order=2 needs a function of Values: a gradient in NumPy cannot be differentiated again.")
        if not self.weights:
            self.results(self.points, True)
        directions = [self.random.standard_normal(x.shape) for x in self.points]

        def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
            result, leaves = self.run(numbers, True)
            found = (
                sweep(result, Value.node(self.weights[0]), leaves, create_graph=True) if result.requires_grad else {}
            )
            return Gradients(found.get(leaf, Value.node(np.zeros(leaf.shape)[()])) for leaf in leaves), leaves

        problem = Problem(run, self.points, self.names, self.random)
        problem.notes, problem.calls, problem.weights = self.notes, self.calls, directions
        return problem


class Gradients(list[Any]):
    """Several results of one run: the gradients that are differentiated once more."""


def numbers_of(claimed: Any, name: str) -> np.ndarray:
    """What somebody's own gradient gives for an input; TypeError if it is no array of real numbers."""
    try:
        array = np.asarray(claimed.data if isinstance(claimed, Value) else claimed)
    except ValueError:  # as (loss, gradient)
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"gradient must give real numbers for {name}, not {claimed!r:.60}: one array per input.")
    return array.astype(float)


def mutation(name: str, before: np.ndarray, after: np.ndarray, who: str = "f") -> str:
    """What a function did to its input."""
    if before.shape != after.shape:
        return f"{who} changed its input {name} from shape {before.shape} to {after.shape}: work on a copy."
    index = next(zip(*np.nonzero(np.atleast_1d(before != after)), strict=True))
    place = f"{name}[{', '.join(map(str, index))}]" if before.ndim else name
    old, new = np.atleast_1d(before)[index], np.atleast_1d(after)[index]
    return f"{who} changed its input: {place} was {old} before, and {new} after the call. Work on a copy."


# -- the kinds of problems ---------------------------------------------------------------------------------------------


def problem_of(
    f: Any, inputs: Sequence[Any], *, names: Any = None, argnums: Any = None, gradient: Function | None = None,
    loss: Function | None = None, dtype: Any = np.float64, seed: int = 0,
) -> Problem:  # fmt: skip
    """Whatever can be checked, as a Problem."""
    random, notes = np.random.default_rng(seed), list[str]()
    if gradient is not None and not callable(gradient):
        raise TypeError(
            f"gradient is a function of the inputs, not {type(gradient).__name__}: it is called to be checked."
        )
    if loss is not None and not hasattr(f, "parameters"):
        raise TypeError(
            "loss= is for a model, something with parameters(): write check_gradients(model, x, y, loss=…)."
        )
    if isinstance(f, Value):
        run, points, called = of_recorded(f, inputs, names, dtype, notes)
    elif hasattr(f, "parameters"):
        run, points, called = of_model(f, inputs, loss, dtype, notes)
    elif callable(f):
        run, points, called, gradient = of_function(f, inputs, names, argnums, dtype, notes, gradient)
    else:
        raise TypeError(
            f"There is nothing to check in {type(f).__name__}: give a function, a loss (a Value) or a model."
        )
    if not sum(x.size for x in points):
        raise ValueError("There is nothing to check: no input was given, or every one is empty.")
    notes += [f"{name} is empty: there is nothing to check in it." for name, x in zip(called, points) if not x.size]
    problem = Problem(run, points, [printable(name) for name in called], random, gradient)
    problem.notes = notes
    return problem


def try_out(problem: Problem) -> None:
    """See that the function can be run at all; what it answers otherwise says what to look for."""
    try:
        with np.errstate(all="ignore"):
            [result], _ = problem.results(problem.points, not problem.claimed)
    except MutationError:
        raise
    except Exception as error:
        says = f"f raised {type(error).__name__} at the inputs of the check, before anything was moved: {error}"
        whole = [note.split()[0] for note in problem.notes if "integers" in note]
        hint = f" If {whole[0]} holds classes or indices, leave it out: argnums=." if whole else ""
        if "positional argument" in str(error):
            hint = " Inputs are given one by one: check_gradients(f, x, y)."
        raise GradientError(f"{says}{'' if says.endswith('.') else '.'}{hint}") from error
    number = isinstance(result, float | int) or (hasattr(result, "item") and not np.ndim(result))
    if isinstance(result, Value) or (problem.claimed and number):
        problem.first = problem.total([result])
        return
    kind = "an array" if isinstance(result, np.ndarray) else f"a plain {type(result).__name__}"
    if problem.claimed:
        raise GradientError(f"With gradient=, f must return a number, not {kind}.")
    if isinstance(result, tuple | list | dict) and any(isinstance(x, Value) for x in flatten(result)[1]):
        raise GradientError(
            f"f returned {kind}, not a Value: check a function that returns one, such as the sum of them."
        )
    raise GradientError(
        f"f returned {kind}, not a Value, so no gradient can reach its inputs: look for float(v), v.item() or v.data "
        "inside it. A function of NumPy is checked together with the gradient you wrote for it: gradient=."
    )


def of_function(
    f: Function, inputs: Sequence[Any], names: Any, argnums: Any, dtype: Any, notes: list[str], claimed: Function | None
) -> tuple[Run, list[np.ndarray], list[str], Function | None]:
    """A function of its inputs, which may be trees; `argnums` are the places of those that are checked.

    A gradient that is claimed for it gets the same arguments as the function.
    """
    called = called_of(f, inputs, names)
    chosen = chosen_of(argnums, inputs, called, notes)
    forms, points, labels = {}, list[np.ndarray](), list[str]()
    for i in chosen:
        forms[i], leaves = flatten(inputs[i], called[i])
        for path, leaf in zip(flatten(forms[i])[1], leaves, strict=True):
            labels.append(getattr(leaf, "label", None) or path)
            points.append(as_point(leaf, labels[-1], dtype, notes))

    def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
        leaves = [] if claimed else [leaf_of(x, name, record) for x, name in zip(numbers, labels, strict=True)]
        return f(*arguments(numbers if claimed else leaves)), leaves

    def arguments(leaves: Sequence[Any]) -> list[Any]:
        rest = iter(leaves)
        given = {i: unflatten(form, rest) for i, form in forms.items()}
        return [given.get(i, x) for i, x in enumerate(inputs)]

    return run, points, labels, claimed and (lambda *numbers: claimed(*arguments(numbers)))


def name_of(node: Value) -> str:
    """The name of the operation that a value is the result of."""
    return node.op.name if node.op is not None else "a leaf"


def leaf_of(number: Any, name: str, record: bool) -> Value:
    """A Value with just this number in it, be it complex."""
    leaf = Value.node(number)
    leaf.label, leaf.requires_grad = name, record
    return leaf


def chosen_of(argnums: Any, inputs: Sequence[Any], called: Sequence[str], notes: list[str]) -> list[int]:
    """Which inputs are checked: those that are asked for, else all but truth values, and but arrays of integers."""
    if argnums is None:
        kinds = [dtype_kind(x) for x in inputs]
        if any(kind not in "bi" for kind in kinds):
            aside = [name for name, kind in zip(called, kinds, strict=True) if kind == "i"]
            notes += [f"{name} holds integers: taken as classes or indices, and not checked." for name in aside]
            return [i for i, kind in enumerate(kinds) if kind not in "bi"]
        if "b" in kinds and "i" not in kinds:
            raise TypeError(f"{called[kinds.index('b')]} is of type bool: there is no slope between True and False.")
        return [i for i, kind in enumerate(kinds) if kind != "b"]
    chosen = [argnums] if isinstance(argnums, int) else [*argnums]
    for i in chosen:
        if not isinstance(i, int) or not -len(inputs) <= i < len(inputs):
            raise ValueError(f"argnums={argnums!r}: there are {len(inputs)} inputs, counted from 0.")
    return [i % len(inputs) for i in chosen]


def dtype_kind(x: Any) -> str:
    """ "b" for truth values, "i" for an array or list of integers, "f" for every other number or tree of them."""
    data = x.data if isinstance(x, Value) else x
    if isinstance(data, np.ndarray | np.generic) or (isinstance(data, list) and numeric(data)):
        with contextlib.suppress(ValueError):
            array = np.asarray(data)
            return "b" if array.dtype.kind == "b" else "i" if array.dtype.kind in "iu" and array.ndim else "f"
    return "f"


def called_of(f: Function, inputs: Sequence[Any], names: Any) -> list[str]:
    """A name for each input: its label, the one given, that of f's own parameter, or else its place."""
    if isinstance(names, Mapping):
        variables = {id(x): name for name, x in reversed(list(names.items()))}
        given: Sequence[Any] = [variables.get(id(x)) for x in inputs]
    else:
        given = [names] if isinstance(names, str) else list(names or [])
        if given and len(given) != len(inputs):
            raise ValueError(f"There are {len(inputs)} inputs, but names has {len(given)}.")
    own: list[str] = []
    if f in DOMAINS and isinstance(f, ops.Op):
        own = [LETTER.findall(part)[0] for part in DOMAINS[f].operands.split(", ")]
    with contextlib.suppress(TypeError, ValueError):
        parameters = inspect.signature(f).parameters.values()
        own = own or [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    given = given or [None] * len(inputs)
    if len(own) < len(inputs):
        own = [str(i) for i in range(len(inputs))]
    return [str(getattr(x, "label", None) or name or other) for x, name, other in zip(inputs, given, own)]


def of_recorded(
    root: Value, inputs: Sequence[Any], names: Any, dtype: Any, notes: list[str]
) -> tuple[Run, list[np.ndarray], list[str]]:
    """A recorded graph as a function of its leaves, all that require a gradient; branches stay as they were."""
    if inputs:
        raise TypeError("A recorded loss has its leaves as inputs: give no others, or a function instead of the loss.")
    nodes = graph(root) if root.requires_grad else []
    own = {x: n for node in nodes for x, n in zip(node.operands, node.numbers) if isinstance(x, Value)}
    leaves = {x: n for x, n in reversed(own.items()) if x.op is None and x.requires_grad}
    if not leaves:
        raise GradientError("This loss is a constant: nothing under it requires a gradient.")
    known = Names(root, names if isinstance(names, Mapping) else None)
    labels = [known.of(x) for x in leaves]
    points = [as_point(n, label, dtype, notes) for n, label in zip(leaves.values(), labels, strict=True)]

    def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
        new = [leaf_of(x, label, record) for x, label in zip(numbers, labels, strict=True)]
        result = computed(root, dict(zip(leaves, new, strict=True)))
        return result if isinstance(result, Value) else Value.node(result), new

    return run, points, labels


def of_model(
    model: Any, batch: Sequence[Any], loss: Function | None, dtype: Any, notes: list[str]
) -> tuple[Run, list[np.ndarray], list[str]]:
    """A copy of a model as a function of its parameters: the result for a batch, or the loss beside its targets."""
    copied = copy.deepcopy(model)
    own = {id(p) for p in model.parameters()}
    parameters = [*{id(p): p for p in copied.parameters()}.values()]  # each once, though it may be used twice
    if shared := [p for p in parameters if id(p) in own]:
        name = shared[0].label or "one of the parameters"
        raise GradientError(
            f"A copy of the model still uses the very same {name}, as a global or an attribute of its class: a check "
            "would change it. Make it an attribute of the model, or check a function of it."
        )
    named = dict(copied.named_parameters()) if hasattr(copied, "named_parameters") else {}
    paths = {id(p): path for path, p in named.items()}
    labels = [str(p.label or paths.get(id(p), f"parameter {i}")) for i, p in enumerate(parameters)]
    points = [as_point(p, label, dtype, notes) for p, label in zip(parameters, labels, strict=True)]
    if (loss is None) != (len(batch) == 1):
        raise TypeError("A model is checked on a batch: (model, x), or (model, x, y, loss=nn.mse) with its targets.")
    wide = [x.astype(dtype) if dtype and getattr(getattr(x, "dtype", None), "kind", "") == "f" else x for x in batch]

    def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
        for parameter, number in zip(parameters, numbers, strict=True):
            parameter._data = number
        with switched(recording=record):
            result = copied(wide[0])
            return result if loss is None else loss(result, *wide[1:]), parameters

    return run, points, labels


def as_point(x: Any, name: str, dtype: Any, notes: list[str]) -> np.ndarray:
    """An input as an array of our own, in the dtype of the check."""
    data = x.data if isinstance(x, Value) else x
    try:
        array = np.array(float(data) if isinstance(data, Fraction) else data)
    except ValueError:
        raise TypeError(f"Input {name} must be an array of numbers, not {type(data).__name__}: {data!r:.60}.") from None
    if array.dtype.kind not in "biuf":
        kind = "complex" if array.dtype.kind == "c" else type(data).__name__
        raise TypeError(f"Input {name} must be real numbers, not {kind}: {data!r:.60}.")
    if not np.isfinite(array).all():
        raise ValueError(f"Input {name} holds nan or inf, so every difference would be nan: {data}")
    if array.dtype.kind != "f":
        notes.append(f"{name} holds integers, taken as float64.")
    return array.astype(dtype or (array.dtype if array.dtype.kind == "f" else np.float64))
