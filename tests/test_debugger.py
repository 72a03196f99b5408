"""The step debugger: whole sessions as a learner sees them, each command, each slip, and the gradients it leaves."""

import io
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_edu import ops
from tinygrad_edu.debugger import SHORT, Debugger
from tinygrad_edu.expressions import assignments, evaluate

ROOT = Path(__file__).parent.parent
EXPRESSION = ("a*b + a", "a=2", "b=-3")


def debugger(expression, *inputs, typed=()):
    """A debugger of an expression, with these lines before it."""
    stdin = io.StringIO("".join(f"{line}\n" for line in typed))
    return Debugger(evaluate(expression, assignments(inputs)), expression, stdin, io.StringIO())


def session(*typed, of=EXPRESSION):
    """What a session of these lines shows, from the first prompt on."""
    dialogue = debugger(*of, typed=typed)
    dialogue.cmdloop()
    shown = dialogue.stdout.getvalue()
    assert "Traceback" not in shown
    return shown[shown.index("(0/") :]


def answers(*typed, of=EXPRESSION):
    """What each line is answered with, without the prompts."""
    return [
        part.partition("\n")[2].rstrip("\n") for part in re.split(r"^\(\d+/\d+\) ", session(*typed, of=of), flags=re.M)
    ][1:-1]


# Sessions. ------------------------------------------------------------------------------------------------------------


def test_a_session_from_end_to_end():
    dialogue = debugger(*EXPRESSION, typed=["n", "", "n 3", "state", "run a", "b", "run", "n", "q"])
    dialogue.cmdloop()
    assert (
        dialogue.stdout.getvalue()
        == """\
L = a*b + a
  a  = 2
  b  = -3
7 steps: 2 forward, the seed ∂L/∂L, 4 back. n takes the next one, help lists the commands.
next  v1 = a·b
(0/7) n
   1  v1 = a·b = 2·(-3) = -6
next  L = v1 + a
(1/7)
   2  L = v1 + a = -6 + 2 = -4
next  ∂L/∂L
(2/7) n 3
   3  ∂L/∂L = 1
   4  ∂L/∂v1 += ∂L/∂L = 1
   5  ∂L/∂a += ∂L/∂L = 1
next  ∂L/∂a += ∂L/∂v1·b
(5/7) state
      value  gradient
  a   2      1 so far
  b   -3     —
  v1  -6     1
  L   -4     1
(5/7) run a
   6  ∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3; so far 1 - 3 = -2, complete
next  ∂L/∂b += ∂L/∂v1·a
(6/7) b
   5  ∂L/∂a += ∂L/∂L = 1
next  ∂L/∂a += ∂L/∂v1·b
(5/7) run
   7  ∂L/∂b += ∂L/∂v1·a = 1·2 = 2
end   ∂L/∂a = -2, ∂L/∂b = 2
(7/7) n
This is the end: b takes a step back, reset goes to the beginning.
(7/7) q
""".replace("(1/7)\n", "(1/7) \n")
    )


def test_a_session_of_predictions():
    assert (
        session("predict", "-6", "-4", "", "1", "n", "2", "3", "state", "predict off", "n", "q")
        == """\
(0/7) predict
Type the number, or an empty line to see it; predict off ends the questions.
(0/7) v1 = a·b = ? -6
Right, 1 of 1.
   1  v1 = a·b = 2·(-3) = -6
(1/7) L = v1 + a = ? -4
Right, 2 of 2.
   2  L = v1 + a = -6 + 2 = -4
(2/7) ∂L/∂L = ?
   3  ∂L/∂L = 1
(3/7) ∂L/∂v1 += ∂L/∂L = ? 1
Right, 3 of 3.
   4  ∂L/∂v1 += ∂L/∂L = 1
(4/7) ∂L/∂a += ∂L/∂L = ? n
Type the number, or an empty line to see it; predict off ends the questions.
(4/7) ∂L/∂a += ∂L/∂L = ? 2
Wrong, 3 of 4.
   5  ∂L/∂a += ∂L/∂L = 1
(5/7) ∂L/∂a += ∂L/∂v1·b = ? 3
Wrong, 3 of 5. It is only the sign.
   6  ∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3; so far 1 - 3 = -2, complete
(6/7) ∂L/∂b += ∂L/∂v1·a = ? state
      value  gradient
  a   2      -2
  b   -3     —
  v1  -6     1
  L   -4     1
(6/7) ∂L/∂b += ∂L/∂v1·a = ? predict off
3 of 5 right.
(6/7) n
   7  ∂L/∂b += ∂L/∂v1·a = 1·2 = 2
end   ∂L/∂a = -2, ∂L/∂b = 2
(7/7) q
3 of 5 right.
""".replace("(2/7) ∂L/∂L = ?\n", "(2/7) ∂L/∂L = ? \n")
    )


@pytest.mark.parametrize("typed", [["q"], ["quit"], ["exit"], ["EOF"], []])
def test_a_session_ends(typed):
    assert session(*typed).count("(0/7)") == 1


def test_an_input_alone_has_one_step():
    dialogue = debugger("a", "a=2", typed=["n", "n"])
    dialogue.cmdloop()
    assert dialogue.stdout.getvalue().splitlines()[2:] == [
        "1 step: 0 forward, the seed ∂a/∂a, 0 back. n takes the next one, help lists the commands.",
        "next  ∂a/∂a", "(0/1) n", "   1  ∂a/∂a = 1", "end   ∂a/∂a = 1",
        "(1/1) n", "This is the end: b takes a step back, reset goes to the beginning.", "(1/1) ",
    ]  # fmt: skip


def test_of_arrays_a_few_numbers_are_shown_and_of_many_the_extremes():
    of = ("sum(x*y) + sum(w)", "x=[1, 2]", "y=3", "w=[[1,2,3,4],[5,6,7,8]]")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in answers("run", "state", of=of)[1].splitlines()}
    assert rows["x"] == "[1, 2] [3, 3]"
    assert rows["y"] == "3 3"
    assert rows["w"] == "(2, 4) min 1 mean 4.5 max 8 (2, 4) min 1 mean 1 max 1"


def test_no_line_of_its_own_is_wider_than_a_hundred_columns():
    of = (f"({'a + ' * 100}b)*x0", "a=1", "b=2", "x0=3")
    dialogue = debugger(*of, typed=["help", "list", "run", "state", "names", "what", "predict", "n", "goto x"])
    dialogue.cmdloop()
    assert max(map(len, dialogue.stdout.getvalue().splitlines())) <= 100
    assert dialogue.stdout.getvalue().splitlines()[0].endswith("a + a …")


# Going about. ---------------------------------------------------------------------------------------------------------


def position(*typed, of=EXPRESSION):
    """Where the walk is after these lines."""
    return int(re.findall(r"^\((\d+)/", session(*typed, of=of), flags=re.M)[-1])


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        (["n"], 1), (["next"], 1), (["n 3"], 3), (["next 100"], 7), ([""], 1), (["n 2", ""], 4), (["n 2", "", ""], 6),
        (["n 5", "b"], 4), (["n 5", "back 2"], 3), (["n 5", "b 2", ""], 1), (["n 5", "b", "", ""], 2), (["b"], 0),
        (["n 3", "b 100"], 0), (["goto 4"], 4), (["goto 0"], 0), (["goto 7"], 7), (["n", "state", ""], 2),
        (["run"], 7), (["r"], 7), (["run a"], 6), (["run b"], 7), (["run v1"], 4), (["run L"], 3), (["run ∂L/∂a"], 6),
        (["run", "run v1"], 4), (["n 5", "reset"], 0), (["n 5", "reset", "n"], 1), (["n 5", "again a=3"], 0),
        (["n 5", "why a"], 5), (["n 5", "paths a"], 5), (["n 5", "explain"], 5), (["n 5", "draw"], 5),
        (["predict", "n"], 0), (["predict", "n", "1", ""], 2), (["predict", "goto 3", "b"], 2), (["predict", "x"], 0),
        (["predict", "n", "predict off", "n"], 1), (["predict on", "run a"], 6),
    ],
)  # fmt: skip
def test_a_command_leads_there(typed, there):
    assert position(*typed) == there


PROGRAMS = [
    EXPRESSION, ("a", "a=2"), ("tanh(a*b + c)", "a=2", "b=-3", "c=6.5"), ("a*a*a", "a=1/3"), ("-a", "a=2"),
    ("mean((x @ w - y)**2)", "x=[[1,2],[3,4]]", "w=[1,-1]", "y=0.5"),
    ("log(a)/b", "a=0", "b=0"), ("sum(sign(x)*x)", "x=[0,1,-2]"),
]  # fmt: skip


WAYS = [
    ["run"], ["n 1000"], ["predict", *[""] * 20], ["n 3", "why {}", "explain", "paths {}", "run"],
    ["goto 2", "b", "reset", "n 2", "run {}", "run"],
]  # fmt: skip


@pytest.mark.parametrize("of", PROGRAMS, ids=lambda of: of[0])
@pytest.mark.parametrize("typed", WAYS, ids=lambda typed: typed[0])
def test_the_end_leaves_what_backward_leaves(of, typed):
    name = of[1].partition("=")[0]
    dialogue = debugger(*of, typed=[line.format(name) for line in typed])
    dialogue.cmdloop()
    values = assignments(of[1:])
    evaluate(of[0], values).backward()
    for name, value in values.items():
        found = dialogue.names.find(name).grad
        assert type(found) is type(value.grad)
        assert np.array_equal(found, value.grad)


def test_what_is_asked_on_the_way_changes_no_gradient():
    for question in ("why a", "paths a", "explain", "explain zz", "state", "list", "names", "draw", "help", "history"):
        dialogue = debugger(*EXPRESSION, typed=["n 5", question])
        dialogue.cmdloop()
        assert {name: x.grad for name, x in dialogue.values()} == {"a": 1, "b": None, "v1": 1, "L": 1}


# Looking. -------------------------------------------------------------------------------------------------------------


def test_the_list_marks_the_next_step_and_shows_the_numbers_of_the_past_alone():
    assert answers("list", "n 3", "l", "run", "list")[::2] == [
        """\
->   1  v1 = a·b
     2  L = v1 + a
     3  ∂L/∂L
     4  ∂L/∂v1 += ∂L/∂L
     5  ∂L/∂a += ∂L/∂L
     6  ∂L/∂a += ∂L/∂v1·b
     7  ∂L/∂b += ∂L/∂v1·a""",
        """\
     1  v1 = a·b = 2·(-3) = -6
     2  L = v1 + a = -6 + 2 = -4
     3  ∂L/∂L = 1
->   4  ∂L/∂v1 += ∂L/∂L
     5  ∂L/∂a += ∂L/∂L
     6  ∂L/∂a += ∂L/∂v1·b
     7  ∂L/∂b += ∂L/∂v1·a""",
        """\
     1  v1 = a·b = 2·(-3) = -6
     2  L = v1 + a = -6 + 2 = -4
     3  ∂L/∂L = 1
     4  ∂L/∂v1 += ∂L/∂L = 1
     5  ∂L/∂a += ∂L/∂L = 1
     6  ∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3; so far 1 - 3 = -2
     7  ∂L/∂b += ∂L/∂v1·a = 1·2 = 2""",
    ]


def test_of_many_steps_those_around_are_listed():
    lines = answers("goto 10", "list", of=("a" + " + a" * 10, "a=1"))[1].splitlines()
    assert [line.split()[0] for line in lines] == ["…", *map(str, range(3, 11)), "->", *map(str, range(12, 19)), "…"]
    assert (lines[0].split(), lines[-1].split()) == (["…", "2", "more"], ["…", "13", "more"])


def test_the_state_shows_what_has_not_arrived_as_a_dash():
    blank, first, values, *_, last = answers("state", "n", "state", "n", "grads", "run", "state")[::2]
    assert [line.split() for line in blank.splitlines()] == [
        ["value", "gradient"], ["a", "2", "—"], ["b", "-3", "—"], ["v1", "—", "—"], ["L", "—", "—"],
    ]  # fmt: skip
    assert first.splitlines()[3:] == ["  v1  -6     —", "  L   —      —"]
    assert values.splitlines()[3:] == ["  v1  -6     —", "  L   -4     —"]
    assert last.splitlines()[1:] == ["  a   2      -2", "  b   -3     2", "  v1  -6     1", "  L   -4     1"]


def test_a_gradient_of_zero_is_zero_and_one_that_never_comes_a_dash():
    a, b, c = assignments(["a=2", "b=-3", "c=1"]).values()
    dialogue = Debugger(
        ops.where(c, ops.maximum(a, b), b), "", io.StringIO("run\nstate\nrun c\nwhy c\npaths c\n"), io.StringIO()
    )
    dialogue.cmdloop()
    lines = dialogue.stdout.getvalue().splitlines()
    state = [line.split() for line in lines if line.startswith("  ") and "=" not in line]
    assert [row for row in state if row[0] in "abc"] == [["a", "2", "1"], ["b", "-3", "0"], ["c", "1", "—"]]
    assert sum("leads from L to c" in line for line in lines) == 3


def test_names_and_what_they_stand_for():
    assert answers("names") == ["  a   = 2\n  b   = -3\n  v1  = a·b\n  L   = v1 + a"]
    assert answers("names", of=("L*v1", "L=2", "v1=3")) == ["  L   = 2\n  v1  = 3\n  v2  = L·v1"]


def test_why_and_paths_tell_the_whole_sum_wherever_the_walk_is():
    for before in ("reset", "n 5", "run"):
        why, paths = answers(before, "why a", "paths ∂L/∂a")[1:]
        assert why.splitlines()[0] == "∂L/∂a = -2, the sum of 2 contributions"
        assert "1·(-3) = -3" in why
        assert paths.splitlines()[0].startswith("∂L/∂a: 2 paths")
        assert paths.splitlines()[-1].split() == ["sum", "-2"]


def test_explain_tells_the_same_wherever_the_walk_is():
    for before in ("reset", "n 5", "run"):
        text, latex = answers(before, "explain", "explain latex")[1:]
        assert text.splitlines()[0] == "Given a = 2, b = -3"
        assert text.splitlines()[-1] == "Gradients: ∂L/∂a = -2, ∂L/∂b = 2"
        assert text.count("so far") == 1
        assert r"\frac{\partial L}{\partial a}" in latex


def test_draw_shows_this_moment_and_saves(tmp_path):
    tree, wrote = answers("n 5", "draw", f"draw {tmp_path / 'my graph.gv'}")[1:]
    assert tree.splitlines()[:3] == ["L = -4, grad 1 ← +", "├─ v1 = -6, grad 1 ← ×", "│  ├─ a = 2, grad 1"]
    assert wrote == f"wrote {tmp_path / 'my graph.gv'}"
    assert (tmp_path / "my graph.gv").read_text("utf-8").startswith("digraph")


def test_again_begins_on_other_inputs():
    first, *_ = answers("again a=3.0 b = 1/2")
    assert first.splitlines() == [
        "L = a*b + a", "  a  = 3", "  b  = 1/2",
        "7 steps: 2 forward, the seed ∂L/∂L, 4 back. n takes the next one, help lists the commands.", "next  v1 = a·b",
    ]  # fmt: skip
    assert answers("run", "again a=10", "run", "again b=1", "run")[2::2] == [
        "   7  ∂L/∂b += ∂L/∂v1·a = 1·10 = 10\nend   ∂L/∂a = -2, ∂L/∂b = 10",
        "   7  ∂L/∂b += ∂L/∂v1·a = 1·10 = 10\nend   ∂L/∂a = 2, ∂L/∂b = 10",
    ]
    assert answers("again x=[3, 4]  y=2", "run", of=("sum(x*y)", "x=[1,2]", "y=1"))[1].splitlines()[-1] == (
        "end   ∂L/∂x = [2, 2], ∂L/∂y = 7"
    )
    assert answers("again") == ["  again NAME=VALUE ...  begin again on other inputs, as in again a=3.0 b=1"]


def test_fractions_stay_exact():
    assert answers("again a=1/3 b=3", "run", "state")[2].splitlines()[1:] == [
        "  a   1/3    4", "  b   3      1/3", "  v1  1      1", "  L   4/3    1",
    ]  # fmt: skip
    right = answers("goto 3", "predict", "1/3", "0.3333", of=("a*a/2", "a=1/3"))
    assert right[2] == "Wrong, 0 of 1.\n   4  ∂L/∂v1 += (∂L/∂L)/2 = 1/2"


# Predicting. ----------------------------------------------------------------------------------------------------------

SLOPE = ("tanh(a)", "a=0.5")  # 1 - tanh(0.5)**2 = 0.78645


@pytest.mark.parametrize(
    "answer", ["0.786", "0.7864", "0.79", "0.8", ".8", "+0.79", "7.9e-1", "0.786447733", " 0.79 ", "0,79"]
)
def test_a_prediction_is_right_within_the_digits_that_were_typed(answer):
    assert answers("goto 2", "predict", answer, of=SLOPE)[2] == (
        "Right, 1 of 1.\n   3  ∂L/∂a += ∂L/∂L·(1 - L²) = 1·(1 - 0.4621²) = 0.7864\nend   ∂L/∂a = 0.7864"
    )


@pytest.mark.parametrize("answer", ["0.787", "0.7865", "0.78", "0.7", "1", "0", "0.79644", "78.6", "11/14", "[0.79]"])
def test_a_wrong_prediction_shows_the_numbers_put_in_and_what_it_was(answer):
    assert answers("goto 2", "predict", answer, of=SLOPE)[2] == (
        "Wrong, 0 of 1.\n   3  ∂L/∂a += ∂L/∂L·(1 - L²) = 1·(1 - 0.4621²) = 0.7864\nend   ∂L/∂a = 0.7864"
    )


@pytest.mark.parametrize(("answer", "verdict"), [
    ("-3", "Right, 1 of 1."), ("−3", "Right, 1 of 1."), ("-6/2", "Right, 1 of 1."), ("-3.0", "Right, 1 of 1."),
    ("3", "Wrong, 0 of 1. It is only the sign."),
    ("-2", "Wrong, 0 of 1. That is the sum so far; asked is what this step adds."),
    ("7", "Wrong, 0 of 1."),
])  # fmt: skip
def test_the_usual_slips_are_named(answer, verdict):
    assert answers("goto 5", "predict", answer)[2].splitlines()[0] == verdict


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("0.7.9", "Your number: '0.7.9' is not a number: write it as "),
        ("1/0", "Your number: '1/0' is not a number: write it as "),
        ("-inf", "Your number: '-inf' is not a number: write it as "),
        ("+a", "Your number: '+a' is not a number: write it as "),
        ("[0.79", "Your number: '[0.79' is not a number: write it as "),
        ("[0.79, a]", "Your number: 'a' is not a number: write it as "),
        ('["0.79"]', "Your number: "),
        ("[[0.79], [1, 2]]", "Your number: the rows of "),
        ("[" * 5000 + "]" * 5000, ""),
        ("²", "'²' is neither a number nor a command. help lists the commands."),
        ("six", "'six' is neither a number nor a command. help lists the commands."),
        ("nxt", "'nxt' is neither a number nor a command: did you mean next? help lists the commands."),
    ],
    ids=lambda text: text[:9],
)
def test_what_is_no_number_is_said_and_asked_again(answer, says):
    said = answers("goto 2", "predict", answer, of=SLOPE)[2]
    assert said.startswith(says)
    assert said.count("\n") == 0
    assert position("goto 2", "predict", answer, of=SLOPE) == 2


def test_arrays_are_predicted_number_by_number():
    of = ("sum(x*x)", "x=[1.5, 2]")
    verdicts = [said.splitlines()[0] for said in answers(
        "predict", "[2.25, 4]", "", "", "[1,1]", "[1.5, 3]", "[1.5, 2.0]", of=of)[1:]]  # fmt: skip
    assert verdicts[0] == "Right, 1 of 1."
    assert verdicts[3:] == ["Right, 2 of 2.", "Wrong, 2 of 3.", "Right, 3 of 4."]
    assert answers("predict", "3", "[[1, 2]]", of=of)[1].startswith("Wrong, 0 of 1.")


def test_the_score_goes_on_and_what_was_only_shown_does_not_count():
    assert answers("predict", "-6", "", "9", "predict off", "predict off")[-2:] == ["1 of 2 right."] * 2
    assert answers("run", "predict", "5")[1:] == [
        "end   ∂L/∂a = -2, ∂L/∂b = 2", "'5' is no command. help lists the commands.",
    ]  # fmt: skip


# Slips. ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("fly", "'fly' is no command. help lists the commands."),
        ("nex", "'nex' is no command: did you mean next? help lists the commands."),
        ("path a", "'path' is no command: did you mean paths? help lists the commands."),
        ("5", "'5' is no command. help lists the commands."),
        ("!ls", "'!ls' is no command. help lists the commands."),
        ("'", '"\'" is no command. help lists the commands.'),
        ("∂L/∂a", "'∂L/∂a' is no command. help lists the commands."),
        ("\x1b[2J", "'\\x1b[2J' is no command. help lists the commands."),
        ("n x", "'x' is not a whole number of at least 1."),
        ("n 0", "'0' is not a whole number of at least 1."),
        ("b -1", "'-1' is not a whole number of at least 1."),
        ("n 1.5", "'1.5' is not a whole number of at least 1."),
        ("n ²", "'²' is not a whole number of at least 1."),
        ("goto x", "'x' is not a whole number of at least 0."),
        ("goto 99", "The walk has 7 steps: there is no position 99."),
        ("goto " + "9" * 5000, "'999999999"),
        ("run z", "There is no 'z' in this graph; there are a, b, v1, L."),
        ("why", "Of which one? There are a, b, v1, L."),
        ("why z", "There is no 'z' in this graph; there are a, b, v1, L."),
        ("paths", "Of which one? There are a, b, v1, L."),
        ("paths z", "There is no 'z' in this graph; there are a, b, v1, L."),
        ("explain pdf", "The format is one of text, markdown, latex, html, not 'pdf'."),
        ("draw g.foo", "A drawing is saved as .svg, .png, .pdf, .gv, .dot, .mmd, .txt: 'g.foo' is none of these."),
        ("draw nowhere/g.gv", "There is no folder 'nowhere' for 'g.gv': make it first."),
        ("predict maybe", "predict is on or off, not 'maybe'."),
        ("again a", "'a' is not of the form name=value."),
        ("again a=b", "The value of a must be a number or a list, not 'b'."),
        ("again a=open('harm','w')", "The value of a must be a number or a list, not "),
        ("again z=1", "There is no 'z' in this graph; there are a, b, v1, L."),
        ("again a=1 a=2", "'a' was given a value twice."),
        ("again v1=1", "v1 is the result of multiply: only an input that is a Value can be changed."),
        ("again a=[1,2]", "a has shape (), not (2,): again changes numbers, not shapes."),
        ("help fly", "'fly' is no command. help lists the commands."),
    ],
    ids=lambda text: ascii(text)[1:24],
)  # fmt: skip
def test_a_slip_is_one_line_and_the_session_goes_on(typed, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = answers("n 2", typed, "n")
    assert said[1].startswith(says)
    assert said[1].count("\n") == 0
    assert said[2].startswith("   3  ∂L/∂L = 1\n")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_typed_there_is_no_traceback(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(seed)
    words = [
        *SHORT,
        *debugger(*EXPRESSION).commands(),
        "",
        "a",
        "v1",
        "L",
        "a=3",
        "b=1/3",
        "7",
        "-6",
        "1.5",
        "on",
        "off",
        "∂",
        "[",
    ]
    words = [word for word in words if word not in ("q", "quit", "exit")]
    typed = [" ".join(random.choice(words, random.integers(1, 4))) for _ in range(200)]
    dialogue = debugger(*EXPRESSION, typed=typed)
    dialogue.cmdloop()
    assert len([line for line in typed if line.strip()]) == len(dialogue.typed)
    assert 0 <= dialogue.walk.position <= len(dialogue.walk)


# About the dialogue. --------------------------------------------------------------------------------------------------


def test_help_has_a_line_for_each_command():
    (text,) = answers("help")
    commands = debugger(*EXPRESSION).commands()
    assert len(text.splitlines()) == len(commands)
    for line, command in zip(text.splitlines(), commands, strict=True):
        before, _, says = re.match(r"  (.*?)(  +)(\S.*)$", line).groups()
        assert command in before
        assert says
        assert answers(f"help {command}") == [f"  {before}  {says}"]
    for short, command in SHORT.items():
        if short != "exit":
            assert re.search(rf"\b{short}\b", answers(f"help {command}")[0].strip().split("  ")[0])
        assert answers(f"help {short}") == answers(f"help {command}")
    assert answers("h") == answers("?") == [text]


def test_the_history_is_what_was_typed():
    assert answers("n", "", "fly", "history")[-1].split("\n") == ["   1  n", "   2  fly", "   3  history"]


def test_names_and_commands_are_completed():
    dialogue = debugger("alpha*beta", "alpha=1", "beta=2")
    assert dialogue.completenames("pr") == ["predict"]
    assert dialogue.completenames("re") == ["reset"]
    assert dialogue.completedefault("al", "why al", 4, 6) == ["alpha"]
    assert dialogue.completedefault("", "run ", 4, 4) == ["alpha", "beta", "L"]
    assert dialogue.completedefault("b", "again b", 6, 7) == ["beta"]
    assert dialogue.completedefault("ht", "explain ht", 8, 10) == ["html"]
    assert dialogue.completedefault("st", "help st", 5, 7) == ["state"]
    assert dialogue.completedefault("o", "predict o", 8, 9) == ["on", "off"]


class Interrupted(io.StringIO):
    """A person who presses Ctrl-C before the second line."""

    lines = 0

    def readline(self, *size):
        self.lines += 1
        if self.lines == 2:
            raise KeyboardInterrupt
        return super().readline(*size)


def test_control_c_gives_up_the_line_and_not_the_session():
    dialogue = Debugger(evaluate("a*a", assignments(["a=2"])), "a*a", Interrupted("n\nn\n"), io.StringIO())
    dialogue.cmdloop()
    shown = dialogue.stdout.getvalue()
    assert shown.count("n takes the next one") == 1
    assert "(1/4) \nq, or Ctrl-D, leaves.\n(1/4) n\n   2  ∂L/∂L = 1\n" in shown


def test_the_sum_of_an_array_can_be_stepped_through():
    loss = ops.sum(evaluate("x*2", assignments(["x=[1, 2]"])))
    dialogue = Debugger(loss, "sum(x*2)", io.StringIO("run\n"), io.StringIO())
    dialogue.cmdloop()
    assert "end   ∂L/∂x = [2, 2]\n" in dialogue.stdout.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of its own")
def test_in_a_terminal_tab_completes_and_control_d_leaves(tmp_path):
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-m", "tinygrad_edu", "step", "a*alpha", "a=2", "alpha=-3"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
        "HOME": str(tmp_path),
    }
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True)
    os.close(slave)
    shown = b""

    def until(text):
        nonlocal shown
        while text not in shown and select.select([master], [], [], 60)[0]:
            shown += os.read(master, 4096)

    try:
        for position, typed in enumerate([b"n\n", b"\n", b"run alp\t\n", b"n\n"]):
            until(b"(%d/4) " % (position + (position == 3)))
            os.write(master, typed)
        until(b"This is the end")
        assert "∂L/∂alpha += ∂L/∂L·a = 1·2 = 2" in shown.decode()
        shown = shown[shown.index(b"This is the end") :]
        until(b"(4/4) ")  # before the prompt, the terminal would read Ctrl-D in its own way
        os.write(master, b"\x04")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert [*tmp_path.iterdir()] == []
