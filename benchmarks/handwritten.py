"""What a person writes in NumPy for the networks that are measured, with the derivatives worked out on paper.

The same mathematics as the library's, in the same dtype, with the loss of each step. Rashid's is his own.
"""

import numpy as np

try:
    from scipy.special import expit as sigmoid
except ImportError:

    def sigmoid(x):
        """Rashid has it from scipy."""
        return 1 / (1 + np.exp(-x))


def xor_gradients(x, labels, w1, b1, w2, b2):
    """One tanh layer and a softmax cross-entropy: the loss and its gradients."""
    batch, rows = len(x), np.arange(len(x))
    # forward
    h = np.tanh(x @ w1 + b1)  # (batch, hidden)
    z = h @ w2 + b2  # (batch, classes)
    z -= z.max(axis=1, keepdims=True)  # softmax stays what it is, and exp stays finite
    e = np.exp(z)
    total = e.sum(axis=1)
    loss = (np.log(total) - z[rows, labels]).mean()
    # backward
    dz = e / total[:, None]  # softmax minus one-hot, shared among the rows
    dz[rows, labels] -= 1
    dz /= batch
    dh = dz @ w2.T * (1 - h * h)  # tanh' = 1 - tanh²
    return float(loss), (x.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0))


def mnist_gradients(x, labels, w1, b1, w2, b2):
    """One relu layer and a softmax cross-entropy: the loss and its gradients."""
    batch, rows = len(x), np.arange(len(x))
    # forward
    h = np.maximum(x @ w1 + b1, 0)  # (batch, hidden)
    z = h @ w2 + b2  # (batch, classes)
    z -= z.max(axis=1, keepdims=True)  # softmax stays what it is, and exp stays finite
    e = np.exp(z)
    total = e.sum(axis=1)
    loss = (np.log(total) - z[rows, labels]).mean()
    # backward
    dz = e / total[:, None]  # softmax minus one-hot, shared among the rows
    dz[rows, labels] -= 1
    dz /= batch
    dh = dz @ w2.T * (h > 0)  # relu' is 1 above 0
    return float(loss), (x.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0))


def descend(parameters, gradients, lr):
    """A step of gradient descent."""
    for p, g in zip(parameters, gradients, strict=True):
        p -= lr * g


def rashid_train(inputs_list, targets_list, wih, who, lr):
    """`train` of Tariq Rashid's "Make Your Own Neural Network" (2016), with the attributes as arguments.

    It computes no loss; and what it calls the hidden errors leaves out the slope of the last sigmoid, so it is not the
    gradient of the squared error. `rashid_gradients` is.
    """
    inputs = np.array(inputs_list, ndmin=2).T
    targets = np.array(targets_list, ndmin=2).T
    hidden_inputs = np.dot(wih, inputs)
    hidden_outputs = sigmoid(hidden_inputs)
    final_inputs = np.dot(who, hidden_outputs)
    final_outputs = sigmoid(final_inputs)
    output_errors = targets - final_outputs
    hidden_errors = np.dot(who.T, output_errors)
    who += lr * np.dot((output_errors * final_outputs * (1.0 - final_outputs)), np.transpose(hidden_outputs))
    wih += lr * np.dot((hidden_errors * hidden_outputs * (1.0 - hidden_outputs)), np.transpose(inputs))


def rashid_gradients(x, target, w1, w2):
    """His network with rows for columns: half the sum of squared errors of two sigmoid layers, and its gradients."""
    # forward
    h = sigmoid(x @ w1)  # (batch, hidden)
    y = sigmoid(h @ w2)  # (batch, classes)
    error = y - target
    loss = (error * error).sum() / 2
    # backward
    dz = error * y * (1 - y)  # sigmoid' = sigmoid·(1 - sigmoid)
    dh = dz @ w2.T * h * (1 - h)
    return float(loss), (np.dot(x.T, dh), np.dot(h.T, dz))  # of a single row, dot is four times as fast as @
