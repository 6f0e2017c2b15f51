"""The work that is measured, each in a process of its own: ours, one scan of the usage, and a pandas loop.

python -m tests.bench.peers NAME WAREHOUSE
"""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

END = date(2026, 10, 1)
SNAPSHOTS = 24


def _dates() -> list[date]:
    from features.calendar import month_starts

    return month_starts(date(2020, 1, 1), END)[-SNAPSHOTS:]


def scan(warehouse: Path) -> None:
    """Read every column of the usage Parquet once, and count."""
    import duckdb

    columns = "count(*), count(account_id), max(occurred_at), count(feature), count(user_id), sum(quantity)"
    duckdb.connect().execute(f"select {columns} from read_parquet('{warehouse}/usage_events.parquet')").fetchone()


def _build(warehouse: Path, dates: list[date]) -> None:
    from data.movements import ExpansionRules
    from data.source import connect
    from features.build import absent_columns, build

    source = connect(f"parquet://{warehouse}")
    for _ in build(source.tables, dates, ExpansionRules(), absent=absent_columns(source.raw)):
        pass


def features_24(warehouse: Path) -> None:
    """All features at 24 monthly snapshots."""
    _build(warehouse, _dates())


def features_1(warehouse: Path) -> None:
    """All features at one snapshot: what a scoring run builds."""
    _build(warehouse, [END])


def pandas_loop(warehouse: Path) -> None:
    """Eleven usage metrics at 24 snapshots, as a data team would write them: one groupby for each window and date."""
    import pandas as pd

    columns = ["account_id", "occurred_at", "feature", "user_id"]
    events = pd.read_parquet(warehouse / "usage_events.parquet", columns=columns)
    events["day"] = events["occurred_at"].dt.floor("D")
    rows = []
    for day in map(pd.Timestamp, _dates()):
        past = events[events["occurred_at"] < day]
        windows = {days: past[past["occurred_at"] >= day - pd.Timedelta(days=days)] for days in (7, 28, 56, 91, 182)}
        of = {days: window.groupby("account_id") for days, window in windows.items()}
        rows.append(
            pd.DataFrame(
                {
                    "events_28d": of[28].size(),
                    "events_91d": of[91].size(),
                    "events_growth_28d": of[28].size() / (of[56].size() - of[28].size()) - 1,
                    "events_growth_91d": of[91].size() / (of[182].size() - of[91].size()) - 1,
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
    pd.concat(rows)


WORK: dict[str, Callable[[Path], None]] = {
    "scan": scan,
    "features_24": features_24,
    "features_1": features_1,
    "pandas_loop": pandas_loop,
}

if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]))
