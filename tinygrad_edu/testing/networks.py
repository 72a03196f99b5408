"""Small networks with a batch, as examples for checks of gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import tinygrad_edu as tg

from .. import nn, ops
from ..backward import order
from ..value import Value
from .failures import judge
from .programs import Shown
from .spelling import literal

SMOOTH = ("tanh", "sigmoid", "softplus")
LOSSES = ("mse", "cross_entropy")


class Layer(NamedTuple):
    """A Dense layer: its lengths, the name of its activation, and its seed."""

    inputs: int
    units: int
    activation: str | None
    seed: int

    def source(self, dtype: str) -> str:
        """The layer in Python."""
        activation = "" if self.activation is None else f", {self.activation!r}"
        return f"nn.Dense({self.inputs}, {self.units}{activation}, dtype=np.{dtype}, seed={self.seed})"


@dataclass(frozen=True, eq=False)
class Example:
    """A model by its layers, a batch `x`, targets `y` and the name of a loss; `str` is runnable Python.

    >>> example = Example((Layer(1, 1, "tanh", 0),), np.array([[1.0]]), np.array([[0.5]]), "mse")
    >>> example.check().passed, example.loss().shape
    (True, ())
    >>> print(example)
    import numpy as np
    import tinygrad_edu as tg
    from tinygrad_edu import nn
    <BLANKLINE>
    model = nn.Sequential(
        nn.Dense(1, 1, 'tanh', dtype=np.float64, seed=0),
    )
    x = np.array([[1.0]])
    y = np.array([[0.5]])
    <BLANKLINE>
    tg.check_gradients(model, x, y, loss=nn.mse)
    """

    layers: tuple[Layer, ...]
    x: np.ndarray
    y: np.ndarray
    loss_name: str
    dtype: str = "float64"

    @property
    def model(self) -> nn.Sequential:
        """The network, new each time, always with the same weights."""
        dtype = np.dtype(self.dtype)
        return nn.Sequential(*[nn.Dense(n, units, f, dtype=dtype, seed=seed) for n, units, f, seed in self.layers])

    def loss(self) -> Value:
        """The graph of the loss."""
        result: Value = getattr(nn, self.loss_name)(self.model(self.x), self.y)
        return result

    def near_kink(self) -> bool:
        """Whether a number that goes into a relu is nearly 0."""
        return any(np.any(np.abs(node.numbers[0]) < 1e-2) for node in order(self.loss()) if node.op is ops.relu)

    def source(self, **check: Any) -> str:
        """Python that builds the model and, with these arguments, checks its gradients."""
        options = [f"{key}={literal(x)}" for key, x in check.items()]
        return "\n".join([
            "import numpy as np", "import tinygrad_edu as tg", "from tinygrad_edu import nn", "",
            "model = nn.Sequential(", *(f"    {layer.source(self.dtype)}," for layer in self.layers), ")",
            f"x = {literal(self.x)}", f"y = {literal(self.y)}", "",
            f"tg.check_gradients({', '.join(['model', 'x', 'y', f'loss=nn.{self.loss_name}', *options])})",
        ])  # fmt: skip

    def check(self, *, save_to: Any = None, **how: Any) -> tg.GradientReport:
        """Check the gradients of all parameters, as `Program.check` does those of a program."""
        __tracebackhide__ = True
        options = {"loss": getattr(nn, self.loss_name), **how}
        shown = Shown(self.model, [self.x, self.y], None, lambda: self.source(**how), self.loss)
        return judge(shown, options, save_to, "")

    def __str__(self) -> str:
        return self.source()

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))
