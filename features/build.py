"""From tables to feature rows: the one ``build`` that training and scoring share.

Features never cross accounts, so a base is built shard by shard: memory stays bounded and progress can be told.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import ibis.expr.types as ir
import pyarrow as pa

from data.catalogue import FeatureCard
from data.contract import TABLES
from data.movements import ExpansionRules
from features import commercial, limits, people, seats, support, usage
from features.cohort import KEY, Tables, cohort
from features.definition import REGISTRY, ROW, Feature
from features.views import HELD, Views

AREAS = (commercial, usage, seats, limits, support, people)
"""The business areas. Importing them defines the features."""

ACCOUNTS_PER_SHARD = 20_000
"""With 24 snapshots of a busy base, so many accounts stay well under 2 GB."""

ACCOUNTS_PER_BLOCK = 10_000
"""The counted usage of so many accounts over 24 months is held at once: about 600 MB on a busy base."""

ROWS_PER_SHARD = 60_000
"""Account-snapshots of one shard."""


def absent_columns(raw: Tables) -> frozenset[str]:
    """The contract's optional columns that the raw tables lack, as ``table.column``.

    Staged they are full of nulls and look as if nothing had ever been written into them. ``known_at`` is never absent:
    without it a fact is known when it happens.
    """
    return frozenset(
        f"{name}.{column.name}"
        for name, table in raw.items()
        for column in TABLES[name].columns
        if column.name not in table.columns and not column.required and column.name != "known_at"
    )


def catalogue(tables: Tables, *, absent: frozenset[str] = frozenset()) -> dict[str, FeatureCard]:
    """The card of every feature that these tables can carry, in the order of the model's columns.

    ``absent``, here and below: the columns that the source lacks.
    """
    return {f.name: f.card for f in REGISTRY.available(tables, absent) if f.card is not None}


def full_catalogue() -> dict[str, FeatureCard]:
    """The card of every feature that there is, whatever tables a base has."""
    return {f.name: f.card for f in REGISTRY.features.values() if f.card is not None}


def feature_rows(
    tables: Tables,
    snapshot_dates: Sequence[date],
    rules: ExpansionRules,
    *,
    absent: frozenset[str] = frozenset(),
    held: Tables | None = None,
) -> ir.Table:
    """One row per customer and snapshot: ``account_id, snapshot_date``, then one float64 column per feature."""
    members = cohort(tables, snapshot_dates)
    available = REGISTRY.available(tables, absent)
    rows = _joined(Views(tables, members, snapshot_dates, rules, held), [f for f in available if f.view != ROW])
    rows = rows.mutate(**{f.name: f.expression(rows) for f in available if f.view == ROW})
    return rows.select(*KEY, **{f.name: rows[f.name].cast("float64") for f in available if f.card is not None})


def _joined(views: Views, features: list[Feature]) -> ir.Table:
    """The cohort with the aggregates of each view; an account without a row in a view gets its features' ``empty``.

    One chain of joins and one select at its end: a select after each join doubles the SQL and the time to make it.
    """
    rows = views.cohort
    for name in dict.fromkeys(f.view for f in features):
        view: ir.Table = getattr(views, name)
        sums = view.group_by(*KEY).aggregate(**{f.name: f.expression(view) for f in features if f.view == name})
        rows = rows.left_join(sums, KEY, rname="{name}_" + name)
    values = {f.name: rows[f.name] if f.empty is None else rows[f.name].fill_null(f.empty) for f in features}
    return rows.select(*KEY, **values)


def shard(tables: Tables, index: int, count: int) -> Tables:
    """The tables of the accounts of one of ``count`` shards; tables without accounts stay whole."""
    if count == 1:
        return tables
    return {
        name: table.filter(table.account_id.hash().abs() % count == index) if "account_id" in table.columns else table
        for name, table in tables.items()
    }


def shard_count(tables: Tables, snapshots: int) -> int:
    """How many shards keep each one within ``ROWS_PER_SHARD`` account-snapshots."""
    accounts = _accounts(tables)
    return max(1, -(-accounts * snapshots // ROWS_PER_SHARD), -(-accounts // ACCOUNTS_PER_SHARD))


def _accounts(tables: Tables) -> int:
    return int(tables["accounts"].count().to_pyarrow().as_py())


def build(
    tables: Tables,
    snapshot_dates: Sequence[date],
    rules: ExpansionRules,
    *,
    absent: frozenset[str] = frozenset(),
    shards: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[pa.Table]:
    """The feature rows of each shard, one after the other, sorted by snapshot and account.

    ``progress`` is told ``(shards done, shards in all)``. The usage of a block of shards is counted at once, and
    held by the engine while they are worked on.
    """
    blocks = max(1, -(-_accounts(tables) // ACCOUNTS_PER_BLOCK))
    per_block = -(-(shards or shard_count(tables, len(snapshot_dates))) // blocks)
    count = blocks * per_block
    for block in range(blocks):
        within = shard(tables, block, blocks)
        views = Views(within, cohort(within, snapshot_dates), snapshot_dates, rules)
        held = {name: getattr(views, name).cache() for name in HELD}
        try:
            for number in range(per_block):
                index = block + blocks * number  # one of `count` shards, and the whole of it in this block
                part, counted = shard(tables, index, count), shard(held, index, count)
                rows = feature_rows(part, snapshot_dates, rules, absent=absent, held=counted)
                yield rows.order_by("snapshot_date", "account_id").to_pyarrow()
                if progress is not None:
                    progress(block * per_block + number + 1, count)
        finally:
            for table in held.values():
                table.release()
