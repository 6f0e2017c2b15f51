"""A figure of the team's own is told against the base; what is neither high nor low is no reason that a CSM sees."""

import numpy as np
import pandas as pd
import pytest

from serving.reasons.choose import explain
from serving.reasons.own_figures import FEWEST_COMPARED, MIDDLE, MOST_OF_BASE, NEARLY_ALL, OwnFigure, told
from serving.reasons.render import ReasonContext
from tests.serving.reasons.test_choose import OWN
from tests.serving.world import DAY, PLAYBOOK, SETTINGS


def compared(values: np.ndarray, base: np.ndarray) -> np.ndarray:
    return OwnFigure.of(base, np.zeros(len(base))).compared(values)


HIGH, LOW = (told(side, MOST_OF_BASE, is_counted=True) for side in (1, -1))
HIGHEST, LOWEST = (told(side, NEARLY_ALL, is_counted=True) for side in (1, -1))
BASE = np.arange(1.0, 41.0)
"""Forty accounts with the figures 1 to 40."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (31.0, HIGH),  # 30 of 40 have less
        (30.0, MIDDLE),
        (11.0, MIDDLE),
        (10.0, LOW),  # 30 of 40 have more
        (37.0, HIGHEST),  # 36 of 40 have less
        (36.0, HIGH),
        (5.0, LOW),
        (4.0, LOWEST),
        (99.0, HIGHEST),
        (-5.0, LOWEST),
        (np.nan, ""),
    ],
)
def test_a_figure_is_high_low_or_neither(value: float, said: str) -> None:
    assert compared(np.array([value]), BASE).tolist() == [said]


def test_what_most_accounts_share_is_neither_high_nor_low() -> None:
    assert set(compared(np.array([1.0]), np.ones(40))) == {MIDDLE}


def test_a_figure_that_is_not_whole_is_higher_or_lower() -> None:
    said = compared(np.array([31.0, 10.0, 1.5]), BASE + 0.5)
    assert said.tolist() == [told(1, MOST_OF_BASE, is_counted=False), told(-1, MOST_OF_BASE, is_counted=False),
                             ", lower than at nine in ten accounts"]  # fmt: skip


def test_with_few_accounts_nothing_is_high_or_low() -> None:
    assert compared(np.array([99.0]), BASE[: FEWEST_COMPARED - 1]).tolist() == [""]
    assert compared(np.array([99.0]), BASE[:FEWEST_COMPARED]).tolist() == [HIGHEST]


def told_of(attributions: np.ndarray) -> pd.DataFrame:
    """The reasons of forty accounts with those figures, by account: a00 has 1, a39 has 40."""
    keys = pd.DataFrame({"snapshot_date": DAY, "account_id": [f"a{number:02d}" for number in range(40)]})
    parts = keys.assign(base_log_odds=-2.0, health=attributions)
    told = explain(parts, keys.assign(health=BASE), ReasonContext(OWN, PLAYBOOK, "$"), SETTINGS.reasons)
    return told.reasons.set_index("account_id")


def test_it_is_shown_where_it_says_high_or_low() -> None:
    reasons = told_of(np.where(BASE > 20, 0.3, -0.3))
    assert reasons.loc[["a39", "a20", "a00"], "text"].tolist() == [
        "Health score: 40, more than at nine in ten accounts.",
        "Health score: 21, near the middle of all accounts.",
        "Against: Health score: 1, fewer than at nine in ten accounts.",
    ]
    assert reasons["shown"].tolist() == [True] * 10 + [False] * 20 + [True] * 10


@pytest.mark.parametrize(
    "attributions",
    [
        np.full(40, 0.3),  # high and low alike
        np.where(np.abs(BASE - 20) > 8, 0.3, -0.3),  # the ends of it
        np.where(BASE % 2 == 0, 0.3, 0.2),
    ],
)
def test_what_goes_no_one_way_is_not_shown(attributions: np.ndarray) -> None:
    assert not told_of(attributions)["shown"].any()


def test_an_account_that_is_pushed_against_its_quarter_is_not_shown_it() -> None:
    reasons = told_of(np.where((BASE > 20) & (BASE != 35), 0.3, -0.3))
    assert reasons.loc[["a33", "a34", "a35"], "shown"].tolist() == [True, False, True]
