from datetime import date
from pathlib import Path

import pytest

from serving.render.html import write_page
from tests.browsers import TEXTS, lowest_contrast
from tests.serving.world import PIECES, accounts, feature_rows, snapshot, with_context

pytestmark = pytest.mark.browser
NASTY = "<b>Bold</b><script>document.title='owned'</script> 株式会社 " + "W" * 60
WIDTHS = (1280, 390)
NARROW = (320, 390, 480)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = accounts(200)
    people.loc[people.index % 3 == 0, "name"] = NASTY
    people.loc[people.index % 5 == 0, "owner"] = "Maximiliane-Charlotte " * 3
    path = tmp_path_factory.mktemp("page") / "list.html"
    write_page(path, with_context(snapshot(200, accounts=people)).with_manifest(**PIECES))
    return path


NAME_OF_THIRTY = "Kraftwerk Süddeutschland Gmb H"
ONE_WORD_OF_THIRTY = "Donaudampfschifffahrtselektriz"


@pytest.fixture(scope="module")
def page_of_usual_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = accounts(200).assign(name=NAME_OF_THIRTY)
    people.loc[people.index % 2 == 0, "name"] = ONE_WORD_OF_THIRTY
    earlier = snapshot(200, seed=2, rows=feature_rows(200), day=date(2026, 9, 1))
    path = tmp_path_factory.mktemp("usual") / "list.html"
    write_page(path, with_context(snapshot(200, accounts=people, previous=earlier)))
    return path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_shows_names_literally_and_asks_for_nothing(browser, page_file: Path, width: int, scheme: str):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = "[...document.querySelectorAll('h1, main :not(thead *, thead)')]"
    wide += ".filter(part => part.getBoundingClientRect().right > innerWidth + 1)"
    assert page.evaluate(f"{wide}.length") == 0
    assert page.title().startswith("Ready to grow")
    likely, at_stake = page.locator(".order.likelihood"), page.locator(".order.stake")
    assert NASTY in likely.locator(".name").all_inner_texts()
    assert likely.locator("tbody tr").count() == at_stake.locator("tbody tr").count() == 20
    assert (likely.is_visible(), at_stake.is_visible()) == (True, False)
    page.get_by_label("Most at stake").check()
    assert (likely.is_visible(), at_stake.is_visible()) == (False, True)
    assert [url for url in requests if not url.startswith("file:")] == []
    assert len(requests) == 1
    assert complaints == []
    context.close()


@pytest.mark.parametrize("width", NARROW)
@pytest.mark.parametrize("order", ["Most likely", "Most at stake"])
def test_a_name_of_thirty_letters_takes_three_lines_at_most_on_a_phone(
    browser, page_of_usual_names: Path, width: int, order: str
):
    assert len(NAME_OF_THIRTY) == len(ONE_WORD_OF_THIRTY) == 30
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(page_of_usual_names.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    page.get_by_label(order).check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = page.evaluate(
        """() => [...document.querySelectorAll('tbody .name')].filter(name => name.offsetParent).map(name =>
            new Set([...(range => (range.selectNodeContents(name), range.getClientRects()))(document.createRange())]
                .map(box => Math.round(box.top))).size)"""
    )
    assert len(lines) > 60
    assert max(lines) <= 3
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_what_stands_under_a_place_stays_beside_the_name(browser, tmp_path: Path, width: int):
    """An account that was set apart before says so in the narrow column of the places."""
    earlier = snapshot(200, seed=2, day=date(2026, 9, 1))
    write_page(tmp_path / "list.html", with_context(snapshot(200, previous=earlier)))
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((tmp_path / "list.html").as_uri())
    assert page.locator(".order.likelihood .change", has_text="was set apart").count() > 0
    over = """() => [...document.querySelectorAll('.order.likelihood .change')].filter(change =>
        change.scrollWidth > change.closest('td').getBoundingClientRect().width + 1).length"""
    assert page.evaluate(over) == 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, page_file: Path, scheme: str):
    """WCAG AA: a contrast of at least 4.5 for every text, on its own ground."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(page_file.as_uri())
    lowest = lowest_contrast(page, f"{TEXTS}, .sub, .motion, .change, .warn")
    assert lowest >= 4.5
    context.close()
