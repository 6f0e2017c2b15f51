"""The digests, counted a second time with plain loops; and what is overdue, drawn over three lists."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.contract.outputs import NO_OWNER
from serving.messages.digest import GONE, NEW, OVERDUE, RISEN, Digests
from serving.messages.overdue import first_listed, overdue
from serving.messages.rows import Links
from serving.outcomes.outcome import RecordedOutcome
from serving.published.layout import place_of
from serving.published.read import PublishedList, open_list
from serving.render.likelihood import EDGES, POINTS, TIMES, Band
from tests.drawn import drawn
from tests.serving.messages.world import EARLIER, two_lists  # noqa: F401  (fixtures)
from tests.serving.world import DAY, HeldList

TODAY = date(2026, 10, 5)


def made(out: Path, limit: int = 3, **given: object) -> Digests:
    usual = Digests(open_list(out), open_list(out, EARLIER), {}, TODAY, 10, limit, Links())
    return replace(usual, **given)


def by_hand(out: Path, due: set[str]) -> dict[str, Counter[str]]:
    """By owner, how many accounts are in each group, from the rows of the two lists."""
    before, now = ({row["account_id"]: row for row in ranked(out, day)} for day in (EARLIER, DAY))
    found: dict[str, Counter[str]] = {}
    for account, row in now.items():
        was = before.get(account)
        group = OVERDUE if account in due else NEW
        if account not in due and was is not None and was["owner"] == row["owner"]:
            p, q = row["propensity"], was["propensity"]
            is_up = p / (1 - p) >= TIMES * q / (1 - q) and p - q >= POINTS and p >= EDGES[Band.POSSIBLE]
            group = RISEN if is_up else ""
        found.setdefault(row["owner"], Counter())[group] += bool(group)
    for account, row in before.items():
        if account not in now or now[account]["owner"] != row["owner"]:
            found.setdefault(row["owner"], Counter())[GONE] += 1
    return {owner: +counts for owner, counts in found.items() if +counts}


def ranked(out: Path, day: date) -> list[dict[str, Any]]:
    rows = pd.read_parquet(place_of(out, day) / "scores.parquet")
    return rows[rows["listed"]].to_dict("records")


def test_each_owner_is_told_what_a_plain_loop_finds(two_lists: Path) -> None:  # noqa: F811
    due = dict.fromkeys([row["account_id"] for row in ranked(two_lists, DAY)][::7], TODAY)
    digests = made(two_lists, limit=2, due=due)
    told = {message.owner: message for message in digests.messages()}
    owners = by_hand(two_lists, set(due))
    assert told.keys() == owners.keys()
    assert sum(owners.values(), Counter()).keys() == {OVERDUE, NEW, RISEN, GONE}
    for owner, message in told.items():
        counts = owners[owner]
        said = ", ".join(f"{counts[group]} {group}" for group in (OVERDUE, NEW, RISEN, GONE) if group in counts)
        assert message.subject == f"Your list, 1 Oct 2026: {said}"
        assert message.lead[0].startswith(f"{said}. ")
        shown = [len(section.rows) + section.more for section in message.sections]
        assert shown == [counts[group] for group in (OVERDUE, NEW, RISEN, GONE) if group in counts]
        assert all(len(section.rows) == min(2, n) for section, n in zip(message.sections, shown, strict=True))


def test_where_nothing_changed_nothing_is_told(two_lists: Path) -> None:  # noqa: F811
    assert made(two_lists, before=open_list(two_lists)).messages() == []


def test_of_a_first_list_every_account_is_new(two_lists: Path) -> None:  # noqa: F811
    messages = made(two_lists, before=None).messages()
    assert all(
        message.lead[0].endswith("on the list; there is no earlier one to compare it with.") for message in messages
    )
    assert all([section.title for section in message.sections] == ["New on the list"] for message in messages)


@pytest.mark.parametrize(("days", "is_old"), [(10, False), (11, True)])
def test_a_list_that_is_old_says_so_first(two_lists: Path, days: int, is_old: bool) -> None:  # noqa: F811
    for message in made(two_lists, today=DAY + timedelta(days=days)).messages():
        assert message.lead[0].startswith(f"This list is {days} days old: no newer one") == is_old


def test_an_account_without_an_owner_and_one_that_changed_hands(two_lists: Path) -> None:  # noqa: F811
    scores = open_list(two_lists).scores()
    first, second = scores[scores["listed"]].sort_values("rank")["account_id"].head(2)
    owners = {first: "Björn Ek", second: None}
    moved = scores.assign(owner=[owners.get(a, o) for a, o in zip(scores["account_id"], scores["owner"], strict=True)])
    listing = held(moved, open_list(two_lists))
    told = {message.owner: message for message in made(two_lists, 50, listing=listing).messages()}
    assert told[NO_OWNER].subject.startswith("Accounts without an owner, 1 Oct 2026: 1 new")
    assert [section.title for section in told["Björn Ek"].sections] == ["New on the list"]
    before = scores.set_index("account_id")["owner"]
    for account, now in ((first, "Now with Björn Ek."), (second, "Now with No owner.")):
        was = pd.read_parquet(place_of(two_lists, EARLIER) / "scores.parquet").set_index("account_id").loc[account]
        if was["listed"]:
            gone = told[before[account]].sections[-1]
            assert now in [row.said for row in gone.rows]


def test_who_is_overtaken_is_gone_and_keeps_the_place(two_lists: Path) -> None:  # noqa: F811
    now, was = (pd.read_parquet(place_of(two_lists, day) / "scores.parquet") for day in (DAY, EARLIER))
    there = set(was.loc[was["listed"], "account_id"])
    overtaken = now[now["account_id"].isin(there) & now["eligible"] & ~now["listed"]]
    assert len(overtaken) > 5
    told = {message.owner: message for message in made(two_lists, 50).messages()}
    for row in overtaken.itertuples():
        said = [each.said for each in told[row.owner].sections[-1].rows]
        assert f"Others are clearly ahead: it is number {int(row.owner_rank)} of the book." in said


def test_beside_a_list_of_old_all_that_is_ranked_is_on_the_list(two_lists: Path) -> None:  # noqa: F811
    listing = open_list(two_lists)
    scores = listing.scores()
    old = held(scores.assign(listed=pd.array([None] * len(scores), dtype="boolean")), listing)
    assert made(two_lists, before=old).messages() == []


def held(scores: pd.DataFrame, like: PublishedList) -> HeldList:
    """A list with these scores, and the other tables of another one."""
    ids = scores["account_id"].tolist()
    others = {name: like.of(name, ids) for name in ("reasons", "exclusions", "changes")}
    return HeldList(like.folder, like.snapshot_date, like.manifest, frames={"scores": scores, **others})


# --- what is overdue --------------------------------------------------------------------------------------------------

THREE = """
    day        | account_id | eligible | play   | act_by
    2026-09-17 | a          | yes      | seats  | 2026-09-30
    2026-09-24 | a          | yes      | seats  | 2026-10-08
    2026-10-01 | a          | yes      | seats  | 2026-10-15
    2026-09-17 | play       | yes      | limits | 2026-09-30
    2026-09-24 | play       | yes      | seats  | 2026-10-08
    2026-10-01 | play       | yes      | seats  | 2026-10-15
    2026-09-17 | apart      | yes      | seats  | 2026-09-30
    2026-09-24 | apart      | no       | seats  | 2026-10-08
    2026-10-01 | apart      | yes      | seats  | 2026-10-15
    2026-09-17 | gone       | yes      | seats  | 2026-09-30
    2026-10-01 | new        | yes      | seats  | 2026-10-02
"""


def three() -> list[HeldList]:
    """The lists of the table, the latest first."""
    days = sorted(drawn(THREE).groupby("day"), reverse=True, key=lambda of_day: of_day[0])
    return [
        HeldList(
            Path("nowhere"),
            date.fromisoformat(day),
            {},
            frames={
                "scores": frame.assign(
                    eligible=frame["eligible"] == "yes",
                    listed=frame["eligible"] == "yes",
                    act_by=_days(frame["act_by"]),
                )
            },
        )
        for day, frame in days
    ]


def _days(texts: pd.Series) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def recorded(account: str, day: date, action: str = "noted", **given: object) -> RecordedOutcome:
    at = datetime.combine(day, datetime.min.time(), UTC)
    return RecordedOutcome(**{"id": 1, "at": at, "account_id": account, "action": action, "who": "Ana"} | given)


def test_the_day_to_act_by_is_that_of_the_first_list_with_the_play() -> None:
    latest, *earlier = three()
    listed = first_listed(latest, earlier)
    assert listed["act_by"].map(str).to_dict() == {
        "a": "2026-09-30",
        "play": "2026-10-08",
        "apart": "2026-10-15",
        "new": "2026-10-02",
    }
    assert listed["since"].map(str).to_dict()["a"] == "2026-09-17"


@pytest.mark.parametrize(
    ("today", "late"), [("2026-09-30", set()), ("2026-10-01", {"a"}), ("2026-10-03", {"a", "new"})]
)
def test_overdue_is_what_is_past_its_day(today: str, late: set[str]) -> None:
    latest, *earlier = three()
    assert overdue(latest, earlier, lambda _: [], date.fromisoformat(today)).keys() == late


Rows = Callable[[], list[RecordedOutcome]]


@pytest.mark.parametrize(
    ("rows", "is_late"),
    [
        (lambda: [recorded("a", date(2026, 9, 17))], False),
        (lambda: [recorded("a", date(2026, 9, 16))], True),
        (
            lambda: [recorded("a", date(2026, 9, 20)), recorded("a", date(2026, 9, 21), "corrected", id=2, corrects=1)],
            True,
        ),
    ],
    ids=["since then", "before", "taken back"],
)
def test_what_was_recorded_since_it_was_listed_is_not_overdue(rows: Rows, is_late: bool) -> None:
    latest, *earlier = three()
    assert ("a" in overdue(latest, earlier, lambda _: rows(), TODAY)) == is_late
