"""The store of models: can it be opened, is its champion whole, and is it still retrained?"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd

from flows.doctor.diagnosis import Diagnosis, examination, look, ok, wrong
from flows.run.settings import Settings
from models.registry.database import require_database
from models.registry.glance import CHAMPION, RULE
from models.registry.mlflow_store import ModelRegistry

RETRAINED_WITHIN_DAYS = 45
"""The retrain is monthly; one that failed is noticed before the next one is due."""


@examination("models")
def models(settings: Settings) -> Iterator[Diagnosis]:
    """Open the store as a run does, and load the champion, whose files are compared with their hashes."""
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    if not registry.database.exists():
        yield look(f"there is no model store in {registry.folder}", "Run `headroom train`.")
        return
    require_database(registry.database)
    versions = registry.versions()
    mine = versions[versions["name"] == settings.model]
    yield _champion(registry, mine, may_be_rule=settings.training.without_model == "rule")
    if len(mine):
        yield _retrained(mine)


def _champion(registry: ModelRegistry, versions: pd.DataFrame, *, may_be_rule: bool) -> Diagnosis:
    serving = versions[[CHAMPION in aliases.split() for aliases in versions["aliases"]]]
    if len(serving):
        bundle = registry.load()
        days = _days_since(serving["created_at"].iloc[0])
        return ok(f"version {bundle.version} of {registry.name} is the champion, trained {days} days ago")
    if may_be_rule and registry.has(RULE):
        return ok("there is no champion; the rule stands in")
    return wrong(
        f"no version of {registry.name} in {registry.folder} is the champion",
        "Run `headroom train`, or let a version serve with `headroom promote VERSION`.",
    )


def _retrained(versions: pd.DataFrame) -> Diagnosis:
    days = _days_since(versions["created_at"].max())
    told = f"the latest version was trained {days} days ago"
    if days > RETRAINED_WITHIN_DAYS:
        return look(told, "See why `headroom train` has not run since; it runs monthly.")
    return ok(told)


def _days_since(moment: pd.Timestamp) -> int:
    return int((datetime.now(UTC) - moment.tz_localize("UTC")).days)
