"""What stands beside an account on the list: plan, seats, ARR, renewal, use, group. From its details and features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.contract.details import PLANS_NAMED, WEEKS

MONTHS_PER_YEAR = 12
CONTACTS = ("ticket_on", "reviewed_on")
"""Details that are the day of a talk with the customer."""


def with_product(details: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The details with the likeliest product of a cross-sell, as the scores of the same accounts have it."""
    return (
        details.assign(cross_sell_product=scores["cross_sell_product"].array)
        if "cross_sell_product" in scores
        else details
    )


def beside_scores(people: pd.DataFrame, rows: pd.DataFrame, details: pd.DataFrame) -> dict[str, Any]:
    """The columns of ``scores`` that no model and no play says: who the account is, and what it has.

    ``people``: name, owner and segment by account_id. ``rows`` (with account_id) and ``details`` are of the same
    accounts, in one order.
    """
    known = _of_accounts(people, rows["account_id"].astype("str"))
    return {**{name: known[name].array for name in ("name", "owner", "segment")}, **row_context(rows, details)}


def _of_accounts(people: pd.DataFrame, account_ids: pd.Series) -> pd.DataFrame:
    """What is known of these accounts. An account without a name is called by its id."""
    known = people.reindex(account_ids)
    return known.assign(name=known["name"].fillna(pd.Series(known.index, index=known.index, dtype="str")))


def row_context(rows: pd.DataFrame, details: pd.DataFrame) -> dict[str, Any]:
    """The columns of ``scores`` that say what an account has, from aligned feature rows and details."""
    none = pd.Series(np.nan, index=rows.index)
    subscribed = rows.get("mrr", none) * MONTHS_PER_YEAR
    arr = subscribed.where(subscribed > 0, rows.get("billed_365d", none))
    contacts = pd.DataFrame({name: _days(details, name) for name in CONTACTS})
    return {
        "plan": pd.Series(_joined(details), index=rows.index, dtype="str").array,
        "open_seats": rows.get("seats", none).array,
        "arr": arr.array,
        "renews_on": _dates(_days(details, "renews_on")),
        "last_contact_on": _dates(contacts.max(axis=1)),
        "use_by_week": pd.Series(_weeks(details), dtype="object").array,
        **{name: _texts(details, name) for name in ("group_id", "group_name")},
    }


def _days(details: pd.DataFrame, name: str) -> pd.Series:
    """A detail that is a day; not known throughout where the tables do not carry it."""
    return pd.to_datetime(details.get(name, pd.Series(None, index=details.index, dtype="object")))


def _dates(days: pd.Series) -> Any:
    return pd.Series([None if pd.isna(day) else day.date() for day in days], dtype="object").array


def _texts(details: pd.DataFrame, name: str) -> Any:
    """A detail that is a name; null throughout where the tables do not carry it."""
    return pd.Series(details[name].tolist() if name in details else [None] * len(details), dtype="str").array


def _joined(details: pd.DataFrame) -> list[str | None]:
    """The plans of each account, dearest first; of several each with its product."""
    places = [place for place in range(1, PLANS_NAMED + 1) if f"plan_{place}" in details]
    columns = [details[f"{what}_{place}"] for what in ("plan", "plan_product") for place in places]
    named = (_plans(row[: len(places)], row[len(places) :]) for row in zip(*columns, strict=True))
    return list(named) or [None] * len(details)


def _plans(plans: Sequence[Any], products: Sequence[Any]) -> str | None:
    known = [(str(plan), product) for plan, product in zip(plans, products, strict=True) if pd.notna(plan)]
    if len(known) > 1:
        return ", ".join(plan if pd.isna(product) else f"{product} {plan}" for plan, product in known)
    return known[0][0] if known else None


def _weeks(details: pd.DataFrame) -> list[list[float] | None]:
    """The events of each of the last weeks, the oldest first; None where no use is known."""
    names = [f"use_week_{week}" for week in range(WEEKS, 0, -1)]
    if not set(names) <= set(details):
        return [None] * len(details)
    weeks = details[names].to_numpy(np.float64)
    return [None if np.isnan(row).all() else row.tolist() for row in weeks]
