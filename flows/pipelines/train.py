"""The pipeline ``train``: learn from past expansions, test on later snapshots, decide, register the champion."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from data.errors import NotEnoughHistoryError
from flows.run.progress import say
from flows.run.runner import RETRIES, pipeline, stage
from flows.run.settings import Settings, load
from flows.stages import inputs as steps
from flows.stages.history import Known, evaluate_known, read_known, too_few, write_verdict
from flows.stages.in_mlflow import logged_data
from flows.stages.shown import show_decision
from flows.stages.warnings import other_rules, with_label_rules, with_rules
from models.estimators.bundle import Bundle
from models.estimators.categories import learn_categories
from models.evaluation import baselines
from models.evaluation.evaluation import Evaluation, prepare
from models.evaluation.verdict import Verdict, not_usable
from models.registry.champion import champion_of
from models.registry.glance import CHAMPION
from models.registry.mlflow_store import ModelRegistry
from models.registry.served_model import example_rows
from models.report.pages import card_page, evaluation_page
from models.report.run_record import evaluation_record, model_record, plots_of
from models.training.promotion import Choice, Decision, as_it_stands, decide, refused
from models.training.rule_model import best_rule_of, leaks_of, rule_bundle
from models.training.train import TrainedModel, fit_model


@stage("fit")
def fit(known: Known, evaluation: Evaluation) -> TrainedModel:
    """The model of today."""
    return with_rules(fit_model(evaluation, progress=say), known.settings)


@stage("decide")
def decide_promotion(known: Known, evaluation: Evaluation) -> tuple[Decision, str | None]:
    """Promote, keep or refuse, because; and the version that served when it was decided, if one did."""
    settings = known.settings
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    serving = registry.version_of(CHAMPION)
    champion, why_none = champion_of(registry)
    differing = other_rules(champion.bundle, settings) if champion else ""
    if champion and differing:  # it foretells something else, and would be refused by ``score``
        why_none = f"the champion, version {champion.bundle.version}, was trained with {differing}"
        champion = None
    decision = decide(evaluation, champion, settings.training.promotion, why_none)
    say(f"decision: {decision}")
    show_decision(decision)
    return decision, serving


@stage("register", retries=RETRIES)
def register(
    known: Known, trained: TrainedModel, decision: Decision, serving: str | None
) -> tuple[Bundle, dict[str, str], Decision]:
    """The model in MLflow with figures, plots, pages and the fingerprint of its data; the champion if so decided.

    Also returns the decision as it stands then: whom somebody made the champion since ``serving`` was stays it.
    """
    say("logging to MLflow")
    settings, base = known.settings, known.base
    data = steps.fingerprint(known.report, base, [known.history])
    parameters = {"snapshot_date": base.snapshot_date, **data, **steps.provenance(settings)}
    labels = {name: card.label for name, card in steps.feature_cards(base).items()}
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    sources = {
        f"Table {name}": f"{rows:,} rows, last day {data['input_watermarks'].get(name) or 'none'}"
        for name, rows in data["input_rows"].items()
    }
    rules = settings.expansion.model_dump()
    horizon_days = settings.expansion.horizon_days
    written: dict[str, str] = {}
    plots = plots_of(trained, labels)
    decision = as_it_stands(decision, serving, registry.version_of(CHAMPION))

    def pages(version: str) -> dict[str, str]:
        nonlocal decision
        decision = as_it_stands(decision, serving, registry.version_of(CHAMPION))
        title, evaluation = f"{settings.model}, version {version}", trained.evaluation
        written["backtest.html"] = evaluation_page(title, evaluation.verdict, horizon_days, evaluation, decision)
        written["model_card.html"] = card_page(trained, decision, settings.model, version, labels, rules, sources)
        return written

    record = model_record(
        trained,
        data["feature_rows_sha256"],
        parameters=parameters,
        plots=plots,
        decision=decision,
        data=logged_data(settings, data, known.features, "training"),
    )
    bundle = registry.log_model(trained.bundle, record, champion=lambda: decision.choice is Choice.PROMOTE, pages=pages)
    return bundle, written, decision


@stage("write pages", retries=RETRIES)
def write_pages(settings: Settings, pages: Mapping[str, str]) -> list[Path]:
    """The pages about the model, by name. Apart from the model, which a second try would register once more."""
    return [steps.write_page(settings.reports_folder, name, text) for name, text in pages.items()]


@stage("refuse", retries=RETRIES)
def refuse(known: Known, verdict: Verdict, evaluation: Evaluation | None) -> tuple[Path, str]:
    """The page that shows why, the record in MLflow, and the rule that may stand in if the settings allow it.

    Also returns what serves now, as part of a sentence.
    """
    page = write_verdict(known, verdict, evaluation)
    settings = known.settings
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    if evaluation is not None:
        record = evaluation_record(
            f"refused {known.base.snapshot_date}",
            evaluation,
            {"snapshot_date": known.base.snapshot_date, "verdict": str(verdict.kind)},
            {"verdict.html": page.read_text(encoding="utf-8")},
            refused(verdict),
        )
        registry.log_run(record)
    return page, _store_rule(known, verdict, evaluation) or "no champion was registered"


@stage("store the rule", retries=RETRIES)
def stand_in(known: Known, decision: Decision, evaluation: Evaluation) -> str:
    """The rule that may stand in for a model that was refused, if the settings allow it.

    What serves now, as part of a sentence; empty where no rule was stored.
    """
    return _store_rule(known, decision, evaluation)


def _store_rule(known: Known, why: Verdict | Decision, evaluation: Evaluation | None) -> str:
    settings = known.settings
    if settings.training.without_model != "rule":
        return ""
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    rows = evaluation.rows if evaluation else prepare(known.history, list(known.features))
    name = best_rule_of(evaluation) if evaluation else baselines.TRIGGER_POINTS
    bundle = rule_bundle(
        rows,
        list(known.features),
        name,
        why,
        settings.training_settings,
        learn_categories(known.history, known.features),
        leaks_of(evaluation) if evaluation else (),
    )
    stored = registry.log_rule(with_label_rules(bundle, settings), example_rows(bundle, rows))
    ranks = f"version {stored.version} ranks by the rule '{bundle.facts['rule']}'"
    say(f"{ranks} where there is no champion")
    if registry.has_champion():
        return f"{ranks}, and the champion goes on serving"
    return f"{ranks} and serves now: `headroom score` publishes its list"


@pipeline("train")
def train(
    config: Path | str | None = None, source: str | None = None, snapshot_date: date | str | None = None
) -> dict[str, Any]:
    """Train as if today were ``snapshot_date`` (default: the day after the data ends).

    Returns the version, the run id, the figures and the decision, and which rule stands in for a model that was
    refused. Raises ``NotUsableError``, with a page that shows why, if no model may be used.
    """
    settings = load(config, source)
    steps.require_playbook(settings)
    with read_known(settings, snapshot_date) as known:
        try:
            evaluation = evaluate_known(known)
        except NotEnoughHistoryError as error:
            verdict = too_few(error)
            raise not_usable(verdict, *refuse(known, verdict, None)) from error
        if not evaluation.verdict.usable:
            raise not_usable(evaluation.verdict, *refuse(known, evaluation.verdict, evaluation))
        trained = fit(known, evaluation)
        bundle, texts, decision = register(known, trained, *decide_promotion(known, evaluation))
        pages = write_pages(settings, texts)
        stands_in = stand_in(known, decision, evaluation) if decision.choice is Choice.REFUSE else ""
    return {
        "model": settings.model,
        "version": bundle.version,
        "run_id": bundle.run_id,
        "metrics": dict(trained.metrics),
        "withheld": dict(bundle.withheld),
        "decision": decision,
        "stands_in": stands_in,
        "statement": evaluation.verdict.because[0],
        "pages": pages,
    }
