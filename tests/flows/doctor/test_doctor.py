"""``headroom doctor`` on an installation that is whole, and on one in which one thing at a time is not."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from data.locks import held, is_held
from data.scratch import own_folder
from flows.doctor import installation, leftovers, lists, tables
from flows.doctor.doctor import EXAMINATIONS, is_well
from flows.run.settings import load
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL, SLACK_URL
from serving.outcomes.outcome import Outcome
from serving.store.outcomes import open_store
from tests.flows.conftest import END, Headroom

LIST = f"published/snapshot_date={END}"
SECRET = "hunter2-planted"


@pytest.fixture
def home(
    warehouse: Path, trained_mlruns: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder with everything in it, six days after its list."""
    for variable in (SLACK_URL, EMAIL_URL, OPERATIONS_URL, "PREFECT_API_URL"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "headroom.toml").write_text('[source]\nurl = "parquet://./warehouse"\n', encoding="utf-8")
    shutil.copytree(warehouse, tmp_path / "warehouse")
    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    shutil.copytree(published, tmp_path / LIST)
    with open_store("published/outcomes.db", tmp_path) as store:
        store.append([Outcome(account_id="acc-1", action="noted", text="called", who="Ana")])
    for module in (lists, tables):
        monkeypatch.setattr(module, "today_utc", lambda: END + timedelta(days=6))
    monkeypatch.setattr(installation, "LITTLE_ROOM", 0)
    monkeypatch.setattr(installation, "NO_ROOM", 0)
    monkeypatch.setattr("data.scratch._outside", [str(tmp_path)])
    own_folder()
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def lines(out: str) -> Iterator[tuple[str, str, str]]:
    """Health, name and the rest of each line."""
    for line in out.splitlines():
        health, name = line.partition(":")[0].split(maxsplit=1)
        yield health, name, line.partition(": ")[2]


def test_of_an_installation_that_is_whole_every_line_is_ok_and_nothing_is_written(
    home: Path, headroom: Headroom
) -> None:
    before = files(home)
    ran = headroom("doctor")
    assert (ran.code, ran.err) == (0, "")
    told = list(lines(ran.out))
    assert {health for health, _, _ in told} == {"ok"}
    assert list(dict.fromkeys(name for _, name, _ in told)) == [one.name for one in EXAMINATIONS]
    assert f"the list of {END} (1 there) is 6 days old" in ran.out
    assert "version 1 of headroom is the champion" in ran.out
    assert files(home) == before

    as_json = json.loads(headroom("doctor", "--json").out)
    assert [(one["health"], one["name"]) for one in as_json] == [(health, name) for health, name, _ in told]


class Spoilt(NamedTuple):
    """What is done to the installation, and the line that tells it."""

    health: str
    name: str
    said: str
    todo: str
    spoil: Callable[[Path, pytest.MonkeyPatch], object]


def champion_goes(home: Path, _: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(home / "mlruns" / "mlflow.db") as database:
        database.execute("delete from registered_model_aliases where alias = 'champion'")
    database.close()


def booster_is_changed(home: Path, _: pytest.MonkeyPatch) -> None:
    for bundle in (home / "mlruns").glob("artifacts/*/artifacts/bundle/*"):
        bundle.write_text(f"{bundle.read_text()} ")


def later_release_wrote_the_outcomes(home: Path, _: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(home / "published" / "outcomes.db") as database:
        database.execute("update headroom_outcomes_version set version_num = 'of_tomorrow'")
    database.close()


def pin_is_broken(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = installation.version
    monkeypatch.setattr(installation, "version", lambda name: "2.1.0" if name == "sqlalchemy" else there(name))


def libpq_is_not_there(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = installation.import_module

    def load_module(name: str) -> object:
        if name == "psycopg":
            raise ImportError("no pq wrapper available.\nAttempts made:\n- libpq library not found")
        return there(name)

    monkeypatch.setattr(installation, "import_module", load_module)


def list_is_of_tomorrow(home: Path, _: pytest.MonkeyPatch) -> None:
    os.utime(home / LIST / "manifest.json", (time.time() + 7200,) * 2)


def day_passes(module: object, days: int) -> Callable[[Path, pytest.MonkeyPatch], object]:
    return lambda _, monkeypatch: monkeypatch.setattr(module, "today_utc", lambda: END + timedelta(days=days))


def experiment_has_no_salt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADROOM_EXPERIMENT__NAME", "autumn")
    monkeypatch.setenv("HEADROOM_EXPERIMENT__START", "2026-10-01")


SPOILT = [
    Spoilt("wrong", "versions", "sqlalchemy 2.1.0 (<2.1,>=2.0)", "constraints.txt", pin_is_broken),
    Spoilt("wrong", "versions", "psycopg cannot be loaded (no pq wrapper", "psycopg-binary", libpq_is_not_there),
    Spoilt("wrong", "disk", "GB left for lists", "Make room", lambda _, m: m.setattr(installation, "NO_ROOM", 2**60)),
    Spoilt(
        "look", "disk", "GB left for lists", "Make room", lambda _, m: m.setattr(installation, "LITTLE_ROOM", 2**60)
    ),
    Spoilt("wrong", "source", "there is no", "Correct [source].url", lambda home, _: shutil.rmtree(home / "warehouse")),
    Spoilt("look", "source", "8 days ago", "load of the tables", day_passes(tables, 7)),
    Spoilt("wrong", "source", "has rows of 2025-12-31", "Set the clock", day_passes(tables, -30)),
    Spoilt(
        "look", "models", "there is no model store", "headroom train", lambda home, _: shutil.rmtree(home / "mlruns")
    ),
    Spoilt("wrong", "models", "is the champion", "headroom promote VERSION", champion_goes),
    Spoilt("wrong", "models", "", "", booster_is_changed),
    Spoilt(
        "wrong",
        "models",
        "cannot be read",
        "Restore it",
        lambda home, _: (home / "mlruns" / "mlflow.db").write_bytes(b"no database"),
    ),
    Spoilt("wrong", "latest list", "is 11 days old; `stale_days` of [serve] is 10", "score", day_passes(lists, 11)),
    Spoilt("wrong", "latest list", "is not there", "", lambda home, _: (home / LIST / "scores.parquet").unlink()),
    Spoilt("wrong", "latest list", "was written at", "Set the clock", list_is_of_tomorrow),
    Spoilt("look", "latest list", "no list", "headroom score", lambda home, _: shutil.rmtree(home / LIST)),
    Spoilt("look", "experiment", "autumn draws without a salt", "[experiment]", experiment_has_no_salt),
    Spoilt("wrong", "outcomes", "of_tomorrow", "a later one", later_release_wrote_the_outcomes),
    Spoilt("wrong", "channels", EMAIL_URL, "mailtos://", lambda _, m: m.setenv(EMAIL_URL, f"x://{SECRET}")),
    Spoilt("wrong", "channels", OPERATIONS_URL, "address of Apprise", lambda _, m: m.setenv(OPERATIONS_URL, SECRET)),
]


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: f"{spoilt.name}: {spoilt.said}")
def test_what_is_not_as_it_should_be_is_said_with_what_to_do(
    spoilt: Spoilt, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt.spoil(home, monkeypatch)
    monkeypatch.chdir(home)
    (look_at,) = (one for one in EXAMINATIONS if one.name == spoilt.name)
    told = [diagnosis for diagnosis in look_at(load()) if diagnosis.health != "ok"]
    assert {diagnosis.health for diagnosis in told} == {spoilt.health}
    assert is_well(told) == (spoilt.health == "look")
    assert spoilt.said in told[0].found
    assert told[0].todo
    assert spoilt.todo in told[0].todo
    assert SECRET not in "".join(diagnosis.line() for diagnosis in told)


def test_what_lies_deeper_is_cleared_up_and_nothing_beside_what_is_written(home: Path, headroom: Headroom) -> None:
    run = home / "published" / "writeback" / "20260101T000000-hubspot"
    run.mkdir(parents=True)
    dead, alive = run / ".unfinished-changes.parquet", home / "mlruns" / ".unfinished-mlflow.db"
    dead.touch()
    (journal := alive.with_name(f"{alive.name}-journal")).touch()
    with held(alive):
        assert headroom("doctor", "--clean").err.count("cleared up") == 1
        assert journal.exists(), "SQLite writes it for the process that has the database"
    assert not dead.exists()
    assert headroom("doctor", "--clean").err.count("cleared up") == 1
    assert not journal.exists()


def test_what_somebody_takes_while_the_doctor_clears_up_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "reports").mkdir()
    (page := home / "reports" / ".unfinished-backtest.html").touch()
    monkeypatch.setattr(leftovers, "_left", lambda _: [page, page.with_name("gone")])
    with held(page):
        assert list(leftovers.clean(load(home / "headroom.toml"))) == []
        assert page.exists()


def test_what_killed_runs_left_is_cleared_up_and_what_is_held_stays(home: Path, headroom: Headroom) -> None:
    out, earlier = home / "published", END - timedelta(days=7)
    shutil.copytree(home / LIST, out / f".aside-snapshot_date={earlier}")  # a run died between the two renames
    (out / f".unfinished-snapshot_date={END}").mkdir()
    (home / "reports").mkdir()
    (home / "reports" / ".unfinished-backtest.html").touch()
    dead, alive = (home / "mlruns" / f".running-{name}.lock" for name in ("dead", "alive"))
    dead.touch()
    with held(alive):
        assert is_held(alive)
        ran = headroom("doctor")
        assert ran.code == 0
        assert [rest for health, _, rest in lines(ran.out) if health == "look"] == [
            "of runs that were killed: .running-dead.lock, "
            f".aside-snapshot_date={earlier}, .unfinished-snapshot_date={END}, .unfinished-backtest.html"
            " -> Run `headroom doctor --clean`."
        ]
        ran = headroom("doctor", "--clean")
        assert ran.err.count("cleared up") == 4
        assert "killed runs have left nothing" in ran.out
        assert alive.exists()
        assert not dead.exists()
    assert not is_held(alive)
    assert {path.name for path in out.glob("*snapshot*")} == {f"snapshot_date={END}", f"snapshot_date={earlier}"}
