"""The pipeline ``score``: the whole base on one day, explained, ranked and published."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from data.checks.report import Report
from features.build.build import full_catalogue
from flows.run.progress import say
from flows.run.runner import pipeline, stage
from flows.run.settings import Settings, load
from flows.stages import inputs as steps
from flows.stages.cross_sell import shards
from flows.stages.dates import Standing, as_date, stand_on
from flows.stages.history import check_source, read_source
from flows.stages.last_list import last_list
from flows.stages.warnings import require_features, require_same_rules, warnings
from models.estimators.bundle import Bundle
from models.registry.mlflow_store import RULE, ModelRegistry
from models.scoring.score import require_unchanged
from models.scoring.score import score as score_rows
from serving.publish import publish
from serving.published.assemble import assemble_batch
from serving.published.context import ListContext, known_people
from serving.published.layout import read_manifest
from serving.reasons.choose import measure
from serving.reasons.playbook import load as load_playbook

ACCOUNTS_AT_A_TIME = 20_000
"""Put into words at a time: with all its sentences an account takes some ten kilobytes."""


@stage("load model")
def load_model(settings: Settings, reference: str | None) -> Bundle:
    """The champion, or the model asked for; where there is no champion and the settings allow it, the rule."""
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    stands_in = reference is None and settings.training.without_model == "rule" and not registry.has_champion()
    bundle = registry.load(f"{settings.model}@{RULE}" if stands_in else reference)
    say(f"model {bundle.name} version {bundle.version}")
    require_same_rules(bundle, settings)
    return bundle


def context_of(bundle: Bundle, standing: Standing, settings: Settings) -> ListContext:
    """What is the same for every account of the list."""
    cards = full_catalogue() | steps.feature_cards(standing)
    return ListContext(
        snapshot_date=standing.snapshot_date,
        people=known_people(steps.read_people(standing.tables)),
        catalogue=cards,
        playbook=load_playbook(cards, settings.playbook_file, steps.likeness(standing)),
        settings=settings.serving,
        model_version=bundle.version,
        run_id=bundle.run_id,
        horizon_days=bundle.facts["horizon_days"],
        all_motions_modelled=bundle.all_motions_modelled,
        users_are_daily_peaks="usage_events" not in standing.tables,
    )


@stage("score, explain and publish")
def publish_list(bundle: Bundle, report: Report, standing: Standing, settings: Settings) -> Path:
    """Features, scores, attributions, reasons and plays go to disk batch by batch; then the base is ranked.

    Nothing is published, and an older list of that day stays, if a check fails on the way.
    """
    last = last_list(settings, standing.snapshot_date, bundle)
    context = replace(context_of(bundle, standing, settings), replaced_by=last.replaced_by(bundle))
    fingerprint, explained_by, references = steps.Fingerprint(), "", None
    with publish(settings.out_folder, context, last.listing) as publishing:
        for rows, options in shards(standing, settings):
            fingerprint.add(rows)
            scored = score_rows(bundle, rows, options)
            explained_by = scored.explained_by
            # A shard is drawn by chance, so the first one stands for the base.
            references = references or measure(scored.attributions, rows, context.catalogue)
            for start in range(0, len(rows), ACCOUNTS_AT_A_TIME):
                some = slice(start, start + ACCOUNTS_AT_A_TIME)
                accounts = scored.scores[some], scored.attributions[some], rows[some]
                change = last.change(bundle, *accounts, context.catalogue)
                publishing.add(assemble_batch(context, *accounts, references, change))
            require_unchanged(bundle, rows, scored)
            say(f"scored and explained {fingerprint.count:,} accounts")
        steps.require_customers(fingerprint.count, standing)
        publishing.describe(
            **steps.inputs(report, standing),
            **fingerprint.told(),
            stopped_feeds=steps.stopped_feeds(standing),
            model=_described(bundle, explained_by),
            withheld=dict(bundle.withheld),
            warnings=warnings(bundle, standing, settings.training.promotion),
            **steps.provenance(settings),
        )
        say("ranking, and writing the list")
    return publishing.place


def _described(bundle: Bundle, explained_by: str) -> dict[str, Any]:
    """What the manifest says of the model."""
    named = {"name": bundle.name, "version": bundle.version, "run_id": bundle.run_id}
    return {**named, "explained_by": explained_by, **bundle.facts}


@pipeline("score")
def score(
    config: Path | str | None = None,
    source: str | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
    model: str | None = None,
) -> dict[str, Any]:
    """Score the base on ``snapshot_date`` (default: the day after the data ends) and publish the list.

    ``model`` is NAME@ALIAS, NAME/VERSION, VERSION or a run id (default: the champion). Returns the published folder.
    """
    settings = load(config, source, out)
    bundle = load_model(settings, model)
    opened = read_source(settings)
    report = check_source(opened)
    standing = stand_on(opened, as_date(snapshot_date))
    require_features(bundle, steps.feature_cards(standing))
    folder = publish_list(bundle, report, standing, settings)
    say(read_manifest(folder, standing.snapshot_date)["changes"]["text"])
    return {"folder": folder, "snapshot_date": standing.snapshot_date, "version": bundle.version}
