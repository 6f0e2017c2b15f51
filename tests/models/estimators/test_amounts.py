import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_gamma_deviance

from models.estimators.amounts import Amounts, fit_amounts, is_paid_known

FEATURES = ("mrr", "seats")


def sample(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """ARR is about 2.4 times the MRR, whatever the seats."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"mrr": np.exp(random.normal(6, 1, rows)), "seats": random.integers(1, 90, rows).astype(float)}
    )
    frame["account_id"] = [f"account {number % (rows // 2 + 1)}" for number in range(rows)]
    return frame, frame.mrr.to_numpy() * 2.4 * random.gamma(4, 1 / 4, rows)


def test_the_amount_follows_the_size() -> None:
    rows, arr = sample(2000)
    amounts = fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    told = amounts.predict(rows)
    assert told.sum() == pytest.approx(arr.sum())
    assert np.corrcoef(np.log(told), np.log(rows.mrr))[0, 1] > 0.97
    assert amounts.predict(pd.DataFrame({"mrr": [1000.0], "seats": [30.0]}))[0] == pytest.approx(2400, rel=0.15)


def test_what_is_missing_counts_as_the_median_and_the_edge_is_the_edge() -> None:
    rows, arr = sample(500)
    rows.loc[:50, "seats"] = np.nan
    amounts = fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    middle = float(rows.mrr.median())
    one = pd.DataFrame({"mrr": [middle, np.nan], "seats": [np.nan, np.nan]})
    assert amounts.predict(one)[0] == pytest.approx(amounts.predict(one)[1], rel=0.01)
    edge = pd.DataFrame({"mrr": [rows.mrr.max(), 1e12], "seats": [5.0, 5.0]})
    assert amounts.predict(edge)[0] == amounts.predict(edge)[1]


def test_what_an_account_pays_may_be_unknown() -> None:
    rows = pd.DataFrame({"mrr": [900.0, np.nan, np.nan], "billed_91d": [np.nan, 0.0, np.nan], "seats": [9.0, 9.0, 9.0]})
    assert is_paid_known(rows, ["mrr", "billed_91d", "seats"]).tolist() == [True, True, False]
    assert is_paid_known(rows, ["mrr", "seats"]).tolist() == [True, False, False]
    assert is_paid_known(rows, ["seats"]).all()


def test_rows_whose_pay_is_not_known_teach_nothing() -> None:
    """On the last day the bills had stopped coming, and the old accounts, which are the large ones, expanded."""
    rows, arr = sample(1500)
    rows = rows.assign(tenure_days=rows.mrr.rank(), snapshot_date=pd.Timestamp("2026-01-01"))
    rows.loc[1200:, ["mrr", "seats"]] = np.nan
    features, known = (*FEATURES, "tenure_days"), slice(0, 1200)
    amounts = fit_amounts(rows, arr, features)
    assert amounts is not None
    assert amounts == fit_amounts(rows[known], arr[known], features)
    nobody = rows.assign(mrr=np.nan)
    by_what_is_there = fit_amounts(nobody, arr, features)
    assert by_what_is_there is not None
    assert by_what_is_there.positives == 1500


def test_without_features_all_are_told_the_mean() -> None:
    rows, arr = sample(600)
    amounts = fit_amounts(rows, arr, ())
    assert amounts is not None
    assert amounts.predict(rows) == pytest.approx(np.full(600, arr.mean()))


def test_few_positives_give_one_amount_and_none_give_none() -> None:
    rows, arr = sample(9)
    amounts = fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    assert amounts.predict(rows) == pytest.approx(np.full(9, arr.mean()))
    assert fit_amounts(rows, np.full(9, np.nan), FEATURES) is None
    assert fit_amounts(rows, np.zeros(9), FEATURES) is None


def test_stored_as_json_and_read_back() -> None:
    rows, arr = sample(200)
    amounts = fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    again = Amounts.from_dict(json.loads(json.dumps(amounts.to_dict())))
    assert again == amounts
    assert (again.predict(rows) == amounts.predict(rows)).all()


def test_four_in_five_amounts_lie_in_the_interval() -> None:
    rows, arr = sample(2000)
    later, came = sample(2000, seed=1)
    amounts = fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    low, high = amounts.interval(amounts.predict(later))
    assert ((low <= came) & (came <= high)).mean() == pytest.approx(0.8, abs=0.03)


def test_few_amounts_have_no_interval() -> None:
    amounts = fit_amounts(*sample(9), FEATURES)
    assert amounts is not None
    assert np.isnan([amounts.low, amounts.high]).all()
    again = Amounts.from_dict(json.loads(json.dumps(amounts.to_dict(), allow_nan=False)))
    assert np.isnan([again.low, again.high]).all()
    assert again.square == amounts.square


def by_plan(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Of equal size, but on one plan an expansion is five times as large: no column of size tells."""
    frame, arr = sample(rows, seed)
    frame["plan"] = np.random.default_rng(seed + 100).integers(0, 2, rows).astype(float)
    return frame, arr * np.where(frame.plan == 1, 5.0, 1.0)


def test_trees_tell_what_size_does_not() -> None:
    rows, arr = by_plan(1500)
    later, came = by_plan(1500, seed=1)
    features = (*FEATURES, "plan")
    amounts, by_size = fit_amounts(rows, arr, features), fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    assert by_size is not None
    told = amounts.predict(later)
    assert amounts.trees
    assert mean_gamma_deviance(came, told) < 0.3 < 0.6 < mean_gamma_deviance(came, by_size.predict(later))
    assert told[later.plan == 1].sum() == pytest.approx(came[later.plan == 1].sum(), rel=0.1)
    assert told.sum() == pytest.approx(came.sum(), rel=0.1)
    low, high = amounts.interval(told)
    assert ((low <= came) & (came <= high)).mean() == pytest.approx(0.8, abs=0.04)
    again = Amounts.from_dict(json.loads(json.dumps(amounts.to_dict())))
    assert (again.predict(later) == told).all()
    assert fit_amounts(rows, arr, features) == amounts


def test_no_trees_where_they_do_not_help() -> None:
    rows, arr = sample(600)
    amounts = fit_amounts(rows, arr, FEATURES)
    assert amounts is not None
    assert not amounts.trees


def test_no_trees_of_few_amounts_or_of_a_handful_of_accounts() -> None:
    features = (*FEATURES, "plan")
    few, many = fit_amounts(*by_plan(199), features), by_plan(600)
    assert few is not None
    assert not few.trees
    one = fit_amounts(many[0].assign(account_id="the one"), many[1], features)
    assert one is not None
    assert not one.trees


def test_no_trees_where_there_is_nothing_to_split_by() -> None:
    """All accounts are alike: rounds that find no split grow no tree, and all are told the mean."""
    rows, arr = sample(600)
    amounts = fit_amounts(rows.assign(mrr=100.0, seats=5.0), arr, FEATURES)
    assert amounts is not None
    assert not amounts.trees
    assert amounts.predict(rows) == pytest.approx(np.full(600, arr.mean()))


def test_many_amounts_are_sampled_by_account(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, arr = by_plan(1500)
    monkeypatch.setattr("models.estimators.amounts.MOST_POSITIVES_TREES", 500)
    amounts = fit_amounts(rows, arr, (*FEATURES, "plan"))
    assert amounts is not None
    assert amounts.trees
    assert mean_gamma_deviance(arr, amounts.predict(rows)) < 0.35
    assert amounts.positives == 1500


MONTHS = pd.date_range("2023-01-01", periods=23, freq="MS")
DECEMBER = pd.Timestamp("2024-12-01")


def by_month(factor: Callable[[pd.Timestamp], float], months: int = 23, seed: int = 0) -> Amounts:
    """Amounts of 200 expansions a month, 2.4 times the MRR and ``factor`` of the month."""
    rows, arr = sample(200 * months, seed)
    days = np.repeat(MONTHS[:months], 200)
    amounts = fit_amounts(rows.assign(snapshot_date=days), arr * np.array([factor(day) for day in days]), FEATURES)
    assert amounts is not None
    return amounts


def test_the_amounts_of_december_are_those_of_the_december_before() -> None:
    """Three times as large in one month of 23: their level is 25/23, and December lies log(3 / (25/23)) above it."""
    amounts = by_month(lambda day: 3.0 if day.month == 12 else 1.0)
    assert amounts.days[11] == "2023-12-01"
    assert np.exp(amounts.levels[11]) == pytest.approx(3 / (25 / 23), rel=0.1)
    assert 0.6 * amounts.levels[11] < amounts.season(DECEMBER, 90) < amounts.levels[11]
    assert np.exp(amounts.season(pd.Timestamp("2025-03-01"), 90)) == pytest.approx(23 / 25, abs=0.06)


def test_amounts_that_grow_from_year_to_year_are_foretold_to_grow_on() -> None:
    amounts = by_month(lambda day: 1.5 if day.year == 2024 else 1.0)
    assert 0 < amounts.season(pd.Timestamp("2025-01-01"), 90) < np.log(1.5**2)
    assert amounts.season(pd.Timestamp("2025-01-01"), 90) > by_month(lambda day: 1.0).season(DECEMBER, 90) + 0.1


def test_without_a_season_next_to_nothing_is_foretold_and_without_a_year_nothing() -> None:
    assert abs(by_month(lambda day: 1.0).season(DECEMBER, 90)) < 0.02
    young = by_month(lambda day: 3.0 if day.month == 2 else 1.0, months=9)
    assert young.season(pd.Timestamp("2023-12-01"), 90) == 0
    undated = fit_amounts(*sample(200), FEATURES)
    assert undated is not None
    assert undated.season(DECEMBER, 90) == 0


def test_the_season_of_a_day_rests_on_what_had_matured_before_it() -> None:
    amounts = by_month(lambda day: 3.0 if day.month == 12 else 1.0)
    day = pd.Timestamp("2024-06-01")
    open_or_later = [pd.Timestamp(date) + pd.Timedelta(days=90) > day for date in amounts.days]
    turned = tuple(9.0 if late else level for late, level in zip(open_or_later, amounts.levels, strict=True))
    assert replace(amounts, levels=turned).season(day, 90) == amounts.season(day, 90)


def test_chance_is_no_season() -> None:
    """How far sums of 200 amounts are moved by chance is what their variances say."""
    amounts = by_month(lambda day: 1.0)
    moved = np.asarray(amounts.levels) / np.sqrt(amounts.variances)
    assert np.sqrt((moved**2).mean()) == pytest.approx(1, abs=0.3)
