"""Lists of past days, scored again when the source has grown and some of its rows have come late."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.registry.mlflow_store import ModelRegistry
from models.registry.records import RunRecord
from tests.flows.conftest import END, Headroom
from tests.models.mlflow_template import folder_with
from tests.serving.world import files_of

pytestmark = pytest.mark.slow

DAYS = tuple(date(2025, month, 1) for month in (9, 10))
TERMS = {date(2025, 9, 15): "2025-06-01", date(2025, 8, 1): "2025-04-01"}
"""When a model was trained, and its last snapshot."""
HAPPENED = {
    "subscriptions": "valid_from",
    "invoices": "billed_at",
    "usage_events": "occurred_at",
    "tickets": "opened_at",
    "crm_events": "occurred_at",
    "outcomes": "opened_at",
    "users": "created_at",
    "account_features": "known_at",
}
ENDS = {
    "subscriptions": ("valid_to", "ends_known_at", "notice_at"),
    "tickets": ("closed_at",),
    "outcomes": ("closed_at",),
    "users": ("deactivated_at",),
}
ONLY_WITH_AN_END = {"tickets": {"csat": np.nan}, "outcomes": {"status": "open", "arr": np.nan, "reason": None}}
LATE_SHARE, LATEST_DAYS = 0.03, 60


def with_late_rows(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table, of which a few rows came days or weeks after they happened."""
    if "known_at" not in table or HAPPENED[name] == "known_at":
        return table
    draw = np.random.default_rng(len(table))
    late, days = draw.random(len(table)) < LATE_SHARE, draw.integers(1, LATEST_DAYS, len(table))
    came = table[HAPPENED[name]] + pd.to_timedelta(days, unit="D").to_numpy()
    return table.assign(known_at=table["known_at"].where(~late, came))


def as_it_was(table: pd.DataFrame, name: str, day: date) -> pd.DataFrame:
    """What the source held of a table before the day: not what happened or came later, nor what ended since."""
    now, happened = pd.Timestamp(day), table[HAPPENED[name]]
    known = table["known_at"].fillna(happened) if "known_at" in table else happened
    table = table[(happened < now) & (known < now)].copy()
    for end in ENDS.get(name, ()):
        has_ended = table[end] < now
        table[end] = table[end].where(has_ended)
        for column, otherwise in (ONLY_WITH_AN_END.get(name, {}) if end == "closed_at" else {}).items():
            table[column] = table[column].where(has_ended | table[end].isna() & (column == "reason"), otherwise)
    return table


def grown(warehouse: Path, home: Path, days: Iterable[date]) -> dict[date, Path]:
    """The source as it was before each day, and at END as it is now: with more rows, some of which came late.

    Each in a folder of its own in ``home``.
    """
    folders = {day: home / str(day) for day in (*days, END)}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for file in warehouse.glob("*.parquet"):
        table, happens = pd.read_parquet(file), file.stem in HAPPENED
        rows = with_late_rows(table, file.stem) if happens else table
        for day, folder in folders.items():
            of_day = as_it_was(rows, file.stem, day) if happens and day != END else rows
            of_day.to_parquet(folder / file.name, index=False)
    return folders


@pytest.fixture(scope="module")
def sources(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[date, Path]:
    """The source of each of the two days, and that of now."""
    return grown(warehouse, tmp_path_factory.mktemp("grown"), DAYS)


@pytest.fixture(scope="module")
def mlruns(trained_mlruns: Path, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which one model became the champion in August, and another in the middle of September."""
    folder = folder_with(mlflow_database, tmp_path_factory.mktemp("terms") / "mlruns")
    trained, registry = ModelRegistry(trained_mlruns).load(), ModelRegistry(folder)
    for day, last in sorted(TERMS.items()):
        bundle = replace(trained, facts={**trained.facts, "last_snapshot": last})
        registry.log_model(bundle, RunRecord(f"as of {day}", tags={"snapshot_date": str(day)}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADROOM_MLRUNS", str(folder))
        yield folder


def test_past_lists_are_the_same_to_the_byte_when_the_source_has_grown(
    sources: dict[date, Path], mlruns: Path, headroom: Headroom, tmp_path: Path
) -> None:
    then, again = tmp_path / "then", tmp_path / "again"
    for out in (then, again):
        for day in DAYS:
            source = sources[day if out == then else END]
            ran = headroom("score", "--source", source, "--snapshot-date", day, "--out", out, "--model", "as-of")
            assert ran.code == 0, ran.err
    for day in DAYS:
        published, rescored = (files_of(out / f"snapshot_date={day}") for out in (then, again))
        assert [name for name in published if published[name] != rescored.get(name)] == ["manifest.json"]
    manifests = [json.loads((again / f"snapshot_date={day}" / "manifest.json").read_text()) for day in DAYS]
    assert [manifest["model_version"] for manifest in manifests] == ["1", "2"]
    assert not any("has seen" in warning for manifest in manifests for warning in manifest["warnings"])


def test_a_champion_that_has_seen_what_came_after_is_refused_or_said(
    sources: dict[date, Path], mlruns: Path, headroom: Headroom, tmp_path: Path
) -> None:
    past = ("score", "--source", sources[END], "--snapshot-date", "2025-08-15", "--out", tmp_path)
    ran = headroom(*past)
    assert ran.code == 1
    assert "version 2 of headroom learnt from all that came before 2025-08-30" in ran.err
    assert "--model as-of; or --model 2" in ran.err
    assert headroom(*past, "--model", "2").code == 0
    folder = tmp_path / "snapshot_date=2025-08-15"
    said = "Scored by a model that has seen what came after: version 2 learnt from all that came before 30 Aug 2025."
    assert said in json.loads((folder / "manifest.json").read_text())["warnings"][0]
    assert said in (folder / "list.html").read_text()
