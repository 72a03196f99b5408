"""A walk beside a plain backward pass, and the explanation of a scalar graph of 1,000 nodes."""

from functools import partial

import numpy as np

from benchmarks.measure import Case, Claim

PLAIN, WHOLE, STEPS = "backward()", "a walk to the end", "a walk step by step"
FORMS = ("text", "markdown", "latex", "html")


def scalar_graph(nodes):
    """A chain of neurons of one input, with weights that are used again and again."""
    import tinygrad_edu as tg

    weights = [tg.Value(0.1 * i - 0.3, f"w{i}") for i in range(7)]
    y = tg.Value(0.5, "x")
    for i in range(nodes // 3):
        y = tg.tanh(y * weights[i % 7] + weights[(i + 1) % 7])
    return y


def network():
    """784-128-10 on a batch of 64, with a cross-entropy."""
    import tinygrad_edu as tg
    from tinygrad_edu import Value

    random = np.random.default_rng(0)
    images, labels = random.random((64, 784)), random.integers(0, 10, 64)
    w, b = Value(random.normal(0, 0.05, (784, 128))), Value(np.zeros(128))
    v, c = Value(random.normal(0, 0.1, (128, 10))), Value(np.zeros(10))
    return tg.nn.cross_entropy(tg.relu(images @ w + b) @ v + c, labels)


def loss_of(nodes):
    """A graph of so many single numbers, or of arrays."""
    return scalar_graph(nodes) if nodes else network()


def plain(nodes):
    loss = loss_of(nodes)
    return lambda: loss.backward()


def whole(nodes):
    import tinygrad_edu as tg

    loss = loss_of(nodes)

    def step():
        tg.walk(loss).goto(-1)

    return step


def step_by_step(nodes):
    import tinygrad_edu as tg

    loss = loss_of(nodes)

    def step():
        for _ in tg.walk(loss):
            pass

    return step


def explaining(form):
    import tinygrad_edu as tg

    loss = scalar_graph(1000)

    def step():
        tg.explain(loss, form)

    return step


GRAPHS = {"1,000 scalar nodes": 1000, "60,000 scalar nodes": 60_000, "784-128-10, batch 64": 0}
CASES = [
    Case(
        f"To walk through {graph}",
        {PLAIN: partial(plain, nodes), WHOLE: partial(whole, nodes), STEPS: partial(step_by_step, nodes)},
        [Claim(WHOLE, 5, PLAIN), Claim(STEPS, 5, PLAIN)],
    )
    for graph, nodes in GRAPHS.items()
] + [
    Case(
        "To explain 1,000 scalar nodes",
        {form: partial(explaining, form) for form in FORMS},
        [Claim(form, 1.0) for form in FORMS],
        losses=1,
    )
]
