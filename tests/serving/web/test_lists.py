"""Lists that lack something: refused in words when they are opened, and the last good one goes on being shown."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from data.contract.outputs import TABLES
from data.errors import PublishError
from serving.published.layout import ALWAYS_THERE
from serving.published.read import open_list
from serving.web import lists as module
from serving.web.lists import PublishedLists
from tests.serving.web.conftest import EARLIER
from tests.serving.web.test_app import PAGES
from tests.serving.world import DAY, publish, snapshot

PLAY = ("name", "owner_role", "what_to_do", "offer", "show", "not_when")


@pytest.fixture
def lists(tmp_path: Path, out: Path) -> Path:
    return Path(shutil.copytree(out, tmp_path / "lists"))


@contextmanager
def manifest_of(lists: Path, day: date = DAY) -> Iterator[dict[str, Any]]:
    """The manifest, to be changed."""
    file = lists / f"snapshot_date={day}" / "manifest.json"
    manifest = json.loads(file.read_text())
    yield manifest
    file.write_text(json.dumps(manifest))


def test_each_entry_of_a_manifest_is_needed_and_named_or_not_needed(
    client_of: Callable[..., TestClient], lists: Path, out: Path
) -> None:
    whole = json.loads((out / f"snapshot_date={DAY}" / "manifest.json").read_text())
    for name in whole:
        with manifest_of(lists) as manifest:
            manifest.clear()
            manifest.update({key: value for key, value in whole.items() if key != name})
        pages = client_of(out=lists)
        answers = {answer.status_code: answer for answer in map(pages.get, PAGES)}
        assert set(answers) in ({200}, {503}), name
        assert 503 not in answers or name in answers[503].text
        assert 503 in answers or name not in {*ALWAYS_THERE, "serving", "horizon_days", "model_version"}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"serving": {}}, "serving.currency is missing, serving.workbook_rows is missing"),
        ({"horizon_days": "soon"}, "horizon_days is not as it should be"),
        ({"rank_by": "name"}, "rank_by is not as it should be"),
        ({"plays": {}}, "plays is not as it should be"),
        ({"model": {"name": "headroom"}}, "model.version is missing"),
        ({"input_watermarks": {"tickets": "soon"}}, "input_watermarks.tickets is not as it should be"),
    ],
)
def test_a_manifest_that_lacks_what_the_pages_need_is_refused(lists: Path, changed: dict[str, Any], found: str) -> None:
    with manifest_of(lists) as manifest:
        manifest.update(changed)
    with pytest.raises(PublishError) as refused:
        PublishedLists(lists).latest()
    assert found in refused.value.found
    assert "score that day again" in refused.value.todo


@pytest.mark.parametrize("part", PLAY)
def test_a_play_that_lacks_a_part_is_named(lists: Path, part: str) -> None:
    with manifest_of(lists) as manifest:
        play = next(iter(manifest["plays"]))
        del manifest["plays"][play][part]
    with pytest.raises(PublishError, match=f"plays.{play}.{part} is missing"):
        PublishedLists(lists).latest()


def test_a_play_that_accounts_have_and_the_manifest_has_not_is_named(lists: Path, out: Path) -> None:
    play = pd.read_parquet(out / f"snapshot_date={DAY}" / "scores.parquet")["play"].iloc[0]
    with manifest_of(lists) as manifest:
        del manifest["plays"][play]
    with pytest.raises(PublishError, match=f"does not tell of the plays {play}, which accounts have"):
        PublishedLists(lists).latest()


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if table.on_pages])
def test_a_table_that_lacks_a_column_is_named(lists: Path, table: str) -> None:
    file = lists / f"snapshot_date={DAY}" / f"{table}.parquet"
    pd.read_parquet(file).drop(columns="account_id").to_parquet(file)
    with pytest.raises(PublishError, match=f"{table}.parquet has no column account_id"):
        PublishedLists(lists).latest()


def test_the_last_good_list_goes_on_being_shown(
    client_of: Callable[..., TestClient], lists: Path, caplog: pytest.LogCaptureFixture
) -> None:
    later = date(2026, 10, 8)
    pages = client_of(out=lists)
    assert "As of 1 Oct 2026" in pages.get("/").text
    publish(lists, snapshot(40, day=later, previous=open_list(lists)))
    with manifest_of(lists, later) as manifest:
        serving = manifest.pop("serving")
    for _ in range(2):
        page = pages.get("/").text
        assert "As of 1 Oct 2026" in page
        assert "A later list cannot be shown:</b> <bdi>manifest.json has not what the pages need: serving is" in page
    assert caplog.text.count("goes on being shown") == 1
    assert pages.get("/accounts/acc-0020").status_code == 200
    with manifest_of(lists, later) as manifest:
        manifest["serving"] = serving
    assert "As of 8 Oct 2026" in pages.get("/").text
    assert "cannot be shown" not in pages.get("/").text


def test_a_list_that_cannot_be_read_is_tried_again_after_a_while(lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = PublishedLists(lists)
    assert held.latest().listing.snapshot_date == DAY
    publish(lists, snapshot(40, day=date(2026, 10, 8), previous=open_list(lists)))
    tried: list[date] = []

    def fails(listing: Any) -> None:
        tried.append(listing.snapshot_date)
        raise PublishError("Read it.", "it is not there.", "Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "index_of", fails)
        for seconds in (0, 1, module.AGAIN_SECONDS + 1):
            patch.setattr(module.time, "monotonic", lambda at=seconds: 1000.0 + at)
            assert held.latest().listing.snapshot_date == DAY
    assert len(tried) == 2


def test_a_folder_that_goes_away_leaves_what_is_held(lists: Path) -> None:
    held = PublishedLists(lists)
    held.latest()
    for day in (DAY, EARLIER):
        shutil.rmtree(lists / f"snapshot_date={day}")
    assert held.latest().listing.snapshot_date == DAY
    assert held.refused is not None


def test_a_trigger_that_accounts_have_and_the_manifest_has_not_is_named(lists: Path, out: Path) -> None:
    code = pd.read_parquet(out / f"snapshot_date={DAY}" / "triggers.parquet")["trigger_code"].iloc[0]
    with manifest_of(lists) as manifest:
        del manifest["triggers"][code]
    with pytest.raises(PublishError, match=f"does not tell of the triggers {code}, which accounts have"):
        PublishedLists(lists).latest()
