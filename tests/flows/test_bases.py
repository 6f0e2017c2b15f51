"""The two bases that nobody here wrote, through the worked examples that users copy."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from data.checks.check import check
from data.sources.known import KnownBase
from features.calendar import month_starts
from flows.run.settings import Settings, load
from flows.stages import inputs as steps
from flows.stages.base import read_source
from flows.stages.dates import known_base, today_utc, training_dates
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.verdict import VerdictKind
from models.scoring.score import score
from models.training.train import train

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"
TODAY = date(2023, 7, 1)
LATER = month_starts(TODAY, date(2023, 10, 1))
"""Snapshots whose 90 days lie before the end of the subscriptions, 2024-01-01."""

pytestmark = pytest.mark.bases


def example(name: str, bases: Path) -> Settings:
    return load(EXAMPLES / f"{name}.toml", source=f"parquet://{bases / name}")


def labelled(base: KnownBase, dates: list[date], settings: Settings) -> pd.DataFrame:
    return steps.add_labels(steps.in_order(steps.build_rows(base, dates, settings)), base, dates, settings)


def test_fightchurn_is_learnt_and_holds_on_later_snapshots(bases: Path) -> None:
    settings = example("fightchurn_crm5", bases)
    source = read_source(settings)
    then = known_base(source, TODAY)
    history = labelled(then, training_dates(then, settings.expansion.horizon_days), settings)
    assert history["snapshot_date"].max() == date(2023, 4, 1)  # 90 days later it is the 30th of June
    trained = train(history, list(steps.feature_cards(then)), settings.training_settings)

    now = known_base(source, date(2024, 1, 1))
    later = labelled(now, LATER, settings)
    scored = score(trained.bundle, later)
    parts = scored.attributions.drop(columns=["snapshot_date", "account_id"]).sum(axis=1)
    assert np.abs(parts - scored.scores["log_odds"]).max() < 1e-6
    for day, rows in later.assign(log_odds=scored.scores["log_odds"]).groupby("snapshot_date"):
        model = roc_auc_score(rows["expanded"], rows["log_odds"])
        short_tenure_first = roc_auc_score(rows["expanded"], -rows["tenure_days"])
        assert model >= 0.83, day
        assert model > short_tenure_first + 0.07, day


def test_online_retail_is_mapped_checked_and_labelled(bases: Path) -> None:
    settings = example("online_retail", bases)
    source = read_source(settings)
    assert set(source.tables) == {"accounts", "invoices", "usage_daily"}
    assert check(source, today_utc()).errors == []
    now = known_base(source, date(2011, 12, 1))
    dates = month_starts(date(2010, 6, 1), date(2010, 9, 1))
    rows = labelled(now, dates, settings)
    assert rows["expanded_usage"].equals(rows["expanded"])
    assert 0.1 < rows["expanded"].mean() < 0.3
    assert (rows["billed_91d"] > 0).all()


def evaluated(name: str, bases: Path, today: date) -> Evaluation:
    settings = example(name, bases)
    then = known_base(read_source(settings), today)
    history = labelled(then, training_dates(then, settings.expansion.horizon_days), settings)
    return evaluate(
        history,
        list(steps.feature_cards(then)),
        settings.training_settings,
        today=steps.build_rows(then, [then.snapshot_date], settings),
    )


def require_arr_as_told(found: Evaluation) -> None:
    """The sum of expected ARR came within the interval that was told of it."""
    ratio, told = found.backtest.figure("arr_forecast_over_realised")[0], found.backtest.arr_sum()
    assert told["arr_ratio_low"] < ratio < told["arr_ratio_high"]


def test_fightchurn_backtest_is_good_calibrated_and_no_leak(bases: Path) -> None:
    found = evaluated("fightchurn_crm5", bases, date(2024, 1, 1))
    assert found.verdict.usable, found.verdict
    assert found.backtest.figure("auc")[0] >= 0.85
    best = found.backtest.best_rival("auc", rules_only=True)
    assert best is not None
    assert best.difference >= 0.07
    assert best.low > 0
    assert 0.85 < found.backtest.figure("forecast_over_realised")[0] < 1.15
    assert found.backtest.figure("ece")[0] < 0.03
    require_arr_as_told(found)
    assert 0.9 < found.backtest.figure("arr_forecast_over_realised")[0] < 1.1


def test_online_retail_is_calibrated_up_to_christmas(bases: Path) -> None:
    """From April to September the base rate doubles; the year before says so."""
    found = evaluated("online_retail", bases, date(2011, 12, 10))
    assert found.verdict.usable, found.verdict
    assert found.backtest.months.realised.max() > 1.8 * found.backtest.months.realised.min()
    assert found.backtest.figure("auc")[0] >= 0.70
    assert 0.85 < found.backtest.figure("forecast_over_realised")[0] < 1.15
    assert found.backtest.months.ratio.between(0.75, 1.25).all()
    require_arr_as_told(found)
    assert 0.9 < found.backtest.arr_sum()["arr_ratio_without_two"] < 1.1  # with them it is lower (docs/limits.md)


def test_shuffled_labels_get_their_verdict(bases: Path) -> None:
    settings = example("fightchurn_crm5", bases)
    then = known_base(read_source(settings), date(2024, 1, 1))
    history = labelled(then, training_dates(then, settings.expansion.horizon_days), settings)
    names = [name for name in history if name.startswith("expan") and name not in steps.feature_cards(then)]
    random = np.random.default_rng(5)
    for places in history.groupby("snapshot_date").groups.values():
        history.loc[places, names] = history.loc[random.permutation(places), names].to_numpy()
    found = evaluate(history, list(steps.feature_cards(then)), settings.training_settings)
    assert found.verdict.kind is VerdictKind.NO_SIGNAL
