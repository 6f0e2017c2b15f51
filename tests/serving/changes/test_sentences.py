from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.contract.score_change import REST, RETRAINED, NotSplit
from serving.changes.sentences import About, sentences, titles
from serving.changes.summary import summary, tally
from tests.serving.world import CATALOGUE, PLAYBOOK, about_list

TITLES = titles(CATALOGUE, PLAYBOOK)
ABOUT = about_list(date(2026, 9, 1), TITLES, RETRAINED)
COUNTED = ("rank", "previous_rank", "rank_change", "rank_came", "rank_left", "rank_moved")
USUAL = {
    "account_id": "acme", "because": "", "change": 0.4, "model": 0.0, "calibration": 0.0, "rank": 12,
    "previous_rank": 31, "propensity": 0.18, "previous_propensity": 0.12, "expected_arr": 2400.4,
    "previous_expected_arr": 1199.6, "rank_change": -19, "rank_came": 0, "rank_left": 0, "rank_moved": 0,
    "held_out": False, "previous_held_out": False,
}  # fmt: skip


def said(about: About = ABOUT, reasons: dict[str, float] | None = None, **facts: object) -> str:
    """The sentence of acme, which went from rank 31 to 12 unless it is said otherwise."""
    frame = pd.DataFrame([{**USUAL, **facts}]).astype(dict.fromkeys(COUNTED, "Int64"))
    why = reasons or {}
    table = pd.DataFrame({"account_id": "acme", "reason_code": list(why), "log_odds": list(why.values())})
    return sentences(frame, table.astype({"account_id": "str", "reason_code": "str", "log_odds": "float64"}), about)[0]


def test_why_an_account_went_up() -> None:
    assert said(reasons={"seats_in_use": 0.3, "usage_trend": 0.03}, model=0.1, rank_left=-3) == (
        "Up from 31: likelihood up from 12% to 18%, 3 accounts above it left. Raised it most: seats in use, then "
        "the retrained model."
    )


def test_a_place_can_change_though_the_likelihood_does_not() -> None:
    still = {"previous_rank": 3, "rank": 2, "rank_change": -1, "propensity": 0.788, "previous_propensity": 0.791}
    assert said(reasons={"seats_in_use": 0.3}, rank_left=-1, **still) == (
        "Up from 3: likelihood unchanged (79%), an account above it left."
    )


def test_why_an_account_went_down() -> None:
    told = said(
        reasons={"mrr_growth": 0.05, "seats_in_use": -0.6}, calibration=-0.2, change=-0.75, rank=1031, rank_change=1000,
        propensity=0.06, rank_came=1, rank_moved=1200,
    )  # fmt: skip
    assert told == (
        "Down from 31: likelihood down from 12% to 6%, an account came in above it, on balance 1,200 others moved past "
        "it. Lowered it most: seats in use, then an adjustment for all accounts. Raised it: growth of MRR."
    )


def test_the_others_are_told_as_far_as_they_went_the_way_of_the_rank() -> None:
    assert said(rank_came=2, rank_left=-1, rank_moved=-1) == (
        "Up from 31: likelihood up from 12% to 18%, an account above it left, on balance another fell behind it."
    )
    assert said(rank=31, rank_change=0, rank_came=2, rank_left=-2, propensity=0.12) == (
        "Still at 31: likelihood unchanged (12%)."
    )


def test_many_small_changes_are_told_together_and_tiny_ones_not_at_all() -> None:
    assert said(reasons={"seats_in_use": 0.021, REST: 0.05}).endswith(
        "18%. Raised it most: many small changes, then seats in use."
    )
    assert said(reasons={REST: -0.019}, model=0.019).endswith("to 18%.")


@pytest.mark.parametrize(
    ("rank", "before", "head"),
    [
        (12, None, "On the list now, set apart on 1 Sep 2026: likelihood up"),
        (None, 31, "At 31 on 1 Sep 2026, now set apart: likelihood up"),
        (None, None, "Set apart, as on 1 Sep 2026: likelihood up"),
    ],
)
def test_who_was_or_is_set_apart(rank: int | None, before: int | None, head: str) -> None:
    nothing = dict.fromkeys(["rank_change", "rank_came", "rank_left", "rank_moved"])
    told = said(rank=rank, previous_rank=before, reasons={"seats_in_use": 0.4}, **nothing)
    assert told == f"{head} from 12% to 18%. Raised it most: seats in use."


@pytest.mark.parametrize(
    ("now", "before", "head"),
    [
        (12, "held out", "On the list now: likelihood up"),
        ("set apart", "held out", "Set apart: likelihood up"),
        ("held out", "held out", "Held out, as on 1 Sep 2026: likelihood up"),
        ("held out", "set apart", "Held out: likelihood up"),
        ("held out", 31, "At 31 on 1 Sep 2026, now held out: likelihood up"),
    ],
)
def test_who_was_or_is_held_out_is_not_said_to_have_been_set_apart(
    now: int | str, before: int | str, head: str
) -> None:
    nothing = dict.fromkeys(["rank_change", "rank_came", "rank_left", "rank_moved"])
    ranks = {"rank": now if now == 12 else None, "previous_rank": before if before == 31 else None}
    told = said(held_out=now == "held out", previous_held_out=before == "held out", **ranks, **nothing)
    assert told == f"{head} from 12% to 18%."
    assert said(because="new", rank=None, held_out=True) == "New since 1 Sep 2026, and held out."


def test_a_change_that_is_not_split_says_why() -> None:
    assert said(because="new", rank=None) == "New since 1 Sep 2026, and set apart."
    assert said(because="new") == "New since 1 Sep 2026."
    assert said(because="old_model_not_found") == (
        "Up from 31: likelihood up from 12% to 18%. Why is not known: the model of that list is no longer there."
    )
    assert "the source no longer gives all" in said(because="old_features_missing")
    assert said(about_list(None, TITLES), because="first_list").startswith("This is the first list")


def test_amounts_are_told_where_the_list_is_ranked_by_them() -> None:
    by_arr = about_list(date(2026, 9, 1), TITLES, rank_by="expected_arr", previous_rank_by="expected_arr", currency="€")
    assert said(by_arr) == "Up from 31: expected ARR up from €1,200 to €2,400, likelihood up from 12% to 18%."
    assert "expected ARR from not known to €2,400" in said(by_arr, previous_expected_arr=np.nan)
    changed = about_list(date(2026, 9, 1), TITLES, rank_by="expected_arr")
    assert said(changed, rank_left=None, rank_came=None, rank_moved=None).endswith(
        "18%. The list is now ranked by expected ARR."
    )


@pytest.mark.parametrize("rank_by", ["propensity", "expected_arr"])
@pytest.mark.parametrize("way", [-1, 1])
def test_no_sentence_is_long_or_speaks_of_log_odds(rank_by: str, way: int) -> None:
    about = about_list(date(2026, 9, 1), TITLES, RETRAINED, rank_by=rank_by, previous_rank_by=rank_by, currency="EUR ")
    longest = sorted(TITLES, key=lambda code: -len(TITLES[code].split()))[:3]
    told = said(
        about, dict(zip(longest, (0.5, 0.4, -0.6), strict=True)), rank_change=1_000 * way, rank_came=2_000,
        rank_left=-2_000, rank_moved=3_000 * way, propensity=0.12 - 0.06 * way, previous_rank=10_000, rank=9_000,
        expected_arr=1e6 * (2 - way), previous_expected_arr=2e6, because="",
    )  # fmt: skip
    sentences_told = told.removesuffix(".").split(". ")
    assert max(len(sentence.split()) for sentence in sentences_told) <= 22
    assert len(sentences_told) >= 3
    assert "log" not in told


def test_every_reason_has_a_name_inside_a_sentence() -> None:
    assert {card.reason_code for card in CATALOGUE.values()} == TITLES.keys()
    for code in TITLES:
        name = said(reasons={code: 0.4}).split("18%. Raised it most: ")[1].removesuffix(".")
        assert name.lower() == TITLES[code].lower()
    own = CATALOGUE["seats"].__class__(
        **{**vars(CATALOGUE["seats"]), "name": "own_x", "label": "NPS of x", "reason_code": "own_x"}
    )
    assert titles({"own_x": own}, PLAYBOOK) == {"own_x": "NPS of x"}
    about = about_list(date(2026, 9, 1), {"own_x": "NPS of x"})
    assert said(about, reasons={"own_x": 0.4}).endswith(". Raised it most: NPS of x.")


def test_of_several_accounts_each_has_its_own_sentence() -> None:
    facts = pd.DataFrame(
        [{**USUAL, "account_id": name, "model": size} for name, size in (("elk", -0.3), ("acme", 0.0))]
    )
    reasons = pd.DataFrame(
        {"account_id": ["acme", "cook", "elk"], "reason_code": ["bugs", "nps", "reviews"], "log_odds": [0.2, 9.0, 0.1]}
    )
    elk, acme = sentences(facts.astype(dict.fromkeys(COUNTED, "Int64")), reasons, ABOUT)
    assert elk.endswith("Raised it most: business reviews held. Lowered it: the retrained model.")
    assert acme.endswith("Raised it most: bugs reported.")


def changes(accounts: int, because: str = "", size: float = 0.0) -> pd.DataFrame:
    parts = ("change_log_odds", "data_log_odds", "model_log_odds", "calibration_log_odds")
    return pd.DataFrame({"because": [because] * accounts, **{part: [size] * accounts for part in parts}})


def reasons(**sizes: float) -> pd.DataFrame:
    made = pd.DataFrame({"reason_code": list(sizes), "log_odds": list(sizes.values())})
    return made.astype({"reason_code": "str", "log_odds": "float64"})


def test_the_base_in_a_few_figures() -> None:
    shards = [
        tally(
            pd.concat([changes(3, size=0.2), changes(1, "new", np.nan)]), reasons(seats_in_use=0.3, bugs=-0.2, rest=9.0)
        ),
        tally(changes(1, size=-0.6), reasons(bugs=-0.3)),
    ]
    told = summary(shards[0] + shards[1], ABOUT, previous_accounts=9, moved=31)
    assert told["compared"] == 4
    assert told["new"] == 1
    assert told["left_the_base"] == 5  # nine were there, four still are
    assert told["mean_absolute_log_odds"]["change"] == pytest.approx((3 * 0.2 + 0.6) / 4)
    assert [(reason["reason_code"], reason["total_absolute_log_odds"]) for reason in told["reasons"]] == [
        ("bugs", pytest.approx(0.5)),
        ("seats_in_use", pytest.approx(0.3)),
    ]
    assert told["text"] == (
        "Since 1 Sep 2026: 1 new account, 5 left the base, 4 in both lists. The facts that changed "
        "likelihoods most: Bugs reported, Seats in use. The retrain moved 31 accounts by more than 10 places."
    )


def test_what_is_not_known_of_the_base_is_said() -> None:
    why = "the model of the last list is no longer there"
    gone = tally(changes(4, NotSplit.MODEL_NOT_FOUND.value, np.nan), reasons())
    told = summary(gone, about_list(date(2026, 9, 1), TITLES), previous_accounts=4, moved=None, not_asked=why)
    assert told["not_split"] == {"old_model_not_found": 4}
    assert told["mean_absolute_log_odds"] == {}
    assert told["model"] == "not known"
    assert told["text"].endswith(f"Why their likelihoods changed is not known. T{why[1:]}.")
    first = tally(changes(4, NotSplit.FIRST.value, np.nan), reasons())
    assert "first list" in summary(first, about_list(None, TITLES), previous_accounts=0, moved=None)["text"]


def test_the_same_model_moved_nobody() -> None:
    told = summary(tally(changes(2), reasons()), about_list(date(2026, 9, 1), TITLES), previous_accounts=2, moved=0)
    assert told["model"] == "the same"
    assert "moved" not in told["text"]


def test_another_order_of_the_list_is_said() -> None:
    about = about_list(date(2026, 9, 1), TITLES, rank_by="expected_arr")
    told = summary(tally(changes(2), reasons()), about, previous_accounts=2, moved=None)
    assert "The list is now ranked by expected ARR: its places cannot be compared." in told["text"]
