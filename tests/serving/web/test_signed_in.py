"""A CSM's morning in a real browser: sign in with a provider, see the own book alone, record what was won, sign out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.store.outcomes import OutcomeStore, open_store
from serving.web.app import Site
from tests.serving.web.conftest import SETTINGS, TODAY, plain
from tests.serving.web.served import served_to_ada

pytestmark = pytest.mark.browser


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OutcomeStore]:
    now = datetime.combine(TODAY, datetime.min.time(), UTC)
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: now) as opened:
        yield opened


@pytest.fixture
def address(out: Path, tmp_path: Path, store: OutcomeStore) -> Iterator[str]:
    with served_to_ada(Site(out, tmp_path, SETTINGS, store, today=lambda: TODAY), "Dana Lee") as url:
        yield url


def test_a_morning(browser, address: str, store: OutcomeStore, out: Path) -> None:
    scores = plain(out, "scores").set_index("account_id")
    plainly = scores[scores.index.str.startswith("acc-")]
    account = plainly[(plainly.owner == "Dana Lee") & plainly.eligible].sort_values("rank").index[0]
    page = browser.new_page(viewport={"width": 390, "height": 900})
    answer = page.goto(f"{address}/?sort=stake")
    assert answer.url == f"{address}/?sort=stake"  # by way of the provider
    assert "Ada" in page.locator(".viewer").inner_text()
    assert page.locator("#owner option").all_inner_texts()[1:] == ["Dana Lee"]
    page.goto(f"{address}/accounts/{account}")
    page.get_by_label("ARR won, a year").fill("4,800")
    page.get_by_role("button", name="It was won").click()
    assert page.url == f"{address}/accounts/{account}#done"
    assert "Ada · Won $4,800 a year" in page.locator("ul.done").inner_text()
    assert [(row.account_id, row.action, row.arr, row.who) for row in store.all_rows()] == [
        (account, "won", 4800.0, "Ada")
    ]
    page.get_by_role("link", name="Correct").click()
    page.get_by_label("ARR won, a year").fill("480")
    page.get_by_role("button", name="It was won").click()
    assert "Won $480 a year, in place of" in page.locator("ul.done li").first.inner_text()
    assert [(row.arr, row.corrects) for row in store.all_rows()] == [(4800.0, None), (480.0, 1)]
    page.goto(f"{address}/?state=won&show=all")
    assert page.locator("tbody tr").count() == 1
    other = plainly.index[plainly.owner.notna() & (plainly.owner != "Dana Lee")][0]
    assert page.goto(f"{address}/accounts/{other}").status == 404
    page.goto(f"{address}/team")
    page.get_by_role("button", name="Sign out").click()
    assert "Signed out" in page.locator("body").inner_text()
    page.context.close()
