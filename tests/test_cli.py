"""The command line, and the expressions it reads: every command, every option, every refusal, and the tour."""

import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import webbrowser
from fractions import Fraction
from pathlib import Path
from urllib.request import url2pathname

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, datasets, ops
from tinygrad_edu.cli import main
from tinygrad_edu.expressions import ExpressionError, assignment, assignments, evaluate

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder: exit code, what was printed, what was complained."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return command


# draw. ----------------------------------------------------------------------------------------------------------------


def test_draw_prints_the_tree_with_values_and_gradients(run):
    code, out, err = run("draw", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5")
    assert (code, err) == (0, "")
    y = math.tanh(0.5)
    assert out.splitlines()[0] == f"result = {y:.4g}, grad 1 ← tanh"
    for label, number, slope in (("a", "2", -3), ("b", "-3", 2), ("c", "6.5", 1)):
        assert f"{label} = {number}, grad {slope * (1 - y**2):.4g}" in out


def test_draw_of_an_array_starts_from_the_sum(run):
    code, out, _ = run("draw", "x * w", "x=[1, 2, 3]", "w=2")
    assert code == 0
    assert "x = (3,) float64 [1, 2, 3], grad [2, 2, 2]" in out
    assert "w = 2, grad 6" in out


def test_draw_takes_the_options_of_draw(run):
    code, out, _ = run("draw", "(a*b + c)*a", "a=2", "b=-3", "c=6.5", "--only", "b")
    assert (code, out.count(" = ")) == (0, 4)
    assert "c = " not in out
    code, out, _ = run("draw", "a*b + a", "a=2", "b=-3", "--step", "1", "-o", "g.txt")
    assert (code, out) == (0, "wrote g.txt\n")
    assert "result = ?" in Path("g.txt").read_text("utf-8")
    run("draw", "a*b + a", "a=2", "b=-3", "--no-edges", "-o", "plain.gv")
    run("draw", "a*b + a", "a=2", "b=-3", "-o", "told.gv")
    assert "b = -3" in Path("told.gv").read_text("utf-8")
    assert "b = -3" not in Path("plain.gv").read_text("utf-8")
    code, out, _ = run("draw", "mean(X @ W)", "X=[[1, 2], [3, 4]]", "W=[[1], [0.5]]", "--element", "v1[1,0]")
    assert (code, "v1[1, 0] = 5, grad 0.5" in out) == (0, True)
    code, out, _ = run("draw", "mean(x)", "x=[1, 2]", "--rows")
    assert (code, "← sum" in out) == (0, True)


def test_draw_and_film_of_the_example_models(run):
    code, out, _ = run("draw", "--model", "xor", "--depth", "0")
    assert (code, "← sequential" in out) == (0, True)
    code, out, _ = run("draw", "--model", "mnist", "--depth", "1")
    assert (code, "← dense1" in out, "(64, 784)" in out) == (0, True, True)
    assert run("film", "--model", "xor", "-o", "xor.html")[:2] == (0, "wrote xor.html\n")
    assert "dense1.weight" in Path("xor.html").read_text("utf-8")


def test_film_writes_a_page_or_a_picture_and_opens_it(run, monkeypatch):
    shown = []
    monkeypatch.setattr(webbrowser, "open", lambda address: shown.append(address) or True)
    assert run("film", "tanh(a*b)", "a=2", "b=-3", "--open")[:2] == (0, "wrote film.html\n")
    assert shown == [Path("film.html").resolve().as_uri()]
    assert run("film", "sum(x * x)", "x=[1, 2]", "-o", "film.svg")[:2] == (0, "wrote film.svg\n")
    assert "<script" not in Path("film.svg").read_text("utf-8")
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("draw",), "Write an expression"),
        (("film",), "Write an expression"),
        (("draw", "a*b", "a=2", "b=3", "--model", "xor"), "Write an expression"),
        (("draw", "--model", "xor", "--only", "zz"), "There is no 'zz' in this graph; there are"),
        (("draw", "a*b", "a=2", "b=3", "--step", "9"), "The walk has 4 steps: step is from 0 to 4, not 9."),
        (("draw", "a*b", "a=2", "b=3", "--depth", "-1"), "depth is at least 0, not -1."),
        (("draw", "a*b", "a=2", "b=3", "--direction", "up"), "direction is one of LR, TB, RL, BT, not 'up'."),
        (("draw", "a*b", "a=2", "b=3", "--element", "a[0]"), "a was not computed from anything"),
        (("film", "a*b", "a=2", "b=3", "--direction", "up"), "direction is one of LR, TB, RL, BT, not 'up'."),
        (("film", "a*b", "a=2", "b=3", "-o", "f.mp4"), "A film is saved as"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(arguments, says, run, tmp_path):
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tinygrad-edu: {says}")
    assert [*tmp_path.iterdir()] == []


def test_draw_of_a_name_alone(run):
    assert run("draw", "a", "a=2")[:2] == (0, "a = 2, grad 1\n")


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("g.svg", b"<"), ("g.png", b"\x89PNG"), ("g.gv", b"digraph"), ("g.dot", b"digraph"), ("g.txt", b"result = 6")],
)
def test_draw_saves_in_the_format_of_the_suffix_and_says_where(run, name, beginning, tmp_path):
    (tmp_path / "sub").mkdir()
    code, out, err = run("draw", "a*b", "a=2", "b=3", "-o", f"sub/{name}")
    assert (code, out, err) == (0, f"wrote {Path('sub') / name}\n", "")
    assert (tmp_path / "sub" / name).read_bytes().startswith(beginning)


@pytest.mark.parametrize("where", [("-o", "g.gv", "a*b", "a=2", "b=3"), ("a*b", "a=2", "b=3", "--output", "g.gv")])
def test_the_output_may_stand_first_or_last(run, where, tmp_path):
    assert run("draw", *where)[0] == 0
    assert (tmp_path / "g.gv").exists()


@pytest.mark.parametrize("expression", ["-a", "-a*b", "-(a + b)"])
def test_an_expression_may_begin_with_a_minus(run, expression):
    code, out, err = run("draw", expression, "a=2", *["b=3"] * ("b" in expression))
    assert (code, err) == (0, "")
    assert "a = 2, grad" in out


# source. --------------------------------------------------------------------------------------------------------------


def test_source_prints_or_writes_a_program(run):
    code, out, err = run("source", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5")
    assert (code, err) == (0, "")
    assert "    result = math.tanh(v1)\n" in out
    assert run("source", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5", "-o", "f.py")[:2] == (0, "wrote f.py\n")
    assert Path("f.py").read_text("utf-8") == out
    space = {}
    exec(out, space)
    y = math.tanh(0.5)
    value, (d_a, d_b, d_c) = space["loss_and_gradients"](2.0, -3.0, 6.5)
    assert (value, d_a, d_b, d_c) == pytest.approx((y, -3 * (1 - y**2), 2 * (1 - y**2), 1 - y**2))


def test_source_of_an_array_is_that_of_its_sum_and_of_a_model_that_of_its_loss(run):
    code, out, _ = run("source", "-x * w", "x=[1, 2]", "w=2")
    assert (code, "np.sum(" in out) == (0, True)
    code, out, _ = run("source", "--model", "xor")
    assert (code, "def loss_and_gradients(X, dense1_weight" in out, "# (4, 4), dense1" in out) == (0, True, True)


def test_source_for_pytorch(run):
    code, out, _ = run("source", "exp(a)", "a=2", "--style", "torch")
    assert (code, "torch.exp(a)" in out, "torch.autograd.grad(result, leaves)" in out) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("source",), "Write an expression"),
        (("source", "a*b", "a=2", "b=3", "--style", "jax"), "The style is one of numpy, torch, not 'jax'."),
        (("source", "a*b", "a=2", "b=3", "-o", "nowhere/f.py"), "There is no folder 'nowhere'"),
        (("source", "a*b", "a=2", "b=3", "c=4"), "'c' does not stand in 'a*b'"),
    ],
)
def test_source_refuses_in_one_line(arguments, says, run):
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tinygrad-edu: {says}")


# step, explain, worksheet. --------------------------------------------------------------------------------------------


@pytest.fixture
def typing(run, monkeypatch):
    """Run a command while somebody types these lines."""

    def command(*arguments, typed=()):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        return run(*arguments)

    return command


def test_step_is_a_dialogue_about_the_expression(typing):
    code, out, err = typing("step", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5", typed=["n 2", "run v1", "q"])
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "L = tanh(a*b + c)", "  a  = 2", "  b  = -3", "  c  = 6.5",
        "9 steps: 3 forward, the seed ∂L/∂L, 5 back. n takes the next one, help lists the commands.",
        "next  v1 = a·b", "(0/9) n 2", "   1  v1 = a·b = 2·(-3) = -6", "   2  v2 = v1 + c = -6 + 6.5 = 0.5",
        "next  L = tanh(v2)", "(2/9) run v1", "   6  ∂L/∂v1 += ∂L/∂v2 = 0.7864", "next  ∂L/∂c += ∂L/∂v2", "(6/9) q",
    ]  # fmt: skip


def test_step_and_explain_begin_at_the_sum_of_an_array(typing):
    out = typing("step", "-x*w", "x=[1, 2]", "w=3", typed=["run"])[1]
    assert out.splitlines()[0] == "L = sum(-x*w)"
    assert "end   ∂L/∂x = [-3, -3], ∂L/∂w = -3" in out
    assert "Gradients: ∂L/∂x = [-3, -3], ∂L/∂w = -3" in typing("explain", "-x*w", "x=[1, 2]", "w=3")[1]


def test_fractions_are_exact(typing):
    assert "Gradients: ∂L/∂a = 1/2, ∂L/∂b = -1/12" in typing("explain", "a/b", "a=1/3", "b=2")[1]
    assert "end   ∂L/∂a = 1/2, ∂L/∂b = -1/12" in typing("step", "a/b", "a=1/3", "b=2", typed=["run"])[1]
    assert "a = 1/3, grad 1/2" in typing("draw", "a/b", "a=1/3", "b=2")[1]
    assert "∂L/∂a = 2, ∂L/∂b = 0.3333" in typing("explain", "a*b", "a=1/3", "b=2")[1].replace("1/3", "0.3333")


def test_explain_prints_in_each_format(run):
    given = ("explain", "a*b + a", "a=2", "b=-3")
    code, out, err = run(*given)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Given a = 2, b = -3"
    assert "∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3 so far 1 - 3 = -2" in [" ".join(line.split()) for line in out.splitlines()]
    assert run(*given, "--format", "text")[1] == out
    for form, part in (("markdown", "**Forward**"), ("latex", r"\begin{align*}"), ("html", "<math")):
        assert part in run(*given, "--format", form)[1]


@pytest.mark.parametrize(
    ("name", "part"),
    [("e.txt", "Given a = 2"), ("e", "Given a = 2"), ("e.md", "**Forward**"), ("e.tex", r"\begin{align*}"),
     ("e.html", "<math"), ("e.HTM", "<math")],
)  # fmt: skip
def test_explain_writes_in_the_format_of_the_suffix(name, part, run, tmp_path):
    assert run("explain", "a*b", "a=2", "b=-3", "-o", name) == (0, f"wrote {name}\n", "")
    assert part in (tmp_path / name).read_text("utf-8")
    assert run("explain", "a*b", "a=2", "b=-3", "-o", name, "--format", "text")[0] == 0
    assert (tmp_path / name).read_text("utf-8").startswith("Given a = 2")


def test_explain_takes_notation_digits_and_an_element(run):
    assert "dL/da += dL/dL·(1 - L²) = 1·(1 - 0.46²) = 0.79" in " ".join(
        run("explain", "tanh(a)", "--notation", "d", "a=0.5", "--digits", "2")[1].split()
    )
    code, out, err = run("explain", "W @ x", "W=[[1,2],[3,4]]", "--element", "W[0, -1]", "x=[5,6]")
    assert (code, err) == (0, "")
    assert "∂L/∂W[0, 1]" in out
    assert "∂L/∂x[1]" in run("explain", "W @ x", "W=[[1,2],[3,4]]", "x=[5,6]", "--element=x[1]")[1]


@pytest.mark.parametrize("opens", [True, False])
def test_explain_opens_the_browser(opens, run, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or opens)
    code, out, err = run("explain", "--open", "a*b", "a=2", "b=3", "-o", "page.html")
    assert (code, err, opened) == (0, "", [(tmp_path / "page.html").as_uri()])
    assert out == "wrote page.html\n" + ("" if opens else "No browser could be opened: open the file yourself.\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run("explain", "a*b", "a=2", "b=3", "--open")[0] == 0
    page = Path(url2pathname(opened[1].removeprefix("file:")))
    assert page.is_relative_to(tmp_path)
    assert "<math" in page.read_text("utf-8")


def test_a_worksheet_of_an_expression_or_of_a_task_made_up(run, tmp_path):
    code, out, err = run("worksheet", "a*b + a", "a=2", "b=-3")
    assert (code, err) == (0, "")
    assert "____" in out
    key = run("worksheet", "a*b + a", "--key", "a=2", "b=-3")[1]
    assert "____" not in key
    assert "= -6" in key
    assert run("worksheet")[1] == run("worksheet", "--seed", 0)[1] != run("worksheet", "--seed", 1)[1]
    assert run("worksheet", "--difficulty", 4, "--digits", 2)[1] != run("worksheet", "--difficulty", 4)[1]
    assert run("worksheet", "x*2", "x=[1,2]")[0] == 0
    assert run("worksheet", "-a", "a=3", "-o", "s.html") == (0, "wrote s.html\n", "")
    assert run("worksheet", "-o", "s.md", "--seed", 3) == (0, "wrote s.md\n", "")
    assert run("worksheet", "-o", "k.md", "--seed", 3, "--key") == (0, "wrote k.md\n", "")
    assert (tmp_path / "s.html").read_text("utf-8").startswith("<!")
    assert (tmp_path / "s.md").read_text("utf-8").strip() == run("worksheet", "--seed", 3)[1].strip()
    assert (tmp_path / "k.md").read_text("utf-8").strip() == run("worksheet", "--seed", 3, "--key")[1].strip()


@pytest.mark.parametrize(
    "given",
    [
        ("draw", "a*b", "-o", "g.gv", "a=2", "b=3"), ("draw", "-o", "g.gv", "-a*b", "a=2", "b=3"),
        ("draw", "a*b", "a=2", "-og.gv", "b=3"), ("draw", "--output=g.gv", "a*b", "a=2", "b=3"),
        ("draw", "-a", "-o", "g.gv", "a=2"), ("draw", "-o*a", "a=2", "-o", "g.gv", "o=3"),
        ("draw", "--a", "a=2", "-o", "g.gv"), ("explain", "--format", "latex", "-a", "a=1", "-og.gv"),
        ("draw", "-o", "g.gv", "--", "-a", "a=2"), ("explain", "-o", "g.gv", "a*b", "a=2", "b=3"),
        ("explain", "a*b", "--digits", "2", "a=2", "-o", "g.gv", "b=3"),
        ("worksheet", "--key", "-o", "g.md", "-a*b", "a=2", "b=3"), ("worksheet", "a*b", "-o", "g.md", "a=2", "b=3"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_options_may_stand_anywhere_and_an_expression_begin_with_a_minus(given, run, tmp_path):
    code, out, err = run(*given)
    (written,) = tmp_path.iterdir()
    assert (code, out, err) == (0, f"wrote {written.name}\n", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("step", "a*b", "a=2"), "'b' has no value; names with a value are a."),
        (("step", "a*b", "a=2", "b"), "'b' is not of the form name=value."),
        (("step", "2*3"), "'2*3' contains no name, so there is nothing to differentiate"),
        (("step", "a*b", "a=1", "b=2", "c=3"), "'c' does not stand in 'a*b': is it misspelt?"),
        (("explain", "alpha*2", "alpha=1", "alhpa=2"), "'alhpa' does not stand in 'alpha*2': is it misspelt?"),
        (("draw", "a", "a=1", "b=2"), "'b' does not stand in 'a': is it misspelt?"),
        (("worksheet", "a*a", "a=1", "b=2"), "'b' does not stand in 'a*a': is it misspelt?"),
        (("explain", "x @ x", "x=2"), "x = 2.0 @ x = 2.0: a single number has no matrix product, write * instead of @"),
        (("explain", "a.data", "a=2"), "'a.data' is not allowed"),
        (("explain", "a", "a=2", "a=3"), "'a' was given a value twice."),
        (("explain", "a*2", "a=1/0"), "The value of a must be a number or a list, not '1/0'."),
        (("explain", "a*2", "a=[1/2]"), "The value of a must be a number or a list, not '[1/2]'."),
        (("explain", "a*2", "a=2", "--format", "pdf"), "The format is one of text, markdown, latex, html, not 'pdf'."),
        (("explain", "a*2", "a=2", "--notation", "D"), "The notation of a gradient is one of ∂, d, bar, δ, not 'D'."),
        (("explain", "a*2", "a=2", "--digits", "-1"), "digits is a whole number from 1 to 17, not -1."),
        (("explain", "a*2", "a=2", "--element", "a"), "An element is written W[0,3], or x[0], not 'a'."),
        (("explain", "a*2", "a=2", "--element", "a[0,]x"), "An element is written W[0,3], or x[0], not 'a[0,]x'."),
        (("explain", "a*2", "a=2", "--element", "z[0]"), "There is no 'z' in this graph"),
        (("explain", "x*2", "x=[1,2]", "--element", "x[9]"), "x has shape (2,): there is no element (9,)."),
        (("explain", "a*2", "a=2", "-o", "nowhere/e.md"), "There is no folder 'nowhere' for 'e.md': make it first."),
        (("worksheet", "a*b", "a=2", "b=3", "--seed", "1"), "seed and difficulty are for a task that is made up"),
        (("worksheet", "--difficulty", "99"), "difficulty is a whole number from 1"),
        (("worksheet", "--seed", "-1"), "seed is a whole number from 0 on"),
        (("worksheet", "a", "a=2"), "a was not computed from anything"),
        (("worksheet", "-o", "sheet.pdf"), "A worksheet is saved as .html or .md: 'sheet.pdf' is neither."),
        (("worksheet", "-o", "key.html", "--key"), "The key is written as .md: 'key.html' is not."),
        (("worksheet", "-o", "nowhere/key.md", "--key"), "There is no folder 'nowhere' for 'key.md': make it first."),
    ],
    ids=lambda x: " ".join(x)[:40] if isinstance(x, tuple) else "",
)
def test_what_cannot_be_taught_is_one_line(arguments, says, run, tmp_path):
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tinygrad-edu: {says}")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("step",), "required: expression\n"),
        (("explain", "-o", "e.md"), "required: expression\n"),
        (("draw", "-o"), "argument -o/--output: expected one argument"),
        (("draw", "a", "--fast"), "unrecognized arguments: --fast"),
        (("step", "a", "a=1", "--fast"), "unrecognized arguments: --fast"),
        (("explain", "a", "a=1", "--digits", "two"), "argument --digits: invalid int value: 'two'"),
        (("worksheet", "--seed", "1.5"), "argument --seed: invalid int value: '1.5'"),
        (("check",), "required: expression\n"),
        (("check", "a", "a=1", "--order", "3"), "argument --order: invalid choice: 3"),
        (("check", "a", "a=1", "--step", "small"), "argument --step: invalid float value: 'small'"),
        (("check", "a", "a=1", "--fast"), "unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_option_behind_an_expression_is_exit_code_2(arguments, says, run):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith(f"usage: tinygrad-edu {arguments[0]} ")


def test_help_of_the_commands_with_an_expression(run):
    assert all(word in run("--help")[1] for word in ("step", "explain", "draw", "film", "worksheet", "check"))
    for command, words in {
        "step": ["tinygrad-edu step", "name=value"],
        "explain": [
            "--format",
            "--notation",
            "--digits",
            "--element",
            "--open",
            "text|markdown|latex|html",
            "∂|d|bar|δ",
        ],
        "worksheet": ["[expression]", "--difficulty", "--seed", "--digits", "--key", ".html"],
        "draw": [".svg .png .pdf .gv .mmd", "--model", "--depth", "--max-nodes", "--only", "--element", "--step"],
        "check": ["--order", "--rtol", "--step", "--seed", "--plot"],
        "film": ["[expression]", "--model", "--depth", "--open", ".html"],
    }.items():
        code, out, err = run(command, "--help")
        assert (code, err) == (0, "")
        assert all(word in out for word in [*words, "name=value", f"For example: tinygrad-edu {command} "])


@pytest.mark.parametrize(
    "locale", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_each_command_speaks_utf_8_in_every_locale(locale, tmp_path):
    environment = {name: x for name, x in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    environment |= {"PYTHONPATH": str(ROOT), **locale}

    def python(*arguments, typed=""):
        command = [sys.executable, "-W", "error", "-m", "tinygrad_edu", *arguments]
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, input=typed.encode(), capture_output=True, timeout=60
        )
        assert (result.returncode, result.stderr) == (0, b"")
        return result.stdout.decode()

    assert "end   ∂L/∂a = 3, ∂L/∂b = 2" in python("step", "a*b", "a=2", "b=3", typed="run\nwhy ∂L/∂a\n")
    assert "Gradients: ∂L/∂a = 3, ∂L/∂b = 2" in python("explain", "a*b", "a=2", "b=3")
    assert "∂" in python("explain", "--help")
    assert "a = 2, grad 3" in python("draw", "a*b", "a=2", "b=3")
    assert "____" in python("worksheet", "a*b", "a=2", "b=3")
    assert python("explain", "a*b", "a=2", "b=3", "-o", "e.txt") == f"wrote e.txt{os.linesep}"
    assert "∂L/∂a = 3" in (tmp_path / "e.txt").read_text("utf-8")


# check. ---------------------------------------------------------------------------------------------------------------


def test_check_prints_the_report_the_curve_and_the_oracles(run):
    code, out, err = run("check", "x**2/(1 + y)", "x=3", "y=1")
    assert (code, err) == (0, "")
    report, curve, *oracles = out.split("\n\n")
    assert [line.split()[:3] for line in report.splitlines()[1:3]] == [["y", "-2.25", "-2.25"], ["x", "3", "3"]]
    assert report.splitlines()[-1].startswith("passed: 2 agree")
    assert curve.startswith("how far the central difference of y is from the gradient -2.25\n")
    assert "← best" in curve
    assert "-9/4 = -2.25 ·16" in "".join(oracles)
    assert oracles[-1].startswith("2 of 2 numbers confirmed (digits by complex step: 1")
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("expression", "names", "parts"),
    [
        ("a*b + a**2/b", ("a=1/3", "b=2"), ["7/3 = 2.333333333 ·", "11/36 = 0.3055555556 ·"]),
        ("tanh(X @ W)", ("X=[[1,2],[0.5,-1]]", "W=[[0.1],[0.3]]"), ["of shape (2, 1), was summed with fixed random"]),
        ("abs(a) + relu(b)", ("a=0", "b=2"), ["kink", "-1 | 1", "There is a kink at a."]),
        ("-sum(softmax(x)*x)", ("x=[1, 2.5, -0.5]",), ["fractions cannot pass through softmax"]),
        ("prod(x)", ("x=[2, 0, 5]",), ["3 of 3 numbers confirmed"]),
        ("a", ("a=2",), ["1 of 1 number confirmed"]),
    ],
)
def test_check_of_what_is_right(expression, names, parts, run):
    code, out, err = run("check", expression, *names)
    assert (code, err) == (0, "")
    assert all(part in out for part in parts)
    assert "passed: " in out
    assert max(map(len, out.splitlines())) <= 100


def test_check_of_what_is_wrong_is_exit_code_1(run, monkeypatch):
    code, out, err = run("check", "log(a)", "a=-1")
    assert (code, err) == (1, "")
    assert "FAILED" in out
    assert out.count("note: f is nan at these inputs: log is the first operation that gives one.") == 2
    assert run("check", "sqrt(a)", "a=0")[0] == 1
    monkeypatch.setattr(ops.tanh, "rules", (lambda g, y, x: g * (1 - y),))
    code, out, err = run("check", "tanh(a*b)", "a=2", "b=-0.3")
    assert (code, err) == (1, "")
    assert "FAILED: 2 of 2 wrong" in out
    assert "The oracles DISAGREE with the rules on a, b." in out


def test_check_takes_its_options(run, tmp_path):
    def check(*options):
        code, out, err = run("check", "tanh(x)*y", "x=[0.5, -1]", "y=2", *options)
        assert err == ""
        return code, out

    plain = check()
    assert plain == check("--order", 1, "--rtol", 1e-6, "--seed", 0)
    code, out = check("--order", 2)
    assert (code, out.split()[0], "passed: 6 agree" in out) == (0, "order", True)
    assert check("--seed", 1)[1] != plain[1]
    code, out = check("--step", 0.25)
    assert (code, out.count(" 2.5e-01 "), "truncation" in out) == (0, 3, True)
    assert plain[1].count(" 2.5e-01 ") == 0
    assert check("--rtol", 1e-3, "--step", 1e-2)[1].count(" ok\n") == 3
    code, out = check("--plot", "curve.svg")
    assert (code, out) == (0, plain[1] + "\nwrote curve.svg\n")
    assert "<svg" in (tmp_path / "curve.svg").read_text("utf-8")


def test_check_without_matplotlib_names_the_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out, err = run("check", "a*b", "a=2", "b=3", "--plot", "curve.svg")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("tinygrad-edu: ")
    assert "tinygrad-edu[plot]" in err
    assert run("check", "a*b", "a=2", "b=3")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a*b", "a=2"), "'b' has no value; names with a value are a."),
        (("a*b", "a=1", "b=2", "c=3"), "'c' does not stand in 'a*b': is it misspelt?"),
        (("x + y", "x=[1,2]", "y=[1,2,3]"), "x (2,) + y (3,): the shapes do not broadcast."),
        (("x*2", "x=[]"), "There is nothing to check"),
        (("a*2", "a=inf"), "The value of a must be a number or a list, not 'inf'."),
        (("a*2", "a=1e999"), ""),
        (("a*2", "a=2", "--rtol", "0"), "rtol, samples and step must be above 0"),
        (("a*2", "a=2", "--step=-1"), "rtol, samples and step must be above 0"),
        (("a*2", "a=2", "--seed", "-1"), "The seed must be a whole number of at least 0, not -1."),
        (("a*2", "a=2", "--plot", "nowhere/c.svg"), "There is no folder 'nowhere' for 'c.svg': make it first."),
        (("a*2", "a=2", "--plot", "c.foo"), "Format 'foo' is not supported"),
        (("log(a)", "a=-1", "--plot", "c.svg"), "There is no curve"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else "",
)
def test_what_cannot_be_checked_is_one_line(arguments, says, run, tmp_path):
    code, out, err = run("check", *arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tinygrad-edu: {says}")
    assert [*tmp_path.iterdir()] == []


# Expressions. ---------------------------------------------------------------------------------------------------------

PYTHON = {
    "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "abs": np.abs, "sum": np.sum,
    "mean": np.mean, "maximum": np.maximum, "clip": np.clip, "norm": np.linalg.norm, "transpose": np.transpose,
    "relu": lambda x: np.maximum(x, 0), "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "prod": np.prod, "std": np.std,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(),
}  # fmt: skip
NAMES = {"a": 2.0, "b": -3.0, "x": np.array([1.0, 2.5, -0.5]), "m": np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])}


@pytest.mark.parametrize(
    "text",
    [
        "a*b + a**2", "a - b - 1", "a / b / 2", "2 ** a ** 2", "-a**2", "-a", "+a - -b", "(a + b) * (a - b)", "1e3*a",
        "0x10 * a", "1_000 * a", "m @ x", "x @ x", "tanh(a*b + 6.5)", "exp(-x) / sum(exp(-x))", "x[0] * x[-1]",
        "x[1:]", "x[::-1] * x", "m[0, 1:]", "m[:, 0]", "m[...]", "m[[0, 0, 1]]", "sum(m, axis=0)",
        "mean(m, axis=(0, 1), keepdims=True)", "max(a)", "maximum(x, a) + clip(x, 0, 1)",
        "norm(x) + std(x) + prod(x)", "transpose(m) @ (m @ x)", "softmax(x)", "relu(x)*sigmoid(a)", "sqrt(abs(b))",
        "  a +\tb ", "log(a)**2", "x**2 @ x",
    ],
)  # fmt: skip
def test_an_expression_means_what_it_means_in_python(text):
    python = {**PYTHON, "max": np.max, **NAMES}
    wanted = eval(text.strip(), {"__builtins__": {}}, python)
    found = evaluate(text, {name: Value(number, name) for name, number in NAMES.items()})
    assert found.shape == np.shape(wanted)
    assert np.allclose(found.data, wanted, rtol=1e-14)


def test_the_gradient_of_an_expression():
    names = {name: Value(number, name) for name, number in NAMES.items()}
    evaluate("sum((m @ x - a)**2) * b", names).backward()
    residual = NAMES["m"] @ NAMES["x"] - 2.0
    assert np.allclose(names["x"].grad, -3.0 * 2 * NAMES["m"].T @ residual)
    assert names["a"].grad == pytest.approx(6 * residual.sum())
    assert names["b"].grad == pytest.approx((residual**2).sum())


def test_a_name_may_be_called_like_a_function():
    assert evaluate("tanh(tanh)", {"tanh": Value(1.0)}).data == math.tanh(1.0)


HOSTILE = [
    "__import__('os')", "__import__('os').system('touch harm')", "open('harm', 'w')", "exec('1')", "eval('1')",
    "getattr(a, 'data')", "a.data", "a.__class__", "a.__class__.__mro__", "a.sum()", "x[0].__class__",
    "(lambda: a)()", "lambda: a", "[a for a in x]", "{a for a in x}", "{a: a for a in x}", "(a for a in x)",
    "sum(a for a in x)", "f'{a}'", "f'{open(1)}'", "'text'", "b'text'", "(a := 3)", "await a", "(yield)",
    "(yield from x)", "*x", "sum(*x)", "sum(**x)", "a, b", "[a, b]", "{a}", "{'a': a}", "a if a else b", "a and b",
    "not a", "a < b", "a is b", "a in x", "a << 2", "a | b", "~a", "a; b", "a = b", "a += 1",
    "import os", "from os import *", "del a", "print(a)", "None", "True * a", "...", "1j * a", "a\nb", "a\0b", "x[a]",
    "x['a']", "x[(lambda: 0)()]", "x[__import__('os')]", "x[0:open('harm', 'w')]", "sum(x, axis=open('harm', 'w'))",
    "sum(x, axis=9**9**9)", "f(a)(b)", "tanh(a)(b)", "x[10**10]", "clip(x, min=a.data)", "sum(x)(x)", "tanh()",
    "tanh(a, a)", "tanh(a, b=1)", "sum(x, axis=7)", "sum(x, dim=0)", "reshape(x, shape=(7, 7))",
    "broadcast_to(x, shape=(99999, 99999, 3))", "m @ m", "x + m", "a @ b", "stack(x, x)", "", " ", "(", "a b", "a(",
    "2*3", "9**9**9", "1" * 5000, "1" * 400 + " * a", "1" * 4000 + " * a",
]  # fmt: skip


def used(text, *names):
    """Those of the names that stand in a text."""
    return [name for name in names if re.search(rf"\b{name[0]}\b", text)]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[1:40])
def test_what_is_not_on_the_list_never_runs(text, run, tmp_path):
    code, out, err = run("draw", text, *used(text, "a=2", "b=3", "x=[1,2]", "m=[[1,2,3],[4,5,6]]"))
    if code != 0:  # an integer of 400 figures may also be taken as inf
        assert (code, out) == (1, "")
        assert err.startswith("tinygrad-edu: ")
        assert err.count("\n") == 1
        assert len(err) < 1000
    else:
        assert "inf" in out
    assert list(tmp_path.iterdir()) == []


LONG = {
    "sum of 50,000": "a" + "+a" * 50_000,
    "deep brackets": "(" * 5000 + "a" + ")" * 5000,
    "deep calls": "tanh(" * 5000 + "a" + ")" * 5000,
    "long name": "a" * 100_000,
    "long number": "1" * 100_000 + "*a",
    "minus signs": "0 + " + "-" * 50_000 + "a",
    "deep power": "a" + "**a" * 20_000,
    "deep index": "a" + "[0]" * 20_000,
    "deep list as an index": "x[" + "[" * 3000 + "0" + "]" * 3000 + "]",
    "random": "".join(np.random.default_rng(0).choice(list("ab()+*[],. 12"), 100_000)),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_100_kilobytes_are_computed_or_refused_in_one_short_line(text, run):
    code, out, err = run("draw", text, *used(text, "a=1", "b=2", "x=[1,2]"), "-o", "g.gv")
    if code == 0:
        assert out == "wrote g.gv\n"
    else:
        assert code == 1
        assert err.count("\n") == 1
        assert len(err) < 1000


@pytest.mark.parametrize(("text", "number"), [("9**9**9 * a", math.inf), ("a**9**9", 1.0), ("(9**9**9)**-1 * a", 0.0)])
def test_huge_powers_are_floats_and_no_wait(text, number):
    assert evaluate(text, {"a": Value(1.0)}).data == number


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a*c", "'c' has no value; names with a value are a, b. Write it behind the expression: c=2."),
        ("tan_h(a)", "'tan_h' is not on the list of functions: did you mean tanh or "),
        ("where(a, b, a)", "'where' is not on the list of functions: did you mean maximum or minimum or relu or clip?"),
        ("ln(a)", "'ln' is not on the list of functions: did you mean log?"),
        ("lstm(a)", "'lstm' is not on the list of functions, which has NumPy's, such as tanh and sum."),
        ("others(a)", "'others' is not on the list of functions: did you mean "),
        ("a*a^2", "A power is written **: 'a*a**2', not 'a*a^2'."),
        (
            "a.data",
            "'a.data' is not allowed: an expression has numbers, names, + - * / ** @, brackets and calls such as",
        ),
        ("tanh(*a)", "Stars in a call are not allowed."),
        ("sum(a, axis=b)", "A setting or index must be a plain number, not 'b'."),
        ("2*3", "'2*3' contains no name, so there is nothing to differentiate: try a*b with a=2 b=3."),
        ("a +", "'a +' is not an expression: "),
    ],
)
def test_an_expression_that_cannot_be_read_says_which_part(text, says):
    with pytest.raises(ExpressionError, match="^" + re.escape(says)):
        evaluate(text, {"a": Value(2.0), "b": Value(3.0)})


def test_no_name_at_all_is_said():
    with pytest.raises(ExpressionError, match=re.escape("'a' has no value; no name has a value.")):
        evaluate("a", {})


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        ("w=2", "w", 2.0),
        ("w = -2.5e-3", "w", -2.5e-3),
        ("x_1=[1, 2.5]", "x_1", [1.0, 2.5]),
        ("m=[[1,2],[3,4]]", "m", [[1.0, 2.0], [3.0, 4.0]]),
        ("t=(1,2)", "t", [1.0, 2.0]),
        ("ä=1", "ä", 1.0),
        ("a=0.5 ", "a", 0.5),
    ],
)
def test_an_assignment(text, name, number):
    found, value = assignment(text)
    assert (found, value.label) == (name, name)
    assert np.array_equal(value.data, number)
    assert (value.dtype, value.requires_grad) == (np.float64, True)


@pytest.mark.parametrize(("text", "number"), [("a=1/3", (1, 3)), ("a = -2/4", (-1, 2)), ("a=+6 / 3", (2, 1))])
def test_a_fraction_is_assigned_exactly(text, number):
    value = assignment(text)[1]
    assert (type(value.data), value.data, value.label) == (Fraction, Fraction(*number), "a")


def test_beside_a_fraction_whole_numbers_are_exact_too():
    values = assignments(["a=1/3", "b=2", "c=0.5", "x=[1, 2]"])
    assert [value.label for value in values.values()] == [*values] == ["a", "b", "c", "x"]
    assert [type(value.data) for value in values.values()] == [Fraction, Fraction, float, np.ndarray]
    assert {type(value.data) for value in assignments(["a=1", "b=2"]).values()} == {float}
    assert evaluate("a*b/4", values).data == Fraction(1, 6)
    with pytest.raises(ExpressionError, match="'a' was given a value twice"):
        assignments(["a=1", "b=2", " a = 1"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a", "'a' is not of the form name=value."),
        ("=2", "'=2' is not of the form name=value."),
        ("1a=3", "'1a=3' is not of the form name=value."),
        ("a.b=3", "'a.b=3' is not of the form name=value."),
        ("a=", "The value of a must be a number or a list, not ''."),
        ("a=b", "The value of a must be a number or a list, not 'b'."),
        ("a=1/0", "The value of a must be a number or a list, not '1/0'."),
        ("a=1/2/3", "The value of a must be a number or a list, not '1/2/3'."),
        ("a=0.5/2", "The value of a must be a number or a list, not '0.5/2'."),
        ("a=1/" + "9" * 9999, "The value of a must be a number or a list, not '1/999"),
        ("a=1+1", "The value of a must be a number or a list, not '1+1'."),
        ("a='x'", "The value of a must be a number or a list, not \"'x'\"."),
        ("a=[1,[2]]", "The value of a must be a number or a list, not '[1,[2]]'."),
        ("a={1: 2}", "The value of a must be a number or a list, not '{1: 2}'."),
        ("a=1j", "The value of a must be a number or a list, not '1j'."),
        ("a=9**9**9", "The value of a must be a number or a list, not '9**9**9'."),
        ("a=__import__('os')", "The value of a must be a number or a list, not \"__import__('os')\"."),
        ("a=" + "[" * 50_000, "The value of a must be"),
        ("a=" + "1" * 50_000, "The value of a must be"),
    ],
    ids=lambda text: text[:20],
)
def test_an_assignment_that_cannot_be_read(text, says, run):
    code, out, err = run("draw", "a", text)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tinygrad-edu: {says}")
    assert len(err) < 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a*b", "a=2", "-o", "g.svg"), "'b' has no value"),
        (
            ("a", "a=2", "-o", "g.foo"),
            "A drawing is saved as .svg, .png, .pdf, .gv, .dot, .mmd, .txt: 'g.foo' is none of these.",
        ),
        (("a", "a=2", "-o", "nowhere/g.svg"), "There is no folder 'nowhere' for 'g.svg': make it first."),
        (("x + y", "x=[1,2]", "y=[1,2,3]"), "x (2,) + y (3,): the shapes do not broadcast."),
        (("x @ y", "x=[1,2]", "y=[1,2,3]"), "x (2,) @ y (3,): "),
        (("x[9]", "x=[1,2]"), "getitem of x (2,): index 9 is out of bounds"),
        (("norm(x, ord=0)", "x=[1,2]"), "norm with ord=0 counts what is not 0"),
    ],
)
def test_draw_that_cannot_be_drawn_writes_nothing(arguments, says, run, tmp_path):
    code, out, err = run("draw", *arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tinygrad-edu: {says}")
    assert list(tmp_path.iterdir()) == []


# train. ---------------------------------------------------------------------------------------------------------------


def test_train_line_ends_at_least_squares(run):
    code, out, _ = run("train", "line", "--epochs", 800)
    slope, intercept = np.polyfit(*datasets.workshop_line(), 1)
    assert code == 0
    assert out.splitlines()[-1] == (
        f"y = {slope:.4f}·x + {intercept:.4f}; least squares gives y = {slope:.4f}·x + {intercept:.4f}"
    )
    assert out.splitlines()[0].split() == ["epoch", "loss"]
    assert len(out.splitlines()) == 13  # a long table is shortened


def test_train_xor_ends_at_four_of_four(run):
    code, out, err = run("train", "xor")
    assert (code, out.splitlines()[-1]) == (0, "4 of 4 right")
    assert "epoch 200/200" in err


def test_train_line_in_json_is_gradient_descent(run):
    code, out, err = run("train", "line", "--json", "--epochs", 3, "--lr", 0.01, "--seed", 4)
    result = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert set(result) == {"task", "seconds", "w", "b", "history"}
    x, y = datasets.workshop_line()
    w, b = np.random.default_rng(4).uniform(-math.sqrt(3), math.sqrt(3)), 0.0
    losses = []
    for _ in range(3):
        error = w * x + b - y
        losses.append((error**2).sum())
        w, b = w - 0.01 * (2 * error * x).sum(), b - 0.01 * (2 * error).sum()
    assert result["task"] == "line"
    assert (result["w"], result["b"]) == pytest.approx((w, b), rel=1e-12)
    assert result["history"]["loss"] == pytest.approx(losses, rel=1e-12)


def test_options_of_train_change_what_they_name(run):
    def train(*options):
        code, out, err = run("train", "xor", "--json", "--epochs", 4, *options)
        assert (code, err) == (0, "")
        result = json.loads(out)
        assert len(result["history"]["loss"]) == 4
        return result["history"]["loss"]

    assert train() == train() == train("--seed", 0)
    for options in (("--seed", 1), ("--hidden", 3), ("--lr", 0.2), ("--batch-size", 2)):
        assert train(*options) != train()


def test_a_learning_rate_of_zero_changes_nothing(run):
    losses = json.loads(run("train", "line", "--lr", 0, "--epochs", 3, "--json")[1])["history"]["loss"]
    assert losses == pytest.approx([losses[0]] * 3)


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def small_mnist(folder):
    """A folder of IDX files with 30 images: class k is bright in rows 2k and 2k + 1."""
    folder.mkdir()
    labels = np.arange(30) % 10
    images = np.zeros((30, 28, 28))
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 2] = 255
    for part in ("train", "t10k"):
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return images, labels


def test_train_mnist_on_ones_own_files(run, tmp_path):
    small_mnist(tmp_path / "mine")
    how = ("--data", "mine", "--epochs", 20, "--hidden", 16, "--batch-size", 5, "--lr", 0.01)
    code, out, err = run("train", "mnist", "--json", *how)
    result = json.loads(out)
    assert (code, err, result["task"], result["test_accuracy"]) == (0, "", "mnist", 1.0)
    assert set(result["history"]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(result["history"]["loss"]) == 20
    code, out, _ = run("train", "mnist", *how)
    assert (code, out.splitlines()[-1]) == (0, "100.00% of the test images right")


def test_train_mnist_on_ones_own_csv(run, tmp_path):
    images, labels = small_mnist(tmp_path / "mine")
    lines = [
        ",".join(map(str, [label, *image.astype(int).ravel()])) for image, label in zip(images, labels, strict=True)
    ]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    code, out, err = run("train", "mnist", "--data", "mine.csv", "--epochs", 1, "--hidden", 4, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["history"]["loss"] == pytest.approx([math.log(10)], rel=0.5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("mnist", "--data", "nowhere"), "There is no file "),
        (("mnist", "--data", "empty"), "holds no training images"),
        (("mnist", "--data", "foreign.csv"), "expected 785 columns"),
        (("mnist", "--data", "cut"), "cut short"),
        (("line", "--lr", -1), "The learning rate must not be negative: -1.0."),
        (("line", "--lr", "nan"), "The learning rate must not be negative: nan."),
        (("line", "--lr", 1), "The loss became inf"),
        (("line", "--lr", 1, "--json"), "The loss became inf"),
        (("xor", "--seed", -1, "--epochs", 1), "seed"),
        (("xor", "--data", "nowhere", "--epochs", 1), "--data"),
        (("line", "--hidden", 3, "--epochs", 1), "--hidden"),
    ],
)
def test_what_cannot_be_trained_is_one_line(options, says, run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign.csv").write_text("not,a,digit\n")
    small_mnist(tmp_path / "cut")
    images = tmp_path / "cut" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-10])
    code, out, err = run("train", *options)
    complaints = [line for line in err.replace("\r", "\n").splitlines() if "batch/s" not in line and line.strip()]
    assert (code, out, len(complaints)) == (1, "", 1)
    assert complaints[0].startswith("tinygrad-edu: ")
    assert says in complaints[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "required"),
        (("fly",), "invalid choice: 'fly'"),
        (("train",), "required: task"),
        (("train", "cifar"), "invalid choice: 'cifar'"),
        (("train", "xor", "--epochs", "0"), "'0' is not a whole number of at least 1"),
        (("train", "xor", "--epochs", "-3"), "'-3' is not a whole number of at least 1"),
        (("train", "xor", "--epochs", "ten"), "'ten' is not a whole number of at least 1"),
        (("train", "xor", "--epochs", "²"), "'²' is not a whole number of at least 1"),
        (("train", "xor", "--hidden", "0"), "argument --hidden: '0' is not a whole number of at least 1"),
        (("train", "xor", "--batch-size", "1.5"), "argument --batch-size: '1.5' is not a whole number of at least 1"),
        (("train", "xor", "--lr", "fast"), "argument --lr: invalid float value: 'fast'"),
        (("train", "xor", "--seed", "x"), "argument --seed: invalid int value: 'x'"),
        (("train", "xor", "--fast"), "unrecognized arguments: --fast"),
        (("draw", "--model", "cifar"), "invalid choice: 'cifar'"),
        (("draw", "a*b", "--max-nodes", "0"), "'0' is not a whole number of at least 1"),
        (("film", "a*b", "--step", "1"), "unrecognized arguments: --step"),
        (("tour", "extra"), "unrecognized arguments: extra"),
    ],
)
def test_a_wrong_command_is_exit_code_2(arguments, says, run):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("usage: tinygrad-edu")


def test_help_and_version(run):
    assert run("--version") == (0, f"tinygrad-edu {tg.__version__}\n", "")
    for arguments, words in [
        ((), ["tour", "train", "draw"]),
        (("train",), ["line,xor,mnist", "--epochs", "--hidden", "--lr", "--batch-size", "--seed", "--data", "--json"]),
        (("draw",), ["expression", "name=value", "--output"]),
        (("tour",), ["--output"]),
    ]:
        code, out, err = run(*arguments, "--help")
        assert (code, err) == (0, "")
        assert all(word in out for word in words)


def test_the_module_is_the_command(tmp_path):
    """In a process of its own: the exit code, and no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}

    def python(*arguments):
        command = [sys.executable, "-W", "error", "-m", "tinygrad_edu", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=60)

    good = python("draw", "a*b", "a=2", "b=3")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[0] == "result = 6, grad 1 ← ×"
    bad = python("draw", "a*b", "a=2")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("tinygrad-edu: 'b' has no value")
    assert python("fly").returncode == 2


# The tour. ------------------------------------------------------------------------------------------------------------


def test_the_tour_from_end_to_end(run, tmp_path):
    code, out, _ = run("tour", "-o", "pictures/of/mine")
    assert code == 0

    written = sorted((tmp_path / "pictures" / "of" / "mine").iterdir())
    assert len(written) == 3
    assert all(path.read_bytes().startswith(b"<") for path in written)
    assert all(str(path.relative_to(tmp_path)) in out.splitlines()[-1] for path in written)

    slope = 1 - math.tanh(0.5) ** 2
    for name, number in (("z", slope), ("p", slope), ("a", -3 * slope), ("b", 2 * slope), ("c", slope)):
        assert re.search(rf"∂L/∂{name} \+= .*= {re.escape(f'{number:.4g}')}$", out, re.MULTILINE)

    rows = re.findall(r"^ +(\d+) +(.+)  │ +(.+)  │ *(.+)$", out, re.MULTILINE)
    assert [int(row[0]) for row in rows] == [*range(1, 11)]
    x, y = datasets.workshop_line()
    for column, rate in enumerate((0.01, 0.001, 0.1), 1):
        w, b = 1.0, 1.0
        for row in rows:
            assert [float(number) for number in row[column].split()] == pytest.approx([w, b], rel=1e-3)
            error = b + w * x - y
            w, b = w - rate * (2 * error * x).sum(), b - rate * (2 * error).sum()
    assert abs(float(rows[-1][3].split()[0])) > 1e10  # the last rate diverges

    assert "4 of 4" in out
    accuracy = float(re.search(r"([\d.]+)% of the 10,000 test images", out)[1])
    assert accuracy >= 97.5


def test_the_tour_says_where_it_cannot_write(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("tour", "-o", "file")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("tinygrad-edu: ")
    assert "file" in err
