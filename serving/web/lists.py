"""The published lists of a folder: the latest in compact form, the earlier ones to look back at."""

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from data.errors import PublishError
from serving.published.layout import MANIFEST, cannot_be_read, folder_of, published_dates, published_day
from serving.published.read import PublishedList, open_list
from serving.web.index import ListIndex, index_of
from serving.web.ready import OF_AN_ACCOUNT, OF_ITS_PAST

LOG = logging.getLogger("headroom.web")
LOOKS_BACK = 24
"""Lists that a page looks back at, the latest among them."""
AGAIN_SECONDS = 60
"""So long a list that could not be read is left alone, unless its files change."""


class _Stamp(NamedTuple):
    """What tells one list from another that took its place: its day, and each file with when it was written."""

    day: date
    files: frozenset[tuple[str, int, int]]


@dataclass(frozen=True)
class LookedBack:
    """The last lists, the earliest first, and of those that cannot be read why, by day."""

    lists: tuple[PublishedList, ...]
    unread: Mapping[date, str]


class _Refused(NamedTuple):
    """A list that could not be read, why, and until when it is not tried again."""

    stamp: _Stamp | None
    until: float
    error: PublishError


class PublishedLists:
    """What was published into ``out``. A list that was published since is there for the next request.

    Held are the latest list in compact form, and of ``LOOKS_BACK`` lists the manifests. Where a later list cannot be
    read, the one that is held goes on being shown. Safe for several threads.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._lock = Lock()
        self._latest: tuple[_Stamp, ListIndex] | None = None
        self._refused: _Refused | None = None
        self._opened: OrderedDict[_Stamp, PublishedList] = OrderedDict()

    def latest(self) -> ListIndex:
        """The latest list that can be read. Raises PublishError where there is none, or the first one cannot be."""
        with self._lock:  # one reads it, the others wait for it
            stamp = None
            try:
                stamp = self._stamp(published_day(self.out, None, "Serve"))
                if self._latest is None or not (self._latest[0] == stamp or self._is_left_alone(stamp)):
                    self._latest = stamp, index_of(self._open(stamp).laid_down(OF_AN_ACCOUNT))
            except PublishError as error:
                if self._latest is None:
                    raise
                self._leave_alone(stamp, error)
            if self._latest[0] == stamp:
                self._refused = None
            return self._latest[1]

    @property
    def refused(self) -> PublishError | None:
        """Why a later list than the one that is shown cannot be."""
        return None if self._refused is None else self._refused.error

    def looked_back_at(self) -> LookedBack:
        """The last lists."""
        lists, unread = [], {}
        with self._lock:
            for day in published_dates(self.out)[-LOOKS_BACK:]:
                try:
                    lists.append(self._open(self._stamp(day)))
                except PublishError as error:
                    unread[day] = error.clause
        return LookedBack(tuple(lists), unread)

    def _is_left_alone(self, stamp: _Stamp) -> bool:
        """Was this list tried a moment ago, and could not be read?"""
        return self._refused is not None and self._refused.stamp == stamp and time.monotonic() < self._refused.until

    def _leave_alone(self, stamp: _Stamp | None, error: PublishError) -> None:
        """Keep to the list that is held, and say once why."""
        if self._refused is None or self._refused.error.found != error.found:
            LOG.error("the list that was read before goes on being shown: %s", error)
        self._refused = _Refused(stamp, time.monotonic() + AGAIN_SECONDS, error)

    def _stamp(self, day: date) -> _Stamp:
        folder = folder_of(self.out, day)
        try:
            with os.scandir(folder) as there:  # asked for every list by every page
                found = [(file.name, file.stat()) for file in there if file.is_file()]
        except OSError as error:  # it is being replaced at this moment
            raise cannot_be_read(folder / MANIFEST, error) from error
        return _Stamp(day, frozenset((name, of.st_ino, of.st_mtime_ns) for name, of in found))

    def _open(self, stamp: _Stamp) -> PublishedList:
        if stamp not in self._opened:
            self._opened[stamp] = open_list(self.out, stamp.day).shown().laid_down(OF_ITS_PAST)
        self._opened.move_to_end(stamp)
        while len(self._opened) > LOOKS_BACK + 1:
            self._opened.popitem(last=False)
        return self._opened[stamp]
