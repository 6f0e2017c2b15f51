"""A SQLite file that rows were taken out of is rewritten, so that no freed page of it holds them."""

import sqlite3

from data.errors import SourceError


def clear(connection: sqlite3.Connection, shown: str) -> None:
    """Rewrite the file of a connection that is in no transaction, and empty its log, which holds what it held.

    Raises ``SourceError``, naming the file as it is ``shown``, where another program keeps it from that.
    """
    try:
        connection.execute("vacuum")
        (is_in_use, *_) = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        said = "another program is reading it, and keeps its log" if is_in_use else ""
    except sqlite3.OperationalError as error:
        said = str(error)
    if said:
        raise SourceError(
            f"Clear what was taken away in {shown}.",
            f"the rows are gone, and bytes of them may still be in the file: {said}.",
            "Wait until the program that uses the file is done, or end it; then run this again.",
        )
