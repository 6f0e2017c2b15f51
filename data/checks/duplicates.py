"""Rows that meet: keys that repeat, rows that are equal, and lines of one product that are open at one time."""

import ibis
import ibis.expr.types as ir

from data.checks.report import ROWS_KEPT, Finding, Severity, many
from data.contract.inputs import Kind, Table
from data.contract.vocabulary import DISCOUNT, E4
from data.sources.staging import KNOWN_SECOND, stage

FAR_DAY = "9999-12-31"
ONLY_NOTED = ("usage_events",)
"""Tables whose equal rows are counted each: things that happened twice."""


def repeated(table: Table, raw: ir.Table) -> list[Finding]:
    """Keys that occur more than once; where a key need not be unique, rows that are equal in every column."""
    return _repeated_keys(table, raw) if table.unique else _equal_rows(table, raw)


def _repeated_keys(table: Table, raw: ir.Table) -> list[Finding]:
    staged = stage(table, raw)
    columns = [table.column(name) for name in table.key]
    columns = [column for column in columns if column.required or column.name in (*raw.columns, "known_at")]
    # Of the team's own features the later row of a day counts, which is no other row of the same time.
    staged_names = {"known_at": KNOWN_SECOND} if table.extra_columns else {}
    key = [staged_names.get(column.name, column.staged_name) for column in columns]
    # An id that may be missing (nobody's use) is one of the values of the key, and a null meets no null.
    optional = [column.name for column in columns if column.kind is Kind.ID and not column.required]
    complete = staged.filter(*[staged[name].notnull() for name in key if name not in optional])
    complete = complete.mutate(**{name: complete[name].fill_null("") for name in optional}) if optional else complete
    keys = complete.group_by(key).aggregate(times=complete.count())
    keys = keys.filter(keys.times > 1)
    keys_twice, rows_twice = _totals(keys)
    if not keys_twice:
        return []
    rows = _currency(table, complete.semi_join(keys, key).order_by(key).limit(ROWS_KEPT))
    key_words = ", ".join(column.name for column in columns)
    message = f"{table.name}: {many(keys_twice, 'key')} ({key_words}) more than once, in {many(rows_twice, 'row')}."
    todo = f"Keep one row per {key_words}."
    return [Finding(Severity.ERROR, table.name, "repeated", message, todo, rows_twice, rows.to_pandas())]


def _equal_rows(table: Table, raw: ir.Table) -> list[Finding]:
    columns = [column.name for column in table.columns if column.name in raw.columns]
    groups = raw.group_by(columns).aggregate(times=raw.count())
    groups = groups.filter(groups.times > 1)
    kinds, rows_twice = _totals(groups)
    if not kinds:
        return []
    is_event = table.name in ONLY_NOTED
    message = (
        f"{table.name}: {many(rows_twice, 'row')} equal to another in every column ({many(kinds, 'different row')}); "
        f"they are {'counted each' if is_event else 'added up'}."
    )
    todo = "Check that nothing was loaded twice."
    severity = Severity.NOTE if is_event else Severity.WARNING
    rows = groups.limit(ROWS_KEPT).to_pandas()
    return [Finding(severity, table.name, "equal", message, todo, rows_twice, rows)]


def _totals(groups: ir.Table) -> tuple[int, int]:
    """The number of groups and of the rows in them."""
    totals = groups.aggregate(groups=groups.count(), rows=groups.times.sum()).to_pandas().fillna(0).iloc[0]
    return int(totals["groups"]), int(totals["rows"])


def _currency(table: Table, staged: ir.Table) -> ir.Table:
    """Staged rows with money and quantities as people write them."""
    amounts = [column for column in table.columns if column.kind in (Kind.MONEY, Kind.QUANTITY)]
    written = {column.name: staged[column.staged_name] / ibis.literal(float(E4)) for column in amounts}
    return staged.mutate(**written).drop(*[column.staged_name for column in amounts]) if amounts else staged


def open_together(lines: ir.Table) -> list[Finding]:
    """Accounts with two or more lines of one product open at one time (over all of the history).

    ``lines`` are the staged subscriptions. A line meets an earlier one if any that began before it ends after it began.
    A discount is meant to meet the line beside which it stands.
    """
    lines = lines.filter(lines.kind.fill_null("") != DISCOUNT)
    ends = ibis.coalesce(lines.valid_to, ibis.literal(FAR_DAY).cast("date"))
    held = lines.mutate(ends=ends).filter(ends > lines.valid_from)
    earlier = ibis.window(
        group_by=["account_id", "product"],
        order_by=["valid_from", "ends", "plan", "mrr_e4", "seats"],
        rows=(None, -1),
    )
    meeting = held.mutate(last_end=held.ends.max().over(earlier))
    meeting = meeting.filter(meeting.last_end > meeting.valid_from)
    accounts = int(meeting.account_id.nunique().to_pandas())
    if not accounts:
        return []
    columns = ["account_id", "product", "plan", "valid_from", "valid_to"]
    rows = meeting.order_by(columns).select(*columns, "seats", mrr=meeting.mrr_e4 / float(E4)).limit(ROWS_KEPT)
    verb = "has" if accounts == 1 else "have"
    message = (
        f"subscriptions: {many(accounts, 'account')} {verb} two or more open lines of one product at one time; "
        "they are added up."
    )
    todo = "Nothing, if these are separate contracts; end the older line if one replaces the other."
    return [Finding(Severity.NOTE, "subscriptions", "open_together", message, todo, accounts, rows.to_pandas())]
