"""A base as Fivetran lands it from Recurly: a row of the subscription for each time that it was changed."""

import pandas as pd

from tests.mappings.stripe import AT
from tests.mappings.world import Frames, chains

WORD = {1: "monthly", 12: "annual"}


def of_recurly(truth: Frames) -> Frames:
    """What Recurly can tell: one product of all plans; add-ons are tried in a drawn test."""
    lines = truth["subscriptions"]
    lines = lines[lines["product"] == "Workspace"].assign(product="Subscription")
    return {name: frame for name, frame in truth.items() if name not in ("invoices", "plans")} | {
        "subscriptions": lines
    }


def land_recurly(truth: Frames) -> Frames:
    rows: list[dict[str, object]] = []
    plans: dict[tuple[str, int], str] = {}
    for number, chain in enumerate(chains(truth["subscriptions"])):
        months = 12 if (chain[0]["renews_on"] - chain[0]["valid_from"]).days > 100 else 1
        base = {"id": f"s{number}", "account_id": f"r{chain[0]['account_id']}", "currency": "USD",
                "activated_at": chain[0]["valid_from"] + AT, "canceled_at": None, "trial_ends_at": None}  # fmt: skip
        for line in chain:
            plan = plans.setdefault((line["plan"], months), f"plan{len(plans)}")
            rows.append(
                base | {"updated_at": line["valid_from"] + AT, "state": "active", "plan_id": plan,
                        "quantity": float(line["seats"]), "unit_amount": line["mrr"] * months / float(line["seats"]),
                        "current_period_ends_at": line["renews_on"] + AT, "expires_at": None}
            )  # fmt: skip
        end = chain[-1]["valid_to"]
        if not pd.isna(end):
            rows.append(
                rows[-1]
                | {"updated_at": end + AT + pd.Timedelta(minutes=5), "state": "expired", "expires_at": end + AT}
            )
    accounts = truth["accounts"]
    return {
        "account_history": pd.DataFrame(
            {
                "id": "r" + accounts["account_id"],
                "updated_at": accounts["created_at"],
                "code": accounts["account_id"],
                "company": accounts["name"],
                "created_at": accounts["created_at"],
            }
        ),
        "subscription_history": pd.DataFrame(rows),
        "plan_history": pd.DataFrame(
            [
                {"id": i, "updated_at": pd.Timestamp("2020-01-01"), "name": f"{plan} {WORD[months]}",
                 "interval_unit": "months", "interval_length": months}
                for (plan, months), i in plans.items()
            ]
        ),
    }  # fmt: skip
