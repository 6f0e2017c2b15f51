"""Saved views: kept, shared, renamed and deleted by forms; nobody opens what is another's, or sees more by it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.access.settings import SESSION_SECRET, AccessSettings
from serving.store.outcomes import open_store
from serving.store.views import MOST, View, ViewStore
from serving.web.app import Site
from tests.serving.web.conftest import browser
from tests.serving.web.test_record import PROXY, fields_of

PEOPLE = {
    "ana@example.com": {"owners": ["Dana Lee"], "name": "Ana Costa"},
    "bo@example.com": {"owners": ["Björn Ek"], "name": "Bo"},
    "kay@example.com": {"role": "data", "name": "Kay"},
}
ACCESS = AccessSettings.model_validate({**PROXY.model_dump(exclude={"people"}), "people": PEOPLE})
SENT = {"Origin": "https://headroom.example.com"}


@pytest.fixture
def views(tmp_path: Path) -> Iterator[ViewStore]:
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}") as store:
        yield ViewStore(store)


@pytest.fixture
def pages(site: Site, views: ViewStore) -> TestClient:
    return browser(replace(site, views=views))


@contextmanager
def seen_by(site: Site, views: ViewStore, name: str) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(SESSION_SECRET, "0123456789abcdef" * 2)
        opened = browser(replace(site, views=views, access=ACCESS))
        opened.headers.update({"X-Forwarded-Email": f"{name}@example.com"} | SENT)
        opened.base_url = SENT["Origin"]
        yield opened


def save(pages: TestClient, path: str, **said: str) -> object:
    """Open a list, and send its form."""
    page = pages.get(path).text.partition('<details class="save"')[2]
    form = {name: unescape(value) for name, value in fields_of(page).items()}
    origin = {"Origin": str(pages.base_url).rstrip("/")}
    return pages.post("/views", data=form | said, headers=origin, follow_redirects=False)


def names(page: str) -> list[str]:
    """The tabs above the list."""
    found = re.search(r'<nav class="views".*?</nav>', page, re.DOTALL)
    return re.findall(r"<bdi>(.*?)</bdi>(?: <small>by <bdi>(.*?)</bdi>)?", found[0]) if found else []


def test_what_the_list_shows_is_saved_opened_and_marked(pages: TestClient) -> None:
    address = "/?q=a&band=unlikely&show=all&sort=stake&columns=why&columns=amount&page=2"
    answer = save(pages, address, name="Small <b>fry</b>")
    kept = "/?q=a&band=unlikely&show=all&sort=stake&columns=amount&columns=why"
    assert (answer.status_code, answer.headers["location"]) == (303, kept)
    opened = pages.get("/views/1")
    assert str(opened.url).endswith(kept)
    assert '<a href="/views/1" aria-current="page"><bdi>Small &lt;b&gt;fry&lt;/b&gt;</bdi>' in opened.text
    assert 'aria-current="page"><bdi>Small' in pages.get(f"{kept}&page=2").text
    assert 'aria-current="page"><bdi>Small' not in pages.get(f"{kept}&segment=x").text
    assert re.findall(r'<th[^>]*class="of-(\w+)"', opened.text) == ["place", "who", "amount", "why"]


def test_a_view_is_renamed_and_deleted_by_its_form(pages: TestClient, views: ViewStore) -> None:
    save(pages, "/?q=a", name="One")
    form = fields_of(pages.get("/views").text)
    origin = {"Origin": str(pages.base_url)}
    renamed = pages.post("/views/1", data=form | {"action": "save", "name": "Uno"}, headers=origin)
    assert str(renamed.url).endswith("/views")
    assert "<bdi>Uno</bdi>" in renamed.text
    pages.post("/views/1", data=form | {"action": "delete", "name": "Uno"}, headers=origin)
    assert "There is none yet." in pages.get("/views").text
    assert pages.get("/views/1").status_code == 404


@pytest.mark.parametrize("name", ["", "x" * 61, "Taken"])
def test_a_name_that_cannot_be_is_said_beside_the_field_as_it_was_filled(pages: TestClient, name: str) -> None:
    save(pages, "/?q=b", name="Taken")
    answer = save(pages, "/?q=a&sort=name", name=name)
    assert answer.status_code == 422
    assert f'name="name" value="{name}" maxlength="60" required autocomplete="off" aria-invalid="true"' in answer.text
    assert 'value="q=a&amp;sort=name"' in answer.text  # what the list shows is still what is going to be saved
    save(pages, "/?q=c", name="Other")
    renamed = pages.post(
        "/views/2",
        data=fields_of(pages.get("/views").text) | {"action": "save", "name": name},
        headers={"Origin": str(pages.base_url)},
    )
    assert renamed.status_code == 422
    assert f'id="name-2" name="name" value="{name}"' in renamed.text
    assert 'id="fault-2"' in renamed.text


@pytest.mark.parametrize("asked", ["nonsense", "foo=bar", "band=&nonsense=&foo=1"])
def test_what_a_view_could_not_keep_is_said_on_the_list(pages: TestClient, views: ViewStore, asked: str) -> None:
    answer = save(pages, "/", name="Odd", asked=f"{asked}&q=a")
    left_out = [name for name in ("nonsense", "foo") if name in asked]
    told = ", ".join(f"<code><bdi>{name}</bdi></code>" for name in left_out)
    assert f"left out of the address: {told}." in answer.text
    assert [view.asked for view in views.of("this machine")] == ["q=a"]
    assert names(answer.text) == [("Odd", "")]
    refused = save(pages, "/", name="", asked=asked)
    assert (refused.status_code, f"left out of the address: {told}." in refused.text) == (422, True)


def test_one_view_too_many_is_told_with_what_to_do(pages: TestClient, views: ViewStore) -> None:
    for number in range(MOST):
        views.add(View(person="this machine", who="this machine", name=f"View {number}", asked=""))
    answer = save(pages, "/?q=a", name="One more")
    assert answer.status_code == 422
    assert "You have 50 views already. Delete one first." in answer.text


@pytest.mark.parametrize("asked", ["band=certain", "sort=%00", "columns=secret", "q=" + "a" * 300])
def test_what_cannot_be_asked_cannot_be_saved(pages: TestClient, views: ViewStore, asked: str) -> None:
    assert save(pages, "/", name="Odd", asked=asked).status_code == 400
    assert views.of("this machine") == []


def test_a_view_that_a_later_version_no_longer_knows_is_said_and_can_be_deleted(
    pages: TestClient, views: ViewStore
) -> None:
    views.add(View(person="this machine", who="this machine", name="Old", asked="band=certain"))
    assert pages.get("/").status_code == 200
    assert pages.get("/views/1").status_code == 400
    assert "No longer understood" in pages.get("/views").text


@pytest.mark.parametrize("number", ["2", "0", str(2**63), "9" * 30])
def test_a_view_that_there_is_not_is_404(pages: TestClient, number: str) -> None:
    assert pages.get(f"/views/{number}").status_code == 404


def test_nobody_opens_changes_or_sees_the_private_view_of_another(
    site: Site, views: ViewStore, caplog: pytest.LogCaptureFixture
) -> None:
    with seen_by(site, views, "ana") as ana, seen_by(site, views, "bo") as bo:
        save(ana, "/?q=a", name="Mine")
        assert names(ana.get("/").text) == [("Mine", "")]
        assert names(bo.get("/").text) == []
        assert "Mine" not in bo.get("/views").text
        save(bo, "/?q=b", name="His")
        token = fields_of(bo.get("/views").text)
        asked = bo.get("/views/1")
        changed = [
            bo.post("/views/1", data=token | {"action": action, "name": "x"}).status_code
            for action in ("save", "delete")
        ]
        assert (asked.status_code, changed) == (404, [404, 404])
        assert asked.text == bo.get("/views/99").text
        assert caplog.text.count("'bo@example.com' asked for 'the saved view 1', which is not theirs to see") == 3
        assert [(view.id, view.name) for view in views.of("ana@example.com")] == [(1, "Mine")]


def test_a_shared_view_opens_for_those_who_see_what_it_filters_and_widens_nothing(
    site: Site, views: ViewStore, caplog: pytest.LogCaptureFixture
) -> None:
    with seen_by(site, views, "ana") as ana, seen_by(site, views, "bo") as bo, seen_by(site, views, "kay") as kay:
        save(ana, "/?show=all", name="Everyone", is_shared="on")
        save(ana, "/?owner=dana+lee&sort=name", name="Dana", is_shared="on")
        assert names(bo.get("/").text) == [("Everyone", "Ana Costa")]
        assert names(kay.get("/").text) == [("Dana", "Ana Costa"), ("Everyone", "Ana Costa")]
        of_bo = bo.get("/views/1").text
        assert "Dana Lee" not in of_bo
        assert of_bo.count("Björn Ek") > 5
        assert bo.get("/views/2").status_code == 404
        assert "asked for 'the saved view 2'" in caplog.text
        assert str(kay.get("/views/2").url).endswith("/?owner=Dana+Lee&sort=name")
        # what is shared is read by others, and changed by its person alone
        token = fields_of(bo.get("/").text)
        assert bo.post("/views/1", data=token | {"action": "delete"}).status_code == 404
        assert "Shared by <bdi>Ana Costa</bdi>" in bo.get("/views").text


def test_the_owner_of_another_cannot_be_saved_either(site: Site, views: ViewStore) -> None:
    with seen_by(site, views, "bo") as bo:
        assert save(bo, "/", name="Theirs", asked="owner=Dana+Lee").status_code == 404
        assert views.of("bo@example.com") == []


def test_a_form_of_another_page_saves_nothing(pages: TestClient, views: ViewStore) -> None:
    assert pages.post("/views", data={"name": "x"}, headers={"Origin": "https://other.example"}).status_code == 403
    assert save(pages, "/", name="x", form_token="forged").status_code == 403
    assert views.of("this machine") == []


def test_without_a_store_there_are_no_views(client: TestClient) -> None:
    assert client.get("/views").status_code == 404
    assert 'action="/views"' not in client.get("/").text
