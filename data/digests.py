"""The SHA-256 of a file and of its content: by it a file is known again."""

import hashlib
from pathlib import Path


def sha256_of(content: bytes) -> str:
    """The SHA-256 of what a file holds, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """The same of a file, read in pieces. Raises ``OSError`` where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
