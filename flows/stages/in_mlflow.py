"""What MLflow keeps beside the models: the data that a run read, and what a published list came to."""

from collections.abc import Iterator, Mapping, Sized
from datetime import date
from typing import Any

from data.digests import sha256_of_file
from data.errors import ModelError
from data.sources.address import BARE
from flows.run.progress import say
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from models.estimators.bundle import Bundle
from models.estimators.reference import MUCH
from models.registry.mlflow_store import ModelRegistry
from models.registry.records import Figure, LoggedData, RunRecord
from serving.published.layout import MANIFEST
from serving.published.read import PublishedList, open_list

COUNTS_GROUP, LIST_GROUP, DRIFT_GROUP = "1_counts", "2_list", "3_drift"
"""Groups of a list's figures, before the slash of their names."""


def logged_data(settings: Settings, known: Mapping[str, Any], features: Sized, use: str) -> LoggedData:
    """The feature rows of a run. ``known``: what ``Fingerprint`` told of them."""
    sha256, rows = known["feature_rows_sha256"], known["feature_rows"]
    kind = settings.address.scheme or BARE
    return LoggedData("feature rows", kind, settings.address.shown, sha256, rows, len(features), use)


def log_published(bundle: Bundle, day: date, drift: Mapping[str, float], settings: Settings) -> None:
    """Log the list of the day to MLflow. It is published: where it cannot be logged, that is a warning."""
    far = [f"{name} {value:.2f}" for name, value in drift.items() if value > MUCH]
    if far:
        say(f"since the model was trained the base has moved (PSI above {MUCH}): {', '.join(far)}")
    try:
        run_id = log_list(bundle, day, drift, settings)
    except ModelError as error:
        say(f"warning: the list is published, and is not in MLflow: {error.clause}. {error.todo}")
    else:
        say(f"logged to MLflow as run {run_id}")


@stage("log to MLflow", retries=RETRIES)
def log_list(bundle: Bundle, day: date, drift: Mapping[str, float], settings: Settings) -> str:
    """Counts, sums and drift of the published list, with the place where it lies. Raises ``ModelError``."""
    listing = open_list(settings.out_folder, day)
    record = list_record(listing, bundle, drift, settings)
    return ModelRegistry(settings.mlruns_folder, settings.model).log_list(record)


def list_record(listing: PublishedList, bundle: Bundle, drift: Mapping[str, float], settings: Settings) -> RunRecord:
    """The record of a published list. ``drift``: the population stability index by column."""
    manifest, folder = listing.manifest, listing.folder.resolve()
    named = {"model": bundle.name, "model_version": bundle.version, "model_run_id": bundle.run_id}
    parameters = {"snapshot_date": manifest["snapshot_date"], **named, "folder": folder}
    about = {name: manifest[name] for name in ("rank_by", "horizon_days", "config_hash", "code_version")}
    written = sha256_of_file(folder / MANIFEST)
    return RunRecord(
        name=f"score {manifest['snapshot_date']}",
        parameters={**parameters, **about},
        figures=tuple(_figures(listing, drift)),
        tags={**{name: str(value) for name, value in parameters.items()}, "manifest_sha256": written},
        description=f"The list of {manifest['snapshot_date']} by version {bundle.version} of {bundle.name}: "
        f"[{folder}]({(folder / 'list.html').as_uri()})",
        data=logged_data(settings, manifest, bundle.feature_names, "scoring"),
    )


def _figures(listing: PublishedList, drift: Mapping[str, float]) -> Iterator[Figure]:
    manifest, scores = listing.manifest, listing.scores("propensity", "expected_arr")
    counts = {"scored": manifest["rows_out"]["scores"], **{name: manifest[name] for name in ("ranked", "excluded")}}
    sums = {
        "expected_expansions": scores["propensity"].sum(),
        "expected_arr": scores["expected_arr"].sum(min_count=1),
        "mean_propensity": scores["propensity"].mean(),
    }
    for group, figures in ((COUNTS_GROUP, counts), (LIST_GROUP, sums), (DRIFT_GROUP, drift)):
        yield from (Figure(f"{group}/{name}", float(value)) for name, value in figures.items())
