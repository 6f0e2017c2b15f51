"""The snapshots that the database holds: counted, and an account or whole days of them taken away.

What is put into a statement by its name is a table or a column of the contract.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import psycopg

from data.contract.outputs import EXCLUSIONS, SCORES, TABLES
from data.digests import sha256_of
from data.erasure.places import ACCOUNT
from serving.database.address import DatabaseAddress
from serving.database.connection import alone, clear, connected
from serving.database.shape import MANIFESTS, published_tables
from serving.published.layout import HELD_OUT

Columns = Mapping[str, frozenset[str]]
"""The tables that are there, and their columns."""


class DaysOfTable(NamedTuple):
    """How many rows a table has, and from which day to which; no day where it has none."""

    rows: int
    first: date | None
    last: date | None


class Left(NamedTuple):
    """What is left of a list: its accounts, the ranked ones among them, and the sum of their expected ARR."""

    accounts: int
    ranked: int
    expected_arr: float


class DayOfList(NamedTuple):
    """Which list one is compared with, by its day, and how far it looks ahead."""

    previous: date | None
    horizon_days: int


Retold = Callable[[Mapping[str, Any], Left], Mapping[str, Any]]
"""From the manifest of a list, and what is left of it, to the entries that say so."""


def days_of_tables(address: DatabaseAddress) -> dict[str, DaysOfTable]:
    """What each published table has. Raises ``PublishError`` where the database cannot be asked."""
    with connected(address, f"Count what is published to {address.shown}.") as connection:
        return {name: _days_of(connection, name) for name in published_tables(connection, address.schema)}


def _days_of(connection: psycopg.Connection, name: str) -> DaysOfTable:
    (row,) = connection.execute(f"select count(*), min(snapshot_date), max(snapshot_date) from {name}")  # noqa: S608
    return DaysOfTable(*row)


def days_of_lists(address: DatabaseAddress) -> dict[date, DayOfList]:
    """The snapshots by their days, in their order."""
    with connected(address, f"Look for the snapshots of {address.shown}.") as connection:
        if not published_tables(connection, address.schema):
            return {}
        told = "(manifest ->> 'previous_snapshot_date')::date, (manifest ->> 'horizon_days')::int"
        rows = connection.execute(f"select snapshot_date, {told} from {MANIFESTS} order by 1")  # noqa: S608
        return {day: DayOfList(*of_day) for day, *of_day in rows}


def remove_days(address: DatabaseAddress, days: Sequence[date]) -> None:
    """Take the snapshots of these days away, all or none."""
    with connected(address, f"Remove old snapshots from {address.shown}.") as connection:
        alone(connection, address)
        for name in (*published_tables(connection, address.schema), MANIFESTS):
            connection.execute(f"delete from {name} where snapshot_date = any(%s)", [list(days)])  # noqa: S608


def rows_of_account(address: DatabaseAddress, account_id: str) -> tuple[dict[str, int], int]:
    """How many rows of each table are of an account; and how many of other accounts name it."""
    with connected(address, f"Look for an account in {address.shown}.") as connection:
        tables = published_tables(connection, address.schema)
        own = {name: _count(connection, name, f"{ACCOUNT} = %s", account_id) for name in tables}
        of_others = (
            _count(connection, name, f"{column} = %s and {ACCOUNT} <> %s", account_id, account_id)
            for name, column, _ in _mentions(tables)
        )
        return own, sum(of_others)


def _count(connection: psycopg.Connection, name: str, which: str, *values: object) -> int:
    (row,) = connection.execute(f"select count(*) from {name} where {which}", values)  # noqa: S608
    return int(row[0])


def _mentions(tables: Columns) -> list[tuple[str, str, tuple[str, ...]]]:
    """Table, column with the id of another account, and the columns that tell of that one."""
    return [
        (name, column, tuple(there for there in told if there in columns))
        for name, columns in tables.items()
        for column, told in TABLES[name].of_other_accounts.items()
        if column in columns
    ]


def days_with(address: DatabaseAddress, account_id: str) -> list[date]:
    """The days of the snapshots that tell of an account."""
    with connected(address, f"Look for an account in {address.shown}.") as connection:
        return _days_with(connection, published_tables(connection, address.schema), account_id)


def _days_with(connection: psycopg.Connection, tables: Columns, account_id: str) -> list[date]:
    places = [*((name, ACCOUNT) for name in tables), *((name, column) for name, column, _ in _mentions(tables))]
    days = set[date]()
    for name, column in places:
        of_table = f"select distinct snapshot_date from {name} where {column} = %s"  # noqa: S608
        days |= {day for (day,) in connection.execute(of_table, [account_id])}
    return sorted(days)


def take_out(address: DatabaseAddress, account_id: str, retold: Retold) -> None:
    """Take an account out of all snapshots, or of none; their manifests say so by ``retold``."""
    with connected(address, f"Erase an account from {address.shown}.") as connection:
        alone(connection, address)
        tables = published_tables(connection, address.schema)
        days = _days_with(connection, tables, account_id)
        for name in tables:
            connection.execute(f"delete from {name} where {ACCOUNT} = %s", [account_id])  # noqa: S608
        for name, column, told in _mentions(tables):
            nothing = ", ".join(f"{each} = null" for each in told)
            connection.execute(f"update {name} set {nothing} where {column} = %s", [account_id])  # noqa: S608
        for day in days:
            _retell(connection, tables, day, retold)
    clear(address, tables)


def _retell(connection: psycopg.Connection, tables: Columns, day: date, retold: Retold) -> None:
    """Let the manifest of a day count what is left. Its files are those of a list that is no more."""
    manifest: dict[str, Any]
    ((manifest,),) = connection.execute(f"select manifest from {MANIFESTS} where snapshot_date = %s", [day])  # noqa: S608
    of_day = {name: _count(connection, name, "snapshot_date = %s", day) for name in tables}
    ((ranked, expected_arr),) = connection.execute(
        f"select count(rank), coalesce(sum(expected_arr) filter (where rank is not null), 0) from {SCORES.name} "  # noqa: S608
        "where snapshot_date = %s",
        [day],
    )
    is_told = "held_out" in tables[SCORES.name]  # not where an earlier version published last
    counts = {
        "rows_out": {name: of_day[name] for name in manifest["rows_out"] if name in of_day},
        "ranked": ranked,
        "excluded": _count(connection, EXCLUSIONS.name, "shown_under <> '' and snapshot_date = %s", day),
        HELD_OUT: _count(connection, SCORES.name, "held_out and snapshot_date = %s", day) if is_told else 0,
        "files_sha256": {},
    }
    written = json.dumps({**manifest, **retold(manifest, Left(of_day[SCORES.name], ranked, expected_arr)), **counts})
    connection.execute(
        f"update {MANIFESTS} set manifest = %s, sha256 = %s where snapshot_date = %s",  # noqa: S608
        [written, sha256_of(written.encode()), day],
    )
