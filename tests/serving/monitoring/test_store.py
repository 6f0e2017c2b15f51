"""The folder of monitoring: what is written is read, whole or not at all; and Prometheus' own parser reads its file."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from data.errors import PublishError
from serving.monitoring.contract import MONITORING_TABLES
from serving.monitoring.store import ALARMS, FOLDER, PROMETHEUS, read_monitoring, write_monitoring
from serving.published.layout import published_dates
from tests.serving.monitoring.found import DAY, NASTY, alarm, found
from tests.serving.world import files_of


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = found(alarm(), alarm("feed_silent:tickets", value=None))
    assert read_monitoring(tmp_path) is None
    write_monitoring(tmp_path, written)
    read = read_monitoring(tmp_path)
    assert read is not None
    assert (read.day, read.alarms) == (DAY, written.alarms)
    for name in MONITORING_TABLES:
        assert read.frames[name].astype(str).equals(written.frames[name].astype(str)), name
    assert read.frames["lists"]["expansions"].tolist()[:2] == [40, 48]
    assert published_dates(tmp_path) == []  # it is no list


def test_a_second_writing_of_the_same_is_the_same_to_the_byte(tmp_path: Path) -> None:
    write_monitoring(tmp_path, found(alarm()))
    first = files_of(tmp_path)
    read = read_monitoring(tmp_path)
    assert read is not None
    write_monitoring(tmp_path, read)
    assert files_of(tmp_path) == first


def test_what_cannot_be_written_leaves_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_monitoring(tmp_path, found())
    first = files_of(tmp_path)
    monkeypatch.setattr("serving.monitoring.store.exposition", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_monitoring(tmp_path, found(alarm()))
    assert files_of(tmp_path) == first


@pytest.mark.parametrize("name", [ALARMS, "lists.parquet"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    write_monitoring(tmp_path, found(alarm()))
    (tmp_path / FOLDER / name).write_text("{")
    with pytest.raises(PublishError, match=name):
        read_monitoring(tmp_path)


def test_the_file_for_prometheus_is_read_by_its_own_parser(tmp_path: Path) -> None:
    write_monitoring(tmp_path, found(alarm()))
    text = (tmp_path / FOLDER / PROMETHEUS).read_text()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    samples = {(s.name, *sorted(s.labels.items())): s for family in families.values() for s in family.samples}
    assert not [sample for sample in samples.values() if sample.timestamp is not None]
    assert "." not in "".join(families)
    assert samples["headroom_lists", ("state", "pending")].value == 1
    assert samples["headroom_psi", ("column", NASTY)].value == 3.0  # a quote, a backslash and a new line in its name
    assert samples["headroom_silent_days", ("table", "tickets")].value == 29
    assert samples["headroom_matured", ("metric", "lift_at_20"), ("of", "list")].value == 2.5
    of_alarm = ("answered", "false"), ("code", "unit_changed"), ("subject", "subscriptions.mrr")
    assert samples["headroom_alarm", *of_alarm].value == 1
    assert samples["headroom_latest_list_seconds",].value == 1790812800
