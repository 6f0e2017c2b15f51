"""What the page on production tells to copy: units, commands, variables, deployments; and the file of the container."""

import configparser
import re
import shlex
import tomllib

import pytest
import typer
import yaml

from flows.cli import app
from flows.run.settings import Settings
from flows.run.variables import MOST_HOURS, SECRETS
from tests import house

PAGE = (house.ROOT / "docs" / "production.md").read_text(encoding="utf-8")
UNITS = re.findall(r"^```ini\n# (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
CONTAINERFILE = (house.ROOT / "Containerfile").read_text(encoding="utf-8")
INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "VOLUME", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the container's file with what it is given, on one line."""
    text = "\n".join(line for line in CONTAINERFILE.splitlines() if line and not line.startswith("#"))
    return [tuple(line.split(maxsplit=1)) for line in re.sub(r"\\\n\s*", "", text).splitlines()]


def test_the_container_is_made_of_files_that_are_there() -> None:
    there = instructions()
    assert {name for name, _ in there} == INSTRUCTIONS
    assert there[0][0] == "FROM"
    copied = [path for name, given in there if name == "COPY" for path in given.split()[:-1]]
    assert [path for path in copied if not (house.ROOT / path).exists()] == []
    assert copied[4:] == list(house.ORDER), "every room, and nothing of the tests"
    ignored = (house.ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)


def test_the_container_runs_as_no_root_and_holds_no_secret() -> None:
    there = instructions()
    users = [given for name, given in there if name == "USER"]
    assert users == ["headroom"]
    assert there.index(("USER", "headroom")) > max(at for at, (name, _) in enumerate(there) if name == "RUN")
    environment = " ".join(given for name, given in there if name == "ENV")
    assert [secret for secret in SECRETS if secret in environment] == []


def test_what_must_last_is_in_the_volume_of_the_container() -> None:
    """Every folder that the settings name or that follows from them, but for rows of checks, which may go with it."""
    text = next(text for text in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if "var/" in text)
    settings = Settings.model_validate({**tomllib.loads(text), "root": "/srv/headroom"})
    folders = {name: getattr(settings, name) for name in dir(Settings) if name.endswith("_folder")}
    volume = next(given for name, given in instructions() if name == "VOLUME")
    assert [name for name, folder in folders.items() if not folder.is_relative_to(volume)] == ["check_folder"]
    made = next(given for name, given in instructions() if name == "RUN" and "mkdir" in given)
    assert f"chown headroom var tmp {settings.check_folder.name}" in made


def commands() -> list[str]:
    """Every `headroom COMMAND` of the page and of the container's file."""
    return sorted(
        set(
            re.findall(
                r"\bheadroom ((?:doctor|score|train|verify|serve|rollback|record)\b[ a-z-]*)", PAGE + CONTAINERFILE
            )
        )
    )


@pytest.mark.parametrize("command", commands())
def test_a_command_that_is_told_is_one(command: str) -> None:
    name, *options = command.split()
    known = typer.main.get_command(app).commands[name]
    asked = [option for option in options if option.startswith("--")]
    assert set(asked) <= {option for parameter in known.params for option in parameter.opts}


@pytest.mark.parametrize(("file", "text"), UNITS, ids=[file for file, _ in UNITS])
def test_a_unit_can_be_read_and_starts_a_program_of_the_release(file: str, text: str) -> None:
    # A line of a unit may stand more than once: systemd takes each.
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    assert file.startswith("/etc/systemd/system/headroom-")
    if file.endswith(".service"):
        program, command, *_ = shlex.split(unit["Service"]["ExecStart"])
        assert program.removeprefix("/opt/headroom/current/bin/") in ("headroom", "prefect")
        assert command in ("doctor", "serve", "server", "worker")
        assert unit["Service"]["User"] != "root"
        assert unit["Service"]["EnvironmentFile"].startswith("/etc/headroom/")
    else:
        assert unit["Timer"]["OnCalendar"]


def test_every_deployment_and_every_secret_is_named() -> None:
    assert len(UNITS) == 5
    deployments = yaml.safe_load((house.ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert [one["name"] for one in deployments if f"`{one['name']}`" not in PAGE] == []
    assert [name for name in (*SECRETS, MOST_HOURS) if name not in PAGE] == []
