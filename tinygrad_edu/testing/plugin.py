"""The plugin of pytest: the fixture `check_gradients`, whose failure is the report and nothing else.

It is found by pytest where the package is installed; whatever it needs is loaded when a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

FOLDER = "TINYGRAD_EDU_SAVE_TO"


def pytest_addoption(parser: pytest.Parser) -> None:
    """A folder for what fails: its program and its drawing."""
    parser.getgroup("tinygrad_edu").addoption(
        "--save-failing-gradients", metavar="FOLDER", help="write failing examples of tg.testing to FOLDER, drawn"
    )


@pytest.fixture(autouse=True, scope="session")
def _folder_for_failing_gradients(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the option says, where the checks look for it."""
    folder, before = request.config.getoption("--save-failing-gradients"), os.environ.get(FOLDER)
    if folder:
        os.environ[FOLDER] = folder
    yield
    if folder:
        os.environ.pop(FOLDER)
        os.environ.update({FOLDER: before} if before is not None else {})


@pytest.fixture
def check_gradients() -> Callable[..., Any]:
    """`tg.check_gradients`, which fails the test with the report as its text: table, findings and V-curve."""

    def check(f: Any, *inputs: Any, **how: Any) -> Any:
        __tracebackhide__ = True
        import tinygrad_edu as tg

        report = tg.check_gradients(f, *inputs, **{**how, "raise_exception": False})
        if not report.passed:
            pytest.fail(text_of(report), pytrace=False)
        return report

    return check


def text_of(report: Any) -> str:
    """The report as the text of a failure: the table, all findings, and the V-curve of the worst number."""
    text = str(report)
    known = " ".join(text.split())
    more = [finding.text for finding in report.findings if " ".join(finding.text.split()) not in known]
    return "\n\n".join([text, *more, *([str(report.curve())] if report.rows else [])])
