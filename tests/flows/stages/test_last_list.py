"""What is asked of the model of the last list: nothing where something is not known, whichever model asks for it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows.stages.last_list import LastList
from models.estimators.bundle import Bundle, Propensity
from models.estimators.calibration import Platt
from serving.published.read import open_list
from tests.serving.world import DAY, feature_rows, publish, scored, snapshot

ROWS = feature_rows(20)
BUNDLE = Bundle(("tenure_days",), Propensity(None, Platt()), {}, {}, all_motions_modelled=True, amounts=None)
"""A model that asks for a single feature, and not for what is not known below."""


@pytest.mark.parametrize(
    ("muted", "why"),
    [
        (frozenset({"billed_91d"}), "not all is known today that a model may ask for: a feed has fallen silent"),
        (frozenset(), "the model of the last list is no longer there"),
    ],
)
def test_a_change_across_an_outage_is_not_split(muted: frozenset[str], why: str, tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20, day=DAY - timedelta(days=30)))
    last, context = LastList(open_list(tmp_path), None), snapshot(20).context
    assert context is not None
    change = last.change(BUNDLE, *scored(ROWS), ROWS, replace(context, muted=muted))
    assert change.not_asked == why
    assert change.reasons.empty


def test_what_is_told_rests_on_nothing_that_is_not_known() -> None:
    context = snapshot(5).context
    assert context is not None
    told = replace(context, muted=frozenset({"billed_91d"})).told(ROWS)
    assert set(ROWS.columns) - set(told.columns) == {"billed_91d"}
