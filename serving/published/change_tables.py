"""The tables of changes, written account by account once the ranks of the base are known."""

from pathlib import Path
from typing import Any

import pandas as pd

from serving.changes.ranks import CHANGE_REASON_COLUMNS, change_tables, moved_by_model, not_exact, split_ranks
from serving.changes.sentences import About, titles
from serving.changes.summary import Tally, summary, tally
from serving.published import tables
from serving.published.assemble import Part, Snapshot, Terms
from serving.published.checks import refuse

ACCOUNTS_AT_A_TIME = 20_000


def reasons_of(part: Part) -> pd.DataFrame:
    """``change_reasons`` of the accounts of a part."""
    return part.change.reasons.assign(snapshot_date=part.snapshot_date)[list(CHANGE_REASON_COLUMNS)]


def about(terms: Terms, previous: Snapshot | None) -> About:
    """What all sentences about changes share."""
    return About(
        previous_date=previous.snapshot_date if previous else None,
        titles=titles(terms.catalogue, terms.playbook),
        replaced_by=terms.replaced_by,
        rank_by=terms.settings.rank_by,
        previous_rank_by=previous.manifest["rank_by"] if previous else terms.settings.rank_by,
        currency=terms.settings.currency,
    )


def write_changes(
    folder: Path,
    terms: Terms,
    snapshot: Snapshot,
    previous: Snapshot | None,
    accounts: pd.DataFrame,
    as_before: pd.DataFrame | None,
    not_asked: str,
) -> dict[str, Any]:
    """Write ``changes`` and return the base's changes in a few figures, for the manifest.

    ``accounts``, ``as_before`` and ``not_asked`` are those of all parts (``Change``); ``change_reasons`` is in
    the folder already. Raises PublishError where the parts of a change do not sum to it.
    """
    told, before = about(terms, previous), previous.scores if previous else None
    ranks = None
    if before is not None:
        ranks = split_ranks(before, snapshot.scores, rank_by=told.rank_by, previous_rank_by=told.previous_rank_by)
    now = snapshot.scores.set_index("account_id")
    then = None if before is None else before.set_index("account_id")
    accounts, counted = accounts.sort_values("account_id", ignore_index=True), Tally()
    with tables.Parts(folder / "changes.parquet") as file:
        for start in range(0, len(accounts), ACCOUNTS_AT_A_TIME):
            some = accounts.iloc[start : start + ACCOUNTS_AT_A_TIME]
            reasons = tables.read(folder / "change_reasons.parquet", some["account_id"])
            changes, _ = change_tables(terms.snapshot_date, some, reasons, now, ranks, then, told)
            for account, found in not_exact(changes, reasons):
                refuse(terms.snapshot_date, "changes add up", account, found)
            file.add(changes)
            counted += tally(changes, reasons)
    moved = None
    if as_before is not None and told.replaced_by:
        moved = moved_by_model(snapshot.scores, as_before, told.rank_by)
    count = 0 if before is None else len(before)
    return summary(counted, told, previous_accounts=count, moved=moved, not_asked=not_asked)
