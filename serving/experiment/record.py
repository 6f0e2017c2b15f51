"""What a published list records of an experiment, and what the next one goes on from."""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from data.errors import SettingsError
from serving.settings import ExperimentSettings

EXPERIMENT = "experiment"
"""What a manifest says of it: null before its start, and without one."""


def described(experiment: ExperimentSettings, day: date) -> dict[str, Any] | None:
    """What the manifest of a day's list says; the salt as a hash, since it would tell who is held out."""
    if not experiment.has_begun_on(day):
        return None
    salted = f"{experiment.name}\n{experiment.salt}"
    return {
        "name": experiment.name,
        "salt_sha256": hashlib.sha256(salted.encode()).hexdigest(),
        "held_out_share": experiment.held_out_share,
        "start": str(experiment.start),
    }


def goes_on(experiment: ExperimentSettings, day: date, horizon_days: int, manifest: Mapping[str, Any]) -> bool:
    """Does an experiment go on from a list with that manifest, in lists that look so many days ahead?

    Raises SettingsError where it has the same name and was set otherwise: who was drawn by other rules, or is watched
    for another time, cannot be counted with the others.
    """
    before, now = manifest.get(EXPERIMENT), described(experiment, day)
    if before is None or now is None or before["name"] != now["name"]:
        return False
    changed = [f"{name.removesuffix('_sha256')} under [experiment]" for name in now if before[name] != now[name]]
    if manifest["horizon_days"] != horizon_days:
        changed.append("horizon_days under [expansion]")
    if changed:
        raise SettingsError(
            f"Go on with the experiment {experiment.name} on the list of {day}.",
            f"{', '.join(changed)} {'is' if len(changed) == 1 else 'are'} not what it began with.",
            "Put back what it began with, or give the new experiment another name.",
        )
    return True
