"""Locks of files and folders: they go with the process that holds them, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def locked(handle: int, place: Path) -> bool:
    """Lock what was opened there, unless somebody has; not what was taken away in between, which guards nothing."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), place.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def is_held(place: Path) -> bool:
    """Has a living process locked that file or folder? Nothing is made there, and no lock is kept."""
    try:
        handle = os.open(place, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def taken(place: Path) -> Iterator[bool]:
    """Is that file or folder free? It is this process's while the context lasts, and stays.

    Raises FileNotFoundError where it is not there.
    """
    handle = os.open(place, os.O_RDONLY)
    try:
        yield locked(handle, place)
    finally:
        os.close(handle)


@contextmanager
def held(lock: Path) -> Iterator[bool]:
    """Is the lock free? It is this process's while the context lasts, and the file is gone after it."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        is_ours = locked(handle, lock)
        try:
            yield is_ours
        finally:
            if is_ours:
                lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
