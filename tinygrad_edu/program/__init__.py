"""The recorded graph as a program: readable source, and the same compiled."""

from .running import Compiled as Compiled, compile as compile
from .writing import Source as Source, source as source
