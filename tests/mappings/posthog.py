"""A base as PostHog exports it: one row an event, the account as the key of a group in the text of the properties."""

import json

import pandas as pd

from tests.mappings.world import Frames


def land_posthog(truth: Frames) -> Frames:
    events = truth["usage_events"].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "uuid": [f"0190-{number}" for number in range(len(events))],
            "event": events["feature"],
            "distinct_id": events["user_id"],
            "timestamp": events["occurred_at"] + pd.Timedelta(minutes=12),
            "created_at": events["occurred_at"] + pd.Timedelta(minutes=13),
            "properties": [_properties(account, n) for n, account in enumerate(events["account_id"])],
        }
    )
    of_nobody = table.head(5).assign(uuid=[f"nobody-{n}" for n in range(5)], properties='{"$lib": "web"}')
    views = table.head(50).assign(uuid=[f"view-{n}" for n in range(50)], event="$pageview")
    return {"events": pd.concat([table, table.head(20), of_nobody, views], ignore_index=True)}


def land_posthog_with_fivetran(truth: Frames) -> Frames:
    """The same as Fivetran lands it: a column for each property, without its ``$``."""
    table = land_posthog(truth)["events"].drop_duplicates("uuid")
    properties = table["properties"].map(json.loads)
    landed = pd.DataFrame(
        {
            "id": table["uuid"],
            "event": table["event"],
            "distinct_id": table["distinct_id"],
            "timestamp": table["timestamp"],
            "properties_group_0": properties.map(lambda said: said.get("$group_0")),
            "properties_groups": properties.map(
                lambda said: json.dumps(said["$groups"]) if "$groups" in said else None
            ),
            "_fivetran_synced": table["timestamp"].max(),
            "_fivetran_deleted": False,
        }
    )
    gone = landed.head(30).assign(id=[f"gone-{n}" for n in range(30)], _fivetran_deleted=True)
    return {"event": pd.concat([landed, gone], ignore_index=True)}


def _properties(account: str, number: int) -> str:
    """The key of the group, in each of the two ways."""
    group = {"$group_0": account} if number % 2 else {"$groups": {"company": account, "project": "p1"}}
    return json.dumps({"$lib": "web", "note": 'a "quoted" word', **group, "seats": 3})


def people(truth: Frames) -> Frames:
    """What PostHog can tell of people: who was first seen when. Events without a user are a server's."""
    events = truth["usage_events"]
    events = events.assign(user_id=events["user_id"].fillna("server-" + events["account_id"]))
    first = events.groupby(["user_id", "account_id"])["occurred_at"].min().reset_index(name="created_at")
    return truth | {"usage_events": events, "users": first}
