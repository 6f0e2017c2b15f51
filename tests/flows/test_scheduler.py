"""A real schedule: server, work pool, worker, a deployment of prefect.yaml on a one-minute cron, a published list."""

import shutil
from pathlib import Path

import pytest

from tests.flows.scheduling import WORKER, prefect, running, served, wait_for
from tests.house import ROOT

FIRES_WITHIN_SECONDS = 300


@pytest.mark.scheduler
def test_the_weekly_score_fires_on_its_cron_and_publishes(
    warehouse: Path, trained_mlruns: Path, tmp_path: Path
) -> None:
    """The deployment as it stands in prefect.yaml, with only the cron made shorter."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("prefect.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / "flows", project / "flows")
    shutil.copytree(trained_mlruns, project / "mlruns")
    (project / "headroom.toml").write_text(f'[source]\nurl = "parquet://{warehouse}"\n', encoding="utf-8")
    with served(project, tmp_path, PREFECT_WORKER_QUERY_SECONDS="2", TMPDIR=str(tmp_path)) as environment:
        told = prefect("deploy", "--all", environment=environment, folder=project)
        assert told.count("successfully created") == 6
        deployed = ("deploy", "--name", "score-weekly", "--cron", "* * * * *")
        prefect(*deployed, environment=environment, folder=project)
        log = tmp_path / "worker.log"
        with running(WORKER, environment, project, log) as worker:
            lists = project / "published"
            published = "snapshot_date=*/manifest.json"
            wait_for("list", lambda: list(lists.glob(published)), FIRES_WITHIN_SECONDS, log, of=worker)
    assert (next(lists.glob("snapshot_date=*")) / "list.html").exists()
