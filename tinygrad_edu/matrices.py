"""Matrices: further rows of the table, which `linalg.py` makes NumPy's functions of.

The letters are those of `ops.py`; a matrix may be a batch of them, of shape (..., n, n), and `t(x)` transposes each.
The rules are those of Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", 2008; of Murray, "Differentiation of the Cholesky decomposition", 2016; of Golub and Pereyra, "The
differentiation of pseudo-inverses", 1973.

cholesky and eigh read one triangle of their matrix: the gradient goes to that triangle, and the other one gets 0. An
operation with several results is one node, `packed_...`, and its parts are taken by indexing.

Conventions where there is no derivative: eigenvectors of equal eigenvalues (equal up to rounding) pass no gradient
among themselves, nor do singular vectors of equal singular values; pinv keeps its rank; a norm has slope 0 at 0, and
equal numbers share the gradient of the largest. det has its slope at singular matrices too; the second one, for n > 2,
is an error there, because it needs the inverse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .kernels import dtype, ndim, others, shape
from .ops import Op, Rule, abs, expand_dims, getitem, ratio, reshape, restore, sign, squeeze, sum, swap

LA: Any = np.linalg
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in einsum's own alphabetical order
ADVICE = {  # part of an error of NumPy's, and what to do
    "Singular": "add a small multiple of np.eye(n), or use tg.pinv.",
    "definite": "add a small multiple of np.eye(n); a @ a.T is positive definite if the rows of a are independent.",
    "square": "tg.pinv and tg.svd take any shape.",
    "least two-dim": "a matrix has shape (m, n), a batch of them (..., m, n).",
    "be two-dim": "only the first and the last may be vectors.",
    "at least two arrays": "a @ b @ c of the list [a, b, c].",
    "converge": "look for nan or inf in the matrix.",
    "Improper number": "a norm takes one axis or two; v.flatten() is one vector.",
    "for matrices": "choose None, 'fro', 'nuc', 1, -1, 2, -2, np.inf or -np.inf.",
    "for vectors": "choose None, np.inf, -np.inf or a number; 'fro' and 'nuc' are for matrices.",
}


def advised(compute: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy whose error says what to do instead."""

    @wraps(compute)
    def careful(*operands: Any, **settings: Any) -> Any:
        try:
            return compute(*operands, **settings)
        except ValueError as error:  # LinAlgError is one
            for part, advice in ADVICE.items():
                if part in str(error):
                    raise type(error)(f"{str(error).rstrip('.')}: {advice}") from None
            raise

    return careful


def t(x: Any) -> Any:
    """Each matrix transposed."""
    return x.T if x.ndim == 2 else swap(x)


def rows(x: Any) -> Any:
    """A vector as one row, which every row of a matrix meets."""
    return expand_dims(x, axis=-2)


def columns(x: Any) -> Any:
    """A vector as one column, which every column of a matrix meets."""
    return expand_dims(x, axis=-1)


def of_matrix(g: Any) -> Any:
    """One number for each matrix, to meet all its elements."""
    return reshape(g, shape=(*shape(g), 1, 1)) if shape(g) else g


def mirrored(x: Any) -> Any:
    """The symmetric matrix of which `x` has the lower triangle."""
    return phi(x) + t(phi(x))


# -- how the rows are computed -----------------------------------------------------------------------------------------


def _contract(*operands: Any, subscripts: str, optimize: Any) -> Any:
    kind = np.result_type(*operands)  # in which a plain number weighs nothing
    return np.einsum(subscripts, *[np.asarray(x, kind) for x in operands], optimize=optimize)


def _cofactor(x: Any) -> Any:
    n = x.shape[-1]
    if n < 2:
        return np.ones_like(x)
    if n == 2:
        return x[..., ::-1, ::-1] * np.array([[1, -1], [-1, 1]], x.dtype)
    with np.errstate(all="ignore"):
        try:
            y = of_matrix(LA.det(x)) * LA.inv(x).swapaxes(-1, -2)
            if np.all(LA.cond(x) < 1e12) and np.all(np.isfinite(y)):
                return y
        except LA.LinAlgError:
            pass
        u, s, vh = LA.svd(x)  # no division, so nothing goes wrong at a singular matrix
        mixed = np.ravel([range(n), range(n)[::-1]], "F")[:n]  # large ones beside small ones, or products overflow
        products = others(s[..., mixed], -1)[..., np.argsort(mixed)]
        return of_matrix(LA.det(u) * LA.det(vh)) * (u.conj() * rows(products)) @ vh.conj()


def _eigh(x: Any, UPLO: str) -> Any:
    w, v = LA.eigh(x, UPLO)
    return np.concatenate((rows(w), v), axis=-2)


def _svd(x: Any) -> Any:
    u, s, vh = LA.svd(x, full_matrices=False)
    return np.concatenate((rows(s), u, t(vh)), axis=-2)


def _slogdet(x: Any) -> Any:
    return np.stack(LA.slogdet(x), axis=-1)


def _phi(x: Any) -> Any:
    return np.tril(x) - np.tril(np.triu(x)) / 2


def _gaps(x: Any) -> Any:
    gaps = rows(x) - columns(x)
    rounding = 10 * x.shape[-1] * np.finfo(x.dtype).eps * np.max(np.abs(x), axis=-1, initial=0, keepdims=True)
    return np.where(np.abs(gaps) > columns(rounding), gaps, 0)


def _p_norm(x: Any, ord: float, axis: Any, keepdims: bool) -> Any:
    sizes = np.abs(x)
    top = np.max(sizes, axis=axis, keepdims=True, initial=0)
    top = np.where((top > 0) & np.isfinite(top), top, 1)  # scaled, so that no power overflows
    with np.errstate(divide="ignore"):  # 0 to a negative power
        y = top * np.sum((sizes / top) ** ord, axis=axis, keepdims=True) ** (1 / ord)
    return y if keepdims else np.squeeze(y, tuple(range(np.ndim(x))) if axis is None else axis)


# -- rules too long for their row --------------------------------------------------------------------------------------


def _factor(i: int) -> Rule:
    """Operand i of einsum: the sum over all letters but its own, of the gradient and the other operands.

    A letter that only this operand has is handed out to all its places, a repeated one to the diagonal.
    """

    def rule(g: Any, y: Any, *operands: Any, subscripts: str, optimize: Any) -> Any:
        inputs, _, output = subscripts.partition("->")
        terms, x, own = inputs.split(","), operands[i], ""
        factors, letters = [g, *operands[:i], *operands[i + 1 :]], [output, *terms[:i], *terms[i + 1 :]]
        there = {pair for term, factor in zip(letters, factors) for pair in zip(term, shape(factor))}
        for letter, n in zip(terms[i], shape(x)):
            if letter in own:
                factors.append(np.eye(n, dtype=dtype(x)))
                letters.append(letter + next(spare for spare in LETTERS if spare not in subscripts + own))
            elif (letter, n) not in there and terms[i].count(letter) == 1:
                factors.append(np.ones(n, dtype(x)))
                letters.append(letter)
            own += letters[-1][1] if letter in own else letter
        return contract(factors, subscripts=f"{','.join(letters)}->{own}", optimize=bool(optimize))

    return rule


def _cofactor_rule(g: Any, y: Any, x: Any) -> Any:
    if shape(x)[-1:] in ((0,), (1,)):
        return g * 0
    if shape(x)[-1:] == (2,):
        return cofactor(g)
    inverse = t(inv(x))
    return of_matrix(sum(g * y, axis=(-2, -1))) * inverse - y @ t(g) @ inverse


def _solve_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    if ndim(b) == 1:
        return -columns(_solve_b(g, y, a, b)) * rows(y)
    return -solve(t(a), g) @ t(y)


def _solve_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    if ndim(b) == 1 < ndim(g):  # a batch of vectors
        return squeeze(solve(t(a), columns(g)), axis=-1)
    return solve(t(a), g)


def _cholesky(g: Any, y: Any, x: Any, upper: bool) -> Any:
    if upper:
        return t(_cholesky(t(g), t(y), x, False))
    inverse = inv(y)
    s = t(inverse) @ phi(t(y) @ g) @ inverse
    return phi(s + t(s))


def _eigh_rule(g: Any, y: Any, x: Any, UPLO: str) -> Any:
    (w, v), (gw, gv) = ((z[..., 0, :], z[..., 1:, :]) for z in (y, g))
    s = (v * rows(gw) + v @ ratio(t(v) @ gv, gaps(w))) @ t(v)
    return phi(s + t(s)) if UPLO.upper() == "L" else t(phi(s + t(s)))


def _svd_rule(g: Any, y: Any, x: Any) -> Any:
    m, n = (0, 0, *shape(x))[-2:]
    (s, u, v), (gs, gu, gv) = ((z[..., 0, :], z[..., 1 : m + 1, :], z[..., m + 1 :, :]) for z in (y, g))
    a, b, gap = t(u) @ gu, t(v) @ gv, gaps(s) * (rows(s) + columns(s))
    gain = (u * rows(gs) + u @ (ratio(a - t(a), gap) * rows(s) + columns(s) * ratio(b - t(b), gap))) @ t(v)
    if m > n:  # what leaves the space of the columns
        gain = gain + ratio(gu - u @ a, rows(s)) @ t(v)
    if n > m:
        gain = gain + u @ t(ratio(gv - v @ b, rows(s)))
    return gain


def _pinv(g: Any, y: Any, x: Any, rcond: Any, hermitian: bool, rtol: Any) -> Any:
    a = mirrored(x) if hermitian else x
    gain = -t(y) @ g @ t(y) + (t(g) - a @ y @ t(g)) @ y @ t(y) + t(y) @ y @ (t(g) - t(g) @ y @ a)
    return phi(gain + t(gain)) if hermitian else gain


def _p_norm_rule(g: Any, y: Any, x: Any, ord: float, **at: Any) -> Any:
    length = restore(y, x, **at)
    part = ratio(abs(x), length) ** (ord - 1) if ord > 1 else ratio(length, abs(x)) ** (1 - ord)
    return restore(g, x, **at) * sign(x) * part


PINV = {"rcond": None, "hermitian": False, "rtol": np._NoValue}

# fmt: off
# -- products ----------------------------------------------------------------------------------------------------------
contract = Op("einsum",   "einsum({})",   _contract,             None, each=_factor,
            settings={"subscripts": "i,i->i", "optimize": False})

# -- square matrices ---------------------------------------------------------------------------------------------------
inv      = Op("inv",      "inv({})",      advised(LA.inv),       None, lambda g, y, x: -t(y) @ g @ t(y),
            numpy=(LA.inv,))
solve    = Op("solve",    "solve({}, {})", advised(LA.solve),    None, _solve_a, _solve_b, numpy=(LA.solve,))
cofactor = Op("cofactor", "cofactor({})", advised(_cofactor),    None, _cofactor_rule)
det      = Op("det",      "det({})",      advised(LA.det),       None, lambda g, y, x: of_matrix(g) * cofactor(x),
            numpy=(LA.det,))
packed_slogdet = Op("slogdet", "slogdet({})", advised(_slogdet), None,
            lambda g, y, x: of_matrix(getitem(g, index=(..., 1))) * t(inv(x)))

# -- symmetric matrices ------------------------------------------------------------------------------------------------
cholesky = Op("cholesky", "cholesky({})", advised(LA.cholesky),  None, _cholesky, settings={"upper": False},
            numpy=(LA.cholesky,))
packed_eigh = Op("eigh",  "eigh({})",     advised(_eigh),        None, _eigh_rule, settings={"UPLO": "L"})

# -- any matrices ------------------------------------------------------------------------------------------------------
packed_svd = Op("svd",    "svd({})",      advised(_svd),         None, _svd_rule)
pinv     = Op("pinv",     "pinv({})",     advised(LA.pinv),      None, _pinv, settings=PINV, numpy=(LA.pinv,))

# -- what rules and norms are written with -----------------------------------------------------------------------------
phi      = Op("phi",      "Φ({})",        _phi,                  None, lambda g, y, x: phi(g))
gaps     = Op("gaps",     "gaps({})",     _gaps,                 None,
            lambda g, y, x: sum(g, axis=-2) - sum(g, axis=-1))
p_norm   = Op("p_norm",   "p_norm({})",    _p_norm,               None, _p_norm_rule,
            settings={"ord": 2, "axis": None, "keepdims": False})
# fmt: on
