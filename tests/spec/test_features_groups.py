"""What others of an account's group of companies are, have and did. The 1st of July 2026."""

from datetime import date
from math import isnan

import pandas as pd
import pytest

from data.contract.vocabulary import KEY
from data.ledger.rules import ExpansionRules
from features.cohort import cohort
from features.details import add_details
from features.views.whole_base import WholeBaseViews
from tests.drawn import SNAPSHOT, base, rows_of

ACCOUNTS = """
    account_id | name   | created_at | parent_id
    acme       | Acme   | 2020-01-01 |
    north      | North  | 2020-01-01 | acme
    harbour    | Port   | 2020-01-01 | north
    south      | South  | 2020-01-01 | acme
    lone       | Lone   | 2020-01-01 |
    self       | Self   | 2020-01-01 | self
    lost       | Lost   | 2020-01-01 | nobody
    left       | Left   | 2020-01-01 | right
    right      | Right  | 2020-01-01 | left
    inner      | Inner  | 2020-01-01 | left
    holding    | Hold   | 2020-01-01 |
    single     | Single | 2020-01-01 | holding
    """
LINES = """
    account_id | product   | plan | mrr | seats | valid_from | valid_to
    acme       | core      | team | 100 | 10    | 2025-01-01 | 2026-03-01
    acme       | core      | team | 150 | 15    | 2026-03-01 |
    north      | core      | team | 20  | 2     | 2025-01-01 |
    north      | analytics | team | 7   | 1     | 2025-01-01 |
    harbour    | core      | team | 30  | 3     | 2026-06-30 |
    harbour    | analytics | team | 8   | 1     | 2026-06-30 |
    south      | core      | team | 40  | 4     | 2025-01-01 | 2026-06-30
    south      | core      | team | 90  | 9     | 2026-07-01 |
    lone       | core      | team | 10  | 1     | 2025-01-01 |
    self       | core      | team | 10  | 1     | 2025-01-01 |
    lost       | core      | team | 10  | 1     | 2025-01-01 |
    left       | core      | team | 10  | 1     | 2025-01-01 |
    right      | core      | team | 10  | 1     | 2025-01-01 |
    inner      | core      | team | 10  | 1     | 2025-01-01 |
    single     | core      | team | 10  | 1     | 2025-01-01 |
    """
EVENTS = """
    account_id | occurred_at | feature | user_id
    acme       | 2026-06-30  | report  | u1
    north      | 2026-06-30  | report  | u2
    north      | 2026-06-10  | report  | u3
    harbour    | 2026-06-30  | report  | u4
    harbour    | 2026-05-01  | report  | u5
    """


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Acme has North and South below it, and Port below North. South is no customer: its larger line begins today."""
    tables = base(accounts=ACCOUNTS, subscriptions=LINES, usage_events=EVENTS)
    return rows_of(tables, absent=frozenset()).droplevel("snapshot_date")


def test_the_other_customers_of_the_group(rows: pd.DataFrame) -> None:
    assert "south" not in rows.index
    assert rows.group_customers["acme"] == 2  # North and Port
    assert rows.group_customers["harbour"] == 2  # Acme and North: two levels up is one group too


def test_what_the_others_pay(rows: pd.DataFrame) -> None:
    assert rows.group_mrr["acme"] == (20 + 7) + (30 + 8)
    assert rows.group_mrr["north"] == 150 + (30 + 8)


def test_the_people_of_the_others(rows: pd.DataFrame) -> None:
    assert rows.group_active_users_28d["acme"] == 2 + 1  # u2 and u3 of North, u4 of Port; u5 is 61 days ago
    assert rows.group_active_users_28d["harbour"] == 1 + 2


def test_the_expansions_of_the_others(rows: pd.DataFrame) -> None:
    assert rows.group_expansions_365d["north"] == 1  # five seats more at Acme
    assert rows.group_expansions_365d["acme"] == 0  # its own does not count


def test_which_of_the_others_expanded_within_half_a_year(rows: pd.DataFrame) -> None:
    assert rows.group_expanded_182d["harbour"] == 1  # Acme, on the 1st of March; North has never expanded
    assert rows.group_expanded_182d["acme"] == 0


def test_what_the_others_own_and_the_account_does_not(rows: pd.DataFrame) -> None:
    assert rows.group_products_not_owned["acme"] == 1  # analytics, which two of them own, is one product
    assert rows.group_products_not_owned["north"] == 0


@pytest.mark.parametrize("account", ["lone", "self", "lost", "left", "right", "inner"])
def test_without_a_top_there_is_no_group(rows: pd.DataFrame, account: str) -> None:
    """Alone; its own parent; under nobody; in a circle, and below one."""
    assert rows.group_customers[account] == 0
    assert isnan(rows.group_mrr[account])
    assert isnan(rows.group_active_users_28d[account])
    assert rows.group_expansions_365d[account] == 0
    assert rows.group_expanded_182d[account] == 0
    assert rows.group_products_not_owned[account] == 0


def test_a_group_without_another_customer_has_nothing_to_tell(rows: pd.DataFrame) -> None:
    assert rows.group_customers["single"] == 0
    assert isnan(rows.group_mrr["single"])


def test_of_the_others_counts_what_was_known_before_the_snapshot() -> None:
    tables = base(accounts=ACCOUNTS, subscriptions=LINES, usage_events=EVENTS)
    before = rows_of(tables, [date(2026, 3, 1)], absent=frozenset()).droplevel("snapshot_date")
    assert before.group_mrr["north"] == 100 + 40  # Acme as it was, South before it left, Port not yet
    assert before.group_expansions_365d["north"] == before.group_expanded_182d["north"] == 0
    assert before.group_customers["north"] == 2


def test_a_group_is_named_by_its_top_and_a_top_without_a_name_by_its_id() -> None:
    tables = base(accounts=ACCOUNTS.replace("| Hold  ", "|       "), subscriptions=LINES)
    views = WholeBaseViews(tables, cohort(tables, [SNAPSHOT]), [SNAPSHOT], ExpansionRules())
    found = add_details(views.cohort.select(*KEY), views, frozenset(), of_whole_base=True).to_pandas()
    found = found.set_index("account_id")
    assert found.loc["harbour", ["group_id", "group_name"]].tolist() == ["acme", "Acme"]
    assert found.loc["single", ["group_id", "group_name"]].tolist() == ["holding", "holding"]
    assert found.loc["acme", ["group_product", "group_product_owners"]].tolist() == ["analytics", 2]
    assert found.loc["lone", ["group_id", "group_name", "group_product"]].isna().all()
