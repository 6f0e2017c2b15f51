"""What an account was billed for usage-priced products. The snapshot is the 1st of July 2026."""

from math import isnan

import pandas as pd
import pytest

from data.ledger.rules import ExpansionRules
from tests.drawn import SNAPSHOT, base, row_of, rows_of

INVOICES = """
    account_id | product | billed_at  | amount | known_at
    acme       | api     | 2025-03-31 | 9999   |
    acme       | api     | 2025-04-01 | 150    |
    acme       | api     | 2025-06-30 | 50     |
    acme       | api     | 2025-07-01 | 100    |
    acme       | api     | 2025-12-30 | 9      |
    acme       | api     | 2025-12-31 | 200    |
    acme       | api     | 2026-03-31 | 100    |
    acme       | api     | 2026-04-01 | 50     |
    acme       | api     | 2026-06-02 | 70     |
    acme       | api     | 2026-06-03 | 80     |
    acme       | api     | 2026-06-10 | -30    |
    acme       | api     | 2026-06-30 | 20     |
    acme       | storage | 2026-06-30 | 10     |
    acme       | api     | 2026-07-01 | 5000   |
    acme       | api     | 2026-05-01 | 5000   | 2026-07-01
    first      | api     | 2026-06-30 | 100    |
    credited   | api     | 2026-06-01 | 100    |
    credited   | api     | 2026-06-29 | -40    |
    returner   | api     | 2025-10-01 | -10    |
    returner   | api     | 2026-06-01 | 100    |
    seated     | api     | 2024-01-01 | 100    |
    mixed      | core    | 2026-06-01 | 10     |
    mixed      | api     | 2026-04-02 | 10     |
    mixed      | storage | 2026-04-01 | 10     |
    mixed      | storage | 2026-06-01 | 10     |
    mixed      | storage | 2026-06-02 | -10    |
    mixed      | storage | 2026-06-03 | 10     | 2026-07-01
"""
SUBSCRIPTIONS = """
    account_id | product | plan | mrr | valid_from
    seated     | core    | team | 100 | 2026-01-01
    mixed      | core    | team | 100 | 2026-01-01
"""
PLANS = """
    product | plan    | tier
    core    | team    | 1
    api     | metered | 1
    storage | metered | 1
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of(base(invoices=INVOICES, subscriptions=SUBSCRIPTIONS, plans=PLANS)).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


def test_billed_in_28_days_from_the_3rd_of_june_on_credits_taken_off(row: pd.Series) -> None:
    assert row.billed_28d == 80 - 30 + 20 + 10


def test_billed_in_91_days_from_the_1st_of_april_on(row: pd.Series) -> None:
    assert row.billed_91d == 50 + 70 + 80 - 30 + 20 + 10


def test_billed_in_365_days_from_the_1st_of_july_of_last_year_on(row: pd.Series) -> None:
    assert row.billed_365d == 100 + 9 + 200 + 100 + 50 + 70 + 80 - 30 + 20 + 10


def test_two_invoices_of_one_day_are_one_day_with_an_invoice(row: pd.Series) -> None:
    assert row.billed_days_91d == len(["1 April", "2 June", "3 June", "10 June", "30 June"])


def test_growth_is_against_the_91_days_before(row: pd.Series) -> None:
    before = 200 + 100  # 31 December to 31 March
    assert row.billed_growth_91d == (200 - before) / before


def test_against_the_same_91_days_a_year_ago(row: pd.Series) -> None:
    year_ago = 150 + 50  # 1 April to 30 June of last year
    assert row.billed_against_last_year == (200 - year_ago) / year_ago


def test_the_slope_of_billing_over_13_times_28_days(row: pd.Series) -> None:
    # Tiles of 28 days, the latest from the 3rd of June; the 13th from the 2nd of July of last year.
    now, april, march, december = 80 - 30 + 20 + 10, 70, 50 + 100, 200 + 9
    total = now + april + march + december
    leaning = 6 * now + 5 * april + 3 * march - 0 * december
    assert row.billed_slope_364d == leaning / (14 * total)


def test_the_volatility_of_billing_is_its_mean_deviation_over_13_tiles(row: pd.Series, rows: pd.DataFrame) -> None:
    tiles = [80, 70, 0, 150, 0, 0, 209, 0, 0, 0, 0, 0, 0]
    total = sum(tiles)
    assert row.billed_volatility_364d == sum(abs(13 * tile - total) for tile in tiles) / (13 * total)
    assert rows.billed_volatility_364d["first"] == (12 * 100 + 12 * 100) / (13 * 100)  # one tile of 100, twelve of 0
    assert isnan(rows.billed_volatility_364d["seated"])
    assert isnan(rows.billed_slope_364d["seated"])


def test_the_api_is_nearly_all_that_was_billed(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.products_billed_91d == len(["api", "storage"])
    api, storage = 100 + 9 + 200 + 100 + 50 + 70 + 80 - 30 + 20, 10
    assert row.top_product_share_365d == api / (api + storage)
    assert rows.products_billed_91d["seated"] == 0
    assert isnan(rows.top_product_share_365d["seated"])


def test_a_product_that_was_credited_in_full_is_not_among_those_billed(rows: pd.DataFrame) -> None:
    assert rows.products_billed_91d["mixed"] == len(["core", "api", "storage"])
    assert rows.top_product_share_365d["mixed"] == 10 / (10 + 10 + (10 + 10 - 10))


def test_billed_yesterday(row: pd.Series) -> None:
    assert row.days_since_billed == 1


def test_a_credit_is_no_bill(rows: pd.DataFrame) -> None:
    assert rows.days_since_billed["credited"] == 30


def test_credits_are_a_share_of_what_was_charged(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.credit_share_365d == 30 / (100 + 9 + 200 + 100 + 50 + 70 + 80 + 20 + 10)
    assert rows.credit_share_365d["credited"] == 40 / 100


def test_without_credits_their_share_is_zero(rows: pd.DataFrame) -> None:
    assert rows.credit_share_365d["first"] == 0


def test_an_account_with_credits_alone_before_has_nothing_to_grow_from(rows: pd.DataFrame) -> None:
    assert isnan(rows.billed_growth_91d["returner"])


def test_a_product_is_owned_if_a_line_is_open_or_the_last_90_days_were_billed(rows: pd.DataFrame) -> None:
    assert rows.products["acme"] == len(["api", "storage"])
    assert rows.products["seated"] == len(["core"])  # the api was billed long ago
    assert rows.products["mixed"] == len(["core", "api"])  # storage: the 91st day, a credit, and not known yet


def test_what_is_billed_is_not_left_to_buy(rows: pd.DataFrame) -> None:
    assert rows.products_not_owned["acme"] == len(["core"])
    assert rows.products_not_owned["seated"] == len(["api", "storage"])
    assert rows.products_not_owned["mixed"] == len(["storage"])


def test_bills_alone_tell_what_is_owned() -> None:
    row = row_of("acme", invoices=INVOICES)
    assert row.products == len(["api", "storage"])
    assert "mrr" not in row


def test_the_first_bill_came_yesterday(rows: pd.DataFrame) -> None:
    first = rows.loc["first"]
    assert first.tenure_days == 1
    assert first.billed_365d == 100
    assert isnan(first.billed_growth_91d)
    assert isnan(first.billed_against_last_year)
    assert isnan(first.mrr)


def test_long_ago_an_invoice_and_now_a_subscription(rows: pd.DataFrame) -> None:
    seated = rows.loc["seated"]
    assert seated.tenure_days == 365 + 365 + 182  # since the 1st of January 2024, a leap year
    assert seated.billed_365d == 0
    assert isnan(seated.days_since_billed)
    assert isnan(seated.credit_share_365d)


def test_what_pays_for_a_subscription_is_not_billed_for_use_whatever_its_product_was_called_then() -> None:
    tables = base(
        subscriptions="""
            account_id | product | plan | mrr | valid_from | valid_to   | kind
            renamed    | mail    | one  | 100 | 2025-01-01 |            |
            tried      | inbox   | one  | 100 | 2025-12-01 | 2026-01-01 | trial
        """,
        invoices="""
            account_id | product | billed_at  | amount
            renamed    | inbox   | 2026-06-01 | 100
            tried      | inbox   | 2026-06-01 | 100
        """,
        product_succession="""
            product | successor | from_day
            mail    | inbox     | 2026-04-01
        """,
    )
    rows = rows_of(tables, [SNAPSHOT], ExpansionRules(billed_and_subscribed="payments")).droplevel("snapshot_date")
    assert (rows.billed_91d["renamed"], rows.billed_91d["tried"]) == (0, 100)
    assert (rows.products["renamed"], rows.products["tried"]) == (1, 1)
