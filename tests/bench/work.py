"""One piece of work in a process of its own: ``python -m tests.bench.work NAME FOLDER``.

The last line of the output is JSON: CPU seconds of ``imports`` and of the ``work`` itself, ``rows`` and ``columns``.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

END = date(2026, 10, 1)
SNAPSHOTS = 24
FEATURETOOLS_SNAPSHOTS = 24
SCANS = 5
THREADS = 2
MEMORY_LIMIT = "1500MB"

Work = Callable[[], tuple[int, int]]
"""What is measured; it gives the rows and columns that came out."""


def month_starts(count: int) -> list[date]:
    """The last ``count`` first days of months up to ``END``, the latest last."""
    months = [END.year * 12 + END.month - 1 - back for back in range(count)]
    return [date(month // 12, month % 12 + 1, 1) for month in reversed(months)]


def _scan(folder: Path) -> Work:
    import duckdb

    con = duckdb.connect(config={"threads": THREADS})
    columns = "count(*), count(account_id), max(occurred_at), count(feature), count(user_id), sum(quantity)"

    def work() -> tuple[int, int]:
        for _ in range(SCANS):
            con.execute(f"select {columns} from read_parquet('{_usage(folder)}')").fetchone()
        return SCANS, 6

    return work


def _usage(folder: Path) -> str:
    """The usage Parquet: a file, or a folder of files."""
    parts = folder / "usage_events"
    return f"{parts}/*.parquet" if parts.is_dir() else f"{parts}.parquet"


def _headroom(snapshots: int) -> Callable[[Path], Work]:
    def prepared(folder: Path) -> Work:
        from data.ledger.rules import ExpansionRules
        from data.sources.connect import connect
        from data.sources.known import KnownBase
        from features.build.build import build

        def work() -> tuple[int, int]:
            rows = columns = 0
            with connect(f"parquet://{folder}", threads=THREADS, memory_limit=MEMORY_LIMIT) as source:
                base = KnownBase(END, source.tables, source.engine, source.absent)
                for shard in build(base, month_starts(snapshots), ExpansionRules()):
                    rows, columns = rows + shard.rows.num_rows, shard.rows.num_columns - 2
                    print(f"{rows:,} rows", file=sys.stderr)
            return rows, columns

        return work

    return prepared


def _peer(name: str, snapshots: int) -> Callable[[Path], Work]:
    def prepared(folder: Path) -> Work:
        from tests.bench import peers

        peer: Any = getattr(peers, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peers.imported(name)

        def work() -> tuple[int, int]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return len(peer(folder / "usage_events.parquet", month_starts(snapshots))), len(peers.METRICS)

        return work

    return prepared


def _figures(folder: Path) -> Work:
    """All tables of the company's figures but those of readiness; its columns are the slices that it is told of."""
    from data.figures.figures import company_figures
    from data.ledger.rules import ExpansionRules
    from data.sources.connect import connect
    from data.sources.known import known_before
    from tests.bench.company import MONTHS

    def work() -> tuple[int, int]:
        with connect(f"parquet://{folder}", threads=THREADS, memory_limit=MEMORY_LIMIT) as source:
            made = company_figures(known_before(source, END, END), ExpansionRules(), MONTHS)
        bridge = made.tables["bridge"]
        return len(bridge), len(bridge[["dimension", "slice"]].drop_duplicates())

    return work


def _pandas_bridges(name: str) -> Callable[[Path], Work]:
    """The plain script: the bridge of the whole company, or of every slice."""

    def prepared(folder: Path) -> Work:
        import pandas as pd

        from tests.bench import company

        def work() -> tuple[int, int]:
            lines, end = company.read_lines(folder), pd.Timestamp(END)
            if name == "whole":
                return len(company.pandas_bridge(lines, end)), 1
            bridges = company.pandas_bridges(lines, end)
            return sum(map(len, bridges.values())), len(bridges)

        return work

    return prepared


WORK: dict[str, Callable[[Path], Work]] = {
    "scan": _scan,
    "features_24": _headroom(SNAPSHOTS),
    "features_1": _headroom(1),
    "pandas_loop": _peer("pandas_loop", SNAPSHOTS),
    "polars_lazy": _peer("polars_lazy", SNAPSHOTS),
    "distinct_sql": _peer("distinct_sql", SNAPSHOTS),
    "featuretools_dfs": _peer("featuretools_dfs", FEATURETOOLS_SNAPSHOTS),
    "company_figures": _figures,
    "pandas_bridge": _pandas_bridges("whole"),
    "pandas_bridges": _pandas_bridges("every slice"),
}


def main(name: str, folder: Path) -> None:
    began = time.process_time()
    work = WORK[name](folder)
    ready = time.process_time()
    rows, columns = work()
    done = time.process_time()
    repeats = SCANS if name == "scan" else 1
    print(json.dumps({"imports": ready - began, "work": (done - ready) / repeats, "rows": rows, "columns": columns}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
