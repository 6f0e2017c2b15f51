"""A figure of the team's own is told against the base; what is neither high nor low is no reason that a CSM sees."""

import numpy as np
import pandas as pd
import pytest

from data.contract.outputs import FOR
from serving.reasons.choose import explain
from serving.reasons.own_figures import FEWEST_COMPARED, HIGH, LOW, MIDDLE, compared
from serving.reasons.render import ReasonContext
from tests.serving.reasons.test_choose import OWN
from tests.serving.world import DAY, PLAYBOOK, SETTINGS

BASE = np.arange(1.0, 41.0)
"""Forty accounts with the figures 1 to 40."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (31.0, HIGH),  # 30 of 40 have less
        (30.0, MIDDLE),
        (11.0, MIDDLE),
        (10.0, LOW),  # 30 of 40 have more
        (99.0, HIGH),
        (-5.0, LOW),
        (np.nan, ""),
    ],
)
def test_a_figure_is_high_low_or_neither(value: float, said: str) -> None:
    assert compared(np.array([value]), BASE).tolist() == [said]


def test_what_most_accounts_share_is_neither_high_nor_low() -> None:
    assert set(compared(np.array([1.0]), np.ones(40))) == {MIDDLE}


def test_with_few_accounts_nothing_is_high_or_low() -> None:
    assert compared(np.array([99.0]), BASE[: FEWEST_COMPARED - 1]).tolist() == [""]
    assert compared(np.array([99.0]), BASE[:FEWEST_COMPARED]).tolist() == [HIGH]


def test_it_is_shown_where_it_says_high_or_low() -> None:
    ids = [f"a{number:02d}" for number in range(40)]
    keys = pd.DataFrame({"snapshot_date": DAY, "account_id": ids})
    rows = keys.assign(health=BASE)
    told = explain(
        keys.assign(base_log_odds=-2.0, health=0.3), rows, ReasonContext(OWN, PLAYBOOK, "$"), SETTINGS.reasons
    )
    reasons = told.reasons.set_index("account_id")
    assert set(reasons["effect"]) == {FOR}
    assert reasons.loc[["a39", "a20", "a00"], "text"].tolist() == [
        "Health score: 40, higher than at three in four accounts.",
        "Health score: 21, near the middle of all accounts.",
        "Health score: 1, lower than at three in four accounts.",
    ]
    assert reasons["shown"].sum() == 20
    assert not reasons.loc["a10":"a29", "shown"].any()
