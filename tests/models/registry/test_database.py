"""MLflow's database that cannot be used: corrupt, cut off, locked. One message each, within a bounded time."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from data.errors import ModelError
from models.registry import database as asked
from models.registry.mlflow_store import ModelRegistry
from models.registry.records import RunRecord


def garbage(database: Path) -> None:
    database.write_bytes(b"no database" * 1000)


def cut_off(database: Path) -> None:
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])


def emptied_to_its_header(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:100])


def overwritten(database: Path) -> None:
    """The schema is whole, the pages of the tables are not."""
    content = bytearray(database.read_bytes())
    half = len(content) // 3
    content[half:] = b"\xa5" * (len(content) - half)
    database.write_bytes(content)


@pytest.mark.parametrize("spoil", [garbage, cut_off, emptied_to_its_header, overwritten])
def test_a_damaged_database_is_one_message(spoil: Callable[[Path], None], mlruns: Path) -> None:
    spoil(mlruns / "mlflow.db")
    with pytest.raises(ModelError, match=r"mlflow\.db cannot be read") as refused:
        ModelRegistry(mlruns).log_run(RunRecord("one"))
    assert "Restore it from a copy" in refused.value.todo


def test_a_locked_database_is_waited_for_and_said_to_be(
    mlruns: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asked, "TELLS_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(asked, "WAITS_SECONDS", 0.2)
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as other:
        other.execute("begin exclusive")
        with pytest.raises(ModelError, match=r"mlflow\.db is locked"):
            ModelRegistry(mlruns).log_run(RunRecord("one"))
    assert f"waiting for {mlruns / 'mlflow.db'}, which another program has locked" in caplog.messages


def test_a_full_disk_is_no_damage(mlruns: Path) -> None:
    """In SQLite's own words for a file that may not grow."""
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as connection:
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count = {pages + 10}")
        connection.execute("create table large (text)")
        with pytest.raises(sqlite3.OperationalError) as said:
            connection.execute("insert into large values (zeroblob(10000000))")
    told = asked.unusable(mlruns / "mlflow.db", said.value)
    assert told.found == "there is no room for mlflow.db: database or disk is full."
    assert told.todo == "Make room on its disk, and run this again."


def test_a_commit_under_way_is_no_damage(mlruns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one the header may tell of pages that are not written yet; its writer has the lock until they are."""
    database = mlruns / "mlflow.db"
    monkeypatch.setattr(asked, "TELLS_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(asked, "WAITS_SECONDS", 0.2)
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("begin exclusive")
        os.truncate(database, database.stat().st_size // 2)
        with pytest.raises(ModelError, match=r"mlflow\.db is locked"):
            asked.require_database(database)


def test_a_database_that_may_not_be_read_is_said_to_be(mlruns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # a right that is missing is no hindrance to a superuser
    with pytest.raises(ModelError, match=r"this user has no right to read mlflow\.db\."):
        asked.require_database(mlruns / "mlflow.db")


def test_a_foreign_file_beside_the_model_is_passed_over(mlruns: Path, trained: object) -> None:
    from tests.models.mlflow_template import log

    registry = ModelRegistry(mlruns)
    bundle = log(registry, trained, "fingerprint")
    place = registry.artifacts / bundle.run_id / "artifacts" / "bundle"
    (place / ".DS_Store").write_bytes(b"\x00\xff\xfe")
    (place / "backup").mkdir()
    assert registry.load().feature_names == bundle.feature_names
    file = next(place.glob("booster_*.txt"))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        registry.load()
