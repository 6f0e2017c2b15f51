"""What was sold across on past snapshots: what a choice of products learns from."""

from datetime import date

from data.sources.known import KnownBase
from features.cohort import cohort
from features.cross_sell import cross_sells, options
from flows.run.settings import Settings
from models.estimators.cross_sell import CrossSellHistory
from models.estimators.sampling import days


def read_cross_sells(base: KnownBase, dates: list[date], settings: Settings) -> CrossSellHistory:
    """Which products were sold across within the horizon of these snapshots, and what the buyers had before."""
    sold = cross_sells(base.tables, cohort(base.tables, dates, settings.expansion), settings.expansion).cache()
    buyers = sold.select("account_id", "snapshot_date").distinct()
    rows = sold.to_pyarrow().to_pandas()
    return CrossSellHistory(rows.assign(snapshot_date=days(rows["snapshot_date"])), options(base.tables, buyers, dates))
