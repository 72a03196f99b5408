"""Data to learn on: tables small enough to work by hand, and the handwritten digits of MNIST.

Nothing here is ever downloaded. `mnist()` reads files that come with the package; `read_idx` and `read_csv` read your
own.
"""

from tinygrad_edu.datasets.by_hand import and_gate, or_gate, workshop_line, xor
from tinygrad_edu.datasets.digits import MNIST, mnist
from tinygrad_edu.datasets.digits_csv import read_csv
from tinygrad_edu.datasets.idx import read_idx

__all__ = ["MNIST", "and_gate", "mnist", "or_gate", "read_csv", "read_idx", "workshop_line", "xor"]
