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
from models.estimators.bundle import Bundle, Propensity
from models.estimators.calibration import Calibrator, Platt, fit_levels, level_for
from models.scoring.score import model_matrix


def without(bundle: Bundle, features: Set[str], known: pd.DataFrame) -> Bundle:
    """``bundle.without(features)``, that says of the rows ``known`` on average what the whole model says.

    ``known``: feature rows of a day on which the features were known, or few of them; without a row the maps stay.
    Raises ModelError for boosters that cannot do without a feature.
    """
    muted = bundle.without(features)
    if muted is bundle or known.empty:
        return muted
    X, day = model_matrix(bundle, known), pd.Timestamp(known["snapshot_date"].iloc[0])
    matched = replace(
        muted,
        any_expansion=_matched(bundle.any_expansion, muted.any_expansion, X, day),
        motions={name: _matched(model, muted.motions[name], X, day) for name, model in bundle.motions.items()},
    )
    if bundle.amounts is None or muted.amounts is None:
        return matched
    weights = bundle.any_expansion.calibrator.propensity(boosting.log_odds(bundle.booster, X))
    level = np.log((weights @ bundle.amounts.predict(X)) / (weights @ muted.amounts.predict(X)))
    return replace(matched, amounts=replace(muted.amounts, log_mean=muted.amounts.log_mean + float(level)))


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
