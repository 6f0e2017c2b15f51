"""``headroom outcomes list`` and ``export``: every row that was recorded, printed or in a file."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from data.atomic import whole_file
from data.errors import OutcomeError
from flows.outcomes.to_file import FORMATS
from flows.run.printed import print_table
from flows.run.settings import Settings
from serving.outcomes.outcome import FIELDS, RecordedOutcome
from serving.outcomes.vocabulary import ACTIONS
from serving.store.outcomes import is_there, open_store

TEXT, NUMBER = pa.string(), pa.int64()
EXPORTED = pa.schema(
    [
        ("id", NUMBER),
        ("at", pa.timestamp("us", "UTC")),
        *[(name, TEXT) for name in FIELDS if name not in ("snapshot_date", "until", "arr", "corrects")],
        ("snapshot_date", pa.date32()),
        ("until", pa.date32()),
        ("arr", pa.float64()),
        ("corrects", NUMBER),
    ]
)
"""The columns of an exported file."""
HEADER = ("row", "when (UTC)", "account", "what", "play", "until", "ARR", "reason", "note", "who", "corrects")


def recorded_rows(settings: Settings, account: str | None = None) -> Sequence[RecordedOutcome]:
    """The rows of the store, or of one account, oldest first; none where nothing has been recorded."""
    if not is_there(settings.outcomes_url, settings.root):
        return []
    with open_store(settings.outcomes_url, settings.root) as store:
        return store.all_rows() if account is None else store.history(account)


def print_rows(rows: Sequence[RecordedOutcome]) -> None:
    """Print rows of the store."""
    print_table(HEADER, map(_cells, rows))


def _cells(row: RecordedOutcome) -> tuple[object, ...]:
    when, arr = f"{row.at:%Y-%m-%d %H:%M}", None if row.arr is None else f"{row.arr:,.2f}"
    what = ACTIONS.get(row.action, row.action)
    shown = (row.play, row.until, arr, row.reason, row.text, row.who, row.corrects)
    return row.id, when, row.account_id, what, *shown


def export_rows(settings: Settings, out: Path) -> int:
    """Write every row of the store to a Parquet or CSV file, whole or not at all; how many there are.

    Raises ``OutcomeError`` where nothing has been recorded, and for another kind of file.
    """
    asked = f"Write the outcomes to {out}."
    if out.suffix.lower() not in FORMATS:
        raise OutcomeError(asked, "it is neither Parquet nor CSV.", "Give a file that ends in .parquet or .csv.")
    rows = recorded_rows(settings)
    if not rows:
        raise OutcomeError(asked, "nothing has been recorded yet.", "Check `url` under [outcomes], and --out.")
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=EXPORTED)
    with whole_file(out, asked) as file:
        if out.suffix.lower() == ".csv":
            csv.write_csv(table, file)
        else:
            pq.write_table(table, file)
    return len(rows)
