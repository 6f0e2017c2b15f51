"""My list: the accounts to work on, filtered, ordered and counted, a page at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.contract.outputs import NO_OWNER
from serving.outcomes.states import AccountState, is_left_undone
from serving.outcomes.vocabulary import DISQUALIFIED, OPEN, REASONS, STATES
from serving.ranking.gates import gate_label
from serving.ranking.short_list import CHECK_IN
from serving.reasons.formats import say_day, say_name
from serving.render.entries import MOTION_WORDS, at_odds, expected_range
from serving.render.likelihood import Band, Trend
from serving.web.index import CHECK_IN_CODE, KINDS, NOT_KNOWN, ListIndex, Mask, Places, day_of, number_of
from serving.web.ports import Sight
from serving.web.query import ListQuery, PageQuery, Shown, Sort
from serving.web.work import HeldWork

RENEWAL_DAYS = 90
"""A renewal is near in the ``RENEWAL_DAYS`` days from the day of the list on."""
BANDS, TRENDS = tuple(Band), tuple(Trend)
Options = tuple[tuple[str, str], ...]
"""The values of a filter and their words."""
KIND_WORDS = {**MOTION_WORDS, CHECK_IN_CODE: CHECK_IN}
_NOTHING_DONE: Mapping[str, AccountState] = MappingProxyType({})
_BY_COLUMN = {"propensity": Sort.LIKELIHOOD, "expected_arr": Sort.STAKE}


@dataclass(frozen=True)
class ListRow:
    """One account on the list. ``rank`` and ``previous_rank`` are None where it is not ranked; ``rank`` is of the order
    that is shown. ``likely_range``: low and high, NaN where it was not published. ``because``: the gates it did not
    pass; ``top``: its first reason, or why it is set apart. ``not_judged``: what is not known of it, or is to be looked
    at first; empty where nothing is. ``state`` in words. ``at_odds``: that likelihood
    and money disagree, in words; empty where they do not.
    """

    rank: int | None
    previous_rank: int | None
    account_id: str
    name: str
    owner: str | None
    segment: str
    propensity: float
    likely_range: tuple[float, float]
    band: Band
    trend: Trend
    expected_arr: float
    motion: str
    play: str
    play_code: str
    act_by: date | None
    mark: str
    top: str
    under: str | None
    because: tuple[str, ...]
    not_judged: str
    renews_on: date | None
    last_contact_on: date | None
    state: str
    at_odds: str

    @property
    def moved(self) -> str:
        """Up or down the list, and from where; empty where that is not known or nothing moved."""
        if self.rank is None or self.previous_rank is None or self.rank == self.previous_rank:
            return ""
        return f"{'up' if self.rank < self.previous_rank else 'down'} from {self.previous_rank:,}"


@dataclass(frozen=True)
class Tile:
    """A count under a heading: by its code in the address, in words."""

    code: str
    words: str
    count: int


@dataclass(frozen=True)
class Tiles:
    """What the filters let through, counted. Bands, motions, renewals and ARR are of the ranked alone.

    ``expected_range``: between which what comes lies, four times in five; NaN unless these are all that are ranked.
    """

    ranked: int
    apart: int
    expected_arr: float
    expected_range: tuple[float, float]
    bands: tuple[Tile, ...]
    motions: tuple[Tile, ...]
    renewals: int


@dataclass(frozen=True)
class MyList:
    """A page of the list. ``found``: the accounts on all pages; ``options``: by filter, the values and their words."""

    query: ListQuery
    sort: Sort
    rows: tuple[ListRow, ...]
    found: int
    pages: int
    tiles: Tiles
    options: Mapping[str, Options]


@dataclass(frozen=True)
class Desk:
    """Whose list it is and on which day: who looks, what was done, today (UTC). One is made for each request."""

    sight: Sight
    work: HeldWork | None
    today: date

    @cached_property
    def states(self) -> Mapping[str, AccountState]:
        """Where the accounts stand of which something was done; the record is asked once for all of a page."""
        return _NOTHING_DONE if self.work is None else self.work.states(self.today)


def my_list(index: ListIndex, query: ListQuery, desk: Desk, page_rows: int) -> MyList:
    """A page of the list as it is asked for; a page after the last is the last."""
    seen = seen_by(index, desk.sight)
    through = seen & _filtered(index, query) & _in_state(index, query, desk, seen)
    ordered = _in_order(index, through & _shown(index, query), query)
    here, page, pages = on_page(ordered, query.page, page_rows)
    return MyList(
        query.model_copy(update={"page": page}),
        sort_of(index, query),
        rows(index, here, query, desk),
        len(ordered),
        pages,
        _tiles(index, through),
        _options(index, seen, query),
    )


def all_rows(index: ListIndex, query: ListQuery, desk: Desk) -> Places:
    """The rows of every page of the list, in its order."""
    seen = seen_by(index, desk.sight)
    through = seen & _filtered(index, query) & _in_state(index, query, desk, seen) & _shown(index, query)
    return _in_order(index, through, query)


def on_page(places: Places, page: int, page_rows: int) -> tuple[Places, int, int]:
    """The rows of a page, which page that is, and how many there are; a page after the last is the last."""
    pages = max(-(-len(places) // page_rows), 1)
    page = min(page, pages)
    return places[(page - 1) * page_rows : page * page_rows], page, pages


def place_for(index: ListIndex, account_id: str, sight: Sight) -> int | None:
    """The row of an account; None where the list has none, or it may not be seen."""
    place = index.place(account_id)
    return place if place is not None and _may_see(sight, str(index.owners.at(place))) else None


def _may_see(sight: Sight, owner: str) -> bool:
    return sight.may_see(None if owner == NO_OWNER else owner)


def seen_by(index: ListIndex, sight: Sight) -> Mask:
    """The rows that someone may see."""
    if sight.owners is None:
        return np.ones(len(index), dtype=bool)
    may = [_may_see(sight, owner) for owner in index.owners.labels]
    return np.array(may, dtype=bool)[index.owners.codes]


def counts_of(index: ListIndex, sight: Sight) -> tuple[int, int]:
    """How many accounts someone may see, and how many of them are ranked; the others are set apart."""
    seen = seen_by(index, sight)
    return int(seen.sum()), int((seen & index.is_ranked).sum())


def states_of(index: ListIndex, places: Places, desk: Desk) -> list[str]:
    """The code of the state of each of these rows."""
    accounts = index.ids.take(places).to_pylist()
    return [desk.states[account].state if account in desk.states else OPEN for account in accounts]


def places_of(index: ListIndex, states: Mapping[str, AccountState]) -> list[tuple[int, AccountState]]:
    """The rows of the accounts of which something was done; those that left the list have none."""
    accounts = pa.array(list(states), index.ids.type)
    found = pc.index_in(accounts, value_set=index.ids).to_pylist()
    return [(place, state) for place, state in zip(found, states.values(), strict=True) if place is not None]


class Late(NamedTuple):
    """The rows on a short list whose day to act by is past, with nothing done since they came there, and which are not
    back from later.

    ``waiting``: those of owners of whose accounts nothing was ever recorded, so that nobody knows whether something was
    done; ``overdue``: those of the others, who are ``recorded``: of each owner in the order of the index.
    """

    overdue: Places
    waiting: Places
    recorded: Mask


def late(index: ListIndex, here: Iterable[tuple[int, AccountState]], today: date) -> Late:
    """The rows that are late. ``here``: rows of which something was recorded, with where their accounts stand."""
    is_late = (index.due_on != NOT_KNOWN) & (index.due_on < number_of(today))
    recorded = np.zeros(len(index.owners.labels), dtype=bool)
    for place, state in here:
        recorded[index.owners.codes[place]] = True
        if is_late[place]:
            is_late[place] = is_left_undone(state, day_of(int(index.listed_since[place])))
    is_recorded = recorded[index.owners.codes]
    return Late(np.flatnonzero(is_late & is_recorded), np.flatnonzero(is_late & ~is_recorded), recorded)


def sort_of(index: ListIndex, query: ListQuery) -> Sort:
    """The order asked for; if none is, that in which the list is ranked."""
    return Sort(query.sort) if query.sort else _BY_COLUMN[index.listing.manifest["rank_by"]]


def rows(index: ListIndex, places: Places, query: ListQuery, desk: Desk) -> tuple[ListRow, ...]:
    """What the list says of these rows."""
    states = [say_state(desk.states.get(account, AccountState())) for account in index.ids.take(places).to_pylist()]
    ranks = index.stake_rank if sort_of(index, query) is Sort.STAKE else index.rank
    plays = index.listing.manifest["plays"]
    return tuple(
        ListRow(
            rank=int(ranks[place]) or None,
            previous_rank=int(index.previous_rank[place]) or None if ranks is index.rank else None,
            account_id=index.ids[place].as_py(),
            name=index.names[place].as_py(),
            owner=None if (owner := index.owners.at(place)) == NO_OWNER else owner,
            segment=say_name(index.segments.at(place) or ""),
            propensity=float(index.propensity[place]),
            likely_range=(float(index.low[place]), float(index.high[place])),
            band=BANDS[index.band[place]],
            trend=TRENDS[index.trend[place]],
            expected_arr=float(index.expected_arr[place]),
            motion=index.motions.at(place) or "",
            play=plays[index.plays.at(place)]["name"],
            play_code=index.plays.at(place) or "",
            act_by=index.day(index.act_by, place),
            mark=index.top.marks.at(place) or "",
            top=index.top.texts[place].as_py(),
            under=index.under.at(place),
            because=gates_of(index, place),
            not_judged=index.not_judged.at(place) or "",
            renews_on=index.day(index.renews_on, place),
            last_contact_on=index.day(index.last_contact_on, place),
            state=state,
            at_odds=at_odds(int(index.rank[place]), int(index.stake_rank[place]), index.places)
            if index.is_ranked[place]
            else "",
        )
        for place, state in zip(places.tolist(), states, strict=True)
    )


def say_state(state: AccountState) -> str:
    """Where an account stands, with the day until which it waits, or the reason that was given."""
    until = f" until {say_day(state.until)}" if state.until else ""
    reason = state.row.reason if state.row is not None and state.state == DISQUALIFIED else None
    return f"{STATES[state.state]}{until}" + (f": {REASONS.get(reason, reason)}" if reason else "")


def gates_of(index: ListIndex, place: int) -> tuple[str, ...]:
    """The gates that an account did not pass, in words."""
    codes = index.gates.at(place)
    return tuple(map(gate_label, codes.split(";"))) if codes else ()


def found_by(index: ListIndex, query: PageQuery, among: Mask) -> Mask:
    """The rows of these that have the text and the owner which every page of accounts can be asked for."""
    held = among & index.holding(query.q) if query.q.strip() else among.copy()
    return held & index.owners.equals(query.owner) if query.owner else held


def _filtered(index: ListIndex, query: ListQuery) -> Mask:
    held = found_by(index, query, np.ones(len(index), dtype=bool))
    columns = {"segment": index.segments, "motion": index.kinds, "play": index.plays}
    for name, column in columns.items():
        if asked := getattr(query, name):
            held &= column.equals(asked)
    return held & (index.band == BANDS.index(Band(query.band))) if query.band else held


def _in_state(index: ListIndex, query: ListQuery, desk: Desk, seen: Mask) -> Mask:
    """The rows in the state asked for."""
    if not query.state:
        return seen
    places = np.flatnonzero(seen)
    held = np.zeros(len(index), dtype=bool)
    held[places] = [state == query.state for state in states_of(index, places, desk)]
    return held


def _shown(index: ListIndex, query: ListQuery) -> Mask:
    if query.show is Shown.ALL:
        return np.ones(len(index), dtype=bool)
    return index.is_ranked if query.show is Shown.RANKED else ~index.is_ranked


def _in_order(index: ListIndex, through: Mask, query: ListQuery) -> Places:
    """These rows in the order asked for."""
    ordered = index.orders[sort_of(index, query)]
    return ordered[through[ordered]].astype(np.int64)


def _tiles(index: ListIndex, through: Mask) -> Tiles:
    ranked = through & index.is_ranked
    first = number_of(index.listing.snapshot_date)
    near = (index.renews_on >= first) & (index.renews_on < first + RENEWAL_DAYS)
    of_band = np.bincount(index.band[ranked], minlength=len(BANDS))
    of_kind = np.bincount(index.kinds.codes[ranked], minlength=len(KINDS))
    kinds = zip(index.kinds.labels, of_kind.tolist(), strict=True)
    return Tiles(
        ranked=int(ranked.sum()),
        apart=int((through & ~index.is_ranked).sum()),
        expected_arr=float(np.nansum(index.expected_arr[ranked])),
        expected_range=expected_range(index.listing) if (ranked == index.is_ranked).all() else (np.nan, np.nan),
        bands=tuple(Tile(band, band.capitalize(), count) for band, count in zip(BANDS, of_band.tolist(), strict=True)),
        motions=tuple(Tile(code, KIND_WORDS[code], count) for code, count in kinds if count),
        renewals=int((ranked & near).sum()),
    )


def _options(index: ListIndex, seen: Mask, query: ListQuery) -> dict[str, Options]:
    plays = index.listing.manifest["plays"]
    of_list: dict[str, list[tuple[str, str]]] = {
        "owner": [(owner, owner) for owner in index.owners.among(seen)],
        "segment": [(segment, say_name(segment)) for segment in index.segments.among(seen)],
        "motion": [(kind, KIND_WORDS[kind]) for kind in index.kinds.among(seen)],
        "play": [(code, plays[code]["name"]) for code in index.plays.among(seen)],
        "band": [(band.value, band.capitalize()) for band in BANDS],
        "state": list(STATES.items()),
    }
    return {name: options_with(options, str(getattr(query, name))) for name, options in of_list.items()}


def options_with(options: list[tuple[str, str]], asked: str) -> Options:
    """What a filter can be set to, with what it is set to where this list has no such value: so that it is seen."""
    is_there = not asked or asked in dict(options)
    return (*options, *([] if is_there else [(asked, f"{asked} (none on this list)")]))
