"""The words of the store: what may be done with a row, why, and where an account stands then, each with its label."""

from types import MappingProxyType

TAKEN, SNOOZED, DISQUALIFIED = "taken", "snoozed", "disqualified"
WON, LOST = "won", "lost"
REOPENED, NOTED, CORRECTED = "reopened", "noted", "corrected"

ACTIONS = MappingProxyType(
    {
        TAKEN: "Taken up",
        SNOOZED: "Snoozed",
        DISQUALIFIED: "Disqualified",
        WON: "Won",
        LOST: "Lost",
        REOPENED: "Reopened",
        NOTED: "Note",
        CORRECTED: "Taken back",
    }
)
"""What a CSM may do, in words. ``corrected`` takes an earlier row back and puts nothing in its place."""

OTHER = "other"
REASONS = MappingProxyType(
    {
        "not_a_fit": "Not a fit",
        "already_bought": "Already bought",
        "no_budget": "No budget",
        "bad_timing": "Bad timing",
        "wrong_contact": "Wrong contact",
        "data_wrong": "The data is wrong",
        OTHER: "Other",
    }
)
"""Why a row is disqualified, in words; ``other`` asks for a text."""

OPEN, WORKING = "open", "working"
STATES = MappingProxyType(
    {
        OPEN: "Open",
        WORKING: "Working",
        SNOOZED: "Snoozed",
        DISQUALIFIED: "Disqualified",
        WON: "Won",
        LOST: "Lost",
    }
)
"""Where an account stands, in words."""

STATE_AFTER = MappingProxyType(
    {TAKEN: WORKING, SNOOZED: SNOOZED, DISQUALIFIED: DISQUALIFIED, WON: WON, LOST: LOST, REOPENED: OPEN}
)
"""Where an account stands after an action; a note changes nothing."""

WEB, IMPORT, CLI = "web", "import", "cli"
CAME_FROM = MappingProxyType({WEB: "a web page", IMPORT: "an Excel file", CLI: "the command line"})
"""Where a row came from, in words."""

LONGEST = MappingProxyType({"text": 4000, "account_id": 200, "play": 200, "motion": 200, "reason": 500, "product": 200,
                            "who": 200, "request_key": 200})  # fmt: skip
"""So many characters each field may have."""
