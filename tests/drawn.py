"""Drawn tables: a small base as people write it on a whiteboard, staged like a real one.

    base(subscriptions=\"\"\"
        account_id | product | plan | mrr | seats | valid_from | valid_to
        acme       | core    | team | 100 | 10    | 2026-01-01 |
    \"\"\")

A table that is not drawn is not there, and columns that are not drawn are missing: so are the features that need them.
"""

from collections.abc import Sequence
from datetime import date

import ibis
import pandas as pd

from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.sources.kinds.duckdb_source import DuckDB
from data.sources.known import KnownBase
from data.sources.staging import stage
from data.time_cut import Tables
from features.build.build import feature_rows

SNAPSHOT = date(2026, 7, 1)
NOT_BY_USER = frozenset({"usage_daily.user_id"})
"""What a base lacks whose days are counted for all users together, as most are."""


def drawn(text: str) -> pd.DataFrame:
    """The rows of one drawn table, all as text; an empty cell is missing."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return pd.DataFrame(rows, columns=header, dtype="str").replace("", None)


def base(**tables: str) -> Tables:
    """The staged tables of a drawn base. Accounts are those that the other tables name, unless they are drawn."""
    frames = {name: drawn(text) for name, text in tables.items()}
    if "accounts" not in frames:
        ids = sorted({i for frame in frames.values() if "account_id" in frame for i in frame["account_id"].dropna()})
        frames["accounts"] = pd.DataFrame({"account_id": ids, "name": ids, "created_at": "2020-01-01"})
    return {name: stage(TABLES[name], table_of(frame)) for name, frame in frames.items()}


def known(
    tables: Tables, day: date = SNAPSHOT, *, absent: frozenset[str] = NOT_BY_USER, state: str | None = None
) -> KnownBase:
    """Staged tables of a DuckDB as a base that is known on a day as it is."""
    return KnownBase(day, tables, DuckDB(tables["accounts"].get_backend()), absent, state)


def table_of(frame: pd.DataFrame) -> ibis.Table:
    """A table of texts as a source would have it, null where a value is missing."""
    return ibis.memtable(frame.astype(object).where(frame.notna(), None), schema=dict.fromkeys(frame, "string"))


def rows_of(
    tables: Tables,
    snapshot_dates: Sequence[date] = (SNAPSHOT,),
    rules: ExpansionRules | None = None,
    *,
    absent: frozenset[str] = NOT_BY_USER,
) -> pd.DataFrame:
    """The feature rows of a base, by account and snapshot."""
    rows = feature_rows(tables, list(snapshot_dates), rules or ExpansionRules(), absent=absent).to_pandas()
    return rows.set_index(["account_id", "snapshot_date"]).sort_index()


def row_of(account_id: str = "acme", **tables: str) -> pd.Series:
    """The feature row of one account of a drawn base on the 1st of July 2026."""
    rows = rows_of(base(**tables))
    return rows.loc[account_id].iloc[0]
