"""What a drawing shows: the values, the boxes that compute them from others, and the edges between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import ops
from ..backward import sweep
from ..edges import is_broadcast, local, rule_of, ruled, shapes_met, stretched_axes
from ..folding import BoxOf, Shown, layers_around, shown, values_under
from ..naming import Names
from ..notation import TEXT, write
from ..recording import Scope
from ..symbol import Symbol
from ..value import Value
from ..wording import figure, operation
from .moments import Moment

COMMUTATIVE = frozenset({"+", "×", "maximum", "minimum"})
FOLDS = ("repeat", "fold")  # kinds of boxes that a drawing makes itself, where there would be too much
FOLDED = (*FOLDS, "layer")  # kinds of boxes that stand for more than can be told of them
ORDINALS = {0: "1st", 1: "2nd", 2: "3rd"}
READ = 30  # characters of a formula on an edge
BRIEF = 12  # the same, where its number stands behind it


@dataclass(eq=False, repr=False)
class Node:
    """A value as it is shown, with the number it was computed with."""

    key: str
    name: str  # "" for a plain number
    kind: str  # parameter, input, constant (a plain number), inner or root; beyond, if only its name is shown
    number: Any  # None: not computed yet
    gradient: Any = None  # None: none has arrived
    state: str = "not run"  # of its gradient
    times: int = 1  # what arrives here, if the gradient is a whole multiple of that
    box: Box | None = None  # that computed it
    layers: list[Scope] = field(default_factory=list)  # that it lies in, the outermost first
    phase: str = ""  # in a walk: done, current or waiting
    count: int = 1  # of the values that it stands for
    within: Any = None  # what of its gradient has flowed inside the box that it is a result of
    before: Node | None = None  # the same in the run that it is compared with

    @property
    def constant(self) -> bool:
        """Whether it takes no gradient."""
        return self.kind in ("input", "constant")


@dataclass(eq=False, repr=False)
class Edge:
    """The use of a value in a box: what the rule says there, and what has flowed back."""

    operand: Node
    place: str  # 1st, 2nd ...; "" where the order of the operands makes no difference
    local: str = ""  # the local derivative, b = -3; for arrays the rule, g @ Wᵀ
    shapes: str = ""  # of arrays: what meets there
    stretched: int = 1  # how many times each number of the operand was used, if it was broadcast
    flow: Any = None  # None: nothing has flowed
    phase: str = ""
    before: Edge | None = None


@dataclass(eq=False, repr=False)
class Box:
    """What computes values from others: one operation, or several that are shown as one."""

    key: str
    sign: str
    kind: str  # operation, composite, layer, or one of those that fold what would be too much
    edges: list[Edge] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)
    layers: list[Scope] = field(default_factory=list)
    held: list[Node] = field(default_factory=list)  # the leaves that only it uses, where it shows them itself
    operations: int = 1  # that it stands for
    phase: str = ""


@dataclass(eq=False, repr=False)
class Graph:
    """All that a drawing shows, operands before results, and what is said beside it."""

    nodes: list[Node]
    boxes: list[Box]
    roots: list[Node]
    said: list[str]
    opened: list[Node] = field(default_factory=list)  # the single numbers that were opened, each in a frame of its own
    links: list[tuple[Node, Node, str]] = field(default_factory=list)  # what a number is a number of
    rows: list[list[Node]] = field(default_factory=list)  # values to be drawn side by side, in this order


def graph_of(
    roots: list[Value], names: Names, box_of: BoxOf, moment: Moment, only: Container[int] | None = None
) -> Graph:
    """The graph under some roots: boxes as `box_of` says; `only` the values and arrays given by identity."""
    return Builder(roots, names, box_of, moment, only).graph()


def frames(roots: list[Value], names: Names) -> dict[int, Scope]:
    """A frame around what only the graph of a gradient has, beside the graph that it is the gradient of."""
    taken, found = {*map(id, values_under(roots[:1]))}, dict[int, Scope]()
    for root in roots[1:]:
        if id(root) in names.slopes:
            frame = Scope(f"graph of {names.of(root)}", "layer", None)
            found |= {id(x): frame for x in values_under([root]) if id(x) not in taken and id(x) not in found}
    return found


class Builder:
    """Builds a graph, one value after the other."""

    def __init__(
        self, roots: list[Value], names: Names, box_of: BoxOf, moment: Moment, only: Container[int] | None
    ) -> None:
        self.names, self.moment, self.box_of = names, moment, box_of
        self.last = {*map(id, roots)}
        self.used = {k: x for k, x in shown(roots, box_of).items() if only is None or k in only}
        self.nodes: dict[int, Node] = {}
        self.boxes: dict[Any, Box] = {}
        self.edges: dict[tuple[int, int], Edge] = {}  # of a box, into a value
        self.drawn: list[Node] = []
        self.operations: Counter[int] = Counter()  # in each box
        self.plural = self.flows_of_boxes()
        self.results = Counter(id(x.box) for x in self.used.values())
        self.slopes: dict[int, Mapping[Any, Any]] = {}  # of the only result of a box, by the values that it is given
        self.roots = [id(root) for root in roots]
        self.frames = frames(roots, names)

    def graph(self) -> Graph:
        """The whole."""
        for key, x in self.used.items():
            node = self.nodes[key] = self.node(key, x)
            if x.operands or x.box is not None:
                self.computed(node, x)
            self.drawn.append(node)
        boxes = [*self.boxes.values()]
        self.at_work()
        self.put_into_boxes(boxes)
        self.put_into_layers(boxes)
        roots = [self.nodes[key] for key in self.roots if key in self.nodes]
        return Graph(self.drawn, boxes, roots, [*self.moment.said])

    def at_work(self) -> None:
        """In a walk, the box in which the last step was taken, if nothing that is shown of it tells."""
        scope = None if self.moment.current is None else self.inside.get(self.moment.current[0])
        box = self.boxes.get(scope) if scope is not None else None
        if box is not None and "current" not in [*(x.phase for x in box.results), *(x.phase for x in box.edges)]:
            box.phase = "current"

    def node(self, key: int, x: Shown) -> Node:
        """A value, without what computed it."""
        thing, moment = x.thing, self.moment
        state = moment.states.get(key, "not run")
        waits = moment.walking and isinstance(thing, Value) and thing.op is not None and key not in moment.computed
        gradient = None if waits else moment.gradients.get(key)
        node = Node(f"value{len(self.drawn)}", self.names.called.get(key, ""), self.kind(thing),
                    None if waits else x.number, gradient, state)  # fmt: skip
        if moment.walking:
            node.phase = "current" if moment.current == (key, -1) else "waiting" if waits else "done"
        return node

    def kind(self, x: Any) -> str:
        """What a value or an array is to the graph."""
        if isinstance(x, Value) and x.op is not None:
            return "root" if id(x) in self.last else "inner"
        return "parameter" if isinstance(x, Value) and x.requires_grad else "input"

    def computed(self, node: Node, x: Shown) -> None:
        """The box of a value and the edges into it; results of one box share it."""
        value, scope = x.thing, x.box
        box = self.boxes.get(scope or id(value))
        if box is None:
            sign, kind = operation(value.op, value.settings), "operation"
            if scope is not None:
                sign, kind = scope.name, scope.kind
            around = layers_around(value.scope if scope is None or kind not in FOLDS else scope.outer)
            around = [self.frames[id(value)]] if id(value) in self.frames else around
            box = Box(node.key.replace("value", "operation"), sign, kind)
            box.layers = around[: around.index(scope)] if scope in around else around
            box.operations = self.operations[id(scope)] or 1
            self.boxes[scope or id(value)] = box
        box.results.append(node)
        node.within = self.within.get(id(value))
        node.box, node.layers = box, box.layers
        ordered = scope is None and value.op is not ops.linear and box.sign not in COMMUTATIVE and len(x.operands) > 1
        for place, (thing, number) in enumerate(x.operands):
            if thing is None:  # clip(x, None, 1) has no lower bound
                continue
            shared = (id(box), id(thing))
            if scope is not None and shared in self.edges:
                continue
            operand = self.nodes.get(id(thing))
            if operand is None:
                beyond = isinstance(thing, Value | np.ndarray)  # it is not among those that are shown
                name, kind = (self.names.called.get(id(thing), "…"), "beyond") if beyond else ("", "constant")
                operand = Node(f"{node.key}number{place}", name, kind, number)
                operand.phase = "done" if self.moment.walking else ""
                self.drawn.append(operand)
            edge = Edge(operand, ORDINALS.get(place, f"{place + 1}th") if ordered else "")
            if scope is None and operand.kind != "beyond":
                self.tell(edge, value, place)
            elif scope is not None and operand.kind != "beyond":
                self.tell_through(edge, x, thing)
                self.edges[shared] = edge
            box.edges.append(edge)
        if self.moment.walking:
            box.phase = node.phase if node.phase == "waiting" else "done"

    # -- edges ---------------------------------------------------------------------------------------------------------

    def tell(self, edge: Edge, node: Value, place: int) -> None:
        """What stands on the edge of a row."""
        x, number, key = node.operands[place], node.numbers[place], (id(node), place)
        edge.flow = self.moment.flows.get(key)
        if self.moment.walking:
            edge.phase = "current" if self.moment.current == key else "waiting" if edge.flow is None else "done"
        if not isinstance(x, Value) or not x.requires_grad or rule_of(node.op, place) is None:
            edge.phase = edge.phase and "done"
            return
        if self.moment.walking and id(node) not in self.moment.computed:
            return
        shape = ops.shape(number)
        if is_broadcast(node, place) and (axes := stretched_axes(shape, node.shape)):
            edge.stretched = int(np.prod([node.shape[i] for i in axes]))
        if not node.shape and not any(map(ops.shape, node.numbers)):
            formula, found = ruled(node, place, 1, self.names), figure(local(node, place))
            told = isinstance(formula, Symbol) and len(str(formula)) <= BRIEF
            edge.local = f"{formula} = {found}" if told else found
            return
        formula = ruled(node, place, Symbol("g" if "g" not in self.names.by_name else "∂", node.shape), self.names)
        text = write(formula, TEXT).text
        edge.local = text if len(text) <= READ else ""
        edge.shapes = shapes_met(formula, shape) if shape or node.shape else ""

    def tell_through(self, edge: Edge, x: Shown, thing: Any) -> None:
        """What stands on an edge into a box of several rows: all that its rows hand to that operand."""
        edge.flow, taken, all_of = self.plural.get((id(x.box), id(thing)), (None, 0, 0))
        if self.moment.walking:
            current = self.moment.current
            here = current is not None and current in self.inner.get((id(x.box), id(thing)), ())
            edge.phase = "current" if here else "done" if taken == all_of else "waiting"
        waits = self.moment.walking and id(x.thing) not in self.moment.computed
        if not isinstance(thing, Value) or not thing.requires_grad:
            return
        if not waits and not thing.shape and not x.thing.shape and self.results[id(x.box)] == 1:
            found = self.slopes_of(x).get(thing)
            edge.local = "" if found is None else figure(found)
        elif thing.shape != x.thing.shape and self.results[id(x.box)] == 1:
            edge.shapes = f"{x.thing.shape} -> {thing.shape}"

    def slopes_of(self, x: Shown) -> Mapping[Any, Any]:
        """The derivatives of the result of a box, a number, by each value that it was given."""
        if id(x.thing) not in self.slopes:
            one = x.thing._data.__class__(1)
            self.slopes[id(x.thing)] = sweep(x.thing, one, [y for y, _ in x.operands if isinstance(y, Value)])
        return self.slopes[id(x.thing)]

    def flows_of_boxes(self) -> dict[tuple[int, int], tuple[Any, int, int]]:
        """What has flowed from all rows of a box into a value outside; how many edges that took, and of how many."""
        found: dict[tuple[int, int], tuple[Any, int, int]] = {}
        self.inner: dict[tuple[int, int], set[tuple[int, int]]] = {}
        self.within: dict[int, Any] = {}
        values = [x for x in self.names.things.values() if isinstance(x, Value) and x.op is not None]
        self.inside = inside = {id(value): self.box_of(value) for value in values}
        for value in values:
            box = inside[id(value)]
            if box is None:
                continue
            self.operations[id(box)] += 1
            rules: Any = value.op.rules  # type: ignore[union-attr]
            for place, (x, rule) in enumerate(zip(value.operands, rules)):
                if not isinstance(x, Value) or not x.requires_grad or rule is None:
                    continue
                key, flow = (id(box), id(x)), self.moment.flows.get((id(value), place))
                if inside.get(id(x)) is box:
                    if flow is not None:
                        self.within[id(x)] = self.within[id(x)] + flow if id(x) in self.within else flow
                    continue
                total, taken, all_of = found.get(key, (None, 0, 0))
                if flow is not None:
                    total, taken = flow if total is None else total + flow, taken + 1
                found[key] = total, taken, all_of + 1
                self.inner.setdefault(key, set()).add((id(value), place))
        return found

    # -- what lies in what ---------------------------------------------------------------------------------------------

    def put_into_boxes(self, boxes: list[Box]) -> None:
        """Leaves that only one folded box uses stand in it."""
        users: dict[Node, set[Box]] = {}
        for box in boxes:
            for edge in box.edges:
                users.setdefault(edge.operand, set()).add(box)
        held: set[Node] = set()
        for node, by in users.items():
            (box, *others) = by
            holds = box.kind in FOLDS or (box.kind == "layer" and node.kind != "input")
            if node.box is None and not others and holds:
                box.held.append(node)
                held.add(node)
        met = {self.nodes[key]: i for i, key in enumerate(self.names.things) if key in self.nodes}
        for box in boxes:
            box.held.sort(key=lambda node: met.get(node, len(met)))
            box.edges = [edge for edge in box.edges if edge.operand not in held]
        self.drawn = [node for node in self.drawn if node not in held]

    def put_into_layers(self, boxes: list[Box]) -> None:
        """A leaf that only the boxes of one layer use lies in that layer."""
        around: dict[Node, list[Scope]] = {}
        for box in boxes:
            for edge in box.edges:
                if edge.operand.box is None:
                    known = around.get(edge.operand)
                    around[edge.operand] = box.layers if known is None else [x for x in known if x in box.layers]
        for node, layers in around.items():
            node.layers = layers if node.kind != "input" else []
