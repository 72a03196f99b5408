"""Property-based checks of gradients, for courses and for other libraries.

`graphs`, `arrays`, `values` and `models` are strategies for hypothesis; `checks_gradients` makes a test of a function;
`check_operation` examines an operation of your own from all sides. Everything loads on first use: the plugin of pytest
lives here too, and pytest loads it at every start.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .battery import OperationError as OperationError, OperationReport as OperationReport
    from .battery import check_operation as check_operation
    from .decorator import checks_gradients as checks_gradients
    from .failures import FailingExample as FailingExample
    from .decks import random_graphs as random_graphs
    from .programs import Given as Given, Program as Program, Step as Step
    from .strategies import arrays as arrays, broadcastable as broadcastable, graphs as graphs, models as models
    from .strategies import operands as operands, shapes as shapes, values as values

HOMES = {
    **dict.fromkeys(("check_operation", "OperationError", "OperationReport"), "battery"),
    **dict.fromkeys(("Given", "Program", "Step"), "programs"),
    **dict.fromkeys(("arrays", "broadcastable", "graphs", "models", "operands", "shapes", "values"), "strategies"),
    "FailingExample": "failures", "random_graphs": "decks", "checks_gradients": "decorator",
}  # fmt: skip

__all__ = list(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'tinygrad_edu.testing' has no attribute {name!r}")
    try:
        module = importlib.import_module(f".{HOMES[name]}", __name__)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        hint = f'tg.testing.{name} needs hypothesis: pip install "tinygrad-edu[testing]"'
        raise ModuleNotFoundError(hint, name="hypothesis") from None
    globals()[name] = found = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return sorted(HOMES)
