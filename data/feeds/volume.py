"""How much comes in: the rows of a table's last period against its own usual one, and the values of its columns.

A period is a week, or four of them where a table has too few rows a week to tell. What is counted are days on which
something happened, up to the day before; rows that will come in late are missing from the last of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np

from data.contract.inputs import TABLES, Column, Kind
from data.feeds.feeds import MUTED, NO_FEEDS
from data.time_cut import Tables

PERIODS_DAYS = (7, 28)
YEAR_DAYS = 364
FEWEST_PERIODS, FEWEST_ROWS = 8, 20
"""It takes so many earlier periods, none with fewer rows, to know how much usually comes."""
STEADY, TIMES = 0.95, 2.0
"""In a period that tells, so many of the earlier ones have at least half and at most twice the rows of the usual one:
what is billed on the first of a month says nothing by the week."""
DEVIATION = 1.4826
"""Times the median distance from the median: the standard deviation, where rows spread evenly (Rousseeuw, 1993)."""
RECENT_DAYS = 28
QUARTILES = (0.25, 0.5, 0.75)
MEASURED = (Kind.MONEY, Kind.QUANTITY, Kind.COUNT, Kind.RATING)
LATER = frozenset({"tickets.csat", "invoices.period_end", "users.team", "users.role"})
"""Columns that fill up after a row has come, beside the later facts of the contract."""


@dataclass(frozen=True)
class Volume:
    """Rows of the last period of a table, and of the earlier ones the median, the least, the most and how far they
    spread: ``deviation``, a standard deviation in rows.
    """

    table: str
    period_days: int
    rows: int
    usual_rows: float
    least: int
    most: int
    deviation: float

    @property
    def is_extreme(self) -> bool:
        """Has it fewer or more rows than any earlier period?"""
        return not self.least <= self.rows <= self.most

    @property
    def ratio(self) -> float:
        return self.rows / self.usual_rows


def volumes(tables: Tables, day: date) -> Iterator[Volume]:
    """Each feed with a rhythm of its own, up to ``day``. Contract lines are none: a price rise writes them anew."""
    for name in clocked(tables):
        if name not in MUTED:
            continue
        happened = tables[name][TABLES[name].happened_on]
        counted = tables[name].select(day=happened).filter((ibis._.day < day) & (ibis._.day >= _back(day, YEAR_DAYS)))
        counts = counted.group_by("day").aggregate(rows=ibis._.count()).to_pyarrow().to_pydict()
        ages = np.array([(day - on).days - 1 for on in counts["day"]], dtype=int)
        rows = np.zeros(YEAR_DAYS, dtype=int)
        rows[ages] = counts["rows"]
        yield from _volume(name, rows[: ages.max(initial=-1) + 1])


def _volume(name: str, by_age: np.ndarray) -> Iterator[Volume]:
    """The volume of a table by the rows of each day, the last first, in the shortest period that tells."""
    for length in PERIODS_DAYS:
        whole = len(by_age) // length
        last, *earlier = by_age[: whole * length].reshape(whole, length).sum(axis=1).tolist() or [0]
        if len(earlier) >= FEWEST_PERIODS and min(earlier) >= FEWEST_ROWS and _is_steady(np.array(earlier)):
            usual = float(np.median(earlier))
            spread = DEVIATION * float(np.median(np.abs(np.array(earlier) - usual)))
            yield Volume(name, length, last, usual, min(earlier), max(earlier), max(spread, usual**0.5))
            return


def _is_steady(rows: np.ndarray) -> bool:
    ratios = rows / np.median(rows)
    return bool(((ratios >= 1 / TIMES) & (ratios <= TIMES)).mean() >= STEADY)


def clocked(tables: Tables) -> list[str]:
    """The tables that say when a row happened, but for what is no feed."""
    return [name for name in tables if TABLES[name].happened_on and name not in NO_FEEDS]


@dataclass(frozen=True)
class ColumnLevel:
    """A column of a table in its recent rows and in those of the year before them.

    ``nulls``: rows without a value; the quartiles are of numbers that are not zero, as they are staged, empty of texts.
    """

    table: str
    column: str
    rows: int
    nulls: int
    quartiles: tuple[float, ...]
    earlier_rows: int
    earlier_nulls: int
    earlier_quartiles: tuple[float, ...]


def column_levels(tables: Tables, day: date) -> Iterator[ColumnLevel]:
    """Every optional or measured column of the tables with a clock; tables with too few recent rows tell nothing."""
    for name in clocked(tables):
        yield from _levels(name, tables[name], day)


def _levels(name: str, table: ir.Table, day: date) -> Iterator[ColumnLevel]:
    happened, border = table[TABLES[name].happened_on], _back(day, RECENT_DAYS)
    rows = table.filter((happened < day) & (happened >= _back(border, YEAR_DAYS)))
    recent = rows[TABLES[name].happened_on] >= border
    columns = [column for column in _watched(name) if column.staged_name in table.columns]
    asked: dict[str, ir.Value] = {}
    for part, when in (("now", recent), ("then", ~recent)):
        asked[f"{part} rows"] = rows.count(where=when)
        for column in columns:
            value = rows[column.staged_name]
            asked[f"{part} nulls {column.name}"] = rows.count(where=when & value.isnull())
            if column.kind in MEASURED:
                for place in QUARTILES:
                    asked[f"{part} {place} {column.name}"] = value.cast("float64").nullif(0).quantile(place, where=when)
    told = rows.aggregate(**asked).to_pyarrow().to_pylist()[0]
    if min(told["now rows"], told["then rows"]) >= FEWEST_ROWS:
        yield from (
            ColumnLevel(name, column.name, *_side(told, "now", column), *_side(told, "then", column))
            for column in columns
        )


def _side(told: dict[str, Any], part: str, column: Column) -> tuple[int, int, tuple[float, ...]]:
    quartiles = [told[f"{part} {place} {column.name}"] for place in QUARTILES if column.kind in MEASURED]
    known = tuple(float(value) for value in quartiles if value is not None)
    return told[f"{part} rows"], told[f"{part} nulls {column.name}"], known


def _watched(name: str) -> list[Column]:
    """The columns that are measured or may be empty, but for clocks and what is filled up later."""
    contract = TABLES[name]
    return [
        column
        for column in contract.columns
        if (column.kind in MEASURED or not column.required)
        and column.kind is not Kind.CLOCK
        and column.staged_name not in contract.later_facts
        and f"{name}.{column.name}" not in LATER
    ]


def _back(day: date, days: int) -> date:
    return day - timedelta(days=days)
