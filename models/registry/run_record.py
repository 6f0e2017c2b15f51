"""What is kept about a trained model beside the model: parameters, figures, tables, plots."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.figure
import pandas as pd

from models.estimators.bundle import Bundle
from models.evaluation.evaluation import Study
from models.report.plots import study_plots
from models.report.shap_plot import summary_plot
from models.training.train import TrainedModel

BUNDLE, TABLES, PLOTS = "bundle", "tables", "plots"


class Figure(NamedTuple):
    """One number about a model; ``step`` counts the reported snapshots where it is one of a series."""

    name: str
    value: float
    step: int = 0


def parameters(trained: TrainedModel) -> dict[str, Any]:
    """Settings and facts under flat names: ``boosting.learning_rate``, ``fact.rows``."""
    flat: dict[str, Any] = {"features": len(trained.bundle.feature_names)}
    for name, value in trained.settings.model_dump().items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    flat |= {f"fact.{name}": value for name, value in trained.bundle.facts.items()}
    return flat | {f"withheld.{motion}": reason for motion, reason in trained.bundle.withheld.items()}


def study_figures(found: Study) -> Iterator[Figure]:
    """``auc`` once; ``origin_auc`` once per reported snapshot."""
    yield from (Figure(name, value) for name, value in found.metrics().items())
    yield from _by_origin(found)


def figures(trained: TrainedModel) -> Iterator[Figure]:
    """``auc``, ``upsell_auc`` once; ``origin_auc`` once per reported snapshot."""
    yield from (Figure(name, value) for name, value in trained.metrics.items())
    for motion, told in trained.motion_metrics.items():
        yield from (Figure(f"{motion}_{name}", value) for name, value in told.items())
    yield from _by_origin(trained.study)


def _by_origin(found: Study) -> Iterator[Figure]:
    series = found.backtest.by_origin().drop(columns=["snapshot_date"]).astype("float64")
    for step, row in enumerate(series.to_dict("records")):
        yield from (Figure(f"origin_{name}", value, step) for name, value in row.items())


def plots(trained: TrainedModel, labels: Mapping[str, str] | None = None) -> dict[str, matplotlib.figure.Figure]:
    """File stem to plot. ``labels``: feature name to the words people see."""
    return {
        **study_plots(trained.backtest),
        "shap_summary": summary_plot(trained.bundle.booster, trained.latest_rows, labels, seed=trained.settings.seed),
    }


def write(folder: Path, trained: TrainedModel, drawn: Mapping[str, matplotlib.figure.Figure]) -> None:
    """Write the bundle, the tables and the plots, each kind into a folder of its own."""
    for kind in (TABLES, PLOTS):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    write_bundle(folder, trained.bundle)
    tables = {
        "by_origin": trained.backtest.by_origin(),
        "figures": trained.backtest.figures,
        "bench": trained.backtest.bench,
        "deciles": trained.backtest.deciles,
        "months": trained.backtest.months,
        "calibration": trained.backtest.calibration,
        "columns": trained.study.columns,
        "cross_sell_products": pd.DataFrame() if trained.study.offered is None else trained.study.offered.days,
    }
    for name, table in tables.items():
        table.to_csv(folder / TABLES / f"{name}.csv", index=False)
    trained.predictions.to_parquet(folder / TABLES / "predictions.parquet", index=False)
    (folder / "features.json").write_text(json.dumps(list(trained.bundle.feature_names), indent=1), encoding="utf-8")
    for name, figure in drawn.items():
        figure.savefig(folder / PLOTS / f"{name}.png", dpi=110)


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write what scoring needs into a folder of its own."""
    (folder / BUNDLE).mkdir(parents=True, exist_ok=True)
    for name, text in bundle.to_files().items():
        (folder / BUNDLE / name).write_text(text, encoding="utf-8")
