"""Where something stands in a TOML file: its reader gives the values, not their lines."""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

_HEADER = re.compile(r"\s*\[.+\]\s*(#.*)?")


def line_of(text: str, table: Sequence[str], words: Sequence[str] = ()) -> int | None:
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
    """The lines of a table and of those within it, from 0."""
    here: Sequence[str] = ()
    found = []
    for place, line in enumerate(text.splitlines()):
        here = _named(line) or here
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
