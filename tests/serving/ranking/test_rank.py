from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.contract.details import DETAILS
from data.errors import PublishError
from serving.settings import ServingSettings
from tests.serving.world import CATALOGUE, DAY, PLAYBOOK, SETTINGS, accounts, assemble, feature_rows, scored, snapshot

GOOD = {
    "tenure_days": 400.0, "days_since_first_use": 390.0, "mrr": 500.0, "seats": 10.0, "tiers_above": 1.0,
    "products_not_owned": 1.0, "seat_utilization_28d": 0.9, "features_included_share_91d": 0.9,
}  # fmt: skip


def assembled(*people: dict[str, object], parts: dict[str, float] | None = None, rank_by: str = "propensity"):
    """Accounts a, b, c, ... with these scores, details and, over ``GOOD``, feature values; equal attributions."""
    parts = parts or {"tenure_days": 0.3, "mrr": 0.2, "seats_free": 0.1}
    ids = [chr(ord("a") + number) for number in range(len(people))]
    score_names = ("propensity", "expected_arr", "propensity_seat", "propensity_upsell", "propensity_cross_sell")
    total = -2.0 + sum(parts.values())
    scores = pd.DataFrame({"account_id": ids, "log_odds": total, "base_log_odds": -2.0})
    for name in score_names:
        scores[name] = [float(person.get(name, np.nan)) for person in people]
    scores = scores.fillna({"propensity": 0.2, "expected_arr": 100.0})
    rows = pd.DataFrame(
        [
            {**dict.fromkeys(parts, np.nan), **GOOD, **{k: v for k, v in person.items() if k in CATALOGUE}}
            for person in people
        ],
        dtype=float,
    )
    rows.insert(0, "account_id", ids)
    named = pd.DataFrame([{k: v for k, v in person.items() if k in DETAILS} for person in people]).assign(
        account_id=ids
    )
    return assemble(
        DAY,
        scores,
        pd.DataFrame({"account_id": ids, "base_log_odds": -2.0, **parts}),
        rows,
        pd.DataFrame({"account_id": ids, "name": ids, "owner": [person.get("owner") for person in people]}),
        catalogue=CATALOGUE,
        playbook=PLAYBOOK,
        settings=ServingSettings(rank_by=rank_by),
        model_version="m/1",
        run_id="r",
        named=named,
    )


def ranks(made) -> dict[str, object]:
    return {row.account_id: (None if pd.isna(row.rank) else row.rank) for row in made.scores().itertuples()}


def test_the_likelier_come_first_and_ties_are_broken_by_arr_and_then_by_id() -> None:
    made = assembled(
        {"propensity": 0.2, "expected_arr": 10},
        {"propensity": 0.3, "expected_arr": 5},
        {"propensity": 0.2, "expected_arr": 20},
        {"propensity": 0.2, "expected_arr": 10},
    )
    assert ranks(made) == {"a": 3, "b": 1, "c": 2, "d": 4}


def test_the_list_can_be_ranked_by_expected_arr() -> None:
    made = assembled(
        {"propensity": 0.2, "expected_arr": 10}, {"propensity": 0.3, "expected_arr": 5}, rank_by="expected_arr"
    )
    assert ranks(made) == {"a": 1, "b": 2}


def test_who_fails_a_gate_has_no_rank_and_stands_in_the_exclusions() -> None:
    made = assembled({"propensity": 0.9, "critical_tickets_open": 1}, {"owner": "Ana"}, {"owner": "Ana"})
    assert ranks(made) == {"a": None, "b": 1, "c": 2}
    assert made.exclusions()["account_id"].tolist() == ["a"]
    assert made.exclusions()["text"].tolist() == ["1 critical ticket is open."]
    assert made.scores()["not_eligible_because"].tolist() == ["critical_ticket", "", ""]


def test_each_owner_has_a_book_and_those_without_an_owner_are_one() -> None:
    made = assembled(
        {"propensity": 0.5, "owner": "Ana"},
        {"propensity": 0.4},
        {"propensity": 0.3, "owner": "Ana"},
        {"propensity": 0.2, "owner": "  "},
    )
    assert made.scores()["owner_rank"].tolist() == [1, 1, 2, 2]
    assert made.scores()["owner"].isna().tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["Ann Lee", "ann lee ", "Ann Lee", "ANN  LEE"], ["Ann Lee"] * 4),
        (["ann lee", "Ann Lee"], ["Ann Lee"] * 2),  # equally frequent: the first in order
        (["Straße", "STRASSE", "Ann"], ["STRASSE", "STRASSE", "Ann"]),
        (["Ann", None, "  ", "ANN"], ["ANN", None, None, "ANN"]),
    ],
)
def test_an_owner_is_one_book_however_the_name_is_spelt(given: list[str | None], shown: list[str | None]) -> None:
    made = assembled(*({"owner": owner} for owner in given))
    assert [None if pd.isna(owner) else owner for owner in made.scores()["owner"]] == shown
    books = made.scores().groupby("owner")["owner_rank"].apply(lambda ranks: sorted(ranks))
    assert books.map(lambda ranks: ranks == list(range(1, len(ranks) + 1))).all()


def test_the_motion_is_the_likeliest_that_is_possible() -> None:
    likely = {"propensity_seat": 0.2, "propensity_upsell": 0.3, "propensity_cross_sell": 0.4}
    made = assembled(
        likely,
        {**likely, "seat_utilization_28d": 0.4},  # cross-sell waits for adoption
        {**likely, "products_not_owned": 0},
        {**likely, "products_not_owned": 0, "tiers_above": 0, "tier": 3},
        # nothing fits: the likeliest
        {**likely, "products_not_owned": 0, "tiers_above": 0, "tier": 3, "seats": np.nan},
    )
    assert made.scores()["motion"].tolist() == ["cross_sell", "upsell", "upsell", "seat", "cross_sell"]


def test_without_propensities_by_motion_the_reasons_decide() -> None:
    near_limit = assembled(
        {
            "limit_share_max_28d": 0.9,
            "limits_over_80pct": 1,
            "limit_feature": "api_calls",
            "limit_amount": 1000.0,
            "limit_pace": 900.0,
            "limit_plans": 1,
            "limit_product": "Core",
        },
        parts={"limit_share_max_28d": 0.6, "limits_over_80pct": 0.1, "mrr": 0.1},
    )
    assert near_limit.scores().loc[0, ["motion", "play"]].tolist() == ["upsell", "upsell_limit"]
    new = {"teams": 3, "teams_new_91d": 1, "new_team": "Sales", "new_team_users": 4}
    team = assembled(new, parts={"teams_new_91d": 0.6, "mrr": 0.1, "tenure_days": 0.1})
    assert team.scores().loc[0, ["motion", "play"]].tolist() == ["seat", "seat_new_team"]


def test_a_base_of_invoices_alone_gets_the_usage_motion() -> None:
    billed = {"billed_91d": [900.0], "billed_365d": [3000.0], "billed_days_91d": [9.0], "billed_growth_91d": [0.1]}
    rows = pd.DataFrame({"account_id": ["a"], **billed})
    parts = {"billed_91d": 0.5, "billed_365d": 0.1, "billed_days_91d": 0.1}
    scores = pd.DataFrame(
        {"account_id": ["a"], "log_odds": -1.3, "base_log_odds": -2.0, "propensity": 0.2, "expected_arr": 90.0}
    )
    made = assemble(
        DAY, scores, pd.DataFrame({"account_id": ["a"], "base_log_odds": -2.0, **parts}), rows,
        pd.DataFrame({"account_id": ["a"]}), catalogue=CATALOGUE, playbook=PLAYBOOK, settings=SETTINGS,
        model_version="m/1", run_id="r", named=pd.DataFrame({"account_id": ["a"], "billed_product": ["Goods"]}),
    )  # fmt: skip
    assert made.scores().loc[0, ["motion", "play", "name"]].tolist() == ["usage", "usage_commitment", "a"]


def test_only_what_speaks_for_the_account_chooses_its_play() -> None:
    parts = {"teams_new_91d": -0.6, "seats_free": 0.2, "mrr": 0.1, "tenure_days": 0.1}
    made = assembled({"propensity_seat": 0.3, "teams": 3, "teams_new_91d": 1, "active_users_28d": 9}, parts=parts)
    assert made.scores()["play"].tolist() == ["seat_limit"]


def test_the_day_to_act_follows_from_the_play() -> None:
    made = assembled(
        {"propensity_seat": 0.3, "active_users_28d": 9}, parts={"seats_free": 0.6, "mrr": 0.1, "tenure_days": 0.1}
    )
    assert made.scores()["act_by"].tolist() == [date(2026, 10, 15)]  # 1 October and 14 days


def test_the_previous_list_is_told() -> None:
    earlier = snapshot(40)
    made = snapshot(40, previous=earlier)
    both = made.scores().merge(earlier.scores(), on="account_id")
    assert (both["previous_rank_x"].fillna(-1) == both["rank_y"].fillna(-1)).all()
    assert (both["previous_propensity_x"] == both["propensity_y"]).all()


def test_ranked_and_excluded_are_the_base_and_row_order_changes_nothing() -> None:
    rows, people = feature_rows(120), accounts(120)
    scores, attributions = scored(rows)
    given = {
        "catalogue": CATALOGUE,
        "playbook": PLAYBOOK,
        "settings": SETTINGS,
        "model_version": "m/1",
        "run_id": "r",
    }
    made = assemble(DAY, scores, attributions, rows, people, **given)
    ranked = set(made.scores().loc[made.scores()["eligible"], "account_id"])
    assert ranked | set(made.exclusions()["account_id"]) == set(rows["account_id"])
    assert not ranked & set(made.exclusions()["account_id"])
    turned = [frame.iloc[::-1].reset_index(drop=True) for frame in (scores, attributions, rows, people)]
    again = assemble(DAY, *turned, **given)
    for name in ("scores", "reasons", "exclusions"):
        pd.testing.assert_frame_equal(made.frames[name], again.frames[name])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda frame: pd.concat([frame, frame.head(1)]), "account acc-0000 is more than once in the feature rows"),
        (lambda frame: frame.iloc[1:], "account acc-0000 is missing in the feature rows"),
        (lambda frame: frame.assign(account_id=frame["account_id"].replace("acc-0003", "x")), "acc-0003 is missing"),
    ],
)
def test_frames_of_other_accounts_are_refused(spoil, said: str) -> None:
    scores, attributions = scored(feature_rows(5))
    with pytest.raises(PublishError, match=said):
        assemble(
            DAY, scores, attributions, spoil(feature_rows(5)), accounts(5), catalogue=CATALOGUE, playbook=PLAYBOOK,
            settings=SETTINGS, model_version="m/1", run_id="r",
        )  # fmt: skip
