"""Why an account changed since the last published list, in one sentence: each number stands in the published tables."""

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
from serving.reasons.formats import money, say_day, say_propensity
from serving.reasons.playbook import Playbook

Pair = tuple[str, str]
"""The names of the two that weigh most, the larger first; empty where there is none."""

NEW = NotSplit.NEW.value
SMALL_CHANGES = "many small changes"
RANKED_BY = {"propensity": "propensity", "expected_arr": "expected ARR"}
UNKNOWN = {
    NotSplit.MODEL_NOT_FOUND.value: "why is not known, as the model of that list is no longer there",
    NotSplit.FEATURES_MISSING.value: "why is not known, as the source no longer gives all that the model of that list "
    "asks for",
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
    change: float
    rank: int | None
    propensity: float
    expected_arr: float
    previous_rank: int | None
    previous_propensity: float
    previous_expected_arr: float
    rank_change: int | None
    rank_came: int | None
    rank_left: int | None
    rank_moved: int | None


def sentences(facts: pd.DataFrame, reasons: pd.DataFrame, about: About) -> list[str]:
    """One sentence per row of ``facts``, which has one row per account.

    ``facts``: account_id, because, change, model, calibration, rank, propensity, expected_arr, the last three also as
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
        return f"Not in the base on {day}, now {_standing(row.rank)}."
    head = _places(row.previous_rank, row.rank, day)
    if about.rank_by == "expected_arr":
        head += _from_to(
            "expected ARR", *(_amount(value, about) for value in (row.previous_expected_arr, row.expected_arr))
        )
    head += _from_to("propensity", say_propensity(row.previous_propensity), say_propensity(row.propensity))
    if row.because:
        return f"{head}: {UNKNOWN[row.because]}."
    up, down = ("raised", raised), ("lowered", lowered)
    why = "; ".join([*_most(*((up, down) if row.change >= 0 else (down, up))), *_others(row, about)])
    return f"{head}: {why}." if why else f"{head}."


def _most(main: tuple[str, Pair], against: tuple[str, Pair]) -> Iterator[str]:
    """What moved the propensity its way, and what moved it most the other way."""
    (verb, (first, second)), (other_verb, (other, _)) = main, against
    if first:
        yield f"{first} {verb} it most" + f", then {second}" * bool(second)
    if other:
        yield f"{other} {other_verb} it"


def _places(before: int | None, rank: int | None, day: str) -> str:
    if before is None or rank is None:
        was, now = _standing(before), _standing(rank)
        return f"{_capital(now)}, as on {day}" if was == now else f"{_capital(was)} on {day}, now {now}"
    if before == rank:
        return f"Still at rank {rank}"
    return f"{'Up' if rank < before else 'Down'} from rank {before} to {rank}"


def _standing(rank: int | None) -> str:
    return "set apart" if rank is None else f"at rank {rank}"


def _from_to(what: str, before: str, now: str) -> str:
    return f", {what} still {now}" if before == now else f", {what} from {before} to {now}"


def _amount(value: float, about: About) -> str:
    return "not known" if math.isnan(value) else money(round(value), about.currency)


def _others(row: _Fact, about: About) -> Iterator[str]:
    """What the other accounts did, as far as it went the way that the rank went."""
    if about.rank_by != about.previous_rank_by:
        yield f"the list is now ranked by {RANKED_BY[about.rank_by]}"
        return
    change = row.rank_change or 0
    if row.rank_left and change < 0:
        yield f"{_accounts(-row.rank_left)} ahead of it left the list"
    if row.rank_came and change > 0:
        yield f"{_accounts(row.rank_came)} came onto the list ahead of it"
    if row.rank_moved and row.rank_moved * change > 0:
        count, where = abs(row.rank_moved), "moved ahead of" if change > 0 else "fell behind"
        yield f"on balance {count:,} other{'s' * (count != 1)} {where} it"


def _accounts(count: int) -> str:
    return f"{count:,} account{'s' * (count != 1)}"


def _weighing(facts: pd.DataFrame, reasons: pd.DataFrame, about: About) -> tuple[list[Pair], list[Pair]]:
    """What raised and what lowered the propensity of each account most."""
    names = {code: _within(title) for code, title in about.titles.items()} | {REST: SMALL_CHANGES}
    codes, known = pd.factorize(reasons["reason_code"])
    words = [*(names[str(code)] for code in known), about.replaced_by or "the model", "the calibration", ""]
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
