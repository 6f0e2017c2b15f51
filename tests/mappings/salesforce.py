"""A base as Fivetran lands it from Salesforce, in history mode: deals in versions, one a day on which they changed."""

from datetime import timedelta

import pandas as pd

from tests.mappings.world import Frames

FAR = pd.Timestamp("2262-04-11")


def land_salesforce(truth: Frames) -> Frames:
    accounts = truth["accounts"].reset_index(drop=True)
    owners = sorted(accounts["owner"].unique())
    ids = {owner: f"005Q{number:011d}AAB" for number, owner in enumerate(owners)}
    account = pd.DataFrame(
        {
            "id": accounts["account_id"],
            "name": accounts["name"],
            "created_date": accounts["created_at"] + timedelta(days=3),
            "owner_id": accounts["owner"].map(ids),
            "segment_c": accounts["segment"],
            "industry": accounts["industry"],
            "billing_country": accounts["region"],
            "number_of_employees": accounts["employees"].astype("float64"),
            "parent_id": accounts["parent_id"],
            "website": [f"https://www.account{number}.example/start" for number in range(len(accounts))],
            "is_deleted": False,
            "master_record_id": None,
            "_fivetran_active": True,
            "_fivetran_synced": pd.Timestamp("2026-09-30"),
        }
    )
    versions = pd.DataFrame([row for deal in deals(truth) for row in _versions(*deal)])
    return {
        "account": account,
        "user": pd.DataFrame({"id": list(ids.values()), "name": list(ids)}),
        "opportunity_history": versions,
        "opportunity": versions[versions["_fivetran_active"]].drop(columns=["_fivetran_start", "_fivetran_end"]),
    }


def deals(truth: Frames) -> list[tuple[str, str, pd.Timestamp, pd.Timestamp | None]]:
    events = truth["crm_events"]
    closed = events[events["kind"] == "expansion_opportunity_closed"].set_index("object_id")["occurred_at"]
    opened = events[events["kind"] == "expansion_opportunity_opened"]
    return [(row.object_id, row.account_id, row.occurred_at, closed.get(row.object_id)) for row in opened.itertuples()]


def _versions(deal: str, account: str, opened: pd.Timestamp, closed: pd.Timestamp | None) -> list[dict[str, object]]:
    """The deal when it was opened and when it was closed; a renewal beside it, which is no expansion."""
    expected = opened + timedelta(days=60)
    begins = [(opened, False)] + ([] if closed is None else [(closed, True)])
    ends = [begin for begin, _ in begins[1:]] + [FAR]
    return [
        {"id": name, "account_id": account, "created_date": opened, "close_date": expected, "type": kind,
         "is_closed": is_closed, "amount": 1000.0 * (place + 1), "is_deleted": False, "last_stage_change_date": begin,
         "_fivetran_start": begin, "_fivetran_end": end, "_fivetran_active": end == FAR,
         "_fivetran_synced": pd.Timestamp("2026-09-30")}
        for name, kind in ((deal, "Existing Customer - Upgrade"), (f"{deal[:14]}R{deal[15:]}", "Renewal"))
        for place, ((begin, is_closed), end) in enumerate(zip(begins, ends, strict=True))
    ]  # fmt: skip
