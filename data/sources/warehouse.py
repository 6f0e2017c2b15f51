"""What a kind of source must answer: which tables are there, read one as it is, run a user's SQL for one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import ibis.expr.types as ir

from data.errors import SourceError
from data.sources.engine import Engine


@dataclass(frozen=True)
class Address:
    """A source as the user named it, and what it is opened with.

    ``scheme`` and ``place`` are the two sides of ``://`` (a bare path has no scheme); relative paths start at ``root``.
    ``queries`` maps a contract table to SQL on the user's own tables.
    """

    url: str
    root: Path
    queries: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    memory_limit: str | None = None

    @property
    def scheme(self) -> str:
        scheme, separator, _ = self.url.partition("://")
        return scheme if separator else ""

    @property
    def place(self) -> str:
        return self.url.removeprefix(f"{self.scheme}://")

    @property
    def path(self) -> Path:
        return (self.root / Path(self.place).expanduser()).resolve()

    def require_path(self, *, is_folder: bool) -> Path:
        """The path of a folder, or of a file, that is there. Raises ``SourceError`` if it is not."""
        asked, todo = f"Read the source {self.url}.", "Correct [source].url, or --source."
        if not self.path.exists():
            raise SourceError(asked, f"there is no {self.path}.", todo)
        if self.path.is_dir() != is_folder:
            there, needed = ("file", "a folder") if is_folder else ("folder", "a file")
            raise SourceError(
                asked, f"{self.path} is a {there}, and {self.scheme or 'a bare path'} names {needed}.", todo
            )
        return self.path


class Warehouse(ABC):
    """Where tables are.

    ``names`` maps each table that is there to how messages name it. ``state`` changes whenever the tables do; None if
    only reading them would tell. ``casts_text``: a text that is no number, cast to one, becomes null and is no error.
    """

    engine: Engine
    names: Mapping[str, str]
    state: str | None = None
    casts_text: bool = True

    @abstractmethod
    def read(self, name: str) -> ir.Table:
        """A table as it is."""

    @abstractmethod
    def query(self, name: str, sql: str) -> ir.Table:
        """The result of a user's SQL, run once and held. Raises ``ContractError`` if the SQL is wrong."""

    def keep(self, name: str, staged: ir.Table) -> ir.Table:  # noqa: ARG002
        """A staged table; where its raw rows are held in memory the casts are done once."""
        return staged
