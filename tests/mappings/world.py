"""A simulated base whose truth can be landed in the tables of tools: what no tool can tell is taken out of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.checks.check import check
from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.sources.connect import connect
from data.sources.known import Source, as_of
from flows.init import init
from flows.run.settings import load
from tests.engines.comparison import differences, in_order

END = date(2026, 10, 1)
Frames = dict[str, pd.DataFrame]
KEPT = {
    "accounts": None,
    "subscriptions": None,
    "invoices": ["account_id", "product", "billed_at", "amount"],
    "plans": ["product", "plan", "tier"],
    "usage_events": ["account_id", "occurred_at", "feature", "user_id"],
    "users": ["user_id", "account_id", "email_domain", "role", "created_at"],
    "tickets": ["ticket_id", "account_id", "opened_at", "closed_at", "kind", "severity", "csat"],
    "crm_events": ["account_id", "occurred_at", "kind", "object_id"],
}
"""The tables and columns of the contract that some tool can give."""
LINE = ["account_id", "product", "plan", "mrr", "valid_from", "valid_to", "seats", "renews_on", "contract_id"]


def salesforce_id(account: str) -> str:
    """The id of 18 letters that a CRM has for the simulated account A000001."""
    return f"001Q{int(account[1:]):011d}AAB"


def simulated(folder: Path, accounts: int, months: int, seed: int = 5) -> Frames:
    """A base as tools can tell it: known when it happened, hours of use, ratings of good and bad, paired deals."""
    simulate(folder, accounts=accounts, months=months, seed=seed, end=END)
    truth = {name: pd.read_parquet(folder / f"{name}.parquet") for name in KEPT}
    truth = {name: frame[KEPT[name] or list(frame)] for name, frame in truth.items()}
    for name, frame in truth.items():
        ids = [column for column in ("account_id", "parent_id") if column in frame]
        truth[name] = frame.assign(**{c: frame[c].map(salesforce_id, na_action="ignore") for c in ids})
    truth["accounts"]["owner"] = truth["accounts"]["owner"].fillna("Nobody Else")
    lines = truth["subscriptions"]
    truth["subscriptions"] = lines[LINE]
    # A billed period is over when it is over: no tool knows of a line that went on for days without a new one.
    late = truth["subscriptions"]["valid_to"] > truth["subscriptions"]["renews_on"]
    truth["subscriptions"].loc[late, "valid_to"] = truth["subscriptions"].loc[late, "renews_on"]
    months = truth["invoices"]["billed_at"].dt.to_period("M")
    truth["invoices"] = truth["invoices"].assign(
        period_start=months.dt.start_time, period_end=(months + 1).dt.start_time
    )
    events = truth["usage_events"]
    truth["usage_events"] = events.assign(occurred_at=events["occurred_at"].dt.floor("h"))
    tickets = truth["tickets"]
    rated = tickets["csat"].ge(4).map({True: 5.0, False: 1.0}).where(tickets["csat"].notna())
    truth["tickets"] = tickets.assign(csat=rated, kind=tickets["kind"].replace("billing", "task"))
    truth["crm_events"] = _deals(truth["crm_events"])
    return truth


def _deals(events: pd.DataFrame) -> pd.DataFrame:
    """Each opening of an expansion with the first close after it, as one deal."""
    rows: list[dict[str, object]] = []
    for account, of in events.groupby("account_id", sort=True):
        closes = sorted(of.loc[of["kind"] == "expansion_opportunity_closed", "occurred_at"])
        for opened in sorted(of.loc[of["kind"] == "expansion_opportunity_opened", "occurred_at"]):
            deal = f"006Q{len(rows):011d}AAB"
            base = {"account_id": account, "object_id": deal}
            rows.append(base | {"occurred_at": opened, "kind": "expansion_opportunity_opened"})
            later = [day for day in closes if day >= opened]
            if later:
                closes.remove(later[0])
                rows.append(base | {"occurred_at": later[0], "kind": "expansion_opportunity_closed"})
    return pd.DataFrame(rows, columns=["account_id", "occurred_at", "kind", "object_id"])


def chains(lines: pd.DataFrame) -> list[list[pd.Series]]:
    """The lines of each contract that follow each other without a gap."""
    found: list[list[pd.Series]] = []
    for _, line in lines.sort_values(["contract_id", "valid_from"]).iterrows():
        before = found[-1][-1] if found else None
        follows = before is not None and before["contract_id"] == line["contract_id"]
        if follows and before["valid_to"] == line["valid_from"]:
            found[-1].append(line)
        else:
            found.append([line])
    return found


def land(folder: Path, tool: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables of one tool as a loader does: one file each."""
    (folder / tool).mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_parquet(folder / tool / f"{name}.parquet", index=False)


def write_truth(folder: Path, truth: Frames) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in truth.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def mapped(url: str, file: Path, *tools: str) -> tuple[Source, list[str]]:
    """The source as ``headroom init`` maps it, and what it said."""
    lines = list(init(tools, file, url, force=False))
    settings = load(file)
    return connect(settings.source.url, settings.source.tables, root=settings.root), lines


@contextmanager
def true_source(folder: Path, truth: Frames) -> Iterator[Source]:
    with connect(f"parquet://{write_truth(folder, truth)}") as source:
        yield source


MONEY = ("account_id", "product", "day", "movement_class", "delta_mrr_e4", "seats_before", "seats_after", "plan_after")


def movements(source: Source) -> pa.Table:
    """The ledger as it was known before the end of the data."""
    rows = ledger(as_of(source.tables, END), ExpansionRules(), END).select(*MONEY).to_pyarrow()
    return in_order(rows, MONEY)


def by_class(rows: pa.Table) -> dict[str, tuple[int, int]]:
    """Of each class of movement how many there are, and their sum in ten-thousandths."""
    totals = rows.group_by("movement_class").aggregate([("delta_mrr_e4", "count"), ("delta_mrr_e4", "sum")])
    return {row["movement_class"]: (row["delta_mrr_e4_count"], row["delta_mrr_e4_sum"]) for row in totals.to_pylist()}


def assert_the_same_ledger(source: Source, true: Source) -> dict[str, tuple[int, int]]:
    """To the cent, in every class: count and sum of each."""
    mine, theirs = movements(source), movements(true)
    assert by_class(mine) == by_class(theirs)
    assert differences(mine, theirs) == []
    return by_class(theirs)


def assert_nothing_is_wrong(source: Source) -> None:
    """No error and no warning of check."""
    report = check(source, END)
    assert [finding.message for finding in (*report.errors, *report.warnings)] == []


def rows_of(source: Source, table: str, *columns: str) -> pa.Table:
    """Some staged columns of a table, in order."""
    rows = source.tables[table].select(*columns).to_pyarrow()
    return in_order(rows.select(list(columns)), columns)


def differing(mine: pa.Table, other: pa.Table) -> dict[str, int]:
    """The columns that both have and that differ, and in how many rows."""
    assert mine.num_rows == other.num_rows
    both = [name for name in mine.column_names if name in other.column_names]
    unlike = {name: _unlike(mine[name], other[name]) for name in both}
    return {name: count for name, count in unlike.items() if count}


def _unlike(mine: pa.ChunkedArray, other: pa.ChunkedArray) -> int:
    a, b = mine.combine_chunks(), other.combine_chunks().cast(mine.type)
    equal = pc.fill_null(pc.equal(a, b), False)
    both_null = pc.and_(pc.is_null(a), pc.is_null(b))
    return len(a) - int(pc.sum(pc.or_(equal, both_null)).as_py() or 0)
