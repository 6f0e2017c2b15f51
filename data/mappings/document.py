"""``headroom.toml`` as ``headroom init`` writes it: the source, and the SQL of every table with its traps beside it."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from textwrap import wrap

from data.errors import ContractError
from data.mappings.compose import Composed
from data.mappings.recognise import Recognised
from data.sources.user_sql import IDS

WIDTH = 118
IDS_WORDS = (
    "Which account an id of a tool is. The other queries may read the result of this one.",
    "Where two tools have nothing in common (an id, or a domain that one of them has once), an id is left out.",
)


def document(url: str, found: Sequence[Recognised], composed: Composed) -> str:
    """The text of the file. Raises ``ContractError`` if it could not be read back."""
    text = "\n".join(_lines(url, found, composed)) + "\n"
    if tomllib.loads(text)["source"]["tables"] != {name: f"{sql}\n" for name, sql in composed.queries.items()}:
        raise ContractError(  # a name of a table with three quotes
            "Write headroom.toml.",
            "a name of the source cannot be written in it.",
            "Rename the tables that have quotes.",
        )
    return text


def caveats(composed: Composed) -> list[str]:
    """What the times of knowing are not worth, a sentence for each table; every report repeats them."""
    return [
        f"{name} of {tool.mapping.title}: {words}"
        for name, tools in composed.givers.items()
        for tool in tools
        for words in tool.caveats(name)
    ]


def _lines(url: str, found: Sequence[Recognised], composed: Composed) -> Iterator[str]:
    yield "# Written by `headroom init`. The SQL is yours to change; `headroom check` says what is wrong."
    yield "#"
    for tool in found:
        place = f", in {tool.where}" if tool.where else ""
        yield from _comment(f"{tool.mapping.title}{place}: {', '.join(tool.gives)}.")
        for words in tool.mapping.unsure:
            yield from _comment(f"not sure: {words}", "  ")
    for words in composed.decided:
        yield from _comment(words)
    yield from ("", "[source]", f"url = {json.dumps(url, ensure_ascii=False)}")
    unsafe = caveats(composed)
    if unsafe:
        yield from (
            "# Told in every report:",
            "caveats = [",
            *(f"    {json.dumps(text, ensure_ascii=False)}," for text in unsafe),
            "]",
        )
    yield from ("", "[source.tables]")
    for name, sql in composed.queries.items():
        yield from ("", *_about(name, composed), f"{name} = '''", sql, "'''")


def _about(name: str, composed: Composed) -> Iterator[str]:
    if name == IDS:
        for words in IDS_WORDS:
            yield from _comment(words)
        return
    for tool in composed.givers[name]:
        given = tool.mapping.gives[name]
        yield from _comment(f"{name}: {tool.mapping.title}. {given.known_at}")
        for trap in given.traps:
            yield from _comment(trap, "- ")


def _comment(words: str, before: str = "") -> list[str]:
    return [f"# {line}" for line in wrap(f"{before}{words}", WIDTH, subsequent_indent=" " * len(before))]
