"""A message to the owner of accounts, before it is put into the form of a channel."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from data.shown.text import on_one_line

LONGEST_NAME, LONGEST_TEXT, LONGEST_URL = 80, 200, 500
"""So many letters of a name, a sentence and a link are written: a row fits a section of Slack, whatever it escapes."""


@dataclass(frozen=True)
class MessageRow:
    """One account: its name with a link (None: no pages are served), what is said beside it, why, and what to mind.

    ``trigger``: of an alert the account's id and the code of the trigger, which is told once. Of an alarm, which is of
    no account, ``name`` is what it is called, and ``trigger`` None and its key.
    """

    name: str
    link: str | None
    said: str
    why: str = ""
    trigger: tuple[str | None, str] | None = None
    note: str = ""


@dataclass(frozen=True)
class MessageSection:
    """Accounts under one heading; ``more``: how many are counted and not shown."""

    title: str
    rows: tuple[MessageRow, ...]
    more: int = 0

    @property
    def more_said(self) -> str:
        return f"and {self.more:,} more" if self.more else ""


@dataclass(frozen=True)
class Message:
    """What one owner is told. ``lead``: the sentences before the accounts, the most important first.

    ``subject``: as it stands in the owner's own mail; ``title``: as it stands where others read along. ``pages``: where
    the web pages are; None where none are served.
    """

    owner: str
    kind: str
    snapshot_date: date
    subject: str
    title: str
    lead: tuple[str, ...]
    sections: tuple[MessageSection, ...]
    pages: str | None = None

    def rows(self) -> Iterator[tuple[MessageSection, MessageRow]]:
        """Every row with its section."""
        yield from ((section, row) for section in self.sections for row in section.rows)


def name_of(text: str) -> str:
    """A name as a message has it."""
    return on_one_line(text, LONGEST_NAME) or "(no name)"


def sentence_of(text: str) -> str:
    """A sentence as a message has it."""
    return on_one_line(text, LONGEST_TEXT)
