"""The house: who may import whom, what loads when, how long the core is, which names there are and that each explains
itself. All of it is read from the files themselves.
"""

import ast
import graphlib
import inspect
import io
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import tinygrad_edu as tg
from tinygrad_edu import GradientError, datasets, nn, ops

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_edu"
FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
         for path in sorted(PACKAGE.rglob("*.py"))}  # fmt: skip

# The staircase: each part of the package, and the parts it may import. Whatever is not listed is forbidden.
ROOMS = {
    "kernels",
    "calling",
    "ops",
    "rows",
    "functions",
    "arrays",
    "matrices",
    "linalg",
    "images",
}  # rows, and what is composed of them
CORE = ROOMS | {"errors", "methods", "operators", "protocol", "recording", "backward", "value"}
READERS = {  # for people
    "symbol", "notation", "elements", "wording", "naming", "folding", "contributions", "edges", "replay",
}  # fmt: skip
KNOWN = CORE | READERS | {"transforms", "trees", "domains"}
STAIRS = {
    "kernels": set(),
    "calling": set(),
    "recording": set(),
    "ops": {"kernels", "calling"},
    "rows": {"kernels", "ops"},
    "functions": {"kernels", "calling", "ops", "recording", "rows"},
    "arrays": {"ops", "rows", "functions"},
    "matrices": {"kernels", "ops"},
    "linalg": ROOMS - {"linalg", "images"},
    "images": {"kernels", "ops", "functions"},
    "methods": ROOMS - {"kernels", "calling"},
    "operators": {"methods", "ops", "rows"},
    "protocol": {"ops"},
    "errors": {"ops", "recording"},
    "backward": {"errors", "kernels", "ops"},
    "value": CORE - {"value"},
    "trees": CORE,
    "transforms": CORE | {"trees"},
    "domains": ROOMS - {"kernels", "calling"},
    "symbol": {"kernels", "notation", "operators", "ops", "protocol"},
    "notation": {"calling", "ops"},
    "operations": KNOWN,
    "elements": {"images", "kernels", "matrices", "notation", "ops", "rows", "symbol"},
    "wording": {"ops"},
    "naming": CORE | {"folding", "wording"},
    "folding": CORE,
    "edges": CORE | {"naming", "symbol"},
    "contributions": CORE | {"naming", "symbol"},
    "replay": CORE | {"symbol"},
    "expressions": {"value", "functions", "ops", "rows"},
    "checking": KNOWN,
    "drawing": KNOWN | {""},  # a walk it asks the package for
    "teaching": KNOWN | {"expressions", ""},  # a drawing it asks the package for
    "program": KNOWN,
    "nn": CORE | {"program"},
    "testing": KNOWN | {"checking", "nn", ""},  # a drawing it asks the package for
    "datasets": set(),
    "tour": KNOWN | {"expressions", "checking", "drawing", "teaching", "nn", "datasets"},
    "examples": {"value", "nn", "datasets"},
    "debugger": KNOWN | {"expressions", "drawing", "teaching"},
    "cli": KNOWN
    | {
        "examples",
        "expressions",
        "checking",
        "drawing",
        "teaching",
        "debugger",
        "program",
        "nn",
        "datasets",
        "tour",
        "",
    },
    "__main__": {"cli"},
    "": CORE | {"transforms"},  # __init__, before anything is used
}
OTHERS = {  # numpy and the standard library aside
    "drawing": {"graphviz", "matplotlib"}, "checking": {"matplotlib"}, "nn": {"tqdm"},
    "testing": {"hypothesis", "pytest"},
}  # fmt: skip
LAZY = ["matplotlib", "graphviz", "tqdm", "torch", "hypothesis"] + [
    f"tinygrad_edu.{name}"
    for name in (
        "nn",
        "drawing",
        "checking",
        "datasets",
        "cli",
        "tour",
        "expressions",
        "symbol",
        "teaching",
        "testing",
        "program",
    )
]


def part(module):
    """The part of the package that a module belongs to: `tinygrad_edu.nn.layers` to nn, the package itself to ""."""
    return [*module.split("."), ""][1]


def statements(tree, inside_functions):
    """The import statements that run, outside `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not inside_functions:
            continue
        elif not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield from statements(node, inside_functions)


def imports(module, inside_functions=True):
    """The modules that a module of the package imports, by full name."""
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in statements(ast.parse(FILES[module].read_text("utf-8")), inside_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            continue
        base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
        source = ".".join(filter(None, (base, node.module)))
        for alias in node.names:
            inner = f"{source}.{alias.name}"
            yield inner if inner in FILES else source


# The staircase. -------------------------------------------------------------------------------------------------------


def test_the_reader_of_imports_sees_every_form():
    assert set(imports("tinygrad_edu.nn.layers")) >= {
        "tinygrad_edu.ops",
        "tinygrad_edu.value",
        "tinygrad_edu.nn.module",
    }
    assert "tinygrad_edu.datasets.idx" in set(imports("tinygrad_edu.datasets.digits"))
    assert "tqdm.auto" in set(imports("tinygrad_edu.nn.training"))
    assert "tqdm.auto" not in set(imports("tinygrad_edu.nn.training", inside_functions=False))
    assert "tinygrad_edu.nn" not in set(imports("tinygrad_edu", inside_functions=False))
    assert "tinygrad_edu.nn.module" not in set(imports("tinygrad_edu.nn.training"))  # for the types only


def test_every_part_of_the_package_has_a_place_on_the_stairs():
    assert {part(module) for module in FILES} == set(STAIRS)


def test_the_stairs_only_go_down():
    order = list(graphlib.TopologicalSorter(STAIRS).static_order())
    assert order.index("kernels") < order.index("ops") < order.index("value") < order.index("nn") < order.index("cli")
    assert not any(
        above in STAIRS[below] for above in ("tour", "cli", "__main__") for below in KNOWN | {"nn", "datasets"}
    )


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_downward_only(module):
    own = part(module)
    found = {name for name in imports(module, inside_functions=own != "") if name.split(".")[0] == "tinygrad_edu"}
    assert {part(name) for name in found} - {own} <= STAIRS[own]


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_numpy_and_the_standard_library_and_little_else(module):
    found = {name.split(".")[0] for name in imports(module)} - set(sys.stdlib_module_names)
    assert found - {"tinygrad_edu", "numpy"} <= OTHERS.get(part(module), set())


def test_no_two_modules_import_each_other():
    graph = {
        module: {
            name
            for name in imports(module, inside_functions=False)
            if name in FILES and FILES[name].name != "__init__.py"
        }
        for module in FILES
    }
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(FILES)


# What loads when. -----------------------------------------------------------------------------------------------------


def python(code):
    """What a fresh interpreter prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split()


def test_importing_the_package_loads_the_core_alone():
    loaded = set(python("import sys, tinygrad_edu; print(*sys.modules)"))
    assert {"numpy", "tinygrad_edu.value", "tinygrad_edu.ops"} <= loaded
    assert loaded.isdisjoint(LAZY)


@pytest.mark.parametrize(
    ("use", "module"),
    [
        ("tg.nn.Dense", "tinygrad_edu.nn"),
        ("tg.datasets.xor", "tinygrad_edu.datasets"),
        ("tg.draw", "tinygrad_edu.drawing"),
        ("tg.check_gradients", "tinygrad_edu.checking"),
        ("tg.grad", "tinygrad_edu.transforms"),
    ],
)
def test_the_rest_loads_on_first_use(use, module):
    assert python(f"import sys, tinygrad_edu as tg; {use}; print({module!r} in sys.modules)") == ["True"]


def test_importing_one_part_leaves_the_others_alone():
    loaded = set(python("import sys, tinygrad_edu.nn; print(*sys.modules)"))
    assert loaded.isdisjoint(
        {"matplotlib", "graphviz", "tinygrad_edu.drawing", "tinygrad_edu.checking", "tinygrad_edu.cli"}
    )
    loaded = set(python("import sys, tinygrad_edu as tg; tg.draw(tg.Value(1.0)); print(*sys.modules)"))
    assert loaded.isdisjoint({"matplotlib", "tqdm", "tinygrad_edu.nn", "tinygrad_edu.datasets", "tinygrad_edu.cli"})


def test_importing_leaves_the_interpreter_as_it_was():
    settings = "gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), np.geterr()"
    assert python(
        f"import gc, sys, numpy as np; a = {settings}; import tinygrad_edu.cli; print(a == ({settings}))"
    ) == ["True"]


def test_loading_nn_changes_nothing_in_the_table():
    code = "from tinygrad_edu import ops; n = [*ops.TABLE]; import tinygrad_edu.cli; print(n == [*ops.TABLE])"
    assert python(code) == ["True"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tinygrad_edu' has no attribute 'gard'"):
        tg.gard  # noqa: B018
    assert not hasattr(tg, "walkk")


# The size of the core, and what the README says of it. ----------------------------------------------------------------


def length(name):
    return len((PACKAGE / name).read_text("utf-8").splitlines())


def test_the_core_is_read_in_one_sitting():
    assert sum(map(length, ("ops.py", "operators.py", "backward.py", "value.py"))) <= 700


def test_the_readme_states_the_lengths_of_the_core_in_reading_order():
    text = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\|[^|]*\| *\[`([\w/]+\.py)`\]\(tinygrad_edu/([\w/]+\.py)\) *\| *(\d+) *\|", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["ops.py", "operators.py", "backward.py", "value.py"]
    assert [(name, int(lines)) for _, name, lines in rows] == [(name, length(name)) for name, _, _ in rows]


# Names. ---------------------------------------------------------------------------------------------------------------

ROWS = """
    add subtract multiply divide power negative abs sign greater greater_equal less less_equal equal not_equal
    exp log log1p expm1 sqrt square reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
    maximum minimum where clip sigmoid relu softplus
    sum mean prod max min var std logsumexp softmax log_softmax norm
    reshape transpose broadcast_to squeeze expand_dims flatten concatenate stack matmul linear
    exp2 log2 log10 cbrt sinc degrees radians fabs floor ceil rint trunc round arctan2 hypot logaddexp logaddexp2
    fix isnan fmax fmin remainder floor_divide leaky_relu elu gelu silu nan_to_num
    cumsum cumprod diff gradient average median ptp argmax argmin argsort argpartition sort partition take_along_axis
    swapaxes moveaxis rollaxis ravel flip fliplr flipud roll rot90 tile repeat split array_split hsplit vsplit dsplit
    hstack vstack dstack column_stack append atleast_1d atleast_2d atleast_3d pad take diag diagonal trace triu tril
    select linspace astype copy
    dot vdot inner outer tensordot einsum kron cross vecdot multi_dot matrix_power matrix_transpose
    inv det slogdet solve cholesky eigh eigvalsh svd svdvals pinv vector_norm matrix_norm
    conv2d max_pool2d avg_pool2d
"""
REST = """
    Value GradientError grad value_and_grad vjp jvp jacobian hessian hvp no_grad detect_anomaly
    walk Walk Step explain Explanation why Why ledger Ledger grad_state GradState paths Paths Path
    check_by_hand Marks Mark worksheet Worksheet broken
    draw Drawing film Film operation check_gradients GradientReport GradientCheckError numerical_gradient
    oracles Oracles compile Compiled
"""
NETWORKS = """
    Module Sequential Dense Dropout ReLU Sigmoid Tanh Softplus Softmax LogSoftmax
    mse sum_squared_error cross_entropy binary_cross_entropy SGD Adam Optimizer History
"""
DATA = "workshop_line xor and_gate or_gate mnist read_idx read_csv MNIST"
EVERY = [
    pytest.param(home, name, id=name)
    for home, names in ((tg, ROWS + REST), (nn, NETWORKS), (datasets, DATA))
    for name in names.split()
]
WITHOUT_EXAMPLE = {  # errors and reports are shown where they are made; an activation layer is its function
    "Film", "Walk", "Step", "Explanation", "Why", "Ledger", "GradState", "Paths", "Path", "Marks", "Mark", "Worksheet",
    "Compiled", "GradientError", "GradientReport", "GradientCheckError", "Oracles", "MNIST", "Optimizer",
    "ReLU", "Sigmoid", "Tanh", "Softplus", "Softmax", "LogSoftmax",
}  # fmt: skip


@pytest.mark.parametrize(("home", "name"), EVERY)
def test_a_public_name_is_there_and_listed(home, name):
    assert getattr(home, name) is not None
    assert name in dir(home)


@pytest.mark.parametrize(("home", "name"), EVERY)
def test_a_public_name_explains_itself_and_shows_an_example(home, name):
    text = inspect.getdoc(getattr(home, name))
    assert text
    assert text.splitlines()[0].endswith((".", ":"))
    assert ">>>" in text or name in WITHOUT_EXAMPLE


@pytest.mark.parametrize(
    "cls",
    [
        tg.Walk,
        tg.Step,
        tg.Why,
        tg.Ledger,
        tg.Paths,
        tg.Path,
        tg.Marks,
        tg.Mark,
        tg.Worksheet,
        tg.Film,
        tg.Value,
        tg.Drawing,
        tg.GradientReport,
        tg.Oracles,
        nn.Module,
        nn.Sequential,
        nn.Dense,
        nn.Optimizer,
        nn.SGD,
        nn.History,
    ],
)
def test_every_public_method_has_a_docstring(cls):
    for name, member in vars(cls).items():
        described = isinstance(member, property | staticmethod) or callable(member)
        if described and not name.startswith("_"):
            assert inspect.getdoc(member), name


@pytest.mark.parametrize("module", FILES)
def test_every_module_class_and_function_of_several_lines_is_described(module):
    tree = ast.parse(FILES[module].read_text("utf-8"))
    assert ast.get_docstring(tree)
    public = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]  # fmt: skip
    small = {"ops", "kernels"}  # the rows of the table say what their helpers compute
    undescribed = [n.name for n in public if isinstance(n, ast.ClassDef) and not ast.get_docstring(n)]
    assert part(module) in small or undescribed == []


def test_the_classes_of_errors():
    assert issubclass(GradientError, RuntimeError)
    assert issubclass(tg.GradientCheckError, GradientError)


def test_every_row_is_public_or_a_helper_of_rules():
    helpers = {"same", "getitem", "scatter", "sum_to", "slope", "xlogy", "log_of", "ratio", "wins", "share", "inside",
               "put_along_axis", "others", "cofactor", "phi", "gaps", "p_norm", "one_hot", "cross_entropy",
               "conv2d_image", "conv2d_weight", "image_shares", "image_sum", "image_spread"}  # fmt: skip
    rows = {name for name, row in ops.TABLE.items() if row.__class__ is ops.Op}
    assert rows - helpers <= set(ROWS.split())
    # by a composition of that name
    called = {"clip", "norm", "einsum", "slogdet", "eigh", "svd", "conv2d", "max_pool2d"}
    assert all(getattr(tg, name) is ops.TABLE[name] for name in rows & set(ROWS.split()) - called)


# Manners. -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", FILES)
def test_no_assert_no_bare_except_no_print_outside_the_command_line(module):
    tree = ast.parse(FILES[module].read_text("utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    printing = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "print"]
    assert not printing or part(module) in ("cli", "tour", "drawing")


@pytest.mark.parametrize("module", FILES)
def test_what_is_ignored_is_named_and_nothing_is_left_to_do(module):
    source = FILES[module].read_text("utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            assert not re.search(r"type: ignore(?!\[)|noqa(?!: [A-Z]+\d)|\b(TODO|FIXME|XXX|HACK)\b", token.string), (
                token.line
            )


@pytest.mark.parametrize("module", FILES)
def test_the_package_never_evaluates_text_nor_touches_the_collector(module):
    tree = ast.parse(FILES[module].read_text("utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert called.isdisjoint(
        {"eval", "exec", "compile", "__import__"} - ({"exec"} if part(module) == "program" else set())
    )
    assert {"gc", "pickle", "marshal", "shelve"}.isdisjoint(name.split(".")[0] for name in imports(module))


def test_the_table_stays_within_its_columns():
    assert all(len(line) <= 120 for line in (PACKAGE / "ops.py").read_text("utf-8").splitlines())
    assert (PACKAGE / "ops.py").read_text("utf-8").count("# fmt: off") == 1


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()
    assert re.fullmatch(r"\d+\.\d+\.\d+", tg.__version__)
