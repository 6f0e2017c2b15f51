"""Score a snapshot: propensities and the exact attributions of the same booster, checked before anyone sees them."""

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from data.contract.cross_sell import CrossSellOptions
from data.contract.outputs import ATTRIBUTIONS
from data.contract.vocabulary import ADDITIVITY, MOTIONS
from data.errors import ModelError, NotEnoughHistoryError, PublishError
from features.missing_features import say_missing
from models.estimators import boosting
from models.estimators.bundle import Bundle
from models.estimators.categories import encode, other_kind
from models.estimators.expected_arr import ARR_COLUMNS, say_arr
from models.estimators.sampling import KEYS
from models.scoring import attributions as attributions_of

JUDGED_ROWS = 16
"""Rows whose attributions LightGBM judges; it takes about two milliseconds for each."""
JUDGE_TOLERANCE = 1e-6
OTHER_KIND = "Give the column as it was, by a cast under [source.tables]; or train again, if it is to stay so."
DEEP, DEEP_TOLERANCE = 20, 0.05
"""Splits on one path from which LightGBM's own attributions are no longer exact: its sums cancel."""


@dataclass(frozen=True)
class Scored:
    """One row per account and snapshot, in the order of the rows given.

    ``scores``: account_id, snapshot_date, log_odds, base_log_odds, propensity, propensity_low and _high (its range;
    missing of models that know none); propensity_<motion> (missing where the motion was not learnt);
    expected_arr = propensity x arr_if_expands, arr_if_expands_low and _high, between which four in five of such amounts
    lie, and expected_arr_low and _high, the range of that mean (missing without amounts);
    cross_sell_product and cross_sell_product_share, the likeliest product and its chance given a cross-sell (missing
    where nothing is left, or the motion was not learnt).
    ``attributions``: snapshot_date, account_id, base_log_odds, and one column per feature, in log-odds.
    ``explained_by``: what computed them. ``sha256``: the hash of each column
    of both and of the rows that were scored, by place and column.
    """

    scores: pd.DataFrame
    attributions: pd.DataFrame
    explained_by: str
    sha256: Mapping[str, str] = field(default_factory=dict, repr=False)


def score(bundle: Bundle, rows: pd.DataFrame, options: CrossSellOptions | None = None) -> Scored:
    """Score feature rows. ``rows``: account_id, snapshot_date and the model's features, more columns are left aside.

    ``options``: what these accounts (or more) could be sold; without it no product is named.

    Raises ModelError if features of the model are missing, NotEnoughHistoryError for no rows, PublishError if an
    account is there twice, the parts of a score do not add up to it, or LightGBM explains it otherwise.
    """
    if rows.empty:
        raise NotEnoughHistoryError(
            "Score a snapshot.", "no account in the base.", "Choose a date on which there are customers."
        )
    if rows.duplicated(KEYS).any():
        twice = rows.loc[rows.duplicated(KEYS), "account_id"].iloc[0]
        raise PublishError("Score a snapshot.", f"account {twice} is there twice.", "Build the features again.")
    X = model_matrix(bundle, rows)
    scores = propensities(bundle, rows, X)
    parts, base = attributions_of.contributions(bundle.booster, X)
    check_sum(rows["account_id"], scores["log_odds"].to_numpy(), base, parts)
    check_parts(rows["account_id"], bundle.booster, X, parts)
    scores.insert(list(scores).index("log_odds") + 1, "base_log_odds", base)
    first = scores[["snapshot_date", "account_id", "base_log_odds"]]
    attributions = pd.concat([first, pd.DataFrame(parts, columns=list(bundle.feature_names))], axis=1)
    product, share = _likeliest_product(bundle, rows, options)
    scores = scores.assign(cross_sell_product=product, cross_sell_product_share=share)
    explained_by = attributions_of.explained_by(bundle.booster)
    return Scored(scores, attributions, explained_by, _hashes(rows, scores, attributions))


def propensities(bundle: Bundle, rows: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    """The ``scores`` of ``score`` that follow from a row alone: all but base_log_odds and the likeliest product.

    ``X``: the ``model_matrix`` of the rows.
    """
    log_odds = boosting.log_odds(bundle.booster, X)
    likelihood = bundle.any_expansion.told(log_odds)
    propensity = likelihood["propensity"]
    per_motion = _motion_propensities(bundle, X, propensity)
    missing = np.full(len(rows), np.nan)
    if bundle.amounts is None:
        money = dict.fromkeys(ARR_COLUMNS, missing)
    else:
        money = say_arr(propensity, bundle.amounts.predict(X), bundle.amounts, bundle.expected_arr)
    scores = rows[KEYS].reset_index(drop=True).assign(log_odds=log_odds, **likelihood)
    scores = scores.assign(**{f"propensity_{motion}": per_motion.get(motion, missing) for motion in MOTIONS})
    return scores.assign(**money)


def require_unchanged(bundle: Bundle, rows: pd.DataFrame, scored: Scored) -> None:
    """Raise PublishError unless these are the rows that were scored, and the scores those of this model.

    To be asked last, before anything is published. Named are a column that was changed, renamed, or moved against the
    accounts since it was scored, log-odds of another booster (a few rows are predicted again) and propensities of
    another calibrator (all are mapped again).
    """
    asked = "Publish the scores that this model gave these rows."
    todo = "Do not publish: score again, with one version and one set of rows."
    now = _hashes(rows, scored.scores, scored.attributions)
    moved = [
        name for name in (*scored.sha256, *(now.keys() - scored.sha256)) if scored.sha256.get(name) != now.get(name)
    ]
    if moved:
        raise PublishError(
            asked, f"changed since they were scored: {', '.join(moved[:5])} ({len(moved)} in all).", todo
        )
    scores, accounts = scored.scores, scored.scores["account_id"]
    log_odds, parts = scores["log_odds"].to_numpy(), _parts(bundle, scored)
    check_sum(accounts, log_odds, scores["base_log_odds"].to_numpy(), parts)
    some = _spread(len(rows))
    again = boosting.log_odds(bundle.booster, model_matrix(bundle, rows.iloc[some]))
    _require_same("log_odds", "the booster", accounts.iloc[some], log_odds[some], again)
    for column, mapped in bundle.any_expansion.told(log_odds).items():
        _require_same(column, "the calibrator", accounts, scores[column].to_numpy(), mapped)


def _parts(bundle: Bundle, scored: Scored) -> np.ndarray:
    names = ATTRIBUTIONS.features_of(scored.attributions.columns)
    boosting.check_columns(list(bundle.feature_names), names)
    return scored.attributions[names].to_numpy(np.float64)


def _require_same(column: str, what: str, accounts: pd.Series, stated: np.ndarray, again: np.ndarray) -> None:
    off = np.flatnonzero(~((np.abs(stated - again) <= ADDITIVITY) | (np.isnan(stated) & np.isnan(again))))
    if len(off):
        raise PublishError(
            asked="Publish the scores that this model gave these rows.",
            found=f"{column} is not what {what} of this model gives: account {accounts.iloc[off[0]]} has "
            f"{stated[off[0]]:.9g} where {again[off[0]]:.9g} is due ({len(off)} in all).",
            todo="Do not publish: score again, with one version and one set of rows.",
        )


def _hashes(rows: pd.DataFrame, scores: pd.DataFrame, attributions: pd.DataFrame) -> dict[str, str]:
    """The hash of each column in its order of accounts: values moved against the accounts have another."""
    frames = {"feature": rows, "score": scores, "attribution": attributions}
    return {f"{place} {name}": _hash(frame[name]) for place, frame in frames.items() for name in frame.columns}


def _hash(values: pd.Series) -> str:
    numbers = values.to_numpy() if values.dtype.kind in "fiub" else pd.util.hash_array(values.to_numpy(object))
    return hashlib.sha256(np.ascontiguousarray(numbers).data).hexdigest()


def _spread(count: int, most: int = JUDGED_ROWS) -> np.ndarray:
    """Some places among so many, from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _motion_propensities(bundle: Bundle, X: pd.DataFrame, any_expansion: np.ndarray) -> dict[str, np.ndarray]:
    """``motion -> propensity per row``, consistent with ``any_expansion``; motions that were withheld are not in it."""
    raw = {
        motion: any_expansion
        if model.booster is None
        else model.calibrator.propensity(boosting.log_odds(model.booster, X))
        for motion, model in bundle.motions.items()
    }
    if not raw:
        return {}
    values = consistent(any_expansion, np.column_stack(list(raw.values())), bundle.all_motions_modelled)
    return {motion: values[:, i] for i, motion in enumerate(raw)}


def _likeliest_product(
    bundle: Bundle, rows: pd.DataFrame, options: CrossSellOptions | None
) -> tuple[pd.Series, np.ndarray]:
    """Of each row, in a frame's index from 0; none where the motion was withheld."""
    if options is None or bundle.cross_sell is None or "cross_sell" not in bundle.motions:
        return pd.Series(None, index=range(len(rows)), dtype="str"), np.full(len(rows), np.nan)
    product, share = bundle.cross_sell.best(rows, options)
    return pd.Series(product, dtype="str"), share


def require_features(bundle: Bundle, there: Container[str], asked: str = "Score customers.") -> None:
    """Raise ModelError, naming the tables, unless all features of the model are there, in any order."""
    missing = [name for name in bundle.feature_names if name not in there]
    if missing:
        raise ModelError(
            asked,
            f"{say_missing(bundle.feature_names, missing)}.",
            "Build the rows with the tables and features that the model was trained on, or train again.",
        )


def model_matrix(bundle: Bundle, rows: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of feature rows, as its booster takes them.

    Raises ModelError if one is not there, or is text where numbers were learnt, or the other way.
    """
    require_features(bundle, rows.columns)
    other = other_kind(rows, bundle.feature_names, bundle.categories)
    if other:
        raise ModelError("Score customers.", f"{'; '.join(other.values())}.", OTHER_KIND)
    return encode(rows[list(bundle.feature_names)], bundle.categories).astype("float64")


def check_parts(accounts: pd.Series, booster: boosting.Booster, X: pd.DataFrame, parts: np.ndarray) -> None:
    """Raise PublishError unless LightGBM's own explanation of a few rows is the same, feature by feature.

    An independent judge: the sum alone does not tell two attributions that were exchanged.
    """
    some = _spread(len(X))
    judge = boosting.own_contributions(booster, X.iloc[some])[:, :-1]
    tolerance = DEEP_TOLERANCE if attributions_of.deepest_path(booster) >= DEEP else JUDGE_TOLERANCE
    off = np.abs(parts[some] - judge)
    off = np.where(np.isnan(off), np.inf, off)
    row, column = divmod(int(np.argmax(off)), off.shape[1])
    if off[row, column] > tolerance:
        raise PublishError(
            asked="Explain every score by what its features add to it.",
            found=f"the attribution of {X.columns[column]} is {parts[some[row], column]:.6g} for account "
            f"{accounts.iloc[some[row]]}, where LightGBM finds {judge[row, column]:.6g}.",
            todo="Do not publish: attributions are not of this booster, or not of the columns they are named after.",
        )


def check_sum(accounts: pd.Series, log_odds: np.ndarray, base: np.ndarray, parts: np.ndarray) -> None:
    """Raise PublishError, naming the worst account, unless base + sum of attributions = log-odds on every row."""
    off = np.abs(base + parts.sum(axis=1) - log_odds)
    off = np.where(np.isnan(off), np.inf, off)
    worst = int(np.argmax(off))
    if off[worst] > ADDITIVITY:
        raise PublishError(
            asked="Explain every score by parts that add up to it.",
            found=f"{int((off > ADDITIVITY).sum())} of {len(off)} accounts do not add up; "
            f"account {accounts.iloc[worst]} is off by {off[worst]:.3g} in log-odds.",
            todo="Do not publish: scores and attributions are not of one model; score again with one version.",
        )


def consistent(any_expansion: np.ndarray, per_motion: np.ndarray, all_motions: bool) -> np.ndarray:
    """The nearest propensities (rows x motions) that any-expansion allows.

    No motion is likelier than any expansion. If every motion is there, together they are at least as likely as any
    expansion: where they fall short all are raised in proportion (which cannot lift one above any). Where a motion was
    withheld, the rest of the propensity may be its own, and nothing is raised.
    """
    whole = any_expansion[:, None]
    capped = np.minimum(per_motion, whole)
    if not all_motions:
        return capped
    total = capped.sum(axis=1, keepdims=True)
    short = (total < whole) & (total > 0)
    raised = capped * np.divide(whole, total, out=np.ones_like(total), where=short)
    return np.minimum(raised, whole)
