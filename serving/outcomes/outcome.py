"""One outcome: what somebody did with the row of an account, before it is recorded and after; and its rules."""

import math
import unicodedata
from collections.abc import Iterable
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
KEYS = ("account_id", "play", "request_key")
"""The fields that are looked up by, to the letter: an id may end in a blank."""
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters by their category that are drawn as a blank: the fillers of Hangul, and the empty pattern of Braille."""
LARGEST_ARR = 1e12
"""What no contract is worth in a year, in whichever currency: more is a slip of the hand."""
_TODO = "Correct it and send it again; nothing has been recorded."
Faults = list[tuple[str, str]]
"""Of each field that is not as it should be its name, and what is wrong in words."""


class UnfitOutcomeError(OutcomeError):
    """An outcome that breaks its rules. ``faults``: what is wrong, by field; a field may stand there twice."""

    def __init__(self, asked: str, faults: Iterable[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__(asked, f"{'; '.join(words for _, words in self.faults)}.", _TODO)


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


def checked(outcome: Outcome, day: date) -> Outcome:
    """The outcome as it is recorded: ``KEYS`` to the letter, other texts clean, and missing what nothing is seen of.

    Raises ``UnfitOutcomeError``, with all that is wrong: an unknown word, what its action needs or cannot have, a text
    that is too long, a control character (in ``text`` lines and tabs may stand). ``day`` (UTC): when it is done;
    a snooze ends later. Whether there is such an account is not asked.
    """
    texts: dict[str, Any] = {name: _as_recorded(name, getattr(outcome, name)) for name in LONGEST}
    clean = replace(outcome, **texts)
    faults = [*_text_faults(clean), *_word_faults(clean)]
    faults = faults or [*_action_faults(clean, day)]
    if faults:
        account = ascii(clean.account_id or "")[1:-1][:40]
        raise UnfitOutcomeError(f"Record what was done with account {account}.", faults)
    return clean


def _as_recorded(name: str, value: str | None) -> str | None:
    clean = clean_text(value)
    return clean if clean is None or name not in KEYS else value


def clean_text(value: str | None) -> str | None:
    """A text as it is recorded: no blanks around it, one kind of line end, and missing where nothing of it is seen."""
    if value is None or not any(map(_is_seen, value)):
        return None
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def _is_seen(letter: str) -> bool:
    """No blank, no mark that stands on a letter before it, no sign that only turns or joins others.

    Controls count as seen: they are told as what they are.
    """
    return not letter.isspace() and letter not in _FILLERS and unicodedata.category(letter) not in ("Cf", "Mn", "Me")


def _text_faults(outcome: Outcome) -> Faults:
    faults = [(name, f"{name} is missing") for name in ("account_id", "who") if getattr(outcome, name) is None]
    for name in LONGEST:
        faults += [(name, f"{name} {fault}") for fault in text_faults(name, getattr(outcome, name) or "")]
    return faults


def text_faults(name: str, value: str) -> list[str]:
    """What keeps a text from being recorded in the field of that name, in words that follow the name."""
    longest, faults = LONGEST[name], []
    if len(value) > longest:
        faults.append(f"has {len(value):,} characters, and {longest:,} are the most")
    bad = next((letter for letter in value if is_control(letter) and letter not in _MAY_STAND.get(name, "")), None)
    if bad is not None:
        faults.append(f"has the control character U+{ord(bad):04X}")
    return faults


def is_control(letter: str) -> bool:
    """Characters that no database or page shows: controls such as NUL, and halves of a character."""
    return unicodedata.category(letter) in ("Cc", "Cs")


def _word_faults(outcome: Outcome) -> Faults:
    faults = []
    for name, words in (("action", ACTIONS), ("came_from", CAME_FROM)):
        word = getattr(outcome, name)
        if word not in words:
            faults.append((name, f"{word!a} is no {name}{hint(str(word), words)}; there are {', '.join(words)}"))
    return faults


def _action_faults(outcome: Outcome, day: date) -> Faults:
    """What an action needs and has not, or has and cannot have."""
    action = outcome.action
    faults: Faults = []
    if action == SNOOZED:
        faults += _until_faults(outcome.until, day)
    elif outcome.until is not None:
        faults.append(("until", f"`{action}` has no `until`"))
    if action == WON:
        faults += _arr_faults(outcome)
    elif outcome.arr is not None:
        faults.append(("arr", f"`{action}` has no `arr`"))
    if action == DISQUALIFIED:
        faults += _reason_faults(outcome)
    if action == NOTED and outcome.text is None:
        faults.append(("text", "a note needs a text"))
    if action == CORRECTED and outcome.corrects is None:
        faults.append(("corrects", f"`{CORRECTED}` needs the row that it takes back, as `corrects`"))
    return faults


def _until_faults(until: date | None, day: date) -> Faults:
    if until is None:
        return [("until", "the day on which it ends is missing (until)")]
    is_late = f"until is {until}, and it is said on {day} (UTC): it has to be a later day"
    return [] if until > day else [("until", is_late)]


def _arr_faults(outcome: Outcome) -> Faults:
    if outcome.arr is None:
        # A sheet may leave the amount open; a form asks for it.
        return [] if outcome.came_from == IMPORT else [("arr", "what was won is missing (arr)")]
    if not (math.isfinite(outcome.arr) and outcome.arr >= 0):
        return [("arr", f"arr is {outcome.arr}, and has to be an amount of 0 or more")]
    too_much = f"arr is {outcome.arr:,.0f}, and {LARGEST_ARR:,.0f} a year is the most"
    return [("arr", too_much)] if outcome.arr > LARGEST_ARR else []


def _reason_faults(outcome: Outcome) -> Faults:
    if outcome.reason not in REASONS:
        given = "no reason" if outcome.reason is None else f"the reason {outcome.reason!a}"
        return [("reason", f"`{DISQUALIFIED}` has {given}; there are {', '.join(REASONS)}")]
    needs_text = outcome.reason == OTHER and outcome.text is None
    return [("text", f"the reason `{OTHER}` needs a text")] if needs_text else []
