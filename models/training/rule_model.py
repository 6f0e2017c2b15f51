"""A list without a model: ranked by the best rule, where no model may be used and the settings allow it.

The rule is written as a booster that only sees the rule's columns and follows its ranking, so that scores, attributions
and reasons come the usual way and add up. Its propensities are the base rate, spread along the ranking as far as the
past supports (a logistic fit of one slope, never against the rule); they are no forecast for one account.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

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
from models.estimators.sampling import day_of
from models.evaluation import baselines
from models.evaluation.baselines import Rule
from models.evaluation.evaluation import Evaluation
from models.evaluation.measures import average_precision
from models.evaluation.verdict import Verdict
from models.settings import EvaluationSettings, Params
from models.training.promotion import Decision

SMALLEST_SLOPE = 0.2
"""Log-odds from the middle to the top of the ranking, at least: enough to keep the order of the rule."""
SLOPE_DOUBT = 1.0
ROUNDS = 300
STEPS = Params(
    learning_rate=0.3, num_leaves=2, min_child_samples=1, feature_fraction=1, bagging_fraction=1, lambda_l2=0
)
"""Trees of one split each: a sum of steps, which is what a rule and a points score are."""
CHOSEN_BY = "average_precision"
"""The figure of past days by which a rule is chosen."""
MODEL_REFUSED = "the model was refused"
"""What stands for a verdict where that let a model be used, and the decision about it did not."""


@dataclass(frozen=True)
class RuleRanking:
    """A rule by name, the columns that it reads and its ranking of the rows (higher = earlier)."""

    name: str
    columns: list[str]
    ranking: np.ndarray


def leaks_of(evaluation: Evaluation) -> frozenset[str]:
    """What leaks and nobody has signed off: columns, and by their names the probes that are about no single one."""
    return frozenset(leak.name for leak in evaluation.leaks if not leak.signed_off)


def best_rule_of(evaluation: Evaluation) -> str:
    """The name of the rule with the best average precision on past days, of those that read no leak.

    A column that leaks (``leaks_of``) is read by no candidate: by no named rule, by no trigger of the points rule (of
    which then none is left), and the best single column is judged once more among the others. A leak that is of no
    single column (ids, shuffled time) may be what any figure of the bench is made of: then none is asked, and the rule
    is one that nobody chose by what came, the points rule or, where it cannot be had, the first of ``NAMED_RULES``.
    """
    leaks, rows = leaks_of(evaluation), evaluation.rows
    reads = {baselines.TRIGGER_POINTS: baselines.trigger_columns(rows)}
    reads |= {rule.name: [rule.column] for rule in baselines.NAMED_RULES if rule.column in rows}
    honest = [name for name, columns in reads.items() if columns and leaks.isdisjoint(columns)]
    if not leaks <= set(evaluation.features):
        return honest[0] if honest else baselines.BEST_RULE
    bench = evaluation.backtest.bench
    if leaks:
        columns = [name for name in evaluation.features if name not in leaks]
        again = (bench.rival == baselines.BEST_RULE) & (bench.metric == CHOSEN_BY)
        bench = bench.assign(rival_value=bench.rival_value.mask(again, _of_single_column(evaluation, columns)))
        bench = bench[~bench.rival.isin(reads.keys() - set(honest))]
    best = replace(evaluation.backtest, bench=bench).best_rival(CHOSEN_BY, rules_only=True)
    return baselines.TRIGGER_POINTS if best is None else str(best.rival)


def _of_single_column(evaluation: Evaluation, columns: list[str]) -> float:
    """The average precision of the best of these columns, chosen for each past day by what was known then: the mean."""
    rows, judged = evaluation.rows, evaluation.backtest.rows.snapshot_date
    told: list[float] = []
    for split in evaluation.reported:
        if (judged == split.test_date).any():
            past, day = baselines.past_of(rows, split, columns, evaluation.settings), day_of(rows, split.test_date)
            ranking = baselines.best_rule(past, columns, past.expanded.to_numpy()).ranking(rows.iloc[day])
            told.append(average_precision(rows.expanded.to_numpy()[day], ranking))
    return float(pd.Series(told, dtype="float64").mean())


def choose_rule(
    rows: pd.DataFrame, columns: list[str], name: str, settings: EvaluationSettings, leaks: Collection[str] = ()
) -> RuleRanking:
    """The ranking of the rule of this name; the best single column of these rows if there is none of it.

    ``leaks``: columns that no rule may read.
    """
    named = {r.name: r for r in baselines.NAMED_RULES if r.column in rows.columns and r.column not in leaks}
    read = baselines.trigger_columns(rows)
    if name == baselines.TRIGGER_POINTS and read and not set(read) & set(leaks):
        return RuleRanking(name, read, baselines.trigger_points(rows, settings.triggers.model_dump()))
    others = [column for column in columns if column not in leaks]
    rule: Rule = named.get(name) or baselines.best_rule(rows, others, rows["expanded"].to_numpy())
    shown = rule.name if rule.name in named else f"{rule.column}, {rule.first} first"
    return RuleRanking(shown, [rule.column], rule.ranking(rows))


def rule_bundle(
    rows: pd.DataFrame,
    columns: list[str],
    name: str,
    why: Verdict | Decision,
    settings: EvaluationSettings,
    categories: Categories | None = None,
    leaks: Collection[str] = (),
) -> Bundle:
    """The rule as something that can be served. ``rows``: the labelled history, sorted, text by ``categories``.

    ``why``: the verdict, or the decision about the model, by which none serves. ``leaks``: columns that neither the
    ranking nor the amounts may read.
    """
    ranked = choose_rule(rows, columns, name, settings, leaks)
    place = pd.Series(ranked.ranking).rank(pct=True).to_numpy() * 2 - 1
    base, slope = _spread(place, rows["expanded"].to_numpy(np.float64))
    X = rows[columns].astype("float64").copy()
    X.loc[:, [column for column in columns if column not in ranked.columns]] = 0.0
    booster = boosting.fit_shares(X, expit(base + slope * place), STEPS, ROUNDS, settings.seed)
    expanded = rows[rows.expanded == 1]
    arr = expanded["expansion_arr"].to_numpy(np.float64) if "expansion_arr" in expanded else np.array([])
    of_amounts = [column for column in columns if column not in leaks]
    return Bundle(
        feature_names=tuple(columns),
        any_expansion=Propensity(booster, IDENTITY),
        motions={},
        withheld=dict.fromkeys(MOTIONS, "the list is ranked by a rule"),
        all_motions_modelled=False,
        amounts=fit_amounts(expanded, arr, of_amounts, settings.seed) if len(arr) else None,
        facts={
            "horizon_days": settings.horizon_days,
            "first_snapshot": f"{rows.snapshot_date.min():%Y-%m-%d}",
            "last_snapshot": f"{rows.snapshot_date.max():%Y-%m-%d}",
            "rows": len(rows),
            "rule": ranked.name,
            "verdict": str(why.kind) if isinstance(why, Verdict) else MODEL_REFUSED,
            "because": list(why.because),
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
