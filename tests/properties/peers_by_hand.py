"""What looks at other accounts, like it or of its group, as a plain loop over those of one snapshot would count it."""

from collections import Counter
from datetime import date
from typing import Any

import pandas as pd

from data.contract.likeness import SIZE_BANDS
from data.ledger.rules import ExpansionRules
from tests.properties.by_hand import commercial, owned_products, rows_of, share

COMPARED = {
    "peers_below_seat_utilization": "seat_utilization_28d",
    "peers_below_features_used": "features_used_28d",
    "peers_below_events": "events_28d",
    "peers_below_events_growth": "events_growth_91d",
    "peers_below_mrr": "mrr",
    "peers_below_billed": "billed_91d",
}


def peers_by_hand(
    frames: dict[str, pd.DataFrame], rows: pd.DataFrame, day: date, fewest: int
) -> dict[str, dict[str, Any]]:
    """Account to its values, by feature. ``rows`` are the feature rows of all accounts of the day, by account."""
    listed = {row["account_id"]: row for row in rows_of(frames["accounts"])}
    like = {account: likeness(listed.get(account, {})) for account in rows.index}
    owned = {account: products_of(frames, account, day) for account in rows.index}
    group = groups_of(frames["accounts"])
    return {
        account: compared(account, rows, like, fewest)
        | lacking(account, owned, like, fewest)
        | of_group(account, rows, owned, group)
        for account in like
    }


def likeness(row: dict[str, Any]) -> tuple[Any, int, Any]:
    """Segment, size and industry."""
    employees = row.get("employees")
    size = -1 if employees is None else sum(employees > most for most in SIZE_BANDS)
    return row.get("segment") or "-", size, row.get("industry") or "-"


def products_of(frames: dict[str, pd.DataFrame], account: str, day: date) -> set[str]:
    known, lines, services, _, _ = commercial(frames, account, day, ExpansionRules())
    return owned_products(lines, known["invoices"], services)


def compared(account: str, rows: pd.DataFrame, like: dict, fewest: int) -> dict[str, float | None]:
    values = {}
    for name, feature in COMPARED.items():
        known = rows[feature].dropna()
        others = [other for other in known.index if other != account and like[other][:2] == like[account][:2]]
        lower = sum(known[other] < known.get(account, 0) for other in others)
        values[name] = lower / len(others) if account in known.index and len(others) >= fewest else None
    return values


def lacking(account: str, owned: dict[str, set], like: dict, fewest: int) -> dict[str, float | None]:
    others = [other for other in like if other != account and like[other] == like[account]]
    counts = Counter(product for other in others for product in owned[other] - owned[account])
    if len(others) < fewest:
        counts = Counter()
    return {
        "look_alikes_top_share": share(max(counts.values(), default=None), len(others)),
        "look_alikes_common_products": sum(count * 2 >= len(others) for count in counts.values()),
    }


def groups_of(accounts: pd.DataFrame) -> dict[str, str]:
    """The top of each account that is in a group of two or more: up from parent to parent, sixteen times at most."""
    above = {row["account_id"]: row["parent_id"] for row in rows_of(accounts)}
    above = {account: parent for account, parent in above.items() if parent in above and parent != account}
    tops = {}
    for account in above:
        top, levels = account, 0
        while top in above and levels < 17:
            top, levels = above[top], levels + 1
        if levels < 17:
            tops |= {account: top, top: top}
    return tops


def of_group(account: str, rows: pd.DataFrame, owned: dict[str, set], group: dict[str, str]) -> dict[str, Any]:
    others = [
        other for other in rows.index if other != account and account in group and group.get(other) == group[account]
    ]
    mrr = [round(value * 10_000) for value in rows["mrr"][others].dropna()]
    active = rows["active_users_28d"][others].dropna()
    return {
        "group_customers": len(others),
        "group_mrr": sum(mrr) / 10_000 if mrr else None,
        "group_active_users_28d": active.sum() if len(active) else None,
        "group_expansions_365d": rows["expansions_365d"][others].sum(),
        "group_expanded_182d": sum(rows["days_since_expansion"][others] <= 182),
        "group_products_not_owned": len(set().union(*(owned[other] for other in others)) - owned[account]),
    }
