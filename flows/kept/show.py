"""``headroom store``: what is kept for the next run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from data.checks.report import many
from data.kept.store import GB, KeptValue
from flows.run.printed import print_line, print_table
from flows.run.progress import say
from flows.run.settings import Settings

MB = 1_000_000


def print_store(settings: Settings) -> None:
    """Print how many values of each kind there are, how large they are, and when they were last used."""
    store = settings.value_store(say)
    values = sorted(store.values(), key=lambda value: (value.kind, value.used))
    if values:
        by_kind = groupby(values, key=lambda value: value.kind)
        print_table(("kind", "values", "MB", "used from", "to"), (_cells(kind, list(there)) for kind, there in by_kind))
    size, asked = sum(value.size for value in values) / GB, settings.store
    print_line(
        f"{store.folder}: {many(len(values), 'value')}, {size:.2f} of {asked.max_gb:g} GB, for {asked.max_days} days"
    )
    if not asked.use:
        print_line("it is neither read nor written: `use` of [store] is false")


def _cells(kind: str, there: Sequence[KeptValue]) -> tuple[object, ...]:
    """A row for the values of a kind, the one that was used first at the beginning."""
    days = (datetime.fromtimestamp(value.used, UTC).date() for value in (there[0], there[-1]))
    return kind, f"{len(there):,}", f"{sum(value.size for value in there) / MB:,.1f}", *days


def clear_store(settings: Settings) -> str:
    """Remove all that is kept, and say so."""
    return f"{many(settings.value_store(say).clear(), 'value')} removed: the next training makes everything anew"
