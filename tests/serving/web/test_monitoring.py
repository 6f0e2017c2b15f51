"""The page of monitoring: alarms on top, what came of the lists, and of owners those that may be seen."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.monitoring.standing import give_answer
from serving.monitoring.store import write_monitoring
from tests.serving.monitoring.found import DAY, alarm, found
from tests.serving.web.conftest import OwnersSight


@pytest.fixture
def monitored(out: Path, tmp_path: Path) -> Path:
    """A copy of the lists, monitored."""
    folder = tmp_path / "monitored"
    shutil.copytree(out, folder)
    silent = alarm("feed_silent:tickets", title="A feed fell silent", value=29, threshold=14)
    no_bound = alarm("forecast_off:all accounts", title="The forecast was off", value=None, threshold=1.7)
    write_monitoring(folder, found(alarm(), silent, no_bound))
    give_answer(folder, [silent], silent.key, "<i>mended</i>", "Kim", DAY, DAY)  # after the run: it is shown at once
    return folder


def test_before_the_first_run_the_page_says_how_to_run_it(client: TestClient) -> None:
    page = client.get("/monitoring")
    assert page.status_code == 200
    assert "<code>headroom monitor</code>" in page.text


def test_the_page_says_what_was_found(client_of: Callable[..., TestClient], monitored: Path) -> None:
    page = client_of(out=monitored).get("/monitoring").text
    assert page.index("A unit changed") < page.index("What came of the lists")
    assert "&lt;i&gt;mended&lt;/i&gt;" in page
    assert "It is 29, where the threshold is 14." in page
    assert page.count("where the threshold is") == 2  # of three alarms; one has a value without a bound
    assert "pending until 30 Dec 2026: 25% of its days have come" in page
    assert "24 of 160" in page  # the hits of the 29th of June
    assert "its model had learnt from these days" in page
    assert page.count("<polyline") == 2
    assert "explained by the feed of" in page
    assert "silent for 29 days" in page
    assert "<b>mrr</b>" not in page


def test_only_the_owners_are_named_whose_accounts_may_be_seen(
    client_of: Callable[..., TestClient], monitored: Path
) -> None:
    seen = client_of(out=monitored, sight=lambda _: OwnersSight(frozenset({"Ana Costa"}))).get("/monitoring").text
    assert "Ana Costa" in seen
    assert "Björn Ek" not in seen
    assert "(no owner)" not in seen


def test_a_damaged_run_is_told_and_no_traceback(client_of: Callable[..., TestClient], monitored: Path) -> None:
    (monitored / "monitoring" / "alarms.json").write_text("{")
    answer = client_of(out=monitored).get("/monitoring")
    assert answer.status_code == 503
    assert "alarms.json" in answer.text
