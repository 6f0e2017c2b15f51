"""`headroom verify --reasons`: which reasons are shown and what stands beside an account, with a fault of each kind."""

from datetime import date
from functools import cache
from typing import Any

import pandas as pd
import pytest

from data.contract.outputs import AGAINST, FIRST, FOR
from serving.reasons.choose import measure
from serving.verify.choice_and_context import check_choice, check_context
from serving.verify.files_and_sums import Difference
from tests.serving.verify.test_words import COUNT, edited, shown_for, with_likeliest
from tests.serving.world import HeldList, feature_rows, snapshot

SEED = 3


@cache
def rows() -> pd.DataFrame:
    return feature_rows(COUNT, SEED)


@cache
def made() -> HeldList:
    return snapshot(COUNT, SEED, rows=rows(), details=with_likeliest(rows(), SEED))


def choice(listing: HeldList) -> list[Difference]:
    attributions, context = made().frames["attributions"], made().context
    assert context is not None
    references = measure(attributions, rows(), context.catalogue)
    named = with_likeliest(rows(), SEED)
    return list(check_choice(listing.frames["reasons"], rows(), attributions, context, references, named))


def beside(listing: HeldList) -> list[Difference]:
    assert listing.context is not None
    return list(check_context(listing, rows(), with_likeliest(rows(), SEED), listing.context))


def test_a_list_as_it_is_made_is_chosen_again_and_has_its_context() -> None:
    assert [str(difference) for difference in (*choice(made()), *beside(made()))] == []
    assert {True, False} == set(made().frames["reasons"]["shown"])
    assert made().frames["scores"][["arr", "plan", "renews_on", "use_by_week", "owner"]].notna().any().all()


@pytest.mark.parametrize(("column", "value"), [("shown", False), ("position", 9), ("effect", AGAINST)])
def test_another_choice_is_named(column: str, value: Any) -> None:
    place = shown_for(made())
    reason = made().frames["reasons"].iloc[place]
    found = choice(edited(made(), "reasons", place, **{column: value}))
    assert [(d.account_id, d.where, d.published, d.derived) for d in found] == [
        (reason["account_id"], f"{reason['reason_code']} ({column})", str(value), str(reason[column]))
    ]


def test_what_is_hidden_and_made_to_be_seen_is_named() -> None:
    reasons = made().frames["reasons"]
    place = int(reasons.index[~reasons["shown"] & (reasons["effect"] == FOR)][0])
    found = choice(edited(made(), "reasons", place, shown=True))
    assert [(d.account_id, d.published, d.derived) for d in found] == [(reasons["account_id"][place], "True", "False")]


def test_of_the_reasons_against_the_weakest_of_several_alone_may_be_hidden() -> None:
    reasons = made().frames["reasons"]
    shown = reasons[reasons["shown"] & (reasons["choice"] == FIRST) & (reasons["effect"] == AGAINST)]
    count = shown.groupby("account_id")["position"].transform("size")
    single, several = shown[count == 1].index[0], shown[count > 1].groupby("account_id")
    strongest, weakest = (of["position"].index[0] for of in (several.head(1), several.tail(1)))
    named = {int(place): [str(d) for d in choice(edited(made(), "reasons", int(place), shown=False))]
             for place in (single, strongest, weakest)}  # fmt: skip
    assert named.pop(weakest) == []
    assert [len(found) for found in named.values()] == [1, 1]


def test_a_reason_taken_away_or_added_is_named() -> None:
    reasons, place = made().frames["reasons"], shown_for(made())
    account, code = reasons.loc[place, ["account_id", "reason_code"]]
    fewer = choice(made().with_tables(reasons=reasons.drop(index=place)))
    assert [str(d) for d in fewer] == [f"{account}, {code} (kept): published no reason, derived one"]
    other = next(
        c for c in reasons["reason_code"] if c not in set(reasons.loc[reasons["account_id"] == account, "reason_code"])
    )
    more = choice(edited(made(), "reasons", place, reason_code=other))
    assert {(d.where, d.published) for d in more} == {(f"{code} (kept)", "no reason"), (f"{other} (kept)", "a reason")}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("act_by", date(2030, 1, 1)),
        ("name", "Somebody Else"),
        ("owner", "Nobody"),
        ("segment", "another"),
        ("plan", "gold"),
        ("open_seats", 7_777.0),
        ("arr", 1.0),
        ("renews_on", date(2030, 1, 1)),
        ("use_by_week", [1.0] * 13),
        ("renews_on", None),
        ("use_by_week", None),
        ("group_id", "somebody"),
        ("group_name", "Somebody Else"),
    ],
)
def test_another_context_is_named(column: str, value: Any) -> None:
    scores = made().frames["scores"]
    place = int(scores.index[scores[["plan", "renews_on", "owner"]].notna().all(axis=1)][1])
    found = beside(edited(made(), "scores", place, **{column: value}))
    assert [(d.account_id, d.where, d.published) for d in found if not d.where.startswith("exclusions")] == [
        (scores["account_id"][place], column, "null" if value is None else str(value))
    ]


@pytest.mark.parametrize(("column", "value"), [("owner", "Nobody"), ("name", "Somebody Else"), ("propensity", 0.5)])
def test_what_the_exclusions_repeat_is_that_of_the_scores(column: str, value: Any) -> None:
    found = beside(edited(made(), "exclusions", 2, **{column: value}))
    account = made().frames["exclusions"]["account_id"][2]
    assert [(d.account_id, d.where, d.published) for d in found] == [(account, f"exclusions, {column}", str(value))]


def test_what_an_older_list_has_not_got_is_not_asked_for() -> None:
    older = made().with_tables(scores=made().frames["scores"].drop(columns=["arr", "plan", "use_by_week"]))
    assert beside(older) == []
