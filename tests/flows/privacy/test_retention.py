"""What is kept no longer than the settings say: old lists, rows and runs go; what the latest list needs stays."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from data.errors import PublishError
from flows.privacy import retention
from flows.privacy.retention import apply_retention, erase_old, find_expired
from flows.run.settings import Settings
from serving.outcomes.outcome import Outcome
from serving.published.layout import MANIFEST, place_of, published_dates
from serving.settings import RetentionSettings
from serving.store.outcomes import open_store
from tests.flows.conftest import Headroom
from tests.serving.world import DAY, publish, snapshot

WEEKS = 40
TODAY = DAY + timedelta(days=3)


@pytest.fixture
def weekly(tmp_path: Path) -> Settings:
    """Forty weekly lists, the latest of the day of the world. Each says what the first says, but for its day."""
    settings = Settings(root=tmp_path, retention=RetentionSettings(lists_days=150, outcomes_days=400))
    made = publish(settings.out_folder, snapshot(20))
    manifest = json.loads((made / MANIFEST).read_text())
    for week in range(1, WEEKS):
        day, before = (str(DAY - timedelta(weeks=number)) for number in (week, week + 1))
        folder = place_of(settings.out_folder, date.fromisoformat(day))
        folder.mkdir()
        (folder / MANIFEST).write_text(json.dumps({**manifest, "snapshot_date": day, "previous_snapshot_date": before}))
    _compared_with(made, DAY - timedelta(weeks=30))
    return settings


def _compared_with(folder: Path, day: date) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "previous_snapshot_date": str(day)}))


def test_old_lists_go_but_what_the_latest_needs_stays(weekly: Settings) -> None:
    before = published_dates(weekly.out_folder)
    old = find_expired(weekly, TODAY)
    assert erase_old(weekly, TODAY) == old
    kept = published_dates(weekly.out_folder)
    assert old.lists == [day for day in before if day not in kept]
    assert min(day for day in kept if day != DAY - timedelta(weeks=30)) >= TODAY - timedelta(days=150)
    assert DAY - timedelta(weeks=30) in kept  # the list that the latest is compared with
    assert list(old.lines()) == [f"{len(old.lists)} lists, {before[0]} to {old.lists[-1]}"]
    assert erase_old(weekly, TODAY).lists == []
    assert not list(weekly.out_folder.glob(".*"))


def test_a_list_of_which_it_is_not_known_what_came_is_never_removed(weekly: Settings) -> None:
    soon = weekly.model_copy(update={"retention": RetentionSettings(lists_days=1)})
    erase_old(soon, TODAY + timedelta(days=900), keep=DAY - timedelta(weeks=35))
    matured = DAY - timedelta(days=120)
    kept = published_dates(weekly.out_folder)
    assert [day for day in kept if day < matured] == [DAY - timedelta(weeks=35), DAY - timedelta(weeks=30)]
    assert sum(day >= matured for day in kept) == 18


def test_a_list_looks_as_far_ahead_as_when_it_was_published(weekly: Settings) -> None:
    """Whatever the settings say by now: its 90 days, or the 180 of an earlier one, are not over sooner."""
    shorter = weekly.expansion.model_copy(update={"horizon_days": 30})
    soon = weekly.model_copy(update={"retention": RetentionSettings(lists_days=1), "expansion": shorter})
    assert max(find_expired(soon, TODAY).lists) == DAY - timedelta(weeks=18)  # 126 days: 17 weeks are under 120
    earlier = DAY - timedelta(weeks=25)
    assert earlier in find_expired(soon, TODAY).lists
    file = place_of(weekly.out_folder, earlier) / MANIFEST
    file.write_text(json.dumps({**json.loads(file.read_text()), "horizon_days": 180}))
    assert earlier not in find_expired(soon, TODAY).lists


def test_what_another_run_has_removed_meanwhile_is_no_fault(weekly: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    old = find_expired(weekly, TODAY)
    monkeypatch.setattr(retention, "find_expired", lambda *_: old)
    shutil.rmtree(place_of(weekly.out_folder, old.lists[0]))
    erase_old(weekly, TODAY)
    assert not {*old.lists} & {*published_dates(weekly.out_folder)}


def test_a_list_that_cannot_be_read_stays_and_keeps_no_other(
    weekly: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, *others = find_expired(weekly, TODAY).lists
    (place_of(weekly.out_folder, damaged) / MANIFEST).write_text("{")
    assert erase_old(weekly, TODAY).lists == others
    assert damaged in published_dates(weekly.out_folder)
    assert f"warning: the list of {damaged} is kept, however old, since " in capsys.readouterr().err


def test_nothing_goes_unless_the_settings_say_so(weekly: Settings) -> None:
    plain = weekly.model_copy(update={"retention": RetentionSettings()})
    assert list(find_expired(plain, date(2100, 1, 1)).lines()) == []


def test_old_outcomes_go(weekly: Settings) -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    with open_store(weekly.outcomes_url, now=lambda: at) as store:
        store.append([Outcome(account_id="a", action="taken", play="p", who="Ana")])
    with open_store(weekly.outcomes_url, now=lambda: at + timedelta(days=600)) as store:
        store.append([Outcome(account_id="b", action="taken", play="p", who="Ana")])
    assert erase_old(weekly, TODAY).rows == {"outcomes": 1}
    with open_store(weekly.outcomes_url) as store:
        assert [row.account_id for row in store.all_rows()] == ["b"]


def test_the_log_of_a_run_says_what_went_and_a_fault_is_a_warning(
    weekly: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retention, "today_utc", lambda: TODAY)

    def busy(*_: object, **__: object) -> None:
        raise PublishError("Remove old lists.", "another run has been publishing there.", "Wait for it.")

    with monkeypatch.context() as patch:
        patch.setattr(retention, "only_publisher", busy)
        apply_retention(weekly, place_of(weekly.out_folder, DAY), DAY)
    assert "warning:" in (told := capsys.readouterr().err)
    assert "what is old could not be removed: another run" in told
    apply_retention(weekly, place_of(weekly.out_folder, DAY), DAY)
    assert "kept no longer: 17 lists" in capsys.readouterr().err


def test_it_is_said_before_it_is_done(weekly: Settings, headroom: Headroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADROOM_RETENTION__LISTS_DAYS", "150")
    count = len(published_dates(weekly.out_folder))
    ran = headroom("forget", "--expired", "--out", weekly.out_folder)
    assert "nothing was changed: --yes removes it" in ran.out
    assert len(published_dates(weekly.out_folder)) == count
    assert "removed;" in headroom("forget", "--expired", "--yes", "--out", weekly.out_folder).out
    assert len(published_dates(weekly.out_folder)) < count
    shutil.rmtree(weekly.out_folder)
    assert (
        headroom("forget", "--expired", "--out", weekly.out_folder).out == "nothing is older than [retention] allows\n"
    )
