"""The channels that messages go by, Slack, e-mail and for operations any other, all through Apprise.

The address of a channel is a secret: whoever knows it can write there. It comes from the environment and is told to
nobody; what Apprise says of a failure is told without any part of it.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from smtplib import SMTP, SMTPServerDisconnected
from ssl import SSLCertVerificationError
from tempfile import TemporaryDirectory
from traceback import walk_tb
from typing import Any, Protocol
from urllib.parse import unquote

import requests
from apprise import Apprise, AppriseAsset
from apprise.common import NotifyFormat
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.slack import NotifySlack, SlackMode
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, ProxyError, SSLError

from data.errors import SettingsError
from serving.messages.delivery.recipients import Recipient
from serving.messages.delivery.slack import parts
from serving.messages.delivery.words import as_html, as_text
from serving.messages.message import Message, MessageRow, on_one_line
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL, SLACK_URL

ASSET = AppriseAsset(app_id="Headroom", app_desc="Headroom", app_url="")
"""What the messages say that they come from."""
TIMES = {"cto": 10, "rto": 30}
"""Seconds until a server is reached, and until it answers: one that takes a message slowly must not get it twice."""
ONCE = {"retry": 0}
"""Whatever the address asks for: Apprise would also repeat what may have arrived."""
WEBHOOK = "https://hooks.slack.com/services/T000/B000/XXXX, the incoming webhook that Slack gives"
ANY_ADDRESS = "an address of Apprise, such as slack://, msteams://, pagerduty:// or mailtos://"
MAIL_SERVER = "mailtos://USER:PASSWORD@SERVER:587/?from=headroom@example.com"
_MAIL = ("mailto://", "mailtos://")
_WEBHOOKS = (SlackMode.WEBHOOK, SlackMode.WEBHOOK_GOV)
_PIECES = re.compile(r"[/?&=:@]+")
_SHORTEST_PIECE = 4
"""Letters of a part of an address that is left out of what is told; what is shorter stands in any word."""
_LONGEST_REASON = 300
_LOG = logging.getLogger("apprise")


@dataclass(frozen=True)
class Failure:
    """Why a message was not taken, without a secret. ``may_have_arrived``: it was given over, and no answer came."""

    why: str
    may_have_arrived: bool = False


@dataclass(frozen=True)
class Delivery:
    """One message that can be sent: the rows that it tells, and the sending, which says how it failed; None if not."""

    rows: tuple[MessageRow, ...]
    send: Callable[[], Failure | None]


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
            SLACK_URL, WEBHOOK, lambda: NotifySlack(**{**TIMES, **read, **ONCE, "template": str(file), "asset": ASSET})
        )
        if self._webhook.mode not in _WEBHOOKS:
            raise _refused(SLACK_URL, WEBHOOK)

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:
        return [Delivery(part.rows, partial(self._send, part.written())) for part in parts(message, to.slack)]

    def _send(self, written: str) -> Failure | None:
        self._file.write_text(written, encoding="ascii")
        return _failure(self._url, lambda: self._webhook.notify(body=" "))


class EmailChannel:
    """A mail server: every message goes to the owner's e-mail, in plain text and in HTML."""

    name = "email"

    def __init__(self, url: str) -> None:
        self._url, self._read = url, NotifyEmail.parse_url(url) if url.lower().startswith(_MAIL) else {}
        _made(EMAIL_URL, MAIL_SERVER, partial(self._to, "nobody@example.com"))

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:
        if to.email is None:
            return []
        return [Delivery(tuple(row for _, row in message.rows()), partial(self._send, message, to.email))]

    def _to(self, address: str) -> NotifyEmail:
        to = {"targets": [address], "cc": None, "bcc": None}
        return NotifyEmail(**{**TIMES, **self._read, **ONCE, **to, "asset": ASSET})

    def _send(self, message: Message, address: str) -> Failure | None:
        body = as_html(message)
        send = partial(self._to(address).notify, body=body, title=message.subject, body_format=NotifyFormat.HTML)
        return _failure(self._url, send)


class AnyChannel:
    """Whatever address Apprise knows: every message goes there, in plain text."""

    name = "operations"

    def __init__(self, url: str) -> None:
        self._url = url
        self._place = _made(OPERATIONS_URL, ANY_ADDRESS, partial(_instantiated, url))

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:  # noqa: ARG002  the address says to whom
        return [Delivery((), partial(self._send, message))]

    def _send(self, message: Message) -> Failure | None:
        body = "\n".join(as_text(message))
        send = partial(self._place.notify, body=body, title=message.subject, body_format=NotifyFormat.TEXT)
        return _failure(self._url, send)


def _instantiated(url: str) -> Any:
    place = Apprise.instantiate(url, asset=ASSET)
    if place is None:
        raise TypeError("no service of Apprise")
    for name, seconds in (("socket_connect_timeout", TIMES["cto"]), ("socket_read_timeout", TIMES["rto"])):
        if name not in vars(place):  # then the address asks for no other
            setattr(place, name, seconds)
    place.retry = ONCE["retry"]
    return place


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


def _failure(url: str, send: Callable[[], bool]) -> Failure | None:
    """Send, and say how it failed, without any part of the channel's address; None where it was taken."""
    with _heard() as said:
        if send():
            return None
    reason = " ".join(words for words, _ in said) or "no reason was given"
    pieces = {written for piece in _PIECES.split(url) for written in (piece, unquote(piece))}
    for piece in sorted(pieces, key=len, reverse=True):
        reason = reason.replace(piece, "***") if len(piece) >= _SHORTEST_PIECE else reason
    return Failure(on_one_line(reason, _LONGEST_REASON), any(_is_unanswered(error) for _, error in said))


def _is_unanswered(error: BaseException | None) -> bool:
    """Was the message given over, and no answer came? Where that cannot be told, it counts as given over."""
    if isinstance(error, SMTPServerDisconnected):
        return any(frame.f_code is SMTP.data.__code__ for frame, _ in walk_tb(error.__traceback__))
    silent = (requests.ConnectionError, requests.Timeout, ChunkedEncodingError, ContentDecodingError)
    return isinstance(error, silent) and not _is_unconnected(error.args[0] if error.args else None)


def _is_unconnected(cause: object) -> bool:
    """Was the server never reached, or not the one that it should be?"""
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    is_stranger = isinstance(reason, SSLError) and isinstance(reason.args[0], SSLCertVerificationError)
    return is_stranger or isinstance(reason, (ConnectTimeoutError, ProxyError))


@contextmanager
def _heard() -> Iterator[list[tuple[str, BaseException | None]]]:
    """What Apprise says meanwhile, which would go to standard error, addresses and all; and the error it speaks of.

    That error it keeps to itself: it is the one that is being handled while it speaks.
    """
    said: list[tuple[str, BaseException | None]] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append((record.getMessage(), sys.exception()))

    before, listening = _LOG.propagate, Listening(logging.WARNING)
    _LOG.addHandler(listening)
    _LOG.propagate = False
    try:
        yield said
    finally:
        _LOG.removeHandler(listening)
        _LOG.propagate = before
