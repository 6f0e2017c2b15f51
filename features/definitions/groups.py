"""What the other customers of the account's group of companies are, have and did, as known on the snapshot.

Who belongs to which group is as of today, as all of ``accounts`` is.
"""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import E4
from features.calendar import HALF_YEAR_DAYS
from features.definition import GROUP, PARENTS, feature, ratio


def _group(t: ir.Table) -> ibis.expr.builders.WindowBuilder:
    return ibis.window(group_by=[t.snapshot_date, t.group_id])


def _of_the_rest(t: ir.Table, values: ir.NumericValue) -> ir.IntegerValue:
    """The sum of whole numbers over the other customers of the group; null where it is known of none."""
    whole = values.round().cast("int64")
    known = whole.count().over(_group(t)) - whole.notnull().ifelse(1, 0)
    rest = whole.sum().over(_group(t)) - whole.fill_null(0)
    return (t.group_id.notnull() & (known > 0)).ifelse(rest, ibis.null("int64"))


@feature(
    GROUP,
    needs=("contracts", PARENTS),
    label="Other customers in its group of companies",
    unit="accounts",
    reason="group_size",
    missing="in no group, or the only customer of it",
    empty=0,
)
def group_customers(t: ir.Table) -> ir.Value:
    return t.group_id.notnull().ifelse(t.count().over(_group(t)) - 1, 0)


@feature(
    GROUP,
    needs=("subscriptions", PARENTS),
    label="MRR of the other customers in its group",
    unit="currency per month",
    reason="group_size",
    missing="no other customer in its group with an open line",
)
def group_mrr(t: ir.Table) -> ir.Value:
    return ratio(_of_the_rest(t, t.mrr * E4), E4)


@feature(
    GROUP,
    needs=("usage.users", PARENTS),
    label="Active users in 28 days of the other customers in its group",
    unit="users",
    reason="group_size",
    missing="no other customer in its group",
    lookback_days=28,
)
def group_active_users_28d(t: ir.Table) -> ir.Value:
    return _of_the_rest(t, t.active_users_28d)


@feature(
    GROUP,
    needs=("subscriptions", PARENTS),
    label="Expansions in 365 days of the other customers in its group",
    unit="expansions",
    reason="group_growth",
    direction=Direction.UP,
    missing="none, or no other customer in its group",
    empty=0,
    lookback_days=365,
)
def group_expansions_365d(t: ir.Table) -> ir.Value:
    return _of_the_rest(t, t.expansions_365d).fill_null(0)


@feature(
    GROUP,
    needs=("subscriptions", PARENTS),
    label="Other customers in its group that expanded within 182 days",
    unit="accounts",
    reason="group_growth",
    direction=Direction.UP,
    missing="none, or no other customer in its group",
    empty=0,
    lookback_days=HALF_YEAR_DAYS,
)
def group_expanded_182d(t: ir.Table) -> ir.Value:
    return _of_the_rest(t, (t.days_since_expansion <= HALF_YEAR_DAYS).ifelse(1, 0)).fill_null(0)


@feature(
    "group_products",
    needs=("contracts", PARENTS),
    label="Products that others in its group own and the account does not",
    unit="products",
    reason="group_products",
    direction=Direction.UP,
    missing="none",
    empty=0,
    actionable=True,
)
def group_products_not_owned(t: ir.Table) -> ir.Value:
    return t.count()
