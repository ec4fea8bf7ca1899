"""One release and its pages for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from deidflow.report.write import write_pages
from tests.browser import headless
from tests.synthetic_release import MadeRelease, make_release


@pytest.fixture(scope="package")
def reported(tmp_path_factory: pytest.TempPathFactory) -> MadeRelease:
    """A release whose pages are written; tests only read it."""
    made = make_release(tmp_path_factory.mktemp("reported"))
    write_pages(made.layout)
    return made


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with headless() as browser:
        yield browser
