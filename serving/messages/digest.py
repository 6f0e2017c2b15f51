"""The digest of each owner's short list: where to start, then what is to be fixed, late, new, more likely and gone.

Lists of old say nothing of short lists; where one of two has none, all that is ranked is on the list.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.checks.report import many
from data.contract.outputs import FIX, NO_OWNER
from data.contract.vocabulary import folded
from serving.messages.message import Message, MessageRow, MessageSection, name_of, sentence_of
from serving.messages.rows import Links, row_of
from serving.published.read import PublishedList
from serving.reasons.formats import say_day
from serving.render.entries import Entry, entries, say_owner
from serving.render.likelihood import Band, Trend, bands, trends
from serving.store.message_log import DIGEST

TO_FIX, OVERDUE, WAITING, NEW, RISEN, GONE = GROUPS = ("to fix first", "overdue", "waiting", "new", "risen", "gone")
"""What is said of an account, the most urgent first. ``WAITING``: overdue, of an owner of whose accounts nothing was
ever recorded: nobody knows whether something was done.
"""
LEFT = (TO_FIX, GONE)
"""The groups of accounts that left the list: to be looked after at once, or for another reason."""
PAST_DUE = {OVERDUE: "was due on {}", WAITING: "waiting since {}"}
GONE_TITLE = "Gone from the list, and why"
RECORD = "Nothing is recorded on your accounts so far."
RECORD_ON_PAGES = "Open the page of each that waits and record what you did, or choose Later or Not one to follow up."
ASSIGN = "The accounts on the list have no owner: assign one to each."
RECORD_IN_BOOK = "Write what you did in the Answer column of your workbook and send it back."
NO_CUSTOMER = "No longer a customer."
OVERTAKEN = "Others are clearly ahead: it is number {:,} of the book."
_SCORES = ("account_id", "name", "owner", "eligible", "listed", "rank", "owner_rank", "propensity")
_UP, _UNLIKELY = list(Trend).index(Trend.UP), list(Band).index(Band.UNLIKELY)


@dataclass(frozen=True)
class Digests:
    """What the digests of a list are made of.

    ``before``: the list that it is compared with; None for a first one. ``due``: by overdue account the day by which to
    act. ``recorded``: the accounts of which anything was ever recorded. ``today`` (UTC) and ``stale_days`` decide
    whether the list is old; ``limit``: accounts under a heading.
    """

    listing: PublishedList
    before: PublishedList | None
    due: Mapping[str, date]
    recorded: Collection[str]
    today: date
    stale_days: int
    limit: int
    links: Links

    def messages(self) -> list[Message]:
        """One for each owner of whom there is something to say, by name."""
        shown = self.groups[self.groups.groupby(["owner", "group"]).cumcount() < self.limit]
        rows = self._rows(shown)
        of_owner = shown.groupby(["owner", "group"])["account_id"].agg(list)
        counts = self.groups.groupby(["owner", "group"]).size()
        return [self._message(str(owner), counts[owner], of_owner[owner], rows) for owner in counts.index.unique(0)]

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Of each account that is told: owner, group, account_id, name, was; each owner's in the order of the list.

        An account is in one group: what is overdue is not told as new. One that went to another owner is new to that
        one, and gone for the other. What has risen and is unlikely still is not told. ``was``: the propensity before.
        """
        now, was = self._now, self._then
        then = was.set_index("account_id")
        is_same = now["owner"] == now["account_id"].map(then["owner"])
        before = now["account_id"].map(then["propensity"])
        propensity = _numbers(now["propensity"])
        is_up = (trends(propensity, _numbers(before)) == _UP) & (bands(propensity) != _UNLIKELY)
        is_late, records = now["account_id"].isin(self.due.keys()), now["owner"].isin(self._owners_who_record)
        group = np.select([is_late & records, is_late, ~is_same, is_up], [OVERDUE, WAITING, NEW, RISEN], "")
        here = now.assign(group=group, was=before)
        went = was[was["account_id"].map(self._owner_now) != was["owner"]]
        to_fix = went["account_id"].map(self._to_fix) == went["owner"]
        there = went.assign(group=np.where(to_fix, TO_FIX, GONE), was=np.nan)
        told = pd.concat([here[here["group"] != ""].sort_values("rank"), there.sort_values("rank")])
        return told[["owner", "group", "account_id", "name", "was"]]

    @cached_property
    def _now(self) -> pd.DataFrame:
        return self._on_list(self._ranked_now)

    @cached_property
    def _then(self) -> pd.DataFrame:
        return self._now.head(0) if self._ranked_then is None else self._on_list(self._ranked_then)

    @cached_property
    def _on_lists(self) -> Mapping[str, int]:
        """By owner how many accounts are on the list."""
        return Counter(self._now["owner"])

    @cached_property
    def _ranked_now(self) -> pd.DataFrame:
        return _ranked(self.listing)

    @cached_property
    def _ranked_then(self) -> pd.DataFrame | None:
        """With each owner as this list writes the name."""
        if self.before is None:
            return None
        then = _ranked(self.before)
        written = {folded(owner): owner for owner in self.listing.scores("owner")["owner"].dropna().unique()}
        return then.assign(owner=then["owner"].map(lambda owner: written.get(folded(owner), owner)))

    def _on_list(self, ranked: pd.DataFrame) -> pd.DataFrame:
        lists = [self._ranked_now] + ([] if self._ranked_then is None else [self._ranked_then])
        is_known = not any(some["listed"].isna().any() for some in lists)
        return ranked[ranked["listed"].astype(bool)] if is_known else ranked

    @cached_property
    def _owner_now(self) -> pd.Series:
        return self._now.set_index("account_id")["owner"]

    @cached_property
    def _owners_who_record(self) -> set[str]:
        """The owners of accounts of which something was recorded."""
        scores = self.listing.scores("account_id", "owner")
        return set(scores.loc[scores["account_id"].isin(list(self.recorded)), "owner"].fillna(NO_OWNER))

    @cached_property
    def _to_fix(self) -> pd.Series:
        """By account that is set apart since something is to be put right first: its owner."""
        apart = self.listing.exclusions("account_id", "owner", "shown_under")
        return apart[apart["shown_under"] == FIX].set_index("account_id")["owner"].fillna(NO_OWNER)

    def _rows(self, shown: pd.DataFrame) -> dict[tuple[str, str], MessageRow]:
        """By group and account."""
        left = shown["group"].isin(LEFT)
        ranked, gone = shown[~left], shown[left]
        known = dict(zip(ranked["account_id"], entries(self.listing, ranked["account_id"].tolist()), strict=True))
        told = zip(ranked["group"], ranked["account_id"], ranked["was"], strict=True)
        here = {(group, account): self._row(group, known[account], was) for group, account, was in told}
        there = zip(gone["group"], self._gone(gone), strict=True)
        return here | {(group, account): row for group, (account, row) in there}

    def _row(self, group: str, entry: Entry, was: float) -> MessageRow:
        past_due = PAST_DUE[group].format(say_day(self.due[entry.account_id])) if group in PAST_DUE else ""
        return row_of(entry, self.links, was=was if group == RISEN else None, by=past_due)

    def _gone(self, gone: pd.DataFrame) -> Iterator[tuple[str, MessageRow]]:
        """Why accounts are on the owner's list no more: with another owner, overtaken, set apart, or no customer."""
        accounts = gone["account_id"].tolist()
        ranked = self._ranked_now.set_index("account_id")
        owners, places = ranked["owner"].to_dict(), ranked["owner_rank"].to_dict()
        why = self.listing.of("exclusions", accounts, ("account_id", "text")).set_index("account_id")["text"].to_dict()
        for account, name, owner in zip(accounts, gone["name"], gone["owner"], strict=True):
            moved = None
            if account in owners:
                is_same = owners[account] == owner
                moved = (
                    OVERTAKEN.format(places[account]) if is_same else f"Now with {name_of(say_owner(owners[account]))}."
                )
            is_there = account in why or account in owners
            link = self.links.to(account) if is_there else None
            yield account, MessageRow(name_of(name), link, sentence_of(moved or why.get(account, NO_CUSTOMER)))

    def _message(
        self, owner: str, counts: pd.Series, shown: pd.Series, rows: Mapping[tuple[str, str], MessageRow]
    ) -> Message:
        day, of = say_day(self.listing.snapshot_date), {str(group): int(count) for group, count in counts.items()}
        counted = ", ".join(f"{of[group]:,} {self._said_of(group)}" for group in GROUPS if group in of)
        sections = [
            MessageSection(
                title, tuple(rows[group, account] for account in shown[group]), of[group] - len(shown[group])
            )
            for group, title in self._titles().items()
            if group in of
        ]
        return Message(
            owner,
            DIGEST,
            self.listing.snapshot_date,
            subject=f"{'Accounts without an owner' if owner == NO_OWNER else 'Your list'}, {day}: {counted}",
            title=f"{name_of(say_owner(owner))}: list of {day}",
            lead=(
                *([self._age()] if self.is_stale else []),
                *_first_step(sections),
                f"{counted}. {self._listed(owner)}",
                *self._on_the_list(owner, of),
            ),
            sections=tuple(sections),
            pages=self.links.to_list,
        )

    def _on_the_list(self, owner: str, of: Collection[str]) -> Iterator[str]:
        """What is to be known of those that are on the list, where any of them is told: ``of`` are the groups told.

        What their percentage is; and what to do first, where nothing was ever recorded of an owner's accounts, or where
        nobody owns them.
        """
        if set(of) <= set(LEFT):
            return
        yield f"The percentage is how likely one is to expand within {self.listing.manifest['horizon_days']} days."
        if owner == NO_OWNER:
            yield ASSIGN
        elif WAITING in of:
            yield f"{RECORD} {RECORD_ON_PAGES if self.links.to_list else RECORD_IN_BOOK}"

    @property
    def age_days(self) -> int:
        return (self.today - self.listing.snapshot_date).days

    @property
    def is_stale(self) -> bool:
        """Is the list older than it should be?"""
        return self.age_days > self.stale_days

    def _age(self) -> str:
        return f"This list is {self.age_days:,} days old: no newer one has been published."

    def _said_of(self, group: str) -> str:
        """What is said of a group behind its count: on a first list nothing is new."""
        return "on the first list" if group == NEW and self.before is None else group

    def _listed(self, owner: str) -> str:
        count = self._on_lists.get(owner, 0)
        accounts = f"{many(count, 'account')} {'is' if count == 1 else 'are'} on the list"
        return f"{accounts}; there is no earlier one to compare it with." if self.before is None else f"{accounts}."

    def _titles(self) -> dict[str, str]:
        since = "" if self.before is None else f" than on {say_day(self.before.snapshot_date)}"
        return {
            TO_FIX: "Fix first: left the list, and needs you now",
            OVERDUE: "Overdue: the day to act has passed, and no action is recorded",
            WAITING: "Waiting: the day to act has passed",
            NEW: "On the list" if self.before is None else "New on the list",
            RISEN: f"More likely{since}",
            GONE: GONE_TITLE,
        }


def _first_step(sections: Sequence[MessageSection]) -> Iterator[str]:
    """The account to begin with, and why; nothing where those that are gone are all that is told."""
    first = sections[0]
    if first.title != GONE_TITLE:
        row = first.rows[0]
        yield f"Start with {row.name}: {row.why or row.said}"


def _ranked(listing: PublishedList) -> pd.DataFrame:
    scores = listing.scores(*_SCORES)
    ranked = scores[scores["eligible"].astype(bool)]
    return ranked.assign(owner=ranked["owner"].fillna(NO_OWNER))


def _numbers(values: pd.Series) -> npt.NDArray[np.float64]:
    return values.to_numpy(np.float64, na_value=np.nan)
