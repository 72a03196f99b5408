"""A drawing of any size: layers, repetitions and what is far off fold; what remains is true; ten thousand are quick."""

import random
import threading
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Value, nn, tanh
from tinygrad_edu.drawing import moments, render
from tinygrad_edu.drawing.budget import bundled, folds
from tinygrad_edu.drawing.dot import dot_source
from tinygrad_edu.drawing.graph import FOLDS, graph_of
from tinygrad_edu.drawing.repeats import runs_of
from tinygrad_edu.drawing.tree import text_tree
from tinygrad_edu.folding import values_under
from tinygrad_edu.naming import Names
from tinygrad_edu.recording import inside


def fitted(*roots, depth=None, repeats=None, max_nodes=250, composites=True):
    """The graph as it is drawn, and what is said of its size."""
    names = Names(roots[0], None, roots[1:])
    box_of, said = folds([*roots], depth, repeats, max_nodes, composites)
    graph = graph_of([*roots], names, box_of, moments.now([*roots], names.things.values()))
    bundled(graph, max_nodes)
    return graph, said


def signs(graph):
    return Counter(box.sign for box in graph.boxes)


def folded(graph):
    return [box.sign for box in graph.boxes if box.kind in FOLDS]


# -- graphs of many kinds ----------------------------------------------------------------------------------------------


def chain(n):
    y, w, b = Value(0.5, "y"), Value(0.999, "w"), Value(0.001, "b")
    for _ in range(n // 2):
        y = y * w + b
    return y


def sum_of_products(n):
    total = Value(0.0, "start")
    for i in range(n // 2):
        total = total + Value(i % 7 - 3.0, f"a{i}") * Value(i % 3 + 0.1, f"b{i}")
    return total


def mlp(sizes):
    """A network of single numbers, as a function of a list of them."""
    numbers = random.Random(0)
    layers = [
        [[Value(numbers.uniform(-1, 1), f"w{k}_{j}_{i}") for i in range(n + 1)] for j in range(m)]
        for k, (n, m) in enumerate(pairwise(sizes))
    ]

    def network(x):
        for layer in layers:
            x = [neuron(weights, x) for weights in layer]
        return x

    return network


def neuron(weights, x):
    *weights, z = weights
    for w, number in zip(weights, x):
        z = z + w * number
    return tanh(z)


def loss_over_examples(n):
    network, numbers = mlp([2, 4, 1]), random.Random(1)
    loss = Value(0.0, "start")
    for _ in range(n // 32):
        (out,) = network([numbers.uniform(-1, 1), numbers.uniform(-1, 1)])
        loss = loss + (out - numbers.choice([-1.0, 1.0])) ** 2
    return loss


def scalar_mlp(n):
    width = int((n / 4) ** 0.5)
    return mlp([2, width, width, 1])([0.5, -0.25])[0]


def without_structure(n, seed=0):
    numbers = random.Random(seed)
    values = [Value(numbers.uniform(0.5, 1), f"p{i}") for i in range(20)]
    while len(values) < n:
        a, b = numbers.choices(values[-200:], k=2)
        row = numbers.choice([tg.add, tg.multiply, lambda a, b: tanh(a), lambda a, b: a * 0.5])
        values.append(row(a, b))
    return sum(values[-30:], Value(0.0))


def diamonds(n):
    x = Value(1.0, "x")
    for _ in range(n // 3):
        x = tanh(x) + x * 0.5
    return x


def fan(n):
    """One operation of very many operands."""
    return tg.stack([tanh(Value(0.1 * (i % 9), f"a{i}")) for i in range(n)]).sum()


def deep(layers):
    model = nn.Sequential(*[nn.Dense(3, 3, "tanh", seed=i, dtype=np.float64) for i in range(layers)])
    return nn.mse(model(np.ones((2, 3))), np.zeros((2, 3)))


PROGRAMS = [chain, sum_of_products, loss_over_examples, scalar_mlp, without_structure, diamonds, fan]


# -- what must hold, whatever is folded --------------------------------------------------------------------------------


def check_all_there(graph, roots, max_nodes):
    """No circle, not too many values, each operation drawn or counted once, and the true contributions."""
    if max_nodes is not None:
        assert len(graph.nodes) <= max_nodes
    assert sum(box.operations for box in graph.boxes) == len(values_under(roots))
    users, drawn = {}, {*graph.nodes}
    for box in graph.boxes:
        for edge in box.edges:
            assert edge.operand in drawn
            users.setdefault(edge.operand, []).append((box, edge))
        assert all(node.box is box and node in drawn for node in box.results)
        assert all(node.box is None and node not in drawn for node in box.held)
    assert acyclic(graph)
    for node in graph.nodes:
        flows = [edge.flow for _, edge in users.get(node, ())]
        if node.gradient is not None and node not in graph.roots and node.state != "no path":
            arrived = [flow for flow in (*flows, node.within) if flow is not None]
            np.testing.assert_allclose(np.sum(arrived, axis=0), node.gradient, rtol=1e-9, atol=1e-12)


def acyclic(graph):
    """Take away boxes whose operands are all there; nothing must be left."""
    missing = {box: {edge.operand.box for edge in box.edges} - {None} for box in graph.boxes}
    while ready := [box for box, needed in missing.items() if not needed]:
        for box in ready:
            del missing[box]
        for needed in missing.values():
            needed.difference_update(ready)
    return not missing


@pytest.mark.parametrize("max_nodes", [1, 7, 60, 250])
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_remains_is_within_the_limit_and_true(program, max_nodes):
    loss = program(1000)
    loss.backward()
    graph, said = fitted(loss, max_nodes=max_nodes)
    check_all_there(graph, [loss], max_nodes)
    (sentence,) = said
    assert sentence.startswith(f"{len(values_under([loss])):,} operations are drawn as ")
    assert f"max_nodes={max_nodes}" in sentence
    assert sentence.endswith("A larger max_nodes draws more, None all.")


@st.composite
def random_graphs(draw):
    """Sums, products and functions in layers and composites, some of them again and again, of few or many leaves."""
    values = [Value(draw(st.sampled_from([0.5, -0.25, 1.5])), f"w{i}") for i in range(draw(st.integers(1, 12)))]
    rows = [
        lambda a, b: a + b, lambda a, b: a * b, lambda a, b: tanh(a), lambda a, b: a * 0.5, lambda a, b: a - a,
        lambda a, b: tg.softplus(a) * b, lambda a, b: tg.mean(tg.stack([a, b, a])), lambda a, b: tg.where(True, a, b),
    ]  # fmt: skip

    def block(steps):
        for row, i, j in steps:
            values.append(rows[row](values[-1 - i % len(values)], values[-1 - j % len(values)]))

    step = st.tuples(st.integers(0, len(rows) - 1), st.integers(0, 15), st.integers(0, 15))
    for _ in range(draw(st.integers(1, 4))):
        steps, times = draw(st.lists(step, min_size=1, max_size=6)), draw(st.integers(1, 8))
        for i in range(times):
            if layered := draw(st.sampled_from([0, 0, 1, 2])):
                work = [block, lambda s: inside("inner", "layer", block, (s,), {})][layered - 1]
                inside(f"part{i}", "layer", work, (steps,), {})
            else:
                block(steps)
    return sum(values[-draw(st.integers(1, 3)) :], Value(0.0))


@settings(deadline=None, max_examples=150)
@given(
    random_graphs(), st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, True, False]),
    st.sampled_from([1, 3, 8, 20, None]), st.booleans(),
)  # fmt: skip
def test_random_graphs_folded_in_any_way_stay_whole_and_true(loss, depth, repeats, max_nodes, composites):
    loss.backward()
    options = {"depth": depth, "repeats": repeats, "max_nodes": max_nodes, "composites": composites}
    graph, said = fitted(loss, **options)
    check_all_there(graph, [loss], max_nodes)
    again, said_again = fitted(loss, **options)
    assert dot_source(graph, "LR") == dot_source(again, "LR")
    assert said == said_again


def test_several_results_are_never_folded_away():
    x = Value(0.5, "x")
    loss = chain(400) * x
    loss.backward(create_graph=True)
    roots = [loss, x.grad]
    graph, _ = fitted(*roots, max_nodes=12)
    assert [node.number for node in graph.roots] == [root.data for root in roots]
    assert len(graph.nodes) <= 12
    assert acyclic(graph)


# -- layers ------------------------------------------------------------------------------------------------------------


def test_depth_opens_layers_one_level_after_the_other():
    loss = deep(3)
    closed, _ = fitted(loss, depth=0)
    assert signs(closed) == Counter({"sequential": 1, "−": 1, "square": 1, "mean": 1})
    one, said = fitted(loss, depth=1)
    assert {"dense1", "dense2", "dense3"} <= {*signs(one)}
    assert said == []
    every, _ = fitted(loss)
    assert signs(every) == signs(fitted(loss, depth=2)[0])
    assert signs(every)["tanh"] == 3
    assert {scope.name for box in every.boxes for scope in box.layers} == {"sequential", "dense1", "dense2", "dense3"}


def test_a_closed_layer_holds_its_parameters_and_counts_its_operations():
    graph, _ = fitted(deep(3), depth=1)
    (first,) = [box for box in graph.boxes if box.sign == "dense1"]
    assert first.operations == 2
    assert [node.name for node in first.held] == ["dense1.weight", "dense1.bias"]
    assert [edge.operand.kind for edge in first.edges] == ["input"]
    whole = fitted(deep(2), depth=0)[0].boxes[0]
    assert whole.operations == 4
    assert [node.name for node in whole.held] == ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]


def test_with_too_many_layers_the_deepest_are_closed_first():
    graph, said = fitted(deep(60), max_nodes=100)
    assert signs(graph)["dense60"] == 1
    assert len([box for box in graph.boxes if box.kind == "layer"]) == 60
    assert "layers are opened to depth 1" in said[0]


def test_layers_of_a_kind_are_repeated_in_the_frame_of_their_model():
    graph, said = fitted(deep(60), max_nodes=30)
    (box,) = [box for box in graph.boxes if box.kind == "repeat"]
    assert box.sign == "59 × dense"
    assert [scope.name for scope in box.layers] == ["sequential"]
    assert [(node.name, node.count) for node in box.held] == [
        ("c1", 1),
        ("dense1.weight … dense59.weight", 59),
        ("dense1.bias … dense59.bias", 59),
    ]
    assert "drawn once and counted" in said[0]


def test_layers_of_other_shapes_are_not_repetitions():
    sizes = [2, 5, 5, 5, 5, 1]
    model = nn.Sequential(*[nn.Dense(n, m, "tanh", seed=0) for n, m in pairwise(sizes)])
    graph, _ = fitted(model(np.ones((3, 2), np.float32)).sum(), depth=1, repeats=True)
    assert [box.sign for box in graph.boxes] == ["dense1", "3 × dense", "dense5", "sum"]


# -- repetitions -------------------------------------------------------------------------------------------------------


def test_a_repetition_is_one_box_with_a_count():
    x, w, b = Value(0.5, "x"), Value(0.9, "w"), Value(0.1, "b")
    for _ in range(8):
        x = tanh(x * w + b)
    x.backward()
    graph, said = fitted(x, repeats=True)
    (box,) = graph.boxes
    assert (box.sign, box.operations, said) == ("8 × (×, +, tanh)", 24, [])
    check_all_there(graph, [x], 250)


def test_where_it_must_be_folded_the_last_time_is_drawn():
    loss = chain(10_000)
    loss.backward()
    graph, said = fitted(loss)
    assert [box.sign for box in graph.boxes] == ["4,999 × (×, +)", "×", "+"]
    assert said == [
        "10,000 operations are drawn as 3 (max_nodes=250): what repeats is drawn once and counted. "
        "A larger max_nodes draws more, None all."
    ]


def test_neurons_and_layers_of_single_numbers_are_found():
    loss = mlp([3, 20, 20, 1])([0.1, 0.2, 0.3])[0]
    graph, _ = fitted(loss, repeats=True)
    assert [box.sign for box in graph.boxes] == [
        "20 × (3 × (×, +), tanh)",
        "20 × (20 × (×, +), tanh, ×, +)",  # what a neuron gives to the only one behind it is added up at once
        "tanh",
    ]


def test_examples_are_found_whatever_is_in_them():
    graph, _ = fitted(loss_over_examples(3200))
    assert "99 × 32 operations" in signs(graph)


def test_an_equal_row_of_operations_that_are_wired_in_another_way_is_told_apart():
    x = Value(0.5, "x")
    for i in range(12):
        y = tanh(x)
        x = y * y if i < 6 else y * x
    assert folded(fitted(x, repeats=True)[0]) == ["6 × (tanh, ×)", "6 × (tanh, ×)"]


def test_repetitions_are_left_alone_if_not_wanted():
    loss = diamonds(90)
    assert folded(fitted(loss)[0]) == []
    graph, said = fitted(loss, repeats=False, max_nodes=40)
    assert folded(graph) == [f"{graph.boxes[0].operations} operations"]
    assert "farthest from the result are one box" in said[0]
    assert fitted(Value(1.0) + 1.0, repeats=True)[1] == ["Nothing is repeated 3 times in a row."]


def test_two_times_is_no_repetition():
    x = Value(0.5, "x")
    assert folded(fitted(tanh(tanh(x)), repeats=True)[0]) == []
    assert folded(fitted(tanh(tanh(tanh(x))), repeats=True)[0]) == ["3 × tanh"]


@given(st.lists(st.integers(0, 2), max_size=40))
def test_every_repetition_of_a_row_is_found(row):
    found = {run for runs in runs_of(np.array(row, int)) for run in runs}
    for start in range(len(row)):
        for period in range(1, len(row) // 3 + 1):
            if start + period > len(row):
                continue
            length = period
            while start + length < len(row) and row[start + length] == row[start + length - period]:
                length += 1
            goes_on_before = start > 0 and row[start - 1] == row[start - 1 + period]
            block = row[start : start + period]
            shorter = any(period % p == 0 and block == block[:p] * (period // p) for p in range(1, period))
            if length >= 3 * period and not goes_on_before and not shorter:
                assert (start, period, length) in found
    for start, period, length in found:
        part = row[start : start + length]
        assert length >= 3 * period
        assert part[period:] == part[:-period]


# -- what is far off, and bundles --------------------------------------------------------------------------------------


def test_what_is_near_the_result_stays():
    loss = without_structure(2000)
    graph, said = fitted(loss, max_nodes=40)
    (box,) = [box for box in graph.boxes if box.kind == "fold"]
    assert box.sign == f"{box.operations:,} operations"
    assert f"the {box.operations:,} operations farthest from the result are one box" in said[0]
    assert graph.roots[0].box.sign == "+"
    assert len(graph.nodes) > 35  # and as many as may be


def test_what_goes_from_one_folded_box_to_another_is_one_bundle():
    loss = mlp([3, 50, 50, 1])([0.1, 0.2, 0.3])[0]
    loss.backward()
    graph, _ = fitted(loss, repeats=True)
    check_all_there(graph, [loss], 250)
    (bundle, *_) = [node for node in graph.nodes if node.count > 1]
    assert bundle.count == 50
    assert bundle.number.shape == bundle.gradient.shape == (50,)


def test_leaves_with_numbers_in_their_names_are_told_by_the_first_and_the_last():
    weights = [Value(0.01 * i, f"w{i}") for i in range(1, 785)]
    total = 0.0
    for _ in range(3):
        for w in weights:
            total = tanh(total + w)
    total.backward()
    graph, _ = fitted(total, repeats=True)
    held = graph.boxes[0].held
    assert ("w1 … w784", 784) in {(node.name, node.count) for node in held}
    (bundle,) = [node for node in held if node.count == 784]
    np.testing.assert_array_equal(bundle.number, [w.data for w in weights])
    np.testing.assert_array_equal(bundle.gradient, [w.grad for w in weights])


def test_no_limit_draws_all():
    loss = chain(600)
    graph, said = fitted(loss, max_nodes=None)
    assert (len(graph.boxes), said) == (600, [])


def test_a_value_that_nothing_computed_is_drawn_alone():
    graph, said = fitted(Value(2.0, "x"), max_nodes=1)
    assert ([node.name for node in graph.nodes], graph.boxes, said) == (["x"], [], [])


def test_a_layer_that_another_thread_computes_for_is_drawn():
    x, found = Value(0.5, "x"), []

    def forward():
        y = tanh(x)
        thread = threading.Thread(target=lambda: found.append(y * 2.0))
        thread.start()
        thread.join()
        return found[0] + y

    loss = inside("odd", "layer", forward, (), {})
    for max_nodes in (1, 2, 250):
        graph, _ = fitted(loss, depth=0, max_nodes=max_nodes)
        assert sum(box.operations for box in graph.boxes) == 3
        assert len(graph.nodes) <= max_nodes + 2


def test_the_boxes_are_the_same_at_each_moment_of_a_walk():
    loss = chain(60)
    walk = tg.walk(loss)
    box_of, _ = folds([loss], None, None, 12, True)
    sources = set()
    for moment in moments.moments(walk):
        graph = graph_of([loss], walk.names, box_of, moment)
        bundled(graph, 12)
        sources.add((*(node.key for node in graph.nodes), *(box.key for box in graph.boxes)))
    assert len(sources) == 1


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [scalar_mlp, without_structure, sum_of_products])
def test_ten_thousand_operations_are_folded_and_drawn(program, monkeypatch):
    loss = program(10_000)
    loss.backward()
    graph, _ = fitted(loss)
    source = dot_source(graph, "LR")
    text_tree(graph.roots[0])
    for found in render.programs():
        monkeypatch.setattr(render, "programs", lambda found=found: [found])
        assert b"</svg>" in render.picture(source, "svg")
    check_all_there(graph, [loss], 250)


def test_a_long_chain_needs_no_recursion():
    loss = chain(30_000)
    assert fitted(loss)[0].boxes[0].sign == "14,999 × (×, +)"
