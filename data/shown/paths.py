"""A path from outside: a URL would be taken for the name of a folder, with the password that may stand in it."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

NO_URL = "it names a place on this machine, not a URL"
_BEGIN = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""Of a URL that was made a path, which has one slash of its two. A drive of one letter is none."""


def is_url(path: object) -> bool:
    """Is that which should be a path a URL?"""
    return "://" in str(path) or _BEGIN.match(str(path)) is not None


def _no_url(value: object) -> object:
    if is_url(value):
        raise ValueError(NO_URL)
    return value


LocalPath = Annotated[Path, BeforeValidator(_no_url)]
"""A file or a folder that a setting names."""
