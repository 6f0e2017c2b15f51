"""A published list in PostgreSQL: as it is in the files, whole or not at all, whoever is killed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from data.contract.outputs import TABLES
from data.erasure.places import ACCOUNT, Subject
from data.errors import PublishError
from data.locks import is_held
from data.sources.kinds import postgres as kind
from flows.pipelines import to_database
from flows.pipelines.to_database import publish_tables, require_database
from flows.privacy.forget import forget
from flows.privacy.retention import erase_old
from flows.run.settings import Settings, load
from serving.database.address import DatabaseAddress
from serving.database.load import publish_to_database, require_reachable
from serving.database.snapshots import DayOfList, days_of_lists
from serving.privacy.in_database import DatabasePlace
from serving.privacy.lists import subject_of
from serving.privacy.told import MENTIONED
from serving.published.layout import place_of
from serving.published.read import PublishedList, open_list
from serving.settings import ExperimentSettings, PublishSettings, RetentionSettings
from tests.serving.privacy.test_lists import PLANTED, ZORRO, planted_lists
from tests.serving.world import DAY, accounts, publish, snapshot

pytestmark = pytest.mark.slow
EARLIER = date(2026, 9, 1)

KILLED = """
import sys
from pathlib import Path
from serving.database import load
from serving.database.address import DatabaseAddress
from serving.published.read import open_list

copy = load._copy

def told(*arguments):
    print("copying", flush=True)
    sys.stdin.readline()  # goes on when it is told to
    copy(*arguments)

load._copy = told
load.publish_to_database(DatabaseAddress(sys.argv[1]), open_list(Path(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lists, a month apart."""
    out = tmp_path_factory.mktemp("lists")
    for day, seed in ((EARLIER, 1), (DAY, 2)):
        publish(out, snapshot(40, seed=seed, day=day))
    return out


@pytest.fixture
def latest(lists: Path) -> PublishedList:
    return open_list(lists, DAY)


@pytest.fixture
def server(postgres: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as owner:
        yield owner
        owner.execute("drop schema if exists headroom cascade")


@pytest.fixture
def address(postgres: str, server: psycopg.Connection) -> DatabaseAddress:
    return DatabaseAddress(f"{postgres}/postgres")


def rows_there(server: psycopg.Connection, name: str, day: date) -> list[dict[str, object]]:
    """The rows of a snapshot in the database, in the order of the key."""
    order = ", ".join(TABLES[name].key)
    found = server.execute(f"select * from headroom.{name} where snapshot_date = %s order by {order}", [day])
    names = [column.name for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found]


def rows_here(listing: PublishedList, name: str) -> list[dict[str, object]]:
    """The same from the files."""
    rows = pq.read_table(listing.path(name), partitioning=None).to_pylist()
    return sorted(rows, key=lambda row: [row[part] for part in TABLES[name].key])


def whole(server: psycopg.Connection, listing: PublishedList) -> None:
    """Every table holds this list, value for value."""
    for name in TABLES:
        assert rows_there(server, name, listing.snapshot_date) == rows_here(listing, name), name


def test_every_table_is_there_value_for_value_and_the_latest_is_shown(
    address: DatabaseAddress, server: psycopg.Connection, lists: Path, latest: PublishedList
) -> None:
    earlier = open_list(lists, EARLIER)
    for listing in (latest, earlier):
        assert publish_to_database(address, listing)
    for listing in (latest, earlier):
        whole(server, listing)
        assert not publish_to_database(address, listing), "it is there"
    for name in TABLES:
        shown = server.execute(f"select count(*), min(snapshot_date), max(snapshot_date) from headroom.current_{name}")
        count = len(rows_here(latest, name))
        assert shown.fetchone() == ((count, DAY, DAY) if count else (0, None, None)), name
    said = server.execute("select manifest from headroom.manifests where snapshot_date = %s", [DAY]).fetchone()
    assert said == (json.loads((latest.folder / "manifest.json").read_text()),)


def test_a_database_of_another_encoding_keeps_the_letters(server: psycopg.Connection, tmp_path: Path) -> None:
    """The address names the host among its options, as one does for a socket."""
    server.execute("create database western encoding 'LATIN1' locale 'C' template template0")
    people = accounts(5)
    people.loc[0, "name"] = "Café Zoë"
    publish(tmp_path, snapshot(5, accounts=people))
    try:
        at = f"host={server.info.host}&port={server.info.port}"
        publish_to_database(DatabaseAddress(f"postgres://headroom@/western?{at}"), open_list(tmp_path))
        with psycopg.connect(server.info.dsn, dbname="western") as western:
            named = {name for (name,) in western.execute("select name from headroom.scores")}
        assert named == set(people["name"])
    finally:
        server.execute("drop database western")


def test_another_list_of_that_day_replaces_it_whole(
    address: DatabaseAddress, server: psycopg.Connection, latest: PublishedList, tmp_path: Path
) -> None:
    publish_to_database(address, latest)
    publish(tmp_path, snapshot(7, seed=5, day=DAY))
    other = open_list(tmp_path, DAY)
    assert publish_to_database(address, other)
    whole(server, other)


def test_columns_are_added_and_what_others_added_stays(
    address: DatabaseAddress, server: psycopg.Connection, lists: Path, latest: PublishedList
) -> None:
    publish_to_database(address, open_list(lists, EARLIER))
    server.execute("drop view headroom.current_scores, headroom.current_attributions")
    server.execute("alter table headroom.scores drop column stake_rank, add column note text")
    server.execute("alter table headroom.attributions drop column mrr")
    assert publish_to_database(address, latest)
    there = rows_there(server, "scores", DAY)
    assert {row.pop("note") for row in there} == {None}
    assert there == rows_here(latest, "scores")
    assert rows_there(server, "attributions", DAY) == rows_here(latest, "attributions")
    shown = server.execute("select count(stake_rank) from headroom.current_scores").fetchone()
    assert shown == (sum(row["stake_rank"] is not None for row in there),)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("alter column rank type text", "rank is text and not bigint"),
        ("add column ours text not null", "ours is in no list and must not be null"),
    ],
)
def test_a_table_that_cannot_take_the_list_is_refused(
    address: DatabaseAddress, server: psycopg.Connection, latest: PublishedList, change: str, found: str
) -> None:
    server.execute("create schema headroom")
    server.execute("create table headroom.scores (snapshot_date date, account_id text, rank bigint)")
    server.execute(f"alter table headroom.scores {change}")
    with pytest.raises(PublishError, match=found):
        publish_to_database(address, latest)
    assert server.execute("select to_regclass('headroom.manifests')").fetchone() == (None,)


@pytest.mark.parametrize("killed_before", [4, len(TABLES)])
def test_a_publisher_that_is_killed_leaves_the_last_snapshot_and_the_next_one_mends(
    address: DatabaseAddress, server: psycopg.Connection, lists: Path, latest: PublishedList, killed_before: int
) -> None:
    before = open_list(lists, EARLIER)
    publish_to_database(address, before)
    command = (sys.executable, "-c", KILLED, address.url, str(lists))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as publisher:
        assert publisher.stdin is not None
        assert publisher.stdout is not None
        for _ in range(killed_before - 1):
            publisher.stdout.readline()
            publisher.stdin.write("\n")
            publisher.stdin.flush()
        assert publisher.stdout.readline() == "copying\n"
        assert rows_there(server, "scores", DAY) == [], "nobody sees a part of it"
        publisher.kill()
    assert server.execute("select max(snapshot_date) from headroom.current_scores").fetchone() == (EARLIER,)
    whole(server, before)
    assert publish_to_database(address, latest)
    whole(server, latest)


def test_a_locked_table_is_waited_for_a_while_and_told(
    address: DatabaseAddress,
    server: psycopg.Connection,
    lists: Path,
    latest: PublishedList,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_to_database(address, open_list(lists, EARLIER))
    monkeypatch.setattr(kind, "LOCK_SECONDS", 1)
    with psycopg.connect(address.url) as other:
        other.execute("lock table headroom.reasons in access exclusive mode")
        with pytest.raises(PublishError, match=r"(?s)lock timeout.*the database has the snapshots that it had"):
            publish_to_database(address, latest)
    assert rows_there(server, "scores", DAY) == []


def test_a_server_that_is_not_there_or_refuses_is_told_without_a_password(
    address: DatabaseAddress, server: psycopg.Connection, latest: PublishedList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    server.execute("create role stranger login")
    for url, found in (
        (address.url.replace("127.0.0.1", "127.0.0.2"), "refused"),
        (f"{address.url}_of_nobody", "does not exist"),
        (address.url.replace("headroom@", "nobody@"), "does not exist"),
    ):
        with pytest.raises(PublishError, match=found) as told:
            require_reachable(DatabaseAddress(url))
        assert "hunter2" not in str(told.value)
    with pytest.raises(PublishError, match="permission denied"):
        publish_to_database(DatabaseAddress(address.url.replace("headroom@", "stranger@")), latest)
    server.execute("drop role stranger")


def test_the_settings_say_where_to_publish_and_the_run_says_what_came_of_it(
    address: DatabaseAddress,
    server: psycopg.Connection,
    lists: Path,
    latest: PublishedList,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HEADROOM_OUT", str(lists))
    publish_tables(load(), DAY)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("HEADROOM_PUBLISH__URL", address.url)
    require_database(load())
    for said in ("published to", "unchanged in"):
        publish_tables(load(), DAY)
        assert f"{said} the schema headroom of {address.url}" in capsys.readouterr().err
    whole(server, latest)


def test_nobody_writes_a_list_anew_while_it_is_published(
    lists: Path, latest: PublishedList, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of two lists would be in the database, or an account that was forgotten meanwhile."""
    seen = []
    monkeypatch.setattr(
        to_database, "publish_to_database", lambda _, listing: seen.append((listing.folder, is_held(lists)))
    )
    publish_tables(Settings(out=lists, publish=PublishSettings(url="postgres://me@db/lists")), DAY)
    assert seen == [(latest.folder, True)]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("sqlite:///lists.db", "no address of a PostgreSQL database"),
        ("postgres://me@db:port/crm", "no address of a PostgreSQL database"),
        ("postgres://me:hunter2@db/crm", "holds a password"),
    ],
)
def test_what_is_no_address_is_refused(url: str, found: str) -> None:
    with pytest.raises(PublishError, match=found) as told:
        require_reachable(DatabaseAddress(url))
    assert "hunter2" not in str(told.value)


def test_a_schema_may_be_named() -> None:
    assert DatabaseAddress("postgres://me@db/crm").schema == "headroom"
    assert DatabaseAddress("postgres://me@db/crm/sales%20lists").schema == "sales lists"


@pytest.fixture
def forgetting(
    address: DatabaseAddress, tmp_path: Path, server: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Two lists that tell of an account, in files and in the database; the files of the earlier one are gone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    planted_lists(tmp_path / "published")
    for day in (EARLIER, DAY):
        publish_to_database(address, open_list(tmp_path / "published", day))
    shutil.rmtree(place_of(tmp_path / "published", EARLIER))
    assert told_there(server) == set(PLANTED)
    return Settings(root=tmp_path, publish=PublishSettings(url=address.url))


def told_there(server: psycopg.Connection) -> set[str]:
    """Which words of the account stand in any row of the database."""
    texts = [
        text.lower()
        for name in (*TABLES, "manifests")
        for (text,) in server.execute(f"select (row_to_json(t))::text from headroom.{name} t")
    ]
    return {word for word in PLANTED if any(word.lower() in text for text in texts)}


def test_an_account_that_is_forgotten_leaves_the_database_too(
    forgetting: Settings, server: psycopg.Connection, address: DatabaseAddress
) -> None:
    place, subject = DatabasePlace(address, forgetting.out_folder), subject_of(forgetting.out_folder, ZORRO)
    before = rows_there(server, "scores", EARLIER)
    counts = place.found(subject)
    assert (counts["scores"], counts[MENTIONED]) == (2, 4)
    assert {(holding.what, holding.rows) for holding in place.holdings()} >= {("scores", 80)}
    said = [line for line in forget(forgetting, account=ZORRO, yes=True) if line.startswith(place.name)]
    assert said == [f"{place.name}: " + ", ".join(f"{what} {count:,}" for what, count in counts.items())]
    assert told_there(server) == set()
    listing = open_list(forgetting.out_folder, DAY)
    whole(server, listing)
    assert not publish_to_database(address, listing), "it is there as it is in the files"
    left = [row | ({"group_id": None, "group_name": None} if row["group_id"] == ZORRO else {}) for row in before]
    assert rows_there(server, "scores", EARLIER) == [row for row in left if row["account_id"] != ZORRO]
    ((manifest,),) = server.execute("select manifest from headroom.manifests where snapshot_date = %s", [EARLIER])
    eligible = [row["expected_arr"] for row in rows_there(server, "scores", EARLIER) if row["eligible"]]
    assert manifest["rows_out"]["scores"] == 39
    assert (manifest["ranked"], manifest["expected_arr"]["sum"]) == (len(eligible), pytest.approx(sum(eligible)))
    assert [days["accounts"] for days in manifest["erased"].values()] == [1]
    assert place.erase(subject, DAY) == {}


def test_a_snapshot_without_files_still_counts_the_base_when_one_who_is_held_out_is_forgotten(
    address: DatabaseAddress, server: psycopg.Connection, tmp_path: Path
) -> None:
    publish(tmp_path, snapshot(40, experiment=ExperimentSettings(name="autumn", start=DAY)))
    listing = open_list(tmp_path)
    publish_to_database(address, listing)
    place = DatabasePlace(address, tmp_path / "gone")
    place.erase(Subject(ACCOUNT, min(listing.held_out())), DAY)
    ((manifest,),) = server.execute("select manifest from headroom.manifests")
    assert manifest["held_out"] == len(listing.held_out()) - 1
    assert manifest["ranked"] + manifest["excluded"] + manifest["held_out"] == manifest["rows_out"]["scores"] == 39


def test_old_snapshots_go_from_the_database_too(
    address: DatabaseAddress, server: psycopg.Connection, lists: Path, tmp_path: Path
) -> None:
    old = DAY - timedelta(days=200)
    publish(tmp_path, snapshot(7, day=old))
    for listing in (open_list(tmp_path), open_list(lists, EARLIER), open_list(lists, DAY)):
        publish_to_database(address, listing)
    assert days_of_lists(address)[old] == DayOfList(None, 90)
    kept = Settings(root=tmp_path, retention=RetentionSettings(lists_days=1), publish=PublishSettings(url=address.url))
    today = DAY + timedelta(days=300)
    assert erase_old(kept, today, keep=old).snapshots == []
    expired = erase_old(kept, today)
    assert (expired.lists, expired.snapshots) == ([], [old]), "the folder has that list alone: it is the latest"
    assert list(expired.lines()) == [f"1 list of the database, {old} to {old}"]
    for name in ("scores", "manifests"):
        days = server.execute(f"select distinct snapshot_date from headroom.{name} order by 1").fetchall()
        assert days == [(EARLIER,), (DAY,)]
    assert erase_old(kept, today).snapshots == []


def test_where_no_list_was_published_nothing_is_found(address: DatabaseAddress, tmp_path: Path) -> None:
    place = DatabasePlace(address, tmp_path)
    assert (list(place.holdings()), place.found(Subject(ACCOUNT, ZORRO)), days_of_lists(address)) == ([], {}, {})
