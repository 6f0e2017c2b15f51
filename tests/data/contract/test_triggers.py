import numpy as np
import pandas as pd
import pytest

from data.contract.triggers import TRIGGERS, Trigger
from data.contract.vocabulary import MOTIONS
from features.catalogue import full_catalogue
from models.settings import TrainSettings
from serving.reasons.templates import Template

NAN = np.nan

DRAWN = """
    code                      | fires | is silent
    seat_utilization          | 0.80  | 0.79
    registered_users_per_seat | 1.00  | 0.99
    active_users_growth       | 0.10  | 0.09
    usage_growth              | 0.20  | 0.19
    limit_share               | 0.80  | 0.79
    gated_share               | 0.70  | 0.69
    gated_requests            | 1     | 0
    new_teams                 | 1     | 0
    other_domain_users        | 1     | 0
    champion_promoted         | 1     | 0
    budget_opened             | 1     | 0
    milestones                | 1     | 0
    features_new              | 2     | 1
    usage_fall                | -0.20 | -0.19
    critical_tickets          | 1     | 0
    overdue_invoices          | 1     | 0
    champion_left             | 1     | 0
    competitor_research       | 1     | 0
"""


def drawn() -> dict[str, tuple[float, float]]:
    """Code -> a value that fires and one that does not."""
    _, *lines = (line.split("|") for line in DRAWN.strip().splitlines())
    return {code.strip(): (float(fires), float(silent)) for code, fires, silent in lines}


def test_each_trigger_is_drawn_and_its_code_is_its_own() -> None:
    assert list(drawn()) == [trigger.code for trigger in TRIGGERS]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.code)
def test_it_fires_on_one_row_and_not_on_another_nor_on_a_missing_value(trigger: Trigger) -> None:
    values = [*drawn()[trigger.code], NAN]
    rows = pd.DataFrame(dict.fromkeys(trigger.reads, values))
    assert trigger.fires(rows, trigger.threshold).tolist() == [True, False, False]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.code)
def test_it_reads_features_and_its_sentence_states_what_it_reads(trigger: Trigger) -> None:
    assert set(trigger.reads) <= full_catalogue().keys()
    assert set(Template.parse(trigger.sentence).features) <= set(trigger.reads)
    assert trigger.motion in (*MOTIONS, None)
    assert (trigger.points < 0) == (trigger.motion is None)  # what speaks against speaks against any


def test_a_trigger_needs_all_that_it_reads() -> None:
    both = Trigger("both", None, ("a", "b"), lambda a, b, least: (a >= least) & (b < a), 2, "two of a", -1, "Both.")
    assert not both.can_be_asked(["a", "c"])
    assert both.can_be_asked(["a", "b", "c"])
    assert both.fires({"a": [2, 2, 1], "b": [1, 3, 0]}, 2).tolist() == [True, False, False]


def test_each_threshold_can_be_set() -> None:
    assert TrainSettings().triggers.model_dump() == {trigger.code: trigger.threshold for trigger in TRIGGERS}
    lower = TrainSettings(triggers={"seat_utilization": 0.75})
    assert lower.triggers.seat_utilization == 0.75
    with pytest.raises(ValueError, match="no_such"):
        TrainSettings(triggers={"no_such": 1})
