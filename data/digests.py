"""Hashes by which a file, the code of rooms, or what a value is made from, is known again."""

import hashlib
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np


def sha256_of(content: bytes) -> str:
    """The SHA-256 of what a file holds, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """The same of a file, read in pieces. Raises ``OSError`` where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(*parts: object) -> str:
    """One hash of several values: arrays of numbers count by their bytes, all else as it is written (``repr``).

    Nothing large is copied; so an array by rows and the same one by columns have two hashes.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            assert part.dtype != object, "objects have the bytes of their addresses"
            by_rows = part.flags.c_contiguous
            digest.update(f"{part.dtype.str} {part.shape} {by_rows}\n".encode())
            digest.update(np.ascontiguousarray(part if by_rows else part.T).data)
        else:
            digest.update(f"{part!r}\n".encode())
    return digest.hexdigest()


def code_of(rooms: Iterable[Path], libraries: Iterable[str]) -> str:
    """A hash of what makes something: of the code in these ``rooms``, and of the versions of the ``libraries``.

    The code is every file of a room, at any depth and of any kind, with its place in the room.
    """
    files = [(room.name, *_files(room)) for room in rooms]
    return digest_of(files, [(name, version(name)) for name in libraries], platform.machine())


def _files(room: Path) -> Iterator[tuple[str, str]]:
    """The place in the room and the hash of each of its files, without what Python compiled."""
    for file in sorted(room.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(room).as_posix(), sha256_of_file(file)
