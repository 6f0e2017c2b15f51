"""What is paid again: a training, that of the next month, and its list: ``python -m tests.bench.again FOLDER PIECE``.

They run over the demo's tables, one after the other, in a folder where nothing is kept at first. The last line of the
output is JSON: CPU seconds of the ``work``.
"""

import json
import shutil
import sys
import time
from datetime import date
from pathlib import Path

import flows  # noqa: F401  prepares the environment before anything imports Prefect or MLflow

SETTINGS = "headroom.toml"
PIECES = {
    "first": ("train", date(2026, 9, 1), "the first training, as of 1 September"),
    "next": ("train", date(2026, 10, 1), "the next, as of 1 October"),
    "list": ("score", date(2026, 10, 1), "its list of that day"),
}
"""What runs, as of which day, and how the page names it."""


def prepare(demo: Path, folder: Path) -> None:
    """A folder over the tables of a demo, with settings and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / SETTINGS).write_text(f'[source]\nurl = "parquet://{demo / "warehouse"}"\nthreads = 1\n', encoding="utf-8")


def main(folder: Path, piece: str) -> None:
    command, day, _ = PIECES[piece]
    began = time.process_time()
    if command == "train":
        from flows.pipelines.train import train as run
    else:
        from flows.pipelines.score import score as run
    run(config=folder / SETTINGS, snapshot_date=day)
    print(json.dumps({"work": time.process_time() - began}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
