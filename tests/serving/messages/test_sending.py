"""What is due over a channel, by what was noted; and where owners are reached."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from data.contract.vocabulary import folded
from data.errors import SettingsError
from flows.run.settings import load
from serving.access.settings import PersonSettings
from serving.messages.alerts import Alerts, alerts
from serving.messages.delivery.recipients import Recipient, Recipients
from serving.messages.delivery.sending import Memory, items_of
from serving.messages.message import Message, MessageRow, MessageSection
from serving.messages.rows import Links
from serving.messages.settings import RecipientSettings
from serving.published.read import open_list
from serving.store.message_log import DIGEST, MessageItem, Noted, Step
from tests.serving.messages.world import (  # noqa: F401  (fixtures)
    EARLIER,
    HOSTILE,
    Fired,
    published_again,
    ranked_of,
    two_lists,
    with_triggers,
)
from tests.serving.world import DAY, HeldList

WEEK = timedelta(days=7)
Told = tuple[tuple[MessageItem, Step], ...]
SENT, BEGAN, FAILED = Step.SENT, Step.BEGAN, Step.FAILED
TOLD = Message("Ana", DIGEST, DAY, "Your list", "Ana: list", ("1 new.",), (MessageSection("New", ()),))
PART = MessageItem(DAY, "slack", "Ana", DIGEST, 1, 1)


def memory(*noted: tuple[MessageItem, Step], again: bool = False) -> Memory:
    at = datetime(2026, 10, 1, tzinfo=UTC)
    return Memory("slack", DAY, {item.key: Noted(item, step, at) for item, step in noted}, again)


def is_due(remembered: Memory) -> bool:
    nothing = Alerts(HeldList(Path("nowhere"), DAY, {}), (), Links())
    return list(remembered.due([TOLD], nothing, 7)) == [TOLD]


@pytest.fixture
def out(two_lists: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A copy of the two lists."""
    return Path(shutil.copytree(two_lists, tmp_path / "out"))


@pytest.mark.parametrize(
    ("noted", "due"),
    [
        ((), True),
        (((PART, SENT),), False),
        (((PART, FAILED),), True),
        (((PART, BEGAN),), False),
        (((replace(PART, channel="email"), SENT),), True),
        (((replace(PART, owner="Björn"), SENT),), True),
        (((replace(PART, owner="ANA "), SENT),), False),
        (((replace(PART, snapshot_date=DAY - WEEK), SENT),), True),
        (((replace(PART, snapshot_date=DAY - WEEK + timedelta(days=1)), SENT),), False),
        (((replace(PART, snapshot_date=DAY + timedelta(days=1)), SENT),), False),
        (((replace(PART, parts=2), SENT),), True),
        (((replace(PART, parts=2), SENT), (replace(PART, part=2, parts=2), FAILED)), True),
        (((replace(PART, parts=2), SENT), (replace(PART, part=2, parts=2), SENT)), False),
    ],
    ids=["new", "sent", "failed", "began", "other channel", "other owner", "other spelling", "a week ago",
         "six days ago", "a later list", "half", "half failed", "both parts"],
)  # fmt: skip
def test_a_digest_is_told_once_for_each_list_and_not_too_often(
    noted: tuple[tuple[MessageItem, Step]], due: bool
) -> None:
    assert is_due(memory(*noted)) == due


def test_those_to_whom_something_was_refused_come_last() -> None:
    bad, good = (replace(TOLD, owner=owner) for owner in ("Ana", "Björn"))
    nothing = Alerts(HeldList(Path("nowhere"), DAY, {}), (), Links())
    assert list(memory((PART, FAILED)).due([bad, good], nothing, 7)) == [good, bad]
    assert list(memory().due([bad, good], nothing, 7)) == [bad, good]


def test_what_may_have_arrived_is_told_and_sent_if_asked() -> None:
    assert memory((PART, BEGAN)).unclear == [PART]
    assert is_due(memory((PART, BEGAN), again=True))
    earlier = replace(PART, snapshot_date=DAY - WEEK)
    elsewhere = replace(PART, channel="email")
    assert memory((PART, SENT), (earlier, BEGAN), (elsewhere, BEGAN)).unclear == [earlier]


def test_triggers_of_ranked_accounts_that_began_since_are_told_in_the_order_of_the_list(
    out: Path,
) -> None:
    scores = open_list(out).scores("account_id", "eligible")
    apart = scores.loc[~scores["eligible"], "account_id"].iloc[0]
    first, other = ranked_of(out, HOSTILE)[0], ranked_of(out, "Owner 001")[0]
    with_triggers(open_list(out, EARLIER))
    fired = [
        Fired(first, "seat_utilization", DAY),
        Fired(first, "limit_share", DAY, "98% of the <limit>."),
        Fired(first, "champion_left", DAY, "1 champion left.", None),
        Fired(other, "seat_utilization", EARLIER),
        Fired(apart, "seat_utilization", DAY),
    ]
    with_triggers(open_list(out), *fired)
    told = alerts(open_list(out), open_list(out, EARLIER), Links())
    (message,) = told.messages()
    assert (message.owner, message.title) == (HOSTILE, f"{HOSTILE}: new at 1 account")
    assert [row.trigger for _, row in message.rows()] == [
        (first, c) for c in ("limit_share", "seat_utilization", "champion_left")
    ]
    assert ["act by" in row.said for _, row in message.rows()] == [True, True, False]
    assert next(row.why for _, row in message.rows()) == "98% of the <limit>."
    assert [message.owner for message in told.messages({(folded(HOSTILE), (first, "limit_share"))})] == [HOSTILE]
    codes = ("limit_share", "seat_utilization", "champion_left")
    assert told.messages({(folded(HOSTILE), (first, code)) for code in codes}) == []


@pytest.mark.parametrize(
    ("seats", "limit", "since", "up_to"),
    [
        (SENT, SENT, EARLIER, DAY),
        (SENT, BEGAN, EARLIER, DAY),
        (SENT, FAILED, EARLIER, EARLIER),
        (SENT, None, EARLIER, EARLIER),
        (FAILED, None, EARLIER, EARLIER),
        (None, None, EARLIER, DAY),
        (SENT, FAILED, EARLIER + timedelta(days=1), DAY),
    ],
    ids=["all sent", "maybe sent", "refused", "not tried", "none sent", "the channel is new", "too long ago"],
)
def test_alerts_go_back_to_the_last_list_whose_alerts_were_all_told(
    seats: Step | None, limit: Step | None, since: date, up_to: date, out: Path
) -> None:
    account = ranked_of(out, HOSTILE)[0]
    before, then, now = open_list(out, EARLIER), open_list(out, DAY), published_again(out, DAY + WEEK)
    with_triggers(before)
    for listing in (then, now):
        with_triggers(listing, Fired(account, "seat_utilization", DAY), Fired(account, "limit_share", DAY))
    about = MessageItem(DAY, "slack", HOSTILE.upper(), "alert", account_id=account)  # as another list wrote the owner
    noted = {"seat_utilization": seats, "limit_share": limit}
    remembered = memory(*((replace(about, trigger_code=code), step) for code, step in noted.items() if step))
    base = remembered.told_up_to([(now, then), (then, before), (before, None)], since)
    assert base is not None
    assert base.snapshot_date == up_to
    told = [row.trigger for _, _, row in alerts(now, base, Links()).told]
    assert told == ([(account, "limit_share"), (account, "seat_utilization")] if up_to == EARLIER else [])


def test_a_channel_over_which_alarms_were_told_is_new_to_alerts(out: Path) -> None:
    before, then, now = open_list(out, EARLIER), open_list(out, DAY), published_again(out, DAY + WEEK)
    with_triggers(before)
    for listing in (then, now):
        with_triggers(listing, Fired(ranked_of(out, HOSTILE)[0], "seat_utilization", DAY))
    alarm = MessageItem(EARLIER, "slack", "data engineering", "alarm", trigger_code="feed_silent:tickets")
    base = memory((alarm, SENT)).told_up_to([(now, then), (then, before), (before, None)], EARLIER)
    assert base is not None
    assert base.snapshot_date == DAY


def test_where_there_is_nothing_to_be_new_against_there_are_no_alerts(out: Path) -> None:
    with_triggers(open_list(out), Fired(ranked_of(out, HOSTILE)[0], "seat_utilization", DAY))
    assert alerts(open_list(out), None, Links()).told == ()
    assert alerts(open_list(out), open_list(out, EARLIER), Links()).told == ()
    with_triggers(open_list(out, EARLIER))
    with_triggers(open_list(out))
    assert alerts(open_list(out), open_list(out, EARLIER), Links()).told == ()


def test_of_an_alert_each_trigger_is_noted_and_of_a_digest_the_part() -> None:
    row = MessageRow("Acme", None, "31% likely", "Why.", ("acme", "seats"))
    alert = replace(TOLD, kind="alert")
    assert items_of(TOLD, "slack", 2, 3, [row]) == [MessageItem(DAY, "slack", "Ana", DIGEST, 2, 3)]
    assert items_of(alert, "slack", 2, 3, [row]) == [
        MessageItem(DAY, "slack", "Ana", "alert", account_id="acme", trigger_code="seats")
    ]


# --- where owners are reached -----------------------------------------------------------------------------------------

BOTH = Recipient("b@example.com", "U012AB3CD")
PEOPLE = {
    "ana@example.com": PersonSettings(owners=("Ana  Costa",)),
    "dana@example.com": PersonSettings(),
    "lead@example.com": PersonSettings(role="lead", owners=("Ana Costa", "Björn Ek")),
    "data@example.com": PersonSettings(role="data"),
}


@pytest.mark.parametrize(
    ("owner", "to", "reached"),
    [
        ("ana costa", {}, Recipient("ana@example.com")),
        ("dana@example.com", {}, Recipient("dana@example.com")),
        ("Björn Ek", {}, Recipient()),
        ("Björn Ek", {"BJÖRN EK": {"email": "B@example.com", "slack": "U012AB3CD"}}, BOTH),
        ("Ana Costa", {"Ana Costa": {"slack": "U012AB3CD"}}, Recipient("ana@example.com", "U012AB3CD")),
        ("Ana Costa", {"Ana Costa": {"email": "else@example.com"}}, Recipient("else@example.com")),
    ],
    ids=["a csm", "named as the e-mail", "only a lead", "notify.to", "both", "notify.to wins"],
)  # fmt: skip
def test_an_owner_is_reached_as_the_settings_say(owner: str, to: dict[str, dict[str, str]], reached: Recipient) -> None:
    named = {name: RecipientSettings(**values) for name, values in to.items()}
    recipients = Recipients(named, PEOPLE)
    assert recipients.of(owner) == reached
    asked = set(next(iter(to.values()), {}))
    assert {channel for channel in ("email", "slack") if recipients.is_named(owner, channel)} == asked


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('"Ana" = { email = "ana" }', "it is no e-mail in plain ASCII"),
        ('"Ana" = { email = "a@example.com,b@example.com" }', "it is no e-mail in plain ASCII"),
        ('"Ana" = { slack = "@ana" }', "String should match pattern"),
        ('"Ana" = { mail = "ana@example.com" }', "notify.to.Ana.mail is not a setting"),
    ],
)
def test_what_is_no_address_is_refused(line: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(f"[notify.to]\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=found):
        load(tmp_path / "headroom.toml")


def test_links_need_encryption(tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text('[notify]\npages_url = "http://headroom.example.com"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="it must begin with https://"):
        load(tmp_path / "headroom.toml")
