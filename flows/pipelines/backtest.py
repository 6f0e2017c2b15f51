"""The pipeline ``backtest``: the monthly retrain replayed over past months, on a page and in MLflow."""

from datetime import date
from pathlib import Path
from typing import Any

from data.errors import NotEnoughHistoryError
from flows.run.progress import say
from flows.run.runner import RETRIES, pipeline, stage
from flows.run.settings import load
from flows.stages import inputs as steps
from flows.stages.history import Known, evaluate_known, read_known, too_few, write_verdict
from flows.stages.in_mlflow import logged_data
from models.evaluation.evaluation import Evaluation
from models.evaluation.verdict import not_usable
from models.registry.mlflow_store import ModelRegistry
from models.report.pages import evaluation_page
from models.report.run_record import evaluation_record


@stage("write backtest", retries=RETRIES)
def write_backtest(known: Known, evaluation: Evaluation) -> tuple[Path, str]:
    """The page, and the run in MLflow with the page, the figures and the tables behind them."""
    settings = known.settings
    title = f"Backtest as of {known.base.snapshot_date}"
    page = evaluation_page(title, evaluation.verdict, settings.expansion.horizon_days, evaluation)
    say("logging to MLflow")
    data = steps.fingerprint(known.report, known.base, [known.history])
    parameters = {
        "snapshot_date": known.base.snapshot_date,
        "verdict": str(evaluation.verdict.kind),
        "because": "; ".join(evaluation.verdict.because),
        "data_fingerprint": data["feature_rows_sha256"],
        **steps.provenance(settings),
    }
    record = evaluation_record(
        f"backtest {known.base.snapshot_date}",
        evaluation,
        parameters,
        {"backtest.html": page},
        data=logged_data(settings, data, known.features, "backtest"),
    )
    run_id = ModelRegistry(settings.mlruns_folder, settings.model).log_run(record)
    return steps.write_page(settings.reports_folder, "backtest.html", page), run_id


@pipeline("backtest")
def backtest(
    config: Path | str | None = None, source: str | None = None, snapshot_date: date | str | None = None
) -> dict[str, Any]:
    """Replay as if today were ``snapshot_date`` (default: the day after the data ends).

    Returns the page, the run id, the verdict and the figures. Raises ``NotUsableError``, with a page, if there is too
    little to replay.
    """
    with read_known(load(config, source), snapshot_date) as known:
        try:
            evaluation = evaluate_known(known)
        except NotEnoughHistoryError as error:
            verdict = too_few(error)
            raise not_usable(verdict, write_verdict(known, verdict, None)) from error
        page, run_id = write_backtest(known, evaluation)
    return {"page": page, "run_id": run_id, "verdict": evaluation.verdict, "figures": evaluation.backtest.figures}
