"""tinygrad_edu: the library for understanding backpropagation. `Value` is the place to begin.

>>> import tinygrad_edu as tg
>>> x = tg.Value(3.0, "x")
>>> (x**2 + 2 * x).backward()
>>> x.grad
8.0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import astype as astype, copy as copy, linspace as linspace
from .arrays import append as append, array_split as array_split, atleast_1d as atleast_1d, atleast_2d as atleast_2d
from .arrays import atleast_3d as atleast_3d, column_stack as column_stack, diag as diag, diagonal as diagonal
from .arrays import dsplit as dsplit, dstack as dstack, flip as flip, fliplr as fliplr, flipud as flipud
from .arrays import hsplit as hsplit, hstack as hstack, moveaxis as moveaxis, pad as pad, ravel as ravel
from .arrays import repeat as repeat, roll as roll, rollaxis as rollaxis, rot90 as rot90, select as select
from .arrays import split as split, swapaxes as swapaxes, take as take, tile as tile, trace as trace, tril as tril
from .arrays import triu as triu, vsplit as vsplit, vstack as vstack
from .errors import GradientError as GradientError
from .functions import Composite
from .functions import average as average, clip as clip, cumprod as cumprod, diff as diff, fix as fix
from .functions import flatten as flatten
from .functions import gelu as gelu, gradient as gradient, mean as mean, median as median, nan_to_num as nan_to_num
from .functions import ptp as ptp, silu as silu, std as std, var as var
from .images import avg_pool2d as avg_pool2d, conv2d as conv2d, max_pool2d as max_pool2d
from .linalg import cholesky as cholesky, cross as cross, det as det, dot as dot, eigh as eigh, eigvalsh as eigvalsh
from .linalg import einsum as einsum, inner as inner, inv as inv, kron as kron, matrix_norm as matrix_norm
from .linalg import matrix_power as matrix_power, matrix_transpose as matrix_transpose, multi_dot as multi_dot
from .linalg import norm as norm, outer as outer, pinv as pinv, slogdet as slogdet, solve as solve, svd as svd
from .linalg import svdvals as svdvals, tensordot as tensordot, vdot as vdot, vecdot as vecdot
from .linalg import vector_norm as vector_norm
from .ops import ANSWERS, Op
from .ops import abs as abs, add as add, arccos as arccos, arccosh as arccosh, arcsin as arcsin, arcsinh as arcsinh
from .ops import arctan as arctan, arctanh as arctanh, broadcast_to as broadcast_to, concatenate as concatenate
from .ops import cos as cos, cosh as cosh, divide as divide, equal as equal, exp as exp, expand_dims as expand_dims
from .ops import expm1 as expm1, greater as greater, greater_equal as greater_equal, less as less
from .ops import less_equal as less_equal, linear as linear, log as log, log1p as log1p, log_softmax as log_softmax
from .ops import logsumexp as logsumexp, matmul as matmul, max as max, maximum as maximum, min as min
from .ops import minimum as minimum, multiply as multiply, negative as negative, not_equal as not_equal
from .ops import power as power, reciprocal as reciprocal, relu as relu, reshape as reshape
from .ops import sigmoid as sigmoid, sign as sign, sin as sin, sinh as sinh, softmax as softmax, softplus as softplus
from .ops import sqrt as sqrt, square as square, squeeze as squeeze, stack as stack, subtract as subtract, sum as sum
from .ops import tan as tan, tanh as tanh, transpose as transpose, where as where
from .recording import detect_anomaly as detect_anomaly, no_grad as no_grad
from .rows import arctan2 as arctan2, argmax as argmax, argmin as argmin, argpartition as argpartition
from .rows import argsort as argsort, cbrt as cbrt, ceil as ceil, cumsum as cumsum, degrees as degrees, elu as elu
from .rows import exp2 as exp2, fabs as fabs, floor as floor, floor_divide as floor_divide, fmax as fmax
from .rows import fmin as fmin, hypot as hypot, isnan as isnan, leaky_relu as leaky_relu, log10 as log10, log2 as log2
from .rows import logaddexp as logaddexp, logaddexp2 as logaddexp2, partition as partition, radians as radians
from .rows import prod as prod, remainder as remainder, rint as rint, round as round, sinc as sinc, sort as sort
from .rows import take_along_axis as take_along_axis, trunc as trunc
from .value import Value as Value

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import datasets as datasets, nn as nn, testing as testing
    from .checking import GradientCheckError as GradientCheckError, GradientReport as GradientReport
    from .checking import check_gradients as check_gradients, numerical_gradient as numerical_gradient
    from .checking import Oracles as Oracles, oracles as oracles
    from .drawing import Drawing as Drawing, Film as Film, draw as draw, film as film
    from .operations import operation as operation
    from .program import Compiled as Compiled, Source as Source, compile as compile, source as source
    from .teaching import Explanation as Explanation, GradState as GradState, Ledger as Ledger, Step as Step
    from .teaching import Worksheet as Worksheet, worksheet as worksheet
    from .teaching import Mark as Mark, Marks as Marks, check_by_hand as check_by_hand
    from .teaching import Walk as Walk, Why as Why, explain as explain, grad_state as grad_state, ledger as ledger
    from .teaching import Path as Path, Paths as Paths, broken as broken, paths as paths, walk as walk, why as why
    from .transforms import grad as grad, hessian as hessian, hvp as hvp, jacobian as jacobian, jvp as jvp
    from .transforms import value_and_grad as value_and_grad, vjp as vjp

ON_FIRST_USE = {  # so that `import tinygrad_edu` costs little more than `import numpy` (PEP 562)
    "nn": "", "datasets": "", "checking": "", "drawing": "", "testing": "",
    "check_gradients": "checking", "numerical_gradient": "checking",
    "GradientReport": "checking", "GradientCheckError": "checking", "oracles": "checking", "Oracles": "checking",
    **dict.fromkeys(("draw", "Drawing", "film", "Film"), "drawing"),
    "operation": "operations", "program": "", "compile": "program", "Compiled": "program",
    "source": "program", "Source": "program",
    "teaching": "",
    **dict.fromkeys(("walk", "Walk", "Step", "explain", "Explanation", "why", "Why", "ledger", "Ledger"), "teaching"),
    **dict.fromkeys(("grad_state", "GradState", "paths", "Paths", "Path", "broken"), "teaching"),
    **dict.fromkeys(("check_by_hand", "Marks", "Mark", "worksheet", "Worksheet"), "teaching"),
    "grad": "transforms", "value_and_grad": "transforms", "vjp": "transforms", "jvp": "transforms",
    "jacobian": "transforms", "hessian": "transforms", "hvp": "transforms",
}  # fmt: skip


def _describe(row: Op | Composite) -> str:
    """The text of `help(tg.tanh)`, read off the table of domains when somebody asks."""
    from .domains import describe

    return describe(row)


Op.describe = Composite.describe = staticmethod(_describe)


def __getattr__(name: str) -> Any:
    if (same := ANSWERS.get(getattr(np, name, None))) is not None:
        return same  # NumPy's other names: absolute, amax, acos, concat ...
    if name not in ON_FIRST_USE:
        raise AttributeError(f"module 'tinygrad_edu' has no attribute {name!r}")
    module = importlib.import_module(f".{ON_FIRST_USE[name] or name}", __name__)
    found = getattr(module, name) if ON_FIRST_USE[name] else module
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    ours = {"ANSWERS", "Any", "Composite", "Op", "np", "ON_FIRST_USE", "TYPE_CHECKING", "annotations", "importlib"}
    return sorted({*globals(), *ON_FIRST_USE} - ours)
