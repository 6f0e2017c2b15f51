"""Subscription lines from what was seen of them: each version of a line, and from when its begin and its end are known.

A version ends with the terms that replace it, with an end that the source shows, or on the day on which its row was
gone. What was never so is taken back by an end on the day of its begin: a line of no day counts nowhere, and until the
day on which that became known the line is still believed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from data.record.changes import CHANGED, GONE, LEARNED

Row = dict[str, Any]
NO_TERMS = frozenset({"valid_from", "valid_to", "ends_known_at", "notice_at", "booked_at", "known_at", "contract_id"})
"""Columns of a line whose change does not make another version of it."""
FILLED = ("notice_at", "booked_at", "contract_id")
"""Columns that are filled in where they were missing."""
LONG_AGO, ONE_DAY = date.min, timedelta(days=1)


@dataclass
class _Version:
    """``row`` as served; ``seen_on`` and ``end_seen_on``: when its begin and its end were first seen."""

    row: Row
    seen_on: date
    end_seen_on: date | None = None
    end_claim: date | None = None

    @property
    def begin(self) -> date:
        return self.row["valid_from"] or LONG_AGO

    @property
    def end(self) -> date | None:
        end: date | None = self.row["valid_to"]
        return end

    def ends(self, on: date | None, seen_on: date, claim: date | None = None) -> None:
        """It ends on a day, as first seen on another; ``claim``: since when the source says that it knows."""
        self.row["valid_to"], self.end_seen_on, self.end_claim = on, seen_on, claim


@dataclass
class _Line:
    """One line through time: its versions, oldest first."""

    versions: list[_Version] = field(default_factory=list)
    is_gone: bool = False

    def begin(self, row: Row, on: date | None, seen_on: date) -> None:
        version = _Version({**row, "valid_from": on}, seen_on)
        self.versions.append(version)
        if row["valid_to"] is not None:
            version.ends(row["valid_to"], seen_on, row["ends_known_at"])

    def replace(self, row: Row, on: date, seen_on: date, claim: date | None = None) -> None:
        """Other terms from a day on. A day before the begin of what they replace takes that back."""
        last = self.versions[-1]
        if on > last.begin:
            if last.end is None or last.end > on:
                last.ends(on, seen_on, claim)
        else:
            last.ends(last.row["valid_from"], seen_on, seen_on)
            on = max([on, *(version.end for version in self.versions[:-1] if version.end is not None)])
        self.begin(row, on, seen_on)

    def change(self, row: Row, seen_on: date) -> None:
        """The same row looks otherwise."""
        last = self.versions[-1]
        if any(row[name] != last.row[name] for name in row if name not in NO_TERMS):
            on = _changed_on(row, last.row, seen_on)
            self.replace({**row, "known_at": on}, max(last.begin, on), seen_on, on)
        elif row["valid_to"] != last.end:
            self._end_otherwise(row, last, seen_on)
        self.learn(row, seen_on)

    def _end_otherwise(self, row: Row, last: _Version, seen_on: date) -> None:
        """Another end. A line that was over goes on as a version of its own: until that day it was believed to be."""
        end = row["valid_to"]
        if last.end is not None and last.end < seen_on and (end is None or end > last.end):
            self.begin({**row, "known_at": seen_on}, last.end, seen_on)
        else:
            last.ends(None if end is None else max(end, last.begin), seen_on, row["ends_known_at"])

    def learn(self, row: Row, seen_on: date) -> None:
        """What was missing is filled in; notice is not dated back."""
        last = self.versions[-1].row
        if last["notice_at"] is None and row["notice_at"] is not None:
            row = {**row, "notice_at": max(row["notice_at"], seen_on - ONE_DAY)}
        last |= {name: row[name] for name in row if last[name] is None and (name in FILLED or name not in NO_TERMS)}

    def go(self, seen_on: date) -> None:
        """The row is not there any more, and nothing replaces it."""
        last = self.versions[-1]
        if last.end is None or last.end > seen_on:
            if last.begin < seen_on:
                last.ends(seen_on, seen_on)
            else:
                last.ends(last.row["valid_from"], seen_on, seen_on)
        self.is_gone = True

    def come_back(self, row: Row, seen_on: date) -> None:
        """The row is there again: it goes on from where it ended."""
        ends = [version.end for version in self.versions if version.end is not None]
        self.begin({**row, "known_at": seen_on}, max([row["valid_from"] or LONG_AGO, *ends]), seen_on)
        self.is_gone = False


def _changed_on(row: Row, before: Row, seen_on: date) -> date:
    """When terms changed that are written over: on the day they were seen, or the one that the source says itself."""
    said = row["known_at"]
    return said if said is not None and said != before["known_at"] and said <= seen_on else seen_on


def served_lines(entries: Iterable[Row], previous: dict[date, date | None]) -> Iterator[Row]:
    """Every version of every line, from the recorded entries of whole products of whole accounts, in their order.

    Entries have ``recorded_on``, ``record_line``, ``record_what`` and every column of the contract. The rows have in
    addition ``seen_on``, ``end_seen_on`` and ``end_claim``. ``previous``: each recorded day with the one before it.
    """
    for _, of_product in groupby(entries, key=lambda entry: (entry["account_id"], entry["product"])):
        lines: dict[int, _Line] = {}
        every: list[_Line] = []
        for day, of_day in groupby(of_product, key=lambda entry: entry["recorded_on"]):
            before = previous[day]
            _take(lines, every, day, before, list(of_day))
        for line in every:
            for version in line.versions:
                yield {
                    **version.row,
                    "seen_on": version.seen_on,
                    "end_seen_on": version.end_seen_on,
                    "end_claim": version.end_claim,
                }


def _take(lines: dict[int, _Line], every: list[_Line], day: date, before: date | None, entries: list[Row]) -> None:
    """What was seen of one product of one account on one day."""
    gone = [entry for entry in entries if entry["record_what"] == GONE and entry["record_line"] in lines]
    came: list[Row] = []
    for entry in entries:
        number, row = entry["record_line"], _row(entry)
        known = lines.get(number)
        if entry["record_what"] == GONE:
            continue
        if known is None or known.is_gone:
            came.append(entry)
        elif entry["record_what"] == CHANGED:
            known.change(_timely(row, known, before), day)
        elif entry["record_what"] == LEARNED:
            known.learn(row, day)
    for old, new in _pairs(gone, came):
        gone.remove(old)
        came.remove(new)
        line = lines.pop(old["record_line"])
        row = _row(new)
        line.replace(row, row["valid_from"] or LONG_AGO, day, row["known_at"])
        line.is_gone = False
        lines[new["record_line"]] = line
    for entry in gone:
        lines[entry["record_line"]].go(day)
    for entry in came:
        number, row = entry["record_line"], _row(entry)
        if number in lines:
            lines[number].come_back(row, day)
        else:
            lines[number] = _Line()
            every.append(lines[number])
            lines[number].begin(row, row["valid_from"], day)


def _timely(row: Row, line: _Line, before: date | None) -> Row:
    """The row without a time of knowing that cannot be: the day before, it was not so."""
    said = row["known_at"]
    if said is None or before is None or said >= before:
        return row
    return {**row, "known_at": line.versions[-1].row["known_at"]}


def _pairs(gone: list[Row], came: list[Row]) -> list[tuple[Row, Row]]:
    """Which row replaces which: that of the same contract, or else of the same product of the account."""
    pairs: list[tuple[Row, Row]] = []
    left = list(came)
    for of_one_contract in (True, False):
        for old in gone:
            if any(old is taken for taken, _ in pairs):
                continue
            match = next((new for new in left if _may_replace(old, new, of_one_contract)), None)
            if match is not None:
                pairs.append((old, match))
                left = [new for new in left if new is not match]
    return pairs


def _may_replace(old: Row, new: Row, of_one_contract: bool) -> bool:
    contracts = (old["contract_id"], new["contract_id"])
    return contracts[0] == contracts[1] if of_one_contract else None in contracts


def _row(entry: Row) -> Row:
    return {name: value for name, value in entry.items() if not name.startswith("record")}
