"""Parts of the use that stopped at once while the rest went on: a product feature, or accounts of one region or kind.

Their silence is no news about the customers, as that of a whole table is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from data.contract.inputs import TABLES
from data.feeds.sudden import FEWEST_ROWS, MONTH_DAYS, QUIET, WINDOW_DAYS, Counts, days_stopped
from data.feeds.use import use
from data.shown.text import on_one_line
from data.time_cut import Tables, before_day, rows_known

FEATURE = "feature"
"""The column of usage by which it is told apart; the others are of ``accounts``."""
KINDS = ("region", "segment", "industry")
"""What of an account may be loaded by a feed of its own."""
LEFT = 0.1
"""Of what was usual so much may come still: an account or two of the part may be loaded another way."""
REST_GOES_ON = 0.25
"""Of the usual use of the others so much comes meanwhile: at Christmas it is about a third."""
LONGEST_VALUE, LONGEST_NAME = 40, 200
"""Letters of a value in a sentence, and where it is named."""
FEWEST_ACCOUNTS, NEARLY_ALL = 5, 0.9
"""It takes so many accounts, and such a share of those that used the part, for it to have stopped for everybody."""


@dataclass(frozen=True)
class SilentPart:
    """A part of the use that stopped at once: the rows of ``table`` whose ``column`` is ``value``.

    ``last_day``: the last with use, ``days`` ago; ``accounts``: those whose use is not known since then.
    """

    table: str
    column: str
    value: str
    last_day: date
    days: int
    accounts: tuple[str, ...]

    @property
    def name(self) -> str:
        """As messages and alarms have it: ``usage_events.region = EMEA``."""
        return f"{self.table}.{self.column} = {on_one_line(self.value, LONGEST_NAME)}"

    @property
    def subject(self) -> str:
        """What is not known, in words."""
        return f"use ({self.column} {on_one_line(self.value, LONGEST_VALUE)} stopped)"


def silent_parts(tables: Tables, days: Sequence[date]) -> dict[date, tuple[SilentPart, ...]]:
    """By day of ``days`` the parts that had stopped before it, as far as it was known then; none is left out."""
    found: dict[date, list[SilentPart]] = {day: [] for day in days}
    kinds = tuple(kind for kind in KINDS if kind in tables["accounts"].columns)
    for columns in ((FEATURE,), kinds) if days else ():
        counted = _counted(tables, columns, min(days))
        for day in days:
            first, end = np.datetime64(day - timedelta(days=WINDOW_DAYS)), np.datetime64(day)
            known = counted[(counted["day"] >= first) & (counted["day"] < end) & (counted["known"] < end)]
            for column in columns:
                found[day] += _stopped(tables, column, known, day)
    return {day: tuple(parts) for day, parts in found.items()}


def _counted(tables: Tables, columns: Sequence[str], first: date) -> pd.DataFrame:
    """The rows of use by the values of some columns, since the window of the ``first`` day: these, day, known, rows."""
    name, rows = use(tables)
    rows = rows.filter(rows[TABLES[name].happened_on] >= first - timedelta(days=WINDOW_DAYS))
    counted = rows_known(name, _with(tables, columns, rows), columns).to_pyarrow()
    days = {name: counted[name].to_numpy() for name in ("day", "known")}  # no date of Python for each row
    return counted.drop_columns([*days]).to_pandas().assign(**days)


def _with(tables: Tables, columns: Sequence[str], rows: ir.Table) -> ir.Table:
    """The rows of use with the columns: their own, or those of their accounts."""
    if FEATURE in columns:
        return rows
    return rows.inner_join(tables["accounts"].select("account_id", *columns), "account_id")


def _stopped(tables: Tables, column: str, known: pd.DataFrame, day: date) -> Iterator[SilentPart]:
    values, counts = by_day(known, column, day)
    quiet = days_stopped(counts, counts.sum(axis=0), LEFT, REST_GOES_ON)
    is_named = values.notna() & (values.astype("str").str.strip() != "")
    for place in np.flatnonzero((quiet > 0) & is_named).tolist():
        before = counts[place, : WINDOW_DAYS - quiet[place]]
        # Quiet days before it stopped, as a weekend, are told with its silence.
        last = np.flatnonzero(before > QUIET * before[-MONTH_DAYS:].mean())[-1]
        part = _confirmed(tables, column, str(values[place]), day - timedelta(days=WINDOW_DAYS - int(last)), day)
        if part is not None:
            yield part


def by_day(rows: pd.DataFrame, column: str, day: date) -> tuple[pd.Index, Counts]:
    """The values of a column in order, and of each its rows on each of the ``WINDOW_DAYS`` days before ``day``."""
    place = WINDOW_DAYS - (np.datetime64(day) - rows["day"].to_numpy("datetime64[D]")).astype(int)
    rows, place = rows[place >= 0], place[place >= 0]
    number, values = pd.factorize(rows[column], sort=True, use_na_sentinel=False)
    counts = np.zeros((len(values), WINDOW_DAYS))
    np.add.at(counts, (number, place), rows["rows"].to_numpy(np.float64))
    return pd.Index(values), counts


def _confirmed(tables: Tables, column: str, value: str, last_day: date, day: date) -> SilentPart | None:
    """The part, if it stopped after ``last_day`` for nearly all accounts that used it, not for one large one alone."""
    used = _used(tables, column, value, last_day, day)
    had, is_quiet = (used["before"] > 0).to_numpy(), (used["since"] == 0).to_numpy()
    days = (day - last_day).days - 1
    expected_of_others = (used["before"].sum() - used["before"].max()) * days / MONTH_DAYS
    if expected_of_others < FEWEST_ROWS or had.sum() < FEWEST_ACCOUNTS or is_quiet[had].mean() < NEARLY_ALL:
        return None
    if column == FEATURE:
        silent = used.loc[had & is_quiet, "account_id"]
    else:
        accounts = tables["accounts"]
        members = accounts.filter(accounts[column] == value).select("account_id").to_pyarrow().to_pandas()["account_id"]
        silent = members[~members.isin(used.loc[~is_quiet, "account_id"])]
    return SilentPart(use(tables)[0], column, value, last_day, days, tuple(sorted(silent.astype(str))))


def _used(tables: Tables, column: str, value: str, last_day: date, day: date) -> pd.DataFrame:
    """How many rows each account has of a part, in the four weeks up to ``last_day`` and since; as known on ``day``."""
    name, rows = use(tables)
    rows = _with(tables, (column,), before_day(name, rows, day))
    happened = TABLES[name].happened_on
    rows = rows.filter((rows[column] == value) & (rows[happened] > last_day - timedelta(days=MONTH_DAYS)))
    counts = rows.group_by("account_id").aggregate(
        before=rows.count(where=rows[happened] <= last_day), since=rows.count(where=rows[happened] > last_day)
    )
    frame: pd.DataFrame = counts.to_pyarrow().to_pandas()
    return frame
