import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.contract.details import DETAILS
from data.contract.feature_card import OWN_TABLE, Direction, FeatureCard
from data.contract.outputs import REASONS
from data.errors import ModelError
from features.definitions.custom import own_card
from serving.reasons.choose import explain
from serving.reasons.fallback import SHORTEST_SENTENCE, card_sentence
from serving.reasons.playbook import load
from serving.reasons.render import ReasonContext
from serving.settings import ReasonSettings
from serving.verify.reasons import check_sentences
from tests.serving.world import CATALOGUE, DAY, PLAYBOOK, feature_rows, scored

SETTINGS = ReasonSettings()
CONTEXT = ReasonContext(CATALOGUE, PLAYBOOK, "$")


def one_account(
    parts: dict[str, float],
    catalogue: dict[str, FeatureCard] = CATALOGUE,
    peaks: bool = False,
    muted: frozenset[str] = frozenset(),
    **values: object,
) -> pd.DataFrame:
    """The reasons of one account with these attributions, feature values (else missing) and details."""
    attributions = pd.DataFrame([{"snapshot_date": DAY, "account_id": "a", "base_log_odds": -2.0, **parts}])
    known = {name: value for name, value in values.items() if name not in DETAILS}
    named = {name: value for name, value in values.items() if name in DETAILS}
    rows = pd.DataFrame([{"account_id": "a", "snapshot_date": DAY, **dict.fromkeys(parts, np.nan), **known}])
    details = pd.DataFrame([{"account_id": "a", **named}])
    context = ReasonContext(catalogue, PLAYBOOK, "$", peaks, muted=muted)
    return explain(attributions, rows, context, SETTINGS, details=details).reasons


def said(feature: str, log_odds: float = 0.5, peaks: bool = False, **values: object) -> str:
    """The sentence of one reason, told of an account with these values."""
    return str(one_account({feature: log_odds}, peaks=peaks, **values)["text"][0])


SEATS = {"seats": 50.0, "active_users_28d": 46.0, "seat_utilization_28d": 0.92, "seat_utilization_change_91d": 0.12}


def test_features_that_tell_one_story_are_added_up_strongest_first() -> None:
    parts = {"seat_utilization_28d": 0.2, "seats_free": 0.5, "seat_utilization_change_91d": -0.1, "tenure_days": 0.3}
    table = one_account(parts, tenure_days=612.0, **SEATS)
    assert table["reason_code"].tolist()[:2] == ["seats_in_use", "tenure"]
    assert table["features"][0] == "seats_free,seat_utilization_28d,seat_utilization_change_91d"
    assert table["shap_log_odds"][0] == pytest.approx(0.2 + 0.5 - 0.1)
    assert table["text"][0] == "46 of 50 seats in use this month."  # the rise speaks against it: it is not told
    assert table["text"][1] == "A customer for 20 months."
    assert table["numbers_from"][0] == "active_users_28d,seats,seat_utilization_28d"
    assert list(table.columns) == list(REASONS.names)


def test_a_reason_is_a_row_of_what_its_sentence_rests_on() -> None:
    parts = {"seat_utilization_28d": 0.5, "active_users_growth_28d": 0.1}
    row = one_account(parts, active_users_growth_28d=8 / 38, **SEATS).iloc[0]
    assert row["text"] == "46 of 50 seats in use this month, up from 38 last month."
    assert (row["feature"], row["value"]) == ("active_users_28d", 46.0)
    assert (row["comparator"], row["comparator_value"]) == ("seats", 50.0)
    assert row["as_of"] == date(2026, 9, 30)
    stated = dict(zip(row["numbers_from"].split(","), row["numbers"], strict=True))
    assert stated == {
        "active_users_28d": 46.0, "seats": 50.0, "active_users_growth_28d": 8 / 38, "seat_utilization_28d": 0.92,
    }  # fmt: skip
    assert pd.isna(row["named"])


def test_what_a_sentence_names_stands_beside_its_numbers() -> None:
    row = one_account(
        {"gated_requests_182d": 0.5},
        gated_requests_182d=1.0,
        gated_feature_asked="sso",
        gated_asked_on=date(2026, 8, 3),
        gated_asked_plan="Business",
    ).iloc[0]
    assert row["text"] == "Asked on 3 August about the SSO feature, part of the Business plan."
    assert row["named"] == "gated_asked_on=2026-08-03; gated_feature_asked=sso; gated_asked_plan=Business"
    assert row["numbers_from"] == "gated_requests_182d"
    assert (row["story"], row["shown"]) == ("next_tier", True)
    unnamed = one_account({"gated_requests_182d": 0.5}, gated_requests_182d=1.0).iloc[0]
    assert unnamed["text"] == "1 ticket about the next tier in six months."
    assert pd.isna(unnamed["named"])
    assert not unnamed["shown"]


def test_the_words_of_a_sentence_rest_on_numbers_too() -> None:
    row = one_account({"tickets_91d": 0.5}, tickets_91d=0.0, tickets_open=0.0, tickets_28d=0.0).iloc[0]
    assert row["text"] == "No ticket this quarter, and none is open."
    assert (row["feature"], row["value"], row["numbers_from"]) == ("tickets_91d", 0.0, "tickets_91d,tickets_open")
    assert pd.isna(row["comparator"])
    never = one_account({"days_since_not_now": 0.5}).iloc[0]
    assert never["numbers_from"] == "days_since_not_now"
    assert np.isnan(never["numbers"]).tolist() == [True]


def test_a_text_of_the_teams_own_is_kept_as_it_is() -> None:
    row = one_account({"fit_segment": 0.5}, OWN, fit_segment="  two\nlines ").iloc[0]
    assert (row["feature"], row["value_text"]) == ("fit_segment", "  two\nlines ")
    assert np.isnan(row["value"])
    assert np.isnan(row["numbers"]).tolist() == [True]


@pytest.mark.parametrize(
    ("likeness", "peers", "look_alikes"),
    [
        ((), "other accounts", "other accounts"),
        (("segment",), "similar accounts", "look-alike accounts"),
        (("size", "industry"), "similar accounts", "look-alike accounts"),
        (("industry",), "other accounts", "look-alike accounts"),  # peers are alike in segment and size
    ],
)
def test_peers_are_called_by_what_the_base_knows(likeness: tuple[str, ...], peers: str, look_alikes: str) -> None:
    playbook = load(CATALOGUE, None, likeness)
    parts = pd.DataFrame([{"snapshot_date": DAY, "account_id": "a", "base_log_odds": -2.0,
                           "peers_below_events": 0.5, "look_alikes_top_share": 0.4}])  # fmt: skip
    rows = pd.DataFrame([{"account_id": "a", "snapshot_date": DAY, "peers_below_events": 0.83,
                          "look_alikes_top_share": 0.7}])  # fmt: skip
    assert explain(parts, rows, ReasonContext(CATALOGUE, playbook, "$"), SETTINGS).reasons["text"].tolist() == [
        f"Uses the product more than 83% of {peers} do.",
        f"70% of {look_alikes} own a product that this account does not.",
    ]


def test_nobody_registered_is_shown_as_no_reason() -> None:
    parts = {"registered_users": 0.5, "tenure_days": 0.1, "products": 0.1, "line_age_days": 0.1}
    values = {"registered_users": 0.0, "seats": 9.0, "tenure_days": 9.0, "products": 1.0, "line_age_days": 9.0}
    table = one_account(parts, **values)
    assert table.set_index("reason_code")["text"]["invitations"] == "No user is registered."
    assert not table["shown"].any()
    against = one_account({**parts, "registered_users": -0.5}, **values)
    assert "Against: No user is registered." in set(against["text"])


@pytest.mark.parametrize(
    ("feature", "values", "sentence"),
    [
        ("mrr_growth_365d", {"mrr": 1447.0, "mrr_growth_365d": 323 / 1124},
         "Pays $1,447 a month, up from $1,124 a year ago."),
        ("seats_growth_365d", {"seats": 40.0, "seats_growth_365d": -0.2}, "40 seats, down from 50 a year ago."),
        ("events_growth_28d", {"events_28d": 44.0, "events_growth_28d": -2 / 46},
         "44 events this month, down from 46 last month."),
        ("billed_growth_91d", {"billed_91d": -5.0, "billed_growth_91d": -1.5},
         "-$5 billed this quarter, 150% down on the quarter before."),
    ],
)  # fmt: skip
def test_what_a_number_grew_from_is_stated_where_it_can_be_derived(
    feature: str, values: dict[str, float], sentence: str
) -> None:
    assert said(feature, **values) == sentence


def test_reasons_against_follow_marked_as_such_and_fill_up_to_three() -> None:
    parts = {"tenure_days": 0.3, "bug_tickets_91d": -0.4, "nps_last": -0.6, "tickets_28d": -0.1, "mrr": -0.05}
    table = one_account(
        parts, tenure_days=20.0, bug_tickets_91d=1.0, nps_last=3.0, mrr=10.0, seats=2.0,
        tickets_28d=0.0, tickets_91d=2.0, tickets_open=1.0, nps_on=date(2026, 7, 4), days_since_nps=88.0,
    )  # fmt: skip
    assert table["effect"].tolist() == ["for", "against", "against"]
    assert table["text"].tolist() == [
        "A customer for 20 days.",
        "Against: Gave us 3 out of 10 in the NPS survey of July 2026.",
        "Against: 1 bug was reported this quarter.",
    ]
    assert table["position"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("days", "shown"), [(275, True), (276, False)])
def test_an_answer_of_long_ago_stands_in_the_table_alone(days: int, shown: bool) -> None:
    answered = {"nps_on": date(2026, 9, 30) - timedelta(days=days), "days_since_nps": float(days)}
    row = one_account({"nps_last": 0.6}, nps_last=9.0, **answered).iloc[0]
    assert row["shown"] == shown
    in_table = "The last answer to the promoter question (NPS) was 9 of 10."
    assert row["text"] == ("Gave us 9 out of 10 in the NPS survey of December 2025." if shown else in_table)


def test_facts_without_weight_fill_up_where_the_model_knows_little() -> None:
    parts = {"tenure_days": 0.0, "bug_tickets_91d": 0.0, "nps_last": 0.4, "events_28d": 0.0}
    table = one_account(parts, tenure_days=20.0, bug_tickets_91d=0.0, nps_last=9.0, events_28d=5.0, events_91d=9.0)
    assert table["effect"].tolist() == ["for", "neutral", "neutral"]
    assert table["text"][1] == "For context: A customer for 20 days."


def test_that_what_is_not_known_is_missing_is_no_reason() -> None:
    parts = {"days_to_first_value": 0.5, "days_since_first_use": 0.0}
    assert "No use of the product is known." in one_account(parts)["text"][0]
    muted = frozenset({"days_since_first_use"})
    assert "use of the product" not in one_account(parts, muted=muted)["text"][0]
    told = one_account(parts, muted=muted, days_to_first_value=12.0)["text"][0]
    assert "The first milestone came 12 days after the first contract." in told


def test_a_reason_that_no_variant_fits_is_told_from_the_card() -> None:
    table = one_account({"stickiness_28d": 0.4, "tenure_days": 0.1, "mrr": 0.2}, stickiness_28d=0.25, tenure_days=5.0)
    assert table["text"].tolist() == [
        "Stickiness 28d: 25%.",
        "Mrr: no value (nothing is known).",
        "A customer for 5 days.",
    ]
    assert table["numbers_from"].tolist() == ["stickiness_28d", "mrr", "tenure_days"]
    assert not table["shown"].any()
    assert table["effect"].tolist() == ["for"] * 3


def own(name: str, label: str) -> FeatureCard:
    return FeatureCard(
        name, label, "as the team gave it", Direction.UNKNOWN, "not given in the latest row", f"own_{name}", False,
        (OWN_TABLE,),
    )  # fmt: skip


OWN = {**CATALOGUE, "fit_segment": own("fit_segment", "fit segment"), "health": own("health", "health score")}


@pytest.mark.parametrize(
    ("segment", "health", "sentences"),
    [
        ("core", 71.0, ["Its fit segment is core.", "Health score: 71."]),
        ("  two\nlines ", 71.25, ["Its fit segment is two lines.", "Health score: 71.2."]),
        ("x" * 200, 0.0421, [f"Its fit segment is {'x' * 77}...", "Health score: 0.042."]),
        (
            None,
            np.nan,
            [f"{label}: no value (not given in the latest row)." for label in ("Fit segment", "Health score")],
        ),
        ("", -12345.0, ["Fit segment: no value (not given in the latest row).", "Health score: -12,345."]),
        ("{seats:count}", 1.0, ["Its fit segment is {seats:count}.", "Health score: 1."]),
    ],
)
def test_a_feature_of_the_teams_own_is_stated_by_name_and_value(
    segment: str | None, health: float, sentences: list[str]
) -> None:
    parts = {"fit_segment": 0.5, "health": 0.3}
    table = one_account(parts, OWN, fit_segment=segment, health=health)
    table = table.sort_values("reason_code")  # what can be said comes first
    assert table["text"].tolist() == sentences
    assert table["reason_code"].tolist() == ["own_fit_segment", "own_health"]
    assert table["title"].tolist() == ["Fit segment", "Health score"]
    assert table["numbers_from"].tolist() == ["fit_segment", "health"]
    assert not table["actionable"].any()
    against = one_account({"fit_segment": -0.5}, OWN, fit_segment="core")
    assert against["text"].tolist() == ["Against: Its fit segment is core."]


@pytest.mark.parametrize(
    ("segment", "is_shown"),
    [
        ("core", True),
        ("mid_market", True),
        ("Zürich", True),
        ("日本", True),
        ("B", False),
        ("T2", False),
        ("A-1 / b", False),
    ],
)
def test_a_bare_code_of_the_teams_own_is_kept_and_shown_to_no_csm(segment: str, is_shown: bool) -> None:
    row = one_account({"fit_segment": 0.5}, OWN, fit_segment=segment).iloc[0]
    assert row["text"] == f"Its fit segment is {segment}."
    assert row["shown"] == is_shown


def test_a_playbook_may_give_a_code_of_the_teams_own_its_words(tmp_path: Path) -> None:
    playbook = tmp_path / "own.toml"
    playbook.write_text(
        """
        [reasons.own_fit_segment]
        title = "Fit segment"
        for = [{ text = "Is one of our best fits: segment {fit_segment:name}." }]
        against = []
        texts = [{ text = "In segment {fit_segment:name}." }]
        """
    )
    parts = pd.DataFrame([{"snapshot_date": DAY, "account_id": "a", "base_log_odds": -2.0, "fit_segment": 0.5}])
    rows = pd.DataFrame([{"account_id": "a", "snapshot_date": DAY, "fit_segment": "T2"}])
    context = ReasonContext(OWN, load(OWN, playbook), "$")
    told = explain(parts, rows, context, SETTINGS).reasons
    row = told.iloc[0]
    assert (row["text"], row["shown"]) == ("Is one of our best fits: segment T2.", True)
    assert (row["numbers_from"], row["feature"], row["value_text"]) == ("fit_segment", "fit_segment", "T2")
    assert np.isnan([row["value"], *row["numbers"]]).all()
    assert list(check_sentences(told, rows, parts, context)) == []


@pytest.mark.parametrize(("included", "is_shown"), [(0.0, True), (1.0, False), (None, True)])
def test_a_request_for_what_the_plan_includes_is_no_reason_to_buy(included: float | None, is_shown: bool) -> None:
    asked = {"request_feature": "sso", "requested_on": date(2026, 8, 3), "request_included": included}
    row = one_account({"feature_requests_182d": 0.5}, feature_requests_182d=1.0, **asked).iloc[0]
    requested = "Requested the SSO feature on 3 August."
    assert (row["text"], row["shown"]) == (requested if is_shown else "1 feature request in six months.", is_shown)


def test_a_request_is_told_where_nothing_is_known_of_what_plans_include() -> None:
    """A base without `plan_features`."""
    asked = {"request_feature": "sso", "requested_on": date(2026, 8, 3)}
    row = one_account({"feature_requests_182d": 0.5}, feature_requests_182d=1.0, **asked).iloc[0]
    assert (row["text"], row["shown"]) == ("Requested the SSO feature on 3 August.", True)
    assert row["named"] == "request_feature=sso; requested_on=2026-08-03"


def test_a_feature_of_the_teams_own_takes_its_place_by_weight() -> None:
    weights = {"tenure_days": 0.1, "products": 0.2, "line_age_days": 0.3, "events_28d": 0.4, "active_days_28d": 0.5}
    values = dict.fromkeys([*weights, "events_91d", "active_days_91d"], 4.0)
    table = one_account(
        {**weights, "fit_segment": 0.25, "health": -0.6}, OWN, fit_segment="core", health=12.0, **values
    )
    assert table["reason_code"].tolist() == [
        "usage_regularity", "usage_level", "contract_cycle", "own_fit_segment", "product_breadth", "own_health",
    ]  # fmt: skip
    assert table["text"].tolist()[-1] == "Against: Health score: 12."
    unknown = one_account({**weights, "fit_segment": 0.25}, OWN, fit_segment=None, **values)
    assert "own_fit_segment" not in set(unknown["reason_code"])


def test_texts_and_numbers_of_the_teams_own_go_side_by_side_row_by_row() -> None:
    rows = pd.DataFrame(
        {
            "account_id": ["a", "b", "c"],
            "snapshot_date": DAY,
            "fit_segment": ["core", None, "edge"],
            "health": [1.0, 2, 3],
        }
    )
    parts = rows[["account_id", "snapshot_date"]].assign(base_log_odds=-2.0, health=0.1, fit_segment=[0.2, 0.2, -0.2])
    table = explain(parts, rows.astype({"fit_segment": "str"}), ReasonContext(OWN, PLAYBOOK, "$"), SETTINGS).reasons
    texts = table[table["reason_code"] == "own_fit_segment"].set_index("account_id")["text"].to_dict()
    assert texts == {
        "a": "Its fit segment is core.",
        "b": "Fit segment: no value (not given in the latest row).",
        "c": "Against: Its fit segment is edge.",
    }


@pytest.mark.parametrize("name", ["a", "日本", "fit", "nps", "health", "segment"])
@pytest.mark.parametrize("value", [88.0, 8.0, 0.5, None, "x", "."])
def test_a_sentence_about_a_measure_under_a_short_name_says_whose_it_is(name: str, value: float | str | None) -> None:
    said = card_sentence(own_card(name), value, "$")
    assert len(said) >= SHORTEST_SENTENCE
    assert said.startswith("Your own measure ") == (len(name) < 7)


def test_a_short_measure_reads_plainly() -> None:
    assert card_sentence(own_card("fit"), 88.0, "$") == "Your own measure fit: 88."
    assert card_sentence(own_card("fit_segment"), "core", "$") == "Its fit segment is core."


LIMIT = {"limit_feature": "api_calls", "limit_amount": 1000.0, "limit_plans": 1.0, "limit_product": "core"}
TOP = {"top_feature": "sso", "second_top_feature": "boards", "third_top_feature": "forms"}
ADOPTED = {"plan_features_used": 12.0, "plan_features_included": 15.0}
OWNED = {"main_product": "CRM", "second_product": "Chat", "third_product": "Calls"}
ROOM = {"seats_per_employee": 0.13, "seats": 12.0, "employees": 90.0}
ONCE = {"expansions": 1.0, "expansions_365d": 1.0, "expanded_product": "CRM", "expanded_on": date(2026, 3, 2)}
KINDS = {f"last_expansion_was_{motion}": 0.0 for motion in ("seat", "upsell", "cross_sell")}
YEAR = {"billed_365d": 900.0, "tenure_days": 365.0}
BILLED = {"billed_product_91d": "Chat", "second_billed_product_91d": "Calls"}
OF_TWO = {**LIMIT, "limit_plans": 2.0, "second_limit_product": "insights"}
QUIET_MONTH = {**SEATS, "seat_utilization_28d": 0.24, "active_users_28d": 12.0, "active_users_91d": 45.0}
GATED = {"gated_features_used_91d": 2.0, "next_plan_used": 2.0, "next_plan_features": 5.0, "next_plan": "Pro",
         "gated_feature_used": "sso"}  # fmt: skip
REQUESTS = {"feature_requests_182d": 3.0, "request_feature": "sso", "requested_on": date(2026, 8, 3)}
ON_TOP = {"tiers_above": 0.0, "tier": 3.0, "products": 1.0, "main_product": "CRM", "plan_1": "Team"}
EMPTY_SEATS = {"seats": 40.0, "seat_excess_months": 0.0, "seats_growth_365d": 0.0, "days_since_first_use": 365.0}


@pytest.mark.parametrize(
    ("feature", "values", "sentence"),
    [
        ("mrr_growth_365d", {"mrr": 100.0, "tenure_days": 364.0}, "MRR is $100; there is no MRR of a year ago."),
        ("events_growth_28d", {"events_28d": 0.0, "events_growth_28d": -1.0},
         "No event this month; there were events last month."),
        ("events_growth_28d", {"events_28d": 0.0, "events_91d": 4.0}, "No event this month, nor last month."),
        ("events_against_baseline", {"events_28d": 0.0, "events_against_baseline": -1.0},
         "No event this month; there were events in the half year before."),
        ("limit_share_max_28d", {"limit_share_max_28d": 1.99},
         "At this month's pace, 199% of the nearest limit is used."),  # which limit it is, is not known
        ("limit_share_max_28d", {"limit_share_max_28d": 1.99, "limit_pace": 1990.0, **LIMIT},
         "On pace for 1,990 API calls a month; its core plan includes 1,000."),
        ("limit_share_max_28d", {"limit_share_max_28d": 2.0, "limit_pace": 2000.0, **LIMIT},
         "On pace for 2,000 API calls a month; its core plan includes 1,000."),
        ("limit_share_max_28d", {"limit_share_max_28d": 21.4, "limit_pace": 21400.0, **LIMIT},
         "On pace for 21,400 API calls a month; its core plan includes 1,000."),
        ("limit_share_max_28d", {"limit_share_max_28d": 0.891, "limit_level": 891.0, **LIMIT},
         "Uses 891 of the 1,000 API calls in its core plan."),
        ("limit_share_max_28d", {"limit_share_max_28d": 0.05, "limit_level": 50.0, **LIMIT},
         "Uses 50 of the 1,000 API calls in its core plan."),
        ("limit_share_max_28d", {"limit_share_max_28d": 3.0, "limit_level": 3000.0, **LIMIT},
         "Uses 3,000 of the 1,000 API calls in its core plan."),
        ("days_to_limit", {"limit_share_max_28d": 0.98, "days_to_limit": 60.0, "limit_in_days": 120.0,
                           "limit_level": 980.0, **LIMIT},
         "Reaches the 1,000 API calls of its core plan in 4 months as it grows."),
        ("days_to_limit", {"limit_share_max_28d": 0.98, "days_to_limit": 120.0, "limit_in_days": 120.0, **LIMIT},
         "Reaches the 1,000 API calls of its core plan in 4 months as it grows."),
        ("days_to_limit", {"limit_share_max_28d": 0.98, "days_to_limit": 60.0, "limit_in_days": 121.0, **LIMIT},
         "At 98% of the 1,000 API calls in its core plan this month."),
        ("limit_share_max_28d", {"limit_share_max_28d": 2.0, "limit_pace": 2000.0, **OF_TWO},
         "On pace for 2,000 API calls a month; its core and insights plans include 1,000 together."),
        ("limit_share_max_28d", {"limit_share_max_28d": 2.0, "limit_pace": 2000.0, **LIMIT, "limit_plans": 2.0},
         "On pace for 2,000 API calls a month; its core plans include 1,000 together."),
        ("limit_share_max_28d", {"limit_share_max_28d": 2.0, "limit_pace": 2000.0, **OF_TWO, "limit_plans": 3.0},
         "On pace for 2,000 API calls a month; its core and other plans include 1,000 together."),
        ("limit_share_max_28d", {"limit_share_max_28d": 0.9, "limit_level": 900.0, **OF_TWO},
         "Uses 900 of the 1,000 API calls in its core and insights plans."),
        ("products", {"products": 2.0, "products_not_owned": 1.0, **OWNED}, "Has two of our products: CRM and Chat."),
        ("products", {"products": 2.0, "products_not_owned": 1.0, "unowned_product": "Calls", **OWNED},
         "Has CRM and Chat; Calls is left to add."),
        ("products", {"products": 2.0, "products_not_owned": 2.0, "unowned_product": "Calls",
                      "second_unowned_product": "Mail", **OWNED},
         "Has CRM and Chat; Calls and Mail are left to add."),
        ("products", {"products": 3.0, "products_not_owned": 1.0, **OWNED},
         "Has three of our products: CRM, Chat and Calls."),
        ("products", {"products": 4.0, "products_not_owned": 1.0, **OWNED},
         "Has 4 of our products, CRM, Chat and Calls among them."),
        ("teams_new_91d", {"teams_new_91d": 2.0, "new_team": "Sales", "second_new_team": "Legal"},
         "People from 2 new teams, Sales and Legal, were added this quarter."),
        ("features_new_91d", {"features_new_91d": 2.0, "new_feature": "forms", "second_new_feature": "boards"},
         "Began to use the forms and boards features this quarter."),
        ("features_new_91d", {"features_new_91d": 1.0, "new_feature": "forms"},
         "Began to use the forms feature this quarter."),
        ("features_included_share_91d",
         {"features_included_share_91d": 0.8, "plan_1": "Team", "plan_2": "Standard", **ADOPTED},
         "Uses 12 of the 15 features in its Team and Standard plans."),
        ("features_included_share_91d",
         {"features_included_share_91d": 0.8, "plan_1": "Team", "plan_product_1": "CRM", "plan_2": "Team",
          "plan_product_2": "Chat", **ADOPTED},
         "Uses 12 of the 15 features in its CRM Team and Chat Team plans."),
        ("features_included_share_91d",
         {"features_included_share_91d": 0.8, "plan_1": "Team", **ADOPTED},
         "Uses 12 of the 15 features in its Team plan."),
        ("months_of_gated_use", {"months_of_gated_use": 2.0, "gated_feature_used": "approvals",
                                 "gated_used_plan": "Business", "products": 1.0},
         "Used features of the Business plan in 2 of the last six months, most recently approvals."),
        ("months_of_gated_use", {"months_of_gated_use": 1.0, "gated_feature_used": "approvals"},
         "Features of the next tier were used in 1 of the last six months."),
        ("billed_91d", {"billed_91d": 400.0, "products_billed_91d": 2.0, **BILLED},
         "Was billed about $400 for Chat and Calls this quarter."),
        ("billed_365d", {**YEAR, "top_product_share_365d": 0.6, "billed_product": "CRM"},
         "Was billed about $900 over the year, mostly for CRM."),
        ("billed_365d", {**YEAR, "top_product_share_365d": 0.4, "billed_product": "CRM"},
         "Was billed about $900 over the year."),
        ("billed_365d", {**YEAR, "tenure_days": 364.0}, "Billed 365d: $900."),  # not a year yet
        ("billed_365d", {**YEAR, "billed_growth_91d": -0.06}, "Was billed about $900 over the year."),
        ("billed_365d", {**YEAR, "billed_against_last_year": -0.06}, "Billed 365d: $900."),  # no plus before a fall
        ("users_created_91d", {"users_created_91d": 4.0, "users_created_28d": 4.0}, "4 users were added this month."),
        ("users_created_91d", {"users_created_91d": 5.0, "users_created_28d": 4.0},
         "5 users were added this quarter, 4 of them this month."),
        ("users_created_91d", {"users_created_91d": 1.0, "users_created_28d": 0.0}, "1 user was added this quarter."),
        ("seats_per_employee", {**ROOM, "seat_utilization_28d": 0.8},
         "12 seats for 90 employees: there is room for more."),
        ("seats_per_employee", {**ROOM, "seat_utilization_28d": 0.79},
         "90 employees and 12 seats: 13% of the company has a seat."),  # seats stand empty
        ("csat_182d", {"csat_182d": 4.5, "rated_tickets": 3.0},
         "Rated our support 4.5 out of 5 over the last six months (3 ratings)."),
        ("csat_182d", {"csat_182d": 4.5, "rated_tickets": 2.0}, "CSAT averages 4.5 of 5 over six months."),
        ("csat_182d", {"csat_182d": 4.4, "rated_tickets": 9.0}, "CSAT averages 4.4 of 5 over six months."),
        ("expansions", {**ONCE, **KINDS, "last_expansion_was_upsell": 1.0, "tier": 2.0},
         "Has expanded once before, by moving to a higher CRM plan on 2 March 2026."),
        ("expansions", {**ONCE, **KINDS, "last_expansion_was_upsell": 1.0},
         "Has expanded once before, in CRM on 2 March 2026."),
        ("expansions", {**ONCE, **KINDS, "last_expansion_was_seat": 1.0, "last_expansion_was_upsell": 1.0, "tier": 2.0},
         "Has expanded once before, in CRM on 2 March 2026."),  # two of one day: its product may be that of the other
        ("expansions", {**ONCE, **KINDS, "last_expansion_was_seat": 1.0},
         "Has expanded once before, by adding CRM seats on 2 March 2026."),
        ("teams_new_91d", {"teams_new_91d": 1.0, "new_team": "Sales", "new_team_users": 2.0},
         "2 people from a new team, Sales, were added this quarter."),
        ("teams_new_91d", {"teams_new_91d": 1.0, "new_team": "Sales", "new_team_users": 1.0},
         "The first user from Sales was added this quarter."),
        ("milestones_365d", {"milestones_365d": 1.0, "milestone_on": date(2026, 4, 2), "days_since_milestone": 183.0},
         "1 milestone was reached within a year."),
        ("spike_after_slow_quarter", {"spike_after_slow_quarter": 0.14, "events_28d": 50.0},
         "50 events this month, 14% above the pace of the slow quarter before."),
        ("events_weekly_slope_91d", {"events_weekly_slope_91d": 0.02, "events_91d": 50.0, "events_growth_91d": -0.01,
                                     "events_growth_28d": 0.1},
         "From week to week, use rose by about 2% of the quarter's weekly mean."),  # the quarter fell
        ("events_weekly_slope_91d", {"events_weekly_slope_91d": 0.02, "events_91d": 50.0, "events_growth_91d": 0.05,
                                     "events_growth_28d": 0.1},
         "Use has been rising: this quarter it was 5% above the quarter before."),
        ("events_weekly_slope_91d", {"events_weekly_slope_91d": 0.02, "events_91d": 50.0, "events_growth_91d": 0.04,
                                     "events_growth_28d": 0.1},
         "From week to week, use rose by about 2% of the quarter's weekly mean."),  # too little to be called so
        ("events_acceleration_28d", {"events_acceleration_28d": 0.1, "events_growth_28d": 0.15},
         "Use grew by 15% this month, faster than the month before."),
        ("events_acceleration_28d", {"events_acceleration_28d": 0.4, "events_growth_28d": 0.23},
         "Use picked up again this month: 23% above last month."),  # the month before it fell
        ("events_against_last_year_28d", {"events_against_last_year_28d": 0.33, "events_28d": 40.0,
                                          "events_growth_91d": -0.19},
         "40 events this month, up from 30 a year ago."),  # no plus while the quarter falls
        ("billed_slope_364d", {"billed_slope_364d": 0.05, "billed_365d": 42_215.0, "tenure_days": 900.0,
                               "billed_against_last_year": 2.0},
         "Billing has risen over the year."),  # nothing was billed in the quarter before: it came back
        ("budget_opened_182d", {"budget_opened_182d": 1.0, "budget_on": date(2026, 9, 1), "budget_name": "reporting",
                                "budget_amount": 4_100.0},
         "Opened a new budget of $4,100 for reporting on 1 September."),
        ("last_expansion_was_seat", {**KINDS, **ONCE, "last_expansion_was_seat": 1.0, "expanded_seats": 14.0},
         "Added 14 CRM seats on 2 March 2026."),
        ("last_expansion_was_seat", {**KINDS, **ONCE, "last_expansion_was_seat": 1.0, "expanded_seats": 1.0,
                                     "days_since_expansion": 60.0, "days_since_contraction": 41.0},
         "The last expansion was more seats."),  # given back since
        ("billed_growth_91d", {"billed_91d": 361.0, "billed_growth_91d": -0.17, "days_since_ended": 23.0},
         "$361 billed this quarter, down from $435 the quarter before."),  # what is still billed is not known yet
        ("other_domain_users_91d", {"other_domain_users_91d": 3.0, "new_domain": "x.example", "new_domain_users": 3.0},
         "3 users with outside e-mail addresses (all at x.example) were added this quarter."),
        ("other_domain_users_91d", {"other_domain_users_91d": 3.0, "new_domain": "x.example", "new_domain_users": 2.0},
         "3 users with outside e-mail addresses were added this quarter (2 of them at x.example)."),
        ("events_per_user_28d", {"events_per_user_28d": 35.0, "active_users_28d": 1.0},
         "35 events for each active user this month."),
        ("events_per_user_28d", {"events_per_user_28d": 35.0, "active_users_28d": 2.0},
         "35 events for each active user this month."),
        ("look_alikes_top_share", {"look_alikes_top_share": 0.7},
         "70% of look-alike accounts own a product that this account does not."),
        ("look_alikes_top_share", {"look_alikes_top_share": 0.7, "look_alike_product": "Chat"},
         "70% of look-alike accounts own Chat."),
        ("peers_below_mrr", {"peers_below_mrr": 0.83, "mrr": 400.0},
         "MRR is $400, more than that of 83% of similar accounts."),  # its size is no reason to act
        ("peers_below_mrr", {"peers_below_mrr": 0.12, "mrr": 400.0},
         "MRR is $400, more than that of 12% of similar accounts."),
        ("months_full_in_a_row", {"seats": 50.0, "seat_excess_months": 0.4, "months_full_in_a_row": 2.0},
         "95% or more of its 50 seats were in use in each of the last 2 months."),
        ("months_full_in_a_row", {"seats": 50.0, "seat_excess_months": 0.4, "months_full_in_a_row": 1.0},
         "95% or more of today's 50 seats in use in the last whole month."),
        ("seat_excess_months", {"seats": 50.0, "seat_excess_months": 0.0, "days_since_first_use": 365.0},
         "In no month of the last year were more than 80% of today's seats in use."),
        ("seat_excess_months", {"seats": 50.0, "seat_excess_months": 0.0, "days_since_first_use": 364.0},
         "In no month of known use were more than 80% of today's seats in use."),
        ("seat_excess_months", {"seats": 50.0, "seat_excess_months": 0.4, "months_full_in_a_row": 0.0},
         "In some months of the last year more than 80% of today's seats were in use."),
        ("seat_utilization_28d", {**SEATS, "seat_utilization_28d": 0.7, "active_users_28d": 35.0},
         "35 of 50 seats in use this month."),
        ("seat_utilization_28d", {**SEATS, "seat_utilization_28d": 0.68, "active_users_28d": 34.0},
         "34 active on 50 seats this month."),  # nothing to act on
        ("seat_utilization_change_91d", QUIET_MONTH,
         "45 of 50 seats in use this quarter, 12 points more than the quarter before."),
        ("seat_utilization_change_91d", {**QUIET_MONTH, "active_users_91d": 51.0}, "12 active on 50 seats this month."),
        ("seat_utilization_change_91d", {**QUIET_MONTH, "tenure_days": 181.0}, "12 active on 50 seats this month."),
        ("days_to_first_value", {"days_to_first_value": 1.0},
         "The first milestone came 1 day after the first contract."),
        ("days_to_first_value", {"days_to_first_value": 0.0},
         "The first milestone came on the day of the first contract."),
        ("days_to_first_value", {"days_to_first_value": -10.0}, "The first milestone came before the first contract."),
        ("gated_features_used_91d", GATED, "Has used 2 of the 5 features that Pro adds, most recently SSO."),
        ("gated_features_used_91d", {**GATED, "gated_features_used_91d": 3.0},
         "Has used 2 of the 5 features that Pro adds."),  # the last one may be of another plan
        ("gated_features_used_91d", {**GATED, "next_plan_features": 2.0}, "Has used what Pro adds, most recently SSO."),
        ("gated_features_used_91d", {**GATED, "next_plan_features": 2.0, "gated_features_used_91d": 3.0},
         "Has used what Pro adds."),
        ("feature_requests_182d", REQUESTS,
         "Sent 3 feature requests in six months, one of them about SSO on 3 August."),  # a later one may name none
        ("seat_utilization_28d", {**SEATS, "seat_utilization_28d": 1.0, "active_users_28d": 50.0},
         "All 50 seats in use this month."),
        ("seat_utilization_28d", {**SEATS, "seat_utilization_28d": 1.02, "active_users_28d": 51.0},
         "51 people were active on 50 seats this month."),
    ],
)  # fmt: skip
def test_a_sentence_holds_at_its_edge(feature: str, values: dict[str, object], sentence: str) -> None:
    assert said(feature, **values) == sentence


@pytest.mark.parametrize(
    ("feature", "values", "sentence"),
    [
        ("tiers_above", {**ON_TOP, "tiered_product": "CRM", "tiered_plan": "Pro"},
         "Already has the highest CRM plan, Pro."),  # and pays more for the seats of another
        ("tiers_above", {**ON_TOP, "tier": np.nan}, None),  # a plan that is not on the price list
        ("tiers_above", {**ON_TOP, "products": 2.0}, None),  # of which one may not be on the price list
        ("seat_excess_months", EMPTY_SEATS,
         "In no month of the last year were more than 80% of its present 40 seats in use."),
        ("seat_excess_months", {**EMPTY_SEATS, "most_users_of_a_month": 12.0},
         "At most 12 of its 40 seats were in use in any month of the last year."),
        ("seat_excess_months", {**EMPTY_SEATS, "most_users_of_a_month": 12.0, "days_since_first_use": 364.0}, None),
    ],
)  # fmt: skip
def test_what_speaks_against_an_account_is_shown_where_it_is_known(
    feature: str, values: dict[str, object], sentence: str | None
) -> None:
    row = one_account({feature: -0.5}, **values).iloc[0]
    assert (row["text"] if row["shown"] else None) == (sentence and f"Against: {sentence}")


LIKE = "similar accounts"


@pytest.mark.parametrize(
    ("feature", "log_odds", "values", "sentence", "shown"),
    [
        ("events", 0.5, {"events": 0.83}, f"Uses the product more than 83% of {LIKE} do.", True),
        ("events", 0.5, {"events": 1.0}, f"Uses the product more than almost all {LIKE} do.", True),
        ("features_used", 0.5, {"features_used": 0.9},
         f"Used 16 features this month (SSO, boards, forms and others), more than 90% of {LIKE}.", True),
        ("events", 0.5, {"events": 0.75}, f"Uses the product more than 75% of {LIKE} do.", True),
        ("events", 0.5, {"events": 0.74}, f"More events than 74% of {LIKE}.", False),
        ("seat_utilization", 0.5, {"seat_utilization": 0.0}, f"Of {LIKE}, none has a smaller share of seats in use.",
         False),
        ("features_used", -0.5, {"features_used": 0.1},
         f"Against: Used only 16 features this month, fewer than most {LIKE}.", True),
        ("events_growth", -0.5, {"events_growth": 0.9},
         f"Against: Use is growing faster than at 90% of {LIKE}.", False),
    ],
)  # fmt: skip
def test_a_place_among_peers_is_told_from_the_side_that_fits(
    feature: str, log_odds: float, values: dict[str, float], sentence: str, shown: bool
) -> None:
    places = {f"peers_below_{name}": value for name, value in values.items()}
    row = one_account({f"peers_below_{feature}": log_odds}, **TOP, features_used_28d=16.0, **places).iloc[0]
    assert (row["text"], row["shown"]) == (sentence, shown)


@pytest.mark.parametrize(
    ("growth", "sentence"),
    [
        (0.03, f"Against: Use grew by 3% this quarter, slowly compared with {LIKE}."),
        (-0.12, f"Against: Use fell by 12% this quarter; {LIKE} did better."),
        (0.0, f"Against: Use is growing faster than at 20% of {LIKE}."),
    ],
)
def test_what_fell_is_not_said_to_grow_slowly(growth: float, sentence: str) -> None:
    row = one_account({"peers_below_events_growth": -0.5}, peers_below_events_growth=0.2, events_growth_91d=growth)
    assert (row["text"][0], row["shown"][0]) == (sentence, growth != 0)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (None, "Used the product 359 times this month."),
        (0.6, f"Uses the product more than 60% of {LIKE} do."),
        (0.59, None),
    ],
)
def test_a_level_is_a_reason_where_it_is_no_low_one(place: float | None, told: str | None) -> None:
    values = {} if place is None else {"peers_below_events": place}
    row = one_account({"events_28d": 0.5}, events_28d=359.0, events_91d=900.0, top_feature="boards", **values)
    assert row["shown"][0] == (told is not None)
    assert row["text"][0] == (told or "359 events this month, 900 this quarter.")


@pytest.mark.parametrize(
    ("feature", "values", "sentence"),
    [
        ("seat_utilization_28d", SEATS, "46 of 50 seats in use on the busiest day this month."),
        ("active_users_growth_28d", {"active_users_28d": 46.0, "active_users_growth_28d": 0.1},
         "46 people were active on the busiest day this month, up from 42 last month."),
        ("seat_utilization_change_91d", QUIET_MONTH,
         "45 of 50 seats in use on the busiest day this quarter, 12 points more than the quarter before."),
        ("events_per_user_28d", {"events_per_user_28d": 20.0, "active_users_28d": 46.0},
         "20 events this month for each user of the busiest day."),
    ],
)  # fmt: skip
def test_where_only_daily_counts_are_known_the_busiest_day_is_named(
    feature: str, values: dict[str, float], sentence: str
) -> None:
    assert said(feature, peaks=True, **values) == sentence
    assert "busiest" not in said(feature, **values)


@pytest.mark.parametrize("growth", [-0.3, 0.0, 0.3, np.nan])
@pytest.mark.parametrize("users", [1.0, 8.0, 12.0])
def test_no_sentence_on_the_users_of_a_window_forgets_the_busiest_day(users: float, growth: float) -> None:
    values = {
        "active_users_28d": users, "active_users_91d": 12.0, "seats": 10.0, "seat_utilization_28d": users / 10,
        "seat_utilization_change_91d": growth, "active_users_growth_28d": growth, "events_per_user_28d": 20.0,
    }  # fmt: skip
    for feature in ("seat_utilization_28d", "active_users_28d", "events_per_user_28d"):
        assert "busiest day" in said(feature, peaks=True, **values)
        assert "busiest day" in said(feature, -0.5, peaks=True, **values)
        assert "busiest day" not in said(feature, **values)


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
    return rows, explain(attributions, rows, CONTEXT, SETTINGS).reasons


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


def test_row_order_changes_nothing() -> None:
    rows = feature_rows(50)
    _, attributions = scored(rows)
    order = np.random.default_rng(0).permutation(50)
    turned = explain(attributions.iloc[order], rows.iloc[order], CONTEXT, SETTINGS).reasons
    straight = explain(attributions, rows, CONTEXT, SETTINGS).reasons
    turned = turned.sort_values(["account_id", "position"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(turned, straight.sort_values(["account_id", "position"]).reset_index(drop=True))


def test_five_thousand_accounts_take_about_a_second() -> None:
    rows = feature_rows(5_000)
    _, attributions = scored(rows)
    began = time.process_time()
    table = explain(attributions, rows, CONTEXT, SETTINGS).reasons
    assert time.process_time() - began < 5  # about 0.5 when the machine is idle
    assert table["account_id"].nunique() == 5_000
