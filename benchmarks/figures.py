"""The figures of the last run of each module, kept beside the scripts, so that pages and pictures can be made anew."""

import json
import platform
import re
from datetime import date
from importlib import import_module, metadata
from pathlib import Path

import numpy as np

from benchmarks.measure import Result

FILE = Path(__file__).with_name("figures.json")
PEERS = ("torch", "jax", "micrograd", "mygrad", "autograd", "scikit-learn")


def keep(name, results):
    """Put the figures of a module in the place of its last."""
    stored = json.loads(FILE.read_text()) if FILE.exists() else {}
    cases = {result.case.title: [rounded(result), result.missing, round(result.disturbance, 2)] for result in results}
    stored[name] = {"date": date.today().isoformat(), "machine": machine(), "cases": cases}
    FILE.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in stored.items()) + "\n}\n")


def rounded(result):
    """Four digits of each figure."""
    return {side: [float(f"{x:.4g}") for x in numbers] for side, numbers in result.figures.items()}


def kept(name):
    """The results of a module's last run, and what is said of it; of cases that are still there."""
    stored = json.loads(FILE.read_text()).get(name) if FILE.exists() else None
    if stored is None:
        return [], {}
    found = [case for case in import_module(f"benchmarks.{name}").CASES if case.title in stored["cases"]]
    return [Result(case, *stored["cases"][case.title]) for case in found], stored


def machine():
    """On what it was measured."""
    return f"{processor()}; {platform.system()}; Python {platform.python_version()}; {', '.join(versions())}"


def processor():
    """Its name, and what NumPy makes of it."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return f"{names[0] if names else platform.processor()}, {len(names) or '?'} processors"


def versions():
    """NumPy and its BLAS, and of the others those that are here."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield f"NumPy {np.__version__} with {blas['name']} {blas['version']}"
    for name in PEERS:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
