"""Two runs compared in a drawing: what has changed, what has not, and which are no two runs of the same."""

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value
from tinygrad_edu.drawing.comparing import changed, compared, how_many
from tinygrad_edu.drawing.graph import graph_of
from tinygrad_edu.drawing.labels import of_node
from tinygrad_edu.drawing.moments import one_pass
from tinygrad_edu.folding import composite_of
from tinygrad_edu.naming import Names


def graph_after_a_pass(loss, names=None):
    """The graph of a loss with what one pass gives."""
    names = Names(loss, names)
    return graph_of([loss], names, composite_of, one_pass([loss], names.things.values()))


def comparison(loss, other, names=None):
    """The graph of a loss compared with another, and what is said."""
    graph = graph_after_a_pass(loss, names)
    return graph, compared(graph, graph_after_a_pass(other))


def phases(graph):
    """The phase of each value by its name."""
    return {node.name: node.phase for node in graph.nodes}


def neuron(w=-3.0, b=6.5):
    """tanh(x w + b) for a number x."""
    out = tg.tanh(Value(2.0, "x", requires_grad=False) * Value(w, "w") + Value(b, "b"))
    out.label = "out"
    return out


def layer(weight):
    """The sum of tanh(X @ W) for four rows."""
    x = Value([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], "X", requires_grad=False)
    loss = tg.tanh(x @ Value(weight, "W")).sum()
    loss.label = "loss"
    return loss


# What is marked. ------------------------------------------------------------------------------------------------------


def test_values_and_gradients_that_differ_are_marked_and_the_others_too():
    graph, _ = comparison(neuron(b=6.75), neuron())
    assert phases(graph) == {"x": "same", "w": "changed", "v1": "changed", "b": "changed", "v2": "changed",
                             "out": "changed"}  # fmt: skip
    w = next(node for node in graph.nodes if node.name == "w")
    slope = 1 - math.tanh(0.5) ** 2
    assert (w.number, w.before.number) == (-3.0, -3.0)  # only its gradient changed
    assert w.before.gradient == pytest.approx(2 * slope)
    assert w.gradient == pytest.approx(2 * (1 - math.tanh(0.75) ** 2))


def test_an_edge_has_what_flowed_there_before_and_changes_with_it():
    graph, _ = comparison(neuron(b=6.75), neuron())
    edges = {(box.sign, edge.operand.name): edge for box in graph.boxes for edge in box.edges}
    assert edges["×", "x"].phase == "same"  # nothing flows to an input
    assert edges["×", "w"].phase == edges["tanh", "v2"].phase == "changed"
    assert edges["+", "b"].before.flow == pytest.approx(1 - math.tanh(0.5) ** 2)


def test_a_local_derivative_that_differs_changes_an_edge_on_which_the_same_flows():
    def product(a, b):
        return Value(a, "a") * Value(b, "b")

    graph, _ = comparison(product(3.0, 5.0), product(2.0, 5.0))
    assert {edge.operand.name: edge.phase for edge in graph.boxes[0].edges} == {"a": "same", "b": "changed"}


def test_two_equal_runs_are_the_same_to_the_last_digit_and_nothing_is_marked():
    graph, said = comparison(layer([[0.5, -1.5], [1.0, 0.25]]), layer([[0.5, -1.5], [1.0, 0.25]]))
    assert {*phases(graph).values()} == {box.phase for box in graph.boxes} == {"same"}
    assert said == ["Changed, from the other run → to this one: 0 of 5 values, 0 of 4 gradients, 0 of 3 contributions."]


def test_the_smallest_change_counts_and_nan_is_nan():
    assert changed(1.0, np.nextafter(1.0, 2.0))
    assert not changed(math.nan, math.nan)
    assert not changed(np.array([1.0, math.nan]), np.array([1.0, math.nan]))
    assert changed(None, 0.0)
    assert not changed(None, None)


def test_what_is_said_counts_values_gradients_and_contributions():
    before = [[0.5, -1.5], [1.0, 0.25]]
    _, said = comparison(layer([[0.5, -1.0], [1.0, 0.25]]), layer(before))
    assert said == ["Changed, from the other run → to this one: 4 of 5 values, 2 of 4 gradients, 2 of 3 contributions."]


def test_of_a_large_array_it_is_counted_how_many_numbers_changed():
    a = np.arange(12.0)
    a[3] = math.nan
    b = a.copy()
    b[[0, 7]] = -1.0
    assert how_many(b, a) == "2 of 12 changed"
    assert how_many(a, a.copy()) == ""
    assert how_many(1.0, 2.0) == how_many(np.zeros(3), np.ones(3)) == ""  # these are all shown


def test_the_numbers_before_are_written_beside_those_of_now():
    graph, _ = comparison(neuron(w=-3.1), neuron())
    w = next(node for node in graph.nodes if node.name == "w")
    texts = [text.text for table in of_node(w) for row in table for _, cell in row for text in cell]
    assert "-3 → -3.1" in texts


def test_runs_with_another_number_of_results_are_told_apart_by_that():
    a = Value(2.0, "a")
    square = a * a
    with pytest.raises(ValueError, match=r"another run of the same computation: 2 results here, 1 result there\.$"):
        tg.draw([square, square * a], compare=square)


def test_names_may_differ_but_not_what_is_computed():
    a, b = Value(2.0), Value(3.0)
    graph, _ = comparison(a * b, Value(2.0, "p") * Value(4.0, "q"), names={"a": a, "b": b})
    assert phases(graph) == {"a": "changed", "b": "changed", "L": "changed"}


def test_a_run_again_is_compared_with_the_run_before():
    walk = tg.walk(neuron())
    again = walk.again(w=-3.25).loss
    graph, _ = comparison(again, walk.loss)
    assert [node.before.number for node in graph.nodes if node.name == "w"] == [-3.0]


def test_a_step_of_gradient_descent_on_shared_leaves_is_compared_by_one_pass_each():
    w = Value(0.5, "w")

    def loss():
        return (w * 3.0 - 2.0) ** 2

    before = loss()
    before.backward()
    w.data = w.data - 0.01 * w.grad
    graph, _ = comparison(loss(), before)
    node = next(node for node in graph.nodes if node.name == "w")
    assert (node.before.number, node.before.gradient) == (0.5, pytest.approx(-3.0))
    assert node.number == pytest.approx(0.53)
    assert node.gradient == pytest.approx(2 * 3 * (3 * 0.53 - 2))
    assert w.grad == pytest.approx(-3.0)  # nobody's gradient was touched


# What is no other run. ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "there", "where"),
    [
        (lambda a: a * a, lambda a: a + a, "L is the result of × here and the result of + there"),
        (lambda a: tg.sum(a, axis=0).sum(), lambda a: tg.sum(a, axis=1).sum(),
         "v1 is the result of sum axis=0 here and the result of sum axis=1 there"),
        (lambda a: a.sum(), lambda a: Value(np.ones((3, 2)), "a").sum(),
         "a is (2, 2) float64 here and (3, 2) float64 there"),
        (lambda a: a.sum(), lambda a: Value(2.0, "a") * 3.0, "a is (2, 2) float64 here and a number there"),
        (lambda a: (a * 2.0).sum(), lambda a: (a * Value(2.0, "b")).sum(),
         "2 is a plain number here and a parameter there"),
        (lambda a: (a - a.T).sum(), lambda a: (a.T - a).sum(),
         "v2 is made of a and v1 here and made of v1 and a there"),
        (lambda a: (a * Value(1.0, "b", False)).sum(), lambda a: (a * Value(1.0, "b")).sum(),
         "b is an input here and a parameter there"),
        (lambda a: a.sum() ** 2, lambda a: a.sum(), "2 is only here"),
    ],
)  # fmt: skip
def test_another_computation_is_an_error_that_names_the_first_place(here, there, where):
    a = Value([[1.0, 2.0], [3.0, 4.0]], "a")
    graph, other = graph_after_a_pass(here(a)), graph_after_a_pass(there(a))
    with pytest.raises(ValueError, match=r"^compare takes another run of the same computation: ") as error:
        compared(graph, other)
    assert where in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_whose_arrays_were_changed_in_place_is_one_clear_line():
    before = layer(np.array([[0.5, -1.5], [1.0, 0.25]]))
    weight = next(x for x in Names(before).things.values() if getattr(x, "label", "") == "W")
    weight.data -= 0.1
    with pytest.raises(
        GradientError, match=r"^W of shape \(2, 2\) was changed in place after matmul had used it\."
    ) as error:
        graph_after_a_pass(before)
    assert "\n" not in str(error.value)
