"""The pages about an evaluation and a model: self-contained HTML, nothing from elsewhere, everything escaped."""

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np
from jinja2 import Environment

from models.evaluation.backtest import ARR_COVERAGE, WHOLE, Backtest
from models.evaluation.evaluation import Evaluation
from models.evaluation.metrics import BENCH, SLICES, shown_on, words_of
from models.evaluation.verdict import Verdict, statement
from models.report.drawing import address, png
from models.report.plots import evaluation_plots
from models.report.templating import environment
from models.scoring.attributions import contributions
from models.training.promotion import Decision
from models.training.train import TrainedModel

TOP_FEATURES = 15
FEW_POSITIVES = 100


def say_rises(backtest: Backtest) -> str:
    """Whether each tenth of the list did better than the one below it; a dash where there are no two to compare."""
    rises, steps = backtest.rises(), len(backtest.deciles) - 1
    if math.isnan(rises):
        return "– (there are no two to compare)"
    if not rises:
        return "monotone"
    return f"{rises:.0f} of {steps} step{'s' * (steps != 1)} go{'es' * (rises == 1)} the wrong way"


def number(value: float) -> str:
    """Three figures; a dash where nothing can be told."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:+.3f}"


def _amount(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:,.0f}"


def _environment() -> Environment:
    """The templates with what they say of a model."""
    made = environment()
    made.filters.update(number=number, signed=_signed, amount=_amount, words=words_of)
    return made


def evaluation_page(
    title: str,
    verdict: Verdict,
    horizon_days: int,
    evaluation: Evaluation | None = None,
    decision: Decision | None = None,
) -> str:
    """The page of a backtest, or of a base from which no model may be used; without an ``evaluation`` that alone."""
    values: dict[str, Any] = {"title": title, "verdict": verdict, "horizon_days": horizon_days, "decision": decision}
    if evaluation is not None:
        backtest = evaluation.backtest
        values |= {
            **_shared(backtest),
            "plots": {name: address(png(figure), "png") for name, figure in evaluation_plots(backtest).items()},
            "bench": [
                (rival, {line["metric"]: line for line in lines})
                for rival, lines in groupby(backtest.bench.to_dict("records"), key=lambda line: line["rival"])
            ],
            "bench_metrics": shown_on(BENCH, set(backtest.bench.metric)),
            "months": backtest.months.to_dict("records"),
            "coverage": [
                (ARR_COVERAGE[name], share) for name, share in backtest.arr_coverage().items() if math.isfinite(share)
            ],
            "arr_sum": backtest.arr_sum(),
            "deciles": backtest.deciles.to_dict("records"),
            "rises": say_rises(backtest),
            "best_columns": evaluation.columns.head(5).to_dict("records"),
            "by_day": _by_day(backtest),
            **_cross_sell(evaluation),
        }
    return _environment().get_template("backtest.html.j2").render(evaluation=evaluation, **values)


def card_page(
    trained: TrainedModel,
    decision: Decision,
    name: str,
    version: str,
    labels: Mapping[str, str],
    label_rules: Mapping[str, Any],
    sources: Mapping[str, Any],
) -> str:
    """The model card. ``labels``: feature to words; ``label_rules``, ``sources``: what else is told of the data."""
    return (
        _environment()
        .get_template("card.html.j2")
        .render(
            title=f"{name}, version {version}" if version else name,
            decision=decision,
            facts=trained.bundle.facts,
            features=len(trained.bundle.feature_names),
            label_rules=label_rules,
            sources=sources,
            motions=[(motion, trained.motion_metrics.get(motion)) for motion in trained.bundle.motions],
            withheld=trained.bundle.withheld,
            top_features=top_features(trained, labels),
            limits=limits(trained),
            backtest=trained.backtest,
            **_shared(trained.backtest),
            **_cross_sell(trained.evaluation),
        )
    )


def _shared(backtest: Backtest) -> dict[str, Any]:
    scopes = backtest.figures.drop_duplicates("scope")[["scope", "rows", "positives"]].rename(columns={"scope": "name"})
    days = {f"{day:%Y-%m-%d}" for day in backtest.rows.snapshot_date.unique()}
    return {
        "statement": statement(backtest),
        "overall": backtest.figures[backtest.figures.scope == WHOLE].to_dict("records"),
        "days": scopes[scopes.name.isin(days)].to_dict("records"),
        "slices": scopes[~scopes.name.isin([*days, WHOLE])].to_dict("records"),
        "slice_metrics": shown_on(SLICES),
    }


def _by_day(backtest: Backtest) -> list[tuple[str, list[tuple[float, float, float]]]]:
    """Every figure of every day: its name, and value, low and high per day."""
    days = [f"{day:%Y-%m-%d}" for day in sorted(backtest.rows.snapshot_date.unique())]
    names = backtest.figures.metric.drop_duplicates()
    return [(name, [backtest.figure(name, day) for day in days]) for name in names]


def _cross_sell(evaluation: Evaluation) -> dict[str, Any]:
    """What is told of the product for a cross-sell; nothing where nobody bought across."""
    if evaluation.cross_sell_backtest is None:
        return {"cross_sell": [], "cross_sell_days": []}
    return {
        "cross_sell": evaluation.cross_sell_backtest.figures.to_dict("records"),
        "cross_sell_days": evaluation.cross_sell_backtest.days.to_dict("records"),
    }


def top_features(trained: TrainedModel, labels: Mapping[str, str]) -> list[tuple[str, float]]:
    """The features with the largest attributions on the latest matured snapshot: words and mean size in log-odds."""
    parts, _ = contributions(trained.bundle.booster, trained.latest_rows)
    size = np.abs(parts).mean(axis=0)
    order = np.argsort(-size, kind="stable")[:TOP_FEATURES]
    names = trained.bundle.feature_names
    return [(labels.get(names[place], names[place]), float(size[place])) for place in order]


def limits(trained: TrainedModel) -> list[str]:
    """Where not to trust the model, as far as its own figures say so."""
    backtest, lines = trained.backtest, []
    calibrated = int(backtest.months.calibrated.sum())
    if calibrated < len(backtest.months):
        lines.append(
            f"Probabilities could be judged on {calibrated} of {len(backtest.months)} days: the others had no matured "
            "past to calibrate on."
        )
    slope, low, high = backtest.figure("calibration_slope")
    if low > 1 or high < 1:
        lines.append(f"Its differences are too {'timid' if slope > 1 else 'bold'}: calibration slope {slope:.2f}.")
    if backtest.rises() > 0:
        lines.append(f"The deciles are not monotone: {say_rises(backtest)}.")
    positives = int(backtest.rows.y.sum())
    if positives < FEW_POSITIVES:
        lines.append(f"Only {positives} positive rows stand behind the figures: read the intervals, not the values.")
    lines += [f"No propensity of {motion}: {reason}." for motion, reason in trained.bundle.withheld.items()]
    lines += [f"Signed off by hand: {leak}." for leak in trained.evaluation.leaks if leak.signed_off]
    lines.append("Owners and segments are those of today, also for past days.")
    lines.append("Past expansions happened with the plays of their time: what nobody tried, the model has not seen.")
    return lines
