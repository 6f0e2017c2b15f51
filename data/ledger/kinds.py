"""What the kind of a contract line says: who pays for it, and whom it makes a customer."""

import ibis.expr.types as ir

from data.contract.vocabulary import DISCOUNT, PAID, UNPAID_KINDS


def is_paid_for(lines: ir.Table) -> ir.BooleanValue:
    """Somebody pays for the line: its kind says so, or it has none and an MRR above 0."""
    return (lines.kind == PAID).fill_null(False) | (makes_a_customer(lines) & (lines.mrr_e4 > 0)).fill_null(False)


def makes_a_customer(lines: ir.Table) -> ir.BooleanValue:
    """While the line is open its account is a customer: any line does, but for kinds that nobody pays for."""
    return lines.kind.fill_null("").notin((*UNPAID_KINDS, DISCOUNT))
