"""A folder of Parquet files as years of exports leave it: types drift from part to part, columns come and go."""

import uuid
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DAY = date(2026, 1, 5)
NANOSECONDS = pa.timestamp("ns")


def write(folder: Path) -> Path:
    """The base, with much beside it that nobody asks for."""
    for name, columns in WHOLE.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    for number, columns in enumerate(PARTS):
        path = folder / "usage_daily" / f"part-{number}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), path)
    for account, number in (("007", 1), ("1e5", 2)):
        path = folder / "tickets" / f"account_id={account}" / f"year=202{number}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"ticket_id": [f"t{number}"], "opened_at": [datetime(2026, 1, number, 9)]}), path)
    (folder / "notes.parquet").write_text("no Parquet at all")
    (folder / "my-file (1).parquet").write_text("nor is this")
    (folder / "memo.csv").write_text("a,b\n1\n")
    (folder / "lake" / "_delta_log").mkdir(parents=True)
    (folder / "lake" / "part-0.parquet").touch()
    return folder


WHOLE = {
    "accounts": {
        "account_id": ["1", "2"],
        "name": pa.array(["Acme", "Bolt"]).dictionary_encode(),
        "created_at": pa.array([datetime(2024, 1, 1, 23, 30), None], NANOSECONDS),
        "employees": pa.array([40_000, None], pa.uint32()),
        "parent_id": pa.array([uuid.UUID(int=10).bytes, None], pa.uuid()),
        "segment": pa.nulls(2),
        "office_hours": [time(9, 30), None],  # nobody asks for it
        "row_id": pa.array([uuid.UUID(int=1).bytes, uuid.UUID(int=2).bytes], pa.uuid()),
        "noise": pa.array([1.5, 2.5], pa.float16()),
    },
    "subscriptions": {
        "account_id": pa.array([1, 2], pa.int8()),
        "product": ["core", "core"],
        "plan": ["basic", "basic"],
        "mrr": [Decimal("10.50"), Decimal("20.00")],
        "valid_from": pa.array([datetime(2024, 1, 1), datetime(2024, 1, 2)], pa.timestamp("ns", "UTC")),
        "valid_to": pa.nulls(2),
    },
}
PARTS = [
    {"account_id": pa.array([1], pa.int32()), "day": [DAY], "feature": ["a"], "events": pa.array([3], pa.int32())},
    {"account_id": [2], "day": [datetime(2026, 1, 6, 23)], "feature": ["a"], "events": [4.0], "quantity": [2]},
    {"account_id": ["x-1"], "day": [DAY], "feature": ["b"], "events": [Decimal("5.00")], "quantity": [2.75]},
    {"account_id": [17850000.0], "day": [DAY], "feature": ["c"], "events": [6], "quantity": [Decimal("1.25")]},
    {
        "account_id": ["1"],
        "day": pa.array([datetime(2026, 1, 7, 23, 59, 59, 999_999)], NANOSECONDS),
        "feature": ["d"],
        "events": pa.nulls(1, pa.int64()),
        "active_users": pa.array([7], pa.uint64()),
        "stopped_at": [time(9, 30)],
    },
]
READ = [  # account, day, feature, events, active users, quantity in ten-thousandths
    ("1", date(2026, 1, 5), "a", 3, None, 30_000),
    ("1", date(2026, 1, 7), "d", None, 7, None),
    ("17850000", date(2026, 1, 5), "c", 6, None, 12_500),
    ("2", date(2026, 1, 6), "a", 4, None, 20_000),
    ("x-1", date(2026, 1, 5), "b", 5, None, 27_500),
]
