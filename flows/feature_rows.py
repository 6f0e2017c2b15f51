"""``headroom features``: the rows of one day as a file, the catalogue in words, or the whole build as one SQL query."""

from collections.abc import Iterable
from datetime import date
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import pyarrow.parquet as pq

from data.atomic import whole_file
from data.contract.feature_card import FeatureCard
from data.contract.vocabulary import KEY
from data.sources.known import empty_columns
from features.catalogue import catalogue, full_catalogue
from features.sql import feature_sql, whole_contract
from flows.run.printed import print_table
from flows.run.progress import say
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.base import check_source, read_source
from flows.stages.dates import known_base, today_utc
from flows.stages.outcomes import read_outcomes
from serving.published.tables import sort

HEADER = (
    "feature",
    "meaning",
    "unit",
    "lookback",
    "tables",
    "more raises it?",
    "missing means",
    "reason",
    "actionable",
)


def cells(card: FeatureCard) -> tuple[str, ...]:
    """A feature in words, under ``HEADER``."""
    days = f"{card.window_days} days" if card.window_days else "all"
    tables = ", ".join(card.tables) or "none"
    actionable = "yes" if card.actionable else "no"
    return card.name, card.label, card.unit, days, tables, card.direction, card.missing, card.reason_code, actionable


def describe(settings: Settings) -> None:
    """Print the catalogue: of the source that the settings name, or else every feature that there is."""
    cards: Iterable[FeatureCard]
    if settings.names_a_source:
        with read_source(settings) as source:
            cards = catalogue(source.tables, absent=source.absent | empty_columns(source)).values()
    else:
        cards = full_catalogue().values()
    print_table(HEADER, map(cells, cards))


def features_as_sql(settings: Settings, dialect: str, snapshot_date: date | None) -> str:
    """The rows of one day (default: today) as one query: over the source's tables, or else over the whole contract."""
    day = snapshot_date or today_utc()
    if settings.names_a_source:
        with read_source(settings) as source:
            empty = empty_columns(source, day)
            schemas = {
                name: ibis.schema({c: kind for c, kind in table.schema().items() if f"{name}.{c}" not in empty})
                for name, table in source.raw.items()
            }
    else:
        say("no source is named: the query reads every table and column of the contract")
        schemas = whole_contract()
    return feature_sql(schemas, [day], settings.expansion, dialect)


def write_features(settings: Settings, snapshot_date: date | None, out: Path) -> str:
    """Write the rows of one day to a Parquet file, by account; whole or not at all. Returns what was written.

    Shards are written first, beside it, and sorted on disk: in how many parts the base was built changes no byte.
    """
    accounts = 0
    with read_source(settings) as source, whole_file(out) as file:
        check_source(source, settings.expansion)
        base = read_outcomes(known_base(source, snapshot_date), settings)
        parts = (shard.rows for shard in steps.shards(base, [base.snapshot_date], settings))
        first = next(parts)
        with TemporaryDirectory(prefix=".shards-", dir=out.parent) as folder:
            shards = Path(folder) / "shards.parquet"
            with pq.ParquetWriter(shards, first.schema) as writer:
                for part in chain([first], parts):
                    writer.write_table(part)
                    accounts += part.num_rows
            steps.require_customers(accounts, base)
            sort(shards, file, KEY)
    return f"{accounts:,} accounts x {first.num_columns - 2} features: {out}"
