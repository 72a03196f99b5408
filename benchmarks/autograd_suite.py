"""HIPS autograd's own tests, run on our Values: an independent proof of how much of NumPy is covered.

python -m benchmarks.autograd_suite [FOLDER]          (needs: pip install pytest)

FOLDER is an unpacked source of autograd 1.9.1; without it, pip downloads one. The tests run as they stand, with a
package in place of theirs that takes its names from this file: `autograd.numpy` is NumPy itself, `grad` and its kin are
ours, and `check_grads` compares our vjp and jvp with differences, to second order. The tests' functions get Values.

A test is left out if it needs complex numbers or the inside of autograd, as `LEFT_OUT` says; every other one counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

import tinygrad_edu as tg

Function = Callable[..., Any]

VERSION, CLAIMED = "1.9.1", 85.0
FILES = [
    f"test_{name}" for name in ("scalar_ops", "binary_ops", "systematic", "numpy", "graphs", "wrappers", "jacobian")
]
COMPLEX, INSIDE = "complex numbers", "internals of autograd: "
LEFT_OUT = {
    f"{file}::test_{name}": reason
    for file, reason, names in (
        ("test_systematic", COMPLEX, "max mean min sum prod var std"),
        ("test_systematic", COMPLEX, "sin cos tan sinh cosh tanh arcsinh arccosh arctanh exp exp2 expm1 sqrt"),
        ("test_systematic", COMPLEX, "log log2 log10 log1p abs absolute real real_ic imag conj conjugate angle"),
        ("test_systematic", COMPLEX, "add op_add op_sub op_mul kron dot outer matmul tensordot_1 einsum_matmult"),
        ("test_graphs", COMPLEX, "complex_mutating_outgrad_from_indexing complex_separate_real_and_imaginary"),
        ("test_wrappers", COMPLEX, "dtypes"),
        ("test_wrappers", INSIDE + "primitive and its deprecated defgrad", "deprecated_defgrad_wrapper"),
        ("test_wrappers", INSIDE + "primitive and its deprecated defvjp", "deprecated_defvjp_wrapper"),
        ("test_wrappers", INSIDE + "primitive and its deprecated defvjp_is_zero", "deprecated_defvjp_is_zero_wrapper"),
        ("test_wrappers", INSIDE + "the deprecated quick_grad_check", "deprecated_quick_grad_check_wrapper"),
    )
    for name in names.split()
}

STAND_IN = {
    "__init__.py": """
import importlib
import sys
from benchmarks.autograd_suite import checkpoint, elementwise_grad, grad, grad_and_aux, hessian_tensor_product
from benchmarks.autograd_suite import make_ggnvp, make_hvp, make_jvp, tensor_jacobian_product, value_and_grad
from tinygrad_edu import hessian, jacobian
for part in ("", ".random", ".linalg", ".fft"):
    sys.modules["autograd.numpy" + part] = importlib.import_module("numpy" + part)
""",
    "test_util.py": "from benchmarks.autograd_suite import check_equivalent, check_grads, combo_check",
    "tracer.py": "from benchmarks.autograd_suite import isbox",
}
REAL_PART = "AUTOGRAD_SUITE_REAL_PART"  # set in the environment: combo_check passes over complex arguments


# -- autograd's functions of functions, each by one of ours -----------------------------------------------------------
def grad(function: Function, argnum: Any = 0) -> Function:
    return tg.grad(function, argnum)


def value_and_grad(function: Function, argnum: Any = 0) -> Function:
    return tg.value_and_grad(function, argnum)


def elementwise_grad(function: Function, argnum: int = 0) -> Function:
    def summed(*args: Any) -> Any:
        value, pullback = tg.vjp(function, *args)
        return pullback(np.ones(np.shape(value)))[argnum]

    return summed


def grad_and_aux(function: Function) -> Function:
    def both(x: Any) -> tuple[Any, Any]:
        (_, aux), pullback = tg.vjp(function, x)
        return pullback((1.0, np.zeros(np.shape(aux))))[0], aux

    return both


def make_jvp(function: Function) -> Function:
    return lambda x: lambda v: tg.jvp(function, (x,), (v,))


def make_hvp(function: Function) -> Function:
    def at(x: Any) -> tuple[Function, Any]:
        gradient, pullback = tg.vjp(tg.grad(function), x)
        return lambda v: pullback(v)[0], gradient

    return at


def hessian_tensor_product(function: Function) -> Function:
    return lambda x, v: tg.hvp(function, (x,), (v,))[1][0]


def tensor_jacobian_product(function: Function) -> Function:
    return lambda x, v: tg.jacobian(lambda x: np.tensordot(v, function(x), axes=np.ndim(v)))(x)


def make_ggnvp(function: Function, outer: Function = lambda y: 0.5 * np.sum(y**2, axis=-1)) -> Function:
    def at(x: Any) -> Function:
        value, pullback = tg.vjp(function, x)
        return lambda v: pullback(tg.hvp(outer, (value,), (tg.jvp(function, (x,), (v,))[1],))[1][0])[0]

    return at


def checkpoint(function: Function) -> Function:
    return function  # it saves memory alone, and is imported but not tested


def isbox(x: Any) -> bool:
    return isinstance(x, tg.Value)


# -- their checks: the same tolerance, here for each number of a jvp, and better differences --------------------------
STEP, TOLERANCE = 1e-6, 1e-6  # a step as short as theirs: some of their inputs are 1e-5 from a tie


def leaves(tree: Any) -> list[Any]:
    """The numbers and arrays in nested lists and tuples, in order."""
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, list | tuple) else [tree]


def rebuilt(tree: Any, parts: Iterator[Any]) -> Any:
    """The same lists and tuples around other numbers and arrays."""
    return type(tree)([rebuilt(part, parts) for part in tree]) if isinstance(tree, list | tuple) else next(parts)


def space(x: Any) -> Any:
    """What two results must share: lists, tuples, and the shapes and dtypes in them; a list of floats is an array."""
    if isinstance(x, tuple) or (isinstance(x, list) and not all(isinstance(leaf, float) for leaf in leaves(x))):
        return [type(x), *map(space, x)]
    return np.shape(x), np.asarray(x).dtype


def numbers(x: Any) -> np.ndarray:
    """All of them in one row."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves(x)])


def random_like(x: Any) -> Any:
    """The same shapes, from the normal distribution."""
    return rebuilt(x, iter([np.random.randn(*np.shape(leaf)) for leaf in leaves(x)]))


def differences(function: Function, x: Any, v: Any) -> np.ndarray:
    """How `function` changes along `v`: two central differences, extrapolated to step 0."""

    def slope(h: float) -> np.ndarray:
        lines = [[a + step * b for a, b in zip(leaves(x), leaves(v), strict=True)] for step in (h, -h)]
        ahead, behind = (numbers(function(rebuilt(x, iter(line)))) for line in lines)
        return (ahead - behind) / (2 * h)

    return (4 * slope(STEP / 2) - slope(STEP)) / 3


def agree(what: str, ours: Any, theirs: Any) -> None:
    """AssertionError unless all numbers agree."""
    if not np.all(np.abs(ours - theirs) <= TOLERANCE * np.maximum(1, np.maximum(np.abs(ours), np.abs(theirs)))):
        raise AssertionError(f"{what}: {ours} is not {theirs}")


def same_space(what: str, ours: Any, theirs: Any) -> None:
    """AssertionError unless shapes, dtypes, lists and tuples agree."""
    if space(ours) != space(theirs):
        raise AssertionError(f"{what}: {space(ours)} is not {space(theirs)}")


def check_equivalent(x: Any, y: Any) -> None:
    same_space("kind", x, y)
    agree("value", numbers(x), numbers(y))


def check_grads(function: Function, argnum: Any = 0, modes: Any = ("fwd", "rev"), order: int = 2) -> Function:
    """Check the derivatives with respect to one argument, or to several as one tuple."""

    def check(*args: Any, **keywords: Any) -> None:
        def of_one(x: Any) -> Any:
            new = {argnum: x} if isinstance(argnum, int) else dict(zip(argnum, x, strict=True))
            return function(*[new.get(i, arg) for i, arg in enumerate(args)], **keywords)

        x = args[argnum] if isinstance(argnum, int) else tuple(args[i] for i in argnum)
        if "fwd" in modes:
            check_forward(of_one, x, modes, order)
        if "rev" in modes:
            check_reverse(of_one, x, modes, order)

    return check


def check_forward(function: Function, x: Any, modes: Any, order: int) -> None:
    """Our jvp against differences; and its own derivatives, in the point and in the tangent."""
    v = random_like(x)
    value, tangent = tg.jvp(function, (x,), (v,))
    check_equivalent(value, function(x))
    same_space("jvp", tangent, value)
    agree("jvp", numbers(tangent), differences(function, x, v))
    if order > 1:
        slope = lambda x, v: tg.jvp(function, (x,), (v,))[1]  # noqa: E731
        check_grads(slope, (0, 1), modes, order - 1)(x, random_like(x))


def check_reverse(function: Function, x: Any, modes: Any, order: int) -> None:
    """Our vjp against differences; and its own derivatives, in the point and in the seed."""
    value, pullback = tg.vjp(function, x)
    check_equivalent(value, function(x))
    g, v = random_like(value), random_like(x)
    (gradient,) = pullback(g)
    same_space("vjp", gradient, x)
    agree("vjp", numbers(gradient) @ numbers(v), numbers(g) @ differences(function, x, v))
    if order > 1:
        gradient_of = lambda x, g: tg.vjp(function, x)[1](g)[0]  # noqa: E731
        check_grads(gradient_of, (0, 1), modes, order - 1)(x, random_like(value))


def combo_check(function: Function, *settings: Any, **options: Any) -> Function:
    """Check for every combination of the given arguments."""

    def check(*choices: Any, **named_choices: Any) -> None:
        for args in product(*choices):
            if REAL_PART in os.environ and any(map(np.iscomplexobj, leaves(args))):
                continue
            for values in product(*named_choices.values()):
                keywords = dict(zip(named_choices, values, strict=True))
                check_grads(function, *settings, **options)(*args, **keywords)

    return check


# -- the run ----------------------------------------------------------------------------------------------------------
def download(folder: Path) -> Path:
    """The source of autograd, unpacked."""
    what = ["--no-deps", "--no-binary", ":all:", f"autograd=={VERSION}"]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", folder, *what], check=True)
    with tarfile.open(next(folder.glob("autograd-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"autograd-{VERSION}"


def run(folder: Path, tests: Path, names: list[str], **environment: str) -> dict[str, str]:
    """Run tests with our package in place of theirs: for each its name and why it failed, or "" if it passed."""
    package = folder / "autograd"
    package.mkdir(exist_ok=True)
    for name, text in STAND_IN.items():
        (package / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    path = os.pathsep.join([str(folder), str(Path(__file__).parent.parent)])
    options = ["-q", "-p", "no:cacheprovider", "-c", "pytest.ini", f"--rootdir={tests}", "--junitxml=report.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *[tests / name for name in names]],
        cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | environment,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest could not run them:\n{done.stdout}{done.stderr}")
    found = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        name = f"{case.attrib['classname'].rpartition('.')[2]}::{case.attrib['name']}"
        outcomes = [child for child in case if child.tag in ("failure", "error", "skipped")]
        found[name] = "; ".join((child.get("message") or child.tag).strip().splitlines()[0] for child in outcomes)
    return found


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tests = (Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else download(folder)) / "tests"
        found = run(folder, tests, [f"{file}.py" for file in FILES])
        complex_ones = [name.replace("::", ".py::") for name, reason in LEFT_OUT.items() if reason == COMPLEX]
        real_part = run(folder, tests, complex_ones, **{REAL_PART: "1"})
    return report(found, real_part)


def report(found: dict[str, str], real_part: dict[str, str]) -> int:
    """Print the table, the failures and what was left out; the exit status."""
    if unknown := LEFT_OUT.keys() - found.keys():
        raise SystemExit(f"There is no test {', '.join(sorted(unknown))} to leave out.")
    counted = {name: why for name, why in found.items() if name not in LEFT_OUT}
    failed = {name: why for name, why in counted.items() if why}
    print(f"{'':18}{'counted':>9}{'passed':>9}{'left out':>9}")
    for file in [*FILES, ""]:
        total, bad, out = (sum(key.startswith(f"{file}") for key in keys) for keys in (counted, failed, LEFT_OUT))
        print(f"{file or 'together':18}{total:9}{total - bad:9}{out:9}")
    share = 100 * (1 - len(failed) / len(counted))
    print(f"\n{share:.1f} % pass, claimed at least {CLAIMED:.0f} %.\n\nFailed:")
    print(*(f"  {name}: {why}" for name, why in failed.items()), sep="\n")
    print("\nLeft out:")
    print(*(f"  {name}: {reason}" for name, reason in LEFT_OUT.items()), sep="\n")
    good = sum(not why for why in real_part.values())
    print(f"\nNot counted: of the {len(real_part)} with complex numbers, {good} pass on their real arguments alone.")
    print(*(f"  {name}: {why}" for name, why in real_part.items() if why), sep="\n")
    return int(share < CLAIMED)


if __name__ == "__main__":
    sys.exit(main())
