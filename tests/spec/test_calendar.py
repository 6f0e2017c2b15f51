"""The only date arithmetic of the features: which days lie in a window, and how old they are."""

from datetime import date

import pytest

from features.calendar import MONTH_DAYS, QUARTER_DAYS, calendar, month_starts, snapshots
from tests.drawn import SNAPSHOT, base, rows_of


@pytest.mark.parametrize(
    ("age", "day"),
    [
        (1, date(2026, 6, 30)),  # yesterday: the snapshot day itself has no age
        (MONTH_DAYS, date(2026, 6, 3)),
        (QUARTER_DAYS, date(2026, 4, 1)),
        (365, date(2025, 7, 1)),
    ],
)
def test_an_age_counts_the_days_back_from_the_snapshot(age: int, day: date) -> None:
    days = calendar([SNAPSHOT], 365).to_pandas().set_index("age").day
    assert days[age].date() == day


def test_a_window_holds_as_many_days_as_its_name_says() -> None:
    days = calendar([SNAPSHOT], 28).to_pandas()
    assert sorted(days.age) == list(range(1, 28 + 1))
    assert days.day.nunique() == 28


def test_a_leap_day_is_a_day() -> None:
    days = calendar([date(2024, 3, 1)], 2).to_pandas().set_index("age").day
    assert days[1].date() == date(2024, 2, 29)
    assert days[2].date() == date(2024, 2, 28)


def test_each_snapshot_has_days_of_its_own() -> None:
    days = calendar([date(2026, 6, 1), date(2026, 7, 1)], 91).to_pandas()
    assert list(days.groupby("snapshot_date").size()) == [91, 91]


def test_a_month_of_28_days_and_a_quarter_of_91_hold_every_weekday_equally_often() -> None:
    assert MONTH_DAYS % 7 == 0
    assert QUARTER_DAYS % 7 == 0


def test_month_starts_from_the_first_day_to_the_last() -> None:
    assert month_starts(date(2025, 11, 1), date(2026, 2, 1)) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]
    assert month_starts(date(2025, 11, 2), date(2026, 1, 31)) == [date(2025, 12, 1), date(2026, 1, 1)]
    assert month_starts(date(2025, 11, 2), date(2025, 11, 30)) == []


def test_a_date_that_is_asked_for_twice_counts_once() -> None:
    assert len(snapshots([SNAPSHOT, SNAPSHOT]).to_pandas()) == 1
    tables = base(
        subscriptions="""
            account_id | product | plan | mrr | valid_from
            acme       | core    | team | 100 | 2026-01-01
        """,
        usage_events="""
            account_id | occurred_at | feature | user_id
            acme       | 2026-06-30  | report  | ann
        """,
    )
    rows = rows_of(tables, [SNAPSHOT, SNAPSHOT])
    assert len(rows) == 1
    assert rows.iloc[0].events_28d == 1
