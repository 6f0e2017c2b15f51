"""Drawn landing tables of one tool, and what its mapping makes of them."""

from pathlib import Path

import pandas as pd

from data.contract.inputs import TABLES
from data.mappings.queries import of_tool
from data.mappings.recognise import recognised
from data.sources.address import Address
from data.sources.connect import open_warehouse
from data.sources.user_sql import IDS
from tests.drawn import drawn


def write(folder: Path, **tables: str) -> Path:
    """The drawn tables as CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        drawn(text).to_csv(folder / f"{name}.csv", index=False)
    return folder


def given(folder: Path, table: str, **tables: str) -> pd.DataFrame:
    """A contract table as the mapping gives it, with the tool's own ids, in the order of its first columns."""
    address = Address(f"csv://{write(folder, **tables)}", Path.cwd())
    warehouse = open_warehouse(address)
    (tool,) = recognised(warehouse.columns())
    warehouse.engine.close()
    sql = of_tool(tool, table)
    name = table if table in TABLES else IDS
    warehouse = open_warehouse(Address(address.url, address.root, {name: sql}))
    try:
        rows = warehouse.query(name, sql).to_pandas()
    finally:
        warehouse.engine.close()
    return rows.sort_values(list(rows.columns), ignore_index=True)


def days(values: pd.Series) -> list[str | None]:
    """Clocks as people write days."""
    return [None if pd.isna(value) else f"{value:%Y-%m-%d}" for value in values]
