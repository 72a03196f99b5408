"""What NumPy's functions mean when they are called on something of ours (its protocols: NEP 13 and NEP 18)."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops

READING = frozenset({
    np.shape, np.ndim, np.size, np.isinf, np.isfinite, np.isclose, np.allclose, np.array_equal,
    np.array_equiv, np.zeros_like, np.ones_like, np.empty_like, np.array_repr, np.array_str,
    np.array2string, np.any, np.all, np.count_nonzero, np.nonzero, np.flatnonzero, np.argwhere, np.searchsorted,
    np.digitize, np.signbit, np.isin, np.isposinf, np.isneginf, np.shares_memory, np.may_share_memory, np.lexsort,
    np.nanargmax, np.nanargmin, np.einsum_path, np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.result_type, np.iscomplexobj, np.isrealobj, np.isreal, np.iscomplex,
})  # fmt: skip  # functions of NumPy whose answer has no gradient: they read the data
OF_SHAPES = frozenset({
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, np.result_type, np.iscomplexobj,
    np.isrealobj,
})  # fmt: skip  # of these, those that read nothing but shapes and dtypes: a program may do so too

NEAREST = {
    "full_like": "broadcast_to", "nanmax": "fmax", "nanmin": "fmin", "nansum": "nan_to_num", "nanmean": "nan_to_num",
    "nanprod": "nan_to_num", "nanvar": "nan_to_num", "nanstd": "nan_to_num", "percentile": "sort", "quantile": "sort",
    "unique": "sort", "insert": "concatenate", "delete": "take", "compress": "take", "extract": "take",
    "choose": "take",
    "interp": "where", "piecewise": "select", "convolve": "einsum", "correlate": "einsum", "cov": "matmul",
    "trapezoid": "sum", "block": "concatenate", "meshgrid": "broadcast_to", "polyval": "power",
    "corrcoef": "matmul", "eig": "eigh", "eigvals": "eigh", "lstsq": "pinv", "qr": "cholesky", "cond": "norm",
    "float_power": "power", "fft": "matmul", "ifft": "matmul", "divmod": "remainder", "fmod": "remainder",
    "modf": "trunc", "i0": "exp",
    "add.reduce": "sum", "multiply.reduce": "prod", "maximum.reduce": "max", "minimum.reduce": "min",
    "add.accumulate": "cumsum", "multiply.accumulate": "cumprod", "add.outer": "expand_dims",
    "multiply.outer": "outer", "add.at": "concatenate", "add.reduceat": "split",
}  # fmt: skip  # where spelling would suggest something else


def answer(function: Any, args: Any, settings: dict[str, Any], method: str = "") -> Any:
    """Answer for a function of NumPy that was called on a Value; `method` is ".reduce" and the like of a ufunc."""
    name = function.__name__ + method
    if settings.get("out") is not None:
        raise TypeError(f"np.{name} into an array (out= or +=) would cut the graph: write a = a + v.")
    if function in READING and not method:
        data = "_data" if function in OF_SHAPES else "data"
        numbers = [getattr(x, data) if hasattr(x, "apply_op") else x for x in (*args, *settings.values())]
        return function(*numbers[: len(args)], **dict(zip(settings, numbers[len(args) :])))
    if function in ops.ANSWERS and not method:
        return ops.ANSWERS[function](*args, **settings)
    from difflib import get_close_matches

    module = f"{getattr(function, '__module__', None) or 'numpy'}.".replace("numpy.", "np.", 1)
    known = {row.__name__ for of, row in ops.ANSWERS.items() if hasattr(np, getattr(of, "__name__", ""))} - {"same"}
    nearest = [NEAREST[name]] if name in NEAREST else get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    hint = f"; the nearest that has one is {nearest[0]}" if nearest else ""
    raise TypeError(f"{module}{name} has no rule{hint}. For numbers alone use v.data.")
