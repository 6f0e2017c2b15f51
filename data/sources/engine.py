"""What a build asks of the engine that runs its expressions, beyond the expressions themselves.

``Engine`` answers as any database does. A kind of source whose engine answers otherwise has a class of its own beside
its code, so nobody else asks which engine it is.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types.relations import CachedTable

from data.errors import HeadroomError
from data.sources.partitions import Part, filtered
from data.time_cut import Tables

SUMMED_BELOW = 1_000_000_007
"""What the hash of a row is taken by, so that those of nine billion rows can be added up."""
LIBRARIES = ("ibis-framework", "duckdb")
"""What evaluates the expressions; other versions of them may give other rows."""


class Engine:
    """The engine of a base; ``con`` runs its expressions."""

    def __init__(self, con: BaseBackend) -> None:
        self.con = con
        self.held: list[dict[str, ir.Table]] = []
        self.taken: set[str] = set()

    def close(self) -> None:
        """End the connection; what the engine held for it is gone."""
        self.release()
        self.con.disconnect()

    def release(self) -> None:
        """Drop what is held still: whoever asked for it was stopped by an error, and may find the connection closed."""
        for tables in self.held:
            for table in tables.values():
                self._let_go(table)
        self.held = []
        for name in [*self.taken]:
            self._drop(name)

    @contextmanager
    def cached(self, views: Tables) -> Iterator[Tables]:
        """The rows of some views, held by the engine while the context lasts."""
        held: dict[str, ir.Table] = {}
        self.held.append(held)
        try:
            for name, view in views.items():
                held[name] = self._hold(view)
            yield dict(held)
        finally:
            self.held = [tables for tables in self.held if tables is not held]
            for table in held.values():
                self._let_go(table)

    @contextmanager
    def taking(self, rows: pa.Table) -> Iterator[ir.Table]:
        """Rows of this process, held by the engine while the context lasts; here they are not kept."""
        name = f"headroom_{uuid4().hex}"
        self.taken.add(name)
        try:
            table = self.con.create_table(name, rows, temp=True)
            del rows
            yield table
        finally:
            self._drop(name)

    def _drop(self, name: str) -> None:
        """Drop a table of ``taking``, unless that is done."""
        if name in self.taken:
            self.taken.remove(name)
            self.con.drop_table(name, force=True)

    def _hold(self, view: ir.Table) -> ir.Table:
        """The rows of a view, found once."""
        return view.cache()

    def _let_go(self, table: ir.Table) -> None:
        """What ``_hold`` gave is needed no more. It may have been let go before."""
        assert isinstance(table, CachedTable)
        table.release()

    def partitioned(self, tables: Tables, count: int, folder: Path) -> AbstractContextManager[Part]:  # noqa: ARG002
        """The tables in ``count`` parts by account, or in any divisor of it, while the context lasts.

        Files may be laid out in ``folder``. A database is asked for the rows of a part each time.
        """
        return nullcontext(filtered(tables))

    @property
    def room(self) -> int | None:
        """So many bytes rows may take in this process, beside what the engine holds; None if it is elsewhere."""
        return None

    def batches(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        """The rows, some at a time. Nothing else is asked of the engine meanwhile."""
        yield from rows.to_pyarrow_batches()

    def hash_with(self, before: ir.IntegerValue, value: ir.Value) -> ir.IntegerValue | None:  # noqa: ARG002
        """A hash of a value and of the hash before it; None where the engine has none that stays the same."""
        return None

    def fingerprint(self, table: ir.Table) -> str | None:
        """What tells the rows of a table from any others, whatever their order: ``duckdb 1.5.0: 40 rows, 1f3a``.

        Another engine, or another version of it, has others of the same rows. None where the engine has no hash.
        """
        row = self._row_hash(table)
        if row is None:
            return None
        rows = table.aggregate(count=table.count(), sum=row.sum()).to_pyarrow().to_pylist()[0]
        return self.fingerprint_of(rows["count"], rows["sum"] or 0)

    def fingerprint_of(self, rows: int, low: int) -> str:
        """The same of rows whose number and sum of hashes are known, as from their ``digests``."""
        return f"{self.kind}: {rows} rows, {low:x}"

    def fingerprints(self, table: ir.Table, by: str) -> ir.Table | None:
        """The same of each value of ``by``: ``rows`` and ``rows_hash``. None where the engine has no hash."""
        row = self._row_hash(table)
        return None if row is None else table.group_by(by).aggregate(rows=table.count(), rows_hash=row.sum())

    def digests(self, table: ir.Table, by: str) -> ir.Table | None:
        """The same in two sums of independent halves, ``low`` and ``high``: for whoever makes nothing anew by them.

        That other rows have both is as likely as two equal hashes of 60 bits. Hashed are all columns but ``by``.
        """
        row = self._whole_hash(table, but=by)
        if row is None:
            return None
        halves = {"low": (row % SUMMED_BELOW).sum(), "high": (row >> ibis.literal(32, "int8")).sum()}
        return table.group_by(by).aggregate(rows=table.count(), **halves)

    @property
    def kind(self) -> str:
        """The engine and its version, which make the hashes."""
        return f"{self.con.name} {self.con.version}"

    def _row_hash(self, table: ir.Table) -> ir.IntegerValue | None:
        """A number of each row that its values tell, small enough for many to be added up."""
        row = self._whole_hash(table)
        return None if row is None else row % SUMMED_BELOW

    def _whole_hash(self, table: ir.Table, but: str = "") -> ir.IntegerValue | None:
        row: ir.IntegerValue | None = ibis.literal(0, "int64")
        for name in sorted({*table.columns} - {but}):
            row = None if row is None else self.hash_with(row, table[name])
        return row

    def in_words(self, error: BaseException) -> HeadroomError | None:  # noqa: ARG002
        """What this engine raised while it ran an expression, as what a user can put right; None for a fault of ours.

        A source is read when its rows are asked for, long after it was opened: whoever closes a base asks this.
        """
        return None

    @contextmanager
    def scratch(self) -> Iterator[BaseBackend]:
        """A DuckDB for finished rows, while the context lasts: they come as Arrow, and are never the source's."""
        con = ibis.duckdb.connect()
        try:
            yield con
        finally:
            con.disconnect()

    def write(self, table: ir.Table, path: Path) -> None:
        """Write the rows of a table to one Parquet file on this machine, in their order."""
        table.to_parquet(path)


@contextmanager
def closed_on_error(engine: Engine) -> Iterator[None]:
    """A connection that an error on the way leaves without an owner is closed; what the engine raised is put in words.

    Raises ``SourceError`` for that.
    """
    try:
        yield
    except BaseException as error:
        told = engine.in_words(error)
        engine.close()
        if told is None:
            raise
        raise told from error
