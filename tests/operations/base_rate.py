"""``python -m tests.operations.base_rate``: a base rate that doubles shows in the scoreboard and in an alarm.

One model publishes a list on the first of each month, and monitoring runs after it. From ``CHANGE`` on there are two
bases: in one everything goes on as it did, in the other as many accounts again buy seats as expand anyway. They are the
same in all that is known before.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.simulation.life import month_after
from data.simulation.price_list import CORE
from data.sources.connect import connect
from features.labels import held_for_labels, labels
from models.monitoring.alarms import AlarmCode
from serving.monitoring.standing import StandingAlarm
from serving.monitoring.store import read_monitoring
from tests.operations.processes import Home, copied, working_folder

ACCOUNTS, MONTHS, SEED, END = 1_000, 30, 7, date(2026, 10, 1)
TRAINED, CHANGE, LAST = date(2025, 10, 1), date(2026, 1, 1), date(2026, 7, 1)
MORE_SEATS = 1.5
AS_IT_WAS, DOUBLED = "as it was", "doubled"
TELL_OF_IT = (AlarmCode.RATE_CHANGED, AlarmCode.FORECAST_OFF)
HEAD = "| base | run | list | accounts | forecast | came | rate | alarms |\n|---|---|---|---|---|---|---|---|"


def buyers(warehouse: Path, horizon_days: int) -> dict[str, pd.Timestamp]:
    """Accounts that are to buy, and when: in each window from ``CHANGE`` on as many others as expand."""
    rules, draw, chosen = ExpansionRules(horizon_days=horizon_days), np.random.default_rng(SEED), {}
    days = [CHANGE + timedelta(days=n) for n in range(0, (END - CHANGE).days - horizon_days + 1, horizon_days)]
    lines = pd.read_parquet(warehouse / "subscriptions.parquet").query("product == @CORE and notice_at.isna()")
    with (
        connect(f"parquet://{warehouse}") as source,
        held_for_labels(source.engine, source.tables, days, rules) as held,
    ):
        came = labels(source.tables, held["cohort"], rules, held["lines"]).to_pandas()
    for day in map(pd.Timestamp, days):
        of_day, ends = came[pd.to_datetime(came["snapshot_date"]) == day], day + pd.Timedelta(days=horizon_days)
        stays = lines[(lines["valid_from"] < day) & ~(lines["valid_to"] < ends)]["account_id"]
        others = of_day[(of_day["expanded"] == 0) & of_day["account_id"].isin(stays)]["account_id"]
        free = sorted(set(others) - chosen.keys())
        for account in draw.choice(free, of_day["expanded"].sum(), replace=False):
            chosen[str(account)] = day + pd.Timedelta(days=int(draw.integers(1, horizon_days)))
    return chosen


def with_more_seats(lines: pd.DataFrame, since: dict[str, pd.Timestamp]) -> pd.DataFrame:
    """The lines of subscriptions, where these accounts have more seats since their day, which is known that day."""
    lines = lines.assign(day=lines["account_id"].where(lines["product"] == CORE).map(since))
    spans = (lines["valid_from"] < lines["day"]) & ~(lines["valid_to"] <= lines["day"])
    after = lines[spans].assign(valid_from=lines["day"], known_at=lines["day"])
    lines.loc[spans, "valid_to"] = lines["day"]
    lines = pd.concat([lines, after], ignore_index=True)
    grows = lines["valid_from"] >= lines["day"]
    seats = np.ceil(lines["seats"].where(grows) * MORE_SEATS)
    lines["mrr"] = (lines["mrr"] * seats / lines["seats"]).round(2).where(grows, lines["mrr"])
    lines["seats"] = seats.where(grows, lines["seats"]).astype("Int64")
    return lines.drop(columns="day")


def bases(scratch: Path, accounts: int) -> dict[str, Path]:
    """The two bases by name, each in a folder of its own."""
    usual, doubled = scratch / "warehouse", scratch / "doubled"
    simulate(usual, accounts, MONTHS, seed=SEED, end=END)
    copied(usual, doubled)
    lines = pd.read_parquet(usual / "subscriptions.parquet")
    more = with_more_seats(lines, buyers(usual, ExpansionRules().horizon_days))
    more.to_parquet(doubled / "subscriptions.parquet", index=False)
    return {AS_IT_WAS: usual, DOUBLED: doubled}


def firsts(begin: date, end: date) -> Iterator[date]:
    """The first of each month in ``[begin, end)``."""
    while begin < end:
        yield begin
        begin = month_after(begin, 1)


def month(home: Home, base: Path, day: date) -> None:
    """What is scheduled: the list, and then monitoring."""
    asked = ("--source", f"parquet://{base}", "--snapshot-date", day, "--out", home.out)
    home.must("score", *asked)
    home.must("monitor", *asked)


def row(name: str, home: Home) -> tuple[str, tuple[StandingAlarm, ...]]:
    """What the last run found: its latest matured list in one line, and the alarms."""
    found = read_monitoring(home.out)
    assert found is not None
    lists = found.frames["lists"].query("is_matured and not learnt_ahead")
    told = [name, str(found.day)]
    for of in lists.tail(1).to_dict("records"):
        known = of["accounts"] - of["without_outcome"]
        told += [str(of["snapshot_date"]), f"{known:,}", f"{of['expected_expansions']:.0f}", str(of["expansions"])]
        told += [f"{of['rate']:.1%}"]
    told += [""] * (7 - len(told)) + [", ".join(alarm.key for alarm in found.alarms)]
    return f"| {' | '.join(told)} |", found.alarms


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.operations.base_rate", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--scratch", type=Path, help="an empty folder for bases, model and lists, which is kept")
    asked = parser.parse_args()
    told: dict[str, list[tuple[StandingAlarm, ...]]] = {AS_IT_WAS: [], DOUBLED: []}
    print(HEAD)
    with working_folder(asked.scratch) as scratch:
        home, places = Home(scratch), bases(scratch, asked.accounts)
        home.must("train", "--source", f"parquet://{places[AS_IT_WAS]}", "--snapshot-date", TRAINED)
        for day in firsts(TRAINED, CHANGE):
            month(home, places[AS_IT_WAS], day)
        copied(home.out, scratch / "until the change")
        for name, base in places.items():
            copied(scratch / "until the change", home.out)
            for day in firsts(CHANGE, month_after(LAST, 1)):
                month(home, base, day)
                line, alarms = row(name, home)
                print(line, flush=True)
                told[name].append(alarms)
    stand = told[DOUBLED][-1]
    for alarm in stand:
        print(f"since {alarm.since}, {alarm.value:.2f} where the threshold is {alarm.threshold:.2f}: {alarm.line()}")
    silent = set(TELL_OF_IT) - {alarm.code for alarm in stand}
    false = {alarm.code for alarms in told[AS_IT_WAS] for alarm in alarms} & set(TELL_OF_IT)
    print(f"not told in the end where it doubled: {sorted(silent)}; told where it did not: {sorted(false)}")
    sys.exit(bool(silent or false))


if __name__ == "__main__":
    main()
