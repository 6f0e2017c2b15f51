"""The page of the bench says what its figures say."""

import json

from tests.bench.__main__ import FIGURES, PAGE
from tests.bench.page import rendered


def test_the_page_is_that_of_the_figures() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(json.loads(FIGURES.read_text(encoding="utf-8")))


def test_an_exponent_is_of_rows_with_as_many_features() -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    usual, large = (figures[run]["figures"]["features_24"] for run in ("usual", "large"))
    for columns, is_told in ((usual["columns"], True), (usual["columns"] - 1, False)):
        large["columns"] = columns
        (row,) = (line for line in rendered(figures).splitlines() if line.startswith("| 100,000 |"))
        assert bool(row.split(" | ")[4]) == is_told
