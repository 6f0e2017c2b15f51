"""How well the product of a cross-sell was named on past days, held against always naming the most popular one left."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.estimators.cross_sell import SIZE_COLUMNS, CrossSellHistory, fit_cross_sell, left_to_sell
from models.estimators.sampling import KEYS
from models.evaluation import metrics
from models.evaluation.bootstrap import Resamples, table_of
from models.evaluation.metrics import CROSS_SELL, JudgedBuyers
from models.evaluation.splits import Split
from models.settings import TrainSettings


@dataclass(frozen=True)
class CrossSellBacktest:
    """What the choice would have said on past days.

    ``days``: one row per reported day: snapshot_date, buyers (accounts with a cross-sell), choices (products left to a
    buyer, mean), hit_rate, popular_hit_rate, mean_share (of the product that was bought). ``figures``: metric, value,
    low, high; of all days together, with ``difference`` the paired hit rate less that of the most popular one left.
    """

    days: pd.DataFrame
    figures: pd.DataFrame

    def metrics(self) -> dict[str, float]:
        """Flat names for MLflow."""
        flat = {"cross_sell_buyers": float(self.days.buyers.sum())}
        for line in self.figures.to_dict("records"):
            name = line["metric"]
            flat |= {name: line["value"], f"{name}_low": line["low"], f"{name}_high": line["high"]}
        return flat


def judge_cross_sell(
    rows: pd.DataFrame, reported: Sequence[Split], cross_sells: CrossSellHistory, settings: TrainSettings
) -> CrossSellBacktest | None:
    """Replay the choice: fitted on what had matured before each reported day, asked about the cross-sells of that day.

    ``rows``: labelled history. A product that nobody could be offered yet counts as a miss. None without a buyer.
    """
    column = next((name for name in SIZE_COLUMNS if name in rows), None)
    buyers = cross_sells.sold[KEYS].drop_duplicates()
    known = rows[[*KEYS, *([column] if column else [])]].merge(buyers, on=KEYS)
    known = known.sort_values(KEYS, ignore_index=True)  # resamples are drawn in the order of the rows
    by_day = [_judged_day(known, split, cross_sells) for split in sorted(reported, key=lambda split: split.test_date)]
    asked = pd.concat([part for part in by_day if part is not None] or [pd.DataFrame()], ignore_index=True)
    if asked.empty:
        return None
    resamples = Resamples(asked.account_id, settings.resamples, settings.seed)
    buyers_of = {name: asked[name].to_numpy(np.float64) for name in ("hit", "popular", "share")}
    figures = resamples.figures(
        np.arange(len(asked)), lambda counts: metrics.figures(JudgedBuyers(**buyers_of, counts=counts), CROSS_SELL)
    )
    days = asked.groupby("snapshot_date", as_index=False).agg(
        buyers=("hit", "size"),
        choices=("choices", "mean"),
        hit_rate=("hit", "mean"),
        popular_hit_rate=("popular", "mean"),
        mean_share=("share", "mean"),
    )
    return CrossSellBacktest(days, table_of(figures))


def _judged_day(known: pd.DataFrame, split: Split, cross_sells: CrossSellHistory) -> pd.DataFrame | None:
    """One row per buyer of a day: was the likeliest product bought, was the most popular one, and what share it had."""
    fitted = fit_cross_sell(known[known.snapshot_date.isin(split.train_dates)], cross_sells)
    asked = known[known.snapshot_date == split.test_date].reset_index(drop=True)
    if fitted is None or asked.empty:
        return None
    past = cross_sells.sold[cross_sells.sold.snapshot_date.isin(split.train_dates)]
    sold = past.drop_duplicates(["account_id", "product"])["product"].value_counts()
    counts = np.array([sold.get(name, 0) for name in fitted.products], dtype=np.float64)
    _, left = left_to_sell(asked, cross_sells.options, fitted.products)
    shares = fitted.shares(asked, cross_sells.options)
    best, popular = shares.argmax(axis=1), np.where(left, counts, -1.0).argmax(axis=1)
    bought = np.zeros(shares.shape, dtype=bool)
    place = {name: at for at, name in enumerate(fitted.products)}
    known_products = cross_sells.sold[cross_sells.sold["product"].isin(place)]
    came = known_products.merge(asked[KEYS].reset_index(names="row"), on=KEYS)
    bought[came["row"], came["product"].map(place).to_numpy(np.intp)] = True
    each = np.arange(len(asked))
    return asked[KEYS].assign(
        choices=left.sum(axis=1),
        hit=bought[each, best] & left.any(axis=1),
        popular=bought[each, popular] & left.any(axis=1),
        share=(shares * bought).sum(axis=1),
    )
