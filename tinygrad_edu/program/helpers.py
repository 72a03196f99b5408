"""The library's own functions as text, for a module that stands on NumPy alone."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import re
import textwrap
from types import FunctionType
from typing import Any

import numpy as np

from .. import ops
from ..errors import GradientError

MODULES = {id(np): "np", id(math): "math", id(np.linalg): "np.linalg"}


def texts(functions: dict[str, Any]) -> list[str]:
    """The definitions of some functions, by the names that they are to have, and of all that they call.

    Raises GradientError for one of which there is no text, or that needs more than NumPy.
    """
    found: dict[str, str] = {}
    todo = list(functions.items())
    names = {bare(function): name for name, function in functions.items()}
    while todo:
        name, function = todo.pop()
        if name not in found:
            found[name], called = text_of(name, bare(function), names)
            todo += called.items()
    return list(reversed(found.values()))


def text_of(name: str, function: Any, names: dict[Any, str]) -> tuple[str, dict[str, Any]]:
    """The definition of one function, without annotations, and the functions that it calls, some by other `names`."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):
        raise unspelled(name) from None
    if not isinstance(tree, ast.FunctionDef) or tree.decorator_list or function.__closure__:
        raise unspelled(name)
    arguments = tree.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None:
            argument.annotation = None
    called: dict[str, Any] = {}
    lines = source.encode().splitlines()
    for node in reversed([*names_in(tree, function)]):
        text, other = spelled(node.id, function.__globals__[node.id], name)
        if other is not None:
            text = names.get(other, text)
            called[text] = other
        line, at = lines[node.lineno - 1], node.col_offset
        lines[node.lineno - 1] = line[:at] + text.encode() + line[at + len(node.id.encode()) :]
    body = b"\n".join(lines[tree.body[0].lineno - 1 :]).decode()
    return f"def {name}({ast.unparse(arguments)}):\n{re.sub(r'  # noqa.*', '', body)}", called


def names_in(tree: ast.FunctionDef, function: Any) -> list[ast.Name]:
    """Where a function says the name of something outside, in the order of its text."""
    own = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    found = [
        x for part in tree.body for x in ast.walk(part)
        if isinstance(x, ast.Name) and x.id not in own and x.id in function.__globals__
    ]  # fmt: skip
    return sorted(found, key=lambda x: (x.lineno, x.col_offset))


def spelled(name: str, x: Any, where: str) -> tuple[str, Any]:
    """How something outside of a function is written in the module, and what has to be defined there for it."""
    if id(x) in MODULES:
        return MODULES[id(x)], None
    if isinstance(x, int | float):
        return repr(x), None
    if text := next((text for f in getattr(x, "numpy", (x,)) if (text := in_numpy(f))), ""):
        return text, None
    function = bare(x.compute if isinstance(x, ops.Op) else x) if callable(x) else x
    if isinstance(function, FunctionType) and not hasattr(builtins, name):
        return name, function
    raise unspelled(where)


def bare(function: Any) -> Any:
    """A function without what stands around it, such as advice to its errors; NumPy's own as they are."""
    return inspect.unwrap(function, stop=lambda f: bool(in_numpy(f)))


def in_numpy(function: Any) -> str:
    """The name of a function of NumPy; "" for any other."""
    name = getattr(function, "__name__", "")
    return next((f"{text}.{name}" for module, text in ((np, "np"), (np.linalg, "np.linalg"))
                 if name and getattr(module, name, None) is function), "")  # fmt: skip


def undefined(text: str) -> str:
    """A name in a module that nobody defines there; "" if there is none."""
    asked, known = dict[str, None](), {"np", "math", "torch", "Fraction", *dir(builtins)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            asked[node.id] = None
        elif isinstance(node, ast.Name | ast.arg | ast.FunctionDef):
            known.add(getattr(node, "id", "") or getattr(node, "arg", "") or getattr(node, "name", ""))
    return next((name for name in asked if name not in known), "")


def unspelled(name: str) -> GradientError:
    """An operation that cannot be written down."""
    return GradientError(
        f"{name} has no spelling in NumPy: its function cannot be read as text, or it needs more than np. Write it as "
        "a def in a file, with np and other such functions alone; tg.compile runs it as it is."
    )
