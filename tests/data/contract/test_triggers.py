import numpy as np
import pytest
from pydantic import ValidationError

from data.contract.details import DETAILS
from data.contract.triggers import TRIGGERS, Trigger
from data.contract.vocabulary import MOTIONS
from features.catalogue import full_catalogue
from models.settings import TrainSettings
from tests.drawn import drawn as rows_of

NAN = np.nan

DRAWN = """
    code                      | fires | silent | beside
    seat_utilization          | 0.80  | 0.79   |
    registered_users_per_seat | 1.00  | 0.99   |
    active_users_growth       | 0.10  | 0.09   |
    usage_growth              | 0.20  | 0.19   |
    limit_share               | 0.80  | 0.79   |
    gated_share               | 0.70  | 0.69   |
    gated_requests            | 1     | 0      |
    new_teams                 | 1     | 0      |
    other_domain_users        | 1     | 0      |
    champion_promoted         | 1     | 0      |
    budget_opened             | 1     | 0      |
    milestones                | 1     | 0      |
    features_new              | 2     | 1      |
    usage_fall                | -0.20 | -0.19  |
    critical_tickets          | 1     | 0      |
    overdue_invoices          | 1     | 0      |
    champion_left             | 1     | 0      |
    competitor_research       | 1     | 0      |
    cap_in_sight              | 30    | 30.1   |
    workarounds               | 0.20  | 0.19   |
    quick_value               | 30    | 31     | tenure_days = 365, not 366
    spike_after_slow_quarter  | 0.25  | 0.24   |
    renewal_with_growth       | 0.10  | 0.09   | days_to_renewal = 120, not 121
    shared_logins             | 1     | 0      |
    seats_reassigned          | 0.20  | 0.19   |
    room_for_seats            | 0.25  | 0.26   | seat_utilization_28d = 0.70, not 0.69
    look_alikes_own           | 0.50  | 0.49   |
    group_owns                | 1     | 0      |
    first_product_adopted     | 0.70  | 0.69   | products_not_owned = 1, not 0
    gap_named                 | 1     | 0      |
    billing_growth            | 0.10  | 0.09   |
    product_ended             | 91    | 92     |
"""
"""Of what a threshold is set for: a value that fires and one that does not; of what is asked beside it the same."""
LINES = {line.code: line for line in rows_of(DRAWN).itertuples()}
MEANT = {"renewal_with_growth": "active_users_growth_91d"}
"""The feature that the threshold is of, where it is not the first that is read."""


def columns_of(trigger: Trigger, code: str, value: float, beside: float | None = None) -> dict[str, np.ndarray]:
    """What the trigger reads of one account. ``beside``: in place of the value that fires, of what is asked beside."""
    line, columns = LINES[code], {MEANT.get(code, trigger.reads[0]): np.array([value])}
    if isinstance(line.beside, str):
        name, others = line.beside.split(" = ")
        columns[name] = np.array([float(others.split(", not ")[0]) if beside is None else beside])
    assert columns.keys() == set(trigger.reads)
    return columns


def test_each_trigger_is_drawn_and_its_code_is_its_own() -> None:
    assert list(LINES) == list(TRIGGERS)


@pytest.mark.parametrize("code", TRIGGERS)
def test_it_fires_at_its_threshold_and_not_beyond_it_nor_on_a_missing_value(code: str) -> None:
    trigger, line = TRIGGERS[code], LINES[code]
    assert trigger.threshold == float(line.fires)
    for value, fires in ((float(line.fires), True), (float(line.silent), False), (NAN, False)):
        assert trigger.fires(columns_of(trigger, code, value), 1).tolist() == [fires]
    if isinstance(line.beside, str):
        for other in (float(line.beside.split(", not ")[1]), NAN):
            assert not trigger.fires(columns_of(trigger, code, float(line.fires), other), 1).any()


@pytest.mark.parametrize("code", TRIGGERS)
def test_it_reads_what_is_known_and_speaks_for_a_motion_or_against_any(code: str) -> None:
    trigger = TRIGGERS[code]
    assert set(trigger.reads) <= {*full_catalogue(), *DETAILS}
    assert trigger.motion in (*MOTIONS, None)
    if trigger.points:
        assert (trigger.points < 0) == (trigger.motion is None)  # what speaks against speaks against any
        assert not trigger.also


def made(**given: object) -> Trigger:
    whole = {"title": "Both", "when": "a >= threshold and b < a", "threshold": 2, "means": "two of a, and fewer of b"}
    return Trigger.model_validate({**whole, "texts": ["Both."], "play": "check_in", **given})


def test_a_trigger_needs_all_that_it_reads() -> None:
    both = made()
    assert both.reads == ("a", "b")
    assert not both.can_be_asked(["a", "c"])
    assert both.can_be_asked(["a", "b", "c"])
    columns = {"a": np.array([2.0, 2, 1]), "b": np.array([1.0, 3, 0])}
    assert both.fires(columns, 3).tolist() == [True, False, False]
    assert both.fires(columns, 3, threshold=1).tolist() == [True, False, True]
    assert not made(off=True).fires(columns, 3).any()


def test_a_threshold_counts_on_either_side_of_a_comparison() -> None:
    for when in ("seats >= threshold", "threshold <= seats"):
        trigger = Trigger(title="Many seats", when=when, threshold=2, means="seats of it", texts=("Many.",), play="p")
        seats = np.array([1.0, 2.0, NAN])
        assert trigger.fires({"seats": seats}, 3).tolist() == [False, True, False]
        assert trigger.fires({"seats": seats}, 3, threshold=1).tolist() == [True, True, False]


def test_a_threshold_that_the_condition_does_not_ask_for_is_refused() -> None:
    with pytest.raises(ValidationError, match="`when` does not ask for `days`"):
        made(also={"days": 3})
    with pytest.raises(ValidationError, match="`when` does not ask for `threshold`"):
        made(when="a >= 2")


def test_each_threshold_of_the_points_rule_can_be_set() -> None:
    of_rule = {code: trigger.threshold for code, trigger in TRIGGERS.items() if trigger.points}
    assert TrainSettings().triggers.model_dump() == of_rule
    assert len(of_rule) == 18
    assert TrainSettings(triggers={"seat_utilization": 0.75}).triggers.seat_utilization == 0.75
    with pytest.raises(ValueError, match="no_such"):
        TrainSettings(triggers={"no_such": 1})
