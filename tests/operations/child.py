"""What runs in a process of its own: a command of Headroom, and a reader of what it publishes.

The processes are forked from one that has the libraries (``forkserver``): importing them takes longer than most of what
is asked of a small base.
"""

import hashlib
import json
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from data.atomic import whole_file
from flows.stages import inputs
from serving.published.layout import MANIFEST, folder_of

LIBRARIES = (
    "flows.cli",
    "flows.crm.writeback",
    "flows.pipelines.notify",
    "flows.pipelines.score",
    "flows.pipelines.to_database",
    "flows.pipelines.train",
    "flows.privacy.retention",
    "flows.stages.freshness",
    "flows.stages.in_mlflow",
    "flows.stages.scoring",
    "models.explain.kernels",
    "mlflow.pyfunc",
    "apprise.plugins.slack",
    "pyarrow.parquet",
    "psycopg",
    __name__,
)
"""What the process that all are forked from imports; none of it starts a thread."""
SLACK_AT, KEPT_ROWS = "OPERATIONS_SLACK_AT", "OPERATIONS_KEPT_ROWS"
"""Variables: the address of a webhook that stands in for Slack's; a folder in which rows that were built are kept."""

LOOKS_EVERY_SECONDS = 0.01


def command(arguments: tuple[str, ...], home: Path, variables: Mapping[str, str]) -> None:
    """Run ``headroom ARGUMENTS`` in a folder; what it says is added to ``said.txt`` there."""
    os.setsid()
    os.chdir(home)
    for name in [name for name in os.environ if name.startswith(("HEADROOM_", "PREFECT_"))]:
        del os.environ[name]
    os.environ.update(variables)
    tempfile.tempdir = None
    said = os.open(home / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    if SLACK_AT in variables:
        from apprise.plugins.slack import NotifySlack

        NotifySlack.webhook_url, NotifySlack.request_rate_per_sec = variables[SLACK_AT], 0
    if variables.get(KEPT_ROWS):
        keep_rows(Path(variables[KEPT_ROWS]))
    sys.argv = ["headroom", *arguments]
    from flows.cli import main

    main()


def keep_rows(folder: Path) -> None:
    """Build the rows of some snapshots once, for all processes: what comes after a build is what writes."""
    build = inputs.build

    def kept(base: Any, dates: list[date], rules: Any, **asked: Any) -> Iterator[Any]:
        key = repr((base.state, dates, rules, asked.get("for_list")))
        file = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.pickle"
        if not file.exists():
            shards = list(build(base, dates, rules, **asked))
            with whole_file(file) as new:
                new.write_bytes(pickle.dumps(shards))
        return iter(pickle.loads(file.read_bytes()))

    inputs.build = kept  # type: ignore[assignment]


def read_over_and_over(out: Path, day: date, url: str, seen: Path, until: Path) -> None:
    """Read the list of a day until a file is there, and write to ``seen`` how often, which ones, and what was torn."""
    told: dict[str, Any] = {"reads": 0, "torn": [], "lists": [], "database_reads": 0, "database_torn": []}
    while not until.exists():
        _read_files(out, day, told)
        if url:
            _read_database(url, day, told)
        time.sleep(LOOKS_EVERY_SECONDS)
    seen.write_text(json.dumps(told))


def _read_files(out: Path, day: date, told: dict[str, Any]) -> None:
    """All files of the list by the hashes of its manifest. It is torn where no other took its place meanwhile."""
    try:
        manifest = (folder_of(out, day) / MANIFEST).read_bytes()
    except FileNotFoundError:
        if not folder_of(out, day).exists() and not folder_of(out, day).exists():  # between two renames it is aside
            told["torn"].append(["no list"])
        return
    hashes = json.loads(manifest)["files_sha256"].items()
    wrong = [name for name, sha256 in hashes if _sha256(folder_of(out, day) / name) != sha256]
    told["reads"] += 1
    if wrong and _sha256(folder_of(out, day) / MANIFEST) == hashlib.sha256(manifest).hexdigest():
        told["torn"].append(wrong)
    written = hashlib.sha256(manifest).hexdigest()
    if not wrong and written not in told["lists"]:
        told["lists"].append(written)


def _read_database(url: str, day: date, told: dict[str, Any]) -> None:
    """Whether tables and manifest of a day say the same, in one statement, as a reader asks."""
    asked = """select manifest -> 'rows_out', (select count(*) from headroom.scores where snapshot_date = %(day)s),
                      (select count(*) from headroom.reasons where snapshot_date = %(day)s)
               from headroom.manifests where snapshot_date = %(day)s"""
    with psycopg.connect(url) as server:
        row = server.execute(asked, {"day": day}).fetchone()
    told["database_reads"] += 1
    if row is None or (row[0]["scores"], row[0]["reasons"]) != row[1:]:
        told["database_torn"].append(str(row))


def _sha256(file: Path) -> str:
    """The hash of a file; of one that is not there, no hash."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
