"""Operations and operands as expressions in NumPy, as a person writes them."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .. import ops
from ..notation import ATOM, POSTFIX, PRODUCT, REST, SUM, Written
from ..rows import random
from ..value import Value
from .helpers import bare, in_numpy
from .names import Namer
from .phrases import NUMBERS, decimals, formula, kernel_of, literal, name_of, phrase, shortest
from .spelling import CHECKED, ON_NUMBERS

SHORT = 48  # characters of a constant that stands in a line


class Texts:
    """Writes operations, whose operands are written already: as `letters`, by identity.

    `around` is what stands around the function, by name: constants, functions that NumPy lacks, a generator.
    """

    whole = ".astype(int)"  # labels as whole numbers
    pure = False  # whether there are no arrays at all

    def __init__(self, inputs: dict[int, str], namer: Namer) -> None:
        self.letters: dict[int, Written] = {key: name_of(name) for key, name in inputs.items()}
        self.namer, self.around = namer, dict[str, Any]()
        self.kernels: dict[Any, str] = {}  # the names of our own functions

    def text(self, x: Any) -> str:
        """An operand as it is written."""
        part = self.part(x, False)
        return part.text if isinstance(part, Written) else literal(part, self.pure)

    def part(self, x: Any, scalar: bool) -> Any:
        """An operand for a phrase; a number with a name is one of `math` where there are no arrays."""
        if x.__class__ is Value:
            return self.letters[id(x)]
        if x.__class__ is np.ndarray:
            return name_of(self.constant(x))
        if isinstance(x, Fraction) and x.denominator > 1:
            return Written(f"Fraction({x.numerator}, {x.denominator})", ATOM)
        text = literal(x, scalar)
        if not scalar or "math." not in text:
            return x
        return Written(text, PRODUCT if "/" in text else ATOM) if text[0] != "-" else Written(text, REST, "-")

    def setting(self, x: Any) -> Any:
        """A setting with the texts of what is computed, or constant, in it."""
        if isinstance(x, tuple):
            return tuple(map(self.setting, x))
        if isinstance(x, Value | np.ndarray):
            return self.letters[id(x)] if isinstance(x, Value) else name_of(self.constant(x))
        return x.item() if isinstance(x, np.generic) else x

    def constant(self, x: Any) -> str:
        """A constant array: as one would write it, or by a name above the function; a generator by its name."""
        if x.__class__ is np.ndarray and (text := self.short(x)):
            return text
        found = next((name for name, y in self.around.items() if y is x or equal(x, y)), None)
        name = found or (self.namer.numbered("c") if x.__class__ is np.ndarray else self.namer.of("rng"))
        self.around[name] = x
        return name

    def short(self, x: np.ndarray) -> str:
        """A constant array in a line; "" if there is no short way."""
        return short(x)

    def phrase(self, node: Value) -> Written:
        """A node as an expression."""
        if (special := self.special(node)) is not None:
            return special
        scalar, operands = on_numbers(node), operands_of(node)
        if (kernel := self.kernel(node, scalar)) is not None:
            return self.kernel_call(node, kernel)
        return self.from_parts(node, [self.part(x, scalar) for x in with_short_numbers(node, operands)], scalar)

    def special(self, node: Value) -> Written | None:
        """What is not written as an operation between its operands; None for all others."""
        op, x = op_of(node), node.inputs[0]
        if op is ops.broadcast_to:
            return self.repeated(x, node._data)
        if op is ops.getitem:
            return self.taken(x, node.settings["index"])
        if op is CHECKED:
            return Written(f"{bracketed(self.part(x, False))}{self.whole}", ATOM)
        return self.drawn(node._data, node.settings["generator"]) if op is random else None

    def kernel(self, node: Value, scalar: bool) -> Any:
        """The function of the library's own that has to stand in the module; None where signs or NumPy's will do."""
        op = op_of(node)
        plain = op.name in SIGNED and all(map(shape_of, operands_of(node)))
        if plain or op.name in NUMPYS or (scalar and op.name in SCALARS.signs):
            return None
        kernel = kernel_of(op, scalar)
        return None if kernel is None or in_numpy(bare(kernel)) else kernel

    def from_parts(self, node: Value, parts: list[Any], scalar: bool) -> Written:
        """An operation between operands that are written already."""
        op, operands = op_of(node), operands_of(node)
        if op is ops.reshape and shape_of(node) and shape_of(operands[0]):
            return Written(f"{bracketed(parts[0])}.reshape({', '.join(map(str, node._data.shape))})", ATOM)
        if op is ops.multiply and operands[0].__class__ is float and operands[0] == 1:
            return self.as_float(node._data, parts[1])
        if op is ops.where and scalar:
            parts = [float(x) if x.__class__ is int else x for x in parts]
        if op.name in NUMPYS:
            return self.numpys(node, parts)
        if op is ops.power and scalar and not whole(operands[1]):  # ** would give complex numbers
            return Written(f"math.pow({self.text(operands[0])}, {self.text(operands[1])})", ATOM)
        shapes = [()] * len(operands) if scalar else [*map(shape_of, operands)]
        return self.written(op, parts, self.settings(node) if node.settings else {}, shapes, scalar)

    def settings(self, node: Value) -> dict[str, Any]:
        """The settings as they are written; how cleverly einsum goes about it is left to NumPy."""
        usual = op_of(node).settings
        return {key: usual[key] if key == "optimize" else self.setting(x) for key, x in node.settings.items()}

    def written(self, op: Any, parts: list[Any], settings: dict[str, Any], shapes: list[Any], scalar: bool) -> Written:
        """An operation on parts that are written already."""
        if scalar and op.name in READ_ON_NUMBERS:
            return formula(op, parts, settings, shapes, SCALARS)
        return spaced(op, phrase(op, parts, settings, shapes, scalar))

    def as_float(self, like: Any, part: Written) -> Written:
        """What is true as 1, the rest as 0."""
        array = like.__class__ is np.ndarray
        return Written(f"{bracketed(part)}.astype(np.{like.dtype.name})" if array else f"float({part.text})", ATOM)

    def repeated(self, x: Any, like: np.ndarray) -> Written:
        """A number or an array, stretched to the shape and the dtype of another."""
        if not shape_of(x):
            text = self.text(shortest(x) if x.__class__ is float and like.dtype == np.float32 else x)
            return Written(f"np.full({size(like)}, {text}{kind_of(like)})", ATOM)
        same = x._data.dtype == like.dtype
        part = self.text(x) if same else f"{bracketed(self.part(x, False))}.astype(np.{like.dtype.name})"
        return Written(f"np.broadcast_to({part}, {like.shape})", ATOM)

    def drawn(self, like: Any, generator: Any) -> Written:
        """Random numbers from 0 up to 1."""
        shape = f"{ops.shape(like)}{kind_of(like)}" if ops.shape(like) else ""
        return Written(f"{self.constant(generator)}.random({shape})", ATOM)

    def taken(self, x: Any, index: Any) -> Written:
        """What stands at an index."""
        inside = self.setting(index)
        if isinstance(inside, tuple) and len(inside) == 1 and isinstance(inside[0], Written):
            inside = inside[0]
        part = x if isinstance(x, Written) else self.part(x, False)
        return self.written(ops.getitem, [part], {"index": inside}, [()], False)

    def put_back(self, node: Value) -> tuple[Written, str] | None:
        """The two lines that put numbers back to where an index took them from: zeros, and {} for their name."""
        settings, text = node.settings, self.text(operands_of(node)[0]).replace("{", "{{").replace("}", "}}")
        index = settings["index"] if isinstance(settings["index"], tuple) else (settings["index"],)
        zeros = Written(f"np.zeros({size(node._data)}{kind_of(node._data)})", ATOM)
        if all(once(part) for part in index):
            place = self.taken_at(index).replace("{", "{{").replace("}", "}}")
            return zeros, f"{{}}[{place}] = {text}"
        parts = self.setting(index)
        places = self.given(parts[0] if len(parts) == 1 and isinstance(parts[0], Written) else parts)
        return zeros, f"np.add.at({{}}, {places}, {text})"

    def taken_at(self, index: Any) -> str:
        """An index as it stands between its brackets."""
        return self.taken(name_of(""), index).text[1:-1]

    def numpys(self, node: Value, parts: list[Any]) -> Written:
        """A function of NumPy that gives the same but for the last digits."""
        given = {name: value for name, value in node.settings.items() if value is not None and value is not False}
        settings = [f"{name}={value!r}" for name, value in given.items()]
        texts = [x.text if isinstance(x, Written) else literal(x, False) for x in parts]
        return Written(f"{NUMPYS[op_of(node).name]}({', '.join([*texts, *settings])})", ATOM)

    def kernel_call(self, node: Value, kernel: Any) -> Written:
        """A function of the library's own."""
        name = self.kernels.get(kernel) or self.namer.of(op_of(node).name)
        self.kernels[kernel], self.around[name] = name, kernel
        settings = [f"{key}={self.given(self.setting(x))}" for key, x in node.settings.items()]
        return Written(f"{name}({', '.join([*map(self.text, operands_of(node)), *settings])})", ATOM)

    def given(self, x: Any) -> str:
        """A setting of a call."""
        if isinstance(x, Written):
            return x.text
        if isinstance(x, tuple):
            return f"({', '.join(map(self.given, x))}{',' * (len(x) == 1)})"
        if isinstance(x, slice):
            return f"slice({x.start!r}, {x.stop!r}, {x.step!r})"
        if isinstance(x, np.dtype):
            return f"np.{x.name}"
        if x is None or isinstance(x, int | float | str | list):
            return repr(x).replace("'", '"')
        return "..." if x is ... else self.constant(x)


def steepness(x: Any, n: Any, times: int) -> Any:
    """n·xⁿ⁻¹, and 0 where n is."""
    factor = " * ".join(["{1}", *(f"({{1}} - {i})" for i in range(1, times))])
    return f"({factor} * {{0}} ** ({{1}} - {times}) if {factor} else 0.0)", ATOM, POSTFIX, POSTFIX


READ_ON_NUMBERS: dict[str, Any] = {  # as one writes it, who knows that there is no nan
    "maximum": ("max({}, {})", ATOM), "minimum": ("min({}, {})", ATOM),
    "xlogy": ("({0} * math.log({1}) if {0} else 0.0)", ATOM, PRODUCT), "slope": steepness,
    "wins": ("({0} >= {1}) - 0.5 * ({0} == {1})", SUM, SUM, SUM),
}  # fmt: skip
SCALARS = replace(NUMBERS, signs={**ON_NUMBERS, **READ_ON_NUMBERS})  # written with signs on plain numbers
TWICE = {"square", *READ_ON_NUMBERS}  # what is written with an operand twice
SIGNED = ("matmul", "einsum")  # of arrays as NumPy has them, though a row of ours computes numbers too
NUMPYS = {"norm": "np.linalg.norm"}


def short(x: np.ndarray) -> str:
    """A constant array as a person writes it in a line; "" if there is no short way."""
    kind = "" if x.dtype.name in ("float64", "int64", "bool") else f", dtype=np.{x.dtype.name}"
    if not x.size:
        return f"np.zeros({size(x)}{kind_of(x)})"
    if x.ndim == 1 and x.dtype == np.int64 and x.size > 1 and np.array_equal(x, np.arange(x.size)):
        return f"np.arange({x.size})"
    if x.ndim == 2 and x.dtype.kind == "f" and x.shape[0] == x.shape[1] and np.array_equal(x, np.eye(len(x))):
        return f"np.eye({len(x)}{kind})"
    if x.dtype.kind == "f" and x.size > 1 and (x == x.flat[0]).all():
        plain = {0.0: f"np.zeros({size(x)}{kind})", 1.0: f"np.ones({size(x)}{kind})"}
        return plain.get(float(x.flat[0])) or f"np.full({size(x)}, {literal(decimals(x.flat[0]).item(), False)}{kind})"
    text = f"np.array({decimals(x).tolist()}{kind})"
    return text if len(text) <= SHORT and np.isfinite(x).all() else ""


def size(x: np.ndarray) -> str:
    """The shape of an array, as one gives it to np.zeros."""
    return str(x.shape[0] if x.ndim == 1 else x.shape)


def spaced(op: Any, part: Written) -> Written:
    """A part as formatters have it: "x" for 'x', and (a + b) ** 2 beside a**2."""
    text = part.text if '"' in part.text else part.text.replace("'", '"')
    base, stars, exponent = text.rpartition("**")
    if op is ops.power and stars and not (SIMPLE.fullmatch(base) and SIMPLE.fullmatch(exponent)):
        text = f"{base} ** {exponent}" if exponent.count("(") == exponent.count(")") else text
    return Written(text, part.holds, part.begins)


SIMPLE = re.compile(r"-?[\d.e]+|[A-Za-z_][\w.]*")  # a number or a name


def kind_of(x: Any) -> str:
    """The dtype of an array as an argument; nothing where NumPy takes it by itself."""
    return "" if x.dtype == np.float64 else f", dtype=np.{x.dtype.name}"


def once(part: Any) -> bool:
    """Whether a part of an index takes nothing twice."""
    part = getattr(part, "_data", part)
    return isinstance(part, int | slice | type(None) | type(...)) or np.asarray(part).dtype == bool


def equal(x: Any, y: Any) -> bool:
    """Whether two small constants are the same, bit by bit."""
    if not x.__class__ is y.__class__ is np.ndarray or (x.shape, x.dtype) != (y.shape, y.dtype):
        return False
    return x.size <= 64 and x.tobytes() == y.tobytes()


def whole(n: Any) -> bool:
    """Whether an exponent is known to be a whole number."""
    return n.__class__ is int or (n.__class__ is float and n.is_integer())


def bracketed(part: Any) -> str:
    """A part before a dot."""
    return part.text if part.holds >= POSTFIX else f"({part.text})"


def op_of(node: Value) -> Any:
    """The operation of a node that is no leaf."""
    op: Any = node.op
    return op


def operands_of(node: Any) -> list[Any]:
    """What a node is computed from, Values and others."""
    return [node.left, node.right] if node.many is None else [*node.many[: len(node.many) // 2]]


def with_short_numbers(node: Value, operands: list[Any]) -> list[Any]:
    """The operands; plain numbers beside arrays of float32, which make float32 of them, as short as they can be."""
    if float not in map(type, operands) or not is_single(node) or not any(map(is_single, operands)):
        return operands
    return [shortest(x) if x.__class__ is float else x for x in operands]


def is_single(x: Any) -> bool:
    """Whether an operand is an array of float32."""
    return getattr(getattr(x, "_data", x), "dtype", None) == np.float32


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an operand."""
    return ops.shape(getattr(x, "_data", x))


def on_numbers(node: Any) -> bool:
    """Whether a node is computed from plain numbers alone, and is one."""
    if node._data.__class__ is np.ndarray:
        return False
    if node.many is None:
        return np.ndarray is not node.left_number.__class__ and np.ndarray is not node.right_number.__class__
    return np.ndarray not in map(type, node.many)


def foreign(op: Any, signs: Container[str] | None = None) -> bool:
    """Whether an operation on plain numbers gives one of NumPy's: it has no sign, and is no function of `math`."""
    exact = getattr(op.scalar, "exact", None) or getattr(op.scalar, "__module__", "") == "_operator"
    return op.name not in (SCALARS.signs if signs is None else signs) and not exact
