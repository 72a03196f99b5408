"""The step debugger of the backward pass: `tinygrad-edu step EXPR name=value ...`, a dialogue line by line."""

from __future__ import annotations

import cmd
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

import numpy as np

from .drawing import draw
from .expressions import assignments
from .teaching import Walk, explain, paths, walk, why
from .teaching.marking import read
from .value import Value
from .wording import FEW, LONGEST, WIDTH, aligned, extremes, figure, listed

AROUND = 8  # steps that are listed on either side of the position
FORMATS = ("text", "markdown", "latex", "html")
SHORT = {"n": "next", "b": "back", "l": "list", "r": "run", "h": "help", "q": "quit", "exit": "quit", "grads": "state"}
ERRORS = (ValueError, TypeError, IndexError, OSError, RuntimeError, ArithmeticError, MemoryError)


def shown(x: Any) -> str:
    """A number, a few, or of many the shape and the extremes; — for what is not there yet."""
    if x is None:
        return "—"
    if np.size(x) <= FEW:
        return listed(x) if np.ndim(x) else figure(x)
    return " ".join([str(np.shape(x)), *(f"{name} {number}" for name, number in extremes(x).items())])


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as indented lines in columns."""
    return textwrap.indent("\n".join(aligned(rows)), "  ")


def whole(text: str, least: int = 1) -> int:
    """A whole number that was typed behind a command; 1 if nothing was."""
    if not re.fullmatch(r"-?[0-9]{1,9}", text or "1") or int(text or "1") < least:
        raise ValueError(f"{text[:LONGEST]!r} is not a whole number of at least {least}.")
    return int(text or "1")


class Debugger(cmd.Cmd):
    """A dialogue about the backward pass of `loss`, which is the value of the expression `text`.

    Each command is a method `do_...` with a line of help as its docstring; errors are answered in one line.
    """

    def __init__(self, loss: Value, text: str, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = self.stdin is sys.stdin and self.stdin.isatty()
        self.text, self.typed, self.move = " ".join(text.split()), list[str](), "next"
        self.predicting, self.right, self.answered = False, 0, 0
        self.begin(walk(loss))

    def begin(self, walk: Walk) -> None:
        """Be at the beginning of a walk."""
        self.walk, self.names = walk, walk.names
        # the position at which a value has got its number (True), or its gradient the last contribution (False)
        self.arrived = {(step.kind == "forward", step.operand): i for i, step in enumerate(walk.steps, 1)}

    @property
    def asking(self) -> bool:
        """Whether the prompt is a question."""
        return self.predicting and self.walk.position < len(self.walk)

    # -- the dialogue --------------------------------------------------------------------------------------------------

    def cmdloop(self, intro: str | None = None) -> None:
        """Read and answer until somebody quits; Ctrl-C gives up the line, not the session."""
        intro = self.beginning() if intro is None else intro
        while True:
            try:
                return super().cmdloop(intro)
            except KeyboardInterrupt:
                intro = "\nq, or Ctrl-D, leaves."

    def preloop(self) -> None:
        self.postcmd(False, "")

    def precmd(self, line: str) -> str:
        """Keep the line; and show it where nobody saw it typed, because it comes from a file."""
        typed = "" if line == "EOF" else line
        self.typed += [typed] * bool(typed.strip())
        if line == "EOF" or not self.use_rawinput:
            self.say(typed)
        return line

    def postcmd(self, stop: bool, line: str) -> bool:
        """The prompt: the position and, of someone who predicts, the question."""
        question = f"{self.coming(self.walk.position)} = ? " if self.asking else ""
        self.prompt = f"({self.walk.position}/{len(self.walk)}) {question}"
        return stop

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        word, rest, line = super().parseline(line)
        return SHORT.get(word or "", word), rest, line

    def onecmd(self, line: str) -> bool:
        """Do what a line says; what cannot be done is said in one line."""
        try:
            return bool(super().onecmd(line))
        except ERRORS as error:
            self.say(str(error))
            return False

    def emptyline(self) -> bool:
        """The last n or b again; for someone who predicts, the answer."""
        if not self.asking:
            return self.onecmd(self.move)
        self.walk.next()
        self.show()
        return False

    def default(self, line: str) -> None:
        """What is no command: the answer to a question, or a slip."""
        if self.asking and (line[0] in "+-−.[" or line[0].isdecimal()):
            return self.answer(line)
        word, kind = line.split()[0][:LONGEST], "neither a number nor a command" if self.asking else "no command"
        nearest = " or ".join(get_close_matches(word, [*self.commands(), *SHORT], n=2))
        self.say(f"{word!r} is {kind}{f': did you mean {nearest}?' if nearest else '.'} help lists the commands.")

    def say(self, text: str) -> None:
        """Write lines."""
        self.stdout.write(f"{text}\n")

    def commands(self) -> list[str]:
        """The names of the commands."""
        return [name[3:] for name in vars(Debugger) if name.startswith("do_") and name != "do_EOF"]

    def completedefault(self, text: str, line: str, *place: int) -> list[str]:
        """What may stand behind a command."""
        known = {"explain": FORMATS, "help": self.commands(), "predict": ("on", "off")}
        return [name for name in known.get(self.parseline(line)[0] or "", self.names) if name.startswith(text)]

    # -- what is shown -------------------------------------------------------------------------------------------------

    def beginning(self) -> str:
        """The expression, the inputs, how many steps there are, what to type, and the first step."""
        root, kinds = self.names.root, [step.kind for step in self.walk.steps]
        title = self.text if self.text == root else f"{root} = {self.text}"
        title = title if len(title) <= WIDTH else f"{title[: WIDTH - 1]}…"
        inputs = table([name, f"= {shown(x._data)}"] for name, x in self.values() if x.op is None)
        forward, back = kinds.count("forward"), kinds.count("edge")
        steps = f"{len(kinds)} step{'s' * (len(kinds) > 1)}: {forward} forward, the seed ∂{root}/∂{root}, {back} back."
        return f"{title}\n{inputs}\n{steps} n takes the next one, help lists the commands.\n{self.ahead()}"

    def values(self) -> list[tuple[str, Value]]:
        """The values of the graph and their names."""
        return [(name, x) for name, x in self.names.by_name.items() if isinstance(x, Value)]

    def coming(self, i: int) -> str:
        """A step without its numbers."""
        step, sign = self.walk[i], "+=" if self.walk[i].kind == "edge" else "="
        left = step.text().partition(f" {sign} ")[0]
        return left if step.kind == "seed" else f"{left} {sign} {step.formula}"

    def ahead(self) -> str:
        """What comes next: a step, or at the end the gradients of the inputs."""
        if self.walk.position < len(self.walk):
            return f"next  {self.coming(self.walk.position)}"
        ends = [f"∂{self.names.root}/∂{name} = {shown(x.grad)}" for name, x in self.values() if x.op is None]
        return textwrap.fill(f"end   {', '.join(ends)}", WIDTH, subsequent_indent=" " * 6)

    def show(self, first: int | None = None) -> None:
        """The steps that were taken, from the first one given (else the last one), and what comes next."""
        position = self.walk.position
        for i in range(max(position - 1, 0) if first is None else first, position):
            step = self.walk[i]
            last = step.before is not None and self.arrived[False, step.operand] == i + 1
            self.say(f"{i + 1:>4}  {step}{', complete' if last else ''}")
        if not self.asking:
            self.say(self.ahead())

    def told(self, position: int, teach: Callable[..., Any], *arguments: Any) -> None:
        """Say what a function of the library tells of the result when the walk is there; it stays where it is."""
        here = self.walk.position
        self.walk.goto(position)
        try:
            text = str(teach(self.walk.loss, *arguments, names=self.names.by_name))
        finally:
            self.walk.goto(here)
        self.say(text)

    def named(self, text: str) -> Any:
        """What somebody means: by its name, or by that of its gradient."""
        if not text:
            raise ValueError(f"Of which one? There are {', '.join(self.names)}.")
        return self.names.find(text.removeprefix(f"∂{self.names.root}/∂"))

    # -- going about ---------------------------------------------------------------------------------------------------

    def do_next(self, rest: str) -> None:
        """n, next [K]: take the next step, or K steps; an empty line does it again"""
        self.move, here = f"next {whole(rest)}", self.walk.position
        if self.asking:
            self.say("Type the number, or an empty line to see it; predict off ends the questions.")
        elif here == len(self.walk):
            self.say("This is the end: b takes a step back, reset goes to the beginning.")
        else:
            self.walk.goto(min(here + whole(rest), len(self.walk)))
            self.show(here)

    def do_back(self, rest: str) -> None:
        """b, back [K]: take the last step back, or K steps"""
        self.move, here = f"back {whole(rest)}", self.walk.position
        self.walk.goto(max(here - whole(rest), 0))
        self.show() if here else self.say("This is the beginning: n takes a step.")

    def do_goto(self, rest: str) -> None:
        """goto K: go to where K steps are taken"""
        self.walk.goto(whole(rest, least=0))
        self.show()

    def do_run(self, rest: str) -> None:
        """r, run [NAME]: go to where the gradient of a value is complete, or to the end"""
        self.walk.run_to(self.named(rest)) if rest else self.walk.goto(-1)
        self.show()

    def do_reset(self, rest: str) -> None:
        """reset: go to the beginning"""
        self.walk.reset()
        self.show()

    def do_again(self, rest: str) -> None:
        """again NAME=VALUE ...: begin again on other inputs, as in again a=3.0 b=1"""
        if not rest:
            return self.do_help("again")
        changed = assignments(re.split(r"\s+(?=[^\W\d]\w*\s*=)", rest))
        self.begin(self.walk.again({name: x.data for name, x in changed.items()}))
        self.say(self.beginning())

    # -- looking -------------------------------------------------------------------------------------------------------

    def do_list(self, rest: str) -> None:
        """l, list: the steps around this one"""
        here, end = self.walk.position, len(self.walk)
        first, last = max(here - AROUND, 0), min(here + AROUND, end)
        lines = [f"  {i + 1:>4}  {self.walk[i] if i < here else self.coming(i)}" for i in range(first, last)]
        if here < end:
            lines[here - first] = "->" + lines[here - first][2:]
        before, behind = ([f"        … {n} more"] if n else [] for n in (first, end - last))
        self.say("\n".join([*before, *lines, *behind]))

    def do_state(self, rest: str) -> None:
        """state, grads: every value and its gradient as they are now; — has not arrived"""
        rows, here = [["", "value", "gradient"]], self.walk.position
        for name, x in self.values():
            value = x._data if here >= self.arrived.get((True, x), 0) else None
            more = " so far" if x.grad is not None and here < self.arrived.get((False, x), 0) else ""
            rows.append([name, shown(value), shown(x.grad) + more])
        self.say(table(rows))

    def do_names(self, rest: str) -> None:
        """names: the inputs and results, and what they are called"""
        formulas = {step.operand: step.formula for step in self.walk.steps if step.kind == "forward"}
        self.say(table([name, f"= {formulas.get(x) or shown(x._data)}"] for name, x in self.values()))

    def do_why(self, rest: str) -> None:
        """why NAME: the contributions that a gradient is the sum of"""
        self.told(-1, why, self.named(rest))

    def do_paths(self, rest: str) -> None:
        """paths NAME: every path down to a value, and what it gains along each"""
        self.told(0, paths, self.named(rest))

    def do_explain(self, rest: str) -> None:
        """explain [FORMAT]: the whole pass as text, markdown, latex or html"""
        self.told(0, explain, rest or "text")

    def do_draw(self, rest: str) -> None:
        """draw [FILE]: the graph as it is now: as a tree, or saved as .svg, .png, .pdf, .mmd ..."""
        drawing = draw(self.walk)
        self.say(f"wrote {drawing.save(Path(rest).expanduser())}" if rest else drawing.text())

    # -- predicting ----------------------------------------------------------------------------------------------------

    def do_predict(self, rest: str) -> None:
        """predict [on|off]: be asked for each number before it is shown; 0.79 is right for 0.7864"""
        if rest not in ("", "on", "off"):
            raise ValueError(f"predict is on or off, not {rest[:LONGEST]!r}.")
        self.predicting = rest != "off"
        if self.asking:
            self.say("Type the number, or an empty line to see it; predict off ends the questions.")
        else:
            self.say(f"{self.right} of {self.answered} right." if rest == "off" else self.ahead())

    def answer(self, text: str) -> None:
        """Mark the number somebody predicted, take the step, and show it with the numbers put in."""
        given: Any = text.replace("−", "-")
        if re.fullmatch(r"[-+]?[0-9]{1,2}", given):
            given += "/1"  # exact: of a number without decimals, 1 would be right for 0.7864
        elif re.fullmatch(r"\[[^\"\\]*\]", given):
            given = json.loads(re.sub(r"[^][,\s]+", r'"\g<0>"', given))  # each number with the digits it was typed with
        step, answer = self.walk[self.walk.position], read(given, "Your number")
        number = step.contribution if step.kind == "edge" else step.after
        right = answer.agrees(number)
        self.right, self.answered, hint = self.right + right, self.answered + 1, ""
        if not right and step.kind == "edge" and answer.agrees(step.after):
            hint = " That is the sum so far; asked is what this step adds."
        elif not right and answer.agrees(-number):
            hint = " It is only the sign."
        self.say(f"{'Right' if right else 'Wrong'}, {self.right} of {self.answered}.{hint}")
        self.walk.next()
        self.show()

    # -- about the dialogue --------------------------------------------------------------------------------------------

    def do_history(self, rest: str) -> None:
        """history: what was typed"""
        self.say("\n".join(f"{i:>4}  {line}" for i, line in enumerate(self.typed, 1)))

    def do_help(self, arg: str) -> None:
        """h, help [COMMAND]: all commands, or one"""
        word = SHORT.get(arg, arg.partition(" ")[0])
        if word and word not in self.commands():
            return self.default(word)
        lines = [str(getattr(self, f"do_{name}").__doc__) for name in ([word] if word else self.commands())]
        self.say(table(line.split(": ", 1) for line in lines))

    def do_quit(self, rest: str) -> bool:
        """q, quit: leave, as Ctrl-D does"""
        if self.answered:
            self.say(f"{self.right} of {self.answered} right.")
        return True

    do_EOF = do_quit  # noqa: N815 - what cmd.Cmd calls the end of the input
