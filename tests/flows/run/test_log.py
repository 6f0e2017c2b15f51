"""The log as JSON: a line for each stage and for each thing said, and plain lines where nobody asked for it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from data.errors import SettingsError
from flows.run.log import is_json, log_as, rows_of
from flows.run.progress import say
from flows.run.runner import stage
from flows.run.settings import load
from tests.flows.conftest import Headroom


@stage("halve")
def halve(rows: pd.DataFrame) -> pa.Table:
    say("warning: half of the rows are left out")
    return pa.Table.from_pandas(rows.iloc[::2])


@stage("fail")
def fail() -> None:
    raise KeyError("secret")


@pytest.fixture(autouse=True)
def plain_after() -> Iterator[None]:
    yield
    log_as("plain")


def told(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines()]


def test_as_json_a_stage_is_a_line_with_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    log_as("json")
    halve(pd.DataFrame({"a": range(10)}))
    with pytest.raises(KeyError):
        fail()
    err = capsys.readouterr().err
    warned, halved, failed = told(err)
    assert (warned["level"], warned["message"]) == ("warning", "warning: half of the rows are left out")
    assert halved.items() >= {"message": "stage", "stage": "halve", "state": "done", "rows_in": 10}.items()
    assert halved["rows_out"] == 5
    assert halved["run"] == warned["run"] == failed["run"]
    assert 0 <= halved["seconds"] < 10
    assert 50 < halved["peak_mb"] < 50_000
    assert failed.items() >= {"level": "error", "stage": "fail", "state": "failed", "rows_in": None}.items()
    assert "secret" not in err


def test_as_json_a_line_is_said_once_whatever_else_listens(capsys: pytest.CaptureFixture[str]) -> None:
    console = logging.StreamHandler()  # as Prefect has one in the process of a deployed run
    logging.getLogger().addHandler(console)
    try:
        log_as("json")
        say("warning: once")
    finally:
        logging.getLogger().removeHandler(console)
    assert [line["message"] for line in told(capsys.readouterr().err)] == ["warning: once"]


def test_without_it_the_log_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    halve(pd.DataFrame({"a": range(10)}))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("s  warning: half of the rows are left out")


def test_the_settings_or_a_variable_ask_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("headroom.toml").write_text('log = "json"\n', encoding="utf-8")
    load()
    assert is_json()
    monkeypatch.setenv("HEADROOM_LOG", "plain")
    load()
    assert not is_json()
    monkeypatch.setenv("HEADROOM_LOG", "xml")
    with pytest.raises(SettingsError, match="log: Input should be 'plain' or 'json'"):
        load()


def test_a_refusal_is_a_line_of_it(headroom: Headroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADROOM_LOG", "json")
    ran = headroom("score", "--source", "nowhere")
    assert ran.code == 1
    (line,) = told(ran.err)
    assert line["level"] == "error"
    assert line["message"].startswith("headroom: Read the source")
    assert "to do:" in line["message"]


@pytest.mark.parametrize("text", ["sorce = 3", "[sorce", "log = 'plain'\nout = 's3://lists'"])
def test_refused_settings_are_a_line_of_it(
    text: str, headroom: Headroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_LOG", "json")
    (tmp_path / "headroom.toml").write_text(text, encoding="utf-8")
    for arguments in ((), ("--config", "none.toml")):
        (line,) = told(headroom("top", *arguments).err)
        assert line["message"].startswith("headroom: Read the settings from")
        log_as("plain")


def test_settings_that_ask_for_it_and_are_refused_are_a_line_of_it(headroom: Headroom, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text("log = 'json'\nsorce = 3", encoding="utf-8")
    (line,) = told(headroom("top").err)
    assert "sorce is not a setting" in line["message"]


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (pd.DataFrame({"a": [1, 2]}), 2),
        (pa.table({"a": [1, 2, 3]}), 3),
        (("no table", pd.DataFrame({"a": [1]})), 1),
        (type("Shard", (), {"rows": pa.table({"a": [1]})})(), 1),
        (type("Report", (), {"row_counts": {"a": 2, "b": 3}})(), 5),  # 2 + 3
        ("no table", None),
        (None, None),
    ],
)
def test_the_rows_of_a_value(value: object, rows: int | None) -> None:
    assert rows_of(value) == rows
