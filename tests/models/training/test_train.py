import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError, NotEnoughHistoryError
from models.evaluation.baselines import BASE_RATE, BEST_RULE, LAST_LIST, LOGISTIC, TRIGGER_POINTS
from models.evaluation.verdict import count_expansions
from models.settings import EvaluationSettings
from models.training.train import TrainedModel, train
from tests.models.planted import FEATURES, QUICK, history


def bits(model: TrainedModel) -> dict[str, str]:
    return model.bundle.to_files()


def test_the_model_beats_the_best_rule(trained: TrainedModel) -> None:
    assert trained.metrics["auc"] > trained.metrics["best_rule_auc"] > 0.5
    assert trained.metrics["auc_low"] < trained.metrics["auc"] < trained.metrics["auc_high"]
    assert trained.metrics["brier_skill"] > 0
    assert 0.7 < trained.metrics["forecast_over_realised"] < 1.4
    assert {BEST_RULE, LOGISTIC, LAST_LIST, TRIGGER_POINTS, BASE_RATE} <= set(trained.backtest.bench.rival)
    assert len(trained.backtest.by_origin()) == QUICK.origins
    assert trained.bundle.facts["suspected_leaks"] == []


def test_one_seed_one_model_in_any_order_of_rows_and_number_of_workers(trained: TrainedModel) -> None:
    shuffled = history().sample(frac=1, random_state=1)
    again = train(shuffled, FEATURES, QUICK.model_copy(update={"workers": 1}))
    assert bits(again) == bits(trained)
    pd.testing.assert_frame_equal(again.predictions, trained.predictions, check_exact=True)
    other = train(history(), FEATURES, QUICK.model_copy(update={"seed": 1}))
    assert bits(other)["booster_any.txt"] != bits(trained)["booster_any.txt"]


def test_a_past_snapshot_is_scored_with_what_was_matured_then(trained: TrainedModel) -> None:
    """Turn every label round that was open on a past snapshot or came later: what was said that day stays the same."""
    day = trained.backtest.months.snapshot_date.iloc[0]
    rows = history()
    still_open = rows.snapshot_date + pd.Timedelta(days=QUICK.horizon_days) > day
    rows.loc[still_open, "expanded"] = 1 - rows.loc[still_open, "expanded"]
    turned = train(rows, FEATURES, QUICK)
    said = ["account_id", "log_odds", "propensity", "rounds"]
    before, after = (m.predictions.loc[m.predictions.snapshot_date == day, said] for m in (trained, turned))
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_probabilities_are_told_only_where_the_past_could_calibrate() -> None:
    settings = QUICK.model_copy(update={"warm_up_origins": 0, "origins": 6})
    model = train(history(), FEATURES, settings)
    # monthly, 90 days: the first three or four of six have no matured past among the replayed
    by_origin = model.backtest.by_origin()
    calibrated = by_origin.set_index("snapshot_date").calibrated
    first = calibrated.index[0]
    assert (calibrated == (calibrated.index >= first + pd.Timedelta(days=90))).all()
    assert by_origin.loc[~by_origin.calibrated, "brier"].isna().all()
    assert model.metrics["calibrated_snapshots"] == calibrated.sum() < model.metrics["reported_snapshots"]
    assert model.backtest.calibration.rows.sum() == by_origin.loc[by_origin.calibrated, "rows"].sum()


def test_motions_that_can_be_learnt_and_those_that_cannot(trained: TrainedModel) -> None:
    assert set(trained.bundle.motions) == {"seat", "upsell"}
    assert trained.bundle.withheld["usage"] == "no expansion of this motion in the history"
    assert trained.bundle.all_motions_modelled
    assert trained.motion_metrics["seat"]["auc"] > 0.6


def test_a_sparse_motion_is_withheld_and_says_why() -> None:
    rows = history()
    rows.loc[rows.index[:7], "expanded_cross_sell"] = 1
    model = train(rows, FEATURES, QUICK)
    assert "7 past expansions of this motion; it takes 30" in model.bundle.withheld["cross_sell"]
    assert not model.bundle.all_motions_modelled


def test_a_motion_that_no_past_snapshot_could_learn_is_withheld_and_says_why() -> None:
    """It began in December: on the last replayed day, the 1st of February, what had matured knew none."""
    rows = history()
    rows.loc[(rows.snapshot_date >= "2024-12-01") & (rows.account_id < "a0040"), "expanded_cross_sell"] = 1
    model = train(rows, FEATURES, QUICK)
    assert model.bundle.withheld["cross_sell"] == (
        "no expansion of this motion before any of the last 3 snapshots to learn from"
    )
    assert set(model.bundle.motions) == set(model.motion_metrics) == {"seat", "upsell"}
    assert not model.bundle.all_motions_modelled


def growing(customers: int, months: int) -> pd.DataFrame:
    """A base of so many customers, and four more each month."""
    rows = history(customers + 4 * months, months)
    number, month = rows.account_id.str[1:].astype(int), rows.snapshot_date.rank(method="dense") - 1
    return rows[number < customers + 4 * month]


@pytest.mark.parametrize("customers", [20, 26, 30, 40])
def test_a_base_of_few_customers_has_a_model(customers: int) -> None:
    """Of its first months some rounds find no split, and the past days have fewer trees than were asked for."""
    settings = EvaluationSettings(horizon_days=90, max_rounds=60, motion_max_rounds=60, resamples=10)
    rows = growing(customers, 20)
    model = train(rows, FEATURES, settings)
    replayed = model.predictions.snapshot_date.unique()
    assert list(replayed) == list(rows.snapshot_date.unique()[-len(replayed) :])
    assert model.evaluation.replayed.fitted.folds == len(replayed)


def test_the_only_motion_is_any_expansion() -> None:
    rows = history().drop(columns=["expanded_seat", "expanded_cross_sell", "expanded_usage"])
    rows["expanded"] = rows.expanded_upsell
    model = train(rows, FEATURES, QUICK)
    assert model.bundle.motions["upsell"].booster is None
    assert set(model.bundle.to_files()) == {"bundle.json", "booster_any.txt"}


def test_distinct_expansions_are_windows_that_do_not_overlap() -> None:
    days = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-09-01"]
    rows = pd.DataFrame({"account_id": "a", "snapshot_date": pd.to_datetime(days), "expanded": 1})
    assert count_expansions(rows, "expanded", 90) == 3  # January's window ends on March 31
    two = pd.concat([rows, rows.assign(account_id="b")])
    assert count_expansions(two, "expanded", 90) == 6
    assert count_expansions(rows.assign(expanded=0), "expanded", 90) == 0


def _few(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(expanded=np.where(np.arange(len(rows)) < 12, 1, 0))


REFUSED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "no expansions": (lambda rows: rows.assign(expanded=0), "0 distinct expansions of 0 accounts"),
    "one account": (lambda rows: rows[rows.account_id == "a0001"], "among 1 accounts"),
    "no rows": (lambda rows: rows.head(0), "among 0 accounts"),
    "twelve expansions": (_few, "It takes 50, 38 more"),
    "four snapshots": (lambda rows: rows[rows.snapshot_date < "2024-05-01"], "4 snapshot dates .* It takes 6"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_too_little_to_learn_from_says_how_much_there_is_and_how_much_it_takes(case: str) -> None:
    change, message = REFUSED[case]
    with pytest.raises(NotEnoughHistoryError) as refused:
        train(change(history()), FEATURES, QUICK)
    assert re.search(message, str(refused.value).replace("\n", " ")), str(refused.value)


def test_a_history_that_is_no_history() -> None:
    rows = history()
    with pytest.raises(ModelError, match="without expanded, colour"):
        train(rows.drop(columns="expanded"), [*FEATURES, "colour"], QUICK)
    with pytest.raises(ModelError, match="twice"):
        train(pd.concat([rows, rows.head(1)]), FEATURES, QUICK)
    with pytest.raises(ModelError, match="neither 0 nor 1"):
        train(rows.assign(expanded=rows.expanded.astype(float).where(rows.index > 3)), FEATURES, QUICK)


def test_a_column_that_knows_the_label_is_named() -> None:
    rows = history()
    rows["next_mrr"] = rows.expanded + np.random.default_rng(0).normal(0, 0.2, len(rows))
    model = train(rows, [*FEATURES, "next_mrr"], QUICK)
    assert model.bundle.facts["suspected_leaks"] == ["next_mrr"]
