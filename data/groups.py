"""Groups of companies: the accounts under one top parent, as ``accounts.parent_id`` has it today.

A parent that is not in ``accounts``, and an account that is its own parent, end the way up. An account whose way up
never ends, because parents stand in a circle, is in no group; nothing is guessed.
"""

import ibis
import ibis.expr.types as ir

STEPS = 4
"""Steps to the top, each twice as long as the one before."""
LEVELS = 2**STEPS
"""How far below its top an account may stand."""


def parents(accounts: ir.Table) -> ir.Table:
    """One row per account with a parent that is another account: ``account_id``, ``above``."""
    accounts = accounts.select("account_id", "parent_id")  # else every step casts all columns again
    named = accounts.filter(accounts.parent_id.notnull() & (accounts.parent_id != accounts.account_id))
    # One row per account even if the table names it twice, else its way up would fork.
    named = named.group_by("account_id").aggregate(above=named.parent_id.max())
    return named.semi_join(accounts.select(listed="account_id"), [("above", "listed")])


def ways_up(links: ir.Table) -> ir.Table:
    """One row per row of ``parents``: ``above`` is the account ``LEVELS`` higher up, or the last on the way."""
    reached = links
    for _ in range(STEPS):
        further = reached.select(at="account_id", further="above")
        met = reached.left_join(further, [("above", "at")]).select("account_id", "above", "further")
        reached = met.select("account_id", above=ibis.coalesce(met.further, met.above))
    return reached


def goes_on(links: ir.Table) -> ir.Table:
    """The ``ways_up`` that have not ended: parents in a circle, or more than ``LEVELS`` of them."""
    return ways_up(links).semi_join(links.select(linked="account_id"), [("above", "linked")])


def groups(accounts: ir.Table) -> ir.Table:
    """One row per account in a group of two or more: ``account_id``, and ``group_id``, the account at its top."""
    links = parents(accounts)
    below = ways_up(links).anti_join(links.select(linked="account_id"), [("above", "linked")])
    tops = below.select(account_id="above", group_id="above").distinct()
    return ibis.union(below.select("account_id", group_id="above"), tops)
