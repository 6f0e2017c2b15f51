"""A URL as it is shown, without what is secret in it. The one place that puts a URL into words.

A terminal, a log, a manifest and a page each keep what they are given for longer than a secret may be kept.
"""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

SECRET_WORDS = ("pass", "token", "secret", "private_key", "pwd", "credential")
"""An option with one of them in its name is not written into a URL, unless it names a file."""
HIDDEN = "***"
_USER = re.compile(r"^([\w+.-]+:/{0,3})?([^@/:?#\s]*):(?(1)|(?!/))(.*)@", re.DOTALL)
"""A scheme, a user, and all that lies before the last `@`: a password may hold any letter."""
_OPTION = re.compile(rf"((?:^|[?&;#\s])[^=&;#\s/]*(?:{'|'.join(SECRET_WORDS)})[^=&;#\s/]*=)[^&;\s]*", re.IGNORECASE)
"""A name has no `/` in it: what has one is a path, such as `tokens/day=1`."""
_OF_A_FILE = ("_file=", "_path=")


def shown_url(url: str) -> str:
    """The URL as messages, logs, manifests and MLflow have it: a password in it is left out."""
    if _hides(unquote(url)) and not _hides(url):  # the name of an option may be encoded
        return f"{url.partition('?')[0].rpartition('@')[2]}?{HIDDEN}"
    return _OPTION.sub(_hidden, _USER.sub(_user_alone, url))


def _hides(url: str) -> bool:
    return _OPTION.sub(_hidden, _USER.sub(_user_alone, url)) != url


def _user_alone(found: re.Match[str]) -> str:
    return f"{found[1] or ''}{found[2]}:{HIDDEN}@"


def _hidden(found: re.Match[str]) -> str:
    return found[0] if found[1].lower().endswith(_OF_A_FILE) else f"{found[1]}{HIDDEN}"


def holds_secret(url: str, *, is_path: bool = False) -> bool:
    """Is there a password in the URL, before the host or among the options after it?

    One with `/`, `?` or `#` in it ends the host early, and leaves an `@` behind it. A path (``is_path``) may have one.
    """
    if is_path:
        return shown_url(url) != url
    parts = urlsplit(url)
    if "@" in parts.path + parts.query + parts.fragment:
        return True
    options = [name.lower() for name, _ in parse_qsl(parts.query) if not name.lower().endswith(("_file", "_path"))]
    named = any(word in name for name in options for word in SECRET_WORDS)
    return parts.password is not None or named or shown_url(url) != url


def is_readable(url: str) -> bool:
    """Has the URL a host and a port that can be read?"""
    try:
        urlsplit(url).port  # noqa: B018  it is read when it is asked for
    except ValueError:
        return False
    return True
