"""tg.compile: a function and its gradients as a program of their own, made once for each shape and run ever after."""

from __future__ import annotations

import builtins
import linecache
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np

from ..backward import sweep
from ..errors import GradientError, check_gain, named as called
from ..recording import STATE, switched
from ..transforms import one, value_and_grad, zeros
from ..trees import flatten, unflatten
from ..value import Value
from .careful import MATH, Careful, careful, guarded, unguarded
from .inplace import InPlace
from .names import Namer, forward_name, gradient_name
from .recorded import Arguments, Recorded, Stepping, Update, check_scalar, parted, recorded
from .rewriting import Rewriting
from .texts import on_numbers
from .tracing import reading

NUMBER = count(1)  # of the next program
MOST = 100  # programs that are kept of a function


class Compiled:
    """A function together with its gradients, compiled for each kind of arguments that it has met."""

    def __init__(
        self, function: Callable[..., Any], argnums: Any, parameters: Iterable[Value] | None, optimizer: Any,
        has_aux: bool,
    ) -> None:  # fmt: skip
        self.function, self.has_aux = function, has_aux
        self.by_values = parameters is not None or optimizer is not None
        self.parameters = [*(parameters or ())]
        self.stepping = None if optimizer is None else Stepping(optimizer)
        if argnums is None:
            argnums = () if self.by_values else 0
        self.single = isinstance(argnums, int | str | np.integer)
        self.argnums = [argnums] if self.single else [*argnums]
        self.programs: dict[Any, Program] = {}
        self.lock = threading.Lock()
        self.latest: Program | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The value and the gradients, or, with an optimizer, the value after which the parameters are changed."""
        if STATE.trace is not None or STATE.open or STATE.anomaly:
            return self.plainly(args, keywords)
        with self.lock:
            program = self.latest
            if program is not None and not keywords and program.takes(args):
                captured = program.captured()
                if captured is not None:
                    return self.answer(program, program.compute(args, captured))
        arguments = Arguments(args, keywords, self.argnums)
        if arguments.of_values and self.stepping is None:
            return self.plainly(args, keywords)
        with self.lock:
            program, captured = self.program(arguments)
            return self.answer(program, program.compute(arguments.numbers, captured))

    def answer(self, program: Program, results: tuple[Any, ...]) -> Any:
        """The results of a program as the caller gets them."""
        value = (results[0], program.others(results)) if self.has_aux else results[0]
        if self.stepping is not None:
            return value
        gradients = results[program.first : program.first + program.gradients]
        if program.forms is not None:
            gradients = unflatten(program.forms, gradients)
        return value, gradients[0] if self.single else gradients

    def program(self, arguments: Arguments) -> tuple[Program, list[Any]]:
        """The program for such arguments, made if there is none yet, and the data of the values that it uses."""
        key = (arguments.key, self.stepping.key if self.stepping else None)
        program = self.programs.get(key)
        captured = None if program is None else program.captured()
        if program is None or captured is None:
            if self.stepping is not None:
                self.stepping.refresh()
            made = recorded(self.function, arguments, self.parameters, self.stepping, self.has_aux)
            program = Program(made, self.stepping, arguments)
            captured = [x._data for x in made.captured]
            self.programs[key] = program
            if len(self.programs) > MOST:
                del self.programs[next(iter(self.programs))]
        self.latest = program
        return program, captured

    def plainly(self, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """The same without a program: Values out for Values in, to be differentiated or compiled by somebody else."""
        others: Any = None

        def function(*args: Any, **keywords: Any) -> Value:
            nonlocal others
            loss, others = parted(self.function(*args, **keywords), self.has_aux)
            return loss

        if self.stepping is not None:
            value = self.step(function, args, keywords)
        elif self.by_values:
            value, gradients = self.by_parameters(function, args, keywords)
        else:
            argnums = self.argnums[0] if self.single else self.argnums
            value, gradients = value_and_grad(function, argnums)(*args, **keywords)
        if self.has_aux:
            form, leaves = flatten(others)
            value = value, unflatten(form, leaves if isinstance(value, Value) else map(numbers, leaves))
        return value if self.stepping is not None else (value, gradients)

    def by_parameters(self, function: Callable[..., Value], args: Any, keywords: dict[str, Any]) -> tuple[Any, Any]:
        """The value, and its gradients with respect to the parameters."""
        with switched(recording=True):
            loss = function(*args, **keywords)
            check_scalar(loss)
            graph = STATE.trace is not None or bool(STATE.open) or Arguments(args, keywords, ()).of_values
            watch = check_gain if STATE.anomaly else None
            slopes = sweep(loss, one(loss), self.parameters, graph, watch) if loss.requires_grad else {}
        gradients = [slopes.get(x, zeros(x)) for x in self.parameters]
        if graph:
            return loss, tuple([x if isinstance(x, Value) else Value.node(x) for x in gradients])
        return numbers(loss), tuple(map(numbers, gradients))

    def step(self, function: Callable[..., Value], args: Any, keywords: dict[str, Any]) -> Any:
        """One step of the optimizer with every operation watched for nan. Raises GradientError inside a transform."""
        if STATE.trace is not None or STATE.open:
            raise GradientError(
                "A compiled step changes its parameters, so it cannot be part of a function that is differentiated or "
                "compiled itself. Compile it without optimizer=, or call it outside."
            )
        optimizer = self.stepping.optimizer  # type: ignore[union-attr]
        with switched(recording=True):
            loss = function(*args, **keywords)
            check_scalar(loss)
            slopes = sweep(loss, one(loss), optimizer.parameters, False, check_gain) if loss.requires_grad else {}
        before = [x.grad for x in optimizer.parameters]
        try:
            for x in optimizer.parameters:
                x.grad = slopes.get(x)
            optimizer.step()
        finally:
            for x, grad in zip(optimizer.parameters, before, strict=True):
                x.grad = grad
        return numbers(loss)

    @property
    def source(self) -> str:
        """The program that was run last."""
        if self.latest is None:
            raise GradientError("There is no program yet: it is made in the first call, for its arguments.")
        return self.latest.source


def numbers(x: Any) -> Any:
    """The numbers of a Value, or of an array, as an array of the caller's own."""
    x = x._data if isinstance(x, Value) else x
    return x.copy() if isinstance(x, np.ndarray) else x


class Program:
    """The compiled program for one kind of arguments."""

    def __init__(self, made: Recorded, stepping: Stepping | None, arguments: Arguments) -> None:
        leaves = [*made.arguments, *made.captured]
        with reading():
            rewriting = Rewriting(leaves)
            roots = rewriting.rewrite(made.roots, made.nodes)
        self.form, others = flatten(made.others)
        self.first, self.gradients = 1 + len(others), len(made.gradients)
        forms = arguments.forms
        self.forms = None if all(isinstance(form, str) for form in forms) else forms
        self.stepping = stepping
        namer = Namer()
        inputs = {id(x): namer.of(x.label or "", "w") for x in leaves}
        names = named(made, rewriting, namer, inputs)
        news = [*zip(made.updates, roots[self.first + self.gradients :], strict=True)]
        landed = [update for update, _ in news if of_array(update)]
        places = dict.fromkeys(update.place for update in landed)
        landing = [(update.old, new) for update, new in news if update.old is not None and of_array(update)]
        results = [*roots[: self.first + self.gradients], *(new for update, new in news if not of_array(update))]
        together = [[pair for update, pair in zip(landed, landing, strict=True) if update.place == i] for i in places]
        body = InPlace(inputs, results, landing, names, namer, rewriting.quiet, rewriting.shared, together)
        self.build(inputs, body, results)
        self.remember(made, [update for update, _ in news if not of_array(update)])
        self.quick = quickly(made, arguments)

    def build(self, inputs: dict[int, str], body: InPlace, results: list[Any]) -> None:
        """The text of the program, and the function that it defines; twice, if it computes plain numbers."""
        self.source = text_of(inputs, body, results)
        file = f"<tinygrad_edu program {next(NUMBER)}>"
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(True), file)
        weakref.finalize(self, linecache.cache.pop, file, None)
        code = builtins.compile(self.source, file, "exec")
        self.run = function_of(code, body.around)
        self.again: Callable[..., Any] | None = None
        if any(map(on_numbers, body.nodes)):
            functions = {name: careful(function) for name, function in body.careful.items()}
            self.again = function_of(code, {**body.around, **functions, "math": MATH, "float": Careful})

    def remember(self, made: Recorded, assigned: list[Update]) -> None:
        """What a call has to look at and to store, without the graph."""
        stepping = self.stepping
        self.changed = bool(made.updates)
        self.assigned = [(update.place, update.parameter, update.entry) for update in assigned]
        self.landed = [update.parameter for update in made.updates if update.entry is None and of_array(update)]
        self.kinds = [(x, x.requires_grad, *kind_of(x)) for x in made.captured]
        self.states = [(x.old, x.place, x.entry) for x in made.updates if x.entry and x.old is not None]
        choices = stepping.choices() if stepping else []  # which may be changed in place
        self.choices = [x.copy() if isinstance(x, list | dict | set) else x for x in choices]

    def takes(self, args: Sequence[Any]) -> bool:
        """Whether this program is the one for these arguments."""
        quick = self.quick
        if quick is None or len(quick) != len(args):
            return False
        for x, (kind, shape, dtype) in zip(args, quick):
            if x.__class__ is not kind or (shape is not None and (x.shape != shape or x.dtype is not dtype)):
                return False
        return True

    def captured(self) -> list[Any] | None:
        """The data of the values that the function uses; None if these are not of the kind that they were."""
        stepping, found = self.stepping, []
        if stepping is not None:
            if stepping.choices() != self.choices:
                return None
            stepping.refresh()
            state = stepping.optimizer.state
            for old, place, entry in self.states:
                old._data = state[place].get(entry)
        for x, needs, kind, shape, dtype in self.kinds:
            data = x._data
            if data.__class__ is not kind or (shape is not None and (data.shape != shape or data.dtype is not dtype)):
                return None
            if x.requires_grad is not needs:  # frozen since, or no longer
                return None
            found.append(data)
        return found

    def compute(self, given: Sequence[Any], captured: list[Any]) -> Any:
        """Run the program, and store what it has changed."""
        try:
            results = self.run(*given, *captured)
        except (ArithmeticError, ValueError, TypeError):  # 1 / 0 or log(0): where NumPy says inf, Python raises
            if self.again is None:
                raise
            results = tuple(map(unguarded, self.again(*map(guarded, (*given, *captured)))))
        if self.changed:
            self.store(results)
        return results

    def others(self, results: Any) -> Any:
        """What the function returned besides."""
        return unflatten(self.form, results[1 : self.first])

    def store(self, results: Any) -> None:
        """Keep the new data of the parameters and of the optimizer's state."""
        optimizer = self.stepping.optimizer  # type: ignore[union-attr]
        optimizer.steps += 1
        for parameter in self.landed:  # another view of the same memory: a recorded graph notices the change
            parameter._data = parameter._data.view()
        if self.assigned:
            news = results[self.first + self.gradients :]
            for (place, parameter, entry), new in zip(self.assigned, news, strict=True):
                if entry is None:
                    parameter._data = new
                else:
                    optimizer.state[place][entry] = new


def of_array(update: Any) -> bool:
    """Whether new data lands in an array that is there already."""
    return update.old is not None and update.old._data.__class__ is np.ndarray


def quickly(made: Recorded, arguments: Arguments) -> list[Any] | None:
    """What arguments may be handed on at a glance; None if they have to be taken apart first."""
    first = any(update.old is None for update in made.updates)  # the optimizer has its state only after this step
    flat = not first and not arguments.keywords and arguments.flowing == [*range(arguments.count)]
    flat = flat and all(arguments.leaves[i] is arguments.given[i] for i in arguments.flowing)
    return [kind_of(x) for x in made.arguments] if flat else None


def text_of(inputs: dict[int, str], body: InPlace, results: list[Any]) -> str:
    """The text of a program."""
    lines = [*body.write(), f"return ({', '.join(fresh(body, results))},)"]
    return "\n".join([f"def program({', '.join(inputs.values())}):", *(f"    {line}" for line in lines), ""])


def function_of(code: Any, around: dict[str, Any]) -> Callable[..., Any]:
    """The function that a program defines. Nothing but its caller keeps it: no cycle, the memory is free at once."""
    around = {**around}
    exec(code, around)
    function: Callable[..., Any] = around.pop("program")
    return function


def kind_of(x: Value) -> tuple[Any, Any, Any]:
    """The class of a value's data, and of an array the shape and dtype."""
    data = x._data
    return (np.ndarray, data.shape, data.dtype) if data.__class__ is np.ndarray else (data.__class__, None, None)


def fresh(body: InPlace, results: list[Any]) -> list[str]:
    """The results as they are returned: nobody else's arrays."""
    seen: set[str] = set()
    texts = []
    for x in results:
        text = body.before.get(id(x)) or body.text(x)
        data = x._data if x.__class__ is Value else x
        if data.__class__ is np.ndarray and (text in seen or x.__class__ is not Value or x.op is None):
            text = f"{text}.copy()"
        seen.add(text)
        texts.append(text)
    return texts


def named(made: Recorded, rewriting: Rewriting, namer: Namer, inputs: dict[int, str]) -> dict[int, str]:
    """Names for the nodes of the program that were values or gradients in the function."""
    names: dict[int, str] = dict(inputs)
    own: dict[int, str] = {id(x): inputs[id(x)] for x in made.arguments + made.captured}
    for node in made.forward:
        new = rewriting.of(node)
        if new.__class__ is Value and id(new) not in names:
            loss = node is made.loss and "loss" not in namer.taken
            own[id(node)] = names[id(new)] = namer.of("loss") if loss else forward_name(node, namer)
    for node in made.nodes:
        of = made.gradient_of.get(id(node))
        if of is None or id(of) not in own:
            continue
        new = rewriting.of(node)
        if new.__class__ is Value and id(new) not in names:
            names[id(new)] = gradient_name(own[id(of)], namer)
    return names


def compile(
    function: Callable[..., Any], argnums: int | str | Sequence[int | str] | None = None, *,
    parameters: Iterable[Value] | None = None, optimizer: Any = None, has_aux: bool = False,
) -> Compiled:  # fmt: skip
    """A function with a scalar result as a program that gives `(value, gradients)` at the speed of handwritten NumPy.

    `function` is run once for each structure, shape and dtype of its arguments, and what it computes becomes a program
    (`.source` is its text) that is run from then on. The gradients are those of `tg.value_and_grad`: by the arguments
    `argnums` (the first, if nothing is said), or, with `parameters`, by Values that the function uses, as a tuple. With
    an `optimizer` its update is part of the program: each call changes the parameters and returns the value alone.
    With `has_aux` the function returns `(value, others)`, and so does the program in the place of the value.

    Values that the function uses are read anew in each call; other numbers, arrays and what Python decides are those of
    the first call. So nothing in the function may look at numbers: a condition on a Value raises GradientError, as do
    changes of data, of gradients, and random numbers that NumPy draws (nn.Dropout draws afresh). An argument that is an
    int, a bool, a str or None is such a decision too, unless its gradient is asked for: with another one it is another
    program, of which the last 100 are kept. Conditions are put together by products, as Values have no `&`; whether a
    target is made of probabilities is seen in the first call alone (labels are looked at in each); of an optimizer the
    `update` becomes a part of the program; a `step` of its own is refused. Raises TypeError for what is no function.

    Given Values, inside a transform or inside another compiled function it calls `function` itself and returns Values,
    so that it can be differentiated further; in anomaly mode it does so to name the operation that gave a nan.

    >>> import tinygrad_edu as tg
    >>> f = tg.compile(lambda x, y: (x * y).sum(), argnums=(0, 1))
    >>> f(np.array([1.0, 2.0]), 3.0)
    (9.0, (array([3., 3.]), 3.0))
    """
    if not callable(function):
        raise TypeError(f"compile takes a function of the arguments, not {type(function).__name__}.")
    if optimizer is not None and (argnums is not None or parameters is not None):
        raise TypeError("With an optimizer the gradients go to its parameters: leave out argnums and parameters.")
    if parameters is not None:
        parameters = [*parameters]
        if (result := next((x for x in parameters if x.op is not None), None)) is not None:
            raise GradientError(f"{called(result)} is the result of an operation: parameters are leaves.")
    if parameters is not None and argnums is not None:
        raise TypeError("Say argnums (gradients by arguments) or parameters (by Values that the function uses).")
    return Compiled(function, argnums, parameters, optimizer, has_aux)
