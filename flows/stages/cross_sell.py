"""What was sold across, and what the accounts of a base have or had: what a choice of products is made from."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis.expr.types as ir
import pandas as pd
import pyarrow.parquet as pq

from data.sources.known import KnownBase
from data.sources.partitions import part_number
from features.build.build import shard_count
from features.cohort import cohort
from features.cross_sell import cross_sells, features_used, products_had, products_on_offer
from flows.run.settings import Settings
from flows.stages import inputs as steps
from models.estimators.cross_sell import Owned, Sales
from models.evaluation.splits import days


def read_sales(base: KnownBase, dates: list[date], settings: Settings) -> Sales:
    """Which products were sold across within the horizon of these snapshots, and what the buyers had before."""
    tables = base.tables
    sold = cross_sells(tables, cohort(tables, dates), settings.expansion).cache()
    bought = sold.select("account_id", "snapshot_date").distinct()
    had, used = products_had(tables, bought), features_used(tables, bought)
    return Sales(_read(sold), Owned(_read(had), _read(products_on_offer(tables, dates)), _read(used)))


def shards(base: KnownBase, settings: Settings) -> Iterator[tuple[pd.DataFrame, Owned]]:
    """The feature rows of each shard of the base, and what its accounts have or had and what is on offer.

    The engine is asked once what all of them have, for it reads all usage to tell; that waits on disk, by shard.
    """
    tables, dates = base.tables, [base.snapshot_date]
    count, accounts = shard_count(tables, len(dates)), cohort(tables, dates)
    on_offer = _read(products_on_offer(tables, dates))
    with TemporaryDirectory(prefix="headroom-owned-") as folder:
        had, used = Path(folder, "had.parquet"), Path(folder, "used.parquet")
        _write(base, products_had(tables, accounts), count, had)
        _write(base, features_used(tables, accounts), count, used)
        for number, part in enumerate(steps.row_parts(base, dates, settings)):
            yield part.to_pandas(), Owned(_of(had, number), on_offer, _of(used, number))


def _write(base: KnownBase, table: ir.Table, count: int, path: Path) -> None:
    """Write a table sorted by shard, so that the rows of one are read alone."""
    numbered = table.mutate(shard=part_number(table, count).cast("int64")).order_by("shard")
    base.engine.write(numbered, path)


def _of(path: Path, shard: int) -> pd.DataFrame:
    return _dated(pq.read_table(path, filters=[("shard", "=", shard)]).drop_columns("shard").to_pandas())


def _read(table: ir.Table) -> pd.DataFrame:
    return _dated(table.to_pyarrow().to_pandas())


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """One day is one value, whatever the engine returned."""
    return rows.assign(snapshot_date=days(rows["snapshot_date"]))
