"""The model of a day without a feed: at the level of the whole model, and blind to what is not known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.contract.score_change import NotSplit
from models.changes.previous_scores import PreviousScores
from models.changes.score_change import split
from models.estimators.bundle import Bundle
from models.scoring.score import require_unchanged, score
from models.scoring.without import without
from models.training.train import TrainedModel
from tests.models.planted import FEATURES, history

UNKNOWN = {"seat_utilization_28d", "limit_share_max_28d"}


@pytest.fixture(scope="module")
def bundle(trained: TrainedModel) -> Bundle:
    return trained.bundle.registered("1", "run-1")


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    return history(accounts=200, months=1, seed=7)[["account_id", "snapshot_date", *FEATURES]]


def test_it_says_on_average_what_the_whole_model_says(bundle: Bundle, known: pd.DataFrame) -> None:
    muted = without(bundle, UNKNOWN, known)
    spoilt = known.assign(**dict.fromkeys(UNKNOWN, np.nan))
    whole, blind = score(bundle, known), score(muted, spoilt)
    require_unchanged(muted, spoilt, blind)
    assert blind.scores["propensity"].mean() == pytest.approx(whole.scores["propensity"].mean(), rel=1e-6)
    assert blind.scores["expected_arr"].sum() == pytest.approx(whole.scores["expected_arr"].sum(), rel=0.15)
    assert not blind.attributions[sorted(UNKNOWN)].any().any()
    assert blind.scores["base_log_odds"].to_numpy() == pytest.approx(whole.scores["base_log_odds"].to_numpy(), abs=1e-6)
    assert muted.to_files().keys() == bundle.to_files().keys()


def test_what_is_not_known_makes_no_difference(bundle: Bundle, known: pd.DataFrame) -> None:
    muted = without(bundle, UNKNOWN, known)
    others = [known.assign(**dict.fromkeys(UNKNOWN, value)) for value in (0.0, 1.0, np.nan)]
    first, *rest = [score(muted, rows).scores for rows in others]
    for scores in rest:
        assert (scores["propensity"] == first["propensity"]).all()


def test_with_all_that_it_asks_for_it_is_the_same_model(bundle: Bundle, known: pd.DataFrame) -> None:
    assert without(bundle, {"of another base"}, known) is bundle


@pytest.mark.parametrize("last_was_muted", [True, False])
def test_changes_between_a_list_with_and_one_without_are_not_split(
    bundle: Bundle, known: pd.DataFrame, last_was_muted: bool
) -> None:
    muted = without(bundle, UNKNOWN, known)
    then, now = (muted, bundle) if last_was_muted else (bundle, muted)
    before, today = score(then, known), score(now, known)
    last = before.scores.assign(run_id="run-1")
    codes = dict.fromkeys(FEATURES, "a_reason")
    published = PreviousScores(last, before.attributions, "a feed had fallen silent")
    change = split(bundle, now, published, known, today.scores, codes, attributions=today.attributions)
    assert set(change.accounts["because"]) == {NotSplit.FEATURES_MISSING.value}
    assert change.accounts["change"].notna().all()
    assert change.not_asked == "a feed had fallen silent"
    assert replace(change, not_asked="").reasons.empty
