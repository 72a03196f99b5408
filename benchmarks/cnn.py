"""One training step of the lecture's network for images: two convolutions, pooling, two dense layers; Adam.

32 images of 64 × 64 pixels in 3 colours; convolution 3 × 3 to 32 channels, relu, convolution 3 × 3 to 16, relu, the
largest of 2 × 2, dense to 200, relu, dense to 4, softmax cross-entropy. All sides start with the same weights, in
float32; PyTorch has its images in the layout it prefers, NCHW. "the rows alone" are the calls of convolution and
pooling, forward and backward, that a step of ours consists of: what no compiler could leave out.
"""

import numpy as np

from benchmarks.measure import COMPILED, EAGER, Case, Claim

BATCH, SIDE, COLOURS, CLASSES = 32, 64, 3, 4
SHAPES = [
    (3, 3, COLOURS, 32), (32,), (3, 3, 32, 16), (16,), ((SIDE // 2) ** 2 * 16, 200), (200,), (200, CLASSES), (CLASSES,),
]  # fmt: skip


def start():
    """Images, labels, and the weights with which all begin."""
    random = np.random.default_rng(0)
    images = random.uniform(0, 1, (BATCH, SIDE, SIDE, COLOURS)).astype(np.float32)
    weights = [random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape) * (len(shape) > 1) for shape in SHAPES]
    return images, random.integers(0, CLASSES, BATCH), [w.astype(np.float32) for w in weights]


def ours():
    """The loss as a function of images and labels, an optimizer, and the data."""
    import tinygrad_edu as tg
    from tinygrad_edu import Value, nn

    images, labels, weights = start()
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters = [Value(w) for w in weights]

    def loss(x, y):
        h = tg.relu(tg.conv2d(x, w1, b1, padding="same"))
        h = tg.relu(tg.conv2d(h, w2, b2, padding="same"))
        h = tg.max_pool2d(h).reshape((BATCH, -1))
        return nn.cross_entropy(tg.linear(tg.relu(tg.linear(h, w3, b3)), w4, b4), y)

    return loss, nn.Adam(parameters), images, labels


def eager():
    f, optimizer, images, labels = ours()

    def step():
        optimizer.zero_grad()
        loss = f(images, labels)
        loss.backward()
        optimizer.step()
        return loss.data

    return step


def compiled():
    import tinygrad_edu as tg

    f, optimizer, images, labels = ours()
    program = tg.compile(f, optimizer=optimizer)
    return lambda: program(images, labels)


def rows_alone():
    from tinygrad_edu import images as rows

    x, _, (w1, b1, w2, b2, *_) = start()
    at = {"stride": (1, 1), "padding": ((1, 1), (1, 1))}
    h = rows.convolution(x, w1, b1, **at)
    z = rows.convolution(h, w2, b2, **at)
    y = rows.max_pooling(z)
    g = np.ones_like(y)

    def step():
        rows.convolution(x, w1, b1, **at)
        rows.convolution(h, w2, b2, **at)
        rows.max_pooling(z)
        gz = rows.image_spread(g, rows.image_shares(z, y), stride=(2, 2), shape=z.shape)
        rows.conv2d_weight(h, gz, **at, shape=w2.shape)
        gh = rows.conv2d_image(gz, w2, **at, shape=h.shape)
        rows.conv2d_weight(x, gh, **at, shape=w1.shape)

    return step


def pytorch():
    import torch

    torch.set_num_threads(2)
    images, labels, (w1, b1, w2, b2, w3, b3, w4, b4) = start()
    images, labels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)
    layers = torch.nn
    model = layers.Sequential(
        layers.Conv2d(COLOURS, 32, 3, padding="same"), layers.ReLU(), layers.Conv2d(32, 16, 3, padding="same"),
        layers.ReLU(), layers.MaxPool2d(2), layers.Flatten(), layers.Linear(len(w3), 200), layers.ReLU(),
        layers.Linear(200, CLASSES),
    )  # fmt: skip
    half = SIDE // 2
    w3 = w3.reshape(half, half, 16, 200).transpose(2, 0, 1, 3).reshape(len(w3), 200)  # it flattens channels first
    same = w1.transpose(3, 2, 0, 1), b1, w2.transpose(3, 2, 0, 1), b2, w3.T, b3, w4.T, b4
    with torch.no_grad():
        for p, numbers in zip(model.parameters(), same, strict=True):
            p.copy_(torch.from_numpy(numbers.copy()))
    optimizer = torch.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


CASES = [
    Case(
        "CNN of the lecture: 32 images of 64 × 64 × 3, Adam step",
        {EAGER: eager, COMPILED: compiled, "the rows alone": rows_alone, "PyTorch": pytorch},
        [Claim(EAGER, 1.3, "PyTorch"), Claim(COMPILED, 1.0, "PyTorch")],
        block=0.5,
    )
]
