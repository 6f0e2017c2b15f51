"""The signal behind a reason is drawn, with where it went in words too, and broken off where it is not known."""

from datetime import date, timedelta

import pandas as pd
from fastapi.testclient import TestClient

from serving.published.read import PublishedList
from serving.web.drawing import spark
from serving.web.pages.signals import FEWEST, signals_of
from tests.serving.web.conftest import plain

MONTH = timedelta(days=30)
JUNE = date(2026, 6, 1)


def test_a_line_goes_from_the_first_day_to_the_last_and_stands_on_nothing() -> None:
    ((first, middle, last),) = spark([JUNE, JUNE + MONTH, JUNE + 2 * MONTH], [0.0, 5.0, 10.0])
    assert (first, middle, last) == ((2.0, 20.0), (52.0, 11.0), (102.0, 2.0))  # 100 across, 18 up, within 2 of the edge
    ((_, low, _),) = spark([JUNE, JUNE + MONTH, JUNE + 2 * MONTH], [1.0, -1.0, 1.0])
    assert low == (52.0, 20.0)
    assert {y for _, y in spark([JUNE, JUNE + MONTH], [0.0, 0.0])[0]} == {20.0}


def test_a_line_is_broken_off_where_a_month_is_not_known() -> None:
    days = [JUNE, JUNE + 3 * MONTH, JUNE + 4 * MONTH]
    alone, rest = spark(days, [1.0, 2.0, 4.0])
    assert alone == ((2.0, 15.5), (2.0, 15.5))
    assert [x for x, _ in rest] == [77.0, 102.0]


def test_a_signal_says_where_it_went(listing: PublishedList, out) -> None:
    rows = plain(out, "signals")
    counts = rows.groupby(["account_id", "reason_code"])["day"].transform("size")
    full = rows[counts >= FEWEST]
    said = 0
    for account, known in full.groupby("account_id"):
        signals = signals_of(listing, account)
        assert signals.keys() == set(known["reason_code"])
        for code, of_code in known.groupby("reason_code"):
            values = of_code.sort_values("day")["value"]
            if (
                of_code["feature"].iloc[0] in ("seats", "active_users_28d", "features_used_91d")
                and values.iloc[-1] != 1
            ):
                words = f"from 1 to {values.iloc[-1]:,.0f}, 1 Aug 2026 to 1 Oct 2026"
                assert signals[code].words.endswith(words)
                assert signals[code].heard.startswith(f"drawn by month, {FEWEST} days; lowest 1, highest ")
                said += 1
    assert said > 5
    few = rows[counts < FEWEST]
    assert len(few)
    for account, code in few[["account_id", "reason_code"]].drop_duplicates().itertuples(index=False):
        assert code not in signals_of(listing, account)


def test_the_page_of_an_account_draws_them_beside_their_reasons(client: TestClient, out) -> None:
    rows: pd.DataFrame = plain(out, "signals")
    counts = rows.groupby(["account_id", "reason_code"])["day"].size()
    account = counts[counts >= FEWEST].index[0][0]
    page = client.get(f"/accounts/{account}").text
    assert (
        page.count('<span class="signal"><svg class="use" role="img" aria-label="drawn by month')
        == (counts[account] >= FEWEST).sum()
    )
    assert "The lines show what a reason rests on" in page
    nothing = next(name for name in plain(out, "scores")["account_id"] if name not in counts and name.startswith("acc"))
    assert "The lines show what a reason rests on" not in client.get(f"/accounts/{nothing}").text
