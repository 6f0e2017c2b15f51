"""Groups of companies: parents of accounts that lead nowhere."""

from collections.abc import Iterator

import ibis.expr.types as ir

from data.checks.report import ROWS_KEPT, Finding, Severity, many
from data.groups import LEVELS, goes_on, parents
from data.sources.known import Source

COLUMN = "accounts.parent_id"


def broken_groups(source: Source) -> Iterator[Finding]:
    """Accounts that are their own parent, whose parent is no account, or whose way up does not end."""
    if COLUMN in source.absent:
        return
    accounts = source.tables["accounts"].select("account_id", "parent_id")
    with_parent = accounts.filter(accounts.parent_id.notnull())
    if not _count(with_parent):
        return
    own = with_parent.filter(with_parent.parent_id == with_parent.account_id)
    listed = accounts.select(listed="account_id")
    strange = with_parent.anti_join(listed, [("parent_id", "listed")])
    endless = with_parent.semi_join(goes_on(parents(accounts)), "account_id")
    for rule, severity, rows, what, then, todo in (
        ("parent:own", Severity.NOTE, own, "is the account itself", "that counts as no parent", ""),
        (
            "parent:unknown",
            Severity.WARNING,
            strange,
            "is not in accounts",
            "that counts as no parent",
            "Add the parents to accounts; they need no contract of their own.",
        ),
        (
            "parent:circle",
            Severity.WARNING,
            endless,
            f"leads round in a circle, or over more than {LEVELS} levels",
            "they are in no group",
            "Correct these parents.",
        ),
    ):
        count = _count(rows)
        if count:
            found = rows.order_by("account_id").limit(ROWS_KEPT).to_pandas()
            example = found["account_id"].iloc[0]
            message = f"{COLUMN} {what} for {many(count, 'account')} (such as {example!r}); {then}."
            yield Finding(severity, "accounts", rule, message, todo, count, found)


def _count(rows: ir.Table) -> int:
    return int(rows.count().to_pandas())
