"""What a source shows that keeps only what is: a full history, cut to its state at the end of a day."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from data.record.record import Recording, record_day
from data.record.settings import RecordSettings
from data.sources.connect import connect
from tests.drawn import drawn

Frames = dict[str, pd.DataFrame]
HAPPENED = {
    "accounts": "created_at",
    "subscriptions": "valid_from",
    "invoices": "billed_at",
    "usage_events": "occurred_at",
    "users": "created_at",
    "tickets": "opened_at",
    "crm_events": "occurred_at",
    "account_features": "known_at",
    "outcomes": "opened_at",
}


def read(folder: Path) -> Frames:
    """Every table of a folder of Parquet files."""
    return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def known_by(name: str, rows: pd.DataFrame) -> pd.Series:
    """When each row was known."""
    happened = rows[HAPPENED[name]]
    return rows["known_at"].fillna(happened) if "known_at" in rows else happened


def shown_on(full: Frames, day: date) -> Frames:
    """The state at the end of a day: open lines alone, tickets and plays and users as they stand, own features as last.

    Lines do not say when they were known, nor that they will end.
    """
    end = pd.Timestamp(day) + pd.Timedelta(days=1)
    shown = {}
    for name, rows in full.items():
        if name in HAPPENED:
            rows = rows[(known_by(name, rows) < end) & (rows[HAPPENED[name]] < end)]
        shown[name] = rows.copy()
    lines = shown["subscriptions"]
    open_lines = lines[~(lines["valid_to"] < end)].drop(columns=["known_at", "ends_known_at"], errors="ignore")
    shown["subscriptions"] = open_lines.assign(valid_to=pd.NaT)
    for name, column, others in (
        ("tickets", "closed_at", {"csat": None}),
        ("outcomes", "closed_at", {"status": "open", "arr": None, "reason": None}),
        ("users", "deactivated_at", {}),
    ):
        if name in shown:
            still = ~(shown[name][column] < end)
            shown[name].loc[still, column] = pd.NaT
            for other, value in others.items():
                shown[name].loc[still, other] = value
    if "account_features" in shown:
        shown["account_features"] = shown["account_features"].sort_values("known_at").groupby("account_id").tail(1)
    return shown


def write(frames: Mapping[str, pd.DataFrame], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    for name, rows in frames.items():
        rows.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def drawn_source(folder: Path, **tables: str) -> Path:
    """A folder with drawn tables, and the accounts and the use that any base needs."""
    frames = {name: drawn(text) for name, text in tables.items()}
    ids = sorted({i for frame in frames.values() if "account_id" in frame for i in frame["account_id"].dropna()})
    frames.setdefault(
        "accounts", pd.DataFrame({"account_id": ids or ["acme"], "name": "A", "created_at": "2020-01-01"})
    )
    frames.setdefault("subscriptions", drawn("""
        account_id | product | plan | mrr | valid_from
        other      | core    | team | 1   | 2020-01-01"""))  # fmt: skip
    if "usage_daily" not in frames:
        frames.setdefault("usage_events", drawn("""
            account_id | occurred_at | feature
            other      | 2020-01-01  | login"""))  # fmt: skip
    return write(frames, folder)


def recorded(folder: Path, source: Path, day: str | date, **settings: object) -> Recording:
    """Record what a folder shows on a day."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    with connect(str(source)) as opened:
        return record_day(opened, folder, day, RecordSettings(**settings))


def served(folder: Path, table: str, columns: Iterable[str] = ()) -> list[tuple]:
    """The rows of a served table, in order, days as text and money as numbers."""
    with connect(f"record://{folder}") as history:
        rows = history.raw[table].to_pyarrow().to_pylist()
    names = list(columns) or list(rows[0])
    return sorted((tuple(_plain(row[name]) for name in names) for row in rows), key=repr)


def _plain(value: object) -> object:
    return str(value)[:10] if isinstance(value, date) else value
