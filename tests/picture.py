"""The pictures of the README and the docs: the first rows of the demo's list, on its page and as it is served, and the
first account of it.

python -m tests.picture   runs the demo in a temporary folder, writes the pictures into docs/ (minutes)

The demo simulates the same base each time, so the pictures change only with the pages and what stands on them. Without
Chromium the pictures stay as they are.
"""

import sys
import tempfile
from pathlib import Path

from flows.pipelines.demo import demo
from serving.published.layout import published_dates
from serving.published.read import open_list
from serving.settings import ServeSettings
from serving.web.app import Site
from serving.web.query import account_address
from tests.browsers import CHROMIUM, chromium
from tests.house import ROOT
from tests.serving.web.served import served

PICTURE = ROOT / "docs" / "list.png"
SERVED = ROOT / "docs" / "serve.png"
ACCOUNT = ROOT / "docs" / "account.png"
WIDTH, HEIGHT = 1280, 1000
DEMO = {"accounts": 2000, "months": 30, "seed": 7}
"""As ``make demo``."""


def source_page(folder: Path) -> Path:
    """The page of the demo in a folder, which the picture is taken of."""
    pages = sorted((folder / "published").glob("snapshot_date=*/list.html"))
    if not pages:
        raise FileNotFoundError(f"the demo in {folder} has no list.html: the picture has no page to be taken of")
    return pages[-1]


def shoot_served(folder: Path, of_list: Path, of_account: Path) -> None:
    """Write what a browser shows of the list that is served, on its day, and of its first account."""
    published = folder / "published"
    site = Site(published, folder, ServeSettings(), today=lambda: published_dates(published)[-1])
    scores = open_list(published).scores("account_id", "rank")
    first = scores.loc[scores["rank"].astype("float64").idxmin(), "account_id"]
    with served(site) as address:
        shoot(address, of_list)
        shoot(f"{address.rstrip('/')}{account_address(first)}", of_account)


def shoot(address: str, picture: Path) -> None:
    """Write what a browser shows of a page without scrolling."""
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(address)
        tab.screenshot(path=picture)


def main() -> None:
    names = " and ".join(str(path.relative_to(ROOT)) for path in (PICTURE, SERVED, ACCOUNT))
    if not CHROMIUM.exists():
        print(f"{names} stay as they are: Chromium is not installed ({CHROMIUM})", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        demo(folder=Path(folder), **DEMO)
        shoot(source_page(Path(folder)).as_uri(), PICTURE)
        shoot_served(Path(folder), SERVED, ACCOUNT)
    print(f"written {names}")


if __name__ == "__main__":
    main()
