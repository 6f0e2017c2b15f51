"""Accounts whose use is not known at a snapshot, because the part of the feed that brings it had stopped."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data.contract.vocabulary import KEY

_IS_UNKNOWN = "use_is_unknown"


@dataclass(frozen=True)
class UnknownUse:
    """``accounts``: account_id and snapshot_date, one row each; ``names``: the columns and facts that rest on use."""

    accounts: pa.Table
    names: frozenset[str]

    def left_out(self, rows: ir.Table) -> ir.Table:
        """The rows with the same columns, those that rest on use null for these accounts."""
        names = [name for name in rows.columns if name in self.names]
        if not names:
            return rows
        marked = rows.left_join(self._marks, KEY, rname="{name}_unknown")
        unknown = marked[_IS_UNKNOWN].notnull()
        known = {name: unknown.ifelse(ibis.null(marked[name].type()), marked[name]) for name in names}
        return marked.select(**{name: known.get(name, marked[name]) for name in rows.columns})

    def without(self, rows: ir.Table) -> ir.Table:
        """The rows without those of these accounts."""
        return rows.anti_join(self._marks, KEY)

    @property
    def _marks(self) -> ir.Table:
        return ibis.memtable(self.accounts).mutate(**{_IS_UNKNOWN: ibis.literal(1)})
