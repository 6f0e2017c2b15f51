"""``python -m tests.operations.backfill``: six past months, each with the model that was trained then, scored again.

Each month a model is trained on what the source held then, and a list is published. Then the source has grown and 3% of
its rows have come late, and every month is scored again with ``--model as-of``.
"""

import argparse
import json
from datetime import date
from pathlib import Path

from data.simulation.base import simulate
from serving.published.layout import MANIFEST, place_of
from tests.flows.conftest import END, SEED
from tests.flows.test_backfill import grown
from tests.operations.processes import Home, working_folder
from tests.serving.world import files_of

ACCOUNTS, MONTHS = 700, 26
SETTINGS = """
[training]
signed_off = ["days_to_limit", "events_against_baseline"]
"""
"""What rows that have not come yet move on the last day alone: 3% of the rows of all other days have come."""
DAYS = tuple(date(2025, month, 1) for month in range(6, 12))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.operations.backfill", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--scratch", type=Path, help="where everything is kept")
    asked = parser.parse_args()
    with working_folder(asked.scratch) as scratch:
        simulate(scratch / "warehouse", asked.accounts, MONTHS, seed=SEED, end=END)
        there, home = grown(scratch / "warehouse", scratch / "sources", DAYS), Home(scratch)
        (home.folder / "headroom.toml").write_text(SETTINGS, encoding="utf-8")
        for day in DAYS:
            home.must("train", "--source", there[day], "--snapshot-date", day)
            home.must("score", "--source", there[day], "--snapshot-date", day, "--out", home.out)
        for day in DAYS:
            again = ("--source", there[END], "--snapshot-date", day, "--out", scratch / "again", "--model", "as-of")
            home.must("score", *again)
        for day in DAYS:
            print(_compared(place_of(home.out, day), place_of(scratch / "again", day)), flush=True)


def _compared(published: Path, rescored: Path) -> str:
    """What is the same of a list and of the one that was made again. The manifest also says what the source held."""
    before, after = files_of(published), files_of(rescored)
    differing = sorted(name for name in {*before, *after} - {MANIFEST} if before.get(name) != after.get(name))
    version, now = (json.loads(files[MANIFEST])["model_version"] for files in (before, after))
    same = f"{len(before) - 1 - len(differing)} of {len(before) - 1} files the same"
    return f"{published.name}: version {version}, again version {now}; {same}; differing: {differing or 'none'}"


if __name__ == "__main__":
    main()
