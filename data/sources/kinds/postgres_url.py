"""What an address of a PostgreSQL schema says: ``postgres://USER@HOST:PORT/DATABASE/SCHEMA?OPTION=VALUE``."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class PostgresPlace:
    """The parts of such an address, each None or empty where it is left out; the schema may have any letters in it."""

    host: str | None
    port: int | None
    user: str | None
    database: str | None
    schema: str
    options: dict[str, str]
    """For libpq."""


def postgres_place(url: str) -> PostgresPlace:
    """Take an address apart. Raises ``ValueError`` for a port that is no number."""
    parts = urlsplit(url)
    database, _, schema = parts.path.strip("/").partition("/")
    return PostgresPlace(
        host=parts.hostname,
        port=parts.port,
        user=None if parts.username is None else unquote(parts.username),
        database=unquote(database) or None,
        schema=unquote(schema),
        options=dict(parse_qsl(parts.query)),
    )
