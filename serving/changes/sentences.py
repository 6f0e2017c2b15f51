"""Why an account changed since the last published list, in short sentences: each number stands in the tables."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.score_change import LEAST_LOG_ODDS, REST, NotSplit
from serving.ranking.amounts import say_money
from serving.reasons.formats import say_day, say_propensity
from serving.reasons.playbook import Playbook

Pair = tuple[str, str]
"""The names of the two that weigh most, the larger first; empty where there is none."""

NEW = NotSplit.NEW.value
MOST_WORDS = 22
"""Of one sentence."""
SMALL_CHANGES, CALIBRATION = "many small changes", "an adjustment for all accounts"
RANKED_BY = {"propensity": "likelihood", "expected_arr": "expected ARR"}
UNKNOWN = {
    NotSplit.MODEL_NOT_FOUND.value: "Why is not known: the model of that list is no longer there.",
    NotSplit.FEATURES_MISSING.value: "Why is not known: the source no longer gives all that the model of that list "
    "asks for.",
}


@dataclass(frozen=True)
class About:
    """What all sentences of a list share.

    ``previous_date``: the day of the last published list, None if there is none. ``titles``: reason code to title.
    ``replaced_by``: what took the place of its model, in words; empty if nothing did. ``rank_by`` is what this list is
    ranked by, ``previous_rank_by`` the last one.
    """

    previous_date: date | None
    titles: Mapping[str, str]
    rank_by: str
    previous_rank_by: str
    currency: str
    replaced_by: str = ""


def titles(catalogue: Mapping[str, FeatureCard], playbook: Playbook) -> dict[str, str]:
    """What each reason code is called."""
    return {card.reason_code: playbook.title(card) for card in catalogue.values()}


class _Fact(NamedTuple):
    """One account: the columns of ``facts`` that its sentence needs. A rank that is not there is None."""

    because: str
    rank: int | None
    propensity: float
    expected_arr: float
    previous_rank: int | None
    previous_propensity: float
    previous_expected_arr: float
    held_out: bool
    previous_held_out: bool
    rank_change: int | None
    rank_came: int | None
    rank_left: int | None
    rank_moved: int | None


def sentences(facts: pd.DataFrame, reasons: pd.DataFrame, about: About) -> list[str]:
    """What is said of each row of ``facts``, which has one row per account: sentences of at most MOST_WORDS words.

    ``facts``: account_id, because, model, calibration, rank, propensity, expected_arr, held_out, the last four also as
    ``previous_``, rank_change, rank_came, rank_left, rank_moved. ``reasons``: account_id, reason_code, log_odds.
    """
    if about.previous_date is None:
        return ["This is the first list: there is no earlier one to compare with."] * len(facts)
    day = say_day(about.previous_date)
    rows = map(_Fact, *(_plain(facts[name]) for name in _Fact._fields))
    weighing = zip(rows, *_weighing(facts, reasons, about), strict=True)
    return [_sentence(row, raised, lowered, day, about) for row, raised, lowered in weighing]


def _plain(values: pd.Series) -> list[Any]:
    """Whole numbers as such, missing ones as None."""
    if values.dtype == "Int64":
        missing, whole = values.isna().to_numpy(), values.fillna(0).to_numpy(np.int64).tolist()
        return [None if gone else value for gone, value in zip(missing, whole, strict=True)]
    return values.tolist()


def _sentence(row: _Fact, raised: Pair, lowered: Pair, day: str, about: About) -> str:
    if row.because == NEW:
        return f"New since {day}{f', and {_away(row)}' * (row.rank is None)}."
    head, clauses = _places(row, day), []
    if about.rank_by == "expected_arr":
        clauses.append(_amounts(row.previous_expected_arr, row.expected_arr, about))
    before, now = say_propensity(row.previous_propensity), say_propensity(row.propensity)
    went = "up" if row.propensity > row.previous_propensity else "down"
    clauses.append(f"likelihood unchanged ({now})" if before == now else f"likelihood {went} from {before} to {now}")
    is_comparable = about.rank_by == about.previous_rank_by
    told = _joined(head, [*clauses, *(_others(row) if is_comparable else ())])
    if not is_comparable:
        told.append(f"The list is now ranked by {RANKED_BY[about.rank_by]}.")
    if row.because:
        told.append(UNKNOWN[row.because])
    elif before != now:
        up, down = ("raised", raised), ("lowered", lowered)
        told += _most(*((up, down) if went == "up" else (down, up)))
    return " ".join(told)


def _joined(head: str, clauses: list[str]) -> list[str]:
    """One sentence, or several where one would be too long."""
    told = [f"{head}: {clauses[0]}"]
    for clause in clauses[1:]:
        longer = f"{told[-1]}, {clause}"
        if len(longer.split()) <= MOST_WORDS:
            told[-1] = longer
        else:
            told.append(_capital(clause))
    return [f"{sentence}." for sentence in told]


def _most(main: tuple[str, Pair], against: tuple[str, Pair]) -> Iterator[str]:
    """What moved the likelihood its way, and what moved it most the other way."""
    (verb, (first, second)), (other_verb, (other, _)) = main, against
    if first:
        yield f"{_capital(verb)} it most: {first}{f', then {second}' * bool(second)}."
    if other:
        yield f"{_capital(other_verb)} it: {other}."


def _places(row: _Fact, day: str) -> str:
    """Where it stands and stood. Who was held out did not fail a gate, and nothing is told of it beyond the tables."""
    before, rank = row.previous_rank, row.rank
    if before is None and rank is None:
        return f"{_capital(_away(row))}{f', as on {day}' * (row.held_out == row.previous_held_out)}"
    if before is None:
        return f"On the list now{f', set apart on {day}' * (not row.previous_held_out)}"
    if rank is None:
        return f"At {before} on {day}, now {_away(row)}"
    if before == rank:
        return f"Still at {rank}"
    return f"{'Up' if rank < before else 'Down'} from {before}"


def _away(row: _Fact) -> str:
    """Why it has no rank."""
    return "held out" if row.held_out else "set apart"


def _amounts(before: float, now: float, about: About) -> str:
    was, is_now = say_money(before, about.currency), say_money(now, about.currency)
    if was == is_now:
        return f"expected ARR unchanged ({is_now})"
    went = "" if math.isnan(before) or math.isnan(now) else " up" if now > before else " down"
    return f"expected ARR{went} from {was} to {is_now}"


def _others(row: _Fact) -> Iterator[str]:
    """What the other accounts did, as far as it went the way that the rank went."""
    change = row.rank_change or 0
    if row.rank_left and change < 0:
        yield f"{_accounts(-row.rank_left)} above it left"
    if row.rank_came and change > 0:
        yield f"{_accounts(row.rank_came)} came in above it"
    if row.rank_moved and row.rank_moved * change > 0:
        count, where = abs(row.rank_moved), "moved past" if change > 0 else "fell behind"
        yield f"on balance {'another' if count == 1 else f'{count:,} others'} {where} it"


def _accounts(count: int) -> str:
    return "an account" if count == 1 else f"{count:,} accounts"


def _weighing(facts: pd.DataFrame, reasons: pd.DataFrame, about: About) -> tuple[list[Pair], list[Pair]]:
    """What raised and what lowered the propensity of each account most."""
    names = {code: _within(title) for code, title in about.titles.items()} | {REST: SMALL_CHANGES}
    codes, known = pd.factorize(reasons["reason_code"])
    words = [*(names[str(code)] for code in known), about.replaced_by or "the model", CALIBRATION, ""]
    ids = pd.Index(facts["account_id"].astype("str"))
    every = np.arange(len(facts))
    row = np.concatenate([ids.get_indexer(pd.Index(reasons["account_id"].astype("str"))), every, every])
    name = np.concatenate([codes, np.full(len(facts), len(known)), np.full(len(facts), len(known) + 1)])
    size = np.concatenate([frame.to_numpy(np.float64) for frame in
                           (reasons["log_odds"], facts["model"], facts["calibration"])])  # fmt: skip
    both = (_strongest(row, sizes, name, len(facts)) for sizes in (size, -size))
    raised, lowered = ([(words[first], words[second]) for first, second in pairs] for pairs in both)
    return raised, lowered


def _strongest(
    row: npt.NDArray[np.int64], size: npt.NDArray[np.float64], name: npt.NDArray[np.int64], count: int
) -> list[list[int]]:
    """The names (numbers) of the two largest sizes of each row; -1 where there are fewer."""
    large = np.flatnonzero((size >= LEAST_LOG_ODDS) & (row >= 0))
    large = large[np.lexsort((-size[large], row[large]))]
    first = np.diff(row[large], prepend=-1) != 0
    second = np.r_[False, first][: len(first)] & ~first
    pairs = np.full((count, 2), -1)
    for place, these in enumerate((first, second)):
        pairs[row[large[these]], place] = name[large[these]]
    chosen: list[list[int]] = pairs.tolist()
    return chosen


def _within(title: str) -> str:
    """A title inside a sentence: abbreviations stay as they are."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
