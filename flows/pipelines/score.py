"""The pipeline ``score``: the whole base on one day, explained, ranked and published."""

from datetime import date
from pathlib import Path
from typing import Any

from flows.run.runner import each, pipeline
from flows.run.settings import load
from flows.stages import inputs as steps
from flows.stages.base import opened_store, read_base


@pipeline("score")
def score(
    config: Path | str | None = None,
    source: str | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
    model: str | None = None,
) -> dict[str, Any]:
    """Score the base on ``snapshot_date`` (default: the day after the data ends) and publish the list.

    ``model`` is NAME@ALIAS, NAME/VERSION, VERSION, a run id or ``as-of``, the champion of that day (default: the
    champion, which is refused where it has seen what came after that day). Returns the published
    folder, and whether the list was there already.
    """
    settings = load(config, source, out)
    steps.require_playbook(settings)
    if settings.database is not None:
        settings.database.require()
    base, report = read_base(settings, snapshot_date)
    with base, opened_store(settings) as store:
        # LightGBM, scikit-learn and SciPy take seconds to import: what is wrong with the base is told before.
        from flows.pipelines.to_database import publish_tables, require_database
        from flows.privacy.retention import apply_retention
        from flows.stages.freshness import require_fresh
        from flows.stages.in_mlflow import log_published
        from flows.stages.scoring import (
            add_to_list,
            days_to_make,
            do_without,
            load_model,
            new_list,
            rank_and_publish,
            score_and_explain,
        )

        require_fresh(base, settings)
        require_database(settings)
        bundle, base = load_model(settings, model, base)
        with new_list(do_without(bundle, base, settings), base, settings, store) as making:
            shards = steps.shards(base, days_to_make(making), settings, for_list=True)
            for shard in each("features of a shard", shards):
                for context, rows in making.groups(shard):
                    scored = score_and_explain(making.models.of(context), rows, shard.cross_sell_options)
                    add_to_list(making, context, rows, scored, steps.details_of(shard), shard.facts)
            folder = rank_and_publish(making, report, base, settings)
        log_published(bundle, base.snapshot_date, making.drift.figures(), settings)
        apply_retention(settings, folder, base.snapshot_date)
    publish_tables(settings, base.snapshot_date)
    return {
        "folder": folder,
        "snapshot_date": base.snapshot_date,
        "version": bundle.version,
        "is_unchanged": making.publishing.is_unchanged,
    }
