"""A base as Fivetran lands it from Intercom: conversations in versions, their parts, and whose contact had them."""

from datetime import timedelta

import pandas as pd

from tests.mappings.world import Frames


def of_intercom(truth: Frames) -> Frames:
    """What Intercom can tell: every conversation is a question, with or without priority."""
    tickets = truth["tickets"]
    severity = tickets["severity"].replace("critical", "high").fillna("low")
    return truth | {"tickets": tickets.assign(kind="question", severity=severity)}


def land_intercom(truth: Frames) -> Frames:
    tickets, accounts = truth["tickets"].reset_index(drop=True), truth["accounts"]["account_id"]
    company = {account: f"i{number}" for number, account in enumerate(accounts)}
    conversation = pd.DataFrame(
        {
            "id": tickets["ticket_id"],
            "created_at": tickets["opened_at"] + timedelta(hours=9),
            "updated_at": tickets["opened_at"] + timedelta(days=9),
            "state": tickets["closed_at"].isna().map({True: "open", False: "closed"}),
            "priority": tickets["severity"].map({"high": "priority", "critical": "priority"}).fillna("not_priority"),
            "conversation_rating_value": tickets["csat"],
            "_fivetran_active": True,
        }
    )
    before = conversation.assign(
        updated_at=conversation["created_at"], state="open", conversation_rating_value=None, _fivetran_active=False
    )
    return {
        "conversation_history": pd.concat([before, conversation], ignore_index=True),
        "conversation_part_history": _parts(tickets),
        "conversation_contact_history": pd.DataFrame(
            {"conversation_id": tickets["ticket_id"], "contact_id": "c" + tickets["account_id"]}
        ),
        "contact_company_history": pd.DataFrame(
            {"contact_id": [f"c{account}" for account in company], "company_id": list(company.values())}
        ),
        "company_history": pd.DataFrame(
            {
                "id": list(company.values()),
                # Half have the account's id of the application, the others only a website.
                "company_id": [account if number % 2 else None for number, account in enumerate(company)],
                "website": [f"https://www.account{number}.example/start" for number in range(len(company))],
                "updated_at": pd.Timestamp("2026-09-30"),
            }
        ),
    }


def _parts(tickets: pd.DataFrame) -> pd.DataFrame:
    """A comment; every third was closed once before and opened again; closed."""
    rows: list[tuple[str, str, pd.Timestamp]] = []
    for number, ticket in enumerate(tickets.itertuples()):
        opened, closed = ticket.opened_at + timedelta(hours=9), ticket.closed_at
        rows.append((ticket.ticket_id, "comment", opened))
        if pd.isna(closed):
            continue
        if number % 3 == 0:
            rows.append((ticket.ticket_id, "close", opened + timedelta(minutes=1)))
            rows.append((ticket.ticket_id, "open", opened + timedelta(minutes=2)))
        rows.append((ticket.ticket_id, "close", closed + timedelta(hours=12)))
    return pd.DataFrame(rows, columns=["conversation_id", "part_type", "created_at"])
