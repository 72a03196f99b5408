"""The command line: `tour`, `train`; `step`, `explain`, `source`, `draw`, `film`, `worksheet` or `check EXPR ...`."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tempfile
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, datasets, nn, ops
from .checking import check_gradients, oracles
from .debugger import ERRORS, FORMATS, Debugger
from .drawing import draw, film, write_whole
from .drawing.scene import MANY
from .examples import MODELS
from .expressions import ExpressionError, assignments, evaluate, shown
from .program import source
from .program.writing import STYLES
from .teaching import explain
from .teaching.worksheets import worksheet
from .tour import tour
from .value import Value

WITH_EXPRESSION = ("step", "explain", "source", "draw", "film", "worksheet", "check")  # commands
SUFFIXES = {".md": "markdown", ".tex": "latex", ".html": "html", ".htm": "html"}


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
    refuse_negative(options.seed)
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


def refuse_negative(seed: int) -> None:
    """A seed is at least 0."""
    if seed < 0:
        raise ValueError(f"The seed must be a whole number of at least 0, not {seed}.")


def value_of(options: argparse.Namespace) -> Value:
    """The value of an expression; a name that does not stand in it is a slip."""
    names = assignments(options.names)
    value = evaluate(options.expression, names)
    words = re.findall(r"\w+", options.expression)
    if unused := [name for name in names if name not in words]:
        says = f"{shown(unused[0])} does not stand in {shown(options.expression.strip())}: is it misspelt?"
        raise ExpressionError(says)
    return value


def graph_asked(options: argparse.Namespace) -> Value:
    """The result to be drawn: of an expression, or the loss of one of the example models."""
    if (options.model is None) == (options.expression is None):
        raise ExpressionError('Write an expression, such as "tanh(a*b)" a=2 b=-3, or --model xor: one of both.')
    if options.model is not None:
        if options.names:
            raise ExpressionError(f"--model {options.model} has its own numbers: leave {shown(options.names[0])} out.")
        return MODELS[options.model]()
    value = value_of(options)
    value.label = value.label or "result"
    return value


def draw_graph(options: argparse.Namespace) -> None:
    """Draw a graph after its backward pass (from the sum of its numbers, if the result has several), or at a step."""
    value = graph_asked(options)
    if options.step is None:
        value.backward(np.ones(value.shape) if value.shape else None)
    drawing = draw(
        value, direction=options.direction, depth=options.depth, only=options.only, step=options.step,
        open=element(options.element), composites=not options.rows, edges=not options.no_edges,
        max_nodes=max_nodes(options),
    )  # fmt: skip
    print(drawing.text() if options.output is None else f"wrote {drawing.save(options.output)}")


def max_nodes(options: argparse.Namespace) -> int:
    """How many values a picture may have before it is folded."""
    return MANY if options.max_nodes is None else int(options.max_nodes)


def film_graph(options: argparse.Namespace) -> None:
    """Make a film of a backward pass (of the sum of the numbers, if the result has several)."""
    value = graph_asked(options)
    loss, limit = ops.sum(value) if value.shape else value, max_nodes(options)
    path = film(loss, direction=options.direction, depth=options.depth, max_nodes=limit).save(options.output)
    print(f"wrote {path}")
    opened(path, options)


def loss_of(options: argparse.Namespace) -> tuple[Value, str]:
    """The value of an expression, or the sum of its numbers if it has several; and the expression of that."""
    value, text = value_of(options), options.expression.strip()
    return (ops.sum(value), f"sum({text})") if value.shape else (value, text)


def step_expression(options: argparse.Namespace) -> None:
    """Step through the backward pass of an expression."""
    Debugger(*loss_of(options)).cmdloop()


def explain_expression(options: argparse.Namespace) -> None:
    """Explain an expression; in the format of the file's suffix, if no other is asked for."""
    (loss, _), output = loss_of(options), options.output
    if options.open and output is None:
        output = Path(tempfile.mkdtemp(prefix="tinygrad-edu-")) / "explanation.html"
    suffix = "" if output is None else output.suffix.lower()
    chosen = options.format or SUFFIXES.get(suffix, "text")
    text = explain(loss, chosen, notation=options.notation, digits=options.digits, element=element(options.element))
    write(text, output)
    if output is not None:
        opened(output, options)


def source_of_expression(options: argparse.Namespace) -> None:
    """Write an expression and its backward pass as a program (of the sum of its numbers, if it has several)."""
    value = graph_asked(options)
    loss = ops.sum(value) if value.shape else value
    if loss is value and options.model is None:
        loss.label = "result"
    write(str(source(loss, style=options.style)).rstrip("\n"), options.output)


def opened(path: Path, options: argparse.Namespace) -> None:
    """Show a file in the browser, if that was asked for."""
    if options.open and not webbrowser.open(path.resolve().as_uri()):
        print("No browser could be opened: open the file yourself.")


def worksheet_of_expression(options: argparse.Namespace) -> None:
    """Make a worksheet of an expression, or make up a task; the sheet or its key is written or printed."""
    task = None if options.expression is None else loss_of(options)[0]
    sheet = worksheet(task, seed=options.seed, difficulty=options.difficulty, digits=options.digits)
    if options.output is not None and not options.key:
        print(f"wrote {sheet.save(options.output)}")
    elif options.output is not None and options.output.suffix.lower() != ".md":
        raise ValueError(f"The key is written as .md: {options.output.name!r} is not.")
    else:
        write(sheet.key() if options.key else sheet.markdown(), options.output)


def check_expression(options: argparse.Namespace) -> int:
    """Check the gradient of an expression: the report, the curve of the worst number, the oracles. 1 if it fails."""
    refuse_negative(options.seed)
    value_of(options)  # for its errors, in the words of an expression
    names, text = assignments(options.names), options.expression.strip()

    def expression(*values: Value) -> Value:
        return evaluate(text, dict(zip(names, values, strict=True)))

    report = check_gradients(
        expression, *names.values(), order=options.order, rtol=options.rtol, step=options.step, seed=options.seed,
        raise_exception=False,
    )  # fmt: skip
    ways = oracles(expression, *names.values(), seed=options.seed)
    if options.plot is not None:
        refuse_nowhere(options.plot)
        report.curve().plot(options.plot)
    print(report, *([report.curve()] if report.rows else []), ways, sep="\n\n")
    if options.plot is not None:
        print(f"\nwrote {options.plot}")
    return 0 if report.passed and not ways.contradicted else 1


def element(text: str | None) -> tuple[str, tuple[int, ...]] | None:
    """W[0,3] as the name and the index of one number."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\w+)\s*\[([-0-9, ]+)\]\s*", text)
    try:
        return found[1], tuple(map(int, found[2].rstrip(", ").split(",")))  # type: ignore[index]
    except (TypeError, ValueError):
        raise ExpressionError(f"An element is written W[0,3], or x[0], not {text!r}.") from None


def write(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file and say so."""
    if output is None:
        return print(text)
    refuse_nowhere(output)
    write_whole(output, text if text.endswith("\n") else f"{text}\n")
    print(f"wrote {output}")


def refuse_nowhere(output: Path) -> None:
    """A file is written into a folder that is there."""
    if not output.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(output.parent)!r} for {output.name!r}: make it first.")


def parser() -> tuple[argparse.ArgumentParser, Any]:
    """What can be written on the command line: all of it, and behind each command."""
    top = argparse.ArgumentParser(prog="tinygrad-edu", description="Understand backpropagation.")
    top.add_argument("--version", action="version", version=f"tinygrad-edu {__version__}")
    commands = top.add_subparsers(
        required=True, metavar="tour | train | step | explain | source | draw | film | worksheet | check"
    )

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

    stepping = of_expression(commands, "step", "step through a backward pass", '"tanh(a*b + c)" a=2 b=-3 c=6.5')
    stepping.set_defaults(run=step_expression)

    explaining = of_expression(commands, "explain", "explain a pass step by step", '"a*b + a" a=2 b=1/3 -o page.html')
    explaining.add_argument("--format", metavar="|".join(FORMATS), help="(that of FILE, else text)")
    explaining.add_argument("--notation", metavar="∂|d|bar|δ", default="∂", help="of gradients: ∂L/∂a, dL/da, a̅, δ_a")
    explaining.add_argument("--digits", type=int, metavar="N", default=4, help="digits of a number (4)")
    explaining.add_argument("--element", metavar="NAME[i,j]", help="unroll one number of a gradient, such as W[0,3]")
    explaining.add_argument("--open", action="store_true", help="open it in the browser")
    explaining.add_argument("-o", "--output", type=Path, metavar="FILE", help=".txt .md .tex or .html; else printed")
    explaining.set_defaults(run=explain_expression)

    writing = of_expression(commands, "source", "write a pass as a program", '"tanh(a*b)" a=2 b=-3 -o pass.py', "?")
    writing.add_argument("--model", choices=MODELS, help="one step of an example model, instead of an expression")
    writing.add_argument("--style", metavar="|".join(STYLES), default="numpy", help="with what it computes (numpy)")
    writing.add_argument("-o", "--output", type=Path, metavar="FILE", help="a file such as pass.py; else printed")
    writing.set_defaults(run=source_of_expression)

    drawing = of_expression(commands, "draw", "draw a graph", '"tanh(a*b + c)" a=2 b=-3 c=6.5 -o graph.svg', "?")
    of_picture(drawing)
    drawing.add_argument("--only", action="append", metavar="NAME", help="only what lies between NAME and the result")
    drawing.add_argument("--element", metavar="NAME[i,j]", help="open the operation behind one number, such as Z[0,2]")
    drawing.add_argument("--step", type=int, metavar="N", help="as it stands after N steps of the walk")
    drawing.add_argument("--rows", action="store_true", help="open what is composed of operations, as mean")
    drawing.add_argument("--no-edges", action="store_true", help="nothing written on edges")
    formats = ".svg .png .pdf .gv .mmd or .txt; else printed"
    drawing.add_argument("-o", "--output", type=Path, metavar="FILE", help=formats)
    drawing.set_defaults(run=draw_graph)

    filming = of_expression(commands, "film", "film a backward pass", '"tanh(a*b + c)" a=2 b=-3 c=6.5 --open', "?")
    of_picture(filming)
    filming.add_argument("--open", action="store_true", help="open it in the browser")
    filming.add_argument("-o", "--output", type=Path, metavar="FILE", default=Path("film.html"),
                         help=".html, or .svg for an animated picture (film.html)")  # fmt: skip
    filming.set_defaults(run=film_graph)

    asking = of_expression(commands, "worksheet", "make a sheet to work out by hand", "--seed 3 -o sheet.html", "?")
    asking.add_argument("--difficulty", type=int, metavar="N", help="without an expression: from 1 to 5, with matrices")
    asking.add_argument("--seed", type=int, metavar="N", help="without an expression: each gives another sheet (0)")
    asking.add_argument("--digits", type=int, metavar="N", help="digits of an answer (all where they are few, else 4)")
    asking.add_argument("--key", action="store_true", help="the answers instead of the questions")
    asking.add_argument("-o", "--output", type=Path, metavar="FILE", help=".html, which marks answers, or .md")
    asking.set_defaults(run=worksheet_of_expression)

    checking = of_expression(commands, "check", "check a gradient against what knows no rule", '"x**2/(1 + y)" x=3 y=1')
    checking.add_argument("--order", type=int, choices=[1, 2], default=1, help="2: the second derivatives too (1)")
    checking.add_argument("--rtol", type=float, default=1e-6, help="relative difference that is still right (1e-6)")
    checking.add_argument("--step", type=float, metavar="H", help="one step for all differences, instead of the best")
    checking.add_argument("--seed", type=int, metavar="N", default=0, help="of weights, directions and samples (0)")
    checking.add_argument("--plot", type=Path, metavar="FILE", help="write the curve as a picture: .svg .png or .pdf")
    checking.set_defaults(run=check_expression)
    return top, commands.choices


def of_expression(commands: Any, name: str, does: str, example: str, nargs: Any = None) -> argparse.ArgumentParser:
    """A command that takes an expression and what its names stand for."""
    says, example = f"{does[0].upper()}{does[1:]}.", f"For example: tinygrad-edu {name} {example}"
    made: argparse.ArgumentParser = commands.add_parser(name, help=does, description=says, epilog=example)
    made.add_argument("expression", nargs=nargs, help='such as "tanh(a*b + c)"')
    made.add_argument("names", nargs="*", default=[], metavar="name=value", help="a number, 1/3, or a list: x=[1,2]")
    return made


def of_picture(command: argparse.ArgumentParser) -> None:
    """The options of both kinds of pictures."""
    command.add_argument("--model", choices=MODELS, help="one step of an example model, instead of an expression")
    command.add_argument("--direction", metavar="LR|TB|RL|BT", help="from left to right, from top to bottom, ...")
    command.add_argument("--depth", type=int, metavar="N", help="how many levels of layers are opened, 0 for none")
    command.add_argument("--max-nodes", type=positive, metavar="N", help=f"values, before the graph is folded ({MANY})")


def positive(text: str) -> int:
    """An argument that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def parsed(given: list[str]) -> argparse.Namespace:
    """The command line, read; behind a command that takes an expression, options may stand anywhere."""
    top, commands = parser()
    if not given or given[0] not in WITH_EXPRESSION:
        return top.parse_args(given)
    command: argparse.ArgumentParser = commands[given[0]]
    return command.parse_intermixed_args([spaced(x, i == 0) for i, x in enumerate(given[1:])])


def spaced(argument: str, first: bool) -> str:
    """An expression may begin with a minus; no option begins with a space."""
    option = re.match(r"--$|--\w\w|-[oh]$" if first else r"--$|--\w\w|-[oh]", argument)
    return f" {argument}" if argument.startswith("-") and not option else argument


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 if all went well, 1 after one line that says what did not, 2 for a wrong command.

    A check that fails is 1 as well.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # ∂ is to be read and written in every locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    options = parsed(list(sys.argv[1:] if arguments is None else arguments))
    try:
        return options.run(options) or 0
    except (*ERRORS, ImportError) as error:
        print(f"tinygrad-edu: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
