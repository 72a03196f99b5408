"""A program that works in memory of its own: every statement one operation, its result in an array that is free.

It is the program that a careful person would write who has to save every microsecond: `out=` says where a result goes,
arrays that nobody needs any longer are used again, and what the caller gets is always new.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from typing import Any

import numpy as np

from .. import ops
from ..calling import signature
from ..notation import ATOM, Written
from ..rows import Unlisted
from ..value import Value
from .blocks import Block, Landing, carved
from .helpers import in_numpy
from .names import LETTERS, Namer
from .phrases import kernel_of, literal, name_of, phrase
from .spelling import ON_NUMBERS, TWICE
from .texts import Texts, bracketed, foreign, on_numbers
from .tracing import joint_order, used

VIEWS = (ops.reshape, ops.transpose, ops.squeeze, ops.expand_dims, ops.same)
REDUCED = {np.add.reduce: "np.add", np.maximum.reduce: "np.maximum", np.minimum.reduce: "np.minimum",
           np.multiply.reduce: "np.multiply"}  # fmt: skip
LONGEST = 100  # characters of an expression of plain numbers
SMALL = 64  # numbers of a constant that is compared with others
ENDLESS = 1 << 60
LINE = 64  # bytes


class InPlace(Texts):
    """Writes the body of a function that computes some results, and lands updates in the arrays that they are of."""

    def __init__(
        self, inputs: dict[int, str], results: list[Any], landing: list[tuple[Value, Any]], names: dict[int, str],
        namer: Namer, quiet: Container[int] = (), shared: Container[int] = (),
        together: Iterable[list[Landing]] = (),
    ) -> None:  # fmt: skip
        super().__init__(inputs, namer)
        self.quiet, self.shared = quiet, shared
        self.names, self.results, self.landing = names, results, landing
        self.lines: list[str] = []
        self.around |= {"np": np, "math": math}
        self.careful: dict[str, Any] = {}  # by name, functions of plain numbers that never raise
        self.nodes = joint_order(x for x in (*results, *(new for _, new in landing)) if x.__class__ is Value)
        self.blocks: list[Block] = []
        self.changed = [*landing]
        self.before: dict[int, str] = {}  # copies of what is changed, but is wanted as it was, by identity
        for group in together:
            self.carve(group)
        self.free: dict[Any, list[str]] = {}
        self.buffers: dict[int, str] = {}  # the names of the arrays in use, by what owns the memory
        self.owner: dict[int, int] = {}
        self.constants: dict[Any, tuple[str, Any]] = {}  # small arrays by their numbers, others by identity
        self.arrays: dict[Any, str] = {}  # plain numbers as arrays of no axes
        self.look_ahead()

    # -- what is needed how long ---------------------------------------------------------------------------------------

    def look_ahead(self) -> None:
        """For each node how often it is used, and for each piece of memory when for the last time."""
        self.uses: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.user: dict[int, Value] = {}
        self.at_home: dict[int, int] = {}  # nodes that may be computed in the array of a parameter, by identity
        news = [new for _, new in self.landing if new.__class__ is Value]
        ends = [x for x in self.results if x.__class__ is Value]
        late = [x for block in self.blocks for x in block.given]
        for node in self.nodes:
            for x in used(node):
                self.uses[id(x)] = self.uses.get(id(x), 0) + 1
                self.user[id(x)] = node
        for x in (*ends, *ends, *late, *late, *news):  # a result has its own line, however often it is used
            self.uses[id(x)] = self.uses.get(id(x), 0) + 1
        for old, new in self.landing:
            self.lead_home(old, new)
        self.nodes = self.changes_last()
        for at, node in enumerate(self.nodes):
            if on_numbers(node):
                continue
            if is_view(node):
                self.owner[id(node)] = self.memory(node.inputs[0])
            for x in used(node):
                self.last[self.memory(x)] = at
        for x in late:
            self.last[self.memory(x)] = len(self.nodes)
        for x in (*ends, *news):
            self.last[self.memory(x)] = ENDLESS

    def changes_last(self) -> list[Value]:
        """The nodes with the changes of parameters behind everything that could raise an error on plain numbers."""
        first = next((i for i, node in enumerate(self.nodes) if id(node) in self.at_home), len(self.nodes))
        if not any(map(on_numbers, self.nodes[first:])):
            return self.nodes
        late: set[int] = set()
        for node in self.nodes[first:]:
            if id(node) in self.at_home or any(id(x) in late for x in used(node)):
                late.add(id(node))
        nodes = [node for node in self.nodes if id(node) not in late]
        return nodes + [node for node in self.nodes if id(node) in late]

    def lead_home(self, old: Value, new: Any) -> None:
        """The chain of operations that ends in a parameter's new data may be computed in its old array."""
        while new.__class__ is Value and new.op is not None and elementwise(new) and new._data.__class__ is np.ndarray:
            self.at_home[id(new)] = id(old)
            fewer = [x for x in used(new) if x is not old and self.uses.get(id(x)) == 1 and elementwise(x)]
            new = next((x for x in fewer if leads_to(x, old)), None)

    def memory(self, x: Value) -> int:
        """By whose identity the memory of a value is known."""
        return self.owner.get(id(x), id(x))

    # -- the lines -----------------------------------------------------------------------------------------------------

    def write(self) -> list[str]:
        """The statements, one for each line."""
        self.keep()
        for at, node in enumerate(self.nodes):
            if self.inlined(node):
                continue
            if node._data.__class__ is np.ndarray:
                self.array_line(at, node)
            else:
                self.number_line(node)
            if not on_numbers(node):
                self.release(at, node)
        for old, new in self.landing:
            if old._data.__class__ is np.ndarray and self.memory(new) != id(old):
                self.lines.append(f"np.copyto({self.text(old)}, {self.before.get(id(new)) or self.text(new)})")
        for block in self.blocks:
            self.lines += block.lines(self)
        return self.lines

    def keep(self) -> None:
        """Copies of the arrays that are changed, where they are also results, or the new numbers of others."""
        wanted = {id(x) for x in (*self.results, *(new for _, new in self.changed))}
        for old, _ in self.changed:
            if id(old) in wanted:
                text = self.text(old)
                self.before[id(old)] = self.namer.of(f"{text}_before")
                self.lines.append(f"{self.before[id(old)]} = {text}.copy()")

    def carve(self, group: list[Landing]) -> None:
        """Leave the change of a large parameter to a loop of its own, behind all other statements."""
        block = carved(group, self.nodes, self.results, elementwise)
        others = {id(old) for old, _ in self.changed} - {id(old) for old, _ in group}
        if block is not None and not any(id(seen_in(x)) in others for x in block.given):
            inside = {id(node) for node in block.nodes}
            self.nodes = [node for node in self.nodes if id(node) not in inside]
            self.landing = [pair for pair in self.landing if id(pair[1]) not in inside]
            self.blocks.append(block)

    def another(self, inputs: dict[int, str], landing: list[Landing]) -> list[str]:
        """The statements of a part with memory of its own, under names that are not taken here."""
        part = InPlace(inputs, [], landing, {}, self.namer, self.quiet)  # nothing but elementwise operations
        lines = part.write()
        self.around.update(part.around)
        self.careful.update(part.careful)
        return lines

    def inlined(self, node: Any) -> bool:
        """Whether a node is written where it is used: a transpose, or a short expression of plain numbers used once."""
        if node.op is ops.transpose and is_view(node) and self.last.get(self.memory(node)) != ENDLESS:
            self.letters[id(node)] = self.phrase(node)
            return True
        if self.uses[id(node)] > 1 or not on_numbers(node):
            return False
        user: Any = self.user.get(id(node))
        if foreign(node.op, ON_NUMBERS) or user is None or not on_numbers(user):
            return False
        if user.op.name in TWICE or user.op is ops.power:
            return False
        part = self.phrase(node)
        if len(part.text) > LONGEST:
            return False
        self.letters[id(node)] = part
        return True

    def number_line(self, node: Any) -> None:
        """A plain number; from an array as one of Python's, which does not widen float32."""
        call = None if on_numbers(node) else self.call(node)
        part = self.phrase(node) if call is None else name_of(f"{call.removesuffix(', ')})")
        kind = node._data.__class__.__name__
        if kind in ("list", "tuple"):
            return self.assign(node, part.text)
        text = part.text if on_numbers(node) and not foreign(node.op, ON_NUMBERS) else f"{kind}({part.text})"
        self.assign(node, text)

    def assign(self, node: Value, text: str) -> None:
        """A line, after which the name stands for the node."""
        name = self.name(node)
        self.letters[id(node)] = name_of(name)
        self.lines.append(f"{name} = {text}")

    def name(self, node: Any) -> str:
        """The name of a node; without one, a letter for its operation."""
        given = self.names.get(id(node))
        return given or self.namer.numbered(LETTERS.get(node.op.name, "v"))

    def array_line(self, at: int, node: Value) -> None:
        """An array, where that can be in memory that is free."""
        call = self.call(node)
        if call is None or (self.last.get(id(node)) == ENDLESS and id(node) not in self.at_home):
            part = self.phrase(node) if call is None else name_of(f"{call.removesuffix(', ')})")
            self.assign(node, f"{bracketed(part)}.copy()" if self.to_be_copied(node) else part.text)
            return
        out = self.place(at, node)
        name = self.name(node)
        line = f"{name} = {call}out={out})"
        self.lines.append(f'with np.errstate(over="ignore"): {line}' if id(node) in self.quiet else line)
        self.letters[id(node)] = name_of(name)

    def to_be_copied(self, node: Value) -> bool:
        """Whether a result shows memory that is not its own, where it stays longer than that, or nobody knows it."""
        view, stays = is_view(node), self.last.get(self.memory(node)) == ENDLESS
        if view or id(node) not in self.shared:
            return view and stays
        changed = {id(old) for old, _ in self.changed}
        return stays or any(x.op is not None or id(x) in changed for x in used(node))

    def place(self, at: int, node: Value) -> str:
        """The array that a result goes to: an operand's that is needed no more, a free one, or a new one."""
        for x in used(node) if elementwise(node) else ():
            owner = self.memory(x)
            if self.last.get(owner) == at and alike(x, node) and self.is_ours(x, node):
                self.owner[id(node)] = owner
                self.last[owner] = self.last.get(id(node), at)
                return self.text(x)
        buffers = self.free.setdefault((node._data.shape, node._data.dtype), [])
        buffer = buffers.pop() if buffers else self.buffer(node._data)
        self.buffers[id(node)] = buffer
        return buffer

    def is_ours(self, x: Value, node: Value) -> bool:
        """Whether the array of an operand may be written to: one of the program, or the parameter that is changed."""
        owner, home = self.memory(x), self.at_home.get(id(node))
        if x.op is None:
            return home == id(x)
        return not is_view(x) and (owner in self.buffers or home == owner)

    def buffer(self, data: np.ndarray) -> str:
        """A new array of the program's own."""
        name = self.namer.numbered("memory")
        self.around[name] = aligned(data.shape, data.dtype)
        return name

    def release(self, at: int, node: Value) -> None:
        """What was needed here for the last time may be written over."""
        for x in used(node):
            owner = self.memory(x)
            if self.last.get(owner) == at and (buffer := self.buffers.pop(owner, None)) is not None:
                array = self.around[buffer]
                self.free.setdefault((array.shape, array.dtype), []).append(buffer)

    # -- the texts -----------------------------------------------------------------------------------------------------

    def part(self, x: Any, scalar: bool) -> Any:
        """An operand for a phrase."""
        if x.__class__ is Value:
            return self.letters[id(x)]
        if x.__class__ is np.ndarray:
            return name_of(self.constant(x))
        return name_of(literal(x, scalar)) if scalar and x.__class__ is float and not x.is_integer() else x

    def beside_arrays(self, x: Any, node: Value) -> str:
        """An operand of an operation on arrays: a plain number as an array of no axes, which NumPy takes in faster."""
        number = getattr(x, "_data", x)
        dtype = next(y.dtype for y in node.inputs[len(node.inputs) // 2 :] if y.__class__ is np.ndarray)
        if number.__class__ not in (float, int) or dtype.kind != "f":
            return self.text(x)
        if x.__class__ is not Value:
            return self.constant(np.array(x, dtype))
        key = (id(x), dtype)
        if key not in self.arrays:
            name = self.namer.of(f"{self.text(x)}_array")
            self.around[name] = np.empty((), dtype)
            self.lines.append(f"{name}[()] = {self.text(x)}")
            self.arrays[key] = name
        return self.arrays[key]

    def constant(self, x: np.ndarray) -> str:
        """The name of a constant array, which stands above the function."""
        small = x.__class__ is np.ndarray and x.size <= SMALL
        key = (x.shape, x.dtype, x.tobytes()) if small else id(x)
        if key in self.constants:
            return self.constants[key][0]
        name = self.namer.numbered("c")
        self.constants[key] = name, x
        self.around[name] = x.copy() if isinstance(x, np.ndarray) else x  # whatever becomes of the array outside
        return name

    def special(self, node: Any) -> Written | None:
        """What is not written as an operation between its operands; None for all others."""
        if node.op is ops.broadcast_to and is_view(node):
            return Written(f"np.broadcast_to({self.text(node.inputs[0])}, {node._data.shape})", ATOM)
        return self.taken(node.inputs[0], node.settings["index"]) if node.op is ops.getitem else None

    def kernel(self, node: Any, scalar: bool) -> Any:
        """The function of the library's own, or of somebody's, that computes a node; None where signs or NumPy's do."""
        if node.op.__class__ not in (ops.Op, Unlisted) and not is_numpys(node.op.compute):
            return node.op.scalar if scalar else node.op.compute
        return None if scalar and node.op.name in ON_NUMBERS else kernel_of(node.op, scalar)

    def written(self, op: Any, parts: list[Any], settings: dict[str, Any], shapes: list[Any], scalar: bool) -> Written:
        """An operation on parts that are written already."""
        return phrase(op, parts, settings, shapes, scalar)

    def taken(self, x: Any, index: Any) -> Written:
        """What stands at an index; rows by `take`, which is faster."""
        part = bracketed(name_of(self.text(x)) if x.__class__ is not Value else self.part(x, False))
        index = index[0] if isinstance(index, tuple) and len(index) == 1 and not isinstance(index[0], tuple) else index
        labels = getattr(index, "_data", index)
        text = self.given(self.setting(index))
        if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
            return Written(f"{part}.take({text}, axis=0)", ATOM)
        return Written(f"{part}[{text[1:-1] if isinstance(index, tuple) and index else text}]", ATOM)

    def kernel_call(self, node: Any, kernel: Any) -> Written:
        """A function of the library's own, and of plain numbers the one that never raises."""
        call = super().kernel_call(node, kernel)
        if on_numbers(node):
            self.careful[self.kernels[kernel]] = node.op.scalar
        return call

    def call(self, node: Any) -> str | None:
        """The beginning of a call that takes `out=`; None if an operation has none."""
        op, operands = node.op, node.inputs[: len(node.inputs) // 2]
        compute, texts = op.compute, [*map(self.text, operands)] if op.arity else []
        if op is ops.matmul and all(ops.ndim(getattr(x, "_data", x)) == 2 for x in operands):
            return f"{bracketed(self.part(operands[0], False))}.dot({texts[1]}, "
        if op is ops.power and operands[1].__class__ in (int, float) and operands[1] == 2:
            return f"np.square({texts[0]}, "
        if is_numpys(compute):
            texts = [self.beside_arrays(x, node) for x in operands]
            return f"np.{compute.__name__}({', '.join(texts)}, "
        if compute in REDUCED:
            keep = ", keepdims=True" if node.settings["keepdims"] else ""
            axis = node.settings["axis"]
            if ops.ndim(getattr(operands[0], "_data", operands[0])) == 1 and axis in (None, 0) and not keep:
                return f"{REDUCED[compute]}.reduce({texts[0]}, "
            return f"{REDUCED[compute]}.reduce({texts[0]}, axis={axis!r}{keep}, "
        if node._data.__class__ is np.ndarray and "out" in (signature(compute) or ()) and kernel_of(op, False):
            return f"{self.kernel_call(node, compute).text[:-1]}, "
        return None


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A new array that begins where a line of the cache does: NumPy is up to a tenth faster with a large one."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    return np.ndarray(shape, dtype, memory, offset=-memory.ctypes.data % LINE)


def is_numpys(compute: Any) -> bool:
    """Whether a function is one of NumPy's that compute number by number."""
    return isinstance(compute, np.ufunc) and compute.signature is None and bool(in_numpy(compute))


def is_view(node: Any) -> bool:
    """Whether a result shows the memory of its operand."""
    if node.op is None or node._data.__class__ is not np.ndarray or not node.op.arity:
        return False
    x = node.inputs[0]
    if x.__class__ is not Value or x._data.__class__ is not np.ndarray:
        return False
    if node.op is ops.broadcast_to:
        return bool(node._data.dtype == x._data.dtype)
    return node.op in VIEWS or (node.op is ops.getitem and basic(node.settings["index"]))


def basic(index: Any) -> bool:
    """Whether an index takes out a piece as it stands in memory."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(x is None or x is ... or isinstance(x, int | np.integer | slice) for x in parts)


def seen_in(x: Any) -> Any:
    """The value whose memory another one shows; of most it is their own."""
    while is_view(x):
        x = x.inputs[0]
    return x


def alike(x: Value, node: Value) -> bool:
    """Whether two values are arrays of the same shape and dtype."""
    if not x._data.__class__ is node._data.__class__ is np.ndarray:
        return False
    return bool(x._data.shape == node._data.shape and x._data.dtype == node._data.dtype)


def elementwise(node: Any) -> bool:
    """Whether each number of the result comes from those at the same place."""
    compute = getattr(node.op, "compute", None)
    return node.op is ops.power or (isinstance(compute, np.ufunc) and compute.signature is None)


def leads_to(node: Value, leaf: Value) -> bool:
    """Whether a node uses a leaf, itself or by way of its elementwise operands."""
    return any(x is leaf or (elementwise(x) and leads_to(x, leaf)) for x in used(node))
