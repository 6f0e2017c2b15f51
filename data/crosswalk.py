"""Whose account an id is: ids of other tools, and accounts that were merged into others (the table ``account_ids``).

Where no query of the user's reads that table, the ids of every other one are looked up in it. An id that an account has
here stays what it is, but for those of the system ``accounts``: that account was merged into the other one.
"""

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import MERGED
from data.time_cut import known_from, known_later

STEPS = 2
"""Steps from an id to the account that it is of, each twice as long as the one before."""
MERGES = 2**STEPS
"""An account may have been merged into one that was merged itself, so many times in a row."""
UNLINKED = ("accounts", "account_ids")
"""The tables that say which accounts and ids there are."""


def said(ids: ir.Table) -> ir.Table:
    """The rows of ``account_ids`` whose id is not the account's own."""
    return ids.filter(ids.id.notnull() & ids.account_id.notnull() & (ids.id != ids.account_id))


def of_accounts_here(ids: ir.Table, accounts: ir.Table) -> ir.Table:
    """The rows of ``said`` whose id is that of an account here, which nothing says was merged."""
    others = said(ids).filter(ids.system != MERGED)
    return others.semi_join(accounts.select(id="account_id"), "id")


def of_several(ids: ir.Table, accounts: ir.Table) -> ir.Table:
    """One row per id that is said to be of several accounts, merged ones being one: ``id``, so many ``accounts``."""
    each = _said_of(_linking(ids, accounts))
    return each.filter(each.accounts > 1).select("id", "accounts")


def without_end(ids: ir.Table, accounts: ir.Table) -> ir.Table:
    """One row per id whose account was merged, and so on in a circle, or more than ``MERGES`` times: ``id``."""
    direct = _direct(ids, accounts)
    return _followed(direct).semi_join(direct.select(further="id"), [("account_id", "further")]).select("id")


def account_links(ids: ir.Table, accounts: ir.Table) -> ir.Table:
    """One row per id that is another account's: ``id``, the ``account_id`` it is of, and ``linked_on``, since when that
    is known. An id that is said to be of several accounts, or whose way does not end, is of none.
    """
    return _ended(_direct(ids, accounts))


def with_accounts(table: ir.Table, links: ir.Table) -> ir.Table:
    """A staged table whose rows are of the accounts that their ids lead to, each known once its link is."""
    if "account_id" not in table.columns:
        return table
    found = links.select(linked_id="id", linked_to="account_id", linked_on="linked_on")
    joined = table.left_join(found, [("account_id", "linked_id")])
    linked = joined.mutate(account_id=ibis.coalesce(joined.linked_to, joined.account_id))
    return known_later(linked, "linked_on").select(*table.columns)


def _linking(ids: ir.Table, accounts: ir.Table) -> ir.Table:
    """The rows of ``said`` that lead to another account."""
    others = said(ids)
    here = accounts.select(here="account_id").distinct()
    met = others.left_join(here, [("id", "here")])
    return met.filter((met.system == MERGED) | met.here.isnull()).select(*others.columns)


def _direct(ids: ir.Table, accounts: ir.Table) -> ir.Table:
    """One row per id that is said to be of one other account: ``id``, ``account_id``, ``linked_on``."""
    each = _said_of(_linking(ids, accounts))
    return each.filter(each.accounts == 1).drop("accounts")


def _said_of(linked: ir.Table) -> ir.Table:
    """One row per id of the rows that link: ``id``, ``account_id``, ``linked_on``, and so many ``accounts`` it is of.

    Accounts that were merged are one: an id that is said to be of each is of the one that is left.
    """
    linked = linked.select("system", "id", "account_id", linked_on=known_from(linked))
    merges = _one_each(linked.filter(linked.system == MERGED))
    ended = _ended(merges.filter(merges.accounts == 1).drop("accounts"))
    left = ended.select(merged_id="id", left_id="account_id", left_on="linked_on")
    met = linked.left_join(left, [("account_id", "merged_id")])
    met = met.select(
        "id",
        account_id=ibis.coalesce(met.left_id, met.account_id),
        linked_on=ibis.greatest(met.linked_on, ibis.coalesce(met.left_on, met.linked_on)),
    )
    of_left = _one_each(met).rename(left_id="account_id", left_on="linked_on", left_accounts="accounts")
    both = _one_each(linked).inner_join(of_left, "id")
    is_one = both.accounts == 1
    return both.select(
        "id",
        accounts=both.left_accounts,
        account_id=is_one.ifelse(both.account_id, both.left_id),
        linked_on=is_one.ifelse(both.linked_on, both.left_on),
    )


def _one_each(linked: ir.Table) -> ir.Table:
    """One row per id: of so many ``accounts``, the last ``account_id`` of them, and the first ``linked_on``."""
    return linked.group_by("id").aggregate(
        accounts=linked.account_id.nunique(), account_id=linked.account_id.max(), linked_on=linked.linked_on.min()
    )


def _ended(direct: ir.Table) -> ir.Table:
    """The links ``_followed``, but for those whose way does not end."""
    return _followed(direct).anti_join(direct.select(further="id"), [("account_id", "further")])


def _followed(direct: ir.Table) -> ir.Table:
    """The same, ``account_id`` being ``MERGES`` further, or the last on the way."""
    reached = direct
    for _ in range(STEPS):
        further = reached.select(at="id", further="account_id", further_on="linked_on")
        met = reached.left_join(further, [("account_id", "at")]).select(*reached.columns, "further", "further_on")
        reached = met.select(
            "id",
            account_id=ibis.coalesce(met.further, met.account_id),
            linked_on=ibis.greatest(met.linked_on, ibis.coalesce(met.further_on, met.linked_on)),
        )
    return reached
