"""One user id, many people: ids that are used early and late on the same day. The snapshot is the 1st of July 2026."""

from math import isnan

import ibis
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.sources.staging import stage
from tests.drawn import base, rows_of

CUSTOMERS = """
    account_id | product | plan | mrr | valid_from
    acme       | core    | team | 100 | 2024-01-01
    diurnal    | core    | team | 100 | 2024-01-01
    dated      | core    | team | 100 | 2024-01-01
    silent     | core    | team | 100 | 2024-01-01
    robot      | core    | team | 100 | 2024-01-01
"""
EVENTS = """
    account_id | occurred_at         | feature | user_id | known_at
    acme       | 2026-06-30T05:59:59 | report  | team@   |
    acme       | 2026-06-30T21:00:00 | export  | team@   |
    acme       | 2026-06-03T00:30:00 | report  | team@   |
    acme       | 2026-06-03T12:00:00 | report  | team@   |
    acme       | 2026-06-03T16:10:00 | report  | team@   |
    acme       | 2026-06-29T06:00:00 | report  | ann     |
    acme       | 2026-06-29T21:59:00 | report  | ann     |
    acme       | 2026-06-20T06:00:00 | report  | ann     |
    acme       | 2026-06-20T22:00:00 | report  | ann     |
    acme       | 2026-06-02T06:00:00 | report  | ann     |
    acme       | 2026-06-02T22:00:00 | report  | ann     |
    acme       | 2026-06-29T01:00:00 | report  | bob     |
    acme       | 2026-06-29T23:00:00 | report  | bob     | 2026-07-01
    acme       | 2026-06-28T01:00:00 | report  | bob     |
    acme       | 2026-06-28T23:00:00 | report  | bob     |
    acme       | 2026-06-27T00:00:00 | report  | cid     |
    acme       | 2026-06-27T23:00:00 | report  | cid     |
    acme       | 2026-06-26T00:00:00 | report  | cid     |
    acme       | 2026-06-26T23:00:00 | report  | cid     |
    acme       | 2026-06-25T01:00:00 | report  | dee     |
    acme       | 2026-06-25T23:00:00+09:00 | report  | dee     |
    acme       | 2026-06-24T01:00:00 | report  | dee     |
    acme       | 2026-06-24T23:00:00+09:00 | report  | dee     |
    diurnal    | 2026-06-29T09:00:00 | report  | eva     |
    diurnal    | 2026-06-29T17:00:00 | report  | eva     |
    dated      | 2026-06-29          | report  | fay     |
    dated      | 2026-06-28          | report  | fay     |
    robot      | 2026-06-29T01:00:00 | sync    |         |
    robot      | 2026-06-29T23:00:00 | sync    |         |
    robot      | 2026-06-28T01:00:00 | sync    |         |
    robot      | 2026-06-28T23:00:00 | sync    |         |
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of(base(subscriptions=CUSTOMERS, usage_events=EVENTS)).droplevel("snapshot_date")


def test_an_id_used_16_hours_apart_on_two_days_is_shared(rows: pd.DataFrame) -> None:
    team = ["from 5 to 21 on the 30th", "from 0 to 16 on the 3rd"]
    assert len(team) == 2
    # ann: from 6 to 21 is 15 hours, the 20th is one day, and the 2nd is the day before the 28 days.
    # bob: the late use of the 29th is not known yet. cid: midnight sharp is a date. dee: 23:00 in Tokyo is 14:00 UTC.
    assert rows.shared_logins_28d["acme"] == len(["team@"])


def test_working_hours_are_nothing_shared(rows: pd.DataFrame) -> None:
    assert rows.shared_logins_28d["diurnal"] == 0


@pytest.mark.parametrize("account_id", ["dated", "silent", "robot"])
def test_without_a_time_of_day_or_a_user_nobody_can_tell(rows: pd.DataFrame, account_id: str) -> None:
    assert isnan(rows.shared_logins_28d[account_id])


def test_a_source_that_keeps_dates_has_no_hours() -> None:
    raw = ibis.memtable(
        pd.DataFrame({"account_id": ["acme"], "occurred_at": ["2026-06-30"], "feature": ["report"], "user_id": ["ann"]})
    )
    tables = base(subscriptions=CUSTOMERS, usage_events=EVENTS)
    tables["usage_events"] = stage(TABLES["usage_events"], raw.mutate(occurred_at=raw.occurred_at.cast("date")))
    acme = rows_of(tables).loc["acme"].iloc[0]
    assert acme.active_users_28d == 1
    assert isnan(acme.shared_logins_28d)


def test_exports_are_events_of_features_that_are_called_so(rows: pd.DataFrame) -> None:
    assert rows.export_events_28d["acme"] == len(["the export of the 30th"])
    assert rows.export_events_28d["silent"] == 0
    assert isnan(rows.export_share_28d["silent"])
