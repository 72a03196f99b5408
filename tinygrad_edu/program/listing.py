"""A program to read: what has a name in the function has one here, the rest stands where it is used."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..notation import ATOM, Written
from ..rows import random
from ..value import Value
from .lines import INSIDE, broken, fitting, last_brackets
from .names import LETTERS, Namer, forward_name, gradient_name, scope_of
from .phrases import name_of
from .recorded import Recorded
from .rewriting import Rewriting
from .texts import TWICE, Texts, foreign, op_of, on_numbers, operands_of
from .tracing import joint_order, used

LONGEST = 48  # characters of what stands inside a line


class Listing(Texts):
    """Writes the body of a function that a person would have written."""

    def __init__(self, made: Recorded, rewriting: Rewriting, inputs: dict[int, str], namer: Namer) -> None:
        super().__init__(inputs, namer)
        self.made, self.rewriting = made, rewriting
        self.loss, *self.gradients = rewriting.rewrite([made.loss, *made.gradients])
        self.leaves = [*zip(made.ends, self.gradients, strict=True)]
        self.returned: dict[int, str] = {}  # names of gradients that are those of others too, by leaf
        self.lines: list[str] = []
        self.turned, self.forward = False, list[str]()  # the statements up to the loss, without comments
        self.look_ahead()

    def look_ahead(self) -> None:
        """What is known of the nodes before the first line is written."""
        self.nodes = self.ordered()
        self.users, self.readers = users_in(self.nodes), users_in(self.made.forward)
        self.outputs = {id(x) for x in self.gradients}
        self.uses = {id(x): len(self.users.get(id(x), ())) + (id(x) in self.outputs) for x in self.nodes}
        arrays = [x for node in self.nodes for x in node.inputs[len(node.inputs) // 2 :] if isinstance(x, np.ndarray)]
        self.double = all(x.dtype == np.float64 for x in arrays if x.dtype.kind == "f")
        self.pure = self.pure or not arrays
        self.first_of, self.merged = self.computed(), self.several()
        self.parted = self.in_parts()
        self.slope_of = self.slopes()
        self.lines_of = self.own_lines()

    def ordered(self) -> list[Value]:
        """The nodes, first those up to the loss and then, gradient by gradient, as a pass goes back."""
        needed = {id(x) for x in joint_order(x for x in (self.loss, *self.gradients) if x.__class__ is Value)}
        roots = [self.loss, *map(self.rewriting.of, swept(self.made)), *self.gradients]
        return [node for node in joint_order(x for x in roots if x.__class__ is Value) if id(node) in needed]

    def computed(self) -> dict[int, Value]:
        """Of a node, the value in the function that it computes; of several one with a label."""
        found: dict[int, Value] = {}
        leaves = [*self.made.arguments, *self.made.captured]
        for x in (*leaves, *sorted(self.made.forward, key=lambda x: not x.label)):
            new = self.rewriting.of(x)
            if new.__class__ is Value:
                found.setdefault(id(new), x)
        return found

    def several(self) -> dict[int, list[Value]]:
        """Of a node, the values in the function that it stands for, if there are several with a gradient."""
        found: dict[int, list[Value]] = {}
        for x in flowing(self.made):
            found.setdefault(id(self.rewriting.of(x)), []).append(x)
        return {key: values for key, values in found.items() if len(values) > 1}

    def in_parts(self) -> set[int]:
        """Those of them whose gradient is a sum of several, because not all of the values are made of the first."""
        bits = {key: 1 << i for i, key in enumerate(self.merged)}
        under, found = dict[int, int](), set[int]()  # of a value, the bits of all that it is made of
        for x in flowing(self.made):
            key, below = id(self.rewriting.of(x)), 0
            for y in operands_of(x) if x.op is not None else ():
                below |= under.get(id(y), 0)
            under[id(x)] = below | bits.get(key, 0)
            if key in bits and x is not self.merged[key][0] and not below & bits[key]:
                found.add(key)
        return found

    def complete(self, x: Value) -> bool:
        """Whether the gradient of a value is also that of the node which stands for it, and maybe for others."""
        key = id(self.rewriting.of(x))
        first = self.merged.get(key, [x])[0]
        while first is not x and len(self.readers.get(id(first), ())) == 1:  # what it alone is made into has the same
            first = self.readers[id(first)][0]
        return first is x and key not in self.parted

    def slopes(self) -> dict[int, Value]:
        """Of a node, the value whose gradient it is: of several with the same one, the nearest to the loss."""
        found: dict[int, Value] = {}
        for key, x in self.made.gradient_of.items():
            new, itself = self.rewriting.made.get(key), self.rewriting.of(x)
            shown = self.first_of.get(id(itself)) is x and self.complete(x)
            if shown and new.__class__ is Value and id(new) not in self.first_of:
                found.setdefault(id(new), x)
        return found | self.sums()

    def sums(self) -> dict[int, Value]:
        """The nodes at which the parts of a gradient are added, if they are, by identity."""
        found: dict[int, Value] = {}
        slopes = {id(x): self.rewriting.made.get(key) for key, x in self.made.gradient_of.items()}
        for key in self.parted:
            total, *parts = (slopes.get(id(x)) for x in reversed(self.merged[key]))
            for part in parts:
                total = self.rewriting.known.get((id(ops.add), *map(self.rewriting.key, (total, part))))
            if total.__class__ is Value and id(total) not in self.first_of:
                found[id(total)] = self.first_of[key]
        return found

    def own_lines(self) -> set[int]:
        """The nodes that are lines of their own: what has a label, what is used twice, gradients of what has a line."""
        found = {id(self.loss)}
        often = {id(x) for key, x in self.slope_of.items() if self.uses.get(key, 0) > 1}
        for node in self.nodes:
            value = self.first_of.get(id(node))
            if value is not None and (
                value.label or value.op is ops.linear or self.uses[id(node)] > 1 or id(value) in often
            ):
                found.add(id(node))
        for node in self.nodes:
            value = self.slope_of.get(id(node))
            shown = value is not None and (value.op is None or id(self.rewriting.of(value)) in found)
            if shown or self.uses[id(node)] > 1 or id(node) in self.outputs:
                found.add(id(node))
        return found

    # -- the lines -----------------------------------------------------------------------------------------------------

    def write(self) -> list[str]:
        """The statements with their comments."""
        if self.loss.op is None:  # a leaf, or a constant
            self.turn(self.text(self.loss))
        for node in self.nodes:
            put = self.put_back(node) if node.op is ops.scatter else None
            part = put[0] if put else self.as_number(node, self.phrase(node))
            if not put and not self.apart(node, part):
                self.letters[id(node)] = part
                continue
            name = self.name(node)
            self.letters[id(node)] = name_of(name)
            head, inside, _ = last_brackets(part.text)
            self.line(f"{name} = {inside if head == '(' else part.text}", self.comment(node))
            if put:
                self.line(put[1].format(name), "")
            if node is self.loss:
                self.turn(name)
            elif self.turned:
                self.other_names(node, name)
        return self.lines

    def turn(self, name: str) -> None:
        """Where the way back begins: with the gradients that are there already, as y is for z in y·z."""
        self.turned = True
        self.lines += [*([""] if self.lines else []), f"# backward: d_v is ∂L/∂v, and L is {name}"]
        for key, value in self.made.gradient_of.items():
            slope: Any = self.rewriting.made.get(key)
            called = self.called(value)
            known = slope.__class__ is Value and id(slope) in self.letters and id(slope) in self.outputs
            if known and called and value.op is not None and value is not self.made.loss and self.complete(value):
                own = gradient_name(called, self.namer)
                self.line(f"{own} = {self.text(slope)}", self.chain_rule(value))
                self.other_names(slope, own)
        for leaf, slope in self.leaves:
            if id(leaf) not in self.returned and (slope.__class__ is not Value or id(slope) in self.letters):
                self.alias(leaf, self.text(slope))

    def other_names(self, node: Value, name: str) -> None:
        """A line for each leaf that has the same gradient."""
        for leaf, slope in self.leaves:
            if slope is node and self.slope_of.get(id(node)) is not leaf and id(leaf) not in self.returned:
                self.alias(leaf, name)

    def alias(self, leaf: Value, text: str) -> None:
        """A line for the gradient of a leaf that has a name, or is written, already."""
        self.returned[id(leaf)] = own = gradient_name(self.called(leaf), self.namer)
        otherwise = "∂L/∂L" if leaf is self.loss else f"{self.called(leaf)} has no influence"
        self.line(f"{own} = {text}", self.chain_rule(leaf) or otherwise)

    def apart(self, node: Value, part: Written) -> bool:
        """Whether a node is a line of its own."""
        if id(node) in self.lines_of:
            return node.op is not ops.transpose or id(node) in self.outputs or node is self.loss
        user = self.users[id(node)][0]
        return (
            len(part.text) > LONGEST
            or op_of(user).name in TWICE
            or not isinstance(node._data, np.ndarray | float | int)
        )

    def as_number(self, node: Value, part: Written) -> Written:
        """A number from float32 as one of Python's, which does not widen or round what it meets."""
        if node._data.__class__ is not float or (on_numbers(node) and not foreign(node.op)) or node.op is random:
            return part
        return part if self.double else Written(f"float({part.text})", ATOM)

    def name(self, node: Value) -> str:
        """The name of a line: the label, d_ and the name for a gradient, or a letter."""
        if node is self.loss:
            return self.namer.of(self.made.loss.label or "loss")
        if (value := self.first_of.get(id(node))) is not None:
            return forward_name(value, self.namer)
        of = self.slope_of.get(id(node))
        if of is not None and (called := self.called(of)):
            return gradient_name(called, self.namer)
        return self.namer.numbered(LETTERS.get(op_of(node).name, "v"))

    def called(self, value: Value) -> str:
        """The name of a value of the function, if it has one."""
        new = self.rewriting.of(value)
        part = self.letters.get(id(new)) if new.__class__ is Value else None
        return part.text if part is not None and part.text.isidentifier() else ""

    def line(self, text: str, comment: str) -> None:
        """A statement with its comment behind it, or above, if there is no room."""
        comment = "".join(sign if sign.isprintable() else " " for sign in comment)  # whatever a layer is called
        lines = broken(text)
        if not self.turned:
            self.forward += lines
        if not comment:
            self.lines += lines
        elif len(text) + len(comment) + 4 <= INSIDE:
            self.lines.append(f"{text}  # {comment}")
        else:
            self.lines += [fitting(f"# {comment}"), *lines]

    def comment(self, node: Value) -> str:
        """The shape, the layer, and of a gradient the line of the chain rule."""
        parts = [f"{node._data.shape}"] if node._data.__class__ is np.ndarray else []
        value, of = self.first_of.get(id(node)), self.slope_of.get(id(node))
        if value is not None and (layer := scope_of(value)):
            parts.append(layer)
        if of is not None and (rule := self.chain_rule(of)):
            parts.append(rule)
        return ", ".join(parts)

    def chain_rule(self, value: Value) -> str:
        """∂L/∂c · ∂c/∂a + ∂L/∂d · ∂d/∂a; where nothing stands between a value and the loss, the operation of that."""
        name, loss, last = self.called(value), self.made.loss, getattr(self.made.loss.op, "name", "")
        readers = self.readers_of(value)
        by = [user for user in readers if user is not loss]
        terms = [f"∂L/∂{self.called(user)} · ∂{self.called(user)}/∂{name}" for user in by]
        if len(by) < len(readers):
            uses = [user for x in self.same_as(value) for user in self.readers.get(id(x), ())]
            at_once = len(uses) == 1 and uses[0] is loss
            terms.append(f"∂L/∂{name} directly" if by else f"slope of {last}" if at_once else f"∂L/∂{name}")
        return " + ".join(dict.fromkeys(terms)) if name else ""

    def readers_of(self, value: Value) -> list[Value]:
        """The values with names that are computed from one, itself or by way of values without."""
        found, name, stack = list[Value](), self.called(value), [*self.same_as(value)]
        met = {*map(id, stack)}
        while stack:
            for node in self.readers.get(id(stack.pop()), ()):
                if id(node) in met:
                    continue
                met.add(id(node))
                (found if node is self.made.loss or self.called(node) not in ("", name) else stack).append(node)
        return found

    def same_as(self, value: Value) -> list[Value]:
        """The values that one node stands for."""
        return self.merged.get(id(self.rewriting.of(value)), [value])


def flowing(made: Recorded) -> list[Value]:
    """The values through which gradients come, operands first."""
    met = {id(made.loss): made.loss}
    for node in reversed(made.forward):
        if id(node) in met:
            met |= {id(x): x for x in operands_of(node) if x.__class__ is Value and x.requires_grad}
    leaves = [x for x in met.values() if x.op is None]
    return [*leaves, *(x for x in made.forward if id(x) in met)]


def users_in(nodes: list[Value]) -> dict[int, list[Value]]:
    """By which nodes each value is used."""
    found: dict[int, list[Value]] = {}
    for node in nodes:
        for x in used(node):
            found.setdefault(id(x), []).append(node)
    return found


def swept(made: Recorded) -> list[Any]:
    """The gradients in the order in which a pass completes them."""
    slopes = {id(x): key for key, x in made.gradient_of.items()}
    nodes = {id(node): node for node in joint_order(x for x in made.roots if x.__class__ is Value)}
    left: dict[int, int] = {}
    for node in made.forward:
        for x in used(node):
            left[id(x)] = left.get(id(x), 0) + 1
    found = []
    for node in reversed(made.forward):
        for x in used(node):
            left[id(x)] -= 1
            if not left[id(x)] and slopes.get(id(x)) in nodes:
                found.append(nodes[slopes[id(x)]])
    return found
