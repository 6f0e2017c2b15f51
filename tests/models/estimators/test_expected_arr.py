"""Expected ARR on past days whose truth is drawn: the lean of large accounts, and how wrong means have been."""

import json

import numpy as np
import pandas as pd
import pytest

from data.contract.expected_arr import ArrDoubt
from models.estimators.amounts import fit_amounts
from models.estimators.expected_arr import (
    ACCOUNT_ERROR,
    GROUPS,
    SUM_ERROR,
    ExpectedArr,
    Lean,
    fit_doubt,
    fit_lean,
    groups_alike,
    say_arr,
)

HORIZON_DAYS = 90
SQUARE = 1.5


def past_days(lean: float, days: int = 8, accounts: int = 1500, seasons: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Days a quarter apart: the chance to expand is propensity x (mean / 3,000)^lean, by season more or less."""
    draw = np.random.default_rng(seed)
    parts = []
    for number, day in enumerate(pd.date_range("2023-01-01", periods=days, freq="QS")):
        mean, propensity = np.exp(draw.normal(8, 1, accounts)), draw.uniform(0.02, 0.3, accounts)
        chance = propensity * (mean / 3000) ** lean * np.exp(seasons * (-1) ** number)
        y = draw.random(accounts) < np.minimum(chance, 1)
        arr = y * mean * draw.gamma(2, 1 / 2, accounts)
        parts.append(
            pd.DataFrame({"snapshot_date": day, "y": y.astype(int), "propensity": propensity, "mean": mean, "arr": arr})
        )
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("lean", [-0.15, 0.15])
@pytest.mark.parametrize("seasons", [0.0, 0.5])
def test_the_lean_is_found_whatever_the_season(lean: float, seasons: float) -> None:
    assert fit_lean(past_days(lean, seasons=seasons), HORIZON_DAYS).lean == pytest.approx(lean, abs=0.05)


@pytest.mark.parametrize("lean", [-0.15, 0.15])
def test_with_the_lean_the_sum_comes_true(lean: float) -> None:
    past, later = past_days(lean), past_days(lean, seed=1)
    true = (later.propensity * (later["mean"] / 3000) ** lean * later["mean"]).sum()
    without = (later.propensity * later["mean"]).sum() / true
    amounts = fit_lean(past, HORIZON_DAYS).amounts(later["mean"].to_numpy())
    # How many expand is another's task: compared is what one expansion gains.
    level = (later.propensity * (later["mean"] / 3000) ** lean).sum() / later.propensity.sum()
    assert abs(np.log(without * level)) > 0.1
    assert (later.propensity * amounts).sum() * level / true == pytest.approx(1, abs=0.04)


def test_the_lean_leaves_the_number_of_expansions() -> None:
    past = past_days(0.2)
    chance = past.propensity * fit_lean(past, HORIZON_DAYS).amounts(past["mean"].to_numpy()) / past["mean"]
    assert chance.sum() == pytest.approx(past.propensity.sum())


def test_where_nothing_leans_or_little_was_seen_next_to_nothing_is_corrected() -> None:
    assert abs(fit_lean(past_days(0.0), HORIZON_DAYS).lean) < 0.04
    assert abs(fit_lean(past_days(0.3, days=1, accounts=40), HORIZON_DAYS).lean) < 0.15
    assert fit_lean(past_days(0.3).assign(y=0), HORIZON_DAYS) == Lean()
    assert fit_lean(past_days(0.3).head(0), HORIZON_DAYS) == Lean()


def test_days_that_share_outcomes_count_for_less() -> None:
    past = past_days(0.3, days=3, accounts=300)
    days = past.snapshot_date.unique()
    close = past.assign(
        snapshot_date=past.snapshot_date.map(dict(zip(days, pd.date_range("2023-01-01", periods=3), strict=True)))
    )
    assert 0 < fit_lean(close, HORIZON_DAYS).lean < fit_lean(past, HORIZON_DAYS).lean


def told(error_of_base: float, error_of_alike: float, days: int = 60, seed: int = 0) -> pd.DataFrame:
    """Days a quarter apart whose means are wrong by so much in log, as a whole and tenth by tenth."""
    draw = np.random.default_rng(seed)
    past = past_days(0.0, days, 600, seed=seed).drop(columns="arr")
    past = past.assign(expected_arr=past.propensity * past["mean"])
    past = past.assign(chance=ArrDoubt(0, 0, SQUARE).chance(past.expected_arr, past["mean"]))
    day, alike = past.snapshot_date.factorize()[0], groups_alike(past)
    moved = np.exp(
        draw.normal(0, error_of_base, days)[day] + draw.normal(0, error_of_alike, (days, GROUPS))[day, alike]
    )
    return past.assign(arr=past.y * past["mean"] * moved * draw.gamma(2, 1 / 2, len(past)))


def test_how_wrong_means_were_is_found_beyond_chance() -> None:
    exact = fit_doubt(told(0.0, 0.0), SQUARE, HORIZON_DAYS)
    wrong = fit_doubt(told(0.3, 0.0), SQUARE, HORIZON_DAYS)
    uneven = fit_doubt(told(0.0, 0.5), SQUARE, HORIZON_DAYS)
    assert exact.sum_error < 0.1
    assert wrong.sum_error == pytest.approx(0.3, abs=0.08)
    assert wrong.account_error == pytest.approx(0.3, abs=0.1)  # accounts alike are wrong by what the base is wrong by
    assert uneven.account_error == pytest.approx(0.5, abs=0.15)
    assert uneven.sum_error < uneven.account_error


def test_four_in_five_later_days_lie_in_the_interval_of_their_sum() -> None:
    learnt = fit_doubt(told(0.25, 0.0), SQUARE, HORIZON_DAYS)
    inside = []
    for _, day in told(0.25, 0.0, days=120, seed=1).groupby("snapshot_date"):
        low, high = learnt.of_sum(day.expected_arr.to_numpy(), day["mean"].to_numpy())
        inside.append(low <= day.arr.sum() <= high)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.1)


def test_before_a_day_was_seen_it_is_what_was_thought() -> None:
    nothing = fit_doubt(told(0.0, 0.0, days=2).head(0), SQUARE, HORIZON_DAYS)
    assert nothing == ArrDoubt(ACCOUNT_ERROR, SUM_ERROR, SQUARE) == ExpectedArr.unseen(SQUARE).doubt


def test_tenths_of_a_day_by_expected_arr() -> None:
    past = told(0.0, 0.0, days=3)
    counts = groups_alike(past).groupby(past.snapshot_date).value_counts()
    assert counts.tolist() == [60] * 30
    assert (past.expected_arr[groups_alike(past) == 9].min()) > past.expected_arr[groups_alike(past) == 0].max()


def test_propensity_times_amount_is_expected_and_stored_it_is_the_same() -> None:
    past = past_days(0.2)
    rows = pd.DataFrame({"account_id": [str(number) for number in past.index], "mrr": past["mean"]})
    amounts = fit_amounts(rows, past.arr.to_numpy(), ["mrr"])
    assert amounts is not None
    expected = ExpectedArr(fit_lean(past, HORIZON_DAYS), ArrDoubt(0.2, 0.1, amounts.square), season=0.1)
    again = ExpectedArr.from_dict(json.loads(json.dumps(expected.to_dict())))
    assert again == expected
    propensity, mean = past.propensity.to_numpy(), amounts.predict(rows)
    said, bare = (pd.DataFrame(say_arr(propensity, mean, amounts, what)) for what in (again, None))
    for frame in (said, bare):
        assert (frame.expected_arr == propensity * frame.arr_if_expands).all()
    assert said.expected_arr.between(said.expected_arr_low, said.expected_arr_high).all()
    assert bare.expected_arr_low.isna().all()
    assert (bare.arr_if_expands == mean).all()


def test_the_season_moves_every_amount_alike() -> None:
    mean = np.array([100.0, 1000.0])
    expected = ExpectedArr(Lean(0.5, np.log(400)), ArrDoubt(0.2, 0.1, SQUARE), season=float(np.log(1.2)))
    assert expected.amounts(mean) == pytest.approx([100 * 0.5 * 1.2, 1000 * 2.5**0.5 * 1.2])


def test_a_model_stored_before_seasons_were_learnt_has_none() -> None:
    stored = ExpectedArr.unseen(SQUARE).to_dict()
    del stored["season"]
    assert ExpectedArr.from_dict(stored).season == 0
