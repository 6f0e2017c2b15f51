"""A column that the source lacks, or never fills in: what needs it is absent, and nothing else changes by a single bit.

Staged, such a column is full of nulls. Without this, an export without `user_id` would be a base in which nobody was
ever active.
"""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect
from data.sources.known import known_before
from data.sources.staging import absent_columns, stage
from features.build.build import build, feature_rows
from features.catalogue import catalogue
from features.definition import GROUPS, REGISTRY, table_of
from tests.data.sources.test_connect import csv_base
from tests.drawn import NOT_BY_USER, known
from tests.properties.generated import SNAPSHOTS, frames, raw_tables

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")]

USERS = {"registered_users", "users_created_28d", "users_created_91d", "registered_users_per_seat"}
LEAVERS = {"users_deactivated_91d", "seats_reassigned_share_91d"}
TEAM_USE = {"new_team_users_active_28d"}
TEAMS = {"teams", "teams_new_91d", *TEAM_USE}
DOMAINS = {"other_domain_users_91d", "other_domain_share"}
RATINGS = {"csat_182d", "csat_change_182d", "csat_last"}
PLAYS = {"play_open", "days_since_not_now", "days_since_won"}
UTILIZATION = {"seat_utilization_28d", "seat_utilization_change_91d", "seats_free", "peers_below_seat_utilization"}
UTILIZATION |= {"seat_excess_months", "months_full_in_a_row"}
ACTIVE = {"active_users_7d", "active_users_28d", "active_users_91d", "events_per_user_28d"}
ACTIVE |= {"group_active_users_28d", "active_users_growth_28d", "active_users_growth_91d", *UTILIZATION}
POWER = {"power_users_28d", "power_user_share_28d", "top_user_share_28d", "stickiness_28d", "shared_logins_28d"}
LIMITS = {"limit_share_max_28d", "limits_over_80pct", "days_to_limit"}
SEATS = {"seats", "mrr_per_seat", "seats_per_employee", "registered_users_per_seat", "list_price_discount"}
SEATS |= {"days_since_seat_expansion", "last_expansion_was_seat", "seats_growth_365d", *UTILIZATION}
SEATS |= {"seats_reassigned_share_91d"}

GROUP = {"group_customers", "group_mrr", "group_active_users_28d", "group_expansions_365d", "group_products_not_owned"}
GROUP |= {"group_expanded_182d"}

ABSENT = {
    "usage_events.user_id": ACTIVE | POWER | TEAM_USE,
    "usage_daily.active_users": ACTIVE,
    "usage_daily.user_id": {*POWER, *TEAM_USE} - {"shared_logins_28d"},
    "tickets.closed_at": {"tickets_open", "critical_tickets_open", *RATINGS},
    "tickets.severity": {"critical_tickets_open", "severe_tickets_91d"},
    "tickets.csat": RATINGS,
    "tickets.kind": {"bug_tickets_91d", "bug_ticket_share_91d", "feature_requests_182d"},
    "tickets.feature": {"gated_requests_182d"},
    "outcomes.closed_at": PLAYS,
    "outcomes.status": PLAYS,
    "users.created_at": USERS | LEAVERS | TEAMS | DOMAINS,
    "users.email_domain": DOMAINS,
    "users.team": TEAMS,
    "users.deactivated_at": LEAVERS,
    "subscriptions.renews_on": {"days_to_renewal", "contract_term_days"},
    "subscriptions.seats": SEATS,
    "subscriptions.notice_at": {"lines_under_notice", "days_since_notice"},
    "invoices.kind": {"overage_share_91d"},
    "accounts.employees": {"employees", "seats_per_employee"},
    "accounts.parent_id": GROUP,
    "plans.seat_price": {"list_price_discount"},
    "plan_features.monthly_limit": LIMITS,
    "crm_events.amount": {"nps_last"},
}

MOVED = {"days_since_expansion", "days_since_upsell", "expansions", "expansions_365d", "last_expansion_share"}
MOVED |= {"last_expansion_was_upsell", "last_expansion_was_cross_sell"}
GROUP_MOVED = {"group_expansions_365d", "group_expanded_182d"}
BILLED = {"billed_28d", "billed_91d", "billed_365d", "billed_against_last_year", "billed_days_91d", "products"}
BILLED |= {"billed_growth_91d", "billed_slope_364d", "billed_volatility_364d", "credit_share_365d", "days_since_billed"}
BILLED |= {"products_billed_91d", "top_product_share_365d", "group_products_not_owned"}
OTHERWISE = {
    "invoices.kind": BILLED,
    "usage_daily.user_id": ACTIVE,
    "subscriptions.seats": {*MOVED, "days_since_price_rise", "days_since_cross_sell", *GROUP_MOVED},
    "crm_events.amount": {"invoices_overdue"},
    "users.deactivated_at": {"registered_users", "registered_users_per_seat", *TEAMS, *DOMAINS},
}
"""What can still be told and is told otherwise: more seats are then a higher price, nobody ever leaves, the
largest day stands for the users of a window, a payment that says no amount is for whichever invoice is overdue, and
every bill is for use."""

TOGETHER = {
    "usage_events": ("usage_events",),
    "usage_daily": ("usage_daily",),
    "tickets": ("tickets", "plans", "plan_features", "usage_daily"),
    "plans": ("plans",),
    "plan_features": ("plans", "plan_features", "usage_daily"),
    "subscriptions": ("users", "plans", "usage_daily"),
}
"""The tables that are read together with those of the contracts; others are read alone."""

Frames = dict[str, pd.DataFrame]


def some(table: str) -> Frames:
    """A generated base of the tables that the features of one table read."""
    names = {"accounts", "subscriptions", *TOGETHER.get(table, (table,))}
    base = frames(5, daily=table != "usage_events")
    if "usage_daily" in base:
        base["usage_daily"] = base["usage_daily"].query("events > 0")
    return {name: base[name] for name in sorted(names)}


def without_ids(base: Frames) -> Frames:
    """The base whose days are counted for all users together."""
    return base | {"usage_daily": base["usage_daily"].drop(columns="user_id")}


def rows_of(base: Frames) -> pd.DataFrame:
    raw = raw_tables(base)
    tables = {name: stage(TABLES[name], table) for name, table in raw.items()}
    absent = absent_columns(raw)
    rows = feature_rows(tables, SNAPSHOTS, ExpansionRules(), absent=absent).to_pandas()
    rows = rows.set_index(["account_id", "snapshot_date"]).sort_index()
    assert list(rows) == list(catalogue(tables, absent=absent))
    return rows


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    return {table: rows_of(some(table)) for table in sorted({table_of(column) for column in ABSENT})}


@pytest.mark.parametrize("column", ABSENT)
def test_without_a_column_what_needs_it_is_absent_and_the_rest_is_as_it_was(
    whole: dict[str, pd.DataFrame], column: str
) -> None:
    table, name = column.split(".")
    full, base = whole[table], some(table)
    if column == "usage_daily.active_users":  # with ids users are counted by them
        base = without_ids(base)
        full = rows_of(base)
    rows = rows_of({**base, table: base[table].drop(columns=name)})
    there = ABSENT[column] & set(full)
    assert there
    assert set(full) - set(rows) == there
    changed = {f for f in rows if rows[f].to_numpy().tobytes() != full[f].to_numpy().tobytes()}
    assert changed <= OTHERWISE.get(column, set())


def test_every_column_that_a_feature_needs_is_in_this_list() -> None:
    everything = {**frames(0), **frames(0, daily=True)}
    for column in ABSENT:
        tables = set(everything) - ({"usage_events"} if column.startswith("usage_daily") else set())
        lost = NOT_BY_USER if column == "usage_daily.active_users" else frozenset()
        full = {f.name for f in REGISTRY.available(tables, lost) if f.card is not None}
        left = {f.name for f in REGISTRY.available(tables, lost | {column}) if f.card is not None}
        assert full - left == ABSENT[column], column
    columns = {need for f in REGISTRY.features.values() for need in f.needs if "." in need and need not in GROUPS}
    assert columns <= set(ABSENT)
    for column in columns:
        assert not TABLES[table_of(column)].column(column.split(".")[1]).required, column


def test_of_every_column_that_a_feature_needs_it_is_asked_whether_it_says_anything() -> None:
    """But for a kind of bill: one that is not said is `usage`, and not unknown."""
    asked = {f"{table.name}.{column.name}" for table in TABLES.values() for column in table.columns if column.costs}
    assert set(ABSENT) - asked == {"invoices.kind"}


def test_ids_that_nobody_filled_in_are_as_if_there_were_none(tmp_path: Path) -> None:
    seats = "account_id,product,plan,mrr,seats,valid_from\n1,core,basic,10,10,2024-01-05\n"
    use = "account_id,day,feature,events,active_users,user_id\n1,2026-06-30,login,30,8,\n"
    with connect(f"csv://{csv_base(tmp_path, subscriptions=seats, usage_daily=use)}") as source:
        day = date(2026, 7, 1)
        (row,) = next(build(known_before(source, day, day), [day], ExpansionRules(), shards=1)).rows.to_pylist()
    assert row["seat_utilization_28d"] == 8 / 10
    assert not POWER & set(row)


def test_cards_name_tables_and_not_columns() -> None:
    cards = [f.card for f in REGISTRY.features.values() if f.card is not None]
    assert {name for card in cards for name in card.tables} <= {*TABLES, "usage", "contracts"}
    assert all(len(set(card.tables)) == len(card.tables) for card in cards)


def test_columns_of_tables_that_are_not_there_and_days_of_knowing_are_not_missed() -> None:
    base = {name: some("tickets")[name] for name in ("accounts", "tickets")}
    base["tickets"] = base["tickets"].drop(columns=["known_at", "csat"])
    others = {f"accounts.{name}" for name in ("owner", "region")}
    assert absent_columns(raw_tables(base)) == {"tickets.csat", *others}


def test_events_without_users_are_not_mended_by_daily_counts() -> None:
    both = {"accounts", "subscriptions", "usage_events", "usage_daily"}
    names = {f.name for f in REGISTRY.available(both, frozenset({"usage_events.user_id"}))}
    assert "active_users_28d" not in names
    assert "events_28d" in names


def test_the_shards_lack_what_the_base_lacks() -> None:
    base = some("usage_events")
    raw = raw_tables({**base, "usage_events": base["usage_events"].drop(columns="user_id")})
    tables = {name: stage(TABLES[name], table) for name, table in raw.items()}
    part = next(build(known(tables, absent=absent_columns(raw)), SNAPSHOTS[:1], ExpansionRules(), shards=1)).rows
    assert not (ACTIVE | POWER) & set(part.column_names)
    assert "events_28d" in part.column_names
