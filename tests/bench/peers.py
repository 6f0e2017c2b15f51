"""Eleven usage metrics, as the users of other tools write them. One definition of the windows for all of them.

A window of ``d`` days before a snapshot is ``[snapshot_date - d, snapshot_date)``; an event counts when it happened:
no peer looks at ``known_at``. Headroom does, in the bench as everywhere. Every function gets the
usage Parquet and the snapshot dates and gives a frame of ``account_id``, ``snapshot_date`` and ``METRICS``, one row per
account and snapshot with use in the longest window.
"""

import importlib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

METRICS = (
    "events_28d",
    "events_91d",
    "events_growth_28d",
    "events_growth_91d",
    "active_users_7d",
    "active_users_28d",
    "active_users_91d",
    "active_days_28d",
    "active_days_91d",
    "features_used_28d",
    "features_used_91d",
)
LONGEST_DAYS = 182


def pandas_loop(usage: Path, dates: Sequence[date]) -> pd.DataFrame:
    """As a data team would: read once, then one groupby for each window and snapshot."""
    events = pd.read_parquet(usage, columns=["account_id", "occurred_at", "feature", "user_id"])
    events["day"] = events["occurred_at"].dt.floor("D")
    rows = []
    for day in map(pd.Timestamp, dates):
        past = events[events["occurred_at"] < day]
        windows = {days: past[past["occurred_at"] >= day - pd.Timedelta(days=days)] for days in (7, 28, 56, 91, 182)}
        of = {days: window.groupby("account_id") for days, window in windows.items()}
        size = pd.DataFrame({days: of[days].size() for days in of}).fillna(0)
        rows.append(
            pd.DataFrame(
                {
                    "events_28d": size[28],
                    "events_91d": size[91],
                    "events_growth_28d": _growth(size[28], size[56] - size[28]),
                    "events_growth_91d": _growth(size[91], size[182] - size[91]),
                    "active_users_7d": of[7]["user_id"].nunique(),
                    "active_users_28d": of[28]["user_id"].nunique(),
                    "active_users_91d": of[91]["user_id"].nunique(),
                    "active_days_28d": of[28]["day"].nunique(),
                    "active_days_91d": of[91]["day"].nunique(),
                    "features_used_28d": of[28]["feature"].nunique(),
                    "features_used_91d": of[91]["feature"].nunique(),
                }
            ).assign(snapshot_date=day)
        )
    return _finished(pd.concat(rows).rename_axis("account_id").reset_index())


def polars_lazy(usage: Path, dates: Sequence[date]) -> pd.DataFrame:
    """A lazy scan, and for each snapshot one group_by with a filter for each window."""
    import polars as pl

    events = pl.scan_parquet(usage).select("account_id", "occurred_at", "feature", "user_id")
    events = events.with_columns(day=pl.col("occurred_at").dt.date()).collect().lazy()
    frames = []
    for day in dates:
        age = pl.lit(day) - pl.col("day")
        window = events.filter(pl.col("day") < day, pl.col("day") >= day - timedelta(days=LONGEST_DAYS))
        window = window.with_columns(age=age.dt.total_days())
        recent = {days: pl.col("age") <= days for days in (7, 28, 56, 91, 182)}
        count = {days: is_in.sum().cast(pl.Int64) for days, is_in in recent.items()}
        unique = {
            f"{name}_{days}d": pl.col(column).filter(recent[days]).drop_nulls().n_unique()
            for name, column, windows in (
                ("active_users", "user_id", (7, 28, 91)),
                ("active_days", "day", (28, 91)),
                ("features_used", "feature", (28, 91)),
            )
            for days in windows
        }
        before = {28: count[56] - count[28], 91: count[182] - count[91]}
        rows = window.group_by("account_id").agg(
            **{f"events_{days}d": count[days] for days in (28, 91)},
            **{f"before_{days}d": before[days] for days in (28, 91)},
            **unique,
        )
        growth = {
            f"events_growth_{days}d": pl.when(pl.col(f"before_{days}d") > 0).then(
                pl.col(f"events_{days}d") / pl.col(f"before_{days}d") - 1
            )
            for days in (28, 91)
        }
        frames.append(rows.with_columns(snapshot_date=pl.lit(day), **growth))
    return _finished(pd.DataFrame(pl.concat(pl.collect_all(frames)).to_dict(as_series=False)))


def distinct_sql(usage: Path, dates: Sequence[date]) -> pd.DataFrame:
    """As an analyst would: one range join with the snapshots, and COUNT(DISTINCT) with a filter for each window."""
    import duckdb

    con = duckdb.connect(config={"threads": 2})
    con.execute("create table snapshots (snapshot_date date)")
    con.executemany("insert into snapshots values (?)", [[day] for day in dates])
    recent = {days: f"occurred_at >= snapshot_date - interval {days} day" for days in (7, 28, 56, 91)}
    unique = ", ".join(
        f"count(distinct {column}) filter (where {recent[days]}) as {name}_{days}d"
        for name, column, windows in (
            ("active_users", "user_id", (7, 28, 91)),
            ("active_days", "cast(occurred_at as date)", (28, 91)),
            ("features_used", "feature", (28, 91)),
        )
        for days in windows
    )
    counts = ", ".join(f"count(*) filter (where {recent[days]}) as n{days}" for days in (28, 56, 91))
    rows = con.sql(
        f"""
        with counted as (
            select account_id, snapshot_date, {counts}, count(*) as n182, {unique}
            from read_parquet('{usage}') join snapshots
              on occurred_at < snapshot_date and occurred_at >= snapshot_date - interval {LONGEST_DAYS} day
            group by all
        )
        select *, n28 as events_28d, n91 as events_91d, n28 / nullif(n56 - n28, 0) - 1 as events_growth_28d,
               n91 / nullif(n182 - n91, 0) - 1 as events_growth_91d
        from counted
        """
    )
    return _finished(rows.to_df())


def featuretools_dfs(usage: Path, dates: Sequence[date]) -> pd.DataFrame:
    """Deep feature synthesis with cut-off times, one run for each window; all accounts of the file at every date."""
    import featuretools as ft  # type: ignore[import-untyped]

    _remember_accessors()
    columns = ["account_id", "occurred_at", "feature", "user_id"]
    events = pd.read_parquet(usage, columns=columns)
    events["day"] = events["occurred_at"].dt.strftime("%Y-%m-%d")
    events["event_id"] = range(len(events))
    accounts = pd.DataFrame({"account_id": sorted(events["account_id"].unique())})
    kinds = dict.fromkeys(("account_id", "feature", "user_id", "day"), "Categorical")
    base = ft.EntitySet("base")
    base.add_dataframe(
        dataframe_name="events", dataframe=events, index="event_id", time_index="occurred_at", logical_types=kinds
    )
    base.add_dataframe(
        dataframe_name="accounts", dataframe=accounts, index="account_id", logical_types={"account_id": "Categorical"}
    )
    base.add_relationship("accounts", "account_id", "events", "account_id")
    # A cut-off time counts itself: the last moment before the snapshot.
    times = [pd.Timestamp(day) - pd.Timedelta(milliseconds=1) for day in dates]
    cutoffs = pd.DataFrame([(account, time) for time in times for account in accounts["account_id"]])
    cutoffs.columns = ["account_id", "time"]
    runs = {}
    for days in (7, 28, 56, 91, LONGEST_DAYS):
        primitives = ["count"] if days in (56, LONGEST_DAYS) else ["count", "num_unique"]
        matrix, _ = ft.dfs(
            entityset=base,
            target_dataframe_name="accounts",
            agg_primitives=primitives,
            trans_primitives=[],
            cutoff_time=cutoffs,
            cutoff_time_in_index=True,
            training_window=ft.Timedelta(days, "d"),
            include_cutoff_time=True,
        )
        runs[days] = matrix.sort_index()
    size = {days: runs[days]["COUNT(events)"].astype("float64").fillna(0) for days in runs}
    names = {"active_users": "user_id", "active_days": "day", "features_used": "feature"}
    unique = {
        metric: runs[int(metric.rsplit("_", 1)[1][:-1])][f"NUM_UNIQUE(events.{names[metric.rsplit('_', 1)[0]]})"]
        for metric in METRICS
        if metric.rsplit("_", 1)[0] in names
    }
    rows = pd.DataFrame(
        {
            "events_28d": size[28],
            "events_91d": size[91],
            "events_growth_28d": _growth(size[28], size[56] - size[28]),
            "events_growth_91d": _growth(size[91], size[182] - size[91]),
            **unique,
        }
    )[size[LONGEST_DAYS] > 0].reset_index()
    rows["snapshot_date"] = rows["time"] + pd.Timedelta(milliseconds=1)
    return _finished(rows)


def imported(name: str) -> None:
    """Import what a peer needs, so that only its work is measured."""
    modules = {"polars_lazy": "polars", "distinct_sql": "duckdb", "featuretools_dfs": "featuretools"}
    if name in modules:
        importlib.import_module(modules[name])


def _remember_accessors() -> None:
    """Let featuretools 1.31 run on pandas 3.1.

    Its types are kept on the accessor ``.ww`` of a frame, and pandas 3.1 makes a new accessor at every access where it
    used to keep the first. Goes when woodwork keeps them elsewhere.
    """
    from pandas.core.accessor import Accessor  # type: ignore[attr-defined]

    class Kept(Accessor):
        def __get__(self, obj: Any, cls: Any) -> Any:
            if obj is None:
                return self._accessor
            accessor = self._accessor(obj)
            object.__setattr__(obj, self._name, accessor)
            return accessor

    for kind in (pd.DataFrame, pd.Series):
        kind.ww = Kept("ww", vars(kind)["ww"]._accessor)  # type: ignore[union-attr]


def _growth(now: pd.Series, before: pd.Series) -> pd.Series:
    return now / before.where(before > 0) - 1


def _finished(rows: pd.DataFrame) -> pd.DataFrame:
    """In one order and in one type; nothing in a window counts 0, and no growth from nothing."""
    rows["snapshot_date"] = pd.to_datetime(rows["snapshot_date"]).astype("datetime64[us]")
    counts = [name for name in METRICS if "growth" not in name]
    values = {name: rows[name].astype("float64") for name in METRICS}
    values |= {name: values[name].fillna(0) for name in counts}
    rows = rows.assign(**values)[["account_id", "snapshot_date", *METRICS]]
    rows["account_id"] = rows["account_id"].astype("object")
    return rows.sort_values(["account_id", "snapshot_date"], ignore_index=True)
