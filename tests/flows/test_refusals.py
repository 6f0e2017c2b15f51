"""What a command would spoil it refuses, and what is secret it does not tell."""

from collections.abc import Callable
from errno import EACCES, EFBIG, ENOSPC
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from xlsxwriter.exceptions import FileCreateError

from data.errors import SettingsError
from flows import cli
from tests.data.sources.test_connect import csv_base
from tests.flows.conftest import Headroom


@pytest.mark.parametrize("url", ["postgres://me:hunter2@db/crm", "postgres://me@db/crm?password=hunter2"])
@pytest.mark.parametrize("command", ["check", "train", "score", "backtest"])
def test_a_password_in_a_url_is_refused_and_never_told(command: str, url: str, headroom: Headroom) -> None:
    ran = headroom(command, "--source", url)
    assert ran.code == 1
    assert "its URL holds a password" in ran.err
    assert "hunter2" not in ran.err + ran.out


@pytest.mark.parametrize("pipeline", ["train", "score"])
@pytest.mark.parametrize("text", [None, "[reasons.seats_in_use"])
def test_a_playbook_that_cannot_be_read_is_told_before_the_source_is_opened(
    pipeline: str, text: str | None, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    config = tmp_path / "headroom.toml"
    config.write_text("[serving]\nplaybook = 'own.toml'\n", encoding="utf-8")
    run = getattr(import_module(f"flows.pipelines.{pipeline}"), pipeline)
    with pytest.raises(SettingsError, match="Read the playbook"):
        run(config=config, source="parquet://nowhere")


def test_check_tells_the_own_features_whose_names_are_taken(headroom: Headroom, tmp_path: Path) -> None:
    own = "account_id,known_at,segment,mrr,Fit Score,fit_score\nA1,2024-01-02,S,1,2,3\n"
    ran = headroom("check", "--source", f"csv://{csv_base(tmp_path, account_features=own)}")
    assert ran.code == 1
    assert "error: account_features: mrr: features of these names are built in. segment: these names say" in ran.out
    assert "Fit Score, fit_score: these make one name" in ran.out
    assert "to do: Rename them in account_features" in ran.out


@pytest.mark.slow
def test_the_demo_does_not_take_the_place_of_other_settings(headroom: Headroom, tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text("model = 'ours'\n", encoding="utf-8")
    ran = headroom("demo", "--folder", tmp_path)
    assert ran.code == 1
    assert "has settings of another kind" in ran.err
    assert file.read_text(encoding="utf-8") == "model = 'ours'\n"
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.slow
def test_the_demo_writes_nothing_where_lists_that_are_in_use_lie(
    headroom: Headroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_PUBLISH__URL", "postgres://me@127.0.0.1:1/crm")
    ran = headroom("demo", "--folder", tmp_path / "demo")
    assert ran.code == 1
    assert "found: HEADROOM_PUBLISH__URL would lead it to what is not its own." in ran.err
    assert not (tmp_path / "demo" / "warehouse").exists()


@pytest.mark.parametrize("name", ["HEADROOM_MODEL", "headroom_out", "HEADROOM_OUTCOMES__URL", "HEADROOM_STORE__PATH"])
def test_the_demo_takes_over_no_variable_that_leads_elsewhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = import_module("flows.pipelines.demo")
    for harmless in ("LOG", "MLRUNS", "SOURCE__THREADS", "TRAINING__ORIGINS", "MOST_HOURS", "SESSION_SECRET"):
        monkeypatch.setenv(f"HEADROOM_{harmless}", "1")
    demo.refuse_other_settings(tmp_path)
    monkeypatch.setenv(name, "ours")
    with pytest.raises(SettingsError, match=f"{name} would lead it"):
        demo.refuse_other_settings(tmp_path)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (("score", "--source", "nowhere"), "there is no "),
        (("train", "--source", "nowhere"), "there is no "),
        (("backtest", "--source", "nowhere"), "there is no "),
        (("record", "--source", "nowhere"), "there is no "),
        (("notify", "--out", "nowhere"), "no list has been published there"),
    ],
)
def test_a_wrong_folder_is_told_before_a_server_starts(
    command: tuple[str, ...], found: str, headroom: Headroom, tmp_path: Path
) -> None:
    ran = headroom(*command, "--prefect")
    assert ran.code == 1
    assert found in ran.err
    assert "starting" not in ran.err
    assert list(tmp_path.iterdir()) == []


AWAY = "s3://me:hunter2@bucket/lists"


@pytest.mark.parametrize(
    "command",
    [
        *[(name, "--out") for name in ("score", "top", "check", "figures", "features", "simulate", "forget", "doctor")],
        ("explain", "--features", "rows.parquet", "--out"),
        ("explain", "--out", "rows.parquet", "--features"),
        ("demo", "--folder"),
        ("outcomes", "export"),
        ("outcomes", "import"),
        ("outcomes", "import", "list.xlsx", "--out"),
        ("outcomes", "import", "list.xlsx", "--published"),
        ("init", "--config"),
        ("train", "--config"),
    ],
)
def test_a_url_is_no_path_of_the_command_line(command: tuple[str, ...], headroom: Headroom, tmp_path: Path) -> None:
    ran = headroom(*command, AWAY)
    assert ran.code == 2
    assert "it names a place on this machine, not a URL" in ran.err
    assert "hunter2" not in ran.err + ran.out
    assert list(tmp_path.iterdir()) == []


def test_every_path_of_the_command_line_is_asked_whether_it_is_a_url() -> None:
    commands = [one.callback for group in (cli.app, cli.outcomes) for one in group.registered_commands]
    kinds = [get_args(kind) for one in commands for kind in get_type_hints(one, include_extras=True).values()]
    asked = [told.callback for kind, told in filter(None, kinds) if kind in (Path, Path | None)]
    assert len(asked) > 30
    assert {*asked} == {cli._local}


def test_a_report_does_not_take_the_place_of_a_file(headroom: Headroom, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    own = "account_id,known_at,fit\n1,2024-01-02,2\n1,2024-01-02,3\n"
    ran = headroom("check", "--source", f"csv://{csv_base(tmp_path, account_features=own)}", "--out", "notes.txt")
    assert ran.code == 1
    assert "headroom: Write the report to notes.txt.\n  found: Not a directory: notes.txt." in ran.err
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("command", [("simulate", "--out", "base"), ("demo", "--folder", "demo")])
def test_a_seed_is_no_number_below_nothing(command: tuple[str, ...], headroom: Headroom, tmp_path: Path) -> None:
    assert headroom(*command, "--seed", "-1").code == 2
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_read_are_one_message(headroom: Headroom, tmp_path: Path) -> None:
    (tmp_path / "other.toml").mkdir()
    ran = headroom("top", "--config", tmp_path / "other.toml")
    assert ran.code == 1
    assert "there is no such file" in ran.err


def too_large() -> None:
    """More than the machine has addresses for."""
    np.empty(1 << 50)


def module_too_large() -> None:
    """As PyArrow says it of a part of its own that the loader of the C library found no room for."""
    said = "_dataset.so: failed to map segment from shared object"
    raise ImportError(f"The pyarrow installation is not built with support for 'dataset' ({said})")


def refused_by_the_disk(number: int, file: str | None = None) -> None:
    raise OSError(number, "No space left on device", file)


def without_right() -> None:
    raise PermissionError(EACCES, "Permission denied", "/data/warehouse")


def refused_in_words_of_a_library() -> None:
    try:
        refused_by_the_disk(ENOSPC)
    except OSError as error:
        raise FileCreateError(error)  # noqa: B904  as XlsxWriter does


@pytest.mark.parametrize(
    ("ends", "found", "todo"),
    [
        (refused_in_words_of_a_library, "No space left on device.", "Make room on that disk"),
        (too_large, "there is no more memory.", "Give it more memory; or less to do"),
        (module_too_large, "there is no more memory.", "Give it more memory; or less to do"),
        (lambda: refused_by_the_disk(ENOSPC, "/tmp/part"), "No space left on device: /tmp/part.", "Make room on that"),
        (without_right, "Permission denied: /data/warehouse.", "Give whoever runs this the right to it"),
        (lambda: refused_by_the_disk(EFBIG), "No space left on device.", "Make room on that disk"),
    ],
)
def test_what_the_machine_has_no_more_of_or_does_not_give_is_one_message(
    ends: Callable[[], None], found: str, todo: str, headroom: Headroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.cli.app", ends)
    ran = headroom("score")
    assert ran.code == 1
    assert ran.err.startswith(f"headroom: Finish the run.\n  found: {found}\n  to do: {todo}")


def test_a_fault_of_ours_keeps_its_traceback(headroom: Headroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.cli.app", lambda: Path("nowhere").read_text(encoding="utf-8"))
    with pytest.raises(FileNotFoundError):
        headroom("score")


def fault_after_a_full_disk_was_dealt_with() -> None:
    try:
        refused_by_the_disk(ENOSPC)
    except OSError:
        raise KeyError("play") from None


def test_a_full_disk_that_was_dealt_with_is_not_what_ended_a_run(
    headroom: Headroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.cli.app", fault_after_a_full_disk_was_dealt_with)
    with pytest.raises(KeyError):
        headroom("score")
