"""Results as tables of Markdown, which are as easy to read in a terminal."""

from __future__ import annotations

from statistics import median

from benchmarks.measure import DISTURBED, Claim, Result

SECONDS = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")]
UNITS = {"s": SECONDS, "seconds": SECONDS}


def table(result: Result) -> str:
    """A row for each side, with its figure, and how many times that the sides of interest take."""
    case, ours = result.case, columns(result)
    heads = [
        "",
        {"s": "a step", "seconds": "time"}.get(case.unit, case.unit),
        *(f"{side}, takes of it" for side in ours),
    ]
    rows = [[side, own(result, side), *(ratio(result, one, side) for one in ours)] for side in result.figures]
    lines = [f"### {case.title}", "", *aligned([heads, ["---"] * len(heads), *rows])]
    others = f"Other programs took up to {result.disturbance:.0%} of the machine." * (result.disturbance > DISTURBED)
    notes = [case.note, others, *(f"Left out: {side} ({why})." for side, why in result.missing.items())]
    return "\n".join([*lines, *(f"\n{note}" for note in notes if note)]) + "\n"


def columns(result: Result) -> list[str]:
    """The sides that others are compared with: those of ours, and those of which a ratio is claimed."""
    claimed = {claim.side for claim in result.case.claims if claim.against}
    return [side for side in result.figures if side in claimed or (claimed and side.startswith("ours"))]


def own(result: Result, side: str) -> str:
    """A side's median figure and its spread, beside what is claimed of it."""
    low, high = result.spread(side)
    unit = result.case.unit
    text = f"{figure(result.median(side), unit)} ({figure(low, unit)} to {figure(high, unit)})"
    return text + verdict(result, side, "")


def ratio(result: Result, side: str, against: str) -> str:
    """How many times what another takes a side takes, beside what is claimed."""
    if side == against:
        return "1"
    ratios = result.ratios(side, against)
    return f"{short(median(ratios))} ({short(min(ratios))} to {short(max(ratios))})" + verdict(result, side, against)


def verdict(result: Result, side: str, against: str) -> str:
    """What is claimed, and whether it was missed in this run."""
    for claim in result.case.claims:
        if (claim.side, claim.against) == (side, against):
            bound = figure(claim.bound, "" if against else result.case.unit)
            return f", claimed ≤ {bound}" + (" **missed**" if claim in missed(result) else "")
    return ""


def missed(result: Result) -> list[Claim]:
    """The claims that did not hold in this run; those about a side that is not here are not among them."""
    reached = {claim: result.reached(claim) for claim in result.case.claims}
    return [claim for claim, figure in reached.items() if figure is not None and figure > claim.bound]


def row(result: Result, claim: Claim) -> list[str]:
    """A claim as cells: who, beside whom, what is claimed, what was measured."""
    unit = "" if claim.against else result.case.unit
    reached = result.reached(claim)
    measured = "not here" if reached is None else figure(reached, unit) + " **missed**" * (claim in missed(result))
    return [claim.side, claim.against, f"≤ {figure(claim.bound, unit)}", measured]


def sentence(result: Result, claim: Claim) -> str:
    """A claim in a line."""
    side, against, bound, measured = row(result, claim)
    return f"{side}{' against ' * bool(against)}{against}: {measured.replace(' **missed**', '')}, claimed {bound}"


def figure(x: float, unit: str) -> str:
    """A number with its unit: 12.3 µs, 254 MB."""
    for scale, name in UNITS.get(unit, []):
        if x >= scale:
            return f"{short(x / scale)} {name}"
    return f"{short(x)} {unit}".strip()


def short(x: float) -> str:
    """Three digits."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}" if x < 0.1 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def aligned(rows: list[list[str]]) -> list[str]:
    """The lines of a table whose columns stand below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
