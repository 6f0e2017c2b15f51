from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from data.contract.expected_arr import COVERAGE
from models.estimators import boosting
from models.estimators.calibration import level_for
from models.estimators.sampling import matrix, rows_to_fit
from models.estimators.year_before import LEVEL_ERROR
from models.evaluation.evaluation import prepare, recipe_of, silent
from models.evaluation.replay import fit_labels, range_of_day, replay, replay_labels
from models.evaluation.splits import origins
from models.venn_abers import PropensityRange, fit_range
from tests.models.planted import FEATURES, QUICK, history

DAYS = pd.date_range("2025-01-01", periods=6, freq="MS")
TODAY = pd.Timestamp("2025-10-01")


def replayed(moved: np.ndarray, accounts: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Past days on which propensities were told; what came had log-odds that were ``moved`` from them, day by day."""
    draw = np.random.default_rng(seed)
    log_odds = draw.normal(-2, 1.5, len(DAYS) * accounts)
    came = draw.random(len(log_odds)) < expit(log_odds + np.repeat(moved, accounts))
    days = pd.Series(DAYS.repeat(accounts))
    predictions = pd.DataFrame({"snapshot_date": days, "propensity": expit(log_odds), "y": came.astype("int8")})
    return predictions.assign(calibrated=True)


def ranged(predictions: pd.DataFrame, day: pd.Timestamp = TODAY) -> PropensityRange:
    return range_of_day(predictions, day, horizon_days=90)


def test_days_that_share_outcomes_count_for_those_that_have_their_own() -> None:
    """Six months span 151 days, and one window of 90 more: 2.7 windows, so each outcome is counted 2.2 times."""
    past = replayed(np.zeros(6))
    by_hand = fit_range(logit(past.propensity.to_numpy()), past.y.to_numpy(), copies=6 / (151 / 90 + 1))
    fitted = ranged(past)
    assert (fitted.cells, fitted.low, fitted.high) == (by_hand.cells, by_hand.low, by_hand.high)


def test_what_had_not_matured_and_what_was_not_calibrated_says_nothing() -> None:
    past, day = replayed(np.zeros(6)), DAYS[2] + pd.Timedelta(days=90)
    of_two = past.assign(calibrated=past.snapshot_date > DAYS[0])
    says_nothing = (past.snapshot_date > DAYS[2]) | (past.snapshot_date == DAYS[0])
    turned = of_two.assign(y=past.y.where(~says_nothing, 1 - past.y))
    assert ranged(of_two, day) == ranged(turned, day) != ranged(past, day)


def test_levels_that_were_wrong_beyond_chance_are_a_doubt() -> None:
    steady, wrong = (ranged(replayed(0.5 * np.tile([-1, 1], 3) * far)) for far in (0, 1))
    windows = 151 / 90 + 1
    assert steady.level_error == pytest.approx(LEVEL_ERROR / np.sqrt(1 + windows), abs=0.02)
    both = np.sqrt((LEVEL_ERROR**2 + windows * 0.5**2) / (1 + windows))
    assert wrong.level_error == pytest.approx(both, abs=0.1)


def test_a_slope_that_is_off_is_no_doubt_about_levels() -> None:
    """Every day comes to as many expansions as were told; the likely were told too likely, the others the reverse."""
    draw = np.random.default_rng(4)
    past = replayed(np.zeros(6), accounts=2000)
    log_odds = logit(past.propensity.to_numpy())
    true = 0.7 * log_odds + level_for(0.7 * log_odds, float(past.propensity.mean()))
    turned = past.assign(y=(draw.random(len(past)) < expit(true)).astype("int8"))
    assert ranged(turned).level_error == pytest.approx(ranged(past).level_error, abs=0.02)


def test_without_a_past_nothing_is_known() -> None:
    fitted = ranged(replayed(np.zeros(6)), DAYS[0])
    assert fitted.level_error == LEVEL_ERROR
    low, high = fitted.of(np.array([-2.0, 2.0]))
    assert (low.tolist(), high.tolist()) == ([0, 0], [1, 1])


@pytest.mark.parametrize("came", [0, 1])
def test_days_with_one_outcome_only_say_nothing_of_levels(came: int) -> None:
    past = replayed(np.zeros(6)).assign(y=np.int8(came))
    fitted = ranged(past)
    assert fitted.level_error == LEVEL_ERROR
    by_hand = fit_range(logit(past.propensity.to_numpy()), past.y.to_numpy(), copies=6 / (151 / 90 + 1))
    assert (fitted.cells, fitted.low, fitted.high) == (by_hand.cells, by_hand.low, by_hand.high)


def test_a_certainty_that_was_told_is_no_fault() -> None:
    past = replayed(np.zeros(6))
    sure = np.concatenate([[1.0] * 3, past.propensity[3:-3], [0.0] * 3])
    assert ranged(past.assign(propensity=sure)).level_error == pytest.approx(ranged(past).level_error, abs=0.01)


@pytest.mark.parametrize("error", [0.0, 0.15, 0.4])
def test_the_share_that_expands_lies_in_the_range_as_often_as_is_stated(error: float) -> None:
    """Seven days, each wrong by its own error: the last is told by the six before it, and its true shares are known."""
    inside = []
    for seed in range(12):
        draw = np.random.default_rng(seed)
        moved = draw.normal(0, error, 7)
        fitted = ranged(replayed(moved[:6], accounts=500, seed=seed))
        log_odds = np.sort(draw.normal(-2, 1.5, 1000))
        low, high = fitted.of(log_odds)
        true = expit(log_odds + moved[6])
        tenths = [values.reshape(10, 100).mean(axis=1) for values in (low, true, high)]
        inside += list((tenths[0] <= tenths[1]) & (tenths[1] <= tenths[2]))
    assert np.mean(inside) > COVERAGE - 0.1


LABELS = ("expanded", "expanded_seat", "expanded_usage", "expanded_upsell")
"""Of the third there is no expansion."""


@pytest.mark.parametrize("max_rows", [0, 900])
def test_labels_that_are_learnt_together_are_learnt_as_each_by_itself(max_rows: int) -> None:
    """Bit by bit; of a sample each label has rows of its own."""
    rows = prepare(history(), FEATURES)
    recipes = [replace(recipe_of(QUICK), label=label, max_rows=max_rows) for label in LABELS]
    together = fit_labels(rows, FEATURES, recipes, [12, 8, 8, 5])
    for recipe, rounds, booster in zip(recipes, (12, 8, 8, 5), together, strict=True):
        chosen = rows_to_fit(rows, recipe.label, max_rows, recipe.seed)
        assert len(chosen.places) == len(rows) if not max_rows else len(chosen.places) < len(rows)
        y = rows[recipe.label].to_numpy()[chosen.places]
        if recipe.label == "expanded_usage":
            assert booster is None
            continue
        X = matrix(rows, FEATURES, chosen.places)
        alone = boosting.fit(X, y, recipe.params, rounds, recipe.seed, chosen.share)
        assert boosting.to_text(booster) == boosting.to_text(alone)


def test_the_replay_of_several_labels_is_that_of_each() -> None:
    rows = prepare(history(), FEATURES)
    splits = origins(rows.snapshot_date.unique(), QUICK.horizon_days, 3, QUICK.min_train_dates)
    recipes = [replace(recipe_of(QUICK), label=label, max_rounds=20) for label in LABELS]
    for recipe, together in zip(recipes, replay_labels(rows, FEATURES, splits, recipes, silent), strict=True):
        alone = replay(rows, FEATURES, splits, recipe, silent)
        pd.testing.assert_frame_equal(together.predictions, alone.predictions, check_exact=True)
        assert together.fitted.rounds == alone.fitted.rounds
