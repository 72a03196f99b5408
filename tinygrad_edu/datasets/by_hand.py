"""Tables small enough to work through with paper and pencil.

Every call returns new arrays, so that changing them changes nobody else's.
"""

import numpy as np
from numpy.typing import NDArray


def workshop_line() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ten points close to a falling line, for a single neuron without activation.

    Returns x and y, both of shape (10,) and float64. The point (3.7, 0.5) occurs twice, as in the source. The source
    gives the fitted line as y = -0.68·x + 2.75; for the points as printed, least squares gives 2.74.

    >>> x, y = workshop_line()
    >>> x[0], y[0]
    (np.float64(-2.0), np.float64(4.4))
    >>> np.polyfit(x, y, 1).round(2)
    array([-0.68,  2.74])

    Source: Tom Read Cutting, Introduction to Machine Learning and Neural Networks, a workshop of Electric Square,
    section "How to Train a Network: A Single Neuron".
    """
    x = np.array([-2.0, 3.7, 4.7, 1.0, 3.4, 1.9, 0.5, 3.7, -3.7, -1.4])
    y = np.array([4.4, 0.5, -0.3, 1.4, 0.4, 1.4, 2.0, 0.5, 5.6, 3.5])
    return x, y


def and_gate() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The truth table of AND, which one straight line can separate.

    Returns the inputs, of shape (4, 2) and float32, and the answers, of shape (4,) and int64; all are 0 or 1.

    >>> x, y = and_gate()
    >>> y
    array([0, 0, 0, 1])

    Source: Tariq Rashid, A Gentle Introduction to Neural Networks (with Python), PyCon Italy 2017, "Boolean Logic".
    """
    return _two_inputs(), np.array([0, 0, 0, 1], dtype=np.int64)


def or_gate() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The truth table of OR, which one straight line can separate.

    Returns the inputs, of shape (4, 2) and float32, and the answers, of shape (4,) and int64; all are 0 or 1.

    >>> x, y = or_gate()
    >>> y
    array([0, 1, 1, 1])

    Source: Tariq Rashid, A Gentle Introduction to Neural Networks (with Python), PyCon Italy 2017, "Boolean Logic".
    """
    return _two_inputs(), np.array([0, 1, 1, 1], dtype=np.int64)


def xor() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The truth table of XOR, which no straight line can separate: it takes a hidden layer.

    Returns the inputs, of shape (4, 2) and float32, and the answers, of shape (4,) and int64; all are 0 or 1.

    >>> x, y = xor()
    >>> x
    array([[0., 0.],
           [0., 1.],
           [1., 0.],
           [1., 1.]], dtype=float32)
    >>> y
    array([0, 1, 1, 0])

    Source: Tariq Rashid, A Gentle Introduction to Neural Networks (with Python), PyCon Italy 2017, "XOR Puzzle!".
    """
    return _two_inputs(), np.array([0, 1, 1, 0], dtype=np.int64)


def _two_inputs() -> NDArray[np.float32]:
    return np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
