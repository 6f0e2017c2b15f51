"""The only clock: every cut between what was known and what was not. Time is cut here and nowhere else.

A fact counts on a day only if it had happened **and** was known before 00:00 UTC of it. An end (of a line, a ticket, a
user) on or after the day is not known yet and is null. Whoever reads tables reads them through one of these functions,
so they are all that stands between a feature and the future.
"""

from collections.abc import Callable, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from data.contract.inputs import TABLES, Table
from data.contract.vocabulary import KEY

Tables = dict[str, ir.Table]
"""The tables of a base that are there, by their contract names."""

FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)
"""The days that every engine and Python know. What is known since ``FIRST_DAY`` is known at every snapshot."""

WITHDRAWN_ON = "withdrawn_on"
"""The last day on which a row counts that was recorded and then taken back, or came to its end; a later fact."""
CORRECTED_ON = "corrected_on"
"""The day on which it was said that a recorded row is not true, whatever became of it until then; a later fact."""


def days_between(later: ir.DateValue, earlier: ir.DateValue) -> ir.IntegerValue:
    """Whole days from ``earlier`` to ``later``."""
    return later.delta(earlier, unit="day").cast("int64")


def known_ahead(rows: ir.Table, happens: str, days: int) -> ir.DateValue:
    """The day on which a row was known, if that is more than ``days`` before it happens; else the day it happens."""
    is_ahead = days_between(rows[happens], rows.known_on) > days
    return is_ahead.ifelse(rows.known_on, rows[happens])


def learned_late(rows: ir.Table, happened: str) -> ir.Table:
    """The rows that became known after the day on which they happened."""
    return rows.filter(rows.known_on > rows[happened])


def learned_by(rows: ir.Table, happened: str) -> ir.Table:
    """The others: rows that were known by then, or of which nobody knows."""
    return rows.filter(~(rows.known_on > rows[happened]).fill_null(False))


def ended_unforeseen(lines: ir.Table) -> ir.BooleanValue:
    """The end of a line became known on a later day than the line itself: until then it was believed in."""
    if "ends_known_on" not in lines.columns:
        return ibis.literal(False)
    return (lines.ends_known_on > lines.known_on).fill_null(False)


def learned_since(name: str, table: ir.Table, day: date) -> ir.Table:
    """The rows of one contract table that happened, or ended, before ``day`` and of which that was known only later."""
    late = (table[TABLES[name].happened_on] < day) & (table.known_on >= day)
    if "ends_known_on" in table.columns:
        late |= ((table.valid_to < day) & (table.ends_known_on >= day)).fill_null(False)
    return table.filter(late)


# --- a base, before one day -------------------------------------------------------------------------------------------


def before_day(name: str, table: ir.Table, day: date | ir.DateValue) -> ir.Table:
    """The rows of one contract table as known before ``day``.

    A row of which nobody knows when it happened is left out. What only an end tells (a ticket's rating, the outcome of
    a play) is not known before it either. ``accounts`` keeps its rows: lines make a customer.
    """
    contract = TABLES[name]
    if name != "accounts":
        for clock in _clocks(contract, table):
            table = table.filter(table[clock] < day)
    later = _later_facts(contract, table, day)
    if name == "tickets":
        later["csat"] = (table.closed_on < day).ifelse(table.csat, ibis.null("float64"))
    if name == "outcomes":
        not_yet = table.closed_on.notnull() & ~(table.closed_on < day)
        later |= {
            "status": not_yet.ifelse("open", table.status),
            "arr_e4": not_yet.ifelse(ibis.null("int64"), table.arr_e4),
            "reason": not_yet.ifelse(ibis.null("string"), table.reason),
        }
    return table.mutate(**later) if later else table


def before_each(name: str, table: ir.Table, days: Sequence[date]) -> ir.Table:
    """The same before each of some days: the columns of the table, and ``snapshot_date``."""
    of_each = ibis.memtable(pa.table({"snapshot_date": pa.array(sorted(days), pa.date32())}))
    met = _still_counting(of_each.cross_join(table))
    return before_day(name, met, met.snapshot_date)


def known_since(name: str, table: ir.Table) -> ir.Table:
    """The rows of one contract table that count on some day: the table's columns, and ``since``, the day after which.

    ``FIRST_DAY`` where the table has no clock.
    """
    clocks = [table[clock] for clock in _clocks(TABLES[name], table)]
    if not clocks:
        return table.mutate(since=ibis.literal(FIRST_DAY))
    known = table.filter([clock.notnull() for clock in clocks])
    return known.mutate(since=ibis.greatest(*clocks))


def is_told_more_later(name: str) -> bool:
    """May a row of one contract table, once known, say more on a later day? An end does, as of a line or a ticket."""
    return bool(TABLES[name].later_facts)


def last_day(name: str, table: ir.Table, today: date) -> date | None:
    """The last day, not after ``today``, on which a row happened or became known; None if the table has no clock."""
    clocks = _clocks(TABLES[name], table)
    if not clocks:
        return None
    last = table.aggregate(**{clock: table[clock].max(where=table[clock] <= today) for clock in clocks})
    days = [day.date() for day in last.to_pandas().iloc[0] if day is not None and day == day]
    return max(days, default=None)


def days_known(name: str, table: ir.Table) -> ir.Table:
    """The days on which rows of one contract table happened, and the day on which the first of each was known.

    ``day, known``; a day counts for those after both.
    """
    day = table[TABLES[name].happened_on]
    known = ibis.greatest(day, table.known_on) if "known_on" in table.columns else day
    rows = table.select(day=day, known=known).filter(ibis._.day.notnull())
    return rows.group_by("day").aggregate(known=rows.known.min())


def rows_known(name: str, table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """The rows of one contract table, counted by some columns, their day, and the day on which they were known.

    These columns and ``day, known, rows``; rows count for the days after both.
    """
    day = table[TABLES[name].happened_on]
    known = ibis.greatest(day, table.known_on) if "known_on" in table.columns else day
    rows = table.select(*columns, day=day, known=known).filter(ibis._.day.notnull())
    return rows.group_by(*columns, "day", "known").aggregate(rows=rows.count())


def _clocks(contract: Table, table: ir.Table) -> list[str]:
    """When a row happened and when it was known, where the table says so."""
    return [clock for clock in (contract.happened_on, "known_on") if clock is not None and clock in table.columns]


def _later_facts(contract: Table, table: ir.Table, day: date | ir.DateValue) -> dict[str, ir.Value]:
    """The later facts of a table's rows, without those that the day does not know yet.

    The end of a line may have become known long after it: until then the line was believed to be open.
    """
    facts = {name: (table[name] < day).ifelse(table[name], ibis.null("date")) for name in contract.later_facts}
    if "ends_known_on" in facts:
        is_known = table.ends_known_on.isnull() | (table.ends_known_on < day)
        facts["valid_to"] = is_known.ifelse(facts["valid_to"], ibis.null("date"))
    of_record = [name for name in (WITHDRAWN_ON, CORRECTED_ON) if name in table.columns]
    facts |= {name: (table[name] < day).ifelse(table[name], ibis.null("date")) for name in of_record}
    return facts


def _still_counting(met: ir.Table) -> ir.Table:
    """Rows at a ``snapshot_date``, without those that no longer count at it."""
    if WITHDRAWN_ON not in met.columns:
        return met
    return met.filter(met[WITHDRAWN_ON].isnull() | (met[WITHDRAWN_ON] >= met.snapshot_date))


# --- a table, before each snapshot ------------------------------------------------------------------------------------


def cut(table: ir.Table, name: str, snapshots: ir.Table) -> ir.Table:
    """The rows of one contract table as known at each snapshot: its columns, ``snapshot_date`` and ``age``.

    ``snapshots`` are accounts on dates (a cohort: each gets the rows of its account) or dates alone. ``age`` is whole
    days since the row happened. A row of which nobody knows when it happened counts nowhere: it may be of the future.
    """
    contract = TABLES[name]
    seen = _met(table, snapshots)
    happened = contract.happened_on
    if happened is not None:
        seen = seen.filter(seen[happened] < seen.snapshot_date)
        seen = seen.mutate(age=days_between(seen.snapshot_date, seen[happened]))
    if "known_on" in seen.columns:
        seen = seen.filter(seen.known_on < seen.snapshot_date)
    seen = _still_counting(seen)
    later = _later_facts(contract, seen, seen.snapshot_date)
    return seen.mutate(**later) if later else seen


def _met(table: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Each row at each snapshot of its account, or at each date."""
    if "account_id" in snapshots.columns:
        return snapshots.select(*KEY).inner_join(table, "account_id")
    return snapshots.select("snapshot_date").cross_join(table)


def cut_days(table: ir.Table, dates: ir.Table, lookback_days: int) -> ir.Table:
    """The rows with a ``day`` in ``[snapshot_date - lookback_days, snapshot_date)``, as known at each snapshot.

    ``dates`` is the calendar: an equi-join on the day, so that a long history meets a snapshot only in its lookback.
    """
    seen = table.inner_join(dates.filter(dates.age <= lookback_days), "day")
    return seen.filter(seen.known_on < seen.snapshot_date)


def cut_slots(table: ir.Table, dates: ir.Table) -> ir.Table:
    """The rows of the slots before each snapshot, as known at it; ``dates`` is the second table of ``slots``."""
    seen = table.inner_join(dates, "slot")
    return seen.filter(seen.known_on < seen.snapshot_date)


# --- facts: that something happened on a day, and when it was known ---------------------------------------------------


def facts(table: ir.Table, of: str, day: str) -> ir.Table:
    """One row per row: ``of`` whom or what, on which ``day``, known when. Not cut yet."""
    return table.select(of, "known_on", day=table[day])


def first_facts(dated: ir.Table) -> ir.Table:
    """Of an account's facts those that can be the first one known at some snapshot. Not cut yet."""
    # What was known on its day is known whenever the day has passed: one row for each account, and the late ones.
    in_time = dated.known_on <= dated.day
    dated = dated.mutate(known_on=in_time.ifelse(ibis.literal(FIRST_DAY), dated.known_on))
    days = dated.group_by("account_id", "known_on").aggregate(day=dated.day.min())
    before = ibis.window(group_by="account_id", order_by="known_on", preceding=(None, 1))
    firsts = days.mutate(earlier=days.day.min().over(before))
    # Only a row that moves the first day back can change what is known: one or two for each account.
    firsts = firsts.filter(firsts.earlier.isnull() | (firsts.day < firsts.earlier))
    return firsts.drop("earlier")


def cut_facts(dated: ir.Table, snapshots: ir.Table) -> ir.Table:
    """The facts as known at each snapshot (as in ``cut``), however long ago: ``age``."""
    seen = _met(dated, snapshots)
    seen = seen.filter((seen.known_on < seen.snapshot_date) & (seen.day < seen.snapshot_date))
    return seen.mutate(age=days_between(seen.snapshot_date, seen.day))


# --- counting at each snapshot, by loops of our own -------------------------------------------------------------------


def counting_since(rows: ir.Table) -> ir.Table:
    """Rows that have a ``day``, with ``since``: the day after which each has happened and is known."""
    return rows.mutate(since=ibis.greatest(rows.day, rows.known_on)).drop("known_on")


def first_counting(since: np.ndarray, dates: Sequence[date]) -> np.ndarray:
    """The place among ``dates``, the earliest first, of the first one at which each row counts.

    ``since``: as ``counting_since``, in days since 1970. What counts at none of them has the number of dates.
    """
    days = np.array(dates, "datetime64[D]").astype(np.int64)
    first = int(since.min())
    places = np.searchsorted(days, np.arange(first, int(since.max()) + 1), side="right").astype(np.int16)
    return places[since - first]


def known_at(places: np.ndarray, dates: Sequence[date]) -> np.ndarray:
    """A day of knowing with which a row counts from the date at its place on; for -1, from the day after it happened.

    Days since 1970.
    """
    days = np.array([FIRST_DAY, *dates], "datetime64[D]").astype(np.int32)
    # What counts first at a date was known on the one before it, or later.
    return np.where(places < 0, days[0], days[np.maximum(places, 0)])


def with_knowing(rows: ir.Table, known: str) -> ir.Table:
    """The rows with the column ``known`` as the day on which each became known. Not cut yet."""
    return rows.rename(known_on=known)


def known_from(rows: ir.Table) -> ir.DateValue:
    """Since when each row is known; one that does not say so always was. Not cut yet."""
    return rows.known_on.fill_null(ibis.literal(FIRST_DAY))


def known_later(rows: ir.Table, known: str) -> ir.Table:
    """Rows that are known no earlier than on the day that the column ``known`` says, if it says one. Not cut yet."""
    if "known_on" not in rows.columns:
        return rows
    is_later = (rows[known] > rows.known_on).fill_null(False)
    return rows.mutate(known_on=is_later.ifelse(rows[known], rows.known_on))


# --- counting before the cut: what was known in time, and what came late ----------------------------------------------


def with_lateness(rows: ir.Table) -> ir.Table:
    """Rows with ``seen_on``, the first snapshot after their day, and whether that did not know them: ``is_late``.

    What the first snapshot after its day knows, every one knows: it is as if known since ``FIRST_DAY``, so that it can
    be added up with others.
    """
    is_late = rows.known_on >= rows.seen_on
    return rows.mutate(is_late=is_late, known_on=is_late.ifelse(rows.known_on, ibis.literal(FIRST_DAY)))


def counted(
    rows: ir.Table, by: tuple[str, ...], sums: Callable[[ir.Table, ir.BooleanValue | None], dict[str, ir.Value]]
) -> ir.Table:
    """One row per ``by``, and one more for each knowing of it that came late. Not cut yet.

    ``rows`` are ``with_lateness``; ``sums(rows, where)`` are the columns. The first row holds what was known in time
    and counts, from when anything is known of it: its ``days`` is 1, and 0 on the others.
    """
    first = rows.group_by(*by).aggregate(known_on=rows.known_on.min(), **sums(rows, ~rows.is_late))
    late = rows.filter(rows.is_late)
    more = late.group_by(*by, "known_on").aggregate(**sums(late, None)).select(*first.columns)
    return ibis.union(first.mutate(days=ibis.literal(1, "int64")), more.mutate(days=ibis.literal(0, "int64")))


def first_known(rows: ir.Table, *by: str) -> ir.Table:
    """One row per ``by``, known since any of its rows was: to be counted ``by_knowing``. Not cut yet."""
    return rows.group_by(*by).aggregate(known_on=rows.known_on.min())


def by_knowing(rows: ir.Table, *by: str) -> ir.Table:
    """The groups of ``by`` and of the day on which their rows were known, to be added up. Not cut yet."""
    return rows.group_by(*by, "known_on")
