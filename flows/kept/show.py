"""``headroom store``: what is kept for the next run."""

from datetime import UTC, datetime
from itertools import groupby

from rich import box
from rich.table import Table

from data.checks.report import many
from data.kept.store import GB
from flows.run.progress import say
from flows.run.settings import Settings
from flows.run.tables import print_table

MB = 1_000_000


def print_store(settings: Settings) -> None:
    """Print how many values of each kind there are, how large they are, and when they were last used."""
    store = settings.value_store(say)
    values = sorted(store.values(), key=lambda value: (value.kind, value.used))
    table = Table("kind", "values", "MB", "used from", "to", box=box.SIMPLE_HEAD)
    for kind, of_kind in groupby(values, key=lambda value: value.kind):
        there = list(of_kind)
        days = (str(datetime.fromtimestamp(value.used, UTC).date()) for value in (there[0], there[-1]))
        table.add_row(kind, f"{len(there):,}", f"{sum(value.size for value in there) / MB:,.1f}", *days)
    if values:
        print_table(table)
    size, asked = sum(value.size for value in values) / GB, settings.store
    print(f"{store.folder}: {many(len(values), 'value')}, {size:.2f} of {asked.max_gb:g} GB, for {asked.max_days} days")
    if not asked.use:
        print("it is neither read nor written: `use` of [store] is false")


def clear_store(settings: Settings) -> str:
    """Remove all that is kept, and say so."""
    return f"{many(settings.value_store(say).clear(), 'value')} removed: the next training makes everything anew"
