"""Module: something with parameters that can be called; Sequential: one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..recording import STATE, Scope
from ..value import Value
from . import training


class Module:
    """The base of layers and models: write `forward`, keep Values and other modules as attributes, and call it.

    A module inside is called as its attribute is, unless it has a `name`; a parameter after the way there, enc.weight.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.w, self.b = Value(1.0, "w"), Value(1.0, "b")
    ...     def forward(self, x):
    ...         return self.w * x + self.b
    >>> line = Line()
    >>> line(3.0).data, [p.label for p in line.parameters()]
    (4.0, ['w', 'b'])
    """

    name: str | None = None
    _kind = "module"  # what it is called without a name
    _named = False  # what is inside, in the first call from outside

    def __init_subclass__(cls) -> None:
        cls._kind = cls.__name__.lower()

    def forward(self, x: Any) -> Any:
        """The result for a batch `x`; what the module computes."""
        raise TypeError(f"{type(self).__name__} has no forward(x): write one that returns a Value.")

    def __call__(self, x: Any) -> Any:
        outer = STATE.scope
        if outer is None and not self._named:
            name_parts(self, "", {id(self)})
            self._named = True
        STATE.scope = Scope(self.name or self._kind, "layer", outer)  # as in `inside`
        try:
            return self.forward(x)
        finally:
            STATE.scope = outer

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Every parameter once, with its path from this module: ("hidden.weight", Value)."""
        return walk(vars(self), {id(self)})

    def parameters(self) -> list[Value]:
        """Every Value that training changes, in the order in which the attributes were set."""
        return [value for _, value in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    fit, predict, evaluate = training.fit, training.predict, training.evaluate

    def __repr__(self) -> str:
        inside = ", ".join(f"{path} {value.shape}" for path, value in self.named_parameters())
        return f"{type(self).__name__}({inside})"


def walk(attributes: dict[str, Any], seen: set[int]) -> Iterator[tuple[str, Value]]:
    """The trainable Values among attributes, inside modules, lists and dictionaries, each once, with their paths."""
    for name, attribute in attributes.items():
        if id(attribute) in seen or not isinstance(attribute, Value | Module | dict | list | tuple):
            continue
        seen.add(id(attribute))
        if isinstance(attribute, Value):
            if attribute.requires_grad:
                yield name, attribute
            continue
        inner = vars(attribute) if isinstance(attribute, Module) else attribute
        inner = inner if isinstance(inner, dict) else dict(enumerate(inner))
        yield from ((f"{name}.{path}", value) for path, value in walk({str(k): x for k, x in inner.items()}, seen))


def name_parts(module: Module, way: str, seen: set[int]) -> None:
    """Give the modules inside a module the names of their attributes, and the parameters those of the way there."""
    for name, part in parts(vars(module), seen):
        if isinstance(part, Module):
            part.name = part.name or name
            name_parts(part, f"{way}{part.name}.", seen)
        else:
            name_parameter(part, f"{way}{name}")


def name_parameter(parameter: Value, path: str) -> None:
    """Label a parameter by its path, if it has no label but an end of that."""
    if parameter.label is None or f".{path}".endswith(f".{parameter.label}"):
        parameter.label = path


def parts(attributes: dict[str, Any], seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The modules and parameters among attributes, in lists and dictionaries too, each once; not what is in modules."""
    for name, attribute in attributes.items():
        if id(attribute) in seen:
            continue
        if isinstance(attribute, Module) or (isinstance(attribute, Value) and attribute.op is None):
            seen.add(id(attribute))
            yield name, attribute
        elif isinstance(attribute, dict | list | tuple):
            seen.add(id(attribute))
            inner = attribute if isinstance(attribute, dict) else dict(enumerate(attribute))
            yield from ((f"{name}.{path}", part) for path, part in parts({str(k): x for k, x in inner.items()}, seen))


class Sequential(Module):
    """Modules (or functions) applied one after another; a list of them is accepted too, as in Keras.

    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> model = nn.Sequential(nn.Dense(2, 8, "tanh", seed=0), nn.Dense(8, 1, seed=1))
    >>> model(np.zeros((4, 2))).shape
    (4, 1)
    """

    def __init__(self, *layers: Any) -> None:
        self.layers = list(layers[0]) if len(layers) == 1 and isinstance(layers[0], list | tuple) else list(layers)
        for i, layer in enumerate(self.layers, 1):
            if not callable(layer) or isinstance(layer, type):
                raise TypeError(f"Sequential takes layers, not {type(layer).__name__}: layer {i} is {layer!r}.")
            if isinstance(layer, Module):
                layer.name = layer.name or f"{type(layer).__name__.lower()}{i}"
                for path, parameter in layer.named_parameters():
                    if parameter.label is not None:
                        name_parameter(parameter, f"{layer.name}.{path}")

    def forward(self, x: Any) -> Any:
        """Each layer on the result of the one before."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"
