from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import NotEnoughHistoryError
from models.evaluation.splits import matured, needed_dates, origins

MONTHS = list(pd.date_range("2024-01-01", periods=12, freq="MS"))


def test_the_label_window_of_a_train_row_has_closed_before_the_test_day() -> None:
    # 2024-01-01 + 90 days = 2024-03-31, 2024-02-01 + 90 days = 2024-05-01
    assert matured(MONTHS, pd.Timestamp("2024-04-01"), 90) == (pd.Timestamp("2024-01-01"),)
    assert matured(MONTHS, pd.Timestamp("2024-05-01"), 90)[-1] == pd.Timestamp("2024-02-01")
    assert matured(MONTHS, pd.Timestamp("2024-04-30"), 90)[-1] == pd.Timestamp("2024-01-01")


def test_the_last_snapshots_are_tested() -> None:
    splits = origins(MONTHS, 90, 2, 3)
    assert [split.test_date for split in splits] == MONTHS[-2:]
    assert splits[-1].train_dates == tuple(MONTHS[:9])  # September + 90 days is November 30, October's window is open


@given(
    st.lists(st.integers(0, 900), min_size=1, max_size=40, unique=True),
    st.integers(1, 200),
    st.integers(1, 8),
    st.integers(1, 5),
)
def test_no_label_window_touches_the_test_day(days: list[int], horizon: int, count: int, least: int) -> None:
    dates = [pd.Timestamp("2022-01-01") + timedelta(days=day) for day in days]
    try:
        splits = origins(dates, horizon, count, least)
    except NotEnoughHistoryError:
        return
    assert 0 < len(splits) <= count
    for split in splits:
        assert len(split.train_dates) >= least
        assert all(date + timedelta(days=horizon) <= split.test_date for date in split.train_dates)
        left_out = set(dates) - set(split.train_dates)
        assert all(date + timedelta(days=horizon) > split.test_date for date in left_out)


@pytest.mark.parametrize("horizon", [30, 60, 90, 180])
def test_the_refusal_says_how_many_it_takes(horizon: int) -> None:
    dates = [pd.Timestamp("2024-01-01") + timedelta(days=28 * i) for i in range(40)]
    needed = needed_dates(dates, horizon, 3)
    assert origins(dates[:needed], horizon, 6, 3)
    with pytest.raises(NotEnoughHistoryError) as refused:
        origins(dates[: needed - 1], horizon, 6, 3)
    assert f"{needed - 1} snapshot dates" in refused.value.found
    assert f"It takes {needed}" in refused.value.todo


def test_no_snapshot_at_all() -> None:
    with pytest.raises(NotEnoughHistoryError, match="0 snapshot dates"):
        origins([], 90, 6, 3)
