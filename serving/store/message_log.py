"""What was sent to whom: rows that are added and never changed, in the store of outcomes.

A message is noted before it is sent and after, so whoever runs again knows of each message whether it was sent, was
refused, or was being sent when a run ended or no answer came: then nobody knows whether it arrived.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, insert, select

from data.contract.vocabulary import folded
from serving.store.schema import MESSAGES

DIGEST, ALERT, ALARM = "digest", "alert", "alarm"
"""The kinds of messages."""
Key = tuple[object, ...]
"""What makes an item one that is told once."""


class Step(StrEnum):
    """What became of a message; the last row of an item says so. Failed is also what is taken for not arrived."""

    BEGAN = "began"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class MessageItem:
    """One thing that an owner is told of a list on a channel.

    Of a digest a part: ``part`` of ``parts``. Of an alert one trigger: ``account_id`` and ``trigger_code``. Of an alarm
    its key as ``trigger_code``, and as ``snapshot_date`` the day of monitoring.
    """

    snapshot_date: date
    channel: str
    owner: str
    kind: str
    part: int | None = None
    parts: int | None = None
    account_id: str | None = None
    trigger_code: str | None = None

    @property
    def key(self) -> Key:
        """What is told once: of a digest a part in each list, of an alert a trigger, whatever the list, and an alarm on
        each day of monitoring. Each list settles how it writes an owner: one that is spelt otherwise is the same.
        """
        day = None if self.kind == ALERT else self.snapshot_date
        return day, self.channel, folded(self.owner), self.kind, self.part, self.account_id, self.trigger_code


NAMES = tuple(field.name for field in fields(MessageItem))


@dataclass(frozen=True)
class Noted:
    """What the log says last of an item, and since when (UTC)."""

    item: MessageItem
    step: Step
    at: datetime


class MessageLog:
    """The notes of a store; ``connected`` gives a connection in a transaction, ``now`` the time (UTC)."""

    def __init__(
        self, connected: Callable[..., AbstractContextManager[Connection]], now: Callable[[], datetime]
    ) -> None:
        self._connected, self._now = connected, now

    def last(self, since: date, from_list: date) -> dict[Key, Noted]:
        """What is said last of each item that was noted since a day (UTC), or is of that list or a later one."""
        with self._connected("Read what was sent") as connection:
            return _last(connection, since, from_list)

    def begin(self, items: Sequence[MessageItem], since: date, *, again: bool) -> bool:
        """Note that these items, of one list, channel and owner, are being sent, unless one of them is told already.

        False where nothing was noted: then it must not be sent. Told is what was noted for this list, or since a day
        (UTC); ``again``: but for what a run that ended left unclear. Of two processes that ask at once one may send.
        """
        with self._connected("Note what is sent", writes=True) as connection:
            known = _last(connection, since, items[0].snapshot_date, items[0])
            if any(is_told(known.get(item.key), again=again) for item in items):
                return False
            self._add(connection, items, Step.BEGAN)
            return True

    def end(self, items: Sequence[MessageItem], step: Step) -> None:
        """Note what became of them."""
        with self._connected("Note what was sent", writes=True) as connection:
            self._add(connection, items, step)

    def _add(self, connection: Connection, items: Sequence[MessageItem], step: Step) -> None:
        at = self._now()
        rows = [{**asdict(item), "step": step.value, "at": at} for item in items]
        if rows:  # without rows SQLAlchemy would add one of defaults
            connection.execute(insert(MESSAGES), rows)


def is_told(noted: Noted | None, *, again: bool) -> bool:
    """Was it sent, or may it have been? ``again``: what is unclear counts as not sent."""
    if noted is None or noted.step is Step.FAILED:
        return False
    return noted.step is Step.SENT or not again


def spellings(connection: Connection, owners: Iterable[str], *among: ColumnElement[bool]) -> list[str]:
    """How the notes (those ``among`` which) write these owners, compared without regard to case and blanks."""
    asked = set(map(folded, owners))
    noted = connection.scalars(select(MESSAGES.c.owner).where(*among).distinct())
    return sorted(owner for owner in noted if folded(owner) in asked)


def _last(connection: Connection, since: date, from_list: date, like: MessageItem | None = None) -> dict[Key, Noted]:
    """What is said last of each item; ``like``: of that channel and owner alone."""
    midnight = datetime.combine(since, time(), UTC)
    asked = (MESSAGES.c.snapshot_date >= from_list) | (MESSAGES.c.at >= midnight)
    if like is not None:
        asked &= MESSAGES.c.channel == like.channel
        asked &= MESSAGES.c.owner.in_(spellings(connection, [like.owner], asked))
    rows = connection.execute(select(MESSAGES).where(asked).order_by(MESSAGES.c.id)).mappings()
    noted = (Noted(MessageItem(**{name: row[name] for name in NAMES}), Step(row["step"]), row["at"]) for row in rows)
    return {note.item.key: note for note in noted}
