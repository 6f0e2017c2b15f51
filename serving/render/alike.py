"""Rows that look alike: on a page of a short list few rows show the same stories, where others have something to say.

First the rows that have nothing else to say, then the others, by rank: a row whose stories ``most_alike`` rows show
already, on one of the pages on which it stands, gives the weakest of those that speak for it up for a spare one, if
that is worth telling and not as common; or else the weakest of several that speak against it, for none. What its play
leads with stays.
A row has one set of reasons, on whichever page it is read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from data.contract.outputs import AGAINST, FIRST, FOR, SPARE
from serving.published.read import PublishedList
from serving.ranking.short_list import Order, Picked
from serving.render.leading import READ as READ_TO_LEAD
from serving.render.leading import leading
from serving.render.orders import pick, pick_of_owners

PAGE_ROWS = 20
READ = (*READ_TO_LEAD, "position", "shap_log_odds", "story", "choice")
"""What is read of ``reasons``."""
KEY = ("account_id", "position")


class Page(NamedTuple):
    """Twenty rows of a short list, of an owner or (None) of the whole list."""

    by: Order
    owner: str | None
    number: int


Pages = Mapping[str, Sequence[Page]]
"""The pages that each account of a short list is on, in the order of the ranks."""


def pages_of(listing: PublishedList) -> Pages:
    """The pages of the short lists of a list, in both orders."""
    top = listing.manifest["serving"]["top"]
    pages: dict[str, list[Page]] = defaultdict(list)
    for by in Order:
        lists: list[tuple[str | None, Picked]] = [(None, pick(listing, by, top))]
        for owner, picked in [*lists, *pick_of_owners(listing, by, top).items()]:
            for place, account in enumerate(picked.places):
                pages[account].append(Page(by, owner, place // PAGE_ROWS))
    scores = listing.scores("account_id", "rank")
    ranked = scores[scores["account_id"].isin(list(pages))].sort_values("rank")
    return {account: pages[account] for account in ranked["account_id"]}


def exchanged(listing: PublishedList, reasons: pd.DataFrame, pages: Pages) -> pd.DataFrame:
    """The rows of ``reasons`` (columns ``READ``, of the accounts of ``pages``) that are shown in place of another, and
    those that are not: account_id and position.
    """
    settings = listing.manifest["serving"]["reasons"]
    most = settings["most_alike"] or len(pages)
    told = _told(listing, reasons)
    turned: list[tuple[str, int]] = []
    standing: Counter[tuple[Page, frozenset[str]]] = Counter()
    able = {account: list(_sets(told.get(account, ()), settings["min_spare_share"])) for account in pages}
    for account in sorted(able, key=lambda name: len(able[name]) > 1):
        sets, its_pages = able[account], pages[account]
        few = (one for one in sets if all(standing[page, one.stories] < most for page in its_pages))
        chosen = next(few, sets[0])
        standing.update((page, chosen.stories) for page in its_pages)
        turned += [(account, position) for position in chosen.turned]
    return pd.DataFrame(turned, columns=list(KEY)).astype({"account_id": "str", "position": "int64"})


class _Told(NamedTuple):
    """A reason that is shown or spare, and whether its account's play leads with it."""

    account_id: str
    position: int
    effect: str
    story: str
    shap_log_odds: float
    choice: str
    leads: bool


def _told(listing: PublishedList, reasons: pd.DataFrame) -> dict[str, list[_Told]]:
    """The reasons of each account that are shown or spare, strongest first."""
    scores = listing.scores("account_id", "play").drop_duplicates("account_id").set_index("account_id")
    able = reasons[reasons["choice"].isin([FIRST, SPARE])].sort_values([*KEY])
    able = able.assign(shown=able["choice"] == FIRST)
    able = able.assign(leads=leading(able, listing.manifest["plays"], scores["play"]))
    rows: dict[str, list[_Told]] = defaultdict(list)
    for row in able[list(_Told._fields)].itertuples(index=False, name=None):
        rows[row[0]].append(_Told(*row))
    return rows


class _Set(NamedTuple):
    """The stories that a row may show, and the positions of the reasons that change places for it."""

    stories: frozenset[str]
    turned: tuple[int, ...] = ()


def _sets(told: Sequence[_Told], least: float) -> Iterator[_Set]:
    """What a row may show: first what was chosen of it alone, then that with a spare one in place of the weakest, then
    that without the weakest of several that speak against it.

    ``least``: the share of its weight that the spare one weighs at least.
    """
    first = [reason for reason in told if reason.choice == FIRST]
    stories = frozenset(reason.story for reason in first)
    yield _Set(stories)
    for weakest in [reason for reason in first if reason.effect == FOR and not reason.leads][-1:]:
        others = stories - {weakest.story}
        for spare in told:
            if spare.choice == SPARE and spare.shap_log_odds >= least * weakest.shap_log_odds:
                yield _Set(others | {spare.story}, (weakest.position, spare.position))
    for weakest in [reason for reason in first if reason.effect == AGAINST][1:][-1:]:
        yield _Set(stories - {weakest.story}, (weakest.position,))
