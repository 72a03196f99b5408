"""Draws the pictures of the README and the gallery, and writes the gallery's page: python docs/draw_pictures.py"""

import inspect
import itertools
import random
import textwrap
from pathlib import Path


import tinygrad_edu as tg
from tinygrad_edu import Value
from tinygrad_edu.examples import mnist_loss, xor_loss

FOLDER = Path(__file__).parent / "pictures"
INTRODUCTION = """# Gallery

What [`tg.draw`](../tinygrad_edu/drawing/scene.py) and [`tg.film`](../tinygrad_edu/drawing/films.py) make of a graph,
each beside the code that made it. `python docs/draw_pictures.py` writes this page and its pictures. Click a picture to
see it in its natural size.

A box is a value, with its number and its gradient; an ellipse is an operation. On an edge stand the local derivative,
and below it, behind `+=`, what the backward pass brought along that edge: the gradient of the result times the local
derivative. What arrives at a value by all its edges is its gradient.

`xor_loss` and `mnist_loss` are in [`tinygrad_edu.examples`](../tinygrad_edu/examples.py), `network_of_numbers` stands
in [the script](draw_pictures.py).
"""


def neuron():
    """One neuron

    Two inputs, two weights, a bias, tanh, with the numbers of micrograd's lecture. Each edge says why its number is
    what it is: the 0.5 that comes back through tanh is 1 - out².
    """
    x1, x2 = Value(2.0, "x1", requires_grad=False), Value(0.0, "x2", requires_grad=False)
    w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.8813735870195432, "b")
    out = tg.tanh(x1 * w1 + x2 * w2 + b)
    out.label = "out"
    out.backward()
    return tg.draw(out)


def twice():
    """a + a

    An operand that is used twice has two edges, and what comes back along both is added up.
    """
    a = Value(3.0, "a")
    total = a + a
    total.backward()
    return tg.draw(total)


def layer():
    """A layer on a batch

    For arrays an edge says the rule, the shapes that meet in it, and the range of what came back. The bias was
    stretched over the four rows of the batch, so its edge is tapered, and what comes back is summed.
    """
    X = Value([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], "X", requires_grad=False)
    W, b = Value([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]], "W"), Value([0.1, 0.2, -0.3], "b")
    loss = tg.tanh(X @ W + b).sum()
    loss.label = "loss"
    loss.backward()
    return tg.draw(loss)


def opened():
    """One number of a product of matrices

    The same kind of layer, with the operation behind one of its numbers opened into what it is for single numbers.
    """
    X = Value([[0.0, 1.0], [1.0, -1.0], [0.5, 2.0]], "X", requires_grad=False)
    W = Value([[0.5, -1.5], [1.0, 0.25]], "W")
    Z = X @ W
    Z.label = "Z"
    loss = (Z**2).mean()
    loss.label = "loss"
    loss.backward()
    return tg.draw(loss, open=("Z", (2, 1)))


def xor():
    """XOR: a network on its four cases

    The layers are frames with the names that they have in the model.
    """
    loss = xor_loss(hidden=4)
    loss.backward()
    return tg.draw(loss)


def mnist_folded():
    """A step of MNIST, folded

    With `depth=1` each layer is a box with its parameters in it.
    """
    loss = mnist_loss(batch=64, hidden=128)
    loss.backward()
    return tg.draw(loss, depth=1)


def mnist():
    """The same step, unfolded

    Sixty-four images, a hundred thousand weights: arrays are told by their shape, their least, mean and largest number.
    """
    loss = mnist_loss(batch=64, hidden=128)
    loss.backward()
    return tg.draw(loss)


def network_of_numbers(sizes=(2, 4, 4, 1)):
    """The loss of a network of single numbers, as micrograd has them."""
    draw = random.Random(1)
    values = [Value(0.7, "x1", requires_grad=False), Value(-1.2, "x2", requires_grad=False)]
    for layer, (inputs, units) in enumerate(itertools.pairwise(sizes), 1):
        results = []
        for j in range(1, units + 1):
            total = Value(0.1, f"b{layer}_{j}")
            for i in range(inputs):
                total = total + Value(round(draw.uniform(-1, 1), 2), f"w{layer}_{i + 1}{j}") * values[i]
            results.append(tg.tanh(total))
        values = results
    loss = (values[0] - 1) ** 2
    loss.label = "loss"
    return loss


def numbers():
    """A network of single numbers

    Some two hundred values and operations, none folded.
    """
    loss = network_of_numbers()
    loss.backward()
    return tg.draw(loss)


def one_weight():
    """From one weight to the loss

    The same network, but `only` what lies between one weight and the loss: along each path the local derivatives are to
    be multiplied, and the paths to be added up.
    """
    loss = network_of_numbers()
    loss.backward()
    return tg.draw(loss, only="w2_11")


def folded():
    """Too much to be drawn

    A larger network of single numbers is folded by itself, and the drawing says so.
    """
    loss = network_of_numbers((2, 30, 30, 1))
    loss.backward()
    return tg.draw(loss, max_nodes=60)


def half_way():
    """Half way through a walk

    What is done, the edge that was taken last, what is still to come.
    """
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(6.5, "c")
    loss = tg.tanh(a * b + c) * a
    loss.label = "loss"
    walk = tg.walk(loss).goto(8)
    return tg.draw(walk)


def compared():
    """Two runs compared

    Before and after a step against the gradient: what changed, from what to what.
    """

    x, b = Value(1.5, "x", requires_grad=False), Value(0.1, "b")
    before = (tg.tanh(Value(1.0, "w") * x + b) - 0.5) ** 2
    after = (tg.tanh(Value(0.8, "w") * x + b) - 0.5) ** 2
    after.label = "loss"
    return tg.draw(after, compare=before)


def second():
    """The derivative of a derivative

    A gradient is made of operations, so it has a graph of its own; here it stands beside the graph it came from.
    """
    x = Value(0.5, "x")
    y = tg.tanh(x) * x
    y.label = "y"
    y.backward(create_graph=True)
    return tg.draw([y, x.grad])


def film():
    """A film

    Every step of a pass, one after the other. This is the picture that moves by itself, for a page like this one;
    `tg.film(loss).save("film.html")` is a page with a slider, the formula of each step and the ledger of each value.
    """
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    loss = tg.tanh(a * b + 3.2 * a)
    loss.label = "loss"
    return tg.film(loss)


PICTURES = (
    neuron, twice, layer, opened, xor, mnist_folded, mnist, numbers, one_weight, folded, half_way, compared, second,
    film,
)  # fmt: skip


def code(function):
    """What is in a function, as one would type it."""
    lines = inspect.getsource(function).splitlines()
    end = next(i for i, line in enumerate(lines) if i and line.endswith('"""'))
    return textwrap.dedent("\n".join(lines[end + 1 :])).strip().replace("return ", "")


def page():
    """The gallery."""
    parts = [INTRODUCTION]
    for picture in PICTURES:
        title, text = inspect.getdoc(picture).split("\n\n")
        image = f"pictures/{picture.__name__}.svg"
        parts.append(f"## {title}\n\n{text}\n\n```python\n{code(picture)}\n```\n\n[![{title}]({image})]({image})\n")
    return "\n".join(parts)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        print(picture().save(FOLDER / f"{picture.__name__}.svg"))
    (FOLDER.parent / "gallery.md").write_text(page(), "utf-8")
