"""The pipeline ``demo``: simulate, train, score, list, in one process and one folder."""

import os
from datetime import date
from pathlib import Path
from typing import Any

from data.atomic import whole_file
from data.errors import SettingsError
from data.simulation.base import simulate
from flows.pipelines.score import score
from flows.pipelines.train import train
from flows.run.progress import counting, say
from flows.run.runner import pipeline, runner, stage
from flows.run.settings import load

END = date(2026, 10, 1)
"""The simulated history ends before this day, which makes the demo the same on every day and machine."""

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
    """Raise ``SettingsError`` where the demo would take the place of settings, or of a model, that are not its own."""
    asked, there = f"Write the demo to {folder}.", folder / "headroom.toml"
    if there.exists() and there.read_text(encoding="utf-8") != SETTINGS:
        raise SettingsError(asked, f"{there} has settings of another kind.", "Give another folder with --folder.")
    if "HEADROOM_MODEL" in os.environ:
        raise SettingsError(
            asked,
            "HEADROOM_MODEL names a model, whose versions the demo's would stand among.",
            "Unset it; the demo has a model of its own.",
        )


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
