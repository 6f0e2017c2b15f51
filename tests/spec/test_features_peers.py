"""Where an account stands among accounts of its segment and size, and what they own. The 1st of July 2026."""

from collections.abc import Callable
from math import isnan

import pandas as pd
import pytest

from data.contract.likeness import FEWEST_PEERS
from tests.drawn import base, rows_of

Draw = Callable[[int], str]
LINES = "account_id | product | plan | mrr | seats | valid_from"


def table(header: str, row: Draw, numbers: range, *more: str) -> str:
    """A drawn table with one row for each number."""
    return "\n".join([header, *(row(number) for number in numbers), *more])


ELEVEN = range(11)
"""An account and its ten peers."""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Eleven alike: a00 has 1 event, pays 10 and uses 1 of 10 seats, a01 twice that, and so on; and some others."""
    accounts = table(
        "account_id | name | created_at | segment | employees",
        lambda n: f"a{n:02} | A{n} | 2020-01-01 | smb | {11 + n}",
        ELEVEN,
        "large | Large | 2020-01-01 | smb | 51",
        "other | Other | 2020-01-01 | enterprise | 11",
    )
    subscriptions = table(
        LINES,
        lambda n: f"a{n:02} | core | team | {10 * (n + 1)} | 10 | 2026-01-01",
        ELEVEN,
        "large | core | team | 1 | 10 | 2026-01-01",
        "other | core | team | 1 | 10 | 2026-01-01",
        "lineless | core | team | 1 | 10 | 2026-07-01",
    )
    events = ["account_id | occurred_at | feature | user_id"]
    for number in ELEVEN:
        for event in range(number + 1):
            # Ten of them have as many events 91 days earlier: a00 has none, so its use has no growth.
            events.append(f"a{number:02} | 2026-06-{20 - event} | f{event} | u{event}")
            if number:
                events.append(f"a{number:02} | 2026-03-20 | f0 | u0")
    invoices = table("account_id | product | billed_at | amount", lambda n: f"a{n:02} | api | 2026-06-01 | {n}", ELEVEN)
    tables = base(accounts=accounts, subscriptions=subscriptions, usage_events="\n".join(events), invoices=invoices)
    return rows_of(tables).droplevel("snapshot_date")


def test_the_share_of_peers_below(rows: pd.DataFrame) -> None:
    for name in ("peers_below_events", "peers_below_features_used", "peers_below_mrr", "peers_below_billed"):
        assert rows[name]["a00"] == 0 / 10, name
        assert rows[name]["a07"] == 7 / 10, name
        assert rows[name]["a10"] == 10 / 10, name
    assert rows.peers_below_events["a03"] == 3 / 10
    assert rows.peers_below_features_used["a03"] == 3 / 10
    assert rows.peers_below_mrr["a03"] == 3 / 10
    assert rows.peers_below_billed["a03"] == 3 / 10
    assert rows.peers_below_seat_utilization["a03"] == 3 / 10


def test_another_segment_or_size_is_no_peer(rows: pd.DataFrame) -> None:
    assert isnan(rows.peers_below_mrr["other"])
    assert isnan(rows.peers_below_mrr["large"])


def test_peers_whose_value_is_not_known_do_not_count(rows: pd.DataFrame) -> None:
    # a00 has no growth, so the others have nine peers with one: too few.
    assert FEWEST_PEERS == 10
    assert rows.peers_below_events_growth.isna().all()


def test_ties_are_not_below() -> None:
    lines = table(LINES, lambda n: f"a{n:02} | core | team | {10 if n < 5 else 20} | 10 | 2026-01-01", range(12))
    rows = rows_of(base(subscriptions=lines)).droplevel("snapshot_date")
    assert rows.peers_below_mrr["a00"] == 0 / 11
    assert rows.peers_below_mrr["a11"] == 5 / 11


def test_growth_against_peers() -> None:
    lines = table(LINES, lambda n: f"a{n:02} | core | team | 10 | 10 | 2026-01-01", ELEVEN)
    events = ["account_id | occurred_at | feature"]
    for number in ELEVEN:
        events += [f"a{number:02} | 2026-03-20 | f"] + [
            f"a{number:02} | 2026-06-{event + 1} | f" for event in range(number)
        ]
    rows = rows_of(base(subscriptions=lines, usage_events="\n".join(events))).droplevel("snapshot_date")
    assert rows.peers_below_events_growth["a00"] == 0 / 10
    assert rows.peers_below_events_growth["a04"] == 4 / 10


def test_what_look_alikes_own_and_the_account_does_not() -> None:
    # Eleven alike own core; seven of them also own api and two own storage.
    extra = [f"a{n:02} | api | team | 10 | 10 | 2026-01-01" for n in range(7)]
    extra += [f"a{n:02} | storage | team | 10 | 10 | 2026-01-01" for n in range(2)]
    lines = table(LINES, lambda n: f"a{n:02} | core | team | 10 | 10 | 2026-01-01", ELEVEN, *extra)
    accounts = table(
        "account_id | name | created_at | industry",
        lambda n: f"a{n:02} | A{n} | 2020-01-01 | {'bank' if n < 11 else 'retail'}",
        range(12),
    )
    stranger = "a11 | other | team | 10 | 10 | 2026-01-01"
    rows = rows_of(base(accounts=accounts, subscriptions=f"{lines}\n{stranger}")).droplevel("snapshot_date")
    assert rows.look_alikes_top_share["a10"] == 7 / 10  # api
    assert rows.look_alikes_common_products["a10"] == 1  # api; storage is owned by 2 of 10
    assert rows.look_alikes_top_share["a05"] == 2 / 10  # storage
    assert rows.look_alikes_common_products["a05"] == 0
    assert isnan(rows.look_alikes_top_share["a00"])  # it owns all three
    assert isnan(rows.look_alikes_top_share["a11"])  # nobody is like it
    assert rows.look_alikes_common_products["a11"] == 0
