"""The sides of a training step of a network of two layers: forward, cross-entropy, backward, SGD.

Each function makes the step of one side: the name of the data ("xor" or "mnist"), the activation ("tanh" or "relu"),
how many hidden units, how many rows in the batch. All start with the same weights and return the loss, in float32.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks import handwritten
from benchmarks.measure import BY_HAND, COMPILED, EAGER

LR = 0.1


def data(name, batch):
    """The first rows of the data, and how many classes there are."""
    from tinygrad_edu import datasets

    if name == "xor":
        return *datasets.xor(), 2
    digits = datasets.mnist()
    return digits.train_images[:batch].copy(), digits.train_labels[:batch].copy(), 10


def start(name, hidden, batch):
    """The data, and the weights with which all begin."""
    x, labels, classes = data(name, batch)
    return x, labels, weights(x.shape[1], hidden, classes)


def weights(*sizes):
    """Weight and bias of each layer, drawn as `nn.Dense` does."""
    random, parameters = np.random.default_rng(0), []
    for inputs, units in pairwise(sizes):
        limit = np.sqrt(6 / (inputs + units))
        parameters += [random.uniform(-limit, limit, (inputs, units)), np.zeros(units)]
    return [p.astype(np.float32) for p in parameters]


def by_hand(name, activation, hidden, batch):
    x, labels, parameters = start(name, hidden, batch)
    gradients_of = {"tanh": handwritten.xor_gradients, "relu": handwritten.mnist_gradients}[activation]

    def step():
        loss, gradients = gradients_of(x, labels, *parameters)
        handwritten.descend(parameters, gradients, LR)
        return loss

    return step


def ours(name, activation, hidden, batch):
    """The data, a model and its optimizer."""
    from tinygrad_edu import nn

    x, labels, parameters = start(name, hidden, batch)
    model = nn.Sequential(nn.Dense(x.shape[1], hidden, activation), nn.Dense(hidden, parameters[-1].size))
    for p, numbers in zip(model.parameters(), parameters, strict=True):
        p.data = numbers
    return x, labels, model, nn.SGD(model.parameters(), lr=LR)


def eager(name, activation, hidden, batch):
    from tinygrad_edu import nn

    x, labels, model, optimizer = ours(name, activation, hidden, batch)

    def step():
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.data

    return step


def compiled(name, activation, hidden, batch):
    import tinygrad_edu as tg
    from tinygrad_edu import nn

    x, labels, model, optimizer = ours(name, activation, hidden, batch)
    program = tg.compile(lambda x, y: nn.cross_entropy(model(x), y), optimizer=optimizer)
    return lambda: program(x, labels)


def pytorch(name, activation, hidden, batch):
    import torch

    torch.set_num_threads(2)
    x, labels, parameters = start(name, hidden, batch)
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)
    between = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]()
    first, last = torch.nn.Linear(x.shape[1], hidden), torch.nn.Linear(hidden, parameters[-1].size)
    model = torch.nn.Sequential(first, between, last)
    with torch.no_grad():
        for p, numbers in zip(model.parameters(), parameters, strict=True):
            p.copy_(torch.from_numpy(numbers.T))
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def jax(name, activation, hidden, batch):
    import jax

    x, labels, parameters = start(name, hidden, batch)
    between = {"tanh": jax.numpy.tanh, "relu": jax.nn.relu}[activation]

    def loss(parameters, x, labels):
        w1, b1, w2, b2 = parameters
        log_p = jax.nn.log_softmax(between(x @ w1 + b1) @ w2 + b2)
        return -log_p[jax.numpy.arange(len(labels)), labels].mean()

    def update(parameters, x, labels):
        value, gradients = jax.value_and_grad(loss)(parameters, x, labels)
        return value, [p - LR * g for p, g in zip(parameters, gradients, strict=True)]

    update = jax.jit(update, donate_argnums=0)  # the weights are changed in place, as elsewhere
    parameters, x, labels = jax.device_put((parameters, x, labels))

    def step():
        nonlocal parameters
        value, parameters = update(parameters, x, labels)
        return value.block_until_ready()

    return step


def mygrad(name, activation, hidden, batch):
    import mygrad
    from mygrad.nnet import activations, losses

    x, labels, parameters = start(name, hidden, batch)
    w1, b1, w2, b2 = parameters = [mygrad.tensor(p) for p in parameters]
    between = {"tanh": activations.tanh, "relu": activations.relu}[activation]

    def step():
        h = between(mygrad.matmul(x, w1) + b1)
        loss = losses.softmax_crossentropy(mygrad.matmul(h, w2) + b2, labels)
        loss.backward()
        for p in parameters:
            p.data -= LR * p.grad
        return loss.item()

    return step


def hips(name, activation, hidden, batch):
    import autograd.numpy as anp
    from autograd import value_and_grad

    x, labels, parameters = start(name, hidden, batch)
    rows = np.arange(len(x))
    between = {"tanh": anp.tanh, "relu": lambda z: anp.maximum(z, 0)}[activation]

    def loss(parameters):
        w1, b1, w2, b2 = parameters
        z = between(x @ w1 + b1) @ w2 + b2
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, labels])

    both = value_and_grad(loss)

    def step():
        value, gradients = both(parameters)
        handwritten.descend(parameters, gradients, LR)
        return value

    return step


def blas(name, activation, hidden, batch):
    """The five matrix products of the step and nothing else: NumPy cannot be faster."""
    x, _, (w1, _, w2, _) = start(name, hidden, batch)
    h, dz = x @ w1, x @ w1 @ w2
    z, dh, dw1, dw2 = dz.copy(), h.copy(), w1.copy(), w2.copy()

    def step():
        np.matmul(x, w1, out=h)
        np.matmul(h, w2, out=z)
        np.matmul(h.T, dz, out=dw2)
        np.matmul(dz, w2.T, out=dh)
        np.matmul(x.T, dh, out=dw1)

    return step


MAKERS = {
    EAGER: eager, COMPILED: compiled, BY_HAND: by_hand, "PyTorch": pytorch, "JAX, jit": jax, "MyGrad": mygrad,
    "HIPS autograd": hips, "matrix products alone": blas,
}  # fmt: skip


def sides(*problem):
    """All of them for one network."""
    return {side: partial(make, *problem) for side, make in MAKERS.items()}
