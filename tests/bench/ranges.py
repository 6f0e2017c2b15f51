"""Do the ranges of propensities hold? Past days of a trained model, each with the range that was known on that day.

python -m tests.bench.ranges demo/headroom.toml        prints the table of docs/ablation.md
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import logit

from flows.run.settings import load
from models.evaluation.replay import range_of_day
from models.registry.champion import champion_of
from models.registry.mlflow_store import ModelRegistry
from serving.render.likelihood import is_wide

TENTHS = 10
SHARES_OF_BASE = (1.0, 0.5, 0.25, 0.125)


def with_ranges(predictions: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    """The calibrated rows of days that had a matured day before them, with low and high as known on their day."""
    made = []
    for day, told in predictions[predictions.calibrated].groupby("snapshot_date"):
        fitted = range_of_day(predictions, pd.Timestamp(str(day)), horizon_days)
        if fitted.cells:
            low, high = fitted.of(logit(told.propensity.to_numpy()))
            made.append(told.assign(low=low, high=high))
    return pd.concat(made, ignore_index=True)


def tenths(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per tenth by propensity: what came, the mean propensity and range, and one standard error of what came.

    The error is that of the tenth's mean over the days: days share outcomes, and accounts are there on many.
    """
    tenth = pd.qcut(rows.propensity, TENTHS, labels=False, duplicates="drop")
    table = rows.groupby(tenth)[["propensity", "low", "high", "y"]].mean()
    by_account = rows.assign(tenth=tenth, off=rows.y - table.y.loc[tenth].to_numpy()).groupby(["tenth", "account_id"])
    squares = (by_account.off.sum() ** 2).groupby("tenth").sum()
    return table.assign(error=np.sqrt(squares) / tenth.value_counts().sort_index())


def lines(predictions: pd.DataFrame, horizon_days: int) -> Iterator[str]:
    """Both tables in Markdown."""
    yield from ("| tenth | told | low | high | came | standard error |", "|---|---|---|---|---|---|")
    for number, row in enumerate(tenths(with_ranges(predictions, horizon_days)).itertuples(), start=1):
        told = " | ".join(f"{value:.1%}" for value in (row.propensity, row.low, row.high, row.y, row.error))
        yield f"| {number} | {told} |"
    yield from ("", "| accounts | tenths inside | inside or within a standard error | mean width | wide |")
    yield "|---|---|---|---|---|"
    accounts = np.random.default_rng(0).permutation(predictions.account_id.unique())
    for share in SHARES_OF_BASE:
        some = predictions[predictions.account_id.isin(accounts[: int(share * len(accounts))])]
        rows = with_ranges(some, horizon_days)
        table = tenths(rows)
        inside = table.y.between(table.low, table.high).sum()
        nearly = table.y.between(table.low - table.error, table.high + table.error).sum()
        wide = is_wide(rows.low.to_numpy(), rows.high.to_numpy()).mean()
        width = f"{(rows.high - rows.low).mean():.1%} | {wide:.1%}"
        yield f"| {some.account_id.nunique():,} | {inside} of {len(table)} | {nearly} of {len(table)} | {width} |"


if __name__ == "__main__":
    settings = load(Path(sys.argv[1]))
    model, why = champion_of(ModelRegistry(settings.mlruns_folder, settings.model))
    assert model is not None, why
    print("\n".join(lines(model.predictions, model.bundle.facts["horizon_days"])))
