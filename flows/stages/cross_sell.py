"""What was sold across, and what the accounts of a base have or had: what a choice of products is made from."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis.expr.types as ir
import pandas as pd
import pyarrow.parquet as pq

from features.build.build import shard_count
from features.build.partitions import part_number
from features.cohort import cohort
from features.cross_sell import cross_sells, features_used, products_had, products_on_offer
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.dates import Standing
from models.estimators.cross_sell import CrossSellHistory, CrossSellOptions
from models.estimators.sampling import days


def read_cross_sells(standing: Standing, dates: list[date], settings: Settings) -> CrossSellHistory:
    """Which products were sold across within the horizon of these snapshots, and what the buyers had before."""
    tables = standing.tables
    sold = cross_sells(tables, cohort(tables, dates), settings.expansion).cache()
    bought = sold.select("account_id", "snapshot_date").distinct()
    had, used = products_had(tables, bought), features_used(tables, bought)
    options = CrossSellOptions(_read(had), _read(products_on_offer(tables, dates)), _read(used))
    return CrossSellHistory(_read(sold), options)


def shards(standing: Standing, settings: Settings) -> Iterator[tuple[pd.DataFrame, CrossSellOptions]]:
    """The feature rows of each shard of the base, and what its accounts have or had and what is on offer.

    The engine is asked once what all of them have, for it reads all usage to tell; that waits on disk, by shard. Which
    accounts are in a part of the rows is read off its rows: neither the order of the parts nor how the rows are cut
    into them matters.
    """
    tables, dates = standing.tables, [standing.snapshot_date]
    count, base = shard_count(tables, len(dates)), cohort(tables, dates)
    on_offer = _read(products_on_offer(tables, dates))
    numbers = _numbered(base.select("account_id").distinct(), count).to_pyarrow().to_pandas()
    shard = numbers.set_index("account_id")["shard"]
    with TemporaryDirectory(prefix="headroom-owned-") as folder:
        had, used = Path(folder, "had.parquet"), Path(folder, "used.parquet")
        _write(products_had(tables, base), count, had)
        _write(features_used(tables, base), count, used)
        for part in steps.row_parts(standing, dates, settings):
            rows = part.to_pandas()
            accounts = shard[rows["account_id"]]
            yield rows, CrossSellOptions(_of(had, accounts), on_offer, _of(used, accounts))


def _numbered(table: ir.Table, count: int) -> ir.Table:
    """The table with the shard of each account."""
    return table.mutate(shard=part_number(table, count).cast("int64"))


def _write(table: ir.Table, count: int, path: Path) -> None:
    """Write a table sorted by shard, so that the rows of one are read alone."""
    numbered = _numbered(table, count).order_by("shard")
    if table.get_backend().name == "pyspark":  # it would write where its cluster is
        pq.write_table(numbered.to_pyarrow(), path)
    else:
        numbered.to_parquet(path)


def _of(path: Path, accounts: pd.Series) -> pd.DataFrame:
    """The rows of some accounts. ``accounts``: the shard of each, by account_id."""
    read = pq.read_table(path, filters=[("shard", "in", set(accounts.tolist()))]).drop_columns("shard").to_pandas()
    return _dated(read[read["account_id"].isin(accounts.index)].reset_index(drop=True))


def _read(table: ir.Table) -> pd.DataFrame:
    return _dated(table.to_pyarrow().to_pandas())


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """One day is one value, whatever the engine returned."""
    return rows.assign(snapshot_date=days(rows["snapshot_date"]))
