"""MLflow's database as a file: is it whole, and can it be read now? Asked of SQLite, which needs no MLflow."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from data.errors import ModelError

TELLS_AFTER_SECONDS, WAITS_SECONDS = 2, 30
"""How long a database that is locked is waited for in silence, and in all."""
LOG = logging.getLogger("headroom.models")
_HEADER_BYTES = 100


def require_database(database: Path) -> None:
    """Raise ModelError for a file that is no database, is cut off, or stays locked by another program."""
    try:
        _require_whole(database)
        for seconds in (TELLS_AFTER_SECONDS, WAITS_SECONDS):
            if _can_be_read(database, seconds):
                return
            LOG.warning("waiting for %s, which another program has locked", database)
        raise unusable(database, sqlite3.OperationalError("database is locked"))
    except sqlite3.OperationalError:  # as after a crash, which only a writer can clear up: MLflow tries, and tells
        return
    except sqlite3.DatabaseError as error:
        raise unusable(database, error) from error


def _can_be_read(database: Path, seconds: float) -> bool:
    uri = f"{database.as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=seconds)) as connection:
            connection.execute("select max(sql) from sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def _require_whole(database: Path) -> None:
    """SQLite itself notices that pages are missing when it comes to them. The header says how many there are."""
    with database.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    page = int.from_bytes(header[16:18]) or 0
    page = 65_536 if page == 1 else page
    is_dated = header[24:28] == header[92:96]
    if is_dated and database.stat().st_size < page * int.from_bytes(header[28:32]):
        raise sqlite3.DatabaseError("it is cut off")


def root_cause(error: BaseException) -> BaseException:
    """What the database or the disk raised, which others wrapped in words of their own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def unusable(database: Path, error: BaseException) -> ModelError:
    """The error for a database that cannot be used, from what SQLite said."""
    if "locked" in str(error):
        todo = "End the program that writes to it, or run this again when it is done."
        return ModelError(f"Open the models of {database.parent}.", f"{database.name} is locked.", todo)
    return ModelError(
        f"Open the models of {database.parent}.",
        f"{database.name} cannot be read: {error}.",
        "Restore it from a copy, or name another folder with HEADROOM_MLRUNS.",
    )
