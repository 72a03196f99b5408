"""An epoch on the 60,000 images of MNIST: the workshop's scikit-learn MLPClassifier((14, 14)) and the same by others.

Two hidden layers of 14 sigmoids, softmax, batches of 200 in random order, gradient descent momentum 0.9, rate 0.01.
"""

from itertools import pairwise

import numpy as np

from benchmarks.measure import BY_HAND, COMPILED, EAGER, Case, Claim

LR, MOMENTUM, BATCH = 0.01, 0.9, 200
SKLEARN = "scikit-learn"
SIZES = (784, 14, 14, 10)


def digits():
    """Images and labels."""
    from tinygrad_edu import datasets

    return datasets.mnist()[:2]


def sklearn():
    from sklearn.neural_network import MLPClassifier

    x, labels = digits()
    model = MLPClassifier(
        SIZES[1:-1], activation="logistic", solver="sgd", batch_size=BATCH, learning_rate_init=LR, random_state=0
    )
    classes = np.arange(10)

    def epoch():
        model.partial_fit(x, labels, classes=classes)

    return epoch


def ours(**options):
    from tinygrad_edu import nn

    x, labels = digits()
    generator = np.random.default_rng(0)
    layers = zip(pairwise(SIZES), ("sigmoid", "sigmoid", None), strict=True)
    model = nn.Sequential(*(nn.Dense(*sizes, activation, seed=generator) for sizes, activation in layers))
    options |= {"loss": "cross_entropy", "optimizer": nn.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)}

    def epoch():
        model.fit(x, labels, batch_size=BATCH, seed=generator, verbose=False, **options)

    return epoch


def eager():
    return ours()


def compiled():
    return ours(compiled=True)


def by_hand():
    x, labels = digits()
    random = np.random.default_rng(0)
    shapes = list(pairwise(SIZES))
    weights = [random.normal(0, a**-0.5, (a, b)).astype(np.float32) for a, b in shapes]
    parameters = [p for w in weights for p in (w, np.zeros(w.shape[1], np.float32))]
    velocities = [np.zeros_like(p) for p in parameters]

    def epoch():
        order, total = random.permutation(len(x)), 0.0
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            loss, gradients = gradients_by_hand(x[rows], labels[rows], *parameters)
            total += loss
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v *= MOMENTUM
                v += g
                p -= LR * v

    return epoch


def gradients_by_hand(x, labels, w1, b1, w2, b2, w3, b3):
    """The loss of three layers and its gradients."""
    batch, rows = len(x), np.arange(len(x))
    # forward
    h1 = 1 / (1 + np.exp(-(x @ w1 + b1)))
    h2 = 1 / (1 + np.exp(-(h1 @ w2 + b2)))
    z = h2 @ w3 + b3
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1)
    loss = (np.log(total) - z[rows, labels]).mean()
    # backward
    dz = e / total[:, None]
    dz[rows, labels] -= 1
    dz /= batch
    dh2 = dz @ w3.T * h2 * (1 - h2)
    dh1 = dh2 @ w2.T * h1 * (1 - h1)
    return float(loss), (x.T @ dh1, dh1.sum(axis=0), h1.T @ dh2, dh2.sum(axis=0), h2.T @ dz, dz.sum(axis=0))


def pytorch():
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(0)
    x, labels = map(torch.from_numpy, digits())
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(SIZES)]
    model = torch.nn.Sequential(layers[0], torch.nn.Sigmoid(), layers[1], torch.nn.Sigmoid(), layers[2])
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)

    def epoch():
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.item()

    return epoch


CASES = [
    Case(
        "scikit-learn's MLPClassifier((14, 14)), batches of 200: an epoch of MNIST",
        {EAGER: eager, COMPILED: compiled, BY_HAND: by_hand, SKLEARN: sklearn, "PyTorch": pytorch},
        [Claim(EAGER, 0.8, SKLEARN), Claim(COMPILED, 0.5, SKLEARN)],
        note="scikit-learn's momentum is Nesterov's, and it adds an L2 penalty of 0.0001, its default; the others "
        "have plain momentum and no penalty. Ours also counts the right answers. Theirs is `partial_fit`, ours `fit`.",
        losses=1,
    )
]
