"""``headroom monitor``: a list is frozen, and what came of it comes back; a feed, a unit and an answer are told."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.contract.vocabulary import E4
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect
from features.labels import held_for_labels, labels
from serving.monitoring.store import FOLDER, read_monitoring
from tests.flows.conftest import END, Headroom, publish_days
from tests.serving.world import files_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("with_model", "rows_are_kept")]
LISTED = date(2025, 9, 15)
"""The day of the list that has matured at the end; its model learnt from its horizon, which is said."""


@pytest.fixture(scope="module")
def listed(trained_mlruns: Path, warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lists: one that has matured at the end, and that of the end. Shared: copy it before monitoring."""
    out = tmp_path_factory.mktemp("monitored") / "published"
    return publish_days(trained_mlruns, warehouse, out, (LISTED, END))


@pytest.fixture
def out(listed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    shutil.copytree(listed, folder)
    return folder


def what_came(warehouse: Path) -> pd.DataFrame:
    """The labels of the day of the list, by the end."""
    with connect(f"parquet://{warehouse}") as source:
        rules = ExpansionRules()
        with held_for_labels(source.engine, source.tables, [LISTED], rules) as held:
            return labels(source.tables, held["cohort"], rules, held["lines"]).to_pandas()


def test_what_came_of_a_list_comes_back(headroom: Headroom, out: Path, warehouse: Path) -> None:
    before = files_of(out)
    ran = headroom("monitor", "--source", f"parquet://{warehouse}", "--out", out, "--snapshot-date", END)
    assert ran.code == 0, ran.err
    told = read_monitoring(out)
    assert told is not None
    matured, pending = told.frames["lists"].to_dict("records")
    rows = pd.read_parquet(out / f"snapshot_date={LISTED}" / "scores.parquet")
    judged = rows.merge(what_came(warehouse), on="account_id")
    first = judged[judged["owner_rank"] <= 20]
    assert (matured["snapshot_date"], matured["is_matured"], matured["learnt_ahead"]) == (LISTED, True, True)
    assert (matured["expansions"], matured["without_outcome"]) == (judged["expanded"].sum(), len(rows) - len(judged))
    assert (matured["first_of_books"], matured["hits_in_books"]) == (len(first), first["expanded"].sum())
    assert matured["realised_arr"] == pytest.approx(judged["expansion_arr_e4"].sum() / E4)
    assert (pending["is_matured"], pending["share_come"], pending["matures_on"]) == (False, 0, END + timedelta(days=90))
    figures = told.frames["figures"].set_index(["of", "metric"])["value"]
    top = judged[judged["rank"] <= 20]
    assert figures["list", "precision_at_20"] == top["expanded"].mean()
    owners = told.frames["slices"].query("by == 'owner'")
    assert owners["accounts"].sum() == len(judged)
    assert "pending until" in ran.out
    assert [alarm.key for alarm in told.alarms if alarm.code in ("feed_silent", "unit_changed")] == []
    assert {name: text for name, text in files_of(out).items() if not name.startswith(FOLDER)} == before
    after = files_of(out)
    headroom("monitor", "--source", f"parquet://{warehouse}", "--out", out, "--snapshot-date", END)
    assert files_of(out) == after  # a second run of the day changes nothing


def test_a_feed_that_is_cut_off_is_silent_and_no_drift_and_is_said_again(
    headroom: Headroom, out: Path, spoilt: Path
) -> None:
    file = spoilt / "usage_events.parquet"
    events = pd.read_parquet(file)
    events[pd.to_datetime(events["occurred_at"]) < pd.Timestamp(END - timedelta(days=10))].to_parquet(file)
    asked = ("monitor", "--source", f"parquet://{spoilt}", "--out", out, "--snapshot-date")
    ran = headroom(*asked, END)
    assert ran.code == 0, ran.err
    assert "feed_silent:usage_events: usage_events has had no row since" in ran.out
    told = read_monitoring(out)
    assert told is not None
    of_usage = told.frames["drift"].query("column == 'events_28d'")
    assert of_usage["because_of"].str.contains("usage_events").all()
    assert not [alarm for alarm in told.alarms if alarm.code == "feature_moved" and "events" in alarm.subject]
    wrong = headroom("monitor", "--answer", "feed_silent:tickets", "--note", "x", "--out", out)
    assert (wrong.code, "there is" in wrong.err) == (1, True)
    given = headroom("monitor", "--answer", "feed_silent", "--note", "the loader is mended", "--out", out)
    assert given.out.strip() == "answered: feed_silent:usage_events"
    assert headroom("monitor", "--answer", "feed_silent", "--out", out).code == 2


def test_a_source_that_has_stopped_is_said_each_day_and_a_damaged_run_is_made_anew(
    headroom: Headroom, out: Path, warehouse: Path
) -> None:
    """By its own days nothing is late: without a date the last of them is held against today."""
    ran = headroom("monitor", "--source", f"parquet://{warehouse}", "--out", out)
    assert ran.code == 0, ran.err
    told = read_monitoring(out)
    assert told is not None
    assert told.day > END + timedelta(days=10)
    assert "feed_silent:all tables" in {alarm.key for alarm in told.alarms}
    (out / FOLDER / "alarms.json").write_text("{")
    ran = headroom("monitor", "--source", f"parquet://{warehouse}", "--out", out, "--snapshot-date", END)
    assert ran.code == 0, ran.err
    assert "warning: what the last run found is not looked at: " in ran.err
    assert read_monitoring(out) is not None


def test_a_unit_that_changed_in_all_of_the_history_is_named(
    headroom: Headroom, out: Path, warehouse: Path, spoilt: Path
) -> None:
    """The source shows nothing of it: what the first run saw of the days is what the second compares with."""
    asked = ("--out", out, "--snapshot-date", END)
    assert headroom("monitor", "--source", f"parquet://{warehouse}", *asked).code == 0
    file = spoilt / "subscriptions.parquet"
    lines = pd.read_parquet(file)
    lines.assign(mrr=lines["mrr"] * 100).to_parquet(file)
    ran = headroom("monitor", "--source", f"parquet://{spoilt}", *asked)
    assert "unit_changed:feature mrr_per_seat: The feature mrr_per_seat is 100 times what it was" in ran.out
    alarms = json.loads((out / FOLDER / "alarms.json").read_text())["alarms"]
    assert {alarm["owner"] for alarm in alarms if alarm["key"].startswith("unit_changed")} == {"data engineering"}


def test_a_base_rate_and_an_order_that_are_others_are_alarms(headroom: Headroom, out: Path, warehouse: Path) -> None:
    """As if the model had learnt long before, from a sixth of the expansions, and its backtest had been perfect."""
    manifest = out / f"snapshot_date={LISTED}" / "manifest.json"
    said = json.loads(manifest.read_text())
    said["model"] |= {"last_snapshot": "2025-05-01", "rows": 6_000, "positive_rows": 120, "auc": 1.5}
    manifest.write_text(json.dumps(said))
    ran = headroom("monitor", "--source", f"parquet://{warehouse}", "--out", out, "--snapshot-date", END)
    told = read_monitoring(out)
    assert told is not None
    keys = [alarm.key for alarm in told.alarms]
    assert keys[-2:] == ["rate_changed:all accounts", "order_worse:all accounts"], ran.out
    assert "2.0%" in next(alarm.text for alarm in told.alarms if alarm.code == "rate_changed")
    assert not told.frames["lists"].query("is_matured")["learnt_ahead"].any()


def test_without_a_list_nothing_is_read(headroom: Headroom, warehouse: Path, tmp_path: Path) -> None:
    ran = headroom("monitor", "--source", f"parquet://{warehouse}", "--out", tmp_path / "none")
    assert (ran.code, "no list has been published there" in ran.err) == (1, True)
