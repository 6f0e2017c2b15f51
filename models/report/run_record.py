"""What is kept about a model beside the model, as a record of plain values: parameters, figures, tables, plots."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib.figure
import pandas as pd

from models.evaluation.evaluation import Evaluation
from models.evaluation.metrics import LEAD, told_at, words_of
from models.registry.mlflow_store import BECAUSE, DECISION, OF_DAY, PLOTS, TABLES
from models.registry.records import Content, Figure, LoggedData, RunRecord
from models.registry.served_model import example_rows
from models.report.drawing import png
from models.report.plots import evaluation_plots
from models.report.shap_plot import summary_plot
from models.training.promotion import Decision
from models.training.train import TrainedModel

LEAD_GROUP, ALL_GROUP, MOTION_GROUP, ORIGIN_GROUP = "1_lead", "2_all", "3_motion_", "4_by_snapshot"
"""Groups of figures: what is before the slash of their names, by which MLflow sorts them and puts them together."""


def model_record(
    trained: TrainedModel,
    fingerprint: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    plots: Mapping[str, matplotlib.figure.Figure] | None = None,
    decision: Decision | None = None,
    data: LoggedData | None = None,
) -> RunRecord:
    """The record of a trained model. ``fingerprint`` names the data it was trained on; ``parameters``: more of them."""
    names = list(trained.bundle.feature_names)
    parameters = {**parameters_of(trained), "data_fingerprint": fingerprint, **(parameters or {})}
    return RunRecord(
        name=f"train {trained.bundle.facts['last_snapshot']}",
        parameters=parameters,
        figures=tuple(figures_of(trained)),
        files={
            **_tables(trained.evaluation),
            f"{TABLES}/predictions.parquet": trained.predictions,
            "features.json": json.dumps(names, indent=1),
            **{f"{PLOTS}/{name}.png": png(figure) for name, figure in (plots or {}).items()},
            **_decision_file(decision),
        },
        tags={**_tags(trained, parameters), **_decision_tags(decision)},
        description=describe(trained),
        data=data,
        example=example_rows(trained.bundle, trained.latest_rows),
    )


def describe(trained: TrainedModel) -> str:
    """A version in a few sentences."""
    facts, motions = trained.bundle.facts, ", ".join(trained.bundle.motions) or "none"
    figures = "; ".join(
        f"{words_of(name)} {trained.metrics[name]:.3f}" for name in told_at(LEAD) if name in trained.metrics
    )
    return (
        f"Learnt from {facts['snapshots']} snapshots, {facts['first_snapshot']} to {facts['last_snapshot']}: "
        f"{facts['rows']:,} rows of {facts['accounts']:,} accounts, {facts['expansions']:,} expansions within "
        f"{facts['horizon_days']} days. Motions with a propensity of their own: {motions}. "
        f"On past snapshots: {figures}."
    )


def _tags(trained: TrainedModel, parameters: Mapping[str, Any]) -> dict[str, str]:
    """What versions are told apart and searched by."""
    facts = trained.bundle.facts
    figures = {name: f"{trained.metrics[name]:.4f}" for name in told_at(LEAD) if name in trained.metrics}
    known = {name: str(parameters[name]) for name in (OF_DAY, "code_version") if name in parameters}
    motions = {"horizon_days": str(facts["horizon_days"]), "motions": ",".join(trained.bundle.motions)}
    return {"last_snapshot": facts["last_snapshot"], **known, **motions, **figures}


def evaluation_record(
    name: str,
    evaluation: Evaluation,
    parameters: Mapping[str, Any],
    pages: Mapping[str, str],
    decision: Decision | None = None,
    data: LoggedData | None = None,
) -> RunRecord:
    """The record of what was found out without a model; ``pages``: file name to HTML."""
    return RunRecord(
        name=name,
        parameters=parameters,
        figures=(*_of_all(evaluation.metrics()), *_by_origin(evaluation)),
        files={**pages, **_tables(evaluation), **_decision_file(decision)},
        tags=_decision_tags(decision),
        data=data,
    )


def parameters_of(trained: TrainedModel) -> dict[str, Any]:
    """Settings and facts under flat names: ``boosting.learning_rate``, ``fact.rows``."""
    flat: dict[str, Any] = {"features": len(trained.bundle.feature_names)}
    for name, value in trained.settings.model_dump().items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    flat |= {f"fact.{name}": value for name, value in trained.bundle.facts.items()}
    return flat | {f"withheld.{motion}": reason for motion, reason in trained.bundle.withheld.items()}


def figures_of(trained: TrainedModel) -> Iterator[Figure]:
    """Every figure under its group: once, and those of each reported snapshot once per snapshot."""
    yield from _of_all(trained.metrics)
    for motion, metrics in trained.motion_metrics.items():
        yield from (Figure(f"{MOTION_GROUP}{motion}/{name}", value) for name, value in metrics.items())
    yield from _by_origin(trained.evaluation)


def _of_all(metrics: Mapping[str, float]) -> Iterator[Figure]:
    lead = told_at(LEAD)
    yield from (Figure(f"{LEAD_GROUP if name in lead else ALL_GROUP}/{name}", value) for name, value in metrics.items())


def _by_origin(evaluation: Evaluation) -> Iterator[Figure]:
    series = evaluation.backtest.by_origin().drop(columns=["snapshot_date"]).astype("float64")
    for step, row in enumerate(series.to_dict("records")):
        yield from (Figure(f"{ORIGIN_GROUP}/{name}", value, step) for name, value in row.items())


def plots_of(trained: TrainedModel, labels: Mapping[str, str] | None = None) -> dict[str, matplotlib.figure.Figure]:
    """File stem to plot. ``labels``: feature name to the words people see."""
    return {
        **evaluation_plots(trained.backtest),
        "shap_summary": summary_plot(trained.bundle.booster, trained.latest_rows, labels, seed=trained.settings.seed),
    }


def _tables(evaluation: Evaluation) -> dict[str, Content]:
    backtest, cross_sell = evaluation.backtest, evaluation.cross_sell_backtest
    tables = {
        "by_origin": backtest.by_origin(),
        "figures": backtest.figures,
        "bench": backtest.bench,
        "deciles": backtest.deciles,
        "months": backtest.months,
        "calibration": backtest.calibration,
        "columns": evaluation.columns,
        "cross_sell_products": pd.DataFrame() if cross_sell is None else cross_sell.days,
    }
    return {f"{TABLES}/{name}.csv": table for name, table in tables.items()}


def _decision_tags(decision: Decision | None) -> dict[str, str]:
    return {} if decision is None else {DECISION: str(decision.choice), BECAUSE: "; ".join(decision.because)}


def _decision_file(decision: Decision | None) -> dict[str, Content]:
    """The whole record."""
    return {} if decision is None else {"decision.json": json.dumps(decision.to_dict(), indent=2)}
