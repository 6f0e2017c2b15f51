"""A list without a model: ranked by the best rule, where no model may be used and the settings allow it.

The rule is written as a booster that only sees the rule's columns and follows its ranking, so that scores, attributions
and reasons come the usual way and add up. Its propensities are the base rate, spread along the ranking as far as the
past supports (a logistic fit of one slope, never against the rule); they are no forecast for one account.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit

from data.contract.vocabulary import MOTIONS
from models.estimators import boosting
from models.estimators.amounts import fit_amounts
from models.estimators.bundle import Bundle, Propensity
from models.estimators.calibration import IDENTITY
from models.estimators.categories import Categories
from models.evaluation import baselines
from models.evaluation.baselines import Rule
from models.evaluation.verdict import Verdict
from models.settings import EvaluationSettings, Params

SMALLEST_SLOPE = 0.2
"""Log-odds from the middle to the top of the ranking, at least: enough to keep the order of the rule."""
SLOPE_DOUBT = 1.0
ROUNDS = 300
STEPS = Params(
    learning_rate=0.3, num_leaves=2, min_child_samples=1, feature_fraction=1, bagging_fraction=1, lambda_l2=0
)
"""Trees of one split each: a sum of steps, which is what a rule and a points score are."""


@dataclass(frozen=True)
class RuleRanking:
    """A rule by name, the columns that it reads and its ranking of the rows (higher = earlier)."""

    name: str
    columns: list[str]
    ranking: np.ndarray


def choose_rule(rows: pd.DataFrame, columns: list[str], name: str, settings: EvaluationSettings) -> RuleRanking:
    """The ranking of the rule of this name; the best single column of these rows if there is none of it."""
    named = {rule.name: rule for rule in baselines.NAMED_RULES if rule.column in rows.columns}
    read = baselines.trigger_columns(rows)
    if name == baselines.TRIGGER_POINTS and read:
        return RuleRanking(name, read, baselines.trigger_points(rows, settings.triggers.model_dump()))
    rule: Rule = named.get(name) or baselines.best_rule(rows, columns, rows["expanded"].to_numpy())
    shown = rule.name if rule.name in named else f"{rule.column}, {rule.first} first"
    return RuleRanking(shown, [rule.column], rule.ranking(rows))


def rule_bundle(
    rows: pd.DataFrame,
    columns: list[str],
    name: str,
    verdict: Verdict,
    settings: EvaluationSettings,
    categories: Categories | None = None,
) -> Bundle:
    """The rule as something that can be served. ``rows``: the labelled history, sorted, text by ``categories``."""
    ranked = choose_rule(rows, columns, name, settings)
    place = pd.Series(ranked.ranking).rank(pct=True).to_numpy() * 2 - 1
    base, slope = _spread(place, rows["expanded"].to_numpy(np.float64))
    X = rows[columns].astype("float64").copy()
    X.loc[:, [column for column in columns if column not in ranked.columns]] = 0.0
    booster = boosting.fit_shares(X, expit(base + slope * place), STEPS, ROUNDS, settings.seed)
    expanded = rows[rows.expanded == 1]
    arr = expanded["expansion_arr"].to_numpy(np.float64) if "expansion_arr" in expanded else np.array([])
    return Bundle(
        feature_names=tuple(columns),
        any_expansion=Propensity(booster, IDENTITY),
        motions={},
        withheld=dict.fromkeys(MOTIONS, "the list is ranked by a rule"),
        all_motions_modelled=False,
        amounts=fit_amounts(expanded, arr, columns, settings.seed) if len(arr) else None,
        facts={
            "horizon_days": settings.horizon_days,
            "first_snapshot": f"{rows.snapshot_date.min():%Y-%m-%d}",
            "last_snapshot": f"{rows.snapshot_date.max():%Y-%m-%d}",
            "rows": len(rows),
            "rule": ranked.name,
            "verdict": str(verdict.kind),
            "because": list(verdict.because),
        },
        categories=categories or {},
    )


def _spread(place: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Level and slope of the log-odds along the ranking, from -1 (last) to 1 (first)."""
    start = float(logit((y.sum() + 0.5) / (len(y) + 1)))

    def loss(p: np.ndarray) -> float:
        margin = p[0] + p[1] * place
        return float(np.logaddexp(0, margin).sum() - (y * margin).sum() + (p[1] / SLOPE_DOUBT) ** 2 / 2)

    best = minimize(loss, np.array([start, SMALLEST_SLOPE]), bounds=[(None, None), (SMALLEST_SLOPE, None)])
    return float(best.x[0]), float(best.x[1])
