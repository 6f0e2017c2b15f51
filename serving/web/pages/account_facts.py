"""What an account's page shows piece by piece: contract lines, who uses the product, and tickets, as published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from data.contract.outputs import ACCOUNT_FACTS, CHAMPION, LINE, ROLE, TEAM, TICKET
from data.feeds.rhythm import SAID, USE
from serving.published.read import PublishedList
from serving.render.html import silent_since

_TABLE_OF = {LINE: "subscriptions", TEAM: "users", ROLE: "users", CHAMPION: "crm_events", TICKET: "tickets"}
"""The table of the contract that facts of a kind are read from."""


@dataclass(frozen=True)
class FactsOfKind:
    """The facts of one kind: the first of them, as rows of ``account_facts``, and how many there are in all.

    ``absent``: the table of the contract that tells of them, where the source had none; else empty. ``silent_since``:
    the last day of that table, where its feed had fallen silent and nothing of it is known; else None.
    """

    rows: tuple[Mapping[str, Any], ...]
    count: int
    absent: str
    silent_since: date | None

    @property
    def more(self) -> str:
        """What is said where not all of them are published; else empty."""
        return f"the first {len(self.rows)} of {self.count}" if self.count > len(self.rows) else ""


@dataclass(frozen=True)
class AccountFacts:
    """The facts of an account by their kind. ``active_since``: the last day of use, if who is active is not known."""

    lines: FactsOfKind
    teams: FactsOfKind
    roles: FactsOfKind
    champions: FactsOfKind
    tickets: FactsOfKind
    active_since: date | None


def account_facts(listing: PublishedList, account_id: str) -> AccountFacts | None:
    """The facts of an account; None where the list was published before there were any."""
    if not listing.has(ACCOUNT_FACTS.name):
        return None
    rows = listing.of_account(ACCOUNT_FACTS.name, account_id)
    there = listing.manifest.get("input_rows", _TABLE_OF.values())
    silent = silent_since(listing)
    lines, teams, roles, champions, tickets = (_of_kind(kind, rows, there, silent) for kind in _TABLE_OF)
    active_since = next((day for table, day in silent.items() if SAID.get(table) == USE), None)
    return AccountFacts(lines, teams, roles, champions, tickets, active_since)


def _of_kind(
    kind: str, rows: Iterable[Mapping[str, Any]], there: Iterable[str], silent: Mapping[str, date]
) -> FactsOfKind:
    mine = tuple(row for row in rows if row["kind"] == kind)
    absent = "" if _TABLE_OF[kind] in there else _TABLE_OF[kind]
    return FactsOfKind(mine, mine[0]["of_kind"] if mine else 0, absent, silent.get(_TABLE_OF[kind]))
