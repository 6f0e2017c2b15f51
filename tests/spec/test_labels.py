"""The label, trap by trap. Today is one snapshot, 1 January 2024: the window is 1 January to 30 March (90 days).

Every account has 10 seats of crm pro at 200 a month since 2023 unless drawn otherwise; each story says what happened
to it, which motions count, and the expansion a year (12 x the MRR that is still there when the window ends).
"""

from datetime import date

import ibis
import pandas as pd
import pytest

from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from features.labels import labels
from tests.drawn import base

SNAPSHOT = date(2024, 1, 1)
LINE = "account_id product plan mrr seats valid_from valid_to"
PLANS = """
    product | plan     | tier
    crm     | basic    | 1
    crm     | pro      | 2
    crm     | premier  | 3
    mail    | standard | 1
    """

STORIES = {
    "nothing happened": (
        "acme crm pro 200 10 2023-01-01 -",
        "",
    ),
    "five seats more": (
        """
        acme crm pro 200 10 2023-01-01 2024-02-01
        acme crm pro 300 15 2024-02-01 -
        """,
        "seat 1200",  # 12 x 100
    ),
    "a higher tier": (
        """
        acme crm pro     200 10 2023-01-01 2024-02-01
        acme crm premier 400 10 2024-02-01 -
        """,
        "upsell 2400",
    ),
    "a higher tier with more seats counts once": (
        """
        acme crm pro     200 10 2023-01-01 2024-02-01
        acme crm premier 800 20 2024-02-01 -
        """,
        "upsell 7200",
    ),
    "seats first, the tier later": (
        """
        acme crm pro     200 10 2023-01-01 2024-01-15
        acme crm pro     300 15 2024-01-15 2024-02-15
        acme crm premier 600 15 2024-02-15 -
        """,
        "seat upsell 4800",  # 12 x (100 + 300)
    ),
    "another product": (
        """
        acme crm  pro      200 10 2023-01-01 -
        acme mail standard  50 10 2024-02-01 -
        """,
        "cross_sell 600",
    ),
    "another product, grown and shrunk again": (
        """
        acme crm  pro      200 10 2023-01-01 -
        acme mail standard  50 10 2024-01-10 2024-02-01
        acme mail standard  75 15 2024-02-01 2024-03-01
        acme mail standard  50 10 2024-03-01 -
        """,
        "cross_sell 600",  # the five seats are gone again
    ),
    "a new customer's second product": (
        """
        acme crm  pro      200 10 2023-12-15 -
        acme mail standard  50 10 2024-01-14 -
        """,
        "",  # day 30
    ),
    "a price rise": (
        """
        acme crm pro 200 10 2023-01-01 2024-02-01
        acme crm pro 240 10 2024-02-01 -
        """,
        "",
    ),
    "a price rise on top of more seats is not expansion ARR": (
        """
        acme crm pro 200 10 2023-01-01 2024-02-01
        acme crm pro 300 15 2024-02-01 2024-03-01
        acme crm pro 360 15 2024-03-01 -
        """,
        "seat 1200",  # 12 x 100, without the 60
    ),
    "a price rise does not make up for seats given back": (
        """
        acme crm pro 200 10 2023-01-01 2024-02-01
        acme crm pro 300 15 2024-02-01 2024-02-15
        acme crm pro 360 15 2024-02-15 2024-03-01
        acme crm pro 290 12 2024-03-01 -
        """,
        "seat 360",  # 12 x (100 - 70)
    ),
    "a renewal": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-15
        acme crm pro 200 10 2024-01-15 -
        """,
        "",
    ),
    "a re-dated line": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-20
        acme crm pro 200 10 2024-01-20 2024-01-20
        acme crm pro 200 10 2024-01-20 2025-01-20
        """,
        "",
    ),
    "a co-term of two contracts": (
        """
        acme crm pro 200 10 2023-01-01 2024-02-01
        acme crm pro 100  5 2023-06-01 2024-02-01
        acme crm pro 300 15 2024-02-01 -
        """,
        "",
    ),
    "a renewal 30 days late": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-10
        acme crm pro 200 10 2024-02-09 -
        """,
        "",
    ),
    "more seats at a renewal 30 days late": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-10
        acme crm pro 300 15 2024-02-09 -
        """,
        "seat 1200",
    ),
    "won back with more seats after 31 days": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-10
        acme crm pro 300 15 2024-02-10 -
        """,
        "",
    ),
    "lost, won back smaller, grown to what it was": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-10
        acme crm pro 100  5 2024-02-15 2024-03-01
        acme crm pro 200 10 2024-03-01 -
        """,
        "",
    ),
    "a product that comes back": (
        """
        acme crm  pro      200 10 2023-01-01 -
        acme mail standard  50 10 2023-02-01 2023-06-01
        acme mail standard  80 16 2024-02-01 -
        """,
        "",
    ),
    "a seat more, worth less than 1%": (
        """
        acme crm pro 2000    100 2023-01-01 2024-02-01
        acme crm pro 2019.99 101 2024-02-01 -
        """,
        "",
    ),
    "seats added and given back within the window": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-15
        acme crm pro 300 15 2024-01-15 2024-03-15
        acme crm pro 200 10 2024-03-15 -
        """,
        "",
    ),
    "seats added and partly given back": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-15
        acme crm pro 300 15 2024-01-15 2024-03-15
        acme crm pro 240 12 2024-03-15 -
        """,
        "seat 480",  # 12 x (100 - 60)
    ),
    "seats given up and bought again": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-15
        acme crm pro 100  5 2024-01-15 2024-03-15
        acme crm pro 200 10 2024-03-15 -
        """,
        "",
    ),
    "seats given back after the window": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-15
        acme crm pro 300 15 2024-01-15 2024-03-31
        acme crm pro 200 10 2024-03-31 -
        """,
        "seat 1200",
    ),
    "more seats, and then lost": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-15
        acme crm pro 300 15 2024-01-15 2024-03-15
        """,
        "",
    ),
    "another product, and then lost again": (
        """
        acme crm  pro      200 10 2023-01-01 -
        acme mail standard  50 10 2024-01-10 2024-03-10
        """,
        "",
    ),
    "more seats of one product, another product lost": (
        """
        acme crm  pro      200 10 2023-01-01 2024-02-01
        acme crm  pro      300 15 2024-02-01 -
        acme mail standard  50 10 2023-03-01 2024-02-01
        """,
        "seat 1200",  # net per product
    ),
    "a product swapped for another": (
        """
        acme crm  pro      200 10 2023-01-01 2024-02-01
        acme mail standard 200 10 2024-02-01 -
        """,
        "",  # moved from one to the other for the same money
    ),
    "a product swapped for a dearer one": (
        """
        acme crm  pro      200 10 2023-01-01 2024-02-01
        acme mail standard 300 10 2024-02-01 -
        """,
        "upsell 1200",
    ),
    "a trial of a second product that is paid for from then on": (
        """
        acme crm  pro      200 10 2023-01-01 -
        acme mail standard   0  - 2023-12-20 2024-02-01
        acme mail standard 100  - 2024-02-01 -
        """,
        "cross_sell 1200",
    ),
    "renewed three weeks early": (
        """
        acme crm pro 200 10 2023-02-20 2024-02-20
        acme crm pro 200 10 2024-02-01 -
        """,
        "",
    ),
    "a second contract beside the first": (
        """
        acme crm pro 200 10 2023-01-01 -
        acme crm pro 100  5 2024-02-01 -
        """,
        "seat 1200",
    ),
    "a higher tier without seats": (
        """
        acme crm pro     200 - 2023-01-01 2024-02-01
        acme crm premier 400 - 2024-02-01 -
        """,
        "upsell 2400",
    ),
    "sold by seat from now on": (
        """
        acme crm pro 200 -  2023-01-01 2024-02-01
        acme crm pro 300 15 2024-02-01 -
        """,
        "",  # how many more is not known
    ),
    "on the first day of the window": (
        """
        acme crm pro 200 10 2023-01-01 2024-01-01
        acme crm pro 300 15 2024-01-01 -
        """,
        "seat 1200",
    ),
    "the day before the window": (
        """
        acme crm pro 200 10 2023-01-01 2023-12-31
        acme crm pro 300 15 2023-12-31 -
        """,
        "",
    ),
    "on the last day of the window": (
        """
        acme crm pro 200 10 2023-01-01 2024-03-30
        acme crm pro 300 15 2024-03-30 -
        """,
        "seat 1200",
    ),
    "the day after the window": (
        """
        acme crm pro 200 10 2023-01-01 2024-03-31
        acme crm pro 300 15 2024-03-31 -
        """,
        "",
    ),
}


def rows(header: str, text: str) -> str:
    """A drawn table with its header; a dash is an empty cell."""
    lines = [header, *text.strip().splitlines()]
    return "\n".join("|".join("" if cell == "-" else cell for cell in line.split()) for line in lines)


def labelled(
    tables: dict[str, ibis.Table],
    accounts: list[str],
    rules: ExpansionRules = ExpansionRules(),  # noqa: B008
) -> pd.DataFrame:
    """The label of some accounts on 1 January 2024, by account."""
    schema = ibis.schema({"account_id": "string", "snapshot_date": "date"})
    cohort = ibis.memtable([(account, SNAPSHOT) for account in accounts], schema=schema)
    return labels(tables, cohort, rules).execute().set_index("account_id")


def said(row: pd.Series) -> str:
    """A label in words: its motions and its expansion ARR."""
    motions = [m for m in ("seat", "upsell", "cross_sell", "usage") if row[f"expanded_{m}"] == 1]
    assert row.expanded == (1 if motions else 0)
    assert motions or row.expansion_arr_e4 == 0
    return " ".join([*motions, f"{round(row.expansion_arr_e4 / 10_000, 2):g}"]) if motions else ""


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """All stories in one base: every story is an account of its own."""
    lines = [text.strip().replace("acme", f"story-{at}") for at, (text, _) in enumerate(STORIES.values())]
    tables = base(plans=PLANS, subscriptions=rows(LINE, "\n".join(lines)))
    found = labelled(tables, [f"story-{at}" for at in range(len(STORIES))])
    return {name: said(found.loc[f"story-{at}"]) for at, name in enumerate(STORIES)}


@pytest.mark.parametrize("name", STORIES)
def test_story(told: dict[str, str], name: str) -> None:
    assert told[name] == STORIES[name][1]


def test_without_a_price_list() -> None:
    lines = """
        dearer crm team     200 10 2023-01-01 2024-02-01
        dearer crm business 300 10 2024-02-01 -
        undone crm team     200 10 2023-01-01 2024-02-01
        undone crm business 300 10 2024-02-01 2024-03-01
        undone crm team     200 10 2024-03-01 -
        """
    found = labelled(base(subscriptions=rows(LINE, lines)), ["dearer", "undone", "unknown"])
    assert said(found.loc["dearer"]) == "upsell 1200"
    assert said(found.loc["undone"]) == ""
    assert said(found.loc["unknown"]) == ""  # an account without a line keeps its row


def test_a_move_over_a_gap_is_none_of_what_is_foretold_where_the_settings_say_so() -> None:
    lines = """
        same   crm   pro 200 10 2023-01-01 2024-02-01
        same   suite pro 200 10 2024-02-05 -
        dearer crm   pro 200 10 2023-01-01 2024-02-01
        dearer suite pro 300 10 2024-01-28 -
        """
    tables = base(subscriptions=rows(LINE, lines))
    moved = labelled(tables, ["same", "dearer"], ExpansionRules(moved_within_days=7))
    assert [said(moved.loc[name]) for name in ("same", "dearer")] == ["", "upsell 1200"]
    apart = labelled(tables, ["same", "dearer"])
    assert [said(apart.loc[name]) for name in ("same", "dearer")] == ["cross_sell 2400", "cross_sell 3600"]


def test_a_renewal_six_weeks_early_is_no_expansion_where_the_settings_say_so() -> None:
    lines = """
        same crm pro 200 10 2023-04-25 2024-04-25
        same crm pro 200 10 2024-03-14 2025-03-14
        more crm pro 200 10 2023-04-25 2024-04-25
        more crm pro 300 15 2024-03-14 2025-03-14
        """  # 42 days early: the window ends before the first line does
    tables = base(subscriptions=rows(LINE, lines))
    renewed = labelled(tables, ["same", "more"], ExpansionRules(renewed_early_days=42))
    assert [said(renewed.loc[name]) for name in ("same", "more")] == ["", "seat 1200"]  # 12 x 100
    beside = labelled(tables, ["same", "more"])
    assert [said(beside.loc[name]) for name in ("same", "more")] == ["seat 2400", "seat 3600"]


def test_usage_is_compared_with_the_equally_long_window_before() -> None:
    # Before: 3 October to 31 December. The window: 1 January to 30 March.
    invoices = """
        grown    api 2023-10-03 1000
        grown    api 2024-03-30 1250
        slower   api 2023-10-03 1000
        slower   api 2024-03-30 1249
        small    api 2023-12-01  100
        small    api 2024-02-01  199
        floor    api 2023-12-01  100
        floor    api 2024-02-01  200
        empty    api 2023-10-02 1000
        empty    api 2024-02-01 2000
        late     api 2023-12-01 1000
        late     api 2024-03-31 2000
        credited api 2023-12-01 1000
        credited api 2024-02-01 2000
        credited api 2024-03-01 -900
        """
    accounts = ["grown", "slower", "small", "floor", "empty", "late", "credited"]
    found = labelled(base(invoices=rows("account_id product billed_at amount", invoices)), accounts)
    assert said(found.loc["grown"]) == "usage 1013.89"  # 250 x 365 / 90
    assert said(found.loc["floor"]) == "usage 405.56"  # 100 x 365 / 90
    assert [said(found.loc[name]) for name in ("slower", "small", "empty", "late", "credited")] == [""] * 5


def test_usage_beside_a_subscription() -> None:
    lines = """
        both crm pro 200 10 2023-01-01 2024-02-01
        both crm pro 300 15 2024-02-01 -
        first crm pro 200 10 2023-01-01 -
        fresh crm pro 200 10 2023-12-20 -
        """
    invoices = """
        both  api 2023-11-01  900
        both  api 2024-02-01 1800
        first api 2024-02-01  900
        fresh api 2024-01-10  900
        """
    tables = base(
        plans=PLANS,
        subscriptions=rows(LINE, lines),
        invoices=rows("account_id product billed_at amount", invoices),
    )
    found = labelled(tables, ["both", "first", "fresh"])
    assert said(found.loc["both"]) == "seat usage 4850"  # 12 x 100 + 900 x 365 / 90
    assert said(found.loc["first"]) == "cross_sell 3650"  # 900 x 365 / 90, of a product it never had
    assert said(found.loc["fresh"]) == ""  # within 30 days of the account's first product


def test_a_billed_product_begins_with_its_service_whenever_its_bills_come() -> None:
    lines = """
        inside   crm pro 200 10 2022-01-01 -
        before   crm pro 200 10 2022-01-01 -
        after    crm pro 200 10 2022-01-01 -
        ahead    crm pro 200 10 2022-01-01 -
        customer crm pro 200 10 2023-12-20 -
        """
    invoices = """
        inside   api 2024-05-05 300 2024-02-01 2024-05-01
        before   api 2024-03-05 300 2023-12-01 2024-03-01
        before   api 2024-06-05 300 2024-03-01 2024-06-01
        after    api 2024-07-05 300 2024-03-31 2024-07-01
        ahead    api 2023-12-31 300 2024-01-05 2024-04-05
        customer api 2024-04-22 300 2024-01-19 2024-04-19
        founded  api 2024-02-11  80 2024-01-10 2024-02-10
        founded  sms 2024-04-12 300 2024-01-10 2024-04-10
        """
    header = "account_id product billed_at amount period_start period_end"
    tables = base(subscriptions=rows(LINE, lines), invoices=rows(header, invoices))
    accounts = ["inside", "before", "after", "ahead", "customer", "founded"]
    found = labelled(tables, accounts)
    # 100 a month for 59 of the 90 days, which are 3 months: 100 x 3 x 59 / 90 x 365 / 90.
    assert said(found.loc["inside"]) == "cross_sell 797.59"
    assert [said(found.loc[name]) for name in accounts[1:]] == [""] * 5
    sold = ledger(tables, ExpansionRules()).execute().query("movement_class == 'cross_sell'")
    days = {row.account_id: f"{row.day:%Y-%m-%d}" for row in sold.itertuples()}
    assert days == {"inside": "2024-02-01", "before": "2023-12-01", "after": "2024-03-31", "ahead": "2024-01-05"}


def test_a_product_that_was_signed_before_is_not_foretold_by_what_is_billed_on_top_of_it() -> None:
    lines = """
        signed crm pro 200 10 2022-01-01 - -
        signed api pro 100 -  2024-02-01 - 2023-12-20
        fresh  crm pro 200 10 2022-01-01 - -
        fresh  api pro 100 -  2024-02-01 - 2024-01-20
        """
    invoices = """
        signed api 2024-02-20 900
        fresh  api 2024-02-20 900
        """
    tables = base(
        subscriptions=rows(f"{LINE} booked_at", lines),
        invoices=rows("account_id product billed_at amount", invoices),
    )
    found = labelled(tables, ["signed", "fresh"], ExpansionRules(billed_and_subscribed="on_top"))
    assert said(found.loc["signed"]) == ""
    assert said(found.loc["fresh"]) == "cross_sell 4850"  # 12 x 100 + 900 x 365 / 90


def test_what_pays_for_a_subscription_is_no_usage_and_what_follows_a_trial_is() -> None:
    lines = """
        subscribed api  pro 200 10 2022-01-01 2023-01-01 -
        renamed    mail pro 200 10 2022-01-01 2023-01-01 -
        tried      api  pro 200 10 2022-01-01 2023-01-01 trial
        """
    invoices = """
        subscribed api   2023-12-01 1000
        subscribed api   2024-02-01 2000
        renamed    inbox 2023-12-01 1000
        renamed    inbox 2024-02-01 2000
        tried      api   2023-12-01 1000
        tried      api   2024-02-01 2000
        """
    tables = base(
        subscriptions=rows(f"{LINE} kind", lines),
        invoices=rows("account_id product billed_at amount", invoices),
        product_succession=rows("product successor from_day", "mail inbox 2023-06-01"),
    )
    accounts = ["subscribed", "renamed", "tried"]
    found = labelled(tables, accounts, ExpansionRules(billed_and_subscribed="payments"))
    grown = "usage 4055.56"  # 1000 x 365 / 90
    assert [said(found.loc[name]) for name in accounts] == ["", "", grown]
    assert [said(row) for _, row in labelled(tables, accounts).iterrows()] == [grown] * 3
