"""A base as Fivetran lands it from Zendesk: tickets as of today, and the history of their fields."""

from datetime import timedelta

import pandas as pd

from tests.mappings.world import Frames

PRIORITY = {"critical": "urgent", "high": "high", "low": "normal"}
TYPE = {"bug": "incident", "question": "question", "task": "task", "feature_request": "question"}


def land_zendesk(truth: Frames) -> Frames:
    tickets = truth["tickets"].reset_index(drop=True)
    accounts = truth["accounts"]["account_id"].tolist()
    organization = {account: str(370_000_000 + number) for number, account in enumerate(accounts)}
    is_open = tickets["closed_at"].isna()
    ticket = pd.DataFrame(
        {
            "id": tickets["ticket_id"],
            # Every fourth ticket has no organization: it is its requester's.
            "organization_id": tickets["account_id"].map(organization).where(tickets.index % 4 > 0),
            "requester_id": "u" + tickets["account_id"],
            "created_at": tickets["opened_at"] + timedelta(hours=9),
            "updated_at": pd.Timestamp("2026-09-30"),
            "status": is_open.map({True: "open", False: "closed"}),
            "type": tickets["kind"].map(TYPE),
            "priority": tickets["severity"].map(PRIORITY),
        }
    )
    merged = ticket.tail(1).assign(id="merged")
    deleted = ticket.tail(1).assign(id="deleted", status="deleted")
    requests = tickets.loc[tickets["kind"] == "feature_request", "ticket_id"]
    tags = pd.DataFrame({"ticket_id": requests, "tag": "feature_request"})
    return {
        "ticket": pd.concat([ticket, merged, deleted]),
        "organization": pd.DataFrame(
            {
                "id": list(organization.values()),
                # Half name the account of the CRM, the others only have a domain.
                "external_id": [account if n % 2 else None for n, account in enumerate(accounts)],
            }
        ),
        "domain_name": pd.DataFrame(
            {
                "organization_id": list(organization.values()),
                "domain_name": [f"account{number}.example" for number in range(len(accounts))],
            }
        ),
        "user": pd.DataFrame(
            {"id": [f"u{account}" for account in accounts], "organization_id": list(organization.values())}
        ),
        "ticket_field_history": _history(tickets),
        "ticket_tag": pd.concat([tags, pd.DataFrame({"ticket_id": ["merged"], "tag": ["closed_by_merge"]})]),
    }


def _history(tickets: pd.DataFrame) -> pd.DataFrame:
    """Opened, solved; every third was solved once before and opened again; ratings of good and bad."""
    rows: list[tuple[str, str, pd.Timestamp, str]] = []
    for number, ticket in enumerate(tickets.itertuples()):
        opened, closed = ticket.opened_at + timedelta(hours=9), ticket.closed_at
        rows.append((ticket.ticket_id, "status", opened, "open"))
        if pd.isna(closed):
            continue
        if number % 3 == 0:
            rows.append((ticket.ticket_id, "status", opened + timedelta(minutes=1), "solved"))
            rows.append((ticket.ticket_id, "status", opened + timedelta(minutes=2), "open"))
        rows.append((ticket.ticket_id, "status", closed + timedelta(hours=12), "solved"))
        rows.append((ticket.ticket_id, "status", closed + timedelta(days=4), "closed"))
        if not pd.isna(ticket.csat):
            rows.append((ticket.ticket_id, "satisfaction_score", closed + timedelta(hours=13), "offered"))
            score = "good" if ticket.csat == 5 else "bad"
            rows.append((ticket.ticket_id, "satisfaction_score", closed + timedelta(hours=14), score))
    return pd.DataFrame(rows, columns=["ticket_id", "field_name", "updated", "value"])
