from datetime import timedelta

import pandas as pd
import pytest

from models.evaluation.evaluation import evaluate
from models.evaluation.splits import origins
from models.evaluation.tuning import Tuned, _days, tune
from models.settings import Params
from tests.models.planted import FEATURES, QUICK, history

SETTINGS = QUICK.model_copy(update={"origins": 2, "tune_trials": 4, "max_rounds": 40})


def tuned(settings: object = SETTINGS, rows: pd.DataFrame | None = None) -> tuple[Tuned, list[str]]:
    rows = history() if rows is None else rows
    splits = origins(rows.snapshot_date.unique(), 90, 8, 3)
    said: list[str] = []
    return tune(rows, FEATURES, splits, splits[-2:], settings, said.append), said


def test_the_same_seed_finds_the_same() -> None:
    one, said = tuned()
    assert one == tuned()[0]
    assert one.trials == 4
    assert "4 trials" in said[-1]


@pytest.mark.parametrize("trials", [1, 2, 6])
def test_there_are_as_many_trials_as_asked_for_the_settings_as_they_are_among_them(trials: int) -> None:
    assert tuned(SETTINGS.model_copy(update={"tune_trials": trials}))[0].trials == trials


def test_bad_settings_are_left_behind() -> None:
    wild = Params(learning_rate=0.9, num_leaves=60, min_child_samples=1, lambda_l2=0)
    found, _ = tuned(SETTINGS.model_copy(update={"boosting": wild}))
    assert found.gain > 0
    assert found.params.learning_rate <= 0.1


def test_the_reported_days_are_not_looked_at() -> None:
    rows = history()
    splits = origins(rows.snapshot_date.unique(), 90, 8, 3)
    first = splits[-2].test_date
    assert all(day.test_date + timedelta(days=90) <= first for day in _days(splits, splits[-2:], SETTINGS))
    turned = rows.copy()
    open_then = turned.snapshot_date + pd.Timedelta(days=90) > first
    turned.loc[open_then, "expanded"] = 1 - turned.loc[open_then, "expanded"]
    assert tuned(rows=rows)[0] == tuned(rows=turned)[0]


def test_the_clock_ends_a_search_and_says_so() -> None:
    found, said = tuned(SETTINGS.model_copy(update={"tune_seconds": 1e-6}))
    assert found.trials == 1
    assert "out of time after 1 of 4 trials" in said[0]


@pytest.mark.parametrize("trials", [0, 3])
def test_the_evaluation_uses_what_was_found(trials: int) -> None:
    settings = SETTINGS.model_copy(update={"tune_trials": trials, "warm_up_origins": 6})
    found = evaluate(history(), FEATURES, settings)
    if not trials:
        assert found.settings.boosting == SETTINGS.boosting
    assert found.replayed.fitted.rounds > 0
