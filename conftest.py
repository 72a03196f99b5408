"""For all tests: a thread for each process, and a collector that looks only at what the tests make."""

import gc
import os
from collections.abc import Iterator

import pytest

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # for the processes of `-n 2`: threads of theirs would wait for one another


def pytest_collection_finish() -> None:
    """Hide what was imported and collected from the collector: it stays, and took a third of a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def table_as_it_was() -> Iterator[None]:
    """Take out of the tables what a test or a document puts in."""
    from tinygrad_edu import domains
    from tinygrad_edu.operations import TABLES

    tables = (*TABLES, domains.POINTS)
    before = [dict(table) for table in tables]
    yield
    for now, then in zip(tables, before, strict=True):
        now.clear()
        now.update(then)
