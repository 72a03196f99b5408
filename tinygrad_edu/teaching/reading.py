"""Steps as a person reads them: the rule read on letters, the same with the numbers put in, the shapes, in words."""

from __future__ import annotations

import re
from fractions import Fraction
from html import escape
from typing import Any, NamedTuple

import numpy as np

from .. import elements, ops
from ..backward import order
from ..edges import fitted, is_broadcast, letter, rule_of, ruled, shapes_met, stretched
from ..folding import Used
from ..naming import Names
from ..notation import LATEX, MATHML, TEXT, Derivative, Notation, write
from ..symbol import Symbol, applied, normal
from ..value import Value
from ..wording import FEW, figure, listed

LONGEST = 150  # characters of a formula that is still read
SHORT = 34  # characters of the numbers of an array
STYLES = ("∂", "d", "bar", "δ")  # how a gradient is written: ∂L/∂a, dL/da, a̅, δ_a


class Style(NamedTuple):
    """How a reader wants it: gradients in one of STYLES, numbers in so many digits."""

    gradient: str = "∂"
    digits: int = 4


USUAL = Style()
SIGNS = ("+=", "=", "∈")
TRANSPOSED = {TEXT: "{}ᵀ", LATEX: r"{}^\top", MATHML: "<msup>{}<mo>⊤</mo></msup>"}
BRACKETS = {TEXT: ("[", ", ", "]"), LATEX: ("[", ", ", "]"),
            MATHML: ("<mrow><mo>[</mo>", "<mo>,</mo>", "<mo>]</mo></mrow>")}  # fmt: skip
RANGE = BRACKETS | {TEXT: ("", " … ", "")}


class Reading(NamedTuple):
    """One line: a letter gets (=) or gains (+=) a formula, which is a number once the numbers are put in."""

    letter: Symbol
    sign: str  # "=" or "+="
    rule: Any  # in letters
    put_in: Any  # the same in numbers; None where arrays are involved
    number: Any
    digits: int
    before: Any = None  # what the letter was before, where something had arrived, and is after
    after: Any = None
    words: str = ""  # why the contribution is summed
    through: str = ""  # what is told instead of a formula that is too long to be read
    composite: bool = False  # whether the formula is that of several rows

    def left(self, notation: Notation = TEXT) -> str:
        """The letter and the sign behind it."""
        return write(self.letter, notation)[0] + notation_of(self.sign, notation)

    def formula(self, notation: Notation = TEXT) -> str:
        """The rule in letters; of a composite only its name where that would be too long to be read."""
        text = write(self.rule, notation)[0]
        return words(self.through if self.sign == "=" else f"through {self.through}", notation) if self.hidden else text

    @property
    def hidden(self) -> bool:
        """Whether only a name is told."""
        return len(write(self.rule, TEXT)[0]) > LONGEST

    def numbers(self, notation: Notation = TEXT) -> str:
        """The same with the numbers put in; nothing where that is the result already, or too long to be read."""
        text = "" if self.put_in is None else write(self.put_in, notation)[0]
        long = self.hidden or (bool(text) and len(write(self.put_in, TEXT)[0]) > LONGEST)
        return "" if long or text in (self.result(notation), self.formula(notation)) else text

    def result(self, notation: Notation = TEXT) -> str:
        """The number, the few numbers, or the range of many."""
        return told(self.number, notation, self.digits)

    def sofar(self, notation: Notation = TEXT) -> str:
        """The running sum, where something had arrived before: 2.5 - 6 = -3.5; of arrays what it comes to."""
        if self.before is None:
            return ""
        if np.ndim(self.after):
            return told(self.after, notation, self.digits)
        total = signed(self.before, self.digits) + signed(self.number, self.digits)
        return f"{write(total, notation)[0]}{notation_of('=', notation)}{told(self.after, notation, self.digits)}"

    def shapes(self) -> str:
        """The shapes that meet, (2, 4) @ (4, 8) -> (2, 8), or (4, 8) where they are all the same."""
        if self.put_in is not None or not (self.letter.shape or ops.shape(self.rule)):
            return ""
        to = self.letter.shape
        if self.composite or self.hidden:
            return str(to) if to else ""
        return shapes_met(self.rule, to)

    def line(self, notation: Notation = TEXT) -> str:
        """The reading as one line."""
        aside, sofar = notation_of("; so far ", notation), self.sofar(notation)
        return self.left(notation) + self.equal(notation) + (aside + sofar if sofar else "")

    def equal(self, notation: Notation = TEXT) -> str:
        """The formula, the numbers put in and the result, with signs of equality between them."""
        parts = [self.formula(notation), self.numbers(notation), self.result(notation)]
        *formulas, result = dict.fromkeys(filter(None, parts))
        equal = notation_of("=", notation)
        return equal.join(formulas) + (notation_of("∈", notation) if self.of_many else equal) * bool(formulas) + result

    @property
    def of_many(self) -> bool:
        """Whether the result is told as the range of many numbers."""
        return " … " in self.result()


# -- letters and numbers -----------------------------------------------------------------------------------------------


def notation_of(sign: str, notation: Notation) -> str:
    """A sign between formulas."""
    if notation is LATEX:
        return {"+=": r" \mathrel{+}= ", "=": " = ", "∈": r" \in "}.get(sign, rf" \quad \text{{{sign.lstrip('; ')}}}")
    if notation is MATHML:
        return f"<mo>{sign}</mo>" if sign in SIGNS else f"<mtext>{sign}</mtext>"
    return f" {sign} " if sign in SIGNS else sign


def gradient(x: Value, names: Names, style: Style) -> Symbol:
    """The letter of a gradient."""
    return Symbol(Derivative(names.root, names.of(x), style.gradient), x.shape)


def put(x: Any, digits: int) -> str:
    """A number as it is put in for a letter: exact if it is a fraction."""
    return str(x) if isinstance(x, Fraction) else figure(x, digits)


def signed(x: Any, digits: int) -> Any:
    """A number as it stands in a sum: its minus in front of it."""
    text = put(x, digits)
    return -Symbol(text[1:]) if text.startswith("-") else Symbol(text)


def told(x: Any, notation: Notation, digits: int, few: int = FEW, short: int = SHORT) -> str:
    """A result: a number, the numbers of a small array, the range of a large one."""
    if not np.ndim(x):
        return write(Symbol(put(x, digits)), notation)[0]
    column = np.ndim(x) == 2 and np.shape(x)[1] == 1 and np.size(x) > 1
    row = np.ravel(x) if column else x
    if np.size(x) <= few and len(listed(row, digits)) < short:
        return (TRANSPOSED[notation] if column else "{}").format(several(row, notation, digits))
    if np.min(x) == np.max(x):
        return told(np.min(x), notation, digits) + words(" everywhere", notation)
    before, between, after = RANGE[notation]
    return before + between.join(told(end, notation, digits) for end in (np.min(x), np.max(x))) + after


def several(x: Any, notation: Notation, digits: int) -> str:
    """The numbers of an array as a list."""
    if not np.ndim(x):
        return told(x, notation, digits)
    before, between, after = BRACKETS[notation]
    return before + between.join(several(i, notation, digits) for i in x) + after


def words(text: str, notation: Notation) -> str:
    """Words among formulas."""
    if notation is LATEX:
        return rf"\text{{{escaped(text)}}}"
    return f"<mtext>{escape(text).replace(' ', '&#160;')}</mtext>" if notation is MATHML else text  # the ends too


def escaped(text: str) -> str:
    """Words in LaTeX, outside of formulas."""
    return re.sub(r"[#$%&_{}]", r"\\\g<0>", text.translate({ord("\\"): "/", ord("^"): "ˆ", ord("~"): "˜"}))


# -- one step ----------------------------------------------------------------------------------------------------------


def of_step(step: Any, style: Style = USUAL) -> Reading:
    """A step of a walk as it is read."""
    node, names = step.node, step.names
    if step.kind == "seed":
        one = step.contribution
        return Reading(gradient(node, names, style), "=", one if ops.shape(one) else signed(one, style.digits), None,
                       one, style.digits)  # fmt: skip
    if step.kind == "forward":
        return of_value(node, [*zip(node.operands, node.numbers)], names, style)
    return of_edge(step, style)


def of_value(node: Value, operands: list[Used], names: Names, style: Style, composite: bool = False) -> Reading:
    """How a value is computed from its operands: d = a·b = 2·(-3) = -6; a composite as its rows."""

    op: Any = node.op

    def formula(letters: list[Any]) -> Any:
        if composite:
            return Composite(node, operands, letters, names).formula
        return Symbol("", node.shape, op, (*letters,), normal(op, (*letters,), node.settings, node.shape))  # as it is

    numbers, rule = put_in(node, operands, style), formula([letter(x, number, names) for x, number in operands])
    inserted = None if numbers is None else formula(numbers)
    given = ", ".join(names.of(x) for x, _ in operands if isinstance(x, Value | np.ndarray))
    name = node.op.name if node.op else ""
    letter_of_it = Symbol(names.of(node), node.shape)
    return Reading(letter_of_it, "=", rule, inserted, node._data, style.digits, through=f"{name}({given})")


def of_edge(step: Any, style: Style) -> Reading:
    """A contribution: the rule of the operand read on letters, and on the numbers."""
    node, names, x = step.node, step.names, step.operand
    shape, numbers = ops.shape(node.numbers[step.place]), put_in(node, [*zip(node.operands, node.numbers)], style)
    formula = ruled(node, step.place, gradient(node, names, style), names)
    inserted: Any = None
    if numbers is not None:
        g, y = (Symbol(put(number, style.digits)) for number in (step.upstream, node._data))
        inserted = rule_of(node.op, step.place)(g, y, *numbers, **node.settings)
    said = [
        stretched(names.of(x), shape, node.shape) if is_broadcast(node, step.place) else "",
        guarded(formula, known_numbers(step, style)),
    ]
    words = "; ".join(filter(None, said))
    return Reading(
        gradient(x, names, style), "+=", formula, inserted, step.contribution, style.digits, step.before, step.after,
        words, node.op.name,
    )  # fmt: skip


def put_in(node: Value, operands: list[Used], style: Style) -> list[Any] | None:
    """The operands as numbers that stay as they are written; None where one is an array, or the result."""
    if node.shape or any(ops.shape(number) for _, number in operands):
        return None
    return [Symbol(put(number, style.digits)) if isinstance(x, Value) else number for x, number in operands]


# -- where a formula hides a convention --------------------------------------------------------------------------------

GUARDS: dict[ops.Op, tuple[Any, str]] = {  # when what is computed is not what the formula says, and what it is
    ops.wins: (lambda y, a, b: (y != 0) & (y != 1), "equal operands share the gradient evenly"),
    ops.share: (lambda y, x, top: (y != 0) & (y != 1), "equal numbers share the gradient evenly"),
    ops.ratio: (lambda y, a, b: np.equal(b, 0), "where 0 is below, the quotient is taken as 0"),
    ops.xlogy: (lambda y, a, x: np.equal(a, 0) & np.equal(x, 0), "0·log(0) is taken as 0"),
    ops.log_of: (lambda y, a, x: np.equal(a, 0) & np.equal(x, 0), "0·log(0) is taken as 0"),
}


def guarded(formula: Any, numbers: dict[Any, Any]) -> str:
    """What convention a number comes from that the formula does not show, as at a tie; nothing almost everywhere."""
    if not isinstance(formula, Symbol) or formula.op is None:
        return ""
    if formula.op in GUARDS:
        applies, words = GUARDS[formula.op]
        with np.errstate(all="ignore"):
            values = [elements.evaluated(x, numbers.__getitem__) for x in (formula, *formula.operands)]
            if np.any(applies(*map(np.asarray, values))):
                return words
    return next(filter(None, (guarded(x, numbers) for x in formula.operands)), "")


def known_numbers(step: Any, style: Style) -> dict[Any, Any]:
    """The numbers of the letters in the formula of an edge."""
    node, names = step.node, step.names
    named = [(x, number) for x, number in zip(node.operands, node.numbers) if isinstance(x, Value | np.ndarray)]
    numbers: dict[Any, Any] = {names.of(x): number for x, number in named}
    return {**numbers, names.of(node): node._data, gradient(node, names, style).name: step.upstream}


# -- a composite as one step -------------------------------------------------------------------------------------------


class Composite:
    """What happens between the operands given to a composite and its result, in formulas of the letters of these."""

    def __init__(self, result: Value, operands: list[Used], letters: list[Any], names: Names) -> None:
        self.result, self.names = result, names
        self.given = {id(x): letter for (x, _), letter in zip(operands, letters)}
        self.nodes = order(result, [x for x, _ in operands if isinstance(x, Value)])
        self.values: dict[Value, Any] = {}
        for node in reversed(self.nodes):
            self.values[node] = applied(node.op, self.known(node), node.settings)

    @property
    def formula(self) -> Any:
        """The result."""
        return self.values[self.result]

    def known(self, node: Value) -> list[Any]:
        """The operands of one of its rows, as formulas."""
        return [
            self.given[id(x)] if id(x) in self.given
            else self.values[x] if isinstance(x, Value) and x in self.values
            else letter(x, number, self.names)
            for x, number in zip(node.operands, node.numbers)
        ]  # fmt: skip

    def contributions(self, g: Any, y: Any) -> dict[int, Any]:
        """What each operand gains, by identity: the rules one after the other, on formulas."""
        gained: dict[int, Any] = {id(self.result): g}
        for node in self.nodes:
            g = gained.pop(id(node), None)
            if g is None:
                continue
            result, letters = y if node is self.result else self.values[node], self.known(node)
            for place, (x, number) in enumerate(zip(node.operands, node.numbers)):
                rule = rule_of(node.op, place)
                if rule is not None and isinstance(x, Value) and x.requires_grad:
                    gain = fitted(rule(g, result, *letters, **node.settings), ops.shape(number))
                    gained[id(x)] = gained[id(x)] + gain if id(x) in gained else gain
        return gained
