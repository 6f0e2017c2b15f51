"""What an account's page shows piece by piece: what was published, as far as it was, and in words what was not."""

import re
import shutil
from collections.abc import Callable
from datetime import date
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from data.contract.outputs import FACT_KINDS, MOST_FACTS, TABLES
from serving.published.read import PublishedList, open_list
from serving.web.app import Site
from serving.web.pages.account_facts import account_facts
from serving.web.ready import OF_AN_ACCOUNT, OF_ITS_PAST, require_shown
from tests.house import ROOT
from tests.serving.web.conftest import SETTINGS, TODAY, browser, plain
from tests.serving.world import DAY, facts, publish, snapshot

PLENTY, FEW, NOTHING = "acc-0001", "acc-0002", "acc-0003"
"""Accounts of which there is more than is published, two facts of each kind, and none."""


def section(page: str, name: str) -> str:
    """The text of a section of the page, without its tags."""
    found = re.search(rf'<section aria-labelledby="{name}">(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found[1])).split())


def test_the_facts_of_every_account_are_those_of_the_table(listing: PublishedList, out: Path) -> None:
    published = plain(out, "account_facts")
    for account in plain(out, "scores")["account_id"][:12]:
        known = account_facts(listing, account)
        for kind, found in zip(
            FACT_KINDS, (known.lines, known.teams, known.roles, known.champions, known.tickets), strict=True
        ):
            mine = published[(published["account_id"] == account) & (published["kind"] == kind)]
            assert [row["position"] for row in found.rows] == mine["position"].tolist()
            assert found.count == (mine["of_kind"].iloc[0] if len(mine) else 0)


def test_contracts_people_and_tickets_are_told(client: TestClient) -> None:
    page = client.get(f"/accounts/{FEW}").text
    contracts = section(page, "contracts")
    assert (
        "<b>Core</b> Team plus 40 $1,235 $14,814 22 Sep 2026 open 1 Oct 2026 22 Sep 2026" in contracts
    )  # 12 x 1,234.50
    assert "Field service Starter none -$9.90 -$119 13 Sep 2026 open not known none" in contracts
    assert "&lt;b&gt;Core&lt;/b&gt;" in page
    people = section(page, "people")
    assert "22 Sep 2026: Champion left" in people
    assert "Sales 1,201 1 22 Sep 2026" in people
    assert "no team 1,202 not known 13 Sep 2026" in people
    tickets = section(page, "tickets")
    assert f"22 Sep 2026 Feature request API calls critical 22 Sep 2026 4.5 of 5 {FEW}-1" in tickets
    assert f"13 Sep 2026 not known not known not known open not rated {FEW}-2" in tickets


def test_what_is_not_shown_is_counted(client: TestClient) -> None:
    page = client.get(f"/accounts/{PLENTY}").text
    assert page.count(f"the first {MOST_FACTS} of 25") == len(FACT_KINDS)
    assert "the first" not in section(client.get(f"/accounts/{FEW}").text, "tickets")


def test_where_there_is_nothing_that_is_said(client: TestClient) -> None:
    page = client.get(f"/accounts/{NOTHING}").text
    assert "No contract line was open within the last year." in section(page, "contracts")
    assert "The source of this list had no table crm_events." in section(page, "people")
    assert "The source of this list had no table tickets." in section(page, "tickets")


def test_a_list_from_before_there_were_facts_is_shown_and_says_so(
    out: Path, tmp_path: Path, client_of: Callable[..., TestClient]
) -> None:
    shutil.copytree(out, tmp_path / "old")
    for table in (tmp_path / "old").glob("*/account_facts.parquet"):
        table.unlink()
    page = client_of(out=tmp_path / "old").get(f"/accounts/{FEW}")
    assert page.status_code == 200
    assert (
        "Contract lines, people and tickets are not on this list: it was published by an earlier version." in page.text
    )
    assert 'id="contracts"' not in page.text


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if table.on_pages])
def test_a_table_that_pages_read_is_looked_at_when_a_list_is_opened(table: str, tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20, facts=facts(f"acc-{number:04d}" for number in range(20))))
    listing = open_list(tmp_path)
    require_shown(listing)
    frame = pd.read_parquet(listing.path(table))
    frame.drop(columns=TABLES[table].required[-1]).to_parquet(listing.path(table))
    with pytest.raises(Exception, match=f"{table}.parquet has no column"):
        require_shown(open_list(tmp_path, DAY))


def test_the_contract_says_which_tables_the_pages_read() -> None:
    """Whatever a module of the pages names, alone or by its record."""
    said = "\n".join(path.read_text() for room in ("web", "render") for path in (ROOT / "serving" / room).rglob("*.py"))
    asked = set(re.findall(r'\.(?:of_account|of|batches|has)\(\s*"(\w+)"', said)) | {"scores", "exclusions"}
    asked |= {name.lower() for name in re.findall(r"\b([A-Z_]+)\.name\b", said) if name.lower() in TABLES}
    asked |= OF_AN_ACCOUNT.keys() | OF_ITS_PAST.keys()
    assert asked == {name for name, table in TABLES.items() if table.on_pages}


def test_what_a_silent_feed_would_tell_is_not_known(tmp_path: Path) -> None:
    last = {"last_day": "2026-08-01", "silent_days": 60, "usual_gap_days": 1}
    publish(tmp_path, snapshot(20), {"silent_feeds": {"tickets": last, "usage_events": last}})
    known = account_facts(open_list(tmp_path), NOTHING)
    assert known is not None
    assert (known.tickets.silent_since, known.active_since) == (date(2026, 8, 1), date(2026, 8, 1))
    assert known.champions.silent_since is None


def test_a_silent_feed_is_told_once_at_the_top_and_on_every_row(tmp_path: Path) -> None:
    last = {"last_day": "2026-08-01", "silent_days": 60, "usual_gap_days": 1}
    told = {"input_watermarks": {"tickets": last["last_day"]}, "stopped_feeds": ["tickets"]}
    warning = "Tickets: not known since 1 Aug 2026, and not judged."
    publish(tmp_path, snapshot(20), {**told, "silent_feeds": {"tickets": last}, "warnings": [warning]})
    file, on_rows = open_list(tmp_path).path("scores"), "Not known and not judged: support tickets since 1 Aug 2026."
    pd.read_parquet(file).assign(not_judged=on_rows).to_parquet(file)
    pages = browser(Site(tmp_path, tmp_path, SETTINGS, today=lambda: TODAY))
    banner = "seems to have stopped:"
    page = pages.get("/").text
    assert (page.count(banner), page.count(warning)) == (0, 1)
    assert page.count(on_rows) == page.count('<td role="cell" class="why">') > 5
    assert pages.get("/excluded").text.count(banner) == 1
