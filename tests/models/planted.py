"""A small history with a planted signal, for the tests of models/."""

import numpy as np
import pandas as pd
from scipy.special import expit

from models.settings import EvaluationSettings, Params

FEATURES = ["seat_utilization_28d", "limit_share_max_28d", "tenure_days", "mrr", "seats", "noise"]

QUICK = EvaluationSettings(
    horizon_days=90,
    origins=3,
    warm_up_origins=4,
    default_rounds=30,
    max_rounds=60,
    motion_default_rounds=20,
    motion_max_rounds=30,
    resamples=20,
    boosting=Params(learning_rate=0.1, num_leaves=7, min_child_samples=20),
    motion_boosting=Params(learning_rate=0.15, num_leaves=7, min_child_samples=20),
)
"""Few and small trees: the tests are about what is done, not how well."""


def history(accounts: int = 160, months: int = 14, seed: int = 0) -> pd.DataFrame:
    """Seats in use drive seat expansions, nearness to limits drives upsells, `noise` drives nothing."""
    random = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=months, freq="MS")
    size = accounts * months
    rows = pd.DataFrame(
        {
            "account_id": np.tile([f"a{i:04d}" for i in range(accounts)], months),
            "snapshot_date": np.repeat(dates, accounts),
            "seat_utilization_28d": random.uniform(0, 1.2, size),
            "limit_share_max_28d": np.where(random.random(size) < 0.3, np.nan, random.uniform(0, 1, size)),
            "tenure_days": random.integers(30, 1500, size).astype(float),
            "mrr": np.exp(random.normal(6, 1, size)),
            "seats": random.integers(3, 200, size).astype(float),
            "noise": random.normal(size=size),
        }
    )
    seat = random.random(size) < expit(-7 + 5 * rows.seat_utilization_28d)
    upsell = random.random(size) < expit(-6 + 5 * rows.limit_share_max_28d.fillna(0))
    rows["expanded_seat"], rows["expanded_upsell"] = seat.astype("int8"), upsell.astype("int8")
    rows["expanded_cross_sell"], rows["expanded_usage"] = np.int8(0), np.int8(0)
    rows["expanded"] = (seat | upsell).astype("int8")
    rows["expansion_arr"] = np.where(rows.expanded == 1, rows.mrr * random.uniform(1, 3, size), 0.0)
    return rows
