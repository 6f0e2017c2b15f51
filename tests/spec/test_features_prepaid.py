"""Credit that is bought ahead, and what is billed on top of it. The snapshot is the 1st of July 2026."""

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd
import pytest

from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables
from features.cohort import cohort
from features.labels import labels
from tests.drawn import SNAPSHOT, base, rows_of

RULES = ExpansionRules()
HEADER = "account_id | product | billed_at | amount | kind"
DAYS = [SNAPSHOT + timedelta(days=30 * number) for number in range(-14, 8)]


def bought(account: str, amounts: Iterable[tuple[str, int]], kind: str = "prepaid") -> list[str]:
    return [f"{account} | api | {day} | {amount} | {kind}" for day, amount in amounts]


STEADY = [("2024-11-20", 520), ("2025-01-11", 300), ("2025-02-10", 900), ("2025-05-11", 1000), ("2025-08-19", 410)]
STEADY += [("2025-09-29", 1500), ("2026-02-26", 700), ("2026-05-07", 1200)]
"""Ten a day, bought when there is none left."""
GREW = [("2025-01-01", 900), ("2025-04-01", 600), ("2025-05-31", 900), ("2025-08-29", 900)]
GREW += [("2025-10-13", 900), ("2025-11-27", 1800), ("2026-02-25", 1800)]
"""Ten a day until the end of August 2025, then twenty."""
YEARLY = [(f"{year}-03-01", 1200) for year in (2023, 2024, 2025, 2026)]
OVERAGE = [(f"{year}-{month:02d}-20", 10) for year in (2024, 2025) for month in range(1, 13)]
OVERAGE += [(f"2026-{month:02d}-20", 10) for month in range(1, 7)]


@pytest.fixture(scope="module")
def tables() -> Tables:
    rows = bought("steady", STEADY) + bought("grew", GREW) + bought("lapsed", GREW[:-1])
    rows += bought("yearly", YEARLY) + bought("yearly", OVERAGE, "overage")
    rows += bought("once", [("2026-06-01", 80)]) + bought("mixed", [("2026-06-01", 80)], "overage")
    rows += bought("mixed", [("2026-06-20", 120)], "usage")
    return base(invoices="\n".join([HEADER, *rows]))


def expanded(tables: Tables, account: str) -> list[date]:
    found = labels(tables, cohort(tables, DAYS), RULES).to_pandas()
    return sorted(pd.to_datetime(found[(found.account_id == account) & (found.expanded == 1)].snapshot_date).dt.date)


def test_credit_that_is_used_at_one_pace_is_no_growth_however_it_is_bought(tables: Tables) -> None:
    assert expanded(tables, "steady") == []
    assert expanded(tables, "yearly") == []
    rows = rows_of(tables).droplevel("snapshot_date")
    assert rows.billed_growth_91d["steady"] == pytest.approx(0, abs=0.001)
    assert rows.billed_91d["steady"] == pytest.approx(10 * 91.3125, abs=0.1)
    assert rows.billed_91d["yearly"] == 3 * 1200 / 12 + 3 * 10


def test_credit_that_is_used_up_twice_as_fast_is_an_expansion_when_it_shows(tables: Tables) -> None:
    # That 900 lasted 45 days shows on 13 October. The 90 days from a day on come to 1.25 times the 90 before it while
    # they hold 23 days of the new pace, and those before it at most 54.
    first, last = date(2025, 10, 13) - timedelta(days=90 - 23), date(2025, 10, 13) + timedelta(days=54)
    assert expanded(tables, "grew") == [day for day in DAYS if first <= day <= last]


def test_no_month_is_told_anew_when_credit_is_bought(tables: Tables) -> None:
    def moves(today: date) -> pd.DataFrame:
        found = ledger(tables, RULES, today).to_pandas()
        return found[(found.account_id == "grew") & (found.day < pd.Timestamp(2025, 10, 1))].sort_values("day")

    before, after = moves(date(2025, 10, 12)), moves(date(2026, 1, 1))
    assert before[["day", "movement_class", "delta_mrr_e4"]].to_numpy().tolist() == (
        after[["day", "movement_class", "delta_mrr_e4"]].to_numpy().tolist()
    )


def test_who_buys_no_more_is_waited_for_twice_as_long_as_the_credit_should_last(tables: Tables) -> None:
    # The last 1800 of 27 November 2025 last 90 days at 20 a day.
    last = date(2025, 11, 27)
    days = [last + timedelta(days=after) for after in (1, 100, 180, 182)]
    kept = cohort(tables, days).to_pandas().query("account_id == 'lapsed'")
    assert sorted(pd.to_datetime(kept.snapshot_date).dt.date) == days[:3]


def test_who_comes_back_after_years_was_not_billed_for_the_gap() -> None:
    away = [("2022-01-01", 1000), ("2022-02-10", 1000), ("2025-01-20", 500), ("2025-03-01", 500)]
    tables = base(invoices="\n".join([HEADER, *bought("away", away)]))
    found = ledger(tables, RULES, date(2025, 4, 1)).to_pandas().sort_values("day")
    day_rate, back_rate = 1000 / 40, 500 / 40
    assert [(str(row.day.date()), row.movement_class) for row in found.itertuples()] == [
        ("2022-01-01", "new"),
        ("2022-03-22", "churn"),
        ("2025-01-20", "reactivation"),
    ]
    assert [row.delta_mrr_e4 / 10_000 for row in found.itertuples()] == pytest.approx(
        [day_rate * 30.4375, -day_rate * 30.4375, back_rate * 30.4375], abs=0.01
    )
    before = ledger(tables, RULES, date(2024, 12, 31)).to_pandas().sort_values("day")
    assert before["delta_mrr_e4"].tolist() == found["delta_mrr_e4"].tolist()[:2]


def test_overage_is_a_share_of_what_was_billed(tables: Tables) -> None:
    rows = rows_of(tables).droplevel("snapshot_date")
    assert rows.overage_share_91d["mixed"] == 80 / (80 + 120)
    assert rows.overage_share_91d["yearly"] == (10 + 10 + 10) / (10 + 10 + 10)
    assert rows.overage_share_91d["once"] == 0
    assert rows.billed_91d["once"] == 80
