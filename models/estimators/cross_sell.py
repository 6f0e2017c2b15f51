"""Which product for a cross-sell: the chance of each product that the account never had, given that it buys one.

A choice model (conditional logit, McFadden 1974): among the products on offer that are left to an account, product j is
bought with a chance in proportion to

    exp(popularity_j + sum over the signs i that it shows of effect_ij + size_j x size of the account)

The signs are the products that it has or had, and the product features that it used in the last quarter.
Chances are shares of what is left, so they add up to one whatever an account has. Sparse data borrows strength: the
penalty (a Gaussian prior of standard deviation DOUBT) pulls every ``effect`` and ``size`` to 0, which leaves the
popularity that all accounts share, and with few sales pulls that to "all alike". A sale is seen from up to three
monthly snapshots: each counts as a part of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import logsumexp

from data.contract.cross_sell import CrossSellOptions
from models.estimators.sampling import KEYS, days

SIZE_COLUMNS = ("mrr", "billed_91d")
"""What says how large an account is; the first that there is."""
DOUBT = 0.5
"""Standard deviation of each effect beside the popularity, in log-odds, before the sales are seen."""
POPULARITY_DOUBT = 2.0
MOST_FEATURES = 100


@dataclass(frozen=True)
class CrossSellHistory:
    """What was sold across. ``sold``: account_id, snapshot_date, product, of the label window; ``options``: of them."""

    sold: pd.DataFrame
    options: CrossSellOptions


@dataclass(frozen=True)
class CrossSellModel:
    """The fitted choice.

    ``effects``: one row per sign (each of ``products`` that it had, then each of ``features`` that it used), one column
    per product offered. ``sales``: how many are behind it.
    """

    products: tuple[str, ...]
    features: tuple[str, ...]
    popularity: tuple[float, ...]
    effects: tuple[tuple[float, ...], ...]
    size: tuple[float, ...]
    size_column: str
    size_middle: float
    size_scale: float
    sales: float

    def shares(self, rows: pd.DataFrame, options: CrossSellOptions) -> np.ndarray:
        """Rows x products: the chance of each product given a cross-sell; all 0 where nothing is left.

        ``rows``: account_id, snapshot_date and the column of size.
        """
        had, left = left_to_sell(rows, options, self.products)
        sizes = _standard(_size(rows, self.size_column), self.size_middle, self.size_scale)
        shown = np.column_stack([had, _used(rows, options, self.features)])
        utility = (
            np.asarray(self.popularity) + shown @ np.asarray(self.effects) + sizes[:, None] * np.asarray(self.size)
        )
        utility = np.where(left, utility, -np.inf)
        best = np.where(left.any(axis=1, keepdims=True), utility.max(axis=1, keepdims=True), 0.0)
        weight = np.exp(utility - best)
        return np.asarray(weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300))

    def best(self, rows: pd.DataFrame, options: CrossSellOptions) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest product of each row and its share; None and NaN where nothing is left."""
        shares = self.shares(rows, options)
        place = shares.argmax(axis=1)
        share = shares[np.arange(len(rows)), place]
        product = np.array(self.products, dtype=object)[place]
        product[~(share > 0)] = None
        return product, np.where(share > 0, share, np.nan)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "CrossSellModel":
        tuples = ("products", "features", "popularity", "size")
        values = {name: tuple(value) if name in tuples else value for name, value in stored.items()}
        return cls(**values | {"effects": tuple(tuple(line) for line in stored["effects"])})


def fit_cross_sell(rows: pd.DataFrame, cross_sells: CrossSellHistory) -> CrossSellModel | None:
    """Fit on the sales of these snapshots; None without a sale of a product that was on offer and left.

    ``rows``: account_id, snapshot_date and a column of size, of all accounts that bought.
    """
    sold = cross_sells.sold.merge(rows[KEYS], on=KEYS).sort_values([*KEYS, "product"], ignore_index=True)
    if sold.empty:
        return None
    options = cross_sells.options
    keyed = options.had.merge(sold[KEYS].drop_duplicates(), on=KEYS)
    offered = options.on_offer[options.on_offer.snapshot_date.isin(sold.snapshot_date)]
    products = tuple(sorted({*offered["product"], *keyed["product"]}))
    column = next((name for name in SIZE_COLUMNS if name in rows), "")
    bought_rows = sold.merge(rows[[*KEYS, *([column] if column else [])]], on=KEYS)
    had, left = left_to_sell(bought_rows, options, products)
    bought = np.array([products.index(name) if name in products else -1 for name in bought_rows["product"]])
    fair = (bought >= 0) & left[np.arange(len(bought_rows)), bought]
    if not fair.any():
        return None
    bought_rows, had, left, bought = bought_rows[fair], had[fair], left[fair], bought[fair]
    weight = 1 / bought_rows.groupby(["account_id", "product"])["product"].transform("size").to_numpy(np.float64)
    raw = _size(bought_rows, column)
    known = raw[~np.isnan(raw)]
    middle, scale = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
    used = options.used.merge(bought_rows[KEYS].drop_duplicates(), on=KEYS)["feature"].value_counts()
    # Of equally frequent features the first in the alphabet: the same in any order of the rows.
    features = tuple(sorted(used.sort_index().sort_values(ascending=False, kind="stable").index[:MOST_FEATURES]))
    shown = np.column_stack([had, _used(bought_rows, options, features)])
    effects = _effects(shown, _standard(raw, middle, scale), left, bought, weight)
    return CrossSellModel(
        products=products,
        features=features,
        popularity=tuple(effects[0].tolist()),
        effects=tuple(tuple(line) for line in effects[1:-1].tolist()),
        size=tuple(effects[-1].tolist()),
        size_column=column,
        size_middle=middle,
        size_scale=scale,
        sales=float(weight.sum()),
    )


def _effects(
    shown: np.ndarray, sizes: np.ndarray, left: np.ndarray, bought: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Effects x products: popularity, one line per sign, size. A concave likelihood with a Gaussian prior."""
    inputs = np.column_stack([np.ones(len(shown)), shown, sizes])
    shape = inputs.shape[1], left.shape[1]
    pull = np.full(shape, 1 / DOUBT**2)
    pull[0] = 1 / POPULARITY_DOUBT**2
    chosen = np.zeros(left.shape)
    chosen[np.arange(len(bought)), bought] = 1.0

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        effects = flat.reshape(shape)
        utility = np.where(left, inputs @ effects, -np.inf)
        total = logsumexp(utility, axis=1)
        value = (weight * (total - utility[np.arange(len(bought)), bought])).sum() + (pull * effects**2).sum() / 2
        miss = weight[:, None] * (np.exp(utility - total[:, None]) - chosen)
        return float(value), (inputs.T @ miss + pull * effects).ravel()

    best = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"ftol": 1e-12})
    return np.asarray(best.x).reshape(shape)


def left_to_sell(
    rows: pd.DataFrame, options: CrossSellOptions, products: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows x products: had (0 or 1), and left to be sold (on offer that day and never had)."""
    place = {name: at for at, name in enumerate(products)}
    asked = rows[KEYS].assign(snapshot_date=days(rows["snapshot_date"]))
    keys = asked.drop_duplicates().reset_index(drop=True).reset_index(names="row")
    had = np.zeros((len(keys), len(products)))
    lines = options.had[options.had["product"].isin(place)].merge(keys, on=KEYS)
    had[lines["row"], lines["product"].map(place).to_numpy(np.intp)] = 1.0
    offered = np.zeros((len(keys), len(products)), dtype=bool)
    for day, names in options.on_offer[options.on_offer["product"].isin(place)].groupby("snapshot_date")["product"]:
        offered |= (keys.snapshot_date == day).to_numpy()[:, None] & np.isin(products, names)
    back = asked.merge(keys, on=KEYS, how="left")["row"].to_numpy()
    return had[back], (offered & (had == 0))[back]


def _used(rows: pd.DataFrame, options: CrossSellOptions, features: Sequence[str]) -> np.ndarray:
    """Rows x features: used in the last quarter (0 or 1)."""
    place = {name: at for at, name in enumerate(features)}
    asked = rows[KEYS].assign(snapshot_date=days(rows["snapshot_date"]), row=np.arange(len(rows)))
    used = np.zeros((len(rows), len(features)))
    lines = options.used[options.used["feature"].isin(place)].merge(asked, on=KEYS)
    used[lines["row"], lines["feature"].map(place).to_numpy(np.intp)] = 1.0
    return used


def _size(rows: pd.DataFrame, column: str) -> np.ndarray:
    return np.log1p(np.clip(rows[column].to_numpy(np.float64), 0, None)) if column else np.full(len(rows), np.nan)


def _standard(sizes: np.ndarray, middle: float, scale: float) -> np.ndarray:
    """Sizes around 0; one that is not known is the middle."""
    return np.nan_to_num((sizes - middle) / scale)
