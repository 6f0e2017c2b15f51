import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import serving.publish
from data.contract.outputs import TABLES
from data.errors import PublishError
from serving.publish import WRITERS, Writer
from serving.published import tables
from serving.published.checks import check_base, check_batch
from serving.published.layout import published_dates
from serving.published.read import PublishedList, list_before, open_list
from serving.verify.files_and_sums import check_files
from tests.serving.world import DAY, PIECES, HeldList, batch_of, feature_rows, files_of, publish, snapshot

FILES = {*(f"{name}.parquet" for name in TABLES), "manifest.json"}


@pytest.fixture(scope="module")
def made() -> HeldList:
    return snapshot(60)


def test_what_is_published_is_read_back(tmp_path: Path, made: HeldList) -> None:
    folder = publish(tmp_path / "out", made, PIECES)
    assert folder == tmp_path / "out" / "snapshot_date=2026-10-01"
    assert {name for name in files_of(folder) if "/" not in name} == FILES | {
        name for name in WRITERS if "/" not in name
    }
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    again = open_list(tmp_path / "out")
    pd.testing.assert_frame_equal(again.scores(), made.scores())
    pd.testing.assert_frame_equal(again.exclusions(), made.exclusions(), check_dtype=False)
    for name in ("attributions", "reasons"):
        pd.testing.assert_frame_equal(pd.concat(again.batches(name)), made.frames[name], check_dtype=False)


def test_in_how_many_batches_a_base_comes_changes_nothing(tmp_path: Path, made: HeldList) -> None:
    files = {
        count: {
            name: content
            for name, content in files_of(publish(tmp_path / str(count), made, PIECES, batches=count)).items()
            if not name.endswith((".xlsx", "manifest.json"))
        }
        for count in (1, 2, 7)
    }
    assert files[1].keys() >= (FILES - {"manifest.json"}) | {"list.html"}
    assert files[2] == files[1] == files[7]


def test_the_reasons_of_a_few_accounts_are_read_from_disk(tmp_path: Path, made: HeldList) -> None:
    publish(tmp_path, made)
    asked, reasons = made.scores()["account_id"].iloc[[3, 50]].tolist(), made.frames["reasons"]
    there = open_list(tmp_path).of("reasons", asked)
    wanted = reasons[reasons["account_id"].isin(asked)].reset_index(drop=True)
    pd.testing.assert_frame_equal(there, wanted, check_dtype=False)
    assert open_list(tmp_path).of("reasons", []).empty


def test_the_manifest_says_where_it_comes_from(tmp_path: Path, made: HeldList) -> None:
    folder = publish(tmp_path, made, PIECES)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["input_watermarks"]["tickets"] == "2026-09-12"
    assert manifest["model_version"] == "headroom/7"
    assert manifest["rows_out"]["scores"] == 60
    assert manifest["ranked"] + manifest["excluded"] == 60
    for name, digest in manifest["files_sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files_sha256"]) == set(files_of(folder)) - {"manifest.json"}


def test_the_same_list_gives_the_same_files(tmp_path: Path, made: HeldList) -> None:
    first = json.loads((publish(tmp_path / "a", made) / "manifest.json").read_text())
    second = json.loads((publish(tmp_path / "b", made) / "manifest.json").read_text())
    assert first == second


def test_a_list_that_is_there_is_not_written_again_unless_a_byte_of_it_is_another(
    tmp_path: Path, made: HeldList
) -> None:
    folder = publish(tmp_path / "out", made)
    lies, before = folder.stat().st_ino, files_of(folder)
    assert publish(tmp_path / "out", made).stat().st_ino == lies
    (folder / "list.html").write_text("edited", encoding="utf-8")
    assert publish(tmp_path / "out", made).stat().st_ino != lies
    assert files_of(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_types_hold_where_a_column_is_empty(tmp_path: Path) -> None:
    nobody = snapshot(30, rows=feature_rows(30).assign(critical_tickets_open=1.0))
    folder = publish(tmp_path / "nobody", nobody)
    scores = pq.read_schema(folder / "scores.parquet")
    assert scores.field("rank").type == pa.int64()
    assert scores.field("snapshot_date").type == pa.date32()
    assert open_list(tmp_path / "nobody").scores("rank")["rank"].isna().all()


def test_earlier_lists_are_found(tmp_path: Path, made: HeldList) -> None:
    for day in (date(2026, 8, 1), date(2026, 9, 1)):
        publish(tmp_path, snapshot(30, day=day))
    publish(tmp_path, made)
    assert published_dates(tmp_path) == [date(2026, 8, 1), date(2026, 9, 1), DAY]
    assert open_list(tmp_path).snapshot_date == DAY
    assert list_before(tmp_path, DAY).snapshot_date == date(2026, 9, 1)
    assert list_before(tmp_path, date(2026, 8, 1)) is None
    with pytest.raises(PublishError, match="the days there are 2026-08-01"):
        open_list(tmp_path, date(2026, 8, 2))
    with pytest.raises(PublishError, match="no list has been published"):
        open_list(tmp_path / "nowhere")


def where(frame: pd.DataFrame, first: str, column: str, value: object) -> pd.DataFrame:
    """The table with one value of one account changed."""
    return frame.assign(**{column: frame[column].where(frame["account_id"] != first, value)})


def in_first_row(frame: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """The table with one value of its first row changed."""
    return frame.assign(**{column: [value, *frame[column].iloc[1:]]})


SLIPS: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {
    "twice": lambda frame, _: pd.concat([frame, frame.head(1)], ignore_index=True),
    "shifted": lambda frame, first: frame.assign(mrr=frame["mrr"] + 2e-6 * (frame["account_id"] == first)),
    "base": lambda frame, _: frame.assign(base_log_odds=frame["base_log_odds"] + 0.1, mrr=frame["mrr"] - 0.1),
    "rank": lambda frame, first: where(frame, first, "rank", 2),
    "no rank": lambda frame, first: where(frame, first, "rank", pd.NA),
    "day": lambda frame, _: in_first_row(frame, "snapshot_date", date(2026, 9, 30)),
    "short": lambda frame, first: where(frame, first, "text", "So."),
    "few": lambda frame, first: frame[(frame["account_id"] != first) | (frame["position"] <= 2)],
    "gone": lambda frame, _: frame.iloc[1:],
    "propensity": lambda frame, first: where(frame, first, "propensity", 1.01),
    "text": lambda frame, _: frame.assign(propensity=frame["propensity"].map("{:.3f} or so".format)),
    "null": lambda frame, first: where(frame, first, "play", None),
    "word": lambda frame, first: where(frame, first, "motion", "seats"),
    "column": lambda frame, _: frame.drop(columns="text"),
    "silent": lambda frame, _: in_first_row(frame, "text", ""),
}
"""One fault in one table, from the table and the account that is ranked first."""


def spoiled(made: HeldList, table: str, change: str) -> HeldList:
    """The snapshot with one fault in one table."""
    first = made.scores().sort_values("rank")["account_id"].iloc[0]
    return made.with_tables(**{table: SLIPS[change](made.frames[table].copy(), first)})


@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("scores", "twice", "keys"),
        ("attributions", "twice", "keys"),
        ("scores", "text", "columns and types"),
        ("scores", "null", "columns and types"),
        ("scores", "word", "columns and types"),
        ("scores", "propensity", "propensity"),
        ("scores", "day", "one day"),
        ("attributions", "shifted", "parts add up"),
        ("attributions", "base", "parts add up"),
        ("attributions", "gone", "parts add up"),
        ("reasons", "short", "reasons"),
        ("reasons", "few", "top reasons"),
        ("reasons", "twice", "keys"),
        ("reasons", "column", "columns and types"),
        ("exclusions", "gone", "ranked + excluded = base"),
        ("exclusions", "twice", "keys"),
        ("exclusions", "silent", "ranked + excluded = base"),
    ],
)
def test_a_faulty_snapshot_is_not_published(
    tmp_path: Path, made: HeldList, table: str, change: str, named: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(PublishError, match=re.escape(f"check `{named}` failed for account")) as refusal:
        publish(out, spoiled(made, table, change))
    assert "acc-" in refusal.value.found or change in ("gone", "column", "text")
    assert not out.exists()


@pytest.mark.parametrize("change", ["rank", "no rank"])
def test_a_wrong_order_is_refused(made: HeldList, change: str) -> None:
    with pytest.raises(PublishError, match="check `total order` failed for account acc-"):
        check_base(spoiled(made, "scores", change))


def test_an_account_in_two_batches_is_refused(tmp_path: Path, made: HeldList) -> None:
    def publish_twice() -> None:
        with serving.publish.publish(tmp_path / "out", made.context) as publishing:
            publishing.add(batch_of(made))
            publishing.add(batch_of(made))

    with pytest.raises(PublishError, match="check `one row per account` failed for account acc-0000"):
        publish_twice()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("share", "all_modelled", "fits"), [
    (0.5, True, True), (0.5, False, True), (0.2, False, True), (0.2, True, False), (1.1, False, False),
])  # fmt: skip
def test_motions_fit_any_expansion(made: HeldList, share: float, all_modelled: bool, fits: bool) -> None:
    """Three motions of this share of the propensity each; a motion that was withheld may be the rest."""
    scores = made.scores()
    motions = {f"propensity_{motion}": scores["propensity"] * share for motion in ("seat", "upsell", "cross_sell")}
    changed = made.with_tables(scores=scores.assign(**motions, propensity_usage=np.nan))
    batch = batch_of(replace(changed, context=replace(made.context, all_motions_modelled=all_modelled)))
    if fits:
        check_batch(batch)
    else:
        with pytest.raises(PublishError, match="check `motions` failed for account acc-"):
            check_batch(batch)


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.slow
def test_a_crash_at_any_step_leaves_the_old_list_or_the_new_one_whole(
    tmp_path: Path, made: HeldList, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop before every single step on the disk, without any clearing up, and read what is there then."""
    old = replace(made, manifest={**made.manifest, "run_id": "old"})
    new = replace(made, manifest={**made.manifest, "run_id": "new"})
    monkeypatch.setattr(
        serving.publish, "WRITERS", {"list.html": Writer(lambda path, _: path.write_text("x"), "a page")}
    )
    monkeypatch.setattr(serving.publish, "check_base", lambda _: None)  # the same list passed it in the tests above
    seen = set()
    for stop in range(1, 60):
        out = tmp_path / str(stop)
        publish(out, old)
        with monkeypatch.context() as patched:
            finished = dies_before(stop, patched, out, new)
        there = open_list(out)
        files = published_folder(out)
        for name, digest in there.manifest["files_sha256"].items():
            assert hashlib.sha256((files / name).read_bytes()).hexdigest() == digest
        seen.add(there.manifest["run_id"])
        publish(out, new)
        assert [path.name for path in out.iterdir()] == ["snapshot_date=2026-10-01"]
        assert open_list(out).manifest["run_id"] == "new"
        if finished:
            break
    assert finished
    assert seen == {"old", "new"}


def published_folder(out: Path) -> Path:
    return next(path for path in sorted(out.iterdir(), reverse=True) if "unfinished" not in path.name)


def dies_before(step: int, patched: pytest.MonkeyPatch, out: Path, new: HeldList) -> bool:
    """Publish, but die before the given step (mkdir, write, flush to disk, rename, removal); True if it finished."""
    count = 0

    def mortal(function):
        def run(*given, **named):
            nonlocal count
            count += 1
            if count >= step:
                raise Killed
            return function(*given, **named)

        return run

    patched.setattr(Path, "rename", mortal(Path.rename))
    patched.setattr(Path, "mkdir", mortal(Path.mkdir))
    patched.setattr(Path, "write_text", mortal(Path.write_text))
    patched.setattr(tables, "write", mortal(tables.write))
    patched.setattr(tables, "sort", mortal(tables.sort))
    patched.setattr(tables.TableWriter, "add", mortal(tables.TableWriter.add))
    patched.setattr(os, "fsync", mortal(os.fsync))
    patched.setattr(shutil, "rmtree", mortal(shutil.rmtree))
    try:
        publish(out, new)
    except Killed:
        return False
    return True


def test_a_failure_while_writing_is_cleared_up_and_the_old_list_stays(
    tmp_path: Path, made: HeldList, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, made)
    before = files_of(tmp_path / "snapshot_date=2026-10-01")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(serving.publish.WRITERS, "list.xlsx", Writer(full, "a workbook"))
    with pytest.raises(PublishError, match="No space left"):
        publish(tmp_path, replace(made, manifest={**made.manifest, "run_id": "new"}))
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot_date=2026-10-01"]
    assert files_of(tmp_path / "snapshot_date=2026-10-01") == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, made: HeldList) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PublishError, match="Give another folder"):
        publish(tmp_path / "file" / "out", made)


def test_plain_readers_see_the_tables(tmp_path: Path, made: HeldList) -> None:
    """pandas reads a table from its hive-named folder without a clash of the partition and the column."""
    folder = publish(tmp_path, made)
    scores = pd.read_parquet(folder / "scores.parquet")
    eligible = scores[scores["eligible"].astype(bool)]
    assert sorted(eligible["rank"].dropna().astype(int)) == list(range(1, len(eligible) + 1))
    assert set(scores["snapshot_date"]) == {DAY}


def test_the_contract_s_own_check_passes(tmp_path: Path, made: HeldList) -> None:
    checker = Path(__file__).parents[3] / "shared" / "conformance.py"
    if not checker.exists():
        pytest.skip("the contract's own checker is not beside the repository")
    folder = publish(tmp_path / "out", made)
    source = tmp_path / "source"
    source.mkdir()
    ids = made.scores("account_id")["account_id"]
    days = {"valid_from": pd.Timestamp("2024-01-01"), "valid_to": pd.NaT}
    pd.DataFrame({"account_id": ids, **days}).to_parquet(source / "subscriptions.parquet")
    asked = [sys.executable, str(checker), str(folder), str(source), "2026-10-01"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problems: none" in done.stdout


def test_what_the_sort_cannot_write_is_an_error_of_the_system(tmp_path: Path) -> None:
    tables.write(tmp_path / "parts.parquet", pa.table({"account_id": ["b", "a"]}))
    with pytest.raises(OSError, match=r"sorted\.parquet"):
        tables.sort(tmp_path / "parts.parquet", tmp_path / "absent" / "sorted.parquet", ["account_id"])


def test_one_file_per_owner_is_a_writer_and_a_row(
    tmp_path: Path, made: HeldList, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a name that OWNER stands in is written for each owner, and is one of the list's files."""

    def write_book(path: Path, book: PublishedList) -> None:
        book.scores("account_id", "owner", "rank").to_csv(path, index=False)

    monkeypatch.setitem(serving.publish.WRITERS, "books/OWNER.csv", Writer(write_book, "an owner's accounts"))
    folder = publish(tmp_path, made)
    books = sorted(path.name for path in (folder / "books").glob("*.csv"))
    assert books == [
        "(no owner).csv",
        "Ana Costa.csv",
        "Björn Ek.csv",
        "Chidi Obi.csv",
        "Dana Lee.csv",
        "Eva O_Neil.csv",
    ]
    scores = made.scores("account_id", "owner")
    for name, owner in (("Ana Costa.csv", "Ana Costa"), ("Eva O_Neil.csv", "Eva O'Neil")):
        book = pd.read_csv(folder / "books" / name)
        assert book["account_id"].tolist() == scores.loc[scores["owner"] == owner, "account_id"].tolist()
    named = {name for name in open_list(tmp_path).manifest["files_sha256"] if re.match(r"books/.*\.csv", name)}
    assert named == {f"books/{name}" for name in books}
    assert list(check_files(open_list(tmp_path))) == []
    (folder / "books" / "Dana Lee.csv").write_text("another")
    assert ["books/Dana Lee.csv" in str(difference) for difference in check_files(open_list(tmp_path))] == [True]


def test_owners_whose_names_make_one_file_name_have_a_file_each() -> None:
    taken: set[str] = set()
    names = []
    for owner in ("a/b", "A:B", "a b", "..", "a_b"):
        names.append(serving.publish._file_name(owner, taken))
        taken.add(names[-1].casefold())
    assert names == ["a_b", "A_B (2)", "a b", "_", "a_b (3)"]
