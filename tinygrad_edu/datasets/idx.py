"""The IDX form, in which MNIST and its relatives are stored.

    2 bytes       0, 0
    1 byte        the type of the values, see the table below
    1 byte        the number of dimensions
    4 bytes each  the size of each dimension, a big-endian integer
    the rest      the values, big-endian, the last dimension running fastest

Source: Yann LeCun, Corinna Cortes, Christopher J. C. Burges, The MNIST database of handwritten digits, "File formats".
"""

import gzip
import math
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.datasets.files import existing_file

_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}


def read_idx(path: str | PathLike[str]) -> NDArray[Any]:
    """The array stored in an IDX file, plain or compressed with gzip.

    Shape and dtype are the file's own: MNIST images give (60000, 28, 28) and uint8. Whether the file is compressed is
    read from its first bytes, so its name does not matter.

    Raises FileNotFoundError if there is no such file, ValueError if it is damaged or of another kind.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "three-labels"
    ...     written = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    file = existing_file(path)
    content = _decompressed(file)
    stored_type, shape = _header(file, content)
    start = 4 + 4 * len(shape)
    _check_length(file, stored_type, shape, found=len(content) - start)
    stored = np.frombuffer(content, stored_type, math.prod(shape), start).reshape(shape)
    # A copy, because the view is read-only and its bytes are in the file's order, not the machine's.
    return stored.astype(stored_type.newbyteorder("="))


def _decompressed(file: Path) -> bytes:
    content = file.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{file} is a damaged gzip file: {str(error).rstrip('.')}. "
            "Perhaps a download broke off; get the file again."
        ) from None


def _header(file: Path, content: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if len(content) < 4:
        raise _cut_short_in_header(file, content)
    if content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise ValueError(
            f"{file} is not an IDX file: it begins with {content[:4]!r}, but an IDX file begins with two zero bytes, "
            f"a type byte ({', '.join(f'{code:02x}' for code in _TYPES)} in hexadecimal) and the number of dimensions. "
            "Check that this is the file you meant."
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise _cut_short_in_header(file, content)
    return _TYPES[content[2]], tuple(np.frombuffer(content[4:start], ">u4").tolist())


def _cut_short_in_header(file: Path, content: bytes) -> ValueError:
    return ValueError(
        f"{file} is cut short: it ends after {len(content)} bytes, inside its header. Get the file again."
    )


def _check_length(file: Path, stored_type: np.dtype[Any], shape: tuple[int, ...], found: int) -> None:
    expected = math.prod(shape) * stored_type.itemsize
    if found != expected:
        raise ValueError(
            f"{file} is {'cut short' if found < expected else 'too long'}: its header announces {stored_type.name} "
            f"values of shape {shape}, which take {expected} bytes, but {found} bytes follow. Get the file again."
        )
