"""Strategies, failing examples as programs, the decorator and the plugin of `tg.testing`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Value, domains, functions, nn, ops, rows, testing
from tinygrad_edu.backward import order
from tinygrad_edu.testing import FailingExample, arrays, broadcastable, checks_gradients, graphs, models, operands
from tinygrad_edu.testing import random_graphs, shapes, values
from tinygrad_edu.testing.programs import Given, Program, Step, run
from tinygrad_edu.testing.safety import KINKED, SAFE, grid
from tinygrad_edu.testing.spelling import literal

pytest_plugins = "pytester"
ROOT = Path(__file__).parent.parent


def drawn(count: int = 50, **how: Any) -> settings:
    """The same examples each time."""
    phases = (Phase.generate, Phase.shrink)
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=phases,
        **how,
    )


# Numbers and shapes. --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", [key for key in domains.POINTS if " < " not in key or key == "|x| < 1"])
def test_numbers_are_of_their_domain_and_the_simplest_come_first(condition: str) -> None:
    points = grid(condition)
    assert len(points) > 20
    assert all(any(low <= x <= high for low, high in domains.POINTS[condition]) for x in points)
    assert all(SAFE[condition][0](x) for x in points if condition in SAFE)
    assert len(repr(points[0])) <= len(repr(points[-1]))


def test_the_simplest_numbers() -> None:
    assert grid("x")[:5] == (1.0, -1.0, 2.0, -2.0, 0.0)
    assert grid("x > 0")[:3] == (1.0, 2.0, 0.4)
    assert grid("|x| < 1")[:2] == (0.1, -0.1)


@drawn()
@given(arrays(tg.log, shape=(2, 3), dtype=np.float32), arrays("x != 0"), values(shape=(2,)), arrays(tg.inv))
def test_arrays_and_values(x: Any, y: Any, v: Any, square: Any) -> None:
    assert x.shape == (2, 3)
    assert x.dtype == np.float32
    assert (x > 0.3).all()
    assert np.all(np.abs(y) > 0.3)
    assert isinstance(y, float) or y.dtype == np.float64
    assert v.shape == (2,)
    assert np.all(np.isfinite(np.linalg.inv(square)))


@drawn()
@given(arrays(tg.max, shape=(4,)), arrays(shape=3, dtype=st.sampled_from([np.float32, np.float64])))
def test_numbers_that_are_compared_are_well_apart(x: Any, y: Any) -> None:
    assert np.min(np.diff(np.sort(x))) > 0.05
    assert y.shape == (3,)
    assert y.dtype in (np.float32, np.float64)


def test_kinks_come_only_when_asked_for() -> None:
    assert find(arrays(tg.relu, shape=(), kinks=True), lambda x: True) == 0.0
    with pytest.raises(Exception, match=r"NoSuch|No examples"):
        find(arrays(tg.relu, shape=()), lambda x: abs(x) < 0.3)


@drawn()
@given(broadcastable(3), shapes(empty=True), shapes(1, 2))
def test_shapes(several: Any, one: Any, other: Any) -> None:
    assert len(several) == 3
    np.broadcast_shapes(*several)
    assert all(0 <= n <= 3 for n in one)
    assert 1 <= len(other) <= 2


@drawn(25)
@given(st.sampled_from([tg.divide, tg.matmul, tg.power, tg.maximum, tg.hypot, tg.where, tg.clip, tg.mean]).flatmap(
    lambda row: st.tuples(st.just(row), operands(row))))  # fmt: skip
def test_operands_go_together(drawn: Any) -> None:
    row, numbers = drawn
    free = [i for i, x in enumerate(numbers) if np.asarray(x).dtype.kind == "f"]

    def f(*inputs: Any) -> Any:
        return row(*[inputs[free.index(i)] if i in free else x for i, x in enumerate(numbers)])

    assert {row.verdict for row in tg.check_gradients(f, *[numbers[i] for i in free]).rows} <= {
        "ok",
        "rounding",
        "truncation",
    }


def test_what_has_no_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="no condition 'x > 5': use one of x, x != 0"):
        arrays("x > 5")
    with pytest.raises(TypeError, match=r"has no line in the table of domains: tg.operation"):
        arrays(np.tanh)
    with pytest.raises(TypeError, match="has no line in the table of domains"):
        graphs([np.tanh])
    with pytest.raises(ValueError, match="No operation is left"):
        graphs([tg.relu], smooth=True)


# Graphs. --------------------------------------------------------------------------------------------------------------


@drawn(80)
@given(graphs())
def test_gradients_of_any_graph_are_right_and_it_never_stands_at_a_kink(program: Program) -> None:
    report = program.check()
    assert {row.verdict for row in report.rows} <= {"ok", "rounding", "truncation"}


@drawn(40)
@given(graphs(smooth=True, max_steps=3))
def test_second_derivatives_of_any_smooth_graph_are_right(program: Program) -> None:
    assert program.check(order=2).passed
    assert not {step.row for step in program.steps} & KINKED


@drawn(40)
@given(graphs(kinks=True))
def test_at_kinks_the_gradient_lies_between_the_slopes(program: Program) -> None:
    assert program.check().passed


@drawn(40)
@given(graphs(dtype=np.float32))
def test_graphs_in_float32(program: Program) -> None:
    assert all(x.dtype == np.float32 for x in program.inputs.values() if np.shape(x))
    result = program(*program.leaves())
    assert result.dtype == np.float32 or not result.shape or program.steps[-1].row is ops.stack
    assert program.check().passed


@drawn(40)
@given(graphs(scalars=True, max_steps=10, max_depth=3, max_inputs=2))
def test_bounds_of_a_graph(program: Program) -> None:
    assert all(isinstance(x, float) for x in program.inputs.values())
    depth: dict[Any, int] = {}
    for node in reversed(order(program.loss())):
        depth[node] = 1 + max((depth.get(x, 0) for x in node.operands if isinstance(x, Value)), default=0)
    assert max(depth.values()) <= 3 + 4 + 4  # what guards an operand and joins the results comes on top


def test_graphs_contain_every_operation_and_every_class_of_shape() -> None:
    programs = list(random_graphs(150, seed=1))
    assert len({step.row for program in programs for step in program.steps}) >= 75
    dims = {np.ndim(x) for program in programs for x in program.inputs.values()}
    assert dims >= {0, 1, 2}
    uses = [[step.operands.count(name) for step in p.steps for name in p.inputs] for p in programs]
    assert sum(any(n > 0 for n in counts) for counts in uses) == 150
    shared = [p for p in programs if any(sum(name in s.operands for s in p.steps) > 1 for name in p.inputs)]
    assert len(shared) > 50


@drawn(25)
@given(models(smooth=True), models())
def test_models(smooth: Any, other: Any) -> None:
    assert smooth.check(order=2).passed
    assert {row.verdict for row in other.check().rows} <= {"ok", "rounding", "truncation"}
    assert "relu" not in str(smooth)


# A failing graph is small, and its text is a program that fails. ------------------------------------------------------


@pytest.fixture
def rule_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put another rule in the place of that of an operand."""

    def put(row: Any, rule: Any, operand: int = 0) -> None:
        monkeypatch.setattr(row, "rules", tuple(rule if i == operand else r for i, r in enumerate(row.rules)))

    return put


def failing(strategy: Any, count: int = 300, **how: Any) -> FailingExample:
    @drawn(count)
    @given(strategy)
    def test(example: Any) -> None:
        example.check(**how)

    with pytest.raises(FailingExample) as caught:
        test()
    return caught.value


def restored(g: Any, y: Any, x: Any, **at: Any) -> Any:
    return ops.restore(g, x, **at)


PLANTED = [
    # row            wrong rule                                      operand  the program
    (ops.tanh,       lambda g, y, x: g * (1 - y),                         0, ["a = 1.0", "L = tg.tanh(a)"]),
    (ops.multiply,   lambda g, y, a, b: 2 * g * b,                        0, ["a = 1.0", "b = 1.0", "L = a * b"]),
    (ops.multiply,   lambda g, y, a, b: g * a,                            0, ["a = 1.0", "b = -1.0", "L = a * b"]),
    (ops.divide,     lambda g, y, a, b: g * y / b,                        1, ["a = 1.0", "b = 1.0", "L = a / b"]),
    (ops.sigmoid,    lambda g, y, x: g * y,                               0, ["a = 1.0", "L = tg.sigmoid(a)"]),
    (ops.relu,       lambda g, y, x: g,                                   0, ["a = -1.0", "L = tg.relu(a)"]),
    (ops.max,        restored,                                            0,
        ["a = np.array([1.0, -1.0, 2.0, -2.0])", "L = tg.max(a)"]),
    (ops.matmul,     lambda g, y, a, b: 2 * ops._matmul_a(g, y, a, b),    0,
        ["a = np.array([1.0, 1.0, 1.0])", "b = np.array([1.0, 1.0, 1.0])", "L = a @ b"]),
    (ops.softmax,    lambda g, y, x, axis: g * y,                         0,
        ["a = np.array([1.0, 1.0, 1.0, 1.0])", "L = tg.softmax(a)"]),
]  # fmt: skip


@pytest.mark.parametrize(("row", "rule", "operand", "wanted"), PLANTED, ids=lambda x: getattr(x, "name", None))
def test_a_planted_mistake_shrinks_to_the_operation_alone_and_its_program_fails_as_well(
    row: Any, rule: Any, operand: int, wanted: list[str], rule_of: Any
) -> None:
    near = [row, ops.add, ops.sin, ops.exp, ops.subtract, ops.sum, functions.mean, ops.square]
    rule_of(row, rule, operand)
    error = failing(graphs(near, max_steps=4, scalars=not any("array" in line for line in wanted)), count=60)
    names = [line.partition(" =")[0] for line in wanted[:-1]]
    assert error.program.splitlines() == [
        "import numpy as np", "import tinygrad_edu as tg", "", *wanted[:-1], "", f"def f({', '.join(names)}):",
        f"    {wanted[-1]}", "    return L", "", f"tg.check_gradients(f, {', '.join(names)}, names={names})",
    ]  # fmt: skip
    with pytest.raises(tg.GradientCheckError) as caught:
        exec(error.program, {})
    assert str(caught.value.report) == str(error.report)
    assert f"{error.program}\n\n{error.report}" in str(error)


def test_a_mistake_that_no_operation_makes_alone_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_edu import backward

    real = backward.sweep

    def forgets_the_second_use(root: Any, *rest: Any, **more: Any) -> Any:
        found = real(root, *rest, **more)
        return {x: 0.5 * g if sum(x in node.operands for node in order(root)) > 1 else g for x, g in found.items()}

    for module in [
        m for name, m in sys.modules.items() if name.startswith("tinygrad_edu") and getattr(m, "sweep", None) is real
    ]:
        monkeypatch.setattr(module, "sweep", forgets_the_second_use)
    program = Program({"a": 2.0}, [Step("v1", ops.exp, ("a",), {}), Step("L", ops.multiply, ("a", "v1"), {})])
    with pytest.raises(FailingExample) as caught:
        program.check()
    assert "    v1 = tg.exp(a)\n    L = a * v1\n" in caught.value.program


def test_a_wrong_model_is_shown_as_a_model(rule_of: Any) -> None:
    rule_of(ops.tanh, lambda g, y, x: g * (1 - y))
    error = failing(models(smooth=True, max_layers=1), count=40)
    assert "from tinygrad_edu import nn\n\nmodel = nn.Sequential(\n    nn.Dense(1, 1, 'tanh', " in error.program
    with pytest.raises(tg.GradientCheckError):
        exec(error.program, {})


def test_every_program_is_python_that_gives_the_same_numbers() -> None:
    everything = list(domains.DOMAINS)
    for program in [*random_graphs(120, seed=2), *random_graphs(120, seed=3, operations=everything, steps=4)]:
        source = program.source().replace("tg.check_gradients(", "result = (lambda f, *xs, names: f(*xs))(")
        found: dict[str, Any] = {}
        exec(source, found)
        wanted = run(program, program.inputs.values())
        assert np.array_equal(found["result"], wanted, equal_nan=True), source
        assert str(program) == program.source() == repr(program)


@pytest.mark.parametrize("x", [
    1.0, -0.1, np.inf, -np.inf, 3, None, "s", (), (1,), [1.5], slice(1, None), ..., (slice(None), 0), True,
    np.array([0.1, 1 / 3]), np.array([[0.1]], np.float32), np.zeros((0, 3)), np.zeros((2, 0), np.float32),
    np.array([True, False]), np.array([1, 2]), np.array(2.5), np.float32(0.1), np.array([np.nan, -np.inf]),
])  # fmt: skip
def test_a_literal_is_the_very_same(x: Any) -> None:
    found = eval(literal(x), {"np": np})
    assert type(found) is type(x)
    assert np.array_equal(found, x, equal_nan=True) if isinstance(x, np.ndarray) else found == x
    assert getattr(found, "dtype", None) == getattr(x, "dtype", None)
    assert np.shape(found) == np.shape(x) or isinstance(x, slice)


def test_an_operation_of_ones_own_is_written_as_it_can_be_found() -> None:
    own = ops.Op("of_my_own", "of_my_own({})", lambda x: np.tanh(x), None, lambda g, y, x: 2 * g * (1 - y**2))
    try:
        with pytest.raises(FailingExample) as caught:
            Program({"a": 1.0}, [Step("L", own, ("a",), {})]).check()
        assert 'of_my_own = tg.ops.TABLE["of_my_own"]  # an operation of your own' in caught.value.program
        with pytest.raises(tg.GradientCheckError):
            exec(caught.value.program, {})
        assert "ops.slope(a, 2.0, times=1)" in str(
            Program({"a": 1.0}, [Step("L", ops.slope, ("a", Given(2.0)), {"times": 1})])
        )
    finally:
        del ops.TABLE["of_my_own"]


@pytest.fixture
def own() -> Iterator[ops.Op]:
    """An operation of one's own, at home in an interval."""
    tables = (ops.TABLE, ops.ANSWERS, domains.DOMAINS, domains.POINTS)
    before = [dict(table) for table in tables]
    logit = lambda x: np.log(x / (1 - x))  # noqa: E731
    yield tg.operation("logit_of_mine", logit, lambda g, y, x: g / (x * (1 - x)), where=(0.0, 1.0))
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)


def test_operations_of_ones_own_are_drawn_as_any_other(own: ops.Op) -> None:
    @drawn(30)
    @given(graphs([own, ops.exp, ops.multiply]), arrays(own), operands(own))
    def test(program: Program, x: Any, several: Any) -> None:
        assert program.check().passed
        assert all(np.all((number > 0) & (number < 1)) for number in (x, *several))
        seen.extend(step.row for step in program.steps)

    seen: list[Any] = []
    test()
    assert seen.count(own) > 10
    own.rules = (lambda g, y, x: g / x,)
    error = failing(graphs([own, ops.exp, ops.multiply]))
    assert "    L = logit_of_mine(a)\n" in error.program
    assert re.search(r"^a = 0.\d\n", error.program, re.MULTILINE)


def test_what_raises_comes_with_its_program() -> None:
    with pytest.raises(tg.GradientError, match=r"the shapes do not broadcast") as caught:
        Program({"a": np.ones(2), "b": np.ones(3)}, [Step("L", ops.add, ("a", "b"), {})]).check()
    assert "L = a + b" in caught.value.__notes__[0]


# Drawn and written to a folder. ---------------------------------------------------------------------------------------


def test_a_failing_example_is_saved_and_drawn_under_the_same_name_each_time(tmp_path: Path, rule_of: Any) -> None:
    rule_of(ops.tanh, lambda g, y, x: g * (1 - y))
    errors = [failing(graphs([ops.tanh, ops.add]), count=40, save_to=tmp_path) for _ in range(2)]
    script, picture = errors[0].saved
    assert [*errors[0].saved] == [*errors[1].saved]
    assert sorted(tmp_path.iterdir()) == [script, picture]
    assert script.name.startswith("failing_graph_")
    assert picture.suffix == ".svg"
    assert script.read_text("utf-8").strip() == errors[0].program
    assert "tanh" in picture.read_text("utf-8")
    assert f"saved: {script}, {picture}" in str(errors[0])


def test_where_nothing_draws_it_is_a_page_of_text(tmp_path: Path, rule_of: Any, monkeypatch: Any, capsys: Any) -> None:
    from tinygrad_edu.drawing import render

    monkeypatch.setattr(render, "programs", list)
    monkeypatch.setenv("TINYGRAD_EDU_SAVE_TO", str(tmp_path))
    rule_of(ops.tanh, lambda g, y, x: g * (1 - y))
    with pytest.raises(FailingExample) as caught:
        Program({"a": 1.0}, [Step("L", ops.tanh, ("a",), {})]).check()
    assert any("L = 0.7616" in path.read_text("utf-8") for path in caught.value.saved)
    capsys.readouterr()


# The decorator. -------------------------------------------------------------------------------------------------------

FACTOR = 3.0


def shifted(x: Any) -> Any:
    """A helper that a checked function uses."""
    return x + FACTOR


@checks_gradients(x=(2, 3), w=(3,), order=2, examples=10)
def test_a_layer(x: Any, w: Any) -> Any:
    return tg.tanh(shifted(x) @ w)


@checks_gradients((2,), examples=10)
def test_by_position_beside_a_fixture(x: Any, tmp_path: Path) -> Any:
    assert tmp_path.exists()
    return (x * FACTOR).sum()


@checks_gradients(x=arrays(tg.log), n=st.integers(1, 3), y=2.0, z=[1.0, 2.0], examples=10)
def test_strategies_numbers_and_what_is_no_float(x: Any, n: int, y: Any, z: Any) -> Any:
    assert isinstance(n, int)
    assert isinstance(y, Value)
    return tg.log(x).sum() * n * y * z.sum()


@checks_gradients(x=(3,), dtype=np.float32, settings=settings(max_examples=5, deadline=None, database=None))
def test_float32_and_settings_of_hypothesis(x: Any) -> Any:
    return tg.exp(x)


def test_a_wrong_function_is_shown_with_what_it_needs(tmp_path: Path, rule_of: Any) -> None:
    rule_of(ops.tanh, lambda g, y, x: g * (1 - y))
    offset = 0.5

    @checks_gradients(x=(2,), n=st.integers(2, 3), save_to=tmp_path)
    def wrong(x: Any, n: int) -> Any:
        return tg.tanh(shifted(x) * offset) * n

    with pytest.raises(FailingExample) as caught:
        wrong()
    assert caught.value.program.splitlines() == [
        "import numpy as np", "import tinygrad_edu as tg", f"from {__name__} import shifted", "offset = 0.5", "",
        "def wrong(x, n):", "    return tg.tanh(shifted(x) * offset) * n", "",
        "x = np.array([1.0, 1.0])", "n = 2", "",
        "tg.check_gradients(lambda x: wrong(x=x, n=n), x, names=['x'])",
    ]  # fmt: skip
    with pytest.raises(tg.GradientCheckError) as again:
        exec(caught.value.program, {})
    assert str(again.value.report) == str(caught.value.report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["failing_wrong.py", "failing_wrong.svg"]


def test_the_same_examples_each_time_and_others_with_a_seed() -> None:
    def seen(**how: Any) -> list[float]:
        numbers: list[float] = []

        @checks_gradients(x=(), examples=10, **how)
        def f(x: Any) -> Any:
            numbers.append(float(x))
            return x * 2

        f()
        return numbers

    assert seen() == seen()
    assert seen(seed=1) == seen(seed=1) != seen(seed=2)


def test_what_the_decorator_refuses() -> None:
    with pytest.raises(TypeError, match=r"Say what the inputs are: @tg.testing.checks_gradients\(x=\(2, 3\)\)"):
        checks_gradients(lambda x: x)
    with pytest.raises(TypeError, match=r"Say what the inputs are"):
        checks_gradients()(lambda x: x)
    with pytest.raises(TypeError, match=r"shifted\(x\) has no argument w"):
        checks_gradients(w=(2,))(shifted)
    with pytest.raises(TypeError, match=r"shifted\(x\) has fewer arguments"):
        checks_gradients((2,), (3,))(shifted)

    @checks_gradients(n=st.integers())
    def no_floats(n: int) -> Any:
        return n

    with pytest.raises(tg.GradientError, match="no_floats was given no floats"):
        no_floats()

    @checks_gradients(x=())
    def no_value(x: Any) -> Any:
        return 1.0

    with pytest.raises(tg.GradientError, match="not a Value"):
        no_value()


# The plugin. ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Run a test file in a pytest of its own, in this process, with the plugin alone."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run_file(text: str, *arguments: str) -> Any:
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess("-p", "tinygrad_edu.testing.plugin", "-p", "no:cacheprovider", *arguments)

    yield run_file
    assert "TINYGRAD_EDU_SAVE_TO" not in os.environ


def test_the_fixture_shows_the_report_and_nothing_else(inner: Callable[..., Any]) -> None:
    result = inner("""
        import tinygrad_edu as tg

        def test_right(check_gradients):
            assert check_gradients(tg.tanh, 0.5, order=2).passed

        def test_wrong(check_gradients):
            check_gradients(lambda x: x * tg.Value(x.data), 3.0, names=["weight"])
    """)
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    failure = text[text.index("test_wrong _") : text.index("short test summary")]
    assert re.search(r"weight +3 +6 ", failure)
    assert "FAILED: 1 of 1 wrong, worst at weight." in failure
    assert failure.count("in a way that is not recorded") == 1
    assert "step" in failure.rpartition("FAILED: 1 of 1")[2]  # the V-curve
    assert "Traceback" not in text
    assert not re.search(r"(check|plugin|report)\.py", failure)


def test_the_option_names_a_folder_for_failing_examples(inner: Callable[..., Any], tmp_path: Path) -> None:
    result = inner(
        """
        import tinygrad_edu as tg

        @tg.testing.checks_gradients(x=(2,))
        def test_cut(x):
            return x * tg.Value(x.data)
        """,
        f"--save-failing-gradients={tmp_path / 'failing'}",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*this program shows it:*", "*def test_cut(x):*", "*saved: *failing_test_cut.py*"])
    assert sorted(path.name for path in (tmp_path / "failing").iterdir()) == [
        "failing_test_cut.py",
        "failing_test_cut.svg",
    ]
    assert "judge(" not in result.stdout.str()


def test_the_plugin_is_light_and_the_strategies_wait_for_their_use() -> None:
    code = (
        "import sys, tinygrad_edu.testing.plugin; heavy = 'hypothesis', 'tinygrad_edu.checking', 'tinygrad_edu.nn'; "
        "print(*sorted({*heavy, 'tinygrad_edu.testing.programs'} & set(sys.modules)))"
    )
    assert python(code) == ""
    assert (
        python(
            "import sys, tinygrad_edu as tg; tg.testing.check_operation(tg.tanh); print('hypothesis' in sys.modules)"
        )
        == "False"
    )


def python(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


def test_without_hypothesis_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.split(".")[0] == "hypothesis" or name.startswith("tinygrad_edu.testing.strategies"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(vars(testing), "graphs", raising=False)
    with pytest.raises(ModuleNotFoundError) as caught:
        testing.graphs  # noqa: B018
    assert str(caught.value) == 'tg.testing.graphs needs hypothesis: pip install "tinygrad-edu[testing]"'


def test_names_of_the_package() -> None:
    public = [
        "arrays", "values", "shapes", "broadcastable", "operands", "graphs", "models", "random_graphs", "Program",
        "Step", "Given", "checks_gradients", "check_operation", "FailingExample", "OperationError", "OperationReport",
    ]  # fmt: skip
    assert sorted(public) == dir(testing)
    assert all(getattr(testing, name).__doc__ for name in public)
    assert all(">>>" in getattr(testing, name).__doc__ for name in public if name[0].islower())
    with pytest.raises(AttributeError, match=r"tinygrad_edu.testing' has no attribute 'graph'"):
        testing.graph  # noqa: B018
    assert issubclass(FailingExample, tg.GradientCheckError)
    assert nn.Sequential
    assert rows.cbrt


def test_one_operation_needs_no_list_and_bounds_that_leave_nothing_are_refused() -> None:
    program = find(graphs(operations=tg.exp, max_steps=1), lambda program: True)
    assert "tg.exp(" in str(program)
    with pytest.raises(ValueError, match="at least 1: max_steps=0"):
        graphs(max_steps=0)
