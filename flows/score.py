"""The flow ``score``: the whole base on one day, explained, ranked and published."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow

from data.report import Report
from features.build import full_catalogue
from flows import steps
from flows.dates import Standing, as_date, stand_on
from flows.learning import check_source, read_source
from flows.progress import say
from flows.settings import Settings, load
from flows.tasks import in_memory
from flows.trust import require_same_rules, warnings
from models.bundle import Bundle
from models.offers import Owned
from models.registry import RULE, Registry
from models.scoring import Scored
from models.scoring import score as score_rows
from serving.playbook import load as load_playbook
from serving.publish import previous, publish
from serving.snapshot import assemble

build_rows = in_memory("build feature rows")(steps.base_rows)


@in_memory("load model")
def load_model(settings: Settings, reference: str | None) -> Bundle:
    """The champion, or the model asked for; where there is no champion and the settings allow it, the rule."""
    registry = Registry(settings.mlruns_folder, settings.model)
    stands_in = reference is None and settings.training.without_model == "rule" and not registry.has_champion()
    bundle = registry.load(f"{settings.model}@{RULE}" if stands_in else reference)
    say(f"model {settings.model} version {bundle.version}")
    require_same_rules(bundle, settings)
    return bundle


@in_memory("score rows")
def score_base(bundle: Bundle, rows: pd.DataFrame, owned: Owned) -> Scored:
    """Propensities and the exact attributions of the same booster."""
    say(f"scoring and explaining {len(rows):,} accounts")
    return score_rows(bundle, rows, owned)


@in_memory("publish")
def publish_list(
    scored: Scored, rows: pd.DataFrame, bundle: Bundle, report: Report, standing: Standing, settings: Settings
) -> Path:
    """Reasons, plays, ranking and exclusions, written whole or not at all."""
    say("reasons, plays and ranking")
    cards = full_catalogue() | steps.feature_cards(standing)
    snapshot = assemble(
        standing.snapshot_date,
        scored.scores,
        scored.attributions,
        rows,
        steps.read_people(standing.tables),
        catalogue=cards,
        playbook=load_playbook(cards, settings.playbook_file),
        settings=settings.serving,
        model_version=bundle.version,
        run_id=bundle.run_id,
        horizon_days=bundle.facts["horizon_days"],
        previous=previous(settings.out_folder, standing.snapshot_date),
        users_are_daily_peaks="usage_events" not in standing.tables,
    )
    manifest = {
        **steps.fingerprint(report, standing, rows),
        "stopped_feeds": steps.stopped_feeds(standing),
        "model": {
            "name": settings.model,
            "version": bundle.version,
            "run_id": bundle.run_id,
            "explained_by": scored.explained_by,
            **bundle.facts,
        },
        "withheld": dict(bundle.withheld),
        "warnings": warnings(bundle, standing),
        **steps.provenance(settings),
    }
    return publish(settings.out_folder, snapshot, manifest)


@flow(name="score", validate_parameters=False)
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
    rows = build_rows(standing, settings)
    folder = publish_list(
        score_base(bundle, rows, steps.read_owned(standing)), rows, bundle, report, standing, settings
    )
    return {"folder": folder, "snapshot_date": standing.snapshot_date, "version": bundle.version}
