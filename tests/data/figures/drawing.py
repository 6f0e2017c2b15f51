"""Figures of drawn tables, and their rows in whole currency."""

from datetime import date
from typing import Any

import pandas as pd

from data.currency import in_reporting_currency
from data.figures.figures import company_figures
from data.ledger.rules import ExpansionRules
from tests.drawn import SNAPSHOT, base, known

E4 = 10_000
LAST = date(2026, 6, 1)
"""The last month that is over on the day that drawn bases stand on."""


def drawn_figures(day: date = SNAPSHOT, rules: ExpansionRules | None = None, **tables: str) -> dict[str, pd.DataFrame]:
    """The tables of the figures of the year before a day (the 1st of July 2026), of a drawn base."""
    converted = in_reporting_currency(base(**tables), day)
    return company_figures(known(converted, day), rules or ExpansionRules(), 12).tables


def only(table: pd.DataFrame, **where: Any) -> dict[str, Any]:
    """The one row where the columns have these values (the whole company where no slice is asked for), in currency."""
    if "dimension" in table:
        where = {"dimension": "all", "slice": "all"} | where
    for name, value in where.items():
        is_it = table[name].isna() if value is None else table[name] == (pd.Timestamp(value) if name in DAYS else value)
        table = table[is_it]
    assert len(table) == 1, f"{len(table)} rows where {where}"
    return {name.removesuffix("_e4"): _shown(name, value) for name, value in table.iloc[0].items()}


DAYS = ("month", "acquisition_quarter")


def _shown(name: str, value: Any) -> Any:
    return value / E4 if name.endswith("_e4") else value
