"""The whole ledger of a base: subscriptions and usage-priced products together."""

from datetime import date

import ibis
import ibis.expr.types as ir

from data.ledger.invoices import invoices, usage_bills, usage_lines
from data.ledger.lines import lines, standing
from data.ledger.movements import movements, prepared
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables


def all_lines(tables: Tables, rules: ExpansionRules, today: date | None = None) -> ir.Table:
    """Subscription lines and billed months together, whichever of the two there are, ready for ``edges``."""
    parts, by, subscriptions = [], ("account_id",), tables.get("subscriptions")
    if subscriptions is not None:
        parts.append(prepared(standing(lines(tables), rules, by=by, today=today), rules, by))
    if "invoices" in tables:
        parts.append(prepared(usage_lines(usage_bills(invoices(tables), subscriptions, rules), today=today), rules, by))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def ledger(tables: Tables, rules: ExpansionRules, today: date | None = None) -> ir.Table:
    """The whole ledger: subscriptions and usage-priced products together, every class."""
    return movements(all_lines(tables, rules, today), rules)
