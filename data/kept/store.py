"""Values under the hash of all that they are made from: what was made once is read back, and is the same bits.

    FOLDER/KIND/KEY       the SHA-256 of a value, and the value
    FOLDER/trim.lock      held by who removes what is old

Who asks for a value names it by its key (``data.digests.digest_of``): data, settings, code, versions of libraries. So
nothing is ever out of date, and two runs that write one key write one value. A value is read only while its own hash
holds; a damaged one is taken away, which is told, and made anew.
"""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from errno import EBUSY, ENOENT
from hashlib import sha256
from pathlib import Path

from data.atomic import UNFINISHED, refusal, whole_file
from data.errors import PublishError
from data.kept.settings import StoreSettings
from data.locks import held, taken

HASH_BYTES = 32
KEY = re.compile("[0-9a-f]{64}")
"""The name of a value. A file of another name is nobody's here: it is neither counted nor removed."""
DAY_SECONDS = 24 * 3600
GB = 1_000_000_000
OTHERS = (EBUSY, ENOENT)
"""Why a value cannot be written while others are at it: one writes the same, or clears up."""
ROOM = "Give another folder as `path` under [store], or make room and rights there."


@dataclass(frozen=True)
class KeptValue:
    """A file of the store: its ``size`` in bytes, and when its value was last made or read, in seconds since 1970."""

    path: Path
    kind: str
    size: int
    used: float


class ValueStore:
    """A folder of values. ``tell`` is told in a sentence what is wrong with it: a run goes on without it."""

    def __init__(self, folder: Path, settings: StoreSettings, tell: Callable[[str], None]) -> None:
        self.folder, self.settings = folder, settings
        self._tell = tell
        self._writes = True

    def get(self, kind: str, key: str) -> bytes | None:
        """The value; None where it is not there, or damaged."""
        path = self._path(kind, key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._stop(f"{path} cannot be read: {error.strerror}")
            return None
        with suppress(OSError):  # of a value that another user made it cannot be noted that it was used
            os.utime(path)
        value = content[HASH_BYTES:]
        if sha256(value).digest() == content[:HASH_BYTES]:
            return value
        self._tell(f"warning: {path} is damaged: what it held is made anew.")
        with suppress(OSError):  # it is written over
            path.unlink()
        return None

    def holds(self, kind: str, key: str) -> bool:
        """Is it there? Whether it is whole, ``get`` tells."""
        return self._path(kind, key).is_file()

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Keep a value: whole or not at all. Where that fails it is told once, and nothing more is kept."""
        if not self._writes:
            return
        path = self._path(kind, key)
        try:
            with whole_file(path, "Keep what was made.", ROOM) as unfinished:
                unfinished.write_bytes(sha256(value).digest() + value)
        except PublishError as error:
            cause = error.__cause__
            if not (isinstance(cause, OSError) and cause.errno in OTHERS):
                self._stop(f"{error.clause}. {error.todo}")

    def values(self) -> list[KeptValue]:
        """All values that are there, what was not used for longest first."""
        there = []
        for path in self.folder.glob("*/*"):
            with suppress(FileNotFoundError):  # another run may remove it meanwhile
                stat = path.stat()
                if KEY.fullmatch(path.name) and path.is_file():
                    there.append(KeptValue(path, path.parent.name, stat.st_size, stat.st_mtime))
        return sorted(there, key=lambda value: (value.used, str(value.path)))

    def left(self) -> list[KeptValue]:
        """What killed runs left unfinished, and nobody writes now: it is of no key, and may be cut off anywhere."""
        there = []
        for path in self.folder.glob(f"*/{UNFINISHED}*"):
            with refusal(self._removing, ROOM), suppress(FileNotFoundError), taken(path) as is_left:
                if is_left:
                    stat = path.stat()
                    there.append(KeptValue(path, path.parent.name, stat.st_size, stat.st_mtime))
        return there

    def trim(self) -> int:
        """Remove what is too old or too much, and what killed runs left: how many values. One run at a time does.

        Where that fails it is told, and what is left stays: the run that asks for it is done.
        """
        if not self.folder.is_dir():
            return 0
        try:
            with refusal(self._removing, ROOM), held(self.folder / "trim.lock") as is_ours:
                return self.remove(self._too_much()) if is_ours else 0
        except PublishError as error:
            self._tell(f"warning: what is old in {self.folder} was not removed: {error.clause}. {error.todo}")
            return 0

    def clear(self) -> int:
        """Remove all values, and what killed runs left: how many values there were."""
        self.remove(self.left())
        return self.remove(self.values())

    def remove(self, values: list[KeptValue]) -> int:
        """Remove these values: how many they were. Raises PublishError where one cannot be removed."""
        with refusal(self._removing, ROOM):
            for value in values:
                value.path.unlink(missing_ok=True)
        return len(values)

    def _too_much(self) -> list[KeptValue]:
        self.remove(self.left())
        values, oldest = self.values(), time.time() - self.settings.max_days * DAY_SECONDS
        left = sum(value.size for value in values)
        going = []
        for value in values:
            if value.used >= oldest and left <= self.settings.max_gb * GB:
                break
            going.append(value)
            left -= value.size
        return going

    @property
    def _removing(self) -> str:
        return f"Remove what is kept in {self.folder}."

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / kind / key

    def _stop(self, why: str) -> None:
        if self._writes:
            self._tell(f"warning: nothing more is kept for the next run: {why}")
        self._writes = False
