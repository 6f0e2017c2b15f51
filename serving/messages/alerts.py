"""Alerts: triggers that began to show since the last list, for the owners of their accounts."""

from collections.abc import Container
from dataclasses import dataclass, replace

import pandas as pd

from data.checks.report import many
from data.contract.outputs import NO_OWNER
from serving.messages.message import Message, MessageRow, MessageSection, name_of, sentence_of
from serving.messages.rows import Links, row_of
from serving.outcomes.message_log import ALERT
from serving.published.read import PublishedList
from serving.reasons.formats import say_day
from serving.render.entries import entries, say_owner

TRIGGERS = "triggers"
"""The table of the triggers; older lists have none."""
_READ = ("account_id", "trigger_code", "text", "since")
FiredTrigger = tuple[str, str]
"""An account's id and the code of a trigger."""


@dataclass(frozen=True)
class Alerts:
    """The new triggers of the ranked accounts of a list, the likeliest account first: owner, and the row that is told.

    An account that is set apart is not told of: something is to be put right first, or it is being worked on.
    """

    listing: PublishedList
    told: tuple[tuple[str, MessageRow], ...]
    links: Links

    def messages(self, known: Container[tuple[str, FiredTrigger]] = ()) -> list[Message]:
        """One for each owner with triggers that are not ``known``: owner, and trigger; by name."""
        rows: dict[str, list[MessageRow]] = {}
        for owner, row in self.told:
            if (owner, row.trigger) not in known:
                rows.setdefault(owner, []).append(row)
        return [self._message(owner, tuple(rows[owner])) for owner in sorted(rows)]

    def _message(self, owner: str, rows: tuple[MessageRow, ...]) -> Message:
        count, day = len({row.trigger[0] for row in rows if row.trigger}), say_day(self.listing.snapshot_date)
        accounts = many(count, "account")
        return Message(
            owner,
            ALERT,
            self.listing.snapshot_date,
            subject=f"New at {accounts}, {day}",
            title=f"{name_of(say_owner(owner))}: new at {accounts}",
            lead=(f"{accounts} {'shows' if count == 1 else 'show'} something new, by the list of {day}.",),
            sections=(MessageSection("What began, and what to do", rows),),
            pages=self.links.to_list,
        )


def alerts(listing: PublishedList, before: PublishedList | None, links: Links) -> Alerts:
    """The triggers of the ranked accounts of a list that began after the list ``before``.

    None where there is nothing to be new against: no list before, or one of a version without the table.
    """
    if before is None or not before.has(TRIGGERS):
        return Alerts(listing, (), links)
    parts = list(listing.batches(TRIGGERS, _READ))
    fired = pd.concat(parts) if parts else pd.DataFrame(columns=list(_READ))
    fired = fired[pd.to_datetime(fired["since"]) > pd.Timestamp(before.snapshot_date)]
    scores = listing.of("scores", fired["account_id"].unique(), ("account_id", "rank")).dropna(subset="rank")
    ranked = scores.sort_values("rank")["account_id"].tolist()
    known = {entry.account_id: entry for entry in entries(listing, ranked)}
    codes = dict(list(fired.sort_values("trigger_code").groupby("account_id")))
    told = tuple(
        (entry.owner or NO_OWNER, replace(row_of(entry, links), why=sentence_of(text), trigger=(account, code)))
        for account, entry in known.items()
        for code, text in zip(codes[account]["trigger_code"], codes[account]["text"], strict=True)
    )
    return Alerts(listing, told, links)
