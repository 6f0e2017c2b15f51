"""The picture in the README is taken of a page that is there."""

import struct
from inspect import signature
from pathlib import Path

import pytest

from flows import cli
from tests import picture
from tests.serving.world import publish, snapshot


def test_the_readme_shows_the_picture_that_is_made() -> None:
    assert f"]({picture.PICTURE.relative_to(picture.ROOT)})" in (picture.ROOT / "README.md").read_text(encoding="utf-8")
    assert "-m tests.picture" in (picture.ROOT / "Makefile").read_text(encoding="utf-8")
    assert picture.PICTURE.exists()
    about_pages = (picture.ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    assert all(f"]({path.name})" in about_pages for path in (picture.SERVED, picture.ACCOUNT))


def test_the_page_of_the_picture_is_that_of_the_demo(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no list\.html"):
        picture.source_page(tmp_path)
    folder = publish(tmp_path / "published", snapshot(30))
    assert picture.source_page(tmp_path) == folder / "list.html"
    defaults = {name: value.default for name, value in signature(cli.demo).parameters.items()}
    assert {name: defaults[name] for name in picture.DEMO} == picture.DEMO


@pytest.mark.browser
def test_the_picture_is_as_wide_as_the_page(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    if not picture.CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    publish(tmp_path / "published", snapshot(30))
    picture.shoot(picture.source_page(tmp_path).as_uri(), tmp_path / "list.png")
    picture.shoot_served(tmp_path, tmp_path / "serve.png", tmp_path / "account.png")
    for name in ("list.png", "serve.png", "account.png"):
        assert struct.unpack(">II", (tmp_path / name).read_bytes()[16:24]) == (picture.WIDTH, picture.HEIGHT)


def test_without_a_browser_the_picture_stays(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(picture, "CHROMIUM", Path("/nowhere/chromium"))
    pictures = (picture.PICTURE, picture.SERVED, picture.ACCOUNT)
    before = [path.read_bytes() for path in pictures]
    picture.main()
    assert (
        "docs/list.png and docs/serve.png and docs/account.png stay as they are: Chromium is not installed"
        in capsys.readouterr().err
    )
    assert [path.read_bytes() for path in pictures] == before
