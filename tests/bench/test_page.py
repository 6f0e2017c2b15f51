"""The page of the bench says what its figures say."""

import json

from tests.bench.__main__ import FIGURES, PAGE
from tests.bench.page import rendered


def test_the_page_is_that_of_the_figures() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(json.loads(FIGURES.read_text(encoding="utf-8")))
