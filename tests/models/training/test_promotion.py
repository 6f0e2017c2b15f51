import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.estimators import boosting
from models.estimators.bundle import Champion, Propensity
from models.estimators.categories import Categories
from models.evaluation.evaluation import Evaluation
from models.evaluation.verdict import Verdict, VerdictKind
from models.settings import PromotionSettings
from models.training.promotion import Choice, _no_worse, both_predictions, decide, refused
from models.training.train import TrainedModel, train
from tests.models.planted import FEATURES, QUICK, history

GATES = PromotionSettings(max_ece=0.2, forecast_range=(0.3, 3))
"""The planted base is small: what is tested here is the comparison."""


@pytest.fixture(scope="module")
def earlier() -> TrainedModel:
    """The model of two months before."""
    rows = history()
    return train(rows[rows.snapshot_date < "2025-01-01"], FEATURES, QUICK)


@pytest.fixture(scope="module")
def evaluation(trained: TrainedModel) -> Evaluation:
    """The evaluation of today, taken as usable: the planted base is too small for a verdict of its own."""
    return replace(trained.evaluation, verdict=Verdict(VerdictKind.USABLE, ("it is",)))


@pytest.fixture(scope="module")
def champion(earlier: TrainedModel) -> Champion:
    return Champion(earlier.bundle.registered("1", "run"), earlier.predictions)


def test_without_a_champion_a_usable_model_is_promoted(evaluation: Evaluation) -> None:
    decision = decide(evaluation, None, GATES)
    assert decision.choice is Choice.PROMOTE
    assert "there is no champion" in decision.because[0]
    assert (
        decide(evaluation, None, GATES, "the champion is gone").because[0].endswith("checks, and the champion is gone")
    )


def test_a_retrain_of_the_same_base_is_promoted_and_says_on_how_much(
    evaluation: Evaluation, champion: Champion
) -> None:
    decision = decide(evaluation, champion, GATES)
    assert decision.choice is Choice.PROMOTE
    assert decision.champion == "1"
    assert decision.rows > 0
    value, low, high = decision.differences["auc"]
    assert low <= value <= high
    assert json.loads(json.dumps(decision.to_dict()))["choice"] == "promote"


def test_neither_has_learnt_from_the_rows_that_decide(evaluation: Evaluation, champion: Champion) -> None:
    both = both_predictions(evaluation, champion)
    closed = pd.Timestamp(champion.bundle.facts["last_snapshot"]) + pd.Timedelta(days=90)
    replayed = set(zip(champion.predictions.account_id, champion.predictions.snapshot_date, strict=True))
    for account, day in zip(both.account_id, both.snapshot_date, strict=True):
        assert day >= closed or (account, day) in replayed


def test_a_better_champion_is_kept(evaluation: Evaluation, trained: TrainedModel, champion: Champion) -> None:
    """A champion that said on past days what then came."""
    knowing = trained.predictions.assign(log_odds=trained.predictions.y.astype(float))
    decision = decide(evaluation, Champion(champion.bundle, knowing), GATES)
    assert decision.choice is Choice.KEEP
    assert "no worse than the champion" in decision.because[0]


@pytest.mark.parametrize(
    ("difference", "passed"),
    [
        ((-0.004, -0.006, -0.002), True),  # surely worse, by less than may be lost
        ((-0.010, -0.020, -0.001), True),
        ((-0.011, -0.030, 0.010), False),
        ((-0.012, -0.014, -0.011), False),
        ((0.002, -0.010, 0.015), True),
        ((float("nan"), float("nan"), float("nan")), False),
    ],
)
def test_no_more_auc_may_be_lost_than_the_margin(difference: tuple[float, float, float], passed: bool) -> None:
    check = _no_worse({"auc": difference}, PromotionSettings(auc_margin=0.01))
    assert check.passed is passed
    assert check.asks == "AUC no worse than the champion's by more than 0.01"


def test_a_list_that_turns_over_is_kept_back(evaluation: Evaluation, trained: TrainedModel, champion: Champion) -> None:
    noise = np.random.default_rng(0).normal(size=len(trained.predictions))
    decision = decide(
        evaluation,
        Champion(champion.bundle, trained.predictions.assign(log_odds=noise)),
        GATES.model_copy(update={"min_list_overlap": 0.9}),
    )
    assert decision.choice is Choice.KEEP
    assert any("stay on the list" in reason for reason in decision.because)


def test_what_may_not_be_used_is_refused(evaluation: Evaluation, champion: Champion) -> None:
    verdict = Verdict(VerdictKind.NO_SIGNAL, ("nothing there",))
    decision = decide(replace(evaluation, verdict=verdict), champion, GATES)
    assert decision.choice is Choice.REFUSE
    assert refused(verdict).choice is Choice.REFUSE
    impossible = GATES.model_copy(update={"forecast_range": (5.0, 6.0)})
    assert "forecast over realised" in str(decide(evaluation, None, impossible))


def test_a_champion_of_other_features_is_judged_by_its_replay(
    evaluation: Evaluation, trained: TrainedModel, champion: Champion
) -> None:
    X = trained.latest_rows.rename(columns={"noise": "gone"})
    other = boosting.fit(X, np.arange(len(X)) % 2, QUICK.boosting, 2)
    bundle = replace(
        champion.bundle,
        feature_names=tuple(X.columns),
        any_expansion=Propensity(other, champion.bundle.any_expansion.calibrator),
    )
    both = both_predictions(evaluation, Champion(bundle, champion.predictions))
    assert set(both.snapshot_date) <= set(champion.predictions.snapshot_date)


@pytest.mark.parametrize(("learnt", "now"), [({}, {"noise": ("1", "2")}), ({"noise": ("1", "2")}, {})])
def test_a_champion_that_knew_text_as_numbers_or_the_other_way_is_judged_by_its_replay(
    evaluation: Evaluation, champion: Champion, learnt: Categories, now: Categories
) -> None:
    facts = champion.bundle.facts | {"last_snapshot": "2024-06-01"}
    closed = pd.Timestamp("2024-06-01") + pd.Timedelta(days=90)
    asked = Champion(replace(champion.bundle, facts=facts), champion.predictions)
    assert (both_predictions(evaluation, asked).snapshot_date >= closed).any()
    codes = evaluation.rows.assign(noise=evaluation.rows.noise.gt(0).astype("float64"))
    other = Champion(replace(asked.bundle, categories=learnt), champion.predictions)
    both = both_predictions(replace(evaluation, rows=codes, categories=now), other)
    assert not (both.snapshot_date >= closed).any()
