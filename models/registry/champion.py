"""Who serves, and who served before: reading the champion, promoting by hand, rolling back."""

from datetime import date

from data.errors import ModelError
from models.estimators.bundle import Bundle, Champion, OutdatedModelError
from models.registry.glance import CHALLENGER, CHAMPION, PREVIOUS
from models.registry.mlflow_store import DECISION, PROMOTED, ModelRegistry, listed
from models.registry.terms import champion_on


def champion_of(registry: ModelRegistry) -> tuple[Champion | None, str]:
    """The champion and its own predictions of past days; None, and why, if there is none to compare with.

    One that another version of Headroom stored can be neither read nor served, so it holds no successor back.
    Raises ModelError for one that is damaged.
    """
    if not registry.has_champion():
        return None, "there is no champion"
    try:
        bundle = registry.load()
    except OutdatedModelError as error:
        version = registry.version_of(CHAMPION)
        return None, f"the champion, version {version}, can no longer be served: {error.clause}"
    return Champion(bundle, registry.table(bundle.run_id, "predictions")), ""


def served_before(registry: ModelRegistry, run_id: str) -> tuple[Bundle | None, str]:
    """The model of a run that a published list names; None, and what was found instead, if it cannot be read."""
    try:
        return registry.load(run_id), ""
    except ModelError as error:
        return None, error.clause


def load_as_of(registry: ModelRegistry, day: date) -> Bundle:
    """The model that was the champion on a day. Raises ModelError if none was, or if it is gone."""
    return registry.load(f"{registry.name}/{champion_on(registry.terms(), day, registry.name)}")


def promote(registry: ModelRegistry, reference: str | None, because: str) -> tuple[str, str]:
    """Make a version the champion by hand (default: the challenger). Returns ``(version, what was decided of it)``.

    Raises ModelError for a rule, which cannot be a champion, and for a version of a model of another name.
    """
    bundle = registry.load(reference or f"{registry.name}@{CHALLENGER}")
    if bundle.name != registry.name:
        raise ModelError(
            f"Promote {reference} to champion of {registry.name}.",
            f"it is version {bundle.version} of {bundle.name}, another model.",
            f'Choose a version of {registry.name}, or a configuration with model = "{bundle.name}".',
        )
    if "rule" in bundle.facts:
        raise ModelError(
            f"Promote version {bundle.version}.", "it is a rule, not a model.", "Choose the version of a model."
        )
    decided = registry.tags(bundle.run_id).get(DECISION, "nothing")
    registry.note(bundle.run_id, PROMOTED, because)
    registry.set_champion(bundle.version, by_hand=True)
    return bundle.version, decided


def rollback(registry: ModelRegistry) -> tuple[str, str]:
    """Let the previous champion serve again, and the present one be the previous. Returns ``(now, before)``.

    Raises ModelError, and the present one stays, if there is none before it or that cannot be served any more.
    """
    before, now = registry.version_of(CHAMPION), registry.version_of(PREVIOUS)
    if before is None or now is None or now == before:  # the same: to make another the champion was broken off
        raise ModelError(
            f"Roll {registry.name} back.",
            f"no champion before the present one; {listed(registry.versions())}.",
            "Name a version: `headroom promote VERSION`.",
        )
    registry.load(f"{registry.name}/{now}")
    registry.set_champion(now, by_hand=True)
    return now, before
