"""The engine: the order, what accumulates where, whose array a gradient is, memory, threads, anomaly mode, scopes."""

import gc
import math
import re
import threading
import tracemalloc
import weakref
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, detect_anomaly, nn, no_grad, ops
from tinygrad_edu.backward import order


def same(a, b):
    """Equal numbers in the same shape."""
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


@pytest.fixture
def calls(monkeypatch):
    """A list that names the rule of a row and the operand at each call: ("matmul", 1)."""
    made = []

    def counted(row, i, rule):
        return lambda *operands, **settings: (made.append((row.name, i)), rule(*operands, **settings))[1]

    for row in (ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.matmul, ops.tanh, ops.sum, ops.square):
        monkeypatch.setattr(row, "rules", tuple(counted(row, i, rule) for i, rule in enumerate(row.rules)))
    return made


# The order: long, wide, shared. ---------------------------------------------------------------------------------------


def test_a_chain_of_a_million_nodes():
    x = Value(0.5)
    y = x
    for _ in range(1_000_000):
        y = y + x
    y.backward()
    assert (y.data, x.grad) == (500_000.5, 1_000_001.0)
    del y  # and it is taken apart without recursion


def test_a_long_chain_of_arrays_and_of_gradients_of_gradients():
    x = Value([1.0, 2.0])
    y = x
    for _ in range(20_000):
        y = -y
    (y * y).sum().backward(create_graph=True)
    gradient, x.grad = x.grad, None
    assert same(gradient.data, [2.0, 4.0])
    gradient.sum().backward()
    assert same(x.grad, [2.0, 2.0])


def test_a_wide_graph():
    leaves = [Value(float(i)) for i in range(20_000)]
    total = tg.stack(leaves) @ np.arange(20_000.0) + sum(leaves)
    total.backward()
    assert [x.grad for x in leaves] == [i + 1.0 for i in range(20_000)]
    del total, leaves


def test_sixty_diamonds_are_exact_and_visited_once(calls):
    x = Value(3.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert (y.data, x.grad) == (3.0 * 2**60, 2.0**60)
    assert len(order(y)) == 60
    assert len(calls) == 120


@pytest.mark.parametrize("create_graph", [False, True])
def test_sixty_diamonds_of_products_have_exact_gradients(create_graph):
    x = Value(1.0)
    y = x
    for _ in range(60):
        y = y * y
    y.backward(create_graph=create_graph)
    assert (x.grad.data if create_graph else x.grad) == 2.0**60


def test_x_times_x_has_two_edges(calls):
    x = Value(3.0)
    y = x * x
    assert y.operands == (x, x)
    y.backward()
    assert (x.grad, calls) == (6.0, [("multiply", 0), ("multiply", 1)])


def test_every_node_comes_after_all_that_use_it():
    x = Value(2.0)
    a = x * x
    b = a + x
    c = a * b + b
    assert [node.op.name for node in order(c)] == ["add", "multiply", "add", "multiply"]
    position = {node: i for i, node in enumerate(order(c))}
    assert all(position[node] < position[y] for node in position for y in node.operands if y in position)


def test_a_leaf_is_its_own_graph():
    x = Value(2.0)
    x.backward()
    x.backward(seed=3)
    assert (x.grad, order(x)) == (4.0, [])


# Accumulation. --------------------------------------------------------------------------------------------------------


def test_a_second_backward_adds_to_leaves_and_not_to_inner_nodes():
    x = Value(2.0)
    y = x * x
    z = y * y
    for n in (1, 2, 3):
        z.backward()
        assert (x.grad, y.grad, z.grad) == (32.0 * n, 8.0, 1.0)


def test_two_losses_with_a_common_part():
    x, w = Value([1.0, 2.0]), Value([3.0, 5.0])
    common = x * w
    first, second = common.sum(), (common * common).sum()
    first.backward()
    assert same(common.grad, [1.0, 1.0])
    second.backward()
    assert same(common.grad, [6.0, 20.0])
    assert same(x.grad, [3 + 6 * 3, 5 + 20 * 5])
    assert same(w.grad, [1 + 6, 2 + 20 * 2])


def test_a_pass_through_an_inner_node_leaves_what_is_above_alone():
    x = Value(3.0)
    y = x * x
    z = y * 5
    z.backward()
    y.backward()
    assert (x.grad, y.grad, z.grad) == (30.0 + 6.0, 1.0, 1.0)


def test_a_gradient_set_by_hand_is_where_accumulation_starts():
    x, w = Value([1.0, 2.0]), Value(1.0)
    x.grad, w.grad = np.array([10.0, 20.0]), 0
    (x * w).sum().backward()
    assert same(x.grad, [11.0, 21.0])
    assert w.grad == 3.0


def test_a_failing_pass_adds_nothing():
    x, w = Value([1.0, 2.0], "x"), Value([3.0, 4.0], "w")
    y = (x * 2 + w).sum()
    x.data -= 1
    with pytest.raises(GradientError):
        y.backward()
    assert (x.grad, w.grad) == (None, None)


# Whose array a gradient is. -------------------------------------------------------------------------------------------

PASSING = {  # operations whose rules hand on the gradient, or a view of it
    "add": lambda v, w: v + w,
    "add broadcast": lambda v, w: v + w[0] * 0 + w,
    "subtract": lambda v, w: v - w,
    "reshape": lambda v, w: v.reshape(4) + w.reshape(4),
    "transpose": lambda v, w: v.T + w.T,
    "concatenate": lambda v, w: tg.concatenate([v, w]),
    "stack": lambda v, w: tg.stack([v, w]),
    "slices": lambda v, w: v[:] + w[::1, ...],
    "expand_dims": lambda v, w: tg.expand_dims(v, 0) + tg.expand_dims(w, 0),
    "squeeze": lambda v, w: (v.reshape(1, 2, 2) + w.reshape(1, 2, 2)).squeeze(),
    "where": lambda v, w: tg.where(np.ones((2, 2), bool), v, w),
    "sum": lambda v, w: v.sum() + w.sum(),
    "sum of rows": lambda v, w: v.sum(0) + w.sum(1),
    "broadcast_to": lambda v, w: tg.broadcast_to(v, (2, 2)) + tg.broadcast_to(w, (3, 2, 2)),
    "mean": lambda v, w: v.mean() - w.mean(axis=0),
    "maximum": lambda v, w: tg.maximum(v, w),
    "product": lambda v, w: v * w,
    "the leaf alone": lambda v, w: v,
}


@pytest.mark.parametrize("f", PASSING.values(), ids=PASSING)
def test_the_gradient_of_a_leaf_is_an_array_of_its_own(f):
    v, w = Value([[1.0, 2.0], [3.0, 4.0]]), Value([[5.0, 6.0], [7.0, 8.0]])
    y = f(v, w)
    seed = np.ones(y.shape) if y.shape else 1.0
    y.backward(seed)
    inner = [x for node in order(y) for x in (node.grad, node.data)]
    for leaf, other in ((v, w), (w, v)):
        if leaf.grad is not None:
            others = [seed, v.data, w.data, *inner, *([] if other.grad is None else [other.grad])]
            before = [np.copy(x) for x in others]
            assert leaf.grad.flags.writeable
            leaf.grad[...] = 99.0
            assert all(map(same, others, before))


@pytest.mark.parametrize("seed", [np.ones(2), Value([1.0, 1.0])], ids=["array", "Value"])
def test_the_seed_is_not_taken_over(seed):
    v = Value([1.0, 2.0])
    v.backward(seed)
    v.grad[0] = 99.0
    assert same(getattr(seed, "data", seed), [1.0, 1.0])


def test_what_is_summed_in_place_is_seen_by_nobody_before_the_end():
    x, a, seed = Value([1.0, 2.0]), Value([5.0, 7.0]), np.array([1.0, 10.0])
    h = x * 3.0
    parts = [h + a, a + h, h - a, h + 0.0, -h, h.reshape(2)]  # most of their gradients arrive at h as they are
    weights = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    total = sum(part * weight for part, weight in zip(parts, weights, strict=True))
    walk = tg.walk(total, seed)
    total.backward(seed)
    assert same(seed, [1.0, 10.0])
    for part, weight in zip(parts, weights, strict=True):
        assert same(part.grad, weight * seed)
    assert same(h.grad, (1 + 2 + 4 + 8 - 16 + 32) * seed)
    assert (x.grad.tolist(), a.grad.tolist()) == ((3 * 31 * seed).tolist(), ((1 + 2 - 4) * seed).tolist())
    told = [step.contribution for step in walk.steps if step.kind == "edge" and step.operand is h]
    assert sorted(float(gain[0]) for gain in told) == [-16.0, 1.0, 2.0, 4.0, 8.0, 32.0]


def test_accumulating_does_not_write_into_a_gradient_that_was_taken_out():
    v = Value([1.0, 2.0])
    v.sum().backward()
    taken = v.grad
    v.sum().backward()
    assert same(taken, [1.0, 1.0])
    assert same(v.grad, [2.0, 2.0])


# Memory. --------------------------------------------------------------------------------------------------------------

GRAPHS = {
    "scalars": lambda x: (x * x + tg.exp(x) / 3).tanh(),
    "arrays": lambda x: ((x * np.ones((50, 50))) @ np.ones(50)).sum(),
    "composites": lambda x: tg.softmax(tg.stack([x, x])).std() + tg.norm(tg.stack([x, 2 * x])),
    "index": lambda x: (x * np.ones(4))[[0, 0, 1]].sum(),
    "numpy": lambda x: np.sum(np.exp(x * np.ones(3))),
}
USES = {
    "forward": lambda f, x: f(x),
    "backward": lambda f, x: [y := f(x), y.backward()][0],
    "twice": lambda f, x: [y := f(x), y.backward(), y.backward()][0],
    "grad": lambda f, x: tg.grad(f)(x),
    "grad of grad": lambda f, x: tg.grad(tg.grad(f))(x),
    "vjp": lambda f, x: tg.vjp(f, x)[1](1.0)[0],
    "jvp": lambda f, x: tg.jvp(f, (x,), (1.0,))[1],
    "hessian": lambda f, x: tg.hessian(f)(x),
    "no_grad": lambda f, x: no_grad()(f)(x),
    "anomaly": lambda f, x: detect_anomaly()(f)(x),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("f", GRAPHS.values(), ids=GRAPHS)
def test_no_use_makes_a_reference_cycle(f, use):
    use(f, Value(0.5))
    gc.collect()
    gc.freeze()  # what is there already is not looked at, nor what other tests left
    gc.disable()
    try:
        for _ in range(10):
            use(f, Value(0.5))
        assert gc.collect() == 0  # nothing was left for the collector
    finally:
        gc.enable()


def test_the_memory_of_a_thousand_dropped_graphs_returns_without_the_collector():
    weights = Value(np.full((50, 50), 0.01))

    def graph():
        y = (np.ones((20, 50)) @ weights).tanh().mean()
        y.backward()
        weights.zero_grad()
        return weakref.ref(y)

    graph()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        objects, (memory, _) = len(gc.get_objects()), tracemalloc.get_traced_memory()
        refs = [graph() for _ in range(1000)]
        assert not any(ref() for ref in refs)
        del refs
        assert len(gc.get_objects()) - objects < 20
        assert tracemalloc.get_traced_memory()[0] - memory < 1_000_000  # the graphs held 20 kB each
    finally:
        tracemalloc.stop()
        gc.enable()


def test_an_error_leaves_no_graph_behind():
    x = Value([1.0, 2.0])
    y = x * x
    ref = weakref.ref(y)
    gc.disable()
    try:
        with pytest.raises(ValueError, match="broadcast"):
            y + np.ones(3)
        with pytest.raises(GradientError):
            y.backward()
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_deep_and_wide_graphs_are_dropped_without_recursion():
    y = x = Value([1.0])
    for _ in range(200_000):
        y = y * 1.0
    parts = [y + float(i) for i in range(1000)]
    z = tg.concatenate(parts)
    ref = weakref.ref(y)
    del y, parts, z
    assert ref() is None
    assert x.grad is None


# Threads and modes. ---------------------------------------------------------------------------------------------------


def in_thread(function):
    """What a function gives in another thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def scope_of_a_new_node():
    return (Value(1.0) * 2).scope


def test_threads_share_neither_no_grad_nor_anomaly_nor_scope():
    x = Value(-1.0)
    with no_grad():
        assert in_thread(lambda: (x * 2).requires_grad)
    with detect_anomaly():
        assert math.isnan(in_thread(x.log).data)

    class Layer(nn.Module):
        def forward(self, _):
            return scope_of_a_new_node(), in_thread(scope_of_a_new_node)

    here, there = Layer()(0)
    assert (here.name, there) == ("layer", None)


def test_threads_that_overlap_keep_their_own_modes():
    inside, done = threading.Event(), threading.Event()

    def without():
        with no_grad():
            inside.set()
            done.wait(10)
            return (Value(1.0) * 2).requires_grad

    results = []
    thread = threading.Thread(target=lambda: results.append(without()))
    thread.start()
    inside.wait(10)
    with detect_anomaly():
        recorded = (Value(1.0) * 2).requires_grad
        done.set()
        thread.join()
    assert (recorded, results) == (True, [False])


def test_threads_may_differentiate_at_the_same_time():
    slopes = [None] * 8

    def work(i):
        x = Value(float(i))
        y = x
        for _ in range(500):
            y = y + x * x
        y.backward()
        slopes[i] = x.grad

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert slopes == [1.0 + 1000.0 * i for i in range(8)]


def test_no_grad_records_nothing_and_ends():
    x = Value(3.0)
    with no_grad():
        y = x * 2
        with no_grad():
            pass
        assert not (x * 2).requires_grad
        assert Value(1.0).requires_grad
    assert (y.data, y.requires_grad, y.op, y.operands) == (6.0, False, None, ())
    assert (x * 2).requires_grad
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (x * 2).requires_grad


@pytest.mark.parametrize("mode", [no_grad, detect_anomaly])
def test_modes_are_decorators_too_any_number_of_times(mode):
    @mode()
    def double(x):
        return x * 2

    for _ in range(2):
        assert double(Value(1.0)).requires_grad == (mode is detect_anomaly)
    assert (Value(1.0) * 2).requires_grad
    assert math.isnan(Value(-1.0).log().data)


# float32 and weak scalars. --------------------------------------------------------------------------------------------


def wide(x):
    data = x.data if isinstance(x, Value) else x
    return isinstance(data, np.ndarray) and data.dtype != np.float32


def test_a_node_that_is_used_where_there_is_no_slope_gets_no_gradient():
    x = Value([1.0, 0.0], "x")
    condition = x * 1.0
    tg.where(condition, x, 3.0).sum().backward()
    assert np.array_equal(x.grad, [1.0, 0.0])
    assert condition.grad is None
    assert np.array_equal(tg.grad(lambda x: tg.where(x * 1.0, x, 3.0).sum())(np.array([1.0, 0.0])), [1.0, 0.0])


@pytest.mark.parametrize("create_graph", [False, True], ids=["numbers", "graph"])
def test_float32_in_float32_gradients_out_through_a_whole_network(create_graph):
    random = np.random.default_rng(0)
    x = random.standard_normal((8, 5)).astype(np.float32)
    labels = random.integers(0, 3, 8)
    w1, b1, w2 = (Value(random.standard_normal(s).astype(np.float32)) for s in ((5, 4), (4,), (4, 3)))
    hidden = x @ w1 + b1
    hidden = (hidden - hidden.mean(axis=0)) / (hidden.std(axis=0) + 1e-5)
    hidden = tg.where(hidden > 0, hidden, 0.1 * hidden).clip(-2, 2) * hidden.norm() + np.float64(0.5)
    logits = hidden @ w2 / 3 + 2 ** b1.sum() * 1e-3
    loss = nn.cross_entropy(logits, labels) + 0.5 * (w1**2).mean() + tg.maximum(w2, 0.0).sum() ** 0.5
    loss.backward(create_graph=create_graph)
    assert not any(map(wide, [node for root in (loss, w1.grad) if isinstance(root, Value) for node in order(root)]))
    assert not any(wide(node.grad) for node in order(loss))
    for leaf in (w1, b1, w2):
        assert (leaf.grad.dtype, leaf.grad.shape) == (np.float32, leaf.shape)


@pytest.mark.parametrize("reduce", [Value.sum, Value.mean, Value.max, Value.norm, Value.std, Value.logsumexp])
def test_a_scalar_result_is_weak(reduce):
    v = Value(np.float32([1.0, 2.0]))
    scalar = reduce(v)
    assert type(scalar.data) is float
    for y in (v * scalar, scalar * v, v / scalar, v**scalar, scalar - v, tg.maximum(v, scalar), v + Value(0.1)):
        assert y.dtype == np.float32
    (v * scalar).sum().backward()
    assert v.grad.dtype == np.float32


def test_float64_wins_over_float32_and_each_leaf_keeps_its_own():
    narrow, broad = Value(np.float32([1.0, 2.0])), Value([3.0, 4.0])
    y = (narrow * broad).sum()
    y.backward()
    assert ((narrow * broad).dtype, narrow.grad.dtype, broad.grad.dtype) == (np.float64, np.float32, np.float64)


@pytest.mark.parametrize("seed", [2.0, np.float64(2.0), 2])
def test_a_seed_does_not_widen(seed):
    v = Value(np.float32([1.0, 2.0]))
    (v * v).sum().backward(seed)
    w = Value(np.float32([1.0, 2.0]))
    (w * w).backward(np.full(2, seed, np.float64))
    assert same(v.grad, w.grad)
    assert (v.grad.dtype, w.grad.dtype) == (np.float32, np.float32)


# A recorded graph keeps the numbers it used. --------------------------------------------------------------------------


@pytest.mark.parametrize("create_graph", [False, True], ids=["numbers", "graph"])
@pytest.mark.parametrize("start", [2.0, np.array([2.0, -1.0])], ids=["scalar", "array"])
def test_rebinding_data_does_not_change_a_recorded_gradient(start, create_graph):
    x = Value(start)
    y = (x**3 * tg.exp(x)).sum()
    x.data = x.data * 0 + 7
    y.backward(create_graph=create_graph)
    gradient, x.grad = x.grad, None
    assert np.allclose(getattr(gradient, "data", gradient), (3 * start**2 + start**3) * np.exp(start), rtol=1e-14)
    if create_graph:
        gradient.sum().backward()
        assert np.allclose(x.grad, (6 * start + 6 * start**2 + start**3) * np.exp(start), rtol=1e-14)
    assert same(x.data, start * 0 + 7)


IN_PLACE = {
    "-=": lambda v: setattr(v, "data", v.data.__isub__(1)),
    "*=": lambda v: setattr(v, "data", v.data.__imul__(3)),
    "optimizer": lambda v: [setattr(v, "grad", np.ones(2)), nn.SGD([v], 0.1).step(), v.zero_grad()],
}
AFTER = {
    "product": lambda v, w: (v * w).sum(),
    "sum": lambda v, w: (v + w).sum(),
    "index": lambda v, w: v[0] * 3,
    "view": lambda v, w: (v.reshape(2, 1) * w).sum(),
    "constant": lambda v, w: (Value(v.data, requires_grad=False) * w).sum() + v.T @ v,
}


@pytest.mark.parametrize("change", IN_PLACE.values(), ids=IN_PLACE)
@pytest.mark.parametrize("f", AFTER.values(), ids=AFTER)
def test_changing_data_in_place_after_recording_is_an_error(f, change):
    v, w = Value([2.0, 5.0], "v"), Value([3.0, 4.0], "w")
    y = f(v, w)
    change(v)
    with pytest.raises(GradientError, match=r"v of shape \(2,\) was changed in place after \w+ had used it") as error:
        y.backward()
    assert "v.data = v.data - step instead of v.data -= step" in str(error.value)
    assert (v.grad, w.grad) == (None, None)
    y = f(v, w)  # computed again it is right
    y.backward()
    assert v.grad.shape == (2,)


def test_changing_a_constant_in_place_after_recording_is_an_error_too():
    x, c = Value([1.0, 2.0], "x"), Value([3.0, 4.0], "c", requires_grad=False)
    y = (x * c).sum()
    c.data -= 1
    with pytest.raises(GradientError, match="c of shape"):
        y.backward()


def test_changing_the_leaf_behind_a_detached_value_is_an_error_or_harmless():
    x, w = Value([1.0, 2.0], "x"), Value([1.0, 1.0], "w")
    y = (w * x.detach()).sum()
    x.data -= 1
    try:
        y.backward()
    except GradientError:
        return
    assert same(w.grad, [1.0, 2.0])


def test_in_place_on_one_number_rebinds_and_is_harmless():
    x = Value(3.0)
    y = x * x
    x.data -= 1
    y.backward()
    assert (x.grad, x.data) == (6.0, 2.0)


# Seeds, graphs of gradients. ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [[1.0, -2.0], np.array([1, -2]), (1, -2), Value([1.0, -2.0])])
def test_a_seed_weighs_the_elements(seed):
    x = Value([3.0, 5.0])
    (x * x).backward(seed)
    assert same(x.grad, [6.0, -20.0])


@pytest.mark.parametrize("seed", [3, 3.0, np.array(3.0), np.float32(3), Value(3.0)])
def test_a_seed_of_a_scalar(seed):
    x = Value(5.0)
    (x * x).backward(seed)
    assert (x.grad, type(x.grad)) == (30.0, float)


def test_a_seed_that_is_a_value_is_part_of_the_graph():
    x, seed = Value(3.0), Value(2.0)
    (x * x).backward(seed, create_graph=True)
    gradient, x.grad = x.grad, None
    gradient.backward()
    assert (gradient.data, x.grad, seed.grad) == (12.0, 4.0, 6.0)


def test_an_empty_array_has_an_empty_gradient():
    x = Value(np.zeros((0, 3)))
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize(
    ("f", "derivatives"),
    [
        (lambda x: x**5, [lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2]),
        (tg.sin, [np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)]),
        (lambda x: 1 / x, [lambda x: -(x**-2.0), lambda x: 2 * x**-3.0, lambda x: -6 * x**-4.0]),
        (lambda x: x * tg.exp(2 * x), [lambda x, n=n: 2 ** (n - 1) * (2 * x + n) * np.exp(2 * x) for n in (1, 2, 3)]),
    ],
    ids=["power", "sin", "reciprocal", "exp"],
)
@pytest.mark.parametrize("start", [0.7, np.array([0.7, 1.9])], ids=["scalar", "array"])
def test_create_graph_to_third_order(f, derivatives, start):
    x = Value(start)
    y = f(x).sum()
    for derivative in derivatives:
        x.zero_grad()
        y.backward(create_graph=True)
        assert np.allclose(x.grad.data, derivative(start), rtol=1e-13, atol=0)
        y = x.grad.sum()


def test_create_graph_mixed_derivative_and_accumulation():
    x, z = Value(2.0), Value(3.0)
    y = x**2 * z**3
    y.backward(create_graph=True)
    slope, x.grad, z.grad = x.grad, None, None
    slope.backward(create_graph=True)
    slope.backward(create_graph=True)
    assert (x.grad.data, z.grad.data) == (2 * 2 * 27.0, 2 * 2 * 2.0 * 27.0)


def test_a_gradient_without_create_graph_is_a_number():
    x = Value(2.0)
    (x**3).backward()
    assert type(x.grad) is float


# Constants cost nothing. ----------------------------------------------------------------------------------------------


def test_the_gradient_of_a_constant_is_never_computed(calls):
    images, weights = np.ones((4, 3)), Value(np.ones((3, 2)))
    (images @ weights).sum().backward()
    assert calls == [("sum", 0), ("matmul", 1)]


@pytest.mark.parametrize(
    "constant", [2.0, 2, np.float64(2), np.ones(3), [1, 2, 3], Value([1.0, 2.0, 3.0], None, False)]
)
@pytest.mark.parametrize("sign", ["add", "subtract", "multiply", "divide"])
def test_no_rule_of_a_constant_operand_is_called(sign, constant, calls):
    x, row = Value([1.0, 2.0, 4.0]), getattr(tg, sign)
    row(x, constant).backward(np.ones(3))
    row(constant, x).backward(np.ones(3))
    assert calls == [(sign, 0), (sign, 1)]


def test_what_leads_to_no_leaf_is_not_swept(calls):
    x, c = Value(2.0), Value(3.0, requires_grad=False)
    (x * (c * c + c).tanh()).backward()
    assert calls == [("multiply", 0)]


def test_a_transform_computes_the_gradient_of_the_chosen_arguments_only(calls):
    other = Value([5.0, 7.0])
    found = tg.grad(lambda x, w: ((x * w) * other).sum(), argnums=1)(np.ones(2), np.ones(2))
    assert same(found, [5.0, 7.0])
    assert calls == [("sum", 0), ("multiply", 0), ("multiply", 1)]
    assert other.grad is None


def test_create_graph_does_not_compute_the_gradient_of_a_constant_either(calls):
    weights = Value(np.ones((3, 2)))
    (np.ones((4, 3)) @ weights).sum().backward(create_graph=True)
    assert calls == [("sum", 0), ("matmul", 1)]


# Anomaly mode. --------------------------------------------------------------------------------------------------------


def test_the_first_nan_forward_names_operation_label_and_line():
    x = Value(-1.0, "x")
    with detect_anomaly(), pytest.raises(GradientError) as error:
        x.log()  # the line
    assert re.search(
        r"^log of x = -1\.0 gave nan, at .*test_engine\.py, line \d+: x\.log\(\)  # the line", str(error.value)
    )


def test_the_first_nan_of_an_array_is_found():
    x, c = Value([0.0, 1.0], "x"), Value([0.0, 1.0], "c")
    with detect_anomaly(), np.errstate(all="ignore"), pytest.raises(GradientError, match=r"divide of .*x \(2,\).*nan"):
        x / c


def test_a_nan_in_a_constant_is_found_too():
    c = Value(-1.0, "c", requires_grad=False)
    with detect_anomaly(), pytest.raises(GradientError, match=r"log of c = -1\.0 gave nan"):
        c.log()


def test_anomaly_mode_is_exact_on_fractions():
    x = Value(Fraction(1, 3), "x")
    with detect_anomaly():
        (x * x).backward()
    assert x.grad == Fraction(2, 3)


def test_anomaly_mode_notices_whatever_array_was_changed_since():
    v, constant = Value([1.0, 2.0], "v"), np.ones(2)
    with detect_anomaly():
        y, z = (v * v).sum(), (v * constant).sum()
        v.data[0], constant[1] = 9.0, 9.0
        with pytest.raises(GradientError, match=r"v of shape \(2,\) was changed in place after multiply"):
            y.backward()
        with pytest.raises(GradientError, match="was changed in place after multiply"):
            z.backward()


def test_the_first_nan_backward_names_operation_label_and_line():
    x = Value(0.0, "x")
    with detect_anomaly():
        root = (x * x).sqrt()
        with pytest.raises(GradientError) as error:
            root.backward()
    assert str(error.value).startswith("The gradient of x = 0.0 through multiply is nan; recorded at ")
    assert str(error.value).endswith("root = (x * x).sqrt()")
    assert x.grad is None


def test_a_graph_recorded_before_is_watched_too():
    x = Value(0.0, "x")
    y = (x * x).sqrt()
    with detect_anomaly(), pytest.raises(GradientError, match="recorded at a line outside detect_anomaly"):
        y.backward()
    y.backward()
    assert math.isnan(x.grad)


def test_infinities_are_no_anomaly_and_the_mode_ends():
    x = Value(0.0)
    with detect_anomaly():
        assert (1 / x).data == math.inf
        (1 / x).backward()
    assert x.grad == -math.inf
    assert math.isnan(Value(-1.0).log().data)


def test_anomaly_mode_changes_no_number_and_keeps_the_names_of_scopes():
    def f(x):
        return (x * tg.exp(x)).mean()

    x = Value([0.5, 1.5])
    with detect_anomaly():
        watched = f(x)
    f(x).backward()
    gradient = x.grad
    x.zero_grad()
    with detect_anomaly():
        watched.backward()
    assert same(x.grad, gradient)
    assert ("mean", "composite") in scopes(watched)


# Scopes. --------------------------------------------------------------------------------------------------------------


def scopes(node):
    """The names around a node, the innermost first."""
    names, scope = [], node.scope
    while scope is not None:
        names.append((scope.name, scope.kind))
        scope = scope.outer
    return names


def test_a_composite_names_its_nodes():
    v = Value([1.0, 2.0, 4.0])
    assert scopes(v * 2) == []
    assert {tuple(scopes(node)) for node in order(v.mean())} == {(("mean", "composite"),)}
    assert {tuple(scopes(node)) for node in order(np.mean(v))} == {(("mean", "composite"),)}
    assert {tuple(scopes(node)) for node in order(tg.var(v))} == {
        (("var", "composite"),), (("mean", "composite"), ("var", "composite")),
    }  # fmt: skip
    assert scopes(v * 2) == []


def test_a_failing_composite_leaves_no_scope_behind():
    with pytest.raises(IndexError):
        Value([1.0, 2.0]).mean(axis=3)
    assert (Value(1.0) * 2).scope is None


def test_layers_name_their_nodes_inside_one_another():
    class Block(nn.Module):
        def __init__(self):
            self.dense = nn.Dense(2, 2, "tanh", seed=0, name="first")

        def forward(self, x):
            return self.dense(x).mean() * 2

    nodes = {node.op.name: scopes(node) for node in order(Block()(np.ones((1, 2))))}
    assert nodes["multiply"] == [("block", "layer")]
    assert nodes["sum"] == [("mean", "composite"), ("block", "layer")]
    assert nodes["linear"] == nodes["tanh"] == [("first", "layer"), ("block", "layer")]


def test_a_failing_layer_leaves_no_scope_behind():
    with pytest.raises(ValueError, match="takes rows of 2 numbers"):
        nn.Dense(2, 1, seed=0)(np.ones(3))
    assert (Value(1.0) * 2).scope is None
