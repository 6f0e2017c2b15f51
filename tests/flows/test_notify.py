"""``headroom notify``: one digest for each owner and list, by Slack and e-mail, whatever fails or is killed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.checks.report import many
from flows.pipelines import notify as pipeline
from serving.messages.delivery.channels import TIMES
from serving.messages.settings import EMAIL_URL, SLACK_URL
from serving.outcomes.outcome import Outcome
from serving.published.read import open_list
from serving.store.message_log import DIGEST, MessageItem
from serving.store.outcomes import open_store
from tests.flows.conftest import Headroom
from tests.serving.messages import servers
from tests.serving.messages.servers import PASSWORD, TOKENS, WEBHOOK, Mail, Slack
from tests.serving.messages.world import (  # noqa: F401  (fixtures)
    EARLIER,
    FEW,
    HOSTILE,
    OWNERS,
    Fired,
    give_to,
    published_again,
    ranked_of,
    two_lists,
    with_triggers,
)
from tests.serving.world import DAY

LATER = DAY + timedelta(days=7)
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_channel_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have channels in the environment: nothing is sent there."""
    for variable in (SLACK_URL, EMAIL_URL):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with servers.slack() as server:
        servers.lead_to(server, monkeypatch)
        monkeypatch.setenv(SLACK_URL, WEBHOOK)
        yield server


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mail]:
    with servers.mail() as server:
        monkeypatch.setenv(EMAIL_URL, server.url)
        yield server


@pytest.fixture
def out(two_lists: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A copy of the two lists, of a few owners, where the command finds it."""
    made = Path(shutil.copytree(two_lists, tmp_path / "published"))
    give_to(made, FEW, EARLIER, DAY)
    return made


def on(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "today_utc", lambda: datetime.fromisoformat(day).date())


def settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "headroom.toml").write_text(text, encoding="utf-8")


def test_of_200_owners_each_gets_one_digest_under_every_limit(out: Path, headroom: Headroom, slack: Slack) -> None:
    give_to(out, OWNERS, EARLIER, DAY)
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    owners = {re.sub(r": list of .*", "", title) for title in slack.titles}
    assert len(owners) == len(slack.received) == OWNERS
    assert ran.out == f"{OWNERS} messages sent of the list of {DAY}\n"
    again = headroom("notify")
    assert (again.code, again.out) == (0, f"{pipeline.NOTHING}\n")
    assert len(slack.received) == OWNERS


def test_a_digest_of_many_rows_is_cut_between_them(out: Path, headroom: Headroom, slack: Slack, tmp_path: Path) -> None:
    scores = out / f"snapshot_date={DAY}" / "scores.parquet"
    for path in (scores, scores.parents[1] / f"snapshot_date={EARLIER}" / "scores.parquet"):
        rows = pd.read_parquet(path)
        rows.assign(owner=HOSTILE, name=[f"{'株*<&' * 60}{n}" for n in range(len(rows))]).to_parquet(path)
    settings(tmp_path, '[notify]\nrows = 200\npages_url = "https://headroom.example.com"\n')
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    parts = len(slack.received)
    assert parts > 10
    assert [re.search(r"\((\d+) of (\d+)\)$", title).groups() for title in slack.titles] == [
        (str(number), str(parts)) for number in range(1, parts + 1)
    ]
    ranked = set(ranked_of(out, HOSTILE))
    shown = Counter(re.findall(r"accounts/(acc-\d+)", "\n".join(map(slack.texts, range(parts)))))
    assert set(shown.values()) == {1}
    assert set(shown) & ranked
    assert headroom("notify").code == 0
    assert len(slack.received) == parts


def test_a_killed_run_is_gone_on_with_and_nothing_is_sent_twice(
    out: Path, headroom: Headroom, slack: Slack, tmp_path: Path
) -> None:
    code = f"""
from apprise.plugins.slack import NotifySlack
NotifySlack.webhook_url, NotifySlack.request_rate_per_sec = {slack.address!r}, 0
from flows.cli import main
main()
"""
    killed = subprocess.Popen(
        [sys.executable, "-c", code, "notify"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    slack.kills = (5, killed.pid)
    assert killed.wait(120) == -9
    assert len(slack.received) == 5
    ran = headroom("notify")
    assert len(set(slack.titles)) == len(slack.titles) == FEW
    assert ran.code == 1
    assert "slack: 1 part may have arrived: a run was ended, or no answer came" in ran.err
    assert headroom("notify", "--resend").code == 0
    assert Counter(Counter(slack.titles).values()) == {1: FEW - 1, 2: 1}
    assert headroom("notify").code == 0
    assert len(slack.received) == FEW + 1


def test_a_message_that_is_refused_stops_no_other_and_is_sent_by_the_next_run(
    out: Path, headroom: Headroom, slack: Slack, mail: Mail, tmp_path: Path
) -> None:
    to = {f"Owner {n:03}": f"owner{n}@example.com" for n in (1, 2, 3)}
    lines = "\n".join(f'"{owner}" = {{ email = "{address}" }}' for owner, address in to.items())
    settings(tmp_path, f"[notify.to]\n{lines}\n")
    slack.refuses, mail.refuses = "Owner 007", "owner2@example.com"
    ran = headroom("notify")
    assert ran.code == 1
    assert "slack refused 1 message: Owner 007 (" in ran.err
    assert "email refused 1 message: Owner 002 (" in ran.err
    assert "email: no address is known of " in ran.err
    assert not any(secret in ran.err + ran.out for secret in (PASSWORD, *TOKENS.split("/")))
    assert (len(slack.received), len(mail.received)) == (FEW - 1, 2)
    slack.refuses = mail.refuses = ""
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    assert [title.partition(":")[0] for title in slack.titles[FEW - 1 :]] == ["Owner 007"]
    assert [str(message["To"]) for message in mail.received] == [
        "owner1@example.com",
        "owner3@example.com",
        "owner2@example.com",
    ]


def test_what_is_not_answered_may_have_arrived_and_is_sent_again_only_if_asked(
    out: Path, headroom: Headroom, slack: Slack, mail: Mail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(tmp_path, '[notify.to]\n"Owner 007" = { email = "seven@example.com" }\n')
    for name in TIMES:
        monkeypatch.setitem(TIMES, name, 0.2)
    monkeypatch.setenv(SLACK_URL, f"{WEBHOOK}?retry=1")
    slack.answers_after = mail.answers_after = 0.6
    silent = "1 part may have arrived: a run was ended, or no answer came"
    for _ in range(2):
        ran = headroom("notify", "--owner", "Owner 007")
        assert ran.code == 1
        assert f"slack: {silent}; email: {silent}." in ran.err
        assert (len(slack.received), len(mail.received)) == (1, 1)
    slack.answers_after = mail.answers_after = 0
    assert headroom("notify", "--owner", "Owner 007", "--resend").code == 0
    assert (len(slack.received), len(mail.received)) == (2, 2)
    assert headroom("notify", "--owner", "Owner 007").code == 0


def test_where_nobody_listens_nothing_has_arrived(
    out: Path, headroom: Headroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(tmp_path, '[notify.to]\n"Owner 007" = { email = "seven@example.com" }\n')
    with servers.slack() as gone, servers.mail() as closed:
        servers.lead_to(gone, monkeypatch)
    monkeypatch.setenv(SLACK_URL, WEBHOOK)
    monkeypatch.setenv(EMAIL_URL, closed.url)
    ran = headroom("notify", "--owner", "Owner 007")
    assert ran.code == 1
    assert "slack refused 1 message: " in ran.err
    assert "email refused 1 message: " in ran.err
    assert "may have arrived:" not in ran.err


def test_a_channel_that_is_gone_is_left_alone_and_the_other_goes_on(
    out: Path, headroom: Headroom, slack: Slack, mail: Mail, tmp_path: Path
) -> None:
    settings(tmp_path, '[notify.to]\n"Owner 011" = { email = "last@example.com" }\n')
    slack.is_gone = True
    ran = headroom("notify")
    assert ran.code == 1
    assert "slack refused 10 messages: " in ran.err
    assert f"slack: {FEW - 10} messages not tried, after 10 were not taken" in ran.err
    assert len(mail.received) == 1
    slack.is_gone = False
    assert headroom("notify").code == 0
    assert (len(set(slack.titles)), len(slack.titles), len(mail.received)) == (FEW, FEW, 1)


def test_a_list_that_lacks_what_is_told_is_refused_in_words(out: Path, headroom: Headroom) -> None:
    manifest = out / f"snapshot_date={DAY}" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text(encoding="utf-8")) | {"plays": {}}))
    ran = headroom("notify", "--dry-run")
    assert (ran.code, "manifest.json" in ran.err, "plays" in ran.err) == (1, True, True)


def test_where_nobody_can_be_reached_the_run_says_so(out: Path, headroom: Headroom, mail: Mail) -> None:
    ran = headroom("notify")
    assert ran.code == 1
    assert "no message was sent: no address is known of " in ran.err
    assert "[notify.to]" in ran.err
    assert mail.received == []


def test_what_is_recorded_is_not_overdue_and_nothing_to_say_is_not_sent(
    out: Path, headroom: Headroom, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("2026-12-01", monkeypatch)
    give_to(out, OWNERS, EARLIER, DAY)
    owner = next(name for name in map("Owner {:03}".format, range(1, OWNERS)) if settled(out, name))
    listed = headroom("notify", "--dry-run", "--owner", owner)
    assert " waiting" in listed.out
    assert "overdue" not in listed.out
    with open_store(f"sqlite:///{out / 'outcomes.db'}", now=lambda: datetime(2026, 10, 2, tzinfo=UTC)) as store:
        taken = [Outcome(account_id=a, action="taken", who="Ana", play="seat_limits") for a in ranked_of(out, owner)]
        store.append(taken)
    for flag in ("--dry-run", "--resend"):
        ran = headroom("notify", flag, "--owner", owner)
        assert (ran.code, ran.out.splitlines()[-1]) == (0, pipeline.NOTHING)
    assert slack.received == []


def settled(out: Path, owner: str) -> bool:
    """Did nothing change for this owner from the one list to the other, but for the day to act by?"""
    on_both = [pd.read_parquet(out / f"snapshot_date={day}" / "scores.parquet") for day in (EARLIER, DAY)]
    before, now = (rows[(rows["owner"] == owner) & rows["eligible"]].set_index("account_id") for rows in on_both)
    same = not now.empty and set(before.index) == set(now.index)
    return same and bool((now["propensity"] <= before["propensity"].loc[now.index]).all())


def test_a_trigger_that_began_is_told_once(out: Path, headroom: Headroom, slack: Slack) -> None:
    one, other = ranked_of(out, "Owner 005")[0], ranked_of(out, "Owner 006")[0]
    before, now = open_list(out, EARLIER), open_list(out)
    with_triggers(before, Fired(other, "seat_utilization", EARLIER))
    with_triggers(
        now, Fired(one, "seat_utilization", DAY, "92% of <the> seats."), Fired(other, "seat_utilization", EARLIER)
    )
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    told = [number for number, title in enumerate(slack.titles) if "new at" in title]
    assert [slack.titles[number] for number in told] == ["Owner 005: new at 1 account"]
    assert "92% of &lt;the&gt; seats." in slack.texts(told[0])
    assert headroom("notify").code == 0
    assert len(slack.titles) == FEW + 1


def test_what_one_list_could_not_tell_the_next_one_tells(
    out: Path, headroom: Headroom, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("2026-10-08", monkeypatch)
    old, lost, late = (Fired(ranked_of(out, f"Owner 00{n}")[0], "seat_utilization", EARLIER) for n in (4, 5, 6))
    lost, late = replace(lost, since=DAY), replace(late, since=LATER)
    with_triggers(open_list(out, EARLIER), old)
    with_triggers(open_list(out, DAY), old, lost)
    slack.is_gone = True
    assert headroom("notify").code == 1
    slack.is_gone = False
    with_triggers(published_again(out, LATER), old, lost, late)
    assert headroom("notify", "--dry-run").out.count(": new at 1 account (slack)") == 2
    assert headroom("notify").code == 0
    told = [title for title in slack.titles if "new at" in title]
    assert told == ["Owner 005: new at 1 account", "Owner 006: new at 1 account"]
    count = len(slack.titles)
    assert headroom("notify").code == 0
    assert len(slack.titles) == count


def test_what_may_have_arrived_of_an_earlier_list_is_told_of_until_it_is_settled(
    out: Path, headroom: Headroom, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("2026-10-08", monkeypatch)
    published_again(out, LATER)
    with open_store(f"sqlite:///{out / 'outcomes.db'}") as store:
        for owner in ("Owner 005", "Owner 006"):
            store.messages.begin([MessageItem(DAY, "slack", owner, DIGEST, 1, 1)], DAY, again=False)
    for flags, parts in (((), 2), (("--owner", "owner 005", "--resend"), 1), ((), 1)):
        ran = headroom("notify", *flags)
        assert ran.code == 1
        assert f"slack: {many(parts, 'part')} may have arrived" in ran.err
    count = len(slack.received)
    assert headroom("notify", "--resend").code == 0
    assert headroom("notify").code == 0
    assert len(slack.received) == count


@pytest.mark.parametrize("name", ["manifest.json", "scores.parquet", "triggers.parquet"])
def test_an_earlier_list_that_cannot_be_read_is_told_of_and_not_looked_at(
    name: str, out: Path, headroom: Headroom, slack: Slack
) -> None:
    (out / f"snapshot_date={EARLIER}" / name).write_bytes(b"{")
    ran = headroom("notify", "--owner", "Owner 005")
    assert ran.code == 0, ran.err
    assert f"warning: the list of {EARLIER} cannot be read: {name} " in ran.err
    assert "there is no earlier one to compare it with" in slack.texts()


def test_a_dry_run_prints_sends_nothing_and_makes_no_store(out: Path, headroom: Headroom, slack: Slack) -> None:
    ran = headroom("notify", "--dry-run", "--owner", "owner 005")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("=== Owner 005: list of 1 Oct 2026 (slack)\n")
    assert ran.out.endswith("\n1 message would be sent\n")
    assert slack.received == []
    assert not (out / "outcomes.db").exists()


def test_without_a_list_or_a_channel_it_is_refused(headroom: Headroom, out: Path, tmp_path: Path) -> None:
    nowhere = headroom("notify", "--out", tmp_path / "elsewhere")
    assert (nowhere.code, "no list has been published there" in nowhere.err) == (1, True)
    unknown = headroom("notify", "--dry-run", "--owner", "Nobody")
    assert (unknown.code, "no account has that owner; there are " in unknown.err) == (1, True)
    ran = headroom("notify")
    assert ran.code == 1
    assert f"no channel is set.\n  to do: Set {SLACK_URL} or {EMAIL_URL}" in ran.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (SLACK_URL, f"https://evil.example/services/{TOKENS}"),
        (SLACK_URL, "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general"),
        (SLACK_URL, "not at all"),
        (EMAIL_URL, f"mailtos://ana:{PASSWORD}@"),
        (EMAIL_URL, f"ftp://ana:{PASSWORD}@mail.example.com"),
    ],
    ids=["another host", "a bot", "words", "no server", "no mail"],
)
def test_an_address_that_is_none_is_refused_and_not_told(
    variable: str, value: str, headroom: Headroom, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    ran = headroom("notify")
    assert ran.code == 1
    assert f"Open the channel that {variable} names." in ran.err
    assert not any(piece in ran.err for piece in (value, PASSWORD, TOKENS, "4ddbc191d40ee098cbaae6f3523ada2d"))


def test_people_who_sign_in_are_reached_by_their_e_mail(
    out: Path, headroom: Headroom, mail: Mail, tmp_path: Path
) -> None:
    settings(
        tmp_path,
        """
[notify]
pages_url = "https://headroom.example.com"
[serve.people]
"five@example.com" = { role = "csm", owners = ["OWNER  005"] }
"lead@example.com" = { role = "lead", owners = ["Owner 005", "Owner 006"] }
[notify.to]
"owner 006" = { email = "six@example.com" }
""",
    )
    ran = headroom("notify")
    assert ran.code == 0, ran.err
    assert [str(message["To"]) for message in mail.received] == ["five@example.com", "six@example.com"]
    plain, html = mail.bodies(0)
    assert mail.received[0]["Subject"].startswith("Your list, 1 Oct 2026: ")
    assert mail.received[0]["From"] == "headroom@example.com"
    assert 'href="https://headroom.example.com/accounts/acc-' in html
    assert "The list: https://headroom.example.com/" in plain
    assert "days old: no newer one has been published." in plain.splitlines()[0]


def test_whoever_has_no_address_is_named_by_each_run_and_the_others_are_told_once(
    out: Path, headroom: Headroom, mail: Mail, tmp_path: Path
) -> None:
    settings(tmp_path, '[notify.to]\n"Owner 003" = { email = "three@example.com" }\n')
    for sent in (1, 0):
        ran = headroom("notify")
        assert ran.code == 0, ran.err
        assert f"email: {many(sent, 'message')} sent" in ran.err
        assert "email: no address is known of " in ran.err
    assert len(mail.received) == 1


def test_what_a_list_between_two_digests_brought_is_told_with_the_next(
    out: Path, headroom: Headroom, slack: Slack
) -> None:
    """Of a list six days after a digest none is due: the next one is compared with the list that was told."""
    near, last = DAY + timedelta(days=6), DAY + timedelta(days=13)
    for day in (near, last):
        published_again(out, day)
    shutil.copy(out / f"snapshot_date={EARLIER}" / "scores.parquet", out / f"snapshot_date={near}")
    assert "Gone from the list" in headroom("notify", "--dry-run").out  # since the near one: nothing was told before
    assert headroom("notify", "--snapshot-date", DAY).code == 0
    slack.received.clear()
    shown = headroom("notify", "--dry-run")
    assert shown.code == 0, shown.err
    assert "Gone from the list" not in shown.out  # the last list is as that which was told


def test_names_of_all_kinds_are_harmless(
    out: Path, headroom: Headroom, slack: Slack, mail: Mail, tmp_path: Path
) -> None:
    scores = out / f"snapshot_date={DAY}" / "scores.parquet"
    rows = pd.read_parquet(scores)
    from tests.serving.web.conftest import NAMES

    hostile = [*NAMES.values(), "<!here> @channel <@U1|you>", "```", "{{app_url}}", "*b* _i_ ~s~", "x\u2028y\ud800"[:3]]
    mine = rows["account_id"].isin(ranked_of(out, "Owner 003") + ranked_of(out, "Owner 004"))
    places = rows.index[mine]
    for number, place in enumerate(places):
        rows.loc[place, "name"] = hostile[number % len(hostile)]
    rows.assign(owner=["Owner 003" if m else owner for m, owner in zip(mine, rows["owner"], strict=True)]).to_parquet(
        scores
    )
    settings(tmp_path, '[notify.to]\n"Owner 003" = { email = "three@example.com", slack = "U012AB3CD" }\n')
    assert headroom("notify", "--owner", "Owner 003").code == 0
    text = slack.texts()
    assert re.findall(r"<[^>]*>", text) == ["<@U012AB3CD>"]
    assert len(mail.received) == 1
    assert json.dumps(slack.received)


def test_what_was_sent_is_noted(out: Path, headroom: Headroom, slack: Slack) -> None:
    headroom("notify", "--owner", "Owner 003")
    with open_store(f"sqlite:///{out / 'outcomes.db'}") as store:
        notes = store.messages.last(DAY, DAY)
        assert [(note.item.owner, note.item.channel, note.step) for note in notes.values()] == [
            ("Owner 003", "slack", "sent")
        ]
