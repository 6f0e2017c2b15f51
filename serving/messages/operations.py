"""A message about a run, to those who run the system: what became of it, why, and what still holds."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from data.shown.text import on_one_line
from serving.messages.message import Message, name_of

LONGEST_SENTENCE = 600
"""Letters: the three parts of an error fit a section of Slack."""
OPERATIONS = "operations"


def run_message(run: str, what: str, said: tuple[str, ...], lists: Sequence[date] | None) -> Message:
    """``run``: its name; ``what`` it was, as "refused"; ``said``: why.

    ``lists``: the days of those that are published, the latest last; None where it is not known where they are.
    """
    title = f"Headroom: {name_of(run)} {_became(what)}"
    lead = tuple(on_one_line(sentence, LONGEST_SENTENCE) for sentence in (f"{title}.", *said, *_still(lists)))
    return Message(OPERATIONS, what, lists[-1] if lists else datetime.now(UTC).date(), title, title, lead, ())


def _still(lists: Sequence[date] | None) -> tuple[str, ...]:
    if lists is None:
        return ()
    return (f"The list of {lists[-1]} still stands." if lists else "No list has been published yet.",)


def _became(what: str) -> str:
    return f"is {what}" if what == "late" else what if what in ("failed", "crashed") else f"was {what}"
