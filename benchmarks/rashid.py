"""Tariq Rashid's network, trained as in "Make Your Own Neural Network": 784-200-10, sigmoids, one image at a time."""

from itertools import cycle

import numpy as np

from benchmarks import handwritten
from benchmarks.measure import BY_HAND, COMPILED, EAGER, Case, Claim

LR, IMAGES = 0.1, 100
HIS = "his train()"


def start():
    """The first images as he scales them, 0.01 to 1, with targets of 0.01 and 0.99; and weights as he draws them."""
    from tinygrad_edu import datasets

    digits = datasets.mnist()
    images = digits.train_images[:IMAGES].astype(np.float64) * 0.99 + 0.01
    targets = np.where(np.arange(10) == digits.train_labels[:IMAGES, None], 0.99, 0.01)
    random = np.random.default_rng(0)
    wih, who = random.normal(0, 200**-0.5, (200, 784)), random.normal(0, 10**-0.5, (10, 200))
    return images, targets, wih, who


def his():
    images, targets, wih, who = start()
    pairs = cycle(zip(images, targets, strict=True))
    return lambda: handwritten.rashid_train(*next(pairs), wih, who, LR)


def by_hand():
    images, targets, wih, who = start()
    parameters = [wih.T.copy(), who.T.copy()]
    pairs = cycle(zip(images[:, None], targets[:, None], strict=True))

    def step():
        loss, gradients = handwritten.rashid_gradients(*next(pairs), *parameters)
        handwritten.descend(parameters, gradients, LR)
        return loss

    return step


def ours():
    """Pairs of an image and its target, a model and its optimizer."""
    from tinygrad_edu import nn

    images, targets, wih, who = start()
    model = nn.Sequential(
        nn.Dense(784, 200, "sigmoid", bias=False, dtype=np.float64),
        nn.Dense(200, 10, "sigmoid", bias=False, dtype=np.float64),
    )
    for p, numbers in zip(model.parameters(), (wih, who), strict=True):
        p.data = numbers.T.copy()
    return cycle(zip(images[:, None], targets[:, None], strict=True)), model, nn.SGD(model.parameters(), lr=LR)


def eager():
    from tinygrad_edu import nn

    pairs, model, optimizer = ours()

    def step():
        x, target = next(pairs)
        optimizer.zero_grad()
        loss = nn.sum_squared_error(model(x), target) / 2
        loss.backward()
        optimizer.step()
        return loss.data

    return step


def compiled():
    import tinygrad_edu as tg
    from tinygrad_edu import nn

    pairs, model, optimizer = ours()
    program = tg.compile(lambda x, target: nn.sum_squared_error(model(x), target) / 2, optimizer=optimizer)
    return lambda: program(*next(pairs))


def pytorch():
    import torch

    torch.set_num_threads(2)
    images, targets, wih, who = map(torch.from_numpy, start())
    parameters = [wih.clone().requires_grad_(), who.clone().requires_grad_()]
    optimizer = torch.optim.SGD(parameters, lr=LR)
    pairs = cycle(list(zip(images[:, None], targets[:, None], strict=True)))

    def step():
        x, target = next(pairs)
        wih, who = parameters
        optimizer.zero_grad()
        loss = ((torch.sigmoid(torch.sigmoid(x @ wih.T) @ who.T) - target) ** 2).sum() / 2
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


CASES = [
    Case(
        "Rashid's online training: 784-200-10 with sigmoids, one image at a time, float64",
        {EAGER: eager, COMPILED: compiled, HIS: his, BY_HAND: by_hand, "PyTorch": pytorch},
        [Claim(EAGER, 1.5, HIS), Claim(COMPILED, 1.0, HIS)],
        note="His train() computes no loss, and his hidden errors leave out the slope of the last sigmoid; the "
        "handwritten one beside it is the gradient of half the sum of squared errors, as ours and PyTorch's are.",
        tolerance=1e-9,
    )
]
