"""The same base on two engines: what must be equal bit for bit."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from data.checks.check import check
from data.contract.details import DETAILS, DetailKind
from data.contract.outputs import ACCOUNT_FACTS
from data.ledger.movements import movements
from data.ledger.revenue import all_lines
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase, Source, with_outcomes
from features.build.build import build, feature_rows
from features.cross_sell import cross_sells, features_used, products_had, products_on_offer
from features.labels import held_for_labels, labels

RULES = ExpansionRules()
KEY = ("snapshot_date", "account_id")
TODAY = date(2026, 11, 1)
_OF_KIND = {DetailKind.NAME: pa.string(), DetailKind.NUMBER: pa.float64(), DetailKind.DAY: pa.date32()}
DETAIL_TYPES = {name: _OF_KIND[card.kind] for name, card in DETAILS.items()}


def features(source: Source, dates: Sequence[date], shards: int = 1) -> pa.Table:
    base = KnownBase(TODAY, source.tables, source.engine, source.absent)
    return in_order(pa.concat_tables(shard.rows for shard in build(base, dates, RULES, shards=shards)), KEY)


def features_with(source: Source, recorded: pa.Table, dates: Sequence[date]) -> pa.Table:
    """The features of contracts and plays, with outcomes that were recorded beside those of the source."""
    tables = {name: source.tables[name] for name in ("accounts", "subscriptions", "outcomes")}
    base = with_outcomes(KnownBase(TODAY, tables, source.engine, source.absent), recorded, "")
    return in_order(feature_rows(base.tables, dates, RULES, absent=base.absent).to_pyarrow(), KEY)


def detail_rows(source: Source, day: date, shards: int = 1) -> pa.Table:
    """What sentences name; days as dates on every engine."""
    base = KnownBase(TODAY, source.tables, source.engine, source.absent)
    built = [shard.details for shard in build(base, [day], RULES, for_list=True, shards=shards)]
    rows = in_order(pa.concat_tables([table for table in built if table is not None]), KEY)
    schema = [(name, DETAIL_TYPES.get(name, pa.string())) for name in rows.column_names]
    return rows.cast(pa.schema([*schema[:1], ("snapshot_date", pa.date32()), *schema[2:]]))


def fact_rows(source: Source, day: date, shards: int = 1) -> pa.Table:
    """What accounts' pages show piece by piece."""
    base = KnownBase(TODAY, source.tables, source.engine, source.absent)
    built = [shard.facts for shard in build(base, [day], RULES, for_list=True, shards=shards)]
    return in_order(pa.concat_tables([table for table in built if table is not None]), ACCOUNT_FACTS.key)


def label_rows(source: Source, dates: Sequence[date]) -> pa.Table:
    with held_for_labels(source.engine, source.tables, dates, RULES) as held:
        return in_order(labels(source.tables, held["cohort"], RULES, held["lines"]).to_pyarrow(), KEY)


def offer_rows(source: Source, dates: Sequence[date]) -> list[pa.Table]:
    """What was sold across, had, used and on offer."""
    tables = source.tables
    with held_for_labels(source.engine, tables, dates, RULES) as held:
        keys = held["cohort"]
        made = [
            cross_sells(tables, keys, RULES, held["lines"]),
            products_had(tables, keys),
            features_used(tables, keys),
        ]
        found = [table.to_pyarrow() for table in (*made, products_on_offer(tables, dates))]
    return [in_order(table, table.column_names) for table in found]


def movement_rows(source: Source) -> pa.Table:
    with source.engine.cached({"lines": all_lines(source.tables, RULES, TODAY)}) as held:
        rows = movements(held["lines"], RULES).to_pyarrow()
    return in_order(rows, rows.column_names)


def findings(source: Source) -> list[str]:
    return check(source, TODAY).lines()


def in_order(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in columns]).combine_chunks()


def differences(left: pa.Table, right: pa.Table) -> list[str]:
    """The columns of which a single value differs; all if the rows are not the same."""
    if left.column_names != right.column_names or left.num_rows != right.num_rows:
        return [f"{left.shape} against {right.shape}"]
    return [name for name in left.column_names if not same(left[name], right[name])]


def same(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    """Bit for bit: nulls are equal to nulls, and -0.0 is not 0.0."""
    if pa.types.is_floating(left.type):
        bits = [column.combine_chunks().view(pa.int64()) for column in (left, right)]
        return left.is_null().equals(right.is_null()) and bits[0].equals(bits[1])
    return left.equals(right)
