"""The record itself: nothing twice, nothing half, nothing lost unseen, nothing written over."""

import hashlib
import multiprocessing
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data import atomic
from data.checks.check import check
from data.contract.inputs import TABLES
from data.errors import ContractError, HeadroomError, NotEnoughHistoryError, PublishError, SourceError
from data.record import record as recording
from data.sources.connect import connect
from tests.data.record.shown import drawn_source, recorded, served

PLANS = "product | plan | tier\n" + "\n".join(f"core | p{number} | {number}" for number in range(1, 11))
LINES = "account_id | product | plan | mrr | seats | valid_from\n"
MANY = LINES + "\n".join(f"a{number} | core | team | {100 + number} | 5 | 2026-01-01" for number in range(10))


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A history of one day: ten lines and ten plans."""
    folder = tmp_path / "history"
    recorded(folder, drawn_source(tmp_path / "source", subscriptions=MANY, plans=PLANS), "2026-10-01")
    return folder


def source(history: Path, **tables: str) -> Path:
    return drawn_source(history.parent / "source", **{"subscriptions": MANY, "plans": PLANS} | tables)


def files(folder: Path) -> dict[str, str]:
    """Every file of a folder, and its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- nothing twice, nothing half --------------------------------------------------------------------------------------


def test_recording_a_day_twice_changes_no_byte_even_where_the_source_changed(history: Path) -> None:
    before = files(history)
    again = recorded(history, source(history, plans=PLANS.replace("p1 |", "px |")), "2026-10-01")
    assert not again.is_new
    assert files(history) == before
    assert again.lines()[0] == "2026-10-01 was recorded before; nothing has been written"


def test_what_is_recorded_is_never_written_again(history: Path) -> None:
    before = files(history)
    recorded(history, source(history, subscriptions=MANY.replace("| 101 |", "| 150 |")), "2026-10-02")
    after = files(history)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"2026-10-02/manifest.json", "2026-10-02/subscriptions.parquet"}


def test_a_day_on_which_nothing_changed_is_a_manifest(history: Path) -> None:
    day = recorded(history, source(history), "2026-10-02")
    assert [table.changes for table in day.tables.values()] == [0] * len(day.tables)
    assert "plans                        10 rows, nothing new" in day.lines()
    assert [path.name for path in (history / "2026-10-02").iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("step", ["write_changes", "write_today"])
def test_a_run_that_dies_leaves_the_last_good_day(history: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    before, calls = files(history), []
    whole = getattr(recording, step)

    def dies_at_the_second(*given: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        return whole(*given)

    with monkeypatch.context() as patch:
        patch.setattr(recording, step, dies_at_the_second)
        patch.setattr(atomic, "_remove", lambda _path: None)  # a process that is killed clears nothing up
        with pytest.raises(Killed):
            recorded(history, source(history, subscriptions=MANY.replace("| 101 |", "| 150 |")), "2026-10-02")
    assert {name: sha for name, sha in files(history).items() if not name.startswith(".")} == before
    assert len(served(history, "subscriptions", ("mrr",))) == 10
    recorded(history, source(history), "2026-10-03")
    assert [path.name for path in sorted(history.iterdir())] == ["2026-10-01", "2026-10-03"]


def test_two_at_once_and_the_second_is_refused(history: Path) -> None:
    ready, done = multiprocessing.Event(), multiprocessing.Event()
    other = multiprocessing.get_context("fork").Process(target=_hold, args=(history, ready, done))
    other.start()
    try:
        assert ready.wait(20)
        with pytest.raises(PublishError, match=r"as of 2026-10-02\.\n  found: another process is writing it"):
            recorded(history, source(history), "2026-10-02")
    finally:
        done.set()
        other.join()
    assert recorded(history, source(history), "2026-10-02").is_new


def _hold(folder: Path, ready: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    with atomic.only_writer(folder, "Hold it."):
        ready.set()
        done.wait(20)


# --- days -------------------------------------------------------------------------------------------------------------


def test_an_earlier_day_is_refused(history: Path) -> None:
    with pytest.raises(NotEnoughHistoryError, match="2026-10-01 was recorded already; an earlier day cannot follow it"):
        recorded(history, source(history), "2026-09-30")


def test_lost_days_are_told_by_the_record_and_by_a_check(history: Path) -> None:
    day = recorded(history, source(history), "2026-10-05")
    told = "3 days in between were not recorded (2026-10-02, 2026-10-03, 2026-10-04)"
    assert any(told in line for line in day.lines())
    with connect(f"record://{history}") as opened:
        notes = [finding.message for finding in check(opened, date(2026, 10, 6)).notes]
    assert any(told in note for note in notes)
    assert any("recorded from 2026-10-01 to 2026-10-05" in note for note in notes)


# --- what is gone -----------------------------------------------------------------------------------------------------


def test_a_table_that_shrank_is_a_feed_that_failed(history: Path) -> None:
    before = files(history)
    shrunken = source(history, plans="\n".join(PLANS.splitlines()[:4]))  # three of ten are left
    with pytest.raises(ContractError) as refused:
        recorded(history, shrunken, "2026-10-02")
    assert str(refused.value) == (
        f"Record {shrunken} as of 2026-10-02.\n"
        "  found: too much of it is gone since 2026-10-01: plans: 7 of 10 rows. Nothing has been recorded.\n"
        "  to do: Check the feed. If it is right, name what may be gone with --accept, or as `accept` under [record]."
    )
    assert files(history) == before
    assert recorded(history, shrunken, "2026-10-02", largest_loss=0.7).is_new


def test_all_that_is_gone_is_told_at_once_and_may_be_accepted(history: Path) -> None:
    folder = source(history, subscriptions=MANY.replace("| seats |", "| chairs |"))
    (folder / "plans.parquet").unlink()
    with pytest.raises(
        ContractError, match=r"plans: the table is not there, subscriptions\.seats: the column is not there"
    ):
        recorded(history, folder, "2026-10-02")
    recorded(history, folder, "2026-10-02", accept=("plans", "subscriptions.seats"))
    assert len(served(history, "plans", ("plan",))) == 10, "what was there is not deleted by that"
    assert served(history, "subscriptions", ("seats", "valid_to"))[0] == (5, None), "nor does a line end"
    with connect(f"record://{history}") as opened:
        assert "plans was last there on 2026-10-01." in opened.remarks


def test_lines_whose_ids_are_written_otherwise_are_a_feed_that_failed(history: Path) -> None:
    with pytest.raises(ContractError, match="subscriptions: 10 of 10 rows"):
        recorded(history, source(history, subscriptions=MANY.replace("\na", "\nA-")), "2026-10-02")


# --- columns and types ------------------------------------------------------------------------------------------------


def test_a_new_column_is_filled_in_and_changes_no_line(history: Path) -> None:
    more = MANY.replace("| valid_from", "| valid_from | contract_id").replace("2026-01-01", "2026-01-01 | c")
    day = recorded(history, source(history, subscriptions=more), "2026-10-02")
    assert day.tables["subscriptions"].recorded == {"learned": 10}
    recorded(history, source(history, subscriptions=more.replace("| 101 |", "| 150 |")), "2026-10-03")
    rows = served(history, "subscriptions", ("contract_id", "mrr", "valid_from", "valid_to"))
    assert rows[:3] == [
        ("c", 100.0, "2026-01-01", None),
        ("c", 101.0, "2026-01-01", "2026-10-03"),
        ("c", 102.0, "2026-01-01", None),
    ]
    assert ("c", 150.0, "2026-10-03", None) in rows


def test_a_new_column_of_facts_makes_no_others(tmp_path: Path) -> None:
    events, folder = "account_id | occurred_at | feature\n{}", tmp_path / "history"
    rows = ["acme | 2026-10-01T08:00 | login", "acme | 2026-10-01T09:00 | login"]
    for day, columns in (("2026-10-01", ""), ("2026-10-02", " | u1"), ("2026-10-03", " | u1")):
        header = events.format("").strip() + (" | user_id" if columns else "")
        text = "\n".join(
            [header, *(row + columns for row in rows), *([f"acme | 2026-10-02T08:00 | login{columns}"] * bool(columns))]
        )
        recorded(folder, drawn_source(tmp_path / "source", usage_events=text), day)
    assert served(folder, "usage_events", ("occurred_at", "user_id", "known_at")) == [
        ("2026-10-01", None, None),
        ("2026-10-01", None, None),
        ("2026-10-02", "u1", "2026-10-02"),
    ]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("mrr", lambda values: values.astype("float64")),
        ("mrr", lambda values: values.map("{}.00".format)),
        ("seats", lambda values: values.astype("Int32")),
        ("valid_from", pd.to_datetime),
        ("valid_from", lambda values: pd.to_datetime(values).dt.date),
    ],
)
def test_a_type_that_drifts_is_no_change(history: Path, column: str, written: object) -> None:
    folder = source(history)
    rows = pd.read_parquet(folder / "subscriptions.parquet")
    rows.assign(**{column: written(rows[column])}).to_parquet(folder / "subscriptions.parquet")
    assert recorded(history, folder, "2026-10-02").tables["subscriptions"].recorded == {}


def test_a_type_that_drifts_to_what_cannot_be_read_is_refused(history: Path) -> None:
    told: list[str] = []
    folder = source(history, subscriptions=MANY.replace("| 10", "| EUR 10"))
    with connect(str(folder)) as opened, pytest.raises(ContractError, match=r"subscriptions.mrr: 10 of 10 values"):
        recording.record_day(opened, history, date(2026, 10, 2), recording.RecordSettings(), told.append)
    assert told == ["warning: subscriptions.mrr: 10 values cannot be read and are recorded as missing"]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_history_reads_like_any_source(history: Path) -> None:
    with connect(f"record://{history}") as opened:
        assert set(opened.tables) == {"accounts", "subscriptions", "plans", "usage_events"}
        assert "subscriptions.seats" not in opened.absent
        assert "subscriptions.renews_on" in opened.absent
        assert all(opened.raw[name].columns for name in opened.tables)
        first = opened.state
    recorded(history, source(history), "2026-10-02")
    with connect(f"record://{history}", {"plans": "select 1"}) as opened:
        assert opened.tables["plans"].count().to_pyarrow().as_py() == 10, "SQL was run when it was recorded"
        assert opened.state != first


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda folder: (folder / "2026-10-01" / "plans.parquet").unlink(), "plans.parquet is missing or was changed"),
        (lambda folder: (folder / "2026-10-01" / "plans.parquet").write_bytes(b""), "plans.parquet is missing or was"),
        (lambda folder: shutil.rmtree(folder / "2026-10-01"), "2026-10-02: a day before it is missing or was changed"),
        (lambda folder: (folder / "2026-10-01" / "manifest.json").write_text("{"), "manifest.json cannot be read"),
    ],
)
def test_a_history_that_was_touched_is_refused(history: Path, spoil: object, found: str) -> None:
    recorded(history, source(history), "2026-10-02")
    spoil(history)
    with pytest.raises(SourceError, match=found):
        connect(f"record://{history}")
    with pytest.raises(SourceError, match=found):
        recorded(history, source(history), "2026-10-03")


def test_a_folder_without_a_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadroomError, match=r"no day is recorded in it\.\n  to do: Run `headroom record` first"):
        connect(f"record://{tmp_path}")


def test_every_table_can_be_recorded_and_read(tmp_path: Path) -> None:
    """Each with all the columns of the contract, and with the required ones alone."""
    folder = tmp_path / "all"
    for day, required_only in (("2026-10-01", True), ("2026-10-02", False), ("2026-10-03", False)):
        tables = {name: _row(name, required_only=required_only) for name in TABLES}
        recorded(folder, drawn_source(tmp_path / "source", **tables), day)
    with connect(f"record://{folder}") as opened:
        counts = {name: table.count().to_pyarrow().as_py() for name, table in opened.tables.items()}
    assert all(counts.values()), counts


def _row(name: str, *, required_only: bool) -> str:
    columns = [column for column in TABLES[name].columns if column.required or not required_only]
    values = {"clock": "2026-09-01", "money": "10", "quantity": "10", "count": "1", "rating": "1"}
    return "\n".join([
        " | ".join(column.name for column in columns), " | ".join(values.get(column.kind, "x") for column in columns)
    ])  # fmt: skip
