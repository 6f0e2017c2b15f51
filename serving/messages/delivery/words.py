"""A message as HTML for an e-mail, and as plain text for a terminal."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving.messages.message import Message


@cache
def _environment() -> Environment:
    """Everything is escaped, an unknown name is an error."""
    folder = Path(__file__).with_name("templates")
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def as_html(message: Message) -> str:
    """The body of an e-mail; its plain part is made of it."""
    return _environment().get_template("message.html.j2").render(message=message)


def as_text(message: Message) -> Iterator[str]:
    """The lines of a message."""
    yield from message.lead
    for section in message.sections:
        yield from ("", section.title)
        for row in section.rows:
            yield f"- {row.name}" + (f": {row.said}" if row.said else "")
            if row.why:
                yield f"  {row.why}"
            if row.note:
                yield f"  {row.note}"
        if section.more:
            yield f"- {section.more_said}"
    if message.pages:
        yield from ("", f"The list: {message.pages}")
