"""The recorded graph as a person would compute it: constants folded, equal terms once, nothing that changes nothing.

Every rewriting gives the same numbers to the last bit (a sum of zeros may lose its sign). The result is again a graph
of Values, so that shapes and dtypes are at hand; plain numbers and arrays in it are constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .. import ops
from ..symbol import applied
from ..rows import Unlisted
from ..value import Value
from .spelling import HIGHEST, SPELLED
from .tracing import joint_order, replaced, values_in

ELEMENTWISE = (ops.add, ops.subtract, ops.multiply, ops.divide, ops.maximum, ops.minimum, ops.where)


class Rewriting:
    """Nodes, each written anew once, by the identity of what they were."""

    def __init__(
        self, inputs: Iterable[Value], checked: bool = True, arrays: Mapping[int, Value] | None = None,
        spelled: Mapping[str, Callable[..., Any]] = SPELLED,
    ) -> None:  # fmt: skip
        self.made: dict[int, Any] = {id(x): x for x in inputs} | dict(arrays or {})  # plain arrays that flow in, too
        self.known: dict[Any, Any] = {}  # by operation, operands and settings
        self.kept: list[Any] = []  # what is compared by identity must stay
        self.quiet: set[int] = set()  # nodes whose overflow means nothing, by identity
        self.shared: set[int] = set()  # and those whose kernel may answer with the memory of an operand
        self.checked = checked  # whether labels are looked at in each call
        self.spelled = spelled

    def rewrite(self, roots: list[Any], nodes: list[Value] | None = None) -> list[Any]:
        """The roots anew: Values, or constants. The nodes under them are looked for, if they are not given."""
        for node in joint_order(x for x in roots if x.__class__ is Value) if nodes is None else nodes:
            self.see(node)
        return [self.of(x) for x in roots]

    def of(self, x: Any) -> Any:
        """What stands for an operand now."""
        if x.__class__ is not Value:
            return self.made.get(id(x), x) if x.__class__ is np.ndarray else x
        found = self.made.get(id(x), self)
        return x._data if found is self else found

    def see(self, node: Value) -> None:
        """Make what stands for a recorded node, whose operands are made."""
        if id(node) in self.made:
            return
        self.kept.append(node)
        settings, inputs = node.settings, node.inputs
        half = len(inputs) // 2
        operands = [self.of(x if x.__class__ is Value else inputs[half + i]) for i, x in enumerate(inputs[:half])]
        if settings:
            settings = {name: replaced(x, self.of) for name, x in settings.items()}
        made = self.made[id(node)] = self.make(node.op, operands, settings, node._data)
        if made_by(made, node.op) and shares_memory(node):
            self.shared.add(id(made))

    def make(self, op: Any, operands: list[Any], settings: dict[str, Any], like: Any) -> Any:
        """The result of an operation: a constant, something known, something simpler, or a new node."""
        if op.__class__ is Unlisted and not op.pure:  # it gives something else in every call
            return self.new(op, operands, settings, like)
        if like is None:
            like = data(applied(op, operands, settings))
        constant = Value not in map(type, operands) and next(values_in(tuple(settings.values())), None) is None
        if constant and not settings:
            return like
        key = (id(op), *[id(x) if x.__class__ is Value else self.key(x) for x in operands])
        if settings:
            key = (*key, *map(self.key, settings.values()))
        if (found := self.known.get(key, self)) is not self:
            return found
        simple = SIMPLER.get(op.name)
        result = None if simple is None else simple(self, operands, settings, like)
        if result is None and constant:
            result = like
        if result is None and op.name in self.spelled and any(map(ops.shape, operands)):
            raw = self.spelled[op.name](*operands, **settings)
            for node in joint_order([] if raw is None else [raw], beyond=self.made):
                self.see(node)
                if op is ops.sigmoid and node.op is ops.exp:  # exp(800) is inf, and 1 / inf is the right answer
                    self.quiet.add(id(self.of(node)))
            result = self.of(raw) if raw is not None and alike(self.of(raw), like) else None
        if result is None:
            result = self.new(op, operands, settings, like)
        self.known[key] = result
        return result

    def key(self, x: Any) -> Any:
        """By what an operand or a setting is told from others."""
        if x.__class__ is Value:
            return id(x)
        if isinstance(x, np.ndarray):
            self.kept.append(x)
            return "array", id(x)
        if isinstance(x, tuple):
            return tuple(map(self.key, x))
        return x.__class__, x if x.__class__ is float and x else repr(x)

    def new(self, op: Any, operands: list[Any], settings: dict[str, Any], like: Any) -> Any:
        """A node, which stands for itself. Nothing is computed: its numbers are those of the node that was."""
        pair = len(operands) == 2  # a node holds two operands itself
        node: Any = Value.node(like, op, None if pair else (*operands, *map(data, operands)), settings)
        if pair:
            node.left, node.right = operands
            node.left_number, node.right_number = map(data, operands)
        self.made[id(node)] = node
        return node

    def reshaped(self, x: Any, shape: tuple[int, ...]) -> Any:
        """`x` in another shape."""
        return x if ops.shape(x) == shape else self.make(ops.reshape, [x], {"shape": shape}, None)


def data(x: Any) -> Any:
    """The numbers of an operand."""
    return x._data if x.__class__ is Value else x


def shares_memory(node: Value) -> bool:
    """Whether a recorded result is, or shows, an array that it was computed from."""
    if node._data.__class__ is not np.ndarray:
        return False
    return any(x.__class__ is np.ndarray and np.may_share_memory(x, node._data) for x in node.numbers)


def alike(x: Any, like: Any) -> bool:
    """Whether `x` could stand in the place of a result: of its shape and dtype, or a plain number for one."""
    x = data(x)
    if like.__class__ is np.ndarray:
        return x.__class__ is np.ndarray and x.shape == like.shape and x.dtype == like.dtype
    return x.__class__ is like.__class__


def is_number(x: Any, n: float) -> bool:
    """Whether an operand is the plain number n."""
    return x.__class__ in (float, int) and x == n


def made_by(x: Any, *which: Any) -> bool:
    """Whether an operand is the result of one of these operations."""
    return x.__class__ is Value and x.op in which


def first(x: Value) -> Any:
    """The first operand of a node."""
    return x.inputs[0]


def one_of(position: int, neutral: float) -> Callable[..., Any]:
    """x for what has the neutral number at a position."""

    def simpler(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
        n, x = operands[position], operands[1 - position]
        return x if n.__class__ is not Value and is_number(n, neutral) and alike(x, like) else None

    return simpler


def either(*choices: Callable[..., Any]) -> Callable[..., Any]:
    """The first of several simplifications that finds something."""

    def simpler(*arguments: Any) -> Any:
        for choice in choices:
            if (found := choice(*arguments)) is not None:
                return found
        return None

    return simpler


def unstretched(op: Any) -> Callable[..., Any]:
    """Operands before they were repeated to a shape, where an operation on single numbers does that itself."""

    def simpler(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
        if like.__class__ is float:
            return None
        for i, x in enumerate(operands):
            before = unrepeated(x)
            if before is None:
                continue
            fewer = [*operands[:i], before, *operands[i + 1 :]]
            with np.errstate(all="ignore"):
                if alike(applied_to_numbers(op, fewer), like):
                    return self.make(op, fewer, settings, like)
        return None

    return simpler


def unrepeated(x: Any) -> Any:
    """What an operand repeats: the value that was broadcast, or the one number of a constant array; else None."""
    if made_by(x, ops.broadcast_to):
        return first(x)
    if x.__class__ is np.ndarray and x.size and x.dtype.kind == "f" and (x == x.flat[0]).all():
        return x.flat[0].item()
    return None


def applied_to_numbers(op: Any, operands: list[Any]) -> Any:
    """A result with the shape and the dtype that an operation would have, in no memory."""
    arrays = [data(x) for x in operands]
    if not any(x.__class__ is np.ndarray for x in arrays):
        return 0.0
    small = [np.zeros((1,) * x.ndim, x.dtype) if x.__class__ is np.ndarray else x for x in arrays]
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return np.broadcast_to(op.compute(*small), shape)


def product(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """Numbers in front, and two of them as one if one is a power of two: then nothing is rounded."""
    a, b = operands
    for x, y in ((a, b), (b, a)):  # 1·[z > 0] is a number, and so is [z > 0] times a number
        if made_by(x, ops.multiply) and is_number(first(x), 1) and alike(y, like):
            return self.make(ops.multiply, [x.inputs[1], y], settings, like)
    if b.__class__ is float and a.__class__ is Value:
        return self.make(ops.multiply, [b, a], settings, like)
    if a.__class__ is float and made_by(b, ops.multiply) and first(b).__class__ in (float, int):
        n = first(b)
        if exact(a) or exact(n):
            return self.make(ops.multiply, [a * n, b.inputs[1]], settings, like)
    if a.__class__ is float and a == -1.0 and alike(b, like):
        return self.make(ops.negative, [b], {}, like)
    return None


def exact(n: float) -> bool:
    """Whether multiplying by a number rounds nothing: a power of two of a moderate size."""
    return n != 0 and abs(math.frexp(n)[0]) == 0.5 and 1e-30 < abs(n) < 1e30


def sign(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """x for --x, and a number times x with the sign in the number."""
    (x,) = operands
    if made_by(x, ops.negative):
        return first(x)
    if made_by(x, ops.multiply) and first(x).__class__ is float:
        return self.make(ops.multiply, [-first(x), x.inputs[1]], {}, like)
    return None


def difference(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """a - b for a + -b, and b - a for -a + b."""
    a, b = operands
    if made_by(a, ops.negative):
        return self.make(ops.subtract, [b, first(a)], settings, like)
    return self.make(ops.subtract, [a, first(b)], settings, like) if made_by(b, ops.negative) else None


def unchanged(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """x for what changes neither its shape nor its dtype."""
    return operands[0] if alike(operands[0], like) else None


def reshaping(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """One reshaping for two, and none for none."""
    (x,) = operands
    if made_by(x, ops.reshape):
        return self.reshaped(first(x), ops.shape(like))
    shape = ops.shape(like)
    return self.make(ops.reshape, [x], {"shape": shape}, like) if settings["shape"] != shape else None


def summed(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """A sum to a shape as a sum over axes."""
    (x,), shape = operands, settings["shape"]
    lead = ops.ndim(x) - len(shape)
    if lead < 0 or (settings["dtype"] is not None and settings["dtype"] != ops.dtype(x)):
        return None
    stay = tuple(i + lead for i, n in enumerate(shape) if n != ops.shape(x)[i + lead])
    if stay:
        x = self.make(ops.sum, [x], {"axis": stay[0] if len(stay) == 1 else stay, "keepdims": True}, None)
    if not lead:
        return x
    axis = None if not shape else 0 if lead == 1 else tuple(range(lead))
    return self.make(ops.sum, [x], {"axis": axis, "keepdims": False}, like)


def steepness(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """n·xⁿ⁻¹ where n is a number: the guard against 0·∞ is for an n that is not known."""
    (x, n), times = operands, settings["times"]
    if n.__class__ not in (float, int) or x.__class__ is not Value:
        return None
    factor = math.prod(n - i for i in range(times))
    if not factor or n == times:  # x⁰ is 1, whatever x
        return like if like.__class__ is np.ndarray else float(factor)
    power = x if n - times == 1 else self.make(ops.power, [x, n - times], {}, None)
    return self.make(ops.multiply, [factor, power], {}, like)


def positive(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """relu(x) > 0 for x > 0, where relu(x) is there anyway: then x itself is needed no longer."""
    (x, bound), relu = operands, None
    if x.__class__ is Value and x.op is not ops.maximum and is_number(bound, 0):
        found = [self.known.get((id(ops.maximum), self.key(x), self.key(n))) for n in (0, 0.0)]
        relu = next((y for y in found if y is not None), None)
    return None if relu is None else self.make(ops.greater, [relu, bound], settings, like)


def highest(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """The largest of each of many short rows in the way that NumPy is fast at; only where nobody reads it."""
    (x,) = operands
    many = self.checked and ops.ndim(x) == 2 and ops.shape(x)[1] < 32 < ops.shape(x)[0]
    return self.make(HIGHEST, [x], {"axis": -1}, like) if many and settings == {"axis": -1, "keepdims": True} else None


def looked_at(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """Labels as they are, if nobody wants them looked at."""
    return operands[0] if not self.checked and data(operands[0]).dtype.kind in "iu" else None


def turned(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """x for its transpose's transpose."""
    (x,) = operands
    if not made_by(x, ops.transpose):
        return None
    n = ops.ndim(x)
    axes, before = ([*range(n)][::-1] if s["axes"] is None else s["axes"] for s in (settings, x.settings))
    return first(x) if [before[i] for i in axes] == [*range(n)] else None


def decided(self: Rewriting, operands: list[Any], settings: Any, like: Any) -> Any:
    """The choice of a condition that is known."""
    condition, *choices = operands
    choice = choices[not condition] if condition.__class__ is bool else None
    return choice if choice is not None and alike(choice, like) else None


SIMPLER: dict[str, Callable[..., Any]] = {
    "add": either(one_of(0, 0), one_of(1, 0), difference, unstretched(ops.add)),
    "subtract": either(one_of(1, 0), unstretched(ops.subtract)),
    "multiply": either(one_of(0, 1), one_of(1, 1), unstretched(ops.multiply), product),
    "divide": either(one_of(1, 1), unstretched(ops.divide)),
    "power": one_of(1, 1), "where": either(decided, unstretched(ops.where)),
    "maximum": unstretched(ops.maximum), "minimum": unstretched(ops.minimum),
    "negative": sign, "same": unchanged,
    "broadcast_to": unchanged, "sum_to": either(unchanged, summed), "reshape": either(unchanged, reshaping),
    "squeeze": lambda self, operands, settings, like: self.reshaped(operands[0], ops.shape(like)),
    "expand_dims": lambda self, operands, settings, like: self.reshaped(operands[0], ops.shape(like)),
    "transpose": turned, "slope": steepness, "labels": looked_at, "greater": positive, "max": highest,
}  # fmt: skip
