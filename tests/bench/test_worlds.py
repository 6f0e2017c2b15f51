"""The bench of worlds: the analyst sees no future, and the page says what was measured."""

import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from data.contract.vocabulary import CRM_KINDS
from data.simulation.base import simulate
from data.worlds.catalogue import WORLDS
from tests.bench import afternoon
from tests.bench.worlds import _judged, _taught, rendered

END, DAY = date(2026, 10, 1), date(2026, 6, 1)
OF_ONE_FEATURE = re.compile(r"f\d+_")


@pytest.mark.parametrize("name", ["driven", "daily_counts"])
def test_the_analyst_sees_nothing_of_the_future(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    simulate(folder, 60, 12, seed=3, end=END, world=WORLDS[name])
    before = on_the_day(folder)
    assert len(before.columns) > 60
    for file, clock in (("subscriptions", "valid_from"), ("crm_events", "occurred_at"), ("tickets", "opened_at")):
        rows = pd.read_parquet(folder / f"{file}.parquet")
        rows[rows[clock] < pd.Timestamp(DAY)].to_parquet(folder / f"{file}.parquet")
    for file, clock in (("usage_events", "occurred_at"), ("usage_daily", "day")):
        if (path := folder / f"{file}.parquet").exists():
            rows = pd.read_parquet(path)
            is_known = rows["known_at"].fillna(rows[clock]) < pd.Timestamp(DAY)
            assert (rows.loc[~is_known, clock] < pd.Timestamp(DAY)).any()  # some came in late
            rows[is_known].to_parquet(path)
    tickets = pd.read_parquet(folder / "tickets.parquet")
    is_closed = tickets["closed_at"] < pd.Timestamp(DAY)
    tickets.assign(csat=tickets["csat"].where(is_closed)).to_parquet(folder / "tickets.parquet")
    pd.testing.assert_frame_equal(on_the_day(folder), before)


def on_the_day(folder: Path) -> pd.DataFrame:
    """The columns of a day, asked for beside a later one; without those of features, which the last day picks."""
    both = afternoon.columns(folder, [DAY, END])
    assert len(both.columns) > 85
    on_day = both[both["snapshot_date"] == pd.Timestamp(DAY)]
    return on_day[[name for name in both if not OF_ONE_FEATURE.match(name)]].sort_values(
        "account_id", ignore_index=True
    )


def test_the_analyst_asks_for_events_that_there_are() -> None:
    assert set(afternoon.CRM_KINDS) <= set(CRM_KINDS)


def test_who_is_taught_the_truth_ranks_by_it_whatever_came() -> None:
    use, noise = np.random.default_rng(0).random((2, 600))
    rows = pd.DataFrame({"use": use, "noise": noise, "expanded": noise.round()})
    known, unseen = np.arange(400), np.arange(400, 600)
    ranked = _taught(SimpleNamespace(rows=rows, features=("use", "noise")), 0.3 * use**2)(known, unseen)
    assert pd.Series(ranked).corr(pd.Series(use[unseen]), method="spearman") > 0.99


def test_a_list_is_judged_by_the_mean_of_its_days() -> None:
    days = pd.to_datetime(["2026-05-01"] * 4 + ["2026-06-01"] * 4)
    lists = pd.DataFrame({"account_id": list("abcdabcd"), "snapshot_date": days, "expanded": [1, 0, 0, 0, 1, 0, 0, 0]})
    perfect, late = [4, 3, 2, 1] * 2, [4, 3, 2, 1, 3, 4, 2, 1]
    told = _judged(lists.assign(product=perfect, afternoon=late, oracle=perfect))
    assert (told["product"], told["afternoon"], told["days"], told["expansions"]) == (1.0, 0.75, 2, 2)
    low, high = told["over afternoon"]
    assert 0 <= low <= 0.25 <= high


def test_the_page_has_a_row_for_each_world_that_was_measured() -> None:
    told = {
        "accounts": 300, "days": 6, "expansions": 9, "product": 0.4, "afternoon": 0.3, "oracle": 0.5, "best rule": 0.2,
        "logistic": 0.25, "over afternoon": [0.01, 0.2], "forecast / realised": 1.0, "ARR forecast / realised": 0.9,
        "ARR told beforehand": [0.8, 1.25], "calibration error": 0.02, "product AUC": 0.8, "afternoon AUC": 0.7,
        "oracle AUC": 0.9, "seconds": 40.0,
    }  # fmt: skip
    page = "\n".join(rendered({"worlds": {"pressure": told}, "date": "2026-01-01", "machine": "one"}))
    assert (
        "| `pressure` | 300 | 6 | 9 | 0.400 | 0.300 | 0.200 | 0.250 |  |  |  | 0.500 | 0.80 | +0.010 to +0.200 |"
        in page
    )
    assert "| `pressure` | 1.00 | 0.90 |  | 0.80 to 1.25 | 0.020 | 0.800, 0.700, 0.900 | 40 |" in page
    assert "| `turning` | The rules change after 15 months" in page
    assert page.count("| `pressure` |") == 3
