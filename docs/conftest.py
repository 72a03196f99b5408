"""For the documents that are run as doctests: rows added to the table on a page are gone after it."""

from collections.abc import Iterator

import pytest

from tinygrad_edu import ops


@pytest.fixture(autouse=True)
def table_as_it_was() -> Iterator[None]:
    """Take out of the table what a document has put in."""
    table, answers = dict(ops.TABLE), dict(ops.ANSWERS)
    yield
    for now, before in ((ops.TABLE, table), (ops.ANSWERS, answers)):
        now.clear()
        now.update(before)
