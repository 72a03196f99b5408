"""Handwritten digits as text: one image a line, its label first."""

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.datasets.digits import in_unit_interval
from tinygrad_edu.datasets.files import existing_file


def read_csv(path: str | PathLike[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images and labels from a CSV file with one image a line: its label, then its 784 pixels.

    A label is a whole number from 0 to 9, a pixel one from 0 to 255. There is no header; blank lines are skipped.
    Returns the images as float32 in [0, 1], of shape (n, 784), and the labels as int64, of shape (n,).

    Raises FileNotFoundError if there is no such file, ValueError if a line has another form.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "one-digit.csv"
    ...     written = path.write_text("7" + ",255" + ",0" * 783)
    ...     images, labels = read_csv(path)
    >>> images.shape, images[0, :3]
    ((1, 784), array([1., 0., 0.], dtype=float32))
    >>> labels
    array([7])

    Source: Tariq Rashid, A Gentle Introduction to Neural Networks (with Python), PyCon Italy 2017, "MNIST Datasets".
    """
    file = existing_file(path)
    # A spreadsheet may put a byte-order mark first; undecodable bytes are reported as what stands on their line.
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        rows = [_row(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise ValueError(f"{file} holds no images: every line is blank. Check that this is the file you meant.")
    table = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), 785)
    return in_unit_interval(table[:, 1:]), table[:, 0].astype(np.int64)


def _row(file: Path, number: int, line: str) -> bytes:
    fields = line.split(",")
    if len(fields) != 785:
        raise ValueError(
            f"{file}, line {number}: expected 785 columns (a label and 784 pixels, separated by commas), found "
            f"{len(fields)}. The line begins with {_shortened(line)}. Write each image of 28 by 28 pixels on one line."
        )
    try:
        # bytes() refuses what is not in 0..255, and one byte a pixel keeps a large file small in memory.
        row = bytes(map(int, fields))
    except ValueError:
        row = b""
    if not row or row[0] > 9:
        raise _wrong_field(file, number, fields)
    return row


def _wrong_field(file: Path, number: int, fields: list[str]) -> ValueError:
    column = next(c for c, text in enumerate(fields) if not _is_whole_number(text, largest=255 if c else 9))
    name, largest = (f"pixel {column}", 255) if column else ("the label", 9)
    advice = (
        "If this line is a header, delete it: the form has none."
        if number == 1 and column == 0
        else f"Correct column {column + 1} of this line."
    )
    return ValueError(
        f"{file}, line {number}: {name} is {_shortened(fields[column])}, expected a whole number from 0 to {largest}. "
        f"{advice}"
    )


def _is_whole_number(text: str, largest: int) -> bool:
    try:
        return 0 <= int(text) <= largest
    except ValueError:
        return False


def _shortened(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:40] + "...")
