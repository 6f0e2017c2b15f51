"""Where the account stands among accounts like it, and what they own that it does not.

The only features that see other accounts: those that are customers on the same snapshot, as known then. *Peers* have
the same segment and size, *look-alikes* the same industry too; the attributes of ``accounts`` are as of today. Where a
base has no such column, nobody differs by it.
"""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.likeness import FEWEST_PEERS, PROFILE
from features.definition import PEERS, feature, ratio

OWNERSHIP = ("contracts", "accounts")


def position(t: ir.Table, name: str) -> ir.FloatingValue:
    """The share of the account's peers, of whom the value is known, with a lower one; ties are not lower."""
    is_known = t[name].notnull()
    group = [t.snapshot_date, *(t[part] for part in PROFILE), is_known]
    others = t.count().over(ibis.window(group_by=group)) - 1
    lower = ibis.rank().over(ibis.window(group_by=group, order_by=t[name]))
    return (is_known & (others >= FEWEST_PEERS)).ifelse(ratio(lower, others), ibis.null("float64"))


def _share_of_owners(t: ir.Table) -> ir.FloatingColumn:
    return ratio(t.owners, t.look_alikes)


@feature(
    PEERS,
    needs=("usage.users", "subscriptions.seats", "accounts"),
    label="Peers with a lower share of seats in use",
    unit="share",
    reason="peer_seats",
    direction=Direction.UP,
    missing="not sold by seat, or fewer than ten peers",
    lookback_days=28,
)
def peers_below_seat_utilization(t: ir.Table) -> ir.Value:
    return position(t, "seat_utilization_28d")


@feature(
    PEERS,
    needs=("usage", "accounts"),
    label="Peers that use fewer product features",
    unit="share",
    reason="peer_features",
    direction=Direction.UP,
    missing="fewer than ten peers",
    lookback_days=28,
)
def peers_below_features_used(t: ir.Table) -> ir.Value:
    return position(t, "features_used_28d")


@feature(
    PEERS,
    needs=("usage", "accounts"),
    label="Peers with fewer events",
    unit="share",
    reason="peer_use",
    direction=Direction.UP,
    missing="fewer than ten peers",
    lookback_days=28,
)
def peers_below_events(t: ir.Table) -> ir.Value:
    return position(t, "events_28d")


@feature(
    PEERS,
    needs=("usage", "accounts"),
    label="Peers whose use grows more slowly: 91 days against the 91 before",
    unit="share",
    reason="peer_use",
    direction=Direction.UP,
    missing="no use in the 91 days before, or fewer than ten peers",
    lookback_days=182,
)
def peers_below_events_growth(t: ir.Table) -> ir.Value:
    return position(t, "events_growth_91d")


@feature(
    PEERS,
    needs=("subscriptions", "accounts"),
    label="Peers with less MRR",
    unit="share",
    reason="peer_spending",
    missing="no open line, or fewer than ten peers",
)
def peers_below_mrr(t: ir.Table) -> ir.Value:
    return position(t, "mrr")


@feature(
    PEERS,
    needs=("invoices", "accounts"),
    label="Peers billed less in 91 days",
    unit="share",
    reason="peer_billed",
    missing="fewer than ten peers",
    lookback_days=91,
)
def peers_below_billed(t: ir.Table) -> ir.Value:
    return position(t, "billed_91d")


@feature(
    "look_alikes",
    needs=OWNERSHIP,
    label="Look-alikes that own the product which most of them own and the account does not",
    unit="share",
    reason="look_alikes_own",
    direction=Direction.UP,
    missing="they own nothing that the account lacks, or are fewer than ten",
    actionable=True,
)
def look_alikes_top_share(t: ir.Table) -> ir.Value:
    return _share_of_owners(t).max()


@feature(
    "look_alikes",
    needs=OWNERSHIP,
    label="Products that at least half of the look-alikes own and the account does not",
    unit="products",
    reason="look_alikes_own",
    direction=Direction.UP,
    missing="none",
    empty=0,
    actionable=True,
)
def look_alikes_common_products(t: ir.Table) -> ir.Value:
    return t.count(where=t.owners * 2 >= t.look_alikes)
