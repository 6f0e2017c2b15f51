import re
import time

import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError
from serving.reasons import COLUMNS, explain
from serving.settings import ReasonSettings
from serving.wording import Template
from tests.serving.world import CATALOGUE, DAY, PLAYBOOK, feature_rows, scored

SETTINGS = ReasonSettings()


def one_account(parts: dict[str, float], **values: float) -> pd.DataFrame:
    """The reasons of one account with these attributions and feature values."""
    attributions = pd.DataFrame([{"snapshot_date": DAY, "account_id": "a", "base_log_odds": -2.0, **parts}])
    rows = pd.DataFrame([{"account_id": "a", "snapshot_date": DAY, **values}])
    return explain(attributions, rows, CATALOGUE, PLAYBOOK, SETTINGS)


SEATS = {"seats": 50.0, "active_users_28d": 46.0, "seat_utilization_28d": 0.92, "seat_utilization_change_91d": 0.12}


def test_features_that_tell_one_story_are_added_up_strongest_first() -> None:
    parts = {"seat_utilization_28d": 0.2, "seats_free": 0.5, "seat_utilization_change_91d": -0.1, "tenure_days": 0.3}
    table = one_account(parts, tenure_days=612.0, **SEATS)
    assert table["reason_code"].tolist()[:2] == ["seats_in_use", "tenure"]
    assert table["features"][0] == "seats_free,seat_utilization_28d,seat_utilization_change_91d"
    assert table["shap_log_odds"][0] == pytest.approx(0.2 + 0.5 - 0.1)
    assert table["text"][0] == (
        "46 of 50 seats were used in the last 28 days (92%); "
        "over 91 days the share is 12 points up on the 91 days before."
    )
    assert table["text"][1] == "A customer for 612 days (20 months)."
    assert table["numbers_from"][0] == "active_users_28d,seats,seat_utilization_28d,seat_utilization_change_91d"
    assert list(table.columns) == list(COLUMNS)


def test_reasons_against_follow_marked_as_such_and_fill_up_to_three() -> None:
    parts = {"tenure_days": 0.3, "bug_tickets_91d": -0.4, "nps_last": -0.6, "tickets_28d": -0.1, "mrr": -0.05}
    table = one_account(
        parts, tenure_days=20.0, bug_tickets_91d=1.0, nps_last=3.0, mrr=10.0, seats=2.0,
        tickets_28d=0.0, tickets_91d=2.0, tickets_open=1.0,
    )  # fmt: skip
    assert table["effect"].tolist() == ["for", "against", "against"]
    assert table["text"].tolist() == [
        "A customer for 20 days.",
        "Against: The last answer to the promoter question (NPS) was 3, on a scale from 0 to 10.",
        "Against: 1 bug was reported in the last 91 days.",
    ]
    assert table["position"].tolist() == [1, 2, 3]


def test_facts_without_weight_fill_up_where_the_model_knows_little() -> None:
    parts = {"tenure_days": 0.0, "bug_tickets_91d": 0.0, "nps_last": 0.4, "events_28d": 0.0}
    table = one_account(parts, tenure_days=20.0, bug_tickets_91d=0.0, nps_last=9.0, events_28d=5.0, events_91d=9.0)
    assert table["effect"].tolist() == ["for", "neutral", "neutral"]
    assert table["text"][1] == "For context: A customer for 20 days."


def test_a_reason_that_no_variant_fits_is_told_from_the_card() -> None:
    table = one_account(
        {"list_price_discount": 0.4, "tenure_days": 0.1, "mrr": 0.2}, list_price_discount=0.25, tenure_days=5.0
    )
    assert table["text"].tolist() == [
        "A customer for 5 days.",  # what the playbook can say comes first
        "List price discount: 25%.",
        "Mrr: no value (nothing is known).",
    ]
    assert table["numbers_from"].tolist() == ["tenure_days", "list_price_discount", "mrr"]
    assert table["effect"].tolist() == ["for"] * 3


def test_weak_reasons_beyond_three_are_left_out() -> None:
    parts = dict.fromkeys(["tenure_days", "events_28d", "products", "line_age_days", "active_days_28d"], 0.002)
    values = dict.fromkeys([*parts, "events_91d", "active_days_91d"], 4.0)
    assert len(one_account(parts, **values)) == 3


def test_a_feature_without_a_card_is_refused() -> None:
    with pytest.raises(ModelError, match="moon_phase"):
        one_account({"moon_phase": 0.3})


@pytest.fixture(scope="module")
def many() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = feature_rows(150)
    _, attributions = scored(rows)
    return rows, explain(attributions, rows, CATALOGUE, PLAYBOOK, SETTINGS)


def test_every_account_has_three_reasons_in_order(many: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows, table = many
    counts = table.groupby("account_id").size()
    assert len(counts) == len(rows)
    assert counts.min() >= 3
    assert (table["text"].str.len() >= 10).all()
    for _, own in table.groupby("account_id"):
        assert own["position"].tolist() == list(range(1, len(own) + 1))
        raising = own.loc[own["effect"] == "for", "shap_log_odds"]
        assert raising.is_monotonic_decreasing
        assert (raising > 0).all()


def test_every_number_in_a_sentence_is_found_in_the_feature_row(many: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows, table = many
    values = rows.set_index("account_id")
    constants = {"5", "7", "28", "91", "182", "210", "365", "456", "10", "0", "80"}  # windows and scales
    for row in table.itertuples():
        own = values.loc[row.account_id, [name for name in row.numbers_from.split(",") if name]].dropna()
        said = set(constants)
        for form in ("count", "percent", "size", "points", "money", "number", "span"):
            template = Template.parse("".join(f"{{{name}:{form}}} " for name in own.index))
            text = template.render({name: np.array([float(own[name])]) for name in own.index}, 1, "$")[0]
            said |= set(re.findall(r"\d[\d,.]*\d|\d", text))
        told = re.findall(r"\d[\d,.]*\d|\d", row.text)
        assert set(told) <= said, row.text


def test_row_order_changes_nothing() -> None:
    rows = feature_rows(50)
    _, attributions = scored(rows)
    order = np.random.default_rng(0).permutation(50)
    turned = explain(attributions.iloc[order], rows.iloc[order], CATALOGUE, PLAYBOOK, SETTINGS)
    straight = explain(attributions, rows, CATALOGUE, PLAYBOOK, SETTINGS)
    turned = turned.sort_values(["account_id", "position"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(turned, straight.sort_values(["account_id", "position"]).reset_index(drop=True))


def test_five_thousand_accounts_take_about_a_second() -> None:
    rows = feature_rows(5_000)
    _, attributions = scored(rows)
    began = time.process_time()
    table = explain(attributions, rows, CATALOGUE, PLAYBOOK, SETTINGS)
    assert time.process_time() - began < 5  # about 0.5 when the machine is idle
    assert table["account_id"].nunique() == 5_000
