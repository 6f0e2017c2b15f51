"""What a CSM does about an account: the form on its page, the outcome that comes of it, and what is said of one that
cannot be recorded.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import takewhile
from typing import Any

from data.contract.vocabulary import MOTIONS
from data.errors import OutcomeError
from serving.outcomes.outcome import Outcome, RecordedOutcome, UnfitOutcomeError
from serving.outcomes.states import standing
from serving.outcomes.vocabulary import ACTIONS, CORRECTED, REASONS
from serving.published.read import PublishedList

NOBODY = "this machine"
"""Who did it where nobody signs in."""
FIELDS = ("until", "reason", "text", "arr", "motion", "product")
"""What an action may say beside itself: ``won_arr`` is the field of what was won."""
AMOUNT = re.compile(r"(\d+|\d{1,3}(,\d{3})+)(\.\d{1,2})?", re.ASCII)


@dataclass(frozen=True)
class ActionForm:
    """What the form of an account is made of.

    ``token``: of the session, so that only our own pages send it. ``list_seen``: the list that its page shows.
    ``request_key``: of this page, so that what is sent twice is recorded once. ``reasons``: why a row may be
    disqualified, by code in words. ``after``: the first day until which it may be snoozed, the one after it is said.
    ``filled``: what stands in each of its fields. Of a form that was refused, ``refused``: why nothing was recorded;
    ``faults``: what is wrong with a field, by its name there.
    ``corrects``: the row in whose place is recorded what is sent, on the day ``counts_on``.
    """

    token: str
    list_seen: str
    request_key: str
    reasons: Mapping[str, str]
    after: date
    filled: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    corrects: RecordedOutcome | None = None
    counts_on: date | None = None


def action_form(token: str, today: date, listing: PublishedList) -> ActionForm:
    """A form that has not been sent, on a page of that list."""
    return ActionForm(token, _name_of(listing), secrets.token_urlsafe(16), REASONS, _after(today))


def refused_form(
    token: str, today: date, listing: PublishedList, sent: Mapping[str, Any], error: OutcomeError
) -> ActionForm:
    """The form as it was sent, with what is wrong with it. Its key is a new one: another text is another request."""
    faults = error.faults if isinstance(error, UnfitOutcomeError) else ()
    by_field: dict[str, list[str]] = {}
    for name, words in faults:
        by_field.setdefault(f"{sent.get('action')}_{name}", []).append(words)
    return replace(
        action_form(token, today, listing),
        filled={name: str(value) for name, value in sent.items() if name.endswith(FIELDS)},
        faults={name: "; ".join(words) for name, words in by_field.items()},
        refused=error.found,
    )


def correction_form(form: ActionForm, row: RecordedOutcome, counts_on: date) -> ActionForm:
    """The form that corrects a row, filled with what the row says; one that was refused stays as it was sent.

    ``counts_on``: the day on which the row counts, and what takes its place.
    """
    amount = None if row.arr is None else f"{row.arr:.2f}".removesuffix(".00")
    told = {name: amount if name == "arr" else getattr(row, name) for name in FIELDS}
    filled = {f"{row.action}_{name}": str(value) for name, value in told.items() if value is not None}
    filled = dict(form.filled) if form.refused else filled
    return replace(form, corrects=row, counts_on=counts_on, after=_after(counts_on), filled=filled)


def row_to_correct(
    history: Iterable[RecordedOutcome], number: str, request_key: str = ""
) -> tuple[RecordedOutcome, date] | None:
    """The row of an account that an address asks to correct by its number, with the day on which it counts; None where
    it asks for none.

    ``history``: its rows, the earliest first. ``request_key``: of the form that is sent; sent twice, it corrects what
    it did when it was sent first. Raises OutcomeError where no row of that number counts: it never was there, or was
    corrected before.
    """
    if not number:
        return None
    before = takewhile(lambda row: row.request_key != request_key, history)
    counting = {str(row.id): (row, day) for row, day in standing(before)}
    if number not in counting:
        asked = f"Correct row {number[:20]!a} of this account."
        raise OutcomeError(asked, "no row of that number counts.", "Open the page of the account, and choose there.")
    return counting[number]


def outcome_of(
    form: Mapping[str, Any],
    lists: Iterable[PublishedList],
    account_id: str,
    who: str,
    corrects: RecordedOutcome | None = None,
) -> Outcome:
    """What a sent form says was done with the row of an account, of the list that its page showed or of that of the row
    it ``corrects``.

    ``lists``: those that are here. Raises UnfitOutcomeError for a day, an amount or a motion that is none, OutcomeError
    where its list is gone; the rest is checked where it is recorded.
    """
    action = str(form.get("action", ""))
    if action not in ACTIONS or (action == CORRECTED and corrects is None):
        raise _refusal(account_id, "action", "no action was chosen")
    given = {name: str(form.get(f"{action}_{name}", "")).strip() for name in FIELDS}
    about = _about(form, lists, account_id, corrects)
    return Outcome(
        account_id=account_id,
        action=action,
        who=who or NOBODY,
        snapshot_date=about["snapshot_date"],
        play=about["play"],
        motion=_motion(given["motion"], account_id) or about["motion"],
        until=_day(given["until"], account_id),
        reason=given["reason"] or None,
        text=given["text"] or None,
        arr=_amount(given["arr"], account_id),
        product=given["product"] or None,
        corrects=None if corrects is None else corrects.id,
        request_key=request_key_of(form, account_id),
    )


def request_key_of(form: Mapping[str, Any], account_id: str) -> str:
    """What tells a sent form from all others: what is sent twice has the same."""
    return f"{account_id[:100]} {form.get('action', '')} {form.get('request_key', '')}"[:200]


def _about(
    form: Mapping[str, Any], lists: Iterable[PublishedList], account_id: str, corrects: RecordedOutcome | None
) -> dict[str, Any]:
    """The list that was acted on, with its play and motion."""
    if corrects is not None:
        return {name: getattr(corrects, name) for name in ("snapshot_date", "play", "motion")}
    seen = form.get("list_seen")
    for listing in lists:
        if _name_of(listing) == seen:
            for score in listing.of_account("scores", account_id, ("play", "motion")):
                return {**score, "snapshot_date": listing.snapshot_date}
    raise OutcomeError(
        f"Record what was done with account {account_id[:40]!a}.",
        "a newer list has come since this page was opened, and the one that it showed is here no more; what stands on "
        "this page now is of the newer one.",
        "Look at the page again, and send the form from there.",
    )


def _name_of(listing: PublishedList) -> str:
    """What tells a list from all others: its day, and the run that made it; one day may be published anew."""
    return f"{listing.snapshot_date} {listing.manifest['run_id']}"


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _motion(text: str, account_id: str) -> str | None:
    if text and text not in MOTIONS:
        raise _refusal(account_id, "motion", f"{text[:40]!a} is no motion; there are {', '.join(MOTIONS)}")
    return text or None


def _day(text: str, account_id: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise _refusal(account_id, "until", f"{text!a} is no day such as 2026-10-31") from error


def _amount(text: str, account_id: str) -> float | None:
    """An amount as people type it: 12000, or 12,000.50; 12.000 and 1,5 may mean two things, and are refused."""
    if text and not AMOUNT.fullmatch(text):
        raise _refusal(account_id, "arr", f"{text!a} is no amount such as 12000, 12,000 or 12,000.50")
    return float(text.replace(",", "")) if text else None


def _refusal(account_id: str, name: str, words: str) -> UnfitOutcomeError:
    return UnfitOutcomeError(f"Record what was done with account {account_id[:40]!a}.", [(name, words)])
