"""A PostgreSQL database: the tables of one schema, read where they are.

The expressions run in the database; nothing is written to it but temporary tables of the session. A password comes
from the environment (``PGPASSWORD`` or libpq's password file), never from a URL that logs and manifests would repeat.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, unquote, urlsplit

import ibis
import ibis.expr.types as ir
import psycopg

from data.errors import SourceError, hint
from data.sources.address import Address
from data.sources.engine import Engine, closed_on_error
from data.sources.files import first_line
from data.sources.user_sql import identifier, one_select, query_error
from data.sources.warehouse import Place, Warehouse

REFUSED = ("28", "3D", "42501")
"""SQL states of a wrong user or password, an unknown database and a missing right."""
REFUSAL_WORDS = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "does not exist")


class Postgres(Warehouse):
    """The tables and views of a schema (default: ``public``) of ``postgres://USER@HOST:PORT/DATABASE/SCHEMA``."""

    casts_text = False

    def __init__(self, address: Address) -> None:
        parts = urlsplit(address.url)
        database, _, schema = parts.path.strip("/").partition("/")
        self.schema = unquote(schema) or "public"
        with _in_our_words(f"Open the database {address.shown}.", "Check the address, PGPASSWORD and that it runs."):
            self.con = ibis.postgres.connect(
                host=parts.hostname,
                port=parts.port or 5432,
                user=None if parts.username is None else unquote(parts.username),
                database=unquote(database) or None,
                **dict(parse_qsl(parts.query)),
            )
            self.engine = Engine(self.con)
            with closed_on_error(self.engine):
                self._use_schema(address.shown)
                self.names = {name: name for name in self.con.list_tables(database=self.schema)}

    def _use_schema(self, shown: str) -> None:
        schemas = self.con.list_databases()
        if self.schema not in schemas:
            raise SourceError(
                f"Read the schema {self.schema} of {shown}.",
                f"the database has no such schema{hint(self.schema, schemas)}.",
                "Correct [source].url.",
            )
        self.con.raw_sql(f"set search_path to {identifier(self.schema)}, public").close()

    def read(self, name: str) -> ir.Table:
        return self.con.table(name, database=self.schema)

    def columns(self) -> dict[Place, tuple[str, ...]]:
        listing = """select nullif(table_schema, %s), table_name, array_agg(column_name::text order by ordinal_position)
                     from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
                     group by table_schema, table_name"""
        with self.con.con.cursor() as cursor:
            rows = cursor.execute(listing, [self.schema]).fetchall()
        return {(schema, name): tuple(columns) for schema, name, columns in rows}

    def query(self, name: str, sql: str) -> ir.Table:
        """The result of a user's query, held in a temporary table of the session."""
        select = one_select(name, sql, "postgres")
        try:
            return self.con.create_table(f"headroom_{name}", self.con.sql(select), temp=True, overwrite=True)
        except psycopg.Error as error:
            raise query_error(name, first_line(str(error)), self.names) from error


@contextmanager
def _in_our_words(asked: str, todo: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        said = first_line(str(error))
        if not _is_refusal(error):
            raise SourceError(asked, said, todo) from error
        cause = PermissionError(said)
        cause.__cause__ = error
        raise SourceError(asked, said, todo) from cause


def _is_refusal(error: psycopg.Error) -> bool:
    """Does the server refuse who asks, today and in a minute? While connecting, its words may be all that it says."""
    said = str(error).lower()
    return (error.sqlstate or "").startswith(REFUSED) or any(words in said for words in REFUSAL_WORDS)
