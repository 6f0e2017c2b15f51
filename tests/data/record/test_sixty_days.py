"""Sixty days of a source that shows only what is, recorded, give the features of the full history.

Exactly these are other, and by design:

- what had ended before the first recorded day, and all but the latest row of the team's own features before it;
- a line that came to be known a day late without the source saying so is known on its own day: a recording that is made
  early on a day shows what the day before brought;
- what came, changed or went on lost days, and does not say when it was known, is known from the next recorded day. It
  is left out of the comparison here, with its accounts; drawn tests say what becomes of it.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.simulation.base import simulate
from data.sources.connect import connect
from tests.data.record.shown import Frames, known_by, read, recorded, shown_on, write
from tests.drawn import rows_of

pytestmark = pytest.mark.slow
FIRST, DAYS, END = date(2025, 11, 2), 60, date(2026, 1, 1)
EVERY = [FIRST + timedelta(days=number) for number in range(DAYS)]
LOST = {*EVERY[9:11], EVERY[20], *EVERY[33:40]}
SNAPSHOTS = [date(2025, 11, 10), date(2025, 11, 24), date(2025, 12, 8), date(2025, 12, 22), END]
FACTS = ("invoices", "usage_events", "tickets", "crm_events")
CORRECTED, DELETED, RETURNED = date(2025, 11, 19), date(2025, 12, 1), date(2025, 12, 3)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    folder = tmp_path_factory.mktemp("full") / "base"
    simulate(folder, accounts=60, months=8, seed=5, end=END)
    return read(folder)


def record_all(full: Frames, folder: Path, days: list[date], spoil: object = lambda shown, _day: shown) -> Path:
    for day in days:
        recorded(folder / "history", write(spoil(shown_on(full, day), day), folder / "source"), day)
    return folder / "history"


def expected(full: Frames, folder: Path) -> Path:
    """The full history without what no recorded day could show."""
    after = pd.Timestamp(FIRST) + pd.Timedelta(days=1)
    lines, own = full["subscriptions"], full["account_features"]
    known = lines["known_at"].fillna(lines["valid_from"])
    seen = lines["valid_to"].isna() | ((lines["valid_to"] >= after) & (lines["valid_to"] > known))
    days_late = (known - lines["valid_from"]).dt.days
    lines = lines.assign(known_at=known.where(days_late > 1, lines["valid_from"]))[seen]
    before = own[own["known_at"] < after].sort_values("known_at").groupby("account_id").tail(1)
    own = pd.concat([before, own[own["known_at"] >= after]])
    return write(full | {"subscriptions": lines, "account_features": own}, folder)


def differences(of: Path, to: Path) -> dict[str, set[str]]:
    """The accounts whose features are other at some snapshot, by feature."""
    with connect(str(of)) as one, connect(f"record://{to}") as other:
        rows, others = rows_of(one.tables, SNAPSHOTS), rows_of(other.tables, SNAPSHOTS)
    assert list(rows.columns) == list(others.columns)
    assert len(rows) > 200
    rows, others = rows.align(others, join="outer", axis=0)
    same = (rows == others) | (rows.isna() & others.isna())
    index = np.array([account for account, _ in rows.index])
    return {name: set(index[~same[name]]) for name in rows.columns if not same[name].all()}


def test_a_source_that_keeps_only_what_is_gives_every_feature_of_the_full_history(full: Frames, tmp_path: Path) -> None:
    history = record_all(full, tmp_path, EVERY)
    assert differences(expected(full, tmp_path / "expected"), history) == {}


def test_lost_days_corrections_and_deletions_touch_the_accounts_that_they_are_of(full: Frames, tmp_path: Path) -> None:
    """One price is corrected, one account is gone for two days with all that it has, and ten days are lost.

    Facts say when they were known, so that those of the lost days are known then.
    """
    open_lines = shown_on(full, END - timedelta(days=1))["subscriptions"]
    old = open_lines[open_lines["valid_from"] < pd.Timestamp(FIRST)].drop_duplicates("account_id")["account_id"]
    repriced, away = old.iloc[:2]

    def spoil(shown: Frames, day: date) -> Frames:
        lines = shown["subscriptions"]
        for name in FACTS:
            shown[name]["known_at"] = known_by(name, shown[name])
        if day >= CORRECTED:
            lines.loc[lines["account_id"] == repriced, "mrr"] *= 1.5
        if DELETED <= day < RETURNED:
            return {
                name: rows[rows["account_id"] != away] if "account_id" in rows else rows for name, rows in shown.items()
            }
        return shown

    history = record_all(full, tmp_path, [day for day in EVERY if day not in LOST], spoil)
    found = differences(expected(full, tmp_path / "expected"), history)
    touched = {repriced, away} | moved_on_lost_days(full)
    assert {name: accounts - touched for name, accounts in found.items() if accounts - touched} == {}
    assert repriced in found["mrr"]
    assert len(touched) < 0.8 * full["accounts"].shape[0], "there is something left to compare"
    with connect(f"record://{history}") as opened:
        assert any(f"{len(LOST)} days in between were not recorded" in remark for remark in opened.remarks)


def moved_on_lost_days(full: Frames) -> set[str]:
    """The accounts of what came, changed or went on a lost day or the day after, and does not say when it was known."""
    gaps = LOST | {day + timedelta(days=1) for day in LOST}
    accounts: set[str] = set()
    for name, columns in {
        "subscriptions": ("valid_from", "valid_to"),
        "users": ("created_at", "deactivated_at"),
        "tickets": ("closed_at",),
        "outcomes": ("opened_at", "closed_at"),
        "account_features": ("known_at",),
    }.items():
        rows = full[name]
        for days in (known_by(name, rows), *(rows[column] for column in columns)):
            accounts |= set(rows.loc[days.dt.date.isin(gaps), "account_id"])
    return accounts
