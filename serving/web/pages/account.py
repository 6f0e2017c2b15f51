"""One account: how likely, why, since when, what to do about it, and what was done."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np

from data.contract.outputs import AGAINST, CONTRADICTS, FOR
from data.contract.vocabulary import MOTIONS, folded
from data.errors import PublishError
from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import standing
from serving.published.read import PublishedList
from serving.ranking.amounts import say_money
from serving.ranking.gates import gate_label
from serving.reasons.formats import say_day, say_name
from serving.reasons.playbook import Play
from serving.reasons.tellings import PREFIX
from serving.render.entries import MOTION_WORDS, Why, label_of, say_range, say_texts
from serving.render.firing import Firing, firings
from serving.web.drawing import Bar, line, waterfall
from serving.web.index import ListIndex
from serving.web.lists import LookedBack
from serving.web.pages.account_facts import AccountFacts, account_facts
from serving.web.pages.my_list import Desk, ListRow, place_for, rows
from serving.web.pages.signals import Signal, signals_of
from serving.web.query import ListQuery
from serving.web.ready import OF_AN_ACCOUNT, OF_ITS_PAST

OTHER = "other"
"""Reasons that no list shows."""
BASE, REST, TOTAL = "Where every account begins", "All else that is known", "This account"
PART_DECIMALS = 3
"""Of the log-odds of a part, as the page prints it: who adds up what is printed comes to what is printed."""
WEEK, YEAR = timedelta(days=7), timedelta(days=365)


@dataclass(frozen=True)
class WeighedReason:
    """A reason in words, and what it adds to the log-odds. ``signal``: what it rests on; None where no year is told."""

    why: Why
    log_odds: float
    signal: Signal | None


@dataclass(frozen=True)
class MotionChance:
    """How likely one motion is; NaN where it is not known, and then why."""

    motion: str
    propensity: float
    why_not: str


@dataclass(frozen=True)
class PlayCard:
    """The play of an account: what to say and do, and what would speak against it, as it is meant for this account.

    ``step``: from which plan to which it leads, or from which product to which; empty where it is neither.
    """

    name: str
    label: str
    step: str
    opening: str | None
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    who: str
    act_by: date | None


@dataclass(frozen=True)
class PastPlace:
    """Where an account stood on an earlier list, or on this one. ``rank`` is None where it was not ranked.

    ``arr``, ``seats``: what it had then, NaN where that is not known; ``use_by_week``: the weeks up to the list, the
    oldest first; ``change``: what changed since the list before, in words.
    """

    day: date
    rank: int | None
    propensity: float
    owner: str | None
    model_version: str
    arr: float
    seats: float
    use_by_week: tuple[float, ...]
    change: str


@dataclass(frozen=True)
class Tenure:
    """An owner, and the first and the last list on which the account was theirs."""

    owner: str | None
    first: date
    last: date


@dataclass(frozen=True)
class AccountPage:
    """All that is known of an account of the latest list. ``parts`` sum to its log-odds, the first being the base.

    ``use``: by the last day of a week, what was used in it, of the last year as far as the lists tell, and drawn.
    ``unread``: the lists that could not be read, and why; ``firing``: the triggers that fire; ``done``: what was done
    so far, the latest first; None where nothing is recorded; ``counting``: the numbers of the rows of it that were not
    corrected since. ``known``: its contract lines, people and tickets; None
    where the list has none.
    """

    row: ListRow
    motions: tuple[MotionChance, ...]
    reasons: Mapping[str, tuple[WeighedReason, ...]]
    firing: tuple[Firing, ...]
    parts: tuple[Bar, ...]
    play: PlayCard
    not_checked: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    use_by_week: tuple[float, ...]
    past: tuple[PastPlace, ...]
    unread: Mapping[date, str]
    drawn: tuple[tuple[float, float], ...]
    use: tuple[tuple[date, float], ...]
    use_drawn: tuple[tuple[float, float], ...]
    owners: tuple[Tenure, ...]
    done: tuple[RecordedOutcome, ...] | None
    counting: frozenset[int]
    known: AccountFacts | None

    @property
    def has_signals(self) -> bool:
        """Is the signal behind any reason drawn?"""
        return any(reason.signal for reasons in self.reasons.values() for reason in reasons)


def account_page(index: ListIndex, past: LookedBack, account_id: str, desk: Desk) -> AccountPage | None:
    """The page of an account; None where the list has no such account, or it may not be seen.

    ``past``: the lists to look back at. Raises PublishError where the list itself cannot be read.
    """
    place = place_for(index, account_id, desk.sight)
    if place is None:
        return None
    row = rows(index, np.array([place]), ListQuery(), desk)[0]
    listing = index.listing
    score = _told(listing, "scores", account_id)[0]
    reasons = _told(listing, "reasons", account_id)
    places, unread = _places(past, account_id)
    use = use_by_week(places)
    done = None if desk.work is None else desk.work.history(account_id)
    return AccountPage(
        row=row,
        motions=tuple(_motions(score, listing.manifest)),
        reasons=_by_effect(reasons, signals_of(listing, account_id)),
        firing=firings(
            _told(listing, "triggers", account_id),
            listing.manifest.get("triggers", {}),
            listing.snapshot_date,
        ),
        parts=parts_of(score["base_log_odds"], reasons, score["log_odds"]),
        play=_play(listing, row, score),
        not_checked=tuple(map(gate_label, listing.manifest.get("gates_not_evaluated", ()))),
        facts=tuple(_facts(score, row, listing.manifest["serving"]["currency"])),
        use_by_week=_weeks(score["use_by_week"]),
        past=tuple(reversed(places)),
        unread=unread,
        drawn=tuple(line([past.day for past in places], [past.propensity for past in places])),
        use=use,
        use_drawn=tuple(line([day for day, _ in use], [week for _, week in use])),
        owners=_tenures(places),
        done=None if done is None else tuple(reversed(done)),
        counting=frozenset(row.id for row, _ in standing(done or ())),
        known=account_facts(listing, account_id),
    )


def _told(listing: PublishedList, table: str, account_id: str) -> list[dict[str, Any]]:
    return listing.of_account(table, account_id, OF_AN_ACCOUNT[table])


def parts_of(base: float, reasons: Iterable[Mapping[str, Any]], log_odds: float) -> tuple[Bar, ...]:
    """The way from the model's base to the log-odds of an account, story by story, the heaviest first.

    ``reasons``: rows with title, effect, story, reason_code and shap_log_odds, the strongest first. What no reason
    tells stands in one part, so that the parts sum to the log-odds, as they are printed too. What contradicts a
    declared direction is told nowhere and is in that part too.
    """
    sizes: dict[str, float] = defaultdict(float)
    titles: dict[str, str] = {}
    for reason in reasons:
        if reason["effect"] != CONTRADICTS:
            story = reason["story"] or reason["reason_code"]
            sizes[story] += reason["shap_log_odds"]
            titles.setdefault(story, reason["title"])
    told = ((titles[story], _printed(size)) for story, size in sizes.items())
    parts = sorted(told, key=lambda part: -abs(part[1]))
    begins, ends = _printed(base), _printed(log_odds)
    rest = _printed(ends - begins - math.fsum(size for _, size in parts))
    return waterfall((BASE, begins), [*parts, (REST, rest)], (TOTAL, ends))


def _printed(size: float) -> float:
    """A part as the page prints it, without a sign where it is nothing."""
    return round(size, PART_DECIMALS) + 0.0


def _by_effect(
    reasons: Iterable[Mapping[str, Any]], signals: Mapping[str, Signal]
) -> dict[str, tuple[WeighedReason, ...]]:
    """The reasons under ``for``, ``against`` and ``other``, the strongest first. ``other``: those no list shows."""
    made: dict[str, list[WeighedReason]] = {FOR: [], AGAINST: [], OTHER: []}
    for reason in reasons:
        effect = reason["effect"]
        if effect == CONTRADICTS:
            continue
        shown = effect in made if reason["shown"] is None else reason["shown"]
        why = Why(reason["title"], reason["text"].removeprefix(PREFIX[effect]), effect, reason["actionable"], shown)
        weighed = WeighedReason(why, reason["shap_log_odds"], signals.get(reason["reason_code"]))
        made[effect if shown and effect in made else OTHER].append(weighed)
    return {effect: tuple(told) for effect, told in made.items()}


def _motions(score: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[MotionChance]:
    withheld = manifest.get("withheld", {})
    for motion in MOTIONS:
        value = score[f"propensity_{motion}"]
        is_known = value is not None and not math.isnan(value)
        why_not = "" if is_known else withheld.get(motion, "it is not known of this account")
        yield MotionChance(MOTION_WORDS[motion], value if is_known else math.nan, why_not)


def _play(listing: PublishedList, row: ListRow, score: Mapping[str, Any]) -> PlayCard:
    stated = listing.manifest["plays"][score["play"]]
    meant = _told(listing, "account_plays", row.account_id)
    step, form = (meant[0]["step"], meant[0]["form"]) if meant else (None, "")
    play = Play.model_validate(stated).forms[form].model_dump(mode="json") if form else stated
    told = {"Do": "what_to_do", "Offer": "offer", "Show": "show", "Not when": "not_when", "Hand-over": "hand_over"}
    parts = [(name, tuple(say_texts(play.get(part)))) for name, part in told.items()]
    return PlayCard(
        name=play["name"],
        label=label_of(play),
        step=" to ".join(say_name(end) for end in step.split(" > ")) if step else "",
        opening=score["opening"],
        parts=tuple((name, texts) for name, texts in parts if texts),
        who=play["owner_role"],
        act_by=row.act_by,
    )


def _facts(score: Mapping[str, Any], row: ListRow, currency: str) -> Iterator[tuple[str, str]]:
    """What the account has now and what it may come to, as far as it is known."""
    if score["plan"]:
        yield "Plan", ", ".join(map(say_name, score["plan"].split(",")))
    if score["group_name"]:
        yield "Group of companies", score["group_name"]
    if score["open_seats"] is not None and not math.isnan(score["open_seats"]):
        yield "Seats", f"{score['open_seats']:,.0f}"
    yield "ARR now", say_money(_number(score["arr"]), currency)
    yield "Renews", say_day(row.renews_on) if row.renews_on else "no day is known"
    yield "Last contact", say_day(row.last_contact_on) if row.last_contact_on else "none is known within half a year"
    yield "Expected ARR", say_money(row.expected_arr, currency)
    for name, column in (("Accounts alike", "expected_arr"), ("If it expands", "arr_if_expands")):
        low, high = _number(score[f"{column}_low"]), _number(score[f"{column}_high"])
        if between := say_range(low, high, currency):
            yield name, f"{between}, four times in five"


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _places(past: LookedBack, account_id: str) -> tuple[list[PastPlace], dict[date, str]]:
    """Where the account stood on each list that has it, and why of the others that cannot be read."""
    places: list[PastPlace] = []
    unread = dict(past.unread)
    for listing in past.lists:
        try:
            places += _places_on(listing, account_id)
        except PublishError as error:
            unread[listing.snapshot_date] = error.clause
    return places, unread


def _places_on(listing: PublishedList, account_id: str) -> list[PastPlace]:
    scores = listing.of_account("scores", account_id, OF_ITS_PAST["scores"])
    changes = listing.of_account("changes", account_id, OF_ITS_PAST["changes"]) if scores else []
    text = changes[0]["text"] if changes else ""
    return [
        PastPlace(
            listing.snapshot_date,
            rank=score["rank"],
            propensity=score["propensity"],
            owner=score["owner"],
            model_version=score["model_version"],
            arr=_number(score["arr"]),
            seats=_number(score["open_seats"]),
            use_by_week=_weeks(score["use_by_week"]),
            change=text,
        )
        for score in scores
    ]


def use_by_week(places: Sequence[PastPlace]) -> tuple[tuple[date, float], ...]:
    """The use of the last year, week by week, put together from the weeks of each list: the earliest first.

    ``places``: the earliest first. Weeks that overlap one of an earlier list are left out, so no event counts twice.
    """
    known: list[tuple[date, float]] = []
    for place in places:
        count = len(place.use_by_week)
        for number, week in enumerate(place.use_by_week, start=1):
            end = place.day - WEEK * (count - number)
            if not known or end - WEEK >= known[-1][0]:
                known.append((end, week))
    return tuple((end, week) for end, week in known if end > places[-1].day - YEAR)


def _weeks(values: Sequence[float] | None) -> tuple[float, ...]:
    return tuple(0.0 if math.isnan(week) else week for week in values or ())


def _tenures(places: Sequence[PastPlace]) -> tuple[Tenure, ...]:
    """Whose the account was, list after list."""
    runs = [list(run) for _, run in groupby(places, key=lambda place: place.owner and folded(place.owner))]
    return tuple(Tenure(run[-1].owner, run[0].day, run[-1].day) for run in runs)
