"""Two published lists with names of all kinds, and the pages over them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from data.contract.outputs import NO_OWNER
from serving.access.viewer import LAPTOP
from serving.outcomes.outcome import Outcome, RecordedOutcome
from serving.outcomes.states import AccountState
from serving.published.read import PublishedList, open_list
from serving.settings import ServeSettings
from serving.web.app import Site, create_app
from serving.web.index import ListIndex, index_of
from serving.web.pages.my_list import Desk
from serving.web.work import HeldWork
from tests.serving.world import DAY, PIECES, DrawnPast, accounts, facts, feature_rows, publish, snapshot, with_context

COUNT = 150
EARLIER, TODAY = date(2026, 9, 1), date(2026, 10, 6)
NAMES = {
    0: "<b>Bold</b><script>document.title='owned'</script>",
    1: '=HYPERLINK("http://evil.example";"Click")',
    2: 'O\'Neil & Söhne "Quoted"',
    3: "Bell\x07 and escape\x1b[31m",
    4: "\u202eright to left\u202c عربية",
    5: "W" * 300,
    6: "+49 30 1234",
    7: "@here -cmd|' /C calc'!A0",
    8: "{{ 7 * 7 }}{% raw %}",
}
"""The names of the first accounts."""
IDS = {
    10: "a/b",
    11: "50%",
    12: "..",
    13: "a?b#c",
    14: "Ōsaka 株",
    15: "x\\y",
    16: "a b+c&d=e",
    17: "./dot/../s",
    25: "C0012   ",  # of a column of a fixed width
}
"""The ids of some."""
SETTINGS = ServeSettings(page_rows=20)


def people() -> pd.DataFrame:
    made = accounts(COUNT)
    for place, name in NAMES.items():
        made.loc[place, "name"] = name
    return made.assign(account_id=with_ids(made["account_id"]))


def with_ids(ids: pd.Series) -> list[str]:
    return [IDS.get(place, account) for place, account in enumerate(ids)]


def made_list(out: Path, day: date, seed: int, previous: PublishedList | None = None) -> None:
    rows = feature_rows(COUNT, seed).assign(snapshot_date=day)
    rows = rows.assign(account_id=with_ids(rows["account_id"]))
    known = facts(rows["account_id"], day)
    made = snapshot(COUNT, seed, day, rows=rows, accounts=people(), previous=previous, facts=known)
    publish(out, with_context(made).with_manifest(**PIECES), PIECES, past=DrawnPast(rows))


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the two lists. Shared: copy it before changing it."""
    folder = tmp_path_factory.mktemp("lists")
    made_list(folder, EARLIER, 2)
    made_list(folder, DAY, 1, open_list(folder))
    return folder


@pytest.fixture(scope="session")
def listing(out: Path) -> PublishedList:
    return open_list(out)


@pytest.fixture(scope="session")
def index(listing: PublishedList) -> ListIndex:
    return index_of(listing)


@pytest.fixture(scope="session")
def site(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(out, tmp_path_factory.mktemp("reports"), SETTINGS, today=lambda: TODAY)


@pytest.fixture(scope="session")
def client(site: Site) -> TestClient:
    return browser(site)


def browser(site: Site) -> TestClient:
    """A browser on the machine that serves the pages."""
    return TestClient(create_app(site), "http://127.0.0.1:8080", client=("127.0.0.1", 40_000))


@dataclass(frozen=True)
class DrawnWork:
    """A record of what was done, drawn: account_id to state."""

    states: Mapping[str, str]

    def state_of(self, asked: Sequence[str] | None, day: date) -> dict[str, AccountState]:
        known = self.states if asked is None else asked
        return {account: AccountState(self.states[account]) for account in known if account in self.states}

    def after(self, number: int) -> list[tuple[int, str]]:
        return []

    def history(self, account_id: str) -> list[RecordedOutcome]:
        if account_id not in self.states:
            return []
        began = RecordedOutcome(
            id=1, at=datetime(2026, 10, 2, 9, tzinfo=UTC), account_id=account_id, action="taken", who="Ana Costa"
        )
        return [began, replace(began, action=self.states[account_id], text="<i>said so</i>")]

    def append(self, outcomes: Sequence[Outcome]) -> list[int]:
        raise AssertionError(f"nothing is recorded here: {outcomes}")


@dataclass(frozen=True)
class OwnersSight:
    """Someone who sees the accounts of some owners."""

    owners: frozenset[str]
    name: str = "Ana Costa"
    role: str = "csm"
    email: str = "ana@example.com"

    def may_see(self, owner: str | None) -> bool:
        return (owner or NO_OWNER) in self.owners


@pytest.fixture(scope="session")
def client_of(site: Site) -> Callable[..., TestClient]:
    """The pages with something of the site replaced."""
    return lambda **given: browser(replace(site, **given))


def desk(work: DrawnWork | None = None) -> Desk:
    return Desk(LAPTOP, None if work is None else HeldWork(work), TODAY)


def plain(out: Path, table: str) -> pd.DataFrame:
    """A table of the latest list as pandas reads it."""
    return pd.read_parquet(out / f"snapshot_date={DAY}" / f"{table}.parquet")
