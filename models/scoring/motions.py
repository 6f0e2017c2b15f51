"""Propensities per motion that agree with the propensity of any expansion."""

import numpy as np


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
