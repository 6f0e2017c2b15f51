"""Challenger against champion: which of the two is to be served, and why. A decision is a record, not a feeling.

Both are judged on the same account-days, none of which either has learnt from: the challenger by its replay, the
champion by its own replay and, on days after its training, by what it says itself.

    refuse    the challenger may not be used at all (verdict, calibration)
    keep      it may, but it is worse than the champion, or changes the list beyond what was agreed
    promote   none of these
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from models.estimators import boosting
from models.estimators.bundle import Champion
from models.estimators.categories import recode
from models.estimators.sampling import KEYS
from models.evaluation import metrics
from models.evaluation.backtest import Backtest
from models.evaluation.bootstrap import Figures, Resamples, difference, interval, mean_of
from models.evaluation.evaluation import Evaluation
from models.evaluation.measures import LIST_LENGTH
from models.evaluation.verdict import Verdict
from models.settings import PromotionSettings

UNJUDGED = "calibration could not be judged: no day with an expansion had a past to calibrate on"
"""What is said beside a decision of probabilities that no check could ask about."""


class Choice(StrEnum):
    """What was decided."""

    PROMOTE = "promote"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True)
class PromotionCheck:
    """One condition: what it asks, what was found, and what follows if it fails."""

    asks: str
    found: str
    passed: bool
    otherwise: Choice


@dataclass(frozen=True)
class Decision:
    """The record. ``champion`` is the version compared with, or empty; ``differences``: metric to challenger -
    champion, low, high on ``rows`` account-days.
    """

    choice: Choice
    because: tuple[str, ...]
    checks: tuple[PromotionCheck, ...]
    champion: str
    rows: int
    differences: Mapping[str, tuple[float, float, float]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.choice}: {'; '.join(self.because)}"


def decide(
    evaluation: Evaluation,
    champion: Champion | None,
    settings: PromotionSettings,
    why_none: str = "there is no champion",
) -> Decision:
    """Judge the evaluated model against the champion; ``why_none`` says why there is none to compare with."""
    calibration = _calibration(evaluation.backtest, settings)
    asked = [_verdict(evaluation.verdict), *calibration]
    differences: dict[str, tuple[float, float, float]] = {}
    rows = 0
    if champion is not None:
        both = both_predictions(evaluation, champion)
        rows = len(both)
        if rows and both.y.nunique() > 1:
            differences = paired(both, evaluation.settings.resamples, evaluation.settings.seed)
            asked += [_no_worse(differences, settings), _overlap(both, settings)]
    failed = [check for check in asked if not check.passed]
    choice = next((c for c in (Choice.REFUSE, Choice.KEEP) if any(g.otherwise is c for g in failed)), Choice.PROMOTE)
    because = tuple(f"{check.asks}: {check.found}" for check in failed) or _why(asked, champion, rows, why_none)
    if not calibration:
        because += (UNJUDGED,)
    return Decision(choice, because, tuple(asked), champion.bundle.version if champion else "", rows, differences)


def refused(verdict: Verdict) -> Decision:
    """The record of a base from which no model may be used."""
    check = _verdict(verdict)
    return Decision(Choice.REFUSE, verdict.because, (check,), "", 0, {})


def as_it_stands(decision: Decision, then: str | None, now: str | None) -> Decision:
    """A decision made while version ``then`` served, or none: what somebody made the champion since is not replaced."""
    if decision.choice is not Choice.PROMOTE or now in (None, then):
        return decision
    asks, told = "the champion is still the one that served when it was judged", f"version {now} serves by now"
    check = PromotionCheck(asks, told, False, Choice.KEEP)
    because = (f"{check.asks}: {check.found}",)
    return replace(decision, choice=Choice.KEEP, because=because, checks=(*decision.checks, check))


def _why(asked: Sequence[PromotionCheck], champion: Champion | None, rows: int, why_none: str) -> tuple[str, ...]:
    passed = f"it passed {len(asked)} check{'s' * (len(asked) != 1)}"
    if champion is None:
        return (f"{passed}, and {why_none}",)
    if not rows:
        return (f"{passed}; there is no day that neither it nor the champion has learnt from",)
    return (f"{passed} against version {champion.bundle.version} on {rows:,} account-days",)


def _verdict(verdict: Verdict) -> PromotionCheck:
    return PromotionCheck("the verdict is that it may be used", f"{verdict.kind}", verdict.usable, Choice.REFUSE)


def _calibration(backtest: Backtest, settings: PromotionSettings) -> list[PromotionCheck]:
    ratio, low, high = backtest.figure("forecast_over_realised")
    ece, _, ece_high = backtest.figure("ece")
    # Resampling adds noise to an error that is never below zero, so its interval lies too high: mirror it.
    ece_low = 2 * ece - ece_high
    if np.isnan(ratio):
        return []
    lowest, highest = settings.forecast_range
    return [
        PromotionCheck(
            f"forecast over realised between {lowest:g} and {highest:g}, unless the interval reaches in",
            f"{ratio:.2f} ({low:.2f} to {high:.2f})",
            not (low > highest or high < lowest),
            Choice.REFUSE,
        ),
        PromotionCheck(
            f"expected calibration error at most {settings.max_ece:g}, unless the interval reaches down to it",
            f"{ece:.3f}",
            not ece_low > settings.max_ece,
            Choice.REFUSE,
        ),
    ]


def _no_worse(differences: Mapping[str, tuple[float, float, float]], settings: PromotionSettings) -> PromotionCheck:
    value, low, high = differences["auc"]
    return PromotionCheck(
        f"AUC no worse than the champion's by more than {settings.auc_margin:g}",
        f"{value:+.3f} ({low:+.3f} to {high:+.3f})",
        value >= -settings.auc_margin and not high < -settings.auc_margin,
        Choice.KEEP,
    )


def _overlap(both: pd.DataFrame, settings: PromotionSettings) -> PromotionCheck:
    last = both[both.snapshot_date == both.snapshot_date.max()]
    tops = [set(last.nlargest(LIST_LENGTH, column).account_id) for column in ("log_odds", "champion")]
    share = len(tops[0] & tops[1]) / min(LIST_LENGTH, len(last))
    return PromotionCheck(
        f"at least {settings.min_list_overlap:.0%} of the champion's first {LIST_LENGTH} stay on the list",
        f"{share:.0%} on {last.snapshot_date.iloc[0]:%Y-%m-%d}",
        share >= settings.min_list_overlap,
        Choice.KEEP,
    )


def both_predictions(evaluation: Evaluation, champion: Champion) -> pd.DataFrame:
    """The account-days that neither model has learnt from: account_id, snapshot_date, y, log_odds, champion.

    A champion that lacks a feature, or knew it as text where it is numbers now, is not asked about days after its own.
    """
    rows = evaluation.backtest.rows[[*KEYS, "y", "log_odds"]]
    facts = champion.bundle.facts
    closed = pd.Timestamp(facts["last_snapshot"]) + timedelta(days=facts["horizon_days"])
    said = [champion.predictions.loc[champion.predictions.snapshot_date < closed, [*KEYS, "log_odds"]]]
    later = evaluation.rows[evaluation.rows.snapshot_date >= closed]
    later = recode(later, evaluation.categories, champion.bundle.categories)
    names = list(champion.bundle.feature_names)
    is_as_learnt = champion.bundle.categories.keys() == evaluation.categories.keys() & set(names)
    if len(later) and set(names) <= set(later.columns) and is_as_learnt:
        said.append(later[KEYS].assign(log_odds=boosting.log_odds(champion.bundle.booster, later[names])))
    own = pd.concat(said, ignore_index=True).rename(columns={"log_odds": "champion"})
    own = own.astype({"champion": "float64"}).drop_duplicates(KEYS, keep="last")
    return rows.merge(own, on=KEYS, how="inner").reset_index(drop=True)


def paired(both: pd.DataFrame, resamples: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Challenger - champion per metric: value, low, high; mean over the days, in the same resamples of accounts."""
    drawn = Resamples(both.account_id, resamples, seed)
    days = [np.flatnonzero(both.snapshot_date == day) for day in sorted(both.snapshot_date.unique())]
    y = both.y.to_numpy()

    def of(column: str) -> Figures:
        ranked = both[column].to_numpy(np.float64)
        return mean_of([drawn.figures(day, partial(_order, y[day], ranked[day])) for day in days])

    better = difference(of("log_odds"), of("champion"))
    return {name: (float(better[name][0]), *interval(better[name])) for name in metrics.of_order()}


def _order(y: np.ndarray, ranked_by: np.ndarray, counts: np.ndarray) -> Figures:
    return metrics.figures(metrics.JudgedRows(y, ranked_by, counts), metrics.ORDER)
