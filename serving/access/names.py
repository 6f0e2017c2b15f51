"""Names that come from outside, as they are compared: e-mails, hosts, origins, paths."""

import re
from urllib.parse import SplitResult, urlsplit

from serving.outcomes.outcome import clean_text, is_control

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""The names of this machine to itself: nobody else reaches what listens on them."""
EMAIL_SHAPE = re.compile(r"[!-+\--?A-\[\]-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
"""Printable ASCII without a comma and a backslash. Beyond ASCII two addresses can fold to one, as the Kelvin sign and
the letter k do."""
HOST_SHAPE = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?")
PATH_SHAPE = re.compile(r"/(?!/)[!-\[\]-~]*")
"""A path and a query of this server in printable ASCII: no second slash, no backslash, no blank, no control sign."""
LONGEST_EMAIL, LONGEST_PATH = 254, 1_000
"""An e-mail by RFC 5321; a path that has to fit into a cookie beside the state of a sign-in."""
STATIC = "/static/"
"""Files under it hold no data: they may be kept by a browser."""
LONGEST_NAME = 100
"""Letters of what people are called."""
DEFAULT_PORTS = {"http": 80, "https": 443}


def as_email(text: object) -> str | None:
    """An e-mail as it is compared, or None for what is none."""
    fits = isinstance(text, str) and len(text) <= LONGEST_EMAIL and EMAIL_SHAPE.fullmatch(text)
    return text.lower() if isinstance(text, str) and fits else None


def as_written(name: str) -> str:
    """What a sign-in calls somebody, as it can be recorded: one line without letters that are no writing.

    Empty where nothing of it is seen.
    """
    letters = "".join(" " if is_control(letter) else letter for letter in name)
    return clean_text(" ".join(letters.split())[:LONGEST_NAME]) or ""


def listened_on(host: str) -> str:
    """An address to listen on, without the brackets that it has in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def local_path(asked: str | None) -> str:
    """Where to go on to: a path of this server as it was asked for; the first page for anything else."""
    fits = asked is not None and len(asked) <= LONGEST_PATH and PATH_SHAPE.fullmatch(asked)
    return asked if asked is not None and fits else "/"


def is_loopback(host: str) -> bool:
    """Is that a name of this machine that nobody else reaches?"""
    return host.lower().strip("[]") in LOOPBACK


def host_name(header: str) -> str | None:
    """The name in a Host header, without its port; None for what is no name."""
    found = HOST_SHAPE.fullmatch(header)
    return found["name"].lower() if found else None


def origin(url: str) -> str:
    """The scheme and the host of a URL as a browser tells an origin. Raises ``ValueError`` for what is more than that.

    Without encryption only this machine is an origin: the cookie and the pages would travel in the open.
    """
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query or parts.fragment or host_name(parts.netloc) is None:
        raise ValueError("write the scheme and the host alone, as https://headroom.example.com")
    require_encryption(parts)
    usual = parts.port in (None, DEFAULT_PORTS[parts.scheme])
    host = host_name(parts.netloc)
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{parts.port}"


def require_encryption(parts: SplitResult) -> None:
    """Raise ``ValueError`` unless a URL begins with https://, or names this machine; and for a password in it."""
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave the user and the password out of it")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("it must begin with https://")
