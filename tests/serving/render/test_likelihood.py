"""Bands and trends, drawn."""

import numpy as np
import pytest

from serving.render.likelihood import EDGES, Band, Trend, bands, is_wide, say_band, say_range_of, trends

NOT_KNOWN = float("nan")


@pytest.mark.parametrize(
    ("propensity", "band"),
    [
        (1.0, "very likely"),
        (0.6, "very likely"),
        (0.5999, "likely"),
        (0.3, "likely"),
        (0.2999, "possible"),
        (0.1, "possible"),
        (0.0999, "unlikely"),
        (0.0, "unlikely"),
    ],
)
def test_a_band_begins_at_its_edge(propensity: float, band: str) -> None:
    assert list(Band)[bands(np.array([propensity]))[0]] == band


def test_bands_are_told_with_their_edges() -> None:
    assert [say_band(band) for band in Band] == [
        "very likely: 60% or more",
        "likely: 30% to under 60%",
        "possible: 10% to under 30%",
        "unlikely: under 10%",
    ]
    assert list(EDGES) == list(Band)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.64, 0.88, "64% to 88%"),
        (0.0, 0.012, "under 1% to 1%"),
        (0.97, 0.999, "97% to over 99%"),
        (0.791, 0.794, ""),  # both read 79%
        (0.0, 0.009, ""),  # both are under 1%
        (0.05, 0.29, "5% to 29%"),  # unlikely or possible
        (0.09, 0.30, "9% to 30%, not enough information"),  # unlikely, possible or likely
        (0.25, 0.65, "25% to 65%, not enough information"),
        (0.31, 1.0, "31% to over 99%"),  # likely or very likely
        (0.0, 1.0, "under 1% to over 99%, not enough information"),
        (NOT_KNOWN, NOT_KNOWN, ""),
    ],
)
def test_a_range_is_told_and_called_too_wide_where_any_of_three_bands_may_be_right(
    low: float, high: float, said: str
) -> None:
    assert say_range_of(low, high) == said
    assert is_wide(np.array([low]), np.array([high]))[0] == ("information" in said)


@pytest.mark.parametrize(
    ("before", "now", "trend"),
    [
        (0.82, 0.91, "up"),  # odds 4.6 to 10.1
        (0.50, 0.55, "steady"),  # odds 1 to 1.22
        (0.50, 0.56, "up"),  # odds 1 to 1.27
        (0.56, 0.50, "down"),
        (0.020, 0.026, "steady"),  # odds up by 0.3, but not by a point
        (0.02, 0.031, "up"),
        (0.3, 0.3, "steady"),
        (0.9, 1.0, "up"),
        (1.0, 1.0, "steady"),
        (NOT_KNOWN, 0.4, "not enough information"),
    ],
)
def test_a_trend_is_a_quarter_of_the_odds_and_a_point(before: float, now: float, trend: str) -> None:
    assert list(Trend)[trends(np.array([now]), np.array([before]))[0]] == trend
