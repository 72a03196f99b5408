"""An operation of one's own, in one call: a row of the table of derivatives with its line in the table of domains.

It is tried at once, on a few numbers of its domain: a row that cannot work is refused where it is written, not where it
is used. Whether its derivative is right is another question; that is what `check_gradients` is for.
"""

from __future__ import annotations

import importlib
import inspect
import keyword
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from string import Formatter
from typing import Any

import numpy as np

from . import domains, ops
from .backward import fit
from .domains import Case, Domain, Kink
from .errors import GradientError
from .notation import LATEX, MATHML, add_signs
from .ops import Op, Rule
from .symbol import Symbol, result_shape
from .transforms import value_and_grad, vjp

LETTERS = ("x", "a b", "a b x", "a b x y", "a b x y w")  # of the operands, by their number
TABLES: tuple[dict[Any, Any], ...] = (ops.TABLE, ops.ANSWERS, domains.DOMAINS, LATEX.signs, MATHML.signs)
MARGIN = 0.05  # of an interval, at both ends: checks move a number a little
STEP, COMPLEX_STEP = 1e-5, 1e-20
HOW = (
    "A rule is written with + - * / ** @, comparisons and operations (tg.exp, tg.where ...), without float(), .data, "
    "math., if or 0 < x < 1. What else it needs can be an operation too: tg.operation(name, compute, None)."
)


class OwnOp(Op):
    """A row from somebody's own code, whose module a pickle names; a copy of a graph keeps the very rows it has."""

    __doc__ = property(lambda self: Op.describe(self))  # help(op), as for any row
    module = "__main__"

    def __reduce__(self) -> tuple[Any, ...]:
        return find, (self.name, self.module)

    def __deepcopy__(self, memo: Any) -> Op:
        return self


def operation(
    name: str, compute: Callable[..., Any], *rules: Rule | None, each: Callable[[int], Rule] | None = None,
    written: str | None = None, scalar: Callable[..., Any] | None = None, settings: Mapping[str, Any] = ops.NOTHING,
    numpy: Any = (), what: str = "", where: Any = "x", shapes: Iterable[Any] = (), kinks: Iterable[Any] = (),
    example: Any = (), holomorphic: bool | None = None, latex: str | None = None,
) -> Op:  # fmt: skip
    """Add an operation of your own to the table: how it is computed, and one rule per operand.

    A rule takes (g, y, *operands): the gradient of the loss with respect to the result, the result, the operands; it
    returns what its operand's gradient gains. None stands for an operand without a derivative. For any number of
    operands `each(i)` makes the rule of operand i. What may be said besides:

    - `written`: how a person writes it, "cube({})" if nothing is said, or "{} ⊕ {}", "‖{}‖"; `latex` the same in LaTeX
      (a brace of its own doubled), else as `written`; `what`: what it is, in a few words, for `help()`
    - `scalar`: a quick form for plain numbers, such as one of `math`; `settings`: named arguments with their defaults,
      which `compute`, `scalar` and the rules receive; `numpy`: the functions of NumPy it answers for
    - `where` it is differentiable: "x > 0", "a, b != 0", an interval (low, high), or one of these per operand;
      `shapes` to test it with, unless it takes numbers and arrays of all shapes: [((2, 3), (3, 4))]
    - `kinks`: its conventions, (point, gradient, "relu'(0) = 0"); `example`: operands for `help()`
    - `holomorphic`: whether complex numbers may pass in gradient checks; found out if nothing is said

    The same name again takes the place of the row before. Raises ValueError or TypeError for a row that cannot work,
    and for the name of an operation of the library.

    >>> cube = operation("cube", lambda x: x**3, lambda g, y, x: g * (3 * x**2), what="x times x times x")
    >>> value_and_grad(cube)(2.0), cube(Symbol("x") + 1)
    ((8.0, 12.0), cube(x + 1))
    >>> forget(cube)  # out of the table again; a program keeps its own
    """
    checked_name(name)
    if not isinstance(settings, Mapping):
        raise TypeError(
            f"{name}: settings are named arguments with their defaults, as {{'slope': 0.1}}, not {settings!r}."
        )
    count = operands_of(name, rules, each)
    tuple_of_numpy = checked_numpy(name, numpy)
    signatures(name, compute, scalar, [each(i) for i in range(count)] if each else rules, count, settings)
    written = checked_written(name, written or f"{name}({', '.join(['{}'] * (1 if each else count))})", count, each)
    if latex is not None:
        places = {"all"} if each else {"all", "", *map(str, range(count))}
        checked_places(name, latex, {*places, *settings}, "latex")
    with all_or_nothing():
        forget(ops.TABLE.get(name))
        known = dict(ops.ANSWERS)
        ruled = rules if any(rules) else ()
        op = OwnOp(name, written, compute, scalar, *ruled, each=each, settings=dict(settings), numpy=tuple_of_numpy)
        op.arity, op.module = None if each else count, sys._getframe(1).f_globals.get("__name__", "__main__")
        ops.ANSWERS.update((f, row) for f, row in known.items() if row in domains.BUILT_IN)
        add_signs(op, latex)
        line = Domain(op, what, domain(name, where, count, each is not None), cases=cases(op, shapes, count))
        domains.DOMAINS[op] = line
        smooth = tried(op, scalar, bool(line.cases))
        if holomorphic and not smooth:
            raise ValueError(f"{name} is not holomorphic: its complex step is not its slope. Leave holomorphic out.")
        points = tuple(kink(op, told) for told in kinks)
        shown = ("", "")
        if not isinstance(example, tuple) or example:
            shown = worked(op, example if isinstance(example, tuple) else (example,))
        domains.DOMAINS[op] = Domain(
            op, what, line.operands, *shown, line.cases, points, not (smooth if holomorphic is None else holomorphic)
        )
    return op


def find(name: str, module: str) -> Op:
    """The operation of a pickle, whose module is imported if need be; GradientError if that does not define it."""
    if name not in ops.TABLE and module != "__main__":
        importlib.import_module(module)
    if name not in ops.TABLE:
        raise GradientError(
            f"The operation {name} is not known here: it was defined in {module}. Call its tg.operation(...) first."
        )
    return ops.TABLE[name]


def forget(op: Op | None) -> None:
    """Take an operation of one's own out of the tables; graphs that were recorded with it still have it."""
    if isinstance(op, OwnOp):
        domains.DOMAINS.pop(op, None)
        if ops.TABLE.get(op.name) is op:
            for table in (ops.TABLE, LATEX.signs, MATHML.signs):
                table.pop(op.name, None)
        for function in [function for function, row in ops.ANSWERS.items() if row is op]:
            del ops.ANSWERS[function]


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """What is refused half-way leaves the tables as they were."""
    before = [dict(table) for table in TABLES]
    try:
        yield
    except BaseException:
        for table, old in zip(TABLES, before):
            table.clear()
            table.update(old)
        raise


# -- what was written --------------------------------------------------------------------------------------------------


def checked_name(name: Any) -> None:
    """Refuse what is no name, and what is the library's."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name == "np":
        raise ValueError(
            f"An operation has a name by which source text can call it, such as cube_root, not {name!r}. "
            "How a person writes it stands in written=."
        )
    if name in {row.__name__ for row in domains.BUILT_IN}:
        raise ValueError(
            f"{name} is an operation of the library, which stays as it is: choose another name, such as my_{name}."
        )


def operands_of(name: str, rules: Sequence[Any], each: Any) -> int:
    """The number of operands, which is that of the rules; with `each` the number to try it with."""
    if each is not None and (rules or not callable(each)):
        raise TypeError(f"{name}: each is a function that makes the rule of operand i, and stands for all rules.")
    if each is None and not rules:
        raise TypeError(
            f"{name} needs one rule for each operand, as lambda g, y, x: g * ..., or None for one without a derivative."
        )
    for i, rule in enumerate(rules):
        if rule is not None and not callable(rule):
            raise TypeError(f"{name}: rule {i + 1} is no function but {rule!r}; all else goes by name, as written=.")
    return len(rules) or 2


def checked_numpy(name: str, numpy: Any) -> tuple[Any, ...]:
    """The functions of NumPy that a row answers for: none that another row of the library does."""
    functions = numpy if isinstance(numpy, tuple | list) else (numpy,)
    for function in functions:
        if not callable(function):
            raise TypeError(f"{name}: numpy= names functions, such as np.cbrt, not {function!r}.")
        if (row := ops.ANSWERS.get(function)) is not None and row in domains.BUILT_IN:
            raise ValueError(f"{name} cannot answer for np.{function.__name__}: the library's {row.__name__} does.")
    return tuple(functions)


def signatures(
    name: str, compute: Any, scalar: Any, rules: Iterable[Any], count: int, settings: Mapping[str, Any]
) -> None:
    """Refuse functions that do not take what they will be given."""
    letters = letters_of(count)
    for what, function in (("compute", compute), ("scalar", scalar)):
        if function is None and what == "scalar":
            continue
        if not callable(function):
            hint = f" How a person writes it goes by name: written={function!r}." if isinstance(function, str) else ""
            raise TypeError(f"{name}: {what} is a function of {', '.join(letters)}, not {function!r}.{hint}")
        if error := mismatch(function, count, settings):
            raise TypeError(
                f"{name}: {what} does not take {call_of(letters, settings)}: {error}. There is one rule for each "
                f"operand ({count} here), None for one without a derivative; a setting stands in settings= with its "
                "default."
            )
    for i, rule in enumerate(rules):
        if rule is not None and (error := mismatch(rule, count + 2, settings)):
            raise TypeError(
                f"{name}: rule {i + 1} does not take {call_of(['g', 'y', *letters], settings)}: {error}. "
                "g is what arrives from above, y the result; then come the operands and the settings."
            )


def mismatch(function: Any, count: int, settings: Mapping[str, Any]) -> str:
    """Why a function does not take so many arguments and these settings; "" if it does, or does not tell."""
    if isinstance(function, np.ufunc):
        one = "" if function.nout == 1 else f"it has {function.nout} results, and an operation one"
        return one if function.nin == count else f"{function.__name__} takes {function.nin} operand(s)"
    try:
        inspect.signature(function).bind(*range(count), **settings)
    except TypeError as error:
        return str(error)
    except ValueError:  # a function written in C does not always tell
        pass
    return ""


def letters_of(count: int) -> list[str]:
    """Names for so many operands."""
    return LETTERS[count - 1].split() if count <= len(LETTERS) else ["x"] * count


def call_of(letters: Iterable[str], settings: Iterable[str]) -> str:
    """Arguments as they are handed over."""
    return f"({', '.join([*letters, *(f'{name}=' for name in settings)])})"


def checked_written(name: str, written: str, count: int, each: Any) -> str:
    """How a row is written, with a place for every operand."""
    count = 1 if each else count
    places = checked_places(name, written, {"", *map(str, range(count))}, "written")
    stands = {str(i) if place == "" else place for i, place in enumerate(places)}
    if stands != {*map(str, range(count))} or 0 < places.count("") < len(places):
        raise ValueError(f"{name}: written has one {{}} for each of {count} operand(s), not {written!r}.")
    if not written.isprintable() or re.search(r"\{\{|\}\}", written):
        raise ValueError(f"{name}: written is text in one line, without braces but for the operands: {written!r}.")
    return written


def checked_places(name: str, template: str, allowed: set[str], argument: str) -> list[str]:
    """The places of a template, none of which looks into an operand."""
    hint = " A brace of LaTeX's own is doubled: {{." if argument == "latex" else ""
    try:
        parts = [(field, spec, kind) for _, field, spec, kind in Formatter().parse(template) if field is not None]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {argument} cannot be read: {error}: {template!r}.{hint}") from None
    for field, spec, kind in parts:
        if field not in allowed or spec or kind:
            places = ", ".join(f"{{{place}}}" for place in sorted(allowed))
            raise ValueError(f"{name}: the places of {argument} are {places}, not {{{field}}}: {template!r}.{hint}")
    return [field for field, _, _ in parts]


# -- its line in the table of domains ----------------------------------------------------------------------------------


def domain(name: str, where: Any, count: int, any_number: bool) -> str:
    """The operands with their conditions, as the table of domains has them."""
    letters = ["x"] if any_number else letters_of(count)
    if isinstance(where, str) and ", " in where:
        where = where.split(", ")
    if isinstance(where, str) or interval(where):
        where = [where] * len(letters)
    if not isinstance(where, list | tuple) or len(where) != len(letters):
        raise ValueError(f"{name}: where= says one condition, or one for each of {len(letters)} operand(s): {where!r}.")
    parts = [re.sub(r"\bx\b", letter, condition(name, told)) for letter, told in zip(letters, where)]
    return "*" * any_number + ", ".join(parts)


def interval(where: Any) -> bool:
    """Whether something is a pair of numbers."""
    return isinstance(where, tuple | list) and len(where) == 2 and all(isinstance(x, int | float) for x in where)


def condition(name: str, told: Any) -> str:
    """A condition as a key of POINTS, to which an interval is added; "c" stands for a truth value."""
    if interval(told):
        low, high = told
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"{name}: an interval is (low, high), two finite numbers: {told!r}.")
        margin = MARGIN * (high - low)
        domains.POINTS[key := f"{low} < x < {high}"] = ((low + margin, high - margin),)
        return key
    known = told if told in domains.POINTS or told == "c" else domains.LETTER.sub("x", str(told))
    if known not in domains.POINTS and known != "c":
        raise ValueError(
            f"{name}: {told!r} is no known condition. Take an interval (low, high), or one of "
            f"{', '.join(sorted(domains.POINTS.keys() - domains.NEAR_DIAGONAL))}."
        )
    return known


def cases(op: Op, shapes: Iterable[Any], count: int) -> tuple[Case, ...]:
    """The shapes to try an operation with; none where those of the table fit."""
    told = []
    for case in shapes:
        alone = count == 1 and isinstance(case, tuple | list) and all(isinstance(n, int) for n in case)
        operands = (tuple(case),) if alone else case
        if (
            not isinstance(operands, tuple | list)
            or (op.arity is not None and len(operands) != count)
            or not all(isinstance(shape, tuple | list) and all(isinstance(n, int) for n in shape) for shape in operands)
        ):
            raise ValueError(
                f"{op.name}: shapes= lists cases, in each one shape for each operand, as "
                f"{[((2, 3),) * count]}; {case!r} is none for {count} operand(s)."
            )
        told.append(Case(tuple(map(tuple, operands)), {}))
    if not told and (op.arity is None or count > 3):
        told = [Case(((),) * count, {})] if op.arity else []
        told += [Case(((3,),) * count, {}), Case(((2, 3),) * (count + (op.arity is None)), {})]
    return tuple(told)


def kink(op: Op, told: Any) -> Kink:
    """A line of KINKS, if the rules say so too."""
    if not isinstance(told, tuple | list) or len(told) not in (2, 3):
        raise ValueError(f"{op.name}: kinks= lists (point, gradient, convention), not {told!r}.")
    point, gradient = (x if isinstance(x, tuple) else (x,) for x in told[:2])
    if len(point) != len(gradient) or len(point) != (op.arity or len(point)):
        raise ValueError(f"{op.name}: a point of kinks= has one number for each of {op.arity} operand(s): {told!r}.")
    y, pullback = vjp(lambda *xs: domains.call(op, [*xs], {}), *point)
    found = pullback(np.ones_like(y) if np.ndim(y) else 1.0)
    for mine, theirs in zip(found, gradient, strict=True):
        if theirs is not None and not np.allclose(mine, theirs, equal_nan=True):
            answer = found[0] if len(found) == 1 else found
            raise ValueError(f"{op.name}: by kinks= the gradient at {told[0]} is {told[1]}, by the rules {answer}.")
    return Kink(op, point, gradient, told[2] if len(told) == 3 else f"{op.name}'({told[0]}) = {told[1]}")


def worked(op: Op, operands: tuple[Any, ...]) -> tuple[str, str]:
    """The example for `help()`, as it is typed, and what comes out."""
    typed = ", ".join(repr(x.tolist() if isinstance(x, np.ndarray | np.generic) else x) for x in operands)
    if op.arity and op.rules and None not in tuple(op.rules) and not np.ndim(op(*operands)):
        return typed, repr(value_and_grad(op, argnums=0 if op.arity == 1 else tuple(range(op.arity)))(*operands))
    return typed if op.arity else f"[{typed}]", repr(domains.call(op, [*operands], {}))


# -- whether it works --------------------------------------------------------------------------------------------------


def tried(op: Op, scalar: Any, shapes: bool) -> bool:
    """Try an operation and its rules on numbers, arrays and letters; whether it is holomorphic as far as can be seen.

    Raises TypeError for what does not work, GradientError for a gradient that does not fit its operand.
    """
    random, smooth, failed = np.random.default_rng(0), True, list[tuple[Case, Exception]]()
    listed = domains.cases(op)
    if not shapes:  # numbers, and arrays
        listed = (listed[0], next(case for case in listed if all(map(math.prod, case.operands)) and all(case.operands)))
    for case in listed:
        operands = domains.draw(op, case, random)
        before = [np.array(x) for x in operands]
        if scalar is not None and not any(case.operands):
            quick(op, scalar, operands)
        try:
            with np.errstate(all="ignore"):
                y = domains.call(op, operands, {})
        except NameError:  # which says it all
            raise
        except Exception as error:  # whatever somebody's function says
            failed.append((case, error))
            continue
        result(op, y, operands, before)
        for i, rule in zip(range(len(operands)), op.rules):
            if rule is not None:
                gain(op, i, rule, y, operands)
        smooth = smooth and steps_agree(op, operands)
    if failed:
        raise refused(op, *failed[0], len(failed) == len(listed)) from failed[0][1]
    for case in listed if op.rules else ():
        lettered(op, case)
    return smooth


def result(op: Op, y: Any, operands: list[Any], before: list[Any]) -> None:
    """Refuse a result that is no number and no array, and operands that were changed."""
    if any(not np.array_equal(x, old) for x, old in zip(operands, before)):
        raise TypeError(f"{op.name}: compute writes into its operand; it makes a new array: x + 1, not x += 1.")
    if not isinstance(y, int | float | np.ndarray) or np.asarray(y).dtype.kind not in "fbiu":
        raise TypeError(f"{op.name}: compute returns a number or an array, not {type(y).__name__}: {y!s:.60}")


def refused(op: Op, case: Case, error: Exception, everywhere: bool) -> TypeError:
    """What to say where `compute` fails."""
    said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    if everywhere:
        text = (
            f"compute fails on test numbers ({said}). If it takes only some, say where=(low, high); if it takes "
            "other shapes, such as a matrix, say shapes=[((2, 2),)]."
        )
    elif any(case.operands):
        text = (
            f"compute works on single numbers, but not on arrays ({said}). Write it with NumPy's functions: np.exp for "
            "math.exp, np.where for if; or take compute=np.vectorize(f, otypes=[float]) and scalar=f."
        )
    else:
        text = (
            f"compute works on arrays, but not on single numbers ({said}). Write np.clip(x, 0, 1) for x.clip(0, 1); "
            "or, if it is for arrays alone, say of which shapes: shapes=[((3,),)]."
        )
    return TypeError(f"{op.name}: {text}")


def quick(op: Op, scalar: Callable[..., Any], operands: list[Any]) -> None:
    """Refuse a quick form that fails, or gives something else than `compute`."""
    try:
        with np.errstate(all="ignore"):
            slow = np.asarray(op.compute(*map(np.asarray, operands), **op.settings)).item()
    except Exception:  # of which more is said elsewhere
        return
    try:
        fast = scalar(*operands, **op.settings)
    except (ValueError, ArithmeticError):  # as math does where NumPy says nan or inf
        return
    except Exception as error:
        raise TypeError(f"{op.name}: scalar fails on {operands} ({type(error).__name__}: {error}).") from error
    if not np.isclose(fast, slow, rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError(f"{op.name}: of {operands} scalar makes {fast}, compute {slow}: they must be the same.")


def gain(op: Op, i: int, rule: Rule, y: Any, operands: list[Any]) -> None:
    """Refuse a rule that fails on numbers or arrays, or whose gradient does not fit its operand."""
    g = np.ones(np.shape(y)) if np.ndim(y) else 1.0
    try:
        with np.errstate(all="ignore"):
            found = rule(g, y, *operands, **op.settings)
    except ArithmeticError:  # NumPy's inf or nan
        return
    except Exception as error:
        kind = "arrays" if any(map(np.ndim, operands)) else "numbers"
        raise TypeError(f"{op.name}: rule {i + 1} fails on {kind} ({type(error).__name__}: {error}). {HOW}") from error
    if found is None:
        raise TypeError(f"{op.name}: rule {i + 1} returns None; it returns what its operand's gradient gains.")
    fit(found, operands[i], op)


def lettered(op: Op, case: Case) -> None:
    """Refuse rules that cannot be read on letters: they would have no formula, and no second derivative."""
    letters = [Symbol(letter, shape) for letter, shape in zip(letters_of(len(case.operands)), case.operands)]
    y = Symbol("y", result_shape(op, tuple(letters), op.settings))
    for i, rule in zip(range(len(letters)), op.rules):
        try:
            if rule is not None:
                rule(Symbol("g", y.shape), y, *letters, **op.settings)
        except Exception as error:
            raise TypeError(
                f"{op.name}: rule {i + 1} computes with bare numbers, so that it would have no formula and no second "
                f"derivative ({type(error).__name__}: {error}). {HOW}"
            ) from error


def steps_agree(op: Op, operands: list[Any]) -> bool:
    """Whether the complex step finds the slopes that central differences find."""
    numbers = [np.asarray(x) for x in operands]
    for i, x in enumerate(numbers):
        if x.dtype.kind != "f":
            continue

        def moved(step: Any, i: int = i, x: Any = x) -> Any:
            return np.asarray(op.compute(*numbers[:i], x + step, *numbers[i + 1 :], **op.settings))

        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                slope = (moved(STEP) - moved(-STEP)) / (2 * STEP)
                found = moved(1j * COMPLEX_STEP).imag / COMPLEX_STEP
        except Exception:  # whatever a function of real numbers says to complex ones
            return False
        known = np.isfinite(slope)
        if not known.any() or not np.allclose(found[known], slope[known], rtol=1e-5, atol=1e-6):
            return False
    return True
