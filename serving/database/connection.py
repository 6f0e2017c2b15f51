"""A connection to that database, which waits no longer than it should, and whose errors are told in our words."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg

from data.errors import PublishError
from data.sources.kinds.postgres import LIMITS, bound_waiting, in_our_words
from data.sources.kinds.postgres_url import postgres_place
from data.sources.user_sql import identifier
from serving.database.address import DatabaseAddress

TODO = "Check `url` under [publish], that the database runs, the rights there, and PGPASSWORD; then run this again."


@contextmanager
def connected(address: DatabaseAddress, asked: str, first: str = "") -> Iterator[psycopg.Connection]:
    """One transaction, kept if all went well.

    Raises ``PublishError`` for what is no address, and for whatever the database or the way to it says; ``first``:
    what to know before what to do.
    """
    address.require()
    place = postgres_place(address.url)
    server = {"host": place.host, "port": place.port, "user": place.user, "dbname": place.database}
    # What is copied is UTF-8, whatever the database keeps texts in: it would take the bytes for letters of its own.
    options = {**server, **LIMITS, **place.options, "client_encoding": "utf8"}
    with (
        in_our_words(asked, f"{first} {TODO}".lstrip(), PublishError),
        psycopg.connect(**options) as connection,  # type: ignore[arg-type]  # libpq takes text
    ):
        bound_waiting(connection)
        yield connection


def alone(connection: psycopg.Connection, address: DatabaseAddress) -> None:
    """Until the transaction ends nobody else writes to the schema; who comes second waits."""
    connection.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"headroom {address.schema}"])


def clear(address: DatabaseAddress, names: Iterable[str]) -> None:
    """Rows that were taken away from these tables are in no page of them any more; in backups and logs they may be."""
    with connected(address, f"Clear what was taken away in {address.shown}.") as connection:
        connection.commit()
        connection.autocommit = True  # the server clears outside of a transaction only
        for name in names:
            connection.execute(f"vacuum {identifier(address.schema)}.{identifier(name)}")
