"""The time of `import tinygrad_edu` against `import numpy` and others, each in fresh interpreters that alternate.

All are imported from compiled bytecode, as pip leaves every package that it installs; for a checkout it is kept in a
temporary folder, whatever PYTHONDONTWRITEBYTECODE says.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from functools import partial

from benchmarks.measure import Case, Claim, MissingError

PROGRAM = "import time; begin = time.perf_counter(); import {}; print(time.perf_counter() - begin)"
MODULES = ("tinygrad_edu", "numpy", "autograd", "mygrad", "jax", "torch")


def importing(module):
    """The seconds of an import."""
    if importlib.util.find_spec(module) is None:
        raise MissingError(f"there is no {module}")
    folder = tempfile.TemporaryDirectory()
    environment = os.environ | {"PYTHONPYCACHEPREFIX": folder.name}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def step():
        command = [sys.executable, "-c", PROGRAM.format(module)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return float(done.stdout) + 0 * len(folder.name)  # the folder is there as long as the step is

    return step


CASES = [
    Case(
        "To import a library",
        {f"import {module}": partial(importing, module) for module in MODULES},
        [Claim("import tinygrad_edu", 1.3, "import numpy")],
        unit="seconds", rounds=15, losses=1,
    )
]  # fmt: skip
