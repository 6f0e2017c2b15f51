"""Warehouses that Ibis opens through a driver of their own: Snowflake, BigQuery, Databricks, Trino, ClickHouse.

Each is a record. The expressions run in the warehouse; the user's SQL is a part of the query that reads its table, so
no table is made for it. Nothing is held between two queries but in the session of ClickHouse, which ends with what is
in it. Secrets come from the environment only.
"""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import ibis
import ibis.backends.sql.compilers as compilers
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends import BaseBackend
from ibis.common.exceptions import IbisError

from data.contract.inputs import TABLES
from data.errors import HeadroomError, SourceError
from data.sources.address import Address
from data.sources.engine import Engine, closed_on_error
from data.sources.files import first_line
from data.sources.kinds.driver_errors import TRANSPORT, told_by_driver
from data.sources.user_sql import one_select, query_error
from data.sources.warehouse import Warehouse
from data.time_cut import Tables

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Hosted:
    """A kind of warehouse: its ``driver``, what that raises, and how an address is told to it.

    ``parts`` names what the host and the two sides of the path are; ``secrets`` maps a parameter to the variable of the
    environment that holds it; ``fixed`` are parameters that are always given. ``session`` names the backend whose
    sessions hold tables; without one it is Ibis's own, and what others hold is asked for again.
    """

    driver: str
    errors: tuple[str, ...]
    parts: tuple[str, str, str]
    user: str = "user"
    secrets: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    session: str | None = None


HOSTED = {
    "snowflake": Hosted(
        "snowflake.connector",
        ("snowflake.connector.errors:Error",),
        ("account", "database", "schema"),
        secrets={"password": "SNOWFLAKE_PASSWORD", "private_key_file_pwd": "SNOWFLAKE_PRIVATE_KEY_FILE_PWD"},
        fixed={"create_object_udfs": False},  # it would write functions into the database
    ),
    "bigquery": Hosted(
        "google.cloud.bigquery",
        ("google.api_core.exceptions:GoogleAPIError", "google.auth.exceptions:GoogleAuthError"),
        ("project_id", "dataset_id", ""),
    ),
    "databricks": Hosted(
        "databricks.sql",
        ("databricks.sql.exc:Error",),
        ("server_hostname", "catalog", "schema"),
        user="username",
        secrets={"access_token": "DATABRICKS_TOKEN"},
    ),
    "trino": Hosted(
        "trino",
        ("trino.exceptions:Error", "trino.exceptions:HttpError"),
        ("host", "database", "schema"),
        secrets={"auth": "TRINO_PASSWORD"},
    ),
    "clickhouse": Hosted(
        "clickhouse_connect",
        ("clickhouse_connect.driver.exceptions:ClickHouseError",),
        ("host", "database", ""),
        secrets={"password": "CLICKHOUSE_PASSWORD"},
        session="data.sources.kinds.clickhouse:SessionBackend",
    ),
}
"""Every hosted warehouse, by its scheme, which is also its name in Ibis and the project's extra."""


class HostedEngine(Engine):
    """A connection that may end, be refused or be kept waiting at any query; ``errors`` are its driver's."""

    def __init__(self, con: BaseBackend, errors: tuple[type[BaseException], ...]) -> None:
        super().__init__(con)
        self.errors = errors

    def release(self) -> None:
        """What a session holds that cannot be asked any more ends with it."""
        with suppress(*self.errors, *TRANSPORT):
            super().release()

    def in_words(self, error: BaseException) -> HeadroomError | None:
        return told_by_driver(error, self.errors)


class AsksAgain(HostedEngine):
    """A warehouse in which nothing is made: what others hold is asked for again."""

    @contextmanager
    def cached(self, views: Tables) -> Iterator[Tables]:
        yield dict(views)


class HostedWarehouse(Warehouse):
    """The tables of the schema that an address names. Capitals are read as the contract's small letters."""

    casts_text = False

    def __init__(self, address: Address) -> None:
        self.scheme, self.kind = address.scheme, HOSTED[address.scheme]
        asked = f"Open the source {address.shown}."
        _require_driver(asked, self.scheme, self.kind)
        teach_trino()
        self.errors = tuple(resolve_name(name) for name in self.kind.errors)
        with self._in_our_words(asked):
            told = parameters(address.url)
            if "auth" in told:  # ibis 12 would hand the bare password on to Trino's driver, which takes none
                basic = resolve_name("trino.auth:BasicAuthentication")
                told["auth"] = basic(told.get("user", ""), told["auth"])
            self.engine = _opened(self.scheme, self.kind, told, self.errors)
            self.con = self.engine.con
            with closed_on_error(self.engine):
                self.there = {name.lower() if name.isupper() else name: name for name in self.con.list_tables()}
        self.names = {name: name for name in self.there}

    def read(self, name: str) -> ir.Table:
        with self._in_our_words(f"Read the table {name}."):
            return in_small_letters(name, self.con.table(self.there[name]))

    def query(self, name: str, sql: str) -> ir.Table:
        """The result of a user's query, which is run whenever it is read."""
        select = one_select(name, sql, self.scheme)
        try:
            return in_small_letters(name, self.con.sql(select))
        except (*self.errors, IbisError) as error:
            raise query_error(name, first_line(str(error)), self.names) from error

    @contextmanager
    def _in_our_words(self, asked: str) -> Iterator[None]:
        try:
            yield
        except (*self.errors, IbisError, OSError, TypeError, ValueError) as error:
            variables = " and ".join(self.kind.secrets.values()) or "GOOGLE_APPLICATION_CREDENTIALS"
            raise SourceError(
                asked, first_line(str(error) or type(error).__name__), f"Check the address and {variables}."
            ) from error


def _opened(scheme: str, kind: Hosted, told: Mapping[str, Any], errors: tuple[type[BaseException], ...]) -> Engine:
    if kind.session is None:
        return AsksAgain(getattr(ibis, scheme).connect(**told), errors)
    return HostedEngine(resolve_name(kind.session)().connect(**told), errors)


def parameters(url: str) -> dict[str, Any]:
    """What the driver is told: the parts of the address, its options, and secrets from the environment."""
    parts = urlsplit(url)
    kind = HOSTED[parts.scheme]
    first, _, second = parts.path.strip("/").partition("/")
    told = dict(zip(kind.parts, (_host(parts), unquote(first), unquote(second)), strict=True))
    told |= {kind.user: unquote(parts.username or "")}
    given: dict[str, Any] = {name: value for name, value in told.items() if name and value}
    if parts.port:
        given["port"] = parts.port
    given |= {name: _value(value) for name, value in parse_qsl(parts.query)}
    secrets = {name: os.environ[variable] for name, variable in kind.secrets.items() if os.environ.get(variable)}
    if parts.scheme == "bigquery":
        given["credentials"] = _google_credentials()
    return given | secrets | dict(kind.fixed)


def _google_credentials() -> Any:
    """Those of the environment; without them the driver would open a browser."""
    return resolve_name("google.auth:default")(scopes=[CLOUD_PLATFORM])[0]


def _host(parts: SplitResult) -> str:
    """As it is written, for an account may have capitals; an address of IPv6 in its brackets, as a URL needs it."""
    at = parts.netloc.rpartition("@")[2]
    return f"{at.partition(']')[0]}]" if at.startswith("[") else at.partition(":")[0]


def _value(text: str) -> str | bool:
    return text.lower() == "true" if text.lower() in ("true", "false") else text


def in_small_letters(name: str, table: ir.Table) -> ir.Table:
    """A table whose columns are written in capitals, as Snowflake keeps them, with the contract's names."""
    known = {column.name for column in TABLES[name].columns}
    written = {column.lower(): column for column in table.columns if column.lower() in known - set(table.columns)}
    return table.rename(**written)


def _require_driver(asked: str, scheme: str, kind: Hosted) -> None:
    try:
        found = importlib.util.find_spec(kind.driver)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise SourceError(
            asked,
            f"its driver {kind.driver} is not installed.",
            f"Install the project with its extra headroom[{scheme}], or export the tables to Parquet files.",
        )


def teach_trino() -> None:
    """Ibis 12 has no hash for Trino, by which a base is read in parts; drop with the ibis that has."""
    compiler: Any = compilers.TrinoCompiler

    def visit_hash(self: Any, op: ops.Hash, *, arg: sge.Expression) -> sge.Expression:  # noqa: ARG001
        f = self.f.anon
        return f.from_big_endian_64(f.xxhash64(f.to_utf8(arg)))

    compiler.visit_Hash = visit_hash
