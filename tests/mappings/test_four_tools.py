"""Stripe, Salesforce, Zendesk and Pendo side by side give back the base that was landed in them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from data.sources.known import Source
from tests.engines.comparison import features
from tests.mappings.pendo import land_pendo
from tests.mappings.salesforce import land_salesforce
from tests.mappings.stripe import land_stripe
from tests.mappings.world import (
    END,
    Frames,
    assert_nothing_is_wrong,
    assert_the_same_ledger,
    differing,
    land,
    mapped,
    rows_of,
    simulated,
    true_source,
)
from tests.mappings.zendesk import land_zendesk

WRITERS = {"stripe": land_stripe, "salesforce": land_salesforce, "zendesk": land_zendesk, "pendo": land_pendo}


def land_all(folder: Path, truth: Frames) -> Path:
    for tool, write in WRITERS.items():
        land(folder, tool, write(truth))
    return folder


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return simulated(tmp_path_factory.mktemp("simulated"), accounts=60, months=24)


@pytest.fixture(scope="module")
def both(truth: Frames, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Source, Source, list[str]]]:
    folder = tmp_path_factory.mktemp("four")
    source, lines = mapped(f"parquet://{land_all(folder / 'landing', truth)}", folder / "headroom.toml")
    with source, true_source(folder / "truth", truth) as true:
        yield source, true, lines


def test_every_id_is_linked(both: tuple[Source, Source, list[str]], truth: Frames) -> None:
    *_, lines = both
    count = len(truth["accounts"])
    assert f"salesforce: {count} of {count} ids belong to a billed account" in lines
    assert f"zendesk: {count} of {count} ids belong to a billed account" in lines
    assert f"pendo: {count} of {count} ids belong to a billed account" in lines


def test_the_ledger_is_that_of_the_truth_in_every_class(both: tuple[Source, Source, list[str]]) -> None:
    source, true, _ = both
    classes = assert_the_same_ledger(source, true)
    assert {"new", "seat", "upsell", "cross_sell", "price", "contraction", "churn"} <= classes.keys()


def test_check_finds_nothing_wrong(both: tuple[Source, Source, list[str]]) -> None:
    assert_nothing_is_wrong(both[0])


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("accounts", ("account_id", "name", "created_on", "owner", "segment", "industry", "region", "parent_id")),
        ("usage_events", ("account_id", "occurred_on", "feature", "user_id", "hour")),
        ("users", ("user_id", "account_id", "email_domain", "role", "created_on")),
        ("tickets", ("ticket_id", "account_id", "opened_on", "closed_on", "kind", "severity", "csat")),
        ("crm_events", ("account_id", "occurred_on", "kind", "object_id", "known_on")),
        ("plans", ("product", "plan", "tier")),
    ],
)
def test_the_tables_are_those_of_the_truth(
    both: tuple[Source, Source, list[str]], table: str, columns: tuple[str, ...]
) -> None:
    source, true, _ = both
    assert differing(rows_of(source, table, *columns), rows_of(true, table, *columns)) == {}


def test_features_agree(both: tuple[Source, Source, list[str]]) -> None:
    source, true, _ = both
    dates = [date(2026, 4, 1), END]
    mine, theirs = features(source, dates), features(true, dates)
    assert differing(theirs, mine) == {}
