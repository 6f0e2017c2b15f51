"""A base in parts by account, so that no more of it is held, or read, at once than a part.

Files and DuckDB have no index by account: to find one part is to read all, and to cast it again. So where there are
many parts they are first laid out on disk, once. PostgreSQL and Spark are asked for the rows of a part each time.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis.expr.types as ir

from data.time_cut import Tables

Part = Callable[[int, int], Tables]
"""The tables of the accounts in one of so many parts, ``(index, count)``; tables without accounts stay whole."""

PART = "headroom_part"


def filtered(tables: Tables) -> Part:
    """The tables in parts; the rows of a part are looked for whenever they are read."""
    return lambda index, count: {name: part_of(table, index, count) for name, table in tables.items()}


@contextmanager
def partitioned(tables: Tables, count: int, folder: Path) -> Iterator[Part]:
    """The tables in ``count`` parts, or in any divisor of it, while the context lasts; the files are in ``folder``."""
    with tempfile.TemporaryDirectory(prefix="tables-", dir=folder) as scratch:
        files = {name: _lay_out(t, count, Path(scratch) / name) for name, t in tables.items() if _has_accounts(t)}
        yield lambda index, of: {
            name: _read(table, files[name][index::of]) if name in files else table for name, table in tables.items()
        }


def part_of(table: ir.Table, index: int, count: int) -> ir.Table:
    """The rows of the accounts in one of ``count`` parts.

    Part i of n holds the parts i, i + n, i + 2n ... of any multiple of n.
    """
    return table.filter(part_number(table, count) == index) if count > 1 and _has_accounts(table) else table


def part_number(table: ir.Table, count: int) -> ir.Value:
    """In which of ``count`` parts the account of each row is."""
    return table.account_id.hash().abs() % count


def _has_accounts(table: ir.Table) -> bool:
    return "account_id" in table.columns


def _lay_out(table: ir.Table, count: int, folder: Path) -> list[list[Path]]:
    """Write the rows to one folder per part; the files of each part."""
    table.mutate(**{PART: part_number(table, count)}).to_parquet(folder, partition_by=PART, compression="zstd")
    return [sorted((folder / f"{PART}={index}").glob("*.parquet")) for index in range(count)]


def _read(table: ir.Table, files: list[list[Path]]) -> ir.Table:
    """The rows of some parts; none of them may have any."""
    paths = [path for of_part in files for path in of_part]
    if not paths:
        return table.limit(0)
    return table.get_backend().read_parquet(paths, hive_partitioning=False)
