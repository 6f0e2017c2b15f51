"""The user's own SQL under ``[source.tables]``: one SELECT per table, in the words of the engine that runs it."""

import re
from collections.abc import Iterable, Mapping

import sqlglot
import sqlglot.expressions as sge

from data.errors import ContractError

CHANGING = (sge.DML, sge.DDL, sge.Merge, sge.Drop, sge.Alter, sge.Command, sge.Copy, sge.Into, sge.Lock)
"""What a query holds that changes something, or keeps others from it, wherever in it that stands."""
IDS = "account_ids"
"""The table whose query the others may read: it says which account an id of some tool is."""


def one_select(name: str, sql: str, dialect: str) -> str:
    """The query without its semicolon. Raises ``ContractError`` unless it is one SELECT that can be parsed."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=dialect) if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise query_error(name, str(error).splitlines()[0], ()) from error
    if len(statements) != 1 or not isinstance(statements[0], sge.Query) or statements[0].find(*CHANGING):
        raise not_one_select(name)
    return sql.strip().rstrip(";")


def names_read(sql: str, names: Iterable[str], dialect: str) -> set[str]:
    """Which of the ``names`` a query reads from: no other file needs to be looked into.

    Where the query cannot be parsed, those that occur in it: its engine says what is wrong.
    """
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=dialect) if statement is not None]
    except sqlglot.errors.SqlglotError:
        words = words_of(sql)
        return {
            name for name in names if name.lower() in words or (not name.isidentifier() and name.lower() in sql.lower())
        }
    read = {table.name.lower() for statement in statements for table in statement.find_all(sge.Table) if not table.db}
    return {name for name in names if name.lower() in read}


def words_of(sql: str) -> set[str]:
    """The words of a query, in small letters."""
    return set(re.findall(r"\w+", sql.lower()))


def column_names(sql: str) -> list[str]:
    """The names of the columns of a SELECT that reads alike on every engine."""
    select = sqlglot.parse_one(sql, dialect="postgres")
    assert isinstance(select, sge.Query), sql
    return select.named_selects


def with_account_ids(queries: Mapping[str, str]) -> dict[str, str]:
    """The queries, each of which may read the result of that for ``account_ids`` under its name."""
    ids = queries.get(IDS)
    reading = _reading(IDS, queries)
    if ids is None or not reading:
        return dict(queries)
    before = f"with {IDS} as (\n{_body(ids)}\n)"
    return {
        name: f"{before}\nselect * from (\n{_body(sql)}\n) as made" if name in reading else sql
        for name, sql in queries.items()
    }


def is_read(name: str, queries: Mapping[str, str]) -> bool:
    """Does the query for another table read this one?"""
    return bool(_reading(name, queries))


def _reading(name: str, queries: Mapping[str, str]) -> set[str]:
    return {other for other, sql in queries.items() if other != name and name in words_of(sql)}


def first_row(sql: str) -> str:
    """The query, cut off after a row."""
    return f"select * from (\n{_body(sql)}\n) as made limit 1"  # noqa: S608


def _body(sql: str) -> str:
    return sql.strip().rstrip(";")


def query_error(name: str, found: str, there: Iterable[str], more: str = "") -> ContractError:
    """A query that its engine refuses, in the engine's words; ``more`` is said of what to do."""
    todo = f"Mend the query. It can read: {', '.join(sorted(there)) or 'nothing'}."
    return ContractError(asked_sql(name), found[:600], f"{todo} {more}".rstrip())


def not_one_select(name: str) -> ContractError:
    return ContractError(asked_sql(name), "it is not one SELECT.", "Write one SELECT per table.")


def identifier(text: str) -> str:
    """A quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def asked_sql(name: str) -> str:
    """What a message about a user's query begins with."""
    return f"The SQL for the table {name} ([source.tables]) is to be run."
