"""The two orders of a published list and its short lists, in rows and words.

Who is left out of a short list is counted and said where it stands.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from serving.published.read import PublishedList
from serving.ranking import short_list as ranking
from serving.ranking.amounts import say_money
from serving.ranking.short_list import ORDER_OF, Order, Picked
from serving.render.entries import Entry, entries

TITLES = {Order.LIKELIHOOD: "Most likely", Order.STAKE: "Most at stake"}
MEANINGS = {
    Order.LIKELIHOOD: "The accounts most likely to expand come first.",
    Order.STAKE: "The accounts with the most expected ARR come first.",
}


ENTRIES, PICKED = "entries by account", "picked by order and limit"
"""What a list keeps of accounts that are put into words already, and of short lists that are drawn up."""
WENT = {"overtaken": "overtaken by others", "set_apart": "set apart by a gate", "no_customer": "customers no more"}
"""What became of accounts that are no longer on a short list, by its name in the manifest."""


Drawn = dict[tuple[Order, int], Picked]
"""The short lists of a list, or of a book, by their order and limit."""


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
    known: dict[str, Entry] = listing.once(ENTRIES, dict)
    drawn: Drawn = listing.once(PICKED, dict)
    return listing.once(
        (short_list, by, limit),
        lambda: _told(listing, by, drawn.get((by, limit)) or pick(listing, by, limit), known),
    )


def pick(listing: PublishedList, by: Order, limit: int) -> Picked:
    """The accounts of a short list; that of an owner's book holds still (``ranking.short_list.listed``)."""
    ordered = in_order(listing, by)
    held = None if listing.owner is None else _held(listing, by, limit)
    return ranking.pick(ordered, listing.manifest["serving"], limit, held)


def pick_of_owners(
    listing: PublishedList, by: Order, limit: int, named: Callable[[str], str] = str
) -> dict[str, Picked]:
    """The accounts of the short list of every owner who has ranked accounts; ``named``: owners alike in it are one."""
    held, settings, ordered = _held(listing, by, limit), listing.manifest["serving"], in_order(listing, by)
    return {
        str(owner): ranking.pick(book, settings, limit, None if held is None else held & frozenset(book["account_id"]))
        for owner, book in ordered.groupby(ordered["owner"].map(named))
    }


def pick_of_books(listing: PublishedList, limit: int) -> dict[str, Drawn]:
    """The same of every book, by its owner's name as it is compared: of both orders."""
    books = defaultdict[str, Drawn](dict)
    for by in Order:
        for owner, picked in pick_of_owners(listing, by, limit, str.casefold).items():
            books[owner][by, limit] = picked
    return books


def _held(listing: PublishedList, by: Order, limit: int) -> frozenset[str] | None:
    """Who is on the short lists of owners; None where they are drawn anew: longer, in the other order, or of old."""
    is_drawn = by is not orders_of(listing)[0] or limit > listing.manifest["serving"]["top"]
    return None if is_drawn else listing.on_short_lists()


def short_lists_of_owners(listing: PublishedList, owners: list[str], by: Order, limit: int) -> dict[str, ShortList]:
    """The short list of each of these owners, read at once."""
    picked = pick_of_owners(listing, by, limit)
    known = _entries_of(listing, (account for owner in owners for account in picked[owner].places))
    return {owner: _told(listing, by, picked[owner], known) for owner in owners}


def books_of(listing: PublishedList, drawn: Mapping[str, Drawn], accounts: Iterable[str]) -> Iterator[PublishedList]:
    """The books of these owners, and their short lists. What these say of the accounts is put into words at once."""
    known = _entries_of(listing, sorted(accounts))
    for owner, short in drawn.items():
        book = listing.book(owner)
        book.once(ENTRIES, lambda: known)
        book.once(PICKED, short.copy)
        yield book


def _entries_of(listing: PublishedList, accounts: Iterable[str]) -> dict[str, Entry]:
    return {entry.account_id: entry for entry in entries(listing, list(accounts))}


def in_order(listing: PublishedList, by: Order) -> pd.DataFrame:
    """The ranked accounts of a list, or of a book, in an order: as ``ranking.short_list.in_order``."""
    return ranking.in_order(listing.scores(*ranking.NEEDED), by, _check_ins(listing))


def are_check_ins(listing: PublishedList, plays: pd.Series) -> pd.Series:
    """Which of these codes of plays have no motion."""
    return plays.isin(_check_ins(listing))


def _check_ins(listing: PublishedList) -> list[str]:
    return [code for code, play in listing.manifest["plays"].items() if not play.get("motion")]


def _told(listing: PublishedList, by: Order, picked: Picked, known: Mapping[str, Entry]) -> ShortList:
    are_known = known.keys() >= picked.places.keys()
    made = [known[account] for account in picked.places] if are_known else entries(listing, list(picked.places))
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
    if picked.waiting:
        is_are = "is" if picked.waiting == 1 else "are"
        yield (
            f"{_accounts(picked.waiting)} further up {is_are} not clearly ahead of those that were here before, "
            "which stay."
        )


def say_short_lists(listing: PublishedList) -> str:
    """How much of the owners' short lists is new, and why the others went; empty where there is nothing to compare."""
    counts: Mapping[str, int] = listing.manifest.get("short_lists") or {}
    if not counts:
        return ""
    here = counts["stayed"] + counts["came"]
    went = [f"{counts[code]:,} {words}" for code, words in WENT.items() if counts[code]]
    gone = f" Of those that went, {', '.join(went)}." if went else ""
    return f"Of {_accounts(here)} on the owners' short lists {counts['came']:,} {_is_new(counts['came'])}.{gone}"


def _is_new(count: int) -> str:
    return "is new" if count == 1 else "are new"


def _accounts(count: int) -> str:
    return f"{count:,} account{'s' * (count != 1)}"


def _are(count: int) -> str:
    return "is left out here; it keeps its rank." if count == 1 else "are left out here; they keep their rank."
