"""The same program for PyTorch, to compare with: its spellings, and a function that asks its own backward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import ops
from ..errors import GradientError
from ..notation import ATOM, COMPARED, POSTFIX, POWER, PRODUCT, PYTHON, SUM, Notation, Written
from ..rows import random
from ..value import Value
from .listing import Listing
from .phrases import decimals, formula, literal, name_of, shortest
from .texts import SHORT, bracketed, once, op_of, operands_of, shape_of, spaced


class TorchListing(Listing):
    """Writes the same statements for PyTorch: every number that flows is a tensor."""

    whole = ".long()"
    pure = True

    def special(self, node: Value) -> Written | None:
        if node.op is ops.scatter:
            x, index = node.inputs[0], node.settings["index"]
            return self.flipped(x, index) or self.scattered(x, node.settings)
        return None if node.op is random else super().special(node)

    def kernel(self, node: Value, scalar: bool) -> Any:
        """None: PyTorch has the function, or there is no spelling."""

    def from_parts(self, node: Value, parts: list[Any], scalar: bool) -> Written:
        op, operands = op_of(node), operands_of(node)
        if op is ops.multiply and operands[0].__class__ is float and operands[0] == 1:
            return Written(f"{bracketed(parts[1])}.to(torch.{kind(node._data)})", ATOM)
        if op is ops.reshape:
            shape = ", ".join(map(str, shape_of(node))) or "()"
            return Written(f"{bracketed(parts[0])}.reshape({shape})", ATOM)
        return self.written(op, as_floats(node, parts), self.settings(node), [*map(shape_of, operands)])

    def written(self, op: Any, parts: Any, settings: Any, shapes: Any, scalar: bool = False) -> Written:
        return spaced(op, formula(op, parts, settings, shapes, TORCH))

    def as_number(self, node: Value, part: Written) -> Written:
        """A number stays a tensor: PyTorch takes no derivative of anything else."""
        return part

    def part(self, x: Any, scalar: bool) -> Any:
        part = super().part(x, True)
        return part if isinstance(part, Written | int | float) else name_of(literal(part, True))

    def short(self, x: np.ndarray) -> str:
        kind, n = f", dtype=torch.{x.dtype}" if x.dtype.kind == "f" else "", x.shape
        if x.ndim == 1 and x.dtype == np.int64 and x.size > 1 and np.array_equal(x, np.arange(x.size)):
            return f"torch.arange({x.size})"
        if x.ndim == 2 and kind and x.size and n[0] == n[1] and np.array_equal(x, np.eye(len(x))):
            return f"torch.eye({len(x)}{kind})"
        if kind and x.size > 1 and (x == x.flat[0]).all():
            return f"torch.full({n}, {literal(decimals(x.flat[0]).item(), True)}{kind})"
        text = tensor(x)
        return text if len(text) <= SHORT and np.isfinite(x).all() else ""

    def repeated(self, x: Any, like: np.ndarray) -> Written:
        if not isinstance(x, Value | np.ndarray):
            x = shortest(x) if x.__class__ is float and like.dtype == np.float32 else x
            return Written(f"torch.full({like.shape}, {self.text(x)}, dtype=torch.{like.dtype})", ATOM)
        now = getattr(x, "_data", x).dtype if shape_of(x) else like.dtype
        part = bracketed(self.part(x, False)) + (f".to(torch.{like.dtype})" if now != like.dtype else "")
        return Written(f"{part}.expand{like.shape}", ATOM)

    def taken(self, x: Any, index: Any) -> Written:
        return self.flipped(x, index) or super().taken(x, index)

    def flipped(self, x: Any, index: Any) -> Written | None:
        """x[::-1], which tensors have as a function; None for other indices. Raises GradientError for x[3::-1]."""
        parts = index if isinstance(index, tuple) else (index,)
        back = [i for i, part in enumerate(parts) if isinstance(part, slice) and (part.step or 1) < 0]
        if not back:
            return None
        if any(part not in (slice(None), slice(None, None, -1)) for part in parts):
            raise unspelled("An index with a negative step")
        return Written(f"torch.flip({self.text(x)}, {tuple(back)})", ATOM)

    def put_back(self, node: Value) -> tuple[Written, str] | None:
        index = node.settings["index"]
        parts = index if isinstance(index, tuple) else (index,)
        if not all(once(part) and getattr(part, "step", 1) in (None, 1, 2, 3) for part in parts):
            return None
        lines = super().put_back(node)
        kind = f", dtype=torch.{node._data.dtype}"
        return lines and (Written(f"torch.zeros({node.settings['shape']}{kind})", ATOM), lines[1])

    def scattered(self, x: Any, settings: dict[str, Any]) -> Written:
        """The numbers put back to where an index took them from; what was taken twice is added up."""
        name = next((name for name, text in self.around.items() if text is SCATTER), None) or self.namer.of("scatter")
        self.around[name] = SCATTER
        index = self.given(self.setting(settings["index"]))
        return Written(f"{name}({self.text(x)}, {index}, {settings['shape']})", ATOM)


SCATTER = """
def {}(x, index, shape):
    places = torch.arange(math.prod(shape)).reshape(shape)[index]
    x = x.expand(places.shape).reshape(-1)
    result = torch.zeros(math.prod(shape), dtype=x.dtype)
    return result.index_add(0, places.reshape(-1), x).reshape(shape)
""".strip()


def tensor(x: np.ndarray) -> str:
    """A constant array, all of it."""
    numbers = repr(decimals(x).tolist()).replace("inf", "math.inf").replace("nan", "math.nan")
    return f"torch.tensor({numbers}{f', dtype=torch.{x.dtype}' if x.dtype.kind == 'f' else ''})"


def as_floats(node: Value, parts: list[Any]) -> list[Any]:
    """Truth values and whole numbers as float64, where they alone make floats: PyTorch would make float32 of them."""
    data = node.inputs[len(node.inputs) // 2 :]
    flowing = [i for i, x in enumerate(operands_of(node)) if isinstance(x, Value | np.ndarray)]
    kinds = {kind(data[i]) for i in flowing}
    if kind(node._data) != "float64" or not kinds or "float" in "".join(kinds) or node.op is ops.where:
        return parts
    return [Written(f"{bracketed(x)}.double()", ATOM) if i == flowing[0] else x for i, x in enumerate(parts)]


def kind(x: Any) -> str:
    """The dtype of a number or an array."""
    return str(np.asarray(x).dtype)


def unspelled(name: str) -> GradientError:
    """An operation of which no spelling is known."""
    return GradientError(f'{name} has no spelling in PyTorch here: take style="numpy".')


# -- the notation ------------------------------------------------------------------------------------------------------


def along(function: str, several: bool = True) -> Callable[..., Any]:
    """A function along axes; of one, or of none, if it does not take several."""

    def line(x: Any, axis: Any = None, keepdims: bool = False, **rest: Any) -> Any:
        if not several and (isinstance(axis, tuple) or (axis is None and keepdims)):
            raise unspelled(f"{function} along several axes")
        axis = (*range(x.ndim),) if axis is None and keepdims else axis
        dim = "" if axis is None else f", dim={axis}"
        return f"{function}({{}}{dim}{', keepdim=True' if keepdims else ''})", ATOM

    return line


def so_far(x: Any, axis: Any) -> Any:
    """cumsum, without an axis of all numbers in a row."""
    flat = axis is None and x.ndim != 1
    return f"torch.cumsum({'{}.reshape(-1)' if flat else '{}'}, dim={axis or 0})", ATOM, POSTFIX


def of_tensors(function: str) -> Callable[..., Any]:
    """A function of two tensors, of which one may be a plain number here."""

    def line(a: Any, b: Any) -> Any:
        first = "{}" if hasattr(a, "op") else "torch.full_like({1}, {0})"
        second = "{}" if hasattr(b, "op") else "torch.full_like({0}, {1})"
        template = f"{function}({{0}}, {second})" if first == "{}" else f"{function}({first}, {{1}})"
        return template.replace("{}", "{1}"), ATOM

    return line


def bounded(function: str, bound: str) -> Callable[..., Any]:
    """The larger, or smaller, of two; of a tensor and a plain number by clamp."""

    def line(a: Any, b: Any) -> Any:
        if hasattr(a, "op") and hasattr(b, "op"):
            return None
        if bound == "min" and not hasattr(b, "op") and b == 0:
            return "torch.relu({0})", ATOM, COMPARED, COMPARED
        tensor, number = (0, 1) if hasattr(a, "op") else (1, 0)
        return f"torch.clamp({{{tensor}}}, {bound}={{{number}}})", ATOM

    return line


def chosen(c: Any, a: Any, b: Any) -> Any:
    """where, of which the condition and at least one choice are tensors."""
    if not hasattr(c, "op"):
        return a if c else b
    if hasattr(a, "op") or hasattr(b, "op"):
        return "torch.where({}, {}, {})", ATOM
    return "torch.where({}, torch.tensor({}, dtype=torch.float64), {})", ATOM


def clipped(x: Any, low: Any, high: Any) -> Any:
    """clamp, of which the bounds are both numbers or both tensors."""
    if hasattr(low, "op") != hasattr(high, "op"):
        raise unspelled("clip between a number and an array")
    return "torch.clamp({}, {}, {})", ATOM


def turned(x: Any, axes: Any) -> Any:
    """The axes in another order."""
    axes = (*range(x.ndim),)[::-1] if axes is None else axes
    return ("{}.T", POSTFIX, POSTFIX) if x.ndim == 2 and axes == (1, 0) else (f"{{}}.permute{axes}", ATOM, POSTFIX)


def normed(x: Any, axis: Any, keepdims: bool, ord: Any = None) -> Any:
    """The length of vectors."""
    given = "" if ord is None else f", {ord!r}"
    line, *holds = along("torch.linalg.vector_norm")(x, axis, keepdims)
    return line.replace("({}", f"({{}}{given}"), *holds


def put_back(x: Any, i: Any, axis: Any, shape: Any, dtype: Any) -> Any:
    """What take_along_axis hands back."""
    if axis is None or x.shape != i.shape:
        raise unspelled("put_along_axis without an axis")
    return f"torch.zeros({shape}, dtype=torch.{np.dtype(dtype)}).scatter_add({axis}, {{1}}, {{0}})", ATOM


def within(x: Any, low: Any, high: Any) -> Any:
    """Whether a number lies between bounds."""
    return "({0} >= {1}) * ({0} <= {2})", PRODUCT, POWER, POWER, POWER


FIRST, LAST = ".permute(0, 3, 1, 2)", ".permute(0, 2, 3, 1)"  # where PyTorch has the channels, and where they are here
WEIGHTS, BACK = ".permute(3, 2, 0, 1)", ".permute(2, 3, 1, 0)"


def window(stride: Any, padding: Any) -> str:
    """The settings of a convolution."""
    if any(before != after for before, after in padding):
        raise unspelled("A padding that is not the same on both sides")
    return f"stride={stride}, padding={tuple(before for before, _ in padding)}"


def convolved(x: Any, w: Any, b: Any, stride: Any, padding: Any) -> Any:
    """A convolution."""
    given = f"({{0}}{FIRST}, {{1}}{WEIGHTS}, {{2}}, {window(stride, padding)})"
    return f"torch.nn.functional.conv2d{given}{LAST}", ATOM, POSTFIX, POSTFIX


def image_gradient(g: Any, w: Any, stride: Any, padding: Any, shape: Any) -> Any:
    """What a convolution hands back to the images."""
    (n, height, width, channels), given = shape, f"{{1}}{WEIGHTS}, {{0}}{FIRST}, {window(stride, padding)}"
    return f"torch.nn.grad.conv2d_input({(n, channels, height, width)}, {given}){LAST}", ATOM, POSTFIX, POSTFIX


def weight_gradient(x: Any, g: Any, stride: Any, padding: Any, shape: Any) -> Any:
    """What a convolution hands back to the weights."""
    (height, width, inputs, outputs), given = shape, f"{{1}}{FIRST}, {window(stride, padding)}"
    size = (outputs, inputs, height, width)
    return f"torch.nn.grad.conv2d_weight({{0}}{FIRST}, {size}, {given}){BACK}", ATOM, POSTFIX, POSTFIX


SAME = """abs add arccos arccosh arcsin arcsinh arctan arctanh ceil cos cosh exp exp2 expm1 floor isnan log log10
log1p log2 matmul maximum minimum relu sigmoid sign sin sinh sqrt square tan tanh trunc""".split()  # noqa: SIM905
CALLED = {  # operations of which PyTorch has a function, by another name
    **{name: f"torch.{name}" for name in SAME}, "degrees": "torch.rad2deg", "radians": "torch.deg2rad",
    "rint": "torch.round", "fabs": "torch.abs", **{name: f"torch.linalg.{name}" for name in ("inv", "det", "solve")},
}  # fmt: skip
SIGNS: dict[str, Any] = {
    **PYTHON.signs,
    "power": ("{}**{}", POWER, POSTFIX, POSTFIX), "transpose": turned, "where": chosen, "clip": clipped,
    "sum": along("torch.sum"), "max": along("torch.amax"), "min": along("torch.amin"),
    "prod": along("torch.prod", several=False), "argmax": along("torch.argmax", several=False),
    "argmin": along("torch.argmin", several=False), "cumsum": so_far,
    "maximum": bounded("torch.maximum", "min"), "minimum": bounded("torch.minimum", "max"),
    **{name: of_tensors(f"torch.{name}") for name in (
        "logaddexp", "logaddexp2", "hypot", "arctan2", "fmax", "fmin")},
    "norm": normed, "p_norm": lambda x, ord, axis, keepdims: normed(x, axis, keepdims, ord),
    "concatenate": "torch.cat([{all}], dim={axis})", "stack": "torch.stack([{all}], dim={axis})",
    "einsum": lambda *operands, subscripts, optimize: (f"torch.einsum({subscripts!r}, {{all}})", ATOM),
    "round": "torch.round({}, decimals={decimals})",
    "sinc": lambda x, times: ("torch.sinc({})", ATOM) if not times else None,
    "leaky_relu": "torch.nn.functional.leaky_relu({}, {negative_slope})", "elu": "torch.nn.functional.elu({}, {alpha})",
    "sort": lambda x, axis, kind: (f"torch.sort({{}}, dim={axis}).values", ATOM) if axis is not None else None,
    "take_along_axis": lambda x, i, axis: (f"torch.take_along_dim({{}}, {{}}, dim={axis})", ATOM),
    "argsort": lambda x, axis, kind: (f"torch.argsort({{}}, dim={axis}, stable=True)", ATOM),
    "put_along_axis": put_back, "xlogy": ("torch.xlogy({}, {})", ATOM),
    "log_of": ("torch.where(({0} == 0) & ({1} == 0), 0, torch.log({1}))", ATOM, POWER, POWER),
    "softplus": ("torch.logaddexp(torch.zeros_like({0}), {0})", ATOM), "inside": within,
    "ratio": ("torch.where({1} == 0, 0, {0} / {1})", ATOM, POWER, POWER),
    "wins": ("0.5 * ({0} > {1}) + 0.5 * ({0} >= {1})", SUM, POWER, POWER),
    "conv2d": convolved, "conv2d_image": image_gradient, "conv2d_weight": weight_gradient,
    "phi": ("torch.tril({0}) - torch.tril(torch.triu({0})) / 2", SUM),
    "cholesky": lambda x, upper: (f"torch.linalg.cholesky({{}}{', upper=True' if upper else ''})", ATOM),
}  # fmt: skip


def torch_call(x: Any, operands: list[str], settings: dict[str, str], notation: Notation) -> str:
    """A function of PyTorch. Raises GradientError where none is known."""
    if x.op.name not in CALLED or settings:
        raise unspelled(x.op.name)
    return f"{CALLED[x.op.name]}({', '.join(operands)})"


TORCH = replace(PYTHON, signs=SIGNS, call=torch_call)


# -- PyTorch's own backward pass ---------------------------------------------------------------------------------------


def autograd(listing: TorchListing, leaves: list[str], result: str, name: str) -> list[str]:
    """The lines of a function with the same forward pass, whose gradients are PyTorch's own."""
    of_all = all(listing.readers_of(end) or end is listing.made.loss for end in listing.made.ends)
    zeros = "" if of_all else ", materialize_grads=True"
    return [
        '"""The same, as PyTorch\'s own backward pass gives it."""', *leaves, *listing.forward,
        f"return {result}, torch.autograd.grad({result}, {name}{zeros})",
    ]  # fmt: skip
