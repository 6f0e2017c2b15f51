"""A file of a playbook, and the line of it on which something is wrong: the reader of TOML gives values, no lines."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import SettingsError

_HEADER = re.compile(r"\s*\[.+\]\s*(#.*)?")
_KEY = re.compile(r"\s*([\w-]+)\s*=")


@dataclass(frozen=True)
class PlaybookFile:
    """A file of a playbook, as it is written. ``under``: the part that all its tables are of, if they do not say it."""

    path: Path
    text: str
    parts: dict[str, Any]
    under: str = ""

    @classmethod
    def read(cls, path: Path, under: str = "") -> "PlaybookFile":
        """Raises SettingsError where it cannot be read."""
        try:
            text = path.read_text(encoding="utf-8")
            parts = tomllib.loads(text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise _error(path, f"it cannot be read: {error}") from error
        return cls(path, text, {under: parts} if under else parts, under)

    def line_of(self, table: Sequence[str], words: Sequence[str] = ()) -> int | None:
        """The line of a table, or of a word in it; None where it is not in this file."""
        return _line_of(self.text, table[1:] if self.under == table[0] else table, words)


def refusal(
    files: Sequence[PlaybookFile], table: Sequence[str], found: str, words: Sequence[str] = ()
) -> SettingsError:
    """The error about a table, or what stands in it, with the first of the files that has it and the line there."""
    for depth in range(len(table), 0, -1):
        for file in files:
            line = file.line_of(table[:depth], words)
            if line is not None:
                return _error(file.path, f"line {line}: {found}")
    return _error(files[0].path, found)


def _error(path: Path, found: str) -> SettingsError:
    return SettingsError(
        f"Read the playbook {path}.", found, "Correct the file; the shipped playbook.toml shows every part by example."
    )


def _line_of(text: str, table: Sequence[str], words: Sequence[str] = ()) -> int | None:
    """The first line, from 1, of a table that holds one of ``words``, the earlier word first; else that of its header.

    What stands in tables within it counts too. None where the text has no such table.
    """
    lines, at = text.splitlines(), _lines_in(text, table)
    for word in words:
        asked = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for place in at:
            if asked.search(lines[place]):
                return place + 1
    return at[0] + 1 if at else None


def _lines_in(text: str, table: Sequence[str]) -> list[int]:
    """The lines of a table and of those within it, from 0; also of what should be a table and is a value."""
    here: Sequence[str] = ()
    found, is_in_table = [], False
    for place, line in enumerate(text.splitlines()):
        header, key = _named(line), _KEY.match(line)
        is_in_table |= bool(header)
        here = header or ([key[1]] if key and not is_in_table else here)
        if list(here[: len(table)]) == list(table):
            found.append(place)
    return found


def _named(line: str) -> list[str]:
    """The names of a table's header, outermost first; none where the line is no header."""
    if not _HEADER.fullmatch(line):
        return []
    try:
        inner: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:  # a line of a list over several lines
        return []
    names = []
    while inner:
        name, inner = next(iter(inner.items()))
        names.append(name)
        inner = inner[0] if isinstance(inner, list) else inner
    return names
