"""What a model asks for is looked for before the features of a base are built."""

from dataclasses import replace

import pytest

from data.errors import ModelError
from features.build import full_catalogue
from flows.trust import require_features
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
