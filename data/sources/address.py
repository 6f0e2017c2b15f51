"""A source as the user names it: which kinds there are, and whether what is named is there. Needs no engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.shown.urls import holds_secret, is_readable, shown_url


@dataclass(frozen=True)
class Scheme:
    """A kind of source: what opens an ``Address`` of it, and what may follow its ``://``.

    ``opener`` is named, not imported: its library comes when it is used. ``is_folder``: that is a folder of this
    machine, or else a file of it; None if it is neither. Such a path starts at the working folder where the command
    line names it. ``kept_in`` says where a password stands.
    """

    opener: str
    places: tuple[str, ...]
    is_folder: bool | None = None
    kept_in: str = "PGPASSWORD, or in a .pgpass file"

    @property
    def is_path(self) -> bool:
        return self.is_folder is not None

    @property
    def may_be_folder(self) -> bool:
        """Is what follows taken for a folder where one is there, and else for a name?"""
        return self.is_folder is None and "FOLDER" in self.places


HOSTED = "data.sources.kinds.hosted:HostedWarehouse"
SCHEMES = {
    "parquet": Scheme("data.sources.kinds.duckdb_source:open_folder", ("FOLDER",), is_folder=True),
    "csv": Scheme("data.sources.kinds.duckdb_source:open_folder", ("FOLDER",), is_folder=True),
    "duckdb": Scheme("data.sources.kinds.duckdb_source:open_file", ("FILE",), is_folder=False),
    "postgres": Scheme("data.sources.kinds.postgres:Postgres", ("USER@HOST/DATABASE/SCHEMA",)),
    "postgresql": Scheme("data.sources.kinds.postgres:Postgres", ()),  # the longer name of the same
    "record": Scheme("data.record.serve:RecordedTables", ("FOLDER",), is_folder=True),
    "spark": Scheme("data.sources.kinds.spark:Spark", ("FOLDER", "DATABASE")),
    "snowflake": Scheme(HOSTED, ("USER@ACCOUNT/DATABASE/SCHEMA?warehouse=NAME",), kept_in="SNOWFLAKE_PASSWORD"),
    "bigquery": Scheme(HOSTED, ("PROJECT/DATASET",), kept_in="GOOGLE_APPLICATION_CREDENTIALS"),
    "databricks": Scheme(HOSTED, ("HOST/CATALOG/SCHEMA?http_path=PATH",), kept_in="DATABRICKS_TOKEN"),
    "trino": Scheme(HOSTED, ("USER@HOST:PORT/CATALOG/SCHEMA",), kept_in="TRINO_PASSWORD"),
    "clickhouse": Scheme(HOSTED, ("USER@HOST:PORT/DATABASE",), kept_in="CLICKHOUSE_PASSWORD"),
}
"""Every kind of source, by its scheme."""

BARE = "parquet"
"""What a path without a scheme is opened as."""


def addresses() -> list[str]:
    """How each kind of source is written."""
    return [f"{name}://{place}" for name, scheme in SCHEMES.items() for place in scheme.places]


class SourceSettings(BaseModel):
    """Where the tables come from: ``[source]`` of ``headroom.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field("parquet://./warehouse", description=", ".join(addresses()))
    tables: dict[str, str] = Field(
        default_factory=dict, description='one SQL query per table whose shape differs; "" leaves a table out'
    )
    ignore: tuple[str, ...] = Field((), description="tables to leave out, as if they were not there")
    most_silent_days: int | None = Field(
        28,
        ge=1,
        description="nothing is scored once a table has had no row for more days, and for more than four of its own "
        'usual gaps; "off": score all the same',
    )
    caveats: tuple[str, ...] = Field((), description="what is not safe about the tables: told in every report")
    threads: int | None = Field(None, ge=1, description="threads of DuckDB or a local Spark; missing: all cores")
    memory_limit: str | None = Field(
        None,
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="memory of DuckDB (missing: 80% of the machine's) or of a local Spark (missing: 2GB), as '4GB'",
    )


@dataclass(frozen=True)
class Address:
    """A source as the user named it, and what it is opened with.

    ``scheme`` and ``place`` are the two sides of ``://`` (a bare path has no scheme); relative paths start at ``root``.
    ``mapped`` maps a contract table to SQL on the user's own tables; no SQL leaves the table out, as if it were
    ``left_out``. ``not_safe`` says what is not safe about them.
    """

    url: str
    root: Path
    mapped: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    memory_limit: str | None = None
    left_out: frozenset[str] = frozenset()
    not_safe: tuple[str, ...] = ()

    @property
    def queries(self) -> dict[str, str]:
        """The user's SQL, by contract table."""
        return {name: sql for name, sql in self.mapped.items() if sql.strip()}

    @property
    def ignored(self) -> frozenset[str]:
        """The contract tables that are left out, though something of their name may be there."""
        return self.left_out | (self.mapped.keys() - self.queries.keys())

    @property
    def scheme(self) -> str:
        scheme, separator, _ = self.url.partition("://")
        return scheme if separator else ""

    @property
    def kind(self) -> Scheme:
        return SCHEMES[self.scheme or BARE]

    @property
    def place(self) -> str:
        return self.url.removeprefix(f"{self.scheme}://")

    @property
    def shown(self) -> str:
        """As messages and logs name it."""
        return shown_url(self.url)

    @property
    def path(self) -> Path:
        return (self.root / Path(self.place).expanduser()).resolve()

    def require(self) -> None:
        """Raise ``SourceError`` for what is no kind of source, and for a path of this machine that is not there."""
        if self.scheme and self.scheme not in SCHEMES:
            raise _unknown(self.scheme)
        self._refuse_secrets()
        if not self.kind.is_path:
            return
        asked, todo = f"Read the source {self.shown}.", "Correct [source].url, or --source."
        if not self.path.exists():
            raise SourceError(asked, f"there is no {self.path}.", todo)
        if self.path.is_dir() != self.kind.is_folder:
            there, needed = ("file", "a folder") if self.kind.is_folder else ("folder", "a file")
            named = self.scheme or "a bare path"
            raise SourceError(asked, f"{self.path} is a {there}, and {named} names {needed}.", todo)

    def _refuse_secrets(self) -> None:
        """Raise ``SourceError`` for a password in the URL, which logs, messages and manifests would repeat."""
        if not self.kind.is_path and not is_readable(self.url):
            raise SourceError(
                f"Open the source {self.scheme}://....",  # without the rest, which may hold a password
                "the host or the port in its URL cannot be read.",
                "Correct it: percent-encode what is no letter in a name.",
            )
        if holds_secret(self.url, is_path=self.kind.is_path):
            raise SourceError(
                f"Open the source {f'{self.scheme}://' if self.scheme else ''}....",
                "its URL holds a password, which logs and manifests would repeat.",
                f"Leave it out of the URL and set it in {self.kind.kept_in}.",
            )


def _unknown(scheme: str) -> SourceError:
    readable = [f"{name}://" for name, kind in SCHEMES.items() if kind.places]
    return SourceError(
        f"Open the source {scheme}://....",  # without the rest, which may hold a password
        f"{scheme}:// is not a kind of source. These are: {', '.join(readable)}.",
        "Export the tables to a folder of Parquet files, or to a DuckDB file.",
    )
