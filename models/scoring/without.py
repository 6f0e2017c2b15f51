"""The model of a day on which some features are not known: it averages over them, at the level of the whole model.

What averages over log-odds is too timid: half the accounts at 1% and half at 30% are at 6% then, not at 15%. So the
maps to propensities, and the level of the amounts, are fitted to what the whole model says of a day on which the
features were still known.
"""

from collections.abc import Set
from dataclasses import replace

import numpy as np
import pandas as pd

from models.estimators import boosting
from models.estimators.amounts import Amounts
from models.estimators.bundle import Bundle, Propensity
from models.estimators.calibration import Calibrator, Platt, fit_levels, level_for
from models.explain.averaged import averaged_over
from models.scoring.score import model_matrix


def without(bundle: Bundle, features: Set[str], known: pd.DataFrame) -> Bundle:
    """The model without these features, with the same columns.

    That they are missing on such a day says nothing of an account, so it must not go the way of what was missing in
    training: the trees average over them. On average it says of the rows ``known`` what the whole model says: feature
    rows of a day on which the features were known, or few of them; without a row the maps stay. Raises ModelError for
    boosters that cannot do without a feature, such as those of linear trees.
    """
    muted = frozenset(features & set(bundle.feature_names))
    if not muted:
        return bundle
    reference = None if bundle.reference is None else bundle.reference.without(muted)
    cut = replace(
        bundle,
        any_expansion=_cut(bundle.any_expansion, muted),
        motions={motion: _cut(model, muted) for motion, model in bundle.motions.items()},
        amounts=None if bundle.amounts is None else _cut_amounts(bundle.amounts, muted),
        reference=reference,
    )
    return cut if known.empty else _levelled(bundle, cut, known)


def booster_without(booster: boosting.Booster, features: Set[str]) -> boosting.Booster:
    """The booster, with the same columns, that averages over these features instead of asking for them."""
    numbers = {number for number, name in enumerate(boosting.feature_names(booster)) if name in features}
    return boosting.from_text(averaged_over(boosting.to_text(booster), numbers)) if numbers else booster


def _cut(model: Propensity, features: Set[str]) -> Propensity:
    return model if model.booster is None else replace(model, booster=booster_without(model.booster, features))


def _cut_amounts(amounts: Amounts, features: Set[str]) -> Amounts:
    """The regression takes medians for what is missing; its trees average."""
    if not amounts.trees:
        return amounts
    return replace(amounts, trees=boosting.to_text(booster_without(boosting.from_text(amounts.trees), features)))


def _levelled(bundle: Bundle, cut: Bundle, known: pd.DataFrame) -> Bundle:
    """``cut`` with maps and amounts that say on average what ``bundle`` says of these rows."""
    X, day = model_matrix(bundle, known), pd.Timestamp(known["snapshot_date"].iloc[0])
    matched = replace(
        cut,
        any_expansion=_matched(bundle.any_expansion, cut.any_expansion, X, day),
        motions={name: _matched(model, cut.motions[name], X, day) for name, model in bundle.motions.items()},
    )
    if bundle.amounts is None or cut.amounts is None:
        return matched
    weights = bundle.any_expansion.calibrator.propensity(boosting.log_odds(bundle.booster, X))
    level = np.log((weights @ bundle.amounts.predict(X)) / (weights @ cut.amounts.predict(X)))
    return replace(matched, amounts=replace(cut.amounts, log_mean=cut.amounts.log_mean + float(level)))


def _matched(whole: Propensity, muted: Propensity, X: pd.DataFrame, day: pd.Timestamp) -> Propensity:
    """The muted model with the map that gives these rows the propensities of the whole one, on average."""
    if whole.booster is None or muted.booster is None:
        return muted
    stated = whole.calibrator.propensity(boosting.log_odds(whole.booster, X))
    return replace(muted, calibrator=_fitted(boosting.log_odds(muted.booster, X), stated, day, whole.calibrator))


def _fitted(log_odds: np.ndarray, stated: np.ndarray, day: pd.Timestamp, before: Calibrator) -> Calibrator:
    slope = fit_levels([(day, log_odds, stated)], 0).slope
    intercept = level_for(slope * log_odds, float(stated.mean()))
    return replace(before, slope=slope, intercept=intercept) if isinstance(before, Platt) else Platt(slope, intercept)
