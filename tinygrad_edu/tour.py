"""The tour: from one expression worked by hand to a trained MNIST classifier, in about a minute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from . import datasets, nn, ops
from .backward import order
from .checking import check_gradients
from .drawing import draw
from .expressions import evaluate
from .teaching import explain
from .value import Value

LINE_STEPS = 10


def heading(text: str) -> None:
    """A line over a chapter of the tour."""
    print(f"\n{text}\n{'─' * len(text)}")


def one_expression(folder: Path) -> Path:
    """tanh(a·b + c): forward, backward by hand, the check, the picture."""
    heading("1. One expression, by hand: L = tanh(a·b + c)")
    names = {"a": Value(2.0, "a"), "b": Value(-3.0, "b"), "c": Value(6.5, "c")}
    loss = evaluate("tanh(a*b + c)", names)
    for node, label in zip(order(loss), "Lzp", strict=True):
        node.label = label
    loss.backward()
    print(explain(loss))
    return draw(loss).save(folder / "1-expression.svg")


def the_check() -> None:
    """The same gradients from two oracles that know no rule."""
    heading("2. Can it be trusted? Differences and the complex step, which know no rule, against it")
    print(check_gradients(lambda a, b, c: ops.tanh(a * b + c), Value(2.0, "a"), Value(-3.0, "b"), Value(6.5, "c")))


def the_line(folder: Path) -> Path:
    """The workshop's single neuron on its ten points, at three learning rates."""
    heading("3. One neuron, ten points, three learning rates: cost Σ (b + w·x - y)²")
    x, y = datasets.workshop_line()
    columns, picture = [], folder / "3-line.svg"
    for rate in (0.01, 0.001, 0.1):
        w, b = Value(1.0, "w"), Value(1.0, "b")
        rows = []
        for step in range(LINE_STEPS):
            rows.append(f"{w.data:>10.4g} {b.data:>10.4g}")
            cost = ops.sum((b + w * x - y) ** 2)
            cost.backward()
            if rate == 0.01 and step == 0:
                cost.label = "cost"
                picture = draw(cost).save(picture)
            for parameter in (w, b):
                parameter.data = parameter.data - rate * parameter.grad
                parameter.zero_grad()
        columns.append([f"{f'rate {rate}':>21}", f"{'w':>10} {'b':>10}", *rows])
    for i, row in enumerate(zip(*columns, strict=True)):
        print(f"  {'step' if i == 1 else i - 1 if i > 1 else '':>4}", "  │".join(row))
    slope, intercept = np.polyfit(x, y, 1)
    print(f"  Least squares: w = {slope:.4f}, b = {intercept:.4f}. The last rate overshoots further at each step.")
    return picture


def xor(folder: Path) -> Path:
    """What one straight line cannot separate: 2-8-2 to 4 of 4."""
    heading("4. XOR: a hidden layer of eight")
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, 8, "tanh", seed=0), nn.Dense(8, 2, seed=1))
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    history = model.fit(x, y, loss="cross_entropy", optimizer=optimizer, epochs=200, seed=0, verbose=False)
    answers = model.predict(x).argmax(-1)
    for inputs, answer, truth in zip(x.astype(int), answers, y, strict=True):
        print(f"  {inputs[0]} xor {inputs[1]} = {answer}   {'right' if answer == truth else 'wrong'}")
    print(f"  {(answers == y).sum()} of 4; the loss fell from {history['loss'][0]:.3f} to {history['loss'][-1]:.4f}.")
    optimizer.zero_grad()
    loss = nn.cross_entropy(model(x), y)
    loss.label = "loss"
    loss.backward()
    return draw(loss).save(folder / "4-xor.svg")


def mnist() -> None:
    """All 60,000 digits, tested on the other 10,000."""
    heading("5. MNIST: 784 pixels, 256 hidden units, 10 digits")
    digits: Any = datasets.mnist()
    model = nn.Sequential(nn.Dense(784, 256, "relu", seed=0), nn.Dense(256, 10, seed=1))
    begin = time.perf_counter()
    history = model.fit(
        digits.train_images, digits.train_labels, loss="cross_entropy", optimizer=nn.Adam(model.parameters()),
        epochs=8, batch_size=64, seed=0, validation_data=(digits.test_images, digits.test_labels),
    )  # fmt: skip
    print(history)
    print(f"  {history['val_accuracy'][-1]:.2%} of the 10,000 test images, in {time.perf_counter() - begin:.0f} s.")


def tour(folder: Path) -> None:
    """Walk through all five chapters; pictures go to `folder`. At most a minute on two cores.

    Raises OSError if the folder cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [one_expression(folder)]
    the_check()
    pictures += [the_line(folder), xor(folder)]
    mnist()
    print("\nPictures: " + ", ".join(map(str, pictures)))
