"""A file of a playbook, and the line of it on which something is wrong: the reader of TOML gives values, no lines."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data.errors import SettingsError


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

    def has(self, table: Sequence[str]) -> bool:
        """Is there such a table or key?"""
        part: Any = self.parts
        for name in table:
            if not isinstance(part, dict) or name not in part:
                return False
            part = part[name]
        return True

    def line_of(self, table: Sequence[str], words: Sequence[str] = ()) -> int | None:
        """The line, from 1, of a table or key that holds one of ``words``, the earlier word first; else its first.

        What stands in tables within it counts too. None where it is not in this file.
        """
        asked = tuple(table[1:] if self.under == table[0] else table)
        lines = [(line, text) for path, line, text in self._lines if path[: len(asked)] == asked]
        for word in words:
            has_word = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
            for line, text in lines:
                if has_word.search(text):
                    return line
        return lines[0][0] if lines else None

    @cached_property
    def _lines(self) -> tuple[tuple[tuple[str, ...], int, str], ...]:
        """The path of the table and key that each line is of, its number, and what is written there."""
        return tuple(_lines_of(self.text))


def refusal(
    files: Sequence[PlaybookFile], table: Sequence[str], found: str, words: Sequence[str] = ()
) -> SettingsError:
    """The error about a table, or what stands in it, with the line in the first of the files that has its code."""
    file = next((one for one in files if one.has(table[:2])), None)
    if file is None or not table:
        return _error(files[0].path, found)
    line = next(line for depth in range(len(table), 0, -1) if (line := file.line_of(table[:depth], words)))
    return _error(file.path, f"line {line}: {found}")


def _error(path: Path, found: str) -> SettingsError:
    return SettingsError(
        f"Read the playbook {path}.", found, "Correct the file; the shipped playbook.toml shows every part by example."
    )


def _lines_of(text: str) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Each line with the path that it is of; blank lines and comments are of none and left out."""
    table: tuple[str, ...] = ()
    begun: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        begun.append(line)
        try:
            named = _named(tomllib.loads("\n".join(begun)))
        except tomllib.TOMLDecodeError:  # a list or a text goes on in the next line
            continue
        is_header = begun[0].lstrip().startswith("[")
        table = named if is_header else table
        path = named if is_header else (*table, *named)
        if named:
            yield from ((path, number - len(begun) + place, one) for place, one in enumerate(begun, start=1))
        begun = []


def _named(parsed: Any) -> tuple[str, ...]:
    """The names of a header or of a dotted key, outermost first."""
    names = []
    while isinstance(parsed, dict) and len(parsed) == 1:
        ((name, parsed),) = parsed.items()
        names.append(name)
        parsed = {} if parsed == [{}] else parsed
    return tuple(names)
