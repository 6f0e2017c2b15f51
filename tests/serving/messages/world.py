"""Two published lists of many owners, with triggers, for the tests of messages."""

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.contract.outputs import TRIGGERS
from serving.published import tables
from serving.published.layout import MANIFEST, place_of
from serving.published.read import PublishedList, open_list
from tests.serving.web.conftest import NAMES
from tests.serving.world import DAY, PIECES, accounts, feature_rows, publish, snapshot, with_context

EARLIER = date(2026, 9, 24)
COUNT, OWNERS, FEW = 600, 200, 12
HOSTILE = "<!channel> *Ana* & _Co_"
"""The name of the first owner."""


def made_list(out: Path, day: date, seed: int, previous: PublishedList | None) -> PublishedList:
    rows = feature_rows(COUNT, seed).assign(snapshot_date=day)
    people = accounts(COUNT).assign(owner=None)  # the books of many owners take long to write
    people["name"] = [*NAMES.values(), *people["name"][len(NAMES) :]]
    made = snapshot(COUNT, seed, day, rows=rows, accounts=people, previous=previous)
    publish(out, with_context(made).with_manifest(**PIECES), PIECES)
    return open_list(out, day)


def published_again(out: Path, day: date) -> PublishedList:
    """The latest list as one of a later day, with its own triggers alone."""
    folder = Path(shutil.copytree(place_of(out, DAY), place_of(out, day)))
    (folder / f"{TRIGGERS.name}.parquet").unlink(missing_ok=True)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(manifest | {"snapshot_date": day.isoformat()}), encoding="utf-8")
    return open_list(out, day)


def give_to(out: Path, owners: int, *days: date) -> None:
    """Give the accounts of lists to so many owners, one after the other; on the later list some are overtaken."""
    for day, table in [(day, table) for day in days for table in ("scores", "exclusions")]:
        path = place_of(out, day) / f"{table}.parquet"
        rows = pd.read_parquet(path)
        numbers = rows["account_id"].str.removeprefix("acc-").astype(int)
        rows = rows.assign(owner=[f"Owner {n:03}" if n else HOSTILE for n in numbers % owners])
        if table == "scores":
            listed = rows["eligible"] & ((day == EARLIER) | (numbers >= owners) | (numbers % 10 != 3))
            rows = rows.assign(listed=listed, listed_since=[EARLIER if is_listed else None for is_listed in listed])
        rows.to_parquet(path)


@dataclass(frozen=True)
class Fired:
    """A trigger of an account."""

    account_id: str
    trigger_code: str
    since: date
    text: str = "92% of the seats are in use."
    motion: str | None = "seat"


def with_triggers(listing: PublishedList, *fired: Fired) -> None:
    """Write the triggers of a list beside it."""
    columns = ("account_id", "trigger_code", "since", "text", "motion")
    rows = pd.DataFrame([[getattr(one, name) for name in columns] for one in fired], columns=list(columns))
    day = listing.snapshot_date
    rows = rows.assign(snapshot_date=day, is_new=[since == day for since in rows["since"]])
    tables.write(listing.path(TRIGGERS.name), tables.to_arrow(rows, TRIGGERS))


@pytest.fixture(scope="session")
def two_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two lists of 200 owners. Shared: copy it before changing it."""
    out = tmp_path_factory.mktemp("many") / "published"
    before = made_list(out, EARLIER, 2, None)
    made_list(out, DAY, 1, before)
    give_to(out, OWNERS, EARLIER, DAY)
    for day in (EARLIER, DAY):  # the tests say which triggers fire
        (place_of(out, day) / f"{TRIGGERS.name}.parquet").unlink(missing_ok=True)
    return out


def ranked_of(out: Path, owner: str, day: date = DAY) -> list[str]:
    """The ranked accounts of an owner, best first."""
    scores = pd.read_parquet(place_of(out, day) / "scores.parquet")
    return scores[(scores["owner"] == owner) & scores["listed"]].sort_values("rank")["account_id"].tolist()
