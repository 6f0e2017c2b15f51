"""The two orders of a list, and its short lists: the first of an order, without what the settings leave out of them.

A short list changes no rank. Who is left out of it is counted and said where it stands.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from data.contract.outputs import NO_OWNER
from serving.published.read import PublishedList
from serving.ranking.amounts import say_money
from serving.ranking.rank import RANK_KEYS, order
from serving.render.entries import CHECK_IN, Entry, entries


class Order(StrEnum):
    """What comes first."""

    LIKELIHOOD = "likelihood"
    STAKE = "stake"


TITLES = {Order.LIKELIHOOD: "Most likely", Order.STAKE: "Most at stake"}
MEANINGS = {
    Order.LIKELIHOOD: "The accounts most likely to expand come first.",
    Order.STAKE: "The accounts with the most expected ARR come first.",
}
_BY = {Order.LIKELIHOOD: "propensity", Order.STAKE: "expected_arr"}
ORDER_OF = {column: by for by, column in _BY.items()}
"""The order that a list ranked by that column is in."""


@dataclass(frozen=True)
class Picked:
    """The accounts of a short list with their places in the whole order, and how many it passes over on the way.

    ``more_of_group``: of each account that stands for its group of companies, how many more of it the order has.
    """

    places: dict[str, int]
    below_floor: int
    over_cap: int
    of: int
    of_group: int = 0
    more_of_group: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ShortList:
    """The first accounts of an order, each with its place; ``of``: how many the order has; ``left_out`` in words."""

    by: Order
    rows: list[tuple[int, Entry]]
    of: int
    left_out: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return TITLES[self.by]


def orders_of(listing: PublishedList) -> list[Order]:
    """Both orders; first the one that the list is ranked by."""
    return sorted(Order, key=lambda by: by is not ORDER_OF[listing.manifest["rank_by"]])


def short_list(listing: PublishedList, by: Order, limit: int) -> ShortList:
    """The first ``limit`` accounts of a list, or of an owner's book."""
    return _told(listing, by, pick(listing, by, limit))


def pick(listing: PublishedList, by: Order, limit: int) -> Picked:
    """The accounts of a short list."""
    return _pick(in_order(listing, by), listing, limit)


def pick_of_owners(listing: PublishedList, by: Order, limit: int) -> dict[str, Picked]:
    """The accounts of the short list of every owner who has ranked accounts."""
    listed = in_order(listing, by)
    return {str(owner): _pick(book, listing, limit) for owner, book in listed.groupby("owner")}


def short_lists_of_owners(listing: PublishedList, owners: list[str], by: Order, limit: int) -> dict[str, ShortList]:
    """The short list of each of these owners, read at once."""
    picked = pick_of_owners(listing, by, limit)
    known = {entry.account_id: entry for entry in entries(listing, [a for o in owners for a in picked[o].places])}
    return {owner: _told(listing, by, picked[owner], known) for owner in owners}


def in_order(listing: PublishedList, by: Order) -> pd.DataFrame:
    """The ranked accounts in an order: account_id, group_id, owner, kind (motion, or a check-in), expected_arr."""
    scores = listing.scores("account_id", "group_id", "owner", "eligible", "motion", "play", *RANK_KEYS)
    scores = scores[scores["eligible"].astype(bool)]
    listed = scores.iloc[order(scores, _BY[by])]
    kinds = np.where(are_check_ins(listing, listed["play"]), CHECK_IN, listed["motion"].to_numpy(object))
    owners = listed["owner"].fillna(NO_OWNER)
    return pd.DataFrame({**listed[["account_id", "group_id", "expected_arr"]], "owner": owners, "kind": kinds})


def are_check_ins(listing: PublishedList, plays: pd.Series) -> pd.Series:
    """Which of these codes of plays have no motion."""
    return plays.isin([code for code, play in listing.manifest["plays"].items() if not play.get("motion")])


def _pick(listed: pd.DataFrame, listing: PublishedList, limit: int) -> Picked:
    settings = listing.manifest["serving"]
    floor, cap = settings.get("min_expected_arr"), settings.get("max_per_motion")
    is_one_each = settings.get("one_per_group", False)
    stands_for: dict[str, str] = {}
    places: dict[str, int] = {}
    kinds: Counter[str] = Counter()
    below = over = of_group = 0
    rows = zip(listed["account_id"], listed["group_id"], listed["kind"], listed["expected_arr"], strict=True)
    for place, (account, group, kind, arr) in enumerate(rows, start=1):
        if len(places) == limit:
            break
        if group in stands_for:
            of_group += 1
        elif floor is not None and arr < floor:  # what is not known is not below it
            below += 1
        elif cap is not None and kinds[kind] == cap:
            over += 1
        else:
            kinds[kind] += 1
            places[str(account)] = place
            if is_one_each and not pd.isna(group):
                stands_for[group] = str(account)
    sizes = listed["group_id"].value_counts()
    more = {account: int(sizes[group]) - 1 for group, account in stands_for.items()}
    return Picked(places, below, over, len(listed), of_group, more)


def _told(listing: PublishedList, by: Order, picked: Picked, known: dict[str, Entry] | None = None) -> ShortList:
    made = [known[account] for account in picked.places] if known else entries(listing, list(picked.places))
    made = [replace(entry, more_of_group=picked.more_of_group.get(entry.account_id, 0)) for entry in made]
    return ShortList(
        by, list(zip(picked.places.values(), made, strict=True)), picked.of, tuple(_left_out(listing, picked))
    )


def _left_out(listing: PublishedList, picked: Picked) -> Iterator[str]:
    settings = listing.manifest["serving"]
    if picked.below_floor:
        least = say_money(settings["min_expected_arr"], settings["currency"])
        yield f"{_accounts(picked.below_floor)} with less than {least} expected {_are(picked.below_floor)}"
    if picked.over_cap:
        most = settings["max_per_motion"]
        yield f"{_accounts(picked.over_cap)} beyond {most} of one motion {_are(picked.over_cap)}"
    if picked.of_group:
        yield f"{_accounts(picked.of_group)} of a group that has a row {_are(picked.of_group)}"


def _accounts(count: int) -> str:
    return f"{count:,} account{'s' * (count != 1)}"


def _are(count: int) -> str:
    return "is left out here; it keeps its rank." if count == 1 else "are left out here; they keep their rank."
