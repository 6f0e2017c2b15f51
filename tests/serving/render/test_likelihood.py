"""Bands and trends, drawn."""

import numpy as np
import pytest

from serving.render.likelihood import EDGES, Band, Trend, bands, say_band, trends

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
