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
    options = {**LIMITS, **dict(parse_qsl(parts.query))}
    with (
        in_our_words(asked, f"{first} {TODO}".lstrip(), PublishError),
        psycopg.connect(
            host=parts.hostname,
            port=parts.port,
            user=None if parts.username is None else unquote(parts.username),
            dbname=unquote(parts.path.strip("/").partition("/")[0]) or None,
            **options,  # type: ignore[arg-type]  # libpq takes text
        ) as connection,
    ):
        bound_waiting(connection)
        yield connection
