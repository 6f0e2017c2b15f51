"""What a CSM does about an account, from the form on its page to the record, and who may."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from serving.access.forms import OF_THE_PAGE
from serving.access.settings import SESSION_SECRET, AccessSettings
from serving.published.read import open_list
from serving.store.outcomes import OutcomeStore, open_store
from serving.store.views import ViewStore
from serving.web.app import Site
from serving.web.query import account_address
from tests.serving.web.conftest import EARLIER, IDS, TODAY, browser, plain
from tests.serving.web.test_app import PAGES
from tests.serving.world import DAY

NOW = datetime(2026, 10, 6, 9, 30, tzinfo=UTC)
ACCOUNT = "acc-0020"
PROXY = AccessSettings.model_validate(
    {
        "sign_in": "proxy",
        "public_url": "https://headroom.example.com",
        "proxy": {"peers": ["127.0.0.1/32"]},
        "people": {"ana@example.com": {"owners": ["Dana Lee"], "name": "Ana Costa"}},
    }
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OutcomeStore]:
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: NOW) as opened:
        yield opened


@pytest.fixture
def pages(site: Site, store: OutcomeStore) -> TestClient:
    return browser(replace(site, work=store))


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of the form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def send(pages: TestClient, account: str = ACCOUNT, correct: int | None = None, **said: str) -> object:
    """Open the page of an account, and send its form; ``correct``: the one for a row of it."""
    path = account_address(account, correct)
    form = fields_of(pages.get(path).text) | said
    origin = str(pages.base_url).rstrip("/")
    return pages.post(path, data=form, headers={"Origin": origin}, follow_redirects=False)


@pytest.mark.parametrize(
    ("said", "recorded", "state", "told"),
    [
        ({"action": "taken"}, {"action": "taken"}, "Working", "Taken up"),
        ({"action": "won", "won_arr": "12,000.50", "won_product": "Analytics"},
         {"action": "won", "arr": 12000.5, "product": "Analytics"}, "Won", "Won $12k a year (<bdi>Analytics</bdi>)"),
        ({"action": "lost", "lost_text": "<b>too dear</b>"}, {"action": "lost", "text": "<b>too dear</b>"}, "Lost",
         "&lt;b&gt;too dear&lt;/b&gt;"),
        ({"action": "snoozed", "snoozed_until": "2026-11-01"}, {"action": "snoozed", "until": date(2026, 11, 1)},
         "Snoozed", "until 1 Nov 2026"),
        ({"action": "disqualified", "disqualified_reason": "no_budget"},
         {"action": "disqualified", "reason": "no_budget"}, "Disqualified", "Disqualified (No budget)"),
        ({"action": "noted", "noted_text": "Call Ada"}, {"action": "noted", "text": "Call Ada"}, "Open", "Call Ada"),
        # what stands in the fields of another action is not said
        ({"action": "taken", "won_arr": "5", "noted_text": "x"}, {"action": "taken", "arr": None, "text": None},
         "Working", "Taken up"),
    ],
)  # fmt: skip
def test_what_is_done_is_recorded_and_shown(
    pages: TestClient, store: OutcomeStore, out: Path, said: dict[str, str], recorded: dict[str, object], state: str,
    told: str,
) -> None:  # fmt: skip
    answer = send(pages, **said)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/accounts/{ACCOUNT}#done")
    (row,) = store.all_rows()
    score = plain(out, "scores").set_index("account_id").loc[ACCOUNT]
    assert {name: getattr(row, name) for name in recorded} == recorded
    assert (row.account_id, row.play, row.snapshot_date, row.at) == (ACCOUNT, score["play"], DAY, NOW)
    assert (row.who, row.came_from) == ("this machine", "web")
    page = pages.get(f"/accounts/{ACCOUNT}").text
    assert told in page
    assert f"· {state}" in page


def test_a_form_that_is_sent_twice_is_recorded_once(pages: TestClient, store: OutcomeStore) -> None:
    form = fields_of(pages.get(f"/accounts/{ACCOUNT}").text)
    for _ in range(2):
        assert send(pages, action="taken", request_key=form["request_key"]).status_code == 303
    assert len(store.all_rows()) == 1


def test_what_is_recorded_is_about_the_list_that_the_page_showed(site: Site, out: Path, tmp_path: Path) -> None:
    """A newer list may come between the page and its form; where the one that it showed is gone, nothing is guessed."""
    lists, names = tmp_path / "lists", [f"snapshot_date={day}" for day in (EARLIER, DAY)]
    before, now = (pd.read_parquet(out / name / "scores.parquet").set_index("account_id") for name in names)
    account = next(name for name in now.index[now["play"] != before["play"].reindex(now.index)] if name != "..")
    path, own = account_address(account), {"Origin": "http://127.0.0.1:8080"}
    shutil.copytree(out / names[0], lists / names[0])
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: NOW) as store:
        pages = browser(replace(site, out=lists, work=store))
        form = fields_of(pages.get(path).text)
        shutil.copytree(out / names[1], lists / names[1])
        sent = pages.post(path, data=form | {"action": "taken"}, headers=own, follow_redirects=False)
        assert sent.status_code == 303
        shutil.rmtree(lists / names[0])
        late = form | {"action": "won", "won_arr": "1200", "request_key": "another"}
        for gone in (late, {name: value for name, value in late.items() if name != "list_seen"}):
            refused = pages.post(path, data=gone, headers=own)
            assert (refused.status_code, "a newer list has come" in refused.text) == (422, True)
            assert 'value="1200"' in refused.text
        again = fields_of(refused.text) | {"action": "won", "won_arr": "1200"}
        assert pages.post(path, data=again, headers=own, follow_redirects=False).status_code == 303
        told = [(row.action, row.snapshot_date, row.play, row.motion) for row in store.all_rows()]
    of = {day: tuple(scores.loc[account, ["play", "motion"]]) for day, scores in ((EARLIER, before), (DAY, now))}
    assert told == [("taken", EARLIER, *of[EARLIER]), ("won", DAY, *of[DAY])]


def test_an_account_that_left_the_list_is_of_its_last_owner(
    site: Site, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of it was open when the list without it came. What cannot be recorded is given back."""
    monkeypatch.setenv(SESSION_SECRET, "0123456789abcdef" * 2)
    owners = plain(out, "scores").set_index("account_id")["owner"].filter(like="acc-")
    (mine, here), other = owners.index[owners == "Dana Lee"][:2], owners.index[owners == "Björn Ek"][0]
    lists = Path(shutil.copytree(out, tmp_path / "lists"))
    scores = lists / f"snapshot_date={DAY}" / "scores.parquet"
    rows = pd.read_parquet(scores)
    rows[~rows["account_id"].isin([mine, other])].to_parquet(scores, index=False)
    seen = f"{EARLIER} {open_list(lists, EARLIER).manifest['run_id']}"
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: NOW) as store:
        pages = browser(replace(site, out=lists, work=store, access=PROXY))
        pages.headers.update({"X-Forwarded-Email": "ana@example.com", "Origin": PROXY.public_url or ""})
        pages.base_url = "https://headroom.example.com"
        form = fields_of(pages.get(f"/accounts/{here}").text) | {"list_seen": seen, "lost_text": "Gone <away>"}
        sent = [
            pages.post(f"/accounts/{account}", data=form | said)
            for account, said in (
                (mine, {"action": "lost"}),
                (other, {"action": "lost"}),
                (mine, {"action": "won", "won_arr": "much"}),
                (mine, {"action": "taken", "list_seen": "another"}),
            )
        ]
        recorded = [(row.account_id, row.action, row.text, row.snapshot_date) for row in store.all_rows()]
    assert recorded == [(mine, "lost", "Gone <away>", EARLIER)]
    assert [answer.status_code for answer in sent] == [200, 404, 404, 404]
    told = ("Recorded", "No such account", "is no amount", "a newer list has come")
    for answer, words in zip(sent, told, strict=True):
        assert (words in unescape(answer.text), "Gone &lt;away&gt;" in answer.text) == (True, True)


@pytest.mark.parametrize("account", [*IDS.values(), "acc-0030"])
def test_accounts_of_all_ids_can_be_worked_on(pages: TestClient, store: OutcomeStore, account: str) -> None:
    path = f"/accounts?id={account}" if account == ".." else f"/accounts/{quote(account, safe='')}"
    form = fields_of(pages.get(path).text) | {"action": "taken"}
    pages.post(path, data=form, headers={"Origin": "http://127.0.0.1:8080"})
    assert [row.account_id for row in store.all_rows()] == [account]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "no action was chosen"),
        ({"action": "sacked"}, "no action was chosen"),
        ({"action": "corrected"}, "no action was chosen"),
        ({"action": "won"}, "what was won is missing"),
        ({"action": "won", "won_arr": "much"}, "is no amount"),
        ({"action": "won", "won_arr": "1.234,56"}, "is no amount"),
        ({"action": "won", "won_arr": "12.000"}, "is no amount"),
        ({"action": "won", "won_arr": "1,5"}, "is no amount"),
        ({"action": "won", "won_arr": "-5"}, "is no amount"),
        ({"action": "won", "won_arr": "nan"}, "is no amount"),
        ({"action": "won", "won_arr": "9" * 40}, "1,000,000,000,000 a year is the most"),
        ({"action": "won", "won_arr": "9" * 400}, "has to be an amount of 0 or more"),
        ({"action": "noted", "noted_text": "\u200b \u202e"}, "a note needs a text"),
        ({"action": "snoozed"}, "the day on which it ends is missing"),
        ({"action": "snoozed", "snoozed_until": TODAY.isoformat()}, "has to be a later day"),
        ({"action": "snoozed", "snoozed_until": "soon"}, "is no day"),
        ({"action": "disqualified", "disqualified_reason": "<x>"}, "no_budget"),
        ({"action": "noted"}, "a note needs a text"),
        ({"action": "noted", "noted_text": "a\x00b"}, "control character"),
        ({"action": "noted", "noted_text": "x" * 4001}, "4,000 are the most"),
    ],
)
def test_what_cannot_be_recorded_is_said_beside_the_form_as_it_was_filled(
    pages: TestClient, store: OutcomeStore, said: dict[str, str], why: str
) -> None:
    answer = send(pages, **said)
    assert answer.status_code == 422
    assert why in unescape(answer.text)
    typed = dict(re.findall(r'<input id="(\w+)"[^>]* value="([^"]*)"', answer.text))
    for name, value in said.items():
        if name in typed:
            assert typed[name] == value.replace("\x00", "")
            assert f'aria-describedby="{name}_fault"' in answer.text
    assert "<x>" not in answer.text
    assert store.all_rows() == []


def test_a_refused_form_is_corrected_and_sent_from_where_it_is_shown(pages: TestClient, store: OutcomeStore) -> None:
    first = send(pages, action="won", won_arr="12.000", won_product='Core "&" <Plus>')
    again = fields_of(first.text) | {"action": "won", "won_arr": "12000", "won_product": "Core"}
    assert 'value="Core &#34;&amp;&#34; &lt;Plus&gt;"' in first.text
    origin = {"Origin": str(pages.base_url).rstrip("/")}
    assert pages.post(f"/accounts/{ACCOUNT}", data=again, headers=origin, follow_redirects=False).status_code == 303
    assert [(row.arr, row.product) for row in store.all_rows()] == [(12000.0, "Core")]
    # Back, another text, and sent again under the key of what was recorded: refused, and then it may be sent anew.
    changed = pages.post(f"/accounts/{ACCOUNT}", data=again | {"won_product": "Other"}, headers=origin)
    assert (changed.status_code, "has the same request key" in changed.text) == (422, True)
    assert fields_of(changed.text)["request_key"] != again["request_key"]


def test_accounts_of_a_list_without_days_on_a_short_list_are_worked_on(site: Site, out: Path, tmp_path: Path) -> None:
    """A list of an earlier version does not say who stands on a short list, nor since when."""
    lists = Path(shutil.copytree(out, tmp_path / "lists"))
    scores = lists / f"snapshot_date={DAY}" / "scores.parquet"
    pd.read_parquet(scores).drop(columns=["listed", "listed_since"]).to_parquet(scores)
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: NOW) as store:
        pages = browser(replace(site, out=lists, work=store, views=ViewStore(store)))
        for said in ({"action": "taken"}, {"action": "snoozed", "snoozed_until": "2026-11-01"}, {"action": "reopened"}):
            assert send(pages, **said).status_code == 303
            for path in (*PAGES, "/?show=all", "/export.csv", "/export.xlsx", "/views"):
                assert pages.get(path).status_code == 200, path
        refused = send(pages, action="won")
        assert (refused.status_code, "what was won is missing" in refused.text) == (422, True)


def test_what_was_bought_may_be_another_motion_than_that_of_the_list(pages: TestClient, store: OutcomeStore) -> None:
    assert send(pages, action="won", won_arr="100", won_motion="upsell").status_code == 303
    refused = send(pages, action="won", won_arr="100", won_motion="<x>")
    assert (refused.status_code, "is no motion; there are seat" in unescape(refused.text)) == (422, True)
    assert [row.motion for row in store.all_rows()] == ["upsell"]


@pytest.mark.parametrize("account", [ACCOUNT, ".."])
def test_a_mistake_is_corrected_by_a_new_row_in_its_place(site: Site, tmp_path: Path, account: str) -> None:
    today = NOW
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: today) as store:
        pages = browser(replace(site, work=store))
        send(pages, account, action="won", won_arr="48000.50", won_motion="seat", won_product="Core")
        today = NOW + timedelta(days=3)
        form = pages.get(account_address(account, 1)).text
        for name, value in (("won_arr", "48000.50"), ("won_product", "Core")):
            assert f'value="{value}"' in form.partition(f'id="{name}"')[2].partition(">")[0]
        assert '<option value="seat" selected>' in form
        assert send(pages, account, 1, action="won").status_code == 422, "what is missing is asked for here too"
        assert send(pages, account, 1, action="won", won_arr="4800").status_code == 303
        first, second = store.all_rows()
        assert (second.corrects, second.day, second.arr) == (first.id, today.date(), 4800.0)
        for name in ("snapshot_date", "play", "motion"):
            assert getattr(first, name) == getattr(second, name)
        state = store.state_of([account], today.date())[account]
        assert (state.state, state.since, state.row) == ("won", NOW.date(), second), "on the day of the mistake"
        page = pages.get(account_address(account)).text
        assert "<s>Won $48k a year (<bdi>Core</bdi>)</s> corrected since" in page
        assert "Won $4,800 a year, in place of what was said on 6 Oct 2026" in page
        assert page.count(">Correct<") == 1
        assert send(pages, account, 2, action="corrected").status_code == 303
        assert store.state_of([account], today.date())[account].state == "open"
        page = pages.get(account_address(account)).text
        assert ("Taken back, in place of" in page, ">Correct<" in page) == (True, False)


def test_a_snooze_is_corrected_after_its_day_too(site: Site, tmp_path: Path) -> None:
    """Over any number of corrections it counts on the day of the mistake: a snooze ends after that one."""
    today = NOW
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}", now=lambda: today) as store:
        pages = browser(replace(site, work=store))
        send(pages, action="snoozed", snoozed_until="2026-10-20", snoozed_text="Call Adam")
        today = NOW + timedelta(days=30)
        for number, said in enumerate(("Call Ada", "Call Eve"), 1):
            page = pages.get(account_address(ACCOUNT, number)).text
            assert "It counts as said on 6 Oct 2026; both stay in the record." in page
            form = page.partition('id="snoozed_until"')[2]
            assert ('min="2026-10-07"' in form, 'value="2026-10-20"' in form) == (True, True)
            again = {"action": "snoozed", "snoozed_until": "2026-10-20", "snoozed_text": said}
            assert send(pages, correct=number, **again).status_code == 303
        for until in ("2026-10-06", "2026-01-01"):
            assert send(pages, correct=3, action="snoozed", snoozed_until=until).status_code == 422
        assert send(pages, action="snoozed", snoozed_until="2026-10-20").status_code == 422, "it corrects nothing"
        assert [row.text for row in store.all_rows()] == ["Call Adam", "Call Ada", "Call Eve"]
        state = store.state_of([ACCOUNT], today.date())[ACCOUNT]
        assert (state.state, state.since) == ("open", date(2026, 10, 20))


def test_a_correction_that_is_sent_twice_is_recorded_once(pages: TestClient, store: OutcomeStore) -> None:
    send(pages, action="won", won_arr="100", won_motion="seat")
    path, own = account_address(ACCOUNT, 1), {"Origin": "http://127.0.0.1:8080"}
    page = pages.get(path).text
    assert '<option value="">as it was said</option>' in page, "left empty, it is that of the row and not of the list"
    form = fields_of(page) | {"action": "won", "won_arr": "50"}
    for _ in range(2):
        assert pages.post(path, data=form, headers=own, follow_redirects=False).status_code == 303
    said = [(row.arr, row.motion, row.corrects) for row in store.all_rows()]
    assert said == [(100, "seat", None), (50, "seat", 1)]
    send(pages, correct=2, action="corrected")
    assert pages.post(path, data=form, headers=own, follow_redirects=False).status_code == 303
    assert len(store.all_rows()) == 3


@pytest.mark.parametrize("number", ["7", "x", "-1", "1" * 400])
def test_a_row_that_does_not_count_cannot_be_corrected(pages: TestClient, store: OutcomeStore, number: str) -> None:
    send(pages, action="taken")
    send(pages, action="noted", noted_text="Call Ada", account="acc-0021")
    form = fields_of(pages.get(f"/accounts/{ACCOUNT}").text) | {"action": "corrected"}
    for path in (f"/accounts/{ACCOUNT}?correct={number}", f"/accounts/{ACCOUNT}?correct=2"):  # 2: of another account
        answers = pages.get(path), pages.post(path, data=form, headers={"Origin": "http://127.0.0.1:8080"})
        assert [(answer.status_code, "no row of that number counts" in answer.text) for answer in answers] == [
            (400, True)
        ] * 2
    assert pages.get("/accounts/nobody?correct=1").status_code == 404
    assert len(store.all_rows()) == 2


def test_a_form_of_another_page_or_session_records_nothing(pages: TestClient, store: OutcomeStore) -> None:
    form = fields_of(pages.get(f"/accounts/{ACCOUNT}").text) | {"action": "taken"}
    elsewhere = pages.post(f"/accounts/{ACCOUNT}", data=form, headers={"Origin": "https://other.example"})
    forged = send(pages, action="taken", form_token="of somebody else")
    assert (elsewhere.status_code, forged.status_code) == (403, 403)
    assert store.all_rows() == []


def test_a_form_of_an_earlier_visit_is_sent_again_from_where_it_is_refused(
    pages: TestClient, store: OutcomeStore
) -> None:
    refused = send(pages, action="noted", noted_text="Call Ada", form_token="of an earlier visit")
    assert (refused.status_code, "Nothing has been recorded" in refused.text) == (403, True)
    own = {"Origin": "http://127.0.0.1:8080"}
    for _ in range(2):
        again = pages.post(f"/accounts/{ACCOUNT}", data=fields_of(refused.text), headers=own, follow_redirects=False)
        assert again.status_code == 303
    assert [row.text for row in store.all_rows()] == ["Call Ada"]


def test_what_a_page_says_in_its_forms_is_not_taken_for_what_was_written(site: Site, store: OutcomeStore) -> None:
    pages = browser(replace(site, work=store, views=ViewStore(store)))
    paths = ("/", "/views", f"/accounts/{ACCOUNT}")
    assert {name for path in paths for name in fields_of(pages.get(path).text)} == OF_THE_PAGE


@pytest.mark.parametrize("path", ["/accounts/{}", "/accounts?id={}"])
def test_nobody_reads_or_works_on_the_account_of_another(
    site: Site, store: OutcomeStore, out: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:  # fmt: skip
    monkeypatch.setenv(SESSION_SECRET, "0123456789abcdef" * 2)
    scores = plain(out, "scores").set_index("account_id")["owner"].filter(like="acc-")
    mine, other = scores.index[scores == "Dana Lee"][0], scores.index[scores.notna() & (scores != "Dana Lee")][0]
    pages = browser(replace(site, work=store, access=PROXY))
    pages.headers.update({"X-Forwarded-Email": "ana@example.com"})
    pages.base_url = "https://headroom.example.com"
    form = fields_of(pages.get(path.format(mine)).text) | {"action": "taken"}
    sent = {account: pages.post(path.format(account), data=form, headers={"Origin": PROXY.public_url or ""},
                                follow_redirects=False) for account in (mine, other)}  # fmt: skip
    assert [answer.status_code for answer in sent.values()] == [303, 404]
    assert [(row.account_id, row.who) for row in store.all_rows()] == [(mine, "Ana Costa")]
    nobody, theirs = pages.get(path.format("nobody")), pages.get(path.format(other))
    assert (theirs.status_code, theirs.text) == (404, nobody.text.replace("nobody", other))
    assert caplog.text.count(f"asked for 'account {other}'") == 2
    assert "account nobody" not in caplog.text
    assert "Nothing has been recorded" in sent[other].text


@pytest.mark.parametrize("path", ["/", "/export.csv", "/export.xlsx", "/excluded"])
@pytest.mark.parametrize(
    ("owner", "status"), [("Dana Lee", 200), ("dana  lee", 200), ("Björn Ek", 404), ("Nobody", 404)]
)
def test_the_book_of_another_is_a_page_that_is_not_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, owner: str, status: int
) -> None:
    monkeypatch.setenv(SESSION_SECRET, "0123456789abcdef" * 2)
    pages = browser(replace(site, access=PROXY))
    pages.headers.update({"X-Forwarded-Email": "ana@example.com"})
    answer = pages.get(path, params={"owner": owner})
    assert answer.status_code == status
    if status == 200 and path != "/export.xlsx":  # the same rows, however the name is written
        assert answer.text.count("Dana Lee") == pages.get(path, params={"owner": "Dana Lee"}).text.count("Dana Lee") > 1
    assert (f"'the accounts of {owner}', which is not theirs to see" in caplog.text) == (status == 404)


def test_a_store_that_is_gone_takes_no_record(site: Site, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'gone.db'}", now=lambda: NOW) as store:
        pages = browser(replace(site, work=store))
        form = fields_of(pages.get(f"/accounts/{ACCOUNT}").text) | {"action": "taken"}
        for path in tmp_path.glob("gone.db*"):
            path.unlink()
        answer = pages.post(f"/accounts/{ACCOUNT}", data=form, headers={"Origin": "http://127.0.0.1:8080"})
        assert answer.status_code == 503
        assert "Nothing has been recorded" in answer.text
        assert "<dt>Action</dt><dd><bdi>taken</bdi></dd>" in answer.text, "what was sent is given back"


def test_without_a_store_there_is_no_form(client: TestClient) -> None:
    assert "<form" not in client.get(f"/accounts/{ACCOUNT}").text


def test_the_team_and_the_list_count_what_was_done(pages: TestClient, client_of: Callable[..., TestClient]) -> None:
    send(pages, action="won", won_arr="100")
    assert f"/accounts/{ACCOUNT}" in pages.get("/?state=won&show=all").text
    is_open = pages.get("/?state=open&show=all&q=" + ACCOUNT).text
    assert f"/accounts/{ACCOUNT}" not in is_open
    assert ("however long ago" in is_open, "however long ago" in pages.get("/").text) == (True, False)
    assert client_of().get("/?state=won&show=all").text.count('class="place"') == 0
