"""The time of `import tinygrad_edu` against `import numpy`, each in fresh interpreters that alternate.

python -m benchmarks.import_time

Both are imported from compiled bytecode, as pip leaves every package that it installs; for a checkout it is kept in a
temporary folder, whatever PYTHONDONTWRITEBYTECODE says.
"""

import os
import statistics
import subprocess
import sys
import tempfile

PROGRAM = "import time; begin = time.perf_counter(); import {}; print(time.perf_counter() - begin)"


def seconds(module, folder):
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", PROGRAM.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for module in ("tinygrad_edu", "numpy"):
            seconds(module, folder)
        pairs = [(seconds("tinygrad_edu", folder), seconds("numpy", folder)) for _ in range(25)]
    mine, numpy = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"import tinygrad_edu {mine * 1e3:.1f} ms, numpy {numpy * 1e3:.1f} ms, ratio {ratio:.3f}, claimed 1.3")
