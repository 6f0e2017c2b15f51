"""Model card and backtest: what the manifest says, the report as it was written, and what is not there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.web.pages.reports import read_report
from tests.serving.web.conftest import OwnersSight

PAGE = "<html><head><title>{title}</title><style>p {{ color: red }}</style></head><body><p>AUC 0.87</p></body></html>"
MODEL = {"model": {"name": "headroom", "version": "7"}}


@pytest.mark.parametrize(("path", "command"), [
    ("/model", "headroom train"), ("/backtest", "headroom backtest"), ("/experiment", "headroom experiment"),
])  # fmt: skip
def test_a_report_that_is_not_there_is_said(client: TestClient, path: str, command: str) -> None:
    page = client.get(path).text
    assert f"<code>{command}</code>" in page or f"`{command}` writes it" in page
    assert "run-1" in page


@pytest.mark.parametrize(("path", "name"), [
    ("/model", "model_card.html"), ("/backtest", "backtest.html"), ("/experiment", "experiment.html"),
])  # fmt: skip
def test_a_report_stands_on_the_page_without_its_own_style(
    client_of: Callable[..., TestClient], tmp_path: Path, path: str, name: str
) -> None:
    (tmp_path / name).write_text(PAGE.format(title="headroom, version 7"))
    page = client_of(reports=tmp_path).get(path).text
    assert "<p>AUC 0.87</p>" in page
    assert "color: red" not in page


@pytest.mark.parametrize(
    ("title", "of_another"),
    [
        ("headroom, version 7", ""),
        ("headroom, version 8", "headroom, version 8"),
        ("Backtest as of 2026-10-01", ""),
    ],
)
def test_a_report_of_another_model_is_said_to_be_one(tmp_path: Path, title: str, of_another: str) -> None:
    (tmp_path / "model_card.html").write_text(PAGE.format(title=title))
    assert read_report(tmp_path, "model_card.html", "train", MODEL).of_another == of_another


def test_a_file_that_is_no_report_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "model_card.html").write_bytes(b"\xff\x00<script>")
    report = read_report(tmp_path, "model_card.html", "train", MODEL)
    assert report.body is None
    assert "is no report" in report.why_not


def test_what_the_list_earned_is_not_for_csms(client_of: Callable[..., TestClient], tmp_path: Path) -> None:
    (tmp_path / "experiment.html").write_text(PAGE.format(title="The experiment autumn"))
    as_csm = client_of(reports=tmp_path, sight=lambda _: OwnersSight(frozenset({"Ana Costa"})))
    assert as_csm.get("/experiment").status_code == 404
    assert "/experiment" not in as_csm.get("/").text
    page = client_of(reports=tmp_path).get("/experiment").text
    assert "<p>AUC 0.87</p>" in page
    assert "the list has none" in page  # no experiment holds anyone out of the list of these tests
