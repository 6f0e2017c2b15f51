"""What a kind of source must answer: which tables are there, read one as it is, run a user's SQL for one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import ibis.expr.types as ir

from data.sources.engine import Engine

Place = tuple[str | None, str]
"""The schema of a table (None: its name alone finds it), and its name."""


class Warehouse(ABC):
    """Where tables are.

    ``names`` maps each table that is there to how messages name it. ``state`` changes whenever the tables do; None if
    only reading them would tell. ``casts_text``: a text that is no number, cast to one, becomes null and is no error.
    ``takes_sql``: a user's SQL is run on the tables. ``remarks`` are sentences for whoever checks them.
    ``reads_mappings``: the SQL of the ready-made mappings runs here.
    """

    engine: Engine
    names: Mapping[str, str]
    state: str | None = None
    casts_text: bool = True
    takes_sql: bool = True
    remarks: Sequence[str] = ()
    reads_mappings: bool = True

    @abstractmethod
    def read(self, name: str) -> ir.Table:
        """A table as it is."""

    def columns(self) -> dict[Place, tuple[str, ...]]:
        """The columns of every table that is there, also of those in other schemas that SQL can reach."""
        return {(None, name): tuple(self.read(name).columns) for name in self.names}

    @abstractmethod
    def query(self, name: str, sql: str) -> ir.Table:
        """The result of a user's SQL, run once and held. Raises ``ContractError`` if the SQL is wrong."""

    def keep(self, name: str, staged: ir.Table) -> ir.Table:  # noqa: ARG002
        """A staged table; where its raw rows are held in memory the casts are done once."""
        return staged
