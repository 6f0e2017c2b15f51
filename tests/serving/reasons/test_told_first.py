"""The sentence that stands first beside a play states what the play rests on."""

import pandas as pd
import pytest

from serving.render.leading import leading
from tests.drawn import drawn
from tests.serving.reasons.test_choose import one_account

SEATS = {"seats": 8.0, "active_users_28d": 7.0, "seat_utilization_28d": 0.875}
PARTS = {"seat_utilization_28d": 0.7, "registered_users": 0.5}


@pytest.mark.parametrize(
    ("registered", "shown"),
    [
        (
            10.0,
            "Has 10 registered users on 8 seats; 7 were active this month.",
        ),  # the play for more people than seats rests on them
        (8.0, "7 of 8 seats in use this month."),  # the play for seats that run out rests on those in use
    ],
)
def test_of_one_story_the_sentence_is_shown_on_which_the_play_rests(registered: float, shown: str) -> None:
    table = one_account(PARTS, registered_users=registered, **SEATS)
    assert table.loc[table["shown"], "text"].tolist() == [shown]


def test_a_play_that_is_barred_makes_no_sentence_come_first() -> None:
    table = one_account(PARTS, registered_users=10.0, events_growth_91d=-0.3, **SEATS)
    assert table.loc[table["shown"], "text"].tolist() == ["7 of 8 seats in use this month."]


PLAYS = {
    "seats": {"reasons": ["in_use", "invited"], "requires": ["registered > seats and use >= 0.8", "active > seats"]},
    "check_in": {"reasons": [], "requires": []},
}
REASONS = """
    account_id | reason_code | numbers_from | effect  | shown | leads
    a          | limit       | pace         | for     | yes   | no
    a          | in_use      | use,seats    | for     | yes   | no
    a          | invited     | registered   | for     | yes   | yes
    b          | limit       | pace         | for     | yes   | no
    b          | in_use      | use,seats    | for     | yes   | yes
    b          | invited     | registered   | for     | no    | no
    c          | limit       | pace         | for     | yes   | no
    c          | in_use      | active,seats | against | yes   | no
    d          | in_use      | active,seats | for     | yes   | no
    e          | in_use      | active,seats | for     | yes   | no
"""


def test_what_leads_states_the_fact_or_is_answered_by_the_play() -> None:
    rows = drawn(REASONS).assign(numbers_from=lambda rows: rows["numbers_from"].astype("str"))
    rows["shown"] = rows["shown"].map({"yes": True, "no": False}).astype("boolean")
    play_of = pd.Series({"a": "seats", "b": "seats", "c": "seats", "d": "check_in", "e": "of another version"})
    assert leading(rows, PLAYS, play_of).tolist() == (rows["leads"] == "yes").tolist()
    unknown = rows.assign(shown=pd.array([None] * len(rows), "boolean"))
    assert not leading(unknown, PLAYS, play_of).any()  # older lists do not say what a CSM sees
