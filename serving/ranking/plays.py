"""Motion and play of each account: which expansion is likeliest of those that are possible, and what to do about it.

A play is given only where its facts are there. Where none of the likely motions has one, the account gets the neutral
play: to check in.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.conditions import Condition
from data.contract.outputs import FOR
from data.contract.vocabulary import MOTIONS
from serving.ranking.gates import GateResult
from serving.reasons.playbook import Play, Playbook
from serving.reasons.render import Facts
from serving.reasons.tellings import Telling
from serving.settings import ServingSettings

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]

IMPOSSIBLE = 1e6
"""Taken from the weight of a motion that cannot be, so that it wins only over others that cannot be."""

LEAST = 1e-9
"""What a default play answers at least, in log-odds: it is given where nothing else of its motion is."""

BILLED = "billed_365d"
"""What says that there is usage to expand."""

# A motion is impossible where its feature is known to say so: no seats to add to, no tier above, nothing left to buy.
_NEEDS = {"seat": "seats", "upsell": "tiers_above", "cross_sell": "products_not_owned"}


@dataclass(frozen=True)
class ChosenPlays:
    """Of each account (index: account_id): ``motion``, ``play`` by its code, and the ``opening`` in words.

    ``step``: from which plan to which it leads, or from which product to which (`Team > Business`); null where it is
    neither or not known. ``form``: the form of the play that it is given in, of ``Play.forms``.
    """

    motion: pd.Series
    play: pd.Series
    opening: pd.Series
    step: pd.Series
    form: pd.Series


def choose_plays(
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    reasons: pd.DataFrame,
    facts: Facts,
    passed: GateResult,
    playbook: Playbook,
    settings: ServingSettings,
    segments: Iterable[str | None] | None = None,
) -> ChosenPlays:
    """The likeliest motion that is worth showing and has a play whose facts are there, with that play and its words.

    ``scores`` and ``rows`` (index: account_id) and ``facts`` are of the same accounts, in the same order; ``reasons``
    are theirs, and ``segments`` too (None: not known). A motion that only a muted feature could rule out is possible.
    Of the plays of a motion that are true, the one that answers the most of what is shown for the account; of equals
    the earlier. Where none is true and answers anything, or the neutral one comes first: that one, and the likeliest
    possible motion.
    """
    weights, worth = _motions(scores, rows, reasons, passed, playbook, settings, facts.muted)
    known_as = np.full(facts.size, None, dtype=object)
    if segments is not None:
        known_as[:] = [None if pd.isna(segment) else segment for segment in segments]
    steps = {motion: _steps(motion, facts) for motion in {play.motion for play in playbook.plays.values()}}
    stated = _stated(scores.index, reasons, playbook)
    given = {code: _given(play, facts, known_as, steps[play.motion], stated) for code, play in playbook.plays.items()}
    answered = _answered(scores.index, reasons, playbook)
    fits = {code: np.where(play.is_true, answered[code], 0.0) for code, play in given.items()}
    best = np.full((facts.size, len(MOTIONS)), playbook.neutral_play, dtype=object)
    for number, name in enumerate(MOTIONS):
        plays = list(playbook.plays_of(name))
        of_motion = np.column_stack([np.zeros(facts.size), *(fits[code] for code in plays)])
        best[:, number] = np.array([playbook.neutral_play, *plays], dtype=object)[of_motion.argmax(axis=1)]
    able = worth & (best != playbook.neutral_play)
    able[_any(playbook.plays[playbook.neutral_play].firsts, facts)] = False
    motion = np.where(able.any(axis=1), np.where(able, weights, -np.inf).argmax(axis=1), weights.argmax(axis=1))
    places = np.arange(facts.size)
    codes = np.where(able[places, motion], best[places, motion], playbook.neutral_play)
    chosen = {
        "motion": np.array(MOTIONS, dtype=object)[motion],
        "play": codes,
        "opening": _openings(codes, given, facts, settings.currency),
        "step": _of_chosen(codes, {code: steps[play.motion] for code, play in playbook.plays.items()}),
        "form": _of_chosen(codes, {code: play.form for code, play in given.items()}),
    }
    return ChosenPlays(**{name: pd.Series(of, index=scores.index, dtype="str") for name, of in chosen.items()})


def _motions(
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    reasons: pd.DataFrame,
    passed: GateResult,
    playbook: Playbook,
    settings: ServingSettings,
    muted: Set[str],
) -> tuple[Floats, Mask]:
    """Accounts x motions: the weight by which they are ordered, and which may be shown.

    By ``propensity_<motion>``; where the model gives none, by how well its plays fit the reasons for the account.
    Cross-sell waits until the first product is adopted. Ties: the order of ``MOTIONS``.
    """
    possible = np.column_stack([_possible(motion, rows, passed, muted) for motion in MOTIONS])
    likely = np.column_stack([_numbers(scores, f"propensity_{motion}") for motion in MOTIONS])
    given = ~np.isnan(likely)
    is_given = given.any(axis=1, keepdims=True)
    weights = np.where(is_given, np.where(given, likely, -1.0), _fit_to_reasons(scores.index, reasons, playbook))
    worth = possible & (~is_given | (np.nan_to_num(likely) >= settings.min_motion_propensity))
    # Likelihood decides, then the fit to the reasons, then the order; an impossible motion only if there is no other.
    return np.where(possible, weights, weights - IMPOSSIBLE), worth


def _possible(motion: str, rows: pd.DataFrame, passed: GateResult, muted: Set[str]) -> Mask:
    if motion == "usage":
        return (_numbers(rows, BILLED) > 0) | (BILLED in muted)
    possible = np.full(len(rows), "mrr" in rows)  # without subscriptions there is nothing but usage to expand
    if motion in _NEEDS and _NEEDS[motion] in rows:
        values = rows[_NEEDS[motion]].to_numpy(np.float64)
        if motion == "upsell":
            values = np.where(_is_off_the_list(rows), np.nan, values)
        possible = ~(np.nan_to_num(values, nan=0.0 if motion == "seat" else 1.0) <= 0)
    if motion == "cross_sell":
        possible &= passed.cross_sell_ready.to_numpy()
    return possible


def _is_off_the_list(rows: pd.DataFrame) -> Mask:
    """The accounts with open lines of which none is of a plan on the price list: what is above them is not known."""
    return np.isnan(_numbers(rows, "tier")) & ~np.isnan(_numbers(rows, "mrr"))


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


@dataclass(frozen=True)
class GivenPlay:
    """A play as it would be given to each account: in which form, whether it is true there, and which words hold.

    ``said``: the number of the form's first words that hold; -1 where none do, and then it is not true.
    """

    forms: Mapping[str, Play]
    form: Objects
    is_true: Mask
    said: npt.NDArray[np.int16]


def _stated(accounts: pd.Index, reasons: pd.DataFrame, playbook: Playbook) -> Mapping[str, Mask]:
    """By feature that openings rest on: the accounts of which a reason for them that is shown states it."""
    shown = reasons[(reasons["effect"] == FOR) & reasons["shown"]]
    asked = {name for play in playbook.plays.values() for name in play.because}
    told = shown.assign(name=shown["numbers_from"].str.split(",")).explode("name")
    told = told[told["name"].isin(asked)]
    return {name: accounts.isin(told.loc[told["name"] == name, "account_id"]) for name in sorted(asked)}


def _given(play: Play, facts: Facts, segments: Objects, steps: Objects, stated: Mapping[str, Mask]) -> GivenPlay:
    form = np.full(facts.size, "", dtype=object)
    if len(play.forms) > 1:
        pairs = list(zip(segments, steps, strict=True))
        named = {pair: play.form_of(*pair) for pair in set(pairs)}
        form[:] = [named[pair] for pair in pairs]
    is_true, said = np.zeros(facts.size, dtype=bool), np.full(facts.size, -1, dtype=np.int16)
    for name in dict.fromkeys(form.tolist()):
        at = form == name
        is_true[at] = _is_true(play.forms[name], facts)[at]
        said[at] = facts.first(
            play.forms[name].openings, partial(_rests_on_what_is_shown, size=facts.size, stated=stated)
        )[at]
    return GivenPlay(play.forms, form, is_true & (said >= 0), said)


def _rests_on_what_is_shown(opening: Telling, size: int, stated: Mapping[str, Mask]) -> Mask:
    """The accounts of which a shown reason states one of each ``because`` of an opening; all where it has none."""
    shown = [np.logical_or.reduce([stated[name] for name in group]) for group in opening.because]
    return np.asarray(np.logical_and.reduce([np.ones(size, dtype=bool), *shown]))


STEPS = {"upsell": ("present_plan", "next_plan"), "cross_sell": ("main_product", "cross_sell_product")}
"""The details that a play of a motion leads from and to."""


def _steps(motion: str | None, facts: Facts) -> Objects:
    """The step of each account on which a play of the motion leads it; None where an end of it is not known."""
    ends = [facts.texts.get(name) for name in STEPS.get(motion or "", ())]
    steps = np.full(facts.size, None, dtype=object)
    if ends and all(end is not None for end in ends):
        pairs = zip(*ends, strict=True)
        steps[:] = [None if pd.isna(one) or pd.isna(other) else f"{one} > {other}" for one, other in pairs]
    return steps


def _is_true(play: Play, facts: Facts) -> Mask:
    """The accounts of which the play's facts hold, and its bars do not."""
    barred = _any(play.bars, facts)
    return _any(play.facts, facts) & ~barred if play.facts else ~barred


def _any(conditions: Iterable[Condition], facts: Facts) -> Mask:
    """The accounts of which one of them holds."""
    holds = [facts.holds(condition) for condition in conditions]
    return np.asarray(np.logical_or.reduce([np.zeros(facts.size, dtype=bool), *holds]))


def _openings(codes: Objects, given: Mapping[str, GivenPlay], facts: Facts, currency: str) -> list[str]:
    """What to say first to each account."""
    texts = np.full(facts.size, "", dtype=object)
    for code in dict.fromkeys(codes.tolist()):
        play = given[code]
        for form, number in sorted(set(zip(play.form[codes == code], play.said[codes == code], strict=True))):
            telling = play.forms[form].openings[number]
            at = np.flatnonzero((codes == code) & (play.form == form) & (play.said == number))
            texts[at] = facts.say(telling, at, currency)
    return [str(text) for text in texts]


def _of_chosen(codes: Objects, of_plays: Mapping[str, Objects]) -> Objects:
    """What is known of each account's play, by that of all plays."""
    chosen = np.full(len(codes), None, dtype=object)
    for code in dict.fromkeys(codes.tolist()):
        chosen[codes == code] = of_plays[code][codes == code]
    return chosen


TERM = "contract_term_days"
SHORTEST_TERM_DAYS = 80
"""A contract of less than a quarter renews too often for that to be a reason to hurry."""


def act_by(
    snapshot_date: date,
    plays: pd.Series,
    playbook: Playbook,
    forms: pd.Series | None = None,
    renews_on: Sequence[date | None] | None = None,
) -> pd.Series:
    """The day by which each account's play is to be acted on: in time for the renewal, where that comes before.

    ``forms``: those that the plays are given in. ``renews_on``: the accounts' next renewals, as ``renewals_to_meet``
    gives them.
    """
    named = zip(plays, [""] * len(plays) if forms is None else forms, strict=True)
    days = [snapshot_date + timedelta(days=playbook.plays[code].forms[form].days_to_act) for code, form in named]
    if renews_on is not None:
        days = [day if renewal is None else min(day, renewal) for day, renewal in zip(days, renews_on, strict=True)]
    return pd.Series(days, index=plays.index, dtype=object)


def renewals_to_meet(rows: pd.DataFrame, renews_on: Sequence[date | None]) -> list[date | None]:
    """The next renewal day of each account, from the day of the list on; None where not known, or of a short term.

    What renews every month is no occasion. ``rows`` are the feature rows, in the order of ``renews_on``.
    """
    terms_days = rows[TERM] if TERM in rows else [np.nan] * len(rows)
    return [None if days < SHORTEST_TERM_DAYS else day for days, day in zip(terms_days, renews_on, strict=True)]
