"""The tables that hold a list against the one before it: of changes, written once the ranks of the base are known, and
of the triggers that fire, with since when each of them does.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from data.contract.outputs import CHANGES, TRIGGERS
from serving.changes.ranks import ARMS, change_table, moved_by_model, not_exact, split_ranks
from serving.changes.summary import Tally, summary, tally
from serving.published import tables
from serving.published.checks import fitted, refuse
from serving.published.context import ListContext
from serving.published.read import PublishedList
from serving.ranking.rank import RANK_KEYS

ACCOUNTS_AT_A_TIME = 20_000
COMPARED = ("account_id", "rank", *RANK_KEYS)
"""What is compared of this list's scores and the last one's."""
TRIGGER = list(TRIGGERS.order)
"""What a trigger is known again by in the list before."""


@dataclass(frozen=True)
class BaseChange:
    """The change of the whole base, put together from that of its batches (``Change``).

    ``as_before``: None where the old model's answer is today's, or it was not asked for all; ``not_asked`` says why.
    """

    accounts: pd.DataFrame
    as_before: pd.DataFrame | None
    not_asked: str = ""


def write_changes(
    listing: PublishedList, context: ListContext, previous: PublishedList | None, change: BaseChange
) -> dict[str, Any]:
    """Write ``changes`` and return the base's changes in a few figures, for the manifest.

    All other tables are in the folder of ``listing`` already. Raises PublishError where the parts of a change do not
    sum to it.
    """
    about, scores = context.about(previous), listing.scores(*COMPARED, *ARMS)
    now, ranks, before = scores.set_index("account_id"), None, None
    if previous is not None:
        last = previous.scores(*COMPARED)
        ranks = split_ranks(
            last,
            scores,
            rank_by=about.rank_by,
            previous_rank_by=about.previous_rank_by,
            erased=previous.erased_ranks,
        )
        before = last.set_index("account_id")
    accounts, counted = change.accounts.sort_values("account_id", ignore_index=True), Tally()
    with tables.TableWriter(listing.path("changes")) as file:
        for start in range(0, len(accounts), ACCOUNTS_AT_A_TIME):
            some = accounts.iloc[start : start + ACCOUNTS_AT_A_TIME]
            reasons = listing.of("change_reasons", some["account_id"])
            changes = change_table(context.snapshot_date, some, reasons, now, ranks, before, about)
            for account, gap in not_exact(changes, reasons):
                refuse(context.snapshot_date, "changes add up", account, gap)
            file.add(fitted(context.snapshot_date, changes, CHANGES))
            counted += tally(changes, reasons)
    moved = None
    if change.as_before is not None and about.replaced_by:
        moved = moved_by_model(scores, change.as_before, about.rank_by)
    count = 0 if before is None else len(before)
    return summary(counted, about, previous_accounts=count, moved=moved, not_asked=change.not_asked)


def write_triggers(listing: PublishedList, fired: Path, previous: PublishedList | None) -> None:
    """Write ``triggers`` from the rows at ``fired``, which are sorted and do not say since when."""
    with tables.TableWriter(listing.path(TRIGGERS.name)) as file:
        nothing = [] if tables.count_of(fired) else [tables.without_rows(TRIGGERS)]
        for rows in chain(nothing, tables.batches(fired)):
            file.add(fitted(listing.snapshot_date, with_since(rows, listing, previous), TRIGGERS))


def with_since(rows: pd.DataFrame, listing: PublishedList, previous: PublishedList | None) -> pd.DataFrame:
    """Triggers of this list with ``since`` and ``is_new``, by those of the list before it."""
    if previous is None:
        before = tables.without_rows(TRIGGERS)
    else:
        before = previous.of(TRIGGERS.name, rows["account_id"].unique(), (*TRIGGER, "since"))
    known = rows[TRIGGER].merge(before[[*TRIGGER, "since"]], "left", TRIGGER)["since"]
    since = [listing.snapshot_date if pd.isna(day) else day for day in known]
    return rows.assign(since=pd.Series(since, index=rows.index, dtype="object"), is_new=known.isna().to_numpy())
