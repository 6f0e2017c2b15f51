"""``headroom record`` from the command line: days of a base that shows only what is, and what is read from them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tests.data.record.shown import read, shown_on, write
from tests.flows.conftest import END, Headroom

LAST = END - timedelta(days=1)
SETTINGS = """
[source]
url = "record://history"
[source.tables]
accounts = "select account_id, name, created_at, owner from accounts"
[record]
url = "parquet://shown"
folder = "history"
"""


@pytest.fixture
def folder(warehouse: Path, tmp_path: Path, headroom: Headroom) -> Path:
    """The working folder: settings, and what the source shows on the last day."""
    (tmp_path / "headroom.toml").write_text(SETTINGS, encoding="utf-8")
    write(shown_on(read(warehouse), LAST), tmp_path / "shown")
    return tmp_path


def test_a_day_is_recorded_and_read_with_one_settings_file(folder: Path, headroom: Headroom) -> None:
    ran = headroom("record", "--day", LAST)
    assert ran.code == 0, ran.err
    assert "accounts                    250 rows: 250 new" in ran.out
    assert ran.out.endswith(f"history: {folder / 'history'}\n")

    again = headroom("record", "--day", LAST)
    assert (again.code, again.out.splitlines()[0]) == (0, f"{LAST} was recorded before; nothing has been written")

    checked = headroom("check")
    assert checked.code == 0, checked.err
    assert f"note: The history was recorded from {LAST} to {LAST}" in checked.out

    written = headroom("features", "--snapshot-date", END, "--out", "features.parquet")
    assert written.code == 0, written.err
    rows = pd.read_parquet(folder / "features.parquet")
    assert len(rows) > 100
    assert "open_critical_tickets" in rows or len(rows.columns) > 100


def test_what_is_gone_is_refused_with_one_message_and_may_be_accepted(folder: Path, headroom: Headroom) -> None:
    assert headroom("record", "--day", LAST - timedelta(days=1)).code == 0
    (folder / "shown" / "tickets.parquet").unlink()
    refused = headroom("record", "--day", LAST)
    assert refused.code == 1
    assert refused.err.count("headroom: ") == 1
    assert "tickets: the table is not there. Nothing has been recorded." in refused.err
    assert not (folder / "history" / str(LAST)).exists()
    assert headroom("record", "--day", LAST, "--accept", "tickets").code == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--source", "record://history"), "that is a history: it holds what was recorded"),
        (("--source", "nowhere"), "there is no "),
        (("--source", "postgres://me:secret@host/base"), "its URL holds a password"),
        (("--day", datetime.now(UTC).date() + timedelta(days=2)), "to do: Record a day that has come."),
    ],
)
def test_what_cannot_be_recorded(folder: Path, headroom: Headroom, arguments: tuple, found: str) -> None:
    ran = headroom("record", *arguments)
    assert ran.code == 1
    assert found in ran.err
    assert "secret" not in ran.err
    assert not (folder / "history").exists()


def test_the_source_is_recorded_where_the_record_names_no_other(folder: Path, headroom: Headroom) -> None:
    (folder / "headroom.toml").write_text('[source]\nurl = "parquet://shown"\n', encoding="utf-8")
    assert headroom("record", "--day", LAST).code == 0
    assert headroom("check", "--source", "record://history").code == 0
    assert date.fromisoformat(next((folder / "history").glob("2*")).name) == LAST
