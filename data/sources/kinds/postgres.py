"""A PostgreSQL database: the tables of one schema, read where they are.

The expressions run in the database; nothing is written to it but temporary tables of the session. A password comes
from the environment (``PGPASSWORD`` or libpq's password file), never from a URL that logs and manifests would repeat.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import ibis
import ibis.expr.types as ir
import psycopg

from data.errors import HeadroomError, SourceError, hint
from data.sources.address import Address
from data.sources.engine import Engine, closed_on_error
from data.sources.files import first_line
from data.sources.kinds.postgres_url import postgres_place
from data.sources.user_sql import identifier, one_select, query_error
from data.sources.warehouse import Place, Warehouse

REFUSED = ("28", "3D", "42501")
"""SQL states of a wrong user or password, an unknown database and a missing right."""
TOLD = {
    ("55P03",): "Wait until whoever locked the table is done, or end that session, and run this again.",
    ("57014",): "Raise statement_timeout for this user, or leave the time limit out of the URL.",
    ("42501",): "Grant this user select on what is named there.",
    ("53",): "Make room on the server, or ask it when it has less to do.",
}
"""What to do where the server says so at a query, by the beginning of its SQL state."""
LOST = "Check that the server runs and that nothing ends long connections, and run this again."
MISSING = "\x1f"
"""What stands for null where text is hashed: a control character, which no text of a source holds."""
CONNECT_SECONDS, LOCK_SECONDS, SILENT_SECONDS = 30, 60, 120
"""How long the server is waited for: to answer at first, for a lock of somebody else, and where the network is gone."""
REFUSAL_WORDS = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "does not exist")


LIMITS = {"connect_timeout": str(CONNECT_SECONDS), "tcp_user_timeout": str(SILENT_SECONDS * 1000)}
"""Options of libpq; what the URL says of them wins."""


class Postgres(Warehouse):
    """The tables and views of a schema (default: ``public``) of ``postgres://USER@HOST:PORT/DATABASE/SCHEMA``."""

    casts_text = False

    def __init__(self, address: Address) -> None:
        place = postgres_place(address.url)
        self.schema = place.schema or "public"
        server = {"host": place.host, "port": place.port or 5432, "user": place.user, "database": place.database}
        with in_our_words(f"Open the database {address.shown}.", "Check the address, PGPASSWORD and that it runs."):
            self.con = ibis.postgres.connect(**{**server, **LIMITS, **place.options})
            self.engine = PostgresEngine(self.con)
            with closed_on_error(self.engine):
                self._use_schema(address.shown)
                bound_waiting(self.con.con)
                self._readable = self._tables()
                self.names = {name: name for name in self._readable}

    def _use_schema(self, shown: str) -> None:
        with self.con.con.cursor() as cursor:
            listing = "select nspname::text, has_schema_privilege(oid, 'usage') from pg_namespace"
            schemas = dict(cursor.execute(listing).fetchall())
        if not schemas.get(self.schema, True):
            raise SourceError(
                f"Read the schema {self.schema} of {shown}.",
                "it is there, and this user has no right to use it.",
                f"Run `grant usage on schema {self.schema} to ...`, and grant select on its tables.",
            )
        if self.schema not in schemas:
            raise SourceError(
                f"Read the schema {self.schema} of {shown}.",
                f"the database has no such schema{hint(self.schema, schemas)}.",
                "Correct [source].url.",
            )
        self.con.raw_sql(f"set search_path to {identifier(self.schema)}, public").close()

    def _tables(self) -> dict[str, bool]:
        """The tables and views of the schema, and whether they may be read: ``information_schema`` hides the others."""
        listing = """select c.relname::text, has_any_column_privilege(c.oid, 'select')
                     from pg_class c join pg_namespace n on n.oid = c.relnamespace
                     where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1"""
        with self.con.con.cursor() as cursor:
            return dict(cursor.execute(listing, [self.schema]).fetchall())

    def read(self, name: str) -> ir.Table:
        if not self._readable.get(name, True):
            raise SourceError(
                f"Read the table {name} of the schema {self.schema}.",
                "it is there, and this user has no right to read it.",
                f'Grant select on it, or leave it out with `ignore = ["{name}"]` under [source].',
            )
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


@ibis.udf.scalar.builtin(name="hashtextextended")
def _hash(value: str, before: int) -> int:
    """PostgreSQL's own hash of both."""
    raise NotImplementedError


class PostgresEngine(Engine):
    """A connection to PostgreSQL, which may be ended, refused or kept waiting at any query."""

    def hash_with(self, before: ir.IntegerValue, value: ir.Value) -> ir.IntegerValue:
        hashed: ir.IntegerValue = _hash(value.cast("string").fill_null(MISSING), before)
        return hashed

    def release(self) -> None:
        """A connection that was ended holds nothing any more."""
        if not self.con.con.closed:
            super().release()

    def in_words(self, error: BaseException) -> HeadroomError | None:
        if not isinstance(error, psycopg.Error):
            return None
        state = error.sqlstate or ""
        for states, todo in TOLD.items():
            if state.startswith(states):
                return SourceError("Read the tables of the database.", first_line(str(error)), todo)
        is_lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return SourceError("Read the tables of the database.", first_line(str(error)), LOST) if is_lost else None


def bound_waiting(connection: psycopg.Connection) -> None:
    """Wait for a lock of somebody else no longer than this, unless the server or the user set another limit."""
    with connection.cursor() as cursor:
        (limit,) = cursor.execute("select current_setting('lock_timeout')").fetchone() or ("0",)
        if limit == "0":
            cursor.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")


@contextmanager
def in_our_words(asked: str, todo: str, kind: type[HeadroomError] = SourceError) -> Iterator[None]:
    """What the server or the way to it says, as an error of that kind; a refusal is marked as one that lasts."""
    try:
        yield
    except psycopg.Error as error:
        said = first_line(str(error))
        if not _is_refusal(error):
            raise kind(asked, said, todo) from error
        cause = PermissionError(said)
        cause.__cause__ = error
        raise kind(asked, said, todo) from cause


def _is_refusal(error: psycopg.Error) -> bool:
    """Does the server refuse who asks, today and in a minute? While connecting, its words may be all that it says."""
    said = str(error).lower()
    return (error.sqlstate or "").startswith(REFUSED) or any(words in said for words in REFUSAL_WORDS)
