"""``headroom top`` reads a list, and nothing else: what builds, learns and schedules is not even imported."""

import subprocess
import sys
from pathlib import Path

from tests.serving.world import publish, snapshot

NOT_FOR_READING = ("prefect", "mlflow", "matplotlib", "ibis", "lightgbm", "duckdb", "sklearn", "xlsxwriter", "jinja2")
TOP = f"""
import sys
from flows.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
print("imported:", *[name for name in {NOT_FOR_READING!r} if name in sys.modules])
"""


def test_the_list_is_printed_without_what_made_it(tmp_path: Path) -> None:
    publish(tmp_path / "published", snapshot(30))
    command = [sys.executable, "-c", TOP, "top", "-n", "3"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "3 shown" in ran.stdout
    assert ran.stdout.splitlines()[-1].split() == ["imported:"]
