"""The verdict on the simulated base, and on what becomes of it where it leaks, is small, young or not in use."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from data.figures.readiness.coverage import OPTIONAL
from data.figures.readiness.verdict import Readiness
from flows.pipelines.readiness import readiness_of_tables, signal_dates
from flows.run.settings import Settings, load
from flows.stages.base import read_source
from flows.stages.dates import known_base
from tests.flows.conftest import END, Headroom

YEAR_AGO, HALF_YEAR_AGO, FOUR_MONTHS_AGO = (pd.Timestamp(END - timedelta(days=days)) for days in (365, 180, 120))
Change = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]
"""What is done to the lines and the use of the base."""


def open_on(lines: pd.DataFrame, day: pd.Timestamp) -> set[str]:
    return set(lines[(lines.valid_from < day) & (lines.valid_to.isna() | (lines.valid_to >= day))].account_id)


def healthy(lines: pd.DataFrame, use: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Those who are still there, and one in twenty of them who leaves."""
    stays = open_on(lines, pd.Timestamp(END))
    return leaving(lines[lines.account_id.isin(stays)], 0.05), use


def leaving(lines: pd.DataFrame, share: float) -> pd.DataFrame:
    """The lines, where this share of the accounts of a year ago has left since."""
    accounts = sorted(open_on(lines, YEAR_AGO))
    leaves = lines.account_id.isin(accounts[: round(share * len(accounts))])
    kept = lines[~leaves | (lines.valid_from < HALF_YEAR_AGO)]
    ends = kept.account_id.isin(lines[leaves].account_id) & ~(kept.valid_to < HALF_YEAR_AGO)
    return kept.assign(valid_to=kept.valid_to.mask(ends, HALF_YEAR_AGO))


def leaky(lines: pd.DataFrame, use: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    stays = open_on(lines, pd.Timestamp(END))
    return leaving(lines[lines.account_id.isin(stays)], 0.12), use


def small(lines: pd.DataFrame, use: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    lines, use = healthy(lines, use)
    return lines[lines.account_id.isin(sorted(open_on(lines, pd.Timestamp(END)))[:25])], use


def young(lines: pd.DataFrame, use: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    lines, use = healthy(lines, use)
    lines = lines[lines.valid_to.isna() | (lines.valid_to > FOUR_MONTHS_AGO)]
    begun = lines.valid_from.clip(lower=FOUR_MONTHS_AGO)
    return lines.assign(valid_from=begun, known_at=begun), use[use.occurred_at >= FOUR_MONTHS_AGO]


def unused(lines: pd.DataFrame, use: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    lines, use = healthy(lines, use)
    return lines, use[use.account_id.isin(sorted(use.account_id.unique())[:10])]


@pytest.fixture
def verdict_on(warehouse: Path, tmp_path: Path) -> Callable[[Change], Readiness]:
    """The verdict on the base once its lines and its use are changed; nobody pays by use in it."""

    def on(change: Change) -> Readiness:
        folder = tmp_path / "changed"
        shutil.copytree(warehouse, folder, ignore=shutil.ignore_patterns("invoices.parquet", "oracle"))
        files = folder / "subscriptions.parquet", folder / "usage_events.parquet"
        for file, rows in zip(files, change(*(pd.read_parquet(file) for file in files)), strict=True):
            rows.to_parquet(file)
        settings = load(source=f"parquet://{folder}")
        with read_source(settings) as source:
            return readiness_of_tables(source, settings)

    return on


@pytest.mark.parametrize(
    ("change", "verdict", "decided_by"),
    [
        (healthy, "build", None),
        (leaky, "wait", "yearly_churn"),
        (small, "wait", "customers"),
        (young, "not enough data", "history"),
        (unused, "not enough data", "in_use"),
    ],
)
def test_verdicts_differ_as_they_should(
    change: Change, verdict: str, decided_by: str | None, verdict_on: Callable[[Change], Readiness]
) -> None:
    ready = verdict_on(change)
    assert ready.verdict == verdict, list(ready.lines())
    assert ready.if_signals == (verdict == "build")
    unmet = [
        one for one in ready.criteria if one.criterion.otherwise and not one.met and one.criterion.name != "signals"
    ]
    assert (unmet[0].criterion.name if unmet else None) == decided_by


def test_check_ends_with_the_verdict(warehouse: Path, headroom: Headroom) -> None:
    ran = headroom("check", "--source", f"parquet://{warehouse}")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    (begins,) = (place for place, line in enumerate(lines) if line.startswith("ready for an expansion motion: "))
    assert lines[-1].startswith("  past expansions: seat ")
    assert len(lines[begins:]) >= 10
    assert any(
        line.startswith("  ?   signals that went with past expansions: not known (at least 3)") for line in lines
    )


def test_days_are_a_horizon_apart_and_matured(warehouse: Path) -> None:
    settings: Settings = load(source=f"parquet://{warehouse}")
    with read_source(settings) as source:
        days = signal_dates(known_base(source, END), 90)
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=90)}
    assert days[-1] + timedelta(days=90) <= END
    assert len(days) == 5  # of twenty months: a quarter comes before the first, and the last has to mature


def test_tables_that_may_be_missing_are_those_that_bring_signals() -> None:
    assert OPTIONAL == ("users", "plans", "plan_features", "tickets", "crm_events", "account_features", "outcomes")
