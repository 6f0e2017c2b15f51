"""The digests, counted a second time with plain loops; and what is overdue, drawn over three lists."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.contract.outputs import NO_OWNER
from serving.messages.delivery import slack
from serving.messages.delivery.words import as_html, as_text
from serving.messages.digest import GONE, GROUPS, NEW, OVERDUE, RISEN, TO_FIX, WAITING, Digests
from serving.messages.message import Message, name_of, sentence_of
from serving.messages.overdue import overdue
from serving.messages.rows import Links
from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import AccountState
from serving.published.layout import place_of
from serving.published.read import PublishedList, open_list
from serving.render.likelihood import EDGES, POINTS, TIMES, Band
from tests.drawn import drawn
from tests.serving.messages.world import EARLIER, two_lists  # noqa: F401  (fixtures)
from tests.serving.world import DAY, HeldList

TODAY = date(2026, 10, 5)


def made(out: Path, limit: int = 3, **given: object) -> Digests:
    usual = Digests(open_list(out), open_list(out, EARLIER), {}, (), TODAY, 10, limit, Links())
    return replace(usual, **given)


def by_hand(out: Path, due: set[str], recorded: set[str]) -> dict[str, Counter[str]]:
    """By owner, how many accounts are in each group, from the rows of the two lists."""
    before, now = ({row["account_id"]: row for row in ranked(out, day)} for day in (EARLIER, DAY))
    scores, apart = (pd.read_parquet(place_of(out, DAY) / f"{name}.parquet") for name in ("scores", "exclusions"))
    record = {row["owner"] for row in scores.to_dict("records") if row["account_id"] in recorded}
    fix = {(row["account_id"], row["owner"]) for row in apart.to_dict("records") if row["shown_under"] == "fix first"}
    found: dict[str, Counter[str]] = {}
    for account, row in now.items():
        was = before.get(account)
        late = OVERDUE if row["owner"] in record else WAITING
        group = late if account in due else NEW
        if account not in due and was is not None and was["owner"] == row["owner"]:
            p, q = row["propensity"], was["propensity"]
            is_up = p / (1 - p) >= TIMES * q / (1 - q) and p - q >= POINTS and p >= EDGES[Band.POSSIBLE]
            group = RISEN if is_up else ""
        found.setdefault(row["owner"], Counter())[group] += bool(group)
    for account, row in before.items():
        if account not in now or now[account]["owner"] != row["owner"]:
            found.setdefault(row["owner"], Counter())[TO_FIX if (account, row["owner"]) in fix else GONE] += 1
    return {owner: +counts for owner, counts in found.items() if +counts}


def ranked(out: Path, day: date) -> list[dict[str, Any]]:
    rows = pd.read_parquet(place_of(out, day) / "scores.parquet")
    return rows[rows["listed"]].to_dict("records")


def slack_text(message: Message) -> str:
    """All that Slack shows of a message."""
    return "\n".join(str(block["text"]["text"]) for part in slack.parts(message) for block in part.blocks)


def test_each_owner_is_told_what_a_plain_loop_finds(two_lists: Path) -> None:  # noqa: F811
    due = dict.fromkeys([row["account_id"] for row in ranked(two_lists, DAY)][::7], TODAY)
    recorded = set(pd.read_parquet(place_of(two_lists, DAY) / "scores.parquet")["account_id"].iloc[::5])
    digests = made(two_lists, limit=2, due=due, recorded=recorded)
    told = {message.owner: message for message in digests.messages()}
    owners = by_hand(two_lists, set(due), recorded)
    assert told.keys() == owners.keys()
    assert sum(owners.values(), Counter()).keys() == set(GROUPS)
    for owner, message in told.items():
        counts = owners[owner]
        said = ", ".join(f"{counts[group]} {group}" for group in GROUPS if group in counts)
        assert message.subject == f"Your list, 1 Oct 2026: {said}"
        assert [line.startswith(f"{said}. ") for line in message.lead].count(True) == 1
        shown = [len(section.rows) + section.more for section in message.sections]
        assert shown == [counts[group] for group in GROUPS if group in counts]
        assert all(len(section.rows) == min(2, n) for section, n in zip(message.sections, shown, strict=True))


def test_the_first_line_names_the_account_to_begin_with_and_why(two_lists: Path) -> None:  # noqa: F811
    for message in made(two_lists, 50).messages():
        first = message.sections[0]
        row = first.rows[0]
        begin = [] if first.title.startswith("Gone") else [f"Start with {row.name}: {row.why or row.said}"]
        assert [line for line in message.lead if line.startswith("Start with ")] == begin
        if first.title.startswith("Fix first"):
            apart = pd.read_parquet(place_of(two_lists, DAY) / "exclusions.parquet")
            fix = apart[(apart["owner"] == message.owner) & (apart["shown_under"] == "fix first")]
            assert (row.name, row.said) in set(zip(fix["name"], fix["text"].map(sentence_of), strict=True))


def test_who_never_recorded_anything_is_told_how_and_nothing_is_called_overdue(two_lists: Path) -> None:  # noqa: F811
    account = ranked(two_lists, DAY)[0]
    due = {account["account_id"]: date(2026, 9, 20)}
    for recorded, served in product(((), (account["account_id"],)), (None, "https://headroom.example.com")):
        digests = made(two_lists, due=due, recorded=recorded, links=Links(served))
        message = next(message for message in digests.messages() if message.owner == account["owner"])
        late = next(section for section in message.sections if section.title.startswith(("Waiting:", "Overdue:")))
        said = "was due on 20 Sep 2026" if recorded else "waiting since 20 Sep 2026"
        assert [said in row.said for row in late.rows] == [True]
        assert (": 1 overdue" in message.subject, ": 1 waiting" in message.subject) == (bool(recorded), not recorded)
        told = [line for line in message.lead if line.startswith("Nothing is recorded on your accounts")]
        assert len(told) == (not recorded)
        assert all(("page" in line) == bool(served) and ("workbook" in line) != bool(served) for line in told)


def test_where_nothing_changed_nothing_is_told(two_lists: Path) -> None:  # noqa: F811
    assert made(two_lists, before=open_list(two_lists)).messages() == []


def test_an_owner_whom_the_list_before_wrote_otherwise_is_the_same(two_lists: Path) -> None:  # noqa: F811
    before = open_list(two_lists, EARLIER)
    otherwise = before.scores().assign(owner=lambda scores: scores["owner"].str.upper().str.replace(" ", "  "))
    assert made(two_lists, before=held(otherwise, before)).messages() == made(two_lists).messages() != []


def test_a_row_says_what_is_not_known_of_its_account(two_lists: Path) -> None:  # noqa: F811
    listing, silent = open_list(two_lists), "Not known and not judged: use since 3 Mar 2026."
    told = made(two_lists, listing=held(listing.scores().assign(not_judged=silent), listing)).messages()
    ranked = {name_of(name) for name in listing.scores("name", "rank").dropna()["name"]}
    rows = [row for message in told for section, row in message.rows() if not section.title.startswith(("Gone", "Fix"))]
    assert len(rows) > 20
    assert {row.note for row in rows if row.name in ranked} == {silent}
    text = "\n".join(line for message in told for line in as_text(message))
    assert text.count(f"  {silent}\n") >= len(rows) - 1
    assert all(as_html(message).count(silent) == slack_text(message).count(silent) for message in told)


def test_of_a_first_list_nothing_is_called_new(two_lists: Path) -> None:  # noqa: F811
    messages = made(two_lists, before=None).messages()
    assert all(
        message.lead[1].endswith("on the list; there is no earlier one to compare it with.")
        and message.lead[2].startswith("The percentage is how likely one is to expand within 90 days.")
        for message in messages
    )
    assert all([section.title for section in message.sections] == ["On the list"] for message in messages)
    assert all(re.search(r": [\d,]+ on the first list$", message.subject) for message in messages)


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

LISTED = """
    account_id | act_by     | listed_since | renews_on
    a          | 2026-10-15 | 2026-09-17   | 2026-12-01
    new        | 2026-10-02 | 2026-10-01   |
    apart      | 2026-10-02 |              |
    renewal    | 2026-10-03 | 2026-09-17   | 2026-10-03
"""


def listed() -> HeldList:
    rows = drawn(LISTED)
    days = {
        name: [None if pd.isna(text) else date.fromisoformat(text) for text in rows[name]] for name in list(rows)[1:]
    }
    return HeldList(Path("nowhere"), DAY, {}, frames={"scores": rows.assign(snapshot_date=DAY, **days)})


@pytest.mark.parametrize(
    ("today", "late"),
    [
        ("2026-10-01", {}),
        ("2026-10-02", {"a": "2026-10-01"}),
        ("2026-10-03", {"a": "2026-10-01", "new": "2026-10-02"}),
        ("2026-10-04", {"a": "2026-10-01", "new": "2026-10-02", "renewal": "2026-10-03"}),
    ],
)
def test_overdue_is_what_is_past_the_day_that_was_told_when_it_was_listed(today: str, late: dict[str, str]) -> None:
    due = overdue(listed(), {}, date.fromisoformat(today))
    assert {account: str(day) for account, day in due.items()} == late


SNOOZED = RecordedOutcome(id=1, at=datetime(2026, 9, 1, tzinfo=UTC), account_id="a", action="snoozed", who="Ana")


@pytest.mark.parametrize(
    ("state", "is_late"),
    [
        (AccountState("won", date(2026, 9, 17)), False),
        (AccountState("won", date(2026, 9, 16)), True),
        (AccountState("working", date(2026, 9, 1)), False),
        (AccountState("snoozed", date(2026, 9, 1), date(2026, 12, 1)), False),
        (AccountState("open", date(2026, 9, 20)), False),
        (AccountState("open", date(2026, 9, 10)), True),
        (AccountState("open", date(2026, 9, 10), None, SNOOZED), False),
        (AccountState(), True),
    ],
    ids=["won since then", "won before", "working", "waits", "opened since", "opened before", "back", "nothing"],
)
def test_what_was_done_since_it_was_listed_is_not_overdue(state: AccountState, is_late: bool) -> None:
    assert ("a" in overdue(listed(), {"a": state}, TODAY)) == is_late
