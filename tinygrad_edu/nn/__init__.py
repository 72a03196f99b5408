"""Neural networks, thin: layers, losses, optimizers and `fit`, all built on `Value`."""

from .layers import Dense as Dense, Dropout as Dropout, LogSoftmax as LogSoftmax, ReLU as ReLU
from .layers import Sigmoid as Sigmoid, Softmax as Softmax, Softplus as Softplus, Tanh as Tanh
from .losses import binary_cross_entropy as binary_cross_entropy, cross_entropy as cross_entropy, mse as mse
from .losses import sum_squared_error as sum_squared_error
from .module import Module as Module, Sequential as Sequential
from .optimizers import SGD as SGD, Adam as Adam, Optimizer as Optimizer
from .training import History as History
