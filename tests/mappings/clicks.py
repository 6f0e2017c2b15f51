"""A base as the tools that count clicks land it: Mixpanel and Amplitude by Fivetran, Segment by itself."""

import json
from datetime import timedelta

import pandas as pd

from tests.mappings.world import Frames

SENT, RECEIVED = timedelta(minutes=12), timedelta(minutes=13)


def land_mixpanel(truth: Frames) -> Frames:
    """The account is a property of the event; some events were sent twice, some are of no account."""
    events = truth["usage_events"].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "insert_id": [f"m{number}" for number in range(len(events))],
            "name": events["feature"],
            "time": events["occurred_at"] + SENT,
            "distinct_id": events["user_id"],
            "account_id": events["account_id"],
        }
    )
    return {"event": _with_noise(table, "insert_id", account_id=None, name="$mp_web_page_view")}


def land_amplitude(truth: Frames) -> Frames:
    """The account is a group in the text of the groups; every third event knows its person as a device alone."""
    events = truth["usage_events"].reset_index(drop=True)
    types = {name: f"t{number}" for number, name in enumerate(sorted(events["feature"].unique()))}
    is_named = events.index % 3 > 0
    table = pd.DataFrame(
        {
            "_insert_id": [f"a{number}" for number in range(len(events))],
            "event_type_id": events["feature"].map(types),
            "event_time": events["occurred_at"] + SENT,
            "server_received_time": events["occurred_at"] + RECEIVED,
            "groups": [json.dumps({"company": [account], "project": ["p1"]}) for account in events["account_id"]],
            "user_id": events["user_id"].where(is_named),
            "amplitude_id": events["user_id"].mask(is_named),
        }
    )
    names = {"session": "session_start"} | {id_: name for name, id_ in types.items()}
    return {
        "event": _with_noise(table, "_insert_id", groups="{}", event_type_id="session"),
        "event_type": pd.DataFrame({"id": list(names), "name": list(names.values())}),
    }


def land_segment(truth: Frames) -> Frames:
    """Half of the accounts are named by the tracks, the others by the last group that their users were put into."""
    events, users = truth["usage_events"].reset_index(drop=True), truth["users"]
    table = pd.DataFrame(
        {
            "id": [f"s{number}" for number in range(len(events))],
            "event": events["feature"],
            "user_id": events["user_id"],
            "timestamp": events["occurred_at"] + SENT,
            "received_at": events["occurred_at"] + RECEIVED,
            "context_group_id": events["account_id"].where(events["account_id"].str[10:15].astype(int) % 2 > 0),
        }
    )
    calls = users.rename(columns={"account_id": "group_id", "created_at": "timestamp"})
    earlier = calls.tail(3).assign(group_id="acme", timestamp=calls["timestamp"] - timedelta(days=1))
    return {
        "tracks": _with_noise(table, "id", user_id=None),
        "groups": pd.concat([calls, earlier])[["user_id", "group_id", "timestamp"]],
    }


def _with_noise(table: pd.DataFrame, key: str, **of_nobody: object) -> pd.DataFrame:
    """The same with events that came twice, and for each of these values some that count for nobody."""
    left_out = [
        table.head(5).assign(**{key: [f"{column}-{number}" for number in range(5)], column: value})
        for column, value in of_nobody.items()
    ]
    return pd.concat([table, table.head(20), *left_out], ignore_index=True)
