"""The kinds of source and the settings of one. No engine and no driver is imported before a source is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from data.sources.warehouse import Address, Warehouse


@dataclass(frozen=True)
class Scheme:
    """A kind of source: who opens it, ``module:name``, and what may follow its ``://``.

    ``is_path``: that is a path of this machine, which starts at the working folder where the command line names it.
    """

    open: str
    places: tuple[str, ...]
    is_path: bool = False

    def opener(self) -> Callable[["Address"], "Warehouse"]:
        """What opens it; imported when it is asked for, as databases' libraries are heavy."""
        function: Callable[[Address], Warehouse] = resolve_name(self.open)
        return function


SCHEMES = {
    "parquet": Scheme("data.sources.duckdb_source:open_folder", ("FOLDER",), is_path=True),
    "csv": Scheme("data.sources.duckdb_source:open_folder", ("FOLDER",), is_path=True),
    "duckdb": Scheme("data.sources.duckdb_source:open_file", ("FILE",), is_path=True),
    "postgres": Scheme("data.sources.postgres:Postgres", ("USER@HOST/DATABASE/SCHEMA",)),
    "postgresql": Scheme("data.sources.postgres:Postgres", ()),  # the longer name of the same
    "spark": Scheme("data.sources.spark:Spark", ("FOLDER", "DATABASE")),
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
    tables: dict[str, str] = Field(default_factory=dict, description="one SQL query per table whose shape differs")
    threads: int | None = Field(None, ge=1, description="threads of DuckDB or a local Spark; missing: all cores")
    memory_limit: str | None = Field(
        None,
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="memory of DuckDB (missing: 80% of the machine's) or of a local Spark (missing: 2GB), as '4GB'",
    )
