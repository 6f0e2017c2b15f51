"""The flow ``score``: the whole base on one day, explained, ranked and published."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow

from data.checks.report import Report
from data.sources.known import KnownBase
from features.catalogue import full_catalogue
from flows.run.progress import say
from flows.run.settings import Settings, load
from flows.run.tasks import in_memory
from flows.stages import inputs as steps
from flows.stages.dates import known_base
from flows.stages.history import check_source, read_source
from flows.stages.last_list import last_list
from flows.stages.warnings import require_features, require_same_rules, warnings
from models.estimators.bundle import Bundle
from models.registry.mlflow_store import RULE, Registry
from models.scoring.score import require_unchanged
from models.scoring.score import score as score_rows
from serving.publish import publish
from serving.published.assemble import Part, Terms, known_people, make_part
from serving.reasons.choose import measure
from serving.reasons.playbook import load as load_playbook

ACCOUNTS_AT_A_TIME = 20_000
"""Put into words at a time: with all its sentences an account takes some ten kilobytes."""


@in_memory("load model")
def load_model(settings: Settings, reference: str | None) -> Bundle:
    """The champion, or the model asked for; where there is no champion and the settings allow it, the rule."""
    registry = Registry(settings.mlruns_folder, settings.model)
    stands_in = reference is None and settings.training.without_model == "rule" and not registry.has_champion()
    bundle = registry.load(f"{settings.model}@{RULE}" if stands_in else reference)
    say(f"model {bundle.name} version {bundle.version}")
    require_same_rules(bundle, settings)
    return bundle


def terms_of(bundle: Bundle, base: KnownBase, settings: Settings) -> Terms:
    """What is the same for every account of the list."""
    cards = full_catalogue() | steps.feature_cards(base)
    return Terms(
        snapshot_date=base.snapshot_date,
        people=known_people(steps.read_people(base.tables)),
        catalogue=cards,
        playbook=load_playbook(cards, settings.playbook_file, steps.likeness(base)),
        settings=settings.serving,
        model_version=bundle.version,
        run_id=bundle.run_id,
        horizon_days=bundle.facts["horizon_days"],
        all_motions_modelled=bundle.all_motions_modelled,
        users_are_daily_peaks=base.users_are_daily_peaks,
    )


@in_memory("score, explain and publish")
def publish_list(bundle: Bundle, report: Report, base: KnownBase, settings: Settings) -> Path:
    """Features, scores, attributions, reasons and plays go to disk part by part; then the base is ranked.

    Nothing is published, and an older list of that day stays, if a check fails on the way.
    """
    last = last_list(settings, base.snapshot_date, bundle)
    terms = replace(terms_of(bundle, base, settings), replaced_by=last.replaced_by(bundle))
    found = steps.Fingerprint()
    explained_by = ""

    def parts() -> Iterator[Part]:
        nonlocal explained_by
        accounts, held_against = 0, None
        for shard in steps.shards(base, [base.snapshot_date], settings, with_options=True):
            rows = shard.rows.to_pandas()
            found.add(rows)
            scored = score_rows(bundle, rows, shard.cross_sell_options)
            explained_by = scored.explained_by
            # A shard is drawn by chance, so the first one stands for the base.
            held_against = held_against or measure(scored.attributions, rows, terms.catalogue)
            for start in range(0, len(rows), ACCOUNTS_AT_A_TIME):
                some = slice(start, start + ACCOUNTS_AT_A_TIME)
                told = scored.scores[some], scored.attributions[some], rows[some]
                change = last.change(bundle, *told, terms.catalogue)
                yield make_part(terms, *told, held_against, change)
            require_unchanged(bundle, rows, scored)
            accounts += len(rows)
            say(f"scored and explained {accounts:,} accounts")
        steps.require_customers(accounts, base)
        say("ranking, and writing the list")

    def manifest() -> dict[str, Any]:
        return {
            **steps.inputs(report, base),
            **found.told(),
            "stopped_feeds": steps.stopped_feeds(base),
            "model": {
                "name": bundle.name,
                "version": bundle.version,
                "run_id": bundle.run_id,
                "explained_by": explained_by,
                **bundle.facts,
            },
            "withheld": dict(bundle.withheld),
            "warnings": warnings(bundle, base, settings.training.promotion),
            **steps.provenance(settings),
        }

    return publish(settings.out_folder, terms, parts(), last.snapshot, manifest)


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
    with read_source(settings) as opened:
        report = check_source(opened)
        base = known_base(opened, snapshot_date)
        require_features(bundle, steps.feature_cards(base))
        folder = publish_list(bundle, report, base, settings)
    say(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["changes"]["text"])
    return {"folder": folder, "snapshot_date": base.snapshot_date, "version": bundle.version}
