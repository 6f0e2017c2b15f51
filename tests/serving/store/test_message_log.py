"""What was sent: noted before and after, told once, and never changed, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from serving.store.message_log import MessageItem, Step
from serving.store.outcomes import OutcomeStore
from tests.serving.store.conftest import TODAY, Clock
from tests.serving.store.test_outcomes import refused

DIGEST = MessageItem(TODAY, "slack", "Ana Costa", "digest", 1, 2)
ALERT = MessageItem(TODAY, "email", "Ana Costa", "alert", account_id="acme", trigger_code="seats")


def steps(store: OutcomeStore) -> dict[MessageItem, Step]:
    return {noted.item: noted.step for noted in store.messages.last(TODAY, TODAY).values()}


def test_what_is_being_sent_or_was_sent_is_not_begun_again(store: OutcomeStore) -> None:
    log = store.messages
    assert log.begin([DIGEST], TODAY, again=False)
    assert not log.begin([DIGEST], TODAY, again=False)
    assert log.begin([DIGEST], TODAY, again=True)  # by who knows that it did not arrive
    log.end([DIGEST], Step.SENT)
    assert not log.begin([DIGEST], TODAY, again=True)
    assert steps(store) == {DIGEST: Step.SENT}


def test_an_owner_who_is_written_otherwise_is_told_nothing_twice(store: OutcomeStore) -> None:
    """Each list settles how it writes an owner."""
    log, otherwise = store.messages, replace(DIGEST, owner="ana  COSTA")
    assert log.begin([DIGEST], TODAY, again=False)
    assert not log.begin([otherwise], TODAY, again=False)
    log.end([otherwise], Step.FAILED)
    assert steps(store) == {otherwise: Step.FAILED}
    assert log.begin([DIGEST], TODAY, again=False)


def test_what_failed_may_be_begun_again(store: OutcomeStore) -> None:
    log = store.messages
    assert log.begin([DIGEST], TODAY, again=False)
    log.end([DIGEST], Step.FAILED)
    assert log.begin([DIGEST], TODAY, again=False)


@pytest.mark.parametrize(
    "other",
    [{"part": 2}, {"owner": "Björn Ek"}, {"channel": "email"}, {"snapshot_date": TODAY - timedelta(days=7)}],
    ids=lambda other: next(iter(other)),
)
def test_another_part_owner_channel_or_list_is_another_thing(store: OutcomeStore, other: dict[str, object]) -> None:
    store.messages.begin([DIGEST], TODAY, again=False)
    assert store.messages.begin([replace(DIGEST, **other)], TODAY, again=False)


def test_a_trigger_is_told_again_after_its_cool_down_whatever_the_list(store: OutcomeStore, clock: Clock) -> None:
    log, days = store.messages, timedelta(days=30)
    log.begin([ALERT], TODAY - days, again=False)
    log.end([ALERT], Step.SENT)
    clock.day = TODAY + days
    later = replace(ALERT, snapshot_date=clock.day)
    assert not log.begin([later], clock.day - days, again=False)
    assert log.begin([later], clock.day - days + timedelta(days=1), again=False)


def test_of_many_things_all_are_noted(store: OutcomeStore) -> None:
    many = [replace(ALERT, account_id=f"a{number}") for number in range(1200)]
    store.messages.begin(many, TODAY, again=False)
    assert set(steps(store)) == set(many)


@pytest.mark.parametrize("statement", ["update headroom_messages set step = 'failed'", "delete from headroom_messages"])
def test_the_database_refuses_to_change_what_was_sent(store: OutcomeStore, url: str, statement: str) -> None:
    store.messages.begin([DIGEST], TODAY, again=False)
    refused(url, statement, "messages are only added to")
    assert steps(store) == {DIGEST: Step.BEGAN}


def test_nor_can_it_be_taken_away_by_another_name(store: OutcomeStore, url: str) -> None:
    store.messages.begin([DIGEST], TODAY, again=False)
    statement = "truncate headroom_messages"
    if url.startswith("sqlite"):
        statement = "insert or replace into headroom_messages select * from headroom_messages where id = 1"
    refused(url, statement, "messages are only added to")
