"""``headroom notify`` of alarms: to their owner and to operations, again with each run until somebody answers."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows.pipelines import notify
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL, SLACK_URL
from serving.monitoring.store import write_monitoring
from tests.flows.conftest import Headroom
from tests.serving.messages import servers
from tests.serving.messages.servers import Mail
from tests.serving.messages.world import EARLIER, FEW, give_to, two_lists  # noqa: F401  (fixtures)
from tests.serving.monitoring.found import alarm, found
from tests.serving.world import DAY

LATER = DAY + timedelta(days=7)
SETTINGS = """
[notify]
operations = ["ops@example.com"]
pages_url = "https://headroom.example.com"

[notify.to]
"data engineering" = { email = "data@example.com" }
"""
FEED = alarm("feed_silent:tickets", owner="data engineering")
ORDER = alarm("order_worse:all accounts", owner="data science")


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mail]:
    for variable in (SLACK_URL, OPERATIONS_URL):
        monkeypatch.delenv(variable, raising=False)
    with servers.mail() as server:
        monkeypatch.setenv(EMAIL_URL, server.url)
        yield server


@pytest.fixture
def out(two_lists: Path, tmp_path: Path) -> Path:  # noqa: F811
    made = Path(shutil.copytree(two_lists, tmp_path / "published"))
    give_to(made, FEW, EARLIER, DAY)
    (tmp_path / "headroom.toml").write_text(SETTINGS, encoding="utf-8")
    return made


def told(mail: Mail) -> list[tuple[str, str]]:
    """To whom, and the subject, of each message since the last time."""
    messages = [(str(message["To"]), str(message["Subject"])) for message in mail.received]
    mail.received.clear()
    return messages


def test_a_damaged_folder_of_monitoring_is_said_and_keeps_nothing_else_back(
    out: Path, headroom: Headroom, mail: Mail
) -> None:
    settings = out.parent / "headroom.toml"
    settings.write_text(f'{SETTINGS}"Owner 001" = {{ email = "one@example.com" }}\n', encoding="utf-8")
    write_monitoring(out, found(FEED))
    (out / "monitoring" / "alarms.json").write_text("{", encoding="utf-8")
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    assert ran.err.count("no alarm is told") == 1
    assert {to for to, _ in told(mail)} == {"one@example.com"}


def test_an_alarm_reaches_its_owner_and_operations_and_is_said_again_until_it_is_answered(
    out: Path, headroom: Headroom, mail: Mail
) -> None:
    write_monitoring(out, found(FEED, ORDER))
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    of_feed = "Headroom: 1 alarm for data engineering, 1 Oct 2026"
    of_order = "Headroom: 1 alarm for data science, 1 Oct 2026"
    plain, html = mail.bodies(0)
    assert FEED.text in plain
    assert FEED.next_step in plain
    assert "https://headroom.example.com/monitoring" in html
    assert told(mail) == [
        ("data@example.com", of_feed),  # the owner of the other stands in no [notify.to]
        ("ops@example.com", of_feed),
        ("ops@example.com", of_order),
    ]
    assert "no message was sent" in headroom("notify").err  # of the list, whose owners have no address
    assert told(mail) == []
    again = replace(FEED, times_said=2, last_said=LATER)
    write_monitoring(out, replace(found(again, ORDER), day=LATER))
    assert headroom("monitor", "--answer", "order_worse", "--note", "trained again", "--out", out).code == 0
    assert headroom("notify").code == 0
    assert "Said 2 times since" in mail.bodies(0)[0]
    said = "Headroom: 1 alarm for data engineering, 8 Oct 2026"
    assert told(mail) == [("data@example.com", said), ("ops@example.com", said)]


def test_what_one_address_refused_is_sent_by_the_next_run(out: Path, headroom: Headroom, mail: Mail) -> None:
    write_monitoring(out, found(FEED))
    mail.refuses = "ops@example.com"
    ran = headroom("notify")
    assert (ran.code, "operations refused 1 message: data engineering (email: " in ran.err) == (1, True), ran.err
    assert [to for to, _ in told(mail)] == ["data@example.com"]
    mail.refuses = ""
    assert headroom("notify").code == 0
    assert [to for to, _ in told(mail)] == ["ops@example.com"]


def test_alarms_alone_are_told_where_operations_alone_has_an_address(
    out: Path, headroom: Headroom, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_monitoring(out, found(FEED))
    monkeypatch.delenv(EMAIL_URL)
    with servers.notes() as (address, notes):
        monkeypatch.setenv(OPERATIONS_URL, address)
        shown = headroom("notify", "--dry-run")
        assert "=== data engineering: 1 alarm, 1 Oct 2026 (operations)" in shown.out
        assert "1 message would be sent" in shown.out
        assert notes == []
        assert headroom("notify").code == 0
        assert headroom("notify", "--owner", "Owner 001").code == 0
    (note,) = notes
    assert note["title"] == "Headroom: 1 alarm for data engineering, 1 Oct 2026"
    assert f"{FEED.title} (feed_silent)" in note["message"]
    assert told(mail) == []


def test_a_dry_run_does_not_show_what_was_told_long_ago(
    out: Path, headroom: Headroom, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monitoring has not run since."""
    write_monitoring(out, replace(found(FEED), day=DAY - timedelta(days=90)))
    assert headroom("notify").code == 0
    assert len(told(mail)) == 2
    today = notify.today_utc()
    monkeypatch.setattr(notify, "today_utc", lambda: today + timedelta(days=100))
    assert "1 alarm" not in headroom("notify", "--dry-run").out
    headroom("notify")
    assert told(mail) == []
