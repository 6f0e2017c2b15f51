"""The whole loop in a browser: a list, what a CSM won of it, and the next month's list, which leaves it alone."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from serving.published.read import open_list
from serving.settings import ServeSettings
from serving.store.outcomes import open_store
from serving.store.views import ViewStore
from serving.web.app import Site
from tests.flows.conftest import END, Headroom
from tests.serving.conftest import browser  # noqa: F401  (fixture)
from tests.serving.web.served import served_to_ada

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MONTH_BEFORE, WON_ON = date(2025, 12, 1), date(2025, 12, 10)


def scores_of(out: Path, day: date) -> pd.DataFrame:
    return pd.read_parquet(out / f"snapshot_date={day}" / "scores.parquet").set_index("account_id")


def test_what_was_won_cools_down_and_counts_for_its_play(
    browser,  # noqa: F811
    headroom: Headroom,
    warehouse: Path,
    with_model: None,
    tmp_path: Path,
) -> None:
    out = tmp_path / "lists"
    ran = headroom("score", "--source", warehouse, "--snapshot-date", MONTH_BEFORE, "--out", out, "--model", 1)
    assert ran.code == 0, ran.err
    ranked = scores_of(out, MONTH_BEFORE).query("eligible and owner.notna()").sort_values("rank")
    account, owner = ranked.index[0], ranked["owner"].iloc[0]
    play = open_list(out).manifest["plays"][ranked["play"].iloc[0]]["name"]
    today = WON_ON
    with open_store(
        f"sqlite:///{out / 'outcomes.db'}", now=lambda: datetime.combine(today, datetime.min.time(), UTC)
    ) as store:
        site = Site(out, tmp_path, ServeSettings(), store, today=lambda: today, views=ViewStore(store))
        with served_to_ada(site, owner) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{address}/team")
            assert page.locator("#plays").count() == 0
            page.goto(address)  # one's own book, by way of the provider
            assert page.locator("#owner option").all_inner_texts()[1:] == [owner]
            page.get_by_label("Account").fill(account)
            page.get_by_role("button", name="Show").click()
            page.get_by_text("Save this view").click()
            page.get_by_label("Name").fill("The one to call")
            page.get_by_role("button", name="Save", exact=True).click()
            assert page.locator("nav.views [aria-current]").inner_text() == "The one to call"
            assert page.locator("tbody tr").count() == 1
            page.goto(f"{address}/accounts/{account}")
            page.get_by_label("ARR won, a year").fill("4,800")
            page.get_by_role("button", name="It was won").click()

            today = END
            ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", out)
            assert ran.code == 0, ran.err
            now = scores_of(out, END).loc[account]
            assert (now["eligible"], "just_won" in now["not_eligible_because"].split(";")) == (False, True)

            page.goto(f"{address}/accounts/{account}")  # the server has seen the new list by itself
            assert (
                "A play was won 22 days before this list; it can come back 60 days after that."
                in page.locator("main").inner_text()
            )
            assert "It waits until the account is back on the list." in page.locator("main").inner_text()
            page.goto(f"{address}/excluded")
            assert page.locator(f"a[href='/accounts/{account}']").count() == 1
            page.goto(f"{address}/team")
            told = page.locator("section[aria-labelledby=plays] tbody tr").all_inner_texts()
            assert [text.split("\t") for text in told] == [[play, "1", "1", "0", "100%"]]
            page.context.close()
