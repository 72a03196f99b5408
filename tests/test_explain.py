"""Explanations: every format and notation, numbers unrolled and folded, names that could do harm, what is refused."""

import itertools
import re
import unicodedata
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from markdown_it import MarkdownIt

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, nn, ops
from tinygrad_edu.notation import PYTHON, write
from tinygrad_edu.teaching.explaining import TERMS, account
from tinygrad_edu.teaching.formats import FORMATS, PAGE, WIDTH
from tinygrad_edu.teaching.reading import USUAL

NOTATIONS = ("∂", "d", "bar", "δ")
EVERY = ("text", "markdown", "latex", "html")
every_format = pytest.mark.parametrize("format", EVERY)
READER = MarkdownIt("commonmark").enable("table")


def small():
    """a·b + a at a = 2, b = -3."""
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    return a * b + a


def width(line):
    """The columns that a line takes: marks above a letter take none."""
    return sum(not unicodedata.combining(c) for c in line)


def part(text, title):
    """The lines of a paragraph, without its heading."""
    paragraphs = [paragraph.splitlines() for paragraph in text.split("\n\n")]
    return next(lines[1:] for lines in paragraphs if lines[0].startswith(title))


# Formats. -------------------------------------------------------------------------------------------------------------


def test_there_are_four_formats():
    assert tuple(FORMATS) == EVERY


@every_format
def test_an_explanation_is_a_string_that_knows_its_format(format):
    found = tg.explain(small(), format)
    assert isinstance(found, str)
    assert repr(found) == str(found) == found
    assert found.written_in == format
    assert found == found.strip() or format == "html"
    assert not any(line != line.rstrip() for line in found.splitlines())


def test_a_notebook_shows_each_format_in_its_own_way():
    assert tg.explain(small())._repr_mimebundle_() == {"text/plain": tg.explain(small())}
    for format, kind in (("markdown", "text/markdown"), ("latex", "text/latex")):
        found = tg.explain(small(), format)
        assert found._repr_mimebundle_() == {"text/plain": found, kind: found}
    page = tg.explain(small(), "html")._repr_mimebundle_()
    assert page["text/plain"] == "an explanation as a page"
    ((tag, given),) = Page(page["text/html"]).elements
    assert (tag, given["sandbox"]) == ("iframe", "allow-scripts")  # it cannot reach the notebook
    assert given["srcdoc"] == tg.explain(small(), "html")


@every_format
def test_explaining_leaves_no_trace(format):
    a, b = Value(2.0, "a"), Value([1.0, 2.0], "b")
    loss = (a * b).tanh().sum()
    inner = loss.operands[0]
    loss.backward()
    before = [a.grad, b.grad.copy(), inner.grad.copy(), loss.grad]
    tg.explain(loss, format)
    tg.explain(loss, format, composites=False)
    tg.explain(loss, format, element=("b", 1))
    for found, wanted in zip((a.grad, b.grad, inner.grad, loss.grad), before, strict=True):
        np.testing.assert_array_equal(found, wanted)


# Notations, digits, fractions. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notation", "lines"),
    [
        ("∂", ["∂L/∂v1 += ∂L/∂L = 1", "∂L/∂a += ∂L/∂v1·b = 1·(-3) = -3 so far 1 - 3 = -2", "∂L/∂a = -2, ∂L/∂b = 2"]),
        ("d", ["dL/dv1 += dL/dL = 1", "dL/da += dL/dv1·b = 1·(-3) = -3 so far 1 - 3 = -2", "dL/da = -2, dL/db = 2"]),
        ("bar", ["v̅1̅ += L̅ = 1", "a̅ += v̅1̅·b = 1·(-3) = -3 so far 1 - 3 = -2", "a̅ = -2, b̅ = 2"]),
        ("δ", ["δ_v1 += δ_L = 1", "δ_a += δ_v1·b = 1·(-3) = -3 so far 1 - 3 = -2", "δ_a = -2, δ_b = 2"]),
    ],
)
def test_gradients_are_written_in_four_ways(notation, lines):
    found = [" ".join(line.split()) for line in tg.explain(small(), notation=notation).splitlines()]
    assert [lines[0], lines[1], f"Gradients: {lines[2]}"] == [found[7], found[9], found[12]]


@pytest.mark.parametrize(
    ("notation", "latex", "mathml"),
    [
        ("∂", r"\frac{\partial L}{\partial v_{1}}", "<mfrac><mrow><mi>∂</mi><mi>L</mi></mrow>"),
        (
            "d",
            r"\frac{\mathrm{d} L}{\mathrm{d} v_{1}}",
            '<mfrac><mrow><mi mathvariant="normal">d</mi><mi>L</mi></mrow>',
        ),
        ("bar", r"\overline{v_{1}}", '<mover accent="true"><mrow><mi>L</mi></mrow><mo>¯</mo></mover>'),
        ("δ", r"\delta_{v_{1}}", "<msub><mrow><mi>δ</mi></mrow><mrow><mi>L</mi></mrow></msub>"),
    ],
)
def test_gradients_are_drawn_in_four_ways(notation, latex, mathml):
    assert f"  {latex} &\\mathrel{{+}}= " in tg.explain(small(), "latex", notation=notation)
    assert f"${latex} \\mathrel{{+}}= " in tg.explain(small(), "markdown", notation=notation)
    assert mathml in tg.explain(small(), "html", notation=notation)


@pytest.mark.parametrize("digits", range(1, 18))
def test_numbers_have_as_many_digits_as_wanted(digits):
    x = Value(np.pi / 10, "x")
    shown = f"{np.pi / 10:.{digits}g}"
    loss = x.tanh() * 3.0
    assert tg.explain(loss, digits=digits).startswith(f"Given x = {shown}\n")
    assert f"= tanh({shown})" in tg.explain(loss, digits=digits)
    assert f"$x = {shown}$" in tg.explain(loss, "markdown", digits=digits)
    assert f"x = {shown}$" in tg.explain(loss, "latex", digits=digits)
    assert f"<mn>{shown}</mn>" in tg.explain(loss, "html", digits=digits)
    assert f"∂L/∂x = {3 * (1 - np.tanh(np.pi / 10) ** 2):.{digits}g}" in tg.explain(loss, digits=digits)


def test_large_and_small_numbers():
    x = Value(1234567.0, "x")
    found = tg.explain(x * 1e-9)
    assert found.startswith("Given x = 1.235e6\n")
    assert "= 0.001235" in found
    assert r"x = 1.235 \cdot 10^{6}" in tg.explain(x * 1e-9, "latex")


def test_fractions_stay_exact():
    x, y = Value(Fraction(1, 3), "x"), Value(Fraction(-2, 7), "y")
    loss = (x - y) ** 2 + x * y
    assert (
        tg.explain(loss, digits=2)
        == """\
Given x = 1/3, y = -2/7

Forward
  v1 = x - y   = 1/3 - (-2/7)      = 13/21
  v2 = v1²     = (13/21)²          = 169/441
  v3 = x·y     = 1/3·(-2/7)        = -2/21
  L  = v2 + v3 = 169/441 + (-2/21) = 127/441

Backward, from ∂L/∂L = 1
  ∂L/∂v2 += ∂L/∂L                   = 1
  ∂L/∂v3 += ∂L/∂L                   = 1
  ∂L/∂x  += ∂L/∂v3·y    = 1·(-2/7)  = -2/7
  ∂L/∂y  += ∂L/∂v3·x    = 1·(1/3)   = 1/3
  ∂L/∂v1 += ∂L/∂v2·2·v1 = 1·2·13/21 = 26/21
  ∂L/∂x  += ∂L/∂v1                  = 26/21  so far -2/7 + 26/21 = 20/21
  ∂L/∂y  += -∂L/∂v1                 = -26/21 so far 1/3 - 26/21 = -19/21

Gradients: ∂L/∂x = 20/21, ∂L/∂y = -19/21"""
    )
    loss.backward()
    assert (x.grad, y.grad) == (Fraction(20, 21), Fraction(-19, 21))
    assert r"\left(\frac{13}{21}\right)^{2} = \frac{169}{441}" in tg.explain(loss, "latex")
    assert r"$-\frac{19}{21}$" in tg.explain(loss, "markdown").replace("\\frac{\\partial L}{\\partial y} = ", "")
    assert "<mfrac><mrow><mn>169</mn></mrow><mrow><mn>441</mn></mrow></mfrac>" in tg.explain(loss, "html")


# Names. ---------------------------------------------------------------------------------------------------------------


def test_names_of_the_caller_name_what_has_no_label():
    weights, factor = Value([[1.0, 2.0, 3.0]]), Value(2.0, "k")
    data = np.array([[1.0], [0.0], [-1.0]])
    total = weights @ data
    _hidden = total * factor
    loss = _hidden.sum()
    found = tg.explain(loss, names=locals())
    assert found.startswith("Given weights = [[1, 2, 3]], data = [1, 0, -1]ᵀ, k = 2\n")  # a label comes first
    assert [line.split(" = ")[0].strip() for line in part(found, "Forward")] == ["total", "v1", "loss"]
    assert "Backward, from ∂loss/∂loss = 1" in found
    assert tg.explain(loss).startswith("Given v1 = [[1, 2, 3]], c1 = [1, 0, -1]ᵀ, k = 2\n")


def test_labels_that_occur_twice_are_told_apart():
    first, second, third = Value(2.0, "w"), Value(3.0, "w"), Value(5.0, "w1")
    loss = first * second + first * third
    assert tg.explain(loss).startswith("Given w2 = 2, w3 = 3, w1 = 5\n")  # w1 is taken
    assert (
        tg.explain(first * second)
        == """\
Given w1 = 2, w2 = 3

Forward
  L = w1·w2 = 2·3 = 6

Backward, from ∂L/∂L = 1
  ∂L/∂w1 += ∂L/∂L·w2 = 1·3 = 3
  ∂L/∂w2 += ∂L/∂L·w1 = 1·2 = 2

Gradients: ∂L/∂w1 = 3, ∂L/∂w2 = 2"""
    )
    assert tg.explain(first * second, element=("w2", ())).endswith("Gradients: ∂L/∂w2 = 2")
    with pytest.raises(ValueError, match=r"^2 values are called 'w': say w1 or w2, or give each a label of its own\.$"):
        tg.explain(first * second, element=("w", ()))


HOSTILE = [
    '<b>&"', "a|b", "my loss", "x_1", "∂", "\u05d0\u05d1", "a\u202eb", "w" * 200, "two\nlines", "tab\there",
    "\x00\x1b[31m", "$x$", "a$b", "\\", "\\frac", "{", "}", "%", "#1", "a&b", "a^b", "~", "a_b_c", "`code`", "*bold*",
    "__init__", "[link](http://example.org)", "![](x)", "</math><script>alert(1)</script>", "<!--", "-->", "]]>",
    "{title}", "{body}", "&lt;", "é", "e\u0301", "σ", "alpha", "1 + 1", "-a", "'", ";", "\ud800",
]  # fmt: skip
hostile = pytest.mark.parametrize("label", HOSTILE, ids=ascii)


def with_label(label):
    """A graph that says its labels in all places: given, formulas, remarks, words beside a step, and as the result."""
    rows, row = Value(np.full((3, 2), 0.5), label), Value([1.0, 2.0], label + "b")
    unused, factor = Value(0.0, label + "u"), Value(3.0, label + "f")
    z = (rows + row).tanh()
    z.label = label + "z"
    loss = z.sum() * factor + unused * 0.0
    loss.label = label + "l"
    return loss


def all_of(label, format):
    """The explanation as a whole, and of one number."""
    loss = with_label(label)
    return tg.explain(loss, format), tg.explain(
        loss, format, element=(loss.operands[0].operands[0].operands[0], (2, 1))
    )


@hostile
def test_labels_do_no_harm_to_the_text(label):
    for found, plain in zip(all_of(label, "text"), all_of("q", "text"), strict=True):
        assert all(c.isprintable() or c == "\n" for c in found)  # no new line, no other direction, no terminal colour
        found.encode()
        assert len(re.findall("^  [^ ]", found, re.M)) == len(re.findall("^  [^ ]", plain, re.M))  # the steps
        assert len(label) > 5 or max(map(width, found.splitlines())) <= WIDTH


@hostile
def test_labels_do_no_harm_to_the_page(label):
    for found, plain in zip(all_of(label, "html"), all_of("q", "html"), strict=True):
        page, usual = Page(found), Page(plain)
        drawn = {"math", "mrow", "mi", "mn", "mo", "msub", "msup", "mfrac", "mtext"}
        assert [x for x in page.elements if x[0] not in drawn] == [x for x in usual.elements if x[0] not in drawn]
        assert {tag for tag, _ in page.elements} <= {tag for tag, _ in usual.elements} | drawn
        assert page.scripts == usual.scripts
        assert page.doctypes == ["doctype html"]
        assert not page.comments
        for formula in re.findall("<math>.*?</math>", found):
            ElementTree.fromstring(formula)  # XML too


@hostile
def test_labels_do_no_harm_to_markdown(label):
    """A reader of Markdown that knows nothing of formulas finds them as they are: no tags, no emphasis, no links."""
    for found, plain in zip(all_of(label, "markdown"), all_of("q", "markdown"), strict=True):
        kinds, columns = kinds_and_columns(found)
        usual_kinds, usual_columns = kinds_and_columns(plain)
        assert kinds <= usual_kinds | {"text_special", "softbreak"}
        assert columns == usual_columns
        assert len(re.findall(r"(?<!\\)\$", found)) == len(re.findall(r"(?<!\\)\$", plain))
        for line in found.splitlines():
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", line)) == 5


def kinds_and_columns(text):
    """The kinds of elements in a page of Markdown, and how many cells its rows have."""
    tokens = READER.parse(text)
    kinds = {token.type for token in tokens} | {x.type for token in tokens for x in token.children or ()}
    cells = [token.type for token in tokens if token.type in ("tr_open", "th_open", "td_open")]
    rows = " ".join(cells).split("tr_open")[1:]
    return kinds, [len(row.split()) for row in rows]


@pytest.mark.parametrize("label", ["W", *HOSTILE], ids=ascii)
def test_formulas_in_markdown_keep_every_backslash(label):
    """On a repository's page a backslash before a sign is taken away, within dollar signs too."""
    for found in all_of(label, "markdown"):
        for formula in re.findall(r"(?<!\\)\$(.*?)(?<!\\)\$", found):
            assert not re.search(r"\\[^a-zA-Z]|[<>`*]", formula), formula


@hostile
def test_labels_do_no_harm_to_latex(label):
    for found, plain in zip(all_of(label, "latex"), all_of("q", "latex"), strict=True):
        assert_latex(found)
        assert re.findall(r"\\(begin|end)\b", found) == re.findall(r"\\(begin|end)\b", plain)
        assert found.count(" \\\\\n") == plain.count(" \\\\\n")
        assert len(re.findall(r"(?<!\\)&", found)) == len(re.findall(r"(?<!\\)&", plain))


def assert_latex(text):
    """Braces, dollar signs and environments are balanced, and no sign means more than it should where there is text."""
    text = re.sub(r"\\\\\n", "\n", text)
    depth, mode, kinds = 0, ["text"], list[str]()
    for token in re.findall(r"\\begin\{align\*\}|\\end\{align\*\}|\\text(?:bf)?\{|\\[a-zA-Z]+|\\.|.", text, re.DOTALL):
        if token == r"\begin{align*}":
            mode.append("math")
        elif token == r"\end{align*}":
            assert mode.pop() == "math"
        elif token == "$":
            if mode[-1] == "math":
                mode.pop()
            else:
                mode.append("math")
        elif token in (r"\text{", r"\textbf{"):
            kinds.append(mode[-1])
            mode.append("text")
            depth += 1
        elif token == "{":
            kinds.append("")
            depth += 1
        elif token == "}":
            depth -= 1
            assert depth >= 0
            if kinds.pop():
                assert mode.pop() == "text"
        elif token in "_^":
            assert mode[-1] == "math", text
        else:
            assert token not in "%#~", token
            assert token[0] != "\\" or token[1:].isalpha() or token[1] in "#$%&_{},;\\ ", token
    assert (depth, mode) == (0, ["text"])


def test_two_letters_of_one_shape_are_not_mixed_up():
    label = "{title} {body} {0}"
    page = Page(tg.explain(Value(2.0, "x") * Value(3.0, label), "html"))
    assert label in "".join(page.texts)


# A page. --------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """A page as its elements and texts; AssertionError where one is not closed, or closed and not open."""

    OPTIONAL = ("html", "tr", "th", "td")  # HTML closes them by itself

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.scripts, self.doctypes, self.comments, self.open = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        ends = {"tr": ("tr", "th", "td"), "th": ("th", "td"), "td": ("th", "td")}.get(tag, ())
        while self.open and self.open[-1] in ends:
            self.open.pop()
        self.elements.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open[-1] != tag and self.open[-1] in self.OPTIONAL:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] == "script" else self.texts).append(data)

    def handle_decl(self, decl):
        self.doctypes.append(decl)

    def handle_comment(self, data):
        self.comments.append(data)

    def unknown_decl(self, data):
        raise AssertionError(data)


def network():
    settings = {"dtype": np.float64}
    model = nn.Sequential(nn.Dense(2, 8, "tanh", seed=1, **settings), nn.Dense(8, 1, seed=2, **settings))
    x = np.array([[1.0, 2.0], [0.5, -1.0], [-2.0, 0.0], [1.5, 1.0]])
    return nn.mse(model(x), np.array([[1.0], [0.0], [0.5], [-1.0]]))


@pytest.mark.parametrize("build", [small, network])
def test_a_page_is_whole_and_loads_nothing(build):
    text = tg.explain(build(), "html")
    page = Page(text)
    assert page.doctypes == ["doctype html"]
    assert page.elements[0] == ("html", {"lang": "en"})
    assert ("meta", {"charset": "utf-8"}) in page.elements
    assert text.index("<meta charset") < 100
    assert any(tag == "meta" and x.get("name") == "viewport" for tag, x in page.elements)
    assert "@media (prefers-color-scheme: dark)" in text
    assert not re.search(r"https?:|//[a-z]|url\(|@import|src=|href=|<link|<img|<iframe|\bon[a-z]+=|javascript:", text)
    assert page.scripts == Page(PAGE).scripts
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert len({tag for tag, _ in page.elements if tag == "title"}) == 1
    for formula in re.findall("<math>.*?</math>", text):
        ElementTree.fromstring(formula)
    assert {"{title}", "{body}"}.isdisjoint(page.texts)


@pytest.mark.parametrize("build", [small, network])
def test_every_step_of_a_page_can_be_reached_with_the_keyboard(build):
    loss = build()
    page = Page(tg.explain(loss, "html", composites=False))
    rows = [given for tag, given in page.elements if tag == "tr"]
    assert rows == [{"tabindex": "0"}] * (len(tg.walk(loss)) - 1)  # the seed stands in the heading
    folded = Page(tg.explain(loss, "html"))
    assert [given for tag, given in folded.elements if tag == "tr"].count({"tabindex": "0"}) >= len(rows)
    assert "ArrowDown" in page.scripts[0]
    assert "ArrowUp" in page.scripts[0]


def test_the_rows_of_a_composite_can_be_opened_on_the_page():
    s = Value(0.5, "s")
    page = Page(tg.explain(tg.silu(s) * 2, "html"))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("details") == tags.count("summary") == 2  # forward and backward
    assert page.texts.count("silu") == 2
    assert tags.count("tr") == 2 + 2 + 2 + 3  # two steps and the rows inside, forward; the same, backward
    assert "details" not in [tag for tag, _ in Page(tg.explain(tg.silu(s) * 2, "html", composites=False)).elements]


# One number of a gradient. --------------------------------------------------------------------------------------------


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 1.5, shape)


def of_matrices():
    return (Value(numbers(3, 2), "W") @ Value(numbers(2, 4, seed=1), "V")).tanh().sum()


def of_linear():
    x, w, b = Value(numbers(3, 2), "x"), Value(numbers(2, 4, seed=1), "W"), Value(numbers(4, seed=2), "b")
    return (ops.linear(x, w, b) ** 2).mean()


def of_broadcast():
    x, b, c = Value(numbers(3, 4), "x"), Value(numbers(4, seed=1), "b"), Value(numbers(3, 1, seed=2), "c")
    return ((x + b) * c * Value(0.7, "k")).exp().sum()


def of_means():
    x = Value(numbers(3, 4), "x")
    return (x.mean(axis=0) * x.mean(axis=1, keepdims=True) - x.mean()).mean()


def of_tanh():
    x = Value(numbers(5), "x")
    return (x.tanh() * np.arange(5.0)).sum() + x[2] * x[0]


def of_softmax():
    return nn.cross_entropy(Value(numbers(3, 4), "x") @ Value(numbers(4, 3, seed=1), "W"), np.array([0, 2, 1]))


def of_moments():
    x = Value(numbers(2, 3), "x")
    return tg.var(x, axis=0).sum() * tg.std(x) + tg.ptp(x, axis=1).sum()


GRAPHS = [of_matrices, of_linear, of_broadcast, of_means, of_tanh, of_softmax, of_moments, network]


def terms_of(found):
    """The numbers of the terms, a line for each."""
    lines = [line for line in re.sub(r"\n {3,}", " ", found).splitlines() if line.startswith("  ")]
    return [float(re.sub(" +so far.*", "", line).rsplit("= ", 1)[1]) for line in lines]


@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_every_element_unrolled_sums_to_what_backward_gives(build):
    loss = build()
    loss.backward()
    names = tg.walk(loss).names
    for name in names:
        x = names.find(name)
        if not isinstance(x, Value) or x is loss or (x.op and x.size > 6):
            continue
        for index in np.ndindex(x.shape):
            found = tg.explain(loss, element=(name, index), digits=17)
            terms = terms_of(found)
            assert sum(terms) == pytest.approx(np.asarray(x.grad)[index], rel=1e-9, abs=1e-13)
            assert float(found.rsplit(" = ", 1)[1]) == pytest.approx(np.asarray(x.grad)[index], rel=1e-12, abs=1e-14)


def test_one_weight_of_a_network_is_told_term_by_term():
    x = np.array([[1.0, 2.0], [0.5, -1.0], [-2.0, 0.0]])
    w, b = Value([[0.5, -1.0, 2.0, 0.25], [1.0, 0.25, -0.5, 0.75]], "W"), Value([0.1, 0.2, 0.3, 0.4], "b")
    loss = tg.mean(tg.tanh(x @ w + b))
    assert (
        tg.explain(loss, names={"x": x}, element=("W", (0, 3)))
        == """\
Through v1: ∂L/∂W += xᵀ @ ∂L/∂v1 ∈ -0.121 … 0.0995
  ∂L/∂W[0, 3] += x[0, 0]·∂L/∂v1[0, 3] = 1·0.004403  = 0.004403
  ∂L/∂W[0, 3] += x[1, 0]·∂L/∂v1[1, 3] = 0.5·0.07925 = 0.03963  so far 0.004403 + 0.03963 = 0.04403
  ∂L/∂W[0, 3] += x[2, 0]·∂L/∂v1[2, 3] = -2·0.08251  = -0.165   so far 0.04403 - 0.165 = -0.121

Gradients: ∂L/∂W[0, 3] = -0.121"""
    )


def test_elements_of_a_broadcast_bias_a_mean_and_a_tanh():
    b, x = Value([1.0, 2.0], "b"), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    z = b + x
    z.label = "z"
    loss = (z * z).sum()
    assert (
        tg.explain(loss, element=("b", 1))
        == """\
Through z: ∂L/∂b += sum(∂L/∂z, axis=0) = [24, 36]
  ∂L/∂b[1] += ∂L/∂z[0, 1] = 8
  ∂L/∂b[1] += ∂L/∂z[1, 1] = 12 so far 8 + 12 = 20
  ∂L/∂b[1] += ∂L/∂z[2, 1] = 16 so far 20 + 16 = 36

Gradients: ∂L/∂b[1] = 36"""
    )
    assert (
        tg.explain(b.mean(), element=("b", 0), composites=False)
        == """\
Through v1: ∂L/∂b += broadcast_to(∂L/∂v1, (2,)) = [0.5, 0.5]
  ∂L/∂b[0] += ∂L/∂v1 = 0.5

Gradients: ∂L/∂b[0] = 0.5"""
    )
    assert (
        tg.explain(b.tanh().sum(), element=("b", -1))
        == """\
Through v1: ∂L/∂b += ∂L/∂v1·(1 - v1²) = [0.42, 0.07065]
  ∂L/∂b[1] += ∂L/∂v1[1]·(1 - v1[1]²) = 1·(1 - 0.964²) = 0.07065

Gradients: ∂L/∂b[1] = 0.07065"""
    )


def test_an_element_of_a_value_that_is_used_twice_comes_through_each_use():
    a = Value([2.0, 3.0], "a")
    loss = (a * a).sum() + a[1]
    found = tg.explain(loss, element=("a", 1))
    assert re.findall(r"^Through (\w+)", found, re.M) == ["v3", "v1", "v1"]
    assert "so far 4 + 3 = 7" in found
    assert found.endswith("Gradients: ∂L/∂a[1] = 7")


def test_elements_of_inner_values_and_by_the_value_itself():
    a = Value([2.0, 3.0], "a")
    squares = a * a
    loss = (squares * 5.0).sum()
    assert tg.explain(loss, element=(squares, 1)).endswith("Gradients: ∂L/∂v1[1] = 5")
    assert tg.explain(loss, element=("a", np.int64(0))) == tg.explain(loss, element=(a, (0,)))
    assert tg.explain(a.sum(), element=("a", 0)).endswith("Gradients: ∂L/∂a[0] = 1")
    scalar = Value(2.0, "s")
    assert tg.explain(scalar * 3, element=("s", ())).endswith("Gradients: ∂L/∂s = 3")


@pytest.mark.parametrize("count", [TERMS - 1, TERMS, TERMS + 1, 40])
def test_many_terms_are_shortened_and_still_sum(count):
    x, k = numbers(count), Value(2.0, "k")
    loss = (k * x).sum()
    found = tg.explain(loss, element=("k", ()), digits=17)
    terms, more = terms_of(found), re.findall(r"\+= (\d+) more terms +=", found)
    assert len(terms) == min(count, TERMS)
    assert more == [str(count - TERMS + 1)] * (count > TERMS)
    loss.backward()
    assert sum(terms) == pytest.approx(k.grad, rel=1e-12)
    if more:
        assert terms[-1] == pytest.approx(sum(x[TERMS - 1 :]), rel=1e-12)
        last = " ".join(found.partition("more terms")[2].split())
        assert last.partition(" Gradients: ")[0].endswith(f" = {found.rsplit(' = ', 1)[1]}")  # so far is all


@every_format
@pytest.mark.parametrize("notation", NOTATIONS)
def test_elements_in_every_format_and_notation(format, notation):
    found = tg.explain(of_linear(), format, notation=notation, element=("W", (1, 3)))
    letter = {
        "text": {"∂": "∂L/∂W[1, 3]", "d": "dL/dW[1, 3]", "bar": "W̅[1, 3]", "δ": "δ_W[1, 3]"},
        "latex": {"∂": r"\partial W_{1,3}}", "d": r"\mathrm{d} W_{1,3}}", "bar": r"\bar{W}_{1,3}",
                  "δ": r"\delta_{W_{1,3}}"},
    }  # fmt: skip
    if format == "html":
        assert "<mrow><mi>W</mi></mrow><mrow><mn>1</mn><mo>,</mo><mn>3</mn></mrow>" in found or notation == "bar"
        assert [tag for tag, _ in Page(found).elements].count("tr") == 3
    else:
        assert letter["text" if format == "text" else "latex"][notation] in found.replace(r"\relax", "")
    if format == "latex":
        assert_latex(found)


# Composites. ----------------------------------------------------------------------------------------------------------


def by_row(function, **settings):
    def build():
        x = Value([[1.0, 4.0, 2.5], [3.0, -1.0, 0.5]], "x")
        y = function(x, **settings)
        return (y * y).sum()

    build.__name__ = f"{function.name}{settings or ''}"
    return build


def weighted():
    return tg.average(Value([1.0, 4.0, 2.0], "x"), weights=Value([1.0, 2.0, 3.0], "w"))


FOLDED = [
    by_row(tg.mean), by_row(tg.mean, axis=1), by_row(tg.var), by_row(tg.var, axis=0, ddof=1), by_row(tg.std),
    by_row(tg.std, axis=1, keepdims=True), by_row(tg.median), by_row(tg.median, axis=0), by_row(tg.gelu),
    by_row(tg.silu), by_row(tg.ptp), by_row(tg.ptp, axis=1), by_row(tg.average), by_row(tg.diff), by_row(tg.flatten),
    weighted,
]  # fmt: skip
SPELLED = {"np": np, **ops.TABLE}


@pytest.mark.parametrize("build", FOLDED, ids=lambda build: build.__name__)
def test_formulas_of_folded_composites_evaluate_to_their_contributions(build):
    loss = build()
    walk = tg.walk(loss)
    letters = {name: getattr(walk.names.find(name), "data", walk.names.find(name)) for name in walk.names}
    letters |= {f"d_{walk.names.of(step.node)}": step.upstream for step in walk.steps if step.kind == "edge"}
    told = [part for part in account(walk, USUAL).sections[-1].parts if part.name]
    assert told
    for reading in [reading for part in told for reading in (part.value, *part.backward)]:
        formula = write(reading.rule, PYTHON)[0]
        found = eval(formula, {"__builtins__": {}, **SPELLED}, letters)
        np.testing.assert_allclose(found, reading.number, rtol=1e-12, atol=1e-14, err_msg=formula)
        assert np.shape(found) == np.shape(reading.number)
    loss.backward()
    for part in told:  # all that comes to an operand comes through the composite
        for reading in part.backward:
            x = walk.names.find(reading.letter.name.by)
            np.testing.assert_allclose(reading.number, x.grad, rtol=1e-12)


@pytest.mark.parametrize("build", FOLDED, ids=lambda build: build.__name__)
@every_format
def test_a_composite_is_one_step_or_all_of_its_own(build, format):
    loss = build()
    folded, opened = tg.explain(loss, format), tg.explain(loss, format, composites=False)
    name = "average" if build is weighted else build.__name__.partition("{")[0]
    assert name in folded
    assert name not in opened or format == "html"
    if format == "text":
        assert f"({name})" in folded
        assert folded.rpartition("\n\n")[2] == opened.rpartition("\n\n")[2]  # the same gradients
        steps = [step for step in tg.walk(loss).steps if step.kind != "seed"]
        assert len(re.findall(r"^  \S", folded, re.M)) <= len(re.findall(r"^  \S", opened, re.M)) == len(steps)
    elif format == "markdown":
        assert {*kinds_and_columns(folded)[1]} == {4}
    elif format == "latex":
        assert_latex(folded)
    else:
        tags, tags_of_opened = ([tag for tag, _ in Page(page).elements] for page in (folded, opened))
        assert "details" in tags
        assert "details" not in tags_of_opened


def test_a_mean_reads_as_one_step():
    x = Value([1.0, 2.0, 6.0], "x")
    assert (
        tg.explain(tg.mean(x))
        == """\
Given x = [1, 2, 6]

Forward
  L = sum(x)/3 = 3 (mean)

Backward, from ∂L/∂L = 1
  ∂L/∂x += broadcast_to((∂L/∂L)/3, (3,)) (3,) = [0.3333, 0.3333, 0.3333]

Gradients: ∂L/∂x = [0.3333, 0.3333, 0.3333]"""
    )


def test_a_formula_that_is_long_is_told_even_where_it_stands_alone():
    found = tg.explain(tg.gelu(Value(0.5, "s")))
    assert part(found, "Forward") == [
        "  L = 0.5·s·(1 + tanh(0.797885·(s + 0.044715·s³)))",
        "       = 0.5·0.5·(1 + tanh(0.797885·(0.5 + 0.044715·0.5³))) = 0.3457 (gelu)",
    ]
    x = Value([0.5, 1.0], "x")
    (line,) = part(tg.explain(tg.gelu(x), seed=[1.0, 1.0]), "Forward")
    assert line == "  L = 0.5·x·(1 + tanh(0.797885·(x + 0.044715·x³))) (2,) = [0.3457, 0.8412] (gelu)"


def test_what_is_told_by_name_alone_has_the_shape_of_its_result():
    found = tg.explain(tg.var(Value([1.0, 4.0, 2.0], "x")))
    assert part(found, "Backward") == [
        "  ∂L/∂x += (∂L/∂L)/3·2·(x - sum(x, keepdims=True)/3) + sum(-(∂L/∂L)/3·2·(x - sum(x,",
        "           keepdims=True)/3), axis=0, keepdims=True)/3 (3,) = [-0.8889, 1.111, -0.2222]",
    ]
    found = tg.explain(tg.cumprod(Value([2.0, 3.0, 4.0], "x")), seed=[1.0, 1.0, 1.0])
    assert "through cumprod (3,) = [16, 10, 6]" in found


def test_a_composite_with_several_results_is_opened():
    x, w = Value([1.0, 4.0, 2.0], "x"), Value([1.0, 2.0, 3.0], "w")
    mean, total = tg.average(x, weights=w, returned=True)
    found = tg.explain(mean * total)
    assert "average" not in found
    assert "v1 = x·w" in found
    rows, columns = tg.gradient(Value(np.arange(6.0).reshape(2, 3) ** 2, "A"))
    found = tg.explain(rows.sum() + columns.sum())
    assert "(gradient)" not in found
    assert found.count("A[") == 12


def test_a_composite_of_many_rows_is_opened():
    found = tg.explain(tg.gradient(Value([1.0, 4.0, 2.0, 3.0], "x")).sum())
    assert "concatenate(" in found
    assert "(gradient)" not in found


def test_a_composite_that_is_used_twice_is_two_steps():
    s = Value(0.5, "s")
    found = tg.explain(tg.silu(s) + tg.silu(s))
    assert found.count("(silu)") == 2
    assert "so far 0.74 + 0.74 = 1.48" in found


# Sums that run. -------------------------------------------------------------------------------------------------------


def test_a_value_that_is_used_twice_shows_its_running_sum():
    a = Value(2.0, "a")
    found = part(tg.explain(a * a + 3 * a), "Backward")
    assert found[2:] == [
        "  ∂L/∂a  += 3·∂L/∂v2 = 3·1 = 3",
        "  ∂L/∂a  += ∂L/∂v1·a = 1·2 = 2 so far 3 + 2 = 5",
        "  ∂L/∂a  += ∂L/∂v1·a = 1·2 = 2 so far 5 + 2 = 7",
    ]
    assert "so far $3 + 2 = 5$ |" in tg.explain(a * a + 3 * a, "markdown")
    assert r"&& \text{so far $3 + 2 = 5$}" in tg.explain(a * a + 3 * a, "latex")
    assert "so far <math><mn>3</mn><mo>+</mo><mn>2</mn><mo>=</mo><mn>5</mn></math>" in tg.explain(a * a + 3 * a, "html")


def test_an_explanation_is_of_one_pass_whatever_was_there_before():
    a = Value(2.0, "a")
    loss = a * a + 3 * a
    fresh = tg.explain(loss)
    loss.backward()
    assert tg.explain(loss) == fresh
    loss.backward()
    assert tg.explain(loss) == f"{fresh}\nWhat has been added up in grad is 2 times what one pass gives: a."
    a.grad = 5.0
    assert tg.explain(loss) == f"{fresh}\nWhat has been added up in grad is not a multiple of what one pass gives: a."
    assert a.grad == 5.0
    a.grad = None
    assert tg.explain(loss) == fresh


def test_what_was_there_before_and_nothing_that_arrives():
    x = Value(2.0, "x")
    (3 * x).backward()
    loss = (x - x) * 0.0
    assert tg.explain(loss).splitlines()[-2] == "Gradients: ∂L/∂x = 0"
    assert x.grad == 3.0


@every_format
def test_remarks_on_leaves_that_get_nothing(format):
    a, r = Value(2.0, "a"), Value(-1.0, "r")
    found = tg.explain(a * r.relu(), format)
    assert "All that arrives at a is 0: a is multiplied by v1 = 0." in found
    assert "All that arrives at r is 0: relu of r = -1 passes nothing on." in found
    choice = Value(1.0, "choice")
    loss = tg.where(choice, 3 * a, 0.0)
    found = tg.explain(loss, format)
    assert "No slope leads from L to choice: it is used only where there is no slope, as in a condition." in found
    assert {
        "text": "none for ∂L/∂choice, to which no slope leads",
        "markdown": r"$\frac{\partial L}{\partial \mathrm{choice}}\text{ none: no slope leads there}$",
        "latex": r"\frac{\partial L}{\partial \mathrm{choice}}\text{ none: no slope leads there}",
        "html": "<mtext> none: no slope leads there</mtext>",
    }[format] in found.replace("&#160;", " ")


def test_remarks_fit_into_the_width():
    values = [Value(0.0, f"a value with the long name {i}") for i in range(3)]
    loss = values[0] * values[1] * values[2]
    assert max(map(width, tg.explain(loss).splitlines())) <= WIDTH


# Losses of other kinds. -----------------------------------------------------------------------------------------------


@every_format
def test_a_leaf_is_a_loss_too(format):
    a = Value(2.0, "a")
    found = tg.explain(a, format)
    if format == "text":
        assert found == "Backward, from ∂a/∂a = 1\n\nGradients: ∂a/∂a = 1"
        assert tg.explain(a, seed=3.0) == "Backward, from ∂a/∂a = 3\n\nGradients: ∂a/∂a = 3"
    if format == "latex":
        assert_latex(found)
    if format == "html":
        Page(found)
    assert a.grad is None


def test_an_array_is_explained_from_a_seed():
    v = Value([1.0, 2.0], "v")
    for seed in ([1.0, 10.0], np.array([1.0, 10.0]), Value([1.0, 10.0])):
        assert (
            tg.explain(v * 2, seed=seed)
            == """\
Given v = [1, 2]

Forward
  L = v·2 (2,) = [2, 4]

Backward, from ∂L/∂L = [1, 10]
  ∂L/∂v += 2·∂L/∂L (2,) = [2, 20]

Gradients: ∂L/∂v = [2, 20]"""
        )
    assert "Backward, from ∂L/∂L = -2" in tg.explain(v.sum(), seed=-2.0)
    assert tg.explain(v.sum(), seed=-2.0).endswith("Gradients: ∂L/∂v = [-2, -2]")


def test_numbers_are_told_as_they_were_used():
    """`w.data = w.data - step` is how one learns: the old loss was computed from the old numbers."""
    w, v = Value(2.0, "w"), Value([1.0, 2.0], "v")
    loss = (w * v).sum()
    before = tg.explain(loss)
    w.data, v.data = 7.0, v.data - 1.0
    assert tg.explain(loss) == before


def test_a_choice_between_a_value_and_another_by_the_value_itself():
    x = Value(2.0, "x")
    loss = tg.where(x, 3 * x, 0.0)
    assert "∂L/∂v1 += where(x, ∂L/∂L, 0)" in tg.explain(loss)
    loss = tg.where(x, x, 0.0)  # x stands there twice, and only the second has a slope
    (step,) = [step for step in tg.walk(loss).steps if step.kind == "edge"]
    assert (step.place, step.contribution) == (1, 1.0)
    assert tg.explain(loss).endswith("Gradients: ∂L/∂x = 1")


# Networks. ------------------------------------------------------------------------------------------------------------


HIDDEN = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "softplus": "softplus", "gelu": tg.gelu, "silu": tg.silu,
    "leaky_relu": tg.leaky_relu, "elu": tg.elu,
}  # fmt: skip
BATCH = np.random.default_rng(0).normal(size=(4, 2))
CLASSES, YES = np.array([0, 1, 2, 1]), np.array([[0], [1], [1], [0]])
LOSSES = {  # units, their activation, the loss
    "mse": (1, None, lambda p: nn.mse(p, BATCH[:, :1] ** 2)),
    "mse of three": (3, None, lambda p: nn.mse(p, np.tile(BATCH[:, :1], 3))),
    "sum_squared_error": (1, None, lambda p: nn.sum_squared_error(p, BATCH[:, :1] - 1)),
    "cross_entropy of labels": (3, None, lambda p: nn.cross_entropy(p, CLASSES)),
    "cross_entropy of probabilities": (3, None, lambda p: nn.cross_entropy(p, np.eye(3)[CLASSES])),
    "binary_cross_entropy": (1, "sigmoid", lambda p: nn.binary_cross_entropy(p, YES)),
    "binary_cross_entropy of logits": (1, None, lambda p: nn.binary_cross_entropy(p, YES, from_logits=True)),
}
networks = pytest.mark.parametrize(("hidden", "loss"), [*itertools.product(HIDDEN, LOSSES)])
PARAMETERS = ("dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias")


def trained(hidden, loss):
    units, activation, of = LOSSES[loss]
    settings = {"dtype": np.float64}
    first, second = (
        nn.Dense(2, 8, HIDDEN[hidden], seed=1, **settings),
        nn.Dense(8, units, activation, seed=2, **settings),
    )
    model = nn.Sequential(first, second)
    return of(model(BATCH)), model


@networks
def test_a_network_is_explained_on_one_page(hidden, loss):
    made, model = trained(hidden, loss)
    found = tg.explain(made, names={"x": BATCH})
    lines = found.splitlines()
    assert len(lines) <= 40
    assert max(map(width, lines)) <= WIDTH
    assert not re.search(r"\b(nan|inf)\b|∞", found)
    made.backward()
    totals = " ".join(lines[next(i for i, line in enumerate(lines) if line.startswith("Gradients")) :])
    for name, parameter in zip(PARAMETERS, model.parameters(), strict=True):
        assert f"∂L/∂{name} " in found
        g = parameter.grad
        column, row = (
            f"[{', '.join(f'{x:.4g}' for x in np.ravel(g))}]ᵀ",
            f"[{', '.join(f'{x:.4g}' for x in np.ravel(g))}]",
        )
        many = f"∂L/∂{name} {g.shape} {np.min(g):.4g} … {np.max(g):.4g}"
        assert many in totals or f"∂L/∂{name} = {row}" in totals or f"∂L/∂{name} = {column}" in totals
    assert f"L  = {float(made.data):.4g}" in " ".join(found.split()) or f"= {float(made.data):.4g}" in found


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("format", ["markdown", "latex", "html"])
def test_networks_in_the_other_formats(loss, format):
    found = tg.explain(trained("gelu", loss)[0], format)
    if format == "latex":
        assert_latex(found)
    elif format == "markdown":
        kinds, columns = kinds_and_columns(found)
        assert "html_inline" not in kinds
        assert {*columns} == {4}
    else:
        Page(found)
    for name in PARAMETERS:
        assert name in found


def test_latex_compiles():
    """With the little TeX of matplotlib, which knows no \\mathrel."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import mathtext

    parser, seen = mathtext.MathTextParser("path"), set()
    for build in (small, of_linear, network, weighted, by_row(tg.std), by_row(tg.silu)):
        for text in (tg.explain(build(), "latex"), tg.explain(build(), "latex", notation="bar")):
            blocks = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", text, re.DOTALL)
            for line in itertools.chain.from_iterable(block.split(" \\\\\n") for block in blocks):
                seen.add(line.partition(" && ")[0].replace("&", "").replace(r"\mathrel{+}", "+"))
    assert len(seen) > 50
    for line in seen:
        if r"\lVert" not in line and not line.strip().startswith(r"\text"):
            parser.parse(f"${line.strip()}$")


def test_a_thousand_steps_are_explained():
    x = y = Value(0.5, "x")
    for i in range(1000):
        y = (y.tanh(), y * 1.01, y + x)[i % 3]
    edges = sum(step.kind == "edge" for step in tg.walk(y).steps)
    lines = tg.explain(y).splitlines()
    told = [line for line in lines if re.match(r"  \S", line)]  # some go on in a second line
    assert (len(told), len(lines) - len(told)) == (1000 + edges, 7 + sum(line.startswith("   ") for line in lines))
    assert max(map(width, lines)) <= WIDTH
    assert len(tg.explain(y, "latex").splitlines()) == 1 + 1000 + edges + 6 + 4
    assert len(Page(tg.explain(y, "html")).elements) > 10_000
    y.backward()
    assert f"∂L/∂x = {x.grad:.4g}" in lines[-1]


# What is refused. -----------------------------------------------------------------------------------------------------


def refused(kind, message, value, *args, **settings):
    with pytest.raises(kind) as caught:
        tg.explain(value, *args, **settings)
    assert str(caught.value) == message


def test_other_formats_notations_and_digits_are_refused():
    for format in ("pdf", "", None, "Text"):
        refused(ValueError, f"The format is one of text, markdown, latex, html, not {format!r}.", small(), format)
    for notation in ("x", "", None, "D"):
        message = f"The notation of a gradient is one of ∂, d, bar, δ, not {notation!r}."
        refused(ValueError, message, small(), notation=notation)
    for digits in (0, 18, -1, 2.0, True, None, "4"):
        refused(ValueError, f"digits is a whole number from 1 to 17, not {digits!r}.", small(), digits=digits)


def test_names_must_be_a_mapping():
    for names, kind in ((3, "int"), ([("a", 1)], "list"), ("ab", "str")):
        message = f"names is a mapping from names to values, such as locals(), not {kind}."
        refused(TypeError, message, small(), names=names)


def test_only_a_value_is_explained():
    for thing, kind in ((3.0, "float"), (np.ones(2), "ndarray"), ("L", "str"), (None, "NoneType"), ([small()], "list")):
        message = f"explain takes a Value, such as a loss, not {kind}: only a Value remembers how it was computed."
        refused(TypeError, message, thing)


def test_a_constant_is_refused():
    k = Value(2.0, "k", requires_grad=False)
    refused(
        GradientError, "k is a constant: nothing under it requires a gradient, or it was computed under no_grad().", k
    )
    refused(
        GradientError,
        "A value is a constant: nothing under it requires a gradient, or it was computed under no_grad().",
        k * 3,
    )
    with tg.no_grad():
        loss = small()
    refused(
        GradientError,
        "A value is a constant: nothing under it requires a gradient, or it was computed under no_grad().",
        loss,
    )


def test_an_array_without_a_seed_and_a_seed_of_another_shape_are_refused():
    v = Value([1.0, 2.0], "v")
    hint = "so its gradient needs a seed of that shape. Did you mean v.sum().backward() or v.mean().backward()?"
    refused(GradientError, f"v of shape (2,) is not a scalar, {hint}", v)
    refused(GradientError, f"A value of shape (2,) is not a scalar, {hint}", v * 2)
    refused(GradientError, "The seed has shape (), the value (2,).", v * 2, seed=3.0)
    refused(GradientError, "The seed has shape (3,), the value (2,).", v * 2, seed=np.ones(3))


def test_data_that_was_changed_since_is_refused():
    def product():
        w = Value([1.0, 2.0, 3.0], "w")
        return w, (w * np.array([1.0, 2.0, 3.0])).sum()

    w, loss = product()
    w.data -= 1
    advice = "Compute the result again before backward(), or write v.data = v.data - step instead of v.data -= step."
    refused(GradientError, f"w of shape (3,) was changed in place after multiply had used it. {advice}", loss)
    w, loss = product()
    w.data[0] = 9
    again = "the operands no longer give the result that was recorded. Compute the result again."
    refused(GradientError, f"w (3,) or an array (3,) was changed in place after multiply had used it: {again}", loss)
    v = Value([1.0, 2.0], "v")
    loss = v.tanh().sum()
    v.data[0] = 9
    refused(GradientError, f"v (2,) was changed in place after tanh had used it: {again}", loss)


ASKED = "A value is asked for by its name, or is itself a Value of this graph, not"


@pytest.mark.parametrize(
    ("element", "kind", "message"),
    [
        ("W", TypeError, "element is a name and an index, such as (\"W\", (0, 3)), not 'W'."),
        (("W",), TypeError, "element is a name and an index, such as (\"W\", (0, 3)), not ('W',)."),
        (["W", (0, 0)], TypeError, "element is a name and an index, such as (\"W\", (0, 3)), not ['W', (0, 0)]."),
        (("W", 0, 0), TypeError, "element is a name and an index, such as (\"W\", (0, 3)), not ('W', 0, 0)."),
        (("W", (0, 1.0)), TypeError, "An index is made of whole numbers, such as (0, 3), not (0, 1.0)."),
        (("W", (0, True)), TypeError, "An index is made of whole numbers, such as (0, 3), not (0, True)."),
        (("W", "ab"), TypeError, "An index is made of whole numbers, such as (0, 3), not ('ab',)."),
        (("W", None), TypeError, "An index is made of whole numbers, such as (0, 3), not (None,)."),
        (("W", ([0], 1)), TypeError, "An index is made of whole numbers, such as (0, 3), not ([0], 1)."),
        (("W", 0), IndexError, "W has shape (2, 4): there is no element (0,)."),
        (("W", (0, 4)), IndexError, "W has shape (2, 4): there is no element (0, 4)."),
        (("W", (-3, 0)), IndexError, "W has shape (2, 4): there is no element (-3, 0)."),
        (("W", ()), IndexError, "W has shape (2, 4): there is no element ()."),
        (("Q", (0, 0)), ValueError, "There is no 'Q' in this graph; there are x, W, b, v1, v2, v3, L."),
        ((3, (0, 0)), TypeError, f"{ASKED} 3."),
        ((None, 0), TypeError, f"{ASKED} None."),
        ((Value(1.0, "else"), ()), ValueError, "else has no part in L."),
    ],
    ids=str,
)
def test_elements_that_are_none_are_refused(element, kind, message):
    refused(kind, message, of_linear(), element=element)


def test_elements_that_take_no_gradient_are_refused():
    x, k = Value([1.0, 2.0], "x"), Value(2.0, "k", requires_grad=False)
    data = np.array([3.0, 4.0])
    loss = (x * data * k).sum()
    refused(GradientError, "c1 is a constant: it takes no gradient.", loss, element=("c1", 0))
    refused(GradientError, "k is a constant: it takes no gradient.", loss, element=("k", ()))
    refused(GradientError, "data is a constant: it takes no gradient.", loss, names={"data": data}, element=("data", 1))
    loss = np.where(x, Value(1.0, "a"), 0.0).sum()
    message = "No slope leads from L to x: it is used only where there is no slope, as in a condition."
    refused(GradientError, message, loss, element=("x", 0))


@every_format
def test_what_is_refused_is_refused_in_every_format(format):
    with pytest.raises(GradientError):
        tg.explain(Value(2.0, requires_grad=False), format)
    with pytest.raises(IndexError):
        tg.explain(of_linear(), format, element=("W", (9, 9)))
    with pytest.raises(ValueError, match="notation"):
        tg.explain(of_linear(), format, notation="nabla")


# Where a formula hides a convention; running sums of arrays; names of what was cast. ----------------------------------


@pytest.mark.parametrize(
    ("f", "numbers", "words"),
    [
        (tg.maximum, (2.0, 2.0), "equal operands share the gradient evenly"),
        (tg.minimum, ([1.0, 2.0], [3.0, 2.0]), "equal operands share the gradient evenly"),
        (tg.max, ([2.0, 2.0, 1.0],), "equal numbers share the gradient evenly"),
        (tg.norm, ([0.0, 0.0],), "where 0 is below, the quotient is taken as 0"),
    ],
)
def test_a_convention_that_the_formula_does_not_show_is_said(f, numbers, words):
    told = tg.explain(tg.sum(f(*[Value(x) for x in numbers])))
    assert words in told
    apart = [
        np.asarray(x) + (i + 1) * 10.0 ** np.arange(np.size(x)).reshape(np.shape(x)) for i, x in enumerate(numbers)
    ]
    assert words not in tg.explain(tg.sum(f(*[Value(x) for x in apart])))


def test_arrays_have_a_running_sum_too():
    v, w = Value([2.0, 3.0], "v"), Value([1.0, 2.0], "w")
    found = part(tg.explain((v * w + v * v).sum()), "Backward")
    assert [line.split("so far ")[1] for line in found if "so far" in line] == ["[4, 6]", "[5, 8]"]


def test_an_array_that_a_layer_casts_keeps_the_name_of_the_caller():
    x, t = np.random.default_rng(0).random((4, 2)), np.array([[0.0], [1.0], [1.0], [0.0]])
    loss = nn.mse(nn.Sequential(nn.Dense(2, 3, "tanh", seed=0), nn.Dense(3, 1, seed=1))(x), t)
    assert {"x", "t"} <= {*tg.walk(loss, names=locals()).names}
    twin = t.copy()  # two arrays with these numbers: which one was meant?
    assert "c1" in {*tg.walk(loss, names={"t": t, "twin": twin, "x": x}).names}


def test_small_arrays_are_given_in_full_and_large_ones_by_their_range():
    M = Value(np.arange(12.0).reshape(3, 4) / 4, "M")
    assert tg.explain(M.sum()).startswith(
        "Given M = [[0, 0.25, 0.5, 0.75], [1, 1.25, 1.5, 1.75], [2, 2.25, 2.5, 2.75]]\n"
    )
    M = Value(np.arange(20.0).reshape(4, 5), "M")
    assert tg.explain(M.sum()).startswith("Given M (4, 5) 0 … 19\n")


def test_an_empty_array_is_no_blocked_way():
    assert "e is empty: there is nothing to arrive at." in tg.explain(Value(np.zeros((0, 3)), "e").sum())
