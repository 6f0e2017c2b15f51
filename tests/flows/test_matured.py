"""The alarms of the matured scoreboard: a rate that changed is told until a model has learnt it."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.ledger.rules import ExpansionRules
from flows.monitoring.lists import FrozenList
from flows.monitoring.matured import _alarms
from flows.run.settings import Settings
from models.monitoring.alarms import Alarm

FIRST = date(2026, 1, 1)
ACCOUNTS = 1_000


def told(rates: list[float], learnt: float | None) -> list[Alarm]:
    """The alarms after lists that are 90 days apart, of which such shares expanded, by a model that learnt another."""
    days = [FIRST + timedelta(days=90 * number) for number in range(len(rates))]
    model = {"accounts": ACCOUNTS, "rows": 10_000, "positive_rows": 10_000 * learnt} if learnt else {}
    lists = [
        FrozenList(Path(), day, model, "1", "run", 90, ExpansionRules(), accounts=ACCOUNTS, ranked=ACCOUNTS, come=90)
        for day in days
    ]
    rows = {
        "snapshot_date": days,
        "accounts": ACCOUNTS,
        "without_outcome": 0,
        "expansions": [ACCOUNTS * rate for rate in rates],
        "expected_expansions": [ACCOUNTS * rate for rate in rates],
    }
    return list(_alarms(lists, {"lists": pd.DataFrame(rows)}, dict.fromkeys(days, 90.0), Settings()))


@pytest.mark.parametrize(
    ("rates", "learnt", "against"),
    [
        ([0.1, 0.2], 0.1, "of those of 2026-01-01 10.0%"),  # by both: told once
        ([0.1, 0.2, 0.2], 0.1, "of those of the training 10.0%"),
        ([0.1, 0.14, 0.2], 0.1, "of those of the training 10.0%"),  # step by step
        ([0.1, 0.2], None, "of those of 2026-01-01 10.0%"),
        ([0.1, 0.2, 0.2], 0.18, None),  # a model that has learnt it
        ([0.1, 0.1, 0.1], 0.1, None),
        ([0.2], None, None),
    ],
)
def test_a_rate_that_stays_where_it_went_is_told_until_a_model_has_learnt_it(
    rates: list[float], learnt: float | None, against: str | None
) -> None:
    alarms = told(rates, learnt)
    assert [alarm.key for alarm in alarms] == (["rate_changed:all accounts"] if against else [])
    assert against is None or against in alarms[0].text
