"""What became of accounts that expanded, against like ones; and of plays."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.figures.measures.plays import plays, plays_of
from data.time_cut import CORRECTED_ON, WITHDRAWN_ON
from tests.data.figures.drawing import drawn_figures
from tests.drawn import base

HEADER = "account_id | product | plan | mrr | seats | valid_from | valid_to\n"
DAY = date(2026, 7, 1)


def line(account: str, seats: int, begins: str, ends: str = "") -> str:
    return f"{account} | core | team | {seats}0 | {seats} | {begins} | {ends}\n"


def after(lines: str, tickets: str | None = None, segments: dict[str, str] | None = None) -> pd.DataFrame:
    """``after_expansion`` of drawn lines on the 1st of July 2026, by motion and outcome."""
    names = sorted({row.split(" | ")[0] for row in lines.splitlines()})
    accounts = "account_id | name | created_at | segment\n" + "\n".join(
        f"{name} | {name} | 2020-01-01 | {(segments or {}).get(name, 'smb')}" for name in names
    )
    tables = {"subscriptions": HEADER + lines, "accounts": accounts} | ({"tickets": tickets} if tickets else {})
    return drawn_figures(DAY, **tables)["after_expansion"].set_index(["motion", "outcome"])


STEADY = "".join(line(name, 10, "2025-01-01") for name in ("calm", "dull", "easy"))


def test_who_expanded_is_held_against_like_accounts() -> None:
    """Ann and Bob took seats in September 2025. Bob is gone in March 2026, and so is Fay, one of four like accounts."""
    lines = STEADY + line("fay", 10, "2025-01-01", "2026-02-15")
    for name, ends in (("ann", ""), ("bob", "2026-02-15")):
        lines += line(name, 10, "2025-01-01", "2025-09-10") + line(name, 12, "2025-09-10", ends)
    found = after(lines).loc[("any", "churn")]
    assert (found.expansions, found.matched) == (2, 2)
    assert found.expanded == pytest.approx(1 / 2)
    assert found.alike == pytest.approx(1 / 4)
    assert found.difference == pytest.approx(1 / 4)
    # Parts less the difference: ann 0 - 1/4 - 1/4, bob 1 - 1/4 - 1/4; the like ones -2/4 of 0 - 1/4, fay of 1 - 1/4.
    spread = np.sqrt((-0.5) ** 2 + 0.5**2 + 3 * (0.5 * 0.25) ** 2 + (0.5 * 0.75) ** 2) / 2
    assert (found.low, found.high) == pytest.approx((1 / 4 - 1.959964 * spread, 1 / 4 + 1.959964 * spread))


def test_less_than_after_the_expansion_is_a_contraction() -> None:
    lines = STEADY + line("ann", 10, "2025-01-01", "2025-09-10") + line("ann", 12, "2025-09-10", "2026-01-05")
    lines += line("ann", 11, "2026-01-05")
    found = after(lines)
    assert found.loc[("seat", "contraction"), "expanded"] == 1  # 110 is less than 120, though more than 100
    assert found.loc[("seat", "contraction"), "alike"] == 0
    assert found.loc[("upsell", "churn"), "expansions"] == 0
    assert np.isnan(found.loc[("upsell", "churn"), "difference"])


def test_one_account_and_what_never_happened_have_no_interval() -> None:
    lines = STEADY + line("fay", 10, "2025-01-01", "2026-02-15")
    ann = line("ann", 10, "2025-01-01", "2025-09-10") + line("ann", 12, "2025-09-10")
    one = after(lines + ann).loc[("any", "churn")]
    assert (one.matched, one.difference) == (1, -1 / 4)
    assert np.isnan([one.low, one.high]).all()
    never = after(STEADY + ann + ann.replace("ann", "bob")).loc[("any", "churn")]
    assert (never.matched, never.difference) == (2, 0)
    assert np.isnan([never.low, never.high]).all()


def test_who_has_no_like_account_is_counted_and_not_compared() -> None:
    lines = STEADY + line("ann", 10, "2025-01-01", "2025-09-10") + line("ann", 12, "2025-09-10")
    found = after(lines, segments={"ann": "enterprise"}).loc[("any", "churn")]
    assert (found.expansions, found.matched) == (1, 0)
    assert np.isnan(found.expanded)


def test_an_expansion_soon_after_another_is_not_looked_at_again() -> None:
    lines = STEADY + line("ann", 10, "2025-01-01", "2025-09-10") + line("ann", 12, "2025-09-10", "2025-11-10")
    assert after(lines + line("ann", 14, "2025-11-10")).loc[("any", "churn"), "expansions"] == 1


def test_an_expansion_whose_half_year_is_not_over_is_not_looked_at() -> None:
    def expansions(day: str) -> int:
        lines = STEADY + line("ann", 10, "2025-01-01", day) + line("ann", 12, day)
        return int(after(lines).loc[("any", "churn"), "expansions"])

    assert (expansions("2025-12-31"), expansions("2026-01-01")) == (1, 0)


def test_satisfaction_is_of_those_who_said() -> None:
    lines = STEADY + line("ann", 10, "2025-01-01", "2025-09-10") + line("ann", 12, "2025-09-10")
    tickets = """
        ticket_id | account_id | opened_at  | closed_at  | csat
        t1        | ann        | 2025-10-01 | 2025-10-02 | 5
        t2        | ann        | 2026-03-01 | 2026-03-31 | 4
        t3        | ann        | 2026-04-01 | 2026-04-02 | 1
        t4        | calm       | 2025-12-01 | 2025-12-02 | 3
        t5        | dull       | 2025-09-01 | 2025-09-02 | 1
    """
    found = after(lines, tickets).loc[("any", "satisfaction")]
    assert (found.expanded, found.alike, found.matched) == (4.5, 3, 1)  # t3 is too late, t5 too early
    assert after(lines).loc[("any", "satisfaction"), "matched"] == 0


PLAYED = """
    account_id | play      | opened_at  | status  | closed_at  | arr
    acme       | add_seats | 2026-01-01 | won     | 2026-01-21 | 1200
    best       | add_seats | 2026-01-01 | won     | 2026-02-10 | 600
    cold       | add_seats | 2026-01-01 | lost    | 2026-01-11 |
    dune       | add_seats | 2026-01-01 | not_now | 2026-01-11 |
    echo       | add_seats | 2026-06-01 | open    |            |
    acme       | add_on    | 2026-02-01 | lost    | 2026-02-02 |
"""


def test_plays_are_counted_by_what_came_of_them() -> None:
    found = plays(plays_of(base(outcomes=PLAYED))).set_index("play")
    seats = found.loc["add_seats"]
    assert list(seats[["opened", "open", "won", "lost", "not_now"]]) == [5, 1, 2, 1, 1]
    assert seats.close_rate == pytest.approx(2 / 3)  # of won and lost
    assert (seats.days_to_win_q1, seats.days_to_win, seats.days_to_win_q3) == (25, 30, 35)  # of 20 and 40 days
    assert seats.won_arr_e4 == 1800_0000
    assert found.loc["all", "close_rate"] == pytest.approx(2 / 4)
    assert found.loc["add_on", "close_rate"] == 0
    assert np.isnan(found.loc["add_on", "days_to_win"])
    # Wilson's interval of 2 of 3, by hand.
    z, n, p = 1.959964, 3, 2 / 3
    middle, half = (
        (p + z * z / 2 / n) / (1 + z * z / n),
        z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + (z / 2 / n) ** 2),
    )
    assert (seats.close_rate_low, seats.close_rate_high) == pytest.approx((middle - half, middle + half), abs=1e-5)


def test_without_plays_there_is_nothing_to_tell() -> None:
    assert plays(plays_of({})).empty


def test_a_correction_counts_and_what_was_taken_back_does_not() -> None:
    """Acme was won, no, lost, and cold was not won. The others were opened again: best came to nothing until then,
    dune's "not now" is over, and echo was won.
    """
    said = """
        account_id | play      | opened_at  | status  | closed_at  | arr
        acme       | add_seats | 2026-01-01 | won     | 2026-01-21 | 1200
        acme       | add_seats | 2026-01-01 | lost    | 2026-01-21 |
        best       | add_seats | 2026-01-01 | open    |            |
        cold       | add_seats | 2026-01-01 | won     | 2026-01-21 | 1200
        dune       | add_seats | 2026-01-01 | not_now | 2026-01-21 |
        echo       | add_seats | 2026-01-01 | won     | 2026-01-21 | 300
    """
    table = base(outcomes=said)["outcomes"]
    marks = {
        WITHDRAWN_ON: (table.status != "lost").ifelse(date(2026, 2, 1), None).cast("date"),
        CORRECTED_ON: (table.arr_e4 == 1200_0000).ifelse(date(2026, 2, 1), None).cast("date"),
    }
    found = plays(plays_of({"outcomes": table.mutate(**marks)})).set_index("play")
    assert list(found.loc["add_seats", ["opened", "open", "won", "lost", "not_now"]]) == [3, 0, 1, 1, 1]
    assert found.loc["add_seats", "won_arr_e4"] == 300_0000
