"""What would make a past that never was: rows that became known all at once, and lines that never end."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from data.checks.report import ROWS_KEPT, Finding, Severity, many
from data.contract.inputs import TABLES, Table
from data.contract.vocabulary import DISCOUNT, E4
from data.crosswalk import UNLINKED
from data.errors import near_name
from data.sources.known import BILLING, Source
from data.sources.staging import given, staged_column
from data.time_cut import FIRST_DAY, days_between

LATE_DAYS = 30
"""What became known later than that was not learnt from the day's work: imports are monthly at most."""
FEW_DAYS = 3
"""A load or a sync of a whole table takes a day, or a few."""
NEARLY_ALL = 0.9
FEWEST_ROWS = 3
"""Of one or two rows nothing can be told."""
FEWEST_LINKS = 10
"""A few ids may well have been linked on a few days."""
FAR = date(2099, 1, 1)
"""From this day on an end, such as 9999-12-31, is written for none."""
ENDS = re.compile(r"(^|_)(end|ends|ended|until|to|thru|through|(expir|cancel|terminat|churn|stop)[a-z]*)(_|$)")
"""Names under which the end of a line is kept."""


def known_late(source: Source) -> Iterator[Finding]:
    """Tables nearly all of whose rows became known on a few days, long after they happened."""
    for name, raw in source.raw.items():
        table = TABLES[name]
        clocks = [(table.happened, "known_at")] if table.happened != "known_at" else []
        for happened, learned in [*clocks, ("valid_to", "ends_known_at")]:
            if happened is not None and happened in raw.columns and learned in raw.columns:
                yield from _known_late(table, raw, happened, learned)


def _known_late(table: Table, raw: ir.Table, happened: str, learned: str) -> Iterator[Finding]:
    days = {clock: staged_column(raw, table.column(clock)) for clock in (happened, learned)}
    rows = raw.select(**days).filter(ibis._[happened].notnull())
    count = int(rows.count().to_pandas())
    if count < FEWEST_ROWS:
        return
    late = rows.filter(days_between(rows[learned], rows[happened]) > LATE_DAYS)
    few = _few_days(late, learned, count)
    if few is None:
        return
    known = sorted(str(day)[:10] for day in few[learned])
    is_end = learned != "known_at"
    what, then = ("ends", "on its day") if is_end else ("rows", "when it happened")
    none = "none" if int(few["rows"].sum()) == count else "hardly one"
    nobody = f", so {none} has a customer" if table.name in BILLING and not is_end else ""
    message = (
        f"{table.name}.{learned}: {int(few['rows'].sum()):,} of {count:,} {what} became known on "
        f"{many(len(known), 'day')} ({', '.join(known)}), more than {LATE_DAYS} days after they happened: no snapshot "
        f"up to {known[0]} knows of them{nobody}."
    )
    todo = (
        f"Map {learned} to when the source first had it, not to the time of a sync (as _fivetran_synced), or leave it "
        f"out: {'an end' if is_end else 'a row'} is then known {then}."
    )
    yield Finding(Severity.WARNING, table.name, f"known_late:{learned}", message, todo, int(few["rows"].sum()), few)


def _few_days(rows: ir.Table, day: str, count: int) -> pd.DataFrame | None:
    """The days that nearly all of ``count`` rows are of, and how many ``rows`` each has; None if these are not few."""
    by_day = rows.group_by(day).aggregate(rows=rows.count()).order_by(ibis.desc("rows"), day)
    few = by_day.limit(FEW_DAYS).to_pandas()
    enough = np.flatnonzero(few["rows"].cumsum().to_numpy() >= NEARLY_ALL * count)
    return few.head(int(enough[0]) + 1) if len(enough) else None


def linked_late(source: Source) -> Iterator[Finding]:
    """Ids nearly all of which were linked on a few days, long after rows that have them: these are known since then."""
    if source.links is None:
        return
    links = source.links
    count = int(links.count().to_pandas())
    few = _few_days(links.filter(links.linked_on > FIRST_DAY), "linked_on", count) if count >= FEWEST_LINKS else None
    if few is None:
        return
    before = {name: rows for name in source.raw if (rows := _before_their_links(source, name))}
    if not before:
        return
    known = sorted(str(day)[:10] for day in few["linked_on"])
    linked = int(few["rows"].sum())
    message = (
        f"account_ids.known_at: {linked:,} of {many(count, 'id')} became known on {many(len(known), 'day')} "
        f"({', '.join(known)}), more than {LATE_DAYS} days after {many(sum(before.values()), 'row')} that have one "
        f"({', '.join(before)}): until then these are of no account."
    )
    todo = (
        "Leave known_at of account_ids out where it is the time of a sync: an id is then its account's from the "
        "beginning. Keep it where the ids were linked, or the accounts merged, on these days."
    )
    yield Finding(Severity.WARNING, "account_ids", "known_late:known_at", message, todo, linked, few)


def _before_their_links(source: Source, name: str) -> int:
    """How many rows of a table happened long before the id that they have was linked to their account."""
    table, raw = TABLES[name], source.raw[name]
    if source.links is None or name in UNLINKED or table.happened is None or table.happened not in raw.columns:
        return 0
    if "account_id" not in raw.columns:
        return 0
    rows = raw.select(
        id=staged_column(raw, table.column("account_id")), happened=staged_column(raw, table.column(table.happened))
    )
    met = rows.inner_join(source.links, "id")
    return int(met.filter(days_between(met.linked_on, met.happened) > LATE_DAYS).count().to_pandas())


def never_ending(source: Source, row_counts: Mapping[str, int]) -> Iterator[Finding]:
    """Lines that are open for ever because nothing says when they end, and what is counted twice for it.

    A later line of the same contract replaces an earlier one. Without ``contract_id`` nobody can say which replaces
    which, so lines of one account and product are all added up, for ever.
    """
    if not row_counts.get("subscriptions"):
        return
    raw, lines = source.raw["subscriptions"], source.tables["subscriptions"]
    is_absent = "valid_to" not in raw.columns
    why = f"is not there{end_like(raw.columns)}" if is_absent else _how_none_ends(raw)
    if why is None:
        return
    why = f"subscriptions.valid_to {why}"
    if is_absent:
        message = f"{why}: every line is open for ever, so no customer ever leaves."
        todo = "Give valid_to: the first day on which a line no longer holds, empty while it does."
        yield Finding(Severity.WARNING, "subscriptions", "missing:valid_to", message, todo)
    older = _replaced_by_nobody_knows_which(lines)
    total = older.aggregate(
        lines=older.count(), accounts=older.account_id.nunique(), mrr=older.mrr_e4.sum().fill_null(0)
    )
    count, accounts, mrr = (int(value) for value in total.to_pandas().iloc[0])
    if not count:
        return
    message = (
        f"{why}, so {many(count, 'line')} of {many(accounts, 'account')} {'overlaps' if count == 1 else 'overlap'} for "
        f"ever with a later line of the same product: an MRR of {mrr / E4:,.2f} is counted twice."
    )
    todo = "Give valid_to, or contract_id for every line: a later line of a contract replaces the one before."
    columns = ["account_id", "product", "plan", "valid_from"]
    rows = older.order_by(columns).select(*columns, "seats", mrr=older.mrr_e4 / float(E4)).limit(ROWS_KEPT)
    severity = Severity.ERROR if is_absent else Severity.WARNING
    yield Finding(severity, "subscriptions", "never_ending", message, todo, count, rows.to_pandas())


def _how_none_ends(raw: ir.Table) -> str | None:
    """What stands in ``valid_to`` where it ends no line; None where one has an end."""
    is_given = given(raw.valid_to).notnull()
    is_far = (staged_column(raw, TABLES["subscriptions"].column("valid_to")) >= FAR).fill_null(False)
    ends = raw.aggregate(any_given=is_given.any(), any_real=(is_given & ~is_far).any()).to_pandas().iloc[0]
    if ends.any_real:
        return None
    return "is empty, or a day that never comes, in every row" if ends.any_given else "is empty in every row"


def _replaced_by_nobody_knows_which(lines: ir.Table) -> ir.Table:
    """The lines that have a later one of their account and product, where not each has its contract."""
    held = lines.filter(lines.kind.fill_null("") != DISCOUNT)
    of_one = ibis.window(group_by=["account_id", "product"])
    latest_first = ibis.window(
        group_by=["account_id", "product"],
        order_by=[ibis.desc("valid_from"), ibis.desc("mrr_e4"), "plan", "seats"],
    )
    unnamed = held.contract_id.isnull().ifelse(1, 0).sum().over(of_one)
    held = held.mutate(place=ibis.row_number().over(latest_first), unnamed=unnamed)
    return held.filter((held.place > 0) & (held.unnamed > 0))


def end_like(columns: Iterable[str]) -> str:
    """`` (there is end_date: did you mean that?)`` where a column sounds like the end of a line, or nothing."""
    known = {column.name for column in TABLES["subscriptions"].columns}
    others = [name for name in columns if name not in known]
    near = near_name("valid_to", others) or next((name for name in others if ENDS.search(name.lower())), None)
    return f" (there is {near}: did you mean that?)" if near else ""
