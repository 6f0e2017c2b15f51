"""A message as blocks of Slack, cut into parts between rows where it is too long for one.

Slack takes 50 blocks, 3,000 characters a section and, which it does not document, about 13,200 characters in all;
Apprise takes a file of 35,000 bytes. What stands in a part is measured as it is written, so all of it counts.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from serving.messages.message import Message, MessageRow, MessageSection

Block = dict[str, Any]
MOST_BLOCKS, MOST_IN_ALL, MOST_BYTES = 50, 13_000, 34_000
COLOUR = "#1d5fbf"
_STYLES = re.compile("[*_~`]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_NOTHING_WIDE = "\N{ZERO WIDTH SPACE}"
"""Put before a mark of style, so that it does not stand where a style can begin or end."""


@dataclass(frozen=True)
class SlackPart:
    """One message of Slack, and the rows that it tells."""

    blocks: tuple[Block, ...]
    fallback: str
    rows: tuple[MessageRow, ...]

    def written(self) -> str:
        """As a file: ASCII, and no two braces beside each other within a text, which a template would fill in."""
        content = {"color": COLOUR, "fallback": self.fallback, "blocks": self.blocks}
        return json.dumps(content).replace("{{", "{\\u007b")


def parts(message: Message, member: str | None = None) -> list[SlackPart]:
    """The message in as few parts as it takes. ``member``: the id of who is named in the first of them."""
    packs: list[list[tuple[MessageSection, MessageRow]]] = [[]]
    for told in message.rows():
        if not _fits(_blocks(message, [*packs[-1], told], member, " (99 of 99)", is_first=True, is_last=True)):
            packs.append([])
        packs[-1].append(told)
    return [
        SlackPart(
            tuple(
                _blocks(
                    message,
                    pack,
                    member,
                    f" ({number} of {len(packs)})" if len(packs) > 1 else "",
                    is_first=number == 1,
                    is_last=number == len(packs),
                )
            ),
            escaped(message.title),
            tuple(row for _, row in pack),
        )
        for number, pack in enumerate(packs, start=1)
    ]


def escaped(text: str) -> str:
    """A text that Slack shows as it is: no link, nobody is called, no style."""
    return _STYLES.sub(lambda mark: f"{_NOTHING_WIDE}{mark[0]}", text.translate(_ESCAPES))


def _fits(blocks: Sequence[Block]) -> bool:
    return (
        len(blocks) <= MOST_BLOCKS
        and len(json.dumps(blocks, ensure_ascii=False)) <= MOST_IN_ALL
        and len(SlackPart(tuple(blocks), "", ()).written()) <= MOST_BYTES
    )


def _blocks(
    message: Message,
    pack: Sequence[tuple[MessageSection, MessageRow]],
    member: str | None,
    which: str,
    *,
    is_first: bool,
    is_last: bool,
) -> list[Block]:
    made: list[Block] = [{"type": "header", "text": {"type": "plain_text", "text": f"{message.title}{which}"}}]
    if is_first:
        made.append(_section("\n".join(_lead(message, member))))
    section = None
    for section_of_row, row in pack:
        if section_of_row is not section:
            section = section_of_row
            made.append(_section(f"*{escaped(section.title)}*"))
        made.append(_section("\n".join(_row(row))))
        if row.note:
            made.append(_section(escaped(row.note)))  # of its own: the row fits a section without it
        if section.more and row is section.rows[-1]:
            made.append(_section(section.more_said))
    if message.pages and is_last:
        made.append(_section(f"<{message.pages}|Open the list>"))
    return made


def _lead(message: Message, member: str | None) -> Iterator[str]:
    if member:
        yield f"<@{member}>"
    yield from map(escaped, message.lead)


def _row(row: MessageRow) -> Iterator[str]:
    name = escaped(row.name)
    linked = name if row.link is None else f"<{row.link.translate(_ESCAPES)}|{name}>"
    yield f"*{linked}*{f'  {escaped(row.said)}' if row.said else ''}"
    if row.why:
        yield escaped(row.why)


def _section(text: str) -> Block:
    """``verbatim``: names of channels and people within a text are no links."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
