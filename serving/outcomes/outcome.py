"""One outcome: what somebody did with the row of an account, before it is recorded and after; and its rules."""

import math
import unicodedata
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from data.errors import OutcomeError, hint
from serving.outcomes.vocabulary import (
    ACTIONS,
    CAME_FROM,
    CORRECTED,
    DISQUALIFIED,
    IMPORT,
    LONGEST,
    NOTED,
    OTHER,
    REASONS,
    SNOOZED,
    WEB,
    WON,
)

_MAY_STAND = {"text": "\n\t"}
"""The control characters that a field may hold."""
_TODO = "Correct it and send it again; nothing has been recorded."


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What ``who`` did with the row of an account.

    ``snapshot_date``: the list acted on, with its ``play`` and ``motion``. ``until``: the day on which what is snoozed
    is back. ``arr``: what was won, in the reporting currency per year. ``corrects``: the id of the row whose place this
    one takes. ``request_key``: of rows with the same key one is kept, so a form that is sent twice counts once.
    """

    account_id: str
    action: str
    who: str
    snapshot_date: date | None = None
    play: str | None = None
    motion: str | None = None
    until: date | None = None
    reason: str | None = None
    text: str | None = None
    arr: float | None = None
    product: str | None = None
    corrects: int | None = None
    came_from: str = WEB
    request_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedOutcome(Outcome):
    """An outcome as the store holds it: its number, and when it was recorded (UTC)."""

    id: int
    at: datetime

    @property
    def day(self) -> date:
        """The day (UTC) on which it was recorded: from the day after it is known."""
        return self.at.date()


FIELDS = tuple(field.name for field in fields(Outcome))


def said(outcome: Outcome) -> dict[str, Any]:
    """What an outcome says, by field."""
    values = asdict(outcome)
    return {name: values[name] for name in FIELDS}


def checked(outcome: Outcome, today: date) -> Outcome:
    """The outcome as it is recorded: texts without blanks around them, empty ones missing, one kind of line end.

    Raises ``OutcomeError``, with all that is wrong: an unknown word, what its action needs or cannot have, a text that
    is too long, a control character (in ``text`` lines and tabs may stand). ``today`` (UTC): a snooze ends later.
    Whether there is such an account is not asked.
    """
    texts: dict[str, Any] = {name: clean_text(getattr(outcome, name)) for name in LONGEST}
    clean = replace(outcome, **texts)
    faults = [*_text_faults(clean), *_word_faults(clean)]
    faults = faults or [*_action_faults(clean, today)]
    if faults:
        account = ascii(clean.account_id or "")[1:-1][:40]
        raise OutcomeError(f"Record what was done with account {account}.", f"{'; '.join(faults)}.", _TODO)
    return clean


def clean_text(value: str | None) -> str | None:
    """A text as it is recorded: no blanks around it, one kind of line end, and missing where nothing is left."""
    return None if value is None else value.replace("\r\n", "\n").replace("\r", "\n").strip() or None


def _text_faults(outcome: Outcome) -> list[str]:
    faults = [f"{name} is missing" for name in ("account_id", "who") if getattr(outcome, name) is None]
    for name, longest in LONGEST.items():
        value = getattr(outcome, name) or ""
        if len(value) > longest:
            faults.append(f"{name} has {len(value):,} characters, and {longest:,} are the most")
        bad = next((letter for letter in value if _is_control(letter) and letter not in _MAY_STAND.get(name, "")), None)
        if bad is not None:
            faults.append(f"{name} has the control character U+{ord(bad):04X}")
    return faults


def _is_control(letter: str) -> bool:
    """Characters that no database or page shows: controls such as NUL, and halves of a character."""
    return unicodedata.category(letter) in ("Cc", "Cs")


def _word_faults(outcome: Outcome) -> list[str]:
    faults = []
    for name, words in (("action", ACTIONS), ("came_from", CAME_FROM)):
        word = getattr(outcome, name)
        if word not in words:
            faults.append(f"{word!a} is no {name}{hint(str(word), words)}; there are {', '.join(words)}")
    return faults


def _action_faults(outcome: Outcome, today: date) -> list[str]:
    """What an action needs and has not, or has and cannot have."""
    action = outcome.action
    faults = []
    if action == SNOOZED:
        faults += _until_faults(outcome.until, today)
    elif outcome.until is not None:
        faults.append(f"`{action}` has no `until`")
    if action == WON:
        faults += _arr_faults(outcome)
    elif outcome.arr is not None:
        faults.append(f"`{action}` has no `arr`")
    if action == DISQUALIFIED:
        faults += _reason_faults(outcome)
    if action == NOTED and outcome.text is None:
        faults.append("a note needs a text")
    if action == CORRECTED and outcome.corrects is None:
        faults.append(f"`{CORRECTED}` needs the row that it takes back, as `corrects`")
    return faults


def _until_faults(until: date | None, today: date) -> list[str]:
    if until is None:
        return [f"`{SNOOZED}` needs the day on which it ends, as `until`"]
    return [] if until > today else [f"until is {until}, and today is {today} (UTC): it has to be a later day"]


def _arr_faults(outcome: Outcome) -> list[str]:
    if outcome.arr is None:
        # A sheet may leave the amount open; a form asks for it.
        return [] if outcome.came_from == IMPORT else [f"`{WON}` needs what was won, as `arr`"]
    is_amount = math.isfinite(outcome.arr) and outcome.arr >= 0
    return [] if is_amount else [f"arr is {outcome.arr}, and has to be an amount of 0 or more"]


def _reason_faults(outcome: Outcome) -> list[str]:
    if outcome.reason not in REASONS:
        given = "no reason" if outcome.reason is None else f"the reason {outcome.reason!a}"
        return [f"`{DISQUALIFIED}` has {given}; there are {', '.join(REASONS)}"]
    needs_text = outcome.reason == OTHER and outcome.text is None
    return [f"the reason `{OTHER}` needs a text"] if needs_text else []
