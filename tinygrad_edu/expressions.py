"""Expressions as text, such as "tanh(a*b + c)": read with `ast` against a list of what is allowed, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import numpy as np

from . import functions, ops, rows
from .value import Value

HIDDEN = {  # what has a sign, or is only for rules
    "negative", "same", "getitem", "scatter", "sum_to", "broadcast_to", "put_along_axis", "slope", "xlogy",
    "log_of", "ratio", "phi", "gaps", "cofactor", "p_norm", "others",
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: row for name, row in ops.TABLE.items() if row.rules and row.arity in (1, 2) and name not in HIDDEN
} | {f.name: f for f in (*ops.ANSWERS.values(), functions.silu, functions.gelu) if isinstance(f, functions.Composite)}
SIGNS: dict[type[ast.AST], ops.Op] = {
    ast.Add: ops.add, ast.Sub: ops.subtract, ast.Mult: ops.multiply, ast.Div: ops.divide, ast.Mod: rows.remainder,
    ast.FloorDiv: rows.floor_divide, ast.Pow: ops.power, ast.MatMult: ops.matmul, ast.USub: ops.negative,
    ast.UAdd: ops.same,
}  # fmt: skip

NEAREST = {"where": ["maximum", "minimum", "relu", "clip"], "ln": ["log"], "argmax": ["max"], "argmin": ["min"]}
LONGEST = 60  # characters of somebody's text in an error


def shown(text: str) -> str:
    """Somebody's text in quotes, cut short."""
    return repr(text if len(text) <= LONGEST else text[:LONGEST] + "…")


class ExpressionError(ValueError):
    """An expression that cannot be read; the message says which part and what is allowed."""


def evaluate(text: str, names: dict[str, Value]) -> Value:
    """The Value of an expression in which the names stand for these Values.

    Allowed are numbers, names, + - * / ** @, brackets, [indices], and calls of the library's functions, with settings
    such as axis=0. Raises ExpressionError for anything else.

    >>> evaluate("a*b + a**2", {"a": Value(2.0, "a"), "b": Value(-3.0, "b")}).data
    -2.0
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        result = read(tree, text.strip(), names)
    except SyntaxError as error:
        raise ExpressionError(f"{shown(text)} is not an expression: {error.msg:.80}.") from None
    except (RecursionError, MemoryError):
        raise ExpressionError("The expression is nested too deeply.") from None
    if not isinstance(result, Value):
        raise ExpressionError(
            f"{shown(text)} contains no name, so there is nothing to differentiate: try a*b with a=2 b=3."
        )
    return result


def read(node: ast.AST, text: str, names: dict[str, Value]) -> Any:
    """One part of the expression."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number if isinstance(number, float) or abs(number) < 2**53 else float(str(number))
        case ast.Name(id=name):
            if name not in names:
                has = f"names with a value are {', '.join(names)}" if names else "no name has a value"
                raise ExpressionError(
                    f"{shown(name)} has no value; {has}. Write it behind the expression: {name:.60}=2."
                )
            return names[name]
        case ast.BinOp(op=ast.BitXor()):
            raise ExpressionError(f"A power is written **: {shown(text.replace('^', '**'))}, not {shown(text)}.")
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in SIGNS:
            return apply(SIGNS[type(sign)], read(left, text, names), read(right, text, names))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in SIGNS:
            return apply(SIGNS[type(sign)], read(operand, text, names))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            return call(name, args, keywords, text, names)
        case ast.Subscript(value=value, slice=index):
            return read(value, text, names)[part(index)]
    segment = shown(ast.get_source_segment(text, node) or "")
    raise ExpressionError(
        f"{segment} is not allowed: an expression has numbers, names, + - * / ** @, brackets and calls such as tanh(x)."
    )


def apply(op: ops.Op, *operands: Any) -> Any:
    """A sign between parts; between plain numbers it is computed in floats, so that 9**9**9 is inf and not a wait."""
    if not any(isinstance(x, Value) for x in operands):
        operands = tuple(map(float, operands))
    return op(*operands)


def call(name: str, args: list[ast.expr], keywords: list[ast.keyword], text: str, names: dict[str, Value]) -> Any:
    """A call of one of FUNCTIONS."""
    if name not in FUNCTIONS:
        nearest = NEAREST.get(name) or get_close_matches(name, FUNCTIONS, n=3)
        meant = f": did you mean {' or '.join(nearest)}?" if nearest else ", which has NumPy's, such as tanh and sum."
        raise ExpressionError(f"{shown(name)} is not on the list of functions{meant}")
    if any(word.arg is None for word in keywords) or any(isinstance(arg, ast.Starred) for arg in args):
        raise ExpressionError("Stars in a call are not allowed.")
    settings = {str(word.arg): literal(word.value) for word in keywords}
    return FUNCTIONS[name](*[read(arg, text, names) for arg in args], **settings)


def literal(node: ast.expr) -> Any:
    """A number, True, None or a tuple of these, as a setting or an index."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        text = shown(ast.unparse(node))
        raise ExpressionError(f"A setting or index must be a plain number, not {text}.") from None


def part(node: ast.expr) -> Any:
    """An index: a number, a slice, or several."""
    match node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*[None if bound is None else literal(bound) for bound in (lower, upper, step)])
        case ast.Tuple(elts=parts):
            return tuple(map(part, parts))
    return literal(node)


def assignments(texts: Iterable[str]) -> dict[str, Value]:
    """Several of `name=value`, by name; beside a fraction, whole numbers are exact fractions too."""
    values: dict[str, Value] = {}
    for text in texts:
        name, value = assignment(text)
        if name in values:
            raise ExpressionError(f"{shown(name)} was given a value twice.")
        values[name] = value
    if any(isinstance(value.data, Fraction) for value in values.values()):
        for value in values.values():
            if not value.shape and value.data % 1 == 0:
                value.data = Fraction(value.data)
    return values


def assignment(text: str) -> tuple[str, Value]:
    """`name=value` as a labelled Value; the value is a number, a fraction such as 1/3, or a nested list of numbers.

    >>> assignment("w=[1, 2.5]"), assignment("a=1/3")
    (('w', Value([1. , 2.5], label='w')), ('a', Value(1/3, label='a')))
    """
    name, equals, number = (part.strip() for part in text.partition("="))
    if not equals or not name.isidentifier():
        raise ExpressionError(f"{shown(text.strip())} is not of the form name=value.")
    try:
        if re.fullmatch(r"[-+]?[0-9]+ ?/ ?[0-9]+", number):
            return name, Value(Fraction(number.replace(" ", "")), name)
        return name, Value(np.asarray(ast.literal_eval(number), float), name)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, ArithmeticError):
        raise ExpressionError(f"The value of {name} must be a number or a list, not {shown(number)}.") from None
