"""An operation of one's own, in one call: it computes, differentiates, prints, draws, checks and travels as the rows of
the library do; and what cannot work is refused where it is written, with what to write instead.
"""

import copy
import math
import pickle
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, domains, nn, notation, operations, ops
from tinygrad_edu.symbol import Symbol, formulas

ROOT = Path(__file__).parent.parent
a, b, c, x = map(Symbol, "abcx")


@pytest.fixture(autouse=True)
def gone_after_the_test():
    before = [dict(table) for table in operations.TABLES]
    yield
    for now, then in zip(operations.TABLES, before, strict=True):
        now.clear()
        now.update(then)


def cube_root(**more):
    return tg.operation("cube_root", np.cbrt, lambda g, y, x: g / (3 * y**2), where="x != 0", **more)


def plus(written="{} ⊕ {}", **more):
    """Addition of probabilities, a + b - ab: a rule for each operand that needs the other."""
    return tg.operation(
        "plus", lambda a, b: a + b - a * b, lambda g, y, a, b: g * (1 - b), lambda g, y, a, b: g * (1 - a),
        written=written, **more,
    )  # fmt: skip


def length(written="‖{}, {}‖", **more):
    return tg.operation(
        "length", np.hypot, lambda g, y, a, b: g * ops.ratio(a, y), lambda g, y, a, b: g * ops.ratio(b, y),
        written=written, **more,
    )  # fmt: skip


def leaky(**more):
    return tg.operation(
        "leaky", lambda x, leak: np.where(x > 0, x, leak * x),
        lambda g, y, x, leak: g * ops.where(x > 0, 1, leak), settings={"leak": 0.01}, where="x != 0", **more,
    )  # fmt: skip


def identity(name="mine", compute=np.positive, rule=lambda g, y, x: g, **more):
    return tg.operation(name, compute, rule, **more)


# It computes and differentiates. --------------------------------------------------------------------------------------


def test_numbers_arrays_values_and_derivatives_of_every_order():
    op = cube_root(scalar=math.cbrt)
    assert op(-8.0) == -2.0
    assert op([1.0, -27.0]).tolist() == [1.0, -3.0]
    assert op(Value([8.0, 64.0])).data.tolist() == [2.0, 4.0]
    f, at = op, -2.7
    for closed in (lambda x: np.cbrt(x) / (3 * x), lambda x: -2 * np.cbrt(x) / (9 * x**2),
                   lambda x: 10 * np.cbrt(x) / (27 * x**3)):  # fmt: skip
        f = tg.grad(f)
        assert f(at) == pytest.approx(closed(at), rel=1e-13)


def test_forward_mode_and_the_hessian():
    op = length()
    value, tangent = tg.jvp(op, (3.0, 4.0), (1.0, 2.0))
    assert (value, tangent) == (5.0, pytest.approx(0.6 + 1.6))
    found = tg.hessian(lambda p: op(p[0], p[1]))(np.array([3.0, 4.0]))
    assert found == pytest.approx(np.array([[16, -12], [-12, 9]]) / 125, rel=1e-12)


def test_stretched_operands_get_gradients_of_their_own_shape_and_dtype():
    p, q = Value(np.float32([[0.2], [0.5]])), Value(np.float32([0.1, 0.3, 0.9]))
    loss = plus()(p, q).sum()
    loss.backward()
    assert (p.grad.shape, p.grad.dtype, q.grad.shape, q.grad.dtype) == ((2, 1), np.float32, (3,), np.float32)
    assert p.grad[:, 0] == pytest.approx([1.7, 1.7])  # the sum of 1 - q
    assert q.grad == pytest.approx([1.3, 1.3, 1.3])  # the sum of 1 - p
    assert plus()(p, q).dtype == np.float32


def test_fractions_stay_exact():
    p, q = Value(Fraction(1, 3)), Value(Fraction(1, 7))
    y = plus(scalar=lambda a, b: a + b - a * b)(p, q)
    y.backward()
    assert (y.data, p.grad, q.grad) == (Fraction(3, 7), Fraction(6, 7), Fraction(2, 3))


def test_what_only_math_has():
    erf = tg.operation(
        "erf", np.vectorize(math.erf, otypes=[float]), lambda g, y, x: g * (2 / math.sqrt(math.pi)) * ops.exp(-(x**2)),
        scalar=math.erf,
    )  # fmt: skip
    assert tg.grad(erf)(0.0) == 2 / math.sqrt(math.pi)
    assert tg.grad(tg.grad(erf))(0.5) == pytest.approx(-2 / math.sqrt(math.pi) * math.exp(-0.25), rel=1e-14)
    assert tg.check_gradients(lambda x: erf(x).sum(), np.array([-1.5, 0.0, 0.7]), order=2).passed
    assert "NumPy" not in erf.__doc__  # which has no erf, though it made this one


def test_any_number_of_operands():
    joined = tg.operation(
        "joined", lambda *xs: np.stack(xs), each=lambda i: lambda g, y, *xs: g[i], example=([1.0], [2.0]),
        kinks=[((0.0, 0.0), (1.0, 1.0), "none")],
    )  # fmt: skip
    p, q = Value([1.0, 2.0]), Value([3.0, 4.0])
    (joined([p, q]) * np.array([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert (p.grad.tolist(), q.grad.tolist()) == ([1.0, 2.0], [3.0, 4.0])
    assert joined.__doc__.endswith("Convention: none.\n\n>>> import tinygrad_edu as tg\n>>> joined([[1.0], [2.0]])\n"
                                   "array([[1.],\n       [2.]])")  # fmt: skip
    assert joined([a, b]).python() == "joined([a, b])"
    assert [len(case.operands) for case in domains.cases(joined)] == [2, 3]


def test_an_operand_without_a_derivative_and_a_row_without_any():
    scaled = tg.operation("scaled", lambda a, b: a * b, lambda g, y, a, b: g * b, None)
    p, q = Value(2.0), Value(5.0)
    scaled(p, q).backward()
    assert (p.grad, q.grad) == (5.0, None)
    whole = tg.operation("whole", np.floor, None)
    assert whole(Value(2.5)) == 2.0
    assert whole.__doc__ == "whole(x).\n\nNo gradient passes it."


def test_a_matrix_row_says_its_shapes():
    op = tg.operation(
        "times", lambda a, b: a @ b, lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g, shapes=[((2, 3), (3, 4))]
    )
    p, q = np.arange(6.0).reshape(2, 3), np.ones((3, 4))
    _, pull = tg.vjp(op, p, q)
    assert [g.tolist() for g in pull(np.ones((2, 4)))] == [[[4.0] * 3] * 2, [[3.0] * 4, [5.0] * 4, [7.0] * 4]]
    assert formulas(op, Symbol("A", (2, 3)), Symbol("B", (3, 4))) == ["g @ Bᵀ", "Aᵀ @ g"]


def test_a_setting_reaches_every_function_and_is_called_by_name():
    op = leaky()
    assert tg.grad(lambda x: op(x, leak=0.25))(-2.0) == 0.25
    assert op(-2.0, 0.5) == op(-2.0, leak=0.5) == -1.0
    with pytest.raises(TypeError, match="leaky takes leak, not slope"):
        op(1.0, slope=2.0)


def test_it_serves_as_an_activation():
    layer = nn.Dense(2, 3, activation=leaky(), dtype=np.float64)
    assert tg.check_gradients(lambda x: (layer(x) ** 2).sum(), np.array([[0.3, -0.8]])).passed


# It prints. -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text", "latex"),
    [
        ("{} ⊕ {}", "((a + b) ⊕ c)²", r"((a + b) \oplus c)^{2}"),
        ("{}⊕{}", "((a + b)⊕c)²", r"((a + b) \oplus c)^{2}"),
        ("{} xor {}", "((a + b) xor c)²", r"((a + b) \mathbin{\mathrm{xor}} c)^{2}"),
        ("{} -> {}", "((a + b) -> c)²", r"((a + b) \to c)^{2}"),
        ("‖{}, {}‖", "‖a + b, c‖²", r"\left\Vert a + b , c \right\Vert^{2}"),
        ("⟨{} | {}⟩", "⟨a + b | c⟩²", r"\left\langle a + b | c \right\rangle^{2}"),
        ("({} ⊗ {})", "((a + b) ⊗ c)²", r"\left( (a + b) \otimes c \right)^{2}"),
        ("|{}| + |{}|", "(|(a + b)| + |c|)²", r"( | (a + b) | + | c | )^{2}"),
        ("{1} ∘ {0}", "(c ∘ (a + b))²", r"(c \circ (a + b))^{2}"),
        ("[{}, {}]", "[a + b, c]²", "[a + b, c]^{2}"),
        ("Σ({}, {})", "Σ(a + b, c)²", r"\operatorname{Σ}\left( a + b , c \right)^{2}"),
        (None, "plus(a + b, c)²", r"\operatorname{plus}(a + b, c)^{2}"),
    ],
)
def test_brackets_are_right_in_every_notation(written, text, latex):
    formula = plus(written)(a + b, c) ** 2
    assert str(formula) == text
    assert re.sub(" +", " ", formula.latex()).replace("{ ", "{") == latex
    assert formula.python() == "plus(a + b, c)**2"
    ElementTree.fromstring(formula.mathml())


def test_operations_in_one_another_and_behind_a_minus():
    op = plus()
    assert str(op(op(a, b), c)) == "(a ⊕ b) ⊕ c"
    assert str(op(a, op(b, c))) == "a ⊕ (b ⊕ c)"
    assert str(-op(a, -b)) == "-(a ⊕ (-b))"
    assert str(2 * op(a, b) + 1) == "2·(a ⊕ b) + 1"
    assert op(a, b).mathml() == '<math display="inline"><mi>a</mi><mo>⊕</mo><mi>b</mi></math>'
    assert formulas(op, "a", "b") == ["1 - b", "1 - a"]


def test_a_prefix_and_a_postfix():
    root, factorial = identity("root", written="√{}"), identity("fac", written="{}!")
    assert (str(root(a + b) * c), str(factorial(a) ** 2), str(factorial(-a))) == ("(√(a + b))·c", "(a!)²", "(-a)!")
    assert root(a).latex().split() == [r"\surd", "a"]


def test_latex_of_ones_own():
    op = leaky(latex=r"L_{{{leak}}}({})", written="L({})")
    assert (op(a + b).latex(), op(a, leak=0.2).latex()) == ("L_{0.01}(a + b)", "L_{0.2}(a)")
    assert (str(op(a)), str(op(a, leak=0.2))) == ("L(a)", "leaky(a, leak=0.2)")
    assert plus(latex=r"{} \boxplus {}")(a + b, c).latex() == r"(a + b) \boxplus c"
    assert (plus(latex=r"\frac{{{}}}{{{}}}")(a + b, c) * 2).latex() == r"2 \cdot \frac{a + b}{c}"
    assert plus()(a, b).latex() == r"a \oplus b"  # the row that takes its place has none


def test_source_text_names_the_function_and_runs():
    formula = leaky()(length()(a, b) - plus()(a, b), leak=0.5) * cube_root()(b)
    assert formula.python() == "leaky(np.hypot(a, b) - plus(a, b), leak=0.5) * np.cbrt(b)"
    numbers = {"a": 3.0, "b": -8.0}
    known = {"np": np, "leaky": ops.TABLE["leaky"], "plus": ops.TABLE["plus"]}
    assert eval(formula.python(), known, numbers) == pytest.approx((math.hypot(3, 8) - 19) / 2 * -2)


# It is drawn, explained, walked, marked. ------------------------------------------------------------------------------


@pytest.fixture
def loss():
    p, q = Value(0.25, "p"), Value(0.5, "q")
    return plus()(p, q) * p  # L = p² + pq - p²q


def test_drawings_and_explanations_show_it_as_it_is_written(loss):
    assert "v1 = 0.625, grad — ← ⊕" in str(tg.draw(loss))
    text = str(tg.explain(loss))
    assert "v1 = p ⊕ q" in text
    assert "∂L/∂p  += ∂L/∂v1·(1 - q)" in text
    assert "∂L/∂p = 0.75" in text  # 2p + q - 2pq
    assert r"p \oplus q" in str(tg.explain(loss, format="latex"))
    ElementTree.fromstring(tg.draw(loss).svg())


def test_walks_paths_and_marks(loss):
    steps = [step for step in tg.walk(loss).steps if step.kind == "edge" and step.op.name == "plus"]
    assert [str(step.formula) for step in steps] == ["∂L/∂v1·(1 - q)", "∂L/∂v1·(1 - p)"]
    assert [step.local for step in steps] == [0.5, 0.75]
    assert tg.paths(loss, loss.operands[1]).total == 0.75
    assert "2 of 2 are right" in str(tg.check_by_hand(loss, {"p": 0.75, "q": 0.1875}))  # p - p²


def test_films_and_worksheets_show_it(loss):
    assert "⊕" in tg.film(loss).html()
    assert r"$L = (p \oplus q) \cdot p$" in tg.worksheet(loss).markdown()


def test_one_number_of_an_array_is_opened():
    y = plus()(Value([0.25, 0.5], "p"), Value([0.5, 0.125], "q")).sum()
    y.backward()
    assert tg.draw(y, open=(y.operands[0], (1,))).source.count("⊕") == 2  # of the arrays, and of the two numbers


HOSTILE = [
    '{} <script>alert("1")</script> {}',
    '{} "];->a[ {}',
    r"{} \N\L {}",
    "{} </math></svg>&lt; {}",
    "{} %s $x$ {}",
]


@pytest.mark.parametrize("written", HOSTILE)
def test_what_is_written_is_harmless_in_pictures_and_pages(written):
    loss = plus(written, what="<b>what</b>")(Value(0.25, "p"), Value(0.5, "q"))
    sign = written[3:-3]
    for page in (tg.draw(loss).svg(), tg.film(loss).html(), str(tg.explain(loss, format="html"))):
        assert "<script>alert" not in page
        assert "</math></svg>&lt;" not in page
    ElementTree.fromstring(tg.draw(loss).svg())
    ElementTree.fromstring(plus(written)(a, b).mathml())
    drawn = "".join(ElementTree.fromstring(tg.draw(loss).svg()).itertext())
    assert (sign if " " not in sign else "plus") in drawn


# What the table of domains says of it. --------------------------------------------------------------------------------


def test_help_shows_what_was_said():
    op = cube_root(what="the cube root", example=-8.0, kinks=[(0.0, np.inf, "cube_root'(0) = inf")])
    assert op.__doc__.splitlines() == [
        "cube_root(x): the cube root.", "", "Differentiable for x != 0.", "Convention: cube_root'(0) = inf.", "",
        ">>> import tinygrad_edu as tg", ">>> tg.value_and_grad(cube_root)(-8.0)", "(-2.0, 0.08333333333333333)",
    ]  # fmt: skip
    assert length(example=(3.0, 4.0)).__doc__.splitlines()[-2:] == [
        ">>> tg.value_and_grad(length, argnums=(0, 1))(3.0, 4.0)", "(5.0, (0.6, 0.8))"
    ]  # fmt: skip
    assert leaky(example=np.array([-1.0, 2.0])).__doc__.endswith("leaky([-1.0, 2.0])\narray([-0.01,  2.  ])")


@pytest.mark.parametrize(
    ("where", "operands", "holds"),
    [
        ("x > 0", "a > 0, b > 0", lambda p, q: p > 0 and q > 0),
        ("x, x > 1", "a, b > 1", lambda p, q: q > 1),
        (["|x| < 1", (2, 3.5)], "|a| < 1, 2 < b < 3.5", lambda p, q: abs(p) < 1 and 2 < q < 3.5),
        ((-4, -3), "-4 < a < -3, -4 < b < -3", lambda p, q: -4 < p < -3 and -4 < q < -3),
        ("a, b != 0", "a, b != 0", lambda p, q: abs(q) > 0.1),
    ],
)
def test_test_numbers_are_drawn_where_it_is_differentiable(where, operands, holds):
    op = tg.operation("product", lambda a, b: a * b, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, where=where)
    assert domains.DOMAINS[op].operands == operands
    random = np.random.default_rng(3)
    for _ in range(50):
        assert holds(*domains.draw(op, domains.cases(op)[0], random))


def test_the_complex_step_passes_where_it_may():
    assert domains.holomorphic(plus())
    assert not domains.holomorphic(cube_root())  # NumPy's is for real numbers
    assert not domains.holomorphic(tg.operation("size", np.abs, lambda g, y, x: g * ops.sign(x), where="x != 0"))
    assert not domains.holomorphic(plus(holomorphic=False))
    report = tg.check_gradients(plus(), 0.3, 0.4)
    assert report.passed
    assert all(row.complex_step is not None for row in report.rows)


def test_a_check_finds_a_wrong_factor_and_a_kink():
    wrong = tg.operation("wrong", np.cbrt, lambda g, y, x: g / (2 * y**2), where="x != 0")
    with pytest.raises(tg.GradientCheckError):
        tg.check_gradients(wrong, 8.0)
    verdicts = {row.verdict for row in tg.check_gradients(lambda x: leaky()(x, leak=0.2), np.array([-1.0, 0.0])).rows}
    assert verdicts == {"ok", "kink"}


# NumPy, names and pickles. --------------------------------------------------------------------------------------------


def test_it_answers_for_its_own_function_and_never_for_the_librarys():
    bessel = tg.operation("bessel", np.i0, None)
    assert np.i0(Value(0.0)) == 1.0
    assert ops.ANSWERS[np.i0] is bessel
    cube_root()
    assert ops.ANSWERS[np.cbrt] is tg.cbrt
    assert np.cbrt(Value(8.0)).op is tg.cbrt
    power = tg.operation(
        "fp", np.float_power, lambda g, y, a, b: g * b * y / a, None, where="x > 0", numpy=np.float_power
    )
    assert np.float_power(Value(2.0), 3.0).op is power


def test_the_same_name_again_takes_the_place_of_the_row_before():
    first = identity("again", compute=np.i0, rule=lambda g, y, x: g * 0, latex="A({})")
    y = first(Value(2.0))
    second = identity("again")
    assert ops.TABLE["again"] is second
    assert first not in domains.DOMAINS
    assert np.i0 not in ops.ANSWERS
    assert second(a).latex() == r"\operatorname{again}(a)"
    operations.forget(first)
    assert ops.TABLE["again"] is second
    assert y.op is first  # a recorded graph keeps what it was recorded with
    assert copy.deepcopy(y).op is first


def test_a_graph_with_it_is_pickled_and_finds_its_module(tmp_path):
    (tmp_path / "rows_of_mine.py").write_text(
        "import tinygrad_edu as tg\ntriple = tg.operation('triple', lambda x: 3 * x, lambda g, y, x: 3 * g)\n"
    )
    write = (
        "import pickle, sys, rows_of_mine, tinygrad_edu as tg; y = rows_of_mine.triple(tg.Value(2.0)); "
        "sys.stdout.buffer.write(pickle.dumps(y))"
    )
    read = "import pickle, sys; y = pickle.load(sys.stdin.buffer); print(y.data, y.op.name)"
    place = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    data = subprocess.run([sys.executable, "-c", write], env=place, capture_output=True, check=True).stdout
    found = subprocess.run([sys.executable, "-c", read], env=place, input=data, capture_output=True, check=True).stdout
    assert found.split() == [b"6.0", b"triple"]


def test_a_pickle_of_a_row_that_is_not_there_says_what_to_do():
    data = pickle.dumps(identity("passing"))
    operations.forget(ops.TABLE["passing"])
    with pytest.raises(
        GradientError, match=r"passing is not known here: it was defined in .*test_operation.*tg.operation"
    ):
        pickle.loads(data)


def test_the_rows_of_the_library_are_never_forgotten():
    operations.forget(tg.cbrt)
    assert ops.TABLE["cbrt"] is tg.cbrt


# What cannot work is refused, with what to write instead. -------------------------------------------------------------

REFUSED = {
    "no name": (lambda: identity("cube root"), ValueError,
        "by which source text can call it.*not 'cube root'.*written="),
    "a word of Python's": (lambda: identity("lambda"), ValueError, "can call it, such as cube_root, not 'lambda'"),
    "NumPy itself": (lambda: identity("np"), ValueError, "not 'np'"),
    "no text": (lambda: identity(3), ValueError, "not 3"),
    "a row": (lambda: identity("cbrt"), ValueError, "cbrt is an operation of the library.*my_cbrt"),
    "a composition": (lambda: identity("mean"), ValueError, "mean is an operation of the library"),
    "no rule": (lambda: tg.operation("mine", np.positive), TypeError, "needs one rule for each operand.*None for one"),
    "too many rules": (lambda: tg.operation("mine", np.positive, None, None), TypeError,
        r"compute does not take \(a, b\): positive takes 1 operand.*one rule for each operand \(2 here\)"),
    "too few rules": (lambda: identity(compute=lambda a, b: a), TypeError, r"does not take \(x\): missing a required"),
    "an unnamed setting": (lambda: identity(compute=lambda x, leak: x), TypeError,
        r"'leak'.*a setting stands in settings= with its default"),
    "several results": (lambda: identity(compute=np.modf), TypeError, "it has 2 results, and an operation one"),
    "a text for a rule": (lambda: identity(rule="mine({})"), TypeError, r"rule 1 is no function but 'mine\(\{\}\)'"),
    "a rule without y": (lambda: identity(rule=lambda g, x: g), TypeError,
        r"rule 1 does not take \(g, y, x\).*g is what arrives from above"),
    "a rule without the setting": (
        lambda: identity(compute=lambda x, by: by * x, rule=lambda g, y, x: g, settings={"by": 2.0}), TypeError,
        r"rule 1 does not take \(g, y, x, by=\)"),
    "each with two places": (
        lambda: tg.operation("mine", lambda *xs: sum(xs), each=lambda i: lambda g, y, *xs: g, written="{} + {}"),
        ValueError, r"one \{\} for each of 1 operand|places of written"),
    "mixed places": (lambda: plus("{} + {1}"), ValueError, r"one \{\} for each of 2 operand"),
    "each and rules": (lambda: identity(each=lambda i: lambda g, y, *xs: g), TypeError, "stands for all rules"),
    "the order of a row of the table": (
        lambda: tg.operation("mine", "mine({})", np.positive, None), TypeError, r"by name: written='mine\(\{\}\)'"),
    "compute is no function": (lambda: identity(compute=3), TypeError, "compute is a function of x, not 3"),
    "math on arrays": (lambda: identity(compute=math.tanh), TypeError,
        r"single numbers, but not on arrays .*np.exp for math.exp.*np.vectorize\(f, otypes=\[float\]\)"),
    "if on arrays": (lambda: identity(compute=lambda x: x if x > 0 else 0.0), TypeError,
        "not on arrays.*np.where for if"),
    "methods of arrays": (lambda: identity(compute=lambda x: x.clip(0, 1)), TypeError,
        r"arrays, but not on single numbers.*np.clip\(x, 0, 1\).*shapes="),
    "matrices": (lambda: identity(compute=np.linalg.inv), TypeError, r"fails on test numbers \(LinAlgError.*shapes="),
    "a list": (lambda: identity(compute=lambda x: [x]), TypeError, "returns a number or an array, not list"),
    "text": (lambda: identity(compute=str), TypeError, "returns a number or an array, not str"),
    "nothing": (lambda: identity(compute=lambda x: None), TypeError, "not NoneType"),
    "a changed operand": (lambda: identity(compute=lambda x: np.add(x, 1, out=x if np.ndim(x) else None)), TypeError,
        r"writes into its operand; it makes a new array: x \+ 1, not x \+= 1"),
    "a name that is not there": (lambda: identity(compute=lambda x: nowhere), NameError,  # noqa: F821
        "'nowhere' is not defined"),
    "scalar is no function": (lambda: identity(scalar=0.5), TypeError, "scalar is a function of x, not 0.5"),
    "another scalar": (lambda: identity(scalar=math.tan), ValueError, "scalar makes .*, compute .*must be the same"),
    "scalar fails": (lambda: identity(scalar=lambda x: x.real.nothing), TypeError,
        r"scalar fails on .* \(AttributeError"),
    "float in a rule": (lambda: identity(rule=lambda g, y, x: g * float(y)), TypeError,
        "rule 1 fails on arrays .*without float"),
    "math in a rule": (lambda: identity(rule=lambda g, y, x: g * math.exp(y)), TypeError,
        "rule 1 fails on arrays.*tg.exp"),
    "data in a rule": (lambda: identity(rule=lambda g, y, x: g * y.data), TypeError,
        "rule 1 fails on numbers.*without"),
    "if in a rule": (lambda: identity(rule=lambda g, y, x: g if x > 0 else -g), TypeError,
        "rule 1 fails on arrays.*tg.where"),
    "NumPy's own in a rule": (lambda: identity(rule=lambda g, y, x: g * np.i0(x)), TypeError,
        r"bare numbers.*no formula and no second derivative.*np.i0 has no rule.*tg.operation\(name, compute, None\)"),
    "numbers out of the graph": (lambda: identity(rule=lambda g, y, x: g * np.array(y)), TypeError, "bare numbers"),
    "no return": (lambda: identity(rule=lambda g, y, x: None), TypeError, "rule 1 returns None"),
    "a gradient that does not fit": (
        lambda: identity(rule=lambda g, y, x: np.ones(7) * ops.sum(g)), GradientError, "A rule of mine is wrong"),
    "no place": (lambda: identity(written="mine"), ValueError, r"one \{\} for each of 1 operand.*'mine'"),
    "a place too many": (lambda: identity(written="{} + {}"), ValueError, r"one \{\} for each of 1 operand"),
    "the same place twice": (lambda: plus("{0} + {0}"), ValueError, r"one \{\} for each of 2 operand"),
    "a look inside": (lambda: identity(written="{0.__class__}"), ValueError, "the places of written"),
    "a brace": (lambda: identity(written="{{{}}}"), ValueError, "without braces"),
    "a brace alone": (lambda: identity(written="{} }"), ValueError, "written cannot be read"),
    "two lines": (lambda: identity(written="{}\n"), ValueError, "text in one line"),
    "text that turns": (lambda: identity(written="{} \u202e"), ValueError, "text in one line"),
    "braces of LaTeX": (lambda: identity(latex=r"\sqrt{x}"), ValueError, r"brace of LaTeX's own is doubled: \{\{"),
    "a condition": (lambda: identity(where="x >= 0"), ValueError,
        r"'x >= 0' is no known condition.*\(low, high\).*x > 0"),
    "conditions for others": (lambda: identity(where=["x", "x"]), ValueError, "one for each of 1 operand"),
    "an empty interval": (lambda: identity(where=(2.0, 2.0)), ValueError, r"an interval is \(low, high\)"),
    "half a line": (lambda: identity(where=(0, math.inf)), ValueError, "two finite numbers"),
    "shapes for others": (lambda: identity(shapes=[((2,), (2,))]), ValueError, "one shape for each operand"),
    "a shape alone": (lambda: plus(shapes=[(3,)]), ValueError, r"shapes= lists cases.*\(3,\) is none for 2 operand"),
    "no list of shapes": (lambda: identity(shapes=(3, 3)), ValueError, "3 is none for 1 operand"),
    "no list of settings": (lambda: identity(settings=["leak"]), TypeError, "named arguments with their defaults"),
    "no list of kinks": (lambda: identity(kinks=[0.0]), ValueError, r"lists \(point, gradient, convention\), not 0.0"),
    "a kink for others": (lambda: plus(kinks=[(0.0, 1.0)]), ValueError, "one number for each of 2 operand"),
    "a kink that is not so": (lambda: leaky(kinks=[(0.0, 1.0)]), ValueError,
        "by kinks= the gradient at 0.0 is 1.0, by the rules 0.01"),
    "the library's NumPy": (lambda: cube_root(numpy=np.cbrt), ValueError,
        "cannot answer for np.cbrt: the library's cbrt does"),
    "NumPy by name": (lambda: identity(numpy="i0"), TypeError, "names functions, such as np.cbrt, not 'i0'"),
    "holomorphic": (lambda: cube_root(holomorphic=True), ValueError, "cube_root is not holomorphic"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_and_leaves_the_tables_as_they_were(case):
    before = [dict(table) for table in operations.TABLES]
    attempt, error, text = REFUSED[case]
    with pytest.raises(error, match=f"(?s){text}"):
        attempt()
    assert before == [dict(table) for table in operations.TABLES]


def test_a_refused_row_leaves_the_one_of_that_name_in_place():
    right = identity("kept")
    with pytest.raises(TypeError):
        identity("kept", compute=math.tanh)
    assert ops.TABLE["kept"] is right
    assert right in domains.DOMAINS


def test_the_tables_of_signs_know_no_rows_of_ones_own():
    assert not {"plus", "leaky", "length"} & {*notation.LATEX_SIGNS, *notation.MATHML_SIGNS, *ops.TABLE}
