"""The pages in a real browser: they fit, names stay whole, nothing is asked of elsewhere, all of it by keyboard."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from serving.monitoring.store import write_monitoring
from serving.store.outcomes import open_store
from serving.store.views import View, ViewStore
from serving.web.app import Site
from serving.web.pages.record import NOBODY
from serving.web.query import ListColumn
from tests.browsers import TEXTS, barriers, lowest_contrast
from tests.serving.monitoring.found import NASTY, alarm, found
from tests.serving.render.test_browser import NAME_OF_THIRTY, ONE_WORD_OF_THIRTY
from tests.serving.web.conftest import SETTINGS, TODAY, DrawnWork
from tests.serving.web.served import served
from tests.serving.world import DAY, accounts, publish, snapshot, with_context

pytestmark = pytest.mark.browser
ALL_COLUMNS = "&".join(f"columns={column}" for column in ListColumn)
PAGES = (
    "/",
    f"/?show=all&sort=name&{ALL_COLUMNS}",
    "/accounts/acc-0020",
    "/accounts/acc-0020?correct=1",
    "/accounts/nobody",
    "/excluded",
    "/tasks",
)
PAGES += ("/team", "/model", "/backtest", "/monitoring", "/experiment", "/views", "/?band=x")


@pytest.fixture(scope="module")
def nasty(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages with names of all kinds, tasks, and views of two people."""
    folder = tmp_path_factory.mktemp("views")
    (folder / "model_card.html").write_text(
        "<title>headroom, version 7</title><body><h1>Model card</h1><h2>How well</h2><p>As told.</p>"
        "<table><caption>Figures</caption><tr><th>AUC</th><td>0.7</td></tr></table></body>"
    )
    with open_store(f"sqlite:///{folder / 'outcomes.db'}") as store:
        views = ViewStore(store)
        for who, name in ((NOBODY, "Renewals soon"), (NOBODY, "W" * 60), ("Björn <b>Ek</b>", "Banks")):
            views.add(View(person=who, who=who, name=name, asked="sort=renewal&band=likely", is_shared=True))
        drawn = DrawnWork({"acc-0020": "won"})
        late, lists = DAY + timedelta(days=60), folder / "lists"
        shutil.copytree(site.out, lists)
        write_monitoring(lists, found(alarm(), alarm("feed_silent:" + "w" * 90, text=NASTY * 9)))
        with served(replace(site, out=lists, work=drawn, views=views, reports=folder, today=lambda: late)) as address:
            yield address


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    people = accounts(60).assign(name=NAME_OF_THIRTY)
    people.loc[people.index % 2 == 0, "name"] = ONE_WORD_OF_THIRTY
    folder = tmp_path_factory.mktemp("usual")
    publish(folder, with_context(snapshot(60, accounts=people)))
    with served(Site(folder, folder, SETTINGS, today=lambda: TODAY)) as address:
        yield address


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_asks_for_nothing_from_elsewhere(browser, nasty: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    for path in PAGES:
        page.goto(nasty + path)
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        assert page.title() != "owned"
        assert barriers(page) == [], path
        unnamed = "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(f => !f.labels.length)"
        assert page.evaluate(f"{unnamed}.length") == 0
        assert page.evaluate("document.querySelectorAll('h1').length") >= 1
    page.goto(f"{nasty}/accounts/acc-0020")  # a form that is refused
    page.get_by_label("ARR won, a year").fill("12.000")
    page.get_by_role("button", name="It was won").click()
    assert page.get_by_label("ARR won, a year").input_value() == "12.000"
    assert page.evaluate("document.activeElement.id") == "won_arr"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert barriers(page) == []
    assert [url for url in requests if not url.startswith((nasty, "data:"))] == []
    expected = ("400 (Bad Request)", "404 (Not Found)", "422 (Unprocessable")
    assert [words for words in complaints if not any(told in words for told in expected)] == []
    context.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_a_name_of_thirty_letters_takes_three_lines_at_most(browser, usual: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    for path in ("/", "/excluded?show=all"):
        page.goto(usual + path)
        lines = page.evaluate(
            """() => [...document.querySelectorAll('tbody .name')].map(name =>
                new Set([...(range => (range.selectNodeContents(name), range.getClientRects()))(document.createRange())]
                    .map(box => Math.round(box.top))).size)"""
        )
        assert len(lines) >= 20
        assert max(lines) <= 3
    page.close()


def test_the_list_is_worked_by_keyboard_and_by_the_form(browser, usual: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(usual)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("Kraftwerk")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Kraftwerk**")
    assert set(page.locator("tbody .name").all_inner_texts()) == {NAME_OF_THIRTY}
    page.get_by_label("Customers", exact=True).select_option("all")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**show=all**")
    page.get_by_role("link", name="Most at stake").click()
    page.wait_for_url("**sort=stake**")
    assert "q=Kraftwerk" in page.url
    names = page.locator("tbody .name a")
    for keys, place in (("j", 0), ("jj", 2), ("k", 1)):
        for key in keys:
            page.keyboard.press(key)
        assert names.nth(place).evaluate("link => link === document.activeElement")
    address = names.nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")
    page.close()


def test_a_ranked_account_is_found_by_name_among_all_customers(browser, usual: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(usual)
    names = page.locator("tbody .name a")
    address = names.first.get_attribute("href")
    page.goto(f"{usual}/excluded")
    page.get_by_label("Account, of all customers").fill(address.rpartition("/")[2])
    page.keyboard.press("Enter")
    page.wait_for_url("**q=acc-**")
    assert [link.get_attribute("href") for link in names.all()] == [address]
    page.locator("#show").select_option("apart")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Look for the name among all customers").click()
    page.wait_for_url("**show=all**")
    assert [link.get_attribute("href") for link in names.all()] == [address]
    page.close()


def test_the_pages_work_without_a_script(browser, usual: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(usual)
    page.get_by_label("Likelihood", exact=True).select_option("unlikely")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**band=unlikely**")
    page.locator("tbody .name a").first.click()
    page.wait_for_url("**/accounts/**")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, nasty: str, scheme: str) -> None:
    """WCAG AA: a contrast of at least 4.5 for every text, on its own ground."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for path in PAGES:
        page.goto(nasty + path)
        lowest = lowest_contrast(page, f"{TEXTS}, label, button, input, select, span")
        assert lowest >= 4.5, path
    context.close()


def test_a_barrier_would_be_found(browser) -> None:
    page = browser.new_page()
    page.set_content("<main><h1>A</h1><input><img src='data:,'><p style='color:#ccc;background:#fff'>pale</p></main>")
    found = {told.partition(":")[0] for told in barriers(page)}
    assert {"label", "image-alt", "color-contrast", "html-has-lang"} <= found
    page.close()
