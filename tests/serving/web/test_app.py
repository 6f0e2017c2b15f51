"""Every page as it is answered: what it says of its day and sources, what it refuses, and that no name harms it."""

import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.access.shield import HEADERS, WITH_DATA
from serving.published import tables
from serving.published.read import open_list
from serving.settings import ServeSettings
from serving.web.app import STATIC, today_utc
from tests.serving.web.conftest import COUNT, NAMES, TODAY, DrawnWork, OwnersSight, made_list, plain
from tests.serving.world import DAY, as_of_earlier_version, publish, snapshot

PAGES = ("/", "/tasks", "/excluded", "/team", "/model", "/backtest", "/accounts/acc-0020")
EVERYTHING = (
    *PAGES,
    "/?show=all&page=2",
    "/?sort=name",
    "/excluded?show=all",
    "/accounts/nobody",
    "/?band=x",
    "/nowhere",
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_its_day_and_how_fresh_its_sources_are(client: TestClient, path: str) -> None:
    page = client.get(path).text
    assert "As of 1 Oct 2026, seen on 6 Oct 2026" in page
    assert "subscriptions 30 Sep 2026" in page
    assert "The table “tickets” seems to have stopped:" in page
    assert "days old" not in page


def test_on_every_page_ranked_and_set_apart_are_the_customers(
    client: TestClient, client_of: Callable[..., TestClient], out: Path
) -> None:
    scores = plain(out, "scores")
    mine = scores[scores.owner == "Ana Costa"]
    hers = client_of(sight=lambda _: OwnersSight(frozenset({"Ana Costa"})))
    for pages, seen, words in ((client, scores, "."), (hers, mine, " that you may see.")):
        ranked = int(seen.eligible.sum())
        told = f"<p>{ranked} ranked + {len(seen) - ranked} set apart = {len(seen)} customers{words}</p>"
        assert [path for path in PAGES if told not in pages.get(path).text and path != "/accounts/acc-0020"] == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("days", "is_old"), [(10, False), (11, True)])
def test_a_list_older_than_ten_days_is_said_to_be_old(
    client_of: Callable[..., TestClient], path: str, days: int, is_old: bool
) -> None:
    page = client_of(today=lambda: DAY + timedelta(days=days)).get(path).text
    assert (f"This list is {days} days old." in page) == is_old


@pytest.mark.parametrize("path", EVERYTHING)
def test_no_name_is_read_as_markup_and_no_letter_rings_a_bell(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert not CONTROLS.search(answer.text)
    assert re.findall(r"<script[^>]*>", answer.text) in ([], ['<script src="/static/serve.js" defer>'])
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    assert "http://" not in re.sub(r"<bdi>.*?</bdi>|<title>.*?</title>|xmlns=\S+", "", answer.text)


def test_names_are_shown_as_they_are_written(client: TestClient) -> None:
    page = unescape("".join(client.get(f"/?show=all&page={number}").text for number in range(1, 9)))
    for name in NAMES.values():
        assert f"<bdi>{CONTROLS.sub('', name)}</bdi>" in page


@pytest.mark.parametrize("path", [*EVERYTHING, "/export.csv", "/static/serve.css"])
def test_every_answer_is_held_to_the_policy(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    for name, value in (HEADERS if path.startswith("/static/") else HEADERS | WITH_DATA).items():
        assert headers[name] == value


@pytest.mark.parametrize("path", PAGES)
def test_the_head_of_a_page_is_answered(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 403  # not sent by a page of ours


@pytest.mark.parametrize("path", ["/", "/accounts/acc-0020", "/static/list.css", "/nowhere"])
def test_a_method_that_is_not_answered_is_said_on_a_plain_page(client: TestClient, path: str) -> None:
    answer = client.options(path)
    assert answer.status_code == (404 if path == "/nowhere" else 405)
    assert "This cannot be shown" in answer.text
    if answer.status_code == 405:
        assert "this page does not answer to OPTIONS." in answer.text
        assert "GET" in answer.headers["allow"]


def test_all_plain_pages_have_one_look(client_of: Callable[..., TestClient]) -> None:
    client = client_of(settings=ServeSettings(title="Growth desk"))
    ours, of_access = client.get("/nowhere").text, client.get("/", headers={"Host": "example.com"}).text
    heads = [re.sub(r"<title>.*?</title>", "", page.partition("<h1>")[0]) for page in (ours, of_access)]
    assert heads[0] == heads[1]
    assert '<p class="brand">Growth desk</p>' in heads[0]


def test_two_servers_on_one_machine_have_a_session_each(client_of: Callable[..., TestClient]) -> None:
    servers = [client_of(port=port, work=DrawnWork({})) for port in (8080, 8081)]
    kept = [server.get("/accounts/acc-0020").headers["set-cookie"].partition("=")[0] for server in servers]
    assert kept == ["headroom-8080", "headroom-8081"]


@pytest.mark.parametrize("name", STATIC)
def test_what_a_page_loads_is_there(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 200
    assert f'"/static/{name}"' in client.get("/").text


@pytest.mark.parametrize(
    "path", ["/static/nothing.css", "/static/..%2fapp.py", "/static/../app.py", "/docs", "/openapi.json"]
)
def test_what_is_not_served_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "there is no such page" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/?band=certain",
        "/excluded?page=-1",
        "/?sort=%00",
        "/?page=99999999999999999999",
        "/?state=%ff%fe",
        "/export.csv?show=x",
    ],
)
def test_what_cannot_be_asked_is_400_in_words(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert "cannot be" in answer.text
    assert "Correct the address" in answer.text


def test_what_means_nothing_in_an_address_is_left_out_visibly(client: TestClient) -> None:
    page = client.get("/?utm_source=<b>&owner=Nobody").text
    assert "left out of the address: <code><bdi>utm_source</bdi></code>" in page
    assert "Nobody (none on this list)" in page
    assert "No account of this list is like that." in page


def test_a_folder_without_a_list_is_said_on_a_plain_page(client_of: Callable[..., TestClient], tmp_path: Path) -> None:
    for path in PAGES:
        answer = client_of(out=tmp_path / "none").get(path)
        assert answer.status_code == 503
        assert "no list has been published there" in answer.text
        assert str(tmp_path) not in answer.text


def test_a_list_that_is_damaged_is_said_and_comes_back_when_it_is_mended(
    client_of: Callable[..., TestClient], out: Path, tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "lists")
    reasons = tmp_path / "lists" / f"snapshot_date={DAY}" / "reasons.parquet"
    whole = reasons.read_bytes()
    reasons.write_bytes(whole[:100])
    pages = client_of(out=tmp_path / "lists")
    assert pages.get("/").status_code == 503
    assert "reasons.parquet cannot be read" in pages.get("/").text
    reasons.write_bytes(whole)
    assert pages.get("/").status_code == 200


def test_a_list_that_is_published_later_is_shown_by_the_next_request(
    client_of: Callable[..., TestClient], tmp_path: Path
) -> None:
    publish(tmp_path, snapshot(30, day=date(2026, 9, 1)))
    pages = client_of(out=tmp_path)
    assert "As of 1 Sep 2026" in pages.get("/").text
    publish(tmp_path, snapshot(40, previous=open_list(tmp_path)))
    assert "As of 1 Oct 2026" in pages.get("/").text
    assert "= 40 customers" in pages.get("/excluded").text
    publish(tmp_path, snapshot(50, previous=open_list(tmp_path, date(2026, 9, 1))))  # the same day anew
    assert "= 50 customers" in pages.get("/excluded").text


def test_a_list_of_an_earlier_version_is_shown_too(client_of: Callable[..., TestClient], tmp_path: Path) -> None:
    made_list(tmp_path, DAY, 1)
    as_of_earlier_version(tmp_path / f"snapshot_date={DAY}")
    pages = client_of(out=tmp_path)
    for path in PAGES:
        assert pages.get(path).status_code == 200, path
    assert "the manifest of this list does not say" in pages.get("/").text
    assert f"= {COUNT} customers" in pages.get("/excluded").text


def test_today_is_the_day_in_utc() -> None:
    assert abs((today_utc() - date.today()).days) <= 1
    assert TODAY > DAY


@pytest.mark.parametrize("path", ["/", "/?q=bank&show=all", "/excluded?q=bank", "/team", "/export.csv"])
def test_no_table_is_read_for_a_list_once_it_is_held(
    client_of: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    pages = client_of()
    first = pages.get(path).text

    def refuse(*_: object) -> None:
        raise AssertionError("a table is read")

    for name in ("read", "batches", "account_rows"):
        monkeypatch.setattr(tables, name, refuse)
    assert pages.get(path).text == first


def test_the_whole_of_a_table_is_read_for_no_account(
    client_of: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = client_of()
    pages.get("/")
    for name in ("read", "batches"):
        monkeypatch.setattr(tables, name, None)
    assert pages.get("/accounts/acc-0020").status_code == 200
