"""A text of the base as it is shown: without controls, on one line, cut. A terminal obeys what it is given."""

import unicodedata

TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows, which would be the rest of the line."""
NO_WRITING = ("Cc", "Cs", "Zl", "Zp")
"""Controls, halves of a letter, ends of lines."""
_CONTROLS = dict.fromkeys(number for number in (*range(32), *range(127, 160)) if chr(number) not in "\t\n\r")
"""Letters that are no writing: they move a cursor, ring a bell or end a text."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def for_terminal(text: str) -> str:
    """A text in which no letter moves the cursor, clears the screen or turns the line; its lines and tabs stay.

    What is left out is seen to be: a name that holds such letters is no longer what it seems.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _obeyed(letter) else letter for letter in text)


def _obeyed(letter: str) -> bool:
    is_control = letter in TURNING or unicodedata.category(letter) in NO_WRITING
    return is_control and letter not in "\n\t"


def for_page(value: object) -> object:
    """A text without the controls that no page and no file may hold, anything else as it is; what is escaped stays so.

    Its direction is kept: a page sets each name apart.
    """
    if not isinstance(value, str) or value.isprintable():  # as nearly all are
        return value
    written = value.translate(_CONTROLS)
    return value if written == value else type(value)(written)


def on_one_line(text: str, longest: int) -> str:
    """A text from outside on one line without controls, cut with an ellipsis."""
    return cut(" ".join("".join(map(_written, text)).split()), longest)


def cut(text: str, longest: int) -> str:
    """A text of so many letters at most."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}{ELLIPSIS}"


def _written(letter: str) -> str:
    return "" if letter in TURNING else " " if unicodedata.category(letter) in NO_WRITING else letter
