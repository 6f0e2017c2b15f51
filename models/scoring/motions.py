"""Propensities per motion of some rows, consistent with the propensity of any expansion."""

import numpy as np
import pandas as pd

from models.estimators import boosting
from models.estimators.bundle import Bundle


def motion_propensities(bundle: Bundle, X: pd.DataFrame, any_expansion: np.ndarray) -> dict[str, np.ndarray]:
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
