"""The same random programs in PyTorch: value, gradient and gradient of the gradient. Run with `pytest -m oracle`."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from programs import Program, programs, run

import tinygrad_edu as tg
from tinygrad_edu import Value, domains, ops
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


# fmt: off
SPELLING = {
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
    "norm": lambda x, ord=None, **at: along(functools.partial(torch.linalg.vector_norm, ord=2), torch.abs)(x, **at),
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
    "slope": lambda x, n: n * x ** (n - 1), "xlogy": torch.xlogy, "ratio": torch.divide,
    "wins": lambda a, b: (a > b).double(), "share": lambda x, y, **at: (x == y).double(),
    "linear": lambda x, w, b: torch.matmul(x, w) + b,
    "cross_entropy": torch.nn.functional.cross_entropy,
    "one_hot": lambda c, x: torch.nn.functional.one_hot(c, x.shape[1]).double(),
    "inside": lambda x, low, high: (True if low is None else x >= low) & (True if high is None else x <= high),
}
# fmt: on


def tensor(x: Any) -> Any:
    return x if x is None or isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))


def in_torch(row: Any, operands: list[Any], settings: dict[str, Any]) -> Any:
    return SPELLING[row.__name__](*map(tensor, operands), **settings)


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
