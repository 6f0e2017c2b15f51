"""The channels that messages go by, Slack and e-mail, both through Apprise.

The address of a channel is a secret: whoever knows it can write there. It comes from the environment and is told to
nobody; what Apprise says of a failure is told without any part of it.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import unquote

from apprise import AppriseAsset
from apprise.common import NotifyFormat
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.slack import NotifySlack, SlackMode

from data.errors import SettingsError
from serving.messages.delivery.recipients import Recipient
from serving.messages.delivery.slack import parts
from serving.messages.delivery.words import as_html
from serving.messages.message import Message, MessageRow, on_one_line
from serving.messages.settings import EMAIL_URL, SLACK_URL

ASSET = AppriseAsset(app_id="Headroom", app_desc="Headroom", app_url="")
"""What the messages say that they come from."""
TIMES = {"cto": 10, "rto": 30}
"""Seconds until a server is reached, and until it answers: one that takes a message slowly must not get it twice."""
WEBHOOK = "https://hooks.slack.com/services/T000/B000/XXXX, the incoming webhook that Slack gives"
SMTP = "mailtos://USER:PASSWORD@SERVER:587/?from=headroom@example.com"
_MAIL = ("mailto://", "mailtos://")
_WEBHOOKS = (SlackMode.WEBHOOK, SlackMode.WEBHOOK_GOV)
_PIECES = re.compile(r"[/?&=:@]+")
_SHORTEST_PIECE = 4
"""Letters of a part of an address that is left out of what is told; what is shorter stands in any word."""
_LONGEST_REASON = 300
_LOG = logging.getLogger("apprise")


@dataclass(frozen=True)
class Delivery:
    """One message that can be sent: the rows that it tells, and the sending, which says why it failed; None if not."""

    rows: tuple[MessageRow, ...]
    send: Callable[[], str | None]


class Channel(Protocol):
    """A way to reach people."""

    name: str

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:
        """What a message is sent as; nothing where this person cannot be reached."""
        ...


class SlackChannel:
    """An incoming webhook: every message goes to its channel, and names the owner's member id.

    ``file``: where a message is put for Apprise, which sends blocks from a file alone.
    """

    name = "slack"

    def __init__(self, url: str, file: Path) -> None:
        self._url, self._file = url, file
        file.write_text("{}", encoding="ascii")
        read = NotifySlack.parse_native_url(url) or NotifySlack.parse_url(url) or {}
        self._webhook = _made(
            SLACK_URL, WEBHOOK, lambda: NotifySlack(**{**TIMES, **read, "template": str(file), "asset": ASSET})
        )
        if self._webhook.mode not in _WEBHOOKS:
            raise _refused(SLACK_URL, WEBHOOK)

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:
        return [Delivery(part.rows, partial(self._send, part.written())) for part in parts(message, to.slack)]

    def _send(self, written: str) -> str | None:
        self._file.write_text(written, encoding="ascii")
        return _failure(self._url, lambda: self._webhook.notify(body=" "))


class EmailChannel:
    """A mail server: every message goes to the owner's e-mail, in plain text and in HTML."""

    name = "email"

    def __init__(self, url: str) -> None:
        self._url, self._read = url, NotifyEmail.parse_url(url) if url.lower().startswith(_MAIL) else {}
        _made(EMAIL_URL, SMTP, partial(self._to, "nobody@example.com"))

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:
        if to.email is None:
            return []
        return [Delivery(tuple(row for _, row in message.rows()), partial(self._send, message, to.email))]

    def _to(self, address: str) -> NotifyEmail:
        return NotifyEmail(**{**TIMES, **self._read, "targets": [address], "cc": None, "bcc": None, "asset": ASSET})

    def _send(self, message: Message, address: str) -> str | None:
        body = as_html(message)
        send = partial(self._to(address).notify, body=body, title=message.subject, body_format=NotifyFormat.HTML)
        return _failure(self._url, send)


@contextmanager
def opened(environment: Mapping[str, str]) -> Iterator[list[Channel]]:
    """The channels that the environment names. Raises SettingsError, without its value, for what is no address."""
    with ExitStack() as stack:
        channels: list[Channel] = []
        if url := environment.get(SLACK_URL):
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="headroom-")))
            channels.append(SlackChannel(url, folder / "blocks.json"))
        if url := environment.get(EMAIL_URL):
            channels.append(EmailChannel(url))
        yield channels


def _made(variable: str, kind: str, make: Callable[[], Any]) -> Any:
    with _heard():
        try:
            return make()
        except TypeError:  # what Apprise raises for an address that it cannot use, and nothing else says so
            raise _refused(variable, kind) from None


def _refused(variable: str, kind: str) -> SettingsError:
    return SettingsError(
        f"Open the channel that {variable} names.", "its value is not such an address.", f"Set it as {kind}."
    )


def _failure(url: str, send: Callable[[], bool]) -> str | None:
    """Send, and say why it failed, without any part of the channel's address; None where it was taken."""
    with _heard() as said:
        if send():
            return None
    reason = " ".join(said) or "no reason was given"
    pieces = {written for piece in _PIECES.split(url) for written in (piece, unquote(piece))}
    for piece in sorted(pieces, key=len, reverse=True):
        reason = reason.replace(piece, "***") if len(piece) >= _SHORTEST_PIECE else reason
    return on_one_line(reason, _LONGEST_REASON)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What Apprise says meanwhile, which would go to standard error, addresses and all."""
    said: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    before, listening = (_LOG.propagate, _LOG.level), Listening(logging.WARNING)
    _LOG.addHandler(listening)
    _LOG.propagate = False
    try:
        yield said
    finally:
        _LOG.removeHandler(listening)
        _LOG.propagate, _LOG.level = before
