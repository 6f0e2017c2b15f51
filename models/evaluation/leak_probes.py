"""Leak probes: four questions whose answer must be no before a model is believed.

    single feature     does one column alone rank better than honest signals do?
    identity           does the account's id alone tell who expands?
    shuffled time      is a model that sees the features of another month as good as the real one?
    train and score    does a column look otherwise on past snapshots than on the day that is scored?

A probe that finds something blocks the training and names the feature. Who has looked into it and knows it to be right
signs it off: ``[training] signed_off = ["name"]``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from models.estimators import boosting
from models.estimators.sampling import day_of, matrix, places_of, rows_to_fit, thinned
from models.evaluation.bootstrap import Resamples, interval
from models.evaluation.measures import auc, times_of
from models.evaluation.splits import Split
from models.settings import TrainSettings

IDENTITY, SHUFFLED_TIME = "account_id", "shuffled_time"
ROUNDS = 80
SHOWN = 10
STRATA = 30
TENURE = "tenure_days"
FALSE_ALARM = 0.05
"""How likely chance alone may name any of the columns of a base that looks on today as it always did."""
SURE = 3.5
"""So many standard errors above chance ids must rank. Of 480 drawn bases whose ids tell nothing 2 do; at 2, 31 did."""
A_YEAR, HALF_A_MONTH = pd.Timedelta(days=365.25), pd.Timedelta(days=16)
STEADY = 0.1
"""A column whose values vary so little within an account, as a share of all variance, tells who, not when."""


@dataclass(frozen=True)
class Leak:
    """What a probe found. ``name`` is what is signed off: a feature, or the probe that is about no single one."""

    probe: str
    name: str
    found: str
    todo: str
    signed_off: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.found}"


def find_leaks(
    rows: pd.DataFrame,
    features: Sequence[str],
    reported: Sequence[Split],
    columns: pd.DataFrame,
    settings: TrainSettings,
    today: pd.DataFrame | None = None,
) -> list[Leak]:
    """All findings, also those signed off.

    ``rows``: labelled history, sorted; ``columns``: the AUC of each column as a rule (``baselines.single_columns``);
    ``today``: the unlabelled feature rows of the day that is scored.
    """
    leaks = [*_single(columns, settings), *_identity(rows, reported, settings)]
    leaks += _shuffled_time(rows, list(features), reported, settings)
    leaks += _train_and_score(rows, features, today, settings)
    return [
        Leak(leak.probe, leak.name, leak.found, leak.todo, leak.name in settings.signed_off)
        for leak in {leak.name: leak for leak in reversed(leaks)}.values()
    ][::-1]


def _single(columns: pd.DataFrame, settings: TrainSettings) -> Iterator[Leak]:
    for line in columns[columns.auc > settings.leak_auc].itertuples():
        yield Leak(
            "single feature",
            str(line.column),
            f"alone it ranks with an AUC of {line.auc:.3f}; honest signals stay under {settings.leak_auc:g}",
            "find out when its values were written: a column filled in by, or after, the expansion must go, or get the "
            "time at which it was known",
        )


def _identity(rows: pd.DataFrame, reported: Sequence[Split], settings: TrainSettings) -> Iterator[Leak]:
    """A booster on what can be read from an id, taught on one half of the accounts and asked about the other.

    Ids are often given out in order, so they know the tenure: what counts is the order among accounts of like tenure.
    """
    codes, names = pd.factorize(rows.account_id, sort=True)
    half = (pd.util.hash_array(np.asarray(names, dtype=object)) // 7 % 2).astype(bool)[codes]
    y = rows.expanded.to_numpy(np.int8)
    early = places_of(rows, reported[0].train_dates)
    late = places_of(rows, [split.test_date for split in reported])
    X = _read_from_id(pd.Series(names))
    scores = np.full(len(late), np.nan)
    for side in (half, ~half):
        taught, asked = early[side[early]], ~side[late]
        if not 0 < y[taught].sum() < len(taught) or not asked.any():
            return
        chosen = thinned(rows, taught, y[taught], settings.max_rows, settings.seed)
        of_chosen = X.iloc[codes[chosen.places]]
        booster = boosting.fit(of_chosen, y[chosen.places], settings.boosting, ROUNDS, settings.seed, chosen.share)
        scores[asked] = boosting.log_odds(booster, X.iloc[codes[late[asked]]])
    shown = [name for name in ("account_id", "snapshot_date", "expanded", TENURE) if name in rows]
    part = rows[shown].iloc[late]
    strata = part.snapshot_date.astype("str") + half[late].astype(str) + _tenure_tenth(part)
    resamples = Resamples(part.account_id, settings.resamples, settings.seed)
    groups = [np.flatnonzero(strata == stratum) for stratum in strata.unique()]
    outcome = part.expanded.to_numpy(np.int8)

    def within_groups(weights: np.ndarray) -> dict[str, np.ndarray]:
        wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for places in groups:
            w = weights[:, places]
            hits = times_of(w, outcome[places])
            count = hits * (w.sum(axis=1) - hits)
            wins += np.nan_to_num(auc(outcome[places], scores[places], w)) * count
            pairs += count
        return {"auc": wins / np.maximum(pairs, 1)}

    values = resamples.figures(np.arange(len(part)), within_groups)["auc"]
    low, high = interval(values)
    if values[0] - SURE * np.nanstd(values[1:]) > 0.5 and values[0] > settings.id_auc:
        yield Leak(
            "identity",
            IDENTITY,
            f"ids alone rank accounts of like tenure with an AUC of {values[0]:.3f} ({low:.3f} to {high:.3f}); "
            "chance is 0.5",
            "find out how ids are given: an id that changes, or is given anew, when an account expands knows the "
            "future, and so may every table that is joined by it",
        )


def _read_from_id(accounts: pd.Series) -> pd.DataFrame:
    """One row per account, in the order given."""
    text = accounts.astype("str")
    digits = text.str.extract(r"(\d+)\D*$")[0]
    return pd.DataFrame(
        {
            "number": digits.astype("float64"),
            "last_digits": digits.str[-2:].astype("float64"),
            "length": text.str.len().astype("float64"),
            "place": text.rank(method="dense").astype("float64"),
        }
    )


def _tenure_tenth(part: pd.DataFrame) -> pd.Series:
    if TENURE not in part:
        return pd.Series("", index=part.index)
    ranks = part.groupby("snapshot_date")[TENURE].rank(pct=True).fillna(0)
    return np.ceil(ranks * STRATA).astype("int64").astype("str")


def _shuffled_time(
    rows: pd.DataFrame, features: list[str], reported: Sequence[Split], settings: TrainSettings
) -> Iterator[Leak]:
    """Give every row the features of another month of the same account: who is left, when is gone."""
    codes, _ = pd.factorize(rows.account_id, sort=True)
    moved_from, stay = np.empty(len(rows), dtype=np.intp), np.arange(len(rows))
    drawn = np.random.default_rng(settings.seed).random(len(rows))
    moved_from[np.lexsort((stay, codes))] = np.lexsort((drawn, codes))
    chosen = rows_to_fit(rows, "expanded", settings.max_rows, settings.seed, reported[0].train_dates)
    days = [places_of(rows, [split.test_date]) for split in reported]
    y = rows.expanded.to_numpy(np.int8)
    early = y[chosen.places]
    if not 0 < early.sum() < len(early):
        return
    aucs, boosters = [], []
    for seen in (stay, moved_from):
        X = matrix(rows, features, seen[chosen.places])
        boosters.append(boosting.fit(X, early, settings.boosting, ROUNDS, settings.seed, chosen.share))
        said = [boosting.log_odds(boosters[-1], matrix(rows, features, seen[day])) for day in days]
        aucs.append(np.nanmean([auc(y[day], scores) for day, scores in zip(days, said, strict=True)]))
    real, shuffled = aucs
    if shuffled > settings.shuffled_auc and real - shuffled < settings.shuffled_margin:
        steady = _steadiest(rows, features, boosters[1])
        yield Leak(
            "shuffled time",
            SHUFFLED_TIME,
            f"with the features of other months the AUC is {shuffled:.3f}, with the right ones {real:.3f}; what counts "
            f"most hardly changes within an account: {', '.join(steady)}",
            "see whether these columns hold what was known then or what is known today; a column without history must "
            "go, or get the time at which it was known",
        )


def _steadiest(rows: pd.DataFrame, features: list[str], booster: boosting.Booster) -> list[str]:
    """The columns with the most gain among those that hardly change within an account."""
    gain = pd.Series(booster.feature_importance("gain"), index=features).sort_values(ascending=False)
    within = rows.groupby("account_id")[list(gain.index[:SHOWN])].var().mean() / rows[list(gain.index[:SHOWN])].var()
    steady = [name for name in gain.index[:SHOWN] if not within[name] > STEADY]
    return (steady or list(gain.index))[:3]


def _train_and_score(
    rows: pd.DataFrame, features: Sequence[str], today: pd.DataFrame | None, settings: TrainSettings
) -> Iterator[Leak]:
    """A column of today against the last matured snapshot, next to what two past snapshots so far apart differ by."""
    if today is None or today.empty:
        return
    days = sorted(rows.snapshot_date.unique())
    gap = pd.Timestamp(today.snapshot_date.iloc[0]) - days[-1]
    of_late = days[-settings.origins * 2 :]
    pairs = _apart(of_late, days, gap)
    if not pairs:
        return
    pairs += _apart([day for day in days if day not in of_late and _is_of_season(day, days[-1])], days, gap)
    at = {day: day_of(rows, day) for day in days}
    strictness = np.log(2 * len(features) / FALSE_ALARM) / 2
    for name in features:
        values, now = rows[name].to_numpy(), today[name].to_numpy(np.float64)
        if np.isnan(values).all():  # nothing was learnt from it: a comparison with last year in a short history, say
            continue
        if all(np.unique(some).size == 1 for some in (now, *(values[at[day]] for day in days))):
            continue  # the day alone tells it, as the month of the year does: it sets no account above another
        latest = values[at[days[-1]]]
        moved = _distance(latest, now, strictness)
        if moved <= settings.drift_distance:
            continue
        usual = max(_distance(values[at[one]], values[at[other]]) for one, other in pairs)
        if moved > 2 * usual:
            before = float(np.isnan(latest).mean())
            yield Leak(
                "train and score",
                name,
                f"its distribution on the day that is scored is {moved:.2f} away from the last snapshot learnt from "
                f"(past snapshots: at most {usual:.2f}); missing for {np.isnan(now).mean():.0%} now, "
                f"{before:.0%} then",
                "find out whether its past values were filled in later than they happened, or its feed has stopped",
            )


def _apart(
    begins: Sequence[pd.Timestamp], days: Sequence[pd.Timestamp], gap: pd.Timedelta
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Each of the days that begin with those that come about so long after it."""
    return [(one, other) for one in begins for other in days if abs(other - one - gap) < HALF_A_MONTH]


def _is_of_season(day: pd.Timestamp, last: pd.Timestamp) -> bool:
    """Does a day lie a year, or some, before the last one? What a season does from there on, it did then, too."""
    before = last - day
    years = round(before / A_YEAR)
    return years > 0 and abs(before - years * A_YEAR) < HALF_A_MONTH


def _distance(one: np.ndarray, other: np.ndarray, strictness: float = 0.0) -> float:
    """The larger of the Kolmogorov-Smirnov distance of the known values and the difference of the missing shares.

    Of the two only what is beyond chance counts: two samples of n and m values of one distribution are farther apart
    than sqrt(s (n + m) / n m) with a chance of at most 2 exp(-2 s) (Dvoretzky, Kiefer and Wolfowitz; for two samples
    Wei and Dudley 2012), ``s`` being the ``strictness``.
    """
    gone, gone_now = np.isnan(one), np.isnan(other)
    missing = _beyond_chance(gone.astype(np.float64), gone_now.astype(np.float64), strictness)
    return max(missing, _beyond_chance(one[~gone], other[~gone_now], strictness))


def _beyond_chance(one: np.ndarray, other: np.ndarray, strictness: float) -> float:
    """The Kolmogorov-Smirnov distance of two samples; 0 if it may be chance, or if one is empty."""
    if not len(one) or not len(other):
        return 0.0
    with np.errstate(all="ignore"):  # of its p-value, which is not asked for, where each has one value
        distance = float(ks_2samp(one, other, method="asymp").statistic)
    return distance if distance > np.sqrt(strictness * (1 / len(one) + 1 / len(other))) else 0.0
