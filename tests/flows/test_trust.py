"""What a model asks for is looked for before the features of a base are built."""

from dataclasses import replace

import pytest

from data.errors import ModelError
from data.movements import ExpansionRules
from features.build import full_catalogue
from flows.settings import Settings
from flows.trust import other_rules, require_features, require_same_rules, with_label_rules
from models.bundle import Bundle
from models.training import train
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
