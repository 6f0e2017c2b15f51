"""The pipeline ``demo``: simulate, train, score, list, in one process and one folder."""

import os
from datetime import date
from pathlib import Path
from typing import Any

from data.atomic import whole_file
from data.errors import SettingsError, some
from data.simulation.base import simulate
from flows.pipelines.score import score
from flows.pipelines.train import train
from flows.run.progress import counting, say
from flows.run.runner import pipeline, runner, stage
from flows.run.settings import PREFIX, load
from flows.run.variables import NOT_SETTINGS

END = date(2026, 10, 1)
"""The simulated history ends before this day, which makes the demo the same on every day and machine."""

HARMLESS = ("LOG", "MLRUNS", "SERVING__", "SOURCE__MEMORY_LIMIT", "SOURCE__THREADS", "TRAINING__")
"""Variables that the demo takes over: how it runs and what its list shows; in an MLflow folder it has its own model."""

SETTINGS = """\
# The settings of the demo: its own tables, and a model of its own beside yours.
#   headroom top --config demo/headroom.toml

model = "headroom_demo"
out = "published"

[source]
url = "parquet://./warehouse"
"""


@stage("simulate")
def simulate_base(warehouse: Path, accounts: int, months: int, seed: int) -> None:
    """A customer base under ``warehouse``."""
    say(f"simulating {accounts:,} accounts over {months} months")
    simulate(warehouse, accounts, months, seed, END, progress=counting("simulated accounts"))


def refuse_other_settings(folder: Path) -> None:
    """Raise ``SettingsError`` where the demo would take the place of settings, lists or models that are not its own."""
    asked, there = f"Write the demo to {folder}.", folder / "headroom.toml"
    if there.exists() and there.read_text(encoding="utf-8") != SETTINGS:
        raise SettingsError(asked, f"{there} has settings of another kind.", "Give another folder with --folder.")
    if names := _of_others():
        raise SettingsError(
            asked,
            f"{some(names)} would lead it to what is not its own.",
            "Unset what is named; the demo has settings of its own.",
        )


def _of_others() -> list[str]:
    """The variables that are settings, and might name where lists, models and outcomes that are in use lie."""
    names = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.lower() not in NOT_SETTINGS)
    return [name for name in names if not name.upper().removeprefix(PREFIX).startswith(HARMLESS)]


def write_settings(folder: Path) -> Path:
    """The settings of the demo as a file."""
    with whole_file(folder / "headroom.toml") as file:
        file.write_text(SETTINGS, encoding="utf-8")
    return folder / "headroom.toml"


@pipeline("demo")
def demo(folder: Path, accounts: int, months: int, seed: int) -> dict[str, Any]:
    """Simulate, train and score under ``folder``. Returns where everything is."""
    warehouse, out = folder.resolve() / "warehouse", folder.resolve() / "published"
    runner().name_run(END)
    refuse_other_settings(folder)
    simulate_base(warehouse, accounts, months, seed)
    settings = write_settings(folder)
    train(config=settings, source=f"parquet://{warehouse}", snapshot_date=END)
    published = score(config=settings, source=f"parquet://{warehouse}", snapshot_date=END, out=out)
    page = published["folder"]
    return {
        "out": out,
        "paths": {
            "list": page / "list.html",
            "Excel": page / "list.xlsx",
            "tables": page,
            "warehouse": warehouse,
            "backtest": load(settings).reports_folder / "backtest.html",
            "model card": load(settings).reports_folder / "model_card.html",
            "settings": settings.resolve(),
            "MLflow": load(settings).mlruns_folder,
        },
    }
