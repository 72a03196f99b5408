"""MNIST: 70,000 handwritten digits, each an image of 28 by 28 pixels."""

from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.datasets.files import existing_folder
from tinygrad_edu.datasets.idx import read_idx

_CONTENTS = {
    "train-images": "training images",
    "train-labels": "training labels",
    "t10k-images": "test images",
    "t10k-labels": "test labels",
}


class MNIST(NamedTuple):
    """Images and labels for training, and others for testing, in the order in which they are usually unpacked.

    Images: float32 of shape (n, 784), row after row of pixels, 0 for background and 1 for ink. Labels: int64 of shape
    (n,), the digit itself, 0 to 9.
    """

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def mnist(folder: str | PathLike[str] | None = None) -> MNIST:
    """The MNIST database of handwritten digits: 60,000 to train with, 10,000 to test with.

    Images are float32 in [0, 1], of shape (60000, 784) and (10000, 784); labels are int64 of shape (60000,) and
    (10000,). Without `folder`, the files inside the package are read. A `folder` of your own holds
    `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each
    plain or ending in `.gz`, or spelled with a dot as in `train-images.idx3-ubyte`; it may hold fewer or more images.

    Raises FileNotFoundError if the folder or one of the files is missing, ValueError if a file is damaged, is of
    another kind, or does not fit its partner.

    >>> digits = mnist()
    >>> digits.train_images.shape, digits.train_images.dtype
    ((60000, 784), dtype('float32'))
    >>> digits.train_labels[:5]
    array([5, 0, 4, 1, 9])

    Source: Yann LeCun, Corinna Cortes, Christopher J. C. Burges, The MNIST database of handwritten digits, 1998.
    Licence CC BY-SA 3.0.
    """
    home = existing_folder(Path(__file__).with_name("mnist") if folder is None else folder)
    train_images, train_labels = _images_and_labels(home, "train")
    test_images, test_labels = _images_and_labels(home, "t10k")
    return MNIST(train_images, train_labels, test_images, test_labels)


def in_unit_interval(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels 0..255 as float32 in [0, 1]."""
    # Converting first and dividing in place never makes the float64 copy, twice the size, that `pixels / 255` makes.
    scaled = pixels.astype(np.float32)
    scaled /= 255
    return scaled


def _images_and_labels(folder: Path, part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    image_file = _find(folder, f"{part}-images", "idx3-ubyte")
    label_file = _find(folder, f"{part}-labels", "idx1-ubyte")
    images, labels = read_idx(image_file), read_idx(label_file)
    _check_images(image_file, images)
    _check_labels(label_file, labels)
    if len(images) != len(labels):
        raise ValueError(
            f"{image_file} holds {len(images)} images, but {label_file.name} beside it holds {len(labels)} labels. "
            "Every image needs one label: take both files from the same source."
        )
    return in_unit_interval(images).reshape(len(images), 784), labels.astype(np.int64)


def _find(folder: Path, name: str, ending: str) -> Path:
    accepted = [f"{name}{mark}{ending}{packing}" for mark in "-." for packing in (".gz", "")]
    for file_name in accepted:
        if (folder / file_name).is_file():
            return folder / file_name
    present = sorted(entry.name for entry in folder.iterdir())
    shown = ", ".join(present[:8]) + (", ..." if len(present) > 8 else "")
    raise FileNotFoundError(
        f"{folder} holds no {_CONTENTS[name]}: a file called {', '.join(accepted[:-1])} or {accepted[-1]} was "
        f"expected, but the folder holds {shown or 'nothing'}. Put the file there under one of these names."
    )


def _check_images(file: Path, images: NDArray[Any]) -> None:
    if images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"{file} holds {images.dtype} values of shape {images.shape}, but images are uint8 values of shape "
            "(n, 28, 28). Check that images and labels have not changed places."
        )


def _check_labels(file: Path, labels: NDArray[Any]) -> None:
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise ValueError(
            f"{file} holds {labels.dtype} values of shape {labels.shape}, but labels are uint8 values of shape (n,). "
            "Check that images and labels have not changed places."
        )
    wrong = np.flatnonzero(labels > 9)
    if wrong.size:
        raise ValueError(
            f"{file} gives image {wrong[0]} the label {labels[wrong[0]]}, but a label is a digit, 0 to 9. "
            "Check that the labels are those of MNIST."
        )
