"""What can be asked of `draw`: edges, several results, part of a graph, a moment of a walk, two runs; and slips."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import numpy as np
import pytest
from programs import programs, run

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, nn
from tinygrad_edu.drawing.graph import Box, Edge, Graph, Node, graph_of
from tinygrad_edu.drawing.moments import moments, now
from tinygrad_edu.drawing.wires import LONG, crossed, named_wires
from tinygrad_edu.examples import mnist_loss, xor_loss
from tinygrad_edu.folding import composite_of
from tinygrad_edu.naming import Names


def neuron() -> Value:
    x1, x2 = Value(2.0, "x1", requires_grad=False), Value(0.0, "x2", requires_grad=False)
    w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.8813735870195432, "b")
    out = tg.tanh(x1 * w1 + x2 * w2 + b)
    out.label = "out"
    return out


def built(loss: Value, composites: bool = True) -> Graph:
    names = Names(loss)
    moment = now([loss], names.things.values())
    return graph_of([loss], names, composite_of if composites else lambda value: None, moment)


def edges_of(graph: Graph) -> Iterator[tuple[Box, Edge]]:
    return ((box, edge) for box in graph.boxes for edge in box.edges)


def texts(drawing: tg.Drawing) -> list[str]:
    """All that can be read in a drawing."""
    found = re.findall(r">([^<>\n]+)<", drawing.source)
    return [unescape(text).replace("\\\\", "\\").replace("\xa0", " ") for text in found]


# -- edges -------------------------------------------------------------------------------------------------------------


def test_an_edge_says_the_local_derivative_and_what_flowed_back():
    out = neuron()
    out.backward()
    told = {(edge.operand.name, box.sign): (edge.local, edge.flow) for box, edge in edges_of(built(out))}
    assert told["w1", "×"] == ("x1 = 2", pytest.approx(1.0))
    assert told["x1", "×"] == ("", None)  # a constant: nothing flows there
    assert told["b", "+"] == ("1", pytest.approx(0.5))
    assert told["v4", "tanh"] == ("1 - out² = 0.5", pytest.approx(0.5))


def test_before_a_pass_there_are_derivatives_but_nothing_has_flowed():
    graph = built(neuron())
    assert {edge.flow for _, edge in edges_of(graph)} == {None}
    assert "1 - out² = 0.5" in texts(tg.draw(neuron()))
    assert not any(text.startswith("+=") for text in texts(tg.draw(neuron())))


@pytest.mark.parametrize("composites", [True, False])
@pytest.mark.parametrize("group", range(5))
def test_what_flows_into_a_value_adds_up_to_its_gradient(group, composites):
    for program in programs(8, 5, seed=500 + group):
        loss = run(program, [Value(x, name) for name, x in program.inputs.items()])
        with np.errstate(all="ignore"):
            loss.backward()
            graph = built(loss, composites)
        flows: dict[Node, Any] = {}
        for _, edge in edges_of(graph):
            if edge.flow is not None:
                flows[edge.operand] = flows.get(edge.operand, 0) + edge.flow
        for node, flow in flows.items():
            np.testing.assert_allclose(flow, node.gradient, 1e-9, 1e-12, err_msg=f"{node.name} of\n{program}")
        arrived = {node for node in graph.nodes if node.gradient is not None and node.kind != "root"}
        assert arrived == {*flows}


def test_the_local_derivative_is_that_of_differences_even_through_a_composite():
    a, b = Value(0.7, "a"), Value(-1.2, "b")

    def f(x: Any, y: Any) -> Any:
        return np.hypot(x, y) * tg.logsumexp(tg.stack([x, y]))

    loss = tg.std(tg.stack([a * 1.0, b * 1.0])) + f(a, b)
    for box, edge in edges_of(built(loss)):
        if box.sign == "hypot":
            by_hand = edge.operand.number / math.hypot(0.7, -1.2)
            assert float(edge.local.split(" = ")[-1]) == pytest.approx(by_hand, abs=1e-4)
    mean = tg.mean(tg.stack([a, b]))
    (edge,) = [edge for box, edge in edges_of(built(mean)) if box.sign == "mean"]
    assert edge.shapes == "() -> (2,)"
    scalar = tg.average(a)
    assert [edge.local for box, edge in edges_of(built(scalar)) if box.sign == "average"] in (["1"], [])


def test_an_array_has_its_rule_and_shapes_on_the_edge():
    X, W, b = np.ones((4, 2)), Value(np.ones((2, 3)), "W"), Value(np.ones(3), "b")
    loss = tg.tanh(X @ W + b).sum()
    loss.backward()
    told = {edge.operand.name: edge for _, edge in edges_of(built(loss))}
    assert (told["W"].local, told["W"].shapes) == ("c1ᵀ @ g", "(2, 4) @ (4, 3) -> (2, 3)")
    assert (told["b"].local, told["b"].shapes, told["b"].stretched) == ("sum(g, axis=0)", "(4, 3) -> (3,)", 4)
    assert (told["v2"].local, told["v2"].stretched) == ("g·(1 - v3²)", 1)
    source = tg.draw(loss).source
    assert "stretched 4×" in source
    assert source.count("style=tapered") == 1


def test_a_value_that_is_called_g_is_not_taken_for_the_gradient():
    g = Value([1.0, 2.0], "g")
    (edge, *_) = [edge for _, edge in edges_of(built((g * g).sum())) if edge.operand.name == "g"]
    assert edge.local == "∂·g"


# -- layers ------------------------------------------------------------------------------------------------------------


def test_layers_are_frames_with_the_names_of_the_user():
    class Gate(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Dense(2, 2, "tanh", seed=0, name="to <gate>")

        def forward(self, x: Any) -> Any:
            return self.inner(x) * x

    loss = nn.Sequential(Gate(), nn.Dense(2, 1, seed=1))(np.ones((3, 2), np.float32)).sum()
    assert {"sequential", "gate1", "to <gate>", "dense2"} <= {*texts(tg.draw(loss))}
    graph = built(loss)
    inside = {node.name: [scope.name for scope in node.layers] for node in graph.nodes}
    assert inside["gate1.inner.weight"] == ["sequential", "gate1", "to <gate>"]
    assert inside["c1"] == inside["L"] == []


def test_pictures_with_and_without_frames_are_the_same_each_time():
    drawings = [
        tg.draw(xor_loss()),
        tg.draw(neuron()),
        tg.draw(mnist_loss(batch=8, hidden=16)),
        tg.draw(neuron(), step=3),
    ]
    first = [drawing.svg() for drawing in drawings]
    for _ in range(4):
        drawings, first = drawings[1:] + drawings[:1], first[1:] + first[:1]  # in another order
        assert [drawing.svg() for drawing in drawings] == first


def test_a_folded_model_names_its_parameters_and_still_says_what_flowed():
    loss = xor_loss()
    loss.backward()
    drawing = tg.draw(loss, depth=1)
    assert {"dense1", "dense2", "weight", "bias"} <= {*texts(drawing)}
    assert "← dense1" in drawing.text()
    assert "tanh" not in drawing.text()
    whole = tg.draw(loss, depth=0)
    assert "← sequential" in whole.text()


# -- several results ---------------------------------------------------------------------------------------------------


def test_several_results_share_what_they_have_in_common():
    x = Value(2.0, "x")
    square = x * x
    first, second = square + 1, square * 3
    first.label, second.label = "first", "second"
    first.backward()
    second.backward()
    drawing = tg.draw([first, second])
    assert drawing.source.count("class=root") == 2
    assert drawing.source.count(">x</B>") == 1
    graph_edges = [text for text in texts(drawing) if text.startswith("+= ") and "  " not in text]
    assert sorted(graph_edges) == ["+= 1", "+= 3", "+= 8", "+= 8"]  # of both passes: (1 + 3)·x, twice


def test_a_result_under_another_is_not_counted_twice():
    x = Value(2.0, "x")
    inner = x * 3
    inner.label = "inner"
    loss = inner * inner
    loss.backward()
    assert "+= 36" in texts(tg.draw([inner, loss]))  # 2·6·3, once


def test_the_graph_of_a_gradient_stands_beside_its_own():
    x = Value(0.5, "x")
    y = tg.tanh(x) * x
    y.label = "y"
    y.backward(create_graph=True)
    drawing = tg.draw([y, x.grad])
    said = texts(drawing)
    assert "graph of ∂y/∂x" in said
    assert {"∂y/∂x", "∂y/∂y", "y", "x"} <= {*said}
    slope = math.tanh(0.5) + 0.5 * (1 - math.tanh(0.5) ** 2)
    assert f"{slope:.4g}" in said
    frame = drawing.source[drawing.source.index("subgraph") :]
    assert "value1 [" not in frame[: frame.index("}")]  # what y is made of is not in it


def test_a_gradient_is_only_called_after_the_result_that_it_belongs_to():
    u, v = Value(1.0, "u"), Value(5.0, "v")
    loss, other = u * v, u * u * 4
    other.backward(create_graph=True)
    said = texts(tg.draw([loss, u.grad]))
    assert {"u.grad", "graph of u.grad"} <= {*said}
    assert not any("∂" in text for text in said)
    w = Value(0.5, "w")
    loss = tg.tanh(w) * w
    loss.backward(create_graph=True)
    first = w.grad
    assert {"∂L/∂w", "∂L/∂v1"} <= {*texts(tg.draw([loss, first]))}
    w.zero_grad()
    first.backward(create_graph=True)
    assert "∂L/∂w" not in texts(tg.draw([loss, first, w.grad]))


# -- what arrives and what is there ------------------------------------------------------------------------------------


def product() -> tuple[Value, Value, Value]:
    a = Value(2.0, "a")
    b = a * 3
    b.label = "b"
    return a, b, b * a


def test_a_gradient_of_several_passes_is_told_by_what_one_of_them_brings():
    _, _, loss = product()
    loss.backward()
    loss.backward()
    assert "2 × what arrives" in texts(tg.draw(loss))
    _, _, loss = product()
    loss.backward(3.0)  # one pass, from 3
    said = texts(tg.draw(loss))
    assert not any("what arrives" in text or "What arrives" in text for text in said)
    assert "grad 36" in said


def test_what_other_passes_have_left_is_said():
    _, b, loss = product()
    loss.backward()
    (b * 5).backward()
    why = "is not all of the gradient: other passes have come there too."
    assert f"What arrives at a, b {why}" in texts(tg.draw(loss))
    a, b, loss = product()
    loss.backward()
    a.zero_grad()
    assert "The gradient of a was set to 0 since the pass." in texts(tg.draw(loss))
    _, _, loss = product()
    loss.backward()
    assert "a had a gradient before this walk." in texts(tg.draw(loss, step=3))
    assert "a had a gradient before this walk." not in texts(tg.draw(product()[2], step=3))


def test_why_a_gradient_is_zero_is_said():
    out = neuron()
    out.backward()
    assert "All that arrives at w2 is 0: w2 is multiplied by x2 = 0." in texts(tg.draw(out))


def test_a_number_as_local_derivative_is_written_once():
    a = Value(3.0, "a")
    assert [edge.local for _, edge in edges_of(built(a * 1.0 + a * 0.5))] == ["1", "", "0.5", "", "1", "1"]


# -- part of a graph ---------------------------------------------------------------------------------------------------


def test_only_what_lies_between_a_value_and_the_result():
    out = neuron()
    out.backward()
    text = tg.draw(out, only="w1").text()
    assert re.findall(r"(\w+) = ", text) == ["out", "v4", "v3", "v1", "w1"]
    assert tg.draw(out, only=out.operands[0].operands[1]).text().count(" = ") == 3  # b itself
    both = tg.draw(out, only=["w1", "b"])
    assert re.findall(r"(\w+) = ", both.text()) == ["out", "v4", "v3", "v1", "w1", "b"]
    assert "Only what lies between w1 and b and out: 6 of 10 values." in texts(both)


def test_only_every_path_of_a_diamond():
    a = Value(2.0, "a")
    left, right = a * 3, a + 1
    left.label, right.label = "left", "right"
    text = tg.draw(left * right + Value(1.0, "other"), only="a").text()
    assert {"left", "right", "a"} <= {*re.findall(r"(\w+) = ", text)}
    assert "other = " not in text  # only its name is there, as what the sum has besides
    assert text.count("└─ other\n") == 1


def test_values_gradients_edges_and_legend_can_be_left_out():
    out = neuron()
    out.backward()
    said = texts(tg.draw(out))
    assert {"0.7071", "grad 0.5", "1 - out² = 0.5", "parameter", "local derivative"} <= {
        part for text in said for part in (text, *text.split("  "))
    }
    assert "0.7071" not in texts(tg.draw(out, values=False))
    assert not any("grad" in text or "+=" in text for text in texts(tg.draw(out, grads=False)))
    assert not any("out²" in text or "+=" in text for text in texts(tg.draw(out, edges=False)))
    assert "parameter" not in texts(tg.draw(out, legend=False))


def test_the_direction_follows_what_is_drawn_unless_it_is_said():
    assert "rankdir=LR" in tg.draw(neuron()).source
    assert "rankdir=TB" in tg.draw(tg.sum(Value([1.0, 2.0]) * 2)).source
    deep = Value(1.0, "x")
    for _ in range(12):
        deep = deep + 1
    assert "rankdir=TB" in tg.draw(deep).source
    assert "rankdir=BT" in tg.draw(neuron(), direction="BT").source


def test_the_legend_has_what_is_there_and_nothing_else():
    assert texts(tg.draw(Value(1.0, "x"))) == ["x", "1", "grad —"]
    a = Value(3.0, "a")
    assert {"parameter", "operation", "result"} < {*texts(tg.draw(a + a))}
    assert {"input", "number", "computed"}.isdisjoint(texts(tg.draw(a + a)))


# -- moments of a walk -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [neuron(), xor_loss()], ids=["numbers", "arrays"])
def test_the_moments_of_a_walk_are_what_the_walk_leaves(loss):
    walk = tg.walk(loss)
    for position, moment in enumerate(moments(tg.walk(loss))):
        walk.goto(position)
        for value in walk.names.things.values():
            if isinstance(value, Value) and value.requires_grad:
                found = moment.gradients.get(id(value))
                assert (found is None) == (value.grad is None)
                if found is not None:
                    np.testing.assert_array_equal(found, value.grad)
    walk.reset()


def test_a_walk_is_drawn_as_it_stands():
    loss = neuron()
    nine = tg.draw(loss, step=9)
    walk = tg.walk(loss).goto(9)
    drawing = tg.draw(walk)
    assert drawing.source == nine.source
    assert "After 9 of 13 steps: ∂out/∂b += ∂out/∂v4 = 0.5" in texts(drawing)
    assert drawing.source.count('class="parameter current"') == 0
    assert drawing.source.count("class=current") == 1
    assert walk.position == 9
    assert {"taken last", "still to come"} <= {*texts(drawing)}


def test_what_is_not_computed_yet_is_a_question():
    loss = neuron()
    said = texts(tg.draw(loss, step=1))
    assert said.count("?") == 4
    assert "0.7071" not in said
    assert not any("out²" in text for text in said)  # the derivative is not known before the number is
    assert "?" not in texts(tg.draw(loss, step=5))
    assert loss.grad is None


@pytest.mark.parametrize(("step", "like"), [(-1, 13), (-14, 0), (13, 13)])
def test_steps_count_from_both_ends(step, like):
    loss = neuron()
    assert tg.draw(loss, step=step).source == tg.draw(loss, step=like).source


def test_a_folded_box_is_at_work_while_the_walk_is_in_it():
    loss = xor_loss()
    walk = tg.walk(loss)
    inside = next(step.index for step in walk.steps if step.kind == "edge" and step.op.name == "tanh")
    source = tg.draw(loss, step=inside + 1, depth=1).source
    assert re.findall(r"\t(\w+) \[.*class=\"layer current\"", source) == ["operation3"]
    assert "← dense1" in tg.draw(loss, step=inside + 1, depth=1).text()


# -- two runs ----------------------------------------------------------------------------------------------------------


def test_two_runs_side_by_side():
    def line(w: float) -> Value:
        x, w, b = Value(1.5, "x", requires_grad=False), Value(w, "w"), Value(0.5, "b")
        loss = (w * x + b) ** 2
        loss.label = "loss"
        return loss

    drawing = tg.draw(line(1.0), compare=line(2.0))
    said = texts(drawing)
    assert {"2 → 1", "grad 10.5 → 6", "12.25 → 4", "grad 7 → 4"} <= {*said}
    assert "0.5" in said  # b did not change, though its gradient did
    assert "Each gradient is what one pass gives." in said
    assert 'class="parameter changed"' in drawing.source
    assert 'class="input same"' in drawing.source


# -- large pictures ----------------------------------------------------------------------------------------------------


def test_a_value_that_is_used_all_along_a_chain_is_wired_by_its_name():
    x, total = Value(0.9, "x"), Value(1.0, "t")
    for _ in range(60):
        total = total * x + 1
    graph = built(total)
    wires = named_wires(graph)
    assert {edge.operand.name for edge in wires} == {"x"}
    assert all(span > LONG for edge, span in crossed(graph).items() if edge in wires)
    drawing = tg.draw(total, max_nodes=None)
    assert texts(drawing).count("x") == 1 + len(wires)
    assert drawing.svg().startswith("<svg")  # in a second, not in minutes
    assert named_wires(built(neuron())) == set()


def test_a_large_graph_folds_by_itself_and_says_so():
    x, total = Value(0.9, "x"), Value(1.0, "t")
    for _ in range(3000):
        total = total * x + 1
    drawing = tg.draw(total)
    assert drawing.source.count("->") < 100
    assert any("6,000 operations" in text for text in texts(drawing))
    assert drawing.text().count("\n") < 100


# -- slips -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "options", "says"),
    [
        (ValueError, {"direction": "up"}, "direction is one of LR, TB, RL, BT, not 'up'."),
        (TypeError, {"depth": 1.5}, "depth is a whole number or None, not 1.5."),
        (TypeError, {"max_nodes": True}, "max_nodes is a whole number or None, not True."),
        (ValueError, {"depth": -1}, "depth is at least 0, not -1."),
        (ValueError, {"max_nodes": 0}, "max_nodes is at least 1, not 0."),
        (IndexError, {"step": 14}, "The walk has 13 steps: step is from 0 to 13, not 14."),
        (IndexError, {"step": -15}, "The walk has 13 steps: step is from 0 to 13, not -15."),
        (TypeError, {"step": "last"}, "step is a whole number, how many steps are taken, not 'last'."),
        (ValueError, {"only": "zz"}, "There is no 'zz' in this graph; there are x1, w1, v1, x2, w2, v2, v3, b, "),
        (ValueError, {"only": Value(1.0, "stranger")}, "stranger has no part in out."),
        (TypeError, {"open": "v1"}, "open is a value and an index, as in open=(\"z\", (0, 2)), not 'v1'."),
        (ValueError, {"step": 1, "compare": neuron()}, "compare takes two whole runs: it goes neither with a walk"),
        (TypeError, {"compare": 3.0}, "draw takes a Value, such as a loss, not float: only a Value remembers"),
        (TypeError, {"names": ["x"]}, "names is a mapping from names to values, such as locals(), not list."),
    ],
)  # fmt: skip
def test_an_option_that_does_not_fit_is_told_in_a_line(error, options, says):
    with pytest.raises(error) as raised:
        tg.draw(neuron(), **options)
    assert str(raised.value).startswith(says)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("thing", [3.0, [], [1.0], np.ones(2), None, "loss", {"loss": 1}])
def test_only_values_and_walks_are_drawn(thing):
    with pytest.raises(TypeError, match=r"^draw takes a Value, such as a loss, not"):
        tg.draw(thing)


def test_step_is_of_one_result():
    x = Value(1.0, "x")
    with pytest.raises(ValueError, match=r"^step is a step of the walk of one result, not of several\.$"):
        tg.draw([x * 2, x * 3], step=1)


def test_data_changed_since_is_said_and_the_graph_still_drawn():
    w = Value(np.array([1.0, 2.0]), "w")
    loss = (w * w).sum()
    loss.backward()
    w.data[0] = 9.0
    drawing = tg.draw(loss)
    (said,) = [text for text in texts(drawing) if text.startswith("The gradients are as they were left.")]
    assert "changed in place" in " ".join(texts(drawing))
    assert said
    with pytest.raises(GradientError, match="changed in place"):
        tg.draw(loss, step=1)


def test_the_example_models_are_losses_that_train():
    for loss in (xor_loss(), mnist_loss(batch=8, hidden=16)):
        loss.backward()
        weights = [x for x in Names(loss).things.values() if isinstance(x, Value) and x.requires_grad and x.op is None]
        assert len(weights) == 4
        assert all(np.any(weight.grad) for weight in weights)
