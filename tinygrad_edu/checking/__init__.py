"""Checks of gradients: what the backward pass says, beside what the function does when its inputs move a little."""

from .check import check_gradients as check_gradients
from .consensus import Oracle as Oracle, OracleRow as OracleRow, Oracles as Oracles
from .curve import Curve as Curve
from .differences import numerical_gradient as numerical_gradient
from .report import Finding as Finding
from .report import GradientCheckError as GradientCheckError
from .report import GradientReport as GradientReport
from .report import Row as Row
from .ways import oracles as oracles
