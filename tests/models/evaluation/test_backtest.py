from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.contract.expected_arr import FAR, around
from models.estimators.amounts import arr_of, fit_amounts
from models.evaluation import measures
from models.evaluation.backtest import NEW_TO_SALES, WHOLE, Backtest
from models.evaluation.baselines import BEST_RULE, LAST_LIST
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.replay import replay_arr
from models.evaluation.splits import origins
from tests.drawn import drawn
from tests.models.planted import FEATURES, QUICK, history


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    made = history()
    made["opportunity_open"] = (np.arange(len(made)) % 5 == 0).astype(float)
    return made


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    ids = [f"a{i:04d}" for i in range(160)]
    return pd.DataFrame(
        {
            "account_id": ids,
            "owner": [("Ada", "Bo", None)[i % 3] for i in range(160)],
            "segment": [("small", "large", "tiny")[0 if i < 80 else 1 if i < 159 else 2] for i in range(160)],
        }
    )


@pytest.fixture(scope="module")
def evaluation(rows: pd.DataFrame, people: pd.DataFrame) -> Evaluation:
    return evaluate(rows, [*FEATURES, "opportunity_open"], QUICK, people=people)


def test_every_figure_is_that_of_plain_lists(evaluation: Evaluation) -> None:
    """The figures by hand, day by day, from the predictions alone."""
    told = evaluation.backtest.rows
    days = [part for _, part in told.groupby("snapshot_date")]
    assert len(days) == QUICK.origins
    for name, by_hand in {
        "auc": lambda d: measures.auc(d.y, d.log_odds),
        "precision_at_20": lambda d: d.nlargest(20, "log_odds").y.mean(),
        "lift_at_10pct": lambda d: d.nlargest(16, "log_odds").y.mean() / d.y.mean(),
        "arr_recall_at_20": lambda d: d.nlargest(20, "log_odds").arr.sum() / d.arr.sum(),
        "book_precision_at_20": lambda d: pd.concat(
            [b.nlargest(20, "log_odds") for _, b in d.groupby("owner")]
        ).y.mean(),
    }.items():
        value, low, high = evaluation.backtest.figure(name)
        assert value == pytest.approx(np.mean([by_hand(d) for d in days])), name
        assert low <= value <= high or name != "auc"
        assert low < high, name
    pooled = told[told.calibrated.astype(bool)]
    ratio, low, high = evaluation.backtest.figure("forecast_over_realised")
    assert ratio == pytest.approx(pooled.propensity.sum() / pooled.y.sum())
    assert low < ratio < high


def test_the_arr_that_came_and_was_forecast(evaluation: Evaluation, rows: pd.DataFrame) -> None:
    months = evaluation.backtest.months
    by_hand = rows.groupby("snapshot_date").expansion_arr.sum()
    assert months.arr_realised.tolist() == pytest.approx(by_hand[months.snapshot_date].tolist())
    assert (months.arr_forecast > 0).all()
    assert 0.6 < evaluation.backtest.figure("arr_forecast_over_realised")[0] < 1.6
    assert (months.arr_low < months.arr_forecast).all()
    assert (months.arr_forecast < months.arr_high).all()
    assert months.arr_realised.between(months.arr_low, months.arr_high).any()
    assert evaluation.backtest.deciles.expansion_arr.sum() == pytest.approx(by_hand[months.snapshot_date].sum())


def test_the_ratio_of_arr_is_that_of_number_of_who_and_of_amounts(evaluation: Evaluation) -> None:
    months, rows = evaluation.backtest.months.set_index("snapshot_date"), evaluation.backtest.rows
    assert (months.ratio * months.arr_who * months.arr_amounts).tolist() == pytest.approx(months.arr_ratio.tolist())
    for day, told in rows.groupby("snapshot_date"):
        came, said = told[told.y == 1], np.average(told.arr_if_expands, weights=told.propensity)
        assert months.arr_amounts[day] == pytest.approx(came.arr_if_expands.sum() / came.arr.sum())
        assert months.arr_who[day] == pytest.approx(said / came.arr_if_expands.mean())


def test_four_in_five_amounts_came_as_large_as_was_said(evaluation: Evaluation) -> None:
    told = evaluation.backtest.rows
    came = told[(told.y == 1) & told.calibrated.astype(bool)]
    inside = came.arr.between(came.arr_if_expands_low, came.arr_if_expands_high)
    value, low, high = evaluation.backtest.figure("arr_interval_coverage")
    assert value == pytest.approx(inside.mean())
    assert low < 0.8 < high or abs(value - 0.8) < 0.1
    assert told.expected_arr.to_numpy() == pytest.approx((told.propensity * told.arr_if_expands).to_numpy())


def test_how_often_the_intervals_of_expected_arr_held_is_told(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.evaluation.backtest.FEWEST_FORECAST", 1)  # the planted base is small
    months, told = evaluation.backtest.months, evaluation.backtest.metrics()
    inside = months.arr_realised.between(months.arr_low, months.arr_high)
    assert told["arr_sum_coverage"] == pytest.approx(inside.mean())
    assert 0.6 <= told["expected_arr_coverage"] <= 1
    rows = evaluation.backtest.rows
    assert (rows.expected_arr_low < rows.expected_arr).all()
    assert (rows.expected_arr < rows.expected_arr_high).all()


ARR = """
    account_id | expected_arr | arr  | chance
    acme       | 100          | 1200 | 10000
    brook      | 300          | 0    | 20000
    cedar      | 200          | 400  | 10000
    delta      | 400          | 300  | 20000
"""


def days_of_arr(days_apart: int, days: int = 2) -> Backtest:
    """ARR on so many days, with the interval of each day's sum by chance alone."""
    day = drawn(ARR).astype({"expected_arr": float, "arr": float, "chance": float})
    high = around(np.array([1000.0]), np.array([60_000.0]), 0.0)[1][0]
    dates = [pd.Timestamp("2026-01-01") + pd.Timedelta(days=days_apart * number) for number in range(days)]
    rows = pd.concat([day.assign(snapshot_date=date, calibrated=True, total_high=high) for date in dates])
    none = pd.DataFrame()
    return Backtest(rows, none, none, none, none, none, horizon_days=90)


def test_what_two_accounts_brought_and_what_was_expected_of_them() -> None:
    told = days_of_arr(90).arr_sum()
    assert told["arr_share_of_two"] == pytest.approx((1200 + 400) / 1900)  # acme and cedar
    assert told["expected_arr_share_of_two"] == pytest.approx((100 + 200) / 1000)
    assert told["arr_ratio_without_two"] == pytest.approx((300 + 400) / (0 + 300))


@pytest.mark.parametrize(
    ("days_apart", "days", "draws"),
    [(90, 1, 1), (90, 2, 2), (90, 4, 4), (30, 4, 2), (1, 2, 91 / 90)],  # four months are two draws of 90 days
)
def test_days_that_share_outcomes_make_the_sum_no_surer(days_apart: int, days: int, draws: float) -> None:
    told = days_of_arr(days_apart, days).arr_sum()
    far = FAR * np.sqrt(np.log1p(60_000 / 1000**2 / draws))
    assert told["arr_ratio_low"] == pytest.approx(np.exp(-far), rel=1e-6)
    assert told["arr_ratio_high"] == pytest.approx(np.exp(far), rel=1e-6)


def test_of_a_base_to_which_no_arr_came_no_sum_is_told() -> None:
    nothing = days_of_arr(90)
    assert replace(nothing, rows=nothing.rows.assign(arr=0.0)).arr_sum() == {}
    assert replace(nothing, rows=nothing.rows.assign(calibrated=False)).arr_sum() == {}


def test_what_is_said_of_a_day_rests_on_what_had_matured(evaluation: Evaluation) -> None:
    arr = evaluation.replayed_arr
    day = sorted(arr.rows.snapshot_date.unique())[-1]
    late = arr.rows.snapshot_date + pd.Timedelta(days=QUICK.horizon_days) > day
    assert 0 < late.sum() < len(late)
    otherwise = replace(arr, rows=arr.rows.assign(arr=arr.rows.arr.where(~late, 1e9), y=arr.rows.y.where(~late, 1)))
    expanded = evaluation.rows[evaluation.rows.expanded == 1]
    amounts = fit_amounts(expanded, arr_of(expanded), evaluation.features)
    assert amounts is not None
    assert otherwise.of_day(day, amounts) == arr.of_day(day, amounts)
    later = day + pd.Timedelta(days=QUICK.horizon_days)
    assert otherwise.of_day(later, amounts) != arr.of_day(later, amounts)


def test_a_day_without_bills_does_not_spoil_the_sums_of_others(evaluation: Evaluation) -> None:
    """Of one replayed day, which others learn from, nothing is known but the tenure; the large accounts are the old."""
    day = evaluation.replayed_arr.rows.snapshot_date.min()
    old = evaluation.rows.assign(tenure_days=evaluation.rows.mrr.rank())
    spoilt = old.assign(**old[["mrr", "seats", "seat_utilization_28d"]].mask(old.snapshot_date == day))
    days = evaluation.replayed.predictions.snapshot_date.unique()
    splits = [split for split in origins(old.snapshot_date.unique(), 90, 99, 3) if split.test_date in days]
    clean, told = (
        replay_arr(rows, evaluation.features, splits, evaluation.replayed, 0).rows.groupby("snapshot_date")
        for rows in (old, spoilt)
    )
    other_days = (told.expected_arr.sum() / clean.expected_arr.sum()).drop(day)
    assert len(other_days) == QUICK.origins + QUICK.warm_up_origins - 1
    assert other_days.between(0.9, 1.1).all(), other_days
    past = old[(old.snapshot_date + pd.Timedelta(days=90) <= day) & (old.expanded == 1)]
    assert told["mean"].unique()[day] == pytest.approx([past.expansion_arr.mean()])


def test_slices_are_their_own_lists(evaluation: Evaluation) -> None:
    scopes = set(evaluation.backtest.figures.scope)
    assert {WHOLE, NEW_TO_SALES, "segment: small", "segment: large"} <= scopes
    assert "segment: tiny" not in scopes  # one account: too few expansions
    told = evaluation.backtest.rows
    new = told[told.opportunity_open == 0]
    by_hand = np.mean([measures.auc(part.y, part.log_odds) for _, part in new.groupby("snapshot_date")])
    assert evaluation.backtest.figure("auc", NEW_TO_SALES)[0] == pytest.approx(by_hand)


def test_rivals_are_judged_on_the_same_rows(evaluation: Evaluation, rows: pd.DataFrame) -> None:
    bench = evaluation.backtest.bench.set_index(["rival", "metric"])
    assert (bench.difference - (bench.model - bench.rival_value)).abs().max() < 1e-9
    told = evaluation.backtest.rows
    tenure = told.merge(rows[["account_id", "snapshot_date", "tenure_days"]], on=["account_id", "snapshot_date"])
    by_hand = np.mean([measures.auc(d.y, -d.tenure_days) for _, d in tenure.groupby("snapshot_date")])
    assert bench.rival_value["short tenure first", "auc"] == pytest.approx(by_hand)
    assert bench.low[BEST_RULE, "auc"] <= bench.difference[BEST_RULE, "auc"] <= bench.high[BEST_RULE, "auc"]
    assert bench.rival_value[LAST_LIST, "auc"] < bench.model[LAST_LIST, "auc"]  # features are drawn anew each month


def test_the_same_seed_gives_the_same_intervals(
    evaluation: Evaluation, rows: pd.DataFrame, people: pd.DataFrame
) -> None:
    again = evaluate(rows.sample(frac=1, random_state=0), [*FEATURES, "opportunity_open"], QUICK, people=people)
    pd.testing.assert_frame_equal(again.backtest.figures, evaluation.backtest.figures, check_exact=True)
    pd.testing.assert_frame_equal(again.backtest.bench, evaluation.backtest.bench, check_exact=True)


def test_names_that_mlflow_takes(evaluation: Evaluation) -> None:
    names = evaluation.backtest.metrics()
    assert {"auc", "auc_low", "segment__small_auc", "rival_logistic_regression_auc"} <= names.keys()
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") for name in names)
