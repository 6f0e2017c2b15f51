"""The views of use made by one pass over its rows, where these are at hand: a base of files, or of DuckDB.

They are those that ``features.views`` makes of the same tables, bit for bit. A base with few rows, and one whose
rows are elsewhere, keeps the views.
"""

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data.sources.engine import Engine
from data.sources.partitions import part_of
from data.time_cut import Tables, with_knowing
from features.views.account import Views

REPLACED = ("user_days", "user_slots", "feature_slots")
"""What the views that the pass makes were counted from."""
FEWEST_ROWS = 1_000_000
"""With fewer rows the views take no longer than it takes to begin with a pass."""
BYTES_PER_ROW = 96
"""What a row of use takes while it is coded and sorted, with what is counted of it."""


@contextmanager
def use_by_pass(engine: Engine, views: Views, fewest: int = FEWEST_ROWS) -> Iterator[Tables]:
    """The views of use by their names, held by the engine while the context lasts; none where the views make them.

    As many accounts are taken at once as the engine gives room for.
    """
    with ExitStack() as stack:
        held = _held(stack, engine, views, fewest)
        if held:
            _give_back_memory()
        yield held


def _give_back_memory() -> None:
    """What the pass has freed goes back to the system, for DuckDB takes as much as its limit beside it."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other libraries than glibc do so by themselves
    if trim is not None:
        trim(0)


def _held(stack: ExitStack, engine: Engine, views: Views, fewest: int) -> Tables:
    rows, room = views.rows_to_count(), engine.room
    count = 0 if room is None else int(rows.count().to_pyarrow().as_py())
    if not room or count < fewest:
        return {}
    from features.passes.tables import KNOWN, pass_tables  # numba takes half a second to import
    from features.passes.use import coded_use

    dates, of_some_plans = sorted(set(views.snapshot_dates)), views.features_of_some_plans()
    held: dict[str, list[ir.Table]] = {}
    parts = -(-count * BYTES_PER_ROW // room)
    for part in range(parts):
        try:
            use = coded_use(engine.batches(part_of(rows, part, parts)), dates)
        except OverflowError:  # the sums of the views have more bits
            return {}
        for name, table in () if use is None else pass_tables(use, dates, of_some_plans):
            held.setdefault(name, []).append(stack.enter_context(engine.taking(table)))
    whole = {name: ibis.union(*tables) if parts > 1 else tables[0] for name, tables in held.items()}
    return {name: with_knowing(table, KNOWN) if KNOWN in table.columns else table for name, table in whole.items()}
