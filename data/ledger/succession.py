"""Products that became others: one that did keeps its history under the name that it has now."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

RENAMED = 3
"""How often a product may change its name."""


def with_successors(lines: ir.Table, tables: Mapping[str, ir.Table]) -> ir.Table:
    """Lines (or bills) with ``became_N``, ``became_N_on`` of each product: its successor, that one's, and so on.

    Without a table of successions there is nothing to add.
    """
    if "product_succession" not in tables:
        return lines
    steps = tables["product_succession"]
    steps = steps.group_by("product").aggregate(successor=steps.successor.max(), from_day=steps.from_day.max())
    name = "product"
    for step in range(1, RENAMED + 1):
        became = steps.select(**{name: "product", f"became_{step}": "successor", f"became_{step}_on": "from_day"})
        lines = lines.left_join(became, name).select(*lines.columns, f"became_{step}", f"became_{step}_on")
        name = f"became_{step}"
    return lines


def current_product(lines: ir.Table) -> ir.StringValue:
    """The name that a line's product has: at its row's ``snapshot_date``, if it has one, else as far as is known."""
    name = lines["product"]
    if "became_1" not in lines.columns:
        return name
    is_known = ibis.literal(True)
    for step in range(1, RENAMED + 1):
        became, since = lines[f"became_{step}"], lines[f"became_{step}_on"]
        known = since < lines.snapshot_date if "snapshot_date" in lines.columns else since.notnull()
        is_known = is_known & known.fill_null(False)
        name = is_known.ifelse(became, name)
    return name


def is_sold_on(products: ir.Table) -> ir.BooleanValue:
    """At the row's ``snapshot_date`` the product goes by its own name still: what became another is sold no more."""
    if "became_1" not in products.columns:
        return ibis.literal(True)
    return ~(products.became_1_on < products.snapshot_date).fill_null(False)
