"""The command line: `tinygrad-edu tour`, `train line|xor|mnist`, `draw EXPR name=value ...`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, datasets, nn
from .drawing import draw
from .expressions import assignment, evaluate
from .tour import tour


def rate(options: argparse.Namespace, default: float) -> float:
    """The learning rate asked for; 0 is one too."""
    return default if options.lr is None else float(options.lr)


def train_line(options: argparse.Namespace) -> dict[str, Any]:
    """One neuron without activation on the workshop's ten points; all points in each step unless told otherwise."""
    x, y = datasets.workshop_line()
    model = nn.Sequential(nn.Dense(1, 1, dtype=np.float64, seed=options.seed))
    history = model.fit(
        x[:, None], y[:, None], loss="sum_squared_error", optimizer=nn.SGD(model.parameters(), rate(options, 0.005)),
        epochs=options.epochs or 500, batch_size=options.batch_size, seed=options.seed, verbose=not options.json,
    )  # fmt: skip
    (w, b), best = (p.data.item() for p in model.parameters()), np.polyfit(x, y, 1)
    return {
        "history": history,
        "says": f"y = {w:.4f}·x + {b:.4f}; least squares gives y = {best[0]:.4f}·x + {best[1]:.4f}",
        "w": w, "b": b,
    }  # fmt: skip


def train_xor(options: argparse.Namespace) -> dict[str, Any]:
    """Two inputs, a hidden layer of tanh, two classes."""
    x, y = datasets.xor()
    hidden, seed = options.hidden or 8, options.seed
    model = nn.Sequential(nn.Dense(2, hidden, "tanh", seed=seed), nn.Dense(hidden, 2, seed=seed + 1))
    history = model.fit(
        x, y, loss="cross_entropy", optimizer=nn.Adam(model.parameters(), rate(options, 0.05)),
        epochs=options.epochs or 200, batch_size=options.batch_size, seed=seed, verbose=not options.json,
    )  # fmt: skip
    right = int((model.predict(x).argmax(-1) == y).sum())
    return {"history": history, "says": f"{right} of 4 right", "right": right}


def train_mnist(options: argparse.Namespace) -> dict[str, Any]:
    """784 pixels, a hidden layer of relu, ten classes; all 60,000 images, tested on the other 10,000."""
    digits = datasets.mnist(options.data if options.data and options.data.is_dir() else None)
    train = datasets.read_csv(options.data) if options.data and not options.data.is_dir() else digits[:2]
    hidden, seed = options.hidden or 128, options.seed
    model = nn.Sequential(nn.Dense(784, hidden, "relu", seed=seed), nn.Dense(hidden, 10, seed=seed + 1))
    history = model.fit(
        *train, loss="cross_entropy", optimizer=nn.Adam(model.parameters(), rate(options, 0.001)),
        epochs=options.epochs or 8, batch_size=options.batch_size or 64, seed=seed, verbose=not options.json,
        validation_data=digits[2:],
    )  # fmt: skip
    accuracy = history["val_accuracy"][-1]
    return {"history": history, "says": f"{accuracy:.2%} of the test images right", "test_accuracy": accuracy}


def train(options: argparse.Namespace) -> None:
    """Run one of the three and print what came of it."""
    for option, tasks in (("hidden", ("xor", "mnist")), ("data", ("mnist",))):
        if getattr(options, option) is not None and options.task not in tasks:
            raise ValueError(f"train {options.task} has no --{option}: that is for {' and '.join(tasks)}.")
    if options.seed < 0:
        raise ValueError(f"The seed must be a whole number of at least 0, not {options.seed}.")
    begin = time.perf_counter()
    result = {"line": train_line, "xor": train_xor, "mnist": train_mnist}[options.task](options)
    history, says = result.pop("history"), result.pop("says")
    if options.json:
        seconds = round(time.perf_counter() - begin, 3)
        print(json.dumps({"task": options.task, "seconds": seconds, **result, "history": history.history}))
    else:
        rows = str(history).splitlines()
        print("\n".join(rows if len(rows) <= 12 else [*rows[:6], "  ...", *rows[-5:]]))
        print(says)


def draw_expression(options: argparse.Namespace) -> None:
    """Evaluate an expression, backpropagate (from the sum of its numbers, if it has several) and draw the graph."""
    names = dict(map(assignment, options.names))
    if len(names) < len(options.names):
        raise ValueError("A name was given a value twice.")
    value = evaluate(options.expression, names)
    value.label = value.label or "result"
    value.backward(np.ones(value.shape) if value.shape else None)
    drawing = draw(value)
    if options.output is None:
        print(drawing.text())
    else:
        print(f"wrote {drawing.save(options.output)}")


def parser() -> argparse.ArgumentParser:
    """What can be written on the command line."""
    top = argparse.ArgumentParser(prog="tinygrad-edu", description="Understand backpropagation.")
    top.add_argument("--version", action="version", version=f"tinygrad-edu {__version__}")
    commands = top.add_subparsers(required=True, metavar="tour | train | draw")

    touring = commands.add_parser("tour", help="from one expression by hand to a trained MNIST classifier, in a minute")
    touring.add_argument("-o", "--output", type=Path, default=Path("tour"), help="folder for the pictures (tour)")
    touring.set_defaults(run=lambda options: tour(options.output))

    training = commands.add_parser("train", help="train one of the three examples")
    training.add_argument("task", choices=["line", "xor", "mnist"])
    training.add_argument("--epochs", type=positive, help="how often all examples are seen")
    training.add_argument("--hidden", type=positive, help="units in the hidden layer (xor 8, mnist 128)")
    training.add_argument("--lr", type=float, help="learning rate")
    training.add_argument("--batch-size", type=positive, help="examples per step (all; mnist 64)")
    training.add_argument("--seed", type=int, default=0, help="the same seed gives the same bits (0)")
    training.add_argument("--data", type=Path, help="mnist: your own folder of IDX files, or a CSV of label,784 pixels")
    training.add_argument("--json", action="store_true", help="print one line of JSON")
    training.set_defaults(run=train)

    drawing = commands.add_parser("draw", help='draw an expression: draw "tanh(a*b + c)" a=2 b=-3 c=6.5 -o graph.svg')
    drawing.add_argument("expression")
    drawing.add_argument("names", nargs="*", metavar="name=value", help="a number or a list: x=[1,2]")
    drawing.add_argument("-o", "--output", type=Path, help=".svg .png .gv or .txt; without it the tree is printed")
    drawing.set_defaults(run=draw_expression)
    return top


def positive(text: str) -> int:
    """An argument that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 if all went well, 1 after one line that says what did not, 2 for a wrong command."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["draw"] and len(given) > 1 and given[1] not in ("-h", "--help", "-o", "--output"):
        given[1] = f" {given[1]}"  # an expression may begin with a minus, an option does not begin with a space
    options = parser().parse_args(given)
    try:
        options.run(options)
    except (ValueError, TypeError, IndexError, OSError, RuntimeError, ArithmeticError, MemoryError) as error:
        print(f"tinygrad-edu: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
