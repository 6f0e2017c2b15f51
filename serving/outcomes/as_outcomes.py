"""The rows of the store as the table ``outcomes`` of the contract: one play after the other, as known day by day.

A play is under way from the day on which it is taken up, and over from the day on which somebody says what came of
it: ``won``, ``lost``, or ``not_now`` where the account is snoozed or disqualified, since only that makes the list wait.
What is snoozed counts before the day on which it is back; what is reopened or taken up again counts no more from then.
What came of it then stays true all the same; what is corrected never was.

A run for a past day must see what was known then, also of what was corrected later. So a row has, beside the contract's
columns, ``known_at`` and ``withdrawn_at``: it counts at snapshots after the first, up to and with the second. Of a row
that was corrected ``corrected_at`` says when.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pyarrow as pa

from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import by_account, standing
from serving.outcomes.vocabulary import DISQUALIFIED, LOST, REOPENED, SNOOZED, TAKEN, WON

STATUS_AFTER = {SNOOZED: "not_now", DISQUALIFIED: "not_now", WON: "won", LOST: "lost"}
"""What the contract calls it."""
UNDER_WAY, NOT_NOW = "open", "not_now"
NO_PLAY = "none"
"""The play of an outcome that names none."""
SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("play", pa.string()),
        ("opened_at", pa.date32()),
        ("status", pa.string()),
        ("closed_at", pa.date32()),
        ("arr", pa.float64()),
        ("reason", pa.string()),
        ("known_at", pa.date32()),
        ("withdrawn_at", pa.date32()),
        ("corrected_at", pa.date32()),
    ]
)


@dataclass(frozen=True)
class _Play:
    """A play of an account. ``ends``: the last day on whose list it counts."""

    play: str
    opened: date
    status: str = UNDER_WAY
    closed: date | None = None
    arr: float | None = None
    reason: str | None = None
    ends: date | None = None

    def counts_on(self, day: date) -> bool:
        return self.ends is None or self.ends > day

    def until(self, day: date) -> "_Play":
        """The play, which counts no longer than to that day."""
        return replace(self, ends=day if self.ends is None else min(self.ends, day))

    def differs_only_after(self, other: "_Play", day: date) -> bool:
        """Are both the same at every snapshot up to and with ``day``? What is closed or ended then is seen later."""
        both_last = all(play.ends is None or play.ends >= day for play in (self, other))
        is_closing = self.status == UNDER_WAY and other.closed == day
        same = replace(other, ends=self.ends) == self
        return both_last and (same or is_closing)


@dataclass(frozen=True)
class _Version:
    """What was believed of a play from ``known`` on."""

    play: _Play
    known: date

    def row(self, account: str, *ends: date | None) -> tuple[object, ...]:
        """``ends``: when it was withdrawn, and when corrected."""
        play = self.play
        return account, play.play, play.opened, play.status, play.closed, play.arr, play.reason, self.known, *ends


def as_outcomes(rows: Iterable[RecordedOutcome], before: date) -> pa.Table:
    """The table ``outcomes`` as known before a day, from the rows that were recorded before it (UTC).

    One row per account, play and day of its beginning, and one more for each time that it was known otherwise before;
    sorted by account. The columns are those of the contract, ``known_at``, ``withdrawn_at`` and ``corrected_at``.
    """
    known = [row for row in rows if row.day < before]
    versions = [version for account, of_account in by_account(known) for version in _versions(account, of_account)]
    columns = zip(*versions, strict=True) if versions else [()] * len(SCHEMA)
    return pa.table([pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _versions(account: str, rows: Sequence[RecordedOutcome]) -> Iterator[tuple[object, ...]]:
    """What was believed of an account's plays, from day to day."""
    if all(row.corrects is None for row in rows):  # then nothing was ever believed otherwise
        for play in _by_key(rows).values():
            yield from _told(account, _Version(play, play.opened))
        return
    held: dict[tuple[str, date], _Version] = {}
    for day in sorted({row.day for row in rows}):
        now = _by_key([row for row in rows if row.day <= day])
        for key, version in list(held.items()):
            if key not in now or not _goes_on(version, now[key], day):
                yield from _told(account, held.pop(key), day)
        for key, play in now.items():
            held[key] = _Version(play, held[key].known if key in held else day)
    for version in held.values():
        yield from _told(account, version)


def _by_key(rows: Iterable[RecordedOutcome]) -> dict[tuple[str, date], _Play]:
    """The plays of an account; of two that are called alike and begin on one day the later one."""
    return {(play.play, play.opened): play for play in _plays(rows)}


def _goes_on(version: _Version, play: _Play, day: date) -> bool:
    return version.play == play or version.play.differs_only_after(play, day)


def _told(account: str, version: _Version, corrected: date | None = None) -> Iterator[tuple[object, ...]]:
    """The row of a version; none where no snapshot sees it, unless it is all that tells of a play that was won or lost.

    ``corrected``: the day on which something else was believed in its place; None where it is believed still.
    """
    withdrawn = min((day for day in (version.play.ends, corrected) if day is not None), default=None)
    is_seen = withdrawn is None or version.known < withdrawn
    if is_seen or (corrected is None and version.play.status in (STATUS_AFTER[WON], STATUS_AFTER[LOST])):
        yield version.row(account, withdrawn, corrected)


def _plays(rows: Iterable[RecordedOutcome]) -> list[_Play]:
    """The plays of an account by these rows, earliest first."""
    plays: list[_Play] = []
    for row, day in standing(rows):
        if row.action == TAKEN or row.action in STATUS_AFTER:
            _go_on(plays, row, day)
        elif row.action == REOPENED:
            plays = [play.until(day) for play in plays]
    return plays


def _go_on(plays: list[_Play], row: RecordedOutcome, day: date) -> None:
    """Take up a play, or say what came of it; it is the one under way if there is one."""
    last = plays[-1] if plays else None
    is_under_way = last is not None and last.status == UNDER_WAY and last.counts_on(day)
    if last is not None and last.status == NOT_NOW:
        plays[-1] = last.until(day)
    if not is_under_way:
        plays.append(_Play(row.play or NO_PLAY, day))
    if row.action in STATUS_AFTER:
        plays[-1] = _closed(plays[-1], row, day)


def _closed(play: _Play, row: RecordedOutcome, day: date) -> _Play:
    because = ": ".join(part for part in (row.reason, row.text) if part) or None
    last = None if row.until is None else row.until - timedelta(days=1)  # a list of the day itself has it back
    return replace(play, status=STATUS_AFTER[row.action], closed=day, arr=row.arr, reason=because, ends=last)
