"""What a change means, for each table of the contract: the one place where that is decided.

A source shows a state. Whether a row that looks otherwise today is another fact, a later version of the same one or
the same with more known about it cannot be seen in the row; it follows from the table it stands in.
"""

from dataclasses import dataclass
from enum import StrEnum


class RowChange(StrEnum):
    """What is made of rows that come, change and go. All but ``LATEST`` are known from the day they were first seen."""

    FACTS = "each row is a fact of its own, and stays"
    BILLS = "each row is a fact of its own; one that is gone is taken back by a credit"
    COUNTS = "a count that grew: the difference is known from the day it was seen; one that fell stays as it was"
    DATED = "a row stays as first seen; what was missing is filled in, and its end is known when it is seen"
    LINES = "other terms close the line and begin a new one; a line that is gone has ended"
    VALUES = "a row for each time the values of an account changed"
    LATEST = "as last seen"


@dataclass(frozen=True)
class Meaning:
    """What a change means in one table.

    ``key`` says which row is the same one as yesterday (facts: all columns do). ``lost_by``: what a row is told by
    where it is asked how much of a table is gone (default: the key). ``settles``: the columns of a dated row that are
    as last seen, since only its end tells them. ``ends_when_gone``: a row that is gone has ended. ``drops``: as last
    seen, and so without what is gone.
    """

    change: RowChange
    key: tuple[str, ...] = ()
    lost_by: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    ends_when_gone: bool = False
    drops: bool = False

    @property
    def is_keyed(self) -> bool:
        return bool(self.key)


LINE_KEY = ("account_id", "product", "contract_id", "valid_from")

MEANINGS: dict[str, Meaning] = {
    "accounts": Meaning(RowChange.LATEST, ("account_id",)),
    "subscriptions": Meaning(RowChange.LINES, LINE_KEY, lost_by=("account_id", "product")),
    "invoices": Meaning(RowChange.BILLS),
    "usage_events": Meaning(RowChange.FACTS),
    "usage_daily": Meaning(RowChange.COUNTS, ("account_id", "day", "feature", "user_id")),
    "users": Meaning(RowChange.DATED, ("account_id", "user_id"), ends_when_gone=True),
    "plans": Meaning(RowChange.LATEST, ("product", "plan")),
    "plan_features": Meaning(RowChange.LATEST, ("product", "plan", "feature"), drops=True),
    "tickets": Meaning(RowChange.DATED, ("ticket_id",), ends_when_gone=True),
    "crm_events": Meaning(RowChange.FACTS),
    "account_features": Meaning(RowChange.VALUES),
    "outcomes": Meaning(
        RowChange.DATED, ("account_id", "play", "opened_at"), settles=("status", "arr", "reason")
    ),
    "product_succession": Meaning(RowChange.LATEST, ("product",)),
    "account_ids": Meaning(RowChange.LATEST, ("system", "id")),
    "fx_rates": Meaning(RowChange.LATEST, ("currency", "month")),
}  # fmt: skip
"""Every table of the contract. Those without a clock are as last seen: there is no place to say since when."""

TIMED = {("usage_events", "occurred_at"), ("account_features", "known_at")}
"""The clocks of which the time of day counts, too."""
