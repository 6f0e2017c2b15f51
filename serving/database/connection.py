"""A connection to that database, which waits no longer than it should, and whose errors are told in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from data.errors import PublishError
from data.sources.files import first_line
from data.sources.kinds.postgres import LIMITS, LOCK_SECONDS, is_refusal
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
        _in_our_words(asked, f"{first} {TODO}".lstrip()),
        psycopg.connect(
            host=parts.hostname,
            port=parts.port,
            user=None if parts.username is None else unquote(parts.username),
            dbname=unquote(parts.path.strip("/").partition("/")[0]) or None,
            **options,  # type: ignore[arg-type]  # libpq takes text
        ) as connection,
    ):
        _bound_waiting(connection)
        yield connection


def _bound_waiting(connection: psycopg.Connection) -> None:
    """Wait for a lock of somebody else no longer than this, unless the server or the user set another limit."""
    (limit,) = connection.execute("select current_setting('lock_timeout')").fetchone() or ("0",)
    if limit == "0":
        connection.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")
    connection.execute("set timezone = 'UTC'")


@contextmanager
def _in_our_words(asked: str, todo: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        said = f"{first_line(str(error)).rstrip('.')}."
        if not is_refusal(error):
            raise PublishError(asked, said, todo) from error
        cause = PermissionError(said)
        cause.__cause__ = error
        raise PublishError(asked, said, todo) from cause
