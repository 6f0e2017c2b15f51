"""Of how many paying accounts each table knows something, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from data.contract.inputs import TABLES
from data.sources.known import BILLING, USAGE, KnownBase
from data.time_cut import Tables

YEAR_DAYS = 365
OPTIONAL = tuple(name for name, table in TABLES.items() if not table.one_of and name != "accounts" and table.costs)
"""The tables that a base may be without, and that bring signals."""


@dataclass(frozen=True)
class Seen:
    """What the tables of a base know of accounts. ``last``: by table, the last day of each account (NaT: no clock).

    ``first_use``: the first day with usage. ``plays``: account_id and opened_on of every play.
    """

    day: date
    last: Mapping[str, pd.Series]
    first_use: date | None
    plays: pd.DataFrame

    def accounts_since(self, table: str, days: int) -> set[str]:
        """The accounts of which a table has a row of the last so many days, or at all where it has no clock."""
        last = self.last[table]
        since = np.datetime64(self.day - timedelta(days=days), "D")
        return set(last.index[last.isna() | (last.to_numpy("datetime64[D]") >= since)])

    def users_since(self, days: int) -> set[str]:
        """The accounts that used the product within the last so many days."""
        used: set[str] = set()
        return used.union(*(self.accounts_since(name, days) for name in USAGE if name in self.last))

    def coverage(self, table: str, paying: set[str]) -> float | None:
        """The share of the paying accounts with a row of the last year; None for a table that names no account."""
        if table not in self.last or not paying:
            return None
        return len(self.accounts_since(table, YEAR_DAYS) & paying) / len(paying)


def seen_in(base: KnownBase) -> Seen:
    """What the tables of a base know of accounts; every table is read once."""
    last, first = {}, []
    for name, table in base.tables.items():
        if name in ("accounts", *BILLING) or "account_id" not in table.columns:
            continue
        clock = TABLES[name].happened_on
        day = ibis.null("date") if clock is None else table[clock]
        days = table.group_by("account_id").aggregate(first=day.min(), last=day.max())
        told = days.to_pyarrow().to_pandas(date_as_object=False).dropna(subset="account_id").set_index("account_id")
        last[name] = told["last"]
        if name in USAGE and len(told):
            first.append(told["first"].min().date())
    return Seen(base.snapshot_date, last, min(first, default=None), _plays(base.tables))


def _plays(tables: Tables) -> pd.DataFrame:
    if "outcomes" not in tables:
        return pd.DataFrame({"account_id": pd.Series(dtype="str"), "opened_on": pd.Series(dtype="datetime64[s]")})
    return tables["outcomes"].select("account_id", "opened_on").to_pyarrow().to_pandas(date_as_object=False)
