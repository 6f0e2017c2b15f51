"""Who is who: parents of accounts that lead nowhere, and ids of which nobody can say whose they are."""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from data.checks.report import ROWS_KEPT, Finding, Severity, many
from data.contract.vocabulary import MERGED
from data.crosswalk import MERGES, of_accounts_here, of_several, said, without_end
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


def ids_of_accounts(source: Source) -> ir.Table:
    """One row per id that is an account's here, its own or one that is looked up: ``account_id``."""
    own = source.tables["accounts"].select("account_id")
    if source.links is None:
        return own
    linked = source.links.semi_join(own, "account_id").select(account_id="id")
    return ibis.union(own, linked)


def doubtful_ids(source: Source) -> Iterator[Finding]:
    """Ids of ``account_ids`` that are an account's own here, of several accounts, or of one merged for ever."""
    if source.links is None:
        return
    ids, accounts = source.tables["account_ids"], source.tables["accounts"]
    own = of_accounts_here(ids, accounts)
    several = of_several(ids, accounts)
    by_chance = _count(own) * 2 < _count(said(ids).semi_join(own, "system"))
    for rule, severity, rows, what, todo in (
        (
            "own",
            Severity.WARNING if by_chance else Severity.ERROR,
            own.select("id", "system", "account_id"),
            "the id of an account here, and said to be of another one; it stays what it is",
            f"Write `{MERGED}` into account_ids.system where the account was merged into the other one; leave the row "
            "out where it is an id of another tool by chance.",
        ),
        (
            "several",
            Severity.ERROR if _is_met(source, several) else Severity.WARNING,
            several,
            "said to be of several accounts; it is taken for none of them",
            "Keep one account for each id; where tools have the same ids, look each up by its system in "
            "[source.tables].",
        ),
        (
            "endless",
            Severity.ERROR,
            without_end(ids, accounts),
            f"merged round in a circle, or more than {MERGES} times; it stays what it is",
            "Give the account that is left of each.",
        ),
    ):
        count = _count(rows)
        if count:
            found = rows.order_by("id").limit(ROWS_KEPT).to_pandas()
            verb = "is" if count == 1 else "are each"
            message = f"account_ids: {many(count, 'id')} (such as {found['id'].iloc[0]!r}) {verb} {what}."
            yield Finding(severity, "account_ids", f"ids:{rule}", message, todo, count, found)


def _is_met(source: Source, ids: ir.Table) -> bool:
    """Has a row of some table one of these ids?"""
    there = [table for name, table in source.tables.items() if name != "account_ids" and "account_id" in table.columns]
    return any(_count(table.semi_join(ids, [("account_id", "id")]).limit(1)) for table in there)


def _count(rows: ir.Table) -> int:
    return int(rows.count().to_pandas())
