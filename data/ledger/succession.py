"""Products that became others: one that did keeps its history under the name that it has now."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

RENAMED = 3
"""How often a product may change its name."""


def with_successors(lines: ir.Table, tables: Mapping[str, ir.Table]) -> ir.Table:
    """Lines (or bills) with ``became_N``, ``became_N_on`` of each product: its successor, that one's, and so on."""
    if "product_succession" not in tables:
        nothing = {f"became_{step}": ibis.null("string") for step in range(1, RENAMED + 1)}
        return lines.mutate(**nothing, **{f"{name}_on": ibis.null("date") for name in nothing})
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
    is_known = ibis.literal(True)
    for step in range(1, RENAMED + 1):
        became, since = lines[f"became_{step}"], lines[f"became_{step}_on"]
        known = since < lines.snapshot_date if "snapshot_date" in lines.columns else since.notnull()
        is_known = is_known & known.fill_null(False)
        name = is_known.ifelse(became, name)
    return name
