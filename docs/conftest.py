"""For the documents that are run as doctests: rows added to the table on a page are gone after it."""

from collections.abc import Iterator

import pytest

from tinygrad_edu.operations import TABLES


@pytest.fixture(autouse=True)
def table_as_it_was() -> Iterator[None]:
    """Take out of the tables what a document has put in."""
    before = [dict(table) for table in TABLES]
    yield
    for now, then in zip(TABLES, before, strict=True):
        now.clear()
        now.update(then)
