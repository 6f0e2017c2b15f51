"""A base as Fivetran lands it from Pendo: clicks counted by visitor, feature and hour."""

import pandas as pd

from tests.mappings.stripe import customer_of
from tests.mappings.world import Frames


def pendo_id(account: str) -> str:
    """What the application sends: the CRM's id for some accounts, the payer's for others."""
    return account if int(account[4:15]) % 2 else customer_of(account, "Workspace")


def land_pendo(truth: Frames) -> Frames:
    events, users = truth["usage_events"], truth["users"]
    features = {name: f"f{number}" for number, name in enumerate(sorted(events["feature"].unique()))}
    ids = {account: pendo_id(account) for account in truth["accounts"]["account_id"]}
    key = ["account_id", "user_id", "feature", "occurred_at"]
    counted = events.groupby(key, dropna=False).size().reset_index(name="num_events")
    started = events["occurred_at"].min() - pd.Timedelta(days=1)
    return {
        "feature_event": pd.DataFrame(
            {
                "account_id": counted["account_id"].map(ids),
                "visitor_id": counted["user_id"],
                "feature_id": counted["feature"].map(features),
                "timestamp": counted["occurred_at"],
                "num_events": counted["num_events"],
                "num_minutes": 1,
            }
        ),
        "feature_history": pd.DataFrame(
            [
                {"id": id_, "name": f"old {name}" if old else name, "created_at": started,
                 "last_updated_at": started + pd.Timedelta(hours=1 - old)}
                for name, id_ in features.items() for old in (0, 1)
            ]
        ),
        "account_history": pd.DataFrame({"id": list(ids.values()), "last_updated_at": started}),
        "visitor_history": pd.DataFrame(
            {
                "id": users["user_id"],
                "account_id": users["account_id"].map(ids),
                "last_updated_at": users["created_at"],
                "first_visit": users["created_at"] + pd.Timedelta(hours=8),
                "agent_email": users["user_id"] + "@" + users["email_domain"],
                "agent_role": users["role"],
            }
        ),
    }  # fmt: skip
