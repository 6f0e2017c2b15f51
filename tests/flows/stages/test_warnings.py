"""What a model asks for is looked for before the features of a base are built."""

from dataclasses import replace

import pytest

from data.errors import ModelError
from data.ledger.rules import ExpansionRules
from features.catalogue import full_catalogue
from flows.run.settings import Settings
from flows.stages.warnings import other_rules, require_same_rules, warnings, with_label_rules, with_rules
from models.estimators.bundle import Bundle
from models.evaluation.backtest import ARR_SUM
from models.scoring.score import require_features
from models.settings import PromotionSettings
from models.training.train import train
from tests.drawn import base, known
from tests.models.planted import FEATURES, QUICK, history


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    made = train(history(accounts=80), FEATURES, QUICK).bundle
    return replace(made, feature_names=("mrr", "tickets_28d", "tickets_91d"))


def test_a_lost_table_is_named_before_anything_is_built(bundle: Bundle) -> None:
    require_features(bundle, full_catalogue())
    there = [name for name, card in full_catalogue().items() if "tickets" not in card.tables]
    with pytest.raises(ModelError, match=r"missing: table tickets, all 2 features of it"):
        require_features(bundle, there)


def test_other_label_rules_are_named(bundle: Bundle) -> None:
    learnt = with_label_rules(bundle, Settings())
    assert other_rules(learnt, Settings()) == ""
    longer = Settings(expansion=ExpansionRules(horizon_days=180))
    assert other_rules(learnt, longer) == "horizon_days = 90 (now 180)"
    with pytest.raises(ModelError, match="horizon_days = 90"):
        require_same_rules(learnt, longer)


@pytest.mark.parametrize(
    ("allowed", "ratio", "warned"),
    [
        ((0.8, 1.25), 0.79, True),
        ((0.8, 1.25), 0.8, False),
        ((0.8, 1.25), 1.25, False),
        ((0.8, 1.25), 1.26, True),
        ((0.5, 2.0), 0.79, False),
        ((0.5, 2.0), 1.26, False),
        ((0.5, 2.0), 2.1, True),
        ((0.95, 1.05), 0.9, True),
        ((0.95, 1.05), 1.1, True),
    ],
)
def test_the_warning_of_a_forecast_follows_the_setting(
    bundle: Bundle, allowed: tuple[float, float], ratio: float, warned: bool
) -> None:
    facts = {"auc": 0.8, "best_rule_auc": 0.7, "brier_skill": 0.1, "forecast_over_realised": ratio}
    gates = PromotionSettings(forecast_range=allowed)
    told = warnings(replace(bundle, facts=bundle.facts | facts), known(base()), gates)
    assert told == ([f"On past snapshots {ratio:.2f} expansions were forecast for each one that came."] * warned)


@pytest.mark.parametrize(
    ("allowed", "ratio", "warned"),
    [
        ((0.9, 1.1), 0.89, True),
        ((0.9, 1.1), 0.9, False),
        ((0.9, 1.1), 1.1, False),
        ((0.9, 1.1), 1.3, True),
        ((0.7, 1.4), 1.3, False),
    ],
)
def test_a_sum_of_arr_that_did_not_hold_is_told(
    bundle: Bundle, allowed: tuple[float, float], ratio: float, warned: bool
) -> None:
    facts = {"auc": 0.8, "best_rule_auc": 0.7, "arr_forecast_over_realised": ratio, "calibrated_snapshots": 6.0}
    facts["forecast_over_realised"] = 1.0
    gates = PromotionSettings(arr_forecast_range=allowed)
    told = warnings(replace(bundle, facts=bundle.facts | facts), known(base()), gates)
    sentence = (
        f"Expected ARR: over the last 6 months tested the forecast was {ratio:.2f} times what came; read it as an "
        "order, not as an amount."
    )
    assert told == [sentence] * warned


@pytest.mark.parametrize(("without_two", "named"), [(0.97, True), (0.88, False), (1.12, False)])
def test_two_accounts_are_named_where_they_make_the_difference(bundle: Bundle, without_two: float, named: bool) -> None:
    facts = {"auc": 0.8, "best_rule_auc": 0.7, "forecast_over_realised": 1.0, "calibrated_snapshots": 6.0}
    facts |= {"arr_forecast_over_realised": 0.84, "arr_ratio_low": 0.82, "arr_ratio_high": 1.21}
    facts |= {"arr_share_of_two": 0.15, "expected_arr_share_of_two": 0.05, "arr_ratio_without_two": without_two}
    told = warnings(replace(bundle, facts=bundle.facts | facts), known(base()), PromotionSettings())
    assert told == [
        "Expected ARR: over the last 6 months tested the forecast was 0.84 times what came; read it as an order, not "
        "as an amount. Four times in five it was to lie between 0.82 and 1.21."
        + " Two accounts make the difference: they brought 15% of what came, and 5% of the forecast was for them."
        * named
    ]


def test_what_the_list_must_answer_for_goes_with_the_model() -> None:
    trained = train(history(), FEATURES, QUICK)
    facts = with_rules(trained, Settings()).bundle.facts
    assert facts["arr_forecast_over_realised"] == trained.metrics["arr_forecast_over_realised"]
    assert facts["calibrated_snapshots"] == QUICK.origins
    assert {name: facts[name] for name in ARR_SUM} == {name: trained.metrics[name] for name in ARR_SUM}
