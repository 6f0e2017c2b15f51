"""What Prefect keeps of runs in a folder of ours: with each list the first of its accounts, as an artifact."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from data.contract.vocabulary import Personal
from data.erasure.places import Holding, Subject, present
from data.erasure.sqlite_file import clear
from data.errors import SourceError

SHOWN_IN = {
    "artifact": ("data", "created"),
    "artifact_collection": ("data", "created"),
    "events": ("payload", "occurred"),
}
"""Prefect's tables of what runs showed, the latest of each key, and the news of it: what was shown, and when."""
BUSY_SECONDS = 30


class PrefectPlace:
    """The database of a Prefect server of our own, which need not be there, and may be running."""

    name = "runs in Prefect"

    def __init__(self, database: Path) -> None:
        self._database = database

    def holdings(self) -> Iterator[Holding]:
        """One for all of them."""
        with self._opened() as connection:
            rows = [row for table in _tables(connection) for row in _rows(connection, table)]
            if rows:
                days = sorted(date.fromisoformat(created[:10]) for _, _, created in rows)
                kinds = (Personal.ACCOUNT, Personal.NAME, Personal.OWNER, Personal.TEXT)
                yield Holding(self.name, "artifacts and events", kinds, len(rows), 1, days[0], days[-1])

    def found(self, subject: Subject) -> dict[str, int]:
        """What names it."""
        with self._opened() as connection:
            return _counts(_naming(connection, subject))

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take away what names it, each as a whole."""
        with self._opened() as connection:
            connection.execute("pragma secure_delete = on")
            ids = _naming(connection, subject)
            with connection:
                for table, of_table in ids.items():
                    connection.executemany(f"delete from {table} where id = ?", [(number,) for number in of_table])  # noqa: S608
            clear(connection, str(self._database))
        return _counts(ids)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        place = self._database if self._database.is_file() else ":memory:"
        try:
            with closing(sqlite3.connect(place, timeout=BUSY_SECONDS)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise SourceError(
                f"Look into Prefect's runs in {self._database}.",
                f"{error}.",
                "End the run that uses it and run this again; or remove that folder: nothing but Prefect reads it.",
            ) from error


def _tables(connection: sqlite3.Connection) -> list[str]:
    there = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    return [name for name in SHOWN_IN if name in there]


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[str, str, str]]:
    shown, at = SHOWN_IN[table]
    query = f"select id, {shown}, {at} from {table} where {shown} like '%account%'"  # noqa: S608
    return connection.execute(query).fetchall()


def _counts(ids: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return present({"artifacts": sum(map(len, ids.values()))})


def _naming(connection: sqlite3.Connection, subject: Subject) -> dict[str, list[str]]:
    """The rows that show its id or hold a name of it, by table; elsewhere an id may be any number."""
    if not subject.is_account:
        return {}
    names = "|".join(map(_written, [*subject.names, *subject.owners]))
    by_id = rf'"account(?:_id)?\\*":\s*\\*"{_written(subject.id)}\\*"'
    told = re.compile(rf"(?<!\w)(?:{names})(?!\w)|{by_id}" if names else by_id)
    return {
        table: [number for number, shown, _ in _rows(connection, table) if told.search(str(shown))]
        for table in _tables(connection)
    }


def _written(name: str) -> str:
    """A pattern of a name as it is, as JSON writes it, and as JSON writes that."""
    once = json.dumps(name)[1:-1]
    twice = json.dumps(once)[1:-1]
    return f"(?:{'|'.join(re.escape(word) for word in dict.fromkeys((name, once, twice)))})"
