"""How much comes in: against a table's own usual period, and what became of its columns."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.feeds.volume import Volume, column_levels, volumes
from data.sources.staging import stage
from data.time_cut import Tables
from tests.drawn import table_of

DAY = date(2026, 7, 1)


def usage(rows_a_day: np.ndarray, **columns: np.ndarray) -> Tables:
    """The last day is the 30th of June; ``rows_a_day``: the oldest first. ``columns``: of each row, in that order."""
    ages = np.repeat(np.arange(len(rows_a_day))[::-1], rows_a_day)
    days = [f"{DAY - timedelta(days=1 + int(age))}" for age in ages]
    frame = pd.DataFrame({"account_id": "acme", "occurred_at": days, "feature": "export", **columns})
    frame = frame.astype("string")
    return {"usage_events": stage(TABLES["usage_events"], table_of(frame))}


def test_a_week_is_set_against_the_usual_week() -> None:
    rows = np.full(140, 10)
    rows[-7:] = 4
    rows[-14:-7] = 12
    assert list(volumes(usage(rows), DAY)) == [Volume("usage_events", 7, 28, 70.0, 70, 84, 70.0**0.5)]


def test_a_table_that_is_filled_once_a_month_is_set_against_its_usual_month() -> None:
    rows = np.zeros(300, dtype=int)
    rows[::28] = 50  # the last month has none yet
    (told,) = volumes(usage(rows), DAY)
    assert (told.period_days, told.usual_rows) == (28, 50.0)


def test_what_is_unsteady_by_the_week_is_told_by_the_month() -> None:
    rows = np.full(336, 3)
    rows[::28] = 80  # one week of four has four times as many
    assert [volume.period_days for volume in volumes(usage(rows), DAY)] == [28]


@pytest.mark.parametrize("rows", [np.full(50, 100), np.full(364, 1), np.zeros(0, dtype=int)])
def test_a_young_or_a_thin_table_has_no_rhythm(rows: np.ndarray) -> None:
    """Seven earlier weeks; seven rows a week and 28 a month; no row at all."""
    told = list(volumes(usage(rows), DAY))
    assert [volume.period_days for volume in told] == ([28] if len(rows) == 364 else [])


def test_recent_rows_of_a_column_are_set_against_those_before() -> None:
    days, recent = 200, 28
    quantity = np.tile([1.0, 2.0, 5.0, 0.0], days)
    quantity[-recent * 4 :] *= 100
    users = np.full(days * 4, "u1", dtype=object)
    users[-recent * 4 :: 2] = None
    levels = {
        level.column: level for level in column_levels(usage(np.full(days, 4), quantity=quantity, user_id=users), DAY)
    }
    assert set(levels) == {"user_id", "quantity"}
    told = levels["quantity"]
    assert (told.rows, told.earlier_rows, told.nulls) == (112, 688, 0)
    assert np.array(told.quartiles) / np.array(told.earlier_quartiles) == pytest.approx(100)
    assert told.earlier_quartiles == (1e4, 2e4, 5e4)  # a zero does not count
    assert (levels["user_id"].nulls, levels["user_id"].earlier_nulls, levels["user_id"].quartiles) == (56, 0, ())


def test_the_end_of_a_ticket_is_no_lost_value() -> None:
    frame = pd.DataFrame({"ticket_id": [f"t{n}" for n in range(200)], "account_id": "acme", "severity": "low"})
    frame["opened_at"] = [f"{DAY - timedelta(days=1 + n // 2)}" for n in range(200)]
    tables = {"tickets": stage(TABLES["tickets"], table_of(frame))}
    assert {level.column for level in column_levels(tables, DAY)} == {"kind", "feature", "severity"}
