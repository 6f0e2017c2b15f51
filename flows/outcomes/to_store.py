"""``headroom outcomes import``: the answers of a CSM in an Excel file become rows of the store."""

import hashlib
import math
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from data.contract.vocabulary import PLAY_STATUSES
from flows.outcomes.to_file import Imported, answers_in
from flows.run.settings import Settings
from serving.outcomes.outcome import Outcome, RecordedOutcome, clean_text
from serving.outcomes.states import by_account, standing
from serving.outcomes.vocabulary import ACTIONS, IMPORT, LOST, SNOOZED, STATE_AFTER, TAKEN, WON
from serving.reasons.formats import say_day
from serving.render.answers import Answer, AnsweredList
from serving.store.outcomes import open_store

ACTION_OF = dict(zip(PLAY_STATUSES, (TAKEN, WON, LOST, SNOOZED), strict=True))
"""What an answer of a sheet says that was done."""
FINAL = (WON, LOST)
"""Another answer than one of these corrects it; another one than the others is what came next."""
PAUSE_DAYS = 90
"""So long an account is snoozed that said `not now`, where no gate says how long the list waits."""


def import_into_store(file: Path, settings: Settings, today: date, who: str) -> Imported:
    """Record the answers of a filled list, those that are not there yet: the same file again adds nothing.

    The answer to a row of a list is compared with the one that was imported before. A file that comes late changes
    nothing of what was recorded since its list: an answer that says otherwise is left out, and named. Raises as
    ``import_answers`` does, and ``OutcomeError`` or ``SourceError`` where the store takes nothing.
    """
    answered = answers_in(file, settings.out_folder)
    if not answered.answers:
        return Imported(settings.outcomes_url, 0, 0, 0)
    until = today + timedelta(days=settings.serving.gates.not_now_days or PAUSE_DAYS)
    with open_store(settings.outcomes_url, settings.root) as store:
        rows = store.rows_of([answer.account_id for answer in answered.answers])
        before, corrected = _imported(rows, answered.snapshot_date), {row.corrects for row in rows}
        newer = _newer(rows, answered.snapshot_date)
        pairs = [(before.get((answer.account_id, answer.play)), answer) for answer in answered.answers]
        others = [(last, answer) for last, answer in pairs if last is None or _said(last) != _answered(answer)]
        new = [(last, answer) for last, answer in others if answer.account_id not in newer]
        late = [(newer[answer.account_id], answer) for _, answer in others if answer.account_id in newer]
        left = tuple(_told(row, answer) for row, answer in late if not _says_as_much(row, answer))
        store.append([_outcome(answered, answer, last, corrected, until, who) for last, answer in new])
        added = sum(last is None for last, _ in new)
        return Imported(store.address.shown, added, len(new) - added, len(pairs) - len(new) - len(left), left)


def _imported(rows: Iterable[RecordedOutcome], day: date) -> dict[tuple[str, str | None], RecordedOutcome]:
    """The last answer to each row of the list of a day that was imported."""
    of_list = [row for row in rows if row.came_from == IMPORT and row.snapshot_date == day]
    return {(row.account_id, row.play): row for row in of_list}


def _newer(rows: Iterable[RecordedOutcome], day: date) -> dict[str, RecordedOutcome]:
    """By account what counts last of all that was recorded since the list of a day, but for the answers to it."""
    return {
        account: row
        for account, of_account in by_account(rows)
        for row, _ in standing(of_account)
        if row.action in STATE_AFTER and _is_newer(row, day)
    }


def _is_newer(row: RecordedOutcome, day: date) -> bool:
    """Is it newer than the list of a day? The answer to a list is as old as that list, whenever it was imported."""
    if row.came_from == IMPORT and row.snapshot_date is not None:
        return row.snapshot_date > day
    return row.day >= day  # the list knows what was recorded before its day


def _says_as_much(row: RecordedOutcome, answer: Answer) -> bool:
    """Does a row say what an answer does, and more at most?"""
    action, arr, text = _answered(answer)
    return (
        row.action == action and row.play in (None, answer.play) and arr in (None, row.arr) and text in (None, row.text)
    )


def _told(row: RecordedOutcome, answer: Answer) -> str:
    return f"{answer.account_id} ({answer.place}): {ACTIONS[row.action]} on {say_day(row.day)} by {row.who}"


def _said(row: RecordedOutcome) -> tuple[str, float | None, str | None]:
    return row.action, row.arr, row.text


def _answered(answer: Answer) -> tuple[str, float | None, str | None]:
    arr = None if math.isnan(answer.arr) else answer.arr
    return ACTION_OF[answer.status], arr, clean_text(answer.reason)


def _outcome(
    answered: AnsweredList,
    answer: Answer,
    last: RecordedOutcome | None,
    corrected: set[int | None],
    until: date,
    who: str,
) -> Outcome:
    action, arr, text = _answered(answer)
    is_correction = last is not None and last.id not in corrected and (last.action in FINAL or last.action == action)
    follows = 0 if last is None else last.id
    named = (answered.run_id, answer.account_id, answer.play, follows, action, arr, text)
    return Outcome(
        account_id=answer.account_id,
        action=action,
        who=who,
        snapshot_date=answered.snapshot_date,
        play=answer.play,
        until=until if action == SNOOZED else None,
        text=text,
        arr=arr,
        corrects=follows if is_correction else None,
        came_from=IMPORT,
        request_key=hashlib.sha256(repr(named).encode()).hexdigest(),
    )
