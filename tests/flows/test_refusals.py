"""What a command would spoil it refuses, and what is secret it does not tell."""

from pathlib import Path

import pytest

from tests.flows.conftest import Headroom


@pytest.mark.parametrize("url", ["postgres://me:hunter2@db/crm", "postgres://me@db/crm?password=hunter2"])
@pytest.mark.parametrize("command", ["check", "train", "score", "backtest"])
def test_a_password_in_a_url_is_refused_and_never_told(command: str, url: str, headroom: Headroom) -> None:
    ran = headroom(command, "--source", url)
    assert ran.code == 1
    assert "its URL holds a password" in ran.err
    assert "hunter2" not in ran.err + ran.out


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
def test_the_demo_does_not_stand_among_the_versions_of_another_model(
    headroom: Headroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_MODEL", "headroom")
    ran = headroom("demo", "--folder", tmp_path / "demo")
    assert ran.code == 1
    assert "HEADROOM_MODEL names a model" in ran.err


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


def test_settings_that_cannot_be_read_are_one_message(headroom: Headroom, tmp_path: Path) -> None:
    (tmp_path / "other.toml").mkdir()
    ran = headroom("top", "--config", tmp_path / "other.toml")
    assert ran.code == 1
    assert "there is no such file" in ran.err
