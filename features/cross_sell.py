"""What an account could be sold next: the products it has or had, those on offer, and the cross-sells that came."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow.parquet as pq

from data.contract.cross_sell import CrossSellOptions
from data.contract.vocabulary import KEY
from data.feeds.use import use
from data.ledger.invoices import is_for_use
from data.ledger.kinds import is_paid_for, lasts
from data.ledger.lines import ever_paid_for
from data.ledger.rules import ExpansionRules
from data.ledger.succession import current_product, with_successors
from data.sources.known import KnownBase
from data.sources.partitions import part_number
from data.time_cut import Tables, cut, cut_facts, facts
from features.calendar import QUARTER_DAYS, snapshots
from features.cohort import cohort
from features.labels import product_labels

OFFERED_DAYS = 365
"""A product is on offer if somebody began with it, or was billed for it, within the year before the snapshot."""


def options(tables: Tables, accounts: ir.Table, snapshot_dates: Sequence[date]) -> CrossSellOptions:
    """What could be sold to some accounts: ``account_id, snapshot_date``."""
    had, used = products_had(tables, accounts), features_used(tables, accounts)
    return CrossSellOptions(_read(had), _read(products_on_offer(tables, snapshot_dates)), _read(used))


@contextmanager
def options_in_parts(
    base: KnownBase, snapshot_dates: Sequence[date], count: int, rules: ExpansionRules
) -> Iterator[Callable[[int], CrossSellOptions]]:
    """What could be sold to the customers in one of ``count`` parts of the base, while the context lasts.

    The engine is asked once what all of them have, for it reads all usage to tell; that waits on disk, by part.
    """
    tables, members = base.tables, cohort(base.tables, snapshot_dates, rules)
    on_offer = _read(products_on_offer(tables, snapshot_dates))
    with TemporaryDirectory(prefix="headroom-options-") as folder, base.engine.cached({"cohort": members}) as held:
        accounts = held["cohort"]
        had, used = Path(folder, "had.parquet"), Path(folder, "used.parquet")
        for path, table in ((had, products_had(tables, accounts)), (used, features_used(tables, accounts))):
            numbered = table.mutate(part=part_number(table, count).cast("int64"))
            base.engine.write(numbered.order_by("part"), path)
        yield lambda index: CrossSellOptions(_of_part(had, index), on_offer, _of_part(used, index))


def _of_part(path: Path, index: int) -> pd.DataFrame:
    return _dated(pq.read_table(path, filters=[("part", "=", index)]).drop_columns("part").to_pandas())


def _read(table: ir.Table) -> pd.DataFrame:
    return _dated(table.to_pyarrow().to_pandas())


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """One day is one value, whatever the engine returned."""
    return rows.assign(snapshot_date=pd.to_datetime(rows["snapshot_date"]).astype("datetime64[us]"))


def cross_sells(tables: Tables, accounts: ir.Table, rules: ExpansionRules, lines: ir.Table | None = None) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and ``product`` with a cross-sell in the label window."""
    sold = product_labels(tables, accounts, rules, lines)
    return sold.filter(sold.expanded_cross_sell == 1).select(*KEY, "product").distinct()


def products_had(tables: Tables, accounts: ir.Table) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and ``product`` that the account has or ever had, as known then.

    A cross-sell is a product that the account never had: none of these can be one. By the names that a product had and
    by the one that it has now, which sales and what is on offer go by.
    """
    parts = []
    if "subscriptions" in tables:
        paid = cut(_named_now(tables["subscriptions"], tables), "subscriptions", accounts)
        parts.append(paid.filter(is_paid_for(paid), lasts(paid)))
    if "invoices" in tables:
        bills = cut(_named_now(tables["invoices"], tables), "invoices", accounts)
        parts.append(bills.filter(bills.amount_e4 > 0, is_for_use(bills)))
    names = [part.select(*KEY, product=name) for part in parts for name in ("product", "product_now")]
    had = ibis.union(*names)
    return had.filter(had["product"].notnull()).distinct()


def features_used(tables: Tables, accounts: ir.Table) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and product ``feature`` used in the quarter before, as known then."""
    name, rows = use(tables)
    used = cut(rows, name, accounts)
    recent = used.filter((used.age <= QUARTER_DAYS) & used.feature.notnull())
    return recent.select(*KEY, "feature").distinct()


def products_on_offer(tables: Tables, snapshot_dates: Sequence[date]) -> ir.Table:
    """One row per ``snapshot_date`` and ``product`` that somebody bought within the year before, as known then.

    What became another product is sold under the name that it has now.
    """
    parts = []
    if "subscriptions" in tables:
        paid = _named_now(tables["subscriptions"], tables)
        parts.append(facts(paid.filter(ever_paid_for(paid)), "product_now", "valid_from"))
    if "invoices" in tables:
        bills = _named_now(tables["invoices"], tables)
        parts.append(facts(bills.filter(bills.amount_e4 > 0, is_for_use(bills)), "product_now", "billed_on"))
    begun = (parts[0] if len(parts) == 1 else ibis.union(*parts)).distinct()
    seen = cut_facts(begun, snapshots(snapshot_dates))
    recent = seen.filter((seen.age <= OFFERED_DAYS) & seen.product_now.notnull())
    return recent.select("snapshot_date", product="product_now").distinct()


def _named_now(rows: ir.Table, tables: Tables) -> ir.Table:
    """Lines or bills with ``product_now``: the name that their product has as far as the base knows."""
    named = with_successors(rows, tables)
    return named.mutate(product_now=current_product(named))
