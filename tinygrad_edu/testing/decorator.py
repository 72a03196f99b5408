"""One line that makes a test of a function: its gradients are checked on inputs that hypothesis draws."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..errors import GradientError
from ..kernels import number
from ..value import Value
from .failures import judge
from .programs import Shown, weighted_sum
from .safety import floating
from .spelling import literal
from .strategies import arrays

Test = Callable[..., Any]
NOTHING_SAID = "Say what the inputs are: @tg.testing.checks_gradients(x=(2, 3)) for an array of that shape."


def checks_gradients(
    *shapes: Any, order: int = 1, examples: int = 25, dtype: Any = np.float64, rtol: float | None = None,
    seed: int | None = None, settings: settings | None = None, save_to: Any = None, **inputs: Any,
) -> Callable[[Test], Test]:  # fmt: skip
    """Make a test of a function of Values: the gradients of what it returns are checked on drawn inputs.

    Each input is a shape such as `(2, 3)` or `()` (numbers from -2.5 to 2.5 are drawn), a strategy such as
    `arrays(tg.log, shape=(3,))`, or a number or array to be taken as it is; by name, or by position. Only floats are
    checked; arguments of other kinds, and those that are not mentioned (fixtures of pytest, say), are handed over as
    they are. Order 2 checks the second derivatives too. `examples` are drawn, the same ones each time; others with a
    `seed`, and hypothesis `settings` take the place of both. The text of a failure (FailingExample) is a program that
    shows it; with `save_to`, a folder, that is also saved there, with a drawing.

    >>> import tinygrad_edu as tg
    >>> @checks_gradients(x=(2, 3), w=(3,), order=2)
    ... def test_layer(x, w):
    ...     return tg.tanh(x @ w)
    >>> test_layer()
    """

    if len(shapes) == 1 and inspect.isfunction(shapes[0]) and not inputs:
        raise TypeError(NOTHING_SAID)

    def decorate(f: Test) -> Test:
        strategies = {name: strategy(spec, dtype) for name, spec in mentioned(f, shapes, inputs).items()}
        how = {"order": order, **({} if rtol is None else {"rtol": rtol})}

        @functools.wraps(f)
        def test(*arguments: Any, **drawn: Any) -> None:
            __tracebackhide__ = True
            bound = inspect.signature(f).bind(*arguments, **drawn).arguments
            check(
                f,
                {name: cast(x, dtype) if name in strategies else x for name, x in bound.items()},
                strategies,
                how,
                save_to,
            )

        decorated: Test = given(**strategies)(test)
        if seed is not None:
            from hypothesis import seed as seeded

            decorated = seeded(seed)(decorated)
        return (settings or usual(examples, seed is None))(decorated)

    return decorate


def usual(examples: int, derandomize: bool) -> settings:
    """The same examples each time, one failure, no limit of time."""
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    return settings(
        max_examples=examples, derandomize=derandomize, deadline=None, database=None, phases=phases,
        report_multiple_bugs=False, suppress_health_check=[HealthCheck.function_scoped_fixture],
    )  # fmt: skip


def mentioned(f: Test, shapes: tuple[Any, ...], inputs: dict[str, Any]) -> dict[str, Any]:
    """What was said about each argument; TypeError if nothing was, or if there is no such argument."""
    names = list(inspect.signature(f).parameters)
    if len(shapes) > len(names) or (unknown := set(inputs) - set(names)):
        what = f"has no argument {', '.join(sorted(unknown))}" if len(shapes) <= len(names) else "has fewer arguments"
        raise TypeError(f"{f.__name__}({', '.join(names)}) {what}.")
    found = {**dict(zip(names, shapes, strict=False)), **inputs}
    if not found:
        raise TypeError(NOTHING_SAID)
    return found


def strategy(spec: Any, dtype: Any) -> SearchStrategy[Any]:
    """The strategy for an input: given, or for a shape, or one that always gives this very number or array."""
    if isinstance(spec, SearchStrategy):
        return spec
    if isinstance(spec, tuple) and all(isinstance(n, int) for n in spec):
        return arrays(shape=spec, dtype=dtype)
    return st.just(number(spec) if isinstance(spec, list) else spec)


def cast(x: Any, dtype: Any) -> Any:
    """Arrays and Values of floats in the dtype of the test."""
    data = x.data if isinstance(x, Value) else x
    return data.astype(dtype) if isinstance(data, np.ndarray) and floating(data) else data


def check(f: Test, arguments: dict[str, Any], drawn: Any, how: dict[str, Any], save_to: Any) -> None:
    """Check the gradients of `f` with respect to the floats among what was drawn."""
    __tracebackhide__ = True
    free = [name for name, x in arguments.items() if name in drawn and is_float(x)]
    if not free:
        raise GradientError(f"{f.__name__} was given no floats, so there is nothing to check.")
    held = {name: x for name, x in arguments.items() if name not in free}

    def of_floats(*inputs: Any) -> Any:
        return f(**held, **dict(zip(free, inputs, strict=True)))

    values = [arguments[name] for name in free]
    shown = Shown(
        of_floats, values, free, lambda: program(f, arguments, free, how),
        lambda: weighted_sum(of_floats(*map(Value, values, free))),
    )  # fmt: skip
    judge(shown, how, save_to, f.__name__)


def is_float(x: Any) -> bool:
    """Whether it is a number or array whose gradient can be checked."""
    return isinstance(x, float) or (isinstance(x, np.ndarray) and floating(x))


# The program that shows a failure. ------------------------------------------------------------------------------------


def program(f: Test, arguments: dict[str, Any], free: list[str], how: dict[str, Any]) -> str:
    """Python with the function as it was written, what it needs, the inputs, and the check."""
    text, name = text_of(f)
    options = {"names": free, **how}
    if options["order"] == 1:
        del options["order"]
    held = [x for x in arguments if x not in free]
    call = name if not held else f"lambda {', '.join(free)}: {name}({', '.join(f'{x}={x}' for x in arguments)})"
    dtype = next((x.dtype for x in arguments.values() if isinstance(x, np.ndarray) and x.dtype.kind == "f"), None)
    if dtype == np.float32:
        options.setdefault("dtype", None)
    return "\n".join([
        "import numpy as np", "import tinygrad_edu as tg", *needed(f, {"np", "tg", name}), "",
        *([text, ""] if text else []),
        *(f"{x} = {literal(value)}" for x, value in arguments.items()), "",
        f"tg.check_gradients({', '.join([call, *free, *(f'{key}={literal(x)}' for key, x in options.items())])})",
    ])  # fmt: skip


def text_of(f: Test) -> tuple[str, str]:
    """The function without its decorators, and its name; a function whose source is not to be had is imported."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(f)))
    except (OSError, SyntaxError, TypeError):
        return f"from {f.__module__} import {f.__name__}", f.__name__
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return f"from {f.__module__} import {f.__name__}", f.__name__
    definition.decorator_list = []
    definition.returns = None
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return ast.unparse(definition), definition.name


def needed(f: Test, known: set[str]) -> list[str]:
    """The lines that give a function the names it uses: imports, and numbers as they are."""
    outside = inspect.unwrap(f).__globals__
    cells = dict(zip(f.__code__.co_freevars, (cell.cell_contents for cell in f.__closure__ or ()), strict=True))
    lines = []
    for name in sorted(names_in(f.__code__) - known):
        if name in cells or name in outside:
            lines.append(line_for(name, cells.get(name, outside.get(name)), f.__module__))
    return sorted(lines, key=lambda line: (" import " not in f" {line}", line))


def names_in(code: types.CodeType) -> set[str]:
    """The names that a function and those inside it take from outside."""
    found = {*code.co_names, *code.co_freevars}
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            found |= names_in(part)
    return found


def line_for(name: str, x: Any, module: str) -> str:
    """A line that defines a name."""
    if isinstance(x, types.ModuleType):
        return f"import {x.__name__} as {name}" if x.__name__ != name else f"import {name}"
    if isinstance(x, bool | int | float | str | np.ndarray | tuple | list | None):
        return f"{name} = {literal(x)}"
    if isinstance(x, Value):
        return f"{name} = tg.Value({literal(x.data)})"
    origin = getattr(x, "__module__", module)
    if getattr(sys.modules.get(origin), name, None) is not x:
        origin = module
    return f"from {origin} import {name}"
