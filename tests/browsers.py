"""The browser of the tests and of the pictures, and what is measured in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
TEXTS = "p, b, a, li, td, th, dt, dd, h1, h2, h3, caption"
"""What holds text on every page."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A real browser without a window."""
    from playwright.sync_api import sync_playwright  # here, so that it is asked for only where there is a browser

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--headless", "--disable-gpu"]
        )
        yield started
        started.close()


def barriers(page: Any) -> list[str]:
    """What axe-core finds on a page that keeps people out, of any weight: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe  # here, as the browser above

    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def lowest_contrast(page: Any, texts: str) -> float:
    """The least contrast of the texts under these selectors with their own ground, as WCAG counts it."""
    lowest: float = page.evaluate(
        """texts => {
            const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const ground = e => { for (; e; e = e.parentElement) {
                const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(', 0)')) return c; }
                return 'rgb(255,255,255)'; };
            return [...document.querySelectorAll(texts)]
                .map(e => [light(getComputedStyle(e).color), light(ground(e))])
                .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05))
                .reduce((a, b) => Math.min(a, b)); }""",
        texts,
    )
    return lowest
