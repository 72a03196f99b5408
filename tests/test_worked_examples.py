"""Published examples worked out: the same letters and numbers in every format, step for step, and the closed forms.

A. Karpathy, "The spelled-out intro to neural networks and backpropagation: building micrograd", 2022: the expression
   L = (a·b + c)·f and the neuron tanh(x1·w1 + x2·w2 + b), also with tanh taken apart into exp.
Stanford CS231n, course notes "Backpropagation, Intuitions": (x + y)·z, and the sigmoid neuron in stages.
T. Read Cutting, "An Introduction to Machine Learning and Neural Networks", a workshop of Electric Square, section "How to
   train a network: a single neuron": cost, derivatives, learning rates and the weights after each step.
T. Rashid, "A Gentle Introduction to Neural Networks (with Python)", PyCon Italy 2017: the update of the weights between
   layers of sigmoids. The talk prints the formula and the code, not the weights; those here are our own.
"""
# ruff: noqa: E501  # a formula and its numbers stand in one line

import re
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Value, datasets, nn
from tinygrad_edu.teaching.reading import Style, of_step
from tinygrad_edu.teaching.steps import LISTED


class Example(NamedTuple):
    """A graph with the names of its plain arrays, how it is explained, and what comes out."""

    build: Any  # gives the loss and the caller's names
    settings: dict[str, Any]
    text: str
    markdown: str
    latex: str

    def explained(self, format: str) -> str:
        loss, names = self.build()
        return tg.explain(loss, format, names, **self.settings)


def named(label: str, value: Value) -> Value:
    value.label = label
    return value


def gradients(loss: Value, names: dict[str, Any]) -> dict[str, Any]:
    """What a walk to the end leaves, by name; backward() must leave the same."""
    walk = tg.walk(loss, names=names)
    values = {name: walk.names.find(name) for name in walk.names if isinstance(walk.names.find(name), Value)}
    walk.goto(-1)
    walked = {name: np.copy(x.grad) for name, x in values.items()}
    walk.reset()
    assert all(x.grad is None for x in values.values())
    loss.backward()
    for name, x in values.items():
        np.testing.assert_array_equal(x.grad, walked[name], err_msg=name)
    return walked


# Karpathy's expression. -----------------------------------------------------------------------------------------------


def expression() -> Any:
    a, b, c, f = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c"), Value(-2.0, "f")
    e = named("e", a * b)
    d = named("d", e + c)
    return named("L", d * f), {}


EXPRESSION_TEXT = """
Given a = 2, b = -3, c = 10, f = -2

Forward
  e = a·b   = 2·(-3)  = -6
  d = e + c = -6 + 10 = 4
  L = d·f   = 4·(-2)  = -8

Backward, from ∂L/∂L = 1
  ∂L/∂d += ∂L/∂L·f = 1·(-2)  = -2
  ∂L/∂f += ∂L/∂L·d = 1·4     = 4
  ∂L/∂e += ∂L/∂d             = -2
  ∂L/∂c += ∂L/∂d             = -2
  ∂L/∂a += ∂L/∂e·b = -2·(-3) = 6
  ∂L/∂b += ∂L/∂e·a = -2·2    = -4

Gradients: ∂L/∂a = 6, ∂L/∂b = -4, ∂L/∂c = -2, ∂L/∂f = 4
"""

EXPRESSION_MARKDOWN = r"""
**Given** $a = 2$, $b = -3$, $c = 10$, $f = -2$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $e = a \cdot b$ | $2 \cdot (-3)$ | $-6$ |  |
| $d = e + c$ | $-6 + 10$ | $4$ |  |
| $L = d \cdot f$ | $4 \cdot (-2)$ | $-8$ |  |

**Backward, from $\frac{\partial L}{\partial L} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial L}{\partial d} \mathrel{+}= \frac{\partial L}{\partial L} \cdot f$ | $1 \cdot (-2)$ | $-2$ |  |
| $\frac{\partial L}{\partial f} \mathrel{+}= \frac{\partial L}{\partial L} \cdot d$ | $1 \cdot 4$ | $4$ |  |
| $\frac{\partial L}{\partial e} \mathrel{+}= \frac{\partial L}{\partial d}$ |  | $-2$ |  |
| $\frac{\partial L}{\partial c} \mathrel{+}= \frac{\partial L}{\partial d}$ |  | $-2$ |  |
| $\frac{\partial L}{\partial a} \mathrel{+}= \frac{\partial L}{\partial e} \cdot b$ | $-2 \cdot (-3)$ | $6$ |  |
| $\frac{\partial L}{\partial b} \mathrel{+}= \frac{\partial L}{\partial e} \cdot a$ | $-2 \cdot 2$ | $-4$ |  |

**Gradients** $\frac{\partial L}{\partial a} = 6$, $\frac{\partial L}{\partial b} = -4$, $\frac{\partial L}{\partial c} = -2$, $\frac{\partial L}{\partial f} = 4$
"""

EXPRESSION_LATEX = r"""
\textbf{Given} $a = 2,\; b = -3,\; c = 10,\; f = -2$

\textbf{Forward}
\begin{align*}
  e &= a \cdot b = 2 \cdot (-3) = -6 \\
  d &= e + c = -6 + 10 = 4 \\
  L &= d \cdot f = 4 \cdot (-2) = -8
\end{align*}

\textbf{Backward, from $\frac{\partial L}{\partial L} = 1$}
\begin{align*}
  \frac{\partial L}{\partial d} &\mathrel{+}= \frac{\partial L}{\partial L} \cdot f = 1 \cdot (-2) = -2 \\
  \frac{\partial L}{\partial f} &\mathrel{+}= \frac{\partial L}{\partial L} \cdot d = 1 \cdot 4 = 4 \\
  \frac{\partial L}{\partial e} &\mathrel{+}= \frac{\partial L}{\partial d} = -2 \\
  \frac{\partial L}{\partial c} &\mathrel{+}= \frac{\partial L}{\partial d} = -2 \\
  \frac{\partial L}{\partial a} &\mathrel{+}= \frac{\partial L}{\partial e} \cdot b = -2 \cdot (-3) = 6 \\
  \frac{\partial L}{\partial b} &\mathrel{+}= \frac{\partial L}{\partial e} \cdot a = -2 \cdot 2 = -4
\end{align*}

\textbf{Gradients} $\frac{\partial L}{\partial a} = 6,\; \frac{\partial L}{\partial b} = -4,\; \frac{\partial L}{\partial c} = -2,\; \frac{\partial L}{\partial f} = 4$
"""


def test_the_expression_has_the_gradients_of_the_lecture() -> None:
    found = gradients(*expression())
    assert found == {"a": 6, "b": -4, "c": -2, "d": -2, "e": -2, "f": 4, "L": 1}
    loss, _ = expression()
    assert loss.data == -8
    local = {step.operand.label: step.local for step in tg.walk(loss).steps if step.kind == "edge"}
    assert local == {"d": -2, "f": 4, "e": 1, "c": 1, "a": -3, "b": 2}


# Karpathy's neuron, with tanh as one step and with tanh made of exp. --------------------------------------------------


def weighted_sum() -> Value:
    x1, x2 = Value(2.0, "x1"), Value(0.0, "x2")
    w1, w2 = Value(-3.0, "w1"), Value(1.0, "w2")
    b = Value(6.8813735870195432, "b")
    x1w1, x2w2 = named("x1w1", x1 * w1), named("x2w2", x2 * w2)
    return named("n", named("s", x1w1 + x2w2) + b)


def neuron() -> Any:
    return named("o", weighted_sum().tanh()), {}


def neuron_of_exp() -> Any:
    e = named("e", (2 * weighted_sum()).exp())
    return named("o", (e - 1) / (e + 1)), {}


NEURON_TEXT = """
Given x1 = 2, w1 = -3, x2 = 0, w2 = 1, b = 6.881

Forward
  x1w1 = x1·w1       = 2·(-3)       = -6
  x2w2 = x2·w2       = 0·1          = 0
  s    = x1w1 + x2w2 = -6 + 0       = -6
  n    = s + b       = -6 + 6.881   = 0.8814
  o    = tanh(n)     = tanh(0.8814) = 0.7071

Backward, from ∂o/∂o = 1
  ∂o/∂n    += ∂o/∂o·(1 - o²) = 1·(1 - 0.7071²) = 0.5
  ∂o/∂s    += ∂o/∂n                            = 0.5
  ∂o/∂b    += ∂o/∂n                            = 0.5
  ∂o/∂x1w1 += ∂o/∂s                            = 0.5
  ∂o/∂x2w2 += ∂o/∂s                            = 0.5
  ∂o/∂x2   += ∂o/∂x2w2·w2    = 0.5·1           = 0.5
  ∂o/∂w2   += ∂o/∂x2w2·x2    = 0.5·0           = 0
  ∂o/∂x1   += ∂o/∂x1w1·w1    = 0.5·(-3)        = -1.5
  ∂o/∂w1   += ∂o/∂x1w1·x1    = 0.5·2           = 1

Gradients: ∂o/∂x1 = -1.5, ∂o/∂w1 = 1, ∂o/∂x2 = 0.5, ∂o/∂w2 = 0, ∂o/∂b = 0.5
All that arrives at w2 is 0: w2 is multiplied by x2 = 0.
"""

NEURON_MARKDOWN = r"""
**Given** $x_{1} = 2$, $w_{1} = -3$, $x_{2} = 0$, $w_{2} = 1$, $b = 6.881$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\mathrm{x1w1} = x_{1} \cdot w_{1}$ | $2 \cdot (-3)$ | $-6$ |  |
| $\mathrm{x2w2} = x_{2} \cdot w_{2}$ | $0 \cdot 1$ | $0$ |  |
| $s = \mathrm{x1w1} + \mathrm{x2w2}$ | $-6 + 0$ | $-6$ |  |
| $n = s + b$ | $-6 + 6.881$ | $0.8814$ |  |
| $o = \tanh(n)$ | $\tanh(0.8814)$ | $0.7071$ |  |

**Backward, from $\frac{\partial o}{\partial o} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial o}{\partial n} \mathrel{+}= \frac{\partial o}{\partial o} \cdot (1 - o^{2})$ | $1 \cdot (1 - 0.7071^{2})$ | $0.5$ |  |
| $\frac{\partial o}{\partial s} \mathrel{+}= \frac{\partial o}{\partial n}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial b} \mathrel{+}= \frac{\partial o}{\partial n}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial \mathrm{x1w1}} \mathrel{+}= \frac{\partial o}{\partial s}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial \mathrm{x2w2}} \mathrel{+}= \frac{\partial o}{\partial s}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial x_{2}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot w_{2}$ | $0.5 \cdot 1$ | $0.5$ |  |
| $\frac{\partial o}{\partial w_{2}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot x_{2}$ | $0.5 \cdot 0$ | $0$ |  |
| $\frac{\partial o}{\partial x_{1}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot w_{1}$ | $0.5 \cdot (-3)$ | $-1.5$ |  |
| $\frac{\partial o}{\partial w_{1}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot x_{1}$ | $0.5 \cdot 2$ | $1$ |  |

**Gradients** $\frac{\partial o}{\partial x_{1}} = -1.5$, $\frac{\partial o}{\partial w_{1}} = 1$, $\frac{\partial o}{\partial x_{2}} = 0.5$, $\frac{\partial o}{\partial w_{2}} = 0$, $\frac{\partial o}{\partial b} = 0.5$

All that arrives at w2 is 0: w2 is multiplied by x2 = 0.
"""

NEURON_LATEX = r"""
\textbf{Given} $x_{1} = 2,\; w_{1} = -3,\; x_{2} = 0,\; w_{2} = 1,\; b = 6.881$

\textbf{Forward}
\begin{align*}
  \mathrm{x1w1} &= x_{1} \cdot w_{1} = 2 \cdot (-3) = -6 \\
  \mathrm{x2w2} &= x_{2} \cdot w_{2} = 0 \cdot 1 = 0 \\
  s &= \mathrm{x1w1} + \mathrm{x2w2} = -6 + 0 = -6 \\
  n &= s + b = -6 + 6.881 = 0.8814 \\
  o &= \tanh(n) = \tanh(0.8814) = 0.7071
\end{align*}

\textbf{Backward, from $\frac{\partial o}{\partial o} = 1$}
\begin{align*}
  \frac{\partial o}{\partial n} &\mathrel{+}= \frac{\partial o}{\partial o} \cdot (1 - o^{2}) = 1 \cdot (1 - 0.7071^{2}) = 0.5 \\
  \frac{\partial o}{\partial s} &\mathrel{+}= \frac{\partial o}{\partial n} = 0.5 \\
  \frac{\partial o}{\partial b} &\mathrel{+}= \frac{\partial o}{\partial n} = 0.5 \\
  \frac{\partial o}{\partial \mathrm{x1w1}} &\mathrel{+}= \frac{\partial o}{\partial s} = 0.5 \\
  \frac{\partial o}{\partial \mathrm{x2w2}} &\mathrel{+}= \frac{\partial o}{\partial s} = 0.5 \\
  \frac{\partial o}{\partial x_{2}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot w_{2} = 0.5 \cdot 1 = 0.5 \\
  \frac{\partial o}{\partial w_{2}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot x_{2} = 0.5 \cdot 0 = 0 \\
  \frac{\partial o}{\partial x_{1}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot w_{1} = 0.5 \cdot (-3) = -1.5 \\
  \frac{\partial o}{\partial w_{1}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot x_{1} = 0.5 \cdot 2 = 1
\end{align*}

\textbf{Gradients} $\frac{\partial o}{\partial x_{1}} = -1.5,\; \frac{\partial o}{\partial w_{1}} = 1,\; \frac{\partial o}{\partial x_{2}} = 0.5,\; \frac{\partial o}{\partial w_{2}} = 0,\; \frac{\partial o}{\partial b} = 0.5$

All that arrives at w2 is 0: w2 is multiplied by x2 = 0.
"""

NEURON_OF_EXP_TEXT = """
Given x1 = 2, w1 = -3, x2 = 0, w2 = 1, b = 6.881

Forward
  x1w1 = x1·w1       = 2·(-3)      = -6
  x2w2 = x2·w2       = 0·1         = 0
  s    = x1w1 + x2w2 = -6 + 0      = -6
  n    = s + b       = -6 + 6.881  = 0.8814
  v1   = 2·n         = 2·0.8814    = 1.763
  e    = exp(v1)     = exp(1.763)  = 5.828
  v2   = e - 1       = 5.828 - 1   = 4.828
  v3   = e + 1       = 5.828 + 1   = 6.828
  o    = v2/v3       = 4.828/6.828 = 0.7071

Backward, from ∂o/∂o = 1
  ∂o/∂v2   += (∂o/∂o)/v3  = 1/6.828         = 0.1464
  ∂o/∂v3   += -∂o/∂o·o/v3 = -1·0.7071/6.828 = -0.1036
  ∂o/∂e    += ∂o/∂v3                        = -0.1036
  ∂o/∂e    += ∂o/∂v2                        = 0.1464  so far -0.1036 + 0.1464 = 0.04289
  ∂o/∂v1   += ∂o/∂e·e     = 0.04289·5.828   = 0.25
  ∂o/∂n    += 2·∂o/∂v1    = 2·0.25          = 0.5
  ∂o/∂s    += ∂o/∂n                         = 0.5
  ∂o/∂b    += ∂o/∂n                         = 0.5
  ∂o/∂x1w1 += ∂o/∂s                         = 0.5
  ∂o/∂x2w2 += ∂o/∂s                         = 0.5
  ∂o/∂x2   += ∂o/∂x2w2·w2 = 0.5·1           = 0.5
  ∂o/∂w2   += ∂o/∂x2w2·x2 = 0.5·0           = 0
  ∂o/∂x1   += ∂o/∂x1w1·w1 = 0.5·(-3)        = -1.5
  ∂o/∂w1   += ∂o/∂x1w1·x1 = 0.5·2           = 1

Gradients: ∂o/∂x1 = -1.5, ∂o/∂w1 = 1, ∂o/∂x2 = 0.5, ∂o/∂w2 = 0, ∂o/∂b = 0.5
All that arrives at w2 is 0: w2 is multiplied by x2 = 0.
"""

NEURON_OF_EXP_MARKDOWN = r"""
**Given** $x_{1} = 2$, $w_{1} = -3$, $x_{2} = 0$, $w_{2} = 1$, $b = 6.881$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\mathrm{x1w1} = x_{1} \cdot w_{1}$ | $2 \cdot (-3)$ | $-6$ |  |
| $\mathrm{x2w2} = x_{2} \cdot w_{2}$ | $0 \cdot 1$ | $0$ |  |
| $s = \mathrm{x1w1} + \mathrm{x2w2}$ | $-6 + 0$ | $-6$ |  |
| $n = s + b$ | $-6 + 6.881$ | $0.8814$ |  |
| $v_{1} = 2 \cdot n$ | $2 \cdot 0.8814$ | $1.763$ |  |
| $e = e^{v_{1}}$ | $e^{1.763}$ | $5.828$ |  |
| $v_{2} = e - 1$ | $5.828 - 1$ | $4.828$ |  |
| $v_{3} = e + 1$ | $5.828 + 1$ | $6.828$ |  |
| $o = \frac{v_{2}}{v_{3}}$ | $\frac{4.828}{6.828}$ | $0.7071$ |  |

**Backward, from $\frac{\partial o}{\partial o} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial o}{\partial v_{2}} \mathrel{+}= \frac{\frac{\partial o}{\partial o}}{v_{3}}$ | $\frac{1}{6.828}$ | $0.1464$ |  |
| $\frac{\partial o}{\partial v_{3}} \mathrel{+}= -\frac{\frac{\partial o}{\partial o} \cdot o}{v_{3}}$ | $-\frac{1 \cdot 0.7071}{6.828}$ | $-0.1036$ |  |
| $\frac{\partial o}{\partial e} \mathrel{+}= \frac{\partial o}{\partial v_{3}}$ |  | $-0.1036$ |  |
| $\frac{\partial o}{\partial e} \mathrel{+}= \frac{\partial o}{\partial v_{2}}$ |  | $0.1464$ | so far $-0.1036 + 0.1464 = 0.04289$ |
| $\frac{\partial o}{\partial v_{1}} \mathrel{+}= \frac{\partial o}{\partial e} \cdot e$ | $0.04289 \cdot 5.828$ | $0.25$ |  |
| $\frac{\partial o}{\partial n} \mathrel{+}= 2 \cdot \frac{\partial o}{\partial v_{1}}$ | $2 \cdot 0.25$ | $0.5$ |  |
| $\frac{\partial o}{\partial s} \mathrel{+}= \frac{\partial o}{\partial n}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial b} \mathrel{+}= \frac{\partial o}{\partial n}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial \mathrm{x1w1}} \mathrel{+}= \frac{\partial o}{\partial s}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial \mathrm{x2w2}} \mathrel{+}= \frac{\partial o}{\partial s}$ |  | $0.5$ |  |
| $\frac{\partial o}{\partial x_{2}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot w_{2}$ | $0.5 \cdot 1$ | $0.5$ |  |
| $\frac{\partial o}{\partial w_{2}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot x_{2}$ | $0.5 \cdot 0$ | $0$ |  |
| $\frac{\partial o}{\partial x_{1}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot w_{1}$ | $0.5 \cdot (-3)$ | $-1.5$ |  |
| $\frac{\partial o}{\partial w_{1}} \mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot x_{1}$ | $0.5 \cdot 2$ | $1$ |  |

**Gradients** $\frac{\partial o}{\partial x_{1}} = -1.5$, $\frac{\partial o}{\partial w_{1}} = 1$, $\frac{\partial o}{\partial x_{2}} = 0.5$, $\frac{\partial o}{\partial w_{2}} = 0$, $\frac{\partial o}{\partial b} = 0.5$

All that arrives at w2 is 0: w2 is multiplied by x2 = 0.
"""

NEURON_OF_EXP_LATEX = r"""
\textbf{Given} $x_{1} = 2,\; w_{1} = -3,\; x_{2} = 0,\; w_{2} = 1,\; b = 6.881$

\textbf{Forward}
\begin{align*}
  \mathrm{x1w1} &= x_{1} \cdot w_{1} = 2 \cdot (-3) = -6 \\
  \mathrm{x2w2} &= x_{2} \cdot w_{2} = 0 \cdot 1 = 0 \\
  s &= \mathrm{x1w1} + \mathrm{x2w2} = -6 + 0 = -6 \\
  n &= s + b = -6 + 6.881 = 0.8814 \\
  v_{1} &= 2 \cdot n = 2 \cdot 0.8814 = 1.763 \\
  e &= e^{v_{1}} = e^{1.763} = 5.828 \\
  v_{2} &= e - 1 = 5.828 - 1 = 4.828 \\
  v_{3} &= e + 1 = 5.828 + 1 = 6.828 \\
  o &= \frac{v_{2}}{v_{3}} = \frac{4.828}{6.828} = 0.7071
\end{align*}

\textbf{Backward, from $\frac{\partial o}{\partial o} = 1$}
\begin{align*}
  \frac{\partial o}{\partial v_{2}} &\mathrel{+}= \frac{\frac{\partial o}{\partial o}}{v_{3}} = \frac{1}{6.828} = 0.1464 \\
  \frac{\partial o}{\partial v_{3}} &\mathrel{+}= -\frac{\frac{\partial o}{\partial o} \cdot o}{v_{3}} = -\frac{1 \cdot 0.7071}{6.828} = -0.1036 \\
  \frac{\partial o}{\partial e} &\mathrel{+}= \frac{\partial o}{\partial v_{3}} = -0.1036 \\
  \frac{\partial o}{\partial e} &\mathrel{+}= \frac{\partial o}{\partial v_{2}} = 0.1464 && \text{so far $-0.1036 + 0.1464 = 0.04289$} \\
  \frac{\partial o}{\partial v_{1}} &\mathrel{+}= \frac{\partial o}{\partial e} \cdot e = 0.04289 \cdot 5.828 = 0.25 \\
  \frac{\partial o}{\partial n} &\mathrel{+}= 2 \cdot \frac{\partial o}{\partial v_{1}} = 2 \cdot 0.25 = 0.5 \\
  \frac{\partial o}{\partial s} &\mathrel{+}= \frac{\partial o}{\partial n} = 0.5 \\
  \frac{\partial o}{\partial b} &\mathrel{+}= \frac{\partial o}{\partial n} = 0.5 \\
  \frac{\partial o}{\partial \mathrm{x1w1}} &\mathrel{+}= \frac{\partial o}{\partial s} = 0.5 \\
  \frac{\partial o}{\partial \mathrm{x2w2}} &\mathrel{+}= \frac{\partial o}{\partial s} = 0.5 \\
  \frac{\partial o}{\partial x_{2}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot w_{2} = 0.5 \cdot 1 = 0.5 \\
  \frac{\partial o}{\partial w_{2}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x2w2}} \cdot x_{2} = 0.5 \cdot 0 = 0 \\
  \frac{\partial o}{\partial x_{1}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot w_{1} = 0.5 \cdot (-3) = -1.5 \\
  \frac{\partial o}{\partial w_{1}} &\mathrel{+}= \frac{\partial o}{\partial \mathrm{x1w1}} \cdot x_{1} = 0.5 \cdot 2 = 1
\end{align*}

\textbf{Gradients} $\frac{\partial o}{\partial x_{1}} = -1.5,\; \frac{\partial o}{\partial w_{1}} = 1,\; \frac{\partial o}{\partial x_{2}} = 0.5,\; \frac{\partial o}{\partial w_{2}} = 0,\; \frac{\partial o}{\partial b} = 0.5$

All that arrives at w2 is 0: w2 is multiplied by x2 = 0.
"""


@pytest.mark.parametrize("build", [neuron, neuron_of_exp])
def test_the_neuron_has_the_gradients_of_the_lecture(build: Any) -> None:
    loss, names = build()
    n = 2.0 * -3.0 + 0.0 * 1.0 + 6.8813735870195432
    assert loss.data == pytest.approx(np.tanh(n)) == pytest.approx(0.7071, abs=5e-5)
    found, slope = gradients(loss, names), 1 - np.tanh(n) ** 2
    closed = {"x1": -3 * slope, "w1": 2 * slope, "x2": 1 * slope, "w2": 0 * slope, "b": slope, "n": slope, "o": 1}
    for name, gradient in closed.items():
        assert found[name] == pytest.approx(gradient, rel=1e-12), name
    for name, gradient in {"x1": -1.5, "w1": 1.0, "x2": 0.5, "w2": 0.0, "b": 0.5}.items():
        assert found[name] == pytest.approx(gradient, abs=1e-6), name  # as they are printed in the lecture


def test_a_neuron_of_exp_hands_on_what_tanh_does_in_two_parts() -> None:
    loss, _ = neuron_of_exp()
    e = np.exp(2 * np.arctanh(loss.data))
    below, above = tg.why(loss, "e")
    assert above.contribution == pytest.approx(1 / (e + 1))  # o = (e - 1)/(e + 1)
    assert below.contribution == pytest.approx(-(e - 1) / (e + 1) ** 2)
    assert above.after == pytest.approx(2 / (e + 1) ** 2)
    assert above.text() == "∂o/∂e += ∂o/∂v2 = 0.1464; so far -0.1036 + 0.1464 = 0.04289"


# CS231n: a sum times a number. ----------------------------------------------------------------------------------------


def sum_times() -> Any:
    x, y, z = Value(-2.0, "x"), Value(5.0, "y"), Value(-4.0, "z")
    q = named("q", x + y)
    return named("f", q * z), {}


SUM_TIMES_TEXT = """
Given x = -2, y = 5, z = -4

Forward
  q = x + y = -2 + 5 = 3
  f = q·z   = 3·(-4) = -12

Backward, from ∂f/∂f = 1
  ∂f/∂q += ∂f/∂f·z = 1·(-4) = -4
  ∂f/∂z += ∂f/∂f·q = 1·3    = 3
  ∂f/∂x += ∂f/∂q            = -4
  ∂f/∂y += ∂f/∂q            = -4

Gradients: ∂f/∂x = -4, ∂f/∂y = -4, ∂f/∂z = 3
"""

SUM_TIMES_MARKDOWN = r"""
**Given** $x = -2$, $y = 5$, $z = -4$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $q = x + y$ | $-2 + 5$ | $3$ |  |
| $f = q \cdot z$ | $3 \cdot (-4)$ | $-12$ |  |

**Backward, from $\frac{\partial f}{\partial f} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial f}{\partial q} \mathrel{+}= \frac{\partial f}{\partial f} \cdot z$ | $1 \cdot (-4)$ | $-4$ |  |
| $\frac{\partial f}{\partial z} \mathrel{+}= \frac{\partial f}{\partial f} \cdot q$ | $1 \cdot 3$ | $3$ |  |
| $\frac{\partial f}{\partial x} \mathrel{+}= \frac{\partial f}{\partial q}$ |  | $-4$ |  |
| $\frac{\partial f}{\partial y} \mathrel{+}= \frac{\partial f}{\partial q}$ |  | $-4$ |  |

**Gradients** $\frac{\partial f}{\partial x} = -4$, $\frac{\partial f}{\partial y} = -4$, $\frac{\partial f}{\partial z} = 3$
"""

SUM_TIMES_LATEX = r"""
\textbf{Given} $x = -2,\; y = 5,\; z = -4$

\textbf{Forward}
\begin{align*}
  q &= x + y = -2 + 5 = 3 \\
  f &= q \cdot z = 3 \cdot (-4) = -12
\end{align*}

\textbf{Backward, from $\frac{\partial f}{\partial f} = 1$}
\begin{align*}
  \frac{\partial f}{\partial q} &\mathrel{+}= \frac{\partial f}{\partial f} \cdot z = 1 \cdot (-4) = -4 \\
  \frac{\partial f}{\partial z} &\mathrel{+}= \frac{\partial f}{\partial f} \cdot q = 1 \cdot 3 = 3 \\
  \frac{\partial f}{\partial x} &\mathrel{+}= \frac{\partial f}{\partial q} = -4 \\
  \frac{\partial f}{\partial y} &\mathrel{+}= \frac{\partial f}{\partial q} = -4
\end{align*}

\textbf{Gradients} $\frac{\partial f}{\partial x} = -4,\; \frac{\partial f}{\partial y} = -4,\; \frac{\partial f}{\partial z} = 3$
"""


def test_the_sum_times_a_number_has_the_gradients_of_the_notes() -> None:
    loss, names = sum_times()
    assert gradients(loss, names) == {"x": -4, "y": -4, "z": 3, "q": -4, "f": 1}
    assert (loss.data, tg.walk(loss).names.find("q").data) == (-12, 3)


def test_a_walk_reads_well_at_each_position() -> None:
    walk = tg.walk(sum_times()[0])
    lines = """\
   1  q = x + y = -2 + 5 = 3
   2  f = q·z = 3·(-4) = -12
   3  ∂f/∂f = 1
   4  ∂f/∂q += ∂f/∂f·z = 1·(-4) = -4
   5  ∂f/∂z += ∂f/∂f·q = 1·3 = 3
   6  ∂f/∂x += ∂f/∂q = -4
   7  ∂f/∂y += ∂f/∂q = -4""".splitlines()
    assert str(walk) == "f: 0 of 7 steps\nnext  q = x + y = -2 + 5 = 3"
    assert (
        str(walk.goto(4))
        == """\
f: 4 of 7 steps
   1  q = x + y = -2 + 5 = 3
   2  f = q·z = 3·(-4) = -12
   3  ∂f/∂f = 1
   4  ∂f/∂q += ∂f/∂f·z = 1·(-4) = -4
next  ∂f/∂z += ∂f/∂f·q = 1·3 = 3"""
    )
    for position in range(7):
        following = "next" + lines[position][4:]
        assert str(walk.goto(position)).splitlines() == [f"f: {position} of 7 steps", *lines[:position], following]
    assert str(walk.goto(7)).splitlines() == ["f: 7 of 7 steps", *lines, "  the end"]


def test_a_long_walk_shows_the_last_steps() -> None:
    walk = tg.walk(neuron()[0]).goto(14)
    assert (
        str(walk)
        == """\
o: 14 of 15 steps
      … 2 before
   3  s = x1w1 + x2w2 = -6 + 0 = -6
   4  n = s + b = -6 + 6.881 = 0.8814
   5  o = tanh(n) = tanh(0.8814) = 0.7071
   6  ∂o/∂o = 1
   7  ∂o/∂n += ∂o/∂o·(1 - o²) = 1·(1 - 0.7071²) = 0.5
   8  ∂o/∂s += ∂o/∂n = 0.5
   9  ∂o/∂b += ∂o/∂n = 0.5
  10  ∂o/∂x1w1 += ∂o/∂s = 0.5
  11  ∂o/∂x2w2 += ∂o/∂s = 0.5
  12  ∂o/∂x2 += ∂o/∂x2w2·w2 = 0.5·1 = 0.5
  13  ∂o/∂w2 += ∂o/∂x2w2·x2 = 0.5·0 = 0
  14  ∂o/∂x1 += ∂o/∂x1w1·w1 = 0.5·(-3) = -1.5
next  ∂o/∂w1 += ∂o/∂x1w1·x1 = 0.5·2 = 1"""
    )


# CS231n: the sigmoid neuron in stages, with the two digits of the notes. ----------------------------------------------


def staged_sigmoid() -> Any:
    w0, w1, w2 = Value(2.0, "w0"), Value(-3.0, "w1"), Value(-3.0, "w2")
    x0, x1 = Value(-1.0, "x0"), Value(-2.0, "x1")
    dot = named("dot", w0 * x0 + w1 * x1 + w2)
    return named("f", 1 / ((-1 * dot).exp() + 1)), {}


STAGED_SIGMOID_TEXT = """
Given w0 = 2, x0 = -1, w1 = -3, x1 = -2, w2 = -3

Forward
  v1  = w0·x0   = 2·(-1)   = -2
  v2  = w1·x1   = -3·(-2)  = 6
  v3  = v1 + v2 = -2 + 6   = 4
  dot = v3 + w2 = 4 + (-3) = 1
  v4  = -1·dot  = -1·1     = -1
  v5  = exp(v4) = exp(-1)  = 0.37
  v6  = v5 + 1  = 0.37 + 1 = 1.4
  f   = 1/v6    = 1/1.4    = 0.73

Backward, from ∂f/∂f = 1
  ∂f/∂v6  += -∂f/∂f·f/v6 = -1·0.73/1.4 = -0.53
  ∂f/∂v5  += ∂f/∂v6                    = -0.53
  ∂f/∂v4  += ∂f/∂v5·v5   = -0.53·0.37  = -0.2
  ∂f/∂dot += -∂f/∂v4     = -(-0.2)     = 0.2
  ∂f/∂v3  += ∂f/∂dot                   = 0.2
  ∂f/∂w2  += ∂f/∂dot                   = 0.2
  ∂f/∂v1  += ∂f/∂v3                    = 0.2
  ∂f/∂v2  += ∂f/∂v3                    = 0.2
  ∂f/∂w1  += ∂f/∂v2·x1   = 0.2·(-2)    = -0.39
  ∂f/∂x1  += ∂f/∂v2·w1   = 0.2·(-3)    = -0.59
  ∂f/∂w0  += ∂f/∂v1·x0   = 0.2·(-1)    = -0.2
  ∂f/∂x0  += ∂f/∂v1·w0   = 0.2·2       = 0.39

Gradients: ∂f/∂w0 = -0.2, ∂f/∂x0 = 0.39, ∂f/∂w1 = -0.39, ∂f/∂x1 = -0.59, ∂f/∂w2 = 0.2
"""

STAGED_SIGMOID_MARKDOWN = r"""
**Given** $w_{0} = 2$, $x_{0} = -1$, $w_{1} = -3$, $x_{1} = -2$, $w_{2} = -3$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $v_{1} = w_{0} \cdot x_{0}$ | $2 \cdot (-1)$ | $-2$ |  |
| $v_{2} = w_{1} \cdot x_{1}$ | $-3 \cdot (-2)$ | $6$ |  |
| $v_{3} = v_{1} + v_{2}$ | $-2 + 6$ | $4$ |  |
| $\mathrm{dot} = v_{3} + w_{2}$ | $4 + (-3)$ | $1$ |  |
| $v_{4} = -1 \cdot \mathrm{dot}$ | $-1 \cdot 1$ | $-1$ |  |
| $v_{5} = e^{v_{4}}$ | $e^{-1}$ | $0.37$ |  |
| $v_{6} = v_{5} + 1$ | $0.37 + 1$ | $1.4$ |  |
| $f = \frac{1}{v_{6}}$ | $\frac{1}{1.4}$ | $0.73$ |  |

**Backward, from $\frac{\partial f}{\partial f} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial f}{\partial v_{6}} \mathrel{+}= -\frac{\frac{\partial f}{\partial f} \cdot f}{v_{6}}$ | $-\frac{1 \cdot 0.73}{1.4}$ | $-0.53$ |  |
| $\frac{\partial f}{\partial v_{5}} \mathrel{+}= \frac{\partial f}{\partial v_{6}}$ |  | $-0.53$ |  |
| $\frac{\partial f}{\partial v_{4}} \mathrel{+}= \frac{\partial f}{\partial v_{5}} \cdot v_{5}$ | $-0.53 \cdot 0.37$ | $-0.2$ |  |
| $\frac{\partial f}{\partial \mathrm{dot}} \mathrel{+}= -\frac{\partial f}{\partial v_{4}}$ | $-(-0.2)$ | $0.2$ |  |
| $\frac{\partial f}{\partial v_{3}} \mathrel{+}= \frac{\partial f}{\partial \mathrm{dot}}$ |  | $0.2$ |  |
| $\frac{\partial f}{\partial w_{2}} \mathrel{+}= \frac{\partial f}{\partial \mathrm{dot}}$ |  | $0.2$ |  |
| $\frac{\partial f}{\partial v_{1}} \mathrel{+}= \frac{\partial f}{\partial v_{3}}$ |  | $0.2$ |  |
| $\frac{\partial f}{\partial v_{2}} \mathrel{+}= \frac{\partial f}{\partial v_{3}}$ |  | $0.2$ |  |
| $\frac{\partial f}{\partial w_{1}} \mathrel{+}= \frac{\partial f}{\partial v_{2}} \cdot x_{1}$ | $0.2 \cdot (-2)$ | $-0.39$ |  |
| $\frac{\partial f}{\partial x_{1}} \mathrel{+}= \frac{\partial f}{\partial v_{2}} \cdot w_{1}$ | $0.2 \cdot (-3)$ | $-0.59$ |  |
| $\frac{\partial f}{\partial w_{0}} \mathrel{+}= \frac{\partial f}{\partial v_{1}} \cdot x_{0}$ | $0.2 \cdot (-1)$ | $-0.2$ |  |
| $\frac{\partial f}{\partial x_{0}} \mathrel{+}= \frac{\partial f}{\partial v_{1}} \cdot w_{0}$ | $0.2 \cdot 2$ | $0.39$ |  |

**Gradients** $\frac{\partial f}{\partial w_{0}} = -0.2$, $\frac{\partial f}{\partial x_{0}} = 0.39$, $\frac{\partial f}{\partial w_{1}} = -0.39$, $\frac{\partial f}{\partial x_{1}} = -0.59$, $\frac{\partial f}{\partial w_{2}} = 0.2$
"""

STAGED_SIGMOID_LATEX = r"""
\textbf{Given} $w_{0} = 2,\; x_{0} = -1,\; w_{1} = -3,\; x_{1} = -2,\; w_{2} = -3$

\textbf{Forward}
\begin{align*}
  v_{1} &= w_{0} \cdot x_{0} = 2 \cdot (-1) = -2 \\
  v_{2} &= w_{1} \cdot x_{1} = -3 \cdot (-2) = 6 \\
  v_{3} &= v_{1} + v_{2} = -2 + 6 = 4 \\
  \mathrm{dot} &= v_{3} + w_{2} = 4 + (-3) = 1 \\
  v_{4} &= -1 \cdot \mathrm{dot} = -1 \cdot 1 = -1 \\
  v_{5} &= e^{v_{4}} = e^{-1} = 0.37 \\
  v_{6} &= v_{5} + 1 = 0.37 + 1 = 1.4 \\
  f &= \frac{1}{v_{6}} = \frac{1}{1.4} = 0.73
\end{align*}

\textbf{Backward, from $\frac{\partial f}{\partial f} = 1$}
\begin{align*}
  \frac{\partial f}{\partial v_{6}} &\mathrel{+}= -\frac{\frac{\partial f}{\partial f} \cdot f}{v_{6}} = -\frac{1 \cdot 0.73}{1.4} = -0.53 \\
  \frac{\partial f}{\partial v_{5}} &\mathrel{+}= \frac{\partial f}{\partial v_{6}} = -0.53 \\
  \frac{\partial f}{\partial v_{4}} &\mathrel{+}= \frac{\partial f}{\partial v_{5}} \cdot v_{5} = -0.53 \cdot 0.37 = -0.2 \\
  \frac{\partial f}{\partial \mathrm{dot}} &\mathrel{+}= -\frac{\partial f}{\partial v_{4}} = -(-0.2) = 0.2 \\
  \frac{\partial f}{\partial v_{3}} &\mathrel{+}= \frac{\partial f}{\partial \mathrm{dot}} = 0.2 \\
  \frac{\partial f}{\partial w_{2}} &\mathrel{+}= \frac{\partial f}{\partial \mathrm{dot}} = 0.2 \\
  \frac{\partial f}{\partial v_{1}} &\mathrel{+}= \frac{\partial f}{\partial v_{3}} = 0.2 \\
  \frac{\partial f}{\partial v_{2}} &\mathrel{+}= \frac{\partial f}{\partial v_{3}} = 0.2 \\
  \frac{\partial f}{\partial w_{1}} &\mathrel{+}= \frac{\partial f}{\partial v_{2}} \cdot x_{1} = 0.2 \cdot (-2) = -0.39 \\
  \frac{\partial f}{\partial x_{1}} &\mathrel{+}= \frac{\partial f}{\partial v_{2}} \cdot w_{1} = 0.2 \cdot (-3) = -0.59 \\
  \frac{\partial f}{\partial w_{0}} &\mathrel{+}= \frac{\partial f}{\partial v_{1}} \cdot x_{0} = 0.2 \cdot (-1) = -0.2 \\
  \frac{\partial f}{\partial x_{0}} &\mathrel{+}= \frac{\partial f}{\partial v_{1}} \cdot w_{0} = 0.2 \cdot 2 = 0.39
\end{align*}

\textbf{Gradients} $\frac{\partial f}{\partial w_{0}} = -0.2,\; \frac{\partial f}{\partial x_{0}} = 0.39,\; \frac{\partial f}{\partial w_{1}} = -0.39,\; \frac{\partial f}{\partial x_{1}} = -0.59,\; \frac{\partial f}{\partial w_{2}} = 0.2$
"""


def test_the_staged_sigmoid_has_the_numbers_of_the_notes() -> None:
    loss, names = staged_sigmoid()
    found = gradients(loss, names)
    published = {"w0": -0.20, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.20, "dot": 0.20}
    assert {name: round(float(found[name]), 2) for name in published} == published
    stages = [step.after for step in tg.walk(loss).steps if step.kind == "forward"]
    assert [round(x, 2) for x in stages] == [-2, 6, 4, 1, -1, 0.37, 1.37, 0.73]
    arriving = [step.contribution for step in tg.walk(loss).steps if step.kind == "edge"][:4]
    assert [round(x, 2) for x in arriving] == [-0.53, -0.53, -0.20, 0.20]  # at 1/x, at + 1, at exp, at · (-1)
    slope = (1 - loss.data) * loss.data  # (1 - f)·f, as the notes simplify it
    closed = {"w0": -1 * slope, "x0": 2 * slope, "w1": -2 * slope, "x1": -3 * slope, "w2": slope}
    for name, gradient in closed.items():
        assert found[name] == pytest.approx(gradient, rel=1e-12), name


# The workshop's single neuron. ----------------------------------------------------------------------------------------


def workshop() -> Any:
    x, y = datasets.workshop_line()
    w, b = Value(1.0, "w"), Value(1.0, "b")
    a = named("a", b + w * x)
    d = named("d", a - y)
    return named("C", (d**2).sum()), {"x": x, "y": y}


def sums(w: float, b: float) -> tuple[float, float]:
    """The workshop's ∂C/∂w = Σ 2 xᵢ ((b + w xᵢ) - yᵢ) and ∂C/∂b = Σ 2 ((b + w xᵢ) - yᵢ), without NumPy."""
    points = [*zip(*(numbers.tolist() for numbers in datasets.workshop_line()), strict=True)]
    return sum(2 * x * ((b + w * x) - y) for x, y in points), sum(2 * ((b + w * x) - y) for x, y in points)


WORKSHOP_TEXT = """
Given w = 1, x = [-2, 3.7, 4.7, 1, 3.4, 1.9, 0.5, 3.7, -3.7, -1.4], b = 1,
      y = [4.4, 0.5, -0.3, 1.4, 0.4, 1.4, 2, 0.5, 5.6, 3.5]

Forward
  v1 = w·x     (10,) -3.7 … 4.7
  a  = b + v1  (10,) -2.7 … 5.7
  d  = a - y   (10,) -8.3 … 6
  v2 = d²      (10,) 0.25 … 68.89
  C  = sum(v2) = 203.4

Backward, from ∂C/∂C = 1
  ∂C/∂v2 += broadcast_to(∂C/∂C, (10,)) (10,) = 1 everywhere
  ∂C/∂d  += ∂C/∂v2·2·d                 (10,) -16.6 … 12
  ∂C/∂a  += ∂C/∂d                      (10,) -16.6 … 12
  ∂C/∂b  += sum(∂C/∂a)                 = 4.8
      summed over all 10: b was used for each of them
  ∂C/∂v1 += ∂C/∂a                      (10,) -16.6 … 12
  ∂C/∂w  += sum(∂C/∂v1·x)              = 246.1
      summed over all 10: w was used for each of them

Gradients: ∂C/∂w = 246.1, ∂C/∂b = 4.8
"""

WORKSHOP_MARKDOWN = r"""
**Given** $w = 1$, $x = [-2, 3.7, 4.7, 1, 3.4, 1.9, 0.5, 3.7, -3.7, -1.4]$, $b = 1$, $y = [4.4, 0.5, -0.3, 1.4, 0.4, 1.4, 2, 0.5, 5.6, 3.5]$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $v_{1} = w \cdot x$ | (10,) | $\in [-3.7, 4.7]$ |  |
| $a = b + v_{1}$ | (10,) | $\in [-2.7, 5.7]$ |  |
| $d = a - y$ | (10,) | $\in [-8.3, 6]$ |  |
| $v_{2} = d^{2}$ | (10,) | $\in [0.25, 68.89]$ |  |
| $C = \sum(v_{2})$ |  | $203.4$ |  |

**Backward, from $\frac{\partial C}{\partial C} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial C}{\partial v_{2}} \mathrel{+}= \operatorname{broadcast\space to}\relax_{10}\left(\frac{\partial C}{\partial C}\right)$ | (10,) | $1\text{ everywhere}$ |  |
| $\frac{\partial C}{\partial d} \mathrel{+}= \frac{\partial C}{\partial v_{2}} \cdot 2 \cdot d$ | (10,) | $\in [-16.6, 12]$ |  |
| $\frac{\partial C}{\partial a} \mathrel{+}= \frac{\partial C}{\partial d}$ | (10,) | $\in [-16.6, 12]$ |  |
| $\frac{\partial C}{\partial b} \mathrel{+}= \sum\left(\frac{\partial C}{\partial a}\right)$ |  | $4.8$ | summed over all 10: b was used for each of them |
| $\frac{\partial C}{\partial v_{1}} \mathrel{+}= \frac{\partial C}{\partial a}$ | (10,) | $\in [-16.6, 12]$ |  |
| $\frac{\partial C}{\partial w} \mathrel{+}= \sum\left(\frac{\partial C}{\partial v_{1}} \cdot x\right)$ |  | $246.1$ | summed over all 10: w was used for each of them |

**Gradients** $\frac{\partial C}{\partial w} = 246.1$, $\frac{\partial C}{\partial b} = 4.8$
"""

WORKSHOP_LATEX = r"""
\textbf{Given} $w = 1,\; x = [-2, 3.7, 4.7, 1, 3.4, 1.9, 0.5, 3.7, -3.7, -1.4],\; b = 1,\; y = [4.4, 0.5, -0.3, 1.4, 0.4, 1.4, 2, 0.5, 5.6, 3.5]$

\textbf{Forward}
\begin{align*}
  v_{1} &= w \cdot x \in [-3.7, 4.7] && (10,) \\
  a &= b + v_{1} \in [-2.7, 5.7] && (10,) \\
  d &= a - y \in [-8.3, 6] && (10,) \\
  v_{2} &= d^{2} \in [0.25, 68.89] && (10,) \\
  C &= \sum(v_{2}) = 203.4
\end{align*}

\textbf{Backward, from $\frac{\partial C}{\partial C} = 1$}
\begin{align*}
  \frac{\partial C}{\partial v_{2}} &\mathrel{+}= \operatorname{broadcast\_to}_{10}\left(\frac{\partial C}{\partial C}\right) = 1\text{ everywhere} && (10,) \\
  \frac{\partial C}{\partial d} &\mathrel{+}= \frac{\partial C}{\partial v_{2}} \cdot 2 \cdot d \in [-16.6, 12] && (10,) \\
  \frac{\partial C}{\partial a} &\mathrel{+}= \frac{\partial C}{\partial d} \in [-16.6, 12] && (10,) \\
  \frac{\partial C}{\partial b} &\mathrel{+}= \sum\left(\frac{\partial C}{\partial a}\right) = 4.8 && \text{summed over all 10: b was used for each of them} \\
  \frac{\partial C}{\partial v_{1}} &\mathrel{+}= \frac{\partial C}{\partial a} \in [-16.6, 12] && (10,) \\
  \frac{\partial C}{\partial w} &\mathrel{+}= \sum\left(\frac{\partial C}{\partial v_{1}} \cdot x\right) = 246.1 && \text{summed over all 10: w was used for each of them}
\end{align*}

\textbf{Gradients} $\frac{\partial C}{\partial w} = 246.1,\; \frac{\partial C}{\partial b} = 4.8$
"""


def test_the_workshops_derivatives_are_its_two_sums() -> None:
    loss, names = workshop()
    found = gradients(loss, names)
    assert (found["w"], found["b"]) == pytest.approx(sums(1.0, 1.0), rel=1e-12)
    assert loss.data == pytest.approx(sum((1 + x - y) ** 2 for x, y in zip(*datasets.workshop_line(), strict=True)))


WEIGHTS = [  # the workshop's first lines for each learning rate, from w = b = 1
    (0.01, [(-1.46, 0.95), (0.30, 1.50), (-1.08, 1.52), (-0.10, 1.86)]),
    (0.001, [(0.75, 1.00), (0.55, 1.00)]),
    (0.1, [(-23.61, 0.54)]),
]


@pytest.mark.parametrize(("rate", "printed"), WEIGHTS)
def test_steps_down_the_slope_give_the_workshops_weights(rate: float, printed: list[tuple[float, float]]) -> None:
    x, y = datasets.workshop_line()
    w, b = Value(1.0, "w"), Value(1.0, "b")
    optimizer = nn.SGD([w, b], rate)
    for printed_w, printed_b in printed:
        down = [old - rate * slope for old, slope in zip((w.data, b.data), sums(w.data, b.data), strict=True)]
        optimizer.zero_grad()
        ((b + w * x - y) ** 2).sum().backward()
        optimizer.step()
        assert [w.data, b.data] == pytest.approx(down, rel=1e-12)
        assert w.data == pytest.approx(printed_w, abs=0.006)
        assert b.data == pytest.approx(printed_b, abs=0.021)  # the points are printed with one digit


def test_the_first_step_is_the_workshops_to_all_its_digits() -> None:
    loss, names = workshop()
    found = gradients(loss, names)
    assert (round(1 - 0.01 * found["w"], 2), round(1 - 0.01 * found["b"], 2)) == (-1.46, 0.95)


def test_the_sum_of_w_opened_has_the_workshops_terms() -> None:
    loss, names = workshop()
    assert tg.explain(loss, names=names, element=("w", ())) == OPENED.strip()
    exact = tg.explain(loss, names=names, element=("w", ()), digits=17)
    found = [
        float(number) for number in re.findall(r"·x\[\d\] = .* = (\S+)", re.sub(" +so far.*", "", exact, flags=re.M))
    ]
    x, y = datasets.workshop_line()
    assert found == pytest.approx([2 * x * ((1.0 + 1.0 * x) - y) for x, y in zip(x, y, strict=True)], rel=1e-12)


OPENED = """
Through v1: ∂C/∂w += sum(∂C/∂v1·x) = 246.1
  ∂C/∂w += ∂C/∂v1[0]·x[0] = -10.8·(-2)   = 21.6
  ∂C/∂w += ∂C/∂v1[1]·x[1] = 8.4·3.7      = 31.08 so far 21.6 + 31.08 = 52.68
  ∂C/∂w += ∂C/∂v1[2]·x[2] = 12·4.7       = 56.4  so far 52.68 + 56.4 = 109.1
  ∂C/∂w += ∂C/∂v1[3]·x[3] = 1.2·1        = 1.2   so far 109.1 + 1.2 = 110.3
  ∂C/∂w += ∂C/∂v1[4]·x[4] = 8·3.4        = 27.2  so far 110.3 + 27.2 = 137.5
  ∂C/∂w += ∂C/∂v1[5]·x[5] = 3·1.9        = 5.7   so far 137.5 + 5.7 = 143.2
  ∂C/∂w += ∂C/∂v1[6]·x[6] = -1·0.5       = -0.5  so far 143.2 - 0.5 = 142.7
  ∂C/∂w += ∂C/∂v1[7]·x[7] = 8.4·3.7      = 31.08 so far 142.7 + 31.08 = 173.8
  ∂C/∂w += ∂C/∂v1[8]·x[8] = -16.6·(-3.7) = 61.42 so far 173.8 + 61.42 = 235.2
  ∂C/∂w += ∂C/∂v1[9]·x[9] = -7.8·(-1.4)  = 10.92 so far 235.2 + 10.92 = 246.1

Gradients: ∂C/∂w = 246.1
"""


def test_the_two_in_front_of_a_term_comes_from_the_square() -> None:
    loss, names = workshop()
    assert (
        tg.explain(loss, names=names, element=("d", 3))
        == """\
Through v2: ∂C/∂d += ∂C/∂v2·2·d ∈ -16.6 … 12
  ∂C/∂d[3] += ∂C/∂v2[3]·2·d[3] = 1·2·0.6 = 1.2

Gradients: ∂C/∂d[3] = 1.2"""
    )
    (step,) = tg.why(loss, "d", names=names)
    assert step.formula == "∂C/∂v2·2·d"
    x, y = datasets.workshop_line()
    np.testing.assert_allclose(step.contribution, 2 * ((1 + x) - y), rtol=1e-12)


# Rashid's layers of sigmoids. -----------------------------------------------------------------------------------------


INPUTS, TARGETS = np.array([[0.9], [0.1], [0.8]]), np.array([[0.99], [0.01]])
WIH, WHO = np.array([[0.9, 0.3, 0.4], [0.2, 0.8, 0.2]]), np.array([[0.3, 0.7], [0.6, 0.5]])


def two_layers(who: Any = WHO, targets: Any = TARGETS, times: float = 0.5) -> Any:
    """E = ½ Σ e² with e = target - actual: columns of nodes, and matrices of weights as in the talk's code."""
    wih, who = Value(WIH, "wih"), Value(who, "who")
    h = named("h", (wih @ INPUTS).sigmoid())
    o = named("o", (who @ h).sigmoid())
    e = named("e", targets - o)
    return named("E", times * (e**2).sum()), {"x": INPUTS, "t": targets}


TWO_LAYERS_TEXT = """
Given wih = [[0.9, 0.3, 0.4], [0.2, 0.8, 0.2]], x = [0.9, 0.1, 0.8]ᵀ,
      who = [[0.3, 0.7], [0.6, 0.5]], t = [0.99, 0.01]ᵀ

Forward
  v1 = wih @ x     (2, 3) @ (3, 1) -> (2, 1) = [1.16, 0.42]ᵀ
  h  = sigmoid(v1) (2, 1) = [0.7613, 0.6035]ᵀ
  v2 = who @ h     (2, 2) @ (2, 1) -> (2, 1) = [0.6508, 0.7585]ᵀ
  o  = sigmoid(v2) (2, 1) = [0.6572, 0.681]ᵀ
  e  = t - o       (2, 1) = [0.3328, -0.671]ᵀ
  v3 = e²          (2, 1) = [0.1108, 0.4503]ᵀ
  v4 = sum(v3)     = 0.561
  E  = 0.5·v4      = 0.5·0.561 = 0.2805

Backward, from ∂E/∂E = 1
  ∂E/∂v4  += 0.5·∂E/∂E                    = 0.5·1 = 0.5
  ∂E/∂v3  += broadcast_to(∂E/∂v4, (2, 1)) (2, 1) = [0.5, 0.5]ᵀ
  ∂E/∂e   += ∂E/∂v3·2·e                   (2, 1) = [0.3328, -0.671]ᵀ
  ∂E/∂o   += -∂E/∂e                       (2, 1) = [-0.3328, 0.671]ᵀ
  ∂E/∂v2  += ∂E/∂o·o·(1 - o)              (2, 1) = [-0.07498, 0.1458]ᵀ
  ∂E/∂who += ∂E/∂v2 @ hᵀ                  (2, 1) @ (1, 2) -> (2, 2) -0.05708 … 0.111
  ∂E/∂h   += whoᵀ @ ∂E/∂v2                (2, 2) @ (2, 1) -> (2, 1) = [0.06497, 0.0204]ᵀ
  ∂E/∂v1  += ∂E/∂h·h·(1 - h)              (2, 1) = [0.0118, 0.004882]ᵀ
  ∂E/∂wih += ∂E/∂v1 @ xᵀ                  (2, 1) @ (1, 3) -> (2, 3) 0.0004882 … 0.01062

Gradients: ∂E/∂wih (2, 3) 0.0004882 … 0.01062, ∂E/∂who (2, 2) -0.05708 … 0.111
"""

TWO_LAYERS_MARKDOWN = r"""
**Given** $\mathrm{wih} = [[0.9, 0.3, 0.4], [0.2, 0.8, 0.2]]$, $x = [0.9, 0.1, 0.8]^\top$, $\mathrm{who} = [[0.3, 0.7], [0.6, 0.5]]$, $t = [0.99, 0.01]^\top$

**Forward**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $v_{1} = \mathrm{wih} \thinspace  x$ | (2, 3) @ (3, 1) -> (2, 1) | $[1.16, 0.42]^\top$ |  |
| $h = \sigma(v_{1})$ | (2, 1) | $[0.7613, 0.6035]^\top$ |  |
| $v_{2} = \mathrm{who} \thinspace  h$ | (2, 2) @ (2, 1) -> (2, 1) | $[0.6508, 0.7585]^\top$ |  |
| $o = \sigma(v_{2})$ | (2, 1) | $[0.6572, 0.681]^\top$ |  |
| $e = t - o$ | (2, 1) | $[0.3328, -0.671]^\top$ |  |
| $v_{3} = e^{2}$ | (2, 1) | $[0.1108, 0.4503]^\top$ |  |
| $v_{4} = \sum(v_{3})$ |  | $0.561$ |  |
| $E = 0.5 \cdot v_{4}$ | $0.5 \cdot 0.561$ | $0.2805$ |  |

**Backward, from $\frac{\partial E}{\partial E} = 1$**

| step | with numbers or shapes | result | |
|---|---|---|---|
| $\frac{\partial E}{\partial v_{4}} \mathrel{+}= 0.5 \cdot \frac{\partial E}{\partial E}$ | $0.5 \cdot 1$ | $0.5$ |  |
| $\frac{\partial E}{\partial v_{3}} \mathrel{+}= \operatorname{broadcast\space to}\relax_{2 \times 1}\left(\frac{\partial E}{\partial v_{4}}\right)$ | (2, 1) | $[0.5, 0.5]^\top$ |  |
| $\frac{\partial E}{\partial e} \mathrel{+}= \frac{\partial E}{\partial v_{3}} \cdot 2 \cdot e$ | (2, 1) | $[0.3328, -0.671]^\top$ |  |
| $\frac{\partial E}{\partial o} \mathrel{+}= -\frac{\partial E}{\partial e}$ | (2, 1) | $[-0.3328, 0.671]^\top$ |  |
| $\frac{\partial E}{\partial v_{2}} \mathrel{+}= \frac{\partial E}{\partial o} \cdot o \cdot (1 - o)$ | (2, 1) | $[-0.07498, 0.1458]^\top$ |  |
| $\frac{\partial E}{\partial \mathrm{who}} \mathrel{+}= \frac{\partial E}{\partial v_{2}} \thinspace  h^\top$ | (2, 1) @ (1, 2) -> (2, 2) | $\in [-0.05708, 0.111]$ |  |
| $\frac{\partial E}{\partial h} \mathrel{+}= \mathrm{who}^\top \thinspace  \frac{\partial E}{\partial v_{2}}$ | (2, 2) @ (2, 1) -> (2, 1) | $[0.06497, 0.0204]^\top$ |  |
| $\frac{\partial E}{\partial v_{1}} \mathrel{+}= \frac{\partial E}{\partial h} \cdot h \cdot (1 - h)$ | (2, 1) | $[0.0118, 0.004882]^\top$ |  |
| $\frac{\partial E}{\partial \mathrm{wih}} \mathrel{+}= \frac{\partial E}{\partial v_{1}} \thinspace  x^\top$ | (2, 1) @ (1, 3) -> (2, 3) | $\in [0.0004882, 0.01062]$ |  |

**Gradients** $\frac{\partial E}{\partial \mathrm{wih}}\text{ (2, 3)} \in [0.0004882, 0.01062]$, $\frac{\partial E}{\partial \mathrm{who}}\text{ (2, 2)} \in [-0.05708, 0.111]$
"""

TWO_LAYERS_LATEX = r"""
\textbf{Given} $\mathrm{wih} = [[0.9, 0.3, 0.4], [0.2, 0.8, 0.2]],\; x = [0.9, 0.1, 0.8]^\top,\; \mathrm{who} = [[0.3, 0.7], [0.6, 0.5]],\; t = [0.99, 0.01]^\top$

\textbf{Forward}
\begin{align*}
  v_{1} &= \mathrm{wih} \, x = [1.16, 0.42]^\top && (2, 3) \,@\, (3, 1) \to (2, 1) \\
  h &= \sigma(v_{1}) = [0.7613, 0.6035]^\top && (2, 1) \\
  v_{2} &= \mathrm{who} \, h = [0.6508, 0.7585]^\top && (2, 2) \,@\, (2, 1) \to (2, 1) \\
  o &= \sigma(v_{2}) = [0.6572, 0.681]^\top && (2, 1) \\
  e &= t - o = [0.3328, -0.671]^\top && (2, 1) \\
  v_{3} &= e^{2} = [0.1108, 0.4503]^\top && (2, 1) \\
  v_{4} &= \sum(v_{3}) = 0.561 \\
  E &= 0.5 \cdot v_{4} = 0.5 \cdot 0.561 = 0.2805
\end{align*}

\textbf{Backward, from $\frac{\partial E}{\partial E} = 1$}
\begin{align*}
  \frac{\partial E}{\partial v_{4}} &\mathrel{+}= 0.5 \cdot \frac{\partial E}{\partial E} = 0.5 \cdot 1 = 0.5 \\
  \frac{\partial E}{\partial v_{3}} &\mathrel{+}= \operatorname{broadcast\_to}_{2 \times 1}\left(\frac{\partial E}{\partial v_{4}}\right) = [0.5, 0.5]^\top && (2, 1) \\
  \frac{\partial E}{\partial e} &\mathrel{+}= \frac{\partial E}{\partial v_{3}} \cdot 2 \cdot e = [0.3328, -0.671]^\top && (2, 1) \\
  \frac{\partial E}{\partial o} &\mathrel{+}= -\frac{\partial E}{\partial e} = [-0.3328, 0.671]^\top && (2, 1) \\
  \frac{\partial E}{\partial v_{2}} &\mathrel{+}= \frac{\partial E}{\partial o} \cdot o \cdot (1 - o) = [-0.07498, 0.1458]^\top && (2, 1) \\
  \frac{\partial E}{\partial \mathrm{who}} &\mathrel{+}= \frac{\partial E}{\partial v_{2}} \, h^\top \in [-0.05708, 0.111] && (2, 1) \,@\, (1, 2) \to (2, 2) \\
  \frac{\partial E}{\partial h} &\mathrel{+}= \mathrm{who}^\top \, \frac{\partial E}{\partial v_{2}} = [0.06497, 0.0204]^\top && (2, 2) \,@\, (2, 1) \to (2, 1) \\
  \frac{\partial E}{\partial v_{1}} &\mathrel{+}= \frac{\partial E}{\partial h} \cdot h \cdot (1 - h) = [0.0118, 0.004882]^\top && (2, 1) \\
  \frac{\partial E}{\partial \mathrm{wih}} &\mathrel{+}= \frac{\partial E}{\partial v_{1}} \, x^\top \in [0.0004882, 0.01062] && (2, 1) \,@\, (1, 3) \to (2, 3)
\end{align*}

\textbf{Gradients} $\frac{\partial E}{\partial \mathrm{wih}}\text{ (2, 3)} \in [0.0004882, 0.01062],\; \frac{\partial E}{\partial \mathrm{who}}\text{ (2, 2)} \in [-0.05708, 0.111]$
"""


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_the_slopes_are_those_of_the_talk() -> None:
    """dE/dw_ij = -e_j · o_j · (1 - o_j) · o_i, where o_i is the output of the node before."""
    loss, names = two_layers()
    found = gradients(loss, names)
    h = sigmoid(WIH @ INPUTS)
    o = sigmoid(WHO @ h)
    e = TARGETS - o
    for j in range(2):
        for i in range(2):
            wanted = -e[j, 0] * o[j, 0] * (1 - o[j, 0]) * h[i, 0]
            assert found["who"][j, i] == pytest.approx(wanted, rel=1e-12)  # its matrices have a row for each node j
    handed_back = WHO.T @ (e * o * (1 - o))  # the error that is left for the hidden nodes
    for j in range(2):
        for i in range(3):
            wanted = -handed_back[j, 0] * h[j, 0] * (1 - h[j, 0]) * INPUTS[i, 0]
            assert found["wih"][j, i] == pytest.approx(wanted, rel=1e-12)


def test_the_talk_leaves_the_two_of_its_square_to_the_learning_rate() -> None:
    """It states E = (desired - actual)², whose slope is twice its formula."""
    half = gradients(*two_layers())
    whole = gradients(*two_layers(times=1))
    for name in ("who", "wih"):
        np.testing.assert_allclose(whole[name], 2 * half[name], rtol=1e-12)


def test_the_errors_of_its_hidden_nodes_are_a_heuristic() -> None:
    """The code hands back who.T @ e, without the slope o·(1 - o) of the node that it goes through."""
    who, target = WHO[:1], TARGETS[:1]  # a single output, so that the slope is one number
    found = gradients(*two_layers(who, target))["wih"]
    h = sigmoid(WIH @ INPUTS)
    o = sigmoid(who @ h)
    update = (who.T @ (target - o)) * h * (1 - h) @ INPUTS.T
    np.testing.assert_allclose(found, -update * (o * (1 - o)), rtol=1e-12)


def test_the_formulas_of_the_steps_are_the_factors_of_the_talks() -> None:
    loss, names = two_layers()
    into = {step.names.of(step.operand): step for step in tg.walk(loss, names=names).steps if step.kind == "edge"}
    formulas = {name: step.formula for name, step in into.items()}
    assert formulas == {
        "v4": "0.5·∂E/∂E",
        "v3": "broadcast_to(∂E/∂v4, (2, 1))",
        "e": "∂E/∂v3·2·e",
        "o": "-∂E/∂e",  # -e
        "v2": "∂E/∂o·o·(1 - o)",
        "who": "∂E/∂v2 @ hᵀ",  # · o_previous
        "h": "whoᵀ @ ∂E/∂v2",
        "v1": "∂E/∂h·h·(1 - h)",
        "wih": "∂E/∂v1 @ xᵀ",
    }
    o, e = into["v2"].node.data, into["o"].node.data
    np.testing.assert_allclose(into["v2"].local, o * (1 - o), rtol=1e-12)
    np.testing.assert_allclose(into["o"].contribution, -e, rtol=1e-12)


def test_one_weight_opened_is_one_product() -> None:
    loss, names = two_layers()
    assert (
        tg.explain(loss, names=names, element=("who", (0, 1)))
        == """\
Through v2: ∂E/∂who += ∂E/∂v2 @ hᵀ ∈ -0.05708 … 0.111
  ∂E/∂who[0, 1] += ∂E/∂v2[0, 0]·h[1, 0] = -0.07498·0.6035 = -0.04525

Gradients: ∂E/∂who[0, 1] = -0.04525"""
    )


def test_along_one_link_of_numbers_the_local_derivatives_multiply_to_the_formula() -> None:
    x, target = 0.8, 0.99
    w1, w2 = Value(0.4, "w1"), Value(-0.7, "w2")
    h = named("h", (w1 * x).sigmoid())
    o = named("o", (w2 * h).sigmoid())
    e = named("e", target - o)
    loss = named("E", e * e / 2)
    path = [step for step in tg.walk(loss).steps if step.kind == "edge"]
    by_name = {step.names.of(step.operand): step for step in path}
    assert by_name["v2"].formula == "∂E/∂o·o·(1 - o)"
    assert by_name["v1"].formula == "∂E/∂h·h·(1 - h)"
    loss.backward()
    found = [by_name[name].local for name in ("o", "v2", "w2")]
    assert found == pytest.approx([-1, o.data * (1 - o.data), h.data], rel=1e-12)
    assert w2.grad == pytest.approx(-e.data * o.data * (1 - o.data) * h.data, rel=1e-12)
    error_of_h = w2.data * e.data * o.data * (1 - o.data)
    assert w1.grad == pytest.approx(-error_of_h * h.data * (1 - h.data) * x, rel=1e-12)


# All of them, in every format. ----------------------------------------------------------------------------------------


EXAMPLES = {
    "expression": Example(expression, {}, EXPRESSION_TEXT, EXPRESSION_MARKDOWN, EXPRESSION_LATEX),
    "neuron": Example(neuron, {}, NEURON_TEXT, NEURON_MARKDOWN, NEURON_LATEX),
    "neuron of exp": Example(neuron_of_exp, {}, NEURON_OF_EXP_TEXT, NEURON_OF_EXP_MARKDOWN, NEURON_OF_EXP_LATEX),
    "sum times": Example(sum_times, {}, SUM_TIMES_TEXT, SUM_TIMES_MARKDOWN, SUM_TIMES_LATEX),
    "staged sigmoid": Example(
        staged_sigmoid, {"digits": 2}, STAGED_SIGMOID_TEXT, STAGED_SIGMOID_MARKDOWN, STAGED_SIGMOID_LATEX
    ),
    "workshop": Example(workshop, {}, WORKSHOP_TEXT, WORKSHOP_MARKDOWN, WORKSHOP_LATEX),
    "two layers": Example(two_layers, {}, TWO_LAYERS_TEXT, TWO_LAYERS_MARKDOWN, TWO_LAYERS_LATEX),
}
each_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


@each_example
@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_examples_come_out_exactly(example: Example, format: str) -> None:
    assert example.explained(format) == getattr(example, format).strip()


@each_example
def test_walks_of_examples_read_well_at_each_position(example: Example) -> None:
    loss, names = example.build()
    walk = tg.walk(loss, names=names)
    texts = [step.text() for step in walk.steps]
    for position in range(len(walk) + 1):
        first, *lines, last = str(walk.goto(position)).splitlines()
        assert first == f"{loss.label}: {position} of {len(walk)} steps"
        assert last == ("  the end" if position == len(walk) else f"next  {texts[position]}")
        before = max(position - LISTED, 0)
        assert lines[: before > 0] == ([f"      … {before} before"] if before else [])
        listed = enumerate(texts[before:position], before + 1)
        assert lines[before > 0 :] == [f"{i:>4}  {text}" for i, text in listed]


@each_example
def test_every_line_of_the_text_is_a_step_of_the_walk(example: Example) -> None:
    """In the same order, with the same formula; among numbers the line is the step, but for the columns."""
    loss, names = example.build()
    style = Style("∂", example.settings.get("digits", 4))
    told = [" ".join(line.split()) for line in example.text.splitlines() if re.match(r"  \S", line)]
    steps = [step for step in tg.walk(loss, names=names).steps if step.kind != "seed"]
    assert len(told) == len(steps)
    for line, step in zip(told, steps, strict=True):
        reading = of_step(step, style)
        if any(map(np.ndim, (step.node.data, *step.node.numbers))):
            assert line.startswith(f"{reading.left()}{reading.formula()} "), line
            assert line.endswith(reading.result())
        else:
            assert line == reading.line().replace("; so far", " so far")


# The page: MathML, read back into LaTeX. ------------------------------------------------------------------------------


def spelled(formula: ElementTree.Element) -> str:
    """MathML as LaTeX would spell it, in signs instead of words."""
    parts, text = [spelled(part) for part in formula], formula.text or ""
    match formula.tag:
        case "mfrac":
            return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
        case "msub":
            return f"{parts[0]}_{{{parts[1]}}}"
        case "msup":
            return f"{parts[0]}^{{{parts[1]}}}"
        case "math" | "mrow":
            assert not text.strip()
            return "".join(parts)
        case "mi" | "mn" | "mo" | "mtext":
            assert not parts
            return re.sub(r"\s|[\u2061\u2062]", "", text).replace("ᵀ", "^{⊤}")
    raise AssertionError(f"<{formula.tag}> is nothing that these pages need")


SIGNS = {
    r"\cdot": "·", r"\partial": "∂", r"\mathrel{+}": "+", r"^\top": "^{⊤}", r"\sigma": "σ", r"\sum": "∑",
    r"\in": "∈", r"\times": "×", r"\tanh": "tanh", r"\left(": "(", r"\right)": ")", r"\,": "", r"\;": "",
    r"\to": "→", r"\_": "_", "-": "−",
}  # fmt: skip


def squeezed(latex: str) -> str:
    """LaTeX with signs instead of words, without spaces and fonts."""
    for word, sign in SIGNS.items():
        latex = latex.replace(word, sign)
    return re.sub(r"\s", "", re.sub(r"\\(mathrm|operatorname|text)\{([^{}]*)\}", r"\2", latex))


def on_the_page(page: str) -> list[list[str]]:
    """What stands in the tables of a page, row by row: the letter, the formulas, what is said beside."""
    tables = re.findall(r"<table>(.*?)</table>", page, re.DOTALL)
    rows = [row for table in tables for row in table.split("<tr tabindex=0>")[1:]]
    return [[part for part in re.split("<t[hd]>", row) if part] for row in rows]


def formulas(html: str) -> list[str]:
    return [spelled(ElementTree.fromstring(math)) for math in re.findall("<math>.*?</math>", html)]


def equations(latex: str) -> list[tuple[str, str]]:
    """The lines of the aligned equations, and what is said beside them or below."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", latex, re.DOTALL):
        for line in block.split(" \\\\\n"):
            equation, _, note = line.partition(" && ")
            if equation.startswith(r"  & \text"):
                found[-1] = found[-1][0], found[-1][1] + equation.removeprefix("  & ")
            else:
                found.append((equation.replace(" &", " "), note))
    return found


@each_example
def test_the_page_says_what_the_latex_says(example: Example) -> None:
    page, latex = example.explained("html"), example.explained("latex")
    rows, lines = on_the_page(page), equations(latex)
    assert len(rows) == len(lines) == len(tg.walk(example.build()[0])) - 1  # the seed stands in the heading
    for (left, right, *beside), (equation, note) in zip(rows, lines, strict=True):
        assert "".join(formulas(left) + formulas(right)) == squeezed(equation)
        said = re.sub("<math>.*?</math>|<.*?>", "", "".join(beside))
        for formula in formulas("".join(beside)):
            assert formula in squeezed(note)
        for word in re.findall(r"[a-z]+|\(.*?\)", said):
            assert word in note, (said, note)
        assert bool(beside) == bool(note)


@each_example
def test_what_the_page_begins_and_ends_with_is_that_of_the_latex(example: Example) -> None:
    page, latex = example.explained("html"), example.explained("latex")
    for title in ("Given", "Gradients"):
        listed = re.search(rf"<h2>{title}</h2><p class=list>(.*?)</p>", page, re.DOTALL)
        wanted = re.search(rf"\\textbf\{{{title}\}} \$(.*)\$", latex)
        assert listed
        assert wanted
        assert formulas(listed[1]) == [squeezed(formula) for formula in wanted[1].split(r",\; ")]
    seed = re.search(r"<h2>Backward, from (<math>.*?</math>)</h2>", page)
    wanted = re.search(r"\\textbf\{Backward, from \$(.*)\$\}", latex)
    assert seed
    assert wanted
    assert formulas(seed[1]) == [squeezed(wanted[1])]


@each_example
def test_the_markdown_says_what_the_latex_says(example: Example) -> None:
    lines = [line for line in example.markdown.splitlines() if line.startswith("| $")]
    plain = [line.replace(r"\thinspace", "").replace(r"\space", "_").replace(r"\relax", "") for line in lines]
    found = [re.findall(r"\$(.*?)\$", line) for line in plain]
    assert len(found) == len(equations(example.latex))
    for formulas, (equation, note) in zip(found, equations(example.latex), strict=True):
        written = squeezed(equation)
        for formula in map(squeezed, formulas):
            assert formula in written + squeezed(note), formula
