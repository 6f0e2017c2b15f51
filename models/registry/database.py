"""MLflow's database as a file: is it whole, and can it be read now? Asked of SQLite, which needs no MLflow."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from data.errors import ModelError

TELLS_AFTER_SECONDS, WAITS_SECONDS = 2, 30
"""How long a database that is locked is waited for in silence, and in all."""
LOG = logging.getLogger("headroom.models")


def require_database(database: Path) -> None:
    """Raise ModelError for a file that is no database, is cut off, is not this user's to read, or stays locked."""
    if not os.access(database, os.R_OK):
        raise ModelError(
            f"Open the models of {database.parent}.",
            f"this user has no right to read {database.name}.",
            "Give the right, or name another folder with HEADROOM_MLRUNS.",
        )
    try:
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
    """SQLite compares the pages that are there with those of the header, under its lock: never within a commit."""
    uri = f"{database.as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=seconds)) as connection:
            connection.execute("select max(sql) from sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def root_cause(error: BaseException) -> BaseException:
    """What the database or the disk raised, which others wrapped in words of their own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def unusable(database: Path, error: BaseException) -> ModelError:
    """The error for a database that cannot be used, from what SQLite said."""
    if "disk is full" in str(error):
        return ModelError(
            f"Write to the models of {database.parent}.",
            f"there is no room for {database.name}: {error}.",
            "Make room on its disk, and run this again.",
        )
    if "locked" in str(error):
        todo = "End the program that writes to it, or run this again when it is done."
        return ModelError(f"Open the models of {database.parent}.", f"{database.name} is locked.", todo)
    return ModelError(
        f"Open the models of {database.parent}.",
        f"{database.name} cannot be read: {error}.",
        "Restore it from a copy, or name another folder with HEADROOM_MLRUNS.",
    )
