"""A connection to that database, which waits no longer than it should, and whose errors are told in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from data.errors import PublishError
from data.sources.kinds.postgres import LIMITS, bound_waiting, in_our_words
from serving.database.address import DatabaseAddress

TODO = "Check `url` under [publish], that the database runs, the rights there, and PGPASSWORD; then run this again."


@contextmanager
def connected(address: DatabaseAddress, asked: str, first: str = "") -> Iterator[psycopg.Connection]:
    """One transaction, kept if all went well.

    Raises ``PublishError`` for whatever the database or the way to it says; ``first``: what to know before what to do.
    """
    parts = urlsplit(address.url)
    place = {
        "host": parts.hostname,
        "port": parts.port,
        "user": None if parts.username is None else unquote(parts.username),
        "dbname": unquote(parts.path.strip("/").partition("/")[0]) or None,
    }
    # What is copied is UTF-8, whatever the database keeps texts in: it would take the bytes for letters of its own.
    options = {**place, **LIMITS, **dict(parse_qsl(parts.query)), "client_encoding": "utf8"}
    with (
        in_our_words(asked, f"{first} {TODO}".lstrip(), PublishError),
        psycopg.connect(**options) as connection,  # type: ignore[arg-type]  # libpq takes text
    ):
        bound_waiting(connection)
        yield connection
