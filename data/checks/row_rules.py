"""The rules that a single row can break, derived from the contract. All of a table's rules are counted in one scan.

A rule looks at the row as it came and as it is staged: raw columns by their contract names, staged ones under
``STAGED``. So a value that was there and did not survive its cast is a finding, not a silent null.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import ibis
import ibis.expr.types as ir

from data.checks.report import ROWS_KEPT, Finding, Severity, many
from data.contract.inputs import Column, Kind, Table
from data.contract.vocabulary import DISCOUNT, PLAY_ENDS, PLAY_STATUSES
from data.sources import day_order
from data.sources.known import USAGE
from data.sources.staging import given, staged_column

STAGED = "staged__"
OWN_ACCOUNT = "own__account_id"

KIND_WORDS = {
    Kind.CLOCK: "no date or time",
    Kind.MONEY: "no number",
    Kind.QUANTITY: "no number",
    Kind.RATING: "no number",
    Kind.COUNT: "no whole number",
    Kind.ID: "no id",
    Kind.TEXT: "no text",
}
NOT_NEGATIVE = {
    ("subscriptions", "mrr"): Severity.ERROR,
    ("subscriptions", "seats"): Severity.ERROR,
    ("usage_events", "quantity"): Severity.WARNING,
    ("usage_daily", "events"): Severity.ERROR,
    ("usage_daily", "quantity"): Severity.WARNING,
    ("usage_daily", "active_users"): Severity.WARNING,
    ("accounts", "employees"): Severity.WARNING,
    ("plans", "seat_price"): Severity.WARNING,
    ("plan_features", "monthly_limit"): Severity.WARNING,
}
SCORED_WITHOUT_NAME = ("subscriptions", "invoices")


@dataclass(frozen=True)
class RowRule:
    """A rule and the rows that break it. ``message`` may hold ``{rows}``, ``{example}`` and ``{accounts}``.

    ``of_dates``: the rule asks for dates of the column ``example``, which may be text.
    """

    rule: str
    severity: Severity
    broken: ir.BooleanValue
    message: str
    todo: str
    example: str | None = None
    of_dates: bool = False


def seen(table: Table, raw: ir.Table, accounts: ir.Table | None) -> ir.Table:
    """Raw and staged columns of each row side by side, with the account's row in ``accounts`` if it has one."""
    names = [name for name in raw.columns if table.extra_columns or name in {column.name for column in table.columns}]
    staged = {f"{STAGED}{column.name}": staged_column(raw, column) for column in table.columns}
    both = raw.select(*names, **staged)
    if accounts is None:
        return both
    ids = accounts.select(**{OWN_ACCOUNT: accounts.account_id}).distinct()
    return both.left_join(ids, both[f"{STAGED}account_id"] == ids[OWN_ACCOUNT])


def row_rules(table: Table, rows: ir.Table, today: date) -> Iterator[RowRule]:
    """All rules of one table, over ``seen`` rows."""
    for column in table.columns:
        if column.name in rows.columns:
            yield from _column_rules(table, column, rows)
    yield from _clock_rules(table, rows, today)
    if OWN_ACCOUNT in rows.columns:
        yield _orphan_rule(table, rows)
    if table.name == "outcomes" and {"status", "opened_at"} <= set(rows.columns):
        closed = rows[f"{STAGED}closed_at"]
        yield RowRule(
            "unclosed",
            Severity.WARNING,
            rows[f"{STAGED}status"].isin(PLAY_ENDS) & closed.isnull(),
            "outcomes: {rows} with a status of what is over (such as {example}) and no closed_at; such a play counts "
            "as closed on the day on which it was opened.",
            "Give closed_at, or leave the status open.",
            "status",
        )
        yield RowRule(
            "closed_open",
            Severity.WARNING,
            (rows[f"{STAGED}status"] == PLAY_STATUSES[0]) & (closed <= today),
            "outcomes: {rows} with the status open and a closed_at that has passed (such as {example}); such a play "
            "counts as under way.",
            "Give the status that it came to, or leave closed_at empty.",
            "closed_at" if "closed_at" in rows.columns else "status",
        )
    if table.name == "tickets":
        yield RowRule(
            "range:csat",
            Severity.WARNING,
            (rows[f"{STAGED}csat"] < 1) | (rows[f"{STAGED}csat"] > 5),
            "tickets.csat: {rows} outside 1 to 5 (such as {example}).",
            "Give csat on a scale from 1 to 5.",
            "csat",
        )


def _column_rules(table: Table, column: Column, rows: ir.Table) -> Iterator[RowRule]:
    name = f"{table.name}.{column.name}"
    raw, staged = rows[column.name], rows[f"{STAGED}{column.name}"]
    is_given = given(raw).notnull()
    yield RowRule(
        f"type:{column.name}",
        Severity.ERROR,
        is_given & staged.isnull(),
        f"{name}: {{rows}} with {KIND_WORDS[column.kind]} (such as {{example}}; the column is {raw.type()}).",
        f"Make every value of {name} {KIND_WORDS[column.kind].replace('no ', 'a ', 1)}, or leave it empty.",
        column.name,
        of_dates=column.kind is Kind.CLOCK,
    )
    if column.required:
        is_name = name == "accounts.name"
        yield RowRule(
            f"null:{column.name}",
            Severity.WARNING if is_name else Severity.ERROR,
            ~is_given,
            f"{name}: {{rows}} without a value" + ("; the list shows their account_id." if is_name else "."),
            f"Fill {name} in, or leave those rows out.",
        )
    if name == "accounts.owner":
        yield RowRule(
            "owner",
            Severity.WARNING,
            ~is_given,
            "accounts.owner: {rows} without an owner; they are in nobody's book.",
            "Name a CSM for each account.",
        )
    if (table.name, column.name) in NOT_NEGATIVE:
        is_discount = ibis.literal(False)
        if name == "subscriptions.mrr":
            is_discount = (rows[f"{STAGED}kind"] == DISCOUNT).fill_null(False)
        yield RowRule(
            f"negative:{column.name}",
            NOT_NEGATIVE[table.name, column.name],
            (staged < 0) & ~is_discount,
            f"{name}: {{rows}} below zero (such as {{example}}).",
            "Net a discount into the lines that it discounts, or give such lines the kind `discount`."
            if name == "subscriptions.mrr"
            else f"Correct {name}.",
            column.name,
        )


def _clock_rules(table: Table, rows: ir.Table, today: date) -> Iterator[RowRule]:
    if table.happened is None:
        return
    begin = rows[f"{STAGED}{table.happened}"]
    is_line = table.name == "subscriptions"
    yield RowRule(
        "future",
        Severity.NOTE if is_line else Severity.WARNING,
        begin > today,
        f"{table.name}.{table.happened}: {{rows}} after today ({today}), such as {{example}}; "
        + ("signed for later, a line counts from its first day on." if is_line else "a row counts nowhere until then."),
        "" if is_line else f"Check the clock of {table.name}.{table.happened}.",
        table.happened,
    )
    if "known_at" in rows.columns and table.happened != "known_at":
        yield RowRule(
            "future:known_at",
            Severity.WARNING,
            (rows[f"{STAGED}known_at"] > today) & (begin <= today),
            f"{table.name}.known_at: {{rows}} known only after today ({today}); a row counts nowhere until then.",
            f"Check the clock of {table.name}.known_at.",
        )
    for end in table.ends:
        yield from _end_rules(table, end, rows, begin)


def _end_rules(table: Table, end: str, rows: ir.Table, begin: ir.Value) -> Iterator[RowRule]:
    is_line = table.name == "subscriptions"
    ended = rows[f"{STAGED}{end}"]
    yield RowRule(
        f"order:{end}",
        Severity.ERROR if is_line else Severity.WARNING,
        ended < begin,
        f"{table.name}: {{rows}} with {end} before {table.happened}.",
        f"Correct {table.happened} or {end}.",
    )
    if is_line:
        yield RowRule(
            "empty_line",
            Severity.WARNING,
            ended == begin,
            "subscriptions: {rows} with valid_to on the day of valid_from; a line of no day is ignored.",
            "Leave such lines out, or correct valid_to: it is the first day on which a line no longer holds.",
        )


def _orphan_rule(table: Table, rows: ir.Table) -> RowRule:
    outcome = (
        "such an account is scored, but has no name and no owner."
        if table.name in SCORED_WITHOUT_NAME
        else "a row counts only if its account has a line or an invoice."
    )
    return RowRule(
        "orphan",
        Severity.WARNING,
        rows[f"{STAGED}account_id"].notnull() & rows[OWN_ACCOUNT].isnull(),
        f"{table.name}: {{rows}} of {{accounts}} not in accounts (such as {{example}}); {outcome}",
        "Add the accounts, or check that ids are written the same way in both tables.",
        "account_id",
    )


def broken_rules(table: Table, raw: ir.Table, accounts: ir.Table | None, today: date) -> tuple[int, list[Finding]]:
    """The number of rows of a table, and its findings by row: one scan, and one more for each rule that is broken."""
    rows = seen(table, raw, accounts)
    rules = list(row_rules(table, rows, today))
    sums = {f"rule_{number}": rule.broken.sum() for number, rule in enumerate(rules)}
    if OWN_ACCOUNT in rows.columns:
        sums["orphans"] = rows[f"{STAGED}account_id"].nunique(where=rows[OWN_ACCOUNT].isnull())
    counts = rows.aggregate(rows_in_all=rows.count(), **sums).to_pandas().fillna(0).iloc[0].astype("int64")
    orphans = int(counts.get("orphans", 0))
    in_all = int(counts["rows_in_all"])
    findings = [
        _finding(table, _graver(table, rule, broken, in_all), rows, broken, orphans)
        for number, rule in enumerate(rules)
        if (broken := int(counts[f"rule_{number}"]))
    ]
    return in_all, findings


def _graver(table: Table, rule: RowRule, broken: int, in_all: int) -> RowRule:
    """Use of which not one row has its account is no use at all: nobody would be said to use anything."""
    is_lost = rule.rule == "orphan" and table.one_of == USAGE and broken == in_all
    return replace(rule, severity=Severity.ERROR) if is_lost else rule


def _finding(table: Table, rule: RowRule, rows: ir.Table, count: int, orphans: int) -> Finding:
    shown = [name for name in rows.columns if not name.startswith(STAGED) and name != OWN_ACCOUNT]
    offending = rows.filter(rule.broken).select(*shown).limit(ROWS_KEPT).to_pandas()
    example = "" if rule.example is None else repr(str(offending[rule.example].iloc[0]))
    message = rule.message.format(rows=many(count, "row"), example=example, accounts=many(orphans, "account"))
    todo = rule.todo
    if rule.of_dates and rule.example is not None and rows[rule.example].type().is_string():
        more = day_order.told(rule.example, rows.filter(rule.broken)[rule.example])
        message, todo = (f"{message} {more[0]}", more[1]) if more else (message, todo)
    return Finding(rule.severity, table.name, rule.rule, message, todo, count, offending)
