"""A real browser for the tests of pages."""

from collections.abc import Iterator

import pytest

from tests.browsers import CHROMIUM, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with chromium() as started:
        yield started
