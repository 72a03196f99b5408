"""nn: layers, losses, optimizers, modules and fit, against NumPy's closed forms, hand-worked sequences and PyTorch."""

import copy
import math
import pickle
import re
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, Value, datasets, nn


def same(a, b):
    """Equal numbers in the same shape."""
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


def line_model(seed=0, dtype=np.float64):
    return nn.Sequential(nn.Dense(1, 1, dtype=dtype, seed=seed))


# Dense and the activations. -------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
    "log_softmax": lambda z: z - np.log(np.exp(z).sum(-1, keepdims=True)),
    None: lambda z: z,
}
LAYERS = {
    "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "softplus": nn.Softplus, "softmax": nn.Softmax,
    "log_softmax": nn.LogSoftmax,
}  # fmt: skip


@pytest.mark.parametrize("shape", [(3,), (1, 3), (5, 3), (2, 4, 3)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_is_a_matrix_product_plus_a_bias_through_an_activation(activation, shape):
    random = np.random.default_rng(0)
    layer, x = nn.Dense(3, 2, activation, dtype=np.float64, seed=1), random.standard_normal(shape)
    layer.bias.data = random.standard_normal(2)
    wanted = ACTIVATIONS[activation](x @ layer.weight.data + layer.bias.data)
    for given in (x, x.tolist(), Value(x)):
        assert np.allclose(layer(given).data, wanted, rtol=1e-13, atol=1e-15)
    assert layer(x).shape == (*shape[:-1], 2)


@pytest.mark.parametrize("activation", LAYERS)
def test_an_activation_is_a_layer_too(activation):
    x = np.random.default_rng(0).standard_normal((4, 3))
    layer = LAYERS[activation]()
    assert np.allclose(layer(Value(x)).data, ACTIVATIONS[activation](x), rtol=1e-13, atol=1e-15)
    assert layer.parameters() == []
    assert repr(layer) == f"{LAYERS[activation].__name__}()"


def test_an_activation_may_be_any_function():
    layer = nn.Dense(2, 2, lambda z: z * z, dtype=np.float64, seed=0)
    assert np.allclose(layer([[1.0, 2.0]]).data, ([[1.0, 2.0]] @ layer.weight.data) ** 2)
    assert nn.Dense(2, 2, tg.tanh, seed=0)([[1.0, 2.0]]).op is tg.tanh


def test_weights_are_uniform_within_glorots_limits_and_biases_zero():
    layer = nn.Dense(300, 200, seed=0)
    limit = math.sqrt(6 / 500)
    assert (layer.weight.shape, layer.bias.shape) == ((300, 200), (200,))
    assert np.abs(layer.weight.data).max() <= limit
    assert layer.weight.data.std() == pytest.approx(limit / math.sqrt(3), rel=0.02)
    assert abs(layer.weight.data.mean()) < limit / 100
    assert not layer.bias.data.any()
    assert (layer.weight.dtype, layer.bias.dtype) == (np.float32, np.float32)
    assert nn.Dense(2, 3, bias=False, seed=0).bias is None


def test_the_same_seed_gives_the_same_bits():
    weight = lambda seed: nn.Dense(5, 4, seed=seed).weight.data.tobytes()  # noqa: E731
    assert weight(7) == weight(7)
    assert weight(7) != weight(8)
    assert weight(np.random.default_rng(7)) == weight(7)
    generator = np.random.default_rng(7)
    assert weight(generator) != weight(generator)
    assert weight(None) != weight(None)


def test_float32_is_the_dtype_of_a_network_from_end_to_end():
    model = nn.Sequential(nn.Dense(3, 4, "tanh", seed=0), nn.ReLU(), nn.Dense(4, 2, seed=1))
    logits = model(np.ones((5, 3)))  # float64 in
    nn.cross_entropy(logits, [0, 1, 0, 1, 1]).backward()
    assert logits.dtype == np.float32
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        (lambda: nn.Dense(2, 3, "gelu"), ValueError, "Unknown activation 'gelu': use one of relu, sigmoid, tanh, "
         "softplus, softmax, log_softmax, or a function."),
        (lambda: nn.Dense(0, 3), ValueError, "A Dense layer needs at least one input and one unit, not 0 and 3."),
        (lambda: nn.Dense(2, -1), ValueError, "needs at least one input and one unit, not 2 and -1."),
        (lambda: nn.Dense(2, 3, 5), (TypeError, ValueError), "activation"),
        (lambda: nn.Dense(2, 3, dtype=np.int64), (TypeError, ValueError), "dtype"),
        (lambda: nn.Dense(2, 3)(np.ones((4, 3))), ValueError, "Dense(2, 3) takes rows of 2 numbers; this input has "
         "shape (4, 3)."),
        (lambda: nn.Dense(2, 3)(Value(np.ones(3))), ValueError, "takes rows of 2 numbers; this input has shape (3,)."),
        (lambda: nn.Dense(2, 3)(1.0), ValueError, "takes rows of 2 numbers; this input has shape ()."),
        (lambda: nn.Sequential(nn.Dense(2, 3), nn.Dense(4, 1))([[1, 2]]), ValueError, "Dense(4, 1) takes rows of 4"),
        (lambda: nn.Sequential(nn.Dense(2, 3), "relu"), TypeError, "takes layers, not str: layer 2 is 'relu'."),
        (lambda: nn.Sequential(nn.Dense(2, 3), nn.ReLU), TypeError, "layer 2"),
        (lambda: nn.Module()(1.0), TypeError, "Module has no forward(x): write one that returns a Value."),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_layer_that_cannot_work_is_refused(write, error, text):
    with pytest.raises(error, match=re.escape(text)):
        write()


# Modules. -------------------------------------------------------------------------------------------------------------


class Branches(nn.Module):
    """A model of a user's own: layers in a list, a dictionary and a tuple, a constant, and a shared layer."""

    def __init__(self):
        self.first = nn.Dense(2, 3, "tanh", dtype=np.float64, seed=0)
        self.many = [nn.Dense(3, 3, dtype=np.float64, seed=i) for i in (1, 2)]
        self.named = {"left": nn.Dense(3, 1, dtype=np.float64, seed=3), "right": (nn.Dense(3, 1, seed=4), self.first)}
        self.again = self.first
        self.scale = Value(2.0, "scale")
        self.fixed = Value(3.0, "fixed", requires_grad=False)
        self.notes = {"lr": 0.1, "names": ["a", "b"]}

    def forward(self, x):
        h = self.first(x)
        for layer in self.many:
            h = h + layer(h)
        return (self.named["left"](h) + self.named["right"][0](h)) * self.scale * self.fixed


def test_parameters_of_a_users_own_module_are_found_once_in_order():
    model = Branches()
    paths = [path for path, _ in model.named_parameters()]
    assert paths == [
        "first.weight", "first.bias", "many.0.weight", "many.0.bias", "many.1.weight", "many.1.bias",
        "named.left.weight", "named.left.bias", "named.right.0.weight", "named.right.0.bias", "scale",
    ]  # fmt: skip
    assert model.parameters() == [value for _, value in model.named_parameters()]
    assert all(isinstance(p, Value) for p in model.parameters())


def test_a_users_own_module_trains():
    x, model = np.random.default_rng(0).standard_normal((40, 2)), Branches()
    y = x[:, :1] * x[:, 1:] + 0.5
    history = model.fit(x, y, optimizer=nn.Adam(model.parameters(), lr=0.01), epochs=60, seed=0, verbose=False)
    assert history["loss"][-1] < history["loss"][0] / 10
    assert model.fixed.data == 3.0
    model.zero_grad()
    assert {p.grad for p in model.parameters()} == {None}


def test_a_shared_layer_gets_the_sum_of_its_gradients_and_one_step():
    layer = nn.Dense(1, 1, bias=False, dtype=np.float64, seed=0)
    layer.weight.data = np.array([[3.0]])
    model = nn.Sequential(layer, layer)
    assert model.parameters() == [layer.weight]
    model([[1.0]]).sum().backward()
    assert same(layer.weight.grad, [[6.0]])  # of w²
    nn.SGD(model.parameters(), 0.1).step()
    assert np.allclose(layer.weight.data, [[2.4]])


def test_a_module_that_knows_its_parent_still_has_its_parameters():
    parent, child = nn.Module(), nn.Module()
    parent.child, child.parent, child.w = child, parent, Value(1.0)
    assert parent.parameters() == [child.w]


class Inner(nn.Module):
    """A layer with a number of its own."""

    def __init__(self):
        self.dense, self.gain = nn.Dense(2, 2, seed=0), Value(1.0)

    def forward(self, x):
        return self.dense(x) * self.gain


class Outer(nn.Module):
    """Modules of all kinds as attributes: alone, in a list, in another module, and with a name of their own."""

    def __init__(self):
        self.encoder, self.many = Inner(), [Inner(), Inner()]
        self.decoder = nn.Sequential(nn.Dense(2, 2, seed=1), nn.Tanh())
        self.last = nn.Dense(2, 1, name="output")
        self.mine = Value(2.0, "my own label")

    def forward(self, x):
        x = self.many[1](self.many[0](self.encoder(x)))
        return self.last(self.decoder(x)) * self.mine


def scope_names(value):
    """The names of all scopes that a graph was computed in."""
    found, left = set(), [value]
    for x in left:
        scope = x.scope
        while scope is not None:
            found.add(scope.name)
            scope = scope.outer
        left += [y for y in x.operands if isinstance(y, Value) and y.op is not None]
    return found


def test_modules_inside_a_users_own_are_called_as_its_attributes():
    names = scope_names(Outer()(np.ones((1, 2))))
    assert names == {"outer", "encoder", "dense", "many.0", "many.1", "decoder", "dense1", "tanh2", "output"}
    assert "inner" in scope_names(Inner()(np.ones((1, 2))))  # alone it is called after its class


def test_parameters_are_labelled_by_the_way_to_them_unless_somebody_labelled_them():
    model = Outer()
    model(np.ones((1, 2)))
    labels = [
        "encoder.dense.weight", "encoder.dense.bias", "encoder.gain", "many.0.dense.weight", "many.0.dense.bias",
        "many.0.gain", "many.1.dense.weight", "many.1.dense.bias", "many.1.gain", "decoder.dense1.weight",
        "decoder.dense1.bias", "output.weight", "output.bias", "my own label",
    ]  # fmt: skip
    assert [p.label for p in model.parameters()] == labels
    model(np.ones((1, 2)))
    assert [p.label for p in model.parameters()] == labels


def test_a_module_that_was_called_before_it_became_a_part_gets_the_longer_names():
    inner = Inner()
    inner(np.ones((1, 2)))
    assert [p.label for p in inner.parameters()] == ["dense.weight", "dense.bias", "gain"]
    nn.Sequential(inner)
    assert [p.label for p in inner.parameters()] == ["inner1.dense.weight", "inner1.dense.bias", "inner1.gain"]


def test_a_module_that_is_used_twice_keeps_its_first_name():
    model = nn.Module()
    model.first = model.second = nn.Dense(1, 1)
    model.forward = lambda x: model.second(model.first(x))
    assert scope_names(model(np.ones((1, 1)))) == {"module", "first"}
    assert [p.label for p in model.parameters()] == ["first.weight", "first.bias"]


def test_layers_are_called_and_named_in_turn():
    model = nn.Sequential([nn.Dense(2, 3, "tanh", seed=0), tg.relu, nn.Dense(3, 1, seed=1, name="last")])
    assert [p.label for p in model.parameters()] == ["dense1.weight", "dense1.bias", "last.weight", "last.bias"]
    assert repr(nn.Sequential(nn.Dense(2, 3, "tanh"), nn.ReLU())) == "Sequential(Dense(2, 3, 'tanh'), ReLU())"
    x = np.ones((1, 2), np.float32)
    first, _, last = model.layers
    assert same(model(x).data, last(tg.relu(first(x))).data)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_a_copied_model_gives_the_same_and_is_independent(duplicate):
    model = nn.Sequential(nn.Dense(2, 3, "relu", seed=0), nn.Tanh(), nn.Dense(3, 1, seed=1))
    other, x = duplicate(model), np.ones((2, 2))
    assert same(other(x).data, model(x).data)
    before = model(x).data
    other.fit(x, np.zeros((2, 1)), epochs=2, seed=0, verbose=False)
    assert same(model(x).data, before)
    assert not same(other(x).data, before)


# Losses. --------------------------------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(5)
LOGITS, LABELS = RANDOM.standard_normal((6, 4)) * 3, np.array([0, 3, 1, 1, 2, 0])
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
ONE_HOT = np.eye(4)[LABELS]
SOFT = RANDOM.dirichlet(np.ones(4), 6)
P, T = RANDOM.uniform(0.05, 0.95, (5, 2)), RANDOM.integers(0, 2, (5, 2)).astype(float)
Z = np.log(P / (1 - P))
A, B = RANDOM.standard_normal((5, 2)), RANDOM.standard_normal((5, 2))

LOSSES = {  # loss, prediction, target, value, gradient of the prediction
    "mse": (nn.mse, A, B, ((A - B) ** 2).mean(), 2 * (A - B) / 10),
    "mse of one number": (nn.mse, 2.0, 5.0, 9.0, -6.0),
    "sum_squared_error": (nn.sum_squared_error, A, B, ((A - B) ** 2).sum(), 2 * (A - B)),
    "cross_entropy of labels": (
        nn.cross_entropy, LOGITS, LABELS, -np.log(PROBABILITIES[ONE_HOT > 0]).mean(), (PROBABILITIES - ONE_HOT) / 6,
    ),
    "cross_entropy of one-hot rows": (
        nn.cross_entropy, LOGITS, ONE_HOT, -np.log(PROBABILITIES[ONE_HOT > 0]).mean(), (PROBABILITIES - ONE_HOT) / 6,
    ),
    "cross_entropy of probabilities": (
        nn.cross_entropy, LOGITS, SOFT, -(SOFT * np.log(PROBABILITIES)).sum(1).mean(), (PROBABILITIES - SOFT) / 6,
    ),
    "binary_cross_entropy": (
        nn.binary_cross_entropy, P, T, -(T * np.log(P) + (1 - T) * np.log(1 - P)).mean(), (P - T) / (P * (1 - P)) / 10,
    ),
    "binary_cross_entropy of logits": (
        lambda z, t: nn.binary_cross_entropy(z, t, from_logits=True), Z, T,
        -(T * np.log(P) + (1 - T) * np.log(1 - P)).mean(), (P - T) / 10,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("loss", "prediction", "target", "value", "gradient"), LOSSES.values(), ids=LOSSES)
def test_a_loss_is_the_closed_form(loss, prediction, target, value, gradient):
    for given in (target, np.asarray(target).tolist()):
        v = Value(prediction)
        found = loss(v, given)
        found.backward()
        assert type(found.data) is float
        assert found.data == pytest.approx(value, rel=1e-13)
        assert np.shape(v.grad) == np.shape(gradient)
        assert np.allclose(v.grad, gradient, rtol=1e-12, atol=1e-15)
    assert loss(np.asarray(prediction), np.asarray(target)) == pytest.approx(value, rel=1e-13)  # plain numbers too


@pytest.mark.parametrize(("loss", "prediction", "target"), [case[:3] for case in LOSSES.values()], ids=LOSSES)
def test_a_loss_of_float32_has_float32_gradients_close_to_those_of_float64(loss, prediction, target):
    narrow, wide = Value(np.float32([prediction])[0]), Value(prediction)
    loss(narrow, target).backward()
    loss(wide, target).backward()
    assert np.asarray(narrow.grad).dtype == (np.float32 if narrow.shape else np.float64)
    assert np.allclose(narrow.grad, wide.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("target", [[0, 1, 0], np.eye(2)[[0, 1, 0]]], ids=["labels", "one-hot"])
def test_cross_entropy_is_stable_for_huge_logits(target, dtype):
    v = Value(np.array([[1000.0, -1000.0], [1000.0, -1000.0], [1000.0, 1000.0]], dtype))
    loss = nn.cross_entropy(v, target)
    loss.backward()
    assert loss.data == pytest.approx((0 + 2000 + math.log(2)) / 3, rel=1e-6)
    assert np.allclose(v.grad, np.array([[0, 0], [1, -1], [-0.5, 0.5]]) / 3, rtol=1e-6)


def test_cross_entropy_needs_no_number_to_be_finite_but_the_right_one():
    v = Value([[0.0, -np.inf], [0.0, 0.0]])
    assert nn.cross_entropy(v, [0, 1]).data == pytest.approx(math.log(2) / 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_binary_cross_entropy_is_stable_at_the_ends(dtype):
    z = Value(np.array([1000.0, -1000.0, 1000.0, -1000.0], dtype))
    loss = nn.binary_cross_entropy(z, [1, 0, 0, 1], from_logits=True)
    loss.backward()
    assert loss.data == 500.0
    assert np.allclose(z.grad, [0, 0, 0.25, -0.25], rtol=1e-6)
    p = Value(np.array([1.0, 0.0, 0.0, 1.0], dtype))
    certain = nn.binary_cross_entropy(p, [1, 0, 1, 0])
    certain.backward()
    assert certain.data == pytest.approx(-math.log(1e-7) / 2, rel=0.02)
    assert np.isfinite(p.grad).all()


@pytest.mark.parametrize("shape", [(4, 2), (64, 10), (300, 1), (3, 200)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 700.0])
def test_losses_of_any_number_of_rows_are_those_of_row_by_row(shape, scale):
    random = np.random.default_rng(3)
    x, labels = scale * random.normal(size=shape), random.integers(0, shape[1], shape[0])
    x[0, :] = np.where(np.arange(shape[1]) == labels[0], x[0], -np.inf)  # certain
    v = Value(x)
    loss = nn.cross_entropy(v, labels)
    loss.backward()
    powers = [[math.exp(z - max(row)) for z in row] for row in x]
    sums = [math.fsum(row) for row in powers]
    wanted = [math.log(s) + max(row) - row[c] for s, row, c in zip(sums, x, labels, strict=True)]
    slopes = np.divide(powers, np.reshape(sums, (-1, 1))) - np.eye(shape[1])[labels]
    assert loss.data == pytest.approx(math.fsum(wanted) / len(x), rel=1e-12)
    assert np.allclose(v.grad, slopes / len(x), rtol=1e-11, atol=1e-15)
    for function in (tg.softmax, tg.log_softmax, tg.logsumexp):
        assert np.allclose(function(x, axis=-1), [function(row, axis=-1) for row in x], rtol=1e-13, atol=1e-13)
    assert same(tg.softmax(np.zeros((100, 4), int)), np.full((100, 4), 0.25))


def test_cross_entropy_differentiates_twice():
    x = LOGITS[0]
    f = lambda z: nn.cross_entropy(z.reshape(1, 4), [2])  # noqa: E731
    p = PROBABILITIES[0]
    assert np.allclose(tg.hessian(f)(x), np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)


V, V2, COLUMN = Value(np.ones(3)), Value(np.ones((3, 2))), np.ones((3, 1))
PAIRS = (
    "They would broadcast to something else than pairs: reshape one, e.g. prediction.squeeze(-1) or target[:, None]."
)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda: nn.mse(V, COLUMN), f"mse: the prediction has shape (3,), the target (3, 1). {PAIRS}"),
        (lambda: nn.mse(Value(COLUMN), np.ones(3)), f"mse: the prediction has shape (3, 1), the target (3,). {PAIRS}"),
        (lambda: nn.mse(V, 1.0), "mse: the prediction has shape (3,), the target ()."),
        (lambda: nn.mse(V, Value(COLUMN)), "mse: the prediction has shape (3,), the target (3, 1)."),
        (lambda: nn.sum_squared_error(V, COLUMN), "sum_squared_error: the prediction has shape (3,), the target"),
        (lambda: nn.binary_cross_entropy(V, COLUMN), "binary_cross_entropy: the prediction has shape (3,)"),
        (lambda: nn.cross_entropy(V2, np.ones((3, 4))), "not float64 of shape (3, 4)"),
        (lambda: nn.cross_entropy(V, [0, 1, 0]), "cross_entropy takes logits of shape (batch, classes), not (3,)"),
        (lambda: nn.cross_entropy(V2, [0, 1]), "not int64 of shape (2,)."),
        (lambda: nn.cross_entropy(V2, [0.0, 1.0, 0.0]), "not float64 of shape (3,)."),
        (lambda: nn.cross_entropy(V2, [True, False, True]), "not bool of shape (3,)."),
        (lambda: nn.cross_entropy(V2, 1), "not int64 of shape ()"),
        (lambda: nn.cross_entropy(V2, [0, 1, 2]), "the labels must be 0 to 1"),
        (lambda: nn.cross_entropy(V2, [0, 1, -1]), "the labels must be 0 to 1"),
        (lambda: nn.cross_entropy(Value(np.ones((0, 2))), np.zeros(0, int)), "at least one row"),
        (lambda: nn.cross_entropy(Value(np.ones((0, 2))), np.zeros((0, 2))), "at least one row"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_target_that_does_not_belong_to_the_prediction_is_refused(write, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        write()
    assert (V.grad, V2.grad) == (None, None)


# Optimizers: sequences worked by hand. --------------------------------------------------------------------------------


def sequence(optimizer, start, steps):
    """The data after each step on the loss Σ (x² + x³ / 3)."""
    x, found = Value(start), []
    stepper = optimizer([x])
    for _ in range(steps):
        stepper.zero_grad()
        (x**2 + x**3 / 3).sum().backward()
        stepper.step()
        found.append(np.copy(x.data))
    return found


def by_hand(update, start, steps):
    x, state, found = np.array(start), {}, []
    for t in range(1, steps + 1):
        x = update(x, 2 * x + x**2, t, state)
        found.append(x)
    return found


def momentum_by_hand(x, g, t, state):
    state["v"] = g if t == 1 else 0.9 * state["v"] + g
    return x - 0.05 * state["v"]


def adam_by_hand(x, g, t, state):
    state["m"] = 0.8 * state.get("m", 0) + 0.2 * g
    state["s"] = 0.95 * state.get("s", 0) + 0.05 * g**2
    return x - 0.1 * (state["m"] / (1 - 0.8**t)) / (np.sqrt(state["s"] / (1 - 0.95**t)) + 1e-6)


OPTIMIZERS = {
    "SGD": (lambda p: nn.SGD(p, 0.1), lambda x, g, t, state: x - 0.1 * g),
    "momentum": (lambda p: nn.SGD(p, 0.05, momentum=0.9), momentum_by_hand),
    "Adam": (lambda p: nn.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-6), adam_by_hand),
}


@pytest.mark.parametrize(("optimizer", "update"), OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("start", [1.5, [1.5, -0.5, 0.25]], ids=["scalar", "array"])
def test_an_optimizer_is_the_sequence_worked_by_hand(optimizer, update, start):
    found, wanted = sequence(optimizer, start, 10), by_hand(update, start, 10)
    assert np.allclose(found, wanted, rtol=1e-12, atol=1e-14)
    assert not same(found[0], found[-1])


def test_adam_defaults_are_those_of_the_paper():
    x = Value(1.0)
    adam = nn.Adam([x])
    assert (adam.lr, adam.betas, adam.eps) == (1e-3, (0.9, 0.999), 1e-8)
    x.grad = 5.0
    adam.step()
    assert x.data == pytest.approx(1 - 1e-3, abs=1e-10)  # the first step is the learning rate, whatever the gradient


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["SGD", "momentum", "Adam", "Adam with defaults"])
def test_an_optimizer_is_the_sequence_of_pytorch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = {
        "SGD": (lambda p: nn.SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
        "momentum": (lambda p: nn.SGD(p, 0.05, momentum=0.9), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
        "Adam": (
            lambda p: nn.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-6),
            lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-6),
        ),
        "Adam with defaults": (nn.Adam, torch.optim.Adam),
    }[name]
    start = [1.5, -0.5, 0.25]
    x, wanted = torch.tensor(start, dtype=torch.float64, requires_grad=True), []
    optimizer = theirs([x])
    for _ in range(20):
        optimizer.zero_grad()
        (x**2 + x**3 / 3).sum().backward()
        optimizer.step()
        wanted.append(x.detach().numpy().copy())
    assert np.allclose(sequence(ours, start, 20), wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.oracle
def test_losses_are_those_of_pytorch():
    functional = pytest.importorskip("torch").nn.functional
    tensor = pytest.importorskip("torch").tensor
    z, p = tensor(LOGITS), tensor(P)
    for found, wanted in [
        (nn.cross_entropy(Value(LOGITS), LABELS), functional.cross_entropy(z, tensor(LABELS))),
        (nn.cross_entropy(Value(LOGITS), SOFT), functional.cross_entropy(z, tensor(SOFT))),
        (nn.mse(Value(A), B), functional.mse_loss(tensor(A), tensor(B))),
        (nn.binary_cross_entropy(Value(P), T), functional.binary_cross_entropy(p, tensor(T))),
        (
            nn.binary_cross_entropy(Value(Z), T, from_logits=True),
            functional.binary_cross_entropy_with_logits(tensor(Z), tensor(T)),
        ),
    ]:
        assert found.data == pytest.approx(wanted.item(), rel=1e-13)


@pytest.mark.parametrize("optimizer", [case[0] for case in OPTIMIZERS.values()], ids=OPTIMIZERS)
def test_a_step_keeps_float32_and_does_not_write_into_the_gradient(optimizer):
    x = Value(np.float32([1.0, -2.0]))
    stepper = optimizer([x])
    for _ in range(3):
        (x * x).sum().backward()
        before = x.grad.copy()
        stepper.step()
        assert same(x.grad, before)
        assert (x.dtype, x.grad.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("optimizer", [case[0] for case in OPTIMIZERS.values()], ids=OPTIMIZERS)
@pytest.mark.parametrize("start", [1.0, [1.0, -2.0]], ids=["scalar", "array"])
def test_a_step_takes_gradients_that_are_graphs_too(optimizer, start):
    found = []
    for create_graph in (False, True):
        x = Value(start)
        (x**3).sum().backward(create_graph=create_graph)
        optimizer([x]).step()
        found.append(x.data)
    assert same(*found)
    assert not isinstance(found[1], Value)


class Whole(nn.SGD):
    """Along the direction of the whole gradient: no block of an array can be updated without the others."""

    def update(self, data, grad, state):
        return super().update(data, grad / np.linalg.norm(grad), state)


class Anew(nn.Adam):
    """Adam as a formula without `-=`: what it keeps and what it returns are new arrays."""

    elementwise = True

    def update(self, data, grad, state):
        state["mean"] = 0.9 * state.get("mean", 0.0) + 0.1 * grad
        return data - self.lr * state["mean"]


@pytest.mark.parametrize("start", [(37, 5), (64,), (1, 90), (3, 4, 6)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "optimizer", [*(case[0] for case in OPTIMIZERS.values()), lambda p: Whole(p, 0.1, momentum=0.5), Anew],
    ids=[*OPTIMIZERS, "whole", "anew"],
)  # fmt: skip
def test_a_large_array_is_updated_in_blocks_to_the_same_bits(optimizer, dtype, start, monkeypatch):
    found = []
    for block in (2**18, 64):  # bytes; no array here is larger than the first
        monkeypatch.setattr("tinygrad_edu.nn.optimizers.BLOCK", block)
        random = np.random.default_rng(7)
        x = Value(random.normal(size=start[::-1]).astype(dtype).T)  # in Fortran's order
        stepper, array = optimizer([x]), x.data
        for _ in range(4):
            x.grad = random.normal(size=start).astype(dtype)
            stepper.step()
        assert {np.shape(kept) for kept in stepper.state[0].values()} <= {start}
        assert np.shares_memory(x.data, array) or isinstance(stepper, Anew)
        found.append([x.data, *stepper.state[0].values()])
    assert all(same(whole, parts) and whole.dtype == parts.dtype for whole, parts in zip(*found, strict=True))
    assert np.ptp(found[0][0]) > 0


def test_the_learning_rate_may_be_changed_between_steps():
    x = Value(1.0)
    optimizer = nn.SGD([x], 0.5)
    x.grad = 1.0
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert x.data == 0.25


def test_zero_grad_of_an_optimizer_forgets_all():
    x, w = Value(1.0), Value([1.0, 2.0])
    (x * w).sum().backward()
    nn.SGD([x, w], 0.1).zero_grad()
    assert (x.grad, w.grad) == (None, None)


def test_parameters_without_a_gradient_warn_once_with_their_names():
    a, b, c = Value(1.0, "a"), Value(1.0, "b"), Value(1.0)
    optimizer = nn.SGD([a, b, c], 0.1)
    (a * a).backward()
    with pytest.warns(
        UserWarning, match=r"^The loss does not depend on b, unnamed: no gradient arrived there\.$"
    ) as caught:
        optimizer.step()
    assert caught[0].filename == __file__
    assert (a.data, b.data, c.data) == (0.8, 1.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()


def test_no_gradient_at_all_is_an_error():
    a = Value(1.0, "a")
    with pytest.raises(GradientError, match=r"No parameter has a gradient: call loss\.backward\(\) before step\(\)\."):
        nn.Adam([a]).step()
    assert a.data == 1.0


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        (lambda: nn.SGD([], 0.1), ValueError, "There are no parameters to train: pass model.parameters()."),
        (lambda: nn.Adam(nn.ReLU().parameters()), ValueError, "There are no parameters to train"),
        (lambda: nn.SGD([1.0], 0.1), TypeError, "An optimizer changes Values, not float: pass model.parameters()."),
        (lambda: nn.SGD([nn.Dense(1, 1)], 0.1), TypeError, "An optimizer changes Values, not Dense"),
        (lambda: nn.SGD([Value(1.0)], -0.1), ValueError, "The learning rate must not be negative: -0.1."),
        (lambda: nn.SGD([Value(1.0)], math.nan), ValueError, "The learning rate must not be negative: nan."),
        (lambda: nn.SGD([Value(1.0)], 0.1, momentum=-1), ValueError, "The momentum must not be negative: -1."),
        (lambda: nn.Adam([Value(1.0)], betas=(1.0, 0.9)), ValueError, "Each beta must be at least 0 and less than 1"),
        (lambda: nn.Adam([Value(1.0)], betas=(0.9, -0.1)), ValueError, "Each beta must be at least 0 and less than 1"),
        (
            lambda: nn.Optimizer([Value(1.0)], 0.1).update(0, 0, {}),
            TypeError,
            "Optimizer has no update(data, grad, state).",
        ),
    ],
    ids=range(10),
)
def test_an_optimizer_that_cannot_work_is_refused(write, error, text):
    with pytest.raises(error, match=re.escape(text)):
        write()


# fit, predict, evaluate. ----------------------------------------------------------------------------------------------

XOR = {"loss": "cross_entropy", "epochs": 200, "seed": 0, "verbose": False}


def xor_model(seed=0):
    return nn.Sequential(nn.Dense(2, 8, "tanh", seed=seed), nn.Dense(8, 2, seed=seed + 1))


@pytest.mark.parametrize("seed", range(5))
def test_xor_reaches_four_of_four(seed):
    (x, y), model = datasets.xor(), xor_model(seed)
    history = model.fit(x, y, optimizer=nn.Adam(model.parameters(), lr=0.05), **XOR)
    assert same(model.predict(x).argmax(-1), y)
    assert (history["accuracy"][-1], history.epochs) == (1.0, 200)


@pytest.mark.parametrize("gate", [datasets.and_gate, datasets.or_gate])
def test_one_neuron_learns_and_and_or(gate):
    x, y = gate()
    model = nn.Sequential(nn.Dense(2, 1, "sigmoid", seed=0))
    history = model.fit(
        x, y[:, None], loss="binary_cross_entropy", optimizer=nn.SGD(model.parameters(), 1.0), epochs=300, seed=0,
        verbose=False,
    )  # fmt: skip
    assert same(model.predict(x)[:, 0] > 0.5, y == 1)
    assert history["accuracy"][-1] == 1.0


def test_one_neuron_cannot_learn_xor():
    x, y = datasets.xor()
    model = nn.Sequential(nn.Dense(2, 2, seed=0))
    model.fit(x, y, optimizer=nn.Adam(model.parameters(), lr=0.05), **XOR)
    assert (model.predict(x).argmax(-1) == y).sum() <= 3


def test_the_line_of_the_workshop_is_least_squares():
    (x, y), model = datasets.workshop_line(), line_model()
    optimizer = nn.SGD(model.parameters(), 0.005)
    model.fit(x[:, None], y[:, None], loss="sum_squared_error", optimizer=optimizer, epochs=800, verbose=False, seed=0)
    assert np.allclose([p.data.item() for p in model.parameters()], np.polyfit(x, y, 1), rtol=1e-9)


def test_one_epoch_is_gradient_descent_written_out():
    x, y = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [0.0], [3.0]])
    model = line_model()
    w, b = (p.data.item() for p in model.parameters())
    optimizer = nn.SGD(model.parameters(), 0.01)
    history = model.fit(x, y, optimizer=optimizer, epochs=2, batch_size=None, seed=0, verbose=False)
    losses = []
    for _ in range(2):
        error = w * x + b - y
        losses.append((error**2).mean())
        w, b = w - 0.01 * (2 * error * x).mean(), b - 0.01 * (2 * error).mean()
    assert np.allclose([p.data.item() for p in model.parameters()], [w, b], rtol=1e-13)
    assert np.allclose(history["loss"], losses, rtol=1e-13)


def test_fit_is_deterministic_bit_for_bit():
    x = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    y = (x.sum(1) > 0).astype(int)

    def bits(seed):
        model = xor_model()
        history = model.fit(x, y, loss="cross_entropy", epochs=3, batch_size=8, seed=seed, verbose=False)
        return [p.data.tobytes() for p in model.parameters()], history.history

    assert bits(1) == bits(1)
    assert bits(1) == bits(np.random.default_rng(1))
    assert bits(1) != bits(2)


def test_every_row_is_seen_once_in_each_epoch_in_a_new_order():
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            self.w = Value(1.0)

        def forward(self, x):
            seen.append(x[:, 0].tolist())
            return self.w * x

    x = np.arange(10.0)[:, None]
    Spy().fit(x, x, epochs=2, batch_size=4, seed=0, verbose=False, optimizer=lambda p: nn.SGD(p, 0.0))
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    first, second = ([row for batch in batches for row in batch] for batches in (seen[:3], seen[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second != sorted(second)


def test_history_counts_each_row_once_and_validation_is_measured_after_the_epoch():
    random = np.random.default_rng(0)
    x, y = random.standard_normal((10, 2)), random.integers(0, 2, 10)
    model = xor_model()
    untrained = copy.deepcopy(model)
    history = model.fit(
        x, y, loss="cross_entropy", optimizer=nn.SGD(model.parameters(), 0.0), batch_size=4, epochs=1, seed=0,
        validation_data=(x[:3], y[:3]), verbose=False,
    )  # fmt: skip
    logits = untrained(x.astype(np.float32)).data.astype(float)
    losses = np.log(np.exp(logits).sum(1)) - logits[range(10), y]
    right = logits.argmax(1) == y
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history["loss"] == pytest.approx([losses.mean()], rel=1e-6)
    assert history["val_loss"] == pytest.approx([losses[:3].mean()], rel=1e-6)
    assert (history["accuracy"], history["val_accuracy"]) == ([right.mean()], [right[:3].mean()])


def test_history_prints_a_table_and_knows_its_names():
    history = nn.History()
    assert history.epochs == 0
    history.add({"loss": 0.5, "accuracy": 0.25})
    history.add({"loss": 0.125, "accuracy": 1.0})
    assert str(history).splitlines() == [
        "epoch      loss  accuracy",
        "    1       0.5      0.25",
        "    2     0.125         1",
    ]
    with pytest.raises(KeyError, match="'acc' was not measured; there is loss, accuracy"):
        history["acc"]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 1024])
def test_predict_and_evaluate_equal_computing_by_hand(batch_size):
    random = np.random.default_rng(0)
    x, y = random.standard_normal((7, 2)).astype(np.float32), random.integers(0, 2, 7)
    model = xor_model()
    logits = np.tanh(x @ model.layers[0].weight.data) @ model.layers[1].weight.data
    found = model.predict(x, batch_size=batch_size)
    assert type(found) is np.ndarray
    assert np.allclose(found, logits, rtol=1e-5, atol=1e-6)
    measured = model.evaluate(x, y, loss="cross_entropy", batch_size=batch_size)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert measured["loss"] == pytest.approx(-np.log(probabilities[range(7), y]).mean(), rel=1e-5)
    assert measured["accuracy"] == (logits.argmax(1) == y).mean()
    assert model.evaluate(x, np.eye(2)[y], loss="cross_entropy")["accuracy"] == measured["accuracy"]
    assert {p.grad for p in model.parameters()} == {None}


def test_predict_of_no_rows_is_an_empty_batch():
    assert line_model().predict(np.ones((0, 1))).shape == (0, 1)


def test_evaluate_of_a_sum_is_a_sum_and_of_a_mean_a_mean():
    x, y, model = np.arange(5.0)[:, None], np.ones((5, 1)), line_model()
    errors = (model(x).data - y) ** 2
    for size in (2, 5):
        assert model.evaluate(x, y, batch_size=size)["loss"] == pytest.approx(errors.mean(), rel=1e-12)
        found = model.evaluate(x, y, loss="sum_squared_error", batch_size=size)
        assert found == {"loss": pytest.approx(errors.sum(), rel=1e-12)}


def test_a_loss_of_ones_own_and_the_names_of_optimizers():
    x, y, model = np.arange(5.0)[:, None] / 5, np.ones((5, 1)), line_model()
    for optimizer in ("sgd", "adam", nn.SGD(model.parameters(), 0.1), lambda p: nn.Adam(p, 0.1)):
        before = model.evaluate(x, y)["loss"]
        history = model.fit(
            x, y, loss=lambda p, t: ((p - t) ** 4).mean(), optimizer=optimizer, epochs=5, seed=0, verbose=False
        )
        assert list(history.history) == ["loss"]
        assert model.evaluate(x, y)["loss"] < before


def test_the_progress_bar_is_shown_on_stderr_or_not_at_all(capsys):
    line_model().fit(np.ones((4, 1)), np.ones((4, 1)), epochs=2, seed=0)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "epoch 2/2" in shown.err
    assert "2/2" in shown.err
    line_model().fit(np.ones((4, 1)), np.ones((4, 1)), epochs=2, seed=0, verbose=False)
    assert capsys.readouterr() == ("", "")


def test_a_learning_rate_that_diverges_is_said_with_advice():
    """Without a warning of NumPy's on the way: it would only hide the one line that helps."""
    (x, y), model = datasets.workshop_line(), line_model()
    with pytest.raises(
        GradientError, match=r"^The loss became (inf|nan) in epoch \d+\. The learning rate 10\.0 may be too "
    ):
        model.fit(
            x[:, None], y[:, None], loss="sum_squared_error", optimizer=nn.SGD(model.parameters(), 10.0), epochs=500,
            seed=0, verbose=False,
        )  # fmt: skip


def test_a_nan_in_the_data_is_said():
    with pytest.raises(GradientError, match=r"became nan in epoch 1\. .*a number in x or y is not finite"):
        line_model().fit([[math.nan], [1.0]], [[1.0], [1.0]], verbose=False)


X1, Y1 = np.ones((3, 1)), np.ones((3, 1))


@pytest.mark.parametrize(
    ("data", "how", "error", "text"),
    [
        ((X1, np.ones((4, 1))), {}, ValueError, "x and y need equally many rows, at least one; their shapes are (3, 1) "
         "and (4, 1)."),
        ((np.ones((0, 1)), np.ones((0, 1))), {}, ValueError, "at least one"),
        ((1.0, 1.0), {}, ValueError, "their shapes are () and ()."),
        ((X1, np.ones(3)), {}, ValueError, "the prediction has shape (3, 1), the target (3,)."),
        ((np.ones((3, 2)), Y1), {}, ValueError, "Dense(1, 1) takes rows of 1 numbers"),
        ((X1, Y1), {"loss": "msee"}, ValueError, "Unknown loss 'msee': use one of mse, sum_squared_error, "
         "cross_entropy, binary_cross_entropy, or pass your own."),
        ((X1, Y1), {"optimizer": "adamm"}, ValueError, "Unknown optimizer 'adamm': use one of sgd, adam, or pass your"),
        ((X1, Y1), {"loss": lambda p, t: (p - t) ** 2}, GradientError, "The loss of a batch must be a scalar Value"),
        ((X1, Y1), {"loss": lambda p, t: 3.0}, GradientError, "must be a scalar Value, not 3.0"),
        ((X1, Y1), {"optimizer": nn.SGD([Value(1.0)], 0.1)}, GradientError, "No parameter has a gradient"),
        ((X1, Y1), {"epochs": 0}, ValueError, "epochs"),
        ((X1, Y1), {"epochs": -1}, ValueError, "epochs"),
        ((X1, Y1), {"batch_size": -2}, ValueError, "batch_size"),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_with_the_model_unchanged(data, how, error, text):
    model = line_model()
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(error, match=re.escape(text)):
        model.fit(*data, **how, verbose=False)
    assert all(map(same, [p.data for p in model.parameters()], before))


def test_what_cannot_be_predicted_or_evaluated_is_refused():
    with pytest.raises((TypeError, ValueError), match="shape"):
        line_model().predict(3.0)
    with pytest.raises(ValueError, match="x and y need equally many rows"):
        line_model().evaluate(X1, np.ones(2))


def test_fit_inside_no_grad_says_what_is_wrong():
    with tg.no_grad(), pytest.raises(GradientError, match="nothing under it requires a gradient"):
        line_model().fit(X1, Y1, verbose=False)


def test_a_small_part_of_mnist_is_learnt_in_seconds():
    digits = datasets.mnist()
    model = nn.Sequential(nn.Dense(784, 64, "relu", seed=0), nn.Dense(64, 10, seed=1))
    history = model.fit(
        digits.train_images[:10_000], digits.train_labels[:10_000], loss="cross_entropy", epochs=3, batch_size=64,
        optimizer=nn.Adam(model.parameters(), 0.002), seed=0, verbose=False,
        validation_data=(digits.test_images, digits.test_labels),
    )  # fmt: skip
    answers = model.predict(digits.test_images).argmax(-1)
    assert (answers == digits.test_labels).mean() == pytest.approx(history["val_accuracy"][-1])
    assert history["val_accuracy"][-1] > 0.92
    assert history["loss"] == sorted(history["loss"], reverse=True)
