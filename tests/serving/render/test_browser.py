from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.render.html import write_page
from tests.serving.world import PIECES, accounts, snapshot

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")
NASTY = "<b>Bold</b><script>document.title='owned'</script> 株式会社 " + "W" * 60
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = accounts(200)
    people.loc[people.index % 3 == 0, "name"] = NASTY
    people.loc[people.index % 5 == 0, "owner"] = "Maximiliane-Charlotte " * 3
    path = tmp_path_factory.mktemp("page") / "list.html"
    write_page(path, snapshot(200, accounts=people).with_manifest(**PIECES))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--headless", "--disable-gpu"]
        )
        yield started
        started.close()


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
    assert NASTY in page.locator("#top ~ table .name").all_inner_texts()
    assert page.locator("section[aria-labelledby=top] tbody tr").count() == 20
    assert [url for url in requests if not url.startswith("file:")] == []
    assert len(requests) == 1
    assert complaints == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, page_file: Path, scheme: str):
    """WCAG AA: a contrast of at least 4.5 for every text, on its own ground."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(page_file.as_uri())
    lowest = page.evaluate(
        """() => {
            const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const ground = e => { for (; e; e = e.parentElement) {
                const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(', 0)')) return c; }
                return 'rgb(255,255,255)'; };
            const texts = 'p, b, a, li, td, th, dt, dd, h1, h2, h3, caption, .sub, .motion, .change, .warn';
            return [...document.querySelectorAll(texts)]
                .map(e => [light(getComputedStyle(e).color), light(ground(e))])
                .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05))
                .reduce((a, b) => Math.min(a, b)); }"""
    )
    assert lowest >= 4.5
    context.close()
