"""One number of an array opened in a drawing: what the single numbers in the frame are, and what flows among them."""

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, domains, functions, ops
from tinygrad_edu.drawing.graph import graph_of
from tinygrad_edu.drawing.moments import Moment, moments, now
from tinygrad_edu.drawing.opening import FEW_TERMS, FIRST, LAST, opened
from tinygrad_edu.drawing.tree import text_tree
from tinygrad_edu.folding import composite_of
from tinygrad_edu.naming import Names


def graph_with(loss, value, index, moment=None, box_of=composite_of, names=None):
    """The graph of a loss in which one number is opened."""
    names = Names(loss, names) if moment is None else names
    moment = moment or now([loss], names.things.values())
    graph = graph_of([loss], names, box_of, moment)
    opened(graph, names, moment, value, index)
    return graph


def frame(graph):
    """The values and boxes of what was opened."""
    return [x for x in graph.nodes if x.key.startswith("open")], [x for x in graph.boxes if x.key.startswith("open")]


def leaves(graph):
    """The leaves that were opened, by name."""
    return {node.name: node for node in frame(graph)[0] if node.box is None and node.name}


def flows(graph):
    """What has flowed in the frame to each leaf, in all."""
    found = {}
    for box in frame(graph)[1]:
        for edge in box.edges:
            if edge.operand.box is None and edge.flow is not None:
                found[edge.operand.name] = found.get(edge.operand.name, 0.0) + edge.flow
    return found


def a_layer():
    """X @ W + b under a loss, with the gradient of everything."""
    random = np.random.default_rng(0)
    x, w = Value(random.normal(size=(4, 2)), "X"), Value(random.normal(size=(2, 3)), "W")
    z = x @ w
    z.label = "z"
    loss = (z * random.normal(size=(4, 3))).sum()
    loss.backward()
    return loss, x, w, z


# What stands in the frame. --------------------------------------------------------------------------------------------


def test_one_number_of_a_product_is_made_of_a_row_and_a_column():
    loss, x, w, z = a_layer()
    graph = graph_with(loss, "z", (0, 2))
    assert {name: node.number for name, node in leaves(graph).items()} == {
        "X[0, 0]": x.data[0, 0], "X[0, 1]": x.data[0, 1], "W[0, 2]": w.data[0, 2], "W[1, 2]": w.data[1, 2],
    }  # fmt: skip
    (root,) = graph.opened
    assert (root.name, root.number) == ("z[0, 2]", pytest.approx(z.data[0, 2]))
    assert sorted(box.sign for box in frame(graph)[1]) == ["+", "×", "×"]


def test_what_flows_in_the_frame_is_the_part_of_that_one_number():
    loss, x, w, z = a_layer()
    graph = graph_with(loss, z, (1, -1))
    upstream = z.grad[1, 2]
    expected = {f"X[1, {k}]": upstream * w.data[k, 2] for k in range(2)}
    expected |= {f"W[{k}, 2]": upstream * x.data[1, k] for k in range(2)}
    assert flows(graph) == pytest.approx(expected)
    assert graph.opened[0].gradient == upstream


def test_the_gradients_in_the_frame_are_those_of_the_whole_graph():
    loss, x, w, _z = a_layer()
    found = {name: node.gradient for name, node in leaves(graph_with(loss, "z", (0, 2))).items()}
    assert found["X[0, 1]"] == x.grad[0, 1]
    assert found["W[1, 2]"] == w.grad[1, 2]


def test_local_derivatives_in_the_frame_name_the_other_number():
    x, w = Value([[2.0, 3.0]], "X", requires_grad=False), Value([[0.5], [4.0]], "W")
    loss = (x @ w).sum()
    graph = graph_with(loss, "v1", (0, 0))
    found = {edge.operand.name: edge.local for box in frame(graph)[1] for edge in box.edges}
    assert (found["W[0, 0]"], found["W[1, 0]"]) == ("X[0, 0] = 2", "X[0, 1] = 3")
    assert found["X[0, 0]"] == ""
    assert leaves(graph)["X[0, 0]"].kind == "input"


def test_a_result_without_a_name_of_its_own_is_put_into_rules_as_its_number():
    x = Value([0.0, math.log(2.0)], "x")
    graph = graph_with(tg.logsumexp(x), "L", ())
    assert {box.sign: box.edges[0].local for box in frame(graph)[1] if len(box.edges) == 1} == {
        "exp": "2", "log": "1/3 = 0.3333",
    }  # fmt: skip
    assert [node.name for node in frame(graph)[0] if node.box is not None] == ["", "", "", "L"]


def test_a_plain_number_in_a_sum_is_shown_among_its_terms():
    x = Value([1.0, 2.0], "x")
    loss = functions.Composite(lambda x: ops.sum(x) - 4.0)(x)
    loss.backward()
    graph = graph_with(loss, "L", ())
    (whole,) = frame(graph)[1]
    found = [(edge.operand.name, edge.operand.number, edge.local, edge.operand.kind) for edge in whole.edges]
    assert found == [("x[0]", 1.0, "1", "parameter"), ("x[1]", 2.0, "1", "parameter"), ("", 4.0, "", "constant")]
    assert graph.opened[0].number == -1.0
    assert flows(graph) == {"x[0]": 1.0, "x[1]": 1.0}


def test_before_a_pass_nothing_has_flowed():
    x, w = Value(np.ones((2, 2)), "X"), Value(np.ones((2, 2)), "W")
    graph = graph_with((x @ w).sum(), "v1", (0, 0))
    assert flows(graph) == {}
    assert leaves(graph)["W[0, 0]"].gradient is None


def test_a_composite_is_opened_as_a_whole_while_it_is_drawn_as_one():
    x = Value([[1.0, 2.0, 6.0], [4.0, 5.0, 6.0]], "X")
    m = tg.mean(x, axis=1)
    loss = (m * np.array([1.0, 10.0])).sum()
    loss.backward()
    graph = graph_with(loss, m, 1)
    assert [node.name for node in graph.rows[0]] == ["X[1, 0]", "X[1, 1]", "X[1, 2]"]
    assert graph.opened[0].number == 5.0
    assert flows(graph) == pytest.approx({f"X[1, {i}]": 10 / 3 for i in range(3)})
    rows = graph_with(loss, m, 1, box_of=lambda value: None)  # where it is drawn row by row, it is its last row
    assert [name.partition("[")[0] for name in leaves(rows)] == ["v1"]


def test_a_single_number_of_arrays_can_be_opened_too():
    x = Value([1.0, -2.0, 3.0], "x")
    loss = x.sum()
    loss.backward()
    graph = graph_with(loss, loss, ())
    assert [node.name for node in graph.rows[0]] == ["x[0]", "x[1]", "x[2]"]
    assert graph.opened[0].number == 2.0
    assert [box.sign for box in frame(graph)[1]] == ["+"]


def test_a_number_that_was_only_moved_comes_from_its_old_place():
    x = Value([[1.0, 2.0], [3.0, 4.0]], "X")
    loss = x.T.sum()
    loss.backward()
    graph = graph_with(loss, "v1", (0, 1))
    assert [*leaves(graph)] == ["X[1, 0]"]
    assert [box.sign for box in frame(graph)[1]] == ["ᵀ"]
    assert flows(graph) == {"X[1, 0]": 1.0}


def test_an_operation_on_whole_arrays_stays_whole_with_an_index_behind_and_a_sentence_says_so():
    a = np.array([[3.0, 1.0], [2.0, 5.0]])
    inverse = tg.inv(Value(a, "A"))
    loss = (inverse * np.array([[1.0, 2.0], [4.0, 8.0]])).sum()
    loss.backward()
    graph = graph_with(loss, inverse, (0, 1))
    assert [box.sign for box in frame(graph)[1]] == ["inv", "[0, 1]"]
    b = np.linalg.inv(a)
    np.testing.assert_allclose(flows(graph)["A"], -2.0 * np.outer(b[0], b[:, 1]))  # ∂b[0,1]/∂a[i,j] = -b[0,i]·b[j,1]
    assert graph.said[-1] == "inv stays whole: it is not written out for single numbers."


def test_what_would_only_repeat_its_box_is_not_opened():
    loss = tg.det(Value([[3.0, 1.0], [2.0, 5.0]], "A"))
    with pytest.raises(
        ValueError, match=r"^L can not be opened: det stays whole: it is not written out for single numbers\.$"
    ):
        graph_with(loss, "L", ())
    loss = tg.norm(Value([0.0, 0.0], "x"))
    with pytest.raises(ValueError, match=r"^L can not be opened: norm stays whole: written out, it would not be exact"):
        graph_with(loss, "L", ())


# What is written as other formulas. -----------------------------------------------------------------------------------


def signs(graph):
    """The operations in the frame, as they are counted in a formula."""
    return sorted(box.sign for box in frame(graph)[1])


def test_softmax_is_exp_over_the_sum_of_exp_and_its_own_exp_is_used_twice():
    x = Value([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]], "X")
    s = tg.softmax(x)
    loss = (s * np.array([1.0, 2.0, 4.0])).sum()
    loss.backward()
    graph = graph_with(loss, s, (0, 1))
    assert signs(graph) == ["+", "/", "exp", "exp", "exp"]
    y = s.data[0]
    flowed = {name: node.gradient for name, node in leaves(graph).items()}
    assert {*flowed} == {f"X[0, {i}]" for i in range(3)}
    expected = 2.0 * y[1] * (np.eye(3)[1] - y)  # ∂y₁/∂xᵢ = y₁·([i = 1] - yᵢ)
    assert flows(graph) == pytest.approx({f"X[0, {i}]": expected[i] for i in range(3)})
    assert graph.said == ["In the frame v1[0, 1], what flows is its own part of each gradient."]


def test_cross_entropy_is_the_mean_of_the_logarithms_of_the_right_probabilities():
    x, right = Value([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], "x"), np.array([1, 0])
    loss = tg.ops.cross_entropy(x, right)
    loss.backward()
    graph = graph_with(loss, "L", ())
    assert signs(graph) == ["+"] * 3 + ["/"] * 3 + ["exp"] * 6 + ["log"] * 2 + ["−"]
    p = np.exp(x.data) / np.exp(x.data).sum(axis=1, keepdims=True)
    assert graph.opened[0].number == pytest.approx(-np.log(p[[0, 1], right]).mean())
    expected = (p - np.eye(3)[right]) / 2
    assert flows(graph) == pytest.approx({f"x[{i}, {j}]": expected[i, j] for i in range(2) for j in range(3)})


def test_norm_is_the_root_of_the_sum_of_squares():
    x = Value([3.0, 4.0], "x")
    loss = tg.norm(x)
    loss.backward()
    graph = graph_with(loss, "L", ())
    assert signs(graph) == ["+", "sqrt", "square", "square"]
    assert flows(graph) == pytest.approx({"x[0]": 0.6, "x[1]": 0.8})
    rows = tg.norm(Value([[0.0, 0.0], [3.0, 4.0]], "x"), axis=1)
    assert signs(graph_with(rows.sum(), rows, 1)) == signs(graph)
    whole = graph_with(rows.sum(), rows, 0)  # a root has no slope at 0, a norm has: 0
    assert signs(whole) == ["[0]", "norm axis=1"]
    assert whole.said[-1] == "norm stays whole: written out, it would not be exact at these numbers."


@pytest.mark.parametrize(("numbers", "flowed"), [
    ([1.0, 5.0, 3.0], {"x[1]": 2.0}),
    ([5.0, 1.0, 5.0], {"x[0]": 1.0, "x[2]": 1.0}),
    ([5.0, 5.0, 5.0], {"x[0]": 2 / 3, "x[1]": 2 / 3, "x[2]": 2 / 3}),
])  # fmt: skip
def test_the_largest_number_is_itself_and_equal_ones_share_what_flows(numbers, flowed):
    x = Value(numbers, "x")
    top = tg.max(x)
    loss = top * 2.0
    loss.backward()
    graph = graph_with(loss, top, ())
    assert flows(graph) == pytest.approx(flowed)
    assert graph.opened[0].number == 5.0
    assert (
        graph.said[-1] == "max hands on the number that it picks, of equal ones the mean; nothing flows to the others."
    )


def test_what_is_put_into_order_comes_from_where_it_stood():
    x = Value([[3.0, 1.0, 2.0]], "x")
    for ordered, came_from in (
        (tg.sort(x), "x[0, 2]"),
        (tg.partition(x, 1), "x[0, 2]"),
        (tg.sort(x, axis=0), "x[0, 1]"),
    ):
        loss = (ordered * np.array([1.0, 10.0, 100.0])).sum()
        x.zero_grad()
        loss.backward()
        assert flows(graph_with(loss, ordered, (0, 1))) == {came_from: 10.0}
    middle = tg.median(x)
    graph = graph_with(middle, middle, ())
    assert ([*leaves(graph)], signs(graph)) == (["x[0, 2]"], ["median"])


def test_large_exponents_are_taken_less_the_largest_of_them_so_that_all_stays_exact():
    x = Value([1000.0, 1001.0], "x")
    loss = tg.logsumexp(x)
    loss.backward()
    graph = graph_with(loss, loss, ())
    assert graph.opened[0].number == pytest.approx(1001 + math.log1p(math.exp(-1)), rel=1e-15)
    assert signs(graph) == ["+", "+", "exp", "exp", "log", "−", "−"]
    assert flows(graph) == pytest.approx({"x[0]": 1 / (1 + math.e), "x[1]": math.e / (1 + math.e)})


@pytest.mark.parametrize("numbers", [[np.nan, 1.0, 2.0], [np.inf, 1.0, 2.0], [-np.inf, 1.0, 2.0], [-900.0, 0.0, 900.0]])
@pytest.mark.parametrize("function", [tg.softmax, tg.log_softmax, tg.max, tg.sort, tg.logsumexp, tg.norm])
def test_what_can_not_be_written_out_at_some_numbers_is_still_true(function, numbers):
    x = Value([numbers], "x")
    with np.errstate(all="ignore"):
        y = function(x, axis=1)
        place = (0,) * y.ndim
        upstream = np.zeros(y.shape)
        upstream[place] = 1.0
        y.backward(upstream)
        graph = graph_with(y, y, place)
    np.testing.assert_allclose(graph.opened[0].number, y.data[place])
    total = np.zeros(x.shape)
    for name, flow in flows(graph).items():
        total[:, int(name[-2]) if "[" in name else slice(None)] += flow
    np.testing.assert_allclose(total, x.grad)


def test_the_condition_of_where_is_true_or_false():
    x = Value([[1.0, -2.0]], "x")
    loss = tg.where(x.data > 0, x, 0.0).sum()
    found = leaves(graph_with(loss, "v1", (0, 1)))
    assert found["c1[0, 1]"].number is False
    assert found["x[0, 1]"].number == -2.0


def test_constants_that_nothing_flows_to_are_told_apart():
    a, b, w = Value([2.0], "a", requires_grad=False), Value([[3.0]], "b", requires_grad=False), Value([5.0], "w")
    loss = tg.einsum("i,ij,j->i", a, b, w).sum()
    loss.backward()
    graph = graph_with(loss, "v1", 0)
    assert flows(graph) == {"w[0]": 6.0}
    assert leaves(graph)["a[0]"].kind == "input"


def test_a_number_that_is_0_whatever_the_operands_are_is_a_constant():
    x = Value([1.0, 2.0], "x")
    loss = ops.scatter(x, index=([0, 2],), shape=(3,)).sum()
    graph = graph_with(loss, "v1", 1)
    assert (graph.opened[0].number, graph.opened[0].constant, frame(graph)[1]) == (0.0, True, [])


# What is too long. ----------------------------------------------------------------------------------------------------


def test_of_a_long_sum_the_first_and_the_last_terms_are_shown_and_one_box_for_the_rest():
    random = np.random.default_rng(1)
    x, w = Value(random.normal(size=(2, 784)), "X"), Value(random.normal(size=(784, 3)), "W")
    z = x @ w
    loss = (z * z).sum()
    loss.backward()
    graph = graph_with(loss, z, (1, 2))
    shown = [*range(FIRST), *range(784 - LAST, 784)]
    assert {*leaves(graph)} == {f"X[1, {k}]" for k in shown} | {f"W[{k}, 2]" for k in shown}
    assert graph.opened[0].number == pytest.approx(z.data[1, 2])
    (rest,) = [box for box in frame(graph)[1] if box.kind == "fold"]
    hidden = slice(FIRST, 784 - LAST)
    assert rest.sign == f"{784 - FIRST - LAST} more terms"
    assert (rest.edges, rest.held) == ([], [])
    assert rest.results[0].number == pytest.approx(x.data[1, hidden] @ w.data[hidden, 2])
    assert rest.results[0].gradient == pytest.approx(z.grad[1, 2])
    (whole,) = [box for box in frame(graph)[1] if graph.opened[0] in box.results]
    assert [edge.operand for edge in whole.edges][FIRST] is rest.results[0]  # in its place


def test_what_hidden_terms_hand_to_a_number_that_is_shown_is_counted():
    x = Value(np.arange(1.0, 21.0), "x")
    loss = tg.var(x)
    loss.backward()
    graph = graph_with(loss, loss, ())
    mean = next(node for node in frame(graph)[0] if node.number == pytest.approx(10.5) and node.box is not None)
    assert mean.gradient == pytest.approx(0.0, abs=1e-12)  # the sum of 2 (x - mean) / 20 over all twenty
    assert sum(box.kind == "fold" for box in frame(graph)[1]) == 2


def test_a_product_of_many_factors_is_one_box():
    x = Value(np.linspace(0.5, 1.5, FEW_TERMS + 4), "x")
    loss = tg.prod(x)
    loss.backward()
    graph = graph_with(loss, loss, ())
    assert f"{4 + FEW_TERMS - FIRST - LAST} more factors" in [box.sign for box in frame(graph)[1]]
    assert flows(graph) == pytest.approx({f"x[{i}]": x.grad[i] for i in (0, 1, 2, FEW_TERMS + 3)})


def test_ten_thousand_terms_are_no_recursion():
    x = Value(np.ones(10_000), "x")
    assert graph_with(x.sum(), "L", ()).opened[0].number == 10_000


def test_too_many_terms_are_an_error_that_says_how_many_there_may_be():
    with pytest.raises(
        ValueError, match=r"^One number of L is made of some 60000 others; at most 50000 can be opened\.$"
    ):
        graph_with(Value(np.ones(60_000), "x").sum(), "L", ())


# Every row. -----------------------------------------------------------------------------------------------------------

CASES = [
    pytest.param(row, case, id=f"{row.__name__}-{i}")
    for row in domains.DOMAINS
    for i, case in enumerate(domains.cases(row))
]


@pytest.mark.parametrize(("row", "case"), CASES)
def test_the_opened_number_is_that_of_the_array_and_what_flows_is_its_part_of_the_gradient(row, case):
    operands = domains.draw(row, case, np.random.default_rng(0))
    given = [Value(x, f"x{i}") if isinstance(shape, tuple) and np.asarray(x).dtype == float else x
             for i, (x, shape) in enumerate(zip(operands, case.operands, strict=True))]  # fmt: skip
    found = domains.call(row, given, case.settings)
    results = [y for y in (found if isinstance(found, list | tuple) else [found]) if isinstance(y, Value)]
    for y in (y for y in results[:1] if y.op is not None and y.size and any(map(np.shape, y.numbers))):
        if y.op.name == "det" and not y.shape:  # it is one number of a whole matrix, and nothing is opened
            continue
        place = tuple(n // 2 for n in y.shape)
        upstream = np.zeros(y.shape) if y.shape else 1.0
        if y.shape:
            upstream[place] = 1.0  # so that what flows is the whole gradient of each operand
        names = Names(y)
        y.backward(upstream)
        moment = now([y], names.things.values())
        graph = graph_of([y], names, composite_of, moment)
        opened(graph, names, moment, y, place)
        (root,) = graph.opened
        np.testing.assert_allclose(root.number, np.asarray(y.data)[place], 1e-9, 1e-9)
        flowed = flows(graph)
        if any("more" in box.sign for box in frame(graph)[1]):
            continue  # the hidden terms have their share
        for x in (x for x in given if isinstance(x, Value) and x.grad is not None):
            total = np.zeros(x.shape)
            for at in np.ndindex(x.shape):
                name = f"{x.label}[{', '.join(map(str, at))}]" if at else x.label
                total[at] = flowed.get(name, 0.0) if at else 0.0
            total = total + np.asarray(flowed.get(x.label, 0.0))
            np.testing.assert_allclose(total, x.grad, 1e-9, 1e-12, err_msg=f"{x.label} of {row.__name__}")


# On the way. ----------------------------------------------------------------------------------------------------------


def opened_at(walk, position):
    """The graph at a position of a walk."""
    for i, moment in enumerate(moments(walk)):
        if i == position:
            return graph_with(walk.loss, "z", (0, 0), moment, names=walk.names)
    raise AssertionError


def test_in_a_walk_the_frame_waits_as_its_array_does():
    x, w = Value([[2.0, 3.0]], "X"), Value([[0.5], [4.0]], "W")
    z = tg.tanh(x) @ w
    z.label = "z"
    walk = tg.walk(z.sum(), names={})
    kinds = [(step.kind, step.operand.label) for step in walk.steps]
    before = opened_at(walk, 0)
    assert before.opened[0].number is None
    assert before.opened[0].phase == "waiting"
    assert leaves(before)["v1[0, 0]"].number is None
    assert leaves(before)["W[0, 0]"].number == 0.5
    computed = opened_at(walk, kinds.index(("forward", "z")) + 1)
    assert computed.opened[0].number == pytest.approx(z.data[0, 0])
    assert flows(computed) == {}
    position = next(i for i, step in enumerate(walk.steps) if step.kind == "edge" and step.node is z)
    half = opened_at(walk, position + 1)
    first = "v1" if walk.steps[position].place == 0 else "W"
    assert {name.partition("[")[0] for name in flows(half)} == {first}
    assert len(flows(opened_at(walk, len(walk.steps)))) == 4


# What stands beside it. -----------------------------------------------------------------------------------------------


def test_keys_are_each_given_once_and_the_frame_has_the_name_of_the_number():
    loss, _, _, _z = a_layer()
    names = Names(loss)
    moment = now([loss], names.things.values())
    graph = graph_of([loss], names, composite_of, moment)
    opened(graph, names, moment, "z", (0, 2))
    opened(graph, names, moment, "z", [3, 1])
    keys = [x.key for x in (*graph.nodes, *graph.boxes)]
    assert len(keys) == len({*keys})
    assert [node.name for node in graph.opened] == ["z[0, 2]", "z[3, 1]"]
    assert {layer.name for node in frame(graph)[0] for layer in node.layers} == {"z[0, 2]", "z[3, 1]"}
    whole = next(node for node in graph.nodes if node.name == "z")
    assert graph.links == [(graph.opened[0], whole, "1 of 12 numbers"), (graph.opened[1], whole, "1 of 12 numbers")]


def test_opening_changes_no_gradient_and_no_value():
    loss, x, _, z = a_layer()
    kept = x.grad.copy(), z.grad.copy(), loss.data
    graph_with(loss, "z", (0, 0))
    assert np.array_equal(x.grad, kept[0])
    assert np.array_equal(z.grad, kept[1])
    assert loss.data == kept[2]


def test_the_text_of_what_was_opened_is_a_tree_like_any_other():
    loss, *_ = a_layer()
    lines = text_tree(graph_with(loss, "z", (0, 2)).opened[0]).splitlines()
    assert lines[0].startswith("z[0, 2] = ")
    assert [line.partition(" = ")[0].lstrip("│├└─ ") for line in lines if "[0, 1]" in line] == ["X[0, 1]"]


# Bad input. -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [(4, 0), (0,), (0, 0, 0), (), (0.5, 1), "ab", None, (0, -4)])
def test_an_index_that_there_is_not_is_an_error_that_says_the_last(index):
    with pytest.raises(IndexError, match=r"^z of shape \(4, 3\) has no number at .*: the last one is at \(3, 2\)\.$"):
        graph_with(a_layer()[0], "z", index)


def test_what_cannot_be_opened_is_an_error_that_lists_what_can():
    loss = a_layer()[0]
    with pytest.raises(ValueError, match=r"^X was not computed from anything; what can be opened: z, v1, L\.$"):
        graph_with(loss, "X", (0, 0))
    a = Value(2.0, "a")
    with pytest.raises(ValueError, match=r"^L is made of single numbers already; no operation here works on arrays\.$"):
        graph_with(a * a, "L", ())
    with pytest.raises(ValueError, match="There is no 'q' in this graph"):
        graph_with(loss, "q", (0, 0))
    with pytest.raises(IndexError, match=r"L of shape \(\) has no number at 0: write \(\)"):
        graph_with(loss, "L", 0)


def test_an_array_that_was_changed_since_cannot_be_opened():
    loss, x, _, z = a_layer()
    x.data -= 1.0
    names = Names(loss)
    graph = graph_of([loss], names, composite_of, Moment())
    with pytest.raises(GradientError, match=r"X .*was changed in place"):
        opened(graph, names, Moment(), z, (0, 0))
