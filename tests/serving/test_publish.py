import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import serving.publish
from data.errors import PublishError
from serving.publish import TABLES, previous, published_dates, read_published
from serving.published import tables
from serving.published.assemble import Snapshot, Terms
from serving.published.checks import check_base, check_part
from tests.serving.world import (
    CATALOGUE,
    DAY,
    PIECES,
    PLAYBOOK,
    SETTINGS,
    feature_rows,
    part_of,
    publish,
    snapshot,
)

FILES = {*(f"{name}.parquet" for name in TABLES), "manifest.json"}


@pytest.fixture(scope="module")
def made() -> Snapshot:
    return snapshot(60)


def test_what_is_published_is_read_back(tmp_path: Path, made: Snapshot) -> None:
    folder = publish(tmp_path / "out", made, PIECES)
    assert folder == tmp_path / "out" / "snapshot_date=2026-10-01"
    assert {path.name for path in folder.iterdir()} == FILES | {"list.html", "list.xlsx"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    again = read_published(tmp_path / "out")
    for name in ("scores", "exclusions"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(made, name), check_dtype=name == "scores")
    for name in ("attributions", "reasons"):
        pd.testing.assert_frame_equal(tables.read(folder / f"{name}.parquet"), getattr(made, name), check_dtype=False)


def test_in_how_many_parts_a_base_comes_changes_nothing(tmp_path: Path, made: Snapshot) -> None:
    files = {
        count: {
            path.name: path.read_bytes()
            for path in publish(tmp_path / str(count), made, PIECES, parts=count).glob("[!m]*.[!x]*")
        }
        for count in (1, 2, 7)
    }
    assert files[1].keys() == (FILES - {"manifest.json"}) | {"list.html"}
    assert files[2] == files[1] == files[7]


def test_the_reasons_of_a_few_accounts_are_read_from_disk(tmp_path: Path, made: Snapshot) -> None:
    publish(tmp_path, made)
    asked = made.scores["account_id"].iloc[[3, 50]].tolist()
    there = read_published(tmp_path).reasons_of(asked)
    wanted = made.reasons[made.reasons["account_id"].isin(asked)].reset_index(drop=True)
    pd.testing.assert_frame_equal(there, wanted, check_dtype=False)
    assert read_published(tmp_path).reasons_of([]).empty


def test_the_manifest_says_where_it_comes_from(tmp_path: Path, made: Snapshot) -> None:
    folder = publish(tmp_path, made, PIECES)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["input_watermarks"]["tickets"] == "2026-09-12"
    assert manifest["model_version"] == "headroom/7"
    assert manifest["rows_out"]["scores"] == 60
    assert manifest["ranked"] + manifest["excluded"] == 60
    for name, digest in manifest["files_sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files_sha256"]) == {path.name for path in folder.iterdir()} - {"manifest.json"}


def test_the_same_list_gives_the_same_files(tmp_path: Path, made: Snapshot) -> None:
    first = json.loads((publish(tmp_path / "a", made) / "manifest.json").read_text())
    second = json.loads((publish(tmp_path / "b", made) / "manifest.json").read_text())
    assert first == second


def test_types_hold_where_a_column_is_empty(tmp_path: Path) -> None:
    nobody = snapshot(30, rows=feature_rows(30).assign(critical_tickets_open=1.0))
    folder = publish(tmp_path / "nobody", nobody)
    scores = pq.read_schema(folder / "scores.parquet")
    assert scores.field("rank").type == pa.int64()
    assert scores.field("snapshot_date").type == pa.date32()
    assert read_published(tmp_path / "nobody").scores["rank"].isna().all()


def test_earlier_lists_are_found(tmp_path: Path, made: Snapshot) -> None:
    for day in (date(2026, 8, 1), date(2026, 9, 1)):
        publish(tmp_path, snapshot(30, day=day))
    publish(tmp_path, made)
    assert published_dates(tmp_path) == [date(2026, 8, 1), date(2026, 9, 1), DAY]
    assert read_published(tmp_path).snapshot_date == DAY
    assert previous(tmp_path, DAY).snapshot_date == date(2026, 9, 1)
    assert previous(tmp_path, date(2026, 8, 1)) is None
    with pytest.raises(PublishError, match="the days there are 2026-08-01"):
        read_published(tmp_path, date(2026, 8, 2))
    with pytest.raises(PublishError, match="no list has been published"):
        read_published(tmp_path / "nowhere")


def spoiled(made: Snapshot, table: str, change: str) -> Snapshot:
    """The snapshot with one fault in one table."""
    frame = getattr(made, table).copy()
    first = made.scores.sort_values("rank")["account_id"].iloc[0]
    if change == "twice":
        frame = pd.concat([frame, frame.head(1)], ignore_index=True)
    elif change == "shifted":
        frame.loc[frame["account_id"] == first, "mrr"] += 2e-6
    elif change == "base":
        frame["base_log_odds"] += 0.1
        frame["mrr"] -= 0.1
    elif change == "rank":
        frame.loc[frame["account_id"] == first, "rank"] = 2
    elif change == "no rank":
        frame.loc[frame["account_id"] == first, "rank"] = pd.NA
    elif change == "day":
        frame.loc[frame.index[0], "snapshot_date"] = date(2026, 9, 30)
    elif change == "short":
        frame.loc[frame["account_id"] == first, "text"] = "So."
    elif change == "few":
        frame = frame[(frame["account_id"] != first) | (frame["position"] <= 2)]
    elif change == "gone":
        frame = frame.iloc[1:]
    elif change == "propensity":
        frame.loc[frame["account_id"] == first, "propensity"] = 1.01
    elif change == "column":
        frame = frame.drop(columns="text")
    elif change == "silent":
        frame.loc[frame.index[0], "text"] = ""
    return replace(made, **{table: frame})


@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("scores", "twice", "one row per account"),
        ("scores", "propensity", "propensity"),
        ("scores", "day", "one day"),
        ("attributions", "shifted", "parts add up"),
        ("attributions", "base", "parts add up"),
        ("attributions", "gone", "parts add up"),
        ("reasons", "short", "reasons"),
        ("reasons", "few", "top reasons"),
        ("reasons", "twice", "reasons"),
        ("reasons", "column", "columns"),
        ("exclusions", "gone", "ranked + excluded = base"),
        ("exclusions", "twice", "ranked + excluded = base"),
        ("exclusions", "silent", "ranked + excluded = base"),
    ],
)
def test_a_faulty_snapshot_is_not_published(
    tmp_path: Path, made: Snapshot, table: str, change: str, named: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(PublishError, match=re.escape(f"check `{named}` failed for account")) as refusal:
        publish(out, spoiled(made, table, change))
    assert "acc-" in refusal.value.found or change in ("gone", "column")
    assert not out.exists()


@pytest.mark.parametrize("change", ["rank", "no rank"])
def test_a_wrong_order_is_refused(made: Snapshot, change: str) -> None:
    with pytest.raises(PublishError, match="check `total order` failed for account acc-"):
        check_base(spoiled(made, "scores", change))


def test_an_account_in_two_parts_is_refused(tmp_path: Path, made: Snapshot) -> None:
    one = part_of(made)
    terms = Terms(DAY, pd.DataFrame(), CATALOGUE, PLAYBOOK, SETTINGS, "headroom/7", "run-1", 90)
    with pytest.raises(PublishError, match="check `one row per account` failed for account acc-0000"):
        serving.publish.publish(tmp_path / "out", terms, [one, one])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("share", "all_modelled", "fits"), [
    (0.5, True, True), (0.5, False, True), (0.2, False, True), (0.2, True, False), (1.1, False, False),
])  # fmt: skip
def test_motions_fit_any_expansion(made: Snapshot, share: float, all_modelled: bool, fits: bool) -> None:
    """Three motions of this share of the propensity each; a motion that was withheld may be the rest."""
    motions = {f"propensity_{motion}": made.scores["propensity"] * share for motion in ("seat", "upsell", "cross_sell")}
    told = replace(made, scores=made.scores.assign(**motions, propensity_usage=np.nan))
    told = replace(part_of(told), all_motions_modelled=all_modelled)
    if fits:
        check_part(told)
    else:
        with pytest.raises(PublishError, match="check `motions` failed for account acc-"):
            check_part(told)


class Killed(BaseException):
    """The process dies here."""


def test_a_crash_at_any_step_leaves_the_old_list_or_the_new_one_whole(
    tmp_path: Path, made: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop before every single step on the disk, without any clearing up, and read what is there then."""
    old = replace(made, manifest={**made.manifest, "run_id": "old"})
    new = replace(made, manifest={**made.manifest, "run_id": "new"})
    monkeypatch.setattr(serving.publish, "write_workbook", lambda path, _: path.write_bytes(b"x"))
    for check in ("check_part", "check_base"):
        monkeypatch.setattr(serving.publish, check, lambda _: None)  # the same snapshot passed them in the tests above
    monkeypatch.setattr(serving.publish, "write_page", lambda path, _: path.write_text("x"))
    seen = set()
    for stop in range(1, 40):
        out = tmp_path / str(stop)
        publish(out, old)
        with monkeypatch.context() as patched:
            finished = dies_before(stop, patched, out, new)
        found = read_published(out)
        files = published_folder(out)
        for name, digest in found.manifest["files_sha256"].items():
            assert hashlib.sha256((files / name).read_bytes()).hexdigest() == digest
        seen.add(found.manifest["run_id"])
        publish(out, new)
        assert [path.name for path in out.iterdir()] == ["snapshot_date=2026-10-01"]
        assert read_published(out).manifest["run_id"] == "new"
        if finished:
            break
    assert finished
    assert seen == {"old", "new"}


def published_folder(out: Path) -> Path:
    return next(path for path in sorted(out.iterdir(), reverse=True) if "unfinished" not in path.name)


def dies_before(step: int, patched: pytest.MonkeyPatch, out: Path, new: Snapshot) -> bool:
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
    patched.setattr(tables.Parts, "add", mortal(tables.Parts.add))
    patched.setattr(os, "fsync", mortal(os.fsync))
    patched.setattr(shutil, "rmtree", mortal(shutil.rmtree))
    try:
        publish(out, new)
    except Killed:
        return False
    return True


def test_a_failure_while_writing_is_cleared_up_and_the_old_list_stays(
    tmp_path: Path, made: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, made)
    before = {path.name: path.read_bytes() for path in (tmp_path / "snapshot_date=2026-10-01").iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving.publish, "write_workbook", full)
    with pytest.raises(PublishError, match="No space left"):
        publish(tmp_path, replace(made, manifest={**made.manifest, "run_id": "new"}))
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot_date=2026-10-01"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "snapshot_date=2026-10-01").iterdir()} == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, made: Snapshot) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PublishError, match="Give another folder"):
        publish(tmp_path / "file" / "out", made)


def test_plain_readers_see_the_tables(tmp_path: Path, made: Snapshot) -> None:
    """pandas reads a table from its hive-named folder without a clash of the partition and the column."""
    folder = publish(tmp_path, made)
    scores = pd.read_parquet(folder / "scores.parquet")
    eligible = scores[scores["eligible"].astype(bool)]
    assert sorted(eligible["rank"].dropna().astype(int)) == list(range(1, len(eligible) + 1))
    assert set(scores["snapshot_date"]) == {DAY}


def test_the_contract_s_own_check_passes(tmp_path: Path, made: Snapshot) -> None:
    checker = Path(__file__).parents[3] / "shared" / "conformance.py"
    if not checker.exists():
        pytest.skip("the contract's own checker is not beside the repository")
    folder = publish(tmp_path / "out", made)
    source = tmp_path / "source"
    source.mkdir()
    ids = made.scores["account_id"]
    days = {"valid_from": pd.Timestamp("2024-01-01"), "valid_to": pd.NaT}
    pd.DataFrame({"account_id": ids, **days}).to_parquet(source / "subscriptions.parquet")
    asked = [sys.executable, str(checker), str(folder), str(source), "2026-10-01"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problems: none" in done.stdout


def test_what_the_sort_cannot_write_is_an_error_of_the_system(tmp_path: Path) -> None:
    tables.write(tmp_path / "parts.parquet", pd.DataFrame({"account_id": ["b", "a"]}))
    with pytest.raises(OSError, match=r"sorted\.parquet"):
        tables.sort(tmp_path / "parts.parquet", tmp_path / "absent" / "sorted.parquet", ["account_id"])
