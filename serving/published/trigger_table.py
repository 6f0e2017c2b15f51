"""The table of triggers: those that fire, and since which list each of them does."""

from itertools import chain
from pathlib import Path

import pandas as pd

from data.contract.outputs import TRIGGERS
from serving.published import tables
from serving.published.checks import fitted
from serving.published.read import PublishedList

KEY = list(TRIGGERS.order)


def write_triggers(listing: PublishedList, fired: Path, previous: PublishedList | None) -> None:
    """Write ``triggers`` from the rows at ``fired``, which are sorted and do not say since when."""
    with tables.TableWriter(listing.path(TRIGGERS.name)) as file:
        nothing = [] if tables.count_of(fired) else [_NONE]
        for rows in chain(nothing, tables.batches(fired)):
            file.add(fitted(listing.snapshot_date, with_since(rows, listing, previous), TRIGGERS))


def with_since(rows: pd.DataFrame, listing: PublishedList, previous: PublishedList | None) -> pd.DataFrame:
    """Triggers of this list with ``since`` and ``is_new``, by those of the list before it."""
    before = _NONE if previous is None else previous.of(TRIGGERS.name, rows["account_id"].unique(), (*KEY, "since"))
    known = rows[KEY].merge(before[[*KEY, "since"]], "left", KEY)["since"]
    since = [listing.snapshot_date if pd.isna(day) else day for day in known]
    return rows.assign(since=pd.Series(since, index=rows.index, dtype="object"), is_new=known.isna().to_numpy())


_NONE = pd.DataFrame({name: pd.Series(dtype="object") for name in TRIGGERS.names})
