"""A base as Fivetran lands it from HubSpot: properties as columns, deals with their history and their companies."""

from datetime import timedelta

import pandas as pd

from tests.mappings.salesforce import deals
from tests.mappings.world import Frames


def land_hubspot(truth: Frames) -> Frames:
    accounts = truth["accounts"].reset_index(drop=True)
    owners = sorted(accounts["owner"].unique())
    ids = {owner: str(900 + number) for number, owner in enumerate(owners)}
    of = deals(truth)
    company = pd.DataFrame(
        {
            "id": accounts["account_id"],
            "property_name": accounts["name"],
            "property_createdate": accounts["created_at"] + timedelta(days=2),
            "property_domain": [f"account{number}.example" for number in range(len(accounts))],
            "property_hubspot_owner_id": accounts["owner"].map(ids),
            "property_industry": accounts["industry"],
            "property_country": accounts["region"],
            "property_numberofemployees": accounts["employees"].astype("float64"),
            "property_segment": accounts["segment"],
            "property_hs_parent_company_id": accounts["parent_id"],
            "is_deleted": False,
        }
    )
    deal = pd.DataFrame(
        [
            {"deal_id": name, "property_createdate": opened, "property_closedate": opened + timedelta(days=45),
             "property_dealtype": kind, "property_hs_is_closed": str(closed is not None).lower(), "is_deleted": False}
            for deal, _, opened, closed in of
            for name, kind in ((deal, "existingbusiness"), (f"{deal}-new", "newbusiness"))
        ]
    )  # fmt: skip
    history = [
        (deal, "hs_is_closed", value, at)
        for number, (deal, _, opened, closed) in enumerate(of)
        for value, at in _steps(opened, closed, opened_again=number % 2 == 0)
    ]
    first, last = zip(*(owner.split(" ", 1) for owner in owners), strict=True)
    return {
        "company": company,
        "owner": pd.DataFrame(
            {"owner_id": list(ids.values()), "first_name": first, "last_name": last, "email": "x@y.z"}
        ),
        "deal": deal,
        "deal_company": pd.DataFrame(
            [(name, account) for deal, account, *_ in of for name in (deal, f"{deal}-new")],
            columns=["deal_id", "company_id"],
        ),
        "deal_property_history": pd.DataFrame(history, columns=["deal_id", "name", "value", "timestamp"]),
    }


def _steps(opened: pd.Timestamp, closed: pd.Timestamp | None, *, opened_again: bool) -> list[tuple[str, pd.Timestamp]]:
    """Open; closed; some were closed by mistake on the first day and opened again."""
    steps = [("false", opened)]
    if opened_again:
        steps += [("true", opened + timedelta(minutes=1)), ("false", opened + timedelta(minutes=2))]
    return steps if closed is None else [*steps, ("true", closed + timedelta(minutes=3))]


RENAMED = {"company": "companies", "owner": "owners", "deal": "deals", "deal_company": "deals__companies",
           "deal_property_history": "deals_property_history"}  # fmt: skip
COLUMNS = {
    "deals": {"deal_id": "id"},
    "owners": {"owner_id": "id"},
    "deals__companies": {"deal_id": "value", "company_id": "companies_id"},
    "deals_property_history": {"deal_id": "object_id", "name": "property_name"},
}


def land_hubspot_with_dlt(truth: Frames) -> Frames:
    """The same as dlt lands it."""
    tables = {RENAMED[name]: frame for name, frame in land_hubspot(truth).items()}
    return {
        name: frame.rename(columns=lambda column: column.removeprefix("property_"))
        .rename(columns={"is_deleted": "archived"})
        .rename(columns=COLUMNS.get(name, {}))
        for name, frame in tables.items()
    }
