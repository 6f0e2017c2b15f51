"""What came of accounts in windows of a horizon each, as the ledger has it: the label of the training."""

from datetime import date, timedelta

import ibis
import pandas as pd

from data.contract.outputs import ASSIGNMENTS
from data.contract.vocabulary import E4
from data.ledger.revenue import all_lines
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase, customers
from features.cohort import cohort
from features.labels import labels
from flows.stages.dates import known_until
from models.experiment.known import EXPANDED, EXPANSION_ARR
from serving.published.read import PublishedList

PAST_WINDOWS = 4
"""So many windows before a day tell what an experiment of a year could show."""


def matured(listing: PublishedList, base: KnownBase, rules: ExpansionRules, end: date | None) -> pd.DataFrame:
    """One row per account of an experiment and window that is over: its assignment, the window, what came of it.

    Windows follow each other from the day on which the account came in, and are over before the ``end`` of the
    experiment. An account that is no customer any more has added nothing; one that the tables no longer have is left
    out, which the sample ratio tells of.
    """
    assigned = listing.of_all(ASSIGNMENTS.name)
    there = customers(base.tables).to_pyarrow().to_pandas()["account_id"]
    assigned = assigned[assigned["account_id"].isin(there)]
    until, length = min(filter(None, (known_until(base), end))), timedelta(days=rules.horizon_days)
    parts = []
    came_in = pd.to_datetime(assigned["assigned_on"]).dt.date
    first_days: list[date] = sorted(came_in.unique())
    for first_day in first_days:
        these, over = assigned[came_in == first_day], (until - first_day) // length
        parts += [these.assign(window=number, begins=first_day + number * length) for number in range(over)]
    if not parts:
        return assigned.iloc[:0]
    return _with_outcomes(pd.concat(parts, ignore_index=True), base, rules)


def before(base: KnownBase, rules: ExpansionRules) -> pd.DataFrame:
    """One row per account that was a customer a year before the base ends, and each of the windows since.

    Columns: account_id, window and what came of it. Fewer windows where less is known; empty where not one is.
    """
    until, length = known_until(base), timedelta(days=rules.horizon_days)
    for windows in range(PAST_WINDOWS, 0, -1):
        first = until - windows * length
        there = cohort(base.tables, [first], rules).to_pyarrow().to_pandas()[["account_id"]]
        if len(there):
            parts = [there.assign(window=number, begins=first + number * length) for number in range(windows)]
            return _with_outcomes(pd.concat(parts, ignore_index=True), base, rules)
    return pd.DataFrame(columns=["account_id", "window"])


def _with_outcomes(rows: pd.DataFrame, base: KnownBase, rules: ExpansionRules) -> pd.DataFrame:
    """The rows with what came of each account in the window that ``begins`` on its day."""
    asked = pd.DataFrame({"account_id": rows["account_id"].astype("str"), "snapshot_date": rows["begins"]})
    members = ibis.memtable(asked, schema=ibis.schema({"account_id": "string", "snapshot_date": "date"}))
    with base.engine.cached({"lines": all_lines(base.tables, rules)}) as held:
        came = labels(base.tables, members, rules, held["lines"]).to_pyarrow().to_pandas()
    came = came.assign(begins=pd.to_datetime(came["snapshot_date"]).dt.date)
    came[EXPANSION_ARR] = came["expansion_arr_e4"] / E4
    return rows.merge(came[["account_id", "begins", EXPANDED, EXPANSION_ARR]], on=["account_id", "begins"], how="left")
