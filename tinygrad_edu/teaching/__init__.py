"""Teaching: the backward pass to walk through, to read, to question and to be marked on."""

from . import broken as broken
from ..contributions import GradState as GradState, grad_state as grad_state
from .explaining import explain as explain
from .formats import Explanation as Explanation
from .ledgers import Ledger as Ledger, Why as Why, ledger as ledger, why as why
from .marking import Mark as Mark, Marks as Marks, check_by_hand as check_by_hand
from .path_sums import Path as Path, Paths as Paths, paths as paths
from .steps import Step as Step, Walk as Walk, walk as walk
from .worksheets import Worksheet as Worksheet, worksheet as worksheet
