"""Linear algebra as NumPy has it (np.linalg, np.dot, np.einsum ...), composed of the rows of matrices.py."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import calling, ops
from .arrays import moveaxis
from .functions import Axis, composite, known, stand_in
from .kernels import dtype, ndim, shape
from .matrices import LA, LETTERS, advised, columns, contract, packed_eigh, packed_slogdet, packed_svd, p_norm, rows, t
from .matrices import cholesky as cholesky, cofactor as cofactor, det as det, inv as inv, pinv as pinv, solve as solve
from .ops import abs, getitem, reshape, squeeze, sum, transpose

EighResult = type(LA.eigh(np.eye(1)))
SVDResult = type(LA.svd(np.eye(1)))
SlogdetResult = type(LA.slogdet(np.eye(1)))


# -- products ----------------------------------------------------------------------------------------------------------


@composite(np.einsum)
def einsum(*operands: Any, optimize: Any = False, **unsupported: Any) -> Any:
    """The sum of products that `subscripts` describe, in all forms that NumPy takes: "ij,jk->ik", "...ii", [0, 1] ...

    The node has them in full: letters instead of dots, and the output. Raises ValueError if they do not fit the shapes.

    >>> einsum("ij,ij->i", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [0.0, 2.0]]))
    array([3., 8.])
    """
    if unsupported:
        raise TypeError(calling.unknown("einsum", min(unsupported), ("optimize",)))
    if not isinstance(operands[0], str):
        operands = spelled(*operands)
    numbers = [known(x) for x in operands[1:]]
    return contract(numbers, subscripts=explicit(operands[0], [shape(x) for x in numbers]), optimize=optimize)


def spelled(*operands: Any) -> tuple[Any, ...]:
    """Operands each with a list of whole numbers, and maybe one for the output, as a string and operands."""

    def term(labels: Any) -> str:
        if not all(i is ... or (isinstance(i, int | np.integer) and 0 <= i < 52) for i in labels):
            raise ValueError(f"einsum: an axis is named by ... or by a whole number from 0 to 51, not as in {labels}.")
        return "".join("..." if i is ... else LETTERS[i] for i in labels)

    if len(operands) < 2:
        raise ValueError('einsum takes subscripts: einsum("ij,jk->ik", a, b), or einsum(a, [0, 1], b, [1, 2], [0, 2]).')
    *pairs, output = operands if len(operands) % 2 else (*operands, None)
    text = ",".join(map(term, pairs[1::2])) + ("" if output is None else "->" + term(output))
    return text.lower() if text.isupper() else text, *pairs[::2]


def explicit(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Subscripts with a letter for every axis and with the output; ValueError if they do not fit the shapes."""

    def check(legal: Any, otherwise: str) -> None:
        if not legal:
            raise ValueError(f"einsum {subscripts!r}: {otherwise}")

    inputs, arrow, output = (part.replace(" ", "") for part in subscripts.partition("->"))
    terms = inputs.split(",")
    check(len(terms) == len(shapes), f"{len(terms)} term(s) with commas between, but {len(shapes)} operand(s).")
    for term in (*terms, output):
        check({*term.replace("...", "", 1)} <= {*LETTERS}, f"a term has letters a-z, A-Z and '...', unlike {term!r}.")
    under = [len(axes) - len(term.replace("...", "")) for term, axes in zip(terms, shapes)]  # axes under the dots
    for term, axes, n in zip(terms, shapes, under):
        check(n == 0 or (n > 0 and "..." in term), f"{term!r} does not name the axes of shape {axes}.")
    spare = "".join(letter for letter in LETTERS if letter not in subscripts)[: max(under)]
    terms = [term.replace("...", spare[len(spare) - n :]) for term, n in zip(terms, under)]
    letters = "".join(terms)
    if not arrow:
        output = "..." + "".join(sorted(c for c in {*letters} - {*spare} if letters.count(c) == 1))
    check("..." in output or not spare, "the output has no '...', but an operand has axes under its dots.")
    for c in (output := output.replace("...", spare)):
        check(c in letters, f"the output has {c!r}, but no operand has.")
        check(output.count(c) == 1, f"the output has {c!r} twice; tg.diag makes a matrix of its diagonal.")
    for c in sorted({*letters}):
        found = [{n for d, n in zip(term, axes) if d == c} for term, axes in zip(terms, shapes)]
        lengths = set[int]().union(*found)
        name = repr(c) if c in subscripts else "an axis under the dots"
        check(len(lengths - {1}) < 2 and all(len(n) < 2 for n in found), f"{name} has the lengths {sorted(lengths)}.")
    return f"{','.join(terms)}->{output}"


@composite(np.dot)
def dot(a: Any, b: Any) -> Any:
    """The product of vectors or matrices; of more axes, the last one of `a` with the last but one of `b`.

    Raises ValueError if the lengths differ. For numbers it is `*`.

    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    a, b = known(a), known(b)
    if not (ndim(a) and ndim(b)):
        return a * b
    return a @ b if ndim(b) <= 2 else tensordot(a, b, axes=(-1, -2))


@composite(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """The sum of all products, of arrays of any shapes of the same size.

    >>> vdot(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    11.0
    """
    return reshape(known(a), shape=(-1,)) @ reshape(known(b), shape=(-1,))


@composite(np.inner)
def inner(a: Any, b: Any) -> Any:
    """The products of the rows of `a` and the rows of `b`: the sum over the last axis of both.

    >>> inner(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([3.0, 4.0]))
    array([11.,  4.])
    """
    a, b = known(a), known(b)
    return dot(a, t(b) if ndim(a) and ndim(b) > 1 else b)


@composite(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Each number of `a` times each of `b`, shape (a.size, b.size).

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    a, b = known(a), known(b)  # a single number stays one, which widens nothing
    column = reshape(a, shape=(-1, 1)) if ndim(a) or not ndim(b) else a
    return column * (reshape(b, shape=(1, -1)) if ndim(b) else b)


@composite(np.tensordot, LA.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over some axes of `a` and as many of `b`, as one product of matrices.

    `axes` are how many (the last of `a`, the first of `b`), or which: `(of_a, of_b)`, each a number or several. What is
    left of `a` comes first. Raises ValueError if the lengths differ, IndexError if there is no such axis.

    >>> tensordot(np.ones((2, 3, 4)), np.ones((4, 3)), axes=([1, 2], [1, 0]))
    array([12., 12.])
    """
    a, b = known(a), known(b)
    chosen = (range(-axes, 0), range(axes)) if isinstance(axes, int | np.integer) else axes
    of_a, of_b = ([i] if isinstance(i, int | np.integer) else [*i] for i in chosen)
    if len(of_a) != len(of_b):
        raise ValueError(f"tensordot: as many axes of the one as of the other, unlike {of_a} and {of_b}.")
    for i, j in zip(of_a, of_b):
        for x, k in ((a, i), (b, j)):
            if not -ndim(x) <= k < ndim(x):
                raise IndexError(f"tensordot: an array of shape {shape(x)} has no axis {k}.")
        if shape(a)[i] != shape(b)[j]:
            raise ValueError(f"tensordot: axis {i} of {shape(a)} and axis {j} of {shape(b)} differ in length.")
    if not (ndim(a) and ndim(b)):
        return a * b
    rest_a = [i for i in range(ndim(a)) if i not in of_a and i - ndim(a) not in of_a]
    rest_b = [i for i in range(ndim(b)) if i not in of_b and i - ndim(b) not in of_b]
    left, n, right = [shape(a)[i] for i in rest_a], math.prod(shape(a)[i] for i in of_a), [shape(b)[i] for i in rest_b]
    of_rows = reshape(transpose(a, axes=(*rest_a, *of_a)), shape=(math.prod(left), n))
    of_columns = reshape(transpose(b, axes=(*of_b, *rest_b)), shape=(n, math.prod(right)))
    return reshape(of_rows @ of_columns, shape=(*left, *right))


@composite(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Each number of `a` times the whole of `b`, laid out in the shape of `a`.

    >>> kron(np.array([1.0, 10.0]), np.array([1.0, 2.0, 3.0]))
    array([ 1.,  2.,  3., 10., 20., 30.])
    """
    a, b = known(a), known(b)
    if not (ndim(a) and ndim(b)):
        return a * b
    n = max(ndim(a), ndim(b))
    of_a, of_b = ((1,) * (n - ndim(x)) + shape(x) for x in (a, b))
    blocks = reshape(a, shape=tuple(k for m in of_a for k in (m, 1)))
    inside = reshape(b, shape=tuple(k for m in of_b for k in (1, m)))
    return reshape(blocks * inside, shape=tuple(map(operator.mul, of_a, of_b)))


@composite(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vector product of vectors of 3 numbers; a vector of 2 has 0 as its third, and of two such only that is given.

    The vectors lie along `axisa` and `axisb`, the result along `axisc`; `axis` is all three. Raises ValueError for
    other lengths.

    >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = known(a), known(b)
    np.cross(stand_in(a), stand_in(b), axisa, axisb, axisc)  # for its errors, and what it warns of
    (a0, a1, *a2), (b0, b1, *b2) = (slices(moveaxis(x, i, -1)) for x, i in ((a, axisa), (b, axisb)))
    third = a0 * b1 - a1 * b0
    if not a2 and not b2:
        return squeeze(third, axis=-1)
    first = (a1 * b2[0] if b2 else 0) - (a2[0] * b1 if a2 else 0)
    second = (a2[0] * b0 if a2 else 0) - (a0 * b2[0] if b2 else 0)
    return moveaxis(ops.concatenate([first, second, third], axis=-1), -1, axisc)


def slices(x: Any) -> list[Any]:
    """The numbers of each vector, one by one; each keeps an axis, and so its dtype."""
    return [x[..., i : i + 1] for i in range(shape(x)[-1])]


@composite(np.vecdot, LA.vecdot)
def vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    """The product of the vectors along an axis, one by one; ValueError if their lengths differ.

    >>> vecdot(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0]))
    array([21., 43.])
    """
    x1, x2 = (known(x) if axis == -1 else moveaxis(known(x), axis, -1) for x in (x1, x2))
    return squeeze(rows(x1) @ columns(x2), axis=(-2, -1))


@composite(LA.multi_dot)
def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of several matrices, in the order that takes the fewest steps; the first and the last may be vectors.

    Raises ValueError for fewer than two, LinAlgError for others that are no matrices.

    >>> multi_dot([np.ones((2, 9)), np.ones((9, 9)), np.ones(9)])
    array([81., 81.])
    """
    arrays = [known(x) for x in arrays]
    advised(LA.multi_dot)([np.ones((1,) * ndim(x)) for x in arrays])  # for its errors
    if len(arrays) == 2:
        return dot(*arrays)
    first, last = (1,) * (ndim(arrays[0]) == 1) + shape(arrays[0]), shape(arrays[-1]) + (1,) * (ndim(arrays[-1]) == 1)
    lengths = [first[0], *[shape(x)[0] for x in arrays[1:]], last[-1]]
    return product(arrays, cheapest(lengths), 0, len(arrays))


def cheapest(lengths: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut the product of matrices i to j in two, so that all of it takes the fewest steps."""
    steps, cut = dict[tuple[int, int], int](), dict[tuple[int, int], int]()
    for count, i in itertools.product(range(1, len(lengths)), range(len(lengths))):
        if (j := i + count) < len(lengths):
            choices = [(steps[i, k] + steps[k, j] + lengths[i] * lengths[k] * lengths[j], k) for k in range(i + 1, j)]
            steps[i, j], cut[i, j] = min(choices, default=(0, i))
    return cut


def product(arrays: Sequence[Any], cut: dict[tuple[int, int], int], i: int, j: int) -> Any:
    """The product of the matrices from i to before j."""
    k = cut[i, j]
    return arrays[i] if j == i + 1 else product(arrays, cut, i, k) @ product(arrays, cut, k, j)


# -- of matrices -------------------------------------------------------------------------------------------------------


@composite(np.matrix_transpose, LA.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    """Each matrix of a batch transposed; ValueError for fewer than two axes.

    >>> matrix_transpose(np.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    np.matrix_transpose(stand_in(x))
    return t(x)


@composite(LA.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """`a` times itself, n factors; for n < 0 of its inverse, for n = 0 the identity. TypeError if n is not whole.

    >>> matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 5)
    array([[1., 5.],
           [0., 1.]])
    """
    advised(LA.matrix_power)(stand_in(a), n * 0)  # for its errors
    if n == 0:
        return ops.where(False, a, np.eye(shape(a)[-1], dtype=dtype(a)))
    if n < 0:
        a, n = inv(a), -n
    result = None
    while n:  # a, a², a⁴, a⁸ ...: those that add up to n
        if n % 2:
            result = a if result is None else result @ a
        n, a = n // 2, a @ a if n > 1 else a
    return result


@composite(LA.slogdet)
def slogdet(a: Any) -> Any:
    """The sign of the determinant and the logarithm of its size, as `(sign, logabsdet)`; no gradient passes the sign.

    LinAlgError for the gradient at a singular matrix.

    >>> sign, logabsdet = slogdet(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> print(sign, logabsdet)
    -1.0 0.0
    """
    y = packed_slogdet(a)
    return SlogdetResult(getitem(y, index=(..., 0)), getitem(y, index=(..., 1)))


@composite(LA.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices, in rising order, and their eigenvectors as columns.

    Only the lower triangle ("L", or the upper one, "U") is read, and gets the gradient. A loss must not depend on the
    sign of an eigenvector, which is arbitrary, nor on the choice among those of equal eigenvalues.

    >>> values, vectors = eigh(np.array([[2.0, 0.0], [1.0, 2.0]]))
    >>> values
    array([1., 3.])
    """
    y = packed_eigh(a, UPLO=UPLO)
    return EighResult(y[..., 0, :], y[..., 1:, :])


@composite(LA.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices, in rising order; which triangle is read is said in `eigh`.

    >>> eigvalsh(np.array([[2.0, 0.0], [1.0, 2.0]]))
    array([1., 3.])
    """
    return packed_eigh(a, UPLO=UPLO)[..., 0, :]


@composite(LA.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition `(u * s) @ vh`, the values falling; without `compute_uv` the values alone.

    A matrix that is not square needs `full_matrices=False`, else ValueError: further columns of `u` or rows of `vh` can
    be chosen at will, so they have no derivative.

    >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
    array([4., 3.])
    """
    if not compute_uv:
        return svdvals(a)
    if full_matrices and ndim(a) > 1 and shape(a)[-2] != shape(a)[-1]:
        raise ValueError(f"svd of shape {shape(a)} has no gradient for a full u and vh: write full_matrices=False.")
    y, m = packed_svd(a), shape(a)[-2]
    return SVDResult(y[..., 1 : m + 1, :], y[..., 0, :], t(y[..., m + 1 :, :]))


@composite(LA.svdvals)
def svdvals(x: Any) -> Any:
    """The singular values, falling.

    >>> svdvals(np.array([[3.0, 0.0], [0.0, 4.0]]))
    array([4., 3.])
    """
    return packed_svd(x)[..., 0, :]


@composite(LA.norm)
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length of vectors (`axis` an int) or a norm of matrices (two axes); by default Euclid's, of all numbers.

    `ord` is what `vector_norm` and `matrix_norm` take. Raises ValueError for others, and for 0, which counts.

    >>> norm(np.array([3.0, 4.0])), norm(np.array([[3.0, 0.0], [0.0, 4.0]]), "nuc")
    (5.0, 7.0)
    """
    x = known(x)
    if axis is None and ord is None:
        return ops.norm(x, axis=None, keepdims=keepdims)
    advised(LA.norm)(np.ones((1,) * ndim(x)), ord, axis)  # for its errors
    axes: Any = tuple(range(ndim(x))) if axis is None else (axis,) if np.ndim(axis) == 0 else axis
    if len(axes) == 1:
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if ord in (None, "fro", "f"):
        return ops.norm(x, axis=axes, keepdims=keepdims)
    if axis is None:
        return matrix_norm(x, keepdims=keepdims, ord=ord)
    result = matrix_norm(moveaxis(x, axes, (-2, -1)), keepdims=keepdims, ord=ord)
    return moveaxis(result, (-2, -1), axes) if keepdims else result


@composite(LA.vector_norm)
def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """sum(|x|**ord)**(1 / ord), of all numbers or along `axis`; the largest for np.inf, the smallest for -np.inf.

    Every norm has slope 0 at 0. Raises ValueError for `ord=0`, which counts.

    >>> vector_norm(np.array([3.0, -4.0]), ord=1)
    7.0
    """
    advised(LA.vector_norm)(np.ones((1,) * ndim(x)), axis=axis, ord=ord)  # for its errors
    if ord == 0:
        raise ValueError("norm with ord=0 counts what is not 0, so its slope is 0 or none: (x.data != 0).sum() counts.")
    if ord in (None, 2):
        return ops.norm(x, axis=axis, keepdims=keepdims)
    if np.isinf(ord):
        return extreme(abs(x), ord, axis=axis, keepdims=keepdims)
    if ord == 1:
        return sum(abs(x), axis=axis, keepdims=keepdims)
    return p_norm(x, ord=ord if isinstance(ord, int) else float(ord), axis=axis, keepdims=keepdims)


@composite(LA.matrix_norm)
def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    """A norm of the last two axes: "fro", Euclid's, or of the singular values "nuc", their sum, 2 and -2, the extremes.

    1 and -1 are the largest and smallest sum |x| of a column, np.inf and -np.inf of a row.

    >>> matrix_norm(np.array([[3.0, 0.0], [0.0, 4.0]]), ord=2)
    4.0
    """
    advised(LA.matrix_norm)(np.ones((1,) * ndim(x)), ord=ord)  # for its errors
    if ord in (None, "fro", "f"):
        return ops.norm(x, axis=(-2, -1), keepdims=keepdims)
    numbers = svdvals(x) if ord in (2, -2, "nuc") else sum(abs(x), axis=-2 if ord in (1, -1) else -1)
    at = {"axis": -1, "keepdims": keepdims}
    result = sum(numbers, **at) if ord == "nuc" else extreme(numbers, ord, **at)
    return columns(result) if keepdims else result


def extreme(x: Any, ord: float, **at: Any) -> Any:
    """The largest, 0 of no numbers, or for a negative order the smallest."""
    largest = ops.max if 0 not in shape(x) else sum
    return largest(x, **at) if ord > 0 else ops.min(x, **at)


ops.ANSWERS.update({LA.matmul: ops.matmul})
