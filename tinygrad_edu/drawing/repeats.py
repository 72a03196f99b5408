"""What is repeated in a row of numbers: abcabcabc."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

TIMES = 3  # that something is done in a row before it is called a repetition

Run = tuple[
    int, int, int
]  # where it begins, the length of what is repeated, and how far it goes: some times that length


def runs_of(row: np.ndarray) -> Iterator[list[Run]]:
    """All that comes at least three times in a row, as far as it goes, what is shortest first.

    A window of `width` numbers that has come before, at a distance of no more than its width, lies in a repetition of
    that distance. The windows double, and are known by their ranks: n log² n steps in all.

    >>> [runs for runs in runs_of(np.array([7, 1, 2, 1, 2, 1, 2, 5, 5, 5])) if runs]
    [[(7, 1, 3)], [(1, 2, 6)]]
    """
    ranks, width = np.unique(row, return_inverse=True)[1], 1
    while TIMES * (width // 2 + 1) <= len(row):
        back = distances(ranks)
        yield [(first - period, period, last + width - first + period)
               for period, first, last in stretches(back, width // 2 + 1, width)
               if last + width - first + period >= TIMES * period]  # fmt: skip
        pairs = ranks[:-width] * (len(row) + 1) + ranks[width:]
        ranks, width = np.unique(pairs, return_inverse=True)[1], 2 * width


def distances(ranks: np.ndarray) -> np.ndarray:
    """How far before each the same rank came last; 0 if it did not."""
    by_rank = np.argsort(ranks, kind="stable")
    again = ranks[by_rank[1:]] == ranks[by_rank[:-1]]
    found = np.zeros(len(ranks), int)
    found[by_rank[1:][again]] = np.diff(by_rank)[again]
    return found


def stretches(back: np.ndarray, least: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Where one distance, between two bounds, stands all along: the distance, the first place and the last."""
    starts = np.flatnonzero(np.diff(back, prepend=-1))
    ends = np.append(starts[1:], len(back))
    wanted = (back[starts] >= least) & (back[starts] <= most)
    for first, end in zip(starts[wanted].tolist(), ends[wanted].tolist()):
        yield int(back[first]), first, end - 1


def apart(runs: Iterable[Run]) -> list[Run]:
    """Of repetitions that overlap the one that covers more, from left to right."""
    found: list[Run] = []
    taken: set[int] = set()
    for start, period, length in sorted(runs, key=lambda run: (-run[2], run)):
        covered = range(start, start + length)
        if taken.isdisjoint(covered):
            taken.update(covered)
            found.append((start, period, length))
    return sorted(found)
