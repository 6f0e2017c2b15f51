"""The words of the contract that all rooms share, each in one place: keys, units, motions, kinds, statuses."""

from collections.abc import Iterable
from enum import StrEnum


class Personal(StrEnum):
    """What a column may tell of a company or a person, where it has a mark."""

    ACCOUNT = "account ids"
    NAME = "account names"
    OWNER = "owner names"
    USER = "user ids"
    DOMAIN = "e-mail domains"
    EMAIL = "e-mail addresses"
    TEXT = "sentences and notes"

    @classmethod
    def among(cls, marks: Iterable["Personal | None"]) -> tuple["Personal", ...]:
        """The kinds among the marks of columns, each once, in the order in which they are told."""
        there = {*marks}
        return tuple(kind for kind in cls if kind in there)


def folded(name: str) -> str:
    """An owner's name as it is compared: without regard to case and blanks."""
    return " ".join(name.split()).casefold()


KEY = ("account_id", "snapshot_date")
"""The key of a feature row, and of all that is said of an account on a day."""

E4 = 10_000
"""Money and quantities are whole numbers of 1/E4."""

ADDITIVITY = 1e-6
"""Largest difference, in log-odds, between a score and the sum of its parts."""

NEAR_PERCENT = 80
"""Use of more than so much of what was bought is near its end."""

FULL_PERCENT = 95
"""With so many of the seats in use all of them are: somebody is always away."""

LINE_MOTIONS = ("seat", "upsell", "cross_sell")
"""The motions that a contract line shows."""

MOTIONS = (*LINE_MOTIONS, "usage")
"""The four motions of an expansion."""

LIKELIHOOD = ("propensity", "propensity_low", "propensity_high")
"""How likely an account is to expand, and between what: columns of the list's ``scores``."""

SERVED_SCORES = (*LIKELIHOOD, *(f"propensity_{motion}" for motion in MOTIONS), "expected_arr")
"""What a served model says of a row: columns of the list's ``scores``."""

REASONS_PARAMETER = "reasons"
"""The parameter of a served model: how many reasons of each row are wanted."""

MOVEMENT_CLASSES = ("new", *MOTIONS, "ramp", "price", "contraction", "churn", "reactivation")
"""Every change of MRR is of exactly one of these classes."""

MERGED = "accounts"
"""The ``system`` of an id that was an account here, which was merged into another one."""

CRM_KINDS = (
    "champion_promoted",
    "champion_left",
    "qbr_held",
    "qbr_gap",
    "budget_opened",
    "milestone_reached",
    "nps_response",
    "competitor_research",
    "expansion_opportunity_opened",
    "expansion_opportunity_closed",
    "invoice_overdue",
    "invoice_paid",
)
"""The kinds of CRM event in use; others are counted as events but feed no signal of their own."""

CRM_STATES = {
    "expansion_opportunity_opened": ("expansion_opportunity_closed", "product"),
    "invoice_overdue": ("invoice_paid", "amount"),
}
"""What goes on until it ends: the kind that begins it, the kind that ends it, and the column of ``crm_events`` that
says which one where no ``object_id`` does. A deal is often closed at another amount than it was opened with."""

SEVERITIES = ("low", "high", "critical")
"""How grave a ticket is."""

PLAY_ENDS = ("won", "lost", "not_now")
"""What came of a play that is over."""

PLAY_STATUSES = ("open", *PLAY_ENDS)
"""Where a play stands."""

PAID, FREE, DISCOUNT = "paid", "free", "discount"
UNPAID_KINDS = ("trial", FREE, "pilot", "internal")
"""Kinds of contract line that nobody pays for; the first paid line after one begins the product."""

LINE_KINDS = (PAID, *UNPAID_KINDS, DISCOUNT)
"""What a contract line is: paid, given away, or taken off the lines beside it."""

PAYMENT, OVERAGE, PREPAID = "subscription", "overage", "prepaid"
BILL_KINDS = ("usage", OVERAGE, PREPAID, PAYMENT)
"""What an invoice is for: use, use beyond what a subscription includes, credit bought ahead, or a subscription."""

LEVELS = ("last", "max")
"""The measures of what is a level (stored contacts, projects): the latest, or the highest of the month."""

MEASURES = ("sum", *LEVELS)
"""How the use that a limit meets is measured: added up, or a level: the latest, or the highest of the month."""
