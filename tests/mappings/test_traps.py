"""The traps of each tool, drawn: what a mapping must not fall into."""

from pathlib import Path

import pandas as pd
import pytest

from tests.mappings.landed import days, given

STRIPE = {
    "customer": """
        id | created    | name
        c1 | 2025-01-01 | Acme
    """,
    "product": """
        id | name      | unit_label
        p1 | Workspace | seat
    """,
    "price": """
        id     | product_id | currency | nickname         | billing_scheme | unit_amount | recurring_interval | recurring_interval_count | recurring_usage_type
        team   | p1         | usd      | Team Monthly USD | per_unit       | 2500        | month              | 1                        | licensed
        yearly | p1         | eur      | Team (yearly)    | per_unit       | 24000       | year               | 1                        | licensed
        yen    | p1         | jpy      | Team             | per_unit       | 3000        | month              | 1                        | licensed
        free   | p1         | usd      | Free             | per_unit       | 0           | month              | 1                        | licensed
        tiers  | p1         | usd      | Business         | tiered         |             | month              | 1                        | licensed
        meter  | p1         | usd      | Use              | per_unit       | 1           | month              | 1                        | metered
        setup  | p1         | usd      | Onboarding       | per_unit       | 600000      |                    |                          |
    """,
    "subscription": """
        id | customer_id | status   | created    | ended_at         | trial_end  | cancel_at_period_end | canceled_at
        s1 | c1          | active   | 2026-01-01 |                  |            | false                |
        s2 | c1          | canceled | 2026-01-01 | 2026-03-10 08:00 | 2026-01-15 | true                 | 2026-02-20
        s3 | c1          | unpaid   | 2026-01-01 |                  |            | false                |
    """,
    "invoice": """
        id | customer_id | status        | created    | billing_reason
        i1 | c1          | paid          | 2026-01-01 | subscription_create
        i2 | c1          | paid          | 2026-02-01 | subscription_cycle
        iv | c1          | void          | 2026-02-01 | subscription_cycle
        iu | c1          | uncollectible | 2026-02-01 | subscription_cycle
        id | c1          | draft         | 2026-02-01 | subscription_cycle
        in | c1          | draft         | 2026-02-19 | subscription_cycle
        il | c1          | paid          | 2026-02-20 | subscription_update
    """,
}  # fmt: skip


def stripe(folder: Path, lines: str, table: str = "subscriptions") -> pd.DataFrame:
    return given(folder, table, **STRIPE, invoice_line_item=lines)


LINE = "id | invoice_id | subscription_id | subscription_item_id | plan_id | amount | quantity | period_start | period_end | proration\n"


@pytest.mark.parametrize(
    ("price", "quantity", "amount", "mrr", "plan", "currency"),
    [
        ("team", 4, 10000, 100, "Team", "USD"),  # 4 x 25.00 a month
        ("yearly", 4, 96000, 80, "Team", "EUR"),  # 4 x 240.00 a year / 12; the interval is not of the plan's name
        ("yen", 2, 6000, 6000, "Team", "JPY"),  # a currency without cents
        ("tiers", 7, 9900, 99, "Business", "USD"),  # no unit amount: the amount of the whole month
    ],
)
def test_stripe_mrr_is_quantity_by_unit_amount_a_month(
    tmp_path: Path, price: str, quantity: int, amount: int, mrr: float, plan: str, currency: str
) -> None:
    row = stripe(
        tmp_path, f"{LINE} l1 | i1 | s1 | t1 | {price} | {amount} | {quantity} | 2026-01-01 | 2026-02-01 | false"
    )
    assert (row.mrr[0], row.plan[0], row.currency[0], row.seats[0]) == (mrr, plan, currency, quantity)


TIERS = """
    l1 | i1 | s1 | t1 | tiers | 10000 | 10 | 2026-01-01 | 2026-02-01 | false
    l2 | i1 | s1 | t1 | tiers | 1600  | 2  | 2026-01-01 | 2026-02-01 | false"""
"""12 seats: 10 at 10.00 and 2 at 8.00."""


@pytest.mark.parametrize(
    ("flat", "mrr"),
    [("", 116), ("l3 | i1 | s1 | t1 | tiers | 500 | 0 | 2026-01-01 | 2026-02-01 | false", 121)],
)
def test_stripe_the_lines_of_all_tiers_are_one(tmp_path: Path, flat: str, mrr: float) -> None:
    rows = stripe(tmp_path, f"{LINE}{TIERS}\n{flat}")
    assert rows[["mrr", "seats"]].to_numpy().tolist() == [[mrr, 12]]


def test_stripe_a_change_between_tiers_is_worth_a_whole_period_with_that_quantity(tmp_path: Path) -> None:
    """2 seats more for 16 days: 62.00 for 14 seats, of which nothing else is known until they are billed for February."""
    change = """
        l4 | i2 | s1 | t1 | tiers | -5800 | 12 | 2026-01-16 | 2026-02-01 | true
        l5 | i2 | s1 | t1 | tiers | 6200  | 14 | 2026-01-16 | 2026-02-01 | true"""
    rows = stripe(tmp_path / "first", f"{LINE}{TIERS}{change}")
    assert rows.mrr.tolist() == [116, pytest.approx(62 / 16 * 30.4375)]
    assert rows.seats.tolist() == [12, 14]
    assert days(rows.valid_to) == ["2026-01-16", None]
    rows = stripe(
        tmp_path / "then",
        f"""{LINE}{TIERS}{change}
        l6 | i2 | s1 | t1 | tiers | 10000 | 10 | 2026-02-01 | 2026-03-01 | false
        l7 | i2 | s1 | t1 | tiers | 3200  | 4  | 2026-02-01 | 2026-03-01 | false""",
    )
    assert rows.mrr.tolist() == [116, 132, 132]
    assert days(rows.valid_to) == ["2026-01-16", "2026-02-01", None]


@pytest.mark.parametrize(
    ("currency", "amount", "mrr"),
    [
        ("usd", 10000, 100),
        ("eur", 9000, 90),  # the price is landed in dollars: what is billed counts
        ("jpy", 15000, 15000),  # a currency without cents
    ],
)
def test_stripe_the_currency_is_that_of_the_bill(tmp_path: Path, currency: str, amount: int, mrr: float) -> None:
    lines = f"""{LINE.strip()} | currency
        l1 | i1 | s1 | t1 | team  | {amount} | 4   | 2026-01-01 | 2026-02-01 | false | {currency}
        l2 | i1 | s1 | t9 | meter | {amount} | 900 | 2026-01-01 | 2026-02-01 | false | {currency}"""
    lined = stripe(tmp_path / "lines", lines)
    billed = stripe(tmp_path / "bills", lines, "invoices")
    assert lined[["mrr", "currency"]].to_numpy().tolist() == [[mrr, currency.upper()]]
    assert billed[["amount", "currency"]].to_numpy().tolist() == [[mrr, currency.upper()]]


def test_stripe_a_change_within_a_period_is_a_version_and_not_its_prorated_amount(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 10:00 | 2026-02-01 10:00 | false
        l2 | i2 | s1 | t1 | team | -5000 | 4 | 2026-01-16 11:00 | 2026-02-01 10:00 | true
        l3 | i2 | s1 | t1 | team | 7500  | 6 | 2026-01-16 11:00 | 2026-02-01 10:00 | true
        l4 | i2 | s1 | t1 | team | 15000 | 6 | 2026-02-01 10:00 | 2026-03-01 10:00 | false""",
    )
    assert rows.mrr.tolist() == [100, 150, 150]
    assert days(rows.valid_from) == ["2026-01-01", "2026-01-16", "2026-02-01"]
    assert days(rows.valid_to) == ["2026-01-16", "2026-02-01", None]
    assert days(rows.known_at) == [
        "2026-01-01",
        "2026-01-16",
        "2026-02-01",
    ]  # billed with the next invoice, known at once


def test_stripe_of_two_changes_on_one_day_the_last_stands(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 10:00 | 2026-02-01 10:00 | false
        l2 | i2 | s1 | t1 | team | 7500  | 6 | 2026-01-16 11:00 | 2026-02-01 10:00 | true
        l3 | i2 | s1 | t1 | team | 7500  | 9 | 2026-01-16 15:00 | 2026-02-01 10:00 | true""",
    )
    assert rows.seats.tolist() == [4, 9]


def test_stripe_of_two_lines_of_one_moment_the_later_invoice_stands(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l2 | i2 | s1 | t1 | team | 7500  | 6 | 2026-01-01 10:00 | 2026-02-01 10:00 | false
        l3 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 10:00 | 2026-02-01 10:00 | false""",
    )
    assert rows.seats.tolist() == [6]


@pytest.mark.parametrize(
    "line",
    [
        "l2 | iv | s1 | t1 | team | 90000 | 36 | 2026-02-01 | 2026-03-01 | false",  # the invoice is void
        "l2 | iu | s1 | t1 | team | 90000 | 36 | 2026-02-01 | 2026-03-01 | false",  # it is not collectible
        "l2 | i2 | s1 | t1 | team | 0     | 36 | 2026-02-01 | 2026-03-01 | false",  # nothing was billed
        "l2 | i2 | s1 | t9 | meter | 900  | 900 | 2026-01-01 | 2026-02-01 | false",  # use: of the table invoices
    ],
)
def test_stripe_lines_that_are_none(tmp_path: Path, line: str) -> None:
    first = "l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false"
    assert stripe(tmp_path, f"{LINE}{first}\n{line}").mrr.tolist() == [100]


def test_stripe_a_fee_for_once_is_no_price_of_a_month(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | yearly | 96000  | 4 | 2026-01-01 | 2027-01-01 | false
        l2 | i1 | s1 |    | setup  | 600000 | 1 | 2026-01-01 | 2027-01-01 | false""",
    )
    assert rows[["plan", "mrr"]].to_numpy().tolist() == [["Team", 80]]


def test_stripe_use_is_billed_and_not_subscribed(tmp_path: Path) -> None:
    row = stripe(
        tmp_path, f"{LINE} l1 | i2 | s1 | t9 | meter | 950 | 900 | 2026-01-01 | 2026-02-01 | false", "invoices"
    )
    assert row[["product", "amount", "kind"]].to_numpy().tolist() == [["Workspace", 9.5, "usage"]]
    assert [*days(row.period_start), *days(row.period_end), *days(row.billed_at)] == [
        "2026-01-01",
        "2026-02-01",
        "2026-02-01",
    ]


def test_stripe_an_item_that_is_taken_off_ends_that_day(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false
        l2 | i1 | s1 | t2 | tiers | 9900 | 1 | 2026-01-01 | 2026-02-01 | false
        l3 | i2 | s1 | t2 | tiers | -4400 | 1 | 2026-01-20 | 2026-02-01 | true""",
    )
    assert days(rows.set_index("contract_id").valid_to.loc[["t1", "t2"]]) == [None, "2026-01-20"]


def test_stripe_an_item_that_was_not_billed_again_ended_with_its_period(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false
        l2 | i1 | s1 | t2 | tiers | 9900 | 1 | 2026-01-01 | 2026-02-01 | false
        l3 | i2 | s1 | t1 | team | 10000 | 4 | 2026-02-01 | 2026-03-01 | false""",
    )
    assert days(rows[rows.contract_id == "t2"].valid_to) == ["2026-02-01"]


@pytest.mark.parametrize(
    "after",
    [
        "iv | s1 | t1 | team  | 10000 | 4   | 2026-02-01 | 2026-03-01 | false",  # paused: the bill is void,
        "iu | s1 | t1 | team  | 10000 | 4   | 2026-02-01 | 2026-03-01 | false",  # or not to be collected,
        "id | s1 | t1 | team  | 10000 | 4   | 2026-02-01 | 2026-03-01 | false",  # or a draft for weeks
        "i2 | s1 | t1 | free  | 0     | 4   | 2026-02-01 | 2026-03-01 | false",  # a plan that costs nothing
        "i2 | s1 | t9 | meter | 900   | 900 | 2026-01-01 | 2026-02-01 | false",  # only use is billed on
    ],
)
def test_stripe_what_is_not_paid_for_again_ended_with_its_period(tmp_path: Path, after: str) -> None:
    paid = "l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false"
    assert days(stripe(tmp_path, f"{LINE}{paid}\nl2 | {after}").valid_to) == ["2026-02-01"]


def test_stripe_a_subscription_that_is_unpaid_ended_with_its_period(tmp_path: Path) -> None:
    rows = stripe(tmp_path, f"{LINE} l1 | i1 | s3 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false")
    assert days(rows.valid_to) == ["2026-02-01"]


def test_stripe_a_bill_that_is_a_draft_of_yesterday_is_still_to_come(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-19 | 2026-02-19 | false
        l2 | in | s1 | t1 | team | 10000 | 4 | 2026-02-19 | 2026-03-19 | false""",
    )
    assert days(rows.valid_to) == [None]


def test_stripe_a_trial_is_no_paid_line_and_a_notice_is_known(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s2 | t1 | team | 0     | 4 | 2026-01-01 | 2026-01-15 | false
        l2 | i1 | s2 | t1 | team | 10000 | 4 | 2026-01-15 | 2026-03-10 | false""",
    )
    assert rows[["kind", "mrr"]].to_numpy().tolist() == [["trial", 0], ["paid", 100]]
    assert days(rows.valid_to) == ["2026-01-15", "2026-03-10"]
    assert days(rows.notice_at) == [None, "2026-02-20"]


def test_stripe_what_was_dated_back_is_known_when_it_was_billed(tmp_path: Path) -> None:
    rows = stripe(
        tmp_path,
        f"""{LINE}
        l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false
        l2 | il | s1 | t1 | team | 12500 | 5 | 2026-02-01 | 2026-03-01 | true""",
    )
    assert days(rows.known_at) == ["2026-01-01", "2026-02-20"]
    assert days(rows.ends_known_at) == ["2026-02-20", None]  # until then the old line was believed to go on


THREE_MONTHS = f"""{LINE}
    l1 | i1 | s1 | t1 | team  | 10000 | 4 | 2026-01-01 10:00 | 2026-02-01 10:00 | false
    l2 | i1 | s1 | t2 | tiers | 10000 | 1 | 2026-01-01 10:00 | 2026-02-01 10:00 | false
    l3 | i2 | s1 | t1 | team  | 15000 | 6 | 2026-02-01 10:00 | 2026-03-01 10:00 | false
    l4 | i2 | s1 | t2 | tiers | 10000 | 1 | 2026-02-01 10:00 | 2026-03-01 10:00 | false"""
COUPONS = """
    id    | percent_off | amount_off | duration
    tenth | 10          |            | repeating
    fifty |             | 5000       | forever
    once  | 50          |            | once
"""


def discounts(folder: Path, discount: str) -> list[list[object]]:
    rows = given(
        folder, "subscriptions", **STRIPE, coupon=COUPONS, discount=discount, invoice_line_item=THREE_MONTHS
    )  # fmt: skip
    rows = rows[rows.kind == "discount"].sort_values(["valid_from", "contract_id"], ignore_index=True)
    items = rows.contract_id.str.split(" ").str[0]
    return [list(row) for row in zip(items, rows.mrr, days(rows.valid_from), days(rows.valid_to), strict=True)]


def test_stripe_a_coupon_is_taken_off_what_is_billed_while_it_holds(tmp_path: Path) -> None:
    """10% until the 1st of February; the rows of the invoices say the same once more."""
    found = discounts(
        tmp_path,
        """
        id | type         | type_id | subscription_id | invoice_id | coupon_id | start            | end
        d1 | subscription | s1      | s1              |            | tenth     | 2026-01-01 10:00 | 2026-02-01 10:00
        d1 | invoice      | i1      | s1              | i1         | tenth     | 2026-01-01 10:00 | 2026-02-01 10:00
        """,
    )
    assert found == [["t1", -10, "2026-01-01", "2026-02-01"], ["t2", -10, "2026-01-01", "2026-02-01"]]


def test_stripe_an_amount_is_taken_off_the_whole_bill(tmp_path: Path) -> None:
    """50 a month of 100 + 100, then of 150 + 100."""
    found = discounts(
        tmp_path,
        """
        id | type     | customer_id | coupon_id | start            | end
        d1 | customer | c1          | fifty     | 2026-01-01 10:00 |
        """,
    )
    assert found == [
        ["t1", -25, "2026-01-01", "2026-02-01"],
        ["t2", -25, "2026-01-01", "2026-02-01"],
        ["t1", -30, "2026-02-01", None],
        ["t2", -20, "2026-02-01", None],
    ]


def test_stripe_what_is_taken_off_one_bill_alone_is_no_price_of_a_month(tmp_path: Path) -> None:
    discount = """
        id | type         | subscription_id | customer_id | invoice_id | coupon_id | start            | end
        d1 | subscription | s1              | c1          |            | once      | 2026-01-01 10:00 |
        d2 | invoice      |                 | c1          | i2         | tenth     | 2026-02-01 10:00 |
    """
    assert discounts(tmp_path, discount) == []


def test_stripe_a_discount_of_a_table_that_is_no_more_filled_is_read_too(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions", **STRIPE, coupon=COUPONS, invoice_line_item=THREE_MONTHS,
        subscription_discount="""
            subscription_id | coupon_id | start            | end
            s1              | tenth     | 2026-02-01 10:00 |
        """,
    )  # fmt: skip
    assert rows[rows.kind == "discount"].mrr.tolist() == [-15, -10]


def test_stripe_plans_are_ordered_by_their_price(tmp_path: Path) -> None:
    prices = """
        id | product_id | currency | nickname         | unit_amount | recurring_interval | recurring_interval_count
        a  | p1         | usd      | Team monthly     | 2500        | month              | 1
        b  | p1         | usd      | Team yearly      | 24000       | year               | 1
        c  | p1         | usd      | Business         | 120000      | year               | 1
    """
    rows = given(
        tmp_path, "plans", **{**STRIPE, "price": prices},
        invoice_line_item=f"{LINE} l1 | i1 | s1 | t1 | a | 1 | 1 | 2026-01-01 | 2026-02-01 | false",
    )  # fmt: skip
    assert rows[["plan", "tier"]].to_numpy().tolist() == [["Business", 2], ["Team", 1]]


def test_stripe_a_plan_whose_price_is_not_known_in_the_currency_of_most_has_no_tier(tmp_path: Path) -> None:
    """Enterprise has graduated prices, which are not nothing; 3,000 yen for Team are less than 100 dollars for Business."""
    prices = """
        id | product_id | currency | nickname   | billing_scheme | unit_amount | recurring_interval | recurring_interval_count
        a  | p1         | usd      | Team       | per_unit       | 2500        | month              | 1
        b  | p1         | jpy      | Team       | per_unit       | 3000        | month              | 1
        c  | p1         | usd      | Business   | per_unit       | 10000       | month              | 1
        d  | p1         | usd      | Enterprise | tiered         |             | month              | 1
        e  | p1         | jpy      | Kaisha     | per_unit       | 9000        | month              | 1
        f  | p1         | usd      | Pro        | per_unit       | 5000        | month              | 1
        g  | p2         | usd      | Care       | tiered         |             | month              | 1
    """
    rows = given(
        tmp_path, "plans", **{**STRIPE, "price": prices, "product": "id | name\np1 | Workspace\np2 | Support"},
        invoice_line_item=f"{LINE} l1 | i1 | s1 | t1 | a | 1 | 1 | 2026-01-01 | 2026-02-01 | false",
    )  # fmt: skip
    workspace = [["Workspace", "Business", 3], ["Workspace", "Pro", 2], ["Workspace", "Team", 1]]
    assert rows.to_numpy().tolist() == [["Support", "Care", 1], *workspace]


def test_stripe_an_overdue_invoice_names_itself(tmp_path: Path) -> None:
    invoices = """
        id | customer_id | status | created    | due_date   | status_transitions_paid_at | amount_due
        i1 | c1          | paid   | 2026-01-01 | 2026-01-31 | 2026-02-10                 | 100
        i2 | c1          | open   | 2026-02-01 | 2026-02-28 |                            | 100
        i3 | c1          | paid   | 2026-02-01 | 2026-02-28 | 2026-02-05                 | 100
    """
    rows = given(
        tmp_path, "crm_events", **{**STRIPE, "invoice": invoices},
        invoice_line_item=f"{LINE} l1 | i1 | s1 | t1 | team | 1 | 1 | 2026-01-01 | 2026-02-01 | false",
    )  # fmt: skip
    told = rows.sort_values(["object_id", "kind"])[["object_id", "kind"]].to_numpy().tolist()
    assert told == [["i1", "invoice_overdue"], ["i1", "invoice_paid"], ["i2", "invoice_overdue"]]


CHARGEBEE = {
    "customer": """
        id | created_at | company
        c1 | 1735689600 | Acme
    """,
    "subscription": """
        id | customer_id | status        | cancelled_at | cancel_schedule_created_at
        s1 | c1          | active        |              |
        s2 | c1          | non_renewing  | 2026-03-01   | 2026-02-10
        s3 | c1          | cancelled     | 2026-01-20   |
    """,
    "item_family": "id | name\nf1 | Workspace",
    "item": """
        id      | name    | type  | unit | item_family_id | metered
        team    | Team    | plan  | seat | f1             | false
        pro     | Pro     | plan  | seat | f1             | false
        reports | Reports | addon |      | f1             | false
        calls   | Calls   | addon |      | f1             | true
    """,
    "item_price": """
        id        | item_id | price | pricing_model | period | period_unit | currency_code
        team-m    | team    | 2500  | per_unit      | 1      | month       | USD
        team-y    | team    | 24000 | per_unit      | 1      | year        | EUR
        team-yen  | team    | 3000  | per_unit      | 1      | month       | JPY
        pro-m     | pro     | 4000  | per_unit      | 1      | month       | USD
        pro-tiers | pro     |       | tiered        | 1      | month       | USD
        reports-m | reports | 900   | flat_fee      | 1      | month       | USD
        calls-m   | calls   | 1     | per_unit      | 1      | month       | USD
    """,
    "invoice": """
        id | customer_id | status  | date       | generated_at
        i1 | c1          | paid    | 2026-01-01 |
        ic | c1          | paid    | 2026-01-16 |
        i2 | c1          | paid    | 2026-02-01 |
        iv | c1          | voided  | 2026-02-01 |
        ip | c1          | pending | 2026-02-01 |
        il | c1          | paid    | 2026-02-01 | 2026-02-20
    """,
}
CB_LINE = "line_item_id | invoice_id | subscription_id | entity_type | entity_id | amount | quantity | date_from | date_to | discount_amount | description\n"


def chargebee(folder: Path, lines: str, table: str = "subscriptions", **tables: str) -> pd.DataFrame:
    rows = given(folder, table, **{**CHARGEBEE, **tables}, invoice_line_item=f"{CB_LINE}{lines}")
    return rows if table != "subscriptions" else rows.sort_values(["contract_id", "valid_from"], ignore_index=True)


FIRST_MONTH = "l1 | i1 | s1 | plan_item_price | team-m | 10000 | 4 | 2026-01-01 10:00 | 2026-02-01 10:00 | 0 | Team"


@pytest.mark.parametrize(
    ("price", "quantity", "amount", "until", "mrr", "plan", "currency"),
    [
        ("team-m", 4, 10000, "2026-02-01", 100, "Team", "USD"),
        ("team-m", 4, 8000, "2026-02-01", 80, "Team", "USD"),  # a price of its own: what was billed counts
        ("team-y", 4, 96000, "2027-01-01", 80, "Team", "EUR"),
        ("team-yen", 2, 6000, "2026-02-01", 6000, "Team", "JPY"),  # a currency without cents
        ("pro-tiers", 7, 9900, "2026-02-01", 99, "Pro", "USD"),
    ],
)
def test_chargebee_mrr_is_what_a_whole_period_costs(
    tmp_path: Path, price: str, quantity: int, amount: int, until: str, mrr: float, plan: str, currency: str
) -> None:
    line = f"l1 | i1 | s1 | plan_item_price | {price} | {amount} | {quantity} | 2026-01-01 | {until} | 0 | {plan}"
    row = chargebee(tmp_path, line)
    found = (row["product"][0], row.mrr[0], row.plan[0], row.currency[0], row.seats[0])
    assert found == ("Workspace", mrr, plan, currency, quantity)


def test_chargebee_times_are_seconds_or_timestamps(tmp_path: Path) -> None:
    line = "l1 | i1 | s1 | plan_item_price | team-m | 10000 | 4 | 1767261600 | 1769940000 | 0 | Team"
    row = chargebee(tmp_path, line)
    assert [*days(row.valid_from), *days(row.renews_on), row.mrr[0]] == ["2026-01-01", "2026-02-01", 100]
    assert days(chargebee(tmp_path / "again", line, "accounts").created_at) == ["2025-01-01"]


def test_chargebee_a_part_of_a_period_has_the_price_of_the_one_before_or_of_the_list(tmp_path: Path) -> None:
    """Two more seats at 20 instead of the listed 25, then Pro: its price is that of the list."""
    rows = chargebee(
        tmp_path,
        """
        l1 | i1 | s1 | plan_item_price | team-m | 8000 | 4 | 2026-01-01 10:00 | 2026-02-01 10:00 | 0 | Team
        l2 | ic | s1 | plan_item_price | team-m | 6000 | 6 | 2026-01-16 10:00 | 2026-02-01 10:00 | 0 | Team - Prorated Charges
        l3 | il | s1 | plan_item_price | pro-m  | 9000 | 6 | 2026-01-20 10:00 | 2026-02-01 10:00 | 0 | Pro - Prorated Charges
        l4 | i2 | s1 | plan_item_price | pro-m  | 24000 | 6 | 2026-02-01 10:00 | 2026-03-01 10:00 | 0 | Pro
        """,
    )
    assert rows[["plan", "mrr"]].to_numpy().tolist() == [["Team", 80], ["Team", 120], ["Pro", 240], ["Pro", 240]]
    assert days(rows.valid_to) == ["2026-01-16", "2026-01-20", "2026-02-01", None]
    # What was dated back is known when its invoice was made, and until then the old line was believed to go on.
    assert days(rows.known_at) == ["2026-01-01", "2026-01-16", "2026-02-20", "2026-02-01"]
    assert days(rows.ends_known_at) == [None, "2026-02-20", None, None]


@pytest.mark.parametrize(
    "line",
    [
        "l2 | iv | s1 | plan_item_price   | team-m  | 90000 | 36 | 2026-02-01 | 2026-03-01 | 0 | Team",  # voided
        "l2 | ip | s1 | plan_item_price   | team-m  | 90000 | 36 | 2026-02-01 | 2026-03-01 | 0 | Team",  # not closed
        "l2 | i1 | s1 | charge_item_price | setup   | 90000 | 1  | 2026-01-01 | 2026-01-01 | 0 | Setup",  # once
        "l2 | i1 | s1 | adhoc             |         | 90000 | 1  | 2026-01-01 | 2026-02-01 | 0 | Help",
        "l2 | i1 | s1 | addon_item_price  | calls-m | 900   | 9  | 2026-01-01 | 2026-02-01 | 0 | Calls",  # use
    ],
)
def test_chargebee_lines_that_are_none(tmp_path: Path, line: str) -> None:
    assert chargebee(tmp_path, f"{FIRST_MONTH}\n{line}").mrr.tolist() == [100]


@pytest.mark.parametrize(
    "after",
    [
        "i2 | s1 | plan_item_price  | team-m  | 0     | 4 | 2026-02-01 10:00 | 2026-03-01 10:00 | 0 | Team",  # free now
        "iv | s1 | plan_item_price  | team-m  | 10000 | 4 | 2026-02-01 10:00 | 2026-03-01 10:00 | 0 | Team",  # voided
        "il | s1 | addon_item_price | calls-m | 900   | 9 | 2026-01-01 10:00 | 2026-02-01 10:00 | 0 | Calls",  # use alone
    ],
)
def test_chargebee_what_is_not_paid_for_again_ended_with_its_period(tmp_path: Path, after: str) -> None:
    assert days(chargebee(tmp_path, f"{FIRST_MONTH}\nl2 | {after}").valid_to) == ["2026-02-01"]


def test_chargebee_a_bill_that_is_pending_is_still_to_come(tmp_path: Path) -> None:
    line = "l2 | ip | s1 | plan_item_price | team-m | 10000 | 4 | 2026-02-01 10:00 | 2026-03-01 10:00 | 0 | Team"
    assert days(chargebee(tmp_path, f"{FIRST_MONTH}\n{line}").valid_to) == [None]


def test_chargebee_what_is_charged_for_less_than_a_day_is_a_day(tmp_path: Path) -> None:
    """Tiers have no price of one unit, and no whole period of 7 seats was billed yet."""
    line = "l1 | i1 | s1 | plan_item_price | pro-tiers | 300 | 7 | 2026-01-31 08:00 | 2026-01-31 22:00 | 0 | Pro - Prorated"
    assert chargebee(tmp_path, line).mrr.tolist() == [3 * 30.4375]


def test_chargebee_use_is_billed_and_not_subscribed(tmp_path: Path) -> None:
    line = "l1 | i2 | s1 | addon_item_price | calls-m | 950 | 900 | 2026-01-01 | 2026-02-01 | 50 | Calls"
    row = chargebee(tmp_path, line, "invoices")
    assert row[["product", "amount", "kind"]].to_numpy().tolist() == [["Calls", 9, "usage"]]


def test_chargebee_what_a_credit_note_takes_back_of_use_is_of_the_time_that_was_billed(tmp_path: Path) -> None:
    row = chargebee(
        tmp_path,
        "l1 | i2 | s1 | addon_item_price | calls-m | 950 | 900 | 2026-01-01 | 2026-02-01 | 50 | Calls",
        "invoices",
        credit_note="id | status | date\nback | refunded | 2026-02-10\nvoid | voided | 2026-02-11",
        credit_note_line_item="""
            credit_note_id | subscription_id | entity_id | date_from  | reference_line_item_id | amount | discount_amount
            back           | s1              | calls-m   | 2026-01-01 | l1                     | 475    | 25
            void           | s1              | calls-m   | 2026-01-01 | l1                     | 950    | 50
        """,
    )
    assert row.amount.tolist() == [9, -4.5]
    assert days(row.billed_at) == ["2026-02-01", "2026-02-10"]
    assert [*days(row.period_start), *days(row.period_end)] == ["2026-01-01"] * 2 + ["2026-02-01"] * 2


def test_chargebee_an_add_on_is_a_product_and_ends_with_its_credit(tmp_path: Path) -> None:
    rows = chargebee(
        tmp_path,
        f"""{FIRST_MONTH}
        l2 | i1 | s1 | addon_item_price | reports-m | 900 | 1 | 2026-01-01 10:00 | 2026-02-01 10:00 | 0 | Reports""",
        credit_note_line_item="""
            subscription_id | entity_id | date_from
            s1              | reports-m | 2026-01-20
        """,
    )
    assert rows[["product", "plan", "mrr"]].to_numpy().tolist() == [
        ["Workspace", "Team", 100],
        ["Reports", "Add-on", 9],
    ]
    assert days(rows.valid_to) == [None, "2026-01-20"]


def test_chargebee_a_notice_is_known_and_what_was_cancelled_has_ended(tmp_path: Path) -> None:
    rows = chargebee(
        tmp_path,
        """
        l1 | i2 | s2 | plan_item_price | team-m | 10000 | 4 | 2026-02-01 | 2026-03-01 | 0 | Team
        l2 | i1 | s3 | plan_item_price | team-m | 10000 | 4 | 2026-01-01 | 2026-02-01 | 0 | Team
        """,
    )
    assert [*days(rows.notice_at), *days(rows.valid_to)] == ["2026-02-10", None, None, "2026-01-20"]


def test_chargebee_what_a_coupon_takes_off_is_a_line_of_its_own_unless_it_is_for_one_bill(tmp_path: Path) -> None:
    """25 off in January, of which 10 by a coupon for this bill alone; nothing in February."""
    rows = chargebee(
        tmp_path,
        """
        l1 | i1 | s1 | plan_item_price | team-m | 10000 | 4 | 2026-01-01 | 2026-02-01 | 2500 | Team
        l2 | i2 | s1 | plan_item_price | team-m | 10000 | 4 | 2026-02-01 | 2026-03-01 | 0    | Team
        """,
        coupon="id | duration_type\nloyal | limited_period\nhello | one_time",
        invoice_discount="""
            invoice_id | entity_id | discount_type        | amount
            i1         | loyal     | item_level_coupon    | 1500
            i1         | hello     | item_level_coupon    | 1000
            i1         |           | promotional_credits  | 700
        """,
    ).sort_values(["kind", "valid_from"])  # fmt: skip
    assert rows[["kind", "mrr"]].to_numpy().tolist() == [["discount", -15], ["paid", 100], ["paid", 100]]
    assert days(rows.valid_to)[0] == "2026-02-01"


def test_chargebee_a_plan_and_an_addon_of_the_older_catalogue_may_share_an_id(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions",
        **{name: text for name, text in CHARGEBEE.items() if name in ("customer", "subscription", "invoice")},
        plan="id | name | price | period | period_unit\nsupport | Care Monthly | 10000 | 1 | month",
        addon="id | name | price | period | period_unit\nsupport | Phone Monthly | 900 | 1 | month",
        invoice_line_item=f"""{CB_LINE}
            l1 | i1 | s1 | plan  | support | 10000 | 1 | 2026-01-01 | 2026-02-01 | 0 | Care
            l2 | i1 | s1 | addon | support | 900   | 1 | 2026-01-01 | 2026-02-01 | 0 | Phone""",
    )  # fmt: skip
    told = rows[["product", "plan", "mrr"]].to_numpy().tolist()
    assert sorted(told) == [["Phone", "Add-on", 9], ["Subscription", "Care", 100]]


def test_chargebee_who_pays_on_the_day_pays_in_time(tmp_path: Path) -> None:
    invoices = """
        id | customer_id | status   | date       | due_date         | paid_at
        i1 | c1          | paid     | 2026-01-01 | 2026-01-01 10:00 | 2026-01-01 10:05
        i2 | c1          | paid     | 2026-01-01 | 2026-01-31 10:00 | 2026-02-10 11:00
        i3 | c1          | not_paid | 2026-02-01 | 2026-02-28 10:00 |
    """
    rows = chargebee(tmp_path, FIRST_MONTH, "crm_events", invoice=invoices).sort_values(["object_id", "kind"])
    told = rows[["object_id", "kind"]].to_numpy().tolist()
    assert told == [["i2", "invoice_overdue"], ["i2", "invoice_paid"], ["i3", "invoice_overdue"]]


def test_chargebee_plans_are_ordered_by_their_price_in_one_currency(tmp_path: Path) -> None:
    """3,000 yen for Team are less than 40 dollars for Pro, whose graduated price is not nothing."""
    rows = chargebee(tmp_path, FIRST_MONTH, "plans")
    told = [["Reports", "Add-on", 1], ["Workspace", "Pro", 2], ["Workspace", "Team", 1]]
    assert rows.to_numpy().tolist() == told


ZUORA = {
    "account": """
        id | name | currency
        a1 | Acme | USD
    """,
    "subscription": """
        id | account_id | name | version | created_date | term_start_date | term_end_date
        v1 | a1         | S1   | 1       | 2025-01-01   | 2025-01-01      | 2026-01-01
        v2 | a1         | S1   | 2       | 2025-12-10   | 2026-01-01      | 2027-01-01
    """,
}
CHARGE = "id | charge_number | segment | version | subscription_id | effective_start_date | effective_end_date | mrr | quantity | uom | created_date | charge_model | name\n"


def test_zuora_a_copy_of_a_charge_says_nothing(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions", **ZUORA,
        rate_plan_charge=f"""{CHARGE}
        c1 | C1 | 1 | 1 | v1 | 2025-01-01 | 2026-01-01 | 100 | 10 | Seats | 2024-12-20 | Per Unit | Core
        c2 | C1 | 1 | 2 | v2 | 2025-01-01 | 2025-06-01 | 100 | 10 | Seats | 2025-05-20 | Per Unit | Core
        c3 | C1 | 2 | 1 | v2 | 2025-06-01 | 2027-01-01 | 150 | 15 | Seats | 2025-05-20 | Per Unit | Core
        c4 | C1 | 2 | 2 | v2 | 2025-06-01 | 2027-01-01 | 150 | 15 | Seats | 2026-02-02 | Per Unit | Core
        d1 | D1 | 1 | 1 | v2 | 2025-01-01 | 2027-01-01 | 0   |    |       | 2025-05-20 | Discount-Percentage | Less""",
    )  # fmt: skip
    assert rows.mrr.tolist() == [100, 150, 150]
    assert rows.seats.tolist() == [10, 15, 15]
    assert days(rows.valid_from) == ["2025-01-01", "2025-06-01", "2026-01-01"]
    assert days(rows.valid_to) == ["2025-06-01", "2026-01-01", "2027-01-01"]
    # Each as it first appeared, and not as it was copied; the second term as it was renewed.
    assert days(rows.known_at) == ["2025-01-01", "2025-05-20", "2025-12-10"]
    assert days(rows.renews_on) == ["2026-01-01", "2026-01-01", "2027-01-01"]


DISCOUNTED = """
    id | charge_number | segment | version | subscription_id | rate_plan_id | effective_start_date | effective_end_date | mrr | created_date | charge_model           | name | discount_level | billing_period | apply_discount_to
    c1 | C1            | 1       | 1       | v1              | r1           | 2025-01-01           | 2025-07-01         | 300 | 2025-01-01   | Flat Fee               | Core |                |                |
    c2 | C2            | 1       | 1       | v1              | r2           | 2025-03-01           | 2025-07-01         | 100 | 2025-03-01   | Flat Fee               | Chat |                |                |
    d1 | D1            | 1       | 1       | v1              | r1           | 2025-02-01           | 2025-05-01         |     | 2025-02-01   | DISCOUNT               |      | LEVEL          | Quarter        | APPLIED
"""
CORE_10, CHAT_10 = ("Core", -30, "2025-03-01", "2025-05-01"), ("Chat", -10, "2025-03-01", "2025-05-01")
BEFORE_CHAT = ("Core", -30, "2025-02-01", "2025-03-01")


@pytest.mark.parametrize(
    ("level", "model", "tier", "applied", "expected"),
    [
        ("subscription", "Discount-Percentage", "10 |", "RECURRING", [CHAT_10, BEFORE_CHAT, CORE_10]),
        ("account", "Discount-Percentage", "10 |", "ONETIMERECURRING", [CHAT_10, BEFORE_CHAT, CORE_10]),
        ("rateplan", "Discount-Percentage", "10 |", "", [BEFORE_CHAT, CORE_10]),
        # 120 a quarter are 40 a month: all of it off the one, then shared three to one
        ("subscription", "Discount-Fixed Amount", "| 120", "RECURRING",
         [CHAT_10, ("Core", -40, "2025-02-01", "2025-03-01"), CORE_10]),
        ("rateplan", "Discount-Fixed Amount", "| 3000", "RECURRING",
         [("Core", -300, "2025-02-01", "2025-03-01"), ("Core", -300, "2025-03-01", "2025-05-01")]),
        ("subscription", "Discount-Percentage", "10 |", "USAGE", []),
        ("subscription", "Discount-Percentage", "|", "RECURRING", []),  # nobody knows how much
    ],
)  # fmt: skip
def test_zuora_a_discount_is_taken_off_what_it_is_for(
    tmp_path: Path, level: str, model: str, tier: str, applied: str, expected: list[tuple[object, ...]]
) -> None:
    charges = DISCOUNTED.replace("LEVEL", level).replace("DISCOUNT", model).replace("APPLIED", applied)
    tiers = f"id | rate_plan_charge_id | discount_percentage | discount_amount\nt1 | d1 | {tier}"
    rows = given(tmp_path, "subscriptions", **ZUORA, rate_plan_charge=charges, rate_plan_charge_tier=tiers)
    assert sorted(rows.mrr[rows.kind == "paid"]) == [100, 300]
    off = rows[rows.kind == "discount"]
    told = [*zip(off["product"], off.mrr.round(6), days(off.valid_from), days(off.valid_to), strict=True)]
    assert sorted(told, key=str) == sorted(expected, key=str)


def test_zuora_several_discounts_take_off_no_more_than_the_price(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions", **ZUORA,
        rate_plan_charge=f"""{CHARGE}
        c1 | C1 | 1 | 1 | v1 | 2025-01-01 | 2026-01-01 | 100 | 10 | Seats | 2025-01-01 | Per Unit | Core
        d1 | D1 | 1 | 1 | v1 | 2025-01-01 | 2025-07-01 |     |    |       | 2025-01-01 | Discount-Percentage | Less
        d2 | D2 | 1 | 1 | v1 | 2025-03-01 | 2026-01-01 |     |    |       | 2025-01-01 | Discount-Percentage | More""",
        rate_plan_charge_tier="id | rate_plan_charge_id | discount_percentage\nt1 | d1 | 60\nt2 | d2 | 60",
    )  # fmt: skip
    off = rows[rows.kind == "discount"]
    told = sorted(zip(days(off.valid_from), days(off.valid_to), off.mrr.round(6), strict=True))
    assert told == [
        ("2025-01-01", "2025-03-01", -60),
        ("2025-03-01", "2025-07-01", -50),
        ("2025-03-01", "2025-07-01", -50),
        ("2025-07-01", "2026-01-01", -60),
    ]


def test_zuora_what_is_given_once_is_no_price_of_a_month(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions", **ZUORA,
        rate_plan_charge="""
            id | charge_number | segment | version | subscription_id | effective_start_date | effective_end_date | mrr | created_date | charge_model        | name    | charge_type
            c1 | C1            | 1       | 1       | v1              | 2025-01-01           |                    | 100 | 2025-01-01   | Flat Fee            | Core    | Recurring
            d1 | D1            | 1       | 1       | v1              | 2025-01-01           |                    |     | 2025-01-01   | Discount-Percentage | Welcome | OneTime
        """,
        rate_plan_charge_tier="id | rate_plan_charge_id | discount_percentage\nt1 | d1 | 50",
    )  # fmt: skip
    assert set(zip(rows.kind, rows.mrr, strict=True)) == {("paid", 100)}


def test_zuora_an_mrr_below_nothing_says_what_a_discount_is(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions", **ZUORA,
        rate_plan_charge=f"""{CHARGE}
        c1 | C1 | 1 | 1 | v1 | 2025-01-01 | 2026-01-01 | 100 | 10 | Seats | 2025-01-01 | Per Unit | Core
        d1 | D1 | 1 | 1 | v1 | 2025-01-01 | 2026-01-01 | -20 |    |       | 2025-01-01 | Discount-Fixed Amount | Less""",
    )  # fmt: skip
    assert dict(zip(rows.kind, rows.mrr, strict=True)) == {"discount": -20, "paid": 100}


def test_zuora_use_counts_once_it_is_posted(tmp_path: Path) -> None:
    """The draft before the bill, one that was cancelled and one that is gone had the same use in them."""
    use = ZUORA | {
        "rate_plan_charge": """
            id | charge_number | segment | version | subscription_id | effective_start_date | effective_end_date | mrr | created_date | charge_type | name
            u1 | U1            | 1       | 1       | v1              | 2025-01-01           |                    | 0   | 2025-01-01   | Usage       | Calls
        """,
        "invoice_item": """
            id | rate_plan_charge_id | invoice_id | charge_amount | created_date | service_start_date | service_end_date | _fivetran_deleted
            i1 | u1                  | n1         | 90            | 2025-02-03   | 2025-01-01         | 2025-02-01       | false
            i2 | u1                  | n2         | 95            | 2025-02-01   | 2025-01-01         | 2025-02-01       | false
            i3 | u1                  | n3         | 91            | 2025-02-02   | 2025-01-01         | 2025-02-01       | false
            i4 | u1                  | n4         | 92            | 2025-02-02   | 2025-01-01         | 2025-02-01       | false
            i5 | u1                  | n1         | 93            | 2025-02-03   | 2025-01-01         | 2025-02-01       | true
        """,
    }  # fmt: skip
    invoices = "id | status\nn1 | Posted\nn2 | Draft\nn3 | Canceled"
    assert given(tmp_path / "landed", "invoices", **use, invoice=invoices).amount.tolist() == [90]
    # Without the invoices nobody knows which of them count; an item that was deleted does not.
    assert sorted(given(tmp_path / "bare", "invoices", **use).amount) == [90, 91, 92, 95]


def test_recurly_add_ons_are_products_beside_the_plan(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions",
        account_history="""
            id | updated_at | code
            a1 | 2026-01-01 | acme
        """,
        plan_history="""
            id | updated_at | name        | code | interval_unit | interval_length
            p1 | 2025-01-01 | Team yearly | team | months        | 12
        """,
        subscription_history="""
            id | updated_at       | account_id | state    | plan_id | unit_amount | quantity | activated_at | canceled_at | expires_at | current_period_ends_at
            s1 | 2026-01-05 09:00 | a1         | active   | p1      | 120         | 10       | 2026-01-01   |             |            | 2027-01-01
            s1 | 2026-03-01 09:00 | a1         | active   | p1      | 120         | 12       | 2026-01-01   |             |            | 2027-01-01
            s1 | 2026-04-01 09:00 | a1         | canceled | p1      | 120         | 12       | 2026-01-01   | 2026-04-01  | 2027-01-01 | 2027-01-01
        """,
        subscription_add_on_history="""
            subscription_id | subscription_updated_at | plan_add_on_id | name    | unit_amount | quantity
            s1              | 2026-03-01 09:00        | x1             | Reports | 240         | 1
            s1              | 2026-04-01 09:00        | x1             | Reports | 240         | 1
        """,
    ).sort_values(["product", "valid_from"])  # fmt: skip
    assert rows[["product", "mrr"]].to_numpy().tolist() == [
        ["Reports", 20], ["Reports", 20], ["Subscription", 100], ["Subscription", 120], ["Subscription", 120],
    ]  # fmt: skip
    assert days(rows.valid_from) == ["2026-03-01", "2026-04-01", "2026-01-01", "2026-03-01", "2026-04-01"]
    assert days(rows.valid_to) == ["2026-04-01", "2027-01-01", "2026-03-01", "2026-04-01", "2027-01-01"]
    assert days(rows.notice_at)[-1] == "2026-04-01"


def test_recurly_a_plan_that_costs_nothing_is_free(tmp_path: Path) -> None:
    """After a trial of Team the free plan with an add-on that is paid for, then Team."""
    rows = given(
        tmp_path, "subscriptions",
        account_history="""
            id | updated_at
            a1 | 2026-01-01
        """,
        plan_history="""
            id | updated_at | name
            p0 | 2025-01-01 | Free
            p1 | 2025-01-01 | Team
        """,
        subscription_history="""
            id | updated_at       | account_id | state  | plan_id | unit_amount | quantity | activated_at | trial_ends_at
            s1 | 2026-01-05 09:00 | a1         | active | p1      | 10          | 1        | 2026-01-05   | 2026-02-01
            s1 | 2026-02-05 09:00 | a1         | active | p0      | 0           | 1        | 2026-01-05   | 2026-02-01
            s1 | 2026-03-05 09:00 | a1         | active | p1      | 10          | 1        | 2026-01-05   | 2026-02-01
        """,
        subscription_add_on_history="""
            subscription_id | subscription_updated_at | plan_add_on_id | name    | unit_amount | quantity
            s1              | 2026-02-05 09:00        | x1             | Reports | 5           | 1
        """,
    ).sort_values(["valid_from", "product"])  # fmt: skip
    assert rows[["product", "plan", "kind", "mrr"]].to_numpy().tolist() == [
        ["Subscription", "Team", "trial", 0],
        ["Reports", "Add-on", "paid", 5],
        ["Subscription", "Free", "free", 0],
        ["Subscription", "Team", "paid", 10],
    ]


def test_recurly_a_coupon_holds_until_it_is_no_more_active(tmp_path: Path) -> None:
    """10% off from the 5th of January, exhausted on the 1st of March; 30 for the month of February alone."""
    rows = given(
        tmp_path, "subscriptions",
        account_history="""
            id | updated_at
            a1 | 2026-01-01
        """,
        plan_history="""
            id | updated_at | name
            p1 | 2025-01-01 | Team
        """,
        subscription_history="""
            id | updated_at       | account_id | state  | plan_id | unit_amount | quantity | activated_at | currency
            s1 | 2026-01-05 09:00 | a1         | active | p1      | 10          | 10       | 2026-01-05   | USD
            s1 | 2026-02-05 09:00 | a1         | active | p1      | 10          | 12       | 2026-01-05   | USD
            s1 | 2026-03-05 09:00 | a1         | active | p1      | 10          | 12       | 2026-01-05   | USD
        """,
        coupon_redemption_history="""
            id | updated_at       | account_id | coupon_id | created_at       | removed_at | state
            r1 | 2026-01-05 08:59 | a1         | tenth     | 2026-01-05 08:59 |            | active
            r1 | 2026-03-01 09:00 | a1         | tenth     | 2026-01-05 08:59 |            | inactive
            r2 | 2026-02-05 08:59 | a1         | thirty    | 2026-02-05 08:59 |            | active
            r2 | 2026-02-05 09:01 | a1         | thirty    | 2026-02-05 08:59 | 2026-02-05 | inactive
        """,
        coupon_discount="""
            coupon_id | percentage | amount | currency
            tenth     | 10         |        |
            thirty    |            | 30     | USD
            thirty    |            | 25     | EUR
        """,
    ).sort_values(["kind", "valid_from"])  # fmt: skip
    assert rows[["kind", "mrr"]].to_numpy().tolist() == [
        ["discount", -10], ["discount", -12], ["paid", 100], ["paid", 120], ["paid", 120],
    ]  # fmt: skip
    assert days(rows.valid_to) == ["2026-02-05", "2026-03-05", "2026-02-05", "2026-03-05", None]


SALESFORCE = {
    "account": """
        id                 | owner_id | name  | is_deleted | master_record_id
        001Q00000000001AAB | u1       | Acme  | false      |
        001Q00000000009AAB | u1       | Acme2 | true       | 001Q00000000001AAB
    """,
    "opportunity": """
        id | account_id         | created_date | close_date | is_closed | type                        | is_deleted | last_stage_change_date
        d1 | 001Q00000000001AAB | 2026-01-10   | 2026-02-01 | true      | Existing Customer - Upgrade | false      | 2026-03-05
        d2 | 001Q00000000009AAB | 2026-01-20   | 2026-09-01 | false     | Upsell                      | false      |
        d3 | 001Q00000000001AAB | 2026-01-20   | 2026-02-01 | true      | Renewal                     | false      |
        d4 | 001Q00000000001AAB | 2026-01-20   | 2026-02-01 | true      | New Customer                | false      |
        d5 | 001Q00000000001AAB | 2026-01-20   | 2026-02-01 | false     | Upsell                      | true       |
        d6 | 001Q00000000001AAB | 2026-01-20   | 2026-02-01 | true      | Existing Customer - Renewal | false      |
    """,
}


def test_salesforce_deals_are_expansions_and_a_merged_account_is_its_master(tmp_path: Path) -> None:
    rows = given(tmp_path, "crm_events", **SALESFORCE).sort_values(["object_id", "kind"], ascending=[True, False])
    assert rows[["object_id", "kind"]].to_numpy().tolist() == [
        ["d1", "expansion_opportunity_opened"],
        ["d1", "expansion_opportunity_closed"],
        ["d2", "expansion_opportunity_opened"],
    ]
    assert set(rows.account_id) == {"001Q00000000001AAB"}
    assert days(rows.known_at) == ["2026-01-10", "2026-03-05", "2026-01-20"]  # the close date was dated back


def test_salesforce_history_mode_says_when_a_deal_was_closed_and_what_it_was_first_worth(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "crm_events", **SALESFORCE,
        opportunity_history="""
            id | is_closed | amount | _fivetran_start
            d1 | false     | 1000   | 2026-01-11
            d1 | true      | 1500   | 2026-02-02
            d1 | false     | 1500   | 2026-02-03
            d1 | true      | 2000   | 2026-03-07
        """,
    ).sort_values(["object_id", "kind"], ascending=[True, False])  # fmt: skip
    assert days(rows.occurred_at)[:2] == ["2026-01-10", "2026-03-07"]
    assert rows.amount.tolist()[0] == 1000


def test_salesforce_an_id_of_15_letters_is_that_of_18(tmp_path: Path) -> None:
    rows = given(tmp_path, "links", **SALESFORCE)
    assert rows[["id", "value"]].to_numpy().tolist() == [
        ["001Q00000000001AAB", "001Q00000000001"],
        ["001Q00000000001AAB", "001Q00000000009"],
    ]


def test_zendesk_closed_is_the_last_time_solved_and_ratings_are_one_or_five(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "tickets",
        organization="""
            id
            o1
        """,
        ticket="""
            id | organization_id | created_at | status  | type     | priority
            t1 | o1              | 2026-01-01 | closed  | incident | urgent
            t2 | o1              | 2026-01-02 | open    | question | normal
            t3 | o1              | 2026-01-03 | closed  | question |
            t4 | o1              | 2026-01-03 | deleted | question |
            t5 | o1              | 2026-01-03 | closed  | question |
        """,
        ticket_field_history="""
            ticket_id | field_name         | updated    | value
            t1        | status             | 2026-01-02 | solved
            t1        | status             | 2026-01-03 | open
            t1        | status             | 2026-01-05 | solved
            t1        | status             | 2026-01-09 | closed
            t1        | satisfaction_score | 2026-01-06 | bad
            t1        | satisfaction_score | 2026-01-07 | good
            t2        | status             | 2026-01-03 | solved
            t2        | status             | 2026-01-04 | open
            t3        | status             | 2026-01-08 | closed
        """,
        ticket_tag="""
            ticket_id | tag
            t3        | feature_request
            t5        | closed_by_merge
        """,
    ).set_index("ticket_id")  # fmt: skip
    assert days(rows.closed_at) == ["2026-01-05", None, "2026-01-08"]
    assert rows.csat.tolist()[0] == 5
    assert rows.kind.tolist() == ["bug", "question", "feature_request"]
    assert rows.severity.tolist() == ["critical", "low", "low"]


def test_pendo_a_feature_that_was_tagged_later_was_not_known_before(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "usage_events",
        account_history="""
            id
            a1
        """,
        feature_event="""
            account_id | visitor_id | feature_id | num_events | timestamp
            a1         | v1         | f1         | 3          | 2026-01-01 10:00
            a1         | v1         | f2         | 1          | 2026-01-01 10:00
        """,
        feature_history="""
            id | name    | created_at | last_updated_at
            f1 | Export  | 2025-01-01 | 2025-01-01
            f2 | Reports | 2026-05-01 | 2026-05-02
        """,
    )  # fmt: skip
    assert rows.feature.tolist() == ["Export"] * 3 + ["Reports"]
    assert days(rows.known_at) == [None, None, None, "2026-05-01"]


def test_a_snapshot_makes_a_history_of_todays_lines(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions",
        subscriptions_snapshot="""
            contract_id | account_id | product | plan | mrr | seats | valid_from | dbt_valid_from | dbt_valid_to
            k1          | acme       | core    | team | 100 | 10    | 2025-01-01 | 2025-01-03     | 2025-05-01
            k1          | acme       | core    | team | 120 | 12    | 2025-01-01 | 2025-05-01     | 2025-09-10
            k1          | acme       | core    | pro  | 200 | 12    | 2025-09-01 | 2025-09-10     | 2026-02-02
            k2          | acme       | core    | team | 50  | 5     | 2025-03-01 | 2025-03-01     |
        """,
    ).sort_values(["contract_id", "valid_from"])  # fmt: skip
    assert rows.mrr.tolist() == [100, 120, 200, 50]
    # Seen on the 1st of May; said on the 10th of September to hold since the 1st; gone on the 2nd of February.
    assert days(rows.valid_from) == ["2025-01-01", "2025-05-01", "2025-09-01", "2025-03-01"]
    assert days(rows.valid_to) == ["2025-05-01", "2025-09-01", "2026-02-02", None]
    assert days(rows.known_at) == ["2025-01-03", "2025-05-01", "2025-09-10", "2025-03-01"]
    assert days(rows.ends_known_at) == [None, "2025-09-10", None, None]


def test_history_mode_of_ones_own_tables_is_read_alike(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "subscriptions",
        subscriptions_history="""
            account_id | product | plan | mrr | _fivetran_start | _fivetran_end       | _fivetran_synced
            acme       | core    | team | 100 | 2025-01-03      | 2025-05-01 00:00:00 | 2026-01-01
            acme       | core    | team | 120 | 2025-05-01      | 9999-12-31 23:59:59 | 2026-01-01
        """,
    )  # fmt: skip
    assert [*days(rows.valid_to), *days(rows.known_at)] == ["2025-05-01", None, "2025-01-03", "2025-05-01"]


def test_the_products_of_a_contract_are_versions_of_their_own(tmp_path: Path) -> None:
    """Two more seats of core in August are no news of chat, which came in June; nor is what is taken off a product."""
    rows = given(
        tmp_path, "subscriptions",
        subscriptions_snapshot="""
            contract_id | account_id | product | plan | mrr | seats | valid_from | dbt_valid_from | dbt_valid_to | kind
            k1          | acme       | core    | team | 100 | 10    | 2024-01-01 | 2025-01-03     | 2025-08-01   | paid
            k1          | acme       | chat    | team | 50  |       | 2025-06-01 | 2025-06-02     |              | paid
            k1          | acme       | core    | team | -9  |       | 2025-07-01 | 2025-07-01     |              | discount
            k1          | acme       | core    | team | 120 | 12    | 2024-01-01 | 2025-08-01     |              | paid
        """,
    ).sort_values(["product", "kind", "valid_from"])  # fmt: skip
    assert rows[["product", "mrr"]].to_numpy().tolist() == [["chat", 50], ["core", -9], ["core", 100], ["core", 120]]
    assert days(rows.valid_from) == ["2025-06-01", "2025-07-01", "2024-01-01", "2025-08-01"]
    assert days(rows.valid_to) == [None, None, "2025-08-01", None]


@pytest.mark.parametrize(
    ("second", "first_on", "expected"),
    [
        # A day of its own, told nine days later: core ended as suite began.
        ("acme | suite", "2025-09-01", [("core", "2025-01-01", "2025-09-01"), ("suite", "2025-09-01", None)]),
        # The first day of the contract still: when it was seen.
        ("acme | suite", "2025-01-01", [("core", "2025-01-01", "2025-09-10"), ("suite", "2025-09-10", None)]),
        # The contract is another account's now.
        ("beta | core", "2025-01-01", [("core", "2025-01-01", "2025-09-10"), ("core", "2025-09-10", None)]),
        # The product goes on, at another price since the 1st.
        ("acme | core", "2025-09-01", [("core", "2025-01-01", "2025-09-01"), ("core", "2025-09-01", None)]),
    ],
)
@pytest.mark.parametrize("until", ["2025-09-10 07:00:00", "2025-09-10 06:59:59.999"])
def test_what_takes_the_place_of_a_line_begins_as_it_ends(
    tmp_path: Path, second: str, first_on: str, until: str, expected: list[tuple[str, str, str | None]]
) -> None:
    """A snapshot ends a version as the next one begins, history mode a millisecond before that."""
    rows = given(
        tmp_path, "subscriptions",
        subscriptions_history=f"""
            account_id | product | contract_id | plan | mrr | valid_from | _fivetran_start     | _fivetran_end
            acme       | core    | k1          | team | 100 | 2025-01-01 | 2025-01-03 07:00:00 | {until}
            {second}             | k1          | team | 150 | {first_on} | 2025-09-10 07:00:00 | 9999-12-31 23:59:59
        """,
    ).sort_values("valid_from")  # fmt: skip
    assert [*zip(rows["product"], days(rows.valid_from), days(rows.valid_to), strict=True)] == expected


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        (
            "mixpanel",
            {"event": """
                name   | time       | distinct_id | insert_id | company_id | processed_at
                Export | 2026-01-01 | u1          | 1         | acme       | 2026-01-05
                Export | 2026-01-01 | u1          | 1         | acme       | 2026-01-04
                Export | 2026-01-02 | u1          | 2         |            | 2026-01-02
                $login | 2026-01-02 | u1          | 3         | acme       | 2026-01-02
            """},
        ),
        (
            "amplitude",
            {"event": """
                event_type_id | event_time | user_id | groups               | _insert_id | server_received_time
                7             | 2026-01-01 | u1      | {"company":["acme"]} | 1          | 2026-01-04
                7             | 2026-01-01 | u1      | {"company":["acme"]} | 1          | 2026-01-05
                7             | 2026-01-02 | u1      | {}                   | 2          | 2026-01-02
                8             | 2026-01-02 | u1      | {"company": "acme"}  | 3          | 2026-01-02
             """,
             "event_type": "id | name\n7 | Export\n8 | session_start"},
        ),
        (
            "segment",
            {"tracks": """
                id | event  | user_id | timestamp  | received_at
                1  | Export | u1      | 2026-01-01 | 2026-01-04
                1  | Export | u1      | 2026-01-01 | 2026-01-05
                2  | Export | u2      | 2026-01-01 | 2026-01-01
                3  | Export |         | 2026-01-01 | 2026-01-01
             """,
             "groups": """
                user_id | group_id | timestamp
                u1      | other    | 2025-01-01
                u1      | acme     | 2025-06-01
             """},
        ),
    ],
    ids=["mixpanel", "amplitude", "segment"],
)  # fmt: skip
def test_an_event_counts_once_and_for_its_account(tmp_path: Path, name: str, tables: dict[str, str]) -> None:
    rows = given(tmp_path / "use", "usage_events", **tables)
    assert rows[["account_id", "feature", "user_id"]].to_numpy().tolist() == [["acme", "Export", "u1"]]
    assert days(rows.known_at) == ["2026-01-04"]  # when it came in
    assert given(tmp_path / "users", "users", **tables).user_id.tolist() == ["u1"]


def test_intercom_a_conversation_is_closed_when_it_stays_closed(tmp_path: Path) -> None:
    rows = given(
        tmp_path, "tickets",
        conversation_history="""
            id | created_at | updated_at | state  | priority | conversation_rating_value
            c1 | 2026-01-01 | 2026-01-09 | closed | priority | 4
            c1 | 2026-01-01 | 2026-01-02 | open   |          |
            c2 | 2026-01-05 | 2026-01-06 | open   |          |
        """,
        conversation_part_history="""
            conversation_id | part_type | created_at
            c1              | close     | 2026-01-02
            c1              | open      | 2026-01-03
            c1              | close     | 2026-01-08
        """,
        conversation_contact_history="conversation_id | contact_id\nc1 | p1\nc2 | p1",
        contact_company_history="contact_id | company_id\np1 | k1",
        company_history="id | company_id\nk1 | acme",
    )  # fmt: skip
    assert days(rows.closed_at) == ["2026-01-08", None]
    assert [rows.csat[0], *rows.severity, *rows.account_id] == [4, "high", "low", "k1", "k1"]
