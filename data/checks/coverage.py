"""What the tables cover: what is missing and what it costs, feeds that stopped, words that nobody asked about."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import ibis.expr.types as ir

from data.checks.report import ROWS_KEPT, Finding, Severity, many
from data.contract.inputs import TABLES, Table
from data.contract.vocabulary import CRM_KINDS, DISCOUNT, MEASURES, PLAY_STATUSES, SEVERITIES
from data.errors import hint
from data.feeds.feeds import Feeds
from data.feeds.parts import silent_parts
from data.feeds.use import use
from data.sources.known import BILLING, USAGE, Source, empty_columns, last_days_of_use
from data.sources.variants import from_variants
from data.time_cut import Tables

STOPPED = "stopped"
"""The rule of feeds that ended before the data does."""

WORDS = {
    ("crm_events", "kind"): CRM_KINDS,
    ("plan_features", "measure"): MEASURES,
    ("tickets", "severity"): SEVERITIES,
    ("outcomes", "status"): PLAY_STATUSES,
}
"""Columns whose values have a meaning of their own; other values feed no signal."""


def missing(source: Source) -> Iterator[Finding]:
    """Optional tables and columns that are not there, or without a value, and the signals that they would add."""
    empty = empty_columns(source)
    for table in TABLES.values():
        if table.name in source.raw:
            yield from _missing_columns(table, source.raw[table.name])
            yield from _empty_columns(table, empty)
        elif table.name in source.ignored:
            gain = f"; it would add: {table.costs}" if table.costs else ""
            message = f"{table.name} is left out by [source] ignore{gain}."
            yield Finding(Severity.NOTE, table.name, "ignored", message, "")
        elif table.costs and not (table.name == "usage_daily" and "usage_events" in source.raw):
            near = hint(table.name, source.unread)
            message = f"{table.name} is not there{near}; it would add: {table.costs}."
            yield Finding(Severity.NOTE, table.name, "missing", message, "")


def _missing_columns(table: Table, raw: ir.Table) -> Iterator[Finding]:
    others = [name for name in raw.columns if name not in {column.name for column in table.columns}]
    for column in table.columns:
        if (table.name, column.name) == ("subscriptions", "valid_to"):
            continue  # that has a finding of its own
        near = hint(column.name, others)
        if column.name not in raw.columns and (column.costs or near):
            gain = f"; it would add: {column.costs}" if column.costs else ""
            message = f"{table.name}.{column.name} is not there{near}{gain}."
            yield Finding(Severity.NOTE, table.name, f"missing:{column.name}", message, "")


def _empty_columns(table: Table, empty: frozenset[str]) -> Iterator[Finding]:
    for column in table.columns:
        name = f"{table.name}.{column.name}"
        if name in empty:
            message = f"{name} has no readable value in any row, as if it were not there; it would add: {column.costs}."
            yield Finding(Severity.NOTE, table.name, f"empty:{column.name}", message, "")


def remarks(source: Source) -> Iterator[Finding]:
    """What the source says of itself."""
    for number, remark in enumerate(source.remarks, 1):
        yield Finding(Severity.NOTE, "source", f"remark:{number}", remark, "")


def variants(source: Source) -> Iterator[Finding]:
    """Columns that a loader keeps in several: how many of their values come from which."""
    for name, came in source.split.items():
        for column, (others, count) in from_variants(TABLES[name], came).items():
            message = (
                f"{name}.{column} is read together with {', '.join(others)}, where the loader keeps values of another "
                f"type: {many(count, 'value')} from there."
            )
            yield Finding(Severity.NOTE, name, f"variants:{column}", message, "", count)


def empty(row_counts: Mapping[str, int], mapped: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Tables without a row: an error for what is required, else a warning.

    Of two alternatives the first wins where both are there, so it must not be empty: a lost feed would look like a
    base without contracts, or without usage. Where a query of the user's makes it (``mapped``) the other is enough.
    """
    for name, count in row_counts.items():
        if count:
            continue
        group = TABLES[name].one_of
        wins = bool(group) and name == group[0] and name not in mapped
        is_required = name == "accounts" or wins or (bool(group) and not any(map(row_counts.get, group)))
        message = f"{name}: the table is empty" + ("." if is_required else f"; it would add: {TABLES[name].costs}.")
        severity = Severity.ERROR if is_required else Severity.WARNING
        todo = f"Fill {name}, or check the export or the SQL that makes it."
        if not is_required or any(map(row_counts.get, group)):
            todo += f' To do without it: [source] ignore = ["{name}"].'
        yield Finding(severity, name, "empty", message, todo)


def stopped(tables: Tables, today: date) -> Iterator[Finding]:
    """Feeds that ended before the data does (usage, subscriptions and invoices) and are late by their own rhythm."""
    feeds = Feeds(tables)
    last = feeds.last_days(today + timedelta(days=1))
    end = max((last[name] for name in (*USAGE, *BILLING) if name in last), default=None)
    if end is None:
        return
    for name, silence in feeds.silent(end + timedelta(days=1)).items():
        message = (
            f"{name}: the last row is of {silence.last_day}, {many(silence.days, 'day')} before {end}; it used to have "
            f"rows at least every {many(silence.usual_gap, 'day')}. "
            "If the feed stopped, its silence is no news about the customers."
        )
        yield Finding(Severity.WARNING, name, STOPPED, message, f"Check the feed of {name}.", silence.days)


def stopped_parts(tables: Tables, today: date) -> Iterator[Finding]:
    """Parts of the use that stopped at once before the use ends, while the rest went on."""
    last_days = last_days_of_use(tables, today)
    last = last_days[use(tables)[0]] if last_days else None
    if last is None:
        return
    day = last + timedelta(days=1)
    for part in silent_parts(tables, [day])[day]:
        message = (
            f"{part.name}: it stopped at once after {part.last_day}, {many(part.days, 'day')} before {day}, while the "
            f"rest went on: the use of {many(len(part.accounts), 'account')} is not known since then. "
            "If its feed stopped, its silence is no news about the customers."
        )
        todo = f"Check what loads this part of {part.table}. If it was given up, leave it out in [source.tables]."
        yield Finding(Severity.WARNING, part.table, STOPPED, message, todo, len(part.accounts))


def unknown_words(source: Source) -> Iterator[Finding]:
    """Values without a meaning to any signal, in columns that have a list of words."""
    for (name, column), words in WORDS.items():
        table = source.tables.get(name)
        if table is None:
            continue
        others = table.filter(table[column].notnull() & table[column].notin(words))
        unknown = others.group_by(column).aggregate(rows=others.count()).order_by(column).limit(ROWS_KEPT).to_pandas()
        if len(unknown):
            listed = ", ".join(f"{word!r} ({many(count, 'row')})" for word, count in unknown.head(10).to_numpy())
            more = ", ..." if len(unknown) > 10 else ""
            message = f"{name}.{column} has values that feed no signal of their own: {listed}{more}."
            todo = f"Rename them if they mean one of: {', '.join(words)}."
            yield Finding(Severity.NOTE, name, f"words:{column}", message, todo, int(unknown["rows"].sum()), unknown)


def unknown_plans(tables: Tables) -> Iterator[Finding]:
    """Plans of lines that the table of plans does not have; a discount is of none."""
    if "plans" not in tables or "subscriptions" not in tables:
        return
    lines, plans = tables["subscriptions"], tables["plans"]
    key = ["product", "plan"]
    lines = lines.filter(lines.kind.fill_null("") != DISCOUNT)
    held = lines.group_by(key).aggregate(lines=lines.count())
    unlisted = held.anti_join(plans, key).order_by(key).limit(ROWS_KEPT).to_pandas()
    if len(unlisted):
        listed = ", ".join(f"{plan!r} of {product!r}" for product, plan, _ in unlisted.head(10).to_numpy())
        more = ", ..." if len(unlisted) > 10 else ""
        message = (
            f"subscriptions: {many(len(unlisted), 'plan')} not in plans: {listed}{more}. "
            "Without a tier an upsell to or from them is a higher MRR, per seat where there are seats."
        )
        todo = "Add them to plans, or check how they are written."
        yield Finding(
            Severity.WARNING, "subscriptions", "unknown_plan", message, todo, int(unlisted["lines"].sum()), unlisted
        )
