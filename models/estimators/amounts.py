"""How much an account would expand by, if it does: ARR of a window with an expansion.

First a Poisson regression with log link (scikit-learn) on a few columns of size, in logarithms and standardised, fitted
on the account-windows with an expansion. What is missing counts as the median, what lies outside the sample as its
edge. Then boosted trees with a Tweedie loss correct it by everything else that is known: which plan comes next, which
products are left, what was bought before. How many trees, from none, is what amounts of accounts that were left out
choose; the total and the spread are taken from left-out accounts too, so they are those of accounts not seen. With a
gamma loss every amount would count alike, and the largest, which make the sum, would be told too small
(docs/ablation.md).

Amounts have a season and a trend as well: how far those of each past day lay from their means, in accounts left out, is
kept, and the same month of the year before foretells that of today (``season``, ``models.estimators.year_before``).

How far single amounts lie from their mean is told by the sample: four in five lie between ``low`` and ``high``
times the mean (the 10% and 90% quantiles of amount / fitted mean). It is the interval of what an account gains *if* it
expands. Most accounts do not, so the interval of one account's expected ARR would say little: a total has one instead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_tweedie_deviance

from data.digests import digest_of
from data.kept.keeper import Keeper
from models.estimators import boosting
from models.estimators.boosting import Booster
from models.estimators.year_before import DailyLevels, foretell, own_variance
from models.settings import Params

SIZE_COLUMNS = (
    "mrr",
    "seats",
    "mrr_per_seat",
    "products",
    "employees",
    "active_users_28d",
    "billed_91d",
    "billed_365d",
)
"""Columns that say how large an account is; those present are used."""
PAID_COLUMNS = ("mrr", "billed_91d", "billed_365d")
"""Those of them that say what an account pays: amounts are told as multiples of it."""
MIN_POSITIVES_PER_COLUMN = 10
INTERVAL = (0.1, 0.9)
MIN_POSITIVES_INTERVAL = 20
"""Fewer amounts say nothing about their tenths."""
PENALTY = 0.01
"""L2 penalty on the standardised coefficients."""
MIN_POSITIVES_TREES = 200
"""Fewer amounts are told by the regression alone."""
MOST_POSITIVES_TREES = 40_000
"""Of more, trees learn from every second account, or third, and so on."""
FEWEST_OF_DAY = 8
"""Of a day with fewer amounts no level is learnt."""
FOLDS = 3
STAGES = range(0, 101, 20)
"""Numbers of trees to choose from."""
TREES = Params(learning_rate=0.1, num_leaves=7, min_child_samples=20, feature_fraction=0.5)
"""Smaller than those of the propensity, as a tenth of the rows has an amount (docs/ablation.md)."""
AMOUNTS = "amounts"
"""The kind of value that fitted amounts are in a store: JSON."""


@dataclass(frozen=True)
class Amounts:
    """The fitted map from a feature row to currency per year. Without columns and trees it is one constant.

    ``trees``: the booster as text, empty where none helped; ``low``, ``high``: between them times the mean lie four in
    five amounts (NaN where there were too few to say); ``square``: the mean square of amount / mean.
    """

    columns: tuple[str, ...]
    medians: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    log_mean: float
    positives: int
    low: float
    high: float
    square: float
    trees: str = ""
    days: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Expected expansion ARR given an expansion, per row; never negative. ``rows``: the model's features."""
        logs = np.full(len(rows), self.log_mean)
        if self.columns:
            # Summed row by row: a matrix product adds up otherwise where a row stands elsewhere.
            logs += (self._standard(rows) * np.asarray(self.coefficients)).sum(axis=1)
        if self._booster is not None:
            logs += boosting.log_odds(self._booster, rows[boosting.feature_names(self._booster)])
        return np.exp(logs)

    def _standard(self, rows: pd.DataFrame) -> np.ndarray:
        logs = _logs(rows, list(self.columns))
        known = np.where(np.isnan(logs), self.medians, logs)
        inside = np.clip(known, self.lowest, self.highest)
        return (inside - np.asarray(self.medians)) / np.asarray(self.scales)

    @cached_property
    def _booster(self) -> Booster | None:
        return boosting.from_text(self.trees) if self.trees else None

    def interval(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between which four in five of the amounts with these means lie."""
        return mean * self.low, mean * self.high

    def season(self, day: pd.Timestamp, horizon_days: int) -> float:
        """How far amounts of ``day`` are foretold to lie from their means, as a logarithm.

        By the same month of the year before and the trend from year to year, as far as days have differed beyond
        chance; 0 where the matured past does not hold that month.
        """
        past = self._past.before(day, horizon_days)
        foretold = foretell(past, day, horizon_days)
        if foretold is None:
            return 0.0
        return foretold.against(0.0, own_variance(past.days, past.values, past.variances, 0.0, horizon_days))

    @property
    def _past(self) -> DailyLevels:
        days = tuple(pd.Timestamp(day) for day in self.days)
        return DailyLevels(days, np.asarray(self.levels), np.asarray(self.variances))

    def to_dict(self) -> dict[str, Any]:
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Amounts":
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        values |= {k: float("nan") for k, v in values.items() if v is None}
        return cls(**values)


def _logs(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    return np.log1p(np.clip(rows[columns].to_numpy(np.float64), 0, None))


def fit_amounts(rows: pd.DataFrame, arr: np.ndarray, features: Sequence[str], seed: int = 0) -> Amounts | None:
    """Fit on the rows of account-windows with an expansion; None if not one of them gained anything.

    ``rows``: account_id, snapshot_date (without it no season is learnt) and the features, text by categories. ``arr``
    is the expansion ARR of the window; rows where it is missing or not positive are left out, and so are those of which
    it is not known what they pay (``is_paid_known``), if it is of others: they would teach that amounts go with
    whatever else is known. The regression uses one column per ten rows, in the order of SIZE_COLUMNS.
    """
    arr = np.asarray(arr, dtype=np.float64)
    gained = np.isfinite(arr) & (arr > 0)
    told = gained & is_paid_known(rows, features)
    rows, arr = (rows[told], arr[told]) if told.any() else (rows[gained], arr[gained])
    if not len(arr):
        return None
    by_size = _regression(rows, arr, features)
    if len(arr) < MIN_POSITIVES_TREES or not features:
        return _with_days(by_size, rows, arr, by_size.predict(rows))
    return _corrected(by_size, rows, arr, features, seed)


def kept_amounts(
    rows: pd.DataFrame, arr: np.ndarray, features: Sequence[str], seed: int, store: Keeper | None
) -> Amounts | None:
    """As ``fit_amounts``; what the ``store`` holds is not fitted again, and what is fitted is kept there."""
    if store is None:
        return fit_amounts(rows, arr, features, seed)
    named = [list(rows[name].astype("str")) for name in ("account_id", "snapshot_date") if name in rows]
    values = rows[list(features)].to_numpy(np.float64)
    key = digest_of(boosting.made_by(), named, list(features), values, np.asarray(arr, np.float64), seed)
    kept = store.get(AMOUNTS, key)
    if kept is not None:
        stored = json.loads(kept)
        return None if stored is None else Amounts.from_dict(stored)
    amounts = fit_amounts(rows, arr, features, seed)
    store.put(AMOUNTS, key, json.dumps(None if amounts is None else amounts.to_dict()).encode())
    return amounts


def is_paid_known(rows: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Of which rows is it known what the account pays? Of none on a day before which the bills had stopped coming.

    Of all, where no feature tells it.
    """
    paid = [name for name in PAID_COLUMNS if name in features]
    return rows[paid].notna().any(axis=1).to_numpy() if paid else np.ones(len(rows), dtype=bool)


def arr_of(rows: pd.DataFrame) -> np.ndarray:
    """The expansion ARR of these rows; NaN where it is not known."""
    return rows.get("expansion_arr", pd.Series(np.nan, rows.index)).to_numpy(np.float64)


def _regression(rows: pd.DataFrame, arr: np.ndarray, features: Sequence[str]) -> Amounts:
    """By size alone; the total over its rows is what was gained."""
    present = [name for name in SIZE_COLUMNS if name in features and rows[name].nunique() > 1]
    columns = present[: len(arr) // MIN_POSITIVES_PER_COLUMN]
    if not columns:
        return Amounts((), (), (), (), (), (), float(np.log(arr.mean())), len(arr), *_spread(arr / arr.mean()))
    logs = _logs(rows, columns)
    medians = np.nanmedian(logs, axis=0)
    known = np.where(np.isnan(logs), medians, logs)
    scales = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    standard = (known - medians) / scales
    fitted = PoissonRegressor(alpha=PENALTY, max_iter=1000).fit(standard, arr / arr.mean())
    shape = np.exp(standard @ fitted.coef_)
    level = float(arr.sum() / shape.sum())
    low, high, square = _spread(arr / (level * shape))
    return Amounts(
        columns=tuple(columns),
        medians=tuple(medians.tolist()),
        lowest=tuple(known.min(axis=0).tolist()),
        highest=tuple(known.max(axis=0).tolist()),
        scales=tuple(scales.tolist()),
        coefficients=tuple(fitted.coef_.tolist()),
        log_mean=float(np.log(level)),
        positives=len(arr),
        low=low,
        high=high,
        square=square,
    )


def _corrected(by_size: Amounts, rows: pd.DataFrame, arr: np.ndarray, features: Sequence[str], seed: int) -> Amounts:
    """With as many trees as left-out accounts choose; level and spread are those of left-out accounts."""
    account = np.unique(rows["account_id"].to_numpy(object), return_inverse=True)[1]
    some = account % (1 + len(arr) // MOST_POSITIVES_TREES) == 0
    rows, arr, account = rows[some], arr[some], account[some]
    X = rows[list(features)]
    means, fold = by_size.predict(X), np.random.default_rng(seed).integers(FOLDS, size=account.max() + 1)[account]
    left_out = {trees: np.zeros(len(arr)) for trees in STAGES}
    for number in range(FOLDS):
        out = fold == number
        if out.all() or not out.any():  # a handful of accounts
            return _with_days(by_size, rows, arr, means)
        trees = boosting.fit_tweedie(X[~out], arr[~out], means[~out], TREES, STAGES[-1], seed)
        for many, raw in boosting.stages(trees, X[out], STAGES[-1], STAGES.step):
            left_out[many][out] = raw
    loss = {many: _loss(arr, means * np.exp(raw)) for many, raw in left_out.items()}
    best = min(loss, key=lambda many: (loss[many], many))
    if not best:
        return _with_days(by_size, rows, arr, means)
    expected = means * np.exp(left_out[best])
    level = float(arr.sum() / expected.sum())
    low, high, square = _spread(arr / (level * expected))
    booster = boosting.fit_tweedie(X, arr, means, TREES, best, seed)
    return replace(
        _with_days(by_size, rows, arr, level * expected),
        log_mean=by_size.log_mean + float(np.log(level)),
        low=low,
        high=high,
        square=square,
        trees=boosting.to_text(booster),
    )


def _with_days(amounts: Amounts, rows: pd.DataFrame, arr: np.ndarray, means: np.ndarray) -> Amounts:
    """With the level of each day; ``means`` of amounts that had no part in them, where there are trees.

    Days with few amounts have none: the logarithm of a sum of a few lies below that of its mean.
    """
    if "snapshot_date" not in rows:
        return amounts
    square = means**2
    scatter = ((arr - means) ** 2).sum() / square.sum()
    parts = pd.DataFrame({"arr": arr, "mean": means, "square": square, "count": 1})
    sums = parts.groupby(rows["snapshot_date"].to_numpy()).sum()
    sums = sums[sums["count"] >= FEWEST_OF_DAY]
    return replace(
        amounts,
        days=tuple(f"{day:%Y-%m-%d}" for day in sums.index),
        levels=tuple(np.log(sums.arr / sums["mean"]).tolist()),
        variances=tuple((scatter * sums.square / sums["mean"] ** 2).tolist()),
    )


def _loss(arr: np.ndarray, mean: np.ndarray) -> float:
    """What the trees make small, in units of the amounts' mean."""
    return float(mean_tweedie_deviance(arr / arr.mean(), mean / arr.mean(), power=boosting.TWEEDIE_POWER))


def _spread(ratios: np.ndarray) -> tuple[float, float, float]:
    """The interval and the mean square of amounts over their means."""
    square = float((ratios**2).mean())
    if len(ratios) < MIN_POSITIVES_INTERVAL:
        return float("nan"), float("nan"), square
    low, high = np.quantile(ratios, INTERVAL)
    return float(low), float(high), square
