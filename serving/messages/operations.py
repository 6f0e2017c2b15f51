"""A message about a run, to those who run the system: what became of it, why, and what still holds."""

from datetime import UTC, date, datetime

from data.shown.text import on_one_line
from serving.messages.message import Message, name_of

LONGEST_SENTENCE = 600
"""Letters: the three parts of an error fit a section of Slack."""
OPERATIONS = "operations"


def run_message(run: str, what: str, said: tuple[str, ...], last_list: date | None) -> Message:
    """``run``: its name; ``what`` it was, as "refused"; ``said``: why; ``last_list``: the list that people read."""
    title = f"Headroom: {name_of(run)} {_became(what)}"
    still = "No list has been published yet." if last_list is None else f"The list of {last_list} still stands."
    lead = tuple(on_one_line(sentence, LONGEST_SENTENCE) for sentence in (f"{title}.", *said, still))
    return Message(OPERATIONS, what, last_list or datetime.now(UTC).date(), title, title, lead, ())


def _became(what: str) -> str:
    return f"is {what}" if what == "late" else what if what in ("failed", "crashed") else f"was {what}"
