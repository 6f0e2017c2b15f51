"""The list as people read it: one entry an account, in words, shared by the page, the Excel file and the terminal."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NO_OWNER
from data.contract.vocabulary import folded
from data.errors import SettingsError, some
from serving.outcomes.at_odds import AtOdds, of_money
from serving.published.layout import HELD_OUT
from serving.published.read import PublishedList
from serving.ranking.amounts import say_money
from serving.ranking.gates import gate_label
from serving.ranking.short_list import CHECK_IN
from serving.reasons.formats import say_day, say_name
from serving.reasons.tellings import PREFIX
from serving.render.firing import FIRING, Firing, firings
from serving.render.leading import READ, leading

WEIGHING = (FOR, AGAINST)
KNOWS_LITTLE = "The model knows little about this account: look at it yourself before you act."
ARR_IF_EXPANDS = ("arr_if_expands", "arr_if_expands_low", "arr_if_expands_high")
EXPECTED_RANGE = ("expected_arr_low", "expected_arr_high")
LIKELY_RANGE = ("propensity_low", "propensity_high")
_WHY = (*READ, "position", "title", "text", "actionable", "story")
MOTION_WORDS = {"seat": "Seats", "upsell": "Upsell", "cross_sell": "Cross-sell", "usage": "Usage"}
OWNERS_TOLD = 8
"""So many owners are named where one is unknown; more are counted."""
MARKS = {FOR: "+", AGAINST: "\N{MINUS SIGN}"}
"""What stands before a reason, by its effect; a dot before the others."""


@dataclass(frozen=True)
class Why:
    """One reason in words; ``effect`` is ``for``, ``against`` or ``neutral``, and its mark says so before the words.

    ``shown``: does a CSM see it where room is short; None in lists that do not say so. ``leads``: it is told first of
    its account, since it states what the play rests on. ``story``: what it tells; empty in lists that do not say so.
    """

    title: str
    text: str
    effect: str
    actionable: bool
    shown: bool | None = None
    leads: bool = False
    story: str = ""

    @property
    def mark(self) -> str:
        return MARKS.get(self.effect, "\N{MIDDLE DOT}")

    @property
    def heard(self) -> str:
        """What the mark says to those who do not see it."""
        return PREFIX[self.effect]


@dataclass(frozen=True)
class Entry:
    """One ranked account. ``previous_rank`` is None where it was not ranked in the previous list.

    ``since``: why its place changed since then, in one sentence; empty where it did not, or there was no list.
    ``motion`` in words, with the product of a cross-sell. ``arr_if_expands``: the mean amount if it does, and the low
    and high between which four in five lie; ``expected_range``: the low and high of expected ARR, ``likely_range``
    those of the propensity; NaN where they are not known. ``enough_reasons``: how many are asked for. ``opening``: what
    to say first. ``seats``, ``arr`` (a year): what it has now; NaN where it is not known, or not sold by seat.
    ``use_by_week``: events, the oldest week first; empty where no use is known. ``group``: the name of its group of
    companies; ``more_of_group``: how many more of that are ranked, where a short list holds one row for each group.
    ``at_odds``: that likelihood and money disagree, in words; empty where they do not. ``not_judged``: what is not
    known of it, or is to be looked at first; empty where nothing is. ``firing``: the triggers that speak for its
    motion, or against any.
    """

    rank: int
    owner_rank: int
    account_id: str
    name: str
    owner: str | None
    segment: str | None
    motion: str
    play_code: str
    play: str
    propensity: float
    expected_arr: float
    arr_if_expands: tuple[float, ...]
    expected_range: tuple[float, ...]
    likely_range: tuple[float, ...]
    act_by: date
    previous_rank: int | None
    change: str
    since: str
    reasons: tuple[Why, ...]
    enough_reasons: int
    opening: str | None = None
    plan: str | None = None
    seats: float = math.nan
    arr: float = math.nan
    renews_on: date | None = None
    use_by_week: tuple[float, ...] = ()
    group: str | None = None
    more_of_group: int = 0
    at_odds: str = ""
    not_judged: str = ""
    firing: tuple[Firing, ...] = ()

    @property
    def knows_little(self) -> bool:
        """Do fewer reasons weigh anything than are asked for, or is there none among them that a CSM can act on?"""
        weighing = [why for why in self.reasons if why.effect in WEIGHING]
        return len(weighing) < self.enough_reasons or not any(why.actionable for why in weighing)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to mind before anybody acts on it, the gravest first."""
        notes = (self.not_judged, self.at_odds, KNOWS_LITTLE if self.knows_little else "")
        return tuple(note for note in notes if note)


@dataclass(frozen=True)
class Totals:
    """The accounts of a list: all, those that are ranked and their expected ARR, and those without an owner.

    ``expected_range``: between which what comes of the ranked lies, four times in five; NaN where it is not known.
    """

    base: int
    ranked: int
    expected_arr: float
    without_owner: int
    expected_range: tuple[float, float]


@dataclass(frozen=True)
class Excluded:
    """One account that is not ranked, and why."""

    account_id: str
    name: str
    owner: str | None
    because: tuple[str, ...]
    text: str
    shown_under: str
    propensity: float


def ranked(listing: PublishedList, limit: int | None = None) -> list[Entry]:
    """The first ``limit`` ranked accounts of a list, or of an owner's book, best first."""
    scores = listing.scores("account_id", "rank").dropna(subset="rank").sort_values("rank")
    return entries(listing, scores["account_id"].head(len(scores) if limit is None else limit).tolist())


def entries(listing: PublishedList, accounts: Sequence[str]) -> list[Entry]:
    """The entries of some ranked accounts, in their order."""
    scores = listing.of("scores", accounts).set_index("account_id", drop=False).loc[list(accounts)]
    plays = listing.manifest["plays"]
    why = _whys(listing.of("reasons", accounts, _WHY), plays, scores["play"])
    moved = listing.of("changes", accounts, ("account_id", "text")).set_index("account_id")["text"].to_dict()
    fired: dict[str, list[dict[str, Any]]] = {}
    for row in _records(listing.of("triggers", accounts, FIRING)):
        fired.setdefault(row["account_id"], []).append(row)
    since = listing.manifest["previous_snapshot_date"]
    enough_reasons = listing.manifest["serving"]["reasons"]["at_least"]
    by_arr = listing.manifest["rank_by"] == "expected_arr"
    ranked_now = 0 if by_arr else int(replace(listing, owner=None).scores("eligible")["eligible"].sum())
    ranked_in_all = ranked_now + listing.erased_ranks
    made = []
    for row in _records(scores):
        before = None if pd.isna(row["previous_rank"]) else int(row["previous_rank"])
        was_held_out = row["previous_held_out"] is True  # older lists do not say
        was_apart = not pd.isna(row["previous_propensity"]) and not was_held_out
        made.append(
            Entry(
                rank=int(row["rank"]),
                owner_rank=int(row["owner_rank"]),
                account_id=row["account_id"],
                name=row["name"],
                owner=_text(row["owner"]),
                segment=_name(row["segment"]),
                motion=motion_of(plays[row["play"]], row["motion"], row["cross_sell_product"]),
                play_code=row["play"],
                play=plays[row["play"]]["name"],
                propensity=float(row["propensity"]),
                expected_arr=float(row["expected_arr"]),
                arr_if_expands=tuple(float(row[name]) for name in ARR_IF_EXPANDS),
                expected_range=tuple(float(row[name]) for name in EXPECTED_RANGE),
                likely_range=tuple(float(row[name]) for name in LIKELY_RANGE),
                act_by=row["act_by"],
                previous_rank=before,
                change=_change(int(row["rank"]), before, was_apart) if since else "",
                since=moved.get(row["account_id"], "") if since and before != int(row["rank"]) else "",
                reasons=tuple(why.get(row["account_id"], ())),
                enough_reasons=enough_reasons,
                opening=_text(row["opening"]),
                plan=_names(row["plan"]),
                seats=float(row["open_seats"]),
                arr=float(row["arr"]),
                renews_on=None if pd.isna(row["renews_on"]) else row["renews_on"],
                use_by_week=_numbers(row["use_by_week"]),
                group=_text(row["group_name"]),
                at_odds="" if by_arr else at_odds(row["rank"], row["stake_rank"], ranked_in_all),
                not_judged=_text(row["not_judged"]) or "",
                firing=_firing(listing, fired.get(row["account_id"], ()), row["motion"]),
            )
        )
    return made


def excluded(exclusions: pd.DataFrame) -> list[Excluded]:
    """These rows of a snapshot's exclusions, in their order."""
    return [
        Excluded(
            account_id=row["account_id"],
            name=row["name"],
            owner=_text(row["owner"]),
            because=tuple(map(gate_label, row["not_eligible_because"].split(";"))),
            text=row["text"],
            shown_under=row["shown_under"],
            propensity=float(row["propensity"]),
        )
        for row in _records(exclusions)
    ]


def owners(listing: PublishedList) -> pd.DataFrame:
    """One row per owner's book: ``owner, accounts, ranked, expected_arr`` (of the ranked), by name; no owner last."""
    scores = listing.scores("account_id", "owner", "eligible", "expected_arr")
    arr = scores["expected_arr"].where(scores["eligible"], 0.0)
    books = scores.assign(owner=scores["owner"].fillna(NO_OWNER), expected_arr=arr).groupby("owner", as_index=False)
    table = books.agg(accounts=("account_id", "size"), ranked=("eligible", "sum"), expected_arr=("expected_arr", "sum"))
    last = (table["owner"] == NO_OWNER).astype("int64")
    return table.assign(last=last).sort_values(["last", "owner"]).drop(columns="last").reset_index(drop=True)


def require_owner(listing: PublishedList, owner: str, asked: str) -> None:
    """Raise SettingsError unless an account of the list has that owner."""
    there = owners(listing)["owner"]
    if folded(owner) not in {name.casefold() for name in there}:
        known = some(there.tolist(), OWNERS_TOLD)
        found = f"no account has that owner; there are {known}."
        raise SettingsError(asked, found, "Give one of them with --owner.")


def totals(listing: PublishedList) -> Totals:
    """The accounts of a list, counted. The interval of what they add is known of the whole list, not of a book."""
    scores = listing.scores("owner", "eligible", "expected_arr")
    ranked = scores["eligible"]
    arr = float(scores.loc[ranked, "expected_arr"].sum())
    unowned = int(scores["owner"].isna().sum())
    return Totals(len(scores), int(ranked.sum()), arr, unowned, expected_range(listing))


def expected_range(listing: PublishedList) -> tuple[float, float]:
    """Between which what comes of all ranked lies, four times in five; NaN where it is not known, as of a book."""
    told = (listing.manifest.get("expected_arr") or {}) if listing.owner is None else {}  # older lists have none
    low, high = (float("nan") if told.get(name) is None else float(told[name]) for name in ("low", "high"))
    return low, high


def say_held_out(ranked: int, apart: int, held_out: int) -> str:
    """How the counts of a whole list sum to the base, where an experiment holds accounts out; else nothing."""
    if not held_out:
        return ""
    base = ranked + apart + held_out
    return (
        f"{ranked:,} ranked + {apart:,} set apart + {held_out:,} held out = {base:,} customers. Who is held out is "
        "drawn by chance and shown nowhere, so that it can be told what the list earns."
    )


def held_out_of(listing: PublishedList) -> str:
    """The same of a list as people see it; of an owner's book nothing."""
    counted = totals(listing)
    held_out = listing.manifest.get(HELD_OUT, 0) if listing.owner is None else 0
    return say_held_out(counted.ranked, counted.base - counted.ranked, held_out)


def best_reasons(entry: Entry, limit: int = 3) -> list[Why]:
    """The reasons to show where room is short: those that the list says a CSM sees, the one that leads first.

    Where it does not say so: the strongest for; others only where too few speak for it; if there is none among them
    that a CSM can act on, the strongest such reason that weighs takes the last place.
    """
    if any(why.shown is not None for why in entry.reasons):
        return sorted((why for why in entry.reasons if why.shown), key=lambda why: not why.leads)
    raising = [why for why in entry.reasons if why.effect == FOR]
    ordered = raising + [why for why in entry.reasons if why.effect != FOR]
    chosen = ordered[:limit]
    if not any(why.actionable for why in chosen):
        able = (why for why in ordered[limit:] if why.actionable and why.effect in WEIGHING)
        chosen[-1:] = next(([why] for why in able), chosen[-1:])
    return chosen


def further_firing(entry: Entry) -> list[Firing]:
    """The triggers of stories that no reason on the page tells, or tells the other way; the first of each story."""
    told = {(why.story, why.effect) for why in best_reasons(entry)}
    further = []
    for firing in entry.firing:
        if (firing.story, firing.effect) not in told:
            told.add((firing.story, firing.effect))
            further.append(firing)
    return further


def motion_of(play: Mapping[str, Any], motion: str, product: object = None) -> str:
    """The label of an account's motion; a play without one is there to check in."""
    return say_motion(motion, product) if play.get("motion") else CHECK_IN


def label_of(play: Mapping[str, Any]) -> str:
    """The label of a play's motion."""
    return motion_of(play, play.get("motion") or "")


def say_owner(owner: str) -> str:
    """Whose book it is, in words."""
    return "No owner" if owner == NO_OWNER else owner


def say_motion(motion: str, product: object = None) -> str:
    """A motion for people; of a cross-sell also the likeliest product, where it is known."""
    named = motion == "cross_sell" and isinstance(product, str)
    return f"{MOTION_WORDS[motion]}: {say_name(str(product))}" if named else MOTION_WORDS[motion]


def context(entry: Entry, currency: str) -> list[str]:
    """What the account has now, as far as it is known: plan, seats, ARR, the day it renews."""
    known = (
        *(entry.plan or "").split(", "),
        "" if math.isnan(entry.seats) else f"{entry.seats:,.0f} seat{'s' * (round(entry.seats) != 1)}",
        "" if math.isnan(entry.arr) else f"{say_money(entry.arr, currency)} ARR",
        f"renews {say_day(entry.renews_on)}" if entry.renews_on else "",
    )
    return [words for words in known if words]


def say_group(entry: Entry) -> str:
    """The account's group of companies, and how many more of it are ranked; empty where it is in none."""
    more = f" ({entry.more_of_group} more of it ranked)" if entry.more_of_group else ""
    return f"Group: {entry.group}{more}" if entry.group else ""


def say_texts(told: object) -> list[str]:
    """The texts of a part of a play that holds for every account: one, or several with their conditions.

    What would name an account's own numbers is left out; the account's own words are its ``opening``.
    """
    parts = told if isinstance(told, list) else [told]
    texts = [part["text"] if isinstance(part, Mapping) else part for part in parts]
    return [str(text) for text in texts if text and "{" not in str(text)]


def say_expected(value: float, currency: str) -> str:
    """The expected ARR of an account for people."""
    return "amount not known" if pd.isna(value) else f"{say_money(value, currency)} expected"


def say_range(low: float, high: float, currency: str) -> str:
    """Two amounts for people; nothing where they are not known."""
    return "" if pd.isna(low) or pd.isna(high) else f"{say_money(low, currency)} to {say_money(high, currency)}"


def _firing(listing: PublishedList, fired: Iterable[Mapping[str, Any]], motion: str) -> tuple[Firing, ...]:
    made = firings(fired, listing.manifest.get("triggers", {}), listing.snapshot_date)
    return tuple(firing for firing in made if firing.motion in (motion, None))


def _change(rank: int, before: int | None, was_apart: bool) -> str:
    if before is None:
        return "was set apart" if was_apart else "new"
    if before == rank:
        return "same"
    return f"{'up' if rank < before else 'down'} from {before}"


def at_odds(rank: int, stake_rank: int | None, of: int) -> str:
    """In words, where an account is in the first tenth of one order and the second half of the other."""
    if pd.isna(stake_rank):
        return ""
    match of_money(rank, stake_rank, of):
        case AtOdds.LIKELY:
            return f"Likely, with little at stake: place {stake_rank:,} of {of:,} by expected ARR."
        case AtOdds.STAKE:
            return f"Much at stake, yet not likely: place {rank:,} of {of:,} by likelihood."
    return ""


def _whys(reasons: pd.DataFrame, plays: Mapping[str, Mapping[str, Any]], play_of: pd.Series) -> dict[str, list[Why]]:
    """The reasons of each account, strongest first, without what contradicts a declared direction."""
    why: dict[str, list[Why]] = {}
    told = reasons[reasons["effect"] != CONTRADICTS].sort_values(["account_id", "position"])
    for row in _records(told.assign(leads=leading(told, plays, play_of))):
        seen = None if pd.isna(row["shown"]) else bool(row["shown"])
        text = row["text"].removeprefix(PREFIX[row["effect"]])
        story = _text(row["story"]) or ""
        reason = Why(row["title"], text, row["effect"], bool(row["actionable"]), seen, row["leads"], story)
        why.setdefault(row["account_id"], []).append(reason)
    return why


def _records(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    for values in zip(*(frame[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def _text(value: object) -> str | None:
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]


def _name(value: object) -> str | None:
    text = _text(value)
    return say_name(text) if text else None


def _names(value: object) -> str | None:
    """Names that a comma separates, as people write them."""
    text = _text(value)
    return ", ".join(map(say_name, text.split(","))) if text else None


def _numbers(values: Any) -> tuple[float, ...]:
    if values is None or isinstance(values, float):  # not known, as pandas has it
        return ()
    return tuple(0.0 if math.isnan(value) else float(value) for value in values)
