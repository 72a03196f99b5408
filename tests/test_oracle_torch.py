"""The same random programs in PyTorch: value, gradient and gradient of the gradient. Run with `pytest -m oracle`."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from images_in_torch import SPELLING as OF_IMAGES
from programs import Program, programs, run

import tinygrad_edu as tg
from tinygrad_edu import Value, domains, linalg, matrices, ops
from tinygrad_edu.backward import sweep

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

COUNT, GROUPS, TOLERANCE = 300, 10, 1e-9


def dims(x: Any, axis: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def along(f: Any, of_scalar: Any = lambda x: x * 1.0) -> Any:
    """A reduction of PyTorch with NumPy's arguments; most of them refuse a scalar."""
    return lambda x, axis=None, keepdims=False: f(x, dim=dims(x, axis), keepdim=keepdims) if x.ndim else of_scalar(x)


def spread(f: Any, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """Variance or deviation; 0 for a single number, where PyTorch gives nan, and for none, where it warns."""
    taken = dims(x, axis)
    if not x.numel() or math.prod(x.shape[i] for i in taken) == 1:
        return torch.sum(x * 0, taken, keepdim=keepdims) if x.ndim else x * 0
    return f(x, taken, correction=ddof, keepdim=keepdims)


def clip(x: Any, low: Any = None, high: Any = None, min: Any = None, max: Any = None) -> Any:
    """With everything in full shape: the backward pass of PyTorch 2.13 fails where bounds broadcast x."""
    given = [tensor(bound) for bound in (low, high, min, max) if bound is not None]
    x, *full = torch.broadcast_tensors(x, *given)
    below, above = (bound is not None for bound in (low if min is None else min, high if max is None else max))
    return torch.clamp(x, full[0] if below else None, full[-1] if above else None)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    for i in sorted((i % x.ndim for i in dims(x, axis)), reverse=True):
        x = torch.prod(x, i, keepdim=keepdims)
    return x * 1.0


def expand_dims(x: Any, axis: Any = 0) -> Any:
    for i in sorted(i % (x.ndim + np.size(axis)) for i in dims(x, axis)):
        x = x.unsqueeze(i)
    return x


def places(index: Any, shape: Any) -> Any:
    """Which numbers an index takes, counted in reading order: PyTorch itself takes no negative steps."""
    return torch.as_tensor(np.array(np.arange(math.prod(shape)).reshape(shape)[index]))


def getitem(x: Any, index: Any) -> Any:
    return x.reshape(-1)[places(index, x.shape)]


def scatter(x: Any, index: Any, shape: Any) -> Any:
    zeros, where = torch.zeros(math.prod(shape), dtype=x.dtype), places(index, shape)
    return zeros.index_put((where,), x.expand(where.shape), accumulate=True).reshape(shape)


def along_one(f: Any) -> Any:
    """A function of PyTorch along one axis; without one, of all numbers in a row."""
    return lambda x, axis=-1, **_: f(x.reshape(-1), 0) if axis is None or not x.ndim else f(x, axis)


def average(a: Any, weights: Any = None, axis: Any = None, keepdims: bool = False, returned: bool = False) -> Any:
    taken = dims(a, axis)
    if weights is None:
        return torch.mean(a, taken, keepdim=keepdims)
    if weights.ndim != a.ndim:
        weights = torch.permute(weights, tuple(np.argsort(taken)))
        weights = weights.reshape([n if i in taken else 1 for i, n in enumerate(a.shape)])
    total = torch.sum(weights, taken, keepdim=keepdims)
    result = torch.sum(a * weights, taken, keepdim=keepdims) / total
    return [result, total.expand(result.shape)] if returned else result


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    taken = dims(x, axis)
    others = [i for i in range(x.ndim) if i not in [i % x.ndim for i in taken]]
    rows = torch.permute(x, [*others, *taken]).reshape([x.shape[i] for i in others] + [-1])
    result = torch.quantile(rows, 0.5, -1)
    return result.reshape([n if i in others else 1 for i, n in enumerate(x.shape)]) if keepdims else result


def place_in(x: Any, indices: Any, axis: Any = -1, shape: Any = ()) -> Any:
    if axis is None:
        return torch.zeros(math.prod(shape), dtype=x.dtype).scatter_add(0, indices, x).reshape(shape)
    full = [n if i != axis % len(shape) else indices.shape[i] for i, n in enumerate(shape)]
    return torch.zeros(shape, dtype=x.dtype).scatter_add(axis, indices.expand(full), x.expand(full))


def arranged(f: Any) -> Any:
    """Numbers at the places where NumPy's function puts them, where PyTorch has no such function."""
    return lambda x, *arguments, **settings: x.reshape(-1)[
        torch.as_tensor(f(np.arange(x.numel()).reshape(x.shape), *arguments, **settings).copy())
    ]


def gradient(x: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else (axis,)
    if x.shape == (2,):
        return torch.diff(x).expand(2)  # PyTorch wants three
    steps = [s if s.ndim else s.item() for s in spacing] or [1.0]
    coordinates = steps if torch.is_tensor(steps[0]) else steps * (len(axes) // len(steps))
    slopes = torch.gradient(x, spacing=coordinates, dim=axes, edge_order=edge_order)
    return slopes if len(slopes) > 1 else slopes[0]


def select(c: Any, a: Any, d: Any, b: Any, x: Any) -> Any:
    return torch.where(c, a, torch.where(d, b, x))


def linspace(start: Any, stop: Any, num: int, endpoint: bool = True, retstep: bool = False, axis: int = 0) -> Any:
    step = (stop - start) / max(num - endpoint, 1)
    numbers = torch.stack([start + i * step for i in range(num)], 0 if axis == 0 else step.ndim)
    return [numbers, step] if retstep else numbers


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0.0) -> Any:
    if mode != "constant":
        return arranged(np.pad)(x, pad_width, mode=mode)
    widths = np.broadcast_to(pad_width, (x.ndim, 2))[::-1]
    return torch.nn.functional.pad(x, widths.ravel().tolist(), value=constant_values)


def triangle(f: Any) -> Any:
    return lambda x, k=0: f(x.expand(*x.shape, *x.shape) if x.ndim == 1 else x, k)


def cut(f: Any) -> Any:
    return lambda x, indices_or_sections, **at: f(x, indices_or_sections, *at.values())


def mirrored(x: Any, upper: bool = False) -> Any:
    """The symmetric matrix of one triangle."""
    return torch.triu(x) + torch.triu(x, 1).mT if upper else torch.tril(x) + torch.tril(x, -1).mT


def signed(x: Any, numpys: Any) -> Any:
    """Vectors as columns, each in the direction in which NumPy happens to give it."""
    return torch.sign(torch.sum(x.detach() * torch.as_tensor(numpys), -2, keepdim=True))


def eigh(x: Any, UPLO: str = "L") -> Any:
    values, vectors = torch.linalg.eigh(mirrored(x, UPLO == "U"))
    return values, vectors * signed(vectors, np.linalg.eigh(x.detach().numpy(), UPLO)[1])


def svd(x: Any, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    sign = signed(u, np.linalg.svd(x.detach().numpy(), full_matrices=False)[0])
    return (u * sign, s, vh * sign.mT) if compute_uv else s


def packed(values: Any, *vectors: Any) -> Any:
    return torch.cat([values.unsqueeze(-2), *vectors], -2)


def packed_svd(x: Any) -> Any:
    u, s, vh = svd(x)
    return packed(s, u, vh.mT)


def vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return along(functools.partial(torch.linalg.vector_norm, ord=ord), torch.abs)(x, axis=axis, keepdims=keepdims)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes = dims(x, axis)
    if ord is None or len(axes) == 1:
        return vector_norm(x, axis, keepdims, 2 if ord is None else ord)
    return torch.linalg.matrix_norm(x, ord, axes, keepdim=keepdims)


# fmt: off
SPELLING = {
    "einsum": lambda *xs, subscripts="i,i->i", **_: torch.einsum(subscripts, *xs), "inv": torch.linalg.inv,
    "solve": lambda a, b: torch.linalg.solve(a, b) if b.ndim != 1 else torch.linalg.solve(a, b[:, None])[..., 0],
    "det": torch.linalg.det, "cofactor": lambda x: torch.linalg.det(x)[..., None, None] * torch.linalg.inv(x).mT,
    matrices.packed_slogdet: lambda x: torch.stack(torch.linalg.slogdet(x), -1), "slogdet": torch.linalg.slogdet,
    "cholesky": lambda x, upper=False: torch.linalg.cholesky(mirrored(x, upper), upper=upper),
    matrices.packed_eigh: lambda x, UPLO="L": packed(*eigh(x, UPLO)), matrices.packed_svd: packed_svd,
    "pinv": lambda x, rcond=1e-15, hermitian=False: torch.linalg.pinv(mirrored(x) if hermitian else x, rtol=rcond),
    "phi": lambda x: torch.tril(x) - torch.tril(torch.triu(x)) / 2, "gaps": lambda x: x[..., None, :] - x[..., None],
    "p_norm": lambda x, ord=2, **at: vector_norm(x, ord=ord, **at),
    "dot": lambda a, b: a * b if not (a.ndim and b.ndim) else torch.tensordot(a, b, ([-1], [max(b.ndim - 2, 0)])),
    "vdot": lambda a, b: torch.dot(a.reshape(-1), b.reshape(-1)), "inner": torch.inner, "outer": torch.outer,
    "tensordot": lambda a, b, axes=2: torch.tensordot(
        a, b, axes if isinstance(axes, int) else [np.ravel(i).tolist() for i in axes]),
    "kron": lambda a, b: torch.kron(a, b) if a.ndim and b.ndim else a * b,
    "cross": lambda a, b, axisa=-1, axisb=-1, axisc=-1, axis=None: torch.linalg.cross(
        *torch.broadcast_tensors(*[
            torch.moveaxis(x, i if axis is None else axis, -1) for x, i in ((a, axisa), (b, axisb))])
    ).moveaxis(-1, axisc if axis is None else axis),
    "vecdot": lambda a, b, axis=-1: torch.sum(a * b, axis), "matrix_transpose": lambda x: x.mT,
    "multi_dot": lambda *xs: torch.linalg.multi_dot(xs), "matrix_power": torch.linalg.matrix_power,
    "eigh": eigh, "eigvalsh": lambda x, UPLO="L": eigh(x, UPLO)[0], "svd": svd, "svdvals": torch.linalg.svdvals,
    "norm": norm, "vector_norm": vector_norm, linalg.norm: norm,
    "matrix_norm": lambda x, ord="fro", keepdims=False: torch.linalg.matrix_norm(x, ord, keepdim=keepdims),
    "others": lambda x, axis=None: prod(x, axis, True) / x,
    "exp2": torch.exp2, "log2": torch.log2, "log10": torch.log10, "sinc": torch.sinc, "isnan": torch.isnan,
    "fabs": torch.abs,
    "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3), "degrees": torch.rad2deg, "radians": torch.deg2rad,
    "floor": torch.floor, "ceil": torch.ceil, "rint": torch.round, "trunc": torch.trunc, "fix": torch.fix,
    "round": torch.round,
    "arctan2": torch.atan2, "hypot": torch.hypot, "logaddexp": torch.logaddexp, "logaddexp2": torch.logaddexp2,
    "fmax": torch.fmax, "fmin": torch.fmin, "remainder": torch.remainder,
    "floor_divide": lambda a, b: torch.floor(a / b),
    "leaky_relu": torch.nn.functional.leaky_relu, "elu": torch.nn.functional.elu, "silu": torch.nn.functional.silu,
    "gelu": lambda x, approximate="tanh": torch.nn.functional.gelu(x, approximate=approximate),
    "cumsum": lambda x, axis=None: along_one(torch.cumsum)(x, axis),
    "sort": along_one(lambda x, i: torch.sort(x, i)[0]),
    "cumprod": lambda x, axis=None: along_one(torch.cumprod)(x, axis), "argsort": along_one(torch.argsort),
    "argmax": lambda x, axis=None, keepdims=False: torch.argmax(x, axis, keepdims),
    "argmin": lambda x, axis=None, keepdims=False: torch.argmin(x, axis, keepdims),
    "argpartition": lambda x, kth, axis=-1: torch.as_tensor(np.argpartition(x.detach().numpy(), kth, axis)),
    "partition": lambda x, kth, axis=-1: torch.take_along_dim(x, SPELLING["argpartition"](x, kth, axis), axis),
    "take_along_axis": lambda x, i, axis=-1: torch.take_along_dim(x, i, axis), "put_along_axis": place_in,
    "ptp": lambda x, **at: SPELLING["max"](x, **at) - SPELLING["min"](x, **at), "average": average, "median": median,
    "diff": lambda x, n=1, axis=-1, prepend=None, append=None: torch.diff(x, n, axis, *(
        None if e is None else tensor(e).expand([1 if i == axis % x.ndim else k for i, k in enumerate(x.shape)])
        for e in (prepend, append))),
    "gradient": gradient, "nan_to_num": torch.nan_to_num,
    "hstack": lambda *xs: torch.hstack(xs), "vstack": lambda *xs: torch.vstack(xs),
    "dstack": lambda *xs: torch.dstack(xs), "column_stack": lambda *xs: torch.column_stack(xs),
    "ravel": lambda x, order="C": torch.ravel(x if order == "C" else x.T),
    "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    "moveaxis": torch.moveaxis, "rollaxis": arranged(np.rollaxis), "atleast_1d": torch.atleast_1d,
    "atleast_2d": torch.atleast_2d, "atleast_3d": torch.atleast_3d, "fliplr": torch.fliplr, "flipud": torch.flipud,
    "flip": lambda x, axis=None: torch.flip(x, dims(x, axis)),
    "roll": lambda x, shift, axis=None: torch.roll(x, shift, axis),
    "rot90": lambda x, k=1, axes=(0, 1): torch.rot90(x, k, axes),
    "tile": lambda x, reps: torch.tile(x, reps if isinstance(reps, tuple) else (reps,)),
    "repeat": lambda x, repeats, axis=None: torch.repeat_interleave(
        x if axis is not None else x.reshape(-1), torch.as_tensor(repeats), axis or 0),
    "array_split": cut(torch.tensor_split), "split": cut(torch.tensor_split), "hsplit": cut(torch.hsplit),
    "vsplit": cut(torch.vsplit), "dsplit": cut(torch.dsplit), "take": arranged(np.take), "pad": pad,
    "diagonal": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2),
    "diag": lambda x, k=0: torch.diag(x, k),
    "trace": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2).sum(-1),
    "triu": triangle(torch.triu), "tril": triangle(torch.tril), "select": select, "linspace": linspace,
    "astype": lambda x, *_: x.double(), "copy": torch.clone,
    "append": lambda x, y, axis=None: torch.cat([x.ravel(), y.ravel()] if axis is None else [x, y], axis or 0),

    "add": torch.add, "subtract": torch.subtract, "multiply": torch.multiply, "divide": torch.divide,
    "power": torch.pow, "negative": torch.negative, "abs": torch.abs, "sign": torch.sign, "same": torch.clone,
    "greater": torch.gt, "greater_equal": torch.ge, "less": torch.lt, "less_equal": torch.le, "equal": torch.eq,
    "not_equal": torch.ne, "exp": torch.exp, "log": torch.log, "expm1": torch.expm1, "log1p": torch.log1p,
    "sqrt": torch.sqrt, "square": torch.square, "reciprocal": torch.reciprocal, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "arcsin": torch.arcsin, "arccos": torch.arccos, "arctan": torch.arctan, "sinh": torch.sinh,
    "cosh": torch.cosh, "tanh": torch.tanh, "arcsinh": torch.arcsinh, "arccosh": torch.arccosh,
    "arctanh": torch.arctanh, "sigmoid": torch.sigmoid, "relu": torch.relu,
    "softplus": functools.partial(torch.nn.functional.softplus, threshold=math.inf),
    "maximum": torch.maximum, "minimum": torch.minimum, "where": torch.where, "matmul": torch.matmul, "clip": clip,
    "sum": along(torch.sum), "prod": prod, "max": along(torch.amax), "min": along(torch.amin),
    "logsumexp": along(torch.logsumexp), "mean": along(torch.mean),
    ops.norm: lambda x, **at: vector_norm(x, **at),
    "softmax": lambda x, axis=-1: torch.softmax(x, axis), "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "var": functools.partial(spread, torch.var), "std": functools.partial(spread, torch.std),
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    "sum_to": lambda x, shape: x.sum_to_size(shape) if shape else x.sum(),
    "reshape": lambda x, shape: torch.reshape(x, shape if isinstance(shape, tuple) else (shape,)),
    "flatten": lambda x: x.reshape(-1), "expand_dims": expand_dims,
    "squeeze": lambda x, axis=None: torch.squeeze(x, dims(x, axis)),
    "transpose": lambda x, axes=None: torch.permute(x, axes or tuple(reversed(range(x.ndim)))),
    "concatenate": lambda *xs, axis=0: torch.cat(xs, axis), "stack": lambda *xs, axis=0: torch.stack(xs, axis),
    "getitem": getitem, "scatter": scatter,
    "slope": lambda x, n: n * x ** (n - 1), "xlogy": torch.xlogy,
    "log_of": lambda a, x: torch.log(x) + 0 * a, "ratio": torch.divide,
    "wins": lambda a, b: (a > b).double(), "share": lambda x, y, **at: (x == y).double(),
    "linear": lambda x, w, b: torch.matmul(x, w) + b,
    "cross_entropy": torch.nn.functional.cross_entropy,
    "one_hot": lambda c, x: torch.nn.functional.one_hot(c, x.shape[1]).double(),
    "inside": lambda x, low, high: (True if low is None else x >= low) & (True if high is None else x <= high),
    **OF_IMAGES,
}
# fmt: on


def tensor(x: Any) -> Any:
    return x if x is None or isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))


def in_torch(row: Any, operands: list[Any], settings: dict[str, Any]) -> Any:
    result = SPELLING.get(row, SPELLING[row.__name__])(
        *[x if isinstance(x, str) else tensor(x) for x in operands], **settings
    )
    return torch.cat([x.reshape(-1) for x in result]) if isinstance(result, list | tuple) else result


def by_torch(program: Program, directions: list[Any]) -> list[list[Any]]:
    """Value, gradients, and gradients of the gradients' component along some directions."""
    leaves = [tensor(x).clone().requires_grad_() for x in program.inputs.values()]
    value, orders = run(program, leaves, in_torch), []
    result = value
    for _ in range(2):
        found = [None] * len(leaves)
        if result.requires_grad:
            found = torch.autograd.grad(result, leaves, create_graph=True, allow_unused=True)
        found = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
        orders.append([g.numpy(force=True) for g in found])
        result = sum(torch.sum(g * tensor(d)) for g, d in zip(found, directions, strict=True))
    return [[value.numpy(force=True)], *orders]


def by_us(program: Program, directions: list[Any]) -> list[list[Any]]:
    leaves = [Value(x) for x in program.inputs.values()]
    value, orders = run(program, leaves), []
    result = value
    for _ in range(2):
        found = sweep(result, Value.node(1.0), leaves, create_graph=True) if result.requires_grad else {}
        gradients = [found.get(x, Value.node(np.zeros(x.shape))) for x in leaves]
        orders.append([g.data for g in gradients])
        result = sum((tg.sum(g * d) for g, d in zip(gradients, directions, strict=True)), Value.node(0.0))
    return [[value.data], *orders]


def error(found: list[Any], wanted: list[Any]) -> float:
    """The largest difference, relative to the largest number; to 1e-3, if all are smaller."""
    assert [np.shape(x) for x in found] == [np.shape(x) for x in wanted]
    size = max([1e-3, *[np.max(np.abs(x), initial=0.0) for x in wanted]])
    return max(float(np.max(np.abs(a - b), initial=0.0)) / size for a, b in zip(found, wanted, strict=True))


@functools.cache
def errors(group: int) -> dict[str, tuple[float, ...]]:
    """For each program of a group, its text and its errors in value, first and second derivative."""
    results = {}
    for program in programs(COUNT // GROUPS, seed=100 + group):
        random = np.random.default_rng(7)
        directions = [random.standard_normal(np.shape(x)) for x in program.inputs.values()]
        pairs = zip(by_us(program, directions), by_torch(program, directions), strict=True)
        results[str(program)] = tuple(error(ours, torchs) for ours, torchs in pairs)
    return results


@pytest.mark.parametrize("group", range(GROUPS))
def test_value_first_and_second_derivative_are_those_of_pytorch(group: int) -> None:
    for program, found in errors(group).items():
        assert max(found) < TOLERANCE, f"{found}\n{program}"


def test_every_row_was_drawn_and_how_close_the_programs_came(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = [program for group in range(GROUPS) for program in programs(COUNT // GROUPS, seed=100 + group)]
    rows = [row for program in drawn for row, _ in program.drawn]
    assert set(rows) == set(domains.DOMAINS) >= set(ops.TABLE.values())
    worst = np.max([found for group in range(GROUPS) for found in errors(group).values()], axis=0)
    with capsys.disabled():
        print(f"\n{len(drawn)} programs, {len(rows)} operations drawn, each of {len(set(rows))} rows at least "
              f"{min(map(rows.count, set(rows)))} times; largest relative errors: value {worst[0]:.1e}, "
              f"gradient {worst[1]:.1e}, second derivative {worst[2]:.1e}")  # fmt: skip
    assert len(drawn) == COUNT
