"""The user's own SQL under ``[source.tables]``: one SELECT per table, in the words of the engine that runs it."""

from collections.abc import Iterable

import sqlglot
import sqlglot.expressions as sge

from data.errors import ContractError


def one_select(name: str, sql: str, dialect: str) -> str:
    """The query without its semicolon. Raises ``ContractError`` unless it is one SELECT that can be parsed."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=dialect) if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise query_error(name, str(error).splitlines()[0], ()) from error
    if len(statements) != 1 or not isinstance(statements[0], sge.Query):
        raise not_one_select(name)
    return sql.strip().rstrip(";")


def query_error(name: str, found: str, there: Iterable[str]) -> ContractError:
    """A query that its engine refuses, in the engine's words."""
    return ContractError(
        _asked(name), found[:600], f"Mend the query. It can read: {', '.join(sorted(there)) or 'nothing'}."
    )


def not_one_select(name: str) -> ContractError:
    return ContractError(_asked(name), "it is not one SELECT.", "Write one SELECT per table.")


def identifier(text: str) -> str:
    """A quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def _asked(name: str) -> str:
    return f"The SQL for the table {name} ([source.tables]) is to be run."
