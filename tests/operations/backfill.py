"""``python -m tests.operations.backfill``: six past months, each with the model that was trained then, scored again.

Each month a model is trained on what the source held then, and a list is published. Then the source has grown and 3% of
its rows have come late, and every month is scored again with ``--model as-of``.

The trainings are those of the product, with nothing set. The base is as large as they ask for: the 18 months that they
warm up in and report lie before the first of the six, and among 1,000 accounts a model is seen to beat every rule.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from data.simulation.base import simulate
from serving.published.layout import MANIFEST, place_of
from tests.flows.conftest import END, SEED
from tests.flows.test_backfill import grown
from tests.operations.processes import Home, working_folder
from tests.serving.world import files_of

ACCOUNTS, MONTHS = 1_000, 30
DAYS = tuple(date(2025, month, 1) for month in range(6, 12))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.operations.backfill", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--scratch", type=Path, help="where everything is kept")
    asked = parser.parse_args()
    with working_folder(asked.scratch) as scratch:
        simulate(scratch / "warehouse", asked.accounts, MONTHS, seed=SEED, end=END)
        there, home = grown(scratch / "warehouse", scratch / "sources", DAYS), Home(scratch, trains={})
        for day in DAYS:
            home.must("train", "--source", there[day], "--snapshot-date", day)
            home.must("score", "--source", there[day], "--snapshot-date", day, "--out", home.out)
        for day in DAYS:
            again = ("--source", there[END], "--snapshot-date", day, "--out", scratch / "again", "--model", "as-of")
            home.must("score", *again)
        differing = [_differing(place_of(home.out, day), place_of(scratch / "again", day)) for day in DAYS]
    sys.exit(any(differing))


def _differing(published: Path, rescored: Path) -> list[str]:
    """The files of a list that are others when it is made again, which is told. The manifest, which also says what the
    source held, may differ; the version of the model may not.
    """
    before, after = files_of(published), files_of(rescored)
    differing = sorted(name for name in {*before, *after} - {MANIFEST} if before.get(name) != after.get(name))
    version, now = (json.loads(files[MANIFEST])["model_version"] for files in (before, after))
    same = f"{len(before) - 1 - len(differing)} of {len(before) - 1} files the same"
    print(f"{published.name}: version {version}, again version {now}; {same}; differing: {differing or 'none'}")
    return differing if version == now else [MANIFEST, *differing]


if __name__ == "__main__":
    main()
