"""Tables on scratch disk: of one account every row, and hardly any of others."""

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.errors import PublishError
from data.scratch import of_this_run
from serving.published import account_rows, tables
from serving.published.account_rows import lay_down
from serving.published.read import PublishedList, open_list
from tests.serving.world import publish, snapshot, with_context

COLUMNS = {"scores": (), "reasons": (), "triggers": (), "changes": ("text",), "account_plays": ("step", "form")}


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> PublishedList:
    folder = tmp_path_factory.mktemp("published")
    publish(folder, with_context(snapshot(40)))
    return open_list(folder)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_rows, "BATCH_ROWS", 7)
    monkeypatch.setattr(account_rows, "ROWS_AT_ONCE", 49)


def drawn(path: Path, accounts: str) -> Path:
    """A table with an account for each letter, and where it is."""
    rows = pd.DataFrame({"account_id": list(accounts), "place": range(len(accounts))})
    tables.write(path / "drawn.parquet", tables.to_arrow(rows))
    return path / "drawn.parquet"


@pytest.mark.parametrize("table", COLUMNS)
def test_of_each_account_there_is_what_the_table_has(listing: PublishedList, table: str) -> None:
    laid = listing.laid_down(COLUMNS)
    for account in [*listing.scores("account_id")["account_id"], "nobody", "", "zzz"]:
        there = listing.of_account(table, account, COLUMNS[table])
        assert repr(laid.of_account(table, account, COLUMNS[table])) == repr(there)


def test_what_is_laid_down_is_not_read_from_the_table(listing: PublishedList, monkeypatch: pytest.MonkeyPatch) -> None:
    laid, account, asked = listing.laid_down(COLUMNS), "acc-0003", list[str]()
    monkeypatch.setattr(tables, "account_rows", lambda path, *_: asked.append(path.stem) or [])
    assert all(laid.of_account(table, account, columns) for table, columns in COLUMNS.items() if table != "triggers")
    assert asked == []
    laid.of_account("changes", account, ["account_id", "rank"])  # not among the columns that were asked for
    laid.of_account("exclusions", account)
    assert asked == ["changes", "exclusions"]


@pytest.mark.parametrize(
    ("accounts", "asked", "batches"),
    [
        ("aabbccddeeffgg", "a", 1),
        ("aabbccddeeffgg", "c", 1),
        ("aabbccddeeffgg", "d", 2),  # it ends one and begins the next
        ("abcdefghijklmn", "h", 2),  # one begins with it, and the one before may end with it
        ("aaaaaaaaaaaaaaaab", "a", 3),
        ("aaaaaaaaaaaaaaaab", "b", 1),
        ("bbcc", "a", 0),
        ("bbcc", "d", 1),
    ],
)
def test_only_batches_that_may_hold_an_account_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accounts: str, asked: str, batches: int
) -> None:
    rows, reads = lay_down(drawn(tmp_path, accounts), ["place"]), list[object]()
    assert rows is not None
    read = rows._read
    monkeypatch.setattr(rows, "_read", lambda batch: reads.append(batch) or read(batch))
    places = [place for place, account in enumerate(accounts) if account == asked]
    assert [row["place"] for row in rows.of(asked)] == places
    assert len(reads) == batches


def test_many_may_ask_at_once(listing: PublishedList) -> None:
    laid, accounts = listing.laid_down(COLUMNS), listing.scores("account_id")["account_id"].tolist() * 5
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda account: laid.of_account("reasons", account), accounts))
    assert [{row["account_id"] for row in rows} for rows in found] == [{account} for account in accounts]


@pytest.mark.parametrize("accounts", ["ba", "aaaaaaab" * 10, "b" * 60 + "a"])
def test_a_table_that_is_not_sorted_is_left_as_it_is(tmp_path: Path, accounts: str) -> None:
    assert lay_down(drawn(tmp_path, accounts), ["place"]) is None


def test_a_list_with_a_table_that_is_not_sorted_is_read_as_before(listing: PublishedList) -> None:
    path = listing.path("changes")
    whole = path.read_bytes()
    try:
        tables.write(path, pq.read_table(path).sort_by([("account_id", "descending")]))
        laid = listing.laid_down(COLUMNS)
        assert laid.of_account("changes", "acc-0003", ["text"]) == listing.of_account("changes", "acc-0003", ["text"])
    finally:
        path.write_bytes(whole)


def test_a_table_of_no_rows_has_none_of_any_account(tmp_path: Path) -> None:
    rows = lay_down(drawn(tmp_path, ""), ["place"])
    assert rows is not None
    assert rows.of("a") == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.unlink(), "is not there"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read"),
        (lambda path: pd.DataFrame({"place": [1]}).to_parquet(path), "has no column account_id"),
    ],
)
def test_a_table_that_was_spoilt_is_refused(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    path = drawn(tmp_path, "abc")
    spoil(path)
    with pytest.raises(PublishError, match=says):
        lay_down(path, ["place"])


def test_a_folder_of_the_run_that_a_cleaner_took_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with of_this_run() as folder:
        shutil.rmtree(folder.parent)
        rows = lay_down(drawn(tmp_path, "abc"), ["place"])
        assert folder.is_dir()
    assert rows is not None
    assert rows.of("b") == [{"account_id": "b", "place": 1}]
    assert not folder.exists()


def test_a_disk_without_room_is_no_fault_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drawn(tmp_path, "abc")
    monkeypatch.setattr(account_rows, "TemporaryFile", lambda: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))
    with pytest.raises(PublishError, match="No space left on device") as refused:
        lay_down(path, ["place"])
    assert "TMPDIR" in refused.value.todo
