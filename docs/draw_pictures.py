"""Draws the pictures of the README and the documents: python docs/draw_pictures.py"""

from pathlib import Path

import numpy as np

from tinygrad_edu import Value, draw, tanh

FOLDER = Path(__file__).parent / "pictures"


def neuron():
    """micrograd's neuron, with the numbers of its lecture: two inputs, two weights, a bias, tanh."""
    x1, x2 = Value(2.0, "x1", requires_grad=False), Value(0.0, "x2", requires_grad=False)
    w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.8813735870195432, "b")
    out = tanh(x1 * w1 + x2 * w2 + b)
    out.label = "out"
    out.backward()
    return draw(out)


def layer():
    """A dense layer on a batch of four, and its loss."""
    x = Value(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), "X", requires_grad=False)
    weight, bias = Value([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]], "W"), Value([0.1, 0.2, -0.3], "b")
    loss = tanh(x @ weight + bias).sum()
    loss.label = "loss"
    loss.backward()
    return draw(loss)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for picture in (neuron, layer):
        print(picture().save(FOLDER / f"{picture.__name__}.svg"))
