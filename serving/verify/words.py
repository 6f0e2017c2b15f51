"""What a CSM reads, row by row: nothing that contradicts its sign, no number or story twice, nothing unnamed, no
claim of a play without its fact, no sentence that is too long.

Each rule is a record: a new one is a row of ``RULES``. The rules read what was published; that a play is true is
checked against feature rows that somebody recomputed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from data.contract.details import DETAILS, DetailKind
from data.contract.outputs import ACCOUNT_PLAYS, FIRST, FOR, REASONS
from data.contract.stories import STORIES
from serving.published.context import ListContext
from serving.published.read import PublishedList
from serving.published.tables import by_whole_accounts
from serving.ranking import plays
from serving.reasons.choose import numbers_in
from serving.reasons.formats import FORMATS
from serving.reasons.render import Facts
from serving.reasons.tellings import MOST_WORDS, sentences_of, word_count
from serving.render.alike import KEY, READ, exchanged, pages_of
from serving.verify.files_and_sums import Difference, Differences

FALLS = re.compile(
    r"\b(down|decreas\w+|shrank|shrunk|halved|fell|fallen|falling|falls?|fewer|less|lower|slower|slowly|below|dropp?(?:ed|s)?|declin\w+|lost|only|few|"
    r"little|unused|nobody|no|none|not|never|nothing|neither|nor|without|0)\b(?!%)",
    re.IGNORECASE,
)
"""Words of a fall, or of what did not happen: never behind a plus."""
UNNAMED = re.compile(
    r"\b(limits?|features?|(?<!\bthe )products?|milestones?|teams?|domains?|tickets?|champions?|gap|budget)\b",
    re.IGNORECASE,
)
"""What a sentence must name where it speaks of it. ``the product`` is all that is sold, and a plain count says so."""
COUNTED = re.compile(r"\b\d[\d,]* (?:\w+ )?(?:limits?|features?|products?|teams?|tickets?|milestones?)\b")


@dataclass(frozen=True)
class Row:
    """What a CSM reads of one account: the shown reasons (``effect, story, text, named``), the opening, the change."""

    account_id: str
    reasons: list[dict[str, Any]]
    opening: str


def _told_for(row: Row) -> Iterator[dict[str, Any]]:
    """The reasons for, told in the playbook's words; a feature of the team's own is called what the team calls it."""
    return (reason for reason in row.reasons if reason["effect"] == FOR and reason["story"] in STORIES)


def _plus_before_a_fall(row: Row) -> Iterator[str]:
    for reason in _told_for(row):
        match = FALLS.search(_without_names(reason))
        if match:
            yield f"a reason for says `{match[0]}`: {reason['text']}"


def _without_names(reason: Mapping[str, Any]) -> str:
    """A sentence without what the account's own tables call things: a milestone may be named for what it ended."""
    named = reason["named"] if isinstance(reason["named"], str) else ""
    pairs = (part.partition("=") for part in named.split("; ") if part)
    names = [FORMATS["name"](value) for name, _, value in pairs if DETAILS[name].kind is DetailKind.NAME]
    return reduce(lambda text, name: text.replace(name, ""), names, reason["text"])


def _a_number_twice(row: Row) -> Iterator[str]:
    printed = Counter(number for reason in row.reasons for number in numbers_in(reason["text"]))
    for number in sorted(number for number, count in printed.items() if count > 1):
        yield f"{number} is told in two reasons"


def _a_story_twice(row: Row) -> Iterator[str]:
    for story, count in Counter(reason["story"] for reason in row.reasons).items():
        if count > 1:
            yield f"{count} reasons tell one story, {story}"


def _too_long(row: Row) -> Iterator[str]:
    for text in [reason["text"] for reason in row.reasons] + [row.opening]:
        yield from _long_sentences(text)


def _long_sentences(text: str) -> Iterator[str]:
    for sentence in sentences_of(text):
        if word_count(sentence) > MOST_WORDS:
            yield f"{word_count(sentence)} words in: {sentence}"


def _unnamed(row: Row) -> Iterator[str]:
    for reason in _told_for(row):
        spoken = UNNAMED.search(COUNTED.sub("", reason["text"]))
        if spoken and not isinstance(reason["named"], str):
            yield f"which {spoken[0]}? {reason['text']}"


RULES: Mapping[str, Callable[[Row], Iterator[str]]] = {
    "a plus before a fall": _plus_before_a_fall,
    "a number told twice": _a_number_twice,
    "two reasons of one story": _a_story_twice,
    f"a sentence over {MOST_WORDS} words": _too_long,
    "something unnamed": _unnamed,
}


ALIKE = "rows that look alike"
"""The rule about a page, beside those about a row."""


def check_words(listing: PublishedList) -> Differences:
    """What a CSM reads of every account, by ``RULES``, that no sentence of the list is too long, and that of rows that
    look alike those have given a story up that have another worth telling.
    """
    scores = listing.scores("account_id", "opening")
    openings = dict(zip(scores["account_id"], scores["opening"], strict=True))
    columns = ("account_id", "position", "effect", "story", "text", "named", "shown", "choice")
    turned = _turned(listing)
    for reasons in by_whole_accounts(listing.batches("reasons", columns)):
        shown = reasons["shown"].fillna(False).astype(bool) & reasons["text"].notna()
        yield from _of_rows(reasons[shown], openings)
        if turned is not None:
            yield from _looking_alike(reasons, turned)
        yield from _long_texts(reasons, "reasons")
    yield from _long_texts(listing.exclusions("account_id", "text"), "exclusions")
    for changes in listing.batches("changes", ("account_id", "text")):
        yield from _long_texts(changes, "changes")


def _turned(listing: PublishedList) -> pd.DataFrame | None:
    """The reasons that change places on the pages; None where nobody can say: of an older list, or with erased rows."""
    if "choice" not in listing.columns(REASONS.name) or listing.erased_ranks:
        return None
    pages = pages_of(listing.shown())
    return exchanged(listing, listing.of(REASONS.name, pages, READ), pages)


def _looking_alike(reasons: pd.DataFrame, turned: pd.DataFrame) -> Differences:
    """What is shown, or not, against the choice and what changes places."""
    is_turned = pd.MultiIndex.from_frame(reasons[list(KEY)]).isin(pd.MultiIndex.from_frame(turned[list(KEY)]))
    derived = (reasons["choice"] == FIRST).to_numpy() ^ is_turned
    shown = reasons["shown"].fillna(False).to_numpy(dtype=bool)
    for at in np.flatnonzero(shown != derived):
        account, story = reasons["account_id"].iloc[at], reasons["story"].iloc[at]
        words = {True: f"{story} is shown", False: f"{story} is not shown"}
        yield Difference(account, ALIKE, words[bool(shown[at])], words[bool(derived[at])])


def _of_rows(shown: pd.DataFrame, openings: Mapping[str, Any]) -> Differences:
    for account, rows in shown.groupby("account_id", sort=False):
        opening = openings.get(str(account))
        told = [{str(name): value for name, value in reason.items()} for reason in rows.to_dict("records")]
        row = Row(str(account), told, opening if isinstance(opening, str) else "")
        for name, rule in RULES.items():
            for found in rule(row):
                yield Difference(row.account_id, name, found, "none of it")


def _long_texts(rows: pd.DataFrame, table: str) -> Differences:
    for account, text in zip(rows["account_id"], rows["text"], strict=True):
        if not isinstance(text, str) or not text.strip():
            yield Difference(account, table, "no text", "a sentence")
            continue
        for long in _long_sentences(text):
            yield Difference(account, table, long, f"at most {MOST_WORDS}")


def check_plays(
    listing: PublishedList,
    rows: pd.DataFrame,
    reasons: pd.DataFrame,
    details: pd.DataFrame | None,
    context: ListContext,
) -> Differences:
    """Motion, play and opening against those that recomputed rows give: what a play claims is there, gates are passed.

    A play answers what is chosen of the account alone, before rows that look alike give something up.
    ``rows``, feature rows, and ``details`` are of some accounts of the list, in one order; ``reasons`` are theirs.
    """
    accounts = rows["account_id"].astype("str")
    listed = listing.scores().set_index("account_id", drop=False).reindex(accounts)
    by_account = rows.set_index("account_id", drop=False)
    facts = Facts.of(rows, [], context.users_are_daily_peaks, details, context.muted)
    passed = context.passed(by_account, details)
    alone = reasons.assign(shown=reasons["choice"] == FIRST)
    chosen = plays.choose_plays(
        listed, by_account, alone, facts, passed, context.playbook, context.settings, listed["segment"]
    )
    for name, derived in (("motion", chosen.motion), ("play", chosen.play), ("opening", chosen.opening)):
        for account in listed.index[(listed[name] != derived).to_numpy()]:
            yield Difference(account, name, repr(listed[name][account]), repr(derived[account]))
    if listing.has(ACCOUNT_PLAYS.name):
        given = listing.of(ACCOUNT_PLAYS.name, accounts).set_index("account_id").reindex(accounts)
        for name, derived in (("play", chosen.play), ("step", chosen.step), ("form", chosen.form)):
            there, again = given[name].fillna(""), derived.fillna("")
            for account in given.index[(there != again).to_numpy()]:
                yield Difference(account, f"{ACCOUNT_PLAYS.name}, {name}", repr(there[account]), repr(again[account]))
