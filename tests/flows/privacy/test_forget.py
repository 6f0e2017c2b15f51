"""``headroom forget`` over everything that a folder holds: nothing of who is forgotten is in any byte of it."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from data.atomic import aside_of, unfinished_of, whole_file, whole_folder
from data.checks.report import Finding, Report, Severity, write
from data.digests import digest_of
from data.erasure.places import Subject
from data.errors import CrmError
from data.kept.store import ValueStore
from data.scratch import own_folder
from features.build.kept import FEATURE_ROWS, value_of
from flows.privacy import forget
from flows.privacy.prefect_runs import PrefectPlace
from flows.run.settings import Settings, load
from flows.stages.shown import _top
from serving.crm.client import RecordChange
from serving.crm.journal import JOURNAL, Journal
from serving.outcomes.outcome import Outcome
from serving.privacy.files import TablesPlace
from serving.privacy.lists import ListsPlace
from serving.published.layout import published_dates
from serving.store.message_log import DIGEST, MessageItem
from serving.store.outcomes import open_store
from serving.store.views import View, ViewStore
from tests.data.record.shown import drawn_source, recorded
from tests.flows.conftest import Headroom
from tests.flows.drawn_figures import write_drawn_figures
from tests.serving.privacy.test_lists import NAME, OWNER, PLANTED, ZORRO, planted_lists, told
from tests.serving.world import DAY, files_of

USER = "u-zorro-7"


@pytest.fixture(scope="module")
def two_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_lists(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def company(two_lists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where lists, store, journal, history, rows of a check, figures and a stopped build name the account."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    (tmp_path / "headroom.toml").write_text("model = 'ours'\n")
    settings = load(tmp_path / "headroom.toml")
    shutil.copytree(two_lists, settings.out_folder)
    with open_store(settings.outcomes_url) as store:
        for account in (ZORRO, "acc-0001"):
            store.append([Outcome(account_id=account, action="taken", play="p", who="Ana", text=f"Of {account}.")])
        for owner in (OWNER, "Ana Costa"):
            store.messages.begin([MessageItem(DAY, "slack", owner, DIGEST, 1, 1)], DAY, again=False)
        ViewStore(store).add(View(person="ana@example.com", who="Ana", name="Mine", asked="q=Zorro+Lumber"))
    run = settings.writeback_folder / "20261001T060000-hubspot"
    run.mkdir(parents=True)
    with Journal(run / JOURNAL) as journal:
        journal.plan(RecordChange(account, "77", {"play": None}, {"play": account}) for account in (ZORRO, "acc-0001"))
    pd.DataFrame({"account_id": [ZORRO, "acc-0001"], "after": [NAME, "x"]}).to_parquet(run / "changes.parquet")
    (settings.out_folder / "monitoring").mkdir()
    by_owner = pd.DataFrame({"by": "owner", "value": [OWNER, "Ana Costa"], "accounts": [1, 39]})
    by_owner.to_parquet(settings.out_folder / "monitoring" / "slices.parquet")
    lines = f"account_id | product | plan | mrr | valid_from\n{ZORRO} | core | team | 1 | 2026-01-01"
    users = f"user_id | account_id | created_at\n{USER} | {ZORRO} | 2026-01-01\nu-1 | acc-0001 | 2026-01-01"
    source = drawn_source(tmp_path / "source", subscriptions=lines, users=users)
    recorded(settings.history_folder, source, "2026-10-01")
    shutil.rmtree(source)
    rows = pd.DataFrame({"account_id": [ZORRO], "user_id": [USER]})
    write(Report([Finding(Severity.ERROR, "users", "keys", "twice", "", 1, rows)]), settings.check_folder)
    lines = f"account_id | product | plan | mrr | valid_from\n{ZORRO} | core | team | 1 | 2025-01-01"
    write_drawn_figures(settings.figures_folder, settings, date(2026, 7, 1), subscriptions=lines)
    kept = ValueStore(settings.kept_folder, settings.store, pytest.fail)
    for key, account in (("a", ZORRO), ("b", "acc-0001")):
        rows = pa.table({"account_id": [account], "snapshot_date": [date(2026, 7, 1)], "mrr": [1.0]})
        kept.put(FEATURE_ROWS, digest_of(key), value_of(rows))
    unfinished_of(kept.folder / FEATURE_ROWS / digest_of("c")).write_text(ZORRO)  # of a run that was killed
    (own_folder() / "features-abc").mkdir()
    (own_folder() / "features-abc" / "shard-0.parquet").write_text(ZORRO)
    settings.prefect_folder.mkdir()
    with closing(sqlite3.connect(settings.prefect_folder / "prefect.db")) as database, database:
        database.execute("create table artifact (id text, data text, created text)")
        shown = [json.dumps(json.dumps([{"account": name}])) for name in (NAME, "Acme")]
        database.executemany("insert into artifact values (?, ?, '2026-10-01 06:00')", enumerate(shown))
    _killed(settings, run)
    return tmp_path


def _killed(settings: Settings, run: Path) -> None:
    """What runs leave that are killed while they write: beside every place, and in it."""
    for folder in (settings.check_folder, settings.figures_folder, settings.out_folder / "monitoring"):
        for place in (aside_of(folder), unfinished_of(folder)):
            shutil.copytree(folder, place)
    left = pd.DataFrame({"account_id": [ZORRO], "user_id": [USER]})
    left.to_parquet(unfinished_of(run / "changes.parquet"))
    unfinished_of(settings.history_folder / "2026-10-02").mkdir()
    left.to_parquet(unfinished_of(settings.history_folder / "2026-10-02") / "users.parquet")


def test_an_account_is_in_no_byte_of_any_file(company: Path, headroom: Headroom) -> None:
    before = files_of(company)
    ran = headroom("forget", "--account", ZORRO)
    assert ran.code == 0
    assert [line.partition(":")[0] for line in ran.out.splitlines()[:11]] == [
        "store of outcomes", "write-back", "monitoring", "history", "rows of checks", "company's figures",
        "kept feature rows", "stopped builds", "runs in Prefect", "published lists",
        f"that is what is held of account {ZORRO}; nothing was changed",
    ]  # fmt: skip
    assert "unless the source forgets it too" in ran.out
    assert files_of(company).keys() == before.keys()
    assert told(company / "published", (ZORRO,))

    ran = headroom("forget", "--account", ZORRO, "--yes", "--by", "Dana")
    assert ran.code == 0, ran.err
    assert told(company, (*PLANTED, USER)) == []
    notes = [json.loads(line) for line in (company / "published" / "erasures.jsonl").read_text().splitlines()]
    assert [file.name for file in (company / "kept" / FEATURE_ROWS).iterdir()] == [digest_of("b")]
    assert {note["by"] for note in notes} == {"Dana"}
    assert {note["place"]: note["counts"] for note in notes}["store of outcomes"] == {
        "outcomes": 1, "messages": 1, "saved views": 1,
    }  # fmt: skip
    slices = pd.read_parquet(company / "published" / "monitoring" / "slices.parquet")
    assert slices["value"].tolist() == ["Ana Costa"]
    with open_store(load(company / "headroom.toml").outcomes_url) as store:
        assert [row.account_id for row in store.all_rows()] == ["acc-0001"]
    for day in published_dates(company / "published"):
        assert headroom("verify", "--snapshot-date", day).code == 0
    assert f"nothing of account {ZORRO} was found" in headroom("forget", "--account", ZORRO, "--yes").out


def test_what_prefect_shows_of_an_account_without_a_name_goes(tmp_path: Path) -> None:
    """It is shown by its id there, which may be a number that stands elsewhere, too."""
    file = tmp_path / "prefect.db"
    rows = [{"account": name, "ARR": "$42"} for name in ('4"2', "42", "142", "Acme")]
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("create table artifact (id text, data text, created text)")
        shown = [json.dumps(json.dumps([row])) for row in rows]
        database.executemany("insert into artifact values (?, ?, '2026-10-01 06:00')", enumerate(shown))
    place = PrefectPlace(file)
    assert place.found(Subject("user_id", "42")) == {}
    for account in ("42", '4"2'):
        assert place.erase(Subject("account_id", account), DAY) == {"artifacts": 1}
    with closing(sqlite3.connect(file)) as database:
        left = [json.loads(json.loads(data)) for (data,) in database.execute("select data from artifact")]
    assert left == [rows[2:3], rows[3:]]


def test_what_prefect_shows_of_an_account_goes_whatever_it_is_called_by_now(two_lists: Path, tmp_path: Path) -> None:
    """The list that called it so may be removed, or published anew: what was shown of it is found by its id."""
    file, (first, *others) = tmp_path / "prefect.db", _top(two_lists, DAY)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("create table artifact (id text, data text, created text)")
        shown = [json.dumps(json.dumps([row])) for row in (first, *others)]
        database.executemany("insert into artifact values (?, ?, '2026-10-01 06:00')", enumerate(shown))
    place, subject = PrefectPlace(file), Subject("account_id", first["account_id"])
    assert first["account"] != first["account_id"]
    assert place.found(subject) == place.erase(subject, DAY) == {"artifacts": 1}
    assert others
    assert place.found(Subject("account_id", others[0]["account_id"])) == {"artifacts": 1}


def test_no_line_of_another_run_is_lost_from_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another run noted until this one may write is kept."""

    @contextmanager
    def waits(file: Path, *asked: str) -> Iterator[Path]:
        file.write_text("what another run noted\n")
        with whole_file(file, *asked) as new:
            yield new

    monkeypatch.setattr(forget, "whole_file", waits)
    forget._note(tmp_path, ListsPlace(tmp_path), Subject("account_id", ZORRO), {"scores": 1}, "Dana", DAY)
    first, own = (tmp_path / forget.RECORD).read_text().splitlines()
    assert first == "what another run noted"
    assert json.loads(own)["by"] == "Dana"


def test_what_a_living_run_writes_stays(company: Path, headroom: Headroom) -> None:
    """A dry run of the write-back may be writing there; a check that writes is waited for."""
    settings = load(company / "headroom.toml")
    (settings.writeback_folder / "dry-run").mkdir()
    with whole_file(settings.writeback_folder / "dry-run" / "changes.parquet") as theirs:
        TablesPlace("write-back", settings.writeback_folder).erase(Subject("account_id", ZORRO), DAY)
        assert theirs.is_file()
        pd.DataFrame({"account_id": ["acc-0001"]}).to_parquet(theirs)
    with whole_folder(settings.check_folder) as theirs:
        ran = headroom("forget", "--account", ZORRO, "--yes")
        assert "another process is writing it" in ran.err
        assert theirs.is_dir()


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "20261001T060000-hubspot" / JOURNAL
    file.parent.mkdir()
    file.write_bytes(b"no database" * 99)
    place, subject = TablesPlace("write-back", tmp_path), Subject("account_id", ZORRO)
    for asked in (lambda: place.found(subject), lambda: place.erase(subject, DAY)):
        with pytest.raises(CrmError, match=f"{file}.*\n.*it cannot be read: file is not a database"):
            asked()


def test_a_stopped_build_does_not_make_an_unknown_account_known(company: Path, headroom: Headroom) -> None:
    for asked in ((), ("--yes",)):
        said = headroom("forget", "--account", "acc-zoro", *asked).out
        assert "stopped builds: folders of builds 1" in said
        assert "nothing of account acc-zoro was found: check the id" in said
    assert told(company / "published", (ZORRO,))


def test_a_user_is_taken_out_and_its_account_stays(company: Path, headroom: Headroom) -> None:
    ran = headroom("forget", "--user", USER, "--yes")
    assert [line for line in ran.out.splitlines() if ": " in line][:2] == [
        "history: users 1",
        "rows of checks: 01-users-keys.csv 1",
    ]
    assert told(company, (USER,)) == []
    assert told(company / "published", (ZORRO,))


def test_an_id_alone_is_that_of_an_account_or_of_a_user(company: Path, headroom: Headroom) -> None:
    assert f"that is what is held of account {ZORRO};" in headroom("forget", ZORRO).out
    assert f"that is what is held of user {USER};" in headroom("forget", USER).out
    nobody = headroom("forget", "acc-zoro", "--yes")
    assert nobody.code == 1
    assert "found: no account and no user has that id here." in nobody.err
    run = company / "published" / "writeback" / "one"
    run.mkdir()
    pd.DataFrame({"user_id": [ZORRO]}).to_parquet(run / "seen.parquet")
    both = headroom("forget", ZORRO, "--yes")
    assert both.code == 1
    assert "found: an account and a user have that id here." in both.err
    assert "with --account or --user" in both.err
    assert headroom("forget", ZORRO, "--account", ZORRO).code == 2


def test_who_was_broken_off_runs_it_again(company: Path, headroom: Headroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_: ListsPlace, *__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ListsPlace, "erase", dies)
        assert headroom("forget", "--account", ZORRO, "--yes").code != 0
    assert told(company / "published", (NAME,))
    assert headroom("forget", "--account", ZORRO, "--yes").code == 0
    assert told(company, PLANTED) == []


def test_where_it_lies_is_told_place_by_place(company: Path, headroom: Headroom) -> None:
    holdings = json.loads(headroom("forget", "--where", "--json").out)
    assert {holding["place"] for holding in holdings} == {
        "store of outcomes", "write-back", "monitoring", "history", "rows of checks", "company's figures",
        "kept feature rows", "stopped builds", "runs in Prefect", "published lists",
    }  # fmt: skip
    scores = next(holding for holding in holdings if holding["what"] == "scores")
    assert (scores["rows"], scores["last"]) == (80, str(DAY))
    assert "owner names" in headroom("forget", "--where").out
    assert company.is_dir()


def test_one_thing_is_asked_for(headroom: Headroom) -> None:
    assert headroom("forget").code == 2
    assert headroom("forget", "--account", "a", "--user", "b").code == 2
    assert headroom("forget", "--account", "").code == 2
