"""What a run of monitoring tells: the alarms that stand, lines for a terminal, figures for MLflow."""

from collections.abc import Iterator, Mapping
from datetime import date
from math import isfinite
from typing import Any

import pandas as pd

from data.checks.report import many
from data.errors import ModelError
from flows.run.progress import say
from flows.run.runner import RETRIES, runner, stage
from flows.run.settings import Settings
from models.evaluation.metrics import words_of
from models.monitoring.alarms import KINDS, Alarm, in_order, owner_of
from models.monitoring.drift import weighted_psi
from models.monitoring.scoreboard import LIST, MODEL
from models.registry.mlflow_store import ModelRegistry
from models.registry.records import Figure, RunRecord
from serving.monitoring.standing import StandingAlarm, answers_in, stand
from serving.monitoring.store import Monitoring

LEAD_GROUP, MATURED_GROUP, DRIFT_GROUP = "1_lead", "2_matured", "3_drift"
"""Groups of the figures in MLflow, before the slash of their names."""
LEADING = ("precision_at_20", "lift_at_20", "forecast_over_realised")
"""The figures of the latest matured list that lead, beside the alarms and how far the features moved."""
TOLD = {LIST: ("precision_at_20", "lift_at_20"), MODEL: ("auc", "forecast_over_realised", "arr_forecast_over_realised")}
"""Those that a terminal has of a list."""


def standing_alarms(
    alarms: list[Alarm], before: Monitoring | None, day: date, settings: Settings
) -> tuple[StandingAlarm, ...]:
    """The alarms with what people are told of each, since when they stand and what was answered."""
    told = [
        StandingAlarm(
            key=alarm.key,
            title=KINDS[alarm.code].title,
            text=alarm.text,
            test=KINDS[alarm.code].test,
            value=float(alarm.value) if isfinite(alarm.value) else None,
            threshold=alarm.threshold,
            owner=owner_of(alarm.code, settings.monitor),
            next_step=KINDS[alarm.code].next_step,
            since=day,
        )
        for alarm in in_order(alarms)
    ]
    last, answers = before.alarms if before else (), answers_in(settings.out_folder)
    return tuple(stand(told, last, answers, day, settings.monitor.answer_days))


def lines_of(found: Monitoring) -> Iterator[str]:
    """What the run found: the lists that matured, those that are pending, and the alarms."""
    lists, figures = found.frames["lists"], found.frames["figures"]
    for row in lists.to_dict("records"):
        yield _matured_line(row, figures) if row["is_matured"] else _pending_line(row)
    yield f"{many(len(found.alarms), 'alarm')} on {found.day}" + (":" if found.alarms else "")
    yield from (alarm.line() for alarm in found.alarms)


def _pending_line(row: Mapping[Any, Any]) -> str:
    return f"{row['snapshot_date']}: pending until {row['matures_on']}, {row['share_come']:.0%} of its days have come"


def _matured_line(row: Mapping[Any, Any], figures: pd.DataFrame) -> str:
    values = _figures_on(figures, row["snapshot_date"])
    told = [f"{words_of(name)} {values[of, name]:.2f}" for of in TOLD for name in TOLD[of] if (of, name) in values]
    knew = " (its model had learnt from these days)" if row["learnt_ahead"] else ""
    return (
        f"{row['snapshot_date']}: {row['expansions']:,} of {row['accounts'] - row['without_outcome']:,} accounts "
        f"expanded, {row['hits_in_books']:,} of the {row['first_of_books']:,} first of the owners' books; "
        f"{', '.join(told)}{knew}"
    )


def _figures_on(figures: pd.DataFrame, day: object) -> dict[tuple[str, str], float]:
    of_day = figures[(figures["snapshot_date"] == day) & figures["value"].notna()]
    return {(row["of"], row["metric"]): row["value"] for row in of_day.to_dict("records")}


def show_alarms(found: Monitoring) -> None:
    """The alarms as a table, where the run is kept."""
    rows = ({"alarm": a.key, "what": a.text, "owner": a.owner, "next step": a.next_step} for a in found.alarms)
    runner().show_table("alarms", rows, f"Alarms on {found.day}.")


def log_monitoring(found: Monitoring, settings: Settings) -> None:
    """Log the figures to MLflow. They are written: where they cannot be logged, that is a warning."""
    try:
        say(f"logged to MLflow as run {_log(found, settings)}")
    except ModelError as error:
        say(f"warning: what monitoring found is written, and is not in MLflow: {error.clause}. {error.todo}")


@stage("log to MLflow", retries=RETRIES)
def _log(found: Monitoring, settings: Settings) -> str:
    lists = found.frames["lists"]
    parameters = {"day": str(found.day), "latest_list": str(lists["snapshot_date"].max()), "lists": len(lists)}
    record = RunRecord(
        name=f"monitor {found.day}",
        parameters=parameters,
        figures=tuple(_figures(found)),
        tags={name: str(value) for name, value in parameters.items()},
        description="; ".join(alarm.text for alarm in found.alarms) or "No alarm.",
    )
    return ModelRegistry(settings.mlruns_folder, settings.model).log_monitoring(record)


def _figures(found: Monitoring) -> Iterator[Figure]:
    """Every figure under its group: five lead."""
    figures, drift = found.frames["figures"], found.frames["drift"]
    values = _figures_on(figures, figures["snapshot_date"].max())
    yield Figure(f"{LEAD_GROUP}/alarms", len(found.alarms))
    yield Figure(f"{LEAD_GROUP}/weighted_psi", weighted_psi(drift))
    for (of, name), value in values.items():
        leads = name in LEADING and of == (LIST if (LIST, name) in values else MODEL)
        yield Figure(f"{LEAD_GROUP if leads else f'{MATURED_GROUP}_{of}'}/{name}", value)
    yield from (Figure(f"{DRIFT_GROUP}/{row['column']}", row["psi"]) for row in drift.to_dict("records"))
