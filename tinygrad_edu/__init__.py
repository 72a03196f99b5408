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

from .errors import GradientError as GradientError
from .functions import clip as clip, flatten as flatten, mean as mean, norm as norm, std as std, var as var
from .ops import Op
from .ops import abs as abs, add as add, arccos as arccos, arccosh as arccosh, arcsin as arcsin, arcsinh as arcsinh
from .ops import arctan as arctan, arctanh as arctanh, broadcast_to as broadcast_to, concatenate as concatenate
from .ops import cos as cos, cosh as cosh, divide as divide, equal as equal, exp as exp, expand_dims as expand_dims
from .ops import expm1 as expm1, greater as greater, greater_equal as greater_equal, less as less
from .ops import less_equal as less_equal, linear as linear, log as log, log1p as log1p, log_softmax as log_softmax
from .ops import logsumexp as logsumexp, matmul as matmul, max as max, maximum as maximum, min as min
from .ops import minimum as minimum, multiply as multiply, negative as negative, not_equal as not_equal
from .ops import power as power, prod as prod, reciprocal as reciprocal, relu as relu, reshape as reshape
from .ops import sigmoid as sigmoid, sign as sign, sin as sin, sinh as sinh, softmax as softmax, softplus as softplus
from .ops import sqrt as sqrt, square as square, squeeze as squeeze, stack as stack, subtract as subtract, sum as sum
from .ops import tan as tan, tanh as tanh, transpose as transpose, where as where
from .recording import detect_anomaly as detect_anomaly, no_grad as no_grad
from .value import Value as Value

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import datasets as datasets, nn as nn
    from .checking import GradientCheckError as GradientCheckError, GradientReport as GradientReport
    from .checking import check_gradients as check_gradients, numerical_gradient as numerical_gradient
    from .drawing import Drawing as Drawing, draw as draw
    from .transforms import grad as grad, hessian as hessian, jacobian as jacobian, jvp as jvp
    from .transforms import value_and_grad as value_and_grad, vjp as vjp

ON_FIRST_USE = {  # so that `import tinygrad_edu` costs little more than `import numpy` (PEP 562)
    "nn": "", "datasets": "", "checking": "", "drawing": "",
    "check_gradients": "checking", "numerical_gradient": "checking",
    "GradientReport": "checking", "GradientCheckError": "checking",
    "draw": "drawing", "Drawing": "drawing",
    "grad": "transforms", "value_and_grad": "transforms", "vjp": "transforms", "jvp": "transforms",
    "jacobian": "transforms", "hessian": "transforms",
}  # fmt: skip


def _describe(op: Op) -> str:
    """The text of `help(tg.tanh)`, read off the table of domains when somebody asks."""
    from .domains import describe

    return describe(op)


Op.describe = staticmethod(_describe)


def __getattr__(name: str) -> Any:
    if name not in ON_FIRST_USE:
        raise AttributeError(f"module 'tinygrad_edu' has no attribute {name!r}")
    module = importlib.import_module(f".{ON_FIRST_USE[name] or name}", __name__)
    found = getattr(module, name) if ON_FIRST_USE[name] else module
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    ours = {"Any", "Op", "ON_FIRST_USE", "TYPE_CHECKING", "annotations", "importlib"}
    return sorted({*globals(), *ON_FIRST_USE} - ours)
