"""tg.source: a graph as the module in NumPy that a person would have written, forward and backward."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from ..errors import GradientError, named
from ..naming import copied
from ..notation import PYTHON, write
from ..recording import switched
from ..trees import described
from ..value import Value
from . import helpers
from .lines import INSIDE, WIDTH, wrapped
from .listing import Listing
from .names import Namer
from .phrases import decimals
from .recorded import Arguments, Recorded, check_scalar, differentiated, recorded
from .rewriting import Rewriting
from .spelling import TO_READ
from .texts import op_of, short
from .torch_style import TorchListing, autograd, tensor
from .tracing import Trace, joint_order, leaf, reading, replaced, used


class Source(str):
    """A module as text; `inputs` are the arguments of its function by name, as they were when it was recorded."""

    inputs: dict[str, Any]


def source(
    target: Any, *args: Any, names: Mapping[str, Any] | None = None, style: str = "numpy",
    argnums: int | str | tuple[int | str, ...] | None = None, parameters: Iterable[Value] | None = None,
    **keywords: Any,
) -> Source:  # fmt: skip
    """A recorded loss, or a function of `args`, as a Python module on NumPy alone, forward and backward.

    The module has one function, `loss_and_gradients`; its arguments are the leaves and arrays of the graph, named by
    their labels, layers or, with `names=locals()`, by the caller's variables. Shapes and the chain rule stand in
    comments. Of a loss the gradients are those of all leaves that take one; of a function those of `tg.compile`. The
    result is a string; its `inputs` are the arguments by name, so that `exec(text, space)` and then
    `space["loss_and_gradients"](**text.inputs)` give the very numbers of `backward()`.
    With style="torch" it is the same for PyTorch, whose arguments are tensors, and a second function, `autograd`, that
    has PyTorch differentiate.
    Raises GradientError for an operation of one's own that cannot be written down, for a constant, and for a result
    that is no scalar; TypeError for what is neither a Value nor a function; ValueError for an unknown style.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> print(source((a * b).tanh()))
    import math
    <BLANKLINE>
    <BLANKLINE>
    def loss_and_gradients(a, b):
        \"\"\"The loss, and its gradients by a and b.\"\"\"
        v1 = a * b
        loss = math.tanh(v1)
    <BLANKLINE>
        # backward: d_v is ∂L/∂v, and L is loss
        d_v1 = 1 - loss**2  # slope of tanh
        d_a = d_v1 * b  # ∂L/∂v1 · ∂v1/∂a
        d_b = d_v1 * a  # ∂L/∂v1 · ∂v1/∂b
        return loss, (d_a, d_b)
    <BLANKLINE>
    """
    if style not in STYLES:
        raise ValueError(f"The style is one of {', '.join(STYLES)}, not {style!r}.")
    if not isinstance(target, Value) and not callable(target):
        raise TypeError(
            f"source takes a recorded loss, a Value, or a function and its arguments, not {described(target)}."
        )
    arrays = Arrays(names or {})
    if isinstance(target, Value):
        made = of_value(target, arrays)
    else:
        chosen = (argnums,) if isinstance(argnums, int | str) else argnums
        chosen = ((0,) if parameters is None else ()) if chosen is None else chosen
        made = recorded(target, Arguments(args, keywords, chosen), [*(parameters or ())], as_it_is=arrays.taken_in)
    return written(made, arrays, style)


STYLES = ("numpy", "torch")


class Arrays:
    """The plain arrays that a graph was recorded with, as leaves: what is no number of the program is its argument."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.variables = {id(x): name for name, x in reversed([*names.items()]) if not name.startswith("_")}
        self.leaves: dict[int, Value] = {}

    def taken_in(self, loss: Value) -> Value:
        """The same graph once more, with leaves in the place of arrays."""
        made: dict[int, Value] = {}
        for node in joint_order([loss]):
            operands = tuple(made.get(id(x), self.leaf(x, True)) for x in node.operands)
            settings = {name: replaced(x, lambda x: made.get(id(x), self.leaf(x))) for name, x in node.settings.items()}
            if isinstance(settings.get("index"), Value):
                settings["index"] = (settings["index"],)
            with switched(scope=node.scope):
                new = next(x for x in operands if isinstance(x, Value)).apply_op(op_of(node), operands, settings)
            new.label = node.label or self.variables.get(id(node))
            made[id(node)] = new
        return made.get(id(loss), loss)

    def leaf(self, x: Any, operand: bool = False) -> Any:
        """The leaf that stands for an array; other operands as they are, and an index that is short to write."""
        if not isinstance(x, np.ndarray) or (not operand and short(x) and id(x) not in self.variables):
            return x
        if id(x) not in self.leaves:
            self.leaves[id(x)] = leaf(x)
            self.leaves[id(x)].label = self.variables.get(id(x))
        return self.leaves[id(x)]


def of_value(loss: Value, arrays: Arrays) -> Recorded:
    """A recorded graph, with its gradients by the leaves that take one."""
    check_scalar(loss)
    if not loss.requires_grad:
        raise GradientError(f"{named(loss)} is a constant: nothing under it requires a gradient.")
    with reading(Trace(masks=True)):  # whoever reads the text knows for which mask it was written
        made = Recorded([], [], arrays.taken_in(loss))
        made.forward = joint_order([made.loss])
        slopes = differentiated(made)
        taken = {id(x) for x in arrays.leaves.values()}
        leaves = [x for node in made.forward for x in used(node) if x.op is None and id(x) not in taken]
        made.captured = [x for x in dict.fromkeys(leaves) if not a_number(x)] or [made.loss]
        made.ends = [x for x in made.captured if x.requires_grad and x in slopes]
        made.gradients = [slopes[x] for x in made.ends]
    return made


def a_number(x: Value) -> bool:
    """Whether a leaf is but a number, such as the 1 at which another pass has begun."""
    return not (x.requires_grad or x.label or x.shape)


def written(made: Recorded, arrays: Arrays, style: str) -> Source:
    """The module."""
    namer = Namer(["loss_and_gradients", "autograd"])
    leaves = [*{id(x): x for x in (*made.arguments, *arrays.leaves.values(), *made.captured)}.values()]
    inputs = named_inputs(leaves, arrays, namer)
    with reading():
        rewriting = Rewriting(leaves, checked=False, spelled=TO_READ)
        listing = (TorchListing if style == "torch" else Listing)(made, rewriting, inputs, namer)
        lines = listing.write()
    given = {name: x._data for name, x in zip(inputs.values(), leaves, strict=True)}
    given |= {name: x for name, x in listing.around.items() if isinstance(x, np.random.Generator)}
    result, of = listing.text(listing.loss), [inputs[id(end)] for end in made.ends]
    gradients = [listing.returned.get(id(end)) or listing.text(x) for end, x in listing.leaves]
    functions = [function("loss_and_gradients", [*given], [
        *docstring(result, of), *lines, *wrapped(f"return {result}, (", gradients, ")"),
    ])]  # fmt: skip
    if isinstance(listing, TorchListing):
        given = {name: np.array(x) for name, x in given.items()}
        name = namer.of("leaves")
        lines = autograd(listing, named_leaves(of, name), result, name)
        functions += [function("autograd", [*given], lines)] if of else []
    text = Source(module(listing.around, functions, style))
    text.inputs = given
    return text


def named_inputs(leaves: list[Value], arrays: Arrays, namer: Namer) -> dict[int, str]:
    """What the arguments are called, by identity: by label, by the caller's variable, or x1 and w1."""
    found, taken, variables = {}, set[str](), arrays.variables
    of_arrays = {id(x) for x in arrays.leaves.values()}
    for x in leaves:
        name = x.label or variables.get(id(x), "")
        if not name and id(x) in of_arrays:
            name = copied(x._data, variables.values(), arrays.names, taken)
        found[id(x)] = namer.of(name, "x" if id(x) in of_arrays else "w")
    return found


def module(around: dict[str, Any], functions: list[str], style: str) -> str:
    """The text of the module: imports, constants, functions that are missing elsewhere, and its own."""
    own = helpers.texts({name: x for name, x in around.items() if isinstance(x, FunctionType)})
    own += [x.replace("{}", name, 1) for name, x in around.items() if isinstance(x, str)]
    constants = [constant(name, x, style) for name, x in around.items() if isinstance(x, np.ndarray)]
    text = "\n\n\n".join([*map(as_formatted, own), *functions])
    imports = [line for sign, line in IMPORTS.items() if re.search(rf"\b{sign}", "\n".join([*constants, text]))]
    standard = "\n".join(line for line in imports if line in STANDARD)
    others = [line for line in imports if line not in STANDARD]
    above = "\n\n".join(part for part in (standard, *others, "\n".join(constants)) if part)
    whole = f"{above}\n\n\n{text}\n" if above else f"{text}\n"
    if strange := helpers.undefined(whole):
        raise helpers.unspelled(strange)
    return whole


STANDARD = ("import math", "from fractions import Fraction")
IMPORTS = {
    r"math\.": STANDARD[0], r"Fraction\(": STANDARD[1], r"np\.": "import numpy as np", r"torch\.": "import torch",
}  # fmt: skip


def function(name: str, inputs: list[str], body: list[str]) -> str:
    """The text of a function."""
    return "\n".join([*wrapped(f"def {name}(", inputs, "):"), *(f"    {line}" if line else "" for line in body)])


def as_formatted(function: str) -> str:
    """A function of the library's own as it stands there, where lines may be longer than formatters have them."""
    return function if max(map(len, function.splitlines())) <= WIDTH else f"# fmt: off\n{function}\n# fmt: on"


def constant(name: str, x: np.ndarray, style: str) -> str:
    """A line for a constant array."""
    line = f"{name} = {tensor(x) if style == 'torch' else array(x)}"
    return line if len(line) <= WIDTH else f"{line}  # fmt: skip"


def array(x: np.ndarray) -> str:
    """A constant array, all of it."""
    kind = "" if x.dtype in (float, int, bool) else f", dtype=np.{x.dtype.name}"
    return f"np.array({write(decimals(x).tolist(), PYTHON).text}{kind})"


def docstring(result: str, of: list[str]) -> list[str]:
    """What the function gives."""
    listed = f"{', '.join(of[:-1])} and {of[-1]}" if len(of) > 1 else "".join(of)
    text = f'"""The {result}, and its gradients by {listed}."""' if of else f'"""The {result}."""'
    return textwrap.wrap(text, INSIDE, break_long_words=False)


def named_leaves(names: list[str], leaves: str) -> list[str]:
    """The lines that let PyTorch take the gradients of some arguments."""
    return [
        *(f"{name} = {name}.detach().requires_grad_()" for name in names), *wrapped(f"{leaves} = [", names, "]")
    ]  # fmt: skip
