"""What a channel says of a failure has no part of its address, and nothing of it goes to the screen."""

import logging

import pytest

from serving.messages.delivery import channels

URL = "mailtos://ana:pa%40ss%3Aword@mail.example.com:587/?from=headroom@example.com"


def said(words: str) -> str | None:
    def send() -> bool:
        logging.getLogger("apprise").warning(words)
        return False

    return channels._failure(URL, send)


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
