"""One training step (forward, backward, SGD) of XOR 2-8-2 and of MNIST 784-128-10, against PyTorch.

python -m benchmarks.steps_against_pytorch          (needs: pip install torch)
"""

import sys

from benchmarks.measure import Side, compare, serve

CASES = {"xor-tanh": (8, 2, "tanh"), "xor-relu": (8, 2, "relu"), "mnist": (128, 10, "relu")}


def data(case):
    from tinygrad_edu import datasets

    if case != "mnist":
        return datasets.xor()
    digits = datasets.mnist()
    return digits.train_images[:64].copy(), digits.train_labels[:64]


def ours(case):
    from tinygrad_edu import nn

    (x, y), (hidden, classes, activation) = data(case), CASES[case]
    model = nn.Sequential(nn.Dense(x.shape[1], hidden, activation, seed=0), nn.Dense(hidden, classes, seed=1))
    optimizer = nn.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        nn.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def pytorch(case):
    import torch

    torch.set_num_threads(2)
    (x, y), (hidden, classes, activation) = map(torch.from_numpy, data(case)), CASES[case]
    between = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]()
    model = torch.nn.Sequential(torch.nn.Linear(x.shape[1], hidden), between, torch.nn.Linear(hidden, classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def main():
    module = "benchmarks.steps_against_pytorch"
    for case, times, bound in (("xor-tanh", 1000, 0.5), ("xor-relu", 1000, 0.5), ("mnist", 200, 0.85)):
        compare(case, Side(module, "ours", case), Side(module, "pytorch", case), times, bound)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve({"ours": ours, "pytorch": pytorch}[sys.argv[1]](sys.argv[2]))
    else:
        main()
