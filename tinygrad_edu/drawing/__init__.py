"""Drawings of computation graphs: `draw` makes a `Drawing`, which can be a picture, DOT, Mermaid or plain text.

`moments.py` says what has flowed, `graph.py` what is shown (`budget.py` how much of it), `labels.py` what is written on
it. `dot.py`, `mermaid.py` and `tree.py` write it down; `render.py` makes pictures, `paper.py` a PDF without Graphviz,
and `standby.py` keeps `dot` running. `films.py` shows every moment of a pass, one after the other.
"""

from .drawings import Drawing as Drawing, target as target, write_whole as write_whole
from .films import Film as Film, film as film
from .scene import draw as draw
