"""The ledger, class by class and trap by trap, on contracts that can be read aloud.

Every story is drawn as contract lines; what is expected is written as ``day class change-of-MRR``.
"""

from datetime import date

import pytest

from data.ledger.revenue import all_lines, ledger, mrr_on, reconcile
from data.ledger.rules import ExpansionRules
from tests.drawn import base

RULES = ExpansionRules()
LINE = "account_id product plan mrr seats valid_from valid_to"
INVOICE = "account_id product billed_at amount"
PLANS = """
    product | plan     | tier
    crm     | basic    | 1
    crm     | pro      | 2
    crm     | premier  | 3
    mail    | standard | 1
    """


def rows(header: str, text: str) -> str:
    """A drawn table with its header; a dash is an empty cell."""
    lines = [header, *text.strip().splitlines()]
    return "\n".join("|".join("" if cell == "-" else cell for cell in line.split()) for line in lines)


def stories(
    lines: str = "",
    *,
    plans: bool = True,
    invoices: str = "",
    today: date | None = None,
    header: str = LINE,
    rules: ExpansionRules = RULES,
) -> dict[str, list[str]]:
    """The ledger of each account as ``day product class change``, oldest first."""
    tables = {"plans": PLANS} if plans else {}
    if lines:
        tables["subscriptions"] = rows(header, lines)
    if invoices:
        tables["invoices"] = rows(INVOICE, invoices)
    found: dict[str, list[str]] = {}
    for row in ledger(base(**tables), rules, today).order_by("day", "product").execute().itertuples():
        movement = f"{row.day:%Y-%m-%d} {row.product} {row.movement_class} {row.delta_mrr_e4 / 10_000:+g}"
        found.setdefault(row.account_id, []).append(movement)
    return found


STORIES = {
    "a new customer leaves again": (
        "acme crm pro 200 10 2024-01-01 2024-07-01",
        ["2024-01-01 crm new +200", "2024-07-01 crm churn -200"],
    ),
    "five more seats of the same plan": (
        """
        acme crm pro 200 10 2024-01-01 2024-04-01
        acme crm pro 300 15 2024-04-01 -
        """,
        ["2024-01-01 crm new +200", "2024-04-01 crm seat +100"],
    ),
    "a higher tier": (
        """
        acme crm basic 100 10 2024-01-01 2024-04-01
        acme crm pro   200 10 2024-04-01 -
        """,
        ["2024-01-01 crm new +100", "2024-04-01 crm upsell +100"],
    ),
    "a higher tier and more seats on one day count once, as upsell": (
        """
        acme crm basic 100 10 2024-01-01 2024-04-01
        acme crm pro   400 20 2024-04-01 -
        """,
        ["2024-01-01 crm new +100", "2024-04-01 crm upsell +300"],
    ),
    "a higher tier for less money is a contraction": (
        """
        acme crm basic 100 10 2024-01-01 2024-04-01
        acme crm pro    80  4 2024-04-01 -
        """,
        ["2024-01-01 crm new +100", "2024-04-01 crm contraction -20"],
    ),
    "another product after the first 30 days": (
        """
        acme crm  pro      200 10 2024-01-01 -
        acme mail standard  50 10 2024-02-01 -
        """,
        ["2024-01-01 crm new +200", "2024-02-01 mail cross_sell +50"],  # day 31
    ),
    "another product within the first 30 days belongs to the new customer": (
        """
        acme crm  pro      200 10 2024-01-01 -
        acme mail standard  50 10 2024-01-31 -
        """,
        ["2024-01-01 crm new +200", "2024-01-31 mail new +50"],  # day 30
    ),
    "growth within the first 30 days is growth": (
        """
        acme crm pro 200 10 2024-01-01 2024-01-15
        acme crm pro 300 15 2024-01-15 -
        """,
        ["2024-01-01 crm new +200", "2024-01-15 crm seat +100"],
    ),
    "a price rise: same seats, same plan, more MRR": (
        """
        acme crm pro 200 10 2024-01-01 2025-01-01
        acme crm pro 220 10 2025-01-01 -
        """,
        ["2024-01-01 crm new +200", "2025-01-01 crm price +20"],
    ),
    "fewer seats": (
        """
        acme crm pro 200 10 2024-01-01 2024-04-01
        acme crm pro 160  8 2024-04-01 -
        """,
        ["2024-01-01 crm new +200", "2024-04-01 crm contraction -40"],
    ),
    "a lower tier with more seats and more MRR is no seat expansion": (
        """
        acme crm pro   200 10 2024-01-01 2024-04-01
        acme crm basic 300 30 2024-04-01 -
        """,
        ["2024-01-01 crm new +200", "2024-04-01 crm price +100"],
    ),
    "a renewal on the same terms is nothing": (
        """
        acme crm pro 200 10 2024-01-01 2025-01-01
        acme crm pro 200 10 2025-01-01 2026-01-01
        acme crm pro 200 10 2026-01-01 -
        """,
        ["2024-01-01 crm new +200"],
    ),
    "a re-dated line is nothing": (
        """
        acme crm pro 200 10 2024-01-01 2024-03-10
        acme crm pro 200 10 2024-03-10 2025-03-10
        acme crm pro 200 10 2024-03-10 2024-03-10
        """,
        ["2024-01-01 crm new +200", "2025-03-10 crm churn -200"],
    ),
    "a co-term: two contracts become one": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 100  5 2024-03-01 2024-06-01
        acme crm pro 300 15 2024-06-01 -
        """,
        ["2024-01-01 crm new +200", "2024-03-01 crm seat +100"],
    ),
    "renewed 30 days late: late, not lost": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 300 15 2024-07-01 -
        """,
        ["2024-01-01 crm new +200", "2024-07-01 crm seat +100"],
    ),
    "back after 31 days: lost and won back": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 300 15 2024-07-02 -
        """,
        ["2024-01-01 crm new +200", "2024-06-01 crm churn -200", "2024-07-02 crm reactivation +300"],
    ),
    "one of two contracts renewed late does not dip": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 100  5 2024-02-01 -
        acme crm pro 200 10 2024-06-15 -
        """,
        ["2024-01-01 crm new +200", "2024-02-01 crm seat +100"],
    ),
    "a contract that ends is not held open by another's monthly renewal": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 100  5 2024-02-15 2024-06-15
        acme crm pro 100  5 2024-06-15 -
        """,
        ["2024-01-01 crm new +200", "2024-02-15 crm seat +100", "2024-06-01 crm contraction -200"],
    ),
    "of two contracts that end on one day, one is renewed on time and one late": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 100  5 2024-02-01 2024-06-01
        acme crm pro 100  5 2024-06-01 -
        acme crm pro 200 10 2024-06-20 -
        """,
        ["2024-01-01 crm new +200", "2024-02-01 crm seat +100"],
    ),
    "a late renewal and a co-term on one day": (
        """
        acme crm pro 200 10 2024-01-01 2024-06-01
        acme crm pro 100  5 2024-02-15 2024-06-15
        acme crm pro 300 15 2024-06-15 -
        """,
        ["2024-01-01 crm new +200", "2024-02-15 crm seat +100"],
    ),
    "two parallel contracts are added up, and the tier is the highest": (
        """
        acme crm premier 400 10 2024-01-01 -
        acme crm basic   100 10 2024-05-01 2024-09-01
        acme crm pro     200 10 2024-09-01 -
        """,
        # The better second contract leaves the highest tier and the seats as they are: more MRR for the same.
        ["2024-01-01 crm new +400", "2024-05-01 crm seat +100", "2024-09-01 crm price +100"],
    ),
    "a rise below 1% is rounding, also with a seat more": (
        """
        acme crm pro 2000    100 2024-01-01 2024-04-01
        acme crm pro 2019.99 101 2024-04-01 2024-05-01
        acme crm pro 2010    101 2024-05-01 -
        """,
        ["2024-01-01 crm new +2000", "2024-04-01 crm price +19.99", "2024-05-01 crm price -9.99"],
    ),
    "a rise of exactly 1% is none": (
        """
        acme crm pro 2000 100 2024-01-01 2024-04-01
        acme crm pro 2020 101 2024-04-01 -
        """,
        ["2024-01-01 crm new +2000", "2024-04-01 crm seat +20"],
    ),
    "seats for nothing are no movement of MRR": (
        """
        acme crm pro 200 10 2024-01-01 2024-04-01
        acme crm pro 200 12 2024-04-01 -
        """,
        ["2024-01-01 crm new +200"],
    ),
    "not sold by seat": (
        """
        acme crm basic 100 - 2024-01-01 2024-04-01
        acme crm basic 150 - 2024-04-01 2024-06-01
        acme crm pro   250 - 2024-06-01 -
        """,
        ["2024-01-01 crm new +100", "2024-04-01 crm price +50", "2024-06-01 crm upsell +100"],
    ),
    "a product swapped for another": (
        """
        acme crm  pro      200 10 2024-01-01 2024-06-01
        acme mail standard 200 10 2024-06-01 -
        """,
        ["2024-01-01 crm new +200"],  # moved from one to the other for the same money
    ),
    "a product swapped for a dearer one": (
        """
        acme crm  pro      200 10 2024-01-01 2024-06-01
        acme mail standard 300 10 2024-06-01 -
        """,
        ["2024-01-01 crm new +200", "2024-06-01 mail upsell +100"],
    ),
    "two products swapped for one that costs less": (
        """
        acme crm  pro      200 10 2024-01-01 2024-06-01
        acme mail standard 100 10 2024-03-01 2024-06-01
        acme all  standard 250 10 2024-06-01 2024-09-01
        """,
        [
            "2024-01-01 crm new +200",
            "2024-03-01 mail cross_sell +100",
            "2024-06-01 all contraction -50",
            "2024-09-01 all churn -250",
        ],
    ),
    "a free trial becomes the first product": (
        """
        acme crm pro   0 10 2024-01-01 2024-01-15
        acme crm pro 500 10 2024-01-15 -
        """,
        ["2024-01-15 crm new +500"],
    ),
    "a free trial becomes a second product": (
        """
        acme crm  pro      500 10 2024-01-01 -
        acme mail standard   0  - 2024-06-01 2024-06-15
        acme mail standard 200  - 2024-06-15 -
        """,
        ["2024-01-01 crm new +500", "2024-06-15 mail cross_sell +200"],
    ),
    "back to the free plan is churn": (
        """
        acme crm pro   500 10 2024-01-01 2024-10-01
        acme crm basic   0  3 2024-10-01 -
        """,
        ["2024-01-01 crm new +500", "2024-10-01 crm churn -500"],
    ),
    "what is included for nothing beside what is paid for": (
        """
        acme crm pro   500 10 2024-01-01 -
        acme crm guest   0 20 2024-06-01 -
        """,
        ["2024-01-01 crm new +500"],
    ),
    "renewed three weeks early": (
        """
        acme crm pro 500 10 2023-07-01 2024-07-01
        acme crm pro 500 10 2024-06-10 2025-06-10
        """,
        ["2023-07-01 crm new +500", "2025-06-10 crm churn -500"],
    ),
    "renewed early with five seats more": (
        """
        acme crm pro 500 10 2023-07-01 2024-07-01
        acme crm pro 750 15 2024-06-10 -
        """,
        ["2023-07-01 crm new +500", "2024-06-10 crm seat +250"],
    ),
    "a third plan beside two others, whatever its name": (
        """
        acme crm able   100 10 2023-01-10 -
        acme crm zeta   300 10 2023-01-10 -
        acme crm middle 900 10 2024-06-01 -
        """,
        ["2023-01-10 crm new +400", "2024-06-01 crm upsell +900"],
    ),
    "a line that ends before it begins is left out": (
        """
        acme crm pro 200 10 2024-01-01 -
        acme crm pro 900 45 2024-05-01 2024-04-01
        """,
        ["2024-01-01 crm new +200"],
    ),
}


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """All stories in one ledger: every story is an account of its own."""
    lines = [text.replace("acme", f"story-{at}") for at, (text, _) in enumerate(STORIES.values())]
    found = stories("\n".join(line.strip() for line in lines))
    return {name: found[f"story-{at}"] for at, name in enumerate(STORIES)}


@pytest.mark.parametrize("name", STORIES)
def test_story(told: dict[str, list[str]], name: str) -> None:
    assert told[name] == STORIES[name][1]


def test_without_a_price_list_an_upsell_is_another_plan_at_more_per_seat() -> None:
    lines = """
        dearer  crm basic 100 10 2024-01-01 2024-04-01
        dearer  crm pro   150 12 2024-04-01 -
        cheaper crm basic 100 10 2024-01-01 2024-04-01
        cheaper crm bulk  150 20 2024-04-01 -
        no-seat crm basic 100 -  2024-01-01 2024-04-01
        no-seat crm pro   150 -  2024-04-01 -
        """
    found = stories(lines, plans=False)
    assert found["dearer"][1:] == ["2024-04-01 crm upsell +50"]  # 10.00 a seat -> 12.50
    assert found["cheaper"][1:] == ["2024-04-01 crm seat +50"]  # 10.00 a seat -> 7.50, and ten seats more
    assert found["no-seat"][1:] == ["2024-04-01 crm upsell +50"]


def test_how_early_a_line_may_be_renewed_is_set_apart_from_how_late() -> None:
    lines = """
        early crm pro 500 10 2023-07-01 2024-07-01
        early crm pro 500 10 2024-05-20 -
        late  crm pro 500 10 2023-07-01 2024-07-01
        late  crm pro 500 10 2024-08-12 -
        """  # six weeks each
    apart = ["2023-07-01 crm new +500", "2024-07-01 crm churn -500", "2024-08-12 crm reactivation +500"]
    found = stories(lines, rules=ExpansionRules(renewed_early_days=42))
    assert found == {"early": ["2023-07-01 crm new +500"], "late": apart}
    found = stories(lines, rules=ExpansionRules(renewed_early_days=0))
    assert found["early"][1:] == ["2024-05-20 crm seat +500", "2024-07-01 crm contraction -500"]


SIGNED_EARLY = {
    "two like contracts": (
        """
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        """,
        [],
    ),
    "three of them, and a fourth beside": (
        """
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        """,
        ["2025-12-10 crm seat +100"],
    ),
    "a small and a large one, the large one first": (
        """
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 200 20 2025-01-01 - 2026-01-01
        acme crm pro 200 20 2025-12-05 - 2027-01-01
        acme crm pro 150 15 2025-12-10 - 2027-01-01
        """,
        ["2025-12-10 crm seat +50"],
    ),
    "of which one is due too late for the first renewal": (
        """
        acme crm pro 100 10 2025-01-01 - 2025-12-30
        acme crm pro 100 10 2025-01-01 - 2026-01-12
        acme crm pro 100 10 2025-12-10 - 2027-01-01
        acme crm pro 100 10 2025-12-15 - 2027-01-01
        """,
        [],
    ),
    "one that tripled before a larger one was renewed": (
        """
        acme crm pro 100 10 2025-01-01 - 2025-12-30
        acme crm pro 200 20 2025-01-01 - 2026-01-12
        acme crm pro 300 30 2025-12-05 - 2027-01-01
        acme crm pro 200 20 2025-12-15 - 2027-01-01
        """,
        ["2025-12-05 crm seat +200"],
    ),
    "one renewal of two": (
        """
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 100 10 2025-01-01 - 2026-01-01
        acme crm pro 200 20 2025-12-10 - 2027-01-01
        """,
        ["2025-12-10 crm seat +100"],
    ),
    "two that say nothing of when they are due": (
        """
        acme crm pro 100 10 2025-01-01 - -
        acme crm pro 200 20 2025-01-01 - -
        acme crm pro 200 20 2025-12-10 - -
        acme crm pro 100 10 2025-12-10 - -
        """,
        [],
    ),
}


@pytest.mark.parametrize("name", SIGNED_EARLY)
def test_one_line_signed_early_renews_one_line(name: str) -> None:
    lines, expected = SIGNED_EARLY[name]
    found = stories(lines, header=f"{LINE} renews_on", today=date(2025, 12, 20))["acme"]
    assert found[1:] == expected


def test_a_billed_month_is_the_mrr_of_what_follows() -> None:
    invoices = """
        acme api 2024-01-10 60
        acme api 2024-01-20 40
        acme api 2024-02-10 150
        acme api 2024-03-10 151
        acme api 2024-04-10 90
        acme api 2024-05-02 999
        """
    assert stories(invoices=invoices)["acme"] == [
        "2024-02-01 api new +100",
        "2024-03-01 api usage +50",
        "2024-04-01 api price +1",  # below 1%
        "2024-05-01 api contraction -61",  # May is not over
    ]


def test_a_usage_customer_is_lost_after_three_months_without_a_bill() -> None:
    invoices = """
        acme api 2024-01-10 100
        acme api 2024-04-10 100
        acme api 2024-09-10 130
        acme api 2024-10-10 -20
        """
    assert stories(invoices=invoices, today=date(2024, 12, 2))["acme"] == [
        "2024-02-01 api new +100",  # February and March are empty, April is not: nothing happened
        "2024-08-01 api churn -100",  # May, June and July are empty
        "2024-10-01 api reactivation +130",  # the credit alone leaves October empty
    ]


def test_usage_beside_a_subscription() -> None:
    lines = "acme crm pro 200 10 2024-01-01 -"
    invoices = """
        acme api 2024-05-10 70
        acme crm 2024-05-10 30
        """
    assert sorted(stories(lines, invoices=invoices, today=date(2024, 6, 2))["acme"]) == [
        "2024-01-01 crm new +200",
        "2024-06-01 api cross_sell +70",
        "2024-06-01 crm usage +30",  # use beyond the contract, of a product the account has
    ]


BASE = base(
    plans=PLANS,
    subscriptions="""
    account_id | product | plan     | mrr    | seats | valid_from | valid_to
    acme       | crm     | basic    | 100    | 10    | 2023-01-01 | 2023-06-01
    acme       | crm     | pro      | 300.10 | 15    | 2023-06-20 | 2024-02-01
    acme       | mail    | standard |  50    | 10    | 2023-09-01 |
    bolt       | crm     | pro      | 400.01 | 20    | 2023-02-01 | 2024-03-01
    bolt       | crm     | pro      | 200.00 | 10    | 2024-03-01 |
    cask       | crm     | pro      | 200    | 10    | 2023-05-01 | 2023-11-01
    """,
)


def test_the_classes_sum_to_the_change_of_mrr_to_the_cent() -> None:
    dates = [date(2023, 1, 1), date(2024, 1, 1), date(2025, 1, 1)]
    periods = reconcile(all_lines(BASE, RULES), RULES, dates)
    assert list(periods.difference_e4) == [0, 0]
    first, second = periods.itertuples()
    assert first.mrr_start_e4 == 0
    assert first.mrr_end_e4 == second.mrr_start_e4 == 750_1100  # 300.10 + 50 + 400.01
    assert (first.new, first.upsell, first.cross_sell, first.churn) == (700_0100, 200_1000, 50_0000, -200_0000)
    assert (second.contraction, second.churn) == (-200_0100, -300_1000)


def test_mrr_on_a_day_is_what_was_open_when_it_began() -> None:
    days = [date(2023, 6, 1), date(2023, 6, 20), date(2023, 6, 21), date(2024, 2, 1), date(2024, 2, 2)]
    table = mrr_on(all_lines(BASE, RULES), RULES, days)
    crm = table.filter((table.account_id == "acme") & (table["product"] == "crm")).order_by("date").execute()
    # Renewed late, the line that ended on 1 June holds until the 20th; on 2 February 2024 nothing is left.
    assert list(crm.mrr_e4) == [100_0000, 100_0000, 300_1000, 300_1000, 0]
