"""What was sold across on past snapshots: what a choice of products learns from."""

from datetime import date

from data.sources.known import KnownBase
from data.time_cut import Tables
from features.cross_sell import cross_sells, options
from flows.run.settings import Settings
from models.estimators.cross_sell import CrossSellHistory
from models.estimators.sampling import days


def read_cross_sells(base: KnownBase, dates: list[date], settings: Settings, held: Tables) -> CrossSellHistory:
    """Which products were sold across within the horizon of these snapshots, and what the buyers had before.

    ``held``: what ``held_for_labels`` gives of these snapshots.
    """
    sold = cross_sells(base.tables, held["cohort"], settings.expansion, held["lines"])
    with base.engine.cached({"sold": sold}) as of_window:
        rows = of_window["sold"].to_pyarrow().to_pandas()
        buyers = of_window["sold"].select("account_id", "snapshot_date").distinct()
        had = options(base.tables, buyers, dates)
    return CrossSellHistory(rows.assign(snapshot_date=days(rows["snapshot_date"])), had)
