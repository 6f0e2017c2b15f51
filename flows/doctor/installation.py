"""The machine: versions that work together, room on the disks, and the channels that messages go by."""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from data.errors import some
from data.scratch import own_folder
from data.shown.text import on_one_line
from flows.doctor.diagnosis import Diagnosis, examination, look, ok, wrong
from flows.run.settings import Settings
from serving.messages.delivery.channels import opened
from serving.messages.delivery.operations import reached
from serving.messages.settings import EMAIL_URL

PROJECT = "headroom"
NAMED = ("prefect", "mlflow", "ibis-framework", "sqlalchemy", "fastapi")
"""Libraries whose versions are told where all are right."""
OF_THE_SYSTEM = ("lightgbm", "psycopg")
"""Libraries that load another one, which a system may lack: OpenMP, and libpq where `psycopg-binary` is not there."""
LONGEST_REFUSAL = 160
LITTLE_ROOM, NO_ROOM = 5 * 1024**3, 1024**3
"""Bytes: a month of lists of 20,000 accounts, and a run of one."""


@examination("versions")
def versions(_: Settings) -> Iterator[Diagnosis]:
    """Every library within the range that the project asks for: some newer ones fail without a word.

    And what needs a library of the system finds it.
    """
    asked = [Requirement(line) for line in requires(PROJECT) or ()]
    unmet = [said for one in asked if _concerns(one) and (said := _unmet(one))]
    python = Requirement(f"python{metadata(PROJECT)['Requires-Python']}")
    if not python.specifier.contains(platform.python_version()):
        unmet.append(f"Python {platform.python_version()} (needed: {python.specifier})")
    not_loaded = [said for name in OF_THE_SYSTEM if (said := _not_loaded(name))]
    if unmet:
        yield wrong(some(unmet), "Install it again with the constraints of the release: constraints.txt.")
    if not_loaded:
        yield wrong(
            "; ".join(not_loaded),
            "Install what it lacks: OpenMP for lightgbm (`apt-get install libgomp1`), psycopg-binary for psycopg.",
        )
    if not unmet and not not_loaded:
        there = ", ".join(f"{name} {version(name)}" for name in (PROJECT, *NAMED))
        yield ok(f"{there}, Python {platform.python_version()}")


def _concerns(asked: Requirement) -> bool:
    return asked.marker is None or asked.marker.evaluate({"extra": ""})


def _unmet(asked: Requirement) -> str:
    """What is wrong with a library; empty if nothing is."""
    try:
        there = version(asked.name)
    except PackageNotFoundError:
        return f"{asked.name} is not installed"
    return "" if asked.specifier.contains(there, prereleases=True) else f"{asked.name} {there} ({asked.specifier})"


def _not_loaded(name: str) -> str:
    """Why a library cannot be loaded; empty if it can."""
    try:
        import_module(name)
    except (ImportError, OSError) as error:
        return f"{name} cannot be loaded ({on_one_line(str(error), LONGEST_REFUSAL)})"
    return ""


@examination("disk")
def disk(settings: Settings) -> Iterator[Diagnosis]:
    """Room where lists, models and what a run lays down are written."""
    for what, folder in {
        "lists": settings.out_folder,
        "models": settings.mlruns_folder,
        "temporary files": own_folder(),
    }.items():
        free = shutil.disk_usage(_there(folder)).free
        told = f"{free / 1024**3:,.1f} GB left for {what} in {folder}"
        todo = "Make room, or let another folder be used: `out`, `mlruns`, TMPDIR."
        yield wrong(told, todo) if free < NO_ROOM else look(told, todo) if free < LITTLE_ROOM else ok(told)


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


@examination("channels")
def channels(settings: Settings) -> Iterator[Diagnosis]:
    """Which channels the environment names, without a word of their addresses."""
    with opened(os.environ) as there:
        owners = [channel.name for channel in there]
    yield ok(f"owners are told by {' and '.join(owners) or 'nothing: no channel is set here'}")
    emails = settings.notify.operations
    if emails and not os.environ.get(EMAIL_URL):
        yield look(
            f"`operations` of [notify] names {len(emails)} e-mails, and {EMAIL_URL} is not set here",
            f"Set {EMAIL_URL}.",
        )
    names = sorted({channel.name for channel, _ in reached(os.environ, emails)})
    yield ok(f"what comes of runs is told by {' and '.join(names) or 'nothing: no channel is set here'}")
