"""Alerts: triggers that began to show since the last list, for the owners of their accounts."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, replace

import pandas as pd

from data.checks.report import many
from data.contract.outputs import NO_OWNER, TRIGGERS
from data.contract.vocabulary import folded
from serving.messages.message import Message, MessageRow, MessageSection, name_of, sentence_of
from serving.messages.rows import Links, row_of
from serving.published.read import PublishedList
from serving.reasons.formats import say_day, say_propensity
from serving.render.entries import Entry, entries, say_owner
from serving.store.message_log import ALERT

FOR, AGAINST = "What is new", "What is new, and speaks against: look before you act"
_READ = ("account_id", "trigger_code", "motion", "text", "since")
FiredTrigger = tuple[str, str]
"""An account's id and the code of a trigger."""


@dataclass(frozen=True)
class Alerts:
    """The new triggers of the ranked accounts of a list, the likeliest account first: owner, section, and its row.

    An account that is set apart is not told of: something is to be put right first, or it is being worked on.
    """

    listing: PublishedList
    told: tuple[tuple[str, str, MessageRow], ...]
    links: Links

    def messages(self, known: Container[tuple[str, FiredTrigger]] = ()) -> list[Message]:
        """One for each owner with triggers that are not ``known``: owner (folded), and trigger; by name."""
        new = defaultdict[str, list[tuple[str, MessageRow]]](list)
        for owner, title, row in self.told:
            if (folded(owner), row.trigger) not in known:
                new[owner].append((title, row))
        return [self._message(owner, new[owner]) for owner in sorted(new)]

    def _message(self, owner: str, told: list[tuple[str, MessageRow]]) -> Message:
        count = len({row.trigger[0] for _, row in told if row.trigger})
        rows = {title: tuple(row for of, row in told if of == title) for title in (FOR, AGAINST)}
        day = say_day(self.listing.snapshot_date)
        accounts = many(count, "account")
        return Message(
            owner,
            ALERT,
            self.listing.snapshot_date,
            subject=f"New at {accounts}, {day}",
            title=f"{name_of(say_owner(owner))}: new at {accounts}",
            lead=(f"Something is new at {accounts} on the list of {day}.",),
            sections=tuple(MessageSection(title, some) for title, some in rows.items() if some),
            pages=self.links.to_list,
        )


def alerts(listing: PublishedList, before: PublishedList | None, links: Links) -> Alerts:
    """The triggers of the ranked accounts of a list that began after the list ``before``.

    None where there is nothing to be new against: no list before, or one of a version without the table.
    """
    fired = _began(listing, before)
    known = {entry.account_id: entry for entry in entries(listing, fired["account_id"].unique().tolist())}
    rows = zip(fired["account_id"], fired["trigger_code"], fired["motion"].isna(), fired["text"], strict=True)
    told = (_told(known[account], code, is_against, text, links) for account, code, is_against, text in rows)
    return Alerts(listing, tuple(told), links)


def began(listing: PublishedList, before: PublishedList | None) -> set[tuple[str, FiredTrigger]]:
    """Owner (folded) and trigger of each of those alerts."""
    fired = _began(listing, before)
    triggers = zip(fired["account_id"], fired["trigger_code"], strict=True)
    return set(zip(map(folded, fired["owner"]), triggers, strict=True))


def _began(listing: PublishedList, before: PublishedList | None) -> pd.DataFrame:
    """The triggers of the ranked accounts that began after a list, with ``owner``; the likeliest account first."""
    parts = list(listing.batches(TRIGGERS.name, _READ)) if before is not None and before.has(TRIGGERS.name) else []
    fired = pd.concat(parts) if parts else pd.DataFrame(columns=list(_READ))
    if before is not None:
        fired = fired[pd.to_datetime(fired["since"]) > pd.Timestamp(before.snapshot_date)]
    scores = listing.of("scores", fired["account_id"].unique(), ("account_id", "owner", "rank")).dropna(subset="rank")
    ranked = fired.merge(scores.assign(owner=scores["owner"].fillna(NO_OWNER)), on="account_id")
    return ranked.sort_values(["rank", "trigger_code"])


def _told(entry: Entry, code: str, is_against: bool, text: str, links: Links) -> tuple[str, str, MessageRow]:
    """Owner, section and row. Beside what speaks against stands no play: it is not the time for it."""
    row = replace(row_of(entry, links), why=sentence_of(text), trigger=(entry.account_id, code))
    against = replace(row, said=f"{say_propensity(entry.propensity)} likely")
    return entry.owner or NO_OWNER, AGAINST if is_against else FOR, against if is_against else row
