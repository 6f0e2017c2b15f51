"""The published lists of a folder: the latest in compact form, the earlier ones to look back at."""

from collections import OrderedDict
from datetime import date
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from serving.published.layout import MANIFEST, cannot_be_read, folder_of, published_dates, published_day
from serving.published.read import PublishedList, open_list
from serving.web.index import ListIndex, index_of

LOOKS_BACK = 24
"""Lists that a page looks back at, the latest among them."""


class _Stamp(NamedTuple):
    """What tells one list from another that took its place."""

    day: date
    file: int
    written_ns: int


class PublishedLists:
    """What was published into ``out``. A list that was published since is there for the next request.

    Held are the latest list in compact form, and of ``LOOKS_BACK`` lists the manifests. Safe for several threads.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._lock = Lock()
        self._latest: tuple[_Stamp, ListIndex] | None = None
        self._opened: OrderedDict[_Stamp, PublishedList] = OrderedDict()

    def latest(self) -> ListIndex:
        """The latest list. Raises PublishError where there is none, or it cannot be read."""
        with self._lock:  # one reads it, the others wait for it
            stamp = self._stamp(published_day(self.out, None, "Show"))
            if self._latest is None or self._latest[0] != stamp:
                self._latest = None  # the old one goes before the new one comes: two take twice the memory
                self._latest = stamp, index_of(self._open(stamp))
            return self._latest[1]

    def looked_back_at(self) -> list[PublishedList]:
        """The last lists, the earliest first. Raises PublishError where one of them cannot be read."""
        with self._lock:
            return [self._open(self._stamp(day)) for day in published_dates(self.out)[-LOOKS_BACK:]]

    def _stamp(self, day: date) -> _Stamp:
        file = folder_of(self.out, day) / MANIFEST
        try:
            found = file.stat()
        except OSError as error:  # it is being replaced at this moment
            raise cannot_be_read(file, error) from error
        return _Stamp(day, found.st_ino, found.st_mtime_ns)

    def _open(self, stamp: _Stamp) -> PublishedList:
        if stamp not in self._opened:
            self._opened[stamp] = open_list(self.out, stamp.day)
        self._opened.move_to_end(stamp)
        while len(self._opened) > LOOKS_BACK + 1:
            self._opened.popitem(last=False)
        return self._opened[stamp]
