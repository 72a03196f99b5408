"""The benchmarks: that the sides do the same work, that claims name sides that exist, and what a table says."""

import re
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import handwritten, measure, page, report, sklearn_epoch, two_layers, walking, xor
from benchmarks.measure import BY_HAND, COMPILED, EAGER, Case, Claim, Result
from benchmarks.page import NAMES
from benchmarks.run import main
from tinygrad_edu import Value, nn

ROOT = Path(__file__).parent.parent
SCRIPTS = {
    "__init__",
    "autograd_suite",
    "figures",
    "handwritten",
    "measure",
    "page",
    "report",
    "run",
    "two_layers",
    "worker",
}
CASE = Case(
    "A case", {EAGER: walking.plain, BY_HAND: walking.plain}, [Claim(EAGER, 1.5, BY_HAND), Claim(BY_HAND, 2e-3)]
)


def test_every_script_with_cases_is_run():
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} == {*NAMES} | SCRIPTS


@pytest.mark.parametrize("name", NAMES)
def test_claims_are_about_sides_that_exist_and_titles_are_unique(name):
    cases = import_module(f"benchmarks.{name}").CASES
    assert len({case.title for case in cases}) == len(cases)
    for case in cases:
        assert {side for claim in case.claims for side in (claim.side, claim.against) if side} <= case.sides.keys()
        assert case.rounds >= 7
        functions = [make.func if isinstance(make, partial) else make for make in case.sides.values()]
        assert all(
            getattr(import_module(f.__module__), f.__name__) is f for f in functions
        )  # as the process finds them


def random_layers(*sizes, dtype=np.float32):
    random = np.random.default_rng(7)
    weights = [random.normal(0, 0.5, shape).astype(dtype) for a, b in pairwise(sizes) for shape in ((a, b), (b,))]
    return random.normal(0, 1, (5, sizes[0])).astype(dtype), random.integers(0, sizes[-1], 5), weights


def engine(loss, arrays):
    values = [Value(array) for array in arrays]
    y = loss(*values)
    y.backward()
    return y.data, [value.grad for value in values]


def agree(by_hand, ours, rtol):
    assert by_hand[0] == pytest.approx(ours[0], rel=rtol)
    for a, b in zip(by_hand[1], ours[1], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize(
    ("gradients", "between"), [(handwritten.xor_gradients, np.tanh), (handwritten.mnist_gradients, nn.ReLU())]
)
def test_the_handwritten_gradients_of_two_layers_are_the_engines(gradients, between):
    x, labels, weights = random_layers(6, 4, 3)
    ours = engine(lambda w1, b1, w2, b2: nn.cross_entropy(between(x @ w1 + b1) @ w2 + b2, labels), weights)
    agree(gradients(x, labels, *weights), ours, 1e-5)


def test_the_handwritten_gradients_of_three_layers_are_the_engines():
    x, labels, weights = random_layers(6, 4, 4, 3)
    s = nn.Sigmoid()
    ours = engine(
        lambda w1, b1, w2, b2, w3, b3: nn.cross_entropy(s(s(x @ w1 + b1) @ w2 + b2) @ w3 + b3, labels), weights
    )
    agree(sklearn_epoch.gradients_by_hand(x, labels, *weights), ours, 1e-5)


def test_rashids_gradients_are_the_engines_and_his_own_differ_in_one_factor():
    x, _, (w1, _, w2, _) = random_layers(6, 4, 3, dtype=np.float64)
    x, target, s = x[:1], np.array([[0.01, 0.99, 0.01]]), nn.Sigmoid()
    _, (g1, g2) = by_hand = handwritten.rashid_gradients(x, target, w1, w2)
    agree(by_hand, engine(lambda w1, w2: ((s(s(x @ w1) @ w2) - target) ** 2).sum() / 2, [w1, w2]), 1e-12)
    wih, who = w1.T.copy(), w2.T.copy()
    handwritten.rashid_train(x[0], target[0], wih, who, 1.0)
    np.testing.assert_allclose(w2.T - who, g2.T)
    h = 1 / (1 + np.exp(-x @ w1))
    error = 1 / (1 + np.exp(-h @ w2)) - target
    np.testing.assert_allclose(w1.T - wih, (x.T @ (error @ w2.T * h * (1 - h))).T)
    assert not np.allclose(w1.T - wih, g1.T)


def test_the_sides_of_a_network_take_the_same_steps():
    problem = ("xor", "tanh", 8, 4)
    steps = [make(*problem) for make in (two_layers.eager, two_layers.compiled, two_layers.by_hand)]
    for _ in range(5):
        first, *others = [float(step()) for step in steps]
        assert others == pytest.approx([first] * len(others), rel=1e-5)


def test_sides_run_in_processes_of_their_own_and_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(measure, "PATIENCE", 0)
    sides = {side: xor.CASES[0].sides[side] for side in (EAGER, BY_HAND)} | {
        "nobody": partial(import_module, "nowhere")
    }
    result = measure.run(Case("XOR", sides, rounds=3, block=1e-3))
    assert {side: len(figures) for side, figures in result.figures.items()} == {EAGER: 3, BY_HAND: 3}
    assert all(figure > 0 for figures in result.figures.values() for figure in figures)
    assert result.missing == {"nobody": "No module named 'nowhere'"}


def test_sides_that_do_not_do_the_same_work_are_refused():
    measure.check_losses({"a": [0.5, 0.25], "b": [0.5, 0.25001], "silent": [None, None]}, CASE)
    with pytest.raises(SystemExit, match="A case: the losses differ, so the work does"):
        measure.check_losses({"a": [0.5, 0.25], "b": [0.5, 0.26]}, CASE)


def test_a_table_tells_medians_spreads_ratios_and_what_was_missed():
    result = Result(CASE, {EAGER: [2e-3, 3e-3, 8e-3], BY_HAND: [1e-3, 2e-3, 2e-3]}, {COMPILED: "it failed"}, 0.25)
    cells = [re.split(r" *\| *", line)[1:-1] for line in report.table(result).splitlines() if line.startswith("|")]
    assert cells[2:] == [
        ["ours, eager", "3.00 ms (2.00 ms to 8.00 ms)", "1"],
        [
            "handwritten NumPy",
            "2.00 ms (1.00 ms to 2.00 ms), claimed ≤ 2.00 ms",
            "2.00 (1.50 to 4.00), claimed ≤ 1.50 **missed**",
        ],
    ]
    assert "Other programs took up to 25% of the machine." in report.table(result)
    assert "Left out: ours, compiled (it failed)." in report.table(result)
    assert report.missed(result) == [CASE.claims[0]]
    assert report.sentence(result, CASE.claims[0]) == "ours, eager against handwritten NumPy: 2.00, claimed ≤ 1.50"


def test_a_name_that_is_no_script_is_refused():
    with pytest.raises(SystemExit, match="There is no speed: use --keep and names out of micrograd_demo, "):
        main(["speed"])


def test_the_page_is_what_its_figures_say():
    assert (ROOT / "docs" / "benchmarks.md").read_text("utf-8") == page.text(), "run python -m benchmarks.page"
