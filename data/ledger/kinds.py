"""What the kind of a contract line says: who pays for it, and whom it makes a customer."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import DISCOUNT, FREE, PAID, UNPAID_KINDS

BESIDE = tuple(kind for kind in UNPAID_KINDS if kind != FREE)
"""Kinds of what runs beside a contract for a while. What goes on for nothing takes the place of what was paid for."""


def is_paid_for(lines: ir.Table) -> ir.BooleanValue:
    """Somebody pays for the line: its kind says so, or it has none and an MRR above 0."""
    return (lines.kind == PAID).fill_null(False) | (makes_a_customer(lines) & (lines.mrr_e4 > 0)).fill_null(False)


def makes_a_customer(lines: ir.Table) -> ir.BooleanValue:
    """While the line is open its account is a customer: any line does, but for kinds that nobody pays for."""
    return lines.kind.fill_null("").notin((*UNPAID_KINDS, DISCOUNT))


def is_discount(lines: ir.Table) -> ir.BooleanValue:
    """The line takes something off the lines beside it."""
    return (lines.kind == DISCOUNT).fill_null(False)


def is_version(lines: ir.Table) -> ir.BooleanValue:
    """From its first day on the line takes the place of the lines of its contract and product that began before it."""
    return lines.kind.fill_null("").notin(BESIDE) & lines.valid_from.notnull() & lasts(lines)


def is_last_version(lines: ir.Table, by: Sequence[str]) -> ir.BooleanValue:
    """No other version of its contract and product has taken the line's place; without a contract none can.

    ``lines`` are as known, those that have ended with them; ``by`` is the key of a history. A window over all of them:
    filter by it afterwards.
    """
    of_contract = ibis.window(group_by=(*by, "product", "contract_id"))
    last = lines.valid_from.max(where=is_version(lines) & ~is_discount(lines)).over(of_contract)
    return lines.contract_id.isnull() | (lines.valid_from >= last).fill_null(True)


def lasts(lines: ir.Table) -> ir.BooleanValue:
    """A line that ends before it begins, or as it begins, is none."""
    return lines.valid_to.isnull() | (lines.valid_to > lines.valid_from)
