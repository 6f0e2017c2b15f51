"""From raw columns to staged ones: the casts of the contract, as Ibis expressions.

A value that cannot be cast becomes null, so raw and staged can be compared: ``headroom check`` reports every value that
was there and is not there any more. Empty strings and NaN are nulls to begin with. Nothing is lower-cased or stripped.
"""

import re
from datetime import date

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from data.contract.inputs import TABLES, Column, Kind, Table
from data.contract.vocabulary import BILL_KINDS, E4, PLAY_ENDS
from data.time_cut import CORRECTED_ON, FIRST_DAY, LAST_DAY, WITHDRAWN_ON, Tables

LARGEST_AMOUNT = 9.0e14
"""Larger amounts do not fit into 64 bits as ten-thousandths."""
LARGEST_MONEY = 1.0e11
"""More than that per month, or on one invoice, is a mistake; sums over a base must fit as well."""
LARGEST_COUNT = 1.0e12
"""More seats, people or events a day than that is a mistake; seats times their price must fit as well."""
PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the numbers of rows that it writes into a file: they say where a row stood."""
KNOWN_SECOND = "known_second"
"""Staged beside the team's own features: of two rows known on one day the later one counts. Seconds since 1970, UTC."""
VERSIONED = {"known_at": "known_on", "withdrawn_at": WITHDRAWN_ON, "corrected_at": CORRECTED_ON}
"""The clocks of outcomes that were recorded row by row: from the day after the first up to the second a row counts, and
on the third it was said not to be true.
"""
YEAR_1000 = date(1000, 1, 1)
"""What is read as an earlier year was written with fewer digits, or with zeros before it (0001-01-01)."""
LARGEST_WHOLE = 2.0**53
"""Up to here a float64 holds every whole number."""


def given(column: ir.Value) -> ir.Value:
    """The raw value, or null where there is none: an empty string and NaN are not values."""
    if column.type().is_string():
        return column.nullif("")
    if column.type().is_floating():
        return column.isnan().ifelse(ibis.null(column.type()), column)
    return column


def cast(column: ir.Value, kind: Kind) -> ir.Value:
    """A raw column as its staged type; null where the value does not fit.

    Ids: whole numbers lose their ``.0`` (17850.0 is '17850'), and so do numbers that stand for texts. Clocks: the UTC
    day; without a zone a time is UTC. Money and quantities: ``floor(x * 10000 + 0.5)``. Counts: 2.0 is 2, and 2.5 is
    no count.
    """
    value = given(column)
    casts = {
        Kind.ID: _id,
        Kind.TEXT: lambda text: text if text.type().is_string() else _id(text),
        Kind.CLOCK: _day,
        Kind.MONEY: lambda amount: _e4(amount, LARGEST_MONEY),
        Kind.QUANTITY: _e4,
        Kind.COUNT: _count,
        Kind.RATING: _number,
    }
    return casts[kind](value)


def _id(value: ir.Value) -> ir.Value:
    if value.type().is_floating():
        small = (value.abs() < LARGEST_WHOLE).ifelse(value, ibis.null(value.type()))
        return (small == small.floor()).ifelse(small.cast("int64").cast("string"), value.cast("string"))
    text = value.cast("string")
    if value.type().is_decimal():
        return text.re_replace(r"\.0+$", "")
    if not value.type().is_string():
        return text
    # The cheap tests first: most ids do not end in `.0`, and there may be very many of them.
    may_be_whole = text.endswith("0") & text.contains(".")
    is_whole = may_be_whole.ifelse(text.re_search(r"^-?\d+\.0+$"), False)
    # No group in the replacement: engines write it in different ways.
    return is_whole.ifelse(text.re_replace(r"\.0+$", ""), text)


def _day(value: ir.Value) -> ir.Value:
    day = _any_day(value)
    # Some databases write `infinity` for open ends.
    first, last = ibis.literal(FIRST_DAY), ibis.literal(LAST_DAY)
    return (day > last).ifelse(last, (day < first).ifelse(first, day))


def _any_day(value: ir.Value) -> ir.Value:
    return value if value.type().is_date() else moment(value).date()


def moment(value: ir.Value) -> ir.Value:
    """A clock as a time; null where it is none. A text without a zone is UTC."""
    kind: dt.DataType = value.type()
    if kind.is_timestamp():
        return value
    if kind.is_date():
        return value.cast("timestamp")
    if kind.is_string():
        # A plain timestamp would drop the offset of '2024-01-01T00:30+02:00' without a word.
        parsed = value.try_cast("timestamp('UTC')")
        # '02/01/24' is no day of the year 2: a year has four digits. Asked only where it may be one of two.
        has_year = (parsed.date() < ibis.literal(YEAR_1000)).ifelse(value.re_search(r"^\s*\d{4}"), True)
        return has_year.ifelse(parsed, ibis.null(parsed.type()))
    return ibis.null("timestamp")


def hour(value: ir.Value) -> ir.IntegerValue:
    """The UTC hour (0-23) of a clock; null where it has no time of day. Midnight sharp is a date, not a time."""
    kind: dt.DataType = value.type()
    if kind.is_string():
        value = given(value).try_cast("timestamp('UTC')")
    elif not kind.is_timestamp():
        return ibis.null("int64")
    if value.type().timezone is not None:
        value = value.cast("timestamp")  # in the session's zone, which is UTC, as the day is
    return (value.truncate("D") < value).ifelse(value.hour().cast("int64"), ibis.null("int64"))


def zero_or_one(value: ir.BooleanValue) -> ir.IntegerValue:
    """A truth value as a number; null where it is not known."""
    return ibis.cases((value, 1), (~value, 0))


def _number(value: ir.Value) -> ir.Value:
    if not (value.type().is_numeric() or value.type().is_string() or value.type().is_boolean()):
        return ibis.null("float64")
    if value.type().is_string():
        number = value.try_cast("float64")
    else:  # not every engine can try what cannot fail
        number = (zero_or_one(value) if value.type().is_boolean() else value).cast("float64")
    return (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number)


def _e4(value: ir.Value, largest: float = LARGEST_AMOUNT) -> ir.Value:
    number = _number(value)
    number = (number.abs() < largest).ifelse(number, ibis.null("float64"))
    return (number * float(E4) + 0.5).floor().cast("int64")


def _count(value: ir.Value) -> ir.Value:
    number = _number(value)
    # Small enough first: the floor of a huge number is an error of the engine.
    number = (number.abs() < LARGEST_COUNT).ifelse(number, ibis.null("float64"))
    return (number == number.floor()).ifelse(number, ibis.null("float64")).cast("int64")


def staged_column(raw: ir.Table, column: Column) -> ir.Value:
    """One contract column of a raw table as staged, before defaults; a typed null where the source lacks it."""
    if column.name not in raw.columns:
        return ibis.null(column.staged_type)
    return cast(raw[column.name], column.kind)


def stage(table: Table, raw: ir.Table) -> ir.Table:
    """A raw table in the staged shape: every contract column by its staged name and type, and nothing else.

    ``usage_events`` has the ``hour`` of the day too, for the day alone does not show one user id used by many people.
    An outcome that is over and does not say since when is closed on the day on which it was opened. Words for a kind of
    bill that are not in use (what a billing tool calls its documents, say) are none.
    ``account_features`` keeps its own columns too: numbers as float64, strings as they are.
    """
    return raw.select(**_staged_columns(table, raw))


def _staged_columns(table: Table, raw: ir.Table) -> dict[str, ir.Value]:
    columns = {column.staged_name: staged_column(raw, column) for column in table.columns}
    if table.happened_on is not None and "known_on" in columns and table.happened_on != "known_on":
        columns["known_on"] = ibis.coalesce(columns["known_on"], columns[table.happened_on])
    if table.name == "usage_events":
        columns["quantity_e4"] = columns["quantity_e4"].fill_null(E4)
        columns["hour"] = hour(raw["occurred_at"]) if "occurred_at" in raw.columns else ibis.null("int64")
    if table.name == "outcomes":
        over = columns["status"].isin(PLAY_ENDS).ifelse(columns["opened_on"], ibis.null("date"))
        columns["closed_on"] = ibis.coalesce(columns["closed_on"], over)
    if table.name == "invoices" and "kind" in raw.columns:
        columns["kind"] = columns["kind"].isin(BILL_KINDS).ifelse(columns["kind"], ibis.null("string"))
    if table.name == "usage_daily":
        columns["quantity_e4"] = ibis.coalesce(columns["quantity_e4"], columns["events"] * E4)
    if table.extra_columns:
        columns[KNOWN_SECOND] = moment(given(raw["known_at"])).epoch_seconds().cast("int64")
        columns |= {name: _own(raw[name]) for name in own_columns(table, raw) if name not in columns}
    return columns


def with_versions(own: ir.Table | None, recorded: ir.Table) -> ir.Table:
    """Outcomes that were recorded row by row, staged, beside those of a source (staged too; None: it has none).

    Of the same account, play and day of its beginning those that were recorded count, from the day on which they were;
    a play that the source knows as under way is over for it once one of that name, begun then or later, was recorded.
    """
    table = TABLES["outcomes"]
    clocks = {staged: cast(recorded[raw], Kind.CLOCK) for raw, staged in VERSIONED.items()}
    ours = recorded.select(**_staged_columns(table, recorded), **clocks)
    if own is None:
        return ours
    key = [table.column(name).staged_name for name in table.key]
    others = own.left_join(_first_recorded(own, ours, key), key).select(*own.columns, "first_recorded_on")
    replaced = dict.fromkeys((WITHDRAWN_ON, CORRECTED_ON), others.first_recorded_on)
    others = others.mutate(known_on=others.opened_on, **replaced)
    return ours.union(others.select(*ours.columns))


def _first_recorded(own: ir.Table, ours: ir.Table, key: list[str]) -> ir.Table:
    """One row per key of a source's outcome in whose place one that was recorded counts, and from when."""
    begun = ours.select("account_id", "play", begun_on=ours.opened_on, first_recorded_on=ours.known_on)
    both = own.select(*key, "status").inner_join(begun, ["account_id", "play"])
    is_under_way = ~both.status.isin(PLAY_ENDS).fill_null(False)
    replaced = both.filter((both.begun_on == both.opened_on) | (is_under_way & (both.begun_on > both.opened_on)))
    return replaced.group_by(key).aggregate(first_recorded_on=replaced.first_recorded_on.min())


def absent_columns(raw: Tables) -> frozenset[str]:
    """The contract's optional columns that the raw tables lack, as ``table.column``.

    Staged they are full of nulls and look as if nothing had ever been written into them. ``known_at`` is never absent:
    without it a fact is known when it happens.
    """
    return frozenset(
        f"{name}.{column.name}"
        for name, table in raw.items()
        for column in TABLES[name].columns
        if column.name not in table.columns and not column.required and column.name != "known_at"
    )


def own_columns(table: Table, raw: ir.Table) -> list[str]:
    """The columns beside the contract's that are numbers or strings."""
    known = {column.name for column in table.columns}
    types = raw.schema()
    return [
        name
        for name in raw.columns
        if name not in known
        and not PANDAS_INDEX.fullmatch(name)
        and (types[name].is_numeric() or types[name].is_string() or types[name].is_boolean())
    ]


def _own(column: ir.Value) -> ir.Value:
    return column.nullif("") if column.type().is_string() else _number(column)
