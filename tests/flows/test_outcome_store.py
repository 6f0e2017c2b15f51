"""The store on the command line: filled from a sheet, listed, exported; and read by every run."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.errors import ContractError
from data.ledger.rules import ExpansionRules
from data.sources.known import with_outcomes
from features.build.build import feature_rows
from flows.outcomes.listed import EXPORTED
from flows.outcomes.to_file import Imported
from flows.outcomes.to_store import import_into_store
from flows.run.settings import load
from serving.outcomes.as_outcomes import as_outcomes
from serving.outcomes.outcome import FIELDS, Outcome
from serving.outcomes.vocabulary import SNOOZED
from serving.published.layout import place_of
from serving.ranking.gates import evaluate
from serving.settings import GateThresholds, ServeSettings
from serving.store.outcomes import OutcomeStore, open_store
from serving.web.app import Site
from tests.drawn import base, known
from tests.flows.conftest import END, Headroom
from tests.flows.test_outcomes import ANSWERED, Cells, accounts_of, filled, folder  # noqa: F401  (fixtures)
from tests.serving.web.conftest import browser, made_list
from tests.serving.web.test_record import send
from tests.serving.world import DAY, publish, snapshot

NOW = datetime(2026, 10, 20, 9, tzinfo=UTC)
TODAY = NOW.date()
WEEK = timedelta(days=7)
Importing = Callable[..., Imported]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'kept.db'}"


@pytest.fixture
def importing(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Importing:  # noqa: F811
    monkeypatch.setenv("HEADROOM_OUTCOMES__URL", url)

    def run(file: Path, today: date = TODAY) -> Imported:
        return import_into_store(file, load(out=folder.parent), today, "Ana Costa")

    return run


def rows_in(url: str) -> list[dict[str, object]]:
    with open_store(url) as store:
        return [{name: getattr(row, name) for name in ("id", *FIELDS)} for row in store.all_rows()]


def recorded(url: str, account: tuple[str, str], at: datetime = NOW, **said: object) -> None:
    """Record something about an account and its play, as if at that time."""
    with open_store(url, now=lambda: at) as store:
        store.append([Outcome(**{"account_id": account[0], "play": account[1], "who": "Ana", **said})])


def state_in(url: str, account: str) -> str:
    """Where an account stands in the end."""
    with open_store(url) as store:
        return store.state_of([account], date(2100, 1, 1))[account].state


# --- from a sheet -----------------------------------------------------------------------------------------------------


def test_answers_are_recorded(filled, folder: Path, importing: Importing, url: str, tmp_path: Path) -> None:  # noqa: F811
    today = datetime.now(UTC).date()
    assert importing(filled(ANSWERED), today) == (str(tmp_path / "kept.db"), 3, 0, 0, ())
    won, snoozed, taken = rows_in(url)
    first, second = accounts_of(folder)[:2]
    assert (won["account_id"], won["play"]) == first
    assert (won["action"], won["arr"], won["snapshot_date"], won["who"]) == ("won", 1200, DAY, "Ana Costa")
    assert (snoozed["account_id"], snoozed["action"], snoozed["text"]) == (second[0], "snoozed", "budget closed")
    assert snoozed["until"] == today + timedelta(days=90)  # as long as the list waits
    assert (taken["action"], taken["came_from"]) == ("taken", "import")


def test_the_same_file_again_adds_nothing(filled, importing: Importing, url: str) -> None:  # noqa: F811
    file, today = filled(ANSWERED), datetime.now(UTC).date()
    importing(file, today)
    assert importing(file, today + timedelta(days=20))[1:4] == (0, 0, 3)
    assert len(rows_in(url)) == 3


def test_another_answer_corrects_what_was_final_and_follows_what_was_not(
    filled,  # noqa: F811
    importing: Importing,
    url: str,
) -> None:
    today = datetime.now(UTC).date()
    importing(filled(ANSWERED), today)
    changed: Cells = ANSWERED | {
        ("Most likely", 2, "ARR won"): 120,  # was 1200
        ("All ranked", 40, "Answer"): "lost",  # was under way
        ("All ranked", 40, "Because"): "too dear",
    }
    assert importing(filled(changed), today)[1:4] == (0, 2, 1)
    *_, lower, lost = rows_in(url)
    assert (lower["arr"], lower["corrects"]) == (120, 1)
    assert (lost["action"], lost["text"], lost["corrects"]) == ("lost", "too dear", None)
    assert importing(filled(ANSWERED), today)[1:4] == (0, 2, 1)  # and back again
    assert importing(filled(ANSWERED), today)[1:4] == (0, 0, 3)
    assert len(rows_in(url)) == 7


def test_what_was_recorded_on_a_page_since_stays(filled, folder: Path, importing: Importing, url: str) -> None:  # noqa: F811
    file, today = filled(ANSWERED), datetime.now(UTC).date()
    importing(file, today)
    account, play = accounts_of(folder)[0]
    with open_store(url) as store:
        store.append([Outcome(account_id=account, action="corrected", who="Ana", play=play, corrects=1)])
        assert importing(file, today)[1:4] == (0, 0, 3)
        assert store.state_of([account], today)[account].state == "open"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"action": "won", "arr": 12_000}, "won"),
        ({"action": "reopened"}, "open"),
        ({"action": "disqualified", "reason": "no_budget"}, "disqualified"),
        # the workbook of a later list was imported first, and this one comes after it
        ({"action": "won", "came_from": "import", "snapshot_date": DAY + WEEK, "play": "another"}, "won"),
    ],
)
def test_a_sheet_that_comes_late_changes_nothing_of_what_was_recorded_since_and_says_so(
    filled,  # noqa: F811
    folder: Path,  # noqa: F811
    importing: Importing,
    url: str,
    said: dict[str, object],
    state: str,
) -> None:
    first, second = accounts_of(folder)[:2]
    recorded(url, first, **said)
    file = filled({("Most likely", row, "Answer"): "under way" for row in (2, 3)})
    for added in (1, 0):
        imported = importing(file)
        assert imported[1:4] == (added, 0, 1 - added)
        assert [told.partition(":")[0] for told in imported.left] == [f"{first[0]} (sheet `Most likely`, row 2)"]
    assert "\n1 answer left out, as something newer is recorded:\n- acc-" in str(imported)
    assert [row["account_id"] for row in rows_in(url)] == [first[0], second[0]]
    assert (state_in(url, first[0]), state_in(url, second[0])) == (state, "working")


def test_what_a_sheet_and_a_page_both_say_is_counted_once(
    filled,  # noqa: F811
    folder: Path,  # noqa: F811
    importing: Importing,
    url: str,
) -> None:
    account = accounts_of(folder)[0]
    importing(filled({("Most likely", 2, "Answer"): "under way"}))
    recorded(url, account, datetime.now(UTC), action="won", arr=12_000, text="With Ada")
    won: Cells = {("Most likely", 2, "Answer"): "won", ("Most likely", 2, "ARR won"): 12_000}
    assert importing(filled(won))[1:] == (0, 0, 1, ())
    assert importing(filled(won | {("Most likely", 2, "ARR won"): 13_000}))[1:4] == (0, 0, 0)
    assert importing(filled(won | {("Most likely", 2, "Because"): "with Bo"}))[1:4] == (0, 0, 0)
    assert [(row["action"], row["arr"]) for row in rows_in(url)] == [("taken", None), ("won", 12_000)]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 9, 30, 23, tzinfo=UTC), {"action": "lost"}),  # the list knows it
        (NOW, {"action": "noted", "text": "Call Ada"}),
        (NOW, {"action": "taken", "came_from": "import", "snapshot_date": DAY - WEEK}),  # the sheet of the week before
    ],
)
def test_what_changes_nothing_or_is_older_than_the_list_holds_no_answer_back(
    filled,  # noqa: F811
    folder: Path,  # noqa: F811
    importing: Importing,
    url: str,
    at: datetime,
    said: dict[str, object],
) -> None:
    account = accounts_of(folder)[0]
    recorded(url, account, at, **said)
    assert importing(filled({("Most likely", 2, "Answer"): "under way"}))[1:] == (1, 0, 0, ())
    assert state_in(url, account[0]) == "working"


def test_what_was_taken_back_on_a_page_holds_no_answer_back(
    filled,  # noqa: F811
    folder: Path,  # noqa: F811
    importing: Importing,
    url: str,
) -> None:
    account = accounts_of(folder)[0]
    recorded(url, account, action="won", arr=12_000)
    recorded(url, account, action="corrected", corrects=1)
    assert importing(filled({("Most likely", 2, "Answer"): "lost"}))[1:] == (1, 0, 0, ())
    assert state_in(url, account[0]) == "lost"


def test_a_file_with_faults_or_without_answers_makes_no_store(
    filled,  # noqa: F811
    importing: Importing,
    tmp_path: Path,
) -> None:
    with pytest.raises(ContractError, match="`maybe` is no answer"):
        importing(filled({("Most likely", 5, "Answer"): "maybe"}))
    assert "nothing has been written" in str(importing(filled({})))
    assert not (tmp_path / "kept.db").exists()


# --- on the command line ----------------------------------------------------------------------------------------------


def test_import_list_and_export(filled, folder: Path, headroom: Headroom, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "published"
    shutil.copytree(folder.parent, out)
    assert headroom("outcomes", "list").out == "nothing has been recorded\n"
    refused = headroom("outcomes", "export", "all.csv")
    assert (refused.code, "nothing has been recorded yet" in refused.err) == (1, True)
    assert not (out / "outcomes.db").exists()
    ran = headroom("outcomes", "import", filled(ANSWERED), "--who", "Ana Costa")
    assert ran.out == f"3 answers added, 0 changed, 0 already there: {out / 'outcomes.db'}\n"
    account = accounts_of(folder)[0][0]
    listed = headroom("outcomes", "list", "--account", account).out
    assert all(word in listed for word in (account, "Won", "1,200.00", "Ana Costa"))
    assert len(headroom("outcomes", "list").out.splitlines()) == len(listed.splitlines()) + 2
    for name in ("all.csv", "all.parquet"):
        assert headroom("outcomes", "export", name).out == f"3 rows: {name}\n"
    assert pq.read_schema(tmp_path / "all.parquet") == EXPORTED
    assert pd.read_csv(tmp_path / "all.csv")["action"].tolist() == ["won", SNOOZED, "taken"]
    assert headroom("outcomes", "export", "all.txt").code == 1


def test_a_list_that_is_published_anew_loses_nothing(folder: Path, headroom: Headroom, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "published"
    shutil.copytree(folder.parent, out)
    with open_store(f"sqlite:///{out}/outcomes.db") as store:
        store.append([Outcome(account_id="acc-0001", action="taken", who="Ana")])
        before = store.all_rows()
        publish(out, snapshot(60))
        assert store.all_rows() == before
    assert "acc-0001" in headroom("outcomes", "list").out


# --- as runs read it --------------------------------------------------------------------------------------------------


def store_in(out: Path, day: date) -> OutcomeStore:
    return open_store(
        f"sqlite:///{out / 'outcomes.db'}", now=lambda: datetime(day.year, day.month, day.day, tzinfo=UTC)
    )


def scores_of(listing: Path) -> pd.DataFrame:
    return pd.read_parquet(listing / "scores.parquet").set_index("account_id")


def test_a_score_gates_what_was_recorded_before_its_day(
    headroom: Headroom, warehouse: Path, published: Path, with_model: None, tmp_path: Path
) -> None:
    ranked = scores_of(published).query("eligible").sort_values("rank").index[:5].tolist()
    taken, waits, back, today, won = ranked
    out, eve = tmp_path / "lists", END - timedelta(days=1)
    said = [
        Outcome(account_id=taken, action="taken", who="Ana", play="seat_limits"),
        Outcome(account_id=waits, action="disqualified", reason="no_budget", who="Ana"),
        Outcome(account_id=back, action="snoozed", until=END, who="Ana"),
        Outcome(account_id=won, action="won", arr=1200, who="Ana"),
        Outcome(account_id="of another source", action="taken", who="Ana"),
    ]
    with store_in(out, eve) as store:
        store.append([replace(outcome, play=outcome.play or "seat_limits") for outcome in said])
    with store_in(out, END) as store:
        store.append([Outcome(account_id=today, action="taken", who="Ana")])
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", out)
    assert ran.code == 0, ran.err
    made = out / published.name
    because = scores_of(made)["not_eligible_because"].fillna("").to_dict()
    assert {name: because[name] for name in ranked} == {
        taken: "play_open",
        waits: "not_now",
        back: "",
        today: "",
        won: "just_won",
    }
    assert json.loads((made / "manifest.json").read_text())["outcomes_read"] == {"rows": 5, "last_id": 6}
    verified = headroom("verify", "--reasons", "--source", warehouse, "--out", out)
    assert verified.code == 0, verified.out
    assert "feature_rows_sha256 differs" not in verified.out


def test_a_list_before_the_first_record_is_made_again_as_it_was(
    headroom: Headroom, warehouse: Path, with_model: None, tmp_path: Path
) -> None:
    """That there is a store decides which features there are, whatever day its rows are of."""
    out = tmp_path / "lists"
    with store_in(out, END) as store:
        store.append([Outcome(account_id="of another source", action="taken", who="Ana")])
    assert headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", out).code == 0
    (made,) = out.glob("snapshot_date=*")
    assert json.loads((made / "manifest.json").read_text())["outcomes_read"] == {"rows": 0, "last_id": 1}
    verified = headroom("verify", "--reasons", "--source", warehouse, "--out", out)
    assert (verified.code, "feature_rows_sha256 differs" in verified.out) == (0, False)


def test_a_run_makes_no_store(published: Path) -> None:
    assert not list(published.parent.glob("outcomes.db*"))
    assert json.loads((published / "manifest.json").read_text())["outcomes_read"] == {"rows": 0, "last_id": None}


def test_check_and_features_tell_of_the_store(
    headroom: Headroom, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    assert "outcomes: none recorded here" in headroom("check", "--source", warehouse).out
    monkeypatch.setenv("HEADROOM_OUTCOMES__URL", url)
    assert "nothing has been recorded yet" in headroom("check", "--source", warehouse).err
    account = pd.read_parquet(warehouse / "subscriptions.parquet")["account_id"].iloc[0]
    with open_store(url, now=lambda: NOW - timedelta(days=365)) as store:
        store.append([Outcome(account_id=account, action="taken", who="Ana")])
    told = headroom("check", "--source", warehouse).out
    assert "outcomes: 1 row recorded here of 1 account, the last on 2025-10-20" in told
    for day, under_way in (("2025-10-20", 0), ("2025-10-21", 1)):
        ran = headroom("features", "--source", warehouse, "--snapshot-date", day, "--out", "rows.parquet")
        assert ran.code == 0, ran.err
        rows = pd.read_parquet(tmp_path / "rows.parquet").set_index("account_id")
        assert rows["play_open"][account] == under_way


def test_a_store_that_cannot_be_reached_stops_a_run(
    headroom: Headroom, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_OUTCOMES__URL", "postgres://nobody@127.0.0.1:1/kept")
    ran = headroom("features", "--source", warehouse, "--out", "rows.parquet")
    assert ran.code == 1
    assert "Connection refused" in ran.err
    monkeypatch.setenv("HEADROOM_OUTCOMES__URL", "postgres://u:hunter2@h/kept")
    refused = headroom("outcomes", "list")
    assert (refused.code, "hunter2" in refused.err) == (1, False)


# --- an id to the letter ----------------------------------------------------------------------------------------------

PADDED = "C0012   "
"""An account of a column of a fixed width, as ``CHAR(8)``."""


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a list that has the account among others."""
    out = tmp_path_factory.mktemp("padded")
    made_list(out, DAY, 1)
    return out


def on_its_page(out: Path, url: str) -> None:
    with open_store(url) as store:
        send(browser(Site(out, out, ServeSettings(), store)), PADDED, action="taken")


def in_the_sheet(out: Path, url: str) -> None:
    filled_in = out.parent / "filled.xlsx"
    book = openpyxl.load_workbook(place_of(out, DAY) / "list.xlsx")
    sheet = book["All ranked"]
    headings = [cell.value for cell in sheet[1]]
    (row,) = [row for row in sheet.iter_rows(min_row=2) if row[headings.index("Account id")].value == PADDED]
    row[headings.index("Answer")].value = "under way"
    book.save(filled_in)
    import_into_store(filled_in, load(out=out), datetime.now(UTC).date(), "Ana Costa")


@pytest.mark.parametrize("recorded", [on_its_page, in_the_sheet])
def test_an_id_that_ends_in_a_blank_comes_to_the_gate_as_it_is(
    padded: Path, url: str, monkeypatch: pytest.MonkeyPatch, recorded: Callable[[Path, str], None]
) -> None:
    monkeypatch.setenv("HEADROOM_OUTCOMES__URL", url)
    recorded(padded, url)
    with open_store(url) as store:
        rows = store.all_rows()
    assert [(row.account_id, row.action) for row in rows] == [(PADDED, "taken")]
    tables = base(
        subscriptions=f"""
            account_id      | product | plan | mrr | seats | valid_from
            {PADDED.strip()} | core    | team | 100 | 10    | 2025-07-01
        """
    )
    tables = {name: table.mutate(account_id=ibis.literal(PADDED)) for name, table in tables.items()}
    tomorrow = rows[0].day + timedelta(days=1)
    both = with_outcomes(known(tables, tomorrow), as_outcomes(rows, tomorrow), "state")
    features = feature_rows(both.tables, [tomorrow], ExpansionRules(), absent=both.absent).to_pandas()
    gated = evaluate(features.set_index("account_id").astype({"play_open": "float64"})[["play_open"]], GateThresholds())
    assert gated.because.to_dict() == {PADDED: "play_open"}
