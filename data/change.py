"""What the change of a score is split into: the names that the models compute, the tables store and people read."""

from enum import StrEnum

PARTS = ("data", "model", "calibration")
"""The parts of a change of calibrated log-odds; they sum to it."""

REST = "rest"
"""Stands for a reason code: the changes too small to be kept, and the rounding of stored attributions."""

EXACT = 1e-9
"""Largest difference, in log-odds, between a change and the sum of its parts."""

LEAST_LOG_ODDS = 0.02
"""A change of a reason smaller than that is not kept by its code and not told: it moves 12.0% to 12.2%."""


RETRAINED = "the retrained model"
"""What a sentence calls the model of this list, where it was trained after that of the last one."""


class NotSplit(StrEnum):
    """Why the change of an account is not split into its parts."""

    FIRST = "first_list"  # nothing was published before
    NEW = "new"  # the account was not in the base then
    MODEL_NOT_FOUND = "old_model_not_found"
    FEATURES_MISSING = "old_features_missing"  # the old model cannot be asked about today's rows
