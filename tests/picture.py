"""The picture of the list in the README: the first rows of the demo's page, as a browser shows them.

python -m tests.picture        runs the demo in a temporary folder and writes docs/list.png (minutes)

The demo simulates the same base each time, so the picture changes only with the page and what stands on it. Without
Chromium the picture stays as it is.
"""

import sys
import tempfile
from pathlib import Path

from flows.pipelines.demo import demo
from tests.house import ROOT

PICTURE = ROOT / "docs" / "list.png"
CHROMIUM = Path("/usr/bin/chromium")
WIDTH, HEIGHT = 1280, 1000
DEMO = {"accounts": 2000, "months": 30, "seed": 7}
"""As ``make demo``."""


def source_page(folder: Path) -> Path:
    """The page of the demo in a folder, which the picture is taken of."""
    pages = sorted((folder / "published").glob("snapshot_date=*/list.html"))
    if not pages:
        raise FileNotFoundError(f"the demo in {folder} has no list.html: the picture has no page to be taken of")
    return pages[-1]


def shoot(page: Path, picture: Path) -> None:
    """Write what a browser shows of a page without scrolling."""
    from playwright.sync_api import sync_playwright  # here, so that it is asked for only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=picture)
        browser.close()


def main() -> None:
    if not CHROMIUM.exists():
        print(f"{PICTURE.relative_to(ROOT)} stays as it is: Chromium is not installed ({CHROMIUM})", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        demo(folder=Path(folder), **DEMO)
        shoot(source_page(Path(folder)), PICTURE)
    print(f"written {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
