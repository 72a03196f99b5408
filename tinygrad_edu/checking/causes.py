"""Why a check failed: each rule on the way examined by itself, and what is wrong about the gradient it gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from math import isfinite, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..backward import sweep
from ..domains import DOMAINS, kinks
from ..edges import rule_of
from ..replay import computed
from ..symbol import applied
from ..value import Value
from .differences import Place, along, central, scale_of, value_at
from .problem import Problem, leaf_of, name_of
from .report import Finding, Row
from .verdicts import SURE

if TYPE_CHECKING:
    from .exam import Exam

MOST = 400  # nodes that are examined
WHOLE = 144  # elements, up to which an array is measured as a whole to see what is wrong with it
SOME = 24  # elements of a larger one
SHIFTS = 4  # points nearby at which a wrong gradient is looked at
BATCH = 65  # rows of a batch that f may know of without being given it
COARSER = 64.0  # times the step that told most: where extrapolation begins
CLOSE = 1e-6  # relative, for "the same numbers"


def findings(exam: Exam, rows: Sequence[Row], order: int) -> list[Finding]:
    """The reasons for what is not simply right among these rows."""
    wrong = [row for row in rows if row.verdict == "wrong"]
    infinite = any(row.verdict == "not finite" for row in rows)
    special = any(row.verdict in ("kink", "not differentiable") for row in rows)
    with np.errstate(all="ignore"):
        found = [*of_operations(exam, order, bool(wrong) or infinite)] if wrong or infinite or special else []
        if wrong and not any(finding.verdict == "wrong" for finding in found):
            found = [*of_inputs(exam.of(exam.problem if order == 1 else exam.problem.slope), wrong, order), *found]
    said = {finding.text: finding for finding in reversed(found) if wrong or finding.verdict != "wrong"}
    return [*reversed(said.values())]


# -- rule by rule ------------------------------------------------------------------------------------------------------


def of_operations(exam: Exam, order: int, wrong: bool) -> Iterator[Finding]:
    """What each recorded operation does by itself, at the very numbers it was given; each rule is told of once.

    Of a second derivative the operations are those of the first, in which the rules have become operations themselves.
    Only if all of them are right a rule can be such that it cannot be differentiated again.
    """
    nodes = (exam.problem if order == 1 else exam.problem.slope).operations
    found: dict[Any, Finding] = {}
    largest_first = sorted(nodes[:MOST], key=lambda node: -max(map(np.size, node.numbers)))
    for node in largest_first:
        for finding in of_operation(exam, node, wrong):
            key = finding.operation, finding.operand, finding.verdict
            if key not in found or found[key].kind == "other":
                found[key] = finding
    if wrong and order == 2 and not any(finding.verdict == "wrong" for finding in found.values()):
        for node in exam.problem.operations[:MOST]:
            for finding in once_more(exam, node):
                found.setdefault((finding.operation, finding.operand), finding)
    yield from found.values()


def of_operation(exam: Exam, node: Value, wrong: bool) -> Iterator[Finding]:
    """What is to be said of one operation, at the numbers that it was given."""
    bent = bool(kinks(node.op)) or node.op not in DOMAINS
    problem, operands = of_node(node)
    if not problem.points or not (wrong or bent) or not all(np.isfinite(x).all() for x in problem.points):
        return
    alone = exam._replace(problem=problem, step=None, samples=WHOLE if bent else 8, directions=2)
    with contextlib.suppress(ArithmeticError, ValueError, np.linalg.LinAlgError):
        rows = [*alone.rows()]
        for i, operand in enumerate(operands):
            where = f"the rule of {name_of(node)} for its operand {problem.names[i]}"
            own = [row for row in rows if row.place.input == i and row.verdict != "ok"]
            infinite = next((row for row in own if row.verdict == "not finite" and isfinite(row.numeric)), None)
            if bad := [row for row in own if row.verdict == "wrong"]:
                kind, says = kind_of(problem, i, Gauge(alone.noise(), bad[0].step))
                yield Finding(where, node.op, operand, "wrong", kind, f"{where} {says}.")
            elif infinite is not None:
                text = f"{where} gives {infinite.analytic}, where the slope is finite."
                yield Finding(where, node.op, operand, "not finite", "other", text)
            elif special := [row for row in own if row.verdict in ("kink", "not differentiable", "not finite")]:
                yield special_point(node, operand, problem.names[i], by_itself(alone, special[0]))


def once_more(exam: Exam, node: Value) -> Iterator[Finding]:
    """Rules that are right, but cannot be differentiated: each by itself as a function of all operands."""
    problem, operands = of_node(node)
    for i, operand in enumerate(operands):
        rule = problem.at(problem.points).slope
        rule.weights = [w if k == i else np.zeros(np.shape(w))[()] for k, w in enumerate(rule.weights)]
        alone = exam._replace(problem=rule, step=None, samples=8, directions=2)
        with contextlib.suppress(ArithmeticError, ValueError, np.linalg.LinAlgError):
            if any(row.verdict == "wrong" for row in alone.rows()):
                where = f"the rule of {name_of(node)} for its operand {problem.names[i]}"
                text = (
                    f"{where} is right, but it cannot be differentiated again: is there a plain number in it, by "
                    "float, .data or np.asarray, where an operation belongs?"
                )
                yield Finding(where, node.op, operand, "wrong", "second derivative", text)


def of_node(node: Value) -> tuple[Problem, list[int]]:
    """One operation as a function of the operands that depend on an input; and which these are."""
    operands = [
        i for i, (x, n) in enumerate(zip(node.operands, node.numbers, strict=True))
        if isinstance(x, Value) and x.requires_grad and np.asarray(n).dtype.kind == "f"
    ]  # fmt: skip
    letters = ["x"] if len(node.operands) == 1 else list("abcdefgh")
    labels = [letters[i] if i < len(letters) else f"operand {i}" for i in operands]
    op: Any = node.op

    def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
        leaves = [leaf_of(x, name, record) for x, name in zip(numbers, labels, strict=True)]
        given = dict(zip(operands, leaves, strict=True))
        result = applied(op, [given.get(i, n) for i, n in enumerate(node.numbers)], node.settings)
        return result if isinstance(result, Value) else Value.node(result), leaves

    points = [np.array(node.numbers[i]) for i in operands]
    return Problem(run, points, labels, np.random.default_rng(0)), operands


def by_itself(exam: Exam, row: Row) -> Row:
    """The same place of an operation, its numbers simply added up: the slopes are then its own."""
    problem = exam.problem.at(exam.problem.points)
    problem.weights = [np.ones(np.shape(weight))[()] for weight in exam.problem.weights]
    plain = exam.of(problem)
    found = plain.row(row.place, value_at(problem.gradient()[row.place.input], row.place), plain.noise(), None, 0.0)
    return found if found.verdict == row.verdict else row  # what is added up may have no kink


def special_point(node: Value, operand: int, letter: str, row: Row) -> Finding:
    """A kink or a jump of an operation, and what its table says of it."""
    conventions = dict.fromkeys(kink.convention for kink in kinks(node.op))
    says = f" Convention: {'; '.join(conventions)}." if conventions else ""
    where = f"{name_of(node)}, at its operand {letter}"
    what = {"kink": "has a kink here", "not differentiable": "is not differentiable here"}.get(
        row.verdict, "has no finite slope here"
    )
    text = f"{name_of(node)} {what} ({row.evidence}).{says}"
    return Finding(where, node.op, operand, row.verdict, "", text)


# -- input by input ----------------------------------------------------------------------------------------------------


def of_inputs(exam: Exam, wrong: Sequence[Row], order: int) -> Iterator[Finding]:
    """Every rule by itself is right, or there are none to look at: what is wrong with the gradient of each input."""
    problem = exam.problem
    for i in sorted({row.place.input for row in wrong}):
        name = problem.names[i]
        where = f"the gradient of {name}"
        row = next(row for row in wrong if row.place.input == i)
        if order == 1 and not problem.claimed and unrecorded(problem, row):
            some = bool(np.any(problem.gradient()[i]))
            says = (
                f"each rule on the way is right, but f also uses {name} in a way that is not recorded"
                if some
                else f"nothing that was recorded leads from {name} to the result, which depends on {name} all the same"
            )
            ways = f"{name}.data, float({name}), {name}.item() or np.asarray inside f"
            yield Finding(where, None, None, "wrong", "cut" if some else "no gradient", f"{says}: look for {ways}.")
            continue
        kind, says = kind_of(problem, i, Gauge(exam.noise(), row.step))
        yield Finding(where, None, None, "wrong", kind, f"{where} {says}.")


def unrecorded(problem: Problem, row: Row) -> bool:
    """Whether the recorded graph, computed again on moved numbers, does what its gradient says, unlike f itself."""
    [result], leaves = problem.results(problem.points, True)
    if not result.requires_grad:
        return True

    def run(numbers: Sequence[Any], record: bool) -> tuple[Any, list[Value]]:
        number = computed(result, dict(zip(leaves, numbers, strict=True)))
        return Value.node(number), []

    replayed = Problem(run, problem.points, problem.names, problem.random)
    replayed.weights = problem.weights
    line = along(replayed, row.place)
    slope = central(line, scale_of(replayed, row.place), 0.0)
    size = max(abs(row.analytic), abs(row.numeric))
    return abs(slope.slope - row.analytic) <= 1e-4 * size + SURE * min(slope.uncertainty, size / 100)


# -- what is wrong with a gradient -------------------------------------------------------------------------------------


class Gauge(NamedTuple):
    """How to measure: the noise in the values of a function, and a step at which its slope could be told."""

    noise: float
    step: float  # nan if none is known


class Sample(NamedTuple):
    """A gradient as claimed and as measured, at one point; `off` is how far the measured one may be off."""

    problem: Problem
    claimed: np.ndarray
    measured: np.ndarray
    off: float
    gauge: Gauge


def kind_of(problem: Problem, i: int, gauge: Gauge) -> tuple[str, str]:
    """The kind of a mistake and a phrase for it, told from the gradient of input `i` at several points nearby."""
    samples = [*samples_of(problem, i, gauge)]
    if not samples:
        return "other", "is wrong"
    claimed = problem.gradient()[i]
    if claimed.shape != problem.points[i].shape:
        return of_shape(claimed, samples[0], problem.names[i])
    if not all(np.isfinite(sample.claimed[~np.isnan(sample.measured)]).all() for sample in samples):
        return "other", "is nan or inf where the slope is finite"
    for told in TOLD:
        if (kind := told(samples, i)) is not None:
            return kind
    pairs = zip(samples[0].claimed.flat, samples[0].measured.flat, strict=True)
    bad = [not same(a, n, samples[0]) for a, n in pairs if not np.isnan(n)]
    if not any(bad):
        return "other", "is right at the elements that were looked at, and wrong elsewhere"
    if 0 < sum(bad) < len(bad) and samples[0].claimed.ndim:
        first = np.unravel_index(bad.index(True), samples[0].claimed.shape)
        return (
            "other",
            f"is wrong at {sum(bad)} of {len(bad)} elements, such as {list(map(int, first))}, and right elsewhere",
        )
    return "other", "is wrong, and not by a constant factor or offset"


def samples_of(problem: Problem, i: int, gauge: Gauge) -> Iterator[Sample]:
    """The gradient of one input here and at points nearby, claimed beside measured."""
    random = np.random.default_rng(7)
    for k in range(SHIFTS):
        points = problem.points
        if k:
            points = [(x + 0.05 * random.uniform(-1, 1, x.shape) * np.where(x, x, 1)).astype(x.dtype) for x in points]
        moved = problem.at(points)
        if len(problem.weights) == 1 and not np.shape(problem.weights[0]) and not problem.claimed:
            moved.weights = [1.0 - 0.3 * k]  # so that an offset is told from a factor
        with contextlib.suppress(ArithmeticError, ValueError, np.linalg.LinAlgError):
            claimed = moved.gradient()[i]
            measured, off = measured_gradient(moved, i, gauge)
            if claimed.shape == measured.shape:
                claimed = np.where(np.isnan(measured), np.nan, claimed) if measured.size > WHOLE else claimed
            if np.isfinite(measured).any():
                yield Sample(moved, claimed, measured, off, gauge)


def measured_gradient(problem: Problem, i: int, gauge: Gauge) -> tuple[np.ndarray, float]:
    """The gradient of one input by differences, all of it if it is not large, else nan but for some; how far off."""
    x = problem.points[i]
    found, off = np.full(x.shape, np.nan), 0.0
    begin = COARSER * gauge.step if isfinite(gauge.step) else None
    chosen = range(x.size) if x.size <= WHOLE else np.random.default_rng(0).choice(x.size, SOME, replace=False)
    for k in chosen:
        place = Place(i, tuple(map(int, np.unravel_index(k, x.shape))))
        estimate = central(along(problem, place), scale_of(problem, place), gauge.noise, begin)
        found[place.element], off = estimate.slope, max(off, estimate.uncertainty)
    return found, off


def same(a: Any, b: Any, sample: Sample) -> bool:
    """Whether two gradients are the same numbers, as far as can be measured."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    known = ~np.isnan(sample.measured) if a.shape == sample.measured.shape else np.isfinite(a)
    scale = np.max(np.abs(b[known & np.isfinite(b)]), initial=0.0)
    off = np.abs(a - b)[known]
    return bool(np.all(off <= CLOSE * scale + SURE * min(sample.off, scale / 1000)))


def all_same(samples: Sequence[Sample], wanted: Callable[[Sample], Any]) -> bool:
    """Whether in every sample the gradient claimed is what is wanted."""
    return all(same(sample.claimed, wanted(sample), sample) for sample in samples)


def of_nothing(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """The gradient is 0 throughout."""
    if all(not np.nan_to_num(sample.claimed).any() for sample in samples):
        return "no gradient", "is 0, though the result changes when it is moved"
    return None


def of_factor(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """It is the right one times a number."""
    pairs = [(np.nan_to_num(s.claimed).ravel(), np.nan_to_num(s.measured).ravel()) for s in samples]
    a, n = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    if not n.any() or len(a) < 2:
        return None
    factor = float(a @ n / (n @ n))
    off = max(CLOSE, *(min(SURE * s.off / max(np.nanmax(np.abs(s.measured)), 1e-300), 0.01) for s in samples))
    nice = next((x for k in range(7) if abs((x := round(factor, k)) - factor) <= off * abs(factor)), factor)
    if abs(factor - 1) < off or not all_same(samples, lambda sample: factor * sample.measured):
        return None
    if abs(factor + 1) < 1e-5:
        return "sign", "has the wrong sign"
    lengths = {n for x in samples[0].problem.points for n in (*x.shape, x.size) if n > 3}
    for length in sorted(lengths):
        for times, size in ((length, "large"), (1 / length, "small")):
            if abs(factor / times - 1) < max(1e-5, off):
                hint = "an axis has that length: is a sum taken for a mean, or the reverse?"
                return "factor", f"is {length} times too {size} ({hint})"
    size = f"{nice:.6g} times what it should be"
    return "factor", f"is {size}" + (" and has the wrong sign" if factor < 0 else "")


def of_exchange(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """The gradient is that of another operand, or the right one with two operands exchanged."""
    points, names = samples[0].problem.points, samples[0].problem.names
    for j in (j for j in range(len(points)) if j != i):

        def other(sample: Sample, j: int = j) -> Any:
            return unbroadcast(measured_gradient(sample.problem, j, sample.gauge)[0], points[i].shape)

        def exchanged(sample: Sample, j: int = j) -> Any:
            moved = list(sample.problem.points)
            moved[i], moved[j] = (x.copy() for x in np.broadcast_arrays(moved[j], moved[i]))
            return unbroadcast(measured_gradient(sample.problem.at(moved), i, sample.gauge)[0], points[i].shape)

        with contextlib.suppress(ArithmeticError, ValueError):
            if all_same(samples, other):
                return "swapped operands", f"belongs to {names[j]}: the operands are mixed up"
        with contextlib.suppress(ArithmeticError, ValueError):
            if all_same(samples, exchanged):
                return "swapped operands", f"is right with {names[i]} and {names[j]} exchanged: it mixes them up"
    return None


def unbroadcast(x: np.ndarray, shape: tuple[int, ...]) -> Any:
    """What belongs to a smaller array that was repeated; ValueError if it cannot be."""
    return x if x.shape == shape else ops.sum_to(x, shape=shape)


def of_transpose(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """Rows and columns are exchanged."""
    if samples[0].claimed.ndim < 2:
        return None
    turned = lambda s: np.swapaxes(s.measured, -1, -2).reshape(s.measured.shape)  # noqa: E731
    return ("transposed", "is transposed") if all_same(samples, turned) else None


def of_axis(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """One number along an axis stands for all, or one row of a sum for the sum."""
    ways: dict[str, Callable[..., Any]] = {
        "the sum": np.sum, "the mean": np.mean, "the first": lambda x, axis, keepdims: x.take([0], axis),
        "the last": lambda x, axis, keepdims: x.take([-1], axis),
    }  # fmt: skip
    for axis in range(samples[0].claimed.ndim):
        if samples[0].claimed.shape[axis] > 1:
            for name, way in ways.items():
                if all_same(samples, lambda s, way=way, axis=axis: way(s.measured, axis=axis, keepdims=True)):  # type: ignore[misc]
                    return "axis", f"has {name} along axis {axis} in place of each number there"
    return of_one_row(samples, i)


def of_one_row(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """An input that is used for every row of a batch, and the gradient of one row instead of the sum over them."""
    sample = samples[0]
    x = sample.problem.points[i]
    shapes = [np.shape(each) for each in (*sample.problem.points, *sample.problem.weights)]
    lengths = {shape[0] for shape in shapes if shape and shape[0] > 1}
    if sample.problem.claimed:  # which may know of a batch that it is not given
        lengths |= set(range(2, BATCH))
    for n in sorted(lengths):
        if n * x.size > WHOLE:
            continue
        repeated = list(sample.problem.points)
        repeated[i] = np.broadcast_to(x, (n, *x.shape)).copy()
        with contextlib.suppress(Exception):  # f need not take it
            wide = sample.problem.at(repeated)
            if not np.isclose(wide.value(repeated), sample.problem.value(sample.problem.points), rtol=1e-12):
                continue
            rows, off = measured_gradient(wide, i, sample.gauge)
            for k, name in ((0, "first"), (-1, "last")):
                if same(sample.claimed, rows[k], sample._replace(off=max(off, sample.off))):
                    return "axis", f"is that of the {name} of {n} rows alone: the sum over axis 0 is missing"
    return None


def of_shape(claimed: np.ndarray, sample: Sample, name: str) -> tuple[str, str]:
    """A gradient of another shape than its input."""
    wanted, given = sample.measured.shape, claimed.shape
    says = f"has shape {given}, and {name} has {wanted}"
    lead = claimed.ndim - len(wanted)
    if prod(given) == prod(wanted) and same(claimed.reshape(wanted), sample.measured, sample):
        return "places", f"{says}: reshape it"
    if lead > 0 and given[lead:] == wanted:
        axes = tuple(range(lead))
        spelled = f"axis {axes[0]}" if lead == 1 else f"axes {axes}"
        right = same(claimed.sum(axes), sample.measured, sample)
        return "axis", f"{says}: sum it over {spelled}{' and it is right' if right else ''}"
    if claimed.ndim == 2 and given[::-1] == wanted:
        turned = same(claimed.T, sample.measured, sample)
        return "transposed", f"{says}: it is transposed{', and is right when turned' if turned else ''}"
    return "other", says


def of_offset(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """The same number is added everywhere, or the same times what arrives from above."""
    for weighted in (False, True):
        ones = [np.asarray(sample.problem.weights[0]) if weighted else np.ones(()) for sample in samples]
        if any(one.shape not in ((), sample.claimed.shape) for one, sample in zip(ones, samples, strict=True)):
            continue
        offsets = [
            float(np.nanmean((sample.claimed - sample.measured) / one))
            for one, sample in zip(ones, samples, strict=True)
        ]
        numbers = sum(np.isfinite(sample.measured).sum() for sample in samples)
        wanted = [sample.measured + offsets[0] * one for one, sample in zip(ones, samples, strict=True)]
        least = max(SURE * sample.off for sample in samples)
        if numbers > 1 and abs(offsets[0]) > least and all(map(same, [s.claimed for s in samples], wanted, samples)):
            return "offset", f"is off by {offsets[0]:.6g} everywhere"
    return None


def of_places(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """The right numbers, in another order."""
    if samples[0].claimed.size < 2 or any(np.isnan(sample.measured).any() for sample in samples):
        return None
    in_order = [s._replace(claimed=np.sort(s.claimed.ravel()), measured=np.sort(s.measured.ravel())) for s in samples]
    return ("places", "has the right numbers in wrong places") if all_same(in_order, lambda s: s.measured) else None


def of_chain(samples: Sequence[Sample], i: int) -> tuple[str, str] | None:
    """A factor that changes from number to number: is it one that stands in the table?"""
    known = [factors(sample, i) for sample in samples]
    for name in known[0]:
        if all(name in table for table in known):
            for word, way in (("lacks the factor {}", np.divide), ("has the factor {} once too often", np.multiply)):
                wanted = [way(sample.measured, table[name]) for sample, table in zip(samples, known, strict=True)]
                if all(same(s.claimed, numbers, s) for s, numbers in zip(samples, wanted, strict=True)):
                    return "chain factor", word.format(name)
    return None


def factors(sample: Sample, i: int) -> dict[str, Any]:
    """What may have been forgotten: operands and results, and the local derivatives of the functions of the table."""
    points, names = sample.problem.points, sample.problem.names
    found = {name: x for name, x in zip(names, points, strict=True) if x.shape == sample.measured.shape}
    x = points[i]
    result = None
    if not sample.problem.claimed:
        given, _ = sample.problem.run([p.copy() if p.ndim else p.item() for p in points], False)
        result = getattr(given, "data", given)
    if result is not None and np.shape(result) == x.shape:
        found["y"] = np.asarray(result)
    for letter, number in list(found.items()):
        found |= {f"(1 - {letter})": 1 - number, f"(1 + {letter})": 1 + number}
    for op in ops.TABLE.values():
        if op.arity == 1 and op.rules and not op.settings and rule_of(op, 0) is not None:
            with contextlib.suppress(Exception):  # not every function takes these numbers
                leaf = leaf_of(x if x.ndim else x.item(), "x", True)
                y = op(leaf)
                if y.shape == x.shape:
                    found[f"{op.name}({names[i]})"] = np.asarray(y.data)
                    found[f"{op.name}'({names[i]})"] = sweep(y, np.ones(y.shape)[()], [leaf])[leaf]
    usable = {name: np.asarray(f, float) for name, f in found.items()}
    return {k: f for k, f in usable.items() if np.isfinite(f).all() and f.all() and not np.allclose(f, 1)}


TOLD = (of_nothing, of_factor, of_exchange, of_transpose, of_axis, of_offset, of_places, of_chain)
