"""Four bases of ten accounts each, with the arithmetic of every figure left visible."""

import pandas as pd
import pytest

from data.contract.vocabulary import MOVEMENT_CLASSES
from tests.data.figures.drawing import LAST, drawn_figures, only

PLANS = """
    product | plan  | tier
    core    | basic | 1
    core    | pro   | 2
"""

# --- a year, as the SaaS Metrics Standards Board counts it ------------------------------------------------------------

A_YEAR = {
    "plans": PLANS,
    "subscriptions": """
        account_id | product | plan  | mrr  | seats | valid_from | valid_to
        more_seats | core    | basic | 1000 | 10    | 2024-08-01 | 2025-09-01
        more_seats | core    | basic | 1200 | 12    | 2025-09-01 |
        as_before  | core    | basic | 1000 | 10    | 2024-08-01 |
        price_rise | core    | pro   | 2000 | 10    | 2024-08-01 | 2025-12-01
        price_rise | core    | pro   | 2100 | 10    | 2025-12-01 |
        gone       | core    | basic | 500  | 5     | 2024-08-01 | 2026-02-01
        less_seats | core    | basic | 800  | 8     | 2024-08-01 | 2025-10-01
        less_seats | core    | basic | 600  | 6     | 2025-10-01 |
        higher     | core    | basic | 1500 | 15    | 2024-08-01 | 2026-03-01
        higher     | core    | pro   | 2500 | 15    | 2026-03-01 |
        two        | core    | basic | 1200 | 12    | 2024-08-01 |
        two        | mail    |       | 300  |       | 2026-04-01 |
        came       | core    | basic | 900  | 9     | 2025-10-15 | 2026-05-01
        came       | core    | basic | 1000 | 10    | 2026-05-01 |
        came_back  | core    | basic | 650  | 7     | 2024-08-01 | 2025-03-01
        came_back  | core    | basic | 700  | 7     | 2025-11-10 |
        away       | core    | basic | 1000 | 10    | 2024-08-01 | 2025-09-20
        away       | core    | basic | 400  | 4     | 2026-01-05 |
    """,
}


@pytest.fixture(scope="module")
def year():
    return drawn_figures(**A_YEAR)


def test_nrr_and_grr_of_a_year(year) -> None:
    row = only(year["retention"], month=LAST, months=12)
    # Of the ten, `came` and `came_back` paid nothing on the 1st of July 2025: they are in neither part.
    assert row["accounts"] == 8
    assert row["start"] == 1000 + 1000 + 2000 + 500 + 800 + 1500 + 1200 + 1000 == 9000
    # more_seats, price_rise (the standard counts it), higher, two
    assert row["expansion"] == 200 + 100 + 1000 + 300 == 1600
    # less_seats, and `away`, which left and came back with 400 of 1000
    assert row["contraction"] == 200 + 600 == 800
    assert row["churn"] == 500
    assert row["end"] == 9000 + 1600 - 800 - 500 == 9300
    assert row["nrr"] == 9300 / 9000
    assert row["grr"] == (9000 - 800 - 500) / 9000 == 7700 / 9000


def test_the_two_nrrs_differ_by_price(year) -> None:
    row = only(year["retention"], month=LAST, months=12)
    assert row["price"] == 100
    assert row["nrr_motions"] == (9300 - 100) / 9000
    assert row["nrr_price"] == 100 / 9000
    assert row["nrr_motions"] + row["nrr_price"] == pytest.approx(row["nrr"])
    assert row["grr_motions"] == 7700 / 9000  # who pays 2100 of 2000 would pay 2000 without the rise: nothing is lost


def test_expansion_arr_of_a_year(year) -> None:
    row = only(year["expansion"], month=LAST, months=12)
    assert row["seat_arr"] == 12 * (200 + 100) == 3600  # more_seats, and `came` in May
    assert row["upsell_arr"] == 12 * 1000
    assert row["cross_sell_arr"] == 12 * 300
    assert row["usage_arr"] == 0
    assert row["new_arr"] == 12 * 900
    assert row["expansion_arr"] == row["kept_arr"] == 12 * 1600  # none of them lost anything
    assert row["expansion_share"] == row["kept_share"] == 1600 / (1600 + 900)


def test_the_bridge_of_a_year_month_by_month(year) -> None:
    months = year["bridge"][year["bridge"].dimension == "all"].set_index("month")
    moved = {
        "2025-09-01": {"seat": 200, "churn": -1000},  # more_seats; away
        "2025-10-01": {"contraction": -200, "new": 900},  # less_seats; came
        "2025-11-01": {"reactivation": 700},  # came_back
        "2025-12-01": {"price": 100},
        "2026-01-01": {"reactivation": 400},  # away
        "2026-02-01": {"churn": -500},  # gone
        "2026-03-01": {"upsell": 1000},
        "2026-04-01": {"cross_sell": 300},
        "2026-05-01": {"seat": 100},
    }
    mrr = 9000
    for month in months.index:
        expected = moved.get(f"{month:%Y-%m-%d}", {})
        row = only(year["bridge"], month=month)
        assert row["mrr_start"] == mrr
        assert {name: row[name] for name in expected} == expected, month
        mrr += sum(expected.values())
        assert row["mrr_end"] == mrr
    assert mrr == 9000 + 300 + 1000 + 300 + 900 + 100 + 700 + 400 - 200 - 1500 == 11_000


def test_a_year_ago_the_ledger_says_the_same_of_its_first_month(year) -> None:
    row = only(year["retention"], month="2025-07-01", months=1)
    assert (row["accounts"], row["start"], row["end"], row["nrr"], row["grr"]) == (8, 9000, 9000, 1, 1)


# --- an example from the literature ----------------------------------------------------------------------------------

A_COHORT = {
    "plans": PLANS,
    "subscriptions": """
        account_id | product | plan  | mrr  | seats | valid_from | valid_to
        left       | core    | basic | 900  | 9     | 2024-08-01 | 2026-02-01
        less_seats | core    | basic | 1000 | 10    | 2024-08-01 | 2025-10-01
        less_seats | core    | basic | 700  | 7     | 2025-10-01 |
        lower      | core    | pro   | 1000 | 10    | 2024-08-01 | 2025-11-01
        lower      | core    | basic | 700  | 10    | 2025-11-01 |
        higher     | core    | basic | 1000 | 10    | 2024-08-01 | 2026-03-01
        higher     | core    | pro   | 1800 | 10    | 2026-03-01 |
        two        | core    | basic | 1100 | 11    | 2024-08-01 |
        two        | mail    |       | 600  |       | 2026-04-01 |
        more_seats | core    | basic | 1000 | 10    | 2024-08-01 | 2025-09-01
        more_seats | core    | basic | 1400 | 14    | 2025-09-01 |
        as_before1 | core    | basic | 1000 | 10    | 2024-08-01 |
        as_before2 | core    | basic | 1000 | 10    | 2024-08-01 |
        as_before3 | core    | basic | 1000 | 10    | 2024-08-01 |
        as_before4 | core    | basic | 1000 | 10    | 2024-08-01 |
    """,
}


def test_a_worked_example_of_the_literature() -> None:
    """Pulse RevOps, "How do I calculate true gross retention vs net retention?": a cohort begins the year with $10.0M;
    $600K of downgrades and seat reductions, $900K of customers lost, $1.8M of upsell, cross-sell and seats added. GRR =
    (10.0 - 0.6 - 0.9) / 10.0 = 85%, NRR = (10.0 + 1.8 - 0.6 - 0.9) / 10.0 = 103%. The ten accounts are drawn.
    """
    row = only(drawn_figures(**A_COHORT)["retention"], month=LAST, months=12)
    assert row["start"] == 900 + 1100 + 8 * 1000 == 10_000
    assert row["contraction"] == 300 + 300 == 600  # less_seats, lower
    assert row["churn"] == 900  # left
    assert row["expansion"] == 800 + 600 + 400 == 1800  # higher, two, more_seats
    assert (row["grr"], row["nrr"]) == (0.85, 1.03)


# --- a month with everything in it ------------------------------------------------------------------------------------

A_MONTH = {
    "plans": PLANS,
    "subscriptions": """
        account_id | product | plan  | mrr | seats | valid_from | valid_to   | kind
        up_down    | core    | basic | 100 | 10    | 2025-01-01 | 2026-06-10 | paid
        up_down    | core    | basic | 150 | 15    | 2026-06-10 | 2026-06-20 | paid
        up_down    | core    | basic | 120 | 12    | 2026-06-20 |            | paid
        was_free   | core    | basic | 0   | 3     | 2025-01-01 | 2026-06-05 | free
        was_free   | core    | basic | 80  | 8     | 2026-06-05 |            | paid
        was_zero   | core    | basic | 0   | 6     | 2025-01-01 | 2026-06-07 |
        was_zero   | core    | basic | 60  | 6     | 2026-06-07 |            |
        drops_one  | core    | basic | 120 | 12    | 2025-01-01 |            | paid
        drops_one  | mail    |       | 80  |       | 2025-01-01 | 2026-06-09 | paid
        leaves     | core    | basic | 90  | 9     | 2025-01-01 | 2026-06-11 | paid
        moves_on   | mail    |       | 100 |       | 2025-01-01 | 2026-06-12 | paid
        moves_on   | core    | pro   | 130 |       | 2026-06-12 |            | paid
        returns    | core    | basic | 50  | 5     | 2025-01-01 | 2026-01-01 | paid
        returns    | mail    |       | 70  |       | 2026-06-15 |            | paid
        dearer     | core    | basic | 100 | 10    | 2025-01-01 | 2026-06-16 | paid
        dearer     | core    | basic | 110 | 10    | 2026-06-16 |            | paid
        discounted | core    | basic | 100 | 10    | 2025-01-01 |            | paid
        discounted | core    |       | -20 |       | 2025-01-01 | 2026-06-18 | discount
        renews     | core    | basic | 100 | 10    | 2025-05-20 | 2026-05-20 | paid
        renews     | core    | basic | 120 | 12    | 2026-06-10 |            | paid
    """,
}


@pytest.fixture(scope="module")
def month():
    return drawn_figures(**A_MONTH)


def test_the_bridge_of_a_month_with_everything_in_it(month) -> None:
    row = only(month["bridge"], month=LAST)
    # up_down, drops_one, leaves, moves_on, dearer, discounted, renews (late, so it never left)
    assert row["mrr_start"] == 100 + 200 + 90 + 100 + 100 + (100 - 20) + 100 == 770
    assert row["new"] == 80 + 60  # was_free; was_zero, which paid for the first time
    assert row["seat"] == 50 + 20  # up_down; renews
    assert row["upsell"] == 30  # moves_on, from one product to another on one day
    assert row["cross_sell"] == row["usage"] == row["ramp"] == 0
    assert row["price"] == 10 + 20  # dearer; discounted
    assert row["contraction"] == -30 - 80  # up_down; drops_one goes on paying for the other product
    assert row["churn"] == -90  # leaves
    assert row["reactivation"] == 70  # returns, with a product that it never had: no cross-sell, since it had left
    assert row["mrr_end"] == 770 + 140 + 70 + 30 + 30 - 110 - 90 + 70 == 910
    assert row["mrr_end"] == 120 + 80 + 60 + 120 + 0 + 130 + 70 + 110 + 100 + 120
    assert (row["accounts_start"], row["accounts_end"]) == (7, 9)
    assert not row["settled"]  # what ended in June may be renewed in July


def test_the_retention_of_a_month_with_everything_in_it(month) -> None:
    row = only(month["retention"], month=LAST, months=1)
    assert row["start"] == 770
    assert row["expansion"] == 20 + 30 + 10 + 20 + 20  # up_down at its two ends, moves_on, dearer, discounted, renews
    assert row["contraction"] == 80
    assert row["churn"] == 90
    assert row["nrr"] == (770 + 100 - 80 - 90) / 770 == 700 / 770
    assert row["price"] == 10 + 20
    assert row["nrr_motions"] == (700 - 30) / 770
    assert row["grr"] == (770 - 80 - 90) / 770 == 600 / 770


def test_what_is_kept_of_an_expansion(month) -> None:
    row = only(month["expansion"], month=LAST, months=1)
    assert row["expansion_arr"] == 12 * (50 + 20 + 30)
    assert row["kept_arr"] == 12 * (50 - 30 + 20 + 30)  # up_down lost 30 again
    assert row["kept_share"] == 70 / (70 + 140)


def test_the_month_before_had_none_of_it(month) -> None:
    row = only(month["bridge"], month="2026-05-01")
    assert row["mrr_start"] == row["mrr_end"] == 770  # a line that ended in May was renewed in June
    assert row["settled"]


# --- bills, credits and what is free beside seats ---------------------------------------------------------------------

EVERY_MODEL = {
    "subscriptions": """
        account_id | product | plan | mrr | seats | valid_from | valid_to   | kind
        discounted | core    | team | 100 | 10    | 2025-01-01 |            | paid
        discounted | core    | team | -10 |       | 2025-01-01 | 2025-11-15 | discount
        free       | core    | free | 0   | 5     | 2025-01-01 | 2025-12-10 | free
        free       | core    | team | 50  | 5     | 2025-12-10 |            | paid
    """,
    "invoices": """
        account_id | product | billed_at  | amount | period_start | period_end
        annual     | suite   | 2025-01-01 | 1200   | 2025-01-01   | 2026-01-01
        annual     | suite   | 2026-01-01 | 1800   | 2026-01-01   | 2027-01-01
        by_use     | api     | 2025-08-31 | 100    | 2025-08-01   | 2025-09-01
        by_use     | api     | 2025-09-30 | 100    | 2025-09-01   | 2025-10-01
        by_use     | api     | 2025-10-31 | 300    | 2025-10-01   | 2025-11-01
        by_use     | api     | 2025-11-30 | 100    | 2025-11-01   | 2025-12-01
        by_use     | api     | 2025-11-30 | -40    | 2025-11-01   | 2025-12-01
        by_use     | api     | 2025-12-31 | 100    | 2025-12-01   | 2026-01-01
        quarterly  | credits | 2025-07-01 | 1200   |              |
        quarterly  | credits | 2025-10-01 | 1200   |              |
        quarterly  | credits | 2026-01-01 | 1200   |              |
        quarterly  | credits | 2026-04-01 | 1200   |              |
    """,
}


def test_every_revenue_model_is_in_one_bridge() -> None:
    bridge = drawn_figures(**EVERY_MODEL)["bridge"]
    rows = {
        f"{day:%Y-%m}": only(bridge, month=f"{day:%Y-%m-%d}") for day in pd.date_range("2025-07-01", LAST, freq="MS")
    }
    assert rows["2025-07"]["mrr_start"] == 1200 / 12 + (100 - 10)  # annual, discounted
    assert rows["2025-07"]["new"] == 1200 / 3  # quarterly
    assert rows["2025-08"]["new"] == 100  # by_use
    assert rows["2025-10"]["usage"] == 300 - 100
    assert rows["2025-11"]["contraction"] == (100 - 40) - 300  # a credit lowers the bill of its month
    assert rows["2025-11"]["price"] == 10  # a discount ends
    assert rows["2025-12"]["usage"] == 100 - (100 - 40)
    assert rows["2025-12"]["new"] == 50  # free until then
    assert rows["2026-01"]["usage"] == 1800 / 12 - 1200 / 12  # what is paid a year ahead is of its months
    assert rows["2026-01"]["churn"] == -100  # by_use is billed no more
    for row in rows.values():
        assert row["mrr_start"] + sum(row[name] for name in MOVEMENT_CLASSES) == row["mrr_end"]
    assert rows["2026-06"]["mrr_end"] == 150 + 400 + 100 + 50


# --- segments, currencies, cohorts, and the way to the first expansion ------------------------------------------------

SLICES = {
    "plans": PLANS,
    "accounts": """
        account_id | name | created_at | segment | region | owner
        s1         | s1   | 2025-01-01 | smb     | EMEA   | Ada
        s2         | s2   | 2025-01-01 | smb     | EMEA   | Ada
        s3         | s3   | 2025-01-01 | smb     | AMER   | Ben
        s4         | s4   | 2025-01-01 | smb     | AMER   | Ben
        s5         | s5   | 2025-01-01 | smb     | AMER   |
        e1         | e1   | 2025-01-01 | ent     | EMEA   | Ada
        e2         | e2   | 2025-01-01 | ent     | EMEA   | Ada
        e3         | e3   | 2025-01-01 | ent     | AMER   | Ben
        e4         | e4   | 2025-01-01 | ent     | AMER   | Ben
        n1         | n1   | 2025-01-01 |         | AMER   | Ben
    """,
    "fx_rates": """
        currency | month      | rate
        EUR      | 2025-01-01 | 1.50
        EUR      | 2026-05-01 | 1.25
    """,
    "subscriptions": """
        account_id | product | plan  | mrr  | seats | valid_from | valid_to   | currency | booked_at
        s1         | core    | basic | 100  | 10    | 2025-07-01 | 2025-08-10 |          |
        s1         | core    | basic | 120  | 12    | 2025-08-10 |            |          |
        s2         | core    | basic | 100  | 10    | 2025-07-01 | 2025-09-29 |          |
        s3         | core    | basic | 100  | 10    | 2025-07-01 | 2025-10-09 |          |
        s3         | core    | pro   | 180  | 10    | 2025-10-09 |            |          |
        s4         | core    | basic | 100  | 10    | 2025-07-01 |            |          |
        s5         | core    | basic | 100  | 10    | 2025-12-01 |            |          |
        e1         | core    | pro   | 800  | 40    | 2025-07-01 | 2026-01-17 | EUR      |
        e1         | core    | pro   | 1000 | 50    | 2026-01-17 |            | EUR      |
        e2         | core    | pro   | 800  | 40    | 2025-07-01 |            | EUR      |
        e3         | core    | pro   | 500  | 25    | 2025-10-01 |            |          |
        e4         | core    | pro   | 500  | 25    | 2025-10-01 | 2026-04-01 |          | 2025-10-01
        e4         | core    | pro   | 600  | 30    | 2026-04-01 |            |          | 2025-10-01
        n1         | core    | basic | 50   | 5     | 2026-01-01 |            |          |
    """,
}


@pytest.fixture(scope="module")
def sliced():
    return drawn_figures(**SLICES)


def test_the_slices_of_a_month(sliced) -> None:
    bridge = sliced["bridge"]
    smb, ent, none = (only(bridge, month=LAST, dimension="segment", slice=name) for name in ("smb", "ent", None))
    assert smb["mrr_end"] == 120 + 0 + 180 + 100 + 100 == 500
    # Two pay in euros, all months at the last rate, 1.25: no month moves because the rate did.
    assert ent["mrr_end"] == 1000 * 1.25 + 800 * 1.25 + 500 + 600 == 3350
    assert none["mrr_end"] == 50
    assert only(bridge, month=LAST)["mrr_end"] == 500 + 3350 + 50
    emea, amer = (only(bridge, month=LAST, dimension="region", slice=name)["mrr_end"] for name in ("EMEA", "AMER"))
    assert (emea, amer) == (120 + 1250 + 1000, 180 + 100 + 100 + 500 + 600 + 50)
    assert only(bridge, month=LAST, dimension="owner", slice=None)["mrr_end"] == 100  # s5
    # s3 began with basic and pays for pro: it stays with the plan that it began with.
    basic = only(bridge, month=LAST, dimension="plan", slice="core: basic")
    assert basic["mrr_end"] == 500 + 50
    third = only(bridge, month=LAST, dimension="acquisition_quarter", slice="2025 Q3")
    assert third["mrr_end"] == 120 + 0 + 180 + 100 + 1250 + 1000 == 2650


def test_what_was_agreed_at_the_signing_is_a_ramp_and_no_motion(sliced) -> None:
    row = only(sliced["bridge"], month="2026-04-01")
    assert (row["ramp"], row["seat"]) == (100, 0)


def test_the_months_of_currencies(sliced) -> None:
    row = only(sliced["bridge"], month="2026-05-01", dimension="segment", slice="ent")
    assert row["mrr_start"] == row["mrr_end"] == 3350
    january = only(sliced["bridge"], month="2026-01-01", dimension="segment", slice="ent")
    assert january["seat"] == 200 * 1.25


def test_the_cohort_of_a_quarter(sliced) -> None:
    third, fourth = ([only(sliced["cohorts"], acquisition_quarter=day, quarter=q) for q in range(count)]
                     for day, count in (("2025-07-01", 4), ("2025-10-01", 3)))  # fmt: skip
    landed = 120 + 0 + 100 + 100 + 1000 + 1000  # s1 grew and s2 left within the quarter in which they came
    assert [row["mrr"] for row in third] == [landed, landed + 80, landed + 80 + 250, landed + 330]
    assert [row["upsell"] for row in third] == [0, 80, 0, 0]
    assert [row["seat"] for row in third] == [20, 0, 250, 0]
    assert third[3]["of_landed"] == (landed + 330) / landed
    assert third[0]["accounts"] == 6
    assert [row["mrr"] for row in fourth] == [500 + 500 + 100, 1100, 1200]
    assert fourth[2]["ramp"] == 100


def test_the_way_to_the_first_expansion_of_a_segment(sliced) -> None:
    curve = sliced["time_to_expansion"]
    smb = curve[(curve.dimension == "segment") & (curve.slice == "smb")].reset_index(drop=True)
    # Of five: s1 expands on day 40, s2 leaves on day 90, s3 expands on day 100; s4 and s5 are known to day 365 and 212.
    assert list(smb.day) == [40, 90, 100]
    assert list(smb.at_risk) == [5, 4, 3]
    assert list(smb.expanded_share) == pytest.approx([1 / 5, 1 / 5, 1 / 5 + (4 / 5) * (3 / 4) * (1 / 3)])
    assert list(smb.left_share) == pytest.approx([0, (4 / 5) * (1 / 4), (4 / 5) * (1 / 4)])
    # If nobody left: who left is only not seen any longer.
    assert list(smb.km) == pytest.approx([1 - 4 / 5, 1 - 4 / 5, 1 - (4 / 5) * (2 / 3)])
    speed = only(sliced["expansion_speed"], dimension="segment", slice="smb")
    assert (speed["accounts"], speed["expanded"], speed["left"]) == (5, 2, 1)
    assert speed["expanded_in_a_year"] == pytest.approx(2 / 5)
    assert only(sliced["expansion_speed"])["expanded"] == 3  # and e1 on day 200


def test_what_came_of_a_quarter_by_the_order_of_their_motions(sliced) -> None:
    orders = sliced["motion_orders"]
    seat, upsell, none = (
        only(orders, acquisition_quarter="2025-07-01", motions=name) for name in ("seat", "upsell", None)
    )
    assert (seat["accounts"], seat["landed"], seat["mrr"]) == (2, 120 + 800 * 1.25, 120 + 1000 * 1.25)  # s1 and e1
    assert (upsell["accounts"], upsell["landed"], upsell["mrr"]) == (1, 100, 180)  # s3
    assert (none["accounts"], none["landed"], none["mrr"]) == (3, 0 + 100 + 1000, 0 + 100 + 1000)  # s2, s4, e2
    assert (none["of_landed"], upsell["of_landed"]) == (1, 180 / 100)
    ramp = only(orders, acquisition_quarter="2025-10-01", motions=None)  # s5, e3, and e4, whose step was agreed
    assert (ramp["landed"], ramp["mrr"]) == (100 + 500 + 500, 100 + 500 + 600)


def test_the_order_of_motions(sliced) -> None:
    accounts = sliced["figure_accounts"].set_index("account_id").motions
    assert (accounts["s1"], accounts["s3"]) == ("seat", "upsell")
    assert accounts[["s4", "e4"]].isna().all()


def test_in_how_many_parts_a_base_is_read_changes_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = """
        account_id | product | plan | mrr | seats | valid_from | valid_to
        acme       | core    | team | 100 | 10    | 2025-07-01 | 2025-10-01
        acme       | core    | team | 150 | 15    | 2025-10-01 |
        best       | core    | team | 200 | 20    | 2025-08-01 | 2026-02-01
        cold       | core    | team | 300 | 30    | 2025-09-01 |
        cold       | addon   | one  | 50  |       | 2026-01-01 |
        dune       | core    | pro  | 90  | 3     | 2026-03-01 |
    """
    whole = drawn_figures(subscriptions=lines)
    monkeypatch.setattr("data.figures.accounts.moves.ROWS_PER_PART", 2)
    monkeypatch.setattr("data.figures.accounts.slices.ACCOUNTS_AT_ONCE", 1)
    for name, table in drawn_figures(subscriptions=lines).items():
        pd.testing.assert_frame_equal(table, whole[name], obj=name)
    assert whole["figure_accounts"]["motions"].fillna("").tolist() == ["seat", "", "cross_sell", ""]
