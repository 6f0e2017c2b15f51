"""The pipeline ``score``: the whole base on one day, explained, ranked and published."""

from datetime import date
from pathlib import Path
from typing import Any

from flows.run.runner import each, pipeline
from flows.run.settings import load
from flows.stages.base import read_base


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
    standing, report = read_base(settings, snapshot_date)
    # LightGBM, scikit-learn and SciPy take seconds to import: what is wrong with the base is told before.
    from flows.stages.cross_sell import shards
    from flows.stages.scoring import add_to_list, load_model, new_list, rank_and_publish, score_and_explain

    bundle = load_model(settings, model, standing)
    with new_list(bundle, standing, settings) as making:
        for rows, options in each("features of a shard", shards(standing, settings)):
            scored = score_and_explain(bundle, rows, options)
            add_to_list(making, rows, scored)
        folder = rank_and_publish(making, report, standing, settings)
    return {"folder": folder, "snapshot_date": standing.snapshot_date, "version": bundle.version}
