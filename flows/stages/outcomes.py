"""What CSMs did with the rows of a list, as far as it was known before the day of a run: read with the source."""

import hashlib
from dataclasses import replace

from data.checks.report import many
from data.sources.known import KnownBase, with_outcomes
from flows.run.progress import say
from flows.run.settings import Settings
from serving.outcomes.as_outcomes import as_outcomes
from serving.outcomes.outcome import RecordedOutcome
from serving.store.outcomes import is_there, open_store

READ = "outcomes_read"
"""What manifests say of the store: how many of its rows were read, and the number of the last row that was there."""
ROWS, LAST = "rows", "last_id"


def read_outcomes(base: KnownBase, settings: Settings, up_to: int | None = None) -> KnownBase:
    """The base with the outcomes that were recorded before its day beside those of its source.

    ``up_to``: as if the row of that number were the last one, to make a list again. Where nothing has been recorded
    the base is as it was, and nothing is made. Raises ``SourceError`` where the store cannot be reached.
    """
    everything = recorded(settings, up_to)
    rows = [row for row in everything if row.day < base.snapshot_date]
    read = {READ: {ROWS: len(rows), LAST: max((row.id for row in everything), default=None)}}
    if not everything:
        return replace(base, beside={**base.beside, **read})
    state = hashlib.sha256(repr(rows).encode()).hexdigest()
    both = with_outcomes(base, as_outcomes(rows, base.snapshot_date), state)
    for warning in both.warnings[len(base.warnings) :]:
        say(f"warning: {warning}")
    if rows:
        say(f"{many(len(rows), 'outcome')} recorded before {base.snapshot_date}")
    return replace(both, beside={**base.beside, **read})


def recorded(settings: Settings, up_to: int | None = None) -> list[RecordedOutcome]:
    """Every row of the store, oldest first; none where there is no store, which is told if the settings name one."""
    if not is_there(settings.outcomes_url, settings.root):
        if settings.outcomes.url is not None:
            say("warning: nothing has been recorded yet in the store of outcomes that the settings name")
        return []
    with open_store(settings.outcomes_url, settings.root) as store:
        return store.all_rows(up_to)


def outcomes_line(settings: Settings) -> str:
    """How much has been recorded, in one line."""
    rows = recorded(settings)
    if not rows:
        return "outcomes: none recorded here"
    accounts = len({row.account_id for row in rows})
    return (
        f"outcomes: {many(len(rows), 'row')} recorded here of {many(accounts, 'account')}, the last on {rows[-1].day}"
    )
