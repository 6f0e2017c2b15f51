"""What a channel says of a failure has no part of its address, and nothing of it goes to the screen."""

import logging
from smtplib import SMTPDataError, SMTPServerDisconnected
from socket import gaierror
from ssl import SSLCertVerificationError, SSLEOFError

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError, ProtocolError, SSLError

from serving.messages.delivery import channels

URL = "mailtos://ana:pa%40ss%3Aword@mail.example.com:587/?from=headroom@example.com"


def said(words: str) -> str | None:
    def send() -> bool:
        logging.getLogger("apprise").warning(words)
        return False

    failure = channels._failure(URL, send)
    return failure.why if failure else None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("refused pa@ss:word", "refused ***"),
        ("refused pa%40ss%3Aword of mail.example.com", "refused *** of ***"),
        (f"could not open {URL}", "could not open ***://ana:***@***:587/?***=***@***"),
        ("", "no reason was given"),
        ("x" * 290 + " pa@ss:word", "x" * 290 + " ***"),
    ],
    ids=["as it is", "as it is written", "the address", "nothing", "at the end"],
)
def test_why_a_message_was_refused_is_told_without_the_address(
    words: str, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(words) == told
    assert capfd.readouterr() == ("", "")


def test_a_message_that_is_taken_has_no_reason() -> None:
    assert channels._failure(URL, lambda: True) is None


def failing(error: Exception) -> channels.Failure | None:
    """A sending that speaks of an error as Apprise does."""

    def send() -> bool:
        try:
            raise error
        except OSError:
            logging.getLogger("apprise").warning("it failed")
        return False

    return channels._failure(URL, send)


NOBODY = MaxRetryError(HTTPConnectionPool("here"), "/", NameResolutionError("here", HTTPConnection("here"), gaierror()))
STRANGER = MaxRetryError(HTTPConnectionPool("here"), "/", SSLError(SSLCertVerificationError()))
CUT = MaxRetryError(HTTPConnectionPool("here"), "/", SSLError(SSLEOFError()))


@pytest.mark.parametrize(
    ("error", "may_have_arrived"),
    [
        (requests.ReadTimeout(), True),
        (requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError())), True),
        (requests.exceptions.SSLError(CUT), True),
        (requests.exceptions.SSLError(STRANGER), False),
        (requests.ConnectionError(NOBODY), False),
        (requests.exceptions.InvalidURL(), False),
        (SMTPServerDisconnected("before the message"), False),
        (SMTPDataError(554, "no"), False),
        (ConnectionRefusedError(), False),
    ],
    ids=[
        "no answer",
        "reset",
        "cut off",
        "a stranger",
        "no such host",
        "no address",
        "gone before",
        "refused",
        "closed",
    ],
)
def test_only_what_was_given_over_and_not_answered_may_have_arrived(error: Exception, may_have_arrived: bool) -> None:
    assert failing(error) == channels.Failure("it failed", may_have_arrived)
