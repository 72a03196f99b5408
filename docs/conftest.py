"""For the documents that are run as doctests: rows added to the table on a page are gone after it."""

import pytest


@pytest.fixture(autouse=True)
def rows_of_one_page(table_as_it_was: None) -> None:
    """Each page begins with the library's own rows."""
