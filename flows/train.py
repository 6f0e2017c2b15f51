"""The flow ``train``: learn from past expansions, test on later snapshots, register the champion."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow

from data.report import Report
from data.source import Source
from flows import steps
from flows.dates import Standing, as_date, stand_on, training_dates
from flows.progress import say
from flows.settings import Settings, load
from flows.tasks import in_memory
from flows.trust import with_rules
from models import record
from models.bundle import Bundle
from models.registry import Registry
from models.training import TrainedModel
from models.training import train as train_model

read_source = in_memory("read source")(steps.read_source)
check_source = in_memory("check source")(steps.check_source)


@in_memory("build history")
def build_history(standing: Standing, settings: Settings) -> pd.DataFrame:
    """Feature rows with labels, one per account and matured snapshot."""
    dates = training_dates(standing, settings.expansion.horizon_days)
    if not dates:
        return steps.no_history(standing, settings)
    say(f"learning from {len(dates)} snapshots, {dates[0]} to {dates[-1]}")
    return steps.add_labels(steps.build_rows(standing, dates, settings), standing, dates, settings)


@in_memory("fit")
def fit(history: pd.DataFrame, standing: Standing, settings: Settings) -> TrainedModel:
    """The tested model."""
    trained = train_model(history, list(steps.feature_cards(standing)), settings.training_settings, progress=say)
    return with_rules(trained, settings)


@in_memory("register")
def register(
    trained: TrainedModel, history: pd.DataFrame, report: Report, standing: Standing, settings: Settings
) -> Bundle:
    """The model in MLflow, with its figures, plots and the fingerprint of its data, as the champion."""
    say("logging to MLflow")
    data = steps.fingerprint(report, standing, history)
    parameters = {"snapshot_date": standing.snapshot_date, **data, **steps.provenance(settings)}
    labels = {name: card.label for name, card in steps.feature_cards(standing).items()}
    return Registry(settings.mlruns_folder, settings.model).log(
        trained,
        fingerprint=data["feature_rows_sha256"],
        plots=record.plots(trained, labels),
        parameters=parameters,
    )


@flow(name="train", validate_parameters=False)
def train(
    config: Path | str | None = None, source: str | None = None, snapshot_date: date | str | None = None
) -> dict[str, Any]:
    """Train as if today were ``snapshot_date`` (default: the day after the data ends).

    Returns the version, the run id and the figures of the new champion.
    """
    settings = load(config, source)
    opened: Source = read_source(settings)
    report = check_source(opened)
    standing = stand_on(opened, as_date(snapshot_date))
    history = build_history(standing, settings)
    trained = fit(history, standing, settings)
    bundle = register(trained, history, report, standing, settings)
    return {
        "model": settings.model,
        "version": bundle.version,
        "run_id": bundle.run_id,
        "metrics": dict(trained.metrics),
        "withheld": dict(bundle.withheld),
    }
