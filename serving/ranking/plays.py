"""Motion and play of each account: which expansion is likeliest of those that are possible, and what to do about it.

A play is given only where its facts are there. Where none of the likely motions has one, the account gets the neutral
play: to check in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.outputs import FOR
from data.contract.vocabulary import MOTIONS
from serving.ranking.gates import GateResult
from serving.reasons.playbook import Play, Playbook
from serving.reasons.render import Facts
from serving.settings import ServingSettings

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

IMPOSSIBLE = 1e6
"""Taken from the weight of a motion that cannot be, so that it wins only over others that cannot be."""

LEAST = 1e-9
"""What a default play answers at least, in log-odds: it is given where nothing else of its motion is."""

# A motion is impossible where its feature is known to say so: no seats to add to, no tier above, nothing left to buy.
_NEEDS = {"seat": "seats", "upsell": "tiers_above", "cross_sell": "products_not_owned"}


@dataclass(frozen=True)
class ChosenPlays:
    """Of each account (index: account_id): ``motion``, ``play`` by its code, and the ``opening`` in words."""

    motion: pd.Series
    play: pd.Series
    opening: pd.Series


def choose_plays(
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    reasons: pd.DataFrame,
    facts: Facts,
    passed: GateResult,
    playbook: Playbook,
    settings: ServingSettings,
) -> ChosenPlays:
    """The likeliest motion that is worth showing and has a play whose facts are there, with that play and its words.

    ``scores`` and ``rows`` (index: account_id) and ``facts`` are of the same accounts, in the same order; ``reasons``
    are theirs. Of the plays of a motion that are true, the one that answers the most of what is shown for the account;
    of equals the earlier. Where none is true and answers anything: the neutral one, and the likeliest possible motion.
    """
    weights, worth = _motions(scores, rows, reasons, passed, playbook, settings)
    said = {code: facts.first(play.openings) for code, play in playbook.plays.items()}
    answered = _answered(scores.index, reasons, playbook)
    fits = {
        code: np.where(_is_true(play, facts) & (said[code] >= 0), answered[code], 0.0)
        for code, play in playbook.plays.items()
    }
    best = np.full((facts.size, len(MOTIONS)), playbook.neutral_play, dtype=object)
    for number, name in enumerate(MOTIONS):
        plays = list(playbook.plays_of(name))
        of_motion = np.column_stack([np.zeros(facts.size), *(fits[code] for code in plays)])
        best[:, number] = np.array([playbook.neutral_play, *plays], dtype=object)[of_motion.argmax(axis=1)]
    able = worth & (best != playbook.neutral_play)
    motion = np.where(able.any(axis=1), np.where(able, weights, -np.inf).argmax(axis=1), weights.argmax(axis=1))
    places = np.arange(facts.size)
    codes = np.where(able[places, motion], best[places, motion], playbook.neutral_play)
    return ChosenPlays(
        motion=pd.Series(np.array(MOTIONS, dtype=object)[motion], index=scores.index, dtype="str"),
        play=pd.Series(codes, index=scores.index, dtype="str"),
        opening=pd.Series(_openings(codes, said, facts, playbook, settings.currency), index=scores.index, dtype="str"),
    )


def _motions(
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    reasons: pd.DataFrame,
    passed: GateResult,
    playbook: Playbook,
    settings: ServingSettings,
) -> tuple[Floats, Mask]:
    """Accounts x motions: the weight by which they are ordered, and which may be shown.

    By ``propensity_<motion>``; where the model gives none, by how well its plays fit the reasons for the account.
    Cross-sell waits until the first product is adopted. Ties: the order of ``MOTIONS``.
    """
    possible = np.column_stack([_possible(motion, rows, passed) for motion in MOTIONS])
    likely = np.column_stack([_numbers(scores, f"propensity_{motion}") for motion in MOTIONS])
    given = ~np.isnan(likely)
    is_given = given.any(axis=1, keepdims=True)
    weights = np.where(is_given, np.where(given, likely, -1.0), _fit_to_reasons(scores.index, reasons, playbook))
    worth = possible & (~is_given | (np.nan_to_num(likely) >= settings.min_motion_propensity))
    # Likelihood decides, then the fit to the reasons, then the order; an impossible motion only if there is no other.
    return np.where(possible, weights, weights - IMPOSSIBLE), worth


def _possible(motion: str, rows: pd.DataFrame, passed: GateResult) -> Mask:
    if motion == "usage":
        return _numbers(rows, "billed_365d") > 0
    possible = np.full(len(rows), "mrr" in rows)  # without subscriptions there is nothing but usage to expand
    if motion in _NEEDS and _NEEDS[motion] in rows:
        values = rows[_NEEDS[motion]].to_numpy(np.float64)
        possible = ~(np.nan_to_num(values, nan=0.0 if motion == "seat" else 1.0) <= 0)
    if motion == "cross_sell":
        possible &= passed.cross_sell_ready.to_numpy()
    return possible


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(np.float64) if name in frame else np.full(len(frame), np.nan)


def _fit_to_reasons(accounts: pd.Index, reasons: pd.DataFrame, playbook: Playbook) -> Floats:
    """Accounts x motions: log-odds of the reasons for the account that a play of the motion answers."""
    raising = reasons[reasons["effect"] == FOR]
    totals = []
    for motion in MOTIONS:
        codes = {code for play in playbook.plays_of(motion).values() for code in play.reasons}
        totals.append(_weight_of(codes, accounts, raising))
    return np.column_stack(totals)


def _answered(accounts: pd.Index, reasons: pd.DataFrame, playbook: Playbook) -> Mapping[str, Floats]:
    """By play, the log-odds of what is shown for each account that the play answers."""
    shown = reasons[(reasons["effect"] == FOR) & reasons["shown"]]
    return {
        code: np.maximum(_weight_of(set(play.reasons), accounts, shown), LEAST if play.default else 0.0)
        for code, play in playbook.plays.items()
    }


def _weight_of(codes: set[str], accounts: pd.Index, reasons: pd.DataFrame) -> Floats:
    fitting = reasons[reasons["reason_code"].isin(codes)]
    total = fitting.groupby("account_id")["shap_log_odds"].sum().reindex(accounts, fill_value=0.0)
    return total.to_numpy(np.float64)


def _is_true(play: Play, facts: Facts) -> Mask:
    """The accounts of which the play's facts hold, and its bars do not."""
    none = np.zeros(facts.size, dtype=bool)
    holds = [condition.holds(facts.numbers, facts.size) for condition in play.facts]
    barred = [condition.holds(facts.numbers, facts.size) for condition in play.bars]
    required = np.logical_or.reduce([none, *holds]) if holds else ~none
    return np.asarray(required & ~np.logical_or.reduce([none, *barred]))


def _openings(
    codes: npt.NDArray[np.object_],
    said: Mapping[str, npt.NDArray[np.int16]],
    facts: Facts,
    playbook: Playbook,
    currency: str,
) -> list[str]:
    """What to say first to each account. ``said``: by play, the number of its first words that hold."""
    texts = np.full(facts.size, "", dtype=object)
    values = facts.values
    for code in dict.fromkeys(codes.tolist()):
        for number, telling in enumerate(playbook.plays[code].openings):
            at = np.flatnonzero((codes == code) & (said[code] == number))
            known = {name: values[name][at] for name in telling.names if name in values}
            texts[at] = telling.template.render(known, len(at), currency)
    return [str(text) for text in texts]


def act_by(snapshot_date: date, plays: pd.Series, playbook: Playbook) -> pd.Series:
    """The day by which each account's play is to be acted on."""
    days: Mapping[str, date] = {
        code: snapshot_date + timedelta(days=play.days_to_act) for code, play in playbook.plays.items()
    }
    return pd.Series([days[code] for code in plays], index=plays.index, dtype=object)
