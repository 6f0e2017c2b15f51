from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from data.sources import known as knowing
from data.sources.connect import connect
from data.sources.known import KnownBase, known_before
from features.catalogue import catalogue, full_catalogue
from features.missing_features import as_learnt, empty_columns_of, say_missing
from tests.data.sources.test_connect import csv_base

CARDS = full_catalogue()
TODAY = date(2026, 7, 1)
HOLLOW = {
    "accounts": "account_id,name,created_at,parent_id\n1,One,2024-01-05,\n",
    "tickets": "ticket_id,account_id,opened_at,closed_at,severity\nt1,1,2026-06-01,,\n",
}


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnownBase]:
    with connect(f"csv://{csv_base(tmp_path, **HOLLOW)}") as source:
        yield known_before(source, TODAY, TODAY)


def test_what_was_learnt_from_values_holds_for_accounts_without_one(base: KnownBase) -> None:
    """One account of no group, whose one ticket is open, and one ticket whose severity nobody wrote down."""
    asked = ["group_mrr", "tickets_open", "severe_tickets_91d", "critical_tickets_open"]
    assert not catalogue(base.tables, absent=base.absent).keys() & {*asked}
    known = as_learnt(base, asked)
    assert base.absent - known.absent == {"accounts.parent_id", "tickets.closed_at", "tickets.severity"}
    assert catalogue(known.tables, absent=known.absent).keys() >= {*asked}
    (told,) = set(known.warnings) - set(base.warnings)
    assert told.startswith("No row has a value in accounts.parent_id, tickets.closed_at, tickets.severity, which")


def test_a_model_that_learnt_nothing_from_a_column_does_without(base: KnownBase) -> None:
    assert as_learnt(base, ["mrr", "not_ours"]) is base
    assert as_learnt(base, ["group_mrr"]).absent == base.absent - {"accounts.parent_id"}


def test_many_rows_without_a_value_have_lost_it(base: KnownBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what comes later, or need not be."""
    monkeypatch.setattr(knowing, "FEW_ROWS", 1)
    asked = ["group_mrr", "tickets_open", "severe_tickets_91d"]
    known = as_learnt(base, asked)
    assert base.absent - known.absent == {"accounts.parent_id", "tickets.closed_at"}
    assert empty_columns_of(known, asked) == ["tickets.severity"]
    assert empty_columns_of(base, asked) == ["accounts.parent_id", "tickets.closed_at", "tickets.severity"]


def test_a_lost_table_is_named_before_its_features_and_they_are_counted() -> None:
    asked = [*CARDS, "health_score", "fit_segment"]
    lost = [name for name, card in CARDS.items() if "tickets" in card.tables]
    told = say_missing(asked, lost)
    assert told.startswith(f"missing: table tickets, all {len(lost)} features of it ({lost[0]}, ")
    assert told.endswith(f" and {len(lost) - 5} more)")
    assert "; " not in told


def test_what_a_table_still_gives_and_the_teams_own_are_told_by_name() -> None:
    asked = [*CARDS, "health_score", "fit_segment"]
    assert say_missing(asked, ["fit_segment"]) == "missing: fit_segment (table account_features)"
    told = say_missing(asked, ["health_score", "fit_segment", "nps_last"])
    assert told == (
        "missing: table account_features, all 2 features of it (health_score, fit_segment); nps_last (table crm_events)"
    )
    assert say_missing(asked, []) == ""


def test_every_feature_can_be_told() -> None:
    """Also those of no table, such as the month."""
    assert any(not card.tables for card in CARDS.values())
    for name in CARDS:
        assert say_missing([*CARDS], [name]).startswith("missing: ")
    assert "(account_id" not in say_missing([*CARDS], [*CARDS])
