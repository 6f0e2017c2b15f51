"""``headroom top`` reads a list, and nothing else: what builds, learns and schedules is not even imported."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.errors import SettingsError
from flows.cli import app
from serving.published.read import open_list
from serving.render.entries import OWNERS_TOLD
from serving.render.terminal import print_top
from tests.serving.world import DAY, accounts, publish, snapshot

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


@pytest.mark.parametrize(("owners", "more"), [(OWNERS_TOLD, ""), (OWNERS_TOLD + 3, " and 3 more")])
def test_where_an_owner_is_unknown_some_are_named_and_the_rest_are_counted(
    tmp_path: Path, owners: int, more: str
) -> None:
    people = accounts(30).assign(owner=[f"Ann {place % owners:02}" for place in range(30)])
    publish(tmp_path, snapshot(30, accounts=people))
    with pytest.raises(SettingsError) as told:
        print_top(open_list(tmp_path, DAY, "Show"), owner="Zoe")
    assert told.value.found == f"no account has that owner; there are {', '.join(sorted(set(people.owner))[:8])}{more}."


@pytest.mark.parametrize("command", ["check", "train", "score", "top"])
def test_a_setting_is_named_whole_in_the_help(command: str) -> None:
    said = " ".join(CliRunner().invoke(app, [command, "--help"]).output.split())
    assert ("--source" not in said) or "overrides [source].url" in said
